"""TRUSTED CORE. The symbolic half of a traced array: what it is, as expressions.

An axis is an index variable, while the number of agents or tokens is open, or a length. A
`SymbolicArray` holds one expression node for each combination of positions along the axes that have
a length; along the others the node itself speaks of every position. It is a value: nothing changes
it. proofs/traced_array.py gives it a twin, and asks NumPy whether each step is what NumPy does.

Guarantee: an operation either means what the array API standard says over the real numbers, or
raises an error.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs import graph
from tokenauction.proofs.graph import Axis, Index, Node
from tokenauction.proofs.trace import Trace, TracingError

AxisLength = Index | int


class Permutation:
    """A reordering of the agents or of the tokens, usable as an array index."""

    def __init__(
        self,
        name: str,
        axis: Axis,
        positions: tuple[int, ...] | None = None,
        twin: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.axis = axis
        self.positions = positions
        self.twin = positions or twin


class SymbolicArray:
    """An array of expression nodes; see the module's docstring."""

    __slots__ = ("axes", "boolean", "elements", "trace")

    def __init__(
        self, trace: Trace, axes: tuple[AxisLength, ...], elements: Any, *, boolean: bool = False
    ) -> None:
        self.trace = trace
        self.axes = axes
        self.elements = elements
        self.boolean = boolean

    # Shape -----------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        return len(self.axes)

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

    def _like(self, axes: tuple[AxisLength, ...], elements: Any) -> "SymbolicArray":
        return SymbolicArray(self.trace, axes, elements, boolean=self.boolean)

    def __len__(self) -> int:
        if not self.axes:
            raise TypeError("len() of an array without axes")
        return operator.index(self.shape[0])

    def __iter__(self) -> Iterator["SymbolicArray"]:
        return iter([self[position] for position in range(len(self))])

    # Values ----------------------------------------------------------------------------------

    def node(self) -> Node:
        """The only node of an array without axes of a length other than one."""
        if self.elements.size != 1:
            raise TypeError("an array of several elements is not one number")
        node = self.elements.reshape(-1)[0]
        assert isinstance(node, Node)
        return node

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

    # Indexing --------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> "SymbolicArray":
        if not any(isinstance(axis, Index) for axis in self.axes) and _is_known(key):
            elements = _as_object(self.elements[_known(key)])
            return self._like(elements.shape, elements)
        keys = list(key) if isinstance(key, tuple) else [key]
        arrays = sum(isinstance(part, SymbolicArray | np.ndarray | list) for part in keys)
        if arrays > 1 or (arrays and _are_apart(keys)):
            raise self.trace.error(
                "the rule indexes with several arrays", "index one axis at a time"
            )
        used = sum(part is not None and part is not Ellipsis for part in keys)
        if used > self.ndim:
            raise IndexError(f"too many indices: {used} for {self.ndim} axes")
        fill = [slice(None)] * (self.ndim - used)
        if any(part is Ellipsis for part in keys):
            where = next(i for i, part in enumerate(keys) if part is Ellipsis)
            keys[where : where + 1] = fill
        else:
            keys += fill
        result, axis = self, 0
        for part in keys:
            result, axis = result._apply_key(part, axis)
        return result

    def _apply_key(self, key: Any, axis: int) -> tuple["SymbolicArray", int]:
        if key is None:
            axes = (*self.axes[:axis], 1, *self.axes[axis:])
            return self._like(axes, np.expand_dims(self.elements, axis)), axis + 1
        if isinstance(key, slice):
            return self._sliced(key, axis), axis + 1
        if isinstance(key, Permutation):
            return self._reordered(key, axis), axis + 1
        if isinstance(key, Index):
            return self._picked(key, axis), axis
        if (
            key.boolean
            if isinstance(key, SymbolicArray)
            else np.asarray(key).dtype == np.dtype(bool)
        ):
            raise self.trace.error(
                "the rule selects elements with a mask",
                "keep the shape and use xp.where(mask, ...)",
            )
        if isinstance(key, SymbolicArray) and not key.axes and key.node().op == "argmax":
            return self._at_largest(key.node(), axis), axis
        if isinstance(key, SymbolicArray | np.ndarray | list) and np.ndim(_elements(key)) > 0:
            return self._gathered(as_traced(self.trace, key), axis), axis + np.ndim(_elements(key))
        if isinstance(key, SymbolicArray) and key.node().op not in ("const", "size"):
            return self._gathered(key, axis), axis
        return self._at_position(operator.index(key), axis), axis

    def _sliced(self, key: slice, axis: int) -> "SymbolicArray":
        length = self.axes[axis]
        if isinstance(length, Index):
            if key == slice(None):
                return self
            raise self.trace.needs_size("the rule slices an axis")
        start, stop, step = (
            None if part is None else operator.index(part)
            for part in (key.start, key.stop, key.step)
        )
        cut = (slice(None),) * axis + (slice(start, stop, step),)
        elements = self.elements[cut]
        return self._like(
            (*self.axes[:axis], elements.shape[axis], *self.axes[axis + 1 :]), elements
        )

    def _at_position(self, position: int, axis: int) -> "SymbolicArray":
        length = self.axes[axis]
        if isinstance(length, Index):
            if position != 0:
                raise self.trace.needs_size(f"the rule picks position {position} of an axis")
            return self._picked(Index(length.axis, "0", 0), axis)
        if not -length <= position < length:
            raise IndexError(f"index {position} is out of bounds for an axis of length {length}")
        elements = np.take(self.elements, position, axis=axis)
        return self._like((*self.axes[:axis], *self.axes[axis + 1 :]), _as_object(elements))

    def _picked(self, index: Index, axis: int) -> "SymbolicArray":
        length = self.axes[axis]
        if isinstance(length, int):
            assert index.position is not None
            return self._at_position(index.position, axis)
        if index.axis is not length.axis:
            raise self.trace.error(f"an axis of {length.axis.value} is indexed with {index}")
        elements = _map(lambda node: graph.substitute_index(node, length, index), self.elements)
        axes = (*self.axes[:axis], *self.axes[axis + 1 :])
        return self._like(axes, _as_object(np.squeeze(elements, axis=axis)))

    def _at_largest(self, position: Node, axis: int) -> "SymbolicArray":
        """The elements at the position where something is largest."""
        length, (over, largest) = self.axes[axis], position.data
        if not isinstance(length, Index) or length.axis is not over.axis:
            raise self.trace.needs_size("the rule uses a position along another axis")

        def chosen(node: Node) -> Node:
            value = graph.substitute_index(node, length, over)
            return graph.pick(over, position.args[0], value, largest)

        elements = _as_object(np.squeeze(_map(chosen, self.elements), axis=axis))
        return self._like((*self.axes[:axis], *self.axes[axis + 1 :]), elements)

    def _reordered(self, order: Permutation, axis: int) -> "SymbolicArray":
        length = self.axes[axis]
        if isinstance(length, int):
            assert order.positions is not None
            return self._like(self.axes, np.take(self.elements, order.positions, axis=axis))
        if order.axis is not length.axis:
            raise self.trace.error(f"an axis of {length.axis.value} cannot be reordered so")
        moved = length.permuted(order.name)
        return self._like(
            self.axes, _map(lambda node: graph.substitute_index(node, length, moved), self.elements)
        )

    def _gathered(self, positions: "SymbolicArray", axis: int) -> "SymbolicArray":
        """Elements at computed positions: a choice among all of them, so a length is needed."""
        length = self.axes[axis]
        if isinstance(length, Index) or any(isinstance(a, Index) for a in positions.axes):
            raise self.trace.needs_size("the rule indexes with computed positions")
        rows = [np.take(self.elements, position, axis=axis) for position in range(length)]
        gathered = [self._choose(rows, wanted) for wanted in positions.elements.reshape(-1)]
        shape = positions.elements.shape
        stacked = np.empty((*shape, *np.shape(rows[0])), dtype=object)
        for place, chosen in zip(np.ndindex(*shape), gathered, strict=True):
            single = isinstance(chosen, np.ndarray) and chosen.ndim == 0
            stacked[place] = chosen[()] if single else chosen
        order = (*range(len(shape), len(shape) + axis), *range(len(shape)))
        order = (*order, *range(len(order), stacked.ndim))
        elements = np.transpose(stacked, order)
        axes = (*self.axes[:axis], *shape, *self.axes[axis + 1 :])
        return self._like(axes, elements)

    def _choose(self, rows: list[Any], wanted: Node) -> Any:
        """The row at a computed position; undefined where the position is out of range."""
        if not is_whole(wanted):
            raise self.trace.error(
                "the rule indexes with numbers that may not be whole",
                "index with whole numbers, such as xp.argsort returns",
            )
        if wanted.op == "const":
            return rows[int(wanted.data)]
        possible = _constant_choices(wanted)
        if possible is not None and possible <= set(range(len(rows))):
            chosen, rest = rows[-1], range(len(rows) - 2, -1, -1)
        else:
            nowhere = graph.div(graph.ZERO, graph.ZERO)
            chosen, rest = (
                _map(lambda _: nowhere, _as_object(rows[0])),
                range(len(rows) - 1, -1, -1),
            )
        for position in rest:
            here = graph.disj(
                graph.equal(wanted, graph.constant(position)),
                graph.equal(wanted, graph.constant(position - len(rows))),
            )
            chosen = _map2(lambda a, b, c=here: graph.where(c, a, b), rows[position], chosen)
        return chosen

    def assigned(self, key: Any, new: "SymbolicArray") -> "SymbolicArray":
        """The array after an assignment of numbers of its own kind at known positions."""
        if any(isinstance(axis, Index) for array in (self, new) for axis in array.axes):
            raise self.trace.needs_size("the rule assigns to elements")
        if not _is_known(key):
            if isinstance(key, SymbolicArray) and key.boolean:
                raise self.trace.error(
                    "the rule assigns under a mask", "use xp.where(mask, new, old)"
                )
            raise self.trace.error(
                "the rule assigns at computed positions",
                "choose with xp.where(xp.arange(n) == place, new, old), or index: old[order]",
            )
        elements, place = self.elements.copy(), _known(key)
        single = np.ndim(elements[place]) == 0  # an array of one element is stored as a number
        elements[place] = new.node() if single or not new.axes else new.elements
        return self._like(self.axes, elements)

    def reshaped(self, shape: Sequence[Any]) -> "SymbolicArray":
        """The array with axes of length one added or removed, or all lengths concrete."""
        if all(isinstance(axis, int) for axis in self.axes):
            elements = self.elements.reshape(tuple(operator.index(length) for length in shape))
            return self._like(elements.shape, elements)
        if sum(isinstance(length, int) and length == -1 for length in shape) > 1:
            raise ValueError("only one length of a shape may be left open with -1")
        kept = [axis for axis in self.axes if axis != 1]
        wanted = [length for length in shape if not _is_one(length)]
        axes: list[AxisLength] = []
        remaining = list(kept)
        for length in shape:
            if _is_one(length):
                axes.append(1)
            elif remaining and _may_be(length, remaining[0], len(wanted), len(kept)):
                axes.append(remaining.pop(0))
            else:
                raise self.trace.needs_size("the rule reshapes an array")
        if remaining:
            raise self.trace.needs_size("the rule reshapes an array")
        lengths = [1 if isinstance(axis, Index) else axis for axis in axes]
        return self._like(tuple(axes), self.elements.reshape(lengths))

    # Arithmetic ------------------------------------------------------------------------------

    def _call(self, name: str, *others: Any) -> Any:
        from tokenauction.proofs.symbolic_functions import FUNCTIONS

        return FUNCTIONS[name](self.trace, *others)

    def __add__(self, other: Any) -> Any:
        return self._call("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._call("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._call("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._call("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._call("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._call("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._call("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return self._call("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._call("pow", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self._call("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._call("floor_divide", other, self)

    def __matmul__(self, other: Any) -> Any:
        return self._call("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self._call("matmul", other, self)

    def __neg__(self) -> Any:
        return self._call("negative", self)

    def __pos__(self) -> Any:
        return self._call("positive", self)

    def __abs__(self) -> Any:
        return self._call("abs", self)

    def __lt__(self, other: Any) -> Any:
        return self._call("less", self, other)

    def __le__(self, other: Any) -> Any:
        return self._call("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return self._call("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return self._call("greater_equal", self, other)

    def __eq__(self, other: Any) -> Any:
        return self._call("equal", self, other)

    def __ne__(self, other: Any) -> Any:
        return self._call("not_equal", self, other)

    def __and__(self, other: Any) -> Any:
        return self._call("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Any:
        return self._call("bitwise_and", other, self)

    def __or__(self, other: Any) -> Any:
        return self._call("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Any:
        return self._call("bitwise_or", other, self)

    def __rxor__(self, other: Any) -> Any:
        return self._call("bitwise_xor", other, self)

    def __xor__(self, other: Any) -> Any:
        return self._call("bitwise_xor", self, other)

    def __invert__(self) -> Any:
        return self._call("bitwise_invert", self)


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


def _are_apart(keys: Sequence[Any]) -> bool:
    """Whether a slice is between what NumPy counts as arrays of positions, single ones too.

    It puts their axes first then.
    """
    kept = (slice, type(None), type(Ellipsis))
    places = [place for place, key in enumerate(keys) if not isinstance(key, kept)]
    return places[-1] - places[0] >= len(places)


def is_whole(node: Node) -> bool:
    """Whether a number is whole by the way it is made, so that NumPy may hold it as an integer."""
    if node.op == "const":
        return bool(node.data.denominator == 1)
    if node.op in ("add", "mul", "max", "min", "reduce", "where"):
        return all(graph.is_boolean(arg) or is_whole(arg) for arg in node.args)
    if node.op == "floor" and node.args[0].op == "div":
        return all(is_whole(part) for part in node.args[0].args)
    return node.op in ("size", "argmax")


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
        elements = _map(
            lambda node, b=before, a=after: graph.substitute_index(node, b, a), elements
        )
    return elements


def reduce_axes(
    kind: str, array: SymbolicArray, axis: Any = None, keepdims: bool = False
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


def _reduce_one(kind: str, array: SymbolicArray, place: int) -> SymbolicArray:
    axis = array.axes[place]
    rest = (*array.axes[:place], *array.axes[place + 1 :])
    if isinstance(axis, Index):
        body = _as_object(np.squeeze(array.elements, axis=place))
        over = array.trace.fresh(axis.axis)
        elements = _map(
            lambda node: graph.reduce(kind, over, graph.substitute_index(node, axis, over)), body
        )
    else:
        rows = [_as_object(np.take(array.elements, row, axis=place)) for row in range(axis)]
        elements = fold_rows(array.trace, kind, rows, np.delete(array.elements.shape, place))
    return SymbolicArray(array.trace, rest, elements, boolean=array.boolean)


def fold_rows(trace: Trace, kind: str, rows: list[Any], shape: Any) -> Any:
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


def _map(function: Callable[..., Node], elements: Any) -> Any:
    result = np.empty(np.shape(elements), dtype=object)
    for place in np.ndindex(*result.shape):
        result[place] = function(elements[place])
    return result


def _map2(function: Callable[..., Node], left: Any, right: Any) -> Any:
    left, right = _as_object(left), _as_object(right)
    result = np.empty(left.shape, dtype=object)
    for place in np.ndindex(*result.shape):
        result[place] = function(left[place], right[place])
    return result


def _as_object(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value
    boxed = np.empty((), dtype=object)
    boxed[()] = value
    return boxed


def _elements(key: Any) -> Any:
    return key.elements if isinstance(key, SymbolicArray) else key


def _constant_choices(node: Node) -> set[int] | None:
    """The positions that a choice among constants can give; None for anything else."""
    if node.op == "const":
        return {int(node.data)} if node.data.denominator == 1 else None
    if node.op != "where":
        return None
    branches = [_constant_choices(branch) for branch in node.args[1:]]
    return None if None in branches else set().union(*(b for b in branches if b is not None))


def _is_known(key: Any) -> bool:
    """Whether an index is known before the values are."""
    if isinstance(key, tuple):
        return all(_is_known(part) for part in key)
    if isinstance(key, SymbolicArray):
        return all(node.op in ("const", "truth") for node in key.elements.reshape(-1))
    if isinstance(key, list):
        return not any(isinstance(part, SymbolicArray | list) for part in key)
    if isinstance(key, Permutation | Index):
        return (key.positions if isinstance(key, Permutation) else key.position) is not None
    return True


def _known(key: Any) -> Any:
    """A known index as NumPy takes it."""
    if isinstance(key, tuple):
        return tuple(_known(part) for part in key)
    if isinstance(key, SymbolicArray):
        kind = bool if key.boolean else np.int64
        whole = np.array([node.data for node in key.elements.reshape(-1)], dtype=object)
        if any(value != int(value) for value in whole):
            raise IndexError("arrays used as indices must be of whole numbers or truth values")
        return whole.astype(kind).reshape(key.elements.shape)[()]
    if isinstance(key, Permutation):
        return list(key.positions or ())
    return key.position if isinstance(key, Index) else key


def _is_one(length: Any) -> bool:
    return isinstance(length, int) and length == 1


def _may_be(length: Any, axis: AxisLength, wanted: int, kept: int) -> bool:
    if isinstance(length, int) and length == -1:
        return wanted == kept
    if isinstance(length, SymbolicArray):
        return isinstance(axis, Index) and length.node() is graph.size(axis.axis)
    return bool(length == axis)


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
