"""The sandwich characterises the second price, pointwise and without an integral.

A rule `q` of one agent's bid is monotone in the robust order. A payment function `z` has the
property *critical bid* where `0 ≤ z(b) ≤ b` for every bid, and for `0 ≤ b' ≤ b`

    b' TV(q(b'), q(b)) ≤ z(b) - z(b') ≤ b TV(q(b'), q(b)).

It is decided at pairs of bids. Only one function has it: `z*(b) = ∫ TV(q(x), q(b)) dx`.

Proof. Fix `b`. On `[0, b]` put `f(s) = I(s) - s TV(q(s), q(b))` with `I(s) = ∫ TV(q(x), q(b)) dx`
from 0 to `s`. Let `s ≤ u ≤ b` and `k = TV(q(s), q(u)) = TV(q(s), q(b)) - TV(q(u), q(b))`. The slab
(second_price_sandwich.py) gives `s k ≤ f(u) - f(s) ≤ u k`, the same bounds as for `z`. So the
increments of `z - f` are at most `(u - s) k`, of second order, and `z - f` is constant
(small_increments.py). At 0 both are 0, and `f(b) = I(b) = z*(b)`.

Where all others bid zero, bid 0 need not be in the domain, and the rule is often constant at
positive bids. There the sandwich makes `z` constant, and `z(b) ≤ b` at every `b > 0` makes it zero.
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
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics import total_variation as rule
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.payments.second_price_sandwich import (
    DISTANCES,
    area,
    distance,
    price,
    second_price_sandwich,
    slab_lemma,
)
from tokenauction.proofs.library.payments.small_increments import b as end
from tokenauction.proofs.library.payments.small_increments import constant

pay = z3.Function("pay", REAL, REAL)
Q = z3.Function("Q", REAL, z3.IntSort(), REAL)
b, low, high, s, u, x, y = z3.Reals("b low high s u x y")
ZERO, ONE = z3.RealVal(0), z3.RealVal(1)


def within(apart: Any, payment: Any, one: Any, other: Any) -> Any:
    """The sandwich at two bids."""
    rise, between = payment(other) - payment(one), apart(one, other)
    return z3.And(one * between <= rise, rise <= other * between)


def critical_bid_payment(apart: Any, payment: Any) -> Any:
    """The property: `0 ≤ z(b) ≤ b`, and the sandwich at every two bids."""
    fair = z3.Implies(x >= 0, z3.And(0 <= payment(x), payment(x) <= x))
    ordered = z3.And(0 <= x, x <= y)
    sandwich = z3.ForAll([x, y], z3.Implies(ordered, within(apart, payment, x, y)))
    return z3.And(z3.ForAll([x], fair), sandwich)


HYPOTHESES = z3.And(DISTANCES, critical_bid_payment(distance, pay), b >= 0)


def surplus(at: Any) -> Any:
    """`z - f`."""
    return pay(at) - area(at, b) + at * distance(at, b)


def to_b(at: Any) -> Any:
    """Minus the distance to `b`: it rises with the bid."""
    return -distance(at, b)


def increment_lemma() -> Theorem:
    """The increments of `z - f` on `[0, b]` are of second order."""
    # The payments and areas at s and u, and the distances between s, u and b.
    numbers = z3.Reals("pay_u pay_s area_u area_s from_u from_s apart")
    pay_u, pay_s, area_u, area_s, from_u, from_s, apart = numbers
    rise, slab = pay_u - pay_s, area_u - area_s
    bounds = z3.And(
        z3.And(s * apart <= rise, rise <= u * apart),
        z3.And(from_u * (u - s) <= slab, slab <= from_s * (u - s)),
        from_s == apart + from_u,
    )
    change = (pay_u - area_u + u * from_u) - (pay_s - area_s + s * from_s)
    fall = (u - s) * (-from_u + from_s)
    scalar = by_z3(z3.Implies(bounds, z3.And(change <= fall, -fall <= change)))
    terms = (pay(u), pay(s), area(u, b), area(s, b), distance(u, b), distance(s, b), distance(s, u))
    inside = z3.And(HYPOTHESES, 0 <= s, s <= u, u <= b)
    size = surplus(u) - surplus(s)
    bound = z3.If(size >= 0, size, -size) <= (u - s) * (to_b(u) - to_b(s))
    sandwich = by_z3(z3.Implies(inside, within(distance, pay, s, u)))
    adds = by_z3(z3.Implies(inside, distance(s, b) == distance(s, u) + distance(u, b)))
    return by_z3(
        z3.Implies(inside, bound),
        sandwich,
        adds,
        instance_of(slab_lemma(), {rule.y: b}),
        specialised(generalised(scalar, *numbers), *terms),
    )


def unique_lemma() -> Theorem:
    """`z(b) = z*(b)`, for any distance that adds."""
    unmoved = instance_of(constant(surplus, to_b), {end: b})
    increments, _ = unmoved.statement.children()[0].children()
    splits = axiom("integral-splits", lambda at: distance(at, b), ZERO, ZERO, ZERO, ZERO)
    nearest = by_z3(z3.Implies(HYPOTHESES, distance(b, b) == 0))
    return by_z3(
        z3.Implies(HYPOTHESES, pay(b) == area(b, b)),
        by_z3(z3.Implies(HYPOTHESES, increments), generalised(increment_lemma(), s, u)),
        unmoved,
        modus_ponens(splits, by_z3(splits.statement.children()[0])),
        nearest,
        by_z3(z3.Implies(HYPOTHESES, pay(0) == 0)),
    )


def characterisation() -> Theorem:
    """`z(b) = z*(b)`, for a rule that is monotone in the robust order."""
    of_rule = instance_of(unique_lemma(), {distance: lambda one, other: rule.tv(one, other)})
    distances, payment, _ = of_rule.statement.children()[0].children()
    adds, not_negative = distances.children()
    adds_up, exact = rule.total_variation_adds().values()
    return by_z3(
        z3.Implies(z3.And(rule.RULE, payment, b >= 0), pay(b) == price(b)),
        by_z3(z3.Implies(rule.RULE, adds), generalised(adds_up, rule.x, rule.y, rule.z)),
        by_z3(z3.Implies(rule.RULE, not_negative), generalised(exact, rule.x, rule.y)),
        of_rule,
    )


_next = z3.Implies(rule.t >= 0, Q(x, rule.t + 1) == Q(x, rule.t) + rule.q(x, rule.t))
_token = z3.Implies(z3.And(x >= 0, 0 <= rule.t, rule.t < rule.n), rule.q(x, rule.t) >= 0)
PROBABILITIES = z3.And(
    z3.ForAll([x], Q(x, 0) == 0),
    z3.ForAll([x, rule.t], _next),
    z3.ForAll([x, rule.t], _token),
    z3.ForAll([x], z3.Implies(x >= 0, Q(x, rule.n) == 1)),
)


def fair_lemma() -> Theorem:
    """`0 ≤ z*(b) ≤ b`: the sandwich at bids 0 and `b`, where total variation is at most 1."""
    at_bids = {
        rule.u: lambda t: rule.q(ZERO, t),
        rule.v: lambda t: rule.q(b, t),
        rule.U: lambda k: Q(ZERO, k),
        rule.V: lambda k: Q(b, k),
        rule.W: lambda k: rule.D(ZERO, b, k),
    }
    (sandwich,) = second_price_sandwich().values()
    splits = axiom("integral-splits", lambda at: rule.tv(at, ZERO), ZERO, ZERO, ZERO, ZERO)
    known = z3.And(rule.RULE, PROBABILITIES, b >= 0)
    apart, most = rule.tv(ZERO, b), instance_of(rule.total_variation()["TV ≤ 1"], at_bids)
    at_ends = instance_of(sandwich, {low: ZERO, high: b})
    bounds = at_ends.statement.children()[1]
    # The payments at the two bids, and the distance between the outcomes.
    numbers = z3.Reals("at_zero at_b gap")
    at_zero, at_b, gap = numbers
    rise = at_b - at_zero
    paid = z3.And(ZERO * gap <= rise, rise <= b * gap, at_zero == 0, gap <= 1, b >= 0)
    scalar = by_z3(z3.Implies(paid, z3.And(0 <= at_b, at_b <= b)))
    return by_z3(
        z3.Implies(known, z3.And(0 <= price(b), price(b) <= b)),
        by_z3(z3.Implies(known, apart <= 1), most),
        by_z3(z3.Implies(z3.And(rule.RULE, b >= 0), bounds), at_ends),
        modus_ponens(splits, by_z3(splits.statement.children()[0])),
        specialised(generalised(scalar, *numbers), price(ZERO), price(b), apart),
    )


# The rule is constant at positive bids, and bid 0 is not in the domain.
_both = z3.And(0 < x, 0 < y, 0 <= rule.t, rule.t < rule.n)
CONSTANT = z3.ForAll([x, y, rule.t], z3.Implies(_both, rule.q(x, rule.t) == rule.q(y, rule.t)))
_rising = z3.Implies(z3.And(0 < x, x <= y), within(rule.tv, pay, x, y))
_fair = z3.Implies(x > 0, z3.And(0 <= pay(x), pay(x) <= x))
POSITIVE_BIDS = z3.And(rule.n >= 0, rule.VARIATIONS, CONSTANT, b > 0)


def free_lemma() -> Theorem:
    """At positive bids of a constant rule, `z = 0`: half of a payment would be a bid below it."""
    (_, exact) = rule.total_variation_adds().values()
    half = z3.If(pay(b) > 0, pay(b) / 2, b)
    hypotheses = z3.And(POSITIVE_BIDS, z3.ForAll([x, y], _rising), z3.ForAll([x], _fair))
    nothing = instance_of(exact, {rule.x: half, rule.y: b})
    return by_z3(
        z3.Implies(hypotheses, pay(b) == 0),
        by_z3(z3.Implies(z3.And(hypotheses, 0 < half), rule.tv(half, b) == 0), nothing),
        by_z3(z3.Implies(z3.And(hypotheses, 0 < half, half <= b), within(rule.tv, pay, half, b))),
        by_z3(z3.Implies(hypotheses, z3.And(pay(half) <= half, pay(b) <= b, half > 0))),
    )


def nothing_lemma() -> Theorem:
    """`z*(b) = 0` for a constant rule."""
    (_, exact) = rule.total_variation_adds().values()
    steps = [axiom("integral-of-constant", ZERO, ZERO, b)]
    nothing = by_z3(
        z3.Implies(z3.And(POSITIVE_BIDS, x > 0), rule.tv(x, b) == 0),
        instance_of(exact, {rule.y: b}),
    )

    def to_b(at: Any) -> Any:
        return rule.tv(at, b)

    for small, large in ((to_b, lambda _: ZERO), (lambda _: ZERO, to_b)):
        order = axiom("integral-order", small, large, ZERO, b, ZERO)
        premise, ordered = order.statement.children()
        applies = by_z3(z3.Implies(POSITIVE_BIDS, premise), generalised(nothing, x))
        steps.append(by_z3(z3.Implies(POSITIVE_BIDS, ordered), applies, order))
    return by_z3(z3.Implies(POSITIVE_BIDS, price(b) == 0), *steps)


@library_theorem(origin=OWN)
def the_sandwich_is_second_price() -> Conclusions:
    """For a rule monotone in the robust order, any number of tokens: a payment function z with 0
    ≤ z(b) ≤ b and b' TV(q(b'), q(b)) ≤ z(b) - z(b') ≤ b TV(q(b'), q(b)) for 0 ≤ b' ≤ b is the
    second price, z(b) = ∫ TV(q(x), q(b)) dx from 0 to b; and the second price has that property
    where the rule returns distributions. For a rule that is constant at positive bids, these
    inequalities at positive bids alone leave z = 0, which is its second price."""
    return {
        "z(b) = ∫ TV(q(x), q(b)) dx": characterisation(),
        "the second price is in the sandwich": second_price_sandwich()[
            "the sandwich: b' TV ≤ z(b) - z(b') ≤ b TV"
        ],
        "the second price is between 0 and b": fair_lemma(),
        "without bid 0, for a rule constant at positive bids, z = 0": free_lemma(),
        "and so is its second price": nothing_lemma(),
    }
