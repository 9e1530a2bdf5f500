"""The options by which commands are told of agents and bids, and what they are read into.

Nothing here imports an auction or a model: help and completion are to be quick.
"""

from collections.abc import Callable
from typing import Any

import click

from tokenauction.proofs.command_line.console import fail
from tokenauction.proofs.command_line.report_options import count, together

SCENARIO_NAMES = ("co-marketing", "competing")

Command = Callable[..., Any]


class Pairs(click.ParamType[tuple[str, str]]):
    """`NAME=VALUE`; a value alone has the empty name where that is allowed."""

    name = "NAME=VALUE"

    def __init__(self, alone: bool = False) -> None:
        self._alone = alone

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, rest = str(value).partition("=")
        if equals and name and name.isprintable():
            return name, rest
        if equals or not self._alone:
            said = "write it as NAME=VALUE, with a name that can be printed"
            self.fail(f"{said}, not {value!r}", param, ctx)
        return "", str(value)


class Bids(click.ParamType[tuple[float, ...]]):
    """Numbers with commas between them."""

    name = "B1,B2,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(
                f"bids are numbers with commas between them, as 2,1, not {value!r}", param, ctx
            )


class Nonce(click.ParamType[str]):
    """Sixteen bytes in hexadecimal."""

    name = "HEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from tokenauction.mechanisms.auction.randomness import checked_nonce

        try:
            return checked_nonce(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


agents = together(
    click.argument("scenario", required=False, type=click.Choice(SCENARIO_NAMES)),
    click.option(
        "--corpus",
        "corpora",
        multiple=True,
        type=Pairs(),
        help="An n-gram agent trained on a text file, as NAME=FILE; a line is a text. Repeat it.",
    ),
    click.option(
        "--model",
        "models",
        multiple=True,
        type=Pairs(alone=True),
        help="A causal model for all agents, by its folder, or hub:NAME to fetch it from the hub;"
        " NAME=PATH for one of an agent's own. Needs the extra `llm`.",
    ),
    click.option(
        "--agent",
        "prompts",
        multiple=True,
        type=Pairs(),
        help="An agent of a causal model, as NAME=PROMPT: what that agent reads first. Repeat it.",
    ),
    click.option(
        "--device", help="Where causal models run, as cuda or cpu (default: cuda if any)."
    ),
    click.option("--dtype", help="Of causal models (default: bfloat16 on cuda, float32 on cpu)."),
)

seed = count("--seed", 129, "Of the random numbers: the same seed writes the same text.", least=0)


def asked(scenario: str | None, options: dict[str, Any]) -> Any:
    """The agents that the options of `agents` ask for, which are taken out of the options."""
    from tokenauction.proofs.command_line.auction_setup import AgentsAsked

    told: dict[str, Any] = {
        name: _by_name(options.pop(name)) for name in ("corpora", "models", "prompts")
    }
    told |= {name: options.pop(name) for name in ("device", "dtype")}
    try:
        return AgentsAsked(scenario, **told)
    except ValueError as problem:
        fail(str(problem))


def _by_name(pairs: tuple[tuple[str, str], ...]) -> dict[str, str] | None:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            fail(
                f"{name or 'a model of all agents'!r} is given twice; give each agent its own name"
            )
    return dict(pairs) or None
