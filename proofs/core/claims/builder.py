"""TRUSTED CORE. From a claim and a trace to a formula: the property's own function, run on symbols.

Guarantee: every quantity that a property asks for stands for all that it may be, and every call of
a rule or payment is the function's own, on what the property gives it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.mechanisms.mistakes import nothing_returned
from tokenauction.proofs.core.claims.claims import (
    RESULT,
    Call,
    Claim,
    Formula,
    RuleFault,
)
from tokenauction.proofs.core.claims.quantities import QUANTITIES, SingledOut
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.tracing.halves import NamedAgent, read
from tokenauction.proofs.core.tracing.indexing import AxisLength
from tokenauction.proofs.core.tracing.symbolic_array import (
    Permutation,
    SymbolicArray,
    as_traced,
)
from tokenauction.proofs.core.tracing.trace import Trace, TracingError
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.core.tracing.twins import as_float
from tokenauction.proofs.results.assignment import Choices
from tokenauction.proofs.results.tracebacks import line_in, on_one_line
from tokenauction.theory import RuleProperty


class Builder:
    """Traces one property on one rule: symbolic sizes if the trace has none, else fixed ones."""

    def __init__(
        self, claim: Claim, trace: Trace, agent: int | None = None, choices: Choices | None = None
    ) -> None:
        self.claim = claim
        self.trace = trace
        self.choices = choices or Choices()
        self.who = SingledOut.at(agent, self.choices)
        self.calls: list[Call] = []
        self.values: dict[str, Any] = {}

    def arguments(self) -> dict[str, Any]:
        """What the property is given, by name."""
        makers: dict[str, Callable[[], Any]] = {
            "rule": lambda: self._caller(self.claim.rule, "rule"),
            "payment": lambda: self._caller(self.claim.payment, "payment"),
            "other": lambda: self._caller(self.claim.other, "second function"),
            "agent": lambda: self._named(self.who.agent),
            "rival": lambda: self._named(self.who.rival),
            "agent_order": lambda: self._reordering(Axis.AGENTS, self.choices.agent_order),
            "token_order": lambda: self._reordering(Axis.TOKENS, self.choices.token_order),
        }
        return {
            name: makers[name]() if name in makers else self.quantity(name)
            for name in self.claim.prop.arguments
        }

    def formula(self) -> Formula:
        self.values = self.arguments()
        result = self._instance_of_property(self.values)
        if not isinstance(result, TracedArray) or result.axes or not result.boolean:
            if isinstance(result, bool | np.bool_):
                return Formula(graph.truth(bool(result)), tuple(self.calls))
            raise TracingError(
                f"{self.claim.prop.file}:{self.claim.prop.line}: {self.claim.prop.title} "
                f"{why_no_truth(self.claim.prop, result)}"
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
                f"{prop.file}:{line}: {prop.title} raises {type(problem).__name__}: {text}"
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

    def _named(self, agent: Index) -> int | NamedAgent:
        return NamedAgent(self.trace, agent) if agent.position is None else agent.position

    def _reordering(self, axis: Axis, positions: tuple[int, ...] | None) -> Permutation:
        assert self.trace.profile is not None
        name = f"{axis.value[:-1]}_order"
        return Permutation(name, axis, positions, self.trace.profile.order(axis), self.trace)

    def quantity(self, name: str) -> TracedArray:
        """One of the arrays that a property may ask for."""
        row = QUANTITIES[name]
        return self._array(row.axes, partial(row.element, self.who))

    # The rules

    def call(self, function: ProfileFunction, bids: Any, dists: Any) -> TracedArray:
        """The result of one call, in this trace."""
        given = as_input(bids), as_input(dists)
        result = self._opaque_result(function) if self.claim.opaque else self._run(function, *given)
        at = next((name for name, value in self.values.items() if value is bids), "")
        outputs = tuple(result.elements.reshape(-1))
        needed = outputs
        if function.returns == "agents" and self.claim.has_focal:
            of_agent = [self.who.agent] if self.claim.is_about_agent else []
            of_rival = [self.who.rival] if self.claim.has_rival else []
            needed = tuple(result[one].node() for one in (*of_agent, *of_rival))
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
            name: self._array((Axis.TOKENS,), partial(graph.named_dist, name))
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


def why_no_truth(prop: RuleProperty, result: Any) -> str:
    """What is wrong with what a property has returned."""
    truths = result.boolean if isinstance(result, TracedArray) else np.asarray(result).dtype == bool
    if truths:
        return "must return one truth value, not an array of them: use xp.all"
    if result is not None:
        return "must return one truth value, not a number: compare it, as in `... <= 0`"
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


def as_input(array: Any) -> TracedArray:
    """The array as a rule is given it: memory of its own, that the rule may not change."""
    return TracedArray(read(array), np.array(array.twin), is_input=True)


def opaque_output(call: int, index: Index) -> Node:
    """The variable for one number that an untraced call returns."""
    return graph.scalar(f"output {call} {index}")


def _fault(rule: ProfileFunction, problem: BaseException) -> RuleFault:
    line = line_in(rule.file, problem) or rule.line
    raised = on_one_line(problem)
    fault = RuleFault(f"{rule.file}:{line}: {rule.name} raises {raised}")
    fault.file, fault.line, fault.raised = rule.file, line, raised
    return fault
