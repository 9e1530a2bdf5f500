"""Guards against bad days: whatever happens to the solver or its process, nothing passes by it.

Faults are put into the child by the file that is verified: its rule `bad` sets a mark when it runs,
and Z3's `check` then goes wrong; the rules beside it have to be decided as if nothing had happened.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import z3

from tokenauction.mechanisms import linear
from tokenauction.proofs.core.proving import account as accounts
from tokenauction.proofs.core.proving import processor_clock
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.processor_clock import ProcessorClock
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.verifier import verifier_of
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import VerifyRequest
from tokenauction.proofs.results import exit_status, report
from tokenauction.proofs.results.verdict import Refuted, Resources, Scope
from tokenauction.theory import PROPERTIES

pytestmark = pytest.mark.started

Command = Callable[..., Any]
Row = dict[str, Any]

RULES = """\
import ctypes, os, signal, sys, time
import z3
from tokenauction.mechanisms import aggregation_rule

marked = []
check = z3.Solver.check


def go_wrong(solver):
{fault}


def checked(self, *assumptions):
    return go_wrong(self) if marked else check(self, *assumptions)


z3.Solver.check = checked


@aggregation_rule
def before(bids, dists):
    marked.clear()
    return bids @ dists / bids.sum()


@aggregation_rule
def bad(bids, dists):
    marked[:] = [True]
    return (2 * bids) @ dists / (2 * bids).sum()


@aggregation_rule
def after(bids, dists):
    marked.clear()
    return (3 * bids) @ dists / (3 * bids).sum()
