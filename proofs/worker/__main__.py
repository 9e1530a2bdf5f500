"""The child process that runs the user's files and decides claims.

It reads one request (a JSON line) and answers with events (JSON lines). It bounds its own memory
and processor time, and the parent kills it when the clock is up; nothing that a rule prints can get
among the events. Whatever goes wrong ends it with an event that says so, or with no answer at all.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, TextIO

from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.listing import claim_row, property_row, rule_row
from tokenauction.proofs.loading.named import (
    Target,
    claims_of,
    load_targets,
    named_properties_in,
    rules_in,
)
from tokenauction.proofs.processes.messages import (
    Broken,
    CompareRequest,
    Decided,
    Done,
    Emit,
    EmitRequest,
    Emitted,
    Event,
    IdentifyRequest,
    Listed,
    ListRequest,
    Loaded,
    Progress,
    Refused,
    Row,
    Started,
    Unusable,
    VerifyRequest,
    written,
)
from tokenauction.proofs.results import report
from tokenauction.proofs.results.report import undecided
from tokenauction.proofs.results.tracebacks import on_one_line
from tokenauction.proofs.worker import limits
from tokenauction.theory import RuleProperty

_ANOTHER = "the property is another than it was when the claim was identified; run it again"


def main() -> None:
    """Answer the request on standard input."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked = sys.stdin.readline()
    if not asked:
        return
    request = json.loads(asked)
    limits.leave_no_core()
    if "memory" in request:
        limits.limit_memory(request["memory"])
    if "budget" in request:
        limits.limit_seconds(request["budget"])
    own = os.getpid()
    if "folder" in request:
        os.chdir(request["folder"])
    sys.path[:0] = [os.path.abspath(path) for path in request.get("pythonpath", ())]
    sys.path.append(os.getcwd())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()

    def emit(event: Event) -> None:
        if os.getpid() != own:  # a rule has forked, and its copy of us has nothing to say
            os._exit(1)
        if isinstance(event, Started):
            limits.limit_seconds(request["budget"])
        _write(events, event)

    try:
        answers: dict[str, Callable[[Any, Emit], None]] = {
            "verify": _verify,
            "claims": _claims,
            "identify": _identify,
            "compare": _compare,
            "rules": _rules,
            "properties": _properties,
            "emit": _emit,
        }
        answers[request["do"]](request, emit)
        emit(Done())
    except CannotLoad as problem:
        emit(Refused(str(problem)))
    except BaseException as problem:
        emit(Broken(_reason(problem, request)))


def _reason(problem: BaseException, request: dict[str, Any]) -> str:
    """Why a claim is not decided, where deciding it raised; names the way out, or the place."""
    if isinstance(problem, MemoryError) or "out of memory" in str(problem):
        limit = f"{request['memory']} MiB" if "memory" in request else "the limit"
        return f"ran out of memory ({limit}); give it more with --memory"
    if isinstance(problem, RecursionError):
        return "the rule's expression is too deep to be decided"
    text = on_one_line(problem)
    last = traceback.extract_tb(problem.__traceback__)[-1]
    place = f"{os.path.basename(last.filename)}:{last.lineno}"
    return f"internal error, please report it: {text} ({place})"


def _end_with_the_parent() -> None:
    """The parent keeps our input open; when it is gone, so are we."""
    sys.stdin.read()
    os._exit(1)


def _write(events: TextIO, event: Event) -> None:
    try:
        events.write(written(event) + "\n")
        events.flush()
    except BrokenPipeError:
        os._exit(1)


def _identify(request: IdentifyRequest, emit: Emit) -> None:
    from tokenauction.proofs.worker.identify import identify

    identify(request, emit)


def _compare(request: CompareRequest, emit: Emit) -> None:
    from tokenauction.proofs.worker.compare import answer

    answer(request, emit)


def _rules(request: ListRequest, emit: Emit) -> None:
    found = [pair for path in request["targets"] for pair in rules_in(path)]
    emit(Listed([rule_row(target, one) for target, one in found]))


def _properties(request: ListRequest, emit: Emit) -> None:
    found = [pair for path in request["targets"] for pair in named_properties_in(path)]
    emit(Listed([property_row(name, prop) for name, prop in found]))


def _emit(request: EmitRequest, emit: Emit) -> None:
    from tokenauction.proofs.testing.emitted import emitted_tests

    emit(Emitted(*emitted_tests(request)))


def _claims(request: VerifyRequest, emit: Emit) -> None:
    emit(Listed(_rows(claims_of(load_targets(request["targets"]), request["properties"]))))


def _rows(claims: list[tuple[Target, RuleProperty]]) -> list[Row]:
    """What results say of the claims themselves."""
    return [claim_row(target, prop) for target, prop in claims]


def _verify(request: VerifyRequest, emit: Emit) -> None:
    claims = claims_of(load_targets(request["targets"]), request["properties"])
    rows = _rows(claims)
    emit(Loaded(rows))
    only = request.get("only")
    wanted = set(range(len(claims)) if only is None else only) - set(request["skip"])
    for target, group in groupby(enumerate(claims), key=lambda numbered: numbered[1][0]):
        numbered = {number: prop for number, (_, prop) in group if number in wanted}
        if numbered:
            _verify_target(target, numbered, request, rows, emit)


def _verify_target(
    target: Target,
    numbered: dict[int, RuleProperty],
    request: VerifyRequest,
    claims: list[Row],
    emit: Emit,
) -> None:
    from tokenauction.proofs.core.runs import numpy_run
    from tokenauction.proofs.deciding.options import Options
    from tokenauction.proofs.deciding.verifier import verifier_of

    options = Options(
        agents=request["agents"],
        tokens=request["tokens"],
        budget=request["budget"],
        seed=request["seed"],
        progress=lambda text: emit(Progress(text)),
    )
    verifier = verifier_of(target, options)
    for number, prop in numbered.items():
        emit(Started(number))
        start = time.perf_counter()
        if _is_another(prop, _said_of(number, request.get("property_fingerprints"))):
            emit(Decided(number, undecided(claims[number], _ANOTHER)))
            continue
        try:
            verdict = verifier.verify(prop, _said_of(number, request.get("methods")) or "")
        except numpy_run.Unusable as problem:
            emit(Unusable(number, str(problem)))
            continue
        claim = {**claims[number], "fingerprint": verifier.fingerprint}
        done = report.result(claim, verdict, time.perf_counter() - start)
        if request["explain"]:
            done["explanation"] = _explanation(verifier, prop, verdict)
        emit(Decided(number, done))


def _said_of(number: int, said: Sequence[str | None] | None) -> str | None:
    """What a request about one rule says of each of its claims."""
    return None if said is None else said[number]


def _is_another(prop: RuleProperty, wanted: str | None) -> bool:
    """Whether a property is not the one with the fingerprint, where one is wanted."""
    if wanted is None:
        return False
    from tokenauction.proofs.core.faithfulness.fingerprints import fingerprint_of_property

    return fingerprint_of_property(prop) != wanted


def _explanation(verifier: Any, prop: RuleProperty, verdict: Any) -> list[str]:
    from tokenauction.proofs.deciding.explain import explanation

    return explanation(verifier, prop, verdict)


if __name__ == "__main__":
    main()
