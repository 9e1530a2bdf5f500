"""The files to copy: of the schemas of their readers, and run step by step in a repository."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ci_steps import Job, read
from data.scratch_edits import EDITS, PROJECT, apply
from scratch_repository import commit

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / "examples" / "ci" / "tokenauction.yml"
ACTION = ROOT / "action.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"

SHARPENED = EDITS[0]
COUNTEREXAMPLE = "Agent 0 raised its bid from 1 to 2"
CONFIGURATION = """\
[tool.tokenauction]
targets = [{ target = "rules.py::share_of_voice", properties = ["monotone"] }]
"""


def ran(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A tool of this installation, run in a folder."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def locked(command: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one rule, and its lock."""
    folder = tmp_path_factory.mktemp("locked")
    for name in ("rules.py", "weights.py"):
        shutil.copy(PROJECT / name, folder)
    (folder / "pyproject.toml").write_text(CONFIGURATION, "utf-8")
    done = command("gate", "--update", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty folder that is going to be a repository."""
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A runner's variables, with the tool installed; `python` only tells what it is asked."""
    programs = tmp_path / "programs"
    programs.mkdir()
    scripts = {
        "tokenauction": f'exec "{sys.executable}" -m tokenauction.proofs.cli "$@"',
        "python": 'echo "python was asked: $*"',
    }
    for name, line in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        (programs / name).chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTION_PATH": "/actions/tokenauction",
        "HOME": str(tmp_path / "home"),
        "COLUMNS": "100",
    }


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-workflows", WORKFLOW), ("vendor.github-actions", ACTION)],
    ids=["workflow", "action"],
)
def test_a_file_is_of_the_schema_of_its_reader(schema: str, file: Path) -> None:
    done = ran("check_jsonschema", "--builtin-schema", schema, str(file), folder=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


# The workflow -------------------------------------------------------------------------------------


def test_the_workflow_asks_for_little() -> None:
    workflow = read(WORKFLOW)
    assert set(workflow["on"]) == {"pull_request", "push"}
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "security-events": "write"}
    assert int(job["timeout-minutes"]) <= 30
    steps = {step.get("name", step.get("uses")): step for step in job["steps"]}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f'"tokenauction=={version}"' in steps["Install"]["run"]
    restored, kept = (
        steps[f"Verdicts {when} runs"]["with"] for when in ("of earlier", "for later")
    )
    assert "hashFiles('tokenauction.lock')" in kept["key"]
    assert (restored["key"], restored["path"]) == (kept["key"], kept["path"])
    assert f"--cache {kept['path']} " in steps["Gate"]["run"]
    assert steps["Code scanning"]["if"].startswith("always() && ")
    assert steps["Code scanning"]["with"]["sarif_file"] in steps["Gate"]["run"]


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
def test_the_workflow_runs(
    locked: Path, repository: Path, environment: dict[str, str], broken: bool
) -> None:
    shutil.copytree(locked, repository, dirs_exist_ok=True)
    if broken:
        apply([SHARPENED.change], repository)
    (steps,) = (job["steps"] for job in read(WORKFLOW)["jobs"].values())
    job = Job(repository, repository.parent, environment)
    assert job.run(steps) == int(broken), job.log
    assert "python was asked: -m pip install" in job.log
    check_told(job, repository / "tokenauction.sarif", "rules.py", broken)


def check_told(job: Job, sarif: Path, file: str, broken: bool) -> None:
    """Annotations, summary and SARIF have the counterexample, if there is one, at its place."""
    text = sarif.read_text("utf-8")
    for told in (job.log, job.summary, text):
        assert (COUNTEREXAMPLE in told) == broken
    assert "share_of_voice" in job.summary.replace("\\", "")
    assert (f"::error file={file},line=" in job.log) == broken
    uri = f'"uri": "{quote(file)}"'
    assert (uri in text) == broken


# The action ---------------------------------------------------------------------------------------


def inputs(**given: str) -> dict[str, str]:
    """The inputs of the action: those that are given, and its defaults."""
    return {name: one["default"] for name, one in read(ACTION)["inputs"].items()} | given


