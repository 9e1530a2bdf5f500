"""The three tables of a sweep: their rows, and the names of their files."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)

BY_SHARE, BY_OWN_BID = "share", "own bid"
HUMP, MOVES = "hump", "moves"


@dataclass(frozen=True)
class TextRow:
    """One agent's part in one text. Payments are for the whole text, in units of the bids.

    `share` is the first agent's. `pulled` has the stretches of the text that this agent's bid
    pulled up most, as positions `from:to` of characters, separated by spaces.
    """

    scenario: str
    rule: str
    sampling: str
    share: float
    seed: int
    agent: str
    bid: float
    realised: float
    revenue: float
    tokens: int
    stopped: str
    text: str
    pulled: str


@dataclass(frozen=True)
class ProbabilityRow:
    """The probability of one token after one prefix, at one share of the first agent.

    `chosen_for` says why the token is here: `"hump"` (under some rule its curve goes beyond both
    ends the most) or `"moves"` (under some rule it moves the most). `hump` is how far this rule's
    curve goes beyond both ends, `stretch_start` and `stretch_end` are the first and the last share
    of the grid around its peak at which it is beyond.
    """

    scenario: str
    rule: str
    prefix: int
    after: str
    token: int
    piece: str
    chosen_for: str
    first: str
    second: str
    wanted_by_first: float
    wanted_by_second: float
    share: float
    probability: float
    hump: float
    stretch_start: float | None
    stretch_end: float | None


@dataclass(frozen=True)
class PaymentRow:
    """One agent's expected payment for the next token, in units of the bids, over prefixes.

    `varied` is `"share"` (`at` is the first agent's share, the total is fixed) or `"own bid"` (`at`
    is the first agent's bid, the second's is fixed). `lowest` and `highest` are over the prefixes.
    """

    scenario: str
    rule: str
    sampling: str
    varied: str
    at: float
    agent: str
    bid: float
    expected: float
    lowest: float
    highest: float
    revenue: float
    prefixes: int


Row = TextRow | ProbabilityRow | PaymentRow
FILES: dict[type, str] = {
    TextRow: "texts.csv",
    ProbabilityRow: "probabilities.csv",
    PaymentRow: "payments.csv",
}


def shown(rule: str) -> str:
    """The label of a rule in figures.

    >>> shown("log_linear")
    'log-linear'
    """
    return rule.replace("_", "-")


def grouped(rows: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """The rows by a key, in the order in which the keys come."""
    found: dict[Key, list[Item]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found
