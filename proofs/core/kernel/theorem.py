"""TRUSTED CORE. Theorems, and the only ways to make one.

A theorem says that a formula (proofs/core/kernel/formulas.py) is true whatever its schematic
symbols mean. The rules of inference below are all there are:

    by_z3             Z3 finds the negation, with earlier theorems, unsatisfiable
    by_identity       SymPy reduces the difference of two terms to zero, side conditions by Z3
    by_certificate    a non-negative combination of the hypotheses expands to the conclusion
    modus_ponens      from `A → B` and `A`
    instance_of       schematic symbols given a meaning
    generalised       `∀x A(x)` from `A(c)` with a schematic `c`
    specialised       `A(term)` from `∀x A(x)`
    axiom             an instance of a listed axiom (proofs/core/kernel/axioms.py)

Guarantee: an object of type `Theorem` whose statement can be read was made by one of them. What a
theorem says is kept in a ledger that only the rules write to, and not on the object, so copies,
pickles, `object.__new__` and assignments make nothing that a rule or a reader accepts. Nothing
rests on `assert`. Python cannot keep out code that reaches into the cells of closures, as
docs/trust.md says.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, NoReturn
from weakref import WeakKeyDictionary

import z3

from tokenauction.proofs.core.kernel.axioms import AXIOMS
from tokenauction.proofs.core.kernel.calculus import NotDifferentiable
from tokenauction.proofs.core.kernel.formulas import (
    Frozen,
    check_enumerations,
    closed,
    name_of,
    plain,
    same_formula,
    substituted,
)
from tokenauction.proofs.core.kernel.handles import copied
from tokenauction.proofs.core.kernel.identities import NotAnIdentity, Translation, is_zero
from tokenauction.proofs.core.kernel.polynomials import polynomial, product, scaled, total
from tokenauction.proofs.core.kernel.printing import text

BUDGET: Final = 10_000_000
_TACTICS: Final = (None, "qfnra-nlsat", "smt")
_BACKSTOP_MILLISECONDS: Final = 60_000


class Forged(Exception):
    """Something that no rule of inference made was used as a theorem."""


class NotProved(Exception):
    """The rule does not give the statement; `countermodel` where Z3 knows one."""

    def __init__(self, reason: str, countermodel: str = "") -> None:
        super().__init__(reason + (f"; counter-model: {countermodel}" if countermodel else ""))
        self.countermodel = countermodel


class Theorem:
    """A proved statement. Only the rules of this module make one.

    >>> x = z3.Real("x")
    >>> by_z3(x * x >= 0)
    ⊢ x * x ≥ 0
    >>> Theorem()
    Traceback (most recent call last):
    tokenauction.proofs.core.kernel.theorem.Forged: a theorem is made by proving it
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, *_: Any, **__: Any) -> "Theorem":
        raise Forged("a theorem is made by proving it")

    def __init_subclass__(cls, **_: Any) -> NoReturn:
        raise Forged("there is one kind of theorem")

    @property
    def statement(self) -> Any:
        """The formula, a Z3 term; its schematic symbols are universally quantified."""
        return copied(_record(self).statement)

    @property
    def method(self) -> str:
        """The rule of inference that made it."""
        return _record(self).method

    @property
    def premises(self) -> "tuple[Theorem, ...]":
        """The theorems that the rule used."""
        return _record(self).premises

    @property
    def axioms(self) -> frozenset[str]:
        """The names of the axioms it rests on, through its premises too."""
        return _record(self).axioms

    @property
    def seconds(self) -> float:
        """The time that its last step took."""
        return _record(self).seconds

    @property
    def evidence(self) -> str:
        """What the step can be checked by again: SMT-LIB, multipliers, or the substitution."""
        return _record(self).evidence

    def __repr__(self) -> str:
        return f"⊢ {text(_record(self).statement, indent=2)}"

    def __copy__(self) -> NoReturn:
        raise Forged("a theorem is not copied")

    def __deepcopy__(self, _: Any) -> NoReturn:
        raise Forged("a theorem is not copied")

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise Forged("a theorem is not pickled: prove it again where it is needed")


@dataclass(frozen=True)
class _Record:
    """What the ledger holds of a theorem."""

    statement: Any
    method: str
    premises: tuple[Theorem, ...] = ()
    axioms: frozenset[str] = frozenset()
    evidence: str = ""
    seconds: float = 0.0


_Rule = Callable[..., "_Record"]
_Maker = Callable[..., Theorem]


def _open_ledger() -> tuple[Callable[[_Rule], _Maker], Callable[[Any], _Record]]:
    ledger: WeakKeyDictionary[Theorem, _Record] = WeakKeyDictionary()
    vault = z3.Context()  # nobody else has a handle of a term in it, to change or to free

    def record(theorem: Any) -> _Record:
        if type(theorem) is not Theorem or theorem not in ledger:
            raise Forged(f"{type(theorem).__name__} object that no rule of inference made")
        kept = ledger[theorem]
        statement = kept.statement.translate(z3.main_ctx())
        check_enumerations(statement)
        return replace(kept, statement=statement)

    def rule_of_inference(function: _Rule) -> _Maker:
        @functools.wraps(function)
        def make(*args: Any, **options: Any) -> Theorem:
            start = time.perf_counter()
            made = function(*args, **options)
            inherited = frozenset[str]().union(*(record(one).axioms for one in made.premises))
            theorem = object.__new__(Theorem)
            ledger[theorem] = replace(
                made,
                statement=made.statement.translate(vault),
                axioms=made.axioms | inherited,
                seconds=time.perf_counter() - start,
            )
            return theorem

        return make

    return rule_of_inference, record


