"""Rules that NumPy refuses, and sizes at which a rule raises: neither may be proved.

The trace may refuse more than NumPy does, never less: whatever it accepts at a size, NumPy computes
there, with the same values.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import array_api_compat.numpy as xnp
import numpy as np
import pytest
from array_api_compat import array_namespace
from traced_arrays import fixed_inputs, grounded, numpy_inputs, open_inputs, values_of

from tokenauction.mechanisms import (
    Distribution,
    Mechanism,
    aggregation_rule,
    linear,
    linear_pool,
    logarithmic_pool,
    payment_rule,
    sum_of_greater,
)
from tokenauction.proofs import verify
from tokenauction.proofs.command_line.display import Display
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.faithfulness.agreement import failure_at
from tokenauction.proofs.core.tracing.trace import TracingError
from tokenauction.proofs.core.tracing.traced_namespace import Namespace
from tokenauction.proofs.deciding.explain import explanation
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.verifier import verifier_of
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.report import result
from tokenauction.proofs.results.verdict import Evidence, Proved, Refuted, Scope
from tokenauction.theory import distribution, rule_property

Expression = Callable[[Any, Any, Any], Any]
Function = Callable[..., Any]

# What NumPy refuses, the trace refuses -----------------------------------------------------------


def _added_in_place(array: Any, other: Any) -> Any:
    array += other
    return array


STRICT: dict[str, Expression] = {
    # products: the axes that are summed over have one length
    "matmul": lambda xp, b, d: xp.matmul(b[:1], d),
    "matmul of vectors": lambda xp, b, d: b[:1] @ b,
    "matmul of matrices": lambda xp, b, d: d[:, :1] @ d,
    "matmul from the right": lambda xp, b, d: d.T @ b[:1],
    "matmul of a number": lambda xp, b, d: xp.matmul(xp.sum(b), d),
    "matmul by a NumPy array": lambda xp, b, d: np.ones(1) @ d,
    "dot": lambda xp, b, d: np.dot(b[:1], d),
    "dot as a method": lambda xp, b, d: d.dot(b),
    "tensordot": lambda xp, b, d: np.tensordot(b[:1], d, axes=1),
    "tensordot of named axes": lambda xp, b, d: xp.tensordot(b, d[:1, :], axes=([0], [0])),
    "tensordot of a missing axis": lambda xp, b, d: xp.tensordot(d, d, axes=([2], [0])),
    "tensordot of too many axes": lambda xp, b, d: xp.tensordot(d, d, axes=3),
    "vecdot": lambda xp, b, d: xp.vecdot(b[:1], d.T),
    "vecdot of matrices": lambda xp, b, d: xp.vecdot(d, d[:, :1]),
    "vecdot along the first axis": lambda xp, b, d: xp.vecdot(d, b, axis=0),
    "inner": lambda xp, b, d: np.inner(b[:1], b),
    "einsum spreads a one": lambda xp, b, d: np.einsum("i,ij->j", b[:1], d),
    "einsum to a missing axis": lambda xp, b, d: np.einsum("ij->k", d),
    "einsum to an axis twice": lambda xp, b, d: np.einsum("i->ii", b),
    "average": lambda xp, b, d: np.average(d, axis=0, weights=b[:1]),
    "average of a row of weights": lambda xp, b, d: np.average(d, axis=0, weights=d[:1, :]),
    "average without an axis": lambda xp, b, d: np.average(b, weights=b[:1]),
    "average and its weights": lambda xp, b, d: np.average(d, 0, b, returned=True)[0],
    # shapes
    "stack": lambda xp, b, d: np.stack([b[:1], b]),
    "stack of unlike axes": lambda xp, b, d: np.stack([b[0], b]),
    "stack along a missing axis": lambda xp, b, d: np.stack([b, b], axis=2),
    "list of unlike shapes": lambda xp, b, d: xp.asarray([b, b[:1]]),
    "list of unlike lists": lambda xp, b, d: xp.asarray([[1, 2], [3]]),
    "broadcast to fewer axes": lambda xp, b, d: np.broadcast_to(d, d.shape[1:]),
    "broadcast to one": lambda xp, b, d: np.broadcast_to(b, (1,)),
    "reshape to two open lengths": lambda xp, b, d: np.reshape(d, (-1, -1)),
    "moveaxis from a missing axis": lambda xp, b, d: np.moveaxis(d, 2, 0),
    "moveaxis to a missing axis": lambda xp, b, d: np.moveaxis(d, 0, 2),
    "expand_dims beyond": lambda xp, b, d: np.expand_dims(b, 2),
    "squeeze of a missing axis": lambda xp, b, d: np.squeeze(b[:1], axis=1),
    "squeeze of an axis twice": lambda xp, b, d: np.squeeze(b[:1], axis=(0, 0)),
    "unstack along a missing axis": lambda xp, b, d: xp.unstack(b, axis=1)[0],
    "in place on a shorter array": lambda xp, b, d: _added_in_place(b[:1] * 1, b),
    "in place on truth values": lambda xp, b, d: _added_in_place(b > 1, b),
    "eye with a diagonal": lambda xp, b, d: xp.eye(2, k=1),
    "full of an array": lambda xp, b, d: xp.full(b.shape, b),
    # axes
    "sum over an axis twice": lambda xp, b, d: np.sum(d, axis=(0, -2)),
    "mean over an axis twice": lambda xp, b, d: np.mean(d, axis=(0, 0)),
    "sum over a truth value": lambda xp, b, d: np.sum(d, axis=True),
    "sum over a list of axes": lambda xp, b, d: np.sum(d, axis=[0, 1]),
    "sort along a missing axis": lambda xp, b, d: np.sort(b, axis=1),
    "argsort along a missing axis": lambda xp, b, d: np.argsort(b, axis=1),
    "argmax along a missing axis": lambda xp, b, d: np.argmax(b, axis=3),
    "median along a missing axis": lambda xp, b, d: np.median(b, axis=1),
    "cumsum along a missing axis": lambda xp, b, d: np.cumsum(b, axis=2),
    "cumulative_sum without an axis": lambda xp, b, d: xp.cumulative_sum(d),
    "take along a missing axis": lambda xp, b, d: np.take(b, 0, axis=2),
    "take at values": lambda xp, b, d: np.take(b, b),
    "index at values": lambda xp, b, d: b[xp.floor(b[0])],
    "take_along_axis spreads": lambda xp, b, d: xp.take_along_axis(d, np.asarray([[0]]), axis=1),
    # kinds of numbers
    "minus a mask": lambda xp, b, d: -(b > 1),
    "plus a mask": lambda xp, b, d: +(b > 1),
    "mask minus mask": lambda xp, b, d: (b > 1) - (b > 2),
    "True minus mask": lambda xp, b, d: True - (b > 1),
    "sign of a mask": lambda xp, b, d: xp.sign(b > 1),
    "exp of a mask": lambda xp, b, d: np.exp(b > 1),
    "abs of a mask": lambda xp, b, d: abs(b > 1) + (b > 1),
    "maximum of masks": lambda xp, b, d: xp.maximum(b > 1, b > 2) + (b > 1),
    "sorted mask": lambda xp, b, d: xp.sort(b > 2) + (b > 1),
    "reciprocal of a count": lambda xp, b, d: xp.reciprocal(xp.sum(b > 1) + 1),
    "reciprocal of whole numbers": lambda xp, b, d: xp.reciprocal(xp.asarray([2, 4])),
    "filled with a truth value": lambda xp, b, d: xp.full_like(b, True) + (b > 0),
    "list of a truth value and a number": lambda xp, b, d: xp.asarray([True, 2]),
    "sum_of_greater of a mask": lambda xp, b, d: sum_of_greater(b > 0, b),
}

_BIDS = (Fraction(3, 2), Fraction(1), Fraction(5, 2))
_ROWS = {
    1: ((1,), (1,), (1,)),
    2: ((1, 3), (2, 2), (4, 0)),
    3: ((3, 3, 6), (4, 0, 8), (2, 6, 4)),
}


def _profile(agents: int, tokens: int) -> Assignment:
    rows = _ROWS[tokens][:agents]
    dists = tuple(tuple(Fraction(w, sum(row)) for w in row) for row in rows)
    return Assignment(bids=_BIDS[:agents], dists=dists)


def _numpys(expression: Expression, profile: Assignment) -> Any:
    """What NumPy computes; None where it raises."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(expression(xnp, *numpy_inputs(profile)))
    except (TypeError, ValueError, IndexError):
        return None


