"""The numbers that a function's code names: where it may switch, whatever a trace saw of it."""

import inspect
import math
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

from tokenauction.mechanisms import ProfileFunction


def numbers_in(function: ProfileFunction) -> set[float]:
    """The numbers in a function's parameters and code, and in that of its helpers.

    Helpers are the functions of its file that it names, and the numbers of the file count where
    they are named. Numbers beyond floats are infinite.
    """
    found = {as_float(value) for value in function.parameters.values()}
    python = inspect.unwrap(function.function)
    if isinstance(python, FunctionType):
        found |= _numbers_of(python, {python})
    return found


def as_float(number: Any) -> float:
    """A number as a float, infinite where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _numbers_of(function: FunctionType, seen: set[FunctionType]) -> set[float]:
    found: set[float] = set()
    for code in _codes(function.__code__):
        named = (function.__globals__.get(name) for name in code.co_names)
        for value in _flat((*code.co_consts, *named, *_cells(function))):
            if isinstance(value, int | float):
                found.add(as_float(value))
            elif isinstance(value, FunctionType) and value not in seen:
                if value.__globals__ is function.__globals__:
                    seen.add(value)
                    found |= _numbers_of(value, seen)
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    """Values, and what is in those that are containers of Python's own."""
    for value in values:
        if isinstance(value, dict):
            yield from _flat((*value, *value.values()))
        elif isinstance(value, tuple | list | set | frozenset):
            yield from _flat(value)
        else:
            yield value


def _cells(function: FunctionType) -> Iterator[Any]:
    """What a function has of the function around it."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
