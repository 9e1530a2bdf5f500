"""Transcripts and audits: what was written agrees, and whatever is changed afterwards is found."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from forked import run_command
from transcript_runs import (
    PAIR,
    TEXTS,
    WORDS,
    Lines,
    Ran,
    changed,
    changes,
    hashed,
    leaves,
    ran,
    save,
)

from tokenauction.mechanisms import (
    AggregationRule,
    cap,
    linear,
    log_linear,
    pay_your_bid,
    power_mean,
    vcg_linear,
)
from tokenauction.mechanisms.auction import (
    FixedAgent,
    TokenAuction,
    Vocabulary,
)
from tokenauction.mechanisms.auction.agents import Ensemble
from tokenauction.mechanisms.auction.audit import (
    Audit,
    NotATranscript,
    audit,
    read_header,
)
from tokenauction.mechanisms.auction.bidding import Bids
from tokenauction.mechanisms.auction.randomness import commitment, step_secret
from tokenauction.mechanisms.auction.settlement import Terms
from tokenauction.mechanisms.auction.transcript import START, Transcript, line_hash
from tokenauction.mechanisms.models.scenarios import agents_of_files
from tokenauction.proofs.command_line.auction_run import CannotRun, audited

Forge = Callable[[Lines], None]
COMMAND = (sys.executable, "-m", "tokenauction.proofs.cli")


@pytest.fixture(scope="module")
def n_grams(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    """Agents that read a few lines each."""
    folder = tmp_path_factory.mktemp("texts")
    for name, text in TEXTS.items():
        (folder / name).write_text(text, "utf-8")
    return Ensemble(agents_of_files({name: folder / name for name in TEXTS}))


def _opaque(rule: AggregationRule) -> AggregationRule:
    """The same rule, and nothing known of it: payments are searched and integrated."""
    return AggregationRule(rule.function, rule.name, rule.support, rule.parameters)


TERMS: dict[str, tuple[Any, ...]] = {
    "linear": (linear, "critical-bid", "stable"),
    "linear, race": (linear, "critical-bid", "race"),
    "cap": (cap, "critical-bid", "stable"),
    "log-linear": (log_linear, "critical-bid", "race"),
    "power mean": (power_mean, "none", "race"),
    "cap, searched": (_opaque(cap), "critical-bid", "stable"),
    "pay your bid": (linear, pay_your_bid, "stable"),
    "vcg": (linear, vcg_linear, "race"),
    "free": (log_linear, "none", "stable"),
}
QUICK_TERMS = ("linear", "linear, race")


# What was written agrees ---------------------------------------------------------------------


@pytest.mark.parametrize("record", ["full", "drawn"])
@pytest.mark.parametrize("expected", [True, False])
@pytest.mark.parametrize("name", TERMS)
def test_a_run_agrees_with_its_transcript(
    name: str, expected: bool, record: str, n_grams: Ensemble, tmp_path: Path
) -> None:
    run = ran(tmp_path, *TERMS[name], agents=n_grams, expected=expected, record=record)
    found = run.audit(agents=True)
    assert found.agrees, found.reason
    assert (found.complete, found.remark) == (True, "")
    assert (found.lines, found.tokens) == (len(run.lines), len(run.lines) - 2)
    assert found.hash == run.lines[-1]["hash"]
    if record == "full":
        assert run.audit().agrees
    else:
        assert not {"distributions", "aggregate"} & {key for line in run.lines for key in line}
        with pytest.raises(ValueError, match="records what was drawn only"):
            run.audit()


def test_a_transcript_says_what_the_outcome_says(n_grams: Ensemble, tmp_path: Path) -> None:
    run = ran(tmp_path, agents=n_grams, tokens=6)
    outcome = run.auction.run("The", [3, 1], 6, seed=5)
    header, *tokens, end = run.lines
    assert [line["token"] for line in tokens] == [one.settlement.token for one in outcome.steps]
    assert (end["text"], end["seed"], end["stopped"]) == (outcome.text, 5, outcome.stopped)
    assert end["realised"] == outcome.realised.tolist()
    assert end["expected"] == outcome.expected.tolist()
    assert [agent["bid"] for agent in header["agents"]] == [3, 1]
    assert header["prompt"] == "The"


@pytest.mark.parametrize("style", [{"indent": None, "separators": (" , ", " : ")}, {}])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_white_space_does_not_matter(style: dict[str, Any], end: str, tmp_path: Path) -> None:
    run = ran(tmp_path)
    text = "".join(json.dumps(line, **style) + end for line in run.lines)
    run.path.write_bytes(text.encode())
    assert run.audit().agrees
    assert run.audit().complete


def test_many_lengths_and_seeds_agree(tmp_path: Path) -> None:
    for seed in range(8):
        folder = tmp_path / str(seed)
        folder.mkdir()
        run = ran(folder, tokens=1 + seed * 3, seed=seed, bids=(10.0 ** (seed - 4), 2))
        assert run.audit(agents=True).agrees, seed
        assert run.audit().complete


def test_tokens_that_are_half_a_character_agree(tmp_path: Path) -> None:
    """Their text is the tokenizer's, not that of the pieces; the auditor may not have it."""
    halves = Vocabulary(("<0xC3>", "<0xA9>"), decoder=lambda tokens: decoded(tokens))
    run = ran(tmp_path, agents=[FixedAgent("Ada", halves, (0.5, 0.5))], bids=[1], tokens=8)
    assert "<" not in run.lines[-1]["text"]
    assert run.audit().agrees
    assert run.audit(agents=True).agrees
    lines = run.lines
    lines[-1]["text"] = "é"
    run.forged(lines)
    assert run.audit(agents=True).line == len(lines)


