"""The linear rule minimises the bid-weighted forward KL divergence.

With `B = Σ_j b_j > 0` and `q*(t) = Σ_j b_j p_j(t) / B`, for every positive distribution q,

    Σ_j b_j KL(p_j ‖ q) - Σ_j b_j KL(p_j ‖ q*) = B KL(q* ‖ q).

At every agent and token `b_j p_j ln(p_j / q) - b_j p_j ln(p_j / q*) = b_j p_j ln(q* / q)`. Summed
over agents first, the right side is `B q* ln(q* / q)`. By Gibbs' inequality the welfare loss `Σ_j
b_j KL(p_j ‖ q)` is least at q*, and nowhere else.

The agents' distributions may have zeros, with `0 ln 0 = 0`. Where `q*(t) = 0`, every agent has `b_j
p_j(t) = 0`, so that what `ln(p_j(t) / q*(t))` is does not matter: an agent without a bid counts as
zero (`0 · ∞ = 0`).
"""

from collections.abc import Callable
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
from tokenauction.proofs.library.basics import sum_exchange
from tokenauction.proofs.library.basics.gibbs import entropy_term
from tokenauction.proofs.library.basics.named_products import Fact, gibbs_of, with_products
from tokenauction.proofs.library.basics.notation import each_token, matrix, partial_sums, vector
from tokenauction.proofs.library.basics.propositional import by_propositional
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.linear import linear_is_a_distribution
from tokenauction.proofs.library.linear.linear_is_a_distribution import (
    AGENT,
    BIDS,
    IN_RANGE,
    LINEAR,
    MASS,
    MEAN,
    NO_SHARE,
    PART,
    PREFERRED,
    RULE,
    B,
    Best,
    agents,
    b,
    best,
    for_all,
    j,
    linear_sums_to_one,
    mean,
    p,
    part,
    positive_lemma,
    row_sums,
    shares,
    t,
    tokens,
    two_orders,
)

# The distribution q that q* is compared with; KL(p_j ‖ q) and KL(p_j ‖ q*) for every agent, their
# weighted sums, and KL(q* ‖ q).
q, Q, loss, least, gap = (vector(name) for name in ("q", "Q", "loss", "least", "gap"))
of_q, of_best = matrix("of_q"), matrix("of_best")

# Names for the products and the terms with logarithms, and what they stand for.
term_q, term_best, cell, along_tokens, along_agents = (
    matrix(name) for name in ("term_q", "term_best", "cell", "along_tokens", "along_agents")
)
gap_term, weighted_q, weighted_best, gap_of_all = (
    vector(name) for name in ("gap_term", "weighted_q", "weighted_best", "gap_of_all")
)
PRODUCTS: dict[Any, Callable[..., Any]] = {
    **linear_is_a_distribution.PRODUCTS,
    term_q: lambda j, t: entropy_term(p(j, t), q(t)),
    term_best: lambda j, t: entropy_term(p(j, t), best(t)),
    gap_term: lambda t: entropy_term(best(t), q(t)),
    weighted_q: lambda j: b(j) * of_q(j, tokens),
    weighted_best: lambda j: b(j) * of_best(j, tokens),
    cell: lambda j, t: b(j) * p(j, t) * ln(best(t) / q(t)),
    along_tokens: lambda j, t: b(j) * (of_q(j, t) - of_best(j, t)),
    along_agents: lambda j, t: shares(j, t) * ln(best(t) / q(t)),
    gap_of_all: lambda t: B(agents) * gap(t),
}

POSITIVE = z3.And(partial_sums(Q, q), Q(tokens) == 1, each_token(tokens, lambda t: q(t) > 0))
LOSSES = z3.And(
    row_sums(of_q, term_q),
    row_sums(of_best, term_best),
    partial_sums(loss, weighted_q),
    partial_sums(least, weighted_best),
    partial_sums(gap, gap_term),
)
HYPOTHESES = z3.And(RULE, POSITIVE, LOSSES)

