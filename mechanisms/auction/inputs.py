"""What an auction accepts: bids and distributions, checked once, with one clear error each.

Stated tolerance: a distribution may sum to one within 1e-6 in float64 and 1e-3 in narrower types;
it is divided by its sum. A rule that is defined for strictly positive distributions only gets
probabilities below `FLOOR` raised to it, which moves at most `FLOOR` of mass a token.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace

FLOOR = 1e-30
SUM_TOLERANCE = {"float64": 1e-6, "float32": 1e-3}

HostArray = np.ndarray[Any, np.dtype[np.float64]]


class BadBids(ValueError):
    """Bids that are not one finite non-negative number an agent, at least one of them positive."""


class BadDistribution(ValueError):
    """A row that is not a distribution over the vocabulary; the message names agent and token."""


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
        values = np.asarray(bids, dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise BadBids(f"bids must be numbers, not {bids!r}") from problem
    if values.shape != (len(names),):
        raise BadBids(
            f"{values.size} bids for {len(names)} agents ({', '.join(names)}): give one bid each"
        )
    for name, bid in zip(names, values, strict=True):
        if not (np.isfinite(bid) and bid >= 0):
            raise BadBids(
                f"the bid of {name!r} is {bid}; a bid is a finite number that is not negative"
            )
    if not values.any():
        raise BadBids("all bids are zero; an auction needs at least one that is positive")
    if not np.isfinite(values.sum()):
        raise BadBids("the bids add up to infinity; scale them down together")
    return values


def checked_distributions(dists: Any, names: Sequence[str], tokens: int, floor: bool) -> Any:
    """The agents' distributions, shape (agents, tokens), each divided by its sum.

    `floor` raises probabilities to at least `FLOOR`. Raises BadDistribution.
    """
    xp = array_namespace(dists)
    if tuple(dists.shape) != (len(names), tokens):
        raise BadDistribution(
            f"distributions of shape {tuple(dists.shape)}, not {(len(names), tokens)}: one row an "
            "agent, one column a token of the vocabulary"
        )
    if dists.dtype not in (xp.float32, xp.float64):
        dists = xp.astype(dists, xp.float32)
    sums = xp.sum(dists, axis=1)
    bounds = on_host(xp.stack([sums, xp.min(dists, axis=1)]))
    tolerance = SUM_TOLERANCE["float64" if dists.dtype == xp.float64 else "float32"]
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
        dists = dists / sums[:, None]
    if floor and bounds[1].min() < FLOOR:
        dists = xp.maximum(dists, xp.full_like(dists, FLOOR))
    return dists


def on_host(values: Any) -> HostArray:
    """A small array as float64 in NumPy, from wherever it lives."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    return np.asarray(values.tolist(), dtype=np.float64)
