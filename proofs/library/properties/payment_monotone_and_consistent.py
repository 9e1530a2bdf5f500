"""Payment monotonicity and consistent aggregation make the bids ordered, and neither alone does.

For one agent, `b ⊒ b'` says that `q(b, o) ⪰ q(b', o)` whatever the others do. Let the mechanism
have both properties. If `b ⊒ b'` fails, then `q(b, o) ⪰ q(b', o)` fails for some `o`; so by payment
monotonicity `z(b, o) < z(b', o)` and `q(b', o) ≻ q(b, o)`; so by consistency `b' ⊒ b`. Reflexivity
and transitivity come from those of `≥` on payments at each `o`. Nothing at all is assumed of `⪰`,
of the bids or of the others: any sets and any relation, except where two outcomes are said to be
equal; there `⪰` is antisymmetric.

*Relabelling.* Let labels be totally ordered and `rank` represent `⊒`: `rank(b) ≥ rank(b')` if and
only if `b ⊒ b'`, every label being the rank of some bid. (The classes of equivalent bids are such
labels.) The relabelled mechanism, asked for a label, does what the first does for a bid of that
rank, `pick(label)`. It does not matter which: a bid and its label bring the same outcome at the
same price whatever the others do. Its rule is monotone in the label, and so are its payments.

*Neither suffices*: small mechanisms with the robust order.
"""

from fractions import Fraction
from typing import Any

import z3

from tokenauction.proofs.core.kernel import BOOL, REAL, by_z3
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.properties.one_agent import ANY, BID, OTHERS, OneAgent
from tokenauction.proofs.library.properties.small_mechanisms import (
    FAR,
    HERE,
    HIGH,
    LEFT,
    LOW,
    NEAR,
    PLACES,
    RIGHT,
    THERE,
    TWO_BIDS,
    TWO_OTHERS,
    by_table,
    exact,
    small_mechanism,
)

b, b1, b2 = z3.Consts("b b1 b2", BID)
o = z3.Const("o", OTHERS)

LABEL = z3.DeclareSort("Label")
rank = z3.Function("rank", BID, LABEL)
pick = z3.Function("pick", LABEL, BID)
above = z3.Function("above", LABEL, LABEL, BOOL)
l, l1, l2 = z3.Consts("l l1 l2", LABEL)

BOTH = z3.And(ANY.payment_monotone, ANY.consistent)
ordered = ANY.at_least_everywhere

LABELS_ARE_ORDERED = z3.And(
    z3.ForAll([l, l1], z3.Or(above(l, l1), above(l1, l))),
    z3.ForAll([l, l1], z3.Implies(z3.And(above(l, l1), above(l1, l)), l == l1)),
    z3.ForAll([l, l1, l2], z3.Implies(z3.And(above(l, l1), above(l1, l2)), above(l, l2))),
)
RANK_REPRESENTS = z3.ForAll([b, b1], above(rank(b), rank(b1)) == ordered(b, b1))
PICK_HAS_THE_RANK = z3.ForAll([l], rank(pick(l)) == l)
RELABELLING = z3.And(LABELS_ARE_ORDERED, RANK_REPRESENTS, PICK_HAS_THE_RANK)


def relabelled_outcome(label: Any, o: Any) -> Any:
    """What the relabelled mechanism brings for a label."""
    return ANY.outcome(pick(label), o)


def relabelled_payment(label: Any, o: Any) -> Any:
    """What the relabelled mechanism charges for a label."""
    return ANY.payment(pick(label), o)


def same(b: Any, b1: Any, o: Any) -> Any:
    """The same outcome at the same price."""
    return z3.And(ANY.outcome(b, o) == ANY.outcome(b1, o), ANY.payment(b, o) == ANY.payment(b1, o))


def bids_are_ordered() -> Conclusions:
    """`⊒` is a total preorder, and the payments agree with it."""
    chain = z3.And(ordered(b, b1), ordered(b1, b2))
    higher = z3.Implies(ordered(b, b1), ANY.payment(b, o) >= ANY.payment(b1, o))
    strictly = z3.And(ordered(b, b1), z3.Not(ordered(b1, b)))
    charged_more = z3.Implies(ANY.payment(b, o) > ANY.payment(b1, o), strictly)
    return {
        "⊒ is reflexive": by_z3(z3.Implies(BOTH, ordered(b, b))),
        "⊒ is transitive": by_z3(z3.Implies(z3.And(BOTH, chain), ordered(b, b2))),
        "⊒ is total": by_z3(z3.Implies(BOTH, z3.Or(ordered(b, b1), ordered(b1, b)))),
        "b ⊒ b' pays at least as much": by_z3(z3.Implies(BOTH, higher)),
        "who pays more for one o is above for all": by_z3(z3.Implies(BOTH, charged_more)),
    }


