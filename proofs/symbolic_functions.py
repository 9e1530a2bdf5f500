"""TRUSTED CORE. What the array functions mean, on symbolic arrays.

Each takes the options that proofs/signatures.py passes on, and nothing else. A function that needs
to know how many agents or tokens there are (a sort, an argmax) works at fixed sizes and raises
SizeRequired otherwise; what has no exact meaning over the real numbers (`isnan`, `round`) is not
here.
"""

import functools
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs import graph
from tokenauction.proofs.graph import Index, Node
from tokenauction.proofs.symbolic_array import (
    OPERANDS,
    SymbolicArray,
    as_traced,
    axis_number,
    axis_numbers,
    broadcast,
    check_same_axes,
    check_same_length,
    elementwise,
    fold_rows,
    is_whole,
    number,
    of_one_kind,
    reduce_axes,
    scalar_array,
)
from tokenauction.proofs.trace import Trace

Function = Callable[..., Any]
FUNCTIONS: dict[str, Function] = {}


def _export(*names: str) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        for name in names:
            FUNCTIONS[name] = function
        return function

    return register


# Elementwise -------------------------------------------------------------------------------------


def _apply(trace: Trace, function: Callable[..., Node], *values: Any, boolean: bool = False) -> Any:
    if not all(isinstance(value, (*OPERANDS, list, tuple)) for value in values):
        raise TypeError("array functions take arrays and numbers")
    arrays = [as_traced(trace, value) for value in values]
    return elementwise(
        lambda *nodes: function(*(number(node) for node in nodes)), *arrays, boolean=boolean
    )


def _elementwise(name: str, function: Callable[..., Node], boolean: bool = False) -> None:
    @functools.wraps(function)
    def call(trace: Trace, *values: Any) -> Any:
        if not boolean and name != "divide":
            _forbid_truth_values(trace, name, *values)
        return _apply(trace, function, *values, boolean=boolean)

    FUNCTIONS[name] = call


def _forbid_truth_values(trace: Trace, name: str, *values: Any) -> None:
    """The standard has arithmetic of numbers only; NumPy's of truth values is an error, or bits."""
    if values and all(_is_truth(value) for value in values):
        raise trace.error(
            f"{name} of truth values cannot be traced",
            "make them numbers first: xp.astype(mask, dists.dtype)",
        )


def _is_truth(value: Any) -> bool:
    if isinstance(value, SymbolicArray):
        return value.boolean
    return isinstance(value, OPERANDS) and np.asarray(value).dtype == np.dtype(bool)


def _sqrt(x: Node) -> Node:
    return graph.power(x, graph.constant(Fraction(1, 2)))


def _log_base(base: int) -> Callable[[Node], Node]:
    return lambda x: graph.div(graph.log(x), graph.log(graph.constant(base)))


def _abs(x: Node) -> Node:
    return graph.maximum(x, graph.neg(x))


def _sign(x: Node) -> Node:
    negative = graph.where(graph.less(x, graph.ZERO), graph.constant(-1), graph.ZERO)
    return graph.where(graph.less(graph.ZERO, x), graph.ONE, negative)


def _sinh(x: Node) -> Node:
    return graph.mul(
        graph.constant(Fraction(1, 2)), graph.sub(graph.exp(x), graph.exp(graph.neg(x)))
    )


def _cosh(x: Node) -> Node:
    return graph.mul(
        graph.constant(Fraction(1, 2)), graph.add(graph.exp(x), graph.exp(graph.neg(x)))
    )


def _tanh(x: Node) -> Node:
    falling = graph.exp(graph.mul(graph.constant(-2), x))
    return graph.div(graph.sub(graph.ONE, falling), graph.add(graph.ONE, falling))


_ARITHMETIC: dict[str, Callable[..., Node]] = {
    "subtract": graph.sub,
    "divide": graph.div,
    "maximum": graph.maximum,
    "minimum": graph.minimum,
    "negative": graph.neg,
    "positive": lambda x: x,
    "abs": _abs,
    "square": lambda x: graph.mul(x, x),
    "sqrt": _sqrt,
    "exp": graph.exp,
    "exp2": lambda x: graph.power(graph.constant(2), x),
    "expm1": lambda x: graph.sub(graph.exp(x), graph.ONE),
    "log": graph.log,
    "log1p": lambda x: graph.log(graph.add(graph.ONE, x)),
    "log2": _log_base(2),
    "log10": _log_base(10),
    "logaddexp": lambda x, y: graph.log(graph.add(graph.exp(x), graph.exp(y))),
    "hypot": lambda x, y: _sqrt(graph.add(graph.mul(x, x), graph.mul(y, y))),
    "sign": _sign,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "floor": graph.floor,
    "ceil": lambda x: graph.neg(graph.floor(graph.neg(x))),
}
for _name, _function in _ARITHMETIC.items():
    _elementwise(_name, _function)


