"""TRUSTED CORE. Exact numbers that NumPy's object arrays compute with.

Guarantee: an `ExactNumber` holds the exact result of the operations that made it (a Fraction, or a
ball around an irrational number), or says that there is none; a comparison returns the truth. What
cannot be told (overlapping balls, a comparison with NaN), and what would leave exact arithmetic (a
Python float, a text, a hash), ends the run for good, even where the rule catches exceptions.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np

from tokenauction.proofs.core.evaluation.exact import (
    INFINITE,
    MINUS_INFINITE,
    UNDEFINED,
    UNSURE,
    Exact,
    Special,
    Value,
)
from tokenauction.proofs.core.tracing.trace import reading

FLOAT_BITS: Final = 47
"""Balls of so many bits hold what floats compute. A float has 53, but a library may err by some."""
_NEAR: Final = 10**9
_LONG_CONSTANT: Final = 10**14


class NoExactRun(Exception):
    """The function has no exact run that counts, at this profile at least; says why."""


class OtherNumbers(NoExactRun):
    """The plain run gives other numbers: by its rounding, or out of the range of floats."""


class Undecided(NoExactRun):
    """The balls are too wide to tell: more bits may decide."""


class Run:
    """The state of one exact run, in Fractions (`Exact`) or in Fractions and balls (`Balls`).

    `near` says that a comparison was one of numbers so close that rounding may turn it;
    `long_constants`, that a constant of the rule has so many digits that it must be rounded itself.
    """

    loose = False

    def __init__(self, algebra: Exact) -> None:
        self.algebra = algebra
        self.failure: NoExactRun | None = None
        self.near = False
        self.long_constants = False

    def fail(self, reason: str, kind: type[NoExactRun] = NoExactRun) -> NoReturn:
        """End the run; only the first reason counts."""
        if self.failure is None:
            self.failure = kind(reason)
        raise self.failure

    def number(self, constant: Any) -> "ExactNumber":
        """A number of the rule's own: integers as they are, floats as docs/rules.md reads them."""
        if isinstance(constant, ExactNumber):
            return constant
        return ExactNumber(self, self._constant(constant))

    def _constant(self, constant: Any) -> Value:
        if isinstance(constant, bool | np.bool_ | int | np.integer):
            return Fraction(int(constant))
        if isinstance(constant, Fraction):
            return constant
        if not isinstance(constant, float):
            self.fail(f"the rule computes with {type(constant).__name__}")
        if math.isnan(constant):
            self.fail("the rule computes with the constant NaN")
        if math.isinf(constant):
            return INFINITE if constant > 0 else MINUS_INFINITE
        found = reading(float(constant))
        self.long_constants |= found.denominator >= _LONG_CONSTANT
        return found

    def constants(self, floats: Any) -> Any:
        """The numbers of an array of floats, read as the constants that they are."""
        exact = np.empty(floats.shape, dtype=object)
        for place in np.ndindex(*floats.shape):
            exact[place] = self.number(float(floats[place]))
        return exact

    def apply(self, operation: Callable[..., Value], *args: Value) -> "ExactNumber":
        """The result of an operation of the algebra; undefined where an argument is."""
        if any(arg is UNDEFINED for arg in args):
            return ExactNumber(self, UNDEFINED)
        found = operation(*args)
        if found is UNSURE:
            self.fail("a number is too close to where an operation ends", Undecided)
        return ExactNumber(self, found)

    def order(self, left: Value, right: Value) -> int:
        """-1, 0 or 1 as left is below, equal to or above right."""
        if left is UNDEFINED or right is UNDEFINED:
            self.fail("the rule compares NaN: a rule that steers by NaN has no exact run")
        found = self.algebra.compare(left, right)
        if found is None:
            self.fail("two numbers are too close to be compared", Undecided)
        if left is not right and not isinstance(left, Special) and not isinstance(right, Special):
            self.near |= _are_near(left, right)
        return found

    def whole_part(self, value: Value) -> Value:
        """The largest integer that is not above a value."""
        found = self.apply(self.algebra.floor, value).value
        if isinstance(found, Fraction):
            self.near |= any(_are_near(value, found + step) for step in (0, 1))
        return found


def as_fraction(value: Value) -> tuple[Fraction, Fraction]:
    """The middle of a number and how far it can be from there."""
    if isinstance(value, Fraction):
        return value, Fraction(0)
    middle, radius = (_exactly(part) for part in (value.mid(), value.rad()))
    return middle, radius


def _exactly(value: Any) -> Fraction:
    digits, exponent = value.man_exp()
    return Fraction(int(digits)) * Fraction(2) ** int(exponent)


def _are_near(left: Value, right: Value) -> bool:
    (one, off_by), (other, too) = as_fraction(left), as_fraction(right)
    return (abs(one - other) - off_by - too) * _NEAR <= abs(one) + abs(other)


def _difference(algebra: Exact, left: Value, right: Value) -> Value:
    """`left - right`; of one and the same number it is zero, which balls could not tell."""
    if left is right and not isinstance(left, Special):
        return Fraction(0)
    return algebra.add(left, algebra.mul(Fraction(-1), right))


_ARITHMETIC: Final[dict[str, Callable[[Exact, Value, Value], Value]]] = {
    "add": lambda algebra, left, right: algebra.add(left, right),
    "sub": _difference,
    "mul": lambda algebra, left, right: algebra.mul(left, right),
    "truediv": lambda algebra, left, right: algebra.div(left, right),
    "pow": lambda algebra, left, right: algebra.power(left, right),
}
_ORDER: Final[dict[str, Callable[[int], bool]]] = {
    "lt": lambda order: order < 0,
    "le": lambda order: order <= 0,
    "eq": lambda order: order == 0,
    "ne": lambda order: order != 0,
    "gt": lambda order: order > 0,
    "ge": lambda order: order >= 0,
}
WAY_OUT: Final = "keep arrays, and make new ones with xp.asarray, xp.zeros or np.zeros_like"
LEAVING: Final = {
    "float": f"makes a Python float or a plain NumPy array of a number: {WAY_OUT}",
    "complex": "makes a complex number of a number",
    "hash": "puts a number into a set or a dictionary",
    "str": "makes a text of a number",
    "repr": "makes a text of a number",
    "format": "makes a text of a number",
    "round": "rounds a number",
    "reduce_ex": "pickles a number",
}