def _traced(expression: Expression, agents: int, tokens: int, open_sizes: bool) -> Any:
    """What the trace gives; None where it refuses."""
    bids, dists = open_inputs() if open_sizes else fixed_inputs(agents, tokens)
    try:
        return expression(Namespace(bids.trace), bids, dists)
    except (TracingError, TypeError, ValueError, IndexError):
        return None


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("name", STRICT)
def test_a_trace_accepts_nothing_that_numpy_refuses(name: str, open_sizes: bool) -> None:
    for agents, tokens in np.ndindex(3, 3):
        profile = _profile(agents + 1, tokens + 1)
        traced = _traced(STRICT[name], agents + 1, tokens + 1, open_sizes)
        if traced is None:
            continue
        expected = _numpys(STRICT[name], profile)
        assert expected is not None, "NumPy refuses what was traced"
        nodes = grounded(traced, agents + 1, tokens + 1)
        assert nodes.shape == expected.shape
        assert traced.boolean == (expected.dtype == bool)
        assert np.allclose(values_of(nodes, profile), expected.astype(float))


USABLE = (
    "einsum spreads a one",
    "vecdot along the first axis",
    "list of a truth value and a number",
)


@pytest.mark.parametrize("name", USABLE)
def test_what_numpy_accepts_of_these_is_traced(name: str) -> None:
    assert _traced(STRICT[name], 3, 2, open_sizes=False) is not None


