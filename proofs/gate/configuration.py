"""What a project requires of its rules: the table `[tool.tokenauction]` of its pyproject.toml.

Guarantee: a configuration that is read has nothing in it that is not understood; an error names the
key, as `tool.tokenauction.targets[1].scope`, and says what would be right.
"""

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tokenauction.mechanisms.plain_files import check_plain
from tokenauction.proofs.loading.targets import in_other_files
from tokenauction.theory.errors import TokenauctionError

if TYPE_CHECKING:
    from tokenauction.proofs.results.verdict import Scope

TABLE: Final = "tool.tokenauction"
FILE: Final = "pyproject.toml"


class BadConfiguration(TokenauctionError):
    """There is no configuration, or it cannot be used; the message names the key."""


@dataclass(frozen=True)
class Requirement:
    """What is required of one target: a rule, a mechanism, or every one of a file.

    `properties` have to be proved, `recorded` are decided and kept in the lock; None stands for the
    default properties of the target's kind. `sizes` are the most agents and tokens that a proof has
    to cover, None for all. `budget` is in seconds of an ordinary machine, `timeout` in seconds on
    the clock, `memory` in MiB.
    """

    target: str
    properties: tuple[str, ...] | None = None
    recorded: tuple[str, ...] = ()
    sizes: tuple[int, int] | None = None
    budget: float = 60.0
    timeout: float | None = None
    memory: int | None = None
    seed: int = 0
    unknown: Literal["fail", "warn"] = "fail"

    @property
    def scope(self) -> "Scope":
        """The numbers of agents and tokens that a proof has to cover."""
        from tokenauction.proofs.results.verdict import Scope

        if self.sizes is None:
            return Scope()
        return Scope.up_to(*self.sizes)


@dataclass(frozen=True)
class Configuration:
    """The targets of a project, where its packages are, and where its lock and its cache are."""

    root: Path
    requirements: tuple[Requirement, ...]
    pythonpath: tuple[str, ...] = ()
    lock: Path = field(default=Path("tokenauction.lock"))
    cache: Path = field(default=Path(".tokenauction-cache"))

    @property
    def file(self) -> Path:
        """The file that it was read from."""
        return self.root / FILE


def find(folder: Path) -> Path:
    """The nearest pyproject.toml with our table, in a folder or above it; raises BadConfiguration.

    Where none has the table, the error says what to write.
    """
    for place in (folder, *folder.parents):
        candidate = place / FILE
        if candidate.is_file() and TABLE.partition(".")[2] in _parsed(candidate).get("tool", {}):
            return candidate
    raise BadConfiguration(
        f"no {FILE} in {folder} or above it has a table [{TABLE}]; write one, as\n"
        f'  [{TABLE}]\n  targets = ["rules.py"]'
    )


