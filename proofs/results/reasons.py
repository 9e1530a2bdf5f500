"""Why there is no verdict, as a sentence that also says its kind, its line and the way out."""

from typing import Any, Final

# The kind of a reason: the function raises there.
RAISES: Final = "raises"

# The kind of a reason: calls with one profile differ, so that it is no function.
KEEPS_STATE: Final = "keeps-state"

POSITIVE_ONLY: Final = (
    'if the rule is meant for strictly positive distributions, say so: support="full" in its '
    "decorator"
)


class Reason(str):
    """A sentence; `code` is a word for its kind, `file` and `line` its place, if it has one."""

    __slots__ = ("code", "file", "line", "way_out")

    code: str
    file: str
    line: int | None
    way_out: str

    def __new__(
        cls, text: str, code: str, file: str = "", line: int | None = None, way_out: str = ""
    ) -> "Reason":
        made = super().__new__(cls, text)
        made.code, made.file, made.line, made.way_out = code, file, line, way_out
        return made

    def __reduce__(self) -> Any:
        return Reason, (str(self), self.code, self.file, self.line, self.way_out)

    def within(self, text: str) -> "Reason":
        """A longer sentence for the same reason."""
        return Reason(text, self.code, self.file, self.line, self.way_out)


def as_reason(text: str, code: str) -> Reason:
    """A sentence as a reason, of this kind unless it knows its own; an empty one is none."""
    return text if isinstance(text, Reason) else Reason(text, code)


def reason_of(problem: Exception, code: str = RAISES) -> Reason:
    """The reason that an exception gives; those of a trace know more than their text."""
    found = getattr(problem, "code", code)
    place = (getattr(problem, "file", ""), getattr(problem, "line", None))
    return Reason(str(problem), found, *place, getattr(problem, "way_out", ""))
