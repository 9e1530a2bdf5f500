"""What runs: aggregation rules on the array API, for NumPy, array-api-strict and torch alike."""

from tokenauction.mechanisms.aggregation_rule import (
    AggregationRule,
    Distribution,
    aggregation_rule,
)
from tokenauction.mechanisms.catalogue import CATALOGUE
from tokenauction.mechanisms.platform_pools import platform, uniform_smoothing
from tokenauction.mechanisms.power_means import log_linear, power_mean
from tokenauction.mechanisms.truncations import temperature, top_k
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

__all__ = [
    "CATALOGUE",
    "AggregationRule",
    "Distribution",
    "aggregation_rule",
    "cap",
    "linear",
    "log1p_weights",
    "log_linear",
    "platform",
    "power_mean",
    "rank_weights",
    "reserve",
    "saturating_weights",
    "softmax_weights",
    "square_weights",
    "temperature",
    "top_k",
    "uniform_smoothing",
    "winner_takes_all",
]
