"""N-gram language models as agents, counted when asked; nothing is downloaded.

The probabilities are interpolated Kneser–Ney (`kneser_ney.py`). Agents of small texts are to write
together, so discounts may be cut down (`novelty`), and agents may share a `background`, which knows
what comes after the words of the others.

Guarantee: after every prompt and all tokens the preferred distribution sums to one up to rounding,
and every token has positive probability.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokenauction.mechanisms.auction.vocabulary import Vocabulary, check_shared
from tokenauction.mechanisms.models.kneser_ney import BEFORE, Array, Level, levels_of
from tokenauction.mechanisms.models.word_pieces import WordPieces

# A character without a word piece: in contexts only, never met.
_UNKNOWN = -2


@dataclass(frozen=True, eq=False)
class NGram:
    """An agent that prefers what followed the last few tokens in its training texts.

    `levels` are its contexts of lengths zero to `order - 1`.

    >>> texts = ["Fly to the coast.", "Fly to the city.", "Sail to the coast."]
    >>> agent = NGram.train("Alora Air", texts, WordPieces.train(texts))
    >>> likely = agent.next_distribution("Fly to the", []).argmax()
    >>> agent.vocabulary.pieces[likely]
    ' coast'
    """

    name: str
    pieces: WordPieces
    description: Mapping[str, str]
    levels: tuple[Level, ...]
    temperature: float = 1

    @classmethod
    def train(
        cls,
        name: str,
        texts: Sequence[str],
        pieces: WordPieces,
        order: int = 5,
        *,
        novelty: float = 1,
        background: "NGram | None" = None,
        temperature: float = 1,
    ) -> "NGram":
        """An agent that has read these texts; each begins afresh and ends with the end token.

        `novelty`, above 0 and at most 1, multiplies the estimated discounts: 1 is Kneser–Ney as it
        is published, less keeps closer to the texts. In a context that the texts never have, the
        agent does what the background does in it, up to the order of the background.
        `temperature`, above zero: probabilities are raised to its inverse and normalised, so that a
        lower one prefers the likely more.

        Raises ValueError without texts, for an order or a novelty out of range, and for a character
        without a piece; VocabularyMismatch for a background of other pieces.
        """
        _check(name, texts, order, novelty, temperature)
        [end] = pieces.vocabulary.end
        levels = levels_of([pieces.encode(text) for text in texts], end, order, novelty)
        description = {
            "kind": "n-gram",
            "order": str(order),
            "novelty": str(novelty),
            "temperature": str(temperature),
            "fingerprint": _fingerprint(texts),
        }
        if background is not None:
            check_shared([name, background.name], [pieces.vocabulary, background.vocabulary])
            for length, level in enumerate(background.levels[:order]):
                levels[length] = levels[length].filled_from(level)
            description |= {f"background {k}": v for k, v in background.description.items()}
        return cls(name, pieces, description, tuple(levels), temperature)

    @property
    def vocabulary(self) -> Vocabulary:
        """The word pieces, and the end token."""
        return self.pieces.vocabulary

    def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Array:
        """The preferred distribution after the prompt and the tokens so far, shape (tokens,).

        The prompt is the beginning of the text. A character of it without a piece is a context that
        the agent has never met. Raises ValueError for a token that does not exist.
        """
        context = self._context(prompt, tokens)
        preferred = np.full(len(self.vocabulary), 1 / len(self.vocabulary))
        for length, level in enumerate(self.levels):
            preferred = level.interpolate(context[len(context) - length :], preferred)
        if self.temperature == 1:
            return preferred
        weights: Array = (preferred / preferred.max()) ** (1 / self.temperature)
        weights /= weights.sum()
        return weights

    def _context(self, prompt: str, tokens: Sequence[int]) -> tuple[int, ...]:
        """The last `order - 1` of: what stands before the text, the prompt, the tokens."""
        length = len(self.levels) - 1
        recent = [int(token) for token in tokens[max(0, len(tokens) - length) :]]
        for token in recent:
            if not 0 <= token < len(self.vocabulary):
                raise ValueError(f"token {token} is not one of {len(self.vocabulary)} tokens")
        if len(recent) < length:
            recent = [BEFORE] * length + self.pieces.encode(prompt, _UNKNOWN) + recent
        return tuple(recent[len(recent) - length :])


def _check(name: str, texts: Sequence[str], order: int, novelty: float, temperature: float) -> None:
    if not texts:
        raise ValueError(f"{name}: an n-gram needs at least one text")
    if order < 1:
        raise ValueError(f"{name}: the order of an n-gram is at least 1, not {order}")
    if not 0 < novelty <= 1:
        raise ValueError(f"{name}: novelty is above 0 and at most 1, not {novelty}")
    if not temperature > 0:
        raise ValueError(f"{name}: a temperature is above 0, not {temperature}")


def _fingerprint(texts: Sequence[str]) -> str:
    """Of the training texts in their order; SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    for text in texts:
        line = text.encode("utf-8", "surrogatepass")
        digest.update(len(line).to_bytes(8, "big") + line)
    return digest.hexdigest()
