"""A child process that answers one request with events, and how it ended where it did not finish.

Guarantee: an event is a whole line of JSON that the child wrote; what is cut short or garbled ends
the answer, and so does a clock that runs out. Leaving the `with` block ends a child that still
runs, with what it has started. Once `STOP` is set every child of the process ends, and none starts.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tokenauction.proofs.processes import messages
from tokenauction.proofs.processes.messages import Event, Request


class Interrupted(Exception):
    """The user has interrupted: no child answers any more."""


class Stop:
    """Whether children are to end; set by a signal's handler, so it is no lock and no event."""

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Raise Interrupted where children are to end."""
        if self.asked:
            raise Interrupted


STOP: Final = Stop()

# MiB of a child's own memory. The shipped rules need some 150, an imported torch as much again.
MEMORY: Final = 4096
# The wall's clock, in budgets: a machine that is loaded ten times over gives the same verdicts.
_BUDGETS_ON_THE_WALL: Final = 10
VARIABLES: Final = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}
"""What a worker's environment has beside its parent's."""


@dataclass(frozen=True)
class Ending:
    """Why a child ended without finishing: what is said of its claim, and of loading a file.

    `option` is what gives it more of what it ran out of; empty where it ran out of nothing.
    """

    claim: str
    loading: str
    option: str = ""

    @property
    def reason(self) -> str:
        """What is said of the claim that it was deciding, with the way out."""
        return f"{self.claim}{self._way_out}"

    def of_loading(self, targets: str) -> str:
        """What is said where it had not begun to decide, with the way out."""
        return f"loading {targets} {self.loading}{self._way_out}"

    @property
    def _way_out(self) -> str:
        return f"; give it more with {self.option}" if self.option else ""


_GARBLED: Final = Ending(
    "internal error, please report it: what the process that decided it wrote is not an answer",
    "wrote something that is not an answer",
)


def start() -> "subprocess.Popen[str]":
    """A worker that waits for its request; the leader of a group of processes of its own."""
    return subprocess.Popen(
        # Without -P a file of the user's folder could take the place of a library of ours.
        [sys.executable, "-P", "-m", "tokenauction.proofs.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        env={**os.environ, **VARIABLES},
    )


class Child:
    """A worker and its events."""

    def __init__(self, request: Request) -> None:
        STOP.check()
        self.budget = float(request["budget"])
        self.timeout = float(request.get("timeout") or _BUDGETS_ON_THE_WALL * self.budget)
        self._memory = int(request.get("memory") or MEMORY)
        self._deadline = time.monotonic() + self.timeout
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process = start()
        assert self._process.stdin is not None
        try:
            asked = {**request, "budget": self.budget, "memory": self._memory}
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def restart_clock(self) -> None:
        """Another claim begins: it has all of the time on the wall."""
        self._deadline = time.monotonic() + self.timeout

    def events(self) -> Iterator[Event | Ending]:
        """The events until the last; then an ending, where it was not a proper one.

        Raises Interrupted within a tenth of a second of an interrupt.
        """
        while True:
            STOP.check()
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                if time.monotonic() > self._deadline:
                    yield self._timed_out()
                    return
                if self._process.poll() is None or not self._lines.empty():
                    continue
                line = None  # it has ended, and something that it started holds its output open
            if line is None or not line.endswith("\n"):
                yield self._died()
                return
            event = messages.read(line)
            yield _GARBLED if event is None else event
            if event is None or isinstance(event, messages.LAST):
                return

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _timed_out(self) -> Ending:
        limit = f"{self.timeout:g} seconds on the clock"
        return Ending(f"stopped after {limit}", f"did not end within {limit}", "--timeout")

    def _died(self) -> Ending:
        """How the process ended; it is given a moment to, for it has closed its output."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return Ending("the process that decided it closed its output", "closed its output")
        name = _signal_name(-status)
        if name == "SIGXCPU":
            limit = f"{self.budget:g} seconds of processor time"
            return Ending(f"stopped after {limit}", f"did not end within {limit}", "--budget")
        if name == "SIGKILL":
            told = (
                "was killed (SIGKILL), as the system does when its memory runs out; "
                f"--memory, now {self._memory} MiB, bounds it"
            )
            return Ending(f"the process that decided it {told}", f"failed: the process {told}")
        if status < 0:
            return Ending(
                f"the process that decided it crashed ({name})",
                f"ended the process that ran it ({name})",
            )
        return Ending(
            f"the process that decided it ended without an answer (exit status {status})",
            "ended the process that ran it",
        )

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        # Closing the output would wait for the reader, and that for whatever holds the other end.
        self._reader.join(timeout=1)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