# What is used of the products: signs, and how the two orders of summation go on from term to term.
AGENTS_NEXT = Fact(
    z3.Implies(
        shares(j + 1, t) == shares(j, t) + part(j, t),
        along_agents(j + 1, t) == along_agents(j, t) + cell(j, t),
    ),
    (j, t),
)
GAP_NEXT = Fact(
    z3.Implies(
        z3.And(B(agents) > 0, best(t) == mean(t), gap(t + 1) == gap(t) + gap_term(t)),
        gap_of_all(t + 1) == gap_of_all(t) + along_agents(agents, t),
    ),
    (t,),
)
STARTS = (
    Fact(z3.Implies(z3.And(of_q(j, 0) == 0, of_best(j, 0) == 0), along_tokens(j, 0) == 0), (j,)),
    Fact(z3.Implies(shares(0, t) == 0, along_agents(0, t) == 0), (t,)),
    Fact(z3.Implies(gap(0) == 0, gap_of_all(0) == 0), ()),
)
WEIGHTED = Fact(weighted_q(j) - weighted_best(j) == along_tokens(j, tokens), (j,))
GAP_SIGN = Fact(
    z3.Implies(
        z3.And(B(agents) > 0, gap(t) >= 0),
        z3.And(gap_of_all(t) >= 0, z3.Implies(gap_of_all(t) == 0, gap(t) == 0)),
    ),
    (t,),
)
ENTRY = z3.And(
    z3.And(b(j) >= 0, p(j, t) >= 0, q(t) > 0, best(t) >= 0),
    z3.Implies(best(t) == 0, part(j, t) == 0),
)
NEXT_LOSSES = z3.And(
    of_q(j, t + 1) == of_q(j, t) + term_q(j, t),
    of_best(j, t + 1) == of_best(j, t) + term_best(j, t),
)


def tokens_next() -> Fact:
    """`b_j (p_j ln(p_j / q) - p_j ln(p_j / q*)) = b_j p_j ln(q* / q)`, at one agent and token."""
    bid, own, other, rule, of_other, of_rule, ratio = z3.Reals(
        "bid own other rule of_other of_rule ratio"
    )
    old, new, old_least, new_least = z3.Reals("old new old_least new_least")
    logarithms = by_identity(
        ln(own / other) == ln(own / rule) + ln(rule / other), given=[own > 0, other > 0, rule > 0]
    )
    scalar = by_z3(
        z3.Implies(
            z3.And(
                z3.And(own >= 0, rule >= 0, z3.Implies(rule == 0, bid * own == 0)),
                z3.Implies(z3.And(own > 0, rule > 0), of_other == of_rule + ratio),
                new == old + z3.If(own == 0, 0, own * of_other),
                new_least == old_least + z3.If(own == 0, 0, own * of_rule),
            ),
            bid * (new - new_least) == bid * (old - old_least) + bid * own * ratio,
        )
    )
    at_token: dict[Any, Any] = {own: p(j, t), other: q(t), rule: best(t)}
    values = {
        **at_token,
        bid: b(j),
        of_other: ln(p(j, t) / q(t)),
        of_rule: ln(p(j, t) / best(t)),
        ratio: ln(best(t) / q(t)),
        old: of_q(j, t),
        new: of_q(j, t + 1),
        old_least: of_best(j, t),
        new_least: of_best(j, t + 1),
    }
    premise = z3.And(ENTRY, NEXT_LOSSES)
    going_on = along_tokens(j, t + 1) == along_tokens(j, t) + cell(j, t)
    lemmas = instance_of(logarithms, at_token), instance_of(scalar, values)
    return Fact(z3.Implies(premise, going_on), (j, t), lemmas)


