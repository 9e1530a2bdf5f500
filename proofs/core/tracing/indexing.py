"""TRUSTED CORE. The elements of a symbolic array, and what an index or a new shape makes of them.

Guarantee: a key selects the elements that NumPy selects, in its order, or ends the trace.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.tracing.trace import Trace

AxisLength = Index | int


class Permutation:
    """A reordering of the agents or of the tokens, usable as an array index."""

    def __init__(
        self,
        name: str,
        axis: Axis,
        positions: tuple[int, ...] | None = None,
        twin: tuple[int, ...] = (),
        trace: Trace | None = None,
    ) -> None:
        self.name = name
        self.axis = axis
        self.positions = positions
        self.twin = positions or twin
        self.trace = trace

    def __getitem__(self, place: Any) -> int:
        """Who comes to a place, where the reordering is known."""
        if self.positions is None and self.trace is not None:
            raise self.trace.needs_size("the property asks for a place of a reordering")
        return (self.positions or self.twin)[operator.index(place)]


class Indexing:
    """Expression nodes along axes, good to index with positions, slices and arrays."""

    __slots__ = ("axes", "boolean", "elements", "trace")

    def __init__(
        self, trace: Trace, axes: tuple[AxisLength, ...], elements: Any, *, boolean: bool = False
    ) -> None:
        self.trace = trace
        self.axes = axes
        self.elements = elements
        self.boolean = boolean

    @property
    def ndim(self) -> int:
        return len(self.axes)

    def node(self) -> Node:
        """The only node of an array without axes of a length other than one."""
        if self.elements.size != 1:
            raise TypeError("an array of several elements is not one number")
        node = self.elements.reshape(-1)[0]
        assert isinstance(node, Node)
        return node

    def _like(self, axes: tuple[AxisLength, ...], elements: Any) -> Self:
        return type(self)(self.trace, axes, elements, boolean=self.boolean)

    def _as_array(self, value: Any) -> "Indexing":
        """A value as an array of this trace."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Self:
        if not any(isinstance(axis, Index) for axis in self.axes) and _is_known(key):
            elements = as_object(self.elements[_known(key)])
            return self._like(elements.shape, elements)
        keys = list(key) if isinstance(key, tuple) else [key]
        arrays = sum(isinstance(part, Indexing | np.ndarray | list) for part in keys)
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

    def _apply_key(self, key: Any, axis: int) -> tuple[Self, int]:
        if key is None:
            axes = (*self.axes[:axis], 1, *self.axes[axis:])
            return self._like(axes, np.expand_dims(self.elements, axis)), axis + 1
        if isinstance(key, slice):
            return self._sliced(key, axis), axis + 1
        if isinstance(key, Permutation):
            return self._reordered(key, axis), axis + 1
        if isinstance(key, Index):
            return self._picked(key, axis), axis
        if key.boolean if isinstance(key, Indexing) else np.asarray(key).dtype == np.dtype(bool):
            raise self.trace.error(
                "the rule selects elements with a mask",
                "keep the shape and use xp.where(mask, ...)",
            )
        if isinstance(key, Indexing) and not key.axes and key.node().op == "argmax":
            return self._at_largest(key.node(), axis), axis
        if isinstance(key, Indexing | np.ndarray | list) and np.ndim(_elements(key)) > 0:
            return self._gathered(self._as_array(key), axis), axis + np.ndim(_elements(key))
        if isinstance(key, Indexing) and key.node().op not in ("const", "size"):
            return self._gathered(key, axis), axis
        return self._at_position(operator.index(key), axis), axis

    def _sliced(self, key: slice, axis: int) -> Self:
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

    def _at_position(self, position: int, axis: int) -> Self:
        length = self.axes[axis]
        if isinstance(length, Index):
            if position != 0:
                raise self.trace.needs_size(f"the rule picks position {position} of an axis")
            return self._picked(Index(length.axis, "0", 0), axis)
        if not -length <= position < length:
            raise IndexError(f"index {position} is out of bounds for an axis of length {length}")
        elements = np.take(self.elements, position, axis=axis)
        return self._like((*self.axes[:axis], *self.axes[axis + 1 :]), as_object(elements))

    def _picked(self, index: Index, axis: int) -> Self:
        length = self.axes[axis]
        if isinstance(length, int):
            assert index.position is not None
            return self._at_position(index.position, axis)
        if index.axis is not length.axis:
            raise self.trace.error(f"an axis of {length.axis.value} is indexed with {index}")
        elements = mapped(
            lambda node: traversal.substitute_index(node, length, index), self.elements
        )
        axes = (*self.axes[:axis], *self.axes[axis + 1 :])
        return self._like(axes, as_object(np.squeeze(elements, axis=axis)))

    def _at_largest(self, position: Node, axis: int) -> Self:
        """The elements at the position where something is largest."""
        length, (over, largest) = self.axes[axis], position.data
        if not isinstance(length, Index) or length.axis is not over.axis:
            raise self.trace.needs_size("the rule uses a position along another axis")

        def chosen(node: Node) -> Node:
            value = traversal.substitute_index(node, length, over)
            return graph.pick(over, position.args[0], value, largest)

        elements = as_object(np.squeeze(mapped(chosen, self.elements), axis=axis))
        return self._like((*self.axes[:axis], *self.axes[axis + 1 :]), elements)

    def _reordered(self, order: Permutation, axis: int) -> Self:
        length = self.axes[axis]
        if isinstance(length, int):
            assert order.positions is not None
            return self._like(self.axes, np.take(self.elements, order.positions, axis=axis))
        if order.axis is not length.axis:
            raise self.trace.error(f"an axis of {length.axis.value} cannot be reordered so")
        moved = length.permuted(order.name)
        return self._like(
            self.axes,
            mapped(lambda node: traversal.substitute_index(node, length, moved), self.elements),
        )

    def _gathered(self, positions: "Indexing", axis: int) -> Self:
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
                mapped(lambda _: nowhere, as_object(rows[0])),
                range(len(rows) - 1, -1, -1),
            )
        for position in rest:
            here = graph.disj(
                graph.equal(wanted, graph.constant(position)),
                graph.equal(wanted, graph.constant(position - len(rows))),
            )
            chosen = _map2(lambda a, b, c=here: graph.where(c, a, b), rows[position], chosen)
        return chosen

    def assigned(self, key: Any, new: "Indexing") -> Self:
        """The array after an assignment of numbers of its own kind at known positions."""
        if any(isinstance(axis, Index) for array in (self, new) for axis in array.axes):
            raise self.trace.needs_size("the rule assigns to elements")
        if not _is_known(key):
            if isinstance(key, Indexing) and key.boolean:
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

    def reshaped(self, shape: Sequence[Any]) -> Self:
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


