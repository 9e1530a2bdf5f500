"""What goes wrong first in a function of one's own: no `return`, arguments in the wrong order."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, Final

BIDS: Final = frozenset({"bid", "bids"})
DISTS: Final = frozenset(
    {"dist", "dists", "distribution", "distributions", "preferred", "preferences", "probabilities"}
)


def are_exchanged(first: str, second: str) -> bool:
    """Whether two names of parameters are those of (bids, dists) the other way round.

    >>> are_exchanged("dists", "bids"), are_exchanged("bids", "dists"), are_exchanged("p", "b")
    (True, False, True)
    """
    first, second = first.lower(), second.lower()
    return (first in DISTS and second in BIDS) or (first, second) == ("p", "b")


def works_exchanged(function: Callable[..., Any], bids: Any, dists: Any, length: int) -> bool:
    """Whether a function that is called as (dists, bids) returns so many numbers there."""
    try:
        returned = function(dists, bids)
    except MemoryError:
        raise
    except Exception:
        return False
    return getattr(returned, "shape", None) == (length,)


def exchanged(kind: str, returns: str) -> str:
    """What to say of a function whose arguments are exchanged, behind its name."""
    return (
        f"seems to have its arguments in the wrong order: {kind} is called as (bids, dists), and "
        f"only as (dists, bids) does this one return a number for each of the {returns}"
    )


def nothing_returned(function: Callable[..., Any]) -> str:
    """What to say of a function that has returned None, with its last line where that is one.

    >>> nothing_returned(lambda bids, dists: None)
    'returns nothing (None); does it lack a `return`?'
    """
    last = _last_line(function)
    if last is None:
        return "returns nothing (None); does it lack a `return`?"
    number, text = last
    return f"returns nothing (None); does its last line, {number}: `{text}`, lack a `return`?"


def _last_line(function: Callable[..., Any]) -> tuple[int, str] | None:
    """The last statement of a function, where it can be shown and computes something."""
    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(function))
        parsed = ast.parse(textwrap.dedent("".join(lines))).body
    except (OSError, TypeError, SyntaxError):
        return None
    if len(parsed) != 1 or not isinstance(parsed[0], ast.FunctionDef):
        return None
    last = parsed[0].body[-1]
    computes = isinstance(last, ast.Expr) and not isinstance(last.value, ast.Constant)
    if not computes and not isinstance(last, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return None
    text = " ".join(ast.unparse(last).split())
    return first + last.lineno - 1, text if len(text) <= 60 else f"{text[:57]}..."
