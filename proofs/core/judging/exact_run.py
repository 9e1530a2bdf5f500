"""TRUSTED CORE. A function's own run on exact numbers, and whether it counts.

Guarantee: `run_exactly` returns the values that the function computes in exact arithmetic at a
profile. Every step of it was NumPy's on floats too (proofs/core/judging/lockstep.py); it was the
same twice; and the plain run of the function on float64 gives the same up to rounding, so that a
function that behaves otherwise on our arrays has no exact run. A comparison of numbers that
rounding may turn can send the plain run another way: then the two have to agree at profiles beside
this one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.evaluation.exact import UNDEFINED, Exact, Special, Value
from tokenauction.proofs.core.judging.exact_array import ExactArray
from tokenauction.proofs.core.judging.exact_numbers import (
    FLOAT_BITS,
    NoExactRun,
    OtherNumbers,
    Undecided,
    as_fraction,
)
from tokenauction.proofs.core.judging.exact_python import in_lockstep
from tokenauction.proofs.core.judging.lockstep import Lockstep
from tokenauction.proofs.core.runs.numpy_run import Misbehaves, Unusable, run_rule

Row = tuple[Fraction, ...]
Algebra = Callable[[], Exact]
_AGREEMENT: Final = 1e-9
_BESIDE: Final = (Fraction(1, 10**4), Fraction(-1, 10**5))


@dataclass(frozen=True)
class ExactRun:
    """What an exact run gave; `raised` has the exception where the function raises there.

    `near` and `long_constants` are those of `Run`.
    """

    values: tuple[Value, ...]
    near: bool
    long_constants: bool
    raised: Exception | None = None


@dataclass(frozen=True)
class _Profile:
    """The numbers that a run is made of."""

    bids: Row
    dists: Sequence[Row]
    named: Mapping[str, Row]

    def plain_run(self, function: ProfileFunction) -> Any:
        """What the function as it is returns for float64; raises Unusable."""
        named = {name: _floats(row) for name, row in self.named.items()}
        return run_rule(function, _floats(self.bids), _floats(self.dists), named)


def run_exactly(
    function: ProfileFunction,
    bids: Row,
    dists: Sequence[Row],
    named: Mapping[str, Row],
    algebra: Algebra,
) -> ExactRun:
    """The values of a function at a profile, undefined where it raises.

    `algebra` is `Exact` for Fractions alone, or `Balls`, of the precision in force. Raises
    NoExactRun where there is no exact run that counts, and Undecided where more bits may help.
    """
    at = _Profile(bids, dists, named)
    try:
        return _that_counts(function, at, algebra, as_it_is=True)
    except (Undecided, OtherNumbers):
        raise
    except NoExactRun:
        return _that_counts(function, at, algebra, as_it_is=False)


def _that_counts(
    function: ProfileFunction,
    at: _Profile,
    algebra: Algebra,
    as_it_is: bool,
) -> ExactRun:
    """The run of a function as it is, or with what stands for Python's own numbers."""
    found = _run(function, at, algebra, as_it_is)
    if not _same(found, _run(function, at, algebra, as_it_is)):
        raise NoExactRun("two runs give two results")
    if _agrees(function, found, at):
        return found
    if found.raised is not None:
        raise NoExactRun("it raises on exact numbers and on float64 not, or something else")
    if not found.near:
        if _rounding_explains(function, at, as_it_is):
            raise OtherNumbers("rounding makes other numbers of it on float64")
        raise NoExactRun("the run on float64 gives other numbers")
    for step in _BESIDE:
        beside = _beside(at, step)
        if not _agrees(function, _run(function, beside, algebra, as_it_is), beside):
            raise NoExactRun("the run on float64 gives other numbers at profiles beside this one")
    return found


def _rounding_explains(
    function: ProfileFunction,
    at: _Profile,
    as_it_is: bool,
) -> bool:
    """Whether balls of fewer bits than a float has, step by step, hold what the plain run gives.

    Where they leave a comparison or an operation open, rounding decides it.
    """
    from tokenauction.proofs.core.evaluation.balls import Balls, precision  # flint, seldom needed

    with precision(FLOAT_BITS):
        try:
            loose = _run(function, at, Balls, as_it_is, loose=True)
        except Undecided:
            return True
        except NoExactRun:
            return False
    try:
        plain = at.plain_run(function)
    except Unusable:
        return False
    return all(
        not np.isfinite(run) if isinstance(value, Special) else _holds(value, run)
        for run, value in zip(plain, loose.values, strict=True)
    )


def _holds(value: Value, run: float) -> bool:
    """Whether a ball, twice as large, holds a number."""
    middle, radius = as_fraction(value)
    return bool(np.isfinite(run)) and abs(Fraction(float(run)) - middle) <= 2 * radius


