"""The commands of `tokenauction`: `verify`, `theorems`, `rules`, `properties`, `completion`.

Nothing here imports a solver: listing rules must be quick, and the user's files run in a child.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from tokenauction.proofs import report, supervisor
from tokenauction.proofs.child_process import Interrupted
from tokenauction.proofs.cli import INTERRUPTED
from tokenauction.proofs.command_line import claim_options, emit_option, shell
from tokenauction.proofs.command_line.console import (
    cannot_write,
    check_apart,
    check_files,
    end_interrupted,
    fail,
    files_named,
    open_output,
    plain_warnings,
    stop_children_on_interrupt,
    until_interrupted,
    write,
)
from tokenauction.proofs.command_line.display import Display, fitted, table
from tokenauction.proofs.command_line.later import Later
from tokenauction.proofs.command_line.parameter_types import FileType, ScopeType, TheoremType
from tokenauction.proofs.command_line.report_options import text_or_json, to_file
from tokenauction.proofs.reports import findings, outputs
from tokenauction.proofs.side_by_side import verify_side_by_side
from tokenauction.proofs.verdict import Scope

if TYPE_CHECKING:  # the library imports Z3
    from tokenauction.proofs.paper.library import Checked, PaperTheorem

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


class _Group(click.Group):
    """Commands that end as those of other tools do where nobody listens, or output is refused."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        open_output()
        shell.install()
        try:
            with plain_warnings():
                return super().main(*arguments, **options)
        except OSError as problem:
            cannot_write(problem)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, Interrupted):
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGPIPE)


def _report_options(style: Decorator, explain: str) -> Decorator:
    """The options of a command that reports: `style` is its `--format`, `explain` a help text."""
    options = (
        style,
        to_file,
        click.option("--explain", is_flag=True, help=explain),
    )

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: tokenauction verify linear",
)
@click.version_option(package_name="tokenauction", prog_name="tokenauction")
def main() -> None:
    """Prove or refute the incentive properties of token auctions."""


@main.command(
    epilog="""\b
Examples:
  tokenauction verify linear
  tokenauction verify log-linear --property monotone --explain
  tokenauction verify my_rules.py
  tokenauction verify my_rules.py::boosted --property monotone-odds
  tokenauction verify linear --property my_rules.py::my_order
  tokenauction verify second-price
  tokenauction verify linear+pay-your-bid --property payment-monotone
  tokenauction verify my_rules.py --scope all
  tokenauction verify my_rules.py --format json --output report.json
  tokenauction verify my_rules.py --format github --format sarif=out.sarif
  tokenauction verify my_rules.py --emit-test tests/test_counterexamples.py

\b
Exit status:
  0  every claim is proved
  1  something is refuted
  2  wrong usage, or input that cannot be used
  3  nothing is refuted, something is unknown, or proved for less than --scope
  130  interrupted; what was decided is reported

A file that is verified is run, as importing it would, in a child process.
"""
)
@claim_options.claims
@claim_options.limits
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Of the search and the solver.",
)
@click.option(
    "--scope",
    type=ScopeType(),
    help="The sizes to ask for, agents by tokens as 3x4, or all: a proof for less exits with 3.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Processes at once.",
)
@_report_options(
    outputs.option,
    "Give proofs and counterexamples in full.",
)
@emit_option.option
def verify(
    targets: tuple[str, ...], properties: tuple[str, ...], scope: Scope | None, **options: Any
) -> None:
    """Prove or refute properties of aggregation rules and of mechanisms (a rule with payments).

    A TARGET is the name of a shipped rule or mechanism (see `tokenauction rules`), a rule with
    parameters as in "cap(highest=2)", a rule and a payment rule as in linear+pay-your-bid, a
    file.py (every rule and mechanism in it), file.py::name or file.py::rule+payment. Both sides of
    the plus can be of a file: linear+pay.py::fee.
    """
    stop_children_on_interrupt()
    tests, jobs = options.pop("emit_test"), options.pop("jobs")
    for axis in ("agents", "tokens") if scope is not None and scope != Scope() else ():
        options[axis] = options[axis] or max(getattr(scope, axis))
    emit_option.check_file(tests)
    wanted = outputs.settled(
        options.pop("outputs"),
        options.pop("output"),
        read=files_named(*targets, *properties),
        also=[(f"--emit-test {tests}", tests)] if tests else [],
    )
    request = {"targets": list(targets), "properties": list(properties), **options}
    display = Display(rows_at_once=outputs.Output("text") in wanted)
    try:
        with display:
            if jobs == 1:
                outcome = supervisor.verify(request, display.progress, display.decided)
            else:
                outcome = verify_side_by_side(request, jobs, display.progress, display.decided)
    except supervisor.Failed as problem:
        fail(str(problem))
    except (KeyError, ValueError, AttributeError) as problem:
        fail(f"internal error, please report it: {type(problem).__name__}: {problem}")
    for message in outcome.unusable:
        click.echo(f"tokenauction: {message}", err=True)
    rows = outcome.rows()
    kept = {name: options[name] for name in ("agents", "tokens", "budget", "seed")}
    made = outputs.renderers(
        findings.of_results(rows, scope),
        text=lambda output: display.text(rows, plain=output.file is not None, asked=scope),
        json=lambda: report.to_json(report.report(rows, kept, scope)),
    )
    outputs.deliver(wanted, made)
    if outcome.interrupted:
        place = outputs.where(wanted)
        click.echo(f"tokenauction: interrupted; what was decided is {place}", err=True)
        sys.exit(INTERRUPTED)
    if tests is not None:
        emit_option.emit(tests, request, rows)
    sys.exit(report.exit_status(rows, bool(outcome.unusable), scope))


