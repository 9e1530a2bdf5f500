"""Numeric against exact: every probability and payment of the NumPy runtime.

Bounds are in units of the agent's bid, those of probabilities absolute. The worst cases over
thousands of profiles: 5e-16 for linear aggregates, their expected payments and critical bids of
stable sampling, 4e-15 for log-linear aggregates, 2e-14 for critical bids of the race, 3e-13 for
integrals over bids that are 24 orders apart. Where two tokens of the race nearly tie for an agent
that agrees with its rivals, the critical bid is as ill-conditioned as the tie: 5e-13 was met.
"""

from functools import partial
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from hypothesis import given, settings
from hypothesis import strategies as st
from payment_checks import (
    POOLS,
    Profile,
    aggregate_error,
    expected_error,
    opaque,
    random_profiles,
    realised_error,
    rule_named,
    second_price_error,
)
from scipy import stats
from strategies import profiles

from tokenauction.mechanisms import (
    CATALOGUE,
    AggregationRule,
    aggregation_rule,
    linear,
    linear_pool,
    log_linear,
    reserve,
    softmax_weights,
    winner_takes_all,
)
from tokenauction.mechanisms.auction import BadBids, BadDistribution, NotConverged, NotMonotone
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.calls import RuleFailed
from tokenauction.mechanisms.auction.inputs import BadWeights
from tokenauction.mechanisms.auction.randomness import key, step_secret, uniforms
from tokenauction.mechanisms.auction.settlement import SAMPLINGS, Terms
from tokenauction.mechanisms.auction.stable_sampling import StableSampling
from tokenauction.proofs.results.assignment import Assignment

PROBABILITY = 1e-14
CLOSED = 1e-12
QUADRATURE = 1e-9
LINEAR_POOLS = tuple(name for name in POOLS if name not in ("rank_weights", "log_linear"))
# The two that are not monotone in the robust order have no critical bid under stable sampling.
WAYS = [
    (name, sampling)
    for name in POOLS
    for sampling in SAMPLINGS
    if (name, sampling) not in (("rank_weights", "stable"), ("log_linear", "stable"))
]
seeds = partial(st.integers, 0, 10**6)


# Exact.


@pytest.mark.parametrize("name", POOLS)
@given(data=st.data())
def test_aggregates(name: str, data: st.DataObject) -> None:
    case = data.draw(profiles(positive=name == "log_linear"))
    assert aggregate_error(name, Profile.of(case)) <= PROBABILITY


@settings(max_examples=100)
@given(profiles(), seeds())
def test_the_linear_rule(case: Assignment, seed: int) -> None:
    profile = Profile.of(case)
    assert second_price_error(profile) <= CLOSED
    assert realised_error("linear", "stable", profile, seed) <= CLOSED
    assert realised_error("linear", "race", profile, seed) <= CLOSED


@settings(max_examples=15)
@given(profiles())
def test_closed_forms_are_the_integrals(case: Assignment) -> None:
    profile = Profile.of(case)
    assert expected_error("linear", "stable", profile) <= CLOSED
    assert expected_error("linear", "race", profile) <= CLOSED


@settings(max_examples=100)
@given(profiles(positive=True), seeds())
def test_critical_bids_of_the_log_linear_rule(case: Assignment, seed: int) -> None:
    assert realised_error("log_linear", "race", Profile.of(case), seed) <= CLOSED


@settings(max_examples=10)
@given(profiles(positive=True))
def test_expected_payments_of_the_log_linear_rule(case: Assignment) -> None:
    assert expected_error("log_linear", "race", Profile.of(case)) <= QUADRATURE


@pytest.mark.parametrize("name", [name for name in LINEAR_POOLS if name != "linear"])
def test_other_pools(name: str) -> None:
    for seed, profile in enumerate(random_profiles(8, seed=11, extreme=False, positive=True)):
        assert realised_error(name, "stable", profile, seed) <= CLOSED
        assert realised_error(name, "race", profile, seed) <= CLOSED
    for profile in random_profiles(3, seed=12, extreme=False, positive=True):
        assert expected_error(name, "stable", profile) <= CLOSED
        assert expected_error(name, "race", profile) <= QUADRATURE


