"""TRUSTED CORE in what it tries. Random assignments, as columns of floats for exact numbers.

Every bid is a short decimal and every distribution a row of integers over its sum, so a candidate
becomes exact without rounding its meaning away. The search tries them; the comparison of trace and
runs rests on there being enough of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, assert_never

import numpy as np
from numpy.typing import NDArray

from tokenauction.proofs.core.claims.claims import Claim, Instance
from tokenauction.proofs.core.claims.domain import positions
from tokenauction.proofs.core.claims.quantities import UNKNOWNS, Unknown
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.runs.batch import Batch
from tokenauction.proofs.results.assignment import Assignment, Numbers

Floats = NDArray[np.float64]
Rng = np.random.Generator

_SMALL = np.array([0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 8, 10, 0.5, 0.25, 1.5, 0.1])
_WHOLES = (1, 2, 3, 4, 10, 100, 1000)


@dataclass(frozen=True)
class Columns:
    """A batch: bids (batch, agents), weights (batch, rows, tokens), and what else is given.

    `given` has an array (batch, axes of the unknown) for each of the unknowns, by name.
    """

    bids: Floats
    weights: Floats
    given: dict[str, Floats]
    row_names: tuple[str, ...]

    @property
    def length(self) -> int:
        return len(self.bids)

    def take(self, chosen: Any) -> "Columns":
        """The rows of the batch that an index array or a mask chooses."""
        return replace(
            self,
            bids=self.bids[chosen],
            weights=self.weights[chosen],
            given={name: column[chosen] for name, column in self.given.items()},
        )

    def leaves(self) -> dict[Node, Floats]:
        """A float column for every leaf that a formula can mention."""
        values: dict[Node, Floats] = {}
        agents = self.bids.shape[1]
        for j in range(agents):
            values[graph.bid(graph.agent(j))] = self.bids[:, j]
        probabilities = self.weights / self.weights.sum(axis=2, keepdims=True)
        for row in range(self.weights.shape[1]):
            for t in range(self.weights.shape[2]):
                leaf = (
                    graph.prob(graph.agent(row), graph.token(t))
                    if row < agents
                    else graph.named_dist(self.row_names[row - agents], graph.token(t))
                )
                values[leaf] = probabilities[:, row, t]
        for name, column in self.given.items():
            unknown = UNKNOWNS[name]
            if unknown.domain == "distribution":
                column = column / column.sum(axis=-1, keepdims=True)
            for place in np.ndindex(*column.shape[1:]):
                at = (Index(x, str(k), k) for x, k in zip(unknown.axes, place, strict=True))
                values[unknown.leaf(*at)] = column[(slice(None), *place)]
        return values

    def exact(self, row: int, instance: Instance) -> Assignment:
        """One row of the batch as an exact assignment."""
        agents = self.bids.shape[1]
        rows = [exact_row(weights) for weights in self.weights[row]]
        return Assignment(
            bids=tuple(exact_number(bid) for bid in self.bids[row]),
            dists=tuple(rows[:agents]),
            agent=instance.agent,
            choices=instance.choices,
            named=dict(zip(self.row_names, rows[agents:], strict=True)),
            given={
                name: _exact_array(column[row], UNKNOWNS[name])
                for name, column in self.given.items()
            },
        )


def _exact_array(values: Any, unknown: Unknown) -> Numbers:
    if unknown.domain == "distribution" and values.ndim == 1:
        return exact_row(values)
    if not values.ndim:
        return exact_number(values)
    return tuple(_exact_array(inner, unknown) for inner in values)


def exact_number(value: float) -> Fraction:
    """The short decimal that a float of a batch stands for."""
    return Fraction(f"{value:.12g}")


def exact_row(weights: Floats) -> tuple[Fraction, ...]:
    """A distribution from integer weights."""
    whole = [int(w) for w in weights]
    return tuple(Fraction(w, sum(whole)) for w in whole)


def draw(
    claim: Claim, instance: Instance, length: int, rng: Rng, constants: Sequence[float] = ()
) -> Columns:
    """A batch of assignments in the claim's domain, most of them of small numbers."""
    bids = _bids(rng, (length, instance.agents), constants)
    _tie(rng, bids)
    names = claim.row_names
    weights = _weights(rng, (length, instance.agents + len(names), instance.tokens), claim.positive)
    columns = Columns(bids, weights, {}, names)
    for unknown in claim.unknowns:
        if not unknown.is_named:
            drawn = _DRAWN.get(unknown.name, _by_domain)
            columns.given[unknown.name] = drawn(
                _Draw(claim, instance, unknown, bids, constants, rng)
            )
    if claim.withdraws_only and instance.agent is not None:
        bids[:, instance.agent] = 0
    return columns.take(_somebody_bids(claim, instance, columns))


