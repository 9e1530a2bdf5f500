"""Targets: what is read of their text, and that every command takes the same ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.mechanisms import CATALOGUE, PAYMENTS
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.named import load_named, load_payment, load_targets
from tokenauction.proofs.loading.targets import files_of, in_other_files, name_of, sides, split

Command = Callable[..., Any]

PAY = """
from tokenauction.mechanisms import Mechanism, aggregation_rule, payment_rule


@aggregation_rule
def rule(bids, dists):
    return bids @ dists / bids.sum()


@aggregation_rule
def powered(bids, dists, *, power=1):
    return bids**power @ dists / (bids**power).sum()


@payment_rule
def fee(bids, dists, *, share=0.5):
    return share * bids


def plain(bids, dists):
    return share * bids


auction = Mechanism(rule, fee)
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of rules and payments, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for path in (Path("pay.py"), Path("other.py"), Path("c++/linear+x.py")):
        path.parent.mkdir(exist_ok=True)
        path.write_text(PAY)


# As text -----------------------------------------------------------------------------------------

NAMES = st.sampled_from(["rule", "fee", "a_b", "x1"])
GIVEN = st.sampled_from(["", "(power=2)", "(power=1e+2)", "(a=1, b=-2)"])
PATHS = st.sampled_from(["pay.py", "a/pay.py", "c++/pay.py", "/x y/p.py", "../p.q/pay.py"])
OF_FILES = st.builds("{}::{}{}".format, PATHS, NAMES, GIVEN)
RULES = st.builds("{}{}".format, st.sampled_from(list(CATALOGUE)), GIVEN) | OF_FILES
PAID = st.builds("{}{}".format, st.sampled_from(list(PAYMENTS)) | NAMES, GIVEN) | OF_FILES


@given(RULES, st.none() | PAID)
def test_a_target_is_what_it_was_put_together_from(rule: str, paid: str | None) -> None:
    target = rule if paid is None else f"{rule}+{paid}"
    assert split(target) == (rule, paid)
    texts = [text for text in (rule, paid) if text is not None]
    assert [str(one) for one in sides(target)] == texts
    assert files_of(target) == [text.partition("::")[0] for text in texts if "::" in text]
    assert in_other_files(target, str) == target
    moved = in_other_files(target, lambda path: f"there/{path}")
    assert files_of(moved) == [f"there/{path}" for path in files_of(target)]
    assert name_of(moved) == name_of(target)
    assert ".py" not in name_of(target)


def test_a_plus_in_a_path_is_none() -> None:
    assert split("c++/linear+x.py") == ("c++/linear+x.py", None)
    assert split("c++/linear+x.py::rule+fee") == ("c++/linear+x.py::rule", "fee")
    assert [one.label for one in load_targets(["c++/linear+x.py::powered"])] == ["powered(power=1)"]


# What they name ----------------------------------------------------------------------------------

LABELS = {
    "linear+pay.py::fee": "linear+fee(share=0.5)",
    "linear + pay.py::fee": "linear+fee(share=0.5)",
    "cap(highest=1e+2)+pay.py::fee(share=2)": "cap(highest=100)+fee(share=2)",
    "pay.py::rule+second-price": "rule+second_price",
    "pay.py::rule+second_price": "rule+second_price",
    "pay.py::rule+fee": "rule+fee(share=0.5)",
    "pay.py::powered(power=2)+other.py::fee": "powered(power=2)+fee(share=0.5)",
    "pay.py::powered(power=1/2)": "powered(power=0.5)",
    "pay.py::auction": "rule+fee(share=0.5)",
    "linear+c++/linear+x.py::fee": "linear+fee(share=0.5)",
}


