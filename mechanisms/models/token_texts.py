"""What the tokens of a tokenizer are as text, so that a text follows from its tokens (extra `llm`).

A token is the text that it adds in mid-sentence. One that is no whole character is the bytes that
its name stands for: in the alphabet of byte-level tokenizers, or as `<0x0A>`. Where the tokenizer
reads whole tokens otherwise in other places, or a name stands for no bytes, tokens do not join, and
the text is the tokenizer's own.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tokenauction.mechanisms.auction.vocabulary import Vocabulary
from tokenauction.mechanisms.models.backend import byte_level_alphabet

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_NO_CHARACTER = "\ufffd"


def vocabulary_of(tokenizer: Any, size: int, end: frozenset[int]) -> Vocabulary:
    """The first `size` tokens of a tokenizer, each with its text in mid-sentence.

    A token that is no whole character is shown by its name in the tokenizer.
    """
    anchor = tokenizer.encode("a", add_special_tokens=False)
    texts = _decoded(tokenizer, [anchor, *([*anchor, token] for token in range(size))])
    before, names = texts[0], tokenizer.convert_ids_to_tokens(list(range(size)))
    pieces = tuple(
        text[len(before) :] if _is_whole(text, before) else str(name)
        for text, name in zip(texts[1:], names, strict=True)
    )
    names_of_parts = {
        token: pieces[token] for token, text in enumerate(texts[1:]) if not _is_whole(text, before)
    }
    parts = _parts(names_of_parts, before, texts[1:])
    if parts is not None and not _whole_ones_join(tokenizer, anchor, before, pieces, parts):
        parts = None
    return Vocabulary(
        pieces, end, lambda tokens: _decoded(tokenizer, [list(tokens)])[0], parts=parts
    )


def _parts(names: Mapping[int, str], before: str, texts: Sequence[str]) -> dict[int, bytes] | None:
    """The bytes of tokens that are no whole characters; None where a name does not tell them."""
    alphabet, parts = byte_level_alphabet(), {}
    for token, name in names.items():
        part = _bytes_of(name, alphabet)
        if part is None or before + part.decode("utf-8", "replace") != texts[token]:
            return None
        parts[token] = part
    return parts


def _decoded(tokenizer: Any, rows: Sequence[Sequence[int]]) -> list[str]:
    found: list[str] = tokenizer.batch_decode(
        rows, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    return found


def _is_whole(text: str, before: str) -> bool:
    return text.startswith(before) and _NO_CHARACTER not in text


def _whole_ones_join(
    tokenizer: Any,
    anchor: Sequence[int],
    before: str,
    pieces: Sequence[str],
    parts: Mapping[int, bytes],
) -> bool:
    """Whether whole tokens read as their pieces after other ones too: upwards, and downwards."""
    upwards = [token for token in range(len(pieces)) if token not in parts]
    orders = (upwards, upwards[::-1])
    read = _decoded(tokenizer, [[*anchor, *order] for order in orders])
    joined = [before + "".join(pieces[token] for token in order) for order in orders]
    return read == joined


def _bytes_of(name: str, alphabet: Mapping[str, int]) -> bytes | None:
    """The bytes that the name of a token stands for; None where it stands for none."""
    if named := _BYTE.fullmatch(name):
        return bytes.fromhex(named[1])
    if name and all(character in alphabet for character in name):
        return bytes(alphabet[character] for character in name)
    return None
