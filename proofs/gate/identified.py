"""The claims of a project as a first child names them: which functions are they about?"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from tokenauction.proofs.gate.cache import Cache
from tokenauction.proofs.gate.checks import Answer
from tokenauction.proofs.gate.configuration import TABLE, Configuration, Requirement
from tokenauction.proofs.gate.counterparts import Identity
from tokenauction.proofs.gate.lock import ClaimKey, Lock
from tokenauction.proofs.gate.same_rule import Relation, Suspect
from tokenauction.proofs.gate.standing import Found
from tokenauction.proofs.loading.targets import files_of
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import IdentifyRequest
from tokenauction.proofs.results import report

_SHOWN = ("rule", "file", "line", "fingerprint", "property")


@dataclass(frozen=True)
class Ways:
    """How claims are decided: by which executor, from which cache, and what is done again.

    `sources` are the project's files where the executor's machines do not have them. `jobs` is how
    many checks the executor does at once: the claims of a rule share a process where that leaves
    enough for each. `base` is the revision that has the locked functions, None for the one that
    last changed the lock.
    """

    executor: Executor
    cache: Cache
    sources: str | None = None
    jobs: int = 1
    fresh: bool = False
    recheck: bool = False
    base: str | None = None
    progress: Callable[[str], None] = lambda _: None
    decided: Callable[[Mapping[str, Any]], None] = lambda _: None


@dataclass
class Survey:
    """What is known of the claims of a project.

    `relations` has the rules whose fingerprint or name is not the locked one; `locked` says which
    claim of the lock each claim is.
    """

    found: list[Found] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    interrupted: bool = False
    relations: dict[str, Relation] = field(default_factory=dict)
    locked: dict[ClaimKey, ClaimKey] = field(default_factory=dict)


@dataclass(frozen=True)
class IdentifiedClaim:
    """A claim as it was identified: `row` has its place and fingerprint, and no verdict."""

    key: ClaimKey
    requirement: Requirement
    required: bool
    row: Mapping[str, Any]
    property_fingerprint: str | None
    replayed: Mapping[str, Any] | None
    lost: str

    @property
    def identity(self) -> Identity:
        """What it is recognised by in the lock."""
        return Identity(self.key, self.row["fingerprint"], self.property_fingerprint)

    @property
    def name(self) -> Mapping[str, Any]:
        """What a result says of the claim itself."""
        return {field: self.row[field] for field in _SHOWN}

    def found(self, row: Mapping[str, Any], tools: str, source: Any) -> Found:
        """The claim with its verdict."""
        return Found(
            self.key, self.requirement, self.required, row, self.property_fingerprint, tools, source
        )

    def undecided(self, reason: str) -> dict[str, Any]:
        """The result of the claim without a verdict."""
        return report.undecided({**self.name}, reason)


def identified(
    configuration: Configuration, lock: Lock, ways: Ways, seen: Survey
) -> list[IdentifiedClaim]:
    """Every claim of the project, with its identity as far as its functions let us see it.

    Each file has a process of its own, as when it is decided: what one file does to a process must
    not show in the functions of another.
    """
    files: dict[tuple[str, ...], list[int]] = {}
    for number, wanted in enumerate(configuration.requirements):
        files.setdefault(tuple(files_of(wanted.target)), []).append(number)
    claims: list[tuple[int, IdentifiedClaim]] = []
    problems = []
    for numbers in files.values():
        if seen.interrupted:
            break
        try:
            claims += _identified_together(numbers, configuration, lock, ways, seen)
        except supervisor.Failed as problem:
            problems.append(in_project(str(problem), {"folder": str(configuration.root)}))
    if problems and not claims:
        raise supervisor.Failed("; ".join(problems))
    seen.unusable += problems
    return [claim for _, claim in sorted(claims, key=lambda one: one[0])]


def _identified_together(
    numbers: Sequence[int], configuration: Configuration, lock: Lock, ways: Ways, seen: Survey
) -> list[tuple[int, IdentifiedClaim]]:
    """The claims of some requirements, each with the number of its own."""
    wanted = [configuration.requirements[number] for number in numbers]
    request: IdentifyRequest = {
        "do": "identify",
        "folder": str(configuration.root),
        "pythonpath": [*configuration.pythonpath],
        "targets": [one.target for one in wanted],
        "requirements": [
            {"target": one.target, "properties": one.properties, "recorded": one.recorded}
            for one in wanted
        ],
        "witnesses": {
            f"{key.target} {key.property}": locked.witness
            for key, locked in lock.items()
            if locked.witness is not None
        },
        "budget": max(one.budget for one in wanted),
        "timeout": max((one.timeout for one in wanted if one.timeout), default=None),
        "memory": max((one.memory for one in wanted if one.memory), default=None),
    }
    outcome = supervisor.verify(request, ways.progress, lambda _: None)
    here = {"folder": str(configuration.root)}
    seen.unusable += [in_project(message, here) for message in outcome.unusable]
    seen.interrupted = seen.interrupted or outcome.interrupted
    return [
        (
            numbers[row["requirement"]],
            IdentifiedClaim(
                ClaimKey(row["target"], row["property"]),
                wanted[row["requirement"]],
                row["required"],
                row,
                row.get("property_fingerprint"),
                row.get("replayed"),
                _lost(row, str(configuration.root)),
            ),
        )
        for row in outcome.rows()
    ]


def suspects_of(claims: Sequence[IdentifiedClaim], lock: Lock, seen: Survey) -> list[Suspect]:
    """The rules whose name or fingerprint is not the one that is locked, once each."""
    found: dict[str, Suspect] = {}
    for claim in claims:
        locked, target = lock.get(claim.key), claim.key.target
        if locked is None or claim.lost or target in found:
            continue
        old, now = seen.locked[claim.key].target, claim.row["fingerprint"]
        if old != target or now != locked.fingerprint:
            found[target] = Suspect(target, old, now, locked.fingerprint, claim.requirement)
    return list(found.values())


def _lost(row: Mapping[str, Any], folder: str) -> str:
    """Why a claim could not even be identified; empty where it was."""
    if row.get("lost"):
        return "looking at the rule for another claim did not end; it is the same rule"
    return in_project(str(row.get("reason", "")), {"folder": folder})


def in_project(text: str, answer: Answer) -> str:
    """A text in the terms of the project: its files by their names in it, its keys for options."""
    folder = answer.get("folder")
    text = text.replace("give it more with --", f"give it more with the key {TABLE}.")
    return text.replace(f"{folder}/", "") if folder else text


def tools(versions: Mapping[str, str] | None = None) -> str:
    """The checker and the solver that a verdict rests on, with their versions."""
    versions = versions or report.versions()
    return ", ".join(f"{name} {versions[name]}" for name in ("tokenauction", "z3-solver"))
