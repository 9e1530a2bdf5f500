"""From what the user names to rules, mechanisms and properties: built-ins, files, names in files.

Loading a file runs it, as importing does; the command line does so in a child process.
"""

import difflib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Mapping
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from tokenauction.mechanisms import (
    CATALOGUE,
    MECHANISMS,
    PAYMENTS,
    AggregationRule,
    Mechanism,
    PaymentRule,
    ProfileFunction,
)
from tokenauction.proofs.from_source import load_from_source, modules_from_source
from tokenauction.proofs.tracebacks import line_in
from tokenauction.theory import (
    DEFAULT_MECHANISM_PROPERTIES,
    DEFAULT_PROPERTIES,
    ORDERS,
    PROPERTIES,
    PreferenceOrder,
    RuleProperty,
    monotone_in,
)

_SHIPPED_RULES = str(Path(__file__).parent.parent / "mechanisms") + os.sep

Target = AggregationRule | Mechanism
Part = TypeVar("Part", bound=ProfileFunction)


class CannotLoad(Exception):
    """What the user named does not exist, or its file does not load; the message says which."""


def load_targets(targets: Iterable[str]) -> list[Target]:
    """The rules and mechanisms that the targets name.

    `linear`, `cap(highest=2)`, `second-price`, `linear+pay-your-bid`, `file.py`, `file.py::name`,
    `file.py::rule+payment`. Raises CannotLoad.

    >>> [one.label for one in load_targets(["log-linear", "cap(highest=2)", "pay-your-bid"])]
    ['log_linear', 'cap(highest=2)', 'linear+pay_your_bid']
    """
    return [found for target in targets for found in _named(target)]


def load_named(target: str) -> list[tuple[str, Target]]:
    """The rules and mechanisms of one target, each with the target that names it alone.

    >>> [name for name, _ in load_named("second-price")]
    ['second-price']
    """
    found = _named(target)
    path, _, attribute = target.partition("::")
    if not path.endswith(".py") or attribute:
        return [(target.strip(), one) for one in found]
    names = {id(value): name for name, value in reversed(vars(load_file(path)).items())}
    return [(f"{path}::{names[id(one)]}", one) for one in found]


def claims_of(targets: Iterable[Target], names: Iterable[str]) -> list[tuple[Target, RuleProperty]]:
    """What is to be decided: every property that is asked for, of every target that can have it.

    Where none is asked for, the defaults. Raises CannotLoad for a property that no target can have.
    """
    asked = list(dict.fromkeys(load_property(name) for name in names))
    targets = list(targets)
    found: list[tuple[Target, RuleProperty]] = []
    for target in targets:
        pays = isinstance(target, Mechanism)
        defaults = DEFAULT_MECHANISM_PROPERTIES if pays else DEFAULT_PROPERTIES
        wanted = asked or [PROPERTIES[name] for name in defaults]
        found += [(target, prop) for prop in wanted if pays or not prop.of_mechanisms]
    for prop in asked:
        if prop.of_mechanisms and not any(prop == one for _, one in found):
            raise CannotLoad(
                f"{prop.name} is a property of mechanisms, and {targets[0].label} is a rule "
                f"without payments: name a mechanism, as {targets[0].name}+pay-your-bid or "
                "Mechanism(rule, payment) in a file"
            )
    return found


def load_property(name: str) -> RuleProperty:
    """A built-in property, or `file.py::name`: a property, or an order to be monotone in.

    >>> load_property("monotone").name
    'monotone'
    """
    if "::" not in name:
        if name.endswith(".py"):
            raise CannotLoad(f"{name}: name one property or order of the file, as {name}::NAME")
        known = name.replace("_", "-")
        if known not in PROPERTIES:
            raise CannotLoad(_unknown("property", name, PROPERTIES))
        return PROPERTIES[known]
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


def _named(target: str) -> list[Target]:
    if target.endswith(".py") or "::" in target:
        return _in_file(target)
    name = target.strip().replace("_", "-")
    if name in MECHANISMS:
        return [MECHANISMS[name]]
    rule, plus, payment = target.partition("+")
    found = cast(AggregationRule, _shipped("rule", rule, CATALOGUE))
    if not plus:
        return [found]
    return [Mechanism(found, cast(PaymentRule, _shipped("payment rule", payment, PAYMENTS)))]


def _shipped(what: str, target: str, shipped: Mapping[str, ProfileFunction]) -> ProfileFunction:
    """A shipped rule, with parameters perhaps."""
    match = re.fullmatch(r"([\w-]+)(?:\((.*)\))?", target.strip())
    name = match.group(1).replace("_", "-") if match else target
    if match is None or name not in shipped:
        if target.strip() and Path(target).exists():
            raise CannotLoad(f"{target} is not a Python file: a file of rules ends in .py")
        if "/" in target or ".py:" in target:
            raise CannotLoad(f"{target}: a rule of a file is named path.py::name")
        known = [*shipped, *MECHANISMS] if what == "rule" else list(shipped)
        raise CannotLoad(_unknown(what, target, known))
    if not match.group(2):
        return shipped[name]
    try:
        return shipped[name].with_parameters(**_parameters(match.group(2)))
    except (TypeError, ValueError, ZeroDivisionError) as problem:
        raise CannotLoad(f"{target}: {problem}") from None


