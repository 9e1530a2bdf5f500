"""Guards the rules as they run: the decorator, its parameters, and what the shipped ones return."""

import importlib
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import positive_numbers, profiles

from tokenauction.mechanisms import (
    CATALOGUE,
    AggregationRule,
    Distribution,
    aggregation_rule,
    cap,
    linear,
    nucleus,
    platform,
    power_mean,
    sum_of_greater,
    temperature,
    top_k,
)
from tokenauction.proofs.results.assignment import Assignment

by_rule = pytest.mark.parametrize("rule", CATALOGUE.values(), ids=lambda rule: rule.name)


# The decorator -----------------------------------------------------------------------------------


def test_a_decorated_function_is_called_as_it_is() -> None:
    seen: list[Any] = []

    @aggregation_rule
    def mine(bids: Any, dists: Any, *, share: float = 0.5) -> Any:
        """Says what it does.

        And more.
        """
        seen.append((bids, dists, share))
        return "what the function returns"

    bids, dists = object(), object()
    assert mine(bids, dists) == "what the function returns"
    assert mine(bids, dists, share=2) == "what the function returns"
    assert mine.with_parameters(share=3)(bids, dists) == "what the function returns"
    assert seen == [(bids, dists, 0.5), (bids, dists, 2), (bids, dists, 3)]
    assert (mine.name, mine.support, mine.summary) == ("mine", "any", "Says what it does.")
    assert mine.file == __file__
    assert mine.parameters == {"share": 0.5}
    assert mine.distributions == {}


def test_a_rule_knows_the_line_of_its_function() -> None:
    def plain(bids: Any, dists: Any) -> Any:
        return dists

    assert aggregation_rule(plain).line == plain.__code__.co_firstlineno
    assert aggregation_rule(plain).summary == ""


def test_support_is_declared() -> None:
    @aggregation_rule(support="full")
    def mine(bids: Any, dists: Any) -> Any:
        return dists

    assert mine.support == "full"
    assert linear.support == "any"
    with pytest.raises(TypeError, match='support must be "any" or "full"'):
        aggregation_rule(support="some")(lambda bids, dists: dists)  # type: ignore[call-overload]


def test_labels_show_the_parameters() -> None:
    assert linear.label == "linear"
    assert cap.label == "cap(highest=10)"
    assert cap.with_parameters(highest=Fraction(5, 2)).label == "cap(highest=5/2)"
    assert platform.label == "platform(weight=1, model)"
    half = Fraction(1, 2)
    given = platform.with_parameters(model=(half, half), weight=3)
    assert given.label == "platform(weight=3, model=[1/2, 1/2])"


def test_with_parameters_leaves_the_rule_alone() -> None:
    changed = cap.with_parameters(highest=3)
    assert (cap.parameters["highest"], changed.parameters["highest"]) == (10, 3)
    assert changed.function is cap.function
    assert changed.with_parameters(highest=10) == cap


def test_a_distribution_parameter_has_to_be_given() -> None:
    bids, dists = np.array([1.0]), np.array([[0.5, 0.5]])
    with pytest.raises(TypeError, match=r"platform needs a distribution for model: .*model="):
        platform(bids, dists)
    model = np.array([1.0, 0.0])
    expected = [0.75, 0.25]
    assert np.allclose(platform(bids, dists, model=model), expected)
    assert np.allclose(platform.with_parameters(model=model)(bids, dists), expected)


@pytest.mark.parametrize("model", [[0.25, 0.75], (0.25, 0.75)])
def test_a_distribution_parameter_may_be_a_plain_sequence(model: Any) -> None:
    given = platform.with_parameters(model=model, weight=2)
    found = given(np.array([2.0]), np.array([[0.75, 0.25]]))
    assert np.allclose(found, [0.5, 0.5])


