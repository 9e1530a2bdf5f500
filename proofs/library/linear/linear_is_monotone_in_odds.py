"""The linear rule is monotone in the odds order, for every number of agents and tokens.

Only agent `i` changes its bid, from `b_i` to `x ≥ b_i`; all distributions are positive, and s and t
are any two tokens. The odds are a Möbius function of the bid,

    q(s) / q(t) = (b_i p_i(s) + R_s) / (b_i p_i(t) + R_t)     with R_s, R_t ≥ 0 from the others,

which moves towards `p_i(s) / p_i(t)`.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, instance_of
from tokenauction.proofs.library.basics import finite_sums
from tokenauction.proofs.library.basics.named_products import Fact, with_products
from tokenauction.proofs.library.basics.notation import between, each, matrix, partial_sums, vector
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem

b, B, Bx = (vector(name) for name in ("b", "B", "Bx"))
p, sums, sums_x = (matrix(name) for name in ("p", "sums", "sums_x"))
x = z3.Real("x")
i, j, s, t, n = z3.Ints("i j s t n")

# Names for the products: the terms of the sums over agents, before and after the raise.
part, part_x = matrix("part"), matrix("part_x")
odds_p, odds, odds_x = z3.Reals("odds_p odds odds_x")


def raised(j: Any) -> Any:
    """The bids after the raise."""
    return z3.If(j == i, x, b(j))


def sums_at(token: Any) -> Any:
    """The sums over the agents of the terms at a token."""
    before = partial_sums(lambda k: sums(k, token), lambda j: part(j, token))
    after = partial_sums(lambda k: sums_x(k, token), lambda j: part_x(j, token))
    return z3.And(before, after)


AGENT = z3.And(0 <= i, i < n)
BIDS = z3.And(partial_sums(B, b), each(n, lambda j: b(j) >= 0), B(n) > 0)
RAISED = z3.And(partial_sums(Bx, raised), x >= b(i))
POSITIVE = each(n, lambda j: z3.And(p(j, s) > 0, p(j, t) > 0))
HYPOTHESES = z3.And(AGENT, BIDS, RAISED, POSITIVE, sums_at(s), sums_at(t))


def linear_products() -> dict[Any, Any]:
    """For the linear rule: `b_j p_j(t)`, and the odds of its distributions."""

    def rule(sums: Any, bids: Any) -> Any:
        return (sums(n, s) / bids(n)) / (sums(n, t) / bids(n))

    return {
        part: lambda j, t: b(j) * p(j, t),
        part_x: lambda j, t: raised(j) * p(j, t),
        odds_p: p(i, s) / p(i, t),
        odds: rule(sums, B),
        odds_x: rule(sums_x, Bx),
    }


def signs_at(token: Any) -> Any:
    """The terms at a token are not negative, zero only without a bid, and but agent i's stay."""
    return z3.And(
        each(n, lambda j: z3.And(b(j) >= 0, part(j, token) >= 0)),
        each(n, lambda j: z3.Implies(part(j, token) == 0, b(j) == 0)),
        stay(token),
    )


def stay(token: Any) -> Any:
    """The others' terms at a token are the same after the raise."""
    return each(n, lambda j: z3.Implies(j != i, part_x(j, token) == part(j, token)))


def others_lemma(token: Any) -> Theorem:
    """What the others contribute at a token is not negative, stays, and the sum is positive."""
    terms = z3.And(
        AGENT,
        sums_at(token),
        partial_sums(B, b),
        signs_at(token),
    )

    def but_own(own: Any, k: Any) -> Any:
        return z3.If(i < k, own, 0)

    def said(k: Any) -> Any:
        rest = sums(k, token) - but_own(part(i, token), k)
        stays = sums_x(k, token) == but_own(part_x(i, token), k) + rest
        none = z3.Implies(sums(k, token) == 0, B(k) == 0)
        return z3.Implies(k <= n, z3.And(rest >= 0, stays, sums(k, token) >= 0, none, B(k) >= 0))

    return finite_sums.by_induction(terms, said)


