"""Files that several runs may write at once: each is there whole, or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_file(place: Path, text: str) -> None:
    """Write a file by renaming a finished one over it; raises OSError.

    A reader sees the old text or the new one, also where two writers race: each has a file of its
    own, and the last to finish wins.
    """
    place = place.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, place.stat().st_mode & 0o777 if place.exists() else 0o644)
        os.replace(name, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def put(text: str, place: Path) -> None:
    """Write a file whole or not at all; a device is written to. Raises OSError."""
    if place.exists() and not place.is_file():
        place.write_text(text, "utf-8")
    else:
        replace_file(place, text)  # what a link is to is written, and the link stays
