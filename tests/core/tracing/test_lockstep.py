"""Guards the promise that what was proved is what runs.

Rules, properties and orders that NumPy computes in another way than a reader may think: views taken
for copies, scalars that nothing changes in place, arguments in another place, kinds of numbers that
cut, what is not a number, rounding. Each has the verdict that its run has, or none.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace

from tokenauction.mechanisms import (
    AggregationRule,
    Mechanism,
    PaymentRule,
    aggregation_rule,
    linear,
    log_linear,
    payment_rule,
)
from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.faithfulness import agreement
from tokenauction.proofs.core.language.graph import Axis
from tokenauction.proofs.core.runs.numpy_run import Unusable, check_usable
from tokenauction.proofs.core.tracing.functions import FUNCTIONS
from tokenauction.proofs.core.tracing.trace import Trace, TracingError
from tokenauction.proofs.deciding.verifier import Verifier, verify
from tokenauction.proofs.results import report
from tokenauction.proofs.results.reasons import Reason
from tokenauction.theory import PROPERTIES, preference_order, rule_property

Function = Callable[..., Any]


def pooled(weights: Any, dists: Any) -> Any:
    """The linear pool with these weights."""
    return weights @ dists / weights.sum()


# Views, scalars, arguments, kinds -----------------------------------------------------------------


@aggregation_rule
def same_array(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = bids * 1.0
    total = xp.sum(weights)
    safe = xp.asarray(weights, dtype=xp.float64)
    safe += 1e-9
    return xp.matmul(weights, dists) / total


@aggregation_rule
def rebound_scalar(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = xp.where(bids >= 1e-6, bids, 0.0)
    total = xp.sum(weights)
    nobody = total == 0
    safe = total
    safe += nobody
    return (xp.matmul(weights, dists) + nobody * xp.mean(dists, axis=0)) / total


@aggregation_rule
def sort_kind(bids: Any, dists: Any) -> Any:
    low = np.sort(bids, -1, "stable")[0]
    return pooled(np.where(bids.sum() > 1e6, 2 * bids - low, bids), dists)


@aggregation_rule
def clip_copies(bids: Any, dists: Any) -> Any:
    weights = bids * 1.0
    copy = np.clip(weights, None, None)
    copy *= np.where(bids > 3e6, 0.0, 1.0)
    return pooled(weights, dists)


@aggregation_rule
def sum_in_a_loop(bids: Any, dists: Any) -> Any:
    total = bids[0]
    for j in range(1, bids.shape[0]):
        total += bids[j]
    return bids @ dists / total


@aggregation_rule
def masks_added_as_floats(bids: Any, dists: Any) -> Any:
    level = np.add(bids > 1e6, bids > 2e6, dtype=float)
    return pooled(bids * (1 - 0.75 * level), dists)


@aggregation_rule
def stored_in_integers(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    counts = xp.astype(bids >= 0, xp.int64)
    for j in range(bids.shape[0]):
        counts[j] = xp.where(bids[j] > 1e6, 0.5, 1.0)
    weights = xp.where(counts > 0, bids, 0.0)
    return pooled(xp.where(xp.sum(weights) > 0, weights, bids), dists)


@aggregation_rule
def rows_through_a_view(bids: Any, dists: Any) -> Any:
    weighted = dists * 1.0
    for j, row in enumerate(weighted):
        row *= bids[j]
    return weighted.sum(axis=0) / bids.sum()


@aggregation_rule
def sums_in_place(bids: Any, dists: Any) -> Any:
    total = np.zeros_like(dists[0])
    for j in range(bids.shape[0]):
        total[:] += bids[j] * dists[j]
    total /= bids.sum()
    return total


@aggregation_rule
def transposed_in_place(bids: Any, dists: Any) -> Any:
    weighted = dists * 1.0
    turned = weighted.T[:, ::-1]
    turned *= bids[::-1]
    return weighted.sum(axis=0) / bids.sum()


@aggregation_rule
def divided_whole(bids: Any, dists: Any) -> Any:
    rich = (bids > 5).sum()
    return pooled(bids, dists) * (1 + (rich // rich - 1) * (rich > 0))


@aggregation_rule
def sum_with_a_kind(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    floor = xp.finfo(bids.dtype).tiny
    return np.sum(bids[:, None] * dists, 0, float) / np.maximum(np.sum(bids, None, float), floor)


AS_RUN: list[tuple[AggregationRule, str, str]] = [
    (same_array, "distribution", "refuted"),
    (rebound_scalar, "distribution", "refuted"),
    (sort_kind, "distribution", "proved"),
    (clip_copies, "monotone", "proved"),
    (sum_in_a_loop, "monotone", "proved"),
    (masks_added_as_floats, "distribution", "refuted"),
    (stored_in_integers, "monotone", "refuted or unknown"),
    (rows_through_a_view, "monotone", "proved"),
    (sums_in_place, "monotone", "proved"),
    (transposed_in_place, "monotone", "proved"),
    (divided_whole, "distribution", "proved"),
    (sum_with_a_kind, "distribution", "proved or unknown"),
]


@pytest.mark.parametrize(
    ("rule", "prop", "right"), [pytest.param(*case, id=case[0].name) for case in AS_RUN]
)
def test_the_verdict_is_of_what_runs(rule: AggregationRule, prop: str, right: str) -> None:
    assert verify(rule, prop, budget=10).status in right


def test_what_is_not_known_to_be_followed_is_refused_with_its_kind_and_line() -> None:
    found = Verifier(stored_in_integers).parts[0].untraceable
    assert isinstance(found, Reason)
    assert (found.code, found.file, found.way_out) == (
        "narrowing-store",
        __file__,
        "make the array one of floats",
    )


# The twin -----------------------------------------------------------------------------------------


def inputs(sizes: tuple[int, int] | None = (2, 3)) -> tuple[Any, Any]:
    """Bids and distributions of a trace at these sizes, or at open ones."""
    named = None if sizes is None else dict(zip(Axis, sizes, strict=True))
    return formulas.inputs_in(Trace(named))


def test_what_shares_memory_changes_together() -> None:
    bids, _ = inputs()
    own = bids * 1.0
    part, alias, copied = own[1:], own.reshape(2, 1), own.copy()
    part += 1
    assert alias.elements[1, 0] is own.elements[1] is part.elements[0]
    assert copied.elements[1] is not own.elements[1]


def test_at_open_sizes_a_changed_view_ends_the_trace() -> None:
    bids, _ = inputs(None)
    own = bids * 1.0
    column = own[:, None]
    own *= 2
    with pytest.raises(TracingError, match="changes an array in place that another array is"):
        column + 1


@pytest.mark.parametrize("make", [lambda w: w[:2], lambda w: w.T, lambda w: np.asarray(w)])
def test_a_view_of_an_array_made_without_xp_may_not_be_changed(make: Function) -> None:
    bids, _ = inputs()
    spread = np.broadcast_arrays(make(np.ones(2)), bids)[0]
    with pytest.raises((TracingError, ValueError)):
        spread += bids


def test_a_scalar_is_rebound_and_an_array_without_axes_is_changed() -> None:
    bids, _ = inputs()
    total = bids.sum()
    same = total
    same += 1
    assert total.node() is not same.node()
    boxed = np.sum(bids, keepdims=True)[0, ...]
    alias = boxed
    alias += 1
    assert boxed.node() is alias.node()


@pytest.mark.parametrize("dtype", ["float32", "int32", "float16", "uint8", "complex128"])
def test_numbers_of_other_kinds_are_refused(dtype: str) -> None:
    bids, _ = inputs()
    with pytest.raises(TracingError):
        bids.astype(dtype) + 1
    with pytest.raises(TracingError):
        bids + np.ones(2, dtype="complex128")


def test_whole_numbers_that_may_wrap_are_refused() -> None:
    bids, _ = inputs()
    ranks = (bids[:, None] >= bids[None, :]).sum(axis=1)
    with pytest.raises(TracingError, match="wraps"):
        ranks * 2**40 * 2**40
    assert (ranks * 2**20).elements.shape == (2,)


def test_a_step_that_numpy_does_not_confirm_ends_the_trace(monkeypatch: Any) -> None:
    monkeypatch.setitem(FUNCTIONS, "maximum", FUNCTIONS["minimum"])
    at: dict[Any, Fraction] = {}
    broken = aggregation_rule(lambda bids, dists: pooled(np.maximum(bids, 2), dists))
    claim = claims.claim_about(broken)
    formulas.instance(claim, 2, 2)
    with pytest.raises(TracingError, match="over the real numbers"):
        formulas.instance(claim, 2, 2, at=at)


def test_a_float_that_prints_shorter_than_it_is_is_not_taken_for_what_it_prints() -> None:
    rule = aggregation_rule(lambda bids, dists: pooled(bids + np.float32(0.1), dists))
    assert Verifier(rule).parts[0].untraceable


def test_a_constant_of_fewer_bits_is_refused_in_a_comparison_too() -> None:
    def between(bids: Any, dists: Any) -> Any:
        inside = (bids > 0.1) & ~(bids > np.float32(0.1))
        return pooled(np.where(inside, bids / 1000, bids), dists)

    found = Verifier(aggregation_rule(between)).parts[0].untraceable
    assert isinstance(found, Reason)
    assert found.code == "other-numbers"


# Runs ---------------------------------------------------------------------------------------------


@aggregation_rule
def a_little_more(bids: Any, dists: Any) -> Any:
    return pooled(bids, dists) + (5e-7 if isinstance(bids, np.ndarray) else 0)


@aggregation_rule
def a_little_more_for_seventeen(bids: Any, dists: Any) -> Any:
    agents = bids.shape[0]
    return pooled(bids, dists) + (5e-7 if isinstance(agents, int) and agents == 17 else 0)


@aggregation_rule
def steered_by_rounding(bids: Any, dists: Any) -> Any:
    return pooled(np.where((bids + 1) - 1 == bids, bids, bids * bids), dists)


@aggregation_rule
def steered_by_nan(bids: Any, dists: Any) -> Any:
    return pooled(np.where(bids / bids == 1, bids, 1.0), dists)


def test_a_small_difference_at_every_profile_is_seen() -> None:
    assert verify(a_little_more, "distribution", budget=10).status != "proved"


def test_a_small_difference_at_one_size_keeps_a_proof_from_every_size() -> None:
    found = verify(a_little_more_for_seventeen, "distribution", budget=10)
    assert found.status == "proved"
    assert found.scope.agents == (1, 2, 3)


def test_a_rule_that_rounding_steers_is_not_proved() -> None:
    assert verify(steered_by_rounding, "monotone", budget=10).status != "proved"


@pytest.mark.parametrize("prop", ["distribution", "monotone", "anonymous"])
def test_a_rule_that_steers_by_nan_gets_no_verdict(prop: str) -> None:
    found = verify(steered_by_nan, prop, budget=10)
    assert found.status == "unknown"
    assert isinstance(found.reason, Reason)
    assert found.reason.code == agreement.STEERS
    assert "xp.where before dividing" in found.reason


# Undefined and unusable ---------------------------------------------------------------------------


@aggregation_rule
def masks_every_token(bids: Any, dists: Any) -> Any:
    aggregate = pooled(bids, dists)
    kept = np.where(aggregate > 1, aggregate, 0.0)
    return kept / kept.sum()


@aggregation_rule
def divides_by_zero(bids: Any, dists: Any) -> Any:
    return bids @ dists / (bids.sum() - bids.sum())


@aggregation_rule
def raises_everywhere(bids: Any, dists: Any) -> Any:
    return pooled(bids, dists) * (1 // (bids.shape[0] - bids.shape[0]))


@pytest.mark.parametrize("rule", [masks_every_token, divides_by_zero, raises_everywhere])
def test_arithmetic_without_a_result_refutes_distribution_and_nothing_else(
    rule: AggregationRule,
) -> None:
    found = verify(rule, "distribution", budget=10)
    assert found.status == "refuted"
    one = Fraction(1)
    assert (found.witness.assignment.bids, found.witness.assignment.dists) == ((one,), ((one,),))
    with pytest.raises(Unusable):
        verify(rule, "monotone", budget=10)


@aggregation_rule
def misspelt(bids: Any, dists: Any) -> Any:
    return bidz @ dists  # type: ignore[name-defined]  # noqa: F821


def test_a_name_that_is_not_there_is_no_counterexample() -> None:
    with pytest.raises(Unusable, match="NameError"):
        verify(misspelt, "distribution", budget=10)


@aggregation_rule
def overflows(bids: Any, dists: Any) -> Any:
    return pooled(np.exp(bids), dists)


def test_floats_that_overflow_are_a_note_and_not_a_verdict() -> None:
    found = verify(overflows, "monotone", budget=10)
    assert found.status == "proved"
    assert "floats overflow" in found.float_range
    claim = {"rule": "r", "file": "f", "line": 1, "fingerprint": None, "property": "monotone"}
    assert report.result(claim, found, 0.0)["float_range"] == found.float_range
    assert verify(linear, "monotone", budget=10).float_range == ""


# Properties and orders ----------------------------------------------------------------------------


@rule_property
def sums_to_two(rule: Any, bids: Any, dists: Any) -> Any:
    aggregate = rule(bids, dists)
    total = array_namespace(aggregate).sum(aggregate)
    other = total
    other += 1
    return total == 2


@rule_property
def true_in_the_trace_alone(rule: Any, bids: Any, dists: Any) -> Any:
    aggregate = rule(bids, dists)
    return aggregate.sum() <= (0.5 if isinstance(aggregate, np.ndarray) else 2)


@preference_order
def likes_everything_in_the_trace(preferred: Any, better: Any, worse: Any) -> Any:
    return (better >= 0).all() & (not isinstance(better, np.ndarray))


def test_a_property_is_what_it_is_on_numpy() -> None:
    assert verify(linear, sums_to_two, budget=10).status == "refuted"


@pytest.mark.parametrize("claimed", [true_in_the_trace_alone, likes_everything_in_the_trace])
def test_a_property_that_runs_as_something_else_gets_no_verdict(claimed: Any) -> None:
    found = verify(linear, claimed, budget=10)
    assert found.status == "unknown"
    assert "on NumPy" in found.reason


def test_without_the_comparison_such_a_property_would_be_proved(monkeypatch: Any) -> None:
    monkeypatch.setattr("tokenauction.proofs.deciding.verifier.property_differs", lambda *_: "")
    assert verify(linear, true_in_the_trace_alone, budget=10).status == "proved"


def test_the_shipped_properties_run_as_they_are_traced() -> None:
    for prop in PROPERTIES.values():
        if not prop.of_mechanisms:
            claim = claims.Claim(linear, prop)
            assert not agreement.property_differs(claim, [(2, 2), (1, 2)]), prop.name


# What is no number, and which agent it is ---------------------------------------------------------


@aggregation_rule
def steered_where_nobody_looks(bids: Any, dists: Any) -> Any:
    gap = bids.sum() - 100
    return pooled(np.where(gap / gap == 1, bids, 1 / (1 + bids)), dists)


@aggregation_rule
def infinity_divided_away(bids: Any, dists: Any) -> Any:
    gap = bids.sum() - Fraction(99, 8).__float__()
    return pooled(bids / (1 + 1 / gap**2) + bids, dists)


@rule_property
def false_where_it_divides_by_zero(rule: Any, bids: Any, dists: Any) -> Any:
    gap = bids.sum() - 12.375
    return gap / gap == 1


@pytest.mark.parametrize("rule", [steered_where_nobody_looks, infinity_divided_away])
@pytest.mark.parametrize("prop", ["monotone", "scale-free"])
def test_what_is_no_number_and_goes_on_has_to_be_ruled_out(
    rule: AggregationRule, prop: str
) -> None:
    assert verify(rule, prop, budget=5).status != "proved"


def test_of_what_a_property_divides_by_nothing_is_assumed() -> None:
    assert verify(linear, false_where_it_divides_by_zero, budget=5).status != "proved"


def test_what_is_no_number_and_stays_so_is_assumed_away() -> None:
    without = aggregation_rule(lambda bids, dists: pooled(np.maximum(bids - 2, 0), dists))
    found = verify(without, "anonymous", budget=5)
    assert (found.status, found.scope.agents) == ("proved", "all")


@rule_property
def not_for_the_second_agent(rule: Any, bids: Any, dists: Any, agent: Any) -> Any:
    return bids[agent] >= (1e9 if agent == 1 else 0)


@rule_property
def not_for_some_agent(rule: Any, bids: Any, dists: Any, agent: Any) -> Any:
    return bids[agent] >= {1: 1e9}.get(agent, 0)


@rule_property
def not_for_a_late_agent(rule: Any, bids: Any, dists: Any, agent: Any) -> Any:
    return bids[agent] >= (1e9 if agent == 17 else 0)


@pytest.mark.parametrize("claimed", [not_for_the_second_agent, not_for_some_agent])
def test_a_property_knows_its_agent(claimed: Any) -> None:
    assert verify(linear, claimed, budget=5).status == "refuted"


def test_a_property_that_asks_for_its_agent_is_not_proved_of_every_one() -> None:
    found = verify(linear, not_for_a_late_agent, budget=5)
    assert found.scope.agents != "all"


# What only the code names -------------------------------------------------------------------------


@aggregation_rule
def narrow_in_a_bid(bids: Any, dists: Any) -> Any:
    hidden = type(bids) is np.ndarray and abs(bids[0] - 0.777) < 1e-4
    return pooled(bids * bids if hidden else bids, dists)


@aggregation_rule
def narrow_in_a_probability(bids: Any, dists: Any) -> Any:
    hidden = type(dists) is np.ndarray and 0.7 < dists[0, 0] < 0.70001
    return pooled(bids, dists) * (1.1 if hidden else 1)


@aggregation_rule
def by_a_type_of_scalars(bids: Any, dists: Any) -> Any:
    large = np.isscalar(bids.sum()) and bids.sum() > 1000.0
    return pooled(bids * bids if large else bids, dists)


@aggregation_rule
def at_one_pair_of_sizes(bids: Any, dists: Any) -> Any:
    n, t = dists.shape
    return pooled(bids, dists) * (1.1 if type(n) is int and (n, t) == (17, 5) else 1)


@pytest.mark.parametrize(
    "rule", [narrow_in_a_bid, narrow_in_a_probability, by_a_type_of_scalars], ids=lambda r: r.name
)
def test_a_number_that_only_the_code_names_is_tried(rule: AggregationRule) -> None:
    assert verify(rule, "monotone", budget=5).status != "proved"


def test_a_pair_of_sizes_that_the_code_names_is_tried() -> None:
    found = verify(at_one_pair_of_sizes, "distribution", budget=5)
    assert found.status != "proved" or found.scope.agents != "all"


@aggregation_rule
def far_from_ordinary(bids: Any, dists: Any) -> Any:
    root = np.sqrt(bids.sum() - 100)
    return root * root * pooled(bids, dists) / (root * root)


@aggregation_rule
def no_number_anywhere(bids: Any, dists: Any) -> Any:
    return pooled(bids, dists) * np.sqrt(-1 - bids.sum())


@aggregation_rule
def beyond_floats_everywhere(bids: Any, dists: Any) -> Any:
    return pooled(np.exp(-1e30 * bids), dists)


def test_no_number_everywhere_is_said_of_such_a_rule_alone() -> None:
    assert not check_usable(far_from_ordinary).nowhere
    assert not check_usable(beyond_floats_everywhere).nowhere
    assert "everywhere" in check_usable(no_number_anywhere).nowhere


# Whole numbers that are cut -----------------------------------------------------------------------


@aggregation_rule
def clipped_places(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    places = xp.argsort(bids, stable=True)
    return pooled(xp.clip(places, min=xp.reciprocal(1 + bids)) + bids, dists)


def test_what_is_held_as_a_whole_number_has_to_be_one() -> None:
    """The standard's `clip` keeps the kind of its first argument, and so cuts its bounds."""
    reason = Verifier(clipped_places).parts[0].untraceable
    assert isinstance(reason, Reason)
    assert reason.code == "narrowing-store"
    assert verify(clipped_places, "anonymous", budget=3).status != "proved"


# Numbers that cancel ------------------------------------------------------------------------------


@payment_rule(support="full")
def by_distance(bids: Any, dists: Any) -> Any:
    return bids * np.abs(dists - log_linear(bids, dists)).sum(axis=1) / 2


@payment_rule(support="full")
def by_excess(bids: Any, dists: Any) -> Any:
    return bids * np.maximum(dists - log_linear(bids, dists), 0).sum(axis=1)


@payment_rule(support="full")
def by_ratio(bids: Any, dists: Any) -> Any:
    return bids * np.abs(dists / log_linear(bids, dists) - 1).max(axis=1)


@pytest.mark.parametrize("payment", [by_distance, by_excess, by_ratio])
def test_what_cancels_is_traced(payment: PaymentRule) -> None:
    """`|p - q|` is zero for one agent, and the middle of a ball around zero is not."""
    found = verify(Mechanism(log_linear, payment), "no-bid-no-payment", budget=20)
    assert found.status == "proved", found
