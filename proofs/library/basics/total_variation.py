"""Total variation over any number of tokens: `TV(u, v) = ½ Σ_t |u(t) - v(t)|`.

Below, `D` are the partial sums of `|u(t) - v(t)|`, so `TV(u, v) = D(n) / 2` for `n` tokens. Of a
rule of one agent's bid, `q(x, t)` is the probability of token `t` at bid `x`, and `D(x, y, ·)` are
the partial sums of `|q(x, t) - q(y, t)|`.

Along a rule that is monotone in the robust order total variation adds. For `x ≤ y ≤ z`, at every
token `q(z)` lies between `p` and `q(y)`, and `q(y)` between `p` and `q(x)`. So the three values are
in this order or the reverse, and `|q(x) - q(z)| = |q(x) - q(y)| + |q(y) - q(z)|`. Sum over tokens.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import INT, REAL, Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics import finite_sums as sums
from tokenauction.proofs.library.basics.finite_sums import sum_linear, sum_order
from tokenauction.proofs.library.basics.notation import between, each, partial_sums, vector
from tokenauction.proofs.library.library import OWN, TEXTBOOK, Conclusions, library_theorem

u, v, U, V, W, p = (vector(name) for name in ("u", "v", "U", "V", "W", "p"))
q = z3.Function("q", REAL, INT, REAL)
D = z3.Function("D", REAL, REAL, INT, REAL)
n, t = z3.Ints("n t")
x, y, z = z3.Reals("x y z")
at_x, at_y, at_z, own = z3.Reals("at_x at_y at_z own")


def gap(one: Any, other: Any) -> Any:
    """`|one - other|`."""
    return z3.If(one >= other, one - other, other - one)


def tv(one: Any, other: Any) -> Any:
    """`TV(q(one), q(other))` of a rule at two bids."""
    return D(one, other, n) / 2


VARIATION = partial_sums(W, lambda t: gap(u(t), v(t)))
DISTRIBUTIONS = z3.And(
    partial_sums(U, u),
    partial_sums(V, v),
    each(n, lambda t: z3.And(u(t) >= 0, v(t) >= 0)),
    U(n) == 1,
    V(n) == 1,
)
SAME = each(n, lambda t: u(t) == v(t))

_step = z3.Implies(t >= 0, D(x, y, t + 1) == D(x, y, t) + gap(q(x, t), q(y, t)))
VARIATIONS = z3.And(z3.ForAll([x, y], D(x, y, 0) == 0), z3.ForAll([x, y, t], _step))
_raise = z3.And(0 <= x, x <= y, 0 <= t, t < n)
MONOTONE = z3.ForAll([x, y, t], z3.Implies(_raise, between(p(t), q(y, t), q(x, t))))
RULE = z3.And(n >= 0, VARIATIONS, MONOTONE)


def zero_lemma() -> Theorem:
    """The sum of absolute differences is at least 0, and 0 only if all are."""
    terms = {sums.f: lambda _: z3.RealVal(0), sums.F: lambda _: z3.RealVal(0), sums.G: W}
    terms[sums.g] = lambda t: gap(u(t), v(t))
    order, equality = (instance_of(one, terms) for one in sum_order().values())
    both = z3.And(W(n) >= 0, z3.Implies(W(n) == 0, SAME))
    return by_z3(z3.Implies(z3.And(n >= 0, VARIATION), both), order, equality)


def same_lemma() -> Theorem:
    """The sum is 0 where all differences are."""
    terms = {sums.f: lambda t: gap(u(t), v(t)), sums.F: W}
    terms |= {sums.g: lambda _: z3.RealVal(0), sums.G: lambda _: z3.RealVal(0)}
    order = instance_of(sum_order()["Σ f ≤ Σ g"], terms)
    return by_z3(z3.Implies(z3.And(n >= 0, VARIATION, SAME), W(n) <= 0), order)


def at_most_one_lemma() -> Theorem:
    """`½ Σ |u - v| ≤ 1`, since `|u - v| ≤ u + v`."""
    order = instance_of(
        sum_order()["Σ f ≤ Σ g"],
        {
            sums.f: lambda t: gap(u(t), v(t)),
            sums.F: W,
            sums.g: lambda t: u(t) + v(t),
            sums.G: lambda k: U(k) + V(k),
        },
    )
    return by_z3(z3.Implies(z3.And(n >= 0, VARIATION, DISTRIBUTIONS), W(n) / 2 <= 1), order)


@library_theorem(origin=TEXTBOOK, reference="total variation")
def total_variation() -> Conclusions:
    """TV(u, v) ≥ 0 over any number of tokens, with equality exactly if u = v; and TV(u, v) ≤ 1 for
    distributions."""
    both = z3.And(W(n) / 2 >= 0, (W(n) / 2 == 0) == SAME)
    return {
        "TV ≥ 0, and TV = 0 exactly if u = v": by_z3(
            z3.Implies(z3.And(n >= 0, VARIATION), both), zero_lemma(), same_lemma()
        ),
        "TV ≤ 1": at_most_one_lemma(),
    }


def token_lemma() -> Theorem:
    """At one token the distances add."""
    chain = z3.And(between(own, at_z, at_y), between(own, at_y, at_x))
    return by_z3(z3.Implies(chain, gap(at_x, at_z) == gap(at_x, at_y) + gap(at_y, at_z)))


def of_rule(theorem: Theorem) -> Theorem:
    """A theorem on two vectors, said of a rule at the bids `x` and `y`."""
    meaning = {u: lambda t: q(x, t), v: lambda t: q(y, t), W: lambda k: D(x, y, k)}
    return instance_of(theorem, meaning)


@library_theorem(origin=OWN)
def total_variation_adds() -> Conclusions:
    """Along a rule that is monotone in the robust order total variation adds: for 0 ≤ x ≤ y ≤ z,
    TV(q(x), q(z)) = TV(q(x), q(y)) + TV(q(y), q(z)), for any number of tokens."""
    values = {own: p(t), at_x: q(x, t), at_y: q(y, t), at_z: q(z, t)}
    ordered = z3.And(RULE, 0 <= x, x <= y, y <= z)
    adds = gap(q(x, t), q(z, t)) == gap(q(x, t), q(y, t)) + gap(q(y, t), q(z, t))
    at_token = by_z3(
        z3.Implies(z3.And(ordered, 0 <= t, t < n), adds), instance_of(token_lemma(), values)
    )
    linear = instance_of(
        sum_linear()["Σ (a f + c g) = a Σ f + c Σ g"],
        {
            sums.a: z3.RealVal(1),
            sums.c: z3.RealVal(1),
            sums.f: lambda t: gap(q(x, t), q(y, t)),
            sums.F: lambda k: D(x, y, k),
            sums.g: lambda t: gap(q(y, t), q(z, t)),
            sums.G: lambda k: D(y, z, k),
            sums.h: lambda t: gap(q(x, t), q(z, t)),
            sums.H: lambda k: D(x, z, k),
        },
    )
    every_token = generalised(at_token, t)
    same = each(n, lambda t: q(x, t) == q(y, t))
    return {
        "TV(q(x), q(z)) = TV(q(x), q(y)) + TV(q(y), q(z))": by_z3(
            z3.Implies(ordered, tv(x, z) == tv(x, y) + tv(y, z)), every_token, linear
        ),
        "TV ≥ 0, and TV = 0 exactly if q(x) = q(y)": by_z3(
            z3.Implies(z3.And(n >= 0, VARIATIONS), z3.And(tv(x, y) >= 0, (tv(x, y) == 0) == same)),
            of_rule(total_variation()["TV ≥ 0, and TV = 0 exactly if u = v"]),
        ),
    }
