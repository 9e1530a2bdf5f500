"""N-gram agents against the textbook in exact fractions; word pieces, corpora and scenarios."""

import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.mechanisms.auction.agents import Agent, Ensemble
from tokenauction.mechanisms.auction.vocabulary import VocabularyMismatch
from tokenauction.mechanisms.models.corpus import CorpusError, read_corpus, shipped_corpus
from tokenauction.mechanisms.models.kneser_ney import BEFORE, estimated_discounts
from tokenauction.mechanisms.models.n_gram import NGram
from tokenauction.mechanisms.models.scenarios import SCENARIOS, agents_of_files
from tokenauction.mechanisms.models.word_pieces import WordPieces

SHORT_TEXTS = st.lists(st.text("ab .", max_size=9), min_size=1, max_size=12)
NOVELTIES = st.sampled_from([Fraction(1), Fraction(3, 10)])
HALF, END = Fraction(1, 2), 0


class Textbook:
    """Interpolated modified Kneser–Ney by its definition, slowly and exactly."""

    def __init__(self, texts: Sequence[Sequence[int]], tokens: int, order: int, novelty: Fraction):
        self.tokens, self.order, self.novelty = tokens, order, novelty
        self.occurring: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
        for text in texts:
            padded = [BEFORE] * (order - 1) + [*text, END]
            for stop in range(order, len(padded) + 1):
                for length in range(1, order + 1):
                    self.occurring[length][tuple(padded[stop - length : stop])] += 1
        self.counts = [self._counts(length) for length in range(order + 1)]
        self.discounts = [self._discounts(counts) for counts in self.counts]

    def _counts(self, length: int) -> dict[tuple[int, ...], int]:
        if length == self.order:
            return dict(self.occurring[length])
        neighbours = {
            gram: {longer[0] for longer in self.occurring[length + 1] if longer[1:] == gram}
            for gram in self.occurring[length]
        }
        return {
            gram: occurrences if gram[0] == BEFORE else len(neighbours[gram])
            for gram, occurrences in self.occurring[length].items()
        }

    def _discounts(self, counts: dict[tuple[int, ...], int]) -> list[Fraction]:
        n1, n2, n3, n4 = (Fraction(sum(c == k for c in counts.values())) for k in (1, 2, 3, 4))
        if n1 and n2 and n3 and n4:
            y = n1 / (n1 + 2 * n2)
            found = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
            if all(d > 0 for d in found):
                return found
        return [HALF, Fraction(1), 3 * HALF]

    def knows(self, context: tuple[int, ...]) -> bool:
        length = len(context) + 1
        return length <= self.order and any(g[:-1] == context for g in self.counts[length])

    def probability(
        self, token: int, context: tuple[int, ...], background: "Textbook | None" = None
    ) -> Fraction:
        shorter = (
            self.probability(token, context[1:], background)
            if context
            else Fraction(1, self.tokens)
        )
        if self.knows(context):
            return self._interpolated(token, context, shorter)
        if background is not None and background.knows(context):
            return background._interpolated(token, context, shorter)
        return shorter

    def _interpolated(self, token: int, context: tuple[int, ...], shorter: Fraction) -> Fraction:
        length = len(context) + 1
        followers = {g[-1]: c for g, c in self.counts[length].items() if g[:-1] == context}
        discount = {
            t: self.novelty * self.discounts[length][min(c, 3) - 1] for t, c in followers.items()
        }
        total = sum(followers.values())
        own = (followers[token] - discount[token]) / total if token in followers else Fraction(0)
        return own + Fraction(sum(discount.values()), total) * shorter


def agree(agent: NGram, textbook: Textbook, background: Textbook | None, text: list[int]) -> None:
    """At every place in a text the agent has the probabilities of the textbook."""
    for place in range(len(text) + 1):
        before = [BEFORE] * (textbook.order - 1) + text[:place]
        context = tuple(before[len(before) - textbook.order + 1 :])
        exact = [textbook.probability(t, context, background) for t in range(textbook.tokens)]
        assert sum(exact) == 1
        found = agent.next_distribution("", text[:place])
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, [float(p) for p in exact], rtol=1e-12, atol=0)


