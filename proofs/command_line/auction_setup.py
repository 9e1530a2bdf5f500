"""The agents that the user asks for, made; and what a transcript says of them, made again.

Agents are a scenario's, n-grams of text files, or causal models. What a transcript keeps of them is
enough to make them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tokenauction.mechanisms.auction import Agent, Agents, Terms
from tokenauction.mechanisms.auction.audit import NotATranscript
from tokenauction.mechanisms.auction.transcript_fields import fingerprint_as_shown
from tokenauction.mechanisms.models.model_places import HUB
from tokenauction.mechanisms.models.scenarios import SCENARIOS, agents_of_files
from tokenauction.proofs.command_line.auction_terms import fingerprint_of_terms

DEFAULT_SCENARIO = "co-marketing"


@dataclass(frozen=True)
class AgentsAsked:
    """The agents that the user asks for: a scenario, or text files, or prompts to causal models.

    `models` has one entry, with an empty name, for one model of all agents.
    """

    scenario: str | None = None
    corpora: Mapping[str, str] | None = None
    models: Mapping[str, str] | None = None
    prompts: Mapping[str, str] | None = None
    device: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.scenario, self.corpora, self.models))) > 1:
            raise ValueError("name a scenario, or --corpus, or --model: agents of one kind")
        if bool(self.models) != bool(self.prompts):
            raise ValueError(
                "--model needs --agent NAME=PROMPT for each agent, and --agent a model"
            )
        if self.models and self.prompts and set(self.models) not in ({""}, set(self.prompts)):
            raise ValueError(
                "--model NAME=PATH is needed for each --agent NAME=PROMPT, or one PATH"
            )
        if not self.models and (self.device, self.dtype) != (None, None):
            raise ValueError(
                "--device and --dtype are of causal models: name one with --model, or leave them "
                "out"
            )

    def check(self) -> None:
        """Raises CannotLoadModel for a model that is nowhere, before anything is loaded."""
        if self.models:
            from tokenauction.mechanisms.models.model_places import find

            for source in self.models.values():
                find(source)

    def made(self) -> Agents | Sequence[Agent]:
        """The agents; raises ValueError where a file or a model cannot be used."""
        if self.corpora:
            return agents_of_files(self.corpora)
        if self.models and self.prompts:
            return self._causal(self.models, self.prompts)
        return SCENARIOS[self.scenario or DEFAULT_SCENARIO].agents()

    def _causal(self, models: Mapping[str, str], prompts: Mapping[str, str]) -> Agents:
        from tokenauction.mechanisms.models.causal_models import CausalModels

        if set(models) == {""}:
            return CausalModels.from_prompts(
                models[""], prompts, device=self.device, dtype=self.dtype
            )
        pairs = {name: (models[name], prompt) for name, prompt in prompts.items()}
        return CausalModels.from_models(pairs, device=self.device, dtype=self.dtype)

    @property
    def name(self) -> str:
        """What tables call these agents together."""
        return (self.scenario or DEFAULT_SCENARIO) if self._shipped else "own"

    def prompt(self, given: str | None) -> str:
        """How the text begins: as is given, or as the scenario says.

        For n-gram agents without white space at its end: a space is the beginning of their next
        word, and alone a word that they have never met. Raises ValueError for what is not UTF-8.
        """
        if given is None:
            return SCENARIOS[self.scenario or DEFAULT_SCENARIO].prompt if self._shipped else ""
        try:
            given.encode()
        except UnicodeEncodeError:
            raise ValueError("the prompt is not UTF-8") from None
        return given if self.models else given.rstrip()

    def bids(self, agents: int) -> tuple[float, ...]:
        """The bids unless the user says otherwise."""
        scenario = SCENARIOS[self.scenario or DEFAULT_SCENARIO]
        return scenario.bids if self._shipped else (1.0,) * agents

    @property
    def _shipped(self) -> bool:
        return not self.corpora and not self.models

    def as_identity(self) -> dict[str, Any]:
        """What a transcript keeps."""
        if self._shipped:
            return {"scenario": self.scenario or DEFAULT_SCENARIO}
        if self.corpora:
            return {"corpora": dict(self.corpora)}
        where = {"device": self.device, "dtype": self.dtype}
        given = {option: value for option, value in where.items() if value is not None}
        return {"models": dict(self.models or {}), "prompts": dict(self.prompts or {}), **given}


def identity(asked: AgentsAsked, terms: Terms, rule: str, payment: str) -> dict[str, Any]:
    """What a transcript says of the rules and the agents, for an audit to find them again."""
    return {
        "rule": rule,
        "payment": payment,
        "fingerprint": fingerprint_of_terms(terms),
        "agents": asked.as_identity(),
    }


def agents_named(header: Mapping[str, Any]) -> str:
    """What a transcript says of how to make its agents again, in words."""
    known = (header.get("identity") or {}).get("agents") or {}
    return "; ".join(f"{kind} {what}" for kind, what in known.items()) or "nothing"


def agents_of_transcript(header: Mapping[str, Any]) -> Agents:
    """The agents that a transcript names, made again; raises ValueError.

    Nothing is fetched for it: a model is in its folder, or in the cache of the hub.
    """
    from tokenauction.mechanisms.auction.agents import together

    known = (header.get("identity") or {}).get("agents")
    if not known:
        raise ValueError("the transcript does not say how to make its agents again")
    asked = AgentsAsked(**known)
    if asked.models:
        here = {name: of.removeprefix(HUB) for name, of in asked.models.items()}
        asked = replace(asked, models=here)
    return together(asked.made())


def are_those_that_ran(agents: Agents, header: Mapping[str, Any]) -> bool:
    """Whether agents made again have the names, descriptions and vocabulary of a transcript."""
    ran = [(one.get("name"), one.get("description")) for one in header["agents"]]
    again = [
        (name, dict(description))
        for name, description in zip(agents.names, agents.descriptions, strict=True)
    ]
    shown = header["vocabulary"]
    same_words = shown["fingerprint"] == fingerprint_as_shown(shown, agents.vocabulary)
    return ran == again and same_words


def check_begun(path: str) -> None:
    """Raises NotATranscript for an empty file."""
    if Path(path).is_file() and Path(path).stat().st_size == 0:
        raise NotATranscript(
            f"{path} is empty: a run that ends before its first token leaves no transcript"
        )
