"""TRUSTED CORE. Z3 terms as polynomials with rational coefficients, and certificates over them.

Every subterm that is not a sum, a product or a number is an unknown of the
polynomial. Two terms with the same polynomial have the same value, whatever the unknowns are.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import z3

Monomial = tuple[tuple[int, int], ...]
Polynomial = dict[Monomial, Fraction]


def polynomial(term: Any) -> Polynomial:
    """The polynomial of a real or integer term; an unknown is named by its place in Z3's table."""
    if z3.is_rational_value(term):
        return _clean({(): Fraction(term.numerator_as_long(), term.denominator_as_long())})
    if z3.is_int_value(term):
        return _clean({(): Fraction(term.as_long())})
    kind, parts = term.decl().kind(), term.children() if z3.is_app(term) else []
    if kind == z3.Z3_OP_ADD:
        return total([polynomial(part) for part in parts])
    if kind == z3.Z3_OP_SUB:
        first, *rest = [polynomial(part) for part in parts]
        return total([first, *(scaled(part, Fraction(-1)) for part in rest)])
    if kind == z3.Z3_OP_UMINUS:
        return scaled(polynomial(parts[0]), Fraction(-1))
    if kind == z3.Z3_OP_MUL:
        return product([polynomial(part) for part in parts])
    return {((term.get_id(), 1),): Fraction(1)}


def total(polynomials: Sequence[Polynomial]) -> Polynomial:
    """The sum."""
    found: Polynomial = {}
    for one in polynomials:
        for monomial, coefficient in one.items():
            found[monomial] = found.get(monomial, Fraction(0)) + coefficient
    return _clean(found)


def scaled(one: Polynomial, factor: Fraction) -> Polynomial:
    """The polynomial times a number."""
    return _clean({monomial: factor * coefficient for monomial, coefficient in one.items()})


def product(polynomials: Sequence[Polynomial]) -> Polynomial:
    """The product; one for none."""
    found: Polynomial = {(): Fraction(1)}
    for one in polynomials:
        step: Polynomial = {}
        for left, a in found.items():
            for right, b in one.items():
                key = _merged(left, right)
                step[key] = step.get(key, Fraction(0)) + a * b
        found = _clean(step)
    return found


def _merged(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for unknown, power in right:
        powers[unknown] = powers.get(unknown, 0) + power
    return tuple(sorted(powers.items()))


def _clean(one: Polynomial) -> Polynomial:
    return {monomial: coefficient for monomial, coefficient in one.items() if coefficient}
