"""Guards the layers: what may import what, and what listing rules must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rooms

import tokenauction.mechanisms
import tokenauction.proofs
import tokenauction.theory
from tokenauction.proofs.command_line import commands
from tokenauction.proofs.command_line.later import Later

FOLDERS = {
    name: Path(module.__path__[0])
    for name, module in (
        ("theory", tokenauction.theory),
        ("mechanisms", tokenauction.mechanisms),
        ("proofs", tokenauction.proofs),
    )
}
PROOFS = "tokenauction.proofs."
FORBIDDEN = {
    "theory": ("tokenauction.mechanisms", "tokenauction.proofs"),
    "mechanisms": ("tokenauction.proofs",),
    "proofs": ("tests", "pytest", "hypothesis", "tokenauction.proofs.testing"),
}
# What is there for test suites imports what those import, and the worker emits tests.
EXCEPTIONS = {
    "proofs/testing": ("pytest", "hypothesis", "tokenauction.proofs.testing"),
    "proofs/worker/__main__": ("tokenauction.proofs.testing.emitted",),
}
HEAVY = {"z3", "sympy", "flint", "torch", "click", "rich", "scipy", "array_api_strict"}


def sources(folder: str) -> list[Path]:
    """The Python files of a layer."""
    found = sorted(FOLDERS[folder].rglob("*.py"))
    assert found
    return found


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; relative imports are not used here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_layer_imports_only_what_is_below(folder: str) -> None:
    for path in sources(folder):
        place = path.relative_to(FOLDERS[folder].parent)
        names = set(imported(ast.parse(path.read_text("utf-8"))))
        allowed = EXCEPTIONS.get(str(place.with_suffix(""))) or EXCEPTIONS.get(
            str(place.parent), ()
        )
        assert "tokenauction" not in names, f"{path} imports the package that it is a part of"
        wrong = [name for name in names if name.startswith(FORBIDDEN[folder])]
        wrong = [name for name in wrong if not name.startswith(allowed)]
        assert not wrong, f"{path} imports {wrong}"


def arrows() -> Iterator[tuple[str, str]]:
    """Every import inside `proofs/`, also in functions and for types: importer and imported."""
    known = {module_of(path) for path in sources("proofs")}
    for path in sources("proofs"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(PROOFS):
                package = f"{node.module}.".removeprefix(PROOFS)
                names = {f"{package}{alias.name}" for alias in node.names}
                found = {name if name in known else package[:-1] for name in names}
                yield from ((module_of(path), one) for one in found & known)


def module_of(path: Path) -> str:
    """The module of a file, below `tokenauction.proofs`."""
    parts = path.relative_to(FOLDERS["proofs"]).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def test_every_folder_of_proofs_is_a_room() -> None:
    doors = {path.parent.name for path in FOLDERS["proofs"].glob("*/*.py")}
    assert doors == set(rooms.DOORS)
    assert {path.parent.name for path in FOLDERS["proofs"].glob("core/*/*.py")} == set(rooms.CORE)
    assert {path.stem for path in FOLDERS["proofs"].glob("*.py")} == set(rooms.FACES)


def test_rooms_import_what_is_below_them() -> None:
    wrong = []
    for importer, imported_one in arrows():
        above, below = rooms.rank(importer), rooms.rank(imported_one)
        if above is not None and (below is None or below > above):
            wrong.append(f"{importer} -> {imported_one}")
    assert not wrong


def test_what_is_trusted_rests_on_what_is_trusted() -> None:
    doors = {
        imported_one.partition(".")[0]
        for importer, imported_one in arrows()
        if importer.startswith("core.")
    }
    assert doors == {"core", "results"}


def test_no_files_import_one_another_in_a_circle() -> None:
    below: dict[str, set[str]] = {}
    for importer, found in arrows():
        below.setdefault(importer, set()).add(found)
    left = dict(below)
    while True:  # what imports nothing that is left is in no circle
        free = {one for one, some in left.items() if not some & set(left)}
        if not free:
            break
        left = {one: some for one, some in left.items() if one not in free}
    assert not left


def test_files_and_classes_have_a_size_that_can_be_read() -> None:
    for folder in FOLDERS:
        for path in sources(folder):
            text = path.read_text("utf-8")
            assert len(text.splitlines()) <= 410, path
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ClassDef):
                    assert (node.end_lineno or 0) - node.lineno <= 250, f"{path}: {node.name}"


def test_a_proof_is_made_in_one_place() -> None:
    places = {
        module_of(path)
        for path in sources("proofs")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Proved"
    }
    assert places == {"core.proving.certificates"}


# What a file may import beyond the standard library and the array API, by where it is.
# On every Python that is supported; `annotationlib` came with 3.14.
STANDARD = {*sys.stdlib_module_names, "annotationlib"}

ALLOWED = {
    "theory": set(),
    "mechanisms": set(),
    "mechanisms/auction": {"numpy"},
    "mechanisms/models": {"numpy"},
    "mechanisms/experiments": {"numpy"},
    "mechanisms/corpora": set(),
    "mechanisms/models/backend": {"torch", "transformers"},
    "mechanisms/models/pretrained": {"torch", "transformers"},
    "mechanisms/models/causal_models": {"torch", "transformers"},
    "mechanisms/experiments/canvas": {"numpy", "matplotlib"},
}


@pytest.mark.parametrize("folder", ["theory", "mechanisms"])
def test_what_runs_needs_little(folder: str) -> None:
    base = {"tokenauction", "array_api_compat"}
    for path in sources(folder):
        place = path.relative_to(FOLDERS[folder].parent)
        roots = {name.partition(".")[0] for name in imported(ast.parse(path.read_text("utf-8")))}
        allowed = ALLOWED.get(str(place.with_suffix("")), ALLOWED[str(place.parent)])
        assert roots - STANDARD <= base | allowed, path


def modules_after(code: str) -> set[str]:
    """The modules that are loaded after running some code in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('LOADED', *sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    last = next(line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return set(last.split()[1:])


def loaded_by(code: str) -> set[str]:
    """The packages of these modules."""
    return {name.partition(".")[0] for name in modules_after(code)}


def test_the_auction_is_where_the_rules_are() -> None:
    loaded = loaded_by("from tokenauction.mechanisms import TokenAuction; print(TokenAuction)")
    assert "numpy" in loaded
    with pytest.raises(ImportError, match="TokenAuctions"):
        exec("from tokenauction.mechanisms import TokenAuctions")


@pytest.mark.parametrize(
    "package",
    ["tokenauction.mechanisms.auction", "tokenauction.mechanisms.models.causal_models"],
)
def test_the_runtime_loads_no_solver_and_no_torch(package: str) -> None:
    assert not loaded_by(f"import {package}") & HEAVY


@pytest.mark.parametrize("package", ["tokenauction.theory", "tokenauction.mechanisms"])
def test_importing_rules_loads_no_solver_and_no_terminal(package: str) -> None:
    assert not loaded_by(f"import {package}") & HEAVY


@pytest.mark.parametrize("module", ["emitted", "instances", "plugin"])
def test_regression_tests_need_no_solver(module: str) -> None:
    loaded = loaded_by(f"import tokenauction.proofs.testing.{module}")
    assert not loaded & {*HEAVY, "hypothesis"}
    assert module == "plugin" or "pytest" not in loaded


SLOW = {"z3", "sympy", "flint", "numpy", "scipy", "torch", "transformers", "matplotlib"}
COMMANDS = sorted(commands.main.commands)


@pytest.mark.parametrize(
    "arguments",
    [
        *(["rules"], ["properties"], ["completion", "bash"]),
        *(["--help"], ["--version"]),
        *([name, "--help"] for name in COMMANDS),
    ],
    ids=" ".join,
)
def test_listing_loads_no_solver_and_no_arrays(arguments: list[str]) -> None:
    loaded = loaded_by(f"from tokenauction.proofs.cli import main\n{called(arguments)}")
    assert not loaded & SLOW
    assert "click" in loaded
    assert arguments != ["--help"] or not loaded & {"rich", "concurrent", "xml"}


def called(arguments: list[str]) -> str:
    """Code that runs a command in its process, and goes on."""
    return f"main({arguments!r}, standalone_mode=False)"


@pytest.mark.parametrize("later", commands.LATER, ids=lambda later: str(later.name))
def test_a_command_that_is_loaded_later_is_listed_as_it_is(later: Later) -> None:
    command = later.loaded()
    assert command.name == later.name
    for width in range(10, 120):
        assert command.get_short_help_str(width) == later.get_short_help_str(width)


def trusted() -> list[Path]:
    """The files that a verdict rests on."""
    return [path for path in sources("proofs") if module_of(path).partition(".")[0] == "core"]


def soundness_asserts(path: Path) -> list[int]:
    """The lines of asserts other than `isinstance(...)` and `... is not None`, which help types."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Assert):
            continue
        test = node.test
        narrows = (
            isinstance(test, ast.Call)
            and isinstance(test.func, ast.Name)
            and test.func.id == "isinstance"
        ) or (
            isinstance(test, ast.Compare)
            and len(test.ops) == 1
            and isinstance(test.ops[0], ast.IsNot)
            and isinstance(test.comparators[0], ast.Constant)
            and test.comparators[0].value is None
        )
        if not narrows:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", trusted(), ids=lambda path: path.name)
def test_the_trusted_core_does_not_rest_on_asserts(path: Path) -> None:
    assert not soundness_asserts(path), "python -O would remove what the proof rests on"


def test_every_file_says_what_it_is_for() -> None:
    for folder in FOLDERS:
        for path in sources(folder):
            text = path.read_text("utf-8")
            assert not text.strip() or ast.get_docstring(ast.parse(text)), path
