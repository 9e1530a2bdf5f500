"""A program on NumPy and in the trace: at the end, every variable has to be the same.

The trace keeps NumPy's values at a profile of its own; they are compared at others, where nothing
but the expressions can be right. Values are the traced expressions in balls that hold what floats
may make of them: where not even these decide, rounding decides, and nothing is said.
"""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import array_api_compat.numpy
import numpy as np
from flint import arb, fmpq
from traced_arrays import grounded

from fuzzing.programs import Plain, Program, compiled, is_variable, on_numpy
from tokenauction.mechanisms import sum_of_greater
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.evaluation.balls import Balls, precision
from tokenauction.proofs.core.evaluation.exact import (
    INFINITE,
    MINUS_INFINITE,
    UNDEFINED,
    Special,
    evaluate_all,
)
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Node
from tokenauction.proofs.core.tracing.halves import read
from tokenauction.proofs.core.tracing.trace import Trace, TracingError
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.core.tracing.traced_namespace import Namespace
from tokenauction.proofs.core.tracing.twins import Profile, as_float, is_mutable, kind_of
from tokenauction.proofs.results.assignment import Assignment

TOLERANCE: Final = 1e-9
LARGEST: Final = 1e300
MOST_NODES: Final = 6000
BITS: Final = 47


@dataclass(frozen=True)
class Outcome:
    """What became of a program: `refused` says why, `differs` where trace and NumPy do.

    `raised` is whether NumPy itself raises, so that there is nothing to compare. `undecided` counts
    the numbers that rounding decides, `compared` those that were compared.
    """

    refused: str = ""
    differs: str = ""
    raised: bool = False
    compared: int = 0
    undecided: int = 0


@dataclass
class Run:
    """The names after a run, and what stopped it at which line."""

    names: dict[str, Any]
    line: int | None = None
    problem: Exception | None = None


def run_lines(lines: Sequence[str], names: dict[str, Any]) -> Run:
    """Run the lines until one raises."""
    with np.errstate(all="ignore"):
        for number, line in enumerate(lines):
            try:
                exec(compiled(line), names)
            except Exception as problem:
                return Run(names, number, problem)
    return Run(names)


def in_trace(trace: Trace) -> dict[str, Any]:
    """The names of a program that is traced."""
    bids, dists = formulas.inputs_in(trace)
    agents, tokens = dists.shape
    return {
        "np": Plain(np),
        "xp": Namespace(trace, array_api_compat.numpy),
        "own": Namespace(trace, np),
        "sum_of_greater": sum_of_greater,
        "bids": bids,
        "dists": dists,
        "n": agents,
        "T": tokens,
    }


def _sizes(program: Program) -> dict[Axis, int]:
    return dict(zip((Axis.AGENTS, Axis.TOKENS), program.sizes, strict=True))


def fixed_trace(program: Program) -> Trace:
    """A trace at the sizes of a program, with the trace's own ordinary values."""
    return Trace(_sizes(program))


def checked_trace(program: Program) -> Trace:
    """A trace that compares every step with NumPy's, at the profile of the drawing."""
    profile = Profile(_sizes(program), leaf_values(program.profiles[0]))
    return Trace(_sizes(program), profile, checked=True)


def open_trace(program: Program) -> Trace:
    """A trace over every size, whose twins have others than the program."""
    return Trace()


