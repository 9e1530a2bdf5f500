"""The arguments that a shell completes: targets and properties, by name."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from tokenauction.theory import PROPERTIES


class TargetType(click.ParamType[str]):
    """A shipped rule or mechanism, or a Python file."""

    name = "target"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names and files that start so."""
        from tokenauction.mechanisms import CATALOGUE, MECHANISMS

        names = [n for n in [*CATALOGUE, *MECHANISMS] if n.startswith(incomplete)]
        files = sorted(str(path) for path in Path().glob(f"{incomplete}*.py"))
        return [CompletionItem(text) for text in [*names, *files]]


class PropertyType(click.ParamType[str]):
    """A property that can be decided."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The properties whose names start so."""
        return [
            CompletionItem(name, help=prop.summary)
            for name, prop in PROPERTIES.items()
            if name.startswith(incomplete)
        ]
