"""Guards that open graphs have the values in arrays that they have written out at a size."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from strategies import profiles

from tokenauction.mechanisms import (
    CATALOGUE,
    PAYMENTS,
    ProfileFunction,
    aggregation_rule,
    linear,
)
from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.faithfulness.open_agreement import open_disagreement
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node, Reduction
from tokenauction.proofs.core.language.grounding import ground
from tokenauction.proofs.core.runs import batch, open_arrays
from tokenauction.proofs.core.runs.batch import Batch, Floats, Truths
from tokenauction.proofs.core.runs.open_arrays import CannotEvaluate, open_values
from tokenauction.proofs.core.tracing.trace import TracingError
from tokenauction.proofs.loading.named import load_targets
from tokenauction.proofs.results.assignment import Assignment

I, J, K = graph.agent("i"), graph.agent("j"), graph.agent("k")  # noqa: E741
S, T = graph.token("s"), graph.token("t")
SIZES = ((1, 1), (1, 3), (2, 3), (3, 2), (3, 3), (4, 1), (5, 4))


def sizes_of(profile: Assignment) -> dict[Axis, int]:
    return {Axis.AGENTS: profile.agents, Axis.TOKENS: profile.tokens}


def in_arrays(node: Node, along: Index, profile: Assignment) -> tuple[Floats, Truths]:
    """The values of a node at every position of an index, and where it is defined."""
    rows = {name: np.array([float(p) for p in row]) for name, row in profile.named.items()}
    bids = np.array([float(bid) for bid in profile.bids])
    dists = np.array([[float(p) for p in row] for row in profile.dists])
    return open_values(node, along, bids, dists, rows)


def written_out(node: Node, along: Index, profile: Assignment) -> tuple[Floats, Truths]:
    """The same with a node for each position, in floats."""
    sizes = sizes_of(profile)
    nodes = [ground(node, sizes, {along: place}) for place in range(sizes[along.axis])]
    floats = Batch({n: np.array([float(x)]) for n, x in leaf_values(profile).items()}, 1)
    floats.run(*nodes)
    values = np.array([floats.value(node)[0] for node in nodes])
    return values, np.array([floats.defined(node)[0] for node in nodes])


def agree(node: Node, along: Index, profile: Assignment) -> bool:
    """Whether both are defined at the same places, and have the same values there."""
    values, defined = in_arrays(node, along, profile)
    expected, where = written_out(node, along, profile)
    if not np.array_equal(defined, where):
        return False
    return np.allclose(values[where], expected[where], rtol=1e-9, atol=1e-12)


# The rules ---------------------------------------------------------------------------------------


def known_rules() -> list[ProfileFunction]:
    """The rules of the tests' own file that can be traced over every size."""
    found: list[ProfileFunction] = []
    for rule in load_targets([str(Path(__file__).parents[2] / "data" / "known_rules.py")]):
        assert isinstance(rule, ProfileFunction)
        try:
            formulas.traced_function(rule)
        except TracingError:
            continue
        found.append(rule)
    return found


KNOWN = known_rules()
FUNCTIONS: list[ProfileFunction] = [*CATALOGUE.values(), *PAYMENTS.values(), *KNOWN]


def test_the_known_rules_that_trace_are_among_those_compared() -> None:
    assert {"smoothed_from_three", "by_argmax", "first_agent"} <= {rule.name for rule in KNOWN}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
@settings(max_examples=10)
@given(size=st.sampled_from(SIZES), data=st.data())
def test_a_rule_has_the_values_that_it_has_written_out(
    function: ProfileFunction, size: tuple[int, int], data: st.DataObject
) -> None:
    profile = data.draw(profiles(*size, named=function.open_names))
    along = claims.RESULT[function.returns]
    compared = 0
    for assumed, result in formulas.traced_function(function):
        if ground(assumed, sizes_of(profile)) is graph.TRUE:
            assert agree(result, along, profile)
            compared += 1
    assert compared == 1


# Graphs made by hand -----------------------------------------------------------------------------

PROFILE = Assignment(
    bids=(Fraction(1), Fraction(0), Fraction(3)),
    dists=(
        (Fraction(1, 2), Fraction(1, 2)),
        (Fraction(0), Fraction(1)),
        (Fraction(1, 4), Fraction(3, 4)),
    ),
    named={"model": (Fraction(1, 4), Fraction(3, 4))},
)
ALONE = Assignment(bids=(Fraction(2),), dists=((Fraction(1, 2), Fraction(1, 2)),))
UNDEFINED = graph.div(graph.ONE, graph.ZERO)
FIRST = graph.agent(0)


