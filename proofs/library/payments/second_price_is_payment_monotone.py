"""The second price of a monotone rule is payment-monotone at positive bids.

`z(b) = ∫ TV(q(x), q(b)) dx` from 0 to `b`, for a rule `q` of one agent's bid that is monotone in
the robust order. By the sandwich (second_price_sandwich.py), for `0 ≤ b' ≤ b`,

    b' TV(q(b'), q(b)) ≤ z(b) - z(b') ≤ b TV(q(b'), q(b)).

So payments do not fall, and for `b' > 0` they stay exactly where `q(b) = q(b')`: stretches on which
the rule is flat cost nothing, and every other raise costs. Of two positive bids the higher one gets
the preferred outcome, and the lower one another that is as good only if it is the same; so
`z(b) ≥ z(b')` exactly where `q(b) ⪰ q(b')`.

At bid 0 this fails: a rule that jumps there, `q(0) = (1, 0)` and `q(x) = (0, 1)` for `x > 0`, gives
an agent with `p = (0, 1)` all that it wants for nothing. So the theorem is on positive bids.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    Theorem,
    axiom,
    by_z3,
    generalised,
    instance_of,
    integral,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics import total_variation as rule
from tokenauction.proofs.library.basics.notation import between, each
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.payments.second_price_sandwich import (
    BIDS,
    price,
    second_price_sandwich,
)

low, high, x = z3.Reals("low high x")
ZERO, ONE = z3.RealVal(0), z3.RealVal(1)


def same(one: Any, other: Any) -> Any:
    """The rule has the same outcome at two bids."""
    return each(rule.n, lambda t: rule.q(one, t) == rule.q(other, t))


def prefers(better: Any, worse: Any) -> Any:
    """`q(better) ⪰ q(worse)` in the robust order."""
    return each(rule.n, lambda t: between(rule.p(t), rule.q(better, t), rule.q(worse, t)))


def raise_lemma() -> Theorem:
    """From `b' > 0` to `b ≥ b'`: the payment does not fall, and stays only with the outcome."""
    apart = rule.tv(low, high)
    # The two payments, and the distance between the outcomes.
    before, after, gap = z3.Reals("before after gap")
    bounds = z3.And(low * gap <= after - before, after - before <= high * gap, gap >= 0)
    stays = z3.And(after >= before, (before >= after) == (gap == 0))
    scalar = by_z3(z3.Implies(z3.And(0 < low, low <= high, bounds), stays))
    _, exact = rule.total_variation_adds().values()
    costs = z3.And(price(high) >= price(low), (price(low) >= price(high)) == same(low, high))
    return by_z3(
        z3.Implies(z3.And(rule.RULE, 0 < low, low <= high), costs),
        *second_price_sandwich().values(),
        instance_of(exact, {rule.x: low, rule.y: high}),
        specialised(generalised(scalar, before, after, gap), price(low), price(high), apart),
    )


def order_lemma() -> Theorem:
    """For a raise from `b' > 0` to `b ≥ b'`, `q(b) ⪰ q(b')`, and `q(b') ⪰ q(b)` only if equal."""
    hypotheses = z3.And(rule.MONOTONE, 0 < low, low <= high)
    better = by_z3(z3.Implies(hypotheses, prefers(high, low)))
    back = by_z3(z3.Implies(prefers(high, low), prefers(low, high) == same(low, high)))
    both = z3.And(prefers(high, low), prefers(low, high) == same(low, high))
    return by_z3(z3.Implies(hypotheses, both), better, back)


def payment_monotone() -> Theorem:
    """`z(b) ≥ z(b')` exactly where `q(b) ⪰ q(b')`, for all positive bids in either order."""
    agree = (price(high) >= price(low)) == prefers(high, low)
    swapped = {low: x, high: low, x: high}
    steps = [raise_lemma(), order_lemma()]
    positive = z3.And(rule.RULE, 0 < low, 0 < high)
    return by_z3(z3.Implies(positive, agree), *steps, *(instance_of(one, swapped) for one in steps))


def jumping(at: Any) -> tuple[Any, Any]:
    """The rule that jumps at bid 0 to `p = (0, 1)`: its two probabilities."""
    return z3.If(at > 0, z3.RealVal(0), z3.RealVal(1)), z3.If(at > 0, z3.RealVal(1), z3.RealVal(0))


def jump_prefers(better: Any, worse: Any) -> Any:
    """`q(better) ⪰ q(worse)` for the agent of the jump, whose `p` is (0, 1)."""
    pairs = zip((ZERO, ONE), jumping(better), jumping(worse), strict=True)
    return z3.And([between(own, here, there) for own, here, there in pairs])


def jump_variation(at: Any) -> Any:
    """`TV(q(at), q(1))`."""
    return (
        sum(rule.gap(here, there) for here, there in zip(jumping(at), jumping(ONE), strict=True))
        / 2
    )


def jump_lemma() -> Theorem:
    """The rule that jumps is monotone, and bid 1 pays nothing for what bid 0 does not get."""
    steps = [axiom("integral-of-constant", ZERO, ZERO, ONE)]
    for small, large in ((jump_variation, lambda _: ZERO), (lambda _: ZERO, jump_variation)):
        order = axiom("integral-order", small, large, ZERO, ONE, ONE)
        steps.append(
            modus_ponens(order, *(by_z3(part) for part in order.statement.children()[0].children()))
        )
    raises = z3.Implies(z3.And(0 <= low, low <= high), jump_prefers(high, low))
    return by_z3(
        z3.And(
            z3.ForAll([low, high], raises),
            integral(jump_variation, ZERO, ONE) == 0,
            z3.Not(jump_prefers(ZERO, ONE)),
        ),
        *steps,
    )


@library_theorem(origin=PAPER, reference=f"{ARXIV} (second price)")
def second_price_is_payment_monotone() -> Conclusions:
    """For a rule monotone in the robust order and any number of tokens, the second price z(b) = ∫
    TV(q(x), q(b)) dx from 0 to b is non-decreasing in the bid, and z(b) ≥ z(b') at positive bids
    exactly where q(b) ⪰ q(b'); where the rule jumps at bid 0 this need not hold there."""
    (sandwich,) = second_price_sandwich().values()
    _, exact = rule.total_variation_adds().values()
    ends = instance_of(exact, {rule.x: low, rule.y: high})
    raised = z3.And(rule.RULE, BIDS)
    # The product of a bid that is not negative and a distance that is not either.
    gap = z3.Real("gap")
    product = by_z3(z3.Implies(z3.And(low >= 0, gap >= 0), low * gap >= 0))
    return {
        "z is non-decreasing": by_z3(
            z3.Implies(raised, price(low) <= price(high)),
            sandwich,
            ends,
            instance_of(product, {gap: rule.tv(low, high)}),
        ),
        "flat stretches cost nothing": by_z3(
            z3.Implies(z3.And(raised, same(low, high)), price(low) == price(high)),
            sandwich,
            ends,
        ),
        "z(b) = z(b') exactly if q(b) = q(b'), for 0 < b' ≤ b": raise_lemma(),
        "z(b) ≥ z(b') exactly if q(b) ⪰ q(b'), at positive bids": payment_monotone(),
        "a jump at bid 0 costs nothing": jump_lemma(),
    }
