"""Power means of the distributions, token by token, normalised afterwards.

Exponent 1 is the linear rule, exponent 0 the geometric mean. The log-linear rule, which maximises
the reverse-KL welfare (after arXiv 2310.10826), is that geometric mean computed from logarithms.
"""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import aggregation_rule
from tokenauction.mechanisms.opinion_pool import logarithmic_pool


@logarithmic_pool
def log_linear(bids: Any) -> Any:
    """The normalised geometric mean, weighted by the shares of the bids."""
    return bids


@aggregation_rule(support="full")
def power_mean(bids: Any, dists: Any, *, exponent: float = 2) -> Any:
    """The normalised power mean `(Σ_j b_j p_j(t)^exponent / Σ_j b_j)^(1/exponent)`."""
    xp = array_namespace(bids, dists)
    shares = bids / xp.sum(bids)
    if exponent == 0:
        mean = xp.exp(xp.matmul(shares, xp.log(dists)))
    else:
        mean = xp.matmul(shares, dists**exponent) ** (1 / exponent)
    return mean / xp.sum(mean)
