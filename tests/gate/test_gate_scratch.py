"""The gate as a team meets it: a scratch repository, its lock, refactorings and breaking edits.

Every counterexample is checked by running the edited function at its numbers, without the checker;
the function as it was passes there.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from counterexample_checks import violation
from data.scratch_edits import (
    EDITS,
    FILES,
    PROJECT,
    REFACTORINGS,
    REWRITINGS,
    BreakingEdit,
    Change,
    apply,
)
from scratch_repository import commit

pytestmark = pytest.mark.slow

Command = Callable[..., Any]
Claim = Mapping[str, Any]

TWELVE = EDITS[9:]  # of every target but one
CACHE = ".tokenauction-cache"
REPORTS = {
    "json": "gate.json",
    "sarif": "gate.sarif",
    "junit": "gate.xml",
    "markdown": "gate.md",
    "github": "gate.github",
}
FORMATS = [f"--format={name}={file}" for name, file in REPORTS.items()]


def claims_in(folder: Path, report: str = REPORTS["json"]) -> list[Claim]:
    """What a run of the gate said of every claim."""
    claims: list[Claim] = json.loads((folder / report).read_text("utf-8"))["claims"]
    return claims


def rules_in(folder: Path) -> list[Claim]:
    """What a run of the gate said of the rules that are not as they were locked."""
    rules: list[Claim] = json.loads((folder / REPORTS["json"]).read_text("utf-8"))["rules"]
    return rules


def target_in(folder: Path, name: str, module: str = "rules") -> Any:
    """A rule or mechanism of a project, imported from its folder as Python would."""
    forgotten = ("weights", *(path.stem for path in folder.glob("*.py")))
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("scratch_rules", folder / f"{module}.py")
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    finally:
        sys.path.remove(str(folder))
        for sibling in forgotten:
            sys.modules.pop(sibling, None)
    return getattr(loaded, name)


@pytest.fixture(scope="module")
def locked(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scratch repository, with its lock."""
    folder = tmp_path_factory.mktemp("scratch")
    for name in FILES:
        shutil.copy(PROJECT / name, folder)
    done = command("gate", "--update", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    commit(folder)
    return folder


@pytest.fixture
def project(locked: Path, tmp_path: Path) -> Path:
    """A clone of the scratch repository, in which nothing has been decided yet."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(locked), str(folder)], check=True)
    return folder


# What passes -------------------------------------------------------------------------------------


def test_a_clone_is_as_it_was_locked(command: Command, project: Path) -> None:
    done = command("gate", *FORMATS, folder=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    claims = claims_in(project)
    assert {claim["source"] for claim in claims} == {"lock"}
    assert {claim["change"] for claim in claims} == {"unchanged"}
    assert {claim["status"] for claim in claims if claim["required"]} == {"proved"}
    (recorded,) = (claim for claim in claims if not claim["required"])
    house_voice = target_in(project, "house_voice")
    assert violation(house_voice, "unanimous", recorded["counterexample"]) is not None


@pytest.mark.parametrize("refactoring", REFACTORINGS, ids=lambda one: one.name)
def test_a_refactoring_passes_unsolved(command: Command, project: Path, refactoring: Any) -> None:
    apply(refactoring.changes, project)
    done = command("gate", *FORMATS, folder=project)
    assert (done.returncode, done.stderr) == (0, "")
    assert {claim["source"] for claim in claims_in(project)} == {"lock"}


@pytest.mark.parametrize("rewriting", REWRITINGS, ids=lambda one: one.name)
def test_a_rewriting_is_proved_to_be_the_same(
    command: Command, project: Path, rewriting: Any
) -> None:
    apply(rewriting.changes, project)
    done = command("gate", "--format=text", *FORMATS, folder=project)
    assert done.returncode == 0, done.stdout
    assert {claim["source"] for claim in claims_in(project)} == {"lock"}
    assert {rule["word"] for rule in rules_in(project)} <= {"REFACTORED"}


# What does not -----------------------------------------------------------------------------------


@pytest.mark.parametrize("edit", EDITS, ids=lambda one: one.name)
def test_a_breaking_edit_closes_the_gate(
    command: Command, project: Path, locked: Path, edit: BreakingEdit
) -> None:
    apply([edit.change], project)
    done = command("gate", "--format=text", *FORMATS, "--jobs=1", folder=project)
    assert done.returncode == 1, done.stdout + done.stderr
    claims = claims_in(project)
    check_broken(edit, claim_of(edit, claims), project, locked)
    (rule,) = rules_in(project)
    assert (rule["target"], rule["word"]) == (f"rules.py::{edit.target}", "STALE")
    assert rule["difference"] is not None, rule
    untouched = [claim for claim in claims if claim["target"] != f"rules.py::{edit.target}"]
    assert {claim["source"] for claim in untouched} == {"lock"}
    assert {claim["outcome"] for claim in untouched} == {"pass"}
    check_reports(claim_of(edit, claims), project, done.stdout)


def claim_of(edit: BreakingEdit, claims: list[Claim], file: str = "rules.py") -> Claim:
    """What the gate said of the claim that an edit breaks."""
    name = (f"{file}::{edit.target}", edit.property)
    (found,) = (one for one in claims if (one["target"], one["property"]) == name)
    return found


def check_broken(
    edit: BreakingEdit, claim: Claim, folder: Path, locked: Path, module: str = "rules"
) -> None:
    """The claim fails, with a counterexample that is one, and that shows what is wrong."""
    assert (claim["status"], claim["outcome"], claim["change"]) == ("refuted", "fail", "worse")
    example = claim["counterexample"]
    assert edit.shows(example), example
    found = violation(target_in(folder, edit.target, module), edit.property, example)
    assert found is not None
    if not example["undefined"]:
        assert isinstance(found, float) != edit.in_fractions
    assert violation(target_in(locked, edit.target), edit.property, example) is None


def check_reports(claim: Claim, folder: Path, text: str) -> None:
    """Every report has the counterexample, at the line of the rule."""
    written = {name: (folder / file).read_text("utf-8") for name, file in REPORTS.items()}
    reason, line = claim["reason"], claim["line"]
    assert reason in text
    assert "def " in (folder / "rules.py").read_text("utf-8").splitlines()[line]
    failures = ElementTree.fromstring(written["junit"]).iter("failure")
    assert any(reason in "".join(failure.itertext()) for failure in failures)
    (result,) = (
        one
        for one in json.loads(written["sarif"])["runs"][0]["results"]
        if reason in one["message"]["text"]
    )
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "rules.py"
    assert (place["region"]["startLine"], result["level"]) == (line, "error")
    annotations = [one for one in written["github"].splitlines() if one.startswith("::error ")]
    assert any(
        f"file=rules.py,line={line}," in one and reason.replace("%", "%25") in one
        for one in annotations
    )
    assert reason in written["markdown"].replace("\\", "")


FOLDERS = """\
[tool.tokenauction]
properties = ["no-bid-no-influence"]
targets = ["one/rules.py::campaign", "two/rules.py::campaign"]
"""


def test_folders_have_modules_of_their_own(command: Command, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        shutil.copytree(PROJECT, tmp_path / folder)
    (tmp_path / "pyproject.toml").write_text(FOLDERS, "utf-8")
    assert command("gate", "--update", folder=tmp_path).returncode == 0
    (floor,) = (edit for edit in EDITS if edit.name == "the cap is a floor")
    apply([floor.change], tmp_path / "two")
    assert command("gate", *FORMATS, folder=tmp_path).returncode == 1
    sound, broken = claims_in(tmp_path)
    assert (sound["source"], sound["outcome"]) == ("lock", "pass")
    assert (broken["status"], broken["outcome"]) == ("refuted", "fail")


# The cache, and several runs at once --------------------------------------------------------------


@pytest.fixture(scope="module")
def sound_team(command: Command, locked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a file of its own for each of twelve edits, locked before any is made."""
    folder = tmp_path_factory.mktemp("team")
    shutil.copytree(locked / CACHE, folder / CACHE)
    configuration = tomllib.loads((locked / "pyproject.toml").read_text("utf-8"))
    budgets = budgets_of(configuration["tool"]["tokenauction"])
    lines = ["[tool.tokenauction]", "targets = ["]
    for number, edit in enumerate(TWELVE):
        rules = (locked / "rules.py").read_text("utf-8")
        moved = rules.replace("from weights import", f"from weights_{number} import")
        (folder / f"rules_{number}.py").write_text(moved, "utf-8")
        shutil.copy(locked / "weights.py", folder / f"weights_{number}.py")
        lines.append(
            f'  {{target = "rules_{number}.py::{edit.target}", properties = ["{edit.property}"], '
            f"budget = {budgets[edit.target]}}},"
        )
    (folder / "pyproject.toml").write_text("\n".join([*lines, "]", ""]), "utf-8")
    done = command("gate", "--update", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")  # all of it was in the cache
    return folder


def budgets_of(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        one["target"].partition("::")[2]: one.get("budget", table["budget"])
        for one in table["targets"]
    }


@pytest.fixture
def team(sound_team: Path, tmp_path: Path) -> Path:
    """The same after every edit, each in its file; the cache has what was known before."""
    folder = tmp_path / "team"
    shutil.copytree(sound_team, folder)
    for number, edit in enumerate(TWELVE):
        file = edit.change.file.replace(".py", f"_{number}.py")
        apply([Change(file, edit.change.old, edit.change.new)], folder)
    return folder


def check_all_broken(folder: Path, locked: Path, report: str = REPORTS["json"]) -> set[str]:
    """Every edit closes the gate; returns where the verdicts come from."""
    claims = claims_in(folder, report)
    for number, edit in enumerate(TWELVE):
        claim = claim_of(edit, claims, f"rules_{number}.py")
        check_broken(edit, claim, folder, locked, f"rules_{number}")
    return {claim["source"] for claim in claims}


def test_two_runs_share_a_cache_and_a_damaged_one_is_made_anew(
    command: Command, team: Path, locked: Path
) -> None:
    shutil.rmtree(team / CACHE)
    reports = ("first.json", "second.json")
    with ThreadPoolExecutor() as runs:
        ended = runs.map(lambda f: command("gate", f"--format=json={f}", folder=team), reports)
        assert [done.returncode for done in ended] == [1, 1]
    for report in reports:
        assert "decided" in check_all_broken(team, locked, report)
    damage(team / CACHE, locked / CACHE)
    done = command("gate", *FORMATS, folder=team)
    assert done.returncode == 1
    assert check_all_broken(team, locked) == {"decided"}
    warm = command("gate", *FORMATS, folder=team)
    assert warm.returncode == 1
    assert "cache" in check_all_broken(team, locked)


def damage(cache: Path, of_sound_rules: Path) -> None:
    """Spoil every entry of a cache, in turn in each of several ways."""
    proved = entries(of_sound_rules, "proved")[0].read_bytes()
    ways: list[Callable[[Path], Any]] = [
        lambda entry: entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // 2]),
        lambda entry: entry.write_bytes(b""),
        lambda entry: entry.write_bytes(bytes(byte ^ 0x5A for byte in entry.read_bytes())),
        lambda entry: entry.write_bytes(proved),
        lambda entry: entry.write_bytes(entry.read_bytes().replace(b'"refuted"', b'"proved"')),
        lambda entry: entry.write_text("[" * 100_000, "utf-8"),
        a_folder_instead,
        Path.unlink,
    ]
    found = entries(cache, "refuted")
    assert len(found) >= len(ways)
    for number, entry in enumerate(found):
        ways[number % len(ways)](entry)


def a_folder_instead(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()


def entries(cache: Path, status: str) -> list[Path]:
    """The entries of a cache with a verdict."""
    found = sorted(path for path in cache.rglob("*.json") if path.is_file())
    return [path for path in found if json.loads(path.read_bytes())["result"]["status"] == status]


def test_the_edits_fail_under_pytest_on_four_workers(team: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "4", "-q", "--junit-xml=items.xml", "."],
        cwd=team,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    cases = list(ElementTree.parse(team / "items.xml").iter("testcase"))
    assert len(cases) == len(TWELVE)
    for number, edit in enumerate(TWELVE):
        assert f"rules_{number}.py::{edit.target}::{edit.property}" in done.stdout
    for case in cases:
        told = "".join(text for failure in case.iter("failure") for text in failure.itertext())
        assert "raised its bid from" in told or "With bids (" in told
