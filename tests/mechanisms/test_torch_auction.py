"""Auctions on torch tensors: the same text and the same numbers as on NumPy, and no copies."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_transformer as small
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenauction.mechanisms import AggregationRule, cap, linear, log_linear, second_price
from tokenauction.mechanisms.auction import token_auction
from tokenauction.mechanisms.auction.agents import Agents
from tokenauction.mechanisms.auction.inputs import host_view
from tokenauction.mechanisms.auction.token_auction import (
    CONTEXT_LIMIT,
    END_OF_TEXT,
    Outcome,
    TokenAuction,
)
from tokenauction.mechanisms.auction.vocabulary import Vocabulary
from tokenauction.mechanisms.models.causal_models import CausalModels, ModelFailed

PROMPTS = {name: f"{name}:\n" for name in ("Alora Air", "Marisol Bay", "Norvik Air")}
BIDS = (2.0, 1.0, 0.5)

# How far payments may lie apart, as fractions of the bid, and probabilities.
BOUNDS = {"float64": 1e-9, "float32": 1e-4}


def models(dtype: str = "float32") -> CausalModels:
    """Three agents of one small model."""
    return CausalModels.from_prompts(small.saved(), PROMPTS, device="cpu", dtype=dtype)


@dataclass
class Recorded:
    """Agents that say again what was recorded, whatever the text is; their own session, too."""

    names: tuple[str, ...]
    vocabulary: Vocabulary
    rows: Sequence[Any]
    now: int = 0
    room: None = None

    @property
    def descriptions(self) -> tuple[dict[str, str], ...]:
        """Nothing is known of them."""
        return tuple({} for _ in self.names)

    def open(self, prompt: str) -> "Recorded":
        """Start from the first record."""
        return replace(self, now=0)

    def distributions(self) -> Any:
        """The record of this token."""
        return self.rows[self.now]

    def append(self, token: int) -> None:
        """On to the next record."""
        self.now += 1


def recorded(agents: Agents, outcome: Outcome, kind: str) -> Recorded:
    """The distributions of a run on torch, as NumPy arrays of a type."""
    rows = [step.dists.numpy().astype(kind) for step in outcome.steps]
    return Recorded(agents.names, agents.vocabulary, rows)


def assert_agree(one: Outcome, other: Outcome, bound: float) -> None:
    """The same tokens, and numbers within a bound; payments as fractions of the bids."""
    assert [step.settlement.token for step in one.steps] == [
        step.settlement.token for step in other.steps
    ]
    scale = np.where(one.bids > 0, one.bids, 1.0)
    for a, b in zip(one.steps, other.steps, strict=True):
        x, y = a.settlement, b.settlement
        assert abs(x.probability - y.probability) <= bound
        for values, others in ((x.wanted, y.wanted), (x.pulls, y.pulls)):
            assert float(np.abs(values - others).max()) <= bound
        assert float((np.abs(x.realised - y.realised) / scale).max()) <= bound
        assert (x.expected is None) == (y.expected is None)
        if x.expected is not None and y.expected is not None:
            assert float((np.abs(x.expected - y.expected) / scale).max()) <= bound


@pytest.fixture
def on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of the CPU are treated as those of a device, and not seen as NumPy arrays."""
    monkeypatch.setattr(token_auction, "host_view", lambda values: values)


def test_tensors_of_the_host_are_seen_by_numpy_and_not_copied() -> None:
    tensor = torch.tensor([[0.5, 0.5]])
    view = host_view(tensor)
    assert isinstance(view, np.ndarray)
    assert view.__array_interface__["data"][0] == tensor.data_ptr()
    narrow = tensor.to(torch.bfloat16)
    assert host_view(narrow) is narrow


@pytest.mark.usefixtures("on_a_device")
@pytest.mark.parametrize("sampling", ["stable", "race"])
@pytest.mark.parametrize("rule", [linear, cap, log_linear], ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_auction_of_models_agrees_with_numpy(
    rule: AggregationRule, sampling: str, dtype: str
) -> None:
    payment = "none" if (rule, sampling) == (log_linear, "stable") else "critical-bid"
    agents = models(dtype)
    outcome = TokenAuction(agents, rule, payment, sampling).run("", BIDS, 3, seed=5)
    assert outcome.steps
    for step in outcome.steps:
        assert isinstance(step.dists, torch.Tensor)
        assert step.dists.dtype == getattr(torch, dtype)
    for kind in ("float32", "float64"):
        again = recorded(agents, outcome, kind)
        on_numpy = TokenAuction(again, rule, payment, sampling).run("", BIDS, 3, seed=5)
        narrower = "float32" if "float32" in (dtype, kind) else "float64"
        assert_agree(outcome, on_numpy, BOUNDS[narrower])


@pytest.mark.usefixtures("on_a_device")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    agents=st.integers(1, 4),
    tokens=st.sampled_from([2, 3, 50, 2000]),
    spread=st.sampled_from([0.05, 1.0]),
    bids=st.lists(st.sampled_from([0.0, 1e-6, 0.5, 1.0, 3.0, 1e12]), min_size=4, max_size=4).filter(
        lambda bids: bids[0] > 0
    ),
    sampling=st.sampled_from(["stable", "race"]),
    rule=st.sampled_from([linear, cap]),
    kind=st.sampled_from(["float32", "float64"]),
)
def test_torch_agrees_with_numpy_on_random_profiles(
    seed: int,
    agents: int,
    tokens: int,
    spread: float,
    bids: list[float],
    sampling: str,
    rule: AggregationRule,
    kind: str,
) -> None:
    random = np.random.default_rng(seed)
    rows = [random.dirichlet(np.full(tokens, spread), size=agents).astype(kind) for _ in range(3)]
    names = tuple(f"agent {i}" for i in range(agents))
    words = Vocabulary(tuple(f" word {i}" for i in range(tokens)))

    def run(given: list[Any]) -> Outcome:
        auction = TokenAuction(Recorded(names, words, given), rule, "critical-bid", sampling)
        return auction.run("", bids[:agents], 3, seed=seed)

    assert_agree(run(rows), run([torch.from_numpy(row) for row in rows]), BOUNDS[kind])


