"""The robust order is a partial order, over any set of tokens.

Given the preferred distribution `p`, the agent prefers `q` to `q'` robustly if at every token
`q(t)` lies between `p(t)` and `q'(t)`. Everything holds coordinate by coordinate: each property is
proved of three or four real numbers, and then stated at every token. Nothing is used of the
distributions, so `p`, `q`, `q'` and `q''` are any functions on the tokens.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import REAL, Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics.notation import TOKEN, between
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem

p, q, q1, q2 = (z3.Function(name, TOKEN, REAL) for name in ("p", "q", "q1", "q2"))
t = z3.Const("t", TOKEN)

# The same at one token: the probability under p, and those of the distributions to compare.
own, better, worse, worst = z3.Reals("own better worse worst")


def every_token(says: Callable[[Any], Any]) -> Any:
    """What `says` says of every token."""
    return z3.ForAll([t], says(t))


def robustly_prefers(one: Any, other: Any) -> Any:
    """`one ⪰ other`, given `p`."""
    return every_token(lambda t: between(p(t), one(t), other(t)))


def equal(one: Any, other: Any) -> Any:
    """The same distribution."""
    return every_token(lambda t: one(t) == other(t))


def at_every_token(lemma: Theorem) -> Theorem:
    """A lemma about one token, of every token."""
    return generalised(instance_of(lemma, {own: p(t), better: q(t), worse: q1(t), worst: q2(t)}), t)


def distance_form(own: Any, better: Any, worse: Any) -> Any:
    """`|q - p| ≤ |q' - p|` and `(q - p)(q' - p) ≥ 0`."""
    nearer = z3.Abs(better - own) <= z3.Abs(worse - own)
    return z3.And(nearer, (better - own) * (worse - own) >= 0)


def antisymmetry_lemma() -> Theorem:
    """Two numbers that lie between `p` and each other are equal."""
    both = z3.And(between(own, better, worse), between(own, worse, better))
    return by_z3(z3.Implies(both, better == worse))


def transitivity_lemma() -> Theorem:
    """What is between `p` and a number that is between `p` and a third is between `p` and that."""
    chain = z3.And(between(own, better, worse), between(own, worse, worst))
    return by_z3(z3.Implies(chain, between(own, better, worst)))


@library_theorem(origin=PAPER)
def robust_is_a_partial_order() -> Conclusions:
    """For every p and any set of tokens the robust order is reflexive, antisymmetric and
    transitive; q ⪰ q' says that |q(t) - p(t)| ≤ |q'(t) - p(t)| and
    (q(t) - p(t)) (q'(t) - p(t)) ≥ 0 at every token."""
    reflexive = by_z3(between(own, better, better))
    same_form = by_z3(between(own, better, worse) == distance_form(own, better, worse))
    both = z3.And(robustly_prefers(q, q1), robustly_prefers(q1, q))
    chain = z3.And(robustly_prefers(q, q1), robustly_prefers(q1, q2))
    distances = every_token(lambda t: distance_form(p(t), q(t), q1(t)))
    return {
        "reflexive": by_z3(robustly_prefers(q, q), at_every_token(reflexive)),
        "antisymmetric": by_z3(
            z3.Implies(both, equal(q, q1)), at_every_token(antisymmetry_lemma())
        ),
        "transitive": by_z3(
            z3.Implies(chain, robustly_prefers(q, q2)), at_every_token(transitivity_lemma())
        ),
        "as near and on the same side": by_z3(
            robustly_prefers(q, q1) == distances, at_every_token(same_form)
        ),
    }
