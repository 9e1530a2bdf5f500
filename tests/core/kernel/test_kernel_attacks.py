"""Nothing that is done to an object outside the kernel changes what a theorem says.

Five kinds of attack, many of each: a handle that is pointed at another term, an enumeration that is
redefined, a function that acts while it is asked, an object that lies about itself, and a variable
that nothing binds.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import z3

from tokenauction.proofs.core import kernel
from tokenauction.proofs.core.kernel import (
    BOOL,
    INT,
    OUTCOME,
    REAL,
    NotAFormula,
    NotProved,
    Theorem,
    axiom,
    by_certificate,
    by_identity,
    by_z3,
    expectation,
    generalised,
    instance_of,
    integral,
    ln,
    modus_ponens,
    probability,
    specialised,
)
from tokenauction.proofs.core.kernel.printing import text

x, y, c = z3.Reals("x y c")
n = z3.Int("n")
f = z3.Function("f", REAL, REAL)
FALSE = z3.BoolVal(False)


def point(handle: Any, at: Any) -> None:
    """Make a handle one of another term."""
    z3.Z3_inc_ref(at.ctx.ref(), at.as_ast())
    handle.ast.value = at.ast.value


def is_absurd(*premises: Theorem) -> bool:
    """Whether theorems give a falsehood."""
    try:
        by_z3(FALSE, *premises, budget=1_000_000)
    except (NotProved, NotAFormula):
        return False
    return True


# Handles ------------------------------------------------------------------------------------------


def stated() -> Theorem:
    said = x * x >= 0
    theorem = by_z3(said)
    point(said, FALSE)
    return theorem


def read() -> Theorem:
    theorem = by_z3(x * x >= 0)
    point(theorem.statement, FALSE)
    return theorem


def read_of_a_premise() -> Theorem:
    theorem = by_z3(x * x + 1 > 0, by_z3(x * x >= 0))
    point(theorem.premises[0].statement, FALSE)
    return theorem.premises[0]


def part_of_what_was_stated() -> Theorem:
    part = x * x >= 0
    theorem = by_z3(z3.Or(part, x > 0))
    point(part, FALSE)
    return theorem


def hypothesis() -> Theorem:
    assumed = x > 0
    theorem = by_identity(ln(x * y) == ln(x) + ln(y), given=[assumed, y > 0])
    point(assumed, z3.BoolVal(True))
    return theorem


def certificate() -> Theorem:
    assumed, wanted = x >= 1, x >= 1
    theorem = by_certificate([assumed], wanted, [(1, [0])])
    point(assumed, x >= 0)
    point(wanted, x >= 7)
    return theorem


def meaning() -> Theorem:
    value = y + 1
    theorem = instance_of(by_z3(c * c >= 0), {c: value})
    point(value, z3.Real("other"))
    return theorem


def symbol_with_a_meaning() -> Theorem:
    symbol = z3.Real("c")
    theorem = instance_of(by_z3(c * c >= 0), {symbol: y})
    point(symbol, y)
    return theorem


def constant_generalised() -> Theorem:
    constant = z3.Real("c")
    theorem = generalised(by_z3(c * c >= 0), constant)
    point(constant, y)
    return theorem


def term_specialised() -> Theorem:
    term = y + 1
    theorem = specialised(generalised(by_z3(c * c >= 0), c), term)
    point(term, y)
    return theorem


def argument_of_an_axiom() -> Theorem:
    bound = z3.RealVal(1) + 0
    theorem = axiom("integral-of-constant", bound, 0, 1)
    point(bound, z3.RealVal(2))
    return theorem


def antecedent() -> Theorem:
    implication = by_z3(z3.Implies(x * x >= 0, x * x >= -1))
    point(implication.statement.arg(1), FALSE)
    return modus_ponens(implication, by_z3(x * x >= 0))


HANDLES = [
    *(stated, read, read_of_a_premise, part_of_what_was_stated, hypothesis, certificate, meaning),
    *(symbol_with_a_meaning, constant_generalised, term_specialised, argument_of_an_axiom),
    antecedent,
]


@pytest.mark.parametrize("attack", HANDLES)
def test_a_handle_that_is_pointed_elsewhere_changes_nothing(
    attack: Callable[[], Theorem],
) -> None:
    theorem = attack()
    said = str(theorem)
    assert text(theorem.statement, indent=2) == said.removeprefix("⊢ ")
    assert not is_absurd(theorem)
    if not theorem.axioms:  # it is what was proved, whatever became of the parts
        by_z3(theorem.statement, by_identity(ln(x * y) == ln(x) + ln(y), given=[x > 0, y > 0]))


@contextmanager
def pointed(handle: Any, at: Any) -> Iterator[None]:
    before = handle.ast.value
    point(handle, at)
    try:
        yield
    finally:
        handle.ast.value = before


def falls() -> Any:
    """That the logarithm of the caller falls."""
    return by_identity(ln(x) == ln(x * x / x), given=[x > 0])


SHARED: dict[str, tuple[Any, Any, Callable[[], Any]]] = {
    "ln is f": (ln, f, lambda: instance_of(falls(), {f: lambda at: at})),
    "f is ln, for its derivative": (
        f,
        kernel.ln,
        lambda: axiom("derivative", lambda v: z3.Function("f", REAL, REAL)(v), 1, 2),
    ),
    "outcomes are numbers": (OUTCOME, REAL, lambda: axiom("probability-of-all")),
    "outcomes are whole": (OUTCOME, INT, lambda: axiom("layer-cake", lambda w: 0 * c, 1)),
    "reals are whole": (REAL, INT, lambda: axiom("completeness", lambda v: v > 0, 0)),
    "whole numbers are real": (INT, REAL, lambda: axiom("induction", lambda m: m >= 0)),
    "truth values are numbers": (BOOL, REAL, lambda: axiom("probability-of-all")),
}


@pytest.mark.parametrize("name", SHARED)
def test_what_the_kernel_hands_out_is_not_what_it_uses(name: str) -> None:
    handle, other, use = SHARED[name]
    try:
        before = str(use())
    except (NotAFormula, NotProved):
        before = ""
    with pointed(handle, other):
        try:
            after = str(use())
        except (NotAFormula, NotProved):
            after = ""
    assert after in (before, "")


# Enumerations -------------------------------------------------------------------------------------

_SEEN: list[str] = []


def colours(*names: str) -> Any:
    """An enumeration of the name that only this test uses."""
    kind = z3.Datatype(_SEEN[-1])
    for name in names:
        kind.declare(name)
    return kind.create()


@pytest.fixture
def two() -> Any:
    _SEEN.append(f"Colour{len(_SEEN)}")
    return colours("red", "green")


def only_two(two: Any) -> Theorem:
    some = z3.Const("some", two)
    return by_z3(z3.ForAll([some], z3.Or(some == two.red, some == two.green)))


def of_three(_: Any) -> None:
    colours("red", "green", "blue")


def of_one(_: Any) -> None:
    colours("red")


def other_names(_: Any) -> None:
    colours("up", "down", "strange")


def other_order(_: Any) -> None:
    colours("green", "red")


def with_a_field(_: Any) -> None:
    kind = z3.Datatype(_SEEN[-1])
    kind.declare("red")
    kind.declare("green", ("shade", z3.IntSort()))
    kind.create()


def endless(_: Any) -> None:
    kind = z3.Datatype(_SEEN[-1])
    kind.declare("red")
    kind.declare("green", ("less", kind))
    kind.create()


USES: dict[str, Callable[[Any, Theorem], Any]] = {
    "as a premise": lambda two, theorem: by_z3(FALSE, theorem),
    "as a premise of the same": lambda two, theorem: by_z3(theorem.statement, theorem),
    "of an identity": lambda two, theorem: by_identity(x == y, theorem),
    "as an implication": lambda two, theorem: modus_ponens(theorem),
    "specialised": lambda two, theorem: specialised(theorem, z3.Const("third", two)),
    "generalised": lambda two, theorem: generalised(theorem, c),
    "an instance": lambda two, theorem: instance_of(theorem, {c: y}),
    "read": lambda two, theorem: theorem.statement,
}


@pytest.mark.parametrize(
    "redefined", [of_three, of_one, other_names, other_order, with_a_field, endless]
)
@pytest.mark.parametrize("use", USES)
def test_an_enumeration_that_was_redefined_is_used_no_more(
    use: str, redefined: Any, two: Any
) -> None:
    theorem = only_two(two)
    redefined(two)
    with pytest.raises((NotAFormula, NotProved)):
        USES[use](two, theorem)


def test_an_enumeration_that_is_made_again_is_the_same(two: Any) -> None:
    theorem = only_two(two)
    some = z3.Const("some", colours("red", "green"))
    by_z3(z3.ForAll([some], z3.Or(some == two.green, some == two.red)), theorem)


def test_an_enumeration_that_changes_while_a_meaning_is_asked_for(two: Any) -> None:
    some = z3.Const("some", two)
    holds = z3.Function("holds", two, BOOL)
    theorem = by_z3(
        z3.Implies(z3.And(holds(two.red), holds(two.green)), z3.ForAll([some], holds(some)))
    )

    def turns(at: Any) -> Any:
        of_three(two)
        return z3.Or(at == two.red, at == two.green)

    with pytest.raises(NotAFormula):
        instance_of(theorem, {holds: turns})


def test_an_enumeration_inside_an_array_counts(two: Any) -> None:
    table = z3.Const("table", z3.ArraySort(REAL, two))
    theorem = by_z3(z3.Or(table[x] == two.red, table[x] == two.green))
    of_three(two)
    with pytest.raises(NotAFormula):
        by_z3(FALSE, theorem)


def test_a_constructor_that_is_one_no_more_is_no_term(two: Any) -> None:
    blue = colours("red", "green", "blue").blue
    again = colours("red", "green")
    some = z3.Const("some", again)
    theorem = by_z3(z3.ForAll([some], z3.Or(some == again.red, some == again.green)))
    with pytest.raises(NotAFormula):
        specialised(theorem, blue)
    with pytest.raises(NotAFormula):
        by_z3(blue != again.red)


def test_every_index_of_an_array_counts(two: Any) -> None:
    several = z3.Const("several", z3.ArraySort(INT, two, BOOL))
    theorem = by_z3(several == several)
    of_three(two)
    with pytest.raises(NotAFormula):
        by_z3(FALSE, theorem)
    bits = z3.Const("bits", z3.ArraySort(INT, z3.BitVecSort(8), BOOL))
    with pytest.raises(NotAFormula):
        by_z3(bits == bits)


class Acting(int):
    """A budget that redefines an enumeration when Z3 asks what it is."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        colours("red", "green", "blue")
        return int


