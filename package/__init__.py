"""Token auctions: rules that run, and a checker that proves or refutes their properties.

The names below are loaded when they are first used, and so are the three parts `theory`,
`mechanisms` and `proofs`: importing this package, or one of its parts, loads nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenauction import mechanisms, proofs, theory
    from tokenauction.mechanisms import (
        AggregationRule,
        Distribution,
        Mechanism,
        PaymentRule,
        TokenAuction,
        aggregation_rule,
        linear_pool,
        logarithmic_pool,
        payment_rule,
    )
    from tokenauction.proofs import (
        Proved,
        Refuted,
        Scope,
        Unknown,
        Unusable,
        Verdict,
        Verdicts,
        check_gate,
        compare,
        verify,
    )
    from tokenauction.theory import (
        PreferenceOrder,
        RuleProperty,
        TokenauctionError,
        preference_order,
        rule_property,
    )

    __version__: str

_PARTS = {
    "theory": (
        *("PreferenceOrder", "RuleProperty", "TokenauctionError"),
        *("preference_order", "rule_property"),
    ),
    "mechanisms": (
        *("AggregationRule", "Distribution", "Mechanism", "PaymentRule", "TokenAuction"),
        *("aggregation_rule", "linear_pool", "logarithmic_pool", "payment_rule"),
    ),
    "proofs": (
        *("Proved", "Refuted", "Scope", "Unknown", "Unusable", "Verdict", "Verdicts"),
        *("check_gate", "compare", "verify"),
    ),
}
_HOMES = {name: part for part, names in _PARTS.items() for name in names}


if not TYPE_CHECKING:  # type checkers read the imports above

    def __getattr__(name: str) -> Any:
        found: Any
        if name == "__version__":
            from importlib.metadata import version

            found = version("tokenauction")
        elif name in _PARTS:
            found = import_module(f"{__name__}.{name}")
        elif name in _HOMES:
            found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AggregationRule",
    "Distribution",
    "Mechanism",
    "PaymentRule",
    "PreferenceOrder",
    "Proved",
    "Refuted",
    "RuleProperty",
    "Scope",
    "TokenAuction",
    "TokenauctionError",
    "Unknown",
    "Unusable",
    "Verdict",
    "Verdicts",
    "__version__",
    "aggregation_rule",
    "check_gate",
    "compare",
    "linear_pool",
    "logarithmic_pool",
    "mechanisms",
    "payment_rule",
    "preference_order",
    "proofs",
    "rule_property",
    "theory",
    "verify",
]
