"""Deciding claims: from a rule and a property to a verdict, the cheapest way first.

    1. is the rule usable, and is its trace what its function computes on NumPy?
    2. a quick search for a counterexample, replayed exactly
    3. a named lemma, or the reduction: a proof for every number of agents and tokens
    4. a thorough search
    5. exact decisions at small fixed sizes
    6. unknown, with the reason

A rule that cannot be traced is attacked numerically and never proved.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import TypeVar

import numpy as np

from tokenauction.mechanisms import AggregationRule, Mechanism, PaymentRule
from tokenauction.proofs import claims, explain, graph
from tokenauction.proofs.account import Account
from tokenauction.proofs.agreement import (
    STEERS,
    agrees,
    failure_at,
    lockstep_differs,
    property_differs,
)
from tokenauction.proofs.all_sizes import prove_all_sizes
from tokenauction.proofs.assignment import Assignment, check_domain
from tokenauction.proofs.claims import Claim, RuleFault
from tokenauction.proofs.examination import Examined, fingerprint
from tokenauction.proofs.falsify import Search
from tokenauction.proofs.fixed_sizes import decide_size
from tokenauction.proofs.graph import Axis
from tokenauction.proofs.hints import with_hint
from tokenauction.proofs.interpret.batch import Batch
from tokenauction.proofs.lemmas import Lemma, lemmas_for
from tokenauction.proofs.loading import near_to
from tokenauction.proofs.numeric_attack import Violation
from tokenauction.proofs.numpy_run import (
    CHECKED_SIZES,
    Unusable,
    interference,
    raised_at,
)
from tokenauction.proofs.reasons import RAISES, Reason, as_reason
from tokenauction.proofs.replay import Replayer
from tokenauction.proofs.sampling import draw
from tokenauction.proofs.shrink import shrink
from tokenauction.proofs.solver import solver_version
from tokenauction.proofs.trace import SizeRequired, TracingError, reading
from tokenauction.proofs.untraceable import (
    NUMERIC,
    attacked,
    judged_at,
    most_of,
    witness_of_run,
)
from tokenauction.proofs.verdict import (
    Evidence,
    Proved,
    Refuted,
    Scope,
    Unknown,
    Verdict,
    size_in_words,
)
from tokenauction.theory import PROPERTIES, PreferenceOrder, RuleProperty, monotone_in

REDUCTION = "reduction and Z3"
FIXED = "fixed sizes in Z3"
LEMMA = "lemma "
SEARCH = "search and exact replay"
ASSUMED_DEFINED = "profiles at which the rule and the property are defined"
_ROUNDING = 1e-10
Decided = TypeVar("Decided", bound=Verdict)


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
    """Prove or refute a property of a rule or a mechanism; `api.verify` takes names as well.

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
            near = near_to(prop, PROPERTIES)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise KeyError(f"unknown property {prop!r}{hint} (there is: {', '.join(PROPERTIES)})")
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

    def verify(self, prop: RuleProperty, known_method: str = "") -> Verdict:
        """The verdict on one property; raises Unusable for rules that do not run.

        `known_method` is how it was proved before, which is then tried before anything else.
        """
        if prop not in self._verdicts:
            self._verdicts[prop] = self._verify(prop, known_method)
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
        return None if self._interference else fingerprint(self.parts)

    def _verify(self, prop: RuleProperty, known_method: str) -> Verdict:
        if prop.of_mechanisms and self.payment is None:
            raise ValueError(
                f"{prop.name} is a property of mechanisms, and {self.rule.label} is a rule without "
                "payments: give it one with Mechanism(rule, payment)"
            )
        claim = Claim(self.rule, prop, payment=self.payment)
        self.options.progress("running the rule")
        untraceable = self.untraceable(claim)  # traces first: a rule may remember its first call
        nowhere = next((one.runs.nowhere for one in self.examined(claim) if one.runs.nowhere), "")
        if nowhere and not prop.everywhere:
            raise Unusable(nowhere)
        misread = self._misread(replace(claim, opaque=bool(untraceable)))
        if misread:
            return Unknown(as_reason(misread, "property-differs"))
        if untraceable.code == STEERS:
            return Unknown(untraceable)
        if untraceable:
            return attacked(claim, self.options, untraceable)
        try:
            proved = self._decision(claim).proved_again(known_method)
            return self._with_range(claim, proved or self._decision(claim).verdict())
        except RecursionError:
            return Unknown("the rule's expression is too deep to be decided")

    def _with_range(self, claim: Claim, found: Verdict) -> Verdict:
        """The verdict with a note where floats do not reach."""
        ranges = (one.comparison.float_range for one in self.examined(claim))
        return replace(found, float_range=next(filter(None, ranges), ""))

    def proved_for_all_sizes(self, prop: RuleProperty) -> Proved | None:
        """The proof of a property for every size, as a premise needs it; at less cost."""
        if prop not in self._verdicts and prop not in self._not_for_all:
            claim = Claim(self.rule, prop, payment=self.payment)
            found = None if self.untraceable(claim) else self._decision(claim).about_all_sizes()
            if found is None:
                self._not_for_all.add(prop)
            else:
                self._verdicts[prop] = self._with_range(claim, found)
        known = self._verdicts.get(prop)
        return known if isinstance(known, Proved) and known.scope == Scope() else None

    def refuted_at(self, prop: RuleProperty, values: Assignment) -> Refuted | None:
        """The refutation that an assignment gives when it is replayed now; None where it is none.

        Raises Unusable for rules that do not run.
        """
        claim = Claim(self.rule, prop, payment=self.payment)
        if not self.untraceable(claim):
            return None if self._misread(claim) else self._decision(claim).refuted_at(values)
        return judged_at(claim, self.options, values)

    def _decision(self, claim: Claim) -> "Decision":
        return Decision(claim, self.examined(claim), self.options, self.proved_for_all_sizes)

    def untraceable(self, claim: Claim) -> Reason:
        """Why a claim has no trace that can be trusted; empty where it has one."""
        alone = next((one.untraceable for one in self.examined(claim) if one.untraceable), "")
        return as_reason(alone or self._interference, "not-the-run")

    def _misread(self, claim: Claim) -> str:
        """Why a property of the user's own is not what was traced of it; empty where it is."""
        if claim.prop in PROPERTIES.values():
            return ""
        only = claims.tokens_of(*claim.functions)
        return property_differs(claim, [(n, only or t) for n, t in ((2, 2), (2, 3), (1, 2))])

    @cached_property
    def _interference(self) -> str:
        return interference(*(one.function for one in self.parts))


