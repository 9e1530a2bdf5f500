"""What is known: verdicts on the properties of aggregation rules.

What is named here is loaded when it is first used, so that importing the command line does not
import a solver.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenauction.proofs.api import Verdicts, check_gate, compare, verify
    from tokenauction.proofs.comparison.equality import (
        Different,
        Equivalent,
        NotComparable,
        Undecided,
    )
    from tokenauction.proofs.core.runs.numpy_run import Unusable
    from tokenauction.proofs.gate.configuration import BadConfiguration
    from tokenauction.proofs.gate.gate_report import GateReport
    from tokenauction.proofs.gate.lock import BadLock
    from tokenauction.proofs.loading.files import CannotLoad
    from tokenauction.proofs.results.verdict import Proved, Refuted, Scope, Unknown, Verdict

_HOMES = {
    "BadConfiguration": "gate.configuration",
    "BadLock": "gate.lock",
    "CannotLoad": "loading.files",
    "Different": "comparison.equality",
    "Equivalent": "comparison.equality",
    "GateReport": "gate.gate_report",
    "NotComparable": "comparison.equality",
    "Proved": "results.verdict",
    "Refuted": "results.verdict",
    "Scope": "results.verdict",
    "Undecided": "comparison.equality",
    "Unknown": "results.verdict",
    "Unusable": "core.runs.numpy_run",
    "Verdict": "results.verdict",
    "Verdicts": "api",
    "check_gate": "api",
    "compare": "api",
    "verify": "api",
}


if not TYPE_CHECKING:  # type checkers read the imports above

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


__all__ = [
    "BadConfiguration",
    "BadLock",
    "CannotLoad",
    "Different",
    "Equivalent",
    "GateReport",
    "NotComparable",
    "Proved",
    "Refuted",
    "Scope",
    "Undecided",
    "Unknown",
    "Unusable",
    "Verdict",
    "Verdicts",
    "check_gate",
    "compare",
    "verify",
]
