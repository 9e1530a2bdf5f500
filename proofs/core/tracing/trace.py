"""TRUSTED CORE. One run of a rule on symbolic inputs: fresh names, size decisions, errors.

Guarantee: an error raised during a trace ends it, even where the rule catches exceptions; a branch
on a number of agents or tokens is explored both ways, and a branch on any other value is an error.
Each path is followed at numbers of agents and tokens that take it, since the twins of
proofs/core/tracing/twins.py need some.
"""

import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.language.grounding import ground
from tokenauction.proofs.core.tracing.twins import NodeValues, Profile

_OWN_FOLDER = str(Path(__file__).parents[2])
_LIBRARIES = ("numpy", "array_api_compat", "array_api_strict")


class TracingError(Exception):
    """The rule does something that cannot be traced; the message names the line and the way out.

    `code` is a word for the kind of problem, `file` and `line` its place, as far as they are known.
    """

    code: str = "untraced"
    file: str = ""
    line: int | None = None
    way_out: str = ""


class SizeRequired(TracingError):
    """The rule can be traced, but only once the numbers of agents and tokens are fixed."""


MOST_PATHS = 64
MOST_DECISIONS = 32


Result = TypeVar("Result")
LARGEST_TWIN: Final = 1000
ORDINARY_SIZES: Final = {Axis.AGENTS: 3, Axis.TOKENS: 4}

_FOR_EVERY_SIZE: Final = {
    "sorts along": "use a sum, an extremum, or a count of what is larger, as "
    "xp.sum(x[None, :] > x[:, None], axis=1)",
    "slices an axis": "use xp.where on a condition",
    "picks position": "treat every agent and every token alike",
    "assigns to elements": "use xp.where in place of an assignment",
    "needs the numbers": "use bids.shape[0] and dists.shape[1] as numbers in arithmetic, and sums "
    "over an axis in place of loops",
    "in a loop": "use sums over an axis in place of loops",
    "puts arrays into a list": "use arithmetic on whole arrays",
    "reshapes": "use x[:, None] and x[None, :]",
    "computed positions": "use a mask with xp.where",
    "position of an extremum": "compare with xp.max",
}


@dataclass
class Trace:
    """The state of one run; `sizes` is None while the numbers of agents and tokens are open.

    The twins have the sizes and the values of `profile`. `checked` compares the value of every
    step with NumPy's too, at fixed sizes. `subject` is what is running, a rule or a property, for
    what is said of it.
    """

    sizes: dict[Axis, int] | None = None
    profile: Profile | None = None
    checked: bool = False
    assumptions: list[Node] = field(default_factory=list)
    float_constants: set[float] = field(default_factory=set)
    failure: TracingError | None = None
    live: list[weakref.ref[Any]] = field(default_factory=list)
    subject: str = "rule"
    values: NodeValues = field(init=False)
    _fresh: int = 0

    def __post_init__(self) -> None:
        self.profile = self.profile or Profile(self.sizes or ORDINARY_SIZES)
        self.values = NodeValues(self.profile)

    @property
    def twin_sizes(self) -> Mapping[Axis, int]:
        """The numbers of agents and tokens of the twins."""
        assert self.profile is not None
        return self.profile.sizes

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
        if len(self.assumptions) >= MOST_DECISIONS:
            raise self.needs_size("the rule branches on the numbers of agents and tokens in a loop")
        chosen = ground(condition, self.twin_sizes) is graph.TRUE
        self.assumptions.append(condition if chosen else graph.negation(condition))
        return chosen

    def error(self, problem: str, way_out: str = "", code: str = "untraced") -> TracingError:
        """The error to raise: a way out, and the problem, at the line that is running."""
        return self._fail(TracingError, problem, way_out, code)

    def needs_size(self, problem: str) -> SizeRequired:
        """The error to raise where only fixed sizes will do, with what is traced for every size."""
        way_out = next((out for part, out in _FOR_EVERY_SIZE.items() if part in problem), "")
        failure = self._fail(SizeRequired, problem, way_out, "needs-sizes")
        assert isinstance(failure, SizeRequired)
        return failure

    def _fail(
        self, kind: type[TracingError], problem: str, way_out: str, code: str
    ) -> TracingError:
        file, line = _place_in_rule()
        if problem.startswith("the rule "):
            problem = problem.replace("the rule", f"the {self.subject}", 1)
        message = f"{way_out}, because {problem}" if way_out else problem
        failure = kind(f"{file}:{line}: {message}" if file else message)
        failure.code, failure.file, failure.line, failure.way_out = code, file, line, way_out
        if self.failure is None:
            self.failure = failure
        return failure

    def rational(self, value: Any) -> Fraction:
        """A Python or NumPy number, exactly; a float is the shortest decimal that prints it."""
        if isinstance(value, Fraction):
            return value
        if isinstance(value, int):
            return Fraction(value)
        if isinstance(value, np.floating) and not isinstance(value, float):
            raise self.error(
                f"the constant {value} has another precision than NumPy's float64",
                "use floats of 64 bits",
                "other-numbers",
            )
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


