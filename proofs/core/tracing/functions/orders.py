"""TRUSTED CORE. What needs lengths: sorts, positions of extrema, medians, running sums, gathers.

It works at fixed sizes, and raises SizeRequired otherwise.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Index, Node
from tokenauction.proofs.core.tracing.functions.elementwise import forbid_truth_values
from tokenauction.proofs.core.tracing.functions.shapes import need_lengths, squeeze
from tokenauction.proofs.core.tracing.registry import FUNCTIONS, export
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
    as_traced,
    axis_number,
    elementwise,
    fold_rows,
    number,
    scalar_array,
)
from tokenauction.proofs.core.tracing.trace import Trace


def _along(
    array: SymbolicArray, axis: Any, work: Callable[[list[Node]], list[Node]]
) -> SymbolicArray:
    """The array with `work` applied to every line of nodes along an axis."""
    place = axis_number(axis, array.ndim)
    moved = np.moveaxis(array.elements, place, -1)
    results: dict[tuple[int, ...], list[Node]] = {
        line: work(list(moved[line])) for line in np.ndindex(*moved.shape[:-1])
    }
    length = len(next(iter(results.values()))) if results else 0
    filled = np.empty((*moved.shape[:-1], length), dtype=object)
    for line, nodes in results.items():
        filled[line] = np.array(nodes, dtype=object)
    elements = np.moveaxis(filled, -1, place)
    return SymbolicArray(array.trace, elements.shape, elements, boolean=array.boolean)


def _ranks(nodes: list[Node], descending: bool) -> list[Node]:
    """The place of every node in the stable order: how many come before it."""

    def before(i: int, j: int) -> Node:
        strictly = graph.less(nodes[j], nodes[i]) if descending else graph.less(nodes[i], nodes[j])
        tied = graph.equal(nodes[i], nodes[j]) if i < j else graph.FALSE
        return graph.disj(strictly, tied)

    counted = range(len(nodes))
    return [
        graph.add(graph.ZERO, *(number(before(i, j)) for i in counted if i != j)) for j in counted
    ]


def _sorted_nodes(nodes: list[Node]) -> list[Node]:
    """A sorting network: comparators between neighbours, so every output is max and min nodes."""
    ordered = list(nodes)
    for end in range(len(ordered) - 1, 0, -1):
        for i in range(end):
            low = graph.minimum(ordered[i], ordered[i + 1])
            high = graph.maximum(ordered[i], ordered[i + 1])
            ordered[i], ordered[i + 1] = low, high
    return ordered


def _line(trace: Trace, what: str, array: SymbolicArray, axis: Any) -> tuple[SymbolicArray, Any]:
    """The array whose lengths are known, and the axis along which it is looked at: all in a row."""
    need_lengths(trace, what, array)
    return (array.reshaped((-1,)), 0) if axis is None else (array, axis)


@export("sort")
def _sort(
    trace: Trace,
    x: Any,
    axis: Any = -1,
    descending: bool = False,
    stable: Any = True,
    kind: Any = None,
) -> Any:
    """Equal numbers are alike, so that neither `stable` nor `kind` means anything."""
    forbid_truth_values(trace, "sort", x)
    array = as_traced(trace, x)
    array, axis = _line(trace, "sorts", array, axis)
    return _along(array, axis, lambda n: _sorted_nodes(n)[:: -1 if descending else 1])


@export("argsort")
def _argsort(
    trace: Trace,
    x: Any,
    axis: Any = -1,
    descending: bool = False,
    stable: Any = True,
    kind: Any = None,
) -> Any:
    """The stable order: NumPy's default one has equal numbers in any order."""
    if not stable and kind not in ("stable", "mergesort"):
        raise trace.error("the rule sorts equal numbers in an order of NumPy's", "say stable=True")
    array = elementwise(number, as_traced(trace, x))
    array, axis = _line(trace, "sorts", array, axis)

    def order(nodes: list[Node]) -> list[Node]:
        ranks = _ranks(nodes, descending)
        return [_position_of(ranks, place) for place in range(len(nodes))]

    return _along(array, axis, order)


def _position_of(ranks: list[Node], place: int) -> Node:
    position = graph.constant(len(ranks) - 1)
    for i in range(len(ranks) - 2, -1, -1):
        here = graph.equal(ranks[i], graph.constant(place))
        position = graph.where(here, graph.constant(i), position)
    return position


