"""False statements near the theorems about preferences and about orders on bids."""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import by_z3, ln
from tokenauction.proofs.core.kernel.formulas import substituted
from tokenauction.proofs.library.basics.logarithm import ln_of_one
from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.orders import bids_in_lexicographic_order as lexicographic
from tokenauction.proofs.library.orders.coordinate_form import (
    falls_above,
    moves_towards,
    of_bid,
    point,
    rises_below,
)
from tokenauction.proofs.library.orders.divergences import (
    HELLINGER,
    Divergence,
    chi_squared,
    forward_kl,
    forward_kl_finite,
    reverse_kl,
    reverse_kl_finite,
)
from tokenauction.proofs.library.orders.five_losses_are_separable import (
    ABOVE,
    K1,
    Q1,
    K,
    P,
    Q,
    five_losses_are_separable,
    forward_kl_falls_then_rises,
    reverse_kl_falls_then_rises,
    rises_on,
)
from tokenauction.proofs.library.orders.robust_is_a_partial_order import (
    equal,
    q,
    q1,
    q2,
    robustly_prefers,
)
from tokenauction.proofs.library.orders.robust_is_the_intersection_of_separable_losses import (
    L1,
    ROBUST,
    VALUES_ALLOWED,
    L,
    allowed,
    d,
    falls_or_rises,
    n,
    outside,
    own,
    p,
    separable_with_sums,
    worse,
    x,
    y,
)
from tokenauction.proofs.library.orders.robust_is_the_intersection_of_separable_losses import (
    q as q_,
)
from tokenauction.proofs.library.orders.robust_is_the_intersection_of_separable_losses import (
    q1 as q1_,
)
from tokenauction.proofs.library.properties.monotone_rules_are_consistent import (
    HYPOTHESES,
    PAYMENTS_DO_NOT_FALL,
    SAME_PAYMENT_FOR_THE_SAME,
    capped,
    jumping,
    monotone,
)
from tokenauction.proofs.library.properties.one_agent import ANY
from tokenauction.proofs.library.properties.payment_monotone_and_consistent import (
    BARGAIN,
    BOTH,
    LABELS_ARE_ORDERED,
    LOW_PAYS,
    PICK_HAS_THE_RANK,
    RELABELLING,
    SIDES,
    TURNED,
    TURNED_PRICES,
    above,
    b,
    b1,
    l,
    l1,
    neither_ordered,
    o,
    ordered,
    relabelled_outcome,
    same,
    z,
)
from tokenauction.proofs.library.properties.separating_mechanisms import SMALL
from tokenauction.proofs.library.properties.small_mechanisms import HIGH, LOW, small_mechanism
from tokenauction.proofs.library.properties.variants_lattice import HYPOTHESES as ASSUMED
from tokenauction.proofs.library.properties.variants_lattice import implication

Attempt = Callable[[], object]
BUDGET = 300_000
FALSE = z3.BoolVal(False)
low, high, start = z3.Reals("low high start")
ZERO, ONE = z3.RealVal(0), z3.RealVal(1)


def follows(premises: Any, conclusion: Any) -> Attempt:
    """The attempt to prove an implication."""
    return lambda: by_z3(z3.Implies(premises, conclusion), budget=BUDGET)


def is_true(statement: Any) -> Attempt:
    """The attempt to prove a statement."""
    return lambda: by_z3(statement, budget=BUDGET)


def falls_then_rises(divergence: Divergence) -> Attempt:
    """The attempt to prove that a term falls up to `p` and rises after it, of two points."""
    return is_true(divergence.claim(falls_or_rises, own))


def square(v: Any) -> Any:
    """The square of the distance from `p`, turned round."""
    return -(v - own) * (v - own)


# Hypotheses that hold of one token, which every distribution gives probability 1, and no loss.
SURE = {one: lambda t: z3.If(t == 0, ONE, ZERO) for one in (p, q_, q1_)}
SUMS = {one: lambda k: z3.If(k > 0, ONE, ZERO) for one in (P, Q, Q1)}
NO_LOSS = {one: lambda _: ZERO for one in (L, L1, K, K1)}
ONE_TOKEN = {n: z3.IntVal(1), d: lambda t, x: ZERO, allowed: lambda t, x: x >= 0}
ONE_TOKEN |= SURE | SUMS | NO_LOSS


