"""TRUSTED CORE. The language of theorems: Z3 terms over a few fixed symbols.

Every other symbol of a statement is schematic: the statement is claimed for all its meanings. The
fixed symbols have one meaning each, which the axioms (proofs/kernel/axioms.py) speak of: the
natural logarithm, the exponential function, an integral over an interval, and the probability of
an event and the expectation of a number on one probability space.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import z3

REAL: Final = z3.RealSort()
INT: Final = z3.IntSort()
BOOL: Final = z3.BoolSort()
OUTCOME: Final = z3.DeclareSort("Outcome")

ln: Final = z3.Function("ln", REAL, REAL)
exp: Final = z3.Function("exp", REAL, REAL)
INTEGRAL: Final = z3.Function("integral", z3.ArraySort(REAL, REAL), REAL, REAL, REAL)
PROBABILITY: Final = z3.Function("probability", z3.ArraySort(OUTCOME, BOOL), REAL)
EXPECTATION: Final = z3.Function("expectation", z3.ArraySort(OUTCOME, REAL), REAL)

FIXED: Final = (ln, exp, INTEGRAL, PROBABILITY, EXPECTATION)


class NotAFormula(Exception):
    """What was given is not a closed Boolean term of the language."""


def integral(integrand: Callable[[Any], Any], lower: Any, upper: Any) -> Any:
    """`∫ integrand(x) dx` from `lower` to `upper`."""
    x = z3.Real("x?")
    return INTEGRAL(z3.Lambda([x], body(integrand, x)), plain(lower), plain(upper))


def probability(event: Callable[[Any], Any]) -> Any:
    """The probability of the outcomes at which `event` is true."""
    w = z3.Const("w?", OUTCOME)
    return PROBABILITY(z3.Lambda([w], body(event, w)))


def expectation(number: Callable[[Any], Any]) -> Any:
    """The expectation of a number that depends on the outcome."""
    w = z3.Const("w?", OUTCOME)
    return EXPECTATION(z3.Lambda([w], body(number, w)))


def body(function: Callable[[Any], Any], variable: Any) -> Any:
    """What a Python function says of a variable that is about to be bound.

    Raises NotAFormula where it says something of another variable of the kernel's.
    """
    probe = z3.Const(f"probe{len(_PROBES)}?", variable.sort())
    said = _asked(function, probe)
    _refuse_reserved(said, [*_PROBES, probe])
    return z3.substitute(said, (probe, variable))


class Frozen:
    """A Python function of one term that is asked once, so that it cannot change its mind."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._said: tuple[Any, Any] | None = None

    def __call__(self, term: Any) -> Any:
        if self._said is None:
            probe = z3.Const(f"probe{len(_PROBES)}?", term.sort())
            said = _asked(self._function, probe)
            _refuse_reserved(said, [probe])
            self._said = probe, said
        probe, said = self._said
        if probe.sort() != term.sort():
            raise NotAFormula("one function is asked about terms of two sorts")
        return z3.substitute(said, (probe, term))


# The variables that are being asked about, the outermost first: integrals may be nested.
_PROBES: list[Any] = []


def _asked(function: Callable[[Any], Any], probe: Any) -> Any:
    _PROBES.append(probe)
    try:
        said = function(probe)
    finally:
        _PROBES.pop()
    if isinstance(said, bool):
        return z3.BoolVal(said)
    return z3.RealVal(said) if isinstance(said, int) else copied(said)


def plain(term: Any) -> Any:
    """A term (or a whole number) without a variable of the kernel's own."""
    if isinstance(term, int):
        return z3.RealVal(term)
    term = copied(term)
    _refuse_reserved(term, _PROBES)
    return term


def _refuse_reserved(term: Any, allowed: Sequence[Any]) -> None:
    for part in subterms(term):
        if z3.is_const(part) and _is_reserved(part.decl()):
            if not any(part.eq(one) for one in allowed):
                raise NotAFormula(f"the name {part} is the kernel's own")


def _is_reserved(declaration: Any) -> bool:
    return bool(declaration.kind() == z3.Z3_OP_UNINTERPRETED and declaration.name().endswith("?"))


# What a formula may be made of. Everything else is refused: declarations that hide other symbols
# (maps, transitive closures, recursive functions), and sorts whose meaning Z3's settings change.
_OPERATIONS: Final = frozenset(
    {
        z3.Z3_OP_TRUE, z3.Z3_OP_FALSE, z3.Z3_OP_AND, z3.Z3_OP_OR, z3.Z3_OP_NOT, z3.Z3_OP_IMPLIES,
        z3.Z3_OP_EQ, z3.Z3_OP_DISTINCT, z3.Z3_OP_ITE,
        z3.Z3_OP_LE, z3.Z3_OP_LT, z3.Z3_OP_GE, z3.Z3_OP_GT,
        z3.Z3_OP_ADD, z3.Z3_OP_SUB, z3.Z3_OP_MUL, z3.Z3_OP_DIV, z3.Z3_OP_UMINUS, z3.Z3_OP_ANUM,
        z3.Z3_OP_TO_REAL, z3.Z3_OP_TO_INT,
        z3.Z3_OP_SELECT, z3.Z3_OP_STORE, z3.Z3_OP_CONST_ARRAY,
        z3.Z3_OP_DT_CONSTRUCTOR, z3.Z3_OP_UNINTERPRETED,
    }
)  # fmt: skip
_ENUMERATIONS: dict[str, tuple[str, ...]] = {}


def _check_language(term: Any) -> None:
    """Raises NotAFormula where a term is made of something that is not in the language."""
    for part in subterms(term):
        if z3.is_quantifier(part):
            for k in range(part.num_vars()):
                _check_sort(part.var_sort(k))
            continue
        _check_sort(part.sort())
        if z3.is_app(part) and part.decl().kind() not in _OPERATIONS:
            raise NotAFormula(f"{part.decl().name()} is not in the language of theorems")


