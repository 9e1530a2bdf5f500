"""Counterexamples and proofs in words: who raised which bid, and what moved where."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, TypeVar

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.claims.claims import Call, Claim, Instance
from tokenauction.proofs.core.claims.domain import consistent_with, leaf_values
from tokenauction.proofs.core.evaluation.balls import decimal, evaluate_rigorously
from tokenauction.proofs.core.evaluation.exact import Special
from tokenauction.proofs.core.faithfulness.examination import Examined
from tokenauction.proofs.core.judging.replay import Replay
from tokenauction.proofs.core.runs.numpy_run import to_float
from tokenauction.proofs.deciding.given import given, row_in_words
from tokenauction.proofs.deciding.order_words import compared
from tokenauction.proofs.results import counterexamples, report
from tokenauction.proofs.results.assignment import SHOWN_BY_NAME, Assignment, flat
from tokenauction.proofs.results.digits import fraction, shortener
from tokenauction.proofs.results.verdict import Proved, Refuted, Verdict, Witness
from tokenauction.proofs.searching.numeric_attack import Violation
from tokenauction.theory import PreferenceOrder
from tokenauction.theory.incentive_properties import critical_bid

Row = TypeVar("Row")


def describe(claim: Claim, instance: Instance, values: Assignment, replay: Replay) -> Witness:
    """The witness of an exact replay, with the token that shows it best and a sentence."""
    shown = consistent_with(claim, values)
    calls = instance.formula.calls
    rows = tuple(tuple(decimal(value) for value in row) for row in replay.outputs)
    rounded = any(
        not isinstance(value, Fraction | Special) for row in replay.outputs for value in row
    )
    token = None if replay.undefined else _token(claim, instance, values, replay)
    return _witness(claim, shown, calls, rows, token, undefined=replay.undefined, rounded=rounded)


def seen_in_floats(claim: Claim, found: Violation) -> Witness:
    """The witness of a violation that was seen in floats only."""
    shown = consistent_with(claim, found.assignment)
    calls = found.instance.formula.calls
    rows = tuple(tuple(f"{x:.12g}" for x in row) for row in found.outputs)
    undefined = any(x != x for row in found.outputs for x in row)
    aggregates = _of_rule(calls, [list(row) for row in found.outputs])
    token = None if undefined else _worst_token(claim, shown, aggregates)
    margin = None if undefined else float(f"{found.margin:.3g}")
    return _witness(
        claim,
        shown,
        calls,
        rows,
        token,
        undefined=undefined,
        rounded=True,
        exact=False,
        margin=margin,
    )


def _of_rule(calls: Sequence[Call], rows: Sequence[Row]) -> list[Row]:
    """What the calls of the aggregation rule returned."""
    return [row for call, row in zip(calls, rows, strict=True) if not call.pays]


def _witness(
    claim: Claim,
    shown: Assignment,
    calls: Sequence[Call],
    rows: tuple[tuple[str, ...], ...],
    token: int | None,
    *,
    undefined: bool,
    rounded: bool,
    exact: bool = True,
    margin: float | None = None,
) -> Witness:
    """A witness with the movement of its token and its sentence."""
    aggregates = tuple(_of_rule(calls, rows))
    before, after, preferred = movement(claim, shown, aggregates, token)
    found = Witness(
        assignment=shown,
        exact=exact,
        undefined=undefined,
        token=token,
        before=before,
        after=after,
        preferred=preferred,
        aggregates=aggregates,
        aggregates_at=tuple(call.at for call in calls if not call.pays),
        aggregates_given=tuple(given(call, shown) for call in calls if not call.pays),
        payments=tuple(row for call, row in zip(calls, rows, strict=True) if call.pays),
        payments_at=tuple(call.at for call in calls if call.pays),
        payments_given=tuple(given(call, shown) for call in calls if call.pays),
        rounded=rounded,
        margin=margin,
        axes={one.name: tuple(axis.value for axis in one.axes) for one in claim.unknowns},
    )
    return replace(found, sentence=sentence(claim, found))


def _token(claim: Claim, instance: Instance, values: Assignment, replay: Replay) -> int | None:
    """The token whose own part of the property fails, or that moved away the furthest."""
    holds = instance.formula.holds
    parts = holds.args if holds.op == "and" else (holds,)
    if len(parts) >= values.tokens > 1 and len(parts) % values.tokens == 0:
        returned = (value for row in replay.outputs for value in row)
        known = dict(zip(instance.formula.outputs, returned, strict=True))
        truths = evaluate_rigorously(list(parts), {**known, **leaf_values(values)})
        failing = [place for place, truth in enumerate(truths) if truth is False]
        if failing and len(parts) == values.tokens:
            return failing[0]
    rows = [[to_float(x) for x in row] for row in replay.outputs]
    return _worst_token(claim, values, _of_rule(instance.formula.calls, rows))


def _worst_token(claim: Claim, values: Assignment, aggregates: list[list[Any]]) -> int | None:
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
        if values.choices.token_order is not None:
            right = [right[values.choices.token_order[t]] for t in tokens]
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
        if values.choices.token_order is not None:
            place = values.choices.token_order[token]
        return rows[1][place], rows[0][token], preferred
    return None, rows[0][token], preferred


def sentence(claim: Claim, witness: Witness) -> str:
    """A counterexample in one sentence, its rounded numbers with the digits that matter."""
    rows = [*witness.aggregates, *witness.payments]
    values, name = witness.assignment, claim.prop.name
    given = [*values.bids, *(p for row in (*values.dists, *values.named.values()) for p in row)]
    given += [x for numbers in values.given.values() for x in flat(numbers)]
    short = shortener([*map(str, given), *(number for row in rows for number in row)])
    shown = replace(
        witness,
        aggregates=tuple(tuple(map(short, row)) for row in witness.aggregates),
        payments=tuple(tuple(map(short, row)) for row in witness.payments),
    )
    if witness.undefined:
        return (
            f"{profile(values)}: {_what(witness)} undefined{_where_undefined(witness)} (a division "
            "by zero, or a logarithm of zero that does not cancel)."
        )
    if claim.prop.order is not None and values.agent is not None and len(rows) == 2:
        return _about_a_raise(claim.prop.order, witness)
    if witness.payments or values.other_bids is not None:
        return _about_one_agent(claim, shown) + _allowed(claim, witness)
    extra = []
    if values.agent is not None:
        extra.append(f"agent {values.agent} is singled out")
    if values.choices.rival is not None:
        extra.append(f"agent {values.choices.rival} is the other one")
    if values.scale is not None:
        extra.append(f"bids are multiplied by {values.scale}")
    for what, order in (
        ("agents", values.choices.agent_order),
        ("tokens", values.choices.token_order),
    ):
        if order is not None:
            extra.append(f"the {what} are reordered as {list(order)}")
    for key, row in values.named.items():
        extra.append(f"{key} is {row_in_words(row)}")
    for key in sorted(values.given.keys() - SHOWN_BY_NAME):
        extra.append(f"{key} is {row_in_words(values.given[key])}")
    told = f" ({', '.join(extra)})" if extra else ""
    outcomes = f"; {_outcomes(shown)}" if shown.aggregates else ""
    return f"{profile(values)}{told}: {name} fails{outcomes}."


def _about_a_raise(order: PreferenceOrder, witness: Witness) -> str:
    """What an order compares, before and after a raise."""
    values = witness.assignment
    assert values.agent is not None
    try:
        after, before = (tuple(map(fraction, row)) for row in witness.aggregates)
        why = compared(
            order, values.dists[values.agent], after, before, witness.rounded, witness.token
        )
    except ValueError:  # a run gives infinity, which is no number to compare
        after_row, before_row = (", ".join(row) for row in witness.aggregates)
        why = f"the aggregate goes from ({before_row}) to ({after_row}): {order.name} fails"
    return f"Agent {values.agent} {_raise(values)}{_others(values)}: {why}."


def _raise(values: Assignment) -> str:
    """What the singled-out agent does; a raise may be none."""
    assert values.agent is not None
    own = values.bids[values.agent]
    if values.raised_bid == own:
        return f"leaves its bid at {own} (an order has to hold of an outcome and itself)"
    return f"raised its bid from {own} to {values.raised_bid}"


def _outcomes(witness: Witness) -> str:
    """What the rule returned at each profile, and what it should have where that is a reordering.

    The reordered aggregate of the profile itself is what a neutral rule returns after reordering.
    """
    order = witness.assignment.choices.token_order
    rows = zip(witness.aggregates_given, witness.aggregates, strict=True)
    told = []
    for where, row in sorted(rows, key=lambda one: one[0] != ""):
        told.append(f"{f'{where} ' if where else ''}the aggregate is ({', '.join(row)})")
        if order is not None and not where and len(order) == len(row):
            told.append(f"which reordered is ({', '.join(row[t] for t in order)})")
    return ", and ".join(told) if len(told) < 3 else f"{', '.join(told[:-1])}, and {told[-1]}"


def _where_undefined(witness: Witness) -> str:
    """At which of the profiles something does not exist, where that is not the one shown."""
    rows = [*witness.aggregates, *witness.payments]
    told = [*witness.aggregates_given, *witness.payments_given]
    where = next((w for w, row in zip(told, rows, strict=True) if "undefined" in row), "")
    return f" {where}" if where else " there"


def _what(witness: Witness) -> str:
    if witness.payments and witness.aggregates:
        return "the aggregate or a payment is"
    return "the payments are" if witness.payments else "the aggregate is"


def _about_one_agent(claim: Claim, witness: Witness) -> str:
    """A sentence on payments, or on two contexts."""
    name = claim.prop.name
    values, agent = witness.assignment, witness.assignment.agent
    outcomes = dict(zip(witness.aggregates_at, witness.aggregates, strict=True))
    paid = dict(zip(witness.payments_at, witness.payments, strict=True))
    if agent is None:
        charged = "; ".join(f"({', '.join(row)})" for row in witness.payments)
        return f"{profile(values)}, the payments are {charged}: {name} fails."
    low, high = values.bids[agent], values.raised_bid
    if values.other_bids is not None and set(outcomes) >= _CONTEXTS:
        against = _others(values, values.other_bids)
        return (
            f"Agent {agent} raises its bid from {low} to {high}, preferring "
            f"({', '.join(map(str, values.dists[agent]))}){_others(values)}: "
            f"{_from_to(outcomes, 'bids', 'raised_bids')}. With the same bids{against}: "
            f"{_from_to(outcomes, 'other_bids', 'raised_other_bids')}. {name} fails."
        )
    if set(paid) == {"bids", "raised_bids"}:
        moved = _from_to(outcomes, "bids", "raised_bids")
        while_moved = f" while the outcome goes {moved}" if moved else ""
        before, after = paid["bids"][agent], paid["raised_bids"][agent]
        rival, of_rival = values.choices.rival, ""
        if rival is not None:
            there = (paid["bids"][rival], paid["raised_bids"][rival])
            of_rival = f", and that of agent {rival}, the other one, from {' to '.join(there)}"
        return (
            f"Agent {agent} raised its bid from {low} to {high}{_others(values)}, and its payment "
            f"goes from {before} to {after}{of_rival}{while_moved}: {name} fails."
        )
    pays = f", and pays {_charged(paid, agent)}" if paid else ""
    rival = values.choices.rival
    other = "" if rival is None else f"; agent {rival} is the other one"
    if paid and rival is not None:
        other += f", and pays {_charged(paid, rival)}"
    return f"Agent {agent} bids {low}{_others(values)}{pays}{other}: {name} fails."


def _charged(paid: Mapping[str, Sequence[str]], agent: int) -> str:
    """What an agent pays, at each of the bids."""
    return ", ".join(f"{row[agent]}{counterexamples.place(at)}" for at, row in paid.items())


def _allowed(claim: Claim, witness: Witness) -> str:
    """What `critical-bid` would have allowed; nothing of another property of that name."""
    values, agent = witness.assignment, witness.assignment.agent
    rows = dict(zip(witness.aggregates_at, witness.aggregates, strict=True))
    if claim.prop != critical_bid or agent is None or values.raised_bid is None:
        return ""
    pairs = zip(rows["bids"], rows["raised_bids"], strict=True)
    moved = sum(abs(fraction(one) - fraction(other)) for one, other in pairs) / 2
    low, high = values.bids[agent], values.raised_bid
    least, most = (f"{float(bid * moved):.6g}" for bid in (low, high))
    return (
        f" A raise that moves the outcome by {float(moved):.6g} in total variation costs between "
        f"{least} and {most}, and a payment is between zero and the bid."
    )


_CONTEXTS = {"bids", "raised_bids", "other_bids", "raised_other_bids"}


def _from_to(outcomes: dict[str, tuple[str, ...]], before: str, after: str) -> str:
    if before not in outcomes or after not in outcomes:
        return ""
    return f"from ({', '.join(outcomes[before])}) to ({', '.join(outcomes[after])})"


def _others(values: Assignment, bids: tuple[Fraction, ...] | None = None) -> str:
    bids = values.bids if bids is None else bids
    others = [f"agent {j} bidding {bid}" for j, bid in enumerate(bids) if j != values.agent]
    return f", with {', '.join(others)}" if others else ""


def profile(values: Assignment) -> str:
    """The bids and the distributions of an assignment, in words."""
    bids = ", ".join(map(str, values.bids))
    dists = "; ".join(f"({', '.join(map(str, row))})" for row in values.dists)
    return f"With bids ({bids}) and distributions {dists}"


def explanation(verifier: Any, prop: Any, verdict: Verdict) -> list[str]:
    """A verdict in words and formulas, paragraph by paragraph."""
    lines = [f"{prop.name}: {prop.summary}"]
    for one in verifier.parts:
        lines += formulas(one)
    if isinstance(verdict, Proved):
        lines.append(f"Proved for {verdict.scope}, by {verdict.evidence.method}.")
        lines += [f"  {step}" for step in verdict.evidence.steps]
        lines.append(f"Assumed: {'; '.join(verdict.evidence.assumptions)}.")
    elif isinstance(verdict, Refuted):
        found = report.counterexample(verdict.witness)
        lines += counterexamples.lines(found, verdict.witness.sentence)
    else:
        lines.append(f"Unknown: {verdict.reason}.")
    return lines


def formulas(one: Examined) -> list[str]:
    """What a function computes, for every size on each of its paths; nothing where unknown."""
    paths = one.traced_paths
    if isinstance(paths, str):
        return []
    canon = Canon(one.function.support == "full", budget=100_000)
    lines = []
    try:
        for assumed, result in paths:
            condition = canon.condition(assumed)
            when = "" if condition == terms.TRUE else f" if {terms.show_condition(condition)}"
            lines.append(f"{_RESULTS[one.function.returns]} = {canon.poly(result)}{when}")
    except TooLarge:
        return [f"{_RESULTS[one.function.returns]} is too long a formula to be written out"]
    return lines


_RESULTS = {"tokens": "q[t]", "agents": "z[a]"}
