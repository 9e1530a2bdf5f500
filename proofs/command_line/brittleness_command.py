"""The command `brittleness`: claims decided under several seeds, and what that changes."""

import sys
from typing import Any

import click

from tokenauction.proofs.command_line import claim_options
from tokenauction.proofs.command_line.console import (
    check_files,
    fail,
    files_named,
    say,
    stop_children_on_interrupt,
    write,
)
from tokenauction.proofs.command_line.display import Display, fitted
from tokenauction.proofs.command_line.report_options import count, text_or_json, to_file
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import Row, VerifyRequest
from tokenauction.proofs.reports import brittleness as compared
from tokenauction.proofs.results import report
from tokenauction.proofs.results.exit_status import INTERRUPTED


@click.command(
    epilog="""\b
Examples:
  tokenauction brittleness linear
  tokenauction brittleness my_rules.py --property monotone --seeds 10
  tokenauction brittleness my_rules.py --format json --output brittleness.json

\b
Exit status:
  0  every verdict is the same under every seed, at much the same cost
  1  some verdict, its scope or its cost hangs on the seed, or is close to a limit
  2  wrong usage, or input that cannot be used
  130  interrupted; the seeds that were decided are reported
"""
)
@claim_options.claims
@claim_options.limits
@count("--seeds", 5, "How many seeds; they are 0, 1, 2 and so on.", least=2, most=1000)
@text_or_json("A line a claim, or a report of the schema tokenauction.brittleness/1.")
@to_file
def brittleness(style: str, output: str | None, seeds: int, **options: Any) -> None:
    """Decide the same claims under several seeds: does a verdict, or what it costs, hang on luck?

    TARGETs are those of `tokenauction verify`. A seed changes what the search draws and how the
    solver looks at the same conditions. A verdict that differs, a proof whose scope differs, a cost
    that differs tenfold and a proof that needs over half of a limit are brittle.
    """
    stop_children_on_interrupt()
    check_files(output, read=files_named(*options["targets"], *options["properties"]))
    request: VerifyRequest = {
        "do": "verify",
        "targets": list(options["targets"]),
        "properties": list(options["properties"]),
        "agents": options["agents"],
        "tokens": options["tokens"],
        "seed": 0,
        "explain": False,
        "budget": options["budget"],
        "timeout": options["timeout"],
        "memory": options["memory"],
    }
    runs: dict[int, list[Row]] = {}
    for seed in range(seeds):
        rows = _rows({**request, "seed": seed})
        if rows is None:
            break
        runs[seed] = rows
    interrupted = len(runs) < seeds
    if not runs:
        say("interrupted under seed 0; nothing is known")
        sys.exit(INTERRUPTED)
    kept = {name: options[name] for name in ("agents", "tokens", "budget")}
    found = compared.brittleness(runs, kept)
    if style == "json":
        write(report.to_json(found), output)
    else:
        write(compared.text(found) if output else fitted(compared.text(found)), output)
    if interrupted:
        done = "seed 0" if len(runs) == 1 else f"seeds 0 to {len(runs) - 1}"
        say(f"interrupted; what is known of {done} is reported")
        sys.exit(INTERRUPTED)
    sys.exit(compared.exit_status(found))


def _rows(request: VerifyRequest) -> list[Row] | None:
    """The results under one seed, None after an interrupt; ends the command for unusable input."""
    try:
        with Display() as display:
            display.progress(f"seed {request['seed']}")
            outcome = supervisor.verify(request, display.progress, display.decided)
    except supervisor.Failed as problem:
        fail(str(problem))
    if outcome.interrupted:
        return None
    for message in outcome.unusable:
        fail(message)
    return outcome.rows()
