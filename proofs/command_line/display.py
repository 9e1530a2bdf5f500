"""What the terminal shows: progress while it works, then a table; a line a verdict when piped.

Every verdict is a word; colour only repeats it.
"""

import shutil
import sys
import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenauction.proofs.reports.findings import scope, scope_with_doubt, summary, title

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
        self._printed: list[dict[str, Any]] = []

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

    def decided(self, result: dict[str, Any] | None = None) -> None:
        """Count a result, and print its row where rows are printed at once."""
        self._count += 1
        if self._rows_at_once and result is not None:
            self._printed.append(result)
            print(_row(result), flush=True)

    def text(self, rows: list[dict[str, Any]], plain: bool = False) -> str:
        """The results as a table, less the rows that are printed, and what there is to say.

        With `plain` it is for a file: without colours, and every row.
        """
        if sys.stdout.isatty() and not plain:
            return _fancy(rows)
        printed = [] if plain else self._printed
        return plain_text(rows, [row for row in rows if row not in printed])


def plain_text(rows: list[dict[str, Any]], listed: list[dict[str, Any]] | None = None) -> str:
    """Results as they are printed where there is no terminal; a line for those that are listed."""
    lines = [_row(row) for row in (rows if listed is None else listed)]
    return "\n".join([*lines, *_details(rows, width=0), summary(rows)]) + "\n"


def _spinner() -> "Status | None":
    """The line of progress on standard error; None where that is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.status("starting", spinner="dots") if console.is_terminal else None


def _row(row: dict[str, Any]) -> str:
    """One verdict in one line."""
    return f"{row['status']:8} {title(row)}  [{scope_with_doubt(row)}]"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table of plain text, its last column wrapped to the terminal."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header) - 1)]
    left = sum(widths) + 2 * len(widths)
    room = shutil.get_terminal_size((100, 24)).columns - left if sys.stdout.isatty() else 0
    lines = []
    for row in [header, *rows]:
        front = "  ".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True))
        last = textwrap.wrap(row[-1], room) if room > 20 else [row[-1]]
        lines += [f"{front}  {last[0] if last else ''}".rstrip()]
        lines += [" " * left + part for part in last[1:]]
    return "\n".join(lines) + "\n"


def _fancy(rows: list[dict[str, Any]]) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    cells = [_cells(row) for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    with console.capture() as captured:
        for rule, group in groupby(zip(rows, cells, strict=True), lambda pair: _rule(pair[0])):
            console.print(Text(rule, style="bold"))
            grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
            for width in widths:
                grid.add_column(min_width=width, no_wrap=True)
            for row, (prop, verdict, *rest) in group:
                colour = _COLOURS[row["status"]]
                grid.add_row(f"  {prop}", Text(verdict, style=colour), *rest)
            console.print(grid)
    width = min(console.width, 100)
    return captured.get() + "\n".join([*_details(rows, width), summary(rows)]) + "\n"


def _rule(row: dict[str, Any]) -> str:
    return f"{row['rule']}  ({Path(row['file']).name}:{row['line']})"


def _cells(row: dict[str, Any]) -> list[str]:
    everything = row["scope"]["agents"] == "all" and row["scope"]["tokens"] == "all"
    sizes = "all sizes" if everything else scope(row)
    return [row["property"], row["status"], sizes, row["method"], f"{row['seconds']:.1f} s"]


def _details(rows: list[dict[str, Any]], width: int) -> list[str]:
    lines: list[str] = []
    said: set[tuple[str, str, str]] = set()
    for row in rows:
        told = row.get("explanation") or ([_reason(row, said)] if row["reason"] else [])
        if told:
            lines += ["", f"{title(row)}: {row['status']}"]
        for paragraph in told:
            lines += _wrapped(paragraph, width)
    return [*lines, ""]


def _reason(row: dict[str, Any], said: set[tuple[str, str, str]]) -> str:
    """The reason of a row; what stands in the way of a whole rule is said once."""
    reason: str = row["reason"]
    way, _, rest = reason.partition(_SEARCHED)
    key = (row["rule"], row["file"], way)
    if "reason_code" not in row or key not in said:
        said.add(key)
        return reason
    return f"for the same reason{_SEARCHED}{rest}" if rest else "for the same reason"


_SEARCHED = "; searched without success: "


def _wrapped(paragraph: str, width: int) -> list[str]:
    if not width:
        return [f"  {paragraph}"]
    indent = "  " + " " * (len(paragraph) - len(paragraph.lstrip()))
    return textwrap.wrap(
        paragraph.strip(), width, initial_indent=indent, subsequent_indent=indent
    ) or [""]
