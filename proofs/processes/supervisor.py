"""The parent of the workers: starts them, believes what they may say, and goes on without them.

Guarantee: a verdict is what a worker answered, whole and in turn, for a claim that it had begun. A
claim whose worker overruns a limit, crashes, is killed or answers anything else is unknown, with
the reason, and the rest goes on in a new worker. What was decided when the user interrupts is kept.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tokenauction.proofs.processes.child_process import Child, Ending, Event, Interrupted
from tokenauction.proofs.results import report
from tokenauction.proofs.results.report import undecided

Row = dict[str, Any]

INTERRUPTED: Final = "interrupted before it was decided"
_CHANGED = "the files changed while they were being verified; run it again"
_OUT_OF_TURN = Ending(
    "internal error, please report it: the process that decided it answered out of turn",
    "answered out of turn",
)


class Failed(Exception):
    """The request cannot be answered; the message is for the user."""


@dataclass
class Outcome:
    """What was decided; `unusable` has one message for each rule that cannot be verified."""

    claims: list[Row] = field(default_factory=list)
    results: dict[int, Row] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)
    interrupted: bool = False

    def rows(self) -> list[Row]:
        """A result for every claim, in order; unknown for those that were not reached."""
        return [
            self.results.get(number) or undecided(claim, INTERRUPTED)
            for number, claim in enumerate(self.claims)
        ]


def list_rows(do: str, targets: list[str], budget: float) -> list[Row]:
    """The rules or properties of files, as `listing` shows them; raises Failed."""
    rows: list[Row] = ask({"do": do, "targets": targets}, budget)["rows"]
    return rows


def ask(request: Mapping[str, Any], budget: float) -> Event:
    """The one answer to a request that decides nothing; raises Failed, and Interrupted."""
    with Child({**request, "budget": budget}) as child:
        for event in child.events():
            if isinstance(event, Ending):
                raise Failed(event.of_loading(_names(request)))
            if event["event"] == "failed":
                raise Failed(f"loading {_names(request)}: {event['message']}")
            if event["event"] == "problem":
                raise Failed(event["message"])
            return event
    raise Failed("internal error, please report it: a request was not answered")


def verify(
    request: Mapping[str, Any],
    progress: Callable[[str], None],
    decided: Callable[[Row], None],
) -> Outcome:
    """Decide every claim of a request; raises Failed where it cannot be understood.

    `budget` is in seconds of processor time for each claim, and for loading the files; `timeout` in
    seconds on the clock (default: ten budgets), `memory` in MiB.
    """
    verification = Verification(request, progress, decided)
    try:
        verification.run()
    except Interrupted:
        verification.outcome.interrupted = True
    return verification.outcome


class Verification:
    """One request, and how far it has come; `only` are the claims to decide, None for all."""

    def __init__(
        self,
        request: Mapping[str, Any],
        progress: Callable[[str], None],
        decided: Callable[[Row], None],
        only: Sequence[int] | None = None,
    ) -> None:
        self.outcome = Outcome()
        self._only = only
        self._request = {"do": "verify", **request}
        self._progress = progress
        self._decided = decided
        self._current: int | None = None
        self._first = True
        self._started = 0.0

    @property
    def unfinished(self) -> list[int]:
        """The claims that were to be decided, and are not."""
        wanted = range(len(self.outcome.claims)) if self._only is None else self._only
        return [number for number in wanted if number not in self.outcome.results]

    def run(self) -> None:
        """One worker after the other, until every claim is decided; each decides one at least."""
        results = self.outcome.results
        while True:
            before = len(results)
            problem = self._one_worker()
            if self.outcome.claims and not self._open():
                return
            if not problem:
                problem = "internal error, please report it: the claim was left out"
            elif len(results) > before:
                continue
            for number in self._open():
                self._decide(number, undecided(self.outcome.claims[number], problem))
            return

    def _one_worker(self) -> str:
        """Run one worker to its end; why it did not finish, empty where it did."""
        self._current, self._first = None, True
        asked = {"skip": sorted(self.outcome.results), "only": self._only}
        with Child({**self._request, **asked}) as child:
            for event in child.events():
                if not isinstance(event, Ending) and not self._in_turn(event):
                    event = _OUT_OF_TURN
                if isinstance(event, Ending):
                    return self._ended(event)
                kind = event["event"]
                if kind in ("problem", "failed"):
                    return self._failed(event["message"], internal=kind == "failed")
                if kind == "loaded" and not self._loaded(event["claims"]):
                    return _CHANGED
                if kind == "started":
                    child.restart_clock()
                self._take(event)
        return ""

    # What is believed

    def _in_turn(self, event: Event) -> bool:
        """Whether an event is one that a worker may send now, and is of the right form."""
        number: object = event.get("number")
        match event["event"]:
            case "loaded":
                claims = event.get("claims")
                return isinstance(claims, list) and all(isinstance(one, dict) for one in claims)
            case "started":
                return self._current is None and number in self._open()
            case "result":
                return number == self._current and self._answers(event.get("result"))
            case "unusable":
                return number in self._open() and isinstance(event.get("message"), str)
            case "problem" | "failed":
                return isinstance(event.get("message"), str)
            case "progress":
                return isinstance(event.get("text"), str)
        return True  # the end, or nothing that a verdict follows from

    def _answers(self, row: Any) -> bool:
        """Whether a result is one of the claim that is being decided."""
        if self._current is None or not isinstance(row, dict):
            return False
        claim = self.outcome.claims[self._current]
        same = all(row.get(name) == claim.get(name) for name in ("rule", "property", "file"))
        return same and (self._request["do"] != "verify" or report.is_result(row))

    def _open(self) -> list[int]:
        return self.unfinished if self.outcome.claims else []

    # What follows from it

    def _loaded(self, claims: list[Row]) -> bool:
        """Note the claims; False where they are not those that an earlier worker had."""
        if self.outcome.claims and self.outcome.claims != claims:
            return False
        self.outcome.claims = claims
        return True

    def _take(self, event: Event) -> None:
        kind, claims = event["event"], self.outcome.claims
        if kind == "started":
            self._current, self._started = event["number"], time.monotonic()
            self._progress(_title(claims[self._current]))
        elif kind == "progress" and self._current is not None:
            self._progress(f"{_title(claims[self._current])}: {event['text']}")
        elif kind == "result":
            self._decide(event["number"], event["result"])
        elif kind == "unusable":
            self._note_unusable(event["message"])
            self._decide(event["number"], undecided(claims[event["number"]], event["message"]))

    def _decide(self, number: int, row: Row) -> None:
        self.outcome.results[number] = row
        self._first = False
        if number == self._current:
            self._current = None
        self._decided(row)

    def _note_unusable(self, message: str) -> None:
        if message not in self.outcome.unusable:
            self.outcome.unusable.append(message)

    def _ended(self, ending: Ending) -> str:
        """The claim that a worker was deciding is unknown; raises Failed where nothing loads.

        After a crash, only if it was the first of its worker: an earlier rule may have damaged it.
        """
        if self._current is not None and (ending.option or self._first):
            self._give_up(self._current, ending.reason)
        if not self.outcome.claims:
            raise Failed(ending.of_loading(_names(self._request)))
        return ending.reason

    def _failed(self, message: str, internal: bool) -> str:
        """A worker says what went wrong: in the checker, or in what the user has named."""
        if self._current is not None and internal:
            self._give_up(self._current, message)
        elif not self.outcome.results:
            raise Failed(f"loading {_names(self._request)}: {message}" if internal else message)
        else:
            self._note_unusable(message)
        return message

    def _give_up(self, number: int, reason: str) -> None:
        seconds = time.monotonic() - self._started
        self._decide(number, undecided(self.outcome.claims[number], reason, seconds))


def _names(request: Mapping[str, Any]) -> str:
    return ", ".join(request["targets"])


def _title(claim: Row) -> str:
    return f"{claim['rule']} {claim['property']}"
