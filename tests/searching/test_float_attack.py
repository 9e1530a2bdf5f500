"""Guards what is said of rules that do not trace: sound ones are never refuted, faulty ones are.

Exact runs decide where there are some. In floats a violation has to be there all around its
profile, so that a tie and one rounding refute nothing.
"""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.type_of_arrays import by_type
from untraceable_rules import FAULTY, SOUND

from tokenauction.mechanisms import AggregationRule, aggregation_rule, payment_rule
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.claims.domain import check_domain, quantity_at
from tokenauction.proofs.core.judging.exact_judge import ExactJudge
from tokenauction.proofs.core.judging.exact_numbers import NoExactRun
from tokenauction.proofs.deciding import explain, untraceable
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.untraceable import EXACT_RUNS, NUMERIC, attacked, judged_at
from tokenauction.proofs.loading.named import load_targets
from tokenauction.proofs.results import counterexamples, report
from tokenauction.proofs.results.assignment import Assignment, assignment_of
from tokenauction.proofs.results.reasons import Reason
from tokenauction.proofs.results.verdict import Refuted, Unknown, Verdict
from tokenauction.proofs.searching.neighbourhood import neighbours
from tokenauction.proofs.testing.emitted import emitted_tests
from tokenauction.proofs.testing.instances import judge
from tokenauction.theory import PROPERTIES

pytestmark = pytest.mark.extra("llm")  # some of the rules are written in torch
UNTRACED = Reason("it does not trace", "branch")
CASES = {
    kind: [(rule, name) for rule, names in rules for name in names]
    for kind, rules in (("sound", SOUND), ("faulty", FAULTY))
}
RULES = {rule.name: rule for rule, _ in (*SOUND, *FAULTY)}


def verdict_on(rule: AggregationRule, prop: str, seed: int = 0, budget: float = 60) -> Verdict:
    return attacked(Claim(rule, PROPERTIES[prop]), Options(budget=budget, seed=seed), UNTRACED)


def refuted(rule: AggregationRule, prop: str, seed: int = 0) -> Refuted:
    found = verdict_on(rule, prop, seed)
    assert isinstance(found, Refuted)
    return found


def named(case: Any) -> str:
    return case.name if isinstance(case, AggregationRule) else str(case)


# Sound and faulty rules --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "prop"), CASES["sound"], ids=named)
def test_sound_rules_are_not_refuted(rule: AggregationRule, prop: str) -> None:
    for seed in range(3):
        found = verdict_on(rule, prop, seed, budget=6)
        assert isinstance(found, Unknown), found


@pytest.mark.parametrize("name", ["torch_min_p", "plain_top_k", "masked_min_p"])
@pytest.mark.parametrize("prop", ["scale-free", "anonymous"])
def test_a_tie_refutes_nothing(name: str, prop: str) -> None:
    for seed in range(3):
        assert isinstance(verdict_on(RULES[name], prop, seed, budget=10), Unknown)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "prop"), CASES["faulty"], ids=named)
def test_faults_are_found(rule: AggregationRule, prop: str) -> None:
    refuted(rule, prop)


@pytest.mark.parametrize(
    ("name", "prop"),
    [
        ("torch_not_normalised", "distribution"),
        ("masked_min_p_pulls", "unanimous"),
        ("plain_square", "unanimous"),
        ("raises_for_one_agent", "distribution"),
    ],
)
def test_some_faults_are_found_at_once(name: str, prop: str) -> None:
    refuted(RULES[name], prop)


def test_floats_say_that_they_cannot_decide_a_point() -> None:
    found = verdict_on(RULES["torch_min_p"], "scale-free")
    assert isinstance(found, Unknown)
    assert "single points" in found.reason
    assert "no exact run" in found.reason


# Exact counterexamples ---------------------------------------------------------------------------


def test_a_counterexample_of_exact_runs_is_exact_and_whole() -> None:
    found = refuted(RULES["masked_min_p_pulls"], "monotone")
    assert found.method == EXACT_RUNS
    assert found.witness.exact
    assert not found.witness.rounded
    shown = report.counterexample(found.witness)
    assert "margin" not in shown
    assert counterexamples.how_seen(shown).startswith("Replayed in exact arithmetic")
    values = assignment_of(shown)
    assert values == found.witness.assignment
    # By hand, in Fractions.
    for bids, row in zip(
        (quantity_at("raised_bids", values), values.bids), found.witness.aggregates, strict=True
    ):
        pooled = [
            sum(b * p[t] for b, p in zip(bids, values.dists, strict=True)) / sum(bids)
            for t in range(values.tokens)
        ]
        kept = [p if 2 * p >= max(pooled) else Fraction(0) for p in pooled]
        assert [str(p / sum(kept)) for p in kept] == list(row)


