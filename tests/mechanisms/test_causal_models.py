"""Causal models as agents: lock-step against each agent alone, numbers, and texts."""

import functools
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_transformer as small
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_transformer import PROMPTS, alone, load_alone, saved

from tokenauction.mechanisms.auction.agents import Agents
from tokenauction.mechanisms.models.causal_models import CausalModels, ReadsAgain
from tokenauction.mechanisms.models.forward_pass import CACHE_NAMES
from tokenauction.mechanisms.models.pretrained import Pretrained, load


def passes(agents: CausalModels) -> list[tuple[int, ...]]:
    """A list that fills with the shape of the tokens of every forward pass."""
    shapes: list[tuple[int, ...]] = []
    for model in {id(model): model.model for model, _ in agents._agents}.values():
        model.register_forward_pre_hook(
            lambda _module, _args, given: shapes.append(tuple(given["input_ids"].shape)),
            with_kwargs=True,
        )
    return shapes


# Lock-step


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["llama", "gpt2", "window"])
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-5), ("float64", 1e-12)])
def test_rows_equal_each_agent_alone(kind: str, dtype: str, bound: float) -> None:
    agents = CausalModels.from_prompts(saved(kind), PROMPTS, device="cpu", dtype=dtype)
    assert isinstance(agents, Agents)
    assert agents.names == tuple(PROMPTS)
    shapes = passes(agents)
    session = agents.open("Fly")
    model, tokenizer = load_alone(saved(kind), getattr(torch, dtype))
    tokens: list[int] = []
    for token in (40, 300, 7, 512, 300):
        dists = session.distributions()
        assert dists.dtype == getattr(torch, dtype)
        for row, own in zip(dists, PROMPTS.values(), strict=True):
            expected = alone(model, tokenizer, own + "Fly", tokens)
            assert float((row - expected).abs().max()) < bound
        session.append(token)
        tokens.append(token)
    longest = max(len(tokenizer.encode(own + "Fly")) for own in PROMPTS.values())
    assert shapes == [(3, longest), (3, 1), (3, 1), (3, 1), (3, 1)], "one pass a token"


@pytest.mark.slow
@given(
    prompts=st.lists(st.text(max_size=12), min_size=1, max_size=4),
    common=st.sampled_from(["", "Fly", "ein Café am Meer "]),
    runs=st.lists(st.lists(st.integers(0, 599), max_size=3), max_size=4),
)
def test_rows_equal_each_agent_alone_whatever_the_prompts(
    prompts: list[str], common: str, runs: list[list[int]]
) -> None:
    loaded, model, tokenizer = kept(saved(size=600))
    agents = CausalModels({f"agent {i}": (loaded, own) for i, own in enumerate(prompts)})
    session = agents.open(common)
    tokens: list[int] = []
    for run in [[], *runs]:
        for token in run:
            session.append(token)
            tokens.append(token)
        dists = session.distributions()
        for row, own in zip(dists, prompts, strict=True):
            expected = alone(model, tokenizer, own + common, tokens)
            assert float((row - expected).abs().max()) < 1e-5
    fresh = agents.open(common).room
    assert fresh is not None
    assert session.room == fresh - len(tokens)


@functools.cache
def kept(folder: Path) -> tuple[Pretrained, Any, Any]:
    """A model loaded for agents and alone, kept for the examples of one property."""
    return load(folder, "cpu"), *load_alone(folder)


def assert_rows_are_each_agent_alone(
    agents: CausalModels, folder: Path, runs: tuple[list[int], ...] = ([], [40], [300], [7])
) -> None:
    """At one text, after each of these runs of tokens."""
    session = agents.open("Fly")
    model, tokenizer = load_alone(folder)
    tokens: list[int] = []
    for run in runs:
        for token in run:
            session.append(token)
            tokens.append(token)
        for row, own in zip(session.distributions(), PROMPTS.values(), strict=True):
            expected = alone(model, tokenizer, own + "Fly", tokens)
            assert float((row - expected).abs().max()) < 1e-5


