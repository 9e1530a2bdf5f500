"""Guards that what is printed is the formula: read back, it is the same, and nothing is cut."""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenauction.proofs.core.kernel import BOOL, INT, REAL, exp, integral, ln, probability
from tokenauction.proofs.core.kernel.formulas import subterms
from tokenauction.proofs.core.kernel.printing import WIDTH, symbols, text
from tokenauction.proofs.library.contents import LIBRARY
from tokenauction.proofs.library.library import LibraryTheorem, check

x, y = z3.Reals("x y")
k, n = z3.Ints("k n")
p, q = z3.Bools("p q")
f = z3.Function("f", REAL, REAL)
g = z3.Function("g", INT, REAL, REAL)
a = z3.Const("a", z3.ArraySort(INT, REAL))


# Reading back -------------------------------------------------------------------------------------

TOKEN = re.compile(r"\s*(\|[^|]*\||[^\W\d][\w'.?!]*|\d+(?:/\d+)?|:=|[^\s\w])")
LEVELS: list[dict[str, Callable[[Any, Any], Any]]] = [
    {"→": z3.Implies},
    {"∨": z3.Or},
    {"∧": z3.And},
    {},
    {
        "=": z3.ExprRef.__eq__,
        "≠": lambda one, other: z3.Distinct(one, other),
        # Python would ask a number on the right first.
        "≤": z3.ArithRef.__le__,
        "<": z3.ArithRef.__lt__,
        "≥": z3.ArithRef.__ge__,
        ">": z3.ArithRef.__gt__,
    },
    {"+": lambda one, other: one + other, "-": lambda one, other: one - other},
    {"*": lambda one, other: one * other, "/": lambda one, other: real(one) / real(other)},
]


def real(term: Any) -> Any:
    """A number as a real one: of whole numbers Z3 has another division."""
    return z3.ToReal(term) if term.is_int() else term


def without_names(lines: list[str]) -> tuple[str, dict[str, str]]:
    """The formula's own text, and that of each name below it."""
    kept, named = [], {}
    while lines:
        line = lines.pop(0)
        found = re.match(r"( *)where (t\d+) = (.*)", line)
        if not found:
            kept.append(line)
            continue
        by, body = len(found[1]) + len(f"where {found[2]} = "), [found[3]]
        while lines and len(lines[0]) - len(lines[0].lstrip()) >= by:
            body.append(lines.pop(0))
        whole = " ".join(body)
        depths = [whole[: i + 1].count("(") - whole[: i + 1].count(")") for i in range(len(whole))]
        end = next((i for i, depth in enumerate(depths) if depth < 0), len(whole.rstrip(",")))
        named[found[2]] = whole[:end]
        kept.append(whole[end:])
    return " ".join(kept), named