def others(kind: Reduction, body: Node, *excluded: Index) -> Node:
    return graph.reduce(kind, J, body, excluded or (I,))


def check(node: Node, expected: list[float | bool | None], profile: Assignment = PROFILE) -> None:
    """The node along agent i has these values, None where it is undefined, in both ways."""
    values, defined = in_arrays(node, I, profile)
    found = [x if ok else None for x, ok in zip(values.tolist(), defined.tolist(), strict=True)]
    assert found == expected
    assert agree(node, I, profile)


def test_a_reduction_leaves_the_excluded_agents_out() -> None:
    bid = graph.bid(J)
    check(others("sum", bid), [3, 4, 1])
    check(others("prod", bid), [0, 3, 0])
    check(others("max", bid), [3, 3, 1])
    check(others("min", bid), [0, 1, 0])
    check(others("all", graph.less(graph.ZERO, bid)), [False, True, False])
    check(others("any", graph.less(graph.ONE, bid)), [True, True, False])


def test_an_agent_at_a_fixed_position_is_left_out_too() -> None:
    check(others("sum", graph.bid(J), FIRST), [3, 3, 3])
    check(others("sum", graph.bid(J), I, FIRST), [3, 3, 0])
    check(graph.sub(graph.bid(I), graph.bid(FIRST)), [0, -1, 2])


def test_a_body_without_the_index_counts_as_often_as_the_index_has_positions() -> None:
    check(others("sum", graph.bid(I)), [2, 0, 6])
    check(others("prod", graph.bid(I)), [1, 0, 9])


def test_nobody_is_left_of_one_agent() -> None:
    check(others("sum", UNDEFINED), [0], ALONE)
    check(others("prod", UNDEFINED), [1], ALONE)
    check(others("all", graph.FALSE), [True], ALONE)
    check(others("any", graph.TRUE), [False], ALONE)
    for node in (
        others("max", graph.bid(J)),
        graph.pick(J, graph.bid(J), graph.bid(J), True, (I,)),
    ):
        with pytest.raises(IndexError):
            written_out(node, I, ALONE)
        with pytest.raises(CannotEvaluate):
            in_arrays(node, I, ALONE)


def test_what_is_left_out_may_be_undefined() -> None:
    inverse = graph.div(graph.ONE, graph.bid(J))
    check(others("sum", inverse), [None, 4 / 3, None])
    check(others("max", inverse), [None, 1, None])
    check(graph.pick(J, inverse, graph.bid(J), True, (I,)), [None, 1, None])


def test_reductions_inside_one_another() -> None:
    rivals = graph.reduce("sum", K, graph.bid(K), (J,))
    check(others("max", rivals), [4, 3, 4])
    shared = graph.reduce("sum", T, graph.mul(graph.prob(I, T), graph.prob(J, T)))
    check(others("sum", graph.mul(graph.bid(J), shared)), [1.5, 2.75, 0.5])
    # The same name bound twice, once inside the other.
    inner = graph.reduce("sum", J, graph.bid(J))
    check(others("sum", graph.mul(graph.bid(J), inner)), [12, 16, 4])


def test_a_pick_is_the_first_of_the_largest_or_smallest() -> None:
    tied = graph.minimum(graph.bid(J), graph.ONE)
    check(graph.pick(J, tied, graph.bid(J), True), [1, 1, 1])
    check(graph.pick(J, tied, graph.bid(J), True, (I,)), [3, 1, 1])
    check(graph.pick(J, tied, graph.bid(J), False, (I,)), [0, 1, 0])
    check(graph.pick(J, graph.bid(J), graph.bid(I), True), [1, 0, 3])


def test_a_pick_of_one_does_not_look_at_the_key() -> None:
    check(graph.pick(J, graph.mul(UNDEFINED, graph.bid(J)), graph.bid(J), True), [2], ALONE)
    check(graph.pick(J, graph.mul(UNDEFINED, graph.bid(J)), graph.bid(J), True), [None] * 3)
    check(graph.pick(J, graph.bid(J), UNDEFINED, True), [None] * 3)


