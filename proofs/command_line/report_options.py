"""The options of a command that reports as text or as one JSON document, to a file if one is named.

`proofs/reports/outputs.py` has those of the commands that write several formats at once.
"""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

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
