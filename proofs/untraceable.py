"""The verdict on claims about rules that cannot be traced: attacked, and never proved."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from tokenauction.proofs import explain
from tokenauction.proofs.assignment import Assignment
from tokenauction.proofs.claims import Claim
from tokenauction.proofs.numeric_attack import CLEAR_MARGIN, NumericAttack, Violation
from tokenauction.proofs.numpy_run import KEEPS_STATE, raised_at
from tokenauction.proofs.shrink import shrink
from tokenauction.proofs.trace import TracingError
from tokenauction.proofs.verdict import Refuted, Scope, Unknown, Verdict, Witness

if TYPE_CHECKING:  # decision.py imports this file
    from tokenauction.proofs.decision import Options

NUMERIC = "floats only"


def attacked(claim: Claim, options: "Options", untraceable: str) -> Verdict:
    """The verdict on a claim about functions that cannot be traced, for the reason given.

    What keeps state is no function: a violation that was seen once need not be there again.
    """
    if untraceable.endswith(KEEPS_STATE):
        return Unknown(untraceable, method=NUMERIC)
    attack = attack_of(claim, options)
    try:
        found = attack.run()
    except TracingError as problem:
        return Unknown(str(problem))
    sizes = f"{attack.calls} runs at sizes {size_list(attack.sizes)}"
    if found is None:
        reason = f"the rule cannot be traced: {untraceable}"
        explored = f"{sizes}, no violation with a margin of {CLEAR_MARGIN}"
        return Unknown(f"{reason}; searched: {explored}", explored, method=NUMERIC)
    least = max(CLEAR_MARGIN, found.margin / 4)

    def clearly(values: Assignment) -> bool:
        judged = attack.judge(values)
        return judged is not None and judged.margin >= least

    smaller = attack.judge(shrink(found.assignment, clearly, most_tries=600)) or found
    where = Scope((smaller.assignment.agents,), (smaller.assignment.tokens,))
    return Refuted(witness_of_run(claim, smaller), NUMERIC, where)


def attack_of(claim: Claim, options: "Options") -> NumericAttack:
    """The attack that a claim gets under these options."""
    return NumericAttack(
        claim,
        options.seed,
        most_calls=int(12_000 * options.effort),
        most_agents=options.agents or 8,
        most_tokens=options.tokens or 8,
        progress=options.progress,
    )


def witness_of_run(claim: Claim, found: Violation) -> Witness:
    """What was seen by running the function: a violation, or what it raises."""
    witness = explain.seen_in_floats(claim, found)
    raised = next(filter(None, raised_at(found.assignment, found.instance)), "")
    if not raised:
        return witness
    return replace(witness, sentence=f"{explain.profile(found.assignment)}: {raised.rstrip('.')}.")


def size_list(sizes: Iterable[tuple[int, int]]) -> str:
    """Sizes as a report shows them."""
    return ", ".join(f"{n}x{t}" for n, t in dict.fromkeys(sizes))
