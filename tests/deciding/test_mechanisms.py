"""Guards mechanisms: payments by their definitions, verdicts, witnesses judged again, usage."""

import json
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import array_api_strict
import jsonschema
import numpy as np
import pytest
from data import known_mechanisms
from hypothesis import given
from strategies import profiles, raises
from verdict_letters import letter

from tokenauction.mechanisms import (
    MECHANISMS,
    PAYMENTS,
    Distribution,
    Mechanism,
    PaymentRule,
    ProfileFunction,
    aggregation_rule,
    cap,
    linear,
    log_linear,
    pay_your_bid,
    payment_rule,
    platform,
    second_price,
    vcg_linear,
    vcg_log_linear,
)
from tokenauction.proofs.core.runs.numpy_run import Unusable
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.verifier import verifier_of, verify
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.named import claims_of, load_targets
from tokenauction.proofs.results import report
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.verdict import Refuted, Witness
from tokenauction.theory import PROPERTIES, rule_property

Command = Callable[..., Any]
Numbers = list[Any]

KNOWN = str(Path(__file__).parents[1] / "data" / "known_mechanisms.py")

# P: proved for all sizes. p: proved for small sizes. R: refuted, exactly. r: refuted in floats.
TRUTH = {
    # What only looks like the second price.
    "second_price_doubled": {"critical-bid": "R"},
    "second_price_and_a_little": {"critical-bid": "R"},
    "second_price_and_more_from_four": {"critical-bid": "R"},
    "second_price_but_at_three": {"critical-bid": "R", "payment-monotone": "R"},
    "second_price_of_another_agent": {
        "critical-bid": "R", "individually-rational": "R", "no-bid-no-payment": "R",
    },
    "second_price_of_another_rule": {"critical-bid": "R"},
    "second_price_by_distance_to_all": {"critical-bid": "R", "individually-rational": "P"},
    "same_share": {"critical-bid": "R", "individually-rational": "P"},
    "move_at_bid": {"critical-bid": "R"},
    "distance_fee": {"critical-bid": "R", "individually-rational": "P"},
    "highest_wins": {"critical-bid": "R"},
    # Where the outcome never moves, nothing is the second price.
    "free_mean": {
        "critical-bid": "P", "payment-monotone": "P", "consistent": "P",
        "individually-rational": "P",
    },
    "mean_at_five": {"critical-bid": "R", "individually-rational": "P"},
    # Payments that are right except somewhere.
    "sliver": {"individually-rational": "R", "no-positive-transfer": "P"},
    "one_total": {"individually-rational": "R", "no-bid-no-payment": "P"},
    "three_ties": {"individually-rational": "R", "no-bid-no-payment": "R"},
    "from_seven": {"individually-rational": "R", "no-bid-no-payment": "P"},
    "certainty": {"individually-rational": "R", "no-positive-transfer": "P"},
    "alone_undefined": {
        "individually-rational": "R", "no-bid-no-payment": "P", "no-positive-transfer": "P",
    },
    "alone_defined": {"individually-rational": "P", "no-bid-no-payment": "P"},
    "entropy_undefined": {"individually-rational": "R"},
    # Who pays.
    "with_fee": {"no-bid-no-payment": "R", "no-positive-transfer": "P"},
    "with_refund": {"no-positive-transfer": "R", "individually-rational": "R"},
    "first_for_all": {"individually-rational": "R", "no-bid-no-payment": "R"},
    "first_alone": {"individually-rational": "p"},
    "sorted_bids": {"individually-rational": "R", "no-bid-no-payment": "R"},
    "untraceable": {"individually-rational": "R"},
    # Rules.
    "falling": {"consistent": "P"},
    "turned_by_total": {"consistent": "R"},
    "turned_by_rival": {"consistent": "R"},
    "log_linear_free": {"consistent": "R", "critical-bid": "R"},
}  # fmt: skip

SHIPPED = {
    "pay-your-bid": {
        "payment-monotone": "R", "critical-bid": "R", "consistent": "P",
        "individually-rational": "P", "no-bid-no-payment": "P", "no-positive-transfer": "P",
    },
    "vcg-linear": {"critical-bid": "R", "consistent": "P"},
    "vcg-log-linear": {
        "payment-monotone": "R", "consistent": "R", "individually-rational": "R",
        "critical-bid": "R",
    },
    "second-price": {"individually-rational": "P"},
}  # fmt: skip

