"""Numbers as a person reads them: exact ones as they are, rounded ones with the digits that matter.

A report keeps every digit; a text has as many as tell its numbers apart, and six at least.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

_FEWEST: Final = 6
_MOST: Final = 17
_TINY: Final = -99
_LARGE: Final = 15
_DECIMAL: Final = re.compile(r"-?\d+(\.\d*)?([eE][-+]?\d+)?")


def shortener(texts: Iterable[str]) -> Callable[[str], str]:
    """What shortens the rounded numbers among some texts, so that those that differ still do.

    >>> short = shortener(["0.88079707797788244", "0.88079707000000000", "1/3"])
    >>> short("0.88079707797788244"), short("1/3"), short("1.38e-434294482")
    ('0.88079708', '1/3', '~0')
    """
    decimals = {text for text in texts if _is_rounded(text) and not _is_tiny(text)}
    digits = _FEWEST
    while digits < _MOST and len({_rounded(text, digits) for text in decimals}) < len(decimals):
        digits += 1

    def shorten(text: str) -> str:
        if not _is_rounded(text):
            return text
        return "~0" if _is_tiny(text) else _rounded(text, digits)

    return shorten


def fraction(text: str) -> Fraction:
    """The number that a text of a report is; what is under 1e-99 is zero.

    Raises ValueError for what is no number.
    """
    if _is_rounded(text) and _is_tiny(text):
        return Fraction(0)
    if _is_rounded(text) and Decimal(text).adjusted() > 10**4:
        raise ValueError(f"{text} is too large a number")
    return Fraction(text)


def _is_rounded(text: str) -> bool:
    return bool(_DECIMAL.fullmatch(text)) and any(mark in text for mark in ".eE")


def _is_tiny(text: str) -> bool:
    return Decimal(text) == 0 or Decimal(text).adjusted() < _TINY


def _rounded(text: str, digits: int) -> str:
    with localcontext() as context:
        context.prec = digits
        number = +Decimal(text)
    if not -_FEWEST < number.adjusted() < _LARGE:
        return f"{number.normalize():e}".replace("e+", "e")
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
