"""Runs of a rule's own function on NumPy arrays: is it usable, and is it what was traced?

A rule whose trace and whose run disagree gets no verdict. Outside the trusted core in what it
accepts, inside it in what it rejects.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs import claims, graph
from tokenauction.proofs.assignment import Assignment
from tokenauction.proofs.claims import Claim
from tokenauction.proofs.graph import Axis, Index, Node
from tokenauction.proofs.grounding import ground
from tokenauction.proofs.interpret.batch import Batch, Floats, Truths
from tokenauction.proofs.interpret.open_arrays import CannotEvaluate, open_values
from tokenauction.proofs.sampling import draw
from tokenauction.proofs.trace import TracingError
from tokenauction.proofs.tracebacks import line_in
from tokenauction.proofs.traced_array import TracedArray

if TYPE_CHECKING:  # for its name only: replay loads the library of balls
    from tokenauction.proofs.replay import Replay

CHECKED_SIZES = ((2, 3), (3, 2), (2, 2), (3, 3), (1, 2), (2, 1), (1, 1), (4, 5), (5, 4), (7, 2))
_AGREEMENT = 1e-6


# The end of what is said of a rule that is no function.
KEEPS_STATE = "keeps state between calls"


class Unusable(Exception):
    """The rule cannot be verified: it raises, changes its input, or returns the wrong thing."""


class Misbehaves(Unusable):
    """The rule runs, and does what no rule may at any size."""


def run_rule(
    rule: ProfileFunction, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> Floats:
    """What an aggregation or payment rule's function computes; raises Unusable."""
    own_bids, own_dists = bids.copy(), dists.copy()
    given = {name: named[name].copy() for name in rule.open_names}
    fixed = {k: np.asarray(v, dtype=float) for k, v in rule.distributions.items() if v is not None}
    place = f"{rule.file}:{rule.line}: {rule.name}"
    try:
        with np.errstate(all="ignore"):
            result = rule.function(own_bids, own_dists, **rule.numbers, **given, **fixed)
    except MemoryError:  # says how much memory there is, and nothing about the rule
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as problem:
        raise Unusable(describe(rule, problem, dists.shape)) from problem
    inputs = [(own_bids, bids), (own_dists, dists)]
    inputs += [(own, named[name]) for name, own in given.items()]
    if not all(np.array_equal(own, before) for own, before in inputs):
        raise Misbehaves(f"{place} changes its input in place; write x = x + y rather than x += y")
    try:
        array = np.asarray(result, dtype=float)
    except MemoryError:
        raise
    except Exception:
        kind = type(result).__name__
        raise Misbehaves(f"{place} returns {kind}, not an array of numbers") from None
    length = dists.shape[1] if rule.returns == "tokens" else dists.shape[0]
    if array.shape != (length,):
        raise Misbehaves(
            f"{place} returns an array of shape {array.shape} for {dists.shape[0]} agents and "
            f"{dists.shape[1]} tokens; {rule.kind} returns one of shape ({rule.returns},)"
        )
    return array


def interference(*rules: ProfileFunction) -> str:
    """Why rules are not the functions they seem: one changes what another returns; else empty."""
    bids, dists, _ = generic_profile(rules[0], 2, claims.tokens_of(*rules) or 3, 5)
    agents, tokens = dists.shape
    named: dict[str, Floats] = {}
    for rule in rules:
        named |= generic_profile(rule, agents, tokens, 5)[2]
    try:
        alone = [run_rule(rule, bids, dists, named) for rule in rules]
        for pair in (*zip(rules, alone, strict=True), *zip(rules[::-1], alone[::-1], strict=True)):
            for rule, before in (pair, pair):
                if not np.array_equal(run_rule(rule, bids, dists, named), before, equal_nan=True):
                    return f"{rule.file}:{rule.line}: {rule.name} {KEEPS_STATE}"
    except Misbehaves:
        raise
    except Unusable:
        return ""
    return ""


def describe(rule: ProfileFunction, problem: BaseException, shape: Sequence[int]) -> str:
    """One line: where the rule raised, and what."""
    line = line_in(rule.file, problem) or rule.line
    text = " ".join(str(problem).split()) or type(problem).__name__
    return (
        f"{rule.file}:{line}: {rule.name} raises {type(problem).__name__} with {shape[0]} agents "
        f"and {shape[1]} tokens: {text}"
    )


