"""`tokenauction run` and `tokenauction audit`, as their users give them: good input and bad."""

import csv
import json
import os
import pty
import re
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokenauction.mechanisms import CATALOGUE, MECHANISMS, PAYMENTS, vcg_linear
from tokenauction.mechanisms.auction.transcript import START, line_hash
from tokenauction.proofs.command_line import commands
from tokenauction.proofs.command_line.auction_setup import AgentsAsked

MAIN: Any = commands.main
COMMAND = (sys.executable, "-m", "tokenauction.proofs.cli")
TEXTS = {
    "Ada": "The sea is warm today.\nThe sea is calm and the sand is warm.\n",
    "Bo": "The sky is clear today.\nThe bus is late and the sky is grey.\n",
}
STABLE = {
    "linear",
    "square-weights",
    "log1p-weights",
    "saturating-weights",
    "softmax-weights",
    "cap",
    "reserve",
    "winner-takes-all",
    "rank-weights",
}
RULES = """\
from tokenauction.mechanisms import aggregation_rule, payment_rule, Mechanism


@aggregation_rule
def halves(bids, dists):
    return bids @ dists / bids.sum()


@payment_rule
def fee(bids, dists):
    return bids / 4


@payment_rule
def broken(bids, dists):
    return bids * float("nan")


@payment_rule
def broken_when_sure(bids, dists):
    return bids * (float("nan") if dists.max(axis=1).min() > 0.99 else 1.0)
"""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one line on standard error of a command that could not do what was asked."""
        assert (self.status, self.out) == (2, ""), self
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("tokenauction: ")
        return lines[0].removeprefix("tokenauction: ")

    @property
    def usage(self) -> str:
        """The error of a command line that the command does not have."""
        assert (self.status, self.out) == (2, ""), self
        *usage, error = self.err.strip().splitlines()
        assert [line.split()[0] for line in usage if line] == ["Usage:", "Try"]
        assert error.startswith("Error: ")
        return error.removeprefix("Error: ")


Run = Callable[..., Done]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """The command in this process, in a folder with a file of rules and two corpora."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "rules.py").write_text(RULES, "utf-8")
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    handler = signal.getsignal(signal.SIGINT)

    def done(*arguments: str) -> Done:
        capfd.readouterr()
        try:
            MAIN(list(arguments), prog_name="tokenauction")
        except SystemExit as ended:
            status = int(ended.code or 0)
        else:
            status = 0
        return Done(status, *capfd.readouterr())

    yield done
    signal.signal(signal.SIGINT, handler)


SMALL = ("run", "--corpus", "Ada=Ada.txt", "--corpus", "Bo=Bo.txt")


def as_json(done: Done) -> dict[str, Any]:
    """The report of a run."""
    assert (done.status, done.err) == (0, ""), done
    found: dict[str, Any] = json.loads(done.out)
    return found


# Good input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", [("competing",), ()])
def test_a_scenario_writes_an_ad_and_a_table(scenario: tuple[str, ...], run: Run) -> None:
    done = run("run", *scenario)
    assert (done.status, done.err) == (0, "")
    text, table, about = done.out.split("\n\n")
    assert len(text.split()) >= 8
    assert text.endswith(".")
    assert text[0].isupper()
    second = "Norvik Air" if "competing" in scenario else "Marisol Bay"
    rows = [re.split(r"  +", line) for line in table.splitlines()]
    assert rows[0] == ["agent", "bid a token", "pays", "expected", "tokens pulled"]
    assert [row[0] for row in rows[1:]] == ["Alora Air", second, "revenue"]
    paid = [float(row[2]) for row in rows[1:3]]
    assert sum(paid) == pytest.approx(float(rows[3][1]), abs=2e-4)
    tokens = int(about.split()[0])
    assert all(row[4].endswith(f" of {tokens}") for row in rows[1:3])
    assert 0 < sum(int(row[4].split()[0]) for row in rows[1:3]) < tokens
    assert about.rstrip().endswith("linear, critical-bid, stable sampling, seed 129")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "platform"])
def test_every_shipped_rule_runs_and_is_audited(name: str, run: Run) -> None:
    free = name in {"temperature", "top-k", "nucleus", "power-mean"}
    payment = ("--payment", "pay-your-bid") if free else ()
    terms = ("--rule", name, *payment, "--max-tokens", "4", "--bids", "3,1")
    found = as_json(run(*SMALL, *terms, "--transcript", "t.jsonl", "--format", "json"))
    assert found["sampling"] == ("stable" if name in STABLE else "race")
    for agent in found["agents"]:
        assert 0 <= agent["pays"] <= agent["bid"] * found["tokens"] * (1 + 1e-12)
    for agents in ([], ["--agents"]):
        audited = run("audit", "t.jsonl", *agents)
        assert (audited.status, audited.err) == (0, ""), audited
        assert "token and payment agrees (to 1e-9, payments to 1e-9 of the highest " in audited.out
        assert ", and so does the text; the last hash is " in audited.out


