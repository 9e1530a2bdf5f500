"""Where checks are decided: processes of this machine, or the workers of a Dask cluster."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokenauction.proofs.gate.checks import local_executor
from tokenauction.proofs.gate.sources import TooMuch, pack
from tokenauction.theory.errors import TokenauctionError

DASK: Final = "dask://"
_SECONDS_TO_CONNECT: Final = 15


class NoExecutor(TokenauctionError):
    """There is no such executor, or it cannot be reached; the message says which."""


@dataclass(frozen=True)
class Workers:
    """An executor, how many checks it does at once, and the sources to send along if any."""

    executor: Executor
    jobs: int
    sources: str | None = None


@contextmanager
def opened(name: str, jobs: int | None, root: Path) -> Iterator[Workers]:
    """The executor that a user names: `local`, or `dask://host:port`; raises NoExecutor.

    The machines of a cluster are sent the project's files, and need this tool in the same version.
    """
    if name == "local":
        count = jobs or processors()
        with local_executor(count) as executor:
            yield Workers(executor, count)
    elif name.startswith(DASK):
        with _dask(name.removeprefix(DASK), root) as workers:
            yield workers
    else:
        raise NoExecutor(f"unknown executor {name!r}: it is local, or {DASK}HOST:PORT")


@contextmanager
def _dask(address: str, root: Path) -> Iterator[Workers]:
    try:
        from distributed import Client
    except ImportError:
        raise NoExecutor(
            "a Dask cluster needs the extra dask: pip install 'tokenauction[dask]'"
        ) from None
    try:
        sources = pack(root)
    except TooMuch as problem:
        raise NoExecutor(str(problem)) from None
    try:
        client = Client(f"tcp://{address}", timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        raise NoExecutor(f"{DASK}{address}: no scheduler answers there ({problem})") from None
    with client:
        threads = client.nthreads()
        if not threads:
            raise NoExecutor(f"{DASK}{address}: the cluster has no workers; start some")
        yield Workers(client.get_executor(pure=False), sum(threads.values()), sources)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
