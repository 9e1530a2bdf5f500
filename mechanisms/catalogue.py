"""The shipped aggregation rules, payment rules and mechanisms, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.mechanism import Mechanism
from tokenauction.mechanisms.payment_rule import PaymentRule
from tokenauction.mechanisms.payments import (
    pay_your_bid,
    second_price,
    vcg_linear,
    vcg_log_linear,
)
from tokenauction.mechanisms.platform_pools import platform, uniform_smoothing
from tokenauction.mechanisms.power_means import log_linear, power_mean
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

CATALOGUE: Mapping[str, AggregationRule] = MappingProxyType(
    {
        rule.name.replace("_", "-"): rule
        for rule in (
            linear,
            square_weights,
            log1p_weights,
            saturating_weights,
            softmax_weights,
            cap,
            reserve,
            winner_takes_all,
            rank_weights,
            platform,
            uniform_smoothing,
            log_linear,
            power_mean,
            temperature,
            top_k,
            nucleus,
        )
    }
)

PAYMENTS: Mapping[str, PaymentRule] = MappingProxyType(
    {
        payment.name.replace("_", "-"): payment
        for payment in (second_price, pay_your_bid, vcg_linear, vcg_log_linear)
    }
)

MECHANISMS: Mapping[str, Mechanism] = MappingProxyType(
    {
        "second-price": Mechanism(linear, second_price),
        "pay-your-bid": Mechanism(linear, pay_your_bid),
        "vcg-linear": Mechanism(linear, vcg_linear),
        "vcg-log-linear": Mechanism(log_linear, vcg_log_linear),
    }
)
