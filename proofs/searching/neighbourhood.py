"""Small changes of a profile: what is there in floats has to be there around it as well.

A violation that lives at one point, a tie or a threshold, may be one rounding. One that survives
every change of a fixed set, of all bids and probabilities, at three scales, is not: where a rule is
continuous around a profile, rounding moves its result by far less. Outside the trusted core.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

import numpy as np

from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.claims.domain import consistent_with, least_of
from tokenauction.proofs.core.claims.quantities import UNKNOWNS, Unknown
from tokenauction.proofs.results.assignment import Assignment, Dist, Numbers, flat, map_numbers

AROUND: Final = tuple(Fraction(1, 10**digits) for digits in (3, 4, 6))
AWAY: Final = (Fraction(1, 50),)
_EACH: Final = 8


def neighbours(
    claim: Claim,
    values: Assignment,
    *,
    scales: Sequence[Fraction] = AROUND,
    keep_zeros: bool = False,
) -> Iterator[Assignment]:
    """Assignments beside one, eight at each scale, in the claim's domain if it is.

    No two numbers of one of them are moved alike, so that what was equal is so no longer. Zeros
    stay zero in every other one, or everywhere if asked, and are small numbers in the others.
    """
    rng = np.random.default_rng(24)
    for scale in scales:
        for turn in range(_EACH):
            yield _Change(scale, rng, keep_zeros or turn % 2 == 0).of(claim, values)


class _Change:
    """One small change of every number of an assignment."""

    def __init__(self, scale: Fraction, rng: np.random.Generator, keep_zeros: bool) -> None:
        self.scale, self.rng, self.keep_zeros = scale, rng, keep_zeros

    def of(self, claim: Claim, values: Assignment) -> Assignment:
        changed = replace(
            values,
            bids=self._bids(values.bids),
            dists=tuple(self._row(row) for row in values.dists),
            named={name: self._row(row) for name, row in values.named.items()},
        )
        changed = changed.with_each_given(
            lambda name, numbers: self._given(UNKNOWNS[name], numbers, values, changed)
        )
        return consistent_with(claim, changed) if claim.withdraws_only else changed

    def _given(
        self, unknown: Unknown, numbers: Numbers, before: Assignment, after: Assignment
    ) -> Numbers:
        """The numbers of an unknown moved; a raise is moved, and not what it leads to."""
        least = least_of(unknown, before)
        if unknown.least is not None:
            new = least_of(unknown, after)
            return map_numbers(lambda x: new + self._number(x - least), numbers)
        if isinstance(numbers, Fraction):
            return self._number(numbers)
        if not all(isinstance(inner, Fraction) for inner in numbers):
            return tuple(self._given(unknown, inner, before, after) for inner in numbers)
        row = tuple(flat(numbers))
        return self._row(row) if unknown.domain == "distribution" else self._bids(row)

    def _number(self, number: Fraction) -> Fraction:
        return number * (1 + self.scale * self._step())

    def _step(self) -> Fraction:
        """A number between 1/2 and 1 in size, of either sign."""
        size = Fraction(int(self.rng.integers(5000, 10_000)), 10_000)
        return size if self.rng.random() < 0.5 else -size

    def _bids(self, bids: Dist) -> Dist:
        return self._numbers(bids, max(map(abs, bids)))

    def _row(self, row: Dist) -> Dist:
        moved = self._numbers(row, Fraction(1))
        return tuple(p / sum(moved) for p in moved)

    def _numbers(self, numbers: Dist, unit: Fraction) -> Dist:
        small = Fraction(0) if self.keep_zeros else unit * self.scale
        return tuple(self._number(x) if x else small * abs(self._step()) for x in numbers)