def run_action(job: Job) -> tuple[int, dict[str, str]]:
    """Run the action; its status, and its outputs."""
    action = read(ACTION)
    status = job.run(action["runs"]["steps"])
    return status, {name: job.value(one["value"]) for name, one in action["outputs"].items()}


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
def test_the_action_runs_in_a_folder(
    locked: Path, repository: Path, environment: dict[str, str], broken: bool
) -> None:
    shutil.copytree(locked, repository / "ad rules")
    if broken:
        apply([SHARPENED.change], repository / "ad rules")
    given = inputs(**{"working-directory": "ad rules", "arguments": "--jobs 1\n --cache elsewhere"})
    job = Job(repository, repository.parent, environment, given)
    status, outputs = run_action(job)
    assert status == int(broken), job.log
    assert outputs == {"sarif": "tokenauction.sarif", "exit-status": str(int(broken))}
    assert "install --disable-pip-version-check /actions/tokenauction\n" in job.log
    assert (repository / "elsewhere").is_dir() == broken  # the cache, where something was decided
    check_told(job, repository / outputs["sarif"], "ad rules/rules.py", broken)


def test_the_action_installs_the_release_that_is_asked_for(
    locked: Path, repository: Path, environment: dict[str, str]
) -> None:
    shutil.copytree(locked, repository, dirs_exist_ok=True)
    job = Job(repository, repository.parent, environment, inputs(version="0.1.0"))
    assert run_action(job)[0] == 0, job.log
    assert "install --disable-pip-version-check tokenauction==0.1.0\n" in job.log


@pytest.mark.parametrize("name", ["arguments", "version", "working-directory"])
def test_no_input_of_the_action_is_run(
    repository: Path, environment: dict[str, str], name: str
) -> None:
    hostile = "x; touch pwned; $(touch pwned) `touch pwned` \"; touch pwned; ' | touch pwned *"
    job = Job(repository, repository.parent, environment, inputs(**{name: hostile}))
    status, outputs = run_action(job)
    assert (status, outputs) == (2, {"sarif": "", "exit-status": "2"}), job.log
    assert not list(repository.rglob("*pwned*"))


# The hook -----------------------------------------------------------------------------------------


def test_the_hook_is_one() -> None:
    done = ran("pre_commit", "validate-manifest", str(HOOKS), folder=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken"])
def test_the_hook_runs(
    locked: Path, repository: Path, environment: dict[str, str], tmp_path: Path, broken: bool
) -> None:
    """As pre-commit runs it, but for the environment, which it would install from the network."""
    manifest = HOOKS.read_text("utf-8")
    installed = manifest.replace("language: python", "language: system")
    assert installed != manifest
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / HOOKS.name).write_text(installed, "utf-8")
    commit(hooks)
    shutil.copytree(locked, repository, dirs_exist_ok=True)
    if broken:
        apply([SHARPENED.change], repository)
    commit(repository)
    done = ran(
        *("pre_commit", "try-repo", str(hooks), "tokenauction-gate", "--all-files"),
        folder=repository,
        PRE_COMMIT_HOME=str(tmp_path / "home"),
        PATH=environment["PATH"],
    )
    assert done.returncode == int(broken), done.stdout + done.stderr
    assert (COUNTEREXAMPLE in done.stdout) == broken


def test_what_the_page_says_to_write_is_accepted(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    step, hook = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "workflow.yml").write_text(f"on: pull_request\n{step}", "utf-8")
    (tmp_path / "hooks.yaml").write_text(hook, "utf-8")
    schema = ("--builtin-schema", "vendor.github-workflows")
    for arguments in (
        ("check_jsonschema", *schema, "workflow.yml"),
        ("pre_commit", "validate-config", "hooks.yaml"),
    ):
        done = ran(*arguments, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    documented = re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)
    action = read(ACTION)
    assert documented == [*action["inputs"], *action["outputs"]]
    (used,) = (
        one for one in read(tmp_path / "workflow.yml")["jobs"]["gate"]["steps"] if "id" in one
    )
    assert set(used["with"]) <= set(action["inputs"])


def test_the_hook_runs_for_what_the_gate_reads() -> None:
    found = re.search("^  files: (.*)$", HOOKS.read_text("utf-8"), re.MULTILINE)
    assert found
    pattern = re.compile(found.group(1))
    assert all(map(pattern.search, ("rules.py", "a/b.py", "pyproject.toml", "tokenauction.lock")))
    assert not any(map(pattern.search, ("rules.pyc", "notes.toml", "uv.lock", "a.py.md")))
