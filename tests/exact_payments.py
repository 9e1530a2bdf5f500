"""Aggregates, tokens and critical bids once more, from the definitions, in exact arithmetic.

Nothing of the package is used. Fractions where the numbers are rational, mpmath with 60 digits
where there are logarithms. Rows are tuples over tokens; `own` is a bid put in place of an agent's.
The critical bid (after arXiv 2310.10826) is the lowest own bid at which, with the same random
numbers, the token that was drawn would have been drawn.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from mpmath import mp, mpf  # type: ignore[import-untyped]

Number = Any  # Fraction or mpf
Row = tuple[Number, ...]
Rows = Sequence[Row]
Weights = Callable[[Sequence[Number]], Sequence[Number]]

mp.dps = 60
_HALVINGS = 190


def real(value: Any) -> Any:
    """A fraction, float or whole number with 60 digits."""
    return mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else mpf(value)


def exactly(values: Any) -> tuple[Fraction, ...]:
    """Floats as the fractions that they are."""
    return tuple(Fraction(float(value)) for value in values)


def with_bid(bids: Sequence[Number], agent: int, own: Number) -> list[Number]:
    """The bids with one of them replaced; all of them mpmath's if the new one is."""
    changed = [own if j == agent else bid for j, bid in enumerate(bids)]
    return changed if _rational(own) else [real(bid) for bid in changed]


# Weights of the shipped pools, as functions of all bids. Softmax without the shift.

WEIGHTS: dict[str, Weights] = {
    "linear": lambda bids: bids,
    "square_weights": lambda bids: [b * b for b in bids],
    "log1p_weights": lambda bids: [mp.log(1 + real(b)) for b in bids],
    "saturating_weights": lambda bids: [b / (1 + b) for b in bids],
    "softmax_weights": lambda bids: [mp.exp(real(b)) for b in bids],
    "cap": lambda bids: [min(b, 1) for b in bids],
    "reserve": lambda bids: _reserve(bids),
    "winner_takes_all": lambda bids: [int(b == max(bids)) for b in bids],
    "rank_weights": lambda bids: [sum(other <= b for other in bids) for b in bids],
}


def _reserve(bids: Sequence[Number]) -> Sequence[Number]:
    above = [max(b - 1, 0) for b in bids]
    return above if any(above) else [1 for _ in bids]


def linear_aggregate(weights: Sequence[Number], dists: Rows) -> Row:
    """`Σ_j w_j p_j(t) / Σ_j w_j`."""
    total = _sum(weights)
    pooled = [
        _sum(_times(w, p) for w, p in zip(weights, column, strict=True))
        for column in zip(*dists, strict=True)
    ]
    return tuple(_over(value, total) for value in pooled)


def log_linear_aggregate(bids: Sequence[Number], dists: Rows) -> Row:
    """`exp(Σ_j b_j log p_j(t) / Σ_j b_j)`, normalised, for positive distributions."""
    total = real(_sum(bids))
    odds = [
        mp.exp(
            mp.fsum(real(b) * mp.log(real(p)) for b, p in zip(bids, column, strict=True)) / total
        )
        for column in zip(*dists, strict=True)
    ]
    return tuple(value / mp.fsum(odds) for value in odds)


def aggregate(name: str, bids: Sequence[Number], dists: Rows) -> Row:
    """The aggregate of a shipped pool by its name."""
    if name == "log_linear":
        return log_linear_aggregate(bids, dists)
    return linear_aggregate(WEIGHTS[name](bids), dists)


def others_mean(bids: Sequence[Number], dists: Rows, agent: int) -> Row:
    """The linear aggregate without an agent; needs a rival with a positive bid."""
    return linear_aggregate(with_bid(bids, agent, 0), dists)


def distance(one: Row, other: Row) -> Number:
    """Total variation."""
    return _sum(abs(_minus(a, b)) for a, b in zip(one, other, strict=True)) / 2


# Stable sampling.


def stable_critical_bid(
    bids: Sequence[Fraction], dists: Rows, agent: int, token: int, number: Fraction
) -> Fraction:
    """Of the linear rule: the inequality `q_t(x) >= u q_t(b)` solved, zero if the agent pulls down.

    With `L = u q_t(b)` it is `x (p - L) >= S (L - m)`, and `L < p` where the agent pulls up.
    """
    rivals = sum(bids) - bids[agent]
    if bids[agent] == 0 or rivals == 0:
        return Fraction(0)
    own, mean = dists[agent][token], others_mean(bids, dists, agent)[token]
    if own <= mean:
        return Fraction(0)
    level = number * linear_aggregate(bids, dists)[token]
    return max(Fraction(0), Fraction(rivals * (level - mean) / (own - level)))


def second_price(bids: Sequence[Fraction], dists: Rows, agent: int) -> Any:
    """Of the linear rule, expected: `TV(p, m) (S ln((b + S) / S) - b S / (b + S))`."""
    own, rivals = bids[agent], sum(bids) - bids[agent]
    if own == 0 or rivals == 0:
        return mpf(0)
    apart = real(distance(dists[agent], others_mean(bids, dists, agent)))
    b, s = real(own), real(rivals)
    return apart * (s * mp.log((b + s) / s) - b * s / (b + s))


def stable_critical_bid_by_halving(
    name: str, bids: Sequence[Number], dists: Rows, agent: int, token: int, number: Number
) -> Any:
    """Of any monotone pool: `inf {x : q_t(x) >= u q_t(b)}` by halving the interval."""
    level = real(number) * real(aggregate(name, bids, dists)[token])
    return _infimum(
        lambda own: real(aggregate(name, with_bid(bids, agent, own), dists)[token]) >= level,
        bids,
        agent,
    )


