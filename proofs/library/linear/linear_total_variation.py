"""Total variation along the linear rule, for any number of tokens.

Agent `i` bids `x` and prefers `p`; the others' bids have the sum `S > 0`, and `m` is the mean of
their distributions, weighted by their bids. Then the linear rule is `q(x) = (x p + S m) / (x + S)`.
At every token, for `0 ≤ x ≤ b`,

    |q(x) - q(b)| = |p - m| (b / (b + S) - x / (x + S)),    |p - q(b)| = |p - m| S / (b + S),

so the same holds of the sums over tokens, and of their halves, the total variations.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    REAL,
    Theorem,
    by_identity,
    by_z3,
    generalised,
    instance_of,
)
from tokenauction.proofs.library.basics import finite_sums as sums
from tokenauction.proofs.library.basics import total_variation as rule
from tokenauction.proofs.library.basics.finite_sums import sum_linear
from tokenauction.proofs.library.basics.notation import each, partial_sums, vector
from tokenauction.proofs.library.basics.total_variation import gap
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem

p, m, P, M, FROM_MEAN, FROM_RULE = (
    vector(name) for name in ("p", "m", "P", "M", "FROM_MEAN", "FROM_RULE")
)
some, SOME = vector("some"), vector("SOME")
ratio = z3.Real("ratio")
D = z3.Function("D", REAL, INT, REAL)
n, t = z3.Ints("n t")
b, S, x, V = z3.Reals("b S x V")
ZERO = z3.RealVal(0)


def linear(bid: Any, token: Any) -> Any:
    """`q(bid)` at a token."""
    return (bid * p(token) + S * m(token)) / (bid + S)


def weight(bid: Any) -> Any:
    """The weight of `p` in `q(bid)`."""
    return bid / (bid + S)


# TV(p, m) and TV(p, q(b)) are half of FROM_MEAN(n) and FROM_RULE(n), and TV(q(x), q(b)) of D(x, n).
_step = D(x, t + 1) == D(x, t) + gap(linear(x, t), linear(b, t))
SUMS = z3.And(
    n >= 0,
    partial_sums(FROM_MEAN, lambda t: gap(p(t), m(t))),
    partial_sums(FROM_RULE, lambda t: gap(p(t), linear(b, t))),
    z3.ForAll([x], D(x, 0) == 0),
    z3.ForAll([x, t], z3.Implies(t >= 0, _step)),
)
HYPOTHESES = z3.And(SUMS, S > 0, b >= 0)
ORDERED = z3.And(S > 0, 0 <= x, x <= b)
INSIDE = z3.And(SUMS, ORDERED)
TO_MEAN, TO_RULE = FROM_MEAN(n) / 2, FROM_RULE(n) / 2
DISTRIBUTIONS = z3.And(
    partial_sums(P, p),
    partial_sums(M, m),
    each(n, lambda t: z3.And(p(t) >= 0, m(t) >= 0)),
    P(n) == 1,
    M(n) == 1,
)


def token_lemma() -> Theorem:
    """At a token, for `x ≤ b`: `|q(x) - q(b)| = |p - m| (b/(b+S) - x/(x+S))`, and
    `|p - q(b)| = |p - m| S/(b+S)`."""
    own, mean, share, more, low, high, rest = z3.Reals("own mean share more low high rest")
    # The rule is a mean of p and m, with the weights λ ≤ λ' of p at the two bids.
    scalar = by_z3(
        z3.Implies(
            z3.And(
                z3.And(0 <= share, share <= more, more <= 1, rest == 1 - more),
                low == share * own + (1 - share) * mean,
                high == more * own + rest * mean,
            ),
            z3.And(
                gap(low, high) == (more - share) * gap(own, mean),
                gap(own, high) == rest * gap(own, mean),
            ),
        )
    )
    as_mean = by_identity(
        linear(x, t) == weight(x) * p(t) + (1 - weight(x)) * m(t), given=[x + S > 0]
    )
    of_rest = by_identity(S / (b + S) == 1 - weight(b), given=[b + S > 0])
    ordered = z3.And(0 <= weight(x), weight(x) <= weight(b), weight(b) <= 1)
    weights = by_z3(z3.Implies(ORDERED, ordered))
    values = {
        own: p(t),
        mean: m(t),
        share: weight(x),
        more: weight(b),
        low: linear(x, t),
        high: linear(b, t),
        rest: S / (b + S),
    }
    distances = z3.And(
        gap(linear(x, t), linear(b, t)) == (weight(b) - weight(x)) * gap(p(t), m(t)),
        gap(p(t), linear(b, t)) == S / (b + S) * gap(p(t), m(t)),
    )
    return by_z3(
        z3.Implies(ORDERED, distances),
        instance_of(scalar, values),
        as_mean,
        instance_of(as_mean, {x: b}),
        of_rest,
        weights,
    )


def multiple_lemma() -> Theorem:
    """Distances that are a multiple of `|p - m|` at every token are the same multiple summed."""
    values = {sums.a: ratio, sums.f: lambda t: gap(p(t), m(t)), sums.F: FROM_MEAN, sums.c: ZERO}
    values |= {sums.g: lambda _: ZERO, sums.G: lambda _: ZERO, sums.h: some, sums.H: SOME}
    linear_sum = instance_of(sum_linear()["Σ (a f + c g) = a Σ f + c Σ g"], values)
    terms = each(n, lambda t: some(t) == ratio * gap(p(t), m(t)))
    from_mean = partial_sums(FROM_MEAN, lambda t: gap(p(t), m(t)))
    return by_z3(
        z3.Implies(
            z3.And(n >= 0, from_mean, partial_sums(SOME, some), terms),
            SOME(n) == ratio * FROM_MEAN(n),
        ),
        linear_sum,
    )


def sums_lemma() -> Theorem:
    """The same over all tokens, halved."""
    between = {
        ratio: weight(b) - weight(x),
        some: lambda t: gap(linear(x, t), linear(b, t)),
        SOME: lambda k: D(x, k),
    }
    from_rule = {ratio: S / (b + S), some: lambda t: gap(p(t), linear(b, t)), SOME: FROM_RULE}
    halves = z3.And(
        D(x, n) / 2 == TO_MEAN * (weight(b) - weight(x)), TO_RULE == TO_MEAN * (S / (b + S))
    )
    every_token, steps = generalised(token_lemma(), t), []
    for values in (between, from_rule):
        multiple = instance_of(multiple_lemma(), values)
        premise, summed = multiple.statement.children()
        *given, terms = premise.children()
        applies = [by_z3(z3.Implies(INSIDE, part)) for part in given]
        applies.append(by_z3(z3.Implies(ORDERED, terms), every_token))
        steps.append(by_z3(z3.Implies(INSIDE, summed), *applies, multiple))
    return by_z3(z3.Implies(INSIDE, halves), *steps)


def falls(at: Any, apart: Any = V) -> Any:
    """`V (b / (b + S) - x / (x + S))` at the bid `x`."""
    return apart * (weight(b) - weight(at))


def half(at: Any) -> Any:
    """`TV(q(at), q(b))`."""
    return D(at, n) / 2


def squeeze_lemma() -> Theorem:
    """`TV(q(x), q(b))` is what falls from `TV(p, m)`, and lies between 0 and it."""
    low, high, fallen = z3.Reals("low high fallen")
    weights = z3.And(0 <= low, low <= high, high <= 1)
    ordered = by_z3(
        z3.Implies(ORDERED, z3.And(0 <= weight(x), weight(x) <= weight(b), weight(b) <= 1))
    )
    scalar = by_z3(
        z3.Implies(
            z3.And(V >= 0, weights, fallen == V * (high - low)), z3.And(0 <= fallen, fallen <= V)
        )
    )
    values = {low: weight(x), high: weight(b), V: TO_MEAN, fallen: half(x)}
    inside = z3.And(0 <= half(x), half(x) <= TO_MEAN)
    summed = sums_lemma()
    bounds = by_z3(
        z3.Implies(INSIDE, inside), summed, instance_of(scalar, values), ordered, not_negative()
    )
    agree = by_z3(z3.Implies(INSIDE, half(x) == falls(x, TO_MEAN)), summed)
    return generalised(
        by_z3(z3.Implies(INSIDE, z3.And(half(x) == falls(x, TO_MEAN), inside)), bounds, agree), x
    )


def not_negative() -> Theorem:
    """`TV(p, m) ≥ 0`."""
    of_mean = {rule.u: p, rule.v: m, rule.W: FROM_MEAN}
    zero = instance_of(rule.total_variation()["TV ≥ 0, and TV = 0 exactly if u = v"], of_mean)
    return by_z3(z3.Implies(SUMS, TO_MEAN >= 0), zero)


def inverse_lemma() -> Theorem:
    """`V' = V S/(b+S)` says that `V = V' (b+S)/S`."""
    less, inverse, of_rule = z3.Reals("less inverse of_rule")
    scalar = by_z3(
        z3.Implies(z3.And(of_rule == V * less, less * inverse == 1), V == of_rule * inverse)
    )
    values = {V: TO_MEAN, of_rule: TO_RULE, less: S / (b + S), inverse: (b + S) / S}
    one = by_z3(z3.Implies(z3.And(S > 0, b >= 0), S / (b + S) * ((b + S) / S) == 1))
    return by_z3(
        z3.Implies(
            z3.And(S > 0, b >= 0, TO_RULE == TO_MEAN * (S / (b + S))),
            TO_MEAN == TO_RULE * ((b + S) / S),
        ),
        instance_of(scalar, values),
        one,
    )


def mean_lemma() -> Theorem:
    """`0 ≤ TV(p, m) ≤ 1`, since `p` and `m` are distributions."""
    of_mean = {rule.u: p, rule.v: m, rule.U: P, rule.V: M, rule.W: FROM_MEAN}
    at_most_one = instance_of(rule.total_variation()["TV ≤ 1"], of_mean)
    known = z3.Implies(z3.And(SUMS, DISTRIBUTIONS), z3.And(0 <= TO_MEAN, TO_MEAN <= 1))
    return by_z3(known, at_most_one, not_negative())


@library_theorem(origin=PAPER, reference=f"{ARXIV} (second price)")
def linear_total_variation() -> Conclusions:
    """For the linear rule as a function of one bid x, q(x) = (x p + S m) / (x + S) with the others'
    bids of sum S > 0 and their mean m, any number of tokens, and 0 ≤ x ≤ b: TV(q(x), q(b)) = TV(p,
    m) (b/(b+S) - x/(x+S)), which is between 0 and TV(p, m), and TV(p, m) = TV(p, q(b)) (b + S) / S;
    and TV(p, m) ≤ 1 for distributions."""
    back = z3.Implies(HYPOTHESES, TO_MEAN == TO_RULE * ((b + S) / S))
    return {
        "TV(q(x), q(b)) = TV(p, m) (b/(b+S) - x/(x+S))": squeeze_lemma(),
        "TV(p, m) = TV(p, q(b)) (b+S)/S": by_z3(
            back, inverse_lemma(), instance_of(sums_lemma(), {x: b})
        ),
        "0 ≤ TV(p, m) ≤ 1": mean_lemma(),
    }
