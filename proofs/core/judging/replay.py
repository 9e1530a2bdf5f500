"""TRUSTED CORE. Exact replay: the only way to refute a claim about a rule that can be traced.

Guarantee: a `Replay` whose `violates` is True comes from evaluating the traced property on the
traced rule at exact values, in Fractions, or in balls where logarithms, exponentials or roots
occur. An undecided sign is not a violation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.claims.claims import Claim, Formula, Instance
from tokenauction.proofs.core.claims.domain import check_domain, leaf_values
from tokenauction.proofs.core.evaluation.balls import evaluate_rigorously
from tokenauction.proofs.core.evaluation.exact import UNDEFINED, Special, Value
from tokenauction.proofs.core.tracing.trace import TracingError
from tokenauction.proofs.results.assignment import Assignment


@dataclass(frozen=True)
class Replay:
    """What one exact evaluation found; `undefined` says that an output does not exist there.

    `outputs` has what every call returned, in the order of the formula's calls.
    """

    violates: bool
    undefined: bool
    outputs: tuple[tuple[Value, ...], ...]


class Replayer:
    """Replays assignments of one claim, tracing each size once."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._instances: dict[Any, Instance | None] = {}

    def instance(self, values: Assignment) -> Instance | None:
        """The instance that an assignment belongs to; None where the rule fails at that size."""
        key = (values.agents, values.tokens, values.agent, values.choices)
        if key not in self._instances:
            try:
                self._instances[key] = formulas.instance(self.claim, *key)
            except (TracingError, claims.RuleFault):
                self._instances[key] = None
        return self._instances[key]

    def replay(self, values: Assignment) -> Replay:
        """Evaluate the claim exactly at an assignment."""
        nothing = Replay(False, False, ())
        if not check_domain(self.claim, values):
            return nothing
        instance = self.instance(values)
        if instance is None:
            return nothing
        formula = instance.formula
        holds, *found = evaluate_rigorously([formula.holds, *formula.outputs], leaf_values(values))
        return replay_of(self.claim, formula, holds, found)


def replay_of(claim: Claim, formula: Formula, holds: Value, found: Sequence[Value]) -> Replay:
    """What the exact values of a formula, and of the outputs of its calls, say about the claim."""
    outputs, start = [], 0
    for call in formula.calls:
        outputs.append(tuple(found[start : start + len(call.outputs)]))
        start += len(call.outputs)
    values_of = dict(zip(formula.outputs, found, strict=True))
    undefined = any(values_of.get(node) is UNDEFINED for node in formula.needed)
    if claim.other is not None:
        violates = _differ(holds, outputs, claim.prop.everywhere)
    elif claim.prop.everywhere:
        violates = undefined or holds is False
    else:
        decided = not any(isinstance(values_of.get(node), Special) for node in formula.needed)
        violates = holds is False and decided
    return Replay(violates, undefined, tuple(outputs))


def _differ(same: Value, rows: list[tuple[Value, ...]], everywhere: bool) -> bool:
    """Whether two functions differ: they return other numbers, or one alone is undefined."""
    numbers = [not any(isinstance(value, Special) for value in row) for row in rows]
    if all(numbers):
        return same is False
    undefined = any(value is UNDEFINED for row in rows for value in row)
    return everywhere and any(numbers) and undefined
