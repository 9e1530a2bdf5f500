"""TRUSTED CORE in what it shows. Graphs in batches of floats: thousands of profiles at a time.

What the search finds with it is only a candidate, which exact replay then judges. Its operations
are those of open_arrays.py too, which says what it is trusted with. A truth value becomes a
*margin*: negative where the statement fails, by how much, relative to the numbers that it compares.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Batch:
    """The values of ground nodes over a batch of profiles: `leaves` has one float array a leaf.

    Margins are relative to the numbers compared, and to `least` where these are smaller.
    """

    def __init__(self, leaves: Mapping[Node, Floats], length: int, least: float = 1e-12) -> None:
        self.leaves = leaves
        self.length = length
        self.least = least
        self._values: dict[Node, Any] = {}
        self._defined: dict[Node, Truths] = {}

    def run(self, *roots: Node) -> None:
        """Evaluate nodes, and everything below them."""
        with np.errstate(all="ignore"):
            for node in graph.subnodes(*roots):
                if node not in self._values:
                    self._run_one(node)

    def value(self, node: Node) -> Any:
        """The values of a node: floats, or truth values."""
        return self._values[node]

    def defined(self, node: Node) -> Truths:
        """Where a node is defined."""
        return self._defined[node]

    def margin(self, node: Node) -> Floats:
        """How far a truth value is from turning: negative where it is false."""
        match node.op:
            case "truth":
                return np.full(self.length, 1.0 if node.data else -1.0)
            case "lt" | "le":
                return self._gap(node.args[1], node.args[0])
            case "eq":
                return -np.abs(self._gap(*node.args))
            case "and":
                return self._extreme(np.minimum, node)
            case "or":
                return self._extreme(np.maximum, node)
            case "not":
                return -self.margin(node.args[0])
            case "where":
                chosen = self._values[node.args[0]]
                return np.where(chosen, self.margin(node.args[1]), self.margin(node.args[2]))
            case _:
                raise ValueError(f"{node.op} is not a truth value at fixed sizes")

    def _extreme(self, pick: np.ufunc, node: Node) -> Floats:
        margins: Floats = pick.reduce([self.margin(arg) for arg in node.args])
        return margins

    def _gap(self, left: Node, right: Node) -> Floats:
        a, b = self._values[left], self._values[right]
        with np.errstate(all="ignore"):
            gap = (a - b) / (np.abs(a) + np.abs(b) + self.least)
        same: Floats = np.where(a == b, 0.0, np.nan_to_num(gap, nan=0.0))
        return same

    def _run_one(self, node: Node) -> None:
        args = [self._values[arg] for arg in node.args]
        defined = [self._defined[arg] for arg in node.args]
        if node.op in ("const", "truth"):
            value: Any = np.full(self.length, float(node.data) if node.op == "const" else node.data)
            ok = np.ones(self.length, dtype=bool)
        elif node.op in OPERATIONS:
            value, ok = operate(node.op, args, defined)
        else:
            value = self.leaves[node]
            ok = ~np.isnan(value)
        self._values[node] = value
        self._defined[node] = ok


def _in_turn(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *args: reduce(combine, args)


OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "add": _in_turn(np.add),
    "mul": _in_turn(np.multiply),
    "div": np.divide,
    "pow": np.power,
    "exp": np.exp,
    "log": np.log,
    "floor": np.floor,
    "max": np.maximum,
    "min": np.minimum,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "and": _in_turn(np.logical_and),
    "or": _in_turn(np.logical_or),
    "not": np.logical_not,
    "where": np.where,
}
"""The operations of a graph that act on each number alone, on arrays of floats and truth values."""


def operate(op: str, args: list[Any], defined: list[Truths]) -> tuple[Any, Truths]:
    """What an operation makes of arrays, and where the result is defined."""
    value = OPERATIONS[op](*args)
    if op == "where":
        ok: Truths = defined[0] & np.where(args[0], defined[1], defined[2])
    else:
        ok = reduce(np.logical_and, defined)
    if op == "div":
        ok = ok & (args[1] != 0)
    if op == "pow":
        ok = ok & ~((args[0] == 0) & (args[1] < 0))
    return value, ok if value.dtype == bool else ok & ~np.isnan(value)
