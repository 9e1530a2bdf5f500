"""Which tests are skipped: those of an extra that is not installed, and where asked no others.

`@pytest.mark.extra("llm")` is for what needs an extra of the package; a file that imports a package
of one at its top, or a helper that does, need not say so. Where the variable MAY_SKIP is set, to a
regular expression, a test that is skipped for a reason in which that is not found has failed.
"""

import os
import re
import sys
from collections.abc import Generator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

MAY_SKIP = "TOKENAUCTION_MAY_SKIP"
PACKAGES = {"llm": ("torch", "transformers"), "plots": ("matplotlib",), "dask": ("distributed",)}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests of a file that has a package of an extra among its names."""
    parent = item.getparent(pytest.Module)
    names = _modules_in(parent.obj) if parent else set()
    for extra, packages in PACKAGES.items():
        if names.intersection(packages):
            item.add_marker(pytest.mark.extra(extra))


@cache
def _modules_in(file: ModuleType) -> set[str]:
    """The modules that a file has among its names, or a helper does that something is from."""
    found: set[str] = set()
    for value in vars(file).values():
        of = getattr(value, "__module__", None)
        module = value if isinstance(value, ModuleType) else sys.modules.get(str(of))
        if module is None or module is file:
            continue
        if isinstance(value, ModuleType):
            found.add(value.__name__)
        if Path(__file__).parent in Path(str(getattr(module, "__file__", ""))).parents:
            found |= _modules_in(module)
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an extra that is not installed, before its fixtures need it."""
    for mark in item.iter_markers("extra"):
        (extra,) = mark.args
        if not all(map(find_spec, PACKAGES[extra])):
            pytest.skip(f"needs the extra {extra}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report on a test, which has failed where it must not be skipped."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_unless_allowed(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same of a file that is skipped as a whole."""
    report = yield
    _fail_unless_allowed(report)
    return report


def _fail_unless_allowed(report: pytest.TestReport | pytest.CollectReport) -> None:
    allowed = os.environ.get(MAY_SKIP)
    if allowed is None or report.outcome != "skipped":
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not re.search(allowed, reason):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} must not be skipped here: {reason}"
