"""TRUSTED CORE. Walks over graphs: the parts of a node, and nodes with other parts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tokenauction.proofs.core.language.graph import (
    Index,
    Node,
    add,
    at_most,
    conj,
    disj,
    div,
    equal,
    exp,
    floor,
    interned,
    less,
    log,
    maximum,
    minimum,
    mul,
    negation,
    power,
    same,
    subnodes,
    where,
)


def rebuild(node: Node, args: tuple[Node, ...], data: Any) -> Node:
    """The node of the same operation with other arguments and indices, simplified as if new."""
    builders: dict[str, Any] = {
        "add": add,
        "mul": mul,
        "div": div,
        "pow": power,
        "exp": exp,
        "log": log,
        "floor": floor,
        "max": maximum,
        "min": minimum,
        "lt": less,
        "le": at_most,
        "eq": equal,
        "and": conj,
        "or": disj,
        "not": negation,
        "where": where,
    }
    if node.op in builders:
        return builders[node.op](*args)  # type: ignore[no-any-return]
    if node.op == "same":
        return same(*data)
    return interned(node.op, args, data)


def indices_of(node: Node) -> tuple[Index, ...]:
    """The indices that a leaf mentions."""
    first = _FIRST_INDEX.get(node.op)
    return () if first is None else tuple(node.data[first:])


# Where the indices of a leaf begin in its data.
_FIRST_INDEX: Final = {"bid": 0, "other_bid": 0, "prob": 0, "same": 0, "dist": 1, "given": 2}


def at_indices(node: Node, move: Callable[[Index], Index]) -> Node:
    """The leaf at other indices."""
    first = _FIRST_INDEX.get(node.op)
    if first is None:
        return node
    return rebuild(node, (), (*node.data[:first], *map(move, node.data[first:])))


def substitute_index(node: Node, old: Index, new: Index) -> Node:
    """The node with the variable `old` replaced by `new`, inside permutations too."""
    memo: dict[Node, Node] = {}

    def moved(index: Index) -> Index:
        if replace(index, through=()) != old:
            return index
        return replace(new, through=index.through + new.through)

    for part in subnodes(node):
        if part.op in _FIRST_INDEX:
            memo[part] = at_indices(part, moved)
            continue
        data = part.data
        if part.op in ("reduce", "pick"):
            data = (data[0], data[1], tuple(moved(index) for index in data[2]))
        elif part.op == "before":
            data = (moved(data[0]), *data[1:3], tuple(moved(index) for index in data[3]))
        args = tuple(memo[arg] for arg in part.args)
        same_node = args == part.args and data == part.data
        memo[part] = part if same_node else rebuild(part, args, data)
    return memo[node]


def substitute_leaf(root: Node, old: Node, new: Node) -> Node:
    """The node with one leaf replaced by another node."""
    memo: dict[Node, Node] = {}
    for node in subnodes(root):
        args = tuple(memo[arg] for arg in node.args)
        memo[node] = new if node is old else rebuild(node, args, node.data)
    return memo[root]
