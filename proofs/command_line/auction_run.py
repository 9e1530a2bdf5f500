"""Runs and audits as the command line asks for them: from options to results and reports.

Nothing that was already written is lost where a run ends early: the outcome so far is returned with
the problem that ended it.
"""

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenauction.mechanisms.auction import CRITICAL_BID, Outcome, Step, Terms, TokenAuction
from tokenauction.mechanisms.auction.audit import (
    ALTERED,
    Audit,
    NotATranscript,
    altered,
    audit,
    read_header,
)
from tokenauction.mechanisms.auction.bidding import Bids
from tokenauction.mechanisms.auction.transcript import FULL, Transcript, check_new
from tokenauction.proofs.command_line import auction_display, auction_setup, auction_terms
from tokenauction.proofs.command_line.auction_setup import AgentsAsked
from tokenauction.proofs.command_line.console import Interrupts
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.results import report

# What can go wrong with what the user gave, or with the machine; each has a message to show.
TROUBLE = (ValueError, ArithmeticError, OSError, RuntimeError, ImportError, CannotLoad)


class CannotRun(Exception):
    """Nothing was run: the message says why."""


@dataclass(frozen=True)
class Run:
    """A run as far as it went; `problem` is what ended it early."""

    outcome: Outcome | None
    report: str
    problem: str = ""


def run(asked: AgentsAsked, options: Mapping[str, Any], interrupts: Interrupts) -> Run:
    """Run an auction and show it live; raises CannotRun where it cannot begin."""
    rule, payment = options["rule"], options["payment"]
    try:
        asked.check()
        if options["transcript"]:
            check_new(options["transcript"])
        terms = auction_terms.terms_of(
            rule, payment, options["sampling"], not options["no_expected"]
        )
        options = {**options, "note": auction_terms.note_on(terms, rule, payment)}
        auction = TokenAuction(
            asked.made(), terms.rule, terms.payment, terms.sampling, expected=terms.expected
        )
        bids = options["bids"] or asked.bids(len(auction.names))
        prompt = asked.prompt(options["prompt"])
        with contextlib.ExitStack() as stack:
            source: TokenAuction | Transcript = auction
            if options["transcript"]:
                known = auction_setup.identity(asked, terms, rule, payment)
                source = stack.enter_context(
                    Transcript(
                        options["transcript"],
                        auction,
                        record=options["record"],
                        identity=known,
                        nonce=options["nonce"],
                    )
                )
            stream = source.stream(prompt, bids, options["max_tokens"], options["seed"])
            return _followed(auction, stream, prompt, bids, options, interrupts)
    except TROUBLE as problem:
        raise CannotRun(message(problem)) from problem


def _followed(
    auction: TokenAuction,
    stream: Iterator[Step],
    prompt: str,
    bids: Any,
    options: Mapping[str, Any],
    interrupts: Interrupts,
) -> Run:
    shown = options["style"] == "text" and not options["output"]
    steps: list[Step] = []
    problem = ""
    with auction_display.LiveText(auction.names, prompt, shown) as live:
        try:
            for step in stream:
                steps.append(step.without_arrays())
                live.step(step)
                if interrupts.seen:
                    break
        except TROUBLE as trouble:
            problem = message(trouble)
    if not steps:
        return Run(None, "", problem)
    outcome = auction.outcome(bids, options["seed"], steps)
    return Run(outcome, _report(auction, outcome, prompt, options, live.live), problem)


def _report(
    auction: TokenAuction,
    outcome: Outcome,
    prompt: str,
    options: Mapping[str, Any],
    already: bool,
) -> str:
    terms = auction.terms
    note = options["note"]
    if options["style"] == "json":
        about = {
            "rule": terms.rule.label,
            "payment": terms.payment_label,
            "sampling": terms.sampling,
            "prompt": prompt,
            **({"note": note} if note else {}),
        }
        return report.to_json(auction_display.as_json(outcome, about, options["explain"]))
    about_text = (
        f"{terms.rule.label}, {terms.payment_label}, {terms.sampling} sampling, seed {outcome.seed}"
    )
    parts = [] if already else [f"{prompt}{outcome.text}\n"]
    if options["explain"]:
        parts.append(auction_display.steps_table(outcome))
    parts.append(auction_display.payments(outcome, about_text))
    if terms.payment == CRITICAL_BID and not Bids(terms.rule, outcome.bids).odds:
        parts.append(_doubt(terms, options["rule"] or terms.rule.label))
    if note:
        parts.append(f"{note}\n")
    return ("\n" if already else "") + "\n".join(parts)


def _doubt(terms: Terms, rule: str) -> str:
    order = "monotone" if terms.sampling == "stable" else "monotone-odds"
    return (
        f"These are critical bids if {terms.rule.label} is {order}: "
        f"tokenauction verify {shlex.quote(rule)} --property {order} says whether it is.\n"
    )


def audited(path: str, with_agents: bool, rule: str | None, payment: str | None) -> tuple[str, int]:
    """What an audit found, in words, and its exit status; raises CannotRun."""
    try:
        auction_setup.check_begun(path)
        header = read_header(path)
        if altered(header):
            return _printable(f"{Path(path).name}: line 1 disagrees: {ALTERED}"), 1
        terms = auction_terms.terms_of_transcript(header, rule, payment)
        if header.get("record") != FULL and not with_agents:
            raise CannotRun(
                f"{path} records what was drawn only; audit it with --agents, which reads or loads "
                f"what it names: {auction_setup.agents_named(header)}"
            )
        agents = auction_setup.agents_of_transcript(header) if with_agents else None
        found = audit(path, terms, agents)
        if agents is not None and not found.agrees:
            if not auction_setup.are_those_that_ran(agents, header):
                found.reason += "; the agents made again are not those that ran"
    except CannotRun as problem:
        raise CannotRun(_printable(str(problem))) from problem
    except (NotATranscript, KeyError, TypeError, AttributeError) as problem:
        raise CannotRun(_printable(message(problem))) from problem
    except TROUBLE as problem:
        raise CannotRun(_printable(f"{path}: {message(problem)}")) from problem
    status = 1 if not found.agrees else 0 if found.complete else 3
    return _printable(_found(found, with_agents)), status


def _found(found: Audit, with_agents: bool) -> str:
    name = Path(found.path).name
    if not found.agrees:
        return f"{name}: line {found.line} disagrees: {found.reason}"
    tokens = "1 token" if found.tokens == 1 else f"{found.tokens} tokens"
    what = "distribution, aggregate" if with_agents else "aggregate"
    within = f"to {found.tolerance:.0e}".replace("e-0", "e-")
    told = (
        f"{name}: {tokens}: every {what}, token and payment agrees ({within}, payments {within} of "
        "the highest bid or of themselves)"
    )
    if found.remark:
        return f"{told} up to here; {found.remark}"
    if found.text_checked:
        return f"{told}, and so does the text; the last hash is {found.hash[:16]}"
    return (
        f"{told}. The text is not checked: it is as its tokenizer reads the tokens, and does not "
        f"follow from their pieces; --agents checks it. The last hash is {found.hash[:16]}"
    )


def _printable(text: str) -> str:
    """One line: what a transcript says is quoted, and could draw lines of its own."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def message(problem: BaseException) -> str:
    """What to tell the user of a problem."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    if isinstance(problem, KeyError | TypeError | AttributeError):
        return f"the first line is malformed: {problem!r}"
    return str(problem)
