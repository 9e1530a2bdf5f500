"""TRUSTED CORE. Every step of a function twice: on floats as NumPy does it, and on exact numbers.

NumPy's arrays of objects are not its arrays of floats: a conversion copies the one and not the
other, a store rounds in one only, a function may know only one of them. So a step is made on both,
with the same arguments, and the float side, the *twin*, is the truth about all but the values.

Guarantee: a step returns only where proofs/core/judging/same_step.py finds that it did the same on
both sides; anything else ends the run. There is no table of functions: what differs is refused,
whatever its name.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tokenauction.proofs.core.evaluation.exact import Exact
from tokenauction.proofs.core.judging.exact_numbers import NoExactRun, Run
from tokenauction.proofs.core.judging.pairs import FLOAT64, Arguments, Pair, like
from tokenauction.proofs.core.judging.same_step import SameStep

Functions = tuple[Callable[..., Any], Callable[..., Any]]
"""A function for the twins' side and for the exact side: the same one, or a method of each."""


class Lockstep(Run):
    """One run of a function on pairs, which are of the class `kind`.

    A `loose` run has balls around its inputs, and floats that are rounded as they come: it bounds
    how far rounding moves a result, and proves nothing.
    """

    def __init__(self, kind: type[Pair], algebra: Exact, loose: bool = False) -> None:
        super().__init__(algebra)
        self.kind = kind
        self.loose = loose
        self.modules: dict[Any, Any] = {}

    def step(
        self,
        functions: Functions,
        args: Sequence[Any],
        options: dict[str, Any],
        owner: Pair | None = None,
    ) -> Any:
        """What a function returns for arguments among which there are pairs.

        `owner` is the pair whose method it is. Raises what the function raises on both sides, and
        NoExactRun or Undecided where the run ends.
        """
        if self.failure is not None:
            raise self.failure
        given = Arguments(self, owner)
        twin_args, exact_args = given.sides(list(args))
        given.operands = twin_args[:2]
        twin_options, exact_options = given.sides(options)
        same = SameStep(self, self.kind, functions[0], given)
        twin, twin_problem = self._tried(functions[0], twin_args, twin_options)
        exact, exact_problem = self._tried(functions[1], exact_args, exact_options)
        if twin_problem is not None:
            raise same.raised(twin_problem, exact_problem, exact)
        if exact_problem is not None:
            same.fail(f"exact numbers cannot do it ({exact_problem})")
        result = same.result(twin, exact)
        same.settle_arguments()
        return result

    def _tried(
        self, function: Callable[..., Any], args: list[Any], options: dict[str, Any]
    ) -> tuple[Any, Exception | None]:
        try:
            return function(*args, **options), None
        except (NoExactRun, RecursionError, MemoryError):
            raise
        except Exception as problem:
            if self.failure is not None:
                raise self.failure from problem
            return None, problem

    def call(self, function: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
        """What a function returns: in lockstep, or of constants alone, as arrays of the run.

        An array that shares the memory of a plain one stays plain, so that a change of the one is
        a change of the other.
        """
        if _has_pair(args) or _has_pair(options):
            return self.step((function, function), args, options)
        found = function(*args, **options)
        given = [one for one in (*args, *options.values()) if isinstance(one, np.ndarray)]
        if isinstance(found, np.ndarray) and any(np.shares_memory(found, one) for one in given):
            return found
        return self._lifted(found)

    def _lifted(self, found: Any) -> Any:
        if isinstance(found, list | tuple):
            return like(found, [self._lifted(one) for one in found])
        if isinstance(found, np.ndarray) and found.dtype == FLOAT64:
            return self.kind(self, found, self.constants(found))
        return found


def _has_pair(value: Any) -> bool:
    if isinstance(value, dict):
        return _has_pair(list(value.values()))
    if isinstance(value, list | tuple):
        return any(_has_pair(one) for one in value)
    return isinstance(value, Pair)
