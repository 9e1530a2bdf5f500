"""A counterexample of a report as a table of plain text, enough to check it by hand.

Input: the object `counterexample` of a result of the schema `tokenauction.report/1`. Agents are
rows and tokens are columns (the other way round where that is too wide); what the rules returned
stands below the distributions that it was made of. There is no other way to show one: every text
that has a counterexample has this table.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tokenauction.proofs.results.digits import shortener

PLACES: Final = {
    "bids": "",
    "raised_bids": "after the raise",
    "other_bids": "in the second context",
    "raised_other_bids": "in the second context, after the raise",
    "withdrawn_bids": "without the agent's bid",
}
WIDEST: Final = 100
Row = Sequence[str]


def table(found: Mapping[str, Any], names: Sequence[str] = (), width: int = WIDEST) -> list[str]:
    """The profile, what is done to it, and what the rules return there, in columns.

    `names` are the two functions of a comparison, whose results are `a` and `b`; `width` is how
    many characters there are.

    >>> for line in table({"bids": ["1", "1"], "dists": [["0", "1"], ["1", "0"]], "agent": 0,
    ...                    "raised_bid": "2", "rounded": False, "aggregates": [["1/2", "1/2"]],
    ...                    "aggregates_at": ["bids"]}):
    ...     print(line)
                     bid     token 0  token 1
    agent 0 prefers  1 -> 2  0        1
    agent 1 prefers  1       1        0
    aggregate                1/2      1/2
    """
    short = shortener(_numbers(found))
    tokens = [f"token {t}" for t in range(len(found["dists"][0]))]
    before, after = _bids(found), _payments(found, short)
    blank = [""] * len(before)
    rows = [["", *before, *tokens, *after]]
    for j, row in enumerate(found["dists"]):
        own = [values[j] for values in before.values()]
        rows.append([f"agent {j} prefers", *own, *row, *(values[j] for values in after.values())])
    for name, row in found.get("distributions", {}).items():
        rows.append([f"distribution {name}", *blank, *row])
    rows += [[name, *blank, *row] for name, row in _more_rows(found)]
    rows += [[name, *blank, *row] for name, row in _returned(found, names, short)]
    count = max(map(len, rows))
    full = [[*row, *[""] * (count - len(row))] for row in rows]
    layouts = (full, list(zip(*full, strict=True)))
    aligned = (_aligned(layout) for layout in layouts)
    fits = next((lines for lines in aligned if max(map(len, lines)) <= width), None)
    return [*(fits or _one_by_one(full, width)), *changes(found)]


def lines(
    found: Mapping[str, Any], sentence: str, names: Sequence[str] = (), width: int = WIDEST
) -> list[str]:
    """A counterexample in full: in a sentence, as a table, and what stands behind it."""
    said = [sentence] if sentence else []
    shown = (f"  {line}" for line in table(found, names, width - 2))
    return [*said, *shown, how_seen(found)]


def _numbers(found: Mapping[str, Any]) -> list[str]:
    """Every number that the rules were given, and that they returned."""
    rows = [found["bids"], *found["dists"], *found.get("distributions", {}).values()]
    rows += [found.get("other_bids", []), [found["raised_bid"]] if "raised_bid" in found else []]
    rows += [*found.get("aggregates", []), *found.get("payments", [])]
    rows += [found[side] for side in ("a", "b") if found.get(side) is not None]
    return [number for row in rows for number in row]


def _bids(found: Mapping[str, Any]) -> dict[str, Row]:
    """The columns before the tokens: what every agent bids, with the raise."""
    agent, raised = found.get("agent"), found.get("raised_bid")

    def with_the_raise(bids: Row) -> Row:
        pairs = enumerate(bids)
        return [f"{bid} -> {raised}" if raised and j == agent else bid for j, bid in pairs]

    bids = {"bid": with_the_raise(found["bids"])}
    if "other_bids" in found:
        bids["bid, second context"] = with_the_raise(found["other_bids"])
    return bids | dict(_given(found, "agents"))


def _given(found: Mapping[str, Any], *axes: str) -> list[tuple[str, Any]]:
    """What else the property quantifies over, along these axes."""
    given = found.get("given", {}).items()
    return [(name, one["values"]) for name, one in given if one["axes"] == [*axes]]


def _more_rows(found: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """The rows of what else is said of every token, for each agent where it is."""
    yield from _given(found, "tokens")
    for name, rows in _given(found, "agents", "tokens"):
        yield from ((f"agent {j} {name}", row) for j, row in enumerate(rows))


def _payments(found: Mapping[str, Any], short: Callable[[str], str]) -> dict[str, Row]:
    """The columns after the tokens: what every agent pays, by the bids at which it does."""
    paid = _in_order(found, "payments")
    about = " (rounded)" if found["rounded"] else ""
    return {f"pays{where}{about}": [short(number) for number in row] for where, row in paid}


def _returned(
    found: Mapping[str, Any], names: Sequence[str], short: Callable[[str], str]
) -> list[tuple[str, Row]]:
    """The rows below the agents: what the rule, or two functions, return."""
    rows = [(f"aggregate{where}", row) for where, row in _in_order(found, "aggregates")]
    order = found.get("token_order", ())
    plain: Row = dict(rows).get("aggregate", ())
    if order and len(rows) == 2 and len(plain) == len(order):
        place = [name for name, _ in rows].index("aggregate") + 1
        rows.insert(place, ("aggregate, its tokens reordered", [plain[t] for t in order]))
    for name, side in zip(names, ("a", "b"), strict=False):
        row = found[side]
        rows.append((name, ["undefined"] if row is None else row))
    about = " (rounded)" if found["rounded"] else ""
    return [(f"{name}{about}", [short(number) for number in row]) for name, row in rows]


def _in_order(found: Mapping[str, Any], field: str) -> list[tuple[str, Row]]:
    """What was returned where, as the end of a name; what was returned before a raise first."""
    rows, names = found.get(field, []), found.get(f"{field}_at", [])
    given = found.get(f"{field}_given") or [None] * len(rows)
    order = {name: place for place, name in enumerate(PLACES)}
    entries = sorted(zip(names, given, rows, strict=True), key=lambda one: order.get(one[0], 99))
    return [(_where(at, told), row) for at, told, row in entries]


def _where(at: str, given: str | None) -> str:
    if given is not None:
        return f" {given}" if given else ""
    return place(at) if at else " at other bids"


def changes(found: Mapping[str, Any]) -> list[str]:
    """What is done to the profile besides a raise.

    >>> changes({"scale": "2", "agent_order": [1, 0]})
    ['the bids are multiplied by 2', 'the agents are reordered as [1, 0]']
    """
    said = [f"the bids are multiplied by {found['scale']}"] if "scale" in found else []
    said += [f"{name} is {value}" for name, value in _given(found)]
    for what in ("agent", "token"):
        if f"{what}_order" in found:
            said.append(f"the {what}s are reordered as {found[f'{what}_order']}")
    if "agent" in found and not found.get("raised_bid"):
        said.append(f"agent {found['agent']} is singled out")
    if "rival" in found:
        said.append(f"agent {found['rival']} is the other one that is singled out")
    return said


def place(bids: str) -> str:
    """Which bids a property means by a name, to go behind a noun.

    >>> place("raised_bids"), place("bids")
    (' after the raise', '')
    """
    return f" {PLACES[bids]}" if PLACES.get(bids) else ""


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    count = max(map(len, rows))
    full = [[*row, *[""] * (count - len(row))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    pairs = (zip(row, widths, strict=True) for row in full)
    return ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in pairs]


def _one_by_one(rows: Sequence[Row], width: int) -> list[str]:
    """A row after the other, each number behind the head of its column."""
    head, *others = rows
    lines = []
    for row in others:
        cells = ", ".join(
            f"{name} {cell}" for name, cell in zip(head[1:], row[1:], strict=True) if cell
        )
        lines += textwrap.wrap(
            f"{row[0]}: {cells}", max(width, 1), subsequent_indent="  ", break_long_words=False
        )
    return lines


def wrapped(words: str, width: int = WIDEST) -> list[str]:
    """A sentence in lines of a terminal; no number is torn apart."""
    return textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)


def how_seen(found: Mapping[str, Any]) -> str:
    """What stands behind a counterexample.

    >>> how_seen({"exact": False, "undefined": False, "margin": 0.01})
    'Seen in floats only, with a margin of 0.01.'
    """
    if found["exact"]:
        return "Replayed in exact arithmetic, and by running the rule on NumPy."
    if found["undefined"]:
        return "Seen by running the rule on NumPy."
    return f"Seen in floats only, with a margin of {found['margin']}."
