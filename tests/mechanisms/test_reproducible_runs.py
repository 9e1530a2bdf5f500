"""One command, one seed, one machine: the same bits in every run, in reports and in transcripts.

What differs from run to run is where arrays lie in memory and the order of Python's sets. Both are
moved here on purpose: arrays by a few bytes within one process, and whole processes by the size of
their environment and by their hash seed.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import tokenauction.mechanisms
from tokenauction.mechanisms import AggregationRule, cap, linear, log_linear, second_price
from tokenauction.mechanisms.auction import FixedAgent, Terms, TokenAuction, Vocabulary
from tokenauction.mechanisms.auction.audit import audit
from tokenauction.mechanisms.auction.bidding import Bids
from tokenauction.mechanisms.auction.fixed_order import aligned, mixture, sum_of_products
from tokenauction.mechanisms.auction.inputs import checked_distributions
from tokenauction.mechanisms.auction.randomness import step_secret
from tokenauction.mechanisms.auction.settlement import Settlement
from tokenauction.mechanisms.auction.transcript import Transcript

NONCE = "00112233445566778899aabbccddeeff"
OFFSETS = range(0, 64, 8)
NAMES = ("Ada", "Bo", "Cy")
BIDS = np.array([2.0, 1.0, 0.3])  # one agent has a majority
EMPTY = np.empty


# Memory ------------------------------------------------------------------------------------------


def address(values: Any) -> int:
    """Where an array begins."""
    return int(values.__array_interface__["data"][0])


def empty_at(offset: int, shape: Any, dtype: Any = float) -> Any:
    """What `numpy.empty` gives, so many bytes after an address that is a multiple of 64."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    block = EMPTY(size + 128, dtype=np.uint8)
    return np.ndarray(shape, dtype, block, -address(block) % 64 + offset)


def moved(values: Any, offset: int) -> Any:
    """The same numbers, there."""
    found = empty_at(offset, values.shape, values.dtype)
    found[...] = values
    return found


def profile(kind: str, tokens: int) -> Any:
    """Three random distributions without zeros, of a type."""
    rows = np.random.default_rng(7).dirichlet(np.full(tokens, 0.3), size=len(NAMES)) + 1e-12
    return (rows / rows.sum(axis=1)[:, None]).astype(kind)


def bits(found: Settlement) -> tuple[Any, ...]:
    """Everything that a settlement says; two are equal only if every bit is."""
    assert found.expected is not None
    numbers = (found.aggregate, found.wanted, found.pulls, found.realised, found.expected)
    return found.token, found.probability.hex(), *(values.tobytes() for values in numbers)


def opaque(rule: AggregationRule) -> AggregationRule:
    """The same rule, and nothing known of it: payments are searched and integrated."""
    return AggregationRule(rule.function, rule.name, rule.support, rule.parameters)


