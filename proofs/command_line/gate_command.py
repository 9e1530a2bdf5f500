"""The command `gate`: what a project requires of its rules, against what is locked."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from tokenauction.proofs.command_line import outputs
from tokenauction.proofs.command_line.console import (
    check_apart,
    end_interrupted,
    fail,
    files_named,
    say,
    stop_children_on_interrupt,
)
from tokenauction.proofs.command_line.display import Display, fitted, takes_colour
from tokenauction.proofs.command_line.report_options import to_file
from tokenauction.proofs.gate import checking, executors
from tokenauction.proofs.gate.configuration import BadConfiguration, Configuration
from tokenauction.proofs.gate.lock import BadLock
from tokenauction.proofs.gate.same_rule import NoBase
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.reports import github
from tokenauction.proofs.results import report

_COLOURS: Final = {
    "pass": "green",
    "REFACTORED": "green",
    "WARN": "yellow",
    "UNKNOWN": "yellow",
    "STALE": "red",
    "WORSE": "red",
    "FAIL": "red",
}


@click.command(
    "gate",
    epilog="""\b
Examples:
  tokenauction gate --update
  tokenauction gate
  tokenauction gate --base origin/main
  tokenauction gate --fresh --jobs 4
  tokenauction gate --format github --format sarif=tokenauction.sarif
  tokenauction gate --executor dask://scheduler:8786

\b
Exit status:
  0    the gate is open: whatever is required is proved, and every rule is the locked one, or
       written otherwise and proved to be the same (REFACTORED)
  1    it is closed: something is refuted (FAIL), got worse (WORSE), or the lock is of something
       else (STALE)
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
    "--base",
    metavar="REV",
    help="The git revision whose rules were locked.  [default: the last that changed the lock]",
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
    and what is now known less of than was locked closes the gate. A rule that is written otherwise
    is compared with what it was: its text then is taken from the git history.
    """
    stop_children_on_interrupt()
    wanted = outputs.settled(options.pop("outputs"), options.pop("output"))
    try:
        project = checking.project(config)
        known = checking.locked(project, update, say)
        _check_files(project, config, update, options["cache"], wanted)
        with Display() as display:
            asked = checking.Options(
                update=update,
                progress=display.progress,
                decided=lambda row: _tell(display, row),
                **options,
            )
            made = checking.checked(project, known, asked)
    except (
        BadConfiguration,
        BadLock,
        NoBase,
        supervisor.Failed,
        executors.NoExecutor,
    ) as problem:
        _fail(str(problem), wanted)
    if update and not made.updated and not made.interrupted:
        say("the lock was not written")
    for message in made.unusable:
        say(message)
    outputs.deliver(
        wanted,
        outputs.renderers(
            made.findings(),
            text=lambda output: _shown(made.text(), output),
            json=lambda: report.to_json(made.as_json()),
        ),
    )
    if made.interrupted:
        say(f"interrupted; what was decided is {outputs.where(wanted)}")
        end_interrupted()
    sys.exit(made.exit_status())


def _check_files(
    project: Configuration,
    config: Path | None,
    update: bool,
    cache: Path | None,
    wanted: Sequence[outputs.Output],
) -> None:
    """End the command where a file would be written twice, or over one that is read."""
    check_apart(
        [
            *((one.option, one.file) for one in wanted if one.file is not None),
            *([("the lock", str(project.root / project.lock))] if update else []),
            *([(f"--cache {cache}", str(cache))] if cache else []),
        ],
        _read(project, config, update),
    )


def _read(project: Configuration, config: Path | None, update: bool) -> list[str]:
    """The files that a gate reads: its configuration, its lock, and those of the rules."""
    names = [
        str(project.root / name)
        for requirement in project.requirements
        for name in (requirement.target, *(requirement.properties or ()), *requirement.recorded)
    ]
    lock_file = [] if update else [str(project.root / project.lock)]
    return [str(config or project.file), *lock_file, *files_named(*names)]


def _shown(text: str, output: outputs.Output) -> str:
    """The text, its verdicts coloured in a terminal; the words say the same."""
    if output.file is not None:
        return text
    text = fitted(text)
    if not takes_colour():
        return text
    lines = []
    for line in text.splitlines():
        word, space, rest = line.partition(" ")
        colour = _COLOURS.get(word)
        lines.append(f"{click.style(word, fg=colour)}{space}{rest}" if colour else line)
    return "\n".join(lines) + "\n"


def _fail(message: str, wanted: Sequence[outputs.Output]) -> NoReturn:
    """End for what cannot be used; said in the annotations too, where those are asked for."""
    if any(one.format == "github" and one.file is None for one in wanted):
        click.echo(github.error(message))
    fail(message)


def _tell(display: Display, row: Any) -> None:
    """A line for a log: a claim that had to be decided, and how long that took."""
    display.decided()
    told = f"{row['rule']} {row['property']}: {row['status']} ({row['seconds']:.1f} s)"
    with suppress(OSError):
        say(told)
