"""The odds order is a partial order, and neither implies the robust order nor is implied by it.

An agent with the distribution p prefers q to q' in the odds order if for every two tokens s and t
the odds `q(s) / q(t)` lie between `p(s) / p(t)` and `q'(s) / q'(t)`; all distributions are
positive. The logarithm rises, so this says the same of the log-odds.

Reflexivity and transitivity hold pair by pair. If q and q' are each preferred to the other, they
have the same odds, `q(s) q'(t) = q'(s) q(t)`; summed over s this is `q'(t) = q(t)`, because both
sum to one.

With two tokens there is one pair, its odds rise with the probability of the first token, and the
order is the robust order. With three, neither implies the other:

    p = (1/3, 1/3, 1/3)   q = (1/3, 1/6, 1/2)   q' = (1/6, 1/6, 2/3)   robustly preferred only
    p = (1/6, 1/6, 2/3)   q = (1/5, 2/5, 2/5)   q' = (1/6, 2/3, 1/6)   preferred in odds only
"""

from collections.abc import Sequence
from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics import finite_sums
from tokenauction.proofs.library.basics.named_products import Fact, with_products
from tokenauction.proofs.library.basics.notation import (
    between,
    each,
    each_token,
    matrix,
    partial_sums,
    vector,
)
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem

p, q, r, r2, P, Q, R = (vector(name) for name in ("p", "q", "r", "r2", "P", "Q", "R"))
n, s, t = z3.Ints("n s t")
own, better, worse, worst = z3.Reals("own better worse worst")


def odds_prefers(p: Any, one: Any, other: Any) -> Any:
    """`one ⪰ other` in the odds order, given p."""
    return each(
        n,
        lambda s: each_token(
            n, lambda t: between(p(s) / p(t), one(s) / one(t), other(s) / other(t))
        ),
    )


def positive(*distributions: Any) -> Any:
    """Every token has a positive probability."""
    return each(n, lambda t: z3.And([d(t) > 0 for d in distributions]))


# Names for the odds of the three or four distributions.
odds_p, odds_q, odds_r, odds_r2 = (matrix(f"odds_{name}") for name in ("p", "q", "r", "r2"))
ODDS: dict[Any, Any] = {
    odds_p: lambda s, t: p(s) / p(t),
    odds_q: lambda s, t: q(s) / q(t),
    odds_r: lambda s, t: r(s) / r(t),
    odds_r2: lambda s, t: r2(s) / r2(t),
}


def preferred(one: Any, other: Any) -> Any:
    """The same as `odds_prefers`, of named odds."""
    return each(n, lambda s: each_token(n, lambda t: between(odds_p(s, t), one(s, t), other(s, t))))


def reflexive_and_transitive() -> tuple[Theorem, Theorem]:
    """Pair by pair: between p and itself; between p and what is between p and a third."""
    reflexive = by_z3(preferred(odds_q, odds_q))
    chain = z3.And(preferred(odds_q, odds_r), preferred(odds_r, odds_r2))
    transitive = by_z3(z3.Implies(chain, preferred(odds_q, odds_r2)))
    return instance_of(reflexive, ODDS), instance_of(transitive, ODDS)


def antisymmetric() -> Theorem:
    """The same odds, and sums of one."""
    difference, gap = matrix("difference"), matrix("gap")
    products = {
        **ODDS,
        difference: lambda s, t: q(s) * r(t) - r(s) * q(t),
        gap: lambda k, t: Q(k) * r(t) - R(k) * q(t),
    }
    both = z3.And(preferred(odds_q, odds_r), preferred(odds_r, odds_q))
    sums = z3.And(partial_sums(Q, q), partial_sums(R, r), Q(n) == 1, R(n) == 1)
    same_odds = z3.And(q(s) > 0, q(t) > 0, r(s) > 0, r(t) > 0, odds_q(s, t) == odds_r(s, t))
    next_sums = z3.And(Q(s + 1) == Q(s) + q(s), R(s + 1) == R(s) + r(s))
    facts = (
        Fact(z3.Implies(same_odds, difference(s, t) == 0), (s, t)),
        Fact(z3.Implies(z3.And(Q(0) == 0, R(0) == 0), gap(0, t) == 0), (t,)),
        Fact(z3.Implies(next_sums, gap(s + 1, t) == gap(s, t) + difference(s, t)), (s, t)),
        Fact(z3.Implies(z3.And(Q(n) == 1, R(n) == 1, gap(n, t) == 0), q(t) == r(t)), (t,)),
    )
    used = z3.And([fact.for_all for fact in facts])
    here = z3.And(0 <= t, t < n)
    zeros = each(n, lambda s: difference(s, t) == 0)
    sums_of = partial_sums(lambda k: gap(k, t), lambda s: difference(s, t))
    sum_of_zeros = finite_sums.by_induction(
        z3.And(sums_of, zeros), lambda k: z3.Implies(k <= n, gap(k, t) == 0)
    )
    premise = z3.And(n >= 0, positive(q, r), both, sums)
    at_token = by_z3(
        z3.Implies(z3.And(used, premise, here), q(t) == r(t)),
        sum_of_zeros,
        by_z3(z3.Implies(z3.And(used, premise, here), zeros)),
        by_z3(z3.Implies(z3.And(used, sums), sums_of)),
    )
    same = each(n, lambda t: q(t) == r(t))
    statement = z3.Implies(premise, same)
    return with_products(
        products, facts, statement, by_z3(z3.Implies(used, statement), generalised(at_token, t))
    )


@library_theorem(origin=OWN)
def odds_is_a_partial_order() -> Conclusions:
    """The odds order is reflexive, transitive and antisymmetric on the positive distributions, for
    every number of tokens."""
    reflexive, transitive = reflexive_and_transitive()
    return {
        "q ⪰ q": reflexive,
        "q ⪰ q' ⪰ q'' implies q ⪰ q''": transitive,
        "q ⪰ q' ⪰ q implies q = q'": antisymmetric(),
    }


def over(parts: int, *numerators: int) -> Sequence[Any]:
    """The distribution with these numerators over one denominator."""
    return [z3.Q(k, parts) for k in numerators]


def of_numbers(p: Sequence[Any], one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, Any]:
    """Whether one is preferred to the other robustly, and in odds."""
    tokens = range(len(p))
    odds = [
        between(p[s] / p[t], one[s] / one[t], other[s] / other[t]) for s in tokens for t in tokens
    ]
    return z3.And([between(p[t], one[t], other[t]) for t in tokens]), z3.And(odds)


@library_theorem(origin=OWN)
def robust_and_odds() -> Conclusions:
    """With two tokens the odds order of positive distributions is the robust order; with three,
    neither implies the other."""
    first = z3.Reals("own better worse")
    two = [[x, 1 - x] for x in first]
    robust, odds = of_numbers(*two)
    inside = z3.And([z3.And(0 < x, x < 1) for x in first])
    only_robust = of_numbers(over(3, 1, 1, 1), over(6, 2, 1, 3), over(6, 1, 1, 4))
    only_odds = of_numbers(over(6, 1, 1, 4), over(5, 1, 2, 2), over(6, 1, 4, 1))
    return {
        "two tokens: the same": by_z3(z3.Implies(inside, robust == odds)),
        "three tokens: robustly preferred, not in odds": by_z3(
            z3.And(only_robust[0], z3.Not(only_robust[1]))
        ),
        "three tokens: preferred in odds, not robustly": by_z3(
            z3.And(only_odds[1], z3.Not(only_odds[0]))
        ),
    }
