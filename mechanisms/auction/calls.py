"""Calls of rules that users wrote: what they raise is reported with its place."""

import traceback
from typing import Any

from tokenauction.mechanisms.profile_function import ProfileFunction


class RuleFailed(RuntimeError):
    """A rule raised: the message has the file, the line and what it said."""


def called(function: ProfileFunction, bids: Any, dists: Any) -> Any:
    """What a rule or a payment rule returns; raises RuleFailed, and MemoryError as it comes."""
    try:
        return function(bids, dists)
    except MemoryError:
        raise
    except Exception as problem:
        if type(problem).__name__ == "OutOfMemoryError":
            raise
        frames = traceback.extract_tb(problem.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == function.file]
        line = lines[-1] if lines else function.line
        told = f"{type(problem).__name__}: {problem}"
        raise RuleFailed(f"{function.file}:{line}: {function.name} raises {told}") from problem
