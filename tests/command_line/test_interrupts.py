"""Guards Ctrl-C: every command ends at once, with what was decided and the right counts.

A rule that never returns and a claim that takes minutes stand for long work; the wait is only there
so that a command that does not end fails the test instead of hanging it.
"""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENDS_WITHIN = 15.0
RULES = """
from pathlib import Path
from array_api_compat import array_namespace
from tokenauction.mechanisms import Mechanism, aggregation_rule, linear, payment_rule


@aggregation_rule
def pool(bids, dists):
    xp = array_namespace(bids, dists)
    return xp.matmul(bids, dists) / xp.sum(bids)


@aggregation_rule
def stuck(bids, dists):
    Path("begun").touch()
    while True:
        pass
"""
TABLE = """
[tool.tokenauction]
properties = ["neutral"]
targets = ["rules.py::pool", "rules.py::stuck"]
"""
COMMANDS = {
    "verify": ["verify", "rules.py", "--property", "neutral"],
    "verify in processes": ["verify", "rules.py", "--property", "neutral", "--jobs", "2"],
    "compare": ["compare", "rules.py::stuck", "linear"],
    "gate": ["gate", "--update", "--jobs", "2"],
    "brittleness": ["brittleness", "rules.py::stuck", "--property", "neutral"],
}


def interrupted(
    folder: Path, arguments: list[str], terminal: bool, begun: str = "begun", count: int = 1
) -> tuple[int, str]:
    """The exit status and the output of a command that is interrupted when its work has begun."""
    command = [sys.executable, "-m", "tokenauction.proofs.cli", *arguments]
    reader, writer = pty.openpty() if terminal else os.pipe()
    run = subprocess.Popen(
        command, cwd=folder, stdout=writer, stderr=writer, start_new_session=True, text=True
    )
    os.close(writer)
    try:
        until = time.monotonic() + 60
        while not (folder / begun).exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        for _ in range(count):
            os.killpg(run.pid, signal.SIGINT)
        run.wait(ENDS_WITHIN)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    said = b""
    try:
        while part := os.read(reader, 65536):
            said += part
    except OSError:  # the other end of a terminal is closed
        pass
    os.close(reader)
    return run.returncode, said.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a rule that is decided at once, and one that never is."""
    (tmp_path / "rules.py").write_text(RULES, "utf-8")
    (tmp_path / "pyproject.toml").write_text(TABLE, "utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends(folder: Path, name: str, terminal: bool) -> None:
    status, said = interrupted(folder, COMMANDS[name], terminal)
    assert status == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said


def test_what_was_decided_is_told_and_counted(folder: Path) -> None:
    output = folder / "report.json"
    arguments = ["verify", "rules.py", "--property", "neutral", "--format", "text"]
    status, said = interrupted(folder, [*arguments, "--format", f"json={output}"], False)
    assert status == 130
    assert "1 proved, 0 refuted, 1 unknown" in said
    results = json.loads(output.read_text("utf-8"))["results"]
    assert [one["status"] for one in results] == ["proved", "unknown"]
    assert results[1]["reason"] == "interrupted before it was decided"


@pytest.mark.slow
def test_an_interrupted_gate_counts_what_it_decided(folder: Path) -> None:
    status, said = interrupted(folder, [*COMMANDS["gate"]], False)
    assert status == 130
    assert not (folder / "tokenauction.lock").exists()
    assert "gate closed: interrupted" in said


@pytest.mark.slow
def test_the_second_interrupt_ends_it_without_a_word(folder: Path) -> None:
    status, said = interrupted(folder, COMMANDS["gate"], False, count=3)
    assert status == 130
    assert "Traceback" not in said


@pytest.mark.slow
def test_theorems_that_were_proved_are_told(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "tokenauction.proofs.cli", "theorems"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    first = run.stdout.readline()
    run.send_signal(signal.SIGINT)
    rest, errors = run.communicate(timeout=ENDS_WITHIN)
    assert run.returncode == 130
    proved = [line for line in (first + rest).splitlines() if line.startswith("proved")]
    assert f"{len(proved)} proved, 0 failed" in rest
    assert "theorems were not tried" in errors
