"""What is known: verdicts on the properties of aggregation rules.

`verify` and the verdicts are loaded when they are first used, so that importing the command line
does not import a solver.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenauction.proofs.decision import verify
    from tokenauction.proofs.verdict import Proved, Refuted, Scope, Unknown, Verdict

_HOMES = {
    "Proved": "verdict",
    "Refuted": "verdict",
    "Scope": "verdict",
    "Unknown": "verdict",
    "Verdict": "verdict",
    "verify": "decision",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


__all__ = ["Proved", "Refuted", "Scope", "Unknown", "Verdict", "verify"]
