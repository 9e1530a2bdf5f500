"""A mechanism: an aggregation rule together with a payment rule (a token auction)."""

from dataclasses import dataclass

from tokenauction.mechanisms.aggregation_rule import AggregationRule
from tokenauction.mechanisms.payment_rule import PaymentRule
from tokenauction.mechanisms.profile_function import ProfileFunction, Support


@dataclass(frozen=True)
class Mechanism:
    """An aggregation rule and what its agents are charged.

    A distribution parameter that both have by the same name is one and the same distribution.

    >>> from tokenauction.mechanisms import linear, pay_your_bid
    >>> Mechanism(linear, pay_your_bid).label
    'linear+pay_your_bid'
    """

    rule: AggregationRule
    payment: PaymentRule

    def __post_init__(self) -> None:
        for part, kind in ((self.rule, AggregationRule), (self.payment, PaymentRule)):
            if not isinstance(part, kind):
                given = getattr(part, "label", repr(part))
                raise TypeError(
                    f"Mechanism(rule, payment) needs {kind.kind} there, not {given}; "
                    + self._way_out(kind)
                )
        for name in set(self.rule.distributions) & set(self.payment.distributions):
            if self.rule.distributions[name] is not self.payment.distributions[name]:
                raise TypeError(
                    f"{self.label}: the distribution {name!r} of the two rules is one and the "
                    f"same; give it to both with with_parameters({name}=...), or to neither"
                )

    def _way_out(self, kind: type[ProfileFunction]) -> str:
        one, other = self.rule, self.payment
        if isinstance(one, PaymentRule) and isinstance(other, AggregationRule):
            return f"the two are swapped: Mechanism({other.name}, {one.name})"
        return f"decorate a function with @{_DECORATORS[kind]}"

    @property
    def label(self) -> str:
        """The name in reports."""
        return f"{self.rule.label}+{self.payment.label}"

    @property
    def name(self) -> str:
        """The names of the two rules, without parameters."""
        return f"{self.rule.name}+{self.payment.name}"

    @property
    def support(self) -> Support:
        """`"full"` where one of the two is for strictly positive distributions only."""
        return "full" if "full" in (self.rule.support, self.payment.support) else "any"

    @property
    def summary(self) -> str:
        """What both do."""
        return f"{self.rule.summary} {self.payment.summary}".strip()

    @property
    def file(self) -> str:
        """The file of the payment rule."""
        return self.payment.file

    @property
    def line(self) -> int:
        """The line of the payment rule."""
        return self.payment.line


_DECORATORS = {AggregationRule: "aggregation_rule", PaymentRule: "payment_rule"}
