"""The log-linear rule is monotone in the odds order, for every number of agents and tokens.

Only agent `i` changes its bid, from `b_i` to `x ≥ b_i`; all distributions are positive, and s and t
are any two tokens. The log-odds of the rule are the bid-weighted mean of the agents' log-odds,

    ln q(s) - ln q(t) = (b_i θ_i + R) / (b_i + S)     with θ_i = ln p_i(s) - ln p_i(t) and S ≥ 0,

which moves towards `θ_i`; and the odds rise with the log-odds. All that is used of the rule is
`B ln q(t) = Σ_j b_j ln p_j(t) - c` with some c, the same for both tokens. log_linear_rule.py proves
it of the rule's definition, with `c = B ln Z`, and the theorems are about the rule so defined.

With two tokens the odds order is the robust order, so there the rule is monotone in that as well.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    by_identity,
    by_z3,
    instance_of,
    ln,
    specialised,
)
from tokenauction.proofs.library.basics import finite_sums
from tokenauction.proofs.library.basics.logarithm import ln_rises
from tokenauction.proofs.library.basics.named_products import Fact, with_products
from tokenauction.proofs.library.basics.notation import (
    between,
    each,
    each_token,
    partial_sums,
    vector,
)
from tokenauction.proofs.library.basics.propositional import by_propositional
from tokenauction.proofs.library.library import OWN, PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.linear.linear_is_a_distribution import (
    Best,
    agents,
    best,
    column_sums,
    tokens,
)
from tokenauction.proofs.library.linear.linear_is_monotone_in_odds import (
    AGENT,
    BID_SUMS,
    HYPOTHESES,
    POSITIVE,
    B,
    Bx,
    b,
    bids_lemma,
    i,
    j,
    n,
    odds,
    odds_p,
    odds_x,
    p,
    part,
    part_x,
    raised,
    s,
    stay,
    sums,
    sums_at,
    sums_x,
    t,
    x,
)
from tokenauction.proofs.library.log_linear import log_linear_rule
from tokenauction.proofs.library.log_linear.log_linear_rule import (
    CHARACTERISED,
    PREFERRED_POSITIVE,
    PRODUCTS,
    RAISED,
    B_x,
    Z,
    Z_x,
    best_x,
    log_norm,
    log_part,
    logs,
    logs_x,
    rule_log,
)

# The log-linear rule before and after the raise, and its normalisations.
q, q_x = vector("q"), vector("q_x")
norm, norm_x = z3.Reals("norm norm_x")
# Names for `B ln q` before and after.
scaled, scaled_x = vector("scaled"), vector("scaled_x")


def log_linear_products() -> dict[Any, Any]:
    """For the log-linear rule: `b_j ln p_j(t)`, and the odds of its distributions."""
    return {
        part: lambda j, t: b(j) * ln(p(j, t)),
        part_x: lambda j, t: raised(j) * ln(p(j, t)),
        scaled: lambda t: B(n) * ln(q(t)),
        scaled_x: lambda t: Bx(n) * ln(q_x(t)),
        odds_p: p(i, s) / p(i, t),
        odds: q(s) / q(t),
        odds_x: q_x(s) / q_x(t),
    }


def log_linear_at(token: Any) -> Any:
    """The rule's characterisation at a token, before and after the raise."""
    before = scaled(token) == sums(n, token) - norm
    after = scaled_x(token) == sums_x(n, token) - norm_x
    return z3.And(q(token) > 0, q_x(token) > 0, before, after)


LOG_LINEAR = z3.And(HYPOTHESES, log_linear_at(s), log_linear_at(t))


def change_lemma(token: Any) -> Theorem:
    """Only agent i's term of the sum at a token changes."""
    terms = z3.And(
        sums_at(token),
        i >= 0,
        stay(token),
    )
    own = part_x(i, token) - part(i, token)
    return finite_sums.by_induction(
        terms,
        lambda k: z3.Implies(k <= n, sums_x(k, token) == sums(k, token) + z3.If(i < k, own, 0)),
    )


def by_logarithms() -> Theorem:
    """What lies between by its logarithm lies between, because the logarithm rises."""
    u, v, w = z3.Reals("u v w")
    rises = ln_rises()["ln x < ln y"]
    ordered = [specialised(rises, *pair) for pair in ((u, v), (v, u), (w, v), (v, w))]
    return by_z3(
        z3.Implies(z3.And(u > 0, v > 0, w > 0, between(ln(u), ln(v), ln(w))), between(u, v, w)),
        *ordered,
    )


