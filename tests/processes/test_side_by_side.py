"""Guards `verify --jobs`: several workers say what one says, and fail alone."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.proofs.processes.side_by_side import parts_of

pytestmark = pytest.mark.started

Command = Callable[..., subprocess.CompletedProcess[str]]

RULES = """
import os, time
from array_api_compat import array_namespace
from tokenauction.mechanisms import aggregation_rule


def pool(bids, dists):
    xp = array_namespace(bids, dists)
    return xp.matmul(bids, dists) / xp.sum(bids)


@aggregation_rule
def sound(bids, dists):
    return pool(bids, dists)


@aggregation_rule
def squared(bids, dists):
    return pool(bids, dists**2)


@aggregation_rule
def dies(bids, dists):
    os._exit(0)


@aggregation_rule
def raises(bids, dists):
    raise ValueError("not today")


@aggregation_rule
def sleeps(bids, dists):
    time.sleep(600)
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A file of rules, two of which can be decided."""
    file = tmp_path / "rules.py"
    file.write_text(RULES)
    return file


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(1, 9))
def test_parts_are_of_one_rule_each_and_together_everything(rules: list[str], jobs: int) -> None:
    rules = sorted(rules)
    parts = parts_of(rules, jobs)
    assert sorted(number for part in parts for number in part) == list(range(len(rules)))
    assert all(len({rules[number] for number in part}) == 1 for part in parts)
    assert len(parts) >= min(jobs, len(rules)) or len(parts) >= len(set(rules))


@pytest.mark.slow
def test_several_workers_say_what_one_says(command: Command, rules: Path) -> None:
    wanted = [f"{rules}::{name}" for name in ("sound", "squared", "dies", "raises")]
    reports = []
    for jobs in ("1", "3"):
        done = command("verify", *wanted, "--format", "json", "--jobs", jobs, "--budget", "20")
        assert done.returncode == 2
        assert "raises ValueError" in done.stderr
        reports.append(json.loads(done.stdout)["results"])
    for result in (*reports[0], *reports[1]):
        del result["seconds"]
    assert reports[0] == reports[1]
    statuses: dict[str, set[str]] = {result["rule"]: set() for result in reports[0]}
    for result in reports[0]:
        statuses[result["rule"]].add(result["status"])
    assert statuses == {
        "sound": {"proved"},
        "squared": {"proved", "refuted"},
        "dies": {"unknown"},
        "raises": {"unknown"},
    }


def test_a_file_that_does_not_load_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text("import nothing_of_that_name\n")
    done = command("verify", "rules.py", "--jobs", "2", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rules.py:1: ModuleNotFoundError" in done.stderr


def test_an_interrupt_keeps_what_was_decided(rules: Path) -> None:
    wanted: list[Any] = [f"{rules}::sound", f"{rules}::sleeps"]
    run = subprocess.Popen(
        [sys.executable, "-m", "tokenauction.proofs.cli", "verify", *wanted, "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert "sound" in run.stdout.readline()
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    output, errors = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "interrupted" in errors
    assert "unknown  sleeps monotone" in output