def bids_lemma() -> Theorem:
    """The sum of the raised bids is `x` and what the others bid, which is not negative."""
    others = instance_of(
        finite_sums.sum_of_the_others()["0 ≤ R ≤ S, and R stays"],
        {
            finite_sums.h: raised,
            finite_sums.H: Bx,
            finite_sums.f: b,
            finite_sums.F: B,
            finite_sums.g: b,
            finite_sums.G: B,
        },
    )
    conclusion = z3.And(b(i) >= 0, B(n) - b(i) >= 0, Bx(n) == x + B(n) - b(i))
    return by_z3(z3.Implies(z3.And(AGENT, BIDS, RAISED), conclusion), others)


BID_SUMS = z3.And(b(i) >= 0, x >= b(i), B(n) > 0, B(n) - b(i) >= 0, Bx(n) == x + B(n) - b(i))


DEFINED = z3.And(Bx(n) > 0, sums(n, t) > 0, sums_x(n, t) > 0)


def linear_at(token: Any) -> Any:
    """The form of the linear rule's sums at a token."""
    rest = sums(n, token) - part(i, token)
    return z3.And(
        p(i, token) > 0, sums(n, token) > 0, rest >= 0, sums_x(n, token) == part_x(i, token) + rest
    )


def linear_facts() -> tuple[Fact, ...]:
    """Signs of the terms, and the Möbius function of the bid."""
    u, v, low, high, R, S, top, bottom, top_x, bottom_x, total = z3.Reals(
        "u v low high R S top bottom top_x bottom_x total"
    )
    signs = z3.And(u > 0, v > 0, 0 <= low, low <= high, R >= 0, S >= 0, top > 0, bottom > 0)
    before = z3.And(top == low * u + R, bottom == low * v + S)
    after = z3.And(top_x == high * u + R, bottom_x == high * v + S)
    scalar = by_z3(
        z3.Implies(
            z3.And(signs, before, after),
            z3.And(bottom_x > 0, between(u / v, top_x / bottom_x, top / bottom)),
        )
    )
    cancelled = by_z3(
        z3.Implies(z3.And(bottom > 0, total > 0), (top / total) / (bottom / total) == top / bottom)
    )
    sums_here = {top: sums(n, s), bottom: sums(n, t)}
    sums_then = {top: sums_x(n, s), bottom: sums_x(n, t)}
    values = {
        u: p(i, s),
        v: p(i, t),
        low: b(i),
        high: x,
        top_x: sums_x(n, s),
        bottom_x: sums_x(n, t),
        R: sums(n, s) - b(i) * p(i, s),
        S: sums(n, t) - b(i) * p(i, t),
        **sums_here,
    }
    lemmas = (
        instance_of(scalar, values),
        instance_of(cancelled, {**sums_here, total: B(n)}),
        instance_of(cancelled, {**sums_then, total: Bx(n)}),
    )
    form = z3.And(BID_SUMS, linear_at(s), linear_at(t))
    no_bid = z3.Implies(part(j, t) == 0, b(j) == 0)
    sign = z3.Implies(z3.And(b(j) >= 0, p(j, t) > 0), z3.And(part(j, t) >= 0, no_bid))
    return (
        Fact(sign, (j, t)),
        Fact(z3.Implies(j != i, part_x(j, t) == part(j, t)), (j, t)),
        Fact(z3.Implies(form, z3.And(DEFINED, between(odds_p, odds_x, odds))), (), lemmas),
    )


@library_theorem(origin=OWN)
def linear_is_monotone_in_odds() -> Conclusions:
    """The linear rule is monotone in the odds order on positive distributions, for bids of positive
    sum and every number of agents and of tokens: raising b_i moves the odds of any two tokens
    towards those of p_i."""
    facts = linear_facts()
    used = z3.And([fact.for_all for fact in facts])
    steps = []
    for token in (s, t):
        terms = signs_at(token)
        given = z3.And(used, AGENT, BIDS, POSITIVE)
        signs = by_z3(z3.Implies(given, z3.And(terms, p(i, token) > 0)))
        form = by_z3(
            z3.Implies(z3.And(given, RAISED, sums_at(token)), linear_at(token)),
            signs,
            others_lemma(token),
        )
        steps.append(form)
    towards = z3.And(DEFINED, between(odds_p, odds_x, odds))
    statement = z3.Implies(HYPOTHESES, towards)
    named = by_z3(z3.Implies(used, statement), *steps, bids_lemma())
    return {
        "the odds of any two tokens move towards those of p_i": with_products(
            linear_products(), facts, statement, named
        )
    }
