"""The parent of the worker: starts it, passes its events on, and stops it when its time is up.

A claim that overruns its limit becomes unknown and the rest goes on in a new worker. Whatever was
decided when the user interrupts is kept.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


class Failed(Exception):
    """The request cannot be answered; the message is for the user."""


@dataclass
class Outcome:
    """What was decided; `unusable` has one message for each rule that cannot be verified."""

    claims: list[dict[str, Any]] = field(default_factory=list)
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)
    interrupted: bool = False

    def rows(self) -> list[dict[str, Any]]:
        """A result for every claim, in order; unknown for those that were not reached."""
        return [
            self.results.get(number) or undecided(claim, "interrupted before it was decided")
            for number, claim in enumerate(self.claims)
        ]


def undecided(claim: dict[str, Any], reason: str, seconds: float = 0.0) -> dict[str, Any]:
    """The result of a claim that the worker did not decide."""
    return {
        **claim,
        "status": "unknown",
        "scope": {"agents": [], "tokens": []},
        "method": "none",
        "seconds": round(seconds, 3),
        "reason": reason,
        "assumptions": [],
        "counterexample": None,
    }


def list_rows(do: str, targets: list[str], budget: float) -> list[list[str]]:
    """The rules or properties of files; raises Failed."""
    rows: list[list[str]] = []
    with _Worker({"do": do, "targets": targets}) as worker:
        for event in worker.events(time.monotonic() + budget):
            if event["event"] == "listed":
                rows = event["rows"]
            elif event["event"] == "problem":
                raise Failed(event["message"])
            elif event["event"] == "overran":
                raise Failed(f"loading {', '.join(targets)} did not end within {budget:g} seconds")
    return rows


def verify(
    request: dict[str, Any],
    progress: Callable[[str], None],
    decided: Callable[[dict[str, Any]], None],
) -> Outcome:
    """Decide every claim of a request; raises Failed where it cannot be understood."""
    outcome = Outcome()
    try:
        while _one_worker(request, outcome, progress, decided):
            pass
    except KeyboardInterrupt:
        outcome.interrupted = True
    return outcome


def _one_worker(
    request: dict[str, Any],
    outcome: Outcome,
    progress: Callable[[str], None],
    decided: Callable[[dict[str, Any]], None],
) -> bool:
    """Run one worker to its end; True where another has to finish the work."""
    budget = float(request["budget"])
    current, started = -1, time.monotonic()
    with _Worker({**request, "do": "verify", "skip": sorted(outcome.results)}) as worker:
        for event in worker.events(started + budget):
            kind = event["event"]
            if kind == "problem":
                raise Failed(event["message"])
            if kind == "loaded":
                outcome.claims = event["claims"]
            elif kind == "started":
                current, started = event["number"], time.monotonic()
                worker.deadline = started + budget
                progress(_title(outcome.claims[current]))
            elif kind == "progress" and current >= 0:
                progress(f"{_title(outcome.claims[current])}: {event['text']}")
            elif kind == "result":
                outcome.results[event["number"]] = event["result"]
                decided(event["result"])
            elif kind == "unusable":
                if event["message"] not in outcome.unusable:
                    outcome.unusable.append(event["message"])
                claim = outcome.claims[event["number"]]
                outcome.results[event["number"]] = undecided(claim, event["message"])
                decided(outcome.results[event["number"]])
            elif kind in ("overran", "died"):
                return _lost(request, outcome, current, kind, time.monotonic() - started, decided)
            elif kind == "done":
                return False
    return False


def _lost(
    request: dict[str, Any],
    outcome: Outcome,
    current: int,
    kind: str,
    seconds: float,
    decided: Callable[[dict[str, Any]], None],
) -> bool:
    limit = f"{float(request['budget']):g} seconds"
    if current < 0 or current in outcome.results:
        what = f"loading {', '.join(request['targets'])}"
        raise Failed(
            f"{what} did not end within {limit}; give it more with --budget"
            if kind == "overran"
            else f"{what} ended the process that ran it"
        )
    reason = (
        f"stopped after {limit}; give it more with --budget"
        if kind == "overran"
        else "the process that decided it ended without an answer (out of memory, or os._exit)"
    )
    outcome.results[current] = undecided(outcome.claims[current], reason, seconds)
    decided(outcome.results[current])
    return True


def _title(claim: dict[str, Any]) -> str:
    return f"{claim['rule']} {claim['property']}"


class _Worker:
    """A child process and its events."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.deadline = 0.0
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tokenauction.proofs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"},
        )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def events(self, deadline: float) -> Iterator[dict[str, Any]]:
        """The events until the end; then `overran` or `died` where it was not a proper one."""
        self.deadline = deadline
        while True:
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                if time.monotonic() > self.deadline:
                    yield {"event": "overran"}
                    return
                continue
            if line is None:
                yield {"event": "died"}
                return
            event = json.loads(line)
            yield event
            if event["event"] in ("done", "problem"):
                return

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
