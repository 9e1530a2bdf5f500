"""While a user's file loads, modules come from their source: bytecode can be of an older text.

Python tells by size and second whether it is. What a file loads with loaders of its own is left as
it is.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType


class _SourceOnly(SourceFileLoader):
    """Compiles the file as it is, and neither reads nor writes bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class _Finder(MetaPathFinder):
    """Finds what the other finders find, and has it loaded from its source.

    The standard library and installed packages are left as they are found. Where those lie is known
    before the first search: to ask for it imports modules.
    """

    def __init__(self, left_alone: tuple[str, ...]) -> None:
        self.left_alone = left_alone

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        for finder in tuple(sys.meta_path):
            if isinstance(finder, _Finder) or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if not (spec.origin or "").startswith(self.left_alone):
                    load_from_source(spec)
                return spec
        return None


def load_from_source(spec: ModuleSpec) -> None:
    """Have a module whose loader could take bytecode loaded from its source file."""
    if type(spec.loader) is SourceFileLoader:
        spec.loader = _SourceOnly(spec.loader.name, spec.loader.path)


@contextmanager
def modules_from_source() -> Iterator[None]:
    """Let modules that are imported meanwhile come from their source, save installed ones."""
    finder = _Finder(_library_folders())
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        # Not the old list put back: the file, or another thread, may have changed it for good.
        with suppress(ValueError):
            sys.meta_path.remove(finder)


def _library_folders() -> tuple[str, ...]:
    """Where the standard library and installed packages are."""
    paths = sysconfig.get_paths()
    return tuple(paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib"))
