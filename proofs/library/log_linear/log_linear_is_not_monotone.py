"""The log-linear rule is not monotone in the robust order from three tokens on.

Two agents, three tokens, `p_1 = (1/6, 1/6, 2/3)` and `p_2 = (1/6, 2/3, 1/6)`. At the bids (0, 1)
the rule returns `p_2`. At (1, 1) it is proportional to `√(p_1 p_2) = (1/6, 1/3, 1/3)`, so it
returns `(1/5, 2/5, 2/5)`. Both agents want 1/6 of token 0; agent 1's raise moves it away, to 1/5,
which is not in the agents' convex range either. The bid of zero is not the cause: with `p_1 =
(1/18, 1/18, 8/9)` and `p_2 = (1/18, 8/9, 1/18)` the raise from (1, 3) to (3, 3) moves token 0 from
1/11 to 1/9.
"""

from collections.abc import Sequence
from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_identity, by_z3, exp, ln
from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem

Distribution = Sequence[Any]


def over(parts: int, *numerators: int) -> Distribution:
    """The distribution with these numerators over one denominator."""
    return [z3.Q(k, parts) for k in numerators]


def power(bids: tuple[int, int], token: int, *preferred: Distribution) -> Any:
    """`Π_j p_j(t)^(b_j / B)`, by its logarithm."""
    logs = [z3.RealVal(bid) * ln(p[token]) for bid, p in zip(bids, preferred, strict=True)]
    return exp(z3.Sum(logs) / z3.RealVal(sum(bids)))


def log_linear(bids: tuple[int, int], *preferred: Distribution) -> list[Any]:
    """The log-linear rule of two agents: the powers, divided by their sum."""
    powers = [power(bids, token, *preferred) for token in range(3)]
    return [one / z3.Sum(powers) for one in powers]


def moves_away(
    agents: Sequence[Distribution],
    low: tuple[int, int],
    low_roots: Distribution,
    high: tuple[int, int],
    high_roots: Distribution,
) -> Theorem:
    """SymPy computes the powers; then token 0 is not between what agent 1 prefers and before."""
    values = [
        by_identity(root == power(bids, token, *agents))
        for bids, roots in ((low, low_roots), (high, high_roots))
        for token, root in enumerate(roots)
    ]
    before, after = log_linear(low, *agents)[0], log_linear(high, *agents)[0]
    shares = [root[0] / z3.Sum(root) for root in (low_roots, high_roots)]
    away = z3.And(after == shares[1], before == shares[0])
    return by_z3(z3.And(away, z3.Not(between(agents[0][0], after, before))), *values)


SIMPLE = over(6, 1, 1, 4), over(6, 1, 4, 1)
POSITIVE_BIDS = over(18, 1, 1, 16), over(18, 1, 16, 1)


@library_theorem(origin=PAPER)
def log_linear_is_not_monotone() -> Conclusions:
    """With three tokens and two agents the log-linear rule is not monotone in the robust order:
    raising agent 1's bid from 0 to 1 moves a token from 1/6, which is what both agents prefer, to
    1/5; and from 1 to 3, at positive bids, one that both prefer at 1/18 from 1/11 to 1/9."""
    return {
        "from 1/6 to 1/5, preferred 1/6": moves_away(
            SIMPLE, (0, 1), over(6, 1, 4, 1), (1, 1), over(6, 1, 2, 2)
        ),
        "from 1/11 to 1/9, preferred 1/18, with positive bids": moves_away(
            POSITIVE_BIDS, (1, 3), over(18, 1, 8, 2), (3, 3), over(18, 1, 4, 4)
        ),
    }
