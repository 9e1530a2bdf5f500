"""The value of a canonical term in floats, written independently of the code under test."""

import math
from collections.abc import Mapping
from typing import Any

from tokenauction.proofs.core.algebra.terms import Base, Condition, Poly
from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node


class Undefined(Exception):
    """The term has no value there."""


class Values:
    """Evaluates terms at sizes, values of the leaves and positions of the named indices."""

    def __init__(
        self,
        sizes: Mapping[Axis, int],
        leaves: Mapping[Node, float],
        positions: Mapping[str, int],
        permutations: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        self.sizes = sizes
        self.leaves = leaves
        self.permutations = dict(permutations or {})
        self.positions = dict(positions)

    def poly(self, poly: Poly, bound: Mapping[str, int] | None = None) -> float:
        bound = bound or {}
        total = 0.0
        for monomial, coefficient in poly.terms:
            product = float(coefficient)
            for base, exponent in monomial:
                product *= power(self.base(base, bound), float(exponent))
            total += product
        return total

    def base(self, base: Base, bound: Mapping[str, int]) -> float:
        args = base.args
        match base.kind:
            case "leaf":
                return self.leaf(args[0], bound)
            case "sum":
                return self.poly(args[0], bound)
            case "exp":
                return math.exp(self.poly(args[0], bound))
            case "log":
                value = self.poly(args[0], bound)
                if value <= 0:
                    raise Undefined
                return math.log(value)
            case "floor":
                return float(math.floor(self.poly(args[0], bound)))
            case "max":
                return max(self.poly(arg, bound) for arg in args[0])
            case "pow":
                return power(self.poly(args[0], bound), self.poly(args[1], bound))
            case "where":
                chosen = args[1] if self.condition(args[0], bound) else args[2]
                return self.poly(chosen, bound)
            case "chosen" | "order":
                return self.choice(base, bound)
        kind, over, body, excluded = args
        values = [self.poly(body, inner) for inner in self.range(over, excluded, bound)]
        if kind == "sum":
            return math.fsum(values)
        if kind == "prod":
            return math.prod(values)
        if not values:
            raise Undefined
        return max(values)

    def choice(self, base: Base, bound: Mapping[str, int]) -> float:
        """Whether an index is the first with the largest key, or stands before that one."""
        index, over, key, excluded = base.args
        rows = self.range(over, excluded, bound)
        keys = [self.poly(key, row) for row in rows]
        first = rows[keys.index(max(keys))][over.name]
        place = self.place(index, bound)
        if base.kind == "chosen":
            return float(place == first)
        return -1.0 if place < first else 1.0

    def condition(
        self,
        condition: Condition,
        bound: Mapping[str, int] | None = None,
        tolerance: float = 0.0,
    ) -> bool:
        bound = bound or {}
        args = condition.args
        match condition.kind:
            case "true":
                return True
            case "false":
                return False
            case "lit":
                value = self.poly(args[0], bound)
                op = args[1]
                if op == "<":
                    return value < tolerance
                if op == "<=":
                    return value <= tolerance
                return (abs(value) <= tolerance) if op == "==" else value != 0
            case "and":
                return all(self.condition(part, bound, tolerance) for part in args[0])
            case "or":
                return any(self.condition(part, bound, tolerance) for part in args[0])
            case "same" | "different":
                left, right = (self.place(index, bound) for index in args)
                return (left == right) == (condition.kind == "same")
        over, body, excluded = args
        truths = [
            self.condition(body, inner, tolerance) for inner in self.range(over, excluded, bound)
        ]
        return all(truths) if condition.kind == "all" else any(truths)

    def range(self, over: Index, excluded: Any, bound: Mapping[str, int]) -> list[dict[str, int]]:
        left_out = {self.place(index, bound) for index in excluded}
        places = [p for p in range(self.sizes[over.axis]) if p not in left_out]
        return [{**bound, over.name: place} for place in places]

    def place(self, index: Index, bound: Mapping[str, int]) -> int:
        place = index.position
        if place is None:
            place = bound.get(index.name, self.positions.get(index.name, -1))
        assert place >= 0, f"no position for {index}"
        for permutation in reversed(index.through):
            place = self.permutations[permutation][place]
        return place

    def leaf(self, node: Node, bound: Mapping[str, int]) -> float:
        if node.op == "size":
            return float(self.sizes[node.data])
        if node.op == "scalar":
            return self.leaves[node]
        moved = [self.place(index, bound) for index in traversal.indices_of(node)]
        if node.op == "bid":
            return self.leaves[graph.bid(graph.agent(moved[0]))]
        if node.op == "prob":
            return self.leaves[graph.prob(graph.agent(moved[0]), graph.token(moved[1]))]
        return self.leaves[graph.named_dist(node.data[0], graph.token(moved[0]))]


def power(base: float, exponent: float) -> float:
    """A real power; raises Undefined where there is none."""
    if base == 0 and exponent < 0:
        raise Undefined
    if base < 0 and exponent != int(exponent):
        raise Undefined
    return float(base**exponent)
