"""TRUSTED CORE. What Z3 may spend on one claim, what it has spent, and its answer within that.

Guarantee: an answer is Z3's own; where a limit or a clock ends a query it is `unknown`. The limits
are in Z3's steps, so that where one decides, it decides the same on every machine. A claim has a Z3
context of its own: what was decided before in the process changes nothing. Behind each query stands
a clock, because Z3 can overrun its limit; the queries that it ends are counted.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import z3

from tokenauction.proofs.core.proving.processor_clock import ProcessorClock
from tokenauction.proofs.results.verdict import Resources

# What a claim may spend, in the limits of one query. Z3 makes some 400 000 steps a second, so this
# is about as many seconds as the budget that the limits come from.
_QUERIES_WORTH: Final = 12
_STEPS_A_SECOND: Final = 100_000
_LEAST_SECONDS: Final = 2.0


@dataclass
class Account:
    """The account of one claim: `rlimit` is the most steps of one query, `seed` is for Z3."""

    rlimit: int = 2_000_000
    seed: int = 0
    queries: int = 0
    steps: int = 0
    out_of_time: int = 0
    _hardest: float = 0.0
    _counted: int = 0

    @cached_property
    def context(self) -> Any:
        """The Z3 context of the claim's formulas; made for the first of them."""
        return z3.Context()

    @cached_property
    def _clock(self) -> ProcessorClock:
        return ProcessorClock(self.context.interrupt)

    @property
    def in_all(self) -> int:
        """The most steps of all queries together."""
        return _QUERIES_WORTH * self.rlimit

    @property
    def overdrawn(self) -> bool:
        """Whether nothing is left for another query."""
        return self.steps >= self.in_all

    @property
    def resources(self) -> Resources:
        """What was spent so far."""
        share = max(self._hardest, self.steps / self.in_all)
        return Resources(self.steps, self.queries, round(share, 3), self.out_of_time)

    def add(self, spent: Resources) -> None:
        """Take over what a premise has cost."""
        self.queries += spent.queries
        self.steps += spent.steps
        self.out_of_time += spent.out_of_time
        self._hardest = max(self._hardest, spent.limit_share)

    def check(self, solver: Any, rlimit: int) -> Any:
        """Z3's answer within the limits; `unknown` where nothing is left. Raises MemoryError."""
        allowed = min(rlimit, self.in_all - self.steps)
        if allowed <= 0:
            return z3.unknown
        solver.set("rlimit", allowed)
        with self._clock.limit(max(_LEAST_SECONDS, allowed / _STEPS_A_SECOND)):
            answer = solver.check()
        if answer == z3.unknown:
            if "memory" in solver.reason_unknown():
                raise MemoryError("Z3 has no memory left")
            self.out_of_time += self._clock.struck
        self.queries += 1
        spent = self._spent(solver)
        self.steps += spent
        if answer == z3.unsat:
            self._hardest = max(self._hardest, spent / allowed)
        return answer

    def _spent(self, solver: Any) -> int:
        """The steps since the last query: Z3 counts those of the whole context."""
        counted = int(solver.statistics().get_key_value("rlimit count"))
        spent, self._counted = counted - self._counted, counted
        return spent