@given(SHORT_TEXTS, st.integers(1, 4), st.integers(1, 9), NOVELTIES, st.data())
def test_the_textbook_in_fractions(
    texts: list[str], order: int, size: int, novelty: Fraction, data: st.DataObject
) -> None:
    pieces = WordPieces.train(texts, size)
    agent = NGram.train("agent", texts, pieces, order, novelty=float(novelty))
    textbook = Textbook([pieces.encode(text) for text in texts], len(pieces.pieces), order, novelty)
    tokens = st.integers(0, len(pieces.pieces) - 1)
    elsewhere = data.draw(st.lists(tokens, max_size=6))
    for text in (pieces.encode(texts[0]), elsewhere):
        agree(agent, textbook, None, text)


@given(SHORT_TEXTS, SHORT_TEXTS, st.integers(1, 4), st.integers(1, 4))
def test_the_textbook_with_a_background(
    own: list[str], others: list[str], order: int, background_order: int
) -> None:
    texts = own + others
    pieces = WordPieces.train(texts, 1)
    encoded = [pieces.encode(text) for text in texts]
    background = NGram.train("background", texts, pieces, background_order)
    agent = NGram.train("agent", own, pieces, order, background=background)
    known = Textbook(encoded, len(pieces.pieces), background_order, Fraction(1))
    textbook = Textbook(encoded[: len(own)], len(pieces.pieces), order, Fraction(1))
    agree(agent, textbook, known, pieces.encode(others[0]))


def test_discounts_are_estimated_where_they_can_be() -> None:
    generator = random.Random(4)
    letters = "abcdefghijkl"
    weights = [1 / rank for rank in range(1, 13)]
    texts = ["".join(generator.choices(letters, weights, k=9)) for _ in range(60)]
    pieces = WordPieces.train(texts, 1)
    textbook = Textbook([pieces.encode(text) for text in texts], len(pieces.pieces), 3, Fraction(1))
    assert sum(found != [HALF, 1, 3 * HALF] for found in textbook.discounts) >= 2
    agree(NGram.train("agent", texts, pieces, 3), textbook, None, pieces.encode(texts[0]))


@pytest.mark.parametrize(
    "counts",
    [[], [1], [1, 2, 3], [2, 3, 4], [1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4], [1, 2, 3, 4, 4, 4, 4]],
)
def test_discounts_that_cannot_be_estimated(counts: list[int]) -> None:
    """A count from one to four is missing, or the second or the third would be negative."""
    assert estimated_discounts(np.array(counts)).tolist() == [0, 0.5, 1, 1.5]


def test_two_tokens_by_hand() -> None:
    """Counts 1 and 1 give up one half each; what is left, one half, is shared by both tokens."""
    agent = NGram.train("agent", ["a"], WordPieces.train(["a"]), 1)
    assert agent.next_distribution("", []).tolist() == [0.5, 0.5]
    thrice = NGram.train("agent", ["aaa"], WordPieces.train(["a"]), 1)
    # (3 - 3/2) / 4 of the token, (1 - 1/2) / 4 of the end, and half of the 2 that were given up.
    assert thrice.next_distribution("", []).tolist() == [0.125 + 0.25, 0.375 + 0.25]


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=5),
    st.integers(1, 6),
    st.text(max_size=12),
    st.data(),
)
def test_every_context_has_a_positive_distribution(
    texts: list[str], order: int, prompt: str, data: st.DataObject
) -> None:
    pieces = WordPieces.train(texts)
    agent = NGram.train("agent", texts, pieces, order, novelty=0.01)
    tokens = data.draw(st.lists(st.integers(0, len(pieces.pieces) - 1), max_size=8))
    preferred = agent.next_distribution(prompt, tokens)
    assert preferred.shape == (len(agent.vocabulary),)
    assert abs(preferred.sum() - 1) < 1e-12
    assert (preferred > 0).all()


