"""Every theorem of the library is proved, none is vacuous, and no false neighbour is."""

import ast
import importlib
import itertools
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import controls
import jsonschema
import pytest
import z3
from forked import run_command

from tokenauction.proofs import library as paper
from tokenauction.proofs.core.kernel import AXIOMS, NotProved, by_z3, is_theorem
from tokenauction.proofs.core.kernel.formulas import subterms
from tokenauction.proofs.core.proving import lemmas
from tokenauction.proofs.library.contents import LIBRARY
from tokenauction.proofs.library.library import (
    Checked,
    LibraryTheorem,
    Origin,
    check,
    library_theorem,
    proof_of,
)
from tokenauction.proofs.library.report import as_json

MOST_PREMISES = 12
MOST_CONCLUSIONS = 20
Attempt = Callable[[], object]


def by_name(theorem: LibraryTheorem) -> str:
    return theorem.name


@pytest.mark.parametrize("theorem", LIBRARY, ids=by_name)
def test_it_is_proved(theorem: LibraryTheorem) -> None:
    found = check(theorem)
    assert found.status == "proved", found.reason
    assert all(is_theorem(one) for one in proof_of(*found.conclusions.values()))
    assert set(found.assumptions) <= set(AXIOMS)
    assert len(theorem.statement) > 20
    assert theorem.statement.endswith(".")


def premises_of(statement: Any) -> Iterator[Any]:
    """What a statement assumes, one formula for each nested implication."""
    assumed: list[Any] = []
    while not z3.is_false(statement):
        if z3.is_quantifier(statement) and statement.is_forall():
            fresh = [z3.FreshConst(statement.var_sort(k)) for k in range(statement.num_vars())]
            statement = z3.substitute_vars(statement.body(), *reversed(fresh))
        elif z3.is_implies(statement):
            left, statement = statement.children()
            assumed.append(left)
        else:
            break
    # What concludes that something is impossible has hypotheses that contradict one another.
    if assumed and not z3.is_false(statement):
        yield z3.And(assumed)


@pytest.mark.parametrize("theorem", LIBRARY, ids=by_name)
def test_its_hypotheses_do_not_contradict_one_another(theorem: LibraryTheorem) -> None:
    distinct = {}
    for conclusion in theorem().values():
        for premise in premises_of(conclusion.statement):
            distinct[premise.get_id()] = premise
    for premise in list(distinct.values())[:MOST_PREMISES]:
        solver = z3.Solver(ctx=z3.Context())
        solver.set("rlimit", 60_000)
        solver.set("timeout", 500)
        solver.add(premise.translate(solver.ctx))
        assert solver.check() != z3.unsat


# Words and formulas ------------------------------------------------------------------------------


@pytest.mark.parametrize("theorem", LIBRARY, ids=by_name)
def test_it_says_whose_it_is(theorem: LibraryTheorem) -> None:
    assert isinstance(theorem.origin, Origin)
    assert ("arXiv 2310.10826" in theorem.reference) >= (theorem.origin is Origin.PAPER)
    assert theorem.reference or theorem.origin is Origin.OWN


def symbols_of(theorem: LibraryTheorem) -> set[str]:
    """The symbols in what a theorem assumes."""
    parts = (part for premise in assumed_by(theorem) for part in subterms(premise))
    return {part.decl().name() for part in parts if z3.is_app(part)}


def assumed_by(theorem: LibraryTheorem) -> list[Any]:
    """What is assumed; variants-lattice has thousands of conclusions, of a few kinds."""
    conclusions = itertools.islice(theorem().values(), MOST_CONCLUSIONS)
    return [one for part in conclusions for one in premises_of(part.statement)]


def assumed_positive(theorem: LibraryTheorem) -> set[str]:
    """The symbols that a theorem assumes to be positive somewhere."""
    found = set()
    for premise in assumed_by(theorem):
        for part in subterms(premise):
            if not (z3.is_lt(part) or z3.is_gt(part)):
                continue
            small, large = part.children() if z3.is_lt(part) else reversed(part.children())
            schematic = z3.is_app(large) and large.decl().kind() == z3.Z3_OP_UNINTERPRETED
            if schematic and z3.is_rational_value(small) and small.as_fraction() == 0:
                found.add(large.decl().name())
    return found


