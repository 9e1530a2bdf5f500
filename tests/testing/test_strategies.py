"""Guards the Hypothesis strategies for users: the domain, exactness, and that edge cases occur."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tokenauction.mechanisms import linear, log_linear, rank_weights
from tokenauction.proofs.testing import (
    Profile,
    Raise,
    exact_profiles,
    exact_raises,
    float_profiles,
    float_raises,
)


def total(numbers: Any) -> Any:
    return np.sum(numbers, axis=-1)


@given(exact_profiles())
def test_exact_profiles(profile: Profile) -> None:
    bids, dists = profile
    assert bids.dtype == dists.dtype == object
    assert all(isinstance(x, Fraction) for x in [*bids, *dists.reshape(-1)])
    assert bids.shape == dists.shape[:1]
    assert all(total(dists) == 1)
    assert (dists >= 0).all()
    assert (bids >= 0).all()
    assert total(bids) > 0


@given(float_profiles())
def test_float_profiles(profile: Profile) -> None:
    bids, dists = profile
    assert bids.dtype == dists.dtype == np.float64
    assert np.isfinite(bids).all()
    assert np.allclose(total(dists), 1, rtol=0, atol=1e-12)
    assert (dists >= 0).all()
    assert (bids >= 0).all()
    assert total(bids) > 0


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_sizes(agents: int, tokens: int, data: st.DataObject) -> None:
    for profiles in (exact_profiles, float_profiles):
        _, dists = data.draw(profiles(agents, tokens))
        assert dists.shape == (agents, tokens)
        assert (data.draw(profiles(agents, tokens, positive=True)).dists > 0).all()


@given(st.one_of(exact_raises(), float_raises()))
def test_raises(found: Raise) -> None:
    bids, dists, agent, raised_bids = found
    others = np.arange(len(dists)) != agent
    assert (raised_bids[others] == bids[others]).all()
    assert raised_bids[agent] >= bids[agent]


@given(exact_profiles(), exact_profiles(positive=True), float_profiles(positive=True))
def test_rules_run_on_them(exact: Profile, positive: Profile, floats: Profile) -> None:
    assert total(linear(*exact)) == 1
    assert total(rank_weights(*positive)) == 1
    assert abs(total(log_linear(*floats)) - 1) < 1e-9


EDGES: dict[str, Callable[[Any], Any]] = {
    "a bid of zero": lambda p: (p.bids == 0).any(),
    "a tie": lambda p: len(p.bids) > 1 and p.bids[0] == p.bids[-1] > 0,
    "one agent": lambda p: len(p.bids) == 1,
    "one token": lambda p: p.dists.shape[1] == 1,
    "a probability of zero": lambda p: (p.dists == 0).any(),
    "certainty among several": lambda p: p.dists.shape[1] > 1 and (p.dists == 1).any(),
    "agents alike": lambda p: (
        len(p.bids) > 1
        and p.dists.shape[1] > 1
        and p.bids[0] == p.bids[1]
        and (p.dists[0] == p.dists[1]).all()
        and len(set(p.dists[0])) > 1
    ),
    "nothing special": lambda p: (
        p.dists.size > 3 and (p.dists > 0).all() and len(set(p.bids)) == len(p.bids)
    ),
}
SCALES: dict[str, Callable[[Any], Any]] = {
    "a large bid": lambda p: p.bids.max() > 1e20,
    "bids far apart": lambda p: p.bids.max() > 1e20 * p.bids.min() > 0,
    "a tiny probability": lambda p: ((p.dists > 0) & (p.dists < 1e-12)).any(),
}


def drawn(strategy: Any) -> list[Any]:
    """What four hundred draws give."""
    found = []

    @settings(max_examples=400, database=None, phases=[Phase.generate])
    @given(strategy)
    def draw(example: Any) -> None:
        found.append(example)

    draw()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("profiles", [exact_profiles, float_profiles])
def test_edges_occur(profiles: Callable[[], Any]) -> None:
    seen = drawn(profiles())
    wanted = EDGES if profiles is exact_profiles else {**EDGES, **SCALES}
    counts = {edge: sum(map(bool, map(occurs, seen))) for edge, occurs in wanted.items()}
    assert min(counts.values()) >= 4, counts


@pytest.mark.slow
def test_raises_that_raise_nothing_occur() -> None:
    for raises in (exact_raises, float_raises):
        seen = [bool((found.raised_bids == found.bids).all()) for found in drawn(raises())]
        assert 4 <= sum(seen) <= 200
