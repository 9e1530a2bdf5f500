"""TRUSTED CORE. Changes in place: made by NumPy on the twin, whose memory says what changed."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tokenauction.proofs.core.tracing.functions import FUNCTIONS
from tokenauction.proofs.core.tracing.halves import Halves, read, symbol_of, twin_of
from tokenauction.proofs.core.tracing.steps import confirm, meaning_of, meant, on_numpy, with_memory
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
    as_traced,
    check_same_axes,
)
from tokenauction.proofs.core.tracing.twins import (
    KINDS,
    addresses,
    is_mutable,
    kind_of,
    overlaps_itself,
)


class InPlace(Halves):
    """Assignment to elements, and operators that change an array."""

    __slots__ = ()

    def _binary(self, name: str, function: Callable[..., Any], *operands: Any) -> Any:
        raise NotImplementedError

    def __setitem__(self, key: Any, value: Any) -> None:
        self._forbid_mutating()
        new = as_traced(self.trace, symbol_of(value))
        kind, given = kind_of(self.twin), kind_of(np.asarray(twin_of(value))[()])
        if given is None or kind is None or KINDS.index(given) > KINDS.index(kind):
            raise self.trace.error(
                f"the rule stores a {given or 'value'} in an array of {kind}s, where NumPy cuts it",
                "make the array one of floats",
                code="narrowing-store",
            )
        if new.boolean and not self.boolean:
            new = FUNCTIONS["as_numbers"](self.trace, new)
        symbol = meaning_of(
            self.trace, "an assignment", lambda: read(self).assigned(symbol_of(key), new)
        )
        before = self.twin.copy()
        on_numpy(self.trace, lambda: operator.setitem(self.twin, twin_of(key), twin_of(value)))
        self._written(symbol, before, value)

    def _in_place(self, name: str, change: Callable[[Any, Any], Any], other: Any) -> Any:
        """An operation in place: NumPy changes an array, and makes a new scalar or number."""
        if not is_mutable(self.twin):
            return self._binary(name, change, self, other)
        self._forbid_mutating()
        name = meant(name, self, other)
        symbol = meaning_of(
            self.trace, name, lambda: FUNCTIONS[name](self.trace, read(self), symbol_of(other))
        )
        if symbol.boolean and not self.boolean:
            symbol = FUNCTIONS["as_numbers"](self.trace, symbol)
        before = self.twin.copy()
        on_numpy(self.trace, lambda: change(self.twin, twin_of(other)))
        check_same_axes(self.trace, "an operation in place", read(self), symbol)
        if symbol.boolean != self.boolean:
            raise TypeError("an operation in place cannot change numbers to truth values")
        self._written(symbol, before, other)
        return self

    def _forbid_mutating(self) -> None:
        overlapping = [self, *self._others_in_memory()]
        if any(one.is_input for one in overlapping):
            raise self.trace.error(
                "the rule changes its input in place",
                "write x = x + y rather than x += y",
                code="changes-input",
            )
        if any(one.foreign is not None for one in overlapping):
            raise self.trace.error(
                "the rule changes an array in place that is a view of one made without xp",
                "write x = x + y rather than x += y",
            )
        if overlaps_itself(self.twin):
            raise self.trace.error(
                "the rule changes an array in place whose elements share memory",
                "write x = x + y rather than x += y",
            )

    def _others_in_memory(self) -> list[Halves]:
        """Every other traced array that looks at memory of this one."""
        found = (reference() for reference in self.trace.live)
        return [
            one
            for one in found
            if one is not None and one is not self and np.shares_memory(one.twin, self.twin)
        ]

    def _written(self, symbol: SymbolicArray, *inputs: Any) -> None:
        """The array has new elements; so have those that look at the same memory."""
        others = self._others_in_memory()
        self.symbol = symbol
        if others and self.trace.sizes is None:
            for one in others:
                one.stale = "the rule changes an array in place that another array is a part of"
        elif others:
            places = addresses(self.twin).reshape(-1)
            written = dict(zip(places.tolist(), symbol.elements.reshape(-1), strict=True))
            for one in others:
                one.symbol = with_memory(one, written)
        confirm(self, inputs)
