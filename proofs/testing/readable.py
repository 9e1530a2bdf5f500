"""A verdict that fails a test, as a person wants to read it: what was claimed, and a table.

Input: a result of the schema `tokenauction.report/1`. Agents are rows and tokens are columns; what
the rule returned stands below the distributions that it was made of.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tokenauction.proofs.gate.configuration import Requirement
from tokenauction.proofs.gate.standing import covers
from tokenauction.proofs.reports import findings
from tokenauction.proofs.reports.counterexamples import how_seen, place
from tokenauction.proofs.verdict import Scope

_WIDTH: Final = 100
_LESS: Final = (
    "To require less: scope = {agents = 3, tokens = 3} in [tool.tokenauction] of pyproject.toml, "
    "or scope=(3, 3) of assert_proved."
)
Row = Sequence[str]


def shortfall(row: Mapping[str, Any], wanted: Requirement) -> str:
    """Why a verdict is not what is required; empty where it is."""
    if row["status"] != "proved":
        return str(row["status"])
    if covers(Scope.of(row["scope"]), wanted.scope):
        return ""
    return f"proved for {Scope.of(row['scope'])} only, and required for {wanted.scope}"


def text(row: Mapping[str, Any], summary: str, problem: str) -> str:
    """A verdict in full; `summary` is what the property says, `problem` what is wrong with it."""
    file, _ = findings.place(row, Path.cwd())
    lines = [f"{file}:{row['line']}: {findings.title(row)}: {problem}", *_wrapped(summary)]
    found = row["counterexample"]
    if found is not None:
        lines += ["", *table(found), "", *_wrapped(row["reason"]), how_seen(found)]
    elif row["status"] == "proved":
        lines += ["", _LESS]
    elif row["reason"]:
        lines += ["", *_wrapped(row["reason"])]
    return "\n".join(lines)


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(words, _WIDTH, break_long_words=False, break_on_hyphens=False)


def table(found: Mapping[str, Any]) -> list[str]:
    """The profile of a counterexample and what the rules return there, in columns.

    >>> for line in table({"bids": ["1", "1"], "dists": [["0", "1"], ["1", "0"]], "agent": 0,
    ...                    "raised_bid": "2", "rounded": False, "aggregates": [["1/2", "1/2"]],
    ...                    "aggregates_at": ["bids"]}):
    ...     print(line)
                     bid     token 0  token 1
    agent 0 prefers  1 -> 2  0        1
    agent 1 prefers  1       1        0
    aggregate                1/2      1/2
    """
    tokens = [f"token {t}" for t in range(len(found["dists"][0]))]
    before, after = _bids(found), _payments(found)
    blank = [""] * len(before)
    rows = [["", *before, *tokens, *after]]
    for j, row in enumerate(found["dists"]):
        own = [values[j] for values in before.values()]
        rows.append([f"agent {j} prefers", *own, *row, *(values[j] for values in after.values())])
    for name, row in found.get("distributions", {}).items():
        rows.append([name, *blank, *row])
    about = "approximately " if found["rounded"] else ""
    for at, row in _in_order(found["aggregates_at"], found["aggregates"]):
        rows.append([f"{about}aggregate{_where(at)}", *blank, *row])
    return [*_aligned(rows), *_changes(found)]


def _bids(found: Mapping[str, Any]) -> dict[str, Row]:
    """The columns before the tokens: what every agent bids, with the raise."""
    agent, raised = found.get("agent"), found.get("raised_bid")

    def with_the_raise(bids: Row) -> Row:
        pairs = enumerate(bids)
        return [f"{bid} -> {raised}" if raised and j == agent else bid for j, bid in pairs]

    bids = {"bid": with_the_raise(found["bids"])}
    if "other_bids" in found:
        bids["bid, second context"] = with_the_raise(found["other_bids"])
    return bids


def _payments(found: Mapping[str, Any]) -> dict[str, Row]:
    """The columns after the tokens: what every agent pays, by the bids at which it does."""
    paid = _in_order(found.get("payments_at", []), found.get("payments", []))
    return {f"pays{_where(at)}": row for at, row in paid}


_ORDER: Final = ("bids", "raised_bids", "other_bids", "raised_other_bids", "withdrawn_bids", "")


def _in_order(names: Sequence[str], rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """What was returned at which bids, those before a raise first."""
    return sorted(zip(names, rows, strict=True), key=lambda pair: _ORDER.index(pair[0]))


def _where(at: str) -> str:
    return place(at) if at else " at other bids"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    count = max(map(len, rows))
    full = [[*row, *[""] * (count - len(row))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    pairs = (zip(row, widths, strict=True) for row in full)
    return ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in pairs]


def _changes(found: Mapping[str, Any]) -> list[str]:
    """What is done to the profile besides a raise."""
    lines = []
    if "scale" in found:
        lines.append(f"the bids are multiplied by {found['scale']}")
    for what in ("agent", "token"):
        if f"{what}_order" in found:
            lines.append(f"the {what}s are reordered as {found[f'{what}_order']}")
    return lines
