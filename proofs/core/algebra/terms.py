"""TRUSTED CORE. Terms of the canonical form: polynomials over bases, and conditions on them.

A polynomial is a sum of coefficients times monomials; a monomial is a product of *bases* to
rational powers; a base is a leaf of the graph, or an operation that is not polynomial: an
exponential, a logarithm, a maximum, a choice, a reduction, a sum that stands under a power. Every
term has a `key`, a text that is equal exactly where the terms are equal up to the names of bound
indices.

This file holds the data and its arithmetic; proofs/core/algebra/canonical.py holds the
simplifications.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, Literal, assert_never, get_args

from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node

_LONGEST_KEY: Final = 160


def _short(key: str) -> str:
    """A long key, by its digest: what is compared is then 128 bits of SHA-256."""
    if len(key) <= _LONGEST_KEY:
        return key
    return "#" + sha256(key.encode()).hexdigest()[:32]


BOUND_MARK: Final = "%"


def bound_level(index: Index) -> int:
    """The nesting level of a bound index; 0 for any other."""
    return int(index.name[1:]) if index.name.startswith(BOUND_MARK) else 0


@dataclass(frozen=True, eq=False)
class Term:
    """What polynomials, bases and conditions share: identity by key."""

    key: str

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Term) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


BaseKind = Literal[
    "leaf", "sum", "exp", "log", "floor", "max", "pow", "where", "chosen", "order", "reduce"
]
ConditionKind = Literal["true", "false", "lit", "and", "or", "same", "different", "all", "any"]
_BASES: Final = frozenset(get_args(BaseKind))
_CONDITIONS: Final = frozenset(get_args(ConditionKind))


@dataclass(frozen=True, eq=False)
class Base(Term):
    """A factor: `kind` says which operation, `args` its operands (terms, nodes, indices)."""

    kind: BaseKind = "leaf"
    args: tuple[Any, ...] = ()

    @cached_property
    def free(self) -> frozenset[Index]:
        """The index variables that occur and are not bound inside, without permutations."""
        if self.kind == "leaf":
            return frozenset(plain(i) for i in traversal.indices_of(self.args[0]))
        return _free_below(self.kind, self.args)

    @cached_property
    def level(self) -> int:
        """The deepest nesting of bound indices inside."""
        return _level_below(self.kind, self.args)


@dataclass(frozen=True, eq=False)
class Condition(Term):
    """A truth value: a literal `poly ⋈ 0`, a junction, a quantifier, or an equality of indices."""

    kind: ConditionKind = "true"
    args: tuple[Any, ...] = ()

    @cached_property
    def free(self) -> frozenset[Index]:
        """As for a base."""
        if self.kind in ("same", "different"):
            return frozenset(plain(i) for i in self.args)
        return _free_below(self.kind, self.args)

    @cached_property
    def level(self) -> int:
        """As for a base."""
        return _level_below(self.kind, self.args)


Monomial = tuple[tuple[Base, Fraction], ...]


@dataclass(frozen=True, eq=False)
class Poly(Term):
    """A sum of coefficient times monomial, sorted, without zero coefficients."""

    terms: tuple[tuple[Monomial, Fraction], ...] = field(default=())

    @cached_property
    def free(self) -> frozenset[Index]:
        """As for a base."""
        return frozenset().union(*(base.free for base in self.bases()))

    @cached_property
    def level(self) -> int:
        """As for a base."""
        return max((base.level for base in self.bases()), default=0)

    def bases(self) -> Iterator[Base]:
        """The bases at the top level, with repetitions."""
        for monomial, _ in self.terms:
            for base, _ in monomial:
                yield base

    @property
    def constant(self) -> Fraction | None:
        """The value of a constant polynomial, else None."""
        if not self.terms:
            return Fraction(0)
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None

    def __str__(self) -> str:
        return " + ".join(_show_term(m, c) for m, c in self.terms) or "0"


def plain(index: Index) -> Index:
    """An index without its permutations."""
    return Index(index.axis, index.name, index.position)


def _children(kind: str, args: tuple[Any, ...]) -> Iterator[Any]:
    for arg in args:
        if isinstance(arg, tuple):
            yield from _children(kind, arg)
        else:
            yield arg


def _free_below(kind: str, args: tuple[Any, ...]) -> frozenset[Index]:
    free: set[Index] = set()
    for arg in _children(kind, args):
        if isinstance(arg, Term):
            free |= arg.free  # type: ignore[attr-defined]
    if kind in ("chosen", "order"):
        index, over, _, excluded = args
        return frozenset((free - {plain(over)}) | {plain(one) for one in (index, *excluded)})
    if kind in ("reduce", "all", "any"):
        over, excluded = (args[1], args[3]) if kind == "reduce" else (args[0], args[2])
        free -= {plain(over)}
        free |= {plain(index) for index in excluded}
    return frozenset(free)


def _level_below(kind: str, args: tuple[Any, ...]) -> int:
    deepest = 0
    for arg in _children(kind, args):
        if isinstance(arg, Term):
            deepest = max(deepest, arg.level)  # type: ignore[attr-defined]
    if kind in ("reduce", "chosen", "order"):
        deepest = max(deepest, bound_level(args[1]))
    if kind in ("all", "any"):
        deepest = max(deepest, bound_level(args[0]))
    return deepest


def subbases(term: Any) -> Iterator[Base]:
    """Every base inside a term, what is innermost first, bodies of reductions included."""
    if isinstance(term, Poly):
        for base in term.bases():
            yield from subbases(base)
    elif isinstance(term, Base | Condition):
        for arg in term.args:
            yield from subbases(arg)
        if isinstance(term, Base):
            yield term
    elif isinstance(term, tuple):
        for arg in term:
            yield from subbases(arg)


# Construction ------------------------------------------------------------------------------------


def _text(arg: Any) -> str:
    if isinstance(arg, Term):
        return arg.key
    if isinstance(arg, tuple):
        return f"({','.join(_text(part) for part in arg)})"
    if isinstance(arg, Index):
        return f"{arg.axis.value}:{arg}"
    return str(arg)


def make_base(kind: BaseKind, *args: Any) -> Base:
    """A base; raises ValueError for a kind that there is not."""
    if kind not in _BASES:
        raise ValueError(f"{kind!r} is no kind of base")
    if kind == "leaf":
        node: Node = args[0]
        return Base(f"{node.op} {graph.render(node)}", kind, args)
    return Base(_short(f"{kind}[{';'.join(_text(arg) for arg in args)}]"), kind, args)


def make_condition(kind: ConditionKind, *args: Any) -> Condition:
    """A condition; raises ValueError for a kind that there is not."""
    if kind not in _CONDITIONS:
        raise ValueError(f"{kind!r} is no kind of condition")
    return Condition(_short(f"{kind}<{';'.join(_text(arg) for arg in args)}>"), kind, args)


TRUE: Final = make_condition("true")
FALSE: Final = make_condition("false")


def make_poly(terms: Iterable[tuple[Monomial, Fraction]]) -> Poly:
    """The sum of terms, collected."""
    collected: dict[Monomial, Fraction] = {}
    for monomial, coefficient in terms:
        collected[monomial] = collected.get(monomial, Fraction(0)) + coefficient
    kept = [(m, c) for m, c in collected.items() if c != 0]
    kept.sort(key=lambda term: _monomial_key(term[0]))
    text = "+".join(f"{c}*{_monomial_key(m)}" for m, c in kept)
    return Poly(_short(f"({text})"), tuple(kept))


def _monomial_key(monomial: Monomial) -> str:
    return ".".join(f"{base.key}^{exponent}" for base, exponent in monomial)


ZERO: Final = make_poly([])
ONE: Final = make_poly([((), Fraction(1))])


def const(value: int | Fraction) -> Poly:
    return make_poly([((), Fraction(value))])


def from_base(base: Base, exponent: Fraction | int = 1) -> Poly:
    return make_poly([(((base, Fraction(exponent)),), Fraction(1))])


def single(monomial: Monomial, coefficient: Fraction | int = 1) -> Poly:
    return make_poly([(monomial, Fraction(coefficient))])


def add(*polys: Poly) -> Poly:
    return make_poly(term for poly in polys for term in poly.terms)


def scale(poly: Poly, factor: Fraction | int) -> Poly:
    return make_poly((m, c * factor) for m, c in poly.terms)


def sub(left: Poly, right: Poly) -> Poly:
    return add(left, scale(right, -1))


def mul(left: Poly, right: Poly) -> Poly:
    return make_poly((times(m1, m2), c1 * c2) for m1, c1 in left.terms for m2, c2 in right.terms)


def times(left: Monomial, right: Monomial) -> Monomial:
    """The product of monomials; powers of the same base are added."""
    powers: dict[Base, Fraction] = dict(left)
    for base, exponent in right:
        powers[base] = powers.get(base, Fraction(0)) + exponent
    kept = [(base, exponent) for base, exponent in powers.items() if exponent != 0]
    return tuple(sorted(kept, key=lambda power: power[0].key))


def common_factor(*polys: Poly) -> Monomial:
    """The monomial that divides every term: each base to the smallest power that all share."""
    rows = [dict(monomial) for poly in polys for monomial, _ in poly.terms]
    if not rows:
        return ()
    shared: list[tuple[Base, Fraction]] = []
    for base in sorted(rows[0], key=lambda b: b.key):
        powers = [row.get(base, Fraction(0)) for row in rows]
        if min(powers) > 0:
            shared.append((base, min(powers)))
        elif max(powers) < 0:
            shared.append((base, max(powers)))
    return tuple(shared)


def invert(monomial: Monomial) -> Monomial:
    return tuple((base, -exponent) for base, exponent in monomial)


# Reading -----------------------------------------------------------------------------------------

_LETTERS: Final = {Axis.AGENTS: "jkl", Axis.TOKENS: "suv"}


def _show_term(monomial: Monomial, coefficient: Fraction) -> str:
    above = [(base, exponent) for base, exponent in monomial if exponent > 0]
    below = [(base, -exponent) for base, exponent in monomial if exponent < 0]
    factors = [_show_power(*power) for power in above]
    if coefficient == -1 and factors:
        factors[0] = f"-{factors[0]}"
    elif coefficient != 1 or not factors:
        factors.insert(0, str(coefficient))
    top = "·".join(factors)
    if not below:
        return top
    bottom = "·".join(_show_power(*power) for power in below)
    return f"{top}/({bottom})" if len(below) > 1 else f"{top}/{bottom}"


def _show_power(base: Base, exponent: Fraction) -> str:
    shown = show_base(base)
    if exponent == 1:
        return shown
    return f"{shown}^{exponent}" if exponent.denominator == 1 else f"{shown}^({exponent})"


def _name_bound(over: Index, text: str) -> str:
    """The text of a reduction's body with a letter for the index that it binds."""
    return text.replace(over.name, letter(over))


