"""Deciding claims: from a rule and a property to a verdict, the cheapest way first.

    1. is the rule usable, and is its trace what its function computes on NumPy?
    2. a quick search for a counterexample, replayed exactly
    3. a named lemma, or the reduction: a proof for every number of agents and tokens
    4. a thorough search
    5. exact decisions at small fixed sizes
    6. unknown, with the reason

A rule that cannot be traced is attacked numerically and never proved.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import product

import numpy as np

from tokenauction.mechanisms import AggregationRule
from tokenauction.proofs import claims, explain, graph
from tokenauction.proofs.all_sizes import prove_all_sizes
from tokenauction.proofs.assignment import Assignment
from tokenauction.proofs.canonical import Canon, TooLarge
from tokenauction.proofs.claims import Claim, RuleFault
from tokenauction.proofs.falsify import Search
from tokenauction.proofs.fixed_sizes import decide_size
from tokenauction.proofs.graph import Axis, Node
from tokenauction.proofs.interpret.batch import Batch
from tokenauction.proofs.lemmas import lemmas_for
from tokenauction.proofs.numeric_attack import CLEAR_MARGIN, NumericAttack, Violation
from tokenauction.proofs.numpy_run import agrees, check_usable, disagreement, open_disagreement
from tokenauction.proofs.replay import Replayer
from tokenauction.proofs.shrink import shrink
from tokenauction.proofs.solver import solver_version
from tokenauction.proofs.trace import SizeRequired, Trace, TracingError
from tokenauction.proofs.verdict import (
    Evidence,
    Proved,
    Refuted,
    Scope,
    Unknown,
    Verdict,
    Witness,
)
from tokenauction.theory import PROPERTIES, PreferenceOrder, RuleProperty, distribution, monotone_in

REDUCTION = "reduction and Z3"
FIXED = "fixed sizes in Z3"
SEARCH = "search and exact replay"
NUMERIC = "floats only"
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Options:
    """How much to spend, and where fixed sizes end.

    `budget` is in seconds of an ordinary machine: it scales every deterministic limit (samples,
    solver steps); the command line enforces it on the clock as well.
    """

    agents: int | None = None
    tokens: int | None = None
    budget: float = 60.0
    seed: int = 0
    progress: Callable[[str], None] = lambda _: None

    @property
    def effort(self) -> float:
        return min(max(self.budget / 60.0, 0.02), 20.0)

    @property
    def rlimit(self) -> int:
        return int(2_000_000 * self.effort)


def verify(
    rule: AggregationRule,
    prop: str | RuleProperty | PreferenceOrder,
    *,
    agents: int | None = None,
    tokens: int | None = None,
    budget: float = 60.0,
    seed: int = 0,
) -> Verdict:
    """Prove or refute a property of a rule.

    `prop` is a built-in's name, a property, or a preference order (then: monotonicity in it).
    `agents` and `tokens` bound the fixed sizes that are looked at; a proof for all sizes is tried
    all the same. Raises KeyError for an unknown name, `Unusable` for a rule that does not run.

    >>> from tokenauction.mechanisms import linear, log_linear
    >>> verify(linear, "monotone").status
    'proved'
    >>> verify(log_linear, "monotone").status
    'refuted'
    """
    options = Options(agents, tokens, budget, seed)
    return RuleVerifier(rule, options).verify(as_property(prop))


def as_property(prop: str | RuleProperty | PreferenceOrder) -> RuleProperty:
    """A property by name, as it is, or as monotonicity in an order."""
    if isinstance(prop, PreferenceOrder):
        return monotone_in(prop)
    if isinstance(prop, str):
        if prop not in PROPERTIES:
            raise KeyError(f"unknown property {prop!r}; there are: {', '.join(PROPERTIES)}")
        return PROPERTIES[prop]
    return prop


@dataclass
class RuleVerifier:
    """Verifies properties of one rule; checks once that the rule runs and traces faithfully."""

    rule: AggregationRule
    options: Options = field(default_factory=Options)
    _verdicts: dict[RuleProperty, Verdict] = field(default_factory=dict)

    def verify(self, prop: RuleProperty) -> Verdict:
        """The verdict on one property; raises Unusable for a rule that does not run."""
        if prop not in self._verdicts:
            self._verdicts[prop] = self._verify(prop)
        return self._verdicts[prop]

    # What is known of the rule itself ----------------------------------------------------------

    @cached_property
    def usable_sizes(self) -> list[tuple[int, int]]:
        """Sizes at which the rule's function runs; raises Unusable."""
        return self._runs[0]

    @cached_property
    def _runs(self) -> tuple[list[tuple[int, int]], str]:
        return check_usable(self.rule)

    @cached_property
    def untraceable(self) -> str:
        """Why the rule has no trace that can be trusted; empty where it has one."""
        claim = Claim(self.rule, distribution)
        size = (2, claims.tokens_of(self.rule) or 3)
        earlier = [_traced_at(claim, *size), _traced_at(claim, *size)]
        for agents, tokens in self.usable_sizes[:4]:
            found = _traced_at(claim, agents, tokens)
            if isinstance(found, str):
                return found
        if size in self.usable_sizes and any(
            trace != _traced_at(claim, *size) for trace in earlier
        ):
            return f"{self.rule.file}:{self.rule.line}: {self.rule.name} keeps state between calls"
        return disagreement(claim, self.usable_sizes)

    @cached_property
    def traced_paths(self) -> list[tuple[Node, Node]] | str:
        """The rule's trace over every size, or why there is none."""
        try:
            return claims.traced_rule(Claim(self.rule, distribution))
        except (TracingError, RuleFault) as problem:
            return str(problem)

    @cached_property
    def open_paths(self) -> list[tuple[Node, Node]] | str:
        """The same where it can be trusted: the rule runs at every size tried, and agrees."""
        paths = self._runs[1] or self.traced_paths
        if isinstance(paths, str):
            return paths
        return open_disagreement(self.rule, paths, self.usable_sizes) or paths

    @cached_property
    def fingerprint(self) -> str | None:
        """A digest of what the rule computes; None where it cannot be traced."""
        if self.untraceable:
            return None
        canon = Canon(self.rule.support == "full", budget=200_000)
        texts: list[str] = [self.rule.support]
        try:
            if isinstance(self.traced_paths, str):
                for agents, tokens in self.usable_sizes[:4]:
                    instance = next(
                        claims.instances(Claim(self.rule, distribution), agents, tokens)
                    )
                    texts += [canon.poly(node).key for node in instance.formula.aggregates[0]]
            else:
                for assumed, aggregate in self.traced_paths:
                    texts += [canon.condition(assumed).key, canon.poly(aggregate).key]
        except TooLarge:
            texts.append(str(self.traced_paths))
        return sha256("\n".join(texts).encode()).hexdigest()[:16]

    @cached_property
    def decimals(self) -> tuple[float, ...]:
        """The float constants of the rule that were read as decimals."""
        trace = Trace(sizes={Axis.AGENTS: 2, Axis.TOKENS: 3})
        try:
            claims.instance_in(Claim(self.rule, distribution), trace)
        except (TracingError, RuleFault):
            return ()
        return tuple(sorted(trace.float_constants))

    @cached_property
    def rounded_constants(self) -> bool:
        """Whether some constant has so many digits that it must come from rounded arithmetic.

        Then a violation that is no larger than rounding says nothing about the rule that is meant.
        """
        return any(len(repr(value).replace(".", "").lstrip("-0")) >= 15 for value in self.decimals)

    # One claim ---------------------------------------------------------------------------------

    def _verify(self, prop: RuleProperty) -> Verdict:
        claim = Claim(self.rule, prop)
        self.options.progress("running the rule")
        if self.untraceable:
            return self._attack(claim)
        try:
            return _Decision(self, claim).verdict()
        except RecursionError:
            return Unknown("the rule's expression is too deep to be decided")

    def _attack(self, claim: Claim) -> Verdict:
        """The verdict on a rule that cannot be traced."""
        options = self.options
        attack = NumericAttack(
            claim,
            options.seed,
            most_calls=int(12_000 * options.effort),
            most_agents=options.agents or 8,
            most_tokens=options.tokens or 8,
            progress=options.progress,
        )
        try:
            found = attack.run()
        except TracingError as problem:
            return Unknown(str(problem))
        sizes = f"{attack.calls} runs at sizes {_size_list(attack.sizes)}"
        if found is None:
            reason = f"the rule cannot be traced: {self.untraceable}"
            explored = f"{sizes}, no violation with a margin of {CLEAR_MARGIN}"
            return Unknown(f"{reason}; searched: {explored}", explored, method=NUMERIC)
        least = max(CLEAR_MARGIN, found.margin / 4)

        def clearly(values: Assignment) -> bool:
            judged = attack.judge(values)
            return judged is not None and judged.margin >= least

        smaller = attack.judge(shrink(found.assignment, clearly, most_tries=600)) or found
        witness = _float_witness(claim, smaller)
        where = Scope((smaller.assignment.agents,), (smaller.assignment.tokens,))
        return Refuted(witness, NUMERIC, where)


