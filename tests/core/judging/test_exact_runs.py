"""Guards exact runs: they give the exact values, and refuse whatever object arrays do otherwise.

Rules are run at exact profiles by their own function. What NumPy does to arrays of objects and not
to arrays of floats (copies, roundings, stores) has to end the run, and so has whatever a rule does
that depends on more than the numbers it is given.
"""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from data.type_of_arrays import by_type
from flint import arb, fmpq
from hypothesis import assume, given, settings
from strategies import profiles

from tokenauction.mechanisms import (
    CATALOGUE,
    PAYMENTS,
    ProfileFunction,
    aggregation_rule,
    payment_rule,
)
from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.evaluation.balls import Balls, precision
from tokenauction.proofs.core.evaluation.exact import UNDEFINED, UNSURE, Exact, evaluate_all
from tokenauction.proofs.core.judging import exact_run
from tokenauction.proofs.core.judging.exact_array import ExactArray
from tokenauction.proofs.core.judging.exact_numbers import NoExactRun, OtherNumbers, Undecided
from tokenauction.proofs.core.judging.exact_run import ExactRun, run_exactly
from tokenauction.proofs.core.judging.lockstep import Lockstep
from tokenauction.proofs.core.judging.same_step import SameStep
from tokenauction.proofs.results.assignment import Assignment

BIDS = (Fraction(1), Fraction(2), Fraction(1, 3))
DISTS = (
    (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)),
    (Fraction(1, 6), Fraction(1, 6), Fraction(2, 3)),
    (Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)),
)
Numbers = Sequence[Any]


def exactly(
    function: Callable[..., Any] | ProfileFunction,
    bids: Numbers = BIDS,
    dists: Sequence[Numbers] = DISTS,
    bits: int = 240,
) -> ExactRun:
    """The exact run of a rule, or of a function as one."""
    rule = function if isinstance(function, ProfileFunction) else aggregation_rule(function)
    row = tuple(map(Fraction, bids))
    with precision(bits):
        return run_exactly(rule, row, [tuple(map(Fraction, one)) for one in dists], {}, Balls)


def as_ball(value: Any) -> arb:
    return arb(fmpq(value.numerator, value.denominator)) if isinstance(value, Fraction) else value


def refused(function: Callable[..., Any], *profile: Any) -> str:
    """Why a function has no exact run."""
    with pytest.raises(NoExactRun) as problem:
        exactly(function, *profile)
    return str(problem.value)


# The values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [*CATALOGUE.values(), *PAYMENTS.values()], ids=lambda r: r.name)
@settings(max_examples=15)
@given(profile=profiles(positive=True, named=["model"]))
def test_shipped_rules_run_exactly_as_their_traces_evaluate(
    rule: ProfileFunction, profile: Assignment
) -> None:
    formula = next(
        formulas.instances(claims.claim_about(rule), profile.agents, profile.tokens)
    ).formula
    with precision(240):
        traced = evaluate_all(list(formula.calls[0].outputs), leaf_values(profile), Balls())
        try:
            found = run_exactly(rule, profile.bids, profile.dists, profile.named, Balls).values
        except Undecided:
            assume(False)
        for one, other in zip(found, traced, strict=True):
            if isinstance(one, Fraction) and isinstance(other, Fraction):
                assert one == other
            else:
                assert other is not UNSURE
                assert as_ball(one).overlaps(as_ball(other))
                assert abs(as_ball(one) - as_ball(other)) < arb(10) ** -30


def test_irrational_numbers_are_rigorous() -> None:
    @aggregation_rule
    def roots(bids: Any, dists: Any) -> Any:
        w = np.sqrt(bids)
        return w @ dists / w.sum()

    (first, *_) = exactly(roots).values
    two, third = arb(2).sqrt(), (arb(1) / 3).sqrt()
    with precision(240):
        two, third = arb(2).sqrt(), (arb(1) / 3).sqrt()
        expected = (arb(1) / 2 + two / 6 + third / 3) / (1 + two + third)
        assert first.overlaps(expected)
        assert first.rad() < arb(10) ** -60


# Rules that do not trace -------------------------------------------------------------------------


