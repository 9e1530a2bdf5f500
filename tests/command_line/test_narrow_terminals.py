"""In a narrow terminal nothing is cut: names stay whole, and what has no room goes below."""

import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path
from typing import Any

import forked
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.mechanisms import CATALOGUE, MECHANISMS, PAYMENTS
from tokenauction.proofs.command_line import display
from tokenauction.theory import DEFAULT_MECHANISM_PROPERTIES, PROPERTIES

TABLE = """
[tool.tokenauction]
targets = ["uniform-smoothing", "linear"]
properties = ["no-bid-no-influence", "unanimous"]
unknown = "warn"
"""


def shown(columns: int, *arguments: str, folder: Path | None = None) -> str:
    """The text that a terminal of so many columns shows of standard output."""
    read = written(columns, *arguments, folder=folder, NO_COLOR="1")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", read).replace("\r\n", "\n")


def written(columns: int, *arguments: str, folder: Path | None = None, **variables: str) -> str:
    """What is written to such a terminal, as it is."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    hidden = ("COLUMNS", "LINES", "NO_COLOR", "TERM", "FORCE_COLOR")
    kept = {name: text for name, text in os.environ.items() if name not in hidden}
    given = {**kept, "TERM": "xterm-256color", **variables}
    with open(os.devnull, "r+") as nothing:
        files = [nothing.fileno(), theirs, nothing.fileno()]
        child = forked.begun(arguments, folder, given, files)
    os.close(theirs)
    read = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:
            break
        if not more:
            break
        read += more
    os.close(ours)
    child.wait()
    return read.decode()


def check_width(text: str, columns: int) -> None:
    """That no line is longer than the terminal."""
    assert text.strip()
    assert "…" not in text
    for line in text.splitlines():
        assert len(line) <= columns, line


@pytest.mark.parametrize("columns", [100, 60, 40])
@pytest.mark.parametrize("command", ["rules", "properties"])
def test_lists(command: str, columns: int) -> None:
    text = shown(columns, command)
    check_width(text, columns)
    words = text.split()
    shipped: dict[str, Any] = {**CATALOGUE, **PAYMENTS, **MECHANISMS}
    names = PROPERTIES if command == "properties" else shipped
    assert set(names) <= set(words)
    for one in names.values():
        assert " ".join(one.summary.split()) in " ".join(words)


@pytest.mark.parametrize("columns", [100, 60, 40])
def test_verdicts(columns: int) -> None:
    text = shown(columns, "verify", "pay-your-bid", "--budget", "30")
    check_width(text, columns)
    found = dict(re.findall(r"^  ([a-z-]+) +(proved|refuted|unknown)", text, re.M))
    assert list(found) == list(DEFAULT_MECHANISM_PROPERTIES)
    assert text.count(" s\n") >= len(found)
    assert "search and exact replay" in " ".join(text.split())


@pytest.mark.parametrize("columns", [60, 40])
def test_a_comparison(columns: int) -> None:
    asked = ("--property", "monotone", "--property", "monotone-reverse-kl")
    text = shown(columns, "compare", "linear", "uniform-smoothing", *asked)
    check_width(text, columns)
    words = " ".join(text.split())
    assert text.startswith("different  linear  uniform-smoothing")
    assert "monotone is lost: Agent 0 raised its bid" in words
    assert "monotone-reverse-kl" in words


@pytest.mark.parametrize("columns", [60, 40])
def test_the_gate_and_the_theorems(columns: int, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE)
    text = shown(columns, "gate", "--update", folder=tmp_path)
    check_width(text, columns)
    claims = re.findall(r"(uniform-smoothing|linear)\s+(no-bid-no-influence|unanimous)", text)
    assert set(claims) >= {
        (rule, prop)
        for rule in ("uniform-smoothing", "linear")
        for prop in ("no-bid-no-influence", "unanimous")
    }
    text = shown(columns, "theorems", "gibbs", "robust-is-a-partial-order")
    check_width(text, columns)
    assert re.findall(r"^proved +([a-z-]+)", text, re.M) == ["gibbs", "robust-is-a-partial-order"]


def test_a_file_is_as_wide_as_it_needs(tmp_path: Path) -> None:
    asked = ("compare", "linear", "cap", "--property", "monotone", "--output", "compare.txt")
    shown(40, *asked, folder=tmp_path)
    lines = (tmp_path / "compare.txt").read_text().splitlines()
    assert any(line.startswith("With bids (") and len(line) > 60 for line in lines)


COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])[0-9;]*m")


@pytest.mark.parametrize("command", [["verify", "linear"], ["gate"]])
def test_colours_are_for_those_who_want_them(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE)
    asked = [*command, "--property", "neutral"] if command != ["gate"] else [*command, "--update"]
    coloured = written(80, *asked, folder=tmp_path)
    assert COLOUR.search(coloured)
    for variable in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert not COLOUR.search(written(80, *asked, folder=tmp_path, **variable))


WORDS = st.lists(st.sampled_from(["a", "robust-order", "two", "0.5", "agents,"]), max_size=12)
CELLS = WORDS.map(" ".join)


@given(st.integers(2, 5).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n))))
@pytest.mark.parametrize("columns", [None, 12, 24, 40, 60, 100])
def test_no_cell_of_a_table_is_lost(columns: int | None, rows: list[list[str]]) -> None:
    header = ["name", "kind", "what", "why", "how"][: len(rows[0])] if rows else ["name", "what"]
    before = display.terminal_width
    display.terminal_width = lambda: columns
    try:
        text = display.table(header, rows)
    finally:
        display.terminal_width = before
    words = text.split()
    for row in rows:
        for cell in row:
            assert set(cell.split()) <= set(words)
    total = sum(len(cell.split()) for row in rows for cell in row)
    assert len(words) >= total
    if columns is None:
        assert len(text.splitlines()) == len(rows) + 1