@_export("reciprocal")
def _reciprocal(trace: Trace, x: Any) -> Any:
    array = as_traced(trace, x)
    if _holds_whole_numbers(array):
        raise trace.error("the reciprocal of a whole number is rounded down", "write 1 / x")
    return _apply(trace, lambda node: graph.div(graph.ONE, node), array)


@_export("pow")
def _pow(trace: Trace, base: Any, exponent: Any) -> Any:
    if _is_truth(base):
        _forbid_truth_values(trace, "pow", base)
    arrays = [as_traced(trace, base), as_traced(trace, exponent)]
    whole = [_holds_whole_numbers(array) for array in arrays]
    natural = all(n.op == "const" and n.data >= 0 for n in arrays[1].elements.reshape(-1))
    if all(whole) and not natural and not isinstance(base, float):
        raise trace.error("whole numbers are raised to a negative power", "make the base a float")
    return _apply(trace, graph.power, *arrays)


_COMPARISONS: dict[str, Callable[..., Node]] = {
    "less": graph.less,
    "less_equal": graph.at_most,
    "greater": lambda x, y: graph.less(y, x),
    "greater_equal": lambda x, y: graph.at_most(y, x),
}
for _name, _function in _COMPARISONS.items():
    _elementwise(_name, _function, boolean=True)


def _sum_or_product(name: str, numbers: Callable[..., Node], truths: Callable[..., Node]) -> None:
    def call(trace: Trace, left: Any, right: Any) -> Any:
        arrays = [as_traced(trace, left), as_traced(trace, right)]
        if all(array.boolean for array in arrays):
            return elementwise(truths, *arrays, boolean=True)
        return _apply(trace, numbers, *arrays)

    FUNCTIONS[name] = call


_sum_or_product("add", graph.add, graph.disj)
_sum_or_product("multiply", graph.mul, graph.conj)


def _as_truth(node: Node) -> Node:
    if graph.is_boolean(node):
        return node
    return graph.negation(graph.equal(node, graph.ZERO))


def _logical(name: str, function: Callable[..., Node]) -> None:
    def call(trace: Trace, *values: Any) -> Any:
        arrays = [as_traced(trace, value) for value in values]
        return elementwise(lambda *n: function(*map(_as_truth, n)), *arrays, boolean=True)

    FUNCTIONS[name] = call


def _xor(left: Node, right: Node) -> Node:
    return graph.disj(
        graph.conj(left, graph.negation(right)), graph.conj(graph.negation(left), right)
    )


_logical("logical_and", graph.conj)
_logical("logical_or", graph.disj)
_logical("logical_not", graph.negation)
_logical("logical_xor", _xor)


def _bitwise(name: str) -> None:
    def call(trace: Trace, *values: Any) -> Any:
        arrays = [as_traced(trace, value) for value in values]
        if not all(array.boolean for array in arrays):
            raise trace.needs_size("the rule takes the bits of numbers, not of truth values")
        return FUNCTIONS[f"logical_{'not' if name == 'invert' else name}"](trace, *arrays)

    FUNCTIONS[f"bitwise_{name}"] = call


for _name in ("and", "or", "xor", "invert"):
    _bitwise(_name)


@_export("equal")
def _equal(trace: Trace, left: Any, right: Any) -> Any:
    arrays = [as_traced(trace, left), as_traced(trace, right)]
    if all(array.boolean for array in arrays):
        return elementwise(lambda a, b: graph.negation(_xor(a, b)), *arrays, boolean=True)
    return _apply(trace, graph.equal, *arrays, boolean=True)


@_export("not_equal")
def _not_equal(trace: Trace, left: Any, right: Any) -> Any:
    return FUNCTIONS["logical_not"](trace, _equal(trace, left, right))


@_export("where")
def _where(trace: Trace, condition: Any, then: Any, otherwise: Any) -> Any:
    arrays = [as_traced(trace, value) for value in (condition, then, otherwise)]
    both = arrays[1].boolean and arrays[2].boolean

    def choose(test: Node, left: Node, right: Node) -> Node:
        if not both:
            left, right = number(left), number(right)
        return graph.where(_as_truth(test), left, right)

    return elementwise(choose, *arrays, boolean=both)


@_export("clip")
def _clip(trace: Trace, x: Any, min: Any = None, max: Any = None) -> Any:
    result = as_traced(trace, x)
    if min is not None:
        result = _apply(trace, graph.maximum, result, min)
    if max is not None:
        result = _apply(trace, graph.minimum, result, max)
    return result


