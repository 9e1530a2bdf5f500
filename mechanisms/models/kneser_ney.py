"""Interpolated Kneser–Ney: from n-grams that occur to the probabilities of the next token.

Chen and Goodman (1998), "An empirical study of smoothing techniques for language modeling",
modified Kneser–Ney: every count gives up a discount, and what is given up goes to the next shorter
context. Shorter contexts count in how many ways an n-gram can begin, not how often it occurs.

Guarantee: interpolating a distribution at any context gives a distribution, and keeps it positive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# What stands before a text: in contexts only, never a token.
BEFORE = -1


@dataclass(frozen=True, eq=False)
class Level:
    """The contexts of one length, each with its followers in a stretch of the arrays.

    A stretch is the place of the first follower, the place after the last, and the mass left for
    shorter contexts. `shares` are the discounted probabilities of `followers`.
    """

    stretches: Mapping[tuple[int, ...], tuple[int, int, float]]
    followers: Array
    shares: Array

    @classmethod
    def of(cls, grams: Array, counts: Array, novelty: float) -> "Level":
        """Of the different n-grams in lexicographic order, shape (n-grams, n), and their counts."""
        new = np.any(grams[1:, :-1] != grams[:-1, :-1], axis=1)
        starts = np.concatenate([[0], np.flatnonzero(new) + 1])
        sizes = np.diff(starts, append=len(grams))
        discounts = novelty * estimated_discounts(counts)[np.minimum(counts, 3)]
        totals = np.add.reduceat(counts, starts)
        shares = (counts - discounts) / np.repeat(totals, sizes)
        left = np.add.reduceat(discounts, starts) / totals
        contexts = map(tuple, grams[starts, :-1].tolist())
        stretches = zip(starts.tolist(), (starts + sizes).tolist(), left.tolist(), strict=True)
        return cls(dict(zip(contexts, stretches, strict=True)), grams[:, -1].copy(), shares)

    def interpolate(self, context: tuple[int, ...], shorter: Array) -> Array:
        """The distribution at a context, given the one at the context without its first token."""
        if context not in self.stretches:
            return shorter
        start, stop, left = self.stretches[context]
        interpolated = left * shorter
        interpolated[self.followers[start:stop]] += self.shares[start:stop]
        return interpolated

    def filled_from(self, other: "Level") -> "Level":
        """This level, and the other's contexts where this one lacks them."""
        places = len(self.followers)
        moved = {
            context: (start + places, stop + places, left)
            for context, (start, stop, left) in other.stretches.items()
        }
        return Level(
            {**moved, **self.stretches},
            np.concatenate([self.followers, other.followers]),
            np.concatenate([self.shares, other.shares]),
        )


def levels_of(texts: Sequence[Sequence[int]], end: int, order: int, novelty: float) -> list[Level]:
    """Levels from the empty context to the longest, of texts that each get an end token.

    Below the longest, an n-gram counts its different left neighbours. One that begins before the
    text has no left neighbours that tell it apart, so it counts its occurrences.
    """
    windows = _windows(texts, end, order)
    grams, counts = _counted(windows)
    levels = [Level.of(grams, counts, novelty)]
    for length in range(order - 1, 0, -1):
        grams, continuations = _counted(grams[:, 1:])
        _, occurrences = _counted(windows[:, -length:])
        counts = np.where(grams[:, 0] == BEFORE, occurrences, continuations)
        levels.append(Level.of(grams, counts, novelty))
    return levels[::-1]


def estimated_discounts(counts: Array) -> Array:
    """What counts of 0, 1, 2, and 3 or more give up (Chen and Goodman 1998, equation 26).

    The estimates need counts of one to four; where one is missing, or an estimate is not positive,
    the discounts are 1/2, 1 and 3/2.

    >>> estimated_discounts(np.array([1, 1, 2, 3, 4])).tolist()
    [0.0, 0.5, 0.5, 1.0]
    >>> estimated_discounts(np.array([1, 1, 7])).tolist()
    [0.0, 0.5, 1.0, 1.5]
    """
    once, twice, thrice, four = (int(np.count_nonzero(counts == c)) for c in (1, 2, 3, 4))
    if min(once, twice, thrice, four) > 0:
        share = once / (once + 2 * twice)
        neighbours = pairwise((once, twice, thrice, four))
        found = [c - (c + 1) * share * b / a for c, (a, b) in enumerate(neighbours, start=1)]
        if min(found) > 0:
            return np.array([0.0, *found])
    return np.array([0.0, 0.5, 1.0, 1.5])


def _windows(texts: Sequence[Sequence[int]], end: int, order: int) -> Array:
    """All n-grams that end in a token of a text or in its end, shape (n-grams, order)."""
    padding = [BEFORE] * (order - 1)
    stream = [token for text in texts for token in (*padding, *text, end)]
    grams: Array = np.lib.stride_tricks.sliding_window_view(np.array(stream), order)
    ends_in_text: Array = grams[:, -1] != BEFORE
    return np.asarray(grams[ends_in_text])


def _counted(grams: Array) -> tuple[Array, Array]:
    """The different rows in lexicographic order, and how often each occurs."""
    ordered = grams[np.lexsort(grams.T[::-1])]
    new = np.any(ordered[1:] != ordered[:-1], axis=1)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    return ordered[starts], np.diff(starts, append=len(ordered))
