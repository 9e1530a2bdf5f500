"""The verifier of a rule or a mechanism: what is looked at once for all of its properties.

Is the rule usable, and is its trace what its function computes on NumPy? Then each claim is
decided (decision.py); a rule that cannot be traced is attacked and never proved (untraceable.py).

`verify` is the way in from Python for values; proofs/api.py takes names as well.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

from tokenauction.mechanisms import AggregationRule, Mechanism, PaymentRule
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.faithfulness.agreement import (
    STEERS,
    property_differs,
)
from tokenauction.proofs.core.faithfulness.broken_properties import broken
from tokenauction.proofs.core.faithfulness.examination import Examined, fingerprint
from tokenauction.proofs.core.runs.numpy_run import (
    Unusable,
    interference,
)
from tokenauction.proofs.deciding.decision import Decision
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.untraceable import (
    attacked,
    judged_at,
)
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.near import near_to
from tokenauction.proofs.results.reasons import Reason, as_reason
from tokenauction.proofs.results.verdict import (
    Proved,
    Refuted,
    Scope,
    Unknown,
    Verdict,
)
from tokenauction.theory import PROPERTIES, PreferenceOrder, RuleProperty, monotone_in


def verify(
    target: AggregationRule | Mechanism,
    prop: str | RuleProperty | PreferenceOrder,
    *,
    agents: int | None = None,
    tokens: int | None = None,
    budget: float = 60.0,
    seed: int = 0,
) -> Verdict:
    """Prove or refute a property of a rule or a mechanism; `api.verify` takes names as well.

    `prop` is a built-in's name, a property, or a preference order (then: monotonicity in it).
    `agents` and `tokens` bound the fixed sizes that are looked at; a proof for all sizes is tried
    all the same. Raises KeyError for an unknown name, ValueError for a property of mechanisms if
    there are no payments, `Unusable` for a rule that does not run.

    >>> from tokenauction.mechanisms import linear, log_linear
    >>> verify(linear, "monotone").status
    'proved'
    >>> verify(log_linear, "monotone").status
    'refuted'
    """
    options = Options(agents, tokens, budget, seed)
    return verifier_of(target, options).verify(as_property(prop))


def verifier_of(target: AggregationRule | Mechanism, options: Options) -> "Verifier":
    """The verifier of a rule or a mechanism."""
    if isinstance(target, Mechanism):
        return Verifier(target.rule, options, target.payment)
    return Verifier(target, options)


def as_property(prop: str | RuleProperty | PreferenceOrder) -> RuleProperty:
    """A property by name, as it is, or as monotonicity in an order."""
    if isinstance(prop, PreferenceOrder):
        return monotone_in(prop)
    if isinstance(prop, str):
        if prop not in PROPERTIES:
            near = near_to(prop, PROPERTIES)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise KeyError(f"unknown property {prop!r}{hint} (there is: {', '.join(PROPERTIES)})")
        return PROPERTIES[prop]
    return prop


@dataclass
class Verifier:
    """Verifies properties of one rule or mechanism; checks once that it runs and traces well."""

    rule: AggregationRule
    options: Options = field(default_factory=Options)
    payment: PaymentRule | None = None
    _verdicts: dict[RuleProperty, Verdict] = field(default_factory=dict)
    _not_for_all: set[RuleProperty] = field(default_factory=set)

    def verify(self, prop: RuleProperty, known_method: str = "") -> Verdict:
        """The verdict on one property; raises Unusable for rules that do not run.

        `known_method` is how it was proved before, which is then tried before anything else.
        """
        if prop not in self._verdicts:
            self._verdicts[prop] = self._verify(prop, known_method)
        return self._verdicts[prop]

    def examined(self, claim: Claim) -> list[Examined]:
        """What is known of the functions that a claim is about."""
        return [one for one in self.parts if one.function in claim.functions]

    @cached_property
    def parts(self) -> list[Examined]:
        """What is known of the rule, and of the payment rule if there is one."""
        functions = (self.rule,) if self.payment is None else (self.rule, self.payment)
        return [Examined(function) for function in functions]

    @cached_property
    def fingerprint(self) -> str | None:
        """A digest of what the rules compute; None where one cannot be traced."""
        return None if self._interference else fingerprint(self.parts)

    def _verify(self, prop: RuleProperty, known_method: str) -> Verdict:
        if prop.of_mechanisms and self.payment is None:
            raise ValueError(
                f"{prop.name} is a property of mechanisms, and {self.rule.label} is a rule without "
                "payments: give it one with Mechanism(rule, payment)"
            )
        claim = Claim(self.rule, prop, payment=self.payment)
        self.options.progress("running the rule")
        mistake = "" if prop in PROPERTIES.values() else broken(claim)
        if mistake:
            raise Unusable(mistake)
        untraceable = self.untraceable(claim)  # traces first: a rule may remember its first call
        nowhere = next((one.runs.nowhere for one in self.examined(claim) if one.runs.nowhere), "")
        if nowhere and not prop.everywhere:
            raise Unusable(nowhere)
        misread = self._misread(replace(claim, opaque=bool(untraceable)))
        if misread:
            return Unknown(as_reason(misread, "property-differs"))
        if untraceable.code == STEERS:
            return Unknown(untraceable)
        if untraceable:
            return attacked(claim, self.options, untraceable)
        try:
            proved = self._decision(claim).proved_again(known_method)
            return self._with_range(claim, proved or self._decision(claim).verdict())
        except RecursionError:
            return Unknown("the rule's expression is too deep to be decided")

    def _with_range(self, claim: Claim, found: Verdict) -> Verdict:
        """The verdict with a note where floats do not reach."""
        ranges = (one.comparison.float_range for one in self.examined(claim))
        return replace(found, float_range=next(filter(None, ranges), ""))

    def proved_for_all_sizes(self, prop: RuleProperty) -> Proved | None:
        """The proof of a property for every size, as a premise needs it; at less cost."""
        if prop not in self._verdicts and prop not in self._not_for_all:
            claim = Claim(self.rule, prop, payment=self.payment)
            found = None if self.untraceable(claim) else self._decision(claim).about_all_sizes()
            if found is None:
                self._not_for_all.add(prop)
            else:
                self._verdicts[prop] = self._with_range(claim, found)
        known = self._verdicts.get(prop)
        return known if isinstance(known, Proved) and known.scope == Scope() else None

    def refuted_at(self, prop: RuleProperty, values: Assignment) -> Refuted | None:
        """The refutation that an assignment gives when it is replayed now; None where it is none.

        Raises Unusable for rules that do not run.
        """
        claim = Claim(self.rule, prop, payment=self.payment)
        if not self.untraceable(claim):
            return None if self._misread(claim) else self._decision(claim).refuted_at(values)
        return judged_at(claim, self.options, values)

    def _decision(self, claim: Claim) -> "Decision":
        return Decision(claim, self.examined(claim), self.options, self.proved_for_all_sizes)

    def untraceable(self, claim: Claim) -> Reason:
        """Why a claim has no trace that can be trusted; empty where it has one."""
        alone = next((one.untraceable for one in self.examined(claim) if one.untraceable), "")
        return as_reason(alone or self._interference, "not-the-run")

    def _misread(self, claim: Claim) -> str:
        """Why a property of the user's own is not what was traced of it; empty where it is."""
        if claim.prop in PROPERTIES.values():
            return ""
        only = claim.only_tokens
        return property_differs(claim, [(n, only or t) for n, t in ((2, 2), (2, 3), (1, 2))])

    @cached_property
    def _interference(self) -> str:
        return interference(*(one.function for one in self.parts))
