"""Is a counterexample of a report one? Decided by running the function, without the checker.

The function runs on NumPy arrays of Fractions; on floats where it takes a logarithm or an
exponential. A violation in floats has to be larger than rounding. The properties are written out
again here from their definitions, for one agent and token at a time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import inf
from typing import Any

import numpy as np

from tokenauction.mechanisms import AggregationRule, Mechanism

Counterexample = Mapping[str, Any]
Row = list[Any]
MARGIN = 1e-6


class Undefined(Exception):
    """The function has no value at a profile."""


@dataclass(frozen=True)
class Runs:
    """A target at the profile of a counterexample, on numbers of one kind."""

    target: AggregationRule | Mechanism
    example: Counterexample
    number: Callable[[str], Any]

    @property
    def bids(self) -> Row:
        return [self.number(bid) for bid in self.example["bids"]]

    @property
    def raised_bids(self) -> Row:
        bids = self.bids
        bids[self.example["agent"]] = self.number(self.example["raised_bid"])
        return bids

    @property
    def dists(self) -> list[Row]:
        return [[self.number(p) for p in row] for row in self.example["dists"]]

    def named(self, name: str) -> Row:
        """A distribution of no agent."""
        return [self.number(p) for p in self.example["distributions"][name]]

    def aggregate(self, bids: Row, dists: list[Row]) -> Row:
        rule = self.target.rule if isinstance(self.target, Mechanism) else self.target
        return self._run(rule, bids, dists)

    def payments(self, bids: Row, dists: list[Row]) -> Row:
        assert isinstance(self.target, Mechanism)
        return self._run(self.target.payment, bids, dists)

    def _run(self, function: Any, bids: Row, dists: list[Row]) -> Row:
        exact = self.number is Fraction
        array = partial(np.asarray, dtype=object if exact else np.float64)
        given = {name: array(self.named(name)) for name in function.distributions}
        try:
            with np.errstate(all="ignore"):
                found = function(array(bids), array(dists), **given)
        except ZeroDivisionError:
            raise Undefined from None
        values: Row = found.tolist()
        if any(value != value for value in values):
            raise Undefined
        return values


def check_domain(example: Counterexample) -> None:
    """The profile is one that a property speaks of."""
    bids = [Fraction(bid) for bid in example["bids"]]
    assert min(bids) >= 0 < sum(bids)
    assert len(example["dists"]) == len(bids)
    named = example.get("distributions", {}).values()
    for row in (*example["dists"], *named):
        values = [Fraction(p) for p in row]
        assert min(values) >= 0
        assert sum(values) == 1
    if "raised_bid" in example:
        assert Fraction(example["raised_bid"]) > bids[example["agent"]]


def violation(target: Any, name: str, example: Counterexample) -> Fraction | float | None:
    """By how much a property fails at the profile of a counterexample; None where it does not.

    A fraction where the function computes with fractions only; infinite where it is undefined.
    """
    check_domain(example)
    try:
        size = VIOLATIONS[name](Runs(target, example, Fraction))
    except TypeError:  # Fractions have no logarithms
        try:
            size = VIOLATIONS[name](Runs(target, example, lambda text: float(Fraction(text))))
        except Undefined:
            size = inf
    except Undefined:
        size = inf
    if size == inf:
        return inf if name in ("distribution", "individually-rational") else None
    return size if size > (MARGIN if isinstance(size, float) else 0) else None


def _distribution(runs: Runs) -> Any:
    aggregate = runs.aggregate(runs.bids, runs.dists)
    return max(-min(aggregate), abs(sum(aggregate) - 1))


def _anonymous(runs: Runs) -> Any:
    order = runs.example["agent_order"]
    bids, dists = runs.bids, runs.dists
    reordered = runs.aggregate([bids[k] for k in order], [dists[k] for k in order])
    return _difference(reordered, runs.aggregate(bids, dists))


def _unanimous(runs: Runs) -> Any:
    common = runs.named("common")
    return _difference(runs.aggregate(runs.bids, [common for _ in runs.bids]), common)


def _no_bid_no_influence(runs: Runs) -> Any:
    agent = runs.example["agent"]
    assert runs.bids[agent] == 0
    others = [runs.named("other") if k == agent else row for k, row in enumerate(runs.dists)]
    return _difference(runs.aggregate(runs.bids, runs.dists), runs.aggregate(runs.bids, others))


def _monotone(runs: Runs) -> Any:
    """How far the token that is named leaves the way from where it was to where it is wanted."""
    token, agent = runs.example["token"], runs.example["agent"]
    before = runs.aggregate(runs.bids, runs.dists)[token]
    after = runs.aggregate(runs.raised_bids, runs.dists)[token]
    wanted = runs.dists[agent][token]
    return max(min(before, wanted) - after, after - max(before, wanted))


def _individually_rational(runs: Runs) -> Any:
    paid = runs.payments(runs.bids, runs.dists)[runs.example["agent"]]
    return max(-paid, paid - runs.bids[runs.example["agent"]])


def _critical_bid(runs: Runs) -> Any:
    agent = runs.example["agent"]
    low, high = runs.aggregate(runs.bids, runs.dists), runs.aggregate(runs.raised_bids, runs.dists)
    moved = sum(abs(b - a) for a, b in zip(low, high, strict=True)) / 2
    paid = runs.payments(runs.bids, runs.dists)[agent]
    more = runs.payments(runs.raised_bids, runs.dists)[agent] - paid
    own, raised = runs.bids[agent], runs.raised_bids[agent]
    return max(own * moved - more, more - raised * moved, -paid, paid - own)


def _difference(left: Iterable[Any], right: Iterable[Any]) -> Any:
    return max(abs(a - b) for a, b in zip(left, right, strict=True))


VIOLATIONS: Mapping[str, Callable[[Runs], Any]] = {
    "distribution": _distribution,
    "anonymous": _anonymous,
    "unanimous": _unanimous,
    "no-bid-no-influence": _no_bid_no_influence,
    "monotone": _monotone,
    "individually-rational": _individually_rational,
    "critical-bid": _critical_bid,
}
