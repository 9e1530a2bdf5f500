"""Random straight-line programs, as text that can be read and run again.

A program has the names `bids`, `dists`, `n` and `T` (their lengths), `np` (NumPy), `xp` (the array
API namespace), `own` (what `bids.__array_namespace__()` is) and `sum_of_greater`. Its functions and
their parameters are those of the trace's own tables. While it is drawn, it runs on NumPy at one
profile: what NumPy refuses there is drawn again. The trace has no part in it.
"""

import inspect
import itertools
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import CodeType
from typing import Any, Final

import array_api_compat.numpy
import numpy as np

from fuzzing.arguments import Scene, arguments
from tokenauction.mechanisms import sum_of_greater
from tokenauction.proofs.core.tracing.signatures import METHODS, NUMPY, STANDARD, Form
from tokenauction.proofs.results.assignment import Assignment

ARITHMETIC: Final = ("+", "-", "*", "/", "+", "*", "**", "//")
BITS: Final = ("&", "|", "^")
COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
BINARY: Final = (*ARITHMETIC, "@", *BITS, *COMPARISONS)
UNARY: Final = ("-", "+", "~", "abs")
IN_PLACE: Final = tuple(f"{one}=" for one in (*ARITHMETIC, *ARITHMETIC, *BITS))
ATTRIBUTES: Final = ("T", "mT", "T", "mT", "shape[0]", "shape[-1]", "size", "ndim")
SIZES: Final = ((2, 3), (3, 2), (2, 2), (1, 3), (2, 1), (3, 3), (1, 1))
MOST_ELEMENTS: Final = 24
MOST_AXES: Final = 4
LARGEST: Final = 1e5
TRIES: Final = 25


# What a program is -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """Its lines, and the profiles at which it runs: that of the drawing first."""

    lines: tuple[str, ...]
    profiles: tuple[Assignment, ...]

    @property
    def sizes(self) -> tuple[int, int]:
        return self.profiles[0].agents, self.profiles[0].tokens

    def __str__(self) -> str:
        agents, tokens = self.sizes
        return "\n".join((f"# {agents} agents, {tokens} tokens", *self.lines))


@cache
def compiled(line: str) -> CodeType:
    """A line as Python runs it."""
    return compile(line, "<program>", "exec")


# The library that programs run on ----------------------------------------------------------------


