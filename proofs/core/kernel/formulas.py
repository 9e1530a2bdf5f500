"""TRUSTED CORE. The language of theorems: Z3 terms over a few fixed symbols.

Every other symbol of a statement is schematic: the statement is claimed for all its meanings. The
fixed symbols have one meaning each, which the axioms (proofs/core/kernel/axioms.py) speak of: the
natural logarithm, the exponential function, an integral over an interval, and the probability of
an event and the expectation of a number on one probability space.

A term that is handed in or out is a private copy (handles.py), the fixed symbols and sorts are made
anew where the kernel uses them, and no variable is handed out twice: what a caller does to an
object of his is done to no object of the kernel.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final

import z3

from tokenauction.proofs.core.kernel.handles import NotAFormula, address, below, copied, open_copy

REAL: Final = z3.RealSort()
INT: Final = z3.IntSort()
BOOL: Final = z3.BoolSort()
OUTCOME: Final = z3.DeclareSort("Outcome")

FIXED: Final = frozenset({"ln", "exp", "integral", "probability", "expectation"})
"""The names of the fixed symbols; no symbol of such a name is schematic."""


def outcomes() -> Any:
    """The sort of the outcomes of the probability space."""
    return z3.DeclareSort("Outcome")


def fixed(name: str) -> Any:
    """A fixed symbol."""
    real = z3.RealSort()
    match name:
        case "ln" | "exp":
            return z3.Function(name, real, real)
        case "integral":
            return z3.Function(name, z3.ArraySort(real, real), real, real, real)
        case "probability":
            return z3.Function(name, z3.ArraySort(outcomes(), z3.BoolSort()), real)
        case "expectation":
            return z3.Function(name, z3.ArraySort(outcomes(), real), real)
    raise ValueError(f"{name} is no fixed symbol")


ln: Final = fixed("ln")
exp: Final = fixed("exp")


def is_elementary(declaration: Any, name: str) -> bool:
    """Whether a declaration is that of `ln`, or of `exp`."""
    return bool(
        declaration.kind() == z3.Z3_OP_UNINTERPRETED
        and declaration.name() == name
        and declaration.arity() == 1
        and declaration.domain(0).kind() == declaration.range().kind() == z3.Z3_REAL_SORT
    )


def integral(integrand: Callable[[Any], Any], lower: Any, upper: Any) -> Any:
    """`∫ integrand(x) dx` from `lower` to `upper`."""
    x = z3.Real("x?")
    return fixed("integral")(z3.Lambda([x], body(integrand, x)), plain(lower), plain(upper))


def probability(event: Callable[[Any], Any]) -> Any:
    """The probability of the outcomes at which `event` is true."""
    w = z3.Const("w?", outcomes())
    return fixed("probability")(z3.Lambda([w], body(event, w)))


def expectation(number: Callable[[Any], Any]) -> Any:
    """The expectation of a number that depends on the outcome."""
    w = z3.Const("w?", outcomes())
    return fixed("expectation")(z3.Lambda([w], body(number, w)))


def body(function: Callable[[Any], Any], variable: Any) -> Any:
    """What a Python function says of a variable that is about to be bound.

    Raises NotAFormula where it says something of another variable of the kernel's.
    """
    probe = _new_probe(variable)
    said = _asked(function, probe)
    _refuse_reserved(subterms(said), [*_PROBES, probe])
    return z3.substitute(said, (probe, variable))


class Frozen:
    """A Python function of one term that is asked once, so that it cannot change its mind."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._said: tuple[Any, Any] | None = None

    def __call__(self, term: Any) -> Any:
        if self._said is None:
            probe = _new_probe(term)
            said = _asked(self._function, probe)
            _refuse_reserved(subterms(said), [probe])
            self._said = probe, said
        probe, said = self._said
        if probe.sort() != term.sort():
            raise NotAFormula("one function is asked about terms of two sorts")
        return z3.substitute(said, (probe, term))


# The variables that are being asked about, the outermost first: integrals may be nested.
_PROBES: list[Any] = []
_NUMBERS: Final = count()


def _new_probe(term: Any) -> Any:
    """A variable of the sort of a term, which nobody has seen yet."""
    return z3.Const(f"probe{next(_NUMBERS)}?", term.sort())


def _asked(function: Callable[[Any], Any], probe: Any) -> Any:
    """What a function says of a variable, of which it is given a copy."""
    _PROBES.append(probe)
    try:
        said = function(copied(probe))
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
    _refuse_reserved(subterms(term), _PROBES)
    return term


def _refuse_reserved(parts: Iterable[Any], allowed: Sequence[Any]) -> None:
    for part in parts:
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
# Each enumeration by its name: the sort, and its elements when it was first seen.
_ENUMERATIONS: Final[dict[str, tuple[Any, list[Any]]]] = {}


def _check_language(parts: Sequence[Any]) -> None:
    """Raises NotAFormula where a part of a term is made of what is not in the language."""
    for part in parts:
        if z3.is_app(part) and part.decl().kind() not in _OPERATIONS:
            raise NotAFormula(f"{part.decl().name()} is not in the language of theorems")
    _check_sorts(parts)


def check_enumerations(*terms: Any) -> None:
    """Raises NotAFormula where an enumeration that terms speak of is no longer what it was.

    Z3 knows an enumeration by its name, and lets another one take its place. Terms of which every
    enumeration was seen before need no look where none of those has changed.
    """
    if not all(_same(elements, _elements(sort)) for sort, elements in _ENUMERATIONS.values()):
        for term in terms:
            _check_sorts(list(subterms(term)))


