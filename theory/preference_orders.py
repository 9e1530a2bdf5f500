"""Preference orders: when an agent prefers one next-token distribution to another.

An order is a predicate `(preferred, better, worse) -> truth value` on the array API: given the
agent's preferred distribution, it says whether `better` is at least as good as `worse`. The same
function is a formula when traced, an empirical check on NumPy and the replay test on exact numbers.

Definitions: after arXiv 2310.10826 for the robust order and the losses. The odds order is this
project's own. The orders that compare ratios are stated for strictly positive distributions.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, overload

from array_api_compat import array_namespace

from tokenauction.theory.parameters import parameters_of

Support = Literal["any", "full"]


@dataclass(frozen=True)
class PreferenceOrder:
    """A named order; `support="full"` states it for strictly positive distributions only.

    >>> import numpy as np
    >>> bool(robust(np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([0.2, 0.8])))
    True
    """

    function: Callable[[Any, Any, Any], Any]
    name: str
    support: Support = "any"
    file: str = ""
    line: int = 0

    def __call__(self, preferred: Any, better: Any, worse: Any) -> Any:
        """Whether `better` is at least as good as `worse`; all of shape `(tokens,)`."""
        return self.function(preferred, better, worse)

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


@overload
def preference_order(function: Callable[..., Any], /) -> PreferenceOrder: ...
@overload
def preference_order(*, support: Support = "any") -> Callable[..., PreferenceOrder]: ...
def preference_order(
    function: Callable[..., Any] | None = None, /, *, support: Support = "any"
) -> Any:
    """Make a predicate `(preferred, better, worse) -> truth value` a preference order.

    Raises TypeError for a function that does not take those three arguments.
    """

    def make(predicate: Callable[..., Any]) -> PreferenceOrder:
        names = list(parameters_of(predicate))
        if names != ["preferred", "better", "worse"]:
            raise TypeError(
                f"{predicate.__name__}: a preference order takes (preferred, better, worse)"
            )
        code = inspect.unwrap(predicate).__code__
        return PreferenceOrder(
            predicate, predicate.__name__, support, code.co_filename, code.co_firstlineno
        )

    return make if function is None else make(function)


@preference_order
def robust(preferred: Any, better: Any, worse: Any) -> Any:
    """For every token, `better` lies between `preferred` and `worse`."""
    xp = array_namespace(preferred, better, worse)
    rising = (worse <= better) & (better <= preferred)
    falling = (preferred <= better) & (better <= worse)
    return xp.all(rising | falling)


@preference_order(support="full")
def odds(preferred: Any, better: Any, worse: Any) -> Any:
    """For every two tokens, the odds in `better` lie between those in `preferred` and `worse`."""
    xp = array_namespace(preferred, better, worse)
    above = _odds_at_least(preferred, better) & _odds_at_least(better, worse)
    below = _odds_at_least(worse, better) & _odds_at_least(better, preferred)
    return xp.all(above | below)


def _odds_at_least(left: Any, right: Any) -> Any:
    """For tokens (s, t): whether `left[s] / left[t] >= right[s] / right[t]`, without dividing."""
    return left[:, None] * right[None, :] >= right[:, None] * left[None, :]


@preference_order(support="full")
def forward_kl(preferred: Any, better: Any, worse: Any) -> Any:
    """The divergence `KL(preferred ‖ ·)` of `better` is at most that of `worse`."""
    xp = array_namespace(preferred, better, worse)
    return xp.sum(preferred * xp.log(worse)) <= xp.sum(preferred * xp.log(better))


@preference_order(support="full")
def reverse_kl(preferred: Any, better: Any, worse: Any) -> Any:
    """The divergence `KL(· ‖ preferred)` of `better` is at most that of `worse`."""
    return _relative_entropy(better, preferred) <= _relative_entropy(worse, preferred)


def _relative_entropy(dist: Any, positive: Any) -> Any:
    xp = array_namespace(dist, positive)
    present = xp.where(dist > 0, dist, xp.ones_like(dist))
    return xp.sum(dist * xp.log(present / positive))


@preference_order
def total_variation(preferred: Any, better: Any, worse: Any) -> Any:
    """The total variation distance of `better` from `preferred` is at most that of `worse`."""
    xp = array_namespace(preferred, better, worse)
    return xp.sum(xp.abs(better - preferred)) <= xp.sum(xp.abs(worse - preferred))


ORDERS: Mapping[str, PreferenceOrder] = MappingProxyType(
    {
        "robust": robust,
        "odds": odds,
        "forward-kl": forward_kl,
        "reverse-kl": reverse_kl,
        "total-variation": total_variation,
    }
)
