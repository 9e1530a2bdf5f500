"""Guards the tracer: every array function means what NumPy means by it, or is refused clearly."""

import copy
import inspect
import math
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import array_api_compat.numpy
import numpy as np
import pytest
from array_api_compat import array_namespace
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import profiles
from traced_arrays import fixed_inputs, grounded, numpy_inputs, open_inputs, values_of

from tokenauction.mechanisms import aggregation_rule, sum_of_greater
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.claims import Claim, RuleFault
from tokenauction.proofs.core.claims.domain import leaf_values
from tokenauction.proofs.core.evaluation.balls import evaluate_rigorously
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis
from tokenauction.proofs.core.language.grounding import ground
from tokenauction.proofs.core.runs.numpy_run import Unusable
from tokenauction.proofs.core.tracing.functions import FUNCTIONS
from tokenauction.proofs.core.tracing.signatures import METHODS, NUMPY, STANDARD, Form
from tokenauction.proofs.core.tracing.trace import SizeRequired, TracingError
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.core.tracing.traced_namespace import Namespace
from tokenauction.proofs.deciding.verifier import Verifier, verify
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.theory import distribution

Expression = Callable[[Any, Any, Any], Any]
Function = Callable[[Any, Any], Any]

# The functions, each with what to try it on ------------------------------------------------------

