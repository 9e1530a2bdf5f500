"""What the odds order prefers, forward KL, reverse KL and total variation prefer.

Let p, q and q' be positive distributions over any number of tokens, and q lie between p and q' in
the odds order. Write `ρ = q' / q`. Where `q(s) / p(s) > q(t) / p(t)`, the odds of q are above those
of p, so those of q' are above those of q, `ρ(s) ≥ ρ(t)`: the ratios `q / p` and ρ rise and fall
together. By Chebyshev's sum inequality (chebyshev.py)

    1 = Σ p (q/p) ρ ≥ (Σ p q/p) (Σ p ρ) = Σ p ρ                     weights p, of q/p and ρ
    Σ q' ln(q/p) = Σ q ρ ln(q/p) ≥ Σ q ln(q/p) = KL(q ‖ p)          weights q, of ρ and ln(q/p)
    Σ q' σ = Σ q ρ σ ≥ Σ q σ                                        weights q, of ρ and σ

with `σ = 1` where `q ≥ p` and -1 elsewhere. Hence, token by token and then in the sum,

    p ln(p/q') ≥ p ln(p/q) + p - p ρ            so KL(p ‖ q') ≥ KL(p ‖ q) + 1 - Σ p ρ
    q' ln(q'/p) ≥ q' - q + q' ln(q/p)           so KL(q' ‖ p) ≥ Σ q' ln(q/p)
    |q' - p| ≥ |q - p| + q' σ - q σ             so the total variation is at least as large.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from tokenauction.proofs.core.kernel.formulas import substituted
from tokenauction.proofs.library.basics import chebyshev, finite_sums, gibbs
from tokenauction.proofs.library.basics.gibbs import entropy_term
from tokenauction.proofs.library.basics.logarithm import ln_below_its_tangent, ln_rises
from tokenauction.proofs.library.basics.logarithm import x as tangent_at
from tokenauction.proofs.library.basics.named_products import Fact, with_products
from tokenauction.proofs.library.basics.notation import (
    between,
    each,
    each_token,
    matrix,
    partial_sums,
    vector,
)
from tokenauction.proofs.library.basics.sum_exchange import sums_up_to
from tokenauction.proofs.library.basics.sums_exist import without_sums
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.orders.odds_is_a_partial_order import P, Q, R, n, p, q, r, s, t

# The losses of q and of q', and the sums on the way; `r` is q' here.
small, large, X, Y, XY = (vector(name) for name in ("small", "large", "X", "Y", "XY"))
small_term, large_term = vector("small_term"), vector("large_term")
odds = [matrix(f"odds_{name}") for name in "pqr"]


def sign(t: Any) -> Any:
    """1 where q is at least p, else -1."""
    return z3.If(q(t) >= p(t), z3.RealVal(1), z3.RealVal(-1))


@dataclass(frozen=True)
class Loss:
    """How a loss grows: the weights, what rises together, and the bound at a token.

    `sums` are the sums that Chebyshev's inequality speaks of, in the order X, Y, XY; `bound` is
    what the larger loss is at least, from the smaller, p, q, q', and the products w y and w x y.
    """

    weights: tuple[Any, Any]
    x: Callable[[Any], Any]
    y: Callable[[Any], Any]
    sums: tuple[Any, Any, Any]
    term: Callable[[Any, Any], Any]
    equal: Callable[[Any], Any]
    bound: Callable[..., Any]
    lemmas: Sequence[Theorem] = ()

    def products(self) -> dict[Any, Any]:
        """What the names stand for."""
        w, x, y = self.weights[0], self.x, self.y
        named = dict(zip(odds, (p, q, r), strict=True))
        return {
            **{name: (lambda s, t, d=d: d(s) / d(t)) for name, d in named.items()},
            chebyshev.together: lambda s, t: (x(s) - x(t)) * (y(s) - y(t)),
            chebyshev.wx: lambda t: w(t) * x(t),
            chebyshev.wy: lambda t: w(t) * y(t),
            chebyshev.wxy: lambda t: w(t) * x(t) * y(t),
            chebyshev.product: self.sums[0](n) * self.sums[1](n),
            small_term: lambda t: self.term(q, t),
            large_term: lambda t: self.term(r, t),
        }

    def covariance(self) -> Fact:
        """Chebyshev's inequality of the weights, x and y."""
        symbols = (chebyshev.w, chebyshev.W, chebyshev.X, chebyshev.Y, chebyshev.XY)
        meanings: dict[Any, Any] = dict(zip(symbols, (*self.weights, *self.sums), strict=True))
        conclusion = chebyshev.XY(n) >= chebyshev.product
        named = substituted(z3.Implies(chebyshev.HYPOTHESES, conclusion), meanings)
        (theorem,) = chebyshev.chebyshev().values()
        of = {chebyshev.x: self.x, chebyshev.y: self.y}
        return Fact(named, (), theorem=instance_of(theorem, {**meanings, **of}))

    def grows(self) -> Theorem:
        """The larger loss is the larger one."""
        at_t = z3.And(p(t) > 0, q(t) > 0, r(t) > 0)
        at_s = z3.And(p(s) > 0, q(s) > 0, r(s) > 0)
        moves = between(*(one(s, t) for one in odds))
        names = (small_term, p, q, r, chebyshev.wy, chebyshev.wxy)
        token = large_term(t) >= self.bound(*(name(t) for name in names))
        product = z3.Implies(self.sums[0](n) == 1, chebyshev.product == self.sums[1](n))
        together = z3.Implies(z3.And(at_s, at_t, moves), chebyshev.together(s, t) >= 0)
        facts = (
            Fact(together, (s, t), self.lemmas),
            Fact(z3.Implies(at_t, self.equal(t)), (t,), self.lemmas),
            Fact(z3.Implies(at_t, token), (t,), self.lemmas),
            Fact(product, ()),
            self.covariance(),
        )
        used = z3.And([fact.for_all for fact in facts])
        distributions = z3.And(
            each(n, lambda t: z3.And(p(t) > 0, q(t) > 0, r(t) > 0)),
            z3.And(partial_sums(P, p), partial_sums(Q, q), partial_sums(R, r)),
            z3.And(P(n) == 1, Q(n) == 1, R(n) == 1),
        )
        prefers = each(n, lambda s: each_token(n, lambda t: between(*(one(s, t) for one in odds))))
        losses = z3.And(partial_sums(small, small_term), partial_sums(large, large_term))
        ways = [(Y, chebyshev.wy), (XY, chebyshev.wxy)]
        way = [(one, of) for one, of in ways if one in self.sums]
        defined = z3.And([sums_up_to(n, one, of) for one, of in way])
        premise = z3.And(distributions, prefers, losses)
        bounded = each(n, lambda t: large_term(t) >= self.bound(*(name(t) for name in names)))
        sums = (small, P, Q, R, self.sums[1], self.sums[2])
        going_on = [
            sums_up_to(n, one, of)
            for one, of in zip((*sums, large), (*names, large_term), strict=True)
        ]
        total = finite_sums.by_induction(
            z3.And(bounded, *going_on),
            lambda k: z3.Implies(k <= n, large(k) >= self.bound(*(one(k) for one in sums))),
        )
        of_products = [
            sums_up_to(n, one, of)
            for one, of in zip(self.sums, (chebyshev.wx, chebyshev.wy, chebyshev.wxy), strict=True)
        ]
        equal = by_z3(z3.Implies(z3.And(used, distributions), each(n, self.equal)))
        steps = [
            total,
            by_z3(z3.Implies(z3.And(used, distributions), bounded)),
            by_z3(
                z3.Implies(z3.And(used, distributions, losses, defined), z3.And(of_products)), equal
            ),
        ]
        risen = each(n, lambda s: each_token(n, lambda t: chebyshev.together(s, t) >= 0))
        steps.append(by_z3(z3.Implies(z3.And(used, distributions, prefers), risen)))
        statement = z3.Implies(premise, small(n) <= large(n))
        for one, of in way:
            statement = z3.Implies(sums_up_to(n, one, of), statement)
        statement = z3.Implies(n >= 0, statement)
        products = self.products()
        found = with_products(
            products, facts, statement, by_z3(z3.Implies(used, statement), *steps)
        )
        for one, of in reversed(way):
            found = without_sums(found, one, products[of])
        return found


