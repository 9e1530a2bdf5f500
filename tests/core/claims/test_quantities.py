"""What a property quantifies over: a row each, and a new one is a row and its words."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any, cast

import jsonschema
import pytest
from array_api_compat import array_namespace
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import profiles

from tokenauction.mechanisms import (
    Distribution,
    Mechanism,
    PaymentRule,
    aggregation_rule,
    payment_rule,
)
from tokenauction.mechanisms.catalogue import CATALOGUE, MECHANISMS
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.claims.domain import (
    check_domain,
    quantity_at,
)
from tokenauction.proofs.core.claims.quantities import (
    AGENTS,
    QUANTITIES,
    TOKENS,
    UNKNOWNS,
    Quantity,
    SingledOut,
    Unknown,
    array,
)
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Index, Node
from tokenauction.proofs.core.proving import all_sizes
from tokenauction.proofs.deciding.verifier import verify
from tokenauction.proofs.results import counterexamples, report
from tokenauction.proofs.results.assignment import Assignment, Choices, assignment_of
from tokenauction.proofs.results.verdict import Proved, Refuted, Scope, Verdict
from tokenauction.proofs.testing.emitted import argument_at
from tokenauction.proofs.testing.instances import judge
from tokenauction.theory import PROPERTIES, QUANTIFIED, properties, rule_property

FUNCTIONS = {"rule", "payment"}
CHOICES = {"agent", "rival", "agent_order", "token_order"}
EVERY_CLAIM = [
    *(Claim(CATALOGUE["linear"], prop) for prop in PROPERTIES.values() if not prop.of_mechanisms),
    *(
        Claim(CATALOGUE["linear"], prop, payment=MECHANISMS["vcg-linear"].payment)
        for prop in PROPERTIES.values()
        if prop.of_mechanisms
    ),
]


def test_the_rows_are_what_theory_has_words_for() -> None:
    assert {*QUANTITIES} | FUNCTIONS | CHOICES == {*QUANTIFIED}


@pytest.mark.parametrize(
    "name", [name for name, one in UNKNOWNS.items() if not one.axes or one.is_named]
)
def test_no_parameter_of_a_rule_is_called_as_an_unknown(name: str) -> None:
    made: dict[str, Any] = {}
    exec(f"def rule(bids, dists, {name}: Distribution): ...", {"Distribution": Distribution}, made)
    with pytest.raises(TypeError, match=f"the name '{name}' is taken"):
        aggregation_rule(made["rule"])


@pytest.mark.parametrize("claim", EVERY_CLAIM, ids=lambda claim: claim.prop.name)
def test_what_a_claim_is_about_is_read_off_its_rows(claim: Claim) -> None:
    asked = {*claim.prop.arguments}
    raised = {"raised_bids", "raised_other_bids"}
    assert claim.has_raise == bool(asked & raised)
    assert (UNKNOWNS["other_bids"] in claim.unknowns) == bool(
        asked & {"other_bids", "raised_other_bids"}
    )
    single = {"agent", "withdrawn_bids", "other_dists", "other_bids"} | raised
    assert claim.has_focal == bool(asked & single)
    assert claim.withdraws_only == (
        "withdrawn_bids" in asked and not asked & {"bids", "other_bids", *raised}
    )
    assert claim.common_only == ("common_dists" in asked and not asked & {"dists", "other_dists"})


# Arrays of numbers --------------------------------------------------------------------------------

NUMBERS = st.fractions(-3, 3, max_denominator=4)


@st.composite
def anything(draw: st.DrawFn) -> Assignment:
    """Numbers of the right shapes, in the domain of a claim or not."""
    found = draw(profiles(named=("common", "other")))
    agent, *others = draw(st.permutations(range(found.agents)))
    bids = st.tuples(*[NUMBERS] * found.agents)
    return replace(
        found,
        bids=draw(st.one_of(st.just(found.bids), bids)),
        agent=agent,
        choices=Choices(rival=next(iter(others), None)),
        given={"raised_bid": draw(NUMBERS), "scale": draw(NUMBERS), "other_bids": draw(bids)},
    )


def by_hand(claim: Claim, values: Assignment) -> bool:
    """Whether a claim speaks of an assignment, as its properties say in words."""
    asked, agent = {*claim.prop.arguments}, values.agent
    assert agent is not None
    bids, there = [*values.bids], [*(values.other_bids or ())]
    if claim.withdraws_only:
        bids[agent] = Fraction(0)
    there[agent] = bids[agent]
    fine = min(bids) >= 0 and sum(bids) > 0
    if "withdrawn_bids" in asked:
        fine = fine and sum(bids) > bids[agent]
    if claim.has_raise:
        fine = fine and values.raised_bid is not None and values.raised_bid >= bids[agent]
    if asked & {"other_bids", "raised_other_bids"}:
        fine = fine and min(there) >= 0 and sum(there) > 0
    if "scale" in asked:
        fine = fine and values.scale is not None and values.scale > 0
    return fine


@settings(max_examples=300)
@given(values=anything(), claim=st.sampled_from(EVERY_CLAIM))
def test_the_domain_is_what_its_words_say(values: Assignment, claim: Claim) -> None:
    if claim.positive and not all(
        p for row in (*values.dists, *values.named.values()) for p in row
    ):
        assert not check_domain(claim, values)
        return
    assert check_domain(claim, values) == by_hand(claim, values)


@given(values=anything())
def test_quantities_are_what_their_words_say(values: Assignment) -> None:
    agent = values.agent
    assert agent is not None
    there = cast(tuple[Fraction, ...], values.other_bids)

    def with_own(bids: tuple[Fraction, ...], own: Any) -> tuple[Any, ...]:
        return (*bids[:agent], own, *bids[agent + 1 :])

    raised, own = values.raised_bid, values.bids[agent]
    rows = with_own(cast(Any, values.dists), values.named["other"])
    # A quantity that speaks of the rival needs two agents: `assume` them here.
    assert {name: quantity_at(name, values) for name in QUANTITIES} == {
        "bids": values.bids,
        "dists": values.dists,
        "raised_bids": with_own(values.bids, raised),
        "withdrawn_bids": with_own(values.bids, 0),
        "other_bids": with_own(there, own),
        "raised_other_bids": with_own(there, raised),
        "other_dists": rows,
        "common": values.named["common"],
        "common_dists": (values.named["common"],) * values.agents,
        "scale": values.scale,
    }


# A new quantity -----------------------------------------------------------------------------------

HALVED = Quantity(
    "halved_bids",
    (AGENTS,),
    "bids",
    lambda who, j: graph.where(
        graph.same(j, who.agent), graph.div(graph.bid(j), graph.constant(2)), graph.bid(j)
    ),
)
QUALITY = array("quality", (AGENTS,), "positive")
REWARDS = array("rewards", (AGENTS, TOKENS), "number")
THIRD_BIDS = array("third_bids", (AGENTS,), "bids")
THIRD_DISTS = array("third_dists", (AGENTS, TOKENS), "distribution")
BUDGET = array("budget", (), "number")
RESERVE = array("reserve", (), "bids")
HIGHER = (
    Unknown(
        "higher",
        (),
        "bids",
        partial(graph.given, "higher", "non-negative"),
        lambda who: graph.bid(who.agent),
    ),
    Quantity("higher", (), "bids", lambda _: graph.given("higher", "non-negative")),
)
REFERENCE = array("reference", (TOKENS,), "distribution")


@pytest.fixture
def more_quantities(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows above in their tables, and words for them."""
    rows = [QUALITY, REWARDS, THIRD_BIDS, THIRD_DISTS, BUDGET, REFERENCE, RESERVE, HIGHER]
    for unknown, quantity in rows:
        monkeypatch.setitem(cast(dict[str, Unknown], UNKNOWNS), unknown.name, unknown)
        monkeypatch.setitem(cast(dict[str, Quantity], QUANTITIES), quantity.name, quantity)
    monkeypatch.setitem(cast(dict[str, Quantity], QUANTITIES), HALVED.name, HALVED)
    words = {**QUANTIFIED, **{quantity.name: "new" for _, quantity in rows}, HALVED.name: "new"}
    monkeypatch.setattr(properties, "QUANTIFIED", words)


