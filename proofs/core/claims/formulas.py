"""TRUSTED CORE. The formulas of a claim: over every size, or at fixed sizes, agent by agent.

Guarantee: the instances at a size are all that the claim says there, as far as `has_every_instance`
says so.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations, permutations, product
from math import factorial
from typing import Any, Final

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.claims.builder import Builder, as_input
from tokenauction.proofs.core.claims.claims import (
    RESULT,
    Claim,
    Formula,
    Instance,
    claim_about,
    tokens_of,
)
from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.tracing.halves import twin_of
from tokenauction.proofs.core.tracing.trace import UNSEEN, Trace, TracingError, explore
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.core.tracing.twins import Profile
from tokenauction.proofs.results.assignment import Choices
from tokenauction.theory import distribution

# Building the formula ----------------------------------------------------------------------------


def open_formula(claim: Claim) -> list[tuple[Node, Formula]]:
    """The claim over every size: pairs (what is assumed of the sizes, the formula).

    Raises SizeRequired or TracingError where the rule or the property cannot be traced so, and
    RuleFault where the rule is unusable.
    """
    unseen = Formula(graph.FALSE)
    return explore(
        lambda trace: Builder(claim, trace).formula(), unseen, claim.only_tokens, claim.fewest
    )


def instances(claim: Claim, agents: int, tokens: int) -> Iterator[Instance]:
    """The claim at fixed sizes: one instance for each agent, other agent and reordering.

    Of more than six agents or tokens, swaps of two only: see `has_every_instance`.
    """
    agents_to_try = range(agents) if claim.has_focal else (None,)
    for agent in agents_to_try:
        for choices in _choices(claim, agents, tokens, agent):
            yield instance(claim, agents, tokens, agent, choices)


def instance(
    claim: Claim,
    agents: int,
    tokens: int,
    agent: int | None = None,
    choices: Choices | None = None,
    at: Mapping[Node, Fraction] | None = None,
) -> Instance:
    """One instance of the claim; raises as `open_formula` does.

    With values of the leaves (`at`), every step is compared with NumPy's at this profile.
    """
    if claim.only_tokens not in (None, tokens):
        labels = (one.label for one in claim.parts if tokens_of(one) not in (None, tokens))
        told = next(labels, "what it runs beside")
        raise TracingError(f"a distribution of {told} has another number of tokens")
    choices = choices or Choices()
    sizes = {Axis.AGENTS: agents, Axis.TOKENS: tokens}
    profile = Profile(sizes, at or {}, agent or 0)
    trace = Trace(sizes, profile, checked=at is not None)
    formula = Builder(claim, trace, agent, choices).formula()
    if trace.failure is not None:
        raise trace.failure
    return Instance(agents, tokens, agent, choices, formula)


def formula_in(claim: Claim, trace: Trace) -> Formula:
    """The formula of a claim, about the first agent if about one, in a trace of the caller's."""
    return Builder(claim, trace, 0 if claim.has_focal else None).formula()


MOST_INSTANCES: Final = 720


LARGEST_FINGERPRINTED: Final = 3


"""Up to here a fingerprint looks at every size of a rule that has no trace over every size."""


def _choices(claim: Claim, agents: int, tokens: int, agent: int | None) -> Iterator[Choices]:
    """Every combination of another agent and of reorderings, those that move the least first."""
    rows: list[list[tuple[int, ...] | None]] = []
    for name, length in (("agent_order", agents), ("token_order", tokens)):
        if name not in claim.prop.arguments:
            rows.append([None])
        elif factorial(length) > MOST_INSTANCES:
            rows.append([*_transpositions(length)])
        else:
            rows.append([*sorted(permutations(range(length)), key=_moved)])
    others: list[int | None] = [j for j in range(agents) if j != agent]
    return (
        Choices(first, second, rival)
        for rival in (others if claim.has_rival else [None])
        for first, second in product(*rows)
    )


def first_choices(claim: Claim, agents: int, tokens: int, agent: int | None) -> Choices | None:
    """What the first instance at a size looks at; None where there is none."""
    return next(_choices(claim, agents, tokens, agent), None)


def _moved(order: tuple[int, ...]) -> tuple[bool, int]:
    """How many places a reordering moves; the identity comes last."""
    count = sum(place != at for place, at in enumerate(order))
    return (count == 0, count)


def has_every_instance(claim: Claim, agents: int, tokens: int) -> bool:
    """Whether `instances` leaves no reordering out at these sizes."""
    lengths = {"agent_order": agents, "token_order": tokens}
    return all(
        factorial(length) <= MOST_INSTANCES
        for name, length in lengths.items()
        if name in claim.prop.arguments
    )


def _transpositions(length: int) -> Iterator[tuple[int, ...]]:
    for i, j in combinations(range(length), 2):
        order = list(range(length))
        order[i], order[j] = order[j], order[i]
        yield tuple(order)


def traced_function(function: ProfileFunction) -> list[tuple[Node, Node]]:
    """A rule over every size: pairs (what is assumed of the sizes, the result at `RESULT`)."""
    result = RESULT[function.returns]

    def run(trace: Trace) -> Node:
        builder = Builder(claim_about(function), trace)
        found = builder.call(function, builder.quantity("bids"), builder.quantity("dists"))
        axis = found.axes[0]
        if not isinstance(axis, Index):
            raise trace.needs_size("the rule returns an array of fixed length")
        return traversal.substitute_index(found.node(), axis, result)

    return explore(run, UNSEEN, tokens_of(function))


def inputs_in(trace: Trace) -> tuple[TracedArray, TracedArray]:
    """Bids and distributions as a rule is given them, in a trace of the caller's."""
    builder = Builder(Claim(None, distribution), trace)
    return as_input(builder.quantity("bids")), as_input(builder.quantity("dists"))


def numpy_arguments(
    claim: Claim, instance: Instance, at: Mapping[Node, Fraction]
) -> dict[str, Any]:
    """What the property of an instance is given by a run on NumPy; the rules are left out."""
    profile = Profile(
        {Axis.AGENTS: instance.agents, Axis.TOKENS: instance.tokens}, at, instance.agent or 0
    )
    builder = Builder(claim, Trace(dict(profile.sizes), profile), instance.agent, instance.choices)
    found = builder.arguments()
    return {name: twin_of(value) for name, value in found.items() if not callable(value)}
