"""The price of the exponential race is an integral of collision probabilities.

The race is a sampling in which no token comes back (race_winners_form_intervals.py), so it has a
critical bid `c`. Its law is a hypothesis: bids `x` and `b` draw the same token with the probability
`J(q(x), q(b))` of exponential_race.py, which the first of independent exponential clocks has; the
kernel has no exponential clocks. Then, by the proof of second_price.py,

    E[c] = ∫ (1 - J(q(x), q(b))) dx    from 0 to b,

and since `1 - J ≥ TV` this is at least the price `∫ TV(q(x), q(b)) dx` of a stable sampling.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    REAL,
    Theorem,
    axiom,
    by_z3,
    generalised,
    instance_of,
    integral,
    probability,
)
from tokenauction.proofs.library.basics.total_variation import U, V, W, gap, total_variation, u, v
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.payments import second_price as stable
from tokenauction.proofs.library.payments.second_price import second_price, tv
from tokenauction.proofs.library.stability.race_collision import (
    MOST,
    J,
    larger,
    n,
    race_collision,
    s,
    t,
)

# A rule of one agent's bid: for every bid x, the sums above of u = q(x) and v = q(b).
q, SUM, VARIED, MET = (z3.Function(name, REAL, INT, REAL) for name in ("q", "SUM", "VARIED", "MET"))
RATIO_SUM = z3.Function("RATIO_SUM", REAL, INT, INT, REAL)
x, b = z3.Reals("x b")
ZERO, ONE = z3.RealVal(0), z3.RealVal(1)


def _sums(of: Any, term: Any) -> Any:
    step = z3.Implies(t >= 0, of(x, t + 1) == of(x, t) + term)
    return z3.And(z3.ForAll([x], of(x, 0) == 0), z3.ForAll([x, t], step))


_ratio = larger(q(x, s) / q(x, t), q(b, s) / q(b, t))
_next = z3.Implies(s >= 0, RATIO_SUM(x, t, s + 1) == RATIO_SUM(x, t, s) + _ratio)
_at_bid = z3.And(x >= 0, 0 <= t, t < n)
RULE = z3.And(
    n >= 0,
    _sums(SUM, q(x, t)),
    z3.ForAll([x, t], z3.Implies(_at_bid, q(x, t) > 0)),
    z3.ForAll([x], z3.Implies(x >= 0, SUM(x, n) == 1)),
    z3.ForAll([x, t], RATIO_SUM(x, t, 0) == 0),
    z3.ForAll([x, s, t], _next),
    _sums(MET, 1 / RATIO_SUM(x, t, n)),
    _sums(VARIED, gap(q(x, t), q(b, t))),
)


def changes(at: Any) -> Any:
    """`1 - J(q(at), q(b))`."""
    return 1 - MET(at, n)


def _other_winner(at: Any) -> Any:
    return probability(lambda v: stable.sampled(at, v) != stable.sampled(b, v))


# The law of the race: another token wins at x than at b with probability 1 - J(q(x), q(b)).
LAW = z3.ForAll([x], z3.Implies(z3.And(0 <= x, x <= b), _other_winner(x) == changes(x)))


def varies(at: Any) -> Any:
    """`TV(q(at), q(b))`."""
    return VARIED(at, n) / 2


def at_bid_lemma() -> Theorem:
    """`0 ≤ TV(q(x), q(b)) ≤ 1 - J(q(x), q(b))` at every bid."""
    two_bids = {u: lambda t: q(x, t), v: lambda t: q(b, t), W: lambda k: VARIED(x, k)}
    two_bids |= {U: lambda k: SUM(x, k), V: lambda k: SUM(b, k)}
    two_bids |= {MOST: lambda t, k: RATIO_SUM(x, t, k), J: lambda k: MET(x, k)}
    collision = instance_of(race_collision()["J(u, v) ≤ 1 - TV(u, v)"], two_bids)
    not_negative = instance_of(
        total_variation()["TV ≥ 0, and TV = 0 exactly if u = v"],
        {u: two_bids[u], v: two_bids[v], W: two_bids[W]},
    )
    inside = z3.And(RULE, x >= 0, b >= 0)
    return by_z3(
        z3.Implies(inside, z3.And(0 <= varies(x), varies(x) <= changes(x))),
        by_z3(z3.Implies(inside, collision.statement.children()[0])),
        collision,
        not_negative,
    )


def dearer_lemma(price: Theorem) -> Theorem:
    """`∫ TV ≤ ∫ (1 - J)`: the first is at most the second at every bid, and both at most 1."""
    order = axiom("integral-order", varies, changes, ZERO, b, ONE)
    premise, ordered = order.statement.children()
    chance = instance_of(
        stable.probability_lemma(),
        {stable.event: lambda v: stable.sampled(x, v) != stable.sampled(b, v)},
    )
    known = z3.And(RULE, b >= 0, LAW)
    bounds = z3.And(0 <= varies(x), varies(x) <= changes(x), changes(x) <= 1)
    inside = z3.And(known, 0 <= x, x <= b)
    at_bid = by_z3(z3.Implies(inside, bounds), at_bid_lemma(), chance)
    applies = by_z3(z3.Implies(known, premise), generalised(at_bid, x))
    return by_z3(
        z3.Implies(z3.And(known, stable.CRITICAL), integral(varies, ZERO, b) <= stable.PRICE),
        by_z3(z3.Implies(known, ordered), applies, order),
        price,
    )


@library_theorem(
    origin=OWN,
    reference="scores perturbed once, for a second price: arXiv 2406.09459; "
    "Gumbel couplings: arXiv 2408.07978",
)
def race_price() -> Conclusions:
    """Assume that the winners of the race at bids x and b are the same with probability J(q(x),
    q(b)), and a critical bid c in every outcome (race-winners-form-intervals). Then its expectation
    is E[c] = ∫ (1 - J(q(x), q(b))) dx from 0 to b, for any number of tokens; that is at most b, and
    for positive distributions at least the price ∫ TV(q(x), q(b)) dx of a stable sampling."""
    prices = second_price()
    of_race = {tv: lambda at, _: changes(at)}
    price = instance_of(prices["E[c] = ∫ TV(q(x), q(b)) dx"], of_race)
    return {
        "E[c] = ∫ (1 - J(q(x), q(b))) dx": price,
        "0 ≤ E[c] ≤ b": instance_of(prices["0 ≤ E[c] ≤ b"], of_race),
        "E[c] ≥ ∫ TV(q(x), q(b)) dx": dearer_lemma(price),
    }
