"""TRUSTED CORE. The domain of a claim: of which profiles it speaks, as formulas and as a test.

Guarantee: the premises of a proof, at fixed sizes and at all, and what `check_domain` accepts are
one domain. The formulas leave out what the algebra knows of its leaves: the signs that the rows of
quantities.py give, and over every size that distributions sum to one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any, Final, assert_never

from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.claims.quantities import (
    AGENTS,
    QUANTITIES,
    RAISED,
    TOKENS,
    UNKNOWNS,
    Domain,
    SingledOut,
    Unknown,
)
from tokenauction.proofs.core.evaluation.exact import evaluate_all
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.results.assignment import Assignment, Numbers, flat, map_numbers

# As formulas --------------------------------------------------------------------------------------

Total = Callable[[Callable[[Index], Node]], Node]
"""A sum over all agents, from what each of them adds to it."""
_EVERYBODY: Final = Index(AGENTS, "j_domain")


def premises_at(claim: Claim, sizes: Mapping[Axis, int], who: SingledOut) -> Iterator[Node]:
    """What holds of every profile that the claim speaks of, at fixed sizes."""
    agents, tokens = (positions(axis, sizes) for axis in (AGENTS, TOKENS))
    bids, *others = _somebody_bids(claim, who, lambda own: graph.add(*map(own, agents)))
    yield bids
    rows = [[graph.prob(j, t) for t in tokens] for j in agents]
    rows += [[graph.named_dist(name, t) for t in tokens] for name in claim.row_names]
    rows += [[one.leaf(j, t) for t in tokens] for one in _matrices(claim) for j in agents]
    yield from (graph.equal(graph.add(*row), graph.ONE) for row in rows)
    for unknown in claim.unknowns:
        if unknown.least is not None:
            yield graph.at_most(unknown.least(who), unknown.leaf())
    yield from others


def premises_over_all_sizes(claim: Claim, assumed: Node, fewest: int, raised: bool) -> list[Node]:
    """What holds of every profile that the claim speaks of, where a bid is raised or left alone.

    `assumed` is what a trace assumes of the sizes, and `fewest` how many agents there are at least.
    """
    known, who = every_profile(assumed, fewest), SingledOut()
    if raised:
        known.append(graph.less(graph.bid(who.agent), RAISED))
    for unknown in claim.unknowns:
        if unknown.least is not None and unknown.leaf() is not RAISED:
            known.append(graph.at_most(unknown.least(who), unknown.leaf()))
    token = Index(TOKENS, "t_domain")
    for unknown in _matrices(claim):
        total = graph.reduce("sum", token, unknown.leaf(_EVERYBODY, token))
        known.append(graph.reduce("all", _EVERYBODY, graph.equal(total, graph.ONE)))
    _, *others = _somebody_bids(claim, who, _over_everybody)
    return [*known, *others]


def every_profile(assumed: Node, fewest: int) -> list[Node]:
    """What holds of every profile: the sizes, at least so many agents, and that somebody bids."""
    return [
        assumed,
        graph.at_most(graph.constant(fewest), graph.size(AGENTS)),
        graph.at_most(graph.ONE, graph.size(TOKENS)),
        graph.less(graph.ZERO, _over_everybody(graph.bid)),
    ]


def _over_everybody(own: Callable[[Index], Node]) -> Node:
    return graph.reduce("sum", _EVERYBODY, own(_EVERYBODY))


def _somebody_bids(claim: Claim, who: SingledOut, total: Total) -> Iterator[Node]:
    """Of the profile, and of every other that the claim speaks of, that somebody bids."""
    for bids in claim.profiles:
        yield graph.less(graph.ZERO, total(partial(bids.element, who)))


def positions(axis: Axis, sizes: Mapping[Axis, int]) -> list[Index]:
    return [Index(axis, str(place), place) for place in range(sizes[axis])]


def _matrices(claim: Claim) -> list[Unknown]:
    """The unknowns that are a distribution for each agent."""
    return [one for one in claim.unknowns if one.domain == "distribution" and one.axes != (TOKENS,)]


# As numbers ---------------------------------------------------------------------------------------


def leaf_values(values: Assignment) -> dict[Node, Fraction]:
    """The value of every leaf that a formula at these sizes can mention."""
    agents, tokens = (positions(axis, _sizes(values)) for axis in (AGENTS, TOKENS))
    found = dict(zip(map(graph.bid, agents), values.bids, strict=True))
    for j, row in zip(agents, values.dists, strict=True):
        found.update((graph.prob(j, t), p) for t, p in zip(tokens, row, strict=True))
    for name, row in values.named.items():
        found.update((graph.named_dist(name, t), p) for t, p in zip(tokens, row, strict=True))
    for name, numbers in values.given.items():
        unknown = UNKNOWNS[name]
        places = product(*(positions(axis, _sizes(values)) for axis in unknown.axes))
        found.update(zip((unknown.leaf(*at) for at in places), flat(numbers), strict=True))
    return found


def quantity_at(name: str, values: Assignment) -> Any:
    """The numbers of a quantity in an assignment; KeyError where it has not what they are of."""
    row, leaves = QUANTITIES[name], leaf_values(values)
    who = SingledOut.at(values.agent, values.choices)

    def number(*at: Index) -> Any:
        return evaluate_all([row.element(who, *at)], leaves)[0]

    return array_of(row.axes, _sizes(values), number)


def array_of(
    axes: tuple[Axis, ...], sizes: Mapping[Axis, int], number: Callable[..., Fraction]
) -> Numbers:
    """The array over these axes with this number at every combination of positions."""
    if not axes:
        return number()
    return tuple(
        array_of(axes[1:], sizes, partial(number, index)) for index in positions(axes[0], sizes)
    )


def into_domain(unknown: Unknown, numbers: Numbers, values: Assignment) -> Numbers:
    """Numbers next to these that the domain of an unknown may have, beside the other values."""
    if unknown.domain in ("bids", "distribution"):
        numbers = map_numbers(lambda x: max(x, Fraction(0)), numbers)
    if unknown.domain == "distribution" and not isinstance(numbers, Fraction):
        numbers = tuple(_sum_to_one(tuple(flat(row))) for row in numbers)
    if unknown.least is not None:
        least = least_of(unknown, values)
        numbers = map_numbers(lambda x: max(x, least), numbers)
    return numbers


def least_of(unknown: Unknown, values: Assignment) -> Fraction:
    """What the numbers of an unknown are never below; zero where nothing is said of it."""
    if unknown.least is None or values.agent is None:
        return Fraction(0)
    who = SingledOut.at(values.agent, values.choices)
    [least] = evaluate_all([unknown.least(who)], leaf_values(values))
    assert isinstance(least, Fraction)
    return least


def with_bids_times(factor: Fraction, values: Assignment) -> Assignment:
    """The assignment with every bid multiplied, those of every profile that it speaks of."""

    def times(name: str, numbers: Numbers) -> Numbers:
        if UNKNOWNS[name].domain != "bids":
            return numbers
        return map_numbers(lambda bid: factor * bid, numbers)

    bids = tuple(factor * bid for bid in values.bids)
    return replace(values, bids=bids).with_each_given(times)


def _sum_to_one(row: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    total = sum(row)
    return tuple(p / total if total else Fraction(1, len(row)) for p in row)


def _sizes(values: Assignment) -> dict[Axis, int]:
    return {AGENTS: values.agents, TOKENS: values.tokens}


def consistent_with(claim: Claim, values: Assignment) -> Assignment:
    """The assignment with what the property fixes filled in, for showing the whole profile."""
    fixed = values
    if claim.common_only:
        fixed = replace(fixed, dists=quantity_at(claim.asked("distribution")[0].name, values))
    if claim.withdraws_only and values.agent is not None:
        fixed = replace(fixed, bids=quantity_at(claim.asked("bids")[0].name, values))
    for unknown in _free(claim):
        if unknown.name in QUANTITIES and unknown.name in values.given:
            fixed = fixed.with_given(unknown.name, quantity_at(unknown.name, fixed))
    return fixed


def check_domain(claim: Claim, values: Assignment) -> bool:
    """Whether the claim speaks of this assignment."""
    if not _has_everything(claim, values):
        return False
    values = consistent_with(claim, values)
    signs = [
        all(bid >= 0 for bid in values.bids),
        *(_in_domain("distribution", claim.positive, row) for row in values.dists),
        *(_in_domain("distribution", claim.positive, row) for row in values.named.values()),
        *(_in_domain(one.domain, claim.positive, values.given[one.name]) for one in _free(claim)),
    ]
    who = SingledOut.at(values.agent, values.choices)
    premises = [*premises_at(claim, _sizes(values), who)]
    # Of what is undefined there is nothing to say, and it is no truth.
    return all(signs) and all(one is True for one in evaluate_all(premises, leaf_values(values)))


def _in_domain(domain: Domain, positive: bool, numbers: Numbers) -> bool:
    """Whether the signs of some numbers are those of their domain."""
    match domain:
        case "bids":
            return all(x >= 0 for x in flat(numbers))
        case "distribution":
            return all(x > 0 if positive else x >= 0 for x in flat(numbers))
        case "positive":
            return all(x > 0 for x in flat(numbers))
        case "number":
            return True
        case _:
            assert_never(domain)


def _has_everything(claim: Claim, values: Assignment) -> bool:
    """Whether there is a number for all that the claim quantifies, in arrays of the right shape."""
    agents, tokens = len(values.bids), len(values.dists[0]) if values.dists else 0
    rows = [*values.dists, *values.named.values()]
    if not agents or len(values.dists) != agents or any(len(row) != tokens for row in rows):
        return False
    if claim.only_tokens not in (None, tokens):
        return False
    choices = values.choices
    for order, length in ((choices.agent_order, agents), (choices.token_order, tokens)):
        if order is not None and sorted(order) != list(range(length)):
            return False
    if claim.has_focal and (values.agent is None or not 0 <= values.agent < agents):
        return False
    if claim.has_rival and choices.rival not in {*range(agents)} - {values.agent}:
        return False
    if not {*claim.row_names} <= {*values.named} or not {*values.given} <= {*UNKNOWNS}:
        return False
    sizes = {AGENTS: agents, TOKENS: tokens}
    return all(
        one.name in values.given
        and _shape(values.given[one.name]) == tuple(sizes[axis] for axis in one.axes)
        for one in _free(claim)
    )


def _free(claim: Claim) -> list[Unknown]:
    """The unknowns that an assignment has in `given`."""
    return [one for one in claim.unknowns if not one.is_named]


def _shape(numbers: Numbers) -> tuple[int, ...] | None:
    """The shape of an array of numbers; None where its rows differ."""
    if isinstance(numbers, Fraction):
        return ()
    shapes = {_shape(inner) for inner in numbers}
    inner = shapes.pop() if len(shapes) == 1 else None
    return None if inner is None else (len(numbers), *inner)
