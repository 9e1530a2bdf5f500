"""TRUSTED CORE. The symbolic half of a traced array: what it is, as expressions.

An axis is an index variable, while the number of agents or tokens is open, or a length. A
`SymbolicArray` holds one expression node for each combination of positions along the axes that have
a length; along the others the node itself speaks of every position. It is a value: nothing changes
it. proofs/core/tracing/traced_array.py gives it a twin, and asks NumPy whether each step is what
NumPy does.

Guarantee: an operation either means what the array API standard says over the real numbers, or
raises an error.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Index, Node, Reduction
from tokenauction.proofs.core.tracing.indexing import (
    AxisLength,
    Indexing,
    Permutation,
    as_object,
    is_whole,
    mapped,
)
from tokenauction.proofs.core.tracing.operators import Operators
from tokenauction.proofs.core.tracing.trace import Trace, TracingError


class SymbolicArray(Operators, Indexing):
    """An array of expression nodes; see the module's docstring."""

    __slots__ = ()

    # Shape -----------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(self._length(axis) for axis in self.axes)

    def _length(self, axis: AxisLength) -> Any:
        if isinstance(axis, int):
            return axis
        return scalar_array(self.trace, graph.size(axis.axis))

    @property
    def size(self) -> Any:
        product: Any = 1
        for length in self.shape:
            product = product * length
        return product

    @property
    def T(self) -> "SymbolicArray":
        return self.permuted_axes(tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> "SymbolicArray":
        return self.permuted_axes((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    def permuted_axes(self, order: Sequence[int]) -> "SymbolicArray":
        order = tuple(axis_number(axis, self.ndim) for axis in order)
        if sorted(order) != list(range(self.ndim)):
            raise ValueError(f"axes {order} do not permute {self.ndim} axes")
        axes = tuple(self.axes[axis] for axis in order)
        return self._like(axes, np.transpose(self.elements, order))

    def _as_array(self, value: Any) -> "SymbolicArray":
        return as_traced(self.trace, value)

    def __len__(self) -> int:
        if not self.axes:
            raise TypeError("len() of an array without axes")
        return operator.index(self.shape[0])

    def __iter__(self) -> Iterator["SymbolicArray"]:
        return iter([self[position] for position in range(len(self))])

    # Values ----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        if self.elements.size != 1 or any(isinstance(axis, Index) for axis in self.axes):
            raise self.trace.error(
                "the rule branches on a whole array",
                "choose element by element with xp.where",
                "branches",
            )
        node = self.node()
        if node.op == "truth":
            return bool(node.data)
        if node.op == "const":
            return bool(node.data != 0)
        leaves = {part.op for part in graph.subnodes(node) if not part.args}
        if leaves <= {"size", "const", "truth"} and not _has_op(node, "reduce"):
            condition = node if self.boolean else graph.negation(graph.equal(node, graph.ZERO))
            return self.trace.decide(condition)
        raise self.trace.error(
            "the rule branches on a value that depends on the bids or distributions",
            "compute both cases and choose with xp.where(condition, a, b)",
            "branches",
        )

    def _concrete(self) -> Any:
        node = self.node()
        if node.op == "const":
            return node.data
        if node.op == "size" or {p.op for p in graph.subnodes(node) if not p.args} <= {
            "size",
            "const",
        }:
            raise self.trace.needs_size("the rule needs the numbers of agents and tokens")
        raise self.trace.error(
            "the rule turns a traced value into a Python number",
            "keep it an array",
            "leaves-arrays",
        )

    def __index__(self) -> int:
        value = self._concrete()
        if value.denominator != 1:
            raise TypeError(f"{value} is not an integer")
        return int(value)

    def __int__(self) -> int:
        return int(self._concrete())

    def __float__(self) -> float:
        return float(self._concrete())


OPERANDS = (SymbolicArray, int, float, Fraction, np.ndarray, np.generic)


def scalar_array(trace: Trace, node: Node) -> SymbolicArray:
    """An array without axes."""
    elements = np.empty((), dtype=object)
    elements[()] = node
    return SymbolicArray(trace, (), elements, boolean=graph.is_boolean(node))


def as_traced(trace: Trace, value: Any) -> SymbolicArray:
    """A number, a NumPy array or a nested list of either as a traced array."""
    if isinstance(value, SymbolicArray):
        if value.trace is not trace:
            raise trace.error("the rule uses an array that an earlier call left behind")
        return value
    if isinstance(value, bool | np.bool_):
        return scalar_array(trace, graph.truth(bool(value)))
    if isinstance(value, list | tuple):
        parts = [as_traced(trace, part) for part in value]
        if any(isinstance(axis, Index) for part in parts for axis in part.axes):
            raise trace.needs_size("the rule puts arrays into a list")
        if any(part.axes != parts[0].axes for part in parts):
            raise ValueError("a list of arrays of unlike shapes is not an array")
        parts = of_one_kind(parts)
        elements = np.empty((len(parts), *(parts[0].elements.shape if parts else ())), dtype=object)
        for position, part in enumerate(parts):
            elements[position] = part.elements if part.axes else part.node()
        return SymbolicArray(
            trace, elements.shape, elements, boolean=bool(parts) and parts[0].boolean
        )
    if isinstance(value, np.ndarray) and value.ndim:
        return as_traced(trace, list(value))
    if isinstance(value, np.ndarray):
        return as_traced(trace, value[()])
    if isinstance(value, Index):
        raise trace.needs_size("the property puts an agent that it is about into a list")
    if isinstance(value, complex | str) or value is None:
        raise trace.error(f"{value!r} is not a real number")
    return scalar_array(trace, graph.constant(trace.rational(value)))


def number(node: Node) -> Node:
    """A truth value as one or zero; a number as it is."""
    return graph.where(node, graph.ONE, graph.ZERO) if graph.is_boolean(node) else node


def of_one_kind(arrays: list[SymbolicArray]) -> list[SymbolicArray]:
    """Arrays of truth values, or of numbers if any is."""
    if all(array.boolean for array in arrays):
        return arrays
    return [elementwise(number, array) for array in arrays]


def check_same_length(trace: Trace, doing: str, left: AxisLength, right: AxisLength) -> None:
    """Refuse two axes that NumPy demands to be of one length: there, a one does not spread.

    Raises ValueError as NumPy does where the lengths differ, SizeRequired where they may.
    """
    if isinstance(left, int) and isinstance(right, int):
        if left != right:
            raise ValueError(f"{doing} takes axes of one length, not {left} and {right}")
    elif isinstance(left, int) or isinstance(right, int) or left.axis is not right.axis:
        raise trace.needs_size(f"{doing} takes axes of one length, which depends on the sizes")


def check_same_axes(trace: Trace, doing: str, left: SymbolicArray, right: SymbolicArray) -> None:
    """The same for every axis of two arrays."""
    if left.ndim != right.ndim:
        raise ValueError(
            f"{doing} takes arrays of one shape, not of {left.ndim} and {right.ndim} axes"
        )
    for one, other in zip(left.axes, right.axes, strict=True):
        check_same_length(trace, doing, one, other)


def elementwise(
    function: Callable[..., Node], *arrays: SymbolicArray, boolean: bool = False
) -> SymbolicArray:
    """The function applied element by element, with the standard's broadcasting."""
    trace = arrays[0].trace
    if any(array.trace is not trace for array in arrays):
        raise trace.error("the rule uses an array that an earlier call left behind")
    if any(node.op == "argmax" for array in arrays for node in array.elements.reshape(-1)):
        raise trace.needs_size("the rule computes with the position of an extremum")
    axes, elements = broadcast(trace, arrays)
    result = np.empty(np.broadcast_shapes(*(part.shape for part in elements)), dtype=object)
    spread = [np.broadcast_to(part, result.shape) for part in elements]
    for place in np.ndindex(*result.shape):
        result[place] = function(*(part[place] for part in spread))
    shape: tuple[int, ...] = result.shape
    lengths = tuple(
        axis if isinstance(axis, Index) else length
        for axis, length in zip(axes, shape, strict=True)
    )
    return SymbolicArray(trace, lengths, result, boolean=boolean)


def broadcast(
    trace: Trace, arrays: Sequence[SymbolicArray]
) -> tuple[tuple[AxisLength, ...], list[Any]]:
    """The arrays with as many axes each, and one index variable along every axis that has one."""
    ndim = max(array.ndim for array in arrays)
    padded = [(1,) * (ndim - array.ndim) + array.axes for array in arrays]
    elements = [
        array.elements.reshape((1,) * (ndim - array.ndim) + array.elements.shape)
        for array in arrays
    ]
    axes: list[AxisLength] = []
    for place in range(ndim):
        here = [row[place] for row in padded]
        variables = [axis for axis in here if isinstance(axis, Index)]
        if not variables:
            axes.append(1)
            continue
        if any(axis != 1 for axis in here if isinstance(axis, int)):
            raise trace.needs_size(
                "the rule mixes an array of fixed length with the agents or tokens"
            )
        if len({variable.axis for variable in variables}) > 1:
            raise trace.needs_size("the rule combines the axis of agents with that of tokens")
        elsewhere = {
            axis for row in padded for other, axis in enumerate(row) if other != place
        } | set(axes)
        first = variables[0]
        axes.append(trace.fresh(first.axis) if first in elsewhere else first)
    renamed = [_rename(part, row, axes) for part, row in zip(elements, padded, strict=True)]
    return tuple(axes), renamed


def _rename(elements: Any, old: Sequence[AxisLength], new: Sequence[AxisLength]) -> Any:
    moves = [
        (before, after)
        for before, after in zip(old, new, strict=True)
        if isinstance(before, Index) and isinstance(after, Index) and before != after
    ]
    for before, after in moves:
        elements = mapped(
            lambda node, b=before, a=after: traversal.substitute_index(node, b, a), elements
        )
    return elements


def reduce_axes(
    kind: Reduction, array: SymbolicArray, axis: Any = None, keepdims: bool = False
) -> SymbolicArray:
    """A reduction over one axis, several, or all (`axis=None`)."""
    chosen = tuple(range(array.ndim)) if axis is None else axis_numbers(axis, array.ndim)
    result = array
    for place in sorted(chosen, reverse=True):
        result = _reduce_one(kind, result, place)
    if keepdims:
        for place in sorted(chosen):
            result, _ = result._apply_key(None, place)
    return SymbolicArray(result.trace, result.axes, result.elements, boolean=kind in ("all", "any"))


def _reduce_one(kind: Reduction, array: SymbolicArray, place: int) -> SymbolicArray:
    axis = array.axes[place]
    rest = (*array.axes[:place], *array.axes[place + 1 :])
    if isinstance(axis, Index):
        body = as_object(np.squeeze(array.elements, axis=place))
        over = array.trace.fresh(axis.axis)
        elements = mapped(
            lambda node: graph.reduce(kind, over, traversal.substitute_index(node, axis, over)),
            body,
        )
    else:
        rows = [as_object(np.take(array.elements, row, axis=place)) for row in range(axis)]
        elements = fold_rows(array.trace, kind, rows, np.delete(array.elements.shape, place))
    return SymbolicArray(array.trace, rest, elements, boolean=array.boolean)


def fold_rows(trace: Trace, kind: Reduction, rows: list[Any], shape: Any) -> Any:
    """A reduction over a known number of rows, each an array of nodes."""
    nary: dict[str, Callable[..., Node]] = {
        "sum": graph.add,
        "prod": graph.mul,
        "all": graph.conj,
        "any": graph.disj,
    }
    if not rows:
        units = {"sum": graph.ZERO, "prod": graph.ONE, "all": graph.TRUE, "any": graph.FALSE}
        if kind not in units:
            raise ValueError(f"{kind} of an empty axis")
        return np.full(tuple(shape), units[kind], dtype=object)
    result = np.empty(rows[0].shape, dtype=object)
    for place in np.ndindex(*result.shape):
        nodes = [row[place] for row in rows]
        if kind in nary:
            result[place] = nary[kind](*nodes)
        else:
            pick = graph.maximum if kind == "max" else graph.minimum
            best = nodes[0]
            for node in nodes[1:]:
                best = pick(best, node)
            result[place] = best
    return result


def axis_number(axis: Any, ndim: int) -> int:
    """An axis counted from the front; raises as NumPy does where there is none."""
    if isinstance(axis, bool):
        raise TypeError("an axis is an integer, not a truth value")
    counted = operator.index(axis)
    if not -ndim <= counted < ndim:
        raise ValueError(f"axis {counted} is out of bounds for an array of {ndim} axes")
    return counted % ndim


def axis_numbers(axis: Any, ndim: int) -> tuple[int, ...]:
    """One axis or a tuple of them, each named once."""
    found = tuple(axis_number(one, ndim) for one in (axis if isinstance(axis, tuple) else (axis,)))
    if len(set(found)) != len(found):
        raise ValueError(f"the axes {axis} name one twice")
    return found


def _has_op(node: Node, op: str) -> bool:
    return any(part.op == op for part in graph.subnodes(node))


__all__ = [
    "Permutation",
    "SymbolicArray",
    "TracingError",
    "as_traced",
    "axis_number",
    "axis_numbers",
    "broadcast",
    "check_same_axes",
    "check_same_length",
    "elementwise",
    "fold_rows",
    "is_whole",
    "number",
    "of_one_kind",
    "reduce_axes",
    "scalar_array",
]
