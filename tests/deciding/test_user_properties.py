"""Guards a user's own orders and properties: named, listed, decided, explained, or refused."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from hypothesis import given
from strategies import raises

from tokenauction.mechanisms import (
    Mechanism,
    aggregation_rule,
    linear,
    pay_your_bid,
    payment_rule,
)
from tokenauction.proofs.core.claims.domain import quantity_at
from tokenauction.proofs.deciding.verifier import verify
from tokenauction.proofs.loading.files import CannotLoad, load_file
from tokenauction.proofs.loading.named import load_property, properties_in
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.verdict import Proved, Refuted
from tokenauction.theory import PreferenceOrder, RuleProperty, preference_order, rule_property

Command = Callable[..., Any]

OWN = str(Path(__file__).parents[1] / "data" / "own_properties.py")
ORDERS = ["monotone-chi-square", "monotone-first-token", "monotone-indifferent"]
PROPERTIES = [
    "never-zero-for-all", "anonymous-and-neutral", "some-bid-stays", "not-one-truth-value",
    "raises", "branches",
]  # fmt: skip


def own(name: str) -> RuleProperty:
    """A property of the user's file, or monotonicity in an order of it."""
    return load_property(f"{OWN}::{name}")


def rule(name: str) -> Any:
    """A rule of the user's file."""
    return vars(load_file(OWN))[name]


# Naming and listing ------------------------------------------------------------------------------


def test_the_properties_of_a_file_are_its_own() -> None:
    assert [prop.name for prop in properties_in(OWN)] == [*ORDERS, *PROPERTIES]
    assert {prop.file for prop in properties_in(OWN)} == {OWN}


def test_properties_lists_those_of_a_file(command: Command) -> None:
    done = command("properties", OWN)
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert [name for name in lines if name in {*ORDERS, *PROPERTIES}] == [*ORDERS, *PROPERTIES]
    assert lines["monotone-chi-square"].split()[1] == "full"
    assert "chi-square distance of `better`" in lines["monotone-chi-square"]
    assert lines["raises"].endswith("Has a mistake in it.")


def test_a_property_knows_its_name_and_place() -> None:
    order, prop = own("chi_square"), own("never_zero_for_all")
    assert (order.name, order.support, order.file) == ("monotone-chi-square", "full", OWN)
    assert order.order is rule("chi_square")
    assert (prop.name, prop.support, prop.file) == ("never-zero-for-all", "any", OWN)
    assert prop.arguments == ("rule", "bids", "dists")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "unknown name 'nothing'"),
        ("contrary", "contrary is neither a property nor an order"),
        ("array_namespace", "array_namespace is neither a property nor an order"),
    ],
)
def test_a_name_that_is_no_property(name: str, message: str) -> None:
    with pytest.raises(CannotLoad, match=message):
        own(name)


# Verdicts ----------------------------------------------------------------------------------------

TRUTHS: list[tuple[str, str, str]] = [
    ("linear", "chi_square", "proved"),
    ("contrary", "chi_square", "refuted"),
    ("contrary", "first_token", "refuted"),
    ("contrary", "indifferent", "proved"),
    ("linear", "never_zero_for_all", "proved"),
    ("linear", "anonymous_and_neutral", "proved"),
    ("ordered", "anonymous_and_neutral", "refuted"),
    ("linear", "some_bid_stays", "refuted"),
]


@pytest.mark.parametrize(
    ("rule_name", "name", "status"),
    TRUTHS,
)
def test_a_verdict_on_an_own_property(rule_name: str, name: str, status: str) -> None:
    chosen = linear if rule_name == "linear" else rule(rule_name)
    verdict = verify(chosen, own(name), budget=20)
    assert verdict.status == status


def test_reordering_three_agents_is_not_only_swapping_two() -> None:
    verdict = verify(linear, own("some_bid_stays"), budget=10)
    sizes = verdict.scope.agents
    assert not (verdict.status == "proved" and (sizes == "all" or 3 in sizes))


