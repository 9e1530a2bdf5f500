"""What the commands share at the edge: interrupts, files that are written, how one fails."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click

from tokenauction.proofs import report
from tokenauction.proofs.cli import INTERRUPTED


class Interrupts:
    """Whether the user has interrupted; looked at between steps that must not be torn apart.

    An exception in the middle of a proof could be lost in Z3's callbacks, or read as a failure. The
    second interrupt ends the process.
    """

    def __init__(self) -> None:
        self.seen = False
        signal.signal(signal.SIGINT, self._note)

    def _note(self, *_: object) -> None:
        if self.seen:
            os._exit(INTERRUPTED)
        self.seen = True


def check_folder(output: str | None) -> None:
    """End the command where there is no folder to write a report to."""
    if output and not Path(output).absolute().parent.is_dir():
        fail(f"--output {output}: there is no folder {Path(output).absolute().parent}")


def write(text: str, output: str | None) -> None:
    """Print a report, or write it to a file, whole or not at all; a device is written to."""
    if output is None:
        click.echo(text, nl=False)
        return
    place = Path(output)
    try:
        if place.exists() and not place.is_file():
            place.write_text(text, "utf-8")
            return
        temporary = Path(f"{output}.partial")
        temporary.write_text(text, "utf-8")
        os.replace(temporary, output)
    except OSError as problem:
        fail(f"--output {output}: {problem.strerror}")


def fail(message: str) -> NoReturn:
    """End the command for input that cannot be used."""
    click.echo(f"tokenauction: {message}", err=True)
    sys.exit(report.UNUSABLE)
