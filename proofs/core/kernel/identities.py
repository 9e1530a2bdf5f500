"""TRUSTED CORE. Identities between real terms with logarithms and exponentials, decided by SymPy.

Input: an equation and what is assumed. Output: its two sides' difference as a SymPy expression,
and the side conditions under which SymPy's rules hold: every denominator is nonzero, every
argument of a logarithm is positive. A symbol is declared positive to SymPy only where the caller
has shown that it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sympy
import z3

from tokenauction.proofs.core.kernel.formulas import is_elementary


class NotAnIdentity(Exception):
    """The equation has parts that are not translated."""


@dataclass
class Translation:
    """From Z3 terms to SymPy; `is_positive` decides whether a term is known to be positive."""

    is_positive: Callable[[Any], bool]
    conditions: list[Any] = field(default_factory=list)
    _symbols: dict[int, Any] = field(default_factory=dict)

    def expression(self, term: Any) -> Any:
        """The SymPy expression of a real or integer term."""
        if z3.is_rational_value(term):
            return sympy.Rational(term.numerator_as_long(), term.denominator_as_long())
        if z3.is_int_value(term):
            return sympy.Integer(term.as_long())
        if not z3.is_app(term):
            raise NotAnIdentity(f"{term} is not translated")
        kind, parts = term.decl().kind(), term.children()
        if kind == z3.Z3_OP_ADD:
            return sympy.Add(*map(self.expression, parts))
        if kind == z3.Z3_OP_SUB:
            first, *rest = map(self.expression, parts)
            return first - sympy.Add(*rest)
        if kind == z3.Z3_OP_UMINUS:
            return -self.expression(parts[0])
        if kind == z3.Z3_OP_MUL:
            return sympy.Mul(*map(self.expression, parts))
        if kind == z3.Z3_OP_DIV:
            self.conditions.append(parts[1] != 0)
            return self.expression(parts[0]) / self.expression(parts[1])
        if is_elementary(term.decl(), "ln"):
            self.conditions.append(parts[0] > 0)
            return sympy.log(self.expression(parts[0]))
        if is_elementary(term.decl(), "exp"):
            return sympy.exp(self.expression(parts[0]))
        if kind == z3.Z3_OP_UNINTERPRETED:
            return self._symbol(term)
        raise NotAnIdentity(f"{term} is not translated")

    def _symbol(self, term: Any) -> Any:
        if term.get_id() not in self._symbols:
            known = {"positive": True} if self.is_positive(term) else {"real": True}
            name = f"x{len(self._symbols)}"
            self._symbols[term.get_id()] = sympy.Symbol(name, **known)
        return self._symbols[term.get_id()]


def is_zero(expression: Any) -> bool:
    """Whether SymPy reduces an expression to zero."""
    for reduce in (sympy.expand, sympy.simplify, lambda e: sympy.simplify(sympy.expand_log(e))):
        if reduce(expression) == 0:
            return True
    return False
