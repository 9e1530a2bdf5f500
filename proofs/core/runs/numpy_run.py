"""TRUSTED CORE in what it shows. Runs of a rule's own function on NumPy arrays.

Is it usable, and what does it return or raise? A mistake that makes a difference costs a verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.mechanisms.mistakes import exchanged, nothing_returned, works_exchanged
from tokenauction.proofs.core.claims import claims
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.runs.batch import Batch, Floats
from tokenauction.proofs.core.runs.code_constants import numbers_in
from tokenauction.proofs.core.runs.float_limits import RangeWatch
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.reasons import KEEPS_STATE, Reason
from tokenauction.proofs.results.tracebacks import line_in
from tokenauction.proofs.results.verdict import size_in_words
from tokenauction.theory.errors import TokenauctionError

CHECKED_SIZES = ((2, 3), (3, 2), (2, 2), (3, 3), (1, 2), (2, 1), (1, 1), (4, 5), (5, 4), (7, 2))
_AGREEMENT = 1e-6


class Unusable(TokenauctionError):
    """The rule cannot be verified: it raises, changes its input, or returns the wrong thing."""


class Misbehaves(Unusable):
    """The rule runs, and does what no rule may at any size."""


class OutsideArithmetic(Unusable):
    """The rule raises because an operation on numbers has no result: a profile is undefined."""


def run_rule(
    rule: ProfileFunction,
    bids: Floats,
    dists: Floats,
    named: Mapping[str, Floats],
    watch: RangeWatch | None = None,
) -> Floats:
    """What an aggregation or payment rule's function computes; raises Unusable."""
    own_bids, own_dists = bids.copy(), dists.copy()
    given = {name: named[name].copy() for name in rule.open_names}
    fixed = {k: np.asarray(v, dtype=float) for k, v in rule.distributions.items() if v is not None}
    place = f"{rule.file}:{rule.line}: {rule.name}"
    try:
        with np.errstate(all="ignore") if watch is None else watch.over(rule.function):
            result = rule.function(own_bids, own_dists, **rule.numbers, **given, **fixed)
    except MemoryError:  # says how much memory there is, and nothing about the rule
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as problem:
        ending = OutsideArithmetic if is_arithmetic(problem) else Unusable
        raise ending(describe(rule, problem, dists.shape)) from problem
    inputs = [(own_bids, bids), (own_dists, dists)]
    inputs += [(own, named[name]) for name, own in given.items()]
    if not all(np.array_equal(own, before) for own, before in inputs):
        raise Misbehaves(f"{place} changes its input in place; write x = x + y rather than x += y")
    if result is None:
        raise Misbehaves(f"{place} {nothing_returned(rule.function)}")
    try:
        array = np.asarray(result, dtype=float)
    except MemoryError:
        raise
    except Exception:
        kind = type(result).__name__
        raise Misbehaves(f"{place} returns {kind}, not an array of numbers") from None
    length = dists.shape[1] if rule.returns == "tokens" else dists.shape[0]
    if array.shape != (length,):
        _refuse_exchanged(rule)
        raise Misbehaves(
            f"{place} returns an array of shape {array.shape} for {size_in_words(*dists.shape)}; "
            f"{rule.kind} returns one of shape ({rule.returns},)"
        )
    return array


def interference(*rules: ProfileFunction) -> str:
    """Why rules are not the functions they seem: one changes what another returns; else empty.

    At two profiles, and at one of them in the other order, so that none is first run behind the
    same one at both; then each call again behind each. What every call returns has to stay.
    """
    tokens = claims.tokens_of(*rules) or 3
    profiles = [generic_profile(rules[0], 2, tokens, seed)[:2] for seed in (5, 6)]
    named: dict[str, Floats] = {}
    for rule in rules:
        named |= generic_profile(rule, 2, tokens, 5)[2]
    calls = [*product(rules, profiles[:1]), *product(rules[::-1], profiles[1:])]

    def returned(call: tuple[ProfileFunction, tuple[Floats, Floats]]) -> Floats:
        rule, (bids, dists) = call
        return run_rule(rule, bids, dists, named)

    try:
        first = [returned(call) for call in calls]
        for before, (call, found) in product(calls, list(zip(calls, first, strict=True))):
            returned(before)
            if not np.array_equal(returned(call), found, equal_nan=True):
                return no_function(call[0])
    except Misbehaves:
        raise
    except Unusable:
        return ""
    return ""