def decoded(tokens: Sequence[int]) -> str:
    """Bytes as UTF-8."""
    return bytes((0xC3, 0xA9)[token] for token in tokens).decode("utf-8", "replace")


def test_a_prompt_of_bytes_that_are_no_text_agrees(tmp_path: Path) -> None:
    run = ran(tmp_path, prompt=os.fsdecode(b"caf\xe9"))
    assert run.audit().agrees
    assert run.lines[0]["prompt"] == os.fsdecode(b"caf\xe9")


class _Narrow:
    """Agents whose context has room for so many tokens."""

    def __init__(self, context: int) -> None:
        self.context = context
        self.names, self.vocabulary = ("Ada",), Vocabulary(("a", "b"))
        self.descriptions = ({"kind": "narrow"},)

    def open(self, prompt: str) -> "_NarrowSession":
        return _NarrowSession(self.context)


class _NarrowSession:
    def __init__(self, room: int) -> None:
        self.room = room

    def distributions(self) -> Any:
        return np.array([[0.5, 0.5]])

    def append(self, token: int) -> None:
        if self.room < 1:
            raise ValueError("the context is full")
        self.room -= 1


def test_a_text_that_fills_the_context_agrees(tmp_path: Path) -> None:
    run = ran(tmp_path, agents=_Narrow(2), bids=[1], tokens=9)
    assert run.lines[-1]["stopped"] == "context limit"
    assert run.audit().agrees
    assert run.audit(agents=True).agrees


# Whatever is changed is found ----------------------------------------------------------------


def found_line(run: Ran) -> int | None:
    """The line that the audit names; the first where it is no transcript any more."""
    try:
        return run.audit().line
    except ValueError:
        return 1


def check_every_scalar(run: Ran) -> None:
    """No scalar of any line can be changed; nor with the hash of its own line computed again."""
    lines = run.lines
    before = [START, *(line["hash"] for line in lines)]
    missed: list[Any] = []
    for number, line in enumerate(lines, 1):
        for way, value in leaves(line):
            for other in changes(value):
                tampered = changed(line, way, other)
                save(run.path, [*lines[: number - 1], tampered, *lines[number:]])
                if found_line(run) != number:
                    missed.append((number, way, other))
                if way == ("hash",) or other == value or str(other) == str(value):
                    continue
                tampered.pop("hash")
                tampered["hash"] = line_hash(before[number - 1], tampered)
                save(run.path, [*lines[: number - 1], tampered, *lines[number:]])
                if found_line(run) not in (number, number + 1):
                    missed.append((number, way, other, "with its hash"))
    assert not missed, missed


@pytest.mark.parametrize("name", QUICK_TERMS)
def test_every_scalar_counts(name: str, tmp_path: Path) -> None:
    check_every_scalar(ran(tmp_path, *TERMS[name], tokens=2))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TERMS if name not in QUICK_TERMS])
def test_every_scalar_counts_whatever_the_terms(name: str, tmp_path: Path) -> None:
    check_every_scalar(ran(tmp_path, *TERMS[name], tokens=2))


@pytest.mark.slow
@pytest.mark.parametrize("expected", [True, False])
def test_every_scalar_of_a_long_run_counts(expected: bool, tmp_path: Path) -> None:
    check_every_scalar(ran(tmp_path, tokens=8, seed=3, expected=expected))


def test_every_scalar_of_a_drawn_transcript_counts(tmp_path: Path) -> None:
    run = ran(tmp_path, record="drawn", tokens=2)
    lines = run.lines
    for number, line in enumerate(lines, 1):
        for way, value in leaves(line):
            for other in changes(value)[:2]:
                save(
                    run.path,
                    [*lines[: number - 1], changed(line, way, other), *lines[number:]],
                )
                if way == ("schema",):
                    continue
                assert run.audit(agents=True).line == number, (number, way, other)


def test_every_field_and_entry_counts(tmp_path: Path) -> None:
    """Fields and list entries that are taken out, or put in."""
    run = ran(tmp_path, tokens=2)
    lines = run.lines
    for number, line in enumerate(lines, 1):
        for tampered in _other_shapes(line):
            save(run.path, [*lines[: number - 1], tampered, *lines[number:]])
            assert found_line(run) == number, tampered


