"""Stable sampling: a raised bid changes the token at most once, and only in the bidder's favour.

For a rule that is monotone in the robust order and one agent, the token `t` that was drawn stays
while `q_t(x) >= u q_t(b)`, with `u` uniform: if the agent pulls `t` up, the critical bid is the
lowest own bid with that; if it pulls `t` down, zero. The law of the token is the aggregate and
`E[c] = ∫ TV(q(x), q(b)) dx` (after arXiv 2310.10826). One token serves all agents, each with a
uniform number of its own, because no sampling is stable for all agents at once in general; so the
payments are right agent by agent, and say nothing of their joint law.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms.auction.bidding import Bidding
from tokenauction.mechanisms.auction.distances import distances_to_others
from tokenauction.mechanisms.auction.fixed_order import sum_of_products
from tokenauction.mechanisms.auction.inputs import HostArray, arithmetic_of, checked_critical_bids
from tokenauction.mechanisms.auction.own_bids import break_points, integral, lowest_where
from tokenauction.mechanisms.auction.own_odds import NotMonotone
from tokenauction.mechanisms.auction.randomness import key, uniforms

QUADRATURE_TOLERANCE = 1e-9
_ROUNDING = {"float64": 1e-9, "float32": 1e-4}


@dataclass(frozen=True)
class StableSampling:
    """Stable sampling, agent by agent."""

    name: str = "stable"

    def draw(self, bidding: Bidding, secret: str) -> int:
        """The token at which the cumulative aggregate passes a uniform number."""
        xp = array_namespace(bidding.aggregate)
        mass = xp.cumulative_sum(xp.astype(bidding.aggregate, xp.float64))
        level = uniforms(key(secret, "token"), 1, mass) * mass[-1:]
        return int(xp.sum(xp.astype(mass <= level, xp.int64)))

    def critical_bids(self, bidding: Bidding, token: int, secret: str) -> HostArray:
        """Closed for linear pools, bracketed to 2^-50 of itself for other rules."""
        numbers = uniforms(key(secret, "price"), bidding.agents, np.zeros(0))
        price = _on_a_segment if bidding.bids.linear else _by_search
        return checked_critical_bids(price(bidding, token, numbers), bidding.bids.values)

    def expected_payments(self, bidding: Bidding) -> HostArray:
        """Closed for linear pools, by quadrature to 1e-9 of the bid for other rules."""
        if bidding.bids.linear:
            areas = np.array([path.area for path in bidding.bids.odds])
            found = areas * distances_to_others(bidding)
        else:
            agents = range(bidding.agents)
            found = np.array([_integrated(bidding.precise, agent) for agent in agents])
        return checked_critical_bids(found, bidding.bids.values)


def _on_a_segment(bidding: Bidding, token: int, numbers: HostArray) -> HostArray:
    wanted = bidding.at_token(token)
    found = np.zeros(bidding.agents)
    for i, path in enumerate(bidding.bids.odds):
        # p - m without cancelling p against a rounded m, and m without cancelling p - m again
        gap = sum_of_products(path.others, wanted[i] - wanted)
        if gap <= 0:
            continue
        odds, stay = path.at(path.bid), 1 - numbers[i]
        gained = numbers[i] * gap / (1 + 1 / odds) if odds > 0 else 0.0
        needed = gained - stay * sum_of_products(path.others, wanted)
        if needed > 0:
            found[i] = path.lowest_bid(needed / (stay * wanted[i] + numbers[i] * gap / (1 + odds)))
    return found


def _by_search(bidding: Bidding, token: int, numbers: HostArray) -> HostArray:
    found = np.zeros(bidding.agents)
    for i, (bid, number) in enumerate(zip(bidding.bids.values, numbers, strict=True)):
        if bid == 0:
            continue
        level = number * float(bidding.aggregate[token])

        def stays(own: float, agent: int = i, level: float = level) -> bool:
            lower = bidding.at_own_bid(agent, own)
            _check_order(bidding, agent, own, lower)
            return float(lower[token]) >= level

        for own in break_points(bidding.bids.rule, bidding.bids.values, i):
            _check_order(bidding, i, own, bidding.at_own_bid(i, own))
        if not stays(0.0):
            found[i] = lowest_where(stays, float(bid))
    return found


def _integrated(bidding: Bidding, agent: int) -> float:
    bid = float(bidding.bids.values[agent])
    xp = array_namespace(bidding.dists)

    def distance(own: float) -> float:
        lower = bidding.at_own_bid(agent, own)
        _check_order(bidding, agent, own, lower)
        return float(xp.sum(xp.abs(bidding.aggregate - lower))) / 2

    breaks = break_points(bidding.bids.rule, bidding.bids.values, agent)
    return integral(distance, bid, breaks, QUADRATURE_TOLERANCE)


def _check_order(bidding: Bidding, agent: int, own: float, lower: Any) -> None:
    """That the agent weakly prefers the aggregate at its bid to that at a lower one.

    The robust order: every probability lies between the one wanted and the one at the lower bid.
    """
    xp = array_namespace(lower)
    wanted, reached = bidding.dists[agent, :], bidding.aggregate
    above = reached - xp.maximum(wanted, lower)
    below = xp.minimum(wanted, lower) - reached
    excess = xp.maximum(above, below)
    worst = float(xp.max(excess))
    if not worst <= _ROUNDING[arithmetic_of(lower)]:
        token = int(xp.argmax(excess))
        raise NotMonotone(
            f"{bidding.bids.rule.label} is not monotone here: raising the bid of {{agent}} "
            f"from {own:.6g} to {bidding.bids.values[agent]:.6g} moves {{token}} from "
            f"{float(lower[token]):.6g} to {float(reached[token]):.6g}, and the agent wants it at "
            f"{float(wanted[token]):.6g}; stable sampling has no critical bid then: use the "
            "exponential race, or another payment rule",
            agent,
            token,
        )
