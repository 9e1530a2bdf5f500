"""Guards the agreement of every interpretation of a traced rule, and their extended values."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import array_api_strict
import numpy as np
import pytest
import sympy
import z3
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import positive_numbers, profiles

from tokenauction.mechanisms import CATALOGUE, AggregationRule
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.evaluation import balls, exact
from tokenauction.proofs.core.evaluation.exact import (
    INFINITE,
    MAYBE,
    MINUS_INFINITE,
    UNDEFINED,
    UNSURE,
)
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.proving.solver import number
from tokenauction.proofs.core.runs.batch import Batch
from tokenauction.proofs.cross_checks.sympy_form import symbol, to_sympy
from tokenauction.proofs.cross_checks.z3_form import to_z3
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.theory import distribution

RULES = list(CATALOGUE.values())
RATIONAL = [
    CATALOGUE[name]
    for name in (
        "linear", "square-weights", "saturating-weights", "cap", "reserve", "winner-takes-all",
        "rank-weights", "platform", "uniform-smoothing", "temperature", "top-k", "nucleus",
    )
]  # fmt: skip
PROFILES = profiles(positive=True, named=["model"])

by_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def aggregate_nodes(rule: AggregationRule, profile: Assignment) -> list[Node]:
    """The aggregate of a rule at the sizes of a profile, one node a token."""
    claim = Claim(rule, distribution)
    formula = formulas.instance(claim, profile.agents, profile.tokens, None, None).formula
    return list(formula.calls[0].outputs)


def rigorous(rule: AggregationRule, profile: Assignment) -> list[float]:
    """The aggregate in balls, as floats: the value that the others are compared with."""
    found = balls.evaluate_rigorously(aggregate_nodes(rule, profile), leaf_values(profile))
    return [
        float(balls.decimal(value)) if hasattr(value, "mid") else float(value) for value in found
    ]


def run(rule: AggregationRule, profile: Assignment, array: Callable[[Any], Any]) -> Any:
    """The rule's own function on the arrays of a library."""
    bids = array([float(bid) for bid in profile.bids])
    dists = array([[float(p) for p in row] for row in profile.dists])
    model = array([float(p) for p in profile.named["model"]])
    given = dict.fromkeys(rule.distributions, model)
    return rule(bids, dists, **given)


def close(found: Any, expected: Any) -> bool:
    """Whether two aggregates agree up to rounding."""
    return bool(np.allclose(np.asarray(found), np.asarray(expected), rtol=1e-9, atol=1e-9))


def is_smooth(rule: AggregationRule, profile: Assignment) -> bool:
    """Whether a rule has nearly the same aggregate all around a profile.

    At a switch the run is on one side, by its rounding, and the exact value may be on the other.
    """
    here = rigorous(rule, profile)
    return all(
        np.allclose(rigorous(rule, _moved(profile, step)), here, rtol=1e-6, atol=1e-6)
        for step in (Fraction(1, 10**9), Fraction(-1, 10**9))
    )


