"""Text that several agents wrote, in lines of a given width: whose every run of characters is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Owner = int | None


@dataclass(frozen=True)
class Run:
    """Characters in one line that one agent pulled most; `owner` is its number, None for nobody."""

    text: str
    owner: Owner


def owners(length: int, pulled: Sequence[str]) -> list[Owner]:
    """Whose each character is, from each agent's stretches as `TextRow.pulled` has them.

    Raises ValueError for a stretch that is not `from:to` within the text.

    >>> owners(4, ["0:1", "2:4"])
    [0, None, 1, 1]
    """
    found: list[Owner] = [None] * length
    for agent, spans in enumerate(pulled):
        for span in spans.split():
            start, _, end = span.partition(":")
            if not (start.isdigit() and end.isdigit() and int(start) <= int(end) <= length):
                raise ValueError(f"{span!r} is not a stretch of a text of {length} characters")
            found[int(start) : int(end)] = [agent] * (int(end) - int(start))
    return found


def lines_of(
    text: str, whose: Sequence[Owner], width: float, measure: Callable[[Run], float]
) -> list[list[Run]]:
    """The text in lines of at most this width; `measure` says how wide a run is.

    Lines break at white space, which is shown as one space, and inside words that are wider than a
    line.

    >>> [[run.text for run in line] for line in lines_of("Fly to sea", [0] * 10, 6, _letters)]
    [['Fly to'], ['sea']]
    """
    lines: list[list[Run]] = []
    room = 0.0
    for word, whose_space in _words(text, whose, width, measure):
        space = Run(" ", whose_space)
        needed = sum(map(measure, word))
        if lines and measure(space) + needed <= room:
            room -= measure(space) + needed
            lines[-1] += [space, *word]
        else:
            room = width - needed
            lines.append(list(word))
    return [_joined(line) for line in lines]


def _letters(run: Run) -> float:
    return len(run.text)


def _words(
    text: str, whose: Sequence[Owner], width: float, measure: Callable[[Run], float]
) -> Iterator[tuple[list[Run], Owner]]:
    """The words, as runs, cut where they are too wide; each with whose the space before it is."""
    word: list[Run] = []
    before: Owner = None
    for letter, owner in [*zip(text, whose, strict=True), (" ", None)]:
        if letter.isspace():
            if word:
                yield word, before
            word, before = [], owner
            continue
        longer = _joined([*word, Run(letter, owner)])
        if word and sum(map(measure, longer)) > width:
            yield word, before
            longer = [Run(letter, owner)]
        word = longer


def _joined(runs: Sequence[Run]) -> list[Run]:
    """Neighbours of one owner as one run."""
    found: list[Run] = []
    for run in runs:
        if found and found[-1].owner == run.owner:
            found[-1] = Run(found[-1].text + run.text, run.owner)
        else:
            found.append(run)
    return found
