"""TRUSTED CORE. A claim: one property of one rule or mechanism, or of two functions, as a formula.

Input: a rule, a payment rule or both, perhaps a second function to compare one of them with, and a
property, all plain functions on the array API. Output: the formula, over every size or at fixed
sizes, that says that one instance of the property holds, with the quantified quantities as its
variables. Guarantee: the formula is what the property's function returns on the functions' own
results.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import combinations, permutations, product
from math import factorial
from typing import Any, Final, cast

import numpy as np

from tokenauction.mechanisms import AggregationRule, PaymentRule, ProfileFunction
from tokenauction.mechanisms.mistakes import nothing_returned
from tokenauction.proofs import graph
from tokenauction.proofs.graph import Axis, Index, Node
from tokenauction.proofs.reasons import RAISES
from tokenauction.proofs.symbolic_array import (
    AxisLength,
    Permutation,
    SymbolicArray,
    as_traced,
    scalar_array,
)
from tokenauction.proofs.trace import UNSEEN, Trace, TracingError, explore
from tokenauction.proofs.tracebacks import line_in
from tokenauction.proofs.traced_array import NamedAgent, TracedArray, read, twin_of
from tokenauction.proofs.twins import FOCAL, Profile, as_float
from tokenauction.theory import RuleProperty, distribution, no_positive_transfer

RAISED: Final = graph.scalar("raised_bid")
SCALE: Final = graph.scalar("scale")
RESULT: Final = {"tokens": graph.token("t"), "agents": graph.agent("a")}


@dataclass(frozen=True)
class Claim:
    """A rule, with a payment rule or without, and a property that they may have.

    `other` is a second function of the same kind, of which a property can ask whether it is the
    same. Where they cannot be traced, `opaque` replaces their results by variables, one for each
    number that a call returns.
    """

    rule: AggregationRule | None
    prop: RuleProperty
    opaque: bool = False
    payment: PaymentRule | None = None
    other: ProfileFunction | None = None

    @property
    def functions(self) -> tuple[ProfileFunction, ...]:
        """What the claim is about: the rule, the payment rule, or both; or two of a kind."""
        parts = {"rule": self.rule, "payment": self.payment, "other": self.other}
        wanted = [part for name, part in parts.items() if name in self.prop.arguments]
        return tuple(part for part in wanted if part is not None)

    @property
    def distributions(self) -> tuple[str, ...]:
        """The distribution parameters that are left open, by name."""
        return tuple(dict.fromkeys(name for one in self.functions for name in one.open_names))

    @property
    def positive(self) -> bool:
        """Whether the claim speaks of strictly positive distributions only."""
        parts = (self.rule, self.payment, self.other)
        return "full" in (self.prop.support, *(one.support for one in parts if one is not None))

    @property
    def withdraws_only(self) -> bool:
        """Whether the only bids that the property speaks of are those without the agent's."""
        bids = {"bids", "raised_bids", "other_bids", "raised_other_bids"}
        return "withdrawn_bids" in self.prop.arguments and bids.isdisjoint(self.prop.arguments)

    @property
    def common_only(self) -> bool:
        """Whether the only distributions that the property speaks of are all the same."""
        dists = {"dists", "other_dists"}
        return "common_dists" in self.prop.arguments and dists.isdisjoint(self.prop.arguments)

    @property
    def has_raise(self) -> bool:
        """Whether the property compares two bids of one agent."""
        return not {"raised_bids", "raised_other_bids"}.isdisjoint(self.prop.arguments)

    @property
    def has_other_bids(self) -> bool:
        """Whether the property compares two contexts."""
        return not {"other_bids", "raised_other_bids"}.isdisjoint(self.prop.arguments)

    @property
    def has_focal(self) -> bool:
        """Whether the property singles out one agent."""
        single = {"agent", "withdrawn_bids", "other_dists"} & set(self.prop.arguments)
        return bool(single) or self.has_raise or self.has_other_bids


@dataclass(frozen=True)
class Call:
    """One call of a rule: what it was given, and the nodes that it returned.

    `at` is the property's name for the bids, such as `raised_bids`; empty for other bids. `needed`
    are the outputs that have to be defined: where a claim is about one agent, of the payments
    only that agent's.
    """

    function: ProfileFunction
    at: str
    bids: TracedArray
    dists: TracedArray
    outputs: tuple[Node, ...]
    needed: tuple[Node, ...]

    @property
    def pays(self) -> bool:
        """Whether it is a call of the payment rule."""
        return isinstance(self.function, PaymentRule)


