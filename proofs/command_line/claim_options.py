"""What commands that decide claims share: which claims, and how much may be spent on each."""

from collections.abc import Callable
from typing import Any

import click

from tokenauction.proofs.command_line.parameter_types import (
    LARGEST_SIZE,
    PropertyType,
    TargetType,
)
from tokenauction.proofs.command_line.report_options import together
from tokenauction.proofs.processes.child_process import MEMORY
from tokenauction.theory import DEFAULT_MECHANISM_PROPERTIES, DEFAULT_PROPERTIES

Command = Callable[..., Any]


class Seconds(click.FloatRange):
    """A number of seconds in a range; NaN, which is below and above nothing, is refused."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number, as click converts it."""
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value} is not a number.", param, ctx)
        return found


_CLAIMS = (
    click.argument("targets", metavar="TARGET...", nargs=-1, required=True, type=TargetType()),
    click.option(
        "--property",
        "properties",
        multiple=True,
        type=PropertyType(),
        help="A property to decide, by name or as file.py::name; may be repeated. "
        f"Default: of a rule {', '.join(DEFAULT_PROPERTIES)}; of a mechanism "
        f"{', '.join(DEFAULT_MECHANISM_PROPERTIES)}.",
    ),
    click.option(
        "--agents",
        type=click.IntRange(1, LARGEST_SIZE),
        help="Most agents where sizes are fixed (default: 8 in the search, 3 in exact decisions).",
    ),
    click.option(
        "--tokens",
        type=click.IntRange(1, LARGEST_SIZE),
        help="Most tokens where sizes are fixed (default: 6 in the search, 3 in exact decisions).",
    ),
)

_LIMITS = (
    click.option(
        "--budget",
        type=Seconds(0.5, 86400),
        default=60.0,
        show_default=True,
        help="Seconds of processor time that one claim, or loading a file, may take; scales the "
        "search and the solver's steps with it.",
    ),
    click.option(
        "--timeout",
        type=Seconds(0.5),
        help="Seconds on the clock after which a claim is stopped, though it waits or the machine "
        "is busy (default: ten budgets).",
    ),
    click.option(
        "--memory",
        type=click.IntRange(256),
        default=MEMORY,
        show_default=True,
        help="MiB that the child process may use for a claim (on Linux).",
    ),
)


def claims(command: Command) -> Command:
    """Add TARGET..., `--property`, `--agents` and `--tokens`."""
    return together(*_CLAIMS)(command)


def limits(command: Command) -> Command:
    """Add `--budget`, `--timeout` and `--memory`."""
    return together(*_LIMITS)(command)
