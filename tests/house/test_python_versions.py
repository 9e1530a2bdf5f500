"""What newer versions of Python do in another way, and users write for them."""

import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace

from tokenauction.mechanisms import Mechanism, PaymentRule, aggregation_rule, linear
from tokenauction.mechanisms.opinion_pool import OpinionPool
from tokenauction.proofs.core.runs.code_constants import numbers_in
from tokenauction.proofs.deciding.verifier import verify
from tokenauction.proofs.loading.files import load_file
from tokenauction.proofs.loading.named import load_targets, properties_in
from tokenauction.proofs.results.verdict import Proved
from tokenauction.theory import PreferenceOrder, RuleProperty

LAZY = dedent("""\
    from typing import TYPE_CHECKING
    from array_api_compat import array_namespace
    from tokenauction.mechanisms import (
        Distribution, Mechanism, aggregation_rule, linear, linear_pool, payment_rule,
    )
    from tokenauction.theory import preference_order, rule_property

    if TYPE_CHECKING:
        from numpy.typing import NDArray


    @aggregation_rule
    def house(bids: NDArray, dists: NDArray, own: Distribution, share: NDArray = 1) -> NDArray:
        xp = array_namespace(bids, dists)
        return (share * own + xp.matmul(bids, dists)) / (share + xp.sum(bids))


    @linear_pool
    def squares(bids: NDArray, *, scale: NDArray = 2) -> NDArray:
        return scale * bids**2


    @payment_rule
    def half(bids: NDArray, dists: NDArray) -> NDArray:
        return bids / 2


    @preference_order
    def likes(preferred: NDArray, better: NDArray, worse: NDArray) -> NDArray:
        return better[0] >= worse[0]


    @rule_property
    def positive(rule: NDArray, bids: NDArray, dists: NDArray) -> NDArray:
        return rule(bids, dists)[0] >= 0


    mechanism = Mechanism(linear, half)
    """)


@pytest.fixture(params=["", "from __future__ import annotations\n"])
def lazy(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file whose annotations name what is there for type checkers alone."""
    if not request.param and sys.version_info < (3, 14):
        # Python itself looks annotations up as it runs such a file.
        request.param = "from __future__ import annotations\n"
    text = LAZY.replace(", own: Distribution", "").replace("share * own + ", "")
    # Annotations that are texts are looked up all at once, or not at all.
    written = LAZY if not request.param else text
    path = tmp_path / "lazy.py"
    path.write_text(request.param + written, "utf-8")
    return str(path)


def test_annotations_for_type_checkers_alone(lazy: str) -> None:
    file: Any = load_file(lazy)
    assert isinstance(file.squares, OpinionPool)
    assert isinstance(file.half, PaymentRule)
    assert isinstance(file.likes, PreferenceOrder)
    assert isinstance(file.positive, RuleProperty)
    assert isinstance(file.mechanism, Mechanism)
    assert file.house.parameters == {"share": 1}
    assert file.squares.parameters == {"scale": 2}
    assert file.positive.arguments == ("rule", "bids", "dists")
    assert [one.name for one in properties_in(lazy)] == ["monotone-likes", "positive"]
    assert len(load_targets([lazy])) == 3
    assert verify(file.squares, file.positive).status == "proved"


def _helper(bids: Any) -> Any:
    return bids.shape[0] == 3 and bids[0] < 21


@aggregation_rule
def of_many_numbers(bids: Any, dists: Any, *, parameter: float = 5.5) -> Any:
    """Small numbers, large ones, those of a helper and of a function inside."""
    return sum(x for x in (7, 255, 256, 100_000) if _helper(bids)) + (lambda: dists * 13)()


def test_the_numbers_of_a_function_are_found() -> None:
    assert {3, 21, 5.5, 7, 255, 256, 100_000, 13} <= numbers_in(of_many_numbers)


@aggregation_rule
def breaks_at_seven_by_eleven(bids: Any, dists: Any) -> Any:
    """The linear rule, but at one size, which its code names as a product."""
    xp = array_namespace(bids, dists)
    if not isinstance(bids, np.ndarray) or dists.size != 77:
        return linear(bids, dists)
    return dists[0] + 0 * xp.sum(bids)


def test_a_size_that_the_code_names_is_looked_at() -> None:
    verdict = verify(breaks_at_seven_by_eleven, "monotone")
    assert not (isinstance(verdict, Proved) and verdict.scope.agents == "all")