@_export("astype")
def _astype(trace: Trace, x: Any, dtype: Any) -> Any:
    array = as_traced(trace, x)
    wanted = np.dtype(dtype)
    if wanted == np.dtype(bool):
        return elementwise(_as_truth, array, boolean=True)
    if wanted not in (np.dtype(np.float64), np.dtype(np.int64)):
        raise trace.error(f"the rule converts to {wanted}", "use floats of 64 bits")
    if wanted.kind == "i" and not _holds_whole_numbers(array):
        raise trace.error("the rule rounds to integers", "use xp.floor, whose meaning is exact")
    return _apply(trace, lambda node: node, array)


def _holds_whole_numbers(array: SymbolicArray) -> bool:
    return all(is_whole(number(node)) for node in array.elements.reshape(-1))


@_export("as_numbers")
def as_numbers(trace: Trace, x: Any) -> Any:
    """Truth values as ones and zeros; numbers as they are."""
    return _apply(trace, lambda node: node, x)


@_export("floor_divide")
def _floor_divide(trace: Trace, left: Any, right: Any) -> Any:
    """NumPy rounds a share of infinity down to -1 or 0: it is undefined here."""

    def quotient(x: Node, y: Node) -> Node:
        share = graph.div(x, y)
        if any(part.op == "log" for part in graph.subnodes(y)):  # which may be infinite
            share = graph.mul(share, graph.div(y, y))
        return graph.floor(share)

    return _apply(trace, quotient, left, right)


@_export("whole_floor_divide")
def _whole_floor_divide(trace: Trace, left: Any, right: Any) -> Any:
    """NumPy's integers give zero where they are divided by zero."""

    def quotient(x: Node, y: Node) -> Node:
        nobody = graph.equal(y, graph.ZERO)
        return graph.where(nobody, graph.ZERO, graph.floor(graph.div(x, y)))

    return _apply(trace, quotient, left, right)


# Reductions --------------------------------------------------------------------------------------


def _flag(value: Any) -> bool:
    """A truth value that NumPy's dispatch may not have been given."""
    return value is not np._NoValue and bool(value)


