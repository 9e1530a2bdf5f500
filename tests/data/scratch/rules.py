"""The rules of a small ad network, and what it charges."""

from typing import Any

from array_api_compat import array_namespace
from weights import above_reserve, exposure  # type: ignore[import-not-found]

from tokenauction.mechanisms import (
    Distribution,
    Mechanism,
    aggregation_rule,
    linear,
    payment_rule,
)


@aggregation_rule
def share_of_voice(bids: Any, dists: Any) -> Any:
    """Every brand speaks in proportion to its bid."""
    xp = array_namespace(bids, dists)
    mixed = xp.matmul(bids, dists)
    return mixed / xp.sum(bids)


@aggregation_rule
def campaign(bids: Any, dists: Any, *, highest: float = 10) -> Any:
    """The same, with a cap on what one brand can spend on a token."""
    xp = array_namespace(bids, dists)
    weights = exposure(bids, highest)
    return xp.matmul(weights, dists) / xp.sum(weights)


@aggregation_rule
def reserved(bids: Any, dists: Any, *, reserve_price: float = 1) -> Any:
    """The same, with a reserve price."""
    xp = array_namespace(bids, dists)
    weights = above_reserve(bids, reserve_price)
    return xp.sum(weights[:, None] * dists, axis=0) / xp.sum(weights)


@aggregation_rule
def house_voice(bids: Any, dists: Any, *, model: Distribution, weight: float = 1) -> Any:
    """The house's own model takes part, as a brand that always bids `weight`."""
    xp = array_namespace(bids, dists)
    total = weight + xp.sum(bids)
    return (weight * model + xp.matmul(bids, dists)) / total  # type: ignore[operator]


@payment_rule
def critical(bids: Any, dists: Any) -> Any:
    """Second price for the linear rule: the expected lowest bid that gets the same token."""
    xp = array_namespace(bids, dists)
    weighted = bids[:, None] * dists
    others = xp.sum(bids) - bids
    rivals = xp.where(others > 0, others, xp.ones_like(others))
    mean = (xp.sum(weighted, axis=0) - weighted) / rivals[:, None]
    distance = xp.sum(xp.abs(dists - mean), axis=1) / 2
    return distance * (others * xp.log1p(bids / rivals) - bids * others / (bids + rivals))


auction = Mechanism(linear, critical)
