"""A command that is imported when it is asked for: a list of commands needs its first sentence."""

from importlib import import_module
from typing import Any

import click


class Later(click.Command):
    """A command of another module, in whose place it stands in a group until it is used.

    `summary` is the first sentence of its help.
    """

    def __init__(self, name: str, home: str, summary: str) -> None:
        super().__init__(name, help=summary)
        self._home = home

    def loaded(self) -> click.Command:
        """The command itself; `home` is `module:attribute`."""
        module, _, attribute = self._home.partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """The context of the command itself, which click then goes on with."""
        return self.loaded().make_context(*arguments, **options)
