"""TRUSTED CORE in what it leaves alone. A Python function again, with other values in it.

Other constants, or other values under the names it uses. An exact run of it counts only where it
agrees with the plain run of the function as it is.
"""

import inspect
from collections.abc import Callable, Mapping
from types import CellType, CodeType, FunctionType
from typing import Any

Change = Callable[[Any], Any]
_NONE: Mapping[str, Any] = {}


def rebuilt(
    function: Callable[..., Any],
    value: Change,
    constant: Change | None = None,
    more: Mapping[str, Any] = _NONE,
) -> FunctionType | None:
    """The function with `value` of what its names stand for; None for what is no function.

    Its helpers, the functions of its file, are rebuilt with it. `constant` changes the constants of
    the code, and what defaults and the variables around a function hold; `more` are names to add.
    """
    python = inspect.unwrap(function)
    if not isinstance(python, FunctionType):
        return None
    names = dict(python.__globals__)
    for name, one in python.__globals__.items():
        is_helper = isinstance(one, FunctionType) and one.__globals__ is python.__globals__
        names[name] = _again(one, names, constant) if is_helper else value(one)
    names.update(more)
    return _again(python, names, constant)


def _again(function: FunctionType, names: dict[str, Any], constant: Change | None) -> FunctionType:
    code, defaults, around = function.__code__, function.__defaults__, function.__closure__
    keywords = function.__kwdefaults__
    if constant is not None:
        code, defaults, keywords = _code(code, constant), constant(defaults), constant(keywords)
        around = tuple(_cell(cell, constant) for cell in around or ())
    found = FunctionType(code, names, function.__name__, defaults, around)
    found.__kwdefaults__ = keywords
    return found


def _cell(cell: CellType, constant: Change) -> CellType:
    try:
        return CellType(constant(cell.cell_contents))
    except ValueError:  # not assigned yet
        return CellType()


def _code(code: CodeType, constant: Change) -> CodeType:
    constants = tuple(
        _code(one, constant) if isinstance(one, CodeType) else constant(one)
        for one in code.co_consts
    )
    return code.replace(co_consts=constants)
