"""TRUSTED CORE in what it shows. Formulas as text: whole, and no name reads as another.

    ∀ x: …   ∃ x: …   λ x: …   if … then … else …      over the whole of what follows
    →  ∨  ∧  ¬  = ≠ < ≤ > ≥  + -  * /  -               from what binds last to what binds first
    f(x)   a[i]   a[i := v]   all(v)                   the last three are of arrays

A bound variable is renamed where its name has another meaning in its reach. A symbol that shares
its name with one of another sort has its sort with it. What is long and occurs several times is
named, below the formula or below the binder of its variables. Nothing is cut, as Z3's own printer
does after 200 lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from textwrap import wrap
from typing import Any, Final

import z3

from tokenauction.proofs.core.kernel.formulas import FIXED, fixed, sorts_of, subterms

WIDTH: Final = 96
_LONG: Final = 40
_BINDER, _IMPLIES, _OR, _AND, _NOT, _COMPARES, _SUM, _PRODUCT, _MINUS, _ATOM = range(10)
_OPERATORS: Final = {
    z3.Z3_OP_IMPLIES: ("→", _IMPLIES),
    z3.Z3_OP_OR: ("∨", _OR),
    z3.Z3_OP_AND: ("∧", _AND),
    z3.Z3_OP_EQ: ("=", _COMPARES),
    z3.Z3_OP_DISTINCT: ("≠", _COMPARES),
    z3.Z3_OP_LE: ("≤", _COMPARES),
    z3.Z3_OP_LT: ("<", _COMPARES),
    z3.Z3_OP_GE: ("≥", _COMPARES),
    z3.Z3_OP_GT: (">", _COMPARES),
    z3.Z3_OP_ADD: ("+", _SUM),
    z3.Z3_OP_SUB: ("-", _SUM),
    z3.Z3_OP_MUL: ("*", _PRODUCT),
    z3.Z3_OP_DIV: ("/", _PRODUCT),
}
_CALLS: Final = {
    z3.Z3_OP_TO_REAL: "real", z3.Z3_OP_TO_INT: "floor", z3.Z3_OP_CONST_ARRAY: "all",
    z3.Z3_OP_AND: "and", z3.Z3_OP_OR: "or", z3.Z3_OP_ADD: "sum", z3.Z3_OP_MUL: "product",
}  # fmt: skip
_ARRAYS: Final = {z3.Z3_OP_SELECT: "select", z3.Z3_OP_STORE: "store"}
_SORTS: Final = {z3.Z3_BOOL_SORT: "Bool", z3.Z3_INT_SORT: "Int", z3.Z3_REAL_SORT: "Real"}
_WORDS: Final = frozenset({"if", "then", "else", "where", "in", "True", "False", *_CALLS.values()})


def text(formula: Any, indent: int = 0, width: int = WIDTH) -> str:
    """A formula without free variables, as lines; every line but the first is indented."""
    return ("\n" + " " * indent).join(_Writer(formula).lines(width - indent))


def symbols(formula: Any) -> str:
    """The symbols that a formula has free, by their sorts."""
    names = _Names(formula)
    by_sort: dict[str, list[str]] = {}
    for key, one in names.declarations.items():
        by_sort.setdefault(names.sorts.signature(one), []).append(names.shown[key])
    return "; ".join(", ".join(sorted(by_sort[sort])) + sort for sort in sorted(by_sort))


@dataclass(frozen=True, eq=False)
class _Node:
    """A part of a formula; `names` are those that a binder binds, `free` those bound around."""

    kind: str
    label: str
    level: int
    parts: tuple["_Node", ...] = ()
    names: tuple[str, ...] = ()
    free: frozenset[str] = frozenset()


class _Sorts:
    """How the sorts of a formula are shown: no two alike, and none as a sort of Z3's own."""

    def __init__(self, formula: Any) -> None:
        self.shown: dict[int, str] = {}
        for sort in sorts_of(subterms(formula)):
            self._show(sort)

    def _show(self, sort: Any) -> str:
        key = sort.get_id()
        if key not in self.shown:
            self.shown[key] = self._name(sort)
        return self.shown[key]

    def _name(self, sort: Any) -> str:
        kind = sort.kind()
        if kind in _SORTS:
            return _SORTS[kind]
        if kind == z3.Z3_ARRAY_SORT:
            arity = z3.Z3_get_array_arity(sort.ctx.ref(), sort.ast)
            inner = [*map(sort.domain_n, range(arity)), sort.range()]
            return f"Array({', '.join(map(self._show, inner))})"
        name = _quoted(sort.name())
        used = {*self.shown.values(), *_SORTS.values()}
        outcomes_of_its_own = name == "Outcome" and kind != z3.Z3_UNINTERPRETED_SORT
        tries = (name if k == 1 else f"{name}'{k}" for k in count(1 + outcomes_of_its_own))
        return next(one for one in tries if one not in used)

    def of_variable(self, sort: Any) -> str:
        """What is said of the sort of a bound variable: nothing of a real number."""
        return "" if sort.kind() == z3.Z3_REAL_SORT else f" in {self._show(sort)}"

    def of_symbol(self, declaration: Any) -> list[str]:
        """The sorts of a symbol's arguments, and last of its values."""
        sorts = [*map(declaration.domain, range(declaration.arity())), declaration.range()]
        return [*map(self._show, sorts)]

    def signature(self, declaration: Any) -> str:
        """The sorts of a symbol, in words."""
        *arguments, values = self.of_symbol(declaration)
        return f": {' × '.join(arguments)} → {values}" if arguments else f" in {values}"


