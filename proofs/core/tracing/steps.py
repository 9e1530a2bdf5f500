"""TRUSTED CORE. One step of a trace: NumPy's call on the twins, and what it means, compared."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tokenauction.proofs.core.language.graph import Index, Node
from tokenauction.proofs.core.tracing.halves import Halves, twin_of
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
)
from tokenauction.proofs.core.tracing.trace import Trace, TracingError
from tokenauction.proofs.core.tracing.twin_values import compare_values
from tokenauction.proofs.core.tracing.twins import (
    TRUTH,
    WHOLE,
    addresses,
    is_mutable,
    kind_of,
)
from tokenauction.proofs.core.tracing.whole_numbers import forbid_cutting, forbid_wrapping


def on_numpy(trace: Trace, call: Callable[[], Any]) -> Any:
    """What NumPy returns for the twins; what it raises, the rule raises."""
    try:
        with np.errstate(all="ignore"):
            return call()
    except Exception as problem:
        if trace.sizes is None:  # it may be these sizes only
            text = f"{type(problem).__name__}: {problem}"
            raise trace.needs_size(f"NumPy raises {text} at some sizes") from problem
        raise


def meaning_of(trace: Trace, name: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (TracingError, RecursionError, MemoryError):
        raise
    except Exception as problem:
        raise trace.error(
            f"{name} cannot be followed here ({type(problem).__name__}: {problem})",
            code="untraced-call",
        ) from problem


def confirm(result: Halves, inputs: Any, name: str = "a step") -> None:
    """Compare the two halves; raises where NumPy's result is not what was followed."""
    trace, symbol, twin = result.trace, result.symbol, result.twin
    kind = kind_of(twin)
    if kind is None:
        what = getattr(twin, "dtype", type(twin).__name__)
        raise trace.error(
            f"{name} gives {what} on NumPy, which is not traced",
            "use floats of 64 bits",
            code="other-numbers",
        )
    sizes = trace.twin_sizes
    shape = tuple(sizes[axis.axis] if isinstance(axis, Index) else axis for axis in symbol.axes)
    if shape != np.shape(twin) or (kind == TRUTH) != symbol.boolean:
        raise trace.error(
            f"{name} gives a {kind} of shape {np.shape(twin)} on NumPy, and not what was followed",
            code="not-numpy",
        )
    if kind == WHOLE and not isinstance(twin, int):
        forbid_cutting(symbol, name)
        forbid_wrapping(symbol)
    if is_mutable(twin):
        if any(np.shares_memory(twin, given) for given in _foreign_in(inputs)):
            result.foreign = twin.copy()
    if trace.checked and trace.sizes is not None:
        compare_values(result, name, inputs)


def _foreign_in(inputs: Any) -> Iterator[Any]:
    """The memory among the arguments of a call that is of arrays which are not traced."""
    for one in inputs:
        if isinstance(one, np.ndarray):
            yield one
        elif isinstance(one, Halves) and one.foreign is not None:
            yield one.twin
        elif isinstance(one, tuple | list):
            yield from _foreign_in(one)


def meant(name: str, *operands: Any) -> str:
    """What an operator means: NumPy's integers give zero where they are divided by zero."""
    if name != "floor_divide":
        return name
    twins = [twin_of(one) for one in operands]
    of_numpy = any(not isinstance(twin, int) for twin in twins)
    whole = all(kind_of(np.asarray(twin)) in (WHOLE, TRUTH) for twin in twins)
    return "whole_floor_divide" if of_numpy and whole else name


def with_memory(array: Halves, written: dict[int, Node]) -> SymbolicArray:
    """The symbolic half of an array after other nodes were written to these addresses."""
    places = addresses(array.twin).reshape(-1).tolist()
    elements = array.symbol.elements.copy()
    flat = list(elements.reshape(-1))
    for place, address in enumerate(places):
        flat[place] = written.get(address, flat[place])
    filled = np.empty(len(flat), dtype=object)
    filled[:] = flat
    old = array.symbol
    return SymbolicArray(old.trace, old.axes, filled.reshape(elements.shape), boolean=old.boolean)


def step(
    trace: Trace,
    name: str,
    numpy: Callable[[], Any],
    meaning: Callable[[], Any],
    inputs: Any,
) -> Any:
    """What a call returns: NumPy's own result on the twins, with what it means."""
    twin = on_numpy(trace, numpy)
    return _paired(meaning_of(trace, name, meaning), twin, name, inputs)


def _paired(symbol: Any, twin: Any, name: str, inputs: Any) -> Any:
    if isinstance(symbol, tuple | list):
        if not isinstance(twin, tuple | list) or len(symbol) != len(twin):
            raise symbol[0].trace.error(f"{name} returns something else on NumPy")
        pairs = zip(symbol, twin, strict=True)
        return type(twin)([_paired(one, other, name, inputs) for one, other in pairs])
    result = Halves.whole(symbol, twin)
    confirm(result, inputs, name)
    return result
