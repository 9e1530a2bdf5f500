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
from tokenauction.proofs.paper import total_variation as rule
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
MOST = TO_MEAN * (b * b / (b + S))
DISTRIBUTIONS = z3.And(
    partial_sums(P, p),
    partial_sums(M, m),
    each(n, lambda t: z3.And(p(t) >= 0, m(t) >= 0)),
    P(n) == 1,
    M(n) == 1,
)
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


def falls(at: Any, apart: Any = V) -> Any:
    """`V (b / (b + S) - x / (x + S))` at the bid `x`."""
    return apart * (weight(b) - weight(at))


def slope(at: Any) -> Any:
    """The same, as the derivative of its antiderivative."""
    return (weight(b) - 1 + 1 / (at + S) * S) * V


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


def area_lemma() -> Theorem:
    """`∫ V (b/(b+S) - x/(x+S)) dx = V (S ln((b+S)/S) - b S/(b+S))`, by the antiderivative."""
    anti = axiom("antiderivative", lambda at: V * (at * weight(b) - at + S * ln(at + S)), ZERO, b)
    smooth, _ = anti.statement.children()
    hypotheses = z3.And(S > 0, b >= 0, V >= 0)
    steps = [by_z3(z3.Implies(hypotheses, smooth)), anti]
    for small, large in ((falls, slope), (slope, falls)):
        order = axiom("integral-order", small, large, ZERO, b, V)
        parts = order.statement.children()[0].children()
        steps += [order, *(by_z3(z3.Implies(hypotheses, part)) for part in parts)]
    quotient = ln_rises()["ln(y / x) = ln y - ln x"]
    ends = V * (b * weight(b) - b + S * ln(b + S)) - V * (S * ln(S))
    closed = V * (S * (ln(b + S) - ln(S)) - b * S / (b + S))
    steps.append(by_identity(ends == closed, given=[b + S > 0, S > 0]))
    steps.append(instance_of(quotient, {argument: S, other_argument: b + S}))
    result = V * (S * ln((b + S) / S) - b * S / (b + S))
    return by_z3(z3.Implies(hypotheses, integral(falls, ZERO, b) == result), *steps)


def price_lemma() -> Theorem:
    """`∫ TV(q(x), q(b)) dx` is that area, with `V = TV(p, m)`."""

    def from_mean(at: Any) -> Any:
        return falls(at, TO_MEAN)

    squeeze, steps = squeeze_lemma(), [instance_of(area_lemma(), {V: TO_MEAN}), not_negative()]
    # Z3 shows that what falls lies between -V and V best where V is one letter.
    by_scalars = axiom("integral-order", falls, falls, ZERO, b, V)
    bound = by_scalars.statement.children()[0].children()[2]
    steps.append(instance_of(by_z3(z3.Implies(z3.And(S > 0, b >= 0, V >= 0), bound)), {V: TO_MEAN}))
    for small, large in ((half, from_mean), (from_mean, half)):
        order = axiom("integral-order", small, large, ZERO, b, TO_MEAN)
        _, below, bounded_small, bounded_large = order.statement.children()[0].children()
        bounded = bounded_small if small is half else bounded_large
        steps += [order, *(by_z3(z3.Implies(HYPOTHESES, p), squeeze) for p in (below, bounded))]
    return by_z3(z3.Implies(HYPOTHESES, PRICE == CLOSED_FORM), *steps)


