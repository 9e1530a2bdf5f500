"""Statements with products and quantifiers, proved with the products named first.

Z3 decides quantifiers over sums, and products without quantifiers, but hardly both at once. So what
is for all agents and tokens is proved with a function in the place of each product; what is used of
the products are *facts*, each about arbitrary but fixed agents and tokens, in which the functions
are then replaced by the products and which are proved without any quantifier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, generalised, instance_of, modus_ponens
from tokenauction.proofs.core.kernel.formulas import same_formula, substituted
from tokenauction.proofs.library.basics import gibbs
from tokenauction.proofs.library.basics.notation import each, partial_sums


@dataclass(frozen=True)
class Fact:
    """What is used of the products: a formula, true of all values of some constants, and why."""

    formula: Any
    constants: Sequence[Any]
    lemmas: Sequence[Theorem] = ()
    theorem: Theorem | None = None

    @property
    def for_all(self) -> Any:
        """The fact as a hypothesis."""
        return z3.ForAll([*self.constants], self.formula) if self.constants else self.formula

    def proved(self, products: Mapping[Any, Any]) -> Theorem:
        """The fact, of the products: an earlier theorem as it stands, or from the lemmas by Z3."""
        if self.theorem:
            return self.theorem
        one = by_z3(substituted(self.formula, products), *self.lemmas)
        return generalised(one, *self.constants) if self.constants else one


def with_products(
    products: Mapping[Any, Any],
    facts: Sequence[Fact],
    statement: Any,
    *premises: Theorem,
) -> Theorem:
    """The statement with the products in the place of their names.

    With the names it follows from the facts and the premises, by Z3, or is the only premise.
    """
    formulas = [fact.for_all for fact in facts]
    given = z3.And(formulas) if len(formulas) > 1 else formulas[0]
    goal = z3.Implies(given, statement)
    one_step = len(premises) == 1 and same_formula(premises[0].statement, goal)
    named = premises[0] if one_step else by_z3(goal, *premises)
    return modus_ponens(instance_of(named, products), *(fact.proved(products) for fact in facts))


def gibbs_of(p: Any, P: Any, q: Any, Q: Any, terms: Any, divergence: Any, n: Any) -> list[Fact]:
    """Gibbs' inequality and its case of equality, where `terms` names those of the divergence."""
    # In this order, since the meanings are put in one after the other and p may be called q here.
    meanings = {gibbs.q: q, gibbs.Q: Q, gibbs.p: p, gibbs.P: P, gibbs.K: divergence, gibbs.n: n}
    inequality, equality = (instance_of(one, meanings) for one in gibbs.gibbs().values())
    distributions = substituted(gibbs.DISTRIBUTIONS, meanings)
    given = z3.And(n >= 0, distributions, partial_sums(divergence, terms))
    same = each(n, lambda t: p(t) == q(t))
    return [
        Fact(z3.Implies(given, divergence(n) >= 0), (), theorem=inequality),
        Fact(z3.Implies(z3.And(given, divergence(n) == 0), same), (), theorem=equality),
    ]
