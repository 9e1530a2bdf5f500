"""The command `theorems`: the library proved again, as lines, as formulas or as JSON."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tokenauction.proofs.command_line.console import (
    check_apart,
    check_files,
    end_interrupted,
    fail,
    say,
    until_interrupted,
    write,
)
from tokenauction.proofs.command_line.display import Display, fitted
from tokenauction.proofs.command_line.parameter_types import TheoremType
from tokenauction.proofs.command_line.report_options import text_or_json
from tokenauction.proofs.results import report
from tokenauction.proofs.results.exit_status import PROVED, REFUTED

if TYPE_CHECKING:  # the library imports Z3
    from tokenauction.proofs.library.library import Checked, LibraryTheorem

from tokenauction.proofs.command_line.report_options import report_options


@click.command(
    epilog="""\b
Examples:
  tokenauction theorems
  tokenauction theorems linear-is-monotone --statement
  tokenauction theorems linear-is-monotone --explain
  tokenauction theorems --format json --output theorems.json
  tokenauction theorems gibbs --export proofs/

\b
Exit status:
  0  every theorem is proved
  1  one fails
  2  wrong usage
  130  interrupted; what was proved is reported
"""
)
@click.argument("names", metavar="[NAME]...", nargs=-1, type=TheoremType())
@report_options(
    text_or_json("A line a theorem, or a report of the schema tokenauction.theorems/1."),
    "Give the conclusions, and every step of the proofs, as formulas.",
)
@click.option("--statement", is_flag=True, help="Give the conclusions as formulas.")
@click.option(
    "--export",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every step that Z3 proved to this folder as SMT-LIB.",
)
def theorems(
    names: tuple[str, ...],
    style: str,
    output: str | None,
    explain: bool,
    statement: bool,
    export: Path | None,
) -> None:
    """Prove the theorems behind the checker again, here and now.

    They are the paper's claims (arXiv 2310.10826, as reconstructed), textbook or this project's;
    each says which, and docs/theorems.md lists them.
    """
    check_files(output)
    if output and export:
        check_apart([(f"--output {output}", output), (f"--export {export}", str(export))])
    wanted: list[LibraryTheorem] = []
    results: list[Checked] = []
    shown = style == "text" and output is None
    with Display() as display:

        def prove() -> None:
            from tokenauction.proofs.library import report as theorem_report
            from tokenauction.proofs.library.library import check

            wanted.extend(_chosen(names, export))
            for theorem in wanted:
                display.progress(f"proving {theorem.name}")
                found = check(theorem)
                results.append(found)
                display.decided()
                if shown:
                    click.echo(fitted(theorem_report.line(found, _width_of(wanted))))

        interrupted = until_interrupted(prove)
        done = list(results)  # the thread goes on after an interrupt
    if interrupted and not wanted:
        say("interrupted; no theorem was tried")
        end_interrupted()
    from tokenauction.proofs.library import report as theorem_report

    lines = [] if shown else [theorem_report.line(one, _width_of(wanted)) for one in done]
    if explain or statement:
        write_out = theorem_report.steps if explain else theorem_report.statement
        lines += map(write_out, done)
    text = "\n".join([*lines, "", theorem_report.summary(done)]) + "\n"
    write(report.to_json(theorem_report.as_json(done)) if style == "json" else text, output)
    if export is not None:
        count = theorem_report.export(done, export)
        say(f"wrote {count} steps to {export}")
    if interrupted:
        left = len(wanted) - len(done)
        told = f"{left} of {len(wanted)} theorems were not tried"
        say(f"interrupted; {told}")
        end_interrupted()
    sys.exit(REFUTED if any(one.status == "failed" for one in done) else PROVED)


def _chosen(names: tuple[str, ...], export: Path | None) -> "list[LibraryTheorem]":
    """The theorems of these names, or all, once there is a folder to export them to."""
    from tokenauction.proofs.library import report as theorem_report

    try:
        wanted = theorem_report.chosen(names)
        if export is not None:
            export.mkdir(parents=True, exist_ok=True)
    except theorem_report.UnknownTheorem as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"--export {export}: {problem.strerror}")
    return wanted


def _width_of(wanted: "list[LibraryTheorem]") -> int:
    return max(len(theorem.name) for theorem in wanted)
