"""Comparing with a git revision: each side gets the code of its own, or there is no answer.

Every test has a scratch repository whose rule is linear in its first commit, by a helper that has
squares in the second; the file of the rule itself never changes.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from forked import run_command

from tokenauction.proofs.comparison.revisions import Revised, revised
from tokenauction.proofs.results import report

RULES = """
from array_api_compat import array_namespace
from helper import weights_of
from tokenauction.mechanisms import aggregation_rule


@aggregation_rule
def boosted(bids, dists):
    xp = array_namespace(bids, dists)
    weights = weights_of(bids)
    return xp.matmul(weights, dists) / xp.sum(weights)
"""
LINEAR = "def weights_of(bids):\n    return bids\n"
SQUARES = "def weights_of(bids):\n    return bids * bids\n"
LATE = RULES.replace("from helper import weights_of\n", "").replace(
    "    xp = array", "    from helper import weights_of\n    xp = array"
)
Repository = Callable[..., Path]


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user with a name does."""
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *author, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def written(folder: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository of some versions of its files; the last one is the working tree's too."""

    def make(*versions: Mapping[str, str]) -> Path:
        folder = tmp_path / "repository"
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        for number, files in enumerate(versions):
            written(folder, files)
            git(folder, "add", "-A")
            git(folder, "commit", "-q", "-m", f"version {number}")
            git(folder, "tag", f"v{number}")
        return folder

    return make


@pytest.fixture
def changed(repository: Repository) -> Path:
    """The rule at the top of the repository, and its helper beside it."""
    return repository({"rules.py": RULES, "helper.py": LINEAR}, {"helper.py": SQUARES})


def compared(folder: Path, *arguments: str, **variables: str) -> tuple[int, Any, str]:
    """The status, the report and the complaints of a comparison."""
    reports = ("--no-guarantees", "--format", "json")
    done = run_command("compare", *arguments, *reports, folder=folder, **variables)
    found = json.loads(done.stdout) if done.stdout else None
    if found is not None:
        jsonschema.validate(found, report.schema("compare"))
    return done.returncode, found, done.stderr


# Each side its own code --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HEAD~1:rules.py::boosted", "rules.py::boosted"),
        ("rules.py::boosted", "HEAD~1:rules.py::boosted"),
        ("v0:rules.py::boosted", "main:rules.py::boosted"),
        ("v1:rules.py", "v0:rules.py"),
        ("HEAD^{/version 0}:rules.py", "HEAD:./rules.py"),
        ("linear", "HEAD:rules.py"),
    ],
)
def test_a_changed_helper_is_seen(changed: Path, one: str, other: str) -> None:
    status, found, _ = compared(changed, one, other)
    assert (status, found["status"]) == (1, "different")
    shown = found["counterexample"]
    assert shown["exact"]
    assert shown["a"] != shown["b"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("HEAD:rules.py::boosted", "rules.py::boosted"),
        ("HEAD~1:rules.py::boosted", "linear"),
        ("v0:rules.py::boosted", "HEAD~1:rules.py::boosted"),
        ("rules.py::boosted", "square-weights"),
    ],
)
def test_the_same_code_is_equivalent(changed: Path, one: str, other: str) -> None:
    status, found, _ = compared(changed, one, other)
    assert (status, found["status"]) == (0, "equivalent")


def test_the_working_tree_is_compared_as_it_is(changed: Path) -> None:
    (changed / "helper.py").write_text(LINEAR, "utf-8")
    assert compared(changed, "v0:rules.py", "rules.py")[0] == 0
    assert compared(changed, "v1:rules.py", "rules.py")[0] == 1


def test_a_report_names_the_revision_and_no_temporary_folder(changed: Path) -> None:
    _, found, _ = compared(changed, "v0:rules.py::boosted", "rules.py")
    assert found["a"] == {
        "title": "v0:rules.py::boosted",
        "label": "boosted",
        "file": "v0:rules.py",
        "line": 7,
        "revision": "v0",
        "commit": git(changed, "rev-parse", "v0"),
        "fingerprint": found["a"]["fingerprint"],
    }
    assert found["b"]["revision"] is None
    assert "tokenauction-" not in json.dumps(found)


