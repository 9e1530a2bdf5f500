"""TRUSTED CORE. What is known of the bases that stand for whole reductions and functions.

Every fact follows from a statement about one generic agent or token that the prover shows first, or
from the monotonicity of a function of one variable. With `A = Σ_j f(j)` and `B = Σ_j g(j)`:

    sign          f(j) ≥ 0 for a generic j                      gives  A ≥ 0
    comparison    f(j) ≤ c·g(j) for a generic j                 gives  A ≤ c·B
    positivity    f, g ≥ 0, and f(j) > 0 implies g(j) > 0       gives  A > 0 implies B > 0
    member        f ≥ 0                                         gives  f(k) ≤ A for each named k
    extremum      M = max_j f(j)                                gives  f(k) ≤ M for each named k

The sums need not be non-empty for any of these; an extremum always is taken over somebody.
"""

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any, Final

from tokenauction.proofs import graph, terms
from tokenauction.proofs.canonical import NON_NEGATIVE, POSITIVE, Canon, plain
from tokenauction.proofs.graph import Axis, Index
from tokenauction.proofs.terms import Base, Condition, Poly

MOST_SUMS: Final = 10

Prove = Callable[[list[Condition], Condition], bool]
"""Whether a condition follows from hypotheses, by a pointwise proof."""


def closed_bases(conditions: list[Condition], kinds: tuple[str, ...]) -> list[Base]:
    """The bases of some kinds that occur outside reductions and do not mention a bound index."""
    found: dict[Base, None] = {}

    def walk(part: Any, inside: bool) -> None:
        if isinstance(part, Poly):
            for base in part.bases():
                walk(base, inside)
        elif isinstance(part, Base):
            for arg in part.args:
                walk(arg, inside or part.kind == "reduce")
            if part.kind in kinds and not inside and is_closed(part):
                found[part] = None
        elif isinstance(part, Condition):
            for arg in part.args:
                walk(arg, inside or part.kind in ("all", "any"))
        elif isinstance(part, tuple):
            for arg in part:
                walk(arg, inside)

    for condition in conditions:
        walk(condition, False)
    return list(found)


def is_closed(term: Any) -> bool:
    """Whether a term mentions no index that a reduction around it binds."""
    return not any(terms.bound_level(index) for index in term.free)


class ReductionFacts:
    """Finds facts about the reductions that occur in some conditions."""

    def __init__(self, canon: Canon, prove: Prove) -> None:
        self.canon = canon
        self.prove = prove

    def find(
        self, conditions: list[Condition], context: list[Condition], compare: bool
    ) -> list[Condition]:
        """Facts about every reduction in `conditions`; `context` holds wherever they are used.

        Without `compare`, signs and positivity only.
        """
        facts: list[Condition] = []
        reductions = closed_bases(conditions, ("reduce",))
        groups: dict[tuple[Axis, tuple[Index, ...]], list[Base]] = {}
        for base in reductions:
            _, over, _, excluded = base.args
            groups.setdefault((over.axis, excluded), []).append(base)
        for (axis, excluded), members in groups.items():
            generic = self.canon.fresh(axis, excluded)
            here = _Group(self, generic, excluded, members, context)
            facts += here.facts(compare)
        return facts


