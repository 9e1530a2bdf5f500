"""What the gate says: as findings for every report, as text, as JSON, and as an exit status.

What is wrong with the lock is said once a rule, whatever the number of its claims.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, Final

from tokenauction.proofs.gate.lock import ClaimKey, Lock, Locked
from tokenauction.proofs.gate.same_rule import Relation
from tokenauction.proofs.gate.standing import STALE, Outcome, Standing
from tokenauction.proofs.reports.findings import LOCK, Finding, scope_with_doubt, worst_first
from tokenauction.proofs.results import counterexamples, exit_status, report
from tokenauction.proofs.results.exit_status import INTERRUPTED
from tokenauction.proofs.results.verdict import Scope

SCHEMA: Final = "tokenauction.gate/1"
_SOURCES: Final = {
    "lock": "as locked",
    "cache": "from the cache",
    "decided": "decided now",
    "interrupted": "not decided",
}
_WIDTH: Final = len("REFACTORED")


@dataclass(frozen=True)
class RuleNews:
    """What there is to say of a rule besides its verdicts: the lock does not know it as it is.

    `said` ends a sentence that begins with the rule's name, `body` is what there is to look at.
    """

    target: str
    word: str
    said: str
    file: str
    line: int
    relation: Relation | None = None

    @property
    def headline(self) -> str:
        """The rule, and what is said of it."""
        return f"{self.target} {self.said}"

    @property
    def body(self) -> list[str]:
        """Why nothing is known, and where the rule differs from the one of the revision."""
        if self.relation is None:
            return []
        lines = [self.relation.reason] if self.relation.reason else []
        if self.relation.difference is not None:
            row = self.relation.difference
            found = row["counterexample"]
            names = [row[side]["title"] for side in ("a", "b")]
            lines += counterexamples.lines(found, "", names)
        return lines

    def finding(self) -> Finding:
        """The same for every report: a row about the lock of the rule."""
        row = {
            "rule": self.target,
            "file": self.file,
            "line": self.line,
            "fingerprint": self.relation and self.relation.suspect.fingerprint,
            "property": LOCK,
            "status": self.word.lower(),
            "scope": Scope((), ()).shown(),
            "method": "",
            "seconds": 0.0,
            "reason": "",
            "assumptions": [],
            "evidence": [],
            "counterexample": None,
            "explanation": self.body,
        }
        outcome: Outcome = "fail" if self.word == "STALE" else "pass"
        return Finding(row, outcome, self.headline, "changed" if outcome == "fail" else "")

    def as_json(self) -> dict[str, Any]:
        """The rule in the report of the schema `tokenauction.gate/1`."""
        relation = self.relation
        difference = None if relation is None else relation.difference
        return {
            "target": self.target,
            "word": self.word,
            "said": self.said,
            "locked_as": self.target if relation is None else relation.suspect.old,
            "against": (relation and relation.against) or None,
            "reason": "" if relation is None else relation.reason,
            "difference": difference and difference["counterexample"],
        }


@dataclass(frozen=True)
class GateReport:
    """The standings of a project's claims, and the claims of the lock that it no longer makes.

    `relations` has the rules whose fingerprint or name is not the locked one, `locked` which claim
    of the lock each claim is.
    """

    standings: Sequence[Standing]
    removed: Sequence[ClaimKey]
    lock: Lock
    lock_file: str
    updated: bool
    tools: str
    relations: Mapping[str, Relation] = field(default_factory=dict)
    locked: Mapping[ClaimKey, ClaimKey] = field(default_factory=dict)
    interrupted: bool = False
    unusable: Sequence[str] = field(default=())

    @property
    def failing(self) -> list[Standing]:
        """The claims that close the gate."""
        return [one for one in self.standings if one.outcome == "fail"]

    @property
    def gone(self) -> list[ClaimKey]:
        """The claims of the lock that close the gate because nothing makes them any more.

        That is not known where something could not be looked at.
        """
        unknown = self.updated or self.interrupted or self.unusable
        return [] if unknown else list(self.removed)

    @cached_property
    def news(self) -> list[RuleNews]:
        """What there is to say of rules, those that close the gate first."""
        stale: dict[str, list[Standing]] = {}
        for one in self.standings:
            stale.setdefault(one.found.key.target, [])
            if one.stale and one.outcome == "fail":
                stale[one.found.key.target].append(one)
        found = [self._stale(target, ones) for target, ones in stale.items() if ones]
        found += [
            self._no_longer_made(target, [*keys])
            for target, keys in groupby(self.gone, lambda key: key.target)
            if not stale.get(target)
        ]
        said = {one.target for one in found}
        found += [
            self._news(target, "REFACTORED", relation.news, relation)
            for target, relation in self.relations.items()
            if relation.kind == "same" and target not in said
        ]
        return found

    def _stale(self, target: str, ones: Sequence[Standing]) -> RuleNews:
        """A rule that the lock does not know as it is, with every reason once."""
        relation = self.relations.get(target)
        new = [one.found.key.property for one in ones if self._locked(one) is None]
        old = [one for one in ones if self._locked(one) is not None]
        other = [
            one for one in old if one.found.property_fingerprint != _property_of(self._locked(one))
        ]
        said = []
        if relation is not None and relation.kind != "same":
            said.append(relation.news)
        elif any(one.found.row["fingerprint"] != _fingerprint(self._locked(one)) for one in old):
            said += dict.fromkeys(one.stale for one in old if one not in other)
        said += [
            f"is asked for {one.found.key.property}, which is written otherwise than it was and "
            "may say something else"
            for one in other
        ]
        if new:
            said.append(f"is not locked for {', '.join(new)}")
        gone = [key.property for key in self.gone if key.target == target]
        if gone:
            said.append(f"is no longer asked for {', '.join(gone)}")
        kept = relation if relation is not None and relation.kind != "same" else None
        return self._news(target, "STALE", "; ".join(said), kept)

    def _no_longer_made(self, target: str, keys: Sequence[ClaimKey]) -> RuleNews:
        names = ", ".join(key.property for key in keys)
        return self._news(target, "STALE", f"is no longer asked for {names}", None)

    def _news(self, target: str, word: str, said: str, relation: Relation | None) -> RuleNews:
        rows = [one.found.row for one in self.standings if one.found.key.target == target]
        file, line = (rows[0]["file"], rows[0]["line"]) if rows else (self.lock_file, 1)
        return RuleNews(target, word, said, file, line, relation)

    def _locked(self, one: Standing) -> Locked | None:
        return self.lock.get(self.locked.get(one.found.key, one.found.key))

    def exit_status(self) -> int:
        """As of `verify`: 2 unusable, 1 closed, 3 closed for want of a verdict only, 0 open."""
        if self.interrupted:
            return INTERRUPTED
        if self.unusable:
            return exit_status.UNUSABLE
        failing = self.failing
        stale = any(one.word == "STALE" for one in self.news)
        if stale or any(one.found.row["status"] != "unknown" for one in failing):
            return exit_status.REFUTED
        return exit_status.UNKNOWN if failing else exit_status.PROVED

    @property
    def is_open(self) -> bool:
        """Whether nothing that is required is missing, and nothing got worse."""
        return self.exit_status() == exit_status.PROVED

    def __bool__(self) -> bool:
        """Whether the gate is open."""
        return self.is_open

    def explain(self) -> str:
        """The text that `tokenauction gate` prints."""
        return self.text()

    def findings(self) -> list[Finding]:
        """The claims and the rules as the reports of other tools show them, the worst first."""
        found = [
            Finding(
                {**one.found.row, "rule": one.found.key.target},
                "pass" if one.word == "STALE" else one.outcome,
                "" if one.word == "STALE" else "; ".join(filter(None, (one.missing, one.lost))),
                one.change,
            )
            for one in self.standings
        ]
        rules = [one.finding() for one in self.news]
        failing = worst_first([*rules, *found])
        return failing + [one for one in [*rules, *found] if one.outcome == "pass"]

    def text(self) -> str:
        """A line a rule with news, a line a claim, what there is to look at, and the gate."""
        lines = [f"{one.word:{_WIDTH}}  {one.headline}" for one in self.news]
        lines += map(_line, self.standings)
        for one in self.findings():
            if one.outcome != "pass":
                lines += ["", one.headline, *(f"  {line}" for line in one.body)]
        way_out = [_WAY_OUT, ""] if any(one.word == "STALE" for one in self.news) else []
        told = [*self._changes(), *way_out, *self._other_tools()]
        return "\n".join([*lines, "", *told, self.summary()]) + "\n"

    def summary(self) -> str:
        """One line: open or closed, and how much of it was known."""
        counts = [
            f"{count} {told}"
            for source, told in _SOURCES.items()
            if (count := sum(one.found.source == source for one in self.standings))
            or source != "interrupted"
        ]
        failing = sum(one.word not in ("pass", "WARN", "STALE") for one in self.standings)
        stale = sum(one.word == "STALE" for one in self.news)
        warned = sum(one.outcome == "warn" for one in self.standings)
        why = [f"{failing} of {len(self.standings)} claims fail"] if failing else []
        why += [f"{stale} {'rule is' if stale == 1 else 'rules are'} stale"] if stale else []
        state = f"closed: {', '.join(why)}" if why else "open"
        if self.interrupted or (self.unusable and not why):
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
            before = self._locked(one)
            if one.change != "unchanged":
                was = "new" if before is None else told(before.verdict, before.scope)
                now = told(one.found.row["status"], one.found.scope)
                name = f"{one.found.key.target} {one.found.key.property}"
                if was in ("new", now):
                    lines.append(f"{name}: {now}{self._of_which(one) if was == now else ''}")
                else:
                    lines.append(f"{name}: {was} -> {now}")
        lines += [f"{key.target} {key.property}: no longer checked" for key in self.removed]
        return [f"wrote {self.lock_file}", *(f"  {line}" for line in lines), ""]

    def _of_which(self, one: Standing) -> str:
        """Which function a verdict is of that reads as it did."""
        relation = self.relations.get(one.found.key.target)
        if relation is None:
            return ", of a property that is written otherwise"
        if relation.kind == "same":
            return ", of the same function written otherwise"
        return ", of another function" if relation.kind == "changed" else ", of what is there now"

    def as_json(self) -> dict[str, Any]:
        """The report of the schema `tokenauction.gate/1`."""
        status = self.exit_status()
        return {
            "schema": SCHEMA,
            "versions": report.versions(),
            "status": "open" if status == exit_status.PROVED else "closed",
            "exit_status": status,
            "lock": self.lock_file,
            "updated": self.updated,
            "rules": [one.as_json() for one in self.news],
            "claims": [self._claim(one) for one in self.standings],
            "removed": [key._asdict() for key in self.removed],
            "unusable": list(self.unusable),
        }

    def _claim(self, one: Standing) -> dict[str, Any]:
        found = one.found
        locked = self._locked(one)
        before = locked and {"status": locked.verdict, "scope": locked.scope.shown()}
        return {
            **found.row,
            "target": found.key.target,
            "required": found.required,
            "required_scope": found.requirement.scope.shown() if found.required else None,
            "outcome": one.outcome,
            "word": one.word,
            "change": one.change,
            "problems": list(one.problems),
            "source": found.source,
            "locked": before,
        }


_WAY_OUT: Final = f"{STALE}: review what changed, and record it with `tokenauction gate --update`"


def _line(one: Standing) -> str:
    row = one.found.row
    name = f"{one.found.key.target} {one.found.key.property}"
    required = "" if one.found.required else ", not required"
    word = "pass" if one.word == "STALE" else one.word
    return (
        f"{word:{_WIDTH}}  {row['status']:8} {name}  "
        f"[{scope_with_doubt(row)}{required}]  {one.change}"
    )


def _fingerprint(locked: Locked | None) -> str | None:
    return None if locked is None else locked.fingerprint


def _property_of(locked: Locked | None) -> str | None:
    return None if locked is None else locked.property_fingerprint


def told(status: str, sizes: Scope) -> str:
    """A verdict and what it covers, in words.

    >>> told("proved", Scope()), told("unknown", Scope((), ()))
    ('proved for all agents, all tokens', 'unknown')
    """
    return f"proved for {sizes}" if status == "proved" else status