def test_a_distribution_parameter_may_have_a_default() -> None:
    @aggregation_rule
    def mine(bids: Any, dists: Any, model: Distribution = (0.5, 0.5)) -> Any:  # type: ignore[assignment]
        return model

    assert mine.distributions == {"model": (0.5, 0.5)}
    assert mine.parameters == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lowest": 1}, r"cap has no parameter 'lowest' \(it has: highest\)"),
        ({"highest": "2"}, "must be a number, not '2'"),
        ({"highest": True}, "must be a number, not True"),
        ({"highest": None}, "must be a number, not None"),
        ({"highest": math.nan}, "must be finite, not nan"),
        ({"highest": math.inf}, "must be finite, not inf"),
    ],
)
def test_with_parameters_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        cap.with_parameters(**values)


def _needs_a_default(bids: Any, dists: Any, share: float) -> Any:
    return dists


def _has_a_text(bids: Any, dists: Any, share: Any = "half") -> Any:
    return dists


def _takes_more(bids: Any, dists: Any, *more: Any) -> Any:
    return dists


def _takes_options(bids: Any, dists: Any, **options: Any) -> Any:
    return dists


def _takes_bids_only(bids: Any) -> Any:
    return bids


def _has_no_value(bids: Any, dists: Any, share: Any = None) -> Any:
    return dists


def _names_its_distributions(bids: Any, *, dists: Any) -> Any:
    return dists


def _has_options_in_place_of_distributions(bids: Any, **dists: Any) -> Any:
    return dists


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_needs_a_default, "'share' needs a default number, or the annotation Distribution"),
        (_has_a_text, "'share' must be a number, not 'half'"),
        (_has_no_value, "'share' must be a number, not None"),
        (_takes_more, r"\*more is not a parameter"),
        (_takes_options, r"\*options is not a parameter"),
        (_takes_bids_only, r"takes \(bids, dists\), in that order"),
        (_names_its_distributions, r"takes \(bids, dists\), in that order"),
        (_has_options_in_place_of_distributions, r"takes \(bids, dists\), in that order"),
    ],
)
def test_a_signature_is_refused(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__}: .*{message}"):
        aggregation_rule(function)


# The shipped rules -------------------------------------------------------------------------------


def arrays(profile: Assignment, library: Any) -> tuple[Any, Any, Any]:
    """The bids, distributions and model of a profile as arrays of a library."""

    def array(values: Any) -> Any:
        return library.asarray(values, dtype=library.float64)

    return (
        array([float(bid) for bid in profile.bids]),
        array([[float(p) for p in row] for row in profile.dists]),
        array([float(p) for p in profile.named["model"]]),
    )


@by_rule
@pytest.mark.parametrize("library", [np, array_api_strict], ids=["numpy", "strict"])
@settings(max_examples=10)
@given(profile=profiles(positive=True, named=["model"]))
def test_a_rule_returns_a_distribution_and_leaves_its_inputs_alone(
    rule: AggregationRule, library: Any, profile: Assignment
) -> None:
    bids, dists, model = arrays(profile, library)
    given = dict.fromkeys(rule.distributions, model)
    found = rule(bids, dists, **given)
    assert isinstance(found, type(bids))
    assert found.shape == (profile.tokens,)
    assert found.dtype == library.float64
    values = [float(found[t]) for t in range(profile.tokens)]
    assert all(value >= 0 for value in values)
    assert sum(values) == pytest.approx(1)
    again = arrays(profile, library)
    assert all(bool(library.all(a == b)) for a, b in zip((bids, dists, model), again, strict=True))


def test_the_catalogue_is_named_after_its_rules() -> None:
    assert [rule.name.replace("_", "-") for rule in CATALOGUE.values()] == list(CATALOGUE)
    assert all(rule.summary.endswith(".") for rule in CATALOGUE.values())


EXAMPLE = Assignment(
    bids=(Fraction(1), Fraction(3)),
    dists=(
        (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)),
        (Fraction(1, 10), Fraction(3, 10), Fraction(3, 5)),
    ),
    named={"model": (Fraction(1), Fraction(0), Fraction(0))},
)


def pooled(profile: Assignment, weight: Callable[[Fraction], float]) -> list[float]:
    """The linear pool written out by hand."""
    weights = [weight(bid) for bid in profile.bids]
    return [
        sum(w * float(row[t]) for w, row in zip(weights, profile.dists, strict=True)) / sum(weights)
        for t in range(profile.tokens)
    ]


