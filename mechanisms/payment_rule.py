"""The payment rule as a value: a function of bids and distributions that charges every agent.

Definition (after arXiv 2310.10826): a payment function maps bids `b` and preferred distributions
`p` to one payment `z_i(b, p)` for each agent, the expectation over the token that is drawn.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, overload

from tokenauction.mechanisms.profile_function import ProfileFunction, Support


@dataclass(frozen=True)
class PaymentRule(ProfileFunction):
    """A named function `(bids, dists) -> payments`, of shape `(agents,)`, in units of the bids.

    >>> import numpy as np
    >>> from tokenauction.mechanisms import second_price
    >>> second_price(np.array([1.0, 1.0]), np.array([[1.0, 0.0], [0.0, 1.0]])).round(6)
    array([0.193147, 0.193147])
    """

    kind: ClassVar[str] = "a payment rule"
    returns: ClassVar[str] = "agents"


@overload
def payment_rule(function: Callable[..., Any], /) -> PaymentRule: ...
@overload
def payment_rule(*, support: Support = "any") -> Callable[..., PaymentRule]: ...
def payment_rule(function: Callable[..., Any] | None = None, /, *, support: Support = "any") -> Any:
    """Make a function `(bids, dists) -> payments` a payment rule.

    Parameters and `support` are as for an aggregation rule. Raises TypeError for a function whose
    signature is neither.

    >>> @payment_rule
    ... def entry_fee(bids, dists, *, fee=1):
    ...     return fee + 0 * bids
    >>> entry_fee.label
    'entry_fee(fee=1)'
    """
    if function is None:
        return functools.partial(PaymentRule.of, support=support)
    return PaymentRule.of(function, support)