def test_an_enumeration_that_changes_and_comes_back_within_a_step(two: Any) -> None:
    some = z3.Const("some", two)
    said = z3.ForAll([some], z3.Or(some == two.red, some == two.green))
    by_z3(said)
    with pytest.raises((NotProved, NotAFormula)):
        by_z3(z3.Not(said), budget=Acting(10**7))

    def assumed() -> Any:
        yield said
        of_three(two)

    with pytest.raises((NotProved, NotAFormula)):
        by_identity(x / x == 1, given=assumed())


def test_an_enumeration_that_changes_while_a_handle_is_read(two: Any) -> None:
    class Parts(dict[str, Any]):
        def get(self, *arguments: Any) -> Any:
            of_three(two)
            return super().get(*arguments)

    equation = x / x == 1
    equation.__dict__ = Parts(equation.__dict__)
    with pytest.raises(NotAFormula):
        by_identity(equation, only_two(two))


# Terms that Z3's own functions do not make --------------------------------------------------------


def binder(kind: str, sort: Any, body: Any) -> Any:
    """A binder of one variable, whatever the body takes it for."""
    context = z3.main_ctx()
    sorts, names = (z3.Sort * 1)(sort.ast), (z3.Symbol * 1)(z3.to_symbol("q"))
    if kind == "lambda":
        made = z3.Z3_mk_lambda(context.ref(), 1, sorts, names, body.as_ast())
    else:
        patterns = (z3.Pattern * 0)()
        made = z3.Z3_mk_quantifier(
            context.ref(), kind == "forall", 1, 0, patterns, 1, sorts, names, body.as_ast()
        )
    return z3.QuantifierRef(made, context)


