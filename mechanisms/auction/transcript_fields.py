"""The fields of a transcript as they are read: values of JSON, each of the kind that it has to be.

JSON has numbers that are whole, numbers that are not, and truth values; Python takes one for the
other. All functions raise ValueError or TypeError for what is not as a transcript is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tokenauction.mechanisms.auction.vocabulary import Vocabulary


def text_of(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def numbers_of(values: Sequence[Any]) -> Sequence[Any]:
    """A list of numbers."""
    for value in values:
        if type(value) not in (int, float):
            raise TypeError(f"{value!r} is no number")
    return values


def is_count(claimed: Any, again: int) -> bool:
    """Whether a value is this whole number."""
    return type(claimed) is int and claimed == again


def vocabulary_of(shown: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary of a first line that has its pieces."""
    pieces = tuple(text_of(piece) for piece in shown["pieces"])
    parts = _parts(shown["parts"]) if "parts" in shown else None
    return Vocabulary(pieces, frozenset(shown["end"]), parts=parts)


def check_joins(shown: Mapping[str, Any], of_agents: Vocabulary | None) -> None:
    """That a first line says how tokens make a text as its pieces, and the agents' tokenizer, do.

    A transcript from before there were parts says of every tokenizer that its tokens do not join.
    """
    joins = shown["joins"]
    if not isinstance(joins, bool) or ("parts" in shown and not joins):
        raise ValueError(f"joins is {joins!r}, and the pieces say something else")
    if of_agents is None:
        return
    recorded = _parts(shown["parts"]) if "parts" in shown else {}
    if joins and "pieces" in shown and recorded != (of_agents.parts or {}):
        raise ValueError("its parts of characters are not those of the agents")
    if joins != of_agents.joins and (joins or of_agents.decoder is None):
        raise ValueError(f"joins is {joins!r}, and the agents' vocabulary says something else")


def fingerprint_as_shown(shown: Mapping[str, Any], vocabulary: Vocabulary) -> str:
    """The fingerprint that a first line has to have of a vocabulary.

    A transcript from before there were parts has one that is without them.
    """
    known = vocabulary if shown["joins"] else replace(vocabulary, parts=None)
    return known.fingerprint


def _parts(shown: Mapping[str, str]) -> dict[int, bytes]:
    """The bytes of tokens that are no whole characters."""
    parts = {int(token): bytes.fromhex(part) for token, part in shown.items()}
    if not parts or {str(token): part.hex() for token, part in parts.items()} != shown:
        raise ValueError("parts of characters are tokens with their bytes in hexadecimal")
    return parts