@pytest.mark.slow
@pytest.mark.parametrize(
    "terms",
    [
        ["--rule", "second-price"],
        ["--rule", "linear+pay-your-bid"],
        ["--rule", "cap(highest=1.5)"],
        ["--rule", "uniform_smoothing", "--payment", "vcg_linear"],
        ["--rule", "log-linear", "--payment", "vcg-log-linear"],
        ["--rule", "log-linear", "--payment", "none", "--sampling", "stable"],
        ["--sampling", "race", "--no-expected"],
        ["--record", "drawn"],
        ["--bids", "0,5"],
        ["--bids", "1e-12,2e-12"],
        ["--bids", "1e12,1"],
        ["--prompt", "Ünknown «words» and The sea"],
        ["--prompt", "The sea", "--max-tokens", "1"],
    ],
)
def test_terms_of_all_kinds_are_audited(terms: list[str], run: Run) -> None:
    found = as_json(run(*SMALL, *terms, "--transcript", "t.jsonl", "--format", "json"))
    assert found["tokens"] >= 1
    audited = run("audit", "t.jsonl", "--agents")
    assert (audited.status, audited.err) == (0, ""), audited


def test_payments(run: Run) -> None:
    tokens = ("--max-tokens", "5", "--format", "json", "--bids", "3,1")

    def paid(*payment: str) -> dict[str, Any]:
        return as_json(run(*SMALL, *tokens, *payment))

    runs = {name: paid("--payment", name) for name in ("none", "pay-your-bid", "vcg-linear")}
    runs |= {"critical-bid": paid()}
    runs |= {"fee": paid("--rule", "rules.py::halves", "--payment", "fee", "--sampling", "stable")}
    assert len({one["text"] for one in runs.values()}) == 1, "payments do not move the text"
    count = runs["none"]["tokens"]
    assert [agent["pays"] for agent in runs["none"]["agents"]] == [0, 0]
    assert [agent["pays"] for agent in runs["pay-your-bid"]["agents"]] == [3 * count, count]
    assert [agent["pays"] for agent in runs["fee"]["agents"]] == [0.75 * count, 0.25 * count]
    assert run(*SMALL, "--payment", "vcg-linear", "--transcript", "t.jsonl").status == 0
    lines = [json.loads(line) for line in Path("t.jsonl").read_text("utf-8").splitlines()]
    for line in lines[1:-1]:
        charged = vcg_linear(np.array([1.0, 1.0]), np.array(line["distributions"]))
        np.testing.assert_allclose(line["realised"], charged, rtol=1e-12, atol=1e-15)


def test_a_json_report_says_what_the_table_says(run: Run) -> None:
    terms = ("--seed", "7", "--bids", "2.5,1", "--prompt", "The")
    found = as_json(run(*SMALL, *terms, "--format", "json"))
    assert set(found) == {
        *("schema", "rule", "payment", "sampling", "prompt", "seed", "text", "tokens"),
        *("stopped", "revenue", "agents"),
    }
    assert (found["schema"], found["seed"], found["prompt"]) == ("tokenauction.run/1", 7, "The")
    assert set(found["agents"][0]) == {"name", "bid", "pays", "expected", "pulled"}
    assert found["revenue"] == sum(agent["pays"] for agent in found["agents"])
    assert sum(agent["pulled"] for agent in found["agents"]) <= found["tokens"]
    text = run(*SMALL, *terms).out
    assert text.startswith(f"The{found['text']}\n\n")
    for agent in found["agents"]:
        row = f"{agent['name']} .*{agent['bid']:g} +{agent['pays']:.4f} +{agent['expected']:.4f}"
        assert re.search(row, text)
    assert (
        as_json(run(*SMALL, "--no-expected", "--format", "json"))["agents"][0]["expected"] is None
    )
    assert "expected=False" not in run(*SMALL, "--no-expected").out


def test_output_goes_to_a_file_and_nowhere_else(run: Run) -> None:
    done = run(*SMALL, "--output", "report.txt", "--explain")
    assert done == Done(0, "", "")
    assert run(*SMALL, "--explain").out == Path("report.txt").read_text("utf-8")
    assert run(*SMALL, "--format", "json", "--output", "report.txt") == Done(0, "", "")
    assert json.loads(Path("report.txt").read_text("utf-8"))["tokens"] > 0
    assert sorted(path.name for path in Path().iterdir() if "report" in path.name) == ["report.txt"]


def test_an_output_that_is_a_pipe_is_written_to_and_stays(run: Run) -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True) as reader:
        assert run(*SMALL, "--format", "json", "--output", "pipe") == Done(0, "", "")
        out, _ = reader.communicate(timeout=20)
    assert json.loads(out)["tokens"] > 0
    assert Path("pipe").is_fifo()


def test_explain_lists_every_token(run: Run) -> None:
    done = run(*SMALL, "--explain", "--seed", "3")
    text, table, _, about = done.out.split("\n\n")
    rows = table.splitlines()[1:]
    assert f"{len(rows)} tokens," in about
    shown = [row.partition("  ")[0] for row in rows]
    pieces = [piece[1:-1] for piece in shown if piece != "(end)"]
    assert "".join(pieces) == text
    assert all(re.fullmatch(r"'.+' +(Ada|Bo|-)( +\d\.\d{4}){5}", row) for row in rows[:-1]), rows


