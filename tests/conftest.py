"""The Hypothesis profile of the whole suite: few examples, the same ones in every run."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("quick")


def pytest_configure(config: pytest.Config) -> None:
    """Name the one marker that the tests use."""
    config.addinivalue_line("markers", "slow: takes more than five seconds")
