"""The checker from Python: every way to ask, and what comes back is what the command line says."""

import doctest
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokenauction.mechanisms import Mechanism, linear, log_linear, pay_your_bid
from tokenauction.proofs import (
    BadConfiguration,
    BadLock,
    CannotLoad,
    NotComparable,
    Unusable,
    check_gate,
    compare,
    verify,
)
from tokenauction.theory import DEFAULT_MECHANISM_PROPERTIES, DEFAULT_PROPERTIES, robust

Command = Callable[..., Any]
ROOT = Path(__file__).parents[2]
RULES = """
from tokenauction.mechanisms import aggregation_rule, payment_rule
from tokenauction.theory import preference_order, rule_property


@aggregation_rule
def squared(bids, dists):
    return bids**2 @ dists / (bids**2).sum()


@aggregation_rule
def first(bids, dists):
    return dists[0, :]


@payment_rule
def fee(bids, dists):
    return bids / 2


@preference_order
def at_once(preferred, better, worse):
    return (better == worse).all()
"""


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of rules, in which we are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.py").write_text(RULES)
    (tmp_path / "two.py").write_text(RULES.replace("@payment_rule", "@aggregation_rule"))
    (tmp_path / "one.py").write_text(RULES[: RULES.index("@aggregation_rule\ndef first")])
    return tmp_path


def plain(bids: Any, dists: Any) -> Any:
    return bids @ dists / bids.sum()


def test_the_page_says_what_happens() -> None:
    found = doctest.testfile(str(ROOT / "docs" / "python.md"), module_relative=False)
    assert found.attempted > 10
    assert not found.failed


# Ways to ask -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        linear,
        "linear",
        plain,
        lambda bids, dists: bids @ dists / bids.sum(),
        Mechanism(linear, pay_your_bid),
        "linear+pay-your-bid",
        "rules.py::squared",
        Path("one.py"),
        "linear+rules.py::fee",
    ],
    ids=["rule", "name", "function", "lambda", "mechanism", "names", "in-file", "path", "fee"],
)
@pytest.mark.parametrize("prop", ["monotone", "monotone_odds", robust])
def test_a_target_and_a_property_in_every_form(rules: Path, target: Any, prop: Any) -> None:
    assert verify(target, prop, budget=10).status == "proved"


def test_a_property_of_a_file(rules: Path) -> None:
    assert verify("linear", "rules.py::at_once").status == "refuted"


@pytest.mark.parametrize(
    ("target", "names"),
    [(plain, DEFAULT_PROPERTIES), ("linear+rules.py::fee", DEFAULT_MECHANISM_PROPERTIES)],
)
def test_without_a_property_the_default_ones(rules: Path, target: Any, names: Any) -> None:
    found = verify(target, budget=10)
    assert list(found) == list(names)
    assert len(found) == len(names)
    assert {name: one.status for name, one in found.items()} == {
        name: verify(target, name, budget=10).status for name in names
    }
    expected = "proved" if target is plain else "refuted"
    assert found.status == expected


def test_a_rule_that_is_undefined_everywhere_is_refuted_and_unusable() -> None:
    found = verify(lambda bids, dists: dists[0, :] * np.nan)
    assert found["distribution"].status == "refuted"
    assert (found["neutral"].status, found.status) == ("unknown", "refuted")
    assert "returns NaN or infinite values everywhere" in found["neutral"].explain()


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: verify("liner", "monotone"), CannotLoad, "did you mean linear?"),
        (lambda: verify("two.py"), CannotLoad, "two.py has several rules .* as two.py::NAME"),
        (lambda: verify("rules.py::fee"), CannotLoad, "belongs to a rule"),
        (lambda: verify(3, "monotone"), TypeError, "a name such as 'linear' .*; not 3"),  # type: ignore[call-overload]
        (lambda: verify(robust), TypeError, "an order, and comes second: verify\\(rule, prop"),
        (
            lambda: verify("monotone", "linear"),
            TypeError,
            "comes second: verify\\(rule, 'mono",
        ),
        (lambda: Mechanism(pay_your_bid, linear), TypeError, "swapped: Mechanism\\(linear, pay_y"),  # type: ignore[arg-type]
        (lambda: verify(dict), TypeError, "a rule is a function"),
        (lambda: verify(max), TypeError, "max: write a function \\(bids, dists\\) around it"),
        (lambda: verify(pay_your_bid), TypeError, "ask about Mechanism\\(rule, pay_your_bid\\)"),
        (lambda: verify(lambda bids: bids), TypeError, "takes \\(bids, dists\\), in that order"),
        (lambda: verify(lambda dists, bids: 1), TypeError, "in the wrong order"),
        (lambda: verify(lambda bids, dists: None), Unusable, "returns nothing \\(None\\)"),
        (lambda: verify(linear, "monotoone"), KeyError, "did you mean monotone?"),
        (lambda: verify(linear, plain), TypeError, "decorate it with @rule_property or @pref"),  # type: ignore[call-overload]
        (lambda: verify(linear, 3), TypeError, "name one, as 'monotone'"),  # type: ignore[call-overload]
        (lambda: verify(linear, "critical-bid"), ValueError, "a property of mechanisms"),
        (lambda: verify(linear, "rules.py::fee"), CannotLoad, "neither a property nor an order"),
        (
            lambda: verify(linear, "neutral", agents=0),
            ValueError,
            "agents is a whole number from 1",
        ),
        (lambda: verify(linear, "neutral", tokens=51), ValueError, "from 1 to 50, not 51"),
        (lambda: verify(linear, "neutral", budget=-1), ValueError, "from 0.5 to 86400, not -1"),
        (lambda: verify(linear, budget=float("nan")), ValueError, "seconds .*, not nan"),
        (lambda: verify(linear, "neutral", seed=-1), ValueError, "the seed is a whole number"),
        (lambda: compare(linear, linear, budget=0), ValueError, "from 0.5 to 86400, not 0"),
        (lambda: compare(linear, "second-price"), NotComparable, "is a mechanism and linear a ru"),
        (lambda: compare(linear, "no.py::one"), CannotLoad, "there is no such file"),
    ],
)
def test_what_cannot_be_asked(rules: Path, ask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ask()


# What comes back ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "prop"),
    [
        ("linear", "monotone"),
        ("log-linear", "monotone"),
        ("linear+pay-your-bid", "critical-bid"),
        ("rules.py::first", "anonymous"),
    ],
)
def test_an_explanation_is_what_the_command_prints(
    rules: Path, command: Command, target: str, prop: str
) -> None:
    verdict = verify(target, prop)
    done = command("verify", target, "--property", prop, "--explain")
    assert verdict.explain() == done.stdout
    again = pickle.loads(pickle.dumps(verdict))
    assert (again, again.explain()) == (verdict, done.stdout)