def test_irrational_numbers_are_shown_in_digits() -> None:
    @aggregation_rule
    def roots(bids: Any, dists: Any) -> Any:
        w = np.sqrt(bids)
        q = (w @ dists / w.sum()) ** 1.5
        return q if q[0] > 2 else q / q.sum()

    found = refuted(roots, "unanimous")
    assert found.witness.exact
    assert found.witness.rounded


def test_masking_everything_is_refuted_at_one_agent_and_one_token() -> None:
    found = refuted(RULES["masked_everything"], "distribution")
    assert found.witness.exact
    assert found.witness.undefined
    assert found.witness.assignment == Assignment((Fraction(1),), ((Fraction(1),),))


@pytest.mark.slow
def test_a_cut_below_a_tenth_is_refuted_at_eleven_tokens() -> None:
    found = refuted(RULES["epsilon_masks_long_vocabularies"], "distribution")
    assert found.witness.assignment.tokens == 11
    assert found.witness.exact


def test_what_a_rule_raises_is_in_the_sentence() -> None:
    found = refuted(RULES["raises_for_one_agent"], "distribution")
    assert not found.witness.exact
    assert found.witness.undefined
    assert "nobody else bids" in found.witness.sentence
    assert found.scope.agents == found.scope.tokens == (1,)


def test_a_payment_is_judged_by_exact_runs() -> None:
    @payment_rule
    def twice(bids: Any, dists: Any) -> Any:
        pays = bids.copy()
        pays[bids > 3] *= 2
        return pays

    prop = PROPERTIES["individually-rational"]
    claim = Claim(RULES["in_a_loop"], prop, payment=twice)
    found = attacked(claim, Options(), UNTRACED)
    assert isinstance(found, Refuted)
    assert found.witness.exact
    assert found.witness.payments


def test_a_rule_that_knows_our_arrays_is_judged_in_floats() -> None:
    rule = aggregation_rule(by_type)
    with pytest.raises(NoExactRun):
        ExactJudge(Claim(rule, PROPERTIES["unanimous"])).replay(
            Assignment(
                (Fraction(1),),
                ((Fraction(1, 3), Fraction(2, 3)),),
                named={"common": (Fraction(1, 3), Fraction(2, 3))},
            )
        )
    found = refuted(rule, "unanimous")
    assert found.method == NUMERIC
    assert not found.witness.exact


def test_a_candidate_without_an_exact_violation_is_none() -> None:
    """Floats cut a token of `masked_min_p` at one scale and not at another: it is a tie."""
    claim = Claim(RULES["masked_min_p"], PROPERTIES["scale-free"])
    attack = untraceable.attack_of(claim, Options())
    seen = [values for values in attack.candidates() if attack.judge(values) is not None]
    assert seen
    judge = ExactJudge(claim)
    assert not any(judge.replay(values).violates for values in seen)
    assert all(judged_at(claim, Options(), values) is None for values in seen)


def test_the_rounding_of_a_constant_is_no_violation() -> None:
    @aggregation_rule
    def there_and_back(bids: Any, dists: Any) -> Any:
        p = bids @ dists / bids.sum()
        if p[0] >= 0:
            p = p * 1.4142135623730951 * 1.4142135623730951 / 2
        return p

    for prop in ("unanimous", "distribution"):
        assert isinstance(verdict_on(there_and_back, prop, budget=10), Unknown)


# Replaying, and what is around a profile ---------------------------------------------------------


@pytest.mark.parametrize("name", ["masked_min_p_pulls", "torch_min_p_pulls", "plain_top_k_pulls"])
def test_a_counterexample_is_refuted_again_when_it_is_replayed(name: str) -> None:
    claim = Claim(RULES[name], PROPERTIES["unanimous"])
    found = refuted(RULES[name], "unanimous")
    again = judged_at(claim, Options(), assignment_of(report.counterexample(found.witness)))
    assert again == found