@pytest.mark.parametrize("extreme", [False, True])
def test_random_floats(extreme: bool) -> None:
    """Among them bids of 0, 1e-12 and 1e12 at once and probabilities of 1e-30."""
    for seed, profile in enumerate(random_profiles(150, 3, extreme=extreme, positive=False)):
        assert aggregate_error("linear", profile) <= PROBABILITY
        assert second_price_error(profile) <= CLOSED
        assert realised_error("linear", "stable", profile, seed) <= CLOSED
        assert realised_error("linear", "race", profile, seed) <= CLOSED
    for seed, profile in enumerate(random_profiles(100, 4, extreme=extreme, positive=True)):
        assert aggregate_error("log_linear", profile) <= PROBABILITY
        assert realised_error("log_linear", "race", profile, seed) <= CLOSED


def test_integrals_at_extremes() -> None:
    for profile in random_profiles(4, 5, extreme=True, positive=True):
        assert expected_error("linear", "race", profile) <= CLOSED
        assert expected_error("log_linear", "race", profile) <= QUADRATURE


def test_a_token_that_the_others_never_draw() -> None:
    """The price of a token that one small bid alone brings in, and that is hardly ever drawn."""
    import exact_payments as exact

    from tokenauction.mechanisms.auction import stable_sampling

    rng = np.random.default_rng(6)
    for profile in random_profiles(200, 6, extreme=True, positive=False):
        numbers = rng.random(len(profile.bids))
        for token in range(profile.dists.shape[1]):
            found = stable_sampling._on_a_segment(profile.under(linear), token, numbers)
            for i, bid in enumerate(profile.exact_bids):
                wanted = exact.stable_critical_bid(
                    profile.exact_bids, profile.exact_dists, i, token, exact.exactly(numbers)[i]
                )
                assert abs(exact.exactly(found)[i] - wanted) <= CLOSED * bid


# One way against another.


def wide_profile(tokens: int = 50, agents: int = 4, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    dists = np.maximum(rng.dirichlet(np.full(tokens, 0.5), size=agents), 1e-12)
    return rng.exponential(2, size=agents), dists / dists.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("name", "sampling"), WAYS)
def test_what_is_known_of_pools_changes_no_payment(name: str, sampling: str) -> None:
    """Pools have ways of their own; the general way has to come to the same."""
    rule, how = rule_named(name), SAMPLINGS[sampling]
    bids, dists = wide_profile()
    known = Bidding(Bids(rule, bids), dists)
    unknown = Bidding(Bids(opaque(rule), bids), dists)
    assert len(unknown.bids.odds) == 0
    assert np.abs(how.expected_payments(known) - how.expected_payments(unknown)).max() < 1e-8
    for seed in range(10):
        secret = step_secret(seed, 0)
        token = how.draw(known, secret)
        assert how.draw(unknown, secret) == token
        gap = how.critical_bids(known, token, secret) - how.critical_bids(unknown, token, secret)
        assert np.abs(gap).max() <= 1e-12 * bids.max()


STEPS = 1500


