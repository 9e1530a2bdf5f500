"""A stable sampling of every monotone rule, with any number of tokens, from a joint law.

`q(x, t)` is the probability of token `t` at the own bid `x ≥ 0`. Every token is *rising* (`q(x, t)`
is non-decreasing in `x`) or *falling* (non-increasing), which is what monotone in the robust order
means of single tokens. Let `A(x)` be the mass of the rising tokens, the sum of `q(x, t)` over them.
It does not fall, and

    A(x') - A(x) = TV(q(x), q(x'))    for x ≤ x',

since what the rising tokens gain the falling ones lose. Draw `v` uniformly from `[0, 1)`, and with
it a rising token `ρ` and a falling token `φ` such that, for every bid `x`,

    Pr[v < A(x), ρ = t] = q(x, t) for rising t,    Pr[v ≥ A(x), φ = t] = q(x, t) for falling t.

The token drawn at bid `x` is `σ(x) = ρ` where `v < A(x)`, and `φ` elsewhere. It has the law `q(x)`;
as the bid rises it changes at most once, from `φ` to `ρ`, from a falling to a rising token; and it
is another at `x'` than at `x ≤ x'` exactly where `A(x) ≤ v < A(x')`, so with the probability
`A(x') - A(x) = TV(q(x), q(x'))`.

That random variables of this law exist is a hypothesis here: no probability space is constructed.
What their existence rests on is proved. The right sides depend on `x` through `A(x)` only; between
two bids those of rising tokens grow by masses that are not negative and sum to the growth of `A`,
and those of falling tokens shrink by masses that do too. (By Carathéodory's theorem, families of
that kind are laws on [0, 1) × tokens; for finitely many bids, these masses give the law.)
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    BOOL,
    INT,
    OUTCOME,
    REAL,
    Theorem,
    axiom,
    by_z3,
    generalised,
    instance_of,
    probability,
)
from tokenauction.proofs.library.basics import finite_sums as sums
from tokenauction.proofs.library.basics import total_variation as rule
from tokenauction.proofs.library.basics.finite_sums import by_induction, sum_linear, sum_order
from tokenauction.proofs.library.basics.notation import each, partial_sums, vector
from tokenauction.proofs.library.basics.total_variation import D, gap, n, q, t, tv, x, y, z
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem

rising = z3.Function("rising", INT, BOOL)
A, Q = (z3.Function(name, REAL, INT, REAL) for name in ("A", "Q"))
uniform = z3.Function("uniform", OUTCOME, REAL)
riser, faller = (z3.Function(name, OUTCOME, INT) for name in ("riser", "faller"))
lost = vector("lost")
w = z3.Const("w", OUTCOME)


def mass(bid: Any) -> Any:
    """`A(bid)`, the mass of the rising tokens."""
    return A(bid, n)


def if_rising(bid: Any, token: Any) -> Any:
    """What a token adds to the mass of the rising tokens."""
    return z3.If(rising(token), q(bid, token), 0)


def _sums(of: Any, term: Any) -> Any:
    step = z3.Implies(t >= 0, of(x, t + 1) == of(x, t) + term(x, t))
    return z3.And(z3.ForAll([x], of(x, 0) == 0), z3.ForAll([x, t], step))


_ordered = z3.And(0 <= x, x <= y, 0 <= t, t < n)
_moves = z3.If(rising(t), q(x, t) <= q(y, t), q(x, t) >= q(y, t))
_at_bid = z3.And(x >= 0, 0 <= t, t < n)
MONOTONE = z3.ForAll([x, y, t], z3.Implies(_ordered, _moves))
PROBABILITIES = z3.And(
    _sums(Q, q),
    z3.ForAll([x, t], z3.Implies(_at_bid, q(x, t) >= 0)),
    z3.ForAll([x], z3.Implies(x >= 0, Q(x, n) == 1)),
)
RULE = z3.And(n >= 0, MONOTONE, PROBABILITIES, _sums(A, if_rising), rule.VARIATIONS)
RAISE = z3.And(RULE, 0 <= x, x <= y)


def gains_lemma() -> Theorem:
    """`A(x') - A(x) = TV(q(x), q(x'))`: at every token `|d|` is twice what a rising token gains,
    less `d`, and the `d` sum to zero."""
    doubled = instance_of(
        sum_linear()["Σ (a f + c g) = a Σ f + c Σ g"],
        {
            sums.a: z3.RealVal(2),
            sums.c: z3.RealVal(-1),
            sums.f: lambda t: if_rising(y, t) - if_rising(x, t),
            sums.F: lambda k: A(y, k) - A(x, k),
            sums.g: lambda t: q(y, t) - q(x, t),
            sums.G: lambda k: Q(y, k) - Q(x, k),
            sums.h: lambda t: gap(q(x, t), q(y, t)),
            sums.H: lambda k: D(x, y, k),
        },
    )
    return by_z3(z3.Implies(RAISE, mass(y) - mass(x) == tv(x, y)), doubled)


def growth_lemma() -> Theorem:
    """`A` does not fall."""
    rises = {
        sums.f: lambda t: if_rising(x, t),
        sums.F: lambda k: A(x, k),
        sums.g: lambda t: if_rising(y, t),
        sums.G: lambda k: A(y, k),
    }
    order = instance_of(sum_order()["Σ f ≤ Σ g"], rises)
    return by_z3(z3.Implies(RAISE, mass(x) <= mass(y)), order)


def increment_lemma() -> Theorem:
    """What one token gains, or loses, is at most what the rising tokens gain together."""
    term = instance_of(
        by_induction(
            z3.And(sums.F_SUMS_f, sums.i >= 0),
            lambda n: z3.Implies(
                each(n, lambda k: sums.f(k) >= 0),
                z3.And(sums.F(n) >= 0, z3.Implies(sums.i < n, sums.f(sums.i) <= sums.F(n))),
            ),
        ),
        {sums.i: t},
    )
    gains = {
        sums.f: lambda t: if_rising(y, t) - if_rising(x, t),
        sums.F: lambda k: A(y, k) - A(x, k),
    }
    losses = {
        sums.f: lambda t: (q(x, t) - if_rising(x, t)) - (q(y, t) - if_rising(y, t)),
        sums.F: lambda k: (Q(x, k) - A(x, k)) - (Q(y, k) - A(y, k)),
    }
    increment = z3.If(rising(t), q(y, t) - q(x, t), q(x, t) - q(y, t))
    bounded = z3.And(0 <= increment, increment <= mass(y) - mass(x))
    token = z3.And(RAISE, 0 <= t, t < n)
    return by_z3(z3.Implies(token, bounded), instance_of(term, gains), instance_of(term, losses))


def sampled(bid: Any, v: Any) -> Any:
    """`σ(bid)`, the token drawn at an outcome."""
    return z3.If(uniform(v) < mass(bid), riser(v), faller(v))


def below(level: Any) -> Any:
    """The event `v < level`."""
    return lambda v: uniform(v) < level


def uniform_at(level: Any) -> Any:
    """`Pr[v < level] = level`."""
    return probability(below(level)) == level


def law(bid: Any, token: Any) -> Any:
    """The law of `v` with `ρ`, or with `φ`, at a bid and a token."""
    up = probability(lambda v: z3.And(uniform(v) < mass(bid), riser(v) == token))
    down = probability(lambda v: z3.And(uniform(v) >= mass(bid), faller(v) == token))
    return z3.If(rising(token), up, down) == q(bid, token)


def kinds(bid: Any) -> Any:
    """Where `v < A(bid)`, `ρ` is a rising token, and elsewhere `φ` a falling one."""
    kind = z3.If(uniform(w) < mass(bid), rising(riser(w)), z3.Not(rising(faller(w))))
    return z3.ForAll([w], kind)


def law_lemma() -> Theorem:
    """`Pr[σ(x) = t] = q(x, t)`: that `t` is drawn says the same as the event of the law."""

    def drawn(v: Any) -> Any:
        return sampled(x, v) == t

    def up(v: Any) -> Any:
        return z3.And(uniform(v) < mass(x), riser(v) == t)

    def down(v: Any) -> Any:
        return z3.And(uniform(v) >= mass(x), faller(v) == t)

    steps = []
    for kind, event in ((rising(t), up), (z3.Not(rising(t)), down)):
        for one, other in ((drawn, event), (event, drawn)):
            order = axiom("probability-order", one, other)
            contained, ordered = order.statement.children()
            known = z3.And(kinds(x), kind)
            implied = by_z3(z3.Implies(known, contained))
            steps.append(by_z3(z3.Implies(known, ordered), implied, order))
    return by_z3(z3.Implies(z3.And(kinds(x), law(x, t)), probability(drawn) == q(x, t)), *steps)


def change_lemma() -> Theorem:
    """`Pr[σ(x) ≠ σ(x')] = A(x') - A(x)`: the change is where `A(x) ≤ v < A(x')`."""

    def changed(v: Any) -> Any:
        return sampled(x, v) != sampled(y, v)

    def either(v: Any) -> Any:
        return z3.Or(uniform(v) < mass(x), changed(v))

    known = z3.And(mass(x) <= mass(y), kinds(x), kinds(y))
    steps = []
    adds = axiom("probability-adds", below(mass(x)), changed)
    for one in (
        axiom("probability-order", either, below(mass(y))),
        axiom("probability-order", below(mass(y)), either),
        adds,
    ):
        premise, conclusion = one.statement.children()
        steps.append(by_z3(z3.Implies(known, conclusion), by_z3(z3.Implies(known, premise)), one))
    levels = z3.And(uniform_at(mass(x)), uniform_at(mass(y)))
    return by_z3(
        z3.Implies(z3.And(known, levels), probability(changed) == mass(y) - mass(x)), *steps
    )


def once_lemma() -> Theorem:
    """The token changes at most once, and only from a falling to a rising one, since `A` rises."""
    # The mass at three bids, and the same draw at each of them.
    grows = z3.And(mass(x) <= mass(y), mass(y) <= mass(z))
    once = z3.Or(sampled(x, w) == sampled(y, w), sampled(y, w) == sampled(z, w))
    moves = z3.Implies(
        sampled(x, w) != sampled(y, w),
        z3.And(z3.Not(rising(sampled(x, w))), rising(sampled(y, w))),
    )
    scalar = by_z3(z3.Implies(z3.And(grows, kinds(x), kinds(y)), z3.And(once, moves)))
    growth = growth_lemma()
    return by_z3(
        z3.Implies(z3.And(RAISE, y <= z, kinds(x), kinds(y)), z3.And(once, moves)),
        scalar,
        growth,
        instance_of(instance_of(growth, {y: z}), {x: y}),
    )


def losses_lemma() -> Theorem:
    """What the falling tokens lose is what the rising ones gain."""
    linear = instance_of(
        sum_linear()["Σ (a f + c g) = a Σ f + c Σ g"],
        {
            sums.a: z3.RealVal(1),
            sums.c: z3.RealVal(-1),
            sums.f: lambda t: q(x, t) - q(y, t),
            sums.F: lambda k: Q(x, k) - Q(y, k),
            sums.g: lambda t: if_rising(x, t) - if_rising(y, t),
            sums.G: lambda k: A(x, k) - A(y, k),
            sums.h: lambda t: z3.If(rising(t), 0, q(x, t) - q(y, t)),
            sums.H: lost,
        },
    )
    falls = partial_sums(lost, lambda t: z3.If(rising(t), 0, q(x, t) - q(y, t)))
    return by_z3(z3.Implies(z3.And(RAISE, falls), lost(n) == mass(y) - mass(x)), linear)


@library_theorem(origin=PAPER, reference=f"{ARXIV} (stable sampling)")
def stable_sampling() -> Conclusions:
    """For a rule of which every token rises or falls with the own bid (coordinate-form: every
    monotone rule) and any number of tokens, let A(x) be the probability of the rising tokens, and
    assume random variables v, ρ, φ with Pr[v < A(x)] = A(x), Pr[v < A(x), ρ = t] = q(x, t) for
    rising t and Pr[v ≥ A(x), φ = t] = q(x, t) for falling t, ρ always rising where v < A(x) and φ
    falling elsewhere; that there are such is not proved. Drawing σ(x) = ρ where v < A(x) and φ
    elsewhere has the law q(x), changes the token at most once as the bid rises, from falling to
    rising, and Pr[σ(x) ≠ σ(x')] = TV(q(x), q(x'))."""
    gains, growth = gains_lemma(), growth_lemma()
    levels = z3.And(uniform_at(mass(x)), uniform_at(mass(y)), kinds(x), kinds(y))
    change = probability(lambda v: sampled(x, v) != sampled(y, v))
    increments = increment_lemma()
    same = each(n, lambda t: q(x, t) == q(y, t))
    return {
        "A(x') - A(x) = TV(q(x), q(x')) ≥ 0": by_z3(
            z3.Implies(RAISE, z3.And(mass(y) - mass(x) == tv(x, y), tv(x, y) >= 0)), gains, growth
        ),
        "no token gains or loses more than A gains": increments,
        "the law depends on x through A(x) only": by_z3(
            z3.Implies(z3.And(RAISE, mass(x) == mass(y)), same), generalised(increments, t)
        ),
        "what the falling tokens lose sums to what A gains": losses_lemma(),
        "σ(x) has the law q(x)": law_lemma(),
        "σ changes at most once, from a falling to a rising token": once_lemma(),
        "Pr[σ(x) ≠ σ(x')] = TV(q(x), q(x'))": by_z3(
            z3.Implies(z3.And(RAISE, levels), change == tv(x, y)), gains, growth, change_lemma()
        ),
    }