# Rules that raise at some sizes ------------------------------------------------------------------


def _by_matmul(bids: Any, dists: Any) -> Any:
    return np.matmul(bids[:1] * 0 + 1, dists) / bids.shape[0]


def _by_dot(bids: Any, dists: Any) -> Any:
    return (bids[:1] * 0 + 1).dot(dists) / bids.shape[0]


def _by_tensordot(bids: Any, dists: Any) -> Any:
    return np.tensordot(bids[:1] * 0 + 1, dists, axes=1) / bids.shape[0]


def _by_vecdot(bids: Any, dists: Any) -> Any:
    return np.vecdot(bids[:1] * 0 + 1, dists.T) / bids.shape[0]


def _by_average(bids: Any, dists: Any) -> Any:
    return np.average(dists, axis=0, weights=bids[:1] * 0 + 1)


def _for_numpy_alone(bids: Any, dists: Any) -> Any:
    if isinstance(bids, np.ndarray) and len(bids) > 1:
        raise ValueError("one agent only")
    return bids @ dists / bids.sum()


def _not_for_two(bids: Any, dists: Any) -> Any:
    if bids.shape[0] == 2:
        raise ValueError("not for two")
    return bids @ dists / bids.sum()


def _not_for_seven(bids: Any, dists: Any) -> Any:
    if bids.shape[0] == 7:
        raise ValueError("not for seven")
    return bids @ dists / bids.sum()


def _not_for_ties(bids: Any, dists: Any) -> Any:
    if isinstance(bids, np.ndarray) and len(set(bids)) < len(bids):
        raise ValueError("no ties")
    return bids @ dists / bids.sum()


