"""Scenarios: which n-gram agents write an ad together, from which texts.

The agents of a scenario share word pieces, learned on the texts of all of them, and a background,
an n-gram of all these texts: like models tuned from one base, they know each other's words and
differ in what they would say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenauction.mechanisms.models.corpus import CorpusError, read_corpus, shipped_corpus
from tokenauction.mechanisms.models.n_gram import NGram
from tokenauction.mechanisms.models.word_pieces import WordPieces

# Chosen by reading samples. Less novelty repeats the corpora, more loses the thread; a background
# of a lower order, or a higher temperature, leaves seams where the agents meet.
_ORDER, _BACKGROUND_ORDER, _NOVELTY, _TEMPERATURE = 5, 5, 0.2, 0.5


@dataclass(frozen=True)
class Scenario:
    """Agents with the shipped corpora that they read, the beginning of their text, and their bids.

    `corpora` has the name of every agent with the name of its corpus.

    >>> [agent.name for agent in SCENARIOS["co-marketing"].agents()]
    ['Alora Air', 'Marisol Bay']
    """

    name: str
    summary: str
    corpora: tuple[tuple[str, str], ...]
    prompt: str
    bids: tuple[float, ...]

    def agents(self) -> tuple[NGram, ...]:
        """The agents, trained now."""
        return _trained({agent: shipped_corpus(corpus) for agent, corpus in self.corpora})


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="co-marketing",
            summary="an airline and a resort on the coast that it flies to",
            corpora=(("Alora Air", "alora_air"), ("Marisol Bay", "marisol_bay")),
            prompt="",
            bids=(1.0, 1.0),
        ),
        Scenario(
            name="competing",
            summary="two airlines on the same routes, one of comfort and one of low fares",
            corpora=(("Alora Air", "alora_air"), ("Norvik Air", "norvik_air")),
            prompt="",
            bids=(1.0, 1.0),
        ),
    )
}


def agents_of_files(files: Mapping[str, str | Path]) -> tuple[NGram, ...]:
    """Agents of text files, by name, trained now; a line is a text. Raises CorpusError."""
    if not files:
        raise CorpusError("there are no text files; name one for each agent")
    return _trained({name: read_corpus(path) for name, path in files.items()})


def _trained(texts: Mapping[str, Sequence[str]]) -> tuple[NGram, ...]:
    everything = [text for of_agent in texts.values() for text in of_agent]
    pieces = WordPieces.train(everything)
    background = NGram.train("background", everything, pieces, _BACKGROUND_ORDER, novelty=_NOVELTY)
    return tuple(
        NGram.train(
            name,
            own,
            pieces,
            _ORDER,
            novelty=_NOVELTY,
            background=background,
            temperature=_TEMPERATURE,
        )
        for name, own in texts.items()
    )
