"""Numbers as a person reads them: exact ones as they are, rounded ones with the digits that matter.

A report keeps every digit; a text has as many as tell its numbers apart, and six at least. Where
no digits tell a rounded number from an exact one, it says so: `~1`.
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
_EXACT: Final = re.compile(r"-?\d+(/[1-9]\d*)?")
_DECIMAL: Final = re.compile(r"-?\d+(\.\d*)?([eE][-+]?\d+)?")


def shortener(texts: Iterable[str]) -> Callable[[str], str]:
    """What shortens the rounded numbers among some texts, so that those that differ still do.

    Those that are exact count too, and zero and one.

    >>> short = shortener(["0.88079707797788244", "0.88079707000000000", "1/3"])
    >>> short("0.88079707797788244"), short("1/3"), short("1.38e-434294482")
    ('0.88079708', '1/3', '~0')
    >>> short("1.0000008315287191"), short("1.0000000000000000")
    ('1.0000008', '~1')
    """
    texts = [*texts]
    decimals = {text for text in texts if _is_rounded(text) and not _is_tiny(text)}
    exact = {Fraction(text) for text in texts if _EXACT.fullmatch(text)} | {
        Fraction(0),
        Fraction(1),
    }
    digits = _FEWEST
    while digits < _MOST and not _tell_apart(decimals, exact, digits):
        digits += 1

    def shorten(text: str) -> str:
        if not _is_rounded(text):
            return text
        if _is_tiny(text):
            return "~0"
        about = "~" if len(text) > _MOST and Fraction(_rounded(text, _MOST)) in exact else ""
        return about + _rounded(text, digits)

    return shorten


def _tell_apart(decimals: set[str], exact: set[Fraction], digits: int) -> bool:
    """Whether rounded numbers that differ from each other and from exact ones still do so."""
    shown = {text: _rounded(text, digits) for text in decimals}
    if len({*shown.values()}) < len(decimals):
        return False
    return all(
        Fraction(text) in exact or Fraction(rounded) not in exact for text, rounded in shown.items()
    )


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
