"""What a rule that is monotone in the bid gives back: consistency, and when payments are monotone.

*Consistent.* Let the rule be monotone and `q(b, o) ≻ q(b', o)`. The bids are comparable, and
`b' ≥ b` would give `q(b', o) ⪰ q(b, o)`. So `b ≥ b'`, and `q(b, o') ⪰ q(b', o')` for every `o'`. No
strictness is needed, and nothing is assumed of the order of outcomes.

*Payments.* For a monotone rule and an antisymmetric order, payment monotonicity is this: payments
do not fall as the bid rises, and two bids pay the same where, and only where, they bring the same
outcome. Both halves of the second part are needed.

- *The same outcome at different prices.* The agent bids against one bid of 1 for the other token
  and the rule is linear, but counts bids above 1 as 1. Who bids 2 and pays the bid pays 2 for what
  a bid of 1 brings.
- *Different outcomes at the same price.* The rule jumps at 0: any positive bid brings the same
  outcome, a better one than a bid of 0. The second price `∫_0^b TV(q(x), q(b)) dx` is 0 at every
  bid, so a bid of 0 pays as much as a bid of 1 for less.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    axiom,
    by_z3,
    generalised,
    integral,
    specialised,
)
from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.library import OWN, PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.properties.one_agent import ANY

HYPOTHESES = z3.And(ANY.bids_are_comparable, ANY.monotone)


@library_theorem(origin=PAPER)
def monotone_rules_are_consistent() -> Conclusions:
    """A rule that is monotone in the bid aggregates consistently, where of any two bids one is at
    least the other; nothing is assumed of the order of outcomes, and no strictness."""
    return {"consistent": by_z3(z3.Implies(HYPOTHESES, ANY.consistent))}


PAYMENTS_DO_NOT_FALL = ANY.of_bids(
    lambda b, c, o: z3.Implies(ANY.at_least(b, c), ANY.pays_at_least(b, c, o))
)
SAME_PAYMENT_FOR_THE_SAME = ANY.of_bids(
    lambda b, c, o: (
        (ANY.payment(b, o) == ANY.payment(c, o)) == (ANY.outcome(b, o) == ANY.outcome(c, o))
    )
)


# Bids are reals, and there are two tokens. The agent prefers (1, 0), so q(b) is the probability of
# the first, and a distribution is better in the robust order if it gives it more.
Rule = Callable[[Any], Any]
x, y = z3.Reals("x y")
ZERO, ONE = z3.RealVal(0), z3.RealVal(1)


def likes(one: Any, other: Any) -> Any:
    """The robust order of `(one, 1 - one)` and `(other, 1 - other)`."""
    return z3.And(between(ONE, one, other), between(ZERO, 1 - one, 1 - other))


def monotone(q: Rule) -> Any:
    """The rule is monotone in bids of at least zero."""
    return z3.ForAll([x, y], z3.Implies(z3.And(0 <= y, y <= x), likes(q(x), q(y))))


def capped(x: Any) -> Any:
    """The linear rule against one bid of 1, bids above 1 counting as 1."""
    counted = z3.If(x <= 1, x, ONE)
    return counted / (counted + 1)


def jumping(x: Any) -> Any:
    """Any positive bid is as good as any other."""
    return z3.If(x > 0, z3.Q(3, 4), z3.Q(1, 2))


def second_price(x: Any) -> Any:
    """`∫_0^x TV(q(v), q(x)) dv` for the rule that jumps."""
    return integral(lambda v: z3.Abs(jumping(v) - jumping(x)), 0, x)


def second_price_is_nil() -> Theorem:
    """What is integrated is zero wherever `v > 0`."""
    distance, nil = (lambda v: z3.Abs(jumping(v) - jumping(x))), (lambda _: ZERO)
    above = axiom("integral-order", distance, nil, ZERO, x, ONE)
    below = axiom("integral-order", nil, distance, ZERO, x, ONE)
    no_area = axiom("integral-of-constant", ZERO, ZERO, x)
    return by_z3(z3.Implies(x >= 0, second_price(x) == 0), above, below, no_area)


def pay_your_bid_fails() -> Theorem:
    """Where bids are capped at 1: `q(1) ⪰ q(2)`, but a bid of 2 pays more."""
    one, two = ONE, z3.RealVal(2)
    return by_z3(z3.And(monotone(capped), likes(capped(one), capped(two)), z3.Not(one >= two)))


def second_price_fails() -> Theorem:
    """With a jump at 0: a bid of 0 pays as much as one of 1, but not `q(0) ⪰ q(1)`."""
    nil = generalised(second_price_is_nil(), x)
    at_zero, at_one = specialised(nil, ZERO), specialised(nil, ONE)
    not_better = z3.Not(likes(jumping(ZERO), jumping(ONE)))
    pays_as_much = second_price(ZERO) >= second_price(ONE)
    return by_z3(
        z3.And(monotone(jumping), nil.statement, pays_as_much, not_better), nil, at_zero, at_one
    )


@library_theorem(
    origin=OWN, reference="converse of payment-monotone-and-consistent-make-bids-ordered"
)
def monotone_rules_and_their_payments() -> Conclusions:
    """For a rule that is monotone in the bid, in an antisymmetric order, where of any two bids one
    is at least the other, payment monotonicity says exactly that payments do not fall as the bid
    rises, and that two bids pay the same, against the same others, if and only if they bring the
    same outcome; both halves of the latter are needed."""
    exactly = z3.And(PAYMENTS_DO_NOT_FALL, SAME_PAYMENT_FOR_THE_SAME)
    return {
        "payment-monotone ⇔ non-decreasing, and equal for equal outcomes": by_z3(
            z3.Implies(z3.And(HYPOTHESES, ANY.antisymmetric), ANY.payment_monotone == exactly)
        ),
        "pay-your-bid: the same outcome, and pays more": pay_your_bid_fails(),
        "second price: a worse outcome, and pays no less": second_price_fails(),
    }
