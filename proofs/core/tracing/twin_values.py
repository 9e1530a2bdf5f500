"""TRUSTED CORE. The values of a step: NumPy's are the exact ones up to its rounding."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs.core.evaluation.exact import Special, Value
from tokenauction.proofs.core.tracing.halves import Halves, twins_in
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
)
from tokenauction.proofs.core.tracing.trace import Trace
from tokenauction.proofs.core.tracing.twins import (
    WHOLE,
    as_float,
    is_mutable,
    kind_of,
)

_STEP = 2.0**-36
_CLOSE = Fraction(1, 2**45)
_SMALL_BALL = 2.0**-70


def compare_values(result: Halves, name: str, inputs: Any) -> None:
    """Compare each value with NumPy's, and give the twin the exact value, rounded once.

    The twins of a step's arguments are correctly rounded, so that NumPy's result differs from the
    exact one by the rounding of this step alone; `_STEP` allows for it, relative to the numbers
    that it is made of.
    """
    trace, twin = result.trace, result.twin
    exact = [trace.values.of(node) for node in result.symbol.elements.reshape(-1)]
    numbers = [as_float(value) for value in exact]
    found = np.asarray(twin).reshape(-1)
    largest = max((_largest(one) for one in (*twins_in(inputs), twin)), default=0.0)
    for place, (value, wanted) in enumerate(zip(exact, numbers, strict=True)):
        if wanted is None or _same(found[place], wanted, largest) or _inside(found[place], value):
            continue
        if isinstance(value, bool) and _is_rounding(trace, result.symbol, place):
            continue
        raise trace.error(
            f"{name} is {found[place]} on NumPy and {wanted} over the real numbers",
            code="not-numpy",
        )
    _set_exactly(result, numbers, inputs)


def _same(found: Any, wanted: float, largest: float) -> bool:
    if isinstance(found, np.bool_ | np.integer):
        return bool(found == wanted)
    if not np.isfinite(found) or not np.isfinite(wanted):
        return bool(found == wanted) or abs(wanted) > 1e300 or np.isinf(largest)
    return bool(abs(found - wanted) <= _STEP * (abs(wanted) + largest))


def _inside(found: Any, value: Value) -> bool:
    """Whether NumPy's value lies in a small ball around the exact one.

    Where a number cancels, as `|p - q|` does with `q = p`, the ball's middle is no better than it.
    """
    if isinstance(value, bool | Fraction | Special) or not np.isfinite(found):
        return False
    radius = float(value.rad())
    return radius <= _SMALL_BALL and abs(float(found) - float(value.mid())) <= radius


def _is_rounding(trace: Trace, symbol: SymbolicArray, place: int) -> bool:
    """Whether a comparison is of two numbers that are next to each other in floats."""
    node = symbol.elements.reshape(-1)[place]
    if node.op == "not":
        node = node.args[0]
    if node.op not in ("lt", "le", "eq"):
        return False
    left, right = (as_float(trace.values.of(arg)) for arg in node.args)
    if left is None or right is None:
        return False
    return abs(left - right) <= float(_CLOSE) * (abs(left) + abs(right))


def _set_exactly(result: Halves, numbers: Sequence[float | None], inputs: Any) -> None:
    """Give a fresh result of floats the exact values; what shares memory has them already."""
    twin = result.twin
    if kind_of(twin) == WHOLE or any(number is None for number in numbers):
        return
    if is_mutable(twin):
        if not twin.flags.writeable or any(
            np.may_share_memory(twin, given) for given in twins_in(inputs)
        ):
            return
        twin[...] = np.array(numbers, dtype=twin.dtype).reshape(twin.shape)
    elif isinstance(twin, np.generic):
        result.twin = twin.dtype.type(numbers[0])


def _largest(twin: Any) -> float:
    array = np.asarray(twin)
    if array.dtype.kind not in "bif" or not array.size:
        return 0.0
    sizes = np.abs(array.astype(float))
    return float(np.where(np.isnan(sizes), 0.0, sizes).max())