class Reader:
    """Reads a formula back, with the symbols and sorts of the one that was printed."""

    def __init__(self, formula: Any, shown: str) -> None:
        own, self.named = without_names(shown.split("\n"))
        self.sorts = {"Int": INT, "Bool": BOOL, "Real": REAL}
        self.symbols: dict[str, Any] = {}
        for part in subterms(formula):
            if z3.is_quantifier(part):
                for number in range(part.num_vars()):
                    self.sorts[str(part.var_sort(number))] = part.var_sort(number)
            elif z3.is_app(part) and part.decl().kind() in (
                z3.Z3_OP_UNINTERPRETED,
                z3.Z3_OP_DT_CONSTRUCTOR,
            ):
                self.symbols[part.decl().name()] = part.decl()
        self.tokens: list[str] = []
        self.known: dict[Any, Any] = {}
        self.own = own

    def formula(self) -> Any:
        return self.read(self.own, {})

    def read(self, words: str, bound: dict[str, Any]) -> Any:
        before, self.tokens = self.tokens, TOKEN.findall(words)
        found = self.level(0, bound)
        assert not self.tokens, self.tokens
        self.tokens = before
        return found

    def take(self, wanted: str = "") -> str:
        token = self.tokens.pop(0)
        assert not wanted or token == wanted, (token, wanted)
        return token

    def level(self, number: int, bound: dict[str, Any]) -> Any:
        if self.tokens[0] in ("∀", "∃", "λ"):
            return self.binder(bound)
        if self.tokens[0] == "if":
            self.take()
            parts = [self.level(0, bound)]
            for word in ("then", "else"):
                self.take(word)
                parts.append(self.level(0, bound))
            return z3.If(*parts)
        if number == 3 and self.tokens[0] == "¬":
            self.take()
            return z3.Not(self.level(3, bound))
        if number == len(LEVELS):
            return self.atom(bound)
        parts, marks = [self.level(number + 1, bound)], []
        while self.tokens and self.tokens[0] in LEVELS[number]:
            marks.append(self.take())
            parts.append(self.level(number + 1, bound))
        return joined(parts, marks, LEVELS[number])

    def binder(self, bound: dict[str, Any]) -> Any:
        mark, variables = self.take(), []
        while True:
            name, sort = self.take(), REAL
            if self.tokens[0] == "in":
                self.take()
                sort = self.sorts[self.sort_name()]
            variables.append(z3.Const(name, sort))
            bound = {**bound, name: variables[-1]}
            if self.take() == ":":
                break
        body = self.level(0, bound)
        make = {"∀": z3.ForAll, "∃": z3.Exists, "λ": z3.Lambda}[mark]
        return make(variables, body)

    def sort_name(self) -> str:
        name, depth = self.take(), 0
        while self.tokens[0] == "(" or depth:
            token = self.take()
            depth += (token == "(") - (token == ")")
            name += ", " if token == "," else token
        return name

    def atom(self, bound: dict[str, Any]) -> Any:
        token = self.take()
        if token == "(":
            found = self.level(0, bound)
            self.take(")")
        elif token == "-":
            found = self.atom(bound)
            found = -found
        elif token[0].isdigit():
            found = z3.RealVal(token) if "/" in token else z3.IntVal(token)
        elif token in self.named:
            key = token, frozenset((name, one.get_id()) for name, one in bound.items())
            if key not in self.known:
                self.known[key] = self.read(self.named[token], bound)
            found = self.known[key]
        elif token in ("True", "False"):
            found = z3.BoolVal(token == "True")
        elif self.tokens and self.tokens[0] == "(":
            found = self.call(token, bound)
        else:
            found = bound[token] if token in bound else self.symbols[token.strip("|")]()
        while self.tokens and self.tokens[0] == "[":
            self.take()
            places = [self.level(0, bound)]
            while self.take() == ",":
                places.append(self.level(0, bound))
            found = z3.Select(found, *places)
        return found

    def call(self, name: str, bound: dict[str, Any]) -> Any:
        self.take("(")
        parts = [self.level(0, bound)]
        while self.take() == ",":
            parts.append(self.level(0, bound))
        if name in ("and", "or", "sum", "product"):
            return parts[0]
        if name == "real":
            return z3.ToReal(parts[0])
        if name == "floor":
            return z3.ToInt(parts[0])
        return self.symbols[name](*parts)


def joined(parts: list[Any], marks: list[str], level: dict[str, Any]) -> Any:
    """An operation of its parts; what Z3 has with several parts, with as many."""
    if not marks:
        return parts[0]
    assert len(set(marks)) == 1
    if marks[0] in ("∨", "∧"):
        return level[marks[0]](*parts)
    assert marks[0] in ("+", "*") or len(parts) == 2
    return reduce(level[marks[0]], parts)


def value_of(term: Any) -> Fraction | None:
    """The number that a term is, whatever its sort; None for another term."""
    if z3.is_rational_value(term) or z3.is_int_value(term):
        return Fraction(str(term))
    if z3.is_app(term) and term.decl().kind() in (z3.Z3_OP_TO_REAL, z3.Z3_OP_UMINUS):
        inside = value_of(term.arg(0))
        sign = -1 if term.decl().kind() == z3.Z3_OP_UMINUS else 1
        return None if inside is None else sign * inside
    return None


def flat(term: Any, kind: int) -> list[Any]:
    """The parts of a sum or a product, of those inside it too."""
    term = stripped(term)
    if not z3.is_app(term) or term.decl().kind() != kind:
        return [term]
    return [part for child in term.children() for part in flat(child, kind)]


def only_numbers(term: Any) -> bool:
    """Whether nothing in it is whole but numbers as they are written, which may be real ones."""
    return not any(
        part.sort().kind() == z3.Z3_INT_SORT
        and (z3.is_var(part) or part.decl().kind() == z3.Z3_OP_UNINTERPRETED)
        for part in subterms(term)
        if not z3.is_quantifier(part)
    )


