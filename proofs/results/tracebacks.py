"""Where in a user's file an exception came from, and what it says, on one line.

It imports nothing of ours, so that files can be loaded and listed without what decides claims.
"""

import traceback


def line_in(file: str, problem: BaseException) -> int | None:
    """The last line of a file that an exception passed through."""
    lines = [f.lineno for f in traceback.extract_tb(problem.__traceback__) if f.filename == file]
    return lines[-1] if lines else None


def on_one_line(problem: BaseException) -> str:
    """The kind of an exception and what it says.

    >>> on_one_line(ValueError("no\\nsuch rule")), on_one_line(KeyboardInterrupt())
    ('ValueError: no such rule', 'KeyboardInterrupt')
    """
    return " ".join(f"{type(problem).__name__}: {problem}".split()).removesuffix(":")