def _check_sort(sort: Any) -> None:
    kind = sort.kind()
    if kind == z3.Z3_ARRAY_SORT:
        _check_sort(sort.domain())
        _check_sort(sort.range())
    elif kind == z3.Z3_DATATYPE_SORT:
        constructors = [sort.constructor(k) for k in range(sort.num_constructors())]
        names = tuple(one.name() for one in constructors)
        known = _ENUMERATIONS.setdefault(sort.name(), names)
        if known != names or any(one.arity() for one in constructors):
            raise NotAFormula(f"{sort.name()} is not one enumeration")
    elif kind not in (z3.Z3_BOOL_SORT, z3.Z3_INT_SORT, z3.Z3_REAL_SORT, z3.Z3_UNINTERPRETED_SORT):
        raise NotAFormula(f"the sort {sort.name()} is not in the language of theorems")


def closed(formula: Any) -> Any:
    """A private copy of a Boolean term without free de Bruijn variables; raises NotAFormula."""
    if not z3.is_expr(formula) or not z3.is_bool(formula):
        raise NotAFormula(f"{formula!r} is not a Boolean term")
    if formula.ctx != z3.main_ctx():
        raise NotAFormula("the term belongs to another Z3 context")
    formula = copied(formula)
    if any(z3.is_var(part) for part in _free_parts(formula)):
        raise NotAFormula("the term has a variable that nothing binds")
    _check_language(formula)
    _refuse_reserved(formula, ())
    return formula


def copied(term: Any) -> Any:
    """The same term behind a new handle, so that nobody can change it through an old one."""
    if not z3.is_expr(term):
        raise NotAFormula(f"{term!r} is not a term")
    return z3.z3._to_expr_ref(term.as_ast(), z3.main_ctx())


def _free_parts(term: Any) -> Iterable[Any]:
    """Every subterm outside the scope of binders, and variables that escape their binders."""
    waiting, seen = [(term, 0)], set()
    while waiting:
        part, depth = waiting.pop()
        if (part.get_id(), depth) in seen:
            continue
        seen.add((part.get_id(), depth))
        if z3.is_var(part):
            if z3.get_var_index(part) >= depth:
                yield part
        elif z3.is_quantifier(part):
            waiting.append((part.body(), depth + part.num_vars()))
        else:
            yield part
            waiting += [(child, depth) for child in part.children()]


def same_formula(left: Any, right: Any) -> bool:
    """Whether two terms are the same up to the names of bound variables."""
    waiting, seen = [(left, right)], set()
    while waiting:
        one, other = waiting.pop()
        if one.eq(other) or (one.get_id(), other.get_id()) in seen:
            continue
        seen.add((one.get_id(), other.get_id()))
        if z3.is_quantifier(one) and z3.is_quantifier(other):
            if _binder(one) != _binder(other):
                return False
            waiting.append((one.body(), other.body()))
        elif z3.is_app(one) and z3.is_app(other) and one.decl().eq(other.decl()):
            if one.num_args() != other.num_args():
                return False
            waiting += zip(one.children(), other.children(), strict=True)
        else:
            return False
    return True


def _binder(term: Any) -> tuple[Any, ...]:
    sorts = [term.var_sort(k).name() for k in range(term.num_vars())]
    return (term.is_forall(), term.is_exists(), term.is_lambda(), *sorts)


def has_binder(term: Any) -> bool:
    """Whether a quantifier or a lambda occurs."""
    return any(z3.is_quantifier(part) for part in subterms(term))


def subterms(term: Any) -> Iterable[Any]:
    """Every subterm once, those under binders included."""
    waiting, seen = [term], set()
    while waiting:
        part = waiting.pop()
        if part.get_id() in seen:
            continue
        seen.add(part.get_id())
        yield part
        waiting += [part.body()] if z3.is_quantifier(part) else part.children()


def substituted(formula: Any, meanings: Mapping[Any, Any]) -> Any:
    """A formula with schematic symbols given a meaning.

    A constant is given a term, a function a Python function of terms. Raises NotAFormula for a
    fixed symbol, a meaning of another sort, and a function whose meaning has a binder.
    """
    for symbol, meaning in meanings.items():
        declaration = symbol if z3.is_func_decl(symbol) else copied(symbol).decl()
        declaration = z3.FuncDeclRef(declaration.ast, z3.main_ctx())
        if declaration.kind() != z3.Z3_OP_UNINTERPRETED or any(declaration.eq(f) for f in FIXED):
            raise NotAFormula(f"{declaration.name()} is not a schematic symbol")
        formula = _with_meaning(formula, declaration, meaning)
    return formula


def _with_meaning(formula: Any, declaration: Any, meaning: Any) -> Any:
    sorts = [declaration.domain(k) for k in range(declaration.arity())]
    value = meaning(*(z3.Var(k, sort) for k, sort in enumerate(sorts))) if sorts else meaning
    if isinstance(value, int | bool | str):
        value = declaration.range().cast(value)
    value = copied(value)
    if value.sort() != declaration.range():
        raise NotAFormula(f"the meaning of {declaration.name()} has another sort")
    if has_binder(value):
        raise NotAFormula(f"the meaning of {declaration.name()} has a quantifier in it")
    escaping = [z3.get_var_index(p) for p in subterms(value) if z3.is_var(p)]
    if any(index >= len(sorts) for index in escaping):
        raise NotAFormula(f"the meaning of {declaration.name()} has a variable that nothing binds")
    if sorts:
        return z3.substitute_funs(formula, (declaration, value))
    return z3.substitute(formula, (declaration(), value))