def read(file: Path) -> Configuration:
    """The configuration in a pyproject.toml; raises BadConfiguration."""
    table = _parsed(file).get("tool", {}).get("tokenauction")
    if not isinstance(table, dict):
        raise BadConfiguration(f"{file} has no table [{TABLE}]")
    return _configuration(file.parent, table)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        check_plain(file)
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise BadConfiguration(f"{file}: {problem}") from None
    except OSError as problem:
        raise BadConfiguration(f"{file}: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise BadConfiguration(f"{file}: {problem}") from None


def _configuration(root: Path, table: Mapping[str, Any]) -> Configuration:
    own = {"targets", "pythonpath", "lock", "cache"}
    _check_keys(table, {*own, *_READERS}, TABLE)
    targets = table.get("targets")
    if not isinstance(targets, list) or not targets:
        raise BadConfiguration(
            f'{TABLE}.targets: name the rules to check, as targets = ["rules.py", "second-price"]'
        )
    shared = _values({k: v for k, v in table.items() if k not in own}, TABLE)
    requirements = tuple(
        _requirement(target, shared, f"{TABLE}.targets[{number}]")
        for number, target in enumerate(targets)
    )
    twice = {r.target for r in requirements if sum(r.target == o.target for o in requirements) > 1}
    if twice:
        raise BadConfiguration(f"{TABLE}.targets: {min(twice)} is there twice")
    places = {
        key: Path(_text(table[key], f"{TABLE}.{key}")) for key in ("lock", "cache") if key in table
    }
    pythonpath = _names(table.get("pythonpath", []), f"{TABLE}.pythonpath")
    return Configuration(root, requirements, pythonpath, **places)


def _requirement(target: Any, shared: Mapping[str, Any], key: str) -> Requirement:
    if isinstance(target, str):
        return Requirement(_name(target, key), **shared)
    if not isinstance(target, dict):
        raise BadConfiguration(f"{key}: expected a name or a table, not {_shown(target)}")
    _check_keys(target, {"target", *_READERS}, key)
    if "target" not in target:
        raise BadConfiguration(f"{key}.target: missing; name a rule, as target = 'rules.py::mine'")
    name = _name(target["target"], f"{key}.target")
    own = _values({k: v for k, v in target.items() if k != "target"}, key)
    return Requirement(name, **{**shared, **own})


def _values(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The fields of a requirement that a table sets."""
    found = {key: _READERS[key](value, f"{place}.{key}") for key, value in table.items()}
    if "scope" in found:
        found["sizes"] = found.pop("scope")
    return found


def _check_keys(table: Mapping[str, Any], known: set[str], place: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, sorted(known), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            listed = ", ".join(sorted(known))
            raise BadConfiguration(f"{place}.{key}: unknown key{hint} (there is: {listed})")


def _name(value: Any, key: str) -> str:
    return in_other_files(_text(value, key), lambda path: Path(path).as_posix())


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadConfiguration(f"{key}: expected a text that is not empty, not {_shown(value)}")
    return value.strip()


def _names(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        example = "src" if key.endswith("pythonpath") else "monotone"
        raise BadConfiguration(f'{key}: expected a list of names, as ["{example}"]')
    return tuple(dict.fromkeys(_text(one, f"{key}[{n}]") for n, one in enumerate(value)))


def _number(least: float, most: float) -> Callable[[Any, str], float]:
    def read(value: Any, key: str) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not least <= value <= most:
            raise BadConfiguration(
                f"{key}: expected a number from {least:g} to {most:g}, not {_shown(value)}"
            )
        return float(value)

    return read


def _whole(least: int, most: int) -> Callable[[Any, str], int]:
    def read(value: Any, key: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BadConfiguration(
                f"{key}: expected a whole number from {least} to {most}, not {_shown(value)}"
            )
        return value

    return read


def _sizes(value: Any, key: str) -> tuple[int, int] | None:
    if value == "all":
        return None
    if not isinstance(value, dict):
        raise BadConfiguration(
            f'{key}: expected "all" or sizes as {{agents = 3, tokens = 3}}, not {_shown(value)}'
        )
    _check_keys(value, {"agents", "tokens"}, key)
    for name in ("agents", "tokens"):
        if name not in value:
            raise BadConfiguration(f"{key}.{name}: missing; sizes are {{agents = 3, tokens = 3}}")
    agents, tokens = (_whole(1, 50)(value[n], f"{key}.{n}") for n in ("agents", "tokens"))
    return agents, tokens


def _unknown(value: Any, key: str) -> str:
    if value not in ("fail", "warn"):
        raise BadConfiguration(f'{key}: expected "fail" or "warn", not {_shown(value)}')
    return str(value)


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


_READERS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "properties": _names,
    "recorded": _names,
    "scope": _sizes,
    "budget": _number(0.5, 86400),
    "timeout": _number(0.5, 864000),
    "memory": _whole(256, 1024 * 1024),
    "seed": _whole(0, 2**31 - 1),
    "unknown": _unknown,
}
