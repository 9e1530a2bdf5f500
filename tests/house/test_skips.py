"""Guards what is skipped: a check that is skipped where it must not be has failed."""

import pytest
from skips import MAY_SKIP, PACKAGES

TESTS = """\
import pytest

@pytest.mark.extra("llm")
def test_of_an_extra(fails):
    pass

@pytest.fixture
def fails():
    raise ModuleNotFoundError

@pytest.mark.skipif(True, reason="needs a GPU to run")
def test_of_a_device():
    pass

def test_that_gives_up():
    pytest.skip("no mood")

@pytest.mark.xfail(reason="known")
def test_that_is_known_to_fail():
    assert False
"""
FILE = """\
import pytest

pytest.importorskip("tokenauction_absent", reason="needs the extra llm")
"""
IMPORTING = """\
import wave

def test_of_the_package():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of tests that are skipped, of which the extra `llm` is not installed."""
    monkeypatch.setitem(PACKAGES, "llm", ("tokenauction_absent",))
    monkeypatch.delenv(MAY_SKIP, raising=False)
    pytester.makeconftest('pytest_plugins = ["skips"]')
    pytester.makeini("[pytest]\nmarkers =\n    extra: needs an extra\n")
    pytester.makepyfile(test_single=TESTS, test_whole=FILE)
    return pytester


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    """The suite, run in this process."""
    return suite.runpytest_inprocess("-rs", "-p", "no:cacheprovider", *options)


def test_what_needs_an_extra_is_skipped_with_its_name(suite: pytest.Pytester) -> None:
    result = run(suite)
    result.assert_outcomes(skipped=4, xfailed=1)
    result.stdout.fnmatch_lines_random(["*: needs the extra llm", "*: no mood"])


@pytest.mark.parametrize(
    ("allowed", "failed"),
    [
        ("needs the extra|needs a GPU|no mood", set()),
        ("needs the extra|needs a GPU", {"test_that_gives_up"}),
        ("needs a GPU", {"test_that_gives_up", "test_of_an_extra"}),
    ],
)
def test_a_skip_for_another_reason_fails(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, allowed: str, failed: set[str]
) -> None:
    monkeypatch.setenv(MAY_SKIP, allowed)
    result = run(suite, "test_single.py")
    kept = 3 - len(failed)
    counts = result.parseoutcomes()
    assert counts.get("failed", 0) + counts.get("errors", 0) == len(failed)
    assert (counts.get("skipped", 0), counts["xfailed"], result.ret) == (kept, 1, bool(failed))
    for name in failed:
        result.stdout.fnmatch_lines([f"*{name} must not be skipped here: n*"])


def test_a_file_that_is_skipped_fails_too(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(suite, "test_whole.py").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    monkeypatch.setenv(MAY_SKIP, "needs a GPU")
    result = run(suite, "test_whole.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_whole.py must not be skipped here: needs the extra llm"])


def test_a_file_that_imports_a_package_of_an_extra_is_marked(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGES, "plots", ("wave",))
    suite.makepyfile(test_importing=IMPORTING)
    run(suite, "-m", "extra", "test_importing.py").assert_outcomes(passed=1)
    run(suite, "-m", "extra", "test_single.py").assert_outcomes(skipped=1, deselected=3)
