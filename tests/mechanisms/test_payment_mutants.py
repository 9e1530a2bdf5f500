"""Mutants of the numeric core: small slips in the source text, each of which a check notices.

A mutant is one edit of one function: the edited source of its module is compiled, and the code of
the function is exchanged in place, so that every module that imported it runs the mutant.
"""

import inspect
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from payment_checks import (
    Profile,
    expected_error,
    opaque,
    random_profiles,
    realised_error,
    rule_named,
    second_price_error,
)

from tokenauction.mechanisms import linear
from tokenauction.mechanisms.auction import (
    bidding,
    distances,
    exponential_race,
    own_bids,
    own_odds,
    randomness,
    settlement,
    stable_sampling,
)
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.randomness import step_secret, uniforms
from tokenauction.mechanisms.auction.settlement import SAMPLINGS, Terms

# Checks: whether a property of the runtime holds.


def second_price() -> bool:
    cases = random_profiles(60, 1, extreme=True, positive=False)
    return all(second_price_error(case) <= 1e-12 for case in cases)


def critical_bids(name: str, sampling: str, extreme: bool = False) -> bool:
    cases = list(random_profiles(12, 2, extreme=extreme, positive=name == "log_linear"))
    return all(realised_error(name, sampling, case, k) <= 1e-12 for k, case in enumerate(cases))


def expected_payments(name: str, sampling: str, tokens: int = 3) -> bool:
    rng = np.random.default_rng(3)
    rows = rng.dirichlet(np.ones(tokens), size=2)
    profile = Profile.of_floats([2.5, 0.75], rows)
    return expected_error(name, sampling, profile) <= 1e-9


def rare_tokens() -> bool:
    """A token that one small bid alone brings in costs it half of itself at the number 1/2."""
    rng, prices = np.random.default_rng(4), []
    for _ in range(20):
        bids = np.array([1e-12, *rng.exponential(size=4)])
        dists = np.array([[0.1, 0.9], *[[1.0, 0.0]] * 4])
        case = Bidding(Bids(linear, bids), dists)
        prices.append(stable_sampling._on_a_segment(case, 1, np.full(5, 0.5))[0] / bids[0])
    return bool(np.abs(np.array(prices) - 0.5).max() < 1e-9)


def simulation() -> bool:
    """The mean realised payment is the expected one, within four standard errors."""
    dists = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    case, how = Bidding(Bids(linear, np.array([2.0, 1.0])), dists), SAMPLINGS["stable"]
    paid = []
    for step in range(1500):
        secret = step_secret(2, step)
        paid.append(how.critical_bids(case, how.draw(case, secret), secret))
    off = np.mean(paid, axis=0) - how.expected_payments(case)
    return bool((np.abs(off) <= 4 * np.std(paid, axis=0) / 1500**0.5).all())


def general_way() -> bool:
    """The way of rules of which nothing is known agrees with that of pools."""
    rng = np.random.default_rng(5)
    bids, dists = np.array([2.0, 1.0, 0.5]), rng.dirichlet(np.ones(4), size=3)
    gaps = []
    for how in SAMPLINGS.values():
        one, other = (Bidding(Bids(rule, bids), dists) for rule in (linear, opaque(linear)))
        gaps.append(np.abs(how.expected_payments(one) - how.expected_payments(other)).max())
        for seed in range(12):
            secret = step_secret(seed, 0)
            token = how.draw(one, secret)
            found = [how.critical_bids(case, token, secret) for case in (one, other)]
            gaps.append(np.abs(found[0] - found[1]).max())
    return bool(max(gaps) < 1e-9)


def large_bids() -> bool:
    """What happens below the rival's bid is seen from a bid of 1e9."""
    dists = np.array([[1.0, 0.0], [0.0, 1.0]])
    case = Bidding(Bids(rule_named("square_weights"), np.array([1e9, 1.0])), dists)
    return bool(abs(SAMPLINGS["stable"].expected_payments(case)[0] - np.pi / 2) < 1e-3)


def random_numbers() -> bool:
    numbers = uniforms(1234567, 1, np.zeros(0))
    return bool(numbers[0] == ((6457827717110365317 >> 12) + 0.5) * 2.0**-52)


def pulls() -> bool:
    dists = np.array([[0.75, 0.25], [0.25, 0.75]])
    said = Terms(linear).settle(Bids(linear, np.array([1.0, 1.0])), dists, step_secret(1, 1))
    return bool((np.abs(said.pulls - (0.5 - dists[::-1, said.token])) < 1e-15).all())


def blocks() -> bool:
    dists = np.full((2, 100_000), 1e-5)
    dists[0, :50_000] *= 2
    dists[0, 50_000:] = 0
    case = Bidding(Bids(linear, np.array([1.0, 1.0])), dists)
    return bool(np.abs(distances.distances_to_others(case) - 0.5).max() < 1e-12)


def series_of_psi() -> bool:
    found = exponential_race._psi(np.array([0.0, 0.005, 0.5]))
    wanted = [0.5, 0.5 - 0.005 / 3 + 0.005**2 / 4 - 0.005**3 / 5, (0.5 - np.log(1.5)) / 0.25]
    return bool(np.abs(found - wanted).max() < 1e-9)


Check = Callable[[], bool]
Mutant = tuple[ModuleType, str, str, str, Check]