def check_usable(rule: ProfileFunction) -> tuple[list[tuple[int, int]], str]:
    """The sizes among a few at which the rule runs, and why it does not at the others.

    Raises Unusable where it runs at none, or misbehaves at one.
    """
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
    if not usable and problem is not None:
        raise problem
    if all_nan:
        raise Unusable(
            f"{rule.file}:{rule.line}: {rule.name} returns NaN or infinite values everywhere; "
            "look for a NaN or infinite constant"
        )
    return usable, "" if problem is None else str(problem)


def generic_profile(
    rule: ProfileFunction, agents: int, tokens: int, seed: int
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """A profile without ties or zeros."""
    rng = np.random.default_rng([seed, agents, tokens])
    bids = np.exp(rng.normal(size=agents))
    dists = rng.dirichlet(np.ones(tokens), size=agents)
    named = {name: rng.dirichlet(np.ones(tokens)) for name in rule.open_names}
    return bids, dists, named


def _tried(
    function: ProfileFunction, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> Floats | str:
    """What a function returns on NumPy, or why it returns nothing there; raises Misbehaves."""
    try:
        return run_rule(function, bids, dists, named)
    except Misbehaves:
        raise
    except Unusable as problem:
        return str(problem)


def disagreement(claim: Claim, sizes: Sequence[tuple[int, int]]) -> str:
    """Where a traced rule and the run of its function differ; empty where they agree.

    To raise where the trace is defined is to differ. Sizes without a trace are passed over.
    """
    for agents, tokens in sizes:
        try:
            instance = next(claims.instances(claim, agents, tokens))
        except (TracingError, claims.RuleFault):
            continue
        found = _disagreement_at(claim, instance)
        if found:
            return found
    return ""


def _disagreement_at(claim: Claim, instance: claims.Instance) -> str:
    """The same for the calls of one instance, at random profiles with ties and zeros."""
    agents, tokens = instance.agents, instance.tokens
    rng = np.random.default_rng([11, agents, tokens])
    columns = draw(claim, instance, 12, rng)
    batch = Batch(columns.leaves(), columns.length)
    for call in instance.formula.calls:
        nodes = [*call.bids.elements.reshape(-1), *call.dists.elements.reshape(-1), *call.outputs]
        batch.run(*nodes)
        for row in range(columns.length):
            if not all(batch.defined(node)[row] for node in nodes):
                continue
            at = {node: float(batch.value(node)[row]) for node in nodes}
            bids, dists = (_filled_in(array, at) for array in (call.bids, call.dists))
            named = {
                name: columns.weights[row, agents + k] / columns.weights[row, agents + k].sum()
                for k, name in enumerate(columns.row_names)
            }
            traced = np.array([at[node] for node in call.outputs])
            run = _tried(call.function, bids, dists, named)
            if isinstance(run, str):
                return run
            if not np.isfinite(traced).all() or np.abs(traced).max() > 1e12:
                continue
            if not np.allclose(traced, run, rtol=_AGREEMENT, atol=_AGREEMENT):
                return (
                    f"the trace and the run of {call.function.name} disagree with {agents} "
                    f"agents and {tokens} tokens: traced {traced.tolist()}, run {run.tolist()}"
                )
    return ""


def _filled_in(array: TracedArray, values: Mapping[Node, float]) -> Floats:
    """A traced array with the values of its nodes, in the shape that a call was given."""
    numbers = [values[node] for node in array.elements.reshape(-1)]
    return np.array(numbers, dtype=float).reshape(array.elements.shape)


def failure_at(claim: Claim, agents: int, tokens: int) -> str:
    """Why a proof may not speak of a size: a function raises there, or is not what was traced.

    Empty where every function of the claim runs on NumPy and gives what its trace gives. Raises
    Misbehaves for a function that returns something of the wrong shape or changes its input.
    """
    for function in claim.functions:
        run = _tried(function, *generic_profile(function, agents, tokens, 17))
        if isinstance(run, str):
            return run
    return disagreement(claim, [(agents, tokens)])


def raised_at(values: Assignment, instance: claims.Instance) -> list[str]:
    """What each call of an instance raises on NumPy at an assignment; empty where it returns."""
    leaves = {node: np.array([float(value)]) for node, value in values.leaves().items()}
    named = {name: np.array([float(p) for p in row]) for name, row in values.named.items()}
    raised = []
    for call in instance.formula.calls:
        bids, dists = _given(Batch(leaves, 1), call)
        result = _tried(call.function, bids, dists, named)
        raised.append(result if isinstance(result, str) else "")
        numbers = np.zeros(len(call.outputs)) if isinstance(result, str) else result
        leaves |= {node: np.array([x]) for node, x in zip(call.outputs, numbers, strict=True)}
    return raised


def _given(batch: Batch, call: claims.Call) -> list[Floats]:
    """The bids and the distributions that a call is given in a batch of one profile."""
    nodes = [*call.bids.elements.reshape(-1), *call.dists.elements.reshape(-1)]
    batch.run(*nodes)
    at = {node: float(batch.value(node)[0]) for node in nodes}
    return [_filled_in(array, at) for array in (call.bids, call.dists)]


LARGE_SIZES = (
    *((n, 2) for n in (*range(4, 13), 16, 20, 25, 30, 31, 32, 33, 40, 41, 64)),
    *((2, t) for t in (*range(4, 13), 16, 20, 25, 32, 50, 64)),
)


def open_disagreement(
    rule: ProfileFunction, paths: Sequence[tuple[Node, Node]], sizes: Sequence[tuple[int, int]]
) -> str:
    """Where the trace over every size and the run of the function differ; empty where they agree.

    A rule can ask what its sizes are in ways that no trace sees (`isinstance(n, int)`), so the
    trace is compared at many sizes, small and large.
    """
    only = claims.tokens_of(rule)
    for agents, tokens in dict.fromkeys((n, only or t) for n, t in (*sizes, *LARGE_SIZES)):
        bids, dists, named = generic_profile(rule, agents, tokens, 13)
        traced = _traced_values(rule, paths, bids, dists, named)
        run = _tried(rule, bids, dists, named)
        if isinstance(run, str):
            return run
        if traced is not None and not np.allclose(
            traced, run, rtol=_AGREEMENT, atol=_AGREEMENT, equal_nan=True
        ):
            return (
                f"the trace and the run of {rule.name} disagree with {agents} agents and "
                f"{tokens} tokens"
            )
    return ""


def _traced_values(
    rule: ProfileFunction,
    paths: Sequence[tuple[Node, Node]],
    bids: Floats,
    dists: Floats,
    named: Mapping[str, Floats],
) -> Floats | None:
    """The result of the open trace at a profile; None where it is undefined."""
    result = claims.RESULT[rule.returns]
    sizes = dict(zip((Axis.AGENTS, Axis.TOKENS), dists.shape, strict=True))
    for assumed, found in paths:
        if ground(assumed, sizes) is graph.TRUE:
            try:
                values, defined = open_values(found, result, bids, dists, named)
            except CannotEvaluate:
                values, defined = _grounded_values(found, result, bids, dists, named)
            return values if defined.all() else None
    return None


def _grounded_values(
    found: Node, result: Index, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> tuple[Floats, Truths]:
    """The same as `open_values`, for every node: with each position written out."""
    agents, tokens = dists.shape
    leaves = {graph.bid(graph.agent(j)): bids[j : j + 1] for j in range(agents)}
    for t in range(tokens):
        for j in range(agents):
            leaves[graph.prob(graph.agent(j), graph.token(t))] = dists[j, t : t + 1]
        for name, row in named.items():
            leaves[graph.named_dist(name, graph.token(t))] = row[t : t + 1]
    sizes = {Axis.AGENTS: agents, Axis.TOKENS: tokens}
    nodes = [ground(found, sizes, {result: k}) for k in range(sizes[result.axis])]
    batch = Batch(leaves, 1)
    batch.run(*nodes)
    values = np.array([float(batch.value(node)[0]) for node in nodes])
    return values, np.array([bool(batch.defined(node)[0]) for node in nodes])


def agrees(values: Assignment, replay: "Replay", instance: claims.Instance) -> bool:
    """Whether the rules' functions on NumPy give what the exact replay gave."""
    leaves = {node: np.array([float(value)]) for node, value in values.leaves().items()}
    batch = Batch(leaves, 1)
    for call, exact in zip(instance.formula.calls, replay.outputs, strict=True):
        bids, dists = _given(batch, call)
        named = {name: np.array([float(p) for p in row]) for name, row in values.named.items()}
        try:
            run = run_rule(call.function, bids, dists, named)
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
