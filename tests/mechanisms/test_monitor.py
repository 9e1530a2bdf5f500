"""Guards the monitor: excess by hand, rules that never or surely violate, runs and transcripts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies import profiles

from tokenauction.mechanisms import (
    AggregationRule,
    aggregation_rule,
    cap,
    linear,
    log1p_weights,
    log_linear,
    nucleus,
    platform,
    saturating_weights,
    square_weights,
    temperature,
    top_k,
)
from tokenauction.mechanisms.auction import BadBids, BadDistribution, TokenAuction
from tokenauction.mechanisms.auction.audit import NotATranscript
from tokenauction.mechanisms.auction.transcript import Transcript
from tokenauction.mechanisms.experiments.monitor import (
    RULES,
    Monitor,
    MonitorRow,
    excess,
    monitor_transcript,
)
from tokenauction.mechanisms.experiments.tables import read_table
from tokenauction.mechanisms.models.n_gram import NGram
from tokenauction.mechanisms.models.scenarios import SCENARIOS

README = np.array([[1 / 4, 1 / 4, 1 / 2], [1 / 2, 1 / 16, 7 / 16]])


def row_of(monitor: Monitor, number: int = 0) -> MonitorRow:
    """One row of a monitor."""
    return monitor.rows()[number]


@pytest.fixture(scope="module")
def agents() -> tuple[NGram, ...]:
    return SCENARIOS["co-marketing"].agents()


# What an excess is.


@pytest.mark.parametrize(
    ("own", "before", "after", "due"),
    [
        (0.5, 0.4, 0.45, 0),  # towards
        (0.5, 0.4, 0.5, 0),  # there
        (0.5, 0.4, 0.6, 0.1),  # past
        (0.5, 0.4, 0.3, 0.1),  # away
        (0.5, 0.6, 0.7, 0.1),  # away, from above
        (0.5, 0.6, 0.4, 0.1),  # past, from above
    ],
)
def test_excess_by_hand(own: float, before: float, after: float, due: float) -> None:
    found = excess(*(np.array([value, 1 - value]) for value in (own, before, after)))
    assert found == pytest.approx([due, due])


def test_the_counterexample_of_the_readme() -> None:
    monitor = Monitor([1, 1], [log_linear], [2], names=["A", "B"])
    monitor.look(README, "drawn")
    row = row_of(monitor)
    # Only A's raise violates, on token 2 alone: 0.4943 to 0.5030, wanted at 1/2.
    assert (row.steps, row.comparisons, row.violated, row.share_violated) == (1, 2, 1, 0.5)
    due = pytest.approx(0.50303059990055060 - 0.5, abs=1e-15)
    assert row.excess_50 == row.excess_90 == row.excess_99 == row.excess_max == due
    assert row.mass_50 == row.mass_max == due
    worst = (row.worst_agent, row.worst_factor, row.worst_step, row.worst_piece, row.worst_token)
    assert worst == ("A", 2, 0, "drawn", "token 2")


def test_top_k_overshoots() -> None:
    # The pool favours token 1 by a little; the raise gives all mass to token 0, wanted at 0.6.
    monitor = Monitor([1, 1.1], [top_k.with_parameters(k=1), linear], [2])
    monitor.look(np.array([[0.6, 0.4], [0.4, 0.6]]))
    row = row_of(monitor)
    assert (row.rule, row.comparisons, row.violated) == ("top_k(k=1)", 2, 1)
    assert row.excess_max == pytest.approx(0.4)
    assert row.mass_max == pytest.approx(0.8)
    assert row.worst_agent == "agent 0"
    assert row_of(monitor, 1).violated == 0
    assert row_of(monitor, 1).excess_max is None


def test_nucleus_and_temperature_break_the_order() -> None:
    rules = [nucleus.with_parameters(mass=0.5), temperature.with_parameters(degrees=0.5)]
    monitor = Monitor([1, 1], rules, [2])
    monitor.look(np.array([[0.6, 0.4], [0.4, 0.6]]))
    # At even bids both tokens tie and stay; after a raise the pool is (8/15, 7/15).
    cut, sharp = monitor.rows()
    assert cut.violated == 2
    assert cut.excess_max == pytest.approx(1 - 0.6)
    assert sharp.violated == 0
    monitor = Monitor([1, 1], rules[1:], [10])
    monitor.look(np.array([[0.6, 0.4], [0.4, 0.6]]))
    pooled = np.array([6.4, 4.6]) / 11
    due = pooled[0] ** 2 / (pooled**2).sum() - 0.6
    assert row_of(monitor).excess_max == pytest.approx(due)


@given(profiles())
def test_linear_pools_never_violate(profile: Any) -> None:
    rules = [linear, square_weights, log1p_weights, saturating_weights, cap]
    monitor = Monitor([float(bid) for bid in profile.bids], rules)
    monitor.look(np.array(profile.dists, dtype=float))
    assert all(row.comparisons == 3 * profile.agents for row in monitor.rows())
    assert all(row.violated == 0 for row in monitor.rows())


@given(profiles(agents=2, positive=True))
def test_comparisons_are_those_of_the_definition(profile: Any) -> None:
    bids, dists = np.array(profile.bids, dtype=float), np.array(profile.dists, dtype=float)
    monitor = Monitor(list(bids), RULES)
    monitor.look(dists)
    for rule, row in zip(RULES, monitor.rows(), strict=True):
        worst, mass = [], []
        for agent in (0, 1):
            for factor in (1.1, 2.0, 10.0):
                raised = bids.copy()
                raised[agent] = bids[agent] * factor or bids[1 - agent] * (factor - 1)
                before, after, own = rule(bids, dists), rule(raised, dists), dists[agent]
                low, high = np.minimum(own, before), np.maximum(own, before)
                beyond = np.abs(after - np.clip(after, low, high))
                if beyond.max() > 1e-9:
                    worst.append(beyond.max())
                    mass.append(beyond.sum())
        assert (row.rule, row.violated) == (rule.label, len(worst))
        assert row.share_violated == len(worst) / 6
        if worst:
            assert row.excess_50 == pytest.approx(np.median(worst), abs=1e-12)
            assert row.excess_90 == pytest.approx(np.quantile(worst, 0.9), abs=1e-12)
            assert row.mass_99 == pytest.approx(np.quantile(mass, 0.99), abs=1e-12)
            assert row.mass_max == pytest.approx(max(mass), abs=1e-12)


def test_a_zero_bid_is_raised_by_the_mean_of_the_others() -> None:
    seen: list[list[float]] = []

    @aggregation_rule
    def noted(bids: Any, dists: Any) -> Any:
        seen.append([float(bid) for bid in bids])
        return bids @ dists / bids.sum()

    Monitor([0, 1, 5], [noted], [1.5]).look(np.full((3, 2), 0.5))
    assert sorted(seen) == [[0, 1, 5], [0, 1, 7.5], [0, 1.5, 5], [1.5, 1, 5]]


# Where distributions come from.


def test_a_run_is_handed_on_and_its_transcript_says_the_same(
    agents: tuple[NGram, ...], tmp_path: Path
) -> None:
    auction = TokenAuction(agents, linear, expected=False)
    monitor = Monitor([1, 1], names=auction.names, vocabulary=auction.vocabulary)
    path = tmp_path / "run.jsonl"
    with Transcript(path, auction) as transcript:
        steps = list(monitor.watch(transcript.stream("", [1, 1], 15, 1)))
    assert monitor.steps == len(steps) > 5
    found = {row.rule: row for row in monitor.rows()}
    assert list(found) == [
        "linear", "log_linear", "temperature(degrees=0.7)", "top_k(k=40)", "nucleus(mass=0.9)",
    ]  # fmt: skip
    assert all(row.comparisons == 6 * len(steps) for row in found.values())
    assert found["linear"].violated == 0
    row = found["log_linear"]
    assert row.violated > 0
    assert row.worst_step is not None
    assert row.worst_piece == steps[row.worst_step].piece
    assert row.worst_token in auction.vocabulary.pieces
    assert monitor_transcript(path).rows() == monitor.rows()
    cut(path)
    fewer = monitor_transcript(path, rules=[linear], factors=[2])
    assert fewer.steps == len(steps) - 1


def cut(path: Path) -> None:
    """Lose the last line, and half of the one before it."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]) + lines[-2][: len(lines[-2]) // 2])


