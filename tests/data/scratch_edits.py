"""What a team might do to the rules in `scratch/`: refactorings, and edits that break a promise.

An edit names the property that it breaks and what a counterexample to it has to show. The texts are
what a person would write; none was chosen to be easy for the checker.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent / "scratch"
FILES = ("pyproject.toml", "rules.py", "weights.py")

Counterexample = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """A piece of a file, and what takes its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class BreakingEdit:
    """An edit of one target that breaks one of its properties.

    `shows` is what a counterexample has to show beyond breaking the property, so that a person who
    reads it sees the mistake. `in_fractions` says whether the function as edited computes with
    fractions: it has no decimals, logarithms and exponentials.
    """

    name: str
    target: str
    property: str
    shows: Callable[[Counterexample], bool]
    change: Change
    in_fractions: bool = True


@dataclass(frozen=True)
class Refactoring:
    """An edit after which every function computes what it computed before."""

    name: str
    changes: tuple[Change, ...]


def apply(changes: Iterable[Change], folder: Path) -> None:
    """Change a copy of the project; raises ValueError where a piece is not there exactly once."""
    for change in changes:
        place = folder / change.file
        text = place.read_text("utf-8")
        if text.count(change.old) != 1:
            raise ValueError(f"{change.old!r} is in {change.file} {text.count(change.old)} times")
        place.write_text(text.replace(change.old, change.new), "utf-8")


def _bids(example: Counterexample) -> list[Fraction]:
    return [Fraction(bid) for bid in example["bids"]]


def _raised(example: Counterexample) -> Fraction:
    return Fraction(example["raised_bid"])


def _own_bid(example: Counterexample) -> Fraction:
    return _bids(example)[example["agent"]]


def _rivals(example: Counterexample) -> bool:
    """A raise from below by an agent that is not alone."""
    return len(example["bids"]) > 1 and _raised(example) > _own_bid(example)


def _sum_is_not_one(example: Counterexample) -> bool:
    return sum(map(Fraction, example["aggregates"][0])) != 1


def _token_that_nobody_wants(example: Counterexample) -> bool:
    weighted = zip(_bids(example), example["dists"], strict=True)
    offered = [[bid * Fraction(p) for p in row] for bid, row in weighted]
    return bool(example["undefined"]) and any(
        not any(column) for column in zip(*offered, strict=True)
    )


def _who_bids_zero_matters(example: Counterexample) -> bool:
    return _own_bid(example) == 0 and example["aggregates"][0] != example["aggregates"][1]


_SHARE = """\
    mixed = xp.matmul(bids, dists)
    return mixed / xp.sum(bids)
"""
_CAPPED = "    weights = exposure(bids, highest)\n"
_CAPPED_POOL = "    return xp.matmul(weights, dists) / xp.sum(weights)\n"
_SUMMED_POOL = "    return xp.sum(weights[:, None] * dists, axis=0) / xp.sum(weights)\n"
_IMPORT = "from weights import above_reserve "
_HELPER = """


def exposure(bids, highest):
    xp = array_namespace(bids)
    return xp.minimum(bids, xp.asarray(highest, dtype=bids.dtype))


@aggregation_rule
def share_of_voice"""

