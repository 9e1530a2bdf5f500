"""A function of bids and distributions as a value: its name, its parameters and its domain.

What aggregation rules and payment rules have in common. Guarantee: calling one calls the very
function that was decorated, whatever array library the bids and distributions come from; nothing is
registered, cached or rewritten.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, ClassVar, Literal, Self, get_type_hints

from array_api_compat import array_namespace

from tokenauction.mechanisms.mistakes import are_exchanged
from tokenauction.theory.parameters import annotations_of, parameters_of
from tokenauction.theory.properties import QUANTIFIED

Support = Literal["any", "full"]
Number = int | float | Fraction


class Distribution:
    """The annotation of a parameter that is itself a distribution over the tokens.

    A platform's own model is the example. A verdict about a rule whose distribution parameter is
    left open speaks of every such distribution.
    """


@dataclass(frozen=True)
class ProfileFunction:
    """A named function of `bids` (agents,) and `dists` (agents, tokens), with its parameters.

    The domain is every bid vector that is non-negative with a positive sum, and every profile of
    distributions, or of strictly positive ones where `support` is `"full"`.
    """

    kind: ClassVar[str] = "function"
    returns: ClassVar[str] = "result"

    function: Callable[..., Any]
    name: str
    support: Support = "any"
    parameters: Mapping[str, Number] = field(default_factory=dict)
    distributions: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    line: int = 0

    def needs(self, *names: str) -> str:
        """What is said where distribution parameters have been given no value, with the way out."""
        return (
            f"{self.name} needs a distribution for {', '.join(names)}: use "
            f"{self.name}.with_parameters({names[0]}=...), one probability a token; on a command "
            "line, name the rule of a file that does"
        )

    def __call__(self, bids: Any, dists: Any, **parameters: Any) -> Any:
        """The result, in the array library of the inputs.

        Raises TypeError where a distribution parameter has been given no value.
        """
        values = {**self.numbers, **self.distributions, **parameters}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise TypeError(self.needs(*missing))
        for name in self.distributions:
            if isinstance(values[name], list | tuple):
                xp = array_namespace(bids, dists)
                numbers = [float(p) for p in values[name]]
                values[name] = xp.asarray(numbers, dtype=dists.dtype)
        return self.function(bids, dists, **values)

    def with_parameters(self, **values: Any) -> Self:
        """The same function at other parameter values.

        Raises TypeError for a parameter that the function does not have.
        """
        unknown = sorted(set(values) - set(self.parameters) - set(self.distributions))
        if unknown:
            known = ", ".join([*self.parameters, *self.distributions]) or "none"
            raise TypeError(f"{self.name} has no parameter {unknown[0]!r} (it has: {known})")
        numbers = {k: _number(self.name, k, v) for k, v in values.items() if k in self.parameters}
        given = {k: v for k, v in values.items() if k in self.distributions}
        for name, row in given.items():
            _check_distribution(self.name, name, row)
        return replace(
            self,
            parameters={**self.parameters, **numbers},
            distributions={**self.distributions, **given},
        )

    @property
    def label(self) -> str:
        """The name in reports: the function's name, with its parameters in parentheses."""
        shown = [f"{name}={value}" for name, value in self.parameters.items()]
        shown += [
            name if value is None else f"{name}=[{', '.join(str(v) for v in value)}]"
            for name, value in self.distributions.items()
        ]
        return f"{self.name}({', '.join(shown)})" if shown else self.name

    @property
    def numbers(self) -> dict[str, int | float]:
        """The parameters as the function is given them: a Fraction as the float next to it."""
        return {
            name: float(value) if isinstance(value, Fraction) else value
            for name, value in self.parameters.items()
        }

    @property
    def open_names(self) -> tuple[str, ...]:
        """The distribution parameters that have been given no value."""
        return tuple(name for name, value in self.distributions.items() if value is None)

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @classmethod
    def of(cls, function: Callable[..., Any], support: Support = "any") -> Self:
        """The value of a Python function; raises TypeError for one with another signature."""
        name = getattr(function, "__name__", "rule")
        if support not in ("any", "full"):
            raise TypeError(f'{name}: support must be "any" or "full", not {support!r}')
        extra = list(_parameters(function, name).values())
        by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        if len(extra) < 2 or any(parameter.kind not in by_position for parameter in extra[:2]):
            raise TypeError(f"{name}: {cls.kind} takes (bids, dists), in that order")
        first, second = (parameter.name for parameter in extra[:2])
        if are_exchanged(first, second):
            raise TypeError(
                f"{name}({first}, {second}): the arguments are in the wrong order; {cls.kind} "
                "takes (bids, dists)"
            )
        hints = _annotations(function)
        numbers: dict[str, Number] = {}
        distributions: dict[str, Any] = {}
        for parameter in extra[2:]:
            if hints.get(parameter.name) is Distribution:
                if parameter.name in _TAKEN or parameter.name.startswith("aggregate_"):
                    raise TypeError(f"{name}: the name {parameter.name!r} is taken; use another")
                default = None if parameter.default is parameter.empty else parameter.default
                distributions[parameter.name] = default
            elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(
                    f"{name}: *{parameter.name} is not a parameter that a rule can have"
                )
            elif parameter.default is parameter.empty:
                raise TypeError(
                    f"{name}: the parameter {parameter.name!r} needs a default number, or the "
                    "annotation Distribution"
                )
            else:
                numbers[parameter.name] = _number(name, parameter.name, parameter.default)
        code = getattr(inspect.unwrap(function), "__code__", None)
        return cls(
            function=function,
            name=name,
            support=support,
            parameters=numbers,
            distributions=distributions,
            file=code.co_filename if code else "",
            line=code.co_firstlineno if code else 0,
        )


# Names of what properties quantify over, in their arguments and in formulas.
_TAKEN = frozenset({*QUANTIFIED, "b", "p", "other", "raised_bid"})


def _parameters(function: Callable[..., Any], name: str) -> Mapping[str, inspect.Parameter]:
    try:
        return parameters_of(function)
    except ValueError:
        raise TypeError(f"{name}: write a function (bids, dists) around it") from None


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        return annotations_of(function)


def _check_distribution(rule: str, parameter: str, row: Any) -> None:
    if row is not None and not _is_distribution(row):
        raise TypeError(f"{rule}: the parameter {parameter!r} must be a distribution, not {row!r}")


def _is_distribution(row: Any) -> bool:
    try:
        numbers = [float(p) for p in row]
    except (TypeError, ValueError):
        return False
    return all(number >= 0 for number in numbers) and abs(sum(numbers) - 1) < 1e-9


def _number(rule: str, parameter: str, value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise TypeError(f"{rule}: the parameter {parameter!r} must be a number, not {value!r}")
    if not -1e300 < value < 1e300:
        limit = f"finite, not {value!r}" if isinstance(value, float) else "below 1e300 in size"
        raise TypeError(f"{rule}: the parameter {parameter!r} must be {limit}")
    return value
