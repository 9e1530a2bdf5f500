"""The commands that run auctions and audit them: `run`, `audit`. No solver is loaded here."""

import sys
from typing import Any

import click

from tokenauction.proofs.command_line.agent_options import Bids, Nonce, agents, asked, seed
from tokenauction.proofs.command_line.console import (
    Interrupts,
    check_files,
    fail,
    files_named,
    write,
)
from tokenauction.proofs.command_line.parameter_types import PaymentType, RuleType
from tokenauction.proofs.command_line.report_options import count, text_or_json, to_file
from tokenauction.proofs.results.exit_status import INTERRUPTED, PROVED, REFUTED, UNKNOWN, UNUSABLE


@click.command(
    epilog="""\b
Examples:
  tokenauction run co-marketing
  tokenauction run competing --bids 3,1 --seed 7
  tokenauction run co-marketing --rule log-linear --explain
  tokenauction run co-marketing --transcript run.jsonl
  tokenauction run --corpus "Mine=mine.txt" --corpus "Theirs=theirs.txt"
  tokenauction run --model ./my-model --agent "A=You sell flights. " --agent "B=You sell rooms. "
  tokenauction run competing --rule my_rules.py::boosted --sampling race

\b
Exit status:
  0  a text was written
  2  wrong usage, input that cannot be used, or output that cannot be written
  130  interrupted; the text up to there is printed
"""
)
@agents
@click.option("--prompt", help="How the text begins (default: the scenario's).")
@click.option(
    "--bids",
    type=Bids(),
    help="One bid for each agent, a token, in their order (default: the scenario's, or 1 each).",
)
@click.option(
    "--rule",
    type=RuleType(mechanisms=True),
    default="linear",
    show_default=True,
    help="An aggregation rule, named as for `verify`.",
)
@click.option(
    "--payment",
    type=PaymentType("critical-bid", "none"),
    default="critical-bid",
    show_default=True,
    help="critical-bid (second price), none, or a payment rule such as pay-your-bid.",
)
@click.option(
    "--sampling",
    type=click.Choice(["stable", "race"]),
    help="Stable sampling or the exponential race (default: stable for linear pools, else race).",
)
@count("--max-tokens", 100, "Most tokens of the text.", most=100_000)
@seed
@click.option(
    "--transcript",
    type=click.Path(dir_okay=False),
    help="Write what happens to this file, as JSON Lines that `audit` can check.",
)
@click.option(
    "--record",
    type=click.Choice(["full", "drawn"]),
    help="Whole distributions in the transcript, or the drawn token's only (default: by size).",
)
@click.option(
    "--nonce",
    type=Nonce(),
    help="The random number of the transcript's commitments, 32 hexadecimal digits: the same run"
    " then writes the same bytes (default: a fresh one). One that others can guess hides nothing:"
    " the seed can then be found from the first line.",
)
@click.option("--no-expected", is_flag=True, help="Leave the expected payments out: quicker.")
@text_or_json("The text with a table of payments, or one JSON object.")
@to_file
@click.option("--explain", is_flag=True, help="Give every token with its probabilities and prices.")
def run(scenario: str | None, **options: Any) -> None:
    """Run one auction: agents bid token by token, one text comes out, each agent pays.

    A SCENARIO is co-marketing (an airline and a resort; the default) or competing (two airlines),
    whose n-gram agents are trained on the spot.
    """
    check_files(
        options["output"],
        options["transcript"],
        [
            *files_named(options["rule"], options["payment"]),
            *(file for _, file in options["corpora"]),
        ],
    )
    for name in ("record", "nonce"):
        if options[name] and not options["transcript"]:
            fail(f"--{name} is about a transcript: give --transcript FILE too, or leave it out")
    interrupts = Interrupts()
    wanted = asked(scenario, options)
    from tokenauction.proofs.command_line import auction_run

    try:
        found = auction_run.run(wanted, options, interrupts)
    except auction_run.CannotRun as problem:
        fail(str(problem))
    if found.outcome is not None:
        write(found.report, options["output"])
    if found.problem:
        fail(found.problem)
    if interrupts.seen:
        click.echo("tokenauction: interrupted; the text up to here is above", err=True)
        sys.exit(INTERRUPTED)


@click.command(
    epilog="""\b
Examples:
  tokenauction audit run.jsonl
  tokenauction audit run.jsonl --agents
  tokenauction audit run.jsonl --rule my_rules.py::boosted

\b
Exit status:
  0  every line says what follows from the lines before it
  1  a line disagrees; the first is named
  2  wrong usage, no transcript, or one that names what cannot be used
  3  the lines agree, but the transcript is cut or was interrupted
  130  interrupted
"""
)
@click.argument("transcript", type=click.Path(dir_okay=False))
@click.option("--agents", is_flag=True, help="Make the agents again, and their distributions too.")
@click.option(
    "--rule",
    type=RuleType(mechanisms=True),
    help="The rule that ran, where it is in a file: file.py::name.",
)
@click.option(
    "--payment",
    type=PaymentType("critical-bid", "none"),
    help="The payment rule that ran, where it is in a file.",
)
def audit(transcript: str, agents: bool, rule: str | None, payment: str | None) -> None:
    """Compute every aggregate, token and payment of a transcript again.

    A file that the transcript names for its rule is not run unless --rule names it too.
    """
    from tokenauction.proofs.command_line import auction_run

    try:
        text, status = auction_run.audited(transcript, agents, rule, payment)
    except auction_run.CannotRun as problem:
        fail(str(problem))
    click.echo(text)
    sys.exit((PROVED, REFUTED, UNUSABLE, UNKNOWN)[status])