def check(program: Program, make_trace: Any = fixed_trace) -> Outcome:
    """Run a program in both ways, and compare every variable at every profile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _check(program, make_trace)


def _check(program: Program, make_trace: Any) -> Outcome:
    trace = make_trace(program)
    try:
        traced = run_lines(program.lines, in_trace(trace))
    except RecursionError:
        return Outcome(refused="recursion")
    if trace.failure is not None or isinstance(traced.problem, TracingError):
        return _refused(program, make_trace, trace, traced)
    plain = [run_lines(program.lines, on_numpy(profile)) for profile in program.profiles]
    if plain[0].problem is not None:
        return _both_raise(program, trace, traced, plain[0])
    if traced.problem is not None:
        return _trace_raises(program, trace, traced)
    return _all_compared(program, traced, plain)


def _refused(program: Program, make_trace: Any, trace: Trace, traced: Run) -> Outcome:
    """A refusal; what was traced before it still has to be right."""
    problem = trace.failure or traced.problem
    reason = _reason(problem)
    if run_lines(program.lines, on_numpy(program.profiles[0])).problem is not None:
        return Outcome(reason, raised=True)
    if not traced.line:
        return Outcome(reason)
    before = _check(replace(program, lines=program.lines[: traced.line]), make_trace)
    return replace(before, refused=reason)


def _reason(problem: Any) -> str:
    text = str(problem).partition(": ")[2] or str(problem)
    code = getattr(problem, "code", "")
    return f"{code}: {text.partition('; ')[0]}"


def _both_raise(program: Program, trace: Trace, traced: Run, plain: Run) -> Outcome:
    """NumPy raises: so does the trace, unless NumPy does not with the trace's own numbers."""
    if traced.problem is not None:
        return Outcome(raised=True)
    if run_lines(program.lines, _at_twins(trace)).problem is None:
        return Outcome(raised=True)
    return Outcome(differs=f"NumPy raises {plain.problem!r}, the trace does not", raised=True)


def _trace_raises(program: Program, trace: Trace, traced: Run) -> Outcome:
    if run_lines(program.lines, _at_twins(trace)).line == traced.line:
        return Outcome(raised=True)
    return Outcome(differs=f"the trace raises {traced.problem!r}, NumPy does not")


def _at_twins(trace: Trace) -> dict[str, Any]:
    """The names of a program on NumPy, with the inputs that the twins of a trace have."""
    bids, dists = (np.array(array.twin) for array in formulas.inputs_in(trace))
    names = on_numpy(Assignment(bids=(0,), dists=((1,),)))  # type: ignore[arg-type]
    return names | {"bids": bids, "dists": dists, "n": dists.shape[0], "T": dists.shape[1]}


# Comparing ---------------------------------------------------------------------------------------


@dataclass
class _Comparison:
    """What has to be equal: nodes, and NumPy's numbers in their place."""

    nodes: list[Node] = field(default_factory=list)
    found: list[Any] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    problem: str = ""

    def add(self, name: str, traced: Any, plain: Any, sizes: Mapping[Axis, int]) -> None:
        """Compare the kind and the shape of a variable; its values wait."""
        if not isinstance(traced, TracedArray):
            if not _alike(traced, plain):
                self.problem = f"{name} is {traced!r} in the trace and {plain!r} on NumPy"
            return
        kinds = [kind_of(one) for one in (traced.twin, plain)]
        memory = [(is_mutable(one), hasattr(one, "dtype")) for one in (traced.twin, plain)]
        if kinds[0] != kinds[1] or memory[0] != memory[1]:
            self.problem = (
                f"{name} is a {kinds[0]} ({type(traced.twin).__name__}) in the trace, "
                f"and a {kinds[1]} ({type(plain).__name__}) on NumPy"
            )
            return
        nodes = _grounded(traced, sizes)
        if nodes is None:
            return
        if nodes.shape != np.shape(plain):
            self.problem = (
                f"{name} has shape {nodes.shape} in the trace, {np.shape(plain)} on NumPy"
            )
            return
        self.nodes.extend(nodes.reshape(-1))
        self.found.extend(np.asarray(plain).reshape(-1))
        self.names.extend([name] * nodes.size)


def _alike(traced: Any, plain: Any) -> bool:
    return type(traced) is type(plain) and bool(
        np.array_equal(traced, plain, equal_nan=np.asarray(plain).dtype.kind == "f")
    )


def _grounded(array: TracedArray, sizes: Mapping[Axis, int]) -> Any:
    """The nodes of an array at these sizes; None for what only an index can be."""
    try:
        symbol = read(array)
    except TracingError:  # its memory has changed since, and whoever reads it is refused
        return None
    nodes = symbol.elements
    if any(node.op == "argmax" for node in nodes.reshape(-1)):
        return None
    if array.trace.sizes is not None:
        return nodes
    return grounded(symbol, sizes[Axis.AGENTS], sizes[Axis.TOKENS])


