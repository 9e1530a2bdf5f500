"""Guards the comparison part by part: forms of one function are equal, and near misses are not.

The forms are those that a person would write; a near miss differs from one in a number or a sign.
"""

from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tokenauction.mechanisms import aggregation_rule
from tokenauction.proofs.comparison.equality import compare
from tokenauction.proofs.core.faithfulness.examination import Examined
from tokenauction.proofs.core.proving import part_by_part
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.guesses import Numbers
from tokenauction.proofs.core.proving.part_by_part import PartByPart
from tokenauction.proofs.deciding.same_function import SAME_PARTS
from tokenauction.proofs.loading.files import load_file

HEAD = """\
from array_api_compat import array_namespace
from tokenauction.mechanisms import aggregation_rule

"""
RULE = """
@aggregation_rule
def {name}(bids, dists):
    xp = array_namespace(bids, dists)
    one = xp.ones_like(bids)
    weights = {weights}
    return xp.matmul(weights, dists) / xp.sum(weights)
"""
CAP = (
    "xp.minimum(bids, 10 * one)",
    "(bids + 10 - xp.abs(bids - 10)) / 2",
    "10 - xp.maximum(10 - bids, 0 * one)",
    "bids - xp.where(bids >= 10, bids - 10, 0.0)",
    "xp.minimum(bids / 10, one)",
    "bids * (bids <= 10) + 10 * (bids > 10)",
)
RESERVE = (
    "1 + xp.maximum(bids - 2, 0 * one)",
    "1 + (bids - 2) * (bids >= 2)",
    "xp.where(bids > 2, bids - 1, one)",
    "(xp.abs(bids - 2) + bids) / 2",
)
BAND = (
    "xp.minimum(xp.maximum(bids, one), 5 * one)",
    "xp.where(bids < 1, one, xp.where(bids < 5, bids, 5 * one))",
    "(bids >= 1) * (bids <= 5) * bids + (bids < 1) * one + 5 * (bids > 5)",
)
SQUARE = (
    "xp.where(bids > 1, bids * bids, bids)",
    "bids + (bids - 1) * bids * (bids > 1)",
    "xp.maximum(bids * bids, bids)",
)
FAMILIES = {"cap": CAP, "reserve": RESERVE, "band": BAND, "square": SQUARE}
NEAR_MISSES = {
    "cap": ("xp.minimum(bids, 11 * one)", "bids * (bids < 10) + 10 * (bids > 10)"),
    "reserve": ("1 + xp.maximum(bids - 3, 0 * one)", "1 + (bids - 1) * (bids > 2)"),
    "band": ("xp.minimum(bids + 1, 5 * one)", "(bids >= 1) * (bids < 5) * bids + (bids < 1) * one"),
    "square": ("xp.minimum(bids * bids, bids)", "bids + (bids - 2) * bids * (bids > 2)"),
}


def rules_of(folder: Path, weights: tuple[str, ...]) -> list[Any]:
    """One rule for each way to write its weights."""
    names = [f"form_{k}" for k in range(len(weights))]
    texts = [RULE.format(name=n, weights=w) for n, w in zip(names, weights, strict=True)]
    file = folder / "forms.py"
    file.write_text(HEAD + "".join(texts), "utf-8")
    module = load_file(str(file))
    return [getattr(module, name) for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_forms_of_one_function_are_equivalent_for_every_size(tmp_path: Path, family: str) -> None:
    rules = rules_of(tmp_path, FAMILIES[family])
    for one, other in combinations(rules, 2):
        found = compare(one, other)
        assert found.status == "equivalent", (one.name, other.name, found)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_near_miss_is_different(tmp_path: Path, family: str) -> None:
    form, *misses = rules_of(tmp_path, (FAMILIES[family][0], *NEAR_MISSES[family]))
    for miss in misses:
        assert compare(form, miss).status == "different", miss.name


def parts_of(one: Any, other: Any) -> PartByPart:
    """The comparison of two rules, part by part."""
    found = [Examined(rule).open_paths for rule in (one, other)]
    traced = [paths[0] for paths in found if not isinstance(paths, str)]
    (assumed, first), (_, second) = traced
    return PartByPart(False, one, assumed, first, second, Account())


def test_the_parts_that_are_the_same_are_told(tmp_path: Path) -> None:
    least, distance = rules_of(tmp_path, CAP[:2])
    found = compare(least, distance)
    assert found.status == "equivalent"
    assert found.evidence.method == SAME_PARTS
    (step,) = found.evidence.steps
    assert step.endswith("max(-b[j], -10), everywhere")


def test_what_is_not_defined_everywhere_is_replaced_by_nothing() -> None:
    @aggregation_rule
    def one(bids: Any, dists: Any) -> Any:
        return dists[0, :] * (bids / bids).sum() / bids.shape[0]

    @aggregation_rule
    def other(bids: Any, dists: Any) -> Any:
        return dists[0, :] * (bids * 0 + 1).sum() / bids.shape[0]

    parts = parts_of(other, one)
    parts.rewritten()
    assert parts.steps == []
    assert compare(one, other).status == "different"


@pytest.mark.parametrize("check", ["_proved", "_is_the_same"])
def test_what_is_guessed_has_to_be_proved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, check: str
) -> None:
    """Where every guess is wrong nothing is replaced, and without the proof something would be."""
    form, miss = rules_of(tmp_path, (CAP[0], "xp.minimum(bids, 1000000 * one)"))

    def always(one: Numbers, other: Numbers) -> Fraction | None:
        axes = [[index.axis for index in numbers.indices] for numbers in (one, other)]
        return Fraction(1) if axes[0] == axes[1] else None

    monkeypatch.setattr(part_by_part, "factor_between", always)
    sound = parts_of(form, miss)
    sound.rewritten()
    assert sound.steps == []
    monkeypatch.setattr(PartByPart, check, lambda *_: True)
    unsound = parts_of(form, miss)
    unsound.rewritten()
    assert unsound.steps != []


def test_indices_of_two_traces_do_not_get_mixed_up() -> None:
    """Both traces name what their sums bind alike; a part is moved between them all the same."""

    @aggregation_rule
    def one(bids: Any, dists: Any) -> Any:
        shares = abs(bids) / bids.sum()
        return (shares[:, None] * (dists * (bids.sum() + 1) - dists)).sum(0) / bids.sum()

    @aggregation_rule
    def other(bids: Any, dists: Any) -> Any:
        shares = (bids + abs(bids)) / (2 * bids.sum())
        return (dists * shares[:, None]).sum(0)

    assert compare(one, other).status == "equivalent"
