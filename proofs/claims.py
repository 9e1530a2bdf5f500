"""TRUSTED CORE. A claim: one property of one rule, as a formula over every size or at fixed sizes.

Input: a rule and a property, both plain functions on the array API. Output: the formula that says
that one instance of the property holds, with the quantified quantities as its variables.
Guarantee: the formula is what the property's function returns on the rule's own function.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, permutations, product
from math import factorial
from typing import Any, Final

import numpy as np

from tokenauction.mechanisms import AggregationRule
from tokenauction.proofs import graph
from tokenauction.proofs.graph import Axis, Index, Node
from tokenauction.proofs.trace import Trace, TracingError, explore, line_in
from tokenauction.proofs.traced_array import (
    Permutation,
    TracedArray,
    as_traced,
    elementwise,
    scalar_array,
)
from tokenauction.theory import RuleProperty

FOCAL: Final = Index(Axis.AGENTS, "i")
RAISED: Final = graph.scalar("raised_bid")
SCALE: Final = graph.scalar("scale")


@dataclass(frozen=True)
class Claim:
    """A rule, and a property that it may have.

    Where the rule cannot be traced, `outputs` stands for its results: the formula then has one
    distribution variable for each call.
    """

    rule: AggregationRule
    prop: RuleProperty
    opaque: bool = False

    @property
    def positive(self) -> bool:
        """Whether the claim speaks of strictly positive distributions only."""
        return "full" in (self.rule.support, self.prop.support)

    @property
    def has_focal(self) -> bool:
        """Whether the property singles out one agent."""
        return bool(
            {"agent", "raised_bids", "withdrawn_bids", "other_dists"} & set(self.prop.arguments)
        )


@dataclass(frozen=True)
class Formula:
    """What must hold, and the aggregates that it speaks of (one node a token at fixed sizes)."""

    holds: Node
    aggregates: tuple[tuple[Node, ...], ...]
    calls: tuple[tuple[Any, Any], ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Orders:
    """The reorderings that an instance looks at, as positions; None where it looks at none."""

    agents: tuple[int, ...] | None = None
    tokens: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Instance:
    """A claim at fixed sizes, with the agent and the permutation chosen."""

    agents: int
    tokens: int
    agent: int | None
    orders: Orders
    formula: Formula


class RuleFault(Exception):
    """The rule itself is unusable: it raises, or returns something of the wrong shape."""


# Building the formula ----------------------------------------------------------------------------


def open_formula(claim: Claim) -> list[tuple[Node, Formula]]:
    """The claim over every size: pairs (what is assumed of the sizes, the formula).

    Raises SizeRequired or TracingError where the rule or the property cannot be traced so, and
    RuleFault where the rule is unusable.
    """
    formulas: list[Formula] = []

    def run(trace: Trace) -> Node:
        formulas.append(_Builder(claim, trace).formula())
        return formulas[-1].holds

    paths = explore(run, Trace)
    return [(assumed, formula) for (assumed, _), formula in zip(paths, formulas, strict=True)]


def instances(claim: Claim, agents: int, tokens: int) -> Iterator[Instance]:
    """The claim at fixed sizes: one instance for each agent and each reordering.

    Of more than six agents or tokens, swaps of two only: see `has_every_instance`.
    """
    agents_to_try = range(agents) if claim.has_focal else (None,)
    for agent in agents_to_try:
        for orders in _orders(claim, agents, tokens):
            yield instance(claim, agents, tokens, agent, orders)


def instance(
    claim: Claim, agents: int, tokens: int, agent: int | None = None, orders: Orders | None = None
) -> Instance:
    """One instance of the claim; raises as `open_formula` does."""
    if tokens_of(claim.rule) not in (None, tokens):
        raise TracingError(f"a distribution of {claim.rule.label} has another number of tokens")
    orders = orders or Orders()
    trace = Trace(sizes={Axis.AGENTS: agents, Axis.TOKENS: tokens})
    formula = _Builder(claim, trace, agent, orders).formula()
    if trace.failure is not None:
        raise trace.failure
    return Instance(agents, tokens, agent, orders, formula)


def tokens_of(rule: AggregationRule) -> int | None:
    """The only number of tokens that a rule with a given distribution has; None for all."""
    given = [value for value in rule.distributions.values() if value is not None]
    return len(given[0]) if given else None


def instance_in(claim: Claim, trace: Trace) -> Formula:
    """The formula of a claim about no agent in particular, in a trace of the caller's."""
    return _Builder(claim, trace).formula()


