"""Arrays of a trace for tests, and the values of what is made of them at a profile."""

import math
from fractions import Fraction
from typing import Any

import numpy as np

from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.claims.formulas import inputs_in
from tokenauction.proofs.core.evaluation.balls import decimal, evaluate_rigorously
from tokenauction.proofs.core.evaluation.exact import INFINITE, MINUS_INFINITE, UNDEFINED
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.language.grounding import ground
from tokenauction.proofs.core.tracing.symbolic_array import SymbolicArray
from tokenauction.proofs.core.tracing.trace import Trace
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.results.assignment import Assignment


def fixed_inputs(agents: int, tokens: int) -> tuple[TracedArray, TracedArray]:
    """Bids and distributions of a new trace at fixed sizes."""
    return inputs_in(Trace(sizes={Axis.AGENTS: agents, Axis.TOKENS: tokens}))


def open_inputs() -> tuple[TracedArray, TracedArray]:
    """Bids and distributions of a new trace at open sizes."""
    return inputs_in(Trace())


def numpy_inputs(profile: Assignment) -> tuple[Any, Any]:
    """The profile as NumPy arrays."""
    return np.array(profile.bids, dtype=float), np.array(profile.dists, dtype=float)


def grounded(result: TracedArray | SymbolicArray, agents: int, tokens: int) -> Any:
    """The nodes of a result, one for each position at these sizes."""
    sizes = {Axis.AGENTS: agents, Axis.TOKENS: tokens}
    shape = tuple(sizes[a.axis] if isinstance(a, Index) else a for a in result.axes)
    nodes = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        pairs = list(zip(result.axes, place, strict=True))
        element = tuple(0 if isinstance(axis, Index) else at for axis, at in pairs)
        positions = {axis: at for axis, at in pairs if isinstance(axis, Index)}
        nodes[place] = ground(result.elements[element], sizes, positions)
    return nodes


def values_of(nodes: Any, profile: Assignment) -> Any:
    """The exact values of an array of nodes, as floats; NaN where one is undefined."""
    flat: list[Node] = list(nodes.reshape(-1))
    found = evaluate_rigorously(flat, leaf_values(profile))
    return np.array([_as_float(value) for value in found]).reshape(nodes.shape)


def _as_float(value: Any) -> float:
    if value is UNDEFINED:
        return math.nan
    if value is MINUS_INFINITE or value is INFINITE:
        return math.inf if value is INFINITE else -math.inf
    assert isinstance(value, bool | Fraction) or hasattr(value, "mid"), f"not decided: {value}"
    return float(value) if isinstance(value, bool | Fraction) else float(decimal(value))
