"""A repository to try things in."""

import subprocess
from pathlib import Path

_IDENTITY = ("-c", "user.name=Team", "-c", "user.email=team@example.org")


def git(folder: Path, *arguments: str) -> str:
    """What git says in a folder."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def commit(folder: Path) -> None:
    """Commit all that is in a folder, which becomes a repository where it is none."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, *_IDENTITY, "commit", "-qm", "Rules")
