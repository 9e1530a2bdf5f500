"""GitHub annotations: a workflow command a finding, at the line of its rule.

Each command is one line, whatever is in the names and reasons. GitHub shows at most ten errors and
ten warnings of a step, so what is refuted comes first; the other formats have everything.
"""

from collections.abc import Sequence
from pathlib import Path

from tokenauction.proofs.reports.findings import Finding, place, summary, worst_first

_LEVELS = {"fail": "error", "warn": "warning"}


def render(findings: Sequence[Finding], folder: Path) -> str:
    """An error for every failure, a warning for every `warn`, and one notice that counts.

    Files are named from `folder`, which should be the root of the repository.
    """
    lines = [_annotation(one, folder) for one in worst_first(findings)]
    counts = summary([one.row for one in findings])
    return "\n".join([*lines, f"::notice title=tokenauction::{counts}"]) + "\n"


def error(message: str) -> str:
    """The command for an error that belongs to no line of a file.

    >>> error("rules.py: there is no such file")
    '::error title=tokenauction::rules.py: there is no such file'
    """
    return f"::error title=tokenauction::{_message(message)}"


def _annotation(finding: Finding, folder: Path) -> str:
    file, _ = place(finding.row, folder)
    values = {
        "file": file,
        "line": str(max(finding.row["line"], 1)),
        "title": finding.headline,
    }
    properties = ",".join(f"{name}={_value(value)}" for name, value in values.items())
    message = "\n".join(finding.body) or finding.headline
    return f"::{_LEVELS[finding.outcome]} {properties}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
