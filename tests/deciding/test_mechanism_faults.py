"""Mistakes that were once made about mechanisms, each with what is right."""

from typing import Any

import pytest
from array_api_compat import array_namespace
from data import shared_state

from tokenauction.mechanisms import (
    Distribution,
    Mechanism,
    aggregation_rule,
    linear,
    log_linear,
    pay_your_bid,
    payment_rule,
    platform,
)
from tokenauction.proofs import verify
from tokenauction.proofs.core.runs.numpy_run import Unusable
from tokenauction.proofs.loading.named import claims_of, load_targets
from tokenauction.proofs.results.verdict import Unknown
from tokenauction.theory import rule_property


def test_logarithms_behind_an_open_guard() -> None:
    @payment_rule
    def pay(bids: Any, dists: Any) -> Any:
        xp = array_namespace(bids, dists)
        own, other = bids[:, None], bids[None, :]
        live = (other > 5) & (own > 7)
        gap = xp.where(live, xp.log(own - 5) - xp.log(own - 6), 0 * (own + other))
        others = xp.sum(bids) - bids
        small = (bids * bids - 13.7) ** 2 + (others * others - 1.7) ** 2 - 1 / 10**9
        return bids * small + xp.sum(gap, axis=1)

    assert verify(Mechanism(linear, pay), "no-positive-transfer", budget=10).status != "proved"


def test_bids_beside_withdrawn_bids() -> None:
    @rule_property
    def free(payment: Any, bids: Any, withdrawn_bids: Any, dists: Any, agent: Any) -> Any:
        return payment(bids, dists)[agent] <= payment(withdrawn_bids, dists)[agent]

    v: Any = verify(Mechanism(linear, pay_your_bid), free, budget=10)
    assert v.status == "refuted"
    assert v.witness.assignment.bids[v.witness.assignment.agent] > 0
    assert "None" not in v.witness.sentence


def test_dists_beside_common_dists() -> None:
    @rule_property
    def same(rule: Any, bids: Any, dists: Any, common_dists: Any) -> Any:
        return array_namespace(bids).all(rule(bids, common_dists) == rule(bids, dists))

    v: Any = verify(linear, same, budget=5)
    a = v.witness.assignment
    assert any(row != a.named["common"] for row in a.dists)


def test_state_shared_by_rule_and_payment() -> None:
    mode = {"double": False}

    @aggregation_rule
    def rule(bids: Any, dists: Any) -> Any:
        mode["double"] = True
        return bids @ dists / bids.sum()

    @payment_rule
    def pay(bids: Any, dists: Any) -> Any:
        double, mode["double"] = mode["double"], False
        return (2 if double else 1) * bids

    assert verify(Mechanism(rule, pay), "individually-rational", budget=5).status != "proved"


@pytest.mark.parametrize(("mechanism", "other"), shared_state.AND_FREE)
def test_state_that_two_runs_at_one_profile_do_not_show(
    mechanism: Mechanism, other: Mechanism
) -> None:
    found = verify(mechanism, shared_state.is_free)
    assert isinstance(found, Unknown)
    assert "keeps state between calls" in found.reason
    assert verify(other, shared_state.is_free).status == "proved"


def test_a_changed_distribution_parameter() -> None:
    @payment_rule
    def pay(bids: Any, dists: Any, *, model: Distribution) -> Any:
        top = array_namespace(bids).max(model)
        model *= 0  # type: ignore[operator, assignment]
        return bids * top

    with pytest.raises(Unusable, match="changes its input"):
        verify(Mechanism(linear, pay), "individually-rational", budget=5)


def test_a_shared_distribution_given_to_one_part() -> None:
    @payment_rule
    def pay(bids: Any, dists: Any, *, model: Distribution) -> Any:
        return bids * model[0]  # type: ignore[index]

    with pytest.raises(TypeError, match="one and the same"):
        Mechanism(platform.with_parameters(model=[0.5, 0.5]), pay)


def test_payments_of_a_mechanism_for_positive_distributions() -> None:
    @payment_rule
    def pay(bids: Any, dists: Any) -> Any:
        xp = array_namespace(bids, dists)
        return xp.where(xp.min(dists, axis=1) > 0, bids, 2 * bids)

    both = Mechanism(log_linear, pay)
    assert both.support == "full"
    assert verify(both, "individually-rational", budget=5).status == "proved"


def test_two_properties_of_one_name(tmp_path: Any) -> None:
    p = tmp_path / "own.py"
    p.write_text(
        "from tokenauction.theory import rule_property\n"
        "@rule_property\n"
        "def monotone(rule, bids, dists):\n"
        "    return (rule(bids, dists) < 1).all()\n"
    )
    found = claims_of(load_targets(["linear"]), ["monotone", f"{p}::monotone"])
    assert len(found) == 2


def test_a_payment_of_a_file_at_other_parameters(tmp_path: Any) -> None:
    p = tmp_path / "mine.py"
    p.write_text(
        "from tokenauction.mechanisms import *\n"
        "@payment_rule\n"
        "def fee(bids, dists, *, share=0.5):\n"
        "    return share * bids\n"
        "M = Mechanism(linear, fee.with_parameters(share=0.25))\n"
    )
    assert [t.label for t in load_targets([str(p)])] == ["linear+fee(share=0.25)"]


def test_other_bids_beside_withdrawn_bids_is_searched() -> None:
    @rule_property
    def free(payment: Any, other_bids: Any, withdrawn_bids: Any, dists: Any, agent: Any) -> Any:
        return payment(other_bids, dists)[agent] <= payment(withdrawn_bids, dists)[agent]

    assert verify(Mechanism(linear, pay_your_bid), free, budget=10).status == "refuted"


def test_payment_monotone_is_refuted_where_the_outcome_rests() -> None:
    @payment_rule
    def pay(bids: Any, dists: Any) -> Any:
        others = bids.sum() - bids
        return bids * others / others

    assert verify(Mechanism(linear, pay), "payment-monotone", budget=10).status == "refuted"


@pytest.mark.parametrize("which", ["none", "contexts", "nobody"])
def test_sentences(which: Any) -> None:
    @rule_property
    def none(payment: Any, bids: Any, dists: Any, scale: Any, agent: Any) -> Any:
        return payment(scale * bids, dists)[agent] == payment(bids, dists)[agent]

    @rule_property
    def contexts(payment: Any, bids: Any, other_bids: Any, dists: Any, agent: Any) -> Any:
        return (payment(bids, dists) == payment(other_bids, dists)).all()

    @rule_property
    def nobody(payment: Any, bids: Any, dists: Any) -> Any:
        return payment(bids, dists).sum() < bids.sum()

    v: Any = verify(
        Mechanism(linear, pay_your_bid),
        {"none": none, "contexts": contexts, "nobody": nobody}[which],
        budget=10,
    )
    assert "None" not in v.witness.sentence
    assert "strictly prefers" not in v.witness.sentence
    assert "Agent 0 bids 1, with agent 0 bidding" not in v.witness.sentence
