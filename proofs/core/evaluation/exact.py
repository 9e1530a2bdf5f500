"""TRUSTED CORE. The exact interpretation: Fractions, infinities, and what is undefined.

Guarantee: a returned Fraction is the value of the node; `UNDEFINED` means that the node is
undefined there (see proofs/core/language/graph.py for what that means); a truth value is the truth.
Where Fractions do not suffice (logarithms, exponentials, roots) the answer is `UNSURE`, never a
guess; proofs/core/evaluation/balls.py extends this interpretation to those.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from fractions import Fraction
from typing import Any, Final

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node


class Special(Enum):
    """What is not a real number or a truth value."""

    UNDEFINED = "undefined"
    UNSURE = "not decided, perhaps undefined"
    MAYBE = "true or false, not decided"
    INFINITE = "infinity"
    MINUS_INFINITE = "minus infinity"


UNDEFINED: Final = Special.UNDEFINED
UNSURE: Final = Special.UNSURE
MAYBE: Final = Special.MAYBE
INFINITE: Final = Special.INFINITE
MINUS_INFINITE: Final = Special.MINUS_INFINITE

Value = Any
"""A Fraction, a bool, a Special, or the ball of a subclass."""


class Exact:
    """The operations on exact values; a subclass says what to do with irrational ones."""

    def irrational(self, op: str, *args: Value) -> Value:
        """The value of an operation whose result is not rational, or not known to be."""
        return UNSURE

    def sign(self, value: Value) -> int | None:
        """-1, 0 or 1, or None where it is not known."""
        if value is INFINITE:
            return 1
        if value is MINUS_INFINITE:
            return -1
        if isinstance(value, Fraction):
            return (value > 0) - (value < 0)
        return None

    # Arithmetic

    def add(self, left: Value, right: Value) -> Value:
        if isinstance(left, Fraction) and isinstance(right, Fraction):
            return left + right
        infinities = {v for v in (left, right) if v is INFINITE or v is MINUS_INFINITE}
        if len(infinities) == 2:
            return UNDEFINED
        if infinities:
            return infinities.pop()
        if left == 0 and isinstance(left, Fraction):
            return right
        if right == 0 and isinstance(right, Fraction):
            return left
        return self.irrational("add", left, right)

    def mul(self, left: Value, right: Value) -> Value:
        if isinstance(left, Fraction) and isinstance(right, Fraction):
            return left * right
        if _is_infinite(left) or _is_infinite(right):
            signs = (self.sign(left), self.sign(right))
            if 0 in signs:
                return UNDEFINED
            if None in signs:
                return UNSURE
            return INFINITE if signs[0] == signs[1] else MINUS_INFINITE
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Fraction):
                if one == 0:
                    return one
                if one == 1:
                    return other
        return self.irrational("mul", left, right)

    def div(self, left: Value, right: Value) -> Value:
        sign = self.sign(right)
        if sign == 0:
            return UNDEFINED
        if _is_infinite(right):
            return UNDEFINED if _is_infinite(left) else Fraction(0)
        if isinstance(left, Fraction) and isinstance(right, Fraction):
            return left / right
        if sign is None:
            return UNSURE
        if _is_infinite(left):
            return self.mul(left, Fraction(sign))
        return self.irrational("div", left, right)

    def power(self, base: Value, exponent: Value) -> Value:
        sign = self.sign(base)
        if _is_infinite(base) or _is_infinite(exponent):
            return UNSURE
        if isinstance(exponent, Fraction):
            if exponent == 0:
                return Fraction(1)
            if sign == 0:
                return Fraction(0) if exponent > 0 else UNDEFINED
            if isinstance(base, Fraction):
                if sign == -1 and exponent.denominator != 1:
                    return UNDEFINED
                exact = rational_power(base, exponent)
                return self.irrational("pow", base, exponent) if exact is None else exact
        if sign == 0:
            how = self.sign(exponent)
            if how is None:
                return UNSURE
            return UNDEFINED if how < 0 else Fraction(how == 0)
        if sign is None and is_natural(exponent):
            return self.irrational("pow", base, exponent)
        if sign is None or (sign < 0 and not isinstance(exponent, Fraction)):
            return UNSURE
        if sign < 0 and exponent.denominator != 1:
            return UNDEFINED
        if base == 1 and isinstance(base, Fraction):
            return base
        return self.irrational("pow", base, exponent)

    def exp(self, value: Value) -> Value:
        if value is MINUS_INFINITE:
            return Fraction(0)
        if value is INFINITE:
            return value
        if isinstance(value, Fraction) and value == 0:
            return Fraction(1)
        return self.irrational("exp", value)

    def log(self, value: Value) -> Value:
        if value is INFINITE:
            return value
        sign = self.sign(value)
        if sign == 0:
            return MINUS_INFINITE
        if sign == -1:
            return UNDEFINED
        if isinstance(value, Fraction) and value == 1:
            return Fraction(0)
        return UNSURE if sign is None else self.irrational("log", value)

    def floor(self, value: Value) -> Value:
        if isinstance(value, Fraction):
            return Fraction(value.__floor__())
        return UNDEFINED if _is_infinite(value) else self.irrational("floor", value)

    # Order

    def compare(self, left: Value, right: Value) -> int | None:
        """-1, 0 or 1 as left is below, equal to or above right; None where it is not known."""
        if left is right:
            return 0
        if isinstance(left, Fraction) and isinstance(right, Fraction):
            return (left > right) - (left < right)
        if left is MINUS_INFINITE or right is INFINITE:
            return -1
        if left is INFINITE or right is MINUS_INFINITE:
            return 1
        return self.sign(self.irrational("sub", left, right))

    def extremum(self, left: Value, right: Value, largest: bool) -> Value:
        order = self.compare(left, right)
        if order is None:
            return self.irrational("max" if largest else "min", left, right)
        return left if (order >= 0) == largest else right


def is_natural(exponent: Value) -> bool:
    """Whether a power is a product of few factors, which is defined whatever their sign."""
    return isinstance(exponent, Fraction) and exponent.denominator == 1 and 0 < exponent <= 64


def _is_infinite(value: Value) -> bool:
    return value is INFINITE or value is MINUS_INFINITE


def rational_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    """`base ** exponent` where it is rational and small enough to write down, else None."""
    if base in (0, 1) and (base == 1 or exponent > 0):
        return base
    if abs(exponent.numerator) > 4096 or exponent.denominator > 64:
        return None
    top = _root(base.numerator, exponent.denominator)
    bottom = _root(base.denominator, exponent.denominator)
    if top is None or bottom is None:
        return None
    return Fraction(top, bottom) ** exponent.numerator


def _root(number: int, degree: int) -> int | None:
    if degree == 1:
        return number
    if number < 0:
        return None
    low, high = 0, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**degree <= number:
            low = middle
        else:
            high = middle - 1
    return low if low**degree == number else None


def evaluate(root: Node, leaves: Mapping[Node, Fraction], algebra: Exact | None = None) -> Value:
    """The value of a node without index variables, given a Fraction for each of its leaves."""
    return evaluate_all([root], leaves, algebra)[0]


def evaluate_all(
    roots: list[Node], leaves: Mapping[Node, Fraction], algebra: Exact | None = None
) -> list[Value]:
    """The values of several nodes that share what they have in common."""
    algebra = algebra or Exact()
    values: dict[Node, Value] = {}
    for node in graph.subnodes(*roots):
        values[node] = evaluate_one(algebra, node, [values[arg] for arg in node.args], leaves)
    return [values[root] for root in roots]


def evaluate_one(
    algebra: Exact, node: Node, args: list[Value], leaves: Mapping[Node, Fraction]
) -> Value:
    if node.op in ("const", "truth"):
        return node.data
    if not node.args:
        return leaves[node]
    if node.op == "where":
        return _where(*args)
    if any(arg is UNDEFINED for arg in args):
        return UNDEFINED
    if any(arg is UNSURE for arg in args):
        return UNSURE
    return _OPERATIONS[node.op](algebra, args)


def _where(condition: Value, then: Value, otherwise: Value) -> Value:
    if condition is UNDEFINED or condition is UNSURE:
        return condition
    if condition is MAYBE:
        return then if then is otherwise else UNSURE
    return then if condition else otherwise


def _fold(combine: Callable[[Exact, Value, Value], Value]) -> Callable[[Exact, list[Value]], Value]:
    def run(algebra: Exact, args: list[Value]) -> Value:
        result = args[0]
        for arg in args[1:]:
            result = combine(algebra, result, arg)
            if result is UNDEFINED or result is UNSURE:
                return result
        return result

    return run


def _comparison(accept: Callable[[int], bool]) -> Callable[[Exact, list[Value]], Value]:
    def run(algebra: Exact, args: list[Value]) -> Value:
        order = algebra.compare(args[0], args[1])
        return MAYBE if order is None else accept(order)

    return run


def _all(_: Exact, args: list[Value]) -> Value:
    return False if False in args else MAYBE if MAYBE in args else True


def _any(_: Exact, args: list[Value]) -> Value:
    return True if True in args else MAYBE if MAYBE in args else False


_OPERATIONS: dict[str, Callable[[Exact, list[Value]], Value]] = {
    "add": _fold(lambda algebra, a, b: algebra.add(a, b)),
    "mul": _fold(lambda algebra, a, b: algebra.mul(a, b)),
    "div": lambda algebra, args: algebra.div(*args),
    "pow": lambda algebra, args: algebra.power(*args),
    "exp": lambda algebra, args: algebra.exp(*args),
    "log": lambda algebra, args: algebra.log(*args),
    "floor": lambda algebra, args: algebra.floor(*args),
    "max": lambda algebra, args: algebra.extremum(args[0], args[1], True),
    "min": lambda algebra, args: algebra.extremum(args[0], args[1], False),
    "lt": _comparison(lambda order: order < 0),
    "le": _comparison(lambda order: order <= 0),
    "eq": _comparison(lambda order: order == 0),
    "and": _all,
    "or": _any,
    "not": lambda _, args: MAYBE if args[0] is MAYBE else not args[0],
}
