"""The process of the command `tokenauction`: quick to interrupt, and quiet about it.

An interrupt ends the process with status 130, while it still imports and while it reads its
arguments; a command that has results to keep handles interrupts itself (`command_line/`). Nothing
that takes time is imported before that holds.
"""

import os
import signal
from typing import Any

from tokenauction.proofs.results.exit_status import INTERRUPTED


def main(*arguments: Any, **options: Any) -> Any:
    """Run the command line, on `sys.argv` or on a list of arguments; the options are click's."""
    signal.signal(signal.SIGINT, _end)
    from tokenauction.proofs.command_line import commands

    return commands.main(*arguments, **options)


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
