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
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

import numpy as np

from tokenauction.mechanisms import AggregationRule, Mechanism, PaymentRule
from tokenauction.proofs import claims, explain, graph
from tokenauction.proofs.all_sizes import prove_all_sizes
from tokenauction.proofs.assignment import Assignment, check_domain
from tokenauction.proofs.claims import Claim, RuleFault
from tokenauction.proofs.examination import Examined, fingerprint
from tokenauction.proofs.falsify import Search
from tokenauction.proofs.fixed_sizes import decide_size
from tokenauction.proofs.graph import Axis
from tokenauction.proofs.interpret.batch import Batch
from tokenauction.proofs.lemmas import lemmas_for
from tokenauction.proofs.numeric_attack import CLEAR_MARGIN, NumericAttack, Violation
from tokenauction.proofs.numpy_run import (
    CHECKED_SIZES,
    agrees,
    failure_at,
    interference,
    raised_at,
)
from tokenauction.proofs.replay import Replayer
from tokenauction.proofs.sampling import draw
from tokenauction.proofs.shrink import shrink
from tokenauction.proofs.solver import solver_version
from tokenauction.proofs.trace import SizeRequired, TracingError
from tokenauction.proofs.verdict import (
    Evidence,
    Proved,
    Refuted,
    Scope,
    Unknown,
    Verdict,
    Witness,
)
from tokenauction.theory import PROPERTIES, PreferenceOrder, RuleProperty, monotone_in

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
    target: AggregationRule | Mechanism,
    prop: str | RuleProperty | PreferenceOrder,
    *,
    agents: int | None = None,
    tokens: int | None = None,
    budget: float = 60.0,
    seed: int = 0,
) -> Verdict:
    """Prove or refute a property of a rule or a mechanism.

    `prop` is a built-in's name, a property, or a preference order (then: monotonicity in it).
    `agents` and `tokens` bound the fixed sizes that are looked at; a proof for all sizes is tried
    all the same. Raises KeyError for an unknown name, ValueError for a property of mechanisms if
    there are no payments, `Unusable` for a rule that does not run.

    >>> from tokenauction.mechanisms import linear, log_linear
    >>> verify(linear, "monotone").status
    'proved'
    >>> verify(log_linear, "monotone").status
    'refuted'
    """
    options = Options(agents, tokens, budget, seed)
    return verifier_of(target, options).verify(as_property(prop))


