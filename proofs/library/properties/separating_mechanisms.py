"""Every small mechanism that could separate two readings of a property.

Two bids, two things that the others may do, and outcomes in the robust order or in that of total
variation (proofs/library/properties/small_mechanisms.py). What counts is how the high bid compares
to the low one in each of the two cases: whether it brings a better, a worse or the same outcome, or
one that is apart (incomparable, or equally good without being equal), and whether it pays more or
less. Which readings a mechanism satisfies is read off from that, and then proved of its numbers.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3
from tokenauction.proofs.library.properties.one_agent import OneAgent
from tokenauction.proofs.library.properties.readings import (
    ASSUMPTIONS,
    READINGS,
    Comparison,
    Outcomes,
)
from tokenauction.proofs.library.properties.small_mechanisms import (
    FAR,
    HERE,
    HIGH,
    LEFT,
    LOW,
    NEAR,
    RIGHT,
    THERE,
    by_table,
    exact,
    in_total_variation,
    robustly,
    small_mechanism,
)


@dataclass(frozen=True)
class Order:
    """An order of the four outcomes: its name, what it satisfies, and outcomes that compare so."""

    name: str
    prefers: Callable[[Any, Any], Any]
    parts: frozenset[str]
    apart: Outcomes


# The outcomes of the high and the low bid, by how they compare; left and right compare in each
# order as `apart` says.
OUTCOMES = {"≻": (NEAR, FAR), "≺": (FAR, NEAR), "=": (NEAR, NEAR), "apart": (LEFT, RIGHT)}
COMPARED = {
    "≻": Outcomes(True, False, False),
    "≺": Outcomes(False, True, False),
    "=": Outcomes(True, True, True),
}
PAYMENTS = {">": (1, 0), "<": (0, 1), "=": (1, 1)}
ORDERS = (
    Order(
        "robust order",
        robustly,
        frozenset({"bids in order", "preorder", "antisymmetric"}),
        Outcomes(False, False, False),
    ),
    Order(
        "total variation",
        in_total_variation,
        frozenset({"bids in order", "preorder", "total"}),
        Outcomes(True, True, False),
    ),
)


@dataclass(frozen=True)
class Small:
    """A mechanism of two bids: how outcomes and payments of the high bid compare to the low one's,
    where the others do the one thing and where they do the other."""

    order: Order
    here: tuple[str, str]
    there: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.order.name}: {_shown('here', *self.here)}; {_shown('there', *self.there)}"

    @functools.cached_property
    def satisfies(self) -> frozenset[str]:
        """The assumptions and readings that hold of it."""
        comparisons = list(self._comparisons())
        readings = {r.name for r in READINGS if all(r.says(one) for one in comparisons)}
        return self.order.parts | readings

    def _comparisons(self) -> Iterator[Comparison]:
        """How the high bid compares to the low one, and the low one to the high one."""
        for (outcome, payment), (other, _) in product((self.here, self.there), repeat=2):
            here, there = self._outcomes(outcome), self._outcomes(other)
            more, less = payment in ">=", payment in "<="
            yield Comparison(here, there, more, less, True, False)
            yield Comparison(here.swapped, there.swapped, less, more, False, True)

    def _outcomes(self, how: str) -> Outcomes:
        return self.order.apart if how == "apart" else COMPARED[how]

    @functools.cached_property
    def mechanism(self) -> OneAgent:
        """The mechanism with its tables."""
        outcomes, payments = {}, {}
        for others, (outcome, payment) in ((HERE, self.here), (THERE, self.there)):
            for rank, bid in enumerate((HIGH, LOW)):
                outcomes[bid, others] = OUTCOMES[outcome][rank]
                payments[bid, others] = exact(Fraction(PAYMENTS[payment][rank]))
        return small_mechanism(outcomes, by_table(payments), self.order.prefers)

    @functools.cached_property
    def theorem(self) -> Theorem:
        """Which readings the mechanism satisfies, and which it does not."""
        said = []
        for reading in READINGS:
            formula = reading.of(self.mechanism)
            said.append(formula if reading.name in self.satisfies else z3.Not(formula))
        order = order_of_outcomes(self.order)
        return by_z3(z3.And(order.statement, *said), order)


@functools.cache
def order_of_outcomes(order: Order) -> Theorem:
    """What the order of the four outcomes satisfies."""
    kind = Small(order, ("=", "="), ("=", "=")).mechanism
    return by_z3(z3.And([ASSUMPTIONS[part](kind) for part in sorted(order.parts)]))


def _shown(place: str, outcome: str, payment: str) -> str:
    (high, low), (more, less) = OUTCOMES[outcome], PAYMENTS[payment]
    return f"{place} high brings {high} for {more}, low {low} for {less}"


SMALL = tuple(
    Small(order, here, there)
    for order in ORDERS
    for here, there in product(product(OUTCOMES, PAYMENTS), repeat=2)
)
