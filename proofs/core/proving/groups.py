"""TRUSTED CORE. Sums over the same agents or tokens that are compared with one another.

Guarantee: what is said of their sums follows from a statement about one generic agent or token,
which the same prover proves.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import permutations
from typing import Final

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.bases import is_closed, leaves_of
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.rewriting import Rewriter
from tokenauction.proofs.core.algebra.signs import NON_NEGATIVE, POSITIVE
from tokenauction.proofs.core.algebra.terms import Base, Condition, Monomial, Poly, plain, subbases
from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index

MOST_SUMS: Final = 10
_ONE: Final = Fraction(1)
Prove = Callable[[list[Condition], Condition], bool]
"""Whether a condition follows from hypotheses, by a pointwise proof."""


class Group:
    """The reductions over the same agents or tokens, seen through one generic index."""

    def __init__(
        self,
        canon: Canon,
        prove: Prove,
        axis: Axis,
        excluded: tuple[Index, ...],
        members: list[Base],
        context: list[Condition],
        counted: bool,
    ) -> None:
        self.canon = canon
        self.prove = prove
        self.counted = counted
        self.generic = canon.fresh(axis, excluded)
        self.excluded = excluded
        self.members = members
        self.context = context
        sums = [base for base in members if base.args[0] == "sum"][:MOST_SUMS]
        self.sums = [(terms.from_base(base), self.body(base)) for base in sums]
        self.maxima = [
            (terms.from_base(base), self.body(base)) for base in members if base.args[0] == "max"
        ]
        self.non_negative: list[tuple[Poly, Poly]] = []
        self.bounded: list[tuple[Poly, Poly]] = []

    def body(self, base: Base) -> Poly:
        """What a reduction reduces, at the generic index."""
        return self.canon.substitute(base.args[2], base.args[1], self.generic)

    def signs(self) -> Iterator[Condition]:
        for total, body in (*self.sums, *self.maxima):
            if self._holds("<=", terms.scale(body, -1)):
                yield self.canon.literal("<=", terms.scale(total, -1))
                self.non_negative.append((total, body))
            elif self._holds("<=", body):
                yield self.canon.literal("<=", total)
                if (total, body) in self.sums:
                    self.non_negative.append((terms.scale(total, -1), terms.scale(body, -1)))

    def _holds(self, op: str, poly: Poly, *given: Condition) -> bool:
        """A statement about the generic index: in general, or else in this context."""
        goal = self.canon.literal(op, poly)
        if goal == terms.TRUE:
            return True
        if goal == terms.FALSE:
            return False
        return self.prove([*given], goal) or self.prove(
            [*given, *self.context, *self._at_most_whole()], goal
        )

    def _at_most_whole(self) -> list[Condition]:
        """The generic index's own value is at most the largest, and at most a non-negative sum."""
        bounded = [*self.maxima, *self.bounded]
        return [self.canon.literal("<=", terms.sub(body, whole)) for whole, body in bounded]

    def largest(self) -> list[Poly]:
        """The maxima, of either sign."""
        found = [largest for largest, _ in self.maxima]
        return [*found, *(terms.scale(largest, -1) for largest in found)]

    def comparisons(self, factors: list[Poly]) -> Iterator[Condition]:
        counts = [self._count()] if self.counted else []
        counts += self._choices()
        for (small, f), (large, g) in permutations([*self.sums, *counts], 2):
            for factor in factors:
                bound, total = self.canon.mul(factor, g), self.canon.mul(factor, large)
                if self._holds("<=", terms.sub(f, bound)):
                    yield self.canon.literal("<=", terms.sub(small, total))
                elif factor != terms.ONE and self._holds("<=", terms.sub(bound, f)):
                    yield self.canon.literal("<=", terms.sub(total, small))

    def combinations(self, polys: list[Poly]) -> Iterator[Condition]:
        """Signs of linear combinations of sums: `Σ_i c_i f_i(j) ≥ 0` gives `Σ_i c_i A_i ≥ 0`."""
        bodies = {_sole(total): body for total, body in self.sums}
        if not self.excluded:
            bodies[terms.make_base("leaf", graph.size(self.generic.axis))] = terms.ONE
        self.bounded = [pair for pair in self.non_negative if pair in self.sums]
        tried: set[Poly] = set()
        for whole in polys:
            poly = terms.mul(whole, terms.single(terms.invert(terms.common_factor(whole))))
            pieces = [piece for term in poly.terms for piece in _linear_in(term, bodies)]
            total = terms.add(*(self.canon.mul(c, terms.from_base(base)) for c, base in pieces))
            if len({base for _, base in pieces}) < 2 or total in tried:
                continue
            tried.add(total)
            body = terms.add(*(self.canon.mul(c, bodies[base]) for c, base in pieces))
            for factor in (1, -1):
                if self._holds("<=", terms.scale(body, -factor)):
                    yield self.canon.literal("<=", terms.scale(total, -factor))
                    signed = terms.scale(total, factor), terms.scale(body, factor)
                    yield from self._positive_if(*signed, self._seeds())
                    break

    def triangles(self) -> Iterator[Condition]:
        """`max(e, ±e, 0)` is at most the sum of the absolute values of the terms of `e`."""
        for total, body in self.sums:
            for inner in _inside_of_maximum(body):
                bounds = [self._absolute(c, part) for part, c in self._by_generic(inner).items()]
                known = [bound for bound in bounds if bound is not None]
                if len(known) == len(bounds):
                    bound = terms.add(*(self._total(one) for one in known))
                    yield self.canon.literal("<=", terms.sub(total, bound))

    def _absolute(self, coefficient: Poly, part: Monomial) -> Poly | None:
        """`|c·g|` for a non-negative `g`, where the sign of `c` is known."""
        value = terms.single(part)
        if self.canon.sign(value) not in (POSITIVE, NON_NEGATIVE):
            return None
        if self._holds("<=", terms.scale(coefficient, -1)):
            return self.canon.mul(coefficient, value)
        if self._holds("<=", coefficient):
            return self.canon.mul(terms.scale(coefficient, -1), value)
        return None

    def _total(self, body: Poly) -> Poly:
        return self.canon.reduce("sum", self.generic, body, self.excluded)

    def proportions(self) -> Iterator[Condition]:
        """Which sums of absolute values are the same up to a factor."""
        inner = [(total, body, e) for total, body in self.sums for e in _inside_of_maximum(body)]
        for (large, f, e), (small, g, d) in permutations(inner, 2):
            ratio = self._ratio(e, d)
            if ratio is None or f == g:
                continue
            for factor in (ratio, terms.scale(ratio, -1)):
                if self._holds("==", terms.sub(f, self.canon.mul(factor, g))):
                    yield self.canon.literal("==", terms.sub(large, self.canon.mul(factor, small)))
                    break

    def tangents(self) -> Iterator[Condition]:
        """`w ln x` lies between `w - w/x` and `w x - w`, or `w y - w` for a larger `y`.

        These are guesses, which the prover has to show at the generic index.
        """
        for total, body in self.sums:
            for weight, inside in _weighted_logarithms(self.canon, body):
                falls = self.canon.mul(weight, self.canon.power(inside, Fraction(-1)))
                least = terms.sub(weight, falls)
                if self._holds("<=", terms.sub(least, body)):
                    yield self.canon.literal("<=", terms.sub(self._total(least), total))
                for larger in (inside, *_without_addends(self.canon, inside)):
                    most = terms.sub(self.canon.mul(weight, larger), weight)
                    if self._holds("<=", terms.sub(body, most)):
                        yield self.canon.literal("<=", terms.sub(total, self._total(most)))

    def _ratio(self, above: Poly, below: Poly) -> Poly | None:
        """The quotient of the coefficients of something that both depend on; a guess."""
        over, under = self._by_generic(above), self._by_generic(below)
        for part, coefficient in under.items():
            if part in over and len(coefficient.terms) == 1:
                (monomial, number), *_ = coefficient.terms
                return self.canon.mul(over[part], terms.single(terms.invert(monomial), 1 / number))
        return None

    def _by_generic(self, poly: Poly) -> dict[Monomial, Poly]:
        """A polynomial by what depends on the generic index, with closed coefficients."""
        found: dict[Monomial, list[Poly]] = {}
        for monomial, number in poly.terms:
            part = tuple(power for power in monomial if self.generic in power[0].free)
            rest = tuple(power for power in monomial if self.generic not in power[0].free)
            found.setdefault(part, []).append(terms.single(rest, number))
        return {part: terms.add(*coefficients) for part, coefficients in found.items()}

    def _count(self) -> tuple[Poly, Poly]:
        """How many indices there are, as the sum of ones."""
        return self.canon.reduce("sum", self.generic, terms.ONE, self.excluded), terms.ONE

    def _choices(self) -> list[tuple[Poly, Poly]]:
        """Exactly one index is chosen: the sum of its indicator is one."""
        found: dict[Base, None] = {}
        for _, body in self.sums:
            for base in subbases(body):
                if base.kind == "chosen" and base.args[0] == self.generic:
                    if base.args[3] == self.excluded:
                        found[base] = None
        return [(terms.ONE, terms.from_base(base)) for base in found]

    def positivity(self) -> Iterator[Condition]:
        seeds = list(self._seeds())
        sums = [pair for pair in self.non_negative if pair not in self.maxima]
        for total, body in (*self.non_negative, *self.maxima):
            yield from self._positive_if(total, body, [*seeds, *sums])

    def _positive_if(
        self, total: Poly, body: Poly, weights: Iterable[tuple[Poly, Poly]]
    ) -> Iterator[Condition]:
        """Weights with a positive sum make the total positive, if each makes its body positive."""
        for seed, weight in weights:
            if seed != total and self._holds("<", terms.scale(body, -1), self._positive(weight)):
                none = self.canon.literal("<=", seed)
                yield self.canon.disj([none, self._positive(total)])

    def _positive(self, poly: Poly) -> Condition:
        return self.canon.literal("<", terms.scale(poly, -1))

    def _seeds(self) -> Iterator[tuple[Poly, Poly]]:
        """Totals of non-negative weights that every profile has: (the total, one weight)."""
        generic = self.generic
        if generic.axis is Axis.AGENTS:
            own = terms.from_base(terms.make_base("leaf", graph.bid(generic)))
            yield self.canon.reduce("sum", generic, own, self.excluded), own
        elif not self.excluded:
            agent = self.canon.fresh(Axis.AGENTS)
            bid = terms.make_base("leaf", graph.bid(agent))
            share = terms.make_base("leaf", graph.prob(agent, generic))
            for weight in (
                terms.single(terms.times(((bid, _ONE),), ((share, _ONE),))),
                terms.from_base(share),
            ):
                at_token = self.canon.reduce("sum", agent, weight)
                yield self.canon.reduce("sum", generic, at_token), at_token
            for leaf in self._distributions():
                yield terms.ONE, terms.from_base(leaf)

    def _distributions(self) -> list[Base]:
        """The distributions that occur at the generic token, of a named agent or of none."""
        found: dict[Base, None] = {}
        for member in self.members:
            for leaf in leaves_of(self.body(member)):
                indices = traversal.indices_of(leaf.args[0])
                if leaf.args[0].op in ("prob", "dist") and plain(indices[-1]) == self.generic:
                    if is_closed(leaf):
                        found[leaf] = None
        return list(found)


