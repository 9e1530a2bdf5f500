"""What the terminal shows: progress while it works, then a table; a line a verdict when piped.

Every verdict is a word; colour only repeats it.
"""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tokenauction.proofs.processes.messages import Row
from tokenauction.proofs.reports.findings import scope, scope_with_doubt, summary, title
from tokenauction.proofs.results import counterexamples
from tokenauction.proofs.results.verdict import Scope

if TYPE_CHECKING:  # rich is loaded where something is shown, which a help text is not
    from rich.status import Status

_COLOURS = {"proved": "green", "refuted": "red", "unknown": "yellow"}


class Display:
    """Progress on standard error, results as text.

    With `rows_at_once` the row of a result is printed as soon as it is there, unless standard
    output is a terminal, which gets a table at the end.
    """

    def __init__(self, rows_at_once: bool = False) -> None:
        self._status = _spinner()
        self._count = 0
        self._rows_at_once = rows_at_once and not sys.stdout.isatty()
        self._printed: list[Row] = []

    def __enter__(self) -> "Display":
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def progress(self, text: str) -> None:
        """Say what is being decided."""
        if self._status is not None:
            done = f"{self._count} decided, " if self._count else ""
            self._status.update(f"{done}{text}")

    def decided(self, result: Row | None = None) -> None:
        """Count a result, and print its row where rows are printed at once."""
        self._count += 1
        if self._rows_at_once and result is not None:
            self._printed.append(result)
            print(_row(result), flush=True)

    def text(self, rows: Sequence[Row], plain: bool = False, asked: Scope | None = None) -> str:
        """The results as a table, less the rows that are printed, and what there is to say.

        With `plain` it is for a file: without colours, and every row. `asked` are the sizes that a
        proof should cover.
        """
        if sys.stdout.isatty() and not plain:
            return _fancy(rows, asked)
        printed = [] if plain else self._printed
        return plain_text(rows, [row for row in rows if row not in printed], asked)


def plain_text(
    rows: Sequence[Row],
    listed: Sequence[Row] | None = None,
    asked: Scope | None = None,
) -> str:
    """Results as they are printed where there is no terminal; a line for those that are listed."""
    lines = [_row(row) for row in (rows if listed is None else listed)]
    return "\n".join([*lines, *_details(rows, width=0), summary(rows, asked)]) + "\n"


def _spinner() -> "Status | None":
    """The line of progress on standard error; None where that is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.status("starting", spinner="dots") if console.is_terminal else None


def _row(row: Row) -> str:
    """One verdict in one line."""
    return f"{row['status']:8} {title(row)}  [{scope_with_doubt(row)}]"


def table(header: list[str], rows: list[list[str]], plain: bool = False) -> str:
    """A table of plain text, fitted to the terminal; with `plain`, and in a pipe, a line a row.

    Where the words of a last column have no room beside the others, they stand below them; where
    the others have none either, each cell has a line of its own. No cell is cut.
    """
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header) - 1)]
    columns = None if plain else terminal_width()
    left = sum(widths) + 2 * len(widths)
    if columns is not None and columns - left < min(_LEAST, _longest(rows)):
        if _longest(rows) > _LEAST and max(len("  ".join(row[:-1])) for row in rows) <= columns:
            shown = [_below("  ".join(row[:-1]), row[-1], columns) for row in [header, *rows]]
        else:
            shown = [_stacked(header, row, columns) for row in rows]
        return "\n".join(line for lines in shown for line in lines) + "\n"
    lines = []
    for row in [header, *rows]:
        front = "  ".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True))
        last = [row[-1]] if columns is None else _wrap(row[-1], columns - left)
        lines += [f"{front}  {last[0] if last else ''}".rstrip()]
        lines += [" " * left + part for part in last[1:]]
    return "\n".join(lines) + "\n"


_LEAST = 24  # columns for words beside others


def _longest(rows: list[list[str]]) -> int:
    return max((len(row[-1]) for row in rows), default=0)


def _below(front: str, last: str, columns: int) -> list[str]:
    return [front.rstrip(), *(f"  {part}" for part in _wrap(last, columns - 2))]


def _stacked(header: list[str], row: list[str], columns: int) -> list[str]:
    """A row as lines: its first cell, then every other one behind the head of its column."""
    cells = [f"{head}: {cell}" for head, cell in zip(header[1:], row[1:], strict=True) if cell]
    return [row[0], *(f"  {part}" for cell in cells for part in _wrap(cell, columns - 2))]


def terminal_width() -> int | None:
    """The columns of the terminal that standard output is; None where it is none."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else None


