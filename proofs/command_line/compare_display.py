"""What `tokenauction compare` shows: the verdict, the profile, and the guarantees that changed."""

from collections.abc import Mapping
from typing import Any

from tokenauction.proofs.command_line.display import fitted, table, terminal_width
from tokenauction.proofs.reports.findings import scope, scope_with_doubt
from tokenauction.proofs.results import counterexamples

_CHANGES = ("lost", "narrower", "gained", "wider", "same", "neither")


def text(found: Mapping[str, Any], explain: bool, plain: bool = False) -> str:
    """A comparison to read; with `explain`, with every guarantee and how the verdict came about.

    Lines are fitted to the terminal where there is one; with `plain` they are as they are.
    """
    room = None if plain else terminal_width()
    lines = [_verdict(found), *_why(found, room)]
    if explain:
        lines += ["", *found.get("explanation", ()), *_assumed(found)]
    paragraphs = "\n".join(lines)
    shown = [paragraphs if plain else fitted(paragraphs), *_guarantees(found, explain, room)]
    return "\n".join(shown) + "\n"


def _verdict(found: Mapping[str, Any]) -> str:
    sides = f"{found['a']['title']}  {found['b']['title']}"
    return f"{found['status']:10} {sides}  [{scope_with_doubt(found)}]"


def _why(found: Mapping[str, Any], room: int | None) -> list[str]:
    example = found["counterexample"]
    if example is not None:
        names = [found[side]["title"] for side in ("a", "b")]
        return ["", *counterexamples.lines(example, found["reason"], names, _width(room))]
    return ["", found["reason"]] if found["reason"] else []


def _width(room: int | None) -> int:
    """The columns that a table may take."""
    return counterexamples.WIDEST if room is None else min(room, counterexamples.WIDEST)


def _assumed(found: Mapping[str, Any]) -> list[str]:
    lines = [f"Method: {found['method']}."]
    if found["assumptions"]:
        lines.append(f"Assumed: {'; '.join(found['assumptions'])}.")
    return lines


def _guarantees(found: Mapping[str, Any], every: bool, room: int | None) -> list[str]:
    guarantees = found["guarantees"]
    if not guarantees:
        return []
    rows = [
        [one["property"], _cell(one["a"]), _cell(one["b"]), one["change"]]
        for one in sorted(guarantees, key=lambda one: _CHANGES.index(one["change"]))
        if every or one["change"] not in ("same", "neither")
    ]
    head = ["guarantee", "A", "B", "change"]
    shown = ["", table(head, rows, room is None).rstrip("\n")] if rows else []
    for one in guarantees:
        worse = {"lost": one["b"], "gained": one["a"]}.get(one["change"])
        if worse is not None and worse["reason"]:
            side = "B" if one["change"] == "lost" else "A"
            open_ = f"not proved of {side}" if worse["status"] == "unknown" else one["change"]
            said = f"{one['property']} is {open_}: {worse['reason']}"
            shown += ["", said if room is None else fitted(said)]
            example = worse["counterexample"]
            if example is not None:
                told = counterexamples.lines(example, "", width=_width(room))
                shown += told if room is None else map(fitted, told)
    counts = ((change, sum(one["change"] == change for one in guarantees)) for change in _CHANGES)
    summary = ", ".join(f"{count} {_WORDS[change]}" for change, count in counts if count)
    return [*shown, "", f"guarantees: {summary}"]


_WORDS = {
    **{change: change for change in _CHANGES},
    "same": "the same",
    "neither": "proved of neither",
}


def _cell(side: Mapping[str, Any]) -> str:
    return f"{side['status']} [{scope(side)}]" if side["status"] == "proved" else side["status"]
