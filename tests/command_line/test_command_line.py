"""Guards the command line: exit statuses, reports, counterexamples, and what is listed."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tokenauction.mechanisms import CATALOGUE, MECHANISMS, PAYMENTS
from tokenauction.proofs.command_line.console import plain_warnings
from tokenauction.proofs.results import report
from tokenauction.theory import PROPERTIES

Command = Callable[..., Any]
Row = Sequence[Fraction]

SEVERAL = str(Path(__file__).parents[1] / "data" / "several_rules.py")
RULES_OF_FILE = ["zebra", "apple", "mango", "cap(highest=2)", "top_k(k=1)"]
STATUSES = ["proved", "refuted", "unknown", "proved", "refuted"]


@pytest.fixture(scope="module")
def of_file(command: Command) -> Any:
    """The report on a file with every kind of verdict, and how the command ended."""
    done = command(
        "verify", SEVERAL, "--property", "monotone", "--format", "json", "--budget", "20"
    )
    return done, json.loads(done.stdout)


@pytest.fixture(scope="module")
def of_shipped(command: Command) -> Any:
    """The report on some shipped rules that are not monotone, with explanations."""
    targets = ["top-k", "temperature", "uniform-smoothing", "top-k(k=1)", "cap(highest=-1)"]
    done = command("verify", *targets, "--property", "monotone", "--format", "json", "--explain")
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


# Exit status -------------------------------------------------------------------------------------


def test_proved_is_zero(command: Command) -> None:
    done = command("verify", "linear", "cap(highest=2)", "--property", "monotone")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "proved   linear monotone  [all agents, all tokens]"
    assert lines[1] == "proved   cap(highest=2) monotone  [all agents, all tokens]"
    assert lines[-1] == "2 proved, 0 refuted, 0 unknown"
    assert "\x1b" not in done.stdout


def test_refuted_is_one(command: Command) -> None:
    done = command("verify", "top-k", "linear", "--property", "monotone", "--explain")
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
    assert "refuted  top_k(k=2) monotone  [2 agents, 3 tokens]\n" in done.stdout
    assert "q[t] = " in done.stdout
    assert "Replayed in exact arithmetic, and by running the rule on NumPy." in done.stdout
    assert "Proved for all agents, all tokens, by " in done.stdout
    assert "Assumed: real arithmetic, without rounding" in done.stdout


def test_unknown_is_three(command: Command) -> None:
    target = f"{SEVERAL}::mango"
    done = command("verify", target, "--property", "monotone", "--budget", "2")
    assert done.returncode == 3
    assert "unknown  mango monotone  [-]" in done.stdout
    assert "a rule may print" not in done.stdout
    assert "several_rules.py:32: compute both cases and choose with xp.where(" in done.stdout
    assert ", because the rule branches on a value" in done.stdout


def test_refuted_counts_more_than_unknown(of_file: Any) -> None:
    assert of_file[0].returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "linear", "--agents", "-1"],
        ["verify", "linear", "--budget", "0"],
        ["verify", "linear", "--seed", "-1"],
        ["verify", "linear", "--format", "xml"],
        ["verify", "linear", "--nonsense"],
        ["verify", "cap(highest=1/0)"],
        ["verify", "cap(lowest=1)"],
        ["verify", "cap(highest=2"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_two(command: Command, arguments: list[str]) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


# The report --------------------------------------------------------------------------------------


def test_a_report_is_of_the_schema(of_file: Any, of_shipped: Any) -> None:
    schema = report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for made in (of_file[1], of_shipped):
        jsonschema.Draft202012Validator(schema).validate(made)
    kinds = {
        (one["status"], (one["counterexample"] or {}).get("exact")) for one in of_file[1]["results"]
    }
    assert kinds == {("proved", None), ("unknown", None), ("refuted", True)}


def test_the_schema_refuses_a_damaged_report(of_file: Any) -> None:
    validator = jsonschema.Draft202012Validator(report.schema())
    proved = of_file[1]["results"][0]
    refuted = of_file[1]["results"][4]
    damaged: list[dict[str, Any]] = [
        {**proved, "counterexample": refuted["counterexample"]},
        {**refuted, "counterexample": None},
        {**proved, "status": "perhaps"},
        {**refuted, "counterexample": {**refuted["counterexample"], "bids": ["0.5"]}},
        {**refuted, "counterexample": {**refuted["counterexample"], "exact": False}},
        {key: value for key, value in proved.items() if key != "scope"},
    ]
    for one in damaged:
        assert not validator.is_valid({**of_file[1], "results": [one]})


def test_a_file_is_decided_in_its_own_order(of_file: Any) -> None:
    rows = of_file[1]["results"]
    assert [row["rule"] for row in rows] == RULES_OF_FILE
    assert [row["status"] for row in rows] == STATUSES
    assert [row["file"] for row in rows[:3]] == [SEVERAL] * 3
    assert [row["line"] for row in rows[:3]] == [14, 20, 32]
    assert of_file[1]["options"] == {"agents": None, "tokens": None, "budget": 20.0, "seed": 0}


def test_what_a_file_prints_goes_to_standard_error(of_file: Any) -> None:
    done = of_file[0]
    assert "a file may print while it is loaded" in done.stderr
    assert "a rule may print while it runs" in done.stderr
    assert "may print" not in done.stdout


def test_an_untraceable_rule_is_refuted_by_exact_runs(of_file: Any) -> None:
    apple = of_file[1]["results"][1]
    assert apple["fingerprint"] is None
    assert apple["method"] == "search and exact runs"
    found = apple["counterexample"]
    assert found["exact"] is True

    def falling(bids: Row, dists: Sequence[Row]) -> list[Fraction]:
        return _pool([1 / (1 + bid) for bid in bids], dists)

    _check_not_monotone(found, falling, exact=True)


# Counterexamples, judged again by hand ---------------------------------------------------------


def _pool(weights: Row, dists: Sequence[Row]) -> list[Fraction]:
    columns = zip(*dists, strict=True)
    top = [sum(w * p for w, p in zip(weights, column, strict=True)) for column in columns]
    return [Fraction(value) / sum(weights) for value in top]


def _normalised(values: Row) -> list[Fraction]:
    return [value / sum(values) for value in values]


def _top(k: int) -> Callable[[Row, Sequence[Row]], list[Fraction]]:
    def rule(bids: Row, dists: Sequence[Row]) -> list[Fraction]:
        pooled = _pool(bids, dists)
        kept = [q if sum(other > q for other in pooled) < k else Fraction(0) for q in pooled]
        return _normalised(kept)

    return rule


def _squared(bids: Row, dists: Sequence[Row]) -> list[Fraction]:
    return _normalised([q * q for q in _pool(bids, dists)])


def _smoothed(bids: Row, dists: Sequence[Row]) -> list[Fraction]:
    tenth = Fraction(1, 10)
    return [(1 - tenth) * q + tenth / len(dists[0]) for q in _pool(bids, dists)]


BY_HAND: dict[str, Callable[[Row, Sequence[Row]], list[Fraction]]] = {
    "top_k(k=2)": _top(2),
    "temperature(degrees=0.5)": _squared,
    "uniform_smoothing(share=0.1)": _smoothed,
    "top_k(k=1)": _top(1),
}


def _check_not_monotone(
    found: dict[str, Any], rule: Callable[[Row, Sequence[Row]], list[Fraction]], exact: bool
) -> None:
    """Judge a counterexample to `monotone` in Fractions, without the checker."""
    bids = [Fraction(bid) for bid in found["bids"]]
    dists = [[Fraction(p) for p in row] for row in found["dists"]]
    assert all(bid >= 0 for bid in bids)
    assert sum(bids) > 0
    assert all(sum(row) == 1 and min(row) >= 0 for row in dists)
    agent, raised = found["agent"], Fraction(found["raised_bid"])
    assert raised >= bids[agent]
    before = rule(bids, dists)
    after = rule([*bids[:agent], raised, *bids[agent + 1 :]], dists)
    between = [
        min(wanted, old) <= new <= max(wanted, old)
        for wanted, new, old in zip(dists[agent], after, before, strict=True)
    ]
    assert not all(between)
    token = found["token"]
    assert not between[token]
    assert Fraction(found["preferred"]) == dists[agent][token]
    shown = [before[token], after[token], *after, *before]
    given = [found["before"], found["after"], *found["aggregates"][0], *found["aggregates"][1]]
    if exact:
        assert [Fraction(text) for text in given] == shown
    else:
        assert [float(text) for text in given] == pytest.approx([float(value) for value in shown])


@pytest.mark.parametrize("label", BY_HAND)
def test_a_counterexample_is_one(of_shipped: Any, label: str) -> None:
    row = next(one for one in of_shipped["results"] if one["rule"] == label)
    assert row["status"] == "refuted"
    found = row["counterexample"]
    assert (found["exact"], found["rounded"], found["undefined"]) == (True, False, False)
    assert row["scope"] == {"agents": [len(found["bids"])], "tokens": [len(found["dists"][0])]}
    _check_not_monotone(found, BY_HAND[label], exact=True)


def test_a_reason_tells_the_counterexample(of_shipped: Any) -> None:
    row = of_shipped["results"][0]
    found = row["counterexample"]
    for part in ("before", "after", "preferred", "raised_bid"):
        assert found[part] in row["reason"]
    assert row["reason"] in row["explanation"]


def test_an_aggregate_that_does_not_exist_is_a_counterexample(command: Command) -> None:
    arguments = ["--property", "distribution", "--format", "json"]
    done = command("verify", "temperature(degrees=-1)", *arguments)
    row = json.loads(done.stdout)["results"][0]
    assert (done.returncode, row["status"]) == (1, "refuted")
    jsonschema.validate(json.loads(done.stdout), report.schema())
    assert (row["counterexample"]["undefined"], row["counterexample"]["token"]) == (True, None)
    assert "undefined" in row["reason"]


def test_a_share_that_is_no_power_of_two_is_read_exactly(command: Command) -> None:
    done = command("verify", "uniform-smoothing(share=0.9)", "--property", "distribution")
    assert done.returncode == 0


# Output ------------------------------------------------------------------------------------------


def test_output_writes_the_report_and_nothing_else(command: Command, tmp_path: Path) -> None:
    arguments = ["verify", "linear", "--property", "neutral", "--format", "json"]
    done = command(*arguments, "--output", "report.json", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    made = json.loads((tmp_path / "report.json").read_text("utf-8"))
    jsonschema.validate(made, report.schema())
    again = command(*arguments, "--output", "report.json", "--seed", "1", folder=tmp_path)
    assert again.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["options"]["seed"] == 1


def test_output_of_text(command: Command, tmp_path: Path) -> None:
    done = command(
        "verify", "linear", "--property", "neutral", "--output", "r.txt", folder=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, "")
    text = (tmp_path / "r.txt").read_text("utf-8")
    assert text.startswith("proved   linear neutral  [all agents, all tokens]\n")
    assert text.endswith("1 proved, 0 refuted, 0 unknown\n")


def without_times(made: dict[str, Any]) -> dict[str, Any]:
    """A report without how long it took."""
    rows = [{**row, "seconds": 0} for row in made["results"]]
    return {**made, "results": rows}


@pytest.mark.slow
def test_two_runs_with_one_seed_are_the_same(command: Command) -> None:
    arguments = ["--property", "monotone", "--format", "json", "--explain", "--seed", "3"]
    targets = [f"{SEVERAL}::apple", "top-k", "linear"]
    first, second = (command("verify", *targets, *arguments, "--budget", "5") for _ in range(2))
    assert first.returncode == second.returncode == 1
    assert without_times(json.loads(first.stdout)) == without_times(json.loads(second.stdout))


# Lists, help, completion -------------------------------------------------------------------------


def test_rules_lists_every_shipped_rule(command: Command) -> None:
    done = command("rules")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    tables = [part.splitlines() for part in done.stdout.split("\n\n")]
    kinds: list[Mapping[str, Any]] = [CATALOGUE, PAYMENTS, MECHANISMS]
    for lines, shipped in zip(tables, kinds, strict=True):
        assert [line.split()[0] for line in lines[1:]] == list(shipped)
        for line, one in zip(lines[1:], shipped.values(), strict=True):
            assert line.endswith(one.summary)
            assert line.split()[1] == one.support


def test_rules_lists_those_of_a_file_too(command: Command) -> None:
    done = command("rules", SEVERAL)
    assert done.returncode == 0
    of_files = done.stdout.split("\n\n")[-1].splitlines()
    assert of_files[0].startswith("in the files")
    assert [line.split()[0] for line in of_files[1:]] == [*RULES_OF_FILE]
    assert "zebra" in done.stdout
    assert "The linear pool." in done.stdout


def test_properties_lists_every_property(command: Command) -> None:
    done = command("properties")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(PROPERTIES)
    for line, prop in zip(lines, PROPERTIES.values(), strict=True):
        assert line.endswith(prop.summary)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(command: Command, shell: str) -> None:
    done = command("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_TOKENAUCTION_COMPLETE={shell}_complete" in done.stdout


def test_help_tells_the_exit_statuses(command: Command) -> None:
    done = command("verify", "--help")
    assert done.returncode == 0
    for line in (
        "0  every claim is proved",
        "1  something is refuted",
        "2  wrong usage, or input that cannot be used",
        "3  nothing is refuted, something is unknown",
    ):
        assert line in done.stdout
    assert "verify" in command("--help").stdout
    assert command("--version").stdout.split()[-1] == report.versions()["tokenauction"]


@pytest.mark.filterwarnings("default")
def test_a_warning_of_ours_is_one_sentence_and_others_are_as_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours = type("Slow", (UserWarning,), {"__module__": "tokenauction.mechanisms.somewhere"})
    shown: list[str] = []
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: shown.append(str(message))
        with plain_warnings():
            warnings.warn("this takes long", ours, stacklevel=1)
            warnings.warn("something else", UserWarning, stacklevel=1)
        warnings.warn("after that", ours, stacklevel=1)
    assert capsys.readouterr().err == "tokenauction: this takes long\n"
    assert shown == ["something else", "after that"]


def test_a_formula_that_is_too_long_takes_no_verdict_away(command: Command, tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text(
        "from tokenauction.mechanisms import aggregation_rule\n\n\n"
        "@aggregation_rule\ndef long(bids, dists):\n"
        "    weights = bids\n    for _ in range(9):\n"
        "        weights = weights * weights + bids + 1\n"
        "    return dists.T @ weights / weights.sum() ** 2\n"
    )
    asked = ["verify", "long.py", "--property", "unanimous", "--budget", "5"]
    short, full = command(*asked, folder=tmp_path), command(*asked, "--explain", folder=tmp_path)
    assert short.returncode == full.returncode == 1
    assert "q[t] is too long a formula to be written out" in full.stdout
    assert short.stdout.splitlines()[0] == full.stdout.splitlines()[0]
