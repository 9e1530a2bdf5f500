"""Every fact that the prover uses holds on concrete profiles, wherever its premises do."""

from typing import Any

import numpy as np
import pytest
from data import known_rules
from sampled import place_indices, random_leaves, random_sizes
from term_values import Undefined, Values

from tokenauction.mechanisms import CATALOGUE
from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.terms import Condition
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.proving import sequent
from tokenauction.proofs.core.proving.all_sizes import prove_all_sizes
from tokenauction.proofs.core.proving.facts import ReductionFacts
from tokenauction.proofs.core.proving.sequent import Prover
from tokenauction.proofs.core.tracing.twins import FOCAL
from tokenauction.theory import PROPERTIES

Recorded = list[tuple[Canon, list[Condition], list[Condition]]]

CASES = [
    ("linear", "monotone"),
    ("linear", "convex-range"),
    ("log1p-weights", "monotone"),
    ("saturating-weights", "convex-range"),
    ("softmax-weights", "monotone"),
    ("cap", "distribution"),
    ("cap", "monotone"),
    ("reserve", "monotone"),
    ("winner-takes-all", "distribution"),
    ("winner-takes-all", "no-bid-no-influence"),
    ("rank-weights", "distribution"),
    ("power-mean", "monotone-odds"),
    ("log-linear", "monotone-odds"),
    ("temperature", "distribution"),
    ("top-k", "unanimous"),
    ("by_argmax", "monotone"),
    ("by_argmax", "convex-range"),
]
RULES = {**CATALOGUE, "by_argmax": known_rules.by_argmax}


def recorded(monkeypatch: pytest.MonkeyPatch, claim: Claim) -> Recorded:
    """What the facts of every case were derived from, and those facts.

    The whole case would not do: it contains the negated claim, and so holds nowhere.
    """
    found: Recorded = []
    stack: list[list[Condition]] = []
    refutes_case, query = Prover._refutes_case, Prover._query

    def keep_case(self: Prover, conditions: list[Condition], depth: int) -> bool:
        stack.append([c for c in conditions if sequent._is_context(c)])
        try:
            return refutes_case(self, conditions, depth)
        finally:
            stack.pop()

    def keep_query(self: Prover, literals: Any, facts: Any, nonzero: Any) -> Any:
        if facts and stack:
            found.append((self.canon, list(stack[-1]), list(facts)))
        return query(self, literals, facts, nonzero)

    monkeypatch.setattr(Prover, "_refutes_case", keep_case)
    monkeypatch.setattr(Prover, "_query", keep_query)
    prove_all_sizes(claim, budget=20_000)
    return found


def violated(claim: Claim, cases: Recorded, tries: int, seed: int = 0) -> tuple[int, list[str]]:
    """How many facts were tried where their premises hold, and those that were false there."""
    rng = np.random.default_rng(seed)
    tried, wrong = 0, []
    for canon, conditions, facts in cases:
        for _ in range(tries):
            sizes = random_sizes(rng, least_agents=2)
            focal = int(rng.integers(2))
            leaves = random_leaves(claim, rng, sizes, focal, positive=rng.random() < 0.5)
            free = {i for term in (*conditions, *facts) for i in term.free}
            named = sorted((i for i in free if not terms.bound_level(i)), key=str)
            place = place_indices(rng, named, canon.apart, sizes, {FOCAL.name: focal})
            if place is None:
                continue
            values = Values(sizes, leaves, place)
            try:
                if not all(values.condition(condition) for condition in conditions):
                    continue
                for fact in facts:
                    tried += 1
                    if not values.condition(fact, tolerance=1e-9):
                        wrong.append(terms.show_condition(fact))
            except (Undefined, ZeroDivisionError, OverflowError):
                continue
    return tried, wrong


@pytest.mark.slow
@pytest.mark.parametrize(("name", "prop"), CASES)
def test_facts_hold(monkeypatch: pytest.MonkeyPatch, name: str, prop: str) -> None:
    claim = Claim(RULES[name], PROPERTIES[prop])
    cases = recorded(monkeypatch, claim)[:40]
    tried, wrong = violated(claim, cases, tries=60)
    assert not wrong
    assert tried or not cases


@pytest.mark.slow
def test_enough_facts_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Claim(CATALOGUE["cap"], PROPERTIES["monotone"])
    tried, _ = violated(claim, recorded(monkeypatch, claim), tries=60)
    assert tried > 100


def test_a_wrong_comparison_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard itself: facts turned around are false somewhere."""
    right = ReductionFacts.comparisons

    def wrong(self: ReductionFacts) -> list[Condition]:
        return [
            terms.make_condition("lit", terms.scale(fact.args[0], -1), "<=")
            for fact in right(self)
            if fact.kind == "lit"
        ]

    monkeypatch.setattr(ReductionFacts, "comparisons", wrong)
    claim = Claim(known_rules.confident, PROPERTIES["convex-range"])
    _, found = violated(claim, recorded(monkeypatch, claim)[:20], tries=60)
    assert found
