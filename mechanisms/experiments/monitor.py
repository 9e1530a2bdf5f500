"""The monitor: how often, and by how much, rules break the robust order on real distributions.

At every token step every agent's bid is raised by a few factors, the others' stay. With `q` the
rule at the bids and `q'` at the raised one, a token's excess is how far `q'(t)` is outside the
range between what the agent wants and what it had: `max(q' - max(p, q), min(p, q) - q', 0)`. A
comparison violates the order where some token's excess is more than rounding: 1e-9 in float64, 1e-5
in float32. A zero bid is raised to the factor less one, times the mean of the others' bids.

Works where the distributions live (NumPy or torch), one comparison at a time: the memory is that of
a few distributions, and two numbers a violation stay.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.auction.audit import NotATranscript, read_header
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.inputs import (
    HostArray,
    arithmetic_of,
    checked_bids,
    checked_distributions,
)
from tokenauction.mechanisms.auction.settlement import Terms
from tokenauction.mechanisms.auction.token_auction import Step
from tokenauction.mechanisms.auction.transcript import FULL
from tokenauction.mechanisms.auction.vocabulary import Vocabulary
from tokenauction.mechanisms.experiments.curves import ROUNDING
from tokenauction.mechanisms.experiments.tables import write_table
from tokenauction.mechanisms.power_means import log_linear
from tokenauction.mechanisms.truncations import nucleus, temperature, top_k
from tokenauction.mechanisms.weighted_pools import linear

RULES: tuple[AggregationRule, ...] = (
    linear,
    log_linear,
    temperature.with_parameters(degrees=0.7),
    top_k.with_parameters(k=40),
    nucleus.with_parameters(mass=0.9),
)
FACTORS = (1.1, 2.0, 10.0)


@dataclass(frozen=True)
class MonitorRow:
    """What was found of one rule; None, or no words, where nothing violates the order.

    `excess_50` to `excess_max` are quantiles, over the violating comparisons, of the excess of the
    token that has most; `mass_50` to `mass_max` of the sum over the tokens. The last columns are
    the comparison with the largest excess: whose bid, raised by which factor, at which step, the
    piece that was drawn there, and the token that was moved too far.
    """

    rule: str
    steps: int
    comparisons: int
    violated: int
    share_violated: float
    excess_50: float | None
    excess_90: float | None
    excess_99: float | None
    excess_max: float | None
    mass_50: float | None
    mass_90: float | None
    mass_99: float | None
    mass_max: float | None
    worst_agent: str
    worst_factor: float | None
    worst_step: int | None
    worst_piece: str
    worst_token: str


@dataclass
class _Found:
    """Of one rule: the comparisons, the excess and the mass of those that violate, the worst."""

    comparisons: int = 0
    excess: list[float] = field(default_factory=list)
    mass: list[float] = field(default_factory=list)
    largest: float = 0.0
    worst: tuple[str, float | None, int | None, str, str] = ("", None, None, "", "")


def excess(own: Any, before: Any, after: Any) -> Any:
    """How far each token is outside the robust order after a raise, shape (tokens,).

    `own` is what the agent wants, `before` and `after` are the aggregates.

    >>> excess(np.array([0.5, 0.5]), np.array([0.6, 0.4]), np.array([0.75, 0.25]))
    array([0.15, 0.15])
    """
    xp = array_namespace(own, before, after)
    above = after - xp.maximum(own, before)
    below = xp.minimum(own, before) - after
    return xp.maximum(xp.maximum(above, below), xp.zeros_like(after))


class Monitor:
    """Rules compared on the steps of a run, one step after the other.

    `names` and `vocabulary` are those of the agents, for words in the rows. Raises BadBids,
    TypeError for a rule that cannot run, ValueError for a factor that raises nothing.

    >>> monitor = Monitor([1, 1], names=["Alora", "Norvik"], rules=[top_k.with_parameters(k=1)])
    >>> monitor.look(np.array([[0.6, 0.4], [0.5, 0.5]]))
    >>> [(row.rule, row.violated, row.comparisons) for row in monitor.rows()]
    [('top_k(k=1)', 0, 6)]
    """

    def __init__(
        self,
        bids: Sequence[float],
        rules: Sequence[AggregationRule] = RULES,
        factors: Sequence[float] = FACTORS,
        *,
        names: Sequence[str] = (),
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.names = tuple(names) or tuple(f"agent {i}" for i in range(len(bids)))
        self.bids = checked_bids(bids, self.names)
        self.factors = tuple(float(factor) for factor in factors)
        for factor in self.factors:
            if not 1 < factor < math.inf:
                raise ValueError(f"a bid is raised by a factor above one, not {factor}")
        self.vocabulary, self.steps = vocabulary, 0
        self._rules = tuple(Terms(rule).rule for rule in rules)
        self._found = tuple(_Found() for _ in self._rules)

    def look(self, dists: Any, piece: str = "") -> None:
        """Compare all rules on the distributions of one step, shape (agents, tokens).

        `piece` is what was drawn there. Raises BadDistribution.
        """
        checked = checked_distributions(dists, self.names, dists.shape[-1], floor=False)
        positive = None
        for rule, found in zip(self._rules, self._found, strict=True):
            if rule.support == "full" and positive is None:
                positive = checked_distributions(checked, self.names, dists.shape[-1], floor=True)
            seen = positive if rule.support == "full" else checked
            self._compare(Bidding(Bids(rule, self.bids), seen), found, piece)
        self.steps += 1

    def watch(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Hand on the steps of a run, each after it has been looked at."""
        for step in steps:
            self.look(step.dists, step.piece)
            yield step

    def rows(self) -> tuple[MonitorRow, ...]:
        """What was found so far, a row a rule."""
        return tuple(map(self._row, self._rules, self._found))

    def write(self, path: str | Path) -> None:
        """Write the rows as CSV, in place of an older file. Raises OSError."""
        write_table(path, MonitorRow, self.rows())

    def _compare(self, bidding: Bidding, found: _Found, piece: str) -> None:
        xp = array_namespace(bidding.dists)
        rounding = ROUNDING[arithmetic_of(bidding.dists)]
        for agent, name in enumerate(self.names):
            for factor in self.factors:
                raised = bidding.at_own_bid(agent, _raised(self.bids, agent, factor))
                beyond = excess(bidding.dists[agent, :], bidding.aggregate, raised)
                worst = float(xp.max(beyond))
                found.comparisons += 1
                if worst <= rounding:
                    continue
                if worst > found.largest:
                    moved = self._word(int(xp.argmax(beyond)))
                    found.largest, found.worst = worst, (name, factor, self.steps, piece, moved)
                found.excess.append(worst)
                found.mass.append(float(xp.sum(beyond)))

    def _word(self, token: int) -> str:
        return f"token {token}" if self.vocabulary is None else self.vocabulary.pieces[token]

    def _row(self, rule: AggregationRule, found: _Found) -> MonitorRow:
        violated = len(found.excess)
        excess, mass = _quantiles(found.excess), _quantiles(found.mass)
        agent, factor, step, piece, token = found.worst
        return MonitorRow(
            rule=rule.label,
            steps=self.steps,
            comparisons=found.comparisons,
            violated=violated,
            share_violated=violated / (found.comparisons or 1),
            excess_50=excess[0],
            excess_90=excess[1],
            excess_99=excess[2],
            excess_max=excess[3],
            mass_50=mass[0],
            mass_90=mass[1],
            mass_99=mass[2],
            mass_max=mass[3],
            worst_agent=agent,
            worst_factor=factor,
            worst_step=step,
            worst_piece=piece,
            worst_token=token,
        )


