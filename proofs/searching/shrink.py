"""Shrinking: from any violating assignment to one that a person can check by hand.

Fewest agents first, then fewest tokens, then small numbers. Every step is replayed exactly, so a
shrunk assignment violates the claim just as the first one did. Outside the trusted core.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product
from math import lcm

from tokenauction.proofs.core.claims.domain import with_bids_times
from tokenauction.proofs.core.claims.quantities import UNKNOWNS
from tokenauction.proofs.core.language.graph import Axis
from tokenauction.proofs.results.assignment import Assignment, Dist, Numbers, each_changed, flat

_ROUNDS = 12
_LONG = 40.0
_SIMPLE = [
    Fraction(text)
    for text in (
        *("0", "1", "2", "3", "4", "5", "6", "8", "9", "10", "1/2", "1/4", "3/2", "1/3", "2/3"),
        *("5/2", "12", "15", "16", "20", "25", "30", "50", "100", "1000"),
    )
]


def shrink(
    found: Assignment, violates: Callable[[Assignment], bool], most_tries: int = 4000
) -> Assignment:
    """A simpler assignment that still violates; at most `most_tries` replays, or twice as many.

    The raised bid is made simple last, since a small raise leaves no room for the other numbers.
    Where that comes to a stop at long numbers, it is tried first, and the simpler result taken.
    """
    plain = _shrunk(found, violates, most_tries, raise_first=False)
    if found.raised_bid is None or weight(plain)[2] <= _LONG:
        return plain
    return min(plain, _shrunk(found, violates, most_tries, raise_first=True), key=weight)


def _shrunk(
    found: Assignment,
    violates: Callable[[Assignment], bool],
    most_tries: int,
    raise_first: bool,
) -> Assignment:
    numbers = partial(_simpler_numbers, raise_first=raise_first)
    tries = 0
    best = found
    for _ in range(_ROUNDS):
        improved = False
        for candidates in (_fewer_agents, _fewer_tokens, numbers, _simpler_dists):
            step = True
            while step and tries < most_tries:
                step = False
                for candidate in candidates(best):
                    tries += 1
                    if weight(candidate) < weight(best) and violates(candidate):
                        best, step, improved = candidate, True, True
                        break
                    if tries >= most_tries:
                        break
        if not improved or tries >= most_tries:
            return best
    return best


def weight(values: Assignment) -> tuple[int, int, float]:
    """What is simpler: fewer agents, then fewer tokens, then shorter numbers."""
    numbers = [*values.bids, *(x for _, given in _given(values) for x in flat(given))]
    rows = [*values.dists, *values.named.values()]
    length = sum(_height(x) for x in numbers)
    common = sum(_height(Fraction(1, _denominator(row))) * len(row) for row in rows)
    zeros = sum(_height(p) for row in rows for p in row)
    spread = len(set(numbers)) + len(set(rows))
    return (values.agents, values.tokens, length + common + 0.25 * zeros + 0.1 * spread)


def _given(values: Assignment) -> list[tuple[str, Numbers]]:
    """What else is quantified, in one order."""
    return sorted(values.given.items())


def _height(x: Fraction) -> float:
    """How long a number is to write: digits, a slash, size; zero counts a little more than one."""
    digits = len(str(abs(x.numerator))) - 1 + 0.9 * (len(str(x.denominator)) - 1)
    slash = 2.0 if x.denominator != 1 else 0.0
    size = 0.02 * float(min(abs(x.numerator) + x.denominator, 10**6))
    return digits + slash + size + (0.05 if x == 0 else 0.0)


def _denominator(row: Dist) -> int:
    result = 1
    for p in row:
        result = max(result, p.denominator)
    return result


def _fewer_agents(values: Assignment) -> Iterator[Assignment]:
    for j in range(values.agents if values.agents > 1 else 0):
        if j in (values.agent, values.choices.rival):
            continue
        agent, rival = (
            one if one is None or one < j else one - 1
            for one in (values.agent, values.choices.rival)
        )
        order = values.choices.agent_order
        if order is not None:
            order = _without(order, j)
            if order is None:
                continue
        fewer = replace(
            values,
            bids=values.bids[:j] + values.bids[j + 1 :],
            dists=values.dists[:j] + values.dists[j + 1 :],
            agent=agent,
            choices=replace(values.choices, agent_order=order, rival=rival),
        )
        yield fewer.with_each_given(partial(_without_place, axis=Axis.AGENTS, place=j))


def _without_place(name: str, numbers: Numbers, axis: Axis, place: int) -> Numbers:
    """The numbers of a quantity without those of one agent, or of one token."""
    axes = UNKNOWNS[name].axes
    return _dropped_along(axes.index(axis), numbers, place) if axis in axes else numbers


def _dropped_along(depth: int, numbers: Numbers, place: int) -> Numbers:
    assert not isinstance(numbers, Fraction)
    if depth:
        return tuple(_dropped_along(depth - 1, inner, place) for inner in numbers)
    return numbers[:place] + numbers[place + 1 :]


def _without(order: tuple[int, ...], place: int) -> tuple[int, ...] | None:
    if order[place] != place:
        return None
    return tuple(p - (p > place) for p in order if p != place)


def _fewer_tokens(values: Assignment) -> Iterator[Assignment]:
    """Merge two tokens, or drop one and rescale."""
    count = values.tokens
    for t in range(count if count > 1 else 0):
        order = values.choices.token_order
        if order is not None:
            order = _without(order, t)
            if order is None:
                continue
        for into in range(count):
            if into != t:
                yield _map_rows(values, partial(_merged, t=t, into=into), order, t)
        rows = [*values.dists, *values.named.values()]
        for name, numbers in values.given.items():
            rows += _rows_of(numbers) if UNKNOWNS[name].domain == "distribution" else []
        if all(row[t] < 1 for row in rows):
            yield _map_rows(values, partial(_dropped, t=t), order, t)


def _merged(row: Dist, t: int, into: int) -> Dist:
    moved = list(row)
    moved[into] += moved[t]
    del moved[t]
    return tuple(moved)


def _dropped(row: Dist, t: int) -> Dist:
    rest = 1 - row[t]
    return tuple(p / rest for s, p in enumerate(row) if s != t)


def _map_rows(
    values: Assignment, change: Callable[[Dist], Dist], order: tuple[int, ...] | None, t: int
) -> Assignment:
    """Every distribution changed; of what else is said of tokens, the token's is left out."""

    def changed(name: str, numbers: Numbers) -> Numbers:
        if UNKNOWNS[name].domain != "distribution":
            return _without_place(name, numbers, Axis.TOKENS, t)
        return tuple(map(change, _rows_of(numbers)))

    fewer = replace(
        values,
        dists=tuple(change(row) for row in values.dists),
        named={name: change(row) for name, row in values.named.items()},
        choices=replace(values.choices, token_order=order),
    )
    return fewer.with_each_given(changed)


