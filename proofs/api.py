"""The checker from Python: `verify`, `compare` and `check_gate`, as the command line has them.

They run in the process that calls them, and so do the rules and the files that they are given:
nothing stops a rule that hangs. Only the gate has its child processes.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from tokenauction.mechanisms import AggregationRule, Mechanism, PaymentRule
from tokenauction.proofs.command_line import compare_display
from tokenauction.proofs.command_line.display import plain_text
from tokenauction.proofs.comparison import equality
from tokenauction.proofs.comparison.comparison_report import compared_row
from tokenauction.proofs.comparison.equality import Equality
from tokenauction.proofs.core.runs.numpy_run import Unusable
from tokenauction.proofs.deciding.explain import explanation
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.verifier import Verifier, as_property, verifier_of
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.listing import claim_row
from tokenauction.proofs.loading.named import Target, claims_of, load_property, load_targets
from tokenauction.proofs.results import report
from tokenauction.proofs.results.rows import Result
from tokenauction.proofs.results.verdict import Unknown, Verdict
from tokenauction.theory import ORDERS, PROPERTIES, PreferenceOrder, RuleProperty

if TYPE_CHECKING:
    from tokenauction.proofs.gate.gate_report import GateReport

Named = str | os.PathLike[str] | Target | Callable[..., Any]
Property = str | RuleProperty | PreferenceOrder


@dataclass(frozen=True)
class Verdicts(Mapping[str, Verdict]):
    """The verdicts on several properties of one target, by the property's name."""

    found: Mapping[str, Verdict]

    def __getitem__(self, name: str) -> Verdict:
        return self.found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    @property
    def status(self) -> Literal["proved", "refuted", "unknown"]:
        """Refuted if one is; else unknown if one is; else proved."""
        statuses = {one.status for one in self.found.values()}
        return next(one for one in ("refuted", "unknown", "proved") if one in statuses)

    def __bool__(self) -> bool:
        raise TypeError("several verdicts are no truth value: ask for their status")

    def __str__(self) -> str:
        return "\n".join(f"{name}: {one}" for name, one in self.found.items())

    def explain(self) -> str:
        """What `tokenauction verify --explain` prints."""
        asked = [(one, one.telling) for one in self.found.values()]
        if not all(isinstance(question, _Claim) for _, question in asked):
            return "\n".join(one.explain() for one, _ in asked)  # they come from another process
        return plain_text([cast(_Claim, question).row(one) for one, question in asked])


@overload
def verify(
    target: Named,
    prop: Property,
    *,
    agents: int | None = None,
    tokens: int | None = None,
    budget: float = 60.0,
    seed: int = 0,
) -> Verdict: ...
@overload
def verify(
    target: Named,
    prop: None = None,
    *,
    agents: int | None = None,
    tokens: int | None = None,
    budget: float = 60.0,
    seed: int = 0,
) -> Verdicts: ...
def verify(
    target: Named,
    prop: Property | None = None,
    *,
    agents: int | None = None,
    tokens: int | None = None,
    budget: float = 60.0,
    seed: int = 0,
) -> Verdict | Verdicts:
    """Prove or refute a property of a rule or a mechanism; without one, its default properties.

    `target` is a rule, a mechanism, a function `(bids, dists) -> dist`, or a name as on the command
    line (`"linear"`, `"second-price"`, `"rules.py::mine"`), whose file is run here. `prop` is a
    name, a property, or a preference order (then: monotonicity in it). `agents` and `tokens` bound
    the fixed sizes that are looked at; a proof for all sizes is tried all the same. What comes back
    is no truth value: ask for its `status`. `explain()` of
    what comes back is the text that `tokenauction verify --explain` prints.

    Raises CannotLoad for a target or a file that is not there, KeyError for an unknown property,
    TypeError for what is neither, ValueError for a property of mechanisms if there are no payments
    and for a limit that is none, `Unusable` for a rule that does not run.

    >>> verify("linear", "monotone").status
    'proved'
    >>> found = verify("log-linear")
    >>> found.status, found["anonymous"].status, found["monotone"].status
    ('refuted', 'proved', 'refuted')
    """
    asked = _target(target)
    verifier = verifier_of(asked, _options(budget, seed, agents, tokens))
    if prop is not None:
        return _told(asked, verifier, _property(prop))
    return Verdicts(_of_each(asked, verifier, [one for _, one in claims_of([asked], [])]))


def compare(one: Named, other: Named, *, budget: float = 60.0, seed: int = 0) -> Equality:
    """Whether two rules, or two mechanisms, are the same function for every size.

    They are named as for `verify`. The answer is `Equivalent`, `Different` or `Undecided`, with a
    `status` (`"equivalent"`, `"different"`, `"unknown"`); `explain()` is the text that
    `tokenauction compare --no-guarantees --explain` prints. Raises as `verify` does, and
    `NotComparable` (a ValueError) for a rule and a mechanism.

    >>> compare("linear", "temperature(degrees=1)").status
    'equivalent'
    >>> compare("linear", lambda bids, dists: dists[0, :]).status
    'different'
    """
    options = _options(budget, seed)
    sides = [_target(side) for side in (one, other)]
    titles = [
        side if isinstance(side, str) else found.label
        for side, found in zip((one, other), sides, strict=True)
    ]
    found = equality.compare(sides[0], sides[1], options, titles)
    verifiers = [verifier_of(side, options) for side in sides]
    return replace(found, telling=_Comparison(tuple(titles), tuple(verifiers)))


