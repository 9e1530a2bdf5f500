"""Mechanisms whose truth is known by hand; tests/deciding/test_mechanisms.py says what it is."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms import (
    Mechanism,
    aggregation_rule,
    linear,
    log_linear,
    payment_rule,
    second_price,
    square_weights,
    winner_takes_all,
)

# Rules -------------------------------------------------------------------------------------------


@aggregation_rule
def mean(bids: Any, dists: Any) -> Any:
    return array_namespace(bids, dists).mean(dists, axis=0)


@aggregation_rule
def inverse_weights(bids: Any, dists: Any) -> Any:
    weights = 1 / (1 + bids)
    return weights @ dists / weights.sum()


@aggregation_rule
def turned_by_a_total(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = xp.where(xp.sum(bids) > 10, 1 / (1 + bids), bids)
    return weights @ dists / weights.sum()


@aggregation_rule
def turned_by_a_rival(bids: Any, dists: Any) -> Any:
    weights = bids * (1 + bids.sum() - bids)
    return weights @ dists / weights.sum()


# Second prices of the linear rule, and what only looks like one ----------------------------------


def _mean_of_others(bids: Any, dists: Any) -> tuple[Any, Any, Any]:
    xp = array_namespace(bids, dists)
    weighted = bids[:, None] * dists
    others = xp.sum(bids) - bids
    rivals = xp.where(others > 0, others, 1)
    return (xp.sum(weighted, axis=0) - weighted) / rivals[:, None], others, rivals


@payment_rule
def reworded(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    mean, others, rivals = _mean_of_others(bids, dists)
    total = xp.sum(bids)
    distance = xp.sum(xp.abs(dists - mean), axis=1) / 2
    ratio = xp.where(others > 0, total / rivals, 1)
    return distance * others * (xp.log(ratio) - bids / total)


@payment_rule
def doubled(bids: Any, dists: Any) -> Any:
    return 2 * second_price(bids, dists)


@payment_rule
def a_little_more(bids: Any, dists: Any) -> Any:
    return 1.0001 * second_price(bids, dists)


@payment_rule
def more_from_four_agents(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.where(bids.shape[0] >= 4, 1.1, 1.0) * second_price(bids, dists)


@payment_rule
def free_at_three(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.where(bids == 3, 0 * bids, second_price(bids, dists))


@payment_rule
def another_agents(bids: Any, dists: Any) -> Any:
    return array_namespace(bids, dists).flip(second_price(bids, dists))


@payment_rule
def distance_to_all(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    _, others, rivals = _mean_of_others(bids, dists)
    distance = xp.sum(xp.abs(dists - bids @ dists / xp.sum(bids)), axis=1) / 2
    return distance * (others * xp.log1p(bids / rivals) - bids * others / (bids + rivals))


@payment_rule
def bid_of_the_same_share(bids: Any, dists: Any) -> Any:
    """The bid at which the agent's share would be what it is: its own."""
    xp = array_namespace(bids, dists)
    share = bids / xp.sum(bids)
    return xp.where(share < 1, share * (xp.sum(bids) - bids) / xp.where(share < 1, 1 - share, 1), 0)


@payment_rule
def move_at_the_bid(bids: Any, dists: Any) -> Any:
    """The bid times the distance of the outcome from that without the agent."""
    xp = array_namespace(bids, dists)
    mean, others, _ = _mean_of_others(bids, dists)
    distance = xp.sum(xp.abs(bids @ dists / xp.sum(bids) - mean), axis=1) / 2
    return xp.where(others > 0, bids * distance, 0 * bids)


# Other payments ----------------------------------------------------------------------------------


@payment_rule
def nothing(bids: Any, dists: Any) -> Any:
    return 0 * bids


@payment_rule
def bid_at_five(bids: Any, dists: Any) -> Any:
    return array_namespace(bids, dists).where(bids == 5, bids, 0 * bids)