@pytest.mark.parametrize(
    ("name", "sampling"),
    [way for way in WAYS if way[0] in ("linear", "saturating_weights", "reserve", "log_linear")],
)
def test_simulation(name: str, sampling: str) -> None:
    """The mean of the realised payments is the expected one, and tokens follow the aggregate."""
    bids, dists = wide_profile(tokens=6, agents=3, seed=8)
    bidding = Bidding(Bids(rule_named(name), bids), dists)
    how = SAMPLINGS[sampling]
    expected = how.expected_payments(bidding)
    tokens, paid = np.zeros(STEPS, dtype=int), np.zeros((STEPS, 3))
    for step in range(STEPS):
        secret = step_secret(8, step)
        tokens[step] = how.draw(bidding, secret)
        paid[step] = how.critical_bids(bidding, tokens[step], secret)
    errors = np.abs(paid.mean(axis=0) - expected)
    assert (errors <= 4 * paid.std(axis=0) / np.sqrt(STEPS) + 1e-12).all()
    counts = np.bincount(tokens, minlength=6)
    wanted = np.asarray(bidding.aggregate, dtype=np.float64)
    assert stats.chisquare(counts, STEPS * wanted / wanted.sum()).pvalue > 1e-3


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_critical_bid_is_critical(sampling: str) -> None:
    """Just above it the drawn token would have been drawn with the same numbers, below not."""
    how = SAMPLINGS[sampling]
    met = 0
    for seed in range(60):
        bids, dists = wide_profile(tokens=8, agents=3, seed=seed)
        bidding, secret = Bidding(Bids(linear, bids), dists), step_secret(seed, 0)
        token = how.draw(bidding, secret)
        numbers = uniforms(key(secret, "price"), 3, np.zeros(0))
        for i, price in enumerate(how.critical_bids(bidding, token, secret)):
            if price == 0:
                continue
            met += 1
            for factor, stays in ((1 + 1e-9, True), (1 - 1e-9, False)):
                changed = bids.copy()
                changed[i] = price * factor
                other = Bidding(Bids(linear, changed), dists)
                level = numbers[i] * bidding.aggregate[token]
                kept = (
                    other.aggregate[token] >= level
                    if sampling == "stable"
                    else how.draw(other, secret) == token
                )
                assert kept == stays
    assert met > 20


# What holds for every rule.

RULES = {
    **{name: rule for name, rule in CATALOGUE.items() if not rule.open_names},
    "platform": CATALOGUE["platform"].with_parameters(model=[0.25, 0.25, 0.5]),
}


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
@settings(max_examples=12)
@given(data=st.data())
def test_payments_lie_between_zero_and_the_bid(
    rule: AggregationRule, sampling: str, data: st.DataObject
) -> None:
    case = data.draw(profiles(tokens=3, positive=rule.support == "full"))
    profile = Profile.of(case)
    bidding, secret = profile.under(rule), step_secret(data.draw(seeds()), 0)
    try:
        settled = Terms(rule, sampling=sampling).settle(bidding.bids, bidding.dists, secret)
    except NotMonotone:
        assert sampling == "stable"
        return
    assert settled.probability > 0
    assert settled.expected is not None
    for payments in (settled.realised, settled.expected):
        assert (payments >= 0).all()
        assert (payments <= profile.bids * (1 + 1e-15)).all()


MONOTONE = ("linear", "cap", "reserve", "winner_takes_all", "softmax_weights", "platform")


@pytest.mark.parametrize("name", MONOTONE)
@given(data=st.data())
def test_monotone_rules_always_have_a_critical_bid(name: str, data: st.DataObject) -> None:
    """What the checker proves monotone in the robust order is never refused by stable sampling."""
    rule = RULES[name.replace("_", "-")]
    profile = Profile.of(data.draw(profiles(tokens=3)))
    for way in (rule, opaque(rule)):
        StableSampling().expected_payments(profile.under(way))


@pytest.mark.parametrize(("name", "sampling"), WAYS)
def test_identical_agents_and_single_ones_pay_nothing(name: str, sampling: str) -> None:
    rule, how, secret = rule_named(name), SAMPLINGS[sampling], step_secret(1, 2)
    row = np.array([0.1, 0.7, 0.2])
    for bids in (np.array([2.0]), np.array([2.0, 2.0, 2.0]), np.array([1e-12, 1.0, 1e12])):
        bidding = Bidding(Bids(rule, bids), np.stack([row] * len(bids)))
        token = how.draw(bidding, secret)
        assert (how.critical_bids(bidding, token, secret) <= 1e-15 * bids).all()
        assert (how.expected_payments(bidding) <= 1e-9 * bids).all()


