"""TRUSTED CORE. The two halves of a traced value: what it means, and NumPy's value, its twin."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from tokenauction.proofs.core.language.graph import Index
from tokenauction.proofs.core.tracing.symbolic_array import (
    Permutation,
    SymbolicArray,
)
from tokenauction.proofs.core.tracing.trace import Trace
from tokenauction.proofs.core.tracing.twins import (
    TWIN_PLACES,
    is_mutable,
)


class Halves:
    """A symbolic array and its twin; `stale` and `foreign` say when the first is not to be read."""

    __slots__ = ("__weakref__", "foreign", "is_input", "stale", "symbol", "trace", "twin")

    # The class that a rule sees, which stands above the steps that make its objects.
    whole: ClassVar[type["Halves"]]

    def __init__(self, symbol: SymbolicArray, twin: Any, *, is_input: bool = False) -> None:
        self.trace = symbol.trace
        self.symbol = symbol
        self.twin = twin
        self.is_input = is_input
        self.foreign: Any = None  # what was in its memory, if that is of an untraced array
        self.stale = ""
        if is_mutable(twin):
            self.trace.live.append(weakref.ref(self))

    @property
    def boolean(self) -> bool:
        return self.symbol.boolean


class NamedAgent:
    """An agent that a claim singles out, while the number of agents is open: good to index with.

    Which one it is nobody knows, so asking ends the trace; at fixed sizes it is a number.
    """

    __slots__ = ("index", "trace")

    def __init__(self, trace: Trace, index: Index) -> None:
        self.trace = trace
        self.index = index

    def asked(self, *_: Any) -> Any:
        """Whatever needs to know which agent it is."""
        raise self.trace.needs_size("the property asks which agent it is about")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __bool__ = asked
    __index__ = __int__ = __float__ = __str__ = __repr__ = __format__ = asked
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __neg__ = asked


def read(array: Halves) -> SymbolicArray:
    """The symbolic half; raises where it is not what the memory holds any more."""
    if array.stale:
        raise array.trace.needs_size(array.stale)
    if array.foreign is not None and not np.array_equal(array.foreign, array.twin, equal_nan=True):
        raise array.trace.error(
            "the rule changes an array made without xp, of which a traced array is a view",
            "make it with xp",
        )
    return array.symbol


def symbol_of(value: Any) -> Any:
    """An argument with the symbolic half in place of every traced array."""
    return _replaced(value, read)


def twin_of(value: Any) -> Any:
    """An argument as NumPy is given it."""
    return _replaced(value, _twin)


def _twin(array: Halves) -> Any:
    return array.twin


def _replaced(value: Any, half: Callable[[Halves], Any]) -> Any:
    if isinstance(value, Halves):
        return half(value)
    if half is _twin and isinstance(value, Permutation):
        return np.array(value.twin, dtype=np.int64)
    if isinstance(value, NamedAgent):
        value = value.index
    if half is _twin and isinstance(value, Index):  # an agent that is singled out
        return TWIN_PLACES[value] if value.position is None else value.position
    if isinstance(value, tuple | list):
        return type(value)([_replaced(part, half) for part in value])
    if isinstance(value, slice):
        return slice(*(_replaced(part, half) for part in (value.start, value.stop, value.step)))
    return value


def twins_in(inputs: Any) -> Iterator[Any]:
    for one in inputs:
        if isinstance(one, Halves):
            yield one.twin
        elif isinstance(one, tuple | list):
            yield from twins_in(one)
        elif isinstance(one, np.ndarray | np.generic | int | float):
            yield one
