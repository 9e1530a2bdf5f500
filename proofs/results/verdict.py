"""Verdicts: proved, refuted or unknown; each with what it covers and what it rests on.

A frozen sum type. `Proved` says which numbers of agents and tokens it covers; `Refuted` carries a
witness; `Unknown` says why, and never counts as a pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # for its name only: listing rules loads no solver and no arrays
    from tokenauction.proofs.results.assignment import Assignment

Sizes = Literal["all"] | tuple[int, ...]


@dataclass(frozen=True)
class Scope:
    """Which numbers of agents and of tokens a verdict covers."""

    agents: Sizes = "all"
    tokens: Sizes = "all"

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> "Scope":
        """The scope that a report shows."""
        return cls(*(s if s == "all" else tuple(s) for s in (shown["agents"], shown["tokens"])))

    def shown(self) -> dict[str, Any]:
        """The scope as a report shows it.

        >>> Scope("all", (1, 2)).shown()
        {'agents': 'all', 'tokens': [1, 2]}
        """
        sizes = (("agents", self.agents), ("tokens", self.tokens))
        return {axis: covered if covered == "all" else list(covered) for axis, covered in sizes}

    @classmethod
    def up_to(cls, agents: int, tokens: int) -> "Scope":
        """Every number of agents and of tokens up to these."""
        return cls(tuple(range(1, agents + 1)), tuple(range(1, tokens + 1)))

    def covers(self, wanted: "Scope") -> bool:
        """Whether it has every size of another.

        >>> Scope().covers(Scope((1, 2), (1, 2))), Scope((1, 2), "all").covers(Scope())
        (True, False)
        """
        pairs = ((self.agents, wanted.agents), (self.tokens, wanted.tokens))
        return all(has == "all" or (w != "all" and set(w) <= set(has)) for has, w in pairs)

    def __str__(self) -> str:
        return f"{_counted(self.agents, 'agent')}, {_counted(self.tokens, 'token')}"


def size_in_words(agents: int, tokens: int) -> str:
    """One size, in a sentence.

    >>> size_in_words(1, 2)
    '1 agent and 2 tokens'
    """
    return f"{_counted((agents,), 'agent')} and {_counted((tokens,), 'token')}"


def _counted(sizes: Sizes, what: str) -> str:
    return f"{sizes_in_words(sizes)} {what}{'' if sizes == (1,) else 's'}"


def sizes_in_words(sizes: Sizes) -> str:
    """Exactly these sizes: `all`, a range without gaps, or one by one.

    >>> sizes_in_words((1, 2, 3)), sizes_in_words((1, 3))
    ('1 to 3', '1, 3')
    """
    if sizes == "all":
        return "all"
    if len(sizes) > 1 and list(sizes) == list(range(sizes[0], sizes[-1] + 1)):
        return f"{sizes[0]} to {sizes[-1]}"
    return ", ".join(map(str, sizes))


@dataclass(frozen=True)
class Evidence:
    """What a proof rests on."""

    method: str
    steps: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resources:
    """What Z3 spent on a verdict: the same for the same versions, seed and budget.

    `limit_share` is how much of a limit the verdict needed: of one query's steps for the hardest
    contradiction, or of a claim's for all of them. `out_of_time` counts the queries that the clock
    ended rather than a limit on steps; with those, another machine may see another verdict.
    """

    steps: int = 0
    queries: int = 0
    limit_share: float = 0.0
    out_of_time: int = 0


@dataclass(frozen=True)
class Witness:
    """An assignment at which the property fails, and what the rule does there.

    `exact` says that it was replayed in exact arithmetic; otherwise `margin` says how clear the
    violation is in floats. The values are fractions, or decimals rounded to 17 digits where
    `rounded` says so. `aggregates` and `payments` are what the rules return, and `aggregates_at`,
    `payments_at` the property's names for the bids there. `aggregates_given` and `payments_given`
    say in words how the profile of each call differs from the one that is shown; `axes`, of what
    the property quantifies over besides the profile, over what it ranges.
    """

    assignment: "Assignment"
    exact: bool
    undefined: bool
    token: int | None
    before: str | None
    after: str | None
    preferred: str | None
    aggregates: tuple[tuple[str, ...], ...]
    aggregates_at: tuple[str, ...] = ()
    payments: tuple[tuple[str, ...], ...] = ()
    payments_at: tuple[str, ...] = ()
    aggregates_given: tuple[str, ...] = ()
    payments_given: tuple[str, ...] = ()
    rounded: bool = False
    margin: float | None = None
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sentence: str = ""


@dataclass(frozen=True)
class Answer:
    """What an answer has that was given from Python: the text that the command line prints of it.

    `telling` makes that text; None where the answer comes from inside, without the question.
    """

    telling: Callable[[Any], str] | None = field(
        default=None, compare=False, repr=False, kw_only=True
    )

    def explain(self) -> str:
        """The proof or the counterexample in full, as `--explain` prints it."""
        return f"{self}\n" if self.telling is None else self.telling(self)

    def __str__(self) -> str:
        """The status, and what it covers or why it is so.

        >>> print(Proved(Scope(), Evidence("the same canonical form")))
        proved for all agents, all tokens
        """
        answer: Any = self
        witness = getattr(answer, "witness", None)
        said = getattr(answer, "reason", "") if witness is None else witness.sentence
        return f"{answer.status}: {said}" if said else f"{answer.status} for {answer.scope}"

    def __bool__(self) -> bool:
        """Refused where a caller from Python could take a refutation for a yes."""
        if self.telling is not None:
            raise TypeError("an answer is no truth value: ask for its status")
        return True

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the text in the place of what makes it."""
        told = None if self.telling is None else Told(self.explain())
        return {**vars(self), "telling": told}


@dataclass(frozen=True)
class Told:
    """The explanation of an answer whose question is gone."""

    text: str

    def __call__(self, _: Any) -> str:
        return self.text


@dataclass(frozen=True)
class Proved(Answer):
    """The property holds at every profile of the scope; `why_not_more` says why no larger one."""

    scope: Scope
    evidence: Evidence
    why_not_more: str = ""
    resources: Resources = field(default_factory=Resources)
    float_range: str = ""
    status: Literal["proved"] = "proved"

    @property
    def reason(self) -> str:
        """What is said of the sizes beyond the scope; empty where there are none."""
        return self.why_not_more and f"for more sizes it is not proved: {self.why_not_more}"


@dataclass(frozen=True)
class Refuted(Answer):
    """The property fails at the witness."""

    witness: Witness
    method: str
    scope: Scope
    resources: Resources = field(default_factory=Resources)
    float_range: str = ""
    status: Literal["refuted"] = "refuted"


@dataclass(frozen=True)
class Unknown(Answer):
    """Neither proved nor refuted; `explored` says what was tried."""

    reason: str
    explored: str = ""
    scope: Scope = field(default_factory=lambda: Scope((), ()))
    method: str = "none"
    resources: Resources = field(default_factory=Resources)
    float_range: str = ""
    status: Literal["unknown"] = "unknown"


# `float_range` says at which bids a run is not the real number that the verdict is about, since
# floats overflow or underflow; empty where that was not seen.
Verdict = Proved | Refuted | Unknown