def _run(
    function: ProfileFunction,
    at: _Profile,
    algebra: Algebra,
    as_it_is: bool,
    loose: bool = False,
) -> ExactRun:
    """One run, in lockstep with floats; of balls around the inputs where it is `loose`."""
    steps = Lockstep(ExactArray, algebra(), loose)
    python = function.function if as_it_is else in_lockstep(steps, function.function)
    if python is None:
        raise NoExactRun("it is no Python function")
    inputs = [_array(steps, at.bids), _array(steps, at.dists)]
    given = {name: _array(steps, at.named[name]) for name in function.open_names}
    fixed = {k: _array(steps, row) for k, row in function.distributions.items() if row is not None}
    numbers = {name: _parameter(steps, value) for name, value in function.parameters.items()}
    before = [_values(array) for array in (*inputs, *given.values())]
    shape = (len(at.dists[0]),) if function.returns == "tokens" else (len(at.bids),)
    raised: Exception | None = None
    values = (UNDEFINED,) * shape[0]
    try:
        with np.errstate(all="ignore"):
            result = python(*inputs, **numbers, **given, **fixed)
            values = _values(_returned(steps, result, shape))
    except MemoryError:
        raise
    except Exception as problem:
        raised = problem
    if steps.failure is not None:
        raise steps.failure from raised
    if any(_values(a) != old for a, old in zip((*inputs, *given.values()), before, strict=True)):
        raise NoExactRun("the rule changes its input in place")
    return ExactRun(values, steps.near, steps.long_constants, raised)


def _array(steps: Lockstep, numbers: Any) -> ExactArray:
    """Fractions, or floats of a fixed distribution, as an array of the run."""
    rows = np.array(numbers, dtype=object)
    exact = np.empty(rows.shape, dtype=object)
    for place in np.ndindex(*rows.shape):
        number = steps.number(rows[place])
        exact[place] = number.inexact() if steps.loose else number
    return ExactArray(steps, rows.astype(np.float64), exact)


def _parameter(steps: Lockstep, value: Any) -> Any:
    """A parameter: integers stay what they are, since they may be counts."""
    if isinstance(value, int):
        return value
    return ExactArray(steps, float(value), steps.number(value))


def _returned(steps: Lockstep, result: Any, shape: tuple[int, ...]) -> ExactArray:
    """What a function returned as an array of the run, as `run_rule` reads it."""
    found = steps.call(np.array, (result,), {"dtype": np.float64})
    if not isinstance(found, ExactArray) or found.twin.shape != shape:
        steps.fail("the rule returns something else than an array of its length")
    return found


def _values(array: ExactArray) -> tuple[Value, ...]:
    return tuple(number.value for number in array.exact.flat)


def _same(one: ExactRun, other: ExactRun) -> bool:
    pairs = zip(one.values, other.values, strict=True)
    return type(one.raised) is type(other.raised) and all(_alike(*pair) for pair in pairs)


def _alike(one: Value, other: Value) -> bool:
    if isinstance(one, Special) or isinstance(other, Special):
        return one is other
    return as_fraction(one) == as_fraction(other)


def _agrees(
    function: ProfileFunction,
    found: ExactRun,
    at: _Profile,
) -> bool:
    """Whether the plain run on float64 gives the same up to rounding, or raises the same."""
    try:
        plain = at.plain_run(function)
    except Misbehaves as problem:
        raise NoExactRun(str(problem)) from problem
    except Unusable as problem:
        return type(problem.__cause__) is type(found.raised)
    if found.raised is not None:
        return False
    expected = [
        np.nan if isinstance(v, Special) else float(as_fraction(v)[0]) for v in found.values
    ]
    scale = max([abs(x) for x in expected if np.isfinite(x)], default=0.0)
    if function.returns == "agents":
        scale = max(scale, float(max(at.bids)))
    pairs = zip(plain, expected, strict=True)
    return all(
        not np.isfinite(run) if np.isnan(exact) else abs(run - exact) <= _AGREEMENT * scale
        for run, exact in pairs
    )


def _floats(numbers: Any) -> Any:
    return np.array(numbers, dtype=object).astype(np.float64)


def _beside(at: _Profile, step: Fraction) -> _Profile:
    """A profile beside another: what is zero stays zero, what is equal does not stay equal."""
    rows = (at.bids, *at.dists, *at.named.values())
    moved = [_moved(row, step, place) for place, row in enumerate(rows)]
    dists = [tuple(p / sum(row) for p in row) for row in moved[1:]]
    count = len(at.dists)
    return _Profile(moved[0], dists[:count], dict(zip(at.named, dists[count:], strict=True)))


def _moved(row: Row, step: Fraction, place: int) -> Row:
    return tuple(x * (1 + step * _share(place * len(row) + k)) for k, x in enumerate(row))


def _share(place: int) -> Fraction:
    """Numbers between one half and one that no two places share."""
    return Fraction(1, 2) + Fraction((place * 311 + 97) % 1009, 2018)


def _float_of(value: Value) -> float:
    return np.nan if isinstance(value, Special) else float(as_fraction(value)[0])