def _other_shapes(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    ways = {way[:depth] for way, _ in leaves(line) for depth in range(1, len(way) + 1)}
    for way in sorted(ways, key=str):
        copy: Any = json.loads(json.dumps(line))
        inside = copy
        for name in way[:-1]:
            inside = inside[name]
        del inside[way[-1]]
        yield copy
    yield {**line, "more": 1}
    yield dict(reversed(line.items()))


def test_lines_stay_where_they_are(tmp_path: Path) -> None:
    run = ran(tmp_path, tokens=4)
    lines = run.lines
    last = len(lines)
    for i in range(last):
        save(run.path, lines[:i] + lines[i + 1 :])
        found = _audited(run)
        if i == 0:
            assert found is None, "a transcript without its first line"
        elif i == last - 1:
            assert found is not None
            assert (found.line, found.complete) == (None, False)
            assert "the last line is missing" in found.remark
        else:
            assert found is not None
            assert found.line == i + 1
        save(run.path, [*lines[: i + 1], *lines[i:]])
        found = _audited(run)
        assert found is not None
        assert found.line == i + 2, "a line that is there twice"
        for j in range(i + 1, last):
            swapped = list(lines)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            save(run.path, swapped)
            found = _audited(run)
            assert (found is None) if i == 0 else (found is not None and found.line == i + 1)


def _audited(run: Ran) -> Audit | None:
    try:
        return run.audit()
    except NotATranscript:
        return None


def test_lines_of_another_run_are_found(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    run, other = ran(tmp_path), ran(tmp_path / "other")
    for number in range(1, len(run.lines)):
        lines = run.lines
        mixed = lines[:number] + other.lines[number:]
        save(run.path, mixed)
        assert run.audit().line == number + 1
        save(run.path, hashed(mixed))
        assert run.audit().line == number + 1, "the commitments are of another run"
        save(run.path, lines)


# Hashes computed again -----------------------------------------------------------------------


def _payment(lines: Lines) -> None:
    lines[2]["realised"][0] += 1e-4
    _total(lines)


def _expected_payment(lines: Lines) -> None:
    lines[2]["expected"][1] += 1e-4
    _total(lines)


def _payment_of_the_end(lines: Lines) -> None:
    lines[-1]["realised"][0] += 1e-4
    lines[-1]["revenue"] += 1e-4


def _total(lines: Lines) -> None:
    """The totals of the tokens' lines."""
    for name in ("realised", "expected"):
        if lines[-1][name] is not None:
            lines[-1][name] = np.sum([line[name] for line in lines[1:-1]], axis=0).tolist()
    lines[-1]["revenue"] = sum(lines[-1]["realised"])


def _bid(lines: Lines) -> None:
    lines[0]["agents"][0]["bid"] *= 1.001


def _token(lines: Lines) -> None:
    lines[2]["token"] = (lines[2]["token"] + 1) % len(WORDS)
    lines[2]["piece"] = WORDS.pieces[lines[2]["token"]]
    lines[-1]["text"] = "".join(line["piece"] for line in lines[1:-1])


def _probability(lines: Lines) -> None:
    row = lines[2]["distributions"][0]
    row[1], row[2] = row[1] + 0.001, row[2] - 0.001


def _probability_of_the_token(lines: Lines) -> None:
    lines[2]["probability"] += 1e-6


def _aggregate(lines: Lines) -> None:
    lines[2]["aggregate"][0] += 1e-6


def _no_aggregate(lines: Lines) -> None:
    del lines[2]["aggregate"]


def _sum_of_two(lines: Lines) -> None:
    lines[2]["distributions"][0] = [2 * p for p in lines[2]["distributions"][0]]


def _not_a_number(lines: Lines) -> None:
    lines[2]["realised"][0] = float("nan")


def _no_expected_totals(lines: Lines) -> None:
    lines[-1]["expected"] = None


def _no_expected(lines: Lines) -> None:
    lines[0]["expected"] = False
    for line in lines[1:]:
        line["expected"] = None


def _token_left_out(lines: Lines) -> None:
    del lines[2]
    lines[2]["step"] = 1
    lines[-1]["tokens"] -= 1
    lines[-1]["text"] = "".join(line["piece"] for line in lines[1:-1])
    _total(lines)


def _seed(lines: Lines) -> None:
    lines[-1]["seed"] += 1


def _other_seed_with_its_commitment(lines: Lines) -> None:
    lines[-1]["seed"] += 1
    lines[0]["seed_commitment"] = commitment(str(lines[-1]["seed"]), lines[-1]["nonce"])


def _commitment_of_a_step_that_was_not_needed(lines: Lines) -> None:
    lines[0]["step_commitments"][-1] = "0" * 64


def _opened_in_another_way(lines: Lines) -> None:
    """A commitment to a text with spaces in it, of which a forger could choose a part later."""
    lines[0]["step_commitments"][0] = commitment("a b", "c d")
    lines[1]["secret"], lines[1]["nonce"] = "a", "b c d"


def _fewer_tokens_at_most(lines: Lines) -> None:
    lines[0]["max_tokens"] -= 1
    lines[0]["step_commitments"].pop()


FORGERIES: dict[str, tuple[Forge, int]] = {
    "payment": (_payment, 3),
    "expected payment": (_expected_payment, 3),
    "payment in the end": (_payment_of_the_end, 6),
    "bid": (_bid, 2),
    "token": (_token, 3),
    "probability that an agent gives": (_probability, 3),
    "probability of the token": (_probability_of_the_token, 3),
    "aggregate": (_aggregate, 3),
    "no aggregate": (_no_aggregate, 3),
    "not a distribution": (_sum_of_two, 3),
    "not a number": (_not_a_number, 3),
    "no expected totals": (_no_expected_totals, 6),
    "no expected payments": (_no_expected, 1),
    "a token left out": (_token_left_out, 3),
    "seed": (_seed, 6),
    "seed and its commitment": (_other_seed_with_its_commitment, 6),
    "a commitment opened in another way": (_opened_in_another_way, 2),
    "fewer tokens": (_fewer_tokens_at_most, 5),
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("agents", [False, True])
def test_a_forger_who_computes_all_hashes_again_is_found(
    name: str, agents: bool, tmp_path: Path
) -> None:
    forge, number = FORGERIES[name]
    run = ran(tmp_path, tokens=4, seed=3)
    assert [line["type"] for line in run.lines] == ["auction", *["token"] * 4, "end"]
    lines = run.lines
    forge(lines)
    run.forged(lines)
    found = run.audit(agents)
    assert found.line == number, found.reason


def test_commitments_of_steps_that_were_not_needed_are_opened_by_the_seed(tmp_path: Path) -> None:
    ends = FixedAgent("Ada", WORDS, (1, 0, 0, 0))
    run = ran(tmp_path, agents=[ends], bids=[1], tokens=4)
    lines = run.lines
    assert len(lines) == 3
    _commitment_of_a_step_that_was_not_needed(lines)
    run.forged(lines)
    assert run.audit().line == 3


def test_a_commitment_too_many_is_found(tmp_path: Path) -> None:
    run = ran(tmp_path)
    lines = run.lines
    lines[0]["step_commitments"].append("0" * 64)
    run.forged(lines)
    assert run.audit().line == 1


def test_a_secret_that_could_be_opened_in_two_ways_is_none(tmp_path: Path) -> None:
    """The forger settles the step with the part of it that suits best, and leaves the end out."""
    run = ran(tmp_path)
    header, first, *_ = run.lines
    settled = run.auction.terms.settle(Bids(linear, np.array([3.0, 1.0])), _rows(first), "a")
    first |= {"token": settled.token, "piece": WORDS.pieces[settled.token]}
    first |= {"probability": settled.probability, "wanted": settled.wanted.tolist()}
    first |= {"pulls": settled.pulls.tolist(), "realised": settled.realised.tolist()}
    lines = [header, first]
    _opened_in_another_way(lines)
    run.forged(lines)
    assert "hexadecimal digits" in run.audit().reason


def _rows(line: dict[str, Any]) -> Any:
    return np.array(line["distributions"])


def test_a_token_after_the_end_is_found(tmp_path: Path) -> None:
    ends = FixedAgent("Ada", WORDS, (1, 0, 0, 0))
    run = ran(tmp_path, agents=[ends], bids=[1], tokens=4)
    header, first, end = run.lines
    nonce = step_secret(int(end["nonce"], 16), 1)[:32]
    again = {**first, "step": 1, "secret": step_secret(end["seed"], 1), "nonce": nonce}
    lines = [header, first, again, {**end, "tokens": 2}]
    _total(lines)
    run.forged(lines)
    found = run.audit()
    assert (found.line, "after the text stopped" in found.reason) == (3, True)


@pytest.mark.parametrize("number", [1, -1])
def test_expected_payments_that_were_not_asked_for_are_found(number: int, tmp_path: Path) -> None:
    run = ran(tmp_path, expected=False)
    lines = run.lines
    lines[number]["expected"] = [0.5, 0.5]
    run.forged(lines)
    assert run.audit().line == 1 + lines.index(lines[number])


def test_a_text_cut_short_at_a_context_limit_is_found_with_the_agents(tmp_path: Path) -> None:
    """Without the agents an auditor cannot know where their context ends."""
    run = ran(tmp_path, tokens=4, seed=3)
    lines = run.lines
    del lines[3:5]
    lines[-1] |= {"stopped": "context limit", "tokens": 2}
    lines[-1]["text"] = "".join(line["piece"] for line in lines[1:-1])
    _total(lines)
    run.forged(lines)
    assert run.audit().agrees
    assert run.audit(agents=True).line == 4


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_payments_are_compared_in_units_of_the_bids(scale: float, tmp_path: Path) -> None:
    run = ran(tmp_path, bids=(3 * scale, scale))
    lines = run.lines
    lines[1]["realised"][0] += 1e-6 * scale
    _total(lines)
    run.forged(lines)
    assert run.audit().line == 2


def test_agents_that_want_something_else_are_found_with_the_agents(tmp_path: Path) -> None:
    """A whole consistent run of liars with the same names passes without them."""
    run = ran(tmp_path)
    liars = [FixedAgent(agent.name, WORDS, (0.1, 0.2, 0.3, 0.4)) for agent in PAIR]
    (tmp_path / "lies").mkdir()
    lied = ran(tmp_path / "lies", agents=liars)
    assert lied.audit().agrees
    lines = lied.lines
    assert audit(lied.path, run.auction.terms, run.auction.agents).line == 1
    for line, agent in zip(lines[0]["agents"], PAIR, strict=True):
        line["description"] = dict(agent.description)
    lied.forged(lines)
    found = audit(lied.path, run.auction.terms, run.auction.agents)
    assert found.line == 2
    assert "is not the one that 'Ada' gives" in found.reason


def test_numbers_cannot_be_said_to_be_narrower_than_the_agents_give(tmp_path: Path) -> None:
    run = ran(tmp_path)
    lines = run.lines
    for line in lines[1:-1]:
        line["arithmetic"] = "float32"
        line["realised"] = [paid + 5e-5 for paid in line["realised"]]
    _total(lines)
    run.forged(lines)
    assert run.audit(agents=True).line == 2


# Files that are no transcript, or no longer one ----------------------------------------------


def _with_identity(run: Ran) -> Ran:
    """The same transcript as the command line writes it."""
    lines = run.lines
    lines[0]["identity"] = {"rule": "linear", "payment": "critical-bid", "fingerprint": None}
    run.forged(lines)
    return run


def test_a_file_cut_anywhere_is_audited_up_to_there(tmp_path: Path) -> None:
    run = _with_identity(ran(tmp_path, tokens=2))
    whole = run.path.read_bytes()
    ends = [end for end, byte in enumerate(whole) if byte == ord("\n")]
    assert len(ends) == 4
    for cut in reversed(range(len(whole))):
        os.truncate(run.path, cut)
        finished = sum(end <= cut for end in ends)
        if not finished:
            with pytest.raises(NotATranscript, match="the first line is not JSON"):
                run.audit()
            continue
        found = run.audit()
        assert found.agrees, (cut, found.reason)
        assert found.complete == (finished == len(ends)), cut
        assert found.tokens == min(finished - 1, 2), cut
        if finished < len(ends):
            whole_lines = cut in ends or cut - 1 in ends
            said = "the last line is missing" if whole_lines else f"line {finished + 1} is cut"
            assert said in found.remark, (cut, found.remark)


def test_the_status_of_a_file_that_is_cut(tmp_path: Path) -> None:
    run = _with_identity(ran(tmp_path, tokens=2))
    whole = run.path.read_bytes()
    first, second, *_, last = (end for end, byte in enumerate(whole) if byte == ord("\n"))
    agrees = (
        "every aggregate, token and payment agrees (to 1e-9, payments to 1e-9 of the highest bid "
        "or of themselves)"
    )
    for cut, status, tokens, said in (
        (last + 1, 0, "2 tokens", ", and so does the text; the last hash is "),
        (last, 0, "2 tokens", ", and so does the text; the last hash is "),
        (last - 1, 3, "2 tokens", " up to here; line 4 is cut"),
        (second + 1, 3, "1 token", " up to here; the last line is missing"),
        (second - 1, 3, "0 tokens", " up to here; line 2 is cut"),
        (first, 3, "0 tokens", " up to here; the last line is missing"),
    ):
        run.path.write_bytes(whole[:cut])
        text, found = audited(str(run.path), False, None, None)
        assert (found, f"run.jsonl: {tokens}: {agrees}{said}" in text) == (status, True), text
    run.path.write_bytes(whole[: first - 1])
    with pytest.raises(CannotRun, match="the first line is not JSON"):
        audited(str(run.path), False, None, None)


def test_a_cut_file_with_a_wrong_line_disagrees(tmp_path: Path) -> None:
    run = ran(tmp_path, tokens=2)
    lines = run.lines
    lines[1]["probability"] += 0.1
    save(run.path, lines)
    run.path.write_bytes(run.path.read_bytes()[:-30])
    assert run.audit().line == 2


# How the bytes of the third line, or of the file, become others, and the line that is named.
BYTES: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "garbage": (lambda line: b"garbage", 3),
    "empty": (lambda line: b"", 3),
    "blank line before": (lambda line: b"\n" + line, 3),
    "blank line after": (lambda line: line + b"\n", 4),
    "two in one": (lambda line: line + line, 3),
    "not UTF-8": (lambda line: line.replace(b"sea", b"se\xe1").replace(b"sky", b"sk\xff"), 3),
    "byte order mark": (lambda line: b"\xef\xbb\xbf" + line, 3),
    "null byte": (lambda line: line.replace(b"{", b"{\0", 1), 3),
    "list": (lambda line: b"[" + line + b"]", 3),
    "text": (lambda line: b'"' + line.replace(b'"', b"'") + b'"', 3),
    "number": (lambda line: b"7", 3),
    "null": (lambda line: b"null", 3),
    "huge number": (lambda line: _put(line, b'"step":', b"9" * 5000), 3),
    "long number": (lambda line: _put(line, b'"step":', b"9" * 400), 3),
    "infinite by its exponent": (lambda line: _put(line, b'"probability":', b"1e400"), 3),
    "NaN": (lambda line: _put(line, b'"probability":', b"NaN"), 3),
    "Infinity": (lambda line: _put(line, b'"probability":', b"Infinity"), 3),
    "-Infinity": (lambda line: _put(line, b'"step":', b"-Infinity"), 3),
    "nested without end": (lambda line: b"[" * 200_000, 3),
    "nested deeply": (lambda line: b"[" * 200_000 + b"]" * 200_000, 3),
    "nested deeply in a field": (
        lambda line: line[:-1] + b', "more": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        3,
    ),
    "nested a little": (
        lambda line: line[:-1] + b', "more": ' + b"[" * 500 + b"]" * 500 + b"}",
        3,
    ),
    "a field given twice": (
        lambda line: line.replace(b'"token",', b'"token", "step": 99,', 1),
        3,
    ),
    "a field given twice, the true one last": (
        lambda line: line.replace(b'"step": 1,', b'"step": 99, "step": 1,'),
        3,
    ),
    "a field given twice inside": (
        lambda line: line[:-1] + b', "more": {"a": 1, "a": 2}}',
        3,
    ),
}


def _put(line: bytes, name: bytes, value: bytes) -> bytes:
    """A line with another value of a field that is a number."""
    before, _, after = line.partition(name)
    return before + name + b" " + value + b"," + after.partition(b",")[2]


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_line_are_found(name: str, tmp_path: Path) -> None:
    change, number = BYTES[name]
    run = ran(tmp_path, tokens=3)
    lines = run.path.read_bytes().split(b"\n")
    other = change(lines[2])
    assert other != lines[2]
    run.path.write_bytes(b"\n".join([*lines[:2], other, *lines[3:]]))
    assert run.audit().line == number


@pytest.mark.parametrize("more", [b"garbage", b"\n", b" ", b"{}\n", b"\xff", b"\0"])
def test_nothing_comes_after_the_last_line(more: bytes, tmp_path: Path) -> None:
    run = ran(tmp_path)
    run.path.write_bytes(run.path.read_bytes() + more)
    found = run.audit()
    assert (found.line, found.reason) == (
        len(run.path.read_bytes().splitlines()) if more != b"\n" else 6,
        "there is a line after the last one",
    )


NO_TRANSCRIPT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "blank": lambda whole: b"\n" + whole,
    "text": lambda whole: b"hello\n",
    "byte order mark": lambda whole: b"\xef\xbb\xbf" + whole,
    "not UTF-8": lambda whole: b"\xff\xfe" + whole,
    "UTF-16": lambda whole: whole.decode().encode("utf-16"),
    "nested": lambda whole: b"[" * 200_000,
    "nested in a field": lambda whole: b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "huge number": lambda whole: b"9" * 5000,
    "other schema": lambda whole: whole.replace(b"transcript/1", b"transcript/2"),
    "no object": lambda whole: b"[1]\n",
    "without its first line": lambda whole: whole.split(b"\n", 1)[1],
    "a field given twice": lambda whole: whole.replace(b"{", b'{"prompt": "a", ', 1),
    "null": lambda whole: b"null\n",
}


@pytest.mark.parametrize("name", NO_TRANSCRIPT)
def test_a_file_that_is_no_transcript(name: str, tmp_path: Path) -> None:
    run = ran(tmp_path)
    run.path.write_bytes(NO_TRANSCRIPT[name](run.path.read_bytes()))
    with pytest.raises(NotATranscript) as raised:
        read_header(run.path)
    assert str(run.path) in str(raised.value)
    with pytest.raises(CannotRun):
        audited(str(run.path), False, None, None)


def test_a_folder_and_a_missing_file_are_no_transcripts(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.jsonl"):
        with pytest.raises(NotATranscript) as raised:
            read_header(path)
        assert str(raised.value).count(str(path)) == 1


# The fields of the first line that say how to audit, as a hostile author would fill them.
HOSTILE: dict[str, Any] = {
    "identity is a text": {"identity": "linear"},
    "identity is a list": {"identity": ["linear"]},
    "rule is a list": {"identity": {"rule": ["linear"]}},
    "rule is unknown": {"identity": {"rule": "no-such-rule"}},
    "rule is empty": {"identity": {"rule": "("}},
    "rule is a number": {"rule": 7},
    "payment is unknown": {"identity": {"payment": "no-such-payment"}},
    "sampling is unknown": {"sampling": "dice"},
    "sampling is null": {"sampling": None},
    "agents are a text": {"identity": {"agents": "me"}},
    "agents have another field": {"identity": {"agents": {"shell": "ls"}}},
    "scenario is unknown": {"identity": {"agents": {"scenario": "no-such"}}},
    "corpora are a list": {"identity": {"agents": {"corpora": ["a"]}}},
    "corpora are a text": {"identity": {"agents": {"corpora": "a"}}},
    "corpus is missing": {"identity": {"agents": {"corpora": {"A": "/no/such/file"}}}},
    "models are numbers": {"identity": {"agents": {"models": {"A": 1}, "prompts": {"B": 2}}}},
    "no agents": {"agents": []},
    "agents are null": {"agents": None},
    "vocabulary is null": {"vocabulary": None},
    "no rule": {"rule": None},
    "fingerprint of another rule": {"identity": {"rule": "linear", "fingerprint": "0" * 16}},
}

# Where no agents are made, nothing of this is looked at.
UNUSED = [name for name, fields in HOSTILE.items() if "agents" in fields.get("identity", ())]


@pytest.mark.parametrize("record", ["full", "drawn"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_first_line_is_a_clear_error(name: str, record: str, tmp_path: Path) -> None:
    """With its hashes right: it disagrees, or cannot be audited; never another exception."""
    run = ran(tmp_path)
    lines = run.lines
    lines[0] |= HOSTILE[name] | {"record": record}
    run.forged(lines)
    for agents in (False, True):
        try:
            text, status = audited(str(run.path), agents, None, None)
        except CannotRun:
            continue
        if name in UNUSED:
            assert (agents, record, status) == (False, "full", 0), text
        else:
            assert (status, "line 1 disagrees" in text) == (1, True), text


def test_a_first_line_that_was_changed_is_named_before_it_is_believed(tmp_path: Path) -> None:
    run = ran(tmp_path)
    lines = run.lines
    lines[0]["identity"] = {"rule": "nowhere.py::boosted", "fingerprint": "0" * 16}
    save(run.path, lines)
    text, status = audited(str(run.path), False, None, None)
    assert (status, "line 1 disagrees: its hash" in text) == (1, True)


# Files of rules ------------------------------------------------------------------------------


def rule_file(path: Path, weights: str = "bids", trace: Path | None = None) -> None:
    """A file with the rule `mine` and the payment `fee`; running it leaves a trace."""
    left = f"import os\nos.mkdir({str(trace)!r})\n" if trace else ""
    rest = dedent(f"""\
        from tokenauction.mechanisms import aggregation_rule, payment_rule

        @aggregation_rule
        def mine(bids, dists):
            weights = {weights}
            return weights @ dists / weights.sum()

        @payment_rule
        def fee(bids, dists):
            return bids / 4
        """)
    path.write_text(left + rest, "utf-8")


def command(folder: Path, *arguments: str) -> Any:
    """Run the command in a folder."""
    return run_command(*arguments, folder=folder)


def with_texts(folder: Path) -> list[str]:
    """The options of two agents of text files."""
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")
    return [part for name in TEXTS for part in ("--corpus", f"{name}={name}.txt")]


def test_a_file_that_a_transcript_names_is_run_only_if_the_auditor_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule_file(tmp_path / "rules.py", trace=(trace := tmp_path / "trace"))
    run = ["--rule", "rules.py::mine", "--payment", "fee", "--max-tokens", "3"]
    done = command(tmp_path, "run", *with_texts(tmp_path), *run, "--transcript", "run.jsonl")
    assert done.returncode == 0, done.stderr
    trace.rmdir()
    monkeypatch.chdir(tmp_path)
    for agents, payment in ((False, None), (True, None), (False, "fee")):
        with pytest.raises(CannotRun, match=r"give --rule rules\.py::mine"):
            audited("run.jsonl", agents, None, payment)
        assert not trace.exists()
    assert audited("run.jsonl", True, "rules.py::mine", None)[1] == 0
    assert trace.exists()
    rule_file(tmp_path / "reworded.py", "2 * (bids + 0 * bids)")
    assert audited("run.jsonl", False, "reworded.py::mine", None)[1] == 0
    rule_file(tmp_path / "other.py", "bids ** 2")
    with pytest.raises(CannotRun, match=r"another rule or payment .* than --rule other\.py::mine"):
        audited("run.jsonl", False, "other.py::mine", None)


def test_without_a_fingerprint_another_rule_is_found_by_its_numbers(tmp_path: Path) -> None:
    run = ran(tmp_path, bids=(3, 1))
    other = power_mean.with_parameters(exponent=2)
    renamed = type(other).of(lambda bids, dists: other(bids, dists))
    renamed = type(other)(renamed.function, "linear")
    assert audit(run.path, Terms(renamed, "none", "stable")).line == 1, "the payment differs"
    assert audit(run.path, Terms(renamed, "critical-bid", "stable")).line == 2


# Runs that do not end ------------------------------------------------------------------------


def endless_texts(folder: Path) -> list[str]:
    """The options of agents whose one text is long, so that a run goes on."""
    numbers = np.random.default_rng(1).integers(100, 140, size=(2, 3000))
    for name, row in zip(TEXTS, numbers, strict=True):
        (folder / f"{name}.txt").write_text(" ".join(map(str, row)), "utf-8")
    return [part for name in TEXTS for part in ("--corpus", f"{name}={name}.txt")]


def test_an_interrupted_run_keeps_its_finished_lines(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    run = [*endless_texts(tmp_path), "--max-tokens", "20000", "--transcript", str(path)]
    with subprocess.Popen(
        [*COMMAND, "run", *run],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not path.exists() or path.read_bytes().count(b"\n") < 5:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "tokenauction: interrupted; the text up to here is above\n"
    assert "revenue" in out
    lines = path.read_text("utf-8").splitlines()
    assert f"{len(lines) - 1} tokens, interrupted" in out
    done = command(tmp_path, "audit", "run.jsonl", "--agents")
    assert (done.returncode, done.stderr) == (3, "")
    assert f"{len(lines) - 1} tokens: every distribution, aggregate, token" in done.stdout


def test_a_disk_that_is_full_from_the_start(tmp_path: Path) -> None:
    auction = TokenAuction(PAIR, linear)
    with (
        pytest.raises(OSError, match="No space left on device: '/dev/full'"),
        Transcript("/dev/full", auction) as transcript,
    ):
        list(transcript.stream("", [1, 1], 2, 1))
    done = command(tmp_path, "run", *with_texts(tmp_path), "--transcript", "/dev/full")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tokenauction: /dev/full: No space left on device\n"


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_what_was_written(tmp_path: Path) -> None:
    run = [*endless_texts(tmp_path), "--max-tokens", "200", "--transcript", "run.jsonl"]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 100; exec "$@"', "bash", *COMMAND, "run", *run],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "tokenauction: run.jsonl: File too large\n")
    assert "tokens, interrupted" in done.stdout
    found = command(tmp_path, "audit", "run.jsonl")
    assert found.returncode == 3
    assert "is cut" in found.stdout


def test_a_transcript_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("something of mine")
    for refused in (path, tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(OSError, match=str(refused)):
            Transcript(refused, TokenAuction(PAIR, linear))
    assert path.read_text() == "something of mine"
    run = ran(tmp_path)
    with pytest.raises(FileExistsError, match="is not empty; name another file"):
        Transcript(run.path, run.auction)
    assert run.audit().complete


def test_a_run_that_fails_keeps_its_lines(tmp_path: Path) -> None:
    """An agent that gives no distribution at the third token."""

    class Failing(FixedAgent):
        def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
            return [2.0 * (len(tokens) > 1), 1, 0, 0]

    failing = Failing("Ada", Vocabulary(WORDS.pieces), (0, 1, 0, 0))
    auction = TokenAuction([failing], linear)
    path = tmp_path / "run.jsonl"
    with (
        pytest.raises(ValueError, match="'Ada' sums to 3"),
        Transcript(path, auction) as transcript,
    ):
        list(transcript.stream("", [1], 5, 1))
    found = audit(path, auction.terms)
    assert (found.line, found.tokens, found.complete) == (None, 2, False)


def test_bids_that_cannot_be_used_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with (
        pytest.raises(ValueError, match="all bids are zero"),
        Transcript(path, TokenAuction(PAIR, linear)) as transcript,
    ):
        list(transcript.stream("", [0, 0], 5, 1))
    assert path.read_bytes() == b""


def test_each_step_is_opened_alone(tmp_path: Path) -> None:
    """Secrets differ between steps, and the commitments are to them."""
    header, *tokens, end = ran(tmp_path, tokens=4, seed=3).lines
    secrets = [line["secret"] for line in tokens]
    assert secrets == [step_secret(end["seed"], number) for number in range(4)]
    assert len({line["nonce"] for line in tokens}) == 4
    opened = [commitment(line["secret"], line["nonce"]) for line in tokens]
    assert opened == header["step_commitments"]
    assert header["seed_commitment"] == commitment(str(end["seed"]), end["nonce"])
