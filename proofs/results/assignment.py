"""An exact assignment: a value for everything that an instance of a claim quantifies."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, cast

Dist = tuple[Fraction, ...]
Numbers = Fraction | tuple["Numbers", ...]
"""A number, a row of numbers, or rows of rows: the numbers of one quantity."""


@dataclass(frozen=True)
class Choices:
    """What an instance looks at beside one agent: reorderings, as positions, and another agent.

    Each is None where it looks at none.
    """

    agent_order: tuple[int, ...] | None = None
    token_order: tuple[int, ...] | None = None
    rival: int | None = None


@dataclass(frozen=True)
class Assignment:
    """Exact values; `named` has the distributions that belong to no agent, by name.

    `given` has what else the property quantifies over, by name, such as a raised bid.
    """

    bids: tuple[Fraction, ...]
    dists: tuple[Dist, ...]
    agent: int | None = None
    choices: Choices = field(default_factory=Choices)
    named: Mapping[str, Dist] = field(default_factory=dict)
    given: Mapping[str, Numbers] = field(default_factory=dict)

    @property
    def agents(self) -> int:
        return len(self.bids)

    @property
    def tokens(self) -> int:
        return len(self.dists[0])

    @property
    def raised_bid(self) -> Fraction | None:
        """What the singled-out agent bids after a raise."""
        return cast(Fraction | None, self.given.get("raised_bid"))

    @property
    def scale(self) -> Fraction | None:
        """What all bids are multiplied by."""
        return cast(Fraction | None, self.given.get("scale"))

    @property
    def other_bids(self) -> tuple[Fraction, ...] | None:
        """The bids of a second context, where the singled-out agent has its bid too."""
        return cast(tuple[Fraction, ...] | None, self.given.get("other_bids"))

    def with_given(self, name: str, numbers: Numbers) -> "Assignment":
        """The assignment with other numbers for one of the quantities in `given`."""
        return replace(self, given={**self.given, name: numbers})

    def with_each_given(self, change: Callable[[str, Numbers], Numbers]) -> "Assignment":
        """The assignment with every quantity in `given` changed, by its name and its numbers."""
        return replace(self, given={k: change(k, numbers) for k, numbers in self.given.items()})


def map_numbers(change: Callable[[Fraction], Fraction], numbers: Numbers) -> Numbers:
    """The numbers of a quantity, each changed."""
    if isinstance(numbers, Fraction):
        return change(numbers)
    return tuple(map_numbers(change, inner) for inner in numbers)


def flat(numbers: Numbers) -> Iterator[Fraction]:
    """The numbers of a quantity one after the other."""
    if isinstance(numbers, Fraction):
        yield numbers
    else:
        for inner in numbers:
            yield from flat(inner)


def each_changed(
    numbers: Numbers, changes: Callable[[Fraction], Iterable[Fraction]]
) -> Iterator[Numbers]:
    """The numbers of a quantity with one of them changed, in every way."""
    if isinstance(numbers, Fraction):
        yield from changes(numbers)
        return
    for place, inner in enumerate(numbers):
        for changed in each_changed(inner, changes):
            yield (*numbers[:place], changed, *numbers[place + 1 :])


def as_texts(numbers: Numbers) -> Any:
    """The numbers of a quantity as a report shows them: texts, in lists."""
    return str(numbers) if isinstance(numbers, Fraction) else [as_texts(one) for one in numbers]


def _from_texts(shown: Any) -> Numbers:
    if isinstance(shown, list | tuple):
        return tuple(_from_texts(one) for one in shown)
    return Fraction(shown)


SHOWN_BY_NAME: Final = frozenset({"raised_bid", "scale", "other_bids"})
"""What a report shows under its own name; other quantities stand under `given`."""


def assignment_of(counterexample: Mapping[str, Any]) -> Assignment:
    """The assignment that a counterexample of a report shows.

    Raises KeyError, TypeError or ValueError where it shows none.
    """
    shown = counterexample

    def numbers(row: Iterable[str]) -> Dist:
        return tuple(Fraction(text) for text in row)

    def order(name: str) -> tuple[int, ...] | None:
        return tuple(shown[name]) if shown.get(name) is not None else None

    given = {name: shown[name] for name in SHOWN_BY_NAME if shown.get(name)}
    given |= {name: one["values"] for name, one in shown.get("given", {}).items()}
    values = Assignment(
        bids=numbers(shown["bids"]),
        dists=tuple(numbers(row) for row in shown["dists"]),
        agent=shown.get("agent"),
        choices=Choices(order("agent_order"), order("token_order"), shown.get("rival")),
        named={name: numbers(row) for name, row in shown.get("distributions", {}).items()},
        given={name: _from_texts(one) for name, one in given.items()},
    )
    named = [one or 0 for one in (values.agent, values.choices.rival)]
    if not values.dists or not all(0 <= one < values.agents for one in named):
        raise ValueError("a counterexample without distributions, or about an agent that is not")
    return values
