"""What is opened because a transcript or a user names it: regular files of a known size."""

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transcript_runs import TEXTS, hashed, lines_of, save

from tokenauction.mechanisms import plain_files
from tokenauction.mechanisms.models import corpus, model_places
from tokenauction.mechanisms.models.backend import CannotLoadModel
from tokenauction.mechanisms.models.model_places import find
from tokenauction.mechanisms.plain_files import MIB, check_plain, open_plain, read_plain
from tokenauction.proofs.command_line.auction_run import CannotRun, audited

Run = Callable[..., Any]


def pipe(place: Path) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(place)


def device(place: Path) -> None:
    """A link to a device without end."""
    place.symlink_to("/dev/zero")


def listening(place: Path) -> None:
    """A socket."""
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(place.parent)
        one.bind(place.name)
        os.chdir(here)


def huge(place: Path) -> None:
    """A file of more bytes than are allowed anywhere, none of them written."""
    with place.open("wb") as file:
        file.truncate(65_536 * MIB + 1)


def folder(place: Path) -> None:
    """A folder."""
    place.mkdir()


def loop(place: Path) -> None:
    """A link to itself."""
    place.symlink_to(place.name)


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (pipe, "not a regular file"),
    "device": (device, "not a regular file"),
    "socket": (listening, "not a regular file"),
    "huge": (huge, "MiB, which is the limit"),
    "loop": (loop, "Too many levels of symbolic links"),
}


# Plain files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD)
def test_only_plain_files_are_opened(name: str, tmp_path: Path) -> None:
    make, said = ODD[name]
    make(tmp_path / "odd")
    for read_it in (check_plain, read_plain):
        with pytest.raises(OSError, match=said):
            read_it(tmp_path / "odd", MIB)
    if name != "huge":
        with pytest.raises(OSError, match=said):
            open_plain(tmp_path / "odd")


def test_a_plain_file_is_read_whole_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * MIB)
    (tmp_path / "link").symlink_to("file")
    assert read_plain(tmp_path / "link", MIB) == b"x" * MIB
    with (tmp_path / "file").open("ab") as file:
        file.write(b"y")
    with pytest.raises(OSError, match="larger than 1 MiB, which is the limit"):
        read_plain(tmp_path / "link", MIB)
    with pytest.raises(IsADirectoryError):
        read_plain(tmp_path, MIB)


def test_what_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe, after the look at the name."""
    pipe(tmp_path / "file")
    monkeypatch.setattr(plain_files, "check_plain", lambda path, most=None: None)
    with pytest.raises(OSError, match="not a regular file"):
        open_plain(tmp_path / "file")


# Named by a transcript ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, command: Run) -> Path:
    """A folder with a transcript of two agents of text files, and these."""
    place = tmp_path_factory.mktemp("recorded")
    for name, text in TEXTS.items():
        (place / f"{name}.txt").write_text(text, "utf-8")
    agents = [part for name in TEXTS for part in ("--corpus", f"{name}={name}.txt")]
    terms = ("--max-tokens", "2", "--transcript", "run.jsonl")
    done = command("run", *agents, *terms, folder=place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def transcript(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the transcript, in a folder that the test is in."""
    monkeypatch.chdir(tmp_path)
    for file in recorded.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "run.jsonl"


def refused(transcript: Path) -> str:
    """Why an audit with the agents cannot begin."""
    with pytest.raises(CannotRun) as caught:
        audited(transcript.name, True, None, None)
    return str(caught.value)


def naming(path: Path, agents: dict[str, Any]) -> None:
    """Let a transcript name other agents, with its hashes right."""
    header, *others = lines_of(path)
    header["identity"]["agents"] = agents
    save(path, hashed([header, *others]))


ODD_CORPORA: dict[str, tuple[Callable[[Path], None], str]] = {
    **ODD,
    "folder": (folder, "is a folder"),
    "missing": (lambda place: None, "there is no file"),
}


@pytest.mark.parametrize("name", ODD_CORPORA)
def test_a_corpus_that_a_transcript_names_is_a_plain_file(name: str, transcript: Path) -> None:
    odd = transcript.parent / "odd"
    make, said = ODD_CORPORA[name]
    make(odd)
    naming(transcript, {"corpora": {"Ada": str(odd), "Bo": "Bo.txt"}})
    assert audited("run.jsonl", False, None, None)[1] == 0
    problem = refused(transcript)
    assert problem.startswith("run.jsonl: ")
    assert str(odd) in problem
    assert said in problem


