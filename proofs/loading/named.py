"""From what the user names to rules, mechanisms and properties: built-ins, files, names in files.

Loading a file runs it, as importing does; the command line does so in a child process.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
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
from tokenauction.proofs.loading.files import CannotLoad, load_file
from tokenauction.proofs.loading.targets import FILE, Part, part_of, split
from tokenauction.proofs.results.near import near_to
from tokenauction.theory import (
    DEFAULT_MECHANISM_PROPERTIES,
    DEFAULT_PROPERTIES,
    ORDERS,
    PROPERTIES,
    PreferenceOrder,
    RuleProperty,
    monotone_in,
)

_SHIPPED_RULES = str(Path(__file__).parents[2] / "mechanisms") + os.sep


Target = AggregationRule | Mechanism


Function = TypeVar("Function", bound=ProfileFunction)


def load_targets(targets: Iterable[str]) -> list[Target]:
    """The rules and mechanisms that the targets name.

    As docs/rules.md lists them: `linear`, `cap(highest=2)`, `second-price`, `linear+pay-your-bid`,
    `file.py`, `file.py::name`, `file.py::rule+payment`, `linear+file.py::payment`. Raises
    CannotLoad.

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
    path = target.strip()
    if not path.endswith(FILE) or "::" in path or split(path)[1] is not None:
        return [(path, one) for one in found]
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


def rules_in(path: str) -> list[tuple[str, Target | PaymentRule]]:
    """Every rule, payment rule and mechanism of a file, each with the target that names it.

    Of another target, what it names. Raises CannotLoad.
    """
    if not path.endswith(FILE) or "::" in path:
        return list(load_named(path))
    module = load_file(path)
    names = {id(value): name for name, value in reversed(vars(module).items())}
    found: list[Target | PaymentRule] = [
        one
        for kind in (AggregationRule, PaymentRule, Mechanism)
        for one in _own_members(module, (kind,), _SHIPPED)
    ]
    if not found:
        raise CannotLoad(_no_rule(path))
    return [(f"{path}::{names[id(one)]}", one) for one in found]


def properties_in(path: str) -> list[RuleProperty]:
    """Every property of a file, and monotonicity in every order of it."""
    return [prop for _, prop in named_properties_in(path)]


def named_properties_in(path: str) -> list[tuple[str, RuleProperty]]:
    """The same, each with its name for `--property`.

    Of `file.py::name`, that one. Raises CannotLoad.
    """
    if "::" in path:
        return [(path, load_property(path))]
    module = load_file(path)
    shipped = {*map(id, ORDERS.values()), *map(id, PROPERTIES.values())}
    names = {id(value): name for name, value in reversed(vars(module).items())}
    members = _own_members(module, (PreferenceOrder, RuleProperty), shipped)
    if not members:
        raise CannotLoad(
            f"{path} has no property and no order; decorate one with @rule_property or "
            "@preference_order from tokenauction.theory"
        )
    return [
        (
            f"{path}::{names[id(one)]}",
            monotone_in(one) if isinstance(one, PreferenceOrder) else one,
        )
        for one in members
    ]


def _named(target: str) -> list[Target]:
    """Every rule and mechanism that a target names."""
    text, paid = split(target)
    one = part_of(text)
    if paid is not None:
        return [_with_payment(one, paid, target.strip())]
    if "+" in one.path and not Path(one.path).is_file():
        _shipped("rule", one.path.partition("+")[0])
    if "::" in text and one.path:
        return [_member(one)]
    if one.path:
        return _in_file(one.path)
    if text.replace("_", "-") in MECHANISMS:
        return [MECHANISMS[text.replace("_", "-")]]
    return [cast(AggregationRule, _shipped("rule", text))]


def _with_payment(one: Part, paid: str, target: str) -> Mechanism:
    """The mechanism of a rule and a payment rule, each shipped or of a file."""
    if not one.name:
        where = (
            f"name one rule of the file, as {one}::NAME" if one.path else "name a rule, as linear"
        )
        raise CannotLoad(f"{target}: {where}+{paid}")
    rule = _rule_to_charge(one) if one.path else _named(str(one))[0]
    if isinstance(rule, Mechanism):
        raise CannotLoad(
            f"{target}: {one} is a mechanism, and has the payment {rule.payment.label} already: "
            f"leave +{paid} out, or name a rule"
        )
    try:
        return Mechanism(rule, load_payment(paid, beside=one.path))
    except TypeError as problem:
        raise CannotLoad(str(problem)) from None


def _rule_to_charge(one: Part) -> Any:
    """The rule or the mechanism of a file in front of a plus."""
    found = _attribute(load_file(one.path), one.path, one.name)
    if isinstance(found, PaymentRule):
        raise CannotLoad(
            f"{one.path}: {one.name} is not an aggregation rule, and a rule comes before the plus"
        )
    return _member(one)


def load_payment(name: str, beside: str = "") -> PaymentRule:
    """A payment rule by name: a shipped one, `file.py::name`, or one of the file `beside`.

    Raises CannotLoad.

    >>> load_payment("pay-your-bid").label
    'pay_your_bid'
    """
    one = part_of(name)
    if one.path and not one.name:
        raise CannotLoad(f"{name}: name one payment rule of the file, as {name}::NAME")
    own = beside and (
        hasattr(load_file(beside), one.name) or one.name.replace("_", "-") not in PAYMENTS
    )
    if one.path or own:
        return _payment_of_file(replace(one, path=one.path or beside))
    return cast(PaymentRule, _shipped("payment rule", name))


