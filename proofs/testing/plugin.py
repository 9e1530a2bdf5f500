"""The pytest plugin: rules under test as items, and the fixture `assert_proved`.

It is active in every run of pytest where the package is installed, so nothing is imported here but
pytest and the standard library; the rest comes when a rule is collected or a test asks for a proof.
`-p no:tokenauction` turns it off.
"""

import tomllib
from collections.abc import Callable, Generator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tokenauction.proofs.testing.collection import Rules

MARKER = (
    "tokenauction(budget=60, seed=0): a property of a rule that is verified; on a test of one's "
    "own, what its assert_proved may spend, in seconds, and the seed of the search."
)

_WORDS = ("aggregation_rule", "linear_pool", "logarithmic_pool", "Mechanism")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Few options: what is checked is configured in pyproject.toml."""
    group = parser.getgroup("tokenauction", "token auctions")
    group.addoption(
        "--tokenauction",
        action="store_true",
        help="verify every target in [tool.tokenauction] of pyproject.toml, wherever pytest looks",
    )
    group.addoption(
        "--tokenauction-budget",
        type=float,
        metavar="SECONDS",
        help="what one property may take, instead of what is configured",
    )
    group.addoption(
        "--tokenauction-seed",
        type=int,
        metavar="N",
        help="the seed of the search, instead of what is configured",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and what collects rules."""
    config.addinivalue_line("markers", MARKER)
    config.pluginmanager.register(_Plugin(config), "tokenauction-rules")


class _Plugin:
    """The hooks of one run. Until a file may have rules under test, nothing else is loaded."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._rules: Rules | None = None

    @cached_property
    def _pyproject(self) -> tuple[Path, str] | None:
        return _pyproject(self._config.rootpath)

    @property
    def rules(self) -> "Rules":
        """What is known of the rules under test in this run."""
        if self._rules is None:
            from tokenauction.proofs.testing.collection import Rules

            self._rules = Rules(self._config, self._pyproject)
        return self._rules

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Collect the rules of a file that is configured, or named on the command line."""
        collectors = yield
        named = parent.session.isinitpath(file_path) and self._may_have_rules(file_path)
        if named or self._may_be_configured(file_path):
            return self.rules.collectors(file_path, parent, named, collectors)
        return collectors

    def _may_have_rules(self, file_path: Path) -> bool:
        """Whether a file that is no file of tests says that it has rules."""
        patterns = self._config.getini("python_files")
        if file_path.suffix != ".py" or any(file_path.match(pattern) for pattern in patterns):
            return False
        text = _text(file_path)
        return "tokenauction" in text and any(word in text for word in _WORDS)

    def _may_be_configured(self, file_path: Path) -> bool:
        """Whether the configuration has the name of a file in it; then it is read."""
        if self._pyproject is None:
            return False
        place, text = self._pyproject
        return file_path == place or (file_path.suffix == ".py" and file_path.name in text)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Add every configured target where the user asks for that."""
        if self._config.getoption("--tokenauction"):
            self.rules.add_configured(session, items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take down what is selected: the properties of a rule are decided together."""
        if self._rules is not None:
            self._rules.select(session.items)


def _pyproject(folder: Path) -> tuple[Path, str] | None:
    """The nearest pyproject.toml with a table `[tool.tokenauction]`, and its text."""
    for place in (folder, *folder.parents):
        candidate = place / "pyproject.toml"
        text = _text(candidate)
        if "tokenauction" in text and "tokenauction" in _tools(text):
            return candidate, text
    return None


def _tools(text: str) -> dict[str, Any]:
    """The table `tool` of a pyproject.toml; empty where it cannot be read."""
    try:
        tools: dict[str, Any] = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return {}
    return tools


def _text(file_path: Path) -> str:
    try:
        return file_path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


@pytest.fixture
def assert_proved(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Assert that a property of a rule is proved: `assert_proved(rule, "monotone")`.

    The rule may be any aggregation rule or mechanism, the property a name, a property or a
    preference order. `scope="all"` demands a proof for every number of agents and tokens,
    `scope=(3, 3)` one for up to three of each. The marker `tokenauction` sets budget and seed.
    """
    from tokenauction.proofs.testing.proved import assert_proved as check

    marker = request.node.get_closest_marker("tokenauction")
    given = {} if marker is None else marker.kwargs
    if marker is not None and (marker.args or not {"budget", "seed"} >= set(given)):
        raise pytest.UsageError(f"the marker is @pytest.mark.{MARKER.partition(':')[0]}")
    return partial(check, **given)
