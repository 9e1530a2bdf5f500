"""The one input of every report: results, and how each of them counts.

A finding is a result of the schema `tokenauction.report/1` with its outcome. `verify` takes the
outcome from the verdict alone; the gate compares the verdict with what is required and locked.
Whatever a format shows of a finding beyond its fields is put in words here, once for all formats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tokenauction.proofs.results import counterexamples, report
from tokenauction.proofs.results.verdict import Scope

Row = Mapping[str, Any]
Outcome = Literal["pass", "fail", "warn"]
Change = Literal["", "unchanged", "refactored", "new", "changed", "better", "worse"]

STATUSES: Final = ("proved", "refuted", "unknown")
LOCK: Final = "lock"
"""Stands for a property in a finding about a rule that is not as the gate has locked it."""


@dataclass(frozen=True)
class Finding:
    """One result, how it counts for the exit status, and what the gate says of it.

    `problem` says why it fails beyond the verdict, such as "the lock is stale"; `change` is how it
    compares with what is locked. Both are empty where there is no gate.
    """

    row: Row
    outcome: Outcome
    problem: str = ""
    change: Change = ""

    @property
    def title(self) -> str:
        """The rule and the property."""
        return title(self.row)

    @property
    def headline(self) -> str:
        """Which claim, its verdict, and the problem if there is one.

        >>> row = {"rule": "linear", "property": "neutral", "status": "proved"}
        >>> Finding(row, "fail", "the lock is stale").headline
        'linear neutral: proved, but the lock is stale'
        """
        if self.row["property"] == LOCK:
            return self.problem
        verdict = f"{self.title}: {self.row['status']}"
        if not self.problem:
            return verdict
        return f"{verdict}{', but' if self.row['status'] == 'proved' else ';'} {self.problem}"

    @property
    def body(self) -> list[str]:
        """What there is to say of the verdict: the whole counterexample, or why it is unknown."""
        if self.row.get("explanation"):
            return list(self.row["explanation"])
        found = self.row["counterexample"]
        if found is not None:
            return counterexamples.lines(found, self.row["reason"])
        return [self.row["reason"]] if self.row["reason"] else []


def of_results(rows: Iterable[Row], required: Scope | None = None) -> list[Finding]:
    """Results as `verify` counts them: what is not proved, or for less than required, fails."""
    found = []
    for row in rows:
        less = report.proved_for_less(row, required)
        passes = row["status"] == "proved" and not less
        problem = f"it is asked for {required}" if less else ""
        found.append(Finding(row, "pass" if passes else "fail", problem))
    return found


def title(row: Row) -> str:
    """The rule and the property of a result."""
    return f"{row['rule']} {row['property']}"


def scope(row: Row) -> str:
    """The sizes that a verdict covers, in words; a dash where it covers none.

    >>> scope({"scope": {"agents": "all", "tokens": [1, 2, 3]}})
    'all agents, 1 to 3 tokens'
    """
    found = Scope.of(row["scope"])
    return str(found) if found.agents else "-"


def scope_with_doubt(row: Row) -> str:
    """The same, saying where a counterexample was seen in floats only."""
    found = row["counterexample"]
    doubt = "" if found is None or found["exact"] else ", seen in floats only"
    return f"{scope(row)}{doubt}"


def summary(rows: Sequence[Row], required: Scope | None = None) -> str:
    """How many results have which verdict, and how many are proofs for less than required.

    >>> summary([{"status": "proved"}, {"status": "proved"}, {"status": "unknown"}])
    '2 proved, 0 refuted, 1 unknown'
    """
    counts = [(status, sum(row["status"] == status for row in rows)) for status in STATUSES]
    less = sum(report.proved_for_less(row, required) for row in rows)
    told = ", ".join(f"{count} {status}" for status, count in counts)
    return f"{told}; {less} for less than {required}" if less else told


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Those that do not pass: what got worse first, then refuted, and warnings last.

    A rule that is not the locked one comes before its claims: it says where it differs.
    """
    ranks = {"stale": 0, "refuted": 1, "unknown": 2, "proved": 3}
    found = [one for one in findings if one.outcome != "pass"]
    return sorted(
        found,
        key=lambda one: (
            one.outcome == "warn",
            one.row["property"] != LOCK,
            one.change != "worse",
            ranks[one.row["status"]],
        ),
    )


def place(row: Row, folder: Path) -> tuple[str, bool]:
    """The file of a result: relative to a folder where it lies in it, and whether it does.

    >>> place({"file": "/here/rules/mine.py"}, Path("/here"))
    ('rules/mine.py', True)
    """
    file = folder / row["file"]
    for one, base in ((file, folder), (file.resolve(), folder.resolve())):
        if one.is_relative_to(base) and ".." not in one.parts:
            return one.relative_to(base).as_posix(), True
    return file.resolve().as_posix(), False
