"""How much to spend on a claim, and where fixed sizes end."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How much to spend, and where fixed sizes end.

    `budget` is in seconds of an ordinary machine: it scales every deterministic limit (samples,
    solver steps); the command line enforces it on the clock as well.
    """

    agents: int | None = None
    tokens: int | None = None
    budget: float = 60.0
    seed: int = 0
    progress: Callable[[str], None] = lambda _: None

    @property
    def effort(self) -> float:
        return min(max(self.budget / 60.0, 0.02), 20.0)

    @property
    def rlimit(self) -> int:
        return int(2_000_000 * self.effort)
