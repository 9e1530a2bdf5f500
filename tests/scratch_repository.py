"""A repository to try things in."""

import subprocess
from pathlib import Path

_IDENTITY = ("-c", "user.name=Team", "-c", "user.email=team@example.org")


def commit(folder: Path) -> None:
    """Make a folder a repository, with all that is in it as its first commit."""
    for arguments in (["init", "--quiet"], ["add", "."], [*_IDENTITY, "commit", "-qm", "Rules"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
