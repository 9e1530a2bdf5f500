"""TRUSTED CORE. What products of arrays mean: matrices, vectors, Einstein sums, norms."""

from typing import Any

import numpy as np

from tokenauction.proofs.core.tracing.functions.reductions import flag
from tokenauction.proofs.core.tracing.functions.shapes import moveaxis
from tokenauction.proofs.core.tracing.registry import FUNCTIONS, export
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
    as_traced,
    axis_number,
    check_same_length,
    elementwise,
    number,
    reduce_axes,
)
from tokenauction.proofs.core.tracing.trace import Trace


def _numbers(trace: Trace, *values: Any) -> list[SymbolicArray]:
    """Arrays of numbers, for products; NumPy's product of truth values is a truth value."""
    arrays = [as_traced(trace, value) for value in values]
    if all(array.boolean for array in arrays):
        raise trace.error("products of truth values cannot be traced", "make one of them a float")
    return [elementwise(number, array) for array in arrays]


@export("dot")
def _dot(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _numbers(trace, left, right)
    return x * y if x.ndim == 0 or y.ndim == 0 else _matmul(trace, x, y)


@export("matmul")
def _matmul(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _numbers(trace, left, right)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul takes arrays with axes; multiply by a number with *")
    if x.ndim > 2 or y.ndim > 2:
        raise trace.error("products of arrays with more than two axes cannot be traced")
    check_same_length(trace, "a product of arrays", x.axes[-1], y.axes[0])
    spread = x[(..., None)] if y.ndim == 2 else x
    other = y if y.ndim == 1 or x.ndim == 1 else y[None, :, :]
    return reduce_axes("sum", spread * other, -1 if y.ndim == 1 else -2)


@export("vecdot")
def _vecdot(trace: Trace, left: Any, right: Any, axis: int = -1) -> Any:
    x, y = (moveaxis(trace, array, axis, -1) for array in _numbers(trace, left, right))
    check_same_length(trace, "vecdot", x.axes[-1], y.axes[-1])
    return reduce_axes("sum", x * y, -1)


def _vectors(trace: Trace, name: str, *values: Any) -> list[SymbolicArray]:
    arrays = _numbers(trace, *values)
    if any(array.ndim != 1 for array in arrays):
        raise trace.error(f"{name} of arrays with several axes cannot be traced", "use matmul")
    return arrays


@export("inner")
def _inner(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _vectors(trace, "inner", left, right)
    check_same_length(trace, "inner", x.axes[0], y.axes[0])
    return reduce_axes("sum", x * y, -1)


@export("outer")
def _outer(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _vectors(trace, "outer", left, right)
    return x[:, None] * y[None, :]


@export("tensordot")
def _tensordot(trace: Trace, left: Any, right: Any, axes: Any = 2) -> Any:
    x, y = as_traced(trace, left), as_traced(trace, right)
    if isinstance(axes, int):
        if not 0 <= axes <= min(x.ndim, y.ndim):
            raise ValueError(f"arrays of {x.ndim} and {y.ndim} axes do not have {axes} to sum over")
        pairs = [list(range(x.ndim - axes, x.ndim)), list(range(axes))]
    else:
        pairs = [[one] if isinstance(one, int) else list(one) for one in axes]
    letters = "abcdefghijklmnopqrstuvwxyz"
    first = list(letters[: x.ndim])
    second = list(letters[x.ndim : x.ndim + y.ndim])
    for i, j in zip(*pairs, strict=True):
        summed, other = axis_number(i, x.ndim), axis_number(j, y.ndim)
        check_same_length(trace, "tensordot", x.axes[summed], y.axes[other])
        second[other] = first[summed]
    kept = [c for c in first + second if (first + second).count(c) == 1]
    return _einsum(trace, f"{''.join(first)},{''.join(second)}->{''.join(kept)}", x, y)


@export("einsum")
def _einsum(trace: Trace, subscripts: str, *operands: Any) -> Any:
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    names = inputs.split(",")
    if not arrow:
        joined = "".join(names)
        output = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    if any(len(set(name)) != len(name) or "." in name for name in (*names, output)):
        raise trace.error("this einsum cannot be traced", "use matmul and sums")
    if not set(output) <= set("".join(names)):
        raise ValueError("the output of einsum has an axis that no operand has")
    letters = list(dict.fromkeys(output + "".join(names)))
    product: Any = None
    arrays = _numbers(trace, *operands)
    for name, array in zip(names, arrays, strict=True):
        present = [letter for letter in letters if letter in name]
        array = array.permuted_axes([name.index(letter) for letter in present])
        array = array[tuple(slice(None) if letter in name else None for letter in letters)]
        product = array if product is None else product * array
    summed = tuple(i for i, letter in enumerate(letters) if letter not in output)
    return reduce_axes("sum", product, summed) if summed else product


@export("norm")
def _norm(trace: Trace, x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """NumPy's norm, which is the vector norm of a vector, or along one axis."""
    array = as_traced(trace, x)
    if array.ndim != 1 and not isinstance(axis, int):
        raise trace.error("the norm of a matrix cannot be traced", "name an axis")
    return _vector_norm(trace, array, axis, flag(keepdims), 2 if ord is None else ord)


@export("vector_norm")
def _vector_norm(
    trace: Trace, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    array = elementwise(number, as_traced(trace, x))
    if ord in (2, None):
        return FUNCTIONS["sqrt"](trace, reduce_axes("sum", array * array, axis, keepdims))
    if ord == 1:
        return reduce_axes("sum", abs(array), axis, keepdims)
    if ord == np.inf:
        return reduce_axes("max", abs(array), axis, keepdims)
    raise trace.error(f"a vector norm of order {ord!r} cannot be traced")
