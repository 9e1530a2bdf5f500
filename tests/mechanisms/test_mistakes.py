"""What goes wrong first in a function of one's own is told in words that say what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace

from tokenauction.mechanisms import (
    CATALOGUE,
    Mechanism,
    aggregation_rule,
    linear,
    linear_pool,
    logarithmic_pool,
    payment_rule,
)
from tokenauction.mechanisms.auction.calls import RuleFailed, called
from tokenauction.mechanisms.auction.inputs import (
    BadPayment,
    BadWeights,
    checked_payments,
    checked_weights,
)
from tokenauction.proofs import verify
from tokenauction.proofs.core.runs.numpy_run import Unusable, check_usable
from tokenauction.theory import preference_order, rule_property

Function = Callable[..., Any]
WRONG_ORDER = (
    "seems to have its arguments in the wrong order: an? .* is called as \\(bids, dists\\)"
)


# Arguments in the wrong order --------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", ["dists, bids", "dist, bid", "distributions, bids", "preferred, bids", "p, b"]
)
@pytest.mark.parametrize("kind", [aggregation_rule, payment_rule])
def test_names_in_the_wrong_order(kind: Function, names: str) -> None:
    made: dict[str, Any] = {}
    exec(f"def mine({names}): return 1", made)
    with pytest.raises(TypeError, match=rf"mine\({names}\): the arguments are in the wrong order"):
        kind(made["mine"])


@pytest.mark.parametrize("names", ["bids, dists", "b, p", "x, y", "bids, q", "p, q", "b, weights"])
def test_names_in_another_order_or_of_another_language(names: str) -> None:
    made: dict[str, Any] = {}
    exec(f"def mine({names}): return 1", made)
    assert aggregation_rule(made["mine"]).name == "mine"


def by_matmul(x: Any, y: Any) -> Any:
    return y @ x / y.sum()


def by_broadcasting(x: Any, y: Any) -> Any:
    xp = array_namespace(x, y)
    return xp.sum(x * y[:, None], axis=0) / xp.sum(y)


def by_einsum(x: Any, y: Any) -> Any:
    return np.einsum("j,js->s", y, x) / y.sum()


def by_average(x: Any, y: Any) -> Any:
    return np.average(x, axis=0, weights=y)


def by_a_loop(x: Any, y: Any) -> Any:
    total = 0 * x[0]
    for j in range(y.shape[0]):
        total = total + y[j] * x[j, :]
    return total / y.sum()


def of_the_strongest(x: Any, y: Any) -> Any:
    return x[np.argmax(y), :]


EXCHANGED = [by_matmul, by_broadcasting, by_einsum, by_average, by_a_loop, of_the_strongest]


@pytest.mark.parametrize("function", EXCHANGED)
def test_shapes_tell_the_wrong_order(function: Function) -> None:
    rule = aggregation_rule(function)
    for prop in ("distribution", "monotone", "neutral"):
        with pytest.raises(Unusable, match=f"{function.__name__} {WRONG_ORDER}"):
            verify(rule, prop, budget=5)
    rng = np.random.default_rng(1)
    with pytest.raises(RuleFailed, match=WRONG_ORDER):
        called(rule, rng.random(2), rng.dirichlet(np.ones(7), size=2))


@pytest.mark.parametrize("function", EXCHANGED)
def test_the_same_functions_in_order_are_used(function: Function) -> None:
    @aggregation_rule
    def mine(bids: Any, dists: Any) -> Any:
        return function(dists, bids)

    assert not check_usable(mine).problem


def test_a_payment_in_the_wrong_order() -> None:
    @payment_rule
    def half(x: Any, y: Any) -> Any:
        return y / 2

    with pytest.raises(Unusable, match=WRONG_ORDER):
        verify(Mechanism(linear, half), "no-positive-transfer")
    with pytest.raises(RuleFailed, match=WRONG_ORDER):
        called(half, np.ones(2), np.full((2, 4), 0.25))


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_shipped_rule_is_taken_for_one_in_the_wrong_order(name: str) -> None:
    assert not check_usable(CATALOGUE[name]).nowhere


def test_a_rule_of_few_sizes_is_not_taken_for_one_in_the_wrong_order() -> None:
    @aggregation_rule
    def of_as_many_agents_as_tokens(bids: Any, dists: Any) -> Any:
        if dists.shape[0] != dists.shape[1]:
            raise ValueError("as many agents as tokens, please")
        return bids @ dists / bids.sum()

    assert check_usable(of_as_many_agents_as_tokens).sizes == [(2, 2), (3, 3), (1, 1)]


# No `return` -------------------------------------------------------------------------------------


def forgets(bids: Any, dists: Any) -> Any:
    weights = bids / bids.sum()
    weights @ dists


def assigns(bids: Any, dists: Any) -> Any:
    result = bids @ dists / bids.sum()  # noqa: F841


def forgets_one_agent(bids: Any, dists: Any) -> Any:  # noqa: RET503
    if bids.shape[0] > 1:
        return bids @ dists / bids.sum()


def weights(bids: Any) -> Any:
    bids * 2


def line_of(text: str) -> int:
    """The line of this file that has a text, alone."""
    lines = Path(__file__).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip().startswith(text))


@pytest.mark.parametrize(
    ("rule", "last"),
    [
        (aggregation_rule(forgets), "weights @ dists"),
        (aggregation_rule(assigns), "result = bids @ dists / bids.sum()"),
        (aggregation_rule(forgets_one_agent), ""),
        (linear_pool(weights), "bids * 2"),
        (logarithmic_pool(weights), "bids * 2"),
    ],
)
def test_a_missing_return(rule: Any, last: str) -> None:
    told = f"{__file__}:{rule.line}: {rule.name} returns nothing (None); does "
    last_line = f"its last line, {line_of(last)}: `{last}`," if last else "it"
    with pytest.raises(Unusable) as problem:
        verify(rule, "distribution", budget=5)
    assert str(problem.value) == f"{told}{last_line} lack a `return`?"
    with pytest.raises(RuleFailed) as failed:
        called(rule, np.ones(1), np.full((1, 4), 0.25))
    assert str(failed.value) == str(problem.value)


def test_a_payment_a_property_and_an_order_without_a_return() -> None:
    @payment_rule
    def free(bids: Any, dists: Any) -> Any:
        bids / 2

    with pytest.raises(Unusable, match=r"free returns nothing .*`bids / 2`, lack a `return`"):
        verify(Mechanism(linear, free), "no-positive-transfer")

    @rule_property
    def positive(rule: Any, bids: Any, dists: Any) -> Any:
        (rule(bids, dists) >= 0).all()

    @preference_order
    def closer(preferred: Any, better: Any, worse: Any) -> Any:
        np.all(better <= worse)

    for prop, last in ((positive, "(rule(bids, dists) >= 0).all()"), (closer, "np.all(better")):
        with pytest.raises(Unusable, match=r"returns nothing \(None\); does its last") as told:
            verify(linear, prop, budget=2)
        assert last in str(told.value)


def test_weights_and_payments_of_the_wrong_form_are_told_shortly() -> None:
    with pytest.raises(BadWeights, match="are nothing \\(None\\): a `return` is missing"):
        checked_weights(None, 2, "mine")
    with pytest.raises(BadPayment, match="charged an array of shape \\(2, 5000\\), not"):
        checked_payments(np.ones((2, 5000)), 2, "mine")
    with pytest.raises(BadWeights, match="are an array of shape \\(2, 5000\\), not"):
        checked_weights(np.ones((2, 5000)), 2, "mine")
