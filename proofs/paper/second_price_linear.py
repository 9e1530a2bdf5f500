"""The second price of the linear rule in closed form.

Agent `i` bids `x` and prefers `p`; the others' bids have the sum `S > 0`, and `m` is the mean of their
distributions, weighted by their bids. Then the linear rule is `q(x) = (x p + S m) / (x + S)`. At every
token and for `x ≤ b`

    |q(x) - q(b)| = |p - m| (b / (b + S) - x / (x + S)),    |p - q(b)| = |p - m| S / (b + S),

so the same holds of the sums over tokens, and with `V = TV(p, m)`

    TV(q(x), q(b)) = V (b / (b + S) - x / (x + S)),    TV(p, q(b)) = V S / (b + S).

The first has in `x` the antiderivative `V (x b / (b + S) - x + S ln(x + S))`, so

    z(b) = ∫ TV(q(x), q(b)) dx = V (S ln((b + S) / S) - b S / (b + S))    from 0 to b.

Since `1 - 1/y ≤ ln y ≤ y - 1` at `y = (b + S) / S`, `0 ≤ z(b) ≤ V b² / (b + S) ≤ b`.
"""

from typing import Any

import z3

from tokenauction.proofs.kernel import (
    INT,
    REAL,
    Theorem,
    axiom,
    by_identity,
    by_z3,
    generalised,
    instance_of,
    integral,
    ln,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.paper import finite_sums as sums
from tokenauction.proofs.paper.finite_sums import sum_linear
from tokenauction.proofs.paper.library import PAPER, Conclusions, paper_theorem
from tokenauction.proofs.paper.logarithm import ln_below_its_tangent, ln_rises
from tokenauction.proofs.paper.logarithm import x as argument
from tokenauction.proofs.paper.logarithm import y as other_argument
from tokenauction.proofs.paper.notation import each, partial_sums, vector
from tokenauction.proofs.paper.total_variation import gap

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
PRICE = integral(lambda at: D(at, n) / 2, ZERO, b)
CLOSED_FORM = TO_MEAN * (S * ln((b + S) / S) - b * S / (b + S))


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


def falls(at: Any) -> Any:
    """`V (b / (b + S) - x / (x + S))` at the bid `x`."""
    return V * (weight(b) - weight(at))


def slope(at: Any) -> Any:
    """The same, as the derivative of its antiderivative."""
    return (weight(b) - 1 + 1 / (at + S) * S) * V


def same_area(hypotheses: Any, one: Any, other: Any, *premises: Theorem) -> Theorem:
    """`∫ one = ∫ other` from 0 to `b`, since the two agree and lie between `-V` and `V`."""
    steps = []
    for small, large in ((one, other), (other, one)):
        order = axiom("integral-order", small, large, ZERO, b, V)
        premise, ordered = order.statement.children()
        parts = (by_z3(z3.Implies(hypotheses, p), *premises) for p in premise.children())
        steps.append(by_z3(z3.Implies(hypotheses, ordered), *parts, order))
    equal = integral(one, ZERO, b) == integral(other, ZERO, b)
    return by_z3(z3.Implies(hypotheses, equal), *steps)


def area_lemma() -> Theorem:
    """`∫ V (b/(b+S) - x/(x+S)) dx = V (S ln((b+S)/S) - b S/(b+S))`, by the antiderivative."""
    anti = axiom("antiderivative", lambda at: V * (at * weight(b) - at + S * ln(at + S)), ZERO, b)
    smooth, area = anti.statement.children()
    hypotheses = z3.And(S > 0, b >= 0, V >= 0)
    logarithm = instance_of(
        ln_rises()["ln(y / x) = ln y - ln x"], {argument: S, other_argument: b + S}
    )
    end, start = V * (b * weight(b) - b + S * ln(b + S)), V * (S * ln(S))
    closed = V * (S * (ln(b + S) - ln(S)) - b * S / (b + S))
    ends = by_identity(end - start == closed, given=[b + S > 0, S > 0])
    return by_z3(
        z3.Implies(
            hypotheses,
            integral(falls, ZERO, b) == V * (S * ln((b + S) / S) - b * S / (b + S)),
        ),
        same_area(hypotheses, falls, slope),
        by_z3(z3.Implies(hypotheses, smooth)),
        anti,
        ends,
        logarithm,
    )
