"""Arguments that may fit: for each parameter of the trace's tables, plausible values as text.

What is drawn is right often, and not always: a call that NumPy refuses is drawn again.
"""

import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

NUMBERS: Final = ("0", "1", "2", "3", "-1", "-2", "0.5", "1.5", "-0.25", "2.0", "0.0", "-0.0")
SCALARS: Final = ("np.float64(0.5)", "np.float64(2.0)", "np.int64(2)", "np.int64(-1)", "np.True_")
TRUTHS: Final = ("True", "False")
FLOATS: Final = ("np.float64", "xp.float64", "float", "'float64'", "bids.dtype")
DTYPES: Final = (*FLOATS * 3, "np.int64", "int", "bool", "np.bool_", "xp.int64")
LETTERS: Final = "ijkl"


@dataclass(frozen=True)
class Scene:
    """What can be named when an argument is drawn: the variables, with NumPy's values.

    With open lengths, the numbers of agents and tokens are not written out, and axes are kept.
    """

    rng: random.Random
    values: Mapping[str, Any]
    lengths_open: bool = False

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def name(self, fits: Callable[[Any], bool] = lambda value: True) -> str | None:
        """A variable whose value fits, recent ones more often; None where there is none."""
        names = [name for name, value in self.values.items() if fits(value)]
        if not names:
            return None
        late = names[-3:] if self.chance(0.4) else names
        return self.rng.choice(late)

    def array(self) -> str:
        """A variable that is an array."""
        return self.name(lambda value: isinstance(value, np.ndarray)) or "dists"

    def number(self) -> str:
        """A number of Python or NumPy, written out, or the name of one."""
        if self.chance(0.25):
            return self.name(lambda value: np.ndim(value) == 0) or "2"
        return self.rng.choice(SCALARS if self.chance(0.2) else NUMBERS)

    def partner(self, first: Any) -> str:
        """What can be combined with a value: an array that fits it, a list, or a number."""
        kind = self.rng.random()
        if kind < 0.5:
            fits = self.name(lambda value: np.ndim(value) > 0 and _spread(first, value))
            return fits or self.number()
        if kind < 0.62 and np.ndim(first) and not self.lengths_open:
            return self.constants(np.shape(first)[-1])
        return self.number()

    def constants(self, length: int) -> str:
        """A row of numbers: a list, or an array that NumPy has made."""
        truths = self.chance(0.1)
        row = ", ".join(self.rng.choice(TRUTHS if truths else NUMBERS) for _ in range(length))
        return f"[{row}]" if self.chance(0.6) or not length else f"np.array([{row}])"

    def axis(self, ndim: int) -> str:
        """An axis, counted from the front or from the back."""
        return str(self.rng.randrange(-ndim, ndim)) if ndim else "0"

    def axes(self, ndim: int) -> str:
        """An axis, None, or several."""
        if self.chance(0.2):
            return "None"
        if ndim > 1 and self.chance(0.15):
            return str(tuple(self.rng.sample(range(ndim), 2)))
        return self.axis(ndim)

    def order(self, ndim: int) -> str:
        """A reordering of the axes."""
        return str(tuple(self.rng.sample(range(ndim), ndim)))

    def shape(self, first: Any) -> str:
        """A shape that an array may be given, with the numbers of agents and tokens by name."""
        lengths = list(np.shape(first))
        kind = self.rng.random()
        if kind < 0.25:
            lengths = [int(np.prod(lengths))]
        elif kind < 0.5:
            lengths.insert(self.rng.randint(0, len(lengths)), 1)
        elif kind < 0.65:
            lengths.reverse()
        elif kind < 0.75:
            lengths = [self.rng.randint(1, 3), *lengths]
        if lengths and self.chance(0.3):
            lengths[self.rng.randrange(len(lengths))] = -1
        return f"({', '.join(map(self.length, lengths))}{',' * (len(lengths) == 1)})"

    def length(self, length: int) -> str:
        """A length, as a number or by the name that it has."""
        named = [name for name in ("n", "T") if self.values.get(name) == length]
        named_more = 1 if self.lengths_open else 0.6
        return self.rng.choice(named) if named and self.chance(named_more) else str(length)

    def position(self, length: int) -> str:
        """A position on an axis."""
        return str(self.rng.randrange(-length, length)) if length else "0"

    def positions(self, length: int) -> str:
        """Several positions: a list, an array, or the name of an array of whole numbers."""
        whole = self.name(lambda v: np.ndim(v) > 0 and bool(v.dtype == np.int64))
        if whole and self.chance(0.4):
            return whole
        listed = [self.position(length) for _ in range(self.rng.randint(1, 3))]
        text = f"[{', '.join(listed)}]"
        return text if self.chance(0.6) else f"xp.asarray({text})"

    def key(self, value: Any) -> str:
        """An index of an array."""
        shape = np.shape(value)
        parts = [self._key_part(length) for length in shape]
        if parts and self.chance(0.3):
            parts = parts[: self.rng.randrange(len(parts) + 1)]
        if self.chance(0.25):
            parts.insert(self.rng.randint(0, len(parts)), "None")
        if self.chance(0.15):
            parts.insert(self.rng.randint(0, len(parts)), "...")
        if not parts:
            return self.rng.choice(("...", "()"))
        return ", ".join(parts)

    def _key_part(self, length: int) -> str:
        kind = self.rng.random()
        if self.lengths_open and not self.chance(0.05):
            return ":" if kind < 0.8 else "0"
        if kind < 0.35:
            return self.position(length)
        if kind < 0.9:
            return self.rng.choice((":", ":", ":", "1:", ":-1", "::-1", "::2", ":1", "-1:", "0:n"))
        if kind < 0.97:
            return self.positions(length)
        return self.name(lambda v: isinstance(v, np.ndarray) and v.dtype == np.bool_) or ":"


