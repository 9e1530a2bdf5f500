"""TRUSTED CORE. Terms rebuilt with other leaves or other indices, and simplified again."""

from collections.abc import Callable
from typing import Any, assert_never

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.conditions import Conditions
from tokenauction.proofs.core.algebra.terms import Base, Condition, Poly
from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Index


class Rewriting(Conditions):
    """Terms with one index in the place of another."""

    def substitute(self, poly: Poly, old: Index, new: Index) -> Poly:
        """The polynomial with one index variable replaced."""
        result: Poly = self.substitute_any(poly, old, new)
        return result

    def substitute_any(self, term: Any, old: Index, new: Index) -> Any:
        """A polynomial or a condition with one index variable replaced."""
        if terms.plain(old) not in term.free:
            return term

        def move(index: Index) -> Index:
            if terms.plain(index) != terms.plain(old):
                return index
            return Index(new.axis, new.name, new.position, index.through + new.through)

        return self.map_indices(term, move)

    def map_indices(self, term: Any, move: Callable[[Index], Index]) -> Any:
        """A polynomial or a condition with its free indices moved, simplified again."""

        def leaf(base: Base) -> Poly:
            node = base.args[0]
            if not traversal.indices_of(node):
                return terms.from_base(base)
            return terms.from_base(terms.make_base("leaf", traversal.at_indices(node, move)))

        return Rewriter(self, leaf, move).rewrite(term)


class Rewriter:
    """Rebuilds a term with its leaves replaced and its free indices moved."""

    def __init__(
        self,
        canon: Rewriting,
        leaf: Callable[[Base], Poly],
        move: Callable[[Index], Index] = lambda index: index,
        replace: Callable[[Base], Poly | None] = lambda base: None,
        decide: Callable[[Condition], Condition | None] = lambda condition: None,
    ) -> None:
        self.canon = canon
        self.leaf = leaf
        self.move = move
        self.replace = replace
        self.decide = decide
        self._memo: dict[Any, Any] = {}

    def rewrite(self, term: Any) -> Any:
        """A polynomial or a condition, rebuilt."""
        if term not in self._memo:
            work = self._poly if isinstance(term, Poly) else self._condition
            self._memo[term] = work(term)
        return self._memo[term]

    def _rewritten(self, poly: Poly) -> Poly:
        result: Poly = self.rewrite(poly)
        return result

    def _poly(self, poly: Poly) -> Poly:
        done = []
        for monomial, coefficient in poly.terms:
            piece = terms.const(coefficient)
            for base, exponent in monomial:
                piece = self.canon.mul(piece, self.canon.power(self._base(base), exponent))
            done.append(piece)
        return terms.add(*done)

    def _base(self, base: Base) -> Poly:
        if base not in self._memo:
            given = self.replace(base)
            self._memo[base] = self._rebuilt(base) if given is None else given
        found: Poly = self._memo[base]
        return found

    def _rebuilt(self, base: Base) -> Poly:
        canon, args = self.canon, base.args
        match base.kind:
            case "leaf":
                return self.leaf(base)
            case "sum":
                return self._rewritten(args[0])
            case "exp":
                return canon.exp(self.rewrite(args[0]))
            case "log":
                return canon.log(self.rewrite(args[0]))
            case "floor":
                return canon.floor(self.rewrite(args[0]))
            case "max":
                return canon.maximum([self.rewrite(arg) for arg in args[0]])
            case "pow":
                exponent = self._rewritten(args[1])
                value = exponent.constant
                if value is not None:
                    return canon.power(self.rewrite(args[0]), value)
                return canon.symbolic_power(self.rewrite(args[0]), exponent)
            case "where":
                return canon.where(*(self.rewrite(arg) for arg in args))
            case "chosen" | "order":
                index, bound, key, excluded = args
                over = canon.fresh(bound.axis, excluded)
                opened = self._rewritten(canon.substitute(key, bound, over))
                make = canon.chosen if base.kind == "chosen" else canon.order
                return make(
                    self.move(index), over, opened, tuple(self.move(one) for one in excluded)
                )
            case "reduce":
                kind, _, _, excluded = args
                over, body = canon.open_body(base)
                moved = tuple(self.move(index) for index in excluded)
                return canon.reduce(kind, over, self.rewrite(body), moved)
            case _:
                assert_never(base.kind)

    def _condition(self, condition: Condition) -> Condition:
        given = self.decide(condition)
        if given is not None:
            return given
        canon, args = self.canon, condition.args
        match condition.kind:
            case "lit":
                return canon.literal(args[1], self.rewrite(args[0]))
            case "and":
                return canon.conj([self.rewrite(part) for part in args[0]])
            case "or":
                return canon.disj([self.rewrite(part) for part in args[0]])
            case "same" | "different":
                left, right = (self.move(index) for index in args)
                equal = graph.same(left, right)
                if equal.op == "truth":
                    return terms.TRUE if equal.data == (condition.kind == "same") else terms.FALSE
                return terms.make_condition(condition.kind, *equal.data)
            case "all" | "any":
                over, body = canon.open_body(condition)
                moved = tuple(self.move(index) for index in args[2])
                return canon.quantify(condition.kind, over, self.rewrite(body), moved)
            case "true" | "false":
                return condition
            case _:
                assert_never(condition.kind)
