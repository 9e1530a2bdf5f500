"""The arguments that a shell completes: targets and properties, by name."""

import re
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from tokenauction.mechanisms import CATALOGUE, MECHANISMS
from tokenauction.proofs.verdict import Scope
from tokenauction.theory import PROPERTIES

LARGEST_SIZE: Final = 50


class TargetType(click.ParamType[str]):
    """A shipped rule or mechanism, or a Python file."""

    name = "target"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names and files that start so."""
        names = [n for n in [*CATALOGUE, *MECHANISMS] if n.startswith(incomplete)]
        files = sorted(str(path) for path in Path().glob(f"{incomplete}*.py"))
        return [CompletionItem(text) for text in [*names, *files]]


class ScopeType(click.ParamType[Scope]):
    """The sizes that a proof has to cover: `all`, or agents by tokens, as `3x4`."""

    name = "all|NxT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Scope:
        """The scope that a user names."""
        if isinstance(value, Scope):
            return value
        text = str(value).strip().lower()
        if text == "all":
            return Scope()
        found = re.fullmatch(r"([1-9]\d?)[x×]([1-9]\d?)", text)
        if found is None or max(map(int, found.groups())) > LARGEST_SIZE:
            self.fail(
                f"{value!r} is no scope: it is all, or agents by tokens up to {LARGEST_SIZE}, as "
                "3x4.",
                param,
                ctx,
            )
        return Scope.up_to(*map(int, found.groups()))


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
