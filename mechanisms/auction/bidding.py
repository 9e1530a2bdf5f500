"""One token's auction as a value: the rule, the bids, the distributions, and other own bids.

Works on the arrays of NumPy and torch alike, on the device where the distributions live. Only
numbers of the size of the agents leave it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.auction.calls import called
from tokenauction.mechanisms.auction.fixed_order import (
    aligned,
    divided,
    mixture,
    sum_of_products,
)
from tokenauction.mechanisms.auction.inputs import (
    BadBids,
    BadWeights,
    HostArray,
    checked_aggregate,
    checked_weights,
    on_host,
)
from tokenauction.mechanisms.auction.own_bids import NotConverged
from tokenauction.mechanisms.auction.own_odds import NotASegment, NotMonotone, OwnOdds, own_odds
from tokenauction.mechanisms.opinion_pool import OpinionPool


@dataclass(frozen=True)
class Bids:
    """The bids of a run under a rule, with what depends on them alone: the agents' own odds.

    `odds` has one path an agent, or none at all for a rule that is not a pool with fixed shares.
    """

    rule: AggregationRule
    values: HostArray

    def as_computed(self, dists: Any) -> "Bids":
        """The bids that the rule is given with these distributions: rounded where those are.

        Otherwise the odds would tell bids apart that the rule does not. Raises BadBids for bids
        that the narrower type does not hold.
        """
        xp = array_namespace(dists)
        return self if dists.dtype == xp.float64 else self._rounded

    @cached_property
    def _rounded(self) -> "Bids":
        with np.errstate(over="ignore"):
            rounded = self.values.astype(np.float32).astype(np.float64)
            total = rounded.astype(np.float32).sum()
        if not np.isfinite(total) or not rounded.any():
            raise BadBids(f"bids of {self.values.tolist()} are beyond float32; scale them together")
        found = Bids(self.rule, rounded)
        found._check_type()
        return found

    def _check_type(self) -> None:
        """That a pool's weights are those of float32 too; raises BadWeights."""
        if isinstance(self.rule, OpinionPool):
            wide, narrow = (
                checked_weights(
                    self.rule.weights_of(self.values.astype(kind)),
                    len(self.values),
                    self.rule.label,
                )
                for kind in (np.float64, np.float32)
            )
            if not np.allclose(wide / wide.sum(), narrow / narrow.sum(), rtol=0, atol=1e-4):
                raise BadWeights(f"the weights of {self.rule.label} depend on the type of numbers")

    @cached_property
    def odds(self) -> tuple[OwnOdds, ...]:
        """The agents' paths; raises NotMonotone for a pool that a raise moves the wrong way."""
        if not isinstance(self.rule, OpinionPool):
            return ()
        try:
            return tuple(own_odds(self.rule, self.values, i) for i in range(len(self.values)))
        except NotASegment:
            return ()

    @property
    def linear(self) -> bool:
        """Whether every agent moves the aggregate along a segment."""
        return bool(self.odds) and not getattr(self.rule, "logarithmic", True)

    @property
    def logarithmic(self) -> bool:
        """Whether every agent moves the aggregate's logarithms along a segment."""
        return bool(self.odds) and bool(getattr(self.rule, "logarithmic", False))

    @cached_property
    def proportional(self) -> bool:
        """Whether the pool is linear and a bid of zero has no weight; false without odds."""
        try:
            return self.linear and all(path.at(0.0) == 0 for path in self.odds)
        except (NotMonotone, NotConverged):
            return False

    @cached_property
    def others(self) -> HostArray:
        """The others' shares among themselves, a row an agent, shape (agents, agents)."""
        return np.stack([path.others for path in self.odds])


@dataclass(frozen=True)
class Bidding:
    """Bids and preferred distributions of one token; `dists` has shape (agents, tokens)."""

    bids: Bids
    dists: Any

    @cached_property
    def precise(self) -> "Bidding":
        """The same in float64: what adaptive quadrature needs, which else chases rounding."""
        xp = array_namespace(self.dists)
        if self.dists.dtype == xp.float64:
            return self
        wide = xp.astype(self.dists, xp.float64)
        return Bidding(self.bids, divided(wide, xp.sum(wide, axis=1)))

    @property
    def agents(self) -> int:
        """How many agents there are."""
        return len(self.bids.values)

    @cached_property
    def aggregate(self) -> Any:
        """The aggregate of the rule, shape (tokens,); raises BadDistribution if it is none."""
        return self._ruled(self.bids.values)

    def at_own_bid(self, agent: int, own: float) -> Any:
        """The aggregate if one agent's bid were another, shape (tokens,).

        An own bid of zero where nobody else bids is the limit from above.
        """
        changed = self.bids.values.copy()
        changed[agent] = own
        if not changed.any():
            changed[agent] = self.bids.values[agent] * 1e-12
        return self._ruled(changed)

    @cached_property
    def of_others(self) -> Any:
        """The others' pool, seen from every agent: means, or means of logarithms where logarithmic.

        Shape (agents, tokens); for rules with odds only.
        """
        xp = array_namespace(self.dists)
        rows = xp.log(self.dists) if self.bids.logarithmic else self.dists
        return mixture(self.like_dists(self.bids.others), rows)

    def at_token(self, token: int) -> HostArray:
        """Every agent's probability of one token, shape (agents,)."""
        return on_host(self.dists[:, token])

    def without_each(self, token: int) -> HostArray:
        """The aggregate's probability of a token if an agent had bid zero, shape (agents,).

        Zero where nobody else bids.
        """
        if self.bids.proportional:
            wanted = self.at_token(token)
            return np.array([sum_of_products(shares, wanted) for shares in self.bids.others])
        alone = [not np.delete(self.bids.values, i).any() for i in range(self.agents)]
        return np.array(
            [0.0 if alone[i] else float(self.at_own_bid(i, 0.0)[token]) for i in range(self.agents)]
        )

    def like_dists(self, values: Sequence[float] | HostArray) -> Any:
        """Numbers of the host as a new array where the distributions live, aligned on the host."""
        xp = array_namespace(self.dists)
        kind, place = self.dists.dtype, device(self.dists)
        return aligned(xp.asarray(values, dtype=kind, device=place, copy=True))

    def _ruled(self, bids: HostArray) -> Any:
        found = called(self.bids.rule, self.like_dists(bids), self.dists)
        return checked_aggregate(found, self.dists.shape[1], self.bids.rule.label)
