"""Calls of rules that users wrote: what they raise is reported with its place."""

import traceback
from typing import Any

from tokenauction.mechanisms.mistakes import exchanged, nothing_returned, works_exchanged
from tokenauction.mechanisms.profile_function import ProfileFunction
from tokenauction.theory.errors import TokenauctionError


class RuleFailed(TokenauctionError, RuntimeError):
    """A rule raised: the message has the file, the line and what it said."""


def called(function: ProfileFunction, bids: Any, dists: Any) -> Any:
    """What a rule or a payment rule returns; raises RuleFailed, and MemoryError as it comes."""
    try:
        returned = function(bids, dists)
    except MemoryError:
        raise
    except Exception as problem:
        if type(problem).__name__ == "OutOfMemoryError":
            raise
        frames = traceback.extract_tb(problem.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == function.file]
        line = lines[-1] if lines else function.line
        told = f"raises {type(problem).__name__}: {problem}"
        told = _order(function, bids, dists) or told
        raise RuleFailed(f"{function.file}:{line}: {function.name} {told}") from problem
    place = f"{function.file}:{function.line}: {function.name}"
    if returned is None:
        raise RuleFailed(f"{place} {nothing_returned(function.function)}")
    length = _length(function, dists)
    wrong = getattr(returned, "shape", (length,)) != (length,)
    if wrong and (order := _order(function, bids, dists)):
        raise RuleFailed(f"{place} {order}")
    return returned


def _length(function: ProfileFunction, dists: Any) -> int:
    """How many numbers a function has to return."""
    found: int = dists.shape[1 if function.returns == "tokens" else 0]
    return found


def _order(function: ProfileFunction, bids: Any, dists: Any) -> str:
    """That the arguments of a function are exchanged, where they are; else nothing."""
    square = dists.shape[0] == dists.shape[1]
    if square or not works_exchanged(function, bids, dists, _length(function, dists)):
        return ""
    return exchanged(function.kind, function.returns)
