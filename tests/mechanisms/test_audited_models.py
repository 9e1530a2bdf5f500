"""Transcripts of causal models, audited with the models and without."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_transformer as small
from transcript_runs import Lines, hashed, lines_of, save

from tokenauction.mechanisms.models import model_places
from tokenauction.mechanisms.models.backend import CannotLoadModel
from tokenauction.mechanisms.models.pretrained import load
from tokenauction.proofs.command_line.auction_run import audited

Run = Callable[..., Any]
TERMS = ("--max-tokens", "12", "--device", "cpu", "--format", "json")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, command: Run) -> Path:
    """A folder with a model, and a transcript of two prompts to it in float64."""
    place = tmp_path_factory.mktemp("recorded")
    shutil.copytree(small.saved(), place / "model")
    agents = ("--agent", "Ada=Alora Air:\n", "--agent", "Bo=Norvik Air:\n")
    terms = ("--dtype", "float64", "--bids", "3,1", "--transcript", "run.jsonl", "--seed", "7")
    done = command("run", "--model", "model", *agents, *TERMS, *terms, folder=place)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["text"] == lines_of(place / "run.jsonl")[-1]["text"]
    return place


@pytest.fixture
def lines(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lines:
    """The transcript's lines, in a folder with the model that the test is in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").symlink_to(recorded / "model")
    return lines_of(recorded / "run.jsonl")


def verdict(lines: Lines, agents: bool) -> tuple[str, int]:
    """What an audit says of other lines, all hashes computed again, and its status."""
    save(Path("run.jsonl"), hashed(lines))
    return audited("run.jsonl", agents, None, None)


@pytest.mark.parametrize("agents", [False, True])
def test_the_text_of_a_model_is_checked(agents: bool, lines: Lines) -> None:
    text, status = verdict(lines, agents)
    assert (status, ", and so does the text; the last hash is" in text) == (0, True)
    assert "(to 1e-9, payments to 1e-9 of the highest bid or of themselves)" in text
    for other in ("something else", "", lines[-1]["text"] + " ", lines[-1]["text"][:-1]):
        forged = [*lines[:-1], {**lines[-1], "text": other}]
        text, status = verdict(forged, agents)
        assert status == 1
        assert f"line {len(lines)} disagrees: the text is " in text


def test_the_agents_are_made_again_as_they_were_asked_for(lines: Lines) -> None:
    """On the device and with the type of weights that were given."""
    assert lines[0]["identity"]["agents"] == {
        "models": {"": "model"},
        "prompts": {"Ada": "Alora Air:\n", "Bo": "Norvik Air:\n"},
        "device": "cpu",
        "dtype": "float64",
    }
    assert {line["arithmetic"] for line in lines[1:-1]} == {"float64"}
    assert verdict(lines, True)[1] == 0


def test_every_field_of_a_model_s_transcript_is_held(lines: Lines) -> None:
    """The pieces that were drawn, the parts, and what each token's line says of its piece."""
    header, first, *others = lines
    vocabulary = header["vocabulary"]
    assert vocabulary["joins"]
    assert len(vocabulary["parts"]) > 100
    changes: list[dict[str, Any]] = [
        {"pieces": [*vocabulary["pieces"][:-1], "other"]},
        {"parts": {**vocabulary["parts"], "1": "21"}},
        {"parts": dict(list(vocabulary["parts"].items())[1:])},
        {"joins": False},
        {"end": []},
        {"tokens": vocabulary["tokens"] + 1},
        {"fingerprint": "0" * 16},
    ]
    for change in changes:
        for agents in (False, True):
            forged = {**header, "vocabulary": {**vocabulary, **change}}
            text, status = verdict([forged, first, *others], agents)
            assert (status, "line 1 disagrees" in text) == (1, True), change
    text, status = verdict([header, {**first, "piece": first["piece"] + "s"}, *others], False)
    assert (status, "line 2 disagrees: the piece is" in text) == (1, True)


def test_an_older_transcript_is_said_to_be_unchecked(lines: Lines) -> None:
    """It says that its tokens do not join, has no parts, and the fingerprint is without them."""
    known = load("model", "cpu")
    old = replace(known.vocabulary(known.end), parts=None).fingerprint
    header = {**lines[0], "vocabulary": dict(lines[0]["vocabulary"])}
    del header["vocabulary"]["parts"]
    header["vocabulary"] |= {"joins": False, "fingerprint": old}
    older = [header, *lines[1:]]
    text, status = verdict(older, False)
    assert status == 0
    assert ". The text is not checked: " in text
    assert "; --agents checks it. The last hash is " in text
    text, status = verdict(older, True)
    assert (status, "and so does the text" in text) == (0, True)
    forged = [*older[:-1], {**lines[-1], "text": "something else"}]
    assert verdict(forged, False)[1] == 0
    text, status = verdict(forged, True)
    assert (status, "the text is " in text) == (1, True)


@pytest.mark.slow
def test_float32_is_in_the_sentence(tmp_path: Path, command: Run) -> None:
    agents = ("--model", str(small.saved()), "--agent", "Ada=Alora Air:\n", "--agent", "Bo=Sea")
    done = command("run", *agents, *TERMS, "--transcript", "run.jsonl", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = command("audit", "run.jsonl", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "12 tokens: every aggregate, token and payment agrees (to 1e-4, payments to 1e-4 of the "
        "highest bid or of themselves), and so does the text"
    ) in done.stdout


# The cache of the hub -------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of the hub, with one model in it as the hub's library keeps it."""
    place = tmp_path / "cache"
    repository = place / "models--maker--small"
    shutil.copytree(small.saved(), repository / "snapshots" / "0123")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(place))
    return place


@pytest.mark.slow
def test_a_model_in_the_cache_of_the_hub_is_found_by_its_name(
    cache: Path, tmp_path: Path, command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And made again by an audit, also where the hub had been asked for it."""
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert model_places.find("maker/small") == model_places.Place("maker/small")
    agents = ("--model", "maker/small", "--agent", "Ada=Alora Air:\n", "--agent", "Bo=Sea")
    done = command("run", *agents, *TERMS, "--transcript", "run.jsonl", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    header, *others = lines_of(tmp_path / "run.jsonl")
    assert header["agents"][0]["description"]["source"] == "maker/small"
    assert command("audit", "run.jsonl", "--agents", folder=tmp_path).returncode == 0
    header["identity"]["agents"]["models"] = {"": "hub:maker/small"}
    save(tmp_path / "run.jsonl", hashed([header, *others]))
    assert command("audit", "run.jsonl", "--agents", folder=tmp_path).returncode == 0
    os.remove(cache / "models--maker--small" / "refs" / "main")
    done = command("audit", "run.jsonl", "--agents", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such model in the cache of the hub" in done.stderr
    assert "connect" not in done.stderr


def test_the_files_of_a_model_in_the_cache_are_plain(cache: Path) -> None:
    os.mkfifo(cache / "models--maker--small" / "snapshots" / "0123" / "vocab.json")
    with pytest.raises(CannotLoadModel, match=r"vocab\.json: not a regular file"):
        model_places.find("maker/small")