def _all_compared(program: Program, traced: Run, plain: Sequence[Run]) -> Outcome:
    compared = undecided = 0
    for profile, run in zip(program.profiles, plain, strict=True):
        if run.problem is not None:
            continue
        found = _compared(program, profile, traced.names, run.names)
        if found.differs:
            return found
        compared += found.compared
        undecided += found.undecided
    return Outcome(compared=compared, undecided=undecided)


def _compared(
    program: Program, profile: Assignment, traced: Mapping[str, Any], plain: Mapping[str, Any]
) -> Outcome:
    comparison = _Comparison()
    for name, value in plain.items():
        if is_variable(name):
            comparison.add(name, traced[name], value, _sizes(program))
            if comparison.problem:
                return Outcome(differs=comparison.problem)
    nodes = list(dict.fromkeys(comparison.nodes))
    if sum(1 for _ in graph.subnodes(*nodes)) > MOST_NODES:
        return Outcome(undecided=len(comparison.nodes))
    values = dict(zip(nodes, _values(nodes, profile), strict=True))
    compared = undecided = 0
    for node, found, name in zip(comparison.nodes, comparison.found, comparison.names, strict=True):
        verdict = _same(values[node], found)
        if verdict is None:
            undecided += 1
            continue
        compared += 1
        if not verdict and not _is_beyond_floats(program, profile, node, values[node], found):
            place = ", ".join(map(str, profile.bids))
            differs = f"{name} has {values[node]} in the trace and {found} on NumPy at ({place})"
            return Outcome(differs=differs)
    return Outcome(compared=compared, undecided=undecided)


def _values(nodes: list[Node], profile: Assignment) -> list[Any]:
    """The values of nodes in balls that hold what floats may make of them."""
    with precision(BITS):
        leaves: dict[Node, Any] = {
            leaf: arb(fmpq(value.numerator, value.denominator))
            for leaf, value in leaf_values(profile).items()
        }
        return evaluate_all(nodes, leaves, Balls())


def _same(value: Any, found: Any) -> bool | None:
    """Whether a value is NumPy's number; None where rounding decides."""
    if isinstance(value, bool):
        return isinstance(found, np.bool_) and value == bool(found)
    if value is UNDEFINED:
        return not np.isfinite(found)
    if value is INFINITE or value is MINUS_INFINITE:
        return bool(found == (np.inf if value is INFINITE else -np.inf))
    if isinstance(value, Special):
        return None
    number = as_float(value)
    if number is None or isinstance(found, np.bool_):
        return False
    radius = float(value.rad().upper()) if isinstance(value, arb) else 0.0
    return bool(abs(found - number) <= 2 * radius + TOLERANCE * max(1.0, abs(number)))


def _is_beyond_floats(
    program: Program, profile: Assignment, node: Node, value: Any, found: Any
) -> bool:
    """Whether a difference is one of floats that leave their range, or of what is not a number."""
    if value is UNDEFINED:
        return _meets_nan(program, profile)
    if np.isfinite(found) and not isinstance(value, bool):
        return False
    parts = [part for part in graph.subnodes(node) if not graph.is_boolean(part)]
    sizes = (as_float(one) for one in _values(parts, profile))
    return any(size is not None and abs(size) > LARGEST for size in sizes)


def _meets_nan(program: Program, profile: Assignment) -> bool:
    """Whether some value of the run is not finite, or was never written."""
    names = on_numpy(profile)
    for line in program.lines:
        run_lines([line], names)
        for name, value in names.items():
            if is_variable(name) and not np.isfinite(value).all():
                return True
        if ".empty" in line:
            return True
    return False


# Many of them ------------------------------------------------------------------------------------


@dataclass
class Tally:
    """How many programs agreed, were refused (and why), and disagreed."""

    agreed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    disagreed: int = 0
    left_out: int = 0
    compared: int = 0
    undecided: int = 0

    @property
    def programs(self) -> int:
        return self.agreed + self.refused.total() + self.disagreed

    def count(self, outcome: Outcome) -> None:
        """Add one outcome; a program that NumPy refuses counts only if the trace does not."""
        self.compared += outcome.compared
        self.undecided += outcome.undecided
        if outcome.differs:
            self.disagreed += 1
        elif outcome.raised:
            self.left_out += 1
        elif outcome.refused:
            self.refused[outcome.refused] += 1
        else:
            self.agreed += 1
