"""The sandwich of the second price: what a raise costs is bounded by the two bids.

`z(b) = ∫ TV(q(x), q(b)) dx` from 0 to `b`, for a rule `q` of one agent's bid that is monotone in
the robust order. The sandwich: for `0 ≤ b' ≤ b`,

    b' TV(q(b'), q(b)) ≤ z(b) - z(b') ≤ b TV(q(b'), q(b)).

Proof. Write `I(s, y) = ∫ TV(q(x), q(y)) dx` from 0 to `s`, so that `z(b) = I(b, b)`. Total
variation adds along the rule (total_variation.py), so `TV(q(x), q(y))` falls as `x` rises to `y`:

    (u - s) TV(q(u), q(y)) ≤ I(u, y) - I(s, y) ≤ (u - s) TV(q(s), q(y))    for s ≤ u ≤ y.    (slab)

On `[0, b']` the function `d(s) = I(s, b) - I(s, b') - s TV(q(b'), q(b))` has increments of at most
`(u - s) TV(q(s), q(u))` by the slabs of `b` and `b'`, since `TV(q(x), q(b)) = TV(q(x), q(b')) +
TV(q(b'), q(b))`. So it is constant (small_increments.py):

    I(b', b) = z(b') + b' TV(q(b'), q(b)).

What is left, `z(b) - I(b', b)`, is between 0 and `(b - b') TV(q(b'), q(b))` by the slab.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    REAL,
    Theorem,
    axiom,
    by_z3,
    generalised,
    instance_of,
    integral,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics import total_variation as rule
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.payments.small_increments import b as end
from tokenauction.proofs.library.payments.small_increments import constant

distance = z3.Function("distance", REAL, REAL, REAL)
low, high, s, u, x, y, z = z3.Reals("low high s u x y z")
ZERO = z3.RealVal(0)

_chain = z3.And(0 <= x, x <= y, y <= z)
# The patterns tell Z3 which three bids to try; they do not change the formula.
ADDS = z3.ForAll(
    [x, y, z],
    z3.Implies(_chain, distance(x, z) == distance(x, y) + distance(y, z)),
    patterns=[
        z3.MultiPattern(distance(x, z), distance(y, z)),
        z3.MultiPattern(distance(x, y), distance(y, z)),
    ],
)
NOT_NEGATIVE = z3.ForAll([x, y], z3.Implies(z3.And(0 <= x, x <= y), distance(x, y) >= 0))
DISTANCES = z3.And(ADDS, NOT_NEGATIVE)
BIDS = z3.And(0 <= low, low <= high)


def area(until: Any, bid: Any) -> Any:
    """`I(until, bid)`, the integral of the distance to `bid` from 0 to `until`."""
    return integral(lambda at: distance(at, bid), ZERO, until)


def slab_lemma() -> Theorem:
    """The slab: the area between `s` and `u` is at least and at most that of a rectangle."""
    hypotheses = z3.And(DISTANCES, 0 <= s, s <= u, u <= y)
    bound = distance(ZERO, y)

    def to_y(at: Any) -> Any:
        return distance(at, y)

    steps = [axiom("integral-of-constant", to_y(at), s, u) for at in (s, u)]
    for one in (
        axiom("integral-splits", to_y, ZERO, s, u, bound),
        axiom("integral-order", lambda _: to_y(u), to_y, s, u, bound),
        axiom("integral-order", to_y, lambda _: to_y(s), s, u, bound),
    ):
        premise, conclusion = one.statement.children()
        applies = by_z3(z3.Implies(hypotheses, premise))
        steps.append(by_z3(z3.Implies(hypotheses, conclusion), applies, one))
    rise = area(u, y) - area(s, y)
    slab = z3.And(to_y(u) * (u - s) <= rise, rise <= to_y(s) * (u - s))
    return by_z3(z3.Implies(hypotheses, slab), *steps)


def drift(at: Any) -> Any:
    """`d(at)`: how far two areas differ by more than the constant between their integrands."""
    return area(at, high) - area(at, low) - at * distance(low, high)


def to_low(at: Any) -> Any:
    """Minus the distance to `b'`: it rises with the bid."""
    return -distance(at, low)


def drift_lemma() -> Theorem:
    """The increments of `d` on `[0, b']` are of second order: two slabs, and their difference."""
    hypotheses = z3.And(DISTANCES, BIDS, 0 <= s, s <= u, u <= low)
    # The areas and distances at s and u, of b and of b', and the distance between these.
    numbers = z3.Reals("high_u high_s low_u low_s to_high_u to_high_s to_low_u to_low_s apart")
    high_u, high_s, low_u, low_s, to_high_u, to_high_s, to_low_u, to_low_s, apart = numbers
    length, first, second = u - s, high_u - high_s, low_u - low_s
    slabs = z3.And(
        z3.And(to_high_u * length <= first, first <= to_high_s * length),
        z3.And(to_low_u * length <= second, second <= to_low_s * length),
        z3.And(to_high_u == to_low_u + apart, to_high_s == to_low_s + apart),
    )
    change = (high_u - low_u - u * apart) - (high_s - low_s - s * apart)
    fall = length * (-to_low_u + to_low_s)
    scalar = by_z3(z3.Implies(slabs, z3.And(change <= fall, -fall <= change)))
    areas = [area(at, bid) for bid in (high, low) for at in (u, s)]
    distances = [distance(at, bid) for bid in (high, low) for at in (u, s)]
    at_bids = specialised(generalised(scalar, *numbers), *areas, *distances, distance(low, high))
    # Of second_order, what it says of s and u.
    size = drift(u) - drift(s)
    bound = z3.If(size >= 0, size, -size) <= (u - s) * (to_low(u) - to_low(s))
    slab = slab_lemma()
    return by_z3(
        z3.Implies(hypotheses, bound),
        instance_of(slab, {y: high}),
        instance_of(slab, {y: low}),
        at_bids,
    )


def shift_lemma() -> Theorem:
    """`I(b', b) = z(b') + b' TV(q(b'), q(b))`: the function `d` is constant, and 0 at 0."""
    hypotheses = z3.And(DISTANCES, BIDS)
    unmoved = instance_of(constant(drift, to_low), {end: low})
    increments, _ = unmoved.statement.children()[0].children()
    empty = []
    for bid in (low, high):
        splits = axiom("integral-splits", lambda at: distance(at, bid), ZERO, ZERO, ZERO, ZERO)  # noqa: B023
        empty.append(modus_ponens(splits, by_z3(splits.statement.children()[0])))
    shifted = area(low, high) == area(low, low) + low * distance(low, high)
    return by_z3(
        z3.Implies(hypotheses, shifted),
        by_z3(z3.Implies(hypotheses, increments), generalised(drift_lemma(), s, u)),
        unmoved,
        *empty,
    )


def distance_sandwich() -> Theorem:
    """The sandwich, for any distance that adds."""
    raised = area(high, high) - area(low, low)
    apart = distance(low, high)
    slab = instance_of(slab_lemma(), {s: low, u: high, y: high})
    nearest = by_z3(z3.Implies(z3.And(DISTANCES, BIDS), distance(high, high) * (high - low) >= 0))
    return by_z3(
        z3.Implies(z3.And(DISTANCES, BIDS), z3.And(low * apart <= raised, raised <= high * apart)),
        shift_lemma(),
        slab,
        nearest,
    )


def price(bid: Any) -> Any:
    """`z(bid)`."""
    return integral(lambda at: rule.tv(at, bid), ZERO, bid)


@library_theorem(origin=OWN)
def second_price_sandwich() -> Conclusions:
    """For a rule monotone in the robust order and any number of tokens, the second price z(b) = ∫
    TV(q(x), q(b)) dx from 0 to b satisfies b' TV(q(b'), q(b)) ≤ z(b) - z(b') ≤ b TV(q(b'), q(b))
    for 0 ≤ b' ≤ b."""
    apart = rule.tv(low, high)
    raised = price(high) - price(low)
    of_rule = instance_of(distance_sandwich(), {distance: lambda one, other: rule.tv(one, other)})
    (adds, not_negative), _ = (
        part.children() for part in of_rule.statement.children()[0].children()
    )
    adds_up, exact = rule.total_variation_adds().values()
    bounds = z3.And(low * apart <= raised, raised <= high * apart)
    sandwich = by_z3(
        z3.Implies(z3.And(rule.RULE, BIDS), bounds),
        by_z3(z3.Implies(rule.RULE, adds), generalised(adds_up, x, y, z)),
        by_z3(z3.Implies(rule.RULE, not_negative), generalised(exact, x, y)),
        of_rule,
    )
    return {"the sandwich: b' TV ≤ z(b) - z(b') ≤ b TV": sandwich}