def ratio(t: Any) -> Any:
    """`ρ = q' / q`."""
    return r(t) / q(t)


def forward() -> Loss:
    """`Σ p ρ ≤ 1`, and `ln ρ ≤ ρ - 1`."""
    tangent = ln_below_its_tangent()["ln x ≤ x - 1, equal at 1 only"]
    quotient = by_identity(
        ln(over / last) == ln(over / under) - ln(last / under),
        given=[over > 0, under > 0, last > 0],
    )
    a, c, u, v, w = z3.Reals("a c u v w")
    scaled = by_z3(z3.Implies(z3.And(a > 0, u == v - w, w <= c - 1), a * u >= a * v + a - a * c))
    values = {a: p(t), c: ratio(t), u: ln(p(t) / r(t)), v: ln(p(t) / q(t)), w: ln(ratio(t))}
    lemmas = (
        instance_of(quotient, {over: p(t), under: q(t), last: r(t)}),
        instance_of(tangent, {tangent_at: ratio(t)}),
        by_z3(z3.Implies(z3.And(q(t) > 0, r(t) > 0), ratio(t) > 0)),
        instance_of(scaled, values),
    )
    return Loss(
        (p, P),
        lambda t: q(t) / p(t),
        ratio,
        (Q, Y, R),
        lambda d, t: entropy_term(p(t), d(t)),
        lambda t: z3.And(chebyshev.wx(t) == q(t), chebyshev.wxy(t) == r(t)),
        lambda small, p, q, r, wy, wxy: small + p - wy,
        lemmas,
    )


