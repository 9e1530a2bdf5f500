"""Targets as they are written: a rule, a mechanism, or a rule and a payment rule with a plus.

A part is shipped (`linear`, `cap(highest=2)`, `second-price`) or of a file (`rules.py::mine`,
`rules.py::mine(highest=2)`); a target can also be a whole file. No file is looked into here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

FILE: Final = ".py"


@dataclass(frozen=True)
class Part:
    """One side of a target: `path` is empty for what is shipped, `name` for a whole file."""

    path: str
    name: str = ""
    parameters: str | None = None

    def __str__(self) -> str:
        given = "" if self.parameters is None else f"({self.parameters})"
        return f"{self.path}{'::' if self.path and self.name else ''}{self.name}{given}"


def split(target: str) -> tuple[str, str | None]:
    """The two sides of the plus between a rule and a payment rule; None where there is none.

    A plus in a number or in the name of a file is no such plus.

    >>> split("linear+pay.py::fee"), split("c++/rules.py::mine + second-price")
    (('linear', 'pay.py::fee'), ('c++/rules.py::mine', 'second-price'))
    >>> split("cap(highest=1e+2)"), split("c++/rules.py")
    (('cap(highest=1e+2)', None), ('c++/rules.py', None))
    """
    text = target.strip()
    path, colons, _ = text.partition("::")
    start = len(path) if colons and Path(path).is_file() else 0
    for place in _pluses(text):
        left = text[:place].strip()
        if place < start:
            continue
        if "::" in left or left.endswith(FILE) or FILE not in text or _is_shipped(left):
            return left, text[place + 1 :].strip()
    return text, None


def part_of(text: str) -> Part:
    """One side of a target.

    >>> part_of("cap(highest=2)")
    Part(path='', name='cap', parameters='highest=2')
    >>> part_of("rules.py::mine")
    Part(path='rules.py', name='mine', parameters=None)
    """
    path, colons, rest = text.partition("::")
    if not colons and text.endswith(FILE):
        return Part(text)
    found = re.fullmatch(r"([^()]*)\((.*)\)", rest if colons else text, re.DOTALL)
    name, given = (found[1], found[2]) if found else (rest if colons else text, None)
    return Part(path if colons else "", name.strip(), given)


def sides(target: str) -> list[Part]:
    """The sides of a target: a rule or a mechanism, and a payment rule where one is written."""
    return [part_of(text) for text in split(target) if text is not None]


def files_of(target: str) -> list[str]:
    """The files that a target names.

    >>> files_of("linear+pay.py::fee"), files_of("second-price")
    (['pay.py'], [])
    """
    return [one.path for one in sides(target) if one.path]


def in_other_files(target: str, path: Callable[[str], str]) -> str:
    """The target with every file that it names at another path.

    >>> in_other_files("linear+pay.py::fee", "there/{}".format)
    'linear+there/pay.py::fee'
    """
    moved = (replace(one, path=path(one.path) if one.path else "") for one in sides(target))
    return "+".join(map(str, moved))


def name_of(target: str) -> str:
    """The target without its files.

    >>> name_of("linear+pay.py::fee"), name_of("rules.py::mine")
    ('linear+fee', 'mine')
    """
    return "+".join(str(replace(one, path="")) for one in sides(target))


def _pluses(text: str) -> Iterator[int]:
    """Where a text has a plus outside of parentheses."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "+" and depth == 0:
            yield place


def _is_shipped(text: str) -> bool:
    from tokenauction.mechanisms import CATALOGUE, MECHANISMS

    return part_of(text).name.replace("_", "-") in {*CATALOGUE, *MECHANISMS}
