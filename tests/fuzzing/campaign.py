"""Many programs, one after another: what was counted, and the smallest program of a failure.

Every program runs at its own sizes. Every fourth is followed a second time with each step's values
compared, and every fourth is drawn without fixed lengths and traced over every size, too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from fuzzing.programs import Program, draw
from fuzzing.running import Outcome, Tally, check, checked_trace, fixed_trace, open_trace

EVERY = 4
AT_ITS_SIZES, STEP_BY_STEP, OVER_EVERY_SIZE = "at its sizes", "step by step", "over every size"
TRACES: dict[str, Callable[[Program], Any]] = {
    AT_ITS_SIZES: fixed_trace,
    STEP_BY_STEP: checked_trace,
    OVER_EVERY_SIZE: open_trace,
}


@dataclass
class Campaign:
    """A tally for each way to trace, and the programs on which trace and NumPy differ."""

    tallies: dict[str, Tally] = field(default_factory=lambda: {way: Tally() for way in TRACES})
    failures: list["Failure"] = field(default_factory=list)

    @property
    def programs(self) -> int:
        """How many programs were run at their sizes."""
        return self.tallies[AT_ITS_SIZES].programs


@dataclass(frozen=True)
class Failure:
    """A program on which trace and NumPy differ, and how it was traced."""

    seed: int
    way: str
    program: Program
    differs: str

    def smallest(self) -> "Failure":
        """The same difference, or another, in as few lines as dropping lines leads to."""
        smaller = shrunk(self.program, self.way)
        return replace(self, program=smaller, differs=check(smaller, TRACES[self.way]).differs)

    def __str__(self) -> str:
        return f"seed {self.seed}, traced {self.way}:\n{self.program}\n{self.differs}"


def outcomes(seed: int) -> Iterator[tuple[str, Program, Outcome]]:
    """What becomes of the program of a seed, for each way in which it is traced."""
    over_every_size = seed % EVERY == 1
    program = draw(seed, lengths_open=over_every_size)
    yield AT_ITS_SIZES, program, check(program, fixed_trace)
    if seed % EVERY == 3:
        yield STEP_BY_STEP, program, check(program, checked_trace)
    if over_every_size:
        yield OVER_EVERY_SIZE, program, check(program, open_trace)


def fuzz(seeds: Iterator[int], programs: int, first_failure: bool = False) -> Iterator[Campaign]:
    """The campaign after every seed, until so many programs have counted."""
    campaign = Campaign()
    for seed in seeds:
        for way, program, outcome in outcomes(seed):
            campaign.tallies[way].count(outcome)
            if outcome.differs:
                campaign.failures.append(Failure(seed, way, program, outcome.differs))
        yield campaign
        if campaign.programs >= programs or (first_failure and campaign.failures):
            return


def shrunk(program: Program, way: str) -> Program:
    """The program without the lines that a difference does not need."""
    place = len(program.lines)
    while place:
        place -= 1
        fewer = replace(program, lines=program.lines[:place] + program.lines[place + 1 :])
        if check(fewer, TRACES[way]).differs:
            program = fewer
    return program