@pytest.mark.parametrize("expected", [False, True])
@pytest.mark.parametrize("rule", [log_linear, rule_named("rank_weights")])
def test_no_critical_bid(rule: AggregationRule, expected: bool) -> None:
    """Stable sampling refuses, with the raise that goes the wrong way, rather than charge."""
    terms, (bids, dists) = Terms(rule, expected=expected), wide_profile()
    said = rf"{rule.name} is not monotone here: raising the bid of agent \d.*exponential race"
    with pytest.raises(NotMonotone, match=said):
        terms.settle(Bids(rule, bids), dists, step_secret(1, 0))
    Terms(rule, "none").settle(Bids(rule, bids), dists, step_secret(1, 0))


def test_two_tokens_are_always_monotone() -> None:
    for seed in range(5):
        bids, dists = wide_profile(tokens=2, agents=3, seed=seed)
        profile = Profile.of_floats(bids, dists)
        assert expected_error("log_linear", "stable", profile) <= QUADRATURE
        assert realised_error("log_linear", "stable", profile, seed) <= CLOSED


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_softmax_of_large_bids(sampling: str) -> None:
    """The others' weights underflow, and bids up to 1e12 do not overflow."""
    how = SAMPLINGS[sampling]
    dists = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    for top in (700.0, 742.0, 746.0, 1e4, 1e12):
        bidding = Bidding(Bids(softmax_weights, np.array([top, 3.0, 0.0])), dists)
        expected = how.expected_payments(bidding)
        assert abs(expected[0] - _softmax_payment(top)) <= 1e-9 * top
        assert (np.abs(expected[1:]) <= 1e-12).all()
        for seed in range(10):
            token = how.draw(bidding, step_secret(seed, 0))
            assert token == 0
            assert 0 <= how.critical_bids(bidding, token, step_secret(seed, 0))[0] < 50


def _softmax_payment(top: float) -> float:
    """`∫ (1 - λ(x)) dx` for `λ = e^x / (e^x + W)`, on tokens that nobody shares."""
    others = 1 + float(np.exp(3.0))
    return float(np.log(1 + others) - np.log1p(others * np.exp(-top)))


def test_a_reserve_that_nobody_meets() -> None:
    dists = np.array([[0.75, 0.25], [0.25, 0.75]])
    low = Bidding(Bids(reserve, np.array([0.5, 0.9])), dists)
    assert np.abs(low.aggregate - 0.5).max() == 0
    for how in SAMPLINGS.values():
        assert (how.expected_payments(low) == 0).all()
        token = how.draw(low, step_secret(3, 0))
        assert (how.critical_bids(low, token, step_secret(3, 0)) == 0).all()
    high = Bidding(Bids(reserve, np.array([5.0, 0.9])), dists)
    expected = StableSampling().expected_payments(high)
    assert np.allclose(expected, [0.25, 0], atol=1e-11)  # a quarter of the mass moves at bid 1


# Rules of users: thresholds that are nobody's bid, and more of them than can be found.


@aggregation_rule
def threshold(bids: Any, dists: Any) -> Any:
    """Bids of `√2 - 1` and more count twice."""
    xp = array_namespace(bids, dists)
    weights = xp.where(bids >= 2**0.5 - 1, 2 * bids, bids)
    return xp.matmul(weights, dists) / xp.sum(weights)


def test_a_threshold_is_found() -> None:
    dists = np.array([[1.0, 0.0], [0.0, 1.0]])
    bidding = Bidding(Bids(threshold, np.array([1.0, 0.125])), dists)
    jump = 2**0.5 - 1

    def area(low: float, high: float, weight: float) -> float:
        return float(0.125 / weight * np.log((weight * high + 0.125) / (weight * low + 0.125)))

    exact = area(0, jump, 1) + area(jump, 1, 2) - 0.125 / 2.125
    assert abs(StableSampling().expected_payments(bidding)[0] - exact) <= QUADRATURE


def test_jumps_without_end_are_not_guessed() -> None:
    @linear_pool
    def stairs(bids: Any) -> Any:
        xp = array_namespace(bids)
        return xp.floor(bids * 100_003) / 100_003

    bids, dists = wide_profile(tokens=3, agents=2, seed=1)
    with pytest.raises(NotConverged, match="neither a rival's bid nor a parameter"):
        StableSampling().expected_payments(Bidding(Bids(stairs, bids), dists))


