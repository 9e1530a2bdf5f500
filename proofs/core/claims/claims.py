"""TRUSTED CORE. A claim: one property of one rule or mechanism, or of two functions compared.

What is asked, the calls that a formula makes of the functions, and the formula itself; formulas.py
makes them.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, cast

from tokenauction.mechanisms import AggregationRule, PaymentRule, ProfileFunction
from tokenauction.proofs.core.claims.quantities import (
    AGENTS,
    QUANTITIES,
    UNKNOWNS,
    Domain,
    Quantity,
    SingledOut,
    Unknown,
    mentions_profile,
    singles_out,
    singles_out_two,
    unknowns_of,
    withdraws,
)
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Node
from tokenauction.proofs.core.tracing.traced_array import TracedArray
from tokenauction.proofs.results.assignment import Choices
from tokenauction.proofs.results.reasons import RAISES
from tokenauction.theory import RuleProperty, distribution, no_positive_transfer

RESULT: Final = {"tokens": graph.token("t"), "agents": graph.agent("a")}


@dataclass(frozen=True)
class Claim:
    """A rule, with a payment rule or without, and a property that they may have.

    `other` is a second function of the same kind, of which a property can ask whether it is the
    same. Where they cannot be traced, `opaque` replaces their results by variables, one for each
    number that a call returns. `tokens` is the only number of tokens that there can be, where that
    is not said by one of the functions: of parts of mechanisms, say.
    """

    rule: AggregationRule | None
    prop: RuleProperty
    opaque: bool = False
    payment: PaymentRule | None = None
    other: ProfileFunction | None = None
    tokens: int | None = None

    @property
    def parts(self) -> tuple[ProfileFunction, ...]:
        """Everything whose domain the claim keeps to, whether the property asks about it or not."""
        return tuple(one for one in (self.rule, self.payment, self.other) if one is not None)

    @cached_property
    def functions(self) -> tuple[ProfileFunction, ...]:
        """What the claim is about: the rule, the payment rule, or both; or two of a kind."""
        parts = {"rule": self.rule, "payment": self.payment, "other": self.other}
        wanted = [part for name, part in parts.items() if name in self.prop.arguments]
        return tuple(part for part in wanted if part is not None)

    @cached_property
    def distributions(self) -> tuple[str, ...]:
        """The distribution parameters that are left open, by name."""
        return tuple(dict.fromkeys(name for one in self.functions for name in one.open_names))

    @cached_property
    def positive(self) -> bool:
        """Whether the claim speaks of strictly positive distributions only."""
        return "full" in (self.prop.support, *(one.support for one in self.parts))

    @cached_property
    def only_tokens(self) -> int | None:
        """The only number of tokens that it speaks of; None for all."""
        return self.tokens or tokens_of(*self.parts)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """The arrays that the property asks for."""
        return tuple(QUANTITIES[name] for name in self.prop.arguments if name in QUANTITIES)

    @cached_property
    def unknowns(self) -> tuple[Unknown, ...]:
        """What is free beside the profile."""
        found = {one.name for quantity in self.quantities for one in unknowns_of(quantity)}
        return tuple(one for name, one in UNKNOWNS.items() if name in found)

    @cached_property
    def row_names(self) -> tuple[str, ...]:
        """The distributions that belong to no agent: open ones of the functions, then unknowns."""
        return (*self.distributions, *(one.name for one in self.unknowns if one.is_named))

    @property
    def profiles(self) -> tuple[Quantity, ...]:
        """The bids of which somebody's are positive: the profile's, and others that are asked for.

        Of bids that are those of another profile or higher, that profile's.
        """
        asked = {one.raises or one.name for one in self.asked("bids")}
        return tuple(one for name, one in QUANTITIES.items() if name in {"bids", *asked})

    def asked(self, domain: Domain) -> list[Quantity]:
        """The arrays of this domain that the property asks for, of everybody."""
        return [one for one in self.quantities if one.domain == domain and AGENTS in one.axes]

    @property
    def withdraws_only(self) -> bool:
        """Whether the only bids that the property speaks of are those without the agent's."""
        bids = self.asked("bids")
        return bool(bids) and all(map(withdraws, bids))

    @property
    def common_only(self) -> bool:
        """Whether the only distributions that the property speaks of are none of the profile's."""
        dists = self.asked("distribution")
        return bool(dists) and not any(map(mentions_profile, dists))

    @property
    def has_raise(self) -> bool:
        """Whether the property compares two bids of one agent."""
        return UNKNOWNS["raised_bid"] in self.unknowns

    @property
    def has_focal(self) -> bool:
        """Whether the property singles out one agent."""
        return self.is_about_agent or self.has_rival

    @cached_property
    def is_about_agent(self) -> bool:
        """Whether it names that agent, or one of its quantities does; not the other one alone."""
        return "agent" in self.prop.arguments or any(map(singles_out, self.quantities))

    @cached_property
    def has_rival(self) -> bool:
        """Whether it singles out another one, too."""
        return "rival" in self.prop.arguments or any(map(singles_out_two, self.quantities))

    @property
    def fewest(self) -> int:
        """How many agents there are at least: with fewer the claim says nothing."""
        return 2 if self.has_rival else 1


@dataclass(frozen=True)
class Call:
    """One call of a rule: what it was given, and the nodes that it returned.

    `at` is the property's name for the bids, such as `raised_bids`; empty for other bids. `needed`
    are the outputs that have to be defined: where a claim singles out agents, of the payments only
    theirs.
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
    """A claim at fixed sizes, with the agents and the reorderings chosen."""

    agents: int
    tokens: int
    agent: int | None
    choices: Choices
    formula: Formula

    @property
    def who(self) -> SingledOut:
        """The agents that it singles out."""
        return SingledOut.at(self.agent, self.choices)

    @property
    def sizes(self) -> dict[Axis, int]:
        return {Axis.AGENTS: self.agents, Axis.TOKENS: self.tokens}


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
