"""Guards checks on other machines: a Dask cluster, one of whose workers is killed in mid-run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed", reason="needs the extra dask")
Client, LocalCluster = distributed.Client, distributed.LocalCluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]

HELPER = """
from array_api_compat import array_namespace


def mixed(weights, dists):
    xp = array_namespace(weights, dists)
    return xp.matmul(weights, dists) / xp.sum(weights)
"""
RULES = """
from helper import mixed
from tokenauction.mechanisms import aggregation_rule


@aggregation_rule
def pool(bids, dists):
    return mixed(bids, dists)


@aggregation_rule
def squared(bids, dists):
    return mixed(bids**2, dists**2)
"""
TABLE = """
[tool.tokenauction]
properties = ["distribution", "monotone", "neutral", "anonymous"]
targets = ["rules.py", "log-linear"]
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers in processes of their own, in a folder that has none of the project's files."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose rules need a second file."""
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "rules.py").write_text(RULES)
    (tmp_path / "pyproject.toml").write_text(TABLE)
    return tmp_path


def gate(project: Path, *options: str) -> subprocess.Popen[str]:
    """The gate, started, with a cache of its own and a lock that is made."""
    command = [sys.executable, "-m", "tokenauction.proofs.cli", "gate", "--update", "--fresh"]
    return subprocess.Popen(
        [*command, "--format", "json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
    )


def verdicts(run: subprocess.Popen[str]) -> tuple[int, list[Any]]:
    """How a gate ended, and what it says of every claim."""
    output, errors = run.communicate(timeout=100)
    assert output, errors
    left_out = {"seconds", "source"}
    claims = json.loads(output)["claims"]
    return run.returncode, [{k: v for k, v in c.items() if k not in left_out} for c in claims]


def address(cluster: Any) -> str:
    """The address of a cluster as a user gives it."""
    return str(cluster.scheduler_address).replace("tcp://", "dask://")


def kill_a_busy_worker(cluster: Any) -> int:
    """End a worker process while it decides something; its number."""
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            if busy:
                pids = client.run(os.getpid, workers=busy[:1])
                os.kill(pids[busy[0]], signal.SIGKILL)
                return int(pids[busy[0]])
            time.sleep(0.05)
    raise AssertionError("no worker was ever busy")


def test_a_cluster_says_what_this_machine_says_though_a_worker_is_killed(
    cluster: Any, project: Path
) -> None:
    here = verdicts(gate(project))
    lock = (project / "tokenauction.lock").read_text()
    (project / "tokenauction.lock").unlink()
    run = gate(project, "--executor", address(cluster))
    killed = kill_a_busy_worker(cluster)
    there = verdicts(run)
    assert here[0] == there[0] == 1
    assert here[1] == there[1]
    assert (project / "tokenauction.lock").read_text() == lock
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        assert killed not in client.run(os.getpid).values()


def test_a_cluster_that_does_not_answer_is_named(project: Path) -> None:
    run = gate(project, "--executor", "dask://127.0.0.1:9")
    output, errors = run.communicate(timeout=100)
    assert (run.returncode, output) == (2, "")
    assert "dask://127.0.0.1:9: no scheduler answers there" in errors