def stripped(term: Any) -> Any:
    """A term without sums of one part, and without what makes a whole number a real one."""
    alone = (z3.Z3_OP_ADD, z3.Z3_OP_MUL, z3.Z3_OP_AND, z3.Z3_OP_OR)
    while z3.is_app(term) and term.num_args() == 1:
        kind = term.decl().kind()
        if kind not in alone and not (kind == z3.Z3_OP_TO_REAL and only_numbers(term)):
            break
        term = term.arg(0)
    return term


def alike(one: Any, other: Any, seen: set[tuple[int, int]]) -> bool:
    """Whether two terms are the same but for the sorts of numbers and nested sums."""
    one, other = stripped(one), stripped(other)
    key = (one.get_id(), other.get_id())
    if one.eq(other) or key in seen:
        return True
    if value_of(one) is not None:
        return value_of(one) == value_of(other)
    if z3.is_quantifier(one) and z3.is_quantifier(other):
        ways = [(t.is_forall(), t.is_lambda(), t.num_vars()) for t in (one, other)]
        sorts = [[t.var_sort(i) for i in range(t.num_vars())] for t in (one, other)]
        same = ways[0] == ways[1] and sorts[0] == sorts[1]
        parts = [[one.body()], [other.body()]]
    elif z3.is_app(one) and z3.is_app(other):
        kind = one.decl().kind()
        same = other.decl().kind() == kind and one.decl().name() == other.decl().name()
        parts = [one.children(), other.children()]
        if kind in (z3.Z3_OP_ADD, z3.Z3_OP_MUL):
            parts = [flat(one, kind), flat(other, kind)]
    else:
        return False
    same = same and len(parts[0]) == len(parts[1])
    if same and all(alike(left, right, seen) for left, right in zip(*parts, strict=True)):
        seen.add(key)
        return True
    return False


def reads_back(formula: Any) -> bool:
    return alike(formula, Reader(formula, text(formula)).formula(), set())


reals = st.recursive(
    st.sampled_from([x, y, z3.RealVal(2), z3.RealVal("1/3"), z3.RealVal(-1)]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("+-*/"), inner, inner).map(
            lambda t: {"+": t[1] + t[2], "-": t[1] - t[2], "*": t[1] * t[2], "/": t[1] / t[2]}[t[0]]
        ),
        inner.map(lambda t: -t),
        inner.map(f),
        inner.map(ln),
        inner.map(lambda t: g(k, t)),
        inner.map(lambda t: a[k] + t),
        st.tuples(inner, inner).map(lambda t: z3.If(t[0] > t[1], t[0], t[1])),
        st.tuples(inner, inner).map(lambda t: integral(lambda v: v * t[0], 0, t[1])),
    ),
    max_leaves=8,
)
statements = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from("<≤>≥=≠"), reals, reals).map(lambda t: LEVELS[4][t[0]](*t[1:])),
        st.sampled_from([p, q]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda t: z3.And(*t)),
        st.lists(inner, min_size=2, max_size=3).map(lambda t: z3.Or(*t)),
        st.tuples(inner, inner).map(lambda t: z3.Implies(*t)),
        inner.map(z3.Not),
        inner.map(lambda t: z3.ForAll([x], t)),
        inner.map(lambda t: z3.Exists([k, y], t)),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300)
@given(statements)
def test_a_formula_reads_back(formula: Any) -> None:
    assert reads_back(formula), text(formula)