@pytest.mark.parametrize("texts", [[""], ["word"], ["a a a a a"], ["a"], ["", "a", ""]])
@pytest.mark.parametrize("order", [1, 2, 5])
def test_small_corpora(texts: list[str], order: int) -> None:
    pieces = WordPieces.train(texts)
    agent = NGram.train("agent", texts, pieces, order)
    textbook = Textbook([pieces.encode(t) for t in texts], len(pieces.pieces), order, Fraction(1))
    agree(agent, textbook, None, pieces.encode(texts[-1]))


def test_a_prompt_is_the_beginning_of_the_text() -> None:
    texts = ["Fly to the coast.", "Sail to the coast.", "Walk on."]
    agent = NGram.train("agent", texts, WordPieces.train(texts))
    tokens = agent.pieces.encode("Fly to the coast.")
    for cut in range(len(tokens) + 1):
        prompt = agent.pieces.decode(tokens[:cut])
        one = agent.next_distribution(prompt, tokens[cut:])
        np.testing.assert_array_equal(one, agent.next_distribution("", tokens))


def test_an_unknown_character_is_a_context_never_met() -> None:
    texts = ["Fly to the coast.", "Sail to the coast."]
    agent = NGram.train("agent", texts, WordPieces.train(texts))
    unmet = agent.next_distribution("Fly to the coast%", [])
    alone = NGram.train("agent", texts, agent.pieces)
    np.testing.assert_array_equal(unmet, alone.next_distribution("€", []))
    assert not np.array_equal(unmet, agent.next_distribution("Fly to the coast", []))


def test_description_and_protocol() -> None:
    texts = ["Fly.", "Swim."]
    pieces = WordPieces.train(texts)
    agent = NGram.train("Alora Air", texts, pieces, 3)
    assert isinstance(agent, Agent)
    assert agent.vocabulary is pieces.vocabulary
    assert {"kind": "n-gram", "order": "3"}.items() <= agent.description.items()
    others = (["Fly", ".Swim."], ["Swim.", "Fly."], ["Fly."])
    prints = [NGram.train("n", other, pieces, 3).description["fingerprint"] for other in others]
    assert len({*prints, agent.description["fingerprint"]}) == 4
    with_background = NGram.train("n", texts, pieces, background=agent)
    assert with_background.description["background order"] == "3"


def test_wrong_arguments() -> None:
    pieces = WordPieces.train(["Fly."])
    with pytest.raises(ValueError, match="order of an n-gram is at least 1, not 0"):
        NGram.train("n", ["Fly."], pieces, 0)
    with pytest.raises(ValueError, match="n: an n-gram needs at least one text"):
        NGram.train("n", [], pieces)
    for novelty in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="novelty is above 0 and at most 1"):
            NGram.train("n", ["Fly."], pieces, novelty=novelty)
    with pytest.raises(ValueError, match="no word piece for the character 'q'"):
        NGram.train("n", ["Fly.q"], pieces)
    agent = NGram.train("n", ["Fly."], pieces)
    for token in (-1, len(pieces.pieces)):
        with pytest.raises(ValueError, match=f"token {token} is not one of"):
            agent.next_distribution("", [token])
    other = NGram.train("other", ["Swim."], WordPieces.train(["Swim."]))
    with pytest.raises(VocabularyMismatch, match="'n' and 'other'"):
        NGram.train("n", ["Fly."], pieces, background=other)


@given(st.lists(st.text(max_size=20), max_size=6), st.integers(0, 60), st.data())
def test_pieces_give_the_text_back(texts: list[str], size: int, data: st.DataObject) -> None:
    pieces = WordPieces.train(texts, size)
    characters = "".join(texts)
    text = data.draw(st.text(characters, max_size=30)) if characters else ""
    for one in (*texts, text):
        tokens = pieces.encode(one)
        assert pieces.decode(tokens) == one
        assert END not in tokens
    assert len(set(pieces.pieces)) == len(pieces.pieces) <= max(size, 1 + len(set(characters)))