def _rows_of(numbers: Numbers) -> list[Dist]:
    assert not isinstance(numbers, Fraction)
    return [tuple(flat(row)) for row in numbers]


def _simpler_dists(values: Assignment) -> Iterator[Assignment]:
    rows = [*values.dists, *values.named.values()]
    names = list(values.named)
    for place, row in enumerate(rows):
        for other in rows:
            if other != row:
                yield _with_row(values, names, place, other)
        for simple in _rows_near(row):
            yield _with_row(values, names, place, simple)


def _with_row(values: Assignment, names: list[str], place: int, row: Dist) -> Assignment:
    if place < values.agents:
        dists = (*values.dists[:place], row, *values.dists[place + 1 :])
        return replace(values, dists=dists)
    return replace(values, named={**values.named, names[place - values.agents]: row})


def _rows_near(row: Dist) -> Iterator[Dist]:
    """Distributions of small denominator: all of them for few tokens, else the nearest."""
    for denominator in (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 100, 1000):
        if len(row) <= 3 and denominator <= 6:
            for counts in product(range(denominator + 1), repeat=len(row) - 1):
                rest = denominator - sum(counts)
                if rest >= 0:
                    yield tuple(Fraction(c, denominator) for c in (*counts, rest))
        else:
            nearest = [round(p * denominator) for p in row]
            nearest[row.index(max(row))] += denominator - sum(nearest)
            if min(nearest) >= 0:
                yield tuple(Fraction(c, denominator) for c in nearest)


def _simpler_numbers(values: Assignment, raise_first: bool) -> Iterator[Assignment]:
    """One number made simpler at a time."""
    if raise_first:
        yield from _simpler_given(values, "raised_bid")
    yield from _all_bids_scaled(values)
    for j, bid in enumerate(values.bids):
        for simple in _numbers_near(bid, values):
            bids = (*values.bids[:j], simple, *values.bids[j + 1 :])
            fewer = replace(values, bids=bids)
            yield fewer
            if j == values.agent and values.raised_bid is not None:
                yield fewer.with_given("raised_bid", values.raised_bid - bid + simple)
                yield fewer.with_given("raised_bid", max(simple + 1, 2 * simple))
    for name, _ in _given(values):
        if name != "raised_bid" or not raise_first:
            yield from _simpler_given(values, name)


def _simpler_given(values: Assignment, name: str) -> Iterator[Assignment]:
    """One number of a quantity made simpler at a time; a distribution as a whole."""
    if UNKNOWNS[name].domain == "distribution":
        rows = _rows_of(values.given[name])
        for place, row in enumerate(rows):
            for simple in _rows_near(row):
                yield values.with_given(name, (*rows[:place], simple, *rows[place + 1 :]))
        return
    near = partial(_numbers_near, values=values)
    for numbers in each_changed(values.given[name], near):
        yield values.with_given(name, numbers)


def _all_bids_scaled(values: Assignment) -> Iterator[Assignment]:
    """Every bid times the same number, so that one of them becomes one, or all become whole."""
    positive = {bid for bid in values.bids if bid > 0}
    factors = [1 / bid for bid in sorted(positive)][:4]
    factors.append(Fraction(lcm(*(bid.denominator for bid in values.bids))))
    for factor in factors:
        if factor != 1:
            yield with_bids_times(factor, values)


def _numbers_near(number: Fraction, values: Assignment) -> Iterator[Fraction]:
    yield from _SIMPLE
    yield from values.bids
    for scale in (1, 10, 100, 1000):
        yield Fraction(round(number * scale), scale)
        yield Fraction(int(number * scale), scale)
        yield Fraction(int(number * scale) + 1, scale)
    for limit in (1, 2, 3, 4, 6, 10, 100, 1000):
        yield number.limit_denominator(limit)
    if number >= 2:
        yield number - 1