def logarithm_lemma() -> Theorem:
    """`b S/(b+S) ≤ S ln y ≤ b` for `y = (b+S)/S`, from `1 - 1/y ≤ ln y ≤ y - 1`."""
    ratio, inverse, logarithm, value = z3.Reals("ratio inverse logarithm value")
    tangent = ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"]
    scalar = by_z3(
        z3.Implies(
            z3.And(
                z3.And(S > 0, b >= 0, S * ratio == b + S, value == S - S * inverse),
                z3.And(logarithm <= ratio - 1, -logarithm <= inverse - 1),
            ),
            z3.And(S * logarithm <= b, value <= S * logarithm),
        )
    )
    y, share = (b + S) / S, b * S / (b + S)
    positive = z3.And(S > 0, b >= 0)
    return by_z3(
        z3.Implies(positive, z3.And(share <= S * ln(y), S * ln(y) <= b)),
        instance_of(scalar, {ratio: y, inverse: 1 / y, logarithm: ln(y), value: share}),
        instance_of(tangent, {argument: y}),
        instance_of(tangent, {argument: 1 / y}),
        instance_of(by_identity(ln(1 / x) == -ln(x), given=[x > 0]), {x: y}),
        by_z3(z3.Implies(positive, z3.And(y > 0, 1 / y > 0, S * y == b + S))),
        by_z3(z3.Implies(positive, share == S - S * (1 / y))),
    )


def bounds_lemma() -> Theorem:
    """`0 ≤ V (S ln y - b S/(b+S)) ≤ V b²/(b+S) ≤ b`, where `0 ≤ V ≤ 1`."""
    paid, share, most, logarithm = z3.Reals("paid share most logarithm")
    scalar = by_z3(
        z3.Implies(
            z3.And(
                z3.And(
                    0 <= V, V <= 1, share <= logarithm, logarithm <= b, paid == logarithm - share
                ),
                z3.And(share + most == b, share >= 0),
            ),
            z3.And(0 <= V * paid, V * paid <= V * most, V * most <= b),
        )
    )
    share_of, most_of, log_of = b * S / (b + S), b * b / (b + S), S * ln((b + S) / S)
    values = {
        V: TO_MEAN,
        share: share_of,
        most: most_of,
        logarithm: log_of,
        paid: log_of - share_of,
    }
    hypotheses = z3.And(S > 0, b >= 0, TO_MEAN >= 0, TO_MEAN <= 1)
    return by_z3(
        z3.Implies(
            hypotheses,
            z3.And(0 <= CLOSED_FORM, CLOSED_FORM <= TO_MEAN * most_of, TO_MEAN * most_of <= b),
        ),
        instance_of(scalar, values),
        logarithm_lemma(),
        by_z3(z3.Implies(z3.And(S > 0, b >= 0), z3.And(share_of + most_of == b, share_of >= 0))),
    )


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


@paper_theorem(reference=f"{PAPER} (second price)")
def second_price_linear() -> Conclusions:
    """For the linear rule, any number of tokens, with S > 0 the sum of the others' bids and m their
    mean: the second price is ∫ TV(q(x), q(b)) dx = TV(p, m) (S ln((b+S)/S) - b S/(b+S)), between 0
    and b, and TV(p, m) = TV(p, q(b)) (b + S) / S."""
    of_mean = {rule.u: p, rule.v: m, rule.U: P, rule.V: M, rule.W: FROM_MEAN}
    at_most_one = instance_of(rule.total_variation()["TV ≤ 1"], of_mean)
    price, positive, summed = price_lemma(), not_negative(), instance_of(sums_lemma(), {x: b})
    known = z3.And(HYPOTHESES, DISTRIBUTIONS)
    return {
        "TV(q(x), q(b)) = TV(p, m) (b/(b+S) - x/(x+S))": squeeze_lemma(),
        "∫ TV(q(x), q(b)) dx = TV(p, m) (S ln((b+S)/S) - b S/(b+S))": price,
        "TV(p, m) = TV(p, q(b)) (b+S)/S": by_z3(
            z3.Implies(HYPOTHESES, TO_MEAN == TO_RULE * ((b + S) / S)), inverse_lemma(), summed
        ),
        "0 ≤ price ≤ TV(p, m) b²/(b+S) ≤ b": by_z3(
            z3.Implies(known, z3.And(0 <= PRICE, PRICE <= MOST, MOST <= b)),
            price,
            positive,
            at_most_one,
            bounds_lemma(),
        ),
    }