PACKAGE = {
    "rules/boosted.py": RULES.replace("from helper", "from shared.helper"),
    "shared/__init__.py": "",
    "shared/helper.py": LINEAR,
}


@pytest.mark.slow
@pytest.mark.parametrize("namespace", [False, True])
def test_packages_are_those_of_the_revision(repository: Repository, namespace: bool) -> None:
    first = {name: text for name, text in PACKAGE.items() if not (namespace and "init" in name)}
    folder = repository(first, {"shared/helper.py": SQUARES})
    assert compared(folder, "v0:rules/boosted.py", "rules/boosted.py")[0] == 1
    assert compared(folder, "v0:rules/boosted.py", "linear")[0] == 0
    inside = folder / "rules"
    assert compared(inside, "v0:boosted.py", "boosted.py", PYTHONPATH=str(folder))[0] == 1


@pytest.mark.slow
def test_folders_on_the_path_are_those_of_the_revision(repository: Repository) -> None:
    folder = repository({"rules.py": RULES, "src/helper.py": LINEAR}, {"src/helper.py": SQUARES})
    source = {"PYTHONPATH": str(folder / "src")}
    assert compared(folder, "v0:rules.py", "rules.py", **source)[0] == 1
    assert compared(folder, "v0:rules.py", "linear", **source)[0] == 0
    assert compared(folder, "v0:rules.py", "v0:rules.py", **source)[0] == 0


@pytest.mark.slow
def test_files_that_a_rule_reads_are_those_of_the_revision(repository: Repository) -> None:
    rules = RULES.replace(
        "from helper import weights_of\n",
        "POWER = int(open('power.txt').read())\n\ndef weights_of(bids):\n    return bids**POWER\n",
    )
    folder = repository({"rules.py": rules, "power.txt": "1"}, {"power.txt": "2"})
    assert compared(folder, "v0:rules.py", "rules.py")[0] == 1
    assert compared(folder, "v0:rules.py", "linear")[0] == 0


def test_properties_are_those_of_the_working_tree(changed: Path) -> None:
    text = (
        "from tokenauction.theory import rule_property\nfrom helper import weights_of\n"
        "@rule_property\ndef mine(rule, bids, dists):\n"
        "    return (rule(bids, dists) >= 0).all()\n"
    )
    (changed / "own.py").write_text(text, "utf-8")
    asked = ("--property", "own.py::mine")
    done = run_command("compare", "v0:rules.py", "rules.py", *asked, folder=changed)
    assert done.returncode == 1, done.stderr
    assert done.stdout.endswith("guarantees: 1 the same\n")


# Or no answer ------------------------------------------------------------------------------------


def test_an_import_while_the_rule_runs_is_refused(repository: Repository) -> None:
    folder = repository({"rules.py": LATE, "helper.py": LINEAR}, {"helper.py": SQUARES})
    status, found, said = compared(folder, "v0:rules.py", "rules.py")
    assert (status, found) == (2, None)
    assert "helper is imported while a rule runs" in said
    assert compared(folder, "rules.py", "rules.py")[0] == 0


FINDER = """
import importlib.util, sys

class Editable:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "helper":
            return importlib.util.spec_from_file_location(name, {place!r})

sys.meta_path.insert(0, Editable)
"""


def test_an_editable_installation_is_refused(changed: Path, tmp_path: Path) -> None:
    text = FINDER.format(place=str(changed / "helper.py"))
    written(tmp_path, {"site/sitecustomize.py": text})
    site = {"PYTHONPATH": str(tmp_path / "site")}
    status, found, said = compared(changed, "v0:rules.py", "rules.py", **site)
    assert (status, found) == (2, None)
    assert "imports helper from" in said
    assert "not of its revision" in said
    assert compared(changed, "rules.py", "square-weights", **site)[0] == 0


