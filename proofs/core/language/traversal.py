"""TRUSTED CORE. Walks over graphs: the parts of a node, and nodes with other parts."""

from dataclasses import replace
from typing import Any

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
    if node.op in ("bid", "other_bid", "prob", "same"):
        return tuple(node.data)
    return (node.data[1],) if node.op == "dist" else ()


def substitute_index(node: Node, old: Index, new: Index) -> Node:
    """The node with the variable `old` replaced by `new`, inside permutations too."""
    memo: dict[Node, Node] = {}

    def moved(index: Index) -> Index:
        if replace(index, through=()) != old:
            return index
        return replace(new, through=index.through + new.through)

    for part in subnodes(node):
        data = part.data
        if part.op in ("bid", "other_bid", "prob", "same"):
            data = tuple(moved(index) for index in data)
        elif part.op == "dist":
            data = (data[0], moved(data[1]))
        elif part.op in ("reduce", "pick"):
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
