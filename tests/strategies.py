"""Random inputs of tests as assignments; they are made in proofs/testing/strategies.py."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.testing.strategies import (
    bid_numbers,
    exact_distributions,
    exact_profiles,
    positive_numbers,
)

__all__ = ["positive_numbers", "profiles", "raises"]


@st.composite
def profiles(
    draw: DrawFn,
    agents: int | None = None,
    tokens: int | None = None,
    *,
    positive: bool = False,
    named: Sequence[str] = (),
) -> Assignment:
    """Bids and distributions of one to three agents and tokens, or of exactly so many."""
    bids, dists = draw(exact_profiles(agents, tokens, positive=positive))
    extra = exact_distributions(dists.shape[1], positive=positive)
    return Assignment(
        bids=tuple(bids),
        dists=tuple(tuple(row) for row in dists),
        named={name: tuple(draw(extra)) for name in named},
    )


@st.composite
def raises(draw: DrawFn, positive: bool = False) -> Assignment:
    """A profile, one of its agents, and a bid of it that is no lower."""
    profile = draw(profiles(positive=positive))
    agent = draw(st.integers(0, profile.agents - 1))
    more = draw(bid_numbers())
    return replace(profile, agent=agent, given={"raised_bid": profile.bids[agent] + more})
