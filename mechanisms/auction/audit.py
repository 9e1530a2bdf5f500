"""The audit of a transcript: every number that a run claims is computed again from its own lines.

The same settlement runs on the distributions that the transcript records (or that the agents give
again), under the terms and the bids of its first line, with the randomness that each line opens.
Stated tolerance: probabilities agree to 1e-9 and payments to 1e-9 of the highest bid in float64,
1e-4 in float32; what is smaller is found by the chain of hashes. The audit shows that the run is
what it says; it does not show that an agent wanted what is recorded: for that, audit with the
agents.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tokenauction.mechanisms.auction.agents import Agents, Session
from tokenauction.mechanisms.auction.bidding import Bids
from tokenauction.mechanisms.auction.inputs import (
    HostArray,
    checked_bids,
    checked_distributions,
    host_view,
    on_host,
)
from tokenauction.mechanisms.auction.randomness import commitment, step_secret
from tokenauction.mechanisms.auction.settlement import Terms
from tokenauction.mechanisms.auction.token_auction import (
    CONTEXT_LIMIT,
    END_OF_TEXT,
    MOST_TOKENS,
)
from tokenauction.mechanisms.auction.transcript import (
    FULL,
    SCHEMA,
    START,
    arithmetic_of,
    line_hash,
)
from tokenauction.mechanisms.auction.vocabulary import Vocabulary

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
ALTERED = "its hash is not that of its content after the line before: one of the two was changed"

# With a space in either, a commitment could be opened in two ways.
_SECRET, _NONCE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
_OF_AGENTS = ("wanted", "pulls", "realised", "expected")


class NotATranscript(ValueError):
    """The file cannot be audited at all: unreadable, not JSON Lines, of another schema."""


class Disagreement(Exception):
    """A line that does not say what follows from the lines before it."""


@dataclass
class Audit:
    """What an audit found. `line` counts from one; None where every line agrees.

    `complete` is whether the transcript ends with its last line; `remark` says why it does not.
    """

    path: str
    lines: int = 0
    tokens: int = 0
    line: int | None = None
    reason: str = ""
    complete: bool = False
    remark: str = ""
    hash: str = START
    header: dict[str, Any] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether no line disagrees."""
        return self.line is None


def read_header(path: str | Path) -> dict[str, Any]:
    """The first line of a transcript; raises NotATranscript."""
    try:
        with open(path, "rb") as file:
            first = file.readline()
    except OSError as problem:
        raise NotATranscript(f"{path}: {problem.strerror}") from problem
    try:
        header = _json(first)
    except (ValueError, RecursionError) as problem:
        raise NotATranscript(f"{path}: the first line is not JSON: {problem}") from problem
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise NotATranscript(f"{path}: the first line is not the beginning of a {SCHEMA}")
    return header


def altered(header: dict[str, Any]) -> bool:
    """Whether a first line is not what its hash was computed of."""
    try:
        return header.get("hash") != _hash_of(START, header)
    except RecursionError:
        return True


def audit(path: str | Path, terms: Terms, agents: Agents | None = None) -> Audit:
    """Compute a transcript again under the terms that its first line names.

    With `agents`, their distributions are computed again too. Raises NotATranscript, and ValueError
    where the agents are needed and missing, or are others.
    """
    header = read_header(path)
    if altered(header):
        return Audit(str(path), lines=1, line=1, reason=ALTERED, header=header)
    if header.get("record") != FULL and agents is None:
        raise ValueError(
            f"{path} records what was drawn only; auditing it needs the agents that ran"
        )
    found = Audit(str(path), header=header)
    checks = _Checks(terms, agents)
    for text, whole in _lines(path):
        try:
            if found.complete:
                raise Disagreement("there is a line after the last one")
            line = _parsed(text, whole)
            checks.check(line)
        except _Cut as cut:
            found.remark = f"line {found.lines + 1} is cut: {cut}"
            return found
        except Disagreement as problem:
            found.lines += 1
            found.line, found.reason = found.lines, str(problem)
            return found
        found.lines += 1
        found.complete = line.get("type") == "end"
        found.tokens, found.hash = checks.step, checks.hash
    if not found.complete:
        found.remark = "the last line is missing: the run was interrupted, or lines were deleted"
    return found


class _Cut(Exception):
    """A last line without its end."""


def _lines(path: str | Path) -> Iterator[tuple[bytes, bool]]:
    with open(path, "rb") as file:
        for text in file:
            yield text, text.endswith(b"\n")


def _parsed(text: bytes, whole: bool) -> Any:
    try:
        return _json(text)
    except (ValueError, RecursionError) as problem:
        if not whole:
            raise _Cut(f"{len(text)} bytes without an end") from problem
        raise Disagreement(f"it is not JSON: {problem}") from problem


