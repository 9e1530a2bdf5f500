"""TRUSTED CORE. Whether a step did the same to floats and to exact numbers.

Guarantee: `SameStep` lets a step pass only where both sides agree on the structure of the result,
its shape, its kind of number, whether it can be changed in place, whose memory it shares and how,
and on every value up to the rounding of this one step. Then the twins are set to the exact values,
correctly rounded, so that errors do not add up from step to step.
"""

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any, Final, NoReturn

import numpy as np

from tokenauction.proofs.core.evaluation.exact import (
    INFINITE,
    MINUS_INFINITE,
    UNDEFINED,
    Special,
    Value,
)
from tokenauction.proofs.core.judging.exact_numbers import (
    ExactNumber,
    NoExactRun,
    OtherNumbers,
    Run,
    Undecided,
    as_fraction,
)
from tokenauction.proofs.core.judging.pairs import FLOAT64, OBJECT, Arguments, Pair, like

_ULP: Final = 2.0**-52
_SMALLEST: Final = 1e-300
_COMPARISONS: Final = (
    *(np.less, np.less_equal, np.equal, np.not_equal, np.greater_equal, np.greater),
    *(operator.lt, operator.le, operator.eq, operator.ne, operator.ge, operator.gt),
)
_NOT_ELEMENTWISE: Final = (operator.matmul, operator.getitem, operator.setitem)


