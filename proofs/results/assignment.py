"""An exact assignment: a value for everything that an instance of a claim quantifies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Dist = tuple[Fraction, ...]


@dataclass(frozen=True)
class Orders:
    """The reorderings that an instance looks at, as positions; None where it looks at none."""

    agents: tuple[int, ...] | None = None
    tokens: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Assignment:
    """Exact values; `named` has the distributions that belong to no agent, by name.

    `other_bids` is the second context of a claim that compares two: the singled-out agent has its
    bid there too.
    """

    bids: tuple[Fraction, ...]
    dists: tuple[Dist, ...]
    agent: int | None = None
    raised_bid: Fraction | None = None
    scale: Fraction | None = None
    other_bids: tuple[Fraction, ...] | None = None
    orders: Orders = field(default_factory=Orders)
    named: Mapping[str, Dist] = field(default_factory=dict)

    @property
    def agents(self) -> int:
        return len(self.bids)

    @property
    def tokens(self) -> int:
        return len(self.dists[0])

    def raised_bids(self) -> tuple[Fraction, ...]:
        """The bids after the raise."""
        if self.agent is None or self.raised_bid is None:
            return self.bids
        return (*self.bids[: self.agent], self.raised_bid, *self.bids[self.agent + 1 :])


def assignment_of(counterexample: Mapping[str, Any]) -> Assignment:
    """The assignment that a counterexample of a report shows.

    Raises KeyError, TypeError or ValueError where it shows none.
    """
    shown = counterexample

    def numbers(row: Iterable[str]) -> Dist:
        return tuple(Fraction(text) for text in row)

    def number(name: str) -> Fraction | None:
        return Fraction(shown[name]) if shown.get(name) is not None else None

    def order(name: str) -> tuple[int, ...] | None:
        return tuple(shown[name]) if shown.get(name) is not None else None

    values = Assignment(
        bids=numbers(shown["bids"]),
        dists=tuple(numbers(row) for row in shown["dists"]),
        agent=shown.get("agent"),
        raised_bid=number("raised_bid"),
        scale=number("scale"),
        other_bids=numbers(shown["other_bids"]) if shown.get("other_bids") else None,
        orders=Orders(order("agent_order"), order("token_order")),
        named={name: numbers(row) for name, row in shown.get("distributions", {}).items()},
    )
    if not values.dists or not 0 <= (values.agent or 0) < values.agents:
        raise ValueError("a counterexample without distributions, or about an agent that is not")
    return values
