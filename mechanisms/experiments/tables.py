"""Rows of frozen dataclasses as CSV files: appended as they come, or written whole, and read back.

The columns are the fields, in their order. Numbers are written so that they read back as the same
floats; None is an empty cell, so a field that may be None is a number. A file that is appended to
has whole rows at every moment, and a file that is written whole is either the old one or the new
one.
"""

import csv
import io
import os
import types
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TextIO, TypeVar, get_args, get_type_hints

from tokenauction.theory.errors import TokenauctionError

Row = TypeVar("Row")
# Tokens may be halves of characters.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogatepass"}


class NotATable(TokenauctionError, ValueError):
    """A file that cannot be read as rows of the kind that was asked for."""


class Tables(AbstractContextManager["Tables"]):
    """CSV files in one folder, a file a kind of row, open for appending; a context manager.

    The folder is made where there is none. Raises FileExistsError for a file that has something in
    it, before any file is touched, and OSError where a file cannot be written.
    """

    def __init__(self, folder: str | Path, kinds: Mapping[type, str]) -> None:
        self.paths = {kind: Path(folder) / name for kind, name in kinds.items()}
        for path in self.paths.values():
            if path.exists() and path.stat().st_size:
                raise FileExistsError(f"{path} is not empty; name another folder")
        Path(folder).mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            self._files: dict[type, TextIO] = {
                kind: opened.enter_context(open(path, "a", newline="", **_TEXT))
                for kind, path in self.paths.items()
            }
            self._close = opened.pop_all()
        for kind, file in self._files.items():
            _put(file, _header(kind))

    def __exit__(self, *_: object) -> None:
        self._close.close()

    def append(self, rows: Iterable[Any]) -> None:
        """Add rows, each to the file of its kind; they are in the file when this returns."""
        by_kind: dict[type, list[tuple[Any, ...]]] = {}
        for row in rows:
            by_kind.setdefault(type(row), []).append(astuple(row))
        for kind, values in by_kind.items():
            _put(self._files[kind], _lines(values))


def columns(kind: type) -> tuple[str, ...]:
    """The names of the columns of a kind of row."""
    return tuple(field.name for field in fields(kind))


def write_table(path: str | Path, kind: type, rows: Iterable[Any]) -> None:
    """Write a whole file, in place of an older one. Raises OSError where it cannot be written."""
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    with open(unfinished, "w", newline="", **_TEXT) as file:
        file.write(_header(kind) + _lines(map(astuple, rows)))
    os.replace(unfinished, path)


def read_table(path: str | Path, kind: type[Row]) -> list[Row]:
    """The rows of a file; raises NotATable, which names the file and the line, and OSError."""
    hints, names = get_type_hints(kind), columns(kind)
    with open(path, newline="", **_TEXT) as file:
        lines = csv.reader(file)
        try:
            header = tuple(next(lines, []))
            if header != names:
                raise NotATable(
                    f"{path} has the columns {', '.join(header) or 'of an empty file'}, "
                    f"not {', '.join(names)}"
                )
            return [
                kind(*(_value(hints[name], cell) for name, cell in zip(names, line, strict=True)))
                for line in lines
            ]
        except NotATable:
            raise
        except (ValueError, csv.Error) as problem:
            raise NotATable(f"{path}, line {lines.line_num}: {problem}") from problem


def _value(hint: Any, cell: str) -> Any:
    if isinstance(hint, types.UnionType):
        if cell == "":
            return None
        [hint] = [one for one in get_args(hint) if one is not types.NoneType]
    return hint(cell)


def _header(kind: type) -> str:
    return ",".join(columns(kind)) + "\n"


def _lines(values: Iterable[tuple[Any, ...]]) -> str:
    text = io.StringIO(newline="")
    # Words are quoted always: a carriage return in one would end the line for a reader.
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows(values)
    return text.getvalue()


def _put(file: TextIO, text: str) -> None:
    whole = os.fstat(file.fileno()).st_size
    try:
        file.write(text)
        file.flush()
    except OSError as problem:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            os.truncate(file.name, whole)
        raise OSError(problem.errno, problem.strerror, file.name) from problem
