"""TRUSTED CORE. The table of array functions by the name that the array API gives them."""

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]
FUNCTIONS: dict[str, Function] = {}


def export(*names: str) -> Callable[[Function], Function]:
    """Have a function stand in the table under some names."""

    def register(function: Function) -> Function:
        for name in names:
            FUNCTIONS[name] = function
        return function

    return register
