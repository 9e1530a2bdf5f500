"""TRUSTED CORE in what it refuses. Where a run in floats says nothing of real numbers.

Out of their range, and beside huge constants. A violation that only floats show counts where no
step of the runs overflows or underflows, and where what a constant of the code swallows
(`b + 1e12 - 1e12`) cannot explain it. Steps of NumPy, of torch and of Python's `math` are watched;
those of other libraries, and `*` and `**` of Python's own floats, are not. A step that cannot be
seen counts as out of range.
"""

import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.runs.code_constants import as_float, names_in, numbers_in
from tokenauction.proofs.core.runs.rebuilt import rebuilt

_LARGE: Final = 1e6
_LOWERED: Final = 1e3
_FAR: Final = 1e150  # the product of two such numbers is still in range
_MATH: Final = ("exp", "exp2", "pow", "erf", "erfc", "ldexp", "tanh")
_CONTAINERS: Final = (tuple, list, set, frozenset)
# What switches NumPy's flags off, or raises none.
_BLINDING: Final = frozenset(("errstate", "seterr", "seterrcall", "einsum"))
_EPSILONS: Final = {
    **dict.fromkeys(("float32", "single"), 2.0**-23),
    **dict.fromkeys(("float16", "half"), 2.0**-10),
    "bfloat16": 2.0**-7,
}
# Functions of torch that are zero nowhere, and those that are so only where they are given zeros.
_POSITIVE: Final = frozenset(("exp", "exp2", "softmax", "sigmoid", "erfc"))
_QUOTIENTS: Final = frozenset(
    ("div", "divide", "truediv", "true_divide", "rtruediv", "rdiv", "pow", "rpow", "reciprocal")
)
_NEVER_ZERO: Final = _QUOTIENTS | {
    *("mul", "multiply", "rmul", "prod", "square", "matmul", "rmatmul", "dot", "vdot", "inner"),
    *("mv", "mm", "bmm", "outer", "ger", "einsum", "tensordot"),
}
# Sums, in which the smaller part may be lost, and what is near one where it is never one.
_SUMS: Final = {
    **dict.fromkeys(("add", "radd", "iadd"), (1, 1)),
    **dict.fromkeys(("sub", "isub", "subtract"), (1, -1)),
    "rsub": (-1, 1),
}
_SATURATED: Final = frozenset(("tanh", "erf", "sigmoid"))
# Those that are infinite somewhere.
_POLES: Final = _QUOTIENTS | {
    *("log", "log2", "log10", "log1p", "logit", "rsqrt", "xlogy", "log_softmax")
}


# Out of range ------------------------------------------------------------------------------------


