"""The arguments that a shell completes: targets, payments, properties, theorems and files.

No file of the user's is run, and nothing is loaded but the names of what is shipped.
"""

import ast
import os
import re
import subprocess
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from tokenauction.proofs.command_line.names_in_files import names_in
from tokenauction.proofs.loading.targets import FILE, split
from tokenauction.proofs.results.verdict import Scope

_LARGEST = 1_000_000

LARGEST_SIZE: Final = 50


class _Completed(click.ParamType[str]):
    """A text, with the words that can come of it."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The words that begin so."""
        return list(self.words(incomplete))

    def words(self, incomplete: str) -> Iterator[CompletionItem]:
        raise NotImplementedError


class ScopeType(click.ParamType[Scope]):
    """The sizes that a proof has to cover: `all`, or agents by tokens, as `3x4`."""

    name = "all|NxT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Scope:
        """The scope that a user names."""
        if isinstance(value, Scope):
            return value
        text = str(value).strip().lower()
        if text == "all":
            return Scope()
        found = re.fullmatch(r"([1-9]\d?)[x×]([1-9]\d?)", text)
        if found is None or max(map(int, found.groups())) > LARGEST_SIZE:
            self.fail(
                f"{value!r} is no scope: it is all, or agents by tokens up to {LARGEST_SIZE}, as "
                "3x4.",
                param,
                ctx,
            )
        return Scope.up_to(*map(int, found.groups()))


class TargetType(_Completed):
    """A rule or a mechanism: shipped or of a file; with `+` a payment rule behind it."""

    name = "target"

    def words(self, incomplete: str) -> Iterator[CompletionItem]:
        """Names, files, and the names in files; behind a plus, of payment rules."""
        from tokenauction.mechanisms import CATALOGUE, MECHANISMS

        rule, paid = split(incomplete)
        if paid is None:
            yield from _words(incomplete, {**CATALOGUE, **MECHANISMS}, ("rule", "mechanism"))
            return
        if rule.endswith(FILE) and "::" not in rule:
            return
        front = incomplete[: len(incomplete) - len(paid)]
        for item in _paying(paid, beside=rule.partition("::")[0]):
            yield CompletionItem(f"{front}{item.value}", help=item.help)


class RuleType(TargetType):
    """A rule; with `mechanisms`, a rule with payments too."""

    name = "rule"

    def __init__(self, mechanisms: bool = False) -> None:
        self._mechanisms = mechanisms

    def words(self, incomplete: str) -> Iterator[CompletionItem]:
        """What a target can be, without the mechanisms where nobody pays by the rule."""
        from tokenauction.mechanisms import MECHANISMS

        left_out = {} if self._mechanisms else MECHANISMS
        found = super().words(incomplete)
        return (item for item in found if item.value not in left_out)


class PaymentType(_Completed):
    """A payment rule, or one of the words that stand for one."""

    name = "payment"

    def __init__(self, *others: str) -> None:
        self._others = others

    def words(self, incomplete: str) -> Iterator[CompletionItem]:
        """Names, files, and the payment rules in files."""
        yield from _beginning(self._others, incomplete)
        yield from _paying(incomplete)


class PropertyType(_Completed):
    """A property that can be decided."""

    name = "name"

    def words(self, incomplete: str) -> Iterator[CompletionItem]:
        """Names, files, and the properties and orders in files."""
        from tokenauction.theory import PROPERTIES

        yield from _words(incomplete, PROPERTIES, ("property", "order"))


class FileType(_Completed):
    """A Python file."""

    name = "file"

    def words(self, incomplete: str) -> Iterator[CompletionItem]:
        """Files and folders."""
        yield from map(CompletionItem, _files(incomplete))


class TheoremType(_Completed):
    """A theorem of the library."""

    name = "theorem"

    def words(self, incomplete: str) -> Iterator[CompletionItem]:
        """The names of theorems."""
        yield from _beginning(theorem_names(), incomplete)


def theorem_names() -> list[str]:
    """The names of the library's theorems, in its order, read without what proves them."""
    place = Path(__file__).parents[1] / "library" / "contents.py"
    for statement in ast.parse(place.read_text("utf-8")).body:
        match statement:
            case ast.Assign([ast.Name("LIBRARY")], ast.Tuple(theorems)):
                names = (one.id for one in theorems if isinstance(one, ast.Name))
                return [name.replace("_", "-") for name in names]
    return []


def _words(
    incomplete: str, shipped: Mapping[str, Any], kinds: Collection[str]
) -> Iterator[CompletionItem]:
    """What is shipped, files, and what is in them of some kinds."""
    if "::" in incomplete:
        path = incomplete.partition("::")[0]
        yield from _beginning([f"{path}::{name}" for name in _in_file(path, kinds)], incomplete)
        return
    names = [name for name in shipped if name.startswith(incomplete.replace("_", "-"))]
    yield from (CompletionItem(name, help=shipped[name].summary) for name in names)
    files = _files(incomplete)
    yield from map(CompletionItem, files)
    if not names and len(files) == 1 and files[0].endswith(FILE):
        yield from (CompletionItem(f"{files[0]}::{name}") for name in _in_file(files[0], kinds))


def _paying(incomplete: str, beside: str = "") -> Iterator[CompletionItem]:
    """Payment rules: of the file of the rule, shipped, and of files."""
    from tokenauction.mechanisms import PAYMENTS

    own = _in_file(beside, ["payment"]) if beside and "::" not in incomplete else []
    yield from _beginning(own, incomplete)
    yield from _words(incomplete, PAYMENTS, ["payment"])


def _beginning(names: Iterable[str], incomplete: str) -> Iterator[CompletionItem]:
    return (CompletionItem(name) for name in names if name.startswith(incomplete))


def _files(incomplete: str) -> list[str]:
    """The Python files whose paths begin so, and the folders, which end in a slash."""
    folder, start = os.path.split(incomplete)
    found = []
    try:
        entries = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda one: one.name)
    except OSError:
        return []
    for entry in entries:
        hidden = entry.name.startswith((".", "__")) and not start.startswith((".", "__"))
        if hidden or not entry.name.startswith(start):
            continue
        path = os.path.join(folder, entry.name)
        if entry.is_dir():
            found.append(f"{path}/")
        elif path.endswith(FILE):
            found.append(path)
    return found


def _in_file(path: str, kinds: Collection[str]) -> list[str]:
    """The names of some kinds in a file, which may be one of a git revision."""
    return [name for name, kind in names_in(_text(path)).items() if kind in kinds]


def _text(path: str) -> str:
    """The text of a file, of the working tree or as REV:path; empty where there is none."""
    place = Path(os.path.expanduser(path))
    try:
        if place.is_file() and place.stat().st_size <= _LARGEST:
            with tokenize.open(place) as file:
                return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return ""
    revision, colon, inside = path.partition(":")
    if not colon or revision.startswith("-") or place.exists():
        return ""
    shown = ["git", "show", f"{revision}:./{inside}"]
    try:
        done = subprocess.run(shown, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