def log_linear_facts() -> tuple[Fact, ...]:
    """`(B L + (x - b) θ) / (B + x - b)` lies between θ and L, the log-odds before."""
    bids, low, high = z3.Reals("bids low high")
    logs = z3.Reals("of_p_s of_p_t of_q_s of_q_t of_x_s of_x_t")
    p_s, p_t, q_s, q_t, x_s, x_t = logs
    sum_s, sum_t, c, c_x = z3.Reals("sum_s sum_t c c_x")
    before = z3.And(bids * q_s == sum_s - c, bids * q_t == sum_t - c)
    bids_x = bids + high - low
    after = z3.And(
        bids_x * x_s == sum_s + (high * p_s - low * p_s) - c_x,
        bids_x * x_t == sum_t + (high * p_t - low * p_t) - c_x,
    )
    mean = by_z3(
        z3.Implies(
            z3.And(bids > 0, low <= high, before, after),
            between(p_s - p_t, x_s - x_t, q_s - q_t),
        )
    )
    probabilities = (p(i, s), p(i, t), q(s), q(t), q_x(s), q_x(t))
    values = dict(
        zip(
            (bids, low, high, sum_s, sum_t, c, c_x, *logs),
            (B(n), b(i), x, sums(n, s), sums(n, t), norm, norm_x, *map(ln, probabilities)),
            strict=True,
        )
    )
    u, v, w = z3.Reals("u v w")
    quotient = by_identity(ln(u / v) == ln(u) - ln(v), given=[u > 0, v > 0])
    positive = by_z3(z3.Implies(z3.And(u > 0, v > 0), u / v > 0))
    pairs = [(p(i, s), p(i, t)), (q(s), q(t)), (q_x(s), q_x(t))]
    odds_here = [one / other for one, other in pairs]
    lemmas = (
        instance_of(mean, values),
        *(instance_of(quotient, {u: one, v: other}) for one, other in pairs),
        *(instance_of(positive, {u: one, v: other}) for one, other in pairs),
        instance_of(by_logarithms(), {u: odds_here[0], v: odds_here[2], w: odds_here[1]}),
    )
    form = z3.And(
        BID_SUMS,
        log_linear_at(s),
        log_linear_at(t),
        z3.And(p(i, s) > 0, p(i, t) > 0),
        sums_x(n, s) == sums(n, s) + (part_x(i, s) - part(i, s)),
        sums_x(n, t) == sums(n, t) + (part_x(i, t) - part(i, t)),
    )
    return (
        Fact(z3.Implies(j != i, part_x(j, t) == part(j, t)), (j, t)),
        Fact(z3.Implies(form, between(odds_p, odds_x, odds)), (), lemmas),
    )


def two_tokens_fact() -> Fact:
    """With two tokens, what lies between in odds lies between in probability."""
    u, v, w, u_rest, v_rest, w_rest = z3.Reals("u v w u_rest v_rest w_rest")
    pairs = (u, u_rest), (v, v_rest), (w, w_rest)
    ones = z3.And([z3.And(one > 0, rest > 0, one + rest == 1) for one, rest in pairs])
    scalar = by_z3(
        z3.Implies(
            z3.And(ones, between(u / u_rest, v / v_rest, w / w_rest)),
            z3.And(between(u, v, w), between(u_rest, v_rest, w_rest)),
        )
    )
    probabilities = (p(i, s), q_x(s), q(s), p(i, t), q_x(t), q(t))
    values = dict(zip((u, v, w, u_rest, v_rest, w_rest), probabilities, strict=True))
    positive = z3.And([one > 0 for one in probabilities])
    premise = z3.And(positive, SUM_TO_ONE, between(odds_p, odds_x, odds))
    return Fact(z3.Implies(premise, ROBUST), (), (instance_of(scalar, values),))


SUM_TO_ONE = z3.And(p(i, s) + p(i, t) == 1, q(s) + q(t) == 1, q_x(s) + q_x(t) == 1)
ROBUST = z3.And(between(p(i, s), q_x(s), q(s)), between(p(i, t), q_x(t), q(t)))


def towards_own(hypotheses: Any, conclusion: Any, *more: Fact) -> Theorem:
    """The odds after the raise lie between those of p_i and those before, and what follows."""
    facts = (*log_linear_facts(), *more)
    used = z3.And([fact.for_all for fact in facts])
    steps = []
    for token in (s, t):
        change = sums_x(n, token) == sums(n, token) + (part_x(i, token) - part(i, token))
        same = by_z3(z3.Implies(used, stay(token)))
        premise = z3.And(used, AGENT, sums_at(token))
        steps.append(by_z3(z3.Implies(premise, change), same, change_lemma(token)))
    signs = z3.And(p(i, s) > 0, p(i, t) > 0)
    steps.append(by_z3(z3.Implies(z3.And(POSITIVE, AGENT), signs)))
    statement = z3.Implies(hypotheses, conclusion)
    named = by_z3(z3.Implies(used, statement), *steps, bids_lemma())
    return with_products(log_linear_products(), facts, statement, named)


