"""TRUSTED CORE, though it only proposes. Which parts of two functions look alike, in floats.

They are compared by their numbers at a few profiles. What looks alike has still to be proved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.language.grounding import free_indices, ground
from tokenauction.proofs.core.runs.batch import Batch
from tokenauction.proofs.core.runs.sampling import draw

Floats = NDArray[np.float64]

_PROFILES: Final = 24
_NEAR: Final = 1e-9
_LONGEST_FACTOR: Final = 1000


@dataclass(frozen=True)
class Numbers:
    """What a part is at some profiles, for every value of its free indices in some order."""

    indices: tuple[Index, ...]
    values: Floats


class Profiles:
    """A few profiles of one size, at which parts of functions are evaluated."""

    def __init__(self, function: ProfileFunction, seen: Sequence[Node]) -> None:
        agents, tokens = 3, claims.tokens_of(function) or 3
        self.sizes = {Axis.AGENTS: agents, Axis.TOKENS: tokens}
        about = claims.claim_about(function)
        instance = next(formulas.instances(about, agents, tokens))
        constants = [float(one.data) for one in graph.subnodes(*seen) if one.op == "const"]
        rng = np.random.default_rng(0)
        columns = draw(about, instance, _PROFILES, rng, constants)
        self.batch = Batch(columns.leaves(), columns.length)

    def numbers(self, part: Node) -> Numbers | None:
        """The numbers of a part; None where it is no finite number at one of the profiles."""
        indices = tuple(sorted(free_indices(part), key=lambda index: (index.axis.name, str(index))))
        places = product(*(range(self.sizes[index.axis]) for index in indices))
        try:
            made = [ground(part, self.sizes, dict(zip(indices, p, strict=True))) for p in places]
            self.batch.run(*made)
        except (KeyError, IndexError, ValueError):
            return None
        if not all(bool(self.batch.defined(one).all()) for one in made):
            return None
        values = np.array([self.batch.value(one) for one in made], dtype=float)
        return Numbers(indices, values) if np.isfinite(values).all() else None


def factor_between(one: Numbers, other: Numbers) -> Fraction | None:
    """`c` where the second seems to be `c` times the first, with a short `c`; None otherwise.

    Both have their free indices in the same order.
    """
    axes = [[index.axis for index in numbers.indices] for numbers in (one, other)]
    if axes[0] != axes[1] or one.values.shape != other.values.shape or not one.values.any():
        return None
    place = np.unravel_index(np.argmax(np.abs(one.values)), one.values.shape)
    factor = float(other.values[place] / one.values[place])
    short = Fraction(factor).limit_denominator(_LONGEST_FACTOR)
    if short == 0 or not np.allclose(
        float(short) * one.values, other.values, rtol=_NEAR, atol=_NEAR
    ):
        return None
    return short
