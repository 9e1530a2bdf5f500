"""The interpretation in batches of floats, for search: thousands of profiles at a time.

Outside the trusted core: what it finds is only a candidate, which exact replay then judges. A truth
value becomes a *margin*: negative where the statement fails, by how much, relative to the numbers
that it compares.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenauction.proofs import graph
from tokenauction.proofs.graph import Node

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
        ok: Truths = np.ones(self.length, dtype=bool)
        for arg in node.args:
            ok = ok & self._defined[arg]
        match node.op:
            case "const":
                value: Any = np.full(self.length, float(node.data))
            case "truth":
                value = np.full(self.length, node.data)
            case "add":
                value = np.add.reduce(args)
            case "mul":
                value = np.multiply.reduce(args)
            case "div":
                value = args[0] / args[1]
                ok = ok & (args[1] != 0)
            case "pow":
                value = args[0] ** args[1]
                ok = ok & ~((args[0] == 0) & (args[1] < 0))
            case "exp":
                value = np.exp(args[0])
            case "log":
                value = np.log(args[0])
            case "floor":
                value = np.floor(args[0])
            case "max":
                value = np.maximum(*args)
            case "min":
                value = np.minimum(*args)
            case "lt":
                value = args[0] < args[1]
            case "le":
                value = args[0] <= args[1]
            case "eq":
                value = args[0] == args[1]
            case "and":
                value = np.logical_and.reduce(args)
            case "or":
                value = np.logical_or.reduce(args)
            case "not":
                value = ~args[0]
            case "where":
                value = np.where(*args)
                first, then, otherwise = (self._defined[arg] for arg in node.args)
                ok = first & np.where(args[0], then, otherwise)
            case _:
                value = self.leaves[node]
        if value.dtype != bool:
            ok = ok & ~np.isnan(value)
        self._values[node] = value
        self._defined[node] = ok
