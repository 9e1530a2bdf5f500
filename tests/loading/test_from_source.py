"""Files of rules load in a fresh process, and bring their modules from source, in any thread."""

import importlib
import os
import py_compile
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from tokenauction.proofs.loading.files import CannotLoad, load_file
from tokenauction.proofs.loading.from_source import modules_from_source

ROOT = Path(__file__).parents[2]
RULES = str(ROOT / "examples" / "first_rules.py")


@pytest.fixture(autouse=True)
def _imports_are_left_as_they_were() -> Iterator[None]:
    finders, code = list(sys.meta_path), SourceFileLoader.get_code
    yield
    assert sys.meta_path == finders
    assert SourceFileLoader.get_code is code


def fresh(code: str, folder: Path) -> str:
    """What a process prints that does this and nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_older_bytecode(file: Path) -> None:
    """The file says new, and its bytecode old; Python cannot tell."""
    file.write_text("said = 'old'\n")
    times = file.stat()
    py_compile.compile(str(file))
    file.write_text("said = 'new'\n")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    "first", ["pass", "import sysconfig", "sysconfig.get_config_vars()", "sysconfig.get_paths()"]
)
def test_a_file_of_rules_is_the_first_thing_that_a_process_loads(
    first: str, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.py"
    text = Path(RULES).read_text("utf-8")
    rules.write_text(f"import sysconfig\n{first}\n{text}" if "." in first else f"{first}\n{text}")
    code = (
        "from tokenauction.proofs.loading.named import load_targets\n"
        "print(*[one.name for one in load_targets(['rules.py'])])"
    )
    assert "square_root_shares" in fresh(code, tmp_path)


def test_the_first_search_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text("import sys\nbefore = set(sys.modules)\nimport helper\n")
    (tmp_path / "helper.py").write_text("import sys\nnow = set(sys.modules)\n")
    code = (
        "from tokenauction.proofs.loading.files import load_file\n"
        "found = load_file('rules.py')\n"
        "print(*found.helper.now - found.before)"
    )
    assert fresh(code, tmp_path) == "helper\n"


def test_modules_of_every_kind_come_from_their_source(tmp_path: Path) -> None:
    for folder in ("whole", "spread"):
        (tmp_path / folder).mkdir()
    (tmp_path / "whole" / "__init__.py").touch()
    for name in ("beside", "whole/inner", "spread/part", "later", "threaded", "rules"):
        with_older_bytecode(tmp_path / f"{name}.py")
    (tmp_path / "rules.py").write_text(
        "import importlib, threading\n"
        "import beside, spread.part\n"
        "from whole import inner\n"
        "later = importlib.import_module('later')\n"
        "thread = threading.Thread(target=importlib.import_module, args=['threaded'])\n"
        "thread.start(); thread.join()\n"
        "import threaded\n"
        "said = [one.said for one in (beside, spread.part, inner, later, threaded)]\n"
    )
    assert load_file(str(tmp_path / "rules.py")).said == ["new"] * 5


def test_the_file_itself_comes_from_its_source(tmp_path: Path) -> None:
    with_older_bytecode(tmp_path / "rules.py")
    assert load_file(str(tmp_path / "rules.py")).said == "new"


def test_what_other_finders_find_comes_from_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere(MetaPathFinder):
        """As an editable install has one."""

        def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
            place = tmp_path / "elsewhere" / f"{name}.py"
            return spec_from_file_location(name, place) if place.exists() else None

    (tmp_path / "elsewhere").mkdir()
    with_older_bytecode(tmp_path / "elsewhere" / "found_elsewhere.py")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Elsewhere()])
    with modules_from_source():
        assert importlib.import_module("found_elsewhere").said == "new"
    del sys.modules["found_elsewhere"]
    monkeypatch.undo()


def test_the_standard_library_keeps_its_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with modules_from_source():
        spec = importlib.util.find_spec("colorsys")
    assert spec is not None
    assert type(spec.loader) is SourceFileLoader


def test_no_class_of_python_is_changed_meanwhile() -> None:
    before = dict(vars(SourceFileLoader))
    with modules_from_source():
        assert dict(vars(SourceFileLoader)) == before


def test_a_file_that_loads_another(tmp_path: Path) -> None:
    with_older_bytecode(tmp_path / "after.py")
    (tmp_path / "rules.py").write_text(
        "from tokenauction.proofs.loading.files import load_file\n"
        f"load_file({RULES!r})\nimport after\n"
    )
    assert load_file(str(tmp_path / "rules.py")).after.said == "new"


@pytest.mark.parametrize(
    "text",
    ["1 / 0\n", "import sys\nsys.exit()\n", "import no_such_module\n", "import helper\n"],
)
def test_a_file_that_fails_leaves_nothing_behind(text: str, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("raise KeyboardInterrupt\n")
    (tmp_path / "rules.py").write_text(text)
    with pytest.raises(CannotLoad):
        load_file(str(tmp_path / "rules.py"))


def test_a_file_that_changes_the_finders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finders = sys.meta_path
    monkeypatch.setattr(sys, "meta_path", list(finders))
    (tmp_path / "rules.py").write_text("import sys\nsys.meta_path = sys.meta_path[1:]\n")
    load_file(str(tmp_path / "rules.py"))
    assert sys.meta_path == finders
    monkeypatch.undo()


def test_threads_that_overlap() -> None:
    def one_of_many(number: int) -> None:
        with modules_from_source():
            importlib.util.find_spec(f"no_such_module_{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one_of_many, range(200)))
