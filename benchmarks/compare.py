"""Times the checker against the direct ways, side by side in one run.

    python benchmarks/compare.py            # about ten minutes; --quick for two
    python benchmarks/compare.py --json out.json

Three tables. Proofs: the verdict for all sizes on the linear rule, against one direct Z3 query at
each size, with the divisions left in and with the denominators cleared. Counterexamples: the time
to an exact one, against a plain Hypothesis test of the float function at a tolerance. Start-up: the
command against `python -c "import sympy, z3"`. A run that reaches its limit is shown as `> limit`.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms import (
    AggregationRule,
    aggregation_rule,
    linear,
    log_linear,
    rank_weights,
    uniform_smoothing,
)

SIZES = ((2, 2), (3, 3), (4, 4), (8, 8))


@aggregation_rule
def dip_at_hundred(bids: Any, dists: Any) -> Any:
    """A bid weight that dips by a thousandth at bid 100."""
    xp = array_namespace(bids)
    weights = xp.where(bids >= 100, 0.999 * bids, bids)
    return xp.matmul(weights, dists) / xp.sum(weights)


FAULTY = (log_linear, uniform_smoothing, rank_weights, dip_at_hundred)


@dataclass
class Row:
    """One measurement; `seconds` is None where the limit was reached."""

    table: str
    what: str
    how: str
    seconds: float | None
    limit: float
    answer: str


def limited(work: Callable[..., str], limit: float, *args: Any) -> tuple[float | None, str]:
    """The seconds that `work` takes in a process of its own, and what it answers."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_timed, args=(work, args, sender))
    process.start()
    done = receiver.poll(limit + 20)
    found = receiver.recv() if done else (None, "")
    process.kill()
    process.join()
    seconds, answer = found
    return (None, "") if seconds is None or seconds > limit else (seconds, answer)


def _timed(work: Callable[..., str], args: tuple[Any, ...], sender: Any) -> None:
    start = time.perf_counter()
    answer = work(*args)
    sender.send((time.perf_counter() - start, answer))


# Proofs


def prove_linear() -> str:
    """The verdict for all sizes, the whole pipeline included."""
    from tokenauction.proofs import verify

    verdict = verify(linear, "monotone")
    return f"{verdict.status}, {verdict.scope}"


def reduction_of_linear() -> str:
    """The proof step alone."""
    from tokenauction.proofs.core.claims.claims import Claim
    from tokenauction.proofs.core.proving.all_sizes import prove_all_sizes
    from tokenauction.theory import PROPERTIES

    outcome = prove_all_sizes(Claim(linear, PROPERTIES["monotone"]))
    return "proved, all agents, all tokens" if outcome.proved else outcome.reason


def direct(agents: int, tokens: int) -> str:
    """One Z3 query of the whole claim at a size, divisions and all."""
    import z3

    from tokenauction.proofs.core.claims import formulas
    from tokenauction.proofs.core.claims.claims import Claim
    from tokenauction.proofs.core.claims.quantities import RAISED
    from tokenauction.proofs.core.language import graph
    from tokenauction.proofs.cross_checks.z3_form import to_z3
    from tokenauction.theory import PROPERTIES

    instance = formulas.instance(Claim(linear, PROPERTIES["monotone"]), agents, tokens, 0, None)
    solver = z3.Solver()
    bids = [to_z3(graph.bid(graph.agent(j))) for j in range(agents)]
    solver.add(*(bid >= 0 for bid in bids), z3.Sum(bids) > 0, to_z3(RAISED) >= bids[0])
    for j in range(agents):
        row = [to_z3(graph.prob(graph.agent(j), graph.token(t))) for t in range(tokens)]
        solver.add(*(p >= 0 for p in row), z3.Sum(row) == 1)
    solver.add(z3.Not(to_z3(instance.formula.holds)))
    return str(solver.check())


def cleared(agents: int, tokens: int) -> str:
    """The same with the denominators cleared, one token at a time."""
    import z3

    b = [z3.Real(f"b{j}") for j in range(agents)]
    p = [[z3.Real(f"p{j}_{t}") for t in range(tokens)] for j in range(agents)]
    raised = z3.Real("raised")
    low, high = z3.Sum(b), raised + z3.Sum(b[1:]) if agents > 1 else raised
    answers = []
    for t in range(tokens):
        solver = z3.Solver()
        solver.add(*(x >= 0 for x in b), low > 0, raised >= b[0])
        for row in p:
            solver.add(*(x >= 0 for x in row), z3.Sum(row) == 1)
        rest = z3.Sum([b[j] * p[j][t] for j in range(1, agents)]) if agents > 1 else 0
        before, after, own = b[0] * p[0][t] + rest, raised * p[0][t] + rest, p[0][t]
        rising = z3.And(before * high <= after * low, after <= own * high)
        falling = z3.And(own * high <= after, after * low <= before * high)
        solver.add(z3.Not(z3.Or(rising, falling)))
        answers.append(str(solver.check()))
    return ", ".join(sorted(set(answers)))


