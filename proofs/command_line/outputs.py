"""The option `--format FORMAT[=FILE]`: which reports a command writes, and where.

Everything that can be wrong with the choice is said before any work starts. A file is written whole
or not at all; GitHub's job summary is appended to, as it belongs to every step of a job.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from tokenauction.proofs.command_line.console import check_apart, fail, one_file
from tokenauction.proofs.reports.findings import Finding
from tokenauction.proofs.results.whole_files import put

FORMATS: Final = ("text", "json", "junit", "sarif", "github", "markdown")
DOCUMENTS: Final = ("json", "junit", "sarif")
STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"

_FILE = click.Path(dir_okay=False, writable=True)


@dataclass(frozen=True)
class Output:
    """A report: its format, its file (None is standard output), and how the user asked for it."""

    format: str
    file: str | None = None
    option: str = field(default="", compare=False)


Renderer = Callable[[Output], str]


class OutputType(click.ParamType[Output]):
    """`FORMAT` or `FORMAT=FILE`."""

    name = "FORMAT[=FILE]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        """The output that a user names; refuses unknown formats and files that cannot be."""
        if isinstance(value, Output):
            return value
        chosen, equals, file = str(value).partition("=")
        if chosen not in FORMATS:
            self.fail(f"{chosen!r} is not one of {', '.join(FORMATS)}.", param, ctx)
        if not equals:
            return Output(chosen, option=f"--format {value}")
        if not file:
            self.fail(f"{value!r} names no file: leave the = out, or name one.", param, ctx)
        return Output(chosen, str(_FILE.convert(file, param, ctx)), f"--format {value}")

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The formats."""
        return [CompletionItem(name) for name in FORMATS if name.startswith(incomplete)]


option = click.option(
    "--format",
    "outputs",
    multiple=True,
    type=OutputType(),
    help=f"A report, to standard output or to a file; may be repeated. FORMAT is one of "
    f"{', '.join(FORMATS)}.  [default: text]",
)


def settled(
    outputs: Sequence[Output],
    file: str | None,
    *,
    read: Iterable[str] = (),
    also: Sequence[tuple[str, str]] = (),
) -> tuple[Output, ...]:
    """The outputs, with the file of `--output` given to the only one that names none.

    Ends the command, with what to do instead, where two reports are for one place, a document is
    not alone on standard output, a folder is missing, or a report would be written over a file that
    the command reads, or over those that it writes `also`, each with the words that name it.
    """
    chosen = list(outputs) or [Output("text", option="--format text")]
    if file is not None:
        chosen = _with_file(chosen, file)
    _check_standard_output([one for one in chosen if one.file is None])
    files = [(one, one.file) for one in chosen if one.file is not None]
    for one, name in files:
        folder = Path(name).absolute().parent
        if not folder.is_dir():
            fail(f"{one.option}: there is no folder {folder}")
    for (one, name), (other, second) in combinations(files, 2):
        if one_file(name, second) or one_file(second, name):
            fail(f"{one.option} and {other.option} are one file: name another")
    check_apart([*((one.option, name) for one, name in files), *also], read)
    return tuple(chosen)


def _with_file(chosen: Sequence[Output], file: str) -> list[Output]:
    if not file:
        fail("--output is empty: name a file, or leave it out")
    unnamed = [one for one in chosen if one.file is None]
    if len(unnamed) != 1:
        which = " and ".join(one.option for one in unnamed) or "no format"
        fail(f"--output {file} is for {which}: name each file with --format FORMAT=FILE")
    named = replace(unnamed[0], file=file, option=f"--output {file}")
    return [named if one is unnamed[0] else one for one in chosen]


def _check_standard_output(printed: Sequence[Output]) -> None:
    documents = [one.format for one in printed if one.format in DOCUMENTS]
    if documents and len(printed) > 1:
        others = " and ".join(one.format for one in printed)
        fail(
            f"{others} cannot share standard output: name a file, as in "
            f"--format {documents[0]}=FILE"
        )
    formats = [one.format for one in printed]
    for name in formats:
        if formats.count(name) > 1:
            fail(f"--format {name} is given twice: leave one out, or name a file")


def renderers(
    findings: Sequence[Finding], text: Renderer, json: Callable[[], str]
) -> Mapping[str, Renderer]:
    """How each format is made of findings; text and JSON are the command's own."""
    from datetime import UTC, datetime

    from tokenauction.proofs.reports import github, junit, markdown, sarif  # not for a help text

    folder = Path.cwd()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "text": text,
        "json": lambda _: json(),
        "junit": lambda _: junit.render(findings, folder, now),
        "sarif": lambda _: sarif.render(findings, folder),
        "github": lambda _: github.render(findings, folder),
        "markdown": lambda _: markdown.render(findings),
    }


def deliver(outputs: Sequence[Output], renderers: Mapping[str, Renderer]) -> None:
    """Write every report, files first; those that can be written are, whatever the others do."""
    problems = []
    for one in outputs:
        if one.file is not None:
            try:
                _write(renderers[one.format](one), one)
            except OSError as problem:
                problems.append(f"{one.option}: {problem.strerror}")
    for one in outputs:
        if one.file is None:
            click.echo(encodable(renderers[one.format](one)), nl=False)
    if problems:
        fail("; ".join(problems))


def _write(text: str, output: Output) -> None:
    assert output.file is not None
    place = Path(output.file)
    if output.format == "markdown" and _is_step_summary(place):
        with place.open("a", encoding="utf-8") as summary:
            summary.write(encodable(text))
        return
    put(encodable(text), place)


def _is_step_summary(place: Path) -> bool:
    named = os.environ.get(STEP_SUMMARY)
    return bool(named) and place.resolve() == Path(str(named)).resolve()


def encodable(text: str) -> str:
    """Text without halves of characters, which file names that are no UTF-8 are read as."""
    return text.encode("utf-8", "replace").decode("utf-8")


def where(outputs: Sequence[Output]) -> str:
    """Where a reader finds the reports.

    >>> where([Output("json", "out.json")]), where([Output("text"), Output("json", "out.json")])
    ('in out.json', 'above')
    """
    if any(one.file is None for one in outputs):
        return "above"
    return f"in {', '.join(str(one.file) for one in outputs)}"
