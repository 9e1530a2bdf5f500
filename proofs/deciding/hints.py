"""The way out that a refutation suggests, where its user may have meant something else.

A rule with a logarithm of a probability is undefined at some zeros. One that is meant for strictly
positive distributions says so, and is then judged on those.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.results.assignment import Assignment, Dist
from tokenauction.proofs.results.reasons import POSITIVE_ONLY
from tokenauction.proofs.results.verdict import Witness


def with_hint(claim: Claim, witness: Witness, undefined: Callable[[Assignment], bool]) -> Witness:
    """A witness that a rule is undefined, with a hint where only zeros of distributions make it so.

    `undefined` says whether the rule is undefined at another assignment.
    """
    values = witness.assignment
    rows = (*values.dists, *values.named.values())
    if not witness.undefined or claim.positive or all(p > 0 for row in rows for p in row):
        return witness
    positive = replace(
        values,
        dists=tuple(map(_without_zeros, values.dists)),
        named={name: _without_zeros(row) for name, row in values.named.items()},
    )
    if undefined(positive):
        return witness
    hint = POSITIVE_ONLY[0].upper() + POSITIVE_ONLY[1:]
    return replace(witness, sentence=f"{witness.sentence} {hint}.")


def _without_zeros(row: Dist) -> Dist:
    """The mean of a distribution and the uniform one."""
    return tuple((p + Fraction(1, len(row))) / 2 for p in row)
