"""Whether what came as JSON has the form of a type: the one place where such forms are checked."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)


def fits(value: Any, form: Any) -> bool:
    """Whether a value is of a type: of JSON's own, a list, a dict, a union or a typed dict.

    A typed dict may have more keys than its type names; a whole number is a number, and a truth
    value is none.

    >>> fits([1, 2], list[int]), fits([1, "2"], list[int]), fits(True, int), fits(1, float | None)
    (True, False, False, True)
    """
    origin, inner = get_origin(form), get_args(form)
    if form is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin in (Required, NotRequired):
        return fits(value, inner[0])
    if origin is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(fits(one, inner[1]) for one in value.values())
    if is_typeddict(form):
        return isinstance(value, dict) and _has_the_keys_of(value, form)
    if form in (int, float):
        return isinstance(value, int | form) and not isinstance(value, bool)
    return isinstance(value, NoneType if form is None else form)


def _has_the_keys_of(value: dict[str, Any], form: Any) -> bool:
    hints = get_type_hints(form, include_extras=True)
    return all(name in value for name in form.__required_keys__) and all(
        fits(value[name], one) for name, one in hints.items() if name in value
    )
