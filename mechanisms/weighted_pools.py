"""Linear pools: every agent's distribution, weighted by a function of the bids.

`q(t) = Σ_j w(b_j) p_j(t) / Σ_j w(b_j)`. With `w` non-decreasing these are monotone in the robust
order, since a raised bid moves `q` along the segment towards the agent's own distribution; with
`w(b) = b`, the linear rule, it maximises the forward-KL welfare (after arXiv 2310.10826).
"""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.opinion_pool import linear_pool


@linear_pool
def linear(bids: Any) -> Any:
    """Every agent's distribution, weighted by its share of the bids."""
    return bids


@linear_pool
def square_weights(bids: Any) -> Any:
    """The linear pool with weight `b²`."""
    return bids * bids


@linear_pool
def log1p_weights(bids: Any) -> Any:
    """The linear pool with weight `log(1 + b)`."""
    return array_namespace(bids).log1p(bids)


@linear_pool
def saturating_weights(bids: Any) -> Any:
    """The linear pool with weight `b / (1 + b)`."""
    return bids / (1 + bids)


@linear_pool
def softmax_weights(bids: Any) -> Any:
    """The linear pool with weight `exp(b)`, shifted by the highest bid against overflow."""
    xp = array_namespace(bids)
    return xp.exp(bids - xp.max(bids))


@linear_pool
def cap(bids: Any, *, highest: float = 10) -> Any:
    """The linear pool with every bid counted up to `highest` only."""
    xp = array_namespace(bids)
    return xp.minimum(bids, xp.asarray(highest, dtype=bids.dtype))


@linear_pool
def reserve(bids: Any, *, reserve_price: float = 1) -> Any:
    """The linear pool with weight `max(b - reserve_price, 0)`; the mean if nobody bids more."""
    xp = array_namespace(bids)
    above = xp.maximum(bids - reserve_price, xp.zeros_like(bids))
    return xp.where(xp.sum(above) > 0, above, xp.ones_like(above))


@linear_pool
def winner_takes_all(bids: Any) -> Any:
    """The mean of the highest bidders' distributions: one agent's, unless bids tie."""
    xp = array_namespace(bids)
    return xp.astype(bids == xp.max(bids), bids.dtype)


@linear_pool
def rank_weights(bids: Any) -> Any:
    """The linear pool with weight "how many agents bid no more than this one"."""
    xp = array_namespace(bids)
    at_most = xp.astype(bids[None, :] <= bids[:, None], bids.dtype)
    return xp.sum(at_most, axis=1)
