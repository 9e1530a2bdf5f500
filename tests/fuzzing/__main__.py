"""Random programs, in the trace and on NumPy.

cd tests && python -m fuzzing --programs 100000 --seed 0

The seeds of the programs are counted up from `--seed`. What differs is printed as the smallest
program found, and ends in status 1; `--only` runs the program of one seed and prints it.
"""

import argparse
import itertools
import sys
import time

from fuzzing.campaign import Campaign, Failure, fuzz, outcomes

MOST_FAILURES = 5
MOST_REASONS = 15


def main() -> int:
    """Run the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after so many")
    parser.add_argument("--only", type=int, metavar="SEED")
    options = parser.parse_args()
    if options.only is not None:
        return show(options.only)
    start = time.monotonic()
    campaign = Campaign()
    for number, campaign in enumerate(fuzz(itertools.count(options.seed), options.programs), 1):
        minutes = (time.monotonic() - start) / 60
        if number % 1000 == 0:
            print(f"{number} seeds, {len(campaign.failures)} failures", file=sys.stderr)
        if options.minutes is not None and minutes > options.minutes:
            break
    report(campaign, time.monotonic() - start)
    return 1 if campaign.failures else 0


def report(campaign: Campaign, seconds: float) -> None:
    """Print what was counted."""
    print(f"{campaign.programs} programs in {seconds:.0f} seconds")
    for way, tally in campaign.tallies.items():
        print(
            f"traced {way}: {tally.programs} programs, {tally.agreed} agree, "
            f"{tally.refused.total()} refused, {tally.disagreed} disagree; {tally.left_out} more "
            f"raise on NumPy; {tally.compared} numbers compared, {tally.undecided} left to rounding"
        )
        for reason, count in tally.refused.most_common(MOST_REASONS):
            print(f"  {count:6} {reason}")
    for failure in campaign.failures[:MOST_FAILURES]:
        print(f"\n{failure.smallest()}")


def show(seed: int) -> int:
    """Print one program, and what became of it."""
    failed = 0
    for way, program, outcome in outcomes(seed):
        print(f"{program}\ntraced {way}: {outcome}\n")
        if outcome.differs:
            failed = 1
            print(f"{Failure(seed, way, program, outcome.differs).smallest()}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
