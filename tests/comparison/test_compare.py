"""Are two definitions the same function? What is equivalent, what differs where, what is unknown.

Every profile at which two functions differ is checked again here by running both of them: in
Fractions, or in floats where a function takes a logarithm, an exponential or a root.
"""

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from array_api_compat import array_namespace
from data import shared_state
from hypothesis import given
from strategies import profiles

from tokenauction.mechanisms import (
    CATALOGUE,
    PAYMENTS,
    AggregationRule,
    Distribution,
    Mechanism,
    ProfileFunction,
    aggregation_rule,
    cap,
    linear,
    log_linear,
    pay_your_bid,
    payment_rule,
    second_price,
    softmax_weights,
    temperature,
)
from tokenauction.proofs.comparison import comparison_report
from tokenauction.proofs.comparison.equality import (
    Different,
    Equality,
    Equivalent,
    NotComparable,
    Undecided,
    compare,
)
from tokenauction.proofs.core.claims.equality_claim import claim_of_equality
from tokenauction.proofs.core.judging.replay import Replayer
from tokenauction.proofs.deciding.verifier import verify
from tokenauction.proofs.results import report
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.verdict import Proved, Refuted, Scope

Target = AggregationRule | Mechanism
Command = Callable[..., Any]

# Running both ------------------------------------------------------------------------------------


def returned(function: ProfileFunction, values: Assignment) -> list[Any] | None:
    """What a function returns at a profile, exactly where it can; None where it is undefined."""
    for number in (Fraction, float):
        rows = [[number(p) for p in row] for row in values.dists]
        named = {
            name: np.array([number(p) for p in row], dtype=object if number is Fraction else float)
            for name, row in values.named.items()
        }
        kind = object if number is Fraction else float
        try:
            with np.errstate(all="ignore"):
                found = function(
                    np.array([number(bid) for bid in values.bids], dtype=kind),
                    np.array(rows, dtype=kind),
                    **named,
                )
        except (ZeroDivisionError, IndexError):
            return None
        except (TypeError, AttributeError):
            continue
        row = list(np.asarray(found).reshape(-1))
        return None if any(x != x or abs(x) == float("inf") for x in row) else row
    raise AssertionError(f"{function.name} runs neither in Fractions nor in floats")


def differ(one: ProfileFunction, other: ProfileFunction, values: Assignment) -> bool:
    """Whether two functions differ at a profile: by more than rounding where they run in floats."""
    left, right = returned(one, values), returned(other, values)
    if left is None or right is None:
        return (left is None) != (right is None)
    exact = all(isinstance(x, Fraction | int) for x in (*left, *right))
    least = 0 if exact else 1e-9
    return any(abs(x - y) > least for x, y in zip(left, right, strict=True))


def is_different(one: Target, other: Target, part: str = "rule") -> Different:
    """The difference of two targets, of which the witness is checked."""
    found = compare(one, other)
    assert isinstance(found, Different), found
    assert found.part == part
    first, second = (_part(target, part) for target in (one, other))
    values = found.witness.assignment
    assert differ(first, second, values), found.witness.sentence
    assert found.witness.sentence.startswith("With bids (")
    return found


def _part(target: Target, part: str) -> ProfileFunction:
    if isinstance(target, Mechanism):
        return target.rule if part == "rule" else target.payment
    return target


# Rules -------------------------------------------------------------------------------------------


