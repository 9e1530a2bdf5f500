"""The second price of a stable sampling: its expectation is an integral of total variations.

A sampling draws the token `σ(x, ω)` where the agent bids `x` and the outcome is `ω`. It is *stable*
where no token comes back as the bid rises, whatever the outcome, and

    Pr[σ(x) ≠ σ(b)] = TV(q(x), q(b))    for 0 ≤ x ≤ b.

`c(ω)` is the critical bid at `b` (critical_bid.py): the infimum of the bids that draw the token of
`b`, which is the number in `[0, b]` above which the token is that of `b` and below which it is not.

Proof. For `0 ≤ x ≤ b`: where `c > x`, `σ(x) ≠ σ(b)`; and where `σ(x) ≠ σ(b)`, `c ≥ x`. So

    Pr[c > x] ≤ TV(q(x), q(b)) ≤ Pr[c ≥ x].

The integrals of the outer two from 0 to `b` are both `E[c]` (layer cake). Nothing else of the
sampling was used, so all stable samplings have the same price; and nothing of total variation but
that it is this probability, so `tv(x, b)` below may be any function.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    OUTCOME,
    REAL,
    Theorem,
    axiom,
    by_z3,
    expectation,
    generalised,
    instance_of,
    integral,
    modus_ponens,
    probability,
)
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.payments import critical_bid as fixed

sampled, other = (z3.Function(name, REAL, OUTCOME, INT) for name in ("sampled", "other"))
critical, other_critical = (
    z3.Function(f"{name}critical", OUTCOME, REAL) for name in ("", "other_")
)
tv = z3.Function("tv", REAL, REAL, REAL)
event, wider = (z3.Function(name, OUTCOME, z3.BoolSort()) for name in ("event", "wider"))
b, x = z3.Reals("b x")
w = z3.Const("w", OUTCOME)
ZERO, ONE = z3.RealVal(0), z3.RealVal(1)


def changed(sampling: Any) -> Any:
    """The probability that the bid `x` draws another token than `b`."""
    return probability(lambda v: sampling(x, v) != sampling(b, v))


def stable(sampling: Any) -> Any:
    """The token drawn changes from `x` to `b` with probability `tv(x, b)`."""
    return z3.ForAll([x], z3.Implies(z3.And(0 <= x, x <= b), changed(sampling) == tv(x, b)))


def critical_everywhere(value: Any, sampling: Any) -> Any:
    """`value` is the critical bid at `b`, whatever the outcome."""
    return z3.ForAll([w], fixed.separates(value(w), lambda at: sampling(at, w), b))


CRITICAL = critical_everywhere(critical, sampled)
HYPOTHESES = z3.And(b >= 0, stable(sampled), CRITICAL)
INSIDE = z3.And(HYPOTHESES, 0 <= x, x <= b)
AREA = integral(lambda at: tv(at, b), ZERO, b)
PRICE = expectation(critical)


def above(at: Any, v: Any) -> Any:
    """The critical bid is above a bid."""
    return critical(v) > at


def at_least(at: Any, v: Any) -> Any:
    """The critical bid is at least a bid."""
    return critical(v) >= at


def another(at: Any, v: Any) -> Any:
    """A bid draws another token than `b`."""
    return sampled(at, v) != sampled(b, v)


def chance(says: Any) -> Any:
    """The probability of what is said of a bid and an outcome, as a function of the bid."""
    return lambda at: probability(lambda v: says(at, v))


def probability_lemma() -> Theorem:
    """Every probability is in [0, 1]; that of the impossible event is twice itself."""
    return by_z3(
        z3.And(0 <= probability(event), probability(event) <= 1),
        axiom("probability-of-all"),
        axiom("probability-order", event, lambda _: True),
        axiom("probability-order", lambda _: False, event),
        axiom("probability-adds", lambda _: False, lambda _: False),
    )


def infimum_lemma() -> Theorem:
    """Whatever the outcome, the infimum of the bids that draw the token of `b` separates."""
    at_outcome = {fixed.token: lambda at: sampled(at, w), fixed.b: b, fixed.c: critical(w)}
    separates = fixed.critical_bid()["it separates the token of b from others"]
    return generalised(instance_of(separates, at_outcome), w)


def contained_lemma(small: Any, large: Any) -> Theorem:
    """At bids in `[0, b]`, the probability of an event that implies another is at most its."""
    order = axiom("probability-order", lambda v: small(x, v), lambda v: large(x, v))
    contained, at_most = order.statement.children()
    implied = by_z3(z3.Implies(z3.And(CRITICAL, 0 <= x, x <= b), contained))
    return by_z3(z3.Implies(z3.And(CRITICAL, 0 <= x, x <= b), at_most), implied, order)


def bounded_lemma(says: Any) -> Theorem:
    """At every bid between 0 and `b`, the probability of an event is in [-1, 1]."""
    number = chance(says)(x)
    at_bid = instance_of(probability_lemma(), {event: lambda v: says(x, v)})
    inside = z3.And(ZERO < x, x < b)
    return generalised(by_z3(z3.Implies(inside, z3.And(-ONE <= number, number <= ONE)), at_bid), x)


def squeeze_lemma() -> Theorem:
    """`Pr[c > x] ≤ tv(x, b) ≤ Pr[c ≥ x]` for every bid `x` in `[0, b]`, and `0 ≤ tv(x, b) ≤ 1`."""
    ordered = z3.And(chance(above)(x) <= tv(x, b), tv(x, b) <= chance(at_least)(x))
    at_bid = by_z3(
        z3.Implies(INSIDE, z3.And(ordered, 0 <= tv(x, b), tv(x, b) <= 1)),
        contained_lemma(above, another),
        contained_lemma(another, at_least),
        instance_of(probability_lemma(), {event: lambda v: another(x, v)}),
    )
    return generalised(at_bid, x)


def order_lemma(says: Any, small: Any, large: Any) -> Theorem:
    """`∫ small ≤ ∫ large` from 0 to `b`, where one is `tv` and one the probability of `says`."""
    order = axiom("integral-order", small, large, ZERO, b, ONE)
    premise, ordered = order.statement.children()
    _, below, *bounded = premise.children()
    known, wanted = bounded if says is above else reversed(bounded)
    squeezed = (by_z3(z3.Implies(HYPOTHESES, part), squeeze_lemma()) for part in (below, wanted))
    rest = z3.Implies(known, z3.Implies(HYPOTHESES, ordered))
    return modus_ponens(by_z3(rest, *squeezed, order), bounded_lemma(says))


def layers_lemma() -> Theorem:
    """`E[c] = ∫ Pr[c > x] dx = ∫ Pr[c ≥ x] dx`, since `0 ≤ c ≤ b`."""
    layers = axiom("layer-cake", critical, b)
    premise, equal = layers.statement.children()
    applies = by_z3(z3.Implies(HYPOTHESES, premise))
    return by_z3(z3.Implies(HYPOTHESES, equal), applies, layers)


def price_lemma() -> Theorem:
    """`E[c] = ∫ tv(x, b) dx`."""
    return by_z3(
        z3.Implies(HYPOTHESES, PRICE == AREA),
        order_lemma(above, chance(above), lambda at: tv(at, b)),
        order_lemma(at_least, lambda at: tv(at, b), chance(at_least)),
        layers_lemma(),
    )


def bounds_lemma() -> Theorem:
    """`0 ≤ ∫ tv(x, b) dx ≤ b`, since a probability is between 0 and 1."""
    steps = []
    for value, small, large in (
        (ZERO, lambda _: ZERO, lambda at: tv(at, b)),
        (ONE, lambda at: tv(at, b), lambda _: ONE),
    ):
        order = axiom("integral-order", small, large, ZERO, b, ONE)
        premise, ordered = order.statement.children()
        applies = by_z3(z3.Implies(HYPOTHESES, premise), squeeze_lemma())
        constant = axiom("integral-of-constant", value, ZERO, b)
        steps += [by_z3(z3.Implies(HYPOTHESES, ordered), applies, order), constant]
    return by_z3(z3.Implies(HYPOTHESES, z3.And(0 <= AREA, AREA <= b)), *steps)


@library_theorem(origin=PAPER, reference=f"{ARXIV} (second price); critical bids: Myerson (1981)")
def second_price() -> Conclusions:
    """Assume a stable sampling: Pr[σ(x) ≠ σ(b)] = TV(q(x), q(b)) for 0 ≤ x ≤ b, and a critical bid
    c in every outcome, as there is where no token comes back. Then E[c] = ∫ TV(q(x), q(b)) dx from
    0 to b, whichever stable sampling is used; it is between 0 and b, and 0 at bid 0."""
    price = price_lemma()
    of_other = instance_of(
        price, {sampled: lambda at, v: other(at, v), critical: lambda v: other_critical(v)}
    )
    another_sampling = z3.And(stable(other), critical_everywhere(other_critical, other))
    return {
        "the infimum is the critical bid, whatever the outcome": infimum_lemma(),
        "E[c] = ∫ TV(q(x), q(b)) dx": price,
        "all stable samplings have the same price": by_z3(
            z3.Implies(z3.And(HYPOTHESES, another_sampling), PRICE == expectation(other_critical)),
            price,
            of_other,
        ),
        "0 ≤ E[c] ≤ b": by_z3(
            z3.Implies(HYPOTHESES, z3.And(0 <= PRICE, PRICE <= b)), price, bounds_lemma()
        ),
        "E[c] = 0 at bid 0": by_z3(
            z3.Implies(z3.And(HYPOTHESES, b == 0), PRICE == 0), price, bounds_lemma()
        ),
    }