@pytest.mark.usefixtures("on_a_device")
@pytest.mark.parametrize("payment", ["critical-bid", second_price])
@pytest.mark.parametrize(
    ("rule", "sampling"), [(linear, "stable"), (linear, "race"), (log_linear, "race")]
)
def test_no_vocabulary_is_copied_to_the_host(
    rule: AggregationRule, sampling: str, payment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    auction = TokenAuction(models("float64"), rule, payment, sampling)
    large = len(auction.vocabulary) // 2
    seen: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        original = getattr(torch.Tensor, name)

        def call(self: torch.Tensor, *args: Any, **given: Any) -> Any:
            seen.append(name)
            assert self.numel() < large, f"{self.numel()} numbers leave the device by {name}"
            return original(self, *args, **given)

        return call

    ways = ("cpu", "numpy", "tolist", "item", "__array__", "__float__", "__iter__", "__dlpack__")
    for name in ways:
        monkeypatch.setattr(torch.Tensor, name, watched(name))
    outcome = auction.run("Fly", BIDS, 3, seed=1)
    assert len(outcome.steps) == 3
    assert seen, "the watch works: small numbers do leave"
    with pytest.raises(AssertionError, match="leave the device by numpy"):
        outcome.steps[0].dists.numpy()


def test_an_end_token_ends_the_text() -> None:
    outcomes = [TokenAuction(models(), linear, "none").run("", BIDS, 200, s) for s in range(12)]
    ended = [outcome for outcome in outcomes if outcome.stopped == END_OF_TEXT]
    assert ended
    for outcome in ended:
        tokens = [step.settlement.token for step in outcome.steps]
        assert tokens[-1] == 0 not in tokens[:-1]
        assert small.END not in outcome.text


def test_a_full_context_ends_the_text() -> None:
    agents = models()
    with torch.no_grad():
        agents._agents[0][0].model.get_output_embeddings().weight[0] = 0
        agents._agents[0][0].model.get_output_embeddings().weight[1:] *= 3
    outcomes = [TokenAuction(agents, linear, "none").run("", BIDS, 500, s) for s in range(6)]
    full = [outcome for outcome in outcomes if outcome.stopped == CONTEXT_LIMIT]
    assert full
    room = agents.open("").room
    assert room is not None
    for outcome in full:
        assert len(outcome.steps) == room + 1, "the last token need not be read"


def test_what_was_drawn_before_memory_ran_out_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    agents = models()
    auction = TokenAuction(agents, linear)
    steps = auction.stream("Fly", BIDS, 20, seed=3)
    got = [next(steps), next(steps)]

    def fail(**_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(agents._agents[0][0].model, "forward", fail)
    with pytest.raises(ModelFailed, match="out of memory while reading 3 rows"):
        next(steps)
    assert len(auction.outcome(BIDS, 3, got).text) > 0


def test_logits_far_apart_leave_finite_numbers() -> None:
    agents = models()
    with torch.no_grad():
        agents._agents[0][0].model.get_output_embeddings().weight.mul_(1000)
    assert float(agents.open("").distributions().min()) == 0, "the case that is meant"
    outcome = TokenAuction(agents, log_linear, "none", "race").run("", BIDS, 5, seed=1)
    for step in outcome.steps:
        assert np.isfinite([step.settlement.probability, *step.settlement.pulls]).all()


def gpu_checks(*options: str) -> subprocess.CompletedProcess[str]:
    """The script for machines with a GPU, on one that hides it."""
    script = Path(__file__).parents[2] / "benchmarks" / "gpu_checks.py"
    return subprocess.run(
        [sys.executable, str(script), *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_the_gpu_checks_say_that_there_is_no_gpu() -> None:
    done = gpu_checks()
    assert (done.stdout, done.returncode) == ("no CUDA device; nothing was checked\n", 0)


@pytest.mark.slow
def test_the_gpu_checks_pass_where_they_can_be_rehearsed() -> None:
    done = gpu_checks("--device", "cpu")
    assert done.stdout.splitlines()[0] == "a rehearsal on the CPU"
    assert done.stdout.splitlines()[-1] == "all passed", done.stdout + done.stderr
    assert done.returncode == 0


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors gain nothing from more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