def takes_colour() -> bool:
    """Whether standard output is a terminal with colours, whose user has nothing against them."""
    from rich.console import Console

    console = Console()
    return console.is_terminal and console.color_system is not None and not console.no_color


def fitted(text: str) -> str:
    """Lines wrapped to the terminal, what is left over further in; in a pipe as they are."""
    columns = terminal_width()
    if columns is None:
        return text
    lines = []
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        lines += _wrap(line, columns, indent) or [line]
    return "\n".join(lines)


def _wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """A text in lines; a name is never parted at its hyphens, and no word is cut."""
    return textwrap.wrap(
        text,
        max(columns, 1),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _fancy(rows: Sequence[Row], asked: Scope | None) -> str:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    cells = [_cells(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    gap, beside = _layout(widths, console.width)
    with console.capture() as captured:
        for rule, group in groupby(zip(rows, cells, strict=True), lambda pair: _rule(pair[0])):
            console.print(Text(rule, style="bold"))
            for row, found in group:
                line = Text("  ")
                for number, cell in enumerate(found[:beside]):
                    padded = cell if number == len(found) - 1 else cell.ljust(widths[number] + gap)
                    line.append(padded, style=_COLOURS[row["status"]] if number == 1 else "")
                line.rstrip()
                console.print(line, no_wrap=True, overflow="ignore", crop=False)
                for part in _wrap(", ".join(found[beside:]), console.width - 4):
                    console.print(Text(f"    {part}"))
    width = min(console.width, 100)
    return captured.get() + "\n".join([*_details(rows, width), summary(rows, asked)]) + "\n"


_SHORT = 3  # columns of a narrow terminal: the property, the verdict and the sizes


def _layout(widths: list[int], columns: int) -> tuple[int, int]:
    """The gap between columns, and how many of them fit beside each other; others go below."""
    if 2 + sum(widths) + 4 * (len(widths) - 1) <= columns:
        return 4, len(widths)
    room, beside = columns - 2 - widths[0], 1
    while beside < _SHORT and room >= widths[beside] + 2:
        room -= widths[beside] + 2
        beside += 1
    return 2, beside


def _rule(row: Row) -> str:
    return f"{row['rule']}  ({Path(row['file']).name}:{row['line']})"


def _cells(row: Row) -> list[str]:
    sizes = "all sizes" if Scope.of(row["scope"]) == Scope() else scope(row)
    return [row["property"], row["status"], sizes, row["method"], f"{row['seconds']:.1f} s"]


def _details(rows: Sequence[Row], width: int) -> list[str]:
    lines: list[str] = []
    said: set[tuple[str, str, str]] = set()
    for row in rows:
        told = row.get("explanation") or _told(row, said, width)
        if told:
            headline = f"{title(row)}: {row['status']}"
            lines += ["", *(_wrap(headline, width, "  ") if width else [headline])]
        for paragraph in told:
            lines += _wrapped(paragraph, width)
    return [*lines, ""]


def _told(row: Row, said: set[tuple[str, str, str]], width: int) -> list[str]:
    """Why a row is not proved: its counterexample in full, or the reason."""
    found = row["counterexample"]
    if found is not None:
        room = (width or counterexamples.WIDEST) - 2
        return counterexamples.lines(found, row["reason"], width=room)
    return [_reason(row, said)] if row["reason"] else []


def _reason(row: Row, said: set[tuple[str, str, str]]) -> str:
    """The reason of a row; one that several claims of a rule have is said once."""
    reason: str = row["reason"]
    way, _, rest = reason.partition(_SEARCHED)
    key = (row["rule"], row["file"], way)
    if key not in said:
        said.add(key)
        return reason
    return f"for the same reason{_SEARCHED}{rest}" if rest else "for the same reason"


_ROW = "  "  # how the rows of a table begin, which no line may break
_SEARCHED = "; searched without success: "


def _wrapped(paragraph: str, width: int) -> list[str]:
    if not width or paragraph.startswith(_ROW):
        return [f"  {paragraph}".rstrip()]
    indent = "  " + " " * (len(paragraph) - len(paragraph.lstrip()))
    lines = _wrap(paragraph.strip(), max(width - len(indent), 1))
    return [f"{indent}{line}" for line in lines] or [""]
