"""JUnit XML: a suite a rule, a case a property; what test reporters of CI systems read.

Valid against the schema of Jenkins's xUnit plugin and against that of Ant's JUnit task. What is
refuted is a failure, what is unknown an error: never skipped, which many tools count as fine. Only
a warning is skipped, with its message. The same findings and timestamp give the same bytes.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tokenauction.proofs.loading.targets import name_of
from tokenauction.proofs.reports.findings import Finding, place, scope_with_doubt


def render(findings: Sequence[Finding], folder: Path, timestamp: str) -> str:
    """The document; the timestamp has the form 2026-01-31T12:00:00."""
    suites: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        suites.setdefault((one.row["rule"], one.row["file"]), []).append(one)
    root = Element("testsuites")
    for number, cases in enumerate(suites.values()):
        _add_suite(root, number, cases, folder, timestamp)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_suite(
    root: Element, number: int, cases: Sequence[Finding], folder: Path, timestamp: str
) -> None:
    first = cases[0].row
    file, inside = place(first, folder)
    classname = _module_like(file if inside else PurePath(file).name)
    kinds = [_kind(one) for one in cases]
    counts = {
        name: str(kinds.count(kind))
        for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    if counts["skipped"] == "0":
        del counts["skipped"]  # an attribute that older revisions of Ant's schema do not know
    attributes = {
        "name": _token(first["rule"]),
        "tests": str(len(cases)),
        **counts,
        "time": f"{sum(one.row['seconds'] for one in cases):.3f}",
        "timestamp": timestamp,
        "hostname": "localhost",
        "id": str(number),
        "package": classname,
    }
    suite = SubElement(root, "testsuite", attributes)
    properties = SubElement(suite, "properties")
    for name, value in (
        ("file", file),
        ("line", str(first["line"])),
        ("fingerprint", first["fingerprint"] or ""),
    ):
        SubElement(properties, "property", {"name": name, "value": _legal(value)})
    name = name_of(first["rule"]) or first["rule"]
    for one, kind in zip(cases, kinds, strict=True):
        _add_case(suite, one, kind, f"{classname}.{_token(name)}")
    SubElement(suite, "system-out").text = _legal("\n".join(map(_line, cases)))
    SubElement(suite, "system-err")


def _add_case(suite: Element, one: Finding, kind: str, classname: str) -> None:
    attributes = {
        "name": _token(one.row["property"]),
        "classname": classname,
        "time": f"{one.row['seconds']:.3f}",
    }
    case = SubElement(suite, "testcase", attributes)
    if kind:
        message = _legal(" - ".join(filter(None, [one.headline, one.row["reason"]])))
        found = SubElement(case, kind, {"type": _type(one), "message": message})
        found.text = _legal("\n".join([one.headline, *one.body]))


def _kind(one: Finding) -> str:
    """The element that tells how a case ended; empty where it passed."""
    if one.outcome == "pass":
        return ""
    if one.outcome == "warn":
        return "skipped"
    return "error" if one.row["status"] == "unknown" else "failure"


def _type(one: Finding) -> str:
    return "regression" if one.row["status"] == "proved" else str(one.row["status"])


def _line(one: Finding) -> str:
    row = one.row
    return f"{row['property']}: {row['status']} [{scope_with_doubt(row)}] by {row['method']}"


def _module_like(file: str) -> str:
    """A path as the name of a module.

    >>> _module_like("auctions/my_rules.py")
    'auctions.my_rules'
    """
    return _token(".".join(PurePath(file).with_suffix("").parts))


def _token(text: str) -> str:
    """A name: legal, on one line, not empty."""
    return " ".join(_legal(text).split()) or "-"


def _legal(text: str) -> str:
    """Text with line ends as one and a replacement for what XML 1.0 cannot hold."""
    text = re.sub(r"\r\n?", "\n", text)
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