def _parameters(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"write parameters as name=number, not {part.strip()!r}")
        if re.search(r"e[+-]?[\d_]{4}", value, re.IGNORECASE):
            raise ValueError(f"{value.strip()} has too large an exponent for a parameter")
        exact = Fraction(value.strip())
        values[name.strip()] = int(exact) if exact.denominator == 1 else float(exact)
    return values


def _in_file(target: str) -> list[Target]:
    path, _, attribute = target.partition("::")
    module = load_file(path)
    if "+" in attribute:
        name, _, paid = attribute.partition("+")
        rule = _attribute_of(AggregationRule, module, path, name)
        shipped_payment = PAYMENTS.get(paid.replace("_", "-"))
        if shipped_payment is not None and not hasattr(module, paid):
            return [Mechanism(rule, shipped_payment)]
        return [Mechanism(rule, _attribute_of(PaymentRule, module, path, paid))]
    if attribute:
        found = _attribute(module, path, attribute)
        if isinstance(found, AggregationRule | Mechanism):
            return [found]
        if isinstance(found, PaymentRule):
            raise CannotLoad(_alone(path, found))
        raise CannotLoad(
            f"{path}: {attribute} is neither an aggregation rule nor a mechanism; decorate a rule "
            "with @aggregation_rule, or make a Mechanism(rule, payment)"
        )
    shipped = {id(one) for table in (CATALOGUE, PAYMENTS, MECHANISMS) for one in table.values()}
    rules = _own_members(module, (AggregationRule,), shipped)
    mechanisms = _own_members(module, (Mechanism,), shipped)
    charged = {id(mechanism.payment.function) for mechanism in mechanisms}
    for payment in _own_members(module, (PaymentRule,), shipped):
        if id(payment.function) not in charged and not mechanisms:
            raise CannotLoad(_alone(path, payment))
    if not rules and not mechanisms:
        raise CannotLoad(
            f"{path} has no aggregation rule; decorate a function (bids, dists) -> dist with "
            "@aggregation_rule from tokenauction.mechanisms"
        )
    return [*rules, *mechanisms]


def _alone(path: str, payment: PaymentRule) -> str:
    return (
        f"{path}: {payment.name} is a payment rule, and belongs to a rule: write "
        f"Mechanism(rule, {payment.name}) in the file, or name {path}::RULE+{payment.name}"
    )


def _attribute_of(kind: type[Part], module: ModuleType, path: str, name: str) -> Part:
    found = _attribute(module, path, name)
    if not isinstance(found, kind):
        raise CannotLoad(f"{path}: {name} is not {kind.kind}")
    return found


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
    return isinstance(value, ProfileFunction | Mechanism | RuleProperty | PreferenceOrder)


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
    package = _package_of(resolved)
    bases = list(dict.fromkeys([resolved.parents[len(package)], resolved.parent]))
    # A name of its own: files of one name in two folders are two modules.
    own = f"_tokenauction_{resolved.stem}_{sha256(os.fsencode(resolved)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(".".join([*package, own]), resolved)
    if spec is None or spec.loader is None:
        raise CannotLoad(f"{path} is not a Python file")
    load_from_source(spec)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    others, paths, here = set(sys.modules), list(sys.path), os.getcwd()
    sys.path[:0] = [str(base) for base in bases]
    try:
        with modules_from_source():
            spec.loader.exec_module(module)
    except SyntaxError as problem:
        line = f":{problem.lineno}" if problem.lineno else ""
        raise CannotLoad(f"{path}{line}: SyntaxError: {problem.msg}") from None
    except UnicodeDecodeError as problem:
        raise CannotLoad(f"{path}: not a UTF-8 text file ({problem.reason})") from None
    except MemoryError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as problem:
        number = line_in(str(resolved), problem)
        line = f":{number}" if number else ""
        text = " ".join(str(problem).split())
        raise CannotLoad(f"{path}{line}: {type(problem).__name__}: {text}") from None
    finally:
        own_paths = [Path(path).resolve() for path in sys.path if path and path not in paths]
        sys.path[:] = paths
        os.chdir(here)
        _forget_siblings(set(sys.modules) - others, own_paths)
    return module


def _package_of(file: Path) -> list[str]:
    """The packages that a file lies in, outermost first; none without an `__init__.py`."""
    names: list[str] = []
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    return names


def _forget_siblings(names: Iterable[str], folders: Iterable[Path]) -> None:
    """Forget the modules that a file imported from its own folder, its package, or own paths.

    Another file may find modules of the same names elsewhere; it would be given these, and what is
    said of its rules would be about functions that they do not use.
    """
    outermost = {name: sys.modules.get(name.partition(".")[0]) for name in names}
    for name, module in outermost.items():
        if any(_lies_in(folder, module) for folder in folders):
            del sys.modules[name]


def _lies_in(folder: Path, module: ModuleType | None) -> bool:
    """Whether a module is a file of a folder, or a package in it."""
    if module is None:
        return False
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    beside = {folder / f"{module.__name__}.py", folder / module.__name__}
    return any(place and Path(place).resolve() in beside for place in places)


def _unknown(what: str, name: str, known: Mapping[str, Any] | list[str], place: str = "") -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    listed = ", ".join(known) or "nothing"
    return f"{place}unknown {what} {name!r}{hint} (there is: {listed})"