def test_a_branch_that_is_not_taken_may_be_undefined() -> None:
    inverse = graph.div(graph.ONE, graph.bid(I))
    check(graph.where(graph.less(graph.ZERO, graph.bid(I)), inverse, graph.ZERO), [1, 0, 1 / 3])
    check(graph.where(graph.less(inverse, graph.ONE), graph.ONE, graph.ZERO), [0, None, 1])
    check(graph.where(graph.same(I, FIRST), UNDEFINED, graph.bid(I)), [None, 0, 3])


def test_truths_of_something_undefined_are_undefined() -> None:
    undefined = graph.less(graph.div(graph.ONE, graph.bid(I)), graph.ONE)
    check(graph.disj(undefined, graph.at_most(graph.bid(I), graph.ONE)), [True, None, True])
    check(graph.conj(undefined, graph.less(graph.ONE, graph.bid(I))), [False, None, True])
    check(graph.negation(undefined), [True, None, False])


def test_the_edges_of_powers_roots_and_logarithms() -> None:
    bid, minus = graph.bid(I), graph.constant(-1)
    check(graph.power(bid, minus), [1, None, 1 / 3])
    check(graph.power(graph.sub(bid, graph.ONE), graph.constant(Fraction(1, 2))), [0, None, 2**0.5])
    check(graph.log(graph.sub(bid, graph.ONE)), [-np.inf, None, float(np.log(2))])
    check(graph.exp(graph.log(graph.mul(bid, graph.ZERO))), [0, 0, 0])
    check(graph.mul(bid, graph.log(graph.ZERO)), [-np.inf, None, -np.inf])
    assert agree(graph.power(graph.log(graph.ZERO), graph.constant(Fraction(1, 2))), I, PROFILE)
    assert agree(graph.power(graph.log(bid), graph.constant(Fraction(1, 2))), I, PROFILE)
    check(graph.floor(graph.div(bid, graph.constant(2))), [0, 0, 1])


def test_sizes_named_distributions_and_indices() -> None:
    check(graph.div(graph.size(Axis.AGENTS), graph.size(Axis.TOKENS)), [1.5] * 3)
    expected = graph.reduce("sum", T, graph.mul(graph.named_dist("model", T), graph.prob(I, T)))
    check(expected, [0.5, 0.75, 0.625])
    check(graph.same(I, graph.agent(2)), [False, False, True])
    check(others("sum", graph.where(graph.same(I, J), graph.ZERO, graph.ONE), FIRST), [2, 1, 1])


def test_what_the_sizes_decide_is_worked_out_in_fractions() -> None:
    three_tenths = graph.mul(graph.size(Axis.AGENTS), graph.constant(Fraction(1, 10)))
    added_up = graph.reduce("sum", J, graph.constant(Fraction(1, 10)))
    for found in (three_tenths, added_up):
        exact = graph.equal(found, graph.constant(Fraction(3, 10)))
        check(graph.where(exact, graph.bid(I), UNDEFINED), [1, 0, 3])


def test_an_index_of_an_axis_of_many_positions_has_the_same_values() -> None:
    rng = np.random.default_rng(5)
    weights = rng.integers(0, 5, size=(9, 12))
    many = Assignment(
        bids=tuple(Fraction(int(bid), 4) for bid in rng.integers(0, 9, size=9)),
        dists=tuple(tuple(Fraction(int(w), int(row.sum())) for w in row) for row in weights),
    )
    likelier = graph.less(graph.prob(I, T), graph.prob(I, S))
    rank = graph.reduce("sum", S, graph.where(likelier, graph.ONE, graph.ZERO), (T,))
    least_rank_held = graph.reduce("min", T, graph.mul(graph.prob(J, T), rank))
    assert agree(others("sum", graph.mul(graph.bid(J), least_rank_held)), I, many)


@pytest.mark.parametrize("agents", [2, 9, 30, 64])
def test_a_sum_is_the_same_to_the_last_bit_along_every_index(agents: int) -> None:
    rng = np.random.default_rng(agents)
    bids, dists = rng.random(agents), np.ones((agents, 1))
    # In the order of the names, one index comes before the summed one and the other after it.
    sums = {at: others("sum", graph.mul(graph.bid(J), graph.bid(at)), FIRST) for at in (I, K)}
    differs = graph.negation(graph.equal(sums[I], sums[K]))
    found = graph.reduce("any", K, graph.conj(graph.same(I, K), differs))
    assert open_values(found, I, bids, dists, {})[0].tolist() == [False] * agents


