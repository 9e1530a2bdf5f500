"""What a shell completes: targets and properties, in files too, which are read and never run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete

from tokenauction.mechanisms import CATALOGUE, MECHANISMS, PAYMENTS
from tokenauction.proofs.command_line import commands
from tokenauction.proofs.command_line.later import Later
from tokenauction.proofs.command_line.names_in_files import names_in
from tokenauction.proofs.command_line.parameter_types import (
    PropertyType,
    TargetType,
    theorem_names,
)
from tokenauction.proofs.library.contents import LIBRARY
from tokenauction.proofs.loading.files import load_file
from tokenauction.theory import PROPERTIES

RULES = '''
"""Rules of a file that must not be run."""
import tokenauction.mechanisms as m
from tokenauction.mechanisms import Mechanism, aggregation_rule, linear_pool, payment_rule
from tokenauction.mechanisms import aggregation_rule as a_rule
from tokenauction.theory import monotone_in, preference_order, rule_property

open("ran", "w").close()


@aggregation_rule
def plain(bids, dists): return dists[0, :]


@a_rule(support="full")
def renamed(bids, dists): return dists[0, :]


@m.aggregation_rule
def by_module(bids, dists): return dists[0, :]


@linear_pool
def pool(bids, *, power=1): return bids**power


@payment_rule
def fee(bids, dists): return bids


@rule_property
def mine(rule, bids, dists): return True


@preference_order
def order(preferred, better, worse): return True


def helper(bids, dists): return 1


made = aggregation_rule(helper)
at_two = pool.with_parameters(power=2)
again = plain
auction: Mechanism = Mechanism(plain, fee)
monotone = monotone_in(order)
number = 3
try:
    @aggregation_rule
    def guarded(bids, dists): return dists[0, :]
except ImportError:
    other = plain
'''
OF_TARGETS = {
    *("plain", "renamed", "by_module", "pool", "made", "at_two", "again", "auction"),
    *("guarded", "other"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of rules, in which we are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub folder").mkdir()
    for path in ("rules.py", "rulings.py", "sub folder/deep.py"):
        (tmp_path / path).write_text(RULES)
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\x00")
    return tmp_path


def offered(*words: str) -> list[str]:
    """What is offered for the last of some words of a command line."""
    complete = ShellComplete(commands.main, {}, "tokenauction", "_TOKENAUCTION_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


# Names in files ----------------------------------------------------------------------------------


def test_the_names_of_a_file_are_found_without_running_it(folder: Path) -> None:
    kinds = names_in(RULES)
    assert {name for name, kind in kinds.items() if kind in ("rule", "mechanism")} == OF_TARGETS
    assert {name for name, kind in kinds.items() if kind in ("property", "order")} == {
        *("mine", "order", "monotone")
    }
    assert [name for name, kind in kinds.items() if kind == "payment"] == ["fee"]
    assert offered("verify", "rules.py::pl") == ["rules.py::plain"]
    assert not (folder / "ran").exists()


def test_what_is_found_is_what_the_file_has(folder: Path) -> None:
    module = load_file("rules.py")
    for name in set(names_in(RULES)) - {"other"}:
        assert hasattr(module, name)


@pytest.mark.parametrize("text", ["def (", "\0", "(" * 500 + ")" * 500, "x = 1", ""])
def test_a_text_without_names(text: str) -> None:
    assert names_in(text) == {}


# Words -------------------------------------------------------------------------------------------


def test_targets() -> None:
    assert offered("verify", "lin") == ["linear"]
    assert offered("verify", "log_l") == ["log-linear"]
    assert offered("verify", "rul") == ["rules.py", "rulings.py"]
    one_file = offered("verify", "rules.")
    assert one_file[0] == "rules.py"
    assert {word.removeprefix("rules.py::") for word in one_file[1:]} == OF_TARGETS
    assert offered("verify", "sub") == ["sub folder/"]
    assert "sub folder/deep.py" in offered("verify", "sub folder/")
    assert offered("verify", "sub folder/deep.py::po") == ["sub folder/deep.py::pool"]
    assert offered("verify", f"{os.getcwd()}/rules.py::po") == [f"{os.getcwd()}/rules.py::pool"]
    assert set(offered("verify", "")) >= {*CATALOGUE, *MECHANISMS, "rules.py", "sub folder/"}
    for nothing in ("broken.py::", "bytes.py::", "none.py::", "notes", "no/where", "rules.py+"):
        assert offered("verify", nothing) == []


def test_payments_behind_a_plus() -> None:
    shipped = [f"linear+{name}" for name in PAYMENTS]
    assert offered("verify", "linear+")[: len(PAYMENTS)] == shipped
    assert offered("verify", "linear+rules.py::") == ["linear+rules.py::fee"]
    assert offered("verify", "rules.py::plain+f") == ["rules.py::plain+fee"]
    assert offered("verify", "rules.py::plain+sec") == ["rules.py::plain+second-price"]
    assert offered("verify", "rules.py::plain+rulings.py::") == ["rules.py::plain+rulings.py::fee"]


def test_properties() -> None:
    asked = ["verify", "linear", "--property"]
    assert offered(*asked, "crit") == ["critical-bid"]
    assert offered(*asked, "no_bid") == ["no-bid-no-influence", "no-bid-no-payment"]
    assert offered(*asked, "rules.py::") == [
        f"rules.py::{n}" for n in ("mine", "order", "monotone")
    ]
    assert set(offered(*asked, "")) >= set(PROPERTIES)


def test_other_words() -> None:
    assert offered("run", "--payment", "n") == ["none"]
    assert offered("run", "--payment", "rules.py::") == ["rules.py::fee"]
    assert offered("rules", "rules") == ["rules.py"]
    assert offered("properties", "rules") == ["rules.py"]
    assert offered("theorems", "gib") == ["gibbs"]
    assert theorem_names() == [theorem.name for theorem in LIBRARY]


def parameters() -> list[tuple[str, click.Parameter]]:
    """Every parameter of every command."""
    found = []
    for name, command in commands.main.commands.items():
        whole = command.loaded() if isinstance(command, Later) else command
        found += [(name, parameter) for parameter in whole.params]
    return found


def test_every_property_and_every_target_is_completed() -> None:
    """What the auction's commands call a rule is left to their own tests."""
    for name, parameter in parameters():
        if parameter.name in ("properties", "prop"):
            assert isinstance(parameter.type, PropertyType), name
        if parameter.name in ("targets", "one", "other"):
            assert isinstance(parameter.type, TargetType), name


