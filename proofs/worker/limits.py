"""What the child process may use, set by itself and enforced by the system.

Processor time rather than time on the wall: a loaded machine takes longer and stops nothing sooner.
The limits hold whatever runs in the process, a solver, a loop without end in a rule or a library
that never returns to Python. Where the system has no such limits, the parent's clock remains.
"""

import sys
import time
from contextlib import suppress
from math import ceil


def limit_memory(mebibytes: int) -> None:
    """Let the process have so much memory of its own; asking for more fails. On Linux only.

    Files that are mapped, and addresses that are only reserved, do not count.
    """
    if sys.platform == "linux":
        _set_soft("RLIMIT_DATA", mebibytes << 20)


def limit_seconds(seconds: float) -> None:
    """Let the process run for so many more seconds, rounded up; then the system ends it."""
    _set_soft("RLIMIT_CPU", ceil(time.process_time() + seconds))


def leave_no_core() -> None:
    """A process that is ended on purpose, or crashes in a solver, leaves no memory dump behind."""
    _set_soft("RLIMIT_CORE", 0)


def _set_soft(name: str, value: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(which, (value, hard))
