"""Counterexamples and proofs in words: who raised which bid, and what moved where."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from tokenauction.proofs import terms
from tokenauction.proofs.assignment import Assignment
from tokenauction.proofs.canonical import Canon
from tokenauction.proofs.claims import Claim, Instance
from tokenauction.proofs.interpret.balls import decimal, evaluate_rigorously
from tokenauction.proofs.interpret.exact import Special
from tokenauction.proofs.numpy_run import to_float
from tokenauction.proofs.replay import Replay
from tokenauction.proofs.verdict import Proved, Refuted, Verdict, Witness


def describe(claim: Claim, instance: Instance, values: Assignment, replay: Replay) -> Witness:
    """The witness of an exact replay, with the token that shows it best and a sentence."""
    shown = values.consistent_with(claim)
    rows = tuple(tuple(decimal(value) for value in row) for row in replay.aggregates)
    rounded = any(
        not isinstance(value, Fraction | Special) for row in replay.aggregates for value in row
    )
    token = None if replay.undefined else _token(claim, instance, values, replay)
    return witness_at(claim, shown, rows, token, undefined=replay.undefined, rounded=rounded)


def witness_at(
    claim: Claim,
    shown: Assignment,
    rows: tuple[tuple[str, ...], ...],
    token: int | None,
    *,
    undefined: bool,
    rounded: bool,
    exact: bool = True,
    margin: float | None = None,
) -> Witness:
    """A witness with the movement of its token and its sentence."""
    before, after, preferred = movement(claim, shown, rows, token)
    found = Witness(
        assignment=shown,
        exact=exact,
        undefined=undefined,
        token=token,
        before=before,
        after=after,
        preferred=preferred,
        aggregates=rows,
        rounded=rounded,
        margin=margin,
    )
    return replace(found, sentence=sentence(claim, found))


def _token(claim: Claim, instance: Instance, values: Assignment, replay: Replay) -> int | None:
    """The token whose own part of the property fails, or that moved away the furthest."""
    holds = instance.formula.holds
    parts = holds.args if holds.op == "and" else (holds,)
    if len(parts) >= values.tokens > 1 and len(parts) % values.tokens == 0:
        truths = evaluate_rigorously(list(parts), values.leaves())
        failing = [place for place, truth in enumerate(truths) if truth is False]
        if failing and len(parts) == values.tokens:
            return failing[0]
    return worst_token(claim, values, [[to_float(x) for x in row] for row in replay.aggregates])


def worst_token(claim: Claim, values: Assignment, aggregates: list[list[Any]]) -> int | None:
    """The token that moved the furthest from where it should be, in floats."""
    if not aggregates or any(value is None for row in aggregates for value in row):
        return None
    tokens = range(values.tokens)
    if claim.prop.order is not None and values.agent is not None and len(aggregates) == 2:
        after, before = aggregates
        wanted = [float(p) for p in values.dists[values.agent]]
        return max(
            tokens, key=lambda t: (abs(after[t] - wanted[t]) - abs(before[t] - wanted[t]), -t)
        )
    if len(aggregates) == 2:
        left, right = aggregates
        if values.orders.tokens is not None:
            right = [right[values.orders.tokens[t]] for t in tokens]
        return max(tokens, key=lambda t: (abs(left[t] - right[t]), -t))
    if "common" in values.named:
        wanted = [float(p) for p in values.named["common"]]
        return max(tokens, key=lambda t: (abs(aggregates[0][t] - wanted[t]), -t))
    return min(tokens, key=lambda t: (aggregates[0][t], t))


def movement(
    claim: Claim, values: Assignment, rows: tuple[tuple[str, ...], ...], token: int | None
) -> tuple[str | None, str | None, str | None]:
    """Where the token was, where it went, and where it should be, as far as that makes sense."""
    if token is None or not rows:
        return None, None, None
    if claim.prop.order is not None and values.agent is not None and len(rows) == 2:
        return rows[1][token], rows[0][token], str(values.dists[values.agent][token])
    preferred = str(values.named["common"][token]) if "common" in values.named else None
    if len(rows) == 2:
        place = token
        if values.orders.tokens is not None:
            place = values.orders.tokens[token]
        return rows[1][place], rows[0][token], preferred
    return None, rows[0][token], preferred


def sentence(claim: Claim, witness: Witness) -> str:
    """A counterexample in one sentence."""
    values, name = witness.assignment, claim.prop.name
    if witness.undefined:
        return (
            f"{_profile(values)}: the aggregate is undefined there (a division by zero, or a "
            "logarithm of zero that does not cancel)."
        )
    if claim.prop.order is not None and values.agent is not None:
        moved = ""
        if witness.token is not None:
            moved = (
                f"token {witness.token} moved from {witness.before} to {witness.after}, "
                f"while the agent wants it at {witness.preferred}"
            )
        raised = values.raised_bid
        return (
            f"Agent {values.agent} raised its bid from {values.bids[values.agent]} to {raised}"
            f"{_others(values)}: {moved}."
        )
    shown = "; ".join(f"({', '.join(row)})" for row in witness.aggregates)
    extra = []
    if values.agent is not None:
        extra.append(f"agent {values.agent} is singled out")
    if values.scale is not None:
        extra.append(f"bids are multiplied by {values.scale}")
    for what, order in (("agents", values.orders.agents), ("tokens", values.orders.tokens)):
        if order is not None:
            extra.append(f"the {what} are reordered as {list(order)}")
    for key, row in values.named.items():
        extra.append(f"{key} is ({', '.join(map(str, row))})")
    given = f" ({', '.join(extra)})" if extra else ""
    return f"{_profile(values)}{given}: {name} fails; the aggregate is {shown}."


def _others(values: Assignment) -> str:
    others = [f"agent {j} bidding {bid}" for j, bid in enumerate(values.bids) if j != values.agent]
    return f", with {', '.join(others)}" if others else ""


def _profile(values: Assignment) -> str:
    bids = ", ".join(map(str, values.bids))
    dists = "; ".join(f"({', '.join(map(str, row))})" for row in values.dists)
    return f"With bids ({bids}) and distributions {dists}"


def explanation(verifier: Any, prop: Any, verdict: Verdict) -> list[str]:
    """A verdict in words and formulas, paragraph by paragraph."""
    lines = [f"{prop.name}: {prop.summary}", *_formula(verifier)]
    if isinstance(verdict, Proved):
        lines.append(f"Proved for {verdict.scope}, by {verdict.evidence.method}.")
        lines += [f"  {step}" for step in verdict.evidence.steps]
        lines.append(f"Assumed: {'; '.join(verdict.evidence.assumptions)}.")
    elif isinstance(verdict, Refuted):
        lines += [verdict.witness.sentence, *_tabulated(verdict.witness)]
        lines.append(
            "Replayed in exact arithmetic, and by running the rule on NumPy."
            if verdict.witness.exact
            else f"Seen in floats only, with a margin of {verdict.witness.margin}."
        )
    else:
        lines.append(f"Unknown: {verdict.reason}.")
    return lines


def _formula(verifier: Any) -> list[str]:
    paths = verifier.traced_paths
    if isinstance(paths, str):
        return []
    canon = Canon(verifier.rule.support == "full", budget=100_000)
    lines = []
    for assumed, aggregate in paths:
        condition = canon.condition(assumed)
        when = "" if condition == terms.TRUE else f" if {terms.show_condition(condition)}"
        lines.append(f"q[t] = {canon.poly(aggregate)}{when}")
    return lines


def _tabulated(witness: Witness) -> list[str]:
    values = witness.assignment
    lines = []
    for j, (bid, row) in enumerate(zip(values.bids, values.dists, strict=True)):
        raised = f" -> {values.raised_bid}" if j == values.agent and values.raised_bid else ""
        lines.append(f"  agent {j}: bid {bid}{raised}, prefers ({', '.join(map(str, row))})")
    for name, row in values.named.items():
        lines.append(f"  {name}: ({', '.join(map(str, row))})")
    names = ["after the raise", "before it"] if values.raised_bid is not None else ["", "again"]
    for name, aggregate in zip(names, witness.aggregates, strict=False):
        about = "approximately " if witness.rounded else ""
        lines.append(f"  aggregate {name}: {about}({', '.join(aggregate)})".replace("  :", ":"))
    return lines
