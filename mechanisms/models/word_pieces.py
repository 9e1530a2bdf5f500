"""Word pieces: how the n-gram agents cut text into tokens.

A word is a run of letters and digits with the space before it, and a punctuation mark stands
apart. Pieces are learned by byte-pair merges of characters (Sennrich, Haddow and Birch 2016,
arXiv 1508.07909) inside words; a piece that later merges have swallowed everywhere is dropped.
The first word of a text has no space before it and so has pieces of its own: that is how an n-gram
tells the start of a text from its middle.

Guarantees: joined pieces are the text, character for character. A text is cut by the longest piece
first, so a word that is a piece is one token. The same texts give the same pieces.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from tokenauction.mechanisms.auction.vocabulary import Vocabulary

# Not a word, so no text is ever cut into it.
END = "<end>"
_WORDS = re.compile(r" ?\w+(?:['’-]\w+)*| ?[^\w\s]|\s")

Pair = tuple[str, str]


@dataclass(frozen=True)
class WordPieces:
    """Tokens that are pieces of text; token 0 ends a text and is never text itself.

    >>> pieces = WordPieces.train(["Fly to the coast.", "Fly far, to the other coast."])
    >>> [pieces.pieces[token] for token in pieces.encode("Fly to the cost")]
    ['Fly', ' to', ' the', ' ', 'c', 'o', 's', 't']
    """

    pieces: tuple[str, ...]

    @classmethod
    def train(cls, texts: Sequence[str], size: int = 4000) -> "WordPieces":
        """Pieces of these texts: all their characters, and merges until there are `size` tokens.

        There are fewer where every word is a piece already, and more only where the characters
        alone are more.
        """
        words = Counter(word for text in texts for word in _WORDS.findall(text))
        characters = sorted({character for word in words for character in word})
        return cls((END, *characters, *_merged(words, size - 1 - len(characters))))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The pieces as the vocabulary of an auction."""
        return Vocabulary(self.pieces, frozenset({0}))

    def encode(self, text: str, unknown: int | None = None) -> list[int]:
        """The tokens of a text.

        A character that the training texts lack becomes `unknown`; without it, raises ValueError
        that names the character.
        """
        return [token for word in _WORDS.findall(text) for token in self._cut(word, unknown)]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; the inverse of `encode`."""
        return self.vocabulary.decode(tokens)

    @cached_property
    def _tokens(self) -> dict[str, int]:
        return {piece: token for token, piece in enumerate(self.pieces)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.pieces))

    def _cut(self, word: str, unknown: int | None) -> Iterable[int]:
        start = 0
        while start < len(word):
            stop = min(len(word), start + self._longest)
            while stop > start + 1 and word[start:stop] not in self._tokens:
                stop -= 1
            token = self._tokens.get(word[start:stop], unknown)
            if token is None:
                raise ValueError(
                    f"no word piece for the character {word[start]!r} in {word.strip()!r}: it does "
                    "not occur in the training texts; leave it out, or train on texts that have it"
                )
            yield token
            start = stop


def _merged(words: Counter[str], most: int) -> list[str]:
    """At most so many pieces of two or more characters; the commonest pair is merged first.

    Pairs that are equally common are merged in the order of their texts.
    """
    counts = _PairCounts(words)
    while len(counts.merged) < most and (pair := counts.commonest()):
        counts.merge(pair)
    return sorted(counts.merged, key=lambda piece: (-counts.uses[piece], piece))


class _PairCounts:
    """Words cut into pieces, and how often every piece and every pair of neighbours occurs.

    `merged` has the pieces of two or more characters in use. The heap may hold outdated counts; a
    pair's present count is always on it too.
    """

    def __init__(self, words: Counter[str]) -> None:
        self.frequencies = list(words.values())
        self.cuts = [list(word) for word in words]
        self.uses: Counter[str] = Counter()
        self.merged: set[str] = set()
        self.pairs: Counter[Pair] = Counter()
        self.places: defaultdict[Pair, set[int]] = defaultdict(set)
        for index in range(len(self.cuts)):
            self._count(index, +1)
        self.heap = [(-count, pair) for pair, count in self.pairs.items()]
        heapq.heapify(self.heap)

    def commonest(self) -> Pair | None:
        """The pair that occurs most; None where every word is one piece."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            if -count == self.pairs[pair] > 0:
                return pair
        return None

    def merge(self, pair: Pair) -> None:
        """Make one piece of a pair wherever it occurs."""
        changed: set[Pair] = set()
        for index in self.places.pop(pair):
            before = self.cuts[index]
            self._count(index, -1)
            self.cuts[index] = _with_pair_joined(before, pair)
            self._count(index, +1)
            changed |= _pairs(before) | _pairs(self.cuts[index])
        for other in changed:
            if self.pairs[other] > 0:
                heapq.heappush(self.heap, (-self.pairs[other], other))
        self.merged.add(pair[0] + pair[1])
        self.merged -= {piece for piece in pair if self.uses[piece] == 0}

    def _count(self, index: int, sign: int) -> None:
        cut, times = self.cuts[index], sign * self.frequencies[index]
        for piece in cut:
            self.uses[piece] += times
        for pair in pairwise(cut):
            self.pairs[pair] += times
            self.places[pair].add(index)


def _pairs(cut: list[str]) -> set[Pair]:
    return set(pairwise(cut))


def _with_pair_joined(cut: list[str], pair: Pair) -> list[str]:
    joined: list[str] = []
    position = 0
    while position < len(cut):
        if (cut[position], *cut[position + 1 : position + 2]) == pair:
            joined.append(pair[0] + pair[1])
            position += 2
        else:
            joined.append(cut[position])
            position += 1
    return joined
