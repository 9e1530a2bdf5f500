"""TRUSTED CORE in what it tries. Random assignments, as columns of floats for exact numbers.

Every bid is a short decimal and every distribution a row of integers over its sum, so a candidate
becomes exact without rounding its meaning away. The search tries them; the comparison of trace and
runs rests on there being enough of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenauction.proofs.core.claims.claims import RAISED, SCALE, Claim, Instance
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.results.assignment import Assignment

Floats = NDArray[np.float64]
Rng = np.random.Generator

_SMALL = np.array([0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 8, 10, 0.5, 0.25, 1.5, 0.1])
_WHOLES = (1, 2, 3, 4, 10, 100, 1000)


@dataclass(frozen=True)
class Columns:
    """A batch: bids (batch, agents), weights (batch, rows, tokens), and numbers by name."""

    bids: Floats
    weights: Floats
    numbers: dict[str, Floats]
    row_names: tuple[str, ...]
    other_bids: Floats | None = None

    @property
    def length(self) -> int:
        return len(self.bids)

    def take(self, chosen: Any) -> "Columns":
        """The rows of the batch that an index array or a mask chooses."""
        return replace(
            self,
            bids=self.bids[chosen],
            weights=self.weights[chosen],
            numbers={name: column[chosen] for name, column in self.numbers.items()},
            other_bids=None if self.other_bids is None else self.other_bids[chosen],
        )

    def leaves(self) -> dict[Node, Floats]:
        """A float column for every leaf that a formula can mention."""
        values: dict[Node, Floats] = {}
        agents = self.bids.shape[1]
        for j in range(agents):
            values[graph.bid(graph.agent(j))] = self.bids[:, j]
            if self.other_bids is not None:
                values[graph.other_bid(graph.agent(j))] = self.other_bids[:, j]
        probabilities = self.weights / self.weights.sum(axis=2, keepdims=True)
        for row in range(self.weights.shape[1]):
            for t in range(self.weights.shape[2]):
                leaf = (
                    graph.prob(graph.agent(row), graph.token(t))
                    if row < agents
                    else graph.named_dist(self.row_names[row - agents], graph.token(t))
                )
                values[leaf] = probabilities[:, row, t]
        for name, column in self.numbers.items():
            values[graph.scalar(name)] = column
        return values

    def exact(self, row: int, instance: Instance) -> Assignment:
        """One row of the batch as an exact assignment."""
        agents = self.bids.shape[1]
        rows = [exact_row(weights) for weights in self.weights[row]]
        raised = self.numbers.get(str(RAISED))
        scale = self.numbers.get(str(SCALE))
        return Assignment(
            bids=tuple(exact_number(bid) for bid in self.bids[row]),
            dists=tuple(rows[:agents]),
            agent=instance.agent,
            raised_bid=None if raised is None else exact_number(raised[row]),
            scale=None if scale is None else exact_number(scale[row]),
            other_bids=(
                None
                if self.other_bids is None
                else tuple(exact_number(bid) for bid in self.other_bids[row])
            ),
            orders=instance.orders,
            named=dict(zip(self.row_names, rows[agents:], strict=True)),
        )


def exact_number(value: float) -> Fraction:
    """The short decimal that a float of a batch stands for."""
    return Fraction(f"{value:.12g}")


def exact_row(weights: Floats) -> tuple[Fraction, ...]:
    """A distribution from integer weights."""
    whole = [int(w) for w in weights]
    return tuple(Fraction(w, sum(whole)) for w in whole)


def row_names(claim: Claim) -> tuple[str, ...]:
    """The distributions of a claim that belong to no agent."""
    names = list(claim.distributions)
    if "other_dists" in claim.prop.arguments:
        names.append("other")
    if "common" in claim.prop.arguments or "common_dists" in claim.prop.arguments:
        names.append("common")
    return tuple(names)


def draw(
    claim: Claim, instance: Instance, length: int, rng: Rng, constants: Sequence[float] = ()
) -> Columns:
    """A batch of assignments in the claim's domain, most of them of small numbers."""
    bids = _bids(rng, (length, instance.agents), constants)
    _tie(rng, bids)
    names = row_names(claim)
    weights = _weights(rng, length, instance.agents + len(names), instance.tokens, claim.positive)
    numbers: dict[str, Floats] = {}
    agent = instance.agent
    if claim.has_raise and agent is not None:
        numbers[str(RAISED)] = _raised(rng, bids, agent, constants)
    if claim.withdraws_only and agent is not None:
        bids[:, agent] = 0
    if "scale" in claim.prop.arguments:
        choices = np.array([2, 3, 10, 0.5, 0.1, 100])
        numbers[str(SCALE)] = rng.choice(choices, size=length)
    columns = Columns(bids, weights, numbers, names)
    positive = bids.sum(axis=1) > 0
    if claim.has_other_bids and agent is not None:
        there = _bids(rng, (length, instance.agents), constants)
        there[:, agent] = bids[:, agent]
        columns = replace(columns, other_bids=there)
        positive = positive & (there.sum(axis=1) > 0)
    return columns.take(positive)


