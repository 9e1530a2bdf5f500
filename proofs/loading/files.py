"""Files of the user's as modules: run once, with their neighbours, from their source."""

import importlib.util
import os
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from tokenauction.proofs.loading.from_source import load_from_source, modules_from_source
from tokenauction.proofs.results.tracebacks import line_in
from tokenauction.theory.errors import TokenauctionError


class CannotLoad(TokenauctionError):
    """What the user named does not exist, or its file does not load; the message says which."""


_LOADED: dict[Path, ModuleType] = {}


def load_file(path: str) -> ModuleType:
    """Run a Python file, once; raises CannotLoad with the line that failed."""
    place = Path(path)
    if place.is_dir():
        raise CannotLoad(f"{path} is a folder, and rules are in a file")
    if not place.is_file():
        raise CannotLoad(f"{path}: there is no such file")
    resolved = place.resolve()
    if resolved not in _LOADED:
        _LOADED[resolved] = _run_file(resolved, path)
    return _LOADED[resolved]


def _run_file(resolved: Path, path: str) -> ModuleType:
    package = _package_of(resolved)
    bases = list(dict.fromkeys([resolved.parents[len(package)], resolved.parent]))
    # A name of its own: files of one name in two folders are two modules.
    own = f"_tokenauction_{resolved.stem}_{sha256(os.fsencode(resolved)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(".".join([*package, own]), resolved)
    if spec is None or spec.loader is None:
        raise CannotLoad(f"{path} is not a Python file")
    load_from_source(spec)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    others, paths, here = set(sys.modules), list(sys.path), os.getcwd()
    sys.path[:0] = [str(base) for base in bases]
    try:
        with modules_from_source():
            spec.loader.exec_module(module)
    except SyntaxError as problem:
        line = f":{problem.lineno}" if problem.lineno else ""
        raise CannotLoad(f"{path}{line}: SyntaxError: {problem.msg}") from None
    except UnicodeDecodeError as problem:
        raise CannotLoad(f"{path}: not a UTF-8 text file ({problem.reason})") from None
    except MemoryError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as problem:
        number = line_in(str(resolved), problem)
        line = f":{number}" if number else ""
        text = " ".join(str(problem).split())
        raise CannotLoad(f"{path}{line}: {type(problem).__name__}: {text}") from None
    finally:
        own_paths = [Path(path).resolve() for path in sys.path if path and path not in paths]
        sys.path[:] = paths
        os.chdir(here)
        _forget_siblings(set(sys.modules) - others, own_paths)
    return module


def _package_of(file: Path) -> list[str]:
    """The packages that a file lies in, outermost first; none without an `__init__.py`."""
    names: list[str] = []
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    return names


def _forget_siblings(names: Iterable[str], folders: Iterable[Path]) -> None:
    """Forget the modules that a file imported from its own folder, its package, or own paths.

    Another file may find modules of the same names elsewhere; it would be given these, and what is
    said of its rules would be about functions that they do not use.
    """
    outermost = {name: sys.modules.get(name.partition(".")[0]) for name in names}
    for name, module in outermost.items():
        if any(_lies_in(folder, module) for folder in folders):
            del sys.modules[name]


def _lies_in(folder: Path, module: ModuleType | None) -> bool:
    """Whether a module is a file of a folder, or a package in it."""
    if module is None:
        return False
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    beside = {folder / f"{module.__name__}.py", folder / module.__name__}
    return any(place and Path(place).resolve() in beside for place in places)
