"""Agents: language models that say which next token they prefer.

An agent alone is a function of the prompt and the tokens so far; agents together are opened once
for a text and then follow it in lock-step, which lets several share one forward pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tokenauction.mechanisms.auction.inputs import BadDistribution
from tokenauction.mechanisms.auction.vocabulary import Vocabulary, check_shared


@runtime_checkable
class Agent(Protocol):
    """One agent: a map from a prefix to its preferred distribution of the next token.

    `description` says what the agent is (kind, source, fingerprint), for the transcript.
    """

    @property
    def name(self) -> str: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def description(self) -> Mapping[str, str]: ...

    def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
        """The preferred distribution after the prompt and the tokens so far, shape (tokens,)."""
        ...


@dataclass(frozen=True)
class FixedAgent:
    """An agent that wants the same distribution after every prefix: for tests and sketches."""

    name: str
    vocabulary: Vocabulary
    distribution: tuple[float, ...]

    @property
    def description(self) -> Mapping[str, str]:
        """Kind and distribution."""
        return {"kind": "fixed", "distribution": ", ".join(map(str, self.distribution))}

    def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Any:
        """The distribution, whatever came before."""
        return np.array(self.distribution, dtype=np.float64)


class Session(Protocol):
    """Agents at one text: their distributions now, and the token that was drawn."""

    @property
    def room(self) -> int | None:
        """How many more tokens fit into the smallest context; None where there is no limit."""
        ...

    def distributions(self) -> Any:
        """Preferred distributions of the next token, shape (agents, tokens)."""
        ...

    def append(self, token: int) -> None:
        """Let the text go on with a token."""
        ...


@runtime_checkable
class Agents(Protocol):
    """Agents that follow one text together."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def descriptions(self) -> tuple[Mapping[str, str], ...]: ...

    def open(self, prompt: str) -> Session:
        """Start a text with a prompt that all agents see."""
        ...


class Ensemble:
    """Agents of their own, asked one after the other.

    Raises ValueError without agents or with two of one name, VocabularyMismatch.
    """

    def __init__(self, agents: Sequence[Agent]) -> None:
        if not agents:
            raise ValueError("an auction needs at least one agent")
        self.agents = tuple(agents)
        self.names = tuple(agent.name for agent in agents)
        self.descriptions = tuple(dict(agent.description) for agent in agents)
        self.vocabulary = check_shared(self.names, [agent.vocabulary for agent in agents])
        check_names(self.names)

    def open(self, prompt: str) -> Session:
        """Start a text."""
        return _EnsembleSession(self.agents, prompt)


class _EnsembleSession:
    room = None

    def __init__(self, agents: Sequence[Agent], prompt: str) -> None:
        self._agents, self._prompt = agents, prompt
        self._tokens: list[int] = []

    def distributions(self) -> Any:
        return np.stack([self._row(agent) for agent in self._agents])

    def _row(self, agent: Agent) -> Any:
        row = agent.next_distribution(self._prompt, self._tokens)
        try:
            values = np.asarray(row, dtype=np.float64)
        except (TypeError, ValueError) as problem:
            raise BadDistribution(f"the distribution of {agent.name!r} is not numeric") from problem
        if values.shape != (len(agent.vocabulary),):
            raise BadDistribution(
                f"the distribution of {agent.name!r} has shape {values.shape}, not one number for "
                f"each of {len(agent.vocabulary)} tokens"
            )
        return values

    def append(self, token: int) -> None:
        self._tokens.append(token)


def together(agents: Agents | Sequence[Agent]) -> Agents:
    """Agents as one: a group as it is, single ones as an ensemble. Raises TypeError for others."""
    if isinstance(agents, Agents):
        return agents
    if isinstance(agents, Agent) or not isinstance(agents, Iterable):
        raise TypeError(f"agents are a list of agents, or a group of them, not {agents!r}")
    listed = list(agents)
    for agent in listed:
        if not isinstance(agent, Agent):
            raise TypeError(
                f"{agent!r} is no agent: that has a name, a vocabulary, a description and "
                "next_distribution(prompt, tokens)"
            )
    return Ensemble(listed)


def check_names(names: Sequence[str]) -> None:
    """Raises ValueError where two agents have one name."""
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two agents are called {name!r}; give each a name of its own")
