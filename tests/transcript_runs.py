"""Runs with transcripts of a few tokens, and transcripts with something changed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenauction.mechanisms import linear
from tokenauction.mechanisms.auction import FixedAgent, TokenAuction, Vocabulary
from tokenauction.mechanisms.auction.agents import Agent, Agents
from tokenauction.mechanisms.auction.audit import Audit, audit
from tokenauction.mechanisms.auction.transcript import START, Transcript, line_hash

Lines = list[dict[str, Any]]
WORDS = Vocabulary(("<end>", "sea ", "sky ", "süd "), frozenset({0}))
PAIR = (
    FixedAgent("Ada", WORDS, (0.02, 0.6, 0.3, 0.08)),
    FixedAgent("Bo", WORDS, (0.03, 0.3, 0.17, 0.5)),
)
TEXTS = {
    "Ada": "The sea is warm today.\nThe sea is calm and the sand is warm.\n",
    "Bo": "The sky is clear today.\nThe bus is late and the sky is grey.\n",
}


@dataclass(frozen=True)
class Ran:
    """A run with its transcript."""

    auction: TokenAuction
    path: Path

    @property
    def lines(self) -> Lines:
        """The lines as objects, new ones every time."""
        return lines_of(self.path)

    def audit(self, agents: bool = False) -> Audit:
        """The audit of the file as it is now."""
        return audit(self.path, self.auction.terms, self.auction.agents if agents else None)

    def forged(self, lines: Sequence[dict[str, Any]], rehash: bool = True) -> None:
        """Write other lines to the file, their hashes computed again."""
        save(self.path, hashed(lines) if rehash else lines)


def lines_of(path: Path) -> Lines:
    """The lines of a transcript as objects."""
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def save(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Lines as they are."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, "utf-8")


def hashed(lines: Sequence[dict[str, Any]]) -> Lines:
    """Lines with the hashes that belong to them."""
    found, before = [], START
    for line in lines:
        line = {name: value for name, value in line.items() if name != "hash"}
        before = line_hash(before, line)
        found.append({**line, "hash": before})
    return found


def ran(
    folder: Path,
    *terms: Any,
    agents: Agents | Sequence[Agent] = PAIR,
    bids: Sequence[float] = (3, 1),
    prompt: str = "The",
    tokens: int = 3,
    seed: int = 5,
    record: str | None = None,
    expected: bool = True,
) -> Ran:
    """Run an auction to its end, with a transcript."""
    auction = TokenAuction(agents, *(terms or (linear,)), expected=expected)
    folder.mkdir(exist_ok=True)
    path = folder / "run.jsonl"
    path.unlink(missing_ok=True)
    with Transcript(path, auction, record=record) as transcript:
        list(transcript.stream(prompt, bids, tokens, seed))
    return Ran(auction, path)


def leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every scalar of a JSON value, with the way to it."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield way, value
    for name, inner in items:
        yield from leaves(inner, (*way, name))


def changes(value: Any) -> list[Any]:
    """Values that are nearly this one, far from it, and of other types."""
    if value is None:
        return [0, "none"]
    if isinstance(value, bool):
        return [not value, None, str(value)]
    if isinstance(value, int):
        return [value + 1, value * 1000 + 7, -value - 1, float(value), None, str(value)]
    if isinstance(value, float):
        near = value * (1 + 1e-6) if value else 1e-6
        return [near, value + 1000, -value - 1, None, str(value)]
    first, last = ("1" if value[:1] != "1" else "2"), ("0" if value[-1:] != "0" else "1")
    return [first + value[1:], value[:-1] + last, value + " ", None, *([""] if value else [])]


def changed(line: dict[str, Any], way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of a line with another value somewhere."""
    copy: Any = json.loads(json.dumps(line))
    inside = copy
    for name in way[:-1]:
        inside = inside[name]
    inside[way[-1]] = value
    found: dict[str, Any] = copy
    return found
