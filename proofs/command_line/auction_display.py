"""What an auction looks like: the text as it is written, coloured by who pulled it, and who pays.

Each agent has a colour and an emphasis of its own, so that a terminal without colours still tells
them apart; piped output is plain.
"""

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tokenauction.mechanisms.auction import Outcome, Step
from tokenauction.mechanisms.experiments.pullers import puller
from tokenauction.proofs.command_line.display import table

_STYLES = (
    "cyan",
    "magenta underline",
    "yellow bold",
    "green italic",
    "blue underline bold",
    "red italic underline",
)


def style(agent: int) -> str:
    """An agent's colour and emphasis."""
    return _STYLES[agent % len(_STYLES)]


class LiveText:
    """The text while it is written, on a terminal; nothing where output is piped or a file."""

    def __init__(self, names: Sequence[str], prompt: str, shown: bool) -> None:
        self._text = Text()
        self._live: Live | None = None
        if shown and sys.stdout.isatty():
            legend = [Text(name, style=style(i)) for i, name in enumerate(names)]
            console = Console()
            console.print(Text("pulled by ").append_text(Text(", ").join(legend)), end="\n\n")
            self._text.append(prompt, style="dim")
            self._live = Live(self._text, console=console, refresh_per_second=12)

    def __enter__(self) -> "LiveText":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def live(self) -> bool:
        """Whether the text has been shown as it was written."""
        return self._live is not None

    def step(self, step: Step) -> None:
        """One token more."""
        pulled_by = puller(step.settlement.pulls)
        self._text.append(step.piece, style=None if pulled_by is None else style(pulled_by))


def payments(outcome: Outcome, about: str) -> str:
    """The table of payments, and what the auction was."""
    pulled = _pulled(outcome)
    count = len(outcome.steps)
    expected = outcome.expected if _has_expected(outcome) else None
    rows = [
        [
            name,
            f"{outcome.bids[i]:g}",
            f"{outcome.realised[i]:.4f}",
            "-" if expected is None else f"{expected[i]:.4f}",
            f"{pulled.count(i)} of {count}",
        ]
        for i, name in enumerate(outcome.names)
    ]
    total = "-" if expected is None else f"{expected.sum():.4f}"
    rows.append(["revenue", "", f"{outcome.revenue:.4f}", total, ""])
    heading = ["agent", "bid a token", "pays", "expected", "tokens pulled"]
    tokens = "1 token" if count == 1 else f"{count} tokens"
    return f"{table(heading, rows)}\n{tokens}, {outcome.stopped}; {about}\n"


def steps_table(outcome: Outcome) -> str:
    """Every token: its probability in the aggregate, for every agent, and what each agent pays."""
    names = outcome.names
    heading = ["token", "pulled by", "probability"]
    heading += [f"{name} wants" for name in names] + [f"{name} pays" for name in names]
    rows = [
        [
            repr(step.piece) if step.piece else "(end)",
            "-" if agent is None else names[agent],
            f"{step.settlement.probability:.4f}",
            *(f"{value:.4f}" for value in step.settlement.wanted),
            *(f"{value:.4f}" for value in step.settlement.realised),
        ]
        for step, agent in zip(outcome.steps, _pulled(outcome), strict=True)
    ]
    return table(heading, rows)


def as_json(outcome: Outcome, about: dict[str, Any], explain: bool = False) -> dict[str, Any]:
    """A run as one object of the schema `tokenauction.run/1`; with `explain`, its steps too."""
    expected = outcome.expected if _has_expected(outcome) else None
    pulled = _pulled(outcome)
    found: dict[str, Any] = {
        "schema": "tokenauction.run/1",
        **about,
        "seed": outcome.seed,
        "text": outcome.text,
        "tokens": len(outcome.steps),
        "stopped": outcome.stopped,
        "revenue": outcome.revenue,
        "agents": [
            {
                "name": name,
                "bid": float(outcome.bids[i]),
                "pays": float(outcome.realised[i]),
                "expected": None if expected is None else float(expected[i]),
                "pulled": pulled.count(i),
            }
            for i, name in enumerate(outcome.names)
        ],
    }
    if explain:
        found["steps"] = [_step_as_json(outcome.names, step) for step in outcome.steps]
    return found


def _step_as_json(names: Sequence[str], step: Step) -> dict[str, Any]:
    """One token; the lists have a number for each agent."""
    settlement, agent = step.settlement, puller(step.settlement.pulls)
    expected = settlement.expected
    return {
        "token": settlement.token,
        "piece": step.piece,
        "pulled_by": None if agent is None else names[agent],
        "probability": settlement.probability,
        "wanted": settlement.wanted.tolist(),
        "pulls": settlement.pulls.tolist(),
        "expected": None if expected is None else expected.tolist(),
        "realised": settlement.realised.tolist(),
    }


def _pulled(outcome: Outcome) -> list[int | None]:
    return [puller(step.settlement.pulls) for step in outcome.steps]


def _has_expected(outcome: Outcome) -> bool:
    return all(step.settlement.expected is not None for step in outcome.steps)