def test_a_claim_about_nothing_is_not_proved() -> None:
    @rule_property
    def truth(rule: Any, bids: Any, dists: Any) -> Any:
        return True

    assert verify(linear, truth, budget=2).status == "proved"

    @rule_property
    def falsehood(rule: Any, bids: Any, dists: Any) -> Any:
        return False

    assert verify(linear, falsehood, budget=2).status == "refuted"


def test_an_own_order_given_as_a_value() -> None:
    @preference_order
    def more_of_everything(preferred: Any, better: Any, worse: Any) -> Any:
        return np.all(better >= worse)

    verdict = verify(linear, more_of_everything, budget=10)
    assert verdict.status == "refuted"


def test_a_counterexample_and_an_explanation(command: Command) -> None:
    arguments = ["--property", f"{OWN}::chi_square", "--format", "json", "--explain"]
    done = command("verify", f"{OWN}::contrary", *arguments)
    assert (done.returncode, done.stderr) == (1, "")
    row = json.loads(done.stdout)["results"][0]
    assert (row["property"], row["status"]) == ("monotone-chi-square", "refuted")
    found = row["counterexample"]
    bids = [Fraction(bid) for bid in found["bids"]]
    dists = [[Fraction(p) for p in line] for line in found["dists"]]
    assert min(min(line) for line in dists) > 0
    agent, raised = found["agent"], Fraction(found["raised_bid"])
    assert raised >= bids[agent]

    def distance(bids: list[Fraction]) -> Fraction:
        weights = [1 / (1 + bid) for bid in bids]
        pooled = [
            sum(w * p for w, p in zip(weights, column, strict=True)) / sum(weights)
            for column in zip(*dists, strict=True)
        ]
        return sum(
            ((q - p) ** 2 / p for q, p in zip(pooled, dists[agent], strict=True)), Fraction(0)
        )

    assert distance([*bids[:agent], raised, *bids[agent + 1 :]]) > distance(bids)
    assert "chi-square distance" in row["explanation"][0]
    assert any(line.startswith("q[t] = ") for line in row["explanation"])
    assert row["reason"] in row["explanation"]


@given(profile=raises(positive=True))
def test_the_linear_rule_is_monotone_in_chi_square_on_numbers(profile: Assignment) -> None:
    order = rule("chi_square")
    assert isinstance(order, PreferenceOrder)
    dists = np.array(profile.dists, dtype=object)
    assert profile.agent is not None

    def pooled(bids: tuple[Fraction, ...]) -> Any:
        return np.array(bids, dtype=object) @ dists / sum(bids)

    after, before = pooled(quantity_at("raised_bids", profile)), pooled(profile.bids)
    assert bool(order(dists[profile.agent], after, before))


# A name that is taken ----------------------------------------------------------------------------


def test_a_property_with_the_name_of_a_built_in_one_is_told_in_its_own_words() -> None:
    @rule_property
    def critical_bid(payment: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any) -> Any:
        return payment(raised_bids, dists)[agent] <= payment(bids, dists)[agent]

    verdict = verify(Mechanism(linear, pay_your_bid), critical_bid, budget=10)
    assert isinstance(verdict, Refuted)
    assert verdict.witness.sentence.endswith(
        "and its payment goes from 1 to 2: critical-bid fails."
    )


@aggregation_rule
def grows_without_bound(bids: Any, dists: Any) -> Any:
    """Infinite in floats from a total bid of one on; it branches, and so does not trace."""
    return dists[0] if bids.sum() < 1 else dists[0] + np.inf


@payment_rule
def charges_more_from_one(bids: Any, dists: Any) -> Any:
    """Payments that rise with the bid; they branch, and so do not trace."""
    return bids * 2 if bids.sum() < 1 else bids * 3


def test_an_infinite_outcome_is_told_too() -> None:
    @rule_property(everywhere=True)
    def critical_bid(
        rule: Any, payment: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any
    ) -> Any:
        xp = array_namespace(bids, dists)
        unmoved = xp.all(rule(raised_bids, dists) == rule(bids, dists))
        return unmoved & (payment(raised_bids, dists)[agent] >= payment(bids, dists)[agent])

    mechanism = Mechanism(grows_without_bound, charges_more_from_one)
    verdict = verify(mechanism, critical_bid, budget=10)
    assert isinstance(verdict, Refuted)
    assert "inf" in verdict.witness.sentence
    assert verdict.witness.sentence.endswith("critical-bid fails.")