class ExactNumber:
    """One exact number of a run, with the operators and methods that NumPy's object loops call."""

    __slots__ = ("run", "value")

    def __init__(self, run: Run, value: Value) -> None:
        self.run = run
        self.value = value

    def inexact(self) -> "ExactNumber":
        """A ball around it, of the precision in force."""
        from flint import arb, fmpq  # of loose runs alone

        middle, _ = as_fraction(self.value)
        return ExactNumber(self.run, arb(fmpq(middle.numerator, middle.denominator)))

    def __neg__(self) -> "ExactNumber":
        return 0 - self

    def __pos__(self) -> "ExactNumber":
        return self

    def __abs__(self) -> "ExactNumber":
        if self.value is UNDEFINED:
            return self
        return self if self.run.order(self.value, Fraction(0)) >= 0 else -self

    def __bool__(self) -> bool:
        return self.run.order(self.value, Fraction(0)) != 0

    def __floor__(self) -> "ExactNumber":
        return ExactNumber(self.run, self.run.whole_part(self.value))

    def __ceil__(self) -> "ExactNumber":
        return -((-self).__floor__())

    def __trunc__(self) -> "ExactNumber":
        if self.value is UNDEFINED:
            return self
        return self.__floor__() if self.run.order(self.value, Fraction(0)) >= 0 else self.__ceil__()

    def __int__(self) -> int:
        found = self.__trunc__().value
        if isinstance(found, Special):
            self.run.fail("the rule makes an integer of NaN or infinity")
        return int(found)

    def __floordiv__(self, other: Any) -> "ExactNumber":
        found: ExactNumber = self / other
        return found.__floor__()

    def __rfloordiv__(self, other: Any) -> "ExactNumber":
        found: ExactNumber = other / self
        return found.__floor__()

    def conjugate(self) -> "ExactNumber":
        return self

    def exp(self) -> "ExactNumber":
        return self.run.apply(self.run.algebra.exp, self.value)

    def log(self) -> "ExactNumber":
        return self.run.apply(self.run.algebra.log, self.value)

    def sqrt(self) -> "ExactNumber":
        return self ** self.run.number(Fraction(1, 2))

    def log1p(self) -> "ExactNumber":
        return (self + 1).log()

    def expm1(self) -> "ExactNumber":
        return self.exp() - 1

    def exp2(self) -> "ExactNumber":
        return 2**self

    def log2(self) -> "ExactNumber":
        return self.log() / self.run.number(2).log()

    def log10(self) -> "ExactNumber":
        return self.log() / self.run.number(10).log()

    def tanh(self) -> "ExactNumber":
        return 1 - 2 / ((2 * self).exp() + 1)

    # The other operators, with either side first, are made of the tables above.

    if TYPE_CHECKING:

        def __add__(self, other: Any) -> "ExactNumber": ...
        def __radd__(self, other: Any) -> "ExactNumber": ...
        def __sub__(self, other: Any) -> "ExactNumber": ...
        def __rsub__(self, other: Any) -> "ExactNumber": ...
        def __mul__(self, other: Any) -> "ExactNumber": ...
        def __rmul__(self, other: Any) -> "ExactNumber": ...
        def __truediv__(self, other: Any) -> "ExactNumber": ...
        def __rtruediv__(self, other: Any) -> "ExactNumber": ...
        def __pow__(self, other: Any) -> "ExactNumber": ...
        def __rpow__(self, other: Any) -> "ExactNumber": ...


def _operator(name: str, *, reflected: bool) -> Callable[[ExactNumber, Any], Any]:
    def method(self: ExactNumber, other: Any) -> Any:
        there = _beside(self, other)
        if there is NotImplemented:
            return there
        left, right = (there, self.value) if reflected else (self.value, there)
        algebra = self.run.algebra
        return self.run.apply(lambda *values: _ARITHMETIC[name](algebra, *values), left, right)

    return method


def _comparison(name: str) -> Callable[[ExactNumber, Any], Any]:
    def method(self: ExactNumber, other: Any) -> Any:
        there = _beside(self, other)
        return there if there is NotImplemented else _ORDER[name](self.run.order(self.value, there))

    return method


def _leaving(name: str) -> Callable[..., NoReturn]:
    def method(self: ExactNumber, *_: Any) -> NoReturn:
        self.run.fail(f"the rule {LEAVING[name]}")

    return method


def _beside(number: ExactNumber, other: Any) -> Any:
    """The value on the other side of an operator; NotImplemented for what is no number."""
    if isinstance(other, ExactNumber):
        return other.value
    if isinstance(other, bool | np.bool_ | int | np.integer):
        return Fraction(int(other))
    if isinstance(other, float):
        number.run.fail("NumPy mixes floats into this step")
    return NotImplemented


for _name in _ARITHMETIC:
    setattr(ExactNumber, f"__{_name}__", _operator(_name, reflected=False))
    setattr(ExactNumber, f"__r{_name}__", _operator(_name, reflected=True))
for _name in _ORDER:
    setattr(ExactNumber, f"__{_name}__", _comparison(_name))
for _name in LEAVING:
    setattr(ExactNumber, f"__{_name}__", _leaving(_name))
