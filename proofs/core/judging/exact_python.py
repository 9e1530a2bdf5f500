"""TRUSTED CORE. Python's own numbers in an exact run: what `float`, `math` and `np` are there.

A function that takes its numbers out of arrays (`float(b)`, `bids.tolist()`, `math.exp(b)`,
`np.array([x, y])`) leaves exact arithmetic under those names alone. So it is run with others under
them, which make the same step on floats and on exact numbers (proofs/core/judging/lockstep.py).
Guarantee: what is called under such a name is what NumPy, `math` or `float` does, as far as both
sides agree; what has no exact form ends the run. Whether the run counts is decided by
proofs/core/judging/exact_run.py, which compares it with the plain run of the function as it is.
"""

import math
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

import array_api_compat.numpy
import numpy as np

from tokenauction.proofs.core.evaluation.exact import Special
from tokenauction.proofs.core.judging.exact_array import ExactArray, namespace
from tokenauction.proofs.core.judging.exact_numbers import ExactNumber
from tokenauction.proofs.core.judging.lockstep import Lockstep
from tokenauction.proofs.core.judging.pairs import Pair
from tokenauction.proofs.core.runs.rebuilt import rebuilt

_ARRAYS: Final = (np, array_api_compat.numpy)


def _in_domain(number: ExactNumber) -> ExactNumber:
    if isinstance(number.value, Special):
        raise ValueError("math domain error")
    return number


def _log(number: ExactNumber, base: ExactNumber | None = None) -> ExactNumber:
    found = _in_domain(number.log())
    return found if base is None else found / _in_domain(base.log())


def _plain_sum(numbers: Any) -> ExactNumber:
    return sum(numbers)  # type: ignore[no-any-return]


def _product(numbers: Any, *, start: Any = 1) -> ExactNumber:
    for number in numbers:
        start = start * number
    return start  # type: ignore[no-any-return]


_MATH: Final[dict[str, Callable[..., Any]]] = {
    "exp": lambda number: number.exp(),
    "exp2": lambda number: number.exp2(),
    "expm1": lambda number: number.expm1(),
    "log": _log,
    "log2": lambda number: _in_domain(number.log2()),
    "log10": lambda number: _in_domain(number.log10()),
    "log1p": lambda number: _in_domain(number.log1p()),
    "sqrt": lambda number: _in_domain(number.sqrt()),
    "tanh": lambda number: number.tanh(),
    "pow": lambda base, exponent: _in_domain(base**exponent),
    "fabs": abs,
    "fsum": _plain_sum,
    "prod": _product,
}
_WHOLE: Final = ("floor", "ceil", "trunc")


def in_lockstep(steps: Lockstep, function: Callable[..., Any]) -> FunctionType | None:
    """The function with names that make steps of a run; None for what is no Python function."""

    def value(one: Any) -> Any:
        if one is math:
            return _Math(steps)
        if isinstance(one, ModuleType) and one in _ARRAYS:
            return namespace(steps, one)
        name = getattr(one, "__name__", "")
        if isinstance(one, BuiltinFunctionType) and getattr(math, name, None) is one:
            return getattr(_Math(steps), name)
        if callable(one) and not isinstance(one, type | np.ufunc):
            if isinstance(name, str) and getattr(np, name, None) is one:
                return getattr(namespace(steps, np), name)
        return one

    return rebuilt(function, value, more={"float": _float_of(steps)})


class _Math:
    """The module `math`, on numbers of a run."""

    def __init__(self, steps: Lockstep) -> None:
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(math, name)
        if not callable(found) or name in _WHOLE:
            return found

        def function(*args: Any, **options: Any) -> Any:
            args = tuple(list(one) if name in ("fsum", "prod") else one for one in args)
            if not any(_has_pair(one) for one in (*args, *options.values())):
                return found(*args, **options)
            if name not in _MATH:
                self._steps.fail(f"the rule gives a number to math.{name}")
            return self._steps.step((found, _MATH[name]), _as_numbers(self._steps, args), options)

        return function


def _has_pair(value: Any) -> bool:
    return isinstance(value, Pair) or (isinstance(value, list) and any(map(_has_pair, value)))


def _as_numbers(steps: Lockstep, values: Any) -> list[Any]:
    """Pairs of numbers, as `math` takes its arguments; plain numbers are constants."""
    return [
        _as_numbers(steps, one)
        if isinstance(one, list)
        else _number(steps, one)
        if isinstance(one, Pair)
        else float(one)
        for one in values
    ]


def _number(steps: Lockstep, pair: Pair) -> Any:
    """The one number of an array, as a Python float."""
    return steps.step((float, _only), (pair,), {})


def _only(exact: Any) -> Any:
    return exact.item() if isinstance(exact, np.ndarray) else exact


class _Float(type):
    """What `float` is in a run: Python's, of which the numbers of the run are instances."""

    def __instancecheck__(cls, one: Any) -> bool:
        return isinstance(one, float) or (
            isinstance(one, ExactArray) and isinstance(one.twin, float)
        )


def _float_of(steps: Lockstep) -> type:
    def made(_: type, value: Any = 0.0) -> Any:
        return _number(steps, value) if isinstance(value, Pair) else float(value)

    return _Float("float", (float,), {"__new__": made})