@pytest.mark.parametrize(
    "node",
    [
        graph.scalar("raised_bid"),
        graph.other_bid(I),
        graph.bid(J),
        graph.bid(I.permuted("order")),
        graph.bid(graph.agent(7)),
        graph.position_of_largest(J, graph.bid(J), True),
        graph.before(I, J, graph.bid(J), True, ()),
    ],
    ids=lambda node: str(node.op),
)
def test_what_has_no_arrays_is_refused(node: Node) -> None:
    with pytest.raises(CannotEvaluate):
        in_arrays(node, I, PROFILE)


def test_arrays_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    node = others("sum", graph.mul(graph.bid(J), graph.bid(I)))
    monkeypatch.setattr(open_arrays, "MOST_ELEMENTS", 9)
    check(node, [3, 0, 3])
    monkeypatch.setattr(open_arrays, "MOST_ELEMENTS", 8)
    with pytest.raises(CannotEvaluate, match="too large"):
        in_arrays(node, I, PROFILE)


# Graphs at random --------------------------------------------------------------------------------

BINARY: list[Callable[..., Node]] = [
    graph.add, graph.sub, graph.mul, graph.div, graph.maximum, graph.minimum,
]  # fmt: skip
UNARY: list[Callable[[Node], Node]] = [
    graph.exp,
    graph.log,
    graph.floor,
    lambda x: graph.power(x, graph.constant(-2)),
    lambda x: graph.power(x, graph.constant(Fraction(1, 2))),
]


@st.composite
def numbers(draw: DrawFn, depth: int, agents: tuple[Index, ...], tokens: tuple[Index, ...]) -> Node:
    """A number over these agents and tokens."""
    smaller = numbers(depth - 1, agents, tokens)
    match draw(st.integers(0, 7 if depth else 2)):
        case 0:
            return graph.bid(draw(st.sampled_from(agents)))
        case 1:
            return graph.prob(draw(st.sampled_from(agents)), draw(st.sampled_from(tokens)))
        case 2:
            return draw(st.sampled_from([graph.constant(2), graph.ZERO, graph.size(Axis.AGENTS)]))
        case 3:
            unary: Callable[[Node], Node] = draw(st.sampled_from(UNARY))
            return unary(draw(smaller))
        case 4:
            binary: Callable[..., Node] = draw(st.sampled_from(BINARY))
            return binary(draw(smaller), draw(smaller))
        case 5:
            condition = draw(truths(depth - 1, agents, tokens))
            return graph.where(condition, draw(smaller), draw(smaller))
        case 6:
            over, excluded, below = draw(binders(depth, agents, tokens))
            kinds: list[Reduction] = ["sum", "prod", "max", "min"]
            kind = draw(st.sampled_from(kinds))
            return graph.reduce(kind, over, draw(below), excluded)
        case _:
            over, excluded, below = draw(binders(depth, agents, tokens))
            return graph.pick(over, draw(below), draw(below), draw(st.booleans()), excluded)


@st.composite
def truths(draw: DrawFn, depth: int, agents: tuple[Index, ...], tokens: tuple[Index, ...]) -> Node:
    """A truth value over these agents and tokens."""
    number = numbers(max(depth - 1, 0), agents, tokens)
    match draw(st.integers(0, 5 if depth > 0 else 1)):
        case 0:
            return graph.same(draw(st.sampled_from(agents)), draw(st.sampled_from(agents)))
        case 1 | 2:
            compare = draw(st.sampled_from([graph.less, graph.at_most, graph.equal]))
            return compare(draw(number), draw(number))
        case 3:
            return graph.negation(draw(truths(depth - 1, agents, tokens)))
        case 4:
            join = draw(st.sampled_from([graph.conj, graph.disj]))
            part = truths(depth - 1, agents, tokens)
            return join(draw(part), draw(part))
        case _:
            over = graph.agent(f"q{depth}")
            body = draw(truths(depth - 1, (*agents, over), tokens))
            excluded = draw(st.sampled_from([(), (I,), (FIRST,)]))
            return graph.reduce(draw(st.sampled_from(["all", "any"])), over, body, excluded)


@st.composite
def binders(
    draw: DrawFn, depth: int, agents: tuple[Index, ...], tokens: tuple[Index, ...]
) -> tuple[Index, tuple[Index, ...], Any]:
    """A fresh index, indices that it leaves out, and the numbers over it too."""
    if draw(st.booleans()):
        over = graph.agent(f"j{depth}")
        excluded = draw(st.sampled_from([(), (), (I,), (FIRST,), (agents[-1],)]))
        return over, excluded, numbers(depth - 1, (*agents, over), tokens)
    over = graph.token(f"s{depth}")
    excluded = draw(st.sampled_from([(), (), (graph.token(0),)]))
    return over, excluded, numbers(depth - 1, agents, (*tokens, over))


