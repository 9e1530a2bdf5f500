"""TRUSTED CORE. A claim: one property of one rule or mechanism, or of two functions compared.

What is asked, the calls that a formula makes of the functions, and the formula itself; formulas.py
makes them.
"""

from dataclasses import dataclass, field
from typing import Final, cast

from tokenauction.mechanisms import AggregationRule, PaymentRule, ProfileFunction
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.results.assignment import Orders
from tokenauction.proofs.results.reasons import RAISES
from tokenauction.theory import RuleProperty, distribution, no_positive_transfer

RAISED: Final = graph.scalar("raised_bid")


SCALE: Final = graph.scalar("scale")


RESULT: Final = {"tokens": graph.token("t"), "agents": graph.agent("a")}


@dataclass(frozen=True)
class Claim:
    """A rule, with a payment rule or without, and a property that they may have.

    `other` is a second function of the same kind, of which a property can ask whether it is the
    same. Where they cannot be traced, `opaque` replaces their results by variables, one for each
    number that a call returns.
    """

    rule: AggregationRule | None
    prop: RuleProperty
    opaque: bool = False
    payment: PaymentRule | None = None
    other: ProfileFunction | None = None

    @property
    def functions(self) -> tuple[ProfileFunction, ...]:
        """What the claim is about: the rule, the payment rule, or both; or two of a kind."""
        parts = {"rule": self.rule, "payment": self.payment, "other": self.other}
        wanted = [part for name, part in parts.items() if name in self.prop.arguments]
        return tuple(part for part in wanted if part is not None)

    @property
    def distributions(self) -> tuple[str, ...]:
        """The distribution parameters that are left open, by name."""
        return tuple(dict.fromkeys(name for one in self.functions for name in one.open_names))

    @property
    def positive(self) -> bool:
        """Whether the claim speaks of strictly positive distributions only."""
        parts = (self.rule, self.payment, self.other)
        return "full" in (self.prop.support, *(one.support for one in parts if one is not None))

    @property
    def withdraws_only(self) -> bool:
        """Whether the only bids that the property speaks of are those without the agent's."""
        bids = {"bids", "raised_bids", "other_bids", "raised_other_bids"}
        return "withdrawn_bids" in self.prop.arguments and bids.isdisjoint(self.prop.arguments)

    @property
    def common_only(self) -> bool:
        """Whether the only distributions that the property speaks of are all the same."""
        dists = {"dists", "other_dists"}
        return "common_dists" in self.prop.arguments and dists.isdisjoint(self.prop.arguments)

    @property
    def has_raise(self) -> bool:
        """Whether the property compares two bids of one agent."""
        return not {"raised_bids", "raised_other_bids"}.isdisjoint(self.prop.arguments)

    @property
    def has_other_bids(self) -> bool:
        """Whether the property compares two contexts."""
        return not {"other_bids", "raised_other_bids"}.isdisjoint(self.prop.arguments)

    @property
    def has_focal(self) -> bool:
        """Whether the property singles out one agent."""
        single = {"agent", "withdrawn_bids", "other_dists"} & set(self.prop.arguments)
        return bool(single) or self.has_raise or self.has_other_bids


@dataclass(frozen=True)
class Call:
    """One call of a rule: what it was given, and the nodes that it returned.

    `at` is the property's name for the bids, such as `raised_bids`; empty for other bids. `needed`
    are the outputs that have to be defined: where a claim is about one agent, of the payments
    only that agent's.
    """

    function: ProfileFunction
    at: str
    bids: TracedArray
    dists: TracedArray
    outputs: tuple[Node, ...]
    needed: tuple[Node, ...]

    @property
    def pays(self) -> bool:
        """Whether it is a call of the payment rule."""
        return isinstance(self.function, PaymentRule)


@dataclass(frozen=True)
class Formula:
    """What must hold, and the calls that it speaks of."""

    holds: Node
    calls: tuple[Call, ...] = field(default=(), compare=False)

    @property
    def outputs(self) -> tuple[Node, ...]:
        """Every node that a call returned."""
        return tuple(node for call in self.calls for node in call.outputs)

    @property
    def needed(self) -> tuple[Node, ...]:
        """What has to be defined for an instance to count."""
        return tuple(node for call in self.calls for node in call.needed)


@dataclass(frozen=True)
class Instance:
    """A claim at fixed sizes, with the agent and the permutation chosen."""

    agents: int
    tokens: int
    agent: int | None
    orders: Orders
    formula: Formula


class RuleFault(Exception):
    """The rule itself is unusable: it raises, or returns something of the wrong shape.

    `line` is the line of the rule that raised, and `raised` what.
    """

    code = RAISES
    file = ""
    line: int | None = None
    raised = ""


def tokens_of(*functions: ProfileFunction) -> int | None:
    """The only number of tokens that rules with a given distribution have; None for all."""
    given = [v for one in functions for v in one.distributions.values() if v is not None]
    return len(given[0]) if given else None


def claim_about(function: ProfileFunction) -> Claim:
    """The claim that one function is defined everywhere, for looking at its trace alone."""
    if isinstance(function, PaymentRule):
        return Claim(None, no_positive_transfer, payment=function)
    return Claim(cast(AggregationRule, function), distribution)
