"""The linear rule is monotone in the robust order, for every number of agents and tokens.

`q(t) = Σ_j b_j p_j(t) / Σ_j b_j`. Only agent `i` changes its bid, from `b_i` to `x ≥ b_i`. Write
`R = Σ_{j ≠ i} b_j p_j(t)` and `S = Σ_{j ≠ i} b_j` for what the others contribute. Then
`q(t) = (b_i p_i(t) + R) / (b_i + S)` is a mean of `p_i(t)` and `R / S` in which the weight of
`p_i(t)` rises with the bid. All that is used of the others is `0 ≤ R ≤ S`, which holds term by
term, so the number of agents does not matter; the token is arbitrary, so neither does that of
tokens.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, instance_of
from tokenauction.proofs.library.basics.finite_sums import F, G, H, f, g, h, sum_of_the_others
from tokenauction.proofs.library.basics.notation import between, each, matrix, partial_sums, vector
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem

b, B, Bx, Q, Qx = (vector(name) for name in ("b", "B", "Bx", "Q", "Qx"))
p = matrix("p")
x = z3.Real("x")
i, t, n = z3.Ints("i t n")


def raised(j: Any) -> Any:
    """The bids after the raise."""
    return z3.If(j == i, x, b(j))


SUMS = z3.And(
    partial_sums(B, b),
    partial_sums(Bx, raised),
    partial_sums(Q, lambda j: b(j) * p(j, t)),
    partial_sums(Qx, lambda j: raised(j) * p(j, t)),
)
AGENT = z3.And(0 <= i, i < n)
BIDS = each(n, lambda j: b(j) >= 0)
RAISE = x >= b(i)
SOMEBODY_BIDS = B(n) > 0
PROBABILITIES = each(n, lambda j: z3.And(0 <= p(j, t), p(j, t) <= 1))
HYPOTHESES = (SUMS, AGENT, BIDS, RAISE, SOMEBODY_BIDS, PROBABILITIES)


# One agent and one token: its probability, its two bids, the others' sums, and the rule's sums.
own, low, high, R, S, top, bottom, raised_top, raised_bottom = z3.Reals(
    "own low high R S top bottom raised_top raised_bottom"
)


def scalar_lemma() -> Theorem:
    """`(b p + R) / (b + S)` moves towards `p` as `b` rises, where `0 ≤ R ≤ S`."""
    premises = z3.And(
        z3.And(0 <= own, own <= 1, 0 <= low, low <= high, 0 <= R, R <= S, bottom > 0),
        z3.And(top == low * own + R, bottom == low + S),
        z3.And(raised_top == high * own + R, raised_bottom == high + S),
    )
    towards = z3.And(raised_bottom > 0, between(own, raised_top / raised_bottom, top / bottom))
    return by_z3(z3.Implies(premises, towards))


def lift_lemma() -> Theorem:
    """The sums over all agents have that form, with `0 ≤ R ≤ S` for what the others contribute."""
    pointwise = by_z3(
        z3.Implies(z3.And(BIDS, PROBABILITIES), each(n, lambda j: in_order(b(j) * p(j, t), b(j))))
    )
    others = sum_of_the_others()["0 ≤ R ≤ S, and R stays"]
    raised_share = {h: lambda j: raised(j) * p(j, t), H: Qx}
    of_probability = instance_of(
        others, {f: lambda j: b(j) * p(j, t), F: Q, g: b, G: B, **raised_share}
    )
    of_bids = instance_of(others, {f: b, F: B, g: b, G: B, h: raised, H: Bx})
    rest, rest_of_bids = Q(n) - b(i) * p(i, t), B(n) - b(i)
    form = z3.And(
        in_order(rest, rest_of_bids),
        Qx(n) == x * p(i, t) + rest,
        Bx(n) == x + rest_of_bids,
    )
    return by_z3(z3.Implies(z3.And(*HYPOTHESES), form), pointwise, of_probability, of_bids)


def in_order(value: Any, most: Any) -> Any:
    """`0 ≤ value ≤ most`."""
    return z3.And(0 <= value, value <= most)


@library_theorem(origin=PAPER)
def linear_is_monotone() -> Conclusions:
    """The linear rule is monotone in the robust order, for bids of positive sum and every number of
    agents and of tokens: raising b_i moves every q(t) towards p_i(t)."""
    scalar = instance_of(
        scalar_lemma(),
        {
            own: p(i, t),
            low: b(i),
            high: x,
            R: Q(n) - b(i) * p(i, t),
            S: B(n) - b(i),
            top: Q(n),
            bottom: B(n),
            raised_top: Qx(n),
            raised_bottom: Bx(n),
        },
    )
    towards = z3.And(Bx(n) > 0, between(p(i, t), Qx(n) / Bx(n), Q(n) / B(n)))
    conclusion = by_z3(z3.Implies(z3.And(*HYPOTHESES), towards), scalar, lift_lemma())
    return {"every token moves towards its probability under p_i": conclusion}
