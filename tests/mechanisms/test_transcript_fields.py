"""Every field of a transcript, changed alone: found, or named by the documentation as not found."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcript_runs import Lines, Ran, changed, changes, leaves, ran, save

from tokenauction.mechanisms.auction import FixedAgent, Vocabulary

DOCS = Path(__file__).parents[2] / "docs" / "auctions.md"
Way = tuple[Any, ...]

# The end, two words, a letter, and the two halves of another one.
CAFE = Vocabulary(
    ("<end>", "Caf", " sea", "e", "<0xC3>", "<0xA9>"),
    frozenset({0}),
    parts={4: b"\xc3", 5: b"\xa9"},
)


def _agents(vocabulary: Vocabulary) -> tuple[FixedAgent, ...]:
    return (
        FixedAgent("Ada", vocabulary, (0.02, 0.2, 0.13, 0.1, 0.3, 0.25)),
        FixedAgent("Bo", vocabulary, (0.03, 0.3, 0.17, 0.1, 0.2, 0.2)),
    )


# What the documentation says ------------------------------------------------------------------


def documented(agents: bool) -> set[tuple[str, str]]:
    """The lines and fields of which docs/auctions.md says that a change of one is not found."""
    rows = re.findall(
        r"^\| `(\w+)` \| `([\w.]+)` \| (no|yes)[^|]* \|", DOCS.read_text("utf-8"), re.MULTILINE
    )
    return {(line, field) for line, field, found in rows if not agents or found == "no"}


def field_of(line: dict[str, Any], way: Way) -> tuple[str, str]:
    """A line and a field as the documentation names them."""
    names = [name for name in way if isinstance(name, str)]
    return str(line["type"]), ".".join(names[: 2 if names[0] in ("agents", "vocabulary") else 1])


# Changes ---------------------------------------------------------------------------------------


def other_lines(line: dict[str, Any]) -> Iterator[tuple[Way, dict[str, Any]]]:
    """The line with one thing changed, at any depth: another value, another kind, or none."""
    for way, value in inside(line):
        yield way, without(line, way)
        others: list[Any] = [None, True, 1, 0.5, "x", [], {}, [value], {"a": value}]
        if not isinstance(value, dict | list):
            others += changes(value)
        if way[-1] in SWITCHES:
            others += SWITCHES[way[-1]]
        for other in others:
            if json.dumps(other) != json.dumps(value):
                yield way, changed(line, way, other)


SWITCHES: dict[Any, list[Any]] = {
    "arithmetic": ["float32", "float16"],
    "stopped": ["end of text", "most tokens", "context limit", "interrupted"],
    "record": ["drawn", "full"],
    "sampling": ["race", "stable"],
    "type": ["auction", "token", "end"],
    "joins": [False],
}


def inside(value: Any, way: Way = ()) -> Iterator[tuple[Way, Any]]:
    """Every value in a JSON value with the way to it; the first three of a long list."""
    if way and way != ("hash",):
        yield way, value
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value[:6])
    for name, one in items:
        yield from inside(one, (*way, name))


def without(line: dict[str, Any], way: Way) -> dict[str, Any]:
    """A copy of a line with something taken out."""
    copy: Any = json.loads(json.dumps(line))
    place = copy
    for name in way[:-1]:
        place = place[name]
    del place[way[-1]]
    found: dict[str, Any] = copy
    return found


@dataclass(frozen=True)
class Explored:
    """What of a transcript can be changed, all hashes computed again, so that no audit finds it."""

    run: Ran

    def missed(self, agents: bool) -> list[tuple[dict[str, Any], Way, dict[str, Any]]]:
        """The line, the way to what was changed, and the line with that changed."""
        lines, found = self.run.lines, []
        for number, line in enumerate(lines):
            for way, other in other_lines(line):
                self.run.forged([*lines[:number], other, *lines[number + 1 :]])
                try:
                    if self.run.audit(agents).agrees:
                        found.append((line, way, other))
                except ValueError:  # not of the schema, or agents are needed
                    continue
        save(self.run.path, lines)
        return found


def differs(line: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a number of one is farther from the other's than tolerances are, or anything else."""
    one, two = dict(leaves(line)), dict(leaves(other))
    if one.keys() != two.keys():
        return True
    return any(
        type(two[way]) not in (int, float)
        or type(value) not in (int, float)
        or abs(value - two[way]) > 1e-9 * max(3, abs(value))
        for way, value in one.items()
        if json.dumps(value) != json.dumps(two[way])
    )