@pytest.mark.parametrize(("target", "label"), LABELS.items())
def test_what_a_target_names(target: str, label: str) -> None:
    assert [(name, one.label) for name, one in load_named(target)] == [(target, label)]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("second-price+pay.py::fee", "second-price is a mechanism, and has the payment second_pri"),
        ("pay.py::auction+fee", "pay.py::auction is a mechanism, and has the payment fee"),
        ("pay.py+fee", "name one rule of the file, as pay.py::NAME\\+fee"),
        ("linear+pay.py", "name one payment rule of the file, as pay.py::NAME"),
        ("+fee", "name a rule, as linear\\+fee"),
        ("", "a rule without a name: name one, or one of a file as path.py::name"),
        ("linear+", "a payment rule without a name: name one, or one of a file as path.py::name"),
        ("linear+::fee", "::fee: name the file in front of the colons, as rules.py::fee"),
        ("::rule", "::rule: name the file in front of the colons, as rules.py::rule"),
        ("lineer+pay.py::fee", "unknown rule 'lineer'; did you mean linear\\?"),
        ("linear+nowhere.py::fee", "nowhere.py: there is no such file"),
        ("linear+pay.py::feee", "pay.py: unknown name 'feee'; did you mean fee\\?"),
        ("linear+pay.py::rule", "pay.py: rule is not a payment rule$"),
        ("linear+pay.py::plain", "plain is not a payment rule; decorate a function .*payment_rule"),
        ("pay.py::plain+fee", "plain is neither an aggregation rule nor a mechanism; decorate"),
        ("pay.py::fee+fee", "fee is not an aggregation rule"),
        ("pay.py::fee", "or linear\\+pay.py::fee for a shipped rule"),
        ("pay.py::auction(power=1)", "auction is a mechanism, and takes no parameters"),
        ("second-price(power=1)", "second-price is a mechanism, and takes no parameters"),
        ("pay.py::powered(power=x)", "the parameter 'power' is a number, as 2 or 0.5, not 'x'"),
        ("cap(highest=1e999999999)", "the parameter 'highest' is a number"),
        ("cap(highest=1e400)", "'highest' must be below 1e300 in size"),
        ("platform(model=1)", "'model' must be a distribution, not 1"),
        ("pay", "unknown rule 'pay'; did you mean pay.py\\?"),
    ],
)
def test_a_target_that_names_nothing(target: str, message: str) -> None:
    with pytest.raises(CannotLoad, match=message):
        load_targets([target])


def test_a_payment_of_a_file_and_of_the_file_of_its_rule() -> None:
    assert load_payment("fee", beside="pay.py").label == "fee(share=0.5)"
    assert load_payment("pay.py::fee(share=3)").label == "fee(share=3)"
    assert load_payment("pay_your_bid", beside="pay.py") is PAYMENTS["pay-your-bid"]


# In every command --------------------------------------------------------------------------------

TARGETS = ["linear+pay.py::fee", "pay.py::rule+second-price", "pay.py::rule+./other.py::fee"]


def test_every_command_takes_a_payment_of_a_file(command: Command) -> None:
    asked = ["--property", "no-positive-transfer"]
    done = command("verify", *TARGETS, *asked)
    labels = ["linear+fee(share=0.5)", "rule+second_price", "rule+fee(share=0.5)"]
    assert [line.split()[:2] for line in done.stdout.splitlines()[:3]] == [
        ["proved", label] for label in labels
    ], done.stderr
    done = command("compare", TARGETS[0], TARGETS[2], "--no-guarantees")
    assert (done.returncode, done.stdout.split()[0]) == (0, "equivalent"), done.stderr
    done = command("run", "--rule", TARGETS[0], "--max-tokens", "4", "--format", "json")
    ran = json.loads(done.stdout)
    assert (ran["payment"], [one["pays"] for one in ran["agents"]]) == ("fee(share=0.5)", [2, 2])
    done = command("brittleness", TARGETS[0], *asked, "--seeds", "2")
    assert done.stdout.startswith("stable   linear+fee(share=0.5) no-positive-transfer")


def test_the_gate_takes_a_payment_of_a_file(command: Command) -> None:
    listed = json.dumps([*TARGETS, {"target": "linear+./pay.py::fee(share=2)"}])
    table = f'[tool.tokenauction]\ntargets = {listed}\nproperties = ["no-bid-no-payment"]\n'
    Path("pyproject.toml").write_text(table.replace('"target": ', "target = "))
    assert command("gate", "--update").returncode == 0
    done = command("gate", "--format", "json")
    made = json.loads(done.stdout)
    assert [one["target"] for one in made["claims"]] == [
        "linear+pay.py::fee",
        "pay.py::rule+second-price",
        "pay.py::rule+other.py::fee",
        "linear+pay.py::fee(share=2)",
    ]
    assert {(one["outcome"], one["source"]) for one in made["claims"]} == {("pass", "lock")}


def test_a_test_is_emitted_for_a_payment_of_a_file(command: Command) -> None:
    targets = ["linear+pay.py::fee(share=2)", "pay.py::rule+other.py::fee(share=3)"]
    asked = ["--property", "individually-rational", "--emit-test", "c++/test_fees.py"]
    done = command("verify", *targets, *asked)
    assert (done.returncode, done.stderr) == (
        1,
        "tokenauction: wrote 2 tests to c++/test_fees.py\n",
    )
    text = Path("c++/test_fees.py").read_text()
    assert '"linear+" + str(HERE / "../pay.py::fee(share=2)"),' in text
    assert 'str(HERE / "../pay.py::rule+") + str(HERE / "../other.py::fee(share=3)"),' in text
    names: dict[str, Any] = {"__file__": str(Path("c++/test_fees.py").resolve())}
    exec(compile(text, "test_fees.py", "exec"), names)
    for name in ("test_linear_fee_share_2", "test_rule_fee_share_3"):
        with pytest.raises(AssertionError, match="individually-rational fails for fee"):
            names[f"{name}_individually_rational"]()
