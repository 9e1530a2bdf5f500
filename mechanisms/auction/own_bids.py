"""Numeric work along one own bid, from zero to the bid: an integral, and the end of an interval.

Tolerances: an integral is good to the fraction of the bid that is asked for, or `NotConverged` is
raised; the end of an interval to 2^-50 of itself, or 2^-120 of the bid.

The quadrature is adaptive Clenshaw–Curtis (Clenshaw and Curtis 1960), because its rule has the ends
of every piece among its nodes. What is integrated changes in one direction only for rules that are
monotone, so a change anywhere shows between two nodes; a rule without nodes at the ends (Gauss,
Gauss–Kronrod) is blind to one that hides there, as behind a cap far below a large bid.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from tokenauction.mechanisms.auction.fixed_order import sum_of_products
from tokenauction.mechanisms.auction.inputs import HostArray
from tokenauction.theory.errors import TokenauctionError

_INTERVALS = 24
_PIECES = 400
# How far the outermost nodes are inside, since a rule may jump at a break point.
_INSIDE = 1 - 1e-14

Function = Callable[[float], float]
Piece = tuple[float, float, float, float, Function]


class NotConverged(TokenauctionError, ArithmeticError):
    """An expected payment could not be integrated to its tolerance."""


def break_points(rule: object, bids: HostArray, agent: int) -> list[float]:
    """Own bids below the bid at which a rule is likeliest to switch: rivals' bids, parameters."""
    named = [float(value) for value in getattr(rule, "parameters", {}).values()]
    candidates = {float(value) for value in (*np.delete(bids, agent), *named)}
    return sorted(value for value in candidates if 0 < value < bids[agent])


def integral(of: Function, bid: float, breaks: Sequence[float], tolerance: float) -> float:
    """`∫ of(x) dx` over the own bids from zero to the bid, adaptively.

    The function is asked between the break points and not at them, nor at zero. `tolerance` is a
    fraction of the bid; raises NotConverged where it is not reached, or a value is not finite.

    >>> round(integral(lambda own: own**2, 3.0, [1.0], 1e-9), 9)
    9.0
    """
    if bid == 0:
        return 0.0
    ends = zip([0.0, *breaks], [*breaks, bid], strict=True)
    pieces = [_on_scale(of, low, high) for low, high in ends]
    heapq.heapify(pieces)
    left = math.fsum(-piece[0] for piece in pieces)
    while left > tolerance * bid and len(pieces) < _PIECES:
        _, low, high, _, function = heapq.heappop(pieces)
        middle = (low + high) / 2
        heapq.heappush(pieces, _piece(function, low, middle))
        heapq.heappush(pieces, _piece(function, middle, high))
        left = math.fsum(-piece[0] for piece in pieces)
    found = math.fsum(piece[3] for piece in pieces)
    if not left <= tolerance * bid or not math.isfinite(found):
        raise NotConverged(
            f"an expected payment is {found}, give or take {left}, at the bid {bid}: the rule "
            "jumps or swings at own bids that are neither a rival's bid nor a parameter"
        )
    return found


def _on_scale(of: Function, low: float, high: float) -> Piece:
    """The piece between two break points, on a scale of logarithms where they are far apart.

    What happens near the rivals' bids would be invisible on the scale of a much larger bid.
    """
    if not 0 < low < high / 2:
        return _piece(of, low, high)
    return _piece(lambda y: of(math.exp(y)) * math.exp(y), math.log(low), math.log(high))


def _piece(of: Function, low: float, high: float) -> Piece:
    """Minus the error estimate, the ends, the integral, and the function: a heap's entry."""
    nodes, weights, coarse = _rule()
    middle, half = (low + high) / 2, (high - low) / 2
    values = np.array([of(middle + half * _INSIDE * float(node)) for node in nodes])
    fine = half * sum_of_products(weights, values)
    error = abs(fine - half * sum_of_products(coarse, values[::2]))
    return (-error if math.isfinite(error) else -math.inf, low, high, fine, of)


@cache
def _rule() -> tuple[HostArray, HostArray, HostArray]:
    """Nodes on [-1, 1], their weights, and the weights of every other node alone."""
    nodes: HostArray = np.cos(np.pi * np.arange(_INTERVALS + 1) / _INTERVALS)
    return nodes, _weights(_INTERVALS), _weights(_INTERVALS // 2)


def _weights(intervals: int) -> HostArray:
    angles = np.pi * np.arange(intervals + 1) / intervals
    sums = np.ones(intervals + 1)
    for j in range(1, intervals // 2 + 1):
        share = 1 if 2 * j == intervals else 2
        sums -= share / (4 * j * j - 1) * np.cos(2 * j * angles)
    weights: HostArray = 2 * sums / intervals
    weights[[0, -1]] /= 2
    return weights


def lowest_where(holds: Callable[[float], bool], high: float, low: float = 0.0) -> float:
    """The infimum of an interval of own bids on which `holds` is true, and which ends at `high`.

    `holds` is taken to be true at `high` and false at `low`. The answer is a bid at which it was
    seen to be true, or `high`.

    >>> round(lowest_where(lambda own: own >= 0.3, 1e12), 9)
    0.3
    """
    floor = high * 2.0**-120
    while high > floor and high - low > 2.0**-50 * high:
        # Bids of very different sizes are far apart on a scale of logarithms only.
        middle = math.sqrt(low * high) if 0 < low < high / 16 else (low + high) / 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
