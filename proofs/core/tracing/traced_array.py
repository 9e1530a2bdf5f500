"""TRUSTED CORE. The array that a rule sees while it is traced, in lockstep with NumPy.

A `TracedArray` is a symbolic array, what the value *is*, and its twin, what NumPy has in its place
at one profile. Every function is called on both, with the very same arguments. Guarantee: a step
counts only if NumPy's own call confirms it: the shape, the kind of number, whether it is an array
or an immutable scalar, and, in a checked trace, the values. Memory is the twin's: what an operation
in place changes is what NumPy changes. Whatever is not understood ends the trace.
"""

import operator
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Index, Node
from tokenauction.proofs.core.tracing import traced_namespace
from tokenauction.proofs.core.tracing.functions import FUNCTIONS
from tokenauction.proofs.core.tracing.halves import Halves, NamedAgent, read, symbol_of, twin_of
from tokenauction.proofs.core.tracing.in_place import InPlace
from tokenauction.proofs.core.tracing.signatures import METHODS
from tokenauction.proofs.core.tracing.steps import meant, step
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
    scalar_array,
)


class TracedArray(InPlace):
    """One value of a rule that is being traced: its symbolic half and its twin."""

    __slots__ = ()
    __array_priority__ = 1000

    # What others read of it ------------------------------------------------------------------

    @property
    def axes(self) -> tuple[Index | int, ...]:
        return self.symbol.axes

    @property
    def elements(self) -> Any:
        return read(self).elements

    def node(self) -> Node:
        """The only node of an array without axes of a length other than one."""
        return read(self).node()

    # What NumPy and array-api-compat look for ------------------------------------------------

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return traced_namespace.namespace_for_caller(self.trace)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return traced_namespace.call_numpy(self.trace, func, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return traced_namespace.call_ufunc(self.trace, ufunc, method, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self.trace.error(
            "a traced array cannot become a NumPy array",
            "use array functions of xp = array_namespace(bids, dists) throughout",
            code="leaves-arrays",
        )

    # Shape -----------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        return int(np.ndim(self._array_twin("ndim")))

    @property
    def shape(self) -> tuple[Any, ...]:
        twin = self._array_twin("shape")
        if self.trace.sizes is not None:
            return tuple(np.shape(twin))
        lengths = zip(self.symbol.axes, twin.shape, strict=True)
        return tuple(self._length(axis, length) for axis, length in lengths)

    def _length(self, axis: Index | int, length: int) -> Any:
        if isinstance(axis, int):
            return axis
        return TracedArray(scalar_array(self.trace, graph.size(axis.axis)), length)

    @property
    def size(self) -> Any:
        product: Any = 1
        for length in self.shape:
            product = product * length
        return product

    @property
    def dtype(self) -> Any:
        return self._array_twin("dtype").dtype

    @property
    def device(self) -> str:
        return "cpu"

    @property
    def T(self) -> Any:
        return self._attribute("T")

    @property
    def mT(self) -> Any:
        return self._attribute("mT")

    def _attribute(self, name: str) -> Any:
        twin = self._array_twin(name)
        return step(
            self.trace,
            name,
            lambda: getattr(twin, name),
            lambda: getattr(read(self), name),
            (self,),
        )

    def _array_twin(self, name: str) -> Any:
        """The twin, which has attributes of arrays: a Python number has none."""
        if isinstance(self.twin, bool | int | float) and not isinstance(self.twin, np.generic):
            if hasattr(self.twin, name):
                raise self.trace.error(f"the rule asks a number for {name!r}")
            raise AttributeError(f"{type(self.twin).__name__!r} object has no attribute {name!r}")
        return self.twin

    def __len__(self) -> int:
        if not np.ndim(self.twin):
            raise TypeError("len() of an array without axes")
        return operator.index(self.shape[0])

    def __iter__(self) -> Iterator["TracedArray"]:
        return iter([self[position] for position in range(len(self))])

    # Values ----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(read(self))

    def __index__(self) -> int:
        if np.ndim(self.twin):
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return operator.index(read(self))

    def __int__(self) -> int:
        return int(self._without_axes())

    def __float__(self) -> float:
        return float(self._without_axes())

    def _without_axes(self) -> SymbolicArray:
        """The symbolic half, for a Python number; NumPy's versions differ on arrays with axes."""
        if np.ndim(self.twin):
            raise self.trace.error(
                "the rule turns a traced array into a Python number",
                "keep it an array",
                code="leaves-arrays",
            )
        return read(self)

    def __complex__(self) -> complex:
        raise self.trace.error("complex numbers are not supported", code="leaves-arrays")

    def _unsupported(self, *_: Any) -> Any:
        """Anything that a rule could decide by without the trace noticing ends the trace."""
        raise self.trace.needs_size("the rule does with a traced value what cannot be traced")

    __mod__ = __rmod__ = __imod__ = __divmod__ = __rdivmod__ = _unsupported
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _unsupported
    __ilshift__ = __irshift__ = __imatmul__ = _unsupported
    __round__ = __trunc__ = __floor__ = __ceil__ = _unsupported
    __contains__ = __reversed__ = __bytes__ = _unsupported

    def __hash__(self) -> int:
        raise self.trace.needs_size("the rule puts a traced value into a set or a dictionary")

    def __str__(self) -> str:
        raise self.trace.needs_size("the rule turns a traced value into text")

    def __format__(self, spec: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        return str(self)

    def __reduce__(self) -> Any:
        raise self.trace.error("a traced array cannot be pickled")

    def __copy__(self) -> "TracedArray":
        return self._method("copy")()  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: Any) -> "TracedArray":
        return self._method("copy")()  # type: ignore[no-any-return]

    # Indexing and assignment -----------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        return step(
            self.trace,
            "an index",
            lambda: twin_of(self)[twin_of(key)],
            lambda: read(self)[symbol_of(key)],
            (self, key),
        )

    # Arithmetic ------------------------------------------------------------------------------

    def _binary(self, name: str, function: Callable[..., Any], *operands: Any) -> Any:
        for operand in operands:
            if not isinstance(operand, OPERANDS):
                if isinstance(operand, NamedAgent):
                    operand.asked()
                kind = type(operand).__name__
                raise self.trace.error(f"an array is combined with a {kind}", code="untraced-call")
        trace = self.trace
        name = meant(name, *operands)
        return step(
            trace,
            name,
            lambda: function(*map(twin_of, operands)),
            lambda: FUNCTIONS[name](trace, *map(symbol_of, operands)),
            operands,
        )

    def __neg__(self) -> Any:
        return self._binary("negative", operator.neg, self)

    def __pos__(self) -> Any:
        return self._binary("positive", operator.pos, self)

    def __abs__(self) -> Any:
        return self._binary("abs", operator.abs, self)

    def __invert__(self) -> Any:
        return self._binary("bitwise_invert", operator.invert, self)

    def _method(self, name: str) -> Callable[..., Any]:
        function = getattr(self._array_twin(name), name)
        return lambda *args, **kwargs: traced_namespace.call_form(
            self.trace,
            name,
            METHODS[name],
            lambda _, *a, **k: function(*a, **k),
            (self, *args),
            kwargs,
        )

    def __getattr__(self, name: str) -> Any:
        """NumPy's methods (`x.sum(axis=0)`)."""
        if name.startswith("__"):
            if name not in _PROBED:
                self.trace.needs_size(f"the rule asks for {name}")
            raise AttributeError(name)
        if name in METHODS:
            return self._method(name)
        raise self.trace.error(
            f"arrays have no attribute {name!r} that can be traced",
            "use a function of the array API standard",
            code="untraced-call",
        )


Halves.whole = TracedArray


def _operators(
    **names: str,
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The special methods of binary operators: plain, reflected, and in place."""
    for symbol, name in names.items():
        plain = getattr(operator, symbol)
        bare = symbol.strip("_")

        def forward(self: TracedArray, other: Any, n: str = name, f: Any = plain) -> Any:
            return self._binary(n, f, self, other)

        def reflected(self: TracedArray, other: Any, n: str = name, f: Any = plain) -> Any:
            return self._binary(n, f, other, self)

        yield f"__{bare}__", forward
        if bare not in ("lt", "le", "gt", "ge", "eq", "ne"):
            yield f"__r{bare}__", reflected
        change = getattr(operator, f"i{bare}", None)
        if change is not None and bare != "matmul":

            def in_place(self: TracedArray, other: Any, n: str = name, f: Any = change) -> Any:
                return self._in_place(n, f, other)

            yield f"__i{bare}__", in_place


for _name, _method in _operators(
    add="add", sub="subtract", mul="multiply", truediv="divide", pow="pow", floordiv="floor_divide",
    matmul="matmul", and_="bitwise_and", or_="bitwise_or", xor="bitwise_xor", lt="less",
    le="less_equal", gt="greater", ge="greater_equal", eq="equal", ne="not_equal",
):  # fmt: skip
    setattr(TracedArray, _name, _method)


OPERANDS = (TracedArray, int, float, Fraction, np.ndarray, np.generic, list, tuple)


# What NumPy, array-api-compat and the standard library look for on any object.
_PROBED = frozenset(
    {
        "__array_interface__", "__array_struct__", "__array_wrap__", "__array_prepare__",
        "__array_finalize__", "__dlpack__", "__dlpack_device__", "__cuda_array_interface__",
        "__torch_function__", "__jax_array__", "__buffer__", "__wrapped__", "__length_hint__",
        "__isabstractmethod__", "__set_name__", "__getstate__", "__name__", "__fspath__",
    }
)  # fmt: skip