class SameStep:
    """One step, made twice; the memory and the numbers as they were before it."""

    def __init__(
        self, run: Run, kind: type[Pair], function: Callable[..., Any], given: Arguments
    ) -> None:
        self.run, self.kind, self.function, self.given = run, kind, function, given
        self.before = [(pair.twin.copy(), pair.exact.copy()) for pair in given.arrays]
        self.results: list[tuple[Any, Any]] = []

    def fail(self, reason: str, kind: type[NoExactRun] = NoExactRun) -> NoReturn:
        """End the run."""
        name = getattr(self.function, "__name__", type(self.function).__name__)
        self.run.fail(f"{name}: {reason}", kind)

    # What the step raises

    def raised(self, twin: Exception, exact: Exception | None, found: Any) -> Exception:
        """What to raise where NumPy raised on floats; ends the run where the exact side differs.

        Exact arithmetic raises nothing of its own where a number does not exist: it says so.
        """
        if self.run.loose:
            self.run.fail("rounding decides whether it raises", Undecided)
        changed = any(
            not _identical(pair.exact, old)
            for pair, (_, old) in zip(self.given.arrays, self.before, strict=True)
        )
        missing = exact is None and isinstance(twin, ArithmeticError) and _lacks_numbers(found)
        if changed or not (type(exact) is type(twin) or missing):
            self.fail(f"raises {type(twin).__name__} on float64 only ({twin})")
        return twin

    # What it returns

    def result(self, twin: Any, exact: Any) -> Any:
        """The two results as one."""
        if twin is None and exact is None:
            return None
        if isinstance(twin, list | tuple):
            if type(exact) is not type(twin) or len(exact) != len(twin):
                self.fail("returns something else on float64")
            return like(twin, [self.result(one, two) for one, two in zip(twin, exact, strict=True)])
        if isinstance(twin, np.ndarray):
            return self._array(twin, exact)
        if isinstance(twin, float):
            return self._number(twin, exact)
        if isinstance(twin, np.dtype):
            return self._dtype(twin, exact)
        if isinstance(twin, bool | np.bool_):
            return self._truth(twin, exact)
        if not isinstance(twin, int | np.integer | str):
            self.fail(f"returns {type(twin).__name__}, which is not followed")
        if type(exact) is not type(twin) or exact != twin:
            self.fail(f"returns {exact!r} for exact numbers and {twin!r} on float64")
        return twin

    def _dtype(self, twin: Any, exact: Any) -> Any:
        if exact != (OBJECT if twin == FLOAT64 else twin):
            self.fail(f"has numbers of another kind than {twin}")
        return twin

    def _number(self, twin: Any, exact: Any) -> Pair:
        """A float: it cannot be changed in place, so it is taken out of an array of no axes."""
        if isinstance(exact, np.ndarray) and not isinstance(twin, np.float64):
            self.fail("returns a Python float for floats only")
        number = self._exact_number(exact)
        rounded = self._rounded(twin, number.value, self._rounding(()))
        return self.kind(self.run, type(twin)(rounded), number)

    def _truth(self, twin: Any, exact: Any) -> Any:
        if not isinstance(exact, bool | np.bool_):
            self.fail("returns no truth value for exact numbers")
        return type(twin)(self._truths(twin, exact))

    def _array(self, twin: Any, exact: Any) -> Any:
        if type(twin) is not np.ndarray or type(exact) is not np.ndarray:
            self.fail("returns an array on one side only")
        if twin.shape != exact.shape:
            self.fail("returns arrays of two shapes")
        self._dtype(twin.dtype, exact.dtype)
        self._check_memory(twin, exact)
        if twin.dtype == bool:
            return self._truths(twin, exact)
        if twin.dtype.kind in "iu":
            if not np.array_equal(twin, exact):
                self.fail("returns other integers on float64")
            return twin
        if twin.dtype != FLOAT64:
            self.fail(f"returns numbers of the kind {twin.dtype}, not float64")
        self._settle(twin, exact)
        same = [pair for pair in self.given.arrays if pair.twin is twin]
        return same[0] if same else self.kind(self.run, twin, exact)

    def _truths(self, twin: Any, exact: Any) -> Any:
        """Truth values; where the sides differ, the exact ones if a comparison explains it.

        The twins are the exact numbers correctly rounded, and rounding never turns an order round.
        So a comparison can differ only where two numbers became one float, and there the exact side
        knows better. Nothing else may differ.
        """
        differ = np.not_equal(twin, exact)
        if np.any(differ):
            if self.run.loose:
                self.run.fail("rounding decides a comparison", Undecided)
            compared = self.given.operands
            if self.function not in _COMPARISONS or np.any(differ & np.not_equal(*compared)):
                self.fail("decides otherwise on float64")
        return exact

    # Memory

    def _check_memory(self, twin: Any, exact: Any) -> None:
        """The result shares the memory of the same arrays on both sides, and in the same way."""
        if any(np.shares_memory(twin, plain) for plain in self.given.plain):
            self.fail("shares the memory of a plain NumPy array: make a copy, or make it with xp")
        others = [(pair.twin, pair.exact) for pair in self.given.arrays] + self.results
        for one, two in others:
            if (twin is one) != (exact is two) or _overlap(twin, one) != _overlap(exact, two):
                self.fail("shares memory on one side only")
        self.results.append((twin, exact))

    # Values

    def settle_arguments(self) -> None:
        """What the step changed in place, it changed alike."""
        for pair, (twin, exact) in zip(self.given.arrays, self.before, strict=True):
            if not (
                np.array_equal(pair.twin, twin, equal_nan=True) and _identical(pair.exact, exact)
            ):
                self._settle(pair.twin, pair.exact)

    def _settle(self, twin: Any, exact: Any) -> None:
        """Compare the values of two arrays, and set the twin to the exact ones."""
        rounding = self._rounding(twin.shape)
        for place in np.ndindex(*twin.shape):
            number = self._exact_number(exact[place])
            if number is not exact[place]:
                self._store(exact, place, number)
            there = float(twin[place])
            rounded = self._rounded(there, number.value, (rounding[0][place], rounding[1][place]))
            if rounded != there and not np.isnan(there):
                self._store(twin, place, rounded)

    def _store(self, array: Any, place: Any, value: Any) -> None:
        if not array.flags.writeable:
            self.fail("returns an array that cannot be written to")
        array[place] = value

    def _exact_number(self, found: Any) -> ExactNumber:
        """An element of the exact side, where NumPy may have put integers of its own.

        A store can leave an array of no axes as an element; what floats get is the number in it.
        """
        if isinstance(found, np.ndarray) and found.shape == ():
            found = found[()]
        if isinstance(found, ExactNumber):
            return found
        if not isinstance(found, bool | np.bool_ | int | np.integer):
            self.fail(f"puts a {type(found).__name__} among exact numbers")
        return self.run.number(found)

    def _rounding(self, shape: tuple[int, ...]) -> Any:
        """What one step may round away: a share of the result, and an absolute part.

        Inputs are off by half an ulp each. A smooth function of one number after another passes
        that on as `|x f'(x)|`: for sums it is at most the input, for products, quotients and roots
        the result, for exponentials and powers the result times the input, for logarithms one. Over
        n numbers (sums, products of matrices) errors add up, relative to the sum or the product of
        the largest inputs. Eight times that leaves room for a library's own rounding.
        """
        numbers = [np.where(np.isfinite(one), one, 0.0) for one in self.given.numbers]
        if self._is_elementwise:
            largest = reduce(np.maximum, numbers, np.zeros(shape))
            if largest.shape == shape:
                return 8 * _ULP * (1 + largest), 8 * _ULP * largest
        maxima = [float(one.max(initial=0.0)) for one in numbers]
        count = max((one.size for one in numbers), default=1)
        reach = max(sum(maxima), float(np.prod(maxima)))
        share = 8 * _ULP * count
        return np.full(shape, share * (1 + max(maxima, default=0))), np.full(shape, share * reach)

    @property
    def _is_elementwise(self) -> bool:
        function: Any = self.function
        if isinstance(function, np.ufunc):
            return function.signature is None
        return function.__module__ == "_operator" and function not in _NOT_ELEMENTWISE

    def _rounded(self, twin: float, value: Value, rounding: Any) -> float:
        """The float next to an exact value, where NumPy has a float that it may have instead."""
        if self.run.loose:
            return twin
        if isinstance(value, Special):
            infinite = {INFINITE: np.inf, MINUS_INFINITE: -np.inf}.get(value)
            if (value is UNDEFINED and np.isfinite(twin)) or infinite not in (None, twin):
                self.fail(f"gives {twin} on float64 where the exact result is {value.value}")
            return twin
        nearest = self._nearest(value)
        vanishes = abs(nearest) < _SMALLEST and self.run.algebra.sign(value) in (-1, 1)
        if not (np.isfinite(twin) and np.isfinite(nearest)) or vanishes:
            self.fail("a number is too large or too small for float64", OtherNumbers)
        share, least = rounding
        if abs(twin - nearest) > share * abs(nearest) + least:
            self.fail(f"gives {twin} on float64 where the exact result is {nearest}")
        return nearest

    def _nearest(self, value: Value) -> float:
        middle, radius = as_fraction(value)
        if radius > max(abs(middle), Fraction(1, 2**64)) / 2**64:
            self.run.fail("a number is known to too few digits", Undecided)
        try:
            return float(middle)
        except OverflowError:
            return np.inf


def _identical(array: Any, before: Any) -> bool:
    return all(one is two for one, two in zip(array.flat, before.flat, strict=True))


def _lacks_numbers(found: Any) -> bool:
    """Whether a result of the exact side, or one of its numbers, does not exist."""
    numbers = found.flat if isinstance(found, np.ndarray) else [found]
    return any(isinstance(one, ExactNumber) and isinstance(one.value, Special) for one in numbers)


def _overlap(one: Any, other: Any) -> Any:
    """How two arrays lie in each other's memory, in bytes; None where they do not."""
    if not np.shares_memory(one, other):
        return None
    start = one.__array_interface__["data"][0] - other.__array_interface__["data"][0]
    return start, one.strides, other.strides
