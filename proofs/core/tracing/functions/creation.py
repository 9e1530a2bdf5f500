"""TRUSTED CORE. What new arrays are: copies, zeros, ranges."""

import operator
from typing import Any

import numpy as np

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Index, Node
from tokenauction.proofs.core.tracing.functions.elementwise import astype
from tokenauction.proofs.core.tracing.registry import export
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
    as_traced,
    elementwise,
    is_whole,
    number,
    scalar_array,
)
from tokenauction.proofs.core.tracing.trace import Trace


@export("asarray")
def _asarray(trace: Trace, value: Any, dtype: Any = None) -> Any:
    array = as_traced(trace, value)
    return array if dtype is None else astype(trace, array, dtype)


@export("copy")
def _copy(trace: Trace, value: Any) -> Any:
    return as_traced(trace, value)


@export("item")
def _item(trace: Trace, value: Any) -> Any:
    return scalar_array(trace, as_traced(trace, value).node())


def _one_number(trace: Trace, value: Any) -> Node:
    """What an array is filled with."""
    array = as_traced(trace, value)
    if array.axes:
        raise trace.error("an array is filled with an array", "use xp.broadcast_to")
    return array.node()


def filled(trace: Trace, shape: Any, value: Any) -> SymbolicArray:
    node = _one_number(trace, value)
    lengths = shape if isinstance(shape, tuple | list) else (shape,)
    axes: list[Any] = []
    for length in lengths:
        if isinstance(length, SymbolicArray) and length.node().op == "size":
            axes.append(trace.fresh(length.node().data))
        else:
            axes.append(operator.index(length))
    elements = np.full(
        [1 if isinstance(axis, Index) else axis for axis in axes], node, dtype=object
    )
    return SymbolicArray(trace, tuple(axes), elements, boolean=graph.is_boolean(node))


@export("empty")
def _empty(trace: Trace, shape: Any, dtype: Any = None) -> Any:
    """Memory that nobody has written: undefined until it is assigned."""
    return elementwise(_unwritten, filled(trace, shape, 0))


@export("empty_like")
def _empty_like(trace: Trace, x: Any, dtype: Any = None) -> Any:
    return elementwise(_unwritten, as_traced(trace, x))


def _unwritten(_: Node) -> Node:
    return graph.div(graph.ZERO, graph.ZERO)


@export("zeros")
def _zeros(trace: Trace, shape: Any, dtype: Any = None) -> Any:
    return _asarray(trace, filled(trace, shape, 0), dtype)


@export("ones")
def _ones(trace: Trace, shape: Any, dtype: Any = None) -> Any:
    return _asarray(trace, filled(trace, shape, 1), dtype)


@export("full")
def _full(trace: Trace, shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    return _asarray(trace, filled(trace, shape, fill_value), dtype)


def _like(trace: Trace, x: Any, value: Any, dtype: Any) -> Any:
    node, array = _one_number(trace, value), as_traced(trace, x)
    if not array.boolean:
        node = number(node)
    if dtype is None and not is_whole(node) and all(map(is_whole, array.elements.reshape(-1))):
        raise trace.error("an array of whole numbers may not hold a fraction", "give a dtype")
    filled = elementwise(lambda _: node, array, boolean=graph.is_boolean(node))
    kept = bool if array.boolean and dtype is None else dtype
    return _asarray(trace, filled, kept)


@export("zeros_like")
def _zeros_like(trace: Trace, x: Any, dtype: Any = None) -> Any:
    return _like(trace, x, 0, dtype)


@export("ones_like")
def _ones_like(trace: Trace, x: Any, dtype: Any = None) -> Any:
    return _like(trace, x, 1, dtype)


@export("full_like")
def _full_like(trace: Trace, x: Any, fill_value: Any, dtype: Any = None) -> Any:
    return _like(trace, x, fill_value, dtype)


@export("arange")
def _arange(trace: Trace, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    first, last = (0, start) if stop is None else (start, stop)
    if any(isinstance(part, float) for part in (first, last, step)):
        raise trace.error("arange of floats cannot be traced", "count in whole numbers")
    counted = range(operator.index(first), operator.index(last), operator.index(step))
    return _asarray(trace, list(counted), dtype)


@export("eye")
def _eye(trace: Trace, n_rows: Any, n_cols: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    rows = operator.index(n_rows)
    columns = rows if n_cols is None else operator.index(n_cols)
    if rows < 0 or columns < 0:
        raise ValueError("eye takes lengths of at least zero")
    offset = operator.index(k)
    table = [[int(j == i + offset) for j in range(columns)] for i in range(rows)]
    return _asarray(trace, table, dtype)
