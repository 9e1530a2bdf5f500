"""TRUSTED CORE. The kernel: formulas, axioms, and the rules of inference that make theorems."""

from tokenauction.proofs.core.kernel.axioms import AXIOMS, Axiom
from tokenauction.proofs.core.kernel.formulas import (
    BOOL,
    INT,
    OUTCOME,
    REAL,
    exp,
    expectation,
    integral,
    ln,
    probability,
)
from tokenauction.proofs.core.kernel.handles import NotAFormula
from tokenauction.proofs.core.kernel.theorem import (
    Forged,
    NotProved,
    Theorem,
    axiom,
    by_certificate,
    by_identity,
    by_z3,
    generalised,
    instance_of,
    is_theorem,
    modus_ponens,
    specialised,
)

__all__ = [
    "AXIOMS",
    "BOOL",
    "INT",
    "OUTCOME",
    "REAL",
    "Axiom",
    "Forged",
    "NotAFormula",
    "NotProved",
    "Theorem",
    "axiom",
    "by_certificate",
    "by_identity",
    "by_z3",
    "exp",
    "expectation",
    "generalised",
    "instance_of",
    "integral",
    "is_theorem",
    "ln",
    "modus_ponens",
    "probability",
    "specialised",
]