over, under, last = z3.Reals("over under last")


def reverse() -> Loss:
    """`Σ q' ln(q/p) ≥ KL(q ‖ p)`, and `q' ln(q'/q) ≥ q' - q`."""
    a, c, u, v, w = z3.Reals("a c u v w")
    through = by_identity(
        ln(over / last) == ln(over / under) + ln(under / last),
        given=[over > 0, under > 0, last > 0],
    )
    scaled = by_z3(z3.Implies(z3.And(a > 0, u == v + w, a * v >= a - c), a * u >= a - c + a * w))
    cancelled = by_z3(z3.Implies(z3.And(a > 0, c > 0), c * (a / c) * w == a * w))
    values = {a: r(t), c: q(t), u: ln(r(t) / p(t)), v: ln(r(t) / q(t)), w: ln(q(t) / p(t))}
    first, second = q(s) / p(s), q(t) / p(t)
    rises = ln_rises()["ln x < ln y"]
    # By a constant for each logarithm: only that they are ordered like q / p is used.
    log_s, log_t, u_s, u_t, v_s, v_t, w_s, w_t = z3.Reals("log_s log_t u_s u_t v_s v_t w_s w_t")
    ordered = z3.And(
        z3.Implies(v_s / u_s < v_t / u_t, log_s < log_t),
        z3.Implies(v_t / u_t < v_s / u_s, log_t < log_s),
        z3.Implies(v_s / u_s == v_t / u_t, log_s == log_t),
    )
    positive = z3.And([one > 0 for one in (u_s, u_t, v_s, v_t, w_s, w_t)])
    moves = between(u_s / u_t, v_s / v_t, w_s / w_t)
    together = by_z3(
        z3.Implies(z3.And(positive, moves, ordered), (w_s / v_s - w_t / v_t) * (log_s - log_t) >= 0)
    )
    distributions = {u_s: p(s), u_t: p(t), v_s: q(s), v_t: q(t), w_s: r(s), w_t: r(t)}
    lemmas = (
        instance_of(through, {over: r(t), under: q(t), last: p(t)}),
        instance_of(gibbs.token_lemma(), {gibbs.a: r(t), gibbs.c: q(t)}),
        instance_of(scaled, values),
        instance_of(cancelled, {a: r(t), c: q(t), w: ln(q(t) / p(t))}),
        by_z3(
            z3.Implies(
                z3.And(p(t) > 0, p(s) > 0, q(t) > 0, q(s) > 0), z3.And(first > 0, second > 0)
            )
        ),
        specialised(rises, first, second),
        specialised(rises, second, first),
        instance_of(together, {**distributions, log_s: ln(first), log_t: ln(second)}),
    )
    return Loss(
        (q, Q),
        ratio,
        lambda t: ln(q(t) / p(t)),
        (R, small, XY),
        lambda d, t: entropy_term(d(t), p(t)),
        lambda t: z3.And(chebyshev.wx(t) == r(t), chebyshev.wy(t) == small_term(t)),
        lambda small, p, q, r, wy, wxy: r - q + wxy,
        lemmas,
    )


def total_variation() -> Loss:
    """`Σ q' σ ≥ Σ q σ`, and `|q' - p| - |q - p| ≥ σ (q' - q)`."""
    return Loss(
        (q, Q),
        ratio,
        sign,
        (R, Y, XY),
        lambda d, t: z3.If(d(t) >= p(t), d(t) - p(t), p(t) - d(t)),
        lambda t: chebyshev.wx(t) == r(t),
        lambda small, p, q, r, wy, wxy: small + wxy - wy,
    )


@library_theorem(origin=OWN)
def odds_implies_the_losses() -> Conclusions:
    """If q lies between p and q' in the odds order, then forward KL, reverse KL and total variation
    of q from p are at most those of q', for positive distributions over any number of tokens."""
    return {
        "KL(p ‖ q) ≤ KL(p ‖ q')": forward().grows(),
        "KL(q ‖ p) ≤ KL(q' ‖ p)": reverse().grows(),
        "Σ |q - p| ≤ Σ |q' - p|": total_variation().grows(),
    }
