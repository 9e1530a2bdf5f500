"""TRUSTED CORE. The array that a rule sees while it is traced, in lockstep with NumPy.

A `TracedArray` is a symbolic array, what the value *is*, and its twin, what NumPy has in its place
at one profile. Every function is called on both, with the very same arguments. Guarantee: a step
counts only if NumPy's own call confirms it: the shape, the kind of number, whether it is an array
or an immutable scalar, and, in a checked trace, the values. Memory is the twin's: what an operation
in place changes is what NumPy changes. Whatever is not understood ends the trace.
"""

import operator
import weakref
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs import graph
from tokenauction.proofs.graph import Index, Node
from tokenauction.proofs.signatures import METHODS
from tokenauction.proofs.symbolic_array import (
    Permutation,
    SymbolicArray,
    as_traced,
    check_same_axes,
    scalar_array,
)
from tokenauction.proofs.symbolic_functions import FUNCTIONS
from tokenauction.proofs.trace import Trace, TracingError
from tokenauction.proofs.twins import (
    KINDS,
    addresses,
    as_float,
    is_mutable,
    kind_of,
    overlaps_itself,
)

TRUTH, WHOLE, NUMBER = KINDS


class TracedArray:
    """One value of a rule that is being traced: its symbolic half and its twin."""

    __slots__ = ("__weakref__", "foreign", "is_input", "stale", "symbol", "trace", "twin")
    __array_priority__ = 1000

    def __init__(self, symbol: SymbolicArray, twin: Any, *, is_input: bool = False) -> None:
        self.trace = symbol.trace
        self.symbol = symbol
        self.twin = twin
        self.is_input = is_input
        self.foreign: Any = None  # what was in its memory, if that is of an untraced array
        self.stale = ""
        if is_mutable(twin):
            self.trace.live.append(weakref.ref(self))

    # What others read of it ------------------------------------------------------------------

    @property
    def axes(self) -> tuple[Index | int, ...]:
        return self.symbol.axes

    @property
    def elements(self) -> Any:
        return read(self).elements

    @property
    def boolean(self) -> bool:
        return self.symbol.boolean

    def node(self) -> Node:
        """The only node of an array without axes of a length other than one."""
        return read(self).node()

    # What NumPy and array-api-compat look for ------------------------------------------------

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        from tokenauction.proofs.traced_namespace import namespace_for_caller

        return namespace_for_caller(self.trace)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from tokenauction.proofs.traced_namespace import call_numpy

        return call_numpy(self.trace, func, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        from tokenauction.proofs.traced_namespace import call_ufunc

        return call_ufunc(self.trace, ufunc, method, args, kwargs)

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
        symbol = _meaning(
            self.trace, "an assignment", lambda: read(self).assigned(symbol_of(key), new)
        )
        before = self.twin.copy()
        _numpy(self.trace, lambda: operator.setitem(self.twin, twin_of(key), twin_of(value)))
        self._written(symbol, before, value)

    def _in_place(self, name: str, change: Callable[[Any, Any], Any], other: Any) -> Any:
        """An operation in place: NumPy changes an array, and makes a new scalar or number."""
        if not is_mutable(self.twin):
            return self._binary(name, change, self, other)
        self._forbid_mutating()
        name = _meant(name, self, other)
        symbol = _meaning(
            self.trace, name, lambda: FUNCTIONS[name](self.trace, read(self), symbol_of(other))
        )
        if symbol.boolean and not self.boolean:
            symbol = FUNCTIONS["as_numbers"](self.trace, symbol)
        before = self.twin.copy()
        _numpy(self.trace, lambda: change(self.twin, twin_of(other)))
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

    def _others_in_memory(self) -> list["TracedArray"]:
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
                one.symbol = _with_memory(one, written)
        confirm(self, inputs)

    # Arithmetic ------------------------------------------------------------------------------

    def _binary(self, name: str, function: Callable[..., Any], *operands: Any) -> Any:
        for operand in operands:
            if not isinstance(operand, OPERANDS):
                kind = type(operand).__name__
                raise self.trace.error(f"an array is combined with a {kind}", code="untraced-call")
        trace = self.trace
        name = _meant(name, *operands)
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
        from tokenauction.proofs.traced_namespace import call_form

        function = getattr(self._array_twin(name), name)
        return lambda *args, **kwargs: call_form(
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


class NamedAgent:
    """The agent that a claim singles out, while the number of agents is open: good to index with.

    Which one it is nobody knows, so asking ends the trace; at fixed sizes it is a number.
    """

    __slots__ = ("index", "trace")

    def __init__(self, trace: Trace, index: Index) -> None:
        self.trace = trace
        self.index = index

    def _asked(self, *_: Any) -> Any:
        raise self.trace.needs_size("the property asks which agent it is about")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __bool__ = _asked
    __index__ = __int__ = __float__ = __str__ = __repr__ = __format__ = _asked
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __neg__ = _asked


OPERANDS = (TracedArray, int, float, Fraction, np.ndarray, np.generic, list, tuple)


# The two halves ----------------------------------------------------------------------------------


def read(array: TracedArray) -> SymbolicArray:
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


def _twin(array: TracedArray) -> Any:
    return array.twin


def _replaced(value: Any, half: Callable[[TracedArray], Any]) -> Any:
    if isinstance(value, TracedArray):
        return half(value)
    if half is _twin and isinstance(value, Permutation):
        return np.array(value.twin, dtype=np.int64)
    if isinstance(value, NamedAgent):
        value = value.index
    if half is _twin and isinstance(value, Index):  # the agent that is singled out
        return value.position or 0
    if isinstance(value, tuple | list):
        return type(value)([_replaced(part, half) for part in value])
    if isinstance(value, slice):
        return slice(*(_replaced(part, half) for part in (value.start, value.stop, value.step)))
    return value


# A step ------------------------------------------------------------------------------------------


def step(
    trace: Trace,
    name: str,
    numpy: Callable[[], Any],
    meaning: Callable[[], Any],
    inputs: Any,
) -> Any:
    """What a call returns: NumPy's own result on the twins, with what it means."""
    twin = _numpy(trace, numpy)
    return _paired(_meaning(trace, name, meaning), twin, name, inputs)


def _numpy(trace: Trace, call: Callable[[], Any]) -> Any:
    """What NumPy returns for the twins; what it raises, the rule raises."""
    try:
        with np.errstate(all="ignore"):
            return call()
    except Exception as problem:
        if trace.sizes is None:  # it may be these sizes only
            text = f"{type(problem).__name__}: {problem}"
            raise trace.needs_size(f"NumPy raises {text} at some sizes") from problem
        raise


def _meaning(trace: Trace, name: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (TracingError, RecursionError, MemoryError):
        raise
    except Exception as problem:
        raise trace.error(
            f"{name} cannot be followed here ({type(problem).__name__}: {problem})",
            code="untraced-call",
        ) from problem


def _paired(symbol: Any, twin: Any, name: str, inputs: Any) -> Any:
    if isinstance(symbol, tuple | list):
        if not isinstance(twin, tuple | list) or len(symbol) != len(twin):
            raise symbol[0].trace.error(f"{name} returns something else on NumPy")
        pairs = zip(symbol, twin, strict=True)
        return type(twin)([_paired(one, other, name, inputs) for one, other in pairs])
    result = TracedArray(symbol, twin)
    confirm(result, inputs, name)
    return result


def confirm(result: TracedArray, inputs: Any, name: str = "a step") -> None:
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
        _forbid_cutting(symbol, name)
        _forbid_wrapping(symbol)
    if is_mutable(twin):
        if any(np.shares_memory(twin, given) for given in _foreign_in(inputs)):
            result.foreign = twin.copy()
    if trace.checked and trace.sizes is not None:
        _compare_values(result, name, inputs)


def _foreign_in(inputs: Any) -> Iterator[Any]:
    """The memory among the arguments of a call that is of arrays which are not traced."""
    for one in inputs:
        if isinstance(one, np.ndarray):
            yield one
        elif isinstance(one, TracedArray) and one.foreign is not None:
            yield one.twin
        elif isinstance(one, tuple | list):
            yield from _foreign_in(one)


def _meant(name: str, *operands: Any) -> str:
    """What an operator means: NumPy's integers give zero where they are divided by zero."""
    if name != "floor_divide":
        return name
    twins = [twin_of(one) for one in operands]
    of_numpy = any(not isinstance(twin, int) for twin in twins)
    whole = all(kind_of(np.asarray(twin)) in (WHOLE, TRUTH) for twin in twins)
    return "whole_floor_divide" if of_numpy and whole else name


def _with_memory(array: TracedArray, written: dict[int, Node]) -> SymbolicArray:
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


# Whole numbers -----------------------------------------------------------------------------------

_LARGEST_COUNT = 2**20
_LARGEST_WHOLE = 2**62


def _forbid_cutting(symbol: SymbolicArray, name: str) -> None:
    """Refuse what may be a fraction where NumPy holds a whole number: it cuts it."""
    whole: dict[Node, bool] = {}
    for node in symbol.elements.reshape(-1):
        for part in graph.subnodes(node):
            if part not in whole:
                whole[part] = _is_kept_whole(part, [whole[arg] for arg in part.args])
        if not whole[node]:
            raise symbol.trace.error(
                f"{name} keeps whole numbers, where NumPy cuts fractions",
                "make them floats first: xp.astype(x, xp.float64)",
                code="narrowing-store",
            )


def _is_kept_whole(node: Node, args: Sequence[bool]) -> bool:
    """Whether a number is whole, where those that it is made of are or are not."""
    if graph.is_boolean(node):
        return True
    match node.op:
        case "const":
            return bool(node.data.denominator == 1)
        case "size" | "argmax" | "floor":
            return True
        case "pow":
            return args[0] and node.args[1].op == "const" and node.args[1].data >= 0 and args[1]
        case "pick":
            return args[-1]
        case "add" | "mul" | "max" | "min" | "reduce" | "where":
            return all(args)
    return False


def _forbid_wrapping(symbol: SymbolicArray) -> None:
    """Refuse whole numbers that 64 bits may not hold, at fewer than a million agents or tokens."""
    memo: dict[Node, int] = {}
    for node in symbol.elements.reshape(-1):
        for part in graph.subnodes(node):
            if part not in memo:
                memo[part] = _bound(part, [memo[arg] for arg in part.args])
        if memo[node] > _LARGEST_WHOLE:
            raise symbol.trace.error(
                "the rule counts in whole numbers that NumPy may not hold, and wraps",
                "make them floats first: xp.astype(x, xp.float64)",
                code="wraps",
            )


def _bound(node: Node, args: Sequence[int]) -> int:
    """At most how large a whole number is, or one that it is made of."""
    match node.op:
        case "const":
            return abs(int(node.data)) + 1
        case "size" | "argmax":
            return _LARGEST_COUNT
        case "add":
            return sum(args)
        case "mul":
            product = 1
            for factor in args:
                product = min(product * factor, 2**200)
            return product
        case "max" | "min":
            return max(args)
        case "where":
            return max(args[1:])
        case "pow" if node.args[1].op == "const" and 0 <= node.args[1].data <= 64:
            return int(args[0] ** node.args[1].data)
        case "floor" | "pick":
            return args[-1]
        case "div":
            return args[0]
        case "reduce":
            kind = node.data[0]
            return args[0] * (_LARGEST_COUNT if kind == "sum" else 1) if kind != "prod" else 2**200
        case _:
            return 1 if graph.is_boolean(node) else 2**200


# Values ------------------------------------------------------------------------------------------

_STEP = 2.0**-36
_CLOSE = Fraction(1, 2**45)


def _compare_values(result: TracedArray, name: str, inputs: Any) -> None:
    """Compare each value with NumPy's, and give the twin the exact value, rounded once.

    The twins of a step's arguments are correctly rounded, so that NumPy's result differs from the
    exact one by the rounding of this step alone; `_STEP` allows for it, relative to the numbers
    that it is made of.
    """
    trace, twin = result.trace, result.twin
    exact = [trace.values.of(node) for node in result.symbol.elements.reshape(-1)]
    numbers = [as_float(value) for value in exact]
    found = np.asarray(twin).reshape(-1)
    largest = max((_largest(one) for one in (*_twins_in(inputs), twin)), default=0.0)
    for place, (value, wanted) in enumerate(zip(exact, numbers, strict=True)):
        if wanted is None or _same(found[place], wanted, largest):
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


def _set_exactly(result: TracedArray, numbers: Sequence[float | None], inputs: Any) -> None:
    """Give a fresh result of floats the exact values; what shares memory has them already."""
    twin = result.twin
    if kind_of(twin) == WHOLE or any(number is None for number in numbers):
        return
    if is_mutable(twin):
        if not twin.flags.writeable or any(
            np.may_share_memory(twin, given) for given in _twins_in(inputs)
        ):
            return
        twin[...] = np.array(numbers, dtype=twin.dtype).reshape(twin.shape)
    elif isinstance(twin, np.generic):
        result.twin = twin.dtype.type(numbers[0])


def _twins_in(inputs: Any) -> Iterator[Any]:
    for one in inputs:
        if isinstance(one, TracedArray):
            yield one.twin
        elif isinstance(one, tuple | list):
            yield from _twins_in(one)
        elif isinstance(one, np.ndarray | np.generic | int | float):
            yield one


def _largest(twin: Any) -> float:
    array = np.asarray(twin)
    if array.dtype.kind not in "bif" or not array.size:
        return 0.0
    sizes = np.abs(array.astype(float))
    return float(np.where(np.isnan(sizes), 0.0, sizes).max())


# What NumPy, array-api-compat and the standard library look for on any object.
_PROBED = frozenset(
    {
        "__array_interface__", "__array_struct__", "__array_wrap__", "__array_prepare__",
        "__array_finalize__", "__dlpack__", "__dlpack_device__", "__cuda_array_interface__",
        "__torch_function__", "__jax_array__", "__buffer__", "__wrapped__", "__length_hint__",
        "__isabstractmethod__", "__set_name__", "__getstate__", "__name__", "__fspath__",
    }
)  # fmt: skip
