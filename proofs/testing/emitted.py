"""From counterexamples to a file of plain pytest tests that need no solver.

Runs in the child process, since it runs the user's rules. Guarantee: every test that is written was
tried on the rule as it is, and failed; a counterexample that does not show there is left out.
"""

import os
import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from tokenauction.mechanisms import Mechanism
from tokenauction.proofs.core.claims.domain import quantity_at
from tokenauction.proofs.loading.named import Target, claims_of, load_named, load_property
from tokenauction.proofs.loading.targets import in_other_files, sides
from tokenauction.proofs.results.assignment import Assignment, assignment_of
from tokenauction.proofs.testing.instances import judge
from tokenauction.theory import RuleProperty

_WIDTH: Final = 100


@dataclass(frozen=True)
class _Test:
    """One test function: an instance of a property that fails, and what was said of it."""

    target: str
    prop: str
    name: str
    sentence: str
    arguments: Mapping[str, Any]
    exact: bool = True
    distributions: Mapping[str, str] | None = None


def emitted_tests(request: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The text of the file, and a line for each counterexample that is left out.

    `request` has the targets and properties as the user named them, their results in that order,
    the file that is to be written, and the line that it opens with.
    """
    named = [pair for target in request["targets"] for pair in load_named(target)]
    properties = {_defined(load_property(name)): name for name in request["properties"]}
    claims = claims_of([target for _, target in named], request["properties"])
    names = {id(target): name for name, target in named}
    tests: list[_Test] = []
    left_out = []
    for (target, prop), row in zip(claims, request["results"], strict=True):
        if row["status"] != "refuted":
            continue
        test = _test(
            row, names[id(target)], properties.get(_defined(prop), prop.name), target, prop
        )
        shown = _as_it_shows(test, target, prop, row["counterexample"]["exact"])
        if shown is None:
            left_out.append(
                f"{row['rule']} {row['property']}: its counterexample does not show in floats"
            )
        else:
            tests.append(_with_a_name_of_its_own(shown, tests))
    return _file(tests, request) if tests else "", left_out


def _defined(prop: RuleProperty) -> tuple[str, str, int]:
    """What tells properties apart that have one name in two files."""
    return prop.name, prop.file, prop.line


def _test(row: Mapping[str, Any], target: str, name: str, of: Target, prop: RuleProperty) -> _Test:
    found = row["counterexample"]
    values = assignment_of(found)
    parts = (of.rule, of.payment) if isinstance(of, Mechanism) else (of,)
    open_names = dict.fromkeys(one for part in parts for one in part.open_names)
    return _Test(
        target,
        name,
        f"test_{_identifier(row['rule'])}_{_identifier(prop.name)}",
        row["reason"],
        {one: argument_at(one, values) for one in prop.arguments if one not in ("rule", "payment")},
        distributions={
            one: _numbers(values.named[one]) for one in open_names if one in values.named
        },
    )


def _as_it_shows(test: _Test, target: Target, prop: RuleProperty, replayed: bool) -> _Test | None:
    """The test as it fails on the rule; None where it does not.

    At the profile alone, floats may fail by rounding; so that is for counterexamples that were
    replayed exactly.
    """
    for exact in (True, False) if replayed else (True,):
        with suppress(Exception):
            judged = judge(target, prop, exact, test.distributions or {}, test.arguments)
            if judged.answer == "fails":
                return replace(test, exact=exact)
    return None


def _with_a_name_of_its_own(test: _Test, others: Sequence[_Test]) -> _Test:
    taken = {other.name for other in others}
    names = [test.name, *(f"{test.name}_{number}" for number in range(2, len(others) + 3))]
    return replace(test, name=next(name for name in names if name not in taken))


def _identifier(text: str) -> str:
    """A text as a part of a name of Python.

    >>> _identifier("cap(highest=2)"), _identifier("no-bid-no-payment")
    ('cap_highest_2', 'no_bid_no_payment')
    """
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")


# The arguments of a property at an assignment -----------------------------------------------------


def _numbers(row: Iterable[Fraction]) -> str:
    return " ".join(map(str, row))


def argument_at(name: str, values: Assignment) -> Any:
    """One argument of a property at an assignment, as `assert_holds` is given it."""
    match name:
        case "agent":
            return values.agent
        case "rival":
            return values.choices.rival
        case "agent_order":
            return list(values.choices.agent_order or ())
        case "token_order":
            return list(values.choices.token_order or ())
    return _texts(quantity_at(name, values))


def _texts(numbers: Any) -> Any:
    """A number or a row as one text, rows as a list of texts."""
    if isinstance(numbers, Fraction):
        return str(numbers)
    if all(isinstance(inner, Fraction) for inner in numbers):
        return _numbers(numbers)
    return [_texts(row) for row in numbers]


# The text of the file -----------------------------------------------------------------------------


def _file(tests: Sequence[_Test], request: Mapping[str, Any]) -> str:
    asked = [word for name in request["properties"] for word in ("--property", name)]
    file = request["file"]
    command = shlex.join(["tokenauction", "verify", *request["targets"], *asked])
    header = [
        request["headline"],
        "",
        "A test fails while its rule has the counterexample, and passes once the property holds",
        "there. The rule's own function is run, on exact numbers where it runs on them, in floats",
        "otherwise; no solver is needed. Written by tokenauction, which writes the file anew:",
        "",
        f"    {command} --emit-test {shlex.quote(file)}",
    ]
    calls = [_call(test, Path(file).resolve().parent) for test in tests]
    needs_folder = any(_HERE in line for lines in calls for line in lines)
    lines = [*_docstring(header, ""), ""]
    if needs_folder:
        lines += ["from pathlib import Path", ""]
    lines += ["from tokenauction.proofs.testing import assert_holds"]
    if needs_folder:
        lines += ["", "HERE = Path(__file__).parent"]
    for test, call in zip(tests, calls, strict=True):
        words = textwrap.wrap(test.sentence, _WIDTH - 10, break_long_words=False)
        lines += ["", "", f"def {test.name}() -> None:", *_docstring(words, "    "), *call]
    return "\n".join(lines) + "\n"


_HERE: Final = "HERE / "


def _call(test: _Test, folder: Path) -> list[str]:
    given = [
        _path(test.target, folder),
        _path(test.prop, folder),
        *(f"{name}={_literal(value, name)}" for name, value in test.arguments.items()),
    ]
    if test.distributions:
        shown = ", ".join(f"{_quoted(k)}: {_quoted(v)}" for k, v in test.distributions.items())
        given.append(f"distributions={{{shown}}}")
    if not test.exact:
        given.append("exact=False")
    return ["    assert_holds(", *(f"        {one}," for one in given), "    )"]


def _path(target: str, folder: Path) -> str:
    """A target or a property as an expression; a file is named from where the test is."""

    def beside(path: str) -> str:
        return Path(os.path.relpath(Path(path).resolve(), folder)).as_posix()

    moved = in_other_files(target, beside)
    rule, *paid = sides(moved)
    if not any(one.path for one in paid):
        return f"{_HERE}{_quoted(moved)}" if rule.path else _quoted(moved)
    paying = f"str({_HERE}{_quoted(str(paid[0]))})"
    if not rule.path:
        return f"{_quoted(f'{rule}+')} + {paying}"
    return f"str({_HERE}{_quoted(f'{rule}+')}) + {paying}"


def _literal(value: Any, name: str) -> str:
    """A value as Python, a list over several lines where one is too short."""
    if isinstance(value, str):
        return _quoted(value)
    if not isinstance(value, list):
        return repr(value)
    parts = [_literal(one, "") for one in value]
    flat = f"[{', '.join(parts)}]"
    if len(f"        {name}={flat},") <= _WIDTH:
        return flat
    return "\n".join(["[", *(f"            {part}," for part in parts), "        ]"])


def _docstring(words: Sequence[str], indent: str) -> Iterator[str]:
    """The lines of a docstring; nothing in the words can end it."""
    shown = [_printable(line).replace('"""', '\\"\\"\\"') for line in words]
    if len(shown) == 1:
        yield f'{indent}"""{shown[0]}"""'
        return
    yield f'{indent}"""{shown[0]}'
    yield from (f"{indent}{line}".rstrip() for line in shown[1:])
    yield f'{indent}"""'


def _quoted(text: str) -> str:
    r"""A text in double quotes.

    >>> print(_quoted('a "b"'))
    "a \"b\""
    """
    escaped = _printable(text).replace('"', '\\"')
    return f'"{escaped}"'


def _printable(text: str) -> str:
    """A text without what a literal of Python cannot have in it as it is."""
    return "".join(c if c.isprintable() and c != "\\" else repr(c)[1:-1] for c in text)
