"""Broken rules are refuted, rewritten rules are not, and a broken core does not go unnoticed."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from term_values import Values

from tokenauction.mechanisms import CATALOGUE, AggregationRule, aggregation_rule, linear
from tokenauction.proofs.core.algebra import signs, splitting, terms
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis
from tokenauction.proofs.core.proving.all_sizes import prove_all_sizes
from tokenauction.proofs.deciding.verifier import Verifier
from tokenauction.proofs.results.verdict import Proved, Refuted, Unknown
from tokenauction.theory import PROPERTIES


@aggregation_rule
def forgets_the_last_agent(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    present = xp.where(bids < xp.sum(bids), bids, 0 * bids)
    return xp.matmul(present, dists) / xp.sum(bids)


@aggregation_rule
def divides_by_the_largest(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return xp.matmul(bids, dists) / xp.max(bids)


@aggregation_rule
def off_by_one(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return xp.matmul(bids + 1, dists) / xp.sum(bids)


@aggregation_rule
def turned_weight(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    weights = xp.sum(bids) - bids + 1
    return xp.matmul(weights, dists) / xp.sum(weights)


@aggregation_rule
def almost_linear(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    return 0.9999 * xp.matmul(bids, dists) / xp.sum(bids) + 0.0001 / dists.shape[1]


@aggregation_rule
def rewritten(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    shares = bids / xp.sum(bids)
    return xp.sum(xp.exp(xp.log1p(shares))[:, None] * dists - dists, axis=0)


@aggregation_rule
def rewritten_from_odds(bids: Any, dists: Any) -> Any:
    xp = array_namespace(bids)
    halves = 0.5 * dists.T @ bids
    return (halves + halves) / (2 * xp.mean(bids) * bids.shape[0] / 2)


MUTANTS = [
    (forgets_the_last_agent, "distribution"),
    (divides_by_the_largest, "distribution"),
    (off_by_one, "distribution"),
    (turned_weight, "monotone"),
    (almost_linear, "monotone"),
]


@pytest.mark.parametrize(("rule", "prop"), MUTANTS)
def test_mutants_are_refuted(rule: AggregationRule, prop: str) -> None:
    assert isinstance(Verifier(rule).verify(PROPERTIES[prop]), Refuted)


@pytest.mark.parametrize("rule", [rewritten, rewritten_from_odds])
@pytest.mark.parametrize("prop", ["distribution", "unanimous", "monotone"])
def test_true_rewritings_are_proved(rule: AggregationRule, prop: str) -> None:
    assert isinstance(Verifier(rule).verify(PROPERTIES[prop]), Proved)


def test_a_rewriting_has_the_fingerprint_of_the_rule() -> None:
    assert Verifier(rewritten_from_odds).fingerprint == Verifier(linear).fingerprint
    assert Verifier(almost_linear).fingerprint != Verifier(linear).fingerprint


# Mutants of the core: each is a plausible slip, and something must notice it.


def cap_poly(canon: Canon) -> tuple[graph.Node, terms.Poly]:
    from tokenauction.proofs.core.claims.formulas import traced_function

    (_, aggregate), *_ = traced_function(CATALOGUE["cap"])
    return aggregate, canon.poly(aggregate)


def differs() -> bool:
    """Whether the canonical form of the cap rule has another value than the rule."""
    from tokenauction.proofs.core.evaluation.exact import evaluate
    from tokenauction.proofs.core.language.grounding import ground

    canon = Canon(False)
    aggregate, poly = cap_poly(canon)
    sizes = {Axis.AGENTS: 2, Axis.TOKENS: 2}
    fractions = {
        graph.bid(graph.agent(0)): Fraction(20),
        graph.bid(graph.agent(1)): Fraction(3),
        graph.prob(graph.agent(0), graph.token(0)): Fraction(1, 4),
        graph.prob(graph.agent(0), graph.token(1)): Fraction(3, 4),
        graph.prob(graph.agent(1), graph.token(0)): Fraction(2, 3),
        graph.prob(graph.agent(1), graph.token(1)): Fraction(1, 3),
    }
    exact = evaluate(ground(aggregate, sizes, {graph.token("t"): 0}), fractions)
    leaves = {node: float(value) for node, value in fractions.items()}
    return abs(Values(sizes, leaves, {"t": 0}).poly(poly) - float(exact)) > 1e-9


def test_the_unbroken_core_agrees() -> None:
    assert not differs()


def test_a_maximum_that_keeps_one_argument_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Canon.maximum
    monkeypatch.setattr(Canon, "maximum", lambda self, args: right(self, args[:1]))
    assert differs()


def test_a_power_that_forgets_its_sign_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Canon.power
    monkeypatch.setattr(Canon, "power", lambda self, poly, e: right(self, poly, abs(e)))
    assert differs()


def test_a_sum_that_forgets_a_factor_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Canon._sum_monomial
    monkeypatch.setattr(
        Canon, "_sum_monomial", lambda self, over, m, out: right(self, over, m[:1], out)
    )
    assert differs()


def test_proofs_that_forget_the_rest_meet_the_counterexample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the other agents dropped, a false claim is `proved`; the search has the last word."""

    def only_named(kind: Any, over: Any, body: Any, named: Any, others: bool) -> Any:
        return right(kind, over, body, named, False)

    right = splitting._split
    assert not prove_all_sizes(Claim(turned_weight, PROPERTIES["monotone"])).proved
    monkeypatch.setattr(splitting, "_split", only_named)
    assert isinstance(Verifier(turned_weight).verify(PROPERTIES["monotone"]), Refuted)


def test_a_false_proof_of_a_switch_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from data.known_rules import dip_at_hundred

    from tokenauction.proofs.core.proving.all_sizes import AllSizes
    from tokenauction.proofs.deciding import decision
    from tokenauction.proofs.searching.falsify import Search

    monkeypatch.setattr(decision, "prove_all_sizes", lambda *_: AllSizes(True))
    monkeypatch.setattr(Search, "quick", lambda _: None)
    verdict = Verifier(dip_at_hundred).verify(PROPERTIES["monotone"])
    assert isinstance(verdict, Unknown)
    assert "INTERNAL ERROR" in verdict.reason


def test_signs_know_nothing_of_differences() -> None:
    canon = Canon(False)
    bid = terms.from_base(terms.make_base("leaf", graph.bid(graph.agent("k"))))
    assert canon.sign(terms.sub(bid, terms.ONE)) == signs.UNKNOWN
    assert canon.sign(bid) == signs.NON_NEGATIVE
    assert canon.sign(terms.add(bid, terms.ONE)) == signs.POSITIVE


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["linear", "softmax-weights", "cap", "reserve", "winner-takes-all"]
)
def test_proved_verdicts_survive_a_large_attack(name: str) -> None:
    from tokenauction.proofs.core.judging.replay import Replayer
    from tokenauction.proofs.searching.falsify import Search

    claim = Claim(CATALOGUE[name], PROPERTIES["monotone"])
    search = Search(claim, Replayer(claim), seed=99, effort=3.0)
    assert search.quick() is None
    assert search.thorough() is None
    assert search.profiles > 500_000
    assert np.isfinite(search.profiles)