def no_function(rule: ProfileFunction) -> Reason:
    """What is said of a rule whose calls with one profile differ; nothing is said of its claims.

    What keeps state is no function: a violation that was seen once need not be there again.
    """
    text = (
        f"{rule.file}:{rule.line}: {rule.name} keeps state between calls, or draws random numbers: "
        "two calls with one profile differ"
    )
    way_out = "give it what it needs as parameters"
    return Reason(f"{text}; {way_out}", KEEPS_STATE, rule.file, rule.line, way_out)


def describe(rule: ProfileFunction, problem: BaseException, shape: tuple[int, int]) -> str:
    """One line: where the rule raised, and what."""
    line = line_in(rule.file, problem) or rule.line
    text = " ".join(str(problem).split()) or type(problem).__name__
    return (
        f"{rule.file}:{line}: {rule.name} raises {type(problem).__name__} with "
        f"{size_in_words(*shape)}: {text}"
    )


def is_arithmetic(problem: BaseException) -> bool:
    """Whether an exception says that an operation on numbers has no result."""
    outside = isinstance(problem, ValueError) and "math domain" in str(problem)
    overflow = isinstance(problem, OverflowError)  # of floats, not of numbers
    return outside or (isinstance(problem, ArithmeticError) and not overflow)


@dataclass(frozen=True)
class Runs:
    """The sizes among a few at which a rule runs, and `problem`, why it does not at the others.

    `nowhere` says why it has no result at any of them, because of its arithmetic; else empty.
    """

    sizes: list[tuple[int, int]]
    problem: str
    nowhere: str


def check_usable(rule: ProfileFunction) -> Runs:
    """Where a rule runs; raises Unusable where it does nowhere, or misbehaves.

    A rule that only runs with its arguments exchanged is one that nobody asks about: where there
    are as many agents as tokens it may return numbers, and they say nothing.
    """
    try:
        runs = _runs_of(rule)
    except Unusable:
        _refuse_exchanged(rule)
        raise
    if runs.problem and all(agents == tokens for agents, tokens in runs.sizes):
        _refuse_exchanged(rule)
    return runs


def _refuse_exchanged(rule: ProfileFunction) -> None:
    """Raise Misbehaves for a rule whose arguments are exchanged."""
    if _is_exchanged(rule):
        told = exchanged(rule.kind, rule.returns)
        raise Misbehaves(f"{rule.file}:{rule.line}: {rule.name} {told}") from None


def _is_exchanged(rule: ProfileFunction) -> bool:
    """Whether a function returns what it should where it is called as (dists, bids)."""
    only = claims.tokens_of(rule)
    sizes = [(n, only or t) for n, t in CHECKED_SIZES if n != (only or t)][:3]

    def called(dists: Floats, bids: Floats) -> Any:
        fixed = {name: named.get(name, row) for name, row in rule.distributions.items()}
        return rule.function(dists, bids, **rule.numbers, **fixed)

    for agents, tokens in sizes:
        bids, dists, named = generic_profile(rule, agents, tokens, 7)
        length = tokens if rule.returns == "tokens" else agents
        with np.errstate(all="ignore"):
            if not works_exchanged(called, bids, dists, length):
                return False
    return True


