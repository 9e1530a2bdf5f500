"""The numbers of the runtime next to the exact ones: errors of whole profiles, in bids.

Every function here returns the largest error that it met, so that a test can bound it and a mutant
of the runtime can be seen to exceed the bound.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import exact_payments as exact
import numpy as np

from tokenauction.mechanisms import CATALOGUE, AggregationRule, aggregation_rule
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.randomness import key, step_secret, uniforms
from tokenauction.mechanisms.auction.settlement import SAMPLINGS
from tokenauction.proofs.results.assignment import Assignment

POOLS = (*exact.WEIGHTS, "log_linear")
EXTREME_BIDS = np.array([0, 1e-12, 1e-3, 1, 1, 2.5, 1e3, 1e12])


def rule_named(name: str) -> AggregationRule:
    """A shipped rule at the parameters that `exact_payments` has."""
    rule = CATALOGUE[name.replace("_", "-")]
    return rule.with_parameters(highest=1) if name == "cap" else rule


def opaque(rule: AggregationRule) -> AggregationRule:
    """The same rule as one of which nothing is known."""

    @aggregation_rule(support=rule.support)
    def opaque_rule(bids: Any, dists: Any) -> Any:
        return rule(bids, dists)

    return opaque_rule


@dataclass(frozen=True)
class Profile:
    """Bids and distributions, exact and in floats."""

    exact_bids: tuple[Any, ...]
    exact_dists: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, case: Assignment) -> "Profile":
        """A profile of fractions; its floats are rounded."""
        return cls(case.bids, case.dists)

    @classmethod
    def of_floats(cls, bids: Any, dists: Any) -> "Profile":
        """A profile of floats, taken to be exact."""
        return cls(exact.exactly(bids), tuple(exact.exactly(row) for row in dists))

    @property
    def bids(self) -> Any:
        return np.array([float(bid) for bid in self.exact_bids])

    @property
    def dists(self) -> Any:
        return np.array([[float(p) for p in row] for row in self.exact_dists])

    def under(self, rule: AggregationRule) -> Bidding:
        """The profile as the runtime sees it."""
        return Bidding(Bids(rule, self.bids), self.dists)


def random_profiles(count: int, seed: int, *, extreme: bool, positive: bool) -> Iterator[Profile]:
    """Floats: up to four agents and five tokens, some agents alike, zeros unless `positive`.

    `extreme` has bids between zero and 1e12 at once, and probabilities down to 1e-30.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        agents, tokens = int(rng.integers(1, 5)), int(rng.integers(1, 6))
        spread = rng.choice([1, 5, 20]) if extreme else 1
        odds = np.exp(rng.normal(size=(agents, tokens)) * spread)
        if not positive:
            odds[rng.random((agents, tokens)) < 0.2] = 0
        if extreme:
            odds[rng.random((agents, tokens)) < 0.2] = 1e-30
        odds[:, 0] += odds.sum(axis=1) < 1e-20
        if agents > 1 and rng.random() < 0.2:
            odds[1] = odds[0]
        dists = odds / odds.sum(axis=1, keepdims=True)
        bids = rng.choice(EXTREME_BIDS, size=agents) if extreme else rng.exponential(size=agents)
        bids[0] = bids[0] if bids.any() else 1.0
        yield Profile.of_floats(bids, np.maximum(dists, 1e-30) if positive else dists)


def relative(found: Any, wanted: Any, bid: Any) -> float:
    """How far a payment is off, in units of the bid; a bid of zero pays exactly zero."""
    off = abs(exact.real(float(found)) - exact.real(wanted))
    return float(off / exact.real(bid)) if bid else float("inf") if off else 0.0


def aggregate_error(name: str, profile: Profile) -> float:
    """Of the aggregate, absolutely."""
    found = profile.under(rule_named(name)).aggregate
    wanted = exact.aggregate(name, profile.exact_bids, profile.exact_dists)
    return max(
        float(abs(exact.real(float(q)) - exact.real(r))) for q, r in zip(found, wanted, strict=True)
    )


def expected_error(name: str, sampling: str, profile: Profile) -> float:
    """Of the expected payments, against quadrature of the definition."""
    found = SAMPLINGS[sampling].expected_payments(profile.under(rule_named(name)))
    wanted = exact.expected_stable_payment if sampling == "stable" else exact.expected_race_payment
    return _worst(found, [wanted(name, *_exactly(profile), i) for i in _agents(profile)], profile)


def second_price_error(profile: Profile) -> float:
    """Of the expected payments of stable sampling under the linear rule, against closed form."""
    found = SAMPLINGS["stable"].expected_payments(profile.under(rule_named("linear")))
    wanted = [exact.second_price(*_exactly(profile), i) for i in _agents(profile)]
    return _worst(found, wanted, profile)


def realised_error(name: str, sampling: str, profile: Profile, seed: int) -> float:
    """Of the critical bids for the token that a seed draws; infinite where the token differs."""
    secret = step_secret(seed, 0)
    bidding = profile.under(rule_named(name))
    token = SAMPLINGS[sampling].draw(bidding, secret)
    found = SAMPLINGS[sampling].critical_bids(bidding, token, secret)
    if sampling == "stable":
        wanted = _stable_prices(name, profile, token, secret)
    else:
        numbers = uniforms(key(secret, "token"), bidding.dists.shape[1], np.zeros(0))
        rings = exact.clocks([float(u) for u in numbers])
        if exact.race_winner(exact.aggregate(name, *_exactly(profile)), rings) != token:
            return float("inf")
        wanted = _race_prices(name, profile, token, rings)
    return _worst(found, wanted, profile)


def _stable_prices(name: str, profile: Profile, token: int, secret: str) -> list[Any]:
    numbers = exact.exactly(uniforms(key(secret, "price"), len(profile.exact_bids), np.zeros(0)))
    price = (
        exact.stable_critical_bid
        if name == "linear"
        else lambda *given: exact.stable_critical_bid_by_halving(name, *given)
    )
    return [price(*_exactly(profile), i, token, numbers[i]) for i in _agents(profile)]


def _race_prices(name: str, profile: Profile, token: int, rings: Sequence[Any]) -> list[Any]:
    solved = name in ("linear", "log_linear")
    price = exact.race_critical_bid if solved else exact.race_critical_bid_by_halving
    return [price(name, *_exactly(profile), i, token, rings) for i in _agents(profile)]


def _agents(profile: Profile) -> range:
    return range(len(profile.exact_bids))


def _exactly(profile: Profile) -> tuple[Any, Any]:
    return profile.exact_bids, profile.exact_dists


def _worst(found: Any, wanted: Sequence[Any], profile: Profile) -> float:
    return max(
        relative(f, w, bid) for f, w, bid in zip(found, wanted, profile.exact_bids, strict=True)
    )