def sum_of_gaps() -> Theorem:
    """`Σ_j b_j KL(p_j ‖ q) - Σ_j b_j KL(p_j ‖ q*) = B Σ_t q* ln(q* / q)`, the products named."""
    next_row = tokens_next()
    used = for_all(PART, MEAN, next_row, AGENTS_NEXT, GAP_NEXT, WEIGHTED, *STARTS)
    meanings = {
        sum_exchange.a: cell,
        sum_exchange.along_rows: along_tokens,
        sum_exchange.along_columns: along_agents,
        sum_exchange.by_rows: lambda k: loss(k) - least(k),
        sum_exchange.by_columns: gap_of_all,
    }
    theorem, (rows, columns, of_rows, of_columns) = two_orders(meanings)
    no_part = z3.Implies(best(t) == 0, part(j, t) == 0)
    row = by_propositional(
        z3.Implies(used, z3.Implies(z3.And(HYPOTHESES, AGENT, IN_RANGE), next_row.formula.arg(1))),
        by_z3(z3.Implies(next_row.for_all, next_row.formula)),
        by_z3(z3.Implies(z3.And(BIDS, AGENT), b(j) >= 0)),
        by_z3(z3.Implies(z3.And(PREFERRED, AGENT, IN_RANGE), p(j, t) >= 0)),
        by_z3(z3.Implies(z3.And(POSITIVE, IN_RANGE), q(t) > 0)),
        *(
            by_z3(z3.Implies(z3.And(sums, AGENT, IN_RANGE), goes_on))
            for sums, goes_on in zip(LOSSES.children()[:2], NEXT_LOSSES.children(), strict=True)
        ),
        by_z3(z3.Implies(z3.And(NO_SHARE, AGENT), no_part)),
        positive_lemma(),
    )
    row_start = by_z3(z3.Implies(z3.And(used, LOSSES, AGENT), along_tokens(j, 0) == 0))
    gap_next = gap_of_all(t + 1) == gap_of_all(t) + along_agents(agents, t)
    sides = z3.And(used, BIDS, LINEAR, LOSSES)
    gap_step = by_z3(z3.Implies(z3.And(sides, IN_RANGE), gap_next))
    return by_propositional(
        z3.Implies(
            used, z3.Implies(HYPOTHESES, loss(agents) - least(agents) == gap_of_all(tokens))
        ),
        theorem,
        by_z3(
            z3.Implies(z3.And(used, HYPOTHESES), rows),
            generalised(row, j, t),
            generalised(row_start, j),
        ),
        by_z3(z3.Implies(z3.And(used, LINEAR), columns)),
        by_z3(z3.Implies(z3.And(used, LOSSES), of_rows)),
        by_z3(z3.Implies(sides, of_columns), generalised(gap_step, t)),
    )


@library_theorem(origin=PAPER, reference=f"{ARXIV}; of opinion pools: Abbas (2009)")
def kl_welfare_linear() -> Conclusions:
    """Σ_i b_i KL(p_i ‖ q) - Σ_i b_i KL(p_i ‖ q*) = B KL(q* ‖ q) for the linear rule q*, bids of
    positive sum B and every positive distribution q, for every number of agents and tokens. So
    no positive distribution has a smaller bid-weighted forward KL divergence than the linear
    rule, and one that has the same is the linear rule. Distributions with zeros are not
    compared."""
    summed = (PART, MEAN, tokens_next(), AGENTS_NEXT, GAP_NEXT, WEIGHTED, *STARTS)
    identity = loss(agents) - least(agents) == gap_of_all(tokens)
    same = each_token(tokens, lambda t: best(t) == q(t))
    least_here = z3.And(
        loss(agents) >= least(agents), z3.Implies(loss(agents) == least(agents), same)
    )
    facts = (*summed, *MASS, GAP_SIGN, *gibbs_of(best, Best, q, Q, gap_term, gap, tokens))
    statement = z3.Implies(HYPOTHESES, z3.And(identity, least_here))
    whole = with_products(PRODUCTS, facts, statement, sum_of_gaps(), linear_sums_to_one())
    hypotheses, (first, second) = whole.statement.arg(0), whole.statement.arg(1).children()
    return {
        "loss - least = B KL(q* ‖ q)": by_propositional(z3.Implies(hypotheses, first), whole),
        "q* minimises the loss, uniquely": by_propositional(z3.Implies(hypotheses, second), whole),
    }
