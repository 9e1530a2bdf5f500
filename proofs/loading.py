"""From what the user names to rules and properties: built-ins, files, names in files.

Loading a file runs it, as importing does; the command line does so in a child process.
"""

import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

from tokenauction.mechanisms import CATALOGUE, AggregationRule
from tokenauction.proofs.trace import line_in
from tokenauction.theory import (
    ORDERS,
    PROPERTIES,
    PreferenceOrder,
    RuleProperty,
    monotone_in,
)

_SHIPPED_RULES = str(Path(__file__).parent.parent / "mechanisms") + os.sep


class CannotLoad(Exception):
    """What the user named does not exist, or its file does not load; the message says which."""


def load_rules(targets: Iterable[str]) -> list[AggregationRule]:
    """The rules that the targets name: `linear`, `cap(highest=2)`, `file.py`, `file.py::name`.

    >>> [rule.label for rule in load_rules(["log-linear", "cap(highest=2)"])]
    ['log_linear', 'cap(highest=2)']
    """
    return [rule for target in targets for rule in _rules_of(target)]


def load_property(name: str) -> RuleProperty:
    """A built-in property, or `file.py::name`: a property, or an order to be monotone in.

    >>> load_property("monotone").name
    'monotone'
    """
    if "::" not in name:
        if name.endswith(".py"):
            raise CannotLoad(f"{name}: name one property or order of the file, as {name}::NAME")
        if name not in PROPERTIES:
            raise CannotLoad(_unknown("property", name, PROPERTIES))
        return PROPERTIES[name]
    path, _, attribute = name.rpartition("::")
    found = _attribute(load_file(path), path, attribute)
    if isinstance(found, PreferenceOrder):
        return monotone_in(found)
    if isinstance(found, RuleProperty):
        return found
    raise CannotLoad(
        f"{path}: {attribute} is neither a property nor an order; decorate it with "
        "@rule_property or @preference_order from tokenauction.theory"
    )


def properties_in(path: str) -> list[RuleProperty]:
    """Every property of a file, and monotonicity in every order of it."""
    members = _own_members(
        load_file(path),
        (PreferenceOrder, RuleProperty),
        {*map(id, ORDERS.values()), *map(id, PROPERTIES.values())},
    )
    return [monotone_in(one) if isinstance(one, PreferenceOrder) else one for one in members]


def _rules_of(target: str) -> list[AggregationRule]:
    if target.endswith(".py") or "::" in target:
        return _rules_of_file(target)
    match = re.fullmatch(r"([\w-]+)(?:\((.*)\))?", target.strip())
    name = match.group(1).replace("_", "-") if match else target
    if match is None or name not in CATALOGUE:
        if Path(target).exists():
            raise CannotLoad(f"{target} is not a Python file: a file of rules ends in .py")
        raise CannotLoad(_unknown("rule", target, CATALOGUE))
    rule = CATALOGUE[name]
    if not match.group(2):
        return [rule]
    try:
        return [rule.with_parameters(**_parameters(match.group(2)))]
    except (TypeError, ValueError, ZeroDivisionError) as problem:
        raise CannotLoad(f"{target}: {problem}") from None


def _parameters(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"write parameters as name=number, not {part.strip()!r}")
        exact = Fraction(value.strip())
        values[name.strip()] = int(exact) if exact.denominator == 1 else float(exact)
    return values


def _rules_of_file(target: str) -> list[AggregationRule]:
    path, _, attribute = target.partition("::")
    module = load_file(path)
    if attribute:
        found = _attribute(module, path, attribute)
        if not isinstance(found, AggregationRule):
            raise CannotLoad(
                f"{path}: {attribute} is not an aggregation rule; decorate it with "
                "@aggregation_rule from tokenauction.mechanisms"
            )
        return [found]
    rules = _own_members(module, (AggregationRule,), set(map(id, CATALOGUE.values())))
    if not rules:
        raise CannotLoad(
            f"{path} has no aggregation rule; decorate a function (bids, dists) -> dist with "
            "@aggregation_rule from tokenauction.mechanisms"
        )
    return rules


def _own_members(module: ModuleType, kinds: tuple[type, ...], shipped: set[int]) -> list[Any]:
    """The values of some kinds that a file defines, once each, without what it imports."""
    found: dict[int, Any] = {}
    for value in vars(module).values():
        if isinstance(value, kinds) and id(value) not in shipped:
            origin = str(getattr(value, "file", ""))
            if origin == module.__file__ or origin.startswith(_SHIPPED_RULES) or not origin:
                found[id(value)] = value
    return list(found.values())


def _attribute(module: ModuleType, path: str, attribute: str) -> Any:
    if not hasattr(module, attribute):
        known = [name for name, value in vars(module).items() if _can_be_named(value)]
        raise CannotLoad(_unknown("name", attribute, known, f"{path}: "))
    return getattr(module, attribute)


def _can_be_named(value: Any) -> bool:
    return isinstance(value, AggregationRule | RuleProperty | PreferenceOrder)


_LOADED: dict[Path, ModuleType] = {}


def load_file(path: str) -> ModuleType:
    """Run a Python file, once; raises CannotLoad with the line that failed."""
    place = Path(path)
    if not place.is_file():
        raise CannotLoad(f"{path}: there is no such file")
    resolved = place.resolve()
    if resolved not in _LOADED:
        _LOADED[resolved] = _run_file(resolved, path)
    return _LOADED[resolved]


def _run_file(resolved: Path, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_tokenauction_{resolved.stem}", resolved)
    if spec is None or spec.loader is None:
        raise CannotLoad(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(resolved.parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as problem:
        line = f":{problem.lineno}" if problem.lineno else ""
        raise CannotLoad(f"{path}{line}: SyntaxError: {problem.msg}") from None
    except UnicodeDecodeError as problem:
        raise CannotLoad(f"{path}: not a UTF-8 text file ({problem.reason})") from None
    except (Exception, SystemExit, KeyboardInterrupt) as problem:
        number = line_in(str(resolved), problem)
        line = f":{number}" if number else ""
        text = " ".join(str(problem).split())
        raise CannotLoad(f"{path}{line}: {type(problem).__name__}: {text}") from None
    finally:
        sys.path.remove(str(resolved.parent))
    return module


def _unknown(what: str, name: str, known: Mapping[str, Any] | list[str], place: str = "") -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    listed = ", ".join(known) or "nothing"
    return f"{place}unknown {what} {name!r}{hint} (there is: {listed})"