def test_explain_gives_every_token_to_a_program_too(run: Run) -> None:
    terms = ("run", "--bids", "2,1", "--explain")
    found = as_json(run(*terms, "--format", "json"))
    steps = found["steps"]
    names = [agent["name"] for agent in found["agents"]]
    assert len(steps) == found["tokens"]
    assert "".join(step["piece"] for step in steps) == found["text"]
    for step in steps:
        assert list(step) == [
            *("token", "piece", "pulled_by", "probability"),
            *("wanted", "pulls", "expected", "realised"),
        ]
        pulls = step["pulls"]
        who = names[pulls.index(max(pulls))] if max(pulls) > 1e-4 else None
        assert step["pulled_by"] == who
        assert step["probability"] == pytest.approx(np.dot([2, 1], step["wanted"]) / 3)
    for i, agent in enumerate(found["agents"]):
        assert agent["pays"] == pytest.approx(sum(step["realised"][i] for step in steps))
        assert agent["expected"] == pytest.approx(sum(step["expected"][i] for step in steps))
        assert agent["pulled"] == sum(step["pulled_by"] == agent["name"] for step in steps)
    assert {step["pulled_by"] for step in steps} == {*names, None}
    table = run(*terms).out.split("\n\n")[1].splitlines()[1:]
    shown = [re.split(r"  +", row)[1] for row in table]
    assert shown == [step["pulled_by"] or "-" for step in steps]
    plain = as_json(run(*SMALL, "--explain", "--format", "json", "--no-expected"))
    assert all(step["expected"] is None for step in plain["steps"])


def test_agents_who_want_the_same_pull_nothing(run: Run) -> None:
    twins = ("run", "--corpus", "Ada=Ada.txt", "--corpus", "Twin=Ada.txt", "--format", "json")
    found = as_json(run(*twins, "--explain"))
    assert [agent["pulled"] for agent in found["agents"]] == [0, 0]
    assert {step["pulled_by"] for step in found["steps"]} == {None}
    alone = as_json(run("run", "--corpus", "Ada=Ada.txt", "--format", "json"))
    assert [agent["pulled"] for agent in alone["agents"]] == [alone["tokens"]]


def test_white_space_after_a_prompt_is_left_out_for_n_grams(run: Run) -> None:
    whole = as_json(run("run", "--prompt", "This summer,", "--format", "json"))
    assert whole["tokens"] > 10
    for prompt in ("This summer, ", "This summer, \t\n"):
        assert as_json(run("run", "--prompt", prompt, "--format", "json")) == whole
    own = [
        as_json(run(*SMALL, "--prompt", prompt, "--format", "json", "--transcript", name))
        for prompt, name in (("The sea", "a.jsonl"), ("The sea  ", "b.jsonl"))
    ]
    assert own[0] == own[1]
    assert json.loads(Path("b.jsonl").read_text("utf-8").splitlines()[0])["prompt"] == "The sea"
    blank = as_json(run(*SMALL, "--prompt", "  ", "--format", "json"))
    assert blank == as_json(run(*SMALL, "--format", "json"))


def test_a_prompt_of_causal_models_is_as_it_was_given() -> None:
    asked = AgentsAsked(models={"": "somewhere"}, prompts={"A": "x"})
    assert asked.prompt("Dear reader, ") == "Dear reader, "
    assert AgentsAsked("competing").prompt("Dear reader, ") == "Dear reader,"


def test_a_payment_of_the_race_is_checked_by_running_again(run: Run) -> None:
    """docs/auctions.md: the clocks stay, so a token stays as long as the bid is above its price."""
    kept = lost = 0
    for seed in range(40):
        terms = ("--sampling", "race", "--seed", str(seed), "--format", "json", "--explain")
        first = as_json(run(*SMALL, "--no-expected", *terms))
        for bid in (0.1, 0.6):
            again = as_json(run(*SMALL, "--no-expected", *terms, "--bids", f"{bid},1"))
            for one, other in zip(first["steps"], again["steps"], strict=False):
                assert (one["token"] == other["token"]) == (bid >= one["realised"][0])
                if one["token"] != other["token"]:
                    lost += 1
                    break
                kept += one["realised"][0] > 0
    assert kept >= 3
    assert lost >= 3


def test_one_token(run: Run) -> None:
    done = run(*SMALL, "--max-tokens", "1")
    assert done.status == 0
    assert "\n1 token, most tokens; " in done.out


@pytest.mark.slow
def test_the_same_seed_writes_the_same_text(run: Run) -> None:
    texts = [run("run", "competing", "--seed", str(seed)).out for seed in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]


def test_bids_move_the_text(run: Run) -> None:
    def pulled(bids: str) -> list[int]:
        found = as_json(run("run", "--bids", bids, "--format", "json"))
        return [agent["pulled"] for agent in found["agents"]]

    (one, other), (none, all_of_it) = pulled("50,1"), pulled("0,1")
    assert one > other
    assert none == 0 < all_of_it


def test_agents_of_one_file_alone(run: Run) -> None:
    found = as_json(run("run", "--corpus", "Ada=Ada.txt", "--format", "json"))
    assert [agent["pays"] for agent in found["agents"]] == [0.0]
    assert found["text"] in TEXTS["Ada"].splitlines() or found["tokens"] > 0