def _somebody_bids(claim: Claim, instance: Instance, columns: Columns) -> Any:
    """In which rows of a batch somebody bids, in every profile that the claim speaks of."""
    agents = positions(Axis.AGENTS, instance.sizes)
    totals = [
        graph.add(*(one.element(instance.who, j) for j in agents)) for one in claim.profiles[1:]
    ]
    positive = columns.bids.sum(axis=1) > 0
    if totals:
        batch = Batch(columns.leaves(), columns.length)
        batch.run(*totals)
        positive &= np.all([batch.value(total) > 0 for total in totals], axis=0)
    return positive


@dataclass(frozen=True)
class _Draw:
    """What a batch of numbers for an unknown is drawn from."""

    claim: Claim
    instance: Instance
    unknown: Unknown
    bids: Floats
    constants: Sequence[float]
    rng: Rng

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch, and the axes of the unknown."""
        return (len(self.bids), *(self.instance.sizes[axis] for axis in self.unknown.axes))


def _by_domain(draw: _Draw) -> Floats:
    match draw.unknown.domain:
        case "bids":
            return _bids(draw.rng, draw.shape, draw.constants)
        case "distribution":
            return _weights(draw.rng, draw.shape, draw.claim.positive)
        case "positive":
            numbers = _bids(draw.rng, draw.shape, draw.constants)
            return np.where(numbers > 0, numbers, 1.0)
        case "number":
            numbers = _bids(draw.rng, draw.shape, draw.constants)
            return np.where(draw.rng.random(draw.shape) < 0.5, numbers, -numbers)
        case _:
            assert_never(draw.unknown.domain)


def round_short(values: Floats) -> Floats:
    """Floats rounded to the 12 digits that `exact_number` reads."""
    with np.errstate(all="ignore"):
        size = 10.0 ** (11 - np.floor(np.log10(np.where(values > 0, values, 1.0))))
    rounded: Floats = np.where(values > 0, np.round(values * size) / size, 0.0)
    return rounded


def _bids(rng: Rng, shape: tuple[int, ...], constants: Sequence[float]) -> Floats:
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


def _raised(draw: _Draw) -> Floats:
    rng, bids, constants = draw.rng, draw.bids, draw.constants
    assert draw.instance.agent is not None
    own = bids[:, draw.instance.agent]
    fresh = _bids(rng, (len(bids), 1), constants)[:, 0]
    factor = rng.choice(np.array([1.001, 1.1, 1.5, 2, 10]), size=len(bids))
    raised = np.where(rng.random(len(bids)) < 0.5, own + fresh, round_short(own * factor))
    rival = bids[:, rng.integers(bids.shape[1])]
    raised = np.where(rng.random(len(bids)) < 0.15, rival, raised)
    return np.maximum(raised, own)


def _scale(draw: _Draw) -> Floats:
    return draw.rng.choice(np.array([2, 3, 10, 0.5, 0.1, 100]), size=draw.shape)


def _other_bids(draw: _Draw) -> Floats:
    there = _by_domain(draw)
    there[:, draw.instance.agent] = draw.bids[:, draw.instance.agent]
    return there


# How an unknown is drawn, where its domain does not say enough.
_DRAWN: Final[Mapping[str, Callable[[_Draw], Floats]]] = {
    "raised_bid": _raised,
    "scale": _scale,
    "other_bids": _other_bids,
}


def _weights(rng: Rng, shape: tuple[int, ...], positive: bool) -> Floats:
    length, rows, tokens = shape
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
