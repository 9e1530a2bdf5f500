"""TRUSTED CORE where it proves. Exact decisions at fixed sizes, every reduction written out.

The prover is the same. Every instance (each agent, each transposition) at every size of the scope
must be proved. Where the solver finds a model instead, the model is a candidate for replay.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.obligations import needed_conditions
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.claims import Claim, Instance
from tokenauction.proofs.core.claims.domain import array_of, into_domain, positions, premises_at
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Node
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.definedness import assume_defined
from tokenauction.proofs.core.proving.sequent import GaveUp, Prover
from tokenauction.proofs.results.assignment import Assignment, Dist

# There are many instances to decide: a query gets a part of what one for all sizes may spend.
_SHARE: Final = 3


@dataclass
class SizeResult:
    """What one pair of sizes gave: proved, or candidates for replay."""

    proved: bool
    vacuous: bool = False
    candidates: list[Assignment] = field(default_factory=list)
    reason: str = ""


def decide_size(claim: Claim, agents: int, tokens: int, account: Account) -> SizeResult:
    """Every instance at one size; raises what tracing raises."""
    if not formulas.has_every_instance(claim, agents, tokens):
        return SizeResult(False, reason="there are too many reorderings")
    consistent = False
    for instance in formulas.instances(claim, agents, tokens):
        for split in (False, True):
            result = _decide(claim, instance, account, split)
            if result.proved or result.candidates:
                break
        consistent = consistent or not result.vacuous
        if not result.proved:
            return result
    return SizeResult(True, vacuous=not consistent)


def _decide(claim: Claim, instance: Instance, account: Account, split: bool) -> SizeResult:
    canon = Canon(claim.positive, budget=300_000)
    prover = Prover(canon, account, account.rlimit // _SHARE, split=split)
    try:
        premises = [
            canon.condition(node) for node in premises_at(claim, instance.sizes, instance.who)
        ]
        formula = instance.formula
        needed = needed_conditions(formula.needed, formula.holds, claim.prop.everywhere)
        conditions = ((canon.condition(node), must_prove) for node, must_prove in needed)
        unproved = assume_defined(prover, premises, conditions)
        if unproved is not None:
            reason = f"definedness is not proved: {terms.show_condition(unproved)}"
            return SizeResult(False, False, _candidates(claim, instance, prover), reason)
        if not prover.consistent(premises):
            return SizeResult(True, vacuous=True)
        goal = canon.condition(instance.formula.holds)
        for part in goal.args[0] if goal.kind == "and" else (goal,):
            prover.models.clear()
            if not prover.proves(premises, part):
                return SizeResult(False, False, _candidates(claim, instance, prover), "not decided")
    except (GaveUp, TooLarge):
        return SizeResult(False, reason="the claim is too large at this size")
    return SizeResult(True)


def _candidates(claim: Claim, instance: Instance, prover: Prover) -> list[Assignment]:
    found = []
    for model in prover.models:
        if model:
            for digits in (None, 1000, 10**6):
                values = _assignment(claim, instance, model, digits)
                if values is not None:
                    found.append(values)
    return found


def _assignment(
    claim: Claim, instance: Instance, model: dict[str, Fraction], limit: int | None
) -> Assignment | None:
    """The assignment next to a model of the solver that the domain may have; None for none."""

    def value(node: Node, default: Fraction = Fraction(1)) -> Fraction:
        number = model.get(terms.make_base("leaf", node).key, default)
        return number if limit is None else number.limit_denominator(limit)

    def row(leaves: list[Node]) -> Dist | None:
        numbers = [max(value(leaf, Fraction(1, len(leaves))), Fraction(0)) for leaf in leaves]
        total = sum(numbers)
        return tuple(x / total for x in numbers) if total > 0 else None

    sizes = instance.sizes
    agents, tokens = (positions(axis, sizes) for axis in Axis)
    values = Assignment(
        bids=tuple(max(value(graph.bid(j)), Fraction(0)) for j in agents),
        dists=tuple(filter(None, (row([graph.prob(j, t) for t in tokens]) for j in agents))),
        agent=instance.agent,
        choices=instance.choices,
        named={
            name: found
            for name in claim.row_names
            if (found := row([graph.named_dist(name, t) for t in tokens])) is not None
        },
    )
    if len(values.dists) < len(agents) or len(values.named) < len(claim.row_names):
        return None
    for unknown in claim.unknowns:
        if not unknown.is_named:
            numbers = array_of(unknown.axes, sizes, lambda *at, one=unknown: value(one.leaf(*at)))
            values = values.with_given(unknown.name, into_domain(unknown, numbers, values))
    return values