# Counterexamples


def find_exact(name: str) -> str:
    """An exact, shrunk counterexample."""
    from tokenauction.proofs import Refuted, verify

    verdict = verify(_rule(name), "monotone")
    assert isinstance(verdict, Refuted), verdict
    values = verdict.witness.assignment
    return f"exact, {values.agents} agents, {values.tokens} tokens"


def find_with_hypothesis(name: str, seconds: float) -> str:
    """A plain property test of the float function at tolerance 1e-9, until it fails."""
    from hypothesis import HealthCheck, given, seed, settings
    from hypothesis import strategies as st

    rule, deadline = _rule(name), time.perf_counter() + seconds
    found: list[Any] = []
    sizes = st.tuples(st.integers(2, 3), st.integers(2, 3))

    @st.composite
    def cases(draw: Any) -> tuple[Any, Any, float]:
        agents, tokens = draw(sizes)
        bids = draw(st.lists(st.floats(0, 1000), min_size=agents, max_size=agents))
        weights = draw(
            st.lists(
                st.lists(st.floats(0.001, 1), min_size=tokens, max_size=tokens),
                min_size=agents,
                max_size=agents,
            )
        )
        return bids, weights, draw(st.floats(0, 1000))

    def holds(case: tuple[Any, Any, float]) -> bool:
        bids, dists = np.array(case[0]), np.array(case[1])
        dists = dists / dists.sum(axis=1, keepdims=True)
        if bids.sum() <= 0:
            return True
        raised = bids.copy()
        raised[0] += case[2]
        before, after, own = rule(bids, dists), rule(raised, dists), dists[0]
        low, high = np.minimum(before, own), np.maximum(before, own)
        return bool(((after >= low - 1e-9) & (after <= high + 1e-9)).all())

    number = 0
    while not found and time.perf_counter() < deadline:
        number += 1

        @seed(number)
        @settings(
            max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(cases())
        def attempt(case: tuple[Any, Any, float]) -> None:
            if time.perf_counter() < deadline and not holds(case):
                found.append(case)
                raise AssertionError

        try:
            attempt()
        except AssertionError:
            break
    return "floats, shrunk" if found else "nothing"


def _rule(name: str) -> AggregationRule:
    return next(rule for rule in FAULTY if rule.name == name)


# Start-up


def start_up(command: list[str], runs: int) -> float:
    """The median seconds of a whole process."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


# The tables


def measure(limit: float, runs: int) -> list[Row]:
    """Every measurement, printed as it comes."""
    rows: list[Row] = []

    def note(table: str, what: str, how: str, seconds: float | None, answer: str) -> None:
        rows.append(Row(table, what, how, seconds, limit, answer))
        shown = f"> {limit:g}" if seconds is None else f"{seconds:.3f}"
        print(f"{table:16} {what:22} {how:34} {shown:>9} s  {answer}", flush=True)

    note("proof", "linear, all sizes", "tokenauction, whole verdict", *limited(prove_linear, limit))
    note(
        "proof",
        "linear, all sizes",
        "tokenauction, reduction",
        *limited(reduction_of_linear, limit),
    )
    for agents, tokens in SIZES:
        size = f"linear, ({agents}, {tokens})"
        for how, work in (("Z3, divisions left in", direct), ("Z3, denominators cleared", cleared)):
            note("proof", size, how, *limited(work, limit, agents, tokens))
    for rule in FAULTY:
        exact = limited(find_exact, limit, rule.name)
        note("counterexample", rule.name, "tokenauction, exact and shrunk", *exact)
        plain, answer = limited(find_with_hypothesis, limit, rule.name, limit)
        found = plain if answer != "nothing" else None
        note("counterexample", rule.name, "Hypothesis, floats", found, answer)
    script = str(Path(sys.executable).parent / "tokenauction")
    imports = [sys.executable, "-c", "import sympy, z3"]
    base = start_up(imports, runs)
    note("start-up", "import sympy, z3", "python -c", base, "")
    for name in ("--help", "--version", "rules", "verify --help", "gate --help"):
        seconds = start_up([script, *name.split()], runs)
        note("start-up", f"tokenauction {name}", "", seconds, f"{seconds / base:.2f} of the import")
    return rows


def main() -> None:
    """Measure, print, and keep the figures where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a limit of 20 seconds, not 120")
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    rows = measure(20.0 if options.quick else 120.0, 3 if options.quick else 7)
    if options.json:
        text = json.dumps([asdict(row) for row in rows], indent=2) + "\n"
        Path(options.json).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
