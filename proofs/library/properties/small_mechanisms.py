"""Mechanisms small enough to be read: the counter-models of the theorems about orders on bids.

There are two bids, `low` and `high`, and the others do one of two things, `here` or `there`. The
agent prefers (1/2, 1/4, 1/4), a distribution of three tokens, and an outcome is one of four:

    near    (3/8, 3/8, 1/4)     far     (1/4, 1/2, 1/4)
    left    (1/2, 1/2, 0)       right   (1/2, 0, 1/2)

In the robust order near ≻ far, and left and right cannot be compared. In the order of total
variation near is better than the rest, and left and right are equally good without being equal.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import z3

from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.properties.one_agent import OneAgent

TWO_BIDS, (LOW, HIGH) = z3.EnumSort("TwoBids", ("low", "high"))
TWO_OTHERS, (HERE, THERE) = z3.EnumSort("TwoOthers", ("here", "there"))
FOUR_OUTCOMES, (NEAR, FAR, LEFT, RIGHT) = z3.EnumSort(
    "FourOutcomes", ("near", "far", "left", "right")
)
PLACES = tuple(product((HIGH, LOW), (HERE, THERE)))

PREFERRED = (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4))
DISTRIBUTION = {
    NEAR: (Fraction(3, 8), Fraction(3, 8), Fraction(1, 4)),
    FAR: (Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)),
    LEFT: (Fraction(1, 2), Fraction(1, 2), Fraction(0)),
    RIGHT: (Fraction(1, 2), Fraction(0), Fraction(1, 2)),
}


def exact(number: Fraction) -> Any:
    """A rational number as a term."""
    return z3.Q(number.numerator, number.denominator)


def probability_of(outcome: Any, token: int) -> Any:
    """The probability of a token, by the table."""
    value = exact(DISTRIBUTION[RIGHT][token])
    for name in (LEFT, FAR, NEAR):
        value = z3.If(outcome == name, exact(DISTRIBUTION[name][token]), value)
    return value


def robustly(one: Any, other: Any) -> Any:
    """The robust order of the four outcomes."""
    return z3.And(
        [
            between(exact(own), probability_of(one, t), probability_of(other, t))
            for t, own in enumerate(PREFERRED)
        ]
    )


def in_total_variation(one: Any, other: Any) -> Any:
    """The order of total variation of the four outcomes."""
    return distance(one) <= distance(other)


def distance(outcome: Any) -> Any:
    """Twice the total variation from the preferred distribution."""
    return z3.Sum(
        [z3.Abs(probability_of(outcome, t) - exact(own)) for t, own in enumerate(PREFERRED)]
    )


def by_table(values: Mapping[tuple[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The function of a bid and of what the others do that a table gives."""

    def look_up(bid: Any, others: Any) -> Any:
        *first, last = PLACES
        value = values[last]
        for place in first:
            value = z3.If(z3.And(bid == place[0], others == place[1]), values[place], value)
        return value

    return look_up


def small_mechanism(
    outcomes: Mapping[tuple[Any, Any], Any],
    payments: Callable[[Any, Any], Any],
    prefers: Callable[[Any, Any], Any] = robustly,
) -> OneAgent:
    """The mechanism of a table of outcomes."""
    return OneAgent(
        TWO_BIDS,
        TWO_OTHERS,
        FOUR_OUTCOMES,
        by_table(outcomes),
        payments,
        prefers,
        lambda b, c: z3.Or(b == HIGH, c == LOW),
    )