"""

# A multiplication of many numbers that no solver undoes in the time or memory of these tests.
HARD = """\
numbers = [z3.BitVec(f"n{k}", 128, solver.ctx) for k in range(10)]
hard = z3.Solver(ctx=solver.ctx)
hard.add(z3.Product(numbers) == 2**127 - 1, *(z3.UGT(n, 1) for n in numbers))
solver.reason_unknown = hard.reason_unknown
return check(hard)
"""


def rules(folder: Path, fault: str) -> str:
    """A file with the three rules, in which the solver has a fault."""
    path = folder / "mine.py"
    lines = "".join(f"    {line}\n" for line in fault.splitlines())
    path.write_text(RULES.format(fault=lines), "utf-8")
    return str(path)


# Faults of the solver and of its process ---------------------------------------------------------

FAULTS: dict[str, tuple[str, list[str], str]] = {
    "aborts": ("os.abort()", [], "crashed (SIGABRT)"),
    "breaks memory": ("ctypes.string_at(0)", [], "crashed (SIGSEGV)"),
    "is killed": ("os.kill(os.getpid(), signal.SIGKILL)", [], "was killed (SIGKILL)"),
    "is terminated": ("os.kill(os.getpid(), signal.SIGTERM)", [], "crashed (SIGTERM)"),
    "ends the process": ("os._exit(0)", [], "ended without an answer (exit status 0)"),
    "exits": ("sys.exit(0)", [], "internal error, please report it: SystemExit: 0 (mine.py:"),
    "raises": (
        "raise RuntimeError('no\\nanswer')",
        [],
        "internal error, please report it: RuntimeError: no answer (mine.py:",
    ),
    "raises in Z3": ("raise z3.Z3Exception(b'out of memory')", [], "ran out of memory (4096 MiB)"),
    "recurses": ("go_wrong(solver)", [], "too deep to be decided"),
    "never returns": (
        "while True:\n    pass",
        ["--budget", "2"],
        "stopped after 2 seconds of processor time; give it more with --budget",
    ),
    "never returns to Python": (
        HARD,
        ["--budget", "2"],
        "stopped after 2 seconds of processor time; give it more with --budget",
    ),
    "waits": (
        "time.sleep(1000)",
        ["--timeout", "8"],
        "stopped after 8 seconds on the clock; give it more with --timeout",
    ),
    "eats memory in Z3": (
        HARD,
        ["--memory", "300"],
        "ran out of memory (300 MiB); give it more with --memory",
    ),
    "eats memory": (
        "eaten = []\nwhile True:\n    eaten.append(bytearray(2**24))",
        ["--memory", "512"],
        "ran out of memory (512 MiB); give it more with --memory",
    ),
}


QUICK = ("aborts", "exits", "never returns")


@pytest.mark.parametrize(
    "fault",
    [pytest.param(one, marks=() if one in QUICK else pytest.mark.slow) for one in FAULTS],
)
def test_a_fault_is_unknown_and_the_others_are_decided(
    command: Command, tmp_path: Path, fault: str
) -> None:
    program, options, reason = FAULTS[fault]
    path = rules(tmp_path, program)
    done = command("verify", path, "--property", "monotone", "--format", "json", *options)
    assert "Traceback" not in done.stderr
    made = json.loads(done.stdout)
    first, bad, last = made["results"]
    assert (first["rule"], first["status"]) == ("before", "proved")
    assert (last["rule"], last["status"]) == ("after", "proved")
    assert (bad["rule"], bad["status"]) == ("bad", "unknown")
    assert bad["scope"] == {"agents": [], "tokens": []}
    assert reason in bad["reason"]
    assert done.returncode == 3


def test_a_solver_that_answers_nonsense_proves_no_more_than_needs_none(
    command: Command, tmp_path: Path
) -> None:
    """At the smallest sizes the form alone decides; what has to be asked stays open."""
    path = rules(tmp_path, "return None")
    done = command("verify", path, "--property", "monotone", "--format", "json", "--scope", "all")
    first, bad, last = json.loads(done.stdout)["results"]
    assert (first["status"], last["status"]) == ("proved", "proved")
    assert bad["status"] != "refuted"
    assert "all" not in bad["scope"].values()
    assert "not decided by the reduction" in bad["reason"]
    assert done.returncode == 3


# A child that writes what no child should ------------------------------------------------------

CLAIM = {"rule": "r", "file": "f.py", "line": 1, "fingerprint": None, "property": "p"}
OTHER = {**CLAIM, "rule": "other"}
PROVED = {
    **CLAIM,
    "status": "proved",
    "scope": {"agents": "all", "tokens": "all"},
    "method": "m",
    "seconds": 0.1,
    "reason": "",
    "assumptions": [],
    "counterexample": None,
}
LOADED = {"event": "loaded", "claims": [CLAIM, OTHER]}
STARTED = {"event": "started", "number": 0}
RESULT = {"event": "result", "number": 0, "result": PROVED}
ANSWERED = json.dumps(RESULT)


def written(*events: Any) -> str:
    """Lines of events, each with its end."""
    return "".join(one if isinstance(one, str) else json.dumps(one) + "\n" for one in events)


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., supervisor.Outcome]:
    """Verify with a child that writes what it is told, and then ends as it is told."""

    def verify(text: str, end: str = "exit 0") -> supervisor.Outcome:
        (tmp_path / "events").write_bytes(text.encode("utf-8", "surrogateescape"))
        child = tmp_path / "child"
        child.write_text(f"#!/bin/sh\nread request\ncat {tmp_path}/events\n{end}\n", "utf-8")
        child.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(child))
        request: VerifyRequest = {
            "do": "verify",
            "targets": ["f.py"],
            "properties": [],
            "agents": None,
            "tokens": None,
            "seed": 0,
            "explain": False,
            "budget": 60.0,
            "timeout": 20.0,
        }
        return supervisor.verify(request, lambda _: None, lambda _: None)

    return verify


def changed(**fields: Any) -> Row:
    """A result that is not quite one."""
    return {**RESULT, "result": {**PROVED, **fields}}


LIES: dict[str, str] = {
    "no event": written(LOADED, STARTED, "proved\n"),
    "no object": written(LOADED, STARTED, "[1]\n"),
    "bytes that are no text": written(LOADED, STARTED, "\udcff\udcfe\n"),
    "a result that is cut short": written(LOADED, STARTED, ANSWERED[:-40]),
    "a result without its end": written(LOADED, STARTED, ANSWERED),
    "a result that was not begun": written(LOADED, RESULT),
    "a result of another number": written(LOADED, STARTED, {**RESULT, "number": 1}),
    "a number that is none": written(LOADED, {**STARTED, "number": None}, RESULT),
    "a result of another rule": written(LOADED, STARTED, changed(rule="other")),
    "a result of another property": written(LOADED, STARTED, changed(property="q")),
    "a proof of nothing": written(LOADED, STARTED, changed(scope={"agents": [], "tokens": []})),
    "a proof with a counterexample": written(LOADED, STARTED, changed(counterexample={"bids": []})),
    "a verdict that is none": written(LOADED, STARTED, changed(status="fine")),
    "a verdict that is true": written(LOADED, STARTED, changed(status=True)),
    "no verdict": written(LOADED, STARTED, {"event": "result", "number": 0, "result": "proved"}),
    "a result with more to it": written(LOADED, STARTED, {**RESULT, "proved": True}),
    "a reason that is none": written(LOADED, STARTED, changed(reason=None)),
    "assumptions that are none": written(LOADED, STARTED, changed(assumptions=[None])),
    "a number that is a truth value": written(LOADED, {**STARTED, "number": False}, RESULT),
    "an answer to another question": written(LOADED, STARTED, {"event": "listed", "rows": []}),
    "no more": written(LOADED, STARTED, {"event": "done"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_answer_proves_nothing(scripted: Any, lie: str) -> None:
    rows = scripted(LIES[lie]).rows()
    assert [row["status"] for row in rows] == ["unknown", "unknown"]
    assert all(row["reason"] for row in rows)
    assert report.exit_status(rows, unusable=False) == exit_status.UNKNOWN


def test_a_result_before_the_claims_are_known_is_an_error(scripted: Any) -> None:
    with pytest.raises(supervisor.Failed, match=r"^loading f\.py answered out of turn$"):
        scripted(written(RESULT, LOADED, STARTED))


def test_what_was_answered_before_a_lie_is_kept(scripted: Any) -> None:
    second = {**RESULT, "number": 1, "result": {**PROVED, "rule": "other"}}
    rows = scripted(written(LOADED, STARTED, RESULT, second)).rows()
    assert [row["status"] for row in rows] == ["proved", "unknown"]
    assert "answered out of turn" in rows[1]["reason"]


@pytest.mark.parametrize("end", ["exit 0", "exit 1", "kill -SEGV $$"])
def test_an_end_after_every_answer_takes_nothing_back(scripted: Any, end: str) -> None:
    loaded = {**LOADED, "claims": [CLAIM]}
    assert scripted(written(loaded, STARTED, RESULT), end).rows() == [PROVED]


def test_files_that_change_between_workers_are_noticed(scripted: Any, tmp_path: Path) -> None:
    swapped = {**LOADED, "claims": [OTHER, CLAIM]}
    later = tmp_path / "later"
    later.write_text(written(swapped, STARTED, changed(rule="other")), "utf-8")
    third = [CLAIM, OTHER, {**CLAIM, "rule": "third"}]
    first = written({**LOADED, "claims": third}, STARTED, RESULT, {**STARTED, "number": 1})
    outcome = scripted(first, f"mv {later} {tmp_path}/events; kill -SEGV $$")
    assert [row["status"] for row in outcome.rows()] == ["proved", "unknown", "unknown"]
    assert "the files changed" in outcome.rows()[1]["reason"]
    assert (
        outcome.rows()[2]["reason"]
        == "the files changed while they were being verified; run it again"
    )


def test_loading_that_fails_the_second_time_takes_nothing_back(
    scripted: Any, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    later.write_text(written({"event": "problem", "message": "f.py: gone"}), "utf-8")
    first = written(LOADED, STARTED, RESULT, {**STARTED, "number": 1})
    claims = [CLAIM, OTHER, {**CLAIM, "rule": "third"}]
    first = written({**LOADED, "claims": claims}, STARTED, RESULT, {**STARTED, "number": 1})
    outcome = scripted(first, f"mv {later} {tmp_path}/events; exit 7")
    assert [row["status"] for row in outcome.rows()] == ["proved", "unknown", "unknown"]
    assert "f.py: gone" in outcome.rows()[1]["reason"]
    assert (outcome.rows()[2]["reason"], outcome.unusable) == ("f.py: gone", ["f.py: gone"])


def test_a_child_that_always_dies_between_claims_is_not_started_for_ever(scripted: Any) -> None:
    outcome = scripted(written(LOADED), "exit 3")
    assert [row["status"] for row in outcome.rows()] == ["unknown", "unknown"]
    assert all("exit status 3" in row["reason"] for row in outcome.rows())


def test_a_copy_of_the_child_says_nothing(command: Command, tmp_path: Path) -> None:
    path = rules(tmp_path, "os.fork() or time.sleep(0.5)\nreturn check(solver)")
    done = command("verify", path, "--property", "neutral")
    assert done.returncode == 0
    assert done.stdout.count("proved   ") == 3


# Loading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("import os\nos.abort()\n", [], "ended the process that ran it (SIGABRT)"),
        (
            "import time\ntime.sleep(1000)\n",
            ["--timeout", "1"],
            "did not end within 1 seconds on the clock; give it more with --timeout",
        ),
        (
            "x = []\nwhile True:\n    x.append(bytearray(2**24))\n",
            ["--memory", "300"],
            ": ran out of memory (300 MiB); give it more with --memory",
        ),
    ],
    ids=["aborts", "waits", "eats memory"],
)
def test_loading_that_goes_wrong_is_one_line(
    command: Command, tmp_path: Path, text: str, options: list[str], message: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text, "utf-8")
    done = command("verify", str(path), *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"tokenauction: loading {path}")
    assert done.stderr.endswith(f"{message}\n")
    assert done.stderr.count("\n") == 1


# The clock and the account -----------------------------------------------------------------------


def hard_question(context: z3.Context) -> Any:
    """A solver with a question that takes minutes."""
    numbers = [z3.BitVec(f"n{k}", 128, context) for k in range(10)]
    solver = z3.Solver(ctx=context)
    solver.add(z3.Product(numbers) == 2**127 - 1, *(z3.UGT(n, 1) for n in numbers))
    return solver


def easy_question(context: z3.Context) -> Any:
    """A solver with a question that is answered at once: is a square negative?"""
    solver = z3.Tactic("qfnra-nlsat", context).solver()
    x = z3.Real("x", context)
    solver.add(x * x + x + 1 < 0)
    return solver


def test_a_query_that_overruns_its_steps_is_stopped_and_the_next_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accounts, "_LEAST_SECONDS", 0.2)
    monkeypatch.setattr(accounts, "_STEPS_A_SECOND", 10**12)
    account = Account(rlimit=10**9)
    assert account.check(hard_question(account.context), 10**9) == z3.unknown
    assert account.resources.out_of_time == 1
    for _ in range(50):
        assert account.check(easy_question(account.context), 10**9) == z3.unsat
    assert account.resources.out_of_time == 1
    assert account.resources.queries == 51


def test_time_on_the_wall_is_not_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    struck: list[str] = []
    clock = ProcessorClock(lambda: struck.append("struck"))
    with clock.limit(0.2):
        time.sleep(1.0)
    assert not clock.struck
    with clock.limit(0.2):
        end = time.thread_time() + 0.6
        while time.thread_time() < end:
            pass
    assert clock.struck
    assert struck
    monkeypatch.setattr(processor_clock, "_ON_THE_WALL", 2)
    with clock.limit(0.2):
        time.sleep(1.0)
    assert clock.struck


def test_a_clock_has_one_thread_and_leaves_none_behind() -> None:
    clock = ProcessorClock(lambda: None)
    before = {*threading.enumerate()}

    def watchers() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one not in before]

    for _ in range(100):
        with clock.limit(1.0):
            pass
    (watcher,) = watchers()
    watcher.join(timeout=20)
    assert watchers() == []
    with clock.limit(1.0):
        assert len(watchers()) == 1


def test_an_account_that_is_overdrawn_asks_nothing() -> None:
    account = Account(rlimit=10)
    while not account.overdrawn:
        account.check(easy_question(account.context), 10)
    before = account.resources
    assert account.check(easy_question(account.context), 10) == z3.unknown
    assert account.resources == before
    assert before.steps >= account.in_all


def test_z3_without_memory_is_no_answer() -> None:
    class Exhausted:
        def set(self, *_: Any) -> None: ...

        def check(self) -> Any:
            return z3.unknown

        def reason_unknown(self) -> str:
            return "out of memory"

    with pytest.raises(MemoryError):
        Account().check(Exhausted(), 1000)


def test_a_verdict_says_that_a_clock_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clock always strikes first, what is not known says so: no more than small sizes."""

    def stopped(self: Account, solver: Any, rlimit: int) -> Any:
        self.queries += 1
        self.out_of_time += 1
        return z3.unknown

    monkeypatch.setattr(Account, "check", stopped)
    verdict = verifier_of(linear, Options(budget=1)).verify(PROPERTIES["monotone"])
    assert not isinstance(verdict, Refuted)
    assert verdict.scope != Scope()
    assert "ran out of time on the clock" in verdict.reason
    assert "may differ on another machine" in verdict.reason
    assert verdict.resources.out_of_time == verdict.resources.queries > 0


