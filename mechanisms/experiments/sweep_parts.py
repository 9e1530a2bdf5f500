"""The parts of a sweep, a function each: one text, one prefix's probabilities, one pair of bids.

All functions return rows; what is common to a sweep is in `Setting`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.auction.agents import Agents
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.inputs import FLOOR, arithmetic_of, on_host
from tokenauction.mechanisms.auction.settlement import SAMPLINGS
from tokenauction.mechanisms.auction.token_auction import TokenAuction
from tokenauction.mechanisms.experiments.curves import (
    ROUNDING,
    Reach,
    curves,
    most,
    reach,
    stretch,
)
from tokenauction.mechanisms.experiments.pullers import puller
from tokenauction.mechanisms.experiments.sweep_rows import (
    HUMP,
    MOVES,
    PaymentRow,
    ProbabilityRow,
    TextRow,
)


@dataclass(frozen=True)
class Setting:
    """The name of a scenario, its two agents, and the beginning of their texts."""

    scenario: str
    agents: Agents
    prompt: str


@dataclass(frozen=True)
class Prefix:
    """A prefix of a text, and what the agents want after it, shape (agents, tokens)."""

    number: int
    text: str
    dists: Any


def text_rows(
    setting: Setting,
    auction: TokenAuction,
    share: float,
    bids: Sequence[float],
    seed: int,
    max_tokens: int,
) -> tuple[TextRow, ...]:
    """One text, and what is paid for it. Raises what a run raises."""
    paid, tokens, pullers, stopped = np.zeros(len(bids)), [], [], ""
    for step in auction.stream(setting.prompt, bids, max_tokens, seed):
        paid += step.settlement.realised
        tokens.append(step.settlement.token)
        pullers.append(puller(step.settlement.pulls))
        stopped = step.stopped or ""
    decode = setting.agents.vocabulary.decode
    ends = [len(decode(tokens[:k])) for k in range(len(tokens) + 1)]
    return tuple(
        TextRow(
            scenario=setting.scenario,
            rule=auction.terms.rule.label,
            sampling=auction.terms.sampling,
            share=share,
            seed=seed,
            agent=name,
            bid=float(bids[i]),
            realised=float(paid[i]),
            revenue=float(paid.sum()),
            tokens=len(tokens),
            stopped=stopped,
            text=decode(tokens),
            pulled=_spans([puller == i for puller in pullers], ends),
        )
        for i, name in enumerate(setting.agents.names)
    )


def _spans(own: Sequence[bool], ends: Sequence[int]) -> str:
    """The stretches of own tokens as positions `from:to`, neighbours joined."""
    spans: list[list[int]] = []
    for mine, start, end in zip(own, ends, ends[1:], strict=False):
        if not mine or end <= start:
            continue
        if spans and spans[-1][1] == start:
            spans[-1][1] = end
        else:
            spans.append([start, end])
    return " ".join(f"{start}:{end}" for start, end in spans)


@dataclass(frozen=True)
class Texts:
    """Texts of one auction at one pair of bids, a seed each."""

    setting: Setting
    auction: TokenAuction
    bids: Sequence[float]
    seeds: Sequence[int]
    max_tokens: int

    def prefixes(self) -> Iterator[Prefix]:
        """Every prefix of every text once, one at a time, numbered in this order.

        Probabilities of zero are raised to 1e-30, which every rule can work with.
        """
        seen: set[tuple[int, ...]] = set()
        setting = self.setting
        for seed in self.seeds:
            tokens: list[int] = []
            for step in self.auction.stream(setting.prompt, self.bids, self.max_tokens, seed):
                if tuple(tokens) not in seen:
                    xp = array_namespace(step.dists)
                    positive = xp.maximum(step.dists, xp.full_like(step.dists, FLOOR))
                    text = setting.prompt + setting.agents.vocabulary.decode(tokens)
                    yield Prefix(len(seen), text, positive)
                    seen.add(tuple(tokens))
                tokens.append(step.settlement.token)


def striking(
    prefixes: Iterable[Prefix],
    rules: Sequence[AggregationRule],
    along: Sequence[float],
    count: int,
) -> tuple[Prefix, ...]:
    """The first prefix, and those after which a token's curve goes farthest beyond its ends.

    At most so many prefixes, each for another token, largest hump first.
    """
    remaining = iter(prefixes)
    first = next(remaining)
    best: dict[int, tuple[float, Prefix]] = {}
    for prefix in remaining:
        hump = _highest([reach(rule, prefix.dists, along).hump for rule in rules])
        token = int(array_namespace(hump).argmax(hump))
        if float(hump[token]) > best.get(token, (0.0, prefix))[0]:
            best[token] = (float(hump[token]), prefix)
        if len(best) > count:
            del best[min(best, key=lambda token: best[token][0])]
    ranked = sorted(best.values(), key=lambda found: -found[0])
    return (first, *(prefix for _, prefix in ranked[: count - 1]))


def probability_rows(
    setting: Setting,
    rules: Sequence[AggregationRule],
    prefix: Prefix,
    along: Sequence[float],
    count: int,
) -> tuple[ProbabilityRow, ...]:
    """The same chosen tokens under every rule, at the shares `along`."""
    dists, rounding = prefix.dists, ROUNDING[arithmetic_of(prefix.dists)]
    chosen = _chosen([reach(rule, dists, along) for rule in rules], count, rounding)
    first, second = setting.agents.names
    rows: list[ProbabilityRow] = []
    for rule in rules:
        values = curves(rule, dists, along, tuple(chosen)) if chosen else np.zeros((0, 0))
        for column, token in enumerate(chosen):
            beyond = stretch(values[:, column], along, rounding)
            wanted = on_host(dists[:, token])
            rows += (
                ProbabilityRow(
                    scenario=setting.scenario,
                    rule=rule.label,
                    prefix=prefix.number,
                    after=prefix.text,
                    token=token,
                    piece=setting.agents.vocabulary.pieces[token],
                    chosen_for=chosen[token],
                    first=first,
                    second=second,
                    wanted_by_first=float(wanted[0]),
                    wanted_by_second=float(wanted[1]),
                    share=share,
                    probability=float(value),
                    hump=beyond.hump,
                    stretch_start=beyond.start,
                    stretch_end=beyond.end,
                )
                for share, value in zip(along, values[:, column], strict=True)
            )
    return tuple(rows)


def _chosen(found: Sequence[Reach], count: int, bound: float) -> dict[int, str]:
    """The tokens with the largest humps under some rule, then those that move most, with why."""
    chosen: dict[int, str] = {}
    for reason, values in (
        (HUMP, _highest([one.hump for one in found])),
        (MOVES, _highest([one.moves for one in found])),
    ):
        ranked = most(values, count + len(chosen), bound)
        fresh = [token for token in ranked if token not in chosen]
        chosen |= dict.fromkeys(fresh[:count], reason)
    return chosen


def _highest(arrays: Sequence[Any]) -> Any:
    return reduce(array_namespace(*arrays).maximum, arrays)


def payment_rows(
    setting: Setting,
    rule: AggregationRule,
    sampling: str,
    varied: str,
    at: float,
    bids: Sequence[float],
    prefixes: Sequence[Prefix],
) -> tuple[PaymentRow, ...]:
    """The expected payments for the next token at one pair of bids, averaged over prefixes.

    Raises NotMonotone and NotConverged as the sampling does.
    """
    of_rule, expected = Bids(rule, np.array(bids)), SAMPLINGS[sampling].expected_payments
    each = np.stack([expected(Bidding(of_rule, prefix.dists)) for prefix in prefixes])
    mean = each.mean(axis=0)
    return tuple(
        PaymentRow(
            scenario=setting.scenario,
            rule=rule.label,
            sampling=sampling,
            varied=varied,
            at=at,
            agent=name,
            bid=float(bids[i]),
            expected=float(mean[i]),
            lowest=float(each[:, i].min()),
            highest=float(each[:, i].max()),
            revenue=float(mean.sum()),
            prefixes=len(prefixes),
        )
        for i, name in enumerate(setting.agents.names)
    )
