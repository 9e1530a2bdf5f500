"""Files that are read because somebody named them: regular files of a known size, and nothing else.

A pipe can be waited for without end, a device can have no end, and opening one can do something.
"""

import errno
import os
import stat
from pathlib import Path
from typing import IO

MIB = 2**20


def check_plain(path: str | Path, most: int | None = None) -> None:
    """Raises OSError for what is no regular file, and for one of more than `most` bytes."""
    _check(os.stat(path), path, most)


def open_plain(path: str | Path, most: int | None = None) -> IO[bytes]:
    """A regular file, open for reading; raises OSError for anything else, which is not opened."""
    check_plain(path, most)
    # What has taken the file's place since is not waited for.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(os.fstat(handle), path, most)
        return os.fdopen(handle, "rb")
    except OSError:
        os.close(handle)
        raise


def read_plain(path: str | Path, most: int) -> bytes:
    """All of a regular file of at most `most` bytes; raises OSError for anything else."""
    with open_plain(path, most) as file:
        content = file.read(most + 1) or b""
    if len(content) > most:
        raise _too_large(path, most)
    return content


def _check(found: os.stat_result, path: str | Path, most: int | None) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if most is not None and found.st_size > most:
        raise _too_large(path, most)


def _too_large(path: str | Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"larger than {most // MIB:,} MiB, which is the limit", str(path))
