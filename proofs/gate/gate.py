"""The gate: what is known of every claim of a project, at the least cost that keeps it true.

A claim about the same functions as when it was locked, with the same tools, stands as it was
locked: a locked counterexample is replayed, a locked proof stands. Everything else is decided, by
the executor, unless the cache has it. Guarantee: a verdict is kept for a claim only where the
functions' fingerprints in this run are those that it was reached for, or the functions are proved
to be the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any

from tokenauction.proofs import report, supervisor
from tokenauction.proofs.child_process import STOP
from tokenauction.proofs.gate.cache import Cache
from tokenauction.proofs.gate.checks import Answer, Request, answers
from tokenauction.proofs.gate.configuration import TABLE, Configuration, Requirement
from tokenauction.proofs.gate.counterparts import Identity, counterparts
from tokenauction.proofs.gate.lock import ClaimKey, Lock, Locked
from tokenauction.proofs.gate.same_rule import Relation, Suspect, related
from tokenauction.proofs.gate.standing import Found, Standing, is_locked_of, judge
from tokenauction.proofs.side_by_side import parts_of
from tokenauction.proofs.targets import files_of
from tokenauction.proofs.verdict import Scope

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
class _Claim:
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
        return supervisor.undecided({**self.name}, reason)


def survey(configuration: Configuration, lock: Lock, ways: Ways) -> Survey:
    """Find out what is known of every claim; raises supervisor.Failed where none can be found.

    A file that does not load is named in `unusable`, and the claims of the others are found.
    """
    seen = Survey()
    claims = _identified(configuration, lock, ways, seen)
    seen.locked = counterparts([claim.identity for claim in claims], lock)
    lock = {new: lock[old] for new, old in seen.locked.items()}
    if not seen.interrupted:
        suspects = _suspects(claims, lock, seen)
        for one in related(suspects, configuration, ways.base, ways.jobs, ways.progress):
            seen.relations[one.suspect.target] = one
    known: dict[ClaimKey, Found] = {}
    open_claims: list[_Claim] = []
    for claim in claims:
        relation = seen.relations.get(claim.key.target)
        found = _given_up(claim) if claim.lost else _known(claim, lock, relation, ways)
        if found is None:
            open_claims.append(claim)
        else:
            known[claim.key] = found
    if not seen.interrupted:
        for found in _decided(open_claims, configuration, lock, ways, seen):
            known[found.key] = found
            ways.decided(found.row)
    seen.interrupted = seen.interrupted or STOP.asked
    for claim in open_claims:
        if claim.key not in known:
            lost = claim.undecided(supervisor.INTERRUPTED)
            known[claim.key] = claim.found(lost, tools(), "interrupted")
    seen.found = [known[claim.key] for claim in claims]
    return seen


def _identified(configuration: Configuration, lock: Lock, ways: Ways, seen: Survey) -> list[_Claim]:
    """Every claim of the project, with its identity as far as its functions let us see it.

    Each file has a process of its own, as when it is decided: what one file does to a process must
    not show in the functions of another.
    """
    files: dict[tuple[str, ...], list[int]] = {}
    for number, wanted in enumerate(configuration.requirements):
        files.setdefault(tuple(files_of(wanted.target)), []).append(number)
    claims: list[tuple[int, _Claim]] = []
    problems = []
    for numbers in files.values():
        if seen.interrupted:
            break
        try:
            claims += _identified_together(numbers, configuration, lock, ways, seen)
        except supervisor.Failed as problem:
            problems.append(_in_project(str(problem), {"folder": str(configuration.root)}))
    if problems and not claims:
        raise supervisor.Failed("; ".join(problems))
    seen.unusable += problems
    return [claim for _, claim in sorted(claims, key=lambda one: one[0])]


def _identified_together(
    numbers: Sequence[int], configuration: Configuration, lock: Lock, ways: Ways, seen: Survey
) -> list[tuple[int, _Claim]]:
    """The claims of some requirements, each with the number of its own."""
    wanted = [configuration.requirements[number] for number in numbers]
    request: Request = {
        "do": "identify",
        "folder": str(configuration.root),
        "pythonpath": configuration.pythonpath,
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
    seen.unusable += [_in_project(message, here) for message in outcome.unusable]
    seen.interrupted = seen.interrupted or outcome.interrupted
    return [
        (
            numbers[row["requirement"]],
            _Claim(
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


def _suspects(claims: Sequence[_Claim], lock: Lock, seen: Survey) -> list[Suspect]:
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
    return _in_project(str(row.get("reason", "")), {"folder": folder})


# What is known already ---------------------------------------------------------------------------


def _known(claim: _Claim, lock: Lock, relation: Relation | None, ways: Ways) -> Found | None:
    """What the lock or the cache says of the same functions; None where it has to be decided."""
    locked = lock.get(claim.key)
    if ways.fresh or claim.row["fingerprint"] is None:
        return None
    same = locked is not None and _is_of(claim, locked, relation)
    if claim.replayed is not None and _is_within(claim.replayed, claim.requirement):
        row = {**claim.replayed, **claim.name}
        return claim.found(row, _tools_of(locked), "lock" if same else "decided")
    if locked is not None and same and _still_stands(claim, locked, ways):
        return claim.found(_row_of(claim, locked), locked.tools, "lock")
    if ways.recheck:
        return None
    cached = ways.cache.get(_cache_key(claim))
    if cached is None or not _is_told_by_fingerprint(Scope.of(cached["scope"])):
        return None
    return claim.found({**cached, **claim.name}, tools(), "cache")


def _given_up(claim: _Claim) -> Found:
    return claim.found(claim.undecided(claim.lost), tools(), "decided")


def _is_of(claim: _Claim, locked: Locked, relation: Relation | None = None) -> bool:
    """Whether something is locked of the very functions and property of a claim."""
    fingerprints = claim.row["fingerprint"], claim.property_fingerprint
    return is_locked_of(locked, *fingerprints, relation)


def _is_within(row: Mapping[str, Any], wanted: Requirement) -> bool:
    """Whether a counterexample is of a size that something is required of."""
    agents, tokens = (max(row["scope"][axis]) for axis in ("agents", "tokens"))
    return wanted.sizes is None or (agents <= wanted.sizes[0] and tokens <= wanted.sizes[1])


def _tools_of(locked: Locked | None) -> str:
    return tools() if locked is None else locked.tools


def _still_stands(claim: _Claim, locked: Locked, ways: Ways) -> bool:
    """Whether a locked verdict on the same functions, other than a refutation, stands as it is.

    A claim that was cut short (`method` is "none") is tried again; one that was left undecided
    after everything was tried is not.
    """
    again = ways.recheck and locked.verdict == "proved"
    if locked.tools != tools() or again or locked.verdict == "refuted":
        return False
    if not _is_told_by_fingerprint(locked.scope):
        return False
    enough = locked.verdict == "proved" and locked.scope.covers(claim.requirement.scope)
    return enough or (locked.method != "none" and locked.effort == effort(claim.requirement))


def _is_told_by_fingerprint(scope: Scope) -> bool:
    """Whether the fingerprint of a rule says what it does at every size of a scope.

    That of a rule without a trace over every size speaks of small sizes only.
    """
    from tokenauction.proofs.claims import LARGEST_FINGERPRINTED

    return all(
        sizes == "all" or max(sizes, default=0) <= LARGEST_FINGERPRINTED
        for sizes in (scope.agents, scope.tokens)
    )


def _row_of(claim: _Claim, locked: Locked) -> dict[str, Any]:
    """A locked verdict as a result."""
    return {
        **claim.name,
        "status": locked.verdict,
        "scope": locked.scope.shown(),
        "method": locked.method,
        "seconds": 0.0,
        "reason": locked.reason,
        "assumptions": list(locked.assumptions),
        "evidence": [],
        "counterexample": None,
    }


# What has to be decided --------------------------------------------------------------------------


def _decided(
    claims: Sequence[_Claim], configuration: Configuration, lock: Lock, ways: Ways, seen: Survey
) -> Iterator[Found]:
    """The claims with their verdicts, as they come."""
    groups = _groups(claims, ways.jobs)
    requests = [_request(group, configuration, lock, ways) for group in groups]
    ways.progress(f"{len(claims)} claims to decide")
    for number, answer in answers(requests, ways.executor):
        for message in (_in_project(told, answer) for told in answer["unusable"]):
            if message not in seen.unusable:
                seen.unusable.append(message)
        for claim, row in _verdicts(groups[number], answer):
            ways.cache.put(_cache_key(claim, row["fingerprint"]), row)
            yield claim.found(row, tools(), "decided")


def _groups(claims: Sequence[_Claim], jobs: int) -> list[list[_Claim]]:
    """The claims that are decided in one process each."""
    rules = [(claim.key.target, claim.requirement.target) for claim in claims]
    return [[claims[number] for number in part] for part in parts_of(rules, jobs)]


def _request(
    claims: Sequence[_Claim], configuration: Configuration, lock: Lock, ways: Ways
) -> Request:
    wanted = claims[0].requirement
    agents, tokens = wanted.sizes or (None, None)
    where = {"folder": str(configuration.root)} if ways.sources is None else {}
    sent = {} if ways.sources is None else {"sources": ways.sources}
    return {
        "targets": [claims[0].key.target],
        "properties": [claim.key.property for claim in claims],
        "property_fingerprints": [claim.property_fingerprint for claim in claims],
        "methods": ["" if ways.fresh else _method(claim, lock) for claim in claims],
        "agents": agents,
        "tokens": tokens,
        "budget": wanted.budget,
        "timeout": wanted.timeout,
        "memory": wanted.memory,
        "seed": wanted.seed,
        "explain": False,
        "pythonpath": configuration.pythonpath,
        **where,
        **sent,
    }


def _method(claim: _Claim, lock: Lock) -> str:
    """How a claim about the same functions was proved before; empty where it was not."""
    locked = lock.get(claim.key)
    proved = locked is not None and locked.verdict == "proved" and _is_of(claim, locked)
    return locked.method if locked is not None and proved else ""


def _verdicts(
    claims: Sequence[_Claim], answer: Answer
) -> Iterator[tuple[_Claim, Mapping[str, Any]]]:
    """The claims with what was answered, where that can be trusted to be about them."""
    problem = _in_project(answer["problem"], answer) or _other_tools(answer["versions"])
    if not problem and len(answer["rows"]) != len(claims):
        problem = "another number of claims was answered than was asked"
    if problem:
        for claim in claims:
            yield claim, claim.undecided(problem)
        return
    for claim, row in zip(claims, answer["rows"], strict=True):
        identified = claim.row["fingerprint"]
        reached = row["status"] != "unknown"
        if reached and identified is not None and row["fingerprint"] != identified:
            reason = "what was decided is another function than what was identified; run it again"
            yield claim, claim.undecided(reason)
        else:
            told = {"reason": _in_project(row["reason"], answer)}
            fingerprint = row["fingerprint"] or identified
            yield claim, {**row, **told, **claim.name, "fingerprint": fingerprint}


def _in_project(text: str, answer: Answer) -> str:
    """A text in the terms of the project: its files by their names in it, its keys for options."""
    folder = answer.get("folder")
    text = text.replace("give it more with --", f"give it more with the key {TABLE}.")
    return text.replace(f"{folder}/", "") if folder else text


def _other_tools(versions: Mapping[str, str]) -> str:
    here, there = tools(), tools(versions)
    return "" if here == there else f"it was decided with {there}, and here is {here}"


def tools(versions: Mapping[str, str] | None = None) -> str:
    """The checker and the solver that a verdict rests on, with their versions."""
    versions = versions or report.versions()
    return ", ".join(f"{name} {versions[name]}" for name in ("tokenauction", "z3-solver"))


def effort(wanted: Requirement) -> str:
    """What is spent on a claim before it is left undecided."""
    agents, tokens = wanted.sizes or (3, 3)
    return f"budget {wanted.budget:g}, seed {wanted.seed}, sizes to {agents}x{tokens}"


def _cache_key(claim: _Claim, fingerprint: str | None = None) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint or claim.row["fingerprint"],
        "property": claim.key.property,
        "property_fingerprint": claim.property_fingerprint,
        "effort": effort(claim.requirement),
        "tools": tools(),
    }


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
