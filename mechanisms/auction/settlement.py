"""The terms of an auction, and the settlement of one token under them.

A run and its audit settle tokens with the same function: what an auditor recomputes is what ran.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.calls import called
from tokenauction.mechanisms.auction.exponential_race import ExponentialRace
from tokenauction.mechanisms.auction.inputs import HostArray, checked_payments
from tokenauction.mechanisms.auction.sampling import Sampling
from tokenauction.mechanisms.auction.stable_sampling import StableSampling
from tokenauction.mechanisms.payment_rule import PaymentRule
from tokenauction.mechanisms.profile_function import ProfileFunction

CRITICAL_BID = "critical-bid"
NO_PAYMENT = "none"
SAMPLINGS: dict[str, Sampling] = {one.name: one for one in (StableSampling(), ExponentialRace())}


@dataclass(frozen=True)
class Settlement:
    """One token and what it cost; payments and probabilities have shape (agents,).

    `aggregate` has shape (tokens,) and stays where the distributions are.
    `wanted` is every agent's own probability of the token, `pulls` how much its bid raised the
    aggregate's. `expected` is over the random numbers, None where it was not asked for.
    """

    token: int
    aggregate: Any
    probability: float
    wanted: HostArray
    pulls: HostArray
    expected: HostArray | None
    realised: HostArray


@dataclass(frozen=True)
class Terms:
    """An aggregation rule, what is charged, and how tokens are drawn.

    `payment` is a payment rule, `"critical-bid"` (the second price of the sampling: each agent pays
    the lowest bid at which the same token would have been drawn), or `"none"`.

    Raises TypeError for anything else.
    """

    rule: AggregationRule
    payment: PaymentRule | str = CRITICAL_BID
    sampling: str = "stable"
    expected: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.rule, AggregationRule):
            raise TypeError(f"the rule is an AggregationRule, not {self.rule!r}")
        if not isinstance(self.sampling, str) or self.sampling not in SAMPLINGS:
            raise TypeError(f"a sampling is one of {', '.join(SAMPLINGS)}, not {self.sampling!r}")
        if not isinstance(self.payment, PaymentRule) and self.payment not in (
            CRITICAL_BID,
            NO_PAYMENT,
        ):
            raise TypeError(
                f"a payment is a PaymentRule, {CRITICAL_BID!r} or {NO_PAYMENT!r}, "
                f"not {self.payment!r}"
            )
        for function in self.functions:
            for name in function.open_names:
                raise TypeError(function.needs(name))

    @property
    def functions(self) -> tuple[ProfileFunction, ...]:
        """The rule, and the payment rule if there is one."""
        return (self.rule,) if isinstance(self.payment, str) else (self.rule, self.payment)

    def check_tokens(self, tokens: int) -> None:
        """Raises ValueError for a parameter that is a distribution over another vocabulary."""
        for function in self.functions:
            for name, row in function.distributions.items():
                if len(row) != tokens:
                    raise ValueError(
                        f"the parameter {name!r} of {function.name} has {len(row)} tokens, and the "
                        f"vocabulary {tokens}"
                    )

    @property
    def payment_label(self) -> str:
        """The payment's name in reports."""
        return self.payment if isinstance(self.payment, str) else self.payment.label

    @property
    def positive(self) -> bool:
        """Whether the rule or the payment is defined for positive distributions only."""
        return any(function.support == "full" for function in self.functions)

    def settle(self, bids: Bids, dists: Any, secret: str) -> Settlement:
        """Draw the token of a step and charge for it; `dists` has shape (agents, tokens).

        Raises NotMonotone where the sampling has no critical bid, and NotConverged.
        """
        bidding = Bidding(bids.as_computed(dists), dists)
        token = SAMPLINGS[self.sampling].draw(bidding, secret)
        probability = float(bidding.aggregate[token])
        expected, realised = self._payments(bidding, token, secret)
        return Settlement(
            token=token,
            aggregate=bidding.aggregate,
            probability=probability,
            wanted=bidding.at_token(token),
            pulls=np.where(bidding.bids.values > 0, probability - bidding.without_each(token), 0.0),
            expected=expected,
            realised=realised,
        )

    def _payments(
        self, bidding: Bidding, token: int, secret: str
    ) -> tuple[HostArray | None, HostArray]:
        if self.payment == NO_PAYMENT:
            nothing = np.zeros(bidding.agents)
            return (nothing if self.expected else None), nothing
        if isinstance(self.payment, PaymentRule):
            found = called(self.payment, bidding.like_dists(bidding.bids.values), bidding.dists)
            charged = checked_payments(found, bidding.agents, self.payment.label)
            return (charged if self.expected else None), charged
        sampling = SAMPLINGS[self.sampling]
        realised = sampling.critical_bids(bidding, token, secret)
        return (sampling.expected_payments(bidding) if self.expected else None), realised
