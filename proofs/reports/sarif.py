"""SARIF 2.1.0, for code scanning: a result for every claim that fails, is unknown, or is warned of.

What is refuted, or fails the gate, has the kind `fail`; what is unknown has the kind `open`, and
then its level is `none`, as the standard demands. Claims that pass are left out: GitHub shows each
result as an alert, whatever its kind. How many there are of each verdict is in the run's
properties. A result keeps its partial fingerprint when its rule moves in the file or its verdict
changes.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tokenauction.proofs.reports.findings import LOCK, STATUSES, Finding, Row, place
from tokenauction.proofs.results import report
from tokenauction.theory import PROPERTIES

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render(findings: Sequence[Finding], folder: Path) -> str:
    """The log of one run; locations are relative to `folder`, the root of the repository."""
    from importlib.metadata import version  # slow to load

    shown = [one for one in findings if one.outcome != "pass" or one.row["status"] == "unknown"]
    asked = list(dict.fromkeys(one.row["property"] for one in findings))
    driver = {
        "name": "tokenauction",
        "version": version("tokenauction"),
        "rules": [_rule(name) for name in asked],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, asked, folder) for one in shown],
        "properties": {
            status: sum(one.row["status"] == status for one in findings) for status in STATUSES
        },
    }
    return report.to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(name: str) -> dict[str, Any]:
    """A property as SARIF's rule, or the lock of the gate as one."""
    known = PROPERTIES.get(name)
    summary = known.summary if known is not None else f"The property {name} of the project."
    way_out = f"tokenauction verify TARGET --property {name} --explain"
    if name == LOCK:
        summary, way_out = "A rule is as it was locked.", "tokenauction gate --update"
    return {
        "id": _rule_id(name),
        "name": name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": way_out},
    }


def _rule_id(name: str) -> str:
    return f"tokenauction/{name}"


def _result(one: Finding, asked: Sequence[str], folder: Path) -> dict[str, Any]:
    row = one.row
    kind, level = _kind_and_level(one)
    told = {"problem": one.problem, "change": one.change}
    return {
        "ruleId": _rule_id(row["property"]),
        "ruleIndex": asked.index(row["property"]),
        "kind": kind,
        "level": level,
        "message": {"text": "\n".join([one.headline, *one.body])},
        "locations": [_location(row, folder)],
        "partialFingerprints": {"tokenauctionClaim/v1": _digest(row, folder)},
        "properties": {
            "verdict": row["status"],
            **{name: row[name] for name in ("scope", "method", "fingerprint", "counterexample")},
            **{name: text for name, text in told.items() if text},
        },
    }


def _kind_and_level(one: Finding) -> tuple[str, str]:
    if one.row["status"] == "unknown":
        return "open", "none"
    return "fail", "warning" if one.outcome == "warn" else "error"


def _location(row: Row, folder: Path) -> dict[str, Any]:
    file, inside = place(row, folder)
    uri = quote(os.fsencode(file))
    artifact: Mapping[str, str] = (
        {"uri": uri, "uriBaseId": "%SRCROOT%"} if inside else {"uri": f"file://{uri}"}
    )
    return {
        "physicalLocation": {
            "artifactLocation": artifact,
            "region": {"startLine": max(row["line"], 1)},
        },
        "logicalLocations": [{"name": row["rule"], "kind": "function"}],
    }


def _digest(row: Row, folder: Path) -> str:
    """What names a claim: the rule, its file and the property."""
    claim = json.dumps([row["rule"], place(row, folder)[0], row["property"]])
    return hashlib.sha256(claim.encode()).hexdigest()[:32]
