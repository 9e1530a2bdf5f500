"""TRUSTED CORE in what it rejects. Is the trace what the function computes on NumPy?

Three comparisons, each at ordinary profiles, with zeros and ties, at tiny and huge bids, and below,
on and above every threshold that the trace knows of. Guarantee: a rule, a property or a
counterexample passes only if

* a trace in lockstep with NumPy at each profile gives the same expression, and each step NumPy's
  value up to the rounding of this step;
* a plain run of the function differs from the exact value by no more than the rounding of its own
  steps explains, which balls of fewer bits than a float has bound;
* the trace over every size is, at small sizes, the trace at this size, and at many sizes what a
  plain run gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import Any, Final

import numpy as np
from flint import arb, fmpq

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.claims.claims import Call, Claim, Formula, Instance
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.evaluation.balls import Balls, evaluate_rigorously, precision
from tokenauction.proofs.core.evaluation.exact import UNDEFINED, Special, Value, evaluate_all
from tokenauction.proofs.core.faithfulness.compared_profiles import EXTREMES, profiles
from tokenauction.proofs.core.judging.exact_numbers import FLOAT_BITS
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.runs.batch import Floats
from tokenauction.proofs.core.runs.numpy_run import Misbehaves, Unusable, run_rule
from tokenauction.proofs.core.tracing.trace import TracingError
from tokenauction.proofs.core.tracing.twins import as_float
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.reasons import RAISES, Reason, reason_of
from tokenauction.proofs.results.verdict import size_in_words

_ALL_STEPS: Final = 8


_MOST_INSTANCES: Final = 4


STEERS: Final = "steers-by-nan"


_STEERS_BY_NAN: Final = (
    "steers by what is no number (NaN or infinity), where it divides by zero or takes the "
    "logarithm of a negative number"
)


_GUARD: Final = "choose with xp.where before dividing"


_SMALLEST: Final = 1e-300


_LARGEST: Final = 1e300


# At fixed sizes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """What was found: `problem`, where trace and function differ, and where floats do not reach.

    Both are empty where there is nothing to say.
    """

    problem: str = ""
    float_range: str = ""


def compared(claim: Claim, sizes: Sequence[tuple[int, int]]) -> Comparison:
    """The comparison of a trace with its function at fixed sizes.

    To raise where the trace is defined is to differ. Sizes without a trace, or at which
    the claim says nothing, are passed over. At the first sizes every step is compared, too.
    """
    float_range = ""
    for place, (agents, tokens) in enumerate(sizes):
        try:
            instance = next(formulas.instances(claim, agents, tokens), None)
        except (TracingError, claims.RuleFault):
            continue
        if instance is None:
            continue
        for number, values in enumerate(profiles(claim, instance, thresholds=place < 2)):
            found = differs_at(instance, values)
            if found and leaves_floats(instance.formula.outputs, values):
                float_range = float_range or _out_of_range(values)
                continue
            if not found and place < 2 and (number < _ALL_STEPS or number % 7 == 0):
                found = lockstep_differs(claim, instance, values)
            if found:
                return Comparison(found, float_range)
    return Comparison("", float_range)


def _out_of_range(values: Assignment) -> str:
    low, high = EXTREMES
    if not all(bid == 0 or low <= bid <= high for bid in values.bids):
        return ""
    bids = ", ".join(f"{float(bid):.6g}" for bid in values.bids)
    return (
        f"with bids ({bids}) floats overflow or underflow, and the run is not the real number that "
        "the verdict is about"
    )


def lockstep_differs(claim: Claim, instance: Instance, values: Assignment) -> str:
    """What NumPy does in another way at a profile, step by step; empty where nothing."""
    key = (instance.agents, instance.tokens, instance.agent, instance.choices)
    try:
        found = formulas.instance(claim, *key, at=leaf_values(values))
    except (TracingError, claims.RuleFault) as problem:
        return reason_of(problem)
    if (found.formula.holds, found.formula.outputs) != (
        instance.formula.holds,
        instance.formula.outputs,
    ):
        text = f"{_name(claim)} does something else at another profile, which no trace shows"
        return Reason(text, "keeps-state")
    return ""


def _name(claim: Claim) -> str:
    return " and ".join(one.name for one in claim.functions)


def differs_at(instance: Instance, values: Assignment) -> str:
    """Where plain runs at a profile are not what the trace gives; empty where they are."""
    formula = instance.formula
    leaves = leaf_values(values)
    exact = evaluate_rigorously([*_given_to(formula), *formula.outputs], leaves)
    rounded = _rounded(list(formula.outputs), leaves)
    inputs = dict(zip(_given_to(formula), exact, strict=False))
    outputs = exact[len(exact) - len(formula.outputs) :]
    start = 0
    for call in formula.calls:
        stop = start + len(call.outputs)
        problem = _call_differs(call, values, inputs, outputs[start:stop], rounded[start:stop])
        if problem:
            return problem
        start = stop
    return ""


def _given_to(formula: Formula) -> list[Node]:
    return [
        node for call in formula.calls for array in (call.bids, call.dists) for node in _flat(array)
    ]


def _flat(array: Any) -> list[Node]:
    return list(array.elements.reshape(-1))


def _rounded(nodes: list[Node], leaves: Any) -> list[Value]:
    """The values of nodes as balls that hold what floats may make of them."""
    with precision(FLOAT_BITS):
        inexact = {
            node: arb(fmpq(value.numerator, value.denominator)) for node, value in leaves.items()
        }
        return evaluate_all(nodes, inexact, Balls())


def _call_differs(
    call: Call,
    values: Assignment,
    inputs: Any,
    exact: Sequence[Value],
    rounded: Sequence[Value],
) -> str:
    bids, dists = _as_array(call.bids, inputs), _as_array(call.dists, inputs)
    if bids is None or dists is None:
        return ""
    try:
        run = run_rule(call.function, bids, dists, _named(values))
    except Misbehaves:
        raise
    except Unusable as problem:
        return "" if any(value is UNDEFINED for value in exact) else Reason(str(problem), RAISES)
    rule = call.function
    breaks_down = not call.pays and not np.isfinite(run).all()
    for number, value in enumerate(exact):
        if breaks_down and value is UNDEFINED:  # it is no distribution there, as a whole
            continue
        if _explained(float(run[number]), value, rounded[number], values):
            continue
        if value is UNDEFINED:
            text = f"{rule.file}:{rule.line}: {_GUARD}, because {rule.name} {_STEERS_BY_NAN}"
            text = f"{text}: it returns {run.tolist()}"
            return Reason(text, STEERS, rule.file, rule.line, _GUARD)
        text = (
            f"the trace and the run of {rule.name} disagree with "
            f"{size_in_words(len(values.bids), values.tokens)}: traced "
            f"{[as_float(one) for one in exact]}, run {run.tolist()}"
        )
        return Reason(text, "not-the-run", rule.file, rule.line)
    return ""


def leaves_floats(nodes: Sequence[Node], values: Assignment) -> bool:
    """Whether some number on the way to these is too large or too small for a float."""
    parts = [part for part in graph.subnodes(*nodes) if not graph.is_boolean(part)]
    with precision(FLOAT_BITS):
        found = evaluate_all(parts, leaf_values(values), Balls())
    sizes = (abs(size) for value in found if (size := as_float(value)) is not None)
    lost = (value for value in found if isinstance(value, arb) and not value.is_zero())
    return any(size > _LARGEST for size in sizes) or any(abs(v) < _SMALLEST for v in lost)


def _as_array(array: Any, inputs: Any) -> Floats | None:
    """What a call is given, in floats; None where it is not defined."""
    found = [as_float(inputs[node]) for node in _flat(array)]
    if any(number is None for number in found):
        return None
    return np.array(found, dtype=float).reshape(array.elements.shape)


def _named(values: Assignment) -> dict[str, Floats]:
    return {name: np.array([float(p) for p in row]) for name, row in values.named.items()}


def _explained(run: float, exact: Value, rounded: Value, values: Assignment) -> bool:
    """Whether rounding explains that a run gives this number where the exact value is another."""
    if exact is UNDEFINED:
        return not np.isfinite(run) or rounded is not UNDEFINED
    number = as_float(exact)
    if number is None or not np.isfinite(number):
        return number is None or number == run or not np.isfinite(run)
    if not np.isfinite(run):
        return False
    gap = abs(run - number)
    if isinstance(rounded, Special):  # a comparison that rounding decides
        near = gap <= 1e-9 * (1 + abs(number))
        return near or not _has_no_ties(values)
    return bool(gap <= 2 * _radius(rounded) + 2.0**-FLOAT_BITS * abs(number) + _SMALLEST)


def _radius(value: Value) -> float:
    return 0.0 if isinstance(value, Fraction) else float(value.rad().upper())


def _has_no_ties(values: Assignment) -> bool:
    """Whether all numbers of a profile differ and none is zero, so that no tie is meant."""
    numbers = [*values.bids, *(p for row in values.dists for p in row)]
    long = all(number.denominator > 100 for number in values.bids)
    return long and len(set(numbers)) == len(numbers) and all(numbers)


# Properties and orders --------------------------------------------------------------------------


def property_differs(claim: Claim, sizes: Sequence[tuple[int, int]]) -> str:
    """Where a property of the user is not what was traced of it; empty where it is.

    It is followed step by step, and run on NumPy with the rules' own runs: where what it compares
    is apart by more than rounding, its answer has to be that of the formula.
    """
    for agents, tokens in sizes:
        try:
            instances = list(islice(formulas.instances(claim, agents, tokens), _MOST_INSTANCES))
        except (TracingError, claims.RuleFault):
            continue
        for instance in instances:
            found = _property_differs_in(claim, instance)
            if found:
                return found
    return ""


def _property_differs_in(claim: Claim, instance: Instance) -> str:
    for number, values in enumerate(profiles(claim, instance)):
        if number <= 10 or number % 7 <= 1:
            found = lockstep_differs(claim, instance, values)
            found = found or _answer_differs(claim, instance, values)
            if found:
                return found
    return ""


def _answer_differs(claim: Claim, instance: Instance, values: Assignment) -> str:
    if claim.opaque:  # the results of the rules are variables, and of no run
        return ""
    [wanted] = _rounded([instance.formula.holds], leaf_values(values))
    if not isinstance(wanted, bool):
        return ""
    prop = claim.prop
    try:
        found = bool(answer_of_a_run(claim, instance, values))
    except Exception as problem:
        text = " ".join(str(problem).split())
        return f"{prop.file}:{prop.line}: {prop.name} raises {type(problem).__name__}: {text}"
    if found == wanted:
        return ""
    return (
        f"{prop.file}:{prop.line}: {prop.name} is {found} on NumPy and {wanted} as it was traced, "
        f"with bids ({', '.join(map(str, values.bids))})"
    )


def answer_of_a_run(claim: Claim, instance: Instance, values: Assignment) -> Any:
    """What the property says where everything is run on NumPy; raises what it raises."""
    functions = {"rule": claim.rule, "payment": claim.payment, "other": claim.other}
    given = formulas.numpy_arguments(claim, instance, leaf_values(values))
    calls = {
        name: partial(_called, function, values)
        for name, function in functions.items()
        if name in claim.prop.arguments and function is not None
    }
    with np.errstate(all="ignore"):
        return claim.prop(**given, **calls)


def _called(function: ProfileFunction, values: Assignment, bids: Any, dists: Any) -> Floats:
    return run_rule(function, np.asarray(bids), np.asarray(dists), _named(values))


# Verdicts ---------------------------------------------------------------------------------------


def failure_at(claim: Claim, agents: int, tokens: int) -> str:
    """Why a proof may not speak of a size: a function raises there, or is not what was traced.

    Empty where every function of the claim runs on NumPy and gives what its trace gives. Raises
    Misbehaves for a function that returns something of the wrong shape or changes its input.
    """
    return compared(claim, [(agents, tokens)]).problem


def agrees(instance: Instance, values: Assignment, undefined: bool) -> bool:
    """Whether plain runs give what an exact replay gave; where it is undefined, nothing finite."""
    try:
        if differs_at(instance, values):  # beyond floats, too: no run confirms it there
            return False
    except Unusable:
        return undefined
    return not undefined or _breaks_down(instance, values)


def _breaks_down(instance: Instance, values: Assignment) -> bool:
    """Whether some needed result of a run is not finite, or a run raises."""
    formula = instance.formula
    inputs = dict(
        zip(
            _given_to(formula),
            evaluate_rigorously(_given_to(formula), leaf_values(values)),
            strict=True,
        )
    )
    for call in formula.calls:
        bids, dists = _as_array(call.bids, inputs), _as_array(call.dists, inputs)
        if bids is None or dists is None:
            continue
        try:
            run = run_rule(call.function, bids, dists, _named(values))
        except Unusable:
            return True
        needed = [place for place, node in enumerate(call.outputs) if node in call.needed]
        if not np.isfinite(run[needed]).all():
            return True
    return False
