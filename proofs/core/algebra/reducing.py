"""TRUSTED CORE. Sums, products and extrema over the agents or the tokens in canonical form."""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.arithmetic import Arithmetic
from tokenauction.proofs.core.algebra.signs import POSITIVE
from tokenauction.proofs.core.algebra.terms import Base, BaseKind, Condition, Monomial, Poly
from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node, Reduction


class Reductions(Arithmetic):
    """What is made of a reduction: factors pulled out, sums exchanged, permutations dropped."""

    if TYPE_CHECKING:  # of the rooms above

        def substitute(self, poly: Poly, old: Index, new: Index) -> Poly: ...

        def substitute_any(self, term: Any, old: Index, new: Index) -> Any: ...

        def map_indices(self, term: Any, move: Callable[[Index], Index]) -> Any: ...

    def reduce(
        self, kind: Reduction, over: Index, body: Poly, excluded: tuple[Index, ...] = ()
    ) -> Poly:
        """A sum, product or extremum over every value of `over` that is not excluded."""
        if kind == "sum":
            return terms.add(*(self._sum_term(over, m, c, excluded) for m, c in body.terms))
        if kind == "min":
            negated = self.reduce("max", over, terms.scale(body, -1), excluded)
            return terms.scale(negated, -1)
        if terms.plain(over) not in body.free and kind == "max":
            return body
        if kind == "max":
            factor = tuple(
                p
                for p in terms.common_factor(body)
                if terms.plain(over) not in p[0].free and self._power_sign(*p) == POSITIVE
            )
            rest = terms.mul(body, terms.single(terms.invert(factor)))
            largest = self._bound("max", over, rest, excluded)
            return self.mul(terms.single(factor), largest)
        return self._product(over, body, excluded)

    def _product(self, over: Index, body: Poly, excluded: tuple[Index, ...]) -> Poly:
        if len(body.terms) != 1:
            return self._bound_poly("prod", over, body, excluded)
        monomial, coefficient = body.terms[0]
        result = terms.ONE
        if coefficient != 1:
            result = self._bound("prod", over, terms.const(coefficient), excluded)
        for base, exponent in monomial:
            if base.kind == "exp":
                total = self.reduce("sum", over, terms.scale(base.args[0], exponent), excluded)
                factor = self.exp(total)
            elif exponent.denominator == 1:
                factor = self.power(
                    self._bound("prod", over, terms.from_base(base), excluded), exponent
                )
            else:
                factor = self._bound("prod", over, terms.from_base(base, exponent), excluded)
            result = self.mul(result, factor)
        return result

    def _sum_term(
        self, over: Index, monomial: Monomial, coefficient: Fraction, excluded: tuple[Index, ...]
    ) -> Poly:
        variable = terms.plain(over)
        outside = tuple(p for p in monomial if variable not in p[0].free)
        inside = tuple(p for p in monomial if variable in p[0].free)
        front = terms.single(outside, coefficient)
        return self.mul(front, self._sum_monomial(over, inside, excluded))

    def _sum_monomial(self, over: Index, inside: Monomial, excluded: tuple[Index, ...]) -> Poly:
        """The sum of a monomial all of whose bases depend on the index."""
        if not inside:
            everybody = terms.from_base(terms.make_base("leaf", graph.size(over.axis)))
            return terms.sub(everybody, terms.const(len(excluded)))
        if len(inside) == 1 and inside[0][1] == 1:
            base = inside[0][0]
            if base.kind == "chosen" and base.args[0] == over and base.args[3] == excluded:
                return terms.ONE
            if over.axis is Axis.TOKENS and self._is_distribution(base, over):
                left_out = [self._at(base, over, index) for index in excluded]
                return terms.sub(terms.ONE, terms.add(*left_out))
            if base.kind == "reduce" and base.args[0] == "sum" and self._swaps(base, over):
                _, inner, body, inner_excluded = base.args
                fresh, opened = self._open(inner, body, inner_excluded)
                swapped = self.reduce("sum", over, opened, excluded)
                return self.reduce("sum", fresh, swapped, inner_excluded)
        for place, (base, exponent) in enumerate(inside):
            if (
                base.kind == "where"
                and exponent == 1
                and terms.plain(over) not in base.args[0].free
            ):
                rest = terms.single((*inside[:place], *inside[place + 1 :]))
                branches = [
                    self.reduce("sum", over, self.mul(branch, rest), excluded)
                    for branch in base.args[1:]
                ]
                return self.where(base.args[0], *branches)
        return self._bound_poly("sum", over, terms.single(inside), excluded)

    def chosen(self, index: Index, over: Index, key: Poly, excluded: tuple[Index, ...]) -> Poly:
        """One for the first index with the largest key among those not excluded, else zero."""
        return self._about_largest("chosen", index, over, key, excluded)

    def order(self, index: Index, over: Index, key: Poly, excluded: tuple[Index, ...]) -> Poly:
        """Some number that is not positive where an index comes before the chosen one."""
        return self._about_largest("order", index, over, key, excluded)

    def _about_largest(
        self, kind: BaseKind, index: Index, over: Index, key: Poly, excluded: tuple[Index, ...]
    ) -> Poly:
        factor = tuple(
            p
            for p in terms.common_factor(key)
            if terms.plain(over) not in p[0].free and self._power_sign(*p) == POSITIVE
        )
        key = terms.mul(key, terms.single(terms.invert(factor)))
        if key.terms:
            key = terms.scale(key, 1 / abs(key.terms[0][1]))
        name = Index(over.axis, f"{terms.BOUND_MARK}{key.level + 1}")
        key = self.substitute(key, over, name)
        excluded = tuple(sorted(excluded, key=str))
        return terms.from_base(terms.make_base(kind, index, name, key, excluded))

    def _is_distribution(self, base: Base, over: Index) -> bool:
        if base.kind != "leaf" or base.args[0].op not in ("prob", "dist"):
            return False
        own = base.args[0].data[1]
        agent = base.args[0].data[0] if base.args[0].op == "prob" else None
        return terms.plain(own) == terms.plain(over) and agent != over

    def _swaps(self, base: Base, over: Index) -> bool:
        """Sums over tokens go inside sums over agents, where they often disappear."""
        return over.axis is Axis.TOKENS and base.args[1].axis is Axis.AGENTS

    def _at(self, base: Base, over: Index, index: Index) -> Poly:
        return self.substitute(terms.from_base(base), over, index)

    def _bound_poly(
        self, kind: Reduction, over: Index, body: Poly, excluded: tuple[Index, ...]
    ) -> Poly:
        reduction: Poly = self._bound(kind, over, body, excluded)
        return reduction

    def _bound(self, kind: Reduction, over: Index, body: Any, excluded: tuple[Index, ...]) -> Any:
        """A reduction base, its index renamed to its level and its permutations undone."""
        body, over = self._without_permutation(body, over, excluded)
        name = Index(over.axis, f"{terms.BOUND_MARK}{body.level + 1}")
        body = self.substitute_any(body, over, name)
        excluded = tuple(sorted(excluded, key=str))
        if kind == "all" or kind == "any":
            return terms.make_condition(kind, name, body, excluded)
        return terms.from_base(terms.make_base("reduce", kind, name, body, excluded))

    def _without_permutation(
        self, body: Any, over: Index, excluded: tuple[Index, ...]
    ) -> tuple[Any, Index]:
        """If the index occurs under one permutation only, the permutation can be left out."""
        if excluded:
            return body, over
        seen = {o.through for o in occurrences(body) if terms.plain(o) == terms.plain(over)}
        innermost = {through[-1] if through else None for through in seen}
        if len(innermost) != 1 or None in innermost:
            return body, over
        fresh = self.fresh(over.axis)

        def strip(index: Index) -> Index:
            if terms.plain(index) != terms.plain(over):
                return index
            return Index(fresh.axis, fresh.name, None, index.through[:-1])

        return self._without_permutation(self.map_indices(body, strip), fresh, excluded)

    def fresh(self, axis: Axis, apart: tuple[Index, ...] = ()) -> Index:
        """An index variable that occurs nowhere else, different from those in `apart`."""
        index = Index(axis, f"~{next(self._fresh)}")
        self.apart[index] = frozenset(terms.plain(one) for one in apart)
        return index

    def ranges_over(self, index: Index, excluded: tuple[Index, ...]) -> bool:
        """Whether a named index is known to be none of those that a reduction leaves out."""
        return {terms.plain(one) for one in excluded} <= self.apart.get(
            terms.plain(index), frozenset()
        )

    def _open(self, over: Index, body: Any, excluded: tuple[Index, ...] = ()) -> tuple[Index, Any]:
        """A bound body with its index made a fresh free variable."""
        fresh = self.fresh(over.axis, excluded)
        return fresh, self.substitute_any(body, over, fresh)

    def open_body(self, reduction: Base | Condition) -> tuple[Index, Any]:
        """The body of a reduction base or a quantifier, its index a fresh free variable."""
        args = reduction.args[1:] if isinstance(reduction, Base) else reduction.args
        return self._open(*args)


def occurrences(term: Any) -> list[Index]:
    """Every occurrence of every index in a term, with its permutations."""
    found: list[Index] = []

    def walk(part: Any) -> None:
        if isinstance(part, Poly):
            for base in part.bases():
                walk(base)
        elif isinstance(part, Base | Condition):
            for arg in part.args:
                walk(arg)
        elif isinstance(part, tuple):
            for arg in part:
                walk(arg)
        elif isinstance(part, Node):
            found.extend(traversal.indices_of(part))
        elif isinstance(part, Index):
            found.append(part)

    walk(term)
    return found
