"""Guards what floats may say of real numbers: nothing out of their range, or beside huge constants.

The rules are all true to their properties in real numbers, or false in an open set; none of them
traces, and none has an exact run.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tokenauction.mechanisms import AggregationRule, aggregation_rule
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.runs import float_limits
from tokenauction.proofs.core.runs.float_limits import RangeWatch, with_lower_constants
from tokenauction.proofs.deciding import untraceable
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.untraceable import attacked
from tokenauction.proofs.results.reasons import Reason
from tokenauction.proofs.results.verdict import Refuted, Unknown, Verdict
from tokenauction.theory import PROPERTIES

FILLER = 1e12


def verdict_on(rule: AggregationRule, prop: str, seed: int = 0) -> Verdict:
    claim = Claim(rule, PROPERTIES[prop])
    return attacked(claim, Options(budget=6, seed=seed), Reason("it does not trace", "branch"))


def numbers(bids: Any) -> list[float]:
    """The bids in Python's floats, by way of text, where no exact run follows."""
    return [float(str(bid)) for bid in bids.tolist()]


def pooled(weights: list[float], dists: Any) -> Any:
    """The pool at these weights, in Python's own floats."""
    columns = dists.T.tolist()
    rows = [sum(w * p for w, p in zip(weights, column, strict=True)) for column in columns]
    return np.array(rows) / sum(weights)


@aggregation_rule
def overflows(bids: Any, dists: Any) -> Any:
    weights = np.exp(np.array(numbers(bids)))
    return pooled(weights.tolist(), dists) if weights.sum() > 0 else dists.mean(0)


@aggregation_rule
def underflows(bids: Any, dists: Any) -> Any:
    return pooled([math.exp(-200 * b) for b in numbers(bids)], dists)


@aggregation_rule
def swallows(bids: Any, dists: Any) -> Any:
    return pooled([b + 1e12 - 1e12 for b in numbers(bids)], dists)


def filled(bid: float) -> float:
    return bid + FILLER - FILLER


@aggregation_rule
def swallows_in_a_helper(bids: Any, dists: Any) -> Any:
    return pooled([filled(b) for b in numbers(bids)], dists)


@aggregation_rule
def swallows_everything(bids: Any, dists: Any) -> Any:
    return pooled([b + 1e22 - 1e22 for b in numbers(bids)], dists)


@aggregation_rule
def masks(bids: Any, dists: Any) -> Any:
    found = pooled(numbers(bids), dists)
    scores = [math.log(p) if p > 0.2 else -1e30 for p in found.tolist()]
    return np.array([1.01 * math.exp(score) if score > -1e30 else 0.0 for score in scores])


@aggregation_rule
def needs_two(bids: Any, dists: Any) -> Any:
    return pooled([max(b - 1, 0) for b in numbers(bids)], dists)


@aggregation_rule
def shifts_by_a_table(bids: Any, dists: Any) -> Any:
    shift = (1e12,)
    return pooled([b + shift[0] - shift[0] for b in numbers(bids)], dists)


class Shifts:
    """Constants that are nowhere in the code."""

    far = 1e12


@aggregation_rule
def shifts_by_a_class(bids: Any, dists: Any) -> Any:
    return pooled([b + Shifts.far - Shifts.far for b in numbers(bids)], dists)


@aggregation_rule
def silences_numpy(bids: Any, dists: Any) -> Any:
    with np.errstate(over="ignore"):
        weights = np.exp(np.array(numbers(bids)))
    return pooled(weights.tolist(), dists)


@aggregation_rule
def exponential_of_a_fraction(bids: Any, dists: Any) -> Any:
    factor = math.exp(Fraction(1, 2))
    return pooled([factor * b for b in numbers(bids)], dists)


@aggregation_rule
def half_precision(bids: Any, dists: Any) -> Any:
    return pooled([float(np.float16(b)) for b in numbers(bids)], dists)


TRUE = [
    (shifts_by_a_table, "scale-free"),
    (shifts_by_a_class, "scale-free"),
    (silences_numpy, "distribution"),
    (exponential_of_a_fraction, "distribution"),
    (half_precision, "scale-free"),
    (overflows, "distribution"),
    (underflows, "distribution"),
    (underflows, "unanimous"),
    (swallows, "scale-free"),
    (swallows_in_a_helper, "scale-free"),
    (swallows_everything, "distribution"),
]


