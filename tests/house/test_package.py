"""The package itself: its version, its names, and `python -m tokenauction`."""

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import UnionType

import pytest

import tokenauction
from tokenauction import mechanisms, proofs, theory

ROOT = Path(__file__).parents[2]


def ran(*arguments: str, folder: Path) -> str:
    """What Python prints in a folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=100,
        check=True,
    )
    assert not done.stderr
    return done.stdout


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert tokenauction.__version__ == version("tokenauction") == project["version"]
    texts = (path.read_text("utf-8") for path in (ROOT / "package").glob("*.py"))
    assert not any(project["version"] in text for text in texts)


def test_every_name_is_what_its_part_has() -> None:
    parts = {"theory": theory, "mechanisms": mechanisms, "proofs": proofs}
    for name in set(tokenauction.__all__) - {"__version__"}:
        found = getattr(tokenauction, name)
        of = [part for part in parts.values() if name in part.__all__]
        assert found is parts.get(name) or [getattr(part, name) for part in of] == [found], name
        assert name in dir(tokenauction)
    with pytest.raises(AttributeError, match="module 'tokenauction' has no attribute 'verfy'"):
        _ = tokenauction.verfy  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", proofs.__all__)
def test_every_name_of_the_checker_is_there(name: str) -> None:
    found = getattr(proofs, name)
    assert name == "Verdict" if isinstance(found, UnionType) else found.__name__ == name
    assert name in dir(proofs)


def test_the_package_is_cheap_to_import(tmp_path: Path) -> None:
    code = "import sys, tokenauction; print(*sys.modules)"
    loaded = ran("-c", code, folder=tmp_path).split()
    assert [one for one in loaded if one.startswith("tokenauction")] == ["tokenauction"]
    assert not {"click", "numpy", "dataclasses", "importlib.metadata", "inspect"} & set(loaded)


def test_the_parts_are_attributes_without_an_import_of_their_own(tmp_path: Path) -> None:
    code = "import tokenauction as t; print(t.proofs.verify(t.mechanisms.linear, 'neutral').status)"
    assert ran("-c", code, folder=tmp_path) == "proved\n"


@pytest.mark.parametrize("folder", [ROOT, ROOT.parent], ids=["in the checkout", "above it"])
def test_python_runs_the_package(folder: Path) -> None:
    assert ran("-m", "tokenauction", "--version", folder=folder) == (
        f"tokenauction, version {tokenauction.__version__}\n"
    )
    assert ran("-m", "tokenauction", "--help", folder=folder).startswith(
        "Usage: python -m tokenauction [OPTIONS] COMMAND"
    )


def test_a_folder_of_that_name_is_not_taken_for_the_package(tmp_path: Path) -> None:
    (tmp_path / "tokenauction").mkdir()
    (tmp_path / "tokenauction" / "notes.txt").write_text("a checkout is often called so")
    shown = ran("-m", "tokenauction", "rules", folder=tmp_path)
    assert shown.startswith("rule ")


def test_every_folder_of_the_package_is_installed() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {"tokenauction"}
    for part in ("theory", "mechanisms", "proofs"):
        for place in (ROOT / part).rglob("*"):
            if place.is_file() and place.parent.name != "__pycache__":
                folders.add(".".join(("tokenauction", *place.parent.relative_to(ROOT).parts)))
    assert set(setuptools["packages"]) == folders