class _Group:
    """The reductions over the same agents or tokens, seen through one generic index."""

    def __init__(
        self,
        finder: ReductionFacts,
        generic: Index,
        excluded: tuple[Index, ...],
        members: list[Base],
        context: list[Condition],
    ) -> None:
        self.canon = finder.canon
        self.prove = finder.prove
        self.generic = generic
        self.excluded = excluded
        self.members = members
        self.context = context + self._extremum_members()

    def _extremum_members(self) -> list[Condition]:
        """The generic index's own value is at most the largest."""
        known = []
        for base in self.members:
            if base.args[0] == "max":
                gap = terms.sub(self.body(base), terms.from_base(base))
                known.append(self.canon.literal("<=", gap))
        return known

    def body(self, base: Base) -> Poly:
        """What a reduction reduces, at the generic index."""
        return self.canon.substitute(base.args[2], base.args[1], self.generic)

    def facts(self, compare: bool) -> list[Condition]:
        sums = [base for base in self.members if base.args[0] == "sum"][:MOST_SUMS]
        bodies = [(terms.from_base(base), self.body(base)) for base in sums]
        facts: list[Condition] = []
        non_negative = []
        for total, body in bodies:
            if self._holds("<=", terms.scale(body, -1)):
                facts.append(self.canon.literal("<=", terms.scale(total, -1)))
                non_negative.append((total, body))
            elif self._holds("<=", body):
                facts.append(self.canon.literal("<=", total))
        if compare:
            facts += self._comparisons(bodies)
        facts += self._positivity(non_negative)
        facts += self._extremum_signs()
        return [fact for fact in facts if fact != terms.TRUE]

    def _holds(self, op: str, poly: Poly, *given: Condition) -> bool:
        goal = self.canon.literal(op, poly)
        if goal == terms.TRUE:
            return True
        return goal != terms.FALSE and self.prove([*self.context, *given], goal)

    def _comparisons(self, bodies: list[tuple[Poly, Poly]]) -> Iterator[Condition]:
        factors = [terms.ONE, *self._factors()]
        for (small, f), (large, g) in permutations(bodies, 2):
            for factor in factors:
                if self._holds("<=", terms.sub(f, self.canon.mul(factor, g))):
                    yield self.canon.literal("<=", terms.sub(small, self.canon.mul(factor, large)))
                elif factor != terms.ONE and self._holds(
                    "<=", terms.sub(self.canon.mul(factor, g), f)
                ):
                    yield self.canon.literal("<=", terms.sub(self.canon.mul(factor, large), small))

    def _factors(self) -> list[Poly]:
        """The extrema, which bound the factors of a sum."""
        found = [terms.from_base(b) for b in self.members if b.args[0] == "max"]
        return [*found, *(terms.scale(one, -1) for one in found)]

    def _positivity(self, non_negative: list[tuple[Poly, Poly]]) -> Iterator[Condition]:
        seeds = list(self._seeds())
        for total, body in non_negative:
            for seed, weight in [*seeds, *non_negative]:
                if seed == total:
                    continue
                if self._holds("<", terms.scale(body, -1), self._positive(weight)):
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
            for named in self._named_dists():
                yield terms.ONE, terms.from_base(named)

    def _named_dists(self) -> list[Base]:
        found: dict[Base, None] = {}
        for member in self.members:
            for leaf in leaves_of(self.body(member)):
                if leaf.args[0].op == "dist" and plain(self.generic) in leaf.free:
                    found[leaf] = None
        return list(found)

    def _extremum_signs(self) -> Iterator[Condition]:
        for base in self.members:
            if base.args[0] != "max":
                continue
            largest, body = terms.from_base(base), self.body(base)
            if self._holds("<=", terms.scale(body, -1)):
                yield self.canon.literal("<=", terms.scale(largest, -1))
            elif self._holds("<=", body):
                yield self.canon.literal("<=", largest)
            for seed, weight in self._seeds():
                if self._holds("<", terms.scale(body, -1), self._positive(weight)):
                    none = self.canon.literal("<=", seed)
                    yield self.canon.disj([none, self._positive(largest)])


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
            facts.append(_order_kept(canon, kind, left, right))
    return [fact for fact in facts if fact != terms.TRUE]


def _stated(op: str, poly: Poly) -> Condition:
    """A literal as it stands: `Canon.literal` would turn a fact about `exp` into one about `log`."""
    return terms.make_condition("lit", poly, op)


def _pointwise(canon: Canon, kind: str, base: Base) -> Iterator[Condition]:
    value, inside = terms.from_base(base), base.args[0]
    if kind == "exp":
        # exp(x) >= 1 + x, and exp(x) < 1 wherever x < 0.
        yield _stated("<=", terms.sub(terms.add(terms.ONE, inside), value))
        not_below = _stated("<=", terms.scale(inside, -1))
        yield canon.disj([not_below, _stated("<", terms.sub(value, terms.ONE))])
    elif kind == "log":
        # log(x) <= x - 1, and log(x) has the sign of x - 1.
        over_one = terms.sub(inside, terms.ONE)
        yield _stated("<=", terms.sub(value, over_one))
        yield canon.disj([_stated("<", over_one), _stated("<=", terms.scale(value, -1))])
        yield canon.disj([_stated("<=", over_one), _stated("<", terms.scale(value, -1))])
        yield canon.disj([_stated("<=", terms.scale(over_one, -1)), _stated("<", value)])
    else:
        yield _stated("<=", terms.sub(value, inside))
        yield _stated("<", terms.sub(inside, terms.add(value, terms.ONE)))


def _order_kept(canon: Canon, kind: str, left: Base, right: Base) -> Condition:
    """`left < right` inside gives `left < right` outside; `<=` for the floor."""
    inside = terms.sub(left.args[0], right.args[0])
    outside = terms.sub(terms.from_base(left), terms.from_base(right))
    if kind == "floor":
        return canon.disj([_stated("<", terms.scale(inside, -1)), _stated("<=", outside)])
    return canon.disj([_stated("<=", terms.scale(inside, -1)), _stated("<", outside)])


def leaves_of(term: Any) -> list[Base]:
    """The leaves of a term, inside reductions too."""
    found: dict[Base, None] = {}

    def walk(part: Any) -> None:
        if isinstance(part, Poly):
            for base in part.bases():
                walk(base)
        elif isinstance(part, Base):
            if part.kind == "leaf":
                found[part] = None
            for arg in part.args:
                walk(arg)
        elif isinstance(part, Condition | tuple):
            for arg in part.args if isinstance(part, Condition) else part:
                walk(arg)

    walk(term)
    return list(found)


_ONE: Final = terms.Fraction(1)
