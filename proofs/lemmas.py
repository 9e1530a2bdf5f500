"""Named lemmas: how one property of a rule follows from another, for every size.

robust-implies-separable. If `q(t)` lies between `p(t)` and `q'(t)` for every token, then
`Σ_t d_t(q(t)) ≤ Σ_t d_t(q'(t))` for all functions `d_t` that fall up to `p(t)` and rise after it,
token by token. The terms `p log(p/q) - p + q` (forward KL), `q log(q/p) - q + p` (reverse KL) and
`|q - p|` (total variation) are such functions, and `Σ_t (q - p) = 0`. So a rule that is monotone in
the robust order, and returns distributions, is monotone in these three.

welfare-implies-monotone (revealed preference). Let `q` maximise `b·v_i + rest` at the bid `b` and
`q'` at `b' < b`, the rest being the same. Adding `b v_i(q) + r(q) ≥ b v_i(q') + r(q')` and
`b' v_i(q') + r(q') ≥ b' v_i(q) + r(q)` gives `(b - b')(v_i(q) - v_i(q')) ≥ 0`. A strictly positive
distribution with `B (log q(s) - log q(t)) = Σ_j b_j (log p_j(s) - log p_j(t))` for all tokens is the
log-linear rule, which maximises `-Σ_j b_j KL(q ‖ p_j) = -B KL(q ‖ q*) + const`, and one with
`B q = Σ_j b_j p_j` is the linear rule, which maximises `-Σ_j b_j KL(p_j ‖ q)` (arXiv 2310.10826).

The premise of a lemma is proved by the same checker; nothing is taken from a rule's name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Lemma:
    """If every premise holds of a rule for all sizes, then so does the conclusion."""

    name: str
    premises: tuple[RuleProperty, ...]


def lemmas_for(prop: RuleProperty) -> Iterator[Lemma]:
    """The lemmas whose conclusion is a property, the cheapest first.

    >>> [lemma.name for lemma in lemmas_for(PROPERTIES["monotone-kl"])]
    ['robust-implies-separable']
    """
    if prop.order in (forward_kl, reverse_kl, total_variation):
        yield Lemma("robust-implies-separable", (distribution, PROPERTIES["monotone"]))
    if prop.order == reverse_kl:
        yield Lemma("welfare-implies-monotone", (distribution, maximises_reverse_kl_welfare))