LONG_TEXTS = st.lists(st.text("abbc ", min_size=20, max_size=60), min_size=2, max_size=8)


@given(LONG_TEXTS, st.integers(0, 60))
def test_pieces_are_byte_pair_merges(texts: list[str], size: int) -> None:
    """The same pieces as counting all pairs anew before each merge, in any order of the texts."""
    pieces = WordPieces.train(texts, size)
    merged = [piece for piece in pieces.pieces[1:] if len(piece) > 1]
    assert set(merged) == naive_merges(texts, size - 1 - len(set("".join(texts))))
    assert WordPieces.train(sorted(texts), size) == pieces


def naive_merges(texts: list[str], most: int) -> set[str]:
    words = [[*word] for text in texts for word in re.findall(" ?[abc]+| ", text)]
    while True:
        used = {piece for word in words for piece in word if len(piece) > 1}
        pairs = Counter(pair for word in words for pair in pairwise(word))
        if len(used) >= most or not pairs:
            return used
        pair = min(pairs, key=lambda pair: (-pairs[pair], pair))
        for word in words:
            for place in range(len(word)):
                if tuple(word[place : place + 2]) == pair:
                    word[place : place + 2] = [pair[0] + pair[1]]


def test_whole_words_are_one_token() -> None:
    texts = ["Don't fly all-inclusive.", "Fly: “far”, 24/7!"]
    pieces = WordPieces.train(texts)
    found = [pieces.pieces[token] for text in texts for token in pieces.encode(text)]
    first = ["Don't", " fly", " all-inclusive", "."]
    assert found == [*first, "Fly", ":", " “", "far", "”", ",", " 24", "/", "7", "!"]


def test_the_end_token_is_never_text() -> None:
    pieces = WordPieces.train(["<end>", "<end> <end>"])
    assert pieces.decode([*pieces.encode("<end>"), END]) == "<end>"
    assert END not in pieces.encode("<end>")


def test_a_character_without_a_piece() -> None:
    pieces = WordPieces.train(["Fly to Sao Paulo"])
    with pytest.raises(ValueError, match=r"the character 'ã' in 'São'.*leave it out"):
        pieces.encode("Fly to São Paulo")
    assert pieces.encode("Fã", unknown=-2)[-1] == -2


def test_corpora_that_cannot_be_read(tmp_path: Path) -> None:
    empty, latin, long = tmp_path / "empty.txt", tmp_path / "latin.txt", tmp_path / ("x" * 999)
    empty.write_text("\n \n\t\n")
    latin.write_bytes("first\nsecond\ncafé\n".encode("latin-1"))
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "none.txt", "there is no file"),
        (long, "cannot be read"),
        (empty, "has no text in it"),
        (latin, "not UTF-8: line 3, byte 16 of the file is 0xe9"),
    ):
        with pytest.raises(CorpusError, match=message) as error:
            read_corpus(path)
        assert str(path) in str(error.value)


def test_lines_of_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "ads.txt"
    path.write_bytes("\ufeff Fly. \r\n\r\n\n  \nTo the café.".encode())
    assert read_corpus(str(path)) == ("Fly.", "To the café.")


def test_shipped_corpora() -> None:
    names = {corpus for scenario in SCENARIOS.values() for _, corpus in scenario.corpora}
    assert names == {"alora_air", "marisol_bay", "norvik_air"}
    for name in names:
        texts = shipped_corpus(name)
        assert len(set(texts)) == len(texts)
        assert sum(len(text.split()) for text in texts) > 10_000
    with pytest.raises(CorpusError, match="'alora'; there are: alora_air, marisol_bay, norvik_air"):
        shipped_corpus("alora")


@cache
def agents_of(scenario: str) -> tuple[NGram, ...]:
    return SCENARIOS[scenario].agents()


