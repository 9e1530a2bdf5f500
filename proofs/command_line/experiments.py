"""Sweeps and monitors as the command line asks for them: tables, plots and words."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from tokenauction.mechanisms import AggregationRule
from tokenauction.mechanisms.auction import TokenAuction
from tokenauction.mechanisms.auction.agents import together
from tokenauction.mechanisms.experiments.monitor import (
    RULES,
    Monitor,
    MonitorRow,
    monitor_transcript,
)
from tokenauction.mechanisms.experiments.plots import NoPlots, plot_sweep
from tokenauction.mechanisms.experiments.sweep import Part, Plan, save, sweep
from tokenauction.mechanisms.weighted_pools import linear
from tokenauction.proofs.command_line import auction_setup, auction_terms
from tokenauction.proofs.command_line.auction_run import TROUBLE, CannotRun, message
from tokenauction.proofs.command_line.auction_setup import AgentsAsked
from tokenauction.proofs.command_line.console import Interrupts
from tokenauction.proofs.command_line.display import Display, table

__all__ = ["CannotRun", "monitored", "swept"]


def swept(
    wanted: Sequence[AgentsAsked], options: Mapping[str, Any], interrupts: Interrupts
) -> Iterator[str]:
    """Sweep every group of agents into one folder; the lines that say what was written."""
    try:
        for one in wanted:
            one.check()
        plan = _plan(options)
        parts = chain.from_iterable(
            sweep(
                one.name,
                one.made(),
                one.prompt(options["prompt"]),
                plan,
            )
            for one in wanted
        )
        count = _written(save(parts, options["output"]), interrupts)
    except TROUBLE as problem:
        raise CannotRun(message(problem)) from problem
    done = f"{count} part{'s' * (count != 1)}"
    yield f"{done} in {options['output']}: texts.csv, probabilities.csv, payments.csv"
    if options["no_plots"] or interrupts.seen:
        return
    try:
        figures = plot_sweep(options["output"])
    except NoPlots as problem:
        yield f"no plots: {problem}"
        return
    except TROUBLE as problem:
        told = f"the tables are complete, and cannot be drawn: {message(problem)}"
        raise CannotRun(told) from problem
    yield f"{len(figures)} plots: {', '.join(figure.name for figure in figures)}"


def _plan(options: Mapping[str, Any]) -> Plan:
    chosen: dict[str, Any] = {
        "points": options["points"],
        "seeds": tuple(range(options["texts"])),
        "max_tokens": options["max_tokens"],
    }
    if options["rules"]:
        chosen["rules"] = _rules(options["rules"])
    return Plan(**chosen)


def _written(parts: Iterator[Part], interrupts: Interrupts) -> int:
    count = 0
    with Display() as display:
        for part in parts:
            count += 1
            display.progress(f"{part.done} of {part.parts}: {part.what}")
            if interrupts.seen:
                break
    return count


def _rules(names: Sequence[str]) -> tuple[AggregationRule, ...]:
    return tuple(map(auction_terms.rule_of, names))


def monitored(wanted: AgentsAsked, options: Mapping[str, Any], interrupts: Interrupts) -> str:
    """Watch rules on a transcript, or on texts written now, and put what was found in a table."""
    try:
        wanted.check()
        rules = _rules(options["rules"]) or RULES
        if options["transcript"]:
            auction_setup.check_begun(options["transcript"])
            watch = monitor_transcript(options["transcript"], rules)
        else:
            watch = _watched(wanted, rules, options, interrupts)
        if options["output"]:
            watch.write(options["output"])
    except TROUBLE as problem:
        raise CannotRun(message(problem)) from problem
    return _words(watch)


def _watched(
    wanted: AgentsAsked,
    rules: Sequence[AggregationRule],
    options: Mapping[str, Any],
    interrupts: Interrupts,
) -> Monitor:
    agents = together(wanted.made())
    bids = options["bids"] or wanted.bids(len(agents.names))
    prompt = wanted.prompt(options["prompt"])
    auction = TokenAuction(agents, linear, "none", expected=False)
    watch = Monitor(bids, rules, names=agents.names, vocabulary=agents.vocabulary)
    seed = options["seed"]
    with Display() as display:
        while watch.steps < options["tokens"] and not interrupts.seen:
            left = options["tokens"] - watch.steps
            for step in watch.watch(auction.stream(prompt, bids, left, seed)):
                display.progress(f"token {watch.steps}, {step.piece}")
                if interrupts.seen:
                    break
            seed += 1
    return watch


def _words(watch: Monitor) -> str:
    heading = ["rule", "comparisons", "violated", "median", "90 %", "99 %", "most", "worst case"]
    rows = [
        [
            row.rule,
            str(row.comparisons),
            f"{100 * row.share_violated:.1f} %" if row.comparisons else "-",
            *(_number(value) for value in (row.excess_50, row.excess_90)),
            *(_number(value) for value in (row.excess_99, row.excess_max)),
            _worst(row),
        ]
        for row in watch.rows()
    ]
    return (
        f"{table(heading, rows)}\n{watch.steps} tokens; violated: an excess above 1e-9 (1e-5 in "
        "float32); median to most: of the excess probability, over the violating comparisons\n"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _worst(row: MonitorRow) -> str:
    if row.worst_factor is None:
        return "-"
    return (
        f"{row.worst_agent}, bid times {row.worst_factor:g}: {row.worst_token.strip()!r} "
        f"at token {row.worst_step}"
    )