def decided(predicate: Any, rule: str = "linear") -> Verdict:
    return verify(CATALOGUE[rule], rule_property(predicate))


def proved(verdict: Verdict) -> bool:
    return isinstance(verdict, Proved) and verdict.scope.agents == verdict.scope.tokens == "all"


def halved_bids_do_something(rule: Any, bids: Any, halved_bids: Any, dists: Any) -> Any:
    return array_namespace(bids).all(rule(halved_bids, dists) == rule(bids, dists))


def quality_is_no_bid(rule: Any, bids: Any, dists: Any, quality: Any) -> Any:
    xp = array_namespace(bids)
    return xp.all(rule(quality * bids, dists) == rule(bids, dists))


def quality_keeps_sums(rule: Any, bids: Any, dists: Any, quality: Any) -> Any:
    xp = array_namespace(bids)
    return xp.sum(rule(quality * bids, dists)) == 1


def quality_is_positive(rule: Any, quality: Any) -> Any:
    return array_namespace(quality).all(quality > 0)


def rewards_are_positive(rule: Any, rewards: Any) -> Any:
    return array_namespace(rewards).all(rewards >= 0)


def own_rewards_sum(rule: Any, bids: Any, dists: Any, rewards: Any, agent: Any) -> Any:
    xp = array_namespace(bids, rewards)
    gain = xp.sum((rule(bids, dists) - rule(2 * bids, dists)) * rewards[agent, ...])
    return gain == 0


