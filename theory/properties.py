"""Properties of an aggregation rule or a mechanism, as predicates on the array API.

A property is a function whose arguments say what it quantifies over, by name (`QUANTIFIED` below);
it returns the truth value of one instance, and holds of a rule when every instance is true. It is
judged where the rule is defined; `distribution` alone demands that it is defined everywhere.

Definitions: after arXiv 2310.10826; the names are those of social choice and of opinion pooling.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, overload

from array_api_compat import array_namespace

from tokenauction.theory.parameters import parameters_of
from tokenauction.theory.preference_orders import (
    PreferenceOrder,
    forward_kl,
    odds,
    reverse_kl,
    robust,
    total_variation,
)

Support = Literal["any", "full"]

QUANTIFIED: Mapping[str, str] = MappingProxyType(
    {
        "rule": "the aggregation rule, `(bids, dists) -> dist`",
        "payment": "the payment rule, `(bids, dists) -> payments`",
        "bids": "bids, shape (agents,), non-negative with a positive sum",
        "dists": "preferred distributions, shape (agents, tokens)",
        "agent": "the index of one agent",
        "raised_bids": "`bids` with that agent's bid raised, or left alone",
        "other_bids": "a second context: `bids` with every other agent's bid replaced by any other",
        "raised_other_bids": "`other_bids` with that agent's bid raised as in `raised_bids`",
        "withdrawn_bids": "`bids` with that agent's bid zero; somebody else's is positive",
        "rival": "another agent than `agent`, to index with",
        "other_dists": "`dists` with that agent's distribution replaced by any other",
        "common": "a distribution, shape (tokens,)",
        "common_dists": "`common` as every agent's preferred distribution",
        "agent_order": "a reordering of the agents, to index with",
        "token_order": "a reordering of the tokens, to index with",
        "scale": "a positive number",
    }
)


@dataclass(frozen=True)
class RuleProperty:
    """A named predicate over the arguments that it names; see `QUANTIFIED`.

    `order` is set on monotonicity in a preference order. `everywhere` demands that the rule is
    defined on its whole domain; `support="full"` states the property for strictly positive
    distributions only.
    """

    function: Callable[..., Any]
    name: str
    summary: str
    support: Support = "any"
    everywhere: bool = False
    order: PreferenceOrder | None = None
    file: str = ""
    line: int = 0

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """What the property quantifies over, in the order of the function's parameters."""
        return tuple(parameters_of(self.function))

    @property
    def title(self) -> str:
        """What its author calls it: a property, or the order that it is monotonicity in."""
        order = self.order
        return f"the property {self.name}" if order is None else f"the order {order.name}"

    @property
    def of_mechanisms(self) -> bool:
        """Whether it speaks of payments, so that a rule alone has no such property."""
        return "payment" in self.arguments

    def __call__(self, **values: Any) -> Any:
        """The truth value of one instance."""
        return self.function(**values)


@overload
def rule_property(function: Callable[..., Any], /) -> RuleProperty: ...
@overload
def rule_property(
    *, support: Support = "any", everywhere: bool = False
) -> Callable[..., RuleProperty]: ...
def rule_property(
    function: Callable[..., Any] | None = None,
    /,
    *,
    support: Support = "any",
    everywhere: bool = False,
) -> Any:
    """Make a predicate a property of rules, or of mechanisms if it has an argument `payment`.

    Raises TypeError for an argument that is not in `QUANTIFIED`, or if neither is there.

    >>> import numpy as np
    >>> @rule_property
    ... def never_certain(rule, bids, dists):
    ...     return np.all(rule(bids, dists) < 1)
    >>> never_certain.name, never_certain.arguments
    ('never-certain', ('rule', 'bids', 'dists'))
    """

    def make(predicate: Callable[..., Any]) -> RuleProperty:
        names = list(parameters_of(predicate))
        strange = [name for name in names if name not in QUANTIFIED]
        if strange or not {"rule", "payment"} & set(names):
            missing = "has no argument 'rule' or 'payment'"
            wrong = f"has the argument {strange[0]!r}" if strange else missing
            known = ", ".join(QUANTIFIED)
            near = get_close_matches(strange[0], QUANTIFIED, 1) if strange else []
            meant = f" (did you mean {near[0]!r}?)" if near else ""
            raise TypeError(
                f"{predicate.__name__} {wrong}{meant}; a property quantifies over: {known}"
            )
        code = inspect.unwrap(predicate).__code__
        return RuleProperty(
            predicate,
            predicate.__name__.replace("_", "-"),
            (inspect.getdoc(predicate) or "").partition("\n")[0],
            support,
            everywhere,
            None,
            code.co_filename,
            code.co_firstlineno,
        )

    return make if function is None else make(function)


