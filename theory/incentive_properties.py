"""Properties of a mechanism: what its payments and its outcomes promise an agent.

Definitions: after arXiv 2310.10826 for payment monotonicity and consistent aggregation, in the
robust order; the others are the usual ones of mechanism design (N. Nisan, in *Algorithmic Game
Theory*, chapter 9). Payments are expectations over the token that is drawn.
"""

from collections.abc import Mapping
from typing import Any

from array_api_compat import array_namespace

from tokenauction.theory.preference_orders import robust
from tokenauction.theory.properties import RuleProperty, by_name, rule_property


@rule_property
def payment_monotone(
    rule: Any, payment: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any
) -> Any:
    """An agent pays at least as much for one bid as for another exactly if it likes it as well.

    `z_i(b_i) ≥ z_i(b'_i) ⇔ q(b_i) ⪰_i q(b'_i)`, for both orders of the two bids.
    """
    own = dists[agent, ...]
    low, high = rule(bids, dists), rule(raised_bids, dists)
    paid_low, paid_high = payment(bids, dists)[agent], payment(raised_bids, dists)[agent]
    upwards = _equivalent(paid_high >= paid_low, robust(own, high, low))
    return upwards & _equivalent(paid_low >= paid_high, robust(own, low, high))


@rule_property
def consistent(
    rule: Any,
    bids: Any,
    raised_bids: Any,
    other_bids: Any,
    raised_other_bids: Any,
    dists: Any,
    agent: Any,
) -> Any:
    """What an agent strictly prefers against some bids of the others, it likes against all."""
    own = dists[agent, ...]
    low, high = rule(bids, dists), rule(raised_bids, dists)
    there_low, there_high = rule(other_bids, dists), rule(raised_other_bids, dists)
    likes_high, likes_low = robust(own, high, low), robust(own, low, high)
    upwards = ~(likes_high & ~likes_low) | robust(own, there_high, there_low)
    return upwards & (~(likes_low & ~likes_high) | robust(own, there_low, there_high))


@rule_property(everywhere=True)
def individually_rational(payment: Any, bids: Any, dists: Any, agent: Any) -> Any:
    """Payments are defined everywhere, and an agent pays between zero and its bid."""
    paid = payment(bids, dists)[agent]
    return (paid >= 0) & (paid <= bids[agent])


@rule_property
def no_bid_no_payment(payment: Any, withdrawn_bids: Any, dists: Any, agent: Any) -> Any:
    """An agent that bids zero pays zero."""
    return payment(withdrawn_bids, dists)[agent] == 0


@rule_property
def no_positive_transfer(payment: Any, bids: Any, dists: Any, agent: Any) -> Any:
    """No agent is paid: payments are at least zero."""
    return payment(bids, dists)[agent] >= 0


@rule_property
def critical_bid(
    rule: Any, payment: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any
) -> Any:
    """An agent pays its expected critical bid: second price, for a monotone rule.

    For bids `b' ≤ b`, `b' TV(q(b'), q(b)) ≤ z(b) - z(b') ≤ b TV(q(b'), q(b))`, and `0 ≤ z ≤ b`.
    For a monotone rule exactly one payment does this, the integral of `TV(q(x), q(b))` over
    `0 ≤ x ≤ b`, which is the expected critical bid of every stable sampling
    (proofs/library/payments/the_sandwich_is_second_price.py).
    """
    xp = array_namespace(bids, dists)
    moved = xp.sum(xp.abs(rule(raised_bids, dists) - rule(bids, dists))) / 2
    paid = payment(bids, dists)[agent]
    more = payment(raised_bids, dists)[agent] - paid
    priced = (bids[agent] * moved <= more) & (more <= raised_bids[agent] * moved)
    return priced & (paid >= 0) & (paid <= bids[agent])


def _equivalent(left: Any, right: Any) -> Any:
    return (left & right) | (~left & ~right)


INCENTIVE_PROPERTIES: Mapping[str, RuleProperty] = by_name(
    payment_monotone,
    consistent,
    individually_rational,
    no_bid_no_payment,
    no_positive_transfer,
    critical_bid,
)
