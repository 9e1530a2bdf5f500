"""The log-linear rule is monotone in reverse KL, by revealed preference.

The rule minimises `Σ_j b_j KL(q ‖ p_j)` (kl_welfare_log_linear.py). Agent i raises its bid from
`b_i` to x; the rule's outcomes are q* and q*_x. Each is at least as good as the other at its own
bids, and the losses at the two bids differ by `(x - b_i) KL(q ‖ p_i)`. The sum of the two
inequalities is `(x - b_i) (KL(q*_x ‖ p_i) - KL(q* ‖ p_i)) ≤ 0`, as in revealed_preference.py.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, instance_of
from tokenauction.proofs.library.basics import finite_sums
from tokenauction.proofs.library.basics.notation import each, matrix, partial_sums, vector
from tokenauction.proofs.library.basics.propositional import by_propositional
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.linear.linear_is_a_distribution import (
    Best,
    agents,
    b,
    best,
    tokens,
)
from tokenauction.proofs.library.log_linear import log_linear_rule
from tokenauction.proofs.library.log_linear.kl_welfare_log_linear import (
    OF_Q,
    OF_RULE,
    Q,
    gap,
    kl_welfare_log_linear,
    q,
)
from tokenauction.proofs.library.log_linear.log_linear_rule import (
    RAISED,
    Best_x,
    best_x,
    i,
    raised,
    x,
)

# KL(q* ‖ p_j) and KL(q*_x ‖ p_j).
of_low, of_high = matrix("of_low"), matrix("of_high")
# The losses of q* and of q*_x at either bid, and the divergence of each from the other.
low_of_low, low_of_high, high_of_low, high_of_high, gap_low, gap_high = (
    vector(name)
    for name in ("low_of_low", "low_of_high", "high_of_low", "high_of_high", "gap_low", "gap_high")
)

AGENT = z3.And(0 <= i, i < agents)


AT_LOW: dict[Any, Any] = {
    q: best_x,
    Q: Best_x,
    gap: gap_low,
    OF_Q.divergence: of_high,
    OF_Q.loss: low_of_high,
    OF_RULE.divergence: of_low,
    OF_RULE.loss: low_of_low,
}
AT_HIGH: dict[Any, Any] = {
    **RAISED,
    q: best,
    Q: Best,
    gap: gap_high,
    OF_Q.divergence: of_low,
    OF_Q.loss: high_of_low,
    OF_RULE.divergence: of_high,
    OF_RULE.loss: high_of_high,
}


def loss_changes(divergence: Any, low: Any, high: Any) -> Theorem:
    """The loss at the raised bids is the loss before and `(x - b_i) KL(q ‖ p_i)`."""
    before, after = vector("before"), vector("after")
    terms = z3.And(
        partial_sums(low, before),
        partial_sums(high, after),
        i >= 0,
        each(agents, lambda j: z3.Implies(j != i, after(j) == before(j))),
    )
    change = finite_sums.by_induction(
        terms,
        lambda k: z3.Implies(
            k <= agents, high(k) == low(k) + z3.If(i < k, after(i) - before(i), 0)
        ),
    )
    at_agents = by_z3(
        z3.Implies(z3.And(terms, AGENT), high(agents) == low(agents) + (after(i) - before(i))),
        instance_of(change, {finite_sums.n: agents}),
    )
    products = {
        before: lambda j: b(j) * divergence(j, tokens),
        after: lambda j: raised(j) * divergence(j, tokens),
    }
    return instance_of(at_agents, products)


@library_theorem(origin=PAPER)
def log_linear_is_monotone_in_reverse_kl() -> Conclusions:
    """The log-linear rule is monotone in the reverse-KL order on positive distributions, for bids
    of positive sum and every number of agents and of tokens: a higher bid of agent i makes KL(q* ‖
    p_i) no larger."""
    optimal = kl_welfare_log_linear()["q* minimises the loss, uniquely"]
    (rule,) = log_linear_rule.log_linear_rule().values()
    at_low, at_high = instance_of(optimal, AT_LOW), instance_of(optimal, AT_HIGH)
    rules = rule, instance_of(rule, RAISED)
    positive = [one.statement.arg(1).arg(0).arg(0) for one in rules]
    not_negative = [
        each(tokens, lambda t: best(t) >= 0),
        each(tokens, lambda t: best_x(t) >= 0),
    ]
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
        *(one.statement.arg(0) for one in rules),
        *(one.statement.arg(0).arg(place) for one in (at_low, at_high) for place in (2, 3, 4)),
    )
    conclusion = by_propositional(
        z3.Implies(hypotheses, closer),
        *(at_low, at_high, *rules, *changes),
        *(by_z3(z3.Implies(p, s)) for p, s in zip(positive, not_negative, strict=True)),
        *(by_z3(one) for one in stay),
        by_z3(z3.Implies(z3.And(*better, *differ, x > b(i)), closer)),
    )
    return {"KL(q*_x ‖ p_i) ≤ KL(q* ‖ p_i) for x > b_i": conclusion}
