"""TRUSTED CORE in what it shows. An open graph in NumPy arrays: at given sizes, not written out.

An index variable becomes an axis, so a node over two agents and a token is one array with three
axes, and a reduction reduces an axis. The values, and where they are defined, are those of `ground`
and `Batch` up to the rounding of floats; a test compares them. Operations on single numbers are the
same function for both, which other tests compare with exact values.

What it is trusted with: proofs/core/faithfulness/open_agreement.py compares these values with runs
of the rule itself, and a rule whose trace and whose run differ gets no verdict from its trace. A
mistake here that makes a difference costs a proof. One that hides a difference leaves a trace
trusted that is not what runs: so this file does what the graph says, and nothing that it does
depends on the rule's function.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import prod
from typing import Any, Final

import numpy as np

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.language.grounding import binding, free_indices, ground
from tokenauction.proofs.core.runs.batch import OPERATIONS, Floats, Truths, operate

MOST_ELEMENTS: Final = 4_000_000
_MOST_AXES: Final = 32
_FOLDS: Final[dict[str, tuple[np.ufunc, Any]]] = {
    "sum": (np.add, 0.0),
    "prod": (np.multiply, 1.0),
    "max": (np.maximum, -np.inf),
    "min": (np.minimum, np.inf),
    "all": (np.logical_and, True),
    "any": (np.logical_or, False),
}


class CannotEvaluate(Exception):
    """The node has no arrays here: an operation without a meaning, or an array too large."""


def open_values(
    root: Node, along: Index, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> tuple[Floats, Truths]:
    """The values of a node at every position of its free index, and where it is defined.

    Raises CannotEvaluate where the node has to be grounded instead.

    >>> j, t = graph.agent("j"), graph.token("t")
    >>> pulled = graph.reduce("sum", j, graph.mul(graph.bid(j), graph.prob(j, t)))
    >>> bids, dists = np.array([1.0, 2.0]), np.array([[0.5, 0.5], [0.0, 1.0]])
    >>> open_values(pulled, t, bids, dists, {})
    (array([0.5, 2.5]), array([ True,  True]))
    """
    sizes = dict(zip((Axis.AGENTS, Axis.TOKENS), dists.shape, strict=True))
    try:
        root = _settled(root, sizes)
    except IndexError as problem:
        raise CannotEvaluate(str(problem)) from problem
    if free_indices(root) - {along}:
        raise CannotEvaluate("an index has no position")
    arrays = _OpenArrays(root, along, sizes, bids, dists, named)
    value, defined = arrays.run(root)
    length = sizes[along.axis]
    return np.broadcast_to(value.reshape(-1), length), np.broadcast_to(defined.reshape(-1), length)


def _settled(root: Node, sizes: Mapping[Axis, int]) -> Node:
    """The node with what the sizes alone decide worked out, in fractions, as grounding does."""
    done: dict[Node, Node] = {}
    for node in graph.subnodes(root):
        args = tuple(done[arg] for arg in node.args)
        settled = node if args == node.args else traversal.rebuild(node, args, node.data)
        constant = not _varies(settled) and not free_indices(settled)
        done[node] = ground(settled, sizes) if constant else settled
    return done[root]


@lru_cache(maxsize=100_000)
def _varies(node: Node) -> bool:
    """Whether a leaf below is anything but a constant or a size."""
    if node.args:
        return any(_varies(arg) for arg in node.args)
    return node.op not in ("const", "truth", "size")


class _OpenArrays:
    """The nodes below a root as arrays with an axis for each index variable that is in it.

    Along the axes of variables that a node does not mention, its array has length one.
    """

    def __init__(
        self,
        root: Node,
        along: Index,
        sizes: Mapping[Axis, int],
        bids: Floats,
        dists: Floats,
        named: Mapping[str, Floats],
    ) -> None:
        self.sizes, self.bids, self.dists, self.named = sizes, bids, dists, named
        self.nodes = list(graph.subnodes(root))
        variables = {along}
        for node in self.nodes:
            reach = _reach(node)
            if prod(sizes[index.axis] for index in reach) > MOST_ELEMENTS:
                raise CannotEvaluate("an array is too large")
            variables |= reach
        if len(variables) > _MOST_AXES:
            raise CannotEvaluate("too many index variables")
        ordered = sorted(variables, key=lambda index: (index.axis.value, index.name))
        self.axis_of = {index: axis for axis, index in enumerate(ordered)}

    def run(self, root: Node) -> tuple[Any, Truths]:
        """The values of the root and where it is defined."""
        done: dict[Node, tuple[Any, Truths]] = {}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                args = [done[arg] for arg in node.args]
                done[node] = self._one(node, [a for a, _ in args], [d for _, d in args])
        return done[root]

    def _one(self, node: Node, args: list[Any], defined: list[Truths]) -> tuple[Any, Truths]:
        if node.op == "pow":
            # Where one exponent serves many bases, NumPy takes another root of minus infinity.
            args = [array.copy() for array in np.broadcast_arrays(*args)]
        if node.op in OPERATIONS:
            return operate(node.op, args, defined)
        if node.op == "reduce":
            return self._reduced(node, args[0], defined[0])
        if node.op == "pick":
            return self._picked(node, args, defined)
        value = self._leaf(node)
        return value, np.ones(value.shape, dtype=bool)

    def _leaf(self, node: Node) -> Any:
        match node.op:
            case "const":
                return self._single(float(node.data))
            case "truth":
                return self._single(node.data)
            case "bid":
                return self.bids[self._places(node.data[0])]
            case "prob":
                return self.dists[self._places(node.data[0]), self._places(node.data[1])]
            case "dist":
                return self.named[node.data[0]][self._places(node.data[1])]
            case "same":
                return self._places(node.data[0]) == self._places(node.data[1])
            case _:
                raise CannotEvaluate(f"{node.op} has no meaning in arrays")

    def _single(self, value: Any) -> Any:
        return np.full((1,) * len(self.axis_of), value)

    def _places(self, index: Index) -> Any:
        """The positions of an index, along its own axis where it is a variable."""
        if index.through:
            raise CannotEvaluate("an index is seen through a permutation")
        length = self.sizes[index.axis]
        if index.position is None:
            shape = [1] * len(self.axis_of)
            shape[self.axis_of[index]] = length
            return np.arange(length).reshape(shape)
        if not 0 <= index.position < length:
            raise CannotEvaluate(f"{index} is out of range")
        return self._single(index.position)

    def _inside(self, over: Index, excluded: tuple[Index, ...]) -> Truths:
        """Where a position of `over` is none of those left out."""
        places = self._places(over)
        inside: Truths = np.ones(places.shape, dtype=bool)
        for index in excluded:
            inside = inside & (places != self._places(index))
        return inside

    def _reduced(self, node: Node, body: Any, defined: Truths) -> tuple[Any, Truths]:
        kind, over, excluded = node.data
        axis = self.axis_of[over]
        inside = self._inside(over, excluded)
        if kind in ("max", "min") and not inside.any(axis=axis).all():
            raise CannotEvaluate(f"{kind} over nobody")
        fold, unit = _FOLDS[kind]
        # One after the other, as in a batch: a sum over agents has to come out the same to the last
        # bit for token t and for token s, or it would seem to be less than itself.
        value = fold.accumulate(np.where(inside, body, unit), axis=axis).take([-1], axis=axis)
        ok: Truths = np.all(defined | ~inside, axis=axis, keepdims=True)
        return value, ok if value.dtype == bool else ok & ~np.isnan(value)

    def _picked(self, node: Node, args: list[Any], defined: list[Truths]) -> tuple[Any, Truths]:
        over, largest, excluded = node.data
        axis = self.axis_of[over]
        inside = self._inside(over, excluded)
        count = inside.sum(axis=axis, keepdims=True)
        if not count.all():
            raise CannotEvaluate("a pick among nobody")
        fold, unit = _FOLDS["max" if largest else "min"]
        best = fold.reduce(np.where(inside, args[0], unit), axis=axis, keepdims=True)
        hit, inside, key_defined, value, value_defined = np.broadcast_arrays(
            inside & (args[0] == best), inside, defined[0], args[1], defined[1]
        )
        # A pick of one does not look at the key, which may then be undefined and equal nothing.
        alone = np.argmax(inside, axis=axis, keepdims=True)
        chosen = np.where(count == 1, alone, np.argmax(hit, axis=axis, keepdims=True))
        ok: Truths = (count == 1) | np.all(key_defined | ~inside, axis=axis, keepdims=True)
        ok = ok & np.take_along_axis(value_defined, chosen, axis)
        return np.take_along_axis(value, chosen, axis), ok


def _reach(node: Node) -> frozenset[Index]:
    """The index variables of the arrays that the value of a node is computed from."""
    if node.op not in ("reduce", "pick"):
        return free_indices(node)
    return free_indices(node).union([binding(node)[0]], *(free_indices(arg) for arg in node.args))