def _json(text: bytes) -> Any:
    """JSON in UTF-8 in which no field is given twice; raises ValueError and RecursionError."""
    return json.loads(text.decode("utf-8"), object_pairs_hook=_once_each)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _hash_of(before: str, line: dict[str, Any]) -> str:
    return line_hash(before, {name: value for name, value in line.items() if name != "hash"})


class _Checks:
    """The state of an audit: what the next line has to follow from."""

    def __init__(self, terms: Terms, agents: Agents | None) -> None:
        self.step, self.hash = 0, START
        self._terms, self._agents = terms, agents
        self._session: Session | None = None
        self._tokens: list[int] = []
        self._expected: list[HostArray] = []
        self._realised: list[HostArray] = []
        self._stopped: str | None = None

    def check(self, line: Any) -> None:
        """One line more; raises Disagreement."""
        if not isinstance(line, dict):
            raise Disagreement("it is not a JSON object")
        try:
            kind = {"auction": self._header, "token": self._token, "end": self._end}[line["type"]]
            if (line["type"] == "auction") != (self.hash == START):
                raise Disagreement("a transcript has one first line, and it comes first")
            kind(line)
            self.hash = _hash_of(self.hash, line)
        except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as problem:
            raise Disagreement(f"a field is missing or malformed: {problem!r}") from problem
        except (ValueError, ArithmeticError) as problem:
            raise Disagreement(str(problem)) from problem
        if line.get("hash") != self.hash:
            raise Disagreement(ALTERED)

    def _header(self, line: dict[str, Any]) -> None:
        terms, shown = self._terms, line["vocabulary"]
        self._line = line
        self._names = tuple(agent["name"] for agent in line["agents"])
        self._bids = Bids(
            terms.rule, checked_bids([agent["bid"] for agent in line["agents"]], self._names)
        )
        self._vocabulary: Vocabulary | None = None
        if line["record"] == FULL:
            self._vocabulary = Vocabulary(tuple(shown["pieces"]), frozenset(shown["end"]))
        if self._agents is not None:
            if self._agents.names != self._names:
                raise Disagreement(
                    f"its agents are {', '.join(self._names)}, not {', '.join(self._agents.names)}"
                )
            _same("vocabulary", shown["fingerprint"], self._agents.vocabulary.fingerprint)
            described = [dict(one) for one in self._agents.descriptions]
            _same("agents", [agent["description"] for agent in line["agents"]], described)
            self._vocabulary = self._agents.vocabulary
            self._session = self._agents.open(line["prompt"])
        assert self._vocabulary is not None
        _same("vocabulary", shown["fingerprint"], self._vocabulary.fingerprint)
        _same("number of tokens", shown["tokens"], len(self._vocabulary))
        _same("list of end tokens", shown["end"], sorted(self._vocabulary.end))
        if "pieces" in shown and tuple(shown["pieces"]) != self._vocabulary.pieces:
            raise Disagreement("its word pieces are not the agents'")
        for name, value in (
            ("rule", terms.rule.label),
            ("payment", terms.payment_label),
            ("sampling", terms.sampling),
            ("expected", terms.expected),
        ):
            _same(name, line[name], value)
        if len(line["step_commitments"]) != line["max_tokens"]:
            raise Disagreement("there is not one commitment for each of max_tokens steps")

    def _token(self, line: dict[str, Any]) -> None:
        if self._stopped:
            raise Disagreement(f"there is a token after the text stopped ({self._stopped})")
        if line["step"] != self.step:
            raise Disagreement(
                f"it is step {line['step']} where step {self.step} is due: lines are missing or "
                "out of order"
            )
        if not _SECRET.fullmatch(line["secret"]) or not _NONCE.fullmatch(line["nonce"]):
            raise Disagreement("the secret and the nonce are not 64 and 32 hexadecimal digits")
        _same(
            "commitment to the randomness",
            self._line["step_commitments"][self.step],
            commitment(line["secret"], line["nonce"]),
        )
        assert self._vocabulary is not None
        tolerance = TOLERANCE[line["arithmetic"]]
        dists = self._distributions(line, tolerance)
        again = self._terms.settle(self._bids, dists, line["secret"])
        vocabulary = self._vocabulary
        if line["token"] != again.token:
            raise Disagreement(
                f"the token is {again.token} ({vocabulary.pieces[again.token]!r}), and the line "
                f"says {line['token']}"
            )
        ended = again.token in vocabulary.end
        _same("piece", line["piece"], "" if ended else vocabulary.pieces[again.token])
        if self._line["record"] == FULL or "aggregate" in line:
            self._close("aggregate", line["aggregate"], on_host(again.aggregate), tolerance)
        self._close("probability", [line["probability"]], [again.probability], tolerance)
        self._close("wanted", line["wanted"], again.wanted, tolerance)
        self._close("pulls", line["pulls"], again.pulls, tolerance)
        self._close("realised", line["realised"], again.realised, tolerance, payments=True)
        self._check_asked(line)
        if again.expected is not None:
            self._close("expected", line["expected"], again.expected, tolerance, payments=True)
            self._expected.append(np.array(line["expected"]))
        self._realised.append(np.array(line["realised"]))
        self._tokens.append(again.token)
        self.step += 1
        self._stopped = END_OF_TEXT if ended else self._limit()
        if self._session is not None and not self._stopped:
            self._session.append(again.token)

    def _limit(self) -> str | None:
        """Why the text cannot go on after a token that does not end it."""
        if self.step == self._line["max_tokens"]:
            return MOST_TOKENS
        room = None if self._session is None else self._session.room
        return CONTEXT_LIMIT if room is not None and room < 1 else None

    def _check_asked(self, line: dict[str, Any]) -> None:
        if (line["expected"] is not None) != self._terms.expected:
            raise Disagreement("expected payments are missing, or were not asked for")

    def _distributions(self, line: dict[str, Any], tolerance: float) -> Any:
        vocabulary, recorded = self._vocabulary, None
        assert vocabulary is not None
        if self._line["record"] == FULL or "distributions" in line:
            rows = np.array(line["distributions"], dtype=line["arithmetic"])
            recorded = checked_distributions(
                rows, self._names, len(vocabulary), self._terms.positive
            )
        if self._session is None:
            return recorded
        wanted = checked_distributions(
            host_view(self._session.distributions()),
            self._names,
            len(vocabulary),
            self._terms.positive,
        )
        _same("arithmetic", line["arithmetic"], arithmetic_of(wanted))
        if recorded is not None:
            given = np.asarray(wanted.tolist()) if not isinstance(wanted, np.ndarray) else wanted
            for name, row, again in zip(self._names, recorded, given, strict=True):
                if np.abs(row - again).max() > tolerance:
                    raise Disagreement(f"the distribution is not the one that {name!r} gives")
            return recorded
        return wanted

    def _close(
        self,
        what: str,
        claimed: Sequence[float],
        again: Sequence[float] | HostArray,
        tolerance: float,
        payments: bool = False,
    ) -> None:
        if len(claimed) != len(again):
            raise Disagreement(f"{what} has {len(claimed)} entries, not {len(again)}")
        for i, (one, other) in enumerate(zip(claimed, again, strict=True)):
            scale = float(self._bids.values.max()) if payments else 1.0
            if not math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance * scale):
                raise Disagreement(f"{what}{self._of(what, i)} is {other}, and the line says {one}")

    def _of(self, what: str, number: int) -> str:
        if what == "aggregate":
            return f" of token {number}"
        return f" of {self._names[number]!r}" if what in _OF_AGENTS else ""

    def _end(self, line: dict[str, Any]) -> None:
        assert self._vocabulary is not None
        if line["tokens"] != self.step:
            raise Disagreement(f"it counts {line['tokens']} tokens, and {self.step} lines have one")
        if self._agents is not None or self._line["vocabulary"]["joins"]:
            _same("text", line["text"], self._vocabulary.decode(self._tokens))
        _same(
            "commitment to the seed",
            self._line["seed_commitment"],
            commitment(str(line["seed"]), line["nonce"]),
        )
        for number, published in enumerate(self._line["step_commitments"]):
            nonce = step_secret(int(line["nonce"], 16), number)[:32]
            opened = commitment(step_secret(line["seed"], number), nonce)
            _same("commitment to the randomness that the seed gives", published, opened)
        realised = np.sum(self._realised, axis=0)
        self._close("realised", line["realised"], realised, 1e-9, payments=True)
        self._close("revenue", [line["revenue"]], [float(realised.sum())], 1e-9, payments=True)
        self._check_asked(line)
        if self._terms.expected:
            total = np.sum(self._expected, axis=0)
            self._close("expected", line["expected"], total, 1e-9, payments=True)
        # The context limit is the agents' own: it cannot be looked at without them.
        due = self._stopped or (CONTEXT_LIMIT if self._session is None else None)
        if due is None:
            raise Disagreement("the text ends where it could go on")
        _same("end of the text", line["stopped"], due)


def _same(what: str, claimed: Any, again: Any) -> None:
    if claimed != again:
        raise Disagreement(f"the {what} is {again!r}, and the line says {claimed!r}")
