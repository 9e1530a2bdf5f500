"""The code of two sides in one process, kept apart: a rule gets the helpers of its own revision.

While a side is loaded, paths into the repository lead to the tree of its revision instead, and what
it imports from there is forgotten afterwards, so that the other side imports its own. Guarantee: a
module that comes from the wrong place, or that is imported when nobody can tell for whom, is an
error; the checker's own package alone is one for both sides.
"""

import os
import site
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from tokenauction.proofs.comparison.revisions import Source
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.installed_copies import own_files
from tokenauction.proofs.loading.named import Target, load_targets
from tokenauction.proofs.loading.targets import files_of

Loaded = TypeVar("Loaded")
_CHECKER = ("theory", "mechanisms", "proofs")


@dataclass(frozen=True)
class Isolation:
    """The folders whose code must not be mixed: the trees of revisions, and their repository."""

    root: Path | None
    trees: tuple[Path, ...]

    @classmethod
    def of(cls, sources: Iterable[Source]) -> "Isolation":
        """What keeps some sources apart; nothing, where none is in a revision."""
        sources = list(sources)
        roots = [Path(source.root) for source in sources if source.root]
        trees = dict.fromkeys(Path(source.tree) for source in sources if source.tree)
        return cls(roots[0] if roots else None, tuple(trees))

    def load(self, source: Source) -> Target:
        """The one rule or mechanism that a source names; raises CannotLoad."""
        tree = Path(source.tree) if source.tree else None
        if tree is not None:
            self._refuse_the_checker(source)
        return self.loaded(lambda: _only_one(source), tree, source.title)

    def loaded(self, load: Callable[[], Loaded], tree: Path | None, title: str) -> Loaded:
        """What `load` makes, with the code of a tree, or with that of the repository as it is."""
        if self.root is None:
            return load()
        home = tree or self.root
        self._forget()
        before = set(sys.modules)
        with self._paths_in(home):
            found = load()
            for name, module in list(sys.modules.items()):
                if name not in before:
                    self._check_home(name, module, home, title)
        self._forget()
        return found

    def check(self) -> None:
        """Raise CannotLoad where something was imported since both sides were loaded."""
        for name, module in sys.modules.items():
            if self._home_of(name, module) is not None:
                raise CannotLoad(
                    f"{name} is imported while a rule runs, and nobody can tell of which revision: "
                    "import it at the top of the rule's file"
                )

    def _check_home(self, name: str, module: ModuleType, home: Path, title: str) -> None:
        place = self._home_of(name, module)
        origin = next(_origins(module), None)
        if place is not None and place != home:
            raise CannotLoad(
                f"{title} imports {name} from {origin}, which is not of its revision (an editable "
                "installation leads there?): put the folder of the package on PYTHONPATH instead"
            )
        if home in self.trees and origin is not None and _installed(origin):
            for _, file in own_files(home, [(name, module)]):
                raise CannotLoad(
                    f"{title} imports {name} as it is installed, and the repository has its own in "
                    f"{file.relative_to(home)}: put the folder around it on PYTHONPATH, so that "
                    "each revision gets its own"
                )

    def _refuse_the_checker(self, source: Source) -> None:
        """The checker's own files run in one version: that of the checker."""
        paths = [Path(path).relative_to(source.tree) for path in files_of(source.target)]
        for folder in (path.parts[0] for path in paths if path.parts[0] in _CHECKER):
            if _is_of_the_checker(Path(source.tree)):
                raise CannotLoad(
                    f"{source.title} is part of tokenauction.{folder}, the checker that runs: "
                    "run the checker of that revision instead"
                )

    def _forget(self) -> None:
        """Drop the modules of every folder, so that the next side imports its own."""
        for name, module in list(sys.modules.items()):
            if self._home_of(name, module) is not None:
                del sys.modules[name]

    def _home_of(self, name: str, module: ModuleType) -> Path | None:
        """The folder that a module's code comes from; None for what is of none of them."""
        if _is_checker(name):
            return None
        homes = (self._folder_of(place) for place in _origins(module))
        return next((home for home in homes if home is not None), None)

    def _folder_of(self, place: Path) -> Path | None:
        """The innermost folder around a path: a temporary folder can be in the repository."""
        folders = [*self.trees, *([] if self.root is None else [self.root])]
        around = [folder for folder in folders if place.is_relative_to(folder)]
        innermost = max(around, key=lambda folder: len(folder.parts), default=None)
        return None if innermost is None or _environment_in(innermost, place) else innermost

    @contextmanager
    def _paths_in(self, home: Path) -> Iterator[None]:
        """Let every path into the repository lead to the same place in a tree, for a while."""
        paths, here = list(sys.path), Path.cwd()
        sys.path[:] = [str(self._moved(Path(entry or here), home)) for entry in paths]
        there = self._moved(here, home)
        os.chdir(there if there.is_dir() else home)
        try:
            yield
        finally:
            os.chdir(here)
            sys.path[:] = paths

    def _moved(self, place: Path, home: Path) -> Path:
        resolved = place.resolve()
        if self.root is None or self._folder_of(resolved) != self.root:
            return place
        return home / resolved.relative_to(self.root)


def _only_one(source: Source) -> Target:
    found = load_targets([source.target])
    if len(found) != 1:
        path = source.title.partition(".py")[0] + ".py"
        names = ", ".join(one.name for one in found)
        raise CannotLoad(
            f"{source.title}: name one of its rules, as {path}::NAME (it has: {names})"
        )
    return found[0]


def _is_of_the_checker(tree: Path) -> bool:
    """Whether a tree is a revision of the checker's own repository."""
    try:
        project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8")).get("project", {})
    except (OSError, ValueError):
        return False
    return bool(project.get("name") == "tokenauction")


def _is_checker(name: str) -> bool:
    return name == "tokenauction" or name.startswith("tokenauction.")


def _origins(module: ModuleType) -> Iterator[Path]:
    """The file of a module, or the folders of a package that has none."""
    known = getattr(module, "__dict__", {})
    file = known.get("__file__")
    for path in [file] if isinstance(file, str) else known.get("__path__", ()):
        if isinstance(path, str):
            yield _resolved(path, os.getcwd())


@cache
def _resolved(path: str, here: str) -> Path:
    """Where a path leads, from the folder that one is in."""
    return Path(here, path).resolve()


def _installed(place: Path) -> bool:
    """Whether a path is among the installed packages."""
    return any(place.is_relative_to(folder) for folder in _libraries())


def _environment_in(folder: Path, place: Path) -> bool:
    """Whether a path belongs to an environment that lies in a folder, as .venv in a repository."""
    prefixes = (Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix))
    inside = (one for one in (*_libraries(), *prefixes) if one != folder)
    return any(one.is_relative_to(folder) and place.is_relative_to(one) for one in inside)


@cache
def _libraries() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    found = [
        paths["purelib"],
        paths["platlib"],
        *site.getsitepackages(),
        site.getusersitepackages(),
    ]
    return tuple(dict.fromkeys(Path(path).resolve() for path in found))
