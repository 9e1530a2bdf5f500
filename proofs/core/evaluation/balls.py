"""TRUSTED CORE. The interpretation in balls: rigorous logarithms, exponentials and roots.

Rational values stay Fractions; everything else is a ball (`arb`, from python-flint) that contains
the true value. Guarantee: a truth value or a sign that is returned is the true one. Two balls that
overlap are not comparable, unless they are the same value: the answer is then `MAYBE`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import Any, Final

from flint import arb, ctx, fmpq, fmpz

from tokenauction.proofs.core.evaluation.exact import (
    MAYBE,
    UNDEFINED,
    UNSURE,
    Exact,
    Special,
    Value,
    evaluate_all,
)
from tokenauction.proofs.core.language.graph import Node

PRECISIONS: Final = (80, 240, 720)


class Balls(Exact):
    """Exact values extended by balls of the precision in force."""

    def __init__(self) -> None:
        self._memo: dict[tuple[Any, ...], Value] = {}

    def irrational(self, op: str, *args: Value) -> Value:
        key = (op, *(arg if isinstance(arg, Fraction) else id(arg) for arg in args))
        if key not in self._memo:
            # The arguments are kept so that no other value can take the place of their ids.
            self._memo[key] = (_ball(op, *(_to_ball(arg) for arg in args)), args)
        return self._memo[key][0]

    def sign(self, value: Value) -> int | None:
        if not isinstance(value, arb):
            return super().sign(value)
        if value > 0:
            return 1
        return -1 if value < 0 else 0 if value.is_zero() else None


@cache
def _from_fraction(value: Fraction, precision: int) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def _to_ball(value: Value) -> arb:
    return _from_fraction(value, ctx.prec) if isinstance(value, Fraction) else value


def _ball(op: str, *args: arb) -> Value:
    match op:
        case "add":
            result = args[0] + args[1]
        case "sub":
            result = args[0] - args[1]
        case "mul":
            result = args[0] * args[1]
        case "div":
            result = args[0] / args[1]
        case "pow":
            result = _power(*args)
        case "exp":
            result = args[0].exp()
        case "log":
            result = args[0].log()
        case "max":
            result = args[0].max(args[1])
        case "min":
            result = args[0].min(args[1])
        case "floor":
            return _floor(args[0])
        case _:
            return UNSURE
    return result if result.is_finite() else UNSURE


def _power(base: arb, exponent: arb) -> arb:
    """A power; of a ball that holds zero, as the product that it is."""
    whole = exponent.unique_fmpz() if exponent.is_exact() else None
    if whole is None or not base.contains(0) or not 0 < int(whole) <= 64:
        return base**exponent
    product = base
    for _ in range(int(whole) - 1):
        product = product * base
    return product


def _floor(value: arb) -> Value:
    low = value.floor()
    whole = low.unique_fmpz()
    return UNSURE if whole is None else Fraction(int(fmpz(whole)))


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Balls of this many bits inside the block."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def evaluate_rigorously(roots: list[Node], leaves: Mapping[Node, Fraction]) -> list[Value]:
    """The values of nodes, at the first precision that decides all of them, or at the last one."""
    values: list[Value] = []
    for bits in PRECISIONS:
        with precision(bits):
            values = evaluate_all(roots, leaves, Balls())
        if not any(value is MAYBE or value is UNSURE for value in values):
            break
    return values


def decimal(value: Value, digits: int = 17) -> str:
    """A value as text: a fraction exactly, a ball's midpoint rounded to so many digits."""
    if isinstance(value, Fraction | bool):
        return str(value)
    if isinstance(value, Special):
        return value.value
    return str(value.mid().str(digits, radius=False))


__all__ = ["MAYBE", "UNDEFINED", "UNSURE", "Balls", "decimal", "evaluate_rigorously", "precision"]
