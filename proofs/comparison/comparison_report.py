"""The report of `tokenauction compare`, of the schema `tokenauction.compare/1`: rows to JSON.

The first row is the comparison, the others are properties of one side each. What one of two
equivalent sides is known to have, both have.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from tokenauction.proofs.results import report
from tokenauction.proofs.results.verdict import Scope

SCHEMA: Final = "tokenauction.compare/1"
EQUIVALENT, DIFFERENT, UNKNOWN = 0, 1, 3

Row = Mapping[str, Any]
Change = Literal["gained", "lost", "narrower", "wider", "same", "neither"]


def comparison(rows: Sequence[Row], options: Mapping[str, Any]) -> dict[str, Any]:
    """A whole report."""
    first, *claims = rows
    half = len(claims) // 2
    pairs = list(zip(claims[:half], claims[half:], strict=True))
    if first["status"] == "equivalent":
        pairs = [(_better(*pair),) * 2 for pair in pairs]
    found = {
        "schema": SCHEMA,
        "versions": report.versions(),
        "options": dict(options),
        "status": first["status"],
        "a": first["a"],
        "b": first["b"],
        "part": first.get("part"),
        "method": first["method"],
        "scope": first["scope"],
        "seconds": first["seconds"],
        "reason": first["reason"],
        "assumptions": first["assumptions"],
        "evidence": first["evidence"],
        "counterexample": first["counterexample"],
        "guarantees": [_guarantee(*pair) for pair in pairs],
    }
    return {**found, "explanation": first["explanation"]} if "explanation" in first else found


def exit_status(found: Mapping[str, Any]) -> int:
    """0 equivalent, 1 different, 3 unknown; guarantees do not count."""
    return {"equivalent": EQUIVALENT, "different": DIFFERENT}.get(found["status"], UNKNOWN)


def change(before: Row, after: Row) -> Change:
    """What became of a guarantee: only what is proved is one, and `neither` side may have it.

    >>> every = {"agents": "all", "tokens": "all"}
    >>> change({"status": "proved", "scope": every}, {"status": "unknown", "scope": every})
    'lost'
    >>> few = {"agents": [1, 2], "tokens": [1, 2]}
    >>> change({"status": "proved", "scope": few}, {"status": "proved", "scope": every})
    'wider'
    """
    had, has = before["status"] == "proved", after["status"] == "proved"
    if not (had and has):
        return "lost" if had else "gained" if has else "neither"
    if before["scope"] == after["scope"]:
        return "same"
    wider = Scope.of(after["scope"]).covers(Scope.of(before["scope"]))
    return "wider" if wider else "narrower"


def _better(one: Row, other: Row) -> Row:
    """Of two verdicts on the same function, the one that says more."""
    if change(one, other) in ("gained", "wider"):
        return other
    return other if (one["status"], other["status"]) == ("unknown", "refuted") else one


def _guarantee(before: Row, after: Row) -> dict[str, Any]:
    sides = {
        name: {key: row[key] for key in ("status", "scope", "reason", "counterexample")}
        for name, row in (("a", before), ("b", after))
    }
    return {"property": before["property"], **sides, "change": change(before, after)}


def compared_row(claim: Row, found: Any, seconds: float) -> Row:
    """The result of a comparison; of a difference, what each of the two returns there."""
    row = report.result(claim, found, seconds)
    shown = row["counterexample"]
    if shown is not None and found.status == "different":
        kept = ("exact", "bids", "dists", "distributions", "rounded", "margin")
        returned = [None if one is None else list(one) for one in found.returned]
        sides = dict(zip(("a", "b"), returned, strict=True))
        shown = {name: shown[name] for name in kept if name in shown} | sides
    return {**row, "part": getattr(found, "part", None), "counterexample": shown}