# Vocabularies.


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_large_vocabulary(sampling: str) -> None:
    """256,000 tokens: two of them carry what matters, the rest is spread thin."""
    how, tokens = SAMPLINGS[sampling], 256_000
    bids, dists = wide_profile(tokens=tokens, agents=3, seed=9)
    small = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.125, 0.125, 0.75]])
    spread = np.repeat(small[:, 2:] / (tokens - 2), tokens - 2, axis=1)
    wide = np.concatenate([small[:, :2], spread], axis=1)
    found = how.expected_payments(Bidding(Bids(linear, bids), wide))
    if sampling == "stable":  # splitting a token alike for all changes no distance
        assert (
            np.abs(found - how.expected_payments(Bidding(Bids(linear, bids), small))).max() < 1e-12
        )
    bidding = Bidding(Bids(linear, bids), dists)
    assert abs(bidding.aggregate.sum() - 1) < 1e-12
    for seed in range(3):
        token = how.draw(bidding, step_secret(seed, 0))
        paid = how.critical_bids(bidding, token, step_secret(seed, 0))
        assert ((paid >= 0) & (paid <= bids)).all()
    expected = how.expected_payments(bidding)
    assert ((expected > 0) & (expected < bids)).all()


# Random numbers.


def split_mix(state: int, count: int) -> list[int]:
    """SplitMix64 in whole numbers."""
    words, mask = [], (1 << 64) - 1
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        words.append(z ^ (z >> 31))
    return words


def test_uniforms_are_split_mix() -> None:
    # Known answers of the published generator for the seed 1234567.
    assert split_mix(1234567, 2) == [6457827717110365317, 3203168211198807973]
    for of in (1234567, 0, -1, -(1 << 63), key(step_secret(5, 6), "token")):
        wanted = [((word >> 12) + 0.5) * 2.0**-52 for word in split_mix(of % (1 << 64), 500)]
        assert uniforms(of, 500, np.zeros(0)).tolist() == wanted


def test_uniforms_are_uniform() -> None:
    numbers = uniforms(key(step_secret(1, 1), "token"), 1_000_000, np.zeros(0))
    assert numbers.dtype == np.float64
    assert 0 < numbers.min() < 1e-5
    assert 1 - 1e-5 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 4 * (1 / 12) ** 0.5 / 1000
    assert abs(numbers.var() - 1 / 12) < 4 * (1 / 180) ** 0.5 / 1000
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 4e-3


def test_the_ends_of_the_generator() -> None:
    """The largest and the least word give numbers inside the open interval."""
    assert (2.0**52 - 1 + 0.5) * 2.0**-52 < 1
    assert (0 + 0.5) * 2.0**-52 > 0
    assert np.isfinite(np.log(-np.log(np.array([0.5 * 2.0**-52, 1 - 2.0**-53])))).all()


# Torch against NumPy.

LIMITS = {"float64": 1e-12, "float32": 2e-5}


@pytest.mark.extra("llm")
@pytest.mark.parametrize("width", LIMITS)
@pytest.mark.parametrize(("name", "sampling"), WAYS)
def test_torch_is_numpy(name: str, sampling: str, width: str) -> None:
    """In float32 the drawn token may be another at one in a million steps; not at these."""
    import torch

    bids, dists = wide_profile(tokens=40, agents=3, seed=10)
    rule, how, limit = rule_named(name), SAMPLINGS[sampling], LIMITS[width]
    on_host = Bidding(Bids(rule, bids), dists)
    on_torch = Bidding(Bids(rule, bids), torch.asarray(dists, dtype=getattr(torch, width)))
    assert np.abs(on_torch.aggregate.numpy() - on_host.aggregate).max() <= limit / 20
    close = partial(_close, bids, limit if width == "float32" else 1e-9)
    assert close(how.expected_payments(on_torch), how.expected_payments(on_host))
    for seed in range(10):
        secret = step_secret(seed, 0)
        token = how.draw(on_host, secret)
        assert how.draw(on_torch, secret) == token
        assert _close(
            bids,
            limit,
            how.critical_bids(on_torch, token, secret),
            how.critical_bids(on_host, token, secret),
        )


