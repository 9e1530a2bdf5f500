"""The gate: what is known of every claim of a project, at the least cost that keeps it true.

A claim about the same functions as when it was locked, with the same tools, stands as it was
locked: a locked counterexample is replayed, a locked proof stands. Everything else is decided, by
the executor, unless the cache has it. Guarantee: a verdict is kept for a claim only where the
functions' fingerprints in this run are those that it was reached for, or the functions are proved
to be the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenauction.proofs.gate.checks import Answer, answers
from tokenauction.proofs.gate.configuration import Configuration, Requirement
from tokenauction.proofs.gate.counterparts import counterparts
from tokenauction.proofs.gate.identified import (
    IdentifiedClaim,
    Survey,
    Ways,
    identified,
    in_project,
    suspects_of,
    tools,
)
from tokenauction.proofs.gate.lock import ClaimKey, Lock, Locked
from tokenauction.proofs.gate.relocked import effort
from tokenauction.proofs.gate.same_rule import Relation, related
from tokenauction.proofs.gate.sources import CheckRequest
from tokenauction.proofs.gate.standing import Found, is_locked_of
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.child_process import STOP
from tokenauction.proofs.processes.side_by_side import parts_of
from tokenauction.proofs.results.verdict import Scope


def survey(configuration: Configuration, lock: Lock, ways: Ways) -> Survey:
    """Find out what is known of every claim; raises supervisor.Failed where none can be found.

    A file that does not load is named in `unusable`, and the claims of the others are found.
    """
    seen = Survey()
    claims = identified(configuration, lock, ways, seen)
    seen.locked = counterparts([claim.identity for claim in claims], lock)
    lock = {new: lock[old] for new, old in seen.locked.items()}
    if not seen.interrupted:
        suspects = suspects_of(claims, lock, seen)
        for one in related(suspects, configuration, ways.base, ways.jobs, ways.progress):
            seen.relations[one.suspect.target] = one
    known: dict[ClaimKey, Found] = {}
    open_claims: list[IdentifiedClaim] = []
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


# What is known already ---------------------------------------------------------------------------


def _known(
    claim: IdentifiedClaim, lock: Lock, relation: Relation | None, ways: Ways
) -> Found | None:
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


def _given_up(claim: IdentifiedClaim) -> Found:
    return claim.found(claim.undecided(claim.lost), tools(), "decided")


def _is_of(claim: IdentifiedClaim, locked: Locked, relation: Relation | None = None) -> bool:
    """Whether something is locked of the very functions and property of a claim."""
    fingerprints = claim.row["fingerprint"], claim.property_fingerprint
    return is_locked_of(locked, *fingerprints, relation)


def _is_within(row: Mapping[str, Any], wanted: Requirement) -> bool:
    """Whether a counterexample is of a size that something is required of."""
    agents, tokens = (max(row["scope"][axis]) for axis in ("agents", "tokens"))
    return wanted.sizes is None or (agents <= wanted.sizes[0] and tokens <= wanted.sizes[1])


def _tools_of(locked: Locked | None) -> str:
    return tools() if locked is None else locked.tools


def _still_stands(claim: IdentifiedClaim, locked: Locked, ways: Ways) -> bool:
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
    from tokenauction.proofs.core.claims.formulas import LARGEST_FINGERPRINTED

    return all(
        sizes == "all" or max(sizes, default=0) <= LARGEST_FINGERPRINTED
        for sizes in (scope.agents, scope.tokens)
    )


def _row_of(claim: IdentifiedClaim, locked: Locked) -> dict[str, Any]:
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
    claims: Sequence[IdentifiedClaim],
    configuration: Configuration,
    lock: Lock,
    ways: Ways,
    seen: Survey,
) -> Iterator[Found]:
    """The claims with their verdicts, as they come."""
    groups = _groups(claims, ways.jobs)
    requests = [_request(group, configuration, lock, ways) for group in groups]
    ways.progress(f"{len(claims)} claims to decide")
    for number, answer in answers(requests, ways.executor):
        for message in (in_project(told, answer) for told in answer["unusable"]):
            if message not in seen.unusable:
                seen.unusable.append(message)
        for claim, row in _verdicts(groups[number], answer):
            ways.cache.put(_cache_key(claim, row["fingerprint"]), row)
            yield claim.found(row, tools(), "decided")


def _groups(claims: Sequence[IdentifiedClaim], jobs: int) -> list[list[IdentifiedClaim]]:
    """The claims that are decided in one process each."""
    rules = [(claim.key.target, claim.requirement.target) for claim in claims]
    return [[claims[number] for number in part] for part in parts_of(rules, jobs)]


def _request(
    claims: Sequence[IdentifiedClaim], configuration: Configuration, lock: Lock, ways: Ways
) -> CheckRequest:
    wanted = claims[0].requirement
    agents, tokens = wanted.sizes or (None, None)
    request: CheckRequest = {
        "do": "verify",
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
        "pythonpath": [*configuration.pythonpath],
    }
    if ways.sources is None:
        request["folder"] = str(configuration.root)
    else:
        request["sources"] = ways.sources
    return request


def _method(claim: IdentifiedClaim, lock: Lock) -> str:
    """How a claim about the same functions was proved before; empty where it was not."""
    locked = lock.get(claim.key)
    proved = locked is not None and locked.verdict == "proved" and _is_of(claim, locked)
    return locked.method if locked is not None and proved else ""


def _verdicts(
    claims: Sequence[IdentifiedClaim], answer: Answer
) -> Iterator[tuple[IdentifiedClaim, Mapping[str, Any]]]:
    """The claims with what was answered, where that can be trusted to be about them."""
    problem = in_project(answer["problem"], answer) or _other_tools(answer["versions"])
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
            told = {"reason": in_project(row["reason"], answer)}
            fingerprint = row["fingerprint"] or identified
            yield claim, {**row, **told, **claim.name, "fingerprint": fingerprint}


def _other_tools(versions: Mapping[str, str]) -> str:
    here, there = tools(), tools(versions)
    return "" if here == there else f"it was decided with {there}, and here is {here}"


def _cache_key(claim: IdentifiedClaim, fingerprint: str | None = None) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint or claim.row["fingerprint"],
        "property": claim.key.property,
        "property_fingerprint": claim.property_fingerprint,
        "effort": effort(claim.requirement),
        "tools": tools(),
    }
