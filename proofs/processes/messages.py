"""What a parent and its worker say to each other: a request, and the events that answer it.

Each is a line of JSON. Guarantee: what `read` returns is an event with all that its kind has, each
of its type; of what is cut short, garbled or of another form it returns None.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Required, TypedDict, get_type_hints

from tokenauction.proofs.results.forms import fits

Row = Mapping[str, Any]

# Requests -----------------------------------------------------------------------------------------


class Limits(TypedDict, total=False):
    """What every request has: what its worker may spend, and from where it imports.

    `budget` is in seconds of processor time for each claim, and for loading the files; `timeout` in
    seconds on the clock (default: ten budgets), `memory` in MiB.
    """

    budget: Required[float]
    timeout: float | None
    memory: int | None
    folder: str
    pythonpath: list[str]


Listing = Literal["rules", "properties"]


class ListRequest(Limits):
    """The rules or the properties of files."""

    do: Listing
    targets: list[str]


class Deciding(Limits, total=False):
    """A request whose claims are decided: `skip` are those that have been, `only` those to decide.

    `targets` name what is asked about; where a worker ends before it has begun, they are named.
    """

    targets: Required[list[str]]
    skip: list[int]
    only: list[int] | None


class VerifyRequest(Deciding, total=False):
    """Properties of rules and mechanisms; with "claims", which ones these are and no more.

    `methods` and `property_fingerprints` say of each claim how it was proved before, and which
    property it has to be about.
    """

    do: Required[Literal["verify", "claims"]]
    properties: Required[list[str]]
    agents: Required[int | None]
    tokens: Required[int | None]
    seed: Required[int]
    explain: Required[bool]
    methods: list[str]
    property_fingerprints: list[str | None]


class CompareRequest(Deciding):
    """Two sides: are they the same, and, with `guarantees`, what does each have?"""

    do: Literal["compare"]
    sides: list[dict[str, Any]]
    properties: list[str]
    guarantees: bool
    seed: int
    explain: bool


class IdentifyRequest(Deciding):
    """The claims of a project, and the locked counterexamples to replay, by claim."""

    do: Literal["identify"]
    requirements: list[dict[str, Any]]
    witnesses: dict[str, Mapping[str, Any]]


class EmitRequest(Limits):
    """Tests for counterexamples: of these targets and properties, which have these results."""

    do: Literal["emit"]
    targets: list[str]
    properties: list[str]
    results: list[Mapping[str, Any]]
    file: str
    headline: str


DecidingRequest = VerifyRequest | CompareRequest | IdentifyRequest
Request = ListRequest | DecidingRequest | EmitRequest

# Events -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loaded:
    """The files are loaded, and these are the claims."""

    claims: list[Row]


@dataclass(frozen=True)
class Started:
    """A claim is begun."""

    number: int


@dataclass(frozen=True)
class Progress:
    """What is being done about the claim that was begun."""

    text: str


@dataclass(frozen=True)
class Decided:
    """The result of the claim that was begun."""

    number: int
    result: Row


@dataclass(frozen=True)
class Unusable:
    """A claim cannot be decided, for its rule does not run."""

    number: int
    message: str


@dataclass(frozen=True)
class Listed:
    """The answer to a request that decides nothing."""

    rows: list[Row]


@dataclass(frozen=True)
class Emitted:
    """The text of a file of tests, and a line for each counterexample that is left out."""

    text: str
    left_out: list[str]


@dataclass(frozen=True)
class Refused:
    """What the user has named cannot be loaded."""

    message: str


@dataclass(frozen=True)
class Broken:
    """Something went wrong in the checker."""

    message: str


@dataclass(frozen=True)
class Done:
    """All is answered."""


Event = (
    Loaded | Started | Progress | Decided | Unusable | Listed | Emitted | Refused | Broken | Done
)
Emit = Callable[[Event], None]
LAST: Final = (Done, Refused, Broken)
_KINDS: Final[Mapping[str, type[Event]]] = {
    "loaded": Loaded,
    "started": Started,
    "progress": Progress,
    "result": Decided,
    "unusable": Unusable,
    "listed": Listed,
    "emitted": Emitted,
    "problem": Refused,
    "failed": Broken,
    "done": Done,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def written(event: Event) -> str:
    """An event as a line of JSON, without its end."""
    content = {field.name: getattr(event, field.name) for field in fields(event)}
    return json.dumps({"event": _NAMES[type(event)], **content})


def read(line: str) -> Event | None:
    """The event that a line of JSON is; None where it is none.

    >>> read('{"event": "started", "number": 3}'), read('{"event": "started", "number": "3"}')
    (Started(number=3), None)
    """
    try:
        content = json.loads(line)
    except ValueError:
        return None
    kind = _KINDS.get(str(content.pop("event", ""))) if isinstance(content, dict) else None
    if kind is None or content.keys() != {field.name for field in fields(kind)}:
        return None
    forms = get_type_hints(kind)
    fitting = all(fits(content[name], form) for name, form in forms.items())
    return kind(**content) if fitting else None
