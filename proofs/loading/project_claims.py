"""The claims that a project's configuration makes, once each, and what they are about."""

from typing import Any

from tokenauction.proofs.loading.named import Target, claims_of, load_named
from tokenauction.theory import RuleProperty


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