@pytest.mark.filterwarnings("ignore::tokenauction.mechanisms.models.causal_models.ReadsAgain")
@pytest.mark.parametrize("kind", ["recurrent", "state"])
def test_rows_of_a_model_with_a_state_equal_each_agent_alone(kind: str) -> None:
    agents = CausalModels.from_prompts(saved(kind), PROMPTS, device="cpu")
    runs: tuple[list[int], ...] = ([], [40], [300, 7, 512], [9])
    assert_rows_are_each_agent_alone(agents, saved(kind), runs)


# What a model hands back


def renamed(taken: str | None, returned: str | None) -> Pretrained:
    """A model that takes and returns its keys and values under these names, or not at all."""
    loaded = load(saved(), "cpu")
    original = loaded.model.forward
    signature = inspect.signature(original)
    own = next(name for name in CACHE_NAMES if name in signature.parameters)

    def forward(**given: Any) -> SimpleNamespace:
        if taken in given:
            given[own] = given.pop(taken)
        found = original(**given)
        kept = {returned: getattr(found, own)} if returned else {}
        return SimpleNamespace(logits=found.logits, **kept)

    forward.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            parameter.replace(name=taken or "other") if name == own else parameter
            for name, parameter in signature.parameters.items()
        ]
    )
    loaded.model.forward = forward
    return loaded


@pytest.mark.parametrize(
    ("taken", "returned"),
    [
        ("past_key_values", "past_key_values"),
        ("cache", "cache"),
        ("past_key_values", "cache"),
        ("cache", "past_key_values"),
    ],
)
def test_keys_and_values_are_handed_back_whatever_they_are_called(
    taken: str, returned: str
) -> None:
    loaded = renamed(taken, returned)
    agents = CausalModels({name: (loaded, own) for name, own in PROMPTS.items()})
    shapes = passes(agents)
    assert_rows_are_each_agent_alone(agents, saved())
    assert [tokens for _, tokens in shapes[1:]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("taken", "returned"), [(None, None), (None, "cache"), ("past_key_values", None)]
)
def test_a_model_that_reads_again_is_right_and_says_what_that_costs(
    taken: str | None, returned: str | None
) -> None:
    loaded = renamed(taken, returned)
    with pytest.warns(ReadsAgain) as caught:
        agents = CausalModels({name: (loaded, own) for name, own in PROMPTS.items()})
    (warning,) = caught
    assert str(warning.message) == (
        f"{saved()} does not hand back what it has read (its keys and values), so it reads every "
        "agent's whole text again for each token: a text twice as long takes about four times as "
        "long"
    )
    shapes = passes(agents)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_rows_are_each_agent_alone(agents, saved())
    assert len(shapes) == 4 * len(PROMPTS), "every row alone, for every token"


def test_every_model_that_reads_again_is_named_once() -> None:
    one, other, third = renamed(None, None), renamed(None, None), load(saved(), "cpu")
    agents = {"a": (one, ""), "b": (other, ""), "c": (one, "Fly"), "d": (third, "")}
    with pytest.warns(ReadsAgain) as caught:
        CausalModels(agents)
    assert len(caught) == 2