def test_an_installed_copy_of_the_repository_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    folder = repository({"rules.py": RULES, "src/helper.py": LINEAR}, {"src/helper.py": SQUARES})
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = tmp_path / "user" / "lib" / version / "site-packages"
    written(library, {"helper.py": SQUARES})
    user = {"PYTHONUSERBASE": str(tmp_path / "user"), "PYTHONPATH": str(library)}
    status, found, said = compared(folder, "v0:rules.py", "rules.py", **user)
    assert (status, found) == (2, None)
    assert "has its own in src/helper" in said


def test_a_module_that_was_there_before_is_not_taken(changed: Path, tmp_path: Path) -> None:
    start = f"import sys; sys.path.insert(0, {str(changed)!r}); import helper"
    written(tmp_path, {"site/sitecustomize.py": start})
    site = {"PYTHONPATH": str(tmp_path / "site")}
    assert compared(changed, "v0:rules.py", "linear", **site)[0] == 0


@pytest.mark.parametrize(
    ("one", "said"),
    [
        ("HEAD~7:rules.py", "unknown revision 'HEAD~7'"),
        ("mainn:rules.py", "unknown revision 'mainn'; did you mean main?"),
        ("--all:rules.py", "No such option"),
        ("HEAD:rule.py", "there is no such file in HEAD; did you mean rules.py"),
        ("HEAD:deep/rules.py", "there is no such file in HEAD; did you mean rules.py"),
        ("HEAD:../rules.py", "outside of the git repository"),
        ("HEAD:rules.py::bosted", "HEAD:rules.py: unknown name 'bosted'; did you mean boosted?"),
        ("HEAD:none.py", "HEAD:none.py has no aggregation rule"),
        ("HEAD:broken.py", "HEAD:broken.py:1: ZeroDivisionError"),
        ("C:/rules.py", "C:/rules.py: there is no such file"),
        ("HEAD:rules", "unknown rule 'HEAD:rules'"),
    ],
)
def test_wrong_usage_says_the_way_out(changed: Path, one: str, said: str) -> None:
    written(changed, {"none.py": "", "broken.py": "1 / 0\n"})
    git(changed, "add", "-A")
    git(changed, "commit", "-q", "-m", "more")
    status, found, complaint = compared(changed, one, "rules.py")
    assert (status, found) == (2, None)
    assert said in complaint
    assert "tokenauction-" not in complaint


PAYMENT = """
from tokenauction.mechanisms import aggregation_rule, payment_rule


@aggregation_rule
def rule(bids, dists):
    return bids @ dists / bids.sum()


@payment_rule
def fee(bids, dists):
    return bids / {parts}
"""


def test_a_payment_of_a_revision(repository: Repository) -> None:
    folder = repository(*({"pay.py": PAYMENT.format(parts=parts)} for parts in (2, 4)))
    now = "linear+pay.py::fee"
    assert compared(folder, "linear+HEAD:pay.py::fee", now)[0] == 0
    assert compared(folder, "v1:pay.py::rule+v1:pay.py::fee", now)[0] == 0
    status, found, _ = compared(folder, "linear+v0:pay.py::fee", now)
    assert (status, found["part"], found["a"]["revision"]) == (1, "payment", "v0")
    assert found["reason"].endswith(f"linear+v0:pay.py::fee charges (1/2), {now} charges (1/4).")
    assert compared(folder, "v0:pay.py::rule+fee", "v1:pay.py::rule+fee")[0] == 1
    for mixed in ("v0:pay.py::rule+v1:pay.py::fee", "v0:pay.py::rule+pay.py::fee"):
        status, _, said = compared(folder, mixed, now)
        assert status == 2
        assert f"{mixed}: the rule and the payment rule are of two revisions; name one" in said


def test_without_a_repository(tmp_path: Path) -> None:
    written(tmp_path, {"rules.py": RULES, "helper.py": LINEAR})
    limit = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    status, _, said = compared(tmp_path, "HEAD:rules.py", "rules.py", **limit)
    assert status == 2
    assert "is in no git repository" in said


