"""No command writes one file twice, or over one that it reads; that is said before work begins."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tokenauction.proofs.command_line import commands
from tokenauction.proofs.command_line.console import check_apart, files_named, one_file
from tokenauction.proofs.results.whole_files import put

Run = Callable[..., Any]
RULES = """\
from tokenauction.mechanisms import aggregation_rule, payment_rule

@aggregation_rule
def mine(bids, dists):
    return bids @ dists / bids.sum()

@payment_rule
def fee(bids, dists):
    return bids / 4
"""
CONFIGURATION = """\
[tool.tokenauction]
targets = ["rules.py::mine"]
properties = ["distribution"]
"""
# An option that writes, another one or a file that is read, and the file of both.
BUNDLES: dict[str, list[str]] = {
    "run": ["run", "--corpus", "Ada=ada.txt", "--corpus", "Bo=ada.txt"],
    "verify": ["verify", "rules.py::mine"],
    "compare": ["compare", "rules.py::mine", "linear"],
    "brittleness": ["brittleness", "rules.py::mine"],
    "monitor": ["monitor", "--corpus", "Ada=ada.txt", "--corpus", "Bo=ada.txt"],
    "theorems": ["theorems", "gibbs"],
    "gate": ["gate"],
}
TWICE: list[tuple[str, list[str]]] = [
    ("run", ["--output", "FILE", "--transcript", "SAME"]),
    ("verify", ["--output", "FILE", "--emit-test", "SAME"]),
    ("verify", ["--format", "json=FILE", "--format", "sarif=SAME"]),
    ("verify", ["--format", "json=FILE", "--emit-test", "SAME"]),
    ("verify", ["--format", "json=FILE", "--format", "text", "--output", "SAME"]),
    ("theorems", ["--output", "FILE", "--export", "SAME"]),
    ("gate", ["--format", "json=FILE", "--format", "junit=SAME"]),
    ("gate", ["--output", "FILE", "--cache", "SAME"]),
]
SPELLINGS: dict[str, Callable[[Path], str]] = {
    "the same": lambda place: place.name,
    "with a dot": lambda place: f"./{place.name}",
    "absolute": str,
    "through its folder": lambda place: f"../{place.parent.name}/{place.name}",
    "a link": lambda place: linked(place, place.parent / "link.py"),
    "a link to its folder": lambda place: (
        f"{linked(place.parent, place.parent / 'by')}/{place.name}"
    ),
}


def linked(place: Path, link: Path) -> str:
    """A link to a file that may not be there yet."""
    link.symlink_to(place)
    return link.name


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the test is in, with rules, a corpus and a configuration."""
    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("rules.py", RULES),
        ("ada.txt", "The sea is warm.\nThe sea is calm.\n"),
        ("pyproject.toml", CONFIGURATION),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    yield tmp_path
    signal.signal(signal.SIGINT, handler)


def refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The line of a command that ends with status 2 before it loads, starts or writes anything."""
    for worker in ("verify", "ask"):
        monkeypatch.setattr(f"tokenauction.proofs.processes.supervisor.{worker}", None)
    before = {path: path.lstat().st_mtime_ns for path in Path().iterdir()}
    done = CliRunner().invoke(commands.main, arguments)
    assert (done.exit_code, done.stdout) == (2, ""), done
    assert {path: path.lstat().st_mtime_ns for path in Path().iterdir()} == before
    line: str
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(("name", "options"), TWICE, ids=str)
def test_two_options_do_not_write_one_file(
    name: str,
    options: list[str],
    spelling: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "gate":
        (here / "tokenauction.lock").write_text("", "utf-8")
        monkeypatch.setattr("tokenauction.proofs.gate.lock.read", lambda place: {})
    same = SPELLINGS[spelling](here / "out.py")
    given = [part.replace("FILE", "out.py").replace("SAME", same) for part in options]
    said = refused([*BUNDLES[name], *given], monkeypatch)
    assert "would be written over" in said or "are one file: name another" in said
    assert not (here / "out.py").exists()


READ: list[tuple[str, list[str], str]] = [
    ("run", ["--output", "ada.txt"], "ada.txt"),
    ("run", ["--rule", "rules.py::mine", "--output", "rules.py"], "rules.py"),
    ("run", ["--payment", "rules.py::fee", "--output", "./rules.py"], "rules.py"),
    ("run", ["--rule", "rules.py::mine+fee", "--output", "rules.py"], "rules.py"),
    ("verify", ["--output", "rules.py"], "rules.py"),
    ("verify", ["--format", "json=./rules.py"], "rules.py"),
    ("verify", ["--property", "order.py::likes", "--output", "order.py"], "order.py"),
    ("compare", ["--output", "rules.py"], "rules.py"),
    ("brittleness", ["--output", "rules.py"], "rules.py"),
    ("monitor", ["--output", "ada.txt"], "ada.txt"),
    ("monitor", ["--rule", "rules.py::mine", "--output", "rules.py"], "rules.py"),
    ("gate", ["--output", "rules.py"], "rules.py"),
    ("gate", ["--output", "pyproject.toml"], "pyproject.toml"),
    ("gate", ["--format", "json=tokenauction.lock"], "tokenauction.lock"),
    ("gate", ["--update", "--output", "tokenauction.lock"], "the lock"),
]


@pytest.mark.parametrize(("name", "options", "read"), READ, ids=str)
def test_nothing_is_written_over_a_file_that_is_read(
    name: str,
    options: list[str],
    read: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here / "order.py").write_text(RULES, "utf-8")
    if name == "gate":
        (here / "tokenauction.lock").write_text("", "utf-8")
        monkeypatch.setattr("tokenauction.proofs.gate.lock.read", lambda place: {})
    said = refused([*BUNDLES[name], *options], monkeypatch)
    assert "would be written over " in said
    assert read in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--max-tokens", "2", "--transcript", "t.jsonl"],
        ["verify", "linear", "--property", "distribution", "--format", "json=t.jsonl"],
    ],
)
def test_standard_output_is_a_file_that_is_written(arguments: list[str], tmp_path: Path) -> None:
    """Where the shell sends it to the file that an option names."""
    with (tmp_path / "t.jsonl").open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", "tokenauction.proofs.cli", *arguments],
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    assert done.returncode == 2
    assert "t.jsonl is where standard output goes: name another file" in done.stderr
    assert (tmp_path / "t.jsonl").read_bytes() == b""


def test_a_transcript_that_cannot_be_written_is_said_before_a_model_is_loaded(
    here: Path, command: Run
) -> None:
    (here / "model").mkdir()
    (here / "model" / "config.json").write_text("{}")
    agents = ("--model", "model", "--agent", "A=x", "--rule", "rules.py")
    (here / "rules.py").write_text("while True:\n    pass\n")
    for place, said in (
        ("ada.txt", "ada.txt is not empty; name another file"),
        ("no/where", "no/where: No such file or directory"),
    ):
        done = command("run", *agents, "--transcript", place, folder=here)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"tokenauction: {said}\n"


# The parts ------------------------------------------------------------------------------------


def test_a_report_to_a_link_is_written_to_what_it_is_a_link_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("old")
    (tmp_path / "link").symlink_to("folder/file")
    put("new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "link"]


def test_files_in_targets_and_properties(here: Path) -> None:
    (here / "a+b.py").touch()
    assert files_named("rules.py::mine+fee", "linear", None, "linear+rules.py::fee") == ["rules.py"]
    assert files_named("a+b.py::mine", "rules.py", "nowhere.py") == ["a+b.py", "rules.py"]


def test_one_file_by_any_name(here: Path) -> None:
    os.link("ada.txt", "hard.txt")
    Path("link").symlink_to("new")
    for one, other in (
        ("ada.txt", "hard.txt"),
        ("link", "new"),
        ("new", "link"),
        ("new", "new.part"),
        ("link", "new.part"),
    ):
        assert one_file(one, other)
    assert not one_file("ada.txt", "rules.py")
    check_apart([("--output a", "a"), ("--transcript b", "b")], ["ada.txt", "rules.py"])


def test_two_writers_of_one_report_leave_one_whole(here: Path) -> None:
    texts = [letter * 200_000 for letter in "abcd"]
    place = here / "report.txt"
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            list(pool.map(lambda text: put(text, place), texts))
            assert place.read_text("utf-8") in texts
    assert not [path for path in here.iterdir() if "report.txt" in path.name and path != place]
