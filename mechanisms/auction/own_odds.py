"""The path of a pool along one own bid: a segment from the others' mean to the own distribution.

Seen from agent `i` a linear pool is `q(x) = λ(x) p_i + (1 - λ(x)) m_i`, and a logarithmic pool is
that in logarithms, as long as the others' shares among themselves do not depend on the own bid.
What a critical bid or a payment needs of the path are the *own odds*
`o(x) = λ(x) / (1 - λ(x)) = w_i(x) / Σ_{j≠i} w_j`, which lose no digits where one bid outweighs all
others. Whether the others' shares stay is looked at wherever the odds are evaluated; where they
move, `NotASegment` is raised and the caller takes the way that suits every rule.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tokenauction.mechanisms.auction.fixed_order import aligned
from tokenauction.mechanisms.auction.inputs import HostArray, checked_weights
from tokenauction.mechanisms.auction.own_bids import break_points, integral, lowest_where
from tokenauction.mechanisms.opinion_pool import OpinionPool
from tokenauction.theory.errors import TokenauctionError

_SHARES_STAY = 1e-12


class NotASegment(Exception):
    """The others' shares among themselves depend on the own bid."""


class NotMonotone(TokenauctionError, ValueError):
    """A raise moves the aggregate away from what the agent wants: there is no critical bid.

    `said` has `{agent}` and `{token}` in it, which are numbers until somebody names them.
    """

    def __init__(self, said: str, agent: int, token: int = 0) -> None:
        self._said, self._agent, self._token = said, agent, token
        super().__init__(said.format(agent=f"agent {agent}", token=f"token {token}"))

    def named(self, names: Sequence[str], pieces: Sequence[str]) -> "NotMonotone":
        """The same with the agent's name and the token's text."""
        agent, token = names[self._agent], pieces[self._token]
        told = self._said.format(agent=repr(agent), token=repr(token))
        return NotMonotone(told.replace("{", "{{").replace("}", "}}"), self._agent, self._token)


@dataclass(frozen=True)
class OwnOdds:
    """One agent's path through a pool, all other bids fixed.

    `others` are the shares of the other agents among themselves, shape (agents,), zero for the
    agent; all zero where no other agent ever has a weight.
    """

    agent: int
    bid: float
    others: HostArray
    at: Callable[[float], float]
    area: float
    rivals: float | None

    def lowest_bid(self, odds: float) -> float:
        """The infimum of the own bids with at least these odds, at most the bid itself."""
        if not self.others.any() or odds <= 0 or self.bid == 0:
            return 0.0
        if self.rivals is not None:
            return min(self.rivals * odds, self.bid)
        if self.at(0.0) >= odds:
            return 0.0
        return lowest_where(lambda own: self.at(own) >= odds, self.bid)


def own_odds(pool: OpinionPool, bids: HostArray, agent: int) -> OwnOdds:
    """The path of an agent through a pool; raises NotASegment and NotMonotone.

    `area` is `∫ (λ(b_i) - λ(x)) dx` over the own bids `x` up to `b_i`: closed where the weights are
    the bids themselves, by quadrature elsewhere.

    >>> import numpy as np
    >>> from tokenauction.mechanisms import linear
    >>> path = own_odds(linear, np.array([1.0, 1.0]), 0)
    >>> round(path.area, 6), path.lowest_bid(0.5)
    (0.193147, 0.5)
    """
    bid = float(bids[agent])
    total = math.fsum(np.delete(bids, agent))
    if _weighs_by_bids(pool) and total > 0:
        shares = np.where(np.arange(len(bids)) == agent, 0.0, bids) / total
        return OwnOdds(agent, bid, shares, lambda own: own / total, _area(bid, total), total)
    breaks = break_points(pool, bids, agent)
    others = _others(pool, bids, agent, breaks)

    def at(own: float) -> float:
        weights = _weights(pool, bids, agent, own)
        rest = np.delete(weights, agent).sum()
        if rest == 0:
            return math.inf
        shares = np.where(np.arange(len(weights)) == agent, 0.0, weights) / rest
        if not np.abs(shares - others).max() <= _SHARES_STAY:
            raise NotASegment
        return float(weights[agent]) / float(rest)  # infinite where it overflows

    if len(bids) == 1:
        return OwnOdds(agent, bid, others, lambda _: math.inf, 0.0, None)
    for own in (0.0, *breaks):
        at(own)
    highest = _share(at(bid)) if bid else 0.0

    def gap(own: float) -> float:
        falls = _share(at(own)) - highest
        if not falls <= _SHARES_STAY:
            raise NotMonotone(
                f"{pool.label} is not monotone here: the share of {{agent}} falls by "
                f"{falls:.6g} as its own bid rises from {own:.6g} to {bid:.6g}; there is no "
                "critical bid then: use another payment rule",
                agent,
            )
        return -falls

    area = integral(gap, bid, breaks, 1e-12)
    return OwnOdds(agent, bid, others, at, area, None)


def _area(bid: float, rivals: float) -> float:
    """`S ln(1 + b/S) - b S / (b + S)`, by its series where the two terms cancel."""
    ratio = bid / rivals
    if ratio < 1e-2:
        terms = (((-1) ** k) * (k - 1) / k * ratio**k for k in range(2, 10))
        return rivals * math.fsum(terms)
    if math.isinf(ratio):
        return rivals * (math.log(bid) - math.log(rivals) - 1)
    return rivals * (math.log1p(ratio) - ratio / (1 + ratio))


def _share(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)


def _weighs_by_bids(pool: OpinionPool) -> bool:
    """Whether the weights are the bids: the function's code does nothing but return its argument.

    One look at what it returns would not do: it may return something else at other bids.
    """
    code = getattr(pool.weights, "__code__", None)
    return code is not None and code.co_code == (lambda bids: bids).__code__.co_code


def _weights(pool: OpinionPool, bids: HostArray, agent: int, own: float) -> HostArray:
    """The weights at another own bid; where nobody else bids, zero is the limit from above."""
    changed = bids.copy()
    changed[agent] = own
    if not changed.any():
        changed[agent] = bids[agent] * 1e-12
    return checked_weights(pool.weights_of(aligned(changed)), len(bids), pool.label)


def _others(pool: OpinionPool, bids: HostArray, agent: int, breaks: Sequence[float]) -> HostArray:
    """The others' shares, at the first own bid at which somebody else has a weight."""
    bid = float(bids[agent])
    ends = [0.0, *breaks, bid]
    between = [(low + high) / 2 for low, high in pairwise(ends)]
    for own in (bid, *ends, *between):
        weights = _weights(pool, bids, agent, own)
        weights[agent] = 0.0
        if weights.sum() > 0:
            shares: HostArray = weights / weights.sum()
            return shares
    return np.zeros_like(bids)