_rule_of_inference, _record = _open_ledger()


@_rule_of_inference
def by_z3(
    statement: Any, *premises: Theorem, budget: int = BUDGET, tactic: str | None = None
) -> _Record:
    """The statement, where Z3 shows that it follows from earlier theorems.

    `budget` is Z3's `rlimit`, `tactic` names one instead of the default solver. Raises NotProved.
    """
    _check_options(budget, tactic)
    goal = closed(statement)
    given = [_record(premise).statement for premise in premises]
    question = _refuted([*given, z3.Not(goal)], budget, tactic)
    return _Record(goal, f"Z3 {z3.get_version_string()}", premises, evidence=question)


@_rule_of_inference
def by_identity(equation: Any, *premises: Theorem, given: Sequence[Any] = ()) -> _Record:
    """`given → left = right`, where SymPy reduces the difference to zero.

    `given` are hypotheses. With the premises they have to imply, by Z3, that no denominator is
    zero and that every logarithm has a positive argument. Raises NotProved.
    """
    given = list(
        given
    )  # it may be a function's: what it does, it does before anything is looked at
    hypotheses = [closed(one) for one in given]
    known = [*(_record(premise).statement for premise in premises), *hypotheses]
    goal = closed(equation)
    if not z3.is_eq(goal):
        raise NotProved("not an equation")

    def follows(condition: Any) -> bool:
        try:
            _refuted([*known, z3.Not(condition)], BUDGET, None)
        except NotProved:
            return False
        return True

    translation = Translation(lambda term: follows(term > 0))
    try:
        left, right = (translation.expression(side) for side in goal.children())
    except NotAnIdentity as problem:
        raise NotProved(str(problem)) from None
    for condition in translation.conditions:
        if not follows(condition):
            raise NotProved(f"the side condition {condition} does not follow")
    if not is_zero(left - right):
        raise NotProved(f"SymPy does not reduce {left - right} to zero")
    stated = z3.Implies(z3.And(hypotheses), goal) if hypotheses else goal
    return _Record(stated, "SymPy", premises, evidence=f"{left} - ({right}) = 0")


@_rule_of_inference
def by_certificate(
    hypotheses: Sequence[Any], conclusion: Any, combination: Sequence[tuple[Any, Sequence[int]]]
) -> _Record:
    """`hypotheses → conclusion`, by a combination of products of hypotheses.

    The hypotheses are `l ≥ r`, `l > r` or `l = r`; the conclusion is `l ≥ r`, or False. Each part
    of the combination is a rational number and the places of the hypotheses to multiply; an
    inequality may be used with a number of at least zero only. The sum of the parts has to expand
    to `l - r`, or to a negative number where the conclusion is False (Farkas' lemma, the easy
    direction). Raises NotProved.
    """
    hypotheses = list(hypotheses)
    used = [(_rational(weight), tuple(map(int, places))) for weight, places in combination]
    assumed = [closed(one) for one in hypotheses]
    goal = closed(conclusion)
    sides = [_at_least_zero(one) for one in assumed]
    parts = []
    for number, places in used:
        if number < 0 and not any(z3.is_eq(assumed[place]) for place in places):
            raise NotProved("an inequality is used with a negative multiplier")
        factors = [polynomial(left) for left, _ in (sides[place] for place in places)]
        negated = [
            scaled(polynomial(right), Fraction(-1)) for _, right in (sides[p] for p in places)
        ]
        terms = [total([left, right]) for left, right in zip(factors, negated, strict=True)]
        parts.append(scaled(product(terms), number))
    found = total(parts)
    if z3.is_false(goal):
        if set(found) != {()} or found[()] >= 0:
            raise NotProved("the combination is not a negative number")
    else:
        left, right = _at_least_zero(goal, weak=True)
        if found != total([polynomial(left), scaled(polynomial(right), Fraction(-1))]):
            raise NotProved("the combination does not expand to the conclusion")
    stated = z3.Implies(z3.And(assumed), goal)
    shown = "; ".join(f"{number} × {list(places)}" for number, places in used)
    return _Record(stated, "exact certificate", evidence=shown)


def _rational(weight: Any) -> Fraction:
    """A number of Python's own, rebuilt from its digits."""
    return Fraction(str(Fraction(weight)))


def _at_least_zero(comparison: Any, weak: bool = False) -> tuple[Any, Any]:
    """The sides `(l, r)` of a comparison that says `l ≥ r`, `l > r` or `l = r`."""
    if z3.is_le(comparison) or (z3.is_lt(comparison) and not weak):
        right, left = comparison.children()
        return left, right
    rises = z3.is_ge(comparison) or (z3.is_gt(comparison) and not weak)
    equal = z3.is_eq(comparison) and z3.is_arith(comparison.children()[0]) and not weak
    if not rises and not equal:
        raise NotProved(f"{comparison} is not an inequality")
    left, right = comparison.children()
    return left, right


