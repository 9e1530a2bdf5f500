"""The Hypothesis profile of the whole suite, and a way to run the command as a user does."""

import subprocess
from collections.abc import Callable, Iterator

import forked
import pytest
from hypothesis import HealthCheck, settings

from tokenauction.proofs.processes import child_process

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


@pytest.fixture(scope="session")
def command() -> Callable[..., Completed]:
    """The command line, as a function of its arguments."""
    return forked.run_command


@pytest.fixture(autouse=True, scope="module")
def how_processes_begin(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the command and its workers be forked, but in files that are marked `started`."""
    with pytest.MonkeyPatch.context() as patch:
        if not forked.NEVER and not request.node.get_closest_marker("started"):
            patch.setattr(child_process, "start", lambda: forked.worker(forked.server().address))
        yield