SLOW = {
    "second-price": dict.fromkeys(
        (
            "critical-bid", "payment-monotone", "consistent", "individually-rational",
            "no-bid-no-payment", "no-positive-transfer",
        ),
        "P",
    ),
    "vcg-linear": {"no-positive-transfer": "P"},
    "vcg-log-linear": {"no-bid-no-payment": "P"},
    "second_price_reworded": {"critical-bid": "P", "individually-rational": "P"},
    "highest_wins": {"individually-rational": "p"},
    "same_share": {"payment-monotone": "R"},
}  # fmt: skip


def mechanism_named(name: str) -> Mechanism:
    found: Mechanism = MECHANISMS.get(name) or vars(known_mechanisms)[name]
    return found


# A report decides the others: see below.
AGAIN = {**SHIPPED, "pay-your-bid": {"payment-monotone": "R", "critical-bid": "R"}}


def check(name: str, truth: dict[str, str]) -> None:
    mechanism = mechanism_named(name)
    verifier = verifier_of(mechanism, Options(seed=1))
    for prop, expected in truth.items():
        verdict = verifier.verify(PROPERTIES[prop])
        assert letter(verdict) == expected, (name, prop, verdict)
        if isinstance(verdict, Refuted):
            check_again(mechanism, prop, verdict.witness)


# The definitions once more, on lists of numbers -------------------------------------------------


class Context:
    """What a mechanism does at a witness: computed by its own functions, in Fractions if they can.

    Comparisons of floats are in favour of the mechanism.
    """

    def __init__(self, mechanism: Mechanism, values: Assignment) -> None:
        self.mechanism = mechanism
        self.values = values
        self.named = values.named
        self.slack: Fraction | float = 0
        assert values.agent is not None
        self.agent = values.agent
        raised = values.bids[self.agent] if values.raised_bid is None else values.raised_bid
        self.bids = {"bids": values.bids, "raised_bids": self._with(values.bids, raised)}
        self.bids["withdrawn_bids"] = self._with(values.bids, Fraction(0))
        if values.other_bids is not None:
            self.bids["other_bids"] = values.other_bids
            self.bids["raised_other_bids"] = self._with(values.other_bids, raised)

    def _with(self, bids: tuple[Fraction, ...], bid: Fraction) -> tuple[Fraction, ...]:
        return (*bids[: self.agent], bid, *bids[self.agent + 1 :])

    def at(self, function: ProfileFunction, place: str) -> Numbers:
        """What a function returns at the bids of this name."""
        given = {name: self.named[name] for name in function.open_names}
        exact = [np.array(part, dtype=object) for part in (self.bids[place], self.values.dists)]
        try:
            found = list(function(*exact, **given))
            if all(isinstance(number, int | Fraction) for number in found):
                return found
        except (TypeError, ZeroDivisionError):
            pass
        self.slack = 1e-12
        floats = [np.array(part, dtype=float) for part in exact]
        with np.errstate(all="ignore"):
            return [float(number) for number in function(*floats, **given)]

    def outcome(self, place: str) -> Numbers:
        return self.at(self.mechanism.rule, place)

    def paid(self, place: str) -> Any:
        return self.at(self.mechanism.payment, place)[self.agent]

    def at_most(self, left: Any, right: Any) -> bool:
        return bool(left <= right + self.slack)

    def likes(self, better: str, worse: str) -> bool:
        """The robust order: every token of the better lies between the own and the worse."""
        rows = zip(
            self.values.dists[self.agent], self.outcome(better), self.outcome(worse), strict=True
        )
        return all(
            (self.at_most(w, b) and self.at_most(b, own))
            or (self.at_most(own, b) and self.at_most(b, w))
            for own, b, w in rows
        )


def holds_payment_monotone(at: Context) -> bool:
    low, high = at.paid("bids"), at.paid("raised_bids")
    return at.at_most(low, high) == at.likes("raised_bids", "bids") and (
        at.at_most(high, low) == at.likes("bids", "raised_bids")
    )


def holds_consistent(at: Context) -> bool:
    here, there = ("bids", "raised_bids"), ("other_bids", "raised_other_bids")
    for better, worse in ((0, 1), (1, 0)):
        strictly = at.likes(here[better], here[worse]) and not at.likes(here[worse], here[better])
        if strictly and not at.likes(there[better], there[worse]):
            return False
    return True