# The same verdicts at the same cost --------------------------------------------------------------


def results(command: Command, *arguments: str) -> list[Row]:
    """The results of a verification, without how long they took."""
    made = json.loads(command("verify", *arguments, "--format", "json").stdout)
    return [{**row, "seconds": 0} for row in made["results"]]


@pytest.mark.slow
def test_a_verdict_costs_the_same_each_time_and_whatever_was_decided_before(
    command: Command,
) -> None:
    both = results(command, "linear", "cap", "--property", "monotone")
    alone = results(command, "cap", "--property", "monotone")
    assert both[1:] == alone
    assert alone[0]["resources"]["solver_steps"] > 10_000
    assert both == results(command, "linear", "cap", "--property", "monotone")


def test_a_lemma_costs_what_its_premises_cost() -> None:
    verifier = verifier_of(linear, Options())
    premise = verifier.verify(PROPERTIES["monotone"])
    assert premise.resources.steps > 0
    by_lemma = verifier.verify(PROPERTIES["monotone-tv"])
    assert by_lemma.resources.steps >= premise.resources.steps
    other_way = verifier_of(linear, Options()).verify(PROPERTIES["monotone-tv"])
    assert other_way.resources == by_lemma.resources


def test_a_seed_changes_the_cost_and_not_the_verdict() -> None:
    found = [
        verifier_of(linear, Options(seed=seed)).verify(PROPERTIES["monotone"]) for seed in (0, 1, 2)
    ]
    assert {one.status for one in found} == {"proved"}
    assert len({one.resources for one in found}) > 1
    assert Resources() not in {one.resources for one in found}


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Several processes for each processor that never rest."""
    count = 6 * (os.cpu_count() or 1)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.send_signal(signal.SIGKILL)
            loop.wait()


@pytest.fixture
def on_a_quiet_machine(command: Command) -> list[Row]:
    """The results before the machine is busy."""
    return results(command, *UNDER_LOAD)


UNDER_LOAD = ["linear", "cap", "top-k", "--property", "monotone", "--budget", "4"]


@pytest.mark.slow
def test_a_busy_machine_gives_the_same_verdicts(
    command: Command, on_a_quiet_machine: list[Row], busy_machine: None
) -> None:
    assert results(command, *UNDER_LOAD) == on_a_quiet_machine


LEAKS_AND_FORKS = """
import os, time
from tokenauction.mechanisms import aggregation_rule

