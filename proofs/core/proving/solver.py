"""TRUSTED CORE. The prover's door to Z3: conditions on polynomials, denominators cleared.

Input: conditions without choices or maxima (proofs/core/proving/sequent.py splits those). Every
base becomes a real variable; what is said of the variables is what `assert_base_facts` states.
Guarantee: `unsat` means that no values of the leaves satisfy the conditions. A condition whose
denominators are not known to be nonzero is left out, which can only make `unsat` harder to reach.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from random import Random
from typing import Any, Final, assert_never

import z3

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.signs import NEGATIVE, NON_NEGATIVE, NON_POSITIVE, POSITIVE
from tokenauction.proofs.core.algebra.terms import Base, Condition, Poly
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.proving.account import Account

_LARGEST_ROOT: Final = 6
_LARGEST_POWER: Final = 1000
# The tactics in the order in which they are tried, and what each calls its seed.
_TACTICS: Final = (("qfnra-nlsat", "seed"), ("smt", "random_seed"))


class CannotClear(Exception):
    """A denominator is not known to be nonzero."""


def number(value: Any, context: Any = None) -> Any:
    """A Fraction as a Z3 numeral, of Z3's own context where none is given."""
    return z3.Q(value.numerator, value.denominator, context)


@dataclass
class Query:
    """One satisfiability question, built condition by condition."""

    canon: Canon
    account: Account
    rlimit: int
    nonzero: dict[Poly, str] = field(default_factory=dict)
    formulas: list[Any] = field(default_factory=list)
    _variables: dict[str, Any] = field(default_factory=dict)
    _roots: dict[tuple[str, int], Any] = field(default_factory=dict)
    _powers: dict[Fraction, list[tuple[Any, Any]]] = field(default_factory=dict)
    _stated: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.context = self.account.context

    # Building ----------------------------------------------------------------------------------

    def assume(self, condition: Condition) -> bool:
        """Add a condition; False where it had to be left out."""
        try:
            self.formulas.append(self.formula(condition))
        except (CannotClear, TooLarge):
            return False
        return True

    def formula(self, condition: Condition) -> Any:
        """The Z3 formula of a condition; raises CannotClear, TooLarge."""
        args = condition.args
        match condition.kind:
            case "true":
                return z3.BoolVal(True, self.context)
            case "false":
                return z3.BoolVal(False, self.context)
            case "lit":
                return self._literal(args[1], self.cleared(args[0]))
            case "and":
                return z3.And([self.formula(part) for part in args[0]], self.context)
            case "or":
                return z3.Or([self.formula(part) for part in args[0]], self.context)
            case "same":
                return z3.Bool(condition.key, self.context)
            case "different":
                return z3.Not(z3.Bool(terms.make_condition("same", *args).key, self.context))
            case "all":
                return z3.Bool(condition.key, self.context)
            case "any":
                return z3.Not(z3.Bool(self.canon.negate(condition).key, self.context))
            case _:
                assert_never(condition.kind)

    def _literal(self, op: str, poly: Poly) -> Any:
        value = self.value(poly)
        match op:
            case "<":
                return value < 0
            case "<=":
                return value <= 0
            case "==":
                return value == 0
            case "!=":
                return value != 0
            case _:
                raise ValueError(f"{op!r} is no comparison")

    def cleared(self, poly: Poly) -> Poly:
        """The polynomial times a positive quantity, without negative powers."""
        for _ in range(24):
            lowest: dict[Base, Fraction] = {}
            for monomial, _ in poly.terms:
                for base, exponent in monomial:
                    lowest[base] = min(lowest.get(base, Fraction(0)), exponent)
            negative = [(b, e) for b, e in lowest.items() if e < 0]
            if not negative:
                return poly
            base, exponent = min(negative, key=lambda power: power[0].key)
            sign = self.sign_of(base)
            power = -exponent
            if power.denominator != 1 and sign != POSITIVE:
                raise CannotClear
            if sign == "!=" and power % 2:
                power += 1
            if sign == NEGATIVE and power % 2:
                poly = terms.scale(poly, -1)
            poly = self.canon.mul(poly, terms.from_base(base, power))
        raise CannotClear

    def sign_of(self, base: Base) -> str:
        """`+`, `-` or `!=` for a base that is known not to be zero."""
        sign = self.canon.base_sign(base)
        if sign in (POSITIVE, NEGATIVE):
            return sign
        value = base.args[0] if base.kind == "sum" else terms.from_base(base)
        known = self.nonzero.get(value)
        if known is None:
            raise CannotClear
        return POSITIVE if known == "!=" and sign == NON_NEGATIVE else known

    # Values ------------------------------------------------------------------------------------

    def value(self, poly: Poly) -> Any:
        """The Z3 term of a polynomial without negative powers."""
        roots: dict[Base, int] = {}
        for monomial, _ in poly.terms:
            for base, exponent in monomial:
                roots[base] = lcm(roots.get(base, 1), exponent.denominator)
        addends = []
        for monomial, coefficient in poly.terms:
            factors = [] if coefficient == 1 and monomial else [number(coefficient, self.context)]
            for base, exponent in monomial:
                factors.append(self._power(base, exponent, roots[base]))
            addends.append(z3.Product(factors) if len(factors) > 1 else factors[0])
        if not addends:
            return z3.RealVal(0, self.context)
        return z3.Sum(addends) if len(addends) > 1 else addends[0]

    def _power(self, base: Base, exponent: Fraction, root: int) -> Any:
        count = int(exponent * root)
        if root > _LARGEST_ROOT or count > _LARGEST_POWER:
            return self._opaque_power(base, exponent)
        variable = self.variable(base) if root == 1 else self._root(base, root)
        return z3.Product([variable] * count) if count > 1 else variable

    def variable(self, base: Base) -> Any:
        """The real variable that stands for a base."""
        if base.key not in self._variables:
            self._variables[base.key] = z3.Real(base.key, self.context)
            self._state_sign(base, self._variables[base.key])
            if base.kind == "sum" and not _has_negative_power(base.args[0]):
                self.formulas.append(self._variables[base.key] == self.value(base.args[0]))
            if base.kind in ("where", "max"):
                self._state_choice(base, self._variables[base.key])
        return self._variables[base.key]

    def _state_choice(self, base: Base, variable: Any) -> None:
        """What a choice or a maximum is, where it has not been split into cases."""
        try:
            if base.kind == "where":
                condition = self.formula(base.args[0])
                branches = [self._equals(variable, branch) for branch in base.args[1:]]
                self.formulas.append(z3.If(condition, *branches))
            else:
                equal = [self._equals(variable, arg) for arg in base.args[0]]
                below = [self.formula(_at_most(arg, base)) for arg in base.args[0]]
                self.formulas += [z3.Or(equal, self.context), *below]
        except (CannotClear, TooLarge):
            return

    def _equals(self, variable: Any, poly: Poly) -> Any:
        """`variable == poly`, multiplied by the denominators of `poly`."""
        marker = terms.make_base("leaf", graph.scalar(f"value of {variable}"))
        self._variables[marker.key] = variable
        difference = terms.sub(terms.from_base(marker), poly)
        return self.value(self.cleared(difference)) == 0

    def _state_sign(self, base: Base, variable: Any) -> None:
        sign = self.canon.base_sign(base)
        if sign == POSITIVE:
            self.formulas.append(variable > 0)
        elif sign == NON_NEGATIVE:
            self.formulas.append(variable >= 0)
        elif sign == NEGATIVE:
            self.formulas.append(variable < 0)
        elif sign == NON_POSITIVE:
            self.formulas.append(variable <= 0)
        if base.kind == "leaf" and base.args[0].op in ("prob", "dist"):
            self.formulas.append(variable <= 1)
        if base.kind == "chosen":
            self.formulas.append(variable <= 1)
        if base.kind == "leaf" and base.args[0].op == "size":
            self.formulas.append(variable >= 1)

    def _root(self, base: Base, degree: int) -> Any:
        """A variable whose power of this degree is the base, wherever the base is non-negative."""
        key = (base.key, degree)
        if key not in self._roots:
            root = z3.Real(f"{base.key}^(1/{degree})", self.context)
            self._roots[key] = root
            inside = self.variable(base)
            power = z3.Product([root] * degree)
            self.formulas.append(z3.Implies(inside >= 0, z3.And(root >= 0, power == inside)))
            if self.canon.base_sign(base) == POSITIVE:
                self.formulas.append(root > 0)
        return self._roots[key]

    def _opaque_power(self, base: Base, exponent: Fraction) -> Any:
        key = f"{base.key}^({exponent})"
        variable = z3.Real(key, self.context)
        if key not in self._stated:
            self._stated.add(key)
            self._state_power(base, exponent, variable)
        return variable

    def _state_power(self, base: Base, exponent: Fraction, variable: Any) -> None:
        """A positive power of something non-negative is zero where it is zero, and keeps order."""
        if self.canon.base_sign(base) not in (POSITIVE, NON_NEGATIVE) or exponent <= 0:
            return
        inside = self.variable(base)
        self.formulas += [variable >= 0, (variable == 0) == (inside == 0)]
        for other_inside, other in self._powers.setdefault(exponent, []):
            self.formulas.append((inside < other_inside) == (variable < other))
            self.formulas.append((inside > other_inside) == (variable > other))
        self._powers[exponent].append((inside, variable))

    # Solving -----------------------------------------------------------------------------------

    def unsat(self) -> bool:
        """Whether Z3 shows that the conditions contradict one another, within the budget."""
        return bool(self._answer()[0] == z3.unsat)

    def model(self) -> dict[str, Fraction]:
        """Values of the variables that Z3 finds to satisfy the conditions; empty if it does not.

        They are approximate where they are irrational, and only a hint: nothing is refuted by them.
        """
        answer, model = self._answer()
        if answer != z3.sat or model is None:
            return {}
        return {
            key: _fraction(model.eval(variable, model_completion=True))
            for key, variable in self._variables.items()
        }

    def _answer(self) -> tuple[Any, Any]:
        formulas = [z3.simplify(formula) for formula in self.formulas]
        if any(z3.is_false(formula) for formula in formulas):
            return z3.unsat, None
        if self.account.seed:
            Random(self.account.seed).shuffle(formulas)
        for tactic, seed in _TACTICS:
            solver = z3.Tactic(tactic, self.context).solver()
            if self.account.seed:
                solver.set(seed, self.account.seed)
            solver.add(*formulas)
            answer = self.account.check(solver, self.rlimit)
            if answer != z3.unknown:
                return answer, solver.model() if answer == z3.sat else None
        return z3.unknown, None


def _fraction(value: Any) -> Fraction:
    if z3.is_algebraic_value(value):
        value = value.approx(20)
    return Fraction(value.numerator_as_long(), value.denominator_as_long())


def _at_most(arg: Poly, base: Base) -> Condition:
    return terms.make_condition("lit", terms.sub(arg, terms.from_base(base)), "<=")


def _has_negative_power(poly: Poly) -> bool:
    return any(exponent < 0 for monomial, _ in poly.terms for _, exponent in monomial)


def solver_version() -> str:
    """The version of Z3."""
    return str(z3.get_version_string())