@pytest.mark.slow
@pytest.mark.parametrize("theorem", LIBRARY, ids=lambda one: one.name)
def test_theorems_read_back_and_nothing_is_cut(theorem: LibraryTheorem) -> None:
    found = check(theorem)
    for step in found.steps:
        shown = text(step.statement)
        assert "..." not in shown
        assert "…" not in shown
        assert max(map(len, shown.split("\n"))) <= WIDTH + 20
    for conclusion in list(found.conclusions.values())[:20]:
        assert reads_back(conclusion.statement)
        assert "..." not in symbols(conclusion.statement)


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (z3.ForAll([x], f(x) > 0), "∀ x: f(x) > 0"),
        (z3.And(x > 0, z3.ForAll([x], f(x) > 0)), "x > 0 ∧ (∀ x_2: f(x_2) > 0)"),
        (
            z3.ForAll([x], z3.Exists([k], g(k, x) > 0)),
            "∀ x: ∃ k in Int: g(k, x) > 0",
        ),
        (x - (y - x) >= (x - y) - x, "x - (y - x) ≥ (x - y) - x"),
        (-(x + y) * x == x * -y, "-(x + y) * x = x * -y"),
        (z3.Not(z3.And(p, q)), "¬(p ∧ q)"),
        (z3.Implies(z3.Implies(p, q), p), "(p → q) → p"),
        (z3.If(p, x, y) + 1 > 0, "(if p then x else y) + 1 > 0"),
        (z3.Real("v") > z3.ToReal(z3.Int("v")), "v'Real > real(v'Int)"),
        (z3.Real("where") > 0, "|where| > 0"),
        (z3.Real("two lines\n⊢ False") > 0, "|two lines\\n\\u22a2 False| > 0"),
        (z3.Real("x y| - |x z") > x, "|x y\\x7c - \\x7cx z| > x"),
        (z3.Real("x\\x7c") > x, "|x\\\\x7c| > x"),
        (z3.Real(0) > z3.Real("k!0"), "k!0'Real'1 > k!0'Real"),
        (z3.Function("exp", INT, INT)(k) > 0, "exp'Int_Int(k) > 0"),
        (exp(x) > 0, "exp(x) > 0"),
        (z3.Store(a, k, x)[n] == 0, "a[k := x][n] = 0"),
    ],
    ids=str,
)
def test_no_name_reads_as_another(formula: Any, shown: str) -> None:
    assert text(formula) == shown


def test_what_occurs_twice_is_named_below_its_variables() -> None:
    long = f(f(f(f(f(f(f(f(f(f(f(f(f(f(x))))))))))))))
    assert text(long * long > 0).split("\n") == ["t1 * t1 > 0", f"where t1 = {text(long)}"]
    below = text(z3.ForAll([x], long * long > 0))
    assert below.split("\n")[1:] == ["  t1 * t1 > 0", f"  where t1 = {text(long)}"]


def test_a_name_is_not_one_of_the_formula() -> None:
    long = f(f(f(f(f(f(f(f(f(f(f(f(f(f(z3.Real("t1")))))))))))))))
    assert "where t2 = " in text(long * long > 0)


def test_a_name_is_not_one_of_a_variable() -> None:
    long = f(f(f(f(f(f(f(f(f(f(f(f(f(f(x))))))))))))))
    t1 = z3.Real("t1")
    shown = text(z3.Exists([t1], z3.And(t1 > long, t1 - 1 <= long)))
    assert shown.split("\n")[0] == "∃ t1: t1 > t2 ∧ t1 - 1 ≤ t2"
    assert "where t2 = " in shown


@pytest.mark.parametrize("name", ["Bool", "Int", "Real", "Outcome", "in", "Int: False → True"])
def test_a_sort_reads_as_no_other(name: str) -> None:
    sort, (only,) = z3.EnumSort(name, [f"only_{len(name)}"])
    u, v = z3.Consts("u v", sort)
    shown = text(z3.ForAll([u, v], u == v))
    assert not re.search(rf"in {re.escape(name)}[,:]", shown)
    both = z3.And(u == only, z3.ForAll([n], n == n), probability(lambda w: True) == 1)
    assert f"in {name};" not in symbols(both) + ";"


def test_sorts_of_one_name_are_told_apart() -> None:
    declared = z3.DeclareSort("Side")
    listed, (left, _) = z3.EnumSort("Side", ["left", "right"])
    u, v = z3.Const("u", declared), z3.Const("v", listed)
    shown = text(z3.ForAll([u, v], z3.And(u == u, v == left)))
    assert re.findall(r"in ([^,:]*)[,:]", shown) in (["Side", "Side'2"], ["Side'2", "Side"])


def test_nothing_is_cut() -> None:
    many = z3.And(*(z3.Real(f"v{number}") > 0 for number in range(2000)))
    assert text(many).count("> 0") == 2000


def test_symbols_have_their_sorts() -> None:
    assert symbols(z3.And(g(n, x) > 0, p)) == "p in Bool; n in Int; x in Real; g: Int × Real → Real"
    assert symbols(probability(lambda w: True) == 1) == "probability: Array(Outcome, Bool) → Real"
