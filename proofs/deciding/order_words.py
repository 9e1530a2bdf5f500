"""What a preference order compares, in words and numbers: why an agent likes one outcome less.

Numbers come from what a counterexample shows, and have as many digits as tell them apart.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import permutations
from typing import Final

import numpy as np

from tokenauction.proofs.deciding.given import row_in_words
from tokenauction.proofs.results.digits import shortener
from tokenauction.theory import (
    PreferenceOrder,
    forward_kl,
    odds,
    reverse_kl,
    robust,
    total_variation,
)

Row = Sequence[Fraction]
_MOST_DIGITS: Final = 15


def compared(
    order: PreferenceOrder,
    preferred: Row,
    after: Row,
    before: Row,
    about: bool,
    token: int | None = None,
) -> str:
    """Why the outcome after a raise is not as good as the one before it, in an order.

    `about` says that the outcomes are rounded, `token` which token shows it best.
    """
    if order.function is robust.function and token is not None:
        low, high = _two(before[token], after[token], about)
        wanted = preferred[token]
        return f"token {token} moved from {low} to {high}, while the agent wants it at {wanted}"
    words = _WORDS.get(order.function)
    if words is not None:
        return words(preferred, after, before, about)
    rows = zip(("preferred", "better", "worse"), (preferred, after, before), strict=True)
    shown = ", ".join(f"{name} = {_row(row, about and name != 'preferred')}" for name, row in rows)
    return f"{order.name}(preferred, better, worse) is false at {shown}"


def _odds(preferred: Row, after: Row, before: Row, about: bool) -> str:
    def outside(s: int, t: int) -> Fraction:
        wanted, now, was = (row[s] * row[t] ** -1 for row in (preferred, after, before))
        low, high = min(wanted, was), max(wanted, was)
        return max(low / now, now / high)

    if not all(x > 0 for row in (preferred, after, before) for x in row) or len(preferred) < 2:
        return _named("the odds order", preferred, after, before, about)
    s, t = max(permutations(range(len(preferred)), 2), key=lambda pair: outside(*pair))
    wanted = preferred[s] / preferred[t]
    low, high = _two(before[s] / before[t], after[s] / after[t], about)
    return (
        f"the odds of token {s} to token {t} moved from {low} to {high}, while the agent wants "
        f"{wanted}"
    )


def _total_variation(preferred: Row, after: Row, before: Row, about: bool) -> str:
    def distance(row: Row) -> Fraction:
        return sum((abs(x - p) for x, p in zip(row, preferred, strict=True)), Fraction(0)) / 2

    low, high = _two(distance(before), distance(after), about)
    return f"total variation to the preferred distribution: {low} before, {high} after"


def _divergence(name: str, forward: bool) -> Callable[[Row, Row, Row, bool], str]:
    def words(preferred: Row, after: Row, before: Row, about: bool) -> str:
        def value(row: Row) -> float:
            pairs = zip(preferred, row, strict=True)
            ordered = [(p, x) if forward else (x, p) for p, x in pairs]
            if any(x == 0 < p for p, x in ordered):
                return float("inf")
            return float(sum(float(p) * np.log(float(p) / float(x)) for p, x in ordered if p > 0))

        low, high = _decimals(value(before), value(after))
        return f"{name}: {low} before, {high} after"

    return words


def _named(name: str, preferred: Row, after: Row, before: Row, about: bool) -> str:
    return (
        f"{name} is broken: {_row(before, about)} before, {_row(after, about)} after, and "
        f"{_row(preferred, False)} wanted"
    )


def _two(low: Fraction, high: Fraction, about: bool) -> tuple[str, str]:
    if about or max(len(str(low)), len(str(high))) > _MOST_DIGITS:
        return _decimals(float(low), float(high))
    return str(low), str(high)


def _decimals(low: float, high: float) -> tuple[str, str]:
    texts = f"{low:.17g}", f"{high:.17g}"
    short = shortener(texts)
    return short(texts[0]), short(texts[1])


def _row(row: Row, about: bool) -> str:
    if about or max(len(str(x)) for x in row) > _MOST_DIGITS:
        return row_in_words([f"{float(x):.6g}" for x in row])
    return row_in_words(row)


_WORDS: Final = {
    odds.function: _odds,
    total_variation.function: _total_variation,
    forward_kl.function: _divergence("KL(preferred ‖ outcome)", True),
    reverse_kl.function: _divergence("KL(outcome ‖ preferred)", False),
}