def test_a_file_of_a_git_revision(folder: Path) -> None:
    commit = ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "first"]
    for arguments in (["init", "-q"], ["add", "rules.py"], commit):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    (folder / "rules.py").unlink()
    assert offered("compare", "HEAD:rules.py::po") == ["HEAD:rules.py::pool"]
    assert offered("compare", "linear", "linear+HEAD:rules.py::") == ["linear+HEAD:rules.py::fee"]
    assert offered("compare", "nowhere:rules.py::po") == []


# In Bash -----------------------------------------------------------------------------------------

BASH = """
compopt() { [[ $2 == nospace ]] && nospace=yes; }
source "$1"
COMP_LINE="$2"
COMP_POINT=${#2}
readarray -t COMP_WORDS <<< "$3"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_tokenauction_completion "$4"
printf '%s\\n' "${COMPREPLY[@]}" "nospace: $nospace"
"""


def in_bash(line: str, pieces: Sequence[str], tmp_path: Path) -> tuple[list[str], bool]:
    """What Bash offers in the place of the last piece of a line, and whether a space follows."""
    script = tmp_path / "script"
    tool = tmp_path / "tokenauction"
    tool.write_text(f"#!{sys.executable}\nfrom tokenauction.proofs.cli import main\nmain()\n")
    tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shown = subprocess.run([tool, "completion", "bash"], capture_output=True, text=True, check=True)
    script.write_text(shown.stdout)
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", script, line, "\n".join(pieces), "tokenauction"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    *words, last = done.stdout.splitlines()
    return [word for word in words if word], last != "nospace: yes"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("verify lin", ["linear"]),
        ("verify rules.py::po", ["pool"]),
        ("verify rules.py::plain lin", ["linear"]),
        ("verify linear+rules.py::", ["fee"]),
        ("verify rules.py::plain+rulings.py::f", ["fee"]),
        ("verify linear --property rules.py::mi", ["mine"]),
        ("verify linear --property=rules.py::mi", ["mine"]),
        ("verify linear --property=critic", ["critical-bid"]),
        ("verify 'sub folder/deep.py::po", ["sub folder/deep.py::pool"]),
        ("verify sub", ["sub folder/"]),
    ],
)
def test_bash_replaces_what_stands_behind_the_last_colon(
    line: str, expected: list[str], tmp_path: Path
) -> None:
    pieces = re.findall(r"[:=]+|'[^']+|[^\s:=]+", f"tokenauction {line}")
    words, space = in_bash(f"tokenauction {line}", pieces, tmp_path)
    assert words == expected
    assert space != expected[0].endswith("/")


# What is loaded ----------------------------------------------------------------------------------

LINES: list[Any] = [
    "verify lin",
    "verify rules.py::",
    "verify linear+rules.py::",
    "verify linear --property m",
    "theorems g",
    "run --payment c",
    "ga",
]


@pytest.mark.parametrize("line", LINES)
def test_completion_loads_no_solver_and_no_arrays(line: str) -> None:
    code = """
import sys
from tokenauction.proofs.cli import main
try:
    main(prog_name="tokenauction")
except SystemExit:
    print("LOADED", *sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "_TOKENAUCTION_COMPLETE": "bash_complete",
            "COMP_LINE": f"tokenauction {line}",
            "COMP_WORDS": f"tokenauction {line}",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("plain,"), done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split("LOADED")[1].split()}
    assert not loaded & {"z3", "sympy", "flint", "numpy", "scipy", "torch", "rich"}
    assert not Path("ran").exists()
