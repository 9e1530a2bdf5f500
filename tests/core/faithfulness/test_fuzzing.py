"""Random programs mean in the trace what NumPy computes; a broken trace does not go unnoticed."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from fuzzing.campaign import (
    AT_ITS_SIZES,
    OVER_EVERY_SIZE,
    STEP_BY_STEP,
    Campaign,
    fuzz,
    outcomes,
)
from fuzzing.programs import FUNCTIONS, draw

from tokenauction.mechanisms import linear
from tokenauction.proofs.core.faithfulness import agreement
from tokenauction.proofs.core.tracing import in_place, steps, traced_array, traced_namespace
from tokenauction.proofs.core.tracing.signatures import METHODS, NUMPY, Form
from tokenauction.proofs.core.tracing.twins import KINDS
from tokenauction.proofs.deciding import verifier
from tokenauction.proofs.deciding.verifier import verify
from tokenauction.theory import RuleProperty, rule_property


def campaign_of(programs: int, seed: int = 0, first_failure: bool = False) -> Campaign:
    """The campaign of so many programs."""
    *_, last = fuzz(itertools.count(seed), programs, first_failure)
    return last


def test_random_programs_mean_what_numpy_computes() -> None:
    campaign = campaign_of(300)
    assert not campaign.failures, "\n\n".join(str(one.smallest()) for one in campaign.failures)
    tally = campaign.tallies[AT_ITS_SIZES]
    assert tally.programs == 300
    assert tally.refused.total() <= tally.programs / 3
    for way in (STEP_BY_STEP, OVER_EVERY_SIZE):
        assert campaign.tallies[way].programs > 50
        assert campaign.tallies[way].compared > 1000


def test_a_seed_is_a_program() -> None:
    assert [draw(seed) for seed in range(20)] == [draw(seed) for seed in range(20)]


def test_programs_have_every_function_of_the_tables() -> None:
    named = {one.text.partition(".")[2] or one.text for table in FUNCTIONS for one in table}
    here = {name for name in NUMPY if hasattr(np, name) or "." in name}
    assert here | set(METHODS) <= named


# The trace broken on purpose ---------------------------------------------------------------------

Patch = pytest.MonkeyPatch
Call = Callable[..., Any]
MOST_PROGRAMS = 4000


def _with_calls(patch: Patch, changed: Callable[[Form, Call, Any, Any], tuple[Call, Any]]) -> None:
    """Have the trace call another function than the library's, or with other keywords."""
    real = traced_namespace.call_form

    def call_form(trace: Any, name: str, form: Form, function: Call, args: Any, kwargs: Any) -> Any:
        function, kwargs = changed(form, function, args, kwargs)
        return real(trace, name, form, function, args, kwargs)

    patch.setattr(traced_namespace, "call_form", call_form)


def asarray_with_a_dtype_copies(patch: Patch) -> None:
    def changed(form: Form, function: Call, args: Any, kwargs: Any) -> tuple[Call, Any]:
        if form.core == "asarray" and kwargs.get("dtype") is not None:
            return (lambda *a, **k: np.array(function(*a, **k))), kwargs
        return function, kwargs

    _with_calls(patch, changed)


def reductions_can_be_changed_in_place(patch: Patch) -> None:
    def changed(form: Form, function: Call, args: Any, kwargs: Any) -> tuple[Call, Any]:
        if form.core in ("sum", "prod", "max", "min", "mean"):
            return (lambda *a, **k: np.asarray(function(*a, **k))), kwargs
        return function, kwargs

    _with_calls(patch, changed)


def clip_reads_its_bounds_the_other_way(patch: Patch) -> None:
    turned = {"min": "max", "max": "min"}
    for table in (NUMPY, METHODS):
        form = table["clip"]
        options = {theirs: turned[ours] for theirs, ours in form.options.items()}
        patch.setitem(table, "clip", replace(form, options=options))


def clip_without_bounds_aliases(patch: Patch) -> None:
    def unclipped(function: Call) -> Call:
        def call(x: Any, *bounds: Any, **named: Any) -> Any:
            given = [one for one in (*bounds, *named.values()) if one is not None]
            return function(x, *bounds, **named) if given else x

        return call

    def changed(form: Form, function: Call, args: Any, kwargs: Any) -> tuple[Call, Any]:
        return (unclipped(function) if form.core == "clip" else function), kwargs

    _with_calls(patch, changed)


