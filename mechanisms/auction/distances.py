"""How far every agent's distribution is from its rivals' mean, in total variation.

Memory is what this costs at real vocabularies, so the difference to the aggregate is used, which
one pass gives for all agents: `p_i - m_i = (1 + o_i) (p_i - q)` with the own odds `o_i`. An agent
with more than half of the weight would lose digits by that; there is at most one, and its rivals'
mean is computed on its own. On the host the pass goes over blocks that stay in the cache, and adds
up by NumPy's own loop: BLAS has a sum of absolute values, whose order depends on the address.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms.auction.bidding import Bidding
from tokenauction.mechanisms.auction.fixed_order import mixture
from tokenauction.mechanisms.auction.inputs import HostArray, on_host

_BLOCK = 32768


def distances_to_others(bidding: Bidding) -> HostArray:
    """`TV(p_i, m_i)` for every agent of a linear pool, with `m_i` the others' pool, (agents,).

    Zero for an agent without rivals.
    """
    odds = np.array([path.at(path.bid) if path.bid else 0.0 for path in bidding.bids.odds])
    minor = odds <= 1
    found = np.where(minor, 1 + odds, 0.0)
    found[minor] *= _distances(bidding.dists, bidding.aggregate)[minor]
    for i in np.flatnonzero(~minor & bidding.bids.others.any(axis=1)):
        mean = mixture(bidding.like_dists(bidding.bids.others[i]), bidding.dists)
        found[i] = _distances(bidding.dists[i : i + 1, :], mean)[0]
    return found


def _distances(dists: Any, center: Any) -> HostArray:
    """The total variation between each row and one distribution, shape (agents,)."""
    if isinstance(dists, np.ndarray):
        return _blockwise(dists, np.ascontiguousarray(center)) / 2
    xp = array_namespace(dists)
    # Not `vector_norm`: torch adds up float32 naively there, and loses four digits of seven.
    return on_host(xp.sum(xp.abs(dists - center), axis=1)) / 2


def _blockwise(dists: np.ndarray[Any, Any], center: np.ndarray[Any, Any]) -> HostArray:
    gap = np.empty(min(_BLOCK, dists.shape[1]), dtype=dists.dtype)
    sums = np.zeros(dists.shape[0])
    for start in range(0, dists.shape[1], _BLOCK):
        middle = center[start : start + _BLOCK]
        for i, row in enumerate(dists):
            part = np.subtract(row[start : start + _BLOCK], middle, out=gap[: len(middle)])
            sums[i] += np.sum(np.abs(part, out=part))
    return sums