EDITS = (
    BreakingEdit(
        "sharpened after mixing",
        "share_of_voice",
        "monotone",
        _rivals,
        Change(
            "rules.py",
            _SHARE,
            "    mixed = xp.matmul(bids, dists) ** 2\n    return mixed / xp.sum(mixed)\n",
        ),
    ),
    BreakingEdit(
        "only the two likeliest tokens",
        "share_of_voice",
        "monotone",
        lambda example: _rivals(example) and len(example["dists"][0]) > 2,
        Change(
            "rules.py",
            _SHARE,
            """\
    mixed = xp.matmul(bids, dists)
    kept = xp.where(mixed >= xp.sort(mixed)[-2:][0], mixed, 0)
    return kept / xp.sum(kept)
""",
        ),
    ),
    BreakingEdit(
        "divided by the number of agents",
        "share_of_voice",
        "distribution",
        lambda example: _sum_is_not_one(example) and sum(_bids(example)) != len(example["bids"]),
        Change(
            "rules.py", "    return mixed / xp.sum(bids)\n", "    return mixed / bids.shape[0]\n"
        ),
    ),
    BreakingEdit(
        "log-sum-exp for stability",
        "share_of_voice",
        "distribution",
        _token_that_nobody_wants,
        Change(
            "rules.py",
            "    mixed = xp.matmul(bids, dists)\n",
            """\
    logs = xp.log(bids[:, None] * dists)
    top = xp.max(logs, axis=0)
    mixed = xp.exp(top) * xp.sum(xp.exp(logs - top), axis=0)
""",
        ),
    ),
    BreakingEdit(
        "diminishing returns of one's share",
        "share_of_voice",
        "monotone",
        lambda example: _rivals(example) and len(example["bids"]) > 2,
        Change(
            "rules.py",
            _SHARE,
            """\
    shares = bids / xp.sum(bids)
    weights = shares * (1 - shares / 2)
    return xp.matmul(weights, dists) / xp.sum(weights)
""",
        ),
    ),
    BreakingEdit(
        "from four agents on, bids count above the lowest",
        "share_of_voice",
        "distribution",
        lambda example: len(example["bids"]) > 3 and len(set(example["bids"])) == 1,
        Change(
            "rules.py",
            "    mixed = xp.matmul(bids, dists)\n",
            """\
    if bids.shape[0] > 3:
        bids = bids - xp.min(bids)
    mixed = xp.matmul(bids, dists)
""",
        ),
    ),
    BreakingEdit(
        "the cap is a floor",
        "campaign",
        "no-bid-no-influence",
        _who_bids_zero_matters,
        Change("weights.py", "xp.minimum(bids", "xp.maximum(bids"),
    ),
    BreakingEdit(
        "softmax in place of the bids",
        "campaign",
        "no-bid-no-influence",
        _who_bids_zero_matters,
        Change("rules.py", _CAPPED, "    weights = xp.exp(exposure(bids, highest))\n"),
        in_fractions=False,
    ),
    BreakingEdit(
        "ten per cent off above a bid of five",
        "campaign",
        "monotone",
        lambda example: _own_bid(example) <= 5 < _raised(example),
        Change(
            "rules.py",
            _CAPPED,
            _CAPPED + "    weights = xp.where(bids > 5, 0.9 * weights, weights)\n",
        ),
        in_fractions=False,
    ),
    BreakingEdit(
        "weights are ranks",
        "campaign",
        "monotone",
        lambda example: _rivals(example) and len(example["bids"]) > 2,
        Change(
            "rules.py",
            _CAPPED,
            """\
    capped = exposure(bids, highest)
    at_most = xp.astype(capped[None, :] <= capped[:, None], bids.dtype)
    weights = xp.sum(at_most, axis=1)
""",
        ),
    ),
    BreakingEdit(
        "weights are whole numbers",
        "campaign",
        "distribution",
        lambda example: bool(example["undefined"]) and all(bid < 1 for bid in _bids(example)),
        Change(
            "rules.py",
            _CAPPED,
            "    weights = xp.astype(exposure(bids, highest), xp.int64)\n",
        ),
    ),
    BreakingEdit(
        "the output is capped, and not normalised again",
        "house_voice",
        "distribution",
        _sum_is_not_one,
        Change(
            "rules.py",
            "    return (weight * model + xp.matmul(bids, dists)) / total",
            "    return xp.minimum((weight * model + xp.matmul(bids, dists)) / total, 0.5)",
        ),
        in_fractions=False,
    ),
    BreakingEdit(
        "the test for nobody above the reserve is always true",
        "reserved",
        "distribution",
        lambda example: bool(example["undefined"]) and max(_bids(example)) <= 1,
        Change("weights.py", "xp.sum(above) > 0", "xp.sum(above) >= 0"),
    ),
    BreakingEdit(
        "the distance from the reserve, either side",
        "reserved",
        "monotone",
        lambda example: _rivals(example) and _own_bid(example) < 1,
        Change(
            "weights.py",
            "above = xp.maximum(bids - reserve_price, xp.zeros_like(bids))",
            "above = xp.abs(bids - reserve_price)",
        ),
    ),
    BreakingEdit(
        "the last agent is left out",
        "reserved",
        "anonymous",
        lambda example: example["agent_order"] != sorted(example["agent_order"]),
        Change(
            "rules.py",
            _SUMMED_POOL,
            "    return xp.matmul(weights[:-1], dists[:-1, :]) / xp.sum(weights[:-1])\n",
        ),
    ),
    BreakingEdit(
        "the house's weight is not in the total",
        "house_voice",
        "distribution",
        _sum_is_not_one,
        Change("rules.py", "    total = weight + xp.sum(bids)\n", "    total = xp.sum(bids)\n"),
    ),
    BreakingEdit(
        "the house matches the highest bid",
        "house_voice",
        "monotone",
        lambda example: _rivals(example) and _raised(example) > max(_bids(example)),
        Change(
            "rules.py",
            "    total = weight + xp.sum(bids)\n",
            "    weight = xp.max(bids)\n    total = weight + xp.sum(bids)\n",
        ),
    ),
    BreakingEdit(
        "charges the bid",
        "auction",
        "critical-bid",
        lambda example: list(example["bids"]) in example["payments"],
        Change(
            "rules.py",
            "    return distance * (others * xp.log1p(bids / rivals)"
            " - bids * others / (bids + rivals))\n",
            "    return xp.asarray(bids, copy=True)\n",
        ),
    ),
    BreakingEdit(
        "twice the price",
        "auction",
        "critical-bid",
        _rivals,
        Change(
            "rules.py",
            "xp.sum(xp.abs(dists - mean), axis=1) / 2",
            "xp.sum(xp.abs(dists - mean), axis=1)",
        ),
        in_fractions=False,
    ),
    BreakingEdit(
        "no case for an agent without rivals",
        "auction",
        "individually-rational",
        lambda example: bool(example["undefined"]) and max(_bids(example)) == sum(_bids(example)),
        Change(
            "rules.py",
            "    rivals = xp.where(others > 0, others, xp.ones_like(others))\n",
            "    rivals = others\n",
        ),
    ),
    BreakingEdit(
        "a faster formula, right to first order",
        "auction",
        "critical-bid",
        _rivals,
        Change("rules.py", "xp.log1p(bids / rivals)", "bids / rivals"),
    ),
)

