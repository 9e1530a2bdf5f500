"""What the commands share at the edge: interrupts, written files, warnings, how one fails."""

import os
import re
import signal
import stat
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from tokenauction.proofs.processes.child_process import STOP
from tokenauction.proofs.results import exit_status
from tokenauction.proofs.results.exit_status import INTERRUPTED
from tokenauction.proofs.results.whole_files import put

_MOMENT: Final = 1.5


def _on_interrupt(note: Callable[[], None]) -> None:
    """Have the first interrupt noted, and the second end the process."""
    seen = False

    def handle(*_: object) -> None:
        nonlocal seen
        if seen:
            os._exit(INTERRUPTED)
        seen = True
        note()

    signal.signal(signal.SIGINT, handle)


class Interrupts:
    """Whether the user has interrupted; looked at between steps that must not be torn apart.

    A step that goes on for longer than a moment (a model that loads) is given up with the process,
    and so is everything at the second interrupt: files are written whole or not at all, and a
    transcript round by round.
    """

    def __init__(self) -> None:
        self.seen = False
        _on_interrupt(self._note)

    def _note(self) -> None:
        self.seen = True
        last = threading.Timer(_MOMENT, self._give_up)
        last.daemon = True
        last.start()

    def _give_up(self) -> None:
        with suppress(OSError, ValueError):
            os.write(2, b"tokenauction: interrupted in the middle of a step, which is given up\n")
        os._exit(INTERRUPTED)


def until_interrupted(work: Callable[[], None]) -> bool:
    """Do some work until it ends, or the user interrupts; whether that was so.

    The work goes on in a thread, since Z3 hears nobody while it thinks: after an interrupt the
    command has to end with `end_interrupted`. What the work raises is raised.
    """
    interrupted = False
    failed: list[BaseException] = []

    def note() -> None:
        nonlocal interrupted
        interrupted = True

    def run() -> None:
        try:
            work()
        except BaseException as problem:
            failed.append(problem)

    _on_interrupt(note)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive() and not interrupted:
        thread.join(0.1)
    if failed:
        raise failed[0]
    return thread.is_alive()


def end_interrupted() -> NoReturn:
    """End at once, with what was written: nobody waits for what is still going on."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(INTERRUPTED)


def stop_children_on_interrupt() -> None:
    """Have the first interrupt end every child process, and the second the process itself.

    What was decided until then is reported: nothing is torn apart by an exception.
    """

    def stop() -> None:
        STOP.asked = True

    _on_interrupt(stop)


def check_files(
    output: str | None, transcript: str | None = None, read: Iterable[str] = ()
) -> None:
    """End the command where a report has no folder, a file no name, or two files are one.

    `read` are the files that the command reads.
    """
    named = [("--output", output), ("--transcript", transcript)]
    for option, name in named:
        if name == "":
            fail(f"{option} is empty: name a file, or leave it out")
    if output and not Path(output).absolute().parent.is_dir():
        fail(f"--output {output}: there is no folder {Path(output).absolute().parent}")
    check_apart([(f"{option} {name}", name) for option, name in named if name], read)


def check_apart(written: Sequence[tuple[str, str]], read: Iterable[str] = ()) -> None:
    """End the command where a file would be written twice, or over one that it reads.

    `written` has each file with the words that the user named it by.
    """
    for (one, name), (other, second) in combinations(written, 2):
        if one_file(name, second) or one_file(second, name):
            fail(f"{one} would be written over {other}: name another file")
    for one, name in written:
        for source in read:
            if one_file(name, source):
                fail(f"{one} would be written over {source}, which is read: name another file")
        if _is_standard_output(name):
            fail(f"{one} is where standard output goes: name another file, or leave it out")


def files_named(*names: str | None) -> list[str]:
    """The files in targets and properties such as `rules.py::mine` and `rules.py::mine+fee`."""
    parts = (
        part
        for name in names
        if name
        for part in (name, name.partition("::")[0], *re.split(r"::|\+", name))
    )
    return [part for part in dict.fromkeys(parts) if Path(part).is_file()]


def one_file(output: str, other: str) -> bool:
    """Whether a report, or the unfinished file of a table, is another file."""
    real = os.path.realpath(output)
    for name in (real, f"{real}.part"):
        if name == os.path.realpath(other):
            return True
        if os.path.exists(name) and os.path.exists(other) and os.path.samefile(name, other):
            return True
    return False


def _is_standard_output(name: str) -> bool:
    try:
        found, printed = os.stat(name), os.fstat(1)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and os.path.samestat(found, printed)


def say(message: str) -> None:
    """A line of the command's own on standard error."""
    click.echo(f"tokenauction: {message}", err=True)


def write(text: str, output: str | None) -> None:
    """Print a report, or write it to a file, whole or not at all; a device is written to."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        put(text, Path(output))
    except OSError as problem:
        fail(f"--output {output}: {problem.strerror}")


def open_output() -> None:
    """Where standard output was closed, put there what refuses to be written to.

    Python has None there, on which some output is an error and some is lost without a word; and a
    file that is opened would take its place.
    """
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Inside, a warning of this package is one sentence on standard error; others are as before."""
    before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **rest: Any) -> None:
        if not category.__module__.startswith("tokenauction."):
            before(message, category, *where, **rest)
            return
        with suppress(OSError):
            say(str(message))

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def cannot_write(problem: OSError) -> NoReturn:
    """End the command where its output cannot be written; what is left of it is dropped."""
    with suppress(OSError):
        sys.stdout.close()
    fail(f"{problem.filename or 'standard output'}: {problem.strerror}")


def fail(message: str) -> NoReturn:
    """End the command for input that cannot be used, or output that cannot be written."""
    with suppress(OSError):
        say(message)
    sys.exit(exit_status.UNUSABLE)
