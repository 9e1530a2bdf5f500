"""What an auction accepts: bids and distributions, checked once, with one clear error each.

Stated tolerance: a distribution may sum to one within 1e-6 in float64 and 1e-3 in narrower types;
it is divided by its sum. A rule that is defined for strictly positive distributions only gets
probabilities below `FLOOR` raised to it, which moves at most `FLOOR` of mass a token.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj, is_torch_array

from tokenauction.mechanisms.auction.fixed_order import aligned, divided
from tokenauction.theory.errors import TokenauctionError

FLOOR = 1e-30
_ROUNDED = 1e-4
_FEW = 20  # numbers that a message shows
SUM_TOLERANCE = {"float64": 1e-6, "float32": 1e-3}

HostArray = np.ndarray[Any, np.dtype[np.float64]]


class BadBids(TokenauctionError, ValueError):
    """Bids that are not one finite non-negative number an agent, at least one of them positive."""


class BadWeights(TokenauctionError, ValueError):
    """Weights of a pool that are not one finite non-negative number an agent, some positive."""


class BadPayment(TokenauctionError, ValueError):
    """What a payment rule charged is not one finite number an agent."""


class BadDistribution(TokenauctionError, ValueError):
    """A row that is not a distribution over the vocabulary; the message names the agent or rule."""


def checked_bids(bids: Sequence[float], names: Sequence[str]) -> HostArray:
    """The bids as float64, shape (agents,); raises BadBids.

    >>> checked_bids([1, 2.5], ["Alora", "Norvik"])
    array([1. , 2.5])
    >>> checked_bids([1, -1], ["Alora", "Norvik"])
    Traceback (most recent call last):
    ...
    tokenauction.mechanisms.auction.inputs.BadBids: the bid of 'Norvik' is -1.0; a bid is a finite \
