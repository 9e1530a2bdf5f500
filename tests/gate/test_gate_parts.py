"""Guards the parts of the gate: configuration, lock, standing, cache, executors, identities."""

from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauction.mechanisms import CATALOGUE, aggregation_rule, payment_rule
from tokenauction.mechanisms.profile_function import Distribution
from tokenauction.proofs.core.faithfulness.examination import Examined, fingerprint
from tokenauction.proofs.core.faithfulness.fingerprints import fingerprint_of_property
from tokenauction.proofs.deciding.decision import REDUCTION
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.verifier import Verifier, verifier_of
from tokenauction.proofs.gate import checks, executors, lock, sources
from tokenauction.proofs.gate.cache import Cache
from tokenauction.proofs.gate.configuration import (
    BadConfiguration,
    Requirement,
    find,
    read,
)
from tokenauction.proofs.gate.lock import BadLock, ClaimKey, Locked
from tokenauction.proofs.gate.sources import CheckRequest
from tokenauction.proofs.gate.standing import Found, judge
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.named import load_targets
from tokenauction.proofs.loading.project_claims import claims_of_project
from tokenauction.proofs.results.assignment import Assignment, assignment_of
from tokenauction.proofs.results.report import counterexample
from tokenauction.proofs.results.verdict import Refuted, Scope, Sizes
from tokenauction.proofs.searching.falsify import Search
from tokenauction.theory import PROPERTIES, rule_property

# Configuration -----------------------------------------------------------------------------------


def configured(folder: Path, table: str) -> Any:
    """The configuration that a table is."""
    file = folder / "pyproject.toml"
    file.write_text(f"[tool.tokenauction]\n{table}\n", "utf-8")
    return read(file)


def test_a_target_takes_what_it_does_not_say_from_the_table(tmp_path: Path) -> None:
    found = configured(
        tmp_path,
        """
        properties = ["monotone"]
        budget = 20
        targets = [
            "./rules.py",
            {target = "second-price", properties = [], scope = {agents = 2, tokens = 4}, seed = 3},
        ]
        """,
    )
    first, second = found.requirements
    assert first == Requirement("rules.py", ("monotone",), budget=20)
    assert (second.properties, second.sizes, second.seed, second.budget) == ((), (2, 4), 3, 20)
    assert second.scope == Scope((1, 2), (1, 2, 3, 4))
    assert first.scope == Scope()
    assert (found.root, found.lock, found.cache) == (
        tmp_path,
        Path("tokenauction.lock"),
        Path(".tokenauction-cache"),
    )


@pytest.mark.parametrize(
    ("table", "key", "way_out"),
    [
        ("", "tool.tokenauction.targets", 'targets = ["rules.py"'),
        ("targets = []", "tool.tokenauction.targets", 'targets = ["rules.py"'),
        ("targets = 'rules.py'", "tool.tokenauction.targets", "name the rules"),
        ("targets = ['a.py', 7]", "tool.tokenauction.targets[1]", "a name or a table, not 7"),
        ("targets = ['']", "tool.tokenauction.targets[0]", "not empty"),
        ("targets = ['a.py', './a.py']", "tool.tokenauction.targets", "a.py is there twice"),
        ("targets = [{}]", "tool.tokenauction.targets[0].target", "missing"),
        ("targets = ['a.py']\ntarget = 1", "tool.tokenauction.target", "did you mean targets?"),
        (
            "targets = [{target = 'a.py', propertys = []}]",
            "tool.tokenauction.targets[0].propertys",
            "did you mean properties?",
        ),
        (
            "targets = [{target = 'a.py', properties = 'monotone'}]",
            "tool.tokenauction.targets[0].properties",
            "a list of names",
        ),
        (
            "targets = ['a.py']\nproperties = ['monotone', 3]",
            "tool.tokenauction.properties[1]",
            "not 3",
        ),
        ("targets = ['a.py']\nscope = 'some'", "tool.tokenauction.scope", 'expected "all" or'),
        (
            "targets = ['a.py']\nscope = {agents = 3}",
            "tool.tokenauction.scope.tokens",
            "missing",
        ),
        (
            "targets = ['a.py']\nscope = {agents = 0, tokens = 1}",
            "tool.tokenauction.scope.agents",
            "from 1 to 50, not 0",
        ),
        ("targets = ['a.py']\nbudget = true", "tool.tokenauction.budget", "not True"),
        ("targets = ['a.py']\nbudget = nan", "tool.tokenauction.budget", "not nan"),
        ("targets = ['a.py']\nseed = -1", "tool.tokenauction.seed", "not -1"),
        ("targets = ['a.py']\nunknown = 'pass'", "tool.tokenauction.unknown", '"fail" or "warn"'),
        ("targets = ['a.py']\nlock = 3", "tool.tokenauction.lock", "not 3"),
    ],
)
def test_an_error_names_the_key(tmp_path: Path, table: str, key: str, way_out: str) -> None:
    with pytest.raises(BadConfiguration) as problem:
        configured(tmp_path, table)
    assert str(problem.value).startswith(f"{key}: ") or f"{key}: " in str(problem.value)
    assert way_out in str(problem.value)


