"""The attack on rules that cannot be traced: where runs of their functions look bad in floats.

What it finds are candidates. They are judged by exact runs, or in floats where there are none
(proofs/deciding/untraceable.py). The property itself is traced, with the rule's outputs as
variables, so the margin of a violation is read off the same formula that would be proved. Outside
the trusted core.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.claims import Call, Claim, Instance
from tokenauction.proofs.core.claims.domain import check_domain, leaf_values
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.runs.batch import Batch, Floats
from tokenauction.proofs.core.runs.code_constants import numbers_in
from tokenauction.proofs.core.runs.float_limits import RangeWatch
from tokenauction.proofs.core.runs.numpy_run import Unusable, run_rule
from tokenauction.proofs.core.runs.sampling import Columns, draw
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.verdict import size_in_words

Instead = Mapping[int, ProfileFunction]
CLEAR_MARGIN: Final = 1e-7
"""What rounding is far below, relative to the numbers that are compared."""
# Numbers below this may be what rounding, or the tolerance of a search, has left of zero.
_SMALL = 1e-2
SIZES: Final = (
    *((2, 2), (2, 3), (1, 1), (1, 2), (2, 1), (1, 3), (3, 2), (3, 3), (2, 4), (4, 3), (5, 2)),
)
LARGE_SIZES: Final = ((2, 6), (6, 2), (2, 9), (9, 2), (2, 13), (13, 2), (2, 41), (41, 2))
_SHARE_OF_LARGE: Final = 0.15
_CANDIDATES: Final = 8


@dataclass(frozen=True)
class Violation:
    """Where the property fails in floats, by how much, and what the calls returned there."""

    assignment: Assignment
    margin: float
    outputs: tuple[tuple[float, ...], ...]
    instance: Instance

    @property
    def undefined(self) -> bool:
        """Whether a number is missing."""
        return not all(np.isfinite(x) for row in self.outputs for x in row)


@dataclass
class NumericAttack:
    """One attack; `calls` counts the runs of the rule."""

    claim: Claim
    seed: int
    most_calls: int = 12_000
    most_agents: int = 41
    most_tokens: int = 41
    progress: Callable[[str], None] = lambda _: None
    calls: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)
    watch: RangeWatch = field(default_factory=RangeWatch)
    _instances: dict[Any, Instance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.claim = replace(self.claim, opaque=True)

    def candidates(self) -> Iterator[Assignment]:
        """Where the property fails in floats, the smallest sizes and the clearest first."""
        rng = np.random.default_rng(self.seed)
        only = self.claim.only_tokens
        for share in (0.15, 0.85):
            for sizes, part in ((SIZES, 1 - _SHARE_OF_LARGE), (LARGE_SIZES, _SHARE_OF_LARGE)):
                calls = self.most_calls * share * part / len(sizes)
                for agents, tokens in dict.fromkeys((n, only or t) for n, t in sizes):
                    if agents <= self.most_agents and tokens <= (only or self.most_tokens):
                        yield from self._candidates_at(agents, tokens, int(calls / 2), rng)

    def _candidates_at(
        self, agents: int, tokens: int, length: int, rng: np.random.Generator
    ) -> Iterator[Assignment]:
        self.progress(f"running it with {size_in_words(agents, tokens)}")
        instances = list(islice(formulas.instances(self.claim, agents, tokens), 3))
        for instance in instances:
            rows = max(length // len(instances), 8)
            columns = draw(self.claim, instance, rows, rng, self._constants)
            margins, _ = self._margins(instance, columns)
            for row in np.argsort(margins, kind="stable")[:_CANDIDATES]:
                if margins[row] < -CLEAR_MARGIN:
                    yield columns.exact(int(row), instance)
        if (agents, tokens) not in self.sizes:
            self.sizes.append((agents, tokens))

    @cached_property
    def _constants(self) -> list[float]:
        """The positive numbers in the functions' code and parameters: where they may switch."""
        found = set[float]().union(*map(numbers_in, self.claim.functions))
        return sorted(value for value in found if 1e-13 < value < 1e16)

    def judge(
        self, values: Assignment, instead: Instead = MappingProxyType({})
    ) -> Violation | None:
        """How clearly the property fails at an assignment; None where it does not.

        A function that is in `instead` is replaced by its value there. Afterwards `watch.left` says
        whether a step of a run was out of the range of floats.
        """
        self.watch.left, self.watch.coarsest = False, 0.0
        if not check_domain(self.claim, values):
            return None
        key = (values.agents, values.tokens, values.agent, values.choices)
        if key not in self._instances:
            self._instances[key] = formulas.instance(self.claim, *key)
        instance = self._instances[key]
        leaves = {node: np.array([float(v)]) for node, v in leaf_values(values).items()}
        margins, outputs = self._evaluate(instance, leaves, 1, instead, self.watch)
        if margins[0] >= 0:
            return None
        rows = tuple(tuple(float(x) for x in output[0]) for output in outputs)
        return Violation(values, float(-margins[0]), rows, instance)

    def _margins(self, instance: Instance, columns: Columns) -> tuple[Floats, list[Floats]]:
        return self._evaluate(instance, columns.leaves(), columns.length)

    def _evaluate(
        self,
        instance: Instance,
        leaves: Mapping[Any, Floats],
        length: int,
        instead: Instead = MappingProxyType({}),
        watch: RangeWatch | None = None,
    ) -> tuple[Floats, list[Floats]]:
        values = dict(leaves)
        outputs: list[Floats] = []
        broken = np.zeros(length, dtype=bool)
        for call in instance.formula.calls:
            batch = Batch(values, length)
            nodes = [*call.bids.elements.reshape(-1), *call.dists.elements.reshape(-1)]
            batch.run(*nodes)
            table = np.array([batch.value(node) for node in nodes])
            results = np.full((length, len(call.outputs)), np.nan)
            for row in range(length):
                results[row] = self._call(
                    call, instance, table[:, row], values, row, instead, watch
                )
            values |= {node: results[:, place] for place, node in enumerate(call.outputs)}
            broken |= ~np.isfinite(results).all(axis=1)
            outputs.append(results)
        batch = Batch(values, length, least=_SMALL)
        batch.run(instance.formula.holds)
        margins = np.nan_to_num(batch.margin(instance.formula.holds), nan=0.0)
        outside = -1.0 if self.claim.prop.everywhere else 1.0
        return np.where(broken, outside, margins), outputs

    def _call(
        self,
        call: Call,
        instance: Instance,
        row: Floats,
        values: Mapping[Any, Floats],
        at: int,
        instead: Instead,
        watch: RangeWatch | None,
    ) -> Floats:
        self.calls += 1
        rule, n = instead.get(id(call.function), call.function), instance.agents
        named = {
            name: np.array(
                [values[graph.named_dist(name, graph.token(t))][at] for t in range(instance.tokens)]
            )
            for name in rule.open_names
        }
        try:
            return run_rule(rule, row[:n], row[n:].reshape(n, instance.tokens), named, watch)
        except Unusable:
            return np.full(len(call.outputs), np.nan)
