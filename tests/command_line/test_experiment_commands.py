"""`tokenauction sweep` and `tokenauction monitor`: what they write, and how they refuse."""

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from forked import run_command

COMMAND = [sys.executable, "-m", "tokenauction.proofs.cli"]
QUICK = ["--points", "3", "--texts", "1", "--max-tokens", "6"]


def tokenauction(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a folder, its output piped."""
    return run_command(*arguments, folder=cwd)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 2 with one line that has these words."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_sweep_without_arguments_has_both_scenarios(tmp_path: Path) -> None:
    done = tokenauction("sweep", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    texts = rows(tmp_path / "sweep" / "texts.csv")
    assert {row["scenario"] for row in texts} == {"co-marketing", "competing"}
    assert {row["rule"] for row in texts} == {"linear", "log_linear"}
    assert {float(row["share"]) for row in texts} == {0, 0.5, 1}
    figures = {path.name for path in (tmp_path / "sweep").glob("*.png")}
    assert "competing-probabilities.png" in figures
    assert "co-marketing-payments.png" in figures


def test_a_sweep_of_own_texts_and_rules(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Fly to the sea.\nFly to the city.\n", "utf-8")
    (tmp_path / "b.txt").write_text("Stay by the sea.\nStay in the city.\n", "utf-8")
    arguments = ["--corpus", "A=a.txt", "--corpus", "B=b.txt", "--rule", "cap(highest=1)"]
    done = tokenauction("sweep", *arguments, *QUICK, "--no-plots", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    paid = rows(tmp_path / "out" / "payments.csv")
    assert {row["rule"] for row in paid} == {"cap(highest=1)"}
    assert {row["agent"] for row in paid} >= {"A", "B"}
    assert not list((tmp_path / "out").glob("*.png"))
    again = tokenauction("sweep", *arguments, *QUICK, "--output", "out", cwd=tmp_path)
    refused(again, "out")


def test_an_interrupted_sweep_keeps_what_was_done(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*COMMAND, "sweep", "co-marketing", "--texts", "50"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    table = tmp_path / "sweep" / "texts.csv"
    for _ in range(600):
        if table.exists() and table.stat().st_size > 3000:
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    assert all(None not in row.values() for row in rows(table))


def test_the_monitor_finds_the_linear_rule_monotone_and_log_linear_not(tmp_path: Path) -> None:
    arguments = ["--rule", "linear", "--rule", "log-linear", "--tokens", "20"]
    done = tokenauction("monitor", "competing", *arguments, "--output", "m.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("linear")
    linear, log_linear = rows(tmp_path / "m.csv")
    assert linear["violated"] == "0"
    assert int(log_linear["violated"]) > 0
    assert linear["comparisons"] == log_linear["comparisons"] == str(20 * 2 * 3)


def test_the_monitor_of_a_transcript_is_that_of_the_run(tmp_path: Path) -> None:
    rules = ["--rule", "log-linear", "--rule", "top-k(k=3)"]
    ran = tokenauction(
        "run", "competing", "--max-tokens", "8", "--transcript", "t.jsonl", cwd=tmp_path
    )
    count = str(len((tmp_path / "t.jsonl").read_text("utf-8").splitlines()) - 2)
    assert ran.returncode == 0
    watched = tokenauction("monitor", "--transcript", "t.jsonl", *rules, cwd=tmp_path)
    live = tokenauction("monitor", "competing", *rules, "--tokens", count, cwd=tmp_path)
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout == live.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "--rule", "nothing", "--points", "2"], ["nothing"]),
        (["sweep", "--corpus", "A=missing.txt", "--corpus", "B=b.txt"], ["missing.txt"]),
        (["sweep", "nowhere"], ["nowhere"]),
        (["sweep", "--points", "1"], ["1"]),
        (["monitor", "--transcript", "missing.jsonl"], ["missing.jsonl"]),
        (["monitor", "--bids", "1,nan"], ["nan"]),
        (["monitor", "--bids", "1"], ["bids"]),
        (["monitor", "--rule", "linear+"], ["payment"]),
        (["monitor", "--output", "no/such/folder.csv"], ["no/such"]),
        (["sweep", "--rule", "linear", "--rule", "linear"], ["two rules", "called linear"]),
        (["sweep", "--rule", "cap", "--rule", "cap(highest=10)"], ["called cap(highest=10)"]),
        (["sweep", "--rule", "linear+pay-your-bid"], ["payment pay_your_bid", "(linear)"]),
        (["monitor", "--rule", "second-price"], ["payment second_price", "(linear)"]),
    ],
)
def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    refused(tokenauction(*arguments, cwd=tmp_path), *words)


def test_a_refused_sweep_has_written_nothing(tmp_path: Path) -> None:
    refused(tokenauction("sweep", "--rule", "linear", "--rule", "linear", cwd=tmp_path), "linear")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["co-marketing"], "a scenario"),
        (["--corpus", "A=a.txt"], "--corpus"),
        (["--prompt", "Fly"], "--prompt"),
        (["--bids", "1,1"], "--bids"),
        (["--tokens", "200"], "--tokens"),
        (["--seed", "129"], "--seed"),
    ],
)
def test_a_monitor_of_a_transcript_runs_nothing(
    tmp_path: Path, given: list[str], named: str
) -> None:
    done = tokenauction("monitor", "--transcript", "t.jsonl", *given, cwd=tmp_path)
    refused(done, "--transcript looks at a run that was recorded", f"and {named} is about a new")


def test_a_monitor_does_not_write_over_its_transcript(tmp_path: Path) -> None:
    for output, transcript in (("t.jsonl", "t.jsonl"), ("t", "t.part")):
        (tmp_path / transcript).write_text("precious", "utf-8")
        files = ["--transcript", transcript, "--output", output]
        refused(tokenauction("monitor", *files, cwd=tmp_path), "would be written over")
        assert (tmp_path / transcript).read_text("utf-8") == "precious"
    refused(tokenauction("monitor", "--output", "", cwd=tmp_path), "--output is empty")


def test_a_prompt_is_whole_words_here_too(tmp_path: Path) -> None:
    tables = [
        tokenauction("monitor", "--tokens", "20", "--prompt", prompt, cwd=tmp_path).stdout
        for prompt in ("This summer,", "This summer, ")
    ]
    assert tables[0] == tables[1] != ""
    swept = [
        tokenauction(
            *("sweep", "co-marketing", *QUICK, "--no-plots", "--rule", "linear"),
            *("--prompt", prompt, "--output", name),
            cwd=tmp_path,
        )
        for prompt, name in (("This summer,", "a"), ("This summer, ", "b"))
    ]
    assert [done.returncode for done in swept] == [0, 0]
    texts = [[row["text"] for row in rows(tmp_path / name / "texts.csv")] for name in "ab"]
    assert texts[0] == texts[1]
    after = {row["after"] for row in rows(tmp_path / "b" / "probabilities.csv")}
    assert "This summer," in after
    assert all(prefix.startswith("This summer,") for prefix in after)


def test_sweeping_one_agent_says_that_a_share_needs_two(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Fly.\n", "utf-8")
    refused(tokenauction("sweep", "--corpus", "A=a.txt", cwd=tmp_path), "two agents")