OPEN: list[tuple[str, Expression]] = [
    ("abs", lambda xp, b, d: xp.abs(b - 1)),
    ("abs", lambda xp, b, d: abs(1 - d)),
    ("add", lambda xp, b, d: xp.add(b, 2)),
    ("add", lambda xp, b, d: 2 + b[:, None] + d),
    ("add", lambda xp, b, d: (b > 1) + (b > 2)),
    ("all", lambda xp, b, d: xp.all(d > 0)),
    ("all", lambda xp, b, d: xp.all(d > 0, axis=1)),
    ("any", lambda xp, b, d: xp.any(d == 0, axis=0)),
    ("any", lambda xp, b, d: xp.any(b > 1, keepdims=True)),
    ("arange", lambda xp, b, d: xp.arange(1, 7, 2) * b[0]),
    ("asarray", lambda xp, b, d: b * xp.array(2)),
    ("asarray", lambda xp, b, d: xp.minimum(b, xp.asarray(1.5, dtype=b.dtype))),
    ("astype", lambda xp, b, d: xp.astype(b >= 1, d.dtype)),
    ("astype", lambda xp, b, d: xp.astype(d, bool)),
    ("average", lambda xp, b, d: xp.average(d, axis=0)),
    ("average", lambda xp, b, d: xp.average(d, axis=0, weights=b)),
    ("average", lambda xp, b, d: xp.average(b, weights=b + 1)),
    ("broadcast_arrays", lambda xp, b, d: xp.broadcast_arrays(b[:, None], d)[0]),
    ("broadcast_to", lambda xp, b, d: xp.broadcast_to(b[:, None], d.shape)),
    ("ceil", lambda xp, b, d: xp.ceil(b)),
    ("clip", lambda xp, b, d: xp.clip(b, 1, 2)),
    ("clip", lambda xp, b, d: xp.clip(b, min=1)),
    ("clip", lambda xp, b, d: xp.clip(b, 3, 2)),
    ("cosh", lambda xp, b, d: xp.cosh(b)),
    ("count_nonzero", lambda xp, b, d: xp.count_nonzero(d, axis=0)),
    ("count_nonzero", lambda xp, b, d: xp.count_nonzero(b)),
    ("divide", lambda xp, b, d: xp.divide(b, b + 1)),
    ("divide", lambda xp, b, d: 1 / (1 + d)),
    ("dot", lambda xp, b, d: xp.dot(b, d)),
    ("dot", lambda xp, b, d: xp.dot(d.T, b)),
    ("einsum", lambda xp, b, d: xp.einsum("i,it->t", b, d)),
    ("einsum", lambda xp, b, d: xp.einsum("it,jt->ij", d, d)),
    ("einsum", lambda xp, b, d: xp.einsum("i,it", b, d)),
    ("einsum", lambda xp, b, d: xp.einsum("it->ti", d)),
    ("empty", lambda xp, b, d: 0 * b.sum() + xp.zeros(b.shape)),
    ("equal", lambda xp, b, d: xp.equal(b[:, None], b[None, :])),
    ("equal", lambda xp, b, d: (b > 1) == (b > 2)),
    ("exp", lambda xp, b, d: xp.exp(-b)),
    ("exp", lambda xp, b, d: xp.exp(xp.log(d))),
    ("exp2", lambda xp, b, d: xp.exp2(b)),
    ("expand_dims", lambda xp, b, d: xp.expand_dims(b, axis=1) * d),
    ("expand_dims", lambda xp, b, d: xp.expand_dims(b, axis=-2)),
    ("expm1", lambda xp, b, d: xp.expm1(d)),
    ("floor", lambda xp, b, d: xp.floor(b)),
    ("floor", lambda xp, b, d: xp.floor(-b)),
    ("floor_divide", lambda xp, b, d: b // 1),
    ("full", lambda xp, b, d: b + xp.full(b.shape, 2.5)),
    ("full", lambda xp, b, d: xp.full(d.shape, 0.5) * d),
    ("full_like", lambda xp, b, d: xp.full_like(d, 0.25)),
    ("greater", lambda xp, b, d: xp.greater(b, 1)),
    ("greater", lambda xp, b, d: np.float64(1.5) > b),
    ("greater_equal", lambda xp, b, d: b[:, None] >= b[None, :]),
    ("hypot", lambda xp, b, d: xp.hypot(b[:, None], d)),
    ("inner", lambda xp, b, d: xp.inner(b, b)),
    ("less", lambda xp, b, d: b[:, None] < b[None, :]),
    ("less_equal", lambda xp, b, d: xp.less_equal(d, 0.5)),
    ("log", lambda xp, b, d: xp.log(d)),
    ("log", lambda xp, b, d: xp.log(b + 1)),
    ("log10", lambda xp, b, d: xp.log10(b + 2)),
    ("log1p", lambda xp, b, d: xp.log1p(b)),
    ("log2", lambda xp, b, d: xp.log2(b + 1)),
    ("logaddexp", lambda xp, b, d: xp.logaddexp(b[:, None], d)),
    ("logical_and", lambda xp, b, d: (b > 0) & (b < 2)),
    ("logical_and", lambda xp, b, d: xp.logical_and(d, b[:, None])),
    ("logical_not", lambda xp, b, d: ~(d > 0)),
    ("logical_or", lambda xp, b, d: (b < 1) | (b > 2)),
    ("logical_xor", lambda xp, b, d: (b > 1) ^ (b > 2)),
    ("matmul", lambda xp, b, d: b @ d),
    ("matmul", lambda xp, b, d: d.T @ b),
    ("matmul", lambda xp, b, d: d @ d.T),
    ("matmul", lambda xp, b, d: d.T @ d),
    ("matmul", lambda xp, b, d: xp.matmul(b, b)),
    ("matrix_transpose", lambda xp, b, d: xp.matrix_transpose(d)),
    ("matrix_transpose", lambda xp, b, d: d.mT),
    ("max", lambda xp, b, d: xp.max(b)),
    ("max", lambda xp, b, d: xp.max(d, axis=-1, keepdims=True)),
    ("maximum", lambda xp, b, d: xp.maximum(b[:, None], d)),
    ("mean", lambda xp, b, d: xp.mean(d)),
    ("mean", lambda xp, b, d: xp.mean(d, axis=-2, keepdims=True)),
    ("mean", lambda xp, b, d: xp.mean(d, axis=(0, 1))),
    ("min", lambda xp, b, d: xp.min(d, axis=0)),
    ("min", lambda xp, b, d: xp.min(d)),
    ("minimum", lambda xp, b, d: xp.minimum(1, b)),
    ("moveaxis", lambda xp, b, d: xp.moveaxis(d, 0, 1)),
    ("moveaxis", lambda xp, b, d: xp.moveaxis(d, -1, 0)),
    ("multiply", lambda xp, b, d: b[:, None] * d),
    ("multiply", lambda xp, b, d: (b > 1) * b),
    ("multiply", lambda xp, b, d: (b > 1) * (b > 2)),
    ("negative", lambda xp, b, d: -b),
    ("not_equal", lambda xp, b, d: d != 0),
    ("ones", lambda xp, b, d: xp.ones(d.shape) - d),
    ("ones", lambda xp, b, d: xp.ones(d.shape[1])),
    ("ones_like", lambda xp, b, d: xp.ones_like(b)),
    ("outer", lambda xp, b, d: xp.outer(b, b)),
    ("outer", lambda xp, b, d: xp.outer(b, d[0, :])),
    ("permute_dims", lambda xp, b, d: xp.permute_dims(d, (1, 0))),
    ("positive", lambda xp, b, d: +b),
    ("pow", lambda xp, b, d: xp.pow(b, 2)),
    ("pow", lambda xp, b, d: d**0.5),
    ("pow", lambda xp, b, d: 2**d),
    ("pow", lambda xp, b, d: b**0),
    ("pow", lambda xp, b, d: (b + 1) ** -1.0),
    ("prod", lambda xp, b, d: xp.prod(d, axis=0)),
    ("prod", lambda xp, b, d: xp.prod(b)),
    ("reciprocal", lambda xp, b, d: xp.reciprocal(b + 1)),
    ("reshape", lambda xp, b, d: xp.reshape(b, (-1, 1)) * d),
    ("reshape", lambda xp, b, d: xp.reshape(b, (b.shape[0], 1)) * d),
    ("sign", lambda xp, b, d: xp.sign(b - 1)),
    ("sinh", lambda xp, b, d: xp.sinh(d)),
    ("sqrt", lambda xp, b, d: xp.sqrt(b)),
    ("square", lambda xp, b, d: xp.square(b)),
    ("squeeze", lambda xp, b, d: xp.squeeze(b[:, None], axis=1)),
    ("stack", lambda xp, b, d: xp.stack([b, 2 * b])),
    ("stack", lambda xp, b, d: xp.stack([d, b[:, None] * d], axis=-1)),
    ("std", lambda xp, b, d: xp.std(d, axis=0)),
    ("subtract", lambda xp, b, d: 1 - b[:, None] - d),
    ("sum", lambda xp, b, d: xp.sum(b)),
    ("sum", lambda xp, b, d: xp.sum(d, axis=0)),
    ("sum", lambda xp, b, d: xp.sum(d, axis=-1, keepdims=True)),
    ("sum", lambda xp, b, d: xp.sum(d, axis=(0, 1), keepdims=True)),
    ("sum", lambda xp, b, d: xp.sum(b[None, :] <= b[:, None], axis=1)),
    ("sum_of_greater", lambda xp, b, d: sum_of_greater(b, b * b - 1)),
    ("sum_of_greater", lambda xp, b, d: sum_of_greater(b, b > 1)),
    ("sum_of_greater", lambda xp, b, d: sum_of_greater(-d[0, :], xp.ones_like(d[0, :]))),
    ("sum_of_greater", lambda xp, b, d: sum_of_greater(d[:, 0], b)),
    ("swapaxes", lambda xp, b, d: xp.swapaxes(d, 0, -1)),
    ("tanh", lambda xp, b, d: xp.tanh(b)),
    ("tensordot", lambda xp, b, d: xp.tensordot(b, d, axes=1)),
    ("tensordot", lambda xp, b, d: xp.tensordot(d, d, axes=([0], [0]))),
    ("unstack", lambda xp, b, d: xp.unstack(xp.stack([b, 2 * b]))[1]),
    ("var", lambda xp, b, d: xp.var(b)),
    ("var", lambda xp, b, d: xp.var(d, axis=1, keepdims=True)),
    ("vecdot", lambda xp, b, d: xp.vecdot(b, b)),
    ("vector_norm", lambda xp, b, d: xp.linalg.vector_norm(d, axis=1)),
    ("vector_norm", lambda xp, b, d: xp.linalg.vector_norm(b, ord=1)),
    ("norm", lambda xp, b, d: xp.linalg.norm(b)),
    ("where", lambda xp, b, d: xp.where(b > 1, b, 1)),
    ("where", lambda xp, b, d: xp.where(d > 0, b[:, None], -d)),
    ("where", lambda xp, b, d: xp.where(b > 1, b > 2, b < 1)),
    ("zeros", lambda xp, b, d: xp.maximum(b - 1, xp.zeros(b.shape))),
    ("zeros_like", lambda xp, b, d: xp.zeros_like(d)),
    # indexing and shapes
    ("permute_dims", lambda xp, b, d: d.T),
    ("sum", lambda xp, b, d: d[0, ...] + d[0]),
    ("sum", lambda xp, b, d: b[None, :, None] * d[:, None, :]),
    ("sum", lambda xp, b, d: b[..., None] + d[:, :]),
    ("sum", lambda xp, b, d: b.sum() / b.shape[0] + d.size + d.ndim),
    ("min", lambda xp, b, d: d[0, 0] + b[0]),
]

OPEN += [
    ("bitwise_and", lambda xp, b, d: (b > 1) & (b < 3)),
    ("bitwise_or", lambda xp, b, d: (b > 1) | (b < 0.5)),
    ("bitwise_xor", lambda xp, b, d: (b > 1) ^ (b < 3)),
    ("bitwise_invert", lambda xp, b, d: ~(b > 1)),
    ("copy", lambda xp, b, d: b.copy() + 1),
]


FIXED: list[tuple[str, Expression]] = [
    ("empty", lambda xp, b, d: 0 * b),
    ("arange", lambda xp, b, d: b * xp.arange(b.shape[0])),
    ("argmax", lambda xp, b, d: xp.argmax(b) + 0),
    ("argmax", lambda xp, b, d: d[xp.argmax(-b), :]),
    ("argmax", lambda xp, b, d: xp.argmax(d, axis=1, keepdims=True)),
    ("argmin", lambda xp, b, d: xp.argmin(d, axis=0)),
    ("argmin", lambda xp, b, d: xp.argmin(d)),
    ("argsort", lambda xp, b, d: xp.argsort(b, stable=True)),
    ("argsort", lambda xp, b, d: xp.argsort(d, axis=0, stable=True)),
    ("concat", lambda xp, b, d: xp.concat([b, 2 * b])),
    ("concat", lambda xp, b, d: xp.concat([d, d * d], axis=1)),
    ("cumulative_prod", lambda xp, b, d: xp.cumulative_prod(b)),
    ("cumulative_sum", lambda xp, b, d: xp.cumulative_sum(d, axis=1)),
    ("eye", lambda xp, b, d: xp.eye(b.shape[0]) @ d),
    ("empty_like", lambda xp, b, d: _filled_in(xp, b)),
    ("flatten", lambda xp, b, d: d.flatten()),
    ("flip", lambda xp, b, d: xp.flip(d, axis=0)),
    ("median", lambda xp, b, d: xp.median(d, axis=0)),
    ("median", lambda xp, b, d: xp.median(d)),
    ("repeat", lambda xp, b, d: xp.repeat(b, 2)),
    ("reshape", lambda xp, b, d: xp.reshape(d, (-1,))),
    ("roll", lambda xp, b, d: xp.roll(d, 1, axis=1)),
    ("sort", lambda xp, b, d: xp.sort(d, axis=0)),
    ("sort", lambda xp, b, d: xp.sort(b)),
    ("stack", lambda xp, b, d: xp.stack([b[0], b[-1]])),
    ("take", lambda xp, b, d: xp.take(d, xp.asarray([0, -1]), axis=1)),
    ("take", lambda xp, b, d: xp.take(d, xp.argmax(b), axis=0)),
    (
        "take_along_axis",
        lambda xp, b, d: xp.take_along_axis(d[:1, :], xp.asarray([[1, 0]]), axis=1),
    ),
    ("tile", lambda xp, b, d: xp.tile(d, (2, 1))),
    ("unstack", lambda xp, b, d: xp.unstack(d)[-1]),
    ("unstack", lambda xp, b, d: xp.unstack(d, axis=1)[0]),
    ("sum", lambda xp, b, d: sum(b[i] * d[i] for i in range(b.shape[0]))),
    ("sum", lambda xp, b, d: sum(float(len(d)) * row for row in d)),
    ("take", lambda xp, b, d: d[::-1, 1:]),
    ("take", lambda xp, b, d: d[xp.argmax(b), :]),
    ("take", lambda xp, b, d: d[[0, -1]]),
    ("take", lambda xp, b, d: d[-1, 0] * b[-1]),
    ("zeros", lambda xp, b, d: _assigned(xp, b)),
]

METHOD_CASES: list[tuple[str, Expression]] = [
    ("all", lambda xp, b, d: (d > 0).all(axis=1)),
    ("any", lambda xp, b, d: (d == 0).any()),
    ("astype", lambda xp, b, d: (b > 1).astype(float)),
    ("clip", lambda xp, b, d: b.clip(1, 2)),
    ("copy", lambda xp, b, d: b.copy()),
    ("dot", lambda xp, b, d: b.dot(d)),
    ("max", lambda xp, b, d: d.max(axis=0, keepdims=True)),
    ("mean", lambda xp, b, d: d.mean(axis=0)),
    ("min", lambda xp, b, d: d.min(axis=-1)),
    ("prod", lambda xp, b, d: b.prod()),
    ("reshape", lambda xp, b, d: b.reshape(-1, 1) * d),
    ("squeeze", lambda xp, b, d: b[None, :].squeeze(axis=0)),
    ("std", lambda xp, b, d: b.std()),
    ("sum", lambda xp, b, d: d.sum(axis=0)),
    ("sum", lambda xp, b, d: d.sum(1, keepdims=True)),
    ("swapaxes", lambda xp, b, d: d.swapaxes(0, 1)),
    ("transpose", lambda xp, b, d: d.transpose()),
    ("transpose", lambda xp, b, d: d.transpose((1, 0))),
    ("var", lambda xp, b, d: d.var(axis=0)),
]

FIXED_METHOD_CASES: list[tuple[str, Expression]] = [
    ("argmax", lambda xp, b, d: d.argmax(axis=1)),
    ("argmin", lambda xp, b, d: b.argmin() * 2),
    ("argmin", lambda xp, b, d: d[b.argmin(), ...]),
    ("argsort", lambda xp, b, d: b.argsort(stable=True)),
    ("cumprod", lambda xp, b, d: b.cumprod()),
    ("cumsum", lambda xp, b, d: d.cumsum(axis=0)),
    ("flatten", lambda xp, b, d: d.flatten()),
    ("ravel", lambda xp, b, d: d.ravel()),
    ("take", lambda xp, b, d: d.take([1, 0], axis=0)),
    ("repeat", lambda xp, b, d: d.repeat(2, axis=1)),
    ("item", lambda xp, b, d: b[0].item() + d.sum().item() + b),
]

NOT_DISPATCHED = {"arange", "array", "asarray", "empty", "eye", "full", "ones", "zeros"}
"""NumPy makes these arrays itself: a rule calls them through its own namespace."""


def _filled_in(xp: Any, bids: Any) -> Any:
    result = xp.empty_like(bids)
    for j in range(bids.shape[0]):
        result[j] = 2 * bids[j]
    return result


def _assigned(xp: Any, bids: Any) -> Any:
    result = xp.zeros(bids.shape)
    result[0] = bids[-1]
    result[1:] = bids[:-1]
    return result


# Running an expression in three ways -------------------------------------------------------------


def check_against_numpy(
    expression: Expression, profile: Assignment, library: Any, open_sizes: bool
) -> None:
    """Trace the expression, evaluate the trace exactly, and compare with NumPy."""
    with np.errstate(all="ignore"):
        expected = np.asarray(expression(np, *numpy_inputs(profile)))
    inputs = open_inputs() if open_sizes else fixed_inputs(profile.agents, profile.tokens)
    xp = Namespace(inputs[0].trace) if library is None else library
    result = expression(xp, *inputs)
    assert inputs[0].trace.failure is None
    assert isinstance(result, TracedArray)
    nodes = grounded(result, profile.agents, profile.tokens)
    assert nodes.shape == expected.shape
    assert result.boolean == (expected.dtype == bool)
    assert all(graph.is_boolean(node) == result.boolean for node in nodes.reshape(-1))
    found = values_of(nodes, profile)
    assert np.array_equal(np.isnan(found), ~np.isfinite(expected) & np.isnan(found))
    same = np.isclose(found, expected.astype(float), rtol=1e-9, atol=1e-9) | np.isnan(found)
    assert same.all(), (found, expected)


def _named(cases: list[tuple[str, Expression]]) -> list[Any]:
    return [
        pytest.param(name, expression, id=f"{name}-{number}")
        for number, (name, expression) in enumerate(cases)
    ]


HALF = Fraction(1, 2)
AT_EDGES = Assignment(
    bids=(Fraction(1), Fraction(0), Fraction(2)),
    dists=((HALF, HALF), (Fraction(1), Fraction(0)), (Fraction(0), Fraction(1))),
)
"""Numbers at which functions switch, and cases compare with: the random ones may not meet them."""
TWO_BY_TWO_OR_MORE = profiles(agents=3, tokens=2) | profiles(agents=2, tokens=3)


@pytest.mark.parametrize(("name", "expression"), _named(OPEN + METHOD_CASES))
@pytest.mark.parametrize("open_sizes", [False, True])
@settings(max_examples=4)
@example(profile=AT_EDGES)
@given(profile=profiles())
def test_an_expression_means_what_numpy_computes(
    name: str, expression: Expression, open_sizes: bool, profile: Assignment
) -> None:
    check_against_numpy(expression, profile, None, open_sizes)


@pytest.mark.parametrize("open_sizes", [False, True])
@given(profile=profiles(agents=6, tokens=2), tied=st.integers(0, 4))
def test_a_sum_of_greater_counts_ties_as_the_sorted_one_does(
    open_sizes: bool, profile: Assignment, tied: int
) -> None:
    bids = (*profile.bids[:tied], *[profile.bids[tied]] * (6 - tied))
    with_ties = Assignment(bids=bids, dists=profile.dists)

    def expression(xp: Any, b: Any, d: Any) -> Any:
        return sum_of_greater(b, d[:, 0])

    check_against_numpy(expression, with_ties, None, open_sizes)


@pytest.mark.parametrize(("name", "expression"), _named(FIXED + FIXED_METHOD_CASES))
@settings(max_examples=4)
@example(profile=AT_EDGES)
@given(profile=TWO_BY_TWO_OR_MORE)
def test_an_expression_that_needs_sizes_means_what_numpy_computes(
    name: str, expression: Expression, profile: Assignment
) -> None:
    check_against_numpy(expression, profile, None, open_sizes=False)


@pytest.mark.parametrize(("name", "expression"), _named(FIXED + FIXED_METHOD_CASES))
@settings(max_examples=6)
@given(profile=TWO_BY_TWO_OR_MORE)
def test_an_expression_that_needs_sizes_says_so_or_means_the_same_without(
    name: str, expression: Expression, profile: Assignment
) -> None:
    problem = ""
    try:
        check_against_numpy(expression, profile, None, open_sizes=True)
    except SizeRequired as found:
        problem = str(found)
    assert not problem or re.search(r"test_tracing.py:\d+: (\S.*, because )?the rule ", problem)


@pytest.mark.parametrize(
    ("name", "expression"), _named([case for case in OPEN if case[0] not in NOT_DISPATCHED])
)
@settings(max_examples=2)
@given(profile=profiles())
def test_numpys_own_functions_are_traced_too(
    name: str, expression: Expression, profile: Assignment
) -> None:
    check_against_numpy(expression, profile, np, open_sizes=False)


def test_the_tables_cover_every_function_and_method() -> None:
    asked_for_by_the_door = {"as_numbers", "whole_floor_divide", "item"}
    assert {name for name, _ in OPEN + FIXED} == set(FUNCTIONS) - asked_for_by_the_door
    assert {name for name, _ in METHOD_CASES + FIXED_METHOD_CASES} == set(METHODS)
    forms = [*STANDARD.values(), *NUMPY.values(), *METHODS.values()]
    assert {form.core for form in forms} <= set(FUNCTIONS), "a function that means nothing"


LIBRARIES: list[tuple[Any, dict[str, Form]]] = [
    (array_api_compat.numpy, STANDARD),
    (np, {name: form for name, form in NUMPY.items() if not name.endswith(".reduce")}),
    (np.ndarray, METHODS),
]
# Newer than some NumPy that is allowed, or taken together as `**kwargs`.
LATER = {"ndmax", "kwargs", "signature", "extobj", "axes"}


@pytest.mark.parametrize(
    ("library", "name", "form"),
    [
        pytest.param(library, name, form, id=f"{library.__name__}.{name}")
        for library, forms in LIBRARIES
        for name, form in forms.items()
    ],
)
def test_the_parameters_are_the_librarys_own(library: Any, name: str, form: Form) -> None:
    found: Any = library
    try:
        for part in name.split("."):
            found = getattr(found, part)
        theirs = inspect.signature(found).parameters
        if list(theirs) == ["args", "kwargs"]:  # all that Python 3.14 says of what does not say
            raise ValueError(name)
    except (AttributeError, ValueError):  # not in this version, or it does not say
        assert library is not np or tuple(map(int, np.__version__.split(".")[:2])) < (2, 4)
        return
    ours = form.signature.parameters
    by_position = [
        [one.name for one in parameters.values() if one.kind is not one.KEYWORD_ONLY]
        for parameters in (ours, theirs)
    ]
    mine, known = ([n for n in names if n not in {*LATER, "self"}] for names in by_position)
    alike = {"start_or_stop": "start", "other": "b", "array": "a"}
    assert [alike.get(n, n) for n in known][: len(mine)] == [alike.get(n, n) for n in mine][
        : len(known)
    ]
    for one in theirs.values():
        if (name, one.name) in {
            ("where", "x"),
            ("where", "y"),
            ("eye", "dtype"),
            ("reshape", "shape"),
        }:
            continue  # another function of one array; a type as text; an old name beside it
        if one.name in ours and one.default is not one.empty and one.name != "self":
            assert ours[one.name].default in (one.default, np._NoValue), one


DESCENDING: dict[str, tuple[Expression, Expression]] = {
    "argsort": (
        lambda xp, b, d: xp.argsort(b, descending=True, stable=True),
        lambda xp, b, d: xp.argsort(-b, stable=True),
    ),
    "sort": (lambda xp, b, d: xp.sort(d, descending=True), lambda xp, b, d: -xp.sort(-d)),
}


@pytest.mark.parametrize("name", DESCENDING)
@given(profile=TWO_BY_TWO_OR_MORE)
def test_descending_orders_keep_the_first_of_equals_first(name: str, profile: Assignment) -> None:
    ours, numpys = DESCENDING[name]
    inputs = fixed_inputs(profile.agents, profile.tokens)
    traced = ours(Namespace(inputs[0].trace), *inputs)
    found = values_of(traced.elements, profile)
    assert np.allclose(found, numpys(np, *numpy_inputs(profile)))


# Where NumPy means something else: refuse, or mean the same --------------------------------------


def _in_place_through_a_view(xp: Any, b: Any, d: Any) -> Any:
    weights = b * 1
    view = weights[:]
    view += 1
    return weights


def _in_place_on_a_copy(xp: Any, b: Any, d: Any) -> Any:
    weights = b * 1
    other = xp.asarray(weights, copy=True)
    other += 1
    return weights


def _in_place_on_a_flattened_copy(xp: Any, b: Any, d: Any) -> Any:
    weights = b * 1
    other = weights.flatten()
    other += 1
    return weights


def _in_place_on_a_broadcast_array(xp: Any, b: Any, d: Any) -> Any:
    spread = xp.broadcast_arrays(b, xp.asarray(2.0))[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spread *= b
    return spread


def _in_place_below_a_view(xp: Any, b: Any, d: Any) -> Any:
    ones = np.ones(2)
    view = xp.flip(ones)
    ones += 1
    return view + b[0]


def _whole_division_in_place(xp: Any, b: Any, d: Any) -> Any:
    counts = xp.sum(d > 0, axis=1)
    counts //= xp.sum(d > 2, axis=1)
    return counts


def _doubled(array: Any) -> Any:
    return array + array


SUBTLE: list[tuple[str, Expression]] = [
    ("max with initial", lambda xp, b, d: np.max(b - 4, initial=0)),
    ("sum with dtype", lambda xp, b, d: np.sum(b, dtype=int)),
    ("inner of matrices", lambda xp, b, d: np.inner(d[:2, :2], d[:2, :2])),
    ("vecdot of matrices", lambda xp, b, d: np.vecdot(d, d)),
    ("vecdot along an axis", lambda xp, b, d: xp.vecdot(d, d, axis=0)),
    ("outer of matrices", lambda xp, b, d: np.outer(d, b)),
    ("norm of order one", lambda xp, b, d: np.linalg.norm(b, 1)),
    ("norm of order zero", lambda xp, b, d: np.linalg.norm(b, 0)),
    ("norm of a matrix", lambda xp, b, d: np.linalg.norm(d, 2)),
    ("take without an axis", lambda xp, b, d: np.take(d, [0, 1, 2])),
    (
        "computed positions along an axis",
        lambda xp, b, d: xp.take_along_axis(d, xp.argsort(d, axis=1, stable=True), axis=1),
    ),
    ("element at a computed position", lambda xp, b, d: b[xp.argmax(b)]),
    ("two lists of positions", lambda xp, b, d: d[[0, 1], [1, 0]]),
    ("NumPy mask", lambda xp, b, d: b[np.arange(b.shape[0]) > 0]),
    ("list of truth values", lambda xp, b, d: b[[True] + [False] * (b.shape[0] - 1)]),
    ("reshape in another order", lambda xp, b, d: np.reshape(d, (-1,), order="F")),
    ("argmax of truth values", lambda xp, b, d: xp.argmax(b > 1)),
    ("argsort of truth values", lambda xp, b, d: xp.argsort(b > 1, stable=True)),
    ("median of truth values", lambda xp, b, d: xp.median(b > 1)),
    ("stack of truth values and numbers", lambda xp, b, d: 2 * xp.stack([b > 1, b])),
    ("sum of mixed stacks", lambda xp, b, d: _doubled(xp.stack([b > 1, b]))),
    ("copies of truth values", lambda xp, b, d: (b > 1).copy() + (b > 2).copy()),
    ("ones like truth values", lambda xp, b, d: xp.ones_like(b > 1) + (b > 1)),
    ("full like whole numbers", lambda xp, b, d: xp.full_like(xp.sum(d > 0, axis=1), 0.5)),
    ("full of a kind", lambda xp, b, d: xp.full_like(b, 0.5, dtype=np.int64)),
    ("bits of whole numbers", lambda xp, b, d: xp.sum(b >= 0) & 4),
    ("inverted whole numbers", lambda xp, b, d: ~xp.sum(b > 1)),
    ("equality with a list", lambda xp, b, d: b == [1.0]),
    ("equality with a complex number", lambda xp, b, d: b == 1 + 0j),
    ("keepdims as a number", lambda xp, b, d: xp.sum(d, axis=0, keepdims=1)),
    ("in place through a view", _in_place_through_a_view),
    ("in place on a copy", _in_place_on_a_copy),
    ("in place on a flattened copy", _in_place_on_a_flattened_copy),
    ("in place on a broadcast array", _in_place_on_a_broadcast_array),
    ("in place below a view", _in_place_below_a_view),
    ("whole division in place", _whole_division_in_place),
    ("whole division by a list", lambda xp, b, d: xp.sum(d > 0, axis=1) // [0, 1, 0]),
    ("length divided", lambda xp, b, d: b.shape[0] // xp.sum(d > 2, axis=1)),
    ("argsort in NumPy's order", lambda xp, b, d: np.argsort(np.tile(b, 8))),
    ("zero to the power of a zero", lambda xp, b, d: (b - b) ** xp.log2(b / b)),
    ("an array of one element as a key", lambda xp, b, d: b[0] * np.ones(2)[xp.asarray([0])]),
    ("variance in whole numbers", lambda xp, b, d: np.var(xp.sum(d > 0, axis=1), dtype=np.int64)),
]


@pytest.mark.parametrize(
    ("name", "expression"),
    [pytest.param(*case, id=case[0]) for case in SUBTLE],
)
def test_a_subtle_call_means_the_same_or_is_refused(name: str, expression: Expression) -> None:
    half, third = Fraction(1, 2), Fraction(1, 3)
    profile = Assignment(
        bids=(Fraction(1), Fraction(5, 2), Fraction(5, 2)),
        dists=((half, half, Fraction(0)), (third, third, third), (Fraction(0), half, half)),
    )
    with suppress(TracingError):
        check_against_numpy(expression, profile, None, open_sizes=False)


def test_whole_numbers_clipped_at_a_fraction_are_refused() -> None:
    xp = Namespace(fixed_inputs(2, 2)[0].trace)
    assert array_api_compat.numpy.clip(np.asarray([-2]), -0.25) == 0
    with pytest.raises(TracingError, match="whole numbers"):
        xp.clip(xp.asarray([-2]), -0.25)


def test_a_share_of_infinity_that_is_rounded_down_is_undefined() -> None:
    half = Fraction(1, 2)
    profile = Assignment(bids=(half, Fraction(0)), dists=((half, half), (half, half)))
    bids, _ = fixed_inputs(2, 2)
    shares: Any = 1 // np.log(bids)
    found = values_of(shares.elements, profile)
    assert found[0] == -2
    assert np.isnan(found[1])


def test_at_open_sizes_an_array_that_was_changed_through_a_view_is_not_returned_as_it_was() -> None:
    def rule(bids: Any, dists: Any) -> Any:
        pooled = bids @ dists / bids.sum()
        view = pooled[:]
        view *= 2
        return pooled

    with pytest.raises(SizeRequired, match="in place"):
        formulas.traced_function(aggregation_rule(rule))


# Errors ------------------------------------------------------------------------------------------


def _branches(bids: Any, dists: Any) -> Any:
    if bids[0] > 1:  # here
        return dists[0, :]
    return bids @ dists / bids.sum()


def _branches_on_an_array(bids: Any, dists: Any) -> Any:
    if (bids > 1).all() and dists > 0:  # here
        return dists[0, :]
    return bids @ dists / bids.sum()


def _loops_while(bids: Any, dists: Any) -> Any:
    total = bids.sum()
    while total > 1:  # here
        total = total / 2
    return bids @ dists / total


def _assigns(bids: Any, dists: Any) -> Any:
    bids[0] = 1  # here
    return bids @ dists / bids.sum()


def _adds_in_place(bids: Any, dists: Any) -> Any:
    bids += 1  # here
    return bids @ dists / bids.sum()


def _scales_a_view_in_place(bids: Any, dists: Any) -> Any:
    rows = dists.T
    rows *= 2  # here
    return rows @ bids / bids.sum()


def _uses_nan(bids: Any, dists: Any) -> Any:
    return bids @ dists + float("nan")  # here


def _uses_infinity(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.minimum(bids @ dists, xp.inf)  # here


def _makes_a_float(bids: Any, dists: Any) -> Any:
    return dists[0, :] * float(bids[0])  # here


def _makes_an_int(bids: Any, dists: Any) -> Any:
    return dists[0, :] * int(bids[0] + 1)  # here


def _uses_math(bids: Any, dists: Any) -> Any:
    return dists[0, :] * math.log(bids[0])  # here


def _makes_a_numpy_array(bids: Any, dists: Any) -> Any:
    return np.asarray(bids) @ dists  # here


def _masks(bids: Any, dists: Any) -> Any:
    return dists[bids > 1].sum(axis=0)  # here


def _assigns_under_a_mask(bids: Any, dists: Any) -> Any:
    weights = bids * 1
    weights[bids > 1] = 1  # here
    return weights @ dists / weights.sum()


def _looks_for_nan(bids: Any, dists: Any) -> Any:
    pooled = bids @ dists
    return np.where(np.isnan(pooled), 0, pooled)  # here


def _rounds(bids: Any, dists: Any) -> Any:
    return np.round(bids @ dists, 2)  # here


def _uses_an_unknown_method(bids: Any, dists: Any) -> Any:
    return bids.dot(dists).tolist()  # here


def _writes_into_another(bids: Any, dists: Any) -> Any:
    weights = bids * 1
    np.add(bids, 1, out=weights)  # here
    return weights @ dists


def _truncates(bids: Any, dists: Any) -> Any:
    return bids.astype(int) @ dists  # here


BAD: list[Any] = [
    pytest.param(_branches, "xp.where", id="branch"),
    pytest.param(_branches_on_an_array, "xp.where", id="branch on an array"),
    pytest.param(_loops_while, "xp.where", id="while"),
    pytest.param(_assigns, "x = x + y", id="assignment"),
    pytest.param(_adds_in_place, "x = x + y", id="in place"),
    pytest.param(_scales_a_view_in_place, "x = x + y", id="in place through a view"),
    pytest.param(_uses_nan, "xp.where", id="nan"),
    pytest.param(_uses_infinity, "xp.where", id="inf"),
    pytest.param(_makes_a_float, "keep it an array", id="float"),
    pytest.param(_makes_an_int, "keep it an array", id="int"),
    pytest.param(_uses_math, "keep it an array", id="math"),
    pytest.param(_makes_a_numpy_array, "array_namespace", id="asarray"),
    pytest.param(_masks, "xp.where", id="mask"),
    pytest.param(_assigns_under_a_mask, "xp.where", id="mask assignment"),
    pytest.param(_looks_for_nan, "docs/rules.md", id="isnan"),
    pytest.param(_rounds, "docs/rules.md", id="round"),
    pytest.param(_uses_an_unknown_method, "array API standard", id="tolist"),
    pytest.param(_writes_into_another, "use the returned array", id="out"),
    pytest.param(_truncates, "xp.floor", id="int dtype"),
]


def line_marked_here(function: Function) -> int:
    """The number of the line of the function that is marked so."""
    lines, first = inspect.getsourcelines(function)
    return next(first + i for i, line in enumerate(lines) if line.rstrip().endswith("# here"))


@pytest.mark.parametrize("sizes", [(3, 2), (2, 2)])
@pytest.mark.parametrize(
    ("function", "way_out"),
    BAD,
)
def test_an_error_names_the_line_and_a_way_out(
    function: Function, way_out: str, sizes: tuple[int, int]
) -> None:
    rule = aggregation_rule(function)
    with pytest.raises(TracingError) as caught:
        formulas.instance(Claim(rule, distribution), *sizes, None, None)
    assert f"{__file__}:{line_marked_here(function)}: " in str(caught.value)
    assert way_out in str(caught.value).partition(", because ")[0]


@pytest.mark.parametrize(("function", "way_out"), BAD)
def test_an_error_is_one_at_open_sizes_too(function: Function, way_out: str) -> None:
    rule = aggregation_rule(function)
    with pytest.raises(TracingError, match=f"test_tracing.py:{line_marked_here(function)}: "):
        formulas.traced_function(rule)


def _swallows_a_branch(bids: Any, dists: Any) -> Any:
    try:
        if bids[0] > 1:
            return dists[0, :]
    except Exception:
        pass
    return bids @ dists / bids.sum()


def _swallows_an_unknown_function(bids: Any, dists: Any) -> Any:
    try:
        return np.round(bids @ dists / bids.sum(), 3)
    except BaseException:
        return bids @ dists / bids.sum()


def _swallows_a_conversion(bids: Any, dists: Any) -> Any:
    weights = bids
    with suppress(Exception):
        weights = np.array([min(float(bid), 1.0) for bid in bids])
    return weights @ dists / weights.sum()


@pytest.mark.parametrize(
    "function", [_swallows_a_branch, _swallows_an_unknown_function, _swallows_a_conversion]
)
def test_a_swallowed_error_still_ends_the_trace(function: Function) -> None:
    rule = aggregation_rule(function)
    with pytest.raises(TracingError):
        formulas.traced_function(rule)
    with pytest.raises(TracingError):
        formulas.instance(Claim(rule, distribution), 2, 2, None, None)
    assert verify(rule, "unanimous", budget=1).status != "proved"


@pytest.mark.parametrize(
    "expression", [lambda b, d: sum_of_greater(b, d[0, :]), lambda b, d: sum_of_greater(d, d)]
)
def test_a_sum_of_greater_of_unlike_arrays_is_refused(expression: Function) -> None:
    with pytest.raises(SizeRequired, match="two arrays of one shape"):
        expression(*open_inputs())
    for bids, dists in (fixed_inputs(2, 3), (np.ones(2), np.ones((2, 3)))):
        with pytest.raises(
            ValueError, match=r"sum_of_greater takes two arrays of one shape \(n,\)"
        ):
            expression(bids, dists)


# Sizes -------------------------------------------------------------------------------------------


def _alone_or_not(bids: Any, dists: Any) -> Any:
    if bids.shape[0] == 1:
        return dists[0, :]
    return bids @ dists / bids.sum()


def test_a_branch_on_a_size_is_explored_both_ways() -> None:
    paths = formulas.traced_function(aggregation_rule(_alone_or_not))
    assert {str(assumed) for assumed, _ in paths} == {"(|agents| == 1)", "not((|agents| == 1))"}
    for agents in (1, 2, 3):
        sizes = {Axis.AGENTS: agents, Axis.TOKENS: 2}
        chosen = [aggregate for assumed, aggregate in paths if ground(assumed, sizes) is graph.TRUE]
        assert len(chosen) == 1
        at_fixed = (
            formulas.instance(
                Claim(aggregation_rule(_alone_or_not), distribution), agents, 2, None, None
            )
            .formula.calls[0]
            .outputs
        )
        assert ground(chosen[0], sizes, {graph.token("t"): 1}) is at_fixed[1]


def _three_ways(bids: Any, dists: Any) -> Any:
    few = bids.shape[0] <= 2 and dists.shape[1] < 4
    return dists[0, :] if few else bids @ dists / bids.sum()


def test_the_assumptions_of_the_paths_are_disjoint_and_cover_every_size() -> None:
    paths = formulas.traced_function(aggregation_rule(_three_ways))
    for agents in range(1, 5):
        for tokens in range(1, 6):
            sizes = {Axis.AGENTS: agents, Axis.TOKENS: tokens}
            assert sum(ground(assumed, sizes) is graph.TRUE for assumed, _ in paths) == 1


def _loops(bids: Any, dists: Any) -> Any:
    total = dists[0, :] * 0
    for j in range(bids.shape[0]):
        total = total + bids[j] * dists[j, :]
    return total / bids.sum()


@given(profile=profiles())
def test_a_loop_over_the_agents_works_at_fixed_sizes_only(profile: Assignment) -> None:
    rule = aggregation_rule(_loops)
    claim = Claim(rule, distribution)
    with pytest.raises(SizeRequired, match="needs the numbers of agents and tokens"):
        formulas.traced_function(rule)
    nodes = formulas.instance(claim, profile.agents, profile.tokens, None, None)
    found = evaluate_rigorously(list(nodes.formula.calls[0].outputs), leaf_values(profile))
    total = sum(profile.bids)
    assert found == [
        sum(b * row[t] for b, row in zip(profile.bids, profile.dists, strict=True)) / total
        for t in range(profile.tokens)
    ]


# Wrong verdicts that a wrong trace leads to ------------------------------------------------------


def _falling_for_64_agents(bids: Any, dists: Any) -> Any:
    weights = bids if bids.shape[0] & 63 else 1 / (1 + bids)
    return weights @ dists / weights.sum()


def _void_at_one_bid(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = xp.where(bids == [3.7], xp.ones_like(bids), bids + 1)
    return weights @ dists / xp.sum(weights)


def _void_at_one_complex_bid(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = xp.where(bids == 3.7 + 0j, xp.ones_like(bids), bids + 1)
    return weights @ dists / xp.sum(weights)


@pytest.mark.parametrize(
    "function",
    [
        _falling_for_64_agents,
        _void_at_one_bid,
        _void_at_one_complex_bid,
    ],
)
def test_a_rule_that_is_not_monotone_is_not_proved_to_be(function: Function) -> None:
    verdict = verify(aggregation_rule(function), "monotone", budget=10)
    covers_everything = verdict.status == "proved" and verdict.scope.agents == "all"
    assert not covers_everything


def _squeezed(bids: Any, dists: Any) -> Any:
    return np.squeeze(bids @ dists / np.sum(bids))


def test_a_rule_that_fails_with_one_token_is_not_proved_a_distribution_for_all() -> None:
    assert _squeezed(np.ones(2), np.ones((2, 1))).shape == ()
    with pytest.raises(Unusable, match=r"shape \(\)"):
        verify(aggregation_rule(_squeezed), "distribution", budget=10)


def _copies_deeply(bids: Any, dists: Any) -> Any:
    weights = copy.deepcopy(bids)
    try:
        if weights[0] > 1:
            return dists[0, :]
    except Exception:
        pass
    return bids @ dists / bids.sum()


def test_an_error_on_a_deep_copy_is_not_lost() -> None:
    with pytest.raises((TracingError, RuleFault)):
        formulas.traced_function(aggregation_rule(_copies_deeply))


# Fingerprints ------------------------------------------------------------------------------------


def _linear(bids: Any, dists: Any) -> Any:
    return bids @ dists / bids.sum()


def _renamed(bids: Any, dists: Any) -> Any:
    w, p = bids, dists
    norm = w.sum()
    return (w @ p) / norm


def _summed(bids: Any, dists: Any) -> Any:
    return np.sum(bids[:, None] * dists, axis=0) / np.sum(bids)


def _shares_first(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.einsum("i,it->t", bids / xp.sum(bids), dists)


def _averaged(bids: Any, dists: Any) -> Any:
    return np.average(dists, axis=0, weights=bids)


def _squared(bids: Any, dists: Any) -> Any:
    return bids**2 @ dists / (bids**2).sum()


def _almost(bids: Any, dists: Any) -> Any:
    return (bids + 1e-9) @ dists / (bids + 1e-9).sum()


def _strictly(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = xp.where(bids > 1, bids, 1)
    return weights @ dists / weights.sum()


def _weakly(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = xp.where(bids >= 1, bids, 2)
    return weights @ dists / weights.sum()


def fingerprint(function: Function) -> str:
    """The fingerprint of a function made a rule."""
    found = Verifier(aggregation_rule(function)).fingerprint
    assert found is not None
    return found


@pytest.mark.parametrize("same", [_renamed, _summed, _shares_first, _averaged])
def test_another_way_to_write_a_rule_has_the_same_fingerprint(same: Function) -> None:
    assert fingerprint(same) == fingerprint(_linear)


def test_another_meaning_has_another_fingerprint() -> None:
    found = [
        fingerprint(f) for f in (_linear, _squared, _almost, _strictly, _weakly, _alone_or_not)
    ]
    assert len(set(found)) == len(found)


def test_a_rule_that_needs_sizes_has_a_fingerprint_that_changes_with_its_meaning() -> None:
    def sorted_bids(bids: Any, dists: Any) -> Any:
        weights = np.sort(bids)
        return weights @ dists / weights.sum()

    def reversed_bids(bids: Any, dists: Any) -> Any:
        weights = np.flip(np.sort(bids))
        return weights @ dists / weights.sum()

    assert fingerprint(sorted_bids) != fingerprint(reversed_bids)


def test_an_untraceable_rule_has_no_fingerprint() -> None:
    assert Verifier(aggregation_rule(_branches)).fingerprint is None


@pytest.mark.parametrize(
    "key", [lambda o: (o, -1), lambda o: (o, slice(None)), lambda o: (slice(None), o.T)]
)
def test_positions_of_several_axes_leave_the_rest_of_the_index_in_place(key: Any) -> None:
    """`d[order, -1]` with an order for every token: the -1 is of the tokens, not of the order."""
    _, dists = fixed_inputs(2, 3)
    found = dists[key(np.argsort(dists, -2, stable=True))]
    half, fourth = Fraction(1, 2), Fraction(1, 4)
    rows = ((half, fourth, fourth), (fourth, fourth, half))
    tied = np.array(rows, dtype=float)
    wanted = tied[key(np.argsort(tied, -2, stable=True))]
    values = values_of(found.elements, Assignment((Fraction(1),) * 2, rows))
    assert np.array_equal(values, wanted)


def test_positions_that_a_slice_parts_are_refused() -> None:
    _, dists = fixed_inputs(2, 3)
    order = np.argsort(dists[:, 0], stable=True)
    with pytest.raises(TracingError):
        dists[:, :, None][order, :, 0]