def test_neighbours_are_in_the_domain_and_break_ties() -> None:
    third = Fraction(1, 3)
    values = Assignment(
        bids=(Fraction(2), Fraction(2), Fraction(0)),
        dists=((third, third, third), (Fraction(1), Fraction(0), Fraction(0)), (third,) * 3),
        agent=0,
        given={"raised_bid": Fraction(2)},
    )
    claim = Claim(RULES["torch_linear"], PROPERTIES["monotone"])
    beside = list(neighbours(claim, values))
    assert len(set(map(str, beside))) == 24
    for one in beside:
        assert check_domain(claim, one)
        assert one.bids[0] != one.bids[1]
        assert len(set(one.dists[0])) == 3
    assert {one.dists[1][1] == 0 for one in beside} == {True, False}
    kept = neighbours(claim, values, keep_zeros=True)
    assert all(one.bids[2] == 0 and one.dists[1][1] == 0 for one in kept)


def test_without_the_neighbourhood_a_tie_refutes_a_sound_rule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(untraceable, "neighbours", lambda *_, **__: iter(()))
    assert isinstance(verdict_on(RULES["torch_min_p"], "scale-free"), Refuted)


def test_the_sentence_of_an_undefined_result_says_where() -> None:
    sentence = refuted(RULES["torch_every_token_masked"], "distribution").witness.sentence
    assert sentence.startswith("With bids (1) and distributions (1)")
    assert explain.profile(Assignment((Fraction(1),), ((Fraction(1),),))) in sentence


# Emitted tests -----------------------------------------------------------------------------------


RULES_IN_A_FILE = """
import numpy as np, torch
from tokenauction.mechanisms import aggregation_rule

@aggregation_rule
def cut(bids, dists):
    p = {pool}
    q = {cut}
    return {returned}
"""
FLOATS = "torch.as_tensor(bids) @ torch.as_tensor(dists) / bids.sum()"
BROKEN = {
    "in floats": (FLOATS, "torch.where(p >= 0.5 * p.max(), p, 0.0)", "q"),
    "exactly": (
        "bids @ dists / bids.sum()",
        "np.where(p >= 0.5 * p.max(), p, p[p < 0].sum())",
        "q",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", BROKEN)
def test_an_emitted_test_fails_on_the_broken_rule_and_passes_on_the_mended_one(
    how: str, tmp_path: Path
) -> None:
    """The fault is a sum below one; the mended rule has ties, at which rounding decides."""
    pool, cut, returned = BROKEN[how]
    file = tmp_path / "rules.py"
    file.write_text(RULES_IN_A_FILE.format(pool=pool, cut=cut, returned=returned), "utf-8")
    name = f"{file}::cut"
    [broken] = load_targets([name])
    assert isinstance(broken, AggregationRule)
    found = verdict_on(broken, "distribution")
    row = report.result({"rule": "cut", "property": "distribution"}, found, 0.0)
    request = {"targets": [name], "properties": ["distribution"], "results": [row]}
    emitted = tmp_path / "test_emitted.py"
    text, left_out = emitted_tests({**request, "file": str(emitted), "headline": "Emitted."})
    assert not left_out
    assert "exact=False" not in text
    emitted.write_text(text, "utf-8")
    assert _passes(emitted) is False
    file.write_text(RULES_IN_A_FILE.format(pool=pool, cut=cut, returned="q / q.sum()"), "utf-8")
    assert _passes(emitted) is True


def _passes(file: Path) -> bool:
    """Whether the tests of a file pass, in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(file)]
    return (
        subprocess.run(command, capture_output=True, cwd=file.parent, check=False).returncode == 0
    )


def test_a_tie_that_floats_miss_fails_no_test() -> None:
    """Two thirds of a half, computed with a rounding at one scale and without at another."""
    claim = Claim(RULES["torch_min_p"], PROPERTIES["scale-free"])
    attack = untraceable.attack_of(claim, Options())
    values = next(one for one in attack.candidates() if attack.judge(one) is not None)
    arguments = {
        "bids": " ".join(map(str, values.bids)),
        "dists": [" ".join(map(str, row)) for row in values.dists],
        "scale": str(values.scale),
    }
    target, prop = RULES["torch_min_p"], PROPERTIES["scale-free"]
    assert judge(target, prop, False, {}, arguments).answer == "fails"
    assert judge(target, prop, True, {}, arguments).answer == "holds"
