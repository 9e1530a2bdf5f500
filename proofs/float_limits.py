"""Where a run in floats says nothing of real numbers: out of their range, or beside huge constants.

A violation that only floats show counts where no step of the runs overflows or underflows, and
where what a constant of the code swallows (`b + 1e12 - 1e12`) cannot explain it. Steps of NumPy, of
torch and of Python's `math` are watched; those of other libraries, and `**` of Python's own floats,
are not. Outside the trusted core, which floats never enter.
"""

import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from types import CodeType, FunctionType
from typing import Any, Final, cast

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.code_constants import as_float, numbers_in

_LARGE: Final = 1e6
_LOWERED: Final = 1e3
_FAR: Final = 1e150  # the product of two such numbers is still in range
_MATH: Final = ("exp", "exp2", "pow")
# Functions of torch that are zero nowhere, and those that are so only where they are given zeros.
_POSITIVE: Final = frozenset(("exp", "exp2", "softmax", "sigmoid"))
_QUOTIENTS: Final = frozenset(
    ("div", "divide", "truediv", "true_divide", "rtruediv", "rdiv", "pow", "rpow", "reciprocal")
)
_NEVER_ZERO: Final = _QUOTIENTS | {"mul", "multiply", "rmul", "prod", "square"}
# Those that are infinite somewhere.
_POLES: Final = _QUOTIENTS | {
    *("log", "log2", "log10", "log1p", "logit", "rsqrt", "xlogy", "log_softmax")
}


# Out of range ------------------------------------------------------------------------------------


@dataclass
class RangeWatch:
    """Whether a step of a run has left the range of floats since it was last asked."""

    left: bool = False

    @contextmanager
    def over(self, function: Callable[..., Any]) -> Iterator[None]:
        """Watch what is run inside, which is this function."""

        def seen(*_: object) -> None:
            self.left = True

        with ExitStack() as stack:
            stack.enter_context(np.errstate(all="ignore", over="call", under="call", call=seen))
            stack.enter_context(self._math(function))
            stack.enter_context(self._torch())
            try:
                yield
            except OverflowError:
                self.left = True
                raise

    @contextmanager
    def _math(self, function: Callable[..., Any]) -> Iterator[None]:
        """Python's own functions, under the names by which the function may call them."""
        names = getattr(inspect.unwrap(function), "__globals__", {})
        places: list[tuple[dict[str, Any], str, Any]] = []
        for own in _MATH:
            original = getattr(math, own)
            places.append((vars(math), own, original))
            places += [(names, name, original) for name, of in names.items() if of is original]
        try:
            for where, name, original in places:
                where[name] = self._watched(original.__name__, original)
            yield
        finally:
            for where, name, original in places:
                where[name] = original

    def _watched(self, name: str, original: Callable[..., float]) -> Callable[..., float]:
        def watched(*numbers: float) -> float:
            result = original(*numbers)
            self.left |= bool(_out_of_range(name, [np.array(numbers)], np.array([result])))
            return result

        return watched

    def _torch(self) -> Any:
        """A mode of torch that looks at each result; none where torch was not loaded."""
        torch = sys.modules.get("torch")
        if torch is None:
            return nullcontext()
        watch, tensors = self, torch.Tensor

        class Mode(cast(Any, torch).overrides.TorchFunctionMode):  # type: ignore[misc]
            def __torch_function__(
                self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
            ) -> Any:
                given = [_numbers(value, tensors) for value in (*args, *(kwargs or {}).values())]
                result = func(*args, **(kwargs or {}))
                name = str(getattr(func, "__name__", "")).strip("_")
                watch.left |= _out_of_range(name, given, _numbers(result, tensors))
                return result

        return Mode()


def _numbers(value: Any, tensors: type[Any]) -> Any:
    """The floats of a tensor, or a number, as an array; empty for anything else."""
    if isinstance(value, int | float):
        return np.array([float(value)])
    if isinstance(value, tensors) and value.is_floating_point():
        return value.detach().numpy(force=True).reshape(-1)
    return np.array([])


def _out_of_range(name: str, given: list[Any], result: Any) -> bool:
    """Whether a step with these numbers gave infinity or zero by its rounding alone, or nearly."""
    if not all(np.isfinite(numbers).all() for numbers in given):
        return False
    sizes = np.abs(result)
    nonzero = all(numbers.all() for numbers in given)
    overflows = np.isinf(result).any() and (nonzero or name not in _POLES)
    underflows = not result.all() and (name in _POSITIVE or (nonzero and name in _NEVER_ZERO))
    far = (np.isfinite(sizes) & (sizes > _FAR)) | ((sizes > 0) & (sizes < 1 / _FAR))
    return bool(overflows or underflows or far.any())


# Huge constants ----------------------------------------------------------------------------------


def has_huge_constants(function: ProfileFunction) -> bool:
    """Whether a number of a function is so large that what is added to it loses its digits."""
    return any(abs(value) >= _LARGE for value in numbers_in(function))


def with_lower_constants(function: ProfileFunction) -> ProfileFunction:
    """The function with each huge constant some thousand instead: what it swallowed is there again.

    Equal constants stay equal, so that what is added is what is taken away.
    """
    python = inspect.unwrap(function.function)
    if not isinstance(python, FunctionType):
        return function
    names = dict(python.__globals__)
    for name, value in python.__globals__.items():
        is_helper = isinstance(value, FunctionType) and value.__globals__ is python.__globals__
        names[name] = _lowered_function(value, names) if is_helper else _lowered(value)
    parameters = {name: _lowered(value) for name, value in function.parameters.items()}
    return replace(function, function=_lowered_function(python, names), parameters=parameters)


def _lowered_function(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    code, defaults = _lowered_code(function.__code__), function.__defaults__
    found = FunctionType(code, names, function.__name__, defaults, function.__closure__)
    found.__kwdefaults__ = function.__kwdefaults__
    return found


def _lowered_code(code: CodeType) -> CodeType:
    constants = tuple(
        _lowered_code(one) if isinstance(one, CodeType) else _lowered(one) for one in code.co_consts
    )
    return code.replace(co_consts=constants)


def _lowered(constant: Any) -> Any:
    """A number that is huge with its own digits and some thousand; anything else as it is."""
    if isinstance(constant, bool) or not isinstance(constant, int | float):
        return constant
    size = abs(as_float(constant))
    if not _LARGE <= size < math.inf:
        return constant
    lower = constant / 10.0 ** math.floor(math.log10(size)) * _LOWERED
    return int(lower) if isinstance(constant, int) else lower
