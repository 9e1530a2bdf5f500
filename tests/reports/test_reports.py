"""Guards the reports: valid, readable by standard readers, complete, and the same exit status."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
import xmlschema
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sarif import loader  # type: ignore[import-untyped]

from tokenauction.proofs.command_line import outputs
from tokenauction.proofs.command_line.commands import verify
from tokenauction.proofs.command_line.outputs import FORMATS, Output
from tokenauction.proofs.reports import github, junit, markdown, sarif
from tokenauction.proofs.reports.findings import (
    Change,
    Finding,
    Outcome,
    of_results,
    summary,
    worst_first,
)
from tokenauction.proofs.results import counterexamples, report
from tokenauction.proofs.results.digits import fraction, shortener

Command = Callable[..., Any]

SCHEMAS = Path(__file__).parents[1] / "data" / "schemas"
FOLDER = Path("/project")
NOW = "2026-01-31T12:00:00"


def ant_schema() -> str:
    """Ant's schema with the `skipped` that its later revision has."""
    text = (SCHEMAS / "ant-junit.xsd").read_text("utf-8")
    error, time_ = '<xs:element name="error">', '<xs:attribute name="time" type="xs:decimal"'
    suite = text.rindex(time_)
    skipped = '<xs:attribute name="skipped" type="xs:int" use="optional"/>'
    text = text[:suite] + skipped + text[suite:]
    return text.replace(error, f'<xs:element name="skipped"/>{error}', 1)


JENKINS = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
ANT = xmlschema.XMLSchema(SCHEMAS / "ant-junit.xsd")
ANT_WITH_SKIPPED = xmlschema.XMLSchema(ant_schema())
SARIF = jsonschema.Draft4Validator(
    json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
)

MONOTONE = {
    "exact": True,
    "bids": ["1", "7/3"],
    "dists": [["1/2", "0", "1/2"], ["0", "1/5", "4/5"]],
    "token": 2,
    "before": "11/13",
    "after": "17/19",
    "preferred": "1/2",
    "aggregates": [["1/23", "1/29", "17/19"], ["1/31", "1/37", "11/13"]],
    "aggregates_at": ["raised_bids", "bids"],
    "rounded": False,
    "undefined": False,
    "agent": 0,
    "raised_bid": "41/43",
}
IN_FLOATS = {**MONOTONE, "exact": False, "rounded": True, "margin": 0.0123}
UNDEFINED = {
    **{name: MONOTONE[name] for name in ("exact", "bids", "dists", "rounded")},
    "token": None,
    "before": None,
    "after": None,
    "preferred": None,
    "aggregates": [],
    "aggregates_at": [],
    "undefined": True,
    "scale": "47/53",
}
WITH_PAYMENTS = {
    **MONOTONE,
    "payments": [["59/61", "3/61"], ["67/71", "5/71"]],
    "payments_at": ["bids", "raised_bids"],
    "other_bids": ["1", "73/79"],
}
REORDERED = {
    **MONOTONE,
    "agent_order": [1, 0],
    "token_order": [2, 0, 1],
    "distributions": {"common": ["83/89", "97/101"]},
}
COUNTEREXAMPLES = {
    "exact": MONOTONE,
    "in floats": IN_FLOATS,
    "undefined": UNDEFINED,
    "with payments": WITH_PAYMENTS,
    "reordered": REORDERED,
}


def result(status: str, **changes: Any) -> dict[str, Any]:
    """A result of the schema of the report."""
    sizes: Any = {"proved": "all", "refuted": [2], "unknown": []}[status]
    return {
        "rule": "mine",
        "file": "/project/rules/mine.py",
        "line": 12,
        "fingerprint": "0123456789abcdef",
        "property": "monotone",
        "status": status,
        "scope": {"agents": sizes, "tokens": sizes},
        "method": "reduction and Z3",
        "seconds": 0.25,
        "reason": {"proved": "", "refuted": "Agent 0 raised.", "unknown": "no idea"}[status],
        "assumptions": [],
        "counterexample": MONOTONE if status == "refuted" else None,
        **changes,
    }


PROVED, REFUTED, UNKNOWN = (result(status) for status in ("proved", "refuted", "unknown"))

