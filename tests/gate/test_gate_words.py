"""What the gate says of a rule that has changed: the same function, another one, or not known.

Each test has a scratch repository: the locked functions are those of its history.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from fractions import Fraction
from operator import mul
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from data.scratch_edits import Change, apply
from scratch_repository import commit, git

from tokenauction.proofs.results import report

Command = Callable[..., Any]

HEAD = "from array_api_compat import array_namespace\n"
CAPPED = (
    HEAD
    + '''from tokenauction.mechanisms import aggregation_rule


@aggregation_rule
def capped(bids, dists):
    """Bids count up to ten."""
    xp = array_namespace(bids, dists)
    weights = xp.minimum(bids, xp.full_like(bids, 10.0))
    return xp.matmul(weights, dists) / xp.sum(weights)
'''
)
ONE_LINE = "xp.minimum(bids, xp.full_like(bids, 10.0))"
SAME = "(bids + 10 - xp.abs(bids - 10)) / 2"
OTHER = "(bids + 11 - xp.abs(bids - 11)) / 2"
TABLE = """\
[tool.tokenauction]
targets = ["rules.py"]
properties = ["distribution"]
recorded = ["no-bid-no-influence"]
budget = 20
"""


@pytest.fixture(scope="module")
def locked(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose lock is in its only commit."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "rules.py").write_text(CAPPED, "utf-8")
    (folder / "pyproject.toml").write_text(TABLE, "utf-8")
    (folder / ".gitignore").write_text(".tokenauction-cache\n", "utf-8")
    done = command("gate", "--update", folder=folder)
    assert done.returncode == 0, done.stderr
    commit(folder)
    return folder


@pytest.fixture
def project(locked: Path, tmp_path: Path) -> Path:
    """A copy of the repository, without a cache."""
    folder = tmp_path / "project"
    shutil.copytree(locked, folder, ignore=shutil.ignore_patterns(".tokenauction-cache"))
    return folder


def edit(project: Path, *edits: tuple[str, str], file: str = "rules.py") -> None:
    """Replace pieces of a file, each of which is there once."""
    apply([Change(file, old, new) for old, new in edits], project)


def gate(command: Command, project: Path, *options: str) -> tuple[int, Mapping[str, Any]]:
    """The exit status of the gate, and its JSON report."""
    done = command("gate", "--format", "json", *options, folder=project)
    assert done.stdout, done.stderr
    made = json.loads(done.stdout)
    jsonschema.validate(made, report.schema("gate"))
    return done.returncode, made


def check_difference(rule: Mapping[str, Any]) -> None:
    """The profile is one at which caps of ten and of eleven differ, and the numbers are theirs."""
    found = rule["difference"]
    bids = [Fraction(bid) for bid in found["bids"]]
    for side, cap in (("a", 10), ("b", 11)):
        weights = [min(bid, Fraction(cap)) for bid in bids]
        rows = [[Fraction(p) for p in row] for row in found["dists"]]
        columns = zip(*rows, strict=True)
        mixed = [sum(map(mul, weights, column)) / sum(weights) for column in columns]
        assert [Fraction(x) for x in found[side]] == mixed
    assert len(bids) == 2
    assert max(bids) == 11


def test_a_rewriting_is_refactored_and_is_not_decided_again(
    command: Command, project: Path
) -> None:
    edit(project, (ONE_LINE, SAME))
    status, made = gate(command, project)
    assert status == 0
    (rule,) = made["rules"]
    assert (rule["word"], rule["target"]) == ("REFACTORED", "rules.py::capped")
    assert rule["against"] == git(project, "rev-parse", "HEAD")[:10]
    assert {one["source"] for one in made["claims"]} == {"lock"}
    assert {one["change"] for one in made["claims"]} == {"refactored"}
    before = (project / "tokenauction.lock").read_text("utf-8")
    done = command("gate", "--update", folder=project)
    assert done.returncode == 0
    assert "proved for all agents, all tokens, of the same function written" in done.stdout
    after = (project / "tokenauction.lock").read_text("utf-8")
    changed = [
        old for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new
    ]
    assert changed
    assert all(line.startswith("fingerprint = ") for line in changed)
    assert gate(command, project)[1]["rules"] == []


def test_another_function_is_stale_in_one_line_and_shows_where_it_differs(
    command: Command, project: Path
) -> None:
    edit(project, (ONE_LINE, OTHER))
    reports = ["--format=text", "--format=json=r.json", "--format=sarif=r.sarif"]
    reports += ["--format=github=r.github", "--format=junit=r.xml", "--format=markdown=r.md"]
    done = command("gate", *reports, folder=project)
    assert done.returncode == 1
    made = json.loads((project / "r.json").read_text("utf-8"))
    (rule,) = made["rules"]
    assert rule["word"] == "STALE"
    check_difference(rule)
    text = done.stdout
    assert text.count("is another function than the locked one") == 2  # its line, and its details
    assert [line[:5] for line in text.splitlines()[:3]] == ["STALE", "pass ", "pass "]
    sarif = json.loads((project / "r.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert [one["ruleId"] for one in sarif] == ["tokenauction/lock"]
    annotations = (project / "r.github").read_text("utf-8").splitlines()
    assert [one.partition(" ")[0] for one in annotations] == ["::error", "::notice"]
    assert re.search(r"agent \d prefers +11 ", annotations[0])
    assert (project / "r.xml").read_text("utf-8").count("<failure") == 1
    assert "STALE" not in (project / "r.md").read_text("utf-8").replace("**stale**", "")


def test_a_change_that_breaks_shows_the_difference_before_the_counterexample(
    command: Command, project: Path
) -> None:
    edit(project, (f"weights = {ONE_LINE}", "weights = xp.exp(bids)"))
    done = command("gate", folder=project)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("WORSE       refuted  rules.py::capped no-bid") for line in lines)
    details = done.stdout.partition("\n\n")[2]
    assert details.startswith("rules.py::capped is another function than the locked one\n")
    assert "no-bid-no-influence: refuted" in details


@pytest.mark.parametrize("new", [SAME, OTHER])
def test_without_a_history_it_is_stale_for_that_reason(
    command: Command, project: Path, new: str
) -> None:
    shutil.rmtree(project / ".git")
    edit(project, (ONE_LINE, new))
    status, made = gate(command, project)
    (rule,) = made["rules"]
    assert (status, rule["word"], rule["against"]) == (1, "STALE", None)
    assert "is in no git repository" in rule["reason"]
    assert "another function" not in rule["said"]
    done = command("gate", folder=project)
    assert "is in no git repository" in done.stdout


def test_the_base_can_be_named(command: Command, project: Path) -> None:
    edit(project, (ONE_LINE, SAME))
    git(project, "tag", "v0")
    (project / "tokenauction.lock").write_text(
        "# touched\n" + (project / "tokenauction.lock").read_text("utf-8"), "utf-8"
    )
    edit(project, (SAME, "xp.exp(bids)"))
    commit(project)
    edit(project, ("xp.exp(bids)", SAME))
    status, made = gate(command, project)
    assert (status, made["rules"][0]["word"]) == (1, "STALE")
    assert "name the revision that it is of with --base" in made["rules"][0]["reason"]
    status, made = gate(command, project, "--base", "v0")
    assert (status, made["rules"][0]["word"]) == (0, "REFACTORED")
    done = command("gate", "--base", "v00", folder=project)
    assert done.returncode == 2
    assert "--base v00: unknown revision 'v00'; did you mean v0?" in done.stderr


def test_a_shallow_clone_says_so(command: Command, project: Path, tmp_path: Path) -> None:
    edit(project, (ONE_LINE, SAME))
    commit(project)
    clone = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{project}", str(clone)], check=True
    )
    status, made = gate(command, clone)
    assert (status, made["rules"][0]["word"]) == (1, "STALE")
    assert "this clone is shallow" in made["rules"][0]["reason"]


def test_a_rename_is_one_line(command: Command, project: Path) -> None:
    edit(project, ("def capped", "def up_to_ten"))
    (project / "rules.py").rename(project / "pools.py")
    edit(project, ('"rules.py"', '"pools.py"'), file="pyproject.toml")
    status, made = gate(command, project)
    assert (status, made["removed"]) == (0, [])
    (rule,) = made["rules"]
    assert (rule["word"], rule["locked_as"]) == ("REFACTORED", "rules.py::capped")
    done = command("gate", folder=project)
    assert done.stdout.splitlines()[0] == (
        "REFACTORED  pools.py::up_to_ten is rules.py::capped under another name: the same function"
    )
    assert "STALE" not in done.stdout


def test_a_rename_and_a_rewriting_are_proved_together(command: Command, project: Path) -> None:
    edit(project, ("def capped", "def up_to_ten"), (ONE_LINE, SAME))
    status, made = gate(command, project)
    assert (status, made["rules"][0]["word"]) == (0, "REFACTORED")
    edit(project, (SAME, OTHER))
    status, made = gate(command, project)
    assert (status, made["rules"][0]["word"]) == (1, "STALE")
    check_difference(made["rules"][0])


def test_a_locked_fingerprint_that_is_not_the_old_function_proves_nothing(
    command: Command, project: Path
) -> None:
    """The lock could be of any function: what the commit has is not what was locked."""
    text = (project / "tokenauction.lock").read_text("utf-8")
    made = [line for line in text.splitlines() if line.startswith("fingerprint = ")]
    (project / "tokenauction.lock").write_text(
        text.replace(made[0], 'fingerprint = "0123456789abcdef"'), "utf-8"
    )
    edit(project, (ONE_LINE, SAME))
    status, found = gate(command, project)
    assert (status, found["rules"][0]["word"]) == (1, "STALE")
    assert {one["source"] for one in found["claims"]} == {"decided"}


def test_a_rule_that_cannot_be_traced_any_more_is_unknown_and_not_another(
    command: Command, project: Path
) -> None:
    edit(project, (f"weights = {ONE_LINE}", f"weights = xp.asarray(({ONE_LINE}).tolist())"))
    edit(project, ("budget = 20", "budget = 1"), file="pyproject.toml")
    status, made = gate(command, project)
    assert (status, made["rules"]) == (3, [])
    assert {one["word"] for one in made["claims"]} == {"UNKNOWN"}
