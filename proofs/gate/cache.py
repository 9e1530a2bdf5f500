"""The cache: verdicts that were reached before, by what they are about.

Guarantee: an entry is used for the very claim, effort, tools and checker that it was made with, and
only where it is whole. Several runs may share a cache: an entry is written in one step, and one
that is cut short, garbled or of another claim is ignored and made anew. Nothing undecided is kept.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import tokenauction.mechanisms
import tokenauction.proofs
import tokenauction.theory
from tokenauction.proofs.results.whole_files import replace_file

_FORMAT: Final = 1


@dataclass(frozen=True)
class Cache:
    """The verdicts in a folder; a folder that cannot be written to keeps nothing."""

    folder: Path

    def get(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result of a claim; None where there is none that can be trusted."""
        try:
            entry = json.loads(self._place(key).read_text("utf-8"))
            row: dict[str, Any] = entry["result"]
            whole = entry["key"] == _full(key) and entry["digest"] == _digest(entry["key"], row)
            return row if whole and row["status"] in ("proved", "refuted") else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def put(self, key: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        """Keep the result of a claim, if it is one."""
        if row["status"] not in ("proved", "refuted"):
            return
        full = _full(key)
        place = self._place(key)
        entry = {"key": full, "result": dict(row), "digest": _digest(full, row)}
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            ignored = self.folder / ".gitignore"
            if not ignored.exists():
                replace_file(ignored, "# Made by tokenauction.\n*\n")
            replace_file(place, json.dumps(entry))

    def _place(self, key: Mapping[str, Any]) -> Path:
        name = sha256(_text(_full(key)).encode()).hexdigest()
        return self.folder / name[:2] / f"{name[2:]}.json"


def _full(key: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": _FORMAT, "checker": checker_digest(), **key}


def _digest(key: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    return sha256(_text({"key": key, "result": row}).encode()).hexdigest()


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)


@cache
def checker_digest() -> str:
    """A digest of the checker's own source, which decides what a verdict means."""
    found = sha256()
    for package in (tokenauction.theory, tokenauction.mechanisms, tokenauction.proofs):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            found.update(f"{path.name} {path.stat().st_size}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()
