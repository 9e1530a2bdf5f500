"""The Hypothesis profile of the whole suite, and a way to run the command as a user does."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "skips"]

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("quick")

Completed = subprocess.CompletedProcess[str]


def run_command(*arguments: str, folder: Path | None = None) -> Completed:
    """Run `tokenauction` with its output captured."""
    return subprocess.run(
        [sys.executable, "-m", "tokenauction.proofs.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=folder,
        env={**os.environ, "COLUMNS": "100"},
        check=False,
    )


@pytest.fixture(scope="session")
def command() -> Callable[..., Completed]:
    """The command line, as a function of its arguments."""
    return run_command