def budget_is_positive(rule: Any, budget: Any) -> Any:
    return budget >= 0


def reserves_are_bids(rule: Any, bids: Any, reserve: Any) -> Any:
    return (reserve >= 0) & (reserve + array_namespace(bids).sum(bids) > 0)


def higher_is_no_lower(rule: Any, bids: Any, agent: Any, higher: Any) -> Any:
    return higher >= bids[agent]


def higher_is_higher(rule: Any, bids: Any, agent: Any, higher: Any) -> Any:
    return higher > bids[agent]


def third_bids_are_bids(rule: Any, third_bids: Any, dists: Any) -> Any:
    xp = array_namespace(third_bids, dists)
    return (xp.sum(third_bids) > 0) & (xp.sum(rule(third_bids, dists)) == 1)


def third_bids_are_positive(rule: Any, third_bids: Any) -> Any:
    return array_namespace(third_bids).all(third_bids > 0)


def third_dists_are_distributions(rule: Any, bids: Any, third_dists: Any) -> Any:
    xp = array_namespace(bids, third_dists)
    sums = xp.all(xp.sum(third_dists, axis=1) == 1) & xp.all(third_dists >= 0)
    return sums & (xp.sum(rule(bids, third_dists)) == 1)


def third_dists_are_dists(rule: Any, bids: Any, dists: Any, third_dists: Any) -> Any:
    xp = array_namespace(bids, dists, third_dists)
    return xp.all(rule(bids, third_dists) == rule(bids, dists))


def reference_is_a_distribution(rule: Any, reference: Any) -> Any:
    xp = array_namespace(reference)
    return (xp.sum(reference) == 1) & xp.all(reference >= 0)


HOLD = [
    reserves_are_bids,
    higher_is_no_lower,
    quality_keeps_sums,
    quality_is_positive,
    own_rewards_sum,
    third_bids_are_bids,
    third_dists_are_distributions,
    reference_is_a_distribution,
]
FAIL = [
    higher_is_higher,
    halved_bids_do_something,
    quality_is_no_bid,
    rewards_are_positive,
    budget_is_positive,
    third_bids_are_positive,
    third_dists_are_dists,
]


@pytest.mark.usefixtures("more_quantities")
@pytest.mark.parametrize("predicate", HOLD, ids=lambda one: one.__name__)
def test_what_holds_of_a_new_quantity_is_proved(predicate: Any) -> None:
    found = decided(predicate)
    assert proved(found), found


