"""TRUSTED CORE. The libraries that a traced rule calls: NumPy, and the array API namespace.

NumPy's own functions arrive here through its dispatch protocols, those of `array_namespace(bids)`
by name. Guarantee: a call is looked up in the table of proofs/core/tracing/signatures.py before
anything runs, its arguments are bound by the library's own parameters, and it is then made by the
library too, on the twins. What is not in the table ends the trace.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

import array_api_compat
import array_api_compat.numpy
import numpy as np

from tokenauction.mechanisms.order_statistics import sum_of_greater
from tokenauction.proofs.core.tracing.functions import FUNCTIONS
from tokenauction.proofs.core.tracing.halves import symbol_of, twin_of
from tokenauction.proofs.core.tracing.signatures import NUMPY, STANDARD, Form
from tokenauction.proofs.core.tracing.steps import step
from tokenauction.proofs.core.tracing.trace import Trace
from tokenauction.proofs.core.tracing.twins import NUMBER, TRUTH, WHOLE, kind_of

CONSTANTS: Final = frozenset(
    ["pi", "e", "inf", "nan", "newaxis", "float32", "float64", "bool", "bool_", "int32", "int64"]
)
# Functions of kinds of numbers and of lengths, which return nothing that is traced.
ABOUT_DTYPES: Final = frozenset(["finfo", "iinfo", "isdtype", "result_type", "can_cast"])
# Computed in whole numbers, these are cut.
_DIVIDES: Final = frozenset(["mean", "var", "std"])

_WAY_OUT = "write it with elementwise functions and sums, or see the list in docs/rules.md"


class Namespace:
    """A library as one trace sees it: `numpy`, `array_api_compat.numpy`, or their `linalg`."""

    def __init__(self, trace: Trace, library: Any = array_api_compat.numpy) -> None:
        self._trace = trace
        self._library = library
        self.__name__ = library.__name__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Namespace) and other._library is self._library

    def __hash__(self) -> int:
        return hash(self._library.__name__)

    def __getattr__(self, name: str) -> Any:
        if name == "sum_of_greater":
            return functools.partial(_sum_of_greater, self._trace)
        if name.startswith("__"):
            raise AttributeError(name)
        real = getattr(self._library, name)
        if name in CONSTANTS:
            return real
        if name == "linalg":
            return Namespace(self._trace, real)
        if name in ABOUT_DTYPES:
            return lambda *args, **kwargs: real(*twin_of(args), **_each(twin_of, kwargs))
        form = self._form(name)
        if form is None:
            raise self._trace.error(
                f"the array function {name!r} cannot be traced", _WAY_OUT, code="untraced-call"
            )
        return lambda *args, **kwargs: call_form(self._trace, name, form, real, args, kwargs)

    def _form(self, name: str) -> Form | None:
        prefix = "linalg." if self._library.__name__.endswith("linalg") else ""
        own = STANDARD if self._library.__name__.startswith("array_api_compat") else {}
        return own.get(prefix + name) or NUMPY.get(prefix + name)


def namespace_for_caller(trace: Trace) -> Namespace:
    """What `x.__array_namespace__()` returns on NumPy: its own namespace, or array-api-compat's."""
    frame = sys._getframe(2)
    asked_by = frame.f_globals.get("__name__", "")
    compat = asked_by.startswith("array_api_compat")
    return Namespace(trace, array_api_compat.numpy if compat else np)


def call_numpy(trace: Trace, function: Any, args: Any, kwargs: Any) -> Any:
    """A NumPy function on traced arrays."""
    prefix = "linalg." if "linalg" in function.__module__ else ""
    name = prefix + function.__name__
    form = NUMPY.get(name)
    if form is None:
        raise trace.error(f"np.{name} cannot be traced", _WAY_OUT, code="untraced-call")
    return call_form(trace, name, form, function, args, kwargs)


def call_ufunc(trace: Trace, ufunc: Any, method: str, args: Any, kwargs: Any) -> Any:
    """A universal function of NumPy, or its method `reduce`, on traced arrays."""
    call = ufunc if method == "__call__" else getattr(ufunc, method)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    form = NUMPY.get(name)
    if form is None:
        raise trace.error(f"np.{name} cannot be traced", _WAY_OUT, code="untraced-call")
    return call_form(trace, name, form, call, args, kwargs)


def call_form(
    trace: Trace, name: str, form: Form, function: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    """A call of the library: bound by its parameters, made on the twins, and followed."""
    positional, named = form.bound(trace, name, args, kwargs)
    core = form.core
    if form.computes_in_dtype:
        positional = _cast(trace, name, core, positional, named.pop("dtype", None))
    if core == "floor_divide" and all(_is_whole(one) for one in positional):
        core = "whole_floor_divide"
    if core == "astype":
        _forbid_cutting(trace, *positional)
    return step(
        trace,
        name,
        lambda: function(*twin_of(args), **_each(twin_of, kwargs)),
        lambda: FUNCTIONS[core](trace, *symbol_of(positional), **_each(symbol_of, named)),
        (*args, *kwargs.values()),
    )


def _each(half: Callable[[Any], Any], named: dict[str, Any]) -> dict[str, Any]:
    return {name: half(value) for name, value in named.items()}


def _cast(trace: Trace, name: str, core: str, values: list[Any], dtype: Any) -> list[Any]:
    """The arguments in the kind of number that `dtype=` has NumPy compute in."""
    if dtype is None:
        return values
    wanted = np.dtype(dtype)
    fractions = core in _DIVIDES or any(kind_of(twin_of(one)) == NUMBER for one in values)
    if wanted != np.float64 and (wanted != np.int64 or fractions):
        raise trace.error(
            f"{name} computes in {wanted} with dtype=",
            "use xp.astype, or xp.floor",
            "untraced-call",
        )
    return [FUNCTIONS["as_numbers"](trace, symbol_of(one)) for one in values]


def _is_whole(value: Any) -> bool:
    return kind_of(np.asarray(twin_of(value))) in (WHOLE, TRUTH)


def _forbid_cutting(trace: Trace, x: Any, dtype: Any) -> None:
    if np.dtype(dtype).kind in "iu" and not _is_whole(x):
        raise trace.error(
            "the rule rounds to integers", "use xp.floor, whose meaning is exact", "narrowing-store"
        )


def _sum_of_greater(trace: Trace, values: Any, weights: Any) -> Any:
    """The function of `mechanisms`, which sorts where it runs and compares all pairs in a trace."""
    return step(
        trace,
        "sum_of_greater",
        lambda: sum_of_greater(twin_of(values), twin_of(weights)),
        lambda: FUNCTIONS["sum_of_greater"](trace, symbol_of(values), symbol_of(weights)),
        (values, weights),
    )
