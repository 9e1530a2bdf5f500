"""Forward KL, reverse KL, total variation, χ² and Hellinger are separable losses.

Of the terms as proofs/library/orders/divergences.py gives them, that of forward KL falls up to `p`
and rises after it since its derivative is `1 - p/x`, that of reverse KL since its derivative is `ln
x - ln p`; the others do so plainly. So what is better in the robust order is better in each, for
any number of tokens. The parts `+ x - p` and `- x + p` that the losses have and the divergences
have not are the same in both sums, since `q` and `q'` have the sum one.

This is the lemma `robust-implies-separable` of the checker (proofs/core/proving/lemmas.py).
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    REAL,
    Theorem,
    axiom,
    by_identity,
    by_z3,
    generalised,
    instance_of,
    ln,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics.logarithm import ln_rises
from tokenauction.proofs.library.basics.notation import partial_sums, vector
from tokenauction.proofs.library.library import ARXIV, OWN, Conclusions, library_theorem
from tokenauction.proofs.library.orders.divergences import (
    CHI_SQUARED,
    FORWARD_KL,
    HELLINGER,
    REVERSE_KL,
    SQUARE_ROOT,
    TOTAL_VARIATION,
    Divergence,
    plus,
)
from tokenauction.proofs.library.orders.robust_is_the_intersection_of_separable_losses import (
    L1,
    ROBUST,
    VALUES_ALLOWED,
    A,
    B,
    C,
    L,
    allowed,
    d,
    falls_then_rises,
    n,
    own,
    p,
    q,
    q1,
    robust_implies_separable,
    t,
    term_is_separable,
    x,
    y,
)

P, Q, Q1, K, K1 = (vector(name) for name in ("P", "Q", "Q1", "K", "K1"))
DISTRIBUTIONS = z3.And(
    partial_sums(P, p), partial_sums(Q, q), partial_sums(Q1, q1), Q(n) == 1, Q1(n) == 1
)
BELOW, ABOVE = z3.And(0 < x, x <= y, y <= own), z3.And(0 < own, own <= x, x <= y)
r, r1 = z3.Reals("r r1")


def rises_on(where: Any, function: Callable[[Any], Any], *known: Theorem) -> Theorem:
    """A function does not fall from `x` to `y`, where its derivative shows it."""
    rule = axiom("derivative", function, x, y)
    slope = by_z3(z3.Implies(where, rule.statement.children()[0]), *known)
    return by_z3(z3.Implies(where, function(x) <= function(y)), rule, slope)


def forward_kl_falls_then_rises(divergence: Divergence = FORWARD_KL) -> Theorem:
    """`p ln p - p ln x - p + x` falls while `x ≤ p`, and rises after."""
    falls = rises_on(BELOW, lambda v: own * ln(v) - v)
    rises = rises_on(ABOVE, lambda v: v - own * ln(v))
    split = by_identity(own * ln(own / x) == own * ln(own) - own * ln(x), given=[own > 0, x > 0])
    return divergence.falls_then_rises(falls, rises, split, instance_of(split, {x: y}))


def reverse_kl_falls_then_rises(divergence: Divergence = REVERSE_KL) -> Theorem:
    """`x ln x - x ln p - x + p` falls from `p` at `x = 0` while `x ≤ p`, and rises after."""
    order = ln_rises()["ln x < ln y"]
    falls = rises_on(BELOW, lambda v: v * ln(own) + v - v * ln(v), order)
    rises = rises_on(ABOVE, lambda v: v * ln(v) - v - v * ln(own), order)
    scaled = by_z3(z3.Implies(z3.And(y > 0, r <= r1), y * r <= y * r1))
    below_zero = by_z3(
        z3.Implies(z3.And(0 < y, y <= own), y * ln(y) <= y * ln(own)),
        instance_of(scaled, {r: ln(y), r1: ln(own)}),
        order,
    )
    split = by_identity(x * ln(x / own) == x * ln(x) - x * ln(own), given=[own > 0, x > 0])
    return divergence.falls_then_rises(falls, rises, below_zero, split, instance_of(split, {x: y}))


e = z3.Function("e", INT, REAL, REAL)


def lemma_on_sums(sign: int) -> Theorem:
    """`Σ e(t, q(t)) ≤ Σ e(t, q'(t))`, if `e(t, x) + sign (x - p(t))` falls and then rises."""
    loss = {
        d: lambda t, x: plus(e(t, x), sign, x - p(t)),
        L: lambda k: plus(K(k), sign, Q(k) - P(k)),
        L1: lambda k: plus(K1(k), sign, Q1(k) - P(k)),
    }
    less_of_the_loss = instance_of(robust_implies_separable(), loss)
    in_class = z3.ForAll([t], term_is_separable(loss[d], t))
    premises = z3.And(
        VALUES_ALLOWED,
        partial_sums(K, lambda t: e(t, q(t))),
        partial_sums(K1, lambda t: e(t, q1(t))),
        DISTRIBUTIONS,
        ROBUST,
    )
    return by_z3(z3.Implies(in_class, z3.Implies(premises, K(n) <= K1(n))), less_of_the_loss)


def robust_better_is_better(divergence: Divergence) -> Theorem:
    """The same of a divergence: if its terms fall, then rise, robust-better has no more of it."""
    meanings = {
        e: lambda t, x: divergence.term(p(t), x),
        allowed: lambda t, x: divergence.finite(p(t), x),
    }
    return instance_of(lemma_on_sums(divergence.sign), meanings)


def hellinger_conclusions() -> dict[str, Theorem]:
    """The two conclusions of Hellinger, where `root` is the square root."""
    term = z3.Implies(SQUARE_ROOT, HELLINGER.claim(falls_then_rises, own))
    every_term = z3.Implies(SQUARE_ROOT, z3.ForAll([t], HELLINGER.claim(falls_then_rises, p(t))))
    sums = robust_better_is_better(HELLINGER)
    # From A → B and B → C, A → C.
    chain = z3.Implies(z3.And(z3.Implies(A, B), z3.Implies(B, C)), z3.Implies(A, C))
    parts = (*every_term.children(), sums.statement.children()[1])
    chained = specialised(generalised(by_z3(chain), A, B, C), *parts)
    return {
        "the terms of Hellinger fall, then rise": by_z3(term),
        "robust-better is better in Hellinger": modus_ponens(chained, by_z3(every_term), sums),
    }


@library_theorem(origin=OWN, reference=f"the robust order: {ARXIV}")
def five_losses_are_separable() -> Conclusions:
    """Forward KL, reverse KL, total variation, χ² and Hellinger are separable losses of
    distributions where they are defined (forward KL: q > 0 where p > 0; reverse KL: p > 0 where q >
    0; χ²: p > 0), so over any number of tokens what is better in the robust order is better in each
    of the five."""
    terms = {
        "forward KL": (FORWARD_KL, forward_kl_falls_then_rises()),
        "reverse KL": (REVERSE_KL, reverse_kl_falls_then_rises()),
        "total variation": (TOTAL_VARIATION, TOTAL_VARIATION.falls_then_rises()),
        "χ²": (CHI_SQUARED, CHI_SQUARED.falls_then_rises()),
    }
    conclusions = {}
    for name, (divergence, in_class) in terms.items():
        conclusions[f"the terms of {name} fall, then rise"] = in_class
        every_term = generalised(instance_of(in_class, {own: p(t)}), t)
        better = modus_ponens(robust_better_is_better(divergence), every_term)
        conclusions[f"robust-better is better in {name}"] = better
    return conclusions | hellinger_conclusions()
