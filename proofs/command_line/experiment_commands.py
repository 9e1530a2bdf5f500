"""The commands of the experiments: `sweep`, `monitor`. No solver is loaded here."""

import sys
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from tokenauction.proofs.command_line.agent_options import SCENARIO_NAMES, Bids, agents, asked, seed
from tokenauction.proofs.command_line.console import Interrupts, check_files, fail, files_named, say
from tokenauction.proofs.command_line.parameter_types import RuleType
from tokenauction.proofs.command_line.report_options import count
from tokenauction.proofs.results.exit_status import INTERRUPTED

_rules = click.option(
    "--rule",
    "rules",
    multiple=True,
    type=RuleType(),
    help="An aggregation rule, named as for `verify`; may be repeated.",
)
# What a monitor is told of the auctions that it runs.
_OF_RUNS = (
    *("scenario", "corpora", "models", "prompts", "device", "dtype"),
    *("prompt", "bids", "tokens", "seed"),
)


@click.command(
    epilog="""\b
Examples:
  tokenauction sweep
  tokenauction sweep co-marketing --output sweep/
  tokenauction sweep competing --points 11 --rule linear --rule "cap(highest=1)"
  tokenauction sweep --corpus "Mine=mine.txt" --corpus "Theirs=theirs.txt"

\b
Exit status:
  0  the tables, and the plots, are written
  2  wrong usage, input that cannot be used, or output that cannot be written
  130  interrupted; the tables have what was done
"""
)
@agents
@_rules
@click.option(
    "--output",
    type=click.Path(file_okay=False),
    default="sweep",
    show_default=True,
    help="The folder of texts.csv, probabilities.csv, payments.csv and the plots.",
)
@click.option("--prompt", help="How the texts begin (default: the scenario's).")
@count("--points", 21, "Shares of the first bid, from 0 to 1.", least=2)
@count("--texts", 3, "Texts for each share, at seeds 0, 1, ...")
@count("--max-tokens", 60, "Most tokens of a text.")
@click.option("--no-plots", is_flag=True, help="Write the tables only.")
def sweep(scenario: str | None, **options: Any) -> None:
    """Vary the share of the bids: texts, token probabilities, payments and revenue.

    Two agents' bids go from all of one to all of the other, by default in both shipped scenarios
    and for both rules that maximise a KL welfare. What was finished is in the files at any time.
    """
    interrupts = Interrupts()
    shipped = not (scenario or options["corpora"] or options["models"])
    if shipped:
        wanted = [asked(name, dict(options)) for name in SCENARIO_NAMES]
    else:
        wanted = [asked(scenario, dict(options))]
    from tokenauction.proofs.command_line import experiments

    try:
        for line in experiments.swept(wanted, options, interrupts):
            click.echo(line)
    except experiments.CannotRun as problem:
        fail(str(problem))
    if interrupts.seen:
        say(f"interrupted; {options['output']} has what was done")
        sys.exit(INTERRUPTED)


@click.command(
    epilog="""\b
Examples:
  tokenauction monitor co-marketing
  tokenauction monitor competing --bids 3,1 --rule log-linear --rule "top-k(k=5)"
  tokenauction monitor --transcript run.jsonl --output monitor.csv

\b
Exit status:
  0  the table is written, whatever it says
  2  wrong usage, input that cannot be used, or output that cannot be written
  130  interrupted; the table of the tokens up to there is printed
"""
)
@agents
@_rules
@click.option(
    "--transcript",
    type=click.Path(dir_okay=False),
    help="Look at the distributions of this transcript instead of running auctions.",
)
@click.option("--prompt", help="How the texts begin (default: the scenario's).")
@click.option("--bids", type=Bids(), help="One bid for each agent (default: the scenario's).")
@count("--tokens", 200, "How many tokens of texts written by the linear rule to look at.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    help="Write the table there as CSV, too.",
)
@seed
def monitor(scenario: str | None, **options: Any) -> None:
    """Watch the robust order on distributions that occur, for rules that may violate it.

    Every agent's bid is raised by factors of 1.1, 2 and 10 at every token. An excess is how far the
    probability of a token then lies outside the range between what the agent wants and what it had.
    """
    check_files(
        options["output"],
        options["transcript"],
        [*files_named(*options["rules"]), *(file for _, file in options["corpora"])],
    )
    if options["transcript"]:
        _check_nothing_else(_OF_RUNS)
    interrupts = Interrupts()
    wanted = asked(scenario, options)
    from tokenauction.proofs.command_line import experiments

    try:
        click.echo(experiments.monitored(wanted, options, interrupts), nl=False)
    except experiments.CannotRun as problem:
        fail(str(problem))
    if interrupts.seen:
        say("interrupted; the tokens up to here are above")
        sys.exit(INTERRUPTED)


def _check_nothing_else(names: Sequence[str]) -> None:
    """End the command where one of these is given, all of which a transcript has already."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is ParameterSource.COMMANDLINE:
            given = parameter.opts[0] if parameter.param_type_name == "option" else "a scenario"
            fail(
                f"--transcript looks at a run that was recorded, and {given} is about a new one: "
                "leave one of the two out"
            )
