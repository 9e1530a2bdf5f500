"""The arguments of a property a little beside others: every number moved, every equality kept.

A number is moved by a share that depends on the place that it stands in and on its value, so that
bids that two arguments share stay the same in both, and zeros stay zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final
from zlib import crc32

from tokenauction.proofs.core.claims.quantities import QUANTITIES

_STEPS: Final = (Fraction(1, 10**4), Fraction(-1, 10**4), Fraction(1, 10**6), Fraction(-1, 10**6))


def moved_arguments(
    arguments: Mapping[str, Any], distributions: Mapping[str, str]
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Arguments and distributions beside those given, at a few small steps.

    >>> [found, *_] = moved_arguments({"bids": "1 1 0", "agent": 0}, {})
    >>> one, other, zero = found[0]["bids"].split()
    >>> one != other, zero, found[0]["agent"]
    (True, '0', 0)
    """
    for step in _STEPS:
        moved = {name: _moved(name, given, step) for name, given in arguments.items()}
        yield moved, {name: _row(row, step) for name, row in distributions.items()}


def _moved(name: str, given: Any, step: Fraction) -> Any:
    """An argument moved: every number of an array, and no other."""
    if name not in QUANTITIES or not QUANTITIES[name].axes:
        return given
    move = _row if QUANTITIES[name].domain == "distribution" else _bids
    return move(given, step) if isinstance(given, str) else [move(row, step) for row in given]


def _bids(text: str, step: Fraction) -> str:
    return _text([x * _factor(step, f"{j} {x}") for j, x in enumerate(_numbers(text))])


def _row(text: str, step: Fraction) -> str:
    moved = [p * _factor(step, f"{t} {text}") for t, p in enumerate(_numbers(text))]
    return _text([p / sum(moved) for p in moved])


def _factor(step: Fraction, place: str) -> Fraction:
    """One, and between half and all of a step."""
    return 1 + step * (1 + Fraction(crc32(place.encode()) % 1000, 1000)) / 2


def _numbers(text: str) -> list[Fraction]:
    return [Fraction(number) for number in text.split()]


def _text(numbers: Sequence[Fraction]) -> str:
    return " ".join(map(str, numbers))
