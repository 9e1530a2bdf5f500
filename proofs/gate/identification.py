"""What a project's claims are about, without deciding them: which functions, changed or not?

Runs in the child process, since it runs the user's files. Guarantee: two claims with the same
identity (the fingerprints of their functions and of their property) are about the same functions,
as far as a trace shows them; a locked counterexample is told to stand only where it was replayed.
"""

import sys
from collections.abc import Mapping
from functools import cache
from itertools import groupby, product
from pathlib import Path
from typing import Any

from tokenauction.mechanisms import CATALOGUE, PAYMENTS
from tokenauction.proofs import claims, report
from tokenauction.proofs.assignment import assignment_of
from tokenauction.proofs.claims import LARGEST_FINGERPRINTED, Claim, Formula, RuleFault
from tokenauction.proofs.copies import own_files
from tokenauction.proofs.digests import digest, digest_of
from tokenauction.proofs.loading import (
    CannotLoad,
    Target,
    claims_of,
    load_named,
)
from tokenauction.proofs.trace import TracingError
from tokenauction.theory import PROPERTIES, RuleProperty


def claims_of_project(requirements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The claims that requirements make, once each, with the objects that they are about.

    An entry that names one rule replaces what an entry for its whole file says of it. Raises
    CannotLoad.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for number, wanted in sorted(
        enumerate(requirements), key=lambda entry: "::" in entry[1]["target"]
    ):
        named = load_named(wanted["target"])
        own = {name for name, _ in named}
        found = {key: claim for key, claim in found.items() if key[0] not in own}
        names = {id(target): name for name, target in named}
        properties = wanted["properties"]
        for required, listed in ((True, properties), (False, wanted["recorded"])):
            if listed is not None and not listed:
                continue
            for target, prop, told in _named_claims([t for _, t in named], listed):
                key = (names[id(target)], told)
                found.setdefault(
                    key,
                    {
                        "requirement": number,
                        "target": key[0],
                        "property": told,
                        "required": required,
                        "objects": (target, prop),
                    },
                )
    return sorted(found.values(), key=lambda claim: (claim["requirement"], claim["target"]))


def _named_claims(
    targets: list[Target], listed: list[str] | None
) -> list[tuple[Target, RuleProperty, str]]:
    """Every claim with the name of its property in the configuration."""
    if listed is None:
        return [(target, prop, prop.name) for target, prop in claims_of(targets, ())]
    return [
        (target, prop, _property_name(name))
        for name in listed
        for target, prop in claims_of(targets, [name])
    ]


def _property_name(name: str) -> str:
    return name if "::" in name else name.replace("_", "-")


def identify(request: dict[str, Any], emit: Any) -> None:
    """Answer with the claims of a project, and with the identity of each.

    Where an earlier process ended in the middle of a rule, the rest of that rule's claims is given
    up (`lost`), so that a rule that hangs does so once.
    """
    project = claims_of_project(request["requirements"])
    _refuse_copies(Path(request["folder"]))
    rows = [_row(claim) for claim in project]
    emit("loaded", claims=rows)
    done = set(request["skip"])
    for _, group in groupby(enumerate(project), key=lambda one: id(one[1]["objects"][0])):
        of_rule = list(group)
        left = [(number, claim) for number, claim in of_rule if number not in done]
        if len(left) == len(of_rule):
            _identify_target(left, rows, request, emit)
            continue
        for number, _ in left:
            emit("started", number=number)
            emit("result", number=number, result={**rows[number], "lost": True})


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


def _row(claim: Mapping[str, Any]) -> dict[str, Any]:
    target, _ = claim["objects"]
    return {
        "rule": target.label,
        "file": target.file,
        "line": target.line,
        "fingerprint": None,
        "property": claim["property"],
        **{key: claim[key] for key in ("target", "required", "requirement")},
    }


def _identify_target(
    numbered: list[tuple[int, dict[str, Any]]],
    rows: list[dict[str, Any]],
    request: dict[str, Any],
    emit: Any,
) -> None:
    from tokenauction.proofs.decision import Options, verifier_of
    from tokenauction.proofs.numpy_run import Unusable

    target = numbered[0][1]["objects"][0]
    verifier = verifier_of(target, Options())
    for number, claim in numbered:
        emit("started", number=number)
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
        except Unusable as problem:
            for waiting, _ in numbered:
                if waiting >= number:
                    emit("unusable", number=waiting, message=str(problem))
            return
        emit("result", number=number, result=found)


def _replayed(
    verifier: Any, prop: RuleProperty, witness: dict[str, Any], claim: dict[str, Any]
) -> dict[str, Any] | None:
    """The refutation that a locked counterexample still is, as a result; None where it is none."""
    try:
        values = assignment_of(witness)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    found = verifier.refuted_at(prop, values)
    if found is None:
        return None
    return report.result({**claim, "fingerprint": verifier.fingerprint}, found, 0.0)


@cache
def fingerprint_of_property(prop: RuleProperty) -> str | None:
    """A digest of what a property says; None where it cannot be traced at any size.

    Of the formula at every small size and instance, for rules of which nothing is known; and of the
    formula over every size, for rules that are known. What the property gives to each call of a
    rule is part of it.
    """
    if prop in PROPERTIES.values():
        return digest(f"built-in {prop.name}")
    rule, payment = CATALOGUE["linear"], PAYMENTS["pay-your-bid"]
    told = [str(prop.arguments), prop.support, str(prop.everywhere)]
    unknown = Claim(rule, prop, opaque=True, payment=payment)
    traced = False
    for agents, tokens in product(range(1, LARGEST_FINGERPRINTED + 1), repeat=2):
        try:
            made = list(claims.instances(unknown, agents, tokens))
        except (TracingError, RuleFault):
            told.append("no trace")
        else:
            traced = True
            told += [_told(instance.formula) for instance in made]
    told += _over_every_size(Claim(rule, prop, payment=payment))
    return digest("\n".join(told)) if traced else None


def _over_every_size(claim: Claim) -> list[str]:
    try:
        paths = claims.open_formula(claim)
    except (TracingError, RuleFault):
        return ["only at fixed sizes"]
    return [f"{digest_of(assumed)} {_told(formula)}" for assumed, formula in paths]


def _told(formula: Formula) -> str:
    """A digest of what holds, and of what every call is given."""
    given = (
        f"{call.function.returns} "
        f"{digest_of(*call.bids.elements.reshape(-1), *call.dists.elements.reshape(-1))}"
        for call in formula.calls
    )
    return " ".join([digest_of(formula.holds), *given])


__all__ = ["CannotLoad", "claims_of_project", "fingerprint_of_property", "identify"]