@pytest.mark.parametrize(
    ("function", "agents"),
    [
        (_by_matmul, 2),
        (_by_dot, 2),
        (_by_tensordot, 2),
        (_by_vecdot, 2),
        (_by_average, 2),
        (_for_numpy_alone, 2),
        (_not_for_two, 2),
        (_not_for_seven, 7),
    ],
)
def test_a_rule_that_raises_is_no_distribution_everywhere(function: Function, agents: int) -> None:
    verdict: Any = verify(aggregation_rule(function), "distribution", budget=10)
    assert isinstance(verdict, Refuted)
    found = verdict.witness
    assert found.assignment.agents == agents
    assert (found.exact, found.undefined) == (False, True)
    assert "raises ValueError" in found.sentence
    bids, dists = numpy_inputs(found.assignment)
    with pytest.raises(ValueError):  # noqa: PT011
        function(bids, dists)


def test_the_counterexample_of_a_rule_that_raises_is_reported_as_a_run() -> None:
    verifier = verifier_of(aggregation_rule(_not_for_two), Options(budget=10))
    verdict = verifier.verify(distribution)
    told = explanation(verifier, distribution, verdict)
    assert told[-1] == "Seen by running the rule on NumPy."
    assert "division by zero" not in " ".join(told)


@pytest.mark.parametrize(
    ("function", "scope"),
    [(_not_for_two, (1, 3)), (_for_numpy_alone, (1,)), (_by_matmul, (1,))],
)
def test_a_proof_leaves_out_the_sizes_at_which_a_rule_raises(
    function: Function, scope: tuple[int, ...]
) -> None:
    verdict: Any = verify(aggregation_rule(function), "anonymous", budget=10)
    assert isinstance(verdict, Proved)
    assert verdict.scope.agents == scope


def test_a_payment_rule_that_raises_leaves_its_sizes_out_too() -> None:
    @payment_rule
    def alone(bids: Any, dists: Any) -> Any:
        if isinstance(bids, np.ndarray) and len(bids) > 1:
            raise ValueError("one agent only")
        return bids / 2

    mechanism = Mechanism(linear, alone)
    positive: Any = verify(mechanism, "no-positive-transfer", budget=10)
    assert positive.scope.agents == (1,)
    rational: Any = verify(mechanism, "individually-rational", budget=10)
    assert isinstance(rational, Refuted)
    assert "one agent only" in rational.witness.sentence


def test_a_rule_that_raises_at_ties_that_no_trace_sees_is_not_proved() -> None:
    rule = aggregation_rule(_not_for_ties)
    assert "no ties" in failure_at(Claim(rule, distribution), 2, 2)
    everywhere: Any = verify(rule, "distribution", budget=10)
    assert isinstance(everywhere, Refuted)
    assert "no ties" in everywhere.witness.sentence
    assert verify(rule, "anonymous", budget=10).status == "unknown"


def test_a_size_at_which_the_trace_and_the_run_differ_is_not_proved() -> None:
    @aggregation_rule
    def other(bids: Any, dists: Any) -> Any:
        if isinstance(bids, np.ndarray) and dists.shape == (3, 1):
            return dists[0] * 2
        return bids[0:] @ dists / bids.sum()

    assert "disagree" in failure_at(Claim(other, distribution), 3, 1)
    assert failure_at(Claim(other, distribution), 2, 1) == ""
    verdict: Any = verify(other, "distribution", budget=10)
    assert verdict.status != "proved"


def test_a_property_may_call_the_rule_with_fewer_agents() -> None:
    @rule_property
    def without_the_last(rule: Any, bids: Any, dists: Any) -> Any:
        if bids.shape[0] == 1:
            return bids[0] == bids[0]
        xp = array_namespace(bids)
        return xp.all(rule(bids[:-1] + 1, dists[:-1, :]) >= 0)

    assert failure_at(Claim(linear, without_the_last), 3, 2) == ""
    assert verify(linear, without_the_last, budget=10).status == "proved"


