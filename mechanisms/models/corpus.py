"""Training texts: the lines of a text file, and the corpora that are shipped.

The shipped corpora are ads of companies that do not exist, written for this project.
"""

from pathlib import Path

from tokenauction.mechanisms.plain_files import MIB, read_plain
from tokenauction.theory.errors import TokenauctionError

LARGEST = 64 * MIB
_SHIPPED = Path(__file__).parent.parent / "corpora"


class CorpusError(TokenauctionError, ValueError):
    """A file that is no corpus; the message says what is wrong with it, and where."""


def read_corpus(path: str | Path) -> tuple[str, ...]:
    """The texts of a UTF-8 file, one a line, without empty lines and the space around a line.

    Raises CorpusError where there is no such file, it cannot be read, it is not a regular file or
    larger than 64 MiB, it is not UTF-8, or it has no text in it.
    """
    path = Path(path)
    try:
        content = read_plain(path, LARGEST)
    except IsADirectoryError:
        raise CorpusError(f"{path} is a folder; name a text file with one text a line") from None
    except FileNotFoundError:
        raise CorpusError(f"there is no file {path}") from None
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from None
    texts = tuple(filter(None, (line.strip() for line in _decoded(path, content).splitlines())))
    if not texts:
        raise CorpusError(f"{path} has no text in it; write one text a line")
    return texts


def shipped_corpus(name: str) -> tuple[str, ...]:
    """The texts of a shipped corpus; raises CorpusError, which names them all, for another name."""
    names = sorted(path.stem for path in _SHIPPED.glob("*.txt"))
    if name not in names:
        raise CorpusError(f"no shipped corpus is called {name!r}; there are: {', '.join(names)}")
    return read_corpus(_SHIPPED / f"{name}.txt")


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path} is not UTF-8: line {line}, byte {error.start} of the file is "
            f"0x{content[error.start]:02x}; save it as UTF-8"
        ) from None