def holds_individually_rational(at: Context) -> bool:
    paid = at.paid("bids")
    bid = at.values.bids[at.agent]
    return math.isfinite(paid) and at.at_most(0, paid) and at.at_most(paid, bid)


def holds_no_bid_no_payment(at: Context) -> bool:
    paid = at.paid("withdrawn_bids")
    return at.at_most(0, paid) and at.at_most(paid, 0)


def holds_no_positive_transfer(at: Context) -> bool:
    return at.at_most(0, at.paid("bids"))


def holds_critical_bid(at: Context) -> bool:
    before, after = at.outcome("bids"), at.outcome("raised_bids")
    moved = sum(abs(p - q) for p, q in zip(before, after, strict=True)) / 2
    paid, more = at.paid("bids"), at.paid("raised_bids") - at.paid("bids")
    bid, raised = (at.bids[place][at.agent] for place in ("bids", "raised_bids"))
    priced = at.at_most(bid * moved, more) and at.at_most(more, raised * moved)
    return priced and at.at_most(0, paid) and at.at_most(paid, bid)


HOLDS: dict[str, Callable[[Context], bool]] = {
    "payment-monotone": holds_payment_monotone,
    "consistent": holds_consistent,
    "individually-rational": holds_individually_rational,
    "no-bid-no-payment": holds_no_bid_no_payment,
    "no-positive-transfer": holds_no_positive_transfer,
    "critical-bid": holds_critical_bid,
}


def check_again(mechanism: Mechanism, prop: str, witness: Witness) -> None:
    """The witness is in the domain, says what the mechanism does, and violates the property."""
    values = witness.assignment
    at = Context(mechanism, values)
    for place, bids in at.bids.items():
        assert min(bids) >= 0
        assert sum(bids) > 0 or place == "withdrawn_bids"
    for dist in values.dists:
        assert sum(dist) == 1
        assert min(dist) >= 0
    assert at.bids["raised_bids"][at.agent] >= at.bids["bids"][at.agent]
    if values.other_bids is not None:
        assert values.other_bids[at.agent] == values.bids[at.agent]
    if prop == "no-bid-no-payment":
        assert values.bids[at.agent] == 0
        assert sum(values.bids) > 0
    assert not HOLDS[prop](at)
    for function, places, rows in (
        (mechanism.rule, witness.aggregates_at, witness.aggregates),
        (mechanism.payment, witness.payments_at, witness.payments),
    ):
        for place, row in zip(places, rows, strict=True):
            check_numbers(at.at(function, place), row)


def check_numbers(own: Numbers, told: Sequence[str]) -> None:
    """A row of a witness: equal fractions, or decimals that are near."""
    for number, text in zip(own, told, strict=True):
        if isinstance(number, int | Fraction):
            assert number == Fraction(text)
        elif math.isfinite(number):
            assert float(Fraction(text)) == pytest.approx(number, rel=1e-9, abs=1e-12)


# Verdicts ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", AGAIN)
def test_verdicts_on_shipped_mechanisms(name: str) -> None:
    check(name, AGAIN[name])