def _inside_of_maximum(body: Poly) -> list[Poly]:
    """`[e]` where the body is `max(e, -e)`, `max(e, 0)` or `max(e, -e, 0)`; else nothing."""
    if len(body.terms) != 1 or body.terms[0][1] != 1 or len(body.terms[0][0]) != 1:
        return []
    base, exponent = body.terms[0][0][0]
    if base.kind != "max" or exponent != 1:
        return []
    args = [arg for arg in base.args[0] if arg.terms]
    if not args or any(arg != args[0] and arg != terms.scale(args[0], -1) for arg in args):
        return []
    return [args[0]]


def _weighted_logarithms(canon: Canon, body: Poly) -> list[tuple[Poly, Poly]]:
    """`(w, x)` where the body is `w ln x`, with the first branch of every choice inside `x`."""
    if len(body.terms) != 1:
        return []
    monomial, number = body.terms[0]
    logs = [base for base, exponent in monomial if base.kind == "log" and exponent == 1]
    if len(logs) != 1:
        return []
    weight = terms.single(terms.times(monomial, ((logs[0], Fraction(-1)),)), number)

    def chosen(base: Base) -> Poly | None:
        return base.args[1] if base.kind == "where" else None

    inside = Rewriter(canon, terms.from_base, replace=chosen).rewrite(logs[0].args[0])
    return [(weight, inside)]


def _without_addends(canon: Canon, quotient: Poly) -> Iterator[Poly]:
    """A quotient whose denominator is a sum, over each addend alone."""
    if len(quotient.terms) != 1:
        return
    monomial, number = quotient.terms[0]
    for base, exponent in monomial:
        if base.kind == "sum" and exponent == -1:
            rest = terms.single(terms.times(monomial, ((base, Fraction(1)),)), number)
            for addend in base.args[0].terms:
                yield canon.mul(rest, canon.power(terms.single(*addend), Fraction(-1)))


def _sole(poly: Poly) -> Base:
    """The base that a polynomial of one base consists of."""
    return poly.terms[0][0][0][0]


def _linear_in(
    term: tuple[Monomial, Fraction], bodies: dict[Base, Poly]
) -> Iterator[tuple[Poly, Base]]:
    """A term as coefficient times one of the sums, if one of them divides it."""
    monomial, coefficient = term
    for base, exponent in monomial:
        if base in bodies and exponent >= 1:
            rest = terms.times(monomial, ((base, Fraction(-1)),))
            yield terms.single(rest, coefficient), base
            return
