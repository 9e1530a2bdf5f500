"""Verdicts on rules whose truth is known, and counterexamples judged again by other code."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from verdict_letters import letter

from tokenauction.mechanisms import AggregationRule
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.verifier import Verifier
from tokenauction.proofs.loading.named import load_targets
from tokenauction.proofs.results.verdict import Proved, Refuted, Unknown, Verdict
from tokenauction.theory import PROPERTIES

RULES = Path(__file__).parents[1] / "data" / "known_rules.py"

# P: proved for all sizes. R: refuted, exactly. p: proved for small sizes. r: refuted in floats.
# U: unknown. A dot: anything but unknown.
# The five columns are distribution, anonymous, neutral, unanimous, monotone.
TRUTH = {
    "plain_numpy": "PPPPP",
    "renormalised": "PPPPP",
    "shifted_softmax": "PPPPP",
    "tanh_weights": "PPPPP",
    "confident": "PPPPP",
    "jump_up": "PPPPP",
    "dip_at_hundred": "PPPPR",
    "dip_in_total": "PPPPR",
    "bonus_for_rivalry": "PPPPR",
    "smoothed_from_three": "PPPRR",
    "smoothed_from_ten": "PPPRR",
    "touch_of_log_linear": "PPPPR",
    "inverse_weights": "PPPPR",
    "bare_reserve": "RPPPP",
    "overshooting": "RPPPR",
    "squared_logs": "PPPPP",
    "first_agent": "PRPPP",
    "first_token": "pp.R.",
    "small_shares_dropped": "RPPPR",
    "by_argmax": "PRPPP",
    "second_highest": "pRppR",
    "branching": "URUUU",
    "branching_down": "URUUR",
}
COLUMNS = ("distribution", "anonymous", "neutral", "unanimous", "monotone")
SLOW = {
    *("second_highest", "first_token", "smoothed_from_ten", "small_shares_dropped"),
    *("shifted_softmax", "renormalised", "by_argmax", "tanh_weights", "touch_of_log_linear"),
}


def rule_named(name: str) -> AggregationRule:
    found = load_targets([f"{RULES}::{name}"])[0]
    assert isinstance(found, AggregationRule)
    return found


def verdicts(name: str) -> list[Verdict]:
    verifier = Verifier(rule_named(name), Options(seed=1))
    return [verifier.verify(PROPERTIES[prop]) for prop in COLUMNS]


def check(name: str) -> None:
    found = verdicts(name)
    for prop, expected, verdict in zip(COLUMNS, TRUTH[name], found, strict=True):
        if expected == ".":
            assert not isinstance(verdict, Unknown)
        else:
            assert letter(verdict) == expected, (name, prop, verdict)
        if isinstance(verdict, Refuted):
            check_again(name, prop, verdict)


def check_again(name: str, prop: str, verdict: Refuted) -> None:
    """The rule's own function in floats, at the counterexample, violates the property."""
    values, rule = verdict.witness.assignment, rule_named(name)
    bids = np.array([float(b) for b in values.bids])
    dists = np.array([[float(p) for p in row] for row in values.dists])
    with np.errstate(all="ignore"):
        aggregate = rule(bids, dists)
    if prop == "distribution":
        sums_to_one = np.isfinite(aggregate).all() and abs(aggregate.sum() - 1) < 1e-12
        assert not (sums_to_one and (aggregate >= 0).all())
    elif prop == "monotone":
        assert values.agent is not None
        assert values.raised_bid is not None
        raised = bids.copy()
        raised[values.agent] = float(values.raised_bid)
        assert raised[values.agent] >= bids[values.agent]
        after, wanted = rule(raised, dists), dists[values.agent]
        low, high = np.minimum(wanted, aggregate), np.maximum(wanted, aggregate)
        assert ((after < low - 1e-13) | (after > high + 1e-13)).any()
    elif prop == "unanimous":
        assert (dists == dists[0]).all()
        assert np.abs(aggregate - dists[0]).max() > 1e-13
    elif prop == "anonymous":
        order = list(values.choices.agent_order or ())
        assert np.abs(rule(bids[order], dists[order]) - aggregate).max() > 1e-13


def _cases(slow: bool) -> list[Any]:
    return [name for name in TRUTH if (name in SLOW) == slow]


@pytest.mark.parametrize("name", _cases(slow=False))
def test_verdicts(name: str) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", _cases(slow=True))
def test_verdicts_that_take_longer(name: str) -> None:
    check(name)


def test_a_logarithm_of_zero_refutes_only_where_it_does_not_cancel() -> None:
    verifier = Verifier(rule_named("unguarded_logs"))
    refuted = verifier.verify(PROPERTIES["distribution"])
    assert isinstance(refuted, Refuted)
    assert refuted.witness.undefined
    proved = Verifier(rule_named("squared_logs")).verify(PROPERTIES["distribution"])
    assert isinstance(proved, Proved)


@pytest.mark.slow
def test_the_threshold_on_agents_is_found_at_its_smallest_size() -> None:
    verdict = Verifier(rule_named("smoothed_from_ten")).verify(PROPERTIES["monotone"])
    assert isinstance(verdict, Refuted)
    assert verdict.witness.assignment.agents == 11


@pytest.mark.slow
def test_counterexamples_are_small() -> None:
    for name in ("dip_at_hundred", "bonus_for_rivalry", "inverse_weights", "overshooting"):
        verdict = Verifier(rule_named(name)).verify(PROPERTIES["monotone"])
        assert isinstance(verdict, Refuted)
        values = verdict.witness.assignment
        assert values.agents <= 3
        assert values.tokens <= 3
        numbers = [*values.bids, *(p for row in values.dists for p in row)]
        assert all(isinstance(x, Fraction) and len(str(x)) <= 9 for x in numbers)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_verdict() -> None:
    first, second = (
        Verifier(rule_named("touch_of_log_linear"), Options(seed=5)).verify(PROPERTIES["monotone"])
        for _ in range(2)
    )
    assert first == second


@pytest.mark.slow
def test_other_seeds_refute_too() -> None:
    for seed in range(3):
        verifier = Verifier(rule_named("dip_in_total"), Options(seed=seed))
        assert isinstance(verifier.verify(PROPERTIES["monotone"]), Refuted)