@pytest.mark.parametrize("name", TRUTH)
def test_verdicts(name: str) -> None:
    check(name, TRUTH[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_verdicts_that_take_longer(name: str) -> None:
    check(name, SLOW[name])


def test_rule_properties_of_a_mechanism() -> None:
    verifier = verifier_of(MECHANISMS["pay-your-bid"], Options())
    assert letter(verifier.verify(PROPERTIES["monotone"])) == "P"
    assert letter(verifier.verify(PROPERTIES["scale-free"])) == "P"
    assert letter(verify(MECHANISMS["vcg-log-linear"], "monotone")) == "R"


def test_an_undefined_payment_is_not_individually_rational() -> None:
    for name in ("alone_undefined", "entropy_undefined"):
        verdict = verify(mechanism_named(name), "individually-rational", seed=1)
        assert isinstance(verdict, Refuted)
        assert verdict.witness.undefined
        assert "the payments are undefined there" in verdict.witness.sentence


def test_counterexamples_are_small() -> None:
    for name in ("second_price_doubled", "second_price_of_another_rule", "move_at_bid"):
        verdict = verify(mechanism_named(name), "critical-bid", seed=1)
        assert isinstance(verdict, Refuted)
        values = verdict.witness.assignment
        assert (values.agents, values.tokens) == (2, 2)
        assert all(len(str(bid)) <= 3 for bid in values.bids)


def test_a_threshold_on_agents_is_found_at_its_smallest_size() -> None:
    verdict = verify(mechanism_named("from_seven"), "individually-rational", seed=1)
    assert isinstance(verdict, Refuted)
    assert verdict.witness.assignment.agents == 7


def test_the_same_seed_gives_the_same_verdict() -> None:
    first, second = (
        verify(mechanism_named("turned_by_rival"), "consistent", seed=5) for _ in range(2)
    )
    assert first == second


# Payments by their definitions -------------------------------------------------------------------


def in_floats(profile: Assignment) -> tuple[Any, Any]:
    return np.array(profile.bids, dtype=float), np.array(profile.dists, dtype=float)


@given(profile=profiles())
def test_second_price_is_the_integral_of_the_distance(profile: Assignment) -> None:
    """A midpoint sum of TV(q(x), q(b)) over the own bids x up to b."""
    steps = 4000
    bids, dists = in_floats(profile)
    for agent, (bid, own) in enumerate(zip(bids, dists, strict=True)):
        others = np.delete(bids, agent) @ np.delete(dists, agent, axis=0)
        rest = bids.sum() - bid
        bought = (np.arange(steps) + 0.5) / steps * bid
        if bid + rest == 0 or bid == 0:
            continue
        pools = (bought[:, None] * own + others) / (bought + rest)[:, None]
        last = (bid * own + others) / (bid + rest)
        expected = np.abs(pools - last).sum(axis=1).mean() / 2 * bid
        assert second_price(bids, dists)[agent] == pytest.approx(expected, rel=1e-4, abs=1e-9)


@given(profile=raises())
def test_second_price_lies_between_its_bounds(profile: Assignment) -> None:
    at = Context(MECHANISMS["second-price"], profile)
    assert holds_critical_bid(at)
    assert holds_individually_rational(at)


@given(profile=profiles())
def test_vcg_linear_is_what_the_others_lose(profile: Assignment) -> None:
    """Forward-KL welfare of the others, at their own linear pool minus at everybody's."""
    bids, dists = in_floats(profile)
    everybody = linear(bids, dists)
    for agent, paid in enumerate(vcg_linear(bids, dists)):
        rivals, wanted = np.delete(bids, agent), np.delete(dists, agent, axis=0)
        if rivals.sum() == 0:
            assert paid == 0
            continue

        def welfare(outcome: Any, rivals: Any = rivals, wanted: Any = wanted) -> float:
            return -math.fsum(
                bid * p * math.log(p / q)
                for bid, row in zip(rivals, wanted, strict=True)
                for p, q in zip(row, outcome, strict=True)
                if bid * p > 0
            )

        lost = welfare(linear(rivals, wanted)) - welfare(everybody)
        assert paid == pytest.approx(lost, rel=1e-9, abs=1e-9)


@given(profile=profiles(positive=True))
def test_vcg_log_linear_is_what_the_others_lose(profile: Assignment) -> None:
    """Reverse-KL welfare of the others, at their own log-linear pool minus at everybody's."""
    bids, dists = in_floats(profile)
    everybody = log_linear(bids, dists)
    for agent, paid in enumerate(vcg_log_linear(bids, dists)):
        rivals, wanted = np.delete(bids, agent), np.delete(dists, agent, axis=0)
        if rivals.sum() == 0:
            assert paid == 0
            continue

        def welfare(outcome: Any, rivals: Any = rivals, wanted: Any = wanted) -> float:
            return -float(rivals @ (outcome * np.log(outcome / wanted)).sum(axis=1))

        lost = welfare(log_linear(rivals, wanted)) - welfare(everybody)
        assert paid == pytest.approx(lost, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("payment", PAYMENTS.values(), ids=lambda payment: payment.name)
@given(profile=profiles(positive=True))
def test_payments_run_on_another_array_library(payment: PaymentRule, profile: Assignment) -> None:
    bids, dists = in_floats(profile)
    strict = payment(array_api_strict.asarray(bids), array_api_strict.asarray(dists))
    assert np.asarray(strict) == pytest.approx(payment(bids, dists), rel=1e-12, abs=1e-12)


def test_pay_your_bid_returns_its_own_array() -> None:
    bids = np.array([1.0, 2.0])
    paid = pay_your_bid(bids, np.ones((2, 1)))
    paid[0] = 7.0
    assert bids.tolist() == [1.0, 2.0]


# Mechanisms as values ----------------------------------------------------------------------------


def test_a_mechanism_knows_its_parts() -> None:
    both = Mechanism(cap.with_parameters(highest=2), vcg_log_linear)
    assert both.label == "cap(highest=2)+vcg_log_linear"
    assert both.name == "cap+vcg_log_linear"
    assert (both.rule.support, both.support) == ("any", "full")
    assert Mechanism(log_linear, pay_your_bid).support == "full"
    assert Mechanism(linear, pay_your_bid).support == "any"
    assert both.file == vcg_log_linear.file


def test_a_mechanism_of_the_wrong_parts_is_refused() -> None:
    with pytest.raises(TypeError, match=r"needs an aggregation rule there, .*@aggregation_rule"):
        Mechanism(pay_your_bid, pay_your_bid)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"needs a payment rule there, .*@payment_rule"):
        Mechanism(linear, linear)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"needs a payment rule there"):
        Mechanism(linear, lambda bids, dists: bids)  # type: ignore[arg-type]


def test_a_payment_rule_has_parameters_like_a_rule() -> None:
    @payment_rule(support="full")
    def fee(bids: Any, dists: Any, *, share: float = 0.5) -> Any:
        """Charges a share."""
        return share * bids

    assert isinstance(fee, PaymentRule)
    assert (fee.label, fee.support, fee.summary) == ("fee(share=0.5)", "full", "Charges a share.")
    whole, double = (fee.with_parameters(share=share) for share in (1, 2))
    assert letter(verify(Mechanism(linear, whole), "individually-rational")) == "P"
    assert letter(verify(Mechanism(linear, double), "individually-rational")) == "R"
    with pytest.raises(TypeError, match=r"<lambda>: a payment rule takes \(bids, dists\)"):
        payment_rule(lambda bids: bids)


def test_a_distribution_of_both_parts_is_the_same_one() -> None:
    @payment_rule
    def for_the_model(bids: Any, dists: Any, *, model: Distribution) -> Any:
        return bids * model[0]  # type: ignore[index]

    @rule_property
    def follows_the_model(rule: Any, payment: Any, bids: Any, dists: Any, agent: Any) -> Any:
        """With bids of zero only the model is left."""
        return payment(bids, dists)[agent] == bids[agent] * rule(0 * bids, dists)[0]

    both = Mechanism(platform, for_the_model)
    assert letter(verify(both, follows_the_model)) == "P"
    assert letter(verify(both, "individually-rational")) == "P"


# Properties of one's own -------------------------------------------------------------------------


@rule_property
def homogeneous(payment: Any, bids: Any, dists: Any, scale: Any, agent: Any) -> Any:
    """Payments are in the units of the bids."""
    return payment(scale * bids, dists)[agent] == scale * payment(bids, dists)[agent]


@rule_property
def anonymous_payments(payment: Any, bids: Any, dists: Any, agent_order: Any) -> Any:
    """Reordering the agents reorders the payments."""
    moved = payment(bids[agent_order], dists[agent_order, ...])
    return np.all(moved == payment(bids, dists)[agent_order])


def test_an_own_property_of_payments() -> None:
    assert homogeneous.of_mechanisms
    assert letter(verify(mechanism_named("distance_fee"), homogeneous)) == "P"
    assert letter(verify(mechanism_named("with_fee"), homogeneous)) == "R"
    with pytest.raises(ValueError, match="homogeneous is a property of mechanisms, and linear"):
        verify(linear, homogeneous)


def test_an_own_property_of_two_contexts() -> None:
    @rule_property
    def same_in_every_context(
        payment: Any, bids: Any, other_bids: Any, dists: Any, agent: Any
    ) -> Any:
        return payment(bids, dists)[agent] == payment(other_bids, dists)[agent]

    assert letter(verify(MECHANISMS["pay-your-bid"], same_in_every_context)) == "P"
    mechanism = mechanism_named("distance_fee")
    verdict = verify(mechanism, same_in_every_context)
    assert isinstance(verdict, Refuted)
    at = Context(mechanism, verdict.witness.assignment)
    assert at.paid("bids") != at.paid("other_bids")
    assert verdict.witness.payments_at == ("bids", "other_bids")
    for place, row in zip(("bids", "other_bids"), verdict.witness.payments, strict=True):
        check_numbers(at.at(mechanism.payment, place), row)


def test_an_own_property_of_all_payments_at_once() -> None:
    @rule_property
    def covered(payment: Any, bids: Any, dists: Any) -> Any:
        return np.sum(payment(bids, dists)) <= np.sum(bids)

    assert letter(verify(MECHANISMS["pay-your-bid"], covered)) == "P"
    verdict = verify(mechanism_named("first_for_all"), covered)
    assert letter(verdict) in "Pp"
    assert letter(verify(mechanism_named("with_fee"), covered)) == "R"


@pytest.mark.slow
def test_payments_that_name_the_agents_are_not_anonymous() -> None:
    assert letter(verify(mechanism_named("distance_fee"), anonymous_payments)) == "P"
    assert letter(verify(mechanism_named("first_alone"), anonymous_payments)) == "R"


@pytest.mark.slow
def test_own_properties_of_the_second_price() -> None:
    for prop in (homogeneous, anonymous_payments):
        assert letter(verify(MECHANISMS["second-price"], prop)) == "P"


# Unusable payments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment", "shape"),
    [(known_mechanisms.one_number, r"\(\)"), (known_mechanisms.for_tokens, r"\(3,\)")],
    ids=["one number", "for tokens"],
)
def test_a_payment_of_the_wrong_shape_is_unusable(payment: PaymentRule, shape: str) -> None:
    message = rf"known_mechanisms.py:\d+: {payment.name} returns an array of shape {shape} for .*"
    with pytest.raises(Unusable, match=message + r"a payment rule returns .* \(agents,\)"):
        verify(Mechanism(linear, payment), "individually-rational")


