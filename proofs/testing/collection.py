"""Rules under test as pytest items `file.py::rule::property`, decided in a child process.

Collecting runs the file, as importing does, and loads no solver. The properties of a rule that are
selected are decided together, at the first of them; a rule that hangs, or ends its process, fails
with that reason. Guarantee: an item passes only where its property is proved for every size that is
required of it.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tokenauction.proofs.gate.configuration import (
    BadConfiguration,
    Configuration,
    Requirement,
    find,
    read,
)
from tokenauction.proofs.loading.files import CannotLoad, load_file
from tokenauction.proofs.loading.named import Target, load_named
from tokenauction.proofs.loading.project_claims import claims_of_project
from tokenauction.proofs.loading.targets import files_of, in_other_files, name_of
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import VerifyRequest
from tokenauction.proofs.reports.findings import scope
from tokenauction.proofs.testing.readable import shortfall, text
from tokenauction.theory import RuleProperty


@dataclass(frozen=True)
class _Wanted:
    """One claim under test; `target` names its rule alone, `of` is what is required of it."""

    target: str
    named: str
    of: Requirement
    rule: Target
    prop: RuleProperty

    @property
    def rule_name(self) -> str:
        """The name of the rule in its file."""
        return name_of(self.target) or self.target


class NotProved(Exception):
    """A property of a rule is not proved as it is required."""

    def __init__(self, told: str, reason: str) -> None:
        super().__init__(told)
        self.reason = reason


class Rules:
    """The rules under test in one run: where they are, and what is known of them."""

    def __init__(self, config: pytest.Config, pyproject: tuple[Path, str] | None) -> None:
        self._config = config
        self._pyproject = pyproject
        self._configuration: Configuration | None = None
        self._selected: list[PropertyItem] = []
        self._rows: dict[PropertyItem, Mapping[str, Any] | str] = {}
        worker = hasattr(config, "workerinput")
        self._together = not worker or config.getoption("loadgroup", False)

    # Collecting

    def collectors(
        self,
        file_path: Path,
        parent: pytest.Collector,
        named: bool,
        others: list[pytest.Collector],
    ) -> list[pytest.Collector]:
        """What a file is collected by: what other plugins say, and its rules.

        A file of rules that has no tests is not collected as a module of tests besides.
        """
        try:
            configured = self._required_of(file_path)
        except pytest.Collector.CollectError as problem:
            return [*others, Misconfigured.from_parent(parent, path=file_path, problem=problem)]
        if not configured and not named:
            return others
        wanted = configured or [self._as_asked(Requirement(str(file_path)))]
        if "test" not in file_path.read_text("utf-8", "replace").lower():
            others = [one for one in others if type(one) is not pytest.Module]
        mine = RuleFile.from_parent(
            parent, path=file_path, rules=self, wanted=wanted, configured=bool(configured)
        )
        return [*others, mine]

    def add_configured(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Every configured target that is not among the items yet."""
        try:
            configuration = self._read() or read(find(self._config.rootpath))
        except BadConfiguration as problem:
            raise pytest.UsageError(f"--tokenauction: {problem}") from None
        mine = [item for item in items if isinstance(item, PropertyItem)]
        there = {(item.path.resolve(), item.wanted.target, item.wanted.named) for item in mine}
        homes = dict.fromkeys(_home(configuration, one) for one in configuration.requirements)
        for home in homes:
            file = RuleFile.from_parent(
                session, path=home, rules=self, wanted=self._required_of(home), configured=True
            )
            items.extend(
                item
                for item in session.genitems(file)
                if not isinstance(item, PropertyItem)
                or (home, item.wanted.target, item.wanted.named) not in there
            )

    def select(self, items: Iterable[pytest.Item]) -> None:
        """Take down what is going to run."""
        self._selected = [item for item in items if isinstance(item, PropertyItem)]

    def _required_of(self, file_path: Path) -> list[Requirement]:
        """What is configured for a file, with its paths made absolute."""
        try:
            configuration = self._read()
        except BadConfiguration as problem:
            raise pytest.Collector.CollectError(str(problem)) from None
        if configuration is None:
            return []
        return [
            self._as_asked(_absolute(one, configuration.root))
            for one in configuration.requirements
            if _home(configuration, one) == file_path.resolve()
        ]

    def _read(self) -> Configuration | None:
        if self._configuration is None and self._pyproject is not None:
            self._configuration = read(self._pyproject[0])
        return self._configuration

    def _as_asked(self, wanted: Requirement) -> Requirement:
        """A requirement with what the command line says of its budget and seed."""
        budget = self._config.getoption("--tokenauction-budget")
        seed = self._config.getoption("--tokenauction-seed")
        return replace(
            wanted,
            budget=wanted.budget if budget is None else budget,
            seed=wanted.seed if seed is None else seed,
        )

    # Deciding

    def row_of(self, item: "PropertyItem") -> Mapping[str, Any] | str:
        """The result of an item's claim, or why there is none."""
        if item not in self._rows:
            alike = [one for one in self._selected if one.decided_with(item)]
            self._decide(alike if self._together and item in alike else [item])
        return self._rows[item]

    def _decide(self, items: list["PropertyItem"]) -> None:
        wanted = items[0].wanted
        agents, tokens = wanted.of.sizes or (None, None)
        request: VerifyRequest = {
            "do": "verify",
            "targets": [wanted.target],
            "properties": [item.wanted.named for item in items],
            "agents": agents,
            "tokens": tokens,
            "budget": wanted.of.budget,
            "timeout": wanted.of.timeout,
            "memory": wanted.of.memory,
            "seed": wanted.of.seed,
            "explain": False,
            "pythonpath": _paths_below(self._config.rootpath),
        }
        try:
            outcome = supervisor.verify(request, lambda _: None, lambda _: None)
        except supervisor.Failed as problem:
            self._rows.update(dict.fromkeys(items, str(problem)))
            return
        if outcome.interrupted:
            raise KeyboardInterrupt
        rows: list[Mapping[str, Any] | str] = [*outcome.rows()]
        if len(rows) != len(items):
            rows = ["another number of claims was answered than was asked"] * len(items)
        self._rows.update(zip(items, rows, strict=True))