SUMS_OF_BIDS = {"B", "Bx", "B_x", "S"}
LAWS = {"probability", "expectation"}


@pytest.mark.parametrize("theorem", LIBRARY, ids=by_name)
def test_its_words_say_what_has_to_be_positive(theorem: LibraryTheorem) -> None:
    of_bids = re.findall(r"positive sum|S > 0", theorem.statement)
    of_others = re.findall(r"positive(?! sum)|(?<!S )> 0|0 <", theorem.statement)
    found = assumed_positive(theorem)
    assert of_bids or not found & SUMS_OF_BIDS
    assert of_others or not found - SUMS_OF_BIDS


@pytest.mark.parametrize("theorem", LIBRARY, ids=by_name)
def test_its_words_say_that_a_law_is_assumed(theorem: LibraryTheorem) -> None:
    assumed = symbols_of(theorem) & LAWS
    assert bool(assumed) == bool(re.search(r"\b([Aa]ssume|assumed to)\b", theorem.statement))


def test_trust_md_names_the_theorems_that_assume_a_law() -> None:
    text = (Path(__file__).parents[2] / "docs" / "trust.md").read_text("utf-8")
    [told] = re.findall(r"^Some theorems have hypotheses about random variables.*$", text, re.M)
    assumed = {one.name for one in LIBRARY if LAWS & symbols_of(one)}
    assert set(re.findall(r"`([a-z-]+)`", told)) == assumed


@pytest.mark.parametrize(
    "theorem", [one for one in LIBRARY if one.name.startswith("log-linear")], ids=by_name
)
def test_it_is_about_the_log_linear_rule_by_its_definition(theorem: LibraryTheorem) -> None:
    for conclusion in theorem().values():
        parts = filter(z3.is_app, subterms(conclusion.statement))
        assert "exp" in {part.decl().name() for part in parts}


# False neighbours --------------------------------------------------------------------------------


def all_controls() -> dict[str, list[tuple[str, Attempt]]]:
    found: dict[str, list[tuple[str, Attempt]]] = {}
    for module in pkgutil.iter_modules(controls.__path__):
        part = importlib.import_module(f"controls.{module.name}")
        for name, attempts in part.CONTROLS.items():
            found.setdefault(name, []).extend(attempts)
    return found


CONTROLS = all_controls()


def test_every_theorem_has_a_false_neighbour() -> None:
    assert set(CONTROLS) == {theorem.name for theorem in LIBRARY}