calls = []


def pool(bids, dists):
    return bids @ dists / bids.sum()


@aggregation_rule
def breaks_the_next(bids, dists):
    calls.append("broken")
    return pool(bids, dists)


@aggregation_rule
def victim(bids, dists):
    if calls:
        os.abort()
    return pool(bids, dists)
"""


def test_a_crash_that_an_earlier_rule_has_caused_is_tried_again_alone(
    command: Any, tmp_path: Path
) -> None:
    (tmp_path / "rules.py").write_text(LEAKS_AND_FORKS)
    done = command(
        "verify", "rules.py", "--property", "monotone", "--format", "json", folder=tmp_path
    )
    statuses = [result["status"] for result in json.loads(done.stdout)["results"]]
    assert statuses[1] == "proved"


def test_a_process_that_a_rule_leaves_behind_holds_nothing_up(tmp_path: Path) -> None:
    left_behind = "if os.fork() == 0:\n    os.setsid()\n    time.sleep(150)\n    os._exit(0)\n"
    text = LEAKS_AND_FORKS.replace("calls = []\n", f"calls = []\n{left_behind}")
    (tmp_path / "rules.py").write_text(text)
    # That process has the standard error of its parents, so a pipe there would stay open as well.
    done = subprocess.run(
        [sys.executable, "-m", "tokenauction.proofs.cli", "verify", "rules.py::victim"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=100,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, "a limit of 100 seconds stands before the end of that process"


def test_a_file_that_changes_the_folder_changes_no_other(command: Any, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    sound = LEAKS_AND_FORKS.replace("os.abort()", "pass")
    (tmp_path / "a.py").write_text("import os\nos.chdir('inner')\n" + sound)
    (tmp_path / "inner" / "b.py").write_text(sound)
    (tmp_path / "b.py").write_text(sound.replace("bids @ dists", "(bids**0) @ dists**2"))
    wanted = ["a.py::victim", "b.py::victim", "--property", "distribution"]
    done = command("verify", *wanted, folder=tmp_path)
    assert done.returncode == 1
    assert "1 proved, 1 refuted" in done.stdout
