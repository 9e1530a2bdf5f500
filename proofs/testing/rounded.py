"""Float arrays of which two numbers count as equal where they differ by no more than rounding.

For evaluating a property on what a rule returned in floats. Guarantee: where every two numbers that
are compared are equal in real arithmetic or differ clearly, every comparison has the truth value of
real arithmetic, so that a tie is a tie and a sound rule is not refuted by 1e-17.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

Floats = np.ndarray[Any, np.dtype[Any]]
ROUNDING: Final = 1e-10


class RoundedArray(np.ndarray[Any, np.dtype[Any]]):
    """An array whose comparisons allow for rounding; whatever is computed from it is one too.

    >>> third = rounded([1 / 3, 0.1 + 0.2])
    >>> bool(np.all(third <= np.array([0.3333333333333, 0.3])))
    True
    >>> bool(np.any(third < np.array([0.3333333333334, 0.3])))
    False
    """

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(one) for one in inputs]
        if "out" in options:
            options["out"] = tuple(np.asarray(one) for one in options["out"])
        if method == "__call__" and ufunc in _COMPARISONS:
            return rounded(_COMPARISONS[ufunc](*plain))
        found = getattr(ufunc, method)(*plain, **options)
        return tuple(map(rounded, found)) if isinstance(found, tuple) else rounded(found)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = super().__array_function__(func, types, args, kwargs)
        return rounded(found) if isinstance(found, np.ndarray | np.generic) else found

    def __getitem__(self, key: Any) -> Any:
        return rounded(super().__getitem__(key))


def rounded(values: Any) -> RoundedArray:
    """The same numbers, compared up to rounding; a single number becomes an array of no axes."""
    return np.asarray(values).view(RoundedArray)


def _close(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.isclose(left, right, rtol=ROUNDING, atol=ROUNDING))


_COMPARISONS: Final[dict[Any, Callable[[Floats, Floats], Any]]] = {
    np.equal: _close,
    np.not_equal: lambda left, right: ~_close(left, right),
    np.less_equal: lambda left, right: (left <= right) | _close(left, right),
    np.greater_equal: lambda left, right: (left >= right) | _close(left, right),
    np.less: lambda left, right: (left < right) & ~_close(left, right),
    np.greater: lambda left, right: (left > right) & ~_close(left, right),
}
