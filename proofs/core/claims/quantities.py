"""TRUSTED CORE. The arrays that a property quantifies over, a row each, and what is free in them.

A quantity is an array, element by element, of what is free: the profile's bids and distributions,
and the unknowns below. Guarantee: a quantity is what `theory.QUANTIFIED` says of it in words, and
the domain of a claim is all that these rows say of the signs, sums and order of what is free.

To add a quantity: its words in `theory.QUANTIFIED`, and a row in `QUANTITIES`; where it has
numbers of its own, a row in `UNKNOWNS`. How an unknown is drawn (runs/sampling.py) and said in
words (results/counterexamples.py) may be given there; without, it is drawn by its domain and shown
by its name.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, Literal

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node, Sign
from tokenauction.proofs.core.tracing.twins import FOCAL, RIVAL
from tokenauction.proofs.results.assignment import Choices

Domain = Literal["bids", "distribution", "positive", "number"]
"""Bids are non-negative, and those of one profile have a positive sum; distributions are
non-negative (positive where a claim says so), and sum to one over the tokens."""

RAISED: Final = graph.scalar("raised_bid")
SCALE: Final = graph.scalar("scale")
AGENTS, TOKENS = Axis.AGENTS, Axis.TOKENS


@dataclass(frozen=True)
class SingledOut:
    """The agents that a property speaks of: the one that it is about, and another."""

    agent: Index = FOCAL
    rival: Index = RIVAL

    @classmethod
    def at(cls, agent: int | None, choices: Choices) -> "SingledOut":
        """Those at fixed positions; the variables for what is at none."""
        return cls(
            FOCAL if agent is None else graph.agent(agent),
            RIVAL if choices.rival is None else graph.agent(choices.rival),
        )


@dataclass(frozen=True)
class Unknown:
    """Numbers that belong to no profile, free in their domain: `leaf` at an index for each axis.

    `least` is what they are never below, given the agents that the property singles out.
    """

    name: str
    axes: tuple[Axis, ...]
    domain: Domain
    leaf: Callable[..., Node]
    least: Callable[[SingledOut], Node] | None = None

    @property
    def is_named(self) -> bool:
        """Whether it is one distribution that belongs to no agent."""
        return self.domain == "distribution" and self.axes == (TOKENS,)


@dataclass(frozen=True)
class Quantity:
    """An array that a property may ask for: `element` of the agents singled out, and of indices.

    `raises` names the bids, of which somebody's are positive, that these are never below.
    """

    name: str
    axes: tuple[Axis, ...]
    domain: Domain
    element: Callable[..., Node]
    raises: str = ""


def array(name: str, axes: tuple[Axis, ...], domain: Domain) -> tuple[Unknown, Quantity]:
    """The two rows of an array whose numbers are all its own, free in its domain."""
    sign: Sign = "positive" if domain == "positive" else "non-negative"
    leaf = partial(graph.given, name, "any" if domain == "number" else sign)
    if (domain, axes) == ("distribution", (TOKENS,)):
        leaf = partial(graph.named_dist, name)
    return Unknown(name, axes, domain, leaf), Quantity(
        name, axes, domain, lambda _, *indices: leaf(*indices)
    )


def _own(bid: Callable[[Index], Node], own: Callable[[Index], Node]) -> Callable[..., Node]:
    """Everybody's bid, but for the agent's, which is another one."""
    return lambda who, j: graph.where(graph.same(j, who.agent), own(who.agent), bid(j))


_UNKNOWNS = (
    Unknown("raised_bid", (), "bids", lambda: RAISED, least=lambda who: graph.bid(who.agent)),
    Unknown("scale", (), "positive", lambda: SCALE),
    Unknown("other_bids", (AGENTS,), "bids", graph.other_bid),
    Unknown("other", (TOKENS,), "distribution", partial(graph.named_dist, "other")),
    Unknown("common", (TOKENS,), "distribution", partial(graph.named_dist, "common")),
)

_QUANTITIES = (
    Quantity("bids", (AGENTS,), "bids", lambda _, j: graph.bid(j)),
    Quantity("dists", (AGENTS, TOKENS), "distribution", lambda _, j, t: graph.prob(j, t)),
    Quantity("raised_bids", (AGENTS,), "bids", _own(graph.bid, lambda _: RAISED), "bids"),
    Quantity("withdrawn_bids", (AGENTS,), "bids", _own(graph.bid, lambda _: graph.ZERO)),
    Quantity("other_bids", (AGENTS,), "bids", _own(graph.other_bid, graph.bid)),
    Quantity(
        "raised_other_bids",
        (AGENTS,),
        "bids",
        _own(graph.other_bid, lambda _: RAISED),
        "other_bids",
    ),
    Quantity(
        "other_dists",
        (AGENTS, TOKENS),
        "distribution",
        lambda who, j, t: graph.where(
            graph.same(j, who.agent), graph.named_dist("other", t), graph.prob(j, t)
        ),
    ),
    Quantity("common", (TOKENS,), "distribution", lambda _, t: graph.named_dist("common", t)),
    Quantity(
        "common_dists",
        (AGENTS, TOKENS),
        "distribution",
        lambda _, j, t: graph.named_dist("common", t),
    ),
    Quantity("scale", (), "positive", lambda _: SCALE),
)

UNKNOWNS: Final[Mapping[str, Unknown]] = {row.name: row for row in _UNKNOWNS}
QUANTITIES: Final[Mapping[str, Quantity]] = {row.name: row for row in _QUANTITIES}


# What a quantity is made of -----------------------------------------------------------------------


@cache
def _leaves(quantity: Quantity) -> frozenset[Node]:
    """The leaves of an element that is anybody's."""
    anybody = [Index(axis, f"q_{place}") for place, axis in enumerate(quantity.axes)]
    parts = graph.subnodes(quantity.element(SingledOut(), *anybody))
    return frozenset(node for node in parts if not node.args)


def singles_out(quantity: Quantity) -> bool:
    """Whether it is about one agent."""
    return any(FOCAL in traversal.indices_of(node) for node in _leaves(quantity))


def singles_out_two(quantity: Quantity) -> bool:
    """Whether it is about another agent, too."""
    return any(RIVAL in traversal.indices_of(node) for node in _leaves(quantity))


def withdraws(bids: Quantity) -> bool:
    """Whether these are bids of which the singled-out agent's is zero."""
    return bids.element(SingledOut(), FOCAL) is graph.ZERO


def mentions_profile(dists: Quantity) -> bool:
    """Whether these distributions are those of the profile, anybody's."""
    return any(node.op == "prob" for node in _leaves(dists))


def unknowns_of(quantity: Quantity) -> Iterator[Unknown]:
    """The unknowns that it mentions."""
    leaves = _leaves(quantity)
    for unknown in UNKNOWNS.values():
        leaf = unknown.leaf(*(Index(axis, "u") for axis in unknown.axes))
        if any(_is_of(leaf, node) for node in leaves):
            yield unknown


def _is_of(leaf: Node, other: Node) -> bool:
    """Whether two leaves are numbers of one unknown, at whatever indices."""
    return _without_indices(leaf) == _without_indices(other)


def _without_indices(leaf: Node) -> tuple[object, ...]:
    count = len(traversal.indices_of(leaf))
    if not count:
        return (leaf,)
    return (leaf.op, *leaf.data[: len(leaf.data) - count])