def test_the_explanation_of_several_is_what_the_command_prints(command: Command) -> None:
    found = verify("uniform-smoothing")
    assert found.explain() == command("verify", "uniform-smoothing", "--explain").stdout
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.explain().count("Proved for all agents") == 3


@pytest.mark.parametrize("other", ["temperature(degrees=1)", "cap", "rules.py::first"])
def test_the_explanation_of_a_comparison_is_what_the_command_prints(
    rules: Path, command: Command, other: str
) -> None:
    found = compare("linear", other)
    done = command("compare", "linear", other, "--no-guarantees", "--explain")
    assert found.explain() == done.stdout
    assert found.status == done.stdout.split()[0]


def test_a_verdict_from_inside_says_what_it_knows() -> None:
    from tokenauction.proofs.deciding.verifier import verify as of_one

    assert of_one(linear, "neutral").explain() == "proved for all agents, all tokens\n"
    assert of_one(log_linear, "monotone").explain().startswith("refuted: Agent 0 raised")


def test_an_answer_is_no_truth_value(rules: Path) -> None:
    """Else `assert verify(rule, ...)` would pass for a rule that is refuted."""
    for answer in (verify("log-linear", "monotone"), verify("linear"), compare("linear", "cap")):
        with pytest.raises(TypeError, match=r"no truth value: ask for .* status"):
            assert answer
    assert str(verify("linear", "neutral")) == "proved for all agents, all tokens"
    assert str(compare("linear", "linear")) == "equivalent for all agents, all tokens"
    lines = str(verify("log-linear")).splitlines()
    assert lines[0] == "distribution: proved for all agents, all tokens"
    assert lines[-1].startswith("monotone: refuted: Agent 0 raised")


# The gate ----------------------------------------------------------------------------------------

TABLE = '[tool.tokenauction]\ntargets = ["rules.py::squared"]\nproperties = ["neutral"]\n'


def test_the_gate(rules: Path, command: Command) -> None:
    with pytest.raises(BadConfiguration, match="has a table"):
        check_gate()
    with pytest.raises(BadConfiguration, match=r"nowhere.toml: No such file"):
        check_gate("nowhere.toml")
    (rules / "pyproject.toml").write_text(TABLE)
    with pytest.raises(BadLock, match="there is no lock yet"):
        check_gate()
    made = check_gate(update=True, jobs=1)
    assert (made.is_open, made.updated, made.exit_status()) == (True, True, 0)
    assert made
    again = check_gate(rules / "pyproject.toml", cache=rules / "elsewhere")
    done = command("gate")
    assert (again.explain(), again.exit_status()) == (done.stdout, done.returncode)
    assert again.as_json()["claims"][0]["source"] == "lock"
    (rules / "rules.py").write_text(RULES.replace("bids**2", "bids[:1]"))
    with ThreadPoolExecutor(1) as executor:
        changed = check_gate(executor=executor, fresh=True)
        assert executor.submit(lambda: 1).result() == 1
    assert not changed.is_open
    assert not changed
    assert "FAIL" in changed.explain()