def test_a_payment_that_changes_its_input_is_unusable() -> None:
    @payment_rule
    def in_place(bids: Any, dists: Any) -> Any:
        bids *= 2
        return bids

    with pytest.raises(Unusable, match="in_place changes its input in place"):
        verify(Mechanism(linear, in_place), "no-positive-transfer")


def test_a_payment_that_keeps_state_is_not_proved() -> None:
    calls: list[int] = []

    @payment_rule
    def dearer_each_time(bids: Any, dists: Any) -> Any:
        calls.append(1)
        return bids / len(calls)

    verdict = verify(Mechanism(linear, dearer_each_time), "individually-rational", budget=5)
    assert letter(verdict) in "Ur"


# Loading -----------------------------------------------------------------------------------------


def test_targets_are_mechanisms_too() -> None:
    names = ["second-price", "cap(highest=2)+pay-your-bid", f"{KNOWN}::mean+nothing"]
    labels = ["linear+second_price", "cap(highest=2)+pay_your_bid", "mean+nothing"]
    assert [target.label for target in load_targets(names)] == labels
    assert load_targets([f"{KNOWN}::same_share"]) == [known_mechanism_of_file("same_share")]


def known_mechanism_of_file(name: str) -> Any:
    """The mechanism as the file defines it when it is loaded by its path."""
    (found,) = load_targets([f"{KNOWN}::{name}"])
    return found