def _runs_of(rule: ProfileFunction) -> Runs:
    usable = []
    problem: Unusable | None = None
    all_nan = True
    only = claims.tokens_of(rule)
    sizes = [(n, only or t) for n, t in CHECKED_SIZES]
    for agents, tokens in dict.fromkeys(sizes):
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
    if not usable and problem is not None and not isinstance(problem, OutsideArithmetic):
        raise problem
    all_nan = all_nan and not any(_returns_numbers(rule, *size) for size in usable[:3])
    nowhere = str(problem) if not usable else _NO_NUMBER.format(rule=rule) if all_nan else ""
    return Runs(usable, "" if problem is None else str(problem), nowhere)


def _returns_numbers(rule: ProfileFunction, agents: int, tokens: int) -> bool:
    """Whether a rule returns a number with bids of some other size, or about one that it names.

    Where floats overflow or underflow, there may be a number that they do not reach.
    """
    watch = RangeWatch()
    bids, dists, named = generic_profile(rule, agents, tokens, 7)
    powers = [10.0**power for power in range(-9, 10)]
    numbers = sorted(number for number in numbers_in(rule) if 0 < number < 1e15)
    for size in (*powers, *(factor * number for number in numbers for factor in (0.9, 1.1))):
        try:
            found = run_rule(rule, size * bids / bids.max(), dists, named, watch)
            if np.isfinite(found).any() or watch.left:
                return True
        except Misbehaves:
            raise
        except Unusable:
            continue
    return False


_NO_NUMBER = (
    "{rule.file}:{rule.line}: {rule.name} returns NaN or infinite values everywhere; look for a "
    "division by zero, or a NaN or infinite constant"
)


def generic_profile(
    rule: ProfileFunction, agents: int, tokens: int, seed: int
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """A profile without ties or zeros."""
    rng = np.random.default_rng([seed, agents, tokens])
    bids = np.exp(rng.normal(size=agents))
    dists = rng.dirichlet(np.ones(tokens), size=agents)
    named = {name: rng.dirichlet(np.ones(tokens)) for name in rule.open_names}
    return bids, dists, named


def raised_at(values: Assignment, instance: claims.Instance) -> list[Unusable | None]:
    """What each call of an instance raises on NumPy at an assignment; None where it returns."""
    leaves = {node: np.array([float(value)]) for node, value in leaf_values(values).items()}
    named = {name: np.array([float(p) for p in row]) for name, row in values.named.items()}
    raised: list[Unusable | None] = []
    for call in instance.formula.calls:
        bids, dists = _given(Batch(leaves, 1), call)
        result = _tried(call.function, bids, dists, named)
        raised.append(result if isinstance(result, Unusable) else None)
        numbers = np.zeros(len(call.outputs)) if isinstance(result, Unusable) else result
        leaves |= {node: np.array([x]) for node, x in zip(call.outputs, numbers, strict=True)}
    return raised


def _tried(
    function: ProfileFunction, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> Floats | Unusable:
    """What a function returns on NumPy, or what it raises there; raises Misbehaves."""
    try:
        return run_rule(function, bids, dists, named)
    except Misbehaves:
        raise
    except Unusable as problem:
        return problem


def _given(batch: Batch, call: claims.Call) -> list[Floats]:
    """The bids and the distributions that a call is given in a batch of one profile."""
    nodes = [*call.bids.elements.reshape(-1), *call.dists.elements.reshape(-1)]
    batch.run(*nodes)
    at = {node: float(batch.value(node)[0]) for node in nodes}
    return [_filled_in(array, at) for array in (call.bids, call.dists)]


def _filled_in(array: TracedArray, values: Mapping[Node, float]) -> Floats:
    """A traced array with the values of its nodes, in the shape that a call was given."""
    numbers = [values[node] for node in array.elements.reshape(-1)]
    return np.array(numbers, dtype=float).reshape(array.elements.shape)


def to_float(value: Any) -> float | None:
    """An exact value or a ball as a float; None where there is no number."""
    try:
        return float(value.mid()) if hasattr(value, "mid") else float(value)
    except (TypeError, ValueError):
        return None