def expected_stable_payment(name: str, bids: Sequence[Number], dists: Rows, agent: int) -> Any:
    """`∫ TV(q(x), q(b)) dx` over the own bids up to the bid, by quadrature."""
    here = aggregate(name, bids, dists)
    return _integral(
        lambda own: real(distance(aggregate(name, with_bid(bids, agent, own), dists), here)),
        bids,
        agent,
    )


# The exponential race.


def clocks(numbers: Sequence[Any]) -> tuple[Any, ...]:
    """Exponential variables made of uniform ones."""
    return tuple(-mp.log(real(u)) for u in numbers)


def race_winner(result: Row, rings: Sequence[Any]) -> int:
    """The token with the least `E_t / q_t`."""
    when = [e / real(q) if q else mp.inf for e, q in zip(rings, result, strict=True)]
    return when.index(min(when))


def race_critical_bid(
    name: str, bids: Sequence[Fraction], dists: Rows, agent: int, token: int, rings: Sequence[Any]
) -> Any:
    """Of `linear` or `log_linear`: `q_t(x) E_s >= q_s(x) E_t` for all `s`, solved for `x`.

    Both sides times `x + S` are linear in `x`, for the log-linear rule after taking logarithms.
    """
    if bids[agent] == 0 or sum(bids) == bids[agent]:
        return mpf(0)
    lowest = mpf(0)
    for other in range(len(rings)):
        slope, lack = (_lead_linear if name == "linear" else _lead_log_linear)(
            bids, dists, agent, token, other, rings
        )
        if slope > 0:
            lowest = max(lowest, lack / slope)
    return min(lowest, real(bids[agent]))


def _lead_linear(
    bids: Sequence[Fraction], dists: Rows, agent: int, token: int, other: int, rings: Sequence[Any]
) -> tuple[Any, Any]:
    """The token leads by `slope x - lack`."""
    at = with_bid(bids, agent, Fraction(0))
    rest = [
        real(_sum(b * row[t] for b, row in zip(at, dists, strict=True))) for t in (token, other)
    ]
    own = [real(dists[agent][t]) for t in (token, other)]
    return (
        own[0] * rings[other] - own[1] * rings[token],
        rest[1] * rings[token] - rest[0] * rings[other],
    )


def _lead_log_linear(
    bids: Sequence[Fraction], dists: Rows, agent: int, token: int, other: int, rings: Sequence[Any]
) -> tuple[Any, Any]:
    lead = mp.log(rings[token] / rings[other])
    gaps = [mp.log(real(row[token]) / real(row[other])) - lead for row in dists]
    rest = mp.fsum(
        real(b) * gap for j, (b, gap) in enumerate(zip(bids, gaps, strict=True)) if j != agent
    )
    return gaps[agent], -rest


def race_critical_bid_by_halving(
    name: str, bids: Sequence[Number], dists: Rows, agent: int, token: int, rings: Sequence[Any]
) -> Any:
    """Of any pool that is monotone in the odds."""
    return _infimum(
        lambda own: race_winner(aggregate(name, with_bid(bids, agent, own), dists), rings) == token,
        bids,
        agent,
    )


def same_token(one: Row, other: Row) -> Any:
    """`J(u, v) = Σ_t 1 / Σ_s max(u_s / u_t, v_s / v_t)`, as it is written."""
    u, v = [real(a) for a in one], [real(a) for a in other]
    both = [t for t in range(len(u)) if u[t] > 0 and v[t] > 0]
    return mp.fsum(1 / mp.fsum(max(u[s] / u[t], v[s] / v[t]) for s in range(len(u))) for t in both)


def expected_race_payment(name: str, bids: Sequence[Number], dists: Rows, agent: int) -> Any:
    """`∫ (1 - J(q(x), q(b))) dx` over the own bids up to the bid, by quadrature."""
    here = aggregate(name, bids, dists)
    return _integral(
        lambda own: 1 - same_token(aggregate(name, with_bid(bids, agent, own), dists), here),
        bids,
        agent,
    )


# Sums that keep fractions as fractions, the end of an interval, and an integral.


def _sum(values: Any) -> Any:
    total: Any = Fraction(0)
    for value in values:
        total = value if total == 0 else _plus(total, value)
    return total


def _plus(a: Any, b: Any) -> Any:
    return a + b if _rational(a, b) else real(a) + real(b)


def _minus(a: Any, b: Any) -> Any:
    return a - b if _rational(a, b) else real(a) - real(b)


def _times(a: Any, b: Any) -> Any:
    return a * b if _rational(a, b) else real(a) * real(b)


def _over(a: Any, b: Any) -> Any:
    return Fraction(a) / b if _rational(a, b) else real(a) / real(b)


def _rational(*values: Any) -> bool:
    return all(isinstance(value, Fraction | int) for value in values)


def _lowest_own_bid(bids: Sequence[Number], agent: int) -> Any:
    """Zero, or next to it where nobody else bids: all bids at zero are no bids of an auction."""
    return mpf(0) if any(with_bid(bids, agent, 0)) else real(bids[agent]) * mpf(10) ** -40


def _infimum(holds: Callable[[Any], bool], bids: Sequence[Number], agent: int) -> Any:
    """`inf {x in [0, bid] : holds(x)}` for an up-set."""
    low, high = _lowest_own_bid(bids, agent), real(bids[agent])
    if high == 0 or holds(low):
        return mpf(0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _integral(of: Callable[[Any], Any], bids: Sequence[Number], agent: int) -> Any:
    """Over the own bids, in pieces that end where a shipped rule may switch."""
    low, high = _lowest_own_bid(bids, agent), real(bids[agent])
    points = {real(b) for b in with_bid(bids, agent, 1)}
    with mp.workdps(20):
        return mp.quad(of, [low, *sorted(p for p in points if low < p < high), high])
