"""TRUSTED CORE. From a formula over every size to one about a few named agents and the rest.

`split_agents` takes the named agents out of every reduction: `Σ_j f(j) = f(i) + Σ_{j≠i} f(j)`. What
is left of the reduction does not mention the named agents' bids unless the rule makes it so.
`obligations` lists what has to hold for a formula to be defined.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tokenauction.proofs import graph
from tokenauction.proofs.graph import Axis, Index, Node


def split_agents(root: Node, named: tuple[Index, ...], others: bool) -> Node:
    """The formula with distinct named agents taken out of every reduction over the agents.

    `others` says whether there is anybody else; without others, only the named terms are left, and
    the number of agents is known.
    """
    memo: dict[Node, Node] = {}
    for node in graph.subnodes(root):
        args = tuple(memo[arg] for arg in node.args)
        if node.op == "size" and node.data is Axis.AGENTS and not others:
            memo[node] = graph.constant(len(named))
        elif node.op == "same" and set(node.data) <= set(named):
            memo[node] = graph.FALSE
        elif node.op == "reduce" and node.data[1].axis is Axis.AGENTS and not node.data[2]:
            memo[node] = _split(node.data[0], node.data[1], args[0], named, others)
        else:
            memo[node] = graph.rebuild(node, args, node.data)
    return memo[root]


def _split(kind: str, over: Index, body: Node, named: tuple[Index, ...], others: bool) -> Node:
    parts = [_distinct(graph.substitute_index(body, over, one), named) for one in named]
    if others:
        parts.append(graph.reduce(kind, over, _without(body, over, named), named))
    match kind:
        case "sum":
            return graph.add(*parts)
        case "prod":
            return graph.mul(*parts)
        case "all":
            return graph.conj(*parts)
        case "any":
            return graph.disj(*parts)
        case _:
            best = parts[0]
            for part in parts[1:]:
                best = graph.maximum(best, part) if kind == "max" else graph.minimum(best, part)
            return best


def _distinct(body: Node, named: tuple[Index, ...]) -> Node:
    """The body with equalities between different named agents false."""
    return _replace_same(body, {frozenset((a, b)) for a in named for b in named if a != b})


def _without(body: Node, over: Index, named: tuple[Index, ...]) -> Node:
    """The body for an agent that is none of the named ones."""
    return _replace_same(body, {frozenset((over, one)) for one in named})


def _replace_same(root: Node, false: set[frozenset[Index]]) -> Node:
    memo: dict[Node, Node] = {}
    for node in graph.subnodes(root):
        if node.op == "same" and frozenset(node.data) in false:
            memo[node] = graph.FALSE
        else:
            args = tuple(memo[arg] for arg in node.args)
            memo[node] = graph.rebuild(node, args, node.data)
    return memo[root]


@dataclass(frozen=True)
class Obligation:
    """What must hold for a formula to be defined.

    `kind` is `"nonzero"` or `"non-negative"` where the operation is undefined otherwise, and
    `"positive"` where it would be infinite or the proof could not speak of it: those are never
    assumed.
    """

    kind: Literal["nonzero", "non-negative", "positive"]
    condition: Node


def obligations(root: Node) -> list[Obligation]:
    """Everything that has to hold, what is computed first coming first."""
    return list(dict.fromkeys(_walk(root, (), (), set())))


Binders = tuple[tuple[Index, tuple[Index, ...]], ...]
Path = tuple[Node, ...]


def _walk(
    node: Node, path: Path, binders: Binders, seen: set[tuple[Node, Path, Binders]]
) -> Iterator[Obligation]:
    if (node, path, binders) in seen:
        return
    seen.add((node, path, binders))
    if node.op == "where":
        condition, then, otherwise = node.args
        yield from _walk(condition, path, binders, seen)
        yield from _walk(then, (*path, condition), binders, seen)
        yield from _walk(otherwise, (*path, graph.negation(condition)), binders, seen)
        return
    if node.op == "reduce":
        _, over, excluded = node.data
        yield from _walk(node.args[0], path, (*binders, (over, excluded)), seen)
        return
    for arg in node.args:
        yield from _walk(arg, path, binders, seen)
    for kind, goal in _own(node):
        condition = graph.implies(graph.conj(*path), goal) if path else goal
        for over, excluded in reversed(binders):
            condition = graph.reduce("all", over, condition, excluded)
        yield Obligation(kind, condition)


def _own(
    node: Node,
) -> Iterator[tuple[Literal["nonzero", "non-negative", "positive"], Node]]:
    if node.op == "div" and node.args[1].op != "const":
        yield "nonzero", _not_zero(node.args[1])
    elif node.op == "div" and node.args[1].data == 0:
        yield "nonzero", graph.FALSE
    elif node.op == "log":
        yield "positive", graph.less(graph.ZERO, node.args[0])
    elif node.op == "pow":
        base, exponent = node.args
        if exponent.op != "const":
            yield "positive", graph.less(graph.ZERO, base)
            return
        if exponent.data < 0:
            yield "nonzero", _not_zero(base)
        if exponent.data.denominator != 1:
            yield "non-negative", graph.at_most(graph.ZERO, base)


def _not_zero(node: Node) -> Node:
    return graph.negation(graph.equal(node, graph.ZERO))