@main.command(
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
@_report_options(
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
    wanted: list[PaperTheorem] = []
    results: list[Checked] = []
    shown = style == "text" and output is None
    with Display() as display:

        def prove() -> None:
            from tokenauction.proofs import theorem_report
            from tokenauction.proofs.paper.library import check

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
        click.echo("tokenauction: interrupted; no theorem was tried", err=True)
        end_interrupted()
    from tokenauction.proofs import theorem_report

    lines = [] if shown else [theorem_report.line(one, _width_of(wanted)) for one in done]
    if explain or statement:
        write_out = theorem_report.steps if explain else theorem_report.statement
        lines += map(write_out, done)
    text = "\n".join([*lines, "", theorem_report.summary(done)]) + "\n"
    write(report.to_json(theorem_report.as_json(done)) if style == "json" else text, output)
    if export is not None:
        count = theorem_report.export(done, export)
        click.echo(f"tokenauction: wrote {count} steps to {export}", err=True)
    if interrupted:
        left = len(wanted) - len(done)
        told = f"{left} of {len(wanted)} theorems were not tried"
        click.echo(f"tokenauction: interrupted; {told}", err=True)
        end_interrupted()
    sys.exit(report.REFUTED if any(one.status == "failed" for one in done) else report.PROVED)


def _chosen(names: tuple[str, ...], export: Path | None) -> "list[PaperTheorem]":
    """The theorems of these names, or all, once there is a folder to export them to."""
    from tokenauction.proofs import theorem_report

    try:
        wanted = theorem_report.chosen(names)
        if export is not None:
            export.mkdir(parents=True, exist_ok=True)
    except theorem_report.UnknownTheorem as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"--export {export}: {problem.strerror}")
    return wanted


def _width_of(wanted: "list[PaperTheorem]") -> int:
    return max(len(theorem.name) for theorem in wanted)


_loading = click.option(
    "--budget",
    type=claim_options.Seconds(0.5, 86400),
    default=60.0,
    show_default=True,
    help="Seconds to load a file.",
)


@main.command(
    epilog="""\b
Examples:
  tokenauction rules
  tokenauction rules my_rules.py
  tokenauction rules --format json --output rules.json
"""
)
@click.argument("files", metavar="[FILE.py]...", nargs=-1, type=FileType())
@_loading
@text_or_json("Tables, or a report of the schema tokenauction.rules/1.")
@to_file
def rules(files: tuple[str, ...], budget: float, style: str, output: str | None) -> None:
    """List the shipped aggregation rules, payment rules and mechanisms, and those of files."""
    check_files(output)
    from tokenauction.proofs import listing

    shipped, own = listing.shipped_rules(), _listed("rules", files, budget)
    if style == "json":
        found = {"schema": listing.RULES_SCHEMA, "versions": report.versions()}
        write(report.to_json({**found, "rules": [*shipped, *own]}), output)
        return
    tables = [
        (heading, [_cells(row, "target") for row in shipped if row["kind"] == kind])
        for kind, heading in listing.HEADINGS.items()
    ]
    if own:
        tables.append(("in the files", [_cells(row, "label") for row in own]))
    plain = output is not None
    shown = (table([kind, "support", "what it does"], rows, plain) for kind, rows in tables)
    write("\n".join(shown), output)


@main.command(
    epilog="""\b
Examples:
  tokenauction properties
  tokenauction properties my_orders.py
  tokenauction properties --format json --output properties.json
"""
)
@click.argument("files", metavar="[FILE.py]...", nargs=-1, type=FileType())
@_loading
@text_or_json("A table, or a report of the schema tokenauction.properties/1.")
@to_file
def properties(files: tuple[str, ...], budget: float, style: str, output: str | None) -> None:
    """List the properties that can be decided, and those of files."""
    check_files(output)
    from tokenauction.proofs import listing

    rows = [*listing.shipped_properties(), *_listed("properties", files, budget)]
    if style == "json":
        found = {"schema": listing.PROPERTIES_SCHEMA, "versions": report.versions()}
        write(report.to_json({**found, "properties": rows}), output)
        return
    cells = [_cells(row, "name") for row in rows]
    write(table(["property", "support", "what it says"], cells, plain=output is not None), output)


def _cells(row: dict[str, Any], name: str) -> list[str]:
    return [row[name], row["support"], row["summary"]]


def _listed(do: str, files: tuple[str, ...], budget: float) -> list[dict[str, Any]]:
    if not files:
        return []
    try:
        return supervisor.list_rows(do, list(files), budget)
    except supervisor.Failed as problem:
        fail(str(problem))


@main.command(epilog='Example: eval "$(tokenauction completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "tokenauction", "_TOKENAUCTION_COMPLETE").source())


_HERE = "tokenauction.proofs.command_line"
LATER = (
    Later(
        "brittleness",
        f"{_HERE}.brittleness_command:brittleness",
        "Decide the same claims under several seeds: does a verdict, or what it costs, hang on "
        "luck?",
    ),
    Later(
        "compare",
        f"{_HERE}.compare_command:compare",
        "Are A and B the same function, and which guarantees does B gain or lose against A?",
    ),
    Later(
        "gate",
        f"{_HERE}.gate_command:gate_command",
        "Check what a project requires of its rules, against what was locked.",
    ),
    Later(
        "run",
        f"{_HERE}.auction_commands:run",
        "Run one auction: agents bid token by token, one text comes out, each agent pays.",
    ),
    Later(
        "audit",
        f"{_HERE}.auction_commands:audit",
        "Compute every aggregate, token and payment of a transcript again.",
    ),
    Later(
        "sweep",
        f"{_HERE}.experiment_commands:sweep",
        "Vary the share of the bids: texts, token probabilities, payments and revenue.",
    ),
    Later(
        "monitor",
        f"{_HERE}.experiment_commands:monitor",
        "Watch the robust order on distributions that occur, for rules that may violate it.",
    ),
)
for _command in LATER:
    main.add_command(_command)