def normalised(values: list[float]) -> list[float]:
    """The values over their sum."""
    return [value / sum(values) for value in values]


LINEAR = pooled(EXAMPLE, float)
CLOSED_FORMS: dict[str, list[float]] = {
    "linear": [0.2, 0.2875, 0.5125],
    "square-weights": [0.14, 0.295, 0.565],
    "log1p-weights": pooled(EXAMPLE, lambda bid: math.log(1 + bid)),
    "saturating-weights": pooled(EXAMPLE, lambda bid: float(bid / (1 + bid))),
    "softmax-weights": pooled(EXAMPLE, math.exp),
    "cap": LINEAR,
    "reserve": [0.1, 0.3, 0.6],
    "winner-takes-all": [0.1, 0.3, 0.6],
    "rank-weights": pooled(EXAMPLE, lambda bid: 1 if bid == 1 else 2),
    "platform": [(1 + 0.8) / 5, 1.15 / 5, 2.05 / 5],
    "uniform-smoothing": [0.9 * q + 0.1 / 3 for q in LINEAR],
    "log-linear": normalised(
        [
            (float(p) * float(q) ** 3) ** 0.25
            for p, q in zip(EXAMPLE.dists[0], EXAMPLE.dists[1], strict=True)
        ]
    ),
    "power-mean": normalised(
        [
            math.sqrt((float(p) ** 2 + 3 * float(q) ** 2) / 4)
            for p, q in zip(EXAMPLE.dists[0], EXAMPLE.dists[1], strict=True)
        ]
    ),
    "temperature": normalised([q**2 for q in LINEAR]),
    "top-k": [0, 0.2875 / 0.8, 0.5125 / 0.8],
    "nucleus": LINEAR,
}


@by_rule
def test_a_rule_is_its_closed_form(rule: AggregationRule) -> None:
    bids, dists, model = arrays(EXAMPLE, np)
    given = dict.fromkeys(rule.distributions, model)
    expected = CLOSED_FORMS[rule.name.replace("_", "-")]
    assert np.allclose(rule(bids, dists, **given), expected, rtol=1e-12)


def test_every_rule_has_a_closed_form() -> None:
    assert CLOSED_FORMS.keys() == CATALOGUE.keys()


POWER_MEANS: dict[float, str] = {1: "linear", 0: "log-linear"}


@pytest.mark.parametrize("exponent", POWER_MEANS)
@given(profile=profiles(positive=True, named=["model"]))
def test_a_power_mean_is_another_rule_at(exponent: float, profile: Assignment) -> None:
    bids, dists, _ = arrays(profile, np)
    found = power_mean.with_parameters(exponent=exponent)(bids, dists)
    assert np.allclose(found, CATALOGUE[POWER_MEANS[exponent]](bids, dists))


@given(profile=profiles(named=["model"]), highest=positive_numbers())
def test_a_cap_does_not_matter_where_nobody_reaches_it(
    profile: Assignment, highest: Fraction
) -> None:
    bids, dists, _ = arrays(profile, np)
    found = cap.with_parameters(highest=float(highest))(bids, dists)
    if max(profile.bids) <= highest:
        assert np.allclose(found, linear(bids, dists))
    elif min(profile.bids) >= highest:
        assert np.allclose(found, dists.mean(axis=0))


def test_a_cold_temperature_is_nearly_greedy() -> None:
    bids, dists, _ = arrays(EXAMPLE, np)
    found = temperature.with_parameters(degrees=0.01)(bids, dists)
    assert np.allclose(found, [0, 0, 1], atol=1e-12)


# The rules that cut ------------------------------------------------------------------------------


@pytest.fixture(
    scope="module",
    params=["numpy", "array_api_strict", pytest.param("torch", marks=pytest.mark.extra("llm"))],
)
def library(request: pytest.FixtureRequest) -> Any:
    """An array library; torch where it is installed, since it is an extra."""
    return importlib.import_module(request.param)


def tied_profiles() -> st.SearchStrategy[Assignment]:
    """Profiles of six tokens, of which some tie, and some have no chance."""
    return profiles(tokens=6, named=["model"])


