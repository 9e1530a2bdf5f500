"""TRUSTED CORE in what it tries. The profiles at which a trace is compared with runs.

Ordinary ones first; then short numbers, extremes, lone bids, ties and zeros, what only the code
names, and both sides of every switch.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import islice, pairwise
from operator import add
from typing import Final

import numpy as np

from tokenauction.proofs.core.claims.claims import Claim, Instance
from tokenauction.proofs.core.claims.domain import (
    array_of,
    check_domain,
    into_domain,
    least_of,
    with_bids_times,
)
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.runs.code_constants import numbers_in
from tokenauction.proofs.core.runs.sampling import draw
from tokenauction.proofs.core.runs.switches import edges
from tokenauction.proofs.results.assignment import Assignment, map_numbers

_MOST_SWITCHES: Final = 6


_MOST_NUMBERS: Final = 12


_MOST_EDGES: Final = 120


EXTREMES: Final = (Fraction(1, 10**9), Fraction(10**9))


# The profiles -----------------------------------------------------------------------------------


def profiles(claim: Claim, instance: Instance, thresholds: bool = True) -> Iterator[Assignment]:
    """The profiles at which a trace is compared with runs, ordinary ones first."""
    rng = np.random.default_rng([11, instance.agents, instance.tokens])
    for _ in range(3):
        yield _ordinary(claim, instance, rng)
    columns = draw(claim, instance, 10 if thresholds else 5, rng)
    drawn = [columns.exact(row, instance) for row in range(columns.length)]
    yield from drawn
    for values in drawn[:2]:
        low = min(bid for bid in values.bids if bid)
        yield with_bids_times(EXTREMES[0] / low, values)
        yield with_bids_times(EXTREMES[1] / max(values.bids), values)
    if thresholds:
        yield from _degenerate(claim, instance, rng)
        yield from _at_unseen_numbers(claim, instance, rng)
        found = edges(claim, instance, rng, 2, _MOST_SWITCHES)
        yield from (columns.exact(0, instance) for columns in islice(found, _MOST_EDGES))


def _ordinary(claim: Claim, instance: Instance, rng: np.random.Generator) -> Assignment:
    """Without zeros and ties; every number has many digits."""

    def number() -> Fraction:
        return Fraction(int(rng.integers(2**12, 2**21)), 99_991)

    def row() -> tuple[Fraction, ...]:
        weights = [int(w) for w in rng.integers(1, 2**16, size=instance.tokens)]
        return tuple(Fraction(w, sum(weights)) for w in weights)

    bids = tuple(number() for _ in range(instance.agents))
    agent = instance.agent
    if claim.withdraws_only and agent is not None:
        bids = (*bids[:agent], Fraction(0), *bids[agent + 1 :])
    values = Assignment(
        bids=bids,
        dists=tuple(row() for _ in range(instance.agents)),
        agent=agent,
        choices=instance.choices,
        named={name: row() for name in claim.row_names},
    )
    for unknown in claim.unknowns:
        if not unknown.is_named:
            least = least_of(unknown, values)
            numbers = array_of(unknown.axes, instance.sizes, lambda *_, at=least: at + number())
            values = values.with_given(unknown.name, into_domain(unknown, numbers, values))
    return values


def _at_unseen_numbers(
    claim: Claim, instance: Instance, rng: np.random.Generator
) -> Iterator[Assignment]:
    """Bids and probabilities that the functions' code names, and the trace does not, or between.

    A test of types, say, may hide from a trace what such a number decides.
    """
    nodes = graph.subnodes(*instance.formula.outputs)
    seen = {float(abs(node.data)) for node in nodes if node.op == "const"}
    named = set[float]().union(*map(numbers_in, claim.functions))
    unseen = sorted(x for x in named if 1e-12 <= x <= 1e12 and x not in {1, *seen})
    between = [(low + high) / 2 for low, high in pairwise(unseen)]
    for number in map(Fraction, [*unseen[:_MOST_NUMBERS], *between[:_MOST_NUMBERS]]):
        values = _ordinary(claim, instance, rng)
        for agent in range(instance.agents):
            bids = (*values.bids[:agent], number, *values.bids[agent + 1 :])
            yield from _with_bids(claim, instance, values, bids)
        if number < 1:
            for token in range(instance.tokens):
                rows = (_with_share(number, token, row) for row in values.dists)
                yield replace(values, dists=tuple(rows))


def _degenerate(claim: Claim, instance: Instance, rng: np.random.Generator) -> Iterator[Assignment]:
    """One bid alone, equal bids, equal distributions, and distributions on one token."""
    n = instance.agents
    values = _ordinary(claim, instance, rng)
    for agent in range(n):
        alone = (Fraction(0),) * agent + (values.bids[agent],) + (Fraction(0),) * (n - agent - 1)
        yield from _with_bids(claim, instance, values, alone)
    yield from _with_bids(claim, instance, values, (max(values.bids),) * n)
    yield replace(values, dists=(values.dists[0],) * n)
    for token in range(instance.tokens):
        row = tuple(Fraction(int(place == token)) for place in range(instance.tokens))
        yield replace(values, dists=(row,) * n)
        yield replace(values, dists=(row, *values.dists[1:]))


def _with_bids(
    claim: Claim, instance: Instance, values: Assignment, bids: tuple[Fraction, ...]
) -> Iterator[Assignment]:
    """The profile with other bids, if the claim speaks of it: a bid is raised as before."""
    changed = replace(values, bids=bids)
    for unknown in claim.unknowns:
        if unknown.least is not None:
            rise = least_of(unknown, changed) - least_of(unknown, values)
            raised = map_numbers(partial(add, rise), values.given[unknown.name])
            changed = changed.with_given(unknown.name, raised)
    if check_domain(claim, changed):
        yield changed


def _with_share(number: Fraction, token: int, row: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    """A distribution that gives this to a token."""
    if len(row) == 1:
        return row
    others = (1 - number) / (1 - row[token])
    return tuple(number if place == token else p * others for place, p in enumerate(row))