def verifier_of(target: AggregationRule | Mechanism, options: Options) -> "Verifier":
    """The verifier of a rule or a mechanism."""
    if isinstance(target, Mechanism):
        return Verifier(target.rule, options, target.payment)
    return Verifier(target, options)


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
class Verifier:
    """Verifies properties of one rule or mechanism; checks once that it runs and traces well."""

    rule: AggregationRule
    options: Options = field(default_factory=Options)
    payment: PaymentRule | None = None
    _verdicts: dict[RuleProperty, Verdict] = field(default_factory=dict)
    _not_for_all: set[RuleProperty] = field(default_factory=set)

    def verify(self, prop: RuleProperty) -> Verdict:
        """The verdict on one property; raises Unusable for rules that do not run."""
        if prop not in self._verdicts:
            self._verdicts[prop] = self._verify(prop)
        return self._verdicts[prop]

    def examined(self, claim: Claim) -> list[Examined]:
        """What is known of the functions that a claim is about."""
        return [one for one in self.parts if one.function in claim.functions]

    @cached_property
    def parts(self) -> list[Examined]:
        """What is known of the rule, and of the payment rule if there is one."""
        functions = (self.rule,) if self.payment is None else (self.rule, self.payment)
        return [Examined(function) for function in functions]

    @cached_property
    def fingerprint(self) -> str | None:
        """A digest of what the rules compute; None where one cannot be traced."""
        return fingerprint(self.parts)

    def _verify(self, prop: RuleProperty) -> Verdict:
        if prop.of_mechanisms and self.payment is None:
            raise ValueError(
                f"{prop.name} is a property of mechanisms, and {self.rule.label} is a rule without "
                "payments: give it one with Mechanism(rule, payment)"
            )
        claim = Claim(self.rule, prop, payment=self.payment)
        self.options.progress("running the rule")
        if self.untraceable(claim):
            return self._attack(claim)
        try:
            return _Decision(self, claim).verdict()
        except RecursionError:
            return Unknown("the rule's expression is too deep to be decided")

    def proves_for_all_sizes(self, prop: RuleProperty) -> bool:
        """Whether a property is proved for every size, as a premise has to be; at less cost."""
        if prop not in self._verdicts and prop not in self._not_for_all:
            claim = Claim(self.rule, prop, payment=self.payment)
            found = None if self.untraceable(claim) else _Decision(self, claim).about_all_sizes()
            if found is None:
                self._not_for_all.add(prop)
            else:
                self._verdicts[prop] = found
        known = self._verdicts.get(prop)
        return isinstance(known, Proved) and known.scope == Scope()

    def untraceable(self, claim: Claim) -> str:
        """Why a claim has no trace that can be trusted; empty where it has one."""
        alone = next((one.untraceable for one in self.examined(claim) if one.untraceable), "")
        return alone or self._interference

    @cached_property
    def _interference(self) -> str:
        return interference(*(one.function for one in self.parts))

    def _attack(self, claim: Claim) -> Verdict:
        """The verdict on a claim about a rule that cannot be traced."""
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
            reason = f"the rule cannot be traced: {self.untraceable(claim)}"
            explored = f"{sizes}, no violation with a margin of {CLEAR_MARGIN}"
            return Unknown(f"{reason}; searched: {explored}", explored, method=NUMERIC)
        least = max(CLEAR_MARGIN, found.margin / 4)

        def clearly(values: Assignment) -> bool:
            judged = attack.judge(values)
            return judged is not None and judged.margin >= least

        smaller = attack.judge(shrink(found.assignment, clearly, most_tries=600)) or found
        where = Scope((smaller.assignment.agents,), (smaller.assignment.tokens,))
        return Refuted(_witness_of_run(claim, smaller), NUMERIC, where)


def _witness_of_run(claim: Claim, found: Violation) -> Witness:
    """What was seen by running the function: a violation, or what it raises."""
    witness = explain.seen_in_floats(claim, found)
    raised = raised_at(found.assignment, found.instance)
    if not raised:
        return witness
    return replace(witness, sentence=f"{explain.profile(found.assignment)}: {raised.rstrip('.')}.")