def _reduction(name: str) -> None:
    def call(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        array = as_traced(trace, x)
        if name in ("all", "any"):
            array = elementwise(_as_truth, array, boolean=True)
        elif name in ("max", "min") and array.boolean:
            return reduce_axes("any" if name == "max" else "all", array, axis, _flag(keepdims))
        else:
            array = elementwise(number, array)
        return reduce_axes(name, array, axis, _flag(keepdims))

    FUNCTIONS[name] = call


for _name in graph.REDUCTIONS:
    _reduction(_name)


@_export("sum_of_greater")
def _sum_of_greater(trace: Trace, values: Any, weights: Any) -> Any:
    """What the function of `mechanisms` finds by sorting, as comparisons of all pairs."""
    keys, shares = (elementwise(number, as_traced(trace, array)) for array in (values, weights))
    if _is_truth(values):
        raise TypeError("sum_of_greater orders numbers, not truth values")
    kinds = [[getattr(axis, "axis", axis) for axis in array.axes] for array in (keys, shares)]
    if len(kinds[0]) != 1 or kinds[0] != kinds[1]:
        raise ValueError("sum_of_greater takes two arrays of one shape (n,)")
    greater = elementwise(graph.less, keys[:, None], keys[None, :], boolean=True)
    return reduce_axes("sum", _where(trace, greater, shares[None, :], 0), 1)


@_export("mean")
def _mean(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    array = as_traced(trace, x)
    total = FUNCTIONS["sum"](trace, array, axis, keepdims)
    chosen = range(array.ndim) if axis is None else axis_numbers(axis, array.ndim)
    for one in chosen:
        total = total / array.shape[one]
    return total


@_export("var")
def _var(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    array = as_traced(trace, x)
    centred = array - _mean(trace, array, axis, True)
    return _mean(trace, centred * centred, axis, keepdims)


@_export("std")
def _std(trace: Trace, x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return FUNCTIONS["sqrt"](trace, _var(trace, x, axis, keepdims))


@_export("count_nonzero")
def _count_nonzero(trace: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    truths = elementwise(_as_truth, as_traced(trace, x), boolean=True)
    return FUNCTIONS["sum"](trace, truths, axis, keepdims)


@_export("average")
def _average(
    trace: Trace, a: Any, axis: Any = None, weights: Any = None, keepdims: Any = False
) -> Any:
    if weights is None:
        return _mean(trace, a, axis, keepdims)
    array, shares = as_traced(trace, a), as_traced(trace, weights)
    if shares.ndim == array.ndim:
        check_same_axes(trace, "average", array, shares)
    elif axis is None or shares.ndim != 1:
        raise TypeError("average takes weights along one axis, which has to be named")
    else:
        place = axis_number(axis, array.ndim)
        check_same_length(trace, "average", array.axes[place], shares.axes[0])
        shares = shares[tuple(slice(None) if i == place else None for i in range(array.ndim))]
    top = FUNCTIONS["sum"](trace, array * shares, axis, _flag(keepdims))
    return top / FUNCTIONS["sum"](trace, shares, axis, _flag(keepdims))


# Products of arrays ------------------------------------------------------------------------------


def _numbers(trace: Trace, *values: Any) -> list[SymbolicArray]:
    """Arrays of numbers, for products; NumPy's product of truth values is a truth value."""
    arrays = [as_traced(trace, value) for value in values]
    if all(array.boolean for array in arrays):
        raise trace.error("products of truth values cannot be traced", "make one of them a float")
    return [elementwise(number, array) for array in arrays]


@_export("dot")
def _dot(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _numbers(trace, left, right)
    return x * y if x.ndim == 0 or y.ndim == 0 else _matmul(trace, x, y)


@_export("matmul")
def _matmul(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _numbers(trace, left, right)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul takes arrays with axes; multiply by a number with *")
    if x.ndim > 2 or y.ndim > 2:
        raise trace.error("products of arrays with more than two axes cannot be traced")
    check_same_length(trace, "a product of arrays", x.axes[-1], y.axes[0])
    spread = x[(..., None)] if y.ndim == 2 else x
    other = y if y.ndim == 1 or x.ndim == 1 else y[None, :, :]
    return reduce_axes("sum", spread * other, -1 if y.ndim == 1 else -2)


@_export("vecdot")
def _vecdot(trace: Trace, left: Any, right: Any, axis: int = -1) -> Any:
    x, y = (_moveaxis(trace, array, axis, -1) for array in _numbers(trace, left, right))
    check_same_length(trace, "vecdot", x.axes[-1], y.axes[-1])
    return reduce_axes("sum", x * y, -1)


def _vectors(trace: Trace, name: str, *values: Any) -> list[SymbolicArray]:
    arrays = _numbers(trace, *values)
    if any(array.ndim != 1 for array in arrays):
        raise trace.error(f"{name} of arrays with several axes cannot be traced", "use matmul")
    return arrays


@_export("inner")
def _inner(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _vectors(trace, "inner", left, right)
    check_same_length(trace, "inner", x.axes[0], y.axes[0])
    return reduce_axes("sum", x * y, -1)


@_export("outer")
def _outer(trace: Trace, left: Any, right: Any) -> Any:
    x, y = _vectors(trace, "outer", left, right)
    return x[:, None] * y[None, :]


@_export("tensordot")
def _tensordot(trace: Trace, left: Any, right: Any, axes: Any = 2) -> Any:
    x, y = as_traced(trace, left), as_traced(trace, right)
    if isinstance(axes, int):
        if not 0 <= axes <= min(x.ndim, y.ndim):
            raise ValueError(f"arrays of {x.ndim} and {y.ndim} axes do not have {axes} to sum over")
        pairs = [list(range(x.ndim - axes, x.ndim)), list(range(axes))]
    else:
        pairs = [[one] if isinstance(one, int) else list(one) for one in axes]
    letters = "abcdefghijklmnopqrstuvwxyz"
    first = list(letters[: x.ndim])
    second = list(letters[x.ndim : x.ndim + y.ndim])
    for i, j in zip(*pairs, strict=True):
        summed, other = axis_number(i, x.ndim), axis_number(j, y.ndim)
        check_same_length(trace, "tensordot", x.axes[summed], y.axes[other])
        second[other] = first[summed]
    kept = [c for c in first + second if (first + second).count(c) == 1]
    return _einsum(trace, f"{''.join(first)},{''.join(second)}->{''.join(kept)}", x, y)


@_export("einsum")
def _einsum(trace: Trace, subscripts: str, *operands: Any) -> Any:
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    names = inputs.split(",")
    if not arrow:
        joined = "".join(names)
        output = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    if any(len(set(name)) != len(name) or "." in name for name in (*names, output)):
        raise trace.error("this einsum cannot be traced", "use matmul and sums")
    if not set(output) <= set("".join(names)):
        raise ValueError("the output of einsum has an axis that no operand has")
    letters = list(dict.fromkeys(output + "".join(names)))
    product: Any = None
    arrays = _numbers(trace, *operands)
    for name, array in zip(names, arrays, strict=True):
        present = [letter for letter in letters if letter in name]
        array = array.permuted_axes([name.index(letter) for letter in present])
        array = array[tuple(slice(None) if letter in name else None for letter in letters)]
        product = array if product is None else product * array
    summed = tuple(i for i, letter in enumerate(letters) if letter not in output)
    return reduce_axes("sum", product, summed) if summed else product


@_export("norm")
def _norm(trace: Trace, x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """NumPy's norm, which is the vector norm of a vector, or along one axis."""
    array = as_traced(trace, x)
    if array.ndim != 1 and not isinstance(axis, int):
        raise trace.error("the norm of a matrix cannot be traced", "name an axis")
    return _vector_norm(trace, array, axis, _flag(keepdims), 2 if ord is None else ord)


@_export("vector_norm")
def _vector_norm(
    trace: Trace, x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    array = elementwise(number, as_traced(trace, x))
    if ord in (2, None):
        return FUNCTIONS["sqrt"](trace, reduce_axes("sum", array * array, axis, keepdims))
    if ord == 1:
        return reduce_axes("sum", abs(array), axis, keepdims)
    if ord == np.inf:
        return reduce_axes("max", abs(array), axis, keepdims)
    raise trace.error(f"a vector norm of order {ord!r} cannot be traced")


# Creation ----------------------------------------------------------------------------------------


@_export("asarray")
def _asarray(trace: Trace, value: Any, dtype: Any = None) -> Any:
    array = as_traced(trace, value)
    return array if dtype is None else _astype(trace, array, dtype)


@_export("copy")
def _copy(trace: Trace, value: Any) -> Any:
    return as_traced(trace, value)


@_export("item")
def _item(trace: Trace, value: Any) -> Any:
    return scalar_array(trace, as_traced(trace, value).node())


def _one_number(trace: Trace, value: Any) -> Node:
    """What an array is filled with."""
    array = as_traced(trace, value)
    if array.axes:
        raise trace.error("an array is filled with an array", "use xp.broadcast_to")
    return array.node()


def _filled(trace: Trace, shape: Any, value: Any) -> SymbolicArray:
    node = _one_number(trace, value)
    lengths = shape if isinstance(shape, tuple | list) else (shape,)
    axes: list[Any] = []
    for length in lengths:
        if isinstance(length, SymbolicArray) and length.node().op == "size":
            axes.append(trace.fresh(length.node().data))
        else:
            axes.append(operator.index(length))
    elements = np.full(
        [1 if isinstance(axis, Index) else axis for axis in axes], node, dtype=object
    )
    return SymbolicArray(trace, tuple(axes), elements, boolean=graph.is_boolean(node))


@_export("empty")
def _empty(trace: Trace, shape: Any, dtype: Any = None) -> Any:
    """Memory that nobody has written: undefined until it is assigned."""
    return elementwise(_unwritten, _filled(trace, shape, 0))


@_export("empty_like")
def _empty_like(trace: Trace, x: Any, dtype: Any = None) -> Any:
    return elementwise(_unwritten, as_traced(trace, x))


def _unwritten(_: Node) -> Node:
    return graph.div(graph.ZERO, graph.ZERO)


@_export("zeros")
def _zeros(trace: Trace, shape: Any, dtype: Any = None) -> Any:
    return _asarray(trace, _filled(trace, shape, 0), dtype)


@_export("ones")
def _ones(trace: Trace, shape: Any, dtype: Any = None) -> Any:
    return _asarray(trace, _filled(trace, shape, 1), dtype)


@_export("full")
def _full(trace: Trace, shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    return _asarray(trace, _filled(trace, shape, fill_value), dtype)


def _like(trace: Trace, x: Any, value: Any, dtype: Any) -> Any:
    node, array = _one_number(trace, value), as_traced(trace, x)
    if not array.boolean:
        node = number(node)
    if dtype is None and not is_whole(node) and all(map(is_whole, array.elements.reshape(-1))):
        raise trace.error("an array of whole numbers may not hold a fraction", "give a dtype")
    filled = elementwise(lambda _: node, array, boolean=graph.is_boolean(node))
    kept = bool if array.boolean and dtype is None else dtype
    return _asarray(trace, filled, kept)


@_export("zeros_like")
def _zeros_like(trace: Trace, x: Any, dtype: Any = None) -> Any:
    return _like(trace, x, 0, dtype)


@_export("ones_like")
def _ones_like(trace: Trace, x: Any, dtype: Any = None) -> Any:
    return _like(trace, x, 1, dtype)


@_export("full_like")
def _full_like(trace: Trace, x: Any, fill_value: Any, dtype: Any = None) -> Any:
    return _like(trace, x, fill_value, dtype)


@_export("arange")
def _arange(trace: Trace, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
    first, last = (0, start) if stop is None else (start, stop)
    if any(isinstance(part, float) for part in (first, last, step)):
        raise trace.error("arange of floats cannot be traced", "count in whole numbers")
    counted = range(operator.index(first), operator.index(last), operator.index(step))
    return _asarray(trace, list(counted), dtype)


@_export("eye")
def _eye(trace: Trace, n_rows: Any, n_cols: Any = None, k: Any = 0, dtype: Any = None) -> Any:
    rows = operator.index(n_rows)
    columns = rows if n_cols is None else operator.index(n_cols)
    if rows < 0 or columns < 0:
        raise ValueError("eye takes lengths of at least zero")
    offset = operator.index(k)
    table = [[int(j == i + offset) for j in range(columns)] for i in range(rows)]
    return _asarray(trace, table, dtype)


# Shapes ------------------------------------------------------------------------------------------


@_export("reshape")
def _reshape(trace: Trace, x: Any, shape: Any, *more: Any) -> Any:
    lengths = shape if isinstance(shape, tuple | list) else (shape, *more)
    return as_traced(trace, x).reshaped(lengths)


@_export("flatten")
def _flatten(trace: Trace, x: Any) -> Any:
    array = as_traced(trace, x)
    return array if array.ndim == 1 else array.reshaped((-1,))


@_export("expand_dims")
def _expand_dims(trace: Trace, x: Any, axis: Any = 0) -> Any:
    array = as_traced(trace, x)
    if isinstance(axis, tuple):
        raise trace.error("expand_dims of several axes cannot be traced", "add one at a time")
    place = axis_number(axis, array.ndim + 1)
    return array[(*[slice(None)] * place, None)]


@_export("squeeze")
def _squeeze(trace: Trace, x: Any, axis: Any = None) -> Any:
    array = as_traced(trace, x)
    listed = axis if isinstance(axis, tuple) else (axis,)
    if axis is None:
        _need_lengths(trace, "squeezes whatever has length one", array)
        listed = tuple(i for i, length in enumerate(array.axes) if length == 1)
    chosen = axis_numbers(listed, array.ndim)
    for one in chosen:
        check_same_length(trace, "squeeze", array.axes[one], 1)
    return array[tuple(0 if i in chosen else slice(None) for i in range(array.ndim))]


@_export("permute_dims")
def _permute_dims(trace: Trace, x: Any, axes: Any = None, *more: Any) -> Any:
    array = as_traced(trace, x)
    if axes is None:
        return array.T
    return array.permuted_axes((axes, *more) if isinstance(axes, int) else axes)


@_export("matrix_transpose")
def _matrix_transpose(trace: Trace, x: Any) -> Any:
    return as_traced(trace, x).mT


@_export("swapaxes")
def _swapaxes(trace: Trace, x: Any, first: int, second: int) -> Any:
    array = as_traced(trace, x)
    order = list(range(array.ndim))
    first, second = axis_number(first, array.ndim), axis_number(second, array.ndim)
    order[first], order[second] = order[second], order[first]
    return array.permuted_axes(order)


@_export("moveaxis")
def _moveaxis(trace: Trace, x: Any, source: Any, destination: Any) -> Any:
    array = as_traced(trace, x)
    if isinstance(source, tuple | list) or isinstance(destination, tuple | list):
        raise trace.error("moveaxis of several axes cannot be traced", "use permute_dims")
    taken = axis_number(source, array.ndim)
    order = [axis for axis in range(array.ndim) if axis != taken]
    order.insert(axis_number(destination, array.ndim), taken)
    return array.permuted_axes(order)


@_export("broadcast_arrays")
def _broadcast_arrays(trace: Trace, *arrays: Any) -> Any:
    traced = [as_traced(trace, array) for array in arrays]
    return [
        elementwise(lambda *nodes, k=place: nodes[k], *traced, boolean=array.boolean)
        for place, array in enumerate(traced)
    ]


@_export("broadcast_to")
def _broadcast_to(trace: Trace, x: Any, shape: Any) -> Any:
    array = as_traced(trace, x)
    target = _filled(trace, shape, 0)
    if array.ndim > target.ndim:
        raise ValueError(f"an array of {array.ndim} axes does not fit {target.ndim}")
    for own, wanted in zip(array.axes[::-1], target.axes[::-1], strict=False):
        if own != 1:
            check_same_length(trace, "broadcast_to", own, wanted)
    return elementwise(lambda node, _: node, array, target, boolean=array.boolean)


@_export("stack")
def _stack(trace: Trace, arrays: Any, axis: int = 0) -> Any:
    traced = of_one_kind([as_traced(trace, array) for array in arrays])
    for array in traced[1:]:
        check_same_axes(trace, "stack", traced[0], array)
    axes, elements = broadcast(trace, traced)
    place = axis_number(axis, len(axes) + 1)
    stacked = np.stack(np.broadcast_arrays(*elements), axis=place)
    kinds = [
        one if isinstance(one, Index) else length
        for one, length in zip(axes, np.delete(stacked.shape, place), strict=True)
    ]
    kinds.insert(place, len(traced))
    return SymbolicArray(
        trace,
        tuple(int(k) if not isinstance(k, Index) else k for k in kinds),
        stacked,
        boolean=traced[0].boolean,
    )


@_export("concat")
def _concat(trace: Trace, arrays: Any, axis: Any = 0) -> Any:
    traced = of_one_kind([as_traced(trace, array) for array in arrays])
    _need_lengths(trace, "concatenates", *traced)
    elements = np.concatenate([array.elements for array in traced], axis=axis)
    return SymbolicArray(trace, elements.shape, elements, boolean=traced[0].boolean)


def _rearrangement(name: str) -> None:
    def call(trace: Trace, x: Any, *args: Any, **kwargs: Any) -> Any:
        array = as_traced(trace, x)
        _need_lengths(trace, "rearranges", array)
        elements = getattr(np, name)(array.elements, *args, **kwargs)
        return SymbolicArray(trace, elements.shape, elements, boolean=array.boolean)

    FUNCTIONS[name] = call


for _name in ("flip", "roll", "repeat", "tile"):
    _rearrangement(_name)


@_export("unstack")
def _unstack(trace: Trace, x: Any, axis: int = 0) -> Any:
    array = as_traced(trace, x)
    return tuple(_moveaxis(trace, array, axis, 0))


# What needs lengths ------------------------------------------------------------------------------


def _need_lengths(trace: Trace, doing: str, *arrays: SymbolicArray) -> None:
    if any(isinstance(axis, Index) for array in arrays for axis in array.axes):
        raise trace.needs_size(f"the rule {doing} along the agents or tokens")


def _along(
    array: SymbolicArray, axis: Any, work: Callable[[list[Node]], list[Node]]
) -> SymbolicArray:
    """The array with `work` applied to every line of nodes along an axis."""
    place = axis_number(axis, array.ndim)
    moved = np.moveaxis(array.elements, place, -1)
    results: dict[tuple[int, ...], list[Node]] = {
        line: work(list(moved[line])) for line in np.ndindex(*moved.shape[:-1])
    }
    length = len(next(iter(results.values()))) if results else 0
    filled = np.empty((*moved.shape[:-1], length), dtype=object)
    for line, nodes in results.items():
        filled[line] = np.array(nodes, dtype=object)
    elements = np.moveaxis(filled, -1, place)
    return SymbolicArray(array.trace, elements.shape, elements, boolean=array.boolean)


def _ranks(nodes: list[Node], descending: bool) -> list[Node]:
    """The place of every node in the stable order: how many come before it."""

    def before(i: int, j: int) -> Node:
        strictly = graph.less(nodes[j], nodes[i]) if descending else graph.less(nodes[i], nodes[j])
        tied = graph.equal(nodes[i], nodes[j]) if i < j else graph.FALSE
        return graph.disj(strictly, tied)

    counted = range(len(nodes))
    return [
        graph.add(graph.ZERO, *(number(before(i, j)) for i in counted if i != j)) for j in counted
    ]


def _sorted_nodes(nodes: list[Node]) -> list[Node]:
    """A sorting network: comparators between neighbours, so every output is max and min nodes."""
    ordered = list(nodes)
    for end in range(len(ordered) - 1, 0, -1):
        for i in range(end):
            low = graph.minimum(ordered[i], ordered[i + 1])
            high = graph.maximum(ordered[i], ordered[i + 1])
            ordered[i], ordered[i + 1] = low, high
    return ordered


@_export("sort")
def _sort(
    trace: Trace,
    x: Any,
    axis: Any = -1,
    descending: bool = False,
    stable: Any = True,
    kind: Any = None,
) -> Any:
    """Equal numbers are alike, so that neither `stable` nor `kind` means anything."""
    _forbid_truth_values(trace, "sort", x)
    array = as_traced(trace, x)
    _need_lengths(trace, "sorts", array)
    if axis is None:
        array, axis = array.reshaped((-1,)), 0
    return _along(array, axis, lambda n: _sorted_nodes(n)[:: -1 if descending else 1])


@_export("argsort")
def _argsort(
    trace: Trace,
    x: Any,
    axis: Any = -1,
    descending: bool = False,
    stable: Any = True,
    kind: Any = None,
) -> Any:
    """The stable order: NumPy's default one has equal numbers in any order."""
    if not stable and kind not in ("stable", "mergesort"):
        raise trace.error("the rule sorts equal numbers in an order of NumPy's", "say stable=True")
    array = elementwise(number, as_traced(trace, x))
    _need_lengths(trace, "sorts", array)
    if axis is None:
        array, axis = array.reshaped((-1,)), 0

    def order(nodes: list[Node]) -> list[Node]:
        ranks = _ranks(nodes, descending)
        return [_position_of(ranks, place) for place in range(len(nodes))]

    return _along(array, axis, order)


def _position_of(ranks: list[Node], place: int) -> Node:
    position = graph.constant(len(ranks) - 1)
    for i in range(len(ranks) - 2, -1, -1):
        here = graph.equal(ranks[i], graph.constant(place))
        position = graph.where(here, graph.constant(i), position)
    return position


def _arg_extremum(name: str, descending: bool) -> None:
    def call(trace: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        array = elementwise(number, as_traced(trace, x))
        if axis is not None:
            axis = axis_number(axis, array.ndim)
        if len(array.axes) == 1 and isinstance(array.axes[0], Index) and not keepdims:
            over = trace.fresh(array.axes[0].axis)
            key = graph.substitute_index(array.node(), array.axes[0], over)
            return scalar_array(trace, graph.position_of_largest(over, number(key), descending))
        _need_lengths(trace, "looks for the position of an extremum", array)
        if axis is None:
            array, axis = array.reshaped((-1,)), 0
        found = _along(array, axis, lambda n: [_first_of(n, descending)])
        return found if keepdims else _squeeze(trace, found, axis)

    FUNCTIONS[name] = call


def _first_of(nodes: list[Node], largest: bool) -> Node:
    best = fold_rows(
        Trace(), "max" if largest else "min", [scalar_array(Trace(), n).elements for n in nodes], ()
    )[()]
    position = graph.constant(len(nodes) - 1)
    for i in range(len(nodes) - 2, -1, -1):
        position = graph.where(graph.equal(nodes[i], best), graph.constant(i), position)
    return position


_arg_extremum("argmax", True)
_arg_extremum("argmin", False)


@_export("median")
def _median(trace: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if isinstance(axis, tuple):
        raise trace.error("a median over several axes cannot be traced", "reshape the array first")
    array = elementwise(number, as_traced(trace, x))
    _need_lengths(trace, "takes a median", array)
    if axis is None:
        array, axis = array.reshaped((-1,)), 0

    def middle(nodes: list[Node]) -> list[Node]:
        ordered, half = _sorted_nodes(nodes), len(nodes) // 2
        if len(nodes) % 2:
            return [ordered[half]]
        return [
            graph.mul(graph.constant(Fraction(1, 2)), graph.add(ordered[half - 1], ordered[half]))
        ]

    found = _along(array, axis, middle)
    return found if keepdims else _squeeze(trace, found, axis)


def _scan(name: str, combine: Callable[..., Node]) -> None:
    def call(trace: Trace, x: Any, axis: Any = None, include_initial: bool = False) -> Any:
        array = elementwise(number, as_traced(trace, x))
        _need_lengths(trace, "accumulates", array)
        if include_initial:
            raise trace.error(f"{name} with include_initial cannot be traced")
        if axis is None and array.ndim != 1:
            raise trace.error(f"{name} of several axes cannot be traced", "name an axis")
        axis = 0 if axis is None else axis
        return _along(array, axis, lambda n: [combine(*n[: stop + 1]) for stop in range(len(n))])

    FUNCTIONS[name] = call


_scan("cumulative_sum", graph.add)
_scan("cumulative_prod", graph.mul)


@_export("take")
def _take(trace: Trace, x: Any, indices: Any, axis: Any = None) -> Any:
    array = as_traced(trace, x)
    if axis is None:
        array, axis = array if array.ndim == 1 else array.reshaped((-1,)), 0
    place = axis_number(axis, array.ndim)
    return array[(*[slice(None)] * place, as_traced(trace, indices))]


@_export("take_along_axis")
def _take_along_axis(trace: Trace, x: Any, indices: Any, axis: Any = -1) -> Any:
    array, wanted = as_traced(trace, x), as_traced(trace, indices)
    _need_lengths(trace, "indexes with computed positions", array, wanted)
    place = axis_number(axis, array.ndim)
    lengths = [np.delete(part.elements.shape, place).tolist() for part in (array, wanted)]
    if lengths[0] != lengths[1]:
        raise trace.error("take_along_axis of unlike shapes cannot be traced", "broadcast them")
    values = np.moveaxis(array.elements, place, -1)
    chosen = np.moveaxis(wanted.elements, place, -1)
    result = np.empty(chosen.shape, dtype=object)
    for line in np.ndindex(*chosen.shape):
        row = SymbolicArray(trace, (values.shape[-1],), values[line[:-1]])
        result[line] = row[scalar_array(trace, chosen[line])].node()
    elements = np.moveaxis(result, -1, place)
    return SymbolicArray(trace, elements.shape, elements, boolean=array.boolean)
