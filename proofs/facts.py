"""TRUSTED CORE. What is known of the bases that stand for whole reductions and functions.

Every fact follows from a statement about one generic agent or token that the prover shows first, or
from the monotonicity of a function of one variable. With `A = Σ_j f(j)` and `B = Σ_j g(j)`:

    sign          f(j) ≥ 0 for a generic j                      gives  A ≥ 0
    comparison    f(j) ≤ c·g(j) for a generic j                 gives  A ≤ c·B
    positivity    f, g ≥ 0, and f(j) > 0 implies g(j) > 0       gives  A > 0 implies B > 0
    proportion    f(j) = c·g(j) for a generic j                 gives  A = c·B
    tangent       f(j) ≤ g(j) where ln x ≤ x - 1 suggests g    gives  A ≤ B
    triangle      |f(j)| ≤ Σ_k |c_k| g_k(j), with g_k ≥ 0       gives  Σ|f| ≤ Σ_k |c_k| Σ_j g_k(j)
    member        f ≥ 0                                         gives  f(k) ≤ A for each named k
    extremum      M = max_j f(j)                                gives  f(k) ≤ M for each named k

The sums need not be non-empty for any of these; an extremum always is taken over somebody.
"""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import permutations
from typing import Any, Final

from tokenauction.proofs import graph, terms
from tokenauction.proofs.canonical import NON_NEGATIVE, POSITIVE, Canon, Rewriter, plain
from tokenauction.proofs.graph import Axis, Index
from tokenauction.proofs.terms import Base, Condition, Monomial, Poly, subbases

MOST_SUMS: Final = 10

Prove = Callable[[list[Condition], Condition], bool]
"""Whether a condition follows from hypotheses, by a pointwise proof."""


def closed_bases(conditions: list[Condition], kinds: tuple[str, ...]) -> list[Base]:
    """The bases of some kinds, wherever they occur, that do not mention a bound index."""
    found: dict[Base, None] = {}
    for condition in conditions:
        for base in subbases(condition):
            if base.kind in kinds and is_closed(base):
                found[base] = None
    return list(found)


def is_closed(term: Any) -> bool:
    """Whether a term mentions no index that a reduction around it binds."""
    return not any(terms.bound_level(index) for index in term.free)


class ReductionFacts:
    """Finds facts about the reductions in some conditions, wherever `context` holds."""

    def __init__(
        self, canon: Canon, conditions: list[Condition], context: list[Condition], prove: Prove
    ) -> None:
        members: dict[tuple[Axis, tuple[Index, ...]], list[Base]] = {}
        for base in closed_bases(conditions, ("reduce",)):
            _, over, _, excluded = base.args
            members.setdefault((over.axis, excluded), []).append(base)
        counted = {
            base.args[0].data
            for condition in conditions
            for base in subbases(condition)
            if base.kind == "leaf" and base.args[0].op == "size" and not _bounds(condition)
        }
        self.polys = [poly for condition in conditions for poly in _sums_in(condition)]
        self.groups = [
            _Group(canon, prove, axis, excluded, group, context, axis in counted)
            for (axis, excluded), group in members.items()
        ]

    def signs(self) -> list[Condition]:
        """Which reductions are non-negative, or non-positive."""
        return _useful(fact for group in self.groups for fact in group.signs())

    def comparisons(self) -> list[Condition]:
        """Which sums bound which."""
        return _useful(fact for group in self.groups for fact in group.comparisons([terms.ONE]))

    def bounds_by_maxima(self) -> list[Condition]:
        """Which sums bound which if they are multiplied by the largest of something."""
        return _useful(fact for group in self.groups for fact in group.comparisons(group.largest()))

    def distances(self) -> list[Condition]:
        """Bounds on sums of absolute values, and which of them are multiples of which."""
        facts = (fact for group in self.groups for fact in group.triangles())
        more = (fact for group in self.groups for fact in group.proportions())
        return _useful([*facts, *more])

    def tangents(self) -> list[Condition]:
        """Bounds on sums of logarithms."""
        return _useful(fact for group in self.groups for fact in group.tangents())

    def combinations(self) -> list[Condition]:
        """The signs of the linear combinations of sums that occur, and when they are positive."""
        return _useful(fact for group in self.groups for fact in group.combinations(self.polys))

    def positivity(self) -> list[Condition]:
        """Which sums and maxima are positive if others are."""
        return _useful(fact for group in self.groups for fact in group.positivity())


def _sums_in(condition: Condition) -> Iterator[Poly]:
    """The polynomials of several terms that a condition compares, or divides by."""
    for base in subbases(condition):
        if base.kind == "sum":
            yield base.args[0]
    if condition.kind == "lit":
        yield condition.args[0]
    elif condition.kind in ("and", "or"):
        for part in condition.args[0]:
            yield from _sums_in(part)


def _bounds(condition: Condition) -> bool:
    """Whether a condition only bounds a size by a constant."""
    return condition.kind == "lit" and all(
        base.kind == "leaf" and base.args[0].op == "size" for base in condition.args[0].bases()
    )