def test_properties_that_are_not_asked_for() -> None:
    rule, mechanism = load_targets(["linear", "second-price"])
    asked = [(target.label, prop.name) for target, prop in claims_of([rule, mechanism], [])]
    rules = [prop for label, prop in asked if label == "linear"]
    assert rules == ["distribution", "anonymous", "neutral", "unanimous", "monotone"]
    assert {prop for label, prop in asked if label != "linear"} == set(HOLDS)


def test_every_target_has_a_row_for_what_it_can_have() -> None:
    targets = load_targets(["second-price", "pay-your-bid", "linear"])
    found = claims_of(targets, ["monotone", "critical-bid"])
    assert [(target.label, prop.name) for target, prop in found] == [
        ("linear+second_price", "monotone"),
        ("linear+second_price", "critical-bid"),
        ("linear+pay_your_bid", "monotone"),
        ("linear+pay_your_bid", "critical-bid"),
        ("linear", "monotone"),
    ]


def test_underscores_and_shipped_payments_are_understood() -> None:
    assert [one.label for one in load_targets(["second_price"])] == ["linear+second_price"]
    own = load_targets([f"{KNOWN}::mean+pay-your-bid"])
    assert [one.label for one in own] == ["mean+pay_your_bid"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("linear+nothing", r"unknown payment rule 'nothing' \(there is: second-price, "),
        ("linear+second-prise", r"unknown payment rule .*; did you mean second-price\?"),
        ("second-prise", r"unknown rule 'second-prise'; did you mean second-price\?"),
        (f"{KNOWN}::nothing", r"nothing is a payment rule, and .*known_mechanisms.py::RULE\+nothi"),
        (f"{KNOWN}::nothing+mean", r"nothing is not an aggregation rule"),
        (f"{KNOWN}::mean+mean", r"mean is not a payment rule"),
        (f"{KNOWN}::mean+missing", r"unknown name 'missing'"),
    ],
)
def test_targets_that_are_none(target: str, message: str) -> None:
    with pytest.raises(CannotLoad, match=message):
        load_targets([target])


