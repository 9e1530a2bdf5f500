"""TRUSTED CORE. Derivatives of terms built from `+ - * /`, ln and exp, and where they exist.

The conditions that come with a derivative say where the term is differentiable, and then its
derivative is continuous there. Source: any textbook of calculus (W. Rudin, *Principles of
Mathematical Analysis*, chapters 5 and 8).
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel.formulas import is_elementary


class NotDifferentiable(Exception):
    """The term has a part of which no derivative is known."""


def derivative(term: Any, x: Any) -> tuple[Any, list[Any]]:
    """The derivative of a real term with respect to the constant `x`, and what it needs.

    >>> from tokenauction.proofs.core.kernel import ln
    >>> x = z3.Real("x")
    >>> derivative(ln(x) * x, x)
    ((1/x)*x + ln(x), [x > 0])
    """
    conditions: list[Any] = []
    return _derivative(term, x, conditions), conditions


def _derivative(term: Any, x: Any, conditions: list[Any]) -> Any:
    if not _mentions(term, x):
        return z3.RealVal(0)
    if term.eq(x):
        return z3.RealVal(1)
    kind, parts = term.decl().kind(), term.children()
    if kind == z3.Z3_OP_ADD:
        return _sum([_derivative(part, x, conditions) for part in parts])
    if kind == z3.Z3_OP_SUB:
        first, *rest = [_derivative(part, x, conditions) for part in parts]
        return first - _sum(rest)
    if kind == z3.Z3_OP_UMINUS:
        return -_derivative(parts[0], x, conditions)
    if kind == z3.Z3_OP_MUL:
        return _sum([_product_but(parts, k, x, conditions) for k in range(len(parts))])
    if kind == z3.Z3_OP_DIV:
        above, below = parts
        conditions.append(below != 0)
        rise, fall = (_derivative(part, x, conditions) for part in parts)
        return _sum([_times(rise, below), _times(z3.RealVal(-1), _times(above, fall))]) / (
            below * below
        )
    if is_elementary(term.decl(), "ln"):
        conditions.append(parts[0] > 0)
        return _times(_derivative(parts[0], x, conditions) / parts[0], z3.RealVal(1))
    if is_elementary(term.decl(), "exp"):
        return _times(_derivative(parts[0], x, conditions), term)
    raise NotDifferentiable(f"no derivative of {term}")


def _mentions(term: Any, x: Any) -> bool:
    if z3.is_quantifier(term):
        raise NotDifferentiable(f"no derivative of {term}")
    return bool(term.eq(x)) or any(_mentions(part, x) for part in term.children())


def _product_but(parts: list[Any], k: int, x: Any, conditions: list[Any]) -> Any:
    """The product with its `k`-th factor replaced by the derivative of that factor."""
    product = _derivative(parts[k], x, conditions)
    for other, part in enumerate(parts):
        if other != k:
            product = _times(product, part)
    return product


def _sum(parts: list[Any]) -> Any:
    total = z3.RealVal(0)
    for part in parts:
        total = part if _is(total, 0) else total if _is(part, 0) else total + part
    return total


def _times(left: Any, right: Any) -> Any:
    if _is(left, 0) or _is(right, 1):
        return left
    return right if _is(right, 0) or _is(left, 1) else left * right


def _is(term: Any, value: int) -> bool:
    return bool(z3.is_rational_value(term) and term.as_fraction() == value)
