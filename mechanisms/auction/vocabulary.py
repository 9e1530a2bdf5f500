"""The vocabulary that every agent of an auction shares: tokens are numbers, and mean one thing."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property


class VocabularyMismatch(ValueError):
    """Two agents do not share one vocabulary; the message names both and the first difference."""


@dataclass(frozen=True)
class Vocabulary:
    """The text of every token, and which tokens end a text.

    `decoder` is for vocabularies whose tokens are not whole characters; without one the text of a
    sequence is the text of its tokens, joined.

    Raises ValueError where there is no token, or an end token that does not exist.

    >>> Vocabulary(("<end>", "Fly", " away"), frozenset({0})).decode([1, 2])
    'Fly away'
    """

    pieces: tuple[str, ...]
    end: frozenset[int] = frozenset()
    decoder: Callable[[Sequence[int]], str] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.pieces:
            raise ValueError("a vocabulary needs at least one token")
        outside = [token for token in self.end if not 0 <= token < len(self.pieces)]
        if outside:
            raise ValueError(f"the end token {outside[0]} is not one of {len(self.pieces)} tokens")

    def __len__(self) -> int:
        return len(self.pieces)

    @cached_property
    def fingerprint(self) -> str:
        """Of the tokens in their order and of the end tokens; sixteen hexadecimal digits."""
        digest = hashlib.sha256()
        for piece in self.pieces:
            text = piece.encode("utf-8", "surrogatepass")
            digest.update(len(text).to_bytes(8, "big") + text)
        digest.update(repr(sorted(self.end)).encode())
        return digest.hexdigest()[:16]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a sequence of tokens; end tokens have none."""
        shown = [token for token in tokens if token not in self.end]
        if self.decoder is not None:
            return self.decoder(shown)
        return "".join(self.pieces[token] for token in shown)


def check_shared(names: Sequence[str], vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """The one vocabulary of all; raises VocabularyMismatch.

    >>> a, b = Vocabulary(("Fly", "away")), Vocabulary(("Fly", "home"))
    >>> check_shared(["Alora", "Norvik"], [a, b])
    Traceback (most recent call last):
    ...
    tokenauction.mechanisms.auction.vocabulary.VocabularyMismatch: agents 'Alora' and 'Norvik' do \
not share one vocabulary: token 1 is 'away' for the one and 'home' for the other
    """
    first = vocabularies[0]
    for name, other in zip(names, vocabularies, strict=True):
        if other is not first and other.fingerprint != first.fingerprint:
            raise VocabularyMismatch(
                f"agents {names[0]!r} and {name!r} do not share one vocabulary: "
                f"{_difference(first, other)}"
            )
    return first


def _difference(one: Vocabulary, other: Vocabulary) -> str:
    for token, (a, b) in enumerate(zip(one.pieces, other.pieces, strict=False)):
        if a != b:
            return f"token {token} is {a!r} for the one and {b!r} for the other"
    if len(one) != len(other):
        return f"{len(one)} tokens and {len(other)}"
    return f"the end tokens are {sorted(one.end)} and {sorted(other.end)}"
