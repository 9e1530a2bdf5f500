"""What models read and write: pieces, ends of texts, chat messages, and full contexts."""

import json
import shutil
from pathlib import Path

import pytest
import small_transformer as small
import torch
from small_transformer import PROMPTS, load_alone, saved

from tokenauction.mechanisms.auction.vocabulary import VocabularyMismatch
from tokenauction.mechanisms.models.causal_models import (
    CannotLoadModel,
    CausalModels,
    ContextFull,
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A model folder to change."""
    return Path(shutil.copytree(saved(), tmp_path / "model"))


def test_pieces_are_texts() -> None:
    vocabulary = CausalModels.from_prompts(saved(), PROMPTS).vocabulary
    _, tokenizer = load_alone(saved())
    for _, line in small.texts()[::97]:
        tokens = tokenizer.encode(line)
        assert "".join(vocabulary.pieces[token] for token in tokens) == line
        assert vocabulary.decode([*tokens, 0]) == line
    split = tokenizer.encode("ö")
    assert len(split) == 2, "a character of two tokens"
    assert vocabulary.decode(split) == "ö"
    assert all("\ufffd" not in vocabulary.pieces[token] for token in split)


def test_every_end_token_ends_the_text(copy: Path) -> None:
    settings = json.loads((copy / "generation_config.json").read_text())
    settings["eos_token_id"] = [0, 17, 100_000]
    (copy / "generation_config.json").write_text(json.dumps(settings))
    assert CausalModels.from_prompts(saved(), PROMPTS).vocabulary.end == {0}
    assert CausalModels.from_prompts(copy, PROMPTS).vocabulary.end == {0, 17}
    both = CausalModels.from_models({"a": (saved(), ""), "b": (copy, "")})
    assert both.vocabulary.end == {0, 17}, "an end for one is an end for all"


def test_other_tokens_are_a_mismatch_that_names_both() -> None:
    with pytest.raises(VocabularyMismatch, match=r"'alora' and 'norvik'.*token \d+ is|tokens and"):
        CausalModels.from_models({"alora": (saved(), "a"), "norvik": (saved(size=600), "b")})


def test_chat_wraps_the_own_prompt(copy: Path) -> None:
    agents = CausalModels.from_prompts(saved(), {"alora": "Alora Air"}, chat=True, device="cpu")
    plain = CausalModels.from_prompts(saved(), {"alora": "Alora Air:\n"}, device="cpu")
    assert torch.equal(agents.open("Fly").distributions(), plain.open("Fly").distributions())
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(CannotLoadModel, match="no chat template"):
        CausalModels.from_prompts(copy, {"alora": "Alora Air"}, chat=True).open("Fly")


def test_a_tokenizer_that_begins_texts_does_so_once(copy: Path) -> None:
    file = copy / "tokenizer.json"
    settings = json.loads(file.read_text())
    settings["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": small.END, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {small.END: {"id": small.END, "ids": [0], "tokens": [small.END]}},
    }
    file.write_text(json.dumps(settings))
    agents = CausalModels.from_prompts(copy, {"silent": "", "alora": "Alora"}, device="cpu")
    session = agents.open("")
    dists = session.distributions()
    model, tokenizer = load_alone(copy)
    text = tokenizer.encode("Alora")
    assert text[0] == 0
    assert session.room == small.CONTEXT - len(text)
    for row, ids in zip(dists, ([0], text), strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1, : len(tokenizer)]
        assert float((row - torch.softmax(logits, dim=-1)).abs().max()) < 1e-5


def test_nothing_to_begin_with_is_an_error(copy: Path) -> None:
    file = copy / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    settings.update(bos_token=None, eos_token=None)
    file.write_text(json.dumps(settings))
    agents = CausalModels.from_prompts(copy, {"silent": "", "alora": "Alora"})
    agents.open("Fly")
    with pytest.raises(CannotLoadModel, match="the prompt is empty"):
        agents.open("")


def test_no_agents_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one agent"):
        CausalModels.from_models({})


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_room_counts_down_to_a_full_context(kind: str) -> None:
    agents = CausalModels.from_prompts(saved(kind), PROMPTS, device="cpu")
    _, tokenizer = load_alone(saved(kind))
    session = agents.open("Fly")
    longest = max(len(tokenizer.encode(own + "Fly")) for own in PROMPTS.values())
    assert session.room == small.CONTEXT - longest
    for used in range(small.CONTEXT - longest):
        assert session.room == small.CONTEXT - longest - used
        session.append(5)
    assert session.room == 0
    assert bool(torch.isfinite(session.distributions()).all())
    with pytest.raises(ContextFull, match="full after"):
        session.append(5)


def test_prompts_that_do_not_fit_are_an_error() -> None:
    agents = CausalModels.from_prompts(saved(), {"short": "", "long": "sea " * 100})
    with pytest.raises(ContextFull, match=r"'long' are \d+ tokens.* at most 128.*shorten"):
        agents.open("by the sea " * 20)


@pytest.mark.parametrize("token", [-1, 1000])
def test_a_token_that_does_not_exist_is_an_error(token: int) -> None:
    session = CausalModels.from_prompts(saved(), PROMPTS).open("")
    with pytest.raises(ValueError, match="there is no token"):
        session.append(token)
