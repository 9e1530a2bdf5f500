"""What monotone in the robust order says of each token by itself.

Fix an agent, the others' bids and everyone's distribution. Then `q(x, t)` is a function of the own
bid `x ≥ 0`. *Monotone*: for `x ≥ y ≥ 0` and every token, `q(x, t)` lies between `p(t)` and
`q(y, t)`.

At one token: if `q(y) < p` for some bid `y`, then no bid has `q > p`. For a higher one lies between
`q(y)` and `p`; and were `q(x) > p` at a lower one, `q(y)` would lie between that and `p`, so at
least at `p`. So all of `q` is on one side of `p`; there, lying between is rising on the lower
side, and falling on the upper one. Conversely, what rises and stays below `p` moves towards `p`.

*Corollary.* `q(x) = (1 - λ(x)) q_0 + λ(x) p` with `λ` non-decreasing in `[0, 1]` is monotone.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import REAL, Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics.notation import TOKEN, between
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem

q = z3.Function("q", REAL, TOKEN, REAL)
p, q0 = (z3.Function(name, TOKEN, REAL) for name in ("p", "q0"))
weight = z3.Function("weight", REAL, REAL)
t = z3.Const("t", TOKEN)
x, y = z3.Reals("x y")

# One token: its probability under p, and under the rule for a bid.
own = z3.Real("own")
of_bid = z3.Function("of_bid", REAL, REAL)


def for_higher_bids(says: Callable[[Any, Any], Any]) -> Any:
    """What a function says of every two bids `x ≥ y ≥ 0`."""
    return z3.ForAll([x, y], z3.Implies(z3.And(0 <= y, y <= x), says(x, y)))


def rises_below(of_bid: Any, own: Any) -> Any:
    """Non-decreasing in the bid, and never above `p`."""
    return for_higher_bids(lambda x, y: z3.And(of_bid(y) <= of_bid(x), of_bid(x) <= own))


def falls_above(of_bid: Any, own: Any) -> Any:
    """Non-increasing in the bid, and never below `p`."""
    return for_higher_bids(lambda x, y: z3.And(of_bid(y) >= of_bid(x), of_bid(x) >= own))


def moves_towards(of_bid: Any, own: Any) -> Any:
    """Between `p` and what a lower bid brings."""
    return for_higher_bids(lambda x, y: between(own, of_bid(x), of_bid(y)))


def monotone(q: Any) -> Any:
    """The rule is monotone in the robust order."""
    return for_higher_bids(lambda x, y: z3.ForAll([t], between(p(t), q(x, t), q(y, t))))


def token_lemma() -> Theorem:
    """The equivalence at one token."""
    form = z3.Or(rises_below(of_bid, own), falls_above(of_bid, own))
    return by_z3(moves_towards(of_bid, own) == form)


@library_theorem(origin=PAPER)
def coordinate_form() -> Conclusions:
    """A rule is monotone in the robust order if and only if for every token either q(t) is
    non-decreasing in the own bid and never above p(t), or non-increasing and never below."""
    at_token = {of_bid: lambda x: q(x, t), own: p(t)}
    every_token = generalised(instance_of(token_lemma(), at_token), t)
    form = z3.Or(rises_below(lambda x: q(x, t), p(t)), falls_above(lambda x: q(x, t), p(t)))
    return {
        "monotone ⇔ every token rises to p(t) or falls to it": by_z3(
            monotone(q) == z3.ForAll([t], form), every_token
        )
    }


WEIGHT_RISES = for_higher_bids(
    lambda x, y: z3.And(0 <= weight(y), weight(y) <= weight(x), weight(x) <= 1)
)
start, low, high = z3.Reals("start low high")


def point(start: Any, weight: Any, own: Any) -> Any:
    """`(1 - λ) q_0 + λ p`."""
    return (1 - weight) * start + weight * own


def segment_lemma() -> Theorem:
    """The point on a segment moves towards `p` as its weight rises."""
    weights = z3.And(0 <= low, low <= high, high <= 1)
    nearer = between(own, point(start, high, own), point(start, low, own))
    return by_z3(z3.Implies(weights, nearer))


@library_theorem(origin=PAPER)
def segments_are_monotone() -> Conclusions:
    """A rule that moves along a segment, q(x) = (1 - λ(x)) q_0 + λ(x) p with a weight λ(x) in
    [0, 1] that is non-decreasing in the own bid x, is monotone in the robust order."""
    at_token = {own: p(t), start: q0(t), low: weight(y), high: weight(x)}
    every_token = generalised(instance_of(segment_lemma(), at_token), x, y, t)
    along = monotone(lambda x, t: point(q0(t), weight(x), p(t)))
    return {"monotone": by_z3(z3.Implies(WEIGHT_RISES, along), every_token)}