@dataclass
class Decision:
    """The decision of one claim about functions that can be traced.

    `premise` proves a property of the rule for every size, for the lemmas that rest on it.
    """

    claim: Claim
    examined: Sequence[Examined]
    options: Options
    premise: Callable[[RuleProperty], Proved | None] = lambda _: None

    def __post_init__(self) -> None:
        options = self.options
        self.account = Account(options.rlimit, options.seed)
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
        self.not_for_all: list[str] = []
        self.notes: list[str] = []
        self.ways_out: list[str] = []

    def about_all_sizes(self) -> Verdict | None:
        """What a quick search and the proofs for every size say; None where they say nothing."""
        for step in (self._quick, self.raising, self._by_lemma, self._all_sizes):
            found = step()
            if found is not None:
                return self._with_resources(found)
        return None

    def refuted_quickly(self) -> Verdict | None:
        """What a quick search alone says; None where it finds nothing."""
        found = self._quick()
        return None if found is None else self._with_resources(found)

    def proved_again(self, method: str) -> Proved | None:
        """The proof by a method that proved the claim before, without a search; None without one.

        A proof is a proof by whatever method, so a wrong method costs time only.
        """
        steps = {REDUCTION: self._all_sizes, FIXED: self._fixed_sizes}
        step = self._by_lemma if method.startswith(LEMMA) else steps.get(method)
        found = None if step is None else step()
        return self._with_resources(found) if isinstance(found, Proved) else None

    def verdict(self) -> Verdict:
        """The verdict, after everything that is worth a try."""
        for step in (self.about_all_sizes, self._thorough, self._fixed_sizes):
            found = step()
            if found is not None:
                return self._with_resources(found)
        explored = f"{self.search.profiles} profiles of {most_of(self.search.sizes)}"
        notes = [*self._why_not_more("no proof for all sizes: ")]
        notes.append(f"searched without success: {explored}")
        method = "reduction, search, fixed sizes"
        reason = "; ".join(notes)
        return self._with_resources(Unknown(reason, explored, method=method))

    def _why_not_more(self, for_all: str = "") -> list[str]:
        """The ways out, and what kept the claim from being proved for more sizes, and for all."""
        not_for_all = [f"{for_all}{why}" for why in self.not_for_all]
        told = [*self.ways_out, *not_for_all, *self.notes, *self._limits_reached()]
        return list(dict.fromkeys(told))

    def _limits_reached(self) -> list[str]:
        """What kept the solver from saying more, where it was a limit of the whole claim."""
        found = []
        if self.account.overdrawn:
            found.append("the solver's steps for one claim are used up: give it more with --budget")
        if self.account.out_of_time:
            found.append(
                f"solver queries that ran out of time on the clock: {self.account.out_of_time}; "
                "the verdict may differ on another machine"
            )
        return found

    # The steps

    def _quick(self) -> Verdict | None:
        return self._found_quickly

    @cached_property
    def _found_quickly(self) -> Verdict | None:
        return self._refuted(self.search.quick(), SEARCH)

    def _thorough(self) -> Verdict | None:
        return self._refuted(self.search.thorough(), SEARCH)

    def raising(self) -> Verdict | None:
        """Of a property that demands a defined rule: a small profile at which the rule raises.

        Of two functions that are compared: one at which only one of them raises.
        """
        if not self.claim.prop.everywhere:
            return None
        opaque = self._opaque.claim
        for agents, tokens in dict.fromkeys([*self._small_sizes(), *self._checked_sizes()]):
            instance = next(claims.instances(opaque, agents, tokens))
            rng = np.random.default_rng([self.options.seed, agents, tokens])
            columns = draw(opaque, instance, 8, rng)
            for row in range(columns.length):
                values = columns.exact(row, instance)
                if self._raises(values):
                    return self._refuted_by_raising(shrink(values, self._raises, 600))
        return None

    @cached_property
    def _opaque(self) -> Replayer:
        """Instances of the claim without a trace of the rule, which need not exist."""
        return Replayer(replace(self.claim, opaque=True))

    def _raises(self, values: Assignment) -> bool:
        instance = self._opaque.instance(values)
        if instance is None or not check_domain(self._opaque.claim, values):
            return False
        # What floats cannot hold is rounding, and says nothing about real numbers.
        raised = [
            problem is not None and not isinstance(problem.__cause__, OverflowError)
            for problem in raised_at(values, instance)
        ]
        return any(raised) and not (self.claim.other is not None and all(raised))

    def _refuted_by_raising(self, values: Assignment) -> Refuted:
        """Seen by running the function: there is nothing to evaluate where it raises."""
        instance = self._opaque.instance(values)
        if instance is None:
            raise RuntimeError("a profile at which a rule raises belongs to no instance")
        nothing = tuple((float("nan"),) * len(call.outputs) for call in instance.formula.calls)
        witness = witness_of_run(self.claim, Violation(values, 1.0, nothing, instance))
        witness = with_hint(self.claim, witness, self._raises)
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
                self.not_for_all.append(one.open_paths)
                return None
        try:
            outcome = prove_all_sizes(self.claim, self.account, int(100_000 * self.options.effort))
        except SizeRequired as problem:
            self.not_for_all.append(str(problem))
            return None
        except (TracingError, RuleFault) as problem:
            return Unknown(str(problem))
        if outcome.vacuous:
            return Unknown("vacuous: no profile satisfies the premises of the property")
        if outcome.proved:
            return self.cross_checked(REDUCTION, outcome.steps)
        self.not_for_all.append(outcome.reason)
        self.ways_out += [outcome.way_out] if outcome.way_out else []
        return None

    def _by_lemma(self) -> Verdict | None:
        for lemma in lemmas_for(self.claim.prop, self.claim.positive):
            if self._proves_premises(lemma):
                steps = [f"{p.name}: proved for all sizes" for p in lemma.premises]
                return self.cross_checked(f"{LEMMA}{lemma.name}", tuple(steps))
        return None

    def _proves_premises(self, lemma: Lemma) -> bool:
        """Whether every premise is proved; a proof that rests on them costs what they cost."""
        premises: list[Proved] = []
        for prop in lemma.premises:
            proof = self.premise(prop)
            if proof is None:
                return False
            premises.append(proof)
        for proof in premises:
            self.account.add(proof.resources)
        return True

    def cross_checked(self, method: str, steps: tuple[str, ...]) -> Verdict:
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
        vacuous, disagrees = True, False
        for agents, tokens in self._small_sizes():
            if len(undecided) == 2:
                break
            size = size_in_words(agents, tokens)
            self.options.progress(f"deciding {size} exactly")
            try:
                result = decide_size(self.claim, agents, tokens, self.account)
            except (TracingError, RuleFault) as problem:
                self.notes.append(f"not traced with {size}: {problem}")
                continue
            failure = failure_at(self.claim, agents, tokens)
            if failure:
                self.notes.append(f"no proof for {size}: {failure}")
                # Where it runs and gives something else, its trace is not to be trusted anywhere.
                disagrees = disagrees or as_reason(failure, "not-the-run").code != RAISES
                continue
            for candidate in result.candidates:
                if self._violates(candidate):
                    return self._refuted(candidate, FIXED)
            (proved if result.proved else undecided).append((agents, tokens))
            vacuous = vacuous and (result.vacuous or not result.proved)
        if undecided:
            shown = " nor ".join(f"with {size_in_words(*size)}" for size in undecided)
            self.notes.append(f"not decided {shown}")
        scope = _largest_rectangle(proved)
        if scope is None or vacuous or disagrees:
            return None
        each = (Scope((agents,), (tokens,)) for agents, tokens in sorted(proved))
        steps = tuple(f"{one}: no violation exists" for one in each if scope.covers(one))
        return Proved(scope, self._evidence(FIXED, steps), "; ".join(self._why_not_more()))

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
        return agrees(instance, values, replay.undefined)

    def _is_undefined(self, values: Assignment) -> bool:
        return self.replayer.replay(values).undefined

    def _refuted(self, found: Assignment | None, method: str) -> Verdict | None:
        if found is None:
            return None
        self.options.progress("making the counterexample small")
        return self._refutation(shrink(found, self._violates), method)

    def _with_resources(self, found: Decided) -> Decided:
        return replace(found, resources=self.account.resources)

    def _refutation(self, values: Assignment, method: str) -> Verdict:
        replay = self.replayer.replay(values)
        instance = self.replayer.instance(values)
        if instance is None or not replay.violates:
            raise RuntimeError("a counterexample did not survive its replay")
        differs = lockstep_differs(self.claim, instance, values)
        if differs:
            return Unknown(
                f"at the counterexample that was found, NumPy does not follow: {differs}"
            )
        witness = explain.describe(self.claim, instance, values, replay)
        if replay.undefined:
            witness = with_hint(self.claim, witness, self._is_undefined)
        return Refuted(witness, method, Scope((values.agents,), (values.tokens,)))

    def refuted_at(self, values: Assignment) -> Refuted | None:
        """The refutation that an assignment gives; None where it is none."""
        if self._violates(values):
            found = self._refutation(values, SEARCH)
            return found if isinstance(found, Refuted) else None
        if self.claim.prop.everywhere and self._raises(values):
            return self._refuted_by_raising(values)
        return None

    def _evidence(self, method: str, steps: tuple[str, ...]) -> Evidence:
        assumptions = ["real arithmetic, without rounding"]
        if self.claim.positive:
            assumptions.append("strictly positive distributions")
        if not self.claim.prop.everywhere:
            assumptions.append(ASSUMED_DEFINED)
        constants = sorted({value for one in self.examined for value in one.decimals})
        decimals = [value for value in constants if reading(value) == Fraction(repr(value))]
        short = [value for value in constants if value not in decimals]
        if decimals:
            read = ", ".join(map(repr, decimals))
            assumptions.append(f"float constants read as decimals: {read}")
        if short:
            read = ", ".join(f"{value!r} as {reading(value)}" for value in short)
            assumptions.append(f"float constants read as fractions: {read}")
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


def _largest_rectangle(sizes: Iterable[tuple[int, int]]) -> Scope | None:
    """The largest scope of numbers of agents and of tokens that is covered, from one agent on.

    >>> print(_largest_rectangle([(1, 1), (1, 2), (2, 1), (1, 3)]))
    1 agent, 1 to 3 tokens
    """
    covered = set(sizes)
    counts = sorted({n for n, _ in covered})
    best: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    for length in range(1, len(counts) + 1):
        agents = tuple(counts[:length])
        tokens = tuple(sorted({t for _, t in covered if {(n, t) for n in agents} <= covered}))
        if len(agents) * len(tokens) > len(best[0]) * len(best[1]):
            best = agents, tokens
    return Scope(*best) if best[0] else None
