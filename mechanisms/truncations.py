"""What a sampler does to the linear pool after aggregation: temperature and top-k.

Both look at the finished distribution only, which is why a raised bid can push a token past the
place where its agent wants it.
"""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import aggregation_rule


@aggregation_rule
def temperature(bids: Any, dists: Any, *, degrees: float = 0.5) -> Any:
    """The linear pool raised to the power `1 / degrees` and normalised."""
    xp = array_namespace(bids, dists)
    sharpened = (xp.matmul(bids, dists) / xp.sum(bids)) ** (1 / degrees)
    return sharpened / xp.sum(sharpened)


@aggregation_rule
def top_k(bids: Any, dists: Any, *, k: int = 2) -> Any:
    """The linear pool cut to its `k` most likely tokens, all of them where they tie, normalised."""
    xp = array_namespace(bids, dists)
    pooled = xp.matmul(bids, dists) / xp.sum(bids)
    likelier = xp.sum(xp.astype(pooled[None, :] > pooled[:, None], pooled.dtype), axis=1)
    kept = xp.where(likelier < k, pooled, xp.zeros_like(pooled))
    return kept / xp.sum(kept)
