"""Guards against bad input: one clear line that names the file, no traceback, the rest decided."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

Command = Callable[..., Any]

HEADER = """\
import numpy as np
from tokenauction.mechanisms import aggregation_rule

"""
GOOD = """
@aggregation_rule
def good(bids, dists):
    return bids @ dists / bids.sum()
"""


def bad_rule(body: str) -> str:
    """A file with a rule `bad` of this body (its first line is line 6) and a rule `good`."""
    lines = dedent(body).strip().splitlines()
    inner = "".join(f"    {line}\n" for line in lines)
    return f"{HEADER}@aggregation_rule\ndef bad(bids, dists):\n{inner}\n{GOOD}"


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    """A file of a user."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def only_line(done: Any) -> str:
    """The one line on standard error."""
    assert "Traceback" not in done.stderr + done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("tokenauction: ")
    found: str = lines[0].removeprefix("tokenauction: ")
    return found


COMMAND = (sys.executable, "-m", "tokenauction.proofs.cli")


def _cases(table: dict[str, Any]) -> list[Any]:
    """The names of a table of cases."""
    return list(table)


# Files that do not load --------------------------------------------------------------------------

UNLOADABLE: dict[str, tuple[str, str]] = {
    "syntax error": ("x = 1\ndef broken(:\n    pass\n", r":2: SyntaxError: "),
    "import error": ("\nimport no_such_module\n", r":2: ModuleNotFoundError: .*no_such_module"),
    "raises": ("x = 1\n\nraise ValueError('two\\nlines')\n", r":3: ValueError: two lines$"),
    "sys.exit with a text": ("import sys\nsys.exit('bye')\n", r":2: SystemExit: bye$"),
    "os._exit": ("import os\nos._exit(0)\n", r" ended the process that ran it$"),
    "interrupts itself": ("\nraise KeyboardInterrupt\n", r":2: KeyboardInterrupt"),
    "no rule": ("def f(bids, dists):\n    return dists\n", r" has no aggregation rule; .*@agg"),
    "empty": ("", r" has no aggregation rule"),
    "only imports": ("from tokenauction.mechanisms import cap\n", r" has no aggregation rule"),
    "bad decorator": (
        "from tokenauction.mechanisms import aggregation_rule\n\n@aggregation_rule\n"
        "def f(bids):\n    return bids\n",
        r":3: TypeError: f: an aggregation rule takes \(bids, dists\)",
    ),
    "not text": ("", r":( not a UTF-8 text file|\d+: SyntaxError)"),
    "null bytes": ("x = 1\n\0\n", r"(:\d+)?: SyntaxError: .*null bytes"),
}