@pytest.mark.parametrize(
    ("name", "what", "attempt"),
    [(name, what, attempt) for name, parts in CONTROLS.items() for what, attempt in parts],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_false_neighbour_is_not_proved(name: str, what: str, attempt: Attempt) -> None:
    with pytest.raises(NotProved):
        attempt()


# The library as a whole ---------------------------------------------------------------------------


def test_every_theorem_file_is_in_the_contents() -> None:
    found = set()
    for module in pkgutil.iter_modules(paper.__path__):
        values = vars(importlib.import_module(f"tokenauction.proofs.library.{module.name}"))
        found |= {value.name for value in values.values() if isinstance(value, LibraryTheorem)}
    assert found == {theorem.name for theorem in LIBRARY}
    assert len(LIBRARY) == len({theorem.name for theorem in LIBRARY})


def test_only_the_kernel_makes_theorems() -> None:
    """No file of the library writes to what the kernel keeps, or reaches below its interface."""
    for path in Path(next(iter(paper.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("__wrapped__", "__closure__", "_record", "_Record"), path
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not any(alias.name.startswith("_") for alias in node.names), path


def test_lemmas_of_the_checker_name_theorems_of_the_library() -> None:
    names = {theorem.name for theorem in LIBRARY}
    assert [name for name, some in lemmas.THEOREMS.items() if not some] == [
        "rational-implies-bounds"
    ]
    for theorems in lemmas.THEOREMS.values():
        assert set(theorems) <= names


def false_claim() -> LibraryTheorem:
    x = z3.Real("x")

    @library_theorem(origin=Origin.OWN)
    def squares_are_positive() -> dict[str, Any]:
        """Every square is positive, which is false of zero."""
        return {"x² > 0": by_z3(x * x > 0)}

    return squares_are_positive


def test_a_failure_says_why() -> None:
    found = check(false_claim())
    assert (found.status, found.conclusions) == ("failed", {})
    assert "counter-model" in found.reason


def test_a_conclusion_that_is_no_theorem_fails() -> None:
    @library_theorem(origin=Origin.OWN)
    def made_up() -> dict[str, Any]:
        """Something that nobody proved, handed in as a conclusion."""
        return {"false": z3.BoolVal(False)}

    @library_theorem(origin=Origin.OWN)
    def empty() -> dict[str, Any]:
        """Nothing at all, handed in as a proof."""
        return {}

    assert check(made_up).status == "failed"
    assert check(empty).status == "failed"


def schema() -> Any:
    text = (
        files("tokenauction.proofs").joinpath("schemas", "theorems.schema.json").read_text("utf-8")
    )
    return json.loads(text)


def test_the_report_is_of_its_schema() -> None:
    results = [check(LIBRARY[0]), check(false_claim())]
    found = as_json(results)
    jsonschema.validate(found, schema())
    assert [one["status"] for one in found["theorems"]] == ["proved", "failed"]
    assert [one["origin"] for one in found["theorems"]] == ["textbook", "this project's"]
    [marks] = [schema()["properties"]["theorems"]["items"]["properties"]["origin"]["enum"]]
    assert marks == [str(origin) for origin in Origin]


# The command --------------------------------------------------------------------------------------


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_command("theorems", *arguments)


def test_a_line_a_theorem() -> None:
    done = command("gibbs", "linear-is-monotone")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("proved  gibbs")
    assert "KL(p ‖ q) ≥ 0" in lines[0]
    assert "assumes derivative, induction" in lines[0]
    assert "[textbook; Gibbs' inequality; " in lines[0]
    assert "[the paper's claim (as reconstructed); arXiv 2310.10826; " in lines[1]
    assert lines[-1].startswith("2 proved, 0 failed")


def test_json(tmp_path: Path) -> None:
    place = tmp_path / "theorems.json"
    done = command("sum-order", "--format", "json", "--output", str(place))
    assert (done.returncode, done.stdout) == (0, "")
    found = json.loads(place.read_text("utf-8"))
    jsonschema.validate(found, schema())
    entry = found["theorems"][0]
    assert (entry["name"], entry["status"]) == ("sum-order", "proved")
    assert entry["assumptions"] == ["induction"]


def test_an_unknown_name() -> None:
    done = command("gibs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean gibbs?" in done.stderr


def test_steps_and_export(tmp_path: Path) -> None:
    done = command("ln-rises", "--explain", "--export", str(tmp_path / "proofs"))
    assert done.returncode == 0
    assert "therefore, by" in done.stdout
    written = list((tmp_path / "proofs").glob("*.smt2"))
    assert written
    for place in written:
        solver = z3.Solver()
        solver.set("rlimit", 10_000_000)
        solver.add(z3.parse_smt2_file(str(place)))
        assert solver.check() == z3.unsat


def test_a_failure_ends_with_status_one() -> None:
    program = (
        "import test_theorems as t; from tokenauction.proofs.library import report; "
        "report.LIBRARY = (t.false_claim(),); "
        "from tokenauction.proofs.cli import main; main(['theorems'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == 1, done.stderr
    assert "failed  squares-are-positive" in done.stdout


def test_checking_is_the_same_twice() -> None:
    first: Checked = check(LIBRARY[0])
    assert check(LIBRARY[0]).conclusions == first.conclusions


def test_the_conclusions_alone_are_printed() -> None:
    done = command("gibbs", "--statement")
    assert done.returncode == 0
    assert "K(n) ≥ 0" in done.stdout
    assert "for n in Int; K, P, Q, p, q: Int → Real; ln: Real → Real" in done.stdout
    assert "Z3" not in done.stdout.partition(" says\n")[2].partition("\n\n")[0]
    said = r"basics/gibbs\.py:\d+; textbook; Gibbs' inequality\) says\n"
    assert re.search(said, done.stdout)
    explained = command("gibbs", "--explain").stdout
    assert re.search(said, explained)
    assert explained.index(" says\n") < explained.index("  since\n") < explained.index("  1. ")
