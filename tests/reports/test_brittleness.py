"""Guards the brittleness report: what is stable, what is not and why, and how the command ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tokenauction.proofs.reports import brittleness
from tokenauction.proofs.results import report

Command = Callable[..., Any]
Row = dict[str, Any]

ALL = {"agents": "all", "tokens": "all"}
SMALL = {"agents": [1, 2], "tokens": [1, 2]}


def row(status: str = "proved", steps: int = 20_000, **fields: Any) -> Row:
    """A result as `verify` reports it."""
    spent = {"solver_steps": steps, "queries": 9, "limit_share": 0.1, "out_of_time": 0}
    given: Row = {"rule": "r", "file": "f.py", "line": 1, "property": "p", "method": "m"}
    return {**given, "status": status, "scope": ALL, "reason": "", "resources": spent, **fields}


def judged(*rows: Row) -> Row:
    """What is said of one claim, by its results under seed 0, 1 and so on."""
    found = brittleness.brittleness({k: [one] for k, one in enumerate(rows)}, {"budget": 60.0})
    jsonschema.validate(found, report.schema("brittleness"))
    (claim,) = found["results"]
    assert (brittleness.exit_status(found) == 0) == (claim["status"] == "stable")
    said = brittleness.text(found)
    assert said.startswith(claim["status"])
    assert all(reason in said for reason in claim["reasons"])
    return dict(claim)


def spent(**fields: Any) -> Row:
    """The resources of a result, with some of them changed."""
    return {"resources": {**row()["resources"], **fields}}


STABLE: dict[str, list[Row]] = {
    "the same": [row(), row()],
    "a little dearer": [row(steps=20_000), row(steps=150_000)],
    "next to nothing, ten times over": [row(steps=1), row(steps=90_000)],
    "refuted at other sizes": [row("refuted", scope=ALL), row("refuted", scope=SMALL)],
    "unknown at the limit": [row("unknown", **spent(limit_share=1.0))] * 2,
}
BRITTLE: dict[str, tuple[list[Row], str]] = {
    "verdict": ([row(), row("unknown"), row()], "proved 2 of 3, unknown 1 of 3"),
    "scope": ([row(), row(scope=SMALL)], "1 to 2 agents, 1 to 2 tokens; all agents, all tokens"),
    "cost": ([row(steps=20_000), row(steps=200_001)], "between 20000 and 200001 steps"),
    "close to a limit": ([row(), row(**spent(limit_share=0.51))], "51% of a limit"),
    "a clock": ([row("unknown"), row("unknown", **spent(out_of_time=1))], "on the clock"),
    "stopped": ([row("unknown", resources=None)] * 2, "stopped before a verdict in 2 of 2 runs"),
}


@pytest.mark.parametrize("case", STABLE)
def test_stable(case: str) -> None:
    found = judged(*STABLE[case])
    assert (found["status"], found["reasons"]) == ("stable", [])


@pytest.mark.parametrize("case", BRITTLE)
def test_brittle(case: str) -> None:
    rows, reason = BRITTLE[case]
    found = judged(*rows)
    assert found["status"] == "brittle"
    assert len(found["reasons"]) == 1
    assert reason in found["reasons"][0]


def test_the_steps_are_told() -> None:
    found = judged(row(steps=40), row(steps=10), row(steps=20))
    assert found["steps"] == {"least": 10, "median": 20, "most": 40, "ratio": 4.0}
    assert judged(row(steps=0), row(steps=0))["steps"]["ratio"] == 1.0
    assert judged(row(resources=None), row(resources=None))["steps"] is None


@pytest.mark.parametrize("scope", [ALL, SMALL], ids=["every size", "its size"])
def test_a_proof_and_a_counterexample_contradict_one_another(scope: Row) -> None:
    at_two = {"agents": [2], "tokens": [2]}
    found = judged(row(scope=scope), row("refuted", scope=at_two, reason="0 > 1"))
    assert found["status"] == "contradiction"
    assert found["reasons"][0].startswith("INTERNAL ERROR: proved under one seed and refuted under")
    assert "0 > 1" in found["reasons"][0]


def test_a_counterexample_beyond_a_proof_is_none_to_it() -> None:
    at_five = {"agents": [5], "tokens": [2]}
    assert judged(row(scope=SMALL), row("refuted", scope=at_five))["status"] == "brittle"


# The command -------------------------------------------------------------------------------------

HANGS_ON_THE_SEED = """\
import z3
from tokenauction.mechanisms import aggregation_rule
from tokenauction.proofs.core.proving.account import Account

check = Account.check
Account.check = lambda account, *rest: z3.unknown if account.seed else check(account, *rest)


@aggregation_rule
def mine(bids, dists):
    return bids @ dists / bids.sum()
"""


def test_a_stable_claim_is_zero(command: Command) -> None:
    done = command("brittleness", "linear", "--property", "monotone", "--seeds", "2")
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("stable   linear monotone  proved 2 of 2  [solver steps: least ")
    assert last == "1 stable, 0 brittle"


def test_a_verdict_that_hangs_on_the_seed_is_one(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HANGS_ON_THE_SEED, "utf-8")
    asked = ["brittleness", "mine.py", "--property", "monotone", "--seeds", "2", "--budget", "2"]
    done = command(*asked, "--format", "json", "--output", "b.json", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    made = json.loads((tmp_path / "b.json").read_text("utf-8"))
    jsonschema.validate(made, report.schema("brittleness"))
    assert made["options"] == {"agents": None, "tokens": None, "budget": 2.0, "seeds": 2}
    (found,) = made["results"]
    assert (found["rule"], found["status"]) == ("mine", "brittle")
    first, second = found["verdicts"]
    assert (first["status"], first["scope"]["agents"]) == ("proved", "all")
    assert second["scope"] != first["scope"]


@pytest.mark.parametrize(
    "arguments",
    [["linear", "--seeds", "1"], ["nonsense"], ["linear", "--property", "nonsense"], []],
    ids=" ".join,
)
def test_wrong_usage_is_two(command: Command, arguments: list[str]) -> None:
    done = command("brittleness", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_rule_that_does_not_run_is_two(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    head = "from tokenauction.mechanisms import aggregation_rule\n\n\n@aggregation_rule\n"
    path.write_text(f"{head}def mine(bids, dists):\n    return 1 / 0\n", "utf-8")
    done = command("brittleness", str(path), "--property", "neutral")
    assert (done.returncode, done.stdout) == (2, "")
    assert "ZeroDivisionError" in done.stderr
