"""Targets in a git revision, as `REV:path.py::name`: its files in a temporary folder.

Guarantee: the user's repository is read only (its index, its working tree and its hooks are left
alone), and the folders are gone at the end, also after an error or an interrupt.
"""

import difflib
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tokenauction.proofs.targets import files_of, split

# The last single colon before a Python file, but not that of a drive as in C:\rules.py.
_REVISED: Final = re.compile(r"(?!\w:[\\/])(?P<revision>.+?):(?P<path>[^:]+\.py)(?P<rest>::[^:]*)?")


class NoRevision(Exception):
    """The revision, or the file in it, does not exist; the message says which."""


@dataclass(frozen=True)
class Source:
    """Where a side's code is: `target` is what to load, `title` what the user called it.

    `tree` is the folder of a revision, and `root` the top of the repository that it is of; both
    are empty for what is loaded from where it stands.
    """

    title: str
    target: str
    revision: str = ""
    commit: str = ""
    tree: str = ""
    root: str = ""


@dataclass(frozen=True)
class Revised:
    """A target in a revision; `path` is as the user wrote it, `rest` is empty or `::name`."""

    revision: str
    path: str
    rest: str


def revised(target: str) -> Revised | None:
    """The parts of one side of a target that is in a revision; None for every other.

    >>> revised("HEAD~1:rules/boosted.py::boosted")
    Revised(revision='HEAD~1', path='rules/boosted.py', rest='::boosted')
    >>> revised("rules.py::boosted"), revised("cap(highest=2)"), revised("C:/rules.py::boosted")
    (None, None, None)
    """
    found = _REVISED.fullmatch(target)
    if found is None or Path(target.partition("::")[0]).exists():
        return None
    return Revised(found["revision"], found["path"], found["rest"] or "")


@contextmanager
def checked_out(targets: Sequence[str]) -> Iterator[list[Source]]:
    """Every target as a source; the trees of revisions are there until the end.

    Raises NoRevision. Two targets in one commit have one tree.
    """
    with TemporaryDirectory(prefix="tokenauction-", ignore_cleanup_errors=True) as folder:
        trees: dict[str, Path] = {}
        sources = []
        for target in targets:
            texts = [text for text in split(target) if text is not None]
            found = [revised(text) for text in texts]
            revision = _one_revision(target, texts, found)
            if revision is None:
                sources.append(Source(target, target))
                continue
            root = _root(target)
            commit = _commit(revision)
            inside = [None if one is None else _inside(one, commit, root) for one in found]
            if commit not in trees:
                trees[commit] = _materialised(commit, Path(folder).resolve() / commit)
            tree = trees[commit]
            for one, path in zip(found, inside, strict=True):
                if one and path and not (tree / path).is_file():
                    raise NoRevision(f"{target}: {one.path} is a link that leads nowhere in git")
            moved = (
                f"{tree / path}{one.rest}" if one and path else text
                for text, one, path in zip(texts, found, inside, strict=True)
            )
            sources.append(Source(target, "+".join(moved), revision, commit, str(tree), str(root)))
        yield sources


def _one_revision(target: str, texts: Sequence[str], found: Sequence[Revised | None]) -> str | None:
    """The revision of a target's files; None where it is of none, NoRevision for several."""
    revisions = {one.revision for one in found if one is not None}
    here = [text for text, one in zip(texts, found, strict=True) if one is None]
    if revisions and (len(revisions) > 1 or any(map(files_of, here))):
        raise NoRevision(f"{target}: the rule and the payment rule are of two revisions; name one")
    return next(iter(revisions), None)


def _git(*arguments: str, **variables: str) -> str | None:
    """What git prints; None where it fails. Raises NoRevision where there is no git."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **variables}
    try:
        done = subprocess.run(
            ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise NoRevision(
            "git is not installed, and a target REV:path.py is read with it: install git, or "
            "compare two files"
        ) from None
    return done.stdout if done.returncode == 0 else None


def _root(target: str) -> Path:
    found = _git("rev-parse", "--show-toplevel")
    if found is None:
        raise NoRevision(
            f"{target}: {Path.cwd()} is in no git repository that git can read; go to one, or name "
            "a file that is there"
        )
    return Path(found.rstrip("\n")).resolve()


def _commit(revision: str) -> str:
    found = None
    if not revision.startswith("-"):
        found = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found is not None:
        return found.strip()
    names = (_git("for-each-ref", "--format=%(refname:short)") or "").split()
    near = difflib.get_close_matches(revision, names, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; git log shows what there is"
    if (_git("rev-parse", "--is-shallow-repository") or "").strip() == "true":
        hint = "; this clone is shallow: fetch the history with git fetch --unshallow"
    raise NoRevision(f"unknown revision {revision!r}{hint}")


def _inside(parts: Revised, commit: str, root: Path) -> str:
    """The path in the tree, from its top; raises NoRevision where there is no such file."""
    here = (_git("rev-parse", "--show-prefix") or "").strip("\n")
    written = Path(parts.path)
    if written.is_absolute():
        place = os.path.relpath(written.parent.resolve() / written.name, root)
    else:
        place = os.path.normpath(os.path.join(here, parts.path))
    if place.startswith(".."):
        raise NoRevision(f"{parts.path} is outside of the git repository {root}")
    place = Path(place).as_posix()
    files = (_git("ls-tree", "-r", "-z", "--full-tree", "--name-only", commit) or "").split("\0")
    if place in files:
        return place
    python = [name for name in files if name.endswith(".py")]
    same_name = [name for name in python if Path(name).name == written.name]
    near = same_name or difflib.get_close_matches(place, python, n=3)
    shown = ", ".join(os.path.relpath(name, here or ".") for name in near[:3])
    hint = f"; did you mean {shown}?" if near else ""
    raise NoRevision(f"{parts.path}: there is no such file in {parts.revision}{hint}")


def _materialised(commit: str, tree: Path) -> Path:
    """The files of a commit, by an index of their own: the user's index knows nothing of it."""
    tree.mkdir()
    git_dir = (_git("rev-parse", "--absolute-git-dir") or "").rstrip("\n")
    index = str(tree.with_name(f"{commit}.index"))
    whole = ("-c", "core.sparseCheckout=false")
    at = (*whole, "--git-dir", git_dir, "--work-tree", str(tree), "-C", str(tree))
    steps = (("read-tree", commit), ("checkout-index", "--all", "--quiet"))
    for step in steps:
        if _git(*at, *step, GIT_INDEX_FILE=index) is None:
            raise NoRevision(f"git cannot write the files of {commit} to {tree}: is there room?")
    return tree