def branch(bids: Any, dists: Any) -> Any:
    p = bids @ dists / bids.sum()
    return p if p[0] > p[1] else p[::-1].copy()


def mask_as_index(bids: Any, dists: Any) -> Any:
    kept = bids >= bids.mean()
    return bids[kept] @ dists[kept] / bids[kept].sum()


def set_by_mask(bids: Any, dists: Any) -> Any:
    p = bids @ dists / bids.sum()
    p[p < 0.4 * p.max()] = 0
    return p / p.sum()


def nucleus_by_argsort(bids: Any, dists: Any) -> Any:
    p = bids @ dists / bids.sum()
    order = np.argsort(-p)
    running = np.cumsum(p[order])
    count = int(np.searchsorted(running, 0.7)) + 1
    q = np.zeros_like(p)
    q[order[:count]] = p[order[:count]]
    return q / q.sum()


def loops(bids: Any, dists: Any) -> Any:
    total = 0.0
    result = bids[0] * dists[0] * 0
    for bid, row in zip(bids, dists, strict=True):
        if bid > 0.5:
            total += bid
            result += bid * row
    return result / total


def sorted_in_python(bids: Any, dists: Any) -> Any:
    order = sorted(range(len(bids)), key=lambda j: -bids[j])
    return dists[order[0]] * 0.75 + dists[order[-1]] * 0.25


def floor_of_share(bids: Any, dists: Any) -> Any:
    units = np.floor(10 * bids / bids.sum())
    return units @ dists / units.sum()


def counts_as_integers(bids: Any, dists: Any) -> Any:
    counts = (10 * bids).astype(int)
    return counts @ dists / counts.sum()


def with_out(bids: Any, dists: Any) -> Any:
    weights = bids.copy()
    np.multiply(weights, 2, out=weights)
    np.add.at(weights, [0, 0], 1)
    view = weights[1:]
    view *= 3
    return weights @ dists / np.add.reduce(weights)