def test_transcripts_without_distributions_or_of_something_else(
    agents: tuple[NGram, ...], tmp_path: Path
) -> None:
    auction = TokenAuction(agents, linear, expected=False)
    path = tmp_path / "drawn.jsonl"
    with Transcript(path, auction, record="drawn") as transcript:
        assert list(transcript.stream("", [1, 1], 2, 1))
    with pytest.raises(ValueError, match="records what was drawn only"):
        monitor_transcript(path)
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n", "utf-8")
    with pytest.raises(NotATranscript):
        monitor_transcript(other)
    header = {"schema": "tokenauction.transcript/1", "record": "full"}
    other.write_text(json.dumps(header) + "\n", "utf-8")
    with pytest.raises(NotATranscript, match="malformed"):
        monitor_transcript(other)
    header |= {"agents": [{"name": "A", "bid": 1}], "vocabulary": {"pieces": ["a"]}}  # type: ignore[dict-item]
    other.write_text(json.dumps(header) + "\n", "utf-8")
    with pytest.raises(NotATranscript, match="line 1: KeyError"):
        monitor_transcript(other)


@pytest.mark.extra("llm")
@pytest.mark.parametrize("width", ["float64", "float32"])
def test_torch_finds_what_numpy_finds(width: str) -> None:
    import torch

    rng = np.random.default_rng(7)
    here, there = Monitor([1, 2, 0.5]), Monitor([1, 2, 0.5])
    for _ in range(5):
        dists = rng.dirichlet(np.full(500, 0.05), size=3).astype(width)
        here.look(dists)
        there.look(torch.tensor(dists))
    for one, other in zip(here.rows(), there.rows(), strict=True):
        assert one.comparisons == other.comparisons == 45
        assert one.violated == pytest.approx(other.violated, abs=0 if width == "float64" else 1)
        if one.excess_max is not None:
            close = pytest.approx(other.excess_max, rel=1e-9 if width == "float64" else 1e-2)
            assert one.excess_max == close
    assert row_of(here).violated == row_of(there).violated == 0