def test_help_has_examples_and_says_how_it_exits(run: Run) -> None:
    for name, options in (
        ("run", "--corpus --bids --rule"),
        ("audit", "--agents --rule"),
        ("sweep", "--points --rule"),
        ("monitor", "--transcript --rule"),
    ):
        for asked in ("-h", "--help"):
            done = run(name, asked)
            assert (done.status, done.err) == (0, "")
            assert f"  tokenauction {name} " in done.out.partition("Examples:")[2]
            assert "  130  interrupted" in done.out.partition("Exit status:")[2]
            assert all(option in done.out for option in options.split())
    assert {"run", "audit"} <= {line.split()[0] for line in run("-h").out.splitlines() if line}


@pytest.mark.slow
def test_the_examples_of_the_help_run(run: Run) -> None:
    Path("mine.txt").write_text(TEXTS["Ada"], "utf-8")
    Path("theirs.txt").write_text(TEXTS["Bo"], "utf-8")
    Path("my_rules.py").write_text(RULES.replace("halves", "boosted"), "utf-8")
    examples = [
        line.replace('"', "").split()[1:]
        for name in ("run", "audit")
        for line in run(name, "-h").out.partition("Examples:")[2].splitlines()
        if line.strip().startswith("tokenauction ") and "--model" not in line
    ]
    assert len(examples) >= 8
    for example in examples:
        if "my_rules.py::boosted" in example and "audit" in example:
            Path("run.jsonl").unlink()
            terms = ("--rule", "my_rules.py::boosted", "--sampling", "race")
            assert run("run", *terms, "--transcript", "run.jsonl").status == 0
        assert run(*example).status == 0, example


# Bad input -----------------------------------------------------------------------------------

BAD_BIDS = {
    "1": "bids of shape .1,. for 2 agents .Ada, Bo.: give one bid each",
    "1,2,3": "bids of shape .3,. for 2 agents .Ada, Bo.: give one bid each",
    "-1,2": "the bid of 'Ada' is -1.0; a bid is a finite number that is not negative",
    "1,inf": "the bid of 'Bo' is inf; a bid is",
    "1,-inf": "the bid of 'Bo' is -inf; a bid is",
    "nan,1": "the bid of 'Ada' is nan; a bid is",
    "1,1e400": "the bid of 'Bo' is inf; a bid is",
    "0,0": "all bids are zero; an auction needs at least one that is positive",
    "-0,0": "all bids are zero",
    "1e308,1e308": "the bids add up to infinity; scale them down together",
}


@pytest.mark.parametrize("bids", BAD_BIDS)
def test_bids_that_are_none(bids: str, run: Run) -> None:
    assert re.match(BAD_BIDS[bids], run(*SMALL, f"--bids={bids}").problem)
    done = run(*SMALL, f"--bids={bids}", "--transcript", "t.jsonl")
    assert re.match(BAD_BIDS[bids], done.problem)
    assert not Path("t.jsonl").read_bytes(), "nothing ran"


@pytest.mark.parametrize("bids", ["a,b", "", "1,", ",", "1;2", "1 2", "0x1,2", "1,,2", "one"])
def test_bids_that_are_no_numbers(bids: str, run: Run) -> None:
    assert f"not {bids!r}" in run(*SMALL, "--bids", bids).usage


def test_corpora_that_cannot_be_read(run: Run) -> None:
    Path("empty.txt").touch()
    Path("blank.txt").write_text("\n  \n\n")
    Path("latin.txt").write_bytes("The sea.\ncafé\n".encode("latin-1"))
    Path("utf16.txt").write_text("The sea.\n", "utf-16")
    for file, said in (
        ("empty.txt", "empty.txt has no text in it; write one text a line"),
        ("blank.txt", "blank.txt has no text in it; write one text a line"),
        ("latin.txt", "latin.txt is not UTF-8: line 2, byte 12 of the file is 0xe9; save it as"),
        ("utf16.txt", "utf16.txt is not UTF-8: line 1, byte 0 of the file is 0xff; save it as"),
        ("missing.txt", "there is no file missing.txt"),
        (".", ". is a folder; name a text file with one text a line"),
        ("no/such/file", "there is no file no/such/file"),
    ):
        problem = run("run", "--corpus", "Ada=Ada.txt", "--corpus", f"Bo={file}").problem
        assert problem.startswith(said), problem


def test_agents_that_do_not_go_together(run: Run) -> None:
    again = run(*SMALL, "--corpus", "Ada=Bo.txt").problem
    assert again == "'Ada' is given twice; give each agent its own name"
    assert "agents of one kind" in run("run", "competing", "--corpus", "Ada=Ada.txt").problem
    assert "--agent NAME=PROMPT" in run("run", "--model", "nowhere").problem
    assert "--agent a model" in run("run", "--agent", "Ada=You sell. ").problem
    two = ("run", "--model", "a", "--model", "b", "--agent", "A=x")
    assert "is given twice" in run(*two).problem
    other = ("run", "--model", "A=a", "--agent", "B=x")
    assert "--model NAME=PATH is needed for each --agent NAME=PROMPT" in run(*other).problem


