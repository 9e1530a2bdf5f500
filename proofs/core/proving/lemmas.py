"""TRUSTED CORE. Named lemmas: how one property of a rule or mechanism follows from another.

All are for every size. Each but the last, which needs none, is proved by the kernel, in the theorem
library (`THEOREMS` below says where); what is said here is how a theorem becomes a lemma about
rules.

robust-implies-separable. A rule that is monotone in the robust order, and returns distributions, is
monotone in forward KL, reverse KL and total variation.

odds-implies-losses. A rule that is monotone in the odds order, returns distributions and is
positive on positive distributions, is monotone in these three on positive distributions.

welfare-implies-monotone. A strictly positive distribution with
`B (log q(s) - log q(t)) = Σ_j b_j (log p_j(s) - log p_j(t))` for all tokens is that of the
log-linear rule, which is monotone in reverse KL.

monotone-implies-consistent. A rule that is monotone in the robust order aggregates consistently.

second-price-is-payment-monotone. Payments with the property `critical-bid`, of a monotone rule, are
the second price, which is payment-monotone at positive bids; at bid zero nothing is paid, so it is
payment-monotone there too where a change of outcome costs something.

rational-implies-bounds. Payments between zero and the bid are not negative, and zero for a bid of
zero.

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
        "robust-implies-separable": ("five-losses-are-separable",),
        "odds-implies-losses": ("odds-implies-the-losses",),
        "welfare-implies-monotone": ("log-linear-is-monotone-in-reverse-kl",),
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