def monotone_in(order: PreferenceOrder, name: str | None = None) -> RuleProperty:
    """Monotonicity in an order: raising an agent's bid gives it a distribution it likes as well.

    After arXiv 2310.10826: `b_i >= b'_i` implies `q(b_i, b_-i) ⪰_i q(b'_i, b_-i)`.
    """

    def monotone(rule: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any) -> Any:
        return order(dists[agent, ...], rule(raised_bids, dists), rule(bids, dists))

    return RuleProperty(
        monotone,
        name or f"monotone-{order.name.replace('_', '-')}",
        f"A raised bid moves the aggregate towards its agent. {order.summary}",
        order.support,
        False,
        order,
        order.file,
        order.line,
    )


@rule_property(everywhere=True)
def distribution(rule: Any, bids: Any, dists: Any) -> Any:
    """The aggregate is defined everywhere, non-negative, and sums to one."""
    aggregate = rule(bids, dists)
    xp = array_namespace(aggregate)
    return xp.all(aggregate >= 0) & (xp.sum(aggregate) == 1)


@rule_property
def anonymous(rule: Any, bids: Any, dists: Any, agent_order: Any) -> Any:
    """Reordering the agents changes nothing."""
    return _equal(rule(bids[agent_order], dists[agent_order, ...]), rule(bids, dists))


@rule_property
def neutral(rule: Any, bids: Any, dists: Any, token_order: Any) -> Any:
    """Reordering the tokens reorders the aggregate in the same way."""
    return _equal(rule(bids, dists[:, token_order]), rule(bids, dists)[token_order])


@rule_property
def unanimous(rule: Any, bids: Any, common: Any, common_dists: Any) -> Any:
    """If every agent prefers the same distribution, that is the aggregate."""
    return _equal(rule(bids, common_dists), common)


@rule_property
def scale_free(rule: Any, bids: Any, dists: Any, scale: Any) -> Any:
    """Multiplying every bid by the same positive number changes nothing."""
    return _equal(rule(scale * bids, dists), rule(bids, dists))


@rule_property
def no_bid_no_influence(rule: Any, withdrawn_bids: Any, dists: Any, other_dists: Any) -> Any:
    """The distribution of an agent that bids zero does not matter."""
    return _equal(rule(withdrawn_bids, dists), rule(withdrawn_bids, other_dists))


@rule_property
def convex_range(rule: Any, bids: Any, dists: Any) -> Any:
    """Every token's probability lies between the smallest and the largest the agents give it."""
    aggregate = rule(bids, dists)
    xp = array_namespace(aggregate, dists)
    lowest, highest = xp.min(dists, axis=0), xp.max(dists, axis=0)
    return xp.all((lowest <= aggregate) & (aggregate <= highest))


def _equal(left: Any, right: Any) -> Any:
    return array_namespace(left, right).all(left == right)


def by_name(*properties: RuleProperty) -> Mapping[str, RuleProperty]:
    """Properties under their names, in this order."""
    return MappingProxyType({one.name: one for one in properties})


RULE_PROPERTIES: Mapping[str, RuleProperty] = by_name(
    distribution,
    anonymous,
    neutral,
    unanimous,
    scale_free,
    no_bid_no_influence,
    convex_range,
    monotone_in(robust, "monotone"),
    monotone_in(odds),
    monotone_in(forward_kl, "monotone-kl"),
    monotone_in(reverse_kl),
    monotone_in(total_variation, "monotone-tv"),
)
