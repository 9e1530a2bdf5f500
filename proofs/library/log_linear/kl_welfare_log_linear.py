"""The log-linear rule minimises the bid-weighted reverse KL divergence.

With `B = Σ_j b_j > 0` and `B ln q*(t) = Σ_j b_j ln p_j(t) - B ln Z`, for every distribution q,

    Σ_j b_j KL(q ‖ p_j) = B KL(q ‖ q*) - B ln Z.

At every token `Σ_j b_j q (ln q - ln p_j) = q (B ln q - Σ_j b_j ln p_j) = q (B ln q - B ln q* - B ln
Z)`. The left side is the sum of this over the tokens, taken over agents last. At `q = q*` the
divergence on the right is zero, and by Gibbs' inequality nowhere else. The agents' distributions
are positive; q may have zeros, with `0 ln 0 = 0`.
"""

from collections.abc import Sequence
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
from tokenauction.proofs.library.linear.linear_is_a_distribution import (
    AGENT,
    BIDS,
    IN_RANGE,
    B,
    Best,
    agents,
    b,
    best,
    for_all,
    j,
    p,
    row_sums,
    t,
    tokens,
    two_orders,
)
from tokenauction.proofs.library.log_linear import log_linear_rule
from tokenauction.proofs.library.log_linear.log_linear_rule import (
    CHARACTERISED,
    LOG_LINEAR,
    POSITIVE_DISTRIBUTION,
    RULE,
    log_norm,
    log_part,
    logs,
    rule_log,
)

# A distribution q that q* is compared with, and KL(q ‖ q*).
q, Q, gap, gap_term = (vector(name) for name in ("q", "Q", "gap", "gap_term"))
log_norm_value = log_linear_rule.PRODUCTS[log_norm]
HERE = z3.And(AGENT, IN_RANGE)


class Welfare:
    """The bid-weighted divergence of a distribution from the agents' distributions.

    `sums` are the sums over the tokens that its two orders of summation have to be equal to.
    """

    def __init__(self, name: str, q: Any, sums: Any) -> None:
        names = ("divergence", "term", "cell", "along_tokens", "along_agents")
        self.q = q
        self.divergence, term, cell, rows, columns = (matrix(f"{one}_{name}") for one in names)
        self.loss, weighted, by_columns = (
            vector(f"{one}_{name}") for one in ("loss", "weighted", "by_columns")
        )
        self.rows, self.columns, self.cell, self.by_columns = rows, columns, cell, by_columns
        self.defined = z3.And(row_sums(self.divergence, term), partial_sums(self.loss, weighted))
        self.products: dict[Any, Any] = {
            term: lambda j, t: entropy_term(q(t), p(j, t)),
            cell: lambda j, t: b(j) * entropy_term(q(t), p(j, t)),
            weighted: lambda j: b(j) * self.divergence(j, tokens),
            rows: lambda j, t: b(j) * self.divergence(j, t),
            columns: lambda k, t: B(k) * (q(t) * ln(q(t))) - q(t) * logs(k, t),
            by_columns: sums,
        }
        next_row = self.divergence(j, t + 1) == self.divergence(j, t) + term(j, t)
        self.facts = (
            Fact(z3.Implies(self.divergence(j, 0) == 0, rows(j, 0) == 0), (j,)),
            Fact(z3.Implies(next_row, rows(j, t + 1) == rows(j, t) + cell(j, t)), (j, t)),
            Fact(weighted(j) == rows(j, tokens), (j,)),
            Fact(z3.Implies(z3.And(B(0) == 0, logs(0, t) == 0), columns(0, t) == 0), (t,)),
            next_agent(q, cell, columns),
        )

    def in_two_orders(self, facts: Any, premise: Any) -> Theorem:
        """`premise → loss = Σ_t`, the products named, for a premise that says what the sums are."""
        meanings = {
            sum_exchange.a: self.cell,
            sum_exchange.along_rows: self.rows,
            sum_exchange.along_columns: self.columns,
            sum_exchange.by_rows: self.loss,
            sum_exchange.by_columns: self.by_columns,
        }
        theorem, (rows, columns, of_rows, of_columns) = two_orders(meanings)
        used = z3.And(for_all(*self.facts), facts)
        signs = z3.And(self.q(t) >= 0, p(j, t) > 0)
        logs_next = logs(j + 1, t) == logs(j, t) + log_part(j, t)
        column = self.columns(j + 1, t) == self.columns(j, t) + self.cell(j, t)
        next_column = by_z3(
            z3.Implies(z3.And(used, premise, HERE), column),
            by_z3(z3.Implies(z3.And(premise, HERE), signs)),
            by_z3(z3.Implies(z3.And(LOG_LINEAR, HERE), logs_next)),
            by_z3(z3.Implies(z3.And(BIDS, AGENT), B(j + 1) == B(j) + b(j))),
        )
        start = by_z3(z3.Implies(z3.And(used, BIDS, LOG_LINEAR, IN_RANGE), self.columns(0, t) == 0))
        return by_z3(
            z3.Implies(used, z3.Implies(premise, self.loss(agents) == self.by_columns(tokens))),
            theorem,
            by_z3(z3.Implies(z3.And(used, self.defined), rows)),
            by_z3(
                z3.Implies(z3.And(used, premise), columns),
                generalised(next_column, j, t),
                generalised(start, t),
            ),
            by_z3(z3.Implies(z3.And(used, self.defined), of_rows)),
            by_z3(z3.Implies(z3.And(used, premise), of_columns)),
        )