def check_gate(
    config: str | Path | None = None,
    *,
    update: bool = False,
    fresh: bool = False,
    recheck: bool = False,
    jobs: int | None = None,
    executor: str | Executor = "local",
    cache: str | Path | None = None,
) -> "GateReport":
    """What `tokenauction gate` finds: what a project requires of its rules, against its lock.

    `config` is a pyproject.toml, by default the nearest one with a table [tool.tokenauction]; the
    other arguments are the options of the command. `executor` is `"local"`, `"dask://HOST:PORT"` or
    any executor of `concurrent.futures`. The report has `is_open`, `exit_status()`, `explain()`
    (the text that the command prints) and `as_json()`.

    Raises BadConfiguration and BadLock for what cannot be read, or is not there; NoExecutor for an
    executor that cannot be reached; Failed where no claim can be looked at.
    """
    from tokenauction.proofs.gate import checking

    options = checking.Options(
        update=update,
        fresh=fresh,
        recheck=recheck,
        jobs=jobs,
        executor=executor,
        cache=None if cache is None else Path(cache),
    )
    project = checking.project(None if config is None else Path(config))
    return checking.checked(project, checking.locked(project, update), options)


# What is asked -----------------------------------------------------------------------------------


def _options(
    budget: float, seed: int, agents: int | None = None, tokens: int | None = None
) -> Options:
    """What may be spent, in the limits that the command line has; raises ValueError."""
    for name, size in (("agents", agents), ("tokens", tokens)):
        if size is not None and not (isinstance(size, int) and 1 <= size <= _MOST):
            raise ValueError(f"{name} is a whole number from 1 to {_MOST}, not {size!r}")
    if not (isinstance(budget, int | float) and 0.5 <= budget <= _DAY):
        raise ValueError(f"the budget is a number of seconds from 0.5 to {_DAY}, not {budget!r}")
    if not (isinstance(seed, int) and seed >= 0):
        raise ValueError(f"the seed is a whole number that is not negative, not {seed!r}")
    return Options(agents, tokens, float(budget), seed)


_MOST, _DAY = 50, 86_400


def _target(target: Any) -> Target:
    """The one rule or mechanism that is meant."""
    if isinstance(target, os.PathLike):
        target = os.fspath(target)
    if isinstance(target, AggregationRule | Mechanism):
        return target
    if isinstance(target, str) and (target in PROPERTIES or target in ORDERS):
        raise TypeError(f"{target!r} is a property, and comes second: verify(rule, {target!r})")
    if isinstance(target, str):
        found = load_targets([target])
        if len(found) != 1:
            names = ", ".join(one.name for one in found)
            raise CannotLoad(f"{target} has several rules ({names}): name one, as {target}::NAME")
        return found[0]
    if isinstance(target, PreferenceOrder | RuleProperty):
        raise TypeError(
            f"{target.name} is a property or an order, and comes second: verify(rule, property)"
        )
    if isinstance(target, PaymentRule):
        raise TypeError(
            f"{target.name} is a payment rule, and belongs to a rule: ask about "
            f"Mechanism(rule, {target.name})"
        )
    if not callable(target) or isinstance(target, type):
        raise TypeError(
            "a rule is a function (bids, dists) -> dist, what @aggregation_rule makes of one, a "
            f"Mechanism, or a name such as 'linear' or 'rules.py::mine'; not {target!r}"
        )
    return AggregationRule.of(target)


def _property(prop: Any) -> RuleProperty:
    if isinstance(prop, str) and "::" in prop:
        return load_property(prop)
    if isinstance(prop, str):
        return as_property(prop if prop in PROPERTIES else prop.replace("_", "-"))
    if isinstance(prop, RuleProperty | PreferenceOrder):
        return as_property(prop)
    decorate = "decorate it with @rule_property or @preference_order of tokenauction.theory"
    way_out = decorate if callable(prop) else "name one, as 'monotone' or 'rules.py::mine'"
    raise TypeError(f"{prop!r} is neither a property nor an order: {way_out}")


# What comes back ---------------------------------------------------------------------------------


def _told(target: Target, verifier: Verifier, prop: RuleProperty) -> Verdict:
    """A verdict that can be explained."""
    start = time.perf_counter()
    found = verifier.verify(prop)
    return replace(found, telling=_Claim(target, verifier, prop, time.perf_counter() - start))


def _of_each(
    target: Target, verifier: Verifier, properties: list[RuleProperty]
) -> dict[str, Verdict]:
    """The verdict on each property; Unusable where the rule is unusable for all of them."""
    found: dict[str, Verdict] = {}
    problems: list[Unusable] = []
    for prop in properties:
        try:
            found[prop.name] = _told(target, verifier, prop)
        except Unusable as problem:
            problems.append(problem)
            telling = _Claim(target, verifier, prop, 0.0)
            found[prop.name] = Unknown(str(problem), telling=telling)
    if len(problems) == len(properties):
        raise problems[0]
    return found


@dataclass(frozen=True)
class _Claim:
    """The question behind a verdict, to explain it with."""

    target: Target
    verifier: Verifier
    prop: RuleProperty
    seconds: float

    def __call__(self, verdict: Verdict) -> str:
        return plain_text([self.row(verdict)])

    def row(self, verdict: Verdict) -> Result:
        """The verdict as a report has it."""
        row = report.result(claim_row(self.target, self.prop), verdict, self.seconds)
        row["explanation"] = explanation(self.verifier, self.prop, verdict)
        return row


@dataclass(frozen=True)
class _Comparison:
    """The question behind an equality, to explain it with."""

    titles: tuple[str, ...]
    verifiers: tuple[Verifier, ...]

    def __call__(self, found: Equality) -> str:
        row = compared_row({}, found, 0.0)
        one, other = self.titles
        sides = {"a": {"title": one}, "b": {"title": other}, "guarantees": []}
        told = equality.explanation_of(found, list(zip(self.titles, self.verifiers, strict=True)))
        return compare_display.text({**row, **sides, "explanation": told}, explain=True, plain=True)
