"""TRUSTED CORE. From a formula over every size to one about a few named agents and the rest.

`split_agents` takes the named agents out of every reduction: `Σ_j f(j) = f(i) + Σ_{j≠i} f(j)`. What
is left of the reduction does not mention the named agents' bids unless the rule makes it so.
"""

import functools
from typing import assert_never

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node, Reduction


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
        elif node.op == "pick" and node.data[0].axis is Axis.AGENTS and not node.data[2]:
            over, largest, _ = node.data
            memo[node] = _split_pick(over, largest, args[0], args[1], named, others)
        else:
            memo[node] = traversal.rebuild(node, args, node.data)
    return memo[root]


def _split(
    kind: Reduction, over: Index, body: Node, named: tuple[Index, ...], others: bool
) -> Node:
    parts = [_distinct(traversal.substitute_index(body, over, one), named) for one in named]
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
        case "max":
            return functools.reduce(graph.maximum, parts)
        case "min":
            return functools.reduce(graph.minimum, parts)
        case _:
            assert_never(kind)


class CannotSplit(Exception):
    """The formula chooses an agent in a way that this proof does not speak of."""


def _split_pick(
    over: Index, largest: bool, key: Node, value: Node, named: tuple[Index, ...], others: bool
) -> Node:
    """The named agent's value if its key beats the others', or ties and it comes first."""
    if len(named) != 1:
        raise CannotSplit("the rule chooses an agent by its bid, and another by its position")
    own_key, own_value = (
        _distinct(traversal.substitute_index(part, over, named[0]), named) for part in (key, value)
    )
    if not others:
        return own_value
    rest_key, rest_value = (_without(part, over, named) for part in (key, value))
    best = graph.reduce("max" if largest else "min", over, rest_key, named)
    beats = graph.less(best, own_key) if largest else graph.less(own_key, best)
    first = graph.before(named[0], over, rest_key, largest, named)
    wins = graph.disj(beats, graph.conj(graph.equal(best, own_key), first))
    return graph.where(wins, own_value, graph.pick(over, rest_key, rest_value, largest, named))


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
            memo[node] = traversal.rebuild(node, args, node.data)
    return memo[root]