def test_the_nearest_table_is_found(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tokenauction]\ntargets = ['linear']\n")
    inner = tmp_path / "inner" / "most"
    inner.mkdir(parents=True)
    (tmp_path / "inner" / "pyproject.toml").write_text("[tool.other]\n")
    assert find(inner) == tmp_path / "pyproject.toml"


def test_without_a_table_the_error_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"targets = \[\"rules.py\"\]"):
        find(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool\n")
    with pytest.raises(BadConfiguration, match="line 1"):
        find(tmp_path)


# The lock ----------------------------------------------------------------------------------------


def texts() -> st.SearchStrategy[str]:
    """Any text that a file can hold."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def some_sizes() -> st.SearchStrategy[Sizes]:
    """All sizes, or some."""
    return st.one_of(st.just("all"), st.lists(st.integers(1, 9), max_size=3).map(tuple))


@st.composite
def locked_claims(draw: st.DrawFn) -> Locked:
    """A block of a lock, with texts that a writer could trip over."""
    verdict: Any = draw(st.sampled_from(["proved", "refuted", "unknown"]))
    entries = st.one_of(texts(), st.integers(0, 9), st.booleans(), st.lists(texts(), max_size=2))
    witness = st.dictionaries(st.from_regex("[a-z_]{1,9}", fullmatch=True), entries, max_size=4)
    named = st.fixed_dictionaries({"distributions": st.dictionaries(texts(), st.lists(texts()))})
    return Locked(
        verdict=verdict,
        scope=Scope(draw(some_sizes()), draw(some_sizes())),
        method=draw(texts()),
        fingerprint=draw(st.none() | texts()),
        property_fingerprint=draw(st.none() | texts()),
        effort=draw(texts()),
        tools=draw(texts()),
        reason=draw(texts()),
        assumptions=tuple(draw(st.lists(texts(), max_size=2))),
        witness=draw(st.one_of(witness, named)) if verdict == "refuted" else None,
    )


@given(st.dictionaries(st.builds(ClaimKey, texts(), texts()), locked_claims(), max_size=4))
def test_a_lock_is_read_as_it_was_written(known: dict[ClaimKey, Locked]) -> None:
    known = {key: one for key, one in known.items() if key.target != "version"}
    assert lock.parse(lock.text(known)) == known


BLOCK = Locked("proved", Scope(), "reduction and Z3", "ab", None, "budget 60", "z3 5")
KEY = ClaimKey("rules.py::mine", "monotone")


def test_a_change_of_one_guarantee_changes_one_block() -> None:
    keys = [KEY, ClaimKey("rules.py::mine", "anonymous"), ClaimKey("linear", "monotone")]
    before = lock.text(dict.fromkeys(keys, BLOCK)).splitlines()
    shuffled = lock.text(dict.fromkeys(reversed(keys), BLOCK)).splitlines()
    after = lock.text(
        {key: replace(BLOCK, verdict="unknown") if key == KEY else BLOCK for key in keys}
    ).splitlines()
    assert before == shuffled
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [('verdict = "proved"', 'verdict = "unknown"')]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda text: text.replace("version = 1", "version = 2"), "says version = 1 nowhere"),
        (lambda text: text.replace("version = 1", "<<<<<<< ours\nversion = 1"), "merge conflict"),
        (lambda text: text.replace('"proved"', '"fine"'), "rules.py::mine monotone"),
        (lambda text: text.replace("tools", "tool"), "unknown key tool"),
        (lambda text: text.replace('agents = "all"', "agents = [0]"), "sizes"),
        (lambda text: text.replace('agents = "all"', "agents = [true]"), "sizes"),
        (lambda text: text.replace('"proved"', '"refuted"'), "a refuted claim has a witness"),
        (lambda text: text[: len(text) // 2], "gate --update"),
    ],
)
def test_a_lock_that_cannot_be_read_says_what_to_do(edit: Any, told: str) -> None:
    with pytest.raises(BadLock) as problem:
        lock.parse(edit(lock.text({KEY: BLOCK})))
    assert told in str(problem.value)
    assert "tokenauction gate --update" in str(problem.value)


# Standing ----------------------------------------------------------------------------------------

SMALL = Scope((1, 2, 3), (1, 2, 3))
SMALLER = Scope((1, 2), (1, 2, 3))
NONE = Scope((), ())


def found(
    status: str,
    scope: Scope,
    fingerprint: str = "ab",
    required: bool = True,
    **requirement: Any,
) -> Found:
    """A claim with a verdict."""
    sizes = {
        name: covered if covered == "all" else list(covered)
        for name, covered in (("agents", scope.agents), ("tokens", scope.tokens))
    }
    row = {"status": status, "scope": sizes, "fingerprint": fingerprint, "method": "some"}
    wanted = Requirement("rules.py::mine", **requirement)
    return Found(KEY, wanted, required, row, None, "z3 5", "decided")


def locked_as(verdict: Any, scope: Scope, fingerprint: str = "ab") -> Locked:
    """What was locked."""
    return replace(BLOCK, verdict=verdict, scope=scope, fingerprint=fingerprint)


WARN: dict[str, Any] = {"unknown": "warn"}
SIZES: dict[str, Any] = {"sizes": (3, 3)}


@pytest.mark.parametrize(
    ("now", "before", "change", "outcome"),
    [
        (found("proved", Scope()), locked_as("proved", Scope()), "unchanged", "pass"),
        (found("proved", Scope()), None, "new", "fail"),
        (found("proved", Scope(), "cd"), locked_as("proved", Scope()), "changed", "fail"),
        (found("refuted", SMALL), locked_as("proved", Scope()), "worse", "fail"),
        (found("unknown", NONE), locked_as("proved", Scope()), "worse", "fail"),
        (found("unknown", NONE, **WARN), locked_as("proved", Scope()), "worse", "fail"),
        (found("proved", SMALL), locked_as("proved", Scope()), "worse", "fail"),
        (found("proved", SMALL, **SIZES), locked_as("proved", Scope()), "worse", "fail"),
        (found("proved", SMALLER, **SIZES), locked_as("proved", SMALL), "worse", "fail"),
        (found("proved", SMALL, **SIZES), locked_as("proved", SMALL), "unchanged", "pass"),
        (found("proved", SMALL), locked_as("proved", SMALL), "unchanged", "fail"),
        (found("proved", Scope()), locked_as("proved", SMALL), "better", "pass"),
        (found("proved", Scope()), locked_as("unknown", NONE), "better", "pass"),
        (found("refuted", SMALL), locked_as("refuted", SMALL), "unchanged", "fail"),
        (found("refuted", SMALL, required=False), locked_as("refuted", SMALL), "unchanged", "pass"),
        (found("refuted", SMALL, required=False), locked_as("proved", SMALL), "worse", "fail"),
        (found("refuted", SMALL, required=False), locked_as("unknown", NONE), "changed", "pass"),
        (found("unknown", NONE), locked_as("unknown", NONE), "unchanged", "fail"),
        (found("unknown", NONE, **WARN), locked_as("unknown", NONE), "unchanged", "warn"),
        (found("unknown", NONE, "cd", **WARN), locked_as("unknown", NONE), "changed", "fail"),
        (found("refuted", SMALL, **WARN), locked_as("refuted", SMALL), "unchanged", "fail"),
        (found("unknown", NONE, **WARN), None, "new", "fail"),
    ],
)
def test_what_closes_the_gate(now: Found, before: Locked | None, change: str, outcome: str) -> None:
    standing = judge(now, before)
    assert (standing.change, standing.outcome) == (change, outcome)
    assert bool(standing.problems) == (outcome != "pass")


def test_an_update_forgives_what_changed_and_nothing_that_is_required() -> None:
    proved_before = locked_as("proved", Scope())
    assert judge(found("proved", Scope(), "cd"), proved_before, updating=True).outcome == "pass"
    assert judge(found("proved", Scope()), None, updating=True).outcome == "pass"
    assert judge(found("refuted", SMALL), proved_before, updating=True).outcome == "fail"
    recorded = found("refuted", SMALL, required=False)
    assert judge(recorded, proved_before, updating=True).outcome == "pass"


# The cache ---------------------------------------------------------------------------------------

ROW = {"status": "proved", "fingerprint": "ab", "scope": {"agents": "all", "tokens": "all"}}
CLAIM = {"fingerprint": "ab", "property": "monotone", "effort": "budget 60"}


def entry_of(cache: Cache) -> Path:
    """The only entry of a cache."""
    (entry,) = cache.folder.rglob("*.json")
    return entry


def test_a_verdict_is_kept_for_its_claim_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert cache.get(CLAIM) is None
    cache.put(CLAIM, ROW)
    assert cache.get(CLAIM) == ROW
    for name in CLAIM:
        assert cache.get({**CLAIM, name: "other"}) is None
    assert (tmp_path / "cache" / ".gitignore").read_text().endswith("*\n")


def test_nothing_undecided_is_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(CLAIM, {**ROW, "status": "unknown"})
    assert cache.get(CLAIM) is None


@given(st.data())
def test_a_damaged_entry_is_made_anew(tmp_path_factory: Any, data: st.DataObject) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    cache.put(CLAIM, ROW)
    entry = entry_of(cache)
    whole = entry.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    damaged = whole[:place] if cut else whole[:place] + b"\xff" + whole[place + 1 :]
    entry.write_bytes(damaged)
    assert cache.get(CLAIM) is None
    cache.put(CLAIM, ROW)
    assert cache.get(CLAIM) == ROW


def test_an_entry_with_another_verdict_written_in_is_ignored(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(CLAIM, {**ROW, "status": "refuted"})
    entry = entry_of(cache)
    entry.write_text(entry.read_text().replace("refuted", "proved"))
    assert cache.get(CLAIM) is None


def test_an_entry_of_another_claim_in_its_place_is_ignored(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(CLAIM, ROW)
    mine = entry_of(cache)
    text = mine.read_text()
    mine.unlink()
    cache.put({**CLAIM, "property": "neutral"}, {**ROW, "status": "refuted"})
    entry_of(cache).write_text(text)
    assert cache.get({**CLAIM, "property": "neutral"}) is None


def test_a_cache_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = Cache(blocked)
    cache.put(CLAIM, ROW)
    assert cache.get(CLAIM) is None


def _write_often(folder: str, status: str) -> int:
    cache = Cache(Path(folder))
    odd = 0
    for _ in range(60):
        cache.put(CLAIM, {**ROW, "status": status})
        found = cache.get(CLAIM)
        odd += found is None or found["status"] not in ("proved", "refuted")
    return odd


def test_runs_that_share_a_cache_see_whole_entries(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        odd = pool.map(_write_often, [str(tmp_path)] * 2, ["proved", "refuted"])
        assert sum(odd) == 0
    assert not list(tmp_path.rglob("*.part"))


# Executors ---------------------------------------------------------------------------------------


class Losing(Executor):
    """An executor that loses every check in the way that it is told."""

    def __init__(self, problem: BaseException, refuses: bool = False) -> None:
        self.problem = problem
        self.refuses = refuses

    def submit(self, *_: Any, **__: Any) -> Any:
        if self.refuses:
            raise self.problem
        future: Future[Any] = Future()
        future.set_exception(self.problem)
        return future


@pytest.mark.parametrize(
    "executor",
    [
        Losing(BrokenProcessPool("a worker was killed")),
        Losing(RuntimeError("cannot schedule new futures after shutdown"), refuses=True),
        Losing(MemoryError()),
    ],
)
def test_what_an_executor_loses_is_decided_here(
    executor: Executor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def decided_here(request: CheckRequest) -> dict[str, Any]:
        return {"answered": request["targets"]}

    monkeypatch.setattr(checks, "check", decided_here)
    found = dict(checks.answers([asking("linear"), asking("log-linear")], executor))
    assert found == {0: {"answered": ["linear"]}, 1: {"answered": ["log-linear"]}}


def asking(target: str) -> CheckRequest:
    """The request whether a rule returns a distribution."""
    return {
        "do": "verify",
        "targets": [target],
        "properties": ["distribution"],
        "agents": None,
        "tokens": None,
        "seed": 0,
        "explain": False,
        "budget": 20,
    }


def test_an_executor_may_answer_in_any_order() -> None:
    names = ["linear", "no-such-rule", "log-linear"]
    requests = [asking(name) for name in names]
    with ThreadPoolExecutor(2) as pool:
        found = dict(checks.answers(requests, pool))
    assert "unknown rule" in found[1]["problem"]
    assert not found[0]["problem"]
    assert not found[2]["problem"]


def test_unknown_executors_are_named(tmp_path: Path) -> None:
    with (
        pytest.raises(executors.NoExecutor, match="local, or dask://HOST:PORT"),
        executors.opened("ray://x", None, tmp_path),
    ):
        pass


def test_sources_arrive_as_they_were_sent(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "inner").mkdir(parents=True)
    (project / ".venv").mkdir()
    (project / "rules.py").write_text("one = 1\n")
    (project / "inner" / "helper.py").write_text("two = 2\n")
    (project / ".venv" / "library.py").write_text("three = 3\n")
    request: CheckRequest = {**asking("rules.py"), "sources": sources.pack(project)}
    with sources.unpacked(request) as local:
        folder = Path(local["folder"])
        files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}
        assert files == {"rules.py": "one = 1\n", "inner/helper.py": "two = 2\n"}
        assert "sources" not in local
    assert not folder.exists()


def test_too_much_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules.py").write_text("x" * 200)
    monkeypatch.setattr(sources, "MOST_BYTES", 100)
    with pytest.raises(sources.TooMuch, match="keep data out"):
        sources.pack(tmp_path)


# Claims and their identities ---------------------------------------------------------------------

RULES = """
from array_api_compat import array_namespace
from tokenauction.mechanisms import CATALOGUE, Mechanism, PAYMENTS, aggregation_rule
from tokenauction.theory import preference_order

def made(power):
    @aggregation_rule
    def rule(bids, dists):
        xp = array_namespace(bids, dists)
        return xp.matmul(bids**power, dists) / xp.sum(bids**power)
    return rule

one, two = made(1), made(2)

@preference_order
def own_order(preferred, better, worse):
    return (better >= worse).all()

paid = Mechanism(one, PAYMENTS["pay-your-bid"])
"""


def listed(*requirements: dict[str, Any]) -> list[tuple[str, str, bool, int]]:
    """The claims of requirements, in a few words."""
    defaults: dict[str, Any] = {"properties": None, "recorded": []}
    made = claims_of_project([{**defaults, **one} for one in requirements])
    return [(c["target"], c["property"], c["required"], c["requirement"]) for c in made]


def test_rules_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules_of_one_name.py").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    file = "rules_of_one_name.py"
    found = listed({"target": file, "properties": ["monotone", "payment-monotone"]})
    assert found == [
        (f"{file}::one", "monotone", True, 0),
        (f"{file}::paid", "monotone", True, 0),
        (f"{file}::paid", "payment-monotone", True, 0),
        (f"{file}::two", "monotone", True, 0),
    ]
    assert listed(
        {"target": f"{file}::two", "properties": ["neutral"], "recorded": ["monotone", "neutral"]},
        {"target": file, "properties": ["monotone"]},
    ) == [
        (f"{file}::two", "neutral", True, 0),
        (f"{file}::two", "monotone", False, 0),
        (f"{file}::one", "monotone", True, 1),
        (f"{file}::paid", "monotone", True, 1),
    ]
    orders = listed({"target": f"{file}::one", "properties": [f"{file}::own_order"]})
    assert orders == [(f"{file}::one", f"{file}::own_order", True, 0)]
    with pytest.raises(CannotLoad, match="did you mean monotone"):
        listed({"target": file, "properties": ["monotne"]})
    with pytest.raises(CannotLoad, match="property of mechanisms"):
        listed({"target": f"{file}::one", "properties": ["payment-monotone"]})


def test_the_fingerprint_of_a_property_changes_with_what_it_says() -> None:
    def at_most_one(rule: Any, bids: Any, dists: Any) -> Any:
        return (rule(bids, dists) <= 1).all()

    def below_one(rule: Any, bids: Any, dists: Any) -> Any:
        return (rule(bids, dists) < 1).all()

    def renamed(rule: Any, bids: Any, dists: Any) -> Any:
        outcome = rule(bids, dists)
        return (outcome <= 1).all()

    renamed.__name__ = "at_most_one"
    below_one.__name__ = "at_most_one"
    prints = [
        fingerprint_of_property(rule_property(function))
        for function in (at_most_one, renamed, below_one)
    ]
    prints.append(fingerprint_of_property(rule_property(everywhere=True)(at_most_one)))
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3
    built_in = [fingerprint_of_property(PROPERTIES[name]) for name in ("monotone", "unanimous")]
    assert len({*built_in, None, *prints}) == 6


def pays_the_same(payment: Any, bids: Any, dists: Any, other_dists: Any, agent: Any) -> Any:
    return payment(bids, dists)[agent] == payment(bids, dists)[agent]


def pays_the_same_elsewhere(
    payment: Any, bids: Any, dists: Any, other_dists: Any, agent: Any
) -> Any:
    return payment(bids, dists)[agent] == payment(bids, other_dists)[agent]


def token_by_token(rule: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any) -> Any:
    before, after = rule(bids, dists), rule(raised_bids, dists)
    return all_of(after[t] >= before[t] * dists[agent, t] for t in range(dists.shape[1]))


def token_by_token_reversed(rule: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any) -> Any:
    before, after = rule(raised_bids, dists), rule(bids, dists)
    return all_of(after[t] >= before[t] * dists[agent, t] for t in range(dists.shape[1]))


def token_by_token_without_others(
    rule: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any, withdrawn_bids: Any
) -> Any:
    return token_by_token(rule, bids, raised_bids, dists, agent)


def other_at_one_size(rule: Any, bids: Any, raised_bids: Any, dists: Any, agent: Any) -> Any:
    if dists.shape == (1, 3):
        return token_by_token_reversed(rule, bids, raised_bids, dists, agent)
    return token_by_token(rule, bids, raised_bids, dists, agent)


def all_of(parts: Any) -> Any:
    found = None
    for part in parts:
        found = part if found is None else found & part
    return found


def test_the_fingerprint_of_a_property_has_what_its_calls_are_given() -> None:
    functions = (
        pays_the_same,
        pays_the_same_elsewhere,
        token_by_token,
        token_by_token_reversed,
        token_by_token_without_others,
        other_at_one_size,
    )
    prints = [fingerprint_of_property(rule_property(function)) for function in functions]
    assert len({*prints, None}) == len(functions) + 1


def test_a_property_without_a_trace_has_no_fingerprint() -> None:
    def seen_in_floats(rule: Any, bids: Any, dists: Any) -> Any:
        return float(rule(bids, dists)[0]) >= 0

    assert fingerprint_of_property(rule_property(seen_in_floats)) is None


def test_the_fingerprint_of_a_rule_is_exact_about_logarithms_and_tokens() -> None:
    def floored(bids: Any, dists: Any) -> Any:
        logs = np.log(bids)
        return np.maximum(logs, -10) + 11 + 0 * dists.sum(axis=1)

    def floored_and_undefined(bids: Any, dists: Any) -> Any:
        logs = np.log(bids)
        return np.maximum(logs, -10) + 11 + (logs - logs) + 0 * dists.sum(axis=1)

    payments = [payment_rule(function) for function in (floored, floored_and_undefined)]
    prints = [fingerprint([Examined(payment)]) for payment in payments]
    assert None not in prints
    assert prints[0] != prints[1]

    def pool(bids: Any, dists: Any, unused: Distribution = (0.5, 0.5)) -> Any:  # type: ignore[assignment]
        return bids @ dists / bids.sum()

    two_tokens = aggregation_rule(pool)
    assert fingerprint([Examined(two_tokens)]) != fingerprint([Examined(CATALOGUE["linear"])])


def test_a_counterexample_of_a_report_is_an_assignment_again() -> None:
    values = Assignment(
        bids=(Fraction(1), Fraction(1, 2)),
        dists=((Fraction(1, 3), Fraction(2, 3)), (Fraction(1), Fraction(0))),
        agent=1,
        named={"platform": (Fraction(1, 2), Fraction(1, 2))},
        given={
            "raised_bid": Fraction(7, 2),
            "other_bids": (Fraction(3), Fraction(1, 2)),
            "scale": Fraction(2),
            "quality": ((Fraction(-1),), (Fraction(1, 3),)),
        },
    )
    shown = {
        "bids": ["1", "1/2"],
        "dists": [["1/3", "2/3"], ["1", "0"]],
        "agent": 1,
        "raised_bid": "7/2",
        "other_bids": ["3", "1/2"],
        "scale": "2",
        "distributions": {"platform": ["1/2", "1/2"]},
        "given": {"quality": {"axes": ["agents", "tokens"], "values": [["-1"], ["1/3"]]}},
    }
    assert assignment_of(shown) == values
    broken: dict[str, Any]
    for broken in ({"agent": 2}, {"agent": -1}, {"dists": []}, {"bids": ["1/0", "1"]}):
        with pytest.raises((ValueError, ZeroDivisionError)):
            assignment_of({**shown, **broken})


@pytest.mark.parametrize(
    ("name", "prop"),
    [
        ("top-k", "monotone"),
        ("temperature", "monotone"),
        ("log-linear", "monotone"),
        ("linear+pay-your-bid", "critical-bid"),
        ("uniform-smoothing", "monotone"),
    ],
)
def test_a_refutation_is_reached_again_from_its_witness(name: str, prop: str) -> None:
    (target,) = load_targets([name])
    verdict = verifier_of(target, Options()).verify(PROPERTIES[prop])
    assert isinstance(verdict, Refuted)
    again = verifier_of(target, Options()).refuted_at(
        PROPERTIES[prop], assignment_of(counterexample(verdict.witness))
    )
    assert again is not None
    assert again.witness == verdict.witness


def test_an_assignment_at_which_nothing_is_wrong_refutes_nothing() -> None:
    one = Assignment((Fraction(1),), ((Fraction(1),),), agent=0, given={"raised_bid": Fraction(2)})
    for name in ("linear", "top-k"):
        assert Verifier(CATALOGUE[name]).refuted_at(PROPERTIES["monotone"], one) is None


def test_a_proof_is_reached_again_by_its_method_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_search(self: Any) -> None:
        raise AssertionError("a search")

    monkeypatch.setattr(Search, "quick", no_search)
    monkeypatch.setattr(Search, "thorough", no_search)
    verdict = Verifier(CATALOGUE["linear"]).verify(PROPERTIES["monotone"], REDUCTION)
    assert verdict.status == "proved"
    with pytest.raises(AssertionError, match="a search"):
        Verifier(CATALOGUE["linear"]).verify(PROPERTIES["monotone"], "some other method")
