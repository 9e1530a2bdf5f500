"""Installed copies: a module that comes from elsewhere although a folder has its file.

What is then verified is the copy, and a change of the file changes nothing that is seen.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

_NOT_SOURCES = {"__pycache__", "node_modules", "site-packages", "build", "dist"}


def own_files(root: Path, modules: Iterable[tuple[str, ModuleType]]) -> Iterator[tuple[str, Path]]:
    """The modules that are imported from outside a folder and lie in it too, with their own file.

    A module `ads.shares` lies in the folder where some path in it ends in `ads/shares.py` or
    `ads/shares/__init__.py`. The standard library and this package are left out.
    """
    elsewhere = dict(_from_elsewhere(root, modules))
    if not elsewhere:
        return
    for file in _python_files(root):
        parts = file.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        for k in range(len(parts)):
            name = ".".join(parts[k:])
            alike = name in elsewhere and Path(str(elsewhere[name].__file__)).name == file.name
            if alike and _is_outermost(file, parts[k:]):
                yield name, file


def _from_elsewhere(
    root: Path, modules: Iterable[tuple[str, ModuleType]]
) -> Iterator[tuple[str, ModuleType]]:
    kept = {*sys.stdlib_module_names, "tokenauction"}
    for name, module in modules:
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or name.partition(".")[0] in kept:
            continue
        if not Path(file).resolve().is_relative_to(root) or "site-packages" in Path(file).parts:
            yield name, module


def _is_outermost(file: Path, parts: tuple[str, ...]) -> bool:
    """Whether nothing around the first part of a module's name is a package."""
    steps = len(parts) + (file.name == "__init__.py")
    return not (file.parents[steps - 1] / "__init__.py").exists()


def _python_files(root: Path) -> Iterator[Path]:
    for folder, inner, files in os.walk(root):
        inner[:] = [
            name
            for name in inner
            if not name.startswith(".")
            and name not in _NOT_SOURCES
            and not (Path(folder) / name / "pyvenv.cfg").exists()
        ]
        yield from (Path(folder) / name for name in files if name.endswith(".py"))