def contradictory(hypotheses: Any) -> Attempt:
    """The attempt to prove that hypotheses fail where there is one token."""
    return lambda: by_z3(z3.Not(substituted(hypotheses, ONE_TOKEN)), ln_of_one(), budget=BUDGET)


def premises(divergence: str) -> Any:
    """What is assumed of distributions to compare a divergence of them."""
    conclusions = five_losses_are_separable()
    return conclusions[f"robust-better is better in {divergence}"].statement.children()[0]


TURNED_MECHANISM = small_mechanism(TURNED, TURNED_PRICES)
SIDES_MECHANISM = small_mechanism(SIDES, z)
BARGAIN_MECHANISM = small_mechanism(BARGAIN, LOW_PAYS)

CONTROLS: dict[str, list[tuple[str, Attempt]]] = {
    "robust-is-a-partial-order": [
        ("total", is_true(z3.Or(robustly_prefers(q, q1), robustly_prefers(q1, q)))),
        ("antisymmetric from one side", follows(robustly_prefers(q, q1), equal(q, q1))),
        (
            "transitive through what is worse",
            follows(
                z3.And(robustly_prefers(q, q1), robustly_prefers(q2, q1)), robustly_prefers(q, q2)
            ),
        ),
        (
            "nearer on either side",
            is_true(between(own, x, y) == (z3.Abs(x - own) <= z3.Abs(y - own))),
        ),
    ],
    "robust-is-the-intersection-of-separable-losses": [
        ("a loss that rises before p too", follows(between(own, x, worse), x <= worse)),
        (
            "a loss that falls after p",
            is_true(falls_or_rises(square, lambda _: z3.BoolVal(True), own)),
        ),
        (
            "one loss is enough",
            follows(z3.Abs(x - own) <= z3.Abs(worse - own), between(own, x, worse)),
        ),
        (
            "the loss that only sees whether a value is p",
            follows(
                z3.Not(between(own, x, worse)),
                z3.If(x == own, ZERO, ONE) > z3.If(worse == own, ZERO, ONE),
            ),
        ),
        (
            "what is between has the loss 1",
            follows(between(own, x, worse), outside(own, x, worse) > 0),
        ),
        (
            "the hypotheses are contradictory",
            contradictory(z3.And(VALUES_ALLOWED, ROBUST, separable_with_sums(d, L, L1))),
        ),
    ],
    "bids-in-lexicographic-order": [
        (
            "by the first numbers alone",
            follows(
                z3.And(
                    lexicographic.SECOND_IN_UNIT,
                    lexicographic.first(lexicographic.b) >= lexicographic.first(lexicographic.c),
                ),
                lexicographic.MECHANISM.likes(lexicographic.b, lexicographic.c, lexicographic.o),
            ),
        ),
        ("any second number", is_true(lexicographic.MECHANISM.payment_monotone)),
    ],
    "five-losses-are-separable": [
        (
            "forward KL without - p + x",
            lambda: forward_kl_falls_then_rises(Divergence(forward_kl, forward_kl_finite)),
        ),
        (
            "reverse KL with + x - p",
            lambda: reverse_kl_falls_then_rises(Divergence(reverse_kl, reverse_kl_finite, 1)),
        ),
        ("χ² without p > 0", falls_then_rises(Divergence(chi_squared, lambda own, x: own != 0))),
        ("Hellinger of any root", falls_then_rises(HELLINGER)),
        ("forward KL falls after p", lambda: rises_on(ABOVE, lambda v: own * ln(v) - v)),
        (
            "the hypotheses of forward KL are contradictory",
            lambda: contradictory(premises("forward KL"))(),
        ),
        (
            "the hypotheses of reverse KL are contradictory",
            lambda: contradictory(premises("reverse KL"))(),
        ),
    ],
    "payment-monotone-and-consistent-make-bids-ordered": [
        (
            "total without consistency",
            follows(ANY.payment_monotone, z3.Or(ordered(b, b1), ordered(b1, b))),
        ),
        (
            "total without payment monotonicity",
            follows(ANY.consistent, z3.Or(ordered(b, b1), ordered(b1, b))),
        ),
        (
            "the same outcome without antisymmetry",
            follows(z3.And(BOTH, ordered(b, b1), ordered(b1, b)), same(b, b1, o)),
        ),
        (
            "labels of any kind",
            follows(
                z3.And(BOTH, LABELS_ARE_ORDERED, PICK_HAS_THE_RANK, above(l, l1)),
                ANY.prefers(relabelled_outcome(l, o), relabelled_outcome(l1, o)),
            ),
        ),
        (
            "the hypotheses are contradictory",
            follows(z3.And(BOTH, RELABELLING, ANY.antisymmetric), FALSE),
        ),
    ],
    "neither-property-suffices": [
        ("the first mechanism is consistent", is_true(TURNED_MECHANISM.consistent)),
        ("the second is payment-monotone", is_true(SIDES_MECHANISM.payment_monotone)),
        ("in the third no bid is above the other", is_true(neither_ordered(BARGAIN_MECHANISM))),
        ("in the third low is above", is_true(BARGAIN_MECHANISM.at_least_everywhere(LOW, HIGH))),
    ],
    "monotone-rules-are-consistent": [
        ("bids that cannot be compared", follows(ANY.monotone, ANY.consistent)),
        ("a rule that is not monotone", follows(ANY.bids_are_comparable, ANY.consistent)),
        ("the hypotheses are contradictory", follows(HYPOTHESES, FALSE)),
    ],
    "monotone-rules-and-their-payments": [
        (
            "payments that do not fall are enough",
            follows(
                z3.And(HYPOTHESES, ANY.antisymmetric, PAYMENTS_DO_NOT_FALL), ANY.payment_monotone
            ),
        ),
        (
            "the same payment for the same is enough",
            follows(
                z3.And(HYPOTHESES, ANY.antisymmetric, SAME_PAYMENT_FOR_THE_SAME),
                ANY.payment_monotone,
            ),
        ),
        (
            "in an order that is not antisymmetric",
            follows(z3.And(HYPOTHESES, ANY.payment_monotone), SAME_PAYMENT_FOR_THE_SAME),
        ),
        ("a cap makes bids above it better", is_true(capped(z3.RealVal(2)) > capped(ONE))),
        ("the rule that falls at 0 is monotone", is_true(monotone(lambda v: 1 - jumping(v)))),
    ],
    "coordinate-form": [
        ("every token rises", follows(moves_towards(of_bid, own), rises_below(of_bid, own))),
        ("every token falls", follows(moves_towards(of_bid, own), falls_above(of_bid, own))),
        (
            "rising, but past p",
            follows(
                z3.And(0 <= low, low <= high, of_bid(low) <= of_bid(high)),
                between(own, of_bid(high), of_bid(low)),
            ),
        ),
    ],
    "segments-are-monotone": [
        (
            "a weight above one",
            follows(
                z3.And(0 <= low, low <= high),
                between(own, point(start, high, own), point(start, low, own)),
            ),
        ),
        (
            "a weight that falls",
            follows(
                z3.And(0 <= high, high <= low, low <= 1),
                between(own, point(start, high, own), point(start, low, own)),
            ),
        ),
    ],
    "variants-lattice": [
        (
            "never reversed is consistent in a partial order",
            lambda: implication(ASSUMED[1], "never reversed", "consistent"),
        ),
        (
            "strictly payment-monotone is payment-monotone in a partial order",
            lambda: implication(ASSUMED[1], "strictly payment-monotone", "payment-monotone"),
        ),
        (
            "consistency makes a rule monotone",
            lambda: implication(ASSUMED[2], "strictly consistent", "monotone"),
        ),
        (
            "a mechanism whose outcomes turn round is consistent",
            is_true(
                next(s for s in SMALL if (s.here[0], s.there[0]) == ("≻", "≺")).mechanism.consistent
            ),
        ),
    ],
}
