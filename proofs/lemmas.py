"""Named lemmas: how one property of a rule follows from another, for every size.

robust-implies-separable. If `q(t)` lies between `p(t)` and `q'(t)` for every token, then
`Σ_t d_t(q(t)) ≤ Σ_t d_t(q'(t))` for all functions `d_t` that fall up to `p(t)` and rise after it,
token by token. The terms `p log(p/q) - p + q` (forward KL), `q log(q/p) - q + p` (reverse KL) and
`|q - p|` (total variation) are such functions, and `Σ_t (q - p) = 0`. So a rule that is monotone in
the robust order, and returns distributions, is monotone in these three.

odds-implies-losses. Let `q`, `q'` and `p` be positive and `q` lie between `p` and `q'` in the odds
order. Then `q/p` and `q'/q` rise and fall together over the tokens, so by Chebyshev's sum
inequality `1 = E_p[(q/p)(q'/q)] ≥ E_p[q'/q]`, hence `E_p[log(q'/q)] ≤ 0`: forward KL falls.
Likewise `KL(q' ‖ p) - KL(q ‖ p) = KL(q' ‖ q) + Cov_q(q'/q, log(q/p)) ≥ 0`, and for `A = {q > p}`,
which both ratios favour, `q'(A) ≥ q(A)`: total variation falls. So a rule that is monotone in the
odds order and positive on positive distributions is monotone in these three on positive
distributions.

welfare-implies-monotone (revealed preference). Let `q` maximise `b·v_i + rest` at the bid `b` and
`q'` at `b' < b`, the rest being the same. Adding `b v_i(q) + r(q) ≥ b v_i(q') + r(q')` and
`b' v_i(q') + r(q') ≥ b' v_i(q) + r(q)` gives `(b - b')(v_i(q) - v_i(q')) ≥ 0`. A strictly positive
distribution with `B (log q(s) - log q(t)) = Σ_j b_j (log p_j(s) - log p_j(t))` for all tokens is
the log-linear rule, which maximises `-Σ_j b_j KL(q ‖ p_j) = -B KL(q ‖ q*) + const`
(arXiv 2310.10826).

The premise of a lemma is proved by the same checker; nothing is taken from a rule's name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from array_api_compat import array_namespace

from tokenauction.theory import (
    PROPERTIES,
    RuleProperty,
    distribution,
    forward_kl,
    reverse_kl,
    rule_property,
    total_variation,
)


@rule_property(support="full")
def maximises_reverse_kl_welfare(rule: Any, bids: Any, dists: Any) -> Any:
    """The log-odds of the aggregate are the weighted means of the agents' log-odds."""
    aggregate = rule(bids, dists)
    xp = array_namespace(bids, dists, aggregate)
    mine = xp.sum(bids) * xp.log(aggregate)
    theirs = xp.matmul(bids, xp.log(dists))
    return xp.all(mine[:, None] + theirs[None, :] == theirs[:, None] + mine[None, :])


@rule_property(support="full")
def positive(rule: Any, bids: Any, dists: Any) -> Any:
    """No token loses all its probability."""
    aggregate = rule(bids, dists)
    return array_namespace(aggregate).all(aggregate > 0)


@rule_property
def changes_have_a_price(
    rule: Any, payment: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any
) -> Any:
    """An agent that raises its bid from zero and pays nothing has changed nothing."""
    before, after = rule(bids, dists), rule(raised_bids, dists)
    xp = array_namespace(before, after)
    pays = payment(raised_bids, dists)[agent] > 0
    return (bids[agent] > 0) | pays | xp.all(after == before)


@dataclass(frozen=True)
class Lemma:
    """If every premise holds of a rule for all sizes, then so does the conclusion."""

    name: str
    premises: tuple[RuleProperty, ...]

    @property
    def theorems(self) -> tuple[str, ...]:
        """The theorems of the library that prove the lemma."""
        return THEOREMS[self.name]


THEOREMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "robust-implies-separable": ("separable-losses-of-the-paper",),
        "odds-implies-losses": ("odds-implies-the-losses",),
        "welfare-implies-monotone": ("kl-welfare-log-linear", "revealed-preference"),
        "monotone-implies-consistent": ("monotone-rules-are-consistent",),
        "second-price-is-payment-monotone": (
            "the-sandwich-is-second-price",
            "second-price-is-payment-monotone",
        ),
        "rational-implies-bounds": (),
    }
)


def lemmas_for(prop: RuleProperty, positive_only: bool) -> Iterator[Lemma]:
    """The lemmas whose conclusion is a property, the cheapest first.

    `positive_only` says that the claim speaks of strictly positive distributions only.

    >>> [lemma.name for lemma in lemmas_for(PROPERTIES["monotone-tv"], False)]
    ['robust-implies-separable']
    """
    if prop.order in (forward_kl, reverse_kl, total_variation):
        yield Lemma("robust-implies-separable", (distribution, PROPERTIES["monotone"]))
        if positive_only:
            odds_order = PROPERTIES["monotone-odds"]
            yield Lemma("odds-implies-losses", (distribution, positive, odds_order))
    if prop == PROPERTIES["consistent"]:
        yield Lemma("monotone-implies-consistent", (PROPERTIES["monotone"],))
    if prop == PROPERTIES["payment-monotone"]:
        premises = (PROPERTIES["monotone"], PROPERTIES["critical-bid"], changes_have_a_price)
        yield Lemma("second-price-is-payment-monotone", premises)
    if prop in (PROPERTIES["no-bid-no-payment"], PROPERTIES["no-positive-transfer"]):
        yield Lemma("rational-implies-bounds", (PROPERTIES["individually-rational"],))
    if prop.order == reverse_kl:
        yield Lemma("welfare-implies-monotone", (distribution, maximises_reverse_kl_welfare))
