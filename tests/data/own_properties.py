"""A user's own properties, orders and rules, some of them wrong on purpose."""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms import aggregation_rule
from tokenauction.theory import forward_kl, preference_order, rule_property


@preference_order(support="full")
def chi_square(preferred: Any, better: Any, worse: Any) -> Any:
    """The chi-square distance of `better` from `preferred` is at most that of `worse`."""
    xp = array_namespace(preferred, better, worse)
    near = xp.sum((better - preferred) ** 2 / preferred)
    return near <= xp.sum((worse - preferred) ** 2 / preferred)


@preference_order
def first_token(preferred: Any, better: Any, worse: Any) -> Any:
    """Only the first token matters: the more of it, the better, for whoever wants any."""
    return (preferred[0] == 0) | (better[0] >= worse[0])


@preference_order
def indifferent(preferred: Any, better: Any, worse: Any) -> Any:
    """Everything is as good as everything else."""
    xp = array_namespace(preferred, better, worse)
    return xp.all(better == better)


@rule_property
def never_zero_for_all(rule: Any, bids: Any, dists: Any) -> Any:
    """A token that somebody who bids wants is possible."""
    xp = array_namespace(bids, dists)
    wanted = xp.any((bids[:, None] > 0) & (dists > 0), axis=0)
    return xp.all((rule(bids, dists) > 0) | ~wanted)


@rule_property(support="full")
def anonymous_and_neutral(
    rule: Any, bids: Any, dists: Any, agent_order: Any, token_order: Any
) -> Any:
    """Reordering the agents and the tokens at once reorders the aggregate like the tokens."""
    xp = array_namespace(bids, dists)
    moved = rule(bids[agent_order], dists[agent_order, ...][:, token_order])
    return xp.all(moved == rule(bids, dists)[token_order])


@rule_property
def some_bid_stays(rule: Any, bids: Any, dists: Any, agent_order: Any) -> Any:
    """With three agents or more, every order leaves some bid in place: false for a rotation."""
    xp = array_namespace(bids, dists)
    return xp.any(bids[agent_order] == bids) | (bids.shape[0] <= 2)


@rule_property
def not_one_truth_value(rule: Any, bids: Any, dists: Any) -> Any:
    """Returns an array of truth values."""
    return rule(bids, dists) >= 0


@rule_property
def raises(rule: Any, bids: Any, dists: Any) -> Any:
    """Has a mistake in it."""
    return rule(bids, dists) >= no_such_name  # type: ignore[name-defined]  # noqa: F821


@rule_property
def branches(rule: Any, bids: Any, dists: Any) -> Any:
    """Branches on a value."""
    xp = array_namespace(bids, dists)
    return xp.all(rule(bids, dists) >= 0) if bids[0] > 1 else xp.any(dists > 0)


imported = forward_kl


@aggregation_rule
def contrary(bids: Any, dists: Any) -> Any:
    """The linear pool of weights that fall with the bid."""
    weights = 1 / (1 + bids)
    return weights @ dists / weights.sum()


@aggregation_rule
def ordered(bids: Any, dists: Any) -> Any:
    """The linear pool, with the first agent's bid doubled."""
    xp = array_namespace(bids, dists)
    weights = bids + xp.where(bids == bids[0], bids, 0)
    return weights @ dists / weights.sum()
