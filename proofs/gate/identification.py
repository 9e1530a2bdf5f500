"""What a project's claims are about, without deciding them: which functions, changed or not?

Runs in the child process, since it runs the user's files. Guarantee: two claims with the same
identity (the fingerprints of their functions and of their property) are about the same functions,
as far as a trace shows them; a locked counterexample is told to stand only where it was replayed.
"""

import sys
from collections.abc import Mapping
from hashlib import sha256
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from tokenauction.mechanisms import CATALOGUE, PAYMENTS, AggregationRule, PaymentRule
from tokenauction.proofs import claims, report
from tokenauction.proofs.assignment import assignment_of
from tokenauction.proofs.claims import Claim, RuleFault
from tokenauction.proofs.examination import digest_of
from tokenauction.proofs.loading import (
    CannotLoad,
    Target,
    claims_of,
    load_named,
)
from tokenauction.proofs.trace import TracingError
from tokenauction.theory import PROPERTIES, RuleProperty

_SIZES = ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (4, 3), (3, 5))


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
    _refuse_copies(Path(request["folder"]), request["pythonpath"])
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


def _refuse_copies(root: Path, pythonpath: list[str]) -> None:
    """Refuse a module that comes from elsewhere though the project has the file.

    It is a copy that was installed, so a change of the file would change nothing that is seen.
    """
    root = root.resolve()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0] in {*sys.stdlib_module_names, "tokenauction"}:
            continue
        if Path(file).resolve().is_relative_to(root):
            continue
        path = Path(*name.split("."))
        for base in {"", "src", *pythonpath}:
            for own in (root / base / path.with_suffix(".py"), root / base / path / "__init__.py"):
                if own.is_file():
                    raise CannotLoad(
                        f"{name} was imported from {file}, not from {own.relative_to(root)}: "
                        f'install the project with -e, or write pythonpath = ["{base or "."}"] '
                        "in the table [tool.tokenauction]"
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
            found["property_fingerprint"] = fingerprint_of_property(prop)
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


def fingerprint_of_property(prop: RuleProperty) -> str | None:
    """A digest of what a property of the user's own says; None for a built-in one.

    Of the formula at small sizes, for rules of which nothing is known, and of the formula over
    every size for rules that are known.
    """
    if prop in PROPERTIES.values():
        return None
    rule, payment = CATALOGUE["linear"], PAYMENTS["pay-your-bid"]
    told = [prop.name, prop.support, str(prop.everywhere), _over_every_size(prop, rule, payment)]
    unknown = Claim(rule, prop, opaque=True, payment=payment)
    for agents, tokens in _SIZES:
        try:
            for instance in islice(claims.instances(unknown, agents, tokens), 12):
                told.append(digest_of(instance.formula.holds))
        except (TracingError, RuleFault) as problem:
            told.append(str(problem))
    return sha256("\n".join(told).encode()).hexdigest()[:16]


def _over_every_size(prop: RuleProperty, rule: AggregationRule, payment: PaymentRule) -> str:
    try:
        paths = claims.open_formula(Claim(rule, prop, payment=payment))
    except (TracingError, RuleFault) as problem:
        return str(problem)
    return " ".join(digest_of(assumed, formula.holds) for assumed, formula in paths)


__all__ = ["CannotLoad", "claims_of_project", "fingerprint_of_property", "identify"]
