"""What can be claimed: preference orders and properties, as predicates on the array API."""

from tokenauction.theory.catalogue import (
    DEFAULT_MECHANISM_PROPERTIES,
    DEFAULT_PROPERTIES,
    PROPERTIES,
)
from tokenauction.theory.errors import TokenauctionError
from tokenauction.theory.incentive_properties import (
    consistent,
    critical_bid,
    individually_rational,
    no_bid_no_payment,
    no_positive_transfer,
    payment_monotone,
)
from tokenauction.theory.preference_orders import (
    ORDERS,
    PreferenceOrder,
    forward_kl,
    odds,
    preference_order,
    reverse_kl,
    robust,
    total_variation,
)
from tokenauction.theory.properties import (
    QUANTIFIED,
    RuleProperty,
    anonymous,
    convex_range,
    distribution,
    monotone_in,
    neutral,
    no_bid_no_influence,
    rule_property,
    scale_free,
    unanimous,
)

__all__ = [
    "DEFAULT_MECHANISM_PROPERTIES",
    "DEFAULT_PROPERTIES",
    "ORDERS",
    "PROPERTIES",
    "QUANTIFIED",
    "PreferenceOrder",
    "RuleProperty",
    "TokenauctionError",
    "anonymous",
    "consistent",
    "convex_range",
    "critical_bid",
    "distribution",
    "forward_kl",
    "individually_rational",
    "monotone_in",
    "neutral",
    "no_bid_no_influence",
    "no_bid_no_payment",
    "no_positive_transfer",
    "odds",
    "payment_monotone",
    "preference_order",
    "reverse_kl",
    "robust",
    "rule_property",
    "scale_free",
    "total_variation",
    "unanimous",
]
