"""The option `--emit-test FILE` of `verify`: counterexamples as a file of regression tests.

A file that tokenauction did not write is never written over.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from tokenauction.mechanisms.plain_files import check_plain
from tokenauction.proofs.command_line.console import fail, say
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import EmitRequest, Emitted, VerifyRequest
from tokenauction.proofs.results.whole_files import put

HEADLINE: Final = "Counterexamples that tokenauction found, as regression tests."

option = click.option(
    "--emit-test",
    "emit_test",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True),
    help="Write every counterexample as a pytest test that needs no solver.",
)


def check_file(file: str | None) -> None:
    """End the command where the tests cannot be written to a file."""
    if file is None:
        return
    place = Path(file)
    if place.suffix != ".py":
        fail(f"--emit-test {file}: name a file of tests that ends in .py")
    if not place.absolute().parent.is_dir():
        fail(f"--emit-test {file}: there is no folder {place.absolute().parent}")
    if place.exists() and not _is_ours(place):
        fail(f"--emit-test {file}: the file is there, and tokenauction did not write it")


def _is_ours(place: Path) -> bool:
    try:
        check_plain(place)
        text = place.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return not text or text.startswith(f'"""{HEADLINE}')


def emit(file: str, request: VerifyRequest, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a test for each counterexample, and say what was written; nothing where there is none.

    Ends the command where the file cannot be written.
    """
    refuted = sum(row["status"] == "refuted" for row in rows)
    if not refuted:
        say(f"nothing is refuted, so no test is written to {file}")
        return
    wanted: EmitRequest = {
        "do": "emit",
        "targets": request["targets"],
        "properties": request["properties"],
        "results": [*rows],
        "file": file,
        "headline": HEADLINE,
        "budget": request["budget"],
        "timeout": request.get("timeout"),
        "memory": request.get("memory"),
    }
    try:
        answer = supervisor.ask(wanted, Emitted)
    except supervisor.Failed as problem:
        fail(f"--emit-test {file}: {problem}")
    for message in answer.left_out:
        say(f"no test of {message}")
    if answer.text:
        try:
            put(answer.text, Path(file))
        except OSError as problem:
            fail(f"--emit-test {file}: {problem.strerror}")
        count = refuted - len(answer.left_out)
        say(f"wrote {count} test{'s' * (count != 1)} to {file}")