number that is not negative
    """
    try:
        if isinstance(bids, str) or any(isinstance(bid, str) for bid in bids):
            raise TypeError("text")
        values = np.asarray(bids, dtype=np.float64).copy()
    except (TypeError, ValueError, OverflowError) as problem:
        raise BadBids(f"bids must be a list of numbers, not {bids!r}") from problem
    if values.shape != (len(names),):
        raise BadBids(
            f"bids of shape {values.shape} for {len(names)} agents ({', '.join(names)}): "
            "give one bid each"
        )
    for name, bid in zip(names, values, strict=True):
        if not (np.isfinite(bid) and bid >= 0):
            raise BadBids(
                f"the bid of {name!r} is {bid}; a bid is a finite number that is not negative"
            )
    if not values.any():
        raise BadBids("all bids are zero; an auction needs at least one that is positive")
    with np.errstate(over="ignore"):
        total = values.sum()
    if not np.isfinite(total):
        raise BadBids("the bids add up to infinity; scale them down together")
    return values


def checked_distributions(dists: Any, names: Sequence[str], tokens: int, floor: bool) -> Any:
    """The agents' distributions, shape (agents, tokens), each divided by its sum.

    `floor` raises probabilities to at least `FLOOR`. On the host they lie aligned and
    are not to be written to. Raises BadDistribution.
    """
    xp = array_namespace(dists)
    if tuple(dists.shape) != (len(names), tokens):
        raise BadDistribution(
            f"distributions of shape {tuple(dists.shape)}, not {(len(names), tokens)}: one row an "
            "agent, one column a token of the vocabulary"
        )
    if dists.dtype not in (xp.float32, xp.float64):
        dists = host_view(xp.astype(dists, xp.float32))
        xp = array_namespace(dists)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = xp.sum(dists, axis=1)
    bounds = on_host(xp.stack([sums, xp.min(dists, axis=1)]))
    tolerance = SUM_TOLERANCE[arithmetic_of(dists)]
    for name, total, lowest in zip(names, *bounds, strict=True):
        if np.isnan(total) or np.isinf(total):
            raise BadDistribution(f"the distribution of {name!r} is not finite (NaN or infinity)")
        if lowest < 0:
            raise BadDistribution(f"the distribution of {name!r} has the negative entry {lowest}")
        if abs(total - 1) > tolerance:
            raise BadDistribution(
                f"the distribution of {name!r} sums to {total}, off one by more than {tolerance}"
            )
    if not np.all(bounds[0] == 1):
        dists = divided(dists, sums)
    if floor and bounds[1].min() < FLOOR:
        dists = xp.maximum(dists, xp.full_like(dists, FLOOR))
    if isinstance(dists, np.ndarray):
        dists = aligned(dists).view()
        dists.flags.writeable = False
    return dists


def checked_aggregate(aggregate: Any, tokens: int, label: str) -> Any:
    """What a rule returned, if it is a distribution over the tokens; raises BadDistribution."""
    if not is_array_api_obj(aggregate) or tuple(aggregate.shape) != (tokens,):
        array = is_array_api_obj(aggregate)
        what = f"shape {tuple(aggregate.shape)}" if array else type(aggregate).__name__
        raise BadDistribution(
            f"{label} returned {what}, not one probability for each of {tokens} tokens"
        )
    xp = array_namespace(aggregate)
    total, lowest = on_host(xp.stack([xp.sum(aggregate), xp.min(aggregate)]))
    tolerance = SUM_TOLERANCE[arithmetic_of(aggregate)]
    if not (lowest >= 0 and abs(total - 1) <= tolerance):
        raise BadDistribution(
            f"{label} made no distribution of these bids: it sums to {total}, and its least entry "
            f"is {lowest}; tokenauction verify says where a rule is a distribution"
        )
    return aggregate


def checked_weights(weights: Any, agents: int, label: str) -> HostArray:
    """What the weights of a pool are at some bids, as float64; raises BadWeights."""
    if weights is None:
        raise BadWeights(f"the weights of {label} are nothing (None): a `return` is missing")
    values = np.array(weights, dtype=np.float64)
    if values.shape != (agents,) or not np.isfinite(values).all() or not (values >= 0).all():
        what = values.tolist() if values.size <= _FEW else f"an array of shape {values.shape}"
        raise BadWeights(
            f"the weights of {label} are {what}, not one finite number that is not "
            f"negative for each of {agents} agents"
        )
    if not values.any():
        raise BadWeights(f"the weights of {label} are all zero at some bids")
    return values


def checked_payments(payments: Any, agents: int, label: str) -> HostArray:
    """What a payment rule returned, shape (agents,); raises BadPayment."""
    values = on_host(payments) if is_array_api_obj(payments) else np.asarray(payments)
    if values.shape != (agents,) or not np.isfinite(values).all():
        what = values.tolist() if values.size <= _FEW else f"an array of shape {values.shape}"
        raise BadPayment(
            f"{label} charged {what}, not one finite number for each of {agents} agents"
        )
    return values


def checked_critical_bids(payments: HostArray, bids: HostArray) -> HostArray:
    """Critical bids, or their expectation: between zero and the bids, up to rounding.

    Raises BadPayment for what is not, which no rule that is a distribution everywhere gives.
    """
    slack = _ROUNDED * bids
    if not ((payments >= -slack) & (payments <= bids + slack)).all():
        raise BadPayment(f"critical bids of {payments.tolist()} at bids of {bids.tolist()}")
    within: HostArray = np.clip(payments, 0.0, bids)
    return within


def host_view(values: Any) -> Any:
    """A tensor in the host's memory as a NumPy array of the same memory; others as they are.

    NumPy sorts and sums several times faster there than torch does.
    """
    if is_torch_array(values) and values.device.type == "cpu" and values.dtype.itemsize >= 4:
        return values.numpy()
    return values


def arithmetic_of(values: Any) -> str:
    """What tolerances go by: `"float64"`, or `"float32"` for everything narrower."""
    kind = str(values.dtype).rpartition(".")[2]
    return kind if kind == "float64" else "float32"


def on_host(values: Any) -> HostArray:
    """A small array as float64 in NumPy, from wherever it lives."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    return np.asarray(values.tolist(), dtype=np.float64)
