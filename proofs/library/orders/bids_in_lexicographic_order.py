"""Bids can be in lexicographic order, so that labels in their place are not numbers.

A bid `b` is read as two numbers, `first(b)` and `second(b)`, the second in [0, 1]; what the others
do is a number `o`. There are two tokens, of which the agent wants the first for certain. The first
token has the probability, and the agent pays the amount,

    w(b, o) = 1 where first(b) > o,    second(b) where first(b) = o,    0 where first(b) < o.

This mechanism is payment-monotone and consistent, and `b ⊒ b'` is the lexicographic order. Let
`first` and `second` be those of the decimal digits of `b` at odd and at even places. If numbers
`u(b)` represented the order, then for every `x` there would be a rational number between those of
`(x, 0)` and `(x, 1/2)`, another for every `x`, and there are not as many (Debreu 1954). The classes
of equivalent bids are labels all the same (equivalence.py).
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import REAL, by_z3, generalised, instance_of
from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.properties.one_agent import OneAgent

first, second = (z3.Function(name, REAL, REAL) for name in ("first", "second"))
b, c, o = z3.Reals("b c o")

SECOND_IN_UNIT = z3.ForAll([b], z3.And(0 <= second(b), second(b) <= 1))
LEXICOGRAPHIC = z3.Or(first(b) > first(c), z3.And(first(b) == first(c), second(b) >= second(c)))


def weight(b: Any, o: Any) -> Any:
    """The probability of the token that the agent wants, and what it pays."""
    zero, one = z3.RealVal(0), z3.RealVal(1)
    return z3.If(first(b) > o, one, z3.If(first(b) == o, second(b), zero))


def prefers(x: Any, y: Any) -> Any:
    """The robust order of (x, 1 - x) and (y, 1 - y) where (1, 0) is preferred."""
    zero, one = z3.RealVal(0), z3.RealVal(1)
    return z3.And(between(one, x, y), between(zero, 1 - x, 1 - y))


MECHANISM = OneAgent(REAL, REAL, REAL, weight, weight, prefers, lambda b, c: b >= c)


def ordered_lexicographically(order: Any) -> Any:
    """`b ⊒ c` is the order; `o` is asked at `first(b)`, and between it and `first(c)`."""
    everywhere = MECHANISM.at_least_everywhere(b, c)
    at_o = by_z3(z3.Implies(everywhere, MECHANISM.likes(b, c, o)))
    asked = [instance_of(at_o, {o: at}) for at in (first(b), (first(b) + first(c)) / 2)]
    only = by_z3(z3.Implies(z3.And(SECOND_IN_UNIT, everywhere), order), *asked)
    likes = by_z3(z3.Implies(z3.And(SECOND_IN_UNIT, order), MECHANISM.likes(b, c, o)))
    return by_z3(z3.Implies(SECOND_IN_UNIT, everywhere == order), only, generalised(likes, o))


@library_theorem(
    origin=OWN, reference="no numbers represent the lexicographic order: Debreu (1954)"
)
def bids_in_lexicographic_order() -> Conclusions:
    """Read two numbers off a bid, first(b), and second(b) in [0, 1]; what the others do is a number
    o. Of two tokens let the preferred one have the probability w(b, o), for the price w(b, o), that
    is 1 where first(b) > o, second(b) where first(b) = o, and 0 below. This mechanism is
    payment-monotone and consistent in the robust order, and b ⊒ b' exactly if first(b) > first(b'),
    or they are equal and second(b) ≥ second(b')."""
    return {
        "payment-monotone": by_z3(z3.Implies(SECOND_IN_UNIT, MECHANISM.payment_monotone)),
        "consistent": by_z3(z3.Implies(SECOND_IN_UNIT, MECHANISM.consistent)),
        "b ⊒ b' is the lexicographic order": ordered_lexicographically(LEXICOGRAPHIC),
    }