def _spread(left: Any, right: Any) -> bool:
    """Whether the shapes of two values can be spread over one another."""
    try:
        np.broadcast_shapes(np.shape(left), np.shape(right))
    except ValueError:
        return False
    return True


# By the names of parameters ----------------------------------------------------------------------

Draw = Callable[[Scene, Any], str]


def _one_of(*texts: str) -> Draw:
    return lambda scene, first: scene.rng.choice(texts)


def _bound(scene: Scene, first: Any) -> str:
    return "None" if scene.chance(0.35) else scene.partner(first)


def _mask(scene: Scene, first: Any) -> str:
    found = scene.name(lambda v: np.ndim(v) > 0 and np.asarray(v).dtype == np.bool_)
    return found or scene.array()


def _alike(scene: Scene, first: Any) -> str:
    """Several arrays, mostly of one shape."""
    listed = [scene.array()]
    shape = np.shape(scene.values[listed[0]])
    for _ in range(scene.rng.randint(0, 2)):
        listed.append(scene.name(lambda value: np.shape(value) == shape) or listed[0])
    text = ", ".join(listed)
    return f"[{text}]" if scene.chance(0.6) else f"({text},)"


def _pairs_of_axes(scene: Scene, first: Any) -> str:
    if scene.chance(0.4):
        return scene.order(np.ndim(first))
    return scene.rng.choice(("0", "1", "2", "(0, 0)", "([0], [0])", "([-1], [0])", "None"))


def _einsum(scene: Scene, first: Any) -> str:
    operands = [scene.array() for _ in range(scene.rng.randint(1, 2))]
    letters = [scene.rng.sample(LETTERS, np.ndim(scene.values[one])) for one in operands]
    used = list(dict.fromkeys("".join(map("".join, letters))))
    kept = "".join(scene.rng.sample(used, scene.rng.randint(0, len(used))))
    output = f"->{kept}" if scene.chance(0.7) else ""
    return f"'{','.join(map(''.join, letters))}{output}', {', '.join(operands)}"


def _flag_mostly(usual: str, other: str) -> Draw:
    return lambda scene, first: usual if scene.chance(0.85) else other


def _number(scene: Scene, first: Any) -> str:
    return scene.number()


def _axis(scene: Scene, first: Any) -> str:
    return scene.axis(np.ndim(first))


def _made_of(scene: Scene, first: Any) -> str:
    kind = scene.rng.random()
    return scene.array() if kind < 0.7 else scene.partner(first) if kind < 0.9 else scene.number()


