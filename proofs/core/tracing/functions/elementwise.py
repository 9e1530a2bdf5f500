"""TRUSTED CORE. What functions of single numbers and truth values mean: element by element."""

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.tracing.registry import FUNCTIONS, export
from tokenauction.proofs.core.tracing.symbolic_array import (
    OPERANDS,
    SymbolicArray,
    as_traced,
    elementwise,
    is_whole,
    number,
)
from tokenauction.proofs.core.tracing.trace import Trace


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
            forbid_truth_values(trace, name, *values)
        return _apply(trace, function, *values, boolean=boolean)

    FUNCTIONS[name] = call


def forbid_truth_values(trace: Trace, name: str, *values: Any) -> None:
    """The standard has arithmetic of numbers only; NumPy's of truth values is an error, or bits."""
    if values and all(is_truth(value) for value in values):
        raise trace.error(
            f"{name} of truth values cannot be traced",
            "make them numbers first: xp.astype(mask, dists.dtype)",
        )


def is_truth(value: Any) -> bool:
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


@export("reciprocal")
def _reciprocal(trace: Trace, x: Any) -> Any:
    array = as_traced(trace, x)
    if _holds_whole_numbers(array):
        raise trace.error("the reciprocal of a whole number is rounded down", "write 1 / x")
    return _apply(trace, lambda node: graph.div(graph.ONE, node), array)


@export("pow")
def _pow(trace: Trace, base: Any, exponent: Any) -> Any:
    if is_truth(base):
        forbid_truth_values(trace, "pow", base)
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


def as_truth(node: Node) -> Node:
    if graph.is_boolean(node):
        return node
    return graph.negation(graph.equal(node, graph.ZERO))


def _logical(name: str, function: Callable[..., Node]) -> None:
    def call(trace: Trace, *values: Any) -> Any:
        arrays = [as_traced(trace, value) for value in values]
        return elementwise(lambda *n: function(*map(as_truth, n)), *arrays, boolean=True)

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


@export("equal")
def _equal(trace: Trace, left: Any, right: Any) -> Any:
    arrays = [as_traced(trace, left), as_traced(trace, right)]
    if all(array.boolean for array in arrays):
        return elementwise(lambda a, b: graph.negation(_xor(a, b)), *arrays, boolean=True)
    return _apply(trace, graph.equal, *arrays, boolean=True)


@export("not_equal")
def _not_equal(trace: Trace, left: Any, right: Any) -> Any:
    return FUNCTIONS["logical_not"](trace, _equal(trace, left, right))


@export("where")
def where(trace: Trace, condition: Any, then: Any, otherwise: Any) -> Any:
    arrays = [as_traced(trace, value) for value in (condition, then, otherwise)]
    both = arrays[1].boolean and arrays[2].boolean

    def choose(test: Node, left: Node, right: Node) -> Node:
        if not both:
            left, right = number(left), number(right)
        return graph.where(as_truth(test), left, right)

    return elementwise(choose, *arrays, boolean=both)


@export("clip")
def _clip(trace: Trace, x: Any, min: Any = None, max: Any = None) -> Any:
    result = as_traced(trace, x)
    if min is not None:
        result = _apply(trace, graph.maximum, result, min)
    if max is not None:
        result = _apply(trace, graph.minimum, result, max)
    return result


@export("astype")
def astype(trace: Trace, x: Any, dtype: Any) -> Any:
    array = as_traced(trace, x)
    wanted = np.dtype(dtype)
    if wanted == np.dtype(bool):
        return elementwise(as_truth, array, boolean=True)
    if wanted not in (np.dtype(np.float64), np.dtype(np.int64)):
        raise trace.error(f"the rule converts to {wanted}", "use floats of 64 bits")
    if wanted.kind == "i" and not _holds_whole_numbers(array):
        raise trace.error("the rule rounds to integers", "use xp.floor, whose meaning is exact")
    return _apply(trace, lambda node: node, array)


def _holds_whole_numbers(array: SymbolicArray) -> bool:
    return all(is_whole(number(node)) for node in array.elements.reshape(-1))


@export("as_numbers")
def as_numbers(trace: Trace, x: Any) -> Any:
    """Truth values as ones and zeros; numbers as they are."""
    return _apply(trace, lambda node: node, x)


@export("floor_divide")
def _floor_divide(trace: Trace, left: Any, right: Any) -> Any:
    """NumPy rounds a share of infinity down to -1 or 0: it is undefined here."""

    def quotient(x: Node, y: Node) -> Node:
        share = graph.div(x, y)
        if any(part.op == "log" for part in graph.subnodes(y)):  # which may be infinite
            share = graph.mul(share, graph.div(y, y))
        return graph.floor(share)

    return _apply(trace, quotient, left, right)


@export("whole_floor_divide")
def _whole_floor_divide(trace: Trace, left: Any, right: Any) -> Any:
    """NumPy's integers give zero where they are divided by zero."""

    def quotient(x: Node, y: Node) -> Node:
        nobody = graph.equal(y, graph.ZERO)
        return graph.where(nobody, graph.ZERO, graph.floor(graph.div(x, y)))

    return _apply(trace, quotient, left, right)
