"""The lock: what is known of each claim of a project, as a text that reviewers read.

A TOML file with one block a claim, in a stable order, so that its diff reads as a change of
guarantees. Guarantee: what `text` writes, `parse` reads back as it was; anything else is an error
that says what to do.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from tokenauction.mechanisms.plain_files import check_plain
from tokenauction.proofs.results.verdict import Scope, Sizes
from tokenauction.proofs.results.whole_files import replace_file
from tokenauction.theory.errors import TokenauctionError

VERSION: Final = 1
_HEAD: Final = """\
# What is known of each rule and property. Written by `tokenauction gate --update`: do not edit it,
# review it. Where a verdict, agents or tokens change, a guarantee changes; where a fingerprint
# alone does, a rule has changed and keeps its guarantees.
"""
_BARE: Final = re.compile("[A-Za-z0-9_-]+")
_REMAKE: Final = "make it anew with `tokenauction gate --update`, and review the diff"


class BadLock(TokenauctionError):
    """The lock cannot be read; the message says where, and the way out."""


class ClaimKey(NamedTuple):
    """A claim of a project: a rule or mechanism by its target, and a property by its name."""

    target: str
    property: str


@dataclass(frozen=True)
class Locked:
    """What is known of one claim.

    `fingerprint` is of the functions, `property_fingerprint` of a property of the project's own;
    `effort` is what was spent on it, `tools` what it was decided with. `witness` is a
    counterexample as in a report.
    """

    verdict: Literal["proved", "refuted", "unknown"]
    scope: Scope
    method: str
    fingerprint: str | None
    property_fingerprint: str | None
    effort: str
    tools: str
    reason: str = ""
    assumptions: tuple[str, ...] = ()
    witness: Mapping[str, Any] | None = None


Lock = Mapping[ClaimKey, Locked]


def read(place: Path) -> Lock | None:
    """The lock in a file, None where there is no such file; raises BadLock."""
    try:
        check_plain(place)
        text = place.read_text("utf-8")
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise BadLock(f"{place} is a folder: remove it, or name another lock") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadLock(f"{place}: {problem}; {_REMAKE}") from None
    try:
        return parse(text)
    except BadLock as problem:
        raise BadLock(f"{place}: {problem}") from None


def write(place: Path, lock: Lock) -> None:
    """Write a lock, whole or not at all."""
    replace_file(place, text(lock))


def text(lock: Lock) -> str:
    """The lock as text, its blocks in the order of their keys."""
    blocks = [f"{_HEAD}version = {VERSION}\n"]
    blocks += [_block(key, lock[key]) for key in sorted(lock)]
    return "\n".join(blocks)


def _block(key: ClaimKey, locked: Locked) -> str:
    name = f"{_key(key.target)}.{_key(key.property)}"
    lines = [
        f"[{name}]",
        f"verdict = {_text(locked.verdict)}",
        f"agents = {_sizes(locked.scope.agents)}",
        f"tokens = {_sizes(locked.scope.tokens)}",
        f"method = {_text(locked.method)}",
    ]
    if locked.fingerprint is not None:
        lines.append(f"fingerprint = {_text(locked.fingerprint)}")
    if locked.property_fingerprint is not None:
        lines.append(f"property-fingerprint = {_text(locked.property_fingerprint)}")
    if locked.reason:
        lines.append(f"reason = {_text(locked.reason)}")
    if locked.assumptions:
        lines += ["assumptions = [", *(f"    {_text(one)}," for one in locked.assumptions), "]"]
    lines += [f"effort = {_text(locked.effort)}", f"tools = {_text(locked.tools)}"]
    if locked.witness is not None:
        lines += ["", f"[{name}.witness]"]
        lines += [
            f"{entry} = {_value(value)}"
            for entry, value in locked.witness.items()
            if value is not None
        ]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _sizes(sizes: Sizes) -> str:
    return '"all"' if sizes == "all" else json.dumps(list(sizes))


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, dict):
        entries = ", ".join(f"{_text(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {entries} }}"
    return json.dumps(value)


def parse(text: str) -> Lock:
    """The lock that a text is; raises BadLock."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        conflict = "<<<<<<<" in text
        hint = "it has the marks of a merge conflict: take either side, then " if conflict else ""
        raise BadLock(f"{problem}; {hint}{_REMAKE}") from None
    if tables.pop("version", None) != VERSION:
        raise BadLock(f"it says version = {VERSION} nowhere; {_REMAKE}")
    return dict(_blocks(tables))


def _blocks(tables: Mapping[str, Any]) -> Iterable[tuple[ClaimKey, Locked]]:
    for target, blocks in tables.items():
        for name, block in blocks.items() if isinstance(blocks, dict) else ():
            try:
                yield ClaimKey(target, name), _locked(block)
            except (KeyError, TypeError, ValueError, AttributeError) as problem:
                raise BadLock(
                    f"the block of {target} {name} cannot be read ({problem}); {_REMAKE}"
                ) from None


def _locked(block: Mapping[str, Any]) -> Locked:
    verdict = block["verdict"]
    if verdict not in ("proved", "refuted", "unknown"):
        raise ValueError(f"verdict {verdict!r}")
    if (verdict == "refuted") != ("witness" in block):
        raise ValueError("a refuted claim has a witness, and no other")
    known = {"verdict", "agents", "tokens", "method", "fingerprint", "property-fingerprint"}
    # Earlier locks have evidence, which counts what a solver was asked.
    strange = set(block) - known - {"reason", "assumptions", "evidence", "effort", "tools"}
    if strange - {"witness"}:
        raise ValueError(f"unknown key {min(strange - {'witness'})}")
    return Locked(
        verdict=verdict,
        scope=Scope(_read_sizes(block["agents"]), _read_sizes(block["tokens"])),
        method=str(block["method"]),
        fingerprint=block.get("fingerprint"),
        property_fingerprint=block.get("property-fingerprint"),
        effort=str(block["effort"]),
        tools=str(block["tools"]),
        reason=str(block.get("reason", "")),
        assumptions=tuple(map(str, block.get("assumptions", ()))),
        witness=block.get("witness"),
    )


def _read_sizes(value: Any) -> Sizes:
    if value == "all":
        return "all"
    if not isinstance(value, list) or not all(type(size) is int and size > 0 for size in value):
        raise ValueError(f"sizes {value!r}")
    return tuple(value)