@pytest.mark.usefixtures("more_quantities")
@pytest.mark.parametrize("predicate", FAIL, ids=lambda one: one.__name__)
def test_what_fails_of_a_new_quantity_is_refuted_shown_and_emitted(predicate: Any) -> None:
    found = decided(predicate)
    assert isinstance(found, Refuted)
    assert found.witness.exact
    values, shown = found.witness.assignment, report.counterexample(found.witness)
    kinds = report.schema()["$defs"]
    part = {**kinds["counterexample"], "$defs": kinds}
    jsonschema.Draft202012Validator(part).validate(shown)
    assert assignment_of(shown) == values
    prop = rule_property(predicate)
    told = found.witness.sentence + "\n".join(counterexamples.table(shown))
    assert all(name in told for name in prop.arguments if name in UNKNOWNS)
    given = {name: argument_at(name, values) for name in prop.arguments if name != "rule"}
    assert judge(CATALOGUE["linear"], prop, True, {}, given).answer == "fails"


# Another agent ------------------------------------------------------------------------------------

EXCHANGED = (
    Quantity("exchanged_bids", (AGENTS,), "bids", lambda who, j: exchanged(who, j, graph.bid)),
    Quantity(
        "exchanged_dists",
        (AGENTS, TOKENS),
        "distribution",
        lambda who, j, t: exchanged(who, j, lambda k: graph.prob(k, t)),
    ),
)


def exchanged(who: SingledOut, j: Index, own: Callable[[Index], Node]) -> Node:
    """What is said of an agent, after the two that are singled out have changed places."""
    others = graph.where(graph.same(j, who.rival), own(who.agent), own(j))
    return graph.where(graph.same(j, who.agent), own(who.rival), others)


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows above in their table, and words for them."""
    for quantity in EXCHANGED:
        monkeypatch.setitem(cast(dict[str, Quantity], QUANTITIES), quantity.name, quantity)
    words = dict.fromkeys((one.name for one in EXCHANGED), "new")
    monkeypatch.setattr(properties, "QUANTIFIED", {**QUANTIFIED, **words})


def the_two_are_alike(
    rule: Any, bids: Any, dists: Any, exchanged_bids: Any, exchanged_dists: Any
) -> Any:
    xp = array_namespace(bids)
    return xp.all(rule(bids, dists) == rule(exchanged_bids, exchanged_dists))


def their_bids_are_alike(rule: Any, bids: Any, dists: Any, exchanged_bids: Any) -> Any:
    return array_namespace(bids).all(rule(bids, dists) == rule(exchanged_bids, dists))


@payment_rule
def as_the_first(bids: Any, dists: Any) -> Any:
    """Everybody pays the first agent's bid."""
    return 0 * bids + bids[0]


@payment_rule
def share(bids: Any, dists: Any) -> Any:
    """The bid's share of the bids; one agent alone pays nothing."""
    if bids.shape[0] == 1:
        return 0 * bids
    return bids / array_namespace(bids, dists).sum(bids)


def both_pay_the_same(payment: Any, bids: Any, dists: Any, agent: Any, rival: Any) -> Any:
    paid = payment(bids, dists)
    return paid[agent] == paid[rival]


def the_rival_pays_its_bid(payment: Any, bids: Any, dists: Any, rival: Any) -> Any:
    return payment(bids, dists)[rival] == bids[rival]


def with_the_first_at_most_all(payment: Any, bids: Any, rival: Any) -> Any:
    return bids[0] + bids[rival] <= array_namespace(bids).sum(bids)


def with_the_first_at_most_twice_all(payment: Any, bids: Any, agent: Any, rival: Any) -> Any:
    everybody = array_namespace(bids).sum(bids)
    return (bids[0] + bids[rival] <= 2 * everybody) & (bids[agent] + bids[rival] <= everybody)


def both_pay_one_at_most(payment: Any, bids: Any, dists: Any, agent: Any, rival: Any) -> Any:
    paid = payment(bids, dists)
    return paid[agent] + paid[rival] <= 1


def they_pay_as_they_bid(payment: Any, bids: Any, dists: Any, agent: Any, rival: Any) -> Any:
    paid = payment(bids, dists)
    return (bids[agent] < bids[rival]) | (paid[rival] <= paid[agent])


def there_is_nobody_else(payment: Any, bids: Any, agent: Any, rival: Any) -> Any:
    return bids[agent] + bids[rival] == array_namespace(bids).sum(bids)


