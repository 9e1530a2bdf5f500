"""TRUSTED CORE. One run of a rule on symbolic inputs: fresh names, size decisions, errors.

Guarantee: an error raised during a trace ends it, even where the rule catches exceptions; a branch
on a number of agents or tokens is explored both ways, and a branch on any other value is an error.
"""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from tokenauction.proofs import graph
from tokenauction.proofs.graph import Axis, Index, Node

_OWN_FOLDER = str(Path(__file__).parent)
_LIBRARIES = ("numpy", "array_api_compat", "array_api_strict")


class TracingError(Exception):
    """The rule does something that cannot be traced; the message names the line and the way out."""


class SizeRequired(TracingError):
    """The rule can be traced, but only once the numbers of agents and tokens are fixed."""


MOST_PATHS = 64
MOST_DECISIONS = 32


@dataclass
class Trace:
    """The state of one run; `sizes` is None while the numbers of agents and tokens are open."""

    sizes: dict[Axis, int] | None = None
    decisions: list[bool] = field(default_factory=list)
    assumptions: list[Node] = field(default_factory=list)
    float_constants: set[float] = field(default_factory=set)
    failure: TracingError | None = None
    _fresh: int = 0

    def __copy__(self) -> "Trace":
        return self

    def __deepcopy__(self, memo: Any) -> "Trace":
        return self

    def fresh(self, axis: Axis) -> Index:
        """An index variable that this trace has not used."""
        self._fresh += 1
        return Index(axis, f"{'j' if axis is Axis.AGENTS else 's'}{self._fresh}")

    def decide(self, condition: Node) -> bool:
        """The truth of a condition on sizes on the path that is being explored."""
        for known, answer in ((condition, True), (graph.negation(condition), False)):
            if known in self.assumptions:
                return answer
        step = len(self.assumptions)
        if step >= MOST_DECISIONS:
            raise self.needs_size("the rule branches on the numbers of agents and tokens in a loop")
        if step == len(self.decisions):
            self.decisions.append(True)
        chosen = self.decisions[step]
        self.assumptions.append(condition if chosen else graph.negation(condition))
        return chosen

    def error(self, problem: str, way_out: str = "") -> TracingError:
        """The error to raise: a problem at the line that is running, and a way out."""
        return self._fail(TracingError, problem, way_out)

    def needs_size(self, problem: str) -> SizeRequired:
        """The error to raise where only fixed sizes will do."""
        failure = self._fail(SizeRequired, problem, "")
        assert isinstance(failure, SizeRequired)
        return failure

    def _fail(self, kind: type[TracingError], problem: str, way_out: str) -> TracingError:
        line = _line_of_rule()
        message = f"{line}: {problem}" if line else problem
        failure = kind(f"{message}; {way_out}" if way_out else message)
        if self.failure is None:
            self.failure = failure
        return failure

    def rational(self, value: Any) -> Fraction:
        """A Python or NumPy number, exactly; a float is the shortest decimal that prints it."""
        if isinstance(value, Fraction):
            return value
        if isinstance(value, int):
            return Fraction(value)
        text = str(value)
        try:
            exact = Fraction(text)
        except ValueError:
            raise self.error(
                f"the constant {text} is not a finite real number",
                "write the case it stands for with xp.where",
            ) from None
        if exact.denominator != 1:
            self.float_constants.add(float(value))
        return _short_reading(exact)


def reading(value: float) -> Fraction:
    """The number that a float constant of a rule is read as."""
    return _short_reading(Fraction(repr(value)))


def _short_reading(decimal: Fraction) -> Fraction:
    """The decimal, or the short fraction that float arithmetic has rounded away from it.

    `0.1` is 1/10 as it stands; `1 - 0.7`, which prints as 0.30000000000000004, is 3/10, and `1 / 3`
    is 1/3: a decimal of fifteen digits and more within two units in the last place of a fraction
    with a denominator below a thousand is that fraction.
    """
    if decimal.denominator < 10**14:
        return decimal
    short = decimal.limit_denominator(999)
    near = abs(decimal - short) <= abs(short) * Fraction(1, 2**51)
    return short if near else decimal


def _line_of_rule() -> str:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        inside = name.startswith(_OWN_FOLDER) or any(f"/{lib}/" in name for lib in _LIBRARIES)
        if not inside and not name.startswith("<frozen"):
            return f"{name}:{frame.f_lineno}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ""


def line_in(file: str, problem: BaseException) -> int | None:
    """The last line of a file that an exception passed through."""
    lines = [f.lineno for f in traceback.extract_tb(problem.__traceback__) if f.filename == file]
    return lines[-1] if lines else None


def explore(
    run: Callable[[Trace], Node], new_trace: Callable[[], Trace]
) -> list[tuple[Node, Node]]:
    """Every path through the size decisions of `run`: pairs (what the path assumes, its result).

    The assumptions are disjoint and cover every size. Raises TracingError where any path does, or
    where there are more than `MOST_PATHS` of them.
    """
    paths: list[tuple[Node, Node]] = []
    decisions: list[bool] = []
    while True:
        trace = new_trace()
        trace.decisions = list(decisions)
        result = run(trace)
        if trace.failure is not None:
            raise trace.failure
        paths.append((graph.conj(*trace.assumptions), result))
        decisions = trace.decisions[: len(trace.assumptions)]
        while decisions and not decisions[-1]:
            decisions.pop()
        if not decisions:
            return paths
        decisions[-1] = False
        if len(paths) >= MOST_PATHS:
            raise TracingError(
                f"more than {MOST_PATHS} branches on the numbers of agents and tokens"
            )