# The terms, and how many tokens: the distances of more than 32,768 go by blocks.
WAYS: dict[str, tuple[Terms, int]] = {
    "linear": (Terms(linear), 33_001),
    "linear, race": (Terms(linear, sampling="race"), 1501),
    "second price": (Terms(linear, second_price), 1501),
    "cap": (Terms(cap), 1501),
    "log-linear, race": (Terms(log_linear, sampling="race"), 301),
    "linear, searched": (Terms(opaque(linear)), 301),
    "linear, searched, race": (Terms(opaque(linear), sampling="race"), 301),
}


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("way", WAYS)
def test_a_settlement_does_not_depend_on_where_arrays_lie(
    way: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms, tokens = WAYS[way]
    rows, found = profile(kind, tokens), set()
    for offset in OFFSETS:
        monkeypatch.setattr(
            np, "empty", lambda shape, dtype=float, o=offset: empty_at(o, shape, dtype)
        )
        dists = checked_distributions(moved(rows, offset), NAMES, tokens, terms.positive)
        found.add(bits(terms.settle(Bids(terms.rule, BIDS), dists, step_secret(3, 0))))
    assert len(found) == 1


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("count", [3, 17, 40_001])
def test_sums_do_not_depend_on_where_arrays_lie(count: int, kind: str) -> None:
    rows = profile(kind, count)
    found = set()
    for offset in OFFSETS:
        one, other = moved(rows[0], offset), moved(rows[1] - rows[2], 56 - offset)
        mixed = mixture(moved(rows[:, 0], offset), moved(rows, 56 - offset))
        several = mixture(rows[:, :3].T, moved(rows, offset))
        found.add((sum_of_products(one, other).hex(), mixed.tobytes(), several.tobytes()))
        assert np.allclose(mixed, rows[:, 0] @ rows, rtol=1e-6)
        assert np.allclose(several, rows[:, :3].T @ rows, rtol=1e-6)
    assert len(found) == 1


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("layout", ["C", "F"])
def test_an_aligned_array_has_the_same_numbers(layout: Any, offset: int) -> None:
    rows = moved(np.arange(12.0).reshape(4, 3), offset)
    values = np.array(rows, order="F") if layout == "F" else rows
    found = aligned(values)
    assert found.flags.c_contiguous
    assert address(found) % 64 == 0
    assert np.array_equal(found, values)
    assert (found is values) == (layout == "C" and offset == 0), "copied only where it has to be"


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize(("sampling", "support"), [("stable", "any"), ("race", "full")])
def test_what_rules_are_given_lies_alike_in_every_run(
    sampling: str, support: Literal["any", "full"], kind: str
) -> None:
    seen: list[Any] = []

    def pool(bids: Any, dists: Any) -> Any:
        seen.extend((bids, dists))
        return bids @ dists / bids.sum()

    terms = Terms(AggregationRule(pool, "pool", support, {}), sampling=sampling)
    rows = profile(kind, 301)
    rows[0, 1] += rows[0, 0]
    rows[0, 0] = 0.0  # raised to the floor where a rule is for positive distributions
    for offset in (8, 48):
        dists = checked_distributions(moved(rows, offset), NAMES, 301, terms.positive)
        terms.settle(Bids(terms.rule, BIDS), dists, step_secret(1, 0))
    assert len(seen) > 50, "searches and integrals ask the rule too"
    assert {address(values) % 64 for values in seen} == {0}
    assert all(values.flags.c_contiguous for values in seen)


def test_no_sum_of_the_auction_is_left_to_blas() -> None:
    """But for tensors of a device, in one place."""
    products = {"matmul", "dot", "vdot", "vecdot", "inner", "tensordot", "einsum", "norm"}
    [root] = {Path(place) for place in tokenauction.mechanisms.__path__}
    files = [*root.glob("auction/*.py"), *root.glob("experiments/*.py")]
    files += [root / "models" / name for name in ("n_gram.py", "kneser_ney.py", "word_pieces.py")]
    assert len(files) > 25
    found = []
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in products:
                found.append(f"{path.name}: {node.attr}")
            elif isinstance(node, ast.MatMult):
                found.append(f"{path.name}: @")
            elif isinstance(node, ast.ImportFrom | ast.Import):
                assert "scipy" not in ast.unparse(node), path
    assert found == ["fixed_order.py: matmul"]


# Processes ---------------------------------------------------------------------------------------


def in_a_process_of_its_own(number: int, folder: Path, *arguments: str) -> tuple[bytes, bytes]:
    """Standard output and the transcript of a run; memory lies otherwise for every number."""
    command = [sys.executable, "-m", "tokenauction.proofs.cli", "run", *arguments]
    path = folder / f"{number}.jsonl"
    done = subprocess.run(
        [*command, "--format", "json", "--explain", "--transcript", str(path), "--nonce", NONCE],
        capture_output=True,
        timeout=100,
        env={
            **os.environ,
            "PYTHONHASHSEED": str(number),
            "PADDING": "x" * (1777 * number),
            "HF_HUB_OFFLINE": "1",
        },
        check=True,
    )
    return done.stdout, path.read_bytes()


def assert_alike(folder: Path, arguments: Sequence[str], runs: int) -> None:
    """So many runs of one command, and an audit of what they wrote."""
    found = {in_a_process_of_its_own(number, folder, *arguments) for number in range(runs)}
    assert len(found) == 1
    audited = [sys.executable, "-m", "tokenauction.proofs.cli", "audit", str(folder / "0.jsonl")]
    assert subprocess.run(audited, capture_output=True, timeout=100, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "terms",
    [
        ("co-marketing", "--prompt", "This summer,"),
        ("competing", "--bids", "3,1", "--sampling", "race", "--max-tokens", "20"),
        ("co-marketing", "--rule", "log-linear", "--max-tokens", "6"),
        (
            "--rule",
            "uniform-smoothing(share=0)",
            "--sampling",
            "stable",
            "--max-tokens",
            "4",
        ),
    ],
    ids=" ".join,
)
def test_every_process_writes_the_same_bytes(terms: tuple[str, ...], tmp_path: Path) -> None:
    assert_alike(tmp_path, terms, runs=4)


@pytest.mark.slow
@pytest.mark.extra("llm")
def test_every_process_writes_the_same_bytes_with_models_on_the_cpu(tmp_path: Path) -> None:
    import small_transformer

    agents = ("--agent", "A=Alora Air:\n", "--agent", "B=Marisol Bay:\n", "--max-tokens", "12")
    model = ("--model", str(small_transformer.saved()), "--device", "cpu")
    assert_alike(tmp_path, (*model, *agents), runs=3)


@pytest.mark.extra("llm")
@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64"])
def test_tensors_of_the_cpu_are_settled_by_numpy(kind: str) -> None:
    """Whose order of summation does not depend on how many threads torch has."""
    import torch

    rows = torch.from_numpy(profile("float64", 301)).to(getattr(torch, kind))
    steps = auction(rows).stream("", BIDS.tolist(), 2, seed=1)
    for step in steps:
        assert isinstance(step.dists, np.ndarray)
        assert isinstance(step.settlement.aggregate, np.ndarray)


class Tensors:
    """Agents that want the same rows after every prefix, in whatever library the rows are."""

    names, room = NAMES, None
    descriptions: tuple[dict[str, str], ...] = ({}, {}, {})

    def __init__(self, rows: Any) -> None:
        self.rows = rows
        self.vocabulary = Vocabulary(tuple(f" word {i}" for i in range(rows.shape[1])))

    def open(self, prompt: str) -> "Tensors":
        """Any text."""
        return self

    def distributions(self) -> Any:
        """The rows."""
        return self.rows

    def append(self, token: int) -> None:
        """Nothing changes."""


def auction(rows: Any) -> TokenAuction:
    """A linear auction of these agents."""
    return TokenAuction(Tensors(rows), linear)


# The nonce ---------------------------------------------------------------------------------------

WORDS = Vocabulary(("<end>", "sea ", "sky "), frozenset({0}))
PAIR = [FixedAgent("A", WORDS, (0.2, 0.8, 0)), FixedAgent("B", WORDS, (0.2, 0, 0.8))]


def transcript(path: Path, nonce: str | None) -> bytes:
    """What a run writes."""
    with Transcript(path, TokenAuction(PAIR, linear), nonce=nonce) as written:
        list(written.stream("", [3, 1], 4, seed=4))
    return path.read_bytes()


def test_a_nonce_makes_a_transcript_the_same_to_the_byte(tmp_path: Path) -> None:
    names = ("one", "two", "other", "fresh", "fresh too")
    nonces = (NONCE, NONCE.upper(), NONCE[::-1], None, None)
    one, two, *others = (
        transcript(tmp_path / name, nonce) for name, nonce in zip(names, nonces, strict=True)
    )
    assert one == two
    assert len({one, *others}) == 4
    for name in names:
        assert audit(tmp_path / name, Terms(linear)).complete


@pytest.mark.parametrize("bad", ["", "00", NONCE + "00", NONCE[:-1] + "g", "0x" + NONCE[2:], " "])
def test_a_nonce_that_is_none(bad: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a nonce is 32 hexadecimal digits"):
        transcript(tmp_path / "t.jsonl", bad)
    assert not (tmp_path / "t.jsonl").exists()
