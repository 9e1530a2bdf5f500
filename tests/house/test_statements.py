"""What documents and the headers of files say of the code is what the code does.

Lists are read out of the document and compared with the files; what a header says of imports, and
the numbers of a page, stand in tables here, next to what they are compared with.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from test_layers import FOLDERS, imported, loaded_by, modules_after, sources

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.faithfulness import compared_profiles, fingerprints, open_agreement
from tokenauction.proofs.core.judging import exact_numbers, exact_run
from tokenauction.proofs.core.proving import account, sequent
from tokenauction.proofs.core.runs import float_limits
from tokenauction.proofs.core.tracing import whole_numbers
from tokenauction.proofs.deciding import untraceable
from tokenauction.proofs.processes import child_process
from tokenauction.proofs.reports import brittleness
from tokenauction.proofs.searching import neighbourhood, numeric_attack

ROOT = Path(__file__).parents[2]
TRUST_MD, ARCHITECTURE_MD = "docs/trust.md", "ARCHITECTURE.md"
SOURCES = {
    str(path.relative_to(place.parent)): path
    for name in FOLDERS
    for place in [FOLDERS[name]]
    for path in sources(name)
}


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def table(text: str, head: str) -> list[list[str]]:
    """The rows below every head of a table that begins so."""
    found = re.findall(rf"^\| {re.escape(head)}.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)", text, re.M)
    return [
        [cell.strip() for cell in row.strip("|").split(" | ")]
        for rows in found
        for row in rows.splitlines()
    ]


def places(cell: str) -> list[str]:
    return re.findall(r"`([\w/]+(?:\.py|/))`", cell)


def files_in(listed: Iterable[str]) -> set[str]:
    """The source files that are listed, or in a folder that is."""
    return {
        name
        for name in SOURCES
        for place in listed
        if name == place or (place.endswith("/") and name.startswith(place))
    }


def header(name: str) -> str:
    return " ".join((ast.get_docstring(ast.parse(SOURCES[name].read_text("utf-8"))) or "").split())


def imports(name: str) -> set[str]:
    return set(imported(ast.parse(SOURCES[name].read_text("utf-8"))))


# Which files import which library ----------------------------------------------------------------

DEPENDENCIES = table(page(ARCHITECTURE_MD), "library | why | imported in")
MODULES = {"array-api-compat": "array_api_compat", "z3-solver": "z3", "python-flint": "flint"}


def libraries(cell: str) -> list[str]:
    return re.sub(r" \(extra .*\)", "", cell).split(", ")


@pytest.mark.parametrize("row", DEPENDENCIES, ids=lambda row: row[0])
def test_a_library_is_imported_where_architecture_md_says(row: list[str]) -> None:
    for library in libraries(row[0]):
        module = MODULES.get(library, library)
        found = {
            name for name in SOURCES if any(one.split(".")[0] == module for one in imports(name))
        }
        listed = places(row[2])
        assert found <= files_in(listed), f"{library} is imported elsewhere too"
        if len(libraries(row[0])) == 1:
            assert all(found & files_in([place]) for place in listed), library


def test_architecture_md_lists_the_libraries_of_pyproject_toml() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    required = {"": project["dependencies"], **project["optional-dependencies"]}
    del required["dev"]
    listed: dict[str, set[str]] = {}
    for row in DEPENDENCIES:
        [extra] = re.findall(r"\(extra `(\w+)`\)", row[0]) or [""]
        listed.setdefault(extra, set()).update(libraries(row[0]))
    assert listed == {
        extra: {re.split(r"[<>=~!;\[ ]", one)[0] for one in some}
        for extra, some in required.items()
    }


def test_cross_checks_are_not_imported_by_the_package() -> None:
    checks = "tokenauction.proofs.cross_checks"
    others = [file for file in SOURCES if not file.startswith("proofs/cross_checks/")]
    assert not [file for file in others if any(one.startswith(checks) for one in imports(file))]


# Which files are trusted -------------------------------------------------------------------------

TRUSTED = {name for name in SOURCES if name.startswith("proofs/core/")}
TRUST = page(TRUST_MD)


def test_the_tables_of_trust_md_are_the_trusted_core() -> None:
    rows = table(TRUST, "step | file | what it guarantees")
    listed = {place for row in rows for place in places(row[1])}
    rooms = {name for name in TRUSTED if name.endswith("/__init__.py")}
    assert files_in(listed) | rooms == TRUSTED


def test_a_header_says_trusted_core_at_its_beginning_or_nowhere() -> None:
    for name in SOURCES:
        assert header(name).startswith("TRUSTED CORE") == (name in TRUSTED), name
        assert ("TRUSTED CORE" in header(name)) == (name in TRUSTED), name


def test_trust_md_lists_what_trusted_files_import_beside_one_another() -> None:
    used = set()
    for name in TRUSTED:
        for one in imports(name):
            file = one.removeprefix("tokenauction.").replace(".", "/")
            used |= {f"{file}.py", f"{file}/__init__.py"} & set(SOURCES)
    used -= {"proofs/__init__.py", "proofs/results/__init__.py"}
    rows = table(TRUST, "file | what for | why it is not headed so")
    listed = [place for row in rows for place in places(row[0])]
    assert used - TRUSTED <= files_in(listed)
    assert all(files_in([place]) & used for place in listed)
    assert not TRUSTED & files_in(listed)


def test_the_header_of_the_kernel_lists_its_rules() -> None:
    tree = ast.parse(SOURCES["proofs/core/kernel/theorem.py"].read_text("utf-8"))
    rules = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any("_rule_of_inference" in ast.unparse(one) for one in node.decorator_list)
    }
    told = ast.get_docstring(tree) or ""
    assert set(re.findall(r"^    (\w+)  +\S", told, re.M)) == rules


# What headers say of imports ---------------------------------------------------------------------

SOLVERS = {"z3", "sympy", "flint"}
# The words of a header, and what is not loaded once the file is imported.
NOT_LOADED: dict[str, tuple[str, set[str]]] = {
    "mechanisms/__init__.py": ("rules alone need no NumPy", {"numpy"}),
    "mechanisms/experiments/canvas.py": (
        "Matplotlib is imported when a figure is drawn",
        {"matplotlib"},
    ),
    "mechanisms/models/backend.py": (
        "Importing this file imports neither",
        {"torch", "transformers"},
    ),
    "proofs/__init__.py": ("importing the command line does not import a solver", SOLVERS),
    "proofs/command_line/commands.py": ("Nothing here imports a solver", SOLVERS),
    "proofs/command_line/compare_command.py": ("Nothing here imports a solver", SOLVERS),
    "proofs/testing/__init__.py": ("nothing here imports a solver", SOLVERS),
    "proofs/testing/collection.py": ("loads no solver", SOLVERS),
    "proofs/testing/emitted.py": ("need no solver", SOLVERS),
}
EVERY_FILE = {"proofs/testing/__init__.py"}
# The same in other words: a test below holds each, that of models/ is test_layers.ALLOWED.
IN_OTHER_WORDS = {
    "mechanisms/models/__init__.py": "n-grams that need nothing but NumPy",
    "proofs/results/exit_status.py": "It imports nothing",
    "proofs/command_line/agent_options.py": "Nothing here imports an auction or a model",
    "proofs/testing/plugin.py": "nothing is imported here but pytest and the standard library",
    "proofs/results/tracebacks.py": "It imports nothing of ours",
}
OF_IMPORTS = re.compile(
    r"\b[Nn]othing (?:here |is )?import(?:s|ed)\b"
    r"|\b[Nn]othing but (?:the standard library|NumPy|pytest)\b"
    r"|\b(?:does not|do not|never) import\b"
    r"|\b[Ii]mport(?:s|ing this file imports) (?:nothing|neither|no|only)\b"
    r"|\bis imported when a\b"
    r"|\b(?:loads?|needs?) no (?:solver|NumPy|torch|Z3|SymPy)\b"
)


def test_every_header_that_speaks_of_imports_is_held_by_a_test() -> None:
    told = {name for name in SOURCES if OF_IMPORTS.search(header(name))}
    assert told == {*NOT_LOADED, *IN_OTHER_WORDS}


def module_of(name: str) -> str:
    return "tokenauction." + name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.mark.parametrize("name", NOT_LOADED)
def test_what_a_header_says_is_not_imported_is_not_loaded(name: str) -> None:
    words, absent = NOT_LOADED[name]
    assert words in header(name)
    also = [one for one in SOURCES if one.startswith(name.removesuffix("__init__.py"))]
    modules = map(module_of, also if name in EVERY_FILE else [name])
    loaded = loaded_by("\n".join(f"import {module}" for module in modules))
    assert not loaded & absent


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_the_header_still_says_so(name: str) -> None:
    assert IN_OTHER_WORDS[name] in header(name)


def foreign(code: str) -> set[str]:
    """What is loaded after some code that neither Python brings along nor the package."""
    return loaded_by(code) - loaded_by("") - set(sys.stdlib_module_names) - {"tokenauction"}


def test_the_process_of_the_command_starts_with_the_standard_library() -> None:
    assert not foreign("import tokenauction.proofs.cli")
    assert not imports("proofs/results/exit_status.py")


def test_the_plugin_imports_pytest_and_the_standard_library() -> None:
    loaded = foreign("import tokenauction.proofs.testing.plugin")
    assert loaded <= foreign("import pytest")


def test_options_of_agents_import_no_auction_and_no_model() -> None:
    loaded = modules_after("import tokenauction.proofs.command_line.agent_options")
    parts = ("tokenauction.mechanisms.auction", "tokenauction.mechanisms.models")
    assert not [module for module in loaded if module.startswith(parts)]


def test_tracebacks_import_nothing_of_ours() -> None:
    assert not [
        one for one in imports("proofs/results/tracebacks.py") if one.startswith("tokenauction")
    ]


# Files that are named ----------------------------------------------------------------------------

# The documents of which every file is one of ours; others have examples of users' files.
OF_OURS = ("README.md", ARCHITECTURE_MD, "CONTRIBUTING.md", TRUST_MD, "docs/theorems.md")
HEADERS = "the headers of files"
PATH = re.compile(r"\b(?:theory|mechanisms|proofs|tests|docs|benchmarks)/[\w./*-]*\w\.(?:py|md)\b")


@pytest.mark.parametrize("name", [*OF_OURS, HEADERS])
def test_the_files_that_are_named_exist(name: str) -> None:
    text = "\n".join(map(header, SOURCES)) if name == HEADERS else page(name)
    text = re.sub(r"\S+://\S+", "", text)
    for named in PATH.findall(text):
        assert (ROOT / named).exists(), named


def test_architecture_md_names_files_that_exist() -> None:
    names = {Path(name).name for name in SOURCES}
    for cells in re.findall(r"^\| (`.*?`.*?) \|", page(ARCHITECTURE_MD), re.M):
        for place in re.findall(r"`([\w/]+\.py)`", cells):
            assert Path(place).name in names, place


# Numbers -----------------------------------------------------------------------------------------

SECONDS_OF_A_QUERY = account.Account().rlimit / account._STEPS_A_SECOND
# What a page says in numbers, and whether the code has them.
NUMBERS: list[tuple[str, str, bool]] = [
    (TRUST_MD, "balls of 47 bits", exact_numbers.FLOAT_BITS == 47),
    (TRUST_MD, "at every number of agents and of tokens to 64", open_agreement.LARGEST == 64),
    (TRUST_MD, "beyond 64 agents or tokens", open_agreement.LARGEST == 64),
    (TRUST_MD, "(12 of them, and between them)", compared_profiles._MOST_NUMBERS == 12),
    (TRUST_MD, "At most six thresholds of a rule", compared_profiles._MOST_SWITCHES == 6),
    (TRUST_MD, "bids of 1e-9 and 1e9", [*map(float, compared_profiles.EXTREMES)] == [1e-9, 1e9]),
    (TRUST_MD, "fewer than a million", whole_numbers._LARGEST_COUNT >= 10**6),
    (TRUST_MD, "128 bits of SHA-256", len(terms._short("x" * 1000)) == 1 + 128 // 4),
    (TRUST_MD, "within 1e-9 of the largest result", exact_run._AGREEMENT == 1e-9),
    (TRUST_MD, "within 1e-9 of each other", exact_numbers._NEAR == 10**9),
    (
        TRUST_MD,
        "24 profiles around it, at changes of 1e-3, 1e-4 and 1e-6",
        [*map(float, neighbourhood.AROUND)] == [1e-3, 1e-4, 1e-6] and neighbourhood._EACH == 8,
    ),
    (TRUST_MD, "at least a fifth of its own", untraceable._SHARE_AROUND == 0.2),
    (TRUST_MD, "and of 1e-7 (a thousand times", numeric_attack.CLEAR_MARGIN == 1e-7),
    (TRUST_MD, "(a thousand times their precision", untraceable._COARSE == 1000),
    (TRUST_MD, "beyond 1e150 or below 1e-150", float_limits._FAR == 1e150),
    (TRUST_MD, "every constant from a million on is some thousand", float_limits._LARGE == 1e6),
    (TRUST_MD, "is some thousand instead", float_limits._LOWERED == 1000),
    (TRUST_MD, "a fingerprint has 64 bits", len(fingerprints.digest("x")) == 64 // 4),
    (TRUST_MD, "at most three agents and three tokens", formulas.LARGEST_FINGERPRINTED == 3),
    (TRUST_MD, "20 seconds at the default budget", SECONDS_OF_A_QUERY == 20),
    (TRUST_MD, "at the default budget, at least 2 ", account._LEAST_SECONDS == 2),
    (TRUST_MD, "by default ten budgets", child_process._BUDGETS_ON_THE_WALL == 10),
    (TRUST_MD, "costs that differ tenfold", brittleness._MOST_RATIO == 10),
    (
        TRUST_MD,
        "The tests run 300 programs",
        "campaign_of(300)" in page("tests/core/faithfulness/test_fuzzing.py"),
    ),
    (ARCHITECTURE_MD, "balls of 47 bits", exact_numbers.FLOAT_BITS == 47),
    (ARCHITECTURE_MD, "of agents and of tokens to 64", open_agreement.LARGEST == 64),
    (ARCHITECTURE_MD, "(at most 200)", sequent.MOST_CASES == 200),
]


@pytest.mark.parametrize(("name", "words", "holds"), NUMBERS, ids=lambda value: str(value))
def test_a_number_of_a_page_is_that_of_the_code(name: str, words: str, holds: bool) -> None:
    assert words in page(name)
    assert holds
