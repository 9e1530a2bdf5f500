"""The vocabulary that every agent of an auction shares: tokens are numbers, and mean one thing."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tokenauction.theory.errors import TokenauctionError


class VocabularyMismatch(TokenauctionError, ValueError):
    """Two agents do not share one vocabulary; the message names both and the first difference."""


@dataclass(frozen=True)
class Vocabulary:
    """The text of every token, and which tokens end a text.

    The text of a sequence is the text of its tokens, joined. A token that is no whole character has
    a name for its piece, and its bytes in `parts`: bytes are joined, and read as UTF-8, where those
    that are none read as U+FFFD. `decoder` is for vocabularies whose tokens do not join; where
    there are `parts` too, they join all the same, and it is how the tokenizer alone would read.

    Raises ValueError where there is no token, or an end token or part that does not exist.

    >>> Vocabulary(("<end>", "Fly", " away"), frozenset({0})).decode([1, 2])
    'Fly away'
    >>> Vocabulary(("Caf", "<1>", "<2>"), parts={1: b"\\xc3", 2: b"\\xa9"}).decode([0, 1, 2])
    'Café'
    """

    pieces: tuple[str, ...]
    end: frozenset[int] = frozenset()
    decoder: Callable[[Sequence[int]], str] | None = field(default=None, compare=False, repr=False)
    parts: Mapping[int, bytes] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.pieces:
            raise ValueError("a vocabulary needs at least one token")
        for what, tokens in (("end token", self.end), ("part", self.parts or ())):
            for token in tokens:
                if not 0 <= token < len(self.pieces):
                    raise ValueError(f"the {what} {token} is not one of {len(self)} tokens")

    def __len__(self) -> int:
        return len(self.pieces)

    @cached_property
    def fingerprint(self) -> str:
        """Of the tokens in their order, parts and end tokens; sixteen hexadecimal digits."""
        digest = hashlib.sha256()
        for piece in self.pieces:
            text = piece.encode("utf-8", "surrogatepass")
            digest.update(len(text).to_bytes(8, "big") + text)
        digest.update(repr(sorted(self.end)).encode())
        if self.parts:
            digest.update(repr(sorted(self.parts.items())).encode())
        return digest.hexdigest()[:16]

    @property
    def joins(self) -> bool:
        """Whether a text is what its tokens are, one after the other."""
        return self.decoder is None or self.parts is not None

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of a sequence of tokens; end tokens have none."""
        if not self.joins:
            return self.decode_in_context(tokens)
        shown = [token for token in tokens if token not in self.end]
        if not self.parts:
            return "".join(self.pieces[token] for token in shown)
        return b"".join(map(self._bytes, shown)).decode("utf-8", "replace")

    def decode_in_context(self, tokens: Sequence[int]) -> str:
        """The text as the tokenizer alone reads it, where there is one."""
        if self.decoder is None:
            return self.decode(tokens)
        return self.decoder([token for token in tokens if token not in self.end])

    def _bytes(self, token: int) -> bytes:
        part = (self.parts or {}).get(token)
        return self.pieces[token].encode("utf-8", "surrogatepass") if part is None else part


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
    if one.end != other.end:
        return f"the end tokens are {sorted(one.end)} and {sorted(other.end)}"
    return "the tokens that are parts of characters are not of the same bytes"
