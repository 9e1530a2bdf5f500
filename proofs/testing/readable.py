"""A verdict that fails a test, as a person wants to read it: what was claimed, and a table.

Input: a result of the schema `tokenauction.report/1`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tokenauction.proofs.gate.configuration import Requirement
from tokenauction.proofs.reports import findings
from tokenauction.proofs.results.counterexamples import how_seen, table, wrapped
from tokenauction.proofs.results.verdict import Scope

_LESS: Final = (
    "To require less: scope = {agents = 3, tokens = 3} in [tool.tokenauction] of pyproject.toml, "
    "or scope=(3, 3) of assert_proved."
)


def shortfall(row: Mapping[str, Any], wanted: Requirement) -> str:
    """Why a verdict is not what is required; empty where it is."""
    if row["status"] != "proved":
        return str(row["status"])
    if Scope.of(row["scope"]).covers(wanted.scope):
        return ""
    return f"proved for {Scope.of(row['scope'])} only, and required for {wanted.scope}"


def text(row: Mapping[str, Any], summary: str, problem: str) -> str:
    """A verdict in full; `summary` is what the property says, `problem` what is wrong with it."""
    file, _ = findings.place(row, Path.cwd())
    lines = [f"{file}:{row['line']}: {findings.title(row)}: {problem}", *wrapped(summary)]
    found = row["counterexample"]
    if found is not None:
        lines += ["", *table(found), "", *wrapped(row["reason"]), how_seen(found)]
    elif row["status"] == "proved":
        lines += ["", _LESS]
    elif row["reason"]:
        lines += ["", *wrapped(row["reason"])]
    return "\n".join(lines)