# Scopes in the table -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        (Scope((1, 3), (1, 2, 3)), "[1, 3 agents, 1 to 3 tokens]"),
        (Scope((1, 2), (2,)), "[1 to 2 agents, 2 tokens]"),
        (Scope((2, 4, 5)), "[2, 4, 5 agents, all tokens]"),
        (Scope(), "[all agents, all tokens]"),
    ],
)
def test_a_row_shows_exactly_the_sizes_of_its_scope(scope: Scope, shown: str) -> None:
    claim = {"rule": "r", "file": "r.py", "line": 1, "property": "p", "fingerprint": None}
    row = result(claim, Proved(scope, Evidence("none")), 0.0)
    with Display() as display:
        assert display.text([row], plain=True).splitlines()[0].endswith(shown)
    assert str(scope) == shown[1:-1]


# Weights of pools --------------------------------------------------------------------------------


class _Callable:
    def __call__(self, bids: Any) -> Any:
        return bids


def _default(bids: Any = None) -> Any:
    return bids


def _several(*bids: Any) -> Any:
    return bids[0]


def _nothing() -> Any:
    return 1


def _by_name(*, bids: Any) -> Any:
    return bids


def _with_dists(bids: Any, *, dists: Any = 1) -> Any:
    return bids * dists


def _with_bids(first: Any, *, bids: Any = 2) -> Any:
    return first**bids


def _any_options(bids: Any, **options: Any) -> Any:
    return bids


def _with_a_distribution(bids: Any, *, model: Distribution) -> Any:
    return bids * model[0]  # type: ignore[index]


@pytest.mark.parametrize("pool", [linear_pool, logarithmic_pool])
@pytest.mark.parametrize(
    ("weights", "way_out"),
    [
        (_default, "bids first, by position and without a default"),
        (_several, "bids first, by position and without a default"),
        (_nothing, "bids first, by position and without a default"),
        (_by_name, "bids first, by position and without a default"),
        (_with_dists, "take 'dists' out"),
        (_with_bids, "take 'bids' out"),
        (_any_options, "not a parameter that a rule can have"),
        (_with_a_distribution, "see the bids alone"),
        (_Callable(), "write def"),
        (lambda bids: bids, "write def"),
    ],
)
def test_weights_of_another_signature_are_refused(
    pool: Any, weights: Function, way_out: str
) -> None:
    with pytest.raises(TypeError, match=way_out):
        pool(weights)


def test_the_bids_of_a_pool_may_have_any_name() -> None:
    def doubled(dists: Any, *, rule: float = 2) -> Any:
        return dists * rule

    pool = linear_pool(doubled)
    assert pool.label == "doubled(rule=2)"
    found = pool(np.array([1.0, 3.0]), np.eye(2))
    assert np.allclose(found, [0.25, 0.75])
    assert verify(pool, "monotone", budget=10).status == "proved"


@pytest.mark.parametrize("values", [np.array([True, False]), np.array([3, 1], dtype=np.uint8)])
def test_a_sum_of_greater_orders_numbers_with_a_sign(values: Any) -> None:
    with pytest.raises(TypeError, match="with a sign"):
        sum_of_greater(values, np.ones(2))


def test_what_the_run_raises_is_not_put_on_the_trace() -> None:
    @aggregation_rule
    def past_the_end(bids: Any, dists: Any) -> Any:
        wanting = (bids > 1).sum()
        return (bids + 0 * np.sort(bids)[wanting]) @ dists / bids.sum()

    found = verify(past_the_end, "anonymous", budget=3)
    assert found.status == "unknown"
    assert "raises IndexError with 2 agents and 3 tokens" in found.reason
    assert "cannot be followed" not in found.reason
    assert verify(past_the_end, "distribution", budget=3).status == "refuted"