def _arg_extremum(name: str, descending: bool) -> None:
    def call(trace: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        array = elementwise(number, as_traced(trace, x))
        if axis is not None:
            axis = axis_number(axis, array.ndim)
        if len(array.axes) == 1 and isinstance(array.axes[0], Index) and not keepdims:
            over = trace.fresh(array.axes[0].axis)
            key = traversal.substitute_index(array.node(), array.axes[0], over)
            return scalar_array(trace, graph.position_of_largest(over, number(key), descending))
        array, axis = _line(trace, "looks for the position of an extremum", array, axis)
        found = _along(array, axis, lambda n: [_first_of(n, descending)])
        return found if keepdims else squeeze(trace, found, axis)

    FUNCTIONS[name] = call


def _first_of(nodes: list[Node], largest: bool) -> Node:
    best = fold_rows(
        Trace(), "max" if largest else "min", [scalar_array(Trace(), n).elements for n in nodes], ()
    )[()]
    position = graph.constant(len(nodes) - 1)
    for i in range(len(nodes) - 2, -1, -1):
        position = graph.where(graph.equal(nodes[i], best), graph.constant(i), position)
    return position


_arg_extremum("argmax", True)
_arg_extremum("argmin", False)


@export("median")
def _median(trace: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if isinstance(axis, tuple):
        raise trace.error("a median over several axes cannot be traced", "reshape the array first")
    array = elementwise(number, as_traced(trace, x))
    need_lengths(trace, "takes a median", array)
    if axis is None:
        array, axis = array.reshaped((-1,)), 0

    def middle(nodes: list[Node]) -> list[Node]:
        ordered, half = _sorted_nodes(nodes), len(nodes) // 2
        if len(nodes) % 2:
            return [ordered[half]]
        return [
            graph.mul(graph.constant(Fraction(1, 2)), graph.add(ordered[half - 1], ordered[half]))
        ]

    found = _along(array, axis, middle)
    return found if keepdims else squeeze(trace, found, axis)


def _scan(name: str, combine: Callable[..., Node]) -> None:
    def call(trace: Trace, x: Any, axis: Any = None, include_initial: bool = False) -> Any:
        array = elementwise(number, as_traced(trace, x))
        need_lengths(trace, "accumulates", array)
        if include_initial:
            raise trace.error(f"{name} with include_initial cannot be traced")
        if axis is None and array.ndim != 1:
            raise trace.error(f"{name} of several axes cannot be traced", "name an axis")
        axis = 0 if axis is None else axis
        return _along(array, axis, lambda n: [combine(*n[: stop + 1]) for stop in range(len(n))])

    FUNCTIONS[name] = call


_scan("cumulative_sum", graph.add)
_scan("cumulative_prod", graph.mul)


@export("take")
def _take(trace: Trace, x: Any, indices: Any, axis: Any = None) -> Any:
    array = as_traced(trace, x)
    if axis is None:
        array, axis = array if array.ndim == 1 else array.reshaped((-1,)), 0
    place = axis_number(axis, array.ndim)
    return array[(*[slice(None)] * place, as_traced(trace, indices))]


@export("take_along_axis")
def _take_along_axis(trace: Trace, x: Any, indices: Any, axis: Any = -1) -> Any:
    array, wanted = as_traced(trace, x), as_traced(trace, indices)
    need_lengths(trace, "indexes with computed positions", array, wanted)
    place = axis_number(axis, array.ndim)
    lengths = [np.delete(part.elements.shape, place).tolist() for part in (array, wanted)]
    if lengths[0] != lengths[1]:
        raise trace.error("take_along_axis of unlike shapes cannot be traced", "broadcast them")
    values = np.moveaxis(array.elements, place, -1)
    chosen = np.moveaxis(wanted.elements, place, -1)
    result = np.empty(chosen.shape, dtype=object)
    for line in np.ndindex(*chosen.shape):
        row = SymbolicArray(trace, (values.shape[-1],), values[line[:-1]])
        result[line] = row[scalar_array(trace, chosen[line])].node()
    elements = np.moveaxis(result, -1, place)
    return SymbolicArray(trace, elements.shape, elements, boolean=array.boolean)