def test_a_named_file_that_cannot_be_used_is_a_line_and_status_two(
    transcript: Path, command: Run
) -> None:
    pipe(transcript.parent / "odd")
    naming(transcript, {"corpora": {"Ada": "odd", "Bo": "Bo.txt"}})
    done = command("audit", "run.jsonl", "--agents", folder=transcript.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tokenauction: run.jsonl: odd cannot be read: not a regular file\n"


MODEL_FILES = ("config.json", "tokenizer.json", "model.safetensors", "chat_template.jinja", "other")


@pytest.mark.parametrize("file", MODEL_FILES)
@pytest.mark.parametrize("name", ODD)
def test_the_files_of_a_model_that_a_transcript_names_are_plain(
    name: str, file: str, transcript: Path
) -> None:
    """Which is said before torch is imported."""
    make, said = ODD[name]
    model = transcript.parent / "model"
    model.mkdir()
    if file != "config.json":
        (model / "config.json").write_text("{}")
    make(model / file)
    naming(transcript, {"models": {"": "model"}, "prompts": {"Ada": "", "Bo": ""}})
    problem = refused(transcript)
    assert "cannot load a causal model with its tokenizer from model: " in problem
    assert said in problem or (file, name) == ("config.json", "loop")


@pytest.mark.parametrize("source", ["no/such", "nosuch", "hub:no/such", "/", "", "."])
def test_a_model_that_a_transcript_names_is_not_fetched(source: str, transcript: Path) -> None:
    naming(transcript, {"models": {"": source}, "prompts": {"Ada": "", "Bo": ""}})
    problem = refused(transcript)
    assert "cannot load a causal model" in problem
    assert "connect" not in problem


def test_what_a_transcript_says_draws_no_lines(transcript: Path, command: Run) -> None:
    header, *others = lines_of(transcript)
    spoof = "x.py\nrun.jsonl: 2 tokens: every aggregate agrees\x1b[2K\u202e"
    header["identity"]["rule"] = spoof
    save(transcript, hashed([header, *others]))
    done = command("audit", "run.jsonl", folder=transcript.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "x.py\\nrun.jsonl: 2 tokens" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert "\u202e" not in done.stderr


# Named by a user ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pipe", "device", "socket"])
def test_transcripts_and_corpora_are_plain_files(name: str, tmp_path: Path, command: Run) -> None:
    ODD[name][0](tmp_path / "odd")
    for arguments in (
        ("audit", "odd"),
        ("monitor", "--transcript", "odd"),
        ("run", "--corpus", "Ada=odd"),
        ("sweep", "--corpus", "Ada=odd", "--corpus", "Bo=odd"),
    ):
        done = command(*arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert "odd" in done.stderr
        assert "not a regular file" in done.stderr


@pytest.mark.parametrize(
    "source",
    [
        *("./nosuch", "nosuch", "no/such", "/no/such", "~/no/such", "no/such/folder", "no such"),
        *("hub:./nosuch", "hub:", "hub:a/b/c"),
    ],
)
def test_a_mistyped_model_is_an_error_before_anything_is_loaded(
    source: str, tmp_path: Path, command: Run
) -> None:
    """Neither the other model nor the file of rules, which would run for ever."""
    (tmp_path / "rules.py").write_text("while True:\n    pass\n")
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "config.json").write_text("{}")
    agents = ("--model", "A=good", "--model", f"B={source}", "--agent", "A=x", "--agent", "B=y")
    done = command(
        *("run", *agents, "--rule", "rules.py::mine", "--transcript", "t.jsonl"), folder=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    said = f"tokenauction: cannot load a causal model with its tokenizer from {source}: "
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert "connect" not in done.stderr
    assert not (tmp_path / "t.jsonl").exists()


@pytest.mark.parametrize("verb", ["sweep", "monitor"])
def test_a_mistyped_model_of_an_experiment(verb: str, tmp_path: Path, command: Run) -> None:
    agents = ("--model", "nosuch", "--agent", "A=x", "--agent", "B=y")
    done = command(verb, *agents, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "from nosuch: there is no such folder" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_model_that_may_have_been_meant_is_named(tmp_path: Path) -> None:
    for name in ("my-model", "another"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    with pytest.raises(CannotLoadModel, match=f"did you mean {tmp_path / 'my-model'}"):
        find(tmp_path / "my-modle")
    with pytest.raises(CannotLoadModel) as caught:
        find(tmp_path / "something")
    assert "did you mean" not in str(caught.value)


def test_a_folder_of_a_model_has_its_configuration(tmp_path: Path) -> None:
    with pytest.raises(CannotLoadModel, match=r"it has no config\.json"):
        find(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert find(tmp_path) == model_places.Place(str(tmp_path))
    with pytest.raises(CannotLoadModel, match="it is no folder"):
        find(tmp_path / "config.json")


def test_large_files_that_belong_to_a_model_are_no_trouble(tmp_path: Path) -> None:
    """Weights for other libraries too, which nobody opens."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "onnx").mkdir()
    for name in ("model.safetensors", "tf_model.h5", "onnx/model.onnx"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(model_places.LARGEST_TEXT + 1)
    assert find(tmp_path).name == str(tmp_path)
    with (tmp_path / "vocab.json").open("wb") as file:
        file.truncate(model_places.LARGEST_TEXT + 1)
    with pytest.raises(CannotLoadModel, match=r"vocab\.json: larger than 256 MiB"):
        find(tmp_path)


def test_a_template_beside_a_model_is_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "additional_chat_templates").mkdir()
    pipe(tmp_path / "additional_chat_templates" / "one.jinja")
    with pytest.raises(CannotLoadModel, match=r"one\.jinja: not a regular file"):
        find(tmp_path)


def test_limits_are_those_of_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "auctions.md").read_text("utf-8")
    limits = (corpus.LARGEST, model_places.LARGEST, model_places.LARGEST_TEXT)
    assert limits == (64 * MIB, 64 * 1024 * MIB, 256 * MIB)
    assert (
        "a corpus of at most 64 MiB, a file in the folder of a model of at most 64 GiB, and 256 "
        "MiB where it is text (`.json`, `.txt`, `.jinja`, `.model`)."
    ) in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("gate", "--config", "odd.py"),
        ("verify", "odd.py"),
        ("rules", "odd.py"),
        ("verify", "linear", "--emit-test", "odd.py"),
        ("verify", "linear", "--property", "odd.py::mine"),
        ("compare", "linear", "odd.py::mine"),
        ("run", "--rule", "odd.py::mine"),
        ("audit", "run.jsonl", "--rule", "odd.py::mine"),
        ("gate",),
    ],
    ids=" ".join,
)
def test_no_command_waits_for_a_pipe(
    arguments: tuple[str, ...], transcript: Path, command: Run
) -> None:
    pipe(transcript.parent / "odd.py")
    (transcript.parent / "pyproject.toml").write_text('[tool.tokenauction]\ntargets = ["linear"]')
    pipe(transcript.parent / "tokenauction.lock")
    done = command(*arguments, folder=transcript.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