@pytest.mark.parametrize("bad", ["Ada.txt", "=Ada.txt", "=", "A\nB=Ada.txt", "\x1b[2J=Ada.txt"])
def test_agents_without_a_name(bad: str, run: Run) -> None:
    said = f"write it as NAME=VALUE, with a name that can be printed, not {bad!r}"
    assert said in run("run", "--corpus", bad).usage


def test_a_prompt_that_is_no_text(run: Run) -> None:
    prompt = os.fsdecode(b"caf\xe9")
    problem = run(*SMALL, "--prompt", prompt, "--transcript", "t.jsonl").problem
    assert problem == "the prompt is not UTF-8"
    assert not Path("t.jsonl").exists()


@pytest.mark.extra("llm")
@pytest.mark.slow
@pytest.mark.parametrize("folder", ["missing", "empty", "file"])
def test_models_that_cannot_be_loaded(folder: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no model")
    done = run("run", "--model", str(tmp_path / folder), "--agent", "A=x", "--agent", "B=y")
    assert done.problem.startswith(f"cannot load a causal model with its tokenizer from {tmp_path}")


def test_rules_and_payments_that_do_not_exist(run: Run) -> None:
    assert "did you mean linear?" in run(*SMALL, "--rule", "liner").problem
    assert "did you mean pay-your-bid?" in run(*SMALL, "--payment", "pay-you-bid").problem
    problem = run(*SMALL, "--payment", "").problem
    assert problem.startswith("a payment rule without a name: name one, or one of a file")
    assert problem.endswith("; or critical-bid, or none")
    for payment in ("nosuch", "critical", "vcg-linear(x=1"):
        problem = run(*SMALL, "--payment", payment).problem
        assert problem.startswith(f"unknown payment rule '{payment}'"), problem
        assert problem.endswith("vcg-log-linear); or critical-bid, or none")
    assert "there is no such file" in run(*SMALL, "--rule", "none.py::mine").problem
    assert "did you mean halves?" in run(*SMALL, "--rule", "rules.py::halvs").problem
    missing = run(*SMALL, "--rule", "rules.py::halves", "--payment", "fees").problem
    assert "did you mean fee?" in missing
    assert "needs a distribution for model" in run(*SMALL, "--rule", "platform").problem
    assert "cap(lowest=2): cap has no parameter 'lowest'" in (
        run(*SMALL, "--rule", "cap(lowest=2)").problem
    )


def test_a_payment_of_a_file_for_any_rule(run: Run) -> None:
    """And a file that a transcript names for its payment is run only if the auditor names it."""
    terms = ("--payment", "rules.py::fee", "--transcript", "t.jsonl", "--format", "json")
    found = as_json(run(*SMALL, *terms))
    assert found["payment"] == "fee"
    assert [agent["pays"] for agent in found["agents"]] == [found["tokens"] / 4] * 2
    assert "give --payment rules.py::fee" in run("audit", "t.jsonl").problem
    assert run("audit", "t.jsonl", "--payment", "rules.py::fee").status == 0
    wrong = run(*SMALL, "--payment", "rules.py::halves").problem
    assert wrong == "rules.py: halves is not a payment rule"
    assert "there is no such file" in run(*SMALL, "--payment", "none.py::fee").problem


def test_a_mechanism_has_one_payment(run: Run) -> None:
    for payment in ("none", "pay-your-bid", "rules.py::fee"):
        problem = run(*SMALL, "--rule", "second-price", "--payment", payment).problem
        assert problem.startswith("second-price has a payment of its own: leave ")


@pytest.mark.parametrize(
    ("rule", "payment", "made_for"),
    [
        ("log-linear", "second-price", "linear"),
        ("log_linear", "vcg_linear", "linear"),
        ("linear", "vcg-log-linear", "log-linear"),
        ("cap(highest=1.5)", "second-price", "linear"),
        ("rules.py::halves", "vcg-log-linear", "log-linear"),
        ("log-linear+second-price", "critical-bid", "linear"),
        ("rules.py::halves+vcg-log-linear", "critical-bid", "log-linear"),
    ],
)
def test_a_payment_that_was_made_for_another_rule_is_said(
    rule: str, payment: str, made_for: str, run: Run
) -> None:
    terms = (*SMALL, "--rule", rule, "--payment", payment, "--max-tokens", "2")
    note = as_json(run(*terms, "--format", "json"))["note"]
    assert f" was made for the rule {made_for}; with " in note
    pair = rule if payment == "critical-bid" else f"{rule}+{payment}"
    assert f"tokenauction verify {shlex.quote(pair)} says which incentives" in note
    done = run(*terms)
    assert (done.status, done.err, done.out.endswith(f"\n\n{note}\n")) == (0, "", True)


@pytest.mark.parametrize(
    ("rule", "payment"),
    [
        ("linear", "second-price"),
        ("second-price", "critical-bid"),
        ("log-linear", "vcg-log-linear"),
        ("rules.py::halves", "second-price"),
        ("rules.py::halves", "fee"),
        ("log-linear", "pay-your-bid"),
        ("cap", "none"),
    ],
)
def test_a_payment_for_the_rule_that_runs_needs_no_note(rule: str, payment: str, run: Run) -> None:
    """Whatever the rule is called: `halves` is the linear rule."""
    terms = (*SMALL, "--rule", rule, "--payment", payment, "--max-tokens", "2")
    assert "note" not in as_json(run(*terms, "--format", "json"))


def test_a_file_with_several_rules(run: Run) -> None:
    Path("two.py").write_text(RULES + "\n\nquarters = halves\nM = Mechanism(halves, fee)\n")
    problem = run(*SMALL, "--rule", "two.py").problem
    assert problem.startswith("two.py has several rules (")
    assert problem.endswith("): name one, as two.py::NAME")
    assert run(*SMALL, "--rule", "two.py::M").status == 0


def test_a_payment_that_is_no_number(run: Run) -> None:
    terms = ("--rule", "rules.py::halves", "--payment", "broken")
    assert "broken" in run(*SMALL, *terms).problem


def test_stable_sampling_of_a_rule_without_critical_bids(run: Run) -> None:
    """The log-linear rule moves a third token the wrong way; the error says what to do."""
    terms = ("run", "--rule", "log-linear", "--sampling", "stable", "--seed", "1")
    problem = run(*terms, "--transcript", "t.jsonl").problem
    assert problem.startswith("log_linear is not monotone here: raising the bid of '")
    assert problem.endswith("use the exponential race, or another payment rule")
    assert Path("t.jsonl").read_bytes() == b"", "there was not even a first token"


def test_what_was_written_before_an_error_is_kept(run: Run) -> None:
    """The payment is no number at the first token of which all agents are sure."""
    payment = ("--rule", "rules.py::halves", "--payment", "broken_when_sure", "--prompt", "The")
    terms = (*payment, "--sampling", "race", "--seed", "1", "--transcript", "t.jsonl")
    done = run(*SMALL, *terms)
    assert done.status == 2
    text, _, about = done.out.split("\n\n")
    lines = [json.loads(line) for line in Path("t.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) > 1
    tokens = "1 token" if len(lines) == 2 else f"{len(lines) - 1} tokens"
    assert about.startswith(f"{tokens}, interrupted; ")
    assert text == "The" + "".join(line["piece"] for line in lines[1:])
    assert done.err.startswith("tokenauction: ")
    assert "broken_when_sure" in done.err
    assert done.err.count("\n") == 1
    assert run("audit", "t.jsonl", "--rule", "rules.py::halves").status == 3


def test_options_out_of_their_range(run: Run) -> None:
    for bad in (
        ["--max-tokens", "0"],
        ["--max-tokens", "-3"],
        ["--max-tokens", "1.5"],
        ["--seed", "-1"],
        ["--seed", "x"],
        ["--sampling", "dice"],
        ["--format", "xml"],
        ["--record", "none"],
        ["--nonce", ""],
        ["--nonce", "00ff"],
        ["--nonce", "g" * 32],
        ["--transcript", "."],
        ["--output", "."],
        ["--nonsense"],
    ):
        assert bad[0] in run(*SMALL, *bad).usage
    assert "'nowhere' is not one of 'co-marketing', 'competing'" in run("run", "nowhere").usage
    assert "TRANSCRIPT" in run("audit").usage
    assert "is a directory" in run("audit", ".").usage


def test_files_that_cannot_be_written(run: Run) -> None:
    assert "there is no folder" in run(*SMALL, "--output", "no/where.txt").problem
    assert "No such file" in run(*SMALL, "--transcript", "no/where.jsonl").problem
    Path("mine.txt").write_text("mine")
    problem = run(*SMALL, "--transcript", "mine.txt").problem
    assert problem == "mine.txt is not empty; name another file"
    assert Path("mine.txt").read_text() == "mine"
    for option in ("--output", "--transcript"):
        assert run(*SMALL, option, "").problem == f"{option} is empty: name a file, or leave it out"


@pytest.mark.parametrize(
    ("output", "transcript"),
    [("t", "t"), ("./t", "t"), ("t", "link"), ("hard", "old"), ("t", "t.part")],
)
def test_a_report_is_not_written_over_the_transcript(
    output: str, transcript: str, run: Run
) -> None:
    Path("link").symlink_to("t")
    Path("old").touch()
    Path("hard").hardlink_to("old")
    before = sorted(Path().iterdir())
    problem = run(*SMALL, "--output", output, "--transcript", transcript).problem
    assert problem == (
        f"--output {output} would be written over --transcript {transcript}: name another file"
    )
    assert sorted(Path().iterdir()) == before, "nothing was run"


def test_options_that_would_be_dropped(run: Run) -> None:
    """Each says what else is needed."""
    for name, value in (("--record", "full"), ("--nonce", "0" * 32)):
        assert run(*SMALL, name, value).problem == (
            f"{name} is about a transcript: give --transcript FILE too, or leave it out"
        )
    for option in (["--device", "cpu"], ["--dtype", "float32"], ["--device", ""]):
        for command in (SMALL, ("run",), ("sweep",), ("monitor", "competing")):
            assert "name one with --model" in run(*command, *option).problem


def test_files_that_are_no_transcripts(run: Run) -> None:
    Path("empty.jsonl").touch()
    assert run("audit", "empty.jsonl").problem.startswith("empty.jsonl is empty: ")
    assert run("monitor", "--transcript", "empty.jsonl").problem.startswith("empty.jsonl is empty")
    assert run("audit", "Ada.txt").problem.startswith("Ada.txt: the first line is not JSON")
    assert run("audit", "none.jsonl").problem == "none.jsonl: No such file or directory"


def test_a_tampered_transcript(run: Run) -> None:
    assert run(*SMALL, "--transcript", "t.jsonl").status == 0
    text = Path("t.jsonl").read_text("utf-8")
    Path("t.jsonl").write_text(text.replace('"realised": [', '"realised": [1', 1), "utf-8")
    done = run("audit", "t.jsonl")
    assert (done.status, done.err) == (1, "")
    assert done.out.startswith("t.jsonl: line 2 disagrees: realised of 'Ada' is ")


def test_agents_that_have_changed_since(run: Run) -> None:
    assert run(*SMALL, "--transcript", "t.jsonl", "--record", "drawn").status == 0
    assert "audit it with --agents, which reads or loads" in run("audit", "t.jsonl").problem
    assert run("audit", "t.jsonl", "--agents").status == 0
    Path("Bo.txt").write_text(TEXTS["Bo"].replace("bus", "boat"), "utf-8")
    done = run("audit", "t.jsonl", "--agents")
    assert (done.status, "t.jsonl: line 1 disagrees: " in done.out) == (1, True)
    assert done.out.endswith("; the agents made again are not those that ran\n")
    Path("Bo.txt").unlink()
    assert run("audit", "t.jsonl", "--agents").problem == "t.jsonl: there is no file Bo.txt"


def test_a_fault_of_the_transcript_is_not_laid_on_the_agents(run: Run) -> None:
    assert run(*SMALL, "--transcript", "t.jsonl").status == 0
    text = Path("t.jsonl").read_text("utf-8")
    Path("t.jsonl").write_text(text.replace('"realised": [', '"realised": [1', 1), "utf-8")
    done = run("audit", "t.jsonl", "--agents")
    assert (done.status, "made again" in done.out) == (1, False)


def test_an_audit_under_another_rule_than_the_one_that_ran(run: Run) -> None:
    assert run(*SMALL, "--transcript", "t.jsonl", "--payment", "pay-your-bid").status == 0
    other = ("--payment", "vcg-linear")
    for named in (("--rule", "log-linear"), other, ("--rule", "cap", *other)):
        problem = run("audit", "t.jsonl", *named).problem
        assert problem.startswith("t.jsonl: the transcript was written under another rule or pay")
        assert "(linear, pay_your_bid, fingerprint " in problem
        assert f" than {' '.join(named).replace(' --payment', ' and --payment')} (" in problem
        assert "now" not in problem


def test_an_audit_of_a_shipped_rule_that_has_changed_since(run: Run) -> None:
    assert run(*SMALL, "--transcript", "t.jsonl").status == 0
    first, *others = Path("t.jsonl").read_text("utf-8").splitlines()
    header = json.loads(first)
    del header["hash"]
    header["identity"]["fingerprint"] = "0" * 16
    header["hash"] = line_hash(START, header)
    Path("t.jsonl").write_text("\n".join([json.dumps(header), *others]) + "\n", "utf-8")
    problem = run("audit", "t.jsonl").problem
    assert problem.startswith("t.jsonl: linear computes something else now than when the ")


# The process ---------------------------------------------------------------------------------


FULL = Path("/dev/full")


@pytest.mark.slow
@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no device that is full")
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--max-tokens", "3"),
        ("run", "--max-tokens", "3", "--format", "json", "--explain"),
        ("run", "--help"),
        ("monitor", "--tokens", "3"),
        ("rules",),
        ("--version",),
        ("verify", "linear", "--property", "distribution"),
    ],
)
def test_output_that_cannot_be_written(arguments: tuple[str, ...]) -> None:
    """A disk that is full, and a standard output that is closed."""
    with FULL.open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.stderr == "tokenauction: standard output: No space left on device\n"
    assert done.returncode == 2
    closed = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *COMMAND, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert closed.stderr == "tokenauction: standard output: Bad file descriptor\n"
    assert closed.returncode == 2


def test_a_closed_standard_output_is_no_matter_where_a_file_is_written(tmp_path: Path) -> None:
    arguments = ("run", "--max-tokens", "3", "--output", "report.txt", "--transcript", "t.jsonl")
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *COMMAND, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 tokens, most tokens" in (tmp_path / "report.txt").read_text("utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.txt", "t.jsonl"]


def limited(arguments: Sequence[str], folder: Path, size: int) -> subprocess.CompletedProcess[str]:
    """A command that cannot write a file of more than so many bytes, as where a disk is full."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """The file is named, a report is not left in parts, and tables keep whole rows."""
    done = limited(("run", "--max-tokens", "3", "--output", "report.txt"), tmp_path, 20)
    assert (done.returncode, done.stderr) == (
        2,
        "tokenauction: --output report.txt: File too large\n",
    )
    assert not list(tmp_path.iterdir())
    done = limited(("run", "--max-tokens", "3", "--transcript", "t.jsonl"), tmp_path, 90_000)
    assert (done.returncode, done.stderr) == (2, "tokenauction: t.jsonl: File too large\n")
    done = limited(("sweep", "co-marketing", "--no-plots", "--max-tokens", "3"), tmp_path, 4000)
    assert (done.returncode, done.stderr) == (
        2,
        "tokenauction: sweep/texts.csv: File too large\n",
    )
    header, *lines = (tmp_path / "sweep" / "texts.csv").read_text("utf-8").splitlines()
    assert len(lines) >= 2
    assert {len(row) for row in csv.reader([header, *lines])} == {len(header.split(","))}


def test_piped_output_has_no_escape_codes(command: Callable[..., Any]) -> None:
    done = command("run", "competing", "--max-tokens", "3", "--explain")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


def on_a_terminal(folder: Path, *arguments: str, **variables: str) -> str:
    """What a command shows on a terminal."""
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **variables}
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=folder,
        env=environment,
    ) as process:
        os.close(terminal)
        parts = []
        try:
            while part := os.read(main, 65536):
                parts.append(part)
        except OSError:  # the other end is closed
            pass
        os.close(main)
        assert process.wait(timeout=60) == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("colours", [True, False])
def test_a_terminal_shows_who_pulled(colours: bool, tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    variables = {} if colours else {"NO_COLOR": "1"}
    shown = on_a_terminal(tmp_path, *SMALL, "--prompt", "The", "--seed", "5", **variables)
    cyan, magenta = ("\x1b[36m", "\x1b[4;35m") if colours else ("", "\x1b[4m")
    reset = "\x1b[0m" if colours else ""
    legend = f"pulled by {cyan}Ada{reset}, {magenta}Bo\x1b[0m\n"
    assert shown.startswith(legend)
    assert f"{magenta} bus\x1b[0m" in shown
    codes = set(re.findall(r"\x1b\[([\d;]+)m", shown.split("revenue")[0]))
    if not colours:
        assert codes <= {"0", "2", "4"}, "emphasis only"
    assert re.search(r"\nAda +1 +\d", shown)


@pytest.mark.slow
def test_the_last_frame_has_the_whole_text(tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text, "utf-8")
    shown = on_a_terminal(tmp_path, *SMALL, "--seed", "5", NO_COLOR="1")
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)
    piped = subprocess.run(
        [*COMMAND, *SMALL, "--seed", "5"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    text, _, rest = piped.stdout.partition("\n\n")
    assert text in plain
    assert plain.endswith(rest)


@pytest.fixture
def completed(tmp_path: Path) -> Callable[[str], list[str]]:
    """What a shell offers after some words, in a folder with a file of rules."""
    (tmp_path / "my_rules.py").write_text(RULES, "utf-8")

    def complete(words: str) -> list[str]:
        script = "from tokenauction.proofs.cli import main; main(prog_name='tokenauction')"
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
            env={**os.environ, **asked, "_TOKENAUCTION_COMPLETE": "bash_complete"},
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    return complete


def test_completion_lists_scenarios(completed: Callable[[str], list[str]]) -> None:
    assert completed("tokenauction run c") == ["co-marketing", "competing"]
    assert completed("tokenauction run --samp") == ["--sampling"]
    assert completed("tokenauction run --sampling ") == ["stable", "race"]


@pytest.mark.parametrize("command", ["run", "audit t.jsonl", "sweep", "monitor"])
def test_completion_lists_rules(command: str, completed: Callable[[str], list[str]]) -> None:
    """And mechanisms where agents pay by them, and files."""
    pays = command.split()[0] in ("run", "audit")
    everything = completed(f"tokenauction {command} --rule ")
    assert set(CATALOGUE) <= set(everything)
    assert "my_rules.py" in everything
    assert set(everything) - {*CATALOGUE, "my_rules.py"} == (set(MECHANISMS) if pays else set())
    assert completed(f"tokenauction {command} --rule log-l") == ["log-linear"]
    in_file = completed(f"tokenauction {command} --rule my_")
    assert in_file == ["my_rules.py", "my_rules.py::halves"]
    if pays:
        payments = completed(f"tokenauction {command} --payment ")
        assert payments == ["critical-bid", "none", *PAYMENTS, "my_rules.py"]
        assert completed(f"tokenauction {command} --payment vcg-lo") == ["vcg-log-linear"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--corpus", "Ada=Ada.txt", "--transcript", "new.jsonl"],
        ["audit", "t.jsonl"],
    ],
)
def test_no_solver_and_no_model_library_is_loaded(arguments: list[str], run: Run) -> None:
    assert run(*SMALL, "--transcript", "t.jsonl").status == 0
    script = (
        "import sys\n"
        "from tokenauction.proofs.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as ended:\n    assert not ended.code, ended.code\n"
        "heavy = {'z3', 'sympy', 'torch', 'transformers', 'matplotlib'}\n"
        "print('loaded:', *sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "loaded:\n")
