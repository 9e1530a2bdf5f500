"""The sweep: what two agents' bids do to the text, to probabilities, and to payments.

Three tables, for demonstrations after arXiv 2310.10826. Texts and what is paid for them by the
share `λ = b_1 / (b_1 + b_2)`; probabilities of tokens after fixed prefixes by the share; expected
payments for the next token by the share, and by the first agent's bid against a fixed rival.

Prefixes are those of texts of the even split: for payments at regular steps; for probabilities the
beginning, and where some rule's curves go farthest beyond their ends, which says that they do and
not how often (that is the monitor's). Linear pools are drawn by stable sampling and by
the race, all other rules by the race alone, since stable sampling has no critical bid for them in
general; the column `sampling` says which. One seed gives the texts of all shares the same random
numbers, and under the race those of all rules.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.auction.agents import Agent, Agents, together
from tokenauction.mechanisms.auction.token_auction import TokenAuction
from tokenauction.mechanisms.experiments.curves import bids_at, shares
from tokenauction.mechanisms.experiments.sweep_parts import (
    Prefix,
    Setting,
    Texts,
    payment_rows,
    probability_rows,
    striking,
    text_rows,
)
from tokenauction.mechanisms.experiments.sweep_rows import BY_OWN_BID, BY_SHARE, FILES, Row
from tokenauction.mechanisms.experiments.tables import Tables
from tokenauction.mechanisms.opinion_pool import OpinionPool
from tokenauction.mechanisms.power_means import log_linear
from tokenauction.mechanisms.weighted_pools import linear


@dataclass(frozen=True)
class Plan:
    """What a sweep goes through. Raises ValueError for what cannot be swept.

    Texts and payments at so many `points`, probabilities at `fine_points`; the bids add up to
    `total`. Probabilities are shown after so many prefixes, of so many `tokens` for their hump, and
    of as many for how far they move. Payments are averages over so many `priced` prefixes, one at
    every `every`-th token. The first agent's `own_bids` stand against `rival_bid`.
    """

    rules: tuple[AggregationRule, ...] = (linear, log_linear)
    points: int = 21
    total: float = 2.0
    seeds: tuple[int, ...] = (0, 1, 2)
    max_tokens: int = 60
    shown: int = 6
    tokens: int = 2
    priced: int = 10
    every: int = 4
    fine_points: int = 101
    own_bids: tuple[float, ...] = tuple(k / 4 for k in range(17))
    rival_bid: float = 1.0

    def __post_init__(self) -> None:
        shares(min(self.points, self.fine_points))
        if not (self.rules and self.seeds):
            raise ValueError("a sweep needs at least one rule and one seed")
        labels = [rule.label for rule in self.rules]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"two rules of a sweep are called {label}: name each rule once")
        for name in ("max_tokens", "shown", "tokens", "priced", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        for name in ("total", "rival_bid"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is a positive number, not {getattr(self, name)}")
        if not all(0 <= bid < math.inf for bid in self.own_bids):
            raise ValueError(f"own bids are finite and not negative, not {self.own_bids}")

    @property
    def variants(self) -> tuple[tuple[AggregationRule, str], ...]:
        """Every rule with every sampling that it is drawn by."""
        return tuple((rule, sampling) for rule in self.rules for sampling in samplings_of(rule))


@dataclass(frozen=True)
class Part:
    """A finished part of a sweep: its rows, what it is, and how many of all parts are done."""

    rows: tuple[Row, ...]
    what: str
    done: int
    parts: int


def samplings_of(rule: AggregationRule) -> tuple[str, ...]:
    """The samplings that a rule is swept under: those that have a critical bid for it.

    >>> samplings_of(linear), samplings_of(log_linear)
    (('stable', 'race'), ('race',))
    """
    is_linear = isinstance(rule, OpinionPool) and not rule.logarithmic
    return ("stable", "race") if is_linear else ("race",)


def sweep(
    scenario: str, agents: Agents | Sequence[Agent], prompt: str = "", plan: Plan | None = None
) -> Iterator[Part]:
    """The parts of a sweep, each when it is finished; `scenario` is its name in the tables.

    Raises at once: ValueError where there are not two agents, TypeError for a rule that cannot run.
    Raises at a part: what settling a token raises (NotMonotone, NotConverged, BadDistribution).
    """
    plan, setting = plan or Plan(), Setting(scenario, together(agents), prompt)
    names = setting.agents.names
    if len(names) != 2:
        raise ValueError(
            f"a share is between two agents, and {scenario} has {len(names)}: {', '.join(names)}"
        )
    auctions = [
        TokenAuction(setting.agents, rule, sampling=sampling, expected=False)
        for rule, sampling in plan.variants
    ]
    return _parts(setting, plan, auctions)


def save(parts: Iterator[Part], folder: str | Path) -> Iterator[Part]:
    """Write a sweep into `texts.csv`, `probabilities.csv` and `payments.csv` of a folder.

    A part is in the files when it is handed on, so an interrupted sweep keeps what was finished.
    Raises FileExistsError where one of the files has something in it, and OSError.
    """
    with Tables(folder, FILES) as tables:
        for part in parts:
            tables.append(part.rows)
            yield part


def _parts(setting: Setting, plan: Plan, auctions: Sequence[TokenAuction]) -> Iterator[Part]:
    even = Texts(setting, auctions[0], bids_at(0.5, plan.total), plan.seeds, plan.max_tokens)
    shown = striking(even.prefixes(), plan.rules, shares(plan.points), plan.shown)
    priced = tuple(islice(even.prefixes(), 0, plan.every * plan.priced, plan.every))
    work = [
        *_texts(setting, plan, auctions),
        *_probabilities(setting, plan, shown),
        *_payments(setting, plan, priced),
    ]
    for done, (what, rows) in enumerate(work, 1):
        yield Part(rows(), what, done, len(work))


Work = Iterator[tuple[str, Callable[[], tuple[Row, ...]]]]


def _texts(setting: Setting, plan: Plan, auctions: Sequence[TokenAuction]) -> Work:
    for auction in auctions:
        for share in shares(plan.points):
            bids = bids_at(share, plan.total)
            for seed in plan.seeds:
                yield (
                    f"text, {auction.terms.rule.label}, share {share:.3g}",
                    partial(text_rows, setting, auction, share, bids, seed, plan.max_tokens),
                )


def _probabilities(setting: Setting, plan: Plan, prefixes: Sequence[Prefix]) -> Work:
    along = shares(plan.fine_points)
    for prefix in prefixes:
        yield (
            f"probabilities, prefix {prefix.number + 1} of {len(prefixes)}",
            partial(probability_rows, setting, plan.rules, prefix, along, plan.tokens),
        )


def _payments(setting: Setting, plan: Plan, prefixes: Sequence[Prefix]) -> Work:
    by_share = [(BY_SHARE, at, bids_at(at, plan.total)) for at in shares(plan.points)]
    by_own_bid = [(BY_OWN_BID, at, (at, plan.rival_bid)) for at in plan.own_bids]
    for rule, sampling in plan.variants:
        for varied, at, bids in (*by_share, *by_own_bid):
            yield (
                f"payments, {rule.label}, {varied} {at:.3g}",
                partial(payment_rows, setting, rule, sampling, varied, at, bids, prefixes),
            )
