"""What a survey makes of the lock: where claims stand, which are gone, and the new lock."""

from dataclasses import replace

from tokenauction.proofs.gate.configuration import Requirement
from tokenauction.proofs.gate.identified import Survey
from tokenauction.proofs.gate.lock import ClaimKey, Lock, Locked
from tokenauction.proofs.gate.standing import Found, Standing, judge
from tokenauction.proofs.results.verdict import Scope


def effort(wanted: Requirement) -> str:
    """What is spent on a claim before it is left undecided."""
    agents, tokens = wanted.sizes or (3, 3)
    return f"budget {wanted.budget:g}, seed {wanted.seed}, sizes to {agents}x{tokens}"


# What becomes of the lock ------------------------------------------------------------------------


def standings(seen: Survey, lock: Lock, updating: bool) -> list[Standing]:
    """How every claim stands."""
    return [
        judge(
            found,
            lock.get(seen.locked.get(found.key, found.key)),
            seen.relations.get(found.key.target),
            updating,
        )
        for found in seen.found
    ]


def gone(seen: Survey, lock: Lock) -> list[ClaimKey]:
    """The claims of a lock that the project no longer makes."""
    known = set(seen.locked.values())
    return sorted(key for key in lock if key not in known)


def updated(seen: Survey, lock: Lock) -> Lock:
    """The lock of what was found; a block that still says what is known stays as it is."""
    return {
        found.key: _locked(found, lock.get(seen.locked.get(found.key, found.key)))
        for found in seen.found
    }


def _locked(found: Found, before: Locked | None) -> Locked:
    row = found.row
    if before is not None and found.source == "lock":
        return replace(before, fingerprint=row["fingerprint"])
    return Locked(
        verdict=row["status"],
        scope=Scope.of(row["scope"]),
        method=row["method"],
        fingerprint=row["fingerprint"],
        property_fingerprint=found.property_fingerprint,
        effort=effort(found.requirement),
        tools=found.tools,
        reason=row["reason"],
        assumptions=tuple(row["assumptions"]),
        witness=row["counterexample"],
    )