@pytest.mark.parametrize("name", SCENARIOS)
def test_agents_of_a_scenario(name: str) -> None:
    scenario, agents = SCENARIOS[name], agents_of(name)
    assert scenario.name == name
    assert len(scenario.bids) == len(scenario.corpora) == len(agents)
    ensemble = Ensemble(agents)
    assert ensemble.names == tuple(agent for agent, _ in scenario.corpora)
    assert ensemble.open(scenario.prompt).distributions().shape == (2, len(ensemble.vocabulary))
    agents[0].pieces.encode(scenario.prompt)


@pytest.mark.parametrize("name", SCENARIOS)
def test_ads_of_a_scenario(name: str) -> None:
    """Forty ads from the mean of two agents: words that follow one another in the corpora."""
    agents, prompt = agents_of(name), SCENARIOS[name].prompt
    texts = [text for _, corpus in SCENARIOS[name].corpora for text in shipped_corpus(corpus)]
    known_pairs = {pair for text in texts for pair in pairwise(text.split())}
    generator = np.random.default_rng(0)
    ads = [drawn(agents, prompt, generator) for _ in range(40)]
    pairs = [pair for ad in ads for pair in pairwise(ad.split())]
    assert np.mean([pair in known_pairs for pair in pairs]) > 0.9
    assert 15 < np.mean([len(ad.split()) for ad in ads]) < 60
    assert sum(ad in texts for ad in ads) < 8


@pytest.mark.parametrize("name", SCENARIOS)
def test_agents_of_a_scenario_speak_for_themselves(name: str) -> None:
    """Each names itself and not the other, and they disagree along what either would say."""
    agents, prompt = agents_of(name), SCENARIOS[name].prompt
    generator = np.random.default_rng(1)
    for agent, other in (agents, agents[::-1]):
        ads = [drawn([agent], prompt, generator) for _ in range(30)]
        brand, rival = agent.name.split()[0], other.name
        assert sum(brand in ad for ad in ads) > 10
        assert sum(rival in ad for ad in ads) < 3
        distances = [distance(agents, prompt, agent.pieces.encode(ad)) for ad in ads]
        assert np.mean(distances) > 0.08


def distance(agents: Sequence[NGram], prompt: str, tokens: list[int]) -> float:
    """The mean total variation between two agents along a text."""
    rows = [
        [agent.next_distribution(prompt, tokens[:place]) for agent in agents]
        for place in range(len(tokens) + 1)
    ]
    return float(np.mean([np.abs(one - other).sum() / 2 for one, other in rows]))


def drawn(agents: Sequence[NGram], prompt: str, generator: np.random.Generator) -> str:
    tokens: list[int] = []
    while END not in tokens and len(tokens) < 200:
        mean = np.mean([agent.next_distribution(prompt, tokens) for agent in agents], axis=0)
        tokens.append(int(generator.choice(len(mean), p=mean / mean.sum())))
    return prompt + agents[0].vocabulary.decode(tokens)


def test_agents_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Fly to the coast.\n\nFly home.\n")
    (tmp_path / "b.txt").write_text("Swim at the coast.\n")
    agents = agents_of_files({"A": tmp_path / "a.txt", "B": str(tmp_path / "b.txt")})
    assert Ensemble(agents).names == ("A", "B")
    likely = [int(agent.next_distribution("", []).argmax()) for agent in agents]
    assert [agents[0].vocabulary.pieces[token] for token in likely] == ["Fly", "Swim"]
    with pytest.raises(CorpusError, match="name one for each agent"):
        agents_of_files({})


def test_training_does_not_depend_on_the_process() -> None:
    program = (
        "from tokenauction.mechanisms.models.scenarios import SCENARIOS\n"
        "for agent in SCENARIOS['competing'].agents():\n"
        "    row = agent.next_distribution('Fly', [])\n"
        "    print(agent.vocabulary.fingerprint, row.tobytes().hex()[-4000:])\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
