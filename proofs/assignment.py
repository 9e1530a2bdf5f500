"""TRUSTED CORE. An exact assignment: a value for everything that an instance of a claim quantifies.

Guarantee: `check_domain` accepts exactly the assignments that the claim speaks of: bids that are
non-negative with a positive sum, distributions that are non-negative (positive where the claim says
so) and sum to one, a raised bid that is no lower, a positive scale.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from tokenauction.proofs import graph
from tokenauction.proofs.claims import RAISED, SCALE, Claim, Orders
from tokenauction.proofs.graph import Node

Dist = tuple[Fraction, ...]


@dataclass(frozen=True)
class Assignment:
    """Exact values; `named` has the distributions that belong to no agent, by name.

    `other_bids` is the second context of a claim that compares two: the singled-out agent has its
    bid there too.
    """

    bids: tuple[Fraction, ...]
    dists: tuple[Dist, ...]
    agent: int | None = None
    raised_bid: Fraction | None = None
    scale: Fraction | None = None
    other_bids: tuple[Fraction, ...] | None = None
    orders: Orders = field(default_factory=Orders)
    named: Mapping[str, Dist] = field(default_factory=dict)

    @property
    def agents(self) -> int:
        return len(self.bids)

    @property
    def tokens(self) -> int:
        return len(self.dists[0])

    def leaves(self) -> dict[Node, Fraction]:
        """The value of every leaf that a formula at these sizes can mention."""
        values: dict[Node, Fraction] = {}
        for j, bid in enumerate(self.bids):
            values[graph.bid(graph.agent(j))] = bid
        for j, bid in enumerate(self.other_bids or ()):
            values[graph.other_bid(graph.agent(j))] = bid
        for j, row in enumerate(self.dists):
            for t, probability in enumerate(row):
                values[graph.prob(graph.agent(j), graph.token(t))] = probability
        for name, row in self.named.items():
            for t, probability in enumerate(row):
                values[graph.named_dist(name, graph.token(t))] = probability
        if self.raised_bid is not None:
            values[RAISED] = self.raised_bid
        if self.scale is not None:
            values[SCALE] = self.scale
        return values

    def raised_bids(self) -> tuple[Fraction, ...]:
        """The bids after the raise."""
        if self.agent is None or self.raised_bid is None:
            return self.bids
        return (*self.bids[: self.agent], self.raised_bid, *self.bids[self.agent + 1 :])

    def consistent_with(self, claim: Claim) -> "Assignment":
        """The assignment with what the property fixes filled in, for showing the whole profile."""
        fixed = self
        if claim.common_only:
            fixed = replace(fixed, dists=(self.named["common"],) * self.agents)
        if claim.withdraws_only and self.agent is not None:
            bids = (*self.bids[: self.agent], Fraction(0), *self.bids[self.agent + 1 :])
            fixed = replace(fixed, bids=bids)
        if self.other_bids is not None and self.agent is not None:
            own = fixed.bids[self.agent]
            there = (*self.other_bids[: self.agent], own, *self.other_bids[self.agent + 1 :])
            fixed = replace(fixed, other_bids=there)
        return fixed


def assignment_of(counterexample: Mapping[str, Any]) -> Assignment:
    """The assignment that a counterexample of a report shows.

    Raises KeyError, TypeError or ValueError where it shows none.
    """
    shown = counterexample

    def numbers(row: Iterable[str]) -> Dist:
        return tuple(Fraction(text) for text in row)

    def number(name: str) -> Fraction | None:
        return Fraction(shown[name]) if shown.get(name) is not None else None

    def order(name: str) -> tuple[int, ...] | None:
        return tuple(shown[name]) if shown.get(name) is not None else None

    values = Assignment(
        bids=numbers(shown["bids"]),
        dists=tuple(numbers(row) for row in shown["dists"]),
        agent=shown.get("agent"),
        raised_bid=number("raised_bid"),
        scale=number("scale"),
        other_bids=numbers(shown["other_bids"]) if shown.get("other_bids") else None,
        orders=Orders(order("agent_order"), order("token_order")),
        named={name: numbers(row) for name, row in shown.get("distributions", {}).items()},
    )
    if not values.dists or not 0 <= (values.agent or 0) < values.agents:
        raise ValueError("a counterexample without distributions, or about an agent that is not")
    return values


def check_domain(claim: Claim, values: Assignment) -> bool:
    """Whether the claim speaks of this assignment."""
    arguments = claim.prop.arguments
    values = values.consistent_with(claim)
    rows = [*values.dists, *values.named.values()]
    lowest_allowed = all(
        all(p > 0 if claim.positive else p >= 0 for p in row) and sum(row) == 1 for row in rows
    )
    if not lowest_allowed or any(len(row) != values.tokens for row in rows):
        return False
    for order, length in (
        (values.orders.agents, values.agents),
        (values.orders.tokens, values.tokens),
    ):
        if order is not None and sorted(order) != list(range(length)):
            return False
    if len(values.bids) != len(values.dists) or any(bid < 0 for bid in values.bids):
        return False
    if sum(values.bids) <= 0:
        return False
    if "withdrawn_bids" in arguments:
        if values.agent is None or sum(values.bids) <= values.bids[values.agent]:
            return False
    if claim.has_raise:
        if values.raised_bid is None or values.agent is None:
            return False
        if values.raised_bid < values.bids[values.agent]:
            return False
    if claim.has_other_bids:
        there = values.other_bids
        if there is None or len(there) != values.agents or values.agent is None:
            return False
        if any(bid < 0 for bid in there) or sum(there) <= 0:
            return False
    return "scale" not in arguments or (values.scale is not None and values.scale > 0)