def by_namespace(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = xp.zeros(bids.shape[0], dtype=bids.dtype)
    for j in range(bids.shape[0]):
        weights[j] = xp.asarray(1.0) if bids[j] == xp.max(bids) else 0.5
    return xp.matmul(weights, xp.asarray(dists, copy=True)) / xp.sum(weights)


def einsum(bids: Any, dists: Any) -> Any:
    return np.einsum("d,df->f", bids, dists) / np.einsum("i->", bids)


def argmax(bids: Any, dists: Any) -> Any:
    p = (bids[:, None] * dists).sum(0) / bids.sum()
    return np.where(np.arange(len(p)) == np.argmax(p), 1.0, 0.0)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (branch, ["61/120", "5/24", "17/60"][::-1]),
        (mask_as_index, ["1/6", "1/6", "2/3"]),
        (set_by_mask, None),
        (nucleus_by_argsort, None),
        (loops, ["5/18", "7/36", "19/36"]),
        (sorted_in_python, ["5/24", "5/24", "7/12"]),
        (floor_of_share, None),
        (counts_as_integers, None),
        (with_out, None),
        (by_namespace, ["7/24", "11/48", "23/48"]),
        (argmax, ["0", "0", "1"]),
        (einsum, ["17/60", "5/24", "61/120"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rules_that_do_not_trace_run_exactly(
    function: Callable[..., Any], expected: list[str] | None
) -> None:
    found = exactly(function).values
    assert all(isinstance(value, Fraction) for value in found)
    assert sum(found) == 1
    if expected is not None:
        assert found == tuple(map(Fraction, expected))


@given(profile=profiles())
def test_a_cut_is_what_fractions_give(profile: Assignment) -> None:
    def min_p(bids: Any, dists: Any) -> Any:
        p = bids @ dists / bids.sum()
        q = p.copy()
        q[p < 0.5 * p.max()] = 0
        return q / q.sum()

    pooled = [
        sum(b * row[t] for b, row in zip(profile.bids, profile.dists, strict=True))
        / sum(profile.bids)
        for t in range(profile.tokens)
    ]
    kept = [p if 2 * p >= max(pooled) else Fraction(0) for p in pooled]
    found = exactly(min_p, profile.bids, profile.dists)
    assert list(found.values) == [p / sum(kept) for p in kept]


def test_an_exact_tie_is_a_tie() -> None:
    """Floats put one of the two tokens below half of the largest, by one rounding."""

    def min_p(bids: Any, dists: Any) -> Any:
        p = bids @ dists / bids.sum()
        return np.where(p >= 0.5 * p.max(), p, 0.0) / p[p >= 0.5 * p.max()].sum()

    seen = 0
    for a in range(1, 12):
        bids = (Fraction(a), Fraction(3))
        dists = (
            (Fraction(3, 7), Fraction(1, 7), Fraction(3, 7)),
            (Fraction(1, 10), Fraction(8, 10), Fraction(1, 10)),
        )
        found = exactly(min_p, bids, dists)
        seen += found.near
        assert found.values[0] == found.values[2]
    low = (Fraction(1), Fraction(1))
    tie = (
        (Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)),
        (Fraction(2, 15), Fraction(2, 3), Fraction(1, 5)),
    )
    assert exactly(min_p, low, tie).near or seen


def test_masking_everything_is_undefined() -> None:
    def inverted(bids: Any, dists: Any) -> Any:
        p = bids @ dists / bids.sum()
        q = p.copy()
        q[p >= 0.1] = 0
        return q / q.sum()

    assert exactly(inverted, [1], [[1]]).values == (UNDEFINED,)


def test_a_rule_that_raises_is_undefined_there() -> None:
    def by_hand(bids: Any, dists: Any) -> Any:
        low, high = bids.tolist()
        return dists[0] * (low / (high - low)) + dists[1] * (1 - low / (high - low))

    found = exactly(by_hand, [1, 1], DISTS[:2])
    assert found.values == (UNDEFINED,) * 3
    assert isinstance(found.raised, ZeroDivisionError)
    assert exactly(by_hand, [1, 3], DISTS[:2]).raised is None


def test_payments_run_exactly() -> None:
    @payment_rule
    def highest_pays(bids: Any, dists: Any) -> Any:
        pays = xp_zeros(bids)
        pays[np.argmax(bids)] = np.sort(bids)[-2]
        return pays

    def xp_zeros(bids: Any) -> Any:
        return array_namespace(bids).zeros_like(bids)

    assert exactly(highest_pays).values == (0, 1, 0)


def test_fractions_alone_need_no_balls() -> None:
    rule = aggregation_rule(set_by_mask)
    assert run_exactly(rule, BIDS, DISTS, {}, Exact).values == exactly(rule).values
    with pytest.raises(Undecided):
        run_exactly(CATALOGUE["log-linear"], BIDS, DISTS, {}, Exact)


def test_float_parameters_are_read_as_decimals() -> None:
    @aggregation_rule
    def mixed(bids: Any, dists: Any, *, share: float = 0.1) -> Any:
        return (1 - share) * (bids @ dists / bids.sum()) + share / dists.shape[1]

    assert sum(exactly(mixed).values) == 1
    assert not exactly(mixed).long_constants


# What is not the same on arrays of objects -------------------------------------------------------


def conversion_copies(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = bids * 1.0
    total = xp.sum(weights)
    safe = xp.asarray(weights, dtype=xp.float64)
    safe += 1e-9
    return xp.matmul(weights, dists) / total


def test_a_conversion_to_the_same_kind_is_no_copy() -> None:
    """NumPy adds to the weights themselves, so exact numbers have to: nothing sums to one."""
    found = exactly(conversion_copies, [Fraction(1, 10**9)], [[1]])
    assert found.values == (2,)


def test_a_copy_is_a_copy() -> None:
    def clipped(bids: Any, dists: Any) -> Any:
        weights = bids * 1.0
        copy = np.clip(weights, 0, None)
        copy *= 0
        return weights @ dists / weights.sum()

    assert sum(exactly(clipped).values) == 1


def test_a_sum_is_no_array() -> None:
    def guarded(bids: Any, dists: Any) -> Any:
        total = bids.sum()
        safe = total
        safe += 1
        return bids @ dists / total

    assert sum(exactly(guarded).values) == 1


def test_masks_count() -> None:
    def levels(bids: Any, dists: Any) -> Any:
        level = np.add(bids > 0.5, bids > 1.5, dtype=float)
        weights = bids * (1 - 0.25 * level)
        return weights @ dists / weights.sum()

    assert exactly(levels).values[0] == Fraction(1 * 3, 8) / (
        Fraction(3, 4) + 1 + Fraction(1, 3)
    ) + (Fraction(1, 6) + Fraction(1, 9)) / (Fraction(3, 4) + 1 + Fraction(1, 3))


def test_a_store_into_integers_cuts() -> None:
    def stored(bids: Any, dists: Any) -> Any:
        counts = np.ones(len(bids), dtype=int)
        counts[0] = 0.5 * bids[0]
        return counts @ dists / counts.sum()

    assert exactly(stored).values == tuple((a + b) / 2 for a, b in zip(*DISTS[1:], strict=True))


class Count:
    """State that a rule keeps."""

    calls = 0


def stateful(bids: Any, dists: Any) -> Any:
    Count.calls += 1
    return bids @ dists / bids.sum() * Count.calls


def random_numbers(bids: Any, dists: Any) -> Any:
    noise = np.random.default_rng().random()
    return bids @ dists / bids.sum() * noise


def by_dtype_of_zeros(bids: Any, dists: Any) -> Any:
    out = np.zeros(dists.shape[1])
    for t in range(dists.shape[1]):
        out[t] = (bids * dists[:, t]).sum()
    return out / out.sum()


def stores_with_out(bids: Any, dists: Any) -> Any:
    weights = np.empty(len(bids))
    np.multiply(bids, 2, out=weights)
    return weights @ dists / weights.sum()


def imports_inside(bids: Any, dists: Any) -> Any:
    import numpy

    weights = numpy.empty(len(bids))
    weights[:] = bids
    return weights @ dists / weights.sum()


def single_precision(bids: Any, dists: Any) -> Any:
    w = bids.astype(np.float32)
    return w @ dists / w.sum()


def single_precision_constants(bids: Any, dists: Any) -> Any:
    w = bids * np.float32(0.1)
    return w @ dists / w.sum()


def single_precision_by_name(bids: Any, dists: Any) -> Any:
    return np.add.reduce(bids[:, None] * dists, dtype="f4") / bids.sum()


def rounds(bids: Any, dists: Any) -> Any:
    return np.round(bids @ dists / bids.sum(), 2)


def through_text(bids: Any, dists: Any) -> Any:
    p = bids @ dists / bids.sum()
    return p if "5" in str(bids[0]) else p[::-1].copy()


def hashes(bids: Any, dists: Any) -> Any:
    return bids @ dists / bids.sum() if len({*bids}) < 4 else dists[0]


def through_python_floats(bids: Any, dists: Any) -> Any:
    return float(bids[0]) * dists[0] + (1 - float(bids[0])) * dists[1]


def steers_by_nan(bids: Any, dists: Any) -> Any:
    with np.errstate(all="ignore"):
        ratio = (bids - bids) / (bids - bids)
    return dists[0] if ratio[0] == ratio[0] else dists[1]


def looks_for_nan(bids: Any, dists: Any) -> Any:
    p = bids @ dists / bids.sum()
    return np.where(np.isnan(p), 0.0, p)


def catches_the_refusal(bids: Any, dists: Any) -> Any:
    try:
        first = float(bids[0])
    except Exception:
        first = 1.0
    return dists[0] * first


def callback(bids: Any, dists: Any) -> Any:
    return np.apply_along_axis(lambda column: column.sum(), 0, bids[:, None] * dists) / bids.sum()


def changes_its_input(bids: Any, dists: Any) -> Any:
    bids /= bids.sum()
    return bids @ dists


def overflows(bids: Any, dists: Any) -> Any:
    w = np.exp(1000 * bids)
    return w @ dists / w.sum()


def underflows(bids: Any, dists: Any) -> Any:
    w = np.exp(-1000 * bids)
    return w @ dists / w.sum()


def bits(bids: Any, dists: Any) -> Any:
    return dists[int(bids.view(np.int64)[0] % 2)]


def own_objects(bids: Any, dists: Any) -> Any:
    table = np.empty(2, dtype=object)
    table[:] = [bids, dists]
    return table[0] @ table[1] / bids.sum()


def shares_with_plain(bids: Any, dists: Any) -> Any:
    weights = np.ones(len(bids))
    same = array_namespace(bids).asarray(weights)
    same[0] = 0
    return same * bids @ dists / (weights * bids).sum()


LIES = [
    imports_inside, stateful, random_numbers, by_type, single_precision, single_precision_constants,
    single_precision_by_name, rounds, through_text, hashes, steers_by_nan, looks_for_nan, callback,
    changes_its_input, overflows, underflows, bits, own_objects,
]  # fmt: skip


@pytest.mark.parametrize("function", LIES, ids=lambda f: f.__name__)
def test_what_is_not_exact_is_refused(function: Callable[..., Any]) -> None:
    assert refused(function)


def through_lists(bids: Any, dists: Any) -> Any:
    weights = bids.tolist()
    rows = [[float(p) for p in row] for row in dists]
    total = math.fsum(weights)
    return [sum(w * row[t] for w, row in zip(weights, rows, strict=True)) / total for t in range(3)]


def by_isinstance(bids: Any, dists: Any) -> Any:
    first = float(bids[0])
    return dists[0] * (first if isinstance(first, float) else 7.0)


def helped(values: Any) -> Any:
    return [math.sqrt(x) ** 2 if isinstance(x, float) else 9 for x in values]


def through_a_helper(bids: Any, dists: Any) -> Any:
    weights = np.array(helped(bids.tolist()), dtype=float)
    return weights @ dists / weights.sum()


def pool_of(bids: Numbers, dists: Sequence[Numbers]) -> list[Any]:
    return [
        sum(b * row[t] for b, row in zip(bids, dists, strict=True)) / sum(bids) for t in range(3)
    ]


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (stores_with_out, pool_of(BIDS, DISTS)),
        (by_dtype_of_zeros, pool_of(BIDS, DISTS)),
        (through_lists, pool_of(BIDS, DISTS)),
        (through_a_helper, pool_of(BIDS, DISTS)),
        (through_python_floats, list(DISTS[0])),
        (catches_the_refusal, list(DISTS[0])),
        (by_isinstance, list(DISTS[0])),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_pythons_own_numbers_are_followed(function: Any, wanted: list[Any]) -> None:
    for value, right in zip(exactly(function).values, wanted, strict=True):
        assert as_ball(value).overlaps(as_ball(right))


def softplus(bids: Any, dists: Any) -> Any:
    weights = [math.log(1 + math.exp(-b)) for b in bids.tolist()]
    return np.array(weights) @ dists / sum(weights)


def thin_stairs(bids: Any, dists: Any) -> Any:
    weights = [(1.0 + 1e-12 * b) - 1.0 for b in bids.tolist()]
    return np.array(weights) @ dists / sum(weights)


def vanishing(bids: Any, dists: Any) -> Any:
    weights = [math.exp(-1000 * b) for b in bids.tolist()]
    return np.array(weights) @ dists / sum(weights)


@pytest.mark.parametrize(
    ("function", "bids"),
    [(softplus, (50, 60, 70)), (thin_stairs, (1, 2, 3)), (vanishing, (1, 2, 3))],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_rounding_makes_of_a_run_is_told_apart(function: Any, bids: Any) -> None:
    with pytest.raises(OtherNumbers):
        exactly(function, bids)


def test_a_rule_that_knows_our_arrays_is_no_rounding() -> None:
    with pytest.raises(NoExactRun) as problem:
        exactly(by_type)
    assert not isinstance(problem.value, OtherNumbers)


def test_the_way_out_is_named() -> None:
    assert "np.zeros_like" in refused(imports_inside)
    assert "too large or too small" in refused(overflows)
    assert "NaN" in refused(steers_by_nan)


def test_constants_may_share_memory_among_themselves() -> None:
    found = exactly(shares_with_plain).values
    weights: list[Any] = [0, 2, Fraction(1, 3)]
    assert found[0] == (weights[1] * DISTS[1][0] + weights[2] * DISTS[2][0]) / sum(weights)


# Each comparison of the two sides, alone ---------------------------------------------------------


def copied(x: Any) -> Any:
    return x.copy()


def doubled(x: Any) -> Any:
    return x * 2


def in_place(x: Any) -> Any:
    x *= 2
    return x.copy()


# What is done to floats, and what to exact numbers.
DIFFERENCES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a view on one side": (lambda x: x[:], copied),
    "the array itself on one side": (lambda x: x, lambda x: x[:]),
    "another view": (lambda x: x[:2], lambda x: x[1:]),
    "a view of another order": (lambda x: x[::-1], lambda x: x[:]),
    "other values": (copied, doubled),
    "a change on one side": (copied, in_place),
    "another shape": (copied, lambda x: x[None].copy()),
    "an array on one side": (lambda x: x[:1].reshape(()), lambda x: x[0]),
    "other integers": (lambda x: x.size, lambda x: x.size + 1),
    "another order": (lambda x: np.arange(2), lambda x: np.arange(2)[::-1]),
    "other truth": (lambda x: x > 1, lambda x: x < 1),
    "a shorter list": (lambda x: [x, x], lambda x: [x]),
    "a list on one side": (lambda x: [x], lambda x: (x,)),
    "single precision": (lambda x: x.astype(np.float32), copied),
    "floats inside": (copied, lambda x: np.array([0.5, 2, 3], dtype=object)),
    "an error on floats": (lambda x: x[9], lambda x: x[1]),
    "another error": (lambda x: x[9], lambda x: x.nothing),
    "NaN on floats": (lambda x: x * np.nan, copied),
    "a number where floats have infinity": (lambda x: x / 0, copied),
}


def step_of(functions: tuple[Callable[..., Any], Callable[..., Any]]) -> tuple[ExactArray, Any]:
    """An array of three numbers, and what one step makes of it."""
    steps = Lockstep(ExactArray, Balls())
    floats = np.array([0.5, 1.0, 3.0])
    array = ExactArray(steps, floats, steps.constants(floats))
    with np.errstate(all="ignore"):
        return array, steps.step(functions, (array,), {})


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_each_difference_ends_the_run(kind: str) -> None:
    with pytest.raises(NoExactRun):
        step_of(DIFFERENCES[kind])


def test_what_is_the_same_passes() -> None:
    array, view = step_of((lambda x: x[1:], lambda x: x[1:]))
    view *= 3
    assert [number.value for number in array.exact] == [Fraction(1, 2), 3, 9]
    assert array.twin.tolist() == [0.5, 3, 9]
    array, same = step_of((lambda x: x, lambda x: x))
    assert same is array


def test_of_numbers_that_become_one_float_the_exact_order_is_the_truth() -> None:
    steps = Lockstep(ExactArray, Balls())
    pair: list[Any] = [
        ExactArray(steps, float(value), steps.number(value))
        for value in (Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**20))
    ]
    third, near = pair
    assert third.twin == near.twin
    assert third < near
    assert (third == near) is False
    assert np.less(third, near)


def test_without_the_memory_check_a_copy_passes_for_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SameStep, "_check_memory", lambda *_: None)
    array, view = step_of((lambda x: x[:], copied))
    view *= 0
    assert array.twin.tolist() != [float(number.value) for number in array.exact]


def test_without_the_values_check_another_function_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SameStep, "_rounded", lambda self, twin, value, rounding: twin)
    _, found = step_of((copied, doubled))
    assert found.exact[0].value == 1
    assert found.twin[0] == 0.5


def test_without_the_plain_run_a_test_of_the_type_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_run, "_agrees", lambda *_: True)
    assert exactly(by_type).values == tuple(
        sum(b * row[t] for b, row in zip(BIDS, DISTS, strict=True)) / sum(BIDS) for t in range(3)
    )


def test_the_twins_are_the_exact_numbers_rounded() -> None:
    """A thousand sums of a tenth are a hundred, exactly, and the twin does not drift."""
    steps = Lockstep(ExactArray, Balls())
    total: Any = ExactArray(steps, 0.0, steps.number(0.0))
    for _ in range(1000):
        total = total + 0.1
    assert total.exact.value == 100
    assert total.twin == 100.0
