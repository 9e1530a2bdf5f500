"""Hypothesis strategies for tests of rules: bids and preferred distributions, exact and in floats.

What is drawn lies in the domain of rules: bids are non-negative with a positive sum, distributions
sum to one. Zeros, certainty, tied bids and agents that are alike in everything occur often, since
that is where rules break. Exact arrays hold Fractions (dtype object), float arrays float64.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ImportError as _problem:
    raise ImportError(
        "the strategies of tokenauction need Hypothesis: pip install 'tokenauction[testing]'"
    ) from _problem

Array = np.ndarray[Any, np.dtype[Any]]
Numbers = SearchStrategy[Any]


class Profile(NamedTuple):
    """Bids, shape (agents,), and preferred distributions, shape (agents, tokens)."""

    bids: Array
    dists: Array


class Raise(NamedTuple):
    """A profile, one of its agents, and the bids after a raise of that agent's, or none."""

    bids: Array
    dists: Array
    agent: int
    raised_bids: Array


# Numbers -----------------------------------------------------------------------------------------


def bid_numbers() -> SearchStrategy[Fraction]:
    """One exact bid: zero, whole, or a short fraction."""
    return st.builds(Fraction, st.integers(0, 12), st.integers(1, 6))


def positive_numbers() -> SearchStrategy[Fraction]:
    """An exact number above zero, for scales and raises."""
    return st.builds(Fraction, st.integers(1, 12), st.integers(1, 6))


def _float_bid_numbers() -> SearchStrategy[float]:
    """The exact bids as floats, ordinary floats, and scales from 1e-30 to 9e30."""
    scales = st.builds(lambda digit, e: digit * 10.0**e, st.integers(1, 9), st.integers(-30, 30))
    return st.one_of(bid_numbers().map(float), scales, st.floats(1e-3, 1e6))


def _float_weights(positive: bool) -> SearchStrategy[float]:
    """Weights of a distribution, some of them far below the others."""
    small = st.integers(-15, -1).map(lambda e: 10.0**e)
    return st.one_of(st.integers(int(positive), 6).map(float), small, st.floats(0.01, 1.0))


# Vectors -----------------------------------------------------------------------------------------


def exact_bids(agents: int) -> SearchStrategy[Array]:
    """Bids with a positive sum, some of them tied, as Fractions."""
    return _bids(agents, bid_numbers(), Fraction(1)).map(_exact_array)


def exact_distributions(tokens: int, *, positive: bool = False) -> SearchStrategy[Array]:
    """A distribution in Fractions, with zeros and certainty unless `positive`."""
    return _weights(tokens, st.integers(int(positive), 6)).map(
        lambda weights: _exact_array([Fraction(weight, sum(weights)) for weight in weights])
    )


def float_bids(agents: int) -> SearchStrategy[Array]:
    """Bids with a positive sum in float64, some of them tied, some of extreme scale."""
    return _bids(agents, _float_bid_numbers(), 1.0).map(np.array)


def float_distributions(tokens: int, *, positive: bool = False) -> SearchStrategy[Array]:
    """A distribution in float64 that sums to one up to rounding; zeros unless `positive`."""
    return _weights(tokens, _float_weights(positive)).map(
        lambda weights: np.array(weights) / np.sum(weights)
    )


@st.composite
def _bids(draw: DrawFn, agents: int, numbers: Numbers, one: Any) -> list[Any]:
    bids = draw(st.lists(numbers, min_size=agents, max_size=agents))
    if draw(st.booleans()):
        bids[-1] = bids[0]
    if not any(bids):
        bids[draw(st.integers(0, agents - 1))] = one
    return bids


@st.composite
def _weights(draw: DrawFn, tokens: int, numbers: Numbers) -> list[Any]:
    weights = draw(st.lists(numbers, min_size=tokens, max_size=tokens))
    if not any(weights):
        weights[draw(st.integers(0, tokens - 1))] = 1
    return weights


def _exact_array(numbers: list[Fraction]) -> Array:
    return np.array(numbers, dtype=object)


# Profiles ----------------------------------------------------------------------------------------


def exact_profiles(
    agents: int | None = None, tokens: int | None = None, *, positive: bool = False
) -> SearchStrategy[Profile]:
    """Exact profiles of one to three agents and tokens, or of exactly so many.

    >>> from hypothesis import given
    >>> @given(exact_profiles())
    ... def test_shares(profile):
    ...     assert sum(profile.bids / sum(profile.bids)) == 1
    >>> test_shares()
    """
    return _profiles(
        agents, tokens, exact_bids, lambda t: exact_distributions(t, positive=positive)
    )


def float_profiles(
    agents: int | None = None, tokens: int | None = None, *, positive: bool = False
) -> SearchStrategy[Profile]:
    """The same in float64, with bids of extreme scale and some probabilities around 1e-15."""
    return _profiles(
        agents, tokens, float_bids, lambda t: float_distributions(t, positive=positive)
    )


def exact_raises(
    agents: int | None = None, tokens: int | None = None, *, positive: bool = False
) -> SearchStrategy[Raise]:
    """An exact profile, and a bid of one of its agents that is no lower."""
    return _raises(exact_profiles(agents, tokens, positive=positive), bid_numbers())


def float_raises(
    agents: int | None = None, tokens: int | None = None, *, positive: bool = False
) -> SearchStrategy[Raise]:
    """The same in float64."""
    return _raises(float_profiles(agents, tokens, positive=positive), _float_bid_numbers())


@st.composite
def _profiles(
    draw: DrawFn,
    agents: int | None,
    tokens: int | None,
    bids_of: Callable[[int], SearchStrategy[Array]],
    dists_of: Callable[[int], SearchStrategy[Array]],
) -> Profile:
    n = agents or draw(st.integers(1, 3))
    m = tokens or draw(st.integers(1, 3))
    dists = np.stack([draw(dists_of(m)) for _ in range(n)])
    bids = draw(bids_of(n))
    if n > 1 and draw(st.integers(0, 4)) == 0:
        dists[1] = dists[0]
        bids[:2] = bids[0] or 1 + 0 * bids[0]
    return Profile(bids, dists)


@st.composite
def _raises(draw: DrawFn, profiles: SearchStrategy[Profile], more: Numbers) -> Raise:
    bids, dists = draw(profiles)
    agent = draw(st.integers(0, len(bids) - 1))
    raised_bids = bids.copy()
    raised_bids[agent] += draw(more)
    return Raise(bids, dists, agent, raised_bids)
