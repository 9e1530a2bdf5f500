"""The kernel makes theorems of true statements only, and nobody else makes any."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenauction.proofs.core.kernel import (
    AXIOMS,
    INT,
    OUTCOME,
    REAL,
    Forged,
    NotAFormula,
    NotProved,
    Theorem,
    axiom,
    by_certificate,
    by_identity,
    by_z3,
    exp,
    generalised,
    instance_of,
    integral,
    is_theorem,
    ln,
    modus_ponens,
    probability,
    specialised,
)
from tokenauction.proofs.core.kernel.calculus import derivative
from tokenauction.proofs.core.kernel.formulas import same_formula
from tokenauction.proofs.core.kernel.identities import Translation, is_zero
from tokenauction.proofs.core.kernel.polynomials import polynomial

x, y, c = z3.Reals("x y c")
k, n = z3.Ints("k n")
f = z3.Function("f", INT, REAL)
g = z3.Function("g", REAL, REAL)


def true_theorem() -> Theorem:
    return by_z3(x * x >= 0)


class Impostor:
    """Looks like a theorem of falsehood."""

    __slots__ = ("__weakref__",)
    statement = z3.BoolVal(False)
    premises = ()
    axioms: frozenset[str] = frozenset()


def set_class() -> Any:
    fake = Impostor()
    fake.__class__ = Theorem  # type: ignore[assignment]
    return fake


def subclass() -> Any:
    return type("Stronger", (Theorem,), {})


FORGERIES: dict[str, Callable[[], Any]] = {
    "constructor": lambda: Theorem(),
    "constructor with a statement": lambda: Theorem(z3.BoolVal(False)),
    "object.__new__": lambda: object.__new__(Theorem),
    "Theorem.__new__": lambda: Theorem.__new__(Theorem),
    "copy": lambda: copy.copy(true_theorem()),
    "deepcopy": lambda: copy.deepcopy(true_theorem()),
    "pickle": lambda: pickle.loads(pickle.dumps(true_theorem())),
    "pickle, old protocol": lambda: pickle.loads(pickle.dumps(true_theorem(), protocol=0)),
    "reduce": lambda: true_theorem().__reduce__(),
    "dataclasses.replace": lambda: dataclasses.replace(true_theorem(), statement=z3.BoolVal(False)),  # type: ignore[type-var]
    "subclass": subclass,
    "an object of another class": Impostor,
    "a changed __class__": set_class,
    "the undecorated rule": lambda: by_z3.__wrapped__(x == x),  # type: ignore[attr-defined]
    "a record of the ledger": lambda: by_z3.__wrapped__(x == x).statement,  # type: ignore[attr-defined]
}


def refused(forgery: Callable[[], Any]) -> bool:
    """Whether it raises, or makes nothing that the kernel takes for a theorem."""
    try:
        fake = forgery()
    except (Forged, TypeError, pickle.PicklingError):
        return True
    if is_theorem(fake):
        return False
    uses: tuple[Callable[[], object], ...] = (
        lambda: by_z3(z3.BoolVal(False), fake),
        lambda: modus_ponens(fake),
        lambda: instance_of(fake, {}),
        lambda: generalised(fake),
        lambda: specialised(fake),
        lambda: by_identity(x == y, fake),
    )
    for use in uses:
        with pytest.raises(Forged):
            use()
    return True


@pytest.mark.parametrize("way", FORGERIES)
def test_a_theorem_cannot_be_forged(way: str) -> None:
    assert refused(FORGERIES[way])


@pytest.mark.slow
def test_nor_under_python_o() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_kernel as t; "
        "sys.exit(0 if not __debug__ and all(t.refused(w) for w in t.FORGERIES.values()) else 1)"
    )
    folder = __file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-O", "-c", program, folder], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_a_theorem_cannot_be_changed() -> None:
    theorem = true_theorem()
    with pytest.raises(AttributeError):
        theorem.statement = z3.BoolVal(False)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        object.__setattr__(theorem, "note", 1)
    said = theorem.statement
    said.ast = z3.BoolVal(False).ast
    assert theorem.statement.eq(x * x >= 0)


def test_what_was_stated_cannot_be_changed_afterwards() -> None:
    said = x * x >= 0
    theorem = by_z3(said)
    said.ast = z3.BoolVal(False).ast
    assert theorem.statement.eq(x * x >= 0)


# by_z3 --------------------------------------------------------------------------------------------


def test_z3_gives_true_statements_only() -> None:
    assert by_z3(z3.Implies(x > 1, x * x > x)).statement.eq(z3.Implies(x > 1, x * x > x))
    with pytest.raises(NotProved) as problem:
        by_z3(x * x > x)
    assert problem.value.countermodel


def test_premises_are_used_and_remembered() -> None:
    fact = by_z3(z3.Implies(x > 1, x * x > 1))
    theorem = by_z3(z3.Implies(x > 2, x * x > 1), fact)
    assert theorem.premises == (fact,)
    assert "check-sat" in theorem.evidence


def test_division_by_zero_is_any_number() -> None:
    with pytest.raises(NotProved):
        by_z3((x / 0) == 0)
    with pytest.raises(NotProved):
        by_z3(x / x == 1)


@pytest.mark.parametrize("statement", [z3.Var(0, z3.BoolSort()), z3.Var(0, REAL) > 0, x, 1, None])
def test_what_is_no_closed_formula_is_refused(statement: Any) -> None:
    with pytest.raises(NotAFormula):
        by_z3(statement)


def test_the_names_of_the_kernel_are_its_own() -> None:
    with pytest.raises(NotAFormula):
        by_z3(z3.Real("x?") * z3.Real("x?") >= 0)


def test_another_tactic_is_not_trusted() -> None:
    with pytest.raises(NotProved, match="tactic"):
        by_z3(x == x, tactic="fail")


# by_identity --------------------------------------------------------------------------------------


def test_identities_of_the_logarithm() -> None:
    assert by_identity(ln(x * y) == ln(x) + ln(y), given=[x > 0, y > 0]).method == "SymPy"
    by_identity(ln(exp(x)) == x, given=[exp(x) > 0])
    by_identity((x * x - 1) / (x - 1) == x + 1, given=[x > 1])


@pytest.mark.parametrize(
    ("equation", "assumed"),
    [
        (ln(x * y) == ln(x) + ln(y), [x * y > 0]),
        (ln(x * x) == 2 * ln(x), [x < 0]),
        (x / x == 1, []),
        ((x * x - 1) / (x - 1) == x + 1, []),
        (ln(x) == x - 1, [x > 0]),
        (exp(x + y) == exp(x) + exp(y), []),
        (z3.If(x > 0, x, -x) == x, [x > 0]),
    ],
)
def test_identities_need_their_side_conditions(equation: Any, assumed: list[Any]) -> None:
    with pytest.raises(NotProved):
        by_identity(equation, given=assumed)


def test_an_inequality_is_no_identity() -> None:
    with pytest.raises(NotProved):
        by_identity(x <= x)


# by_certificate -----------------------------------------------------------------------------------


def test_a_farkas_certificate() -> None:
    hypotheses = [x + y <= 1, x >= 1, y >= 1]
    theorem = by_certificate(hypotheses, z3.BoolVal(False), [(1, [0]), (1, [1]), (1, [2])])
    assert theorem.method == "exact certificate"
    by_certificate([x >= 1, y >= 2], x * y - 2 * x - y + 2 >= 0, [(1, [0, 1])])
    by_certificate([x == y, x >= 0], 3 * y >= 0, [(3, [1]), (-3, [0])])


@pytest.mark.parametrize(
    ("hypotheses", "conclusion", "combination"),
    [
        ([x >= 0], -x >= 0, [(-1, [0])]),
        ([x >= 0, y >= 0], x - y >= 0, [(1, [0]), (-1, [1])]),
        ([x >= 0], x >= 1, [(1, [0])]),
        ([x >= 0], z3.BoolVal(False), [(1, [0])]),
        ([x <= 1, x >= 1], z3.BoolVal(False), [(1, [0]), (1, [1])]),
        ([x >= 0], x > 0, [(1, [0])]),
        ([x != 0], x >= 0, [(1, [0])]),
        ([z3.Or(x > 0, y > 0)], x >= 0, [(1, [0])]),
    ],
)
def test_a_wrong_certificate(hypotheses: Any, conclusion: Any, combination: Any) -> None:
    with pytest.raises(NotProved):
        by_certificate(hypotheses, conclusion, combination)


coefficients = st.lists(st.integers(-5, 5), min_size=3, max_size=3)


@given(rows=st.lists(coefficients, min_size=2, max_size=4), weights=st.lists(st.integers(0, 4)))
@settings(deadline=None, max_examples=60)
def test_certificates_agree_with_z3(rows: list[list[int]], weights: list[int]) -> None:
    hypotheses = [a * x + b * y >= d for a, b, d in rows]
    combination = [(w, [place]) for place, w in enumerate(weights[: len(rows)])]
    used = list(zip(rows, weights, strict=False))
    left = sum(w * a for (a, _, _), w in used) * x + sum(w * b for (_, b, _), w in used) * y
    right = sum(w * d for (_, _, d), w in used)
    theorem = by_certificate(hypotheses, left >= right, combination)
    by_z3(theorem.statement)
    if right > -1000:
        with pytest.raises(NotProved):
            by_certificate(hypotheses, left >= right + 1, combination)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2), st.integers(0, 2)), max_size=4))
@settings(deadline=None, max_examples=40)
def test_polynomials_have_the_value_of_their_terms(parts: list[tuple[int, int, int]]) -> None:
    term = z3.RealVal(0)
    for coefficient, in_x, in_y in parts:
        factors = [x] * in_x + [y] * in_y
        term = term + z3.RealVal(coefficient) * z3.Product([z3.RealVal(1), *factors])
    at = {x: Fraction(2, 3), y: Fraction(-5, 7)}
    value = sum((Fraction(a) * at[x] ** i * at[y] ** j for a, i, j in parts), start=Fraction(0))
    found = Fraction(0)
    for monomial, coefficient_ in polynomial(term).items():
        product = coefficient_
        for unknown, power in monomial:
            product *= (at[x] if unknown == x.get_id() else at[y]) ** power
        found += product
    assert found == value


# The structural rules -----------------------------------------------------------------------------


def test_modus_ponens() -> None:
    implication = by_z3(z3.Implies(x * x >= 0, x * x + 1 > 0))
    assert modus_ponens(implication, true_theorem()).statement.eq(x * x + 1 > 0)
    for wrong in ([], [by_z3(y * y >= 0)], [true_theorem(), true_theorem()]):
        with pytest.raises(NotProved):
            modus_ponens(implication, *wrong)
    with pytest.raises(NotProved):
        modus_ponens(true_theorem(), true_theorem())


def test_a_conjunction_needs_every_part() -> None:
    both = by_z3(z3.Implies(z3.And(x * x >= 0, y * y >= 0), x * x + y * y >= 0))
    second = by_z3(y * y >= 0)
    assert modus_ponens(both, true_theorem(), second).statement.eq(x * x + y * y >= 0)
    for wrong in ([true_theorem()], [second, true_theorem()], [true_theorem()] * 2):
        with pytest.raises(NotProved):
            modus_ponens(both, *wrong)


def test_instances() -> None:
    theorem = by_z3(z3.Implies(f(k) > 0, f(k) * f(k) > 0))
    found = instance_of(theorem, {f: lambda at: z3.ToReal(at) + x, k: n + 1})
    inside = z3.ToReal(n + 1) + x
    assert found.statement.eq(z3.Implies(inside > 0, inside * inside > 0))


def test_an_instance_under_a_binder() -> None:
    theorem = by_z3(z3.Implies(z3.ForAll([k], f(k) >= c), f(3) >= c))
    found = instance_of(theorem, {f: lambda at: z3.ToReal(at) * x, c: y})
    wanted = z3.Implies(z3.ForAll([k], z3.ToReal(k) * x >= y), z3.ToReal(z3.IntVal(3)) * x >= y)
    assert same_formula(z3.simplify(found.statement), z3.simplify(wanted))


@pytest.mark.parametrize(
    "meanings",
    [
        {ln: lambda at: at},
        {c: z3.Var(0, REAL)},
        {c: z3.Int("i")},
        {f: lambda at: z3.Var(3, REAL)},
        {f: lambda at: z3.If(z3.ForAll([k], k == at), z3.RealVal(1), z3.RealVal(0))},
    ],
)
def test_no_instance_of_what_is_not_schematic(meanings: Any) -> None:
    with pytest.raises(NotAFormula):
        instance_of(by_z3(z3.Implies(ln(c) > f(k), ln(c) >= f(k))), meanings)


def test_generalisation_and_specialisation() -> None:
    rises = generalised(by_z3(z3.Implies(x < y, x - y < 0)), x, y)
    assert specialised(rises, y, x).statement.eq(z3.Implies(y < x, y - x < 0))
    with pytest.raises(NotProved):
        specialised(rises, y)
    with pytest.raises(NotProved):
        specialised(rises, k, n)
    with pytest.raises(NotProved):
        specialised(by_z3(z3.Exists([x], x > y)), y)
    with pytest.raises(NotProved):
        generalised(rises, z3.RealVal(1))


def test_generalisation_does_not_capture() -> None:
    inner = by_z3(z3.Exists([y], y > x))
    every = generalised(inner, x)
    assert specialised(every, y + 1).statement.body().num_args() == 2
    by_z3(specialised(every, y + 1).statement)


# Axioms -------------------------------------------------------------------------------------------


def test_axioms_are_listed_on_what_rests_on_them() -> None:
    said = axiom("induction", lambda m: f(m) >= 0)
    assert said.axioms == {"induction"}
    assert by_z3(z3.BoolVal(True), by_z3(said.statement, said)).axioms == {"induction"}
    assert true_theorem().axioms == frozenset()
    with pytest.raises(NotProved):
        axiom("choice")
    with pytest.raises(TypeError):
        AXIOMS["choice"] = AXIOMS["induction"]  # type: ignore[index]


def test_axioms_do_not_prove_falsehood() -> None:
    """Many instances together have no consequence that Z3 sees to be absurd."""
    w = z3.Function("w", OUTCOME, REAL)
    instances = [
        axiom("induction", lambda m: f(m) >= 0),
        axiom("derivative", lambda v: v - ln(v), z3.RealVal(1), x),
        axiom("antiderivative", lambda v: v * v, z3.RealVal(0), x),
        axiom("integral-order", g, lambda v: v, z3.RealVal(0), x, y),
        axiom("integral-splits", g, z3.RealVal(0), x, y, c),
        axiom("integral-of-constant", c, z3.RealVal(0), x),
        axiom("probability-order", lambda o: w(o) > 1, lambda o: w(o) > 0),
        axiom("probability-adds", lambda o: w(o) > 1, lambda o: w(o) < 0),
        axiom("probability-of-all"),
        axiom("layer-cake", w, y),
        axiom("completeness", lambda v: g(v) > 0, c),
    ]
    assert {name for one in instances for name in one.axioms} == set(AXIOMS)
    with pytest.raises(NotProved):
        by_z3(z3.BoolVal(False), *instances, budget=300_000)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: axiom("derivative", lambda v: z3.If(v > 1, v, -v), z3.RealVal(0), x),
        lambda: axiom("derivative", g, z3.RealVal(0), x),
        lambda: axiom("antiderivative", lambda v: z3.Select(z3.K(REAL, c), v), 0, x),
    ],
)
def test_only_known_derivatives(attempt: Callable[[], Any]) -> None:
    with pytest.raises(NotProved):
        attempt()


def test_binders_do_not_capture() -> None:
    nested = integral(lambda v: integral(lambda u: u - v, 0, 1), 0, 1).children()[0].body()
    assert str(nested.children()[0].body()) == "Var(0) - Var(1)"
    with pytest.raises(NotAFormula):
        axiom("integral-of-constant", z3.Real("x?"), z3.RealVal(0), z3.RealVal(1))
    with pytest.raises(NotAFormula):
        axiom("derivative", lambda v: v, z3.Real("x?"), y)
    with pytest.raises(NotAFormula):
        axiom("induction", lambda m: z3.Int("k?") <= m)
    with pytest.raises(NotAFormula):
        probability(lambda o: z3.Const("w?", OUTCOME) == o)


def test_a_derivative_of_something_that_falls_is_of_no_use() -> None:
    said = axiom("derivative", lambda v: ln(v) - v, z3.RealVal(1), x)
    with pytest.raises(NotProved):
        by_z3(z3.Implies(x >= 1, ln(x) - x >= ln(z3.RealVal(1)) - 1), said, budget=300_000)


elementary = st.recursive(
    st.sampled_from(["x", "2", "-1", "1/3"]),
    lambda inner: st.tuples(st.sampled_from("+-*/LE"), inner, inner),
    max_leaves=6,
)


def build(tree: Any) -> Any:
    if isinstance(tree, str):
        return x if tree == "x" else z3.RealVal(tree)
    op, left, right = tree[0], build(tree[1]), build(tree[2])
    if op == "L":
        return ln(left * left + 1)
    if op == "E":
        return exp(left)
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / right}[op]


@given(elementary)
@settings(deadline=None, max_examples=80)
def test_derivatives_are_those_of_sympy(tree: Any) -> None:
    import sympy

    term = build(tree)
    slope, _ = derivative(term, x)
    translation = Translation(lambda _: False)
    value, found = translation.expression(term), translation.expression(slope)
    symbol = translation.expression(x)
    if value.has(sympy.zoo, sympy.nan):
        return
    assert is_zero(sympy.diff(value, symbol) - found)


# What once proved falsehood -----------------------------------------------------------------------


def changes_its_mind() -> Callable[[Any], Any]:
    answers = iter([False, True, True, True])
    return lambda _: z3.BoolVal(next(answers))


class ChangingPlaces:
    """Places of hypotheses that are others at every look."""

    def __init__(self) -> None:
        self.looks = 0

    def __iter__(self) -> Any:
        self.looks += 1
        return iter([0] if self.looks == 1 else [1])


def test_a_function_is_asked_once() -> None:
    said = axiom("probability-order", changes_its_mind(), lambda _: z3.BoolVal(False))
    nowhere = axiom("probability-adds", lambda _: False, lambda _: False)
    with pytest.raises(NotProved):
        by_z3(z3.BoolVal(False), said, axiom("probability-of-all"), nowhere)
    places: Any = ChangingPlaces()
    with pytest.raises(NotProved):
        by_certificate([x >= x, x + 2 >= x + 1], z3.BoolVal(False), [(1, places)])


def test_no_name_is_guessed() -> None:
    for name in ("probe0?", "probe1?", "x?"):
        with pytest.raises(NotAFormula):
            axiom("integral-of-constant", z3.Real(name), z3.RealVal(0), z3.RealVal(1))
    prefix, number = z3.FreshConst(REAL).decl().name().rsplit("!", 1)
    guessed = z3.Real(f"{prefix}!{int(number) + 1}")
    said = axiom("integral-of-constant", guessed, z3.RealVal(0), z3.RealVal(1))
    every = generalised(said, guessed)
    with pytest.raises(NotProved):
        by_z3(z3.BoolVal(False), specialised(every, z3.RealVal(0)), specialised(every, x))


def recursive() -> Any:
    function = z3.RecFunction("loop", INT, INT)
    z3.RecAddDefinition(function, [k], function(k) + 1)
    return function(k) == function(k)


@pytest.mark.parametrize(
    "make",
    [
        lambda: z3.Select(z3.Map(z3.Function("h", REAL, REAL), z3.Array("a", INT, REAL)), 0) == 0,
        lambda: z3.TransitiveClosure(z3.Function("r", INT, INT, z3.BoolSort()))(k, n),
        recursive,
        lambda: z3.StrToCode(z3.String("s")) <= 255,
        lambda: z3.BitVec("v", 8) == 0,
        lambda: x**y == 1,
        lambda: k % n == 0,
    ],
)
def test_the_language_hides_nothing(make: Callable[[], Any]) -> None:
    with pytest.raises(NotAFormula):
        by_z3(make())


def test_an_enumeration_stays_what_it_is() -> None:
    one = z3.Datatype("Changing")
    one.declare("a")
    first = z3.Const("v", one.create())
    by_z3(first == first)
    two = z3.Datatype("Changing")
    two.declare("a")
    two.declare("b")
    with pytest.raises(NotAFormula):
        by_z3(two.create().a != two.create().b)
