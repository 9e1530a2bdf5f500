"""The sets of versions that CI runs, what pyproject.toml asks for, and the Pythons named there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from generate import version_sets
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SETS = version_sets()
KINDS = ("oldest", "newest")


def requirements() -> Iterator[str]:
    yield from PROJECT["dependencies"]
    for extra in PROJECT["optional-dependencies"].values():
        yield from extra


def floors() -> dict[str, str]:
    """What is asked for of each dependency, which is a floor and nothing else."""
    found: dict[str, str] = {}
    for requirement in requirements():
        name, floor = requirement.split(">=")
        assert found.setdefault(name, floor) == floor, f"two floors of {name}"
    return found


def pythons() -> list[str]:
    named = "Programming Language :: Python :: "
    return [one.removeprefix(named) for one in PROJECT["classifiers"] if one.startswith(named)]


def test_each_python_has_an_oldest_and_a_newest_set() -> None:
    assert {python: set(kinds) for python, kinds in SETS.items()} == {
        python: set(KINDS) for python in pythons()
    }


def test_the_oldest_python_is_what_is_asked_for() -> None:
    assert PROJECT["requires-python"] == f">={min(pythons(), key=Version)}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("python", pythons())
def test_a_set_names_every_dependency_and_no_other(python: str, kind: str) -> None:
    assert set(SETS[python][kind]) == set(floors())


@pytest.mark.parametrize(("name", "floor"), floors().items())
def test_a_floor_is_the_oldest_version_that_is_tested(name: str, floor: str) -> None:
    tested = [Version(SETS[python][kind][name]) for python in SETS for kind in KINDS]
    assert min(tested) == Version(floor)
    for python in SETS:
        assert Version(SETS[python]["oldest"][name]) <= Version(SETS[python]["newest"][name])


def test_ci_runs_every_set() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    job = yaml.safe_load(text)["jobs"]["versions"]
    assert job["strategy"]["matrix"] == {"python": pythons(), "set": list(KINDS)}
    [python, run] = job["steps"][1:]
    assert python["with"] == {"python-version": "${{ matrix.python }}"}
    assert run == {"run": "bash .ci/run ${{ matrix.python }} ${{ matrix.set }}"}


def test_ci_runs_everything_on_the_oldest_python() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    [_, python, run] = yaml.safe_load(text)["jobs"]["checks"]["steps"]
    assert python["with"] == {"python-version": pythons()[0]}
    assert run == {"run": "bash .ci/run"}


def test_the_script_of_ci_takes_its_versions_from_the_sets_alone() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    pinned = set(re.findall(r"\b([\w-]+==\d[\w.]*)", script))
    assert pinned <= {"torch==2.13.0"}
