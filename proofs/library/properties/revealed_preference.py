"""Revealed preference: a rule that maximises welfare gives an agent more of what it bids for.

Let the rule's outcome at the bid b maximise `b v(q) + rest(q)` over a set of outcomes, where v is
what the agent values and the rest does not depend on its bid. Let `b ≤ b'`, with outcomes q and q'.
Each is at least as good as the other at its own bid:

    b v(q) + rest(q) ≥ b v(q') + rest(q')        b' v(q') + rest(q') ≥ b' v(q) + rest(q)

The sum is `(b' - b) (v(q') - v(q)) ≥ 0`. Nothing is used of what outcomes, values or the set are.
"""

import z3

from tokenauction.proofs.core.kernel import BOOL, REAL, Theorem, by_z3, instance_of
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem

OUTCOMES = z3.DeclareSort("Distribution")
allowed = z3.Function("allowed", OUTCOMES, BOOL)
value, rest = (z3.Function(name, OUTCOMES, REAL) for name in ("value", "rest"))
rule = z3.Function("rule", REAL, OUTCOMES)
low, high = z3.Reals("low high")
outcome = z3.Const("outcome", OUTCOMES)

MAXIMISES = z3.ForAll(
    [low, outcome],
    z3.Implies(
        low >= 0,
        z3.And(
            allowed(rule(low)),
            z3.Implies(
                allowed(outcome),
                low * value(rule(low)) + rest(rule(low)) >= low * value(outcome) + rest(outcome),
            ),
        ),
    ),
)


def two_bids_lemma() -> Theorem:
    """The sum of the two inequalities."""
    v_low, v_high, rest_low, rest_high = z3.Reals("v_low v_high rest_low rest_high")
    better_low = low * v_low + rest_low >= low * v_high + rest_high
    better_high = high * v_high + rest_high >= high * v_low + rest_low
    sum_of_both = by_z3(z3.Implies(z3.And(better_low, better_high, low < high), v_low <= v_high))
    values = {v_low: value(rule(low)), v_high: value(rule(high))}
    return instance_of(
        sum_of_both, {**values, rest_low: rest(rule(low)), rest_high: rest(rule(high))}
    )


@library_theorem(
    origin=PAPER,
    reference=f"{ARXIV}; where rewards are maximised: arXiv 2405.05905, arXiv 2512.10551",
)
def revealed_preference() -> Conclusions:
    """Any rule that at every bid b ≥ 0 maximises b v(q) + rest(q) over a set of distributions,
    where v and rest do not depend on b, is monotone in v: a higher bid gives the agent a
    distribution that it values at least as much."""
    monotone = by_z3(
        z3.Implies(z3.And(MAXIMISES, 0 <= low, low <= high), value(rule(low)) <= value(rule(high))),
        two_bids_lemma(),
    )
    return {"b ≤ b' implies v(q(b)) ≤ v(q(b'))": monotone}