def _moved(profile: Assignment, step: Fraction) -> Assignment:
    def near(row: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        return tuple(x * (1 + step * (place + 1)) for place, x in enumerate(row))

    def shared(row: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        return tuple(x / sum(near(row)) for x in near(row))

    return replace(
        profile,
        bids=near(profile.bids),
        dists=tuple(map(shared, profile.dists)),
        named={name: shared(row) for name, row in profile.named.items()},
    )


# The shipped rules -------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RATIONAL, ids=lambda rule: rule.name)
@settings(max_examples=10)
@given(profile=PROFILES)
def test_a_rational_rule_is_the_same_in_fractions_and_balls(
    rule: AggregationRule, profile: Assignment
) -> None:
    nodes = aggregate_nodes(rule, profile)
    found = [exact.evaluate(node, leaf_values(profile)) for node in nodes]
    assert all(isinstance(value, Fraction) for value in found)
    assert balls.evaluate_rigorously(nodes, leaf_values(profile)) == found


@by_rule
@settings(max_examples=10)
@given(profile=PROFILES)
def test_an_aggregate_adds_up_to_one_rigorously(rule: AggregationRule, profile: Assignment) -> None:
    total = graph.add(*aggregate_nodes(rule, profile))
    off = graph.less(graph.constant(Fraction(1, 10**15)), graph.sub(total, graph.ONE))
    under = graph.less(graph.constant(Fraction(1, 10**15)), graph.sub(graph.ONE, total))
    assert balls.evaluate_rigorously([off, under], leaf_values(profile)) == [False, False]


@by_rule
@settings(max_examples=10)
@given(profile=PROFILES)
def test_batches_of_floats_agree_with_balls(rule: AggregationRule, profile: Assignment) -> None:
    assume(is_smooth(rule, profile))
    nodes = aggregate_nodes(rule, profile)
    leaves = {node: np.full(2, float(value)) for node, value in leaf_values(profile).items()}
    batch = Batch(leaves, 2)
    batch.run(*nodes)
    assert all(batch.defined(node).all() for node in nodes)
    expected = rigorous(rule, profile)
    for row in range(2):
        assert close([batch.value(node)[row] for node in nodes], expected)


@by_rule
@settings(max_examples=10)
@given(profile=PROFILES)
def test_the_run_on_numpy_agrees_with_balls(rule: AggregationRule, profile: Assignment) -> None:
    assume(is_smooth(rule, profile))
    assert close(run(rule, profile, np.asarray), rigorous(rule, profile))


@by_rule
@settings(max_examples=10)
@given(profile=PROFILES)
def test_the_run_on_array_api_strict_agrees_with_balls(
    rule: AggregationRule, profile: Assignment
) -> None:
    assume(is_smooth(rule, profile))
    found = run(
        rule, profile, lambda x: array_api_strict.asarray(x, dtype=array_api_strict.float64)
    )
    assert close([float(found[t]) for t in range(profile.tokens)], rigorous(rule, profile))


@pytest.mark.extra("llm")
@by_rule
@settings(max_examples=10)
@given(profile=PROFILES)
def test_the_run_on_torch_agrees_with_balls(rule: AggregationRule, profile: Assignment) -> None:
    import torch

    assume(is_smooth(rule, profile))
    found = run(rule, profile, lambda x: torch.asarray(x, dtype=torch.float64))
    assert close(found.numpy(), rigorous(rule, profile))


@by_rule
@settings(max_examples=3)
@given(profile=profiles(2, 2, positive=True, named=["model"]))
def test_sympy_agrees_with_balls(rule: AggregationRule, profile: Assignment) -> None:
    values = {
        symbol(leaf): sympy.Rational(value.numerator, value.denominator)
        for leaf, value in leaf_values(profile).items()
    }
    nodes = aggregate_nodes(rule, profile)
    found = [to_sympy(node).subs(values) for node in nodes]
    assert close([float(value.evalf(30)) for value in found], rigorous(rule, profile))
    if rule in RATIONAL:
        expected = [exact.evaluate(node, leaf_values(profile)) for node in nodes]
        assert [Fraction(int(value.p), int(value.q)) for value in found] == expected


@pytest.mark.parametrize("rule", RATIONAL, ids=lambda rule: rule.name)
@settings(max_examples=3)
@given(profile=PROFILES)
def test_z3_agrees_with_fractions(rule: AggregationRule, profile: Assignment) -> None:
    values = [(to_z3(leaf), number(value)) for leaf, value in leaf_values(profile).items()]
    for node in aggregate_nodes(rule, profile):
        found = z3.simplify(z3.substitute(to_z3(node), *values))
        assert z3.is_rational_value(found)
        assert found.as_fraction() == exact.evaluate(node, leaf_values(profile))


@by_rule
def test_z3_takes_every_rule(rule: AggregationRule) -> None:
    profile = Assignment((Fraction(1), Fraction(2)), ((Fraction(1, 2),) * 2,) * 2)
    assert all(z3.is_arith(to_z3(node)) for node in aggregate_nodes(rule, profile))


def test_every_shipped_rule_is_compared() -> None:
    assert len(RULES) == len(CATALOGUE) >= 15
    irrational = {rule.name for rule in RULES} - {rule.name for rule in RATIONAL}
    assert irrational == {"log1p_weights", "softmax_weights", "log_linear", "power_mean"}


# Truth values ------------------------------------------------------------------------------------

COMPARISONS: dict[str, Callable[[Node, Node], Node]] = {
    "lt": graph.less,
    "le": graph.at_most,
    "eq": graph.equal,
}
PYTHON: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
}
A, B = graph.scalar("a"), graph.scalar("b")


@pytest.mark.parametrize("name", COMPARISONS)
@given(left=positive_numbers(), right=positive_numbers())
def test_a_comparison_is_the_same_everywhere(name: str, left: Fraction, right: Fraction) -> None:
    node = COMPARISONS[name](A, B)
    leaves = {A: left, B: right}
    expected = PYTHON[name](left, right)
    assert exact.evaluate(node, leaves) is expected
    assert balls.evaluate_rigorously([node], leaves) == [expected]
    batch = Batch({leaf: np.array([float(value)]) for leaf, value in leaves.items()}, 1)
    batch.run(node)
    assert bool(batch.value(node)[0]) is expected
    if left != right:
        assert (batch.margin(node)[0] > 0) == expected
    values = [(to_z3(leaf), number(value)) for leaf, value in leaves.items()]
    assert z3.is_true(z3.simplify(z3.substitute(to_z3(node), *values))) is expected
    symbols = {symbol(leaf): sympy.Rational(str(value)) for leaf, value in leaves.items()}
    assert bool(to_sympy(node).subs(symbols)) is expected


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_connectives_are_the_same_everywhere(truths: list[bool]) -> None:
    p, q, r = (graph.less(graph.scalar(name), graph.ONE) for name in "pqr")
    node = graph.disj(graph.conj(p, graph.negation(q)), graph.conj(q, r), graph.implies(p, r))
    expected = (
        (truths[0] and not truths[1]) or (truths[1] and truths[2]) or not truths[0] or truths[2]
    )
    leaves = {
        graph.scalar(name): Fraction(0 if truth else 2)
        for name, truth in zip("pqr", truths, strict=True)
    }
    assert exact.evaluate(node, leaves) is expected
    batch = Batch({leaf: np.array([float(value)]) for leaf, value in leaves.items()}, 1)
    batch.run(node)
    assert bool(batch.value(node)[0]) is expected
    assert bool(batch.margin(node)[0] > 0) is expected
    values = [(to_z3(leaf), number(value)) for leaf, value in leaves.items()]
    assert z3.is_true(z3.simplify(z3.substitute(to_z3(node), *values))) is expected


# Extended values ---------------------------------------------------------------------------------

ZERO, ONE, TWO = (graph.constant(value) for value in (0, 1, 2))
MINUS_ONE, HALF = graph.constant(-1), graph.constant(Fraction(1, 2))
LOG_ZERO = graph.log(ZERO)

EXTENDED: dict[str, tuple[Node, Any]] = {
    "log(0)": (LOG_ZERO, MINUS_INFINITE),
    "log(0) + 1": (graph.add(LOG_ZERO, ONE), MINUS_INFINITE),
    "1 + log(0) + log(0)": (graph.add(ONE, LOG_ZERO, LOG_ZERO), MINUS_INFINITE),
    "log(0) - log(0)": (graph.sub(LOG_ZERO, LOG_ZERO), UNDEFINED),
    "2 log(0)": (graph.mul(TWO, LOG_ZERO), MINUS_INFINITE),
    "-log(0)": (graph.neg(LOG_ZERO), INFINITE),
    "0 log(0)": (graph.mul(ZERO, LOG_ZERO), UNDEFINED),
    "log(0) * 0": (graph.mul(LOG_ZERO, ZERO), UNDEFINED),
    "log(0) / 2": (graph.div(LOG_ZERO, TWO), MINUS_INFINITE),
    "log(0) / -1": (graph.div(LOG_ZERO, MINUS_ONE), INFINITE),
    "1 / log(0)": (graph.div(ONE, LOG_ZERO), Fraction(0)),
    "log(0) / log(0)": (graph.div(LOG_ZERO, LOG_ZERO), UNDEFINED),
    "1 / 0": (graph.div(ONE, ZERO), UNDEFINED),
    "0 / 0": (graph.div(ZERO, ZERO), UNDEFINED),
    "0 * (1 / 0)": (graph.mul(ZERO, graph.div(ONE, ZERO)), UNDEFINED),
    "0 ** -1": (graph.power(ZERO, MINUS_ONE), UNDEFINED),
    "0 ** 0": (graph.power(ZERO, ZERO), Fraction(1)),
    "0 ** (1/2)": (graph.power(ZERO, HALF), Fraction(0)),
    "(-1) ** (1/2)": (graph.power(MINUS_ONE, HALF), UNDEFINED),
    "(-1) ** -1": (graph.power(MINUS_ONE, MINUS_ONE), Fraction(-1)),
    "4 ** (1/2)": (graph.power(graph.constant(4), HALF), Fraction(2)),
    "(4/9) ** (-3/2)": (
        graph.power(graph.constant(Fraction(4, 9)), graph.constant(Fraction(-3, 2))),
        Fraction(27, 8),
    ),
    "log(-1)": (graph.log(MINUS_ONE), UNDEFINED),
    "log(1)": (graph.log(ONE), Fraction(0)),
    "exp(log(0))": (graph.exp(LOG_ZERO), Fraction(0)),
    "exp(0)": (graph.exp(ZERO), Fraction(1)),
    "exp(-log(0))": (graph.exp(graph.neg(LOG_ZERO)), INFINITE),
    "max(log(0), 1)": (graph.maximum(LOG_ZERO, ONE), Fraction(1)),
    "min(log(0), 1)": (graph.minimum(LOG_ZERO, ONE), MINUS_INFINITE),
    "max(1/0, 1)": (graph.maximum(graph.div(ONE, ZERO), ONE), UNDEFINED),
    "log(0) < 0": (graph.less(LOG_ZERO, ZERO), True),
    "log(0) == log(0)": (graph.equal(LOG_ZERO, LOG_ZERO), True),
    "1/0 == 1/0": (graph.equal(graph.div(ONE, ZERO), graph.div(ONE, ZERO)), UNDEFINED),
    "1/0 < 1 or true": (
        graph.disj(graph.less(ZERO, ONE), graph.less(graph.div(ONE, ZERO), ONE), graph.less(A, B)),
        UNDEFINED,
    ),
    "floor(-1/2)": (graph.floor(graph.constant(Fraction(-1, 2))), Fraction(-1)),
    "floor(log(0))": (graph.floor(LOG_ZERO), UNDEFINED),
    "where(1 < 2, 1, 1/0)": (
        graph.where(graph.less(A, B), ONE, graph.div(ONE, ZERO)),
        Fraction(1),
    ),
    "where(2 < 1, 1, 1/0)": (graph.where(graph.less(B, A), ONE, graph.div(ONE, ZERO)), UNDEFINED),
    "where(1/0 < 1, 1, 1)": (
        graph.where(graph.less(graph.div(ONE, ZERO), ONE), ONE, ONE),
        UNDEFINED,
    ),
    "where(1 < 2, 1, 1/0) + 1": (
        graph.add(graph.where(graph.less(A, B), ONE, graph.div(ONE, ZERO)), ONE),
        Fraction(2),
    ),
}


@pytest.mark.parametrize("name", EXTENDED)
def test_an_extended_value(name: str) -> None:
    node, expected = EXTENDED[name]
    leaves = {A: Fraction(1), B: Fraction(2)}
    assert exact.evaluate(node, leaves) == expected
    assert balls.evaluate_rigorously([node], leaves) == [expected]


@pytest.mark.parametrize("name", EXTENDED)
def test_floats_see_what_is_undefined_and_what_is_not(name: str) -> None:
    node, expected = EXTENDED[name]
    batch = Batch({A: np.array([1.0]), B: np.array([2.0])}, 1)
    batch.run(node)
    if expected is UNDEFINED and name != "floor(log(0))":
        assert not batch.defined(node)[0]
    elif isinstance(expected, Fraction | bool):
        assert batch.defined(node)[0]
        assert float(batch.value(node)[0]) == pytest.approx(float(expected))


IRRATIONAL: list[Node] = [
    graph.log(TWO),
    graph.exp(ONE),
    graph.power(TWO, HALF),
    graph.add(graph.exp(ONE), ONE),
    graph.floor(graph.exp(ONE)),
]


@pytest.mark.parametrize("node", IRRATIONAL, ids=str)
def test_fractions_do_not_guess(node: Node) -> None:
    assert exact.evaluate(node, {}) is UNSURE
    assert exact.evaluate(graph.less(node, node), {}) in (UNSURE, False)
    assert exact.evaluate(graph.less(node, ONE), {}) is UNSURE


# Balls -------------------------------------------------------------------------------------------


def _truth(node: Node) -> Any:
    return balls.evaluate_rigorously([node], {})[0]


def test_balls_decide_what_is_apart() -> None:
    assert _truth(graph.less(graph.log(TWO), graph.constant(Fraction(694, 1000)))) is True
    assert _truth(graph.less(graph.constant(Fraction(694, 1000)), graph.log(TWO))) is False
    assert _truth(graph.equal(graph.exp(ONE), graph.constant(Fraction(2718, 1000)))) is False
    apart = Fraction(1, 10**60)
    near = graph.add(graph.log(TWO), graph.constant(apart))
    assert _truth(graph.less(graph.log(TWO), near)) is True
    assert _truth(graph.at_most(near, graph.log(TWO))) is False


SAME_IN_TWO_WAYS = [
    (graph.add(graph.log(TWO), graph.log(graph.constant(3))), graph.log(graph.constant(6))),
    (graph.exp(graph.log(graph.add(ONE, graph.exp(ONE)))), graph.add(ONE, graph.exp(ONE))),
    (graph.mul(graph.power(TWO, HALF), graph.power(TWO, HALF)), TWO),
]


@pytest.mark.parametrize(("left", "right"), SAME_IN_TWO_WAYS)
def test_balls_never_decide_what_overlaps(left: Node, right: Node) -> None:
    for compare in (graph.less, graph.at_most, graph.equal):
        assert _truth(compare(left, right)) is MAYBE
        assert _truth(compare(right, left)) is MAYBE
        assert _truth(graph.negation(compare(left, right))) is MAYBE
    assert _truth(graph.where(graph.less(left, right), ONE, TWO)) is UNSURE
    assert _truth(graph.div(ONE, graph.sub(left, right))) is UNSURE
    assert _truth(graph.log(graph.sub(left, right))) is UNSURE
    assert _truth(graph.conj(graph.less(left, right), graph.less(graph.log(TWO), ZERO))) is False


def test_balls_know_that_a_value_equals_itself() -> None:
    node = graph.exp(graph.log(graph.constant(7)))
    assert _truth(graph.equal(node, node)) is True
    assert _truth(graph.less(node, node)) is False


def test_balls_floor_only_what_has_one_floor() -> None:
    assert _truth(graph.floor(graph.exp(ONE))) == 2
    on_the_edge = graph.mul(graph.power(TWO, HALF), graph.power(TWO, HALF))
    assert _truth(graph.floor(on_the_edge)) is UNSURE


@given(left=positive_numbers(), right=positive_numbers())
def test_balls_contain_the_value(left: Fraction, right: Fraction) -> None:
    leaves = {A: left, B: right}
    node = graph.add(graph.log(A), graph.exp(graph.neg(B)), graph.power(A, HALF))
    with balls.precision(80):
        found = exact.evaluate(node, leaves, balls.Balls())
    expected = math.log(left) + math.exp(-right) + math.sqrt(left)
    assert float(found.mid() if hasattr(found, "mid") else found) == pytest.approx(expected)
    width = graph.constant(Fraction(1, 10**20))
    middle = graph.constant(Fraction(str(found.mid().str(30, radius=False))))
    near = graph.conj(
        graph.less(graph.sub(node, middle), width), graph.less(graph.sub(middle, node), width)
    )
    assert balls.evaluate_rigorously([near], leaves) == [True]
