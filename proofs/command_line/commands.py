"""The group of the commands, `verify` and `completion`, and where the others are.

Nothing here imports a solver: listing rules must be quick, and the user's files run in a child.
"""

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from tokenauction.proofs.command_line import claim_options, emit_option, outputs, shell
from tokenauction.proofs.command_line.console import (
    cannot_write,
    fail,
    files_named,
    open_output,
    plain_warnings,
    say,
    stop_children_on_interrupt,
)
from tokenauction.proofs.command_line.display import Display
from tokenauction.proofs.command_line.later import Later
from tokenauction.proofs.command_line.parameter_types import ScopeType
from tokenauction.proofs.command_line.report_options import count, report_options
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.child_process import Interrupted
from tokenauction.proofs.processes.messages import VerifyRequest
from tokenauction.proofs.processes.side_by_side import verify_side_by_side
from tokenauction.proofs.reports import findings
from tokenauction.proofs.results import report
from tokenauction.proofs.results.exit_status import INTERRUPTED
from tokenauction.proofs.results.verdict import Scope

if TYPE_CHECKING:  # the library imports Z3
    pass


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
@count("--seed", 0, "Of the search and the solver.", least=0)
@click.option(
    "--scope",
    type=ScopeType(),
    help="The sizes to ask for, agents by tokens as 3x4, or all: a proof for less exits with 3.",
)
@count("--jobs", 1, "Processes at once.", most=1024)
@report_options(
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
    request: VerifyRequest = {
        "do": "verify",
        "targets": list(targets),
        "properties": list(properties),
        "agents": options["agents"],
        "tokens": options["tokens"],
        "seed": options["seed"],
        "explain": options["explain"],
        "budget": options["budget"],
        "timeout": options["timeout"],
        "memory": options["memory"],
    }
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
        say(message)
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
        say(f"interrupted; what was decided is {place}")
        sys.exit(INTERRUPTED)
    if tests is not None:
        emit_option.emit(tests, request, rows)
    sys.exit(report.exit_status(rows, bool(outcome.unusable), scope))


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
        "theorems",
        f"{_HERE}.theorems_command:theorems",
        "Prove the theorems behind the checker again, here and now.",
    ),
    Later(
        "rules",
        f"{_HERE}.lists:rules",
        "List the shipped aggregation rules, payment rules and mechanisms, and those of files.",
    ),
    Later(
        "properties",
        f"{_HERE}.lists:properties",
        "List the properties that can be decided, and those of files.",
    ),
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