def _shipped(what: str, text: str) -> ProfileFunction:
    """A shipped rule or payment rule, with parameters perhaps."""
    shipped: Mapping[str, ProfileFunction] = CATALOGUE if what == "rule" else PAYMENTS
    one = part_of(text)
    found = shipped.get(one.name.replace("_", "-"))
    if found is not None:
        return _given(found, one)
    if text.startswith("::"):
        raise CannotLoad(f"{text}: name the file in front of the colons, as rules.py{text}")
    if not one.name:
        raise CannotLoad(f"a {what} without a name: name one, or one of a file as path.py::name")
    if Path(text).exists():
        raise CannotLoad(f"{text} is not a Python file: a file of rules ends in .py")
    if one.name.replace("_", "-") in MECHANISMS:
        raise CannotLoad(f"{text}: {one.name} is a mechanism, and takes no parameters")
    if "/" in text or f"{FILE}:" in text:
        raise CannotLoad(f"{text}: a rule of a file is named path.py::name")
    if Path(f"{text}{FILE}").is_file():
        raise CannotLoad(f"unknown {what} {text!r}; did you mean {text}{FILE}?")
    known = [*shipped, *MECHANISMS] if what == "rule" else list(shipped)
    raise CannotLoad(_unknown(what, text, known))


def _given(found: Function, one: Part) -> Function:
    """A function at the parameters that are written behind its name."""
    if not one.parameters:
        return found
    try:
        return found.with_parameters(**_parameters(one.parameters))
    except (TypeError, ValueError, OverflowError) as problem:
        raise CannotLoad(f"{one}: {problem}") from None


def _parameters(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for given in text.split(","):
        name, equals, value = given.partition("=")
        if not equals:
            raise ValueError(f"write parameters as name=number, not {given.strip()!r}")
        values[name.strip()] = _value(name.strip(), value.strip())
    return values


def _value(name: str, text: str) -> int | float:
    """A parameter's number as it is written; raises ValueError."""
    try:
        if re.search(r"e[+-]?\d{4}", text, re.IGNORECASE):
            raise ValueError  # a power of ten that takes for ever to write out
        exact = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"the parameter {name!r} is a number, as 2 or 0.5, not {text!r}") from None
    return int(exact) if exact.denominator == 1 else float(exact)


def _payment_of_file(one: Part) -> PaymentRule:
    found = _attribute(load_file(one.path), one.path, one.name)
    if isinstance(found, PaymentRule):
        return _given(found, one)
    way_out = (
        ""
        if _can_be_named(found)
        else (
            "; decorate a function (bids, dists) -> payments with @payment_rule from "
            "tokenauction.mechanisms"
        )
    )
    raise CannotLoad(f"{one.path}: {one.name} is not a payment rule{way_out}")


def _member(one: Part) -> Target:
    """The rule or mechanism of a file that a part names."""
    found = _attribute(load_file(one.path), one.path, one.name)
    if isinstance(found, AggregationRule):
        return _given(found, one)
    if isinstance(found, Mechanism):
        if one.parameters is None:
            return found
        raise CannotLoad(f"{one}: {one.name} is a mechanism, and takes no parameters")
    if isinstance(found, PaymentRule):
        raise CannotLoad(_alone(one.path, found))
    raise CannotLoad(
        f"{one.path}: {one.name} is neither an aggregation rule nor a mechanism; decorate a rule "
        "with @aggregation_rule, or make a Mechanism(rule, payment)"
    )


def _in_file(path: str) -> list[Target]:
    """Every rule and mechanism of a file."""
    module = load_file(path)
    rules = _own_members(module, (AggregationRule,), _SHIPPED)
    mechanisms = _own_members(module, (Mechanism,), _SHIPPED)
    if not mechanisms:
        for payment in _own_members(module, (PaymentRule,), _SHIPPED):
            raise CannotLoad(_alone(path, payment))
    if not rules and not mechanisms:
        raise CannotLoad(_no_rule(path))
    return [*rules, *mechanisms]


def _no_rule(path: str) -> str:
    return (
        f"{path} has no aggregation rule; decorate a function (bids, dists) -> dist with "
        "@aggregation_rule from tokenauction.mechanisms"
    )


_SHIPPED = {id(one) for table in (CATALOGUE, PAYMENTS, MECHANISMS) for one in table.values()}


def _alone(path: str, payment: PaymentRule) -> str:
    return (
        f"{path}: {payment.name} is a payment rule, and belongs to a rule: write "
        f"Mechanism(rule, {payment.name}) in the file, or name {path}::RULE+{payment.name}, or "
        f"linear+{path}::{payment.name} for a shipped rule"
    )


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


def _unknown(what: str, name: str, known: Mapping[str, Any] | list[str], place: str = "") -> str:
    near = near_to(name, known)
    hint = f"; did you mean {near[0]}?" if near else ""
    listed = ", ".join(known) or "nothing"
    return f"{place}unknown {what} {name!r}{hint} (there is: {listed})"