GATE = [
    Finding(PROVED, "pass", change="unchanged"),
    Finding(PROVED, "fail", "all sizes became 1 to 3 agents", "worse"),
    Finding(REFUTED, "fail", "it was proved", "worse"),
    Finding(REFUTED, "pass", change="unchanged"),
    Finding(UNKNOWN, "warn", change="new"),
    Finding(UNKNOWN, "fail", "it was proved", "worse"),
    Finding(PROVED, "warn", "it is required for more", "changed"),
]

HOSTILE = st.sampled_from(
    [
        *(
            "a|b",
            "]]>",
            "`",
            "````",
            "::error::x",
            "<b>",
            "&lt;",
            "\x00",
            "\x1b[31m",
            "\u2028",
            "\r\n",
        ),
        *(
            "%0A",
            ",:",
            "\\",
            "\\|",
            "{0}",
            "[x](1)",
            "</details>",
            "~~~",
            "\udc80",
            "\ufffe",
            " ",
            "",
        ),
    ]
)
TEXTS = st.lists(HOSTILE | st.text(max_size=4), max_size=4).map("".join)


@st.composite
def hostile_findings(draw: st.DrawFn) -> list[Finding]:
    """Findings with any text wherever text can be."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        status = draw(st.sampled_from(["proved", "refuted", "unknown"]))
        row = result(
            status,
            rule=draw(TEXTS),
            property=draw(TEXTS),
            method=draw(TEXTS),
            reason=draw(TEXTS),
            line=draw(st.integers(0, 10**6)),
            seconds=draw(st.floats(0, 10**6)),
            fingerprint=draw(st.none() | st.just("0123456789abcdef")),
        )
        if draw(st.booleans()):
            row["explanation"] = draw(st.lists(TEXTS, max_size=3))
        outcome = draw(st.sampled_from(get_args(Outcome)))
        change = draw(st.sampled_from(get_args(Change)))
        found.append(Finding(row, outcome, draw(TEXTS), change))
    return found


def rendered(findings: Sequence[Finding]) -> dict[str, str]:
    """The findings in every format that is made of findings."""
    return {
        "junit": junit.render(findings, FOLDER, NOW),
        "sarif": sarif.render(findings, FOLDER),
        "github": github.render(findings, FOLDER),
        "markdown": markdown.render(findings),
    }


# Findings ----------------------------------------------------------------------------------------


def test_what_is_not_proved_fails() -> None:
    found = of_results([PROVED, REFUTED, UNKNOWN])
    assert [one.outcome for one in found] == ["pass", "fail", "fail"]


def test_refuted_comes_first_and_warnings_last() -> None:
    shown = [(one.row["status"], one.outcome) for one in worst_first(GATE)]
    assert shown == [
        ("refuted", "fail"),
        ("unknown", "fail"),
        ("proved", "fail"),
        ("unknown", "warn"),
        ("proved", "warn"),
    ]


def numbers(found: Any) -> set[str]:
    """Every number of a counterexample that a person needs."""
    if isinstance(found, Mapping):
        return {n for key, part in found.items() if key != "margin" for n in numbers(part)}
    if isinstance(found, list):
        return {n for part in found for n in numbers(part)}
    return {found} if isinstance(found, str) and found[0].isdigit() else set()


def plain(text: str) -> str:
    """A report without what its format escapes."""
    return re.sub(r"\\([^n])", r"\1", text).replace("%0A", "\n").replace("&gt;", ">")


@pytest.mark.parametrize("kind", COUNTEREXAMPLES)
def test_every_format_has_the_whole_counterexample(kind: str) -> None:
    found = COUNTEREXAMPLES[kind]
    findings = of_results([result("refuted", counterexample=found)])
    for name, render in outputs.renderers(findings, lambda _: "", lambda: "").items():
        if name in ("text", "json"):  # the commands' own, tested with them
            continue
        text = render(outputs.Output(name))
        if name == "sarif":
            text = json.loads(text)["runs"][0]["results"][0]["message"]["text"]
        for line in counterexamples.lines(found, "Agent 0 raised."):
            assert line in plain(text), name
        for number in numbers(found):
            assert number in plain(text), (name, number)


def test_a_table_says_what_is_done_to_the_profile() -> None:
    shown = counterexamples.table(REORDERED)
    assert shown[3].split() == ["distribution", "common", "83/89", "97/101"]
    assert shown[-2:] == [
        "the agents are reordered as [1, 0]",
        "the tokens are reordered as [2, 0, 1]",
    ]
    assert "the bids are multiplied by 47/53" in counterexamples.table(UNDEFINED)
    paid = counterexamples.table(WITH_PAYMENTS, width=200)
    assert "bid, second context" in paid[0]
    assert "pays after the raise" in paid[0]
    assert paid[1].split()[-2:] == ["59/61", "67/71"]
    singled = {name: part for name, part in MONOTONE.items() if name != "raised_bid"}
    assert "agent 0 is singled out" in counterexamples.table(singled)


def test_a_table_that_is_too_wide_has_tokens_as_rows() -> None:
    wide = {**MONOTONE, "dists": [["1", *["0"] * 40]] * 2, "aggregates": [["1", *["0"] * 40]] * 2}
    shown = counterexamples.table(wide)
    assert max(map(len, shown)) <= counterexamples.WIDEST
    assert shown[0].split("  ")[1:] != []
    assert [line.split()[:2] for line in shown[2:4]] == [["token", "0"], ["token", "1"]]


def test_numbers_have_the_digits_that_tell_them_apart() -> None:
    rows = [
        ["0.88079707797788244", "0.11920292202211756"],
        ["1.38e-434294482", "1.0000000000000000"],
    ]
    found = {**MONOTONE, "aggregates": rows, "rounded": True}
    text = "\n".join(counterexamples.table({**found, "dists": [["1", "0"]] * 2}))
    for shown in ("0.880797 ", "0.119203", "~0 ", " ~1"):
        assert shown in text
    assert "434294482" not in text
    near = shortener(["0.12345678901", "0.12345678902"])
    assert near("0.12345678901") != near("0.12345678902")
    beside = shortener(["1", "1/3", "1.0000008315287191", "0.33333333333", "0.5"])
    assert beside("1.0000008315287191") != "1"
    assert Fraction(beside("0.33333333333")) != Fraction("0.333333")
    assert beside("0.5") == "0.5"
    assert beside("1.0000000000000000") == "~1"
    exact = shortener(["123456789/1000000007", "12345678901234567890"])
    assert exact("123456789/1000000007") == "123456789/1000000007"
    assert exact("12345678901234567890") == "12345678901234567890"
    assert fraction("1e-434294482") == 0
    assert fraction("0.25") == Fraction(1, 4)


def test_an_explanation_is_told_instead_of_the_reason() -> None:
    proved = result("proved", explanation=["monotone: it is", "Proved by hand."])
    assert Finding(proved, "pass").body == ["monotone: it is", "Proved by hand."]
    assert "Proved by hand." in markdown.render(of_results([proved]))


# JUnit -------------------------------------------------------------------------------------------


def cases(text: str) -> dict[str, list[tuple[str, str]]]:
    """For each suite the element and the type of what its cases hold."""
    shown: dict[str, list[tuple[str, str]]] = {}
    for suite in ElementTree.fromstring(text):
        found = [case[0] if len(case) else None for case in suite.iter("testcase")]
        shown[suite.attrib["name"]] = [
            ("", "") if one is None else (one.tag, one.attrib["type"]) for one in found
        ]
    return shown


def test_junit_tells_refuted_from_unknown() -> None:
    text = junit.render(of_results([PROVED, REFUTED, UNKNOWN]), FOLDER, NOW)
    assert cases(text) == {"mine": [("", ""), ("failure", "refuted"), ("error", "unknown")]}
    for schema in (JENKINS, ANT):
        schema.validate(text)
    [suite] = junitparser.JUnitXml.fromstring(text.encode())
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (3, 1, 1, 0)
    assert (suite.hostname, suite.timestamp) == ("localhost", NOW)
    assert [case.classname for case in suite] == ["rules.mine.mine"] * 3
    properties = ElementTree.fromstring(text).iter("property")
    assert {one.attrib["name"]: one.attrib["value"] for one in properties} == {
        "file": "rules/mine.py",
        "line": "12",
        "fingerprint": "0123456789abcdef",
    }


def test_junit_of_the_gate() -> None:
    text = junit.render(GATE, FOLDER, NOW)
    assert cases(text)["mine"] == [
        ("", ""),
        ("failure", "regression"),
        ("failure", "refuted"),
        ("", ""),
        ("skipped", "unknown"),
        ("error", "unknown"),
        ("skipped", "regression"),
    ]
    assert "all sizes became 1 to 3 agents" in text
    for schema in (JENKINS, ANT_WITH_SKIPPED):
        schema.validate(text)
    [suite] = junitparser.JUnitXml.fromstring(text.encode())
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (7, 2, 1, 2)


def test_junit_has_a_suite_for_each_rule() -> None:
    other = result("refuted", rule="top_k(k=2)", file="/lib/tokenauction/top.py")
    same_name = result("proved", file="/project/other/mine.py")
    found = [PROVED, other, result("unknown", property="neutral"), same_name]
    [*suites] = junitparser.JUnitXml.fromstring(
        junit.render(of_results(found), FOLDER, NOW).encode()
    )
    assert [(one.name, one.tests) for one in suites] == [
        ("mine", 2),
        ("top_k(k=2)", 1),
        ("mine", 1),
    ]
    assert [next(iter(one)).classname for one in suites] == [
        "rules.mine.mine",
        "top.top_k(k=2)",
        "other.mine.mine",
    ]


@given(hostile_findings())
def test_junit_is_valid_whatever_the_texts(findings: list[Finding]) -> None:
    text = outputs.encodable(junit.render(findings, FOLDER, NOW))
    for schema in (JENKINS, ANT_WITH_SKIPPED):
        schema.validate(text)
    found = [one for suite in cases(text).values() for one in suite]
    suites = list(ElementTree.fromstring(text))
    assert sum(len(list(suite.iter("testcase"))) for suite in suites) == len(findings)
    unknown = [one for one in findings if (one.row["status"], one.outcome) == ("unknown", "fail")]
    if len(cases(text)) == len(suites):
        assert sum(tag == "error" for tag, _ in found) == len(unknown)


# SARIF -------------------------------------------------------------------------------------------


def sarif_results(findings: Sequence[Finding], folder: Path = FOLDER) -> Any:
    return json.loads(sarif.render(findings, folder))["runs"][0]["results"]


def test_sarif_tells_refuted_from_unknown_and_leaves_out_what_passes(tmp_path: Path) -> None:
    text = sarif.render(of_results([PROVED, REFUTED, UNKNOWN]), FOLDER)
    made = json.loads(text)
    SARIF.validate(made)
    [run] = made["runs"]
    assert [(one["kind"], one["level"]) for one in run["results"]] == [
        ("fail", "error"),
        ("open", "none"),
    ]
    assert run["properties"] == {"proved": 1, "refuted": 1, "unknown": 1}
    refuted = run["results"][0]
    assert refuted["ruleId"] == "tokenauction/monotone"
    assert run["tool"]["driver"]["rules"][refuted["ruleIndex"]]["id"] == refuted["ruleId"]
    assert refuted["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "rules/mine.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12},
    }
    assert refuted["properties"]["counterexample"] == MONOTONE
    (tmp_path / "a.sarif").write_text(text, "utf-8")
    read = loader.load_sarif_file(str(tmp_path / "a.sarif"))
    shown = [(one["Location"], one["Line"], one["Severity"]) for one in read.get_records()]
    assert shown == [("rules/mine.py", 12, "error"), ("rules/mine.py", 12, "none")]


def test_sarif_of_the_gate() -> None:
    SARIF.validate(json.loads(sarif.render(GATE, FOLDER)))
    assert [
        (one["kind"], one["level"], one["properties"].get("problem")) for one in sarif_results(GATE)
    ] == [
        ("fail", "error", "all sizes became 1 to 3 agents"),
        ("fail", "error", "it was proved"),
        ("open", "none", None),
        ("open", "none", "it was proved"),
        ("fail", "warning", "it is required for more"),
    ]


def test_sarif_keeps_an_unknown_that_passes() -> None:
    assert [one["kind"] for one in sarif_results([Finding(UNKNOWN, "pass")])] == ["open"]


def test_sarif_fingerprints_name_the_claim() -> None:
    moved = Path("/elsewhere")
    same = [
        (REFUTED, FOLDER),
        (UNKNOWN, FOLDER),
        ({**REFUTED, "line": 99, "fingerprint": None, "seconds": 9.0}, FOLDER),
        ({**REFUTED, "file": "/elsewhere/rules/mine.py"}, moved),
    ]
    other = [{"rule": "his"}, {"property": "neutral"}, {"file": "/project/rules/his.py"}]

    def printed(row: Any, folder: Path = FOLDER) -> str:
        [one] = sarif_results(of_results([row]), folder)
        return str(one["partialFingerprints"]["tokenauctionClaim/v1"])

    assert {printed(row, folder) for row, folder in same} == {printed(REFUTED)}
    assert len({printed({**REFUTED, **change}) for change in other} | {printed(REFUTED)}) == 4
    assert printed(REFUTED) == "ae3527307fa9c43044f17a61e2c04668"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("rules/mine.py", {"uri": "rules/mine.py", "uriBaseId": "%SRCROOT%"}),
        ("/project/a b/é#1.py", {"uri": "a%20b/%C3%A9%231.py", "uriBaseId": "%SRCROOT%"}),
        ("/project/c:d/m.py", {"uri": "c%3Ad/m.py", "uriBaseId": "%SRCROOT%"}),
        ("/projects/mine.py", {"uri": "file:///projects/mine.py"}),
        ("/project/../other/mine.py", {"uri": "file:///other/mine.py"}),
    ],
)
def test_sarif_names_files_from_the_folder(file: str, expected: Any) -> None:
    [one] = sarif_results(of_results([{**REFUTED, "file": file, "line": 0}]))
    where = one["locations"][0]["physicalLocation"]
    assert where["artifactLocation"] == expected
    assert where["region"] == {"startLine": 1}


def test_sarif_describes_properties() -> None:
    rows = [REFUTED, {**REFUTED, "property": "my_order"}]
    [run] = json.loads(sarif.render(of_results(rows), FOLDER))["runs"]
    shown = [one["shortDescription"]["text"] for one in run["tool"]["driver"]["rules"]]
    assert shown[0].startswith("A raised bid moves the aggregate towards its agent.")
    assert "my_order" in shown[1]


@given(hostile_findings())
def test_sarif_is_valid_whatever_the_texts(findings: list[Finding]) -> None:
    made = json.loads(sarif.render(findings, FOLDER))
    SARIF.validate(made)
    for one in made["runs"][0]["results"]:
        assert one["level"] == "none" or one["kind"] == "fail"
    kinds = [one["kind"] for one in made["runs"][0]["results"]]
    assert kinds.count("open") == sum(one.row["status"] == "unknown" for one in findings)


# GitHub ------------------------------------------------------------------------------------------


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Workflow commands as GitHub's runner reads them."""
    read = []
    for line in text.removesuffix("\n").split("\n"):
        matched = re.fullmatch(r"::(\w+) (.*?)::(.*)", line, re.S)
        assert matched is not None
        name, properties, message = matched.groups()
        pairs = (part.split("=", 1) for part in properties.split(","))
        read.append((name, {key: _read(value) for key, value in pairs}, _read(message)))
    return read