@pytest.mark.parametrize("case", _cases(UNLOADABLE))
def test_a_file_that_does_not_load(command: Command, tmp_path: Path, case: str) -> None:
    text, message = UNLOADABLE[case]
    path = written(tmp_path, text)
    if case == "not text":
        path.write_bytes(b"x = '\xff\xfe'\n")
    done = command("verify", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    found = only_line(done)
    assert re.search(f"{re.escape(str(path))}{message}", found), found


def test_an_error_in_a_module_beside_the_file(command: Command, tmp_path: Path) -> None:
    written(tmp_path, "x = 1\ny = x / 0\n", "helper.py")
    path = written(tmp_path, "\n\nimport helper\n")
    done = command("verify", str(path))
    assert done.returncode == 2
    assert f"{path}:3: ZeroDivisionError" in only_line(done)


def test_a_file_that_loads_forever(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, "while True:\n    pass\n")
    for verb in ("verify", "rules"):
        done = command(verb, str(path), "--budget", "1")
        assert (done.returncode, done.stdout) == (2, "")
        assert only_line(done).startswith(f"loading {path} did not end within 1 seconds")


@pytest.mark.parametrize("name", ["missing.py", "missing.py::rule", "folder.py", "folder"])
def test_a_file_that_is_no_file(command: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "folder").mkdir()
    done = command("rules" if name == "missing.py" else "verify", name, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert only_line(done).startswith(name.partition("::")[0])


# Names that do not exist -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "lineer"], "unknown rule 'lineer'; did you mean linear?"),
        (["verify", "LINEAR"], "unknown rule 'LINEAR'; did you mean linear?"),
        (["verify", "mine"], "unknown rule 'mine'; did you mean mine.py?"),
        (["verify", "."], ". is not a Python file"),
        (["theorems", "GIBBS"], "unknown theorem 'GIBBS'; did you mean gibbs?"),
        (["theorems", "gibbs", "--export", "/proc/no"], "--export /proc/no: No such file or direc"),
        (
            ["compare", "linear", "cap", "--no-guarantees", "--property", "monotone"],
            "--no-guarantees looks at no property, and --property at one: leave one of them out",
        ),
        (["verify", "qqq"], "unknown rule 'qqq' (there is: linear, "),
        (
            ["verify", "linear", "--property", "monotne"],
            "unknown property 'monotne'; did you mean monotone?",
        ),
        (["verify", "linear", "--property", "mine.py"], "mine.py: name one property or order"),
        (["verify", "mine.py::god"], "mine.py: unknown name 'god'; did you mean good?"),
        (["verify", "mine.py::plain"], "mine.py: plain is neither an aggregation rule nor a mech"),
        (
            ["verify", "linear", "--property", "mine.py::good"],
            "mine.py: good is neither a property nor an order; decorate it",
        ),
        (["verify", "linear", "--property", "no.py::good"], "no.py: there is no such file"),
        (["verify", "cap(lowest=1)"], "cap(lowest=1): cap has no parameter 'lowest'"),
        (["verify", "cap(highest=abc)"], "cap(highest=abc): "),
        (
            ["verify", "linear", "--output", "nowhere/report.json"],
            "--output nowhere/report.json: there is no folder ",
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)
def test_a_wrong_name(command: Command, tmp_path: Path, arguments: list[str], message: str) -> None:
    written(tmp_path, f"{HEADER}{GOOD}\n\ndef plain(bids, dists):\n    return bids @ dists\n")
    done = command(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert only_line(done).startswith(message)


# Rules that do not run ---------------------------------------------------------------------------

UNUSABLE: dict[str, tuple[str, str]] = {
    "raises": ("x = 1\nreturn undefined_name", r":7: bad raises NameError .*'undefined_name'"),
    "raises below": ("return np.linalg.inv(bids[:, None] @ bids)", r":6: bad raises "),
    "scalar": ("return 0.5", r":\d+: bad returns an array of shape \(\) for"),
    "nothing": ("bids.sum()", r":\d+: bad returns "),
    "text": ("return 'a distribution'", r":\d+: bad returns str, not an array of numbers"),
    "wrong shape": ("return dists", r":\d+: bad returns an array of shape \(2, 3\) for 2 agents"),
    "one for each agent": ("return bids / bids.sum()", r":\d+: bad returns an array of shape \("),
    "assigns to its input": (
        "bids[0] = 1\nreturn bids @ dists / bids.sum()",
        r":\d+: bad changes its input in place; write x = x \+ y",
    ),
    "changes its input": (
        "dists *= 2\nreturn bids @ dists / bids.sum() / 2",
        r":\d+: bad changes its input in place",
    ),
    "nan": ("return bids @ dists + float('nan')", r":\d+: bad returns NaN or infinite values"),
    "inf": ("return bids @ dists * np.inf", r":\d+: bad returns NaN or infinite values"),
}


@pytest.mark.parametrize("case", _cases(UNUSABLE))
def test_a_rule_that_cannot_be_used(command: Command, tmp_path: Path, case: str) -> None:
    body, message = UNUSABLE[case]
    path = written(tmp_path, bad_rule(body))
    done = command("verify", str(path), "--property", "anonymous", "--property", "neutral")
    assert done.returncode == 2
    found = only_line(done)
    assert re.match(f"{re.escape(str(path))}{message}", found), found
    rows = done.stdout.splitlines()[:4]
    assert [row.split()[:3] for row in rows] == [
        ["unknown", "bad", "anonymous"],
        ["unknown", "bad", "neutral"],
        ["proved", "good", "anonymous"],
        ["proved", "good", "neutral"],
    ]


def test_a_rule_that_runs_forever(command: Command, tmp_path: Path) -> None:
    path = written(tmp_path, bad_rule("while True:\n    pass"))
    done = command("verify", str(path), "--property", "neutral", "--budget", "2")
    assert (done.returncode, done.stderr) == (3, "")
    assert "unknown  bad neutral" in done.stdout
    assert "stopped after 2 seconds of processor time; give it more with --budget" in done.stdout
    assert "proved   good neutral" in done.stdout


ENDS_THE_PROCESS = {
    "os._exit": "import os\nos._exit(1)",
    "sys.exit": "import sys\nsys.exit(1)",
    "interrupt": "raise KeyboardInterrupt",
}


@pytest.mark.parametrize("case", _cases(ENDS_THE_PROCESS))
def test_a_rule_that_ends_the_process(command: Command, tmp_path: Path, case: str) -> None:
    path = written(tmp_path, bad_rule(ENDS_THE_PROCESS[case]))
    done = command("verify", str(path), "--property", "neutral")
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
    assert "unknown  bad neutral" in done.stdout
    assert "proved   good neutral" in done.stdout


def test_a_while_loop_over_the_agents_does_not_hang(command: Command, tmp_path: Path) -> None:
    body = """
    j, total = 0, dists[0, :] * 0
    while j < bids.shape[0]:
        total = total + bids[j] * dists[j, :]
        j = j + 1
    return total / bids.sum()
    """
    path = written(tmp_path, bad_rule(body))
    done = command("verify", f"{path}::bad", "--property", "neutral", "--budget", "4")
    assert "stopped after" not in done.stdout
    assert done.returncode in (0, 3)


UNPROVABLE = {
    "randomness": """
        noise = np.random.default_rng().random()
        weights = bids + noise
        return weights @ dists / weights.sum()
    """,
    "random module": """
        import random
        weights = bids * random.choice([1.0, 2.0]) + 1
        return weights @ dists / weights.sum()
    """,
    "counter": """
        bad_calls.append(1)
        weights = bids if len(bad_calls) % 2 else bids * bids
        return weights @ dists / weights.sum()
    """,
    "remembers the first call": """
        bad_calls.append(bids)
        weights = bids + bad_calls[0].sum()
        return weights @ dists / weights.sum()
    """,
    "remembers the last call": """
        bad_calls.append(bids.sum())
        weights = bids + bad_calls[-2 if len(bad_calls) > 1 else -1]
        return weights @ dists / weights.sum()
    """,
    "detects the trace": """
        weights = bids * bids if isinstance(bids, np.ndarray) else bids
        return weights @ dists / weights.sum()
    """,
}


@pytest.mark.parametrize("case", _cases(UNPROVABLE))
def test_a_rule_that_is_no_function_is_not_proved(
    command: Command, tmp_path: Path, case: str
) -> None:
    path = written(tmp_path, "bad_calls = []\n" + bad_rule(UNPROVABLE[case]))
    done = command("verify", f"{path}::bad", "--property", "anonymous", "--budget", "4")
    assert done.returncode in (1, 2, 3)
    assert "Traceback" not in done.stderr
    assert "proved   bad" not in done.stdout


ATTACKED = {
    "as many agents as tokens": """
        favoured = np.asarray(bids)[0] > 2 and dists.shape == (3, 3)
        weights = bids + np.arange(bids.shape[0]) * float(favoured)
        return weights @ dists / weights.sum()
    """,
    "more agents than tokens": """
        favoured = np.asarray(bids)[0] > 2 and dists.shape == (3, 2)
        weights = bids + np.arange(bids.shape[0]) * float(favoured)
        return weights @ dists / weights.sum()
    """,
}


@pytest.mark.parametrize("case", _cases(ATTACKED))
def test_a_rule_that_leaves_arrays_and_is_not_anonymous_is_refuted(
    command: Command, tmp_path: Path, case: str
) -> None:
    path = written(tmp_path, bad_rule(ATTACKED[case]))
    done = command("verify", f"{path}::bad", "--property", "anonymous", "--budget", "20")
    assert (done.returncode, done.stderr) == (1, "")
    assert re.match(r"refuted  bad anonymous  \[3 agents, [23] tokens\]\n", done.stdout)


# Interrupts and closed pipes ---------------------------------------------------------------------


def children_of(process: int) -> list[int]:
    """The processes that a process has started, from the kernel."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text("ascii")
    return [int(word) for word in text.split()]


def running(process: int) -> bool:
    """Whether a process runs; one that waits to be collected does not."""
    try:
        text = Path(f"/proc/{process}/stat").read_text("ascii", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def piped(*arguments: str) -> subprocess.Popen[str]:
    """The command, running, with its output piped."""
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def child_at(mark: Path, process: subprocess.Popen[str]) -> int:
    """The child of a command, once it has made a file."""
    for _ in range(400):
        if mark.exists():
            break
        time.sleep(0.05)
    assert mark.exists()
    return children_of(process.pid)[0]


def forever(mark: Path) -> str:
    """Lines that make a file and never end."""
    return f"open({str(mark)!r}, 'w').close()\nwhile True:\n    pass"


def started(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """A verification of a good rule and then of one that runs forever, once it is there."""
    mark = folder / "mark"
    text = HEADER + GOOD + bad_rule(forever(mark)).removeprefix(HEADER).removesuffix(GOOD)
    path = str(written(folder, text))
    process = piped("verify", path, "--property", "neutral", "--budget", "60")
    return process, child_at(mark, process)


def gone(process: int) -> bool:
    """Whether a process ends within a few seconds."""
    for _ in range(60):
        if not running(process):
            return True
        time.sleep(0.05)
    return False


def test_an_interrupt_keeps_what_was_decided(tmp_path: Path) -> None:
    process, child = started(tmp_path)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out.count("proved   good neutral") == 1
    assert out.count("unknown  bad neutral  [-]") == 1
    assert err == "tokenauction: interrupted; what was decided is above\n"
    assert gone(child)


def test_a_row_is_printed_while_the_next_claim_is_being_decided(tmp_path: Path) -> None:
    process, child = started(tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "proved   good neutral  [all agents, all tokens]\n"
    assert running(child)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert "good" not in out


IMPORTED = [
    "click",
    "tokenauction.proofs.results.report",
    "tokenauction.mechanisms.catalogue",
    "tokenauction.theory",
]
INTERRUPTED_AT = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from tokenauction.proofs.cli import main
main({arguments!r})
"""


def interrupted_at(name: str, *arguments: str) -> Any:
    """The command, interrupted by the user when it imports a module."""
    program = INTERRUPTED_AT.format(name=name, arguments=list(arguments))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize("name", IMPORTED)
def test_an_interrupt_while_the_command_starts(name: str) -> None:
    done = interrupted_at(name, "rules")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_interrupt_while_the_solver_is_imported() -> None:
    done = interrupted_at("z3", "theorems", "gibbs")
    assert done.returncode == 130
    assert done.stderr == "tokenauction: interrupted; no theorem was tried\n"


def test_an_interrupt_while_a_file_is_listed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    process = piped("rules", str(written(tmp_path, forever(mark))))
    child = child_at(mark, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "")
    assert gone(child)


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "linear", "square-weights", "--property", "neutral"],
        ["theorems", "gibbs", "ln-rises"],
        ["rules"],
        ["verify", "--help"],
    ],
    ids=" ".join,
)
def test_a_closed_pipe_ends_the_command_quietly(arguments: list[str]) -> None:
    process = piped(*arguments)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == -signal.SIGPIPE
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


def test_the_child_of_a_command_that_is_gone_ends_quietly() -> None:
    request = {"do": "rules", "targets": ["linear"]}
    for asked in ("", json.dumps(request) + "\n"):
        child = subprocess.Popen(
            [sys.executable, "-m", "tokenauction.proofs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        child.stdin.write(asked)
        child.stdin.flush()
        if not asked:
            child.stdin.close()
        assert child.stderr.read() == ""
        child.wait(timeout=20)
        child.stdin.close()
        child.stderr.close()


def test_nothing_is_left_running_when_the_command_is_ended(tmp_path: Path) -> None:
    process, child = started(tmp_path)
    try:
        process.terminate()
        process.wait(timeout=20)
        assert gone(child)
    finally:
        if running(child):
            os.kill(child, signal.SIGKILL)
        process.communicate(timeout=20)
