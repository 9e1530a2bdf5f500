"""TRUSTED CORE in what it tries. The numbers and names of a function's code.

They say what a function may do, whatever a trace saw of it.
"""

import dis
import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
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
        for one in _reached({python: None}):
            found |= {as_float(x) for x in _values_of(one) if isinstance(x, int | float)}
    return found


@lru_cache(maxsize=64)
def names_in(function: Callable[..., Any]) -> frozenset[str]:
    """The names and the words that a function's code has, and that of its helpers."""
    python = inspect.unwrap(function)
    if not isinstance(python, FunctionType):
        return frozenset()
    found: set[str] = set()
    for one in _reached({python: None}):
        for code in _codes(one.__code__):
            words = (constant for constant in code.co_consts if isinstance(constant, str))
            found.update(code.co_names, words)
    return frozenset(found)


def as_float(number: Any) -> float:
    """A number as a float, infinite where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _values_of(function: FunctionType) -> Iterator[Any]:
    """What a function's code names or has, with what is in containers and classes."""
    for code in _codes(function.__code__):
        yield from _flat(code.co_consts)
        yield from _small_numbers(code)
        yield from _flat(function.__globals__.get(name) for name in code.co_names)
    yield from _flat((*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()))
    yield from _flat(_cells(function))


def _small_numbers(code: CodeType) -> Iterator[int]:
    """The small whole numbers of some code, which from Python 3.14 on are no constants of it."""
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_SMALL_INT":
            yield step.argval


def _reached(seen: dict[FunctionType, None]) -> Iterator[FunctionType]:
    """The function, and the functions of its file that it names, they too, once each."""
    waiting = list(seen)
    while waiting:
        function = waiting.pop()
        yield function
        for value in _values_of(function):
            if isinstance(value, FunctionType) and value not in seen:
                if value.__globals__ is function.__globals__:
                    seen[value] = None
                    waiting.append(value)


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
        elif isinstance(value, type):
            yield from _flat(part for part in vars(value).values() if not isinstance(part, type))
        else:
            yield value


def _cells(function: FunctionType) -> Iterator[Any]:
    """What a function has of the function around it."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