@dataclass
class RangeWatch:
    """Whether a step of a run has left the range of floats since it was last asked.

    `coarsest` is the distance of 1 and the next number in the shortest floats that were seen.
    """

    left: bool = False
    coarsest: float = 0.0

    @contextmanager
    def over(self, function: Callable[..., Any]) -> Iterator[None]:
        """Watch what is run inside, which is this function."""

        def seen(*_: object) -> None:
            self.left = True

        names = names_in(function)
        self.left |= not _BLINDING.isdisjoint(names)
        self.coarsest = max([self.coarsest, *(_EPSILONS[name] for name in names & {*_EPSILONS})])
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
        def watched(*numbers: Any) -> float:
            result = original(*numbers)
            given = [_floats(number) for number in numbers]
            self._look(name, given, _floats(result))
            return result

        return watched

    def _look(self, name: str, given: list[Any], result: Any) -> None:
        """Look at a step; None stands for numbers that cannot be seen, which may be any."""
        if result is None or any(numbers is None for numbers in given):
            self.left = True
        else:
            self.left |= _out_of_range(name, given, result)

    def _torch(self) -> Any:
        """A mode of torch that looks at each result; none where torch was not loaded."""
        torch: Any = sys.modules.get("torch")
        if torch is None:
            return nullcontext()
        watch, tensors = self, torch.Tensor

        def numbers(value: Any) -> Any:
            if not isinstance(value, tensors):
                return _floats(value) if isinstance(value, int | float) else _NONE
            if not value.is_floating_point():
                return _NONE
            watch.coarsest = max(watch.coarsest, float(torch.finfo(value.dtype).eps))
            try:
                return value.detach().to(torch.float64).numpy(force=True)
            except Exception:  # a layout that NumPy does not know, or a tensor without numbers
                return None

        class Mode(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
            def __torch_function__(
                self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
            ) -> Any:
                result = func(*args, **(kwargs or {}))
                with torch._C.DisableTorchFunctionSubclass():
                    given = [numbers(value) for value in (*args, *(kwargs or {}).values())]
                    name = str(getattr(func, "__name__", "")).strip("_")
                    watch._look(name, given, numbers(result))
                return result

        return Mode()


_NONE: Final = np.array([])


def _floats(number: Any) -> Any:
    """A number as an array of one float; None where it is none."""
    try:
        return np.array([float(number)])
    except (TypeError, ValueError, OverflowError):
        return None


def _out_of_range(name: str, given: list[Any], result: Any) -> bool:
    """Whether a step with these numbers gave infinity or zero by its rounding alone, or nearly."""
    if not all(np.isfinite(numbers).all() for numbers in given):
        return False
    sizes = np.abs(result)
    nonzero = all(numbers.all() for numbers in given)
    overflows = np.isinf(result).any() and (nonzero or name not in _POLES)
    underflows = not result.all() and (name in _POSITIVE or (nonzero and name in _NEVER_ZERO))
    if name in _SATURATED and (np.abs(result) == 1).any():
        return True
    if name in _SUMS and len(given) > 1 and _is_swallowed(given, _SUMS[name], result):
        return True
    far = (np.isfinite(sizes) & (sizes > _FAR)) | ((sizes > 0) & (sizes < 1 / _FAR))
    return bool(overflows or underflows or far.any())


def _is_swallowed(given: list[Any], signs: tuple[int, int], result: Any) -> bool:
    """Whether a sum of two parts with these signs is one of them, though the other is not zero."""
    try:
        left, right = (
            sign * np.broadcast_to(one, result.shape)
            for sign, one in zip(signs, given, strict=False)
        )
    except ValueError:  # tensors of other shapes, which were spread
        return False
    return bool((((result == left) & (right != 0)) | ((result == right) & (left != 0))).any())


# Huge constants ----------------------------------------------------------------------------------


def has_huge_constants(function: ProfileFunction) -> bool:
    """Whether a number of a function is so large that what is added to it loses its digits."""
    return any(_LARGE <= abs(value) < math.inf for value in numbers_in(function))


def with_lower_constants(function: ProfileFunction) -> ProfileFunction | None:
    """The function with each huge constant some thousand instead: what it swallowed is there again.

    Equal constants stay equal, so that what is added is what is taken away. None where a constant
    is somewhere else than in code, in tuples, in defaults, and in the variables around a function.
    """
    python = rebuilt(function.function, _lowered, constant=_lowered)
    if python is None:
        return None
    parameters = {name: _lowered(value) for name, value in function.parameters.items()}
    lowered = replace(function, function=python, parameters=parameters)
    return None if has_huge_constants(lowered) else lowered


def _lowered(constant: Any) -> Any:
    """A number that is huge with its own digits and some thousand, in containers too."""
    if isinstance(constant, tuple | list | set | frozenset) and type(constant) in _CONTAINERS:
        return type(constant)(map(_lowered, constant))
    if type(constant) is dict:
        return {_lowered(key): _lowered(value) for key, value in constant.items()}
    if isinstance(constant, bool) or not isinstance(constant, int | float):
        return constant
    size = abs(as_float(constant))
    if not _LARGE <= size < math.inf:
        return constant
    lower = constant / 10.0 ** math.floor(math.log10(size)) * _LOWERED
    return int(lower) if isinstance(constant, int) else lower
