"""The linear rule returns a distribution, for every number of agents and tokens.

`q*(t) = Σ_j b_j p_j(t) / B` with `B = Σ_j b_j > 0`. It is not negative because no part is, and it
sums to one: `Σ_t Σ_j b_j p_j(t) = Σ_j b_j Σ_t p_j(t) = Σ_j b_j = B`. Where it is zero, every part
is.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics import finite_sums, sum_exchange
from tokenauction.proofs.library.basics.named_products import Fact, with_products
from tokenauction.proofs.library.basics.notation import (
    each,
    each_token,
    matrix,
    partial_sums,
    vector,
)
from tokenauction.proofs.library.basics.propositional import by_propositional
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem

# Bids b, distributions p_j, the linear rule q*; capital letters are the sums of small ones.
b, B, best, Best = (vector(name) for name in ("b", "B", "best", "Best"))
p, P, shares = (matrix(name) for name in ("p", "P", "shares"))
agents, tokens, j, t = z3.Ints("agents tokens j t")


def row_sums(sums: Any, of: Callable[[Any, Any], Any]) -> Any:
    """For every agent, `sums` are the partial sums over the tokens."""

    def step(j: Any) -> Any:
        return z3.ForAll([t], z3.Implies(t >= 0, sums(j, t + 1) == sums(j, t) + of(j, t)))

    return each(agents, lambda j: z3.And(sums(j, 0) == 0, step(j)))


def column_sums(sums: Any, of: Callable[[Any, Any], Any]) -> Any:
    """For every token, `sums` are the partial sums over the agents."""

    def step(t: Any) -> Any:
        return z3.ForAll([j], z3.Implies(j >= 0, sums(j + 1, t) == sums(j, t) + of(j, t)))

    return each_token(tokens, lambda t: z3.And(sums(0, t) == 0, step(t)))


# Names for the products and quotients, and what they stand for.
part, mass, mean, all_mass = matrix("part"), matrix("mass"), vector("mean"), vector("all_mass")
PRODUCTS: dict[Any, Callable[..., Any]] = {
    part: lambda j, t: b(j) * p(j, t),
    mean: lambda t: shares(agents, t) / B(agents),
    mass: lambda j, t: b(j) * P(j, t),
    all_mass: lambda t: B(agents) * Best(t),
}

SIZES = z3.And(agents >= 0, tokens >= 0)
BIDS = z3.And(partial_sums(B, b), each(agents, lambda j: b(j) >= 0), B(agents) > 0)
PREFERRED = z3.And(
    row_sums(P, p),
    each(agents, lambda j: P(j, tokens) == 1),
    each(agents, lambda j: each_token(tokens, lambda t: p(j, t) >= 0)),
)
LINEAR = z3.And(
    column_sums(shares, part),
    each_token(tokens, lambda t: best(t) == mean(t)),
    partial_sums(Best, best),
)
RULE = z3.And(SIZES, BIDS, PREFERRED, LINEAR)
AGENT, IN_RANGE = z3.And(0 <= j, j < agents), z3.And(0 <= t, t < tokens)


NO_SHARE = z3.Implies(best(t) == 0, each(agents, lambda j: part(j, t) == 0))
PART = Fact(z3.Implies(z3.And(b(j) >= 0, p(j, t) >= 0), part(j, t) >= 0), (j, t))
MEAN = Fact(
    z3.Implies(
        z3.And(B(agents) > 0, shares(agents, t) >= 0),
        z3.And(mean(t) >= 0, z3.Implies(mean(t) == 0, shares(agents, t) == 0)),
    ),
    (t,),
)
MASS = (
    Fact(z3.Implies(P(j, 0) == 0, mass(j, 0) == 0), (j,)),
    Fact(
        z3.Implies(P(j, t + 1) == P(j, t) + p(j, t), mass(j, t + 1) == mass(j, t) + part(j, t)),
        (j, t),
    ),
    Fact(z3.Implies(P(j, tokens) == 1, mass(j, tokens) == b(j)), (j,)),
    Fact(z3.Implies(Best(0) == 0, all_mass(0) == 0), ()),
    Fact(
        z3.Implies(
            z3.And(B(agents) > 0, best(t) == mean(t), Best(t + 1) == Best(t) + best(t)),
            all_mass(t + 1) == all_mass(t) + shares(agents, t),
        ),
        (t,),
    ),
    Fact(z3.Implies(z3.And(B(agents) > 0, all_mass(tokens) == B(agents)), Best(tokens) == 1), ()),
)


def positive_lemma() -> Theorem:
    """`q* ≥ 0`, and wIN_RANGE `q*(t) = 0` no agent contributes to token t."""
    order, equality = (
        instance_of(
            one,
            {
                finite_sums.f: lambda _: z3.RealVal(0),
                finite_sums.F: lambda _: z3.RealVal(0),
                finite_sums.g: lambda j: part(j, t),
                finite_sums.G: lambda k: shares(k, t),
                finite_sums.n: agents,
            },
        )
        for one in finite_sums.sum_order().values()
    )
    not_negative = each(agents, lambda j: z3.And(b(j) >= 0, p(j, t) >= 0))
    parts = each(agents, lambda j: part(j, t) >= 0)
    sum_of_parts = partial_sums(lambda k: shares(k, t), lambda j: part(j, t))
    of_sum = z3.And(
        shares(agents, t) >= 0,
        z3.Implies(shares(agents, t) == 0, each(agents, lambda j: part(j, t) == 0)),
    )
    conclusion = z3.And(best(t) >= 0, NO_SHARE)
    facts = z3.And(PART.for_all, MEAN.for_all)
    return by_z3(
        z3.Implies(facts, z3.Implies(z3.And(RULE, IN_RANGE), conclusion)),
        by_z3(z3.Implies(z3.And(BIDS, PREFERRED, IN_RANGE), not_negative)),
        by_z3(z3.Implies(z3.And(PART.for_all, not_negative), parts)),
        by_z3(z3.Implies(z3.And(LINEAR, IN_RANGE), sum_of_parts)),
        by_z3(
            z3.Implies(z3.And(LINEAR, BIDS, IN_RANGE), z3.And(best(t) == mean(t), B(agents) > 0))
        ),
        by_z3(z3.Implies(z3.And(agents >= 0, sum_of_parts, parts), of_sum), order, equality),
    )


def for_all(*facts: Fact) -> Any:
    """The facts, of all agents and tokens."""
    return z3.And([fact.for_all for fact in facts])


def two_orders(meanings: dict[Any, Any]) -> tuple[Theorem, tuple[Any, Any, Any, Any]]:
    """The exchange of sums, and what it asks of rows, columns, and the sums of either."""
    sizes = {sum_exchange.rows: agents, sum_exchange.columns: tokens}
    theorem = instance_of(sum_exchange.sum_exchange()["Σ_j Σ_t = Σ_t Σ_j"], {**meanings, **sizes})
    table, of_columns = theorem.statement.children()[0].children()
    rows, columns, of_rows, *_ = table.children()
    return theorem, (rows, columns, of_rows, of_columns)


IS_DISTRIBUTION = z3.And(each_token(tokens, lambda t: best(t) >= 0), Best(tokens) == 1)


def linear_sums_to_one() -> Theorem:
    """`q* ≥ 0` and `Σ_t q*(t) = Σ_j b_j Σ_t p_j(t) / B = 1`, with the products named."""
    used = for_all(PART, MEAN, *MASS)
    meanings = {
        sum_exchange.a: part,
        sum_exchange.along_rows: mass,
        sum_exchange.along_columns: shares,
        sum_exchange.by_rows: B,
        sum_exchange.by_columns: all_mass,
    }
    theorem, (rows, columns, of_rows, of_columns) = two_orders(meanings)
    sides = z3.And(used, BIDS, LINEAR)
    positive = by_z3(z3.Implies(z3.And(used, RULE, IN_RANGE), best(t) >= 0), positive_lemma())
    return by_z3(
        z3.Implies(used, z3.Implies(RULE, IS_DISTRIBUTION)),
        theorem,
        generalised(positive, t),
        by_z3(z3.Implies(z3.And(used, PREFERRED), rows)),
        by_z3(z3.Implies(LINEAR, columns)),
        by_z3(z3.Implies(z3.And(used, BIDS, PREFERRED), of_rows)),
        by_z3(z3.Implies(sides, of_columns)),
        by_z3(z3.Implies(z3.And(sides, all_mass(tokens) == B(agents)), Best(tokens) == 1)),
    )


EVERY_TOKEN_WANTED = each(agents, lambda j: each_token(tokens, lambda t: p(j, t) > 0))
EVERY_TOKEN_RETURNED = each_token(tokens, lambda t: best(t) > 0)


def linear_is_positive() -> Theorem:
    """If no token were to have a share, nobody would have bid."""
    shared = z3.Implies(part(j, t) == 0, b(j) == 0)
    facts = (
        Fact(z3.Implies(z3.And(b(j) >= 0, p(j, t) > 0), z3.And(part(j, t) >= 0, shared)), (j, t)),
        Fact(z3.Implies(z3.And(B(agents) > 0, shares(agents, t) > 0), mean(t) > 0), (t,)),
    )
    used = for_all(*facts)
    terms = z3.And(
        partial_sums(B, b),
        partial_sums(lambda k: shares(k, t), lambda j: part(j, t)),
        each(agents, lambda j: z3.And(b(j) >= 0, part(j, t) >= 0)),
        each(agents, lambda j: z3.Implies(part(j, t) == 0, b(j) == 0)),
    )

    def said(k: Any) -> Any:
        none = z3.Implies(shares(k, t) == 0, B(k) == 0)
        return z3.Implies(k <= agents, z3.And(shares(k, t) >= 0, B(k) >= 0, none))

    sums = instance_of(finite_sums.by_induction(terms, said), {finite_sums.n: agents})
    given = z3.And(used, BIDS, EVERY_TOKEN_WANTED, IN_RANGE)
    of_bids, of_shares, at_least_zero, of_bidders = terms.children()
    of_parts = z3.And(facts[0].for_all, BIDS, EVERY_TOKEN_WANTED, IN_RANGE)
    signs = by_propositional(
        z3.Implies(z3.And(given, LINEAR), terms),
        by_z3(z3.Implies(BIDS, of_bids)),
        by_z3(z3.Implies(z3.And(LINEAR, IN_RANGE), of_shares)),
        by_z3(z3.Implies(of_parts, at_least_zero)),
        by_z3(z3.Implies(of_parts, of_bidders)),
    )
    share = z3.Implies(z3.And(given, LINEAR, SIZES), shares(agents, t) > 0)
    value = by_z3(z3.Implies(z3.And(LINEAR, IN_RANGE), best(t) == mean(t)))
    premise = z3.And(SIZES, BIDS, LINEAR, EVERY_TOKEN_WANTED)
    at_token = by_z3(
        z3.Implies(z3.And(used, premise, IN_RANGE), best(t) > 0), by_z3(share, sums, signs), value
    )
    statement = z3.Implies(premise, EVERY_TOKEN_RETURNED)
    named = by_z3(z3.Implies(used, statement), generalised(at_token, t))
    return with_products(PRODUCTS, facts, statement, named)


@library_theorem(origin=TEXTBOOK, reference="opinion pools: Genest and Zidek (1986)")
def linear_is_a_distribution() -> Conclusions:
    """For bids of positive sum B the linear rule q*(t) = Σ_j b_j p_j(t) / B returns a distribution,
    for every number of agents and of tokens: q* ≥ 0 and Σ_t q*(t) = 1; and a positive one where all
    the agents' are positive."""
    statement = z3.Implies(RULE, IS_DISTRIBUTION)
    return {
        "q* ≥ 0 and Σ q* = 1": with_products(
            PRODUCTS, (PART, MEAN, *MASS), statement, linear_sums_to_one()
        ),
        "q* > 0 where every p_j > 0": linear_is_positive(),
    }
