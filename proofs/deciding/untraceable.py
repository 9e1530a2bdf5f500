"""The verdict on claims about rules that cannot be traced: attacked, and never proved.

A candidate counts where exact runs of the rule's own function show it. Where there are none (torch,
a rule that leaves NumPy's arrays), it counts if it is seen in floats at the profile and everywhere
around it: what lives at a single point, a tie or a threshold, may be one rounding.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, cast

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.judging.exact_judge import ExactJudge
from tokenauction.proofs.core.judging.exact_numbers import NoExactRun, OtherNumbers, Undecided
from tokenauction.proofs.core.runs.float_limits import has_huge_constants, with_lower_constants
from tokenauction.proofs.core.runs.numpy_run import raised_at
from tokenauction.proofs.core.tracing.trace import TracingError
from tokenauction.proofs.deciding import explain
from tokenauction.proofs.deciding.hints import with_hint
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.reasons import KEEPS_STATE, Reason
from tokenauction.proofs.results.verdict import (
    Refuted,
    Scope,
    Unknown,
    Verdict,
    Witness,
    size_in_words,
)
from tokenauction.proofs.searching.neighbourhood import AWAY, neighbours
from tokenauction.proofs.searching.numeric_attack import (
    CLEAR_MARGIN,
    Instead,
    NumericAttack,
    Violation,
)
from tokenauction.proofs.searching.shrink import shrink

NUMERIC: Final = "floats only"
EXACT_RUNS: Final = "search and exact runs"
_MOST_TRIES: Final = 400
_SHARE_AROUND: Final = 0.2
_COARSE: Final = 1000
_BEYOND_FLOATS: Final = (
    "; seen where a run overflows, underflows or adds to a huge constant, which says nothing of "
    "real numbers"
)


def attacked(claim: Claim, options: Options, untraceable: Reason) -> Verdict:
    """The verdict on a claim about functions that cannot be traced, for the reason given."""
    if untraceable.code == KEEPS_STATE:
        return Unknown(untraceable, method=NUMERIC)
    judge = _Judge(claim, options)
    try:
        found = judge.refutation()
    except TracingError as problem:
        return Unknown(str(problem))
    if found is not None:
        return found
    explored = f"{judge.attack.calls} runs of {most_of(judge.attack.sizes)}"
    told = f"{said_of(untraceable)}; searched without success: {explored}{judge.said_of_points}"
    return Unknown(untraceable.within(told), explored, method=NUMERIC)


def said_of(untraceable: Reason) -> str:
    """What is said of a rule that cannot be traced, whatever else is said of a claim."""
    return f"the rule cannot be traced: {untraceable}"


def judged_at(claim: Claim, options: Options, values: Assignment) -> Refuted | None:
    """The refutation of a claim that an assignment gives when it is run now; None for none."""
    judge = _Judge(claim, options)
    try:
        return judge.refuted_by(values) if judge.violates(values) else None
    except TracingError:
        return None


@dataclass
class _Judge:
    """Tells violations of one claim from what floats only seem to show.

    Where there is no exact run, for the reason `no_exact_run`, `at_points` says that one was seen
    at a single point, and `beyond_floats` where floats say nothing of real numbers.
    """

    claim: Claim
    options: Options
    at_points: bool = False
    beyond_floats: bool = False
    no_exact_run: str = ""

    @cached_property
    def attack(self) -> NumericAttack:
        return attack_of(self.claim, self.options)

    @cached_property
    def exact(self) -> ExactJudge:
        return ExactJudge(self.claim)

    def refutation(self) -> Refuted | None:
        """The first violation at or beside a candidate of the attack, made small."""
        for candidate in self.attack.candidates():
            found = self._violation_near(candidate)
            if found is not None:
                self.options.progress("making the counterexample small")
                return self.refuted_by(shrink(found, self.violates, _MOST_TRIES))
        return None

    def _violation_near(self, candidate: Assignment) -> Assignment | None:
        """A violation at a candidate; in floats, where it may be on the edge of one, or beside."""
        shown = self._exactly(candidate)
        if shown is not None:
            return candidate if shown else None
        seen = self.attack.judge(candidate)
        if seen is not None and self._is_beyond_floats(seen):
            return None
        away = neighbours(self.claim, candidate, scales=AWAY)
        return next((one for one in (candidate, *away) if self._clearly_in_floats(one)), None)

    def violates(self, values: Assignment) -> bool:
        """Whether an assignment is a violation: exactly, or in floats where nothing else runs."""
        shown = self._exactly(values)
        return self._clearly_in_floats(values) if shown is None else shown

    def _exactly(self, values: Assignment) -> bool | None:
        """Whether exact runs show a violation; None where there are none."""
        try:
            return self.exact.replay(values).violates
        except NoExactRun as problem:
            self.no_exact_run = str(problem)
            if isinstance(problem, OtherNumbers | Undecided):  # then floats know less
                self.beyond_floats = True
                return False
            return None

    def _clearly_in_floats(self, values: Assignment) -> bool:
        """Whether a violation is seen in floats at an assignment and all around it."""
        found = self.attack.judge(values)
        if found is None or found.margin < CLEAR_MARGIN:
            return False
        if self._is_beyond_floats(found):
            return False
        least = max(CLEAR_MARGIN, _SHARE_AROUND * found.margin)
        around = neighbours(self.claim, values, keep_zeros=found.undefined)
        if all(self._seen(beside, found, least) for beside in around):
            return True
        self.at_points = True
        return False

    def _is_beyond_floats(self, found: Violation) -> bool:
        """Whether the violation just seen may come of what floats lose: see float_limits.py."""
        watch = self.attack.watch
        lost = watch.left or found.margin < _COARSE * watch.coarsest
        if not lost and self._huge:
            again = self.attack.judge(found.assignment, self._lowered) if self._lowered else None
            lost = again is None or again.margin < CLEAR_MARGIN
        self.beyond_floats |= lost
        return lost

    @cached_property
    def _huge(self) -> list[ProfileFunction]:
        return [one for one in self.claim.functions if has_huge_constants(one)]

    @cached_property
    def _lowered(self) -> Instead:
        """The functions of the claim that have a huge constant, with lower ones; or nothing."""
        lowered = {id(one): with_lower_constants(one) for one in self._huge}
        return {} if None in lowered.values() else cast(dict[int, ProfileFunction], lowered)

    def _seen(self, beside: Assignment, found: Violation, least: float) -> bool:
        there = self.attack.judge(beside)
        return there is not None and there.margin >= least and there.undefined == found.undefined

    def refuted_by(self, values: Assignment) -> Refuted:
        """The refutation by a violation."""
        where = Scope((values.agents,), (values.tokens,))
        instance = self.exact.instance(values)
        try:
            replay = self.exact.replay(values)
        except NoExactRun:
            found = self.attack.judge(values)
            if found is None:
                raise RuntimeError("a violation was not there again") from None
            seen = witness_of_run(self.claim, found)
            return Refuted(with_hint(self.claim, seen, self._raises), NUMERIC, where)
        if instance is None or not replay.violates:
            raise RuntimeError("a violation was not there again")
        if replay.undefined and any(raised_at(values, instance)):
            nothing = tuple((float("nan"),) * len(row) for row in replay.outputs)
            seen = witness_of_run(self.claim, Violation(values, 1.0, nothing, instance))
            return Refuted(with_hint(self.claim, seen, self._raises), NUMERIC, where)
        witness = explain.describe(self.claim, instance, values, replay)
        if replay.undefined:
            witness = with_hint(self.claim, witness, self._is_undefined)
        return Refuted(witness, EXACT_RUNS, where)

    def _raises(self, values: Assignment) -> bool:
        """Whether a run at an assignment raises, or gives what is no number."""
        instance = self.exact.instance(values)
        if instance is None or any(raised_at(values, instance)):
            return True
        found = self.attack.judge(values)
        return found is not None and found.undefined

    def _is_undefined(self, values: Assignment) -> bool:
        try:
            return self.exact.replay(values).undefined
        except NoExactRun:
            return True

    @property
    def said_of_points(self) -> str:
        """What to say of violations that were seen where floats cannot decide."""
        told = _BEYOND_FLOATS if self.beyond_floats else ""
        if not self.at_points:
            return told
        return told + (
            "; seen at single points (a tie or a threshold), where floats cannot decide what "
            "happens: a rule that is written in NumPy's operations on the arrays it is given, or "
            f"that traces, is decided there (no exact run: {self.no_exact_run})"
        )


def attack_of(claim: Claim, options: Options) -> NumericAttack:
    """The attack that a claim gets under these options."""
    return NumericAttack(
        claim,
        options.seed,
        most_calls=int(12_000 * options.effort),
        most_agents=options.agents or 41,
        most_tokens=options.tokens or 41,
        progress=options.progress,
    )


def witness_of_run(claim: Claim, found: Violation) -> Witness:
    """What was seen by running the function: a violation, or what it raises."""
    witness = explain.seen_in_floats(claim, found)
    raised = next(filter(None, raised_at(found.assignment, found.instance)), None)
    if raised is None:
        return witness
    told = str(raised).rstrip(".")
    return replace(witness, sentence=f"{explain.profile(found.assignment)}: {told}.")


def most_of(sizes: Iterable[tuple[int, int]]) -> str:
    """How large the sizes of a search were.

    >>> most_of([(1, 2), (3, 2)])
    'up to 3 agents and 2 tokens'
    """
    agents, tokens = zip(*[*sizes, (1, 1)], strict=True)
    return f"up to {size_in_words(max(agents), max(tokens))}"
