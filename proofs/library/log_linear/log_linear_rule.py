"""The log-linear rule: `q*(t) = exp(Σ_j b_j ln p_j(t) / B) / Z`, and what characterises it.

With `B = Σ_j b_j > 0`, positive distributions `p_j`, and `Z` the sum of the numerators over at
least one token. That is `q* ∝ Π_j p_j^(b_j / B)`. It is a positive distribution, and

    B ln q*(t) = Σ_j b_j ln p_j(t) - B ln Z      at every token,

so that its log-odds are the bid-weighted means of the agents' log-odds. Nothing else is used of the
rule elsewhere.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    by_identity,
    by_z3,
    exp,
    generalised,
    instance_of,
    ln,
)
from tokenauction.proofs.library.basics import finite_sums
from tokenauction.proofs.library.basics.named_products import Fact, with_products
from tokenauction.proofs.library.basics.notation import (
    each,
    each_token,
    matrix,
    partial_sums,
    vector,
)
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem
from tokenauction.proofs.library.linear.linear_is_a_distribution import (
    BIDS,
    IN_RANGE,
    B,
    Best,
    agents,
    b,
    best,
    column_sums,
    for_all,
    p,
    t,
    tokens,
)

logs, Z = matrix("logs"), vector("Z")
u, x, y, z = z3.Reals("u x y z")

# Names for the products and quotients, and what they stand for.
log_part, log_norm = matrix("log_part"), z3.Real("log_norm")
power, normed, scaled, rule_log = (vector(n) for n in ("power", "normed", "scaled", "rule_log"))
PRODUCTS: dict[Any, Any] = {
    log_part: lambda j, t: b(j) * ln(p(j, t)),
    power: lambda t: exp(logs(agents, t) / B(agents)),
    normed: lambda t: exp(logs(agents, t) / B(agents)) / Z(tokens),
    scaled: lambda t: Z(tokens) * Best(t),
    rule_log: lambda t: B(agents) * ln(best(t)),
    log_norm: B(agents) * ln(Z(tokens)),
}

# The rule after agent i has raised its bid to x.
B_x, Z_x, best_x, Best_x = (vector(name) for name in ("B_x", "Z_x", "best_x", "Best_x"))
logs_x, i = matrix("logs_x"), z3.Int("i")


def raised(j: Any) -> Any:
    """The bids after the raise."""
    return z3.If(j == i, x, b(j))


# In this order: the meanings are put in one after the other.
RAISED: dict[Any, Any] = {best: best_x, Best: Best_x, B: B_x, logs: logs_x, Z: Z_x, b: raised}

SIZES = z3.And(agents >= 0, tokens >= 1)
PREFERRED_POSITIVE = each(agents, lambda j: each_token(tokens, lambda t: p(j, t) > 0))
LOG_LINEAR = z3.And(
    column_sums(logs, log_part),
    partial_sums(Z, power),
    each_token(tokens, lambda t: best(t) == normed(t)),
    partial_sums(Best, best),
)
RULE = z3.And(SIZES, BIDS, PREFERRED_POSITIVE, LOG_LINEAR)

POSITIVE_DISTRIBUTION = z3.And(each_token(tokens, lambda t: best(t) > 0), Best(tokens) == 1)
CHARACTERISED = each_token(tokens, lambda t: rule_log(t) == logs(agents, t) - log_norm)


def exp_is_positive() -> Theorem:
    """`exp u = exp(u / 2)²` and `exp u exp(-u) = 1`."""
    square = by_identity(exp(u) == exp(u / 2) * exp(u / 2))
    inverse = by_identity(exp(u) * exp(-u) == 1)
    not_zero = by_z3(z3.Implies(x * y == 1, x != 0))
    not_negative = by_z3(z3.Implies(x == z * z, x >= 0))
    return by_z3(
        exp(u) > 0,
        square,
        inverse,
        instance_of(not_zero, {x: exp(u), y: exp(-u)}),
        instance_of(not_negative, {x: exp(u), z: exp(u / 2)}),
    )


def logarithm_lemma() -> Theorem:
    """`y ln(exp(x / y) / z) = x - y ln z` for positive y and z."""
    positive = exp_is_positive()
    quotient = by_identity(ln(exp(u) / z) == u - ln(z), positive, given=[z > 0])
    multiplied = by_z3(z3.Implies(z3.And(y > 0, u == x / y - z), y * u == x - y * z))
    at = {u: ln(exp(x / y) / z), z: ln(z)}
    return by_z3(
        z3.Implies(z3.And(y > 0, z > 0), y * ln(exp(x / y) / z) == x - y * ln(z)),
        instance_of(quotient, {u: x / y}),
        instance_of(multiplied, at),
    )


def facts() -> tuple[Fact, ...]:
    """What is used of powers and quotients."""
    lemmas = (
        instance_of(exp_is_positive(), {u: logs(agents, t) / B(agents)}),
        instance_of(logarithm_lemma(), {x: logs(agents, t), y: B(agents), z: Z(tokens)}),
        by_z3(z3.Implies(z3.And(x > 0, z > 0), z3.And(x / z > 0, z * (x / z) == x))),
    )
    here = {x: exp(logs(agents, t) / B(agents)), z: Z(tokens)}
    lemmas = (*lemmas[:2], instance_of(lemmas[2], here))
    positive = z3.And(B(agents) > 0, Z(tokens) > 0, best(t) == normed(t))
    characterised = z3.And(best(t) > 0, rule_log(t) == logs(agents, t) - log_norm)
    next_sum = z3.Implies(Best(t + 1) == Best(t) + best(t), scaled(t + 1) == scaled(t) + power(t))
    total = z3.Implies(z3.And(Z(tokens) > 0, scaled(tokens) == Z(tokens)), Best(tokens) == 1)
    return (
        Fact(power(t) > 0, (t,), lemmas),
        Fact(z3.Implies(positive, characterised), (t,), lemmas),
        Fact(z3.Implies(positive, next_sum), (t,), lemmas),
        Fact(z3.Implies(Best(0) == 0, scaled(0) == 0), ()),
        Fact(total, ()),
    )


def norm_is_positive(used: Any) -> Theorem:
    """`Z > 0`: a sum of positive numbers that vanishes has no terms, and there is a token."""
    order, equality = (
        instance_of(
            one,
            {
                finite_sums.f: lambda _: z3.RealVal(0),
                finite_sums.F: lambda _: z3.RealVal(0),
                finite_sums.g: power,
                finite_sums.G: Z,
                finite_sums.n: tokens,
            },
        )
        for one in finite_sums.sum_order().values()
    )
    sums = z3.And(SIZES, partial_sums(Z, power), power(0) > 0)
    positive = z3.And(sums, each_token(tokens, lambda t: power(t) > 0))
    all_positive = by_z3(z3.Implies(used, each_token(tokens, lambda t: power(t) > 0)))
    norm = by_z3(z3.Implies(positive, Z(tokens) > 0), order, equality)
    first = by_z3(z3.Implies(used, power(0) > 0))
    return by_z3(z3.Implies(z3.And(used, RULE), Z(tokens) > 0), all_positive, first, norm)


def characterisation(used: Any) -> Theorem:
    """The statement, with the products named."""
    norm = norm_is_positive(used)
    here = z3.And(used, RULE, IN_RANGE)
    signs = by_z3(z3.Implies(here, z3.And(B(agents) > 0, best(t) == normed(t))))
    log_form = z3.And(best(t) > 0, rule_log(t) == logs(agents, t) - log_norm)
    at_token = by_z3(z3.Implies(here, log_form), norm, signs)
    grows = z3.And(
        partial_sums(Z, power),
        scaled(0) == 0,
        each_token(tokens, lambda t: scaled(t + 1) == scaled(t) + power(t)),
    )
    same = finite_sums.by_induction(grows, lambda n: z3.Implies(n <= tokens, scaled(n) == Z(n)))
    next_sum = by_z3(z3.Implies(here, scaled(t + 1) == scaled(t) + power(t)), norm, signs)
    starts = by_z3(z3.Implies(z3.And(used, LOG_LINEAR), scaled(0) == 0))
    sums = by_z3(z3.Implies(z3.And(used, RULE), grows), generalised(next_sum, t), starts)
    equal = by_z3(
        z3.Implies(z3.And(grows, tokens >= 1), scaled(tokens) == Z(tokens)),
        instance_of(same, {finite_sums.n: tokens}),
    )
    one = by_z3(z3.Implies(z3.And(used, RULE), Best(tokens) == 1), norm, sums, equal)
    return by_z3(
        z3.Implies(used, z3.Implies(RULE, z3.And(POSITIVE_DISTRIBUTION, CHARACTERISED))),
        generalised(at_token, t),
        one,
    )


@library_theorem(origin=TEXTBOOK, reference="opinion pools: Genest and Zidek (1986)")
def log_linear_rule() -> Conclusions:
    """For bids of positive sum B, positive p_j and at least one token, the log-linear rule q*(t) =
    exp(Σ_j b_j ln p_j(t) / B) / Z is a positive distribution, and B ln q*(t) = Σ_j b_j ln p_j(t) -
    B ln Z, for every number of agents and tokens."""
    used = facts()
    whole = with_products(
        PRODUCTS,
        used,
        z3.Implies(RULE, z3.And(POSITIVE_DISTRIBUTION, CHARACTERISED)),
        characterisation(for_all(*used)),
    )
    return {"q* > 0, Σ q* = 1, and B ln q* = Σ b ln p - B ln Z": whole}
