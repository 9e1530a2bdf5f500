"""Mutants of the kernel: each guard is taken away, and a falsehood that it kept out comes in."""

from collections.abc import Callable
from typing import Any

import pytest
import z3

from tokenauction.proofs.core.kernel import (
    INT,
    REAL,
    NotAFormula,
    NotProved,
    axiom,
    by_certificate,
    by_identity,
    by_z3,
    calculus,
    generalised,
    instance_of,
    is_theorem,
    ln,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.core.kernel import axioms as axioms_file
from tokenauction.proofs.core.kernel import formulas as formulas_file
from tokenauction.proofs.core.kernel import identities as identities_file
from tokenauction.proofs.core.kernel import theorem as theorem_file

x, y = z3.Reals("x y")
k = z3.Int("k")
f = z3.Function("f", INT, REAL)


def falsehood_by_z3() -> object:
    return by_z3(x * x > 0)


def identity_without_its_condition() -> object:
    return by_identity(x / x == 1)


def different_terms() -> object:
    return by_identity(x == y)


def product_cut_short() -> object:
    return by_certificate([x >= 1, y >= 1], x - 1 >= 0, [(1, [0, 1])])


def sum_cut_short() -> object:
    return by_certificate([x >= 1, y >= 1], x >= 0, [(1, [0]), (1, [1])])


def other_antecedent() -> object:
    positive = by_z3(z3.Implies(x > 0, x >= 0))
    return modus_ponens(positive, by_z3(y * y >= 0))


def logarithm_as_anything() -> object:
    said = by_identity(ln(z3.RealVal(1)) == 0)
    return instance_of(said, {ln: lambda value: value})


def instance_of_something_specialised() -> object:
    return specialised(generalised(by_z3(z3.Implies(x < y, x - y < 0)), x, y), k, k)


class Forgetful(list[Any]):
    """A list that nothing gets into."""

    def append(self, _: Any) -> None:
        pass


class Careless(identities_file.Translation):
    """A translation that asks for no side conditions."""

    def __init__(self, is_positive: Callable[[Any], bool]) -> None:
        super().__init__(is_positive)
        self.conditions = Forgetful()


MUTANTS: dict[str, tuple[Any, str, Any, Callable[[], object]]] = {
    "Z3 need not answer": (
        theorem_file, "_refuted", lambda formulas, budget, tactic: "", falsehood_by_z3,
    ),
    "no side conditions": (
        theorem_file, "Translation", Careless, identity_without_its_condition,
    ),
    "every difference is zero": (
        theorem_file, "is_zero", lambda expression: True, different_terms,
    ),
    "products forget a factor": (
        theorem_file, "product", lambda factors: factors[0], product_cut_short,
    ),
    "sums forget a part": (
        theorem_file, "total", lambda parts: {((x.get_id(), 1),): 1}, sum_cut_short,
    ),
    "all formulas are the same": (
        theorem_file, "same_formula", lambda one, other: True, other_antecedent,
    ),
    "every symbol is schematic": (formulas_file, "FIXED", frozenset(), logarithm_as_anything),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_without_its_guard_the_kernel_proves_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, attribute, broken, attempt = MUTANTS[name]
    with pytest.raises((NotProved, NotAFormula)):
        attempt()
    monkeypatch.setattr(place, attribute, broken)
    assert is_theorem(attempt())


def test_an_axiom_with_a_wrong_sign_is_a_falsehood(monkeypatch: pytest.MonkeyPatch) -> None:
    def rises_anyway() -> Any:
        said = axiom("derivative", lambda v: -v, z3.RealVal(0), z3.RealVal(1))
        premise, _ = said.statement.children()
        return modus_ponens(said, by_z3(premise))

    with pytest.raises(NotProved):
        rises_anyway()
    slope = calculus.derivative
    monkeypatch.setattr(
        axioms_file, "derivative", lambda term, v: (-slope(term, v)[0], slope(term, v)[1])
    )
    one = rises_anyway()
    by_z3(z3.BoolVal(False), specialised(one, z3.RealVal(0), z3.RealVal(1)))


def test_sorts_are_looked_at() -> None:
    with pytest.raises(NotProved):
        instance_of_something_specialised()
