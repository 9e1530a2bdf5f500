"""TRUSTED CORE. Whole numbers of a trace: where NumPy holds them, it cuts fractions and wraps."""

from collections.abc import Sequence
from typing import assert_never

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.tracing.symbolic_array import (
    SymbolicArray,
)

_LARGEST_COUNT = 2**20
_LARGEST_WHOLE = 2**62


def forbid_cutting(symbol: SymbolicArray, name: str) -> None:
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


def forbid_wrapping(symbol: SymbolicArray) -> None:
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
        case "lt" | "le" | "eq" | "and" | "or" | "not" | "truth" | "same" | "before":
            return 1
        case "pow" | "exp" | "log" | "bid" | "other_bid" | "prob" | "dist" | "scalar" | "given":
            return 2**200
        case _:
            assert_never(node.op)