def larger(pooled: list[float], token: int) -> list[float]:
    """The entries above that of a token, from the largest downwards."""
    return sorted((q for q in pooled if q > pooled[token]), reverse=True)


def cut(pooled: list[float], kept: list[bool]) -> list[float]:
    """The entries that are kept, normalised."""
    return normalised([q if stays else 0.0 for q, stays in zip(pooled, kept, strict=True)])


def check_cut(
    rule: AggregationRule, library: Any, profile: Assignment, keeps: Callable[[list[float]], bool]
) -> None:
    """A rule keeps the tokens of the linear pool for which `keeps` holds of what is larger."""
    bids, dists, _ = arrays(profile, library)
    found, pooled = rule(bids, dists), [float(q) for q in linear(bids, dists)]
    kept = [keeps(larger(pooled, token)) for token in range(profile.tokens)]
    assert [float(q) for q in found] == pytest.approx(cut(pooled, kept), rel=1e-12)
    assert all(float(q) == 0 for q, stays in zip(found, kept, strict=True) if not stays)


@given(profile=tied_profiles(), k=st.integers(1, 7))
def test_top_k_keeps_what_has_fewer_than_k_above_it(
    library: Any, profile: Assignment, k: int
) -> None:
    check_cut(top_k.with_parameters(k=k), library, profile, lambda above: len(above) < k)


@given(profile=tied_profiles(), mass=st.sampled_from([1e-9, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1, 2]))
def test_nucleus_keeps_what_has_less_than_the_mass_above_it(
    library: Any, profile: Assignment, mass: float
) -> None:
    def keeps(above: list[float]) -> bool:
        total = 0.0
        for q in above:
            total += q
        return total < mass

    check_cut(nucleus.with_parameters(mass=mass), library, profile, keeps)


def test_nucleus_keeps_the_likeliest_tokens_however_small_the_mass() -> None:
    bids, dists = np.array([1.0]), np.array([[0.375, 0.25, 0.375]])
    assert nucleus.with_parameters(mass=1e-300)(bids, dists).tolist() == [0.5, 0, 0.5]


@given(
    values=st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    weights=st.lists(st.integers(-1000, 1000), min_size=12, max_size=12),
)
def test_a_sum_of_greater_is_the_sum_over_what_is_greater(
    library: Any, values: list[int], weights: list[int]
) -> None:
    own = weights[: len(values)]
    found = sum_of_greater(
        library.asarray([value / 2 for value in values], dtype=library.float64),
        library.asarray(own, dtype=library.int64),
    )
    assert [int(total) for total in found] == [
        sum(w for other, w in zip(values, own, strict=True) if other > value) for value in values
    ]


def test_the_rules_that_cut_run_at_the_vocabulary_of_a_real_model(library: Any) -> None:
    tokens, rng = 256_000, np.random.default_rng(0)
    weights = np.sort(rng.exponential(size=tokens))[::-1] ** 4
    weights[10:20] = weights[10]
    order = rng.permutation(tokens)
    pooled = (weights / weights.sum())[order]
    bids = library.asarray([1.0], dtype=library.float64)
    dists = library.asarray(pooled[None, :].tolist(), dtype=library.float64)
    of_top_k = np.from_dlpack(top_k.with_parameters(k=11)(bids, dists))
    assert (of_top_k > 0)[np.argsort(order)].nonzero()[0].tolist() == list(range(20))
    of_nucleus = np.from_dlpack(nucleus(bids, dists))
    kept = of_nucleus > 0
    assert pooled[kept].min() > pooled[~kept].max()
    assert pooled[kept].sum() >= 0.9 - 1e-9
    assert pooled[kept].sum() - pooled[kept].min() < 0.9 + 1e-9


@pytest.mark.extra("llm")
def test_counts_stay_exact_in_half_precision() -> None:
    import torch

    likely, dists = 256, torch.full((1, 300), 2.0**-10, dtype=torch.bfloat16)
    dists[0, :likely] = 2.0**-8
    for k, kept in ((256, likely), (257, 300)):
        found = top_k.with_parameters(k=k)(torch.ones(1, dtype=torch.bfloat16), dists)
        assert (found > 0).tolist() == [token < kept for token in range(300)]
