"""Guards emitted regression tests: they fail on a broken rule, pass on a sound one, load no solver.

Each witness is emitted from a copy of the rule's file; beside a second copy, in which the rule is
replaced by a sound one, the same text has to pass.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tokenauction.proofs import verify
from tokenauction.proofs.loading.named import claims_of, load_named, load_property, load_targets
from tokenauction.proofs.results import report
from tokenauction.proofs.testing import assert_holds
from tokenauction.proofs.testing.emitted import emitted_tests
from tokenauction.theory import PROPERTIES, QUANTIFIED

Command = Callable[..., Any]

DATA = Path(__file__).parents[1] / "data"
HEADLINE = "Counterexamples."

# What every default property of a rule holds of: on fractions, and in floats that are a bit off.
SOUND_RULES = """

from tokenauction.mechanisms import aggregation_rule, linear


@aggregation_rule
def by_logarithms(bids, dists):
    xp = array_namespace(bids, dists)
    weights = xp.exp(xp.log(bids) / 3 + 0.1) ** 3
    return xp.matmul(weights, dists) / xp.sum(weights)


"""
SOUND_MECHANISMS = "\n\nfrom tokenauction.mechanisms import second_price\n"

RULES = {
    "dip_at_hundred": ["monotone", "scale-free"],
    "dip_in_total": ["monotone"],
    "bonus_for_rivalry": ["monotone"],
    "smoothed_from_three": ["unanimous", "monotone"],
    "smoothed_from_ten": ["unanimous", "monotone"],
    "touch_of_log_linear": ["monotone"],
    "inverse_weights": ["monotone", "no-bid-no-influence", "monotone-kl"],
    "bare_reserve": ["distribution"],
    "overshooting": ["distribution", "monotone", "convex-range"],
    "first_agent": ["anonymous"],
    "first_token": ["neutral"],
    "small_shares_dropped": ["distribution", "monotone"],
    "by_argmax": ["anonymous"],
    "second_highest": ["anonymous", "monotone"],
    "branching": ["anonymous"],
    "branching_down": ["anonymous", "monotone"],
    "unguarded_logs": ["distribution"],
}
MECHANISMS = {
    "second_price_doubled": ["critical-bid"],
    "second_price_but_at_three": ["payment-monotone", "critical-bid"],
    "second_price_of_another_agent": ["individually-rational", "no-bid-no-payment"],
    "highest_wins": ["critical-bid"],
    "sliver": ["individually-rational"],
    "three_ties": ["no-bid-no-payment"],
    "alone_undefined": ["individually-rational"],
    "with_refund": ["no-positive-transfer"],
    "turned_by_total": ["consistent"],
    "untraceable": ["individually-rational"],
    "log_linear_free": ["consistent", "critical-bid"],
}
SHIPPED = {
    "log-linear": ["monotone"],
    "cap(highest=2)": ["scale-free"],
    "platform": ["unanimous"],
    "uniform-smoothing": ["unanimous"],
    "temperature": ["unanimous", "monotone"],
    "top-k": ["monotone"],
    "power-mean": ["monotone"],
}


def emit(targets: list[str], properties: list[str], file: Path) -> str:
    """The text that `verify --emit-test` would write; every claim has to be refuted."""
    named = [pair for target in targets for pair in load_named(target)]
    rows = []
    for target, prop in claims_of([one for _, one in named], properties):
        verdict = verify(target, prop, budget=10)
        assert verdict.status == "refuted", (target.label, prop.name, verdict)
        claim = {"rule": target.label, "file": target.file, "line": 0, "property": prop.name}
        rows.append(report.result({**claim, "fingerprint": None}, verdict, 0.0))
    request = {"targets": targets, "properties": properties, "file": str(file)}
    text, left_out = emitted_tests({**request, "results": rows, "headline": HEADLINE})
    assert not left_out
    return text


def functions_of(text: str, file: Path) -> dict[str, Callable[[], None]]:
    """The test functions of an emitted file, as if it lay there."""
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    exec(compile(text, str(file), "exec"), vars(module))
    return {name: value for name, value in vars(module).items() if name.startswith("test_")}


def fail(text: str, file: Path) -> Iterable[str]:
    """What the failures of an emitted file say; every test of it has to fail."""
    for test in functions_of(text, file).values():
        with pytest.raises(AssertionError) as failure:
            test()
        yield str(failure.value)


def check(data: str, name: str, properties: list[str], fixes: list[str], folder: Path) -> str:
    """Emit the witnesses of a rule of a file, and try them on it and on sound rules; the text."""
    source = (DATA / data).read_text("utf-8")
    text = ""
    for number, fix in enumerate(["", *fixes]):
        place = folder / str(number)
        (place / "tests").mkdir(parents=True)
        (place / "rules.py").write_text(source + fix, "utf-8")
        file = place / "tests" / "test_emitted.py"
        if not fix:
            text = emit([f"{place}/rules.py::{name}"], properties, file)
            assert len(list(fail(text, file))) == len(properties)
            continue
        for test in functions_of(text, file).values():
            test()
    return text


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_rules(name: str, tmp_path: Path) -> None:
    fixes = [f"{SOUND_RULES}{name} = {sound}\n" for sound in ("linear", "by_logarithms")]
    check("known_rules.py", name, RULES[name], fixes, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MECHANISMS)
def test_mechanisms(name: str, tmp_path: Path) -> None:
    fix = f"{SOUND_MECHANISMS}{name} = Mechanism(linear, second_price)\n"
    check("known_mechanisms.py", name, MECHANISMS[name], [fix], tmp_path)


@pytest.mark.parametrize("target", SHIPPED)
def test_shipped_rules(target: str, tmp_path: Path) -> None:
    file = tmp_path / "test_emitted.py"
    text = emit([target], SHIPPED[target], file)
    assert len(list(fail(text, file))) == len(SHIPPED[target])
    for test in functions_of(text.replace(f'"{target}"', '"linear"'), file).values():
        if "scale_free" not in test.__name__:
            test()


def test_properties_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name, bound in (("pa", "<= 2"), ("pb", "< 1")):
        (tmp_path / f"{name}.py").write_text(
            "from tokenauction.theory import rule_property\n\n\n@rule_property\n"
            f"def mine(rule, bids, dists):\n    return (rule(bids, dists) {bound}).all()\n"
        )
    wanted = [f"{tmp_path}/{name}.py::mine" for name in ("pb", "pa")]
    row = refuted_row(property="mine")
    (target,) = load_targets(["linear"])
    verdict = verify(target, load_property(wanted[0]), budget=10)
    claim = {"rule": "linear", "file": "", "line": 0, "property": "mine", "fingerprint": None}
    refuted = report.result(claim, verdict, 0.0)
    assert refuted["status"] == "refuted"
    request = {"targets": ["linear"], "properties": wanted, "file": str(tmp_path / "test_t.py")}
    rows = [refuted, {**row, "status": "proved", "counterexample": None}]
    text, _ = emitted_tests({**request, "results": rows, "headline": HEADLINE})
    assert 'HERE / "pb.py::mine"' in text
    assert 'HERE / "pa.py' not in text
    assert len(list(fail(text, tmp_path / "test_t.py"))) == 1


def test_properties_of_a_file(tmp_path: Path) -> None:
    for number, fix in enumerate(("", "\n\nfrom tokenauction.mechanisms import linear\n")):
        place = tmp_path / str(number)
        place.mkdir()
        fixed = fix and f"{fix}\n\ncontrary = ordered = linear\n"
        (place / "own.py").write_text((DATA / "own_properties.py").read_text() + fixed, "utf-8")
    file = tmp_path / "0" / "test_emitted.py"
    own = f"{tmp_path}/0/own.py"
    text = emit([f"{own}::contrary"], [f"{own}::chi_square", f"{own}::some_bid_stays"], file)
    text = f"{text}\n{emit([f'{own}::ordered'], [f'{own}::anonymous_and_neutral'], file)}"
    assert 'HERE / "own.py::chi_square"' in text
    assert len(list(fail(text, file))) == 3
    fixed_tests = functions_of(text, tmp_path / "1" / "test_emitted.py")
    del fixed_tests["test_contrary_some_bid_stays"]
    for test in fixed_tests.values():
        test()


def test_every_argument_of_a_property_is_emitted() -> None:
    """The tables above leave no argument out that a built-in property has."""
    listed = [
        name for table in (RULES, MECHANISMS, SHIPPED) for row in table.values() for name in row
    ]
    seen = {argument for name in listed for argument in PROPERTIES[name].arguments}
    # No built-in property speaks of two agents; tests/core/claims has some that do.
    assert seen == set(QUANTIFIED) - {"rival"}


# The file, and the command ------------------------------------------------------------------------


def refuted_row(**changes: Any) -> dict[str, Any]:
    """A result that says that the linear rule is not anonymous."""
    found: dict[str, Any] = {"bids": ["1", "2"], "dists": [["1", "0"], ["0", "1"]]}
    found |= {"agent_order": [1, 0], "exact": True}
    row = {"rule": "linear", "property": "anonymous", "reason": "It is not.", **changes}
    return {**row, "status": "refuted", "counterexample": found}


def test_a_counterexample_that_does_not_show_is_left_out(tmp_path: Path) -> None:
    request = {"targets": ["linear"], "properties": ["anonymous"], "results": [refuted_row()]}
    file = str(tmp_path / "test_emitted.py")
    text, left_out = emitted_tests({**request, "file": file, "headline": HEADLINE})
    assert not text
    assert left_out == ["linear anonymous: its counterexample does not show in floats"]


@pytest.mark.parametrize(
    "sentence",
    ['It raises ValueError: """quoted""".', "A \\ and a \x00 and a tab\t.", "Long " * 40 + "word."],
)
def test_what_was_said_cannot_break_the_file(sentence: str, tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text((DATA / "known_rules.py").read_text("utf-8"), "utf-8")
    row = refuted_row(rule="first_agent", reason=sentence)
    request = {"targets": [f"{tmp_path}/rules.py::first_agent"], "properties": ["anonymous"]}
    file = str(tmp_path / "test_emitted.py")
    text, _ = emitted_tests({**request, "results": [row], "file": file, "headline": HEADLINE})
    function = ast.parse(text).body[-1]
    assert isinstance(function, ast.FunctionDef)
    said = ast.get_docstring(function)
    assert said is not None
    assert said.split() == sentence.split()
    assert max(map(len, text.splitlines()[10:])) <= 100


@pytest.mark.parametrize(
    ("target", "prop", "arguments", "said"),
    [
        (
            "bare",
            "monotone",
            {"bids": "1", "raised_bids": "2", "dists": ["1"], "agent": 0},
            "says nothing here: .* is undefined",
        ),
        (
            "log-linear",
            "anonymous",
            {"bids": "1", "dists": ["1 0"], "agent_order": [0]},
            "positive",
        ),
    ],
)
def test_a_property_that_says_nothing_skips(
    target: str, prop: str, arguments: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """Where the rule is undefined, or outside of its domain."""
    (tmp_path / "rules.py").write_text(
        "import numpy as np\nfrom tokenauction.mechanisms import aggregation_rule\n"
        "bare = aggregation_rule(lambda bids, dists: np.log(bids - 4) * dists[0, :])\n",
        "utf-8",
    )
    named = f"{tmp_path}/rules.py::bare" if target == "bare" else target
    with pytest.raises(pytest.skip.Exception, match=said):
        assert_holds(named, prop, **arguments)


def test_a_rule_that_raises_fails_or_is_an_error(tmp_path: Path) -> None:
    """It fails a property that demands a defined rule, and never passes another."""
    (tmp_path / "rules.py").write_text(
        "from tokenauction.mechanisms import aggregation_rule\n\n\n"
        "@aggregation_rule\ndef nowhere(bids, dists):\n    return no_such_name\n",
        "utf-8",
    )
    with pytest.raises(AssertionError, match="rule raises NameError"):
        assert_holds(f"{tmp_path}/rules.py::nowhere", "distribution", bids="1", dists=["1"])
    with pytest.raises(NameError):
        assert_holds(f"{tmp_path}/rules.py::nowhere", "convex-range", bids="1", dists=["1"])


def test_the_command(command: Command, tmp_path: Path) -> None:
    """From the command to a run of pytest elsewhere without a solver; formatted, and checked."""
    rules = tmp_path / "rules.py"
    rules.write_text((DATA / "known_rules.py").read_text("utf-8"), "utf-8")
    (tmp_path / "tests").mkdir()
    file = tmp_path / "tests" / "test_found.py"
    asked = ["rules.py::inverse_weights", "log-linear", "--property", "monotone", "--emit-test"]
    done = command("verify", *asked, "tests/test_found.py", folder=tmp_path)
    assert done.returncode == 1
    assert "tokenauction: wrote 2 tests to tests/test_found.py" in done.stderr
    text = file.read_text("utf-8")
    assert f"tokenauction verify {' '.join(asked)} tests/test_found.py" in text

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = "import sys; sys.modules |= dict.fromkeys(['z3', 'sympy', 'flint', 'scipy']); import "
    code += "pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', sys.argv[1]]))"
    run = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        capture_output=True, text=True, timeout=100, cwd=elsewhere, check=False,
    )  # fmt: skip
    assert "2 failed" in run.stdout, run.stdout + run.stderr
    assert "rule(raised_bids, dists) = (" in run.stdout
    for arguments in (("check",), ("format", "--check", "--line-length", "100")):
        subprocess.run(
            [sys.executable, "-m", "ruff", arguments[0], "--isolated", *arguments[1:], str(file)],
            check=True,
            timeout=60,
        )


def test_the_command_where_there_is_nothing_to_write(command: Command, tmp_path: Path) -> None:
    ours = tmp_path / "test_mine.py"
    ours.write_text("# by hand\n", "utf-8")
    tried = [
        (["linear", "--emit-test", "test_new.py"], 0, "nothing is refuted, so no test is written"),
        (["log-linear", "--emit-test", "test_mine.py"], 2, "tokenauction did not write it"),
        (["log-linear", "--emit-test", "tests.txt"], 2, "name a file of tests that ends in .py"),
        (["log-linear", "--emit-test", "no/test_new.py"], 2, "there is no folder"),
    ]
    for arguments, status, said in tried:
        done = command("verify", *arguments, "--property", "monotone", folder=tmp_path)
        assert (done.returncode, said in done.stderr) == (status, True), done
    assert [place.name for place in tmp_path.iterdir()] == ["test_mine.py"]
    assert ours.read_text("utf-8") == "# by hand\n"