def _close(bids: Any, limit: float, one: Any, other: Any) -> bool:
    return bool((np.abs(one - other) <= limit * bids).all())


@pytest.mark.extra("llm")
def test_torch_makes_the_same_numbers() -> None:
    import torch

    for of in (0, -1, 1 << 62, key(step_secret(5, 6), "price")):
        on_host, on_torch = uniforms(of, 999, np.zeros(0)), uniforms(of, 999, torch.zeros(0))
        assert on_host.tolist() == on_torch.tolist()


@pytest.mark.extra("llm")
def test_float32_sums_of_a_large_vocabulary() -> None:
    """Adding up 256,000 float32 numbers in a row would lose four of seven digits."""
    import torch

    rng = np.random.default_rng(0)
    dists = rng.dirichlet(np.full(256_000, 0.05), size=3)
    bids = np.array([1.0, 2.0, 3.0])
    wanted = StableSampling().expected_payments(Bidding(Bids(linear, bids), dists))
    for single in (dists.astype(np.float32), torch.asarray(dists, dtype=torch.float32)):
        found = StableSampling().expected_payments(Bidding(Bids(linear, bids), single))
        assert (np.abs(found - wanted) <= 1e-6 * bids).all()


@pytest.mark.extra("llm")
def test_bids_that_float32_does_not_tell_apart_are_one_bid() -> None:
    """The odds and the rule see the same bids, so nobody pays for a lead that is not there."""
    import torch

    dists = torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float32)
    for rule in (winner_takes_all, softmax_weights, linear):
        bids = Bids(rule, np.array([1 + 1e-9, 1.0]))
        tie = Bids(rule, np.array([1.0, 1.0]))
        one = Terms(rule).settle(bids, dists, "secret")
        other = Terms(rule).settle(tie, dists, "secret")
        assert one.expected is not None
        assert other.expected is not None
        assert one.expected.tolist() == other.expected.tolist()
        assert one.realised.tolist() == other.realised.tolist()


@pytest.mark.extra("llm")
def test_bids_beyond_float32_are_refused() -> None:
    import torch

    dists = torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float32)
    with pytest.raises(BadBids, match="beyond float32"):
        Terms(linear).settle(Bids(linear, np.array([1e300, 1.0])), dists, "secret")


# What hides from quadrature --------------------------------------------------------------------


def entry_at(bid: float) -> AggregationRule:
    """The linear pool in which a bid counts, as one, from some bid on."""

    @linear_pool
    def entry(bids: Any) -> Any:
        xp = array_namespace(bids)
        counted = xp.astype(bids >= bid, bids.dtype)
        return xp.where(xp.sum(counted) > 0, counted, bids)

    return entry


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("generic", [False, True])
@pytest.mark.parametrize("threshold", [1e-2, 1e-4, 9.99])
def test_a_jump_near_an_end_is_seen(sampling: str, generic: bool, threshold: float) -> None:
    """An agent that wants what nobody else wants pays half a threshold."""
    pool = entry_at(threshold)
    rule = aggregation_rule(lambda bids, dists: pool(bids, dists)) if generic else pool
    settled = Terms(rule, sampling=sampling).settle(
        Bids(rule, np.array([10.0, 20.0])), np.eye(2), "secret"
    )
    assert settled.expected is not None
    assert settled.expected[0] == pytest.approx(threshold / 2, abs=1e-8)


def test_a_softmax_of_large_equal_bids() -> None:
    """All of the change is within a few units of the bid: `b/2 - ln(2)`."""
    for bid in (2e4, 1e5):
        [expected, _] = SAMPLINGS["stable"].expected_payments(
            Bidding(Bids(softmax_weights, np.array([bid, bid])), np.eye(2))
        )
        assert expected == pytest.approx(bid / 2 - np.log(2), abs=1e-9 * bid)


