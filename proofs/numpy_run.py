"""Runs of a rule's own function on NumPy arrays: is it usable, and is it what was traced?

A rule whose trace and whose run disagree gets no verdict. Outside the trusted core in what it
accepts, inside it in what it rejects.
"""

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tokenauction.mechanisms import AggregationRule
from tokenauction.proofs import claims
from tokenauction.proofs.assignment import Assignment
from tokenauction.proofs.claims import Claim
from tokenauction.proofs.interpret.batch import Batch, Floats
from tokenauction.proofs.replay import Replay
from tokenauction.proofs.sampling import draw
from tokenauction.proofs.trace import TracingError

CHECKED_SIZES = ((2, 2), (2, 3), (3, 2), (3, 3), (1, 2), (4, 5), (5, 4), (7, 2))
_AGREEMENT = 1e-6


class Unusable(Exception):
    """The rule cannot be verified: it raises, changes its input, or returns the wrong thing."""


class Misbehaves(Unusable):
    """The rule runs, and does what no rule may at any size."""


def run_rule(
    rule: AggregationRule, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> Floats:
    """The aggregate that the rule's function computes; raises Unusable where it misbehaves."""
    own_bids, own_dists = bids.copy(), dists.copy()
    given = {name: named[name] for name, value in rule.distributions.items() if value is None}
    fixed = {k: np.asarray(v, dtype=float) for k, v in rule.distributions.items() if v is not None}
    place = f"{rule.file}:{rule.line}: {rule.name}"
    try:
        with np.errstate(all="ignore"):
            result = rule.function(own_bids, own_dists, **rule.parameters, **given, **fixed)
    except (Exception, SystemExit, KeyboardInterrupt) as problem:
        raise Unusable(describe(rule, problem, dists.shape)) from problem
    if not (np.array_equal(own_bids, bids) and np.array_equal(own_dists, dists)):
        raise Misbehaves(f"{place} changes its input in place; write x = x + y rather than x += y")
    try:
        array = np.asarray(result, dtype=float)
    except (TypeError, ValueError):
        kind = type(result).__name__
        raise Misbehaves(f"{place} returns {kind}, not an array of probabilities") from None
    if array.shape != (dists.shape[1],):
        raise Misbehaves(
            f"{place} returns an array of shape {array.shape} for {dists.shape[0]} agents and "
            f"{dists.shape[1]} tokens; an aggregation rule returns one of shape (tokens,)"
        )
    return array


def describe(rule: AggregationRule, problem: BaseException, shape: Sequence[int]) -> str:
    """One line: where the rule raised, and what."""
    line = rule.line
    for frame in traceback.extract_tb(problem.__traceback__):
        if frame.filename == rule.file and frame.lineno is not None:
            line = frame.lineno
    text = " ".join(str(problem).split()) or type(problem).__name__
    return (
        f"{rule.file}:{line}: {rule.name} raises {type(problem).__name__} with {shape[0]} agents "
        f"and {shape[1]} tokens: {text}"
    )


def check_usable(rule: AggregationRule) -> list[tuple[int, int]]:
    """The sizes among a few at which the rule runs; raises Unusable where there is none."""
    usable = []
    problem: Unusable | None = None
    all_nan = True
    for agents, tokens in CHECKED_SIZES:
        bids, dists, named = generic_profile(rule, agents, tokens, 7)
        try:
            result = run_rule(rule, bids, dists, named)
        except Misbehaves:
            raise
        except Unusable as found:
            problem = problem or found
            continue
        all_nan = all_nan and not np.isfinite(result).any()
        usable.append((agents, tokens))
    if not usable and problem is not None:
        raise problem
    if all_nan:
        raise Unusable(
            f"{rule.file}:{rule.line}: {rule.name} returns NaN or infinite values everywhere; "
            "look for a NaN or infinite constant"
        )
    return usable


def generic_profile(
    rule: AggregationRule, agents: int, tokens: int, seed: int
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """A profile without ties or zeros."""
    rng = np.random.default_rng([seed, agents, tokens])
    bids = np.exp(rng.normal(size=agents))
    dists = rng.dirichlet(np.ones(tokens), size=agents)
    named = {
        name: rng.dirichlet(np.ones(tokens))
        for name, value in rule.distributions.items()
        if value is None
    }
    return bids, dists, named


def disagreement(claim: Claim, sizes: Sequence[tuple[int, int]]) -> str:
    """Where the traced rule and the run of its function differ; empty where they agree."""
    for agents, tokens in sizes:
        try:
            instance = next(claims.instances(claim, agents, tokens))
        except (TracingError, claims.RuleFault):
            continue
        rng = np.random.default_rng([11, agents, tokens])
        columns = draw(claim, instance, 12, rng)
        leaves, length = columns.leaves(), columns.length
        batch = Batch(leaves, length)
        for (bids, dists), aggregate in zip(
            instance.formula.calls, instance.formula.aggregates, strict=True
        ):
            nodes = [*bids.elements.reshape(-1), *dists.elements.reshape(-1), *aggregate]
            batch.run(*nodes)
            for row in range(length):
                if not all(batch.defined(node)[row] for node in nodes):
                    continue
                at = {n: float(batch.value(n)[row]) for n in nodes}
                own_bids = np.array([at[n] for n in bids.elements.reshape(-1)])
                own_dists = np.array([at[n] for n in dists.elements.reshape(-1)])
                named = {
                    name: columns.weights[row, agents + k] / columns.weights[row, agents + k].sum()
                    for k, name in enumerate(columns.row_names)
                }
                traced = np.array([at[n] for n in aggregate])
                run = run_rule(claim.rule, own_bids, own_dists.reshape(agents, tokens), named)
                if not np.isfinite(traced).all() or np.abs(traced).max() > 1e12:
                    continue
                if not np.allclose(traced, run, rtol=_AGREEMENT, atol=_AGREEMENT):
                    return (
                        f"the trace and the run of {claim.rule.name} disagree with {agents} agents "
                        f"and {tokens} tokens: traced {traced.tolist()}, run {run.tolist()}"
                    )
    return ""


def agrees(claim: Claim, values: Assignment, replay: Replay, instance: claims.Instance) -> bool:
    """Whether the rule's function on NumPy gives what the exact replay gave."""
    leaves = {node: np.array([float(value)]) for node, value in values.leaves().items()}
    batch = Batch(leaves, 1)
    for (bids, dists), exact in zip(instance.formula.calls, replay.aggregates, strict=True):
        nodes = [*bids.elements.reshape(-1), *dists.elements.reshape(-1)]
        batch.run(*nodes)
        floats = np.array([float(batch.value(node)[0]) for node in nodes])
        own_bids, own_dists = floats[: values.agents], floats[values.agents :]
        named = {name: np.array([float(p) for p in row]) for name, row in values.named.items()}
        try:
            run = run_rule(claim.rule, own_bids, own_dists.reshape(values.agents, -1), named)
        except Unusable:
            return replay.undefined
        numbers = [to_float(value) for value in exact]
        if None in numbers:
            continue
        expected = np.array(numbers, dtype=float)
        if not np.allclose(expected, run, rtol=_AGREEMENT, atol=_AGREEMENT):
            return False
    return True


def to_float(value: Any) -> float | None:
    """An exact value or a ball as a float; None where there is no number."""
    try:
        return float(value.mid()) if hasattr(value, "mid") else float(value)
    except (TypeError, ValueError):
        return None
