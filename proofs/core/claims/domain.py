"""TRUSTED CORE. The domain of a claim: of which exact assignments it speaks, and their values.

Guarantee: `check_domain` accepts exactly the assignments that the claim speaks of: bids that are
non-negative with a positive sum, distributions that are non-negative (positive where the claim says
so) and sum to one, a raised bid that is no lower, a positive scale.
"""

from dataclasses import replace
from fractions import Fraction

from tokenauction.proofs.core.claims.claims import RAISED, SCALE, Claim
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.results.assignment import Assignment


def leaf_values(values: Assignment) -> dict[Node, Fraction]:
    """The value of every leaf that a formula at these sizes can mention."""
    found: dict[Node, Fraction] = {}
    for j, bid in enumerate(values.bids):
        found[graph.bid(graph.agent(j))] = bid
    for j, bid in enumerate(values.other_bids or ()):
        found[graph.other_bid(graph.agent(j))] = bid
    for j, row in enumerate(values.dists):
        for t, probability in enumerate(row):
            found[graph.prob(graph.agent(j), graph.token(t))] = probability
    for name, row in values.named.items():
        for t, probability in enumerate(row):
            found[graph.named_dist(name, graph.token(t))] = probability
    if values.raised_bid is not None:
        found[RAISED] = values.raised_bid
    if values.scale is not None:
        found[SCALE] = values.scale
    return found


def consistent_with(claim: Claim, values: Assignment) -> Assignment:
    """The assignment with what the property fixes filled in, for showing the whole profile."""
    fixed = values
    if claim.common_only:
        fixed = replace(fixed, dists=(values.named["common"],) * values.agents)
    if claim.withdraws_only and values.agent is not None:
        bids = (*values.bids[: values.agent], Fraction(0), *values.bids[values.agent + 1 :])
        fixed = replace(fixed, bids=bids)
    if values.other_bids is not None and values.agent is not None:
        own = fixed.bids[values.agent]
        there = (*values.other_bids[: values.agent], own, *values.other_bids[values.agent + 1 :])
        fixed = replace(fixed, other_bids=there)
    return fixed


def check_domain(claim: Claim, values: Assignment) -> bool:
    """Whether the claim speaks of this assignment."""
    arguments = claim.prop.arguments
    values = consistent_with(claim, values)
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