class _Names:
    """How the free symbols of a formula are shown."""

    def __init__(self, formula: Any) -> None:
        self.sorts = _Sorts(formula)
        self.declarations = {one.get_id(): one for one in _declarations(formula)}
        alike = Counter(one.name() for one in self.declarations.values())
        self.shown: dict[int, str] = {}
        for key, one in self.declarations.items():
            name = _quoted(one.name())
            if alike[one.name()] > 1 or (one.name() in FIXED and not one.eq(fixed(one.name()))):
                name += f"'{'_'.join(self.sorts.of_symbol(one))}"
            used = self.shown.values()
            self.shown[key] = name if name not in used else f"{name}'{len(self.shown)}"
        self.taken = {one.name() for one in self.declarations.values()} | _WORDS

    def unused(self, name: str, around: Iterable[str]) -> str:
        """A name like this one that nothing else has, around or free."""
        plain = re.sub(r"\W", "", name) or "x"
        tries = (plain if k == 1 else f"{plain}_{k}" for k in count(1))
        return next(one for one in tries if one not in self.taken and one not in around)


class _Writer:
    """Writes one formula: as nodes that are written alike, then as lines."""

    def __init__(self, formula: Any) -> None:
        self.symbols = _Names(formula)
        self.made: dict[Any, _Node] = {}
        self.root = self._node(formula, ())
        self.flats: dict[_Node, str] = {}
        self.named: dict[_Node, str] = {}
        self.below: dict[_Node | None, list[_Node]] = {}
        self._name_what_recurs()
        self.tall = self._tall()

    # Nodes

    def _node(self, term: Any, bound: tuple[str, ...]) -> _Node:
        """The node of a term below binders of these names, the innermost last."""
        key = (term.get_id(), bound)
        if key not in self.made:
            self.made[key] = self._of(term, bound)
        return self.made[key]

    def _of(self, term: Any, bound: tuple[str, ...]) -> _Node:
        if z3.is_var(term):
            name = bound[-1 - z3.get_var_index(term)]
            return self._same("name", name, _ATOM, free=frozenset({name}))
        if z3.is_quantifier(term):
            return self._binder(term, bound)
        parts = tuple(self._node(part, bound) for part in term.children())
        kind = term.decl().kind()
        if z3.is_rational_value(term) or z3.is_int_value(term):
            digits = str(term)
            level = _PRODUCT if "/" in digits else _MINUS if digits.startswith("-") else _ATOM
            return self._same("name", digits, level)
        if kind in _OPERATORS and len(parts) > 1:
            operator, level = _OPERATORS[kind]
            return self._same("operator", operator, level, parts)
        if kind == z3.Z3_OP_NOT:
            return self._same("prefix", "¬", _NOT, parts)
        if kind == z3.Z3_OP_UMINUS:
            return self._same("prefix", "-", _MINUS, parts)
        if kind == z3.Z3_OP_ITE:
            return self._same("choice", "if", _BINDER, parts)
        if kind in _ARRAYS:
            return self._same(_ARRAYS[kind], "", _ATOM, parts)
        if kind in _CALLS:
            return self._same("call", _CALLS[kind], _ATOM, parts)
        name = self.symbols.shown.get(term.decl().get_id(), str(term) if not parts else "")
        return self._same("call" if parts else "name", name or term.decl().name(), _ATOM, parts)

    def _binder(self, term: Any, bound: tuple[str, ...]) -> _Node:
        names: tuple[str, ...] = ()
        for k in range(term.num_vars()):
            names += (self.symbols.unused(term.var_name(k), (*bound, *names)),)
        inner = self._node(term.body(), (*bound, *names))
        mark = "∀" if term.is_forall() else "∃" if term.is_exists() else "λ"
        sorts = [self.symbols.sorts.of_variable(term.var_sort(k)) for k in range(term.num_vars())]
        shown = ", ".join(name + sort for name, sort in zip(names, sorts, strict=True))
        return self._same("binder", f"{mark} {shown}:", _BINDER, (inner,), names)

    def _same(
        self,
        kind: str,
        label: str,
        level: int,
        parts: tuple[_Node, ...] = (),
        names: tuple[str, ...] = (),
        free: frozenset[str] = frozenset(),
    ) -> _Node:
        """One node for all that is written alike."""
        key = (kind, label, level, parts, names)
        if key not in self.made:
            inside = free.union(*(part.free for part in parts)) - frozenset(names)
            self.made[key] = _Node(kind, label, level, parts, names, inside)
        return self.made[key]

    # What occurs several times

    def _name_what_recurs(self) -> None:
        """Give names to long parts that occur twice below the binder of their variables."""
        binders: list[_Node | None] = [None, *(n for n in _in_order(self.root) if n.names)]
        recurring = {node for place in binders for node in self._recurring_below(place)}
        bound = {name for node in _in_order(self.root) for name in node.names}
        taken = bound | self.symbols.taken
        fresh = (name for k in count(1) if (name := f"t{k}") not in taken)
        for node in _in_order(self.root):
            if node in recurring and len(self._flat(node)) > _LONG:
                self.named[node] = next(fresh)
        for place in binders:
            inside = self._spoken_of_below(place)
            found = [node for node in self.named if node in inside and node is not self.root]
            if found:
                self.below[place] = found

    def _recurring_below(self, place: _Node | None) -> list[_Node]:
        """The parts that would be named below a binder, and are parts of two others there."""
        inside = self._spoken_of_below(place)
        uses: dict[_Node, int] = {}
        for node in _in_order(place or self.root):
            for part in node.parts:
                uses[part] = uses.get(part, 0) + 1
        return [node for node in inside if node.parts and uses.get(node, 0) > 1]

    def _spoken_of_below(self, place: _Node | None) -> set[_Node]:
        """The parts whose innermost variable is one of a binder; closed ones for the formula."""
        found, seen = set(), set()
        start = self.root if place is None else place.parts[0]
        waiting: list[tuple[_Node, frozenset[str]]] = [(start, frozenset())]
        while waiting:
            node, inner = waiting.pop()
            if (node, inner & node.free) in seen:
                continue
            seen.add((node, inner & node.free))
            mine = not node.free if place is None else bool(node.free.intersection(place.names))
            if mine and not node.free & inner:
                found.add(node)
            waiting += [(part, inner.union(node.names)) for part in node.parts]
        return found

    def _tall(self) -> set[_Node]:
        """The parts that take several lines, since something is named inside of them."""
        tall: set[_Node] = set()
        for node in _in_order(self.root):
            inside = (part in tall and part not in self.named for part in node.parts)
            if node in self.below or any(inside):
                tall.add(node)
        return tall

    # Lines

    def lines(self, width: int) -> list[str]:
        """The formula, and below it what is named."""
        return [*self._laid_out(self.root, width), *self._where(None, width)]

    def _where(self, place: _Node | None, width: int) -> list[str]:
        lines = []
        for node in self.below.get(place, []):
            before = f"where {self.named[node]} = "
            first, *others = self._laid_out(node, width - len(before), itself=True)
            lines += [before + first, *(" " * len(before) + line for line in others)]
        return lines

    def _laid_out(self, node: _Node, width: int, itself: bool = False) -> list[str]:
        """A part on one line where it fits, else on several; by its name if it has one."""
        if node in self.named and not itself:
            return [self.named[node]]
        flat = self._written(node)
        if not node.parts or (len(flat) <= width and node not in self.tall):
            return [flat]
        if node.kind == "binder":
            inner = [*self._laid_out(node.parts[0], width - 2), *self._where(node, width - 2)]
            label = wrap(node.label, width, subsequent_indent="    ")
            return [*label, *("  " + line for line in inner)]
        if node.kind == "choice":
            words = ("if ", "then ", "else ")
            return [line for k in range(3) for line in self._part(node, k, words[k], width)]
        if node.kind == "prefix":
            return self._part(node, 0, node.label, width)
        if node.kind == "operator":
            marks = ("", *[f"{node.label} "] * (len(node.parts) - 1))
            return [x for k, mark in enumerate(marks) for x in self._part(node, k, mark, width)]
        return self._call(node, width)

    def _part(self, node: _Node, place: int, before: str, width: int) -> list[str]:
        """One part of an operation, after what stands before it."""
        part = node.parts[place]
        grouped = self._is_grouped(node, place)
        opening = before + "(" * grouped
        lines = self._laid_out(part, width - len(opening) - grouped)
        first, *others = lines
        lines = [opening + first, *(" " * len(opening) + line for line in others)]
        lines[-1] += ")" * grouped
        return lines

    def _call(self, node: _Node, width: int) -> list[str]:
        """A function or an array with its arguments, one below the other."""
        array = node.kind != "call"
        lines = self._part(node, 0, "", width - 1) if array else [node.label]
        lines[-1] += "[" if array else "("
        places = range(1 if array else 0, len(node.parts))
        for place in places:
            stored = node.kind == "store" and place == len(node.parts) - 1
            inner = self._part(node, place, ":= " if stored else "", width - 3)
            inner[-1] += "" if place == places[-1] or node.kind == "store" else ","
            lines += ["  " + line for line in inner]
        return [*lines, "]" if array else ")"]

    def _flat(self, node: _Node) -> str:
        """A part on one line, by its name if it has one."""
        return self.named.get(node) or self._written(node)

    def _written(self, node: _Node) -> str:
        """A part on one line."""
        if node not in self.flats:
            inside = [self._flat_part(node, k) for k in range(len(node.parts))]
            self.flats[node] = self._joined(node, inside)
        return self.flats[node]

    def _joined(self, node: _Node, inside: list[str]) -> str:
        match node.kind:
            case "name":
                return node.label
            case "binder":
                return f"{node.label} {inside[0]}"
            case "call":
                return f"{node.label}({', '.join(inside)})"
            case "select":
                return f"{inside[0]}[{', '.join(inside[1:])}]"
            case "store":
                return f"{inside[0]}[{', '.join(inside[1:-1])} := {inside[-1]}]"
            case "choice":
                return f"if {inside[0]} then {inside[1]} else {inside[2]}"
            case "prefix":
                return f"{node.label}{inside[0]}"
        return f" {node.label} ".join(inside)

    def _flat_part(self, node: _Node, place: int) -> str:
        shown = self._flat(node.parts[place])
        return f"({shown})" if self._is_grouped(node, place) else shown

    def _is_grouped(self, node: _Node, place: int) -> bool:
        """Whether a part stands in parentheses: where it would else read as another formula."""
        part = node.parts[place]
        if part in self.named or node.kind in ("call", "binder"):
            return False
        if node.kind in ("select", "store"):
            return place == 0 and (part.level < _ATOM or part.kind == "call")
        if node.kind == "choice":
            return part.level == _BINDER
        return part.level <= node.level or (node.label == "-" and part.label.startswith("-"))


def _in_order(root: _Node) -> list[_Node]:
    """Every part once, each after its own."""
    found: dict[_Node, None] = {}
    waiting: list[tuple[_Node, bool]] = [(root, False)]
    while waiting:
        node, expanded = waiting.pop()
        if node in found:
            continue
        if expanded:
            found[node] = None
        else:
            waiting.append((node, True))
            waiting += [(part, False) for part in reversed(node.parts)]
    return list(found)


def _declarations(term: Any) -> Iterator[Any]:
    """The declarations of the symbols that a term has free."""
    for part in subterms(term):
        if z3.is_app(part):
            if part.decl().kind() in (z3.Z3_OP_UNINTERPRETED, z3.Z3_OP_DT_CONSTRUCTOR):
                yield part.decl()


def _quoted(name: str) -> str:
    """The name of a symbol, between bars where it would not read as one name."""
    plain = re.fullmatch(r"[^\W\d][\w'.]*[?!\w']*", name) and name not in _WORDS
    escaped = ascii(name)[1:-1].replace("|", "\\x7c")
    return name if plain else f"|{escaped}|"
