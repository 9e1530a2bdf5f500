"""The exponential race: one random clock a token, and the token whose clock rings first is drawn.

With exponential variables `E_t` the token is `argmin E_t / q_t`, or `argmax log q_t - log E_t`. For
a rule that is monotone in the odds order the own bids at which a token wins form an interval, for
every agent at once, so the race has a critical bid where stable sampling has none (log-linear).
Two aggregates `u` and `v` draw the same token with probability
`J(u, v) = Σ_t 1 / Σ_s max(u_s / u_t, v_s / v_t)` (Moulton and Jiang, arXiv 1809.04052), so
`E[c] = ∫ (1 - J(q(x), q(b))) dx`. docs/theorems.md has the prior art.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms.auction.bidding import Bidding
from tokenauction.mechanisms.auction.inputs import HostArray, checked_critical_bids, on_host
from tokenauction.mechanisms.auction.own_bids import break_points, integral, lowest_where
from tokenauction.mechanisms.auction.own_odds import OwnOdds
from tokenauction.mechanisms.auction.randomness import key, uniforms

QUADRATURE_TOLERANCE = 1e-9
_STEPS_DOWN = 8


@dataclass(frozen=True)
class ExponentialRace:
    """The exponential race, one clock a token for all agents."""

    name: str = "race"

    def draw(self, bidding: Bidding, secret: str) -> int:
        """The token whose clock rings first."""
        return _winner(bidding.aggregate, _log_clocks(bidding, secret))

    def critical_bids(self, bidding: Bidding, token: int, secret: str) -> HostArray:
        """Closed for pools, bracketed to 2^-50 of itself for other rules."""
        clocks = _log_clocks(bidding, secret)
        if bidding.bids.odds:
            found = _on_a_segment(bidding, token, clocks)
        else:
            agents = range(bidding.agents)
            found = np.array([_by_search(bidding, agent, token, clocks) for agent in agents])
        return checked_critical_bids(found, bidding.bids.values)

    def expected_payments(self, bidding: Bidding) -> HostArray:
        """Closed for the linear pool of the bids, by quadrature to 1e-9 of the bid elsewhere."""
        closed = bidding.bids.linear and all(
            path.rivals is not None or not path.others.any() for path in bidding.bids.odds
        )
        if closed:
            own, others = bidding.dists, bidding.of_others
            found = np.array(
                [
                    _expected_on_a_segment(path, own[path.agent, :], others[path.agent, :])
                    for path in bidding.bids.odds
                ]
            )
        else:
            agents = range(bidding.agents)
            found = np.array([_integrated(bidding.precise, agent) for agent in agents])
        return checked_critical_bids(found, bidding.bids.values)


def collision_probability(one: Any, other: Any, order: Any = None) -> float:
    """`J`: how likely two distributions, shape (tokens,), draw the same token in one race.

    Sorted by `u / v`, the sum of maxima splits into a tail of `u` and a head of `v`. `order` is
    that order, where it is known.

    >>> import numpy as np
    >>> round(collision_probability(np.array([0.5, 0.5]), np.array([0.5, 0.5])), 12)
    1.0
    """
    xp = array_namespace(one)
    u, v = xp.astype(one, xp.float64), xp.astype(other, xp.float64)
    order = xp.argsort(_ratio(u, v)) if order is None else order
    u, v = xp.take(u, order), xp.take(v, order)
    weight = _tail(u) * v + _head(v) * u
    alike = u * v / xp.where(weight > 0, weight, xp.ones_like(weight))
    return float(xp.sum(alike))


def _log_clocks(bidding: Bidding, secret: str) -> Any:
    """`log E_t`, shape (tokens,), float64."""
    aggregate = bidding.aggregate
    xp = array_namespace(aggregate)
    numbers = uniforms(key(secret, "token"), aggregate.shape[0], aggregate)
    return xp.log(-xp.log(numbers))


def _winner(aggregate: Any, clocks: Any) -> int:
    xp = array_namespace(aggregate)
    return int(xp.argmax(_log(xp.astype(aggregate, xp.float64)) - clocks))


def _log(values: Any) -> Any:
    """Logarithms, minus infinity for zero, without a warning."""
    xp = array_namespace(values)
    positive = xp.where(values > 0, values, xp.ones_like(values))
    return xp.where(values > 0, xp.log(positive), xp.full_like(values, -math.inf))


def _on_a_segment(bidding: Bidding, token: int, clocks: Any) -> HostArray:
    """The lowest own odds at which no token `s` overtakes: `N_s <= o D_s` for every `s`.

    In a linear pool `N = m_s - ρ_s m_t` and `D = ρ_s p_t - p_s`, with `ρ_s = E_s / E_t` the lead
    that `s` would need. In a logarithmic pool the same holds of the logarithms.
    """
    xp = array_namespace(clocks)
    others, logarithmic = bidding.of_others, bidding.bids.logarithmic
    lead = clocks - clocks[token]
    lead = lead if logarithmic else xp.exp(lead)
    highest = []
    for i in range(bidding.agents):
        own = xp.astype(bidding.dists[i, :], xp.float64)
        rest = xp.astype(others[i, :], xp.float64)
        if logarithmic:
            own = xp.log(own)
            needs, gives = rest - rest[token] - lead, lead - own + own[token]
        else:
            needs, gives = rest - lead * rest[token], lead * own[token] - own
        odds = needs / xp.where(gives > 0, gives, xp.ones_like(gives))
        odds = xp.where(gives > 0, odds, xp.full_like(odds, math.inf))
        highest.append(xp.max(xp.where(needs > 0, odds, xp.zeros_like(odds))))
    found = on_host(xp.stack(highest))
    return np.array([path.lowest_bid(o) for path, o in zip(bidding.bids.odds, found, strict=True)])


def _by_search(bidding: Bidding, agent: int, token: int, clocks: Any) -> float:
    """Down from the bid to the first own bid at which another token wins, then bracketed.

    The steps down are the break points and eight fractions of the bid. A rule that is not monotone
    in the odds may lose the token and win it again between two steps; that is not looked for.
    """
    bid = float(bidding.bids.values[agent])
    if bid == 0:
        return 0.0

    def wins(own: float) -> bool:
        return _winner(bidding.at_own_bid(agent, own), clocks) == token

    fractions = [bid * k / _STEPS_DOWN for k in range(_STEPS_DOWN)]
    breaks = break_points(bidding.bids.rule, bidding.bids.values, agent)
    high = bid
    for low in sorted({*fractions, *breaks}, reverse=True):
        if not wins(low):
            return lowest_where(wins, high, low)
        high = low
    return 0.0


def _integrated(bidding: Bidding, agent: int) -> float:
    order = _order_along(bidding, agent)

    def changed(own: float) -> float:
        lower = bidding.at_own_bid(agent, own)
        return 1 - collision_probability(lower, bidding.aggregate, order)

    bid = float(bidding.bids.values[agent])
    breaks = break_points(bidding.bids.rule, bidding.bids.values, agent)
    return integral(changed, bid, breaks, QUADRATURE_TOLERANCE)


def _order_along(bidding: Bidding, agent: int) -> Any:
    """The tokens by what they lose as an agent raises its bid: one order all along a pool's path.

    None for rules that are not pools.
    """
    if not bidding.bids.odds:
        return None
    xp = array_namespace(bidding.dists)
    own, others = bidding.dists[agent, :], bidding.of_others[agent, :]
    if bidding.bids.logarithmic:
        return xp.argsort(others - xp.log(own))
    return xp.argsort(_ratio(others, own))


def _expected_on_a_segment(path: OwnOdds, own: Any, others: Any) -> float:
    """`∫ (1 - J) dx` for the linear pool of the bids: each token's part of `J` is Möbius in `x`.

    With `y = x / S` the part of `t` is `(a1 y + a0) / (c1 y + c0)`, whose integral up to `b / S` is
    made of `ln(1 + z) / z` and `(z - ln(1 + z)) / z²` at `z = c1 b / (c0 S)`.
    """
    if path.rivals is None or path.bid == 0:
        return 0.0
    xp = array_namespace(own)
    p, m = xp.astype(own, xp.float64), xp.astype(others, xp.float64)
    order = xp.argsort(_ratio(m, p))
    p, m = xp.take(p, order), xp.take(m, order)
    reach = path.bid / path.rivals
    aggregate = (reach * p + m) / (reach + 1)
    head = _head(aggregate)
    top1, top0 = aggregate * p, aggregate * m
    low1, low0 = aggregate * _tail(p) + head * p, aggregate * _tail(m) + head * m
    alone = low0 == 0
    z = low1 * reach / xp.where(alone, xp.ones_like(low0), low0)
    parts = (top0 * _phi(z) + top1 * reach * _psi(z)) / xp.where(alone, xp.ones_like(low0), low0)
    only = top1 / xp.where(low1 > 0, low1, xp.ones_like(low1))
    alike = float(xp.sum(xp.where(alone, only, parts)))
    return path.bid * (1 - alike)


def _phi(z: Any) -> Any:
    """`ln(1 + z) / z`, one at zero."""
    xp = array_namespace(z)
    safe = xp.where(z > 0, z, xp.ones_like(z))
    return xp.where(z > 0, xp.log1p(safe) / safe, xp.ones_like(z))


def _psi(z: Any) -> Any:
    """`(z - ln(1 + z)) / z²`, a half at zero, by its series where the difference cancels."""
    xp = array_namespace(z)
    large = z > 1e-2
    safe = xp.where(large, z, xp.ones_like(z))
    series = xp.zeros_like(z)
    small = xp.where(large, xp.zeros_like(z), z)
    for k in range(9, 1, -1):
        series = 1 / k - small * series
    return xp.where(large, (1 - xp.log1p(safe) / safe) / safe, series)


def _ratio(above: Any, below: Any) -> Any:
    """A quotient to sort by: infinite over zero, one where both are zero."""
    xp = array_namespace(above)
    with np.errstate(over="ignore"):  # over the least numbers that there are
        quotient = above / xp.where(below > 0, below, xp.ones_like(below))
    endless = xp.where(above > 0, xp.full_like(above, math.inf), xp.ones_like(above))
    return xp.where(below > 0, quotient, endless)


def _head(values: Any) -> Any:
    """The sum of what comes before each entry."""
    xp = array_namespace(values)
    return xp.cumulative_sum(values) - values


def _tail(values: Any) -> Any:
    """The sum of each entry and what comes after it."""
    xp = array_namespace(values)
    return xp.flip(xp.cumulative_sum(xp.flip(values)))