@aggregation_rule
def by_sum(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    return xp.sum(bids[:, None] * dists, axis=0) / xp.sum(bids)


@aggregation_rule
def weights_first(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    weights = bids / xp.sum(bids)
    return xp.matmul(weights, dists)


@aggregation_rule
def renormalised(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    mixed = xp.matmul(bids, dists) / xp.sum(bids)
    return mixed / xp.sum(mixed)


@aggregation_rule
def plain_softmax(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    powers = xp.exp(bids)
    return xp.matmul(powers, dists) / xp.sum(powers)


@aggregation_rule
def shifted_softmax(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    powers = xp.exp(bids - xp.max(bids))
    return xp.matmul(powers / xp.sum(powers), dists)


@aggregation_rule
def times_one(bids: Any, dists: Any) -> Any:
    """Linear, and undefined where a bid is zero."""
    xp = array_namespace(bids, dists)
    return xp.matmul(bids * (bids / bids), dists) / xp.sum(bids)


@aggregation_rule
def times_one_too(bids: Any, dists: Any) -> Any:
    """The same, undefined at the same profiles."""
    xp = array_namespace(bids, dists)
    return xp.matmul(bids / bids * bids / xp.sum(bids), dists)


@aggregation_rule
def next_agent(bids: Any, dists: Any) -> Any:
    """Linear, with everybody's bid given to the agent before."""
    xp = array_namespace(bids, dists)
    return xp.matmul(xp.roll(bids, -1), dists) / xp.sum(bids)


@aggregation_rule
def zero_counts(bids: Any, dists: Any) -> Any:
    """Linear, but a bid of zero counts as one."""
    xp = array_namespace(bids, dists)
    weights = xp.where(bids == 0, 1.0, bids)
    return xp.matmul(weights, dists) / xp.sum(weights)


@aggregation_rule
def large_crowds(bids: Any, dists: Any) -> Any:
    """Linear, with squares from four agents on."""
    xp = array_namespace(bids, dists)
    weights = bids * bids if bids.shape[0] >= 4 else bids
    return xp.matmul(weights, dists) / xp.sum(weights)


@aggregation_rule
def alone_uniform(bids: Any, dists: Any) -> Any:
    """Linear, and uniform where an agent is alone."""
    xp = array_namespace(bids, dists)
    if bids.shape[0] == 1:
        return 0 * dists[0, :] + 1 / dists.shape[1]
    return xp.matmul(bids, dists) / xp.sum(bids)


@aggregation_rule
def needs_two(bids: Any, dists: Any) -> Any:
    """Linear, and raises where an agent is alone."""
    xp = array_namespace(bids, dists)
    dists[1, :]
    return xp.matmul(bids, dists) / xp.sum(bids)


@aggregation_rule
def in_a_loop(bids: Any, dists: Any) -> Any:
    """Linear, agent by agent: no trace over every size."""
    xp = array_namespace(bids, dists)
    total = 0 * dists[0, :]
    for j in range(bids.shape[0]):
        total = total + bids[j] * dists[j, :]
    return total / xp.sum(bids)


@aggregation_rule
def squares_in_a_loop(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids, dists)
    total = 0 * dists[0, :]
    for j in range(bids.shape[0]):
        total = total + bids[j] * bids[j] * dists[j, :]
    return total / xp.sum(bids * bids)


@aggregation_rule
def untraced(bids: Any, dists: Any) -> Any:
    """Linear, on NumPy only."""
    return np.asarray(bids) @ np.asarray(dists) / float(np.sum(np.asarray(bids)))


@aggregation_rule
def untraced_squares(bids: Any, dists: Any) -> Any:
    squares = np.asarray(bids) ** 2
    return squares @ np.asarray(dists) / float(np.sum(squares))


@aggregation_rule
def squares_by_text(bids: Any, dists: Any) -> Any:
    squares = np.array([float(str(b)) ** 2 for b in bids.tolist()])
    return squares @ dists / squares.sum()


@aggregation_rule(support="full")
def linear_inside(bids: Any, dists: Any) -> Any:
    """Linear, for strictly positive distributions."""
    xp = array_namespace(bids, dists)
    return xp.matmul(bids, dists) / xp.sum(bids)


@aggregation_rule
def of_three(bids: Any, dists: Any, house: Distribution = (0.5, 0.25, 0.25)) -> Any:  # type: ignore[assignment]
    """Linear for three tokens; the distribution is there and does not count."""
    xp = array_namespace(bids, dists)
    return xp.matmul(bids, dists) / xp.sum(bids) + house - house


@aggregation_rule
def with_house(bids: Any, dists: Any, *, house: Distribution) -> Any:
    xp = array_namespace(bids, dists)
    return (xp.matmul(bids, dists) + house) / (xp.sum(bids) + 1)


@aggregation_rule
def with_house_too(bids: Any, dists: Any, *, house: Distribution) -> Any:
    xp = array_namespace(bids, dists)
    total = 1 + xp.sum(bids)
    return house / total + xp.matmul(bids / total, dists)


@aggregation_rule
def with_heavy_house(bids: Any, dists: Any, *, house: Distribution) -> Any:
    xp = array_namespace(bids, dists)
    return (xp.matmul(bids, dists) + house + house) / (xp.sum(bids) + 2)


@aggregation_rule
def with_platform(bids: Any, dists: Any, *, platform: Distribution) -> Any:
    xp = array_namespace(bids, dists)
    return (xp.matmul(bids, dists) + platform) / (xp.sum(bids) + 1)


@payment_rule
def doubled_half(bids: Any, dists: Any) -> Any:
    return (bids + bids) / 2


@payment_rule
def discounted(bids: Any, dists: Any) -> Any:
    return bids * 0.99


# Equivalent --------------------------------------------------------------------------------------

SAME: list[tuple[Target, Target]] = [
    (linear, by_sum),
    (linear, weights_first),
    (linear, renormalised),
    (weights_first, renormalised),
    (plain_softmax, shifted_softmax),
    (softmax_weights, shifted_softmax),
    (times_one, times_one_too),
    (with_house, with_house_too),
    (linear_inside, linear_inside),
    (Mechanism(linear, pay_your_bid), Mechanism(by_sum, doubled_half)),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=lambda one: one.label)
def test_true_rewritings_are_equivalent_for_all_sizes(one: Target, other: Target) -> None:
    for pair in ((one, other), (other, one)):
        found = compare(*pair)
        assert isinstance(found, Equivalent), found
        assert found.scope == Scope()
        assert "real arithmetic, without rounding" in found.evidence.assumptions
        assert not any("defined" in text for text in found.evidence.assumptions)


def test_what_is_assumed_is_said() -> None:
    for pair, said in (
        ((linear_inside, linear_inside), "strictly positive distributions"),
        ((with_house, with_house_too), "for every distribution house"),
    ):
        found = compare(*pair)
        assert isinstance(found, Equivalent)
        assert said in found.evidence.assumptions


# Different ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (linear, cap),
        (cap, cap.with_parameters(highest=11)),
        (temperature.with_parameters(degrees=1.0), temperature.with_parameters(degrees=1.1)),
        (linear, next_agent),
        (linear, zero_counts),
        (linear, log_linear),
        (linear, squares_in_a_loop),
        (in_a_loop, squares_in_a_loop),
        (with_house, with_heavy_house),
    ],
    ids=lambda one: one.label,
)
def test_what_differs_is_shown_at_an_exact_profile(one: Target, other: Target) -> None:
    found = is_different(one, other)
    assert found.witness.exact
    assert found.witness.assignment.agents <= 3
    assert None not in found.returned
    again = is_different(other, one)
    assert again.witness.exact


def test_a_difference_at_zero_bids_only() -> None:
    found = is_different(linear, zero_counts)
    assert 0 in found.witness.assignment.bids


def test_a_difference_at_four_agents_only() -> None:
    assert is_different(linear, large_crowds).witness.assignment.agents == 4
    assert is_different(linear, large_crowds).scope.agents == (4,)


def test_a_difference_with_one_agent_only() -> None:
    assert is_different(linear, alone_uniform).witness.assignment.agents == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_to_be_undefined_alone_is_to_differ(swapped: bool) -> None:
    pair = (times_one, linear) if swapped else (linear, times_one)
    found = is_different(*pair)
    assert found.witness.exact
    assert found.returned[1 - swapped] is None
    assert found.returned[swapped] == ("1",)
    assert "times_one is undefined" in found.witness.sentence
    assert "linear returns (1)" in found.witness.sentence


def test_to_raise_alone_is_to_differ_and_is_seen_in_a_run() -> None:
    found = is_different(linear, needs_two)
    assert not found.witness.exact
    assert found.returned[1] is None
    assert "needs_two raises IndexError" in found.witness.sentence


def test_what_cannot_be_traced_differs_in_exact_runs() -> None:
    found = is_different(linear, untraced_squares)
    assert found.witness.exact
    assert found.returned == (("1/3", "2/3"), ("1/5", "4/5"))


def test_what_has_no_exact_run_differs_in_floats() -> None:
    found = is_different(linear, squares_by_text)
    assert not found.witness.exact
    assert found.witness.margin is not None
    assert found.witness.margin > 1e-4


def test_both_undefined_is_no_difference() -> None:
    claim = claim_of_equality(times_one, times_one_too, "any", None, True)
    alone = claim_of_equality(times_one, linear, "any", None, True)
    row = (Fraction(1, 2), Fraction(1, 2))
    values = Assignment((Fraction(0), Fraction(1)), (row, row))
    assert not Replayer(claim).replay(values).violates
    assert Replayer(alone).replay(values).violates


# What a mechanism's other part says ---------------------------------------------------------------


@aggregation_rule
def with_a_house(bids: Any, dists: Any, *, model: Distribution) -> Any:
    xp = array_namespace(bids, dists)
    return (model + xp.matmul(bids, dists)) / (1 + xp.sum(bids))


@payment_rule
def free(bids: Any, dists: Any) -> Any:
    return bids * 0


@payment_rule
def free_of_three(bids: Any, dists: Any) -> Any:
    return bids * 0 if dists.shape[1] == 3 else bids * -1


OF_THREE = with_a_house.with_parameters(model=(0.5, 0.25, 0.25))


def test_payments_differ_where_the_rule_has_profiles_only() -> None:
    one, other = Mechanism(OF_THREE, free), Mechanism(OF_THREE, free_of_three)
    found = compare(one, other)
    assert isinstance(found, Undecided)
    assert "the same for 1 to 3 agents and 3 tokens (proved)" in found.reason
    verdict = verify(other, "no-positive-transfer")
    assert isinstance(verdict, Proved)
    assert verdict.scope.tokens == (3,)
    assert isinstance(compare(Mechanism(linear, free), Mechanism(linear, free_of_three)), Different)
    assert verify(Mechanism(linear, free_of_three), "no-positive-transfer").status == "refuted"


@pytest.mark.parametrize(("mechanism", "other"), shared_state.AND_FREE)
def test_a_mechanism_that_shares_state_is_not_compared(
    mechanism: Mechanism, other: Mechanism
) -> None:
    for found in (compare(mechanism, other), compare(other, mechanism)):
        assert isinstance(found, Undecided)
        assert "keeps state between calls" in found.reason
    assert isinstance(compare(other, other), Equivalent)


# Unknown -----------------------------------------------------------------------------------------


def test_a_proof_for_small_sizes_is_unknown() -> None:
    found = compare(linear, in_a_loop)
    assert isinstance(found, Undecided)
    assert found.reason.startswith("the same for 1 to 3 agents and 1 to 3 tokens (proved); not")


def test_a_rule_that_raises_somewhere_is_not_equivalent_to_itself() -> None:
    found = compare(needs_two, needs_two)
    assert isinstance(found, Undecided)
    assert found.reason.startswith("the same for 2 to 3 agents")


@pytest.mark.parametrize("other", [untraced, linear], ids=lambda one: one.label)
def test_what_cannot_be_traced_is_never_equivalent(other: AggregationRule) -> None:
    for pair in ((untraced, other), (other, untraced)):
        found = compare(*pair)
        assert isinstance(found, Undecided)
        assert "cannot be traced" in found.reason


def test_different_supports_are_never_equivalent() -> None:
    for pair in ((linear, linear_inside), (linear_inside, linear)):
        found = compare(*pair)
        assert isinstance(found, Undecided)
        assert found.reason == (
            "the same on strictly positive distributions (proved); only linear also takes zeros"
        )
    found = compare(linear_inside, cap)
    assert isinstance(found, Different)
    assert all(p > 0 for row in found.witness.assignment.dists for p in row)


def test_different_numbers_of_tokens_are_never_equivalent() -> None:
    found = compare(of_three, linear)
    assert isinstance(found, Undecided)
    known, why, beyond = found.reason.split("; ")
    assert known == "the same for 1 to 3 agents and 3 tokens (proved)"
    assert why.startswith("not proved for all sizes: ")
    assert "the rule mixes an array of fixed length with the agents or tokens" in why
    assert beyond == "only linear also takes other numbers of tokens"
    assert isinstance(compare(of_three, cap), Different)


def test_the_domain_of_a_mechanism_is_that_of_both_its_rules() -> None:
    @aggregation_rule
    def zeros_count(bids: Any, dists: Any) -> Any:
        xp = array_namespace(bids, dists)
        return xp.matmul(bids, xp.where(dists == 0, 1 / 2, dists)) / xp.sum(bids)

    @payment_rule(support="full")
    def inside(bids: Any, dists: Any) -> Any:
        return bids * 1

    assert isinstance(compare(linear, zeros_count), Different)
    found = compare(Mechanism(linear, inside), Mechanism(zeros_count, inside))
    assert isinstance(found, Equivalent)


# Mechanisms, payments, open distributions --------------------------------------------------------


def test_mechanisms_say_which_part_differs() -> None:
    one = Mechanism(linear, pay_your_bid)
    assert "charges" in is_different(one, Mechanism(by_sum, discounted), "payment").witness.sentence
    is_different(one, Mechanism(by_sum, second_price), "payment")
    found = is_different(one, Mechanism(cap, pay_your_bid), "rule")
    assert found.witness.payments == ()


def test_mechanisms_are_as_unknown_as_their_parts() -> None:
    found = compare(Mechanism(linear, pay_your_bid), Mechanism(in_a_loop, doubled_half))
    assert isinstance(found, Undecided)
    assert found.reason.startswith("the rules: the same for 1 to 3 agents")


def test_a_rule_is_not_compared_with_a_mechanism() -> None:
    for pair in ((linear, Mechanism(linear, pay_your_bid)), (Mechanism(linear, pay_your_bid), cap)):
        with pytest.raises(NotComparable, match=r"is a mechanism and .* a rule"):
            compare(*pair)


def test_open_distributions_need_one_name() -> None:
    for other in (with_platform, linear):
        with pytest.raises(NotComparable, match="leaves house open"):
            compare(with_house, other)


def test_a_difference_shows_the_open_distribution() -> None:
    found = is_different(with_house, with_heavy_house)
    assert "house (" in found.witness.sentence
    assert set(found.witness.assignment.named) == {"house"}


def test_no_profile_in_common() -> None:
    four = of_three.with_parameters(house=(0.25, 0.25, 0.25, 0.25))
    with pytest.raises(NotComparable, match="no profile in common"):
        compare(of_three, four)


# Many pairs --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_no_rule_differs_from_itself(name: str) -> None:
    assert not isinstance(compare(CATALOGUE[name], CATALOGUE[name]), Different)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAYMENTS)
def test_no_payment_differs_from_itself(name: str) -> None:
    target = Mechanism(linear, PAYMENTS[name])
    assert not isinstance(compare(target, target), Different)


def _pairs() -> list[tuple[str, str]]:
    closed = [name for name, rule in CATALOGUE.items() if not rule.open_names]
    return list(combinations(closed, 2))


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), _pairs())
def test_no_two_shipped_rules_are_equivalent(one: str, other: str) -> None:
    is_different(CATALOGUE[one], CATALOGUE[other])


