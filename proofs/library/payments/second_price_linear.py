"""The second price of the linear rule in closed form.

Agent `i` bids `b` and prefers `p`; the others' bids have the sum `S > 0` and the mean `m`. With
`V = TV(p, m)`, `TV(q(x), q(b)) = V (b / (b + S) - x / (x + S))` (linear_total_variation.py).
In `x` it has the antiderivative `V (x b / (b + S) - x + S ln(x + S))`, so

    z(b) = ∫ TV(q(x), q(b)) dx = V (S ln((b + S) / S) - b S / (b + S))    from 0 to b.

Since `1 - 1/y ≤ ln y ≤ y - 1` at `y = (b + S) / S`, `0 ≤ z(b) ≤ V b² / (b + S) ≤ b`.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    axiom,
    by_identity,
    by_z3,
    generalised,
    instance_of,
    integral,
    ln,
    specialised,
)
from tokenauction.proofs.library.basics.logarithm import ln_below_its_tangent, ln_rises
from tokenauction.proofs.library.basics.logarithm import x as argument
from tokenauction.proofs.library.basics.logarithm import y as other_argument
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.linear.linear_total_variation import (
    DISTRIBUTIONS,
    HYPOTHESES,
    TO_MEAN,
    S,
    V,
    b,
    falls,
    half,
    linear_total_variation,
    not_negative,
    weight,
    x,
)

ZERO = z3.RealVal(0)
PRICE = integral(half, ZERO, b)
MOST = TO_MEAN * (b * b / (b + S))
CLOSED_FORM = TO_MEAN * (S * ln((b + S) / S) - b * S / (b + S))


def slope(at: Any) -> Any:
    """The same, as the derivative of its antiderivative."""
    return (weight(b) - 1 + 1 / (at + S) * S) * V


def area_lemma() -> Theorem:
    """`∫ V (b/(b+S) - x/(x+S)) dx = V (S ln((b+S)/S) - b S/(b+S))`, by the antiderivative."""
    anti = axiom("antiderivative", lambda at: V * (at * weight(b) - at + S * ln(at + S)), ZERO, b)
    smooth, area = anti.statement.children()
    slope_area, ends = area.children()
    positive = z3.And(S > 0, b >= 0, V >= 0)
    steps = [by_z3(z3.Implies(positive, area), by_z3(z3.Implies(positive, smooth)), anti)]
    for small, large in ((falls, slope), (slope, falls)):
        order = axiom("integral-order", small, large, ZERO, b, V)
        premise, ordered = order.statement.children()
        parts = (by_z3(z3.Implies(positive, part)) for part in premise.children())
        steps.append(by_z3(z3.Implies(positive, ordered), *parts, order))
    closed = V * (S * (ln(b + S) - ln(S)) - b * S / (b + S))
    result = V * (S * ln((b + S) / S) - b * S / (b + S))
    quotient = instance_of(
        ln_rises()["ln(y / x) = ln y - ln x"], {argument: S, other_argument: b + S}
    )
    steps.append(by_identity(ends == closed, given=[b + S > 0, S > 0]))
    steps.append(by_z3(z3.Implies(positive, closed == result), quotient))
    # Only that these are equal, and not what they are, matters to the last step.
    numbers = z3.Reals("fallen sloped ended closes results")
    fallen, sloped, ended, closes, results = numbers
    equal = z3.And(fallen <= sloped, sloped <= fallen, sloped == ended, ended == closes)
    chain = by_z3(z3.Implies(z3.And(equal, closes == results), fallen == results))
    terms = (integral(falls, ZERO, b), slope_area, ends, closed, result)
    return by_z3(
        z3.Implies(positive, integral(falls, ZERO, b) == result),
        *steps,
        specialised(generalised(chain, *numbers), *terms),
    )


def price_lemma() -> Theorem:
    """`∫ TV(q(x), q(b)) dx` is that area, with `V = TV(p, m)`."""

    def from_mean(at: Any) -> Any:
        return falls(at, TO_MEAN)

    squeeze = linear_total_variation()["TV(q(x), q(b)) = TV(p, m) (b/(b+S) - x/(x+S))"]
    steps = [instance_of(area_lemma(), {V: TO_MEAN}), not_negative()]
    # Z3 shows that what falls lies between -V and V best where V is one letter.
    by_scalars = axiom("integral-order", falls, falls, ZERO, b, V)
    bound = by_scalars.statement.children()[0].children()[2]
    steps.append(instance_of(by_z3(z3.Implies(z3.And(S > 0, b >= 0, V >= 0), bound)), {V: TO_MEAN}))
    for small, large in ((half, from_mean), (from_mean, half)):
        order = axiom("integral-order", small, large, ZERO, b, TO_MEAN)
        _, below, bounded_small, bounded_large = order.statement.children()[0].children()
        bounded = bounded_small if small is half else bounded_large
        steps += [order, *(by_z3(z3.Implies(HYPOTHESES, p), squeeze) for p in (below, bounded))]
    return by_z3(z3.Implies(HYPOTHESES, PRICE == CLOSED_FORM), *steps)


def logarithm_lemma() -> Theorem:
    """`b S/(b+S) ≤ S ln y ≤ b` for `y = (b+S)/S`, from `1 - 1/y ≤ ln y ≤ y - 1`."""
    ratio, inverse, logarithm, value = z3.Reals("ratio inverse logarithm value")
    tangent = ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"]
    scalar = by_z3(
        z3.Implies(
            z3.And(
                z3.And(S > 0, b >= 0, S * ratio == b + S, value == S - S * inverse),
                z3.And(logarithm <= ratio - 1, -logarithm <= inverse - 1),
            ),
            z3.And(S * logarithm <= b, value <= S * logarithm),
        )
    )
    y, share = (b + S) / S, b * S / (b + S)
    positive = z3.And(S > 0, b >= 0)
    return by_z3(
        z3.Implies(positive, z3.And(share <= S * ln(y), S * ln(y) <= b)),
        instance_of(scalar, {ratio: y, inverse: 1 / y, logarithm: ln(y), value: share}),
        instance_of(tangent, {argument: y}),
        instance_of(tangent, {argument: 1 / y}),
        instance_of(by_identity(ln(1 / x) == -ln(x), given=[x > 0]), {x: y}),
        by_z3(z3.Implies(positive, z3.And(y > 0, 1 / y > 0, S * y == b + S))),
        by_z3(z3.Implies(positive, share == S - S * (1 / y))),
    )


def bounds_lemma() -> Theorem:
    """`0 ≤ V (S ln y - b S/(b+S)) ≤ V b²/(b+S) ≤ b`, where `0 ≤ V ≤ 1`."""
    paid, share, most, logarithm = z3.Reals("paid share most logarithm")
    scalar = by_z3(
        z3.Implies(
            z3.And(
                z3.And(
                    0 <= V, V <= 1, share <= logarithm, logarithm <= b, paid == logarithm - share
                ),
                z3.And(share + most == b, share >= 0),
            ),
            z3.And(0 <= V * paid, V * paid <= V * most, V * most <= b),
        )
    )
    share_of, most_of, log_of = b * S / (b + S), b * b / (b + S), S * ln((b + S) / S)
    values = {
        V: TO_MEAN,
        share: share_of,
        most: most_of,
        logarithm: log_of,
        paid: log_of - share_of,
    }
    hypotheses = z3.And(S > 0, b >= 0, TO_MEAN >= 0, TO_MEAN <= 1)
    return by_z3(
        z3.Implies(
            hypotheses,
            z3.And(0 <= CLOSED_FORM, CLOSED_FORM <= TO_MEAN * most_of, TO_MEAN * most_of <= b),
        ),
        instance_of(scalar, values),
        logarithm_lemma(),
        by_z3(z3.Implies(z3.And(S > 0, b >= 0), z3.And(share_of + most_of == b, share_of >= 0))),
    )


def fair_lemma(price: Theorem) -> Theorem:
    """`0 ≤ z(b) ≤ V b²/(b+S) ≤ b`: what was shown of the closed form."""
    numbers = z3.Reals("one same more most")
    one, same, more, most = numbers
    equal = by_z3(
        z3.Implies(
            z3.And(one == same, 0 <= same, same <= more, more <= most),
            z3.And(0 <= one, one <= more, more <= most),
        )
    )
    known = z3.And(HYPOTHESES, DISTRIBUTIONS)
    bounds = z3.And(0 <= CLOSED_FORM, CLOSED_FORM <= MOST, MOST <= b)
    mean = linear_total_variation()["0 ≤ TV(p, m) ≤ 1"]
    return by_z3(
        z3.Implies(known, z3.And(0 <= PRICE, PRICE <= MOST, MOST <= b)),
        by_z3(z3.Implies(known, bounds), mean, bounds_lemma()),
        by_z3(z3.Implies(known, PRICE == CLOSED_FORM), price),
        specialised(generalised(equal, *numbers), PRICE, CLOSED_FORM, MOST, b),
    )


@library_theorem(origin=PAPER, reference=f"{ARXIV} (second price)")
def second_price_linear() -> Conclusions:
    """For the linear rule as a function of one bid x, q(x) = (x p + S m) / (x + S) with the others'
    bids of sum S > 0 and their mean m, any number of tokens, and b ≥ 0: the second price is ∫
    TV(q(x), q(b)) dx from 0 to b = TV(p, m) (S ln((b+S)/S) - b S/(b+S)), for distributions p and m
    between 0 and TV(p, m) b²/(b+S) ≤ b."""
    price = price_lemma()
    return {
        "∫ TV(q(x), q(b)) dx = TV(p, m) (S ln((b+S)/S) - b S/(b+S))": price,
        "0 ≤ price ≤ TV(p, m) b²/(b+S) ≤ b": fair_lemma(price),
    }
