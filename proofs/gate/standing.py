"""How a claim stands: what was locked, what was found, and what of that closes the gate.

Guarantee: a required claim passes only where it is proved for every size that is required; a claim
that was proved passes only where it still is, for no fewer sizes. An unknown never passes silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tokenauction.proofs.gate.configuration import Requirement
from tokenauction.proofs.gate.lock import ClaimKey, Locked
from tokenauction.proofs.verdict import Scope, Sizes

STALE: Final = "the lock is stale"
Change = Literal["", "unchanged", "new", "changed", "better", "worse"]
Outcome = Literal["pass", "fail", "warn"]


@dataclass(frozen=True)
class Found:
    """What is known of a claim now.

    `row` is a result as in a report; `source` says whether it was decided in this run, or is what
    the lock or the cache says of the same functions.
    """

    key: ClaimKey
    requirement: Requirement
    required: bool
    row: Mapping[str, Any]
    property_fingerprint: str | None
    tools: str
    source: Literal["lock", "cache", "decided"]

    @property
    def scope(self) -> Scope:
        """The sizes that the verdict covers."""
        return Scope.of(self.row["scope"])


@dataclass(frozen=True)
class Standing:
    """A claim at the gate: how it changed, and why it closes the gate if it does."""

    found: Found
    change: Change
    outcome: Outcome
    problems: tuple[str, ...] = ()


def judge(found: Found, locked: Locked | None, updating: bool = False) -> Standing:
    """How a claim stands against its lock; when the lock is being updated, by itself."""
    change = _change(found, locked)
    problems = [_missing(found)]
    if not updating:
        problems.append(_worse(found, locked) if change == "worse" else "")
        problems.append(_stale(found, locked))
    told = tuple(problem for problem in problems if problem)
    undecided = found.row["status"] == "unknown" and change != "worse"
    lenient = undecided and found.requirement.unknown == "warn" and told == (problems[0],)
    outcome: Outcome = "pass" if not told else "warn" if lenient else "fail"
    return Standing(found, change, outcome, told)


def _change(found: Found, locked: Locked | None) -> Change:
    if locked is None:
        return "new"
    status = found.row["status"]
    if locked.verdict == "proved" and not (
        status == "proved" and covers(found.scope, locked.scope)
    ):
        return "worse"
    if status == "proved" and (locked.verdict != "proved" or not covers(locked.scope, found.scope)):
        return "better"
    same = status == locked.verdict and not _other_functions(found, locked)
    return "unchanged" if same else "changed"


def _missing(found: Found) -> str:
    """Why a required claim is not what is required."""
    if not found.required:
        return ""
    status = found.row["status"]
    if status != "proved":
        return "it is required"
    if not covers(found.scope, found.requirement.scope):
        return f"it is required for {found.requirement.scope}"
    return ""


def _worse(found: Found, locked: Locked | None) -> str:
    if locked is None:
        return ""
    status = found.row["status"]
    now = f", and now for {found.scope} only" if status == "proved" else ""
    return f"it was proved for {locked.scope}{now}"


def _stale(found: Found, locked: Locked | None) -> str:
    if locked is None:
        return f"{STALE} (it does not have this claim)"
    if found.row["method"] == "none":
        return ""  # it was cut short, so that nobody knows which function it is
    if found.property_fingerprint != locked.property_fingerprint:
        return f"{STALE} (the property says something else than it did)"
    return f"{STALE} (it is of another function)" if _other_functions(found, locked) else ""


def _other_functions(found: Found, locked: Locked) -> bool:
    return (found.row["fingerprint"], found.property_fingerprint) != (
        locked.fingerprint,
        locked.property_fingerprint,
    )


def covers(found: Scope, wanted: Scope) -> bool:
    """Whether a scope has every size of another.

    >>> covers(Scope(), Scope((1, 2), (1, 2))), covers(Scope((1, 2), "all"), Scope())
    (True, False)
    """
    return _has(found.agents, wanted.agents) and _has(found.tokens, wanted.tokens)


def _has(found: Sizes, wanted: Sizes) -> bool:
    return found == "all" or (wanted != "all" and set(wanted) <= set(found))
