"""Linear pools: every agent's distribution, weighted by a function of its own bid.

`q(t) = Σ_j w(b_j) p_j(t) / Σ_j w(b_j)`. With `w` non-decreasing these are monotone in the robust
order, since a raised bid moves `q` along the segment towards the agent's own distribution; with
`w(b) = b` the rule maximises the forward-KL welfare (arXiv 2310.10826, the linear rule).
"""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import aggregation_rule


def _pool(weights: Any, dists: Any) -> Any:
    """The pool of `dists` (agents, tokens) under non-negative `weights` (agents,)."""
    xp = array_namespace(weights, dists)
    return xp.matmul(weights, dists) / xp.sum(weights)


@aggregation_rule
def linear(bids: Any, dists: Any) -> Any:
    """Every agent's distribution, weighted by its share of the bids."""
    return _pool(bids, dists)


@aggregation_rule
def square_weights(bids: Any, dists: Any) -> Any:
    """The linear pool with weight `b²`."""
    return _pool(bids * bids, dists)


@aggregation_rule
def log1p_weights(bids: Any, dists: Any) -> Any:
    """The linear pool with weight `log(1 + b)`."""
    xp = array_namespace(bids, dists)
    return _pool(xp.log1p(bids), dists)


@aggregation_rule
def saturating_weights(bids: Any, dists: Any) -> Any:
    """The linear pool with weight `b / (1 + b)`."""
    return _pool(bids / (1 + bids), dists)


@aggregation_rule
def softmax_weights(bids: Any, dists: Any) -> Any:
    """The linear pool with weight `exp(b)`, shifted by the highest bid against overflow."""
    xp = array_namespace(bids, dists)
    return _pool(xp.exp(bids - xp.max(bids)), dists)


@aggregation_rule
def cap(bids: Any, dists: Any, *, highest: float = 10) -> Any:
    """The linear pool with every bid counted up to `highest` only."""
    xp = array_namespace(bids, dists)
    return _pool(xp.minimum(bids, xp.asarray(highest, dtype=bids.dtype)), dists)


@aggregation_rule
def reserve(bids: Any, dists: Any, *, reserve_price: float = 1) -> Any:
    """The linear pool with weight `max(b - reserve_price, 0)`; the mean if nobody bids more."""
    xp = array_namespace(bids, dists)
    above = xp.maximum(bids - reserve_price, xp.zeros_like(bids))
    total = xp.sum(above)
    sold = total > 0
    pooled = xp.matmul(above, dists) / xp.where(sold, total, xp.ones_like(total))
    return xp.where(sold, pooled, xp.mean(dists, axis=0))


@aggregation_rule
def winner_takes_all(bids: Any, dists: Any) -> Any:
    """The mean of the highest bidders' distributions: one agent's, unless bids tie."""
    xp = array_namespace(bids, dists)
    highest = xp.astype(bids == xp.max(bids), dists.dtype)
    return _pool(highest, dists)


@aggregation_rule
def rank_weights(bids: Any, dists: Any) -> Any:
    """The linear pool with weight "how many agents bid no more than this one"."""
    xp = array_namespace(bids, dists)
    at_most = xp.astype(bids[None, :] <= bids[:, None], dists.dtype)
    return _pool(xp.sum(at_most, axis=1), dists)
