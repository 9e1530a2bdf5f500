"""Guards what a proof covers, why not more, and what is said to somebody who asks for more."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.mechanisms import aggregation_rule
from tokenauction.proofs import compare
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.deciding.sizes import largest_rectangle
from tokenauction.proofs.deciding.verifier import verify
from tokenauction.proofs.loading.named import load_targets
from tokenauction.proofs.results import report
from tokenauction.proofs.results.reasons import POSITIVE_ONLY
from tokenauction.proofs.results.verdict import Proved, Refuted, Scope, Unknown

Command = Callable[..., Any]

SORTED = """
from array_api_compat import array_namespace
from tokenauction.mechanisms import aggregation_rule


@aggregation_rule
def by_rank(bids, dists):
    xp = array_namespace(bids, dists)
    return dists[0, :] + 0 * xp.sort(dists[0, :])
"""


@given(st.sets(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=12))
def test_the_scope_has_only_sizes_that_were_proved(proved: set[tuple[int, int]]) -> None:
    scope = largest_rectangle(proved)
    assert (scope is None) == (not proved)
    if scope is not None:
        covered = {(n, t) for n in scope.agents for t in scope.tokens}
        assert covered <= proved
        row = {t for n, t in proved if n == min(n for n, _ in proved)}
        assert len(covered) >= len(row)


def test_sizes_that_were_proved_stay_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules.py").write_text(SORTED, "utf-8")
    monkeypatch.setattr(formulas, "MOST_INSTANCES", 6)  # so that not every order of four is seen
    (rule,) = load_targets([f"{tmp_path}/rules.py"])
    found = verify(rule, "neutral", agents=1, tokens=4)
    assert isinstance(found, Proved)
    assert found.scope == Scope((1,), (1, 2, 3))
    assert "rules.py:9: use a sum, an extremum, or a count of what is larger" in found.reason
    assert "not decided with 1 agent and 4 tokens" in found.reason


@pytest.mark.parametrize(
    ("scope", "status", "required"),
    [
        ("all", 3, {"agents": "all", "tokens": "all"}),
        ("2x2", 0, {"agents": [1, 2], "tokens": [1, 2]}),
        ("1x4", 0, {"agents": [1], "tokens": [1, 2, 3, 4]}),
        (None, 0, None),
    ],
)
def test_a_scope_is_asked_for(
    tmp_path: Path, command: Command, scope: str | None, status: int, required: Any
) -> None:
    (tmp_path / "rules.py").write_text(SORTED, "utf-8")
    asked = ["verify", "rules.py", "linear", "--property", "neutral", "--format", "json"]
    done = command(*asked, *([] if scope is None else ["--scope", scope]), folder=tmp_path)
    assert done.returncode == status
    made = json.loads(done.stdout)
    jsonschema.validate(made, report.schema())
    assert made["required_scope"] == required
    assert made["results"][1]["scope"] == {"agents": "all", "tokens": "all"}


def test_a_proof_for_less_is_told_in_every_format(tmp_path: Path, command: Command) -> None:
    (tmp_path / "rules.py").write_text(SORTED, "utf-8")
    files = {kind: f"report.{kind}" for kind in ("junit", "sarif", "github", "markdown")}
    formats = [f"--format={kind}={file}" for kind, file in files.items()]
    asked = ("verify", "rules.py", "--property", "neutral", "--scope", "all")
    done = command(*asked, *formats, "--format", "text", folder=tmp_path)
    assert done.returncode == 3
    assert "1 proved, 0 refuted, 0 unknown; 1 for less than all agents, all tokens" in done.stdout
    for file in files.values():
        told = (tmp_path / file).read_text("utf-8").replace("%2C", ",")
        assert "it is asked for all agents, all tokens" in told, file


@pytest.mark.parametrize("scope", ["", "0x1", "3", "3x", "x4", "51x2", "3x4x5", "-1x2", "none"])
def test_no_scope(command: Command, tmp_path: Path, scope: str) -> None:
    done = command("verify", "linear", "--scope", scope, folder=tmp_path)
    assert done.returncode == 2
    assert "agents by tokens up to 50, as 3x4" in " ".join(done.stderr.split())


# Where a rule is defined --------------------------------------------------------------------------


@aggregation_rule
def as_written(bids: Any, dists: Any) -> Any:
    """The log-linear rule as in the paper: undefined where nobody's zero can be told from a bid."""
    weights = bids / bids.sum()
    products = np.exp((weights[:, None] * np.log(dists)).sum(0))
    return products / products.sum()


@aggregation_rule
def one_by_one(bids: Any, dists: Any) -> Any:
    """The same with a sum of weights: what is no single product is not followed below zero."""
    weights = (bids + 0 * dists.sum(1)) / bids.sum()
    products = np.exp((weights[:, None] * np.log(dists)).sum(0))
    return products / products.sum()


def test_a_rule_that_needs_positive_distributions_is_told_so() -> None:
    found = verify(as_written, "distribution")
    assert isinstance(found, Refuted)
    assert found.witness.undefined
    assert found.witness.sentence.endswith(f"{POSITIVE_ONLY[1:]}.")


