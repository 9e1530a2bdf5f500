"""Checks: claims handed to an executor, each decided in a child process that may fail alone.

Guarantee: every request is answered once, and no failure reaches another request. What an executor
loses (a worker that is killed, a pool that breaks) is decided here instead; where that fails too,
the answer says why, and has no verdict.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import suppress
from typing import Any, Final

from tokenauction.proofs.gate.sources import CheckRequest, unpacked
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.child_process import STOP
from tokenauction.proofs.results import report

Answer = dict[str, Any]

_MOMENT: Final = 1.0


def check(request: CheckRequest) -> Answer:
    """Decide the claims of a request, as `supervisor.verify` does; what an executor is given.

    The answer has `rows`, `unusable` (messages), `problem` (why there are no rows), `versions`, and
    the `folder` of this machine that files in its texts may lie in.
    """
    answer = _nothing()
    try:
        with unpacked(request) as local:
            answer["folder"] = local.get("folder", "")
            outcome = supervisor.verify(local, lambda _: None, lambda _: None)
            if outcome.interrupted and not outcome.claims:
                return {**answer, "problem": supervisor.INTERRUPTED}
    except (supervisor.Failed, OSError) as problem:
        return {**answer, "problem": str(problem)}
    return {**answer, "rows": outcome.rows(), "unusable": outcome.unusable}


def _nothing(problem: str = "") -> Answer:
    """An answer without results."""
    return {"rows": [], "unusable": [], "problem": problem, "versions": report.versions()}


def local_executor(jobs: int) -> Executor:
    """Child processes of this machine, so many at a time."""
    return ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="tokenauction")


def answers(requests: Sequence[CheckRequest], executor: Executor) -> Iterator[tuple[int, Answer]]:
    """The answers to requests, by number, in the order in which they come.

    An interrupt (`STOP`) ends it with those that are there: local children have ended, and what is
    on another machine is not waited for. Closing the iterator cancels what has not begun.
    """
    futures: dict[Future[Answer], int] = {}
    lost: list[int] = []
    for number, request in enumerate(requests):
        try:
            futures[executor.submit(check, request)] = number
        except RuntimeError:
            lost.append(number)
    try:
        for future in _as_they_end(futures):
            try:
                found = future.result()
            except (Exception, CancelledError) as problem:
                print(_told(problem), file=sys.stderr)
                lost.append(futures[future])
            else:
                yield futures[future], found
        for number in sorted(lost) if not STOP.asked else ():
            yield number, _decided_here(requests[number])
    finally:
        for future in futures:
            with suppress(Exception):
                future.cancel()


def _as_they_end(futures: Iterable[Future[Answer]]) -> Iterator[Future[Answer]]:
    """Futures as they end; after an interrupt those that end within a moment."""
    waiting = set(futures)
    while waiting:
        interrupted = STOP.asked
        for future in waiting if interrupted else ():
            future.cancel()
        ended, waiting = wait(
            waiting, _MOMENT, FIRST_COMPLETED if not interrupted else ALL_COMPLETED
        )
        yield from (future for future in ended if not future.cancelled())
        if interrupted:
            return


def _decided_here(request: CheckRequest) -> Answer:
    """The answer of this machine, after an executor has failed; without results if it fails too."""
    try:
        return check(request)
    except Exception as problem:
        return _nothing(f"internal error, please report it: {type(problem).__name__}: {problem}")


def _told(problem: BaseException) -> str:
    text = " ".join(str(problem).split())[:200]
    return (
        f"tokenauction: the executor lost a check ({type(problem).__name__}: {text}); "
        "it is decided here instead"
    )
