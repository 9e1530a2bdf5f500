"""The name that was meant by one that is not known."""

import difflib
from collections.abc import Iterable


def near_to(name: str, known: Iterable[str]) -> list[str]:
    """The one of some names that may be meant by another, whatever its case; or none.

    >>> near_to("LINEAR", ["linear", "cap"]), near_to("nothing", ["linear", "cap"])
    (['linear'], [])
    """
    lower = {one.lower(): one for one in known}
    return [lower[one] for one in difflib.get_close_matches(name.lower(), list(lower), n=1)]
