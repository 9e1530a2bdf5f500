"""Where in a user's file an exception came from.

It imports nothing of ours, so that files can be loaded and listed without what decides claims.
"""

import traceback


def line_in(file: str, problem: BaseException) -> int | None:
    """The last line of a file that an exception passed through."""
    lines = [f.lineno for f in traceback.extract_tb(problem.__traceback__) if f.filename == file]
    return lines[-1] if lines else None