OF_TWO = [
    (as_the_first, both_pay_the_same, True),
    (as_the_first, with_the_first_at_most_twice_all, True),
    (as_the_first, with_the_first_at_most_all, False),
    (as_the_first, the_rival_pays_its_bid, False),
    (share, both_pay_one_at_most, True),
    (share, they_pay_as_they_bid, True),
    (share, there_is_nobody_else, False),
]


@pytest.mark.parametrize(("payment", "predicate", "holds"), OF_TWO)
def test_a_property_of_two_agents(payment: PaymentRule, predicate: Any, holds: bool) -> None:
    prop = rule_property(predicate)
    found = verify(Mechanism(CATALOGUE["linear"], payment), prop)
    if holds:
        assert proved(found)
        return
    assert isinstance(found, Refuted)
    values, shown = found.witness.assignment, report.counterexample(found.witness)
    assert values.agents == (3 if predicate is there_is_nobody_else else 2)
    assert shown["rival"] == values.choices.rival
    assert assignment_of(shown) == values
    assert f"agent {shown['rival']} is the other one" in found.witness.sentence
    given = {name: argument_at(name, values) for name in prop.arguments if name != "payment"}
    assert judge(Mechanism(CATALOGUE["linear"], payment), prop, True, {}, given).answer == "fails"


@pytest.mark.usefixtures("exchanges")
@pytest.mark.parametrize(
    ("predicate", "holds"), [(the_two_are_alike, True), (their_bids_are_alike, False)]
)
def test_a_quantity_of_two_agents_is_a_row(predicate: Any, holds: bool) -> None:
    found = decided(predicate)
    assert proved(found) if holds else isinstance(found, Refuted)
    if isinstance(found, Refuted):
        values = found.witness.assignment
        assert (values.agent, values.choices.rival) == (0, 1)
        assert quantity_at("exchanged_bids", values)[:2] == values.bids[1::-1]


@given(profiles(), st.data())
def test_another_agent_is_another_one(profile: Assignment, data: st.DataObject) -> None:
    claim = Claim(None, rule_property(they_pay_as_they_bid), payment=share)
    places = st.integers(-1, profile.agents)
    agent, rival = data.draw(st.none() | places), data.draw(st.none() | places)
    values = replace(profile, agent=agent, choices=Choices(rival=rival))
    seats = {*range(profile.agents)}
    assert check_domain(claim, values) == (agent in seats and rival in seats - {agent})


@payment_rule
def none_at_zero(bids: Any, dists: Any) -> Any:
    """Less than nothing; undefined for whoever bids zero."""
    xp = array_namespace(bids, dists)
    return xp.where(bids == 0, bids / (0 * bids), 0 * bids - 1)


def where_somebody_bids_zero(payment: Any, bids: Any, dists: Any, rival: Any) -> Any:
    return array_namespace(bids).all(bids > 0) | (payment(bids, dists)[rival] >= 0)


def test_of_the_rival_alone_only_the_rivals_payment_has_to_be_defined() -> None:
    found = verify(
        Mechanism(CATALOGUE["linear"], none_at_zero), rule_property(where_somebody_bids_zero)
    )
    assert isinstance(found, Refuted)
    values, prop = found.witness.assignment, rule_property(where_somebody_bids_zero)
    given = {name: argument_at(name, values) for name in ("bids", "dists", "rival")}
    mechanism = Mechanism(CATALOGUE["linear"], none_at_zero)
    assert judge(mechanism, prop, True, {}, given).answer == "fails"


def both_in_a_list(payment: Any, bids: Any, agent: Any, rival: Any) -> Any:
    return bids[[agent, rival]].sum() <= bids.sum()


def times_its_number(payment: Any, bids: Any, agent: Any, rival: Any) -> Any:
    return bids[agent] * rival >= 0


def who_comes_there(payment: Any, bids: Any, rival: Any, agent_order: Any) -> Any:
    return bids[agent_order[rival]] >= 0


