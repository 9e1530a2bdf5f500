"""The options of a command that reports as text or as one JSON document, to a file if one is named.

`proofs/command_line/outputs.py` has those of the commands that write several formats at once.
"""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

to_file: Decorator = click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    help="Write the report there instead of to standard output.",
)


def text_or_json(help_text: str) -> Decorator:
    """`--format text|json`, as the parameter `style`."""
    return click.option(
        "--format",
        "style",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help=help_text,
    )


def count(
    name: str, default: int, help_text: str, *, least: int = 1, most: int | None = None
) -> Decorator:
    """An option that is a whole number in a range."""
    kind = click.IntRange(least, most)
    return click.option(name, type=kind, default=default, show_default=True, help=help_text)


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator, in this order in the help."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def report_options(style: Decorator, explain: str) -> Decorator:
    """The options of a command that reports: `style` is its `--format`, `explain` a help text."""
    return together(style, to_file, click.option("--explain", is_flag=True, help=explain))