MUTANTS: dict[str, Mutant] = {
    "total variation without its half": (
        distances, "_distances", "np.ascontiguousarray(center)) / 2",
        "np.ascontiguousarray(center))", second_price,
    ),
    "distance to the aggregate taken for that to the others": (
        distances, "distances_to_others", "np.where(minor, 1 + odds",
        "np.where(minor, 1 + 0 * odds", second_price,
    ),
    "only the first block of tokens": (
        distances, "_blockwise", "range(0, dists.shape[1], _BLOCK)", "range(1)",
        blocks,
    ),
    "own and other bids swapped in the area": (
        own_odds, "_area", "ratio / (1 + ratio)", "1 / (1 + ratio)", second_price,
    ),
    "a sign in the series of the area": (
        own_odds, "_area", "((-1) ** k)", "(1**k)", second_price,
    ),
    "odds in units of the own bid": (
        own_odds, "OwnOdds.lowest_bid", "min(self.rivals * odds, self.bid)",
        "min(self.bid * odds, self.bid)", lambda: critical_bids("linear", "race"),
    ),
    "odds taken for a share": (
        own_odds, "_share", "odds / (1 + odds)", "min(odds, 1.0)",
        lambda: expected_payments("square_weights", "stable"),
    ),
    "a bracket that stops early": (
        own_bids, "lowest_where", "2.0**-50", "2.0**-12",
        lambda: critical_bids("saturating_weights", "stable"),
    ),
    "a scale of logarithms without its factor": (
        own_bids, "_on_scale", "lambda y: of(math.exp(y)) * math.exp(y)",
        "lambda y: of(math.exp(y))", large_bids,
    ),
    "the agent pulls down where it pulls up": (
        stable_sampling, "_on_a_segment", "wanted[i] - wanted)", "wanted - wanted[i])",
        lambda: critical_bids("linear", "stable"),
    ),
    "the uniform number turned round": (
        stable_sampling, "_on_a_segment", "1 - numbers[i]", "numbers[i]",
        lambda: critical_bids("linear", "stable"),
    ),
    "the others' mean from a difference": (
        stable_sampling, "_on_a_segment", "sum_of_products(path.others, wanted)",
        "(wanted[i] - gap)", rare_tokens,
    ),
    "prices made of the numbers that drew the token": (
        stable_sampling, "StableSampling.critical_bids", '"price"', '"token"', simulation,
    ),
    "the level is the aggregate itself": (
        stable_sampling, "_by_search", "number * float(", "1.0 * float(", general_way,
    ),
    "no half in the integrand": (
        stable_sampling, "_integrated.distance", "lower))) / 2", "lower)))", general_way,
    ),
    "slow clocks win": (
        exponential_race, "_winner", "- clocks", "+ clocks",
        lambda: critical_bids("linear", "race"),
    ),
    "leads forgotten": (
        exponential_race, "_on_a_segment", "rest - lead * rest[token]", "rest - rest[token]",
        lambda: critical_bids("linear", "race"),
    ),
    "a sign in the logarithms": (
        exponential_race, "_on_a_segment", "lead - own + own[token]", "lead + own - own[token]",
        lambda: critical_bids("log_linear", "race"),
    ),
    "head and tail swapped": (
        exponential_race, "collision_probability", "_tail(u) * v + _head(v) * u",
        "_head(u) * v + _tail(v) * u", lambda: expected_payments("log_linear", "race"),
    ),
    "a head that has its own entry": (
        exponential_race, "_head", "xp.cumulative_sum(values) - values",
        "xp.cumulative_sum(values)", lambda: expected_payments("linear", "race"),
    ),
    "a factor dropped from the closed form": (
        exponential_race, "_expected_on_a_segment", "top1 * reach * _psi(z)", "top1 * _psi(z)",
        lambda: expected_payments("linear", "race"),
    ),
    "a sign in the series of psi": (
        exponential_race, "_psi", "1 / k - small * series", "1 / k + small * series",
        series_of_psi,
    ),
    "the wrong half of the search": (
        exponential_race, "_by_search", "return lowest_where(wins, high, low)", "return low",
        general_way,
    ),
    "another agent's bid is replaced": (
        bidding, "Bidding.at_own_bid", "changed[agent] = own", "changed[agent - 1] = own",
        general_way,
    ),
    "a shift that keeps the sign": (
        randomness, "_shifted", "(words >> places) & ((1 << (64 - places)) - 1)",
        "(words >> places)", random_numbers,
    ),
    "pulls the wrong way": (
        settlement, "Terms.settle", "probability - bidding.without_each(token)",
        "bidding.without_each(token) - probability", pulls,
    ),
}  # fmt: skip


def function_in(module: ModuleType, path: str) -> FunctionType:
    """The function, or the outermost one around a nested function."""
    found: Any = module
    for name in path.split("."):
        if isinstance(found, FunctionType):
            break
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


def mutated(module: ModuleType, function: FunctionType, old: str, new: str) -> CodeType:
    """The code of the function with one edit; the text has to be there exactly once."""
    text = inspect.getsource(function)
    assert text.count(old) == 1, f"{text.count(old)} times {old!r}"
    source = inspect.getsource(module)
    assert source.count(text) == 1
    code = compile(source.replace(text, text.replace(old, new)), module.__file__ or "", "exec")
    for name in function.__qualname__.split("."):
        (code,) = (c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
    return code


@pytest.mark.parametrize("name", MUTANTS)
def test_a_slip_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, path, old, new, holds = MUTANTS[name]
    assert holds()
    function = function_in(module, path)
    monkeypatch.setattr(function, "__code__", mutated(module, function, old, new))
    try:
        noticed = not holds()
    except (ArithmeticError, ValueError, Warning):
        noticed = True
    assert noticed