def _read(text: str) -> str:
    for escape, character in (("0D", "\r"), ("0A", "\n"), ("3A", ":"), ("2C", ","), ("25", "%")):
        text = text.replace(f"%{escape}", character)
    return text


def test_github_annotates_the_line_of_the_rule() -> None:
    assert commands(github.render(of_results([PROVED, UNKNOWN, REFUTED]), FOLDER))[0] == (
        "error",
        {"file": "rules/mine.py", "line": "12", "title": "mine monotone: refuted"},
        "\n".join(Finding(REFUTED, "fail").body),
    )


def test_github_of_the_gate() -> None:
    read = commands(github.render(GATE, FOLDER))
    assert [name for name, _, _ in read] == ["error"] * 3 + ["warning"] * 2 + ["notice"]
    assert read[2][2] == "mine monotone: proved, but all sizes became 1 to 3 agents"
    assert read[-1][2] == "3 proved, 2 refuted, 2 unknown"


@given(hostile_findings())
def test_github_commands_are_one_line_each_whatever_the_texts(findings: list[Finding]) -> None:
    read = commands(github.render(findings, FOLDER))
    shown = worst_first(findings)
    assert len(read) == len(shown) + 1
    for one, (_, properties, message) in zip(shown, read[:-1], strict=True):
        assert properties["title"] == one.headline
        assert message == ("\n".join(one.body) or one.headline)


