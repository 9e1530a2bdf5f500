"""The incentive properties in their possible readings.

A reading says something of every two bids `b`, `c` of an agent and of everything that the others
may do, `o` and `other`; all that it looks at is how the two bids compare. It is written once, and
read as a formula of terms or as a truth value of truth values.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import z3

from tokenauction.proofs.library.properties.one_agent import OneAgent


def no(one: Any) -> Any:
    """Not."""
    return not one if isinstance(one, bool) else z3.Not(one)


def both(one: Any, other: Any) -> Any:
    """And."""
    return one and other if isinstance(one, bool) else z3.And(one, other)


def implies(one: Any, other: Any) -> Any:
    """If the one then the other."""
    return not one or other if isinstance(one, bool) else z3.Implies(one, other)


@dataclass(frozen=True)
class Outcomes:
    """How what `b` brings compares to what `c` brings: `b ⪰ c`, `c ⪰ b`, and the same."""

    liked: Any
    disliked: Any
    equal: Any

    @property
    def better(self) -> Any:
        """`b ≻ c`."""
        return both(self.liked, no(self.disliked))

    @property
    def swapped(self) -> "Outcomes":
        """How what `c` brings compares to what `b` brings."""
        return Outcomes(self.disliked, self.liked, self.equal)

    @property
    def worse(self) -> Any:
        """`c ≻ b`."""
        return both(self.disliked, no(self.liked))


@dataclass(frozen=True)
class Comparison:
    """How two bids compare: outcomes for `o` and for `other`, payments for `o`, and themselves."""

    here: Outcomes
    there: Outcomes
    pays_at_least: Any
    pays_at_most: Any
    at_least: Any
    at_most: Any

    @property
    def pays_more(self) -> Any:
        """`z(b) > z(c)`."""
        return no(self.pays_at_most)

    @property
    def higher(self) -> Any:
        """`b > c`."""
        return both(self.at_least, no(self.at_most))


@dataclass(frozen=True)
class Reading:
    """A property in one of its readings; `text` is its formula in the notation of the docs."""

    name: str
    text: str
    says: Callable[[Comparison], Any]

    def of(self, mechanism: OneAgent) -> Any:
        """The formula that a mechanism has the property."""
        bound, comparison = compared(mechanism)
        return z3.ForAll(bound, self.says(comparison))


@functools.cache
def compared(mechanism: OneAgent) -> tuple[list[Any], Comparison]:
    """How two bids of a mechanism compare; with the two bids, `o` and `other` as variables."""
    b, c = z3.Consts("b c", mechanism.bids)
    o, other = z3.Consts("o other", mechanism.others)

    def outcomes(o: Any) -> Outcomes:
        equal = mechanism.outcome(b, o) == mechanism.outcome(c, o)
        return Outcomes(mechanism.likes(b, c, o), mechanism.likes(c, b, o), equal)

    comparison = Comparison(
        outcomes(o),
        outcomes(other),
        mechanism.pays_at_least(b, c, o),
        mechanism.pays_at_least(c, b, o),
        mechanism.at_least(b, c),
        mechanism.at_least(c, b),
    )
    return [b, c, o, other], comparison


READINGS = (
    Reading(
        "payment-monotone",
        "z ≥ z' ⇔ q ⪰ q'",
        lambda of: both(
            implies(of.pays_at_least, of.here.liked), implies(of.here.liked, of.pays_at_least)
        ),
    ),
    Reading(
        "as much buys as good",
        "z ≥ z' ⇒ q ⪰ q'",
        lambda of: implies(of.pays_at_least, of.here.liked),
    ),
    Reading(
        "as good costs as much",
        "q ⪰ q' ⇒ z ≥ z'",
        lambda of: implies(of.here.liked, of.pays_at_least),
    ),
    Reading(
        "strictly payment-monotone",
        "z > z' ⇔ q ≻ q'",
        lambda of: both(
            implies(of.pays_more, of.here.better), implies(of.here.better, of.pays_more)
        ),
    ),
    Reading(
        "more buys better",
        "z > z' ⇒ q ≻ q'",
        lambda of: implies(of.pays_more, of.here.better),
    ),
    Reading(
        "better costs more",
        "q ≻ q' ⇒ z > z'",
        lambda of: implies(of.here.better, of.pays_more),
    ),
    Reading(
        "consistent",
        "∃o q ≻ q' ⇒ ∀o q ⪰ q'",
        lambda of: implies(of.here.better, of.there.liked),
    ),
    Reading(
        "strictly consistent",
        "∃o q ≻ q' ⇒ ∀o q ≻ q'",
        lambda of: implies(of.here.better, of.there.better),
    ),
    Reading(
        "consistent up to equality",
        "∃o q ≻ q' ⇒ ∀o (q ≻ q' or q = q')",
        lambda of: implies(of.here.better, no(both(no(of.there.better), no(of.there.equal)))),
    ),
    Reading(
        "never reversed",
        "∃o q ≻ q' ⇒ ∀o not q ≺ q'",
        lambda of: implies(of.here.better, no(of.there.worse)),
    ),
    Reading(
        "consistent from the weak order",
        "∃o q ⪰ q' ⇒ ∀o q ⪰ q'",
        lambda of: implies(of.here.liked, of.there.liked),
    ),
    Reading(
        "monotone",
        "b ≥ b' ⇒ q ⪰ q'",
        lambda of: implies(of.at_least, of.here.liked),
    ),
    Reading(
        "strictly monotone",
        "b > b' ⇒ q ≻ q'",
        lambda of: implies(of.higher, of.here.better),
    ),
)
READING = {reading.name: reading for reading in READINGS}

# What may be assumed, besides readings: of the order of outcomes, and of the bids.
ASSUMPTIONS: Mapping[str, Callable[[OneAgent], Any]] = {
    "bids in order": lambda of: of.bids_are_ordered,
    "preorder": lambda of: of.preorder,
    "antisymmetric": lambda of: of.antisymmetric,
    "total": lambda of: of.total,
    **{reading.name: reading.of for reading in READINGS},
}
