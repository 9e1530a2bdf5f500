"""Deciding one claim about rules whose traces can be trusted, the cheapest way first.

1. a quick search for a counterexample, replayed exactly
2. a named lemma, or the reduction: a proof for every number of agents and tokens
3. a thorough search
4. exact decisions at small fixed sizes
5. unknown, with the reason
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from tokenauction.proofs.core.claims.claims import Claim, RuleFault
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.faithfulness.agreement import (
    agrees,
    failure_at,
    lockstep_differs,
)
from tokenauction.proofs.core.faithfulness.examination import Examined
from tokenauction.proofs.core.judging.replay import Replayer
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.all_sizes import prove_all_sizes
from tokenauction.proofs.core.proving.certificates import certified
from tokenauction.proofs.core.proving.fixed_sizes import decide_size
from tokenauction.proofs.core.proving.lemmas import Lemma, lemmas_for
from tokenauction.proofs.core.runs.batch import Batch
from tokenauction.proofs.core.tracing.trace import SizeRequired, TracingError
from tokenauction.proofs.deciding import explain
from tokenauction.proofs.deciding.hints import with_hint
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.raising import Raising
from tokenauction.proofs.deciding.sizes import largest_rectangle, small_sizes, thresholds
from tokenauction.proofs.deciding.untraceable import (
    most_of,
)
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.reasons import RAISES, as_reason
from tokenauction.proofs.results.verdict import (
    Proved,
    Refuted,
    Scope,
    Unknown,
    Verdict,
    size_in_words,
)
from tokenauction.proofs.searching.falsify import Search
from tokenauction.proofs.searching.shrink import shrink
from tokenauction.theory import RuleProperty

REDUCTION = "reduction and Z3"


FIXED = "fixed sizes in Z3"


LEMMA = "lemma "


SEARCH = "search and exact replay"


_ROUNDING = 1e-10


Decided = TypeVar("Decided", bound=Verdict)


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
        self.raising = Raising(self.claim, options)
        self.search = Search(
            self.claim,
            self.replayer,
            options.seed,
            effort=options.effort,
            most_agents=options.agents or 8,
            most_tokens=options.tokens or 6,
            more_sizes=thresholds(self.examined),
            progress=options.progress,
            accept=self._violates,
        )
        self.not_for_all: list[str] = []
        self.notes: list[str] = []
        self.ways_out: list[str] = []

    def about_all_sizes(self) -> Verdict | None:
        """What a quick search and the proofs for every size say; None where they say nothing."""
        for step in (self._quick, self.raising.refutation, self._by_lemma, self._all_sizes):
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
        return certified(self.claim, self.examined, method, steps)

    def _fixed_sizes(self) -> Verdict | None:
        proved: list[tuple[int, int]] = []
        undecided: list[tuple[int, int]] = []
        vacuous, disagrees = True, False
        for agents, tokens in small_sizes(self.claim, self.options):
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
        scope = largest_rectangle(proved)
        if scope is None or vacuous or disagrees:
            return None
        each = (Scope((agents,), (tokens,)) for agents, tokens in sorted(proved))
        steps = tuple(f"{one}: no violation exists" for one in each if scope.covers(one))
        why_not_more = "; ".join(self._why_not_more())
        return certified(self.claim, self.examined, FIXED, steps, scope, why_not_more)

    # What they share

    def _violates(self, values: Assignment) -> bool:
        replay = self.replayer.replay(values)
        instance = self.replayer.instance(values)
        if not replay.violates or instance is None:
            return False
        if not replay.undefined and any(one.rounded_constants for one in self.examined):
            leaves = {node: np.array([float(v)]) for node, v in leaf_values(values).items()}
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
        if self.claim.prop.everywhere and self.raising.raises(values):
            return self.raising.refuted_at(values)
        return None