REFACTORINGS = (
    Refactoring(
        "renamed variables",
        (
            Change(
                "rules.py",
                _SHARE,
                "    blend = xp.matmul(bids, dists)\n    return blend / xp.sum(bids)\n",
            ),
            Change(
                "weights.py",
                """\
    above = xp.maximum(bids - reserve_price, xp.zeros_like(bids))
    return xp.where(xp.sum(above) > 0, above, xp.ones_like(above))
""",
                """\
    surplus = xp.maximum(bids - reserve_price, xp.zeros_like(bids))
    return xp.where(xp.sum(surplus) > 0, surplus, xp.ones_like(surplus))
""",
            ),
        ),
    ),
    Refactoring(
        "comments, docstrings and layout",
        (
            Change(
                "rules.py",
                "    weighted = bids[:, None] * dists\n",
                "    # One row a brand.\n    weighted = (bids[:, None]\n        * dists)\n",
            ),
            Change("rules.py", "The rules of a small ad network", "What a small ad network runs"),
            Change("weights.py", '"""How much say a bid buys."""\n', "# What a bid buys\n\n\n"),
        ),
    ),
    Refactoring(
        "terms in another order",
        (
            Change("rules.py", "weight + xp.sum(bids)", "xp.sum(bids) + weight"),
            Change(
                "rules.py",
                "(weight * model + xp.matmul(bids, dists))",
                "(xp.matmul(bids, dists) + model * weight)",
            ),
            Change("rules.py", "distance * (others", "-distance * (-others"),
            Change("rules.py", "- bids * others / (bids", "+ others * bids / (bids"),
        ),
    ),
    Refactoring(
        "products of matrices for sums, and sums for products",
        (
            Change("rules.py", _SUMMED_POOL, "    return weights @ dists / weights.sum()\n"),
            Change("rules.py", _CAPPED_POOL, _SUMMED_POOL),
        ),
    ),
    Refactoring(
        "weights normalised first",
        (
            Change(
                "rules.py",
                _SHARE,
                "    shares = bids / xp.sum(bids)\n    return xp.matmul(shares, dists)\n",
            ),
        ),
    ),
    Refactoring(
        "a helper moved to the rules",
        (
            Change("rules.py", "from weights import above_reserve, exposure ", _IMPORT),
            Change("rules.py", "\n\n@aggregation_rule\ndef share_of_voice", _HELPER),
        ),
    ),
    Refactoring(
        "the condition turned round",
        (
            Change(
                "weights.py",
                "xp.where(xp.sum(above) > 0, above, xp.ones_like(above))",
                "xp.where(xp.sum(above) <= 0, xp.ones_like(above), above)",
            ),
            Change(
                "rules.py",
                "xp.where(others > 0, others, xp.ones_like(others))",
                "xp.where(others <= 0, xp.ones_like(others), others)",
            ),
        ),
    ),
    Refactoring(
        "type hints with a name of their own",
        (
            Change(
                "weights.py", "import array_namespace\n", "import array_namespace\n\nArray = Any\n"
            ),
            Change(
                "weights.py",
                "def exposure(bids: Any, highest: Any) -> Any:",
                "def exposure(bids: Array, highest: float) -> Array:",
            ),
        ),
    ),
    Refactoring(
        "where for the cap",
        (
            Change(
                "weights.py",
                "xp.minimum(bids, xp.asarray(highest, dtype=bids.dtype))",
                "xp.where(bids < highest, bids, xp.asarray(highest, dtype=bids.dtype))",
            ),
        ),
    ),
)

