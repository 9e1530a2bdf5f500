"""The aggregation rule as a value: a function that makes one distribution of the agents'.

Definition (after arXiv 2310.10826): an aggregation rule maps bids `b` in `R^n_+`, not all zero, and
preferred distributions `p` in `Δ(T)^n` to one distribution `q(b, p)` in `Δ(T)`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, overload

from tokenauction.mechanisms.profile_function import ProfileFunction, Support


@dataclass(frozen=True)
class AggregationRule(ProfileFunction):
    """A named function `(bids, dists) -> dist`, of shape `(tokens,)`.

    >>> from tokenauction.mechanisms import reserve
    >>> reserve.label
    'reserve(reserve_price=1)'
    >>> reserve.with_parameters(reserve_price=2).label
    'reserve(reserve_price=2)'
    """

    kind: ClassVar[str] = "an aggregation rule"
    returns: ClassVar[str] = "tokens"


@overload
def aggregation_rule(function: Callable[..., Any], /) -> AggregationRule: ...
@overload
def aggregation_rule(*, support: Support = "any") -> Callable[..., AggregationRule]: ...
def aggregation_rule(
    function: Callable[..., Any] | None = None, /, *, support: Support = "any"
) -> Any:
    """Make a function `(bids, dists) -> dist` an aggregation rule.

    Parameters of the function after the first two are the rule's parameters and need a default: a
    number, or nothing at all for one that is annotated `Distribution`. Declare `support="full"` for
    a rule that is defined for strictly positive distributions only.

    Raises TypeError for a function whose signature is none of these.

    >>> import numpy as np
    >>> @aggregation_rule
    ... def linear(bids, dists):
    ...     return bids @ dists / bids.sum()
    >>> linear(np.array([1.0, 3.0]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([0.25, 0.75])
    """
    if function is None:
        return functools.partial(AggregationRule.of, support=support)
    return AggregationRule.of(function, support)
