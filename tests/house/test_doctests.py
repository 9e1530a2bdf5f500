"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import tokenauction.mechanisms
import tokenauction.proofs
import tokenauction.theory

PACKAGES: tuple[ModuleType, ...] = (
    tokenauction.theory,
    tokenauction.mechanisms,
    tokenauction.proofs,
)
MODULES = [
    info.name
    for package in PACKAGES
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    examples = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(examples) >= 7
