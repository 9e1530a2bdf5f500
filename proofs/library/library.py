"""Theorems of the library as values: what is stated, where it stands, and how it is proved.

A theorem's function proves it afresh and returns its conclusions, each named by the part of the
statement that it is. Calling it twice in a process gives the first result again.
"""

import functools
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from tokenauction.proofs.core.kernel import Forged, NotAFormula, NotProved, Theorem, is_theorem

Conclusions = Mapping[str, Theorem]
ARXIV = "arXiv 2310.10826"


class Origin(StrEnum):
    """Whose a statement is. The paper's was not compared with its text, but reconstructed."""

    PAPER = "the paper's claim (as reconstructed)"
    TEXTBOOK = "textbook"
    OWN = "this project's"


PAPER: Final = Origin.PAPER
TEXTBOOK: Final = Origin.TEXTBOOK
OWN: Final = Origin.OWN


@dataclass(frozen=True)
class LibraryTheorem:
    """A statement with the function that proves it, whose it is, and where to read on."""

    name: str
    statement: str
    origin: Origin
    reference: str
    file: str
    line: int
    prove: Callable[[], Conclusions]

    @property
    def source(self) -> str:
        """Whose it is, and the reference where there is one."""
        return f"{self.origin}; {self.reference}" if self.reference else str(self.origin)

    def __call__(self) -> Conclusions:
        """The conclusions; raises NotProved."""
        return self.prove()


@dataclass(frozen=True)
class Checked:
    """What became of a theorem: its conclusions, or the reason why it was not proved."""

    theorem: LibraryTheorem
    conclusions: Conclusions
    seconds: float
    reason: str = ""

    @property
    def status(self) -> Literal["proved", "failed"]:
        """Proved where every conclusion is a theorem of the kernel."""
        return "failed" if self.reason else "proved"

    @property
    def steps(self) -> list[Theorem]:
        """Every theorem that the conclusions rest on, each after its premises."""
        return proof_of(*self.conclusions.values())

    @property
    def method(self) -> str:
        """The rules of inference that were used, those that decide first."""
        used = dict.fromkeys(step.method for step in self.steps)
        deciding = [m for m in used if m not in _STRUCTURAL]
        return ", ".join(deciding or used)

    @property
    def assumptions(self) -> list[str]:
        """The axioms that the conclusions rest on."""
        return sorted(set().union(*(one.axioms for one in self.conclusions.values())))


_STRUCTURAL = ("axiom", "instance", "modus ponens", "generalisation", "specialisation")


def library_theorem(
    *, origin: Origin, reference: str = ""
) -> Callable[[Callable[[], Conclusions]], LibraryTheorem]:
    """Make a function without arguments a theorem of the library.

    Its name is the theorem's, the first paragraph of its docstring the statement in words. What is
    the paper's refers to it without saying so.
    """
    reference = reference or (ARXIV if origin is PAPER else "")

    def make(function: Callable[[], Conclusions]) -> LibraryTheorem:
        words = (inspect.getdoc(function) or "").split("\n\n")[0]
        code = inspect.unwrap(function).__code__
        return LibraryTheorem(
            function.__name__.replace("_", "-"),
            " ".join(words.split()),
            origin,
            reference,
            _place(Path(code.co_filename)),
            code.co_firstlineno,
            functools.cache(function),
        )

    return make


def check(theorem: LibraryTheorem) -> Checked:
    """Prove a theorem, and see that the kernel made what comes back."""
    start = time.perf_counter()
    conclusions: Conclusions = {}
    try:
        conclusions = theorem()
        reason = "" if conclusions else "it has no conclusion"
        for part, one in conclusions.items():
            if not is_theorem(one):
                raise Forged(f"{part}: no rule of inference made it")
    except (NotProved, NotAFormula, Forged) as problem:
        conclusions, reason = {}, f"{type(problem).__name__}: {problem}"
    return Checked(theorem, conclusions, time.perf_counter() - start, reason)


def proof_of(*theorems: Theorem) -> list[Theorem]:
    """Theorems and everything that they rest on, each after its premises."""
    found: dict[int, Theorem] = {}
    waiting: list[tuple[Theorem, bool]] = [(one, False) for one in reversed(theorems)]
    while waiting:
        one, expanded = waiting.pop()
        if id(one) in found:
            continue
        if expanded:
            found[id(one)] = one
        else:
            waiting.append((one, True))
            waiting += [(premise, False) for premise in one.premises]
    return list(found.values())


def _place(file: Path) -> str:
    """A file below this folder, or the name of another's."""
    here = Path(__file__).parent
    return file.relative_to(here).as_posix() if here in file.parents else file.name