def round_short(values: Floats) -> Floats:
    """Floats rounded to the 12 digits that `exact_number` reads."""
    with np.errstate(all="ignore"):
        size = 10.0 ** (11 - np.floor(np.log10(np.where(values > 0, values, 1.0))))
    rounded: Floats = np.where(values > 0, np.round(values * size) / size, 0.0)
    return rounded


def _bids(rng: Rng, shape: tuple[int, int], constants: Sequence[float]) -> Floats:
    bids = rng.choice(_SMALL, size=shape)
    spread = 10.0 ** rng.uniform(-3, 3.5, size=shape)
    size = 10.0 ** (1 - np.floor(np.log10(spread)))
    bids = np.where(rng.random(shape) < 0.25, np.round(spread * size) / size, bids)
    if len(constants):
        near = rng.choice(np.asarray(constants), size=shape)
        factor = rng.choice(np.array([1, 1, 1, 0.5, 2, 0.9, 1.1, 0.999, 1.001]), size=shape)
        bids = np.where(rng.random(shape) < 0.3, round_short(near * factor), bids)
    return bids


def _tie(rng: Rng, bids: Floats) -> None:
    if bids.shape[1] > 1:
        tied = rng.random(len(bids)) < 0.15
        bids[tied, 1] = bids[tied, 0]
        equal = rng.random(len(bids)) < 0.05
        bids[equal] = bids[equal, :1]


def _raised(rng: Rng, bids: Floats, agent: int, constants: Sequence[float]) -> Floats:
    own = bids[:, agent]
    fresh = _bids(rng, (len(bids), 1), constants)[:, 0]
    factor = rng.choice(np.array([1.001, 1.1, 1.5, 2, 10]), size=len(bids))
    raised = np.where(rng.random(len(bids)) < 0.5, own + fresh, round_short(own * factor))
    rival = bids[:, rng.integers(bids.shape[1])]
    raised = np.where(rng.random(len(bids)) < 0.15, rival, raised)
    return np.maximum(raised, own)


def _weights(rng: Rng, length: int, rows: int, tokens: int, positive: bool) -> Floats:
    top = rng.choice(np.array(_WHOLES), size=(length, rows, 1))
    weights = np.floor(rng.random((length, rows, tokens)) * (top + 1))
    spike = rng.integers(tokens, size=(length, rows, 1)) == np.arange(tokens)
    spiked = rng.random((length, rows, 1)) < 0.2
    weights = np.where(spiked, np.where(spike, top, rng.integers(2)), weights)
    if positive:
        weights = weights + 1
    empty = weights.sum(axis=2, keepdims=True) == 0
    weights = np.where(empty, np.where(spike, 1.0, 0.0), weights)
    if rows > 1:
        same = rng.random(length) < 0.1
        weights[same, 1] = weights[same, 0]
    return weights.astype(np.float64)
