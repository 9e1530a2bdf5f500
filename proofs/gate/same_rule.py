"""Is a rule of a project still the function that the lock speaks of?

The lock holds fingerprints, not functions, and two texts with different fingerprints can be one
function. So the old text is taken from a revision of the repository, and the two are compared as
`tokenauction compare` does. Guarantee: a rule is said to be the same only where the equality is
proved for every size, of a function with the locked fingerprint and of the one that was identified.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tokenauction.proofs.comparison.revisions import (
    SHALLOW,
    NoRevision,
    Repository,
    Revision,
    Source,
    revision_in,
)
from tokenauction.proofs.gate.configuration import Configuration, Requirement
from tokenauction.proofs.loading.targets import files_of
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.child_process import STOP
from tokenauction.proofs.processes.messages import CompareRequest
from tokenauction.theory.errors import TokenauctionError

Kind = Literal["same", "changed", "unknown"]
_MOST_SECONDS: Final = 15.0
_NO_HISTORY: Final = "the locked function cannot be compared with: "


class NoBase(TokenauctionError):
    """The revision that the user named cannot be read; the message says why."""


@dataclass(frozen=True)
class Suspect:
    """A rule whose fingerprint is not the locked one; `old` is the target that it was locked as."""

    target: str
    old: str
    fingerprint: str | None
    locked: str | None
    requirement: Requirement


@dataclass(frozen=True)
class Relation:
    """What is known of a rule against the locked function, which `against` (a commit) has.

    `reason` says why it is unknown whether they are the same. `difference` is a profile at which
    the rule differs from that of the commit, as a row of a comparison.
    """

    suspect: Suspect
    kind: Kind
    against: str = ""
    reason: str = ""
    difference: Mapping[str, Any] | None = None

    @property
    def renamed(self) -> bool:
        """Whether the rule was locked under another name."""
        return self.suspect.old != self.suspect.target

    @property
    def news(self) -> str:
        """What there is to say of the rule, as the end of a sentence that begins with its name."""
        was = f", which was {self.suspect.old}" if self.renamed else ""
        if self.kind == "same" and self.suspect.fingerprint == self.suspect.locked:
            return f"is {self.suspect.old} under another name: the same function"
        if self.kind == "same":
            return f"is written otherwise{was}, and is the same function as in {self.against}"
        if self.kind == "changed":
            return f"is another function than the locked one{was}"
        known = "whether it is the same function is not known"
        return f"has another fingerprint than the locked one{was}; {known}"


def related(
    suspects: Sequence[Suspect],
    configuration: Configuration,
    base: str | None,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Relation]:
    """What is known of rules whose fingerprints are not those that are locked, in their order.

    `base` is the revision to take the old functions from; by default the commit that last changed
    the lock. Raises NoBase for a revision that is named and cannot be read.
    """
    found = [_renamed_only(one) for one in suspects]
    repository = Repository(configuration.root)
    try:
        if None not in found:
            if base is not None:
                repository.commit(base)
            return [one for one in found if one is not None]
        commit = base or _of_the_lock(repository, configuration.root / configuration.lock)
        with revision_in(configuration.root, commit) as revision:
            _Comparisons(revision, configuration, progress).fill(suspects, found, jobs)
    except NoRevision as problem:
        if base is not None:
            raise NoBase(f"--base {base}: {problem}") from None
        reason = f"{_NO_HISTORY}{problem}"
        return [
            one or Relation(suspect, "unknown", reason=reason)
            for suspect, one in zip(suspects, found, strict=True)
        ]
    return [one for one in found if one is not None]


def _renamed_only(suspect: Suspect) -> Relation | None:
    """The relation of a rule whose fingerprint is the locked one; None for any other."""
    same = suspect.fingerprint is not None and suspect.fingerprint == suspect.locked
    return Relation(suspect, "same") if same else None


def _of_the_lock(repository: Repository, lock: Path) -> str:
    """The commit that last changed the lock; raises NoRevision where there is none."""
    repository.root  # noqa: B018, raises where there is no repository
    found = repository.last_change_of(lock)
    if not found:
        raise NoRevision(f"{lock.name} is in no commit: commit it, or name a revision with --base")
    return found


@dataclass
class _Comparisons:
    """Comparisons of rules with those of one revision."""

    revision: Revision
    configuration: Configuration
    progress: Callable[[str], None]

    def fill(self, suspects: Sequence[Suspect], found: list[Relation | None], jobs: int) -> None:
        """Put what is known of every rule where nothing is yet."""
        with ThreadPoolExecutor(jobs, thread_name_prefix="tokenauction") as threads:
            waiting = {
                number: threads.submit(self._compared, suspect)
                for number, suspect in enumerate(suspects)
                if found[number] is None
            }
            for number, future in waiting.items():
                found[number] = future.result()

    def _compared(self, suspect: Suspect) -> Relation:
        """What a comparison with the rule of the revision says."""
        if not files_of(suspect.old):
            reason = f"{suspect.old} is not a file's: another version of tokenauction locked it"
            return Relation(suspect, "unknown", reason=reason)
        commit = self.revision.commit[:10]
        try:
            old = self.revision.source(suspect.old)
            outcome = supervisor.verify(self._request(suspect, old), self.progress, lambda _: None)
        except (NoRevision, supervisor.Failed) as problem:
            return Relation(suspect, "unknown", commit, f"{_NO_HISTORY}{problem}")
        if STOP.asked or not outcome.claims:
            return Relation(suspect, "unknown", commit, supervisor.INTERRUPTED)
        if outcome.unusable:
            return Relation(suspect, "unknown", commit, f"{_NO_HISTORY}{outcome.unusable[0]}")
        return self._relation(suspect, outcome.rows()[0], commit)

    def _request(self, suspect: Suspect, old: Source) -> CompareRequest:
        wanted = suspect.requirement
        new = Source(suspect.target, suspect.target, root=old.root)
        return {
            "do": "compare",
            "targets": [old.title, new.title],
            "sides": [asdict(old), asdict(new)],
            "guarantees": False,
            "properties": [],
            "budget": min(wanted.budget, _MOST_SECONDS),
            "timeout": wanted.timeout,
            "memory": wanted.memory,
            "seed": wanted.seed,
            "explain": False,
            "folder": str(self.configuration.root),
            "pythonpath": [*self.configuration.pythonpath],
        }

    def _relation(self, suspect: Suspect, row: Mapping[str, Any], commit: str) -> Relation:
        """What the row of a comparison says of the locked function."""
        difference = row if row["status"] == "different" else None
        old, new = (row[side]["fingerprint"] for side in ("a", "b"))
        if suspect.locked is None:
            reason = "the lock has no fingerprint of it, since it could not be traced then"
            return Relation(suspect, "unknown", commit, reason, difference)
        if old != suspect.locked:
            hint = f"; {SHALLOW}" if self.revision.repository.is_shallow else ""
            reason = (
                f"the lock is not of {suspect.old} as it is in {commit}: name the revision that it "
                f"is of with --base{hint}"
            )
            return Relation(suspect, "unknown", commit, reason, difference)
        if difference is not None:
            return Relation(suspect, "changed", commit, difference=difference)
        if row["status"] == "equivalent" and new == suspect.fingerprint is not None:
            return Relation(suspect, "same", commit)
        reason = row["reason"] or "the file changed while it was looked at; run it again"
        return Relation(suspect, "unknown", commit, reason)
