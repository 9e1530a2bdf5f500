"""TRUSTED CORE in what it rejects. Is the trace over every size what the function is at each?

A rule can ask what its sizes are in ways that no trace sees (`isinstance(n, int)`). So the trace
over every size has to be, written out at a small size, the trace at that size; and what a plain run
gives at every number of agents and of tokens to 64, and at pairs of those that its code names, up
to the rounding that its steps explain.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice, product
from typing import Final

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.algebra.canonical import have_same_form
from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.claims.claims import Call, Formula, Instance
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.evaluation.balls import evaluate_rigorously
from tokenauction.proofs.core.evaluation.exact import Special
from tokenauction.proofs.core.faithfulness.agreement import differs_at
from tokenauction.proofs.core.faithfulness.compared_profiles import profiles
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Node
from tokenauction.proofs.core.language.grounding import ground
from tokenauction.proofs.core.runs.batch import Floats
from tokenauction.proofs.core.runs.code_constants import numbers_in
from tokenauction.proofs.core.runs.numpy_run import Misbehaves, Unusable, generic_profile, run_rule
from tokenauction.proofs.core.runs.open_arrays import CannotEvaluate, open_values
from tokenauction.proofs.core.tracing.trace import Trace, TracingError
from tokenauction.proofs.results.assignment import Assignment, Choices
from tokenauction.proofs.results.verdict import size_in_words

LARGEST: Final = 64
_NO_MORE_THAN: Final = 1e-13
_MOST_NODES: Final = 20_000
_MOST_NAMED: Final = 400

Paths = Sequence[tuple[Node, Node]]


def open_disagreement(rule: ProfileFunction, paths: Paths, sizes: Sequence[tuple[int, int]]) -> str:
    """Where the trace over every size is not the function; empty where it is.

    `sizes` are those that are compared as expressions, too.
    """
    for agents, tokens in sizes:
        found = _differs_as_expression(rule, paths, agents, tokens)
        if found:
            return found
    for agents, tokens in _sizes(rule, sizes):
        found = _differs_in_a_run(rule, paths, agents, tokens)
        if found:
            return found
    return ""


def _sizes(rule: ProfileFunction, first: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    only = claims.tokens_of(rule)
    counts = range(1, LARGEST + 1)
    named = {int(k) for k in numbers_in(rule) if 0 < k <= LARGEST**2 and k == int(k)}
    near = sorted({k + step for k in named for step in (-1, 0, 1)} & {*counts})
    factors = sorted({m for k in named for m in counts if k % m == 0 and k // m <= LARGEST})
    pairs = islice(product(dict.fromkeys((*near, *factors)), repeat=2), _MOST_NAMED)
    every = (*first, *((n, 2) for n in counts), *((2, t) for t in counts), (13, 13), *pairs)
    yield from dict.fromkeys((n, only or t) for n, t in every)


def _result_at(
    rule: ProfileFunction, paths: Paths, agents: int, tokens: int
) -> tuple[Node, ...] | None:
    """The open trace written out at a size; None where that fails."""
    result = claims.RESULT[rule.returns]
    sizes = {Axis.AGENTS: agents, Axis.TOKENS: tokens}
    for assumed, found in paths:
        if ground(assumed, sizes) is graph.TRUE:
            places = range(sizes[result.axis])
            return tuple(ground(found, sizes, {result: place}) for place in places)
    return None


def _differs_as_expression(rule: ProfileFunction, paths: Paths, agents: int, tokens: int) -> str:
    """Where the two traces of one size are not one function, for every profile at once."""
    about = claims.claim_about(rule)
    size = size_in_words(agents, tokens)
    problem = f"the traces of {rule.name} with {size} and with any differ"
    try:
        instance = next(formulas.instances(about, agents, tokens))
    except (TracingError, claims.RuleFault) as found:
        return str(found)
    at_any = _result_at(rule, paths, agents, tokens)
    if at_any is None:
        return problem
    at_fixed = instance.formula.outputs
    positive = rule.support == "full"
    if at_any == at_fixed or have_same_form(at_any, at_fixed, positive, 100_000):
        return ""
    alike = (_same_values(at_any, at_fixed, values) for values in profiles(about, instance))
    return "" if all(alike) else problem


def _same_values(left: Sequence[Node], right: Sequence[Node], values: Assignment) -> bool:
    pairs = zip(left, right, strict=True)
    gaps = [graph.equal(one, other) for one, other in pairs]
    found = evaluate_rigorously([*gaps, *left, *right], leaf_values(values))
    numbers = found[len(gaps) :]
    if any(isinstance(value, Special) for value in numbers):
        return [str(v) for v in numbers[: len(left)]] == [str(v) for v in numbers[len(left) :]]
    return not any(value is False for value in found[: len(gaps)])


def _differs_in_a_run(rule: ProfileFunction, paths: Paths, agents: int, tokens: int) -> str:
    bids, dists, named = generic_profile(rule, agents, tokens, 13)
    try:
        run = run_rule(rule, bids, dists, named)
    except Misbehaves:
        raise
    except Unusable as problem:
        return str(problem)
    traced = _values(rule, paths, bids, dists, named)
    if traced is not None and _alike(traced, run):
        return ""
    return _differs_rigorously(rule, paths, bids, dists, named)


def _alike(traced: Floats, run: Floats) -> bool:
    """Whether there are numbers at the same places, the same but for rounding."""
    number = np.isfinite(run)
    if not np.array_equal(number, np.isfinite(traced)):
        return False
    return np.allclose(traced[number], run[number], rtol=_NO_MORE_THAN, atol=_NO_MORE_THAN)


def _differs_rigorously(
    rule: ProfileFunction, paths: Paths, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> str:
    """The same with the rounding bounded by balls, where floats leave it open."""
    agents, tokens = dists.shape
    outputs = _result_at(rule, paths, agents, tokens)
    if outputs is None or sum(1 for _ in graph.subnodes(*outputs)) > _MOST_NODES:
        return (
            f"the trace and the run of {rule.name} differ with {size_in_words(agents, tokens)}, "
            "and rounding was not shown to be the reason"
        )
    given = formulas.inputs_in(Trace({Axis.AGENTS: agents, Axis.TOKENS: tokens}))
    call = Call(rule, "bids", *given, outputs, outputs)
    instance = Instance(agents, tokens, None, Choices(), Formula(graph.TRUE, (call,)))
    values = Assignment(
        _exactly(bids),
        tuple(_exactly(row) for row in dists),
        named={name: _exactly(row) for name, row in named.items()},
    )
    return differs_at(instance, values)


def _exactly(row: Floats) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, row.tolist()))


def _values(
    rule: ProfileFunction, paths: Paths, bids: Floats, dists: Floats, named: Mapping[str, Floats]
) -> Floats | None:
    """The result of the open trace at a profile in floats, NaN where it is undefined.

    None where arrays do not hold it.
    """
    result = claims.RESULT[rule.returns]
    sizes = dict(zip((Axis.AGENTS, Axis.TOKENS), dists.shape, strict=True))
    for assumed, found in paths:
        if ground(assumed, sizes) is graph.TRUE:
            try:
                values, defined = open_values(found, result, bids, dists, named)
            except CannotEvaluate:
                return None
            return np.where(defined, values, np.nan)
    return None