def letter(over: Index) -> str:
    """What a bound index is called in print."""
    names = _LETTERS[over.axis]
    level = bound_level(over)
    return names[(level - 1) % len(names)] + ("'" * ((level - 1) // len(names)))


def show_base(base: Base) -> str:
    """A base in words and symbols."""
    args = base.args
    match base.kind:
        case "leaf":
            return graph.render(args[0])
        case "sum":
            return f"({args[0]})"
        case "exp" | "log" | "floor":
            return f"{base.kind}({args[0]})"
        case "max":
            return f"max({', '.join(str(arg) for arg in args[0])})"
        case "pow":
            return f"({args[0]})^({args[1]})"
        case "chosen" | "order":
            index, over, key, excluded = args
            text = _name_bound(over, str(key))
            without = "".join(f", {letter(over)}≠{one}" for one in excluded)
            if base.kind == "chosen":
                return f"[{index} is the first with the largest {text}{without}]"
            return f"place({index} among the largest {text}{without})"
        case "where":
            return f"[{show_condition(args[0])} ? {args[1]} : {args[2]}]"
        case "reduce":
            kind, over, body, excluded = args
            without = "".join(f", {letter(over)}≠{index}" for index in excluded)
            return f"{kind}[{letter(over)}{without}]({_name_bound(over, str(body))})"
        case _:
            assert_never(base.kind)


_SHOWN: Final = {"<": "<", "<=": "≤", "==": "=", "!=": "≠"}


def show_condition(condition: Condition) -> str:
    """A condition in words and symbols; what is negative stands on the right."""
    args = condition.args
    match condition.kind:
        case "lit":
            left = make_poly((m, c) for m, c in args[0].terms if c > 0)
            right = make_poly((m, -c) for m, c in args[0].terms if c < 0)
            return f"{left} {_SHOWN[args[1]]} {right}"
        case "and" | "or":
            return "(" + f" {condition.kind} ".join(show_condition(a) for a in args[0]) + ")"
        case "all" | "any":
            quantifier = "every" if condition.kind == "all" else "some"
            body = _name_bound(args[0], show_condition(args[1]))
            return f"{body} for {quantifier} {letter(args[0])}"
        case "same" | "different":
            return f"{args[0]} {'is' if condition.kind == 'same' else 'is not'} {args[1]}"
        case "true" | "false":
            return condition.kind
        case _:
            assert_never(condition.kind)