@_rule_of_inference
def modus_ponens(implication: Theorem, *antecedents: Theorem) -> _Record:
    """`B` from `A → B` and `A`; a conjunction `A` from one theorem for each of its parts."""
    stated = _record(implication).statement
    if not z3.is_implies(stated):
        raise NotProved("the first theorem is not an implication")
    left, right = stated.children()
    wanted = left.children() if z3.is_and(left) and len(antecedents) != 1 else [left]
    known = [_record(one).statement for one in antecedents]
    if len(wanted) != len(known) or not all(
        same_formula(want, have) for want, have in zip(wanted, known, strict=True)
    ):
        raise NotProved("the antecedents are not those of the implication")
    return _Record(right, "modus ponens", (implication, *antecedents))


@_rule_of_inference
def instance_of(theorem: Theorem, meanings: Mapping[Any, Any]) -> _Record:
    """The theorem with schematic symbols given a meaning.

    `meanings` maps a constant to a term, a function to a Python function of terms.
    """
    given = dict(meanings)
    shown = ", ".join(name_of(symbol) for symbol in given)
    stated = closed(substituted(_record(theorem).statement, given))
    return _Record(stated, "instance", (theorem,), evidence=f"given a meaning: {shown}")


@_rule_of_inference
def generalised(theorem: Theorem, *constants: Any) -> _Record:
    """`∀x A(x)` from `A(c)`: the constants are schematic, so they stood for anything."""
    stated = _record(theorem).statement
    constants = tuple(map(copied, constants))
    for constant in constants:
        if not z3.is_const(constant) or constant.decl().kind() != z3.Z3_OP_UNINTERPRETED:
            raise NotProved(f"{constant} is not a schematic constant")
    return _Record(closed(z3.ForAll([*constants], stated)), "generalisation", (theorem,))


@_rule_of_inference
def specialised(theorem: Theorem, *terms: Any) -> _Record:
    """`A(terms)` from `∀x A(x)`."""
    stated = _record(theorem).statement
    terms = tuple(map(copied, terms))
    if not z3.is_quantifier(stated) or not stated.is_forall():
        raise NotProved("the theorem does not begin with ∀")
    sorts = [stated.var_sort(k) for k in range(stated.num_vars())]
    if [term.sort() for term in terms] != sorts:
        raise NotProved("the terms are not of the sorts that the theorem speaks of")
    return _Record(
        closed(z3.substitute_vars(stated.body(), *reversed(terms))), "specialisation", (theorem,)
    )


@_rule_of_inference
def axiom(name: str, *arguments: Any) -> _Record:
    """An instance of a listed axiom."""
    if type(name) is not str or name not in AXIOMS:
        raise NotProved(f"there is no axiom {name!r} (there are: {', '.join(AXIOMS)})")
    scheme = AXIOMS[name]
    given = [Frozen(one) if _is_function(one) else plain(one) for one in arguments]
    try:
        stated = closed(scheme.instance(*given))
    except NotDifferentiable as problem:
        raise NotProved(str(problem)) from None
    return _Record(stated, "axiom", axioms=frozenset({scheme.name}))


def _is_function(argument: Any) -> bool:
    """Whether an argument of an axiom is a function of terms: in Python, or a symbol."""
    return callable(argument) and not z3.is_expr(argument)


def is_theorem(candidate: Any) -> bool:
    """Whether a rule of inference made the object."""
    try:
        _record(candidate)
    except Forged:
        return False
    return True


def _check_options(budget: Any, tactic: Any) -> None:
    """Raises NotProved for options that are no plain values: they might act while they are read."""
    if type(budget) is not int:
        raise NotProved("the budget is not a whole number")
    if type(tactic) not in (str, type(None)) or tactic not in _TACTICS:
        raise NotProved(f"{tactic!r} is not a tactic that is trusted to answer unsat")


def _refuted(formulas: Sequence[Any], budget: int, tactic: str | None) -> str:
    """The SMT-LIB text of formulas that Z3 finds contradictory; raises NotProved.

    Each question has a Z3 context of its own: what was asked before does not change the answer.
    """
    check_enumerations(*formulas)
    context = z3.Context()
    solver = z3.Solver(ctx=context) if tactic is None else z3.Tactic(tactic, context).solver()
    solver.set("rlimit", budget)
    solver.set("timeout", _BACKSTOP_MILLISECONDS)
    # An interrupt is for the caller, and not a reason why something is not proved.
    solver.set("ctrl_c", False)
    solver.add(*(formula.translate(context) for formula in formulas))
    answer = solver.check()
    if answer == z3.sat:
        raise NotProved("Z3 knows a counter-model", str(solver.model()))
    if answer != z3.unsat:
        raise NotProved(f"Z3 does not decide it ({solver.reason_unknown()})")
    check_enumerations(*formulas)
    return str(solver.to_smt2())


del _rule_of_inference, _open_ledger