def monitor_transcript(
    path: str | Path,
    rules: Sequence[AggregationRule] = RULES,
    factors: Sequence[float] = FACTORS,
) -> Monitor:
    """A monitor that has looked at every step of a transcript, up to a last line that is cut.

    Raises NotATranscript, ValueError where the distributions were not recorded, and what a monitor
    raises.
    """
    header = read_header(path)
    if header.get("record") != FULL:
        raise ValueError(
            f"{path} records what was drawn only; run the auction again with full records"
        )
    try:
        names = [agent["name"] for agent in header["agents"]]
        bids = [agent["bid"] for agent in header["agents"]]
        words = Vocabulary(tuple(header["vocabulary"]["pieces"]))
    except (KeyError, TypeError) as problem:
        raise NotATranscript(f"{path}: its first line is malformed: {problem!r}") from problem
    monitor = Monitor(bids, rules, factors, names=names, vocabulary=words)
    for dists, piece in _recorded(path):
        monitor.look(dists, piece)
    return monitor


def _recorded(path: str | Path) -> Iterator[tuple[Any, str]]:
    """The distributions and the piece of every token line that is whole."""
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            if not text.endswith("\n"):
                return
            try:
                line = json.loads(text)
                if line["type"] == "token":
                    rows = np.array(line["distributions"], dtype=line["arithmetic"])
                    yield rows, line["piece"]
            except (ValueError, KeyError, TypeError) as problem:
                raise NotATranscript(f"{path}, line {number}: {problem!r}") from problem


def _raised(bids: HostArray, agent: int, factor: float) -> float:
    bid = float(bids[agent])
    return bid * factor if bid > 0 else (factor - 1) * float(np.delete(bids, agent).mean())


def _quantiles(values: Sequence[float]) -> list[float] | list[None]:
    """The median, the 0.9 and 0.99 quantiles, and the largest."""
    if not values:
        return [None] * 4
    return [float(value) for value in np.quantile(values, [0.5, 0.9, 0.99, 1.0])]
