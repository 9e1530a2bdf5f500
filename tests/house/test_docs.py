"""The docs say what the code does: generated tables, commands, files, and no stale names."""

import builtins
import dis
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import generate
import pytest

from tokenauction.mechanisms.experiments.monitor import MonitorRow
from tokenauction.mechanisms.experiments.sweep_rows import FILES
from tokenauction.mechanisms.experiments.tables import columns
from tokenauction.proofs.library.contents import LIBRARY
from tokenauction.proofs.results import report

ROOT = Path(__file__).parents[2]
FOLDERS = ("theory", "mechanisms", "proofs")
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_the_tables_of_rules_md_are_current() -> None:
    assert (ROOT / "docs" / "rules.md").read_text("utf-8") == generate.rules_page()


@pytest.mark.parametrize("room", generate.rooms(), ids=lambda room: room.name)
def test_a_room_is_tested_where_architecture_md_says(room: Path) -> None:
    inside = room.relative_to(ROOT).as_posix().replace("/", ".")
    tests = (ROOT / generate.tests_of(room)).glob("test_*.py")
    texts = [one.read_text("utf-8") for one in tests]
    assert texts
    # Theorems are proved by their names, and a worker is started as a process.
    unnamed = inside.startswith("proofs.library.") or inside == "proofs.worker"
    assert any(f"tokenauction.{inside}" in text for text in texts) or unnamed


def test_every_block_of_rules_md_runs_as_it_stands() -> None:
    text = (ROOT / "docs" / "rules.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        made: dict[str, Any] = {"__name__": "block"}
        exec(compile(block, "docs/rules.md", "exec"), made)
        for one in made.values():
            function = getattr(one, "function", None)
            steps = [] if function is None else dis.get_instructions(function)
            used = {step.argval for step in steps if step.opname == "LOAD_GLOBAL"}
            if getattr(function, "__globals__", None) is made:
                assert used <= {*made, *dir(builtins)}, block


def test_the_axioms_of_trust_md_are_current() -> None:
    assert (ROOT / "docs" / "trust.md").read_text("utf-8") == generate.trust_page()


def test_the_table_of_versions_md_is_current() -> None:
    assert (ROOT / "docs" / "versions.md").read_text("utf-8") == generate.versions_page()


@pytest.mark.slow
def test_theorems_md_says_what_is_proved() -> None:
    assert (ROOT / "docs" / "theorems.md").read_text("utf-8") == generate.theorems_page()


def test_the_readme_counts_the_theorems() -> None:
    assert f"({len(LIBRARY)} theorems, " in (ROOT / "README.md").read_text("utf-8")


THE_PAPER = "arXiv 2310.10826"
SAYS_IT_ONCE = ("README.md", "docs/theorems.md")


@pytest.mark.parametrize("page", SAYS_IT_ONCE)
def test_the_page_says_that_definitions_were_reconstructed(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert "definitions were reconstructed from the abstract and public descriptions" in text
    assert "the paper's own text was not compared" in text


def test_nothing_speaks_as_if_the_paper_had_been_compared() -> None:
    """Sources say "after" the paper, and call nothing the paper's but as reconstructed."""
    pages = [page for page in PAGES if str(page.relative_to(ROOT)) not in SAYS_IT_ONCE]
    sources = [path for part in FOLDERS for path in (ROOT / part).rglob("*.py")]
    for place in [*pages, *sources]:
        text = " ".join(place.read_text("utf-8").split())
        if place.parent.name == "library" and place.name == "library.py":
            continue
        for found in re.finditer(re.escape(THE_PAPER), text):
            around = text[max(found.start() - 20, 0) : found.end() + 20]
            assert re.search(rf"\b[Aa]fter {THE_PAPER}|{THE_PAPER}, as reconstructed", around), (
                place
            )
        for found in re.finditer(r"[Tt]he paper's (\w+)( \(?as reconstructed)?", text):
            assert found[2] or "as reconstructed" in text[found.start() : found.end() + 40], place


def test_theorems_md_tells_of_the_prior_art() -> None:
    prior = (ROOT / "docs" / "theorems.md").read_text("utf-8").partition("## Prior art")[2]
    cited = {one for theorem in LIBRARY for one in re.findall(r"arXiv [\d.]+\d", theorem.reference)}
    assert cited - {THE_PAPER} <= set(re.findall(r"arXiv [\d.]+\d", prior))
    for authors, year in re.findall(
        r"(\w+)(?: and \w+)? \((\d{4})\)", " ".join(one.reference for one in LIBRARY)
    ):
        assert re.search(rf"\b{authors}\b[^\n]*\b{year}\b", prior), authors


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


def test_api_md_lists_every_public_name() -> None:
    assert (ROOT / "docs" / "api.md").read_text("utf-8") == generate.api_page()


def test_the_tables_of_architecture_md_are_the_headers_of_the_files() -> None:
    assert (ROOT / "ARCHITECTURE.md").read_text("utf-8") == generate.rooms_page()


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
