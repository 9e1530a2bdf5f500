"""Gibbs' inequality: the relative entropy of two distributions is never negative.

`KL(p ‖ q) = Σ_t p(t) ln(p(t) / q(t))` with `0 ln 0 = 0`, for `q > 0`. The proof is the usual one:
`ln(q/p) ≤ q/p - 1` at every token with `p(t) > 0`, times `p(t)`, summed.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    by_identity,
    by_z3,
    generalised,
    instance_of,
    ln,
)
from tokenauction.proofs.library.basics.finite_sums import F, G, f, g, sum_order
from tokenauction.proofs.library.basics.logarithm import ln_below_its_tangent, x
from tokenauction.proofs.library.basics.notation import each, partial_sums, vector
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem

p, q, P, Q, K = (vector(name) for name in ("p", "q", "P", "Q", "K"))
n, t = z3.Ints("n t")
a, c, r, L = z3.Reals("a c r L")


def entropy_term(own: Any, other: Any) -> Any:
    """`a ln(a / c)`, with `0 ln 0 = 0`."""
    return z3.If(own == 0, 0, own * ln(own / other))


DISTRIBUTIONS = z3.And(
    partial_sums(P, p),
    partial_sums(Q, q),
    each(n, lambda t: z3.And(p(t) >= 0, q(t) > 0)),
    P(n) == 1,
    Q(n) == 1,
)
ENTROPY = partial_sums(K, lambda t: entropy_term(p(t), q(t)))


def token_lemma() -> Theorem:
    """`a ln(a / c) ≥ a - c` for `a ≥ 0` and `c > 0`, with equality only if `a = c`."""
    tangent = ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"]
    inverse = by_identity(ln(a / c) == -ln(c / a), given=[a > 0, c > 0])
    ratio = by_z3(z3.Implies(z3.And(a > 0, c > 0), z3.And(c / a > 0, a * (c / a) == c)))
    # The same with r for c / a and L for ln(c / a): multiply L ≤ r - 1 by a.
    multiplied = by_z3(
        z3.Implies(
            z3.And(a > 0, a * r == c, L <= r - 1, z3.Implies(L == r - 1, r == 1)),
            z3.And(a * -L >= a - c, z3.Implies(a * -L == a - c, a == c)),
        )
    )
    term = entropy_term(a, c)
    return by_z3(
        z3.Implies(z3.And(a >= 0, c > 0), z3.And(term >= a - c, z3.Implies(term == a - c, a == c))),
        instance_of(tangent, {x: c / a}),
        inverse,
        ratio,
        instance_of(multiplied, {r: c / a, L: ln(c / a)}),
    )


@library_theorem(origin=TEXTBOOK, reference="Gibbs' inequality")
def gibbs() -> Conclusions:
    """KL(p ‖ q) ≥ 0 for all distributions p and positive q over any number of tokens, and
    KL(p ‖ q) = 0 only if p = q."""
    every_token = generalised(instance_of(token_lemma(), {a: p(t), c: q(t)}), t)
    terms = {f: lambda t: p(t) - q(t), F: lambda k: P(k) - Q(k), G: K}
    terms[g] = lambda t: entropy_term(p(t), q(t))
    order, equality = (instance_of(one, terms) for one in sum_order().values())
    premises = z3.And(n >= 0, DISTRIBUTIONS, ENTROPY)
    same = each(n, lambda t: p(t) == q(t))
    return {
        "KL(p ‖ q) ≥ 0": by_z3(z3.Implies(premises, K(n) >= 0), every_token, order),
        "KL(p ‖ q) = 0 only if p = q": by_z3(
            z3.Implies(z3.And(premises, K(n) == 0), same), every_token, equality
        ),
    }