def mapped(function: Callable[..., Node], elements: Any) -> Any:
    result = np.empty(np.shape(elements), dtype=object)
    for place in np.ndindex(*result.shape):
        result[place] = function(elements[place])
    return result


def _map2(function: Callable[..., Node], left: Any, right: Any) -> Any:
    left, right = as_object(left), as_object(right)
    result = np.empty(left.shape, dtype=object)
    for place in np.ndindex(*result.shape):
        result[place] = function(left[place], right[place])
    return result


def as_object(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value
    boxed = np.empty((), dtype=object)
    boxed[()] = value
    return boxed


def _elements(key: Any) -> Any:
    return key.elements if isinstance(key, Indexing) else key


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
    if isinstance(key, Indexing):
        return all(node.op in ("const", "truth") for node in key.elements.reshape(-1))
    if isinstance(key, list):
        return not any(isinstance(part, Indexing | list) for part in key)
    if isinstance(key, Permutation | Index):
        return (key.positions if isinstance(key, Permutation) else key.position) is not None
    return True


def _known(key: Any) -> Any:
    """A known index as NumPy takes it."""
    if isinstance(key, tuple):
        return tuple(_known(part) for part in key)
    if isinstance(key, Indexing):
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
    if isinstance(length, Indexing):
        return isinstance(axis, Index) and length.node() is graph.size(axis.axis)
    return bool(length == axis)
