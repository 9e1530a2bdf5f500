"""Which reading of an incentive property implies which, and under which hypotheses: all of it.

Every reading (proofs/library/properties/readings.py) speaks of two bids and of two things that the
others may do, and only of how outcomes and payments compare. So where one reading does not imply
another, two bids and two things that the others may do are enough to see it, and of those there are
few (proofs/library/properties/separating_mechanisms.py). The table is complete: where none of them
separates two readings, Z3 proves the implication for all mechanisms, whatever the sets of bids, of
outcomes and of what the others may do; where one does, that it does is a theorem about its numbers.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.properties.one_agent import ANY, OneAgent
from tokenauction.proofs.library.properties.readings import ASSUMPTIONS, READING
from tokenauction.proofs.library.properties.separating_mechanisms import SMALL, Small


@dataclass(frozen=True)
class Hypotheses:
    """What is assumed of a mechanism; `text` says it in words."""

    text: str
    parts: frozenset[str]

    def of(self, mechanism: OneAgent) -> Any:
        """The formula."""
        return z3.And([ASSUMPTIONS[part](mechanism) for part in sorted(self.parts)])


def _assume(text: str, *parts: str) -> Hypotheses:
    return Hypotheses(text, frozenset({"bids in order", "preorder", *parts}))


# Weaker ones come first.
HYPOTHESES = (
    _assume("any preorder"),
    _assume("partial order", "antisymmetric"),
    _assume("total preorder", "total"),
    _assume("partial order, monotone rule", "antisymmetric", "monotone"),
    _assume("total preorder, monotone rule", "total", "monotone"),
    _assume("partial order, payment-monotone", "antisymmetric", "payment-monotone"),
)


@dataclass(frozen=True)
class Row:
    """Whether one reading implies another: a theorem, and the counter-model where it does not."""

    hypotheses: str
    premise: str
    conclusion: str
    theorem: Theorem
    countermodel: Small | None = None

    @property
    def holds(self) -> bool:
        """Whether the implication is true."""
        return self.countermodel is None


Question = tuple[Hypotheses, str, str]
QUESTIONS: tuple[Question, ...] = tuple(
    (hypotheses, premise, conclusion)
    for hypotheses in HYPOTHESES
    for premise, conclusion in product(READING, repeat=2)
    if premise != conclusion
)


def separating() -> dict[Question, Small]:
    """A small mechanism for each implication that fails, from as few mechanisms as a greedy choice
    finds."""
    answers = {small: set(_separates(small)) for small in SMALL}
    found: dict[Question, Small] = {}
    while True:
        best = max(SMALL, key=lambda small: len(answers[small] - found.keys()))
        if answers[best] <= found.keys():
            return found
        found |= dict.fromkeys(answers[best] - found.keys(), best)


def _separates(small: Small) -> Iterator[Question]:
    for question in QUESTIONS:
        hypotheses, premise, conclusion = question
        if hypotheses.parts | {premise} <= small.satisfies and conclusion not in small.satisfies:
            yield question


@functools.cache
def implication(hypotheses: Hypotheses, premise: str, conclusion: str) -> Theorem:
    """The implication for all mechanisms."""
    given = z3.And(hypotheses.of(ANY), READING[premise].of(ANY))
    return by_z3(z3.Implies(given, READING[conclusion].of(ANY)))


@functools.cache
def lattice_rows() -> Sequence[Row]:
    """Every reading against every other, under all hypotheses; raises NotProved if one is open."""
    fails, rows = separating(), []
    for question in QUESTIONS:
        hypotheses, premise, conclusion = question
        small = fails.get(question)
        if small is not None:
            theorem = small.theorem
        else:
            # The weakest hypotheses that give it come first.
            enough = next(
                one
                for one in HYPOTHESES
                if one.parts <= hypotheses.parts and (one, premise, conclusion) not in fails
            )
            theorem = implication(enough, premise, conclusion)
        rows.append(Row(hypotheses.text, premise, conclusion, theorem, small))
    return tuple(rows)


@library_theorem(origin=OWN)
def variants_lattice() -> Conclusions:
    """Of any two readings of payment monotonicity, consistency and monotonicity, whether the one
    implies the other, under each of six hypotheses: a theorem about all mechanisms where it does,
    and about one with two bids where it does not."""
    return {
        f"{row.hypotheses}: {row.premise} {'⇒' if row.holds else '⇏'} {row.conclusion}": row.theorem
        for row in lattice_rows()
    }