def test_zeros_are_lifted_for_rules_that_need_it() -> None:
    monitor = Monitor([1, 1], [linear, log_linear])
    monitor.look(np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]))
    assert all(row.comparisons == 6 for row in monitor.rows())


# Out, and bad input.


def test_the_table_reads_back(tmp_path: Path) -> None:
    monitor = Monitor([1, 1], names=["A", "B"])
    monitor.look(README)
    path = tmp_path / "monitor.csv"
    monitor.write(path)
    monitor.look(README)
    monitor.write(path)
    assert tuple(read_table(path, MonitorRow)) == monitor.rows()
    assert [each.name for each in tmp_path.iterdir()] == ["monitor.csv"]


def test_a_monitor_that_has_seen_nothing_says_so() -> None:
    row = row_of(Monitor([1, 1]))
    assert (row.steps, row.comparisons, row.share_violated) == (0, 0, 0)
    assert row.worst_step is None


@pytest.mark.parametrize(
    ("bids", "rules", "factors", "error", "message"),
    [
        ([1, -1], [linear], [2], BadBids, "agent 1"),
        ([0, 0], [linear], [2], BadBids, "all bids are zero"),
        ([1, 1], [linear], [1], ValueError, "factor above one"),
        ([1, 1], [linear], [float("nan")], ValueError, "factor above one"),
        ([1, 1], [platform], [2], TypeError, "needs a distribution for model"),
    ],
)
def test_what_cannot_be_monitored(
    bids: Sequence[float],
    rules: Sequence[AggregationRule],
    factors: Sequence[float],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        Monitor(bids, rules, factors)


def test_a_bad_distribution_names_the_agent() -> None:
    monitor = Monitor([1, 1], names=["A", "B"])
    with pytest.raises(BadDistribution, match="'B' has the negative entry"):
        monitor.look(np.array([[0.5, 0.5], [1.5, -0.5]]))
    assert monitor.steps == 0
