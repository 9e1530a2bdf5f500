"""TRUSTED CORE. What functions that move elements mean: reshaping, stacking, reordering."""

from typing import Any

import numpy as np

from tokenauction.proofs.core.language.graph import Index
from tokenauction.proofs.core.tracing.functions.creation import filled
from tokenauction.proofs.core.tracing.registry import FUNCTIONS, export
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
    as_traced,
    axis_number,
    axis_numbers,
    broadcast,
    check_same_axes,
    check_same_length,
    elementwise,
    of_one_kind,
)
from tokenauction.proofs.core.tracing.trace import Trace


@export("reshape")
def _reshape(trace: Trace, x: Any, shape: Any, *more: Any) -> Any:
    lengths = shape if isinstance(shape, tuple | list) else (shape, *more)
    return as_traced(trace, x).reshaped(lengths)


@export("flatten")
def _flatten(trace: Trace, x: Any) -> Any:
    array = as_traced(trace, x)
    return array if array.ndim == 1 else array.reshaped((-1,))


@export("expand_dims")
def _expand_dims(trace: Trace, x: Any, axis: Any = 0) -> Any:
    array = as_traced(trace, x)
    if isinstance(axis, tuple):
        raise trace.error("expand_dims of several axes cannot be traced", "add one at a time")
    place = axis_number(axis, array.ndim + 1)
    return array[(*[slice(None)] * place, None)]


@export("squeeze")
def squeeze(trace: Trace, x: Any, axis: Any = None) -> Any:
    array = as_traced(trace, x)
    listed = axis if isinstance(axis, tuple) else (axis,)
    if axis is None:
        need_lengths(trace, "squeezes whatever has length one", array)
        listed = tuple(i for i, length in enumerate(array.axes) if length == 1)
    chosen = axis_numbers(listed, array.ndim)
    for one in chosen:
        check_same_length(trace, "squeeze", array.axes[one], 1)
    return array[tuple(0 if i in chosen else slice(None) for i in range(array.ndim))]


@export("permute_dims")
def _permute_dims(trace: Trace, x: Any, axes: Any = None, *more: Any) -> Any:
    array = as_traced(trace, x)
    if axes is None:
        return array.T
    return array.permuted_axes((axes, *more) if isinstance(axes, int) else axes)


@export("matrix_transpose")
def _matrix_transpose(trace: Trace, x: Any) -> Any:
    return as_traced(trace, x).mT


@export("swapaxes")
def _swapaxes(trace: Trace, x: Any, first: int, second: int) -> Any:
    array = as_traced(trace, x)
    order = list(range(array.ndim))
    first, second = axis_number(first, array.ndim), axis_number(second, array.ndim)
    order[first], order[second] = order[second], order[first]
    return array.permuted_axes(order)


@export("moveaxis")
def moveaxis(trace: Trace, x: Any, source: Any, destination: Any) -> Any:
    array = as_traced(trace, x)
    if isinstance(source, tuple | list) or isinstance(destination, tuple | list):
        raise trace.error("moveaxis of several axes cannot be traced", "use permute_dims")
    taken = axis_number(source, array.ndim)
    order = [axis for axis in range(array.ndim) if axis != taken]
    order.insert(axis_number(destination, array.ndim), taken)
    return array.permuted_axes(order)


@export("broadcast_arrays")
def _broadcast_arrays(trace: Trace, *arrays: Any) -> Any:
    traced = [as_traced(trace, array) for array in arrays]
    return [
        elementwise(lambda *nodes, k=place: nodes[k], *traced, boolean=array.boolean)
        for place, array in enumerate(traced)
    ]


@export("broadcast_to")
def _broadcast_to(trace: Trace, x: Any, shape: Any) -> Any:
    array = as_traced(trace, x)
    target = filled(trace, shape, 0)
    if array.ndim > target.ndim:
        raise ValueError(f"an array of {array.ndim} axes does not fit {target.ndim}")
    for own, wanted in zip(array.axes[::-1], target.axes[::-1], strict=False):
        if own != 1:
            check_same_length(trace, "broadcast_to", own, wanted)
    return elementwise(lambda node, _: node, array, target, boolean=array.boolean)


@export("stack")
def _stack(trace: Trace, arrays: Any, axis: int = 0) -> Any:
    traced = of_one_kind([as_traced(trace, array) for array in arrays])
    for array in traced[1:]:
        check_same_axes(trace, "stack", traced[0], array)
    axes, elements = broadcast(trace, traced)
    place = axis_number(axis, len(axes) + 1)
    stacked = np.stack(np.broadcast_arrays(*elements), axis=place)
    kinds = [
        one if isinstance(one, Index) else length
        for one, length in zip(axes, np.delete(stacked.shape, place), strict=True)
    ]
    kinds.insert(place, len(traced))
    return SymbolicArray(
        trace,
        tuple(int(k) if not isinstance(k, Index) else k for k in kinds),
        stacked,
        boolean=traced[0].boolean,
    )


@export("concat")
def _concat(trace: Trace, arrays: Any, axis: Any = 0) -> Any:
    traced = of_one_kind([as_traced(trace, array) for array in arrays])
    need_lengths(trace, "concatenates", *traced)
    elements = np.concatenate([array.elements for array in traced], axis=axis)
    return SymbolicArray(trace, elements.shape, elements, boolean=traced[0].boolean)


def _rearrangement(name: str) -> None:
    def call(trace: Trace, x: Any, *args: Any, **kwargs: Any) -> Any:
        array = as_traced(trace, x)
        need_lengths(trace, "rearranges", array)
        elements = getattr(np, name)(array.elements, *args, **kwargs)
        return SymbolicArray(trace, elements.shape, elements, boolean=array.boolean)

    FUNCTIONS[name] = call


for _name in ("flip", "roll", "repeat", "tile"):
    _rearrangement(_name)


@export("unstack")
def _unstack(trace: Trace, x: Any, axis: int = 0) -> Any:
    array = as_traced(trace, x)
    return tuple(moveaxis(trace, array, axis, 0))


def need_lengths(trace: Trace, doing: str, *arrays: SymbolicArray) -> None:
    if any(isinstance(axis, Index) for array in arrays for axis in array.axes):
        raise trace.needs_size(f"the rule {doing} along the agents or tokens")
