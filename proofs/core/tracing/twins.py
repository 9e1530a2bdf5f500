"""TRUSTED CORE. The twin of a traced value: what NumPy has in its place at one profile.

Every traced value is accompanied by one. What is done to the value is done to its twin by NumPy
itself, so that shapes, kinds of numbers, memory and values are NumPy's and not ours. Guarantee:
`NodeValues` gives the exact value of a node at the twins' profile, or says that it has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any, Final
from zlib import crc32

import numpy as np

from tokenauction.proofs.core.evaluation.exact import (
    INFINITE,
    MINUS_INFINITE,
    Special,
    Value,
    evaluate_one,
)
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.language.grounding import ground

FOCAL: Final = Index(Axis.AGENTS, "i")
"""The agent that a claim singles out, while the number of agents is open."""

RIVAL: Final = Index(Axis.AGENTS, "rival")
"""Another one that it singles out, too; with it, no claim is of one agent alone."""

TWIN_PLACES: Final = {FOCAL: 0, RIVAL: 1}
"""Which agents these are among the twins."""

KINDS: Final = ("truth value", "whole number", "number")
TRUTH, WHOLE, NUMBER = KINDS


def kind_of(twin: Any) -> str | None:
    """The kind of a twin's numbers, one of `KINDS`; None for what is not traced (float32, text)."""
    if isinstance(twin, bool):
        return TRUTH
    if isinstance(twin, int):
        return WHOLE
    if isinstance(twin, float):  # NumPy's float64 scalars too
        return NUMBER
    dtype = getattr(twin, "dtype", None)
    kinds = {np.dtype(bool): 0, np.dtype(np.int64): 1, np.dtype(np.float64): 2}
    return KINDS[kinds[dtype]] if dtype in kinds else None


def is_mutable(twin: Any) -> bool:
    """Whether an operation in place changes the twin: an array, and not a scalar or a number."""
    return isinstance(twin, np.ndarray)


def addresses(twin: Any) -> Any:
    """Where each element of an array lies in memory, in bytes, in the array's shape."""
    found = np.full(twin.shape, twin.__array_interface__["data"][0], dtype=np.int64)
    for axis, (length, stride) in enumerate(zip(twin.shape, twin.strides, strict=True)):
        steps = np.arange(length, dtype=np.int64) * stride
        found += steps.reshape((-1,) + (1,) * (twin.ndim - axis - 1))
    return found


def overlaps_itself(twin: Any) -> bool:
    """Whether two elements of an array lie at one address, as those of a broadcast one do."""
    pairs = zip(twin.shape, twin.strides, strict=True)
    return any(length > 1 and stride == 0 for length, stride in pairs)


@dataclass
class Profile:
    """Bids, distributions and whatever else is quantified, exactly, at the twins' sizes.

    `leaves` has the values of leaves; where it has none, the value is an ordinary one of our own
    choice: bids that differ, distributions without zeros, a bid that is raised.
    """

    sizes: Mapping[Axis, int]
    leaves: Mapping[Node, Fraction] = field(default_factory=dict)
    focal: int = 0

    def order(self, axis: Axis) -> tuple[int, ...]:
        """A reordering that moves every position."""
        length = self.sizes[axis]
        return (*range(1, length), 0)

    def value(self, leaf: Node) -> Fraction:
        """The value of a leaf at fixed positions."""
        found = self.leaves.get(leaf)
        return self._ordinary(leaf) if found is None else found

    def _ordinary(self, leaf: Node) -> Fraction:
        match leaf.op:
            case "size":
                return Fraction(self.sizes[leaf.data])
            case "bid":
                j = leaf.data[0].position
                return Fraction(17 + 29 * j + 7 * j * j, 16)
            case "other_bid":
                j = leaf.data[0].position
                return Fraction(23 + 31 * j + 5 * j * j, 32)
            case "prob":
                return self._share(leaf.data[0].position + 1, leaf.data[1].position)
            case "dist":
                return self._share(17 + crc32(leaf.data[0].encode()) % 89, leaf.data[1].position)
            case "scalar" if leaf.data == "raised_bid":
                return self.value(graph.bid(graph.agent(self.focal))) + Fraction(13, 8)
            case "scalar":
                return Fraction(1 + crc32(leaf.data.encode()) % 96, 97)
            case "given":
                return Fraction(1 + crc32(str(leaf).encode()) % 96, 97)
        raise ValueError(f"no value for the leaf {leaf}")

    def _share(self, row: int, place: int) -> Fraction:
        weights = [
            1 + (5 * row * row + 3 * row + 7 * t * t + 11 * t + 13 * row * t) % 23
            for t in range(self.sizes[Axis.TOKENS])
        ]
        return Fraction(weights[place], sum(weights))


class _Leaves(dict[Node, Fraction]):
    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def __missing__(self, leaf: Node) -> Fraction:
        return self.profile.value(leaf)


class NodeValues:
    """The exact values of nodes without free indices at a profile, each computed once."""

    def __init__(self, profile: Profile) -> None:
        from tokenauction.proofs.core.evaluation import balls

        self._leaves = _Leaves(profile)
        self._algebra = balls.Balls()
        self._precision = partial(balls.precision, balls.PRECISIONS[0])
        self._values: dict[Node, Value] = {}
        self._profile = profile
        self._positions = {**TWIN_PLACES, FOCAL: profile.focal}

    def of(self, node: Node) -> Value:
        """The value of a node: a Fraction, a truth value, a ball, or a Special."""
        stack = [node]
        with self._precision():
            while stack:
                top = stack[-1]
                waiting = [arg for arg in top.args if arg not in self._values]
                if top in self._values or waiting:
                    stack.extend(waiting) if waiting else stack.pop()
                    continue
                args = [self._values[arg] for arg in top.args]
                self._values[top] = evaluate_one(self._algebra, top, args, self._leaves)
                stack.pop()
        return self._values[node]

    def grounded(self, node: Node) -> Value:
        """The same for a node that may mention the named agent and the reorderings."""
        sizes = self._profile.sizes
        orders = {f"{axis.value[:-1]}_order": self._profile.order(axis) for axis in Axis}
        return self.of(ground(node, sizes, self._positions, orders))


def as_float(value: Value) -> float | None:
    """The float next to an exact value; None where there is none, or it is not known."""
    if value is INFINITE or value is MINUS_INFINITE:
        return np.inf if value is INFINITE else -np.inf
    if isinstance(value, Special):
        return None
    try:
        return float(value) if isinstance(value, Fraction | bool) else float(value.mid())
    except OverflowError:
        return np.inf if value > 0 else -np.inf
