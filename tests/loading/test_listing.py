"""The JSON of `rules` and `properties`: of their schemas, with what is there and how to ask it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tokenauction.mechanisms import CATALOGUE, MECHANISMS, PAYMENTS
from tokenauction.proofs.loading.named import load_payment, load_property, load_targets
from tokenauction.proofs.results import report
from tokenauction.theory import DEFAULT_MECHANISM_PROPERTIES, DEFAULT_PROPERTIES, PROPERTIES

Command = Callable[..., Any]
MINE = '''
from tokenauction.mechanisms import Distribution, Mechanism, aggregation_rule, payment_rule
from tokenauction.theory import preference_order, rule_property


@aggregation_rule(support="full")
def house(bids, dists, *, model: Distribution, weight=3):
    """The house's own model counts."""
    return (weight * model + bids @ dists) / (weight + bids.sum())


@payment_rule
def fee(bids, dists, *, share=0.5):
    return share * bids


charged = Mechanism(house.with_parameters(weight=1), fee)


@rule_property(everywhere=True)
def mine(rule, bids, dists):
    """Nothing is certain."""
    return (rule(bids, dists) < 1).all()


@preference_order
def order(preferred, better, worse):
    return (better == worse).all()
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a file, in which we are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "fees.py").write_text(MINE[: MINE.index("charged")].replace("@aggregation", "#"))


def listed(command: Command, kind: str, *arguments: str) -> list[dict[str, Any]]:
    """The entries of a list, whose report is of its schema."""
    done = command(kind, *arguments, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    schema = report.schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(made)
    assert made["schema"] == f"tokenauction.{kind}/1"
    entries: list[dict[str, Any]] = made[kind]
    return entries


def test_what_is_shipped(command: Command) -> None:
    entries = listed(command, "rules")
    of_kind = {kind: [e for e in entries if e["kind"] == kind] for kind in SHIPPED}
    assert sum(map(len, of_kind.values())) == len(entries)
    for kind, shipped in SHIPPED.items():
        assert [entry["target"] for entry in of_kind[kind]] == list(shipped)
        for entry, one in zip(of_kind[kind], shipped.values(), strict=True):
            assert (entry["label"], entry["summary"]) == (one.label, one.summary)
            assert entry["support"] == one.support
            assert entry["shipped"]
            named = load_payment if kind == "payment" else lambda name: load_targets([name])[0]
            assert named(entry["target"]) == one
    [platform] = [entry for entry in entries if entry["target"] == "platform"]
    assert platform["distributions"] == ["model"]
    assert platform["parameters"] == {"weight": 1}


SHIPPED: dict[str, Any] = {"rule": CATALOGUE, "payment": PAYMENTS, "mechanism": MECHANISMS}


def test_the_rules_of_a_file(command: Command) -> None:
    own = [entry for entry in listed(command, "rules", "mine.py") if not entry["shipped"]]
    assert [(entry["target"], entry["kind"], entry["label"]) for entry in own] == [
        ("mine.py::house", "rule", "house(weight=3, model)"),
        ("mine.py::fee", "payment", "fee(share=0.5)"),
        ("mine.py::charged", "mechanism", "house(weight=1, model)+fee(share=0.5)"),
    ]
    assert own[0]["parameters"] == {"weight": 3}
    assert own[0]["distributions"] == ["model"]
    assert (own[2]["rule"], own[2]["payment"]) == ("house(weight=1, model)", "fee(share=0.5)")
    assert {Path(entry["file"]).name for entry in own} == {"mine.py"}
    fees = [entry for entry in listed(command, "rules", "fees.py") if not entry["shipped"]]
    assert [entry["target"] for entry in fees] == ["fees.py::fee"]
    named = listed(command, "rules", "mine.py::charged", "linear")
    assert [entry["target"] for entry in named[-2:]] == ["mine.py::charged", "linear"]
    assert [entry["shipped"] for entry in named[-2:]] == [False, True]


def test_the_properties(command: Command) -> None:
    entries = listed(command, "properties", "mine.py")
    own = entries[len(PROPERTIES) :]
    for entry, (name, one) in zip(entries, PROPERTIES.items(), strict=False):
        assert (entry["property"], entry["summary"]) == (name, one.summary)
        assert entry["arguments"] == list(one.arguments)
        assert entry["of"] == ("mechanisms" if one.of_mechanisms else "rules")
        assert ("rules" in entry["default_for"]) == (name in DEFAULT_PROPERTIES)
        assert ("mechanisms" in entry["default_for"]) == (name in DEFAULT_MECHANISM_PROPERTIES)
        assert entry["shipped"]
    assert [entry["property"] for entry in own] == ["mine.py::mine", "mine.py::order"]
    assert [entry["name"] for entry in own] == ["mine", "monotone-order"]
    assert [entry["everywhere"] for entry in own] == [True, False]
    for entry in own:
        assert load_property(entry["property"]).summary == entry["summary"]


@pytest.mark.parametrize("kind", ["rules", "properties"])
def test_a_list_goes_to_a_file(command: Command, kind: str) -> None:
    done = command(kind, "--format", "json", "--output", "list.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads(Path("list.json").read_text())["schema"] == f"tokenauction.{kind}/1"
    command(kind, "--output", "list.txt")
    assert Path("list.txt").read_text() == command(kind).stdout
    done = command(kind, "--output", "no/list.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no folder" in done.stderr


@pytest.mark.parametrize(
    ("kind", "message"),
    [("rules", "empty.py has no aggregation rule"), ("properties", "empty.py has no property and")],
)
def test_a_file_with_nothing_to_list(command: Command, kind: str, message: str) -> None:
    Path("empty.py").write_text("x = 1\n")
    done = command(kind, "empty.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"tokenauction: {message}")


@pytest.mark.parametrize("kind", ["rules", "properties"])
def test_a_file_that_is_not_there(command: Command, kind: str) -> None:
    done = command(kind, "none.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tokenauction: none.py: there is no such file\n"
