"""Markdown, for a job summary or a comment: one line, a table, and what there is to look at.

GitHub's dialect. No text of a name or a reason can become markup: cells are escaped, and
counterexamples are in fenced blocks that no text in them can close.
"""

import re
from collections.abc import Sequence
from html import escape

from tokenauction.proofs.reports.findings import Finding, scope_with_doubt, summary


def render(findings: Sequence[Finding]) -> str:
    """What failed in a line, every claim in a table, and what is not proved in full."""
    header = ["rule", "property", "verdict", "scope", "method", "seconds"]
    gate = any(one.change for one in findings)
    rows = [_cells(one, gate) for one in findings]
    head = [*header, "change"] if gate else header
    table = [head, ["---"] * len(head), *rows]
    lines = [_summary(findings), "", *(f"| {' | '.join(row)} |" for row in table)]
    for one in findings:
        if one.problem or one.body:
            lines += ["", *_details(one)]
    return "\n".join(lines) + "\n"


def _summary(findings: Sequence[Finding]) -> str:
    counts = summary([one.row for one in findings])
    failed = sum(one.outcome == "fail" for one in findings)
    warned = sum(one.outcome == "warn" for one in findings)
    said = f"{failed} of {len(findings)} claims failed" if failed else "nothing failed"
    if not findings:
        said = "nothing was decided"
    warning = f", {warned} with a warning" if warned else ""
    return f"**tokenauction: {said}{warning}** ({counts})"


def _cells(finding: Finding, gate: bool) -> list[str]:
    row = finding.row
    cells = [row["rule"], row["property"], scope_with_doubt(row), row["method"]]
    rule, prop, scope, method = (_escaped(cell) for cell in cells)
    shown = [rule, prop, _verdict(finding), scope, method, f"{row['seconds']:.1f}"]
    return [*shown, finding.change] if gate else shown


def _verdict(finding: Finding) -> str:
    """The verdict, and what it counts as where the verdict alone does not say so."""
    status, outcome = finding.row["status"], finding.outcome
    if outcome == "warn":
        return f"{status}, warning"
    if outcome == "fail":
        return "proved, **fails**" if status == "proved" else f"**{status}**"
    return status if status == "proved" else f"{status}, passes"


def _details(finding: Finding) -> list[str]:
    body = _clean("\n".join(finding.body))
    runs = [len(run) for run in re.findall("`+", body)]
    fence = "`" * max([3, *(length + 1 for length in runs)])
    block = ["", f"{fence}text", body, fence, ""] if body else []
    return [
        "<details>",
        f"<summary>{escape(_one_line(finding.headline))}</summary>",
        *block,
        "</details>",
    ]


def _escaped(text: str) -> str:
    """Text of a cell: one line, and nothing in it is markup.

    >>> _escaped("a|b <i> `c`")
    'a\\\\|b &lt;i&gt; \\\\`c\\\\`'
    """
    return re.sub(r"([\\`*_\[\]~$|])", r"\\\1", escape(_one_line(text), quote=False))


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    """Control characters replaced, line ends as one."""
    return re.sub(r"[^\S\n ]|[\x00-\x08\x0e-\x1f\x7f-\x9f]", " ", re.sub(r"\r\n?", "\n", text))
