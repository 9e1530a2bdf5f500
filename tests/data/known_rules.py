"""Rules whose truth is known by hand; deciding/test_known_rules.py says what it is and why."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms import aggregation_rule


def _pool(weights: Any, dists: Any) -> Any:
    xp = array_namespace(weights, dists)
    return xp.matmul(weights, dists) / xp.sum(weights)


@aggregation_rule
def plain_numpy(bids: Any, dists: Any) -> Any:
    return np.sum(bids[:, None] * dists, axis=0) / np.sum(bids)


@aggregation_rule
def renormalised(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    mixed = xp.sum((bids / xp.max(bids))[:, None] * dists, axis=0)
    return mixed / xp.sum(mixed)


@aggregation_rule
def shifted_softmax(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    scores = bids / 0.25
    weights = xp.exp(scores - xp.max(scores))
    weights = weights / xp.sum(weights)
    mixed = xp.sum(weights[:, None] * dists, axis=0)
    return mixed / xp.sum(mixed)


@aggregation_rule
def tanh_weights(bids: Any, dists: Any) -> Any:
    return _pool(array_namespace(bids).tanh(bids), dists)


@aggregation_rule
def confident(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return _pool(bids * xp.max(dists, axis=1), dists)


@aggregation_rule
def jump_up(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return _pool(xp.where(bids >= 100, 1.001 * bids, bids), dists)


@aggregation_rule
def dip_at_hundred(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return _pool(xp.where(bids >= 100, 0.999 * bids, bids), dists)


@aggregation_rule
def dip_in_total(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    heavy = xp.sum(bids) > 37
    return _pool(xp.where(heavy, bids, 1.0005 * bids) + xp.where(heavy, 0.5, 0.0), dists)


@aggregation_rule
def bonus_for_rivalry(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return _pool(bids * (1 + xp.sum(bids) - bids), dists)


@aggregation_rule
def smoothed_from_three(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    pooled = xp.matmul(bids, dists) / xp.sum(bids)
    if bids.shape[0] >= 3:
        return 0.9 * pooled + 0.1 / dists.shape[1]
    return pooled


@aggregation_rule
def smoothed_from_ten(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    pooled = xp.matmul(bids, dists) / xp.sum(bids)
    return xp.where(bids.shape[0] > 10, 0.9 * pooled + 0.1 / dists.shape[1], pooled)


@aggregation_rule(support="full")
def touch_of_log_linear(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    logits = xp.matmul(bids, xp.log(dists)) / xp.sum(bids)
    odds = xp.exp(logits - xp.max(logits))
    return 0.999 * xp.matmul(bids, dists) / xp.sum(bids) + 0.001 * odds / xp.sum(odds)


@aggregation_rule
def inverse_weights(bids: Any, dists: Any) -> Any:
    return _pool(1 / (1 + bids), dists)


@aggregation_rule
def bare_reserve(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return _pool(xp.maximum(bids - 2, xp.zeros_like(bids)), dists)


@aggregation_rule
def overshooting(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return 2 * xp.matmul(bids, dists) / xp.sum(bids) - xp.mean(dists, axis=0)


@aggregation_rule
def squared_logs(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return _pool(xp.exp(2 * xp.log(bids / xp.sum(bids))), dists)


@aggregation_rule
def unguarded_logs(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    odds = xp.exp(xp.matmul(bids, xp.log(dists)) / xp.sum(bids))
    return odds / xp.sum(odds)


@aggregation_rule
def first_agent(bids: Any, dists: Any) -> Any:
    return dists[0, :]


@aggregation_rule
def first_token(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    favoured = xp.where(xp.arange(dists.shape[1]) == 0, 1.0, 0.0)
    return 0.5 * xp.matmul(bids, dists) / xp.sum(bids) + 0.5 * favoured


@aggregation_rule
def small_shares_dropped(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    shares = bids / xp.sum(bids)
    return _pool(xp.where(shares >= 0.1, shares, 0.0), dists)


@aggregation_rule
def by_argmax(bids: Any, dists: Any) -> Any:
    return dists[array_namespace(bids).argmax(bids), :]


@aggregation_rule
def second_highest(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    if bids.shape[0] == 1:
        return dists[0, :]
    return dists[xp.argsort(bids)[-2], :]


@aggregation_rule
def branching(bids: Any, dists: Any) -> Any:
    if bids[0] > 1:
        return dists[0, :]
    return bids @ dists / bids.sum()


@aggregation_rule
def branching_down(bids: Any, dists: Any) -> Any:
    if bids[0] > 5:
        return dists.mean(axis=0)
    return bids @ dists / bids.sum()