def dtype_of_a_ufunc_is_dropped(patch: Patch) -> None:
    def changed(form: Form, function: Call, args: Any, kwargs: Any) -> tuple[Call, Any]:
        is_ufunc = form.computes_in_dtype and "casting" in form.signature.parameters
        kept = {name: value for name, value in kwargs.items() if name != "dtype"}
        return function, kept if is_ufunc else kwargs

    _with_calls(patch, changed)


class _Blind(tuple[str, ...]):
    """Kinds of numbers of which none is larger than another."""

    def index(self, *_: Any) -> int:
        return 0


def stores_into_integers_are_not_truncated(patch: Patch) -> None:
    patch.setattr(in_place, "KINDS", _Blind(KINDS))


def _views_copied(patch: Patch, wanted: Callable[[str], bool]) -> None:
    """Have the trace copy what NumPy makes a view, after steps of these names."""
    real = steps.step

    def step(trace: Any, name: str, numpy: Call, meaning: Call, inputs: Any) -> Any:
        def copied() -> Any:
            found = numpy()
            return found.copy() if isinstance(found, np.ndarray) and wanted(name) else found

        return real(trace, name, copied, meaning, inputs)

    for module in (traced_array, traced_namespace):
        patch.setattr(module, "step", step)


def an_index_is_taken_for_a_copy(patch: Patch) -> None:
    _views_copied(patch, lambda name: name == "an index")


def a_transposed_view_is_taken_for_a_copy(patch: Patch) -> None:
    _views_copied(patch, lambda name: name in ("T", "transpose", "permute_dims", "swapaxes"))


def ravel_is_taken_for_a_copy(patch: Patch) -> None:
    _views_copied(patch, lambda name: name == "ravel")


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    [
        asarray_with_a_dtype_copies,
        reductions_can_be_changed_in_place,
        clip_reads_its_bounds_the_other_way,
        clip_without_bounds_aliases,
        dtype_of_a_ufunc_is_dropped,
        stores_into_integers_are_not_truncated,
        an_index_is_taken_for_a_copy,
        a_transposed_view_is_taken_for_a_copy,
        ravel_is_taken_for_a_copy,
    ],
)
def test_a_broken_trace_is_found(broken: Callable[[Patch], None], monkeypatch: Patch) -> None:
    broken(monkeypatch)
    campaign = campaign_of(MOST_PROGRAMS, seed=1000, first_failure=True)
    assert campaign.failures
    smallest = campaign.failures[0].smallest()
    assert smallest.differs
    assert len(smallest.program.lines) <= 8
    monkeypatch.undo()
    assert not any(outcome.differs for _, _, outcome in outcomes(campaign.failures[0].seed)), (
        "without the fault, the program agrees"
    )


def sums_to_two(rule: Any, bids: Any, dists: Any) -> Any:
    """False on NumPy, whose sums are numbers; true where a sum can be changed in place."""
    total = array_namespace(bids).sum(rule(bids, dists))
    other = total
    other += 1
    return total == 2


def sums_to_two_off_numpy(rule: Any, bids: Any, dists: Any) -> Any:
    """False on NumPy, and true wherever arrays are of another type."""
    aggregate = rule(bids, dists)
    total = array_namespace(aggregate).sum(aggregate)
    return total == (2 if isinstance(aggregate, np.ndarray) else 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "broken"),
    [(sums_to_two, reductions_can_be_changed_in_place), (sums_to_two_off_numpy, None)],
)
def test_a_property_that_is_not_run_would_be_proved(
    function: Callable[..., Any], broken: Callable[[Patch], None] | None, monkeypatch: Patch
) -> None:
    prop: RuleProperty = rule_property(function)
    if broken is not None:
        assert verify(linear, prop, budget=10).status == "refuted"
        broken(monkeypatch)
    assert verify(linear, prop, budget=10).status != "proved"
    for module in (agreement, verifier):
        if hasattr(module, "property_differs"):
            monkeypatch.setattr(module, "property_differs", lambda *_: "")
    assert verify(linear, prop, budget=10).status == "proved"