@pytest.mark.parametrize(
    "make",
    [
        lambda: binder("exists", INT, z3.Var(0, REAL) == z3.RealVal("1/2")),
        lambda: binder("forall", REAL, z3.Or(z3.Var(0, INT) <= 0, z3.Var(0, INT) >= 1)),
        lambda: binder("exists", BOOL, z3.Var(0, REAL) == z3.RealVal("1/2")),
        lambda: z3.Not(binder("forall", INT, binder("exists", INT, z3.Var(1, REAL) == x))),
        lambda: z3.Select(binder("lambda", REAL, z3.ToReal(z3.Var(0, INT))), x) == x,
    ],
)
def test_a_variable_is_of_the_sort_of_its_binder(make: Callable[[], Any]) -> None:
    with pytest.raises((NotAFormula, z3.Z3Exception)):
        by_z3(make())


def test_a_meaning_takes_its_arguments_for_what_they_are() -> None:
    theorem = by_z3(z3.Implies(f(x) > 0, f(x) >= 0))
    with pytest.raises(NotAFormula):
        instance_of(theorem, {f: lambda at: z3.ToReal(z3.Var(0, INT))})


def test_a_declaration_is_one() -> None:
    symbol = z3.Function("f", REAL, REAL)
    point(symbol, x + 1)
    with pytest.raises(NotAFormula):
        instance_of(by_z3(f(x) == f(x)), {symbol: lambda at: at})


