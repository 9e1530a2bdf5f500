"""TRUSTED CORE. The claim that two functions of a kind are the same.

Guarantee: it holds at a profile where both functions are defined only if they are equal there; with
`everywhere`, both have to be defined at every profile as well.
"""

from collections.abc import Callable
from typing import Any, cast

from array_api_compat import array_namespace

from tokenauction.mechanisms import AggregationRule, PaymentRule, ProfileFunction
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.theory import RuleProperty
from tokenauction.theory.properties import Support


def _same_rule(rule: Any, other: Any, bids: Any, dists: Any) -> Any:
    return _all_equal(rule(bids, dists), other(bids, dists))


def _same_payment(payment: Any, other: Any, bids: Any, dists: Any) -> Any:
    return _all_equal(payment(bids, dists), other(bids, dists))


def _all_equal(left: Any, right: Any) -> Any:
    return array_namespace(left, right).all(left == right)


def claim_of_equality(
    one: ProfileFunction,
    other: ProfileFunction,
    support: Support,
    tokens: int | None,
    everywhere: bool,
) -> Claim:
    """The claim that two functions of a kind are equal, wherever both are defined.

    `tokens` is the only number of tokens that there can be, if there is but one.

    With `everywhere`, that both are defined everywhere as well; of a profile at which neither is,
    a search for differences says nothing.
    """
    pays = isinstance(one, PaymentRule)
    function: Callable[..., Any] = _same_payment if pays else _same_rule
    prop = RuleProperty(function, "same", "Both functions are the same.", support, everywhere)
    if pays:
        return Claim(None, prop, payment=cast(PaymentRule, one), other=other, tokens=tokens)
    return Claim(cast(AggregationRule, one), prop, other=other, tokens=tokens)
