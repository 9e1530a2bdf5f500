"""What the gate says: as findings for every report, as text, as JSON, and as an exit status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tokenauction.proofs import report
from tokenauction.proofs.cli import INTERRUPTED
from tokenauction.proofs.gate.lock import ClaimKey, Lock, Locked
from tokenauction.proofs.gate.standing import STALE, Standing
from tokenauction.proofs.reports.findings import Finding, scope_with_doubt, worst_first
from tokenauction.proofs.verdict import Scope

SCHEMA: Final = "tokenauction.gate/1"
_SIGNS: Final = {"pass": "pass", "warn": "WARN", "fail": "FAIL"}
_SOURCES: Final = {"lock": "as locked", "cache": "from the cache", "decided": "decided now"}


@dataclass(frozen=True)
class GateReport:
    """The standings of a project's claims, and the claims of the lock that it no longer makes."""

    standings: Sequence[Standing]
    removed: Sequence[ClaimKey]
    lock: Lock
    lock_file: str
    updated: bool
    tools: str
    interrupted: bool = False
    unusable: Sequence[str] = field(default=())

    @property
    def failing(self) -> list[Standing]:
        """The claims that close the gate."""
        return [one for one in self.standings if one.outcome == "fail"]

    @property
    def stale(self) -> list[ClaimKey]:
        """The claims of the lock that close the gate because nothing makes them any more.

        That is not known where something could not be looked at.
        """
        unknown = self.updated or self.interrupted or self.unusable
        return [] if unknown else list(self.removed)

    def exit_status(self) -> int:
        """As of `verify`: 2 unusable, 1 closed, 3 closed for want of a verdict only, 0 open."""
        if self.interrupted:
            return INTERRUPTED
        if self.unusable:
            return report.UNUSABLE
        failing = self.failing
        if self.stale or any(one.found.row["status"] != "unknown" for one in failing):
            return report.REFUTED
        return report.UNKNOWN if failing else report.PROVED

    @property
    def is_open(self) -> bool:
        """Whether nothing that is required is missing, and nothing got worse."""
        return self.exit_status() == report.PROVED

    def __bool__(self) -> bool:
        """Whether the gate is open."""
        return self.is_open

    def explain(self) -> str:
        """The text that `tokenauction gate` prints."""
        return self.text()

    def findings(self) -> list[Finding]:
        """The claims as the reports of other tools show them, the worst first."""
        found = [
            Finding(
                {**one.found.row, "rule": one.found.key.target},
                one.outcome,
                "; ".join(one.problems),
                one.change,
            )
            for one in self.standings
        ]
        found += [
            Finding(self._row_of_removed(key), "fail", _REMOVED, "removed") for key in self.stale
        ]
        failing = worst_first(found)
        return failing + [one for one in found if one.outcome == "pass"]

    def _row_of_removed(self, key: ClaimKey) -> dict[str, Any]:
        locked = self.lock[key]
        return {
            "rule": key.target,
            "file": self.lock_file,
            "line": 1,
            "fingerprint": locked.fingerprint,
            "property": key.property,
            "status": locked.verdict,
            "scope": locked.scope.shown(),
            "method": locked.method,
            "seconds": 0.0,
            "reason": locked.reason,
            "assumptions": list(locked.assumptions),
            "evidence": list(locked.evidence),
            "counterexample": _as_reported(locked),
        }

    def text(self) -> str:
        """A line a claim, then what closes the gate in full, then the gate itself."""
        lines = [_line(one) for one in self.standings]
        lines += [f"FAIL  removed  {key.target} {key.property}" for key in self.stale]
        for one in self.findings():
            if one.outcome != "pass":
                lines += ["", one.headline, *(f"  {line}" for line in one.body)]
        stale = any(STALE in one.problem for one in self.findings())
        way_out = [_WAY_OUT, ""] if stale else []
        told = [*self._changes(), *way_out, *self._other_tools()]
        return "\n".join([*lines, "", *told, self.summary()]) + "\n"

    def summary(self) -> str:
        """One line: open or closed, and how much of it was known."""
        counts = [
            f"{sum(one.found.source == source for one in self.standings)} {told}"
            for source, told in _SOURCES.items()
        ]
        failing = len(self.failing) + len(self.stale)
        warned = sum(one.outcome == "warn" for one in self.standings)
        claims = len(self.standings) + len(self.stale)
        state = f"closed: {failing} of {claims} claims fail" if failing else "open"
        if self.interrupted or (self.unusable and not failing):
            state = "closed: interrupted" if self.interrupted else "closed: not everything loads"
        warning = f", {warned} unknown" if warned else ""
        return f"gate {state}{warning} ({', '.join(counts)})"

    def _other_tools(self) -> list[str]:
        """Why so much was decided again, where the lock was made with other versions."""
        others = {locked.tools for locked in self.lock.values()} - {self.tools}
        if not others or self.updated:
            return []
        return [f"the lock was made with {min(others)}, and here is {self.tools}", ""]

    def _changes(self) -> list[str]:
        """What an update makes of the lock, as a change of guarantees."""
        if not self.updated:
            return []
        lines = []
        for one in self.standings:
            before = self.lock.get(one.found.key)
            if one.change != "unchanged":
                was = "new" if before is None else told(before.verdict, before.scope)
                now = told(one.found.row["status"], one.found.scope)
                name = f"{one.found.key.target} {one.found.key.property}"
                if was in ("new", now):
                    again = ", of another function" if was == now else ""
                    lines.append(f"{name}: {now}{again}")
                else:
                    lines.append(f"{name}: {was} -> {now}")
        lines += [f"{key.target} {key.property}: no longer checked" for key in self.removed]
        return [f"wrote {self.lock_file}", *(f"  {line}" for line in lines), ""]

    def as_json(self) -> dict[str, Any]:
        """The report of the schema `tokenauction.gate/1`."""
        status = self.exit_status()
        return {
            "schema": SCHEMA,
            "versions": report.versions(),
            "status": "open" if status == report.PROVED else "closed",
            "exit_status": status,
            "lock": self.lock_file,
            "updated": self.updated,
            "claims": [self._claim(one) for one in self.standings],
            "removed": [key._asdict() for key in self.removed],
            "unusable": list(self.unusable),
        }

    def _claim(self, one: Standing) -> dict[str, Any]:
        found = one.found
        locked = self.lock.get(found.key)
        before = locked and {"status": locked.verdict, "scope": locked.scope.shown()}
        return {
            **found.row,
            "target": found.key.target,
            "required": found.required,
            "outcome": one.outcome,
            "change": one.change,
            "problems": list(one.problems),
            "source": found.source,
            "locked": before,
        }


_REMOVED: Final = f"{STALE} (the project no longer makes this claim)"
_WAY_OUT: Final = f"{STALE}: review what changed, and record it with `tokenauction gate --update`"


def _line(one: Standing) -> str:
    row = one.found.row
    name = f"{one.found.key.target} {one.found.key.property}"
    required = "" if one.found.required else ", not required"
    return (
        f"{_SIGNS[one.outcome]}  {row['status']:8} {name}  "
        f"[{scope_with_doubt(row)}{required}]  {one.change}"
    )


def told(status: str, sizes: Scope) -> str:
    """A verdict and what it covers, in words.

    >>> told("proved", Scope()), told("unknown", Scope((), ()))
    ('proved for all agents, all tokens', 'unknown')
    """
    return f"proved for {sizes}" if status == "proved" else status


def _as_reported(locked: Locked) -> Mapping[str, Any] | None:
    """A locked witness with the fields that the lock leaves out where they are empty."""
    if locked.witness is None:
        return None
    empty = dict.fromkeys(("token", "before", "after", "preferred"))
    return {**empty, **locked.witness}
