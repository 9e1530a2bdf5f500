"""The audit of a transcript: every number that a run claims is computed again from its own lines.

The same settlement runs on the distributions that the transcript records (or that the agents give
again), under the terms and the bids of its first line, with the randomness that each line opens.
Stated tolerance: probabilities agree to 1e-9, and payments to 1e-9 of the highest bid or of
themselves, in float64; to 1e-4 in float32. What is smaller is found by the chain of hashes, unless
that is computed again. The audit shows that the run is what it says; it does not show that an agent
wanted what is recorded: for that, audit with the agents.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenauction.mechanisms.auction.agents import Agents
from tokenauction.mechanisms.auction.audit_checks import (
    ALTERED,
    TOLERANCE,
    Checks,
    Disagreement,
    hash_of,
)
from tokenauction.mechanisms.auction.settlement import Terms
from tokenauction.mechanisms.auction.transcript import FULL, SCHEMA, START
from tokenauction.mechanisms.plain_files import open_plain
from tokenauction.theory.errors import TokenauctionError

__all__ = ["ALTERED", "Audit", "NotATranscript", "altered", "audit", "read_header"]


class NotATranscript(TokenauctionError, ValueError):
    """The file cannot be audited at all: unreadable, not JSON Lines, of another schema."""


@dataclass
class Audit:
    """What an audit found. `line` counts from one; None where every line agrees.

    `complete` is whether the transcript ends with its last line; `remark` says why it does not.
    `tolerance` is the widest that a number was compared by. `text_checked` is whether the text was
    seen to be that of the tokens: it is not where the last line is missing, nor, without the
    agents, where the tokens of the vocabulary do not join.
    """

    path: str
    lines: int = 0
    tokens: int = 0
    line: int | None = None
    reason: str = ""
    complete: bool = False
    remark: str = ""
    hash: str = START
    tolerance: float = TOLERANCE["float64"]
    text_checked: bool = False
    header: dict[str, Any] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether no line disagrees."""
        return self.line is None


def read_header(path: str | Path) -> dict[str, Any]:
    """The first line of a transcript; raises NotATranscript."""
    try:
        with open_plain(path) as file:
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
        return header.get("hash") != hash_of(START, header)
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
    checks = Checks(terms, agents)
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
        found.tolerance, found.text_checked = checks.tolerance, checks.text_checked
    if not found.complete:
        found.remark = "the last line is missing: the run was interrupted, or lines were deleted"
    return found


class _Cut(Exception):
    """A last line without its end."""


def _lines(path: str | Path) -> Iterator[tuple[bytes, bool]]:
    with open_plain(path) as file:
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
