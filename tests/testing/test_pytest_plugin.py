"""Guards the pytest plugin: what is collected, how a failure reads, and what it must not load."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# What runs inside this process imports these: pytest forgets modules that such a run imports first.
import tokenauction.proofs.deciding.decision
import tokenauction.proofs.testing.collection  # noqa: F401

Folder = Callable[[str], pytest.Pytester]

RULES = """
from tokenauction.mechanisms import Mechanism, aggregation_rule, linear, pay_your_bid


@aggregation_rule
def shares(bids, dists):
    return bids @ dists / bids.sum()


@aggregation_rule
def contrary(bids, dists):
    weights = 1 / (1 + bids)
    return weights @ dists / weights.sum()


auction = Mechanism(linear, pay_your_bid)
"""
COUNTEREXAMPLE = [
    "rules.py:10: contrary monotone: refuted",
    "A raised bid moves the aggregate towards its agent. For every token,*",
    "`preferred` and `worse`.",
    "",
    " * bid     token 0  token 1",
    "agent 0 prefers            1 -> 2  *",
    "agent 1 prefers            1       *",
    "aggregate                          1/2      1/2",
    "aggregate after the raise  *",
    "",
    "Agent 0 raised its bid from 1 to 2, with agent 1 bidding 1: token 0 moved from 1/2 to*",
]


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Folder:
    """A folder with rules, and a configuration of them."""

    def make(configuration: str = "") -> pytest.Pytester:
        pytester.makepyprojecttoml(configuration)
        pytester.path.joinpath("rules.py").write_text(RULES, "utf-8")
        return pytester

    return make


CONFIGURED = """
[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "--strict-markers --strict-config"
filterwarnings = ["error"]

[tool.tokenauction]
targets = [
    {target = "rules.py", properties = ["monotone", "neutral"]},
    {target = "rules.py::contrary", properties = ["monotone"], budget = 5},
    "linear+pay-your-bid",
]
properties = ["no-bid-no-payment"]
"""


def collected(found: pytest.RunResult) -> list[str]:
    return [line for line in found.outlines if "::" in line]


def test_a_file_that_is_named_is_collected(folder: Folder) -> None:
    found = folder("").runpytest_inprocess("--collect-only", "-q", "rules.py::contrary")
    names = ("distribution", "anonymous", "neutral", "unanimous", "monotone")
    assert collected(found) == [f"rules.py::contrary::{name}" for name in names]
    assert found.ret == 0


def test_a_folder_without_configuration_collects_no_rules(folder: Folder) -> None:
    found = folder("").runpytest_inprocess("--collect-only", "-q", ".")
    assert not collected(found)


def test_configured_targets_are_collected_with_their_folder(folder: Folder) -> None:
    found = folder(CONFIGURED).runpytest_inprocess("--collect-only", "-q", ".")
    assert collected(found) == [
        "pyproject.toml::linear+pay-your-bid::no-bid-no-payment",
        "rules.py::auction::monotone",
        "rules.py::auction::neutral",
        "rules.py::shares::monotone",
        "rules.py::shares::neutral",
        "rules.py::contrary::monotone",
    ]


def test_the_option_adds_what_is_configured_once(folder: Folder) -> None:
    place = folder(CONFIGURED)
    place.mkdir("tests").joinpath("test_one.py").write_text("def test_one(): pass\n", "utf-8")
    assert collected(place.runpytest_inprocess("--collect-only", "-q")) == [
        "tests/test_one.py::test_one"
    ]
    for arguments in ((), (".",), ("rules.py", "tests")):
        found = place.runpytest_inprocess("--collect-only", "-q", "--tokenauction", *arguments)
        assert len(collected(found)) == len(set(collected(found))), arguments
        assert len(collected(found)) == 7, arguments


def test_the_option_leaves_nothing_out_where_one_item_is_named(folder: Folder) -> None:
    place = folder(CONFIGURED)
    named = "rules.py::shares::monotone"
    found = collected(place.runpytest_inprocess("--collect-only", "-q", "--tokenauction", named))
    assert found.count(named) == 1
    assert sorted(found) == sorted(
        collected(place.runpytest_inprocess("--collect-only", "-q", "."))
    )


def test_a_table_that_cannot_be_read_ends_no_other_test(folder: Folder) -> None:
    place = folder(CONFIGURED.replace("budget", "bugdet"))
    place.path.joinpath("test_other.py").write_text("def test_other(): pass\n", "utf-8")
    found = place.runpytest_inprocess("-q", ".", "--continue-on-collection-errors")
    found.assert_outcomes(passed=1, errors=2)
    found.stdout.fnmatch_lines(["*did you mean budget?*"])


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ("", "ERROR: --tokenauction: no pyproject.toml in *"),
        ("[tool.tokenauction]\ntargets = []", "ERROR: --tokenauction: tool.tokenauction.targets:*"),
    ],
)
def test_the_option_without_a_configuration(folder: Folder, configuration: str, said: str) -> None:
    found = folder(configuration).runpytest_inprocess("--tokenauction", "-p", "no:cacheprovider")
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([said])


def test_a_file_that_does_not_load_is_a_collection_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(broken="from tokenauction.mechanisms import aggregation_rule\n1 / 0\n")
    found = pytester.runpytest_inprocess("broken.py")
    found.stdout.fnmatch_lines(["*broken.py:2: ZeroDivisionError: division by zero"])
    found.assert_outcomes(errors=1)


def test_a_file_of_helpers_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        helpers="""
        from tokenauction.mechanisms import aggregation_rule

        def test_helper():
            assert aggregation_rule
        """
    )
    pytester.runpytest_inprocess("helpers.py").assert_outcomes(passed=1)


def test_a_failing_item_shows_the_counterexample(folder: Folder) -> None:
    found = folder("").runpytest_inprocess("-rA", "rules.py::contrary", "--junitxml=out.xml")
    found.stdout.fnmatch_lines(COUNTEREXAMPLE, consecutive=True)
    found.stdout.fnmatch_lines(
        ["FAILED rules.py::contrary::monotone - refuted: Agent 0 raised its bid*"]
    )
    found.stdout.fnmatch_lines(["proved for all agents, all tokens, by *"])
    found.stdout.no_fnmatch_line("*Traceback*")
    found.assert_outcomes(passed=4, failed=1)
    written = Path("out.xml").read_text("utf-8")
    assert 'message="refuted: Agent 0 raised' in written
    assert '<property name="scope" value="all agents, all tokens" />' in written


def test_selection_and_the_marker(folder: Folder) -> None:
    place = folder(CONFIGURED)
    place.makepyfile(test_plain="def test_plain(): pass")
    arguments = (".", "--tokenauction", "-m", "tokenauction", "-k", "shares and monotone")
    place.runpytest_inprocess(*arguments).assert_outcomes(passed=1, deselected=6)
    place.runpytest_inprocess("rules.py::shares::neutral").assert_outcomes(passed=1)


@pytest.mark.slow
def test_what_is_not_a_pass(pytester: pytest.Pytester) -> None:
    """A rule that hangs, one that ends its process, one that raises, one proved for few sizes."""
    pytester.makepyfile(
        rules="""
        import os

        from tokenauction.mechanisms import aggregation_rule


        @aggregation_rule
        def hangs(bids, dists):
            while True:
                pass


        @aggregation_rule
        def ends(bids, dists):
            os._exit(0)


        @aggregation_rule
        def raises(bids, dists):
            return nowhere


        @aggregation_rule
        def few(bids, dists):
            assert bids.shape[0] <= 3
            return bids @ dists / bids.sum()


        enough = few
        """
    )
    pytester.makepyprojecttoml(
        """
        [tool.tokenauction]
        properties = ["neutral"]
        targets = [
            {target = "rules.py", budget = 1},
            {target = "rules.py::raises", unknown = "warn"},
            {target = "rules.py::few", budget = 60},
            {target = "rules.py::enough", scope = {agents = 2, tokens = 2}},
        ]
        """
    )
    found = pytester.runpytest_inprocess("--tokenauction", "-rxf")
    found.assert_outcomes(failed=3, xfailed=1, passed=1)
    found.stdout.fnmatch_lines(
        [
            "FAILED *::ends::neutral - unknown: the process that decided it ended*",
            "FAILED *::hangs::neutral - unknown: stopped after 1 seconds*",
            "FAILED *::few::neutral - proved for 1 to 3 agents, 1 to 3 tokens only,*",
        ],
    )
    found.stdout.fnmatch_lines(["XFAIL rules.py::raises::neutral - unknown: *nowhere*"])


FIXTURE = """
import pytest
from tokenauction.mechanisms import aggregation_rule, linear, pay_your_bid
from tokenauction.theory import total_variation


@aggregation_rule
def contrary(bids, dists):
    weights = 1 / (1 + bids)
    return weights @ dists / weights.sum()


@aggregation_rule
def few(bids, dists):
    assert bids.shape[0] <= 3
    return bids @ dists / bids.sum()


def test_proved(assert_proved):
    assert_proved(linear, "no_bid_no_influence")
    assert_proved(linear, total_variation)


def test_refuted(assert_proved):
    assert_proved(contrary, "monotone")


@pytest.mark.tokenauction(budget=5, seed=2)
def test_scope(assert_proved):
    assert_proved(few, "neutral", scope=(2, 2))


def test_smaller_scope(assert_proved):
    assert_proved(few, "neutral")


def test_unknown_name(assert_proved):
    assert_proved(linear, "monoton")


def test_of_mechanisms(assert_proved):
    assert_proved(linear, "critical-bid")


@pytest.mark.tokenauction(budgets=5)
def test_marker(assert_proved):
    pass
"""


@pytest.mark.slow
def test_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_fixture=FIXTURE)
    found = pytester.runpytest_inprocess("--strict-markers", "-v", "-W", "error")
    found.assert_outcomes(passed=2, failed=4, errors=1)
    found.stdout.fnmatch_lines(["*::test_proved PASSED*", "*::test_scope PASSED*"])
    found.stdout.fnmatch_lines(
        ["test_fixture.py:*: contrary monotone: refuted", *COUNTEREXAMPLE[1:]], consecutive=True
    )
    found.stdout.fnmatch_lines(
        [
            "*few neutral: proved for 1 to 3 agents, 1 to 3 tokens only, and required for all*",
            "unknown property 'monoton'; did you mean monotone?*",
            "critical-bid is a property of mechanisms*",
        ]
    )
    found.stdout.fnmatch_lines(["*the marker is @pytest.mark.tokenauction(budget=60, seed=0)"])
    found.stdout.no_fnmatch_line("During handling of *")


@pytest.mark.slow
def test_workers_and_strictness(folder: Folder) -> None:
    place = folder(CONFIGURED)
    for workers, dist in (("4", "load"), ("2", "loadgroup")):
        found = place.runpytest_subprocess(
            *("--tokenauction", "-n", workers, "--dist", dist, "-p", "no:cacheprovider", "rules.py")
        )
        found.assert_outcomes(passed=5, failed=1)
        found.stdout.fnmatch_lines(COUNTEREXAMPLE[:1])


def test_a_run_without_a_terminal_or_the_plugin(folder: Folder) -> None:
    place = folder(CONFIGURED)
    found = place.runpytest_subprocess("rules.py::contrary", "-p", "no:terminal")
    assert found.ret == pytest.ExitCode.TESTS_FAILED
    found = place.runpytest_subprocess("rules.py", "-p", "no:tokenauction")
    assert found.ret == pytest.ExitCode.NO_TESTS_COLLECTED


HEAVY = {"z3", "sympy", "flint", "scipy", "torch"}


@pytest.mark.parametrize(
    ("file", "text", "absent"),
    [
        ("test_plain", "", {*HEAVY, "numpy", "hypothesis", "array_api_compat"}),
        ("rules", RULES, HEAVY),
    ],
)
def test_what_a_run_loads(
    pytester: pytest.Pytester, file: str, text: str, absent: set[str]
) -> None:
    """A run without rules loads next to nothing; one with rules decides them elsewhere."""
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}))
        """
    )
    pytester.makepyfile(**{file: text + "\n\ndef test_nothing():\n    pass\n"})
    found = pytester.run(
        *(sys.executable, "-m", "pytest", f"{file}.py", "-s", "-p", "no:hypothesispytest"),
        *("-k", "test_nothing or shares and neutral"),
    )
    loaded = next(line for line in found.outlines if line.startswith("LOADED")).split()
    assert "tokenauction" in loaded
    assert not absent & set(loaded)


def test_the_examples_of_the_docs_run() -> None:
    """The property tests of docs/testing.md."""
    text = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
    [code] = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "@given" in one]
    module: dict[str, Any] = {}
    exec(code, module)
    for name in ("test_shares_add_up", "test_a_raise_moves_little"):
        module[name]()
