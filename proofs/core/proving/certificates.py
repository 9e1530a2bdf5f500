"""TRUSTED CORE. The certificate of a proof: its scope, its steps and what it assumes.

A `Proved` is made here and nowhere else. Guarantee: it names every assumption that the claim and
the constants of its functions bring with them.
"""

from collections.abc import Sequence
from fractions import Fraction

from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.faithfulness.examination import Examined
from tokenauction.proofs.core.proving.solver import solver_version
from tokenauction.proofs.core.tracing.trace import reading
from tokenauction.proofs.results.verdict import Evidence, Proved, Scope

ASSUMED_DEFINED = "profiles at which the rule and the property are defined"


def certified(
    claim: Claim,
    examined: Sequence[Examined],
    method: str,
    steps: tuple[str, ...],
    scope: Scope | None = None,
    why_not_more: str = "",
) -> Proved:
    """The verdict that a claim holds at every profile of a scope, by default of every size."""
    assumptions = ["real arithmetic, without rounding"]
    if claim.positive:
        assumptions.append("strictly positive distributions")
    if not claim.prop.everywhere:
        assumptions.append(ASSUMED_DEFINED)
    assumptions += _readings(examined)
    if claim.distributions:
        assumptions.append(f"for every distribution {', '.join(claim.distributions)}")
    evidence = Evidence(method, steps, tuple(assumptions), {"z3": solver_version()})
    return Proved(scope or Scope(), evidence, why_not_more)


def _readings(examined: Sequence[Examined]) -> list[str]:
    """How the float constants of the functions were read."""
    constants = sorted({value for one in examined for value in one.decimals})
    decimals = [value for value in constants if reading(value) == Fraction(repr(value))]
    short = [value for value in constants if value not in decimals]
    told = []
    if decimals:
        told.append(f"float constants read as decimals: {', '.join(map(repr, decimals))}")
    if short:
        read = ", ".join(f"{value!r} as {reading(value)}" for value in short)
        told.append(f"float constants read as fractions: {read}")
    return told