def next_agent(q: Any, cell: Any, columns: Any) -> Fact:
    """`b_j q ln(q / p_j) = b_j q ln q - q b_j ln p_j`, at one agent and token."""
    own, other, log_own, log_other, log_ratio, bid, bids, sums = z3.Reals(
        "own other log_own log_other log_ratio bid bids sums"
    )
    quotient = by_identity(ln(own / other) == ln(own) - ln(other), given=[own > 0, other > 0])
    product = by_z3(
        z3.Implies(
            z3.And(own >= 0, z3.Implies(own > 0, log_ratio == log_own - log_other)),
            (bids + bid) * (own * log_own) - own * (sums + bid * log_other)
            == bids * (own * log_own) - own * sums + bid * z3.If(own == 0, 0, own * log_ratio),
        )
    )
    values = {own: q(t), other: p(j, t)}
    of_logs = {log_own: ln(q(t)), log_other: ln(p(j, t)), log_ratio: ln(q(t) / p(j, t))}
    of_sums = {bid: b(j), bids: B(j), sums: logs(j, t)}
    lemmas = instance_of(quotient, values), instance_of(product, {**values, **of_logs, **of_sums})
    sums_go_on = z3.And(B(j + 1) == B(j) + b(j), logs(j + 1, t) == logs(j, t) + log_part(j, t))
    going_on = columns(j + 1, t) == columns(j, t) + cell(j, t)
    signs = z3.And(q(t) >= 0, p(j, t) > 0)
    return Fact(z3.Implies(z3.And(signs, sums_go_on), going_on), (j, t), lemmas)


OF_Q = Welfare("q", q, lambda t: B(agents) * gap(t) - log_norm_value * Q(t))
OF_RULE = Welfare("rule", best, lambda t: -(log_norm_value * Best(t)))
scaled_gap = z3.Real("scaled_gap")
PRODUCTS: dict[Any, Any] = {
    scaled_gap: B(agents) * gap(tokens),
    **log_linear_rule.PRODUCTS,
    gap_term: lambda t: entropy_term(q(t), best(t)),
    **OF_Q.products,
    **OF_RULE.products,
}

DISTRIBUTION = z3.And(partial_sums(Q, q), Q(tokens) == 1, each_token(tokens, lambda t: q(t) >= 0))
GAP = partial_sums(gap, gap_term)
HYPOTHESES = z3.And(RULE, DISTRIBUTION, OF_Q.defined, OF_RULE.defined, GAP)


def column_facts() -> tuple[Fact, ...]:
    """`q (B ln q - Σ_j b_j ln p_j) = B q ln(q / q*) - q B ln Z` at one token, and for q* itself."""
    own, rule, log_own, log_rule, log_ratio, bids, logs_here, norm = z3.Reals(
        "own rule log_own log_rule log_ratio bids logs_here norm"
    )
    quotient = by_identity(ln(own / rule) == ln(own) - ln(rule), given=[own > 0, rule > 0])
    characterised = bids * log_rule == logs_here - norm
    logarithms = z3.Implies(own > 0, log_ratio == log_own - log_rule)
    of_q = by_z3(
        z3.Implies(
            z3.And(own >= 0, logarithms, characterised),
            bids * z3.If(own == 0, 0, own * log_ratio) - norm * own
            == bids * (own * log_own) - own * logs_here,
        )
    )
    of_rule = by_z3(
        z3.Implies(characterised, -(norm * rule) == bids * (rule * log_rule) - rule * logs_here)
    )
    values: dict[Any, Any] = {own: q(t), rule: best(t), log_own: ln(q(t)), log_rule: ln(best(t))}
    sums = {bids: B(agents), logs_here: logs(agents, t), norm: log_norm_value}
    values = {**values, **sums, log_ratio: ln(q(t) / best(t))}
    lemmas = [instance_of(one, values) for one in (quotient, of_q, of_rule)]
    characterised_here = rule_log(t) == logs(agents, t) - log_norm
    signs = z3.And(q(t) >= 0, best(t) > 0)
    next_q = z3.And(gap(t + 1) == gap(t) + gap_term(t), Q(t + 1) == Q(t) + q(t))
    next_rule = Best(t + 1) == Best(t) + best(t)

    def going_on(side: Welfare) -> Any:
        return side.by_columns(t + 1) == side.by_columns(t) + side.columns(agents, t)

    return (
        Fact(z3.Implies(z3.And(signs, characterised_here, next_q), going_on(OF_Q)), (t,), lemmas),
        Fact(z3.Implies(z3.And(characterised_here, next_rule), going_on(OF_RULE)), (t,), lemmas),
        Fact(z3.Implies(z3.And(gap(0) == 0, Q(0) == 0), OF_Q.by_columns(0) == 0), ()),
        Fact(z3.Implies(Best(0) == 0, OF_RULE.by_columns(0) == 0), ()),
    )