# Markdown ----------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)


def read_markdown(text: str) -> tuple[list[list[str]], list[str], list[str]]:
    """The cells of the table, the fenced blocks, and the HTML tags, as a reader sees them."""
    table: list[list[str]] = []
    blocks: list[str] = []
    tags = _Tags()
    for token in (tokens := MarkdownIt("commonmark").enable("table").parse(text)):
        if token.type == "tr_open":
            table.append([])
        elif token.type == "fence":
            blocks.append(token.content)
        elif token.type == "html_block":
            tags.feed(token.content)
        elif token.type == "inline" and token.level == 4:
            children = token.children or []
            assert {one.type for one in children} <= {
                "text",
                "text_special",
                "strong_open",
                "strong_close",
            }
            table[-1].append("".join(one.content for one in children))
    assert sum(token.type == "table_open" for token in tokens) == 1
    return table, blocks, tags.seen


def test_markdown_opens_with_a_line_that_counts() -> None:
    lines = markdown.render(of_results([PROVED, REFUTED, UNKNOWN])).splitlines()
    assert lines[:5] == [
        "**tokenauction: 2 of 3 claims failed** (1 proved, 1 refuted, 1 unknown)",
        "",
        "| rule | property | verdict | scope | method | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
        "| mine | monotone | proved | all agents, all tokens | reduction and Z3 | 0.2 |",
    ]
    passed = markdown.render(of_results([PROVED])).splitlines()
    assert passed[0] == "**tokenauction: nothing failed** (1 proved, 0 refuted, 0 unknown)"
    assert markdown.render([]).startswith("**tokenauction: nothing was decided** ")


