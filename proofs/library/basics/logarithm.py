"""What the theorems use of the logarithm: its tangent at 1, and that it rises.

Everything comes from the derivative of `ln` and from `ln 1 = 0`.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    axiom,
    by_identity,
    by_z3,
    generalised,
    instance_of,
    ln,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem

x, y = z3.Reals("x y")


def ln_of_one() -> Theorem:
    """`ln 1 = 0`."""
    return by_identity(ln(z3.RealVal(1)) == 0)


def rises_between(function: Callable[[Any], Any], low: Any, high: Any) -> Theorem:
    """`f(low) ≤ f(high)` for `low ≤ high`, by the sign of the derivative in between."""
    said = axiom("derivative", function, low, high)
    return specialised(modus_ponens(said, by_z3(said.statement.arg(0))), low, high)


@library_theorem(origin=TEXTBOOK, reference="the logarithm")
def ln_below_its_tangent() -> Conclusions:
    """For every x > 0: ln x ≤ x - 1, with equality only at x = 1.

    On [1, x] the difference `(v - 1) - ln v - (v - 1)² / 2x` rises from 0, since its derivative is
    `(v - 1) (1/v - 1/x)`; on [x, 1] the function `ln v - (v - 1) + (v - 1)² / 2` rises to 0, since
    its derivative is `(1 - v) (1/v - 1)`.
    """
    one = z3.RealVal(1)
    end = z3.If(x >= 1, x, one)
    start = z3.If(z3.And(0 < x, x <= 1), x, one)
    right = by_z3(
        z3.Implies(x >= 1, ln(x) <= x - 1 - (x - 1) * (x - 1) / (2 * x)),
        rises_between(lambda v: v - 1 - ln(v) - (v - 1) * (v - 1) / (2 * end), one, end),
        ln_of_one(),
    )
    left = by_z3(
        z3.Implies(z3.And(0 < x, x <= 1), ln(x) <= x - 1 - (x - 1) * (x - 1) / 2),
        rises_between(lambda v: ln(v) - (v - 1) + (v - 1) * (v - 1) / 2, start, one),
        ln_of_one(),
    )
    tangent = by_z3(
        z3.Implies(x > 0, z3.And(ln(x) <= x - 1, z3.Implies(ln(x) == x - 1, x == 1))), left, right
    )
    return {"ln x ≤ x - 1, equal at 1 only": tangent}


@library_theorem(origin=TEXTBOOK, reference="the logarithm")
def ln_rises() -> Conclusions:
    """For 0 < x < y: ln x < ln y, and ln y - ln x = ln(y / x)."""
    quotient = by_identity(ln(y / x) == ln(y) - ln(x), given=[x > 0, y > 0])
    tangent = ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"]
    # ln(x / y) ≤ x / y - 1 < 0.
    below = by_z3(
        z3.Implies(z3.And(0 < x, x < y), ln(x / y) < 0),
        instance_of(tangent, {x: x / y}),
        by_z3(z3.Implies(z3.And(0 < x, x < y), z3.And(0 < x / y, x / y < 1))),
    )
    swapped = by_identity(ln(x / y) == ln(x) - ln(y), given=[x > 0, y > 0])
    rises = by_z3(z3.Implies(z3.And(0 < x, x < y), ln(x) < ln(y)), below, swapped)
    return {"ln x < ln y": generalised(rises, x, y), "ln(y / x) = ln y - ln x": quotient}
