"""TRUSTED CORE. Terms that are handed in or out: private copies, and no variable is left unbound.

Each copy stands behind a handle of its own. Guarantee: what a caller does to an object of his, or
has its methods say, changes no copy.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

import z3


class NotAFormula(Exception):
    """What was given is not a closed Boolean term of the language."""


def copied(term: Any) -> Any:
    """A private copy of a term; raises NotAFormula where nothing in it binds one of its variables.

    Under a binder of the kernel's, Z3 counts such a variable on, and past the largest number it
    would be the binder's own.
    """
    found = open_copy(term)
    _check_variables(found)
    return found


def open_copy(term: Any) -> Any:
    """The same term behind a handle of its own, which nobody can change through another.

    Of the object only the address of the term is believed: its methods may be anybody's.
    """
    if id(type(term)) not in _TERMS:
        raise NotAFormula(f"{term!r} is not a term")
    return z3.z3._to_expr_ref(address(term, _KINDS_OF_TERMS), z3.main_ctx())


def below(term: Any, seen: set[int]) -> Iterator[Any]:
    """The terms right below a term whose numbers are not in `seen` yet; they are put there.

    For a term of the kernel's own. A handle is made for those alone that come out: to make one
    takes longer than whatever else is done with it.
    """
    context = term.ctx.ref()
    if z3.is_quantifier(term):
        found = [z3.Z3_get_quantifier_body(context, term.ast)]
    elif z3.is_app(term):
        count = z3.Z3_get_app_num_args(context, term.ast)
        found = [z3.Z3_get_app_arg(context, term.ast, k) for k in range(count)]
    else:
        found = []
    for one in found:
        number = z3.Z3_get_ast_id(context, one)
        if number not in seen:
            seen.add(number)
            yield z3.z3._to_expr_ref(one, term.ctx)


def address(handle: Any, kinds: Sequence[int]) -> Any:
    """The address that a handle of Z3 holds now, in an object of its own.

    What is there has to be of one of these kinds.
    """
    parts = object.__getattribute__(handle, "__dict__")
    if type(parts) is not dict or parts.get("ctx") is not z3.main_ctx():
        raise NotAFormula("the term belongs to another Z3 context")
    pointer: Any = parts.get("ast")
    if type(pointer) not in (z3.Ast, z3.FuncDecl) or not pointer.value:
        raise NotAFormula("the term is no term of Z3")
    kind: Any = z3.Ast if type(pointer) is z3.Ast else z3.FuncDecl
    own = kind.__new__(kind)
    own.value = pointer.value
    if z3.Z3_get_ast_kind(z3.main_ctx().ref(), own) not in kinds:
        raise NotAFormula("the term is no term of Z3")
    return own


def _kinds_of(kind: type[Any]) -> Iterator[type[Any]]:
    """A class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds_of(below)


# By identity: a class of somebody else may say that it is equal to one of these.
_TERMS: Final = {id(kind): kind for kind in _kinds_of(z3.ExprRef)}
_KINDS_OF_TERMS: Final = (z3.Z3_APP_AST, z3.Z3_NUMERAL_AST, z3.Z3_VAR_AST, z3.Z3_QUANTIFIER_AST)


def _check_variables(term: Any) -> None:
    """Raises NotAFormula unless every variable is bound, as what its binder says that it is.

    Z3 lets a variable of one sort stand below a binder of another.
    """
    waiting: list[tuple[Any, tuple[int, ...]]] = [(term, ())]
    seen: dict[tuple[int, ...], set[int]] = defaultdict(set)
    while waiting:
        part, bound = waiting.pop()
        if z3.is_var(part):
            index = z3.get_var_index(part)
            if index >= len(bound):
                raise NotAFormula("the term has a variable that nothing binds")
            if part.sort().get_id() != bound[-1 - index]:
                raise NotAFormula("the term has a variable of another sort than its binder")
        elif z3.is_quantifier(part):
            sorts = [part.var_sort(k) for k in range(part.num_vars())]
            if part.is_lambda():
                stands = part.sort().eq(z3.ArraySort(*sorts, part.body().sort()))
            else:
                stands = z3.is_bool(part.body())
            if not stands:
                raise NotAFormula("the term has a binder of another sort than its body")
            bound = (*bound, *(sort.get_id() for sort in sorts))
        waiting += [(one, bound) for one in below(part, seen[bound])]
