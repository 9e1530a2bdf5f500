"""Partial sums exist, so that a sum which only a proof speaks of need not be in the statement."""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    REAL,
    Theorem,
    axiom,
    by_z3,
    generalised,
    instance_of,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics.notation import vector
from tokenauction.proofs.library.basics.sum_exchange import sums_up_to
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem

f = vector("f")
last, n = z3.Ints("last n")
A, longer = (z3.Const(name, z3.ArraySort(INT, REAL)) for name in ("A", "longer"))


def adds_up(numbers: Any, end: Any) -> Any:
    """The numbers are the partial sums of f as far as the end."""
    return sums_up_to(end, lambda k: numbers[k], f)


EXIST = z3.Exists([A], adds_up(A, last))


def some(end: Any) -> Any:
    """There are such numbers."""
    return z3.substitute(EXIST, (last, end))


def witnessed(premise: Any, numbers: Any, end: Any) -> Theorem:
    """There are, from the numbers that they are."""
    given = z3.And(premise, longer == numbers)
    fits = by_z3(z3.Implies(given, adds_up(longer, end)))
    exist = by_z3(z3.Implies(adds_up(longer, end), some(end)))
    named = generalised(by_z3(z3.Implies(given, some(end)), fits, exist), longer)
    return by_z3(z3.Implies(premise, some(end)), specialised(named, numbers))


@library_theorem(origin=TEXTBOOK, reference="definition by recursion")
def sums_exist() -> Conclusions:
    """For every f and n ≥ 0 there are numbers A(0) to A(n) with A(0) = 0 and A(k + 1) = A(k) + f(k)
    for 0 ≤ k < n."""
    zero, true = z3.IntVal(0), z3.BoolVal(True)
    base = witnessed(true, z3.K(INT, z3.RealVal(0)), zero)
    store = z3.Store(A, last + 1, A[last] + f(last))
    given = z3.And(last >= 0, adds_up(A, last))
    step = by_z3(
        z3.Implies(z3.And(last >= 0, some(last)), some(last + 1)),
        generalised(witnessed(given, store, last + 1), A),
    )
    every = modus_ponens(axiom("induction", some), by_z3(some(zero), base), generalised(step, last))
    return {"sums exist": specialised(every, n)}


def without_sums(theorem: Theorem, sums: Any, of: Any) -> Theorem:
    """`n ≥ 0 → X` from `n ≥ 0 → (sums_up_to(n, sums, of) → X)`, if X does not speak of the sums.

    Only how ∀ and ∃ go together is left to Z3: a Boolean constant stands for X.
    """
    said = z3.Bool("said")
    whichever = z3.ForAll([A], z3.Implies(n >= 0, z3.Implies(adds_up(A, n), said)))
    exist = z3.Implies(n >= 0, some(n))
    rule = by_z3(z3.Implies(z3.And(whichever, exist), z3.Implies(n >= 0, said)))
    conclusion = theorem.statement.arg(1).arg(1)
    return modus_ponens(
        specialised(generalised(instance_of(rule, {f: of}), said), conclusion),
        generalised(instance_of(theorem, {sums: lambda k: A[k]}), A),
        instance_of(sums_exist()["sums exist"], {f: of}),
    )
