"""The sources of a project, for a machine that does not have them: packed, sent and unpacked."""

import base64
import io
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tokenauction.proofs.processes.messages import VerifyRequest

MOST_BYTES: Final = 32 * 1024 * 1024
_NOT_SOURCES: Final = {"__pycache__", "node_modules", "venv"}


class CheckRequest(VerifyRequest, total=False):
    """A request that another machine may answer; `sources` is the project, packed."""

    sources: str


class TooMuch(Exception):
    """The project is larger than what is sent to another machine."""


def pack(root: Path) -> str:
    """The files of a project as text: those that git knows or would, else its Python files.

    Raises TooMuch.
    """
    packed = io.BytesIO()
    total = 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(root):
            total += path.stat().st_size
            if total > MOST_BYTES:
                raise TooMuch(
                    f"{root}: more than {MOST_BYTES // 1024**2} MiB of files; keep data out of the "
                    "project's folder, or check on this machine"
                )
            archive.write(path, path.relative_to(root).as_posix())
    return base64.b64encode(packed.getvalue()).decode()


def _files(root: Path) -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard", "."],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = os.fsdecode(listed.stdout).split("\0")
        found = [root / name for name in names if name]
    else:
        found = [path for path in root.rglob("*.py") if not _is_hidden(path.relative_to(root))]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in _NOT_SOURCES for part in path.parts[:-1])


@contextmanager
def unpacked(request: CheckRequest) -> Iterator[VerifyRequest]:
    """The request as this machine can answer it: what it brings with it lies in a folder."""
    if "sources" not in request:
        yield request
        return
    with tempfile.TemporaryDirectory(prefix="tokenauction-") as folder:
        archive = io.BytesIO(base64.b64decode(request["sources"]))
        with zipfile.ZipFile(archive) as sources:
            sources.extractall(folder)
        local = request.copy()
        del local["sources"]
        local["folder"] = os.path.realpath(folder)
        yield local
