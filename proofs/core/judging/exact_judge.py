"""TRUSTED CORE. Exact replay by runs: how a claim about a rule that does not trace is refuted.

Guarantee: a `Replay` whose `violates` is True comes from exact runs of the claim's own functions
(proofs/core/judging/exact_run.py), and from the property's formula evaluated on what they returned,
in Fractions or in balls. An undecided sign is not a violation, nor is one that the rounding of a
constant of the rule may explain.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import numpy as np

from tokenauction.proofs.core.claims.claims import Call, Claim, Formula, Instance
from tokenauction.proofs.core.claims.domain import check_domain, leaf_values
from tokenauction.proofs.core.evaluation.balls import MAYBE, PRECISIONS, UNSURE, Balls, precision
from tokenauction.proofs.core.evaluation.exact import Value, evaluate_all
from tokenauction.proofs.core.judging.exact_numbers import NoExactRun, Undecided
from tokenauction.proofs.core.judging.exact_run import run_exactly
from tokenauction.proofs.core.judging.replay import Replay, Replayer, replay_of
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.runs.batch import Batch
from tokenauction.proofs.core.runs.numpy_run import to_float
from tokenauction.proofs.results.assignment import Assignment

_ROUNDING: Final = 1e-10


class ExactJudge:
    """Judges assignments of one claim by exact runs of its functions."""

    def __init__(self, claim: Claim) -> None:
        self._replayer = Replayer(replace(claim, opaque=True))
        self.claim = self._replayer.claim

    def instance(self, values: Assignment) -> Instance | None:
        """The instance that an assignment belongs to, with variables for what calls return."""
        return self._replayer.instance(values)

    def replay(self, values: Assignment) -> Replay:
        """Evaluate the claim exactly at an assignment; raises NoExactRun where it cannot be."""
        instance = self.instance(values)
        if instance is None or not check_domain(self.claim, values):
            return Replay(False, False, ())
        replay: Replay | None = None
        for bits in PRECISIONS:
            try:
                with precision(bits):
                    replay, decided = self._replay(instance.formula, values)
            except Undecided:
                if bits == PRECISIONS[-1]:
                    raise
                continue
            if decided:
                break
        if replay is None:
            raise RuntimeError("no precision was tried")
        return replay

    def _replay(self, formula: Formula, values: Assignment) -> tuple[Replay, bool]:
        """The replay at the precision in force, and whether that decides everything."""
        leaves: dict[Node, Value] = dict(leaf_values(values))
        rounded_constants = False
        for call in formula.calls:
            run = run_exactly(call.function, *_given(call, leaves), _named(call, values), Balls)
            leaves |= zip(call.outputs, run.values, strict=True)
            rounded_constants |= run.long_constants
        holds, *found = evaluate_all([formula.holds, *formula.outputs], leaves, Balls())
        replay = replay_of(self.claim, formula, holds, found)
        if replay.violates and rounded_constants and not replay.undefined:
            replay = replace(replay, violates=_margin(formula.holds, leaves) < -_ROUNDING)
        return replay, not any(value is MAYBE or value is UNSURE for value in (holds, *found))


def _given(call: Call, leaves: Mapping[Node, Value]) -> tuple[Any, Any]:
    """The bids and the distributions of a call, as Fractions."""
    rows = []
    for array in (call.bids, call.dists):
        found = evaluate_all(list(array.elements.reshape(-1)), leaves, Balls())
        if not all(isinstance(value, Fraction) for value in found):
            raise NoExactRun("a call is given numbers that are not rational")
        rows.append(np.array(found, dtype=object).reshape(array.elements.shape).tolist())
    return tuple(rows[0]), [tuple(row) for row in rows[1]]


def _named(call: Call, values: Assignment) -> dict[str, tuple[Fraction, ...]]:
    return {name: values.named[name] for name in call.function.open_names}


def _margin(holds: Node, leaves: Mapping[Node, Value]) -> float:
    """How far a statement is from turning, in floats: negative where it is false."""
    floats = {node: np.array([to_float(value) or 0.0]) for node, value in leaves.items()}
    batch = Batch(floats, 1)
    batch.run(holds)
    return float(batch.margin(holds)[0])
