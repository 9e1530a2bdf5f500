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
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tokenauction.proofs.loading.targets import files_of, in_other_files, split
from tokenauction.theory.errors import TokenauctionError

# The last single colon before a Python file, but not that of a drive as in C:\rules.py.
_REVISED: Final = re.compile(r"(?!\w:[\\/])(?P<revision>.+?):(?P<path>[^:]+\.py)(?P<rest>::[^:]*)?")
SHALLOW: Final = "this clone is shallow: fetch the history with git fetch --unshallow"
_DIGITS: Final = 10


class NoRevision(TokenauctionError):
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
        trees: dict[str, Revision] = {}
        sources = []
        for target in targets:
            texts = [text for text in split(target) if text is not None]
            found = [revised(text) for text in texts]
            revision = _one_revision(target, texts, found)
            if revision is None:
                sources.append(Source(target, target))
                continue
            repository = Repository(Path.cwd())
            commit = repository.commit(revision)
            if commit not in trees:
                trees[commit] = repository.materialised(commit, Path(folder))
            plain = (
                text if one is None else f"{one.path}{one.rest}"
                for text, one in zip(texts, found, strict=True)
            )
            sources.append(replace(trees[commit].source("+".join(plain), revision), title=target))
        yield sources


def _one_revision(target: str, texts: Sequence[str], found: Sequence[Revised | None]) -> str | None:
    """The revision of a target's files; None where it is of none, NoRevision for several."""
    revisions = {one.revision for one in found if one is not None}
    here = [text for text, one in zip(texts, found, strict=True) if one is None]
    if revisions and (len(revisions) > 1 or any(map(files_of, here))):
        raise NoRevision(f"{target}: the rule and the payment rule are of two revisions; name one")
    return next(iter(revisions), None)


@contextmanager
def revision_in(folder: Path, revision: str) -> Iterator["Revision"]:
    """The files of a revision of the repository around a folder, until the end.

    Raises NoRevision.
    """
    with TemporaryDirectory(prefix="tokenauction-", ignore_cleanup_errors=True) as place:
        repository = Repository(folder)
        yield repository.materialised(repository.commit(revision), Path(place))


@dataclass(frozen=True)
class Revision:
    """A commit whose files are in a folder."""

    repository: "Repository"
    commit: str
    tree: Path

    def source(self, target: str, called: str = "") -> Source:
        """A target in it; raises NoRevision where it has none of the files that the target names.

        `called` is what the user called the revision, by default the first digits of the commit.
        """
        called = called or self.commit[:_DIGITS]
        title = f"{called}:{target}"

        def moved(path: str) -> str:
            place = self.tree / self.repository.inside(path, self.commit, called)
            if not place.is_file():
                raise NoRevision(f"{title}: {path} is a link that leads nowhere in git")
            return str(place)

        return Source(
            title,
            in_other_files(target, moved),
            called,
            self.commit,
            str(self.tree),
            str(self.repository.root),
        )


@dataclass(frozen=True)
class Repository:
    """The git repository around a folder, which is only read."""

    folder: Path

    def git(self, *arguments: str, **variables: str) -> str | None:
        """What git prints; None where it fails. Raises NoRevision where there is no git."""
        quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
        try:
            done = subprocess.run(
                ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                env={**os.environ, **quiet, **variables},
                cwd=self.folder,
                check=False,
            )
        except FileNotFoundError:
            raise NoRevision(
                "git is not installed, and a target REV:path.py is read with it: install git, or "
                "compare two files"
            ) from None
        return done.stdout if done.returncode == 0 else None

    @cached_property
    def root(self) -> Path:
        """The top of the repository; raises NoRevision where there is none."""
        found = self.git("rev-parse", "--show-toplevel")
        if found is None:
            raise NoRevision(
                f"{self.folder} is in no git repository that git can read; go to one, or name a "
                "file that is there"
            )
        return Path(found.rstrip("\n")).resolve()

    @property
    def is_shallow(self) -> bool:
        """Whether the clone has a part of the history only."""
        return (self.git("rev-parse", "--is-shallow-repository") or "").strip() == "true"

    def commit(self, revision: str) -> str:
        """The commit that a revision is; raises NoRevision."""
        self.root  # noqa: B018, raises where there is no repository
        found = None
        if not revision.startswith("-"):
            found = self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if found is not None:
            return found.strip()
        names = (self.git("for-each-ref", "--format=%(refname:short)") or "").split()
        near = difflib.get_close_matches(revision, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; git log shows what there is"
        if self.is_shallow:
            hint = f"; {SHALLOW}"
        raise NoRevision(f"unknown revision {revision!r}{hint}")

    def last_change_of(self, file: Path) -> str:
        """The commit that last changed a file; empty where none did, or there is no repository."""
        found = self.git("log", "-1", "--format=%H", "--", str(file))
        return (found or "").strip()

    def inside(self, path: str, commit: str, called: str) -> str:
        """A path in a commit, from the top; raises NoRevision where it has no such file."""
        here = (self.git("rev-parse", "--show-prefix") or "").strip("\n")
        written = Path(path)
        if written.is_absolute():
            place = os.path.relpath(written.parent.resolve() / written.name, self.root)
        else:
            place = os.path.normpath(os.path.join(here, path))
        if place.startswith(".."):
            raise NoRevision(f"{path} is outside of the git repository {self.root}")
        place = Path(place).as_posix()
        listed = self.git("ls-tree", "-r", "-z", "--full-tree", "--name-only", commit)
        files = (listed or "").split("\0")
        if place in files:
            return place
        python = [name for name in files if name.endswith(".py")]
        same_name = [name for name in python if Path(name).name == written.name]
        near = same_name or difflib.get_close_matches(place, python, n=3)
        shown = ", ".join(os.path.relpath(name, here or ".") for name in near[:3])
        hint = f"; did you mean {shown}?" if near else ""
        raise NoRevision(f"{path}: there is no such file in {called}{hint}")

    def materialised(self, commit: str, folder: Path) -> Revision:
        """The files of a commit, by an index of their own: the user's index is left alone."""
        tree = folder.resolve() / commit
        tree.mkdir()
        git_dir = (self.git("rev-parse", "--absolute-git-dir") or "").rstrip("\n")
        index = str(tree.with_name(f"{commit}.index"))
        whole = ("-c", "core.sparseCheckout=false")
        at = (*whole, "--git-dir", git_dir, "--work-tree", str(tree), "-C", str(tree))
        steps = (("read-tree", commit), ("checkout-index", "--all", "--quiet"))
        for step in steps:
            if self.git(*at, *step, GIT_INDEX_FILE=index) is None:
                raise NoRevision(
                    f"git cannot write the files of {commit} to {tree}: is there room?"
                )
        return Revision(self, commit, tree)
