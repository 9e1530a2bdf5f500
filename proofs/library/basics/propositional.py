"""What follows from theorems by how their parts are joined, whatever the parts say.

Z3 takes quantified parts of a statement to pieces, which is of no use where the parts occur in the
theorems as they stand. Here a Boolean constant stands for each part; Z3 decides the tautology, and
the constants are then given the parts as their meaning.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, generalised, modus_ponens, specialised
from tokenauction.proofs.core.kernel.formulas import same_formula

_JOINTS = (z3.is_and, z3.is_or, z3.is_not, z3.is_implies)


def by_propositional(statement: Any, *theorems: Theorem) -> Theorem:
    """The statement, where it follows from the theorems by and, or, not and implies alone."""
    parts: list[Any] = []

    def shape(formula: Any) -> Any:
        if any(is_joint(formula) for is_joint in _JOINTS):
            return formula.decl()(*map(shape, formula.children()))
        for k, part in enumerate(parts):
            if same_formula(part, formula):
                return z3.Bool(f"part_{k}")
        parts.append(formula)
        return z3.Bool(f"part_{len(parts) - 1}")

    given = [shape(theorem.statement) for theorem in theorems]
    goal = shape(statement)
    premise = z3.And(given) if len(given) > 1 else given[0]
    tautology = by_z3(z3.Implies(premise, goal))
    constants = [z3.Bool(f"part_{k}") for k in range(len(parts))]
    return modus_ponens(specialised(generalised(tautology, *constants), *parts), *theorems)