# Mistakes ----------------------------------------------------------------------------------------


def test_an_order_of_other_arguments_is_refused() -> None:
    def order(better: Any, worse: Any) -> Any:
        return True

    with pytest.raises(TypeError, match=r"order: a preference order takes \(preferred, better"):
        preference_order(order)


def test_a_property_of_other_arguments_is_refused() -> None:
    def prop(rule: Any, bids: Any, prices: Any) -> Any:
        return True

    def without_rule(bids: Any, dists: Any) -> Any:
        return True

    with pytest.raises(
        TypeError, match=r"prop has the argument 'prices'; .* quantifies over: rule"
    ):
        rule_property(prop)
    with pytest.raises(TypeError, match="without_rule has no argument 'rule'"):
        rule_property(without_rule)


def test_a_file_with_a_wrong_signature_is_refused_in_one_line(
    command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from tokenauction.theory import rule_property\n\n\n@rule_property\n"
        "def prop(rule, prices):\n    return True\n",
        "utf-8",
    )
    for arguments in (
        ["verify", "linear", "--property", f"{path}::prop"],
        ["properties", str(path)],
    ):
        done = command(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert f"{path}:4: TypeError: prop has the argument 'prices'" in done.stderr


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("not_one_truth_value", 57, "the property not-one-truth-value must return one truth value"),
        ("raises", 66, "no_such_name"),
        ("branches", 73, "the property branches on a value"),
    ],
)
def test_a_property_that_cannot_be_decided(
    command: Command, name: str, line: int, message: str
) -> None:
    done = command("verify", "linear", "--property", f"{OWN}::{name}", "--property", "neutral")
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
    assert message in done.stdout + done.stderr
    assert f"own_properties.py:{line}" in done.stdout + done.stderr
    assert "proved   linear neutral" in done.stdout


# Mistakes of a property's author ------------------------------------------------------------------

MISTAKES = """
import numpy as np
from tokenauction.theory import preference_order, rule_property

@rule_property
def unknown_name(rule, bids, dists):
    return xp.all(rule(bids, dists) >= 0)

@rule_property
def array(rule, bids, dists):
    return rule(bids, dists) >= 0

@rule_property
def number(rule, bids, dists):
    return np.sum(rule(bids, dists))

@preference_order
def margin(preferred, better, worse):
    return np.abs(better - preferred).sum() - np.abs(worse - preferred).sum()

@rule_property
def not_of_three(rule, bids, dists):
    assert len(bids) != 3
    return np.all(rule(bids, dists) >= 0)
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unknown_name", r":7: the property unknown-name raises NameError: name 'xp'"),
        ("array", r":9: the property array must return one truth value, .*: use xp.all"),
        ("number", r":13: the property number must return one .*: compare it, as in `... <= 0`"),
        ("margin", r":17: the order margin must return one truth value, not a number"),
    ],
)
def test_a_property_that_answers_nothing_is_unusable(
    tmp_path: Path, command: Command, name: str, said: str
) -> None:
    (tmp_path / "own.py").write_text(MISTAKES)
    done = command("verify", "linear", "--property", f"own.py::{name}", folder=tmp_path)
    assert done.returncode == 2
    assert re.search(said, " ".join(done.stderr.split()))


def test_a_property_that_fails_at_some_sizes_is_decided_at_the_others(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(MISTAKES)
    found = verify(linear, load_property(f"{tmp_path}/own.py::not_of_three"), budget=5)
    assert isinstance(found, Proved)
    assert found.scope.agents == (1, 2)


@preference_order
def strict(preferred: Any, better: Any, worse: Any) -> Any:
    return np.abs(better - preferred).sum() < np.abs(worse - preferred).sum()


def test_a_raise_that_is_none_is_said_to_be_none() -> None:
    found = verify(linear, strict)
    assert isinstance(found, Refuted)
    assert found.witness.sentence.startswith(
        "Agent 0 leaves its bid at 1 (an order has to hold of an outcome and itself): strict("
    )
