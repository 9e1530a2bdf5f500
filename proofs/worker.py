"""The child process that runs the user's files and decides claims.

It reads one request (a JSON line) and answers with events (JSON lines). The parent kills it when
its time is up; nothing that a rule prints can get among the events.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from itertools import groupby
from typing import Any, TextIO

from tokenauction.proofs import report
from tokenauction.proofs.loading import (
    CannotLoad,
    Target,
    claims_of,
    load_targets,
    properties_in,
)
from tokenauction.theory import RuleProperty

Emit = Callable[..., None]


def main() -> None:
    """Answer the request on standard input."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked = sys.stdin.readline()
    if not asked:
        return
    request = json.loads(asked)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()

    def emit(event: str, **content: Any) -> None:
        _write(events, {"event": event, **content})

    try:
        answers = {"verify": _verify, "rules": _rules, "properties": _properties}
        answers[request["do"]](request, emit)
        emit("done")
    except CannotLoad as problem:
        emit("problem", message=str(problem))


def _end_with_the_parent() -> None:
    """The parent keeps our input open; when it is gone, so are we."""
    sys.stdin.read()
    os._exit(1)


def _write(events: TextIO, content: dict[str, Any]) -> None:
    try:
        events.write(json.dumps(content) + "\n")
        events.flush()
    except BrokenPipeError:
        os._exit(1)


def _rules(request: dict[str, Any], emit: Emit) -> None:
    found = load_targets(request["targets"])
    emit("listed", rows=[[r.label, r.support, r.summary, f"{r.file}:{r.line}"] for r in found])


def _properties(request: dict[str, Any], emit: Emit) -> None:
    found = [prop for path in request["targets"] for prop in properties_in(path)]
    emit("listed", rows=[[p.name, p.support, p.summary, f"{p.file}:{p.line}"] for p in found])


def _verify(request: dict[str, Any], emit: Emit) -> None:
    claims = claims_of(load_targets(request["targets"]), request["properties"])
    rows = [
        {
            "rule": target.label,
            "file": target.file,
            "line": target.line,
            "fingerprint": None,
            "property": prop.name,
        }
        for target, prop in claims
    ]
    emit("loaded", claims=rows)
    for target, group in groupby(enumerate(claims), key=lambda numbered: numbered[1][0]):
        numbered = {number: prop for number, (_, prop) in group}
        if not set(numbered) <= set(request["skip"]):
            _verify_target(target, numbered, request, rows, emit)


def _verify_target(
    target: Target,
    numbered: dict[int, RuleProperty],
    request: dict[str, Any],
    claims: list[dict[str, Any]],
    emit: Emit,
) -> None:
    from tokenauction.proofs.decision import Options, verifier_of
    from tokenauction.proofs.numpy_run import Unusable

    options = Options(
        agents=request["agents"],
        tokens=request["tokens"],
        budget=request["budget"],
        seed=request["seed"],
        progress=lambda text: emit("progress", text=text),
    )
    verifier = verifier_of(target, options)
    for number, prop in numbered.items():
        if number in request["skip"]:
            continue
        emit("started", number=number)
        start = time.perf_counter()
        try:
            verdict = verifier.verify(prop)
        except Unusable as problem:
            for waiting in numbered:
                if waiting >= number and waiting not in request["skip"]:
                    emit("unusable", number=waiting, message=str(problem))
            return
        claim = {**claims[number], "fingerprint": verifier.fingerprint}
        done = report.result(claim, verdict, time.perf_counter() - start)
        if request["explain"]:
            done["explanation"] = _explanation(verifier, prop, verdict)
        emit("result", number=number, result=done)


def _explanation(verifier: Any, prop: RuleProperty, verdict: Any) -> list[str]:
    from tokenauction.proofs.explain import explanation

    return explanation(verifier, prop, verdict)


if __name__ == "__main__":
    main()