MOST_INSTANCES: Final = 720


def _orders(claim: Claim, agents: int, tokens: int) -> Iterator[Orders]:
    """Every combination of reorderings, those that move the least first."""
    rows: list[list[tuple[int, ...] | None]] = []
    for name, length in (("agent_order", agents), ("token_order", tokens)):
        if name not in claim.prop.arguments:
            rows.append([None])
        elif factorial(length) > MOST_INSTANCES:
            rows.append([*_transpositions(length)])
        else:
            rows.append([*sorted(permutations(range(length)), key=_moved)])
    return (Orders(first, second) for first, second in product(*rows))


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


def traced_rule(claim: Claim) -> list[tuple[Node, Node]]:
    """The rule over every size: pairs (what is assumed of the sizes, the aggregate at `t`)."""

    def run(trace: Trace) -> Node:
        builder = _Builder(claim, trace)
        aggregate = builder.call_rule(builder.bids(), builder.dists())
        axis = aggregate.axes[0]
        if not isinstance(axis, Index):
            raise trace.needs_size("the rule returns an aggregate of fixed length")
        return graph.substitute_index(aggregate.node(), axis, graph.token("t"))

    return explore(run, Trace)


class _Builder:
    """Traces one property on one rule: symbolic sizes if the trace has none, else fixed ones."""

    def __init__(
        self, claim: Claim, trace: Trace, agent: int | None = None, orders: Orders | None = None
    ) -> None:
        self.claim = claim
        self.trace = trace
        self.orders = orders or Orders()
        self.focal = FOCAL if agent is None else graph.agent(agent)
        self.aggregates: list[tuple[Node, ...]] = []
        self.calls: list[tuple[Any, Any]] = []

    def formula(self) -> Formula:
        makers: dict[str, Callable[[], Any]] = {
            "rule": lambda: self.call_rule,
            "bids": self.bids,
            "dists": self.dists,
            "agent": lambda: self.focal,
            "raised_bids": lambda: self._bids_with(RAISED),
            "withdrawn_bids": lambda: self._bids_with(graph.ZERO),
            "other_dists": self._other_dists,
            "common": lambda: self._named("common"),
            "common_dists": self._common_dists,
            "agent_order": lambda: Permutation("agent_order", Axis.AGENTS, self.orders.agents),
            "token_order": lambda: Permutation("token_order", Axis.TOKENS, self.orders.tokens),
            "scale": lambda: scalar_array(self.trace, SCALE),
        }
        values = {name: makers[name]() for name in self.claim.prop.arguments}
        result = self._instance_of_property(values)
        if not isinstance(result, TracedArray) or result.axes or not result.boolean:
            if isinstance(result, bool | np.bool_):
                result = scalar_array(self.trace, graph.truth(bool(result)))
            else:
                raise TracingError(
                    f"{self.claim.prop.file}:{self.claim.prop.line}: the property "
                    f"{self.claim.prop.name} must return one truth value; use xp.all"
                )
        return Formula(result.node(), tuple(self.aggregates), tuple(self.calls))

    def _instance_of_property(self, values: dict[str, Any]) -> Any:
        prop = self.claim.prop
        try:
            return prop(**values)
        except (TracingError, RuleFault, RecursionError):
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            line = line_in(prop.file, problem) or prop.line
            text = " ".join(str(problem).split())
            raise TracingError(
                f"{prop.file}:{line}: the property {prop.name} raises "
                f"{type(problem).__name__}: {text}"
            ) from problem

    # The arrays of a profile

    def _array(
        self, axes: tuple[Axis, ...], leaf: Callable[..., Node], is_input: bool = False
    ) -> TracedArray:
        sizes = self.trace.sizes
        if sizes is None:
            indices = tuple(self.trace.fresh(axis) for axis in axes)
            elements = np.full((1,) * len(axes), leaf(*indices), dtype=object)
            return TracedArray(self.trace, indices, elements, is_input=is_input)
        shape = tuple(sizes[axis] for axis in axes)
        elements = np.empty(shape, dtype=object)
        for place in np.ndindex(*shape):
            elements[place] = leaf(
                *(Index(axis, str(at), at) for axis, at in zip(axes, place, strict=True))
            )
        return TracedArray(self.trace, shape, elements, is_input=is_input)

    def bids(self) -> TracedArray:
        return self._array((Axis.AGENTS,), graph.bid)

    def dists(self) -> TracedArray:
        return self._array((Axis.AGENTS, Axis.TOKENS), graph.prob)

    def _named(self, name: str) -> TracedArray:
        return self._array((Axis.TOKENS,), lambda t: graph.named_dist(name, t))

    def _bids_with(self, focal_bid: Node) -> TracedArray:
        return self._array(
            (Axis.AGENTS,),
            lambda j: graph.where(graph.same(j, self.focal), focal_bid, graph.bid(j)),
        )

    def _other_dists(self) -> TracedArray:
        return self._array(
            (Axis.AGENTS, Axis.TOKENS),
            lambda j, t: graph.where(
                graph.same(j, self.focal), graph.named_dist("other", t), graph.prob(j, t)
            ),
        )

    def _common_dists(self) -> TracedArray:
        return self._array((Axis.AGENTS, Axis.TOKENS), lambda _, t: graph.named_dist("common", t))

    # The rule

    def call_rule(self, bids: Any, dists: Any) -> TracedArray:
        self.calls.append((bids, dists))
        result = self._opaque_result() if self.claim.opaque else self._run(bids, dists)
        self.aggregates.append(tuple(result.elements.reshape(-1)))
        return result

    def _opaque_result(self) -> TracedArray:
        return self._named(f"aggregate_{len(self.calls) - 1}")

    def _run(self, bids: Any, dists: Any) -> TracedArray:
        rule, trace = self.claim.rule, self.trace
        given: dict[str, Any] = {
            name: self._named(name) if value is None else as_traced(trace, list(value))
            for name, value in rule.distributions.items()
        }
        # Exact arrays rather than floats, so that `1 - share` is not rounded before it is traced.
        given |= {name: as_traced(trace, value) for name, value in rule.parameters.items()}
        inputs = [elementwise(lambda node: node, array) for array in (bids, dists)]
        for array in inputs:
            array.is_input = True
        before = [array.elements for array in inputs]
        try:
            result = rule.function(*inputs, **given)
        except (TracingError, RuleFault, RecursionError):
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            if trace.failure is not None:
                raise trace.failure from problem
            raise RuleFault(_describe(rule, problem)) from problem
        if trace.failure is not None:
            raise trace.failure
        if any(array.elements is not old for array, old in zip(inputs, before, strict=True)):
            raise trace.error("the rule changes its input in place")
        return self._checked(result)

    def _checked(self, result: Any) -> TracedArray:
        rule = self.claim.rule
        place = f"{rule.file}:{rule.line}: {rule.name}"
        if isinstance(result, np.ndarray):
            result = as_traced(self.trace, result)
        if not isinstance(result, TracedArray):
            raise RuleFault(f"{place} returns {type(result).__name__}, not an array of tokens")
        sizes = self.trace.sizes
        if sizes is None:
            fits = len(result.axes) == 1 and (
                isinstance(result.axes[0], Index) and result.axes[0].axis is Axis.TOKENS
            )
            if not fits and any(isinstance(axis, int) and axis > 1 for axis in result.axes):
                raise self.trace.needs_size("the rule returns an aggregate of fixed length")
        else:
            fits = result.axes == (sizes[Axis.TOKENS],)
        if not fits:
            shape = tuple(
                axis.axis.value if isinstance(axis, Index) else axis for axis in result.axes
            )
            wanted = "(tokens,)" if sizes is None else f"({sizes[Axis.TOKENS]},)"
            raise RuleFault(
                f"{place} returns an array of shape ({', '.join(map(str, shape))}); "
                f"an aggregation rule returns one of shape {wanted}"
            )
        if result.boolean:
            raise RuleFault(f"{place} returns truth values, not probabilities")
        return result


def _describe(rule: AggregationRule, problem: BaseException) -> str:
    line = line_in(rule.file, problem) or rule.line
    text = str(problem) or type(problem).__name__
    return f"{rule.file}:{line}: {rule.name} raises {type(problem).__name__}: {text}"
