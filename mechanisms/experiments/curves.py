"""The aggregate along the share of one of two agents, with the other bid giving way.

For fixed distributions the share `λ = b_1 / (b_1 + b_2)` goes from zero to one at a fixed total.
Every probability is then a curve between two ends. A linear pool's is a straight line. That of a
logarithmic pool is log-concave: it may rise beyond both of its ends, and there, on either side of
its peak, a raise of one of the two agents moves the token further from where that agent wants it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.auction.inputs import HostArray, on_host

# What rounding may move a probability by.
ROUNDING = {"float64": 1e-9, "float32": 1e-5}


def shares(points: int) -> tuple[float, ...]:
    """So many shares from zero to one, both included; raises ValueError for fewer than two.

    >>> shares(5)
    (0.0, 0.25, 0.5, 0.75, 1.0)
    """
    if points < 2:
        raise ValueError(f"a sweep has at least the two shares zero and one, not {points} of them")
    return tuple(k / (points - 1) for k in range(points))


def bids_at(share: float, total: float) -> tuple[float, float]:
    """The two bids with this share and this total."""
    return total * share, total * (1 - share)


def aggregates(rule: AggregationRule, dists: Any, along: Sequence[float]) -> Iterator[Any]:
    """The aggregate at each share, shape (tokens,), one after the other, where `dists` lives."""
    xp = array_namespace(dists)
    for share in along:
        bids = xp.asarray(bids_at(share, 1.0), dtype=dists.dtype, device=device(dists))
        yield rule(bids, dists)


@dataclass(frozen=True)
class Reach:
    """How far every token's curve moves, and leaves the range between its ends; (tokens,) each."""

    moves: Any
    hump: Any


def reach(rule: AggregationRule, dists: Any, along: Sequence[float]) -> Reach:
    """What the curves of all tokens do, in the memory of a few distributions.

    `moves` is the highest less the lowest probability of the curve. `hump` is how far it goes
    beyond both of its ends, zero where it does not.
    """
    xp = array_namespace(dists)
    found = aggregates(rule, dists, along)
    first = last = highest = lowest = next(found)
    for last in found:
        highest, lowest = xp.maximum(highest, last), xp.minimum(lowest, last)
    above = highest - xp.maximum(first, last)
    below = xp.minimum(first, last) - lowest
    return Reach(highest - lowest, xp.maximum(above, below))


def most(values: Any, count: int, above: float) -> tuple[int, ...]:
    """The positions of the largest values, largest first, of those that are above a bound."""
    xp = array_namespace(values)
    positions = xp.argsort(values, descending=True, stable=True)[:count]
    return tuple(int(position) for position in positions if float(values[int(position)]) > above)


def curves(
    rule: AggregationRule, dists: Any, along: Sequence[float], tokens: Sequence[int]
) -> HostArray:
    """The probabilities of some tokens, shape (shares, tokens)."""
    xp = array_namespace(dists)
    chosen = xp.asarray(tokens, dtype=xp.int64, device=device(dists))
    return np.stack([on_host(xp.take(q, chosen)) for q in aggregates(rule, dists, along)])


@dataclass(frozen=True)
class Stretch:
    """Where a curve is beyond both of its ends: how far at most, and the shares from and to."""

    hump: float
    start: float | None = None
    end: float | None = None


def stretch(curve: HostArray, along: Sequence[float], tolerance: float) -> Stretch:
    """The run of shares, around the one where a curve is farthest out, at which it is beyond.

    `curve` has shape (shares,). Start and end are shares of the grid at which the curve is more
    than `tolerance` beyond both ends; None where it nowhere is.

    >>> stretch(np.array([0.1, 0.5, 0.6, 0.3]), [0, 0.25, 0.5, 1], 1e-9)
    Stretch(hump=0.3, start=0.25, end=0.5)
    """
    low, high = min(curve[0], curve[-1]), max(curve[0], curve[-1])
    beyond = np.maximum(curve - high, low - curve)
    farthest = int(beyond.argmax())
    if beyond[farthest] <= tolerance:
        return Stretch(0.0)
    start = end = farthest
    while beyond[start - 1] > tolerance:
        start -= 1
    while beyond[end + 1] > tolerance:
        end += 1
    return Stretch(float(beyond[farthest]), float(along[start]), float(along[end]))
