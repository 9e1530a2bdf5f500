"""Assertions that a property of a rule is proved, for tests of one's own."""

from typing import Literal

import pytest

from tokenauction.mechanisms import AggregationRule, Mechanism
from tokenauction.proofs.gate.configuration import Requirement
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.listing import claim_row
from tokenauction.proofs.loading.named import load_property
from tokenauction.proofs.results import report
from tokenauction.proofs.testing.readable import shortfall, text
from tokenauction.theory import PreferenceOrder, RuleProperty


def assert_proved(
    rule: AggregationRule | Mechanism,
    prop: str | RuleProperty | PreferenceOrder,
    *,
    scope: Literal["all"] | tuple[int, int] = "all",
    budget: float = 60.0,
    seed: int = 0,
) -> None:
    """Fail the test, with the counterexample to read, unless a property is proved.

    `scope` is what the proof has to cover: all sizes, or up to so many agents and tokens.
    """
    __tracebackhide__ = True
    from tokenauction.proofs.core.runs.numpy_run import Unusable
    from tokenauction.proofs.deciding.verifier import as_property, verify

    wanted = Requirement(rule.label, sizes=None if scope == "all" else scope)
    agents, tokens = wanted.sizes or (None, None)
    unusable = ""
    try:
        asked = load_property(prop) if isinstance(prop, str) else as_property(prop)
        verdict = verify(rule, asked, agents=agents, tokens=tokens, budget=budget, seed=seed)
    except (CannotLoad, Unusable, ValueError) as problem:
        unusable = str(problem)
    if unusable:
        pytest.fail(unusable, pytrace=False)
    row = report.result(claim_row(rule, asked), verdict, 0.0)
    missing = shortfall(row, wanted)
    if missing:
        pytest.fail(text(row, asked.summary, missing), pytrace=False)
