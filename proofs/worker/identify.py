"""What a project's claims are about, without deciding them: which functions, changed or not?

Runs in the child process, since it runs the user's files. Guarantee: two claims with the same
identity (the fingerprints of their functions and of their property) are about the same functions,
as far as a trace shows them; a locked counterexample is told to stand only where it was replayed.
"""

import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from tokenauction.proofs.core.faithfulness.fingerprints import fingerprint_of_property
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.installed_copies import own_files
from tokenauction.proofs.loading.listing import claim_row
from tokenauction.proofs.loading.project_claims import claims_of_project
from tokenauction.proofs.processes.messages import (
    Decided,
    Emit,
    IdentifyRequest,
    Loaded,
    Row,
    Started,
    Unusable,
)
from tokenauction.proofs.results import report
from tokenauction.proofs.results.assignment import assignment_of
from tokenauction.theory import RuleProperty


def identify(request: IdentifyRequest, emit: Emit) -> None:
    """Answer with the claims of a project, and with the identity of each.

    Where an earlier process ended in the middle of a rule, the rest of that rule's claims is given
    up (`lost`), so that a rule that hangs does so once.
    """
    project = claims_of_project(request["requirements"])
    _refuse_copies(Path(request["folder"]))
    rows = [_row(claim) for claim in project]
    emit(Loaded(rows))
    done = set(request["skip"])
    for _, group in groupby(enumerate(project), key=lambda one: id(one[1]["objects"][0])):
        of_rule = list(group)
        left = [(number, claim) for number, claim in of_rule if number not in done]
        if len(left) == len(of_rule):
            _identify_target(left, rows, request, emit)
            continue
        for number, _ in left:
            emit(Started(number))
            emit(Decided(number, {**rows[number], "lost": True}))


def _refuse_copies(root: Path) -> None:
    """Refuse a module that comes from elsewhere though the project has the file.

    It is a copy that was installed, so a change of the file would change nothing that is seen.
    """
    root = root.resolve()
    for name, file in own_files(root, list(sys.modules.items())):
        folder = file.parents[len(name.split(".")) - (file.name != "__init__.py")]
        base = folder.relative_to(root).as_posix()
        raise CannotLoad(
            f"{name} was imported from {sys.modules[name].__file__}, not from "
            f"{file.relative_to(root)}: install the project with -e, or write "
            f'pythonpath = ["{base}"] in the table [tool.tokenauction]'
        )


def _row(claim: Mapping[str, Any]) -> Row:
    row = claim_row(*claim["objects"])
    asked = {key: claim[key] for key in ("property", "target", "required", "requirement")}
    return {**row, **asked}


def _identify_target(
    numbered: list[tuple[int, dict[str, Any]]],
    rows: list[Row],
    request: IdentifyRequest,
    emit: Emit,
) -> None:
    from tokenauction.proofs.core.runs import numpy_run
    from tokenauction.proofs.deciding.options import Options
    from tokenauction.proofs.deciding.verifier import verifier_of

    target = numbered[0][1]["objects"][0]
    verifier = verifier_of(target, Options())
    for number, claim in numbered:
        emit(Started(number))
        prop = claim["objects"][1]
        found = {**rows[number], "property_fingerprint": None, "replayed": None}
        try:
            found["fingerprint"] = verifier.fingerprint
            if "::" in claim["property"]:
                found["property_fingerprint"] = fingerprint_of_property(prop)
                if found["property_fingerprint"] is None:
                    found["fingerprint"] = None  # nothing tells whether it is the same claim
            witness = request["witnesses"].get(f"{claim['target']} {claim['property']}")
            if witness is not None:
                found["replayed"] = _replayed(verifier, prop, witness, rows[number])
        except numpy_run.Unusable as problem:
            for waiting, _ in numbered:
                if waiting >= number:
                    emit(Unusable(waiting, str(problem)))
            return
        emit(Decided(number, found))


def _replayed(
    verifier: Any, prop: RuleProperty, witness: Mapping[str, Any], claim: Row
) -> Row | None:
    """The refutation that a locked counterexample still is, as a result; None where it is none."""
    try:
        values = assignment_of(witness)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    found = verifier.refuted_at(prop, values)
    if found is None:
        return None
    return report.result({**claim, "fingerprint": verifier.fingerprint}, found, 0.0)