@pytest.mark.parametrize(("rule", "prop"), TRUE, ids=lambda one: getattr(one, "name", one))
def test_what_floats_lose_refutes_nothing(rule: AggregationRule, prop: str) -> None:
    for seed in range(2):
        assert isinstance(verdict_on(rule, prop, seed), Unknown)


@pytest.mark.parametrize(
    ("rule", "prop"),
    [
        (overflows, "scale-free"),
        (underflows, "scale-free"),
        (masks, "distribution"),
        (needs_two, "distribution"),
        (needs_two, "scale-free"),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_what_is_false_in_range_is_refuted(rule: AggregationRule, prop: str) -> None:
    assert isinstance(verdict_on(rule, prop), Refuted)


def test_the_reason_says_that_floats_are_left() -> None:
    found = verdict_on(overflows, "distribution")
    assert isinstance(found, Unknown)
    assert "overflows, underflows or adds to a huge constant" in found.reason


def test_without_the_watch_an_overflow_refutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float_limits.RangeWatch, "left", False)
    monkeypatch.setattr(float_limits.RangeWatch, "__setattr__", lambda *_: None)
    assert isinstance(verdict_on(overflows, "distribution"), Refuted)


def test_without_lower_constants_a_staircase_refutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untraceable, "has_huge_constants", lambda _: False)
    assert isinstance(verdict_on(swallows, "scale-free", seed=1), Refuted)


def test_lower_constants_keep_signs_kinds_and_digits() -> None:
    def constants(bids: Any, dists: Any) -> Any:
        return 37 * 10**11, -2.5e30, 3.0, True, filled(0.25)

    lowered = with_lower_constants(aggregation_rule(constants))
    assert lowered is not None
    found = lowered.function([], [])
    assert found == (3700, -2500.0, 3.0, True, 0.25)


@pytest.mark.parametrize(
    ("step", "left"),
    [
        (lambda x: np.exp(1000 * x), True),
        (lambda x: np.exp(-1000 * x), True),
        (lambda x: np.exp(-x), False),
        (lambda x: x / (x - 1), False),
        (lambda x: math.exp(1000 * x[0]), True),
        (lambda x: math.exp(-740 * x[0]), True),
        (lambda x: math.exp(-x[0]), False),
    ],
)
def test_a_watch_sees_overflow_and_underflow_alone(step: Any, left: bool) -> None:
    watch = RangeWatch()
    before = math.exp
    try:
        with watch.over(step):
            step(np.ones(2))
    except OverflowError:
        pass
    assert watch.left is left
    assert math.exp is before


@pytest.mark.extra("llm")
@pytest.mark.parametrize(
    ("step", "left"),
    [
        (lambda torch, x: torch.exp(1000 * x), True),
        (lambda torch, x: torch.exp(-1000 * x), True),
        (lambda torch, x: torch.softmax(-1000 * torch.arange(2.0) * x, 0), True),
        (lambda torch, x: torch.where(x > 2, x, -math.inf).exp(), False),
        (lambda torch, x: torch.log(x - x), False),
        (lambda torch, x: x / (x - x), False),
        (lambda torch, x: (x - x) * x, False),
        (lambda torch, x: (1e-200 * x) * (1e-200 * x), True),
        (lambda torch, x: torch.argmax(x), False),
        (lambda torch, x: 1 + torch.exp(-50 * x), True),
        (lambda torch, x: 1 - x, False),
        (lambda torch, x: 2 * x - x, False),
        (lambda torch, x: x - 1e-30 * x, True),
        (lambda torch, x: torch.tanh(30 * x), True),
        (lambda torch, x: (x @ (1e-200 * x)) * 1e-200, True),
    ],
)
def test_a_watch_sees_the_steps_of_torch(step: Any, left: bool) -> None:
    import torch

    watch = RangeWatch()
    with watch.over(step):
        step(torch, torch.ones(2, dtype=torch.float64))
    assert watch.left is left
