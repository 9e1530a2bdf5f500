"""Guards the gate as a command: what it decides, what it leaves, what it says and how it ends."""

import json
import os
import py_compile
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scratch_repository import commit

from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import VerifyRequest
from tokenauction.proofs.results import report

Command = Callable[..., subprocess.CompletedProcess[str]]

POOL = """
from array_api_compat import array_namespace
from tokenauction.mechanisms import aggregation_rule


@aggregation_rule
def pool(bids, dists):
    xp = array_namespace(bids, dists)
    weights = bids / xp.sum(bids)
    return xp.matmul(weights, dists)


@aggregation_rule
def sharpened(bids, dists):
    xp = array_namespace(bids, dists)
    powers = (xp.matmul(bids, dists) / xp.sum(bids)) ** 2
    return powers / xp.sum(powers)
"""
TABLE = """
[tool.tokenauction]
properties = ["distribution", "monotone"]
budget = 20
targets = [
    "rules.py::pool",
    {target = "rules.py::sharpened", properties = ["neutral"], recorded = ["monotone"]},
]
"""
SHARPENED_POOL = ("return xp.matmul(weights, dists)", "return xp.matmul(weights**2, dists)")
REWRITTEN = ("xp.matmul(weights, dists)", "xp.sum(weights[:, None] * dists, axis=0)")

GATE = (sys.executable, "-m", "tokenauction.proofs.cli", "gate")

# A file that makes every question to Z3 an error in the processes that read it.
NO_SOLVER = """
import z3

def refuse(*_, **__):
    raise RuntimeError("the solver was asked")

z3.Solver.check = refuse
"""