@pytest.mark.parametrize("predicate", [both_in_a_list, times_its_number, who_comes_there])
def test_what_asks_which_agents_they_are_is_decided_at_fixed_sizes(predicate: Any) -> None:
    found = verify(Mechanism(CATALOGUE["linear"], share), rule_property(predicate))
    assert isinstance(found, Proved)
    assert found.scope == Scope((1, 2, 3), (1, 2, 3))
    assert "the property" in found.why_not_more


def the_rivals_payment_rests(
    payment: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any, rival: Any
) -> Any:
    return payment(raised_bids, dists)[rival] <= payment(bids, dists)[rival]


def test_a_raise_tells_of_the_rivals_payment() -> None:
    prop = rule_property(the_rivals_payment_rests)
    found = verify(Mechanism(CATALOGUE["linear"], as_the_first), prop)
    assert isinstance(found, Refuted)
    values, paid = found.witness.assignment, found.witness.payments
    after, before = (row[values.choices.rival or 0] for row in paid)
    told = f"that of agent {values.choices.rival}, the other one, from {before} to {after}"
    assert told in found.witness.sentence


def test_a_case_that_is_left_out_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the other agent is never the first, the first and it bid no more than everybody."""
    claim = Claim(None, rule_property(with_the_first_at_most_all), payment=share)
    assert not all_sizes.prove_all_sizes(claim).proved
    monkeypatch.setattr(all_sizes, "_coincidences", lambda count, _: [(None,) * count])
    assert all_sizes.prove_all_sizes(claim).proved


INVERTED = Quantity(
    "inverted_bids", (AGENTS,), "bids", lambda _, j: graph.div(graph.ONE, graph.bid(j))
)


def inverted_bids_are_bids(rule: Any, inverted_bids: Any, dists: Any) -> Any:
    return array_namespace(dists).sum(rule(inverted_bids, dists)) == 1


def test_a_profile_at_which_a_quantity_is_undefined_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(cast(dict[str, Quantity], QUANTITIES), INVERTED.name, INVERTED)
    monkeypatch.setattr(properties, "QUANTIFIED", {**QUANTIFIED, INVERTED.name: "new"})
    claim = Claim(CATALOGUE["linear"], rule_property(inverted_bids_are_bids))
    half = (Fraction(1, 2),) * 2
    assert check_domain(claim, Assignment((Fraction(1),) * 2, (half, half)))
    assert not check_domain(claim, Assignment((Fraction(0), Fraction(1)), (half, half)))


def test_a_profile_with_what_nobody_knows_is_none() -> None:
    claim = Claim(CATALOGUE["linear"], PROPERTIES["unanimous"])
    one = Assignment((Fraction(1),), ((Fraction(1),),), named={"common": (Fraction(1),)})
    assert check_domain(claim, one)
    assert not check_domain(claim, replace(one, given={"no_such": Fraction(1)}))


@pytest.mark.usefixtures("more_quantities")
def test_numbers_outside_the_domain_of_a_new_quantity_are_refused() -> None:
    half = (Fraction(1, 2),) * 2
    values = Assignment(bids=(Fraction(1),) * 2, dists=(half, half), agent=0)
    wrong: dict[Any, Any] = {
        quality_is_no_bid: {"quality": (Fraction(0), Fraction(1))},
        third_bids_are_positive: {"third_bids": (Fraction(0), Fraction(0))},
        third_dists_are_dists: {"third_dists": (half, (Fraction(1), Fraction(1)))},
        budget_is_positive: {"budget": (Fraction(1),)},
        rewards_are_positive: {"rewards": (half, half[:1])},
    }
    right: dict[Any, Any] = {
        quality_is_no_bid: {"quality": (Fraction(3), Fraction(1))},
        third_bids_are_positive: {"third_bids": (Fraction(0), Fraction(1))},
        third_dists_are_dists: {"third_dists": (half, (Fraction(1), Fraction(0)))},
        budget_is_positive: {"budget": Fraction(-1)},
        rewards_are_positive: {"rewards": (half, (Fraction(-1), Fraction(1)))},
    }
    for predicate, numbers in wrong.items():
        claim = Claim(CATALOGUE["linear"], rule_property(predicate))
        assert not check_domain(claim, values)
        assert not check_domain(claim, replace(values, given=numbers))
        assert check_domain(claim, replace(values, given=right[predicate]))
