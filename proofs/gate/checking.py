"""The gate from its configuration to its report, for the command line and for Python alike."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenauction.proofs.gate import configuration, executors, gate, identified, lock, relocked
from tokenauction.proofs.gate.cache import Cache
from tokenauction.proofs.gate.configuration import Configuration
from tokenauction.proofs.gate.executors import Workers
from tokenauction.proofs.gate.gate_report import GateReport
from tokenauction.proofs.gate.lock import BadLock, Lock


@dataclass(frozen=True)
class Options:
    """What is asked of the gate beyond what the configuration says; as for the command `gate`."""

    update: bool = False
    fresh: bool = False
    recheck: bool = False
    jobs: int | None = None
    executor: str | Executor = "local"
    cache: Path | None = None
    base: str | None = None
    progress: Callable[[str], None] = lambda _: None
    decided: Callable[[Mapping[str, Any]], None] = lambda _: None


def project(config: Path | None) -> Configuration:
    """The configuration in a file, or in the nearest one above; raises BadConfiguration."""
    found = configuration.read(config or configuration.find(Path.cwd()))
    return replace(found, root=found.root.resolve())


def locked(
    project: Configuration, update: bool, told: Callable[[str], None] = lambda _: None
) -> Lock:
    """What is locked; raises BadLock for a lock that is not there or cannot be read.

    For an update these are no lock at all; `told` is then what is wrong with one.
    """
    place = project.root / project.lock
    try:
        found = lock.read(place)
    except BadLock as problem:
        if not update:
            raise
        told(f"the old lock is left out of account: {problem}")
        return {}
    if found is None and not update:
        raise BadLock(f"{place}: there is no lock yet; make it with `tokenauction gate --update`")
    return found or {}


def checked(project: Configuration, known: Lock, options: Options) -> GateReport:
    """What the gate says; writes the lock where that is asked for and nothing is unusable.

    Raises NoExecutor, NoBase, and supervisor.Failed where no claim can be looked at.
    """
    with _workers(options, project.root) as workers:
        ways = identified.Ways(
            executor=workers.executor,
            cache=Cache(options.cache or project.root / project.cache),
            sources=workers.sources,
            jobs=workers.jobs,
            fresh=options.fresh,
            recheck=options.recheck,
            base=options.base,
            progress=options.progress,
            decided=options.decided,
        )
        seen = gate.survey(project, known, ways)
        if seen.interrupted:
            return _report(project, seen, known, False)
    return _report(project, seen, known, options.update and _written(project, seen, known))


@contextmanager
def _workers(options: Options, root: Path) -> Iterator[Workers]:
    """The executor that is asked for; one that the caller brings stays open."""
    if isinstance(options.executor, str):
        with executors.opened(options.executor, options.jobs, root) as workers:
            yield workers
    else:
        yield Workers(options.executor, options.jobs or executors.processors())


def _written(project: Configuration, seen: identified.Survey, known: Lock) -> bool:
    """Write the lock where it is whole; whether that was done."""
    place = project.root / project.lock
    if seen.unusable:
        return False
    try:
        lock.write(place, relocked.updated(seen, known))
    except OSError as problem:
        seen.unusable.append(f"{place}: {problem.strerror}")
        return False
    return True


def _report(
    project: Configuration, seen: identified.Survey, known: Lock, updated: bool
) -> GateReport:
    return GateReport(
        standings=relocked.standings(seen, known, updated),
        removed=relocked.gone(seen, known),
        lock=known,
        lock_file=str(project.lock),
        updated=updated,
        tools=identified.tools(),
        relations=seen.relations,
        locked=seen.locked,
        interrupted=seen.interrupted,
        unusable=tuple(seen.unusable),
    )