def _check_sorts(parts: Sequence[Any]) -> None:
    for sort in sorts_of(parts):
        _check_sort(sort)
    for part in parts:
        if z3.is_app(part) and part.decl().kind() == z3.Z3_OP_DT_CONSTRUCTOR:
            if not any(part.decl().eq(one) for one in _elements(part.sort())):
                raise NotAFormula(f"{part} is not of the enumeration {part.sort()} as it is now")


def sorts_of(parts: Iterable[Any]) -> Iterator[Any]:
    """The sorts of parts of a term, and of the variables that are bound by them, once each."""
    seen = set()
    for part in parts:
        bound = z3.is_quantifier(part)
        sorts = map(part.var_sort, range(part.num_vars())) if bound else [part.sort()]
        for sort in sorts:
            if sort.get_id() not in seen:
                seen.add(sort.get_id())
                yield sort


def _check_sort(sort: Any) -> None:
    kind = sort.kind()
    if kind == z3.Z3_ARRAY_SORT:
        for k in range(z3.Z3_get_array_arity(sort.ctx.ref(), sort.ast)):
            _check_sort(sort.domain_n(k))
        _check_sort(sort.range())
    elif kind == z3.Z3_DATATYPE_SORT:
        elements = _elements(sort)
        _, known = _ENUMERATIONS.setdefault(sort.name(), (sort, elements))
        if not _same(known, elements) or any(one.arity() for one in elements):
            raise NotAFormula(f"{sort.name()} is not one enumeration")
    elif kind not in (z3.Z3_BOOL_SORT, z3.Z3_INT_SORT, z3.Z3_REAL_SORT, z3.Z3_UNINTERPRETED_SORT):
        raise NotAFormula(f"the sort {sort.name()} is not in the language of theorems")


def _elements(sort: Any) -> list[Any]:
    """The elements of an enumeration as it is now."""
    return [sort.constructor(k) for k in range(sort.num_constructors())]


def _same(these: Sequence[Any], those: Sequence[Any]) -> bool:
    return len(these) == len(those) and all(map(z3.AstRef.eq, these, those))


def closed(formula: Any) -> Any:
    """A private copy of a Boolean term of the language; raises NotAFormula."""
    formula = copied(formula)
    if not z3.is_bool(formula):
        raise NotAFormula(f"{formula!r} is not a Boolean term")
    parts = list(subterms(formula))
    _check_language(parts)
    _refuse_reserved(parts, ())
    return formula


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
    sorts = [term.var_sort(k).get_id() for k in range(term.num_vars())]
    return (term.is_forall(), term.is_exists(), term.is_lambda(), *sorts)


def has_binder(term: Any) -> bool:
    """Whether a quantifier or a lambda occurs."""
    return any(z3.is_quantifier(part) for part in subterms(term))


def subterms(term: Any) -> Iterator[Any]:
    """Every subterm once, those under binders included."""
    waiting, seen = [term], {term.get_id()}
    while waiting:
        part = waiting.pop()
        yield part
        waiting += below(part, seen)


def substituted(formula: Any, meanings: Mapping[Any, Any]) -> Any:
    """A formula with schematic symbols given a meaning.

    A constant is given a term, a function a Python function of terms. Raises NotAFormula for a
    fixed symbol, a meaning of another sort, and a function whose meaning has a binder.
    """
    for symbol, meaning in meanings.items():
        declaration = _declaration(symbol)
        if declaration.kind() != z3.Z3_OP_UNINTERPRETED or declaration.name() in FIXED:
            raise NotAFormula(f"{declaration.name()} is not a schematic symbol")
        formula = _with_meaning(formula, declaration, meaning)
    return formula


def name_of(symbol: Any) -> str:
    """The name of a constant or a function."""
    return str(_declaration(symbol).name())


def _declaration(symbol: Any) -> Any:
    """The declaration of a constant or a function, behind a handle of its own."""
    if type(symbol) is z3.FuncDeclRef:
        return z3.FuncDeclRef(address(symbol, (z3.Z3_FUNC_DECL_AST,)), z3.main_ctx())
    found = copied(symbol)
    if not z3.is_app(found):
        raise NotAFormula(f"{found} is not a symbol")
    return found.decl()


def _with_meaning(formula: Any, declaration: Any, meaning: Any) -> Any:
    sorts = [declaration.domain(k) for k in range(declaration.arity())]
    value = meaning(*(z3.Var(k, sort) for k, sort in enumerate(sorts))) if sorts else meaning
    if isinstance(value, int | bool | str):
        value = declaration.range().cast(value)
    value = open_copy(value)
    if value.sort() != declaration.range():
        raise NotAFormula(f"the meaning of {declaration.name()} has another sort")
    if has_binder(value):
        raise NotAFormula(f"the meaning of {declaration.name()} has a quantifier in it")
    for part in filter(z3.is_var, subterms(value)):
        index = z3.get_var_index(part)
        if index >= len(sorts) or part.sort() != sorts[index]:
            raise NotAFormula(
                f"the meaning of {declaration.name()} has a variable that nothing binds"
            )
    if sorts:
        return z3.substitute_funs(formula, (declaration, value))
    return z3.substitute(formula, (declaration(), value))