def _whole(vocabulary: Vocabulary) -> Vocabulary:
    """The same tokens, all of them whole."""
    return replace(vocabulary, parts=None)


# How a run differs from that of two agents and one token, and what else need not be found there.
Fields = set[tuple[str, str]]
LONE_BID: Fields = {("auction", "agents.bid")}
JOINS: Fields = {("auction", "vocabulary.joins")}
RUNS: dict[str, tuple[dict[str, Any], Fields]] = {
    "two agents": ({}, set()),
    "two tokens": ({"tokens": 2}, set()),
    "whole tokens": ({"agents": _agents(_whole(CAFE))}, set()),
    "an agent whose bid is zero": ({"bids": (3, 0)}, LONE_BID),
    "without expected payments": ({"expected": False}, set()),
    "to the end of the text": (
        {"tokens": 2, "agents": _agents(replace(CAFE, end=frozenset({2, 4})))},
        set(),
    ),
}
QUICK = ("two agents", "whole tokens", "an agent whose bid is zero")


@pytest.mark.parametrize("agents", [False, True])
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in RUNS],
)
def test_what_is_changed_alone_is_found_or_documented(
    name: str, agents: bool, tmp_path: Path
) -> None:
    different, unfound = RUNS[name]
    run = ran(tmp_path, **{"agents": _agents(CAFE), "tokens": 1, **different})
    assert (run.lines[-1]["stopped"] == "end of text") == ("end of" in name)
    _with_identity(run)
    assert run.audit(agents).agrees
    missed = Explored(run).missed(agents)
    fields = {field_of(line, way) for line, way, other in missed if differs(line, other)}
    # These agents do not look at the prompt.
    expected = documented(agents) - LONE_BID - JOINS | unfound | {("auction", "prompt")}
    if name == "whole tokens" and not agents:
        expected |= JOINS
    assert fields == expected


def _with_identity(run: Ran) -> None:
    header, *others = run.lines
    header["identity"] = {"rule": "linear", "agents": {"scenario": "co-marketing"}}
    run.forged([header, *others])


@pytest.mark.parametrize("agents", [False, True])
def test_what_is_changed_alone_is_found_where_only_what_was_drawn_is_recorded(
    agents: bool, tmp_path: Path
) -> None:
    run = ran(tmp_path, agents=_agents(CAFE), tokens=2, record="drawn")
    _with_identity(run)
    missed = Explored(run).missed(agents)
    fields = {field_of(line, way) for line, way, other in missed if differs(line, other)}
    # These agents do not look at the prompt.
    assert fields == (documented(True) - LONE_BID | {("auction", "prompt")} if agents else set())


def test_the_documented_changes_are_said(tmp_path: Path) -> None:
    """Where a change is not found, the audit says less than it would have said."""
    run = ran(tmp_path, agents=_agents(CAFE), tokens=3)
    assert (run.audit().tolerance, run.audit().text_checked) == (1e-9, True)
    lines = run.lines
    lines[1]["arithmetic"] = "float32"
    run.forged(lines)
    assert run.audit().tolerance == 1e-4
    joined = ran(tmp_path / "other", agents=_agents(_whole(CAFE)), tokens=3)
    lines = joined.lines
    lines[0]["vocabulary"]["joins"] = False
    lines[-1]["text"] = "something else"
    joined.forged(lines)
    assert (joined.audit().agrees, joined.audit().text_checked) == (True, False)
    assert joined.audit(agents=True).line == 1


# The text --------------------------------------------------------------------------------------


def _last_text(text: str) -> Callable[[Lines], None]:
    def forge(lines: Lines) -> None:
        lines[-1]["text"] = text

    return forge


def _part(lines: Lines) -> None:
    """Another letter than the first line has it, and the text that it makes."""
    other = replace(CAFE, parts={4: b"\xc3", 5: b"\xa8"})
    lines[0]["vocabulary"]["parts"]["5"] = "a8"
    lines[0]["vocabulary"]["fingerprint"] = other.fingerprint
    lines[-1]["text"] = lines[-1]["text"].replace("é", "è")


def _piece(lines: Lines) -> None:
    lines[1]["piece"] = "Bar"


FORGED: dict[str, tuple[Callable[[Lines], None], bool]] = {
    "another text": (_last_text("something else"), False),
    "no text": (_last_text(""), False),
    "a space more": (lambda lines: _last_text(lines[-1]["text"] + " ")(lines), False),
    "another piece": (_piece, False),
    "another part": (_part, True),
}


