"""TRUSTED CORE. What a function sees in place of NumPy's arrays while it runs on exact numbers.

Guarantee: whatever is done to an `ExactArray` through NumPy, an operator, an index, an attribute or
a method is a step of proofs/core/judging/lockstep.py, which is made on floats and on exact numbers
and ends the run where they differ. What cannot be intercepted (`float(x)`, `np.array([x, y])`, a
store into a plain array) ends the run too.
"""

import math
import operator
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final, NoReturn

import array_api_compat.numpy
import numpy as np

from tokenauction.proofs.core.judging.exact_numbers import LEAVING
from tokenauction.proofs.core.judging.lockstep import Lockstep
from tokenauction.proofs.core.judging.pairs import Pair, plain_type

_REFUSED: Final = frozenset({"base", "ctypes", "data", "flags", "flat", "resize", "setflags"})
_ARITHMETIC: Final = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_COMPARISONS: Final = ("lt", "le", "eq", "ne", "ge", "gt")
_UNARY: Final = ("neg", "pos", "abs")
_WHOLE: Final[dict[str, Callable[[Any], Any]]] = {
    "int": int,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
}


class ExactArray(Pair):
    """An array, or a number, of a run in lockstep."""

    __slots__ = ()
    steps: Lockstep

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self._step(function, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return self._step(function, *args, **options)

    def __array_namespace__(self, *, api_version: str | None = None) -> "ExactNamespace":
        caller = sys._getframe(1).f_globals.get("__name__", "")
        compatible = str(caller).startswith("array_api_compat")
        return namespace(self.steps, array_api_compat.numpy if compatible else np)

    def _step(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return self.steps.step((function, function), args, options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.twin, name)
        owner = self if self.is_array else self._without_axes()
        if name in _REFUSED or not hasattr(owner.exact, name):
            self.steps.fail(f"the rule asks for .{name} of an array")
        if not callable(found):
            return self._step(operator.attrgetter(name), owner)

        def method(*args: Any, **options: Any) -> Any:
            functions = (found, getattr(owner.exact, name))
            return self.steps.step(functions, args, options, owner)

        return method

    def _without_axes(self) -> "ExactArray":
        """A scalar whose exact side is an array of no axes, which has a scalar's methods."""
        return ExactArray(self.steps, self.twin, np.asarray(self.exact, dtype=object))

    def __getitem__(self, key: Any) -> Any:
        return self._step(operator.getitem, self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._step(operator.setitem, self, key, value)

    def __iter__(self) -> Iterator[Any]:
        return iter([self[place] for place, _ in enumerate(iter(self.twin))])

    def __len__(self) -> int:
        return len(self.twin)

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    def __bool__(self) -> bool:
        return bool(self._step(operator.truth, self))

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self.steps.fail(f"the rule {LEAVING['float']}")


def _operator(name: str, *, reflected: bool = False) -> Callable[..., Any]:
    function = getattr(operator, f"__{name}__")

    def method(self: ExactArray, *others: Any) -> Any:
        if not all(isinstance(other, _OPERANDS) for other in others):
            return NotImplemented
        return self._step(function, *((*others, self) if reflected else (self, *others)))

    return method


_OPERANDS: Final = (Pair, np.ndarray, np.generic, bool, int, float, list, tuple)


def _whole_number(convert: Callable[[Any], Any]) -> Callable[[ExactArray], Any]:
    def method(self: ExactArray) -> Any:
        return self.steps.step((convert, lambda number: int(convert(number))), (self,), {})

    return method


def _leaving(name: str) -> Callable[..., NoReturn]:
    def method(self: ExactArray, *_: Any) -> NoReturn:
        self.steps.fail(f"the rule {LEAVING[name]}")

    return method


for _name in _ARITHMETIC:
    setattr(ExactArray, f"__{_name}__", _operator(_name))
    setattr(ExactArray, f"__r{_name}__", _operator(_name, reflected=True))
    setattr(ExactArray, f"__i{_name}__", _operator(f"i{_name}"))
for _name in (*_COMPARISONS, *_UNARY):
    setattr(ExactArray, f"__{_name}__", _operator(_name))
for _name, _convert in _WHOLE.items():
    setattr(ExactArray, f"__{_name}__", _whole_number(_convert))
for _name in LEAVING:
    setattr(ExactArray, f"__{_name}__", _leaving(_name))


class ExactNamespace:
    """An array namespace whose functions take and return exact arrays."""

    def __init__(self, steps: Lockstep, module: ModuleType) -> None:
        self._steps = steps
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, ModuleType):
            return namespace(self._steps, found)
        if isinstance(found, type | np.ufunc) or not callable(found):
            return found

        def function(*args: Any, **options: Any) -> Any:
            args = tuple(map(plain_type, args))
            options = {name: plain_type(value) for name, value in options.items()}
            return self._steps.call(found, args, options)

        return function


def namespace(steps: Lockstep, module: ModuleType) -> ExactNamespace:
    """The namespace of a module in a run: one and the same whenever it is asked for."""
    made: ExactNamespace = steps.modules.setdefault(module, ExactNamespace(steps, module))
    return made
