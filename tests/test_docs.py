"""The docs say what the code does: generated tables, commands, files, and no stale names."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import generate  # noqa: E402

from tokenauction.mechanisms.experiments.monitor import MonitorRow  # noqa: E402
from tokenauction.mechanisms.experiments.sweep_rows import FILES  # noqa: E402
from tokenauction.mechanisms.experiments.tables import columns  # noqa: E402
from tokenauction.proofs import report  # noqa: E402

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_the_tables_of_rules_md_are_current() -> None:
    assert (ROOT / "docs" / "rules.md").read_text("utf-8") == generate.rules_page()


def test_the_axioms_of_trust_md_are_current() -> None:
    assert (ROOT / "docs" / "trust.md").read_text("utf-8") == generate.trust_page()


def test_the_table_of_versions_md_is_current() -> None:
    assert (ROOT / "docs" / "versions.md").read_text("utf-8") == generate.versions_page()


@pytest.mark.slow
def test_theorems_md_says_what_is_proved() -> None:
    assert (ROOT / "docs" / "theorems.md").read_text("utf-8") == generate.theorems()


def test_variants_md_is_the_lattice() -> None:
    assert (ROOT / "docs" / "variants.md").read_text("utf-8") == generate.variants()


@pytest.mark.slow
@pytest.mark.parametrize("name", generate.SHIPPED)
def test_the_catalogue_says_what_the_checker_says(name: str) -> None:
    section = generate.catalogue_section(name, generate.catalogue_rows(name))
    assert section in (ROOT / "docs" / "catalogue.md").read_text("utf-8")


def test_every_shipped_rule_is_in_the_catalogue() -> None:
    text = (ROOT / "docs" / "catalogue.md").read_text("utf-8")
    labels = [one.label for one in generate.SHIPPED.values()]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == labels


def test_every_source_file_is_in_architecture_md() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for folder in ("theory", "mechanisms", "proofs"):
        for place in (ROOT / folder).rglob("*.py"):
            if place.name != "__init__.py" and place.parent.name != "paper":
                assert re.search(rf"`([\w/]*/)?{place.stem}(\.py)?`", text), place


def test_trust_md_lists_the_trusted_core() -> None:
    text = (ROOT / "docs" / "trust.md").read_text("utf-8")
    for place in (ROOT / "proofs").rglob("*.py"):
        if "TRUSTED CORE" in place.read_text("utf-8").partition('"""')[2][:400]:
            assert str(place.relative_to(ROOT)) in text, place


def test_report_md_lists_every_field() -> None:
    text = (ROOT / "docs" / "report.md").read_text("utf-8")
    schema = report.schema()
    for part in (schema, schema["$defs"]["result"], schema["$defs"]["counterexample"]):
        for field in part["properties"]:
            assert f"`{field}`" in text, field


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_readme_has_two_set_up_commands() -> None:
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert len(commands) == 2


EXAMPLES = [
    pytest.param(
        command,
        shown,
        id=f"{page}: {command}",
        marks=[pytest.mark.slow] if "second-price" in command else [],
    )
    for page in ("README.md", "docs/auctions.md", "docs/compare.md", "docs/reports.md")
    for command, shown in re.findall(
        r"^```\n\$ (tokenauction [^\n]*)\n(.*?)\n```$",
        (ROOT / page).read_text("utf-8"),
        re.S | re.M,
    )
]


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_the_examples_of_the_docs_are_what_the_commands_print(command: str, shown: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tokenauction.proofs.cli", *shlex.split(command)[1:]],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.stdout.strip() == shown.strip()


def test_the_examples_are_all_found() -> None:
    counts = {"README.md": 3, "docs/auctions.md": 2, "docs/compare.md": 2, "docs/reports.md": 1}
    for page, count in counts.items():
        assert (ROOT / page).read_text("utf-8").count("\n$ ") == count
        assert sum(str(example.id).startswith(page) for example in EXAMPLES) == count


@pytest.mark.parametrize(
    ("file", "kind"), [*((name, kind) for kind, name in FILES.items()), ("monitor", MonitorRow)]
)
def test_auctions_md_has_every_column_of_the_tables(file: str, kind: type) -> None:
    guide = (ROOT / "docs" / "auctions.md").read_text("utf-8").partition("### The columns")[2]
    [table] = [
        part for part in re.split(r"\n(?=\S.* has a row for )", guide) if f"`{file}`" in part
    ]
    cells = re.findall(r"^\| (`.*?`) \| .+ \|$", table, re.M)
    assert tuple(re.findall(r"`(\w+)`", " ".join(cells))) == columns(kind)