@payment_rule
def bid_times_distance(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return bids * xp.sum(xp.abs(dists - bids @ dists / xp.sum(bids)), axis=1) / 2


@payment_rule
def more_in_a_sliver(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.where((bids > 1000) & (bids < 1000.001), 1.01 * bids, bids)


@payment_rule
def more_at_one_total(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.where((xp.sum(bids) == 17.25) & (bids > 3), bids + 1, bids)


@payment_rule
def more_for_three_ties(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    tied = xp.sum(xp.astype(bids[:, None] == bids[None, :], dists.dtype), axis=1)
    return xp.where(tied >= 3, bids + 1, bids)


@payment_rule
def more_from_seven_agents(bids: Any, dists: Any) -> Any:
    return bids * array_namespace(bids, dists).where(bids.shape[0] >= 7, 2, 1)


@payment_rule
def more_for_certainty(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.where(xp.max(dists, axis=1) == 1, bids + 1, bids)


@payment_rule
def undefined_alone(bids: Any, dists: Any) -> Any:
    others = array_namespace(bids, dists).sum(bids) - bids
    return bids * others / others


@payment_rule
def defined_alone(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    others = xp.sum(bids) - bids
    return xp.where(others > 0, bids * others / xp.where(others > 0, others, 1), bids)


@payment_rule
def undefined_entropy(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return bids * xp.sum(-dists * xp.log(dists), axis=1) / dists.shape[1]


@payment_rule
def entry_fee(bids: Any, dists: Any, *, fee: float = 1) -> Any:
    return fee + 0 * bids


@payment_rule
def fee_and_refund(bids: Any, dists: Any) -> Any:
    return bids - array_namespace(bids, dists).mean(bids)


@payment_rule
def first_pays_for_all(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.where(xp.arange(bids.shape[0]) == 0, xp.sum(bids), 0 * bids)


@payment_rule
def only_first_pays(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.where(xp.arange(bids.shape[0]) == 0, bids, 0 * bids)


@payment_rule
def in_order_of_bids(bids: Any, dists: Any) -> Any:
    return array_namespace(bids, dists).sort(bids)


@payment_rule
def second_highest_bid(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    wins = xp.arange(bids.shape[0]) == xp.argmax(bids)
    return xp.where(wins, xp.max(xp.where(wins, 0 * bids, bids)), 0 * bids)


@payment_rule
def branching(bids: Any, dists: Any) -> Any:
    return np.array([1.1 * float(bid) if bid > 2000 else float(bid) for bid in bids])


@payment_rule
def one_number(bids: Any, dists: Any) -> Any:
    return array_namespace(bids, dists).sum(bids)


@payment_rule
def for_tokens(bids: Any, dists: Any) -> Any:
    return bids @ dists


second_price_reworded = Mechanism(linear, reworded)
second_price_doubled = Mechanism(linear, doubled)
second_price_and_a_little = Mechanism(linear, a_little_more)
second_price_and_more_from_four = Mechanism(linear, more_from_four_agents)
second_price_but_at_three = Mechanism(linear, free_at_three)
second_price_of_another_agent = Mechanism(linear, another_agents)
second_price_of_another_rule = Mechanism(square_weights, second_price)
second_price_by_distance_to_all = Mechanism(linear, distance_to_all)
same_share = Mechanism(linear, bid_of_the_same_share)
move_at_bid = Mechanism(linear, move_at_the_bid)
free_mean = Mechanism(mean, nothing)
mean_at_five = Mechanism(mean, bid_at_five)
distance_fee = Mechanism(linear, bid_times_distance)
sliver = Mechanism(linear, more_in_a_sliver)
one_total = Mechanism(linear, more_at_one_total)
three_ties = Mechanism(linear, more_for_three_ties)
from_seven = Mechanism(linear, more_from_seven_agents)
certainty = Mechanism(linear, more_for_certainty)
alone_undefined = Mechanism(linear, undefined_alone)
alone_defined = Mechanism(linear, defined_alone)
entropy_undefined = Mechanism(linear, undefined_entropy)
with_fee = Mechanism(linear, entry_fee)
with_refund = Mechanism(linear, fee_and_refund)
first_for_all = Mechanism(linear, first_pays_for_all)
first_alone = Mechanism(linear, only_first_pays)
sorted_bids = Mechanism(linear, in_order_of_bids)
highest_wins = Mechanism(winner_takes_all, second_highest_bid)
untraceable = Mechanism(linear, branching)
falling = Mechanism(inverse_weights, nothing)
turned_by_total = Mechanism(turned_by_a_total, nothing)
turned_by_rival = Mechanism(turned_by_a_rival, nothing)
log_linear_free = Mechanism(log_linear, nothing)
