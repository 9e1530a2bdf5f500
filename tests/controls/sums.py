"""False statements near the lemmas on sums and on the logarithm, Gibbs and the linear rule."""

from collections.abc import Callable

import z3

from tokenauction.proofs.core.kernel import axiom, by_z3, generalised, instance_of, specialised
from tokenauction.proofs.library.basics import finite_sums, gibbs, logarithm
from tokenauction.proofs.library.basics.finite_sums import (
    F,
    G,
    H,
    a,
    by_induction,
    c,
    f,
    g,
    h,
    i,
    n,
)
from tokenauction.proofs.library.basics.notation import between, each, partial_sums
from tokenauction.proofs.library.linear import linear_is_monotone

BOTH = z3.And(finite_sums.F_SUMS_f, finite_sums.G_SUMS_g)
THREE = z3.And(BOTH, finite_sums.H_SUMS_h)


def order_without_the_last_term() -> object:
    return by_induction(
        BOTH, lambda n: z3.Implies(each(n - 1, lambda k: f(k) <= g(k)), F(n) <= G(n))
    )


def order_of_sums_from_one() -> object:
    starts = z3.And(partial_sums(F, f), G(0) == -1)
    return by_induction(starts, lambda n: z3.Implies(each(n, lambda k: f(k) <= g(k)), F(n) <= G(n)))


def equal_terms_without_order() -> object:
    return by_induction(BOTH, lambda n: z3.Implies(F(n) == G(n), each(n, lambda k: f(k) == g(k))))


def linear_with_a_constant() -> object:
    return by_induction(
        THREE,
        lambda n: z3.Implies(each(n, lambda k: h(k) == a * f(k) + c), H(n) == a * F(n) + c),
    )


def one_left_out_twice() -> object:
    return by_induction(
        z3.And(BOTH, i >= 0),
        lambda n: z3.Implies(
            each(n, lambda k: g(k) == z3.If(k == i, 0, f(k))), F(n) == G(n) + f(i)
        ),
    )


def others_that_may_be_negative() -> object:
    return by_induction(
        z3.And(BOTH, i >= 0),
        lambda n: z3.Implies(
            each(n, lambda k: z3.Implies(k != i, f(k) <= g(k))),
            0 <= F(n) - z3.If(i < n, f(i), 0),
        ),
    )


def induction_without_its_base() -> object:
    principle = axiom("induction", lambda k: f(k) >= 0)
    step = z3.ForAll([n], z3.Implies(z3.And(n >= 0, f(n) >= 0), f(n + 1) >= 0))
    return by_z3(z3.Implies(z3.And(step, n >= 0), f(n) >= 0), principle, budget=300_000)


def tangent_at_two() -> object:
    tangent = logarithm.ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"]
    x = logarithm.x
    return by_z3(z3.Implies(x > 0, logarithm.ln(x) <= x - 2), tangent)


def tangent_where_there_is_no_logarithm() -> object:
    tangent = logarithm.ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"]
    x = logarithm.x
    return by_z3(logarithm.ln(x) <= x - 1, tangent)


def ln_falls() -> object:
    rises = logarithm.ln_rises()["ln x < ln y"]
    numbers = specialised(rises, z3.RealVal(1), z3.RealVal(2))
    falls = logarithm.ln(z3.RealVal(1)) > logarithm.ln(z3.RealVal(2))
    return by_z3(falls, numbers)


def gibbs_for_any_weights() -> object:
    """A token lemma without its correction: the terms of a divergence have either sign."""
    lemma = gibbs.token_lemma()
    term = gibbs.entropy_term(gibbs.a, gibbs.c)
    return by_z3(z3.Implies(z3.And(gibbs.a >= 0, gibbs.c > 0), term >= 0), lemma, budget=300_000)


def gibbs_with_mass_missing() -> object:
    order, _ = finite_sums.sum_order().values()
    p, q, P, Q, K = gibbs.p, gibbs.q, gibbs.P, gibbs.Q, gibbs.K
    terms = {f: lambda t: p(t) - q(t), F: lambda k: P(k) - Q(k), G: K}
    terms[g] = lambda t: gibbs.entropy_term(p(t), q(t))
    premises = z3.And(gibbs.n >= 0, P(gibbs.n) <= 1, Q(gibbs.n) == 1, gibbs.ENTROPY)
    every_token = generalised(
        instance_of(gibbs.token_lemma(), {gibbs.a: p(gibbs.t), gibbs.c: q(gibbs.t)}), gibbs.t
    )
    signs = each(gibbs.n, lambda t: z3.And(p(t) >= 0, q(t) > 0))
    sums = z3.And(partial_sums(P, p), partial_sums(Q, q))
    return by_z3(
        z3.Implies(z3.And(premises, signs, sums), K(gibbs.n) >= 0),
        every_token,
        instance_of(order, terms),
        budget=300_000,
    )


def linear_without(part: z3.BoolRef) -> Callable[[], object]:
    """The scalar lemma of the linear rule without one of its premises."""
    return lambda: linear_scalar(
        [premise for premise in LINEAR_PREMISES if not premise.eq(part)],
        between(L.own, L.raised_top / L.raised_bottom, L.top / L.bottom),
    )


def linear_the_other_way() -> object:
    away = between(L.own, L.top / L.bottom, L.raised_top / L.raised_bottom)
    return linear_scalar(LINEAR_PREMISES, away)


def linear_scalar(premises: list[z3.BoolRef], conclusion: z3.BoolRef) -> object:
    return by_z3(z3.Implies(z3.And(premises), conclusion), budget=500_000)


L = linear_is_monotone
LINEAR_PREMISES = [
    0 <= L.own, L.own <= 1, L.low <= L.high, 0 <= L.R, L.R <= L.S, L.low >= 0, L.bottom > 0,
    L.top == L.low * L.own + L.R, L.bottom == L.low + L.S,
    L.raised_top == L.high * L.own + L.R, L.raised_bottom == L.high + L.S,
]  # fmt: skip

CONTROLS: dict[str, list[tuple[str, Callable[[], object]]]] = {
    "sum-order": [
        ("the last terms are not compared", order_without_the_last_term),
        ("one sum starts at -1", order_of_sums_from_one),
        ("equal sums alone", equal_terms_without_order),
        ("induction without its base", induction_without_its_base),
    ],
    "sum-linear": [("a constant in every term", linear_with_a_constant)],
    "sum-splits-off-one": [("an agent that may not be there", one_left_out_twice)],
    "sum-of-the-others": [("terms of either sign", others_that_may_be_negative)],
    "ln-below-its-tangent": [
        ("the tangent at 1, lowered", tangent_at_two),
        ("without x > 0", tangent_where_there_is_no_logarithm),
    ],
    "ln-rises": [("the sign flipped", ln_falls)],
    "gibbs": [
        ("token by token", gibbs_for_any_weights),
        ("p with mass missing", gibbs_with_mass_missing),
    ],
    "linear-is-monotone": [
        ("the bid is not raised", linear_without(L.low <= L.high)),
        ("the raised sums are others", linear_without(L.raised_bottom == L.high + L.S)),
        ("away from the agent's distribution", linear_the_other_way),
    ],
}