def _traced_at(claim: Claim, agents: int, tokens: int) -> tuple[Node, ...] | str:
    """The aggregate at a size, or why it cannot be traced."""
    try:
        return next(claims.instances(claim, agents, tokens)).formula.aggregates[0]
    except (TracingError, RuleFault) as problem:
        return str(problem)


@dataclass
class _Decision:
    """The decision of one claim about a rule that can be traced."""

    verifier: RuleVerifier
    claim: Claim

    def __post_init__(self) -> None:
        options = self.verifier.options
        self.options = options
        self.replayer = Replayer(self.claim)
        self.search = Search(
            self.claim,
            self.replayer,
            options.seed,
            effort=options.effort,
            most_agents=options.agents or 8,
            most_tokens=options.tokens or 6,
            more_sizes=self._thresholds(),
            progress=options.progress,
            accept=self._violates,
        )
        self.notes: list[str] = []

    def verdict(self) -> Verdict:
        steps = (self._quick, self._by_lemma, self._all_sizes, self._thorough, self._fixed_sizes)
        for step in steps:
            found = step()
            if found is not None:
                return found
        explored = (
            f"{self.search.profiles} profiles at sizes {_size_list(self.search.sizes)}, "
            "replayed exactly where they looked bad"
        )
        reason = "; ".join([*self.notes, f"searched without success: {explored}"])
        return Unknown(reason, explored, method="reduction, search, fixed sizes")

    # The steps

    def _quick(self) -> Verdict | None:
        return self._refuted(self.search.quick(), SEARCH)

    def _thorough(self) -> Verdict | None:
        return self._refuted(self.search.thorough(), SEARCH)

    def _all_sizes(self) -> Verdict | None:
        self.options.progress("proving it for all agents and tokens")
        if isinstance(self.verifier.open_paths, str):
            self.notes.append(f"no proof for all sizes: {self.verifier.open_paths}")
            return None
        try:
            outcome = prove_all_sizes(
                self.claim, self.options.rlimit, int(100_000 * self.options.effort)
            )
        except SizeRequired as problem:
            self.notes.append(f"no proof for all sizes: {problem}")
            return None
        except (TracingError, RuleFault) as problem:
            return Unknown(str(problem))
        if outcome.vacuous:
            return Unknown("vacuous: no profile satisfies the premises of the property")
        if outcome.proved:
            return self._cross_checked(REDUCTION, outcome.steps)
        self.notes.append(outcome.reason)
        return None

    def _by_lemma(self) -> Verdict | None:
        for lemma in lemmas_for(self.claim.prop, self.claim.positive):
            verdicts = (self.verifier.verify(premise) for premise in lemma.premises)
            if all(isinstance(v, Proved) and v.scope == Scope() for v in verdicts):
                steps = [f"{p.name}: proved for all sizes" for p in lemma.premises]
                return self._cross_checked(f"lemma {lemma.name}", tuple(steps))
        return None

    def _cross_checked(self, method: str, steps: tuple[str, ...]) -> Verdict:
        """A proof, unless the search finds a counterexample to it: then the checker is wrong."""
        found = self.search.edges()
        if found is not None:
            return Unknown(
                "INTERNAL ERROR: a proof and an exact counterexample of the same claim; please "
                f"report this rule (counterexample: {found})"
            )
        return Proved(Scope(), self._evidence(method, steps))

    def _fixed_sizes(self) -> Verdict | None:
        most_agents, most_tokens = self.options.agents or 3, self.options.tokens or 3
        proved: list[tuple[int, int]] = []
        undecided: list[tuple[int, int]] = []
        vacuous = True
        only = claims.tokens_of(self.claim.rule)
        tokens_to_try = range(1, most_tokens + 1) if only is None else (only,)
        sizes = product(range(1, most_agents + 1), tokens_to_try)
        for agents, tokens in sorted(sizes, key=lambda size: (size[0] * size[1], size)):
            if len(undecided) == 2:
                break
            self.options.progress(f"deciding {agents} agents, {tokens} tokens exactly")
            try:
                result = decide_size(self.claim, agents, tokens, self.options.rlimit // 3)
            except (TracingError, RuleFault) as problem:
                self.notes.append(f"not traced with {agents} agents and {tokens} tokens: {problem}")
                continue
            for candidate in result.candidates:
                if self._violates(candidate):
                    return self._refuted(candidate, FIXED)
            (proved if result.proved else undecided).append((agents, tokens))
            vacuous = vacuous and result.vacuous
        if undecided or not proved or vacuous:
            if undecided:
                self.notes.append(f"not decided at fixed sizes {_size_list(undecided)}")
            return None
        scope = _rectangle(proved)
        if scope is None:
            return None
        steps = tuple(f"{n} agents, {t} tokens: no violation exists" for n, t in proved)
        return Proved(scope, self._evidence(FIXED, steps))

    # What they share

    def _violates(self, values: Assignment) -> bool:
        replay = self.replayer.replay(values)
        instance = self.replayer.instance(values)
        if not replay.violates or instance is None:
            return False
        if not replay.undefined and self.verifier.rounded_constants:
            leaves = {node: np.array([float(v)]) for node, v in values.leaves().items()}
            batch = Batch(leaves, 1)
            batch.run(instance.formula.holds)
            if batch.margin(instance.formula.holds)[0] > -_ROUNDING:
                return False
        return agrees(self.claim, values, replay, instance)

    def _refuted(self, found: Assignment | None, method: str) -> Verdict | None:
        if found is None:
            return None
        self.options.progress("making the counterexample small")
        smallest = shrink(found, self._violates)
        replay = self.replayer.replay(smallest)
        instance = self.replayer.instance(smallest)
        if instance is None or not replay.violates:
            raise RuntimeError("a counterexample did not survive its replay")
        witness = explain.describe(self.claim, instance, smallest, replay)
        return Refuted(witness, method, Scope((smallest.agents,), (smallest.tokens,)))

    def _evidence(self, method: str, steps: tuple[str, ...]) -> Evidence:
        assumptions = ["real arithmetic, without rounding"]
        if self.claim.positive:
            assumptions.append("strictly positive distributions")
        if not self.claim.prop.everywhere:
            assumptions.append("profiles at which the rule and the property are defined")
        if self.verifier.decimals:
            read = ", ".join(f"{value!r}" for value in self.verifier.decimals)
            assumptions.append(f"float constants read as decimals: {read}")
        open_dists = [k for k, v in self.claim.rule.distributions.items() if v is None]
        if open_dists:
            assumptions.append(f"for every distribution {', '.join(open_dists)}")
        return Evidence(method, steps, tuple(assumptions), {"z3": solver_version()})

    def _thresholds(self) -> list[tuple[int, int]]:
        """Sizes around the constants that the rule compares a number of agents or tokens with."""
        paths = self.verifier.traced_paths
        if isinstance(paths, str):
            return []
        found: dict[Axis, set[int]] = {axis: set() for axis in Axis}
        for node in graph.subnodes(*(node for path in paths for node in path)):
            if node.op in ("lt", "le", "eq", "max", "min"):
                leaves = [part for part in graph.subnodes(node) if not part.args]
                for axis in Axis:
                    if graph.size(axis) in leaves:
                        found[axis] |= {int(leaf.data) for leaf in leaves if leaf.op == "const"}
        return list(_near(found[Axis.AGENTS], 2, lambda n: (n, 2), 24)) + list(
            _near(found[Axis.TOKENS], 3, lambda t: (2, t), 40)
        )


def _near(
    constants: Iterable[int], above: int, size: Callable[[int], tuple[int, int]], most: int
) -> Iterator[tuple[int, int]]:
    around = {c + step for c in constants for step in (-1, 0, 1, 2)}
    return (size(n) for n in sorted(around) if above < n <= most)


def _rectangle(sizes: list[tuple[int, int]]) -> Scope | None:
    """The scope of sizes that form a full rectangle of agents and tokens."""
    agents = tuple(sorted({n for n, _ in sizes}))
    tokens = tuple(sorted({t for _, t in sizes}))
    full = set(product(agents, tokens)) == set(sizes)
    return Scope(agents, tokens) if full else None


def _size_list(sizes: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{n}x{t}" for n, t in dict.fromkeys(sizes))


def _float_witness(claim: Claim, found: Violation) -> Witness:
    values = found.assignment.consistent_with(claim)
    rows = tuple(tuple(f"{x:.12g}" for x in row) for row in found.aggregates)
    undefined = any(x != x for row in found.aggregates for x in row)
    aggregates = [list(row) for row in found.aggregates]
    token = None if undefined else explain.worst_token(claim, values, aggregates)
    margin = None if undefined else float(f"{found.margin:.3g}")
    return explain.witness_at(
        claim, values, rows, token, undefined=undefined, rounded=True, exact=False, margin=margin
    )
