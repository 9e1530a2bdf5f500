"""How a claim stands: what was locked, what was found, and what of that closes the gate.

Guarantee: a required claim passes only where it is proved for every size that is required; a claim
that was proved passes only where it still is, for no fewer sizes. An unknown never passes silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tokenauction.proofs.gate.configuration import Requirement
from tokenauction.proofs.gate.lock import ClaimKey, Locked
from tokenauction.proofs.gate.same_rule import Relation
from tokenauction.proofs.results.verdict import Scope

STALE: Final = "the lock is stale"
Change = Literal["", "unchanged", "refactored", "new", "changed", "better", "worse"]
Outcome = Literal["pass", "fail", "warn"]
Word = Literal["pass", "FAIL", "WORSE", "STALE", "UNKNOWN", "WARN"]


@dataclass(frozen=True)
class Found:
    """What is known of a claim now.

    `row` is a result as in a report; `source` says whether it was decided in this run, or is what
    the lock or the cache says of the same functions, or whether the run ended before it was.
    """

    key: ClaimKey
    requirement: Requirement
    required: bool
    row: Mapping[str, Any]
    property_fingerprint: str | None
    tools: str
    source: Literal["lock", "cache", "decided", "interrupted"]

    @property
    def scope(self) -> Scope:
        """The sizes that the verdict covers."""
        return Scope.of(self.row["scope"])


@dataclass(frozen=True)
class Standing:
    """A claim at the gate: how it changed, and why it closes the gate if it does.

    `missing` says what it is required to be, `lost` what it was, `stale` why the lock does not
    speak of it; each is empty where there is nothing to say.
    """

    found: Found
    change: Change
    outcome: Outcome
    missing: str = ""
    lost: str = ""
    stale: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it does not pass."""
        stale = f"{STALE} ({self.stale})" if self.stale else ""
        return tuple(problem for problem in (self.missing, self.lost, stale) if problem)

    @property
    def word(self) -> Word:
        """The one word for how it stands."""
        if self.outcome == "pass":
            return "pass"
        if self.outcome == "warn":
            return "WARN"
        if self.found.row["status"] == "unknown" and (self.missing or self.lost):
            return "UNKNOWN"
        return "FAIL" if self.missing else "WORSE" if self.lost else "STALE"


def judge(
    found: Found,
    locked: Locked | None,
    relation: Relation | None = None,
    updating: bool = False,
) -> Standing:
    """How a claim stands against its lock; when the lock is being updated, by itself.

    `relation` is what is known of its rule, where that has another fingerprint than the lock says.
    """
    change = _change(found, locked, relation)
    missing = _missing(found)
    lost = _lost(found, locked) if change == "worse" and not updating else ""
    stale = "" if updating else _stale(found, locked, relation)
    undecided = found.row["status"] == "unknown" and change != "worse"
    lenient = undecided and found.requirement.unknown == "warn" and missing and not stale
    fails = missing or lost or stale
    outcome: Outcome = "warn" if lenient else "fail" if fails else "pass"
    return Standing(found, change, outcome, missing, lost, stale)


def _change(found: Found, locked: Locked | None, relation: Relation | None) -> Change:
    if locked is None:
        return "new"
    status = found.row["status"]
    if locked.verdict == "proved" and not (status == "proved" and found.scope.covers(locked.scope)):
        return "worse"
    if status == "proved" and (locked.verdict != "proved" or not locked.scope.covers(found.scope)):
        return "better"
    if status != locked.verdict or not _is_about(found, locked, relation):
        return "changed"
    return "unchanged" if found.row["fingerprint"] == locked.fingerprint else "refactored"


def _is_about(found: Found, locked: Locked, relation: Relation | None) -> bool:
    fingerprints = found.row["fingerprint"], found.property_fingerprint
    return is_locked_of(locked, *fingerprints, relation)


def is_locked_of(
    locked: Locked,
    fingerprint: str | None,
    property_fingerprint: str | None,
    relation: Relation | None,
) -> bool:
    """Whether what is locked is of a function and a property."""
    same = fingerprint == locked.fingerprint or _is_proved_same(locked, relation)
    return same and property_fingerprint == locked.property_fingerprint


def _is_proved_same(locked: Locked, relation: Relation | None) -> bool:
    """Whether the locked function is proved to be the one that there is now."""
    if relation is None or relation.kind != "same":
        return False
    return locked.fingerprint is not None and relation.suspect.locked == locked.fingerprint


def _missing(found: Found) -> str:
    """Why a required claim is not what is required."""
    if not found.required:
        return ""
    status = found.row["status"]
    if status != "proved":
        return "it is required"
    if not found.scope.covers(found.requirement.scope):
        return f"it is required for {found.requirement.scope}"
    return ""


def _lost(found: Found, locked: Locked | None) -> str:
    if locked is None:
        return ""
    status = found.row["status"]
    now = f", and now for {found.scope} only" if status == "proved" else ""
    return f"it was proved for {locked.scope}{now}"


def _stale(found: Found, locked: Locked | None, relation: Relation | None) -> str:
    """Why the lock does not speak of the claim; empty where it does, or nobody knows."""
    if locked is None:
        return "it does not have this claim"
    unseen = found.row["method"] == "none" or found.row["fingerprint"] is None
    if unseen and found.row["status"] == "unknown":
        return ""  # it was cut short, or cannot be traced: nobody knows which function it is
    if found.property_fingerprint != locked.property_fingerprint:
        return "the property is written otherwise than it was, and may say something else"
    if _is_about(found, locked, relation):
        return ""
    if relation is None:
        return "it has another fingerprint"
    return relation.news if not relation.reason else f"{relation.news}: {relation.reason}"
