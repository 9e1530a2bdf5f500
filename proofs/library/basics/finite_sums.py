"""Sums of any length: the lemmas that lift a statement about one term to all agents or tokens.

Throughout, `F` and `G` are the partial sums of `f` and `g`, and `n ≥ 0` is arbitrary. Each lemma is
proved by induction on `n`: the axiom gives it from the base and the step, which Z3 proves.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    axiom,
    by_z3,
    generalised,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics.notation import each, partial_sums, vector
from tokenauction.proofs.library.library import OWN, TEXTBOOK, Conclusions, library_theorem

f, g, h, F, G, H = (vector(name) for name in "fghFGH")
a, c = z3.Reals("a c")
i, m, n = z3.Ints("i m n")

F_SUMS_f = partial_sums(F, f)
G_SUMS_g = partial_sums(G, g)
H_SUMS_h = partial_sums(H, h)


def by_induction(hypotheses: Any, says: Callable[[Any], Any]) -> Theorem:
    """`n ≥ 0 → (hypotheses → says(n))`: the base and the step by Z3, then the axiom."""

    said = z3.Implies(hypotheses, says(m))

    def statement(k: Any) -> Any:
        return z3.substitute(said, (m, k))

    principle = axiom("induction", statement)
    base = by_z3(statement(z3.IntVal(0)))
    step = by_z3(z3.Implies(z3.And(m >= 0, said), statement(m + 1)))
    every = modus_ponens(principle, base, generalised(step, m))
    return specialised(every, n)


@library_theorem(origin=TEXTBOOK, reference="finite sums")
def sum_order() -> Conclusions:
    """If f(k) ≤ g(k) for every k < n, then Σ f ≤ Σ g; and if moreover Σ f = Σ g, then f(k) = g(k)
    for every k < n."""
    both = z3.And(F_SUMS_f, G_SUMS_g)

    def below(n: Any) -> Any:
        return each(n, lambda k: f(k) <= g(k))

    order = by_induction(both, lambda n: z3.Implies(below(n), F(n) <= G(n)))
    # In the step, F(m) ≤ G(m) and f(m) ≤ g(m) leave F(m + 1) = G(m + 1) only if both are equal.
    equality = by_induction(
        both,
        lambda n: z3.Implies(
            below(n),
            z3.And(F(n) <= G(n), z3.Implies(F(n) == G(n), each(n, lambda k: f(k) == g(k)))),
        ),
    )
    return {"Σ f ≤ Σ g": order, "equal sums have equal terms": equality}


@library_theorem(origin=TEXTBOOK, reference="finite sums")
def sum_linear() -> Conclusions:
    """If h(k) = a f(k) + c g(k) for every k < n, then Σ h = a Σ f + c Σ g."""
    terms = z3.And(F_SUMS_f, G_SUMS_g, H_SUMS_h)
    linear = by_induction(
        terms,
        lambda n: z3.Implies(
            each(n, lambda k: h(k) == a * f(k) + c * g(k)), H(n) == a * F(n) + c * G(n)
        ),
    )
    return {"Σ (a f + c g) = a Σ f + c Σ g": linear}


@library_theorem(origin=TEXTBOOK, reference="finite sums")
def sum_splits_off_one() -> Conclusions:
    """If g is f with the i-th term replaced by zero and 0 ≤ i < n, then Σ f = f(i) + Σ g."""
    terms = z3.And(F_SUMS_f, G_SUMS_g, i >= 0)
    split = by_induction(
        terms,
        lambda n: z3.Implies(
            each(n, lambda k: g(k) == z3.If(k == i, 0, f(k))),
            F(n) == G(n) + z3.If(i < n, f(i), 0),
        ),
    )
    return {"Σ f = f(i) + Σ_{k ≠ i} f(k)": split}


@library_theorem(origin=OWN)
def sum_of_the_others() -> Conclusions:
    """If 0 ≤ f(k) ≤ g(k) for every k < n except i < n, and h agrees with f except at i, then
    R = Σ f - f(i) and S = Σ g - g(i) satisfy 0 ≤ R ≤ S, and Σ h = h(i) + R: what the others
    contribute is bounded term by term, and does not change with agent i's own term."""
    terms = z3.And(F_SUMS_f, G_SUMS_g, H_SUMS_h, i >= 0)

    def but_own(own: Any, n: Any) -> Any:
        return z3.If(i < n, own, 0)

    others = by_induction(
        terms,
        lambda n: z3.Implies(
            each(n, lambda k: z3.Implies(k != i, z3.And(0 <= f(k), f(k) <= g(k), h(k) == f(k)))),
            z3.And(
                0 <= F(n) - but_own(f(i), n),
                F(n) - but_own(f(i), n) <= G(n) - but_own(g(i), n),
                H(n) == but_own(h(i), n) + F(n) - but_own(f(i), n),
            ),
        ),
    )
    return {"0 ≤ R ≤ S, and R stays": others}