def _useful(facts: Iterable[Condition]) -> list[Condition]:
    return [fact for fact in dict.fromkeys(facts) if fact != terms.TRUE]


class _Group:
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
                indices = graph.indices_of(leaf.args[0])
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


def members(canon: Canon, conditions: list[Condition]) -> list[Condition]:
    """`f(k) ≤ Σ_j f(j)` and `f(k) ≤ max_j f(j)` for every named index that is not left out."""
    named = {index for c in conditions for index in c.free if not terms.bound_level(index)}
    facts = []
    for base in closed_bases(conditions, ("reduce",)):
        kind, over, body, excluded = base.args
        if kind == "prod" or (kind == "sum" and canon.sign(body) not in (POSITIVE, NON_NEGATIVE)):
            continue
        for index in sorted(named, key=str):
            if index.axis is over.axis and canon.ranges_over(index, excluded):
                own = canon.substitute(body, over, index)
                facts.append(canon.literal("<=", terms.sub(own, terms.from_base(base))))
    return [fact for fact in facts if fact != terms.TRUE]


def attained(canon: Canon, conditions: list[Condition]) -> list[Condition]:
    """For every maximum, `f(k) = max_j f(j)` for some agent or token, given a new name."""
    facts = []
    for base in closed_bases(conditions, ("reduce",)):
        kind, over, body, excluded = base.args
        if kind == "max":
            somebody = canon.fresh(over.axis, excluded)
            own = canon.substitute(body, over, somebody)
            facts.append(canon.literal("==", terms.sub(own, terms.from_base(base))))
    return facts


def function_facts(canon: Canon, conditions: list[Condition]) -> list[Condition]:
    """Order facts about the values of `exp`, `log`, `floor` and powers that occur."""
    facts: list[Condition] = []
    for kind in ("exp", "log", "floor"):
        bases = closed_bases(conditions, (kind,))[:8]
        for base in bases:
            facts += _pointwise(canon, kind, base)
        for left, right in permutations(bases, 2):
            facts += _order_kept(canon, kind, left, right)
    return [fact for fact in facts if fact != terms.TRUE]


def _stated(op: str, poly: Poly) -> Condition:
    """A literal as it stands: `Canon.literal` would turn facts about `exp` into some on `log`."""
    return terms.make_condition("lit", poly, op)


def _pointwise(canon: Canon, kind: str, base: Base) -> Iterator[Condition]:
    value, inside = terms.from_base(base), base.args[0]
    if kind == "exp":
        # exp(x) >= 1 + x, and exp(x) < 1 wherever x < 0.
        yield _stated("<=", terms.sub(terms.add(terms.ONE, inside), value))
        not_below = _stated("<=", terms.scale(inside, -1))
        yield canon.disj([not_below, _stated("<", terms.sub(value, terms.ONE))])
    elif kind == "log":
        # 1 - 1/x <= log(x) <= x - 1, with equality at 1 only, and log(x) has the sign of x - 1.
        over_one = terms.sub(inside, terms.ONE)
        absent = _stated("<=", inside)
        for slack in (
            terms.sub(value, over_one),
            terms.sub(over_one, canon.mul(inside, value)),
        ):
            yield canon.disj([absent, _stated("<=", slack)])
            yield canon.disj([absent, _stated("==", over_one), _stated("<", slack)])
        yield canon.disj([_stated("<", over_one), _stated("<=", terms.scale(value, -1))])
        yield canon.disj([_stated("<=", over_one), _stated("<", terms.scale(value, -1))])
        yield canon.disj([_stated("<=", terms.scale(over_one, -1)), _stated("<", value)])
    else:
        yield _stated("<=", terms.sub(value, inside))
        yield _stated("<", terms.sub(inside, terms.add(value, terms.ONE)))


def _order_kept(canon: Canon, kind: str, left: Base, right: Base) -> Iterator[Condition]:
    """`<=` inside gives `<=` outside; `<` gives `<`, but for the floor."""
    inside = terms.sub(left.args[0], right.args[0])
    outside = terms.sub(terms.from_base(left), terms.from_base(right))
    yield canon.disj([_stated("<", terms.scale(inside, -1)), _stated("<=", outside)])
    if kind != "floor":
        yield canon.disj([_stated("<=", terms.scale(inside, -1)), _stated("<", outside)])
    if kind == "log":
        # log(x) - log(y) = log(x / y) <= x / y - 1, of positive numbers: inside a choice that is
        # not made, the numbers can be anything.
        slack = terms.sub(canon.mul(right.args[0], outside), inside)
        absent = [_stated("<=", base.args[0]) for base in (left, right)]
        yield canon.disj([*absent, _stated("<=", slack)])


def leaves_of(term: Any) -> list[Base]:
    """The leaves of a term, inside reductions too."""
    return list(dict.fromkeys(base for base in subbases(term) if base.kind == "leaf"))


_ONE: Final = Fraction(1)
