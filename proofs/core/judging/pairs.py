"""TRUSTED CORE. Numbers and arrays on two sides: as NumPy has them, and exactly.

Guarantee: `Arguments` gives both sides of a step the same arguments. Constants are read as
docs/rules.md says; what names float64 names objects on the exact side; what has no exact form
(float32, a callback, an object that is not known) ends the run.
"""

from typing import Any, Final

import numpy as np

from tokenauction.proofs.core.judging.exact_numbers import WAY_OUT, Run

FLOAT64: Final = np.dtype(np.float64)
OBJECT: Final = np.dtype(object)
_NOTHING: Final = (None, Ellipsis, np._NoValue)


class Pair:
    """A number or an array: what NumPy has (`twin`), and the same in exact numbers (`exact`).

    The twin is an array of float64, a float64 scalar, or a Python float; the exact side an array of
    objects, or one ExactNumber.
    """

    __slots__ = ("exact", "steps", "twin")

    def __init__(self, steps: Any, twin: Any, exact: Any) -> None:
        self.steps = steps
        self.twin = twin
        self.exact = exact

    @property
    def is_array(self) -> bool:
        """Whether it can be changed in place."""
        return isinstance(self.twin, np.ndarray)


class Arguments:
    """The arguments of one step: on each side, and the pairs and arrays among them.

    `numbers` has every number and array of numbers as it was before the step; `operands` the
    arguments of an operator, on the twins' side.
    """

    def __init__(self, run: Run, owner: Pair | None) -> None:
        self.run = run
        self.pairs: list[Pair] = []
        self.plain: list[Any] = []
        self.numbers: list[Any] = []
        self.operands: list[Any] = []
        if owner is not None:
            self._of_pair(owner)

    @property
    def arrays(self) -> list[Pair]:
        """The pairs that can be changed in place, each once."""
        return list({id(pair.twin): pair for pair in self.pairs if pair.is_array}.values())

    def sides(self, value: Any, keyword: str = "") -> tuple[Any, Any]:
        """An argument as the twins' side is given it, and as the exact side is."""
        if isinstance(value, Pair):
            return self._of_pair(value)
        if isinstance(value, list | tuple):
            both = [self.sides(one, keyword) for one in value]
            return like(value, [one for one, _ in both]), like(value, [two for _, two in both])
        if isinstance(value, dict):
            named = {key: self.sides(one, key) for key, one in value.items()}
            return {k: one for k, (one, _) in named.items()}, {
                k: two for k, (_, two) in named.items()
            }
        if isinstance(value, np.ndarray):
            if keyword == "out":
                self.run.fail(f"the rule stores into an array of its own: {WAY_OUT}")
            return self._of_plain_array(value)
        if isinstance(value, bool | np.bool_ | int | np.integer | float):
            self.numbers.append(np.abs(np.float64(value)))
            return value, self.run.number(value) if isinstance(value, float) else value
        if isinstance(value, slice | range) or any(value is one for one in _NOTHING):
            return value, value
        if isinstance(value, str | type | np.dtype):
            value = plain_type(value)
            return value, self._kind_of_number(value, keyword)
        return self.run.fail(f"the rule gives a {type(value).__name__} to a function of NumPy")

    def _of_pair(self, pair: Pair) -> tuple[Any, Any]:
        self.pairs.append(pair)
        self.numbers.append(np.abs(pair.twin))
        return pair.twin, pair.exact

    def _of_plain_array(self, array: Any) -> tuple[Any, Any]:
        """An array of constants. It may not be changed: the two sides would change it twice."""
        if type(array) is not np.ndarray or not (
            array.dtype.kind in "biu" or array.dtype == FLOAT64
        ):
            self.run.fail(f"the rule computes with an array of {array.dtype}, not of float64")
        shown = array.view()
        shown.flags.writeable = False
        self.plain.append(shown)
        self.numbers.append(np.abs(array.astype(FLOAT64)))
        if array.dtype != FLOAT64:
            return shown, shown
        exact = self.run.constants(array)
        exact.flags.writeable = False
        return shown, exact

    def _kind_of_number(self, value: Any, keyword: str) -> Any:
        """Text and types as the exact side is given them: where they mean float64, objects."""
        if isinstance(value, str) and keyword != "dtype" and len(value) < 2:
            return value  # an order in memory, or an index of einsum
        try:
            dtype = np.dtype(value)
        except (TypeError, ValueError, SyntaxError):  # text that means something else
            return value
        if dtype == FLOAT64:
            return OBJECT
        if dtype.kind in "fcO" or (keyword == "dtype" and dtype.kind not in "biu"):
            self.run.fail(f"the rule computes in {dtype}, not in float64")
        return value


def plain_type(value: Any) -> Any:
    """What stands for Python's `float` in a run, as `float` itself; anything else as it is."""
    stands_for = isinstance(value, type) and issubclass(value, float)
    return float if stands_for and not issubclass(value, np.generic) else value


def like(sequence: Any, items: list[Any]) -> Any:
    """A list, tuple or named tuple with other items."""
    return type(sequence)(*items) if hasattr(sequence, "_fields") else type(sequence)(items)
