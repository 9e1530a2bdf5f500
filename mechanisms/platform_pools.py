"""Pools in which the platform takes part: its own model at a fixed weight, or the uniform one."""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import aggregation_rule
from tokenauction.mechanisms.profile_function import Distribution


@aggregation_rule
def platform(bids: Any, dists: Any, *, model: Distribution, weight: float = 1) -> Any:
    """The linear pool with the platform's own distribution as one more agent of fixed weight."""
    xp = array_namespace(bids, dists)
    return (weight * model + xp.matmul(bids, dists)) / (weight + xp.sum(bids))  # type: ignore[operator]


@aggregation_rule
def uniform_smoothing(bids: Any, dists: Any, *, share: float = 0.1) -> Any:
    """The linear pool, with a fixed share of the uniform distribution mixed in afterwards."""
    xp = array_namespace(bids, dists)
    pooled = xp.matmul(bids, dists) / xp.sum(bids)
    return (1 - share) * pooled + share / dists.shape[1]