def test_markdown_of_the_gate() -> None:
    text = markdown.render(GATE)
    table, _, _ = read_markdown(text)
    assert text.startswith("**tokenauction: 3 of 7 claims failed, 2 with a warning** (3 proved")
    assert [(row[2], row[6]) for row in table[1:]] == [
        ("proved", "unchanged"),
        ("proved, fails", "worse"),
        ("refuted", "worse"),
        ("refuted, passes", "unchanged"),
        ("unknown, warning", "new"),
        ("unknown", "worse"),
        ("proved, warning", "changed"),
    ]
    assert "<summary>mine monotone: proved, but all sizes became 1 to 3 agents</summary>" in text


@given(hostile_findings())
def test_markdown_reads_as_written_whatever_the_texts(findings: list[Finding]) -> None:
    table, blocks, tags = read_markdown(outputs.encodable(markdown.render(findings)))

    def seen(text: str) -> str:
        """What is left of a text where control characters and line ends are spaces."""
        text = outputs.encodable(text)
        kept = (" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text)
        return " ".join("".join(kept).split())

    assert len(table) == len(findings) + 1
    for row, one in zip(table[1:], findings, strict=True):
        texts = (one.row["rule"], one.row["property"], one.row["method"])
        assert (row[0], row[1], row[4]) == tuple(map(seen, texts))
    told = [one for one in findings if one.body or one.problem]
    assert tags == ["details", "summary"] * len(told)
    bodies = [seen("\n".join(one.body)) for one in told if any(one.body)]
    assert [seen(block) for block in blocks] == bodies


# The option --------------------------------------------------------------------------------------


def test_text_is_the_default() -> None:
    assert outputs.settled([], None) == (Output("text"),)


def test_output_is_the_file_of_the_only_format_without_one(tmp_path: Path) -> None:
    file, other = str(tmp_path / "a"), str(tmp_path / "b")
    assert outputs.settled([], file) == (Output("text", file),)
    chosen = outputs.settled([Output("sarif", other), Output("json")], file)
    assert chosen == (Output("sarif", other), Output("json", file))


def test_text_github_and_markdown_share_standard_output() -> None:
    chosen = [Output("text"), Output("github"), Output("markdown")]
    assert outputs.settled(chosen, None) == tuple(chosen)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--format", "xml"], "'xml' is not one of text, json, junit, sarif, github, markdown"),
        (["--format", "json="], "'json=' names no file: leave the = out, or name one"),
        (["--format", "sarif=."], "is a directory"),
        (
            ["--format", "json", "--format", "github"],
            "json and github cannot share standard output: name a file, as in --format json=FILE",
        ),
        (["--format", "sarif", "--format", "junit"], "name a file, as in --format sarif=FILE"),
        (["--format", "text", "--format", "text"], "--format text is given twice"),
        (
            ["--format", "json=a", "--format", "sarif=./a"],
            "--format json=a and --format sarif=./a are one file: name another",
        ),
        (["--format", "json=a", "--format", "sarif=a.part"], "are one file: name another"),
        (["--format", "json=a", "--format", "text", "--output", "a"], "--output a are one file"),
        (
            ["--format", "text", "--format", "github", "--output", "a"],
            "--output a is for --format text and --format github: "
            "name each file with --format FORMAT=FILE",
        ),
        (["--format", "text=b", "--output", "a"], "--output a is for no format"),
        (["--output", ""], "--output is empty: name a file, or leave it out"),
        (["--format", "json=no/a"], "--format json=no/a: there is no folder "),
        (["--output", "no/a"], "--output no/a: there is no folder "),
    ],
    ids=str,
)
def test_a_wrong_choice_is_said_before_any_work(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tokenauction.proofs.processes.supervisor.verify", None)
    before = signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(verify, ["linear", *arguments])
    signal.signal(signal.SIGINT, before)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_link_to_the_same_file_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    with pytest.raises(SystemExit):
        outputs.settled(
            [Output("json", str(tmp_path / "a")), Output("sarif", str(tmp_path / "b"))], None
        )


# Delivery ----------------------------------------------------------------------------------------


def texts(output: Output) -> str:
    return f"{output.format}\n"


RENDERERS = dict.fromkeys(FORMATS, texts)


def test_every_file_that_can_be_written_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    chosen = outputs.settled(
        [
            Output("json", str(tmp_path / "a" / "x"), "--format json=a/x"),
            Output("sarif", str(tmp_path / "b")),
            Output("text"),
        ],
        None,
    )
    (tmp_path / "a").rmdir()
    with pytest.raises(SystemExit) as ended:
        outputs.deliver(chosen, RENDERERS)
    assert ended.value.code == 2
    assert (tmp_path / "b").read_text("utf-8") == "sarif\n"
    assert capsys.readouterr() == (
        "text\n",
        "tokenauction: --format json=a/x: No such file or directory\n",
    )


def test_a_job_summary_is_appended_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "summary").write_text("of another step\n", "utf-8")
    (tmp_path / "file").write_text("of another run\n", "utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    for name in ("summary", "file"):
        outputs.deliver([Output("markdown", str(tmp_path / name))], RENDERERS)
    assert (tmp_path / "summary").read_text("utf-8") == "of another step\nmarkdown\n"
    assert (tmp_path / "file").read_text("utf-8") == "markdown\n"


def test_half_a_character_does_not_stop_a_report(tmp_path: Path) -> None:
    outputs.deliver([Output("json", str(tmp_path / "a"))], {"json": lambda _: "half \udc80"})
    assert (tmp_path / "a").read_text("utf-8") == "half ?"


# The command -------------------------------------------------------------------------------------

RULES = """
from tokenauction.mechanisms import aggregation_rule


@aggregation_rule
def pool(bids, dists):
    return bids @ dists / bids.sum()


@aggregation_rule
def first(bids, dists):
    return dists[0]


@aggregation_rule
def branching(bids, dists):
    total = bids.sum()
    return bids @ dists / (total if total > 0 else 1)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three rules: on `anonymous` one is proved, one refuted, one unknown."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "rules.py").write_text(RULES, "utf-8")
    return folder


@pytest.fixture(scope="module")
def at_once(command: Command, project: Path) -> Any:
    """All reports of one run, and how it ended."""
    files = {name: f"out.{name}" for name in FORMATS if name != "github"}
    options = [part for name, file in files.items() for part in ("--format", f"{name}={file}")]
    arguments = ["--property", "anonymous", "--budget", "5", "--format", "text"]
    done = command("verify", "rules.py", *arguments, "--format", "github", *options, folder=project)
    return done, {name: (project / file).read_text("utf-8") for name, file in files.items()}


def test_all_formats_at_once_tell_the_same(at_once: Any) -> None:
    done, made = at_once
    assert (done.returncode, done.stderr) == (1, "")
    counts = "1 proved, 1 refuted, 1 unknown"
    rows = json.loads(made["json"])["results"]
    jsonschema.validate(json.loads(made["json"]), report.schema())
    assert summary(rows) == counts
    assert made["text"].startswith("proved   pool anonymous  [all agents, all tokens]\nrefuted ")
    assert made["text"].endswith(f"{counts}\n")
    assert counts in made["markdown"]
    text, annotations = done.stdout.split("::error", 1)
    assert text == made["text"]
    read = commands(f"::error{annotations}")
    assert [(name, one.get("file"), one.get("line")) for name, one, _ in read] == [
        ("error", "rules.py", "10"),
        ("error", "rules.py", "18"),
        ("notice", None, None),
    ]
    for schema in (JENKINS, ANT):
        schema.validate(made["junit"])
    assert [one for suite in cases(made["junit"]).values() for one in suite] == [
        ("", ""),
        ("failure", "refuted"),
        ("error", "unknown"),
    ]
    logged = json.loads(made["sarif"])
    SARIF.validate(logged)
    assert [one["kind"] for one in logged["runs"][0]["results"]] == ["fail", "open"]
    reason = rows[1]["reason"]
    assert all(reason in made[name] for name in ("text", "markdown", "junit"))
    assert reason in read[0][2]
    assert reason in logged["runs"][0]["results"][0]["message"]["text"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_the_exit_status_does_not_depend_on_the_format(
    name: str, command: Command, project: Path
) -> None:
    arguments = ["--property", "anonymous", "--budget", "5", "--format", name]
    for rule, status in (("pool", 0), ("first", 1), ("branching", 3)):
        done = command("verify", f"rules.py::{rule}", *arguments, folder=project)
        assert (done.returncode, done.stderr) == (status, "")
        assert done.stdout


def test_an_interrupt_keeps_what_was_decided_in_every_format(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    endless = f"    open({str(mark)!r}, 'w').close()\n    while True:\n        pass\n"
    text = RULES.replace("    total = bids.sum()\n", endless)
    (tmp_path / "rules.py").write_text(text, "utf-8")
    options = [part for name in FORMATS for part in ("--format", f"{name}=out.{name}")]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tokenauction.proofs.cli", "verify", "rules.py"),
            *("--property", "anonymous", *options),
        ],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "100"},
    )
    for _ in range(600):
        if mark.exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    files = ", ".join(f"out.{name}" for name in FORMATS)
    assert err == f"tokenauction: interrupted; what was decided is in {files}\n"
    made = {name: (tmp_path / f"out.{name}").read_text("utf-8") for name in FORMATS}
    for text in made.values():
        assert "interrupted before it was decided" in text
    assert "1 proved, 1 refuted, 1 unknown" in made["text"]
    assert [one for suite in cases(made["junit"]).values() for one in suite] == [
        ("", ""),
        ("failure", "refuted"),
        ("error", "unknown"),
    ]


def test_every_format_is_made_and_told_of() -> None:
    made = outputs.renderers([], lambda _: "", lambda: "")
    assert tuple(made) == outputs.FORMATS
    assert set(outputs.DOCUMENTS) <= set(outputs.FORMATS)
    for page in ("reports.md", "gate.md"):
        text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
        assert all(f"`{name}`" in text for name in outputs.FORMATS), page
