"""Numeric work along one own bid, from zero to the bid: an integral, and the end of an interval.

Tolerances: an integral is good to the fraction of the bid that is asked for, or `NotConverged` is
raised; the end of an interval to 2^-50 of itself, or 2^-120 of the bid.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.integrate import quad

from tokenauction.mechanisms.auction.inputs import HostArray

_PIECES = 200
_ACCEPTED = 100


class NotConverged(ArithmeticError):
    """An expected payment could not be integrated to its tolerance."""


def break_points(rule: object, bids: HostArray, agent: int) -> list[float]:
    """Own bids below the bid at which a rule is likeliest to switch: rivals' bids, parameters."""
    named = [float(value) for value in getattr(rule, "parameters", {}).values()]
    candidates = {float(value) for value in (*np.delete(bids, agent), *named)}
    return sorted(value for value in candidates if 0 < value < bids[agent])


def integral(
    of: Callable[[float], float], bid: float, breaks: Sequence[float], tolerance: float
) -> float:
    """`∫ of(x) dx` over the own bids from zero to the bid, adaptively; `of` is at most one.

    The function is asked between the break points and not at them, nor at zero. `tolerance` is a
    fraction of the bid; raises NotConverged where a hundred times that is not reached.

    >>> round(integral(lambda own: own**2, 3.0, [1.0], 1e-9), 6)
    9.0
    """
    values, errors = [], []
    for low, high in zip([0.0, *breaks], [*breaks, bid], strict=True):
        value, error = _piece(of, low, high, tolerance * bid)
        values.append(value)
        errors.append(error)
    if math.fsum(errors) > _ACCEPTED * tolerance * bid:
        raise NotConverged(
            f"an expected payment is {math.fsum(values)}, give or take {math.fsum(errors)}, at the "
            f"bid {bid}: the rule jumps at own bids that are neither a rival's bid nor a parameter"
        )
    return math.fsum(values)


def _piece(
    of: Callable[[float], float], low: float, high: float, absolute: float
) -> tuple[float, float]:
    if low == high:
        return 0.0, 0.0
    if 0 < low < high / 2:
        # What happens near the rivals' bids would be invisible on the scale of a much larger bid.
        found = quad(
            lambda y: of(low * math.exp(y)) * low * math.exp(y),
            0.0,
            math.log(high / low),
            epsabs=absolute,
            epsrel=1e-12,
            limit=_PIECES,
            full_output=1,
        )
    else:
        found = quad(of, low, high, epsabs=absolute, epsrel=1e-12, limit=_PIECES, full_output=1)
    return float(found[0]), float(found[1])


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
