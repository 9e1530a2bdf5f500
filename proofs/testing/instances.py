"""One instance of a property at numbers that are written down: does it hold there?

The rule's own function is run, exactly where it has an exact run in Fractions and in floats
otherwise, and the property's own function looks at what it returned. In floats, two numbers that
differ by no more than rounding count as equal; unless asked for floats at this very profile, the
property fails only if it fails beside it too, since at a tie or on a threshold floats do whatever
rounding makes of it. No solver is loaded: emitted regression tests rest on this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tokenauction.mechanisms import Mechanism, ProfileFunction
from tokenauction.proofs.core.claims.quantities import QUANTITIES
from tokenauction.proofs.core.evaluation.exact import Exact
from tokenauction.proofs.core.judging.exact_numbers import NoExactRun
from tokenauction.proofs.core.judging.exact_run import run_exactly
from tokenauction.proofs.loading.named import Target, load_property, load_targets
from tokenauction.proofs.testing.beside import moved_arguments
from tokenauction.proofs.testing.rounded import rounded
from tokenauction.theory import RuleProperty

Array = np.ndarray[Any, np.dtype[Any]]


def assert_holds(
    target: str | Path,
    prop: str | Path,
    *,
    exact: bool = True,
    distributions: Mapping[str, str] | None = None,
    **arguments: Any,
) -> None:
    """Assert that a property holds of a rule at one profile.

    `target` and `prop` are named as on the command line of `tokenauction verify`. The arguments are
    those of the property: bids and distributions as numbers between spaces, one text for a vector
    and a list of texts for a matrix. `distributions` gives the rule's open parameters.
    Where the rule has no exact run, floats fail only if they fail beside the profile too;
    `exact=False` runs it in floats at the profile alone. Skips the test where the property says
    nothing of the profile, because the rule is undefined there.

    >>> assert_holds("linear", "monotone", bids="1 1", raised_bids="2 1",
    ...              dists=["1 0", "0 1"], agent=0)
    """
    __tracebackhide__ = True
    [found] = load_targets([str(target)])
    judged = judge(found, load_property(str(prop)), exact, distributions or {}, arguments)
    if judged.answer == "fails":
        raise AssertionError(judged.told)
    if judged.answer == "says nothing":
        import pytest

        pytest.skip(judged.told)


@dataclass(frozen=True)
class Judged:
    """Whether an instance holds; `told` says why it does not, with every number."""

    answer: Literal["holds", "fails", "says nothing"]
    told: str = ""


def judge(
    target: Target,
    prop: RuleProperty,
    exact: bool,
    distributions: Mapping[str, str],
    arguments: Mapping[str, Any],
) -> Judged:
    """Whether a property holds of a rule at one profile; see `assert_holds` for the arguments."""
    parts = (
        {"rule": target.rule, "payment": target.payment}
        if isinstance(target, Mechanism)
        else {"rule": target}
    )
    functions: dict[str, ProfileFunction] = {
        name: parts[name] for name in prop.arguments if name in parts
    }
    instance = _Instance(prop, functions, arguments, distributions, exact=False)
    if instance.outside_its_support:
        return Judged(
            "says nothing",
            f"{prop.name} of {target.label} is stated for strictly positive distributions only",
        )
    if exact:
        try:
            return _judged(_Instance(prop, functions, arguments, distributions, exact=True))
        except Exception:
            pass  # It has no exact run, or the property none; floats decide, and may raise.
    judged = _judged(instance)
    if exact and judged.answer == "fails":
        for beside in moved_arguments(arguments, distributions):
            if _judged(_Instance(prop, functions, *beside, exact=False)).answer != "fails":
                return Judged("holds", "floats fail at this very point only, by rounding")
    return judged


def _judged(instance: "_Instance") -> Judged:
    try:
        if instance.holds():
            return Judged("holds")
    except _Undefined as problem:
        if instance.prop.everywhere:
            return Judged("fails", instance.told(str(problem)))
        return Judged("says nothing", f"{instance.prop.name} says nothing here: {problem}")
    return Judged("fails", instance.told(""))


class _Undefined(Exception):
    """A function of the claim has no result at the profile; the message says what it does."""


@dataclass
class _Instance:
    """One evaluation, in Fractions or in floats; `calls` has a line for each call."""

    prop: RuleProperty
    functions: Mapping[str, ProfileFunction]
    arguments: Mapping[str, Any]
    distributions: Mapping[str, str]
    exact: bool
    calls: list[str] = field(default_factory=list)
    _values: dict[str, Any] = field(default_factory=dict)

    @property
    def outside_its_support(self) -> bool:
        """Whether a probability is zero that has to be positive."""
        supports = {self.prop.support, *(one.support for one in self.functions.values())}
        rows = [*self.distributions.values()]
        for name, given in self.arguments.items():
            if name in QUANTITIES and QUANTITIES[name].domain == "distribution":
                rows += [given] if isinstance(given, str) else given
        return "full" in supports and any(p == 0 for row in rows for p in _fractions(row))

    def holds(self) -> bool:
        """The truth value of the property; raises _Undefined, and what the functions raise."""
        self._values = {name: self._value(name) for name in self.prop.arguments}
        return bool(self.prop(**self._values))

    def told(self, problem: str) -> str:
        """Everything that a person needs to check the instance by hand."""
        places = ", ".join(
            f"{one.name} ({Path(one.file).name}:{one.line})" for one in self.functions.values()
        )
        how = "compared exactly" if self.exact else "in floats, compared up to rounding"
        lines = [f"{self.prop.name} fails for {places}, {how}", f"  {self.prop.summary}"]
        for name, value in {**self.distributions, **self.arguments}.items():
            lines.append(f"  {name} = {_in_words(value)}")
        return "\n".join([*lines, *self.calls, *([f"  {problem}"] if problem else [])])

    def _value(self, name: str) -> Any:
        if name in ("rule", "payment"):
            if name not in self.functions:
                raise TypeError(f"{self.prop.name} speaks of a {name}, and the target has none")
            return partial(self._call, name)
        given = self.arguments[name]
        if name in ("agent", "rival"):
            return given
        if name in ("agent_order", "token_order"):
            return np.array(given, dtype=int)
        if QUANTITIES[name].axes == ():
            return Fraction(given) if self.exact else rounded(float(Fraction(given)))
        return self._array(given)

    def _array(self, given: str | Sequence[str]) -> Array:
        rows = [_fractions(row) for row in ([given] if isinstance(given, str) else given)]
        exact = np.array(rows, dtype=object)
        array = exact if self.exact else rounded(exact.astype(float))
        return array[0, ...] if isinstance(given, str) else array

    def _call(self, name: str, bids: Array, dists: Array) -> Array:
        """The result of one call of the rule or the payment rule, which gets plain arrays."""
        function = self._given(self.functions[name])
        try:
            result = self._result(function, self._plain(bids), self._plain(dists))
        except NoExactRun:
            raise
        except Exception as problem:
            if not self.prop.everywhere:
                raise
            text = " ".join(str(problem).split())
            raise _Undefined(f"{name} raises {type(problem).__name__}: {text}") from problem
        shown = ", ".join(str(x) if self.exact else f"{x:.12g}" for x in result)
        self.calls.append(f"  {name}({self._told_of(bids)}, {self._told_of(dists)}) = ({shown})")
        singled = [self.arguments[one] for one in ("agent", "rival") if one in self.arguments]
        needed = result[singled, ...] if function.returns == "agents" and singled else result
        if not all(self._is_number(x) for x in needed.reshape(-1)):
            raise _Undefined(f"{function.name} is undefined there")
        return result if self.exact else rounded(result)

    def _is_number(self, value: Any) -> bool:
        return isinstance(value, Fraction) if self.exact else bool(np.isfinite(value))

    def _plain(self, values: Any) -> Array:
        return np.asarray(values, dtype=object if self.exact else float).copy()

    def _given(self, function: ProfileFunction) -> ProfileFunction:
        """The function with every distribution that it needs, exactly."""
        texts = {k: v for k, v in self.distributions.items() if k in function.distributions}
        found = function.with_parameters(**{k: tuple(_fractions(v)) for k, v in texts.items()})
        if found.open_names:
            raise TypeError(f"{function.name} needs a distribution for {found.open_names[0]}")
        return found

    def _result(self, function: ProfileFunction, bids: Array, dists: Array) -> Array:
        """What a function returns for plain arrays; raises what it raises, or NoExactRun."""
        if not self.exact:
            rows = {k: np.array(v, dtype=float) for k, v in function.distributions.items()}
            with np.errstate(all="ignore"):
                return self._plain(function.function(bids, dists, **function.numbers, **rows))
        exact = [tuple(map(Fraction, row)) for row in (bids, *dists)]
        run = run_exactly(function, exact[0], exact[1:], {}, Exact)
        if run.raised is not None:
            raise run.raised
        return self._plain(run.values)

    def _told_of(self, array: Array) -> str:
        """The property's name for an array, or the numbers themselves."""
        named = next((name for name, value in self._values.items() if value is array), None)
        if named is not None:
            return named
        rows = [array] if array.ndim == 1 else list(array)
        return "; ".join(" ".join(str(x) for x in row) for row in rows)


def _fractions(row: str) -> list[Fraction]:
    return [Fraction(text) for text in row.split()]


def _in_words(value: Any) -> str:
    """A matrix as its rows, anything else as it is."""
    rows = isinstance(value, list) and all(isinstance(row, str) for row in value)
    return "; ".join(value) if rows else str(value)