@pytest.mark.parametrize(
    "name", ["anonymous", "neutral", "unanimous", "scale-free", "no-bid-no-influence"]
)
def test_what_holds_where_it_is_defined_is_proved(name: str) -> None:
    found = verify(as_written, name)
    assert isinstance(found, Proved)
    assert found.scope == Scope()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["monotone", "convex-range"])
def test_what_does_not_hold_there_is_refuted(name: str) -> None:
    assert verify(as_written, name).status == "refuted"


def test_a_zero_that_is_not_followed_proves_nothing_and_says_the_way_out() -> None:
    found = verify(one_by_one, "anonymous", budget=5)
    assert not isinstance(found, Refuted)
    assert found.scope != Scope()
    assert isinstance(found, Proved | Unknown)
    assert POSITIVE_ONLY in found.reason


ZEROS = {
    "weights that may be negative": lambda b, d: (b - 1, d),
    "weights that are a difference": lambda b, d: (b / b.sum() - b / (1 + b.sum()), d),
    "two logarithms": lambda b, d: (b * (1 + np.log(1 + b)), d),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ZEROS)
@pytest.mark.parametrize("name", ["distribution", "no-bid-no-influence", "convex-range"])
def test_powers_of_zero_are_never_more_than_a_run_shows(kind: str, name: str) -> None:
    """Whatever is proved of a rule with logarithms of zeros holds in runs at zeros."""

    @aggregation_rule
    def rule(bids: Any, dists: Any) -> Any:
        weights, rows = ZEROS[kind](bids, dists)
        products = np.exp((weights[:, None] * np.log(rows)).sum(0))
        return products / products.sum()

    found = verify(rule, name, budget=4)
    if isinstance(found, Proved):
        check_runs(rule, name)


def check_runs(rule: Any, name: str) -> None:
    """Runs of a rule at distributions with zeros, for the property that was proved."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        agents, tokens = rng.integers(1, 4, 2)
        bids = rng.choice([0, 1, 2, 0.5], agents)
        dists = rng.integers(0, 3, (agents, tokens)) + 0.0
        if bids.sum() == 0 or (dists.sum(1) == 0).any():
            continue
        dists /= dists.sum(1, keepdims=True)
        with np.errstate(all="ignore"):
            found = rule.function(bids, dists)
        if name == "distribution":
            assert np.isfinite(found).all()
            assert np.isclose(found.sum(), 1)
        elif np.isfinite(found).all() and name == "convex-range":
            assert (found <= dists.max(0) + 1e-9).all()
            assert (found >= dists.min(0) - 1e-9).all()


@aggregation_rule
def hole(bids: Any, dists: Any) -> Any:
    """At bids of three eighths in all, infinity becomes `exp(-inf)`, and the rule is another."""
    gap = (8 * bids.sum() - 3) ** 2
    nothing = np.exp(np.log(1 / gap) / -2)
    return bids @ dists / bids.sum() + np.where(gap > 0, 0, 1) + nothing - nothing


@aggregation_rule
def no_hole(bids: Any, dists: Any) -> Any:
    """The same without the other rule."""
    gap = (8 * bids.sum() - 3) ** 2
    nothing = np.exp(np.log(1 / gap) / -2)
    return bids @ dists / bids.sum() + nothing - nothing


@aggregation_rule
def divided_by_less(bids: Any, dists: Any) -> Any:
    """The same hole, where what the logarithm is divided by is negative at every bid."""
    gap = (bids.sum() ** 2 - 0.7) ** 2
    nothing = np.exp(np.log(1 / gap) / (-1 - bids[0]))
    return bids @ dists / bids.sum() + np.where(gap > 0, 0, 1) + nothing - nothing


@pytest.mark.slow
@pytest.mark.parametrize("rule", [hole, divided_by_less], ids=lambda one: one.name)
@pytest.mark.parametrize("name", ["unanimous", "convex-range", "scale-free"])
def test_a_negative_weight_hides_nothing(rule: Any, name: str) -> None:
    with np.errstate(divide="ignore"):
        assert hole.function(np.array([0.375]), np.array([[0.5, 0.5]])).tolist() == [1.5, 1.5]
    assert verify(rule, name, budget=4).status != "proved"


@pytest.mark.slow
def test_functions_that_differ_in_a_hole_are_not_equivalent() -> None:
    assert compare(hole, no_hole, budget=4).status != "equivalent"


def test_a_part_that_is_infinite_at_zeros_is_no_guess() -> None:
    @aggregation_rule
    def one(bids: Any, dists: Any) -> Any:
        found = 1 + np.exp(np.log(dists).sum(0))
        return found / found.sum()

    @aggregation_rule
    def other(bids: Any, dists: Any) -> Any:
        found = 1 + np.where(dists[0] > 0, np.exp(np.log(dists).sum(0)), 0)
        return found / found.sum()

    assert compare(one, other, budget=2).status == "unknown"