EQUIVALENT_RULES = [by_sum, weights_first, renormalised]


@given(profiles())
def test_what_is_equivalent_is_equal_at_random_profiles(values: Assignment) -> None:
    for rule in EQUIVALENT_RULES:
        assert not differ(linear, rule, values)


# Guarantees, and the command ---------------------------------------------------------------------


def _report(done: Any) -> Any:
    found = json.loads(done.stdout)
    jsonschema.validate(found, report.schema("compare"))
    return found


RULES = '''
import os
from array_api_compat import array_namespace
from tokenauction.mechanisms import aggregation_rule, Mechanism, pay_your_bid
from tokenauction.theory import rule_property

@aggregation_rule
def shares(bids, dists):
    xp = array_namespace(bids, dists)
    return xp.matmul(bids, dists) / xp.sum(bids)

@aggregation_rule
def sharing(bids, dists):
    xp = array_namespace(bids, dists)
    return xp.sum(bids[:, None] * dists, axis=0) / xp.sum(bids)

@aggregation_rule
def ends(bids, dists):
    os._exit(3)

@aggregation_rule
def spins(bids, dists):
    while True:
        pass

@aggregation_rule
def raises(bids, dists):
    raise ValueError("never")

charged = Mechanism(shares, pay_your_bid)

@rule_property
def keeps_certainty(rule, bids, common, common_dists):
    """A token that nobody gives any probability gets none."""
    xp = array_namespace(bids)
    aggregate = rule(bids, common_dists)
    return xp.all((common > 0) | (aggregate == 0))
'''


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with a file of rules."""
    (tmp_path / "rules.py").write_text(RULES, "utf-8")
    return tmp_path


@pytest.mark.slow
def test_guarantees_that_are_lost_and_gained(command: Command) -> None:
    for sides, change in ((("linear", "log-linear"), "lost"), (("log-linear", "linear"), "gained")):
        done = command("compare", *sides, "--property", "monotone", "--format", "json")
        assert done.returncode == 1, done.stderr
        found = _report(done)
        assert found["status"] == "different"
        [guarantee] = found["guarantees"]
        assert guarantee["change"] == change
        assert {guarantee["a"]["status"], guarantee["b"]["status"]} == {"proved", "refuted"}
        shown = found["counterexample"]
        values = Assignment(
            tuple(map(Fraction, shown["bids"])),
            tuple(tuple(map(Fraction, row)) for row in shown["dists"]),
        )
        assert differ(CATALOGUE[sides[0]], CATALOGUE[sides[1]], values)


def test_the_text_reads(command: Command) -> None:
    done = command("compare", "linear", "log-linear", "--property", "monotone")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("different  linear  log-linear  [")
    assert lines[2].startswith("With bids (")
    assert "linear returns" in lines[2]
    assert lines[4].split()[:3] == ["agent", "0", "prefers"]
    assert [line.split()[0] for line in lines[6:8]] == ["linear", "log-linear"]
    head = lines.index("guarantee  A                                B        change")
    assert lines[head + 1].split() == [
        *("monotone", "proved", "[all", "agents,", "all", "tokens]", "refuted", "lost")
    ]
    assert lines[head + 3].startswith("monotone is lost: Agent")
    assert lines[-1] == "guarantees: 1 lost"


def test_equivalent_rules_have_the_same_guarantees(command: Command, rules: Path) -> None:
    done = command("compare", "rules.py::shares", "rules.py::sharing", "--explain", folder=rules)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("equivalent rules.py::shares  rules.py::sharing  [all agents,")
    assert "rules.py::sharing: q[t] = sum[j](b[j]·p[j,t])/sum[j](b[j])" in done.stdout
    assert "Method: the same trace." in done.stdout
    assert done.stdout.endswith("guarantees: 5 the same\n")


def test_properties_of_a_file(command: Command, rules: Path) -> None:
    done = command(
        *("compare", "rules.py::shares", "linear", "--format", "json", "--output", "out.json"),
        *("--property", "rules.py::keeps_certainty", "--property", "anonymous"),
        folder=rules,
    )
    assert (done.returncode, done.stdout) == (0, "")
    found = json.loads((rules / "out.json").read_text("utf-8"))
    jsonschema.validate(found, report.schema("compare"))
    assert [one["property"] for one in found["guarantees"]] == ["keeps-certainty", "anonymous"]
    assert found["a"]["file"].endswith("rules.py")
    assert found["a"]["fingerprint"] == found["b"]["fingerprint"]


def test_no_guarantees(command: Command) -> None:
    done = command("compare", "linear", "cap", "--no-guarantees", "--format", "json")
    assert _report(done)["guarantees"] == []


@pytest.mark.parametrize(
    ("name", "said"), [("ends", "ended without an answer"), ("spins", "stopped after 1 second")]
)
def test_a_crash_or_a_hang_is_unknown(command: Command, rules: Path, name: str, said: str) -> None:
    done = command(
        *("compare", f"rules.py::{name}", "linear", "--no-guarantees"),
        *("--budget", "1", "--format", "json"),
        folder=rules,
    )
    found = _report(done)
    assert (done.returncode, found["status"]) == (3, "unknown")
    assert said in found["reason"]


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        (("linear", "second-price"), "give it payments, as linear+pay-your-bid"),
        (("rules.py", "linear"), "name one of its rules, as rules.py::NAME"),
        (("rules.py::shared", "linear"), "did you mean shares?"),
        (("rule.py::shares", "linear"), "rule.py: there is no such file"),
        (("rules.py::raises", "linear"), "raises ValueError"),
        (("liner", "linear"), "did you mean linear?"),
        (("linear", "platform"), "give the distribution parameters the same names"),
        (("linear", "cap", "--property", "critical-bid"), "is a property of mechanisms"),
        (("linear", "cap", "--property", "monoton"), "did you mean monotone"),
        (("linear", "cap", "--output", "no/where.json"), "there is no folder"),
        (("linear",), "Missing argument 'B'"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_wrong_usage_says_the_way_out(
    command: Command, rules: Path, sides: tuple[str, ...], said: str
) -> None:
    done = command("compare", *sides, folder=rules)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr


def test_what_equivalent_sides_have_both_have() -> None:
    every = {"agents": "all", "tokens": "all"}
    few = {"agents": [1, 2], "tokens": [1, 2]}
    none: dict[str, Any] = {"agents": [], "tokens": []}

    def row(status: str, scope: Any) -> dict[str, Any]:
        said = {"reason": "", "counterexample": None}
        return {"property": "monotone", "status": status, "scope": scope, **said}

    first: dict[str, Any] = {
        "status": "equivalent", "a": {}, "b": {}, "method": "", "scope": every, "seconds": 0,
        "reason": "", "assumptions": [], "evidence": [], "counterexample": None,
    }  # fmt: skip
    for pair, change in (
        ((row("unknown", none), row("proved", every)), "gained"),
        ((row("proved", every), row("unknown", none)), "lost"),
        ((row("proved", few), row("proved", every)), "wider"),
        ((row("proved", every), row("proved", few)), "narrower"),
        ((row("unknown", none), row("refuted", few)), "neither"),
    ):
        [guarantee] = comparison_report.comparison([first, *pair], {})["guarantees"]
        assert guarantee["change"] == ("neither" if change == "neither" else "same")
        assert guarantee["a"] == guarantee["b"]
        assert guarantee["a"]["status"] != "unknown"
        apart = comparison_report.comparison([{**first, "status": "unknown"}, *pair], {})
        assert apart["guarantees"][0]["change"] == change


def test_verdicts_of_rules_are_as_before() -> None:
    """The second function of a claim is in the way of no other claim."""
    assert isinstance(verify(linear, "distribution"), Proved)
    assert isinstance(verify(times_one, "distribution"), Refuted)


def test_an_equality_has_a_status() -> None:
    kinds: list[Equality] = [compare(linear, linear), compare(linear, cap), compare(untraced, cap)]
    assert [one.status for one in kinds] == ["equivalent", "different", "different"]


def test_rules_that_do_not_trace_and_do_not_differ_are_unknown(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "pair.py"
    file.write_text(
        "import numpy as np\n"
        "from tokenauction.mechanisms import aggregation_rule\n"
        "@aggregation_rule\n"
        "def by_floats(bids, dists):\n"
        "    w = [float(str(b)) for b in bids.tolist()]\n"
        "    return np.array(w) @ dists / sum(w)\n",
        "utf-8",
    )
    done = command("compare", f"{file}::by_floats", "linear", "--no-guarantees", "--budget", "2")
    assert "internal error" not in done.stdout + done.stderr
    assert "cannot be traced" in done.stdout
    assert done.returncode == 3