_CAP = "xp.minimum(bids, xp.asarray(highest, dtype=bids.dtype))"
_RESERVE = "above = xp.maximum(bids - reserve_price, xp.zeros_like(bids))"


def _written(name: str, file: str, old: str, *new: str) -> Refactoring:
    return Refactoring(name, tuple(Change(file, old, one) for one in new))


# Other texts whose canonical forms differ: only a proof tells that these are the same functions.
REWRITINGS = (
    _written(
        "half the sum less the distance",
        "weights.py",
        _CAP,
        "(bids + highest - xp.abs(bids - highest)) / 2",
    ),
    _written(
        "what is above taken off from above",
        "weights.py",
        _CAP,
        "highest - xp.maximum(highest - bids, xp.zeros_like(bids))",
    ),
    _written(
        "less the excess",
        "weights.py",
        _CAP,
        "bids - xp.where(bids >= highest, bids - highest, 0.0)",
    ),
    _written(
        "in units of the cap", "weights.py", _CAP, "xp.minimum(bids / highest, xp.ones_like(bids))"
    ),
    _written(
        "masks of both sides",
        "weights.py",
        _CAP,
        "bids * (bids <= highest) + highest * (bids > highest)",
    ),
    _written(
        "a clip that never bites below",
        "weights.py",
        _CAP,
        "xp.where(bids < 0, 0.0, xp.where(bids > highest, float(highest), bids))",
    ),
    _written(
        "the reserve by masks",
        "weights.py",
        _RESERVE,
        "above = (bids - reserve_price) * (bids > reserve_price)",
    ),
    _written(
        "the reserve by distances",
        "weights.py",
        _RESERVE,
        "above = (xp.abs(bids - reserve_price) + bids - reserve_price) / 2",
    ),
    _written(
        "the reserve taken off the larger of both",
        "weights.py",
        _RESERVE,
        "above = xp.where(bids > reserve_price, bids, xp.full_like(bids, reserve_price))"
        " - reserve_price",
    ),
    _written(
        "the reserve, doubled",
        "weights.py",
        _RESERVE,
        "above = xp.where(bids >= reserve_price, 2 * bids - 2 * reserve_price, 0.0) / 2",
    ),
    _written(
        "the mean in two parts",
        "rules.py",
        "    return (weight * model + xp.matmul(bids, dists)) / total",
        "    own = weight / (weight + xp.sum(bids))\n"
        "    rest = xp.matmul(bids, dists) / xp.sum(bids)\n"
        "    return own * model + (1 - own) * rest",
    ),
    _written(
        "distances without an absolute value",
        "rules.py",
        "distance = xp.sum(xp.abs(dists - mean), axis=1) / 2",
        "gap = dists - mean\n    distance = xp.sum(xp.where(gap < 0, -gap, gap), axis=1) / 2",
    ),
)
