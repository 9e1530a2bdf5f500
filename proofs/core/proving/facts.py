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

from collections.abc import Iterable, Iterator
from itertools import permutations

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.bases import closed_bases
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.signs import NON_NEGATIVE, POSITIVE
from tokenauction.proofs.core.algebra.terms import Base, Condition, Poly, subbases
from tokenauction.proofs.core.language.graph import Axis, Index
from tokenauction.proofs.core.proving.groups import Group, Prove


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
            Group(canon, prove, axis, excluded, group, context, axis in counted)
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
