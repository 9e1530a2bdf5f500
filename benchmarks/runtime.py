"""Times the arithmetic of one token: the aggregate and every agent's expected payment.

    python benchmarks/runtime.py                  # NumPy; --json FILE for the numbers
    python benchmarks/runtime.py --device cpu     # torch rows as well; or --device cuda

The floor is the time to copy the same array (agents, tokens) once into another that exists. The
straightforward version is the shipped rule and the shipped payment rule called one after the other.
All rows of a table are measured in turn, over and over, so that what else the machine does meets
all of them; shown is the median, and the range of the middle half. The rows of the race, many times
slower, are measured after the others and less often. What depends on the bids alone is computed
once for a text, and not measured.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tokenauction.mechanisms import linear, second_price
from tokenauction.mechanisms.auction.bidding import Bidding, Bids
from tokenauction.mechanisms.auction.randomness import step_secret
from tokenauction.mechanisms.auction.settlement import SAMPLINGS

AGENTS = 8
TOKENS = (128_000, 256_000)
WIDTHS = ("float64", "float32")
ROUNDS = 41
SECRET = step_secret(1, 0)
STABLE, RACE = SAMPLINGS["stable"], SAMPLINGS["race"]

Work = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One measurement: milliseconds, and the median as a multiple of that of the copy."""

    where: str
    width: str
    tokens: int
    what: str
    median: float
    low: float
    high: float
    copies: float


def profile(tokens: int, width: str) -> tuple[Any, Any]:
    """Bids of any sizes and distributions with a few likely tokens, as those of language models."""
    rng = np.random.default_rng(1)
    dists = rng.random((AGENTS, tokens)) ** 8
    bids = rng.random(AGENTS) + 0.1
    return bids, (dists / dists.sum(axis=1, keepdims=True)).astype(width)


def works(bids: Any, dists: Any, copy: Work) -> dict[str, Work]:
    """What is timed; a new `Bidding` is a new token."""
    known = Bids(linear, bids)
    like = Bidding(known, dists).like_dists(bids)
    known.odds, known.others  # noqa: B018  (computed once a text)

    def aggregate_and_expected(how: Any) -> object:
        bidding = Bidding(known, dists)
        return bidding.aggregate, how.expected_payments(bidding)

    def realised(how: Any) -> object:
        bidding = Bidding(known, dists)
        return how.critical_bids(bidding, how.draw(bidding, SECRET), SECRET)

    return {
        "copy": copy,
        "aggregate": lambda: linear(like, dists),
        "aggregate, expected payments": lambda: aggregate_and_expected(STABLE),
        "the same, straightforward": lambda: (linear(like, dists), second_price(like, dists)),
        "aggregate, token, realised payments": lambda: realised(STABLE),
        "race: aggregate, token, realised payments": lambda: realised(RACE),
        "race: aggregate, expected payments": lambda: aggregate_and_expected(RACE),
    }


def on_numpy(tokens: int, width: str) -> dict[str, Work]:
    """The works on NumPy arrays."""
    bids, dists = profile(tokens, width)
    target = np.empty_like(dists)
    return works(bids, dists, lambda: np.copyto(target, dists))


def on_torch(tokens: int, width: str, device: str) -> dict[str, Work]:
    """The works on torch tensors, each waited for until the device has finished it."""
    import torch

    bids, host = profile(tokens, width)
    dists = torch.asarray(host, device=device)
    target = torch.empty_like(dists)

    def waited(work: Work) -> Work:
        def done() -> None:
            work()
            if device != "cpu":
                torch.cuda.synchronize()

        return done

    timed = works(bids, dists, lambda: target.copy_(dists))
    return {what: waited(work) for what, work in timed.items()}


def measured(timed: dict[str, Work], rounds: int) -> dict[str, np.ndarray[Any, Any]]:
    """Milliseconds of every round, after two that are not counted."""
    times = {what: np.zeros(rounds + 2) for what in timed}
    for turn in range(rounds + 2):
        for what, work in timed.items():
            start = time.perf_counter()
            work()
            times[what][turn] = 1000 * (time.perf_counter() - start)
    return {what: found[2:] for what, found in times.items()}


def rows(where: str, width: str, tokens: int, timed: dict[str, Work], rounds: int) -> list[Row]:
    """One table."""
    races = {what: work for what, work in timed.items() if what.startswith("race")}
    others = {what: work for what, work in timed.items() if what not in races}
    found = measured(others, rounds) | measured(races, max(rounds // 5, 1))
    floor = float(np.median(found["copy"]))
    made = []
    for what, times in found.items():
        low, median, high = (float(q) for q in np.quantile(times, [0.25, 0.5, 0.75]))
        made.append(Row(where, width, tokens, what, median, low, high, median / floor))
    return made


def show(table: Sequence[Row]) -> None:
    """The rows of one table as markdown."""
    first = table[0]
    print(f"\n{first.where}, {first.width}, {AGENTS} agents, {first.tokens:,} tokens\n")
    print("| what | ms | middle half | copies |\n|---|---|---|---|")
    for row in table:
        span = f"{row.low:.2f}–{row.high:.2f}"
        print(f"| {row.what} | {row.median:.2f} | {span} | {row.copies:.2f} |")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", help="torch rows on this device as well: cpu or cuda")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args()
    every: list[Row] = []
    for width in WIDTHS:
        for tokens in TOKENS:
            tables = [("NumPy", on_numpy(tokens, width))]
            if options.device:
                made = on_torch(tokens, width, options.device)
                tables.append((f"torch on {options.device}", made))
            for where, timed in tables:
                table = rows(where, width, tokens, timed, options.rounds)
                show(table)
                every += table
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in every], indent=1) + "\n")


if __name__ == "__main__":
    main()
