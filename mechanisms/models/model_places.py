"""Where a causal model is: in a folder, in the cache of the hub, or to be fetched from the hub.

A name is a folder's, or that of a model that was fetched before. Only `hub:NAME` asks the hub, so
that a mistyped path is an error at once, and a name in a transcript fetches nothing. The files of a
model are looked at before anything opens them: each is a regular file of at most 64 GiB, and 256
MiB where it is text. torch is not needed for any of that.
"""

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokenauction.mechanisms.models.backend import CannotLoadModel, in_hub_cache
from tokenauction.mechanisms.plain_files import MIB, check_plain

HUB: Final = "hub:"
CONFIGURATION: Final = "config.json"
LARGEST, LARGEST_TEXT = 65_536 * MIB, 256 * MIB
_TEXTS = (".json", ".txt", ".jinja", ".model")
_ON_THE_HUB = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)
_TEMPLATES = "additional_chat_templates"


@dataclass(frozen=True)
class Place:
    """A model by the name that transformers knows it by, and whether it may be fetched."""

    name: str
    fetched: bool = False


def find(source: str | Path) -> Place:
    """The place of a model; raises CannotLoadModel at once where there is none."""
    name = str(source)
    if name.startswith(HUB):
        return Place(_checked_hub_name(name), fetched=True)
    folder = Path(os.path.expanduser(name))
    try:
        if name and folder.exists():
            _check_folder(folder, name)
            return Place(str(folder))
        cached = in_hub_cache(name, CONFIGURATION) if _ON_THE_HUB.fullmatch(name) else None
        if cached is not None:
            _check_folder(cached.parent, name)
            return Place(name)
    except OSError as problem:
        raise cannot_load(name, f"{problem.filename}: {problem.strerror}") from problem
    raise cannot_load(
        name, f"there is no such folder{_near(folder)}, and no such model in the cache of the hub"
    )


def cannot_load(name: str, reason: str) -> CannotLoadModel:
    """The error for a model that cannot be loaded."""
    return CannotLoadModel(
        f"cannot load a causal model with its tokenizer from {name}: {reason} "
        f"(a model is a folder written by save_pretrained, or {HUB}NAME to fetch one from the hub)"
    )


def _checked_hub_name(source: str) -> str:
    name = source.removeprefix(HUB)
    if not _ON_THE_HUB.fullmatch(name):
        raise cannot_load(source, f"{name!r} is not how a model is called on the hub")
    return name


def _check_folder(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise cannot_load(name, "it is no folder")
    if not (folder / CONFIGURATION).exists():
        raise cannot_load(name, f"it has no {CONFIGURATION}")
    for inside in (folder, folder / _TEMPLATES):
        for file in inside.iterdir() if inside.is_dir() else ():
            if not file.is_dir():
                check_plain(file, LARGEST_TEXT if file.suffix in _TEXTS else LARGEST)


def _near(folder: Path) -> str:
    """The folder of a model beside it that may have been meant."""
    beside = folder.parent
    known = (
        [one.parent.name for one in beside.glob(f"*/{CONFIGURATION}")] if beside.is_dir() else []
    )
    near = difflib.get_close_matches(folder.name, known, n=1)
    return f" (did you mean {beside / near[0]}?)" if near else ""
