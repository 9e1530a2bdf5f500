"""TRUSTED CORE. The canonical form: from graph nodes to terms, simplified as they are built.

Guarantee: wherever a node is defined, it and its canonical form have the same value. What is used:
the laws of real arithmetic; `exp` of a sum is a product; a factor that does not depend on the index
leaves a sum, a positive one an extremum; sums change places; a preferred distribution sums to one;
a permutation under a full reduction does nothing. A cancellation `x / x = 1` is used freely, since
the claim is about profiles at which the rule is defined; definedness itself is proved from the
graph.
"""

from collections.abc import Sequence
from fractions import Fraction

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.rewriting import Rewriting
from tokenauction.proofs.core.algebra.terms import Condition, Poly
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node


class Canon(Rewriting):
    """Builds canonical terms from a graph; `positive` says that every probability is positive."""

    def poly(self, root: Node) -> Poly:
        """The canonical form of a number."""
        self._run(root)
        return self._polys[root]

    def condition(self, root: Node) -> Condition:
        """The canonical form of a truth value."""
        self._run(root)
        return self._conditions[root]

    def _run(self, root: Node) -> None:
        for node in graph.subnodes(root):
            if node in self._polys or node in self._conditions:
                continue
            if graph.is_boolean(node):
                self._conditions[node] = self._truth(node)
            else:
                self._polys[node] = self._number(node)

    def _number(self, node: Node) -> Poly:
        if node.op == "where":
            condition = self._conditions[node.args[0]]
            return self.where(condition, self._polys[node.args[1]], self._polys[node.args[2]])
        args = [self._polys[arg] for arg in node.args]
        match node.op:
            case "const":
                return terms.const(node.data)
            case "add":
                return terms.add(*args)
            case "mul":
                return self.product(args)
            case "div":
                return self.mul(args[0], self.power(args[1], Fraction(-1)))
            case "pow":
                exponent = args[1].constant
                if exponent is not None:
                    return self.power(args[0], exponent)
                return self.symbolic_power(args[0], args[1])
            case "exp":
                return self.exp(args[0])
            case "log":
                return self.log(args[0])
            case "floor":
                return self.floor(args[0])
            case "max":
                return self.maximum(args)
            case "min":
                return terms.scale(self.maximum([terms.scale(arg, -1) for arg in args]), -1)
            case "reduce":
                kind, over, excluded = node.data
                return self.reduce(kind, over, args[0], excluded)
            case "pick":
                over, largest, excluded = node.data
                key = args[0] if largest else terms.scale(args[0], -1)
                chosen = self.chosen(over, over, key, excluded)
                return self.reduce("sum", over, self.mul(chosen, args[1]), excluded)
            case "bid" | "other_bid" | "prob" | "dist" | "scalar" | "given" | "size":
                return terms.from_base(terms.make_base("leaf", node))
            case _:
                raise ValueError(f"{node.op} has no canonical form as a number")

    def _truth(self, node: Node) -> Condition:
        if node.op in ("lt", "le", "eq"):
            left, right = (self._polys[arg] for arg in node.args)
            return self.literal(
                {"lt": "<", "le": "<=", "eq": "=="}[node.op], terms.sub(left, right)
            )
        if node.op == "truth":
            return terms.TRUE if node.data else terms.FALSE
        if node.op == "same":
            return terms.make_condition("same", *node.data)
        if node.op == "before":
            index, over, largest, excluded = node.data
            key = self._polys[node.args[0]]
            key = key if largest else terms.scale(key, -1)
            return self.literal("<=", self.order(index, over, key, excluded))
        args = [self._conditions[arg] for arg in node.args]
        match node.op:
            case "and":
                return self.conj(args)
            case "or":
                return self.disj(args)
            case "not":
                return self.negate(args[0])
            case "where":
                then = self.conj([args[0], args[1]])
                return self.disj([then, self.conj([self.negate(args[0]), args[2]])])
            case "reduce":
                kind, over, excluded = node.data
                return self.quantify(kind, over, args[0], excluded)
            case _:
                raise ValueError(f"{node.op} has no canonical form as a truth value")


def have_same_form(one: Sequence[Node], other: Sequence[Node], positive: bool, budget: int) -> bool:
    """Whether numbers have the same canonical forms, one by one; not where these are too large."""
    canon = Canon(positive, budget)
    try:
        pairs = zip(one, other, strict=True)
        return all(canon.poly(left).key == canon.poly(right).key for left, right in pairs)
    except TooLarge:
        return False