def _paths_below(folder: Path) -> list[str]:
    """The folders of a project that this process imports from, as pytest was told to."""
    return [path for path in sys.path if path and Path(path).is_relative_to(folder)]


def _home(configuration: Configuration, wanted: Requirement) -> Path:
    """The file whose items a target makes: its own, or the configuration's for a shipped rule."""
    files = files_of(wanted.target)
    return (configuration.root / files[-1] if files else configuration.file).resolve()


def _absolute(wanted: Requirement, root: Path) -> Requirement:
    def placed(name: str) -> str:
        return in_other_files(name, lambda path: str(root / path))

    listed = wanted.properties
    properties = None if listed is None else tuple(map(placed, listed))
    return replace(wanted, target=placed(wanted.target), properties=properties, recorded=())


class Misconfigured(pytest.File):
    """A file whose requirements cannot be read: an error of its own, which ends nothing else."""

    def __init__(self, *, problem: pytest.Collector.CollectError, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._problem = problem

    def collect(self) -> Iterator[pytest.Item]:
        """Nothing but the error."""
        raise self._problem


class RuleFile(pytest.File):
    """A file with rules under test."""

    def __init__(
        self, *, rules: Rules, wanted: list[Requirement], configured: bool, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rules = rules
        self._wanted = wanted
        self._configured = configured

    def collect(self) -> Iterator["RuleCollector"]:
        """One collector for each rule and mechanism."""
        try:
            claims = [] if self._has_no_rules() else self._claims()
        except CannotLoad as problem:
            raise self.CollectError(str(problem)) from None
        for name, alike in groupby(claims, key=lambda claim: claim.rule_name):
            yield RuleCollector.from_parent(self, name=name, wanted=list(alike))

    def _has_no_rules(self) -> bool:
        """Whether the file was only guessed to have rules, and has none."""
        if self._configured:
            return False
        load_file(str(self.path))
        try:
            return not load_named(str(self.path))
        except CannotLoad:
            return True

    def _claims(self) -> list[_Wanted]:
        asked = [
            {"target": one.target, "properties": one.properties, "recorded": ()}
            for one in self._wanted
        ]
        return [
            _Wanted(
                claim["target"],
                claim["property"],
                self._wanted[claim["requirement"]],
                *claim["objects"],
            )
            for claim in claims_of_project(asked)
        ]


class RuleCollector(pytest.Collector):
    """A rule or a mechanism."""

    def __init__(self, *, wanted: list[_Wanted], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._wanted = wanted

    def collect(self) -> Iterator["PropertyItem"]:
        """One item for each property."""
        for claim in self._wanted:
            name = claim.named.rpartition("::")[2]
            yield PropertyItem.from_parent(self, name=name, wanted=claim)


class PropertyItem(pytest.Item):
    """A property of a rule; it passes where the property is proved."""

    def __init__(self, *, wanted: _Wanted, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wanted = wanted
        self.add_marker("tokenauction")
        if self.config.pluginmanager.hasplugin("xdist"):
            self.add_marker(pytest.mark.xdist_group(f"{self.path.name}::{wanted.rule_name}"))

    @property
    def _rules(self) -> Rules:
        file = self.getparent(RuleFile)
        assert file is not None
        return file.rules

    def decided_with(self, other: "PropertyItem") -> bool:
        """Whether two items are about one rule, and as much may be spent on both."""
        return (self.wanted.target, self.wanted.of) == (other.wanted.target, other.wanted.of)

    def runtest(self) -> None:
        """Decide the property; raises NotProved."""
        row = self._rules.row_of(self)
        if isinstance(row, str):
            raise NotProved(row, row)
        problem = shortfall(row, self.wanted.of)
        if not problem:
            covered = scope(row)
            self.user_properties += [("scope", covered), ("method", row["method"])]
            told = f"proved for {covered}, by {row['method']}"
            self.add_report_section("call", "tokenauction", told)
            return
        if row["status"] == "unknown" and self.wanted.of.unknown == "warn":
            pytest.xfail(f"unknown: {row['reason']}")
        reason = row["reason"] if row["status"] != "proved" else ""
        raise NotProved(
            text(row, self.wanted.prop.summary, problem), f"{problem}: {reason}".rstrip(": ")
        )

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The counterexample or the reason, rather than a traceback."""
        if isinstance(excinfo.value, NotProved):
            return _Shown(str(excinfo.value), excinfo.value.reason)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the rule is."""
        line = self.wanted.rule.line
        inside = line and Path(self.wanted.rule.file).resolve() == self.path.resolve()
        title = f"{self.wanted.rule.label} {self.name}"
        return self.path, line - 1 if inside else None, title


class _Shown:
    """A failure as pytest shows it: a text, and one line for the summary."""

    def __init__(self, told: str, reason: str) -> None:
        self._told = told
        self.reprcrash = SimpleNamespace(message=reason)

    def __str__(self) -> str:
        return self._told

    def toterminal(self, writer: Any) -> None:
        """Write the text."""
        for line in self._told.splitlines():
            writer.line(line)