@dataclass
class _Decision:
    """The decision of one claim about a rule that can be traced."""

    verifier: Verifier
    claim: Claim

    def __post_init__(self) -> None:
        options = self.verifier.options
        self.options = options
        self.examined = self.verifier.examined(self.claim)
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

    def about_all_sizes(self) -> Verdict | None:
        """What a quick search and the proofs for every size say; None where they say nothing."""
        for step in (self._quick, self._raising, self._by_lemma, self._all_sizes):
            found = step()
            if found is not None:
                return found
        return None

    def verdict(self) -> Verdict:
        """The verdict, after everything that is worth a try."""
        for step in (self.about_all_sizes, self._thorough, self._fixed_sizes):
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

    def _raising(self) -> Verdict | None:
        """Of a property that demands a defined rule: a small profile at which the rule raises."""
        if not self.claim.prop.everywhere:
            return None
        opaque = replace(self.claim, opaque=True)
        instances = Replayer(opaque)

        def raises(values: Assignment) -> bool:
            instance = instances.instance(values)
            if instance is None or not check_domain(opaque, values):
                return False
            return bool(raised_at(values, instance))

        for agents, tokens in dict.fromkeys([*self._small_sizes(), *self._checked_sizes()]):
            instance = next(claims.instances(opaque, agents, tokens))
            rng = np.random.default_rng([self.options.seed, agents, tokens])
            columns = draw(opaque, instance, 8, rng)
            for row in range(columns.length):
                values = columns.exact(row, instance)
                if raises(values):
                    return self._refuted_by_raising(shrink(values, raises, 600), instances)
        return None

    def _refuted_by_raising(self, values: Assignment, instances: Replayer) -> Verdict:
        """Seen by running the function: there is nothing to evaluate where it raises."""
        instance = instances.instance(values)
        if instance is None:
            raise RuntimeError("a profile at which a rule raises belongs to no instance")
        nothing = tuple((float("nan"),) * len(call.outputs) for call in instance.formula.calls)
        witness = _witness_of_run(self.claim, Violation(values, 1.0, nothing, instance))
        return Refuted(witness, NUMERIC, Scope((values.agents,), (values.tokens,)))

    def _checked_sizes(self) -> list[tuple[int, int]]:
        """The sizes at which every rule is run, up to where the options end them."""
        only = claims.tokens_of(*self.claim.functions)
        most_agents, most_tokens = self.options.agents or 8, self.options.tokens or 8
        sizes = [(n, only or t) for n, t in CHECKED_SIZES]
        return [(n, t) for n, t in sizes if n <= most_agents and (t == only or t <= most_tokens)]

    def _small_sizes(self) -> list[tuple[int, int]]:
        """The fixed sizes that are decided one by one, the smallest first."""
        only = claims.tokens_of(*self.claim.functions)
        tokens = range(1, (self.options.tokens or 3) + 1) if only is None else (only,)
        sizes = product(range(1, (self.options.agents or 3) + 1), tokens)
        return sorted(sizes, key=lambda size: (size[0] * size[1], size))

    def _all_sizes(self) -> Verdict | None:
        self.options.progress("proving it for all agents and tokens")
        for one in self.examined:
            if isinstance(one.open_paths, str):
                self.notes.append(f"no proof for all sizes: {one.open_paths}")
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
            if all(self.verifier.proves_for_all_sizes(premise) for premise in lemma.premises):
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
        proved: list[tuple[int, int]] = []
        undecided: list[tuple[int, int]] = []
        vacuous = True
        for agents, tokens in self._small_sizes():
            if len(undecided) == 2:
                break
            self.options.progress(f"deciding {agents} agents, {tokens} tokens exactly")
            try:
                result = decide_size(self.claim, agents, tokens, self.options.rlimit // 3)
            except (TracingError, RuleFault) as problem:
                self.notes.append(f"not traced with {agents} agents and {tokens} tokens: {problem}")
                continue
            failure = failure_at(self.claim, agents, tokens)
            if failure:
                self.notes.append(f"no proof for {agents} agents and {tokens} tokens: {failure}")
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
        if not replay.undefined and any(one.rounded_constants for one in self.examined):
            leaves = {node: np.array([float(v)]) for node, v in values.leaves().items()}
            batch = Batch(leaves, 1)
            batch.run(instance.formula.holds)
            if batch.margin(instance.formula.holds)[0] > -_ROUNDING:
                return False
        return agrees(values, replay, instance)

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
        decimals = sorted({value for one in self.examined for value in one.decimals})
        if decimals:
            read = ", ".join(f"{value!r}" for value in decimals)
            assumptions.append(f"float constants read as decimals: {read}")
        if self.claim.distributions:
            assumptions.append(f"for every distribution {', '.join(self.claim.distributions)}")
        return Evidence(method, steps, tuple(assumptions), {"z3": solver_version()})

    def _thresholds(self) -> list[tuple[int, int]]:
        """Sizes around the constants that the rule compares a number of agents or tokens with."""
        traced = [one.traced_paths for one in self.examined]
        paths = [path for found in traced if not isinstance(found, str) for path in found]
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
