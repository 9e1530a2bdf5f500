"""The auction as it runs: token by token, agents bid, one text comes out, each agent pays.

Definition (after arXiv 2310.10826): a token auction applies its rule and its payment to the current
distributions only; the bids stay fixed over the text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.auction.agents import Agent, Agents, together
from tokenauction.mechanisms.auction.bidding import Bids
from tokenauction.mechanisms.auction.inputs import (
    HostArray,
    checked_bids,
    checked_distributions,
    host_view,
)
from tokenauction.mechanisms.auction.own_odds import NotMonotone
from tokenauction.mechanisms.auction.randomness import fresh_seed, step_secret
from tokenauction.mechanisms.auction.settlement import CRITICAL_BID, Settlement, Terms
from tokenauction.mechanisms.auction.vocabulary import Vocabulary
from tokenauction.mechanisms.payment_rule import PaymentRule

END_OF_TEXT = "end of text"
MOST_TOKENS = "most tokens"
CONTEXT_LIMIT = "context limit"


@dataclass(frozen=True)
class Step:
    """One token of a run: its number from zero, its text, the settlement, and what was known.

    `dists` are the preferred distributions that were pooled, shape (agents, tokens), where the
    agents put them: a torch tensor stays on its device, and on the host is a NumPy array.
    `stopped` says why the text ends here.
    """

    number: int
    piece: str
    settlement: Settlement
    dists: Any
    stopped: str | None = None

    def without_arrays(self) -> "Step":
        """The same without the distributions and the aggregate, which are most of its size."""
        return replace(self, dists=None, settlement=replace(self.settlement, aggregate=None))


@dataclass(frozen=True)
class Outcome:
    """A finished run. Totals have shape (agents,), in units of the bids."""

    names: tuple[str, ...]
    bids: HostArray
    seed: int
    text: str
    steps: tuple[Step, ...]
    stopped: str

    @property
    def realised(self) -> HostArray:
        """What every agent pays for the text."""
        return _sum([step.settlement.realised for step in self.steps])

    @property
    def expected(self) -> HostArray:
        """The sum of the expected payments along the text that was drawn."""
        each = [step.settlement.expected for step in self.steps]
        known = [payments for payments in each if payments is not None]
        if len(known) < len(each):
            raise ValueError("this auction was run with expected=False")
        return _sum(known)

    @property
    def revenue(self) -> float:
        """The sum of what is paid."""
        return float(self.realised.sum())


class TokenAuction:
    """Agents, a rule, a payment and a sampling.

    `agents` is a sequence of agents of their own, or a group that shares forward passes. `payment`
    is a payment rule, `"critical-bid"` or `"none"`; `sampling` is `"stable"` or `"race"`;
    `expected=False` leaves the expected payments out.

    Raises VocabularyMismatch, TypeError for terms that do not exist, ValueError without agents.

    >>> from tokenauction.mechanisms import linear
    >>> from tokenauction.mechanisms.auction import FixedAgent, TokenAuction, Vocabulary
    >>> words = Vocabulary(("<end>", "sea ", "sky "), frozenset({0}))
    >>> agents = [FixedAgent("A", words, (0.2, 0.8, 0)), FixedAgent("B", words, (0.2, 0, 0.8))]
    >>> outcome = TokenAuction(agents, linear).run("", bids=[3, 1], max_tokens=4, seed=4)
    >>> outcome.text, outcome.stopped
    ('sea sky sea sea ', 'most tokens')
    """

    def __init__(
        self,
        agents: Agents | Sequence[Agent],
        rule: AggregationRule,
        payment: PaymentRule | str = CRITICAL_BID,
        sampling: str = "stable",
        *,
        expected: bool = True,
    ) -> None:
        self.agents = together(agents)
        self.terms = Terms(rule, payment, sampling, expected)
        self.terms.check_tokens(len(self.vocabulary))

    @property
    def names(self) -> tuple[str, ...]:
        """The agents' names."""
        return self.agents.names

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary that they share."""
        return self.agents.vocabulary

    @property
    def descriptions(self) -> tuple[Mapping[str, str], ...]:
        """What the agents are."""
        return self.agents.descriptions

    def stream(
        self, prompt: str, bids: Sequence[float], max_tokens: int, seed: int
    ) -> Iterator[Step]:
        """The steps of a run as they happen.

        Raises BadBids at once; BadDistribution, NotMonotone and NotConverged at the token.
        """
        values = checked_bids(bids, self.names)
        if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
            raise ValueError(f"max_tokens is a whole number from one, not {max_tokens!r}")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"a seed is a whole number from zero, not {seed!r}")
        if not isinstance(prompt, str):
            raise TypeError(f"a prompt is text, not {prompt!r}")
        return self._steps(prompt, Bids(self.terms.rule, values), max_tokens, seed)

    def _steps(self, prompt: str, bids: Bids, most: int, seed: int) -> Iterator[Step]:
        session = self.agents.open(prompt)
        vocabulary = self.vocabulary
        for number in range(most):
            dists = checked_distributions(
                host_view(session.distributions()),
                self.names,
                len(vocabulary),
                self.terms.positive,
            )
            try:
                settlement = self.terms.settle(bids, dists, step_secret(seed, number))
            except NotMonotone as problem:
                raise problem.named(self.names, vocabulary.pieces) from None
            room = session.room
            stopped = None
            if settlement.token in vocabulary.end:
                stopped = END_OF_TEXT
            elif number + 1 == most:
                stopped = MOST_TOKENS
            elif room is not None and room < 1:
                stopped = CONTEXT_LIMIT
            piece = "" if stopped == END_OF_TEXT else vocabulary.pieces[settlement.token]
            yield Step(number, piece, settlement, dists, stopped)
            if stopped:
                return
            session.append(settlement.token)

    def run(
        self,
        prompt: str,
        bids: Sequence[float],
        max_tokens: int = 100,
        seed: int | None = None,
    ) -> Outcome:
        """One whole text; without a seed, a fresh one. Raises what `stream` raises.

        Every step keeps its distributions, `(agents, tokens)` numbers: stream long texts of large
        vocabularies, and keep `Step.without_arrays()`.
        """
        seed = fresh_seed() if seed is None else seed
        steps = tuple(self.stream(prompt, bids, max_tokens, seed))
        return self.outcome(bids, seed, steps)

    def outcome(self, bids: Sequence[float], seed: int, steps: Sequence[Step]) -> Outcome:
        """The steps of a stream as an outcome; raises ValueError without any."""
        if not steps:
            raise ValueError("a run without a token has no outcome")
        return Outcome(
            names=self.names,
            bids=checked_bids(bids, self.names),
            seed=seed,
            text=self.vocabulary.decode([step.settlement.token for step in steps]),
            steps=tuple(steps),
            stopped=steps[-1].stopped or "interrupted",
        )


def _sum(payments: Sequence[HostArray]) -> HostArray:
    total: HostArray = np.sum(np.stack(payments), axis=0)
    return total
