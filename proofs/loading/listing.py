"""What there is, as rows: the rules, payment rules and mechanisms, and the properties.

Those that are shipped, and those of files. A row is an entry of the reports `tokenauction.rules/1`
and `tokenauction.properties/1`, whose schemas are `rules.schema.json` and `properties.schema.json`.
"""

from collections.abc import Iterable
from typing import Any, Final

from tokenauction.mechanisms import (
    CATALOGUE,
    MECHANISMS,
    PAYMENTS,
    AggregationRule,
    Mechanism,
    PaymentRule,
)
from tokenauction.proofs.loading.named import Target
from tokenauction.proofs.results.rows import ClaimRow
from tokenauction.theory import (
    DEFAULT_MECHANISM_PROPERTIES,
    DEFAULT_PROPERTIES,
    PROPERTIES,
    RuleProperty,
)

RULES_SCHEMA: Final = "tokenauction.rules/1"
PROPERTIES_SCHEMA: Final = "tokenauction.properties/1"
HEADINGS: Final = {"rule": "rule", "payment": "payment rule", "mechanism": "mechanism"}
_KINDS: Final = {AggregationRule: "rule", PaymentRule: "payment", Mechanism: "mechanism"}

_SHIPPED: Final = (*CATALOGUE.values(), *PAYMENTS.values(), *MECHANISMS.values())

Row = dict[str, Any]
Listed = AggregationRule | PaymentRule | Mechanism


def shipped_rules() -> list[Row]:
    """A row for everything that is shipped: rules, payment rules, mechanisms."""
    tables: tuple[Iterable[tuple[str, Listed]], ...] = (
        CATALOGUE.items(),
        PAYMENTS.items(),
        MECHANISMS.items(),
    )
    return [rule_row(name, one) for table in tables for name, one in table]


def shipped_properties() -> list[Row]:
    """A row for every built-in property."""
    return [property_row(name, one) for name, one in PROPERTIES.items()]


def rule_row(target: str, found: Listed) -> Row:
    """One rule, payment rule or mechanism; `target` is its name for `verify`.

    That of a payment rule is what stands behind the plus.
    """
    mechanism = found if isinstance(found, Mechanism) else None
    function = None if isinstance(found, Mechanism) else found
    return {
        "target": target,
        "kind": next(kind for of, kind in _KINDS.items() if isinstance(found, of)),
        "label": found.label,
        "summary": found.summary,
        "support": found.support,
        "parameters": {} if function is None else function.numbers,
        "distributions": [] if function is None else list(function.open_names),
        "rule": None if mechanism is None else mechanism.rule.label,
        "payment": None if mechanism is None else mechanism.payment.label,
        "file": found.file,
        "line": found.line,
        "shipped": any(found is one for one in _SHIPPED),
    }


def property_row(name: str, found: RuleProperty) -> Row:
    """One property; `name` is what `--property` takes."""
    return {
        "property": name,
        "name": found.name,
        "of": "mechanisms" if found.of_mechanisms else "rules",
        "summary": found.summary,
        "support": found.support,
        "everywhere": found.everywhere,
        "arguments": list(found.arguments),
        "default_for": [
            kind
            for kind, defaults in (
                ("rules", DEFAULT_PROPERTIES),
                ("mechanisms", DEFAULT_MECHANISM_PROPERTIES),
            )
            if found is PROPERTIES.get(name) and name in defaults
        ],
        "file": found.file,
        "line": found.line,
        "shipped": found is PROPERTIES.get(name),
    }


def claim_row(target: Target, prop: RuleProperty, fingerprint: str | None = None) -> ClaimRow:
    """What a result says of its claim."""
    return {
        "rule": target.label,
        "file": target.file,
        "line": target.line,
        "fingerprint": fingerprint,
        "property": prop.name,
    }
