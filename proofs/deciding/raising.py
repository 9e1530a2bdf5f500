"""Profiles at which a rule raises, for claims that demand a defined rule: seen by running it."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.claims.domain import check_domain
from tokenauction.proofs.core.judging.replay import Replayer
from tokenauction.proofs.core.runs.numpy_run import (
    raised_at,
)
from tokenauction.proofs.core.runs.sampling import draw
from tokenauction.proofs.deciding.hints import with_hint
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.sizes import checked_sizes, small_sizes
from tokenauction.proofs.deciding.untraceable import (
    NUMERIC,
    witness_of_run,
)
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.verdict import (
    Refuted,
    Scope,
    Verdict,
)
from tokenauction.proofs.searching.numeric_attack import Violation
from tokenauction.proofs.searching.shrink import shrink


@dataclass
class Raising:
    """The search for a profile at which the functions of a claim raise, and what it refutes."""

    claim: Claim
    options: Options

    def refutation(self) -> Verdict | None:
        """Of a property that demands a defined rule: a small profile at which the rule raises.

        Of two functions that are compared: one at which only one of them raises.
        """
        if not self.claim.prop.everywhere:
            return None
        opaque = self._opaque.claim
        for agents, tokens in dict.fromkeys(
            [*small_sizes(self.claim, self.options), *checked_sizes(self.claim, self.options)]
        ):
            instance = next(formulas.instances(opaque, agents, tokens), None)
            if instance is None:
                continue
            rng = np.random.default_rng([self.options.seed, agents, tokens])
            columns = draw(opaque, instance, 8, rng)
            for row in range(columns.length):
                values = columns.exact(row, instance)  # of the domain, as it was drawn
                if self._raises_there(values) and self.raises(values):
                    return self.refuted_at(shrink(values, self.raises, 600))
        return None

    @cached_property
    def _opaque(self) -> Replayer:
        """Instances of the claim without a trace of the rule, which need not exist."""
        return Replayer(replace(self.claim, opaque=True))

    def raises(self, values: Assignment) -> bool:
        """Whether the claim speaks of an assignment, and a function raises there."""
        return check_domain(self._opaque.claim, values) and self._raises_there(values)

    def _raises_there(self, values: Assignment) -> bool:
        instance = self._opaque.instance(values)
        if instance is None:
            return False
        # What floats cannot hold is rounding, and says nothing about real numbers.
        raised = [
            problem is not None and not isinstance(problem.__cause__, OverflowError)
            for problem in raised_at(values, instance)
        ]
        return any(raised) and not (self.claim.other is not None and all(raised))

    def refuted_at(self, values: Assignment) -> Refuted:
        """Seen by running the function: there is nothing to evaluate where it raises."""
        instance = self._opaque.instance(values)
        if instance is None:
            raise RuntimeError("a profile at which a rule raises belongs to no instance")
        nothing = tuple((float("nan"),) * len(call.outputs) for call in instance.formula.calls)
        witness = witness_of_run(self.claim, Violation(values, 1.0, nothing, instance))
        witness = with_hint(self.claim, witness, self.raises)
        return Refuted(witness, NUMERIC, Scope((values.agents,), (values.tokens,)))