PLAUSIBLE: Final[Mapping[str, Draw]] = {
    "axis": lambda scene, first: scene.axes(np.ndim(first)),
    "axis1": _axis,
    "axis2": _axis,
    "source": _axis,
    "destination": _axis,
    "axes": _pairs_of_axes,
    "dtype": lambda scene, first: scene.rng.choice((*DTYPES, "None")),
    "keepdims": _one_of("True", "False"),
    "kind": _one_of("None", "'stable'", "'stable'", "'quicksort'"),
    "stable": _one_of("True", "None", "True", "False"),
    "descending": _one_of("True", "False"),
    "ddof": _flag_mostly("0", "1"),
    "correction": _flag_mostly("0", "1"),
    "include_initial": _flag_mostly("False", "True"),
    "initial": _number,
    "mode": _flag_mostly("'raise'", "'clip'"),
    "copy": _one_of("True", "None", "False"),
    "order": _flag_mostly("'C'", "'F'"),
    "casting": _one_of("'same_kind'", "'unsafe'", "'safe'"),
    "shape": lambda scene, first: scene.shape(first),
    "indices": lambda scene, first: scene.positions(max(np.shape(first), default=1)),
    "min": _bound,
    "max": _bound,
    "a_min": _bound,
    "a_max": _bound,
    "repeats": _one_of("1", "2"),
    "reps": _one_of("2", "(2,)", "(1, 2)", "(2, 1)"),
    "shift": _one_of("1", "-1", "2"),
    "fill_value": _number,
    "start": _one_of("0", "1", "3", "n", "T"),
    "stop": _one_of("3", "4", "n", "T", "None"),
    "step": _one_of("1", "2", "-1"),
    "N": _one_of("2", "n", "T"),
    "M": _one_of("None", "3", "n"),
    "n_rows": _one_of("2", "n", "T"),
    "n_cols": _one_of("None", "3", "n"),
    "k": _one_of("0", "1", "-1"),
    "weights": lambda scene, first: "None" if scene.chance(0.2) else scene.partner(first),
    "ord": _one_of("None", "1", "2", "np.inf"),
    "condition": _mask,
    "arrays": _alike,
    "operands": _einsum,
    "object": _made_of,
    "obj": _made_of,
}
"""Values by the names of parameters; what has another name is given an array, or its default."""


SELDOM: Final = frozenset(
    ("order", "initial", "include_initial", "ddof", "correction", "mode", "casting")
)
"""Parameters that mostly keep their default, since the trace understands few other values."""


def text_of(scene: Scene, parameter: inspect.Parameter, first: Any) -> str:
    """A value for a parameter of a call whose first argument has the value `first`."""
    optional = parameter.default is not parameter.empty
    if optional and parameter.name not in PLAUSIBLE:
        return "np._NoValue" if parameter.default is np._NoValue else repr(parameter.default)
    usual = 0.9 if parameter.name in SELDOM else 0.35
    if optional and parameter.default is not np._NoValue and scene.chance(usual):
        return repr(parameter.default)
    if parameter.name in PLAUSIBLE:
        return PLAUSIBLE[parameter.name](scene, first)
    return scene.partner(first)


def arguments(
    scene: Scene, signature: inspect.Signature, given: list[str], first: Any
) -> list[str]:
    """The arguments of a call as text, after those that are given: by position, then by name."""
    parameters = list(signature.parameters.values())[len(given) :]
    texts = list(given)
    by_position = True
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            texts.extend(_several(scene, parameter, first))
        elif parameter.default is parameter.empty:
            texts.append(text_of(scene, parameter, first))
        else:
            by_position = by_position and parameter.kind is not parameter.KEYWORD_ONLY
            seldom = parameter.name in SELDOM or parameter.name not in PLAUSIBLE
            if by_position and scene.chance(0.3):
                texts.append(text_of(scene, parameter, first))
            else:
                by_position = False
                if scene.chance(0.03 if seldom else 0.35):
                    texts.append(f"{parameter.name}={text_of(scene, parameter, first)}")
    return texts


def _several(scene: Scene, parameter: inspect.Parameter, first: Any) -> list[str]:
    """What a parameter such as `*shape` is given: one tuple, or one argument for each part."""
    match parameter.name:
        case "operands":
            return [_einsum(scene, first)]
        case "shape":
            text = scene.shape(first)
            return [text if scene.chance(0.6) else text[1:-1].rstrip(",") or "()"]
        case "axes":
            text = scene.order(np.ndim(first))
            return [] if scene.chance(0.3) else [text if scene.chance(0.6) else text[1:-1] or "()"]
        case _:
            return [scene.array(), scene.partner(first)]
