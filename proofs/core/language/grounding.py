"""TRUSTED CORE. From a graph over index variables to the same graph at fixed sizes.

Guarantee: every reduction becomes the sum, product, extremum, conjunction or disjunction over the
positions that it ranges over, and every index a position; nothing else changes.
"""

from collections.abc import Mapping
from functools import lru_cache

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node, Reduction


@lru_cache(maxsize=100_000)
def free_indices(node: Node) -> frozenset[Index]:
    """The index variables that a node mentions and does not bind, without their permutations."""
    own = {Index(i.axis, i.name) for i in traversal.indices_of(node) if i.position is None}
    below = frozenset().union(*(free_indices(arg) for arg in node.args)) | own
    if node.op not in ("reduce", "pick"):
        return below
    over, excluded = binding(node)
    outside = {Index(i.axis, i.name) for i in excluded if i.position is None}
    return (below - {over}) | outside


def binding(node: Node) -> tuple[Index, tuple[Index, ...]]:
    """The index that a reduction or a pick binds, and those that it leaves out."""
    if node.op == "pick":
        return node.data[0], node.data[2]
    return node.data[1], node.data[2]


def ground(
    node: Node,
    sizes: Mapping[Axis, int],
    positions: Mapping[Index, int] | None = None,
    permutations: Mapping[str, tuple[int, ...]] | None = None,
) -> Node:
    """The node at fixed sizes, with `positions` for its free indices.

    Raises KeyError for a free index without a position, IndexError for a position out of range.
    """
    return _Grounding(sizes, dict(permutations or {})).ground(node, dict(positions or {}))


class _Grounding:
    def __init__(self, sizes: Mapping[Axis, int], permutations: dict[str, tuple[int, ...]]) -> None:
        self.sizes = sizes
        self.permutations = permutations
        self.memo: dict[tuple[Node, tuple[tuple[Index, int], ...]], Node] = {}

    def place(self, index: Index, positions: dict[Index, int]) -> int:
        place = index.position
        if place is None:
            place = positions[Index(index.axis, index.name)]
        for permutation in reversed(index.through):
            place = self.permutations[permutation][place]
        if not 0 <= place < self.sizes[index.axis]:
            raise IndexError(f"{index} is out of range")
        return place

    def _fixed(self, index: Index, positions: dict[Index, int]) -> Index:
        place = self.place(index, positions)
        return Index(index.axis, str(place), place)

    def ground(self, node: Node, positions: dict[Index, int]) -> Node:
        free = free_indices(node)
        key = (node, tuple(sorted(((i, p) for i, p in positions.items() if i in free), key=str)))
        if key not in self.memo:
            self.memo[key] = self._ground(node, positions)
        return self.memo[key]

    def _ground(self, node: Node, positions: dict[Index, int]) -> Node:
        if node.op == "size":
            return graph.constant(self.sizes[node.data])
        if traversal.indices_of(node):
            return traversal.at_indices(node, lambda index: self._fixed(index, positions))
        if node.op not in ("reduce", "pick"):
            return traversal.rebuild(
                node, tuple(self.ground(arg, positions) for arg in node.args), node.data
            )
        over, excluded = binding(node)
        left_out = {self.place(index, positions) for index in excluded}
        rows = [
            [self.ground(arg, {**positions, over: place}) for arg in node.args]
            for place in range(self.sizes[over.axis])
            if place not in left_out
        ]
        if node.op == "pick":
            return _pick(node.data[1], [row[0] for row in rows], [row[1] for row in rows])
        return _combine(node.data[0], [row[0] for row in rows])


def _pick(largest: bool, keys: list[Node], values: list[Node]) -> Node:
    best = _combine("max" if largest else "min", keys)
    chosen = values[-1]
    for key, value in zip(reversed(keys[:-1]), reversed(values[:-1]), strict=True):
        chosen = graph.where(graph.equal(key, best), value, chosen)
    return chosen


def _combine(kind: Reduction, bodies: list[Node]) -> Node:
    nary = {"sum": graph.add, "prod": graph.mul, "all": graph.conj, "any": graph.disj}
    if kind in nary:
        units = {"sum": graph.ZERO, "prod": graph.ONE, "all": graph.TRUE, "any": graph.FALSE}
        return nary[kind](*bodies) if bodies else units[kind]
    if not bodies:
        raise IndexError(f"{kind} over nobody")
    best = bodies[0]
    for body in bodies[1:]:
        best = graph.maximum(best, body) if kind == "max" else graph.minimum(best, body)
    return best