# The command line --------------------------------------------------------------------------------

FILE = """from tokenauction.mechanisms import aggregation_rule, payment_rule


@aggregation_rule
def mine(bids, dists):
    return bids @ dists / bids.sum()


@payment_rule
def fee(bids, dists, *, share=2):
    return share * bids
"""


def test_a_report_has_payments(command: Command) -> None:
    done = command("verify", "pay-your-bid", "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    made = json.loads(done.stdout)
    jsonschema.Draft202012Validator(report.schema()).validate(made)
    rows = {row["property"]: row for row in made["results"]}
    assert {row["rule"] for row in rows.values()} == {"linear+pay_your_bid"}
    assert {name: row["status"][0].upper() for name, row in rows.items()} == SHIPPED["pay-your-bid"]
    found = rows["critical-bid"]["counterexample"]
    assert found["payments_at"] == ["bids", "raised_bids"]
    bid, raised = Fraction(found["bids"][found["agent"]]), Fraction(found["raised_bid"])
    paid = [Fraction(row[found["agent"]]) for row in found["payments"]]
    assert paid == [bid, raised]
    assert len(found["aggregates"]) == len(found["aggregates_at"]) == 2
    assert "other_bids" not in found


def test_a_report_has_both_contexts(command: Command) -> None:
    asked = ["--property", "consistent", "--property", "individually-rational"]
    done = command("verify", "vcg-log-linear", *asked, "--format", "json", "--explain")
    assert (done.returncode, done.stderr) == (1, "")
    made = json.loads(done.stdout)
    jsonschema.Draft202012Validator(report.schema()).validate(made)
    two, one = (row["counterexample"] for row in made["results"])
    assert two["aggregates_at"] == ["bids", "raised_bids", "other_bids", "raised_other_bids"]
    assert "payments" not in two
    agent = two["agent"]
    assert two["other_bids"][agent] == two["bids"][agent]
    assert two["other_bids"] != two["bids"]
    assert one["payments_at"] == ["bids"]
    assert Fraction(one["payments"][0][one["agent"]]) > Fraction(one["bids"][one["agent"]])
    assert one["rounded"]
    shown = "\n".join(made["results"][1]["explanation"])
    assert "z[a] = " in shown
    assert "pays (rounded)" in shown


def test_a_mechanism_of_a_file(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE, "utf-8")
    done = command("verify", f"{path}::mine+fee", "--property", "individually-rational")
    assert (done.returncode, done.stderr) == (1, "")
    assert "refuted  mine+fee(share=2) individually-rational  [" in done.stdout
    assert "and pays 2: individually-rational fails." in done.stdout
    done = command("verify", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "fee is a payment rule, and belongs to a rule: write Mechanism(rule, fee)" in done.stderr
    assert f"or name {path}::RULE+fee" in done.stderr


def test_a_rule_without_payments_has_no_property_of_mechanisms(command: Command) -> None:
    done = command("verify", "linear", "--property", "critical-bid")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "critical-bid is a property of mechanisms, and linear is a rule without" in done.stderr
    assert "name a mechanism, as linear+pay-your-bid or Mechanism(rule, payment)" in done.stderr


def test_a_payment_of_the_wrong_shape_ends_the_command(command: Command) -> None:
    target = f"{KNOWN}::mean+one_number"
    done = command("verify", target, "--property", "individually-rational")
    assert done.returncode == 2
    assert "a payment rule returns one of shape (agents,)" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_payments_of_a_rule_that_is_no_mechanism() -> None:
    @aggregation_rule
    def mine(bids: Any, dists: Any) -> Any:
        return bids @ dists / bids.sum()

    with pytest.raises(ValueError, match="payment-monotone is a property of mechanisms, and mine"):
        verify(mine, "payment-monotone")
    assert letter(verify(mine, "consistent")) == "P"