@dataclass(frozen=True)
class Formula:
    """What must hold, and the calls that it speaks of."""

    holds: Node
    calls: tuple[Call, ...] = field(default=(), compare=False)

    @property
    def outputs(self) -> tuple[Node, ...]:
        """Every node that a call returned."""
        return tuple(node for call in self.calls for node in call.outputs)

    @property
    def needed(self) -> tuple[Node, ...]:
        """What has to be defined for an instance to count."""
        return tuple(node for call in self.calls for node in call.needed)


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
    """The rule itself is unusable: it raises, or returns something of the wrong shape.

    `line` is the line of the rule that raised, and `raised` what.
    """

    code = RAISES
    file = ""
    line: int | None = None
    raised = ""


# Building the formula ----------------------------------------------------------------------------


def open_formula(claim: Claim) -> list[tuple[Node, Formula]]:
    """The claim over every size: pairs (what is assumed of the sizes, the formula).

    Raises SizeRequired or TracingError where the rule or the property cannot be traced so, and
    RuleFault where the rule is unusable.
    """
    unseen = Formula(graph.FALSE)
    return explore(
        lambda trace: _Builder(claim, trace).formula(), unseen, tokens_of(*claim.functions)
    )


def instances(claim: Claim, agents: int, tokens: int) -> Iterator[Instance]:
    """The claim at fixed sizes: one instance for each agent and each reordering.

    Of more than six agents or tokens, swaps of two only: see `has_every_instance`.
    """
    agents_to_try = range(agents) if claim.has_focal else (None,)
    for agent in agents_to_try:
        for orders in _orders(claim, agents, tokens):
            yield instance(claim, agents, tokens, agent, orders)


def instance(
    claim: Claim,
    agents: int,
    tokens: int,
    agent: int | None = None,
    orders: Orders | None = None,
    at: Mapping[Node, Fraction] | None = None,
) -> Instance:
    """One instance of the claim; raises as `open_formula` does.

    With values of the leaves (`at`), every step is compared with NumPy's at this profile.
    """
    for function in claim.functions:
        if tokens_of(function) not in (None, tokens):
            raise TracingError(f"a distribution of {function.label} has another number of tokens")
    orders = orders or Orders()
    sizes = {Axis.AGENTS: agents, Axis.TOKENS: tokens}
    profile = Profile(sizes, at or {}, agent or 0)
    trace = Trace(sizes, profile, checked=at is not None)
    formula = _Builder(claim, trace, agent, orders).formula()
    if trace.failure is not None:
        raise trace.failure
    return Instance(agents, tokens, agent, orders, formula)


def tokens_of(*functions: ProfileFunction) -> int | None:
    """The only number of tokens that rules with a given distribution have; None for all."""
    given = [v for one in functions for v in one.distributions.values() if v is not None]
    return len(given[0]) if given else None


def formula_in(claim: Claim, trace: Trace) -> Formula:
    """The formula of a claim, about the first agent if about one, in a trace of the caller's."""
    return _Builder(claim, trace, 0 if claim.has_focal else None).formula()


MOST_INSTANCES: Final = 720
LARGEST_FINGERPRINTED: Final = 3
"""Up to here a fingerprint looks at every size of a rule that has no trace over every size."""


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


def traced_function(function: ProfileFunction) -> list[tuple[Node, Node]]:
    """A rule over every size: pairs (what is assumed of the sizes, the result at `RESULT`)."""
    result = RESULT[function.returns]

    def run(trace: Trace) -> Node:
        builder = _Builder(claim_about(function), trace)
        found = builder.call(function, builder.bids(), builder.dists())
        axis = found.axes[0]
        if not isinstance(axis, Index):
            raise trace.needs_size("the rule returns an array of fixed length")
        return graph.substitute_index(found.node(), axis, result)

    return explore(run, UNSEEN, tokens_of(function))


def claim_about(function: ProfileFunction) -> Claim:
    """The claim that one function is defined everywhere, for looking at its trace alone."""
    if isinstance(function, PaymentRule):
        return Claim(None, no_positive_transfer, payment=function)
    return Claim(cast(AggregationRule, function), distribution)


def inputs_in(trace: Trace) -> tuple[TracedArray, TracedArray]:
    """Bids and distributions as a rule is given them, in a trace of the caller's."""
    builder = _Builder(Claim(None, distribution), trace)
    return _as_input(builder.bids()), _as_input(builder.dists())


def numpy_arguments(
    claim: Claim, instance: Instance, at: Mapping[Node, Fraction]
) -> dict[str, Any]:
    """What the property of an instance is given by a run on NumPy; the rules are left out."""
    profile = Profile(
        {Axis.AGENTS: instance.agents, Axis.TOKENS: instance.tokens}, at, instance.agent or 0
    )
    builder = _Builder(claim, Trace(dict(profile.sizes), profile), instance.agent, instance.orders)
    found = builder.arguments()
    return {name: twin_of(value) for name, value in found.items() if not callable(value)}