@library_theorem(origin=PAPER)
def payment_monotone_and_consistent_make_bids_ordered() -> Conclusions:
    """Payment monotonicity and consistent aggregation together make b ⊒ b' (q(b, o) ⪰ q(b', o) for
    every o) a total preorder on bids; relabelling bids by their rank in it, with labels in any
    totally ordered set that represents it (classes of equivalent bids do, numbers need not:
    bids-in-lexicographic-order), gives a mechanism with a monotone rule and payments monotone in
    the label, with the same outcome and price for every bid if ⪰ is antisymmetric."""
    equivalent = z3.And(ordered(b, b1), ordered(b1, b))
    with_equality = z3.And(BOTH, ANY.antisymmetric)
    label_better = ANY.prefers(relabelled_outcome(l, o), relabelled_outcome(l1, o))
    label_pays = relabelled_payment(l, o) >= relabelled_payment(l1, o)
    as_before = same(pick(rank(b)), b, o)
    relabelled = z3.And(BOTH, RELABELLING)
    return {
        **bids_are_ordered(),
        "equivalent bids: the same outcome and payment": by_z3(
            z3.Implies(z3.And(with_equality, equivalent), same(b, b1, o))
        ),
        "relabelled: a bid and its label bring the same": by_z3(
            z3.Implies(z3.And(with_equality, RELABELLING), as_before)
        ),
        "relabelled: the rule is monotone": by_z3(
            z3.Implies(z3.And(relabelled, above(l, l1)), label_better)
        ),
        "relabelled: the payments are monotone": by_z3(
            z3.Implies(z3.And(relabelled, above(l, l1)), label_pays)
        ),
    }


def neither_ordered(mechanism: OneAgent) -> Any:
    """Of the bids low and high, neither is above the other."""
    one, other = mechanism.at_least_everywhere(HIGH, LOW), mechanism.at_least_everywhere(LOW, HIGH)
    return z3.And(z3.Not(one), z3.Not(other))


z = z3.Function("z", TWO_BIDS, TWO_OTHERS, REAL)

# The high bid brings the better outcome here and the worse one there, and near costs 1, far 0.
TURNED = {(HIGH, HERE): NEAR, (LOW, HERE): FAR, (HIGH, THERE): FAR, (LOW, THERE): NEAR}
TURNED_PRICES = by_table({place: exact(Fraction(TURNED[place].eq(NEAR))) for place in PLACES})
# Two outcomes that cannot be compared.
SIDES = {(bid, o): LEFT if bid.eq(HIGH) else RIGHT for bid, o in PLACES}
# The high bid always brings the better outcome, and pays less.
BARGAIN = {(bid, o): NEAR if bid.eq(HIGH) else FAR for bid, o in PLACES}
LOW_PAYS = by_table({(bid, o): exact(Fraction(bid.eq(LOW))) for bid, o in PLACES})


@library_theorem(origin=PAPER)
def neither_property_suffices() -> Conclusions:
    """Payment monotonicity without consistent aggregation can leave bids that ⊒ does not compare,
    and so can consistent aggregation without payment monotonicity, whatever is paid; and where it
    does compare them, the payments may fall as the outcome gets better. Each by a mechanism with
    two bids, in the robust order."""
    turned = small_mechanism(TURNED, TURNED_PRICES)
    sides = small_mechanism(SIDES, z)
    bargain = small_mechanism(BARGAIN, LOW_PAYS)
    better_for_less = z3.And(
        bargain.at_least_everywhere(HIGH, LOW), z3.Not(bargain.pays_at_least(HIGH, LOW, HERE))
    )
    return {
        "payment-monotone, not consistent: ⊒ is not total": by_z3(
            z3.And(turned.payment_monotone, z3.Not(turned.consistent), neither_ordered(turned))
        ),
        "consistent, not payment-monotone: ⊒ is not total": by_z3(
            z3.And(sides.consistent, z3.Not(sides.payment_monotone), neither_ordered(sides))
        ),
        "consistent, not payment-monotone: better for less": by_z3(
            z3.And(bargain.consistent, z3.Not(bargain.payment_monotone), better_for_less)
        ),
    }
