"""Falsification: the search for an assignment at which a claim fails.

Random batches at growing sizes, then assignments on either side of every place where the rule
switches (proofs/core/runs/switches.py), then ascent on the violation. Every candidate is
replayed exactly before it counts, so nothing here needs to be trusted. Deterministic in the seed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.claims.claims import Claim, Instance
from tokenauction.proofs.core.judging.replay import Replayer
from tokenauction.proofs.core.runs.batch import Batch
from tokenauction.proofs.core.runs.sampling import Columns, Floats, Rng, draw, round_short
from tokenauction.proofs.core.runs.switches import constants_of, edges
from tokenauction.proofs.core.tracing.trace import TracingError
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.verdict import size_in_words

SIZES = (
    (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (3, 4), (4, 2), (4, 3),
    (4, 4), (5, 2), (5, 5), (2, 6), (6, 3), (7, 2), (8, 2),
)  # fmt: skip
LARGE_SIZES = ((12, 2), (25, 2), (2, 12), (3, 25))
_CANDIDATES = 12
_TOLERANCE = 1e-12


@dataclass
class Search:
    """One search: how wide it looks, and what it has looked at."""

    claim: Claim
    replayer: Replayer
    seed: int
    effort: float = 1.0
    most_agents: int = 8
    most_tokens: int = 6
    more_sizes: Sequence[tuple[int, int]] = ()
    progress: Callable[[str], None] = lambda _: None
    accept: Callable[[Assignment], bool] | None = None
    profiles: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)
    skipped: list[tuple[int, int]] = field(default_factory=list)
    problem: Exception | None = None
    _traced: list[Instance] | None = None

    def quick(self) -> Assignment | None:
        """A first look at every size."""
        return self._run(self._sample_few)

    def edges(self) -> Assignment | None:
        """A look at both sides of every switch, at the smallest sizes with a rival and a choice."""
        return self._run(self._sample_edges, small=True)

    def thorough(self) -> Assignment | None:
        """Everything: the switches at all sizes, large batches, ascent."""
        for stage in (self._sample_edges, self._sample_many, self._ascend):
            found = self._run(stage)
            if found is not None:
                return found
        if self.most_agents < 8 or self.most_tokens < 6:
            return None
        large = list(self._trace(LARGE_SIZES, each=2))
        return self._run(self._sample_few, among=large)

    def _run(
        self,
        stage: Callable[[Instance, Rng], Assignment | None],
        small: bool = False,
        among: list[Instance] | None = None,
    ) -> Assignment | None:
        rng = np.random.default_rng([self.seed, len(stage.__name__)])
        for instance in self.instances() if among is None else among:
            if small and instance.agents * instance.tokens > 6:
                continue
            self.progress(f"searching {size_in_words(instance.agents, instance.tokens)}")
            found = stage(instance, rng)
            if found is not None:
                return found
        return None

    def instances(self) -> list[Instance]:
        """The claim at every size that is searched; traced once."""
        if self._traced is None:
            sizes = [s for s in SIZES if s[0] <= self.most_agents and s[1] <= self.most_tokens]
            self._traced = list(self._trace((*sizes, *self.more_sizes), each=6))
        return self._traced

    def _trace(self, sizes: Sequence[tuple[int, int]], each: int) -> Iterator[Instance]:
        """At most so many instances (agents, transpositions) of each size."""
        for agents, tokens in sizes:
            try:
                yield from list(islice(formulas.instances(self.claim, agents, tokens), each))
                self.sizes.append((agents, tokens))
            except (claims.RuleFault, TracingError) as problem:
                self.skipped.append((agents, tokens))
                self.problem = self.problem or problem

    # The stages

    def _sample_few(self, instance: Instance, rng: Rng) -> Assignment | None:
        return self._sample(instance, rng, 2_000)

    def _sample_many(self, instance: Instance, rng: Rng) -> Assignment | None:
        if instance.agents > 4 or instance.tokens > 4:
            return None
        return self._sample(instance, rng, 20_000)

    def _sample(self, instance: Instance, rng: Rng, length: int) -> Assignment | None:
        length = max(64, int(length * self.effort))
        constants = constants_of(instance.formula.holds)
        return self._check(instance, draw(self.claim, instance, length, rng, constants))

    def _sample_edges(self, instance: Instance, rng: Rng) -> Assignment | None:
        if instance.agents * instance.tokens > 12:
            return None
        for columns in edges(self.claim, instance, rng, int(96 * max(self.effort, 0.25))):
            found = self._check(instance, columns)
            if found is not None:
                return found
        return None

    def _ascend(self, instance: Instance, rng: Rng) -> Assignment | None:
        if not 2 <= instance.agents <= 3 or not 2 <= instance.tokens <= 3:
            return None
        columns = draw(self.claim, instance, 512, rng, constants_of(instance.formula.holds))
        for _ in range(int(24 * max(self.effort, 0.25))):
            margins = self._margins(instance, columns)
            best = columns.take(np.argsort(margins, kind="stable")[:64])
            columns = _perturbed(best, instance, rng, self.claim.positive)
            found = self._check(instance, columns)
            if found is not None:
                return found
        return None

    # Judging candidates

    def _accepts(self, candidate: Assignment) -> bool:
        if self.accept is not None:
            return self.accept(candidate)
        return self.replayer.replay(candidate).violates

    def _margins(self, instance: Instance, columns: Columns) -> Floats:
        self.profiles += columns.length
        batch = Batch(columns.leaves(), columns.length)
        outputs = instance.formula.needed
        batch.run(instance.formula.holds, *outputs)
        margins = batch.margin(instance.formula.holds)
        # A violation of an equivalence can have no margin at all: nothing moves, and somebody pays.
        false = ~np.asarray(batch.value(instance.formula.holds), dtype=bool)
        margins = np.where(false & (margins == 0), -2 * _TOLERANCE, margins)
        defined = np.array(
            [
                np.logical_and.reduce([batch.defined(node) for node in call.needed])
                for call in instance.formula.calls
            ]
        )
        # Where neither of two functions that are compared is defined, they do not differ.
        alone = defined.any(axis=0) | (self.claim.other is None)
        outside = np.where(alone & self.claim.prop.everywhere, -np.inf, np.inf)
        return np.where(defined.all(axis=0), np.nan_to_num(margins, nan=0.0), outside)

    def _check(self, instance: Instance, columns: Columns) -> Assignment | None:
        if columns.length == 0:
            return None
        margins = self._margins(instance, columns)
        suspects = np.flatnonzero(margins < -_TOLERANCE)
        if len(suspects) == 0:
            return None
        cost = complexity(columns)[suspects]
        simplest = suspects[np.argsort(cost, kind="stable")[:_CANDIDATES]]
        worst = suspects[np.argsort(margins[suspects], kind="stable")[:_CANDIDATES]]
        for row in dict.fromkeys([*worst[:2], *simplest, *worst]):
            candidate = columns.exact(int(row), instance)
            if self._accepts(candidate):
                return candidate
        return None


def complexity(columns: Columns) -> Floats:
    """How long the numbers of each row of a batch are, roughly."""
    alone = [column[:, None] for column in columns.given.values() if column.ndim == 1]
    numbers = [columns.bids, *alone]
    joined = np.concatenate(numbers, axis=1)
    whole = np.where(joined == np.round(joined), 0.0, 3.0) + np.log1p(np.abs(joined))
    total: Floats = whole.sum(axis=1) + np.log1p(columns.weights).sum(axis=(1, 2))
    return total


# Ascent ------------------------------------------------------------------------------------------


def _perturbed(best: Columns, instance: Instance, rng: Rng, positive: bool) -> Columns:
    spread = best.take(np.repeat(np.arange(best.length), 8))
    size = 10.0 ** rng.uniform(-3, 0, size=(spread.length, 1))
    bids = spread.bids * np.exp(size * rng.normal(size=spread.bids.shape))
    scaled = spread.weights / spread.weights.sum(axis=2, keepdims=True)
    noise = np.exp(size[:, :, None] * rng.normal(size=scaled.shape))
    weights = np.floor(scaled * noise * 1e5) + (1 if positive else 0)
    empty = weights.sum(axis=2) == 0
    weights[empty] = spread.weights[empty]
    given = dict(spread.given)
    if "raised_bid" in given and instance.agent is not None:
        own = spread.bids[:, instance.agent]
        gap = (given["raised_bid"] - own) * np.exp(size[:, 0] * rng.normal(size=spread.length))
        given["raised_bid"] = round_short(bids[:, instance.agent] + gap)
    bids = round_short(bids)
    if "raised_bid" in given and instance.agent is not None:
        given["raised_bid"] = np.maximum(given["raised_bid"], bids[:, instance.agent])
    moved = replace(spread, bids=bids, weights=weights, given=given)
    return moved.take(bids.sum(axis=1) > 0)