class _Builder:
    """Traces one property on one rule: symbolic sizes if the trace has none, else fixed ones."""

    def __init__(
        self, claim: Claim, trace: Trace, agent: int | None = None, orders: Orders | None = None
    ) -> None:
        self.claim = claim
        self.trace = trace
        self.orders = orders or Orders()
        self.focal = FOCAL if agent is None else graph.agent(agent)
        self.calls: list[Call] = []
        self.values: dict[str, Any] = {}

    def arguments(self) -> dict[str, Any]:
        """What the property is given, by name."""
        makers: dict[str, Callable[[], Any]] = {
            "rule": lambda: self._caller(self.claim.rule, "rule"),
            "payment": lambda: self._caller(self.claim.payment, "payment"),
            "other": lambda: self._caller(self.claim.other, "second function"),
            "bids": self.bids,
            "dists": self.dists,
            "agent": self._agent,
            "raised_bids": lambda: self._bids_with(RAISED),
            "other_bids": lambda: self._bids_elsewhere(graph.bid(self.focal)),
            "raised_other_bids": lambda: self._bids_elsewhere(RAISED),
            "withdrawn_bids": lambda: self._bids_with(graph.ZERO),
            "other_dists": self._other_dists,
            "common": lambda: self._named("common"),
            "common_dists": self._common_dists,
            "agent_order": lambda: self._reordering(Axis.AGENTS, self.orders.agents),
            "token_order": lambda: self._reordering(Axis.TOKENS, self.orders.tokens),
            "scale": lambda: self._with_twin((), scalar_array(self.trace, SCALE).elements),
        }
        return {name: makers[name]() for name in self.claim.prop.arguments}

    def formula(self) -> Formula:
        self.values = self.arguments()
        result = self._instance_of_property(self.values)
        if not isinstance(result, TracedArray) or result.axes or not result.boolean:
            if isinstance(result, bool | np.bool_):
                return Formula(graph.truth(bool(result)), tuple(self.calls))
            raise TracingError(
                f"{self.claim.prop.file}:{self.claim.prop.line}: the property "
                f"{self.claim.prop.name} {_why_no_truth(self.claim.prop, result)}"
            )
        return Formula(result.node(), tuple(self.calls))

    def _caller(self, function: ProfileFunction | None, what: str) -> Callable[..., TracedArray]:
        if function is None:
            raise RuleFault(f"{self.claim.prop.name} speaks of a {what}, and none was given")
        return partial(self.call, function)

    def _instance_of_property(self, values: dict[str, Any]) -> Any:
        prop = self.claim.prop
        try:
            self.trace.subject = "property"
            return prop(**values)
        except (TracingError, RuleFault, RecursionError, MemoryError):
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            line = line_in(prop.file, problem) or prop.line
            text = " ".join(str(problem).split())
            raise TracingError(
                f"{prop.file}:{line}: the property {prop.name} raises "
                f"{type(problem).__name__}: {text}"
            ) from problem

    # The arrays of a profile

    def _array(self, axes: tuple[Axis, ...], leaf: Callable[..., Node]) -> TracedArray:
        sizes = self.trace.sizes
        if sizes is None:
            indices = tuple(self.trace.fresh(axis) for axis in axes)
            elements = np.full((1,) * len(axes), leaf(*indices), dtype=object)
            return self._with_twin(
                indices, elements, _written_out(axes, self.trace.twin_sizes, leaf)
            )
        elements = _written_out(axes, sizes, leaf)
        return self._with_twin(elements.shape, elements)

    def _with_twin(
        self, axes: tuple[AxisLength, ...], elements: Any, written_out: Any = None
    ) -> TracedArray:
        """An array of leaves, with their values at the twins' profile."""
        nodes = elements if written_out is None else written_out
        found = [as_float(self.trace.values.grounded(node)) for node in nodes.reshape(-1)]
        twin = np.array(found, dtype=float).reshape(nodes.shape)
        return TracedArray(SymbolicArray(self.trace, axes, elements), twin if axes else twin[()])

    def _agent(self) -> int | NamedAgent:
        position = self.focal.position
        return NamedAgent(self.trace, self.focal) if position is None else position

    def _reordering(self, axis: Axis, positions: tuple[int, ...] | None) -> Permutation:
        assert self.trace.profile is not None
        name = f"{axis.value[:-1]}_order"
        return Permutation(name, axis, positions, self.trace.profile.order(axis))

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

    def _bids_elsewhere(self, focal_bid: Node) -> TracedArray:
        return self._array(
            (Axis.AGENTS,),
            lambda j: graph.where(graph.same(j, self.focal), focal_bid, graph.other_bid(j)),
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

    # The rules

    def call(self, function: ProfileFunction, bids: Any, dists: Any) -> TracedArray:
        """The result of one call, in this trace."""
        given = _as_input(bids), _as_input(dists)
        result = self._opaque_result(function) if self.claim.opaque else self._run(function, *given)
        at = next((name for name, value in self.values.items() if value is bids), "")
        outputs = tuple(result.elements.reshape(-1))
        needed = outputs
        if function.returns == "agents" and self.claim.has_focal:
            needed = (result[self.focal].node(),)
        self.calls.append(Call(function, at, *given, outputs, needed))
        return result

    def _opaque_result(self, function: ProfileFunction) -> TracedArray:
        number = len(self.calls)
        if function.returns == "tokens":
            return self._array((Axis.TOKENS,), lambda t: opaque_output(number, t))
        return self._array((Axis.AGENTS,), lambda j: opaque_output(number, j))

    def _run(self, rule: ProfileFunction, bids: Any, dists: Any) -> TracedArray:
        trace = self.trace
        given: dict[str, Any] = {
            name: self._named(name)
            if value is None
            else TracedArray(as_traced(trace, list(value)), np.array(value, dtype=float))
            for name, value in rule.distributions.items()
        }
        # Exact arrays rather than floats, so that `1 - share` is not rounded before it is traced.
        given |= {
            name: TracedArray(as_traced(trace, value), rule.numbers[name])
            for name, value in rule.parameters.items()
        }
        around, trace.subject = trace.subject, "rule"
        try:
            result = rule.function(bids, dists, **given)
        except (TracingError, RuleFault, RecursionError, MemoryError):
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as problem:
            if trace.failure is not None:
                raise trace.failure from problem
            raise _fault(rule, problem) from problem
        finally:
            trace.subject = around
        if trace.failure is not None:
            raise trace.failure
        return self._checked(rule, result)

    def _checked(self, rule: ProfileFunction, result: Any) -> TracedArray:
        place = f"{rule.file}:{rule.line}: {rule.name}"
        axis = RESULT[rule.returns].axis
        if isinstance(result, np.ndarray):
            result = TracedArray(as_traced(self.trace, result), result)
        if result is None:
            raise RuleFault(f"{place} {nothing_returned(rule.function)}")
        if not isinstance(result, TracedArray):
            raise RuleFault(
                f"{place} returns {type(result).__name__}, not an array of {axis.value}"
            )
        sizes = self.trace.sizes
        if sizes is None:
            fits = len(result.axes) == 1 and (
                isinstance(result.axes[0], Index) and result.axes[0].axis is axis
            )
            if not fits and any(isinstance(length, int) and length > 1 for length in result.axes):
                raise self.trace.needs_size("the rule returns an array of fixed length")
        else:
            fits = result.axes == (sizes[axis],)
        if not fits:
            shape = tuple(
                length.axis.value if isinstance(length, Index) else length for length in result.axes
            )
            wanted = f"({axis.value},)" if sizes is None else f"({sizes[axis]},)"
            raise RuleFault(
                f"{place} returns an array of shape ({', '.join(map(str, shape))}); "
                f"{rule.kind} returns one of shape {wanted}"
            )
        if result.boolean:
            raise RuleFault(f"{place} returns truth values, not numbers")
        return result


def _why_no_truth(prop: RuleProperty, result: Any) -> str:
    """What is wrong with what a property has returned."""
    if result is not None:
        return "must return one truth value; use xp.all"
    return nothing_returned(prop.function if prop.order is None else prop.order.function)


def _written_out(
    axes: tuple[Axis, ...], sizes: Mapping[Axis, int], leaf: Callable[..., Node]
) -> Any:
    """The leaf at every combination of positions."""
    elements = np.empty(tuple(sizes[axis] for axis in axes), dtype=object)
    for place in np.ndindex(*elements.shape):
        elements[place] = leaf(
            *(Index(axis, str(at), at) for axis, at in zip(axes, place, strict=True))
        )
    return elements


def _as_input(array: Any) -> TracedArray:
    """The array as a rule is given it: memory of its own, that the rule may not change."""
    return TracedArray(read(array), np.array(array.twin), is_input=True)


def opaque_output(call: int, index: Index) -> Node:
    """The variable for one number that an untraced call returns."""
    return graph.scalar(f"output {call} {index}")


def _fault(rule: ProfileFunction, problem: BaseException) -> RuleFault:
    line = line_in(rule.file, problem) or rule.line
    raised = " ".join(f"{type(problem).__name__}: {problem}".split()).removesuffix(":")
    fault = RuleFault(f"{rule.file}:{line}: {rule.name} raises {raised}")
    fault.file, fault.line, fault.raised = rule.file, line, raised
    return fault
