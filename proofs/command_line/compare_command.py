"""The command `compare`: are two definitions the same function, and which guarantees changed?

Nothing here imports a solver or runs the user's files: a child process does both. This process
fetches the files of git revisions, and removes them at the end.
"""

import signal
import sys
from dataclasses import asdict
from typing import Any, NoReturn

import click

from tokenauction.proofs.command_line import claim_options, compare_display
from tokenauction.proofs.command_line.console import (
    check_files,
    fail,
    files_named,
    stop_children_on_interrupt,
    write,
)
from tokenauction.proofs.command_line.display import Display
from tokenauction.proofs.command_line.parameter_types import PropertyType, TargetType
from tokenauction.proofs.command_line.report_options import count, text_or_json, to_file
from tokenauction.proofs.comparison import comparison_report
from tokenauction.proofs.comparison.revisions import NoRevision, Source, checked_out
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import CompareRequest
from tokenauction.proofs.results import report
from tokenauction.proofs.results.exit_status import INTERRUPTED

_TERMINATED = 128 + signal.SIGTERM


@click.command(
    epilog="""\b
Examples:
  tokenauction compare rules.py::boosted rules.py::boosted_fast
  tokenauction compare HEAD:rules.py::boosted rules.py::boosted
  tokenauction compare v1.2:rules.py::boosted main:rules.py::boosted
  tokenauction compare "cap(highest=2)" "cap(highest=3)" --property monotone
  tokenauction compare second-price linear+pay-your-bid --explain
  tokenauction compare HEAD:rules.py rules.py --format json --output compare.json

\b
Exit status:
  0  equivalent: the same function for every number of agents and tokens, proved
  1  different: there is a profile at which they differ
  2  wrong usage, or input that cannot be used
  3  unknown
  130  interrupted; what was decided is reported
Guarantees that are lost do not change it.

Both files are run, as importing them would, in one child process.
"""
)
@click.argument("one", metavar="A", type=TargetType())
@click.argument("other", metavar="B", type=TargetType())
@click.option(
    "--property",
    "properties",
    multiple=True,
    type=PropertyType(),
    help="A guarantee to look at, by name or as file.py::name; may be repeated. "
    "Default: those of `tokenauction verify`.",
)
@click.option("--no-guarantees", is_flag=True, help="Only compare; verify no property.")
@claim_options.limits
@count("--seed", 0, "Of the search.", least=0)
@text_or_json("Text, or a report of the schema tokenauction.compare/1.")
@to_file
@click.option("--explain", is_flag=True, help="Give formulas, proof and every guarantee.")
def compare(
    one: str, other: str, style: str, output: str | None, no_guarantees: bool, **options: Any
) -> None:
    """Are A and B the same function, and which guarantees does B gain or lose against A?

    A and B are rules or mechanisms, named as for `tokenauction verify`; REV:path.py::name is one of
    the git revision REV (a commit, branch or tag), loaded with the other files of that revision.
    The name may be left out where the file has one rule only.
    """
    stop_children_on_interrupt()
    signal.signal(signal.SIGTERM, _end)
    check_files(output, read=files_named(one, other, *options["properties"]))
    if no_guarantees and options["properties"]:
        fail("--no-guarantees looks at no property, and --property at one: leave one of them out")
    try:
        with checked_out([one, other]) as sources:
            outcome = _decided(sources, {**options, "guarantees": not no_guarantees})
    except (NoRevision, supervisor.Failed) as problem:
        fail(str(problem))
    for message in outcome.unusable:
        fail(message)
    if not outcome.claims:
        sys.exit(INTERRUPTED)
    kept = {name: options[name] for name in ("budget", "seed")}
    found = comparison_report.comparison(outcome.rows(), kept)
    if style == "text":
        plain = output is not None
        write(compare_display.text(found, options["explain"], plain), output)
    else:
        write(report.to_json(found), output)
    if outcome.interrupted:
        click.echo("tokenauction: interrupted; what was decided is reported", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(comparison_report.exit_status(found))


def _decided(sources: list[Source], options: dict[str, Any]) -> supervisor.Outcome:
    request: CompareRequest = {
        "do": "compare",
        "targets": [source.title for source in sources],
        "sides": [asdict(source) for source in sources],
        "properties": list(options["properties"]),
        "guarantees": options["guarantees"],
        "seed": options["seed"],
        "explain": options["explain"],
        "budget": options["budget"],
        "timeout": options["timeout"],
        "memory": options["memory"],
    }
    with Display() as display:
        return supervisor.verify(request, display.progress, display.decided)


def _end(*_: object) -> NoReturn:
    """End as a command that is terminated does, once the files of revisions are removed."""
    sys.exit(_TERMINATED)
