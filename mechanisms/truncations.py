"""What a sampler does to the linear pool after aggregation: temperature, top-k and nucleus.

All look at the finished distribution only, which is why a raised bid can push a token past the
place where its agent wants it. The two that cut sort the tokens once.
"""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import aggregation_rule
from tokenauction.mechanisms.order_statistics import sum_of_greater


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
    likelier = sum_of_greater(pooled, xp.ones_like(pooled, dtype=xp.int64))
    return _cut(pooled, likelier < k)


@aggregation_rule
def nucleus(bids: Any, dists: Any, *, mass: float = 0.9) -> Any:
    """The linear pool cut to tokens with less than `mass` on likelier ones, normalised.

    Tokens that tie are kept or cut together. `mass` is a probability; the most likely token has
    nothing above it and stays. (Holtzman, Buys, Du, Forbes, Choi, *The Curious Case of Neural Text
    Degeneration*, arXiv 1904.09751, cut to the smallest such set.)
    """
    xp = array_namespace(bids, dists)
    pooled = xp.matmul(bids, dists) / xp.sum(bids)
    return _cut(pooled, sum_of_greater(pooled, pooled) < mass)


def _cut(pooled: Any, kept: Any) -> Any:
    """The distribution `pooled` (tokens,) with zeros where `kept` is false, normalised."""
    xp = array_namespace(pooled, kept)
    remaining = xp.where(kept, pooled, xp.zeros_like(pooled))
    return remaining / xp.sum(remaining)
