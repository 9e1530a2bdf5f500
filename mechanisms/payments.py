"""The shipped payment rules: second price, pay your bid, and VCG on the two KL welfares.

Each is what an agent pays in expectation over the token. Write `S = Σ_{j≠i} b_j` for the others'
bids and `m = Σ_{j≠i} b_j p_j / S` for their mean; an agent without rivals pays nothing in the last
three.
"""

from typing import Any

from array_api_compat import array_namespace

from tokenauction.mechanisms.payment_rule import payment_rule


@payment_rule
def pay_your_bid(bids: Any, dists: Any) -> Any:
    """Every agent pays its bid."""
    xp = array_namespace(bids, dists)
    return xp.asarray(bids, copy=True)


@payment_rule
def second_price(bids: Any, dists: Any) -> Any:
    """The expected critical bid of the linear rule, in closed form.

    `TV(p_i, m) (S ln((b_i + S) / S) - b_i S / (b_i + S))`, which is the integral of
    `TV(q(x), q(b_i))` over the own bids `x` up to `b_i` (after arXiv 2310.10826; the closed
    form is proved in `proofs/library/payments/second_price_linear.py`).
    """
    xp = array_namespace(bids, dists)
    weighted = bids[:, None] * dists
    others = xp.sum(bids) - bids
    rivals = xp.where(others > 0, others, xp.ones_like(others))
    mean = (xp.sum(weighted, axis=0) - weighted) / rivals[:, None]
    distance = xp.sum(xp.abs(dists - mean), axis=1) / 2
    return distance * (others * xp.log1p(bids / rivals) - bids * others / (bids + rivals))


@payment_rule
def vcg_linear(bids: Any, dists: Any) -> Any:
    """What the others lose in forward-KL welfare by the agent's presence: `S KL(m ‖ q)`.

    The linear rule maximises that welfare.
    """
    xp = array_namespace(bids, dists)
    weighted = bids[:, None] * dists
    aggregate = xp.sum(weighted, axis=0) / xp.sum(bids)
    of_others = xp.sum(weighted, axis=0) - weighted
    others = xp.sum(bids) - bids
    lost = xp.sum(_relative_entropy_terms(of_others, others[:, None] * aggregate), axis=1)
    return xp.where(others > 0, lost, xp.zeros_like(lost))


@payment_rule(support="full")
def vcg_log_linear(bids: Any, dists: Any) -> Any:
    """What the others lose in reverse-KL welfare by the agent's presence: `S KL(q ‖ q_-i)`.

    `q_-i` is the log-linear pool of the others; the log-linear rule maximises that welfare.
    """
    xp = array_namespace(bids, dists)
    others = xp.sum(bids) - bids
    rivals = xp.where(others > 0, others, xp.ones_like(others))
    weighted = bids[:, None] * xp.log(dists)
    aggregate = _normalised(xp.sum(weighted, axis=0)[None, :] / xp.sum(bids))
    without = _normalised((xp.sum(weighted, axis=0) - weighted) / rivals[:, None])
    return others * xp.sum(_relative_entropy_terms(aggregate, without), axis=1)


def _relative_entropy_terms(own: Any, other: Any) -> Any:
    """`a ln(a / c) - a + c`, at least zero term by term; `c` where `a = 0`."""
    xp = array_namespace(own, other)
    present = xp.where(own > 0, own, xp.ones_like(own))
    ratio = present / xp.where(own > 0, other, xp.ones_like(other))
    return own * xp.log(ratio) - own + other


def _normalised(log_weights: Any) -> Any:
    """Distributions with these log-weights, row by row."""
    xp = array_namespace(log_weights)
    weights = xp.exp(log_weights - xp.max(log_weights, axis=1, keepdims=True))
    return weights / xp.sum(weights, axis=1, keepdims=True)
