"""TRUSTED CORE. What has to hold for a formula to be defined: proved, or left as an assumption.

Guarantee: a condition that must be proved joins the premises only where they prove it; the others
are what the claim assumes. A premise may rest on those before it.
"""

from collections.abc import Iterable

from tokenauction.proofs.core.algebra.terms import Condition
from tokenauction.proofs.core.proving.sequent import Prover


def assume_defined(
    prover: Prover, premises: list[Condition], needed: Iterable[tuple[Condition, bool]]
) -> Condition | None:
    """Add to the premises what makes a formula defined; the first condition that is not proved.

    `needed` has every condition with whether it must be proved.
    """
    for condition, must_prove in needed:
        if must_prove and not prover.proves(premises, condition):
            return condition
        premises.append(condition)
    return None
