"""The only place where random inputs are made: exact bids and distributions, ties and zeros."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tokenauction.proofs.assignment import Assignment

Dist = tuple[Fraction, ...]


def bid_numbers() -> SearchStrategy[Fraction]:
    """One bid: zero, whole, or a short fraction."""
    return st.builds(Fraction, st.integers(0, 12), st.integers(1, 6))


def positive_numbers() -> SearchStrategy[Fraction]:
    """A number above zero, for scales and raises."""
    return st.builds(Fraction, st.integers(1, 12), st.integers(1, 6))


@st.composite
def distributions(draw: DrawFn, tokens: int, positive: bool = False) -> Dist:
    """A distribution over so many tokens, with zeros and certainty unless `positive`."""
    weights = draw(st.lists(st.integers(int(positive), 6), min_size=tokens, max_size=tokens))
    if not any(weights):
        weights[draw(st.integers(0, tokens - 1))] = 1
    return tuple(Fraction(weight, sum(weights)) for weight in weights)


@st.composite
def bid_vectors(draw: DrawFn, agents: int) -> tuple[Fraction, ...]:
    """Bids with a positive sum, some of them tied."""
    bids = draw(st.lists(bid_numbers(), min_size=agents, max_size=agents))
    if draw(st.booleans()):
        bids[-1] = bids[0]
    if not any(bids):
        bids[draw(st.integers(0, agents - 1))] = Fraction(1)
    return tuple(bids)


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
    n = agents or draw(st.integers(1, 3))
    m = tokens or draw(st.integers(1, 3))
    rows = [draw(distributions(m, positive)) for _ in range(n)]
    bids = list(draw(bid_vectors(n)))
    if n > 1 and draw(st.integers(0, 4)) == 0:
        bids[1], rows[1] = bids[0], rows[0]
        bids[0] = bids[1] = bids[0] or Fraction(1)
    return Assignment(
        bids=tuple(bids),
        dists=tuple(rows),
        named={name: draw(distributions(m, positive)) for name in named},
    )


@st.composite
def raises(draw: DrawFn, positive: bool = False) -> Assignment:
    """A profile, one of its agents, and a bid of it that is no lower."""
    profile = draw(profiles(positive=positive))
    agent = draw(st.integers(0, profile.agents - 1))
    more = draw(bid_numbers())
    return replace(profile, agent=agent, raised_bid=profile.bids[agent] + more)
