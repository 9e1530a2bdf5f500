"""The robust order is the intersection of the orders of all separable losses.

A *separable loss* is `Σ_t d(t, q(t))` where every `d(t, ·)` falls up to `p(t)` and rises after it.
A loss need not be defined at every number (forward KL is not at 0), so fix a set of values that are
*allowed* at each token, any set, and ask for falling and rising on those only.

*Robust-better is better in every separable loss.* If `q(t)` lies between `p(t)` and `q'(t)`, then
`d(t, q(t)) ≤ d(t, q'(t))`; sum over the tokens.

*Better in every separable loss is robust-better.* If `q(s)` does not lie between `p(s)` and
`q'(s)`, let `d(s, x)` be 0 for `x` between `p(s)` and `q'(s)` and 1 elsewhere, and `d(t, x) = 0`
for the other tokens. This is a separable loss on all reals; `q` loses 1 and `q'` loses 0.

The statement quantifies over losses. `is_loss(d, L, L1)` says that `d` is separable and that `L`
and `L1` are the partial sums of what `q` and `q'` lose; this is its definition, a hypothesis.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    BOOL,
    INT,
    REAL,
    Theorem,
    by_z3,
    generalised,
    instance_of,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics.finite_sums import F, G, f, g, sum_order
from tokenauction.proofs.library.basics.notation import between, each, partial_sums, vector
from tokenauction.proofs.library.library import ARXIV, OWN, Conclusions, library_theorem

p, q, q1, L, L1 = (vector(name) for name in ("p", "q", "q1", "L", "L1"))
d = z3.Function("d", INT, REAL, REAL)
allowed = z3.Function("allowed", INT, REAL, BOOL)
k, n, s, t = z3.Ints("k n s t")
x, y, own, worse = z3.Reals("x y own worse")
A, B, C, D = z3.Bools("A B C D")

ROBUST = each(n, lambda t: between(p(t), q(t), q1(t)))
VALUES_ALLOWED = z3.And(n >= 0, each(n, lambda t: z3.And(allowed(t, q(t)), allowed(t, q1(t)))))


def falls_or_rises(d: Any, allowed: Any, own: Any) -> Any:
    """`d` does not rise from `x` to `y` up to `own`, and does not fall after it."""
    both = z3.And(allowed(x), allowed(y), x <= y)
    falls = z3.Implies(z3.And(both, y <= own), d(x) >= d(y))
    rises = z3.Implies(z3.And(both, own <= x), d(x) <= d(y))
    return z3.And(falls, rises)


def falls_then_rises(d: Any, allowed: Any, own: Any) -> Any:
    """`d` falls up to `own` and rises after it, on the allowed values."""
    return z3.ForAll([x, y], falls_or_rises(d, allowed, own))


def term_is_separable(d: Any, t: Any) -> Any:
    """`d(t, ·)` falls up to `p(t)` and rises after it."""
    return falls_then_rises(lambda x: d(t, x), lambda x: allowed(t, x), p(t))


def separable_with_sums(d: Any, L: Any, L1: Any) -> Any:
    """`d` is a separable loss; `L` and `L1` are the partial sums of those of `q` and `q'`."""
    return z3.And(
        each(n, lambda t: term_is_separable(d, t)),
        partial_sums(L, lambda t: d(t, q(t))),
        partial_sums(L1, lambda t: d(t, q1(t))),
    )


# The same of objects that a quantifier can speak of.
LOSS, SUMS = z3.ArraySort(INT, REAL, REAL), z3.ArraySort(INT, REAL)
d_, L_, L1_ = z3.Const("d_", LOSS), z3.Const("L_", SUMS), z3.Const("L1_", SUMS)
AS_FUNCTIONS = {d: lambda t, x: d_[t, x], L: lambda k: L_[k], L1: lambda k: L1_[k]}
UNFOLDED = separable_with_sums(*AS_FUNCTIONS.values())

is_loss = z3.Function("is_loss", LOSS, SUMS, SUMS, BOOL)
NAMED = is_loss(d_, L_, L1_)
DEFINITION = z3.ForAll([d_, L_, L1_], NAMED == UNFOLDED)
BETTER = L_[n] <= L1_[n]
BETTER_IN_EVERY_LOSS = z3.ForAll([d_, L_, L1_], z3.Implies(NAMED, BETTER))


def robust_implies_separable() -> Theorem:
    """Robust-better is better in a separable loss."""
    separable = each(n, lambda t: term_is_separable(d, t))
    no_more = each(n, lambda t: d(t, q(t)) <= d(t, q1(t)))
    pointwise = by_z3(z3.Implies(z3.And(VALUES_ALLOWED, ROBUST, separable), no_more))
    terms = {f: lambda t: d(t, q(t)), g: lambda t: d(t, q1(t)), F: L, G: L1}
    order = instance_of(sum_order()["Σ f ≤ Σ g"], terms)
    premises = z3.And(VALUES_ALLOWED, ROBUST, separable_with_sums(d, L, L1))
    return by_z3(z3.Implies(premises, L(n) <= L1(n)), pointwise, order)


def robust_implies_every_loss() -> Theorem:
    """The same, of all separable losses at once."""
    given = z3.And(VALUES_ALLOWED, ROBUST, DEFINITION)
    unfold = by_z3(z3.Implies(z3.And(DEFINITION, NAMED), UNFOLDED))
    better = instance_of(robust_implies_separable(), AS_FUNCTIONS)
    one = by_z3(z3.Implies(given, z3.Implies(NAMED, BETTER)), unfold, better)
    # "∀d (A → B(d)) gives A → ∀d B(d)", of any A without d.
    inside = z3.ForAll([d_, L_, L1_], z3.Implies(A, z3.Implies(NAMED, BETTER)))
    moved = by_z3(z3.Implies(inside, z3.Implies(A, BETTER_IN_EVERY_LOSS)))
    return modus_ponens(specialised(generalised(moved, A), given), generalised(one, d_, L_, L1_))


NOT_BETWEEN = z3.And(0 <= s, s < n, z3.Not(between(p(s), q(s), q1(s))))
ZERO, ONE = z3.RealVal(0), z3.RealVal(1)


def outside(own: Any, x: Any, worse: Any) -> Any:
    """0 between `own` and `worse`, 1 elsewhere."""
    return z3.If(between(own, x, worse), ZERO, ONE)


def loss_at_s(t: Any, x: Any) -> Any:
    """The loss that sees at token `s` whether a value is between `p(s)` and `q'(s)`."""
    return z3.If(t == s, outside(p(s), x, q1(s)), ZERO)


LOSS_AT_S = (
    z3.Lambda([t, x], loss_at_s(t, x)),
    z3.Lambda([k], z3.If(k > s, outside(p(s), q(s), q1(s)), ZERO)),
    z3.Lambda([k], ZERO),
)


def of_the_loss_at_s(theorem: Theorem) -> Theorem:
    """What is true of every loss, of this one."""
    return specialised(generalised(theorem, d_, L_, L1_), *LOSS_AT_S)


def some_loss_sees_it() -> Theorem:
    """If `q(s)` is not between `p(s)` and `q'(s)`, then `q` has more of some separable loss."""
    step = outside(own, x, worse), outside(own, y, worse)
    falls = by_z3(z3.Implies(z3.And(x <= y, y <= own), step[0] >= step[1]))
    rises = by_z3(z3.Implies(z3.And(x <= y, own <= x), step[0] <= step[1]))
    at_s = [
        generalised(instance_of(lemma, {own: p(s), worse: q1(s)}), x, y) for lemma in (falls, rises)
    ]
    term = generalised(by_z3(term_is_separable(loss_at_s, t), *at_s), t)
    d, L, L1 = (lambda *at, one=one: one[at] for one in LOSS_AT_S)
    separable = by_z3(z3.Implies(NOT_BETWEEN, separable_with_sums(d, L, L1)), term)
    fold = by_z3(z3.Implies(z3.And(DEFINITION, UNFOLDED), NAMED))
    use = by_z3(z3.Implies(z3.And(BETTER_IN_EVERY_LOSS, NAMED), BETTER))
    more = z3.Implies(z3.And(NOT_BETWEEN, DEFINITION), z3.Not(BETTER_IN_EVERY_LOSS))
    return by_z3(more, separable, of_the_loss_at_s(fold), of_the_loss_at_s(use))


def equivalence(only_if: Theorem, if_: Theorem) -> Theorem:
    """`A ∧ D → (B ⇔ C)` from `A ∧ B ∧ D → C` and `D ∧ C → B`, the parts taken as they are."""
    both = z3.And(z3.Implies(z3.And(A, B, D), C), z3.Implies(z3.And(D, C), B))
    shape = generalised(by_z3(z3.Implies(both, z3.Implies(z3.And(A, D), B == C))), A, B, C, D)
    parts = (VALUES_ALLOWED, ROBUST, BETTER_IN_EVERY_LOSS, DEFINITION)
    return modus_ponens(specialised(shape, *parts), only_if, if_)


@library_theorem(origin=OWN, reference=f"the robust order: {ARXIV}")
def robust_is_the_intersection_of_separable_losses() -> Conclusions:
    """Over any number of tokens, q ⪰ q' in the robust order if and only if q has at most the loss
    of q' for every separable loss Σ_t d_t(q(t)), each d_t non-increasing up to p(t) and
    non-decreasing after, on whatever sets of values hold q(t) and q'(t)."""
    seen = generalised(some_loss_sees_it(), s)
    if_ = by_z3(z3.Implies(z3.And(DEFINITION, BETTER_IN_EVERY_LOSS), ROBUST), seen)
    return {
        "robust-better is better in every separable loss": robust_implies_separable(),
        "robust-better ⇔ better in every separable loss": equivalence(
            robust_implies_every_loss(), if_
        ),
    }