def test_weights_that_are_the_bids_at_these_bids_only() -> None:
    """What a function returned once does not make it the linear rule."""

    @linear_pool
    def sometimes(bids: Any) -> Any:
        return bids if bids.min() >= 1 else bids**4

    opaque = aggregation_rule(lambda bids, dists: sometimes(bids, dists))
    for sampling in SAMPLINGS.values():
        one, other = (
            sampling.expected_payments(Bidding(Bids(rule, np.array([3.0, 2.0])), np.eye(2)))
            for rule in (sometimes, opaque)
        )
        assert np.abs(one - other).max() <= 1e-8
    assert one[0] > 0.7


def test_a_rule_cannot_change_the_auction() -> None:
    """Weights and rules that write into their bids get copies; distributions cannot be written."""

    @linear_pool
    def greedy(bids: Any) -> Any:
        bids /= bids.sum()
        return bids

    bids = Bids(greedy, np.array([3.0, 2.0]))
    first = Terms(greedy).settle(bids, np.eye(2), "secret")
    second = Terms(linear).settle(Bids(linear, np.array([3.0, 2.0])), np.eye(2), "secret")
    assert bids.values.tolist() == [3, 2]
    assert first.expected == pytest.approx(second.expected, abs=1e-8)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_weights_without_sense_are_refused(sampling: str) -> None:

    def negative(bids: Any) -> Any:
        return -bids

    def undefined(bids: Any) -> Any:
        return bids * np.nan

    def short(bids: Any) -> Any:
        return bids[:1]

    for weights in (negative, undefined, short):
        pool = linear_pool(weights)
        with pytest.raises((BadWeights, BadDistribution, RuleFailed)):
            Terms(pool, sampling=sampling).settle(
                Bids(pool, np.array([3.0, 2.0])), np.eye(2), "secret"
            )


def test_an_aggregate_that_is_none_at_a_lower_bid_is_refused() -> None:
    def leaps(bids: Any, dists: Any) -> Any:
        return bids @ dists / bids.sum() if bids.min() >= 1 else np.array([-3.0, 4.0])

    rule = aggregation_rule(leaps)
    with pytest.raises(BadDistribution, match="leaps made no distribution"):
        Terms(rule, sampling="race").settle(Bids(rule, np.array([1.5, 1.2])), np.eye(2), "secret")


def test_a_pool_whose_weights_need_somebody_who_bids() -> None:
    """Nobody else bids: below the reserve the agents are alike, and above it one is alone."""

    @linear_pool
    def reserved(bids: Any) -> Any:
        above = np.maximum(bids - 1, 0)
        return above if above.sum() > 0 else bids.max() * np.ones_like(bids)

    for sampling in SAMPLINGS.values():
        found = sampling.expected_payments(Bidding(Bids(reserved, np.array([5.0, 0.0])), np.eye(2)))
        assert found == pytest.approx([0.5, 0], abs=1e-8)


@pytest.mark.extra("llm")
def test_weights_that_look_at_the_type_of_numbers_are_refused() -> None:
    import torch

    @linear_pool
    def pool(bids: Any) -> Any:
        return bids if "64" in str(bids.dtype) else bids**2

    with pytest.raises(BadWeights, match="depend on the type of numbers"):
        Terms(pool).settle(Bids(pool, np.array([3.0, 2.0])), torch.eye(2), "secret")


def test_the_race_at_a_bid_beyond_squares() -> None:
    [expected, _] = SAMPLINGS["race"].expected_payments(
        Bidding(Bids(linear, np.array([1e160, 1.0])), np.array([[0.9, 0.1], [0.1, 0.9]]))
    )
    assert abs(expected) <= 1e-12 * 1e160


def test_what_a_rule_raises_is_reported_with_its_place() -> None:
    def crashes(bids: Any, dists: Any) -> Any:
        raise LookupError("boom")

    rule = aggregation_rule(crashes)
    with pytest.raises(RuleFailed, match=r"_run.py:\d+: crashes raises LookupError: boom"):
        Terms(rule).settle(Bids(rule, np.array([1.0, 1.0])), np.eye(2), "secret")
