"""The linear rule is monotone in forward KL, by revealed preference.

The same as divergence_monotone.py: the rule minimises `Σ_j b_j KL(p_j ‖ q)` over the positive
distributions (kl_welfare_linear.py), is a positive distribution where all the agents' are, and the
losses at the two bids of agent i differ by `(x - b_i) KL(p_i ‖ q)`.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import by_z3, instance_of
from tokenauction.proofs.library.basics.notation import matrix
from tokenauction.proofs.library.basics.propositional import by_propositional
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.linear import kl_welfare_linear as welfare
from tokenauction.proofs.library.linear.linear_is_a_distribution import (
    B,
    Best,
    b,
    best,
    linear_is_a_distribution,
    shares,
    tokens,
)
from tokenauction.proofs.library.log_linear.log_linear_is_monotone_in_reverse_kl import (
    AGENT,
    gap_high,
    gap_low,
    high_of_high,
    high_of_low,
    loss_changes,
    low_of_high,
    low_of_low,
    of_high,
    of_low,
)
from tokenauction.proofs.library.log_linear.log_linear_rule import B_x, Best_x, best_x, i, raised, x

shares_x = matrix("shares_x")
AT_LOW: dict[Any, Any] = {
    welfare.q: best_x,
    welfare.Q: Best_x,
    welfare.gap: gap_low,
    welfare.of_q: of_high,
    welfare.loss: low_of_high,
    welfare.of_best: of_low,
    welfare.least: low_of_low,
}
# In this order: the meanings are put in one after the other.
RAISED: dict[Any, Any] = {best: best_x, Best: Best_x, B: B_x, shares: shares_x, b: raised}
AT_HIGH: dict[Any, Any] = {
    **RAISED,
    welfare.q: best,
    welfare.Q: Best,
    welfare.gap: gap_high,
    welfare.of_q: of_low,
    welfare.loss: high_of_low,
    welfare.of_best: of_high,
    welfare.least: high_of_high,
}


@library_theorem(origin=OWN)
def linear_is_monotone_in_forward_kl() -> Conclusions:
    """The linear rule is monotone in the forward-KL order on positive distributions, for bids of
    positive sum and every number of agents and of tokens: a higher bid of agent i makes KL(p_i ‖
    q*) no larger."""
    optimal = welfare.kl_welfare_linear()["q* minimises the loss, uniquely"]
    at_low, at_high = instance_of(optimal, AT_LOW), instance_of(optimal, AT_HIGH)
    facts = list(linear_is_a_distribution().values())
    facts += [instance_of(one, RAISED) for one in facts]
    changes = [
        loss_changes(of_low, low_of_low, high_of_low),
        loss_changes(of_high, low_of_high, high_of_high),
    ]
    better = [one.statement.arg(1).arg(0) for one in (at_low, at_high)]
    differ = [one.statement.arg(1) for one in changes]
    stay = [one.statement.arg(0).arg(0).arg(3) for one in changes]
    closer = of_high(i, tokens) <= of_low(i, tokens)
    hypotheses = z3.And(
        AGENT,
        x > b(i),
        *(one.statement.arg(0) for one in facts),
        *(one.statement.arg(0).arg(2) for one in (at_low, at_high)),
    )
    conclusion = by_propositional(
        z3.Implies(hypotheses, closer),
        *(at_low, at_high, *facts, *changes),
        *(by_z3(one) for one in stay),
        by_z3(z3.Implies(z3.And(*better, *differ, x > b(i)), closer)),
    )
    return {"KL(p_i ‖ q*_x) ≤ KL(p_i ‖ q*) for x > b_i": conclusion}
