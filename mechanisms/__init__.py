"""What runs: aggregation and payment rules on the array API, for NumPy and torch alike.

`TokenAuction` is here too, and loaded when it is asked for: rules alone need no NumPy.
"""

from typing import TYPE_CHECKING, Any

from tokenauction.mechanisms.aggregation_rule import AggregationRule, aggregation_rule
from tokenauction.mechanisms.catalogue import CATALOGUE, MECHANISMS, PAYMENTS
from tokenauction.mechanisms.mechanism import Mechanism
from tokenauction.mechanisms.opinion_pool import OpinionPool, linear_pool, logarithmic_pool
from tokenauction.mechanisms.order_statistics import sum_of_greater
from tokenauction.mechanisms.payment_rule import PaymentRule, payment_rule
from tokenauction.mechanisms.payments import (
    pay_your_bid,
    second_price,
    vcg_linear,
    vcg_log_linear,
)
from tokenauction.mechanisms.platform_pools import platform, uniform_smoothing
from tokenauction.mechanisms.power_means import log_linear, power_mean
from tokenauction.mechanisms.profile_function import Distribution, ProfileFunction
from tokenauction.mechanisms.truncations import nucleus, temperature, top_k
from tokenauction.mechanisms.weighted_pools import (
    cap,
    linear,
    log1p_weights,
    rank_weights,
    reserve,
    saturating_weights,
    softmax_weights,
    square_weights,
    winner_takes_all,
)

if TYPE_CHECKING:
    from tokenauction.mechanisms.auction import TokenAuction

__all__ = [
    "CATALOGUE",
    "MECHANISMS",
    "PAYMENTS",
    "AggregationRule",
    "Distribution",
    "Mechanism",
    "OpinionPool",
    "PaymentRule",
    "ProfileFunction",
    "TokenAuction",
    "aggregation_rule",
    "cap",
    "linear",
    "linear_pool",
    "log1p_weights",
    "log_linear",
    "logarithmic_pool",
    "nucleus",
    "pay_your_bid",
    "payment_rule",
    "platform",
    "power_mean",
    "rank_weights",
    "reserve",
    "saturating_weights",
    "second_price",
    "softmax_weights",
    "square_weights",
    "sum_of_greater",
    "temperature",
    "top_k",
    "uniform_smoothing",
    "vcg_linear",
    "vcg_log_linear",
    "winner_takes_all",
]


def __getattr__(name: str) -> Any:
    if name == "TokenAuction":
        from tokenauction.mechanisms.auction import TokenAuction

        return TokenAuction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
