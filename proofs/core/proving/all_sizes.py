"""TRUSTED CORE. Proofs for every number of agents and every number of tokens.

A claim that singles out an agent is split into the cases "nobody else" and "somebody else"; in
each, that agent is taken out of every reduction and the prover is asked whether a violation is
possible. Premises are the domain and the definedness of the rule; what may be infinite is proved,
not assumed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.obligations import needed_conditions
from tokenauction.proofs.core.algebra.splitting import CannotSplit, split_agents
from tokenauction.proofs.core.algebra.terms import Condition
from tokenauction.proofs.core.claims.claims import Claim, Formula
from tokenauction.proofs.core.claims.domain import premises_over_all_sizes
from tokenauction.proofs.core.claims.formulas import open_formula
from tokenauction.proofs.core.claims.quantities import RAISED
from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.definedness import assume_defined
from tokenauction.proofs.core.proving.sequent import GaveUp, Prover
from tokenauction.proofs.core.tracing.twins import FOCAL, RIVAL
from tokenauction.proofs.results.reasons import POSITIVE_ONLY

_GOES_ON = "choose with xp.where before dividing, so that what is no number cannot steer the rule"


@dataclass(frozen=True)
class AllSizes:
    """The outcome: proved or not, why not and what helps, and what the proof consists of."""

    proved: bool
    reason: str = ""
    way_out: str = ""
    vacuous: bool = False
    steps: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass
class _Case:
    """One split of the agents: which are named, and whether there are others."""

    named: tuple[Index, ...]
    others: bool
    text: str
    identify: tuple[tuple[Index, Index], ...] = ()
    raised: bool = False

    def apply(self, node: Node) -> Node:
        """A formula of the claim, as it reads in this case."""
        if not self.raised:
            node = traversal.substitute_leaf(node, RAISED, graph.bid(FOCAL))
        for one, other in self.identify:
            node = traversal.substitute_index(node, one, other)
        return split_agents(node, self.named, self.others) if self.named else node


@dataclass
class _Proof:
    claim: Claim
    account: Account
    budget: int
    steps: list[str] = field(default_factory=list)
    consistent: bool = False
    way_out: str = ""

    def run(self) -> AllSizes:
        for assumed, formula in open_formula(self.claim):
            for case in _cases(self.claim, formula):
                reason = self._case(assumed, formula, case)
                if reason:
                    return AllSizes(False, reason, self.way_out, steps=tuple(self.steps))
        if not self.consistent:
            return AllSizes(False, "the premises contradict one another", vacuous=True)
        return AllSizes(True, steps=tuple(self.steps))

    def _case(self, assumed: Node, formula: Formula, case: _Case) -> str:
        """Why the case is not proved; empty where it is."""
        canon = Canon(self.claim.positive, budget=self.budget)
        prover = Prover(canon, self.account, self.account.rlimit)

        def prepared(node: Node) -> Condition:
            return canon.condition(case.apply(node))

        try:
            return self._prove_case(assumed, formula, case, prover, prepared)
        except CannotSplit as problem:
            return str(problem)
        except GaveUp:
            return f"the reduced claim falls into too many cases ({case.text})"
        except TooLarge:
            return f"the reduced claim is too large ({case.text})"

    def _prove_case(
        self,
        assumed: Node,
        formula: Formula,
        case: _Case,
        prover: Prover,
        prepared: Callable[[Node], Condition],
    ) -> str:
        domain = [prepared(node) for node in self._domain(assumed, case)]
        everywhere = self.claim.prop.everywhere
        premises = list(domain)
        needed = needed_conditions(formula.needed, formula.holds, everywhere, FOCAL, RIVAL)
        conditions = ((prepared(node), must_prove) for node, must_prove in needed)
        # Looked at one by one, while the premises grow.
        new = (one for one in conditions if one[0] != terms.TRUE and one[0] not in premises)
        unproved = assume_defined(prover, premises, new)
        if unproved is not None:
            self.way_out = _way_out(unproved, everywhere, self.claim)
            return f"it is not proved that {terms.show_condition(unproved)} ({case.text})"
        if not prover.consistent(premises):
            return ""
        self.consistent = True
        goal = prepared(formula.holds)
        stronger = _token_by_token(formula.holds)
        for part in goal.args[0] if goal.kind == "and" else (goal,):
            if stronger is not None and prover.proves(premises, prepared(stronger)):
                break
            if not prover.proves(premises, part):
                return f"not decided by the reduction ({case.text})"
        self._tell(case, prover)
        return ""

    def _tell(self, case: _Case, prover: Prover) -> None:
        """Say how a case was proved, and which facts about reductions decided it."""
        work = f"{prover.cases} cases, {prover.queries} solver queries"
        facts = sorted((terms.show_condition(fact) for fact in prover.facts_used), key=len)
        self.steps.append(f"{case.text}: no violation ({work})")
        if facts:
            self.steps.append(f"  from: {'; '.join(facts[:8])}")

    def _domain(self, assumed: Node, case: _Case) -> list[Node]:
        """What holds of every profile of a case."""
        fewest = len(case.named) + 1 if case.others else max(len(case.named), 1)
        return premises_over_all_sizes(self.claim, assumed, fewest, case.raised)


def _way_out(condition: Condition, everywhere: bool, claim: Claim) -> str:
    """What helps where something is not proved to be defined."""
    if not claim.positive and _is_of_probabilities(condition):
        return POSITIVE_ONLY
    return "" if everywhere else _GOES_ON


def _is_of_probabilities(condition: Condition) -> bool:
    """Whether a condition says of probabilities alone that they are not zero."""
    if condition.kind in ("and", "or"):
        return all(map(_is_of_probabilities, condition.args[0]))
    if condition.kind in ("all", "any"):
        return _is_of_probabilities(condition.args[1])
    if condition.kind != "lit" or condition.args[1] not in ("<", "!="):
        return False
    leaves = condition.args[0].bases()
    return all(base.kind == "leaf" and base.args[0].op in ("prob", "dist") for base in leaves)


def _token_by_token(holds: Node) -> Node | None:
    """A stronger goal for a comparison of two sums over the tokens: it holds for every token."""
    if holds.op not in ("le", "lt") or any(arg.op != "reduce" for arg in holds.args):
        return None
    (left, over, _), (right, other, _) = (arg.data for arg in holds.args)
    if (left, right) != ("sum", "sum") or over.axis is not other.axis or over.axis is Axis.AGENTS:
        return None
    bodies = (holds.args[0].args[0], traversal.substitute_index(holds.args[1].args[0], other, over))
    return graph.reduce("all", over, traversal.rebuild(holds, bodies, None))


def _cases(claim: Claim, formula: Formula) -> list[_Case]:
    """The ways in which the named agents can coincide, with and without others."""
    fixed = sorted(
        {
            index
            for node in graph.subnodes(formula.holds)
            for index in traversal.indices_of(node)
            if index.axis is Axis.AGENTS and index.position is not None and not index.through
        },
        key=str,
    )
    if not claim.has_focal:
        return [_Case((), True, "any number of agents")]
    singled = (FOCAL, RIVAL) if claim.has_rival else (FOCAL,)
    raises = (False, True) if claim.has_raise else (False,)
    cases = []
    for places in _coincidences(len(singled), fixed):
        found = dict(zip(singled, places, strict=True))
        identify = tuple((one, place) for one, place in found.items() if place is not None)
        named = [place or one for one, place in found.items()]
        named += [index for index in fixed if index not in places]
        for others, raised in product((False, True), raises):
            text = _case_in_words(found, others, raised if len(raises) > 1 else None)
            cases.append(_Case(tuple(named), others, text, identify, raised))
    return cases


def _coincidences(count: int, fixed: Sequence[Index]) -> Iterator[tuple[Index | None, ...]]:
    """Which of the agents at fixed positions each of some agents is: none, at the end, or one."""
    for places in product((*fixed, None), repeat=count):
        taken = [place for place in places if place is not None]
        if len(set(taken)) == len(taken):
            yield places


_ROLES: Final = {FOCAL: "the agent", RIVAL: "the other one"}


def _case_in_words(places: Mapping[Index, Index | None], others: bool, raised: bool | None) -> str:
    """What a case assumes; `raised` is None where the claim has no raise."""
    told = [f"{_ROLES[one]} is number {place}" for one, place in places.items() if place]
    if not told:
        text = "there are other agents" if others else "there are no other agents"
        return text if raised is None else f"{text}, {_BIDS[raised]}"
    return ", ".join(told)


_BIDS: Final = {True: "the bid is raised", False: "the bid is left alone"}


def prove_all_sizes(
    claim: Claim, account: Account | None = None, budget: int = 100_000
) -> AllSizes:
    """Try to prove a claim for every number of agents and tokens.

    `account` bounds what the solver spends, `budget` the simplifications of each case. Raises what
    `open_formula` raises where the rule cannot be traced with open sizes.
    """
    return _Proof(claim, account or Account(), budget).run()
