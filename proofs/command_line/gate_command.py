"""The command `gate`: what a project requires of its rules, against what is locked."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from tokenauction.proofs import report, supervisor
from tokenauction.proofs.cli import INTERRUPTED
from tokenauction.proofs.command_line.console import fail
from tokenauction.proofs.command_line.display import Display, fitted, takes_colour
from tokenauction.proofs.command_line.report_options import to_file
from tokenauction.proofs.gate import checking, executors
from tokenauction.proofs.gate.configuration import BadConfiguration
from tokenauction.proofs.gate.lock import BadLock
from tokenauction.proofs.reports import github, outputs

_COLOURS: Final = {"pass": "green", "WARN": "yellow", "FAIL": "red"}


@click.command(
    "gate",
    epilog="""\b
Examples:
  tokenauction gate --update
  tokenauction gate
  tokenauction gate --fresh --jobs 4
  tokenauction gate --format github --format sarif=tokenauction.sarif
  tokenauction gate --executor dask://scheduler:8786

\b
Exit status:
  0    the gate is open: whatever is required is proved, and nothing got worse
  1    it is closed: something is refuted, got worse, or the lock is stale
  2    wrong usage, or a rule or configuration that cannot be used
  3    it is closed only because something is unknown
  130  interrupted

What is required stands in pyproject.toml, in the table [tool.tokenauction].
""",
)
@click.option("--update", is_flag=True, help="Write tokenauction.lock anew.")
@click.option("--fresh", is_flag=True, help="Decide every claim anew, whatever is locked.")
@click.option(
    "--recheck", is_flag=True, help="Prove every locked proof again, by the method that is locked."
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The pyproject.toml.  [default: the nearest, here or above]",
)
@click.option(
    "--jobs", type=click.IntRange(1, 1024), help="Processes at once.  [default: processors]"
)
@click.option(
    "--executor",
    default="local",
    show_default=True,
    metavar="local|dask://HOST:PORT",
    help="Where claims are decided.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of verdicts reached before.  [default: .tokenauction-cache]",
)
@outputs.option
@to_file
def gate_command(config: Path | None, update: bool, **options: Any) -> None:
    """Check what a project requires of its rules, against what was locked.

    Rules that are the functions they were when they were locked are not decided again; the rest is,
    and what is now known less of than was locked closes the gate.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = outputs.settled(options.pop("outputs"), options.pop("output"))
    try:
        project = checking.project(config)
        known = checking.locked(project, update, _say)
        with Display() as display:
            asked = checking.Options(
                update=update,
                progress=display.progress,
                decided=lambda row: _tell(display, row),
                **options,
            )
            made = checking.checked(project, known, asked)
    except (BadConfiguration, BadLock, supervisor.Failed, executors.NoExecutor) as problem:
        _fail(str(problem), wanted)
    if update and not made.updated and not made.interrupted:
        _say("the lock was not written")
    for message in made.unusable:
        _say(message)
    outputs.deliver(
        wanted,
        outputs.renderers(
            made.findings(),
            text=lambda output: _shown(made.text(), output),
            json=lambda: report.to_json(made.as_json()),
        ),
    )
    if made.interrupted:
        _end_interrupted(outputs.where(wanted))
    sys.exit(made.exit_status())


def _shown(text: str, output: outputs.Output) -> str:
    """The text, its verdicts coloured in a terminal; the words say the same."""
    if output.file is not None:
        return text
    text = fitted(text)
    if not takes_colour():
        return text
    lines = []
    for line in text.splitlines():
        sign, space, rest = line.partition("  ")
        colour = _COLOURS.get(sign)
        lines.append(f"{click.style(sign, fg=colour)}{space}{rest}" if colour else line)
    return "\n".join(lines) + "\n"


def _fail(message: str, wanted: Sequence[outputs.Output]) -> NoReturn:
    """End for what cannot be used; said in the annotations too, where those are asked for."""
    if any(one.format == "github" and one.file is None for one in wanted):
        click.echo(github.error(message))
    fail(message)


def _say(message: str) -> None:
    click.echo(f"tokenauction: {message}", err=True)


def _tell(display: Display, row: Any) -> None:
    """A line for a log: a claim that had to be decided, and how long that took."""
    display.decided()
    told = f"{row['rule']} {row['property']}: {row['status']} ({row['seconds']:.1f} s)"
    with suppress(OSError):
        click.echo(f"tokenauction: {told}", err=True)


def _end_interrupted(place: str) -> None:
    """End at once: what was decided is told, and the children end with this process."""
    click.echo(f"tokenauction: interrupted; what was decided is {place}", err=True)
    sys.stdout.flush()
    os._exit(INTERRUPTED)