@settings(max_examples=300)
@given(node=numbers(4, (I, FIRST), (graph.token(0),)), profile=profiles())
def test_a_graph_at_random_has_the_values_that_it_has_written_out(
    node: Node, profile: Assignment
) -> None:
    try:
        assert agree(node, I, profile)
    except (CannotEvaluate, IndexError):
        assume(False)  # An extremum or a pick over nobody.


# Mistakes ----------------------------------------------------------------------------------------

SMALLEST = graph.pick(J, graph.bid(J), graph.bid(J), False, (I,))


def every_agent(arrays: Any, over: Index, excluded: tuple[Index, ...]) -> Any:
    return np.ones(arrays._places(over).shape, dtype=bool)


def defined_everywhere(op: str, args: list[Any], defined: list[Truths]) -> tuple[Any, Truths]:
    value, ok = batch.operate(op, args, defined)
    return value, np.ones_like(ok)


def mirrored(arrays: Any, index: Index) -> Any:
    return PLACES(arrays, index)[::-1]


PLACES = open_arrays._OpenArrays._places
MISTAKES: dict[str, tuple[str, Any, Node]] = {
    "a product for a sum": ("_FOLDS.sum", (np.multiply, 1.0), others("sum", graph.bid(J))),
    "a sum for a product": ("_FOLDS.prod", (np.add, 0.0), others("prod", graph.bid(J))),
    "one for the empty sum": ("_FOLDS.sum", (np.add, 1.0), others("sum", graph.bid(J))),
    "the smallest for the largest": (
        "_FOLDS.max",
        (np.minimum, np.inf),
        others("max", graph.bid(J)),
    ),
    "the largest for the smallest": ("_FOLDS.min", (np.maximum, -np.inf), SMALLEST),
    "some for all": (
        "_FOLDS.all",
        (np.logical_or, False),
        others("all", graph.less(graph.ZERO, graph.bid(J))),
    ),
    "all for some": (
        "_FOLDS.any",
        (np.logical_and, True),
        others("any", graph.less(graph.ONE, graph.bid(J))),
    ),
    "nobody left out": ("_OpenArrays._inside", every_agent, others("sum", graph.bid(J))),
    "agents in another order": ("_OpenArrays._places", mirrored, graph.bid(I)),
    "a quotient by zero": ("operate", defined_everywhere, graph.div(graph.ONE, graph.bid(I))),
    "sizes in floats": (
        "_varies",
        lambda node: True,
        graph.equal(
            graph.reduce("sum", J, graph.constant(Fraction(1, 10))), graph.constant(Fraction(3, 10))
        ),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_arrays_makes_a_difference(
    mistake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, wrong, node = MISTAKES[mistake]
    assert agree(node, I, PROFILE)
    if name.startswith("_FOLDS."):
        monkeypatch.setitem(open_arrays._FOLDS, name.removeprefix("_FOLDS."), wrong)
    else:
        monkeypatch.setattr(f"{open_arrays.__name__}.{name}", wrong)
    assert not agree(node, I, PROFILE)


# The trace and the run ---------------------------------------------------------------------------


@aggregation_rule
def another_at_forty(bids: Any, dists: Any) -> Any:
    """A rule whose number of agents no trace sees."""
    xp = array_namespace(bids, dists)
    weights = bids + 1 if isinstance(bids.shape[0], int) and bids.shape[0] == 40 else bids
    return xp.matmul(weights, dists) / xp.sum(weights)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_trace_of_a_rule_is_its_run_at_every_size(function: ProfileFunction) -> None:
    assert not open_disagreement(function, formulas.traced_function(function), SIZES)


@pytest.mark.parametrize("most", [open_arrays.MOST_ELEMENTS, 0], ids=["arrays", "written out"])
def test_a_run_that_differs_at_one_size_is_noticed(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_arrays, "MOST_ELEMENTS", most)
    paths = formulas.traced_function(another_at_forty)
    assert "40 agents and 2 tokens" in open_disagreement(another_at_forty, paths, [])
    assert not open_disagreement(linear, formulas.traced_function(linear), [])