def ends() -> tuple[Fact, ...]:
    """At all tokens the sums are `B KL(q ‖ q*) - B ln Z` and `-B ln Z`; and Gibbs' inequality."""
    no_gap = z3.Implies(scaled_gap == 0, gap(tokens) == 0)
    sign = z3.Implies(gap(tokens) >= 0, scaled_gap >= 0)
    return (
        Fact(z3.Implies(Q(tokens) == 1, OF_Q.by_columns(tokens) == scaled_gap - log_norm), ()),
        Fact(z3.Implies(Best(tokens) == 1, OF_RULE.by_columns(tokens) == -log_norm), ()),
        Fact(z3.Implies(B(agents) > 0, z3.And(no_gap, sign)), ()),
        *gibbs_of(q, Q, best, Best, gap_term, gap, tokens),
    )


SAME = each_token(tokens, lambda t: q(t) == best(t))
LOSS, LEAST = OF_Q.loss(agents), OF_RULE.loss(agents)
IDENTITY = z3.And(LOSS - LEAST == scaled_gap, LEAST == -log_norm)
OPTIMAL = z3.And(LOSS >= LEAST, z3.Implies(LOSS == LEAST, SAME))


def chain() -> tuple[list[Fact], Theorem, Theorem]:
    """The identity and optimality with the products named, and the facts that they use."""
    of_rule, of_columns, at_end = log_linear_rule.facts(), column_facts(), ends()
    known = z3.And(RULE, CHARACTERISED, POSITIVE_DISTRIBUTION)
    of_q, of_best = z3.And(DISTRIBUTION, OF_Q.defined, GAP), OF_RULE.defined
    rule, at_the_end = for_all(*of_rule), for_all(*at_end)

    def follows(premises: Sequence[Any], conclusion: Any, *steps: Theorem) -> Theorem:
        return by_z3(z3.Implies(z3.And(*premises), conclusion), *steps)

    characterised = follows(
        [rule, RULE], known, log_linear_rule.characterisation(for_all(*of_rule))
    )

    def in_columns(side: Welfare, given: Any) -> Theorem:
        facts = for_all(*side.facts, *of_columns)
        equal = side.loss(agents) == side.by_columns(tokens)
        step = side.in_two_orders(for_all(*of_columns), z3.And(known, given))
        short = follows([facts, known, given], equal, step)
        return follows([rule, facts, RULE, given], equal, characterised, short)

    columns = in_columns(OF_Q, of_q), in_columns(OF_RULE, of_best)
    sums = z3.And(
        OF_Q.by_columns(tokens) == scaled_gap - log_norm,
        OF_RULE.by_columns(tokens) == -log_norm,
    )
    total = follows([at_the_end, known, DISTRIBUTION], sums)
    no_gap = z3.And(gap(tokens) >= 0, z3.Implies(gap(tokens) == 0, SAME))
    inequality = follows([at_the_end, known, DISTRIBUTION, GAP], no_gap)
    signs = z3.And(scaled_gap >= 0, z3.Implies(scaled_gap == 0, gap(tokens) == 0))
    scaled = follows([at_the_end, known, gap(tokens) >= 0], signs)
    facts = [*OF_Q.facts, *OF_RULE.facts, *of_rule, *of_columns, *at_end]
    given = [for_all(*facts), HYPOTHESES]
    identity = follows(given, IDENTITY, *columns, characterised, total)
    optimal = follows(given, OPTIMAL, identity, inequality, scaled, characterised)
    return facts, identity, optimal


@library_theorem(origin=PAPER, reference=f"{ARXIV}; of opinion pools: Abbas (2009)")
def kl_welfare_log_linear() -> Conclusions:
    """Σ_i b_i KL(q ‖ p_i) - Σ_i b_i KL(q* ‖ p_i) = B KL(q ‖ q*) for the log-linear rule q*, bids of
    positive sum B, positive p_i and every distribution q, for every number of agents and tokens,
    and the least loss is -B ln Z; so the log-linear rule minimises the bid-weighted reverse KL
    divergence, and nothing else does."""
    facts, identity, optimal = chain()
    both = z3.Implies(HYPOTHESES, z3.And(IDENTITY, OPTIMAL))
    named = by_z3(z3.Implies(for_all(*facts), both), identity, optimal)
    whole = with_products(PRODUCTS, facts, both, named)
    hypotheses, (first, second) = whole.statement.arg(0), whole.statement.arg(1).children()
    return {
        "loss - least = B KL(q ‖ q*), least = -B ln Z": by_propositional(
            z3.Implies(hypotheses, first), whole
        ),
        "q* minimises the loss, uniquely": by_propositional(z3.Implies(hypotheses, second), whole),
    }
