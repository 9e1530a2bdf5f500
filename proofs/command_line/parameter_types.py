"""The arguments that a shell completes: targets and properties, by name."""

import re
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from tokenauction.mechanisms import CATALOGUE, MECHANISMS, PAYMENTS
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


class RuleType(click.ParamType[str]):
    """An aggregation rule, or a Python file; with `mechanisms`, a rule with a payment too."""

    name = "rule"

    def __init__(self, mechanisms: bool = False) -> None:
        self._mechanisms = mechanisms

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """What a target can be, without the mechanisms where nobody pays by the rule."""
        left_out = {} if self._mechanisms else MECHANISMS
        items = TargetType().shell_complete(ctx, param, incomplete)
        return [item for item in items if item.value not in left_out]


class PaymentType(click.ParamType[str]):
    """What is charged: a word of its own, a shipped payment rule, or one of a Python file."""

    name = "payment"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names and files that start so."""
        shipped = [*CATALOGUE, *MECHANISMS]
        names = [n for n in ("critical-bid", "none", *PAYMENTS) if n.startswith(incomplete)]
        items = TargetType().shell_complete(ctx, param, incomplete)
        files = [item for item in items if item.value not in shipped]
        return [*map(CompletionItem, names), *files]


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
