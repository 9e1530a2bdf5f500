"""Total variation is the least probability of a change, and what reaches it.

A *coupling* of two distributions `u` and `v` over `n` tokens is a matrix `M(s, t) ≥ 0`, the
probability of drawing `s` from one and `t` from the other: its rows sum to `u` and its columns to
`v`. The tokens differ with probability `Pr[≠]`, the sum over `s` of row `s` without `M(s, s)`.

Proof. `M(t, t)` is at most its row and its column, so at most `min(u(t), v(t))`, and

    Pr[≠] = Σ_t (u(t) - M(t, t)) ≥ Σ_t (u(t) - min(u(t), v(t)))
          = Σ_t (|u(t) - v(t)| + u(t) - v(t)) / 2,

which is `TV(u, v)`, since `u` and `v` both sum to 1. Sums in order are equal only if all terms are.
And `M(t, t) = u(t)` says that the rest of the row is zero: no mass leaves `t`, and likewise for
`v(t)`, that none arrives. So equality says that no mass leaves a token whose probability rises or
stays, and none arrives at one whose probability falls or stays.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics import finite_sums as sums
from tokenauction.proofs.library.basics.finite_sums import by_induction, sum_order
from tokenauction.proofs.library.basics.notation import each, matrix, partial_sums, vector
from tokenauction.proofs.library.basics.total_variation import U, V, W, gap, u, v
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem

M, ROW, COLUMN = (matrix(name) for name in ("M", "ROW", "COLUMN"))
CHANGE = vector("CHANGE")
i, n, s, t = z3.Ints("i n s t")

# ROW(s, ·) and COLUMN(t, ·) are partial sums along a row and a column, CHANGE those of Pr[≠].
_row = z3.Implies(t >= 0, ROW(s, t + 1) == ROW(s, t) + M(s, t))
_column = z3.Implies(s >= 0, COLUMN(t, s + 1) == COLUMN(t, s) + M(s, t))
_entry = z3.Implies(z3.And(0 <= s, s < n, 0 <= t, t < n), M(s, t) >= 0)
MATRIX = z3.And(
    z3.ForAll([s], ROW(s, 0) == 0),
    z3.ForAll([s, t], _row),
    z3.ForAll([t], COLUMN(t, 0) == 0),
    z3.ForAll([s, t], _column),
    z3.ForAll([s, t], _entry),
)
MARGINALS = each(n, lambda t: z3.And(ROW(t, n) == u(t), COLUMN(t, n) == v(t)))
COUPLING = z3.And(n >= 0, MATRIX, MARGINALS)
SUMS = z3.And(
    partial_sums(U, u),
    partial_sums(V, v),
    U(n) == 1,
    V(n) == 1,
    partial_sums(W, lambda t: gap(u(t), v(t))),
    partial_sums(CHANGE, lambda s: ROW(s, n) - M(s, s)),
)
TV = W(n) / 2


def stays(token: Any) -> Any:
    """All the mass that can stay at a token does."""
    return M(token, token) == z3.If(u(token) <= v(token), u(token), v(token))


def leaves(token: Any) -> Any:
    """Some mass leaves a token."""
    return z3.Not(each(n, lambda k: z3.Implies(k != token, M(token, k) == 0)))


def arrives(token: Any) -> Any:
    """Some mass arrives at a token."""
    return z3.Not(each(n, lambda k: z3.Implies(k != token, M(k, token) == 0)))


def one_term_lemma() -> tuple[Theorem, Theorem]:
    """A term of a sum of non-negative terms is at most the sum, and equal exactly if the others are
    zero."""
    f, F = sums.f, sums.F

    def own(n: Any) -> Any:
        return z3.If(i < n, f(i), 0)

    def others_zero(n: Any) -> Any:
        return each(n, lambda k: z3.Implies(k != i, f(k) == 0))

    # Both directions of "exactly" at once make the step of the induction hard for Z3.
    def at_most_the_sum(says: Callable[[Any], Any]) -> Theorem:
        return by_induction(
            z3.And(sums.F_SUMS_f, i >= 0),
            lambda n: z3.Implies(each(n, lambda k: f(k) >= 0), z3.And(own(n) <= F(n), says(n))),
        )

    only = at_most_the_sum(lambda n: z3.Implies(F(n) == own(n), others_zero(n)))
    if_zero = at_most_the_sum(lambda n: z3.Implies(others_zero(n), F(n) == own(n)))
    return only, if_zero


def marginal_lemma(line: dict[Any, Any], total: Any, moved: Any) -> Theorem:
    """An entry of the diagonal is at most the sum of its line, and equal exactly if the rest of the
    line is zero."""
    inside = z3.And(COUPLING, 0 <= t, t < n)
    only, if_zero = (instance_of(one, {i: t, **line}) for one in one_term_lemma())
    premise = only.statement.children()[1].children()[0]
    entries = each(n, lambda k: line[sums.f](k) >= 0)
    says = z3.And(M(t, t) <= total, (M(t, t) == total) == z3.Not(moved))
    return by_z3(
        z3.Implies(inside, says),
        by_z3(z3.Implies(inside, z3.And(premise, entries))),
        only,
        if_zero,
    )


def token_lemma() -> Theorem:
    """`M(t, t) ≤ min(u(t), v(t))`, with equality exactly if no mass leaves a token that does not
    fall, and none arrives at one that does not rise."""
    inside = z3.And(COUPLING, 0 <= t, t < n)
    row = {sums.f: lambda k: M(t, k), sums.F: lambda k: ROW(t, k)}
    column = {sums.f: lambda k: M(k, t), sums.F: lambda k: COLUMN(t, k)}
    most = z3.And(M(t, t) <= u(t), M(t, t) <= v(t))
    return by_z3(
        z3.Implies(inside, z3.And(most, ROW(t, n) == u(t), stays(t) == needed(t))),
        marginal_lemma(row, u(t), leaves(t)),
        marginal_lemma(column, v(t), arrives(t)),
    )


def needed(token: Any) -> Any:
    """Mass leaves the token only if its probability falls, and arrives only if it rises."""
    leaving = z3.Implies(leaves(token), v(token) < u(token))
    return z3.And(leaving, z3.Implies(arrives(token), u(token) < v(token)))


def least(token: Any) -> Any:
    """`(|u - v| + u - v) / 2` at a token: what has to leave it."""
    return (gap(u(token), v(token)) + u(token) - v(token)) / 2


def change_lemma() -> Theorem:
    """`TV(u, v) ≤ Pr[≠]`, with equality exactly if all the mass that can stay does."""
    least_of = {sums.f: least, sums.F: lambda k: (W(k) + U(k) - V(k)) / 2}
    change_of = {sums.g: lambda s: ROW(s, n) - M(s, s), sums.G: CHANGE}
    order, equality = (instance_of(one, least_of | change_of) for one in sum_order().values())
    swapped = instance_of(
        sum_order()["Σ f ≤ Σ g"],
        {sums.f: change_of[sums.g], sums.F: CHANGE, sums.g: least, sums.G: least_of[sums.F]},
    )
    at_token = z3.And(
        least(t) <= ROW(t, n) - M(t, t), (least(t) == ROW(t, n) - M(t, t)) == stays(t)
    )
    inside = z3.And(COUPLING, 0 <= t, t < n)
    every_token = generalised(by_z3(z3.Implies(inside, at_token), token_lemma()), t)
    below = each(n, lambda t: least(t) <= ROW(t, n) - M(t, t))
    equal = each(n, lambda t: (least(t) == ROW(t, n) - M(t, t)) == stays(t))
    bound = z3.And(TV <= CHANGE(n), (CHANGE(n) == TV) == each(n, stays))
    return by_z3(
        z3.Implies(z3.And(COUPLING, SUMS), bound),
        by_z3(z3.Implies(COUPLING, below), every_token),
        by_z3(z3.Implies(COUPLING, equal), every_token),
        order,
        equality,
        swapped,
    )


@library_theorem(origin=TEXTBOOK, reference="the coupling inequality and maximal couplings")
def stability_is_total_variation() -> Conclusions:
    """Two draws from distributions u and v over any number of tokens, with any joint law M, differ
    with probability at least TV(u, v); with equality exactly if M(t, t) = min(u(t), v(t)) at every
    token, which is to say that mass leaves only tokens that fall and arrives only at tokens that
    rise."""
    known = z3.And(COUPLING, 0 <= t, t < n)
    return {
        "Pr[≠] ≥ TV(u, v), equal exactly if M(t, t) = min(u(t), v(t)) for all t": change_lemma(),
        "M(t, t) = min(u(t), v(t)) exactly if no mass moves but from falling to rising tokens": (
            by_z3(z3.Implies(known, stays(t) == needed(t)), token_lemma())
        ),
    }