# Functions that act while they are asked ----------------------------------------------------------


def absurd_integrals(small: Callable[[Any], Any], large: Callable[[Any], Any]) -> bool:
    """Whether two functions can be told to be ordered the wrong way round."""
    try:
        said = axiom("integral-order", small, large, 0, 1, 5)
        parts = said.statement.arg(0).children()
        less = modus_ponens(said, *map(by_z3, parts))
        one = axiom("integral-of-constant", z3.RealVal(1), 0, 1)
        none = axiom("integral-of-constant", z3.RealVal(0), 0, 1)
        both = [modus_ponens(each, by_z3(each.statement.arg(0))) for each in (one, none)]
    except (NotProved, NotAFormula, z3.Z3Exception):
        return False
    return is_absurd(less, *both)


def keeping(kept: list[Any]) -> Callable[[Any], Any]:
    def function(v: Any) -> Any:
        kept.append(v)
        return 0 * v + 1

    return function


def pointing(kept: list[Any], at: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def function(v: Any) -> Any:
        if kept:
            point(kept[0], at(v))
        point(v, at(v)) if not kept else None
        return 0 * v + 0

    return function


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(
    "at", [lambda v: c + 0, lambda v: z3.RealVal(0), lambda v: v + 0, lambda v: x + 0]
)
def test_a_variable_that_was_kept_is_of_no_use(at: Callable[[Any], Any], order: int) -> None:
    kept: list[Any] = []
    functions = [keeping(kept), pointing(kept, at)]
    assert not absurd_integrals(functions[order], functions[1 - order])


def test_no_variable_is_handed_out_twice() -> None:
    kept: list[Any] = []
    for _ in range(2):
        axiom("integral-order", keeping(kept), keeping(kept), 0, 1, 5)
        integral(lambda v: integral(keeping(kept), 0, v), 0, 1)
    assert len({str(one) for one in kept}) == len(kept)


@pytest.mark.parametrize(
    "kind", ["integral-order", "probability-order", "induction", "derivative", "layer-cake"]
)
def test_a_variable_of_another_question_is_refused(kind: str) -> None:
    kept: list[Any] = []
    axiom("integral-order", keeping(kept), keeping(kept), 0, 1, 5)

    def happens(w: Any) -> Any:
        kept.append(w)
        return w == w

    probability(happens)
    numbers, outcome = kept[0], kept[-1]
    said: dict[str, Callable[[], Any]] = {
        "integral-order": lambda: axiom(kind, lambda v: numbers, lambda v: v, 0, 1, 5),
        "probability-order": lambda: axiom(kind, lambda w: w == outcome, lambda w: w == w),
        "induction": lambda: axiom(kind, lambda m: z3.ToReal(m) >= numbers),
        "derivative": lambda: axiom(kind, lambda v: v + numbers, 0, 1),
        "layer-cake": lambda: axiom(kind, lambda w: numbers, 1),
    }
    with pytest.raises(NotAFormula):
        said[kind]()


def test_a_theorem_about_a_variable_that_is_being_asked_about_is_refused() -> None:
    found: list[Any] = []

    def proves(v: Any) -> Any:
        with pytest.raises(NotAFormula):
            found.append(by_z3(v * v >= 0))
        with pytest.raises(NotAFormula):
            found.append(axiom("integral-of-constant", v, 0, 1))
        return v

    integral(proves, 0, 1)
    expectation(lambda w: 0 * c)
    assert not found


def test_a_meaning_that_changes_the_symbol_it_is_of_changes_nothing() -> None:
    symbol = z3.Function("f", REAL, REAL)
    theorem = by_z3(z3.Implies(ln(c) > f(c), ln(c) >= f(c)))

    def turns(at: Any) -> Any:
        point(symbol, ln)
        return at

    found = instance_of(theorem, {symbol: turns})
    assert found.statement.eq(z3.Implies(ln(c) > c, ln(c) >= c))


# Objects that lie ---------------------------------------------------------------------------------


class Name(str):
    """A name that is equal to whatever it is compared with."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("induction")


class AnyTactic(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Term(z3.BoolRef):  # type: ignore[misc]
    """A term that says that it is another one."""

    def as_ast(self) -> Any:
        return FALSE.ast


def an_instance_with_other_methods() -> Any:
    term = x * x >= 0
    term.as_ast = lambda: FALSE.ast
    term.children = lambda: [FALSE]
    term.translate = lambda _: z3.BoolVal(True, z3.Context())
    return term


def test_the_names_of_axioms_are_those_of_the_kernel() -> None:
    with pytest.raises(NotProved):
        axiom(Name("nothing at all"), lambda m: m >= 0)
    said = axiom("induction", lambda m: m >= 0)
    assert {type(name) for name in said.axioms} == {str}


def test_a_tactic_that_is_equal_to_all_is_none_of_them() -> None:
    with pytest.raises(NotProved):
        by_z3(FALSE, tactic=AnyTactic("fail"))


def test_an_object_of_a_class_that_is_not_of_z3_is_no_term() -> None:
    with pytest.raises(NotAFormula):
        by_z3(Term((x * x >= 0).ast))


def test_the_methods_of_a_term_are_not_believed() -> None:
    term = an_instance_with_other_methods()
    theorem = by_z3(term)
    assert theorem.statement.eq(x * x >= 0)
    assert not is_absurd(theorem)


@pytest.mark.parametrize("value", [None, 0])
def test_an_empty_handle_is_no_term(value: Any) -> None:
    term = z3.Real("empty") > 0
    before, term.ast.value = term.ast.value, value
    with pytest.raises(NotAFormula):
        by_z3(term)
    term.ast.value = before


class Equal(type):
    """A class of classes that are equal to all others."""

    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return hash(z3.BoolRef)


def test_a_class_that_is_equal_to_those_of_z3_is_none_of_them() -> None:
    lying: Any = Equal("Lying", (), {})()
    lying.__dict__.update(vars(x * x >= 0))
    with pytest.raises(NotAFormula):
        by_z3(lying)


def test_a_term_of_another_context_is_refused() -> None:
    elsewhere = z3.Context()
    foreign = z3.Real("x", elsewhere)
    uses: list[Callable[[], Any]] = [
        lambda: by_z3(foreign >= foreign),
        lambda: instance_of(by_z3(c * c >= 0), {c: foreign}),
        lambda: specialised(generalised(by_z3(c * c >= 0), c), foreign),
        lambda: generalised(by_z3(c * c >= 0), foreign),
        lambda: axiom("integral-of-constant", foreign, 0, 1),
    ]
    for use in uses:
        with pytest.raises(NotAFormula):
            use()


# Memory -------------------------------------------------------------------------------------------

FREED = """
import z3
from tokenauction.proofs.core.kernel import by_z3, generalised
a, b = z3.Reals("a b")
theorem = by_z3(a == a)
said, handle = theorem.statement, a * b > 7
handle.ast.value = said.ast.value
del handle, said
wrong = a == b
print(by_z3(z3.BoolVal(False), generalised(theorem, a, b)))
"""


def test_a_handle_that_is_pointed_and_dropped_frees_no_theorem() -> None:
    """In a process of its own, whose memory it may damage."""
    done = subprocess.run(
        [sys.executable, "-c", FREED], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == ""


# A variable that nothing binds --------------------------------------------------------------------

# Under a binder Z3 counts a variable on: past the largest number it would be the binder's own.
COUNTED_ON = (0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)


def unbound(number: int, sort: Any = REAL) -> Any:
    return z3.Var(number, sort)


def _nothing_above(number: int) -> Any:
    x, y = z3.Reals("x y")
    theorem = by_z3(z3.ForAll([x], z3.Exists([y], y > x)))
    return specialised(theorem, unbound(number))


def _meaning(number: int) -> Any:
    c, y = z3.Reals("c y")
    return instance_of(by_z3(z3.Exists([y], y > c)), {c: unbound(number)})


def _meaning_of_a_function(number: int) -> Any:
    f = z3.Function("f", REAL, REAL)
    x, y = z3.Reals("x y")
    theorem = by_z3(z3.ForAll([x], z3.Exists([y], y > f(x))))
    return instance_of(theorem, {f: lambda u: u + unbound(max(number, 1))})  # 0 is u itself


def true(_: Any) -> Any:
    return z3.BoolVal(True)


WAYS_IN: dict[str, Callable[[int], Any]] = {
    "specialised": _nothing_above,
    "a meaning": _meaning,
    "a meaning of a function": _meaning_of_a_function,
    "a statement": lambda n: by_z3(unbound(n, BOOL) == unbound(n, BOOL)),
    "a lower bound": lambda n: axiom("completeness", true, unbound(n)),
    "members": lambda n: axiom("completeness", lambda x: x == unbound(n), 0),
    "an event": lambda n: axiom("probability-order", true, lambda _: unbound(n, BOOL)),
    "a statement of induction": lambda n: axiom("induction", lambda _: unbound(n, BOOL)),
    "an integrand": lambda n: axiom("integral-splits", lambda t: unbound(n), 0, 1, 2, 3),
    "a bound": lambda n: axiom("integral-splits", lambda t: 1 / t, 0, 1, 2, unbound(n)),
    "a function to differentiate": lambda n: axiom("derivative", lambda t: t * unbound(n), 0, 1),
    "an end of an interval": lambda n: axiom("antiderivative", lambda t: t, 0, unbound(n)),
    "a constant integrand": lambda n: axiom("integral-of-constant", unbound(n), 0, 1),
    "the most of a number": lambda n: axiom("layer-cake", lambda _: z3.RealVal(1), unbound(n)),
}


@pytest.mark.parametrize("number", COUNTED_ON)
@pytest.mark.parametrize("way", WAYS_IN)
def test_a_variable_that_nothing_binds_gets_nowhere(way: str, number: int) -> None:
    with pytest.raises((NotAFormula, NotProved, z3.Z3Exception)):
        WAYS_IN[way](number)
