"""TRUSTED CORE. The prover: whether conditions contradict one another, for every size at once.

Choices and maxima that do not depend on a bound index are split into cases; existential statements
get a name for their witness, universal ones are applied to every name; reductions and functions
become variables with the facts of proofs/core/proving/facts.py; Z3 decides what is left. The
variables over-approximate the profiles, so a contradiction is a proof for every number of agents
and tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.bases import is_closed
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.rewriting import Rewriter
from tokenauction.proofs.core.algebra.terms import Base, Condition, Poly, subbases
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.facts import (
    ReductionFacts,
    attained,
    function_facts,
    members,
)
from tokenauction.proofs.core.proving.groups import Prove
from tokenauction.proofs.core.proving.solver import Query

MOST_CASES: Final = 200
MOST_QUERIES: Final = 4000
_DEEPEST: Final = 3


class GaveUp(Exception):
    """The budget for cases is spent."""


@dataclass
class Prover:
    """Proves sequents; counts what it spends. `rlimit` is the most steps of one query."""

    canon: Canon
    account: Account
    rlimit: int
    cases: int = 0
    queries: int = 0
    split: bool = True
    last_case: list[Condition] = field(default_factory=list)
    facts_used: dict[Condition, None] = field(default_factory=dict)
    models: list[dict[str, Fraction]] = field(default_factory=list)
    _known: dict[tuple[frozenset[Condition], Condition], bool] = field(default_factory=dict)

    def proves(self, hypotheses: list[Condition], goal: Condition) -> bool:
        """Whether the goal follows from the hypotheses. Raises GaveUp, TooLarge."""
        if goal == terms.TRUE:
            return True
        if goal.kind == "and":
            return all(self.proves(hypotheses, part) for part in goal.args[0])
        conditions = [*hypotheses, self.canon.negate(goal)]
        return self._refutes(self._prepared(conditions, depth=0), 0)

    def consistent(self, hypotheses: list[Condition]) -> bool:
        """False where the hypotheses contradict one another, so that anything would follow."""
        return not self._refutes(self._prepared(hypotheses, depth=0), 0)

    # Preparing ---------------------------------------------------------------------------------

    def _prepared(self, conditions: list[Condition], depth: int) -> list[Condition]:
        """Witnesses named, universal statements applied, facts about members added."""
        conditions = self._named_witnesses(self._flat(conditions))
        if depth == 0:
            conditions += self._named_witnesses(attained(self.canon, conditions))
        conditions = self._applied(conditions)
        if depth <= 1:
            conditions = self._flat([*conditions, *members(self.canon, conditions)])
        return conditions

    def _flat(self, conditions: list[Condition]) -> list[Condition]:
        flat: dict[Condition, None] = {}
        for condition in conditions:
            for part in condition.args[0] if condition.kind == "and" else (condition,):
                if part.kind == "and":
                    flat.update(dict.fromkeys(self._flat([part])))
                elif part != terms.TRUE:
                    flat[part] = None
        return list(flat)

    def _named_witnesses(self, conditions: list[Condition]) -> list[Condition]:
        done: list[Condition] = []
        waiting = list(conditions)
        while waiting:
            condition = waiting.pop(0)
            if condition.kind == "any":
                _, body = self.canon.open_body(condition)
                waiting = self._flat([body]) + waiting
            else:
                done.append(condition)
        return done

    def _applied(self, conditions: list[Condition]) -> list[Condition]:
        """Every universal statement, also at every name that it speaks of."""
        names = {i for c in conditions for i in c.free if not terms.bound_level(i)}
        applied: list[Condition] = []
        for condition in conditions:
            if condition.kind == "all":
                over, body, excluded = condition.args
                for name in sorted(names, key=str):
                    if name.axis is over.axis and self.canon.ranges_over(name, excluded):
                        applied.append(self.canon.substitute_any(body, over, name))
        return self._flat([*conditions, *applied])

    # Splitting ---------------------------------------------------------------------------------

    def _refutes(self, conditions: list[Condition], depth: int) -> bool:
        if terms.FALSE in conditions:
            return True
        choice = self._choice(conditions) if self.split else None
        if choice is not None and self._impossible(conditions):
            return True
        if choice is not None:
            return all(
                self._refutes(self._flat(case), depth) for case in self._split(conditions, choice)
            )
        if depth == 0:
            self.cases += 1
        if self.cases > MOST_CASES or self.queries > MOST_QUERIES:
            raise GaveUp
        return self._refutes_case(conditions, depth)

    def _choice(self, conditions: list[Condition]) -> Base | Condition | None:
        """A literal that some choice depends on, or a maximum; what is innermost first."""
        for condition in conditions:
            found = _first_choice(condition)
            if found is not None:
                return found
        return None

    def _impossible(self, conditions: list[Condition]) -> bool:
        """Whether the short conditions alone contradict one another: saves splitting further."""
        short = [c for c in conditions if c.kind == "lit" and _is_context(c)]
        key = (frozenset(short), terms.FALSE)
        if key not in self._known:
            self._known[key] = self._ask(self._query(short, [], {}))
        return self._known[key]

    def _split(
        self, conditions: list[Condition], choice: Base | Condition
    ) -> list[list[Condition]]:
        if isinstance(choice, Condition):
            return [
                [*self._decided(conditions, choice, True), choice],
                [*self._decided(conditions, choice, False), self.canon.negate(choice)],
            ]
        cases = []
        for largest in choice.args[0]:
            others = [arg for arg in choice.args[0] if arg != largest]
            above = [self.canon.literal("<=", terms.sub(arg, largest)) for arg in others]

            def replace(base: Base, value: Poly = largest) -> Poly | None:
                return value if base == choice else None

            rewriter = Rewriter(self.canon, terms.from_base, replace=replace)
            cases.append([*(rewriter.rewrite(c) for c in conditions), *above])
        return cases

    def _decided(
        self, conditions: list[Condition], literal: Condition, value: bool
    ) -> list[Condition]:
        yes = terms.TRUE if value else terms.FALSE
        no = self.canon.negate(yes)
        opposite = self.canon.negate(literal)

        def decide(condition: Condition) -> Condition | None:
            return yes if condition == literal else no if condition == opposite else None

        rewriter = Rewriter(self.canon, terms.from_base, decide=decide)
        return [rewriter.rewrite(condition) for condition in conditions]

    # Deciding ----------------------------------------------------------------------------------

    def _refutes_case(self, conditions: list[Condition], depth: int) -> bool:
        literals = [c for c in conditions if c.kind != "all"]
        if self._ask(self._query(literals, [], {})):
            return True
        facts = function_facts(self.canon, literals)
        if facts and self._ask(self._query(literals, facts, {})):
            return True
        context = [c for c in conditions if _is_context(c)]
        finder = ReductionFacts(self.canon, literals, context, self._pointwise(depth))
        stages = (
            finder.signs,
            finder.comparisons,
            finder.distances,
            finder.positivity,
            finder.bounds_by_maxima,
            finder.combinations,
            finder.tangents,
        )
        for stage in stages if depth == 0 else (finder.signs, finder.positivity):
            found = [] if depth >= _DEEPEST else stage()
            facts = [*facts, *found]
            if terms.FALSE in found or (found and self._ask(self._query(literals, facts, {}))):
                return self._record(facts, depth)
        known = self._nonzero(literals, facts)
        if known and self._ask(self._query(literals, facts, known)):
            return self._record(facts, depth)
        if depth == 0:
            self.last_case = literals
            self.models.append(self._query(literals, facts, known).model())
        return False

    def _record(self, facts: list[Condition], depth: int) -> bool:
        """Keep the facts about reductions that a case was decided with."""
        if depth == 0:
            self.facts_used.update(dict.fromkeys(facts))
        return True

    def _pointwise(self, depth: int) -> Prove:
        def prove(hypotheses: list[Condition], goal: Condition) -> bool:
            key = (frozenset(hypotheses), goal)
            if key not in self._known:
                conditions = [*hypotheses, self.canon.negate(goal)]
                try:
                    prepared = self._prepared(conditions, depth + 1)
                    self._known[key] = self._refutes(prepared, depth + 1)
                except (GaveUp, TooLarge):
                    self._known[key] = False
            return self._known[key]

        return prove

    def _query(
        self, literals: list[Condition], facts: list[Condition], nonzero: dict[Poly, str]
    ) -> Query:
        known = {**_stated_signs(self.canon, [*literals, *facts]), **nonzero}
        query = Query(self.canon, self.account, self.rlimit, known)
        for condition in (*literals, *facts):
            query.assume(condition)
        return query

    def _ask(self, query: Query) -> bool:
        self.queries += 1
        return query.unsat()

    def _nonzero(self, literals: list[Condition], facts: list[Condition]) -> dict[Poly, str]:
        """The signs of denominators that Z3 can show to be nonzero."""
        known: dict[Poly, str] = {}
        for base in denominators(literals):
            value = base.args[0] if base.kind == "sum" else terms.from_base(base)
            stated = _stated_signs(self.canon, [*literals, *facts])
            if self.canon.base_sign(base) in "+-" or value in stated:
                continue
            for op, factor, sign in (("<=", 1, "+"), ("<=", -1, "-"), ("==", 1, "!=")):
                query = self._query(literals, facts, known)
                query.assume(self.canon.literal(op, terms.scale(value, factor)))
                if self._ask(query):
                    known[value] = sign
                    break
        return known


def denominators(conditions: list[Condition]) -> list[Base]:
    """The closed bases with a negative exponent, inside other bases first."""
    found: dict[Base, None] = {}

    def look(poly: Poly) -> None:
        for monomial, _ in poly.terms:
            for base, exponent in monomial:
                if exponent < 0 and is_closed(base):
                    found[base] = None

    for condition in conditions:
        for base in subbases(condition):
            for arg in base.args:
                if isinstance(arg, Poly):
                    look(arg)
        for poly in literals_of(condition):
            look(poly)
    return list(found)


def literals_of(condition: Condition) -> Iterator[Poly]:
    """The polynomials that the literals of a condition compare with zero."""
    for arg in condition.args:
        if isinstance(arg, Poly):
            yield arg
        for part in arg if isinstance(arg, tuple) else (arg,):
            if isinstance(part, Condition):
                yield from literals_of(part)


def _stated_signs(canon: Canon, conditions: list[Condition]) -> dict[Poly, str]:
    """What literals among the conditions say: `x < 0`, `-x < 0` or `x != 0`, of any multiple."""
    stated: dict[Poly, str] = {}
    for condition in conditions:
        if condition.kind != "lit":
            continue
        poly, op = condition.args
        if op in ("<", "!=") and poly.terms:
            unit = terms.scale(poly, 1 / poly.terms[0][1])
            sign = "!=" if op == "!=" else ("-" if poly.terms[0][1] > 0 else "+")
            if sign != "!=" or unit not in stated:
                stated[unit] = sign
    return stated


def _is_context(condition: Condition) -> bool:
    """Of use as a hypothesis of a pointwise proof: short, without choices and without sums."""
    if condition.kind == "lit":
        poly = condition.args[0]
        short = len(poly.terms) <= 4 and all(
            sum(abs(e) for _, e in monomial) <= 3 for monomial, _ in poly.terms
        )
        return (short and all(_is_plain(base) for base in poly.bases())) or _is_sign(poly)
    return condition.kind in ("all", "same", "different")


def _is_sign(poly: Poly) -> bool:
    """Whether a literal says the sign of a bid and a sum of bids: they are denominators."""
    return len(poly.terms) <= 2 and all(
        len(monomial) == 1 and monomial[0][1] == 1 and _is_of_bids(monomial[0][0])
        for monomial, _ in poly.terms
    )


def _is_of_bids(base: Base) -> bool:
    if base.kind == "reduce" and base.args[0] == "sum":
        return all(_is_of_bids(inner) for inner in base.args[2].bases())
    return base.kind == "leaf" and base.args[0].op in ("bid", "other_bid", "scalar")


def _is_plain(base: Base) -> bool:
    if base.kind == "reduce":
        return bool(base.args[0] == "max")
    return base.kind in ("leaf", "exp", "log", "floor")


def _first_choice(term: Any) -> Base | Condition | None:
    """The first literal that a closed choice depends on, or closed maximum, inside first."""
    if isinstance(term, Poly):
        for base in term.bases():
            found = _first_choice(base)
            if found is not None:
                return found
        return None
    if isinstance(term, tuple):
        for part in term:
            found = _first_choice(part)
            if found is not None:
                return found
        return None
    if not isinstance(term, Base | Condition):
        return None
    found = _first_choice(term.args)
    if found is not None:
        return found
    if isinstance(term, Base) and term.kind == "where" and is_closed(term.args[0]):
        return _literal_in(term.args[0])
    if isinstance(term, Base) and term.kind == "max" and is_closed(term):
        return term
    return None


def _literal_in(condition: Condition) -> Condition:
    while condition.kind in ("and", "or"):
        condition = condition.args[0][0]
    return condition
