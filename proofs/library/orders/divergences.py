"""Five divergences of distributions, as sums over the tokens.

Their terms for the preferred probability `p ≥ 0` and a probability `x`, and where they are finite:

    forward KL        p ln(p/x)    (0 ln 0 = 0)    x > 0 unless p = 0
    reverse KL        x ln(x/p)    (0 ln 0 = 0)    p > 0 unless x = 0
    total variation   |x - p|
    χ²                (x - p)² / p                 p > 0
    Hellinger         (√x - √p)²

Each falls up to `p` and rises after it, forward KL with `+ x - p` added to its term and reverse KL
with `- x + p`. Those parts change no comparison of two distributions: summed over the tokens they
are zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import z3

from tokenauction.proofs.core.kernel import REAL, Theorem, by_z3, generalised, ln
from tokenauction.proofs.library.orders.robust_is_the_intersection_of_separable_losses import (
    falls_or_rises,
    own,
    x,
    y,
)

root = z3.Function("root", REAL, REAL)
SQUARE_ROOT = z3.ForAll([x], z3.Implies(x >= 0, z3.And(root(x) >= 0, root(x) * root(x) == x)))


def forward_kl(own: Any, x: Any) -> Any:
    """`p ln(p/x)`."""
    return z3.If(own == 0, 0, own * ln(own / x))


def forward_kl_finite(own: Any, x: Any) -> Any:
    """Probabilities, and `x > 0` unless `p = 0`."""
    return z3.And(own >= 0, x >= 0, z3.Or(own == 0, x > 0))


def reverse_kl(own: Any, x: Any) -> Any:
    """`x ln(x/p)`."""
    return z3.If(x == 0, 0, x * ln(x / own))


def reverse_kl_finite(own: Any, x: Any) -> Any:
    """Probabilities, and `p > 0` unless `x = 0`."""
    return z3.And(own >= 0, x >= 0, z3.Or(x == 0, own > 0))


def total_variation(own: Any, x: Any) -> Any:
    """`|x - p|`; twice the total variation, summed."""
    return z3.Abs(x - own)


def chi_squared(own: Any, x: Any) -> Any:
    """`(x - p)² / p`."""
    return (x - own) * (x - own) / own


def hellinger(own: Any, x: Any) -> Any:
    """`(√x - √p)²`."""
    return (root(x) - root(own)) * (root(x) - root(own))


def chi_squared_finite(own: Any, x: Any) -> Any:
    """`p > 0`."""
    return own > 0


def probabilities(own: Any, x: Any) -> Any:
    """What has a square root."""
    return z3.And(own >= 0, x >= 0)


def plus(term: Any, sign: int, gap: Any) -> Any:
    """`term + sign * gap`, without a part that is zero."""
    return term + sign * gap if sign else term


@dataclass(frozen=True)
class Divergence:
    """A divergence `Σ_t term(p(t), q(t))`, and where its terms are finite.

    As a term of a separable loss it has `sign (x - p)` added to it.
    """

    term: Callable[[Any, Any], Any]
    finite: Callable[[Any, Any], Any]
    sign: int = 0

    def claim(self, says: Callable[..., Any], own: Any) -> Any:
        """What `says` (`falls_or_rises` or `falls_then_rises`) says of the term of the loss."""
        return says(
            lambda x: plus(self.term(own, x), self.sign, x - own),
            lambda x: self.finite(own, x),
            own,
        )

    def falls_then_rises(self, *known: Theorem) -> Theorem:
        """The term of the loss falls up to `p` and rises after it."""
        return generalised(by_z3(self.claim(falls_or_rises, own), *known), x, y)


FORWARD_KL = Divergence(forward_kl, forward_kl_finite, 1)
REVERSE_KL = Divergence(reverse_kl, reverse_kl_finite, -1)
TOTAL_VARIATION = Divergence(total_variation, probabilities)
CHI_SQUARED = Divergence(chi_squared, chi_squared_finite)
HELLINGER = Divergence(hellinger, probabilities)