@pytest.mark.slow
def test_a_run_that_reads_again_says_so_in_one_sentence(command: Callable[..., Any]) -> None:
    folder = saved("recurrent")
    done = command(
        *("run", "--model", str(folder), "--device", "cpu"),
        *("--agent", "Alora=Alora Air: ", "--agent", "Marisol=Marisol Bay: "),
        *("--max-tokens", "2", "--format", "json"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")
    said = [line for line in done.stderr.splitlines() if "reads every agent's whole text" in line]
    assert said == [line for line in done.stderr.splitlines() if str(folder) in line]
    assert [line.split(" does")[0] for line in said] == [f"tokenauction: {folder}"]


def test_different_models_follow_one_text() -> None:
    one, other = saved(), saved("gpt2")
    agents = CausalModels.from_models(
        {"a": (one, "Alora Air:\n"), "b": (other, "Norvik Air:\n"), "c": (one, "")}, device="cpu"
    )
    shapes = passes(agents)
    session = agents.open("Fly")
    session.distributions()
    session.append(300)
    dists = session.distributions()
    expected = [
        alone(*load_alone(folder), own + "Fly", [300])
        for folder, own in ((one, "Alora Air:\n"), (other, "Norvik Air:\n"), (one, ""))
    ]
    assert float((dists - torch.stack(expected)).abs().max()) < 1e-5
    assert sorted(rows for rows, _ in shapes) == [1, 1, 2, 2], "a batch for each model"
    assert session is not agents.open("Fly")
    prints = [description["fingerprint"] for description in agents.descriptions]
    assert prints[0] == prints[2] != prints[1]


def test_two_texts_at_once_do_not_mix() -> None:
    agents = CausalModels.from_prompts(saved(), PROMPTS, device="cpu")
    first, second = agents.open("Fly"), agents.open("Stay here")
    for token in (40, 300, 7):
        first.distributions()
        first.append(token)
        second.distributions()
        second.append(token + 1)
    model, tokenizer = load_alone(saved())
    for session, common, shift in ((first, "Fly", 0), (second, "Stay here", 1)):
        tokens = [token + shift for token in (40, 300, 7)]
        expected = alone(model, tokenizer, PROMPTS["norvik"] + common, tokens)
        assert float((session.distributions()[2] - expected).abs().max()) < 1e-5


# Numbers


def test_bfloat16_logits_become_float32_distributions() -> None:
    agents = CausalModels.from_prompts(saved(), {"alora": "Alora Air:\n"}, dtype=torch.bfloat16)
    assert agents.descriptions[0]["dtype"] == "bfloat16"
    dists = agents.open("").distributions()
    model, tokenizer = load_alone(saved(), torch.bfloat16)
    with torch.no_grad():
        logits = model(torch.tensor([tokenizer.encode("Alora Air:\n")])).logits[:, -1]
    assert logits.dtype == torch.bfloat16
    assert dists.dtype == torch.float32
    expected = torch.softmax(logits[:, : len(tokenizer)].double(), dim=-1)
    assert float((dists - expected).abs().max()) < 1e-7, "no rounding after the logits"
    assert abs(float(dists.double().sum()) - 1) < 1e-6


def test_rows_that_pad_the_head_are_no_tokens() -> None:
    agents = CausalModels.from_prompts(saved(), PROMPTS, device="cpu")
    model, tokenizer = load_alone(saved())
    assert model.get_output_embeddings().weight.shape[0] > len(tokenizer) == len(agents.vocabulary)
    dists = agents.open("Fly").distributions()
    assert tuple(dists.shape) == (3, len(tokenizer))
    assert float((dists.double().sum(dim=1) - 1).abs().max()) < 1e-6


def test_distributions_are_plain_tensors() -> None:
    dists = CausalModels.from_prompts(saved(), PROMPTS).open("Fly").distributions()
    assert not dists.requires_grad
    assert not dists.is_inference(), "what follows may change tensors in place"


# Texts


@pytest.mark.slow
def test_a_trained_model_speaks_in_words_of_its_advertiser() -> None:
    agents = CausalModels.from_prompts(
        saved(steps=400), {name: f"{name}:\n" for name, _ in small.texts()}, device="cpu"
    )
    random = np.random.default_rng(0)
    known = {word for _, line in small.texts() for word in words(line)}
    for index, name in enumerate(agents.names):
        texts = [sample(agents, index, random) for _ in range(4)]
        spoken = [word for text in texts for word in words(text)]
        assert len(spoken) >= 40
        share = sum(word in known for word in spoken) / len(spoken)
        assert share > 0.7, (name, share, texts)
        assert any(name in text for text in texts), (name, texts)


def words(text: str) -> list[str]:
    """The words of a text, without punctuation."""
    return [word.strip(".,!?:;'") for word in text.lower().split()]


def sample(agents: CausalModels, index: int, random: np.random.Generator) -> str:
    """A text that one of the agents writes alone."""
    session, tokens = agents.open(""), list[int]()
    while session.room:
        row = session.distributions()[index].double().numpy()
        token = int(random.choice(len(row), p=row / row.sum()))
        if token in agents.vocabulary.end:
            break
        session.append(token)
        tokens.append(token)
    return agents.vocabulary.decode(tokens)