# What is proved above of any function with the characterisation, of the rule as it is defined.
AS_DEFINED: dict[Any, Any] = {
    n: agents,
    Bx: B_x,
    sums: logs,
    sums_x: logs_x,
    q: best,
    q_x: best_x,
    norm: B(agents) * ln(Z(tokens)),
    norm_x: B_x(agents) * ln(Z_x(tokens)),
}


def is_token(token: Any) -> Any:
    """It is one of the tokens."""
    return z3.And(0 <= token, token < tokens)


def at_token() -> Theorem:
    """What the rule's definition and its characterisation say of one token."""
    of_all = z3.And(
        column_sums(logs, log_part),
        each_token(tokens, lambda t: best(t) > 0),
        CHARACTERISED,
        PREFERRED_POSITIVE,
    )
    of_one = z3.And(
        partial_sums(lambda k: logs(k, t), lambda j: log_part(j, t)),
        best(t) > 0,
        rule_log(t) == logs(agents, t) - log_norm,
        each(agents, lambda j: p(j, t) > 0),
    )
    return instance_of(by_z3(z3.Implies(z3.And(is_token(t), of_all), of_one)), PRODUCTS)


def both_positive() -> Theorem:
    """Distributions that are positive at s and at t are so at both."""
    one, other = each(agents, lambda j: p(j, s) > 0), each(agents, lambda j: p(j, t) > 0)
    both = each(agents, lambda j: z3.And(p(j, s) > 0, p(j, t) > 0))
    return by_z3(z3.Implies(z3.And(one, other), both))


def of_the_rule(general: Theorem, pair: tuple[Any, Any], given: Any, *more: Theorem) -> Theorem:
    """The conclusion of `general` at two tokens, of the rule by its definition at both bids."""
    (rule,) = log_linear_rule.log_linear_rule().values()
    both = (rule, instance_of(rule, RAISED))
    tokens_here = dict(zip((s, t), pair, strict=True))
    here = instance_of(instance_of(general, AS_DEFINED), tokens_here)
    hypotheses = z3.And(
        0 <= i, i < agents, x >= b(i), *(one.statement.arg(0) for one in both), given
    )
    at_pair = [instance_of(at_token(), {t: token}) for token in pair]
    at_bids = [one for low in at_pair for one in (low, instance_of(low, RAISED))]
    return by_propositional(
        z3.Implies(hypotheses, here.statement.arg(1)),
        *(here, *both, *at_bids, instance_of(both_positive(), tokens_here), *more),
    )


def two_tokens_lemmas() -> list[Theorem]:
    """With two tokens, what sums to one over all tokens does over these two."""
    two = tokens == 2
    ones = z3.And(partial_sums(Best, best), Best(tokens) == 1)
    sums_here = by_z3(z3.Implies(z3.And(two, ones), best(FIRST) + best(SECOND) == 1))
    in_range = by_z3(z3.Implies(two, z3.And(is_token(FIRST), is_token(SECOND))))
    return [in_range, sums_here, instance_of(sums_here, RAISED)]


FIRST, SECOND = z3.IntVal(0), z3.IntVal(1)


@library_theorem(origin=OWN)
def log_linear_is_monotone_in_odds() -> Conclusions:
    """The log-linear rule, as it is defined, is monotone in the odds order on positive
    distributions, for bids of positive sum and every number of agents and of tokens: raising b_i
    moves the odds of any two tokens towards those of p_i."""
    general = towards_own(LOG_LINEAR, between(odds_p, odds_x, odds))
    tokens_given = z3.And(is_token(s), is_token(t))
    return {
        "the odds of any two tokens move towards those of p_i": of_the_rule(
            general, (s, t), tokens_given
        )
    }


@library_theorem(origin=PAPER)
def log_linear_two_tokens() -> Conclusions:
    """For two tokens the log-linear rule, as it is defined, is monotone in the robust order on
    positive distributions, for bids of positive sum and every number of agents."""
    general = towards_own(z3.And(LOG_LINEAR, SUM_TO_ONE), ROBUST, two_tokens_fact())
    given = z3.And(tokens == 2, p(i, FIRST) + p(i, SECOND) == 1)
    robust = of_the_rule(general, (FIRST, SECOND), given, *two_tokens_lemmas())
    return {"both tokens move towards p_i": robust}
