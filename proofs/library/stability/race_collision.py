"""The exponential race collides at most as often as a stable sampling.

Two races with the same clocks, of positive distributions `u` and `v`, have the same winner with the
probability

    J(u, v) = Σ_t 1 / Σ_s max(u(s) / u(t), v(s) / v(t)).

That this is the law of the first of independent exponential clocks is not proved here; what is
proved is a property of the formula.

Proof. `Σ_s max(u(s)/u(t), v(s)/v(t))` is at least `Σ_s u(s)/u(t) = 1/u(t)`, and at least `1/v(t)`.
So the term of `t` is at most `min(u(t), v(t))`, and these sum to `1 - TV(u, v)`.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics import finite_sums as sums
from tokenauction.proofs.library.basics.finite_sums import sum_order
from tokenauction.proofs.library.basics.notation import each, matrix, partial_sums, vector
from tokenauction.proofs.library.basics.total_variation import U, V, W, gap, u, v
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem

MOST = matrix("MOST")
J = vector("J")
k, n, s, t = z3.Ints("k n s t")


def larger(one: Any, other: Any) -> Any:
    """The maximum of two numbers."""
    return z3.If(one >= other, one, other)


def ratio(s: Any, t: Any) -> Any:
    """`max(u(s) / u(t), v(s) / v(t))`."""
    return larger(u(s) / u(t), v(s) / v(t))


DISTRIBUTIONS = z3.And(
    n >= 0,
    partial_sums(U, u),
    partial_sums(V, v),
    each(n, lambda t: z3.And(u(t) > 0, v(t) > 0)),
    U(n) == 1,
    V(n) == 1,
)
VARIATION = partial_sums(W, lambda t: gap(u(t), v(t)))
# MOST(t, ·) are the partial sums of the ratios to token t, and J those of the probability.
_step = z3.Implies(s >= 0, MOST(t, s + 1) == MOST(t, s) + ratio(s, t))
RATIOS = z3.And(z3.ForAll([t], MOST(t, 0) == 0), z3.ForAll([s, t], _step))
COLLISION = partial_sums(J, lambda t: 1 / MOST(t, n))
RACE = z3.And(DISTRIBUTIONS, RATIOS)


def scaled_lemma() -> Theorem:
    """Partial sums times a number are those of the terms times the number."""
    whole, part, term = z3.Reals("whole part term")
    scalar = by_z3(
        z3.Implies(whole == part + term, sums.a * whole == sums.a * part + sums.a * term)
    )
    f, F = sums.f, sums.F
    step = instance_of(scalar, {whole: F(k + 1), part: F(k), term: f(k)})
    scaled = partial_sums(lambda k: sums.a * F(k), lambda k: sums.a * f(k))
    start, _ = scaled.children()
    return by_z3(
        z3.Implies(sums.F_SUMS_f, scaled), generalised(step, k), by_z3(z3.Implies(F(0) == 0, start))
    )


def ratios_lemma(own: Any, own_sum: Any) -> Theorem:
    """`Σ_s max(u(s)/u(t), v(s)/v(t)) ≥ 1/u(t)`, and the same for `v`."""
    inverse = z3.Real("inverse")
    order = instance_of(
        sum_order()["Σ f ≤ Σ g"],
        {
            sums.f: lambda s: inverse * own(s),
            sums.F: lambda k: inverse * own_sum(k),
            sums.g: lambda s: ratio(s, t),
            sums.G: lambda k: MOST(t, k),
        },
    )
    scaled = instance_of(scaled_lemma(), {sums.a: inverse, sums.f: own, sums.F: own_sum})
    at_token = by_z3(
        z3.Implies(z3.And(inverse == 1 / own(t), own(t) > 0), inverse * own(s) <= ratio(s, t))
    )
    (own_sums, ratio_sums), rest = (
        part.children() if z3.is_and(part) else part
        for part in order.statement.children()[1].children()
    )
    below = rest.children()[0]
    inside = z3.And(RACE, 0 <= t, t < n, inverse == 1 / own(t))
    positive = z3.And(inverse == 1 / own(t), own(t) > 0)
    at_inverse = by_z3(
        z3.Implies(inside, inverse <= MOST(t, n)),
        by_z3(z3.Implies(RACE, own_sums), scaled),
        by_z3(z3.Implies(RATIOS, ratio_sums)),
        by_z3(z3.Implies(positive, below), generalised(at_token, s)),
        by_z3(z3.Implies(inside, own(t) > 0)),
        order,
    )
    scalar = by_z3(
        z3.Implies(z3.And(own(t) > 0, 1 / own(t) <= MOST(t, n)), 1 / MOST(t, n) <= own(t))
    )
    return by_z3(
        z3.Implies(z3.And(RACE, 0 <= t, t < n), 1 / MOST(t, n) <= own(t)),
        instance_of(at_inverse, {inverse: 1 / own(t)}),
        by_z3(z3.Implies(z3.And(DISTRIBUTIONS, 0 <= t, t < n), own(t) > 0)),
        scalar,
    )


def collision_lemma() -> Theorem:
    """`J(u, v) ≤ Σ_t min(u(t), v(t)) = 1 - TV(u, v)`."""

    def least(t: Any) -> Any:
        return (u(t) + v(t) - gap(u(t), v(t))) / 2

    known = z3.And(RACE, VARIATION, COLLISION)
    order = instance_of(
        sum_order()["Σ f ≤ Σ g"],
        {
            sums.f: lambda t: 1 / MOST(t, n),
            sums.F: J,
            sums.g: least,
            sums.G: lambda k: (U(k) + V(k) - W(k)) / 2,
        },
    )
    given, rest = order.statement.children()[1].children()
    at_token = by_z3(
        z3.Implies(z3.And(RACE, 0 <= t, t < n), 1 / MOST(t, n) <= least(t)),
        ratios_lemma(u, U),
        ratios_lemma(v, V),
    )
    return by_z3(
        z3.Implies(known, J(n) <= 1 - W(n) / 2),
        by_z3(z3.Implies(known, given)),
        by_z3(z3.Implies(RACE, rest.children()[0]), generalised(at_token, t)),
        order,
    )


@library_theorem(
    origin=OWN,
    reference="the probability Jaccard index: Moulton and Jiang (2018), arXiv 1809.04052",
)
def race_collision() -> Conclusions:
    """For positive distributions u and v over any number of tokens, J(u, v) = Σ_t 1 / Σ_s
    max(u(s)/u(t), v(s)/v(t)) is at most 1 - TV(u, v). It is the probability that two races have the
    same winner, which is not proved here."""
    return {"J(u, v) ≤ 1 - TV(u, v)": collision_lemma()}
