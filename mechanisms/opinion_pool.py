"""Opinion pools: rules that average the distributions with weights made of the bids alone.

A linear pool is `Σ_j w_j p_j(t) / Σ_j w_j`; a logarithmic pool is the normalised geometric mean
with the same shares. The author writes the weights, and the pool is the rule: what is known of
pools (the path of the aggregate along one own bid) holds by construction, not by declaration.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import update_wrapper
from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.theory.parameters import parameters_of


@dataclass(frozen=True)
class OpinionPool(AggregationRule):
    """An aggregation rule together with the function `bids -> weights` that it pools by.

    `weights` returns shape `(agents,)`, non-negative, not all zero.

    >>> import numpy as np
    >>> from tokenauction.mechanisms import cap
    >>> cap.weights_of(np.array([3.0, 40.0]))
    array([ 3., 10.])
    """

    weights: Callable[..., Any] = lambda bids: bids
    logarithmic: bool = False

    def weights_of(self, bids: Any) -> Any:
        """The weights of the agents at these bids and at the pool's parameters."""
        return self.weights(bids, **self.parameters)


def linear_pool(weights: Callable[..., Any]) -> OpinionPool:
    """Make a function `bids -> weights` the linear pool with these weights.

    The first parameter takes the bids, whatever its name; those after it are the rule's, as for an
    aggregation rule. Raises TypeError for a function with another signature or without a name.

    >>> import numpy as np
    >>> @linear_pool
    ... def square_roots(bids):
    ...     return bids ** 0.5
    >>> square_roots(np.array([1.0, 9.0]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([0.25, 0.75])
    """
    return _pool(weights, _arithmetic_mean, logarithmic=False)


def logarithmic_pool(weights: Callable[..., Any]) -> OpinionPool:
    """Make a function `bids -> weights` the logarithmic pool with these weights.

    It is defined for strictly positive distributions. Raises TypeError as `linear_pool` does.
    """
    return _pool(weights, _geometric_mean, logarithmic=True)


def _pool(
    weights: Callable[..., Any], mean: Callable[..., Any], *, logarithmic: bool
) -> OpinionPool:
    others = _parameters(weights)

    def pooled(bids: Any, dists: Any, **parameters: Any) -> Any:
        found = weights(bids, **parameters)
        return None if found is None else mean(found, dists)

    update_wrapper(pooled, weights)
    profile = [
        inspect.Parameter(array, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for array in ("bids", "dists")
    ]
    pooled.__signature__ = inspect.Signature([*profile, *others])  # type: ignore[attr-defined]
    rule = OpinionPool.of(pooled, "full" if logarithmic else "any")
    if rule.distributions:
        name = next(iter(rule.distributions))
        raise TypeError(f"{rule.name}: the weights of a pool see the bids alone, not {name!r}")
    return replace(rule, weights=weights, logarithmic=logarithmic)


def _parameters(weights: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters after the bids; raises TypeError where the first takes no bids."""
    name = getattr(weights, "__name__", "")
    if not name.isidentifier():
        raise TypeError(
            f"the weights of a pool are a named function of the bids, not {weights!r}: write "
            "def weights(bids): ..."
        )
    found = list(parameters_of(weights).values())
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not found or found[0].kind not in by_position or found[0].default is not found[0].empty:
        raise TypeError(
            f"{name}: the weights of a pool take the bids first, by position and without a "
            f"default: def {name}(bids, *, parameter=1)"
        )
    for parameter in found[1:]:
        if parameter.name in ("bids", "dists"):
            raise TypeError(
                f"{name}: the weights of a pool have one array, the bids: take {parameter.name!r} "
                "out, or, if it is a number, give it another name"
            )
    return found[1:]


def _arithmetic_mean(weights: Any, dists: Any) -> Any:
    xp = array_namespace(weights, dists)
    return xp.matmul(weights, dists) / xp.sum(weights)


def _geometric_mean(weights: Any, dists: Any) -> Any:
    xp = array_namespace(weights, dists)
    logits = xp.matmul(weights, xp.log(dists)) / xp.sum(weights)
    odds = xp.exp(logits - xp.max(logits))
    return odds / xp.sum(odds)
