"""Brittleness: does a verdict hang on luck? The same claims decided under several seeds, compared.

A seed changes what the search draws, and in which order and with which choices Z3 looks at the same
conditions. A verdict that changes with it, or that costs ten times as much, may change with the
next version of the rule, the checker or Z3 as well. The schema is `tokenauction.brittleness/1`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tokenauction.proofs.reports.findings import scope, title
from tokenauction.proofs.results import report

SCHEMA: Final = "tokenauction.brittleness/1"
STABLE, BRITTLE = 0, 1

_MOST_RATIO: Final = 10
# Steps below which a ratio says nothing: some two hundredths of a second.
_FEW_STEPS: Final = 10_000
_MOST_SHARE: Final = 0.5

Row = Mapping[str, Any]


def brittleness(runs: Mapping[int, Sequence[Row]], options: Mapping[str, Any]) -> dict[str, Any]:
    """A whole report, of the results under each seed; each run has the same claims."""
    return {
        "schema": SCHEMA,
        "versions": report.versions(),
        "options": {**options, "seeds": len(runs)},
        "results": [
            _claim(dict(zip(runs, rows, strict=True))) for rows in zip(*runs.values(), strict=True)
        ],
    }


def exit_status(found: Mapping[str, Any]) -> int:
    """0 where every claim is stable, else 1."""
    return STABLE if all(one["status"] == "stable" for one in found["results"]) else BRITTLE


def _claim(by_seed: Mapping[int, Row]) -> dict[str, Any]:
    """One claim: its verdicts, what they cost, and why it is brittle if it is."""
    rows = list(by_seed.values())
    contradiction = _contradiction(rows)
    reasons = [] if contradiction is None else [contradiction]
    reasons += _differences(rows) + _costs(rows)
    status = "contradiction" if contradiction else "brittle" if reasons else "stable"
    return {
        **{name: rows[0][name] for name in ("rule", "file", "line", "property")},
        "status": status,
        "reasons": reasons,
        "verdicts": [_verdict(seed, row) for seed, row in by_seed.items()],
        "steps": _spread(_steps(rows)),
    }


def _verdict(seed: int, row: Row) -> dict[str, Any]:
    kept = {name: row[name] for name in ("status", "scope", "method", "reason")}
    return {"seed": seed, **kept, "resources": row.get("resources")}


def _steps(rows: Sequence[Row]) -> list[int]:
    return [row["resources"]["solver_steps"] for row in rows if row.get("resources")]


def _spread(steps: Sequence[int]) -> dict[str, Any] | None:
    if not steps:
        return None
    from statistics import median  # slow to load

    ratio = max(*steps, 1) / max(min(steps), 1)
    return {
        "least": min(steps),
        "median": int(median(steps)),
        "most": max(steps),
        "ratio": round(ratio, 2),
    }


# Why a claim is brittle --------------------------------------------------------------------------


def _contradiction(rows: Sequence[Row]) -> str | None:
    """A proof and a counterexample at one of the sizes that it covers: the checker is wrong."""
    for proved in (row for row in rows if row["status"] == "proved"):
        for refuted in (row for row in rows if row["status"] == "refuted"):
            if all(
                proved["scope"][axis] == "all"
                or set(refuted["scope"][axis]) <= set(proved["scope"][axis])
                for axis in ("agents", "tokens")
            ):
                return (
                    "INTERNAL ERROR: proved under one seed and refuted under another, and one of "
                    f"these is wrong; please report it (counterexample: {refuted['reason']})"
                )
    return None


def _differences(rows: Sequence[Row]) -> list[str]:
    found = []
    if len({row["status"] for row in rows}) > 1:
        found.append(f"the verdict hangs on the seed: {_counts(rows)}")
    scopes = {scope(row) for row in rows if row["status"] == "proved"}
    if len(scopes) > 1:
        found.append(f"the scope hangs on the seed: {'; '.join(sorted(scopes))}")
    return found


def _costs(rows: Sequence[Row]) -> list[str]:
    found = []
    spread = _spread(_steps(rows))
    if spread and spread["most"] > _MOST_RATIO * max(spread["least"], _FEW_STEPS):
        found.append(
            f"the solver needs between {spread['least']} and {spread['most']} steps, as the seed is"
        )
    spent = [(row["status"], row.get("resources")) for row in rows]
    shares = [one["limit_share"] for status, one in spent if one and status == "proved"]
    if max(shares, default=0) > _MOST_SHARE:
        found.append(f"a proof needs {max(shares):.0%} of a limit on solver steps: raise --budget")
    if any(one["out_of_time"] for _, one in spent if one):
        found.append("a solver query ran out of time on the clock: raise --budget")
    stopped = sum(one is None for _, one in spent)
    if stopped:
        found.append(f"stopped before a verdict in {stopped} of {len(rows)} runs")
    return found


def _counts(rows: Sequence[Row]) -> str:
    statuses = [row["status"] for row in rows]
    return ", ".join(f"{one} {statuses.count(one)} of {len(rows)}" for one in sorted({*statuses}))


# As text -----------------------------------------------------------------------------------------


def text(found: Mapping[str, Any]) -> str:
    """A line for each claim, then what is wrong with it, then the sum."""
    lines = []
    for one in found["results"]:
        lines.append(f"{one['status']:8} {title(one)}  {_counts(one['verdicts'])}{_cost(one)}")
        lines += [f"  {reason}" for reason in one["reasons"]]
    statuses = [one["status"] for one in found["results"]]
    brittle = len(statuses) - statuses.count("stable")
    summary = f"{statuses.count('stable')} stable, {brittle} brittle"
    return "\n".join([*lines, "", summary]) + "\n"


def _cost(one: Row) -> str:
    steps = one["steps"]
    if steps is None:
        return ""
    return (
        f"  [solver steps: least {steps['least']}, median {steps['median']}, most {steps['most']}; "
        f"ratio {steps['ratio']:g}]"
    )
