"""Transcripts: a run as JSON Lines, written as it happens, that can be audited afterwards.

The first line has the terms, the bids, and commitments to the randomness of every step; then one
line a token, which opens its step's commitment; the last line has the totals and opens the seed.
Every line carries a hash of itself and of the line before it. A line is written and flushed whole
before the next token is drawn, so an interrupted run leaves finished lines. docs/auctions.md lists
the fields.
"""

import errno
import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

from tokenauction.mechanisms.auction.inputs import HostArray, arithmetic_of, on_host
from tokenauction.mechanisms.auction.randomness import (
    checked_nonce,
    commitment,
    fresh_nonce,
    step_secret,
)
from tokenauction.mechanisms.auction.token_auction import Outcome, Step, TokenAuction

SCHEMA = "tokenauction.transcript/1"
FULL, DRAWN = "full", "drawn"
LARGEST_FULL = 100_000
START = "0" * 64
_LIBRARIES = ("tokenauction", "numpy", "torch", "transformers")


class Transcript(AbstractContextManager["Transcript"]):
    """A transcript that is being written; a context manager that closes its file.

    `record` is `"full"` (the agents' distributions and the aggregate are in the file, which can
    then be audited alone) or `"drawn"` (only what concerns the token that was drawn; the audit
    needs the agents); by default full where a step has at most 100,000 probabilities. `identity` is
    what is known of the rules and agents: fingerprints, where to find them.

    `nonce`, 32 hexadecimal digits, is what the commitments are made with; by default it is drawn
    from the system's randomness. The same run with the same nonce is the same file, to the byte. A
    nonce that others can guess hides nothing: who tries seeds finds the one committed to.

    Raises OSError where the file cannot be written, FileExistsError for a file that has something
    in it, ValueError for a nonce that is none.
    """

    def __init__(
        self,
        path: str | Path,
        auction: TokenAuction,
        *,
        record: str | None = None,
        identity: Mapping[str, str] | None = None,
        nonce: str | None = None,
    ) -> None:
        self._nonce = fresh_nonce() if nonce is None else checked_nonce(nonce)
        check_new(path)
        self.auction = auction
        size = len(auction.names) * len(auction.vocabulary)
        self.record = record or (FULL if size <= LARGEST_FULL else DRAWN)
        self._identity = dict(identity or {})
        self._seed = 0
        self._hash = START
        # Half a character (a prompt of bytes that are not UTF-8) is written as JSON escapes it.
        self._file: TextIO = open(  # noqa: SIM115
            path, "a", encoding="utf-8", errors="backslashreplace", newline="\n"
        )

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def stream(
        self, prompt: str, bids: Sequence[float], max_tokens: int, seed: int
    ) -> Iterator[Step]:
        """The steps of a run, each written before it is handed on; raises what the run raises."""
        steps = self.auction.stream(prompt, bids, max_tokens, seed)
        self._seed = seed
        self._write(self._header(prompt, bids, max_tokens))
        done = []
        for step in self._from_the_first(steps):
            self._write(self._token(step))
            done.append(step.without_arrays())
            if step.stopped:
                self._write(self._end(self.auction.outcome(bids, seed, done)))
            yield step

    def _from_the_first(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The steps; where there is not even one, the file is emptied again."""
        try:
            first = next(steps)
        except BaseException:
            with suppress(OSError):
                self._file.truncate(0)
            self._hash = START
            raise
        yield first
        yield from steps

    def _header(self, prompt: str, bids: Sequence[float], max_tokens: int) -> dict[str, Any]:
        auction, terms = self.auction, self.auction.terms
        vocabulary = auction.vocabulary
        shown: dict[str, Any] = {
            "tokens": len(vocabulary),
            "fingerprint": vocabulary.fingerprint,
            "end": sorted(vocabulary.end),
            "joins": vocabulary.joins,
        }
        if self.record == FULL:
            shown["pieces"] = list(vocabulary.pieces)
            if vocabulary.parts:
                shown["parts"] = {str(one): part.hex() for one, part in vocabulary.parts.items()}
        agents = zip(auction.names, bids, auction.descriptions, strict=True)
        return {
            "type": "auction",
            "schema": SCHEMA,
            "versions": versions(),
            "rule": terms.rule.label,
            "payment": terms.payment_label,
            "sampling": terms.sampling,
            "expected": terms.expected,
            "agents": [
                {"name": name, "bid": float(bid), "description": dict(description)}
                for name, bid, description in agents
            ],
            "vocabulary": shown,
            "identity": self._identity,
            "prompt": prompt,
            "max_tokens": max_tokens,
            "record": self.record,
            "seed_commitment": commitment(str(self._seed), self._nonce),
            "step_commitments": [
                commitment(step_secret(self._seed, k), self._step_nonce(k))
                for k in range(max_tokens)
            ],
        }

    def _token(self, step: Step) -> dict[str, Any]:
        settlement = step.settlement
        line: dict[str, Any] = {
            "type": "token",
            "step": step.number,
            "token": settlement.token,
            "piece": step.piece,
            "probability": settlement.probability,
            "wanted": numbers(settlement.wanted),
            "pulls": numbers(settlement.pulls),
            "expected": None if settlement.expected is None else numbers(settlement.expected),
            "realised": numbers(settlement.realised),
            "secret": step_secret(self._seed, step.number),
            "nonce": self._step_nonce(step.number),
            "arithmetic": arithmetic_of(step.dists),
        }
        if self.record == FULL:
            line["distributions"] = [numbers(row) for row in on_host(step.dists)]
            line["aggregate"] = numbers(on_host(settlement.aggregate))
        return line

    def _end(self, outcome: Outcome) -> dict[str, Any]:
        expected = numbers(outcome.expected) if self.auction.terms.expected else None
        return {
            "type": "end",
            "stopped": outcome.stopped,
            "tokens": len(outcome.steps),
            "text": outcome.text,
            "expected": expected,
            "realised": numbers(outcome.realised),
            "revenue": outcome.revenue,
            "seed": self._seed,
            "nonce": self._nonce,
        }

    def _step_nonce(self, step: int) -> str:
        return step_secret(int(self._nonce, 16), step)[:32]

    def _write(self, line: dict[str, Any]) -> None:
        self._hash = line_hash(self._hash, line)
        text = json.dumps({**line, "hash": self._hash}, ensure_ascii=False, allow_nan=False)
        try:
            self._file.write(text + "\n")
            self._file.flush()
        except OSError as problem:
            with suppress(OSError):
                self._file.close()
            raise OSError(problem.errno, problem.strerror, self._file.name) from problem


def check_new(path: str | Path) -> None:
    """Raises FileExistsError for a file with something in it, and OSError where there is no folder.

    Nothing is written.
    """
    if os.path.exists(path):
        if os.path.getsize(path):
            raise FileExistsError(f"{path} is not empty; name another file")
    elif not Path(path).absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def line_hash(before: str, line: Mapping[str, Any]) -> str:
    """The hash of a line without its own `hash`, after the line with the hash `before`."""
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}{text}".encode("utf-8", "surrogatepass")).hexdigest()


def numbers(values: HostArray) -> list[float]:
    """Floats that print as themselves."""
    return [float(value) for value in values]


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that numbers depend on, where installed."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
