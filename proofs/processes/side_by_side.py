"""The claims of one request, decided by several workers at once.

Each worker has a supervisor of its own, so what ends one costs its claim alone. The verdicts are
those of one worker alone: what a claim costs and says does not depend on the others.
"""

from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from math import ceil
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from tokenauction.proofs.processes.child_process import STOP, Interrupted
from tokenauction.proofs.processes.messages import Listed, Row, VerifyRequest
from tokenauction.proofs.processes.supervisor import Failed, Outcome, Verification, ask
from tokenauction.proofs.results.report import undecided


def parts_of(rules: Sequence[Hashable], jobs: int) -> list[list[int]]:
    """The numbers of claims in parts, given the rule of each: one rule a part.

    What a process finds out about a rule serves all of its claims; a rule's claims are in several
    parts only where there would be fewer parts than jobs.

    >>> parts_of(["linear", "linear", "linear", "cap"], 2), parts_of(["linear"] * 3, 2)
    ([[0, 1, 2], [3]], [[0, 2], [1]])
    """
    alike = groupby(range(len(rules)), key=lambda number: rules[number])
    groups = [list(numbers) for _, numbers in alike]
    pieces = ceil(jobs / max(len(groups), 1))
    return [group[k::pieces] for group in groups for k in range(min(pieces, len(group)))]


def verify_side_by_side(
    request: VerifyRequest,
    jobs: int,
    progress: Callable[[str], None],
    decided: Callable[[Row], None],
) -> Outcome:
    """Decide every claim of a request, so many at a time; else as `supervisor.verify`."""
    one_at_a_time = Lock()

    def told(row: Row) -> None:
        with one_at_a_time:
            decided(row)

    outcome = Outcome()
    parts: list[Verification] = []
    try:
        outcome.claims = ask({**request, "do": "claims"}, Listed).rows
        rules = [(claim["rule"], claim["file"], claim["line"]) for claim in outcome.claims]
        parts += [
            Verification(request, progress, told, numbers) for numbers in parts_of(rules, jobs)
        ]
        outcome.unusable += _run(parts, jobs)
    except Interrupted:
        outcome.interrupted = True
    outcome.interrupted = outcome.interrupted or STOP.asked
    for part in parts:
        outcome.results.update(part.outcome.results)
        for number in part.unfinished if outcome.unusable else ():
            reason = outcome.unusable[0]
            outcome.results[number] = undecided(outcome.claims[number], reason)
        outcome.unusable += [m for m in part.outcome.unusable if m not in outcome.unusable]
    return outcome


def _run(parts: Sequence[Verification], jobs: int) -> list[str]:
    """Run verifications in threads that end with the process; what went wrong in some of them.

    Raises Failed where nothing came of any.
    """
    waiting: SimpleQueue[Verification] = SimpleQueue()
    for part in parts:
        waiting.put(part)
    failed: list[str] = []

    def work() -> None:
        while True:
            try:
                part = waiting.get_nowait()
            except Empty:
                return
            try:
                part.run()
            except Interrupted:
                return
            except Failed as problem:
                failed.append(str(problem))
            except Exception as problem:
                failed.append(f"internal error, please report it: {problem}")

    threads = [Thread(target=work, daemon=True) for _ in range(min(jobs, len(parts)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed and not any(part.outcome.results for part in parts):
        raise Failed(failed[0])
    return list(dict.fromkeys(failed))
