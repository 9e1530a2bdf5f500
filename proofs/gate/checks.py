"""Checks: claims handed to an executor, each decided in a child process that may fail alone.

Guarantee: every request is answered once, and no failure reaches another request. What an executor
loses (a worker that is killed, a pool that breaks) is decided here instead; where that fails too,
the answer says why, and has no verdict.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import Any

from tokenauction.proofs import report, supervisor
from tokenauction.proofs.gate.sources import unpacked

Request = dict[str, Any]
Answer = dict[str, Any]


def check(request: Request) -> Answer:
    """Decide the claims of a request, as `supervisor.verify` does; what an executor is given.

    The answer has `rows`, `unusable` (messages), `problem` (why there are no rows), `versions`, and
    the `folder` of this machine that files in its texts may lie in.
    """
    answer = _nothing()
    try:
        with unpacked(request) as local:
            answer["folder"] = local.get("folder", "")
            outcome = supervisor.verify(local, lambda _: None, lambda _: None)
    except (supervisor.Failed, OSError) as problem:
        return {**answer, "problem": str(problem)}
    return {**answer, "rows": outcome.rows(), "unusable": outcome.unusable}


def _nothing(problem: str = "") -> Answer:
    """An answer without results."""
    return {"rows": [], "unusable": [], "problem": problem, "versions": report.versions()}


def local_executor(jobs: int) -> Executor:
    """Child processes of this machine, so many at a time."""
    return ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="tokenauction")


def answers(requests: Sequence[Request], executor: Executor) -> Iterator[tuple[int, Answer]]:
    """The answers to requests, by number, in the order in which they come.

    Closing the iterator cancels what has not begun.
    """
    futures: dict[Future[Answer], int] = {}
    lost: list[int] = []
    for number, request in enumerate(requests):
        try:
            futures[executor.submit(check, request)] = number
        except RuntimeError:
            lost.append(number)
    try:
        for future in as_completed(futures):
            try:
                found = future.result()
            except (Exception, CancelledError) as problem:
                print(_told(problem), file=sys.stderr)
                lost.append(futures[future])
            else:
                yield futures[future], found
        for number in sorted(lost):
            yield number, _decided_here(requests[number])
    finally:
        for future in futures:
            with suppress(Exception):
                future.cancel()


def _decided_here(request: Request) -> Answer:
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