@pytest.mark.parametrize("name", FORGED)
def test_the_text_is_that_of_the_tokens(name: str, tmp_path: Path) -> None:
    """Parts of characters too; what a first line says of them only the agents can contradict."""
    forge, only_agents = FORGED[name]
    run = ran(tmp_path, agents=_agents(CAFE), tokens=12, seed=4)
    assert "é" in run.lines[-1]["text"]
    assert run.audit().text_checked
    lines = run.lines
    forge(lines)
    run.forged(lines)
    assert run.audit().agrees == only_agents
    assert not run.audit(agents=True).agrees


@given(tokens=st.lists(st.integers(0, 5), max_size=12))
def test_parts_of_characters_are_joined(tokens: list[int]) -> None:
    pieces = [b"", b"Caf", b" sea", b"e", b"\xc3", b"\xa9"]
    expected = b"".join(pieces[token] for token in tokens).decode("utf-8", "replace")
    assert CAFE.decode(tokens) == expected


def test_a_vocabulary_whose_tokens_do_not_join_is_said_to_be_unchecked(tmp_path: Path) -> None:
    """As the transcripts of causal models were before they had parts."""
    context = Vocabulary(CAFE.pieces, CAFE.end, decoder=lambda tokens: f"{len(tokens)} tokens")
    run = ran(tmp_path, agents=_agents(context), tokens=2)
    assert not run.lines[0]["vocabulary"]["joins"]
    assert (run.audit().agrees, run.audit().text_checked) == (True, False)
    assert run.audit(agents=True).text_checked
    lines = run.lines
    lines[-1]["text"] = "3 tokens"
    run.forged(lines)
    assert run.audit(agents=True).line == len(lines)


def test_an_older_transcript_is_read_as_its_tokenizer_read_it(tmp_path: Path) -> None:
    """It has no parts, and a text without the space that its first token begins with."""
    known = replace(CAFE, decoder=lambda tokens: CAFE.decode(tokens).removeprefix(" "))
    seed = next(
        seed
        for seed in range(100)
        if (text := _texts(tmp_path / str(seed), known, seed)).startswith(" ") and "é" in text
    )
    run = ran(tmp_path, agents=_agents(known), tokens=9, seed=seed)
    lines = run.lines
    del lines[0]["vocabulary"]["parts"]
    lines[0]["vocabulary"] |= {"joins": False, "fingerprint": _whole(known).fingerprint}
    lines[-1]["text"] = lines[-1]["text"].removeprefix(" ")
    run.forged(lines)
    assert (run.audit().agrees, run.audit().text_checked) == (True, False)
    assert run.audit(agents=True).agrees
    lines[-1]["text"] = " " + lines[-1]["text"]
    run.forged(lines)
    assert run.audit(agents=True).line == len(lines)


def _texts(folder: Path, vocabulary: Vocabulary, seed: int) -> str:
    return str(ran(folder, agents=_agents(vocabulary), tokens=9, seed=seed).lines[-1]["text"])


@pytest.mark.parametrize(
    "parts",
    [{}, {"4": "c3", "9": "a9"}, {"4": "C3", "5": "a9"}, {"04": "c3"}, {"4": "c"}, {"x": "c3"}, []],
)
def test_parts_that_are_none_are_found(parts: Any, tmp_path: Path) -> None:
    run = ran(tmp_path, agents=_agents(CAFE), tokens=2)
    lines = run.lines
    lines[0]["vocabulary"]["parts"] = parts
    run.forged(lines)
    assert run.audit().line == 1


# Kinds of JSON -----------------------------------------------------------------------------------


def test_a_row_that_is_no_distribution_is_found_whatever_its_weight(tmp_path: Path) -> None:
    run = ran(tmp_path, agents=_agents(CAFE), bids=(3, 0), tokens=2)
    lines = run.lines
    lines[1]["distributions"][1][2] += 1e-7
    run.forged(lines)
    assert run.audit().line == 2


def test_a_commitment_is_opened_by_a_number_and_a_nonce_alone(tmp_path: Path) -> None:
    run = ran(tmp_path, agents=_agents(CAFE), tokens=2)
    *lines, end = run.lines
    assert end["seed"] == 5
    for change in ({"seed": "5"}, {"seed": 5.0}, {"nonce": end["nonce"].upper() + "0"}):
        run.forged([*lines, end | change])
        assert run.audit().line == len(lines) + 1
