"""The rules, payment rules, properties and orders of a Python file, by its text alone.

For completion: nothing of the file is run. What is made in another way than by a decorator or a
plain assignment is not seen.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "aggregation_rule": "rule",
    "linear_pool": "rule",
    "logarithmic_pool": "rule",
    "payment_rule": "payment",
    "Mechanism": "mechanism",
    "rule_property": "property",
    "monotone_in": "property",
    "preference_order": "order",
}


def names_in(text: str) -> dict[str, str]:
    """The names that a file defines, each with its kind; none where the text is no Python.

    >>> names_in("@aggregation_rule\\ndef mine(bids, dists): ...\\nM = Mechanism(mine, fee)")
    {'mine': 'rule', 'M': 'mechanism'}
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            parsed = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    known = dict(KINDS)
    found: dict[str, str] = {}
    for statement in _statements(parsed.body):
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if alias.asname and alias.name in KINDS:
                    known[alias.asname] = KINDS[alias.name]
            continue
        for name, value in _defined(statement):
            kind = _kind(value, known, found)
            if kind:
                found[name] = kind
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the top of a file, those in its branches included."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For):
            for field in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(statement, field, []):
                    inside = inner.body if isinstance(inner, ast.ExceptHandler) else [inner]
                    yield from _statements(inside)


def _defined(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement defines, with what says of which kind they are."""
    if isinstance(statement, ast.FunctionDef):
        yield from ((statement.name, decorator) for decorator in statement.decorator_list)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        if isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.value


def _kind(value: ast.expr, known: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The kind of what an expression makes: of a decorator, a call, or another name."""
    match value:
        case ast.Name(name):
            return known.get(name) or found.get(name)
        case ast.Attribute(base, "with_parameters"):
            return _kind(base, known, found)
        case ast.Attribute(_, name):
            return known.get(name)
        case ast.Call(function):
            return _kind(function, known, found)
        case _:
            return None
