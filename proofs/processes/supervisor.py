"""The parent of the workers: starts them, believes what they may say, and goes on without them.

Guarantee: a verdict is what a worker answered, whole and in turn, for a claim that it had begun. A
claim whose worker overruns a limit, crashes, is killed or answers anything else is unknown, with
the reason, and the rest goes on in a new worker. What was decided when the user interrupts is kept.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from tokenauction.proofs.processes.child_process import Child, Ending, Interrupted
from tokenauction.proofs.processes.messages import (
    Broken,
    Decided,
    DecidingRequest,
    EmitRequest,
    Emitted,
    Event,
    Listed,
    Listing,
    ListRequest,
    Loaded,
    Progress,
    Refused,
    Request,
    Row,
    Started,
    Unusable,
    VerifyRequest,
)
from tokenauction.proofs.results import report
from tokenauction.proofs.results.report import undecided

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


def list_rows(do: Listing, targets: list[str], budget: float) -> list[Row]:
    """The rules or properties of files, as `listing` shows them; raises Failed."""
    request: ListRequest = {"do": do, "targets": targets, "budget": budget}
    return ask(request, Listed).rows


Answer = TypeVar("Answer", Listed, Emitted)


def ask(request: ListRequest | VerifyRequest | EmitRequest, kind: type[Answer]) -> Answer:
    """The one answer to a request that decides nothing; raises Failed, and Interrupted."""
    with Child(request) as child:
        for event in child.events():
            match event:
                case Ending():
                    raise Failed(event.of_loading(_names(request)))
                case Broken(message):
                    raise Failed(f"loading {_names(request)}: {message}")
                case Refused(message):
                    raise Failed(message)
                case kind():
                    return event
            break
    raise Failed("internal error, please report it: a request was not answered")


def verify(
    request: DecidingRequest,
    progress: Callable[[str], None],
    decided: Callable[[Row], None],
) -> Outcome:
    """Decide every claim of a request; raises Failed where it cannot be understood."""
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
        request: DecidingRequest,
        progress: Callable[[str], None],
        decided: Callable[[Row], None],
        only: Sequence[int] | None = None,
    ) -> None:
        self.outcome = Outcome()
        self._only = only
        self._request = request
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
        asked = cast(DecidingRequest, {**self._request, "skip": sorted(self.outcome.results)})
        asked["only"] = None if self._only is None else [*self._only]
        with Child(asked) as child:
            for event in child.events():
                if not isinstance(event, Ending) and not self._in_turn(event):
                    event = _OUT_OF_TURN
                match event:
                    case Ending():
                        return self._ended(event)
                    case Refused(message):
                        return self._failed(message, internal=False)
                    case Broken(message):
                        return self._failed(message, internal=True)
                    case Loaded(claims) if not self._loaded(claims):
                        return _CHANGED
                    case Started():
                        child.restart_clock()
                self._take(event)
        return ""

    # What is believed

    def _in_turn(self, event: Event) -> bool:
        """Whether an event is one that a worker may send now."""
        match event:
            case Started(number):
                return self._current is None and number in self._open()
            case Decided(number, row):
                return number == self._current and self._answers(row)
            case Unusable(number):
                return number in self._open()
        return not isinstance(event, Listed | Emitted)

    def _answers(self, row: Row) -> bool:
        """Whether a result is one of the claim that is being decided."""
        if self._current is None:
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
        claims = self.outcome.claims
        match event:
            case Started(number):
                self._current, self._started = number, time.monotonic()
                self._progress(_title(claims[number]))
            case Progress(text) if self._current is not None:
                self._progress(f"{_title(claims[self._current])}: {text}")
            case Decided(number, row):
                self._decide(number, row)
            case Unusable(number, message):
                self._note_unusable(message)
                self._decide(number, undecided(claims[number], message))

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


def _names(request: Request) -> str:
    return ", ".join(request["targets"])


def _title(claim: Row) -> str:
    return f"{claim['rule']} {claim['property']}"