def _place_in_rule() -> tuple[str, int | None]:
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        inside = name.startswith(_OWN_FOLDER) or any(f"/{lib}/" in name for lib in _LIBRARIES)
        if not inside and not name.startswith("<frozen"):
            return name, frame.f_lineno
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "", None


UNSEEN: Final = graph.div(graph.ZERO, graph.ZERO)
"""The result on a path that no sizes were found for: nothing is known of it."""


def explore(
    run: Callable[[Trace], Result], unseen: Result, tokens: int | None = None, fewest: int = 1
) -> list[tuple[Node, Result]]:
    """Every path through the size decisions of `run`: pairs (what the path assumes, its result).

    The assumptions are disjoint and cover every size. A path for which no sizes were found has the
    result `unseen`. `tokens` is the only number of tokens that there can be, if there is but one,
    and `fewest` how many agents there are at least.
    Raises TracingError where any path does, or where there are more than `MOST_PATHS` of them.
    """
    paths: list[tuple[Node, Result]] = []
    waiting: list[list[Node]] = [[]]
    while waiting:
        assumed = waiting.pop()
        sizes = _sizes_where(assumed, tokens, fewest)
        if sizes is None:
            paths.append((graph.conj(*assumed), unseen))
            continue
        if len(paths) >= MOST_PATHS:
            raise TracingError(
                f"more than {MOST_PATHS} branches on the numbers of agents and tokens"
            )
        trace = Trace(profile=Profile(sizes))
        result = run(trace)
        if trace.failure is not None:
            raise trace.failure
        found = trace.assumptions
        if found[: len(assumed)] != assumed:
            raise SizeRequired("the rule asks for its sizes in another order when it runs again")
        paths.append((graph.conj(*found), result))
        others = (
            [*found[:place], graph.negation(found[place])]
            for place in range(len(assumed), len(found))
        )
        waiting.extend(others)
    return paths


def _sizes_where(
    conditions: Sequence[Node], tokens: int | None, fewest: int
) -> Mapping[Axis, int] | None:
    """Numbers of agents and tokens at which conditions on them hold; None where none were found."""
    return next(
        (
            sizes
            for sizes in _candidates(conditions, tokens)
            if sizes[Axis.AGENTS] >= fewest
            and all(ground(condition, sizes) is graph.TRUE for condition in conditions)
        ),
        None,
    )


def _candidates(conditions: Sequence[Node], tokens: int | None) -> Iterator[Mapping[Axis, int]]:
    """The sizes to try: ordinary ones, all small ones, and those near the conditions' constants."""
    leaves = {leaf for condition in conditions for leaf in graph.subnodes(condition)}
    named = {int(leaf.data) for leaf in leaves if leaf.op == "const"}
    near = sorted({c + step for c in named for step in (-1, 0, 1) if 8 < c + step <= LARGEST_TWIN})
    counts = [*range(1, 9), *near]
    ordinary = tuple(ORDINARY_SIZES.values())
    for agents, count in dict.fromkeys([ordinary, *product(counts, counts)]):
        yield {Axis.AGENTS: agents, Axis.TOKENS: tokens or count}