@pytest.fixture(scope="module")
def locked_project(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A project whose lock has just been made."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "rules.py").write_text(POOL)
    (folder / "pyproject.toml").write_text(TABLE)
    done = command("gate", "--update", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def project(locked_project: Path, tmp_path: Path) -> Path:
    """A copy of the project, without its cache."""
    for name in ("rules.py", "pyproject.toml", "tokenauction.lock"):
        (tmp_path / name).write_text((locked_project / name).read_text())
    return tmp_path


def edit(project: Path, *edits: tuple[str, str], file: str = "rules.py") -> None:
    """Replace texts in a file of a project."""
    text = (project / file).read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (project / file).write_text(text)


def gate(command: Command, project: Path, *options: str) -> tuple[int, Any]:
    """The exit status of the gate, and its JSON report."""
    done = command("gate", "--format", "json", *options, folder=project)
    assert done.stdout, done.stderr
    made = json.loads(done.stdout)
    jsonschema.validate(made, report.schema("gate"))
    assert made["exit_status"] == done.returncode
    return done.returncode, made


def claim_of(made: Mapping[str, Any], target: str, name: str) -> Any:
    """One claim of a report."""
    (claim,) = (
        one
        for one in made["claims"]
        if (one["target"], one["property"]) == (f"rules.py::{target}", name)
    )
    return claim


# Unchanged ---------------------------------------------------------------------------------------


def test_without_a_lock_the_gate_says_how_to_make_one(command: Command, project: Path) -> None:
    (project / "tokenauction.lock").unlink()
    done = command("gate", folder=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "make it with `tokenauction gate --update`" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("edits", [(), (REWRITTEN,)])
def test_the_same_functions_pass_without_a_solver(
    command: Command, project: Path, edits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(project, *edits)
    (project / "sitecustomize.py").write_text(NO_SOLVER)
    monkeypatch.setenv("PYTHONPATH", str(project))
    status, made = gate(command, project)
    assert status == 0
    assert [one["source"] for one in made["claims"]] == ["lock"] * 4
    assert {one["change"] for one in made["claims"]} == {"unchanged"}
    refuted = claim_of(made, "sharpened", "monotone")
    assert refuted["counterexample"]["exact"]
    assert (refuted["outcome"], refuted["required"]) == ("pass", False)
    status, made = gate(command, project, "--fresh")
    assert status in (1, 3), "the solver that refuses was not asked"


def test_updating_what_is_the_same_writes_the_same_text(command: Command, project: Path) -> None:
    before = (project / "tokenauction.lock").read_text()
    assert command("gate", "--update", folder=project).returncode == 0
    assert (project / "tokenauction.lock").read_text() == before
    assert command("gate", "--update", "--fresh", folder=project).returncode == 0
    assert (project / "tokenauction.lock").read_text() == before
    names = [line for line in before.splitlines() if line.startswith("[")]
    assert names == [
        '["rules.py::pool".distribution]',
        '["rules.py::pool".monotone]',
        '["rules.py::sharpened".monotone]',
        '["rules.py::sharpened".monotone.witness]',
        '["rules.py::sharpened".neutral]',
    ]


def test_the_gate_is_found_from_inside_the_project(command: Command, project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    done = command("gate", folder=inner)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "gate open (4 as locked, 0 from the cache, 0 decided now)"
    )


@pytest.mark.slow
def test_other_tools_prove_again_by_the_locked_method(command: Command, project: Path) -> None:
    edit(project, ("tokenauction 0.1.0,", "tokenauction 0.0.9,"), file="tokenauction.lock")
    status, made = gate(command, project)
    assert status == 0
    sources = [one["source"] for one in made["claims"]]
    assert sources == ["decided", "decided", "decided", "lock"]
    status, made = gate(command, project)
    assert [one["source"] for one in made["claims"]] == ["cache", "cache", "cache", "lock"]


def test_proofs_are_checked_again_on_request(command: Command, project: Path) -> None:
    status, made = gate(command, project, "--recheck")
    assert status == 0
    assert [one["source"] for one in made["claims"]] == ["decided"] * 3 + ["lock"]


# Changed -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_rule_that_breaks_closes_the_gate_with_its_counterexample(
    command: Command, project: Path
) -> None:
    edit(project, SHARPENED_POOL)
    status, made = gate(command, project)
    assert status == 1
    broken = claim_of(made, "pool", "distribution")
    assert (broken["status"], broken["change"], broken["outcome"]) == ("refuted", "worse", "fail")
    assert broken["locked"]["status"] == "proved"
    assert any(problem.startswith("it was proved for all agents") for problem in broken["problems"])
    found = broken["counterexample"]
    assert found["exact"]
    assert len(found["bids"]) == 2
    result = {key: value for key, value in broken.items() if key not in GATE_FIELDS}
    wrapped = report.report([result], {})
    jsonschema.validate(wrapped, report.schema())
    done = command("gate", folder=project)
    assert done.returncode == 1
    assert "\nFAIL        refuted  rules.py::pool distribution" in done.stdout
    assert broken["word"] == "FAIL"
    assert broken["reason"] in done.stdout
    assert "gate closed: 2 of 4 claims fail, 1 rule is stale" in done.stdout
    again, made = gate(command, project)
    assert again == 1
    assert claim_of(made, "pool", "distribution")["source"] == "cache"


GATE_FIELDS = {
    *(
        "target",
        "required",
        "required_scope",
        "outcome",
        "word",
        "change",
        "problems",
        "source",
        "locked",
    ),
}


def test_another_function_with_the_same_guarantees_is_stale_until_recorded(
    command: Command, project: Path
) -> None:
    edit(project, ("weights = bids / xp.sum(bids)", "weights = bids**2 / xp.sum(bids**2)"))
    status, made = gate(command, project)
    assert status == 1
    stale = claim_of(made, "pool", "monotone")
    assert (stale["status"], stale["change"]) == ("proved", "changed")
    assert ["the lock is stale" in problem for problem in stale["problems"]] == [True]
    assert (stale["word"], made["rules"][0]["word"]) == ("STALE", "STALE")
    assert "is in no git repository" in made["rules"][0]["reason"]
    done = command("gate", "--update", folder=project)
    assert done.returncode == 0
    told = "rules.py::pool monotone: proved for all agents, all tokens, of what is there now"
    assert told in done.stdout
    assert gate(command, project)[0] == 0


@pytest.mark.slow
def test_an_update_records_what_is_lost_and_still_fails_what_is_required(
    command: Command, project: Path
) -> None:
    edit(project, SHARPENED_POOL)
    done = command("gate", "--update", folder=project)
    assert done.returncode == 1
    told = "rules.py::pool distribution: proved for all agents, all tokens -> refuted"
    assert told in done.stdout
    lock_text = (project / "tokenauction.lock").read_text()
    assert '["rules.py::pool".distribution.witness]' in lock_text
    assert command("gate", folder=project).returncode == 1


@pytest.mark.slow
def test_claims_that_come_and_go_are_seen(command: Command, project: Path) -> None:
    edit(project, ('recorded = ["monotone"]', 'recorded = ["anonymous"]'), file="pyproject.toml")
    status, made = gate(command, project)
    assert status == 1
    assert made["removed"] == [{"target": "rules.py::sharpened", "property": "monotone"}]
    assert claim_of(made, "sharpened", "anonymous")["change"] == "new"
    done = command("gate", folder=project)
    (stale,) = (line for line in done.stdout.splitlines() if line.startswith("STALE "))
    news = "is not locked for anonymous; is no longer asked for monotone"
    assert stale == f"STALE       rules.py::sharpened {news}"
    done = command("gate", "--update", folder=project)
    assert done.returncode == 0
    assert "rules.py::sharpened monotone: no longer checked" in done.stdout
    assert command("gate", folder=project).returncode == 0


def test_a_locked_verdict_that_was_edited_by_hand_does_not_survive_its_witness(
    command: Command, project: Path
) -> None:
    lock_text = (project / "tokenauction.lock").read_text()
    (raised,) = re.findall('^raised_bid = "(.*)"$', lock_text, re.MULTILINE)
    edit(project, (f'raised_bid = "{raised}"', 'raised_bid = "0"'), file="tokenauction.lock")
    status, made = gate(command, project)
    refuted = claim_of(made, "sharpened", "monotone")
    assert (status, refuted["source"], refuted["status"]) == (0, "decided", "refuted")
    assert refuted["counterexample"]["raised_bid"] == raised


@pytest.mark.slow
def test_the_guide_says_what_the_gate_prints(command: Command, tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "gate.md").read_text("utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", guide, re.S | re.M)
    (rules,) = (text for kind, text in blocks if kind == "python")
    (table,) = (text for kind, text in blocks if kind == "toml")
    (diff,) = (text for kind, text in blocks if kind == "diff")
    shown = [text for kind, text in blocks if not kind and text.startswith("$ tokenauction gate")]
    (rewriting,) = re.findall(r"A rewriting such as `(.*?)`", guide)
    (original,) = re.findall(r"weights = (.*)", rules)
    removed, added = (
        "".join(f"{line[1:]}\n" for line in diff.splitlines() if line.startswith(sign))
        for sign in "-+"
    )
    (tmp_path / "pyproject.toml").write_text(table)
    printed = []
    for edits in ({}, {original: rewriting}, {removed: added}):
        text = rules
        for old, new in edits.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "rules.py").write_text(text)
        done = command("gate", *([] if edits else ["--update"]), folder=tmp_path)
        asked = "$ tokenauction gate" if edits else "$ tokenauction gate --update"
        if not edits:
            commit(tmp_path)
        told = re.sub(r"\b[0-9a-f]{10}\b", "3f2a1b9c04", done.stdout)
        printed.append(f"{asked}\n{told}")
    assert printed == shown
    assert done.returncode == 1


@pytest.mark.slow
def test_a_lock_that_cannot_be_read_is_made_anew_by_an_update(
    command: Command, project: Path
) -> None:
    whole = (project / "tokenauction.lock").read_text()
    for damaged in ("", whole[:700], whole.replace("version = 1", "version = 7")):
        (project / "tokenauction.lock").write_text(damaged)
        done = command("gate", folder=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert "gate --update" in done.stderr
    assert command("gate", "--update", folder=project).returncode == 0
    assert (project / "tokenauction.lock").read_text() == whole


@pytest.mark.slow
def test_a_counterexample_beyond_the_required_sizes_decides_nothing(
    command: Command, project: Path
) -> None:
    edit(
        project,
        ('recorded = ["monotone"]', 'recorded = ["monotone"], SCOPE'),
        file="pyproject.toml",
    )
    edit(project, ("SCOPE", "scope = {agents = 1, tokens = 3}"), file="pyproject.toml")
    status, made = gate(command, project)
    alone = claim_of(made, "sharpened", "monotone")
    assert alone["counterexample"] is None or len(alone["counterexample"]["bids"]) == 1
    assert alone["source"] == "decided"
    assert status == 0


def test_rules_in_a_package_import_as_packages_do(command: Command, tmp_path: Path) -> None:
    package = tmp_path / "src" / "ads"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "shares.py").write_text("def net(bids):\n    return bids**2\n")
    text = POOL.partition("@aggregation_rule\ndef sharpened")[0]
    text = text.replace("weights = bids / xp.sum(bids)", "weights = net(bids) / xp.sum(net(bids))")
    head = "from ads.shares import net\nfrom .shares import net as same\nassert net is same\n"
    (package / "rules.py").write_text(head + text)
    table = '[tool.tokenauction]\ntargets = ["src/ads/rules.py"]\nproperties = ["neutral"]\n'
    (tmp_path / "pyproject.toml").write_text(table)
    done = command("gate", "--update", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "src/ads/rules.py::pool neutral: proved for all agents" in done.stdout
    helper = tmp_path / "lib"
    helper.mkdir()
    (helper / "elsewhere.py").write_text("def net(bids):\n    return bids\n")
    edit(
        tmp_path,
        ("from ads.shares import net\n", "from elsewhere import net\n"),
        ("assert net is same", ""),
        file="src/ads/rules.py",
    )
    assert command("gate", folder=tmp_path).returncode == 2
    edit(
        tmp_path,
        ("[tool.tokenauction]", '[tool.tokenauction]\npythonpath = ["lib"]'),
        file="pyproject.toml",
    )
    done = command("gate", folder=tmp_path)
    assert done.returncode == 1
    assert "STALE       src/ads/rules.py::pool has another fingerprint" in done.stdout


def test_an_installed_copy_of_the_project_is_refused(
    command: Command, project: Path, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path_factory.mktemp("installed")
    for folder in (installed / "adshop", project / "src" / "adshop"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "shares.py").write_text("def net(bids):\n    return bids\n")
    edit(
        project,
        ("from array_api_compat", "from adshop.shares import net\nfrom array_api_compat"),
        ("weights = bids / xp.sum(bids)", "weights = net(bids) / xp.sum(bids)"),
    )
    monkeypatch.setenv("PYTHONPATH", str(installed))
    done = command("gate", folder=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not from src/adshop/" in done.stderr
    assert 'pythonpath = ["src"]' in done.stderr
    edit(project, ("budget = 20", 'budget = 20\npythonpath = ["src"]'), file="pyproject.toml")
    assert command("gate", folder=project).returncode == 0


OWN = """
from tokenauction.theory import PROPERTIES, rule_property

mine = PROPERTIES["neutral"]

@rule_property
def at_most(rule, bids, dists):
    return (rule(bids, dists) <= 1).all()
"""


@pytest.mark.slow
def test_a_property_of_the_project_that_changes_is_seen(command: Command, project: Path) -> None:
    (project / "own.py").write_text(OWN)
    table = (project / "pyproject.toml").read_text()
    own = 'properties = ["own.py::mine", "own.py::at_most"]'
    (project / "pyproject.toml").write_text(
        table.replace('properties = ["distribution", "monotone"]', own)
    )
    assert command("gate", "--update", folder=project).returncode == 0
    assert gate(command, project)[0] == 0
    edit(project, ('PROPERTIES["neutral"]', 'PROPERTIES["anonymous"]'), file="own.py")
    edit(project, ("<= 1", "< 1"), file="own.py")
    status, made = gate(command, project)
    assert status == 1
    other = claim_of(made, "pool", "own.py::mine")
    assert (other["status"], other["change"]) == ("proved", "changed")
    assert "the property is written otherwise than it was" in other["problems"][0]
    worse = claim_of(made, "pool", "own.py::at_most")
    assert (worse["status"], worse["change"]) == ("refuted", "worse")
    assert command("gate", "--update", folder=project).returncode == 1
    status, made = gate(command, project)
    assert claim_of(made, "pool", "own.py::mine")["outcome"] == "pass"
    told = claim_of(made, "pool", "own.py::at_most")["problems"]
    assert told == ["it is required"]


def test_a_property_that_changes_while_it_is_decided_is_unknown(project: Path) -> None:
    (project / "own.py").write_text(OWN)
    request: VerifyRequest = {
        "do": "verify",
        "targets": ["rules.py::pool"],
        "properties": ["own.py::at_most", "own.py::mine"],
        "property_fingerprints": ["0" * 16, None],
        "folder": str(project),
        "agents": None,
        "tokens": None,
        "budget": 20,
        "seed": 0,
        "explain": False,
    }
    outcome = supervisor.verify(request, lambda _: None, lambda _: None)
    first, second = outcome.rows()
    assert (first["status"], second["status"]) == ("unknown", "proved")
    assert "the property is another" in first["reason"]


@pytest.mark.slow
def test_what_one_file_does_to_its_process_does_not_hide_a_change_of_another(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text('import os\nos.environ.setdefault("POWER", "1")\n' + POOL)
    (tmp_path / "b.py").write_text(
        "import os\n" + POOL.replace("bids / xp", 'bids ** int(os.environ.get("POWER", "1")) / xp')
    )
    (tmp_path / "pyproject.toml").write_text(
        '[tool.tokenauction]\nproperties = ["distribution"]\ntargets = ["a.py::pool", "b.py::pool"]'
    )
    assert command("gate", "--update", folder=tmp_path).returncode == 0
    edit(tmp_path, ('"POWER", "1")', '"POWER", "2")'), file="b.py")
    assert command("gate", folder=tmp_path).returncode == 1


def test_what_is_imported_does_not_depend_on_where_the_gate_is_run(
    command: Command, project: Path
) -> None:
    other = project / "other"
    other.mkdir()
    (project / "inner").mkdir()
    (project / "shares.py").write_text("def share(bids):\n    return bids\n")
    (other / "shares.py").write_text("def share(bids):\n    return 1 / (1 + bids)\n")
    text = POOL.replace("from array_api_compat", "from shares import share\nfrom array_api_compat")
    (project / "inner" / "more.py").write_text(text.replace("bids / xp", "share(bids) / xp"))
    table = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(table.replace("rules.py::pool", "inner/more.py::pool"))
    told = []
    for folder in (project, other):
        command("gate", "--update", "--config", str(project / "pyproject.toml"), folder=folder)
        told.append((project / "tokenauction.lock").read_text())
    assert told[0] == told[1]
    assert '["inner/more.py::pool".monotone]' in told[0]


def test_files_of_a_project_do_not_take_the_place_of_libraries(
    command: Command, project: Path
) -> None:
    for name in ("z3", "numpy", "random", "queue", "types", "lock", "report", "click"):
        (project / f"{name}.py").write_text("raise SystemExit('in the way')\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("tokenauction"), "gate", "--fresh"],
        capture_output=True,
        text=True,
        cwd=project,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_bytecode_of_an_older_text_is_not_believed(
    command: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    (project / "helper.py").write_text("def share(bids):\n    return bids**1\n")
    edit(
        project,
        ("from array_api_compat", "from helper import share\nfrom array_api_compat"),
        ("weights = bids / xp.sum(bids)", "weights = share(bids) / xp.sum(bids)"),
    )
    assert command("gate", "--update", folder=project).returncode == 0
    for name in ("rules", "helper"):
        py_compile.compile(str(project / f"{name}.py"))
    times = (project / "helper.py").stat()
    edit(project, ("bids**1", "bids**2"), file="helper.py")
    os.utime(project / "helper.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert command("gate", folder=project).returncode == 1


# What cannot be decided --------------------------------------------------------------------------

HANGS = ("    weights = bids", "    while True:\n        pass\n    weights = bids")
DIES = ("    weights = bids", "    import os\n    os._exit(0)\n    weights = bids")
RAISES = ("    weights = bids", "    raise ValueError('not today')\n    weights = bids")


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "status"), [(HANGS, 3), (DIES, 3), (RAISES, 2)])
def test_a_rule_that_cannot_be_decided_leaves_the_others_alone(
    command: Command, project: Path, broken: tuple[str, str], status: int
) -> None:
    edit(project, broken)
    edit(project, ("budget = 20", "budget = 2\ntimeout = 4"), file="pyproject.toml")
    found, made = gate(command, project)
    assert found == status
    for name in ("distribution", "monotone"):
        lost = claim_of(made, "pool", name)
        assert (lost["status"], lost["outcome"]) == ("unknown", "fail")
        assert lost["reason"]
    for name in ("neutral", "monotone"):
        assert claim_of(made, "sharpened", name)["outcome"] == "pass"
    before = (project / "tokenauction.lock").read_text()
    done = command("gate", "--update", folder=project)
    assert done.returncode == status
    kept = (project / "tokenauction.lock").read_text() == before
    assert kept == (status == 2) == ("the lock was not written" in done.stderr)


def test_a_file_that_does_not_load_leaves_the_others_alone(command: Command, project: Path) -> None:
    (project / "more.py").write_text("def broken(:\n")
    edit(project, ('"rules.py::pool",', '"rules.py::pool",\n    "more.py",'), file="pyproject.toml")
    status, made = gate(command, project)
    assert status == 2
    assert [one["outcome"] for one in made["claims"]] == ["pass"] * 4
    assert made["status"] == "closed"
    assert "more.py:1: SyntaxError" in made["unusable"][0]


def test_a_file_that_does_not_load_is_named(command: Command, project: Path) -> None:
    (project / "rules.py").write_text("def broken(:\n")
    done = command("gate", folder=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rules.py:1: SyntaxError" in done.stderr


def test_a_bad_key_is_named(command: Command, project: Path) -> None:
    edit(project, ("budget = 20", "bugdet = 20"), file="pyproject.toml")
    done = command("gate", folder=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "tool.tokenauction.bugdet: unknown key; did you mean budget?" in done.stderr


@pytest.mark.slow
def test_a_required_unknown_can_be_let_through_with_a_warning(
    command: Command, project: Path
) -> None:
    edit(
        project,
        ("weights = bids / xp.sum(bids)", "weights = xp.asarray(bids.tolist()) / xp.sum(bids)"),
    )
    edit(project, ("budget = 20", "budget = 1"), file="pyproject.toml")
    assert command("gate", "--update", folder=project).returncode == 3
    assert command("gate", folder=project).returncode == 3
    edit(project, ("budget = 1", 'budget = 1\nunknown = "warn"'), file="pyproject.toml")
    done = command("gate", folder=project)
    assert done.returncode == 0
    assert "WARN        unknown  rules.py::pool monotone" in done.stdout
    assert "gate open, 2 unknown" in done.stdout


# Several at once, interrupted --------------------------------------------------------------------


@pytest.mark.slow
def test_jobs_and_runs_side_by_side_say_the_same(command: Command, project: Path) -> None:
    edit(project, SHARPENED_POOL)
    cache = ("--cache", str(project / "shared"))
    runs = [
        subprocess.Popen(
            [*GATE, "--format", "json", *cache, "--jobs", jobs],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=project,
        )
        for jobs in ("1", "4")
    ]
    told = [run.communicate(timeout=100)[0] for run in runs]
    assert [run.returncode for run in runs] == [1, 1]
    first, second = (verdicts(json.loads(text)) for text in told)
    assert first == second
    assert verdicts(gate(command, project, *cache)[1]) == first


def verdicts(made: Mapping[str, Any]) -> Any:
    """What a report says of every claim, without how long it took and where it is from."""
    left_out = {"seconds", "source"}
    return [{k: v for k, v in one.items() if k not in left_out} for one in made["claims"]]


def test_an_interrupted_gate_tells_what_it_knows_and_keeps_the_lock(project: Path) -> None:
    edit(project, HANGS)
    edit(project, ("budget = 20", "budget = 60\ntimeout = 60"), file="pyproject.toml")
    before = (project / "tokenauction.lock").read_text()
    run = subprocess.Popen(
        [*GATE, "--update"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        env={**os.environ},
        start_new_session=True,
    )
    time.sleep(2.5)
    run.send_signal(signal.SIGINT)
    output, errors = run.communicate(timeout=20)
    assert run.returncode == 130
    assert "interrupted" in errors
    assert "gate open" not in output
    assert "gate closed: interrupted" in output
    assert (project / "tokenauction.lock").read_text() == before