class Plain:
    """A library of NumPy's, in which memory that nobody has written is not zero by luck."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._library, name)
        return _marked(found) if name in ("empty", "empty_like") else found


def _marked(make: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        found = make(*args, **kwargs)
        if isinstance(found, np.ndarray):
            found[...] = np.nan if found.dtype.kind == "f" else 1
        return found

    return call


def on_numpy(profile: Assignment) -> dict[str, Any]:
    """The names of a program that runs on NumPy."""
    return {
        "np": Plain(np),
        "xp": Plain(array_api_compat.numpy),
        "own": Plain(np),
        "sum_of_greater": sum_of_greater,
        "bids": np.array(profile.bids, dtype=float),
        "dists": np.array(profile.dists, dtype=float),
        "n": profile.agents,
        "T": profile.tokens,
    }


def is_variable(name: str) -> bool:
    """Whether a name is of a value of the program, and not of a library."""
    return name in ("bids", "dists") or (name[0] == "v" and name[1:].isdigit())


# The functions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Function:
    """A function as a program calls it; a method has the array before it."""

    text: str
    signature: inspect.Signature
    is_method: bool = False


def _library(prefix: str, library: Any, *tables: Mapping[str, Form]) -> list[Function]:
    """What the tables have of a library."""
    names = dict.fromkeys(name for table in tables for name in table)
    return [
        Function(f"{prefix}.{name}", next(t[name] for t in tables if name in t).signature)
        for name in names
        if _has(library, name)
    ]


def _has(library: Any, name: str) -> bool:
    for part in name.split("."):
        if not hasattr(library, part):
            return False
        library = getattr(library, part)
    return True


_PLAIN_CALLS: Final = {name: form for name, form in NUMPY.items() if not name.endswith("reduce")}
FUNCTIONS: Final[tuple[tuple[Function, ...], ...]] = tuple(
    map(
        tuple,
        (
            _library("np", np, NUMPY),
            _library("xp", array_api_compat.numpy, STANDARD, _PLAIN_CALLS),
            _library("own", np, _PLAIN_CALLS),
            [Function(name, form.signature, is_method=True) for name, form in METHODS.items()],
        ),
    )
)
_SUM_OF_GREATER: Final = Function("sum_of_greater", inspect.signature(sum_of_greater))
_WEIGHTS: Final = (3, 3, 1, 3)


# Drawing -----------------------------------------------------------------------------------------


def draw(seed: int, lengths_open: bool = False) -> Program:
    """The program of a seed; with open lengths, it names them and takes few parts of axes."""
    rng = random.Random(seed)
    agents, tokens = rng.choices(SIZES, weights=(6, 5, 3, 2, 2, 2, 1))[0]
    profiles = tuple(_profile(rng, agents, tokens, kind) for kind in ("plain", "ties", "zeros"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Program(tuple(_Drawing(rng, profiles[0], lengths_open).lines()), profiles)


def _profile(rng: random.Random, agents: int, tokens: int, kind: str) -> Assignment:
    """Numbers of few bits, so that floats compute with them as with the real numbers."""
    bids = [Fraction(rng.randint(1, 40), 8) for _ in range(agents)]
    if kind == "ties":
        bids = [rng.choice(bids[:2]) for _ in bids]
    if kind == "zeros":
        bids = [bid * rng.randint(0, 1) for bid in bids]
        bids[rng.randrange(agents)] = Fraction(1)
    rows = [_row(rng, tokens, kind) for _ in range(agents)]
    if kind == "ties" and rng.random() < 0.5:
        rows = [rows[0]] * agents
    return Assignment(bids=tuple(bids), dists=tuple(rows))


def _row(rng: random.Random, tokens: int, kind: str) -> tuple[Fraction, ...]:
    """A distribution in sixteenths."""
    least = 0 if kind == "zeros" else 1
    cuts = sorted(rng.randint(0, 16 - least * tokens) for _ in range(tokens - 1))
    if kind == "ties":
        cuts = [cut - cut % 4 for cut in cuts]
    ends = [0, *cuts, 16 - least * tokens]
    return tuple(Fraction(high - low + least, 16) for low, high in itertools.pairwise(ends))


class _Drawing:
    """One program while it is drawn, with NumPy's values of what it has so far."""

    def __init__(self, rng: random.Random, profile: Assignment, lengths_open: bool) -> None:
        self.rng = rng
        self.lengths_open = lengths_open
        self.names = on_numpy(profile)
        self.count = 0

    def lines(self) -> Iterator[str]:
        """The lines; each runs on NumPy, except perhaps the last."""
        yield from self._accepted(self._new_memory, fresh=True)
        for _ in range(self.rng.randint(3, 11)):
            yield from self._step()
        if self.rng.random() < 0.03:
            yield from self._refused_by_numpy()

    @property
    def scene(self) -> Scene:
        values = {
            name: value
            for name, value in self.names.items()
            if is_variable(name) or name in ("n", "T")
        }
        return Scene(self.rng, values, self.lengths_open)

    def _step(self) -> Iterator[str]:
        kind = self.rng.random()
        if kind < 0.36:
            return self._accepted(self._call, view=self.rng.random() < 0.3)
        if kind < 0.54:
            return self._accepted(self._operation)
        if kind < 0.68:
            return self._accepted(self._element, view=self.rng.random() < 0.5)
        if kind < 0.85:
            return self._change(self._operation_in_place)
        if kind < (0.86 if self.lengths_open else 0.93):
            return self._change(self._assignment)
        return self._accepted(self.rng.choice((self._constant, self._name, self._attribute)))

    # Statements that make a value

    def _new_memory(self) -> str:
        text = self.rng.choice(("bids * 1", "dists + 0", "dists * 2", "dists.copy()", "bids / 2"))
        return text if self.rng.random() < 0.5 else self._call()

    def _call(self) -> str:
        scene = self.scene
        functions = self.rng.choices(FUNCTIONS, weights=_WEIGHTS)[0]
        function = self.rng.choice(functions)
        if self.rng.random() < 0.01:
            function = _SUM_OF_GREATER
        parameters = list(function.signature.parameters.values())
        if function.is_method:
            first = self._first()
            texts = arguments(scene, function.signature, [first], self.names[first])
            return f"{first}.{function.text}({', '.join(texts[1:])})"
        given, value = [], None
        if parameters[0].name in _TAKES_ARRAY:
            given = [self._first()]
            value = self.names[given[0]]
        else:
            value = self.names[scene.array()]
        return f"{function.text}({', '.join(arguments(scene, function.signature, given, value))})"

    def _first(self) -> str:
        """The first argument of a call: an array, mostly of numbers, now and then a scalar."""
        scene = self.scene
        if scene.chance(0.1):
            return scene.name(lambda value: hasattr(value, "dtype")) or "bids"
        if scene.chance(0.6):
            return scene.name(lambda v: isinstance(v, np.ndarray) and v.dtype != bool) or "dists"
        return scene.array()

    def _operation(self) -> str:
        scene = self.scene
        left = self._first()
        kind = self.rng.random()
        if kind < 0.15:
            operator = self.rng.choice(UNARY)
            return f"abs({left})" if operator == "abs" else f"{operator}{left}"
        operator = self.rng.choice(ARITHMETIC if kind < 0.6 else BINARY)
        right = scene.partner(self.names[left])
        if self.rng.random() < 0.3:
            left, right = right, left
        return f"{left} {operator} {right}"

    def _element(self) -> str:
        name = self.scene.array()
        return f"{name}[{self.scene.key(self.names[name])}]"

    def _attribute(self) -> str:
        return f"{self.scene.array()}.{self.rng.choice(ATTRIBUTES)}"

    def _constant(self) -> str:
        kind = self.rng.random()
        if kind < 0.5:
            return self.scene.number()
        return f"xp.asarray({self.scene.constants(self.rng.randint(1, 3))})"

    def _name(self) -> str:
        return self.scene.name() or "bids"

    def _accepted(
        self, make: Callable[[], str], view: bool = False, fresh: bool = False
    ) -> Iterator[str]:
        """A line that gives a value a name, once NumPy takes one that is asked for."""
        for _ in range(TRIES):
            text = make()
            value = self._value(text)
            if isinstance(value, tuple | list) and value and not text.startswith("["):
                place = self.rng.randrange(len(value))
                text, value = f"{text}[{place}]", value[place]
            if not _is_good(value) or (view and not self._is_view(value)):
                continue
            if fresh and not (_is_writable(value) and value.size > 1 and not self._shares(value)):
                continue
            line = f"v{self.count} = {text}"
            self.count += 1
            self._run(line)
            yield line
            return

    def _value(self, text: str) -> Any:
        try:
            with np.errstate(all="ignore"):
                return eval(text, self.names)
        except Exception:
            return None

    def _run(self, line: str) -> None:
        with np.errstate(all="ignore"):
            exec(compiled(line), self.names)

    # Statements that change one

    def _target(self) -> str | None:
        """An array that the program may change, one that others look at more often."""
        scene = self.scene
        if scene.chance(0.5):
            seen = scene.name(lambda value: self._may_change(value) and self._shares(value, 2))
            if seen:
                return seen
        if scene.chance(0.1):  # a scalar, which an operation in place does not change
            return scene.name(lambda v: np.ndim(v) == 0 and not isinstance(v, np.ndarray))
        return scene.name(self._may_change)

    def _may_change(self, value: Any) -> bool:
        inputs = (self.names["bids"], self.names["dists"])
        mine = _is_writable(value) and not any(np.shares_memory(value, one) for one in inputs)
        return mine or (isinstance(value, np.ndarray) and self.rng.random() < 0.002)

    def _operation_in_place(self) -> str:
        name = self._target()
        if name is None or name in ("n", "T"):
            return "1 / 0"
        partner = self.scene.partner(self.names[name])
        return f"{name} {self.rng.choice(IN_PLACE)} {partner}"

    def _assignment(self) -> str:
        name = self._target()
        if name is None:
            return "1 / 0"
        key = self.scene.key(self.names[name])
        part = self._value(f"{name}[{key}]")
        return f"{name}[{key}] = {self.scene.partner(part)}"

    def _change(self, make: Callable[[], str]) -> Iterator[str]:
        """A line that changes a value; what it changes stays of a decent size."""
        for _ in range(TRIES):
            line = make()
            saved = {name: np.copy(value) for name, value in self._arrays().items()}
            try:
                self._run(line)
            except Exception:
                continue
            if all(map(_is_good, (v for k, v in self.names.items() if is_variable(k)))):
                yield line
                return
            for name, value in self._arrays().items():
                if name in saved and value.flags.writeable:
                    value[...] = saved[name]

    def _arrays(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self.names.items()
            if is_variable(name) and isinstance(value, np.ndarray)
        }

    def _refused_by_numpy(self) -> Iterator[str]:
        """A line at which NumPy raises."""
        for _ in range(TRIES):
            make = self.rng.choice((self._call, self._operation, self._element))
            text = make()
            if self._raises(text):
                yield f"v{self.count} = {text}"
                return

    def _raises(self, text: str) -> bool:
        try:
            with np.errstate(all="ignore"):
                eval(text, self.names)
        except Exception:
            return True
        return False

    # Memory

    def _shares(self, value: Any, least: int = 1) -> bool:
        """Whether so many variables look at memory of an array."""
        found = 0
        for one in self._arrays().values():
            found += np.shares_memory(one, value)
            if found >= least:
                return True
        return False

    def _is_view(self, value: Any) -> bool:
        return isinstance(value, np.ndarray) and self._shares(value)


_TAKES_ARRAY: Final = frozenset(
    ("a", "x", "x1", "array", "arr", "m", "A", "b", "bids", "values", "prototype")
)
"""The names of first parameters that take an array."""


def _is_writable(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.flags.writeable


def _is_good(value: Any) -> bool:
    """Whether a value is one to go on with: of a kind that is traced, small, and mostly finite."""
    if isinstance(value, bool | int | float) and not isinstance(value, np.generic):
        return abs(value) <= LARGEST
    if not isinstance(value, np.ndarray | np.generic):
        return False
    if value.dtype not in (np.bool_, np.int64, np.float64):
        return False
    if value.size > MOST_ELEMENTS or value.ndim > MOST_AXES:
        return False
    sizes = np.abs(np.where(np.isfinite(value), value, 0).astype(float))
    return bool((sizes <= LARGEST).all())
