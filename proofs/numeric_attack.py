"""The attack on rules that cannot be traced: runs of their functions in floats, nothing more.

A violation with a clear margin is reported with `exact: false`; without one the verdict is unknown.
Nothing is ever proved here. The property itself is traced, with the rule's outputs as variables, so
the margin of a violation is read off the same formula that would be proved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tokenauction.proofs import claims, graph
from tokenauction.proofs.assignment import Assignment, check_domain
from tokenauction.proofs.claims import Call, Claim, Instance
from tokenauction.proofs.interpret.batch import Batch, Floats
from tokenauction.proofs.numpy_run import Unusable, run_rule
from tokenauction.proofs.sampling import Columns, draw

CLEAR_MARGIN = 1e-4
# Numbers below this may be what rounding, or the tolerance of a search, has left of zero.
_SMALL = 1e-2
SIZES = ((2, 2), (2, 3), (1, 2), (3, 2), (3, 3), (2, 4), (4, 3), (5, 2))


@dataclass(frozen=True)
class Violation:
    """Where the property fails in floats, by how much, and what the calls returned there."""

    assignment: Assignment
    margin: float
    outputs: tuple[tuple[float, ...], ...]
    instance: Instance


@dataclass
class NumericAttack:
    """One attack; `calls` counts the runs of the rule."""

    claim: Claim
    seed: int
    most_calls: int = 12_000
    most_agents: int = 8
    most_tokens: int = 8
    progress: Callable[[str], None] = lambda _: None
    calls: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)
    _instances: dict[Any, Instance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.claim = replace(self.claim, opaque=True)

    def run(self) -> Violation | None:
        """The clearest violation at the smallest size that has one."""
        rng = np.random.default_rng(self.seed)
        for share in (0.15, 0.85):
            for agents, tokens in SIZES:
                if agents > self.most_agents or tokens > self.most_tokens:
                    continue
                instances = list(claims.instances(self.claim, agents, tokens))[:3]
                length = int(self.most_calls * share / len(SIZES) / len(instances) / 2)
                for instance in instances:
                    self.progress(f"running it with {agents} agents, {tokens} tokens")
                    found = self._attack(instance, draw(self.claim, instance, length, rng))
                    if found is not None:
                        return found
                if (agents, tokens) not in self.sizes:
                    self.sizes.append((agents, tokens))
        return None

    def _attack(self, instance: Instance, columns: Columns) -> Violation | None:
        margins, _ = self._margins(instance, columns)
        order = np.argsort(margins, kind="stable")
        for row in order[:3]:
            if margins[row] < -CLEAR_MARGIN:
                found = self.judge(columns.exact(int(row), instance))
                if found is not None and found.margin >= CLEAR_MARGIN:
                    return found
        return None

    def judge(self, values: Assignment) -> Violation | None:
        """How clearly the property fails at an assignment; None where it does not."""
        if not check_domain(self.claim, values):
            return None
        key = (values.agents, values.tokens, values.agent, values.orders)
        if key not in self._instances:
            self._instances[key] = claims.instance(self.claim, *key)
        instance = self._instances[key]
        leaves = {node: np.array([float(v)]) for node, v in values.leaves().items()}
        margins, outputs = self._evaluate(instance, leaves, 1)
        if margins[0] >= 0:
            return None
        rows = tuple(tuple(float(x) for x in output[0]) for output in outputs)
        return Violation(values, float(-margins[0]), rows, instance)

    def _margins(self, instance: Instance, columns: Columns) -> tuple[Floats, list[Floats]]:
        return self._evaluate(instance, columns.leaves(), columns.length)

    def _evaluate(
        self, instance: Instance, leaves: Mapping[Any, Floats], length: int
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
                results[row] = self._call(call, instance, table[:, row], values, row)
            values |= {node: results[:, place] for place, node in enumerate(call.outputs)}
            broken |= ~np.isfinite(results).all(axis=1)
            outputs.append(results)
        batch = Batch(values, length, least=_SMALL)
        batch.run(instance.formula.holds)
        margins = np.nan_to_num(batch.margin(instance.formula.holds), nan=0.0)
        outside = -1.0 if self.claim.prop.everywhere else 1.0
        return np.where(broken, outside, margins), outputs

    def _call(
        self, call: Call, instance: Instance, row: Floats, values: Mapping[Any, Floats], at: int
    ) -> Floats:
        self.calls += 1
        rule, n = call.function, instance.agents
        named = {
            name: np.array(
                [values[graph.named_dist(name, graph.token(t))][at] for t in range(instance.tokens)]
            )
            for name in rule.open_names
        }
        try:
            return run_rule(rule, row[:n], row[n:].reshape(n, instance.tokens), named)
        except Unusable:
            return np.full(len(call.outputs), np.nan)