def test_without_git(changed: Path, tmp_path: Path) -> None:
    status, _, said = compared(changed, "HEAD:rules.py", "rules.py", PATH=str(tmp_path))
    assert status == 2
    assert "git is not installed" in said


def test_the_checkers_own_files_are_refused(repository: Repository) -> None:
    """They would be loaded with the rest of the checker that runs."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return
    status, _, said = compared(root, "HEAD:mechanisms/weighted_pools.py::linear", "linear")
    assert status == 2
    assert "is part of tokenauction.mechanisms, the checker that runs" in said


# The user's repository, and what is left behind --------------------------------------------------


def test_nothing_is_touched_and_nothing_is_left(changed: Path, tmp_path: Path) -> None:
    written(changed, {"helper.py": LINEAR, "new.py": "", "staged.py": ""})
    git(changed, "add", "staged.py")
    before = git(changed, "status", "--porcelain")
    refs = git(changed, "for-each-ref")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    written(changed, {".git/hooks/post-index-change": "#!/bin/sh\ntouch ran\n"})
    (changed / ".git/hooks/post-index-change").chmod(0o755)
    index = (changed / ".git/index").read_bytes()
    for one in ("v0:rules.py", "v0:rules.py::none"):
        compared(changed, one, "rules.py", TMPDIR=str(temporary))
    assert (changed / ".git/index").read_bytes() == index
    assert not (changed / "ran").exists()
    assert list(temporary.iterdir()) == []
    assert not (changed / "__pycache__").exists()
    (changed / ".git/hooks/post-index-change").unlink()
    assert git(changed, "status", "--porcelain") == before
    assert git(changed, "for-each-ref") == refs


def test_a_temporary_folder_in_the_repository(changed: Path) -> None:
    (changed / "tmp").mkdir()
    inside = {"TMPDIR": str(changed / "tmp")}
    assert compared(changed, "v0:rules.py", "rules.py", **inside)[0] == 1
    assert compared(changed, "v0:rules.py", "linear", **inside)[0] == 0


def test_a_sparse_checkout_has_the_whole_revision(repository: Repository) -> None:
    folder = repository({"rules.py": RULES, "deep/more.py": "", "helper.py": LINEAR})
    git(folder, "sparse-checkout", "set", "--no-cone", "/rules.py")
    assert not (folder / "helper.py").exists()
    assert compared(folder, "v0:rules.py", "linear")[0] == 0


def test_in_a_hook_git_points_elsewhere(changed: Path) -> None:
    """As in a pre-commit hook, where git says which index it is about to commit."""
    hook = {"GIT_INDEX_FILE": ".git/index", "GIT_DIR": ".git"}
    index = (changed / ".git/index").read_bytes()
    assert compared(changed, "v0:rules.py", "rules.py", **hook)[0] == 1
    assert (changed / ".git/index").read_bytes() == index


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(changed: Path, tmp_path: Path, sent: signal.Signals) -> None:
    written(
        changed, {"slow.py": "import pathlib, time\npathlib.Path('on').touch()\ntime.sleep(99)"}
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "tokenauction.proofs.cli", "compare", "v0:rules.py", "slow.py"],
        cwd=changed,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary)},
    ) as running:
        while not (changed / "on").exists() and running.poll() is None:
            time.sleep(0.05)
        assert any(temporary.iterdir())
        running.send_signal(sent)
        status = running.wait(30)
    assert status == {signal.SIGINT: 130, signal.SIGTERM: 143}[sent]
    assert list(temporary.iterdir()) == []


def test_a_file_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert revised("a:b.py::c") == Revised("a", "b.py", "::c")
    (tmp_path / "a:b.py").touch()
    assert revised("a:b.py::c") is None
    assert revised("HEAD@{2024-01-01 10:00}:x.py") == Revised("HEAD@{2024-01-01 10:00}", "x.py", "")
