"""TRUSTED CORE. What sums, extrema, means and counts along axes mean."""

from typing import Any

import numpy as np

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Reduction
from tokenauction.proofs.core.tracing.functions.elementwise import as_truth, is_truth, where
from tokenauction.proofs.core.tracing.registry import FUNCTIONS, export
from tokenauction.proofs.core.tracing.symbolic_array import (
    as_traced,
    axis_number,
    axis_numbers,
    check_same_axes,
    check_same_length,
    elementwise,
    number,
    reduce_axes,
)
from tokenauction.proofs.core.tracing.trace import Trace


def flag(value: Any) -> bool:
    """A truth value that NumPy's dispatch may not have been given."""
    return value is not np._NoValue and bool(value)


def _reduction(name: Reduction) -> None:
    def call(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        array = as_traced(trace, x)
        if name in ("all", "any"):
            array = elementwise(as_truth, array, boolean=True)
        elif name in ("max", "min") and array.boolean:
            return reduce_axes("any" if name == "max" else "all", array, axis, flag(keepdims))
        else:
            array = elementwise(number, array)
        return reduce_axes(name, array, axis, flag(keepdims))

    FUNCTIONS[name] = call


for _name in graph.REDUCTIONS:
    _reduction(_name)


@export("sum_of_greater")
def _sum_of_greater(trace: Trace, values: Any, weights: Any) -> Any:
    """What the function of `mechanisms` finds by sorting, as comparisons of all pairs."""
    keys, shares = (elementwise(number, as_traced(trace, array)) for array in (values, weights))
    if is_truth(values):
        raise TypeError("sum_of_greater orders numbers, not truth values")
    kinds = [[getattr(axis, "axis", axis) for axis in array.axes] for array in (keys, shares)]
    if len(kinds[0]) != 1 or kinds[0] != kinds[1]:
        raise ValueError("sum_of_greater takes two arrays of one shape (n,)")
    greater = elementwise(graph.less, keys[:, None], keys[None, :], boolean=True)
    return reduce_axes("sum", where(trace, greater, shares[None, :], 0), 1)


@export("mean")
def _mean(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    array = as_traced(trace, x)
    total = FUNCTIONS["sum"](trace, array, axis, keepdims)
    chosen = range(array.ndim) if axis is None else axis_numbers(axis, array.ndim)
    for one in chosen:
        total = total / array.shape[one]
    return total


@export("var")
def _var(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    array = as_traced(trace, x)
    centred = array - _mean(trace, array, axis, True)
    return _mean(trace, centred * centred, axis, keepdims)


@export("std")
def _std(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return FUNCTIONS["sqrt"](trace, _var(trace, x, axis, keepdims))


@export("count_nonzero")
def _count_nonzero(trace: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    truths = elementwise(as_truth, as_traced(trace, x), boolean=True)
    return FUNCTIONS["sum"](trace, truths, axis, keepdims)


@export("average")
def _average(
    trace: Trace, a: Any, axis: Any = None, weights: Any = None, keepdims: Any = False
) -> Any:
    if weights is None:
        return _mean(trace, a, axis, keepdims)
    array, shares = as_traced(trace, a), as_traced(trace, weights)
    if shares.ndim == array.ndim:
        check_same_axes(trace, "average", array, shares)
    elif axis is None or shares.ndim != 1:
        raise TypeError("average takes weights along one axis, which has to be named")
    else:
        place = axis_number(axis, array.ndim)
        check_same_length(trace, "average", array.axes[place], shares.axes[0])
        shares = shares[tuple(slice(None) if i == place else None for i in range(array.ndim))]
    top = FUNCTIONS["sum"](trace, array * shares, axis, flag(keepdims))
    return top / FUNCTIONS["sum"](trace, shares, axis, flag(keepdims))
