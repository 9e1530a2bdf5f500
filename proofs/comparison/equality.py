"""Are two functions the same, for every number of agents and tokens?

Two aggregation rules, or two payment rules, are the same where at every profile of their domain
both are undefined, or both are defined and equal; two mechanisms, where both their parts are.
`Equivalent` is a proof of that for every size, `Different` has a profile where it fails, replayed
exactly or seen by running functions that cannot be traced, and `Undecided` says why it is neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from tokenauction.mechanisms import AggregationRule, Mechanism, PaymentRule, ProfileFunction
from tokenauction.proofs.core.claims import claims
from tokenauction.proofs.core.faithfulness.examination import Examined
from tokenauction.proofs.core.proving.certificates import ASSUMED_DEFINED
from tokenauction.proofs.core.runs.numpy_run import Unusable, run_rule
from tokenauction.proofs.deciding.explain import formulas, profile
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.same_function import verdict_of_equality
from tokenauction.proofs.deciding.verifier import Verifier
from tokenauction.proofs.results.assignment import Assignment
from tokenauction.proofs.results.verdict import (
    Answer,
    Evidence,
    Proved,
    Refuted,
    Scope,
    Witness,
    sizes_in_words,
)
from tokenauction.theory.errors import TokenauctionError
from tokenauction.theory.properties import Support

Target = AggregationRule | Mechanism
Row = tuple[str, ...]


@dataclass(frozen=True)
class Equivalent(Answer):
    """The two are the same function, for every size."""

    evidence: Evidence
    status: Literal["equivalent"] = "equivalent"

    @property
    def scope(self) -> Scope:
        return Scope()


@dataclass(frozen=True)
class Different(Answer):
    """The two are not the same at the witness.

    `part` is what differs, and `returned` what each returns there; None where it is undefined.
    """

    witness: Witness
    returned: tuple[Row | None, Row | None]
    part: Literal["rule", "payment"]
    method: str
    scope: Scope
    status: Literal["different"] = "different"


@dataclass(frozen=True)
class Undecided(Answer):
    """Neither is known; `reason` says what is, and why there is no more."""

    reason: str
    scope: Scope = field(default_factory=lambda: Scope((), ()))
    method: str = "none"
    status: Literal["unknown"] = "unknown"


Equality = Equivalent | Different | Undecided


class NotComparable(TokenauctionError, ValueError):
    """The two are of different kinds, or have no profile in common; the message says which."""


def compare(
    one: Target,
    other: Target,
    options: Options | None = None,
    names: Sequence[str] = (),
    examined: Sequence[Examined] = (),
) -> Equality:
    """Whether two rules, or two mechanisms, are the same function for every size.

    `names` are what messages call them; `examined` are functions of theirs that were looked at
    before, and are not looked at again. Raises NotComparable for a rule and a mechanism, and for
    functions that have no profile in common; `Unusable` for a rule that does not run.

    >>> from tokenauction.mechanisms import cap, linear
    >>> compare(linear, linear).status, compare(linear, cap).status
    ('equivalent', 'different')
    """
    called = tuple(names) or (one.label, other.label)
    return _Question(one, other, options or Options(), called, examined).decided()


@dataclass(frozen=True)
class _Question:
    one: Target
    other: Target
    options: Options
    names: tuple[str, ...]
    examined: Sequence[Examined]

    def decided(self) -> Equality:
        first, second = _parts(self.one), _parts(self.other)
        if first.keys() != second.keys():
            pays, alone = self.names if len(first) == 2 else self.names[::-1]
            raise NotComparable(
                f"{pays} is a mechanism and {alone} a rule without payments: give it payments, as "
                f"{alone}+pay-your-bid, or compare two rules"
            )
        for part in first:
            _check_open_names(first[part], second[part], self.names)
        gap = self._gap()
        found: dict[str, Equality] = {}
        for part in first:
            found[part] = self._of_part(first[part], second[part])
            if isinstance(found[part], Different):
                return found[part]
        return _within(gap, _of_both(found))

    @property
    def _all(self) -> list[ProfileFunction]:
        """The functions of both."""
        return [*_parts(self.one).values(), *_parts(self.other).values()]

    @property
    def support(self) -> Support:
        """The distributions that both take."""
        return "full" if "full" in (self.one.support, self.other.support) else "any"

    def _gap(self) -> tuple[str, str] | None:
        """Where the domains differ: what is common, and what is not; raises NotComparable."""
        tokens = [claims.tokens_of(*_parts(target).values()) for target in (self.one, self.other)]
        if None not in tokens and tokens[0] != tokens[1]:
            raise NotComparable(
                f"{self.names[0]} is for {tokens[0]} tokens only and {self.names[1]} for "
                f"{tokens[1]}: they have no profile in common"
            )
        common, beyond = [], []
        if self.one.support != self.other.support:
            wider = self.names[self.other.support == "any"]
            common.append("strictly positive distributions")
            beyond.append(f"only {wider} also takes zeros")
        if tokens[0] != tokens[1]:
            wider = self.names[tokens[1] is None]
            common.append(f"{tokens[0] or tokens[1]} tokens")
            beyond.append(f"only {wider} also takes other numbers of tokens")
        return (" and ".join(common), ", ".join(beyond)) if common else None

    def _of_part(self, one: ProfileFunction, other: ProfileFunction) -> Equality:
        try:
            verdict = verdict_of_equality(
                self._looked_at(one),
                self._looked_at(other),
                self.options,
                self.support,
                claims.tokens_of(*self._all),
                [function for function in self._all if function not in (one, other)],
            )
        except RecursionError:
            return Undecided("the functions' expressions are too deep to be decided")
        if isinstance(verdict, Proved):
            if verdict.scope == Scope():
                return Equivalent(_without_definedness(verdict.evidence))
            agents, tokens = map(sizes_in_words, (verdict.scope.agents, verdict.scope.tokens))
            return Undecided(
                f"the same for {agents} agents and {tokens} tokens (proved); not proved for all "
                f"sizes: {verdict.why_not_more}",
                verdict.scope,
                verdict.evidence.method,
            )
        if isinstance(verdict, Refuted):
            return self._different(verdict, one, other)
        return Undecided(verdict.reason, method=verdict.method)

    def _looked_at(self, function: ProfileFunction) -> Examined:
        known = (known for known in self.examined if known.function is function)
        return next(known, None) or Examined(function)

    def _different(
        self, verdict: Refuted, one: ProfileFunction, other: ProfileFunction
    ) -> Different:
        witness = verdict.witness
        values = witness.assignment
        if witness.undefined and not witness.exact:
            told = [_run(function, values) for function in (one, other)]
            rows = [None if isinstance(row, str) else row for row in told]
        else:
            rows = [_defined(row) for row in (witness.payments or witness.aggregates)]
            told = ["is undefined" if row is None else row for row in rows]
        pays = isinstance(one, PaymentRule)
        verb = "charges" if pays else "returns"
        said = ", ".join(
            f"{name} {row if isinstance(row, str) else f'{verb} {_row(row, witness.exact)}'}"
            for name, row in zip(self.names, told, strict=True)
        )
        named = "".join(f"; {k} ({', '.join(map(str, row))})" for k, row in values.named.items())
        return Different(
            replace(witness, sentence=f"{profile(values)}{named}: {said}."),
            (rows[0], rows[1]),
            "payment" if pays else "rule",
            verdict.method,
            verdict.scope,
        )


def _parts(target: Target) -> dict[str, ProfileFunction]:
    if isinstance(target, Mechanism):
        return {"rule": target.rule, "payment": target.payment}
    return {"rule": target}


def _check_open_names(one: ProfileFunction, other: ProfileFunction, names: Sequence[str]) -> None:
    """A distribution parameter that both leave open by one name is one and the same."""
    if set(one.open_names) == set(other.open_names):
        return
    open_in = [", ".join(function.open_names) or "nothing" for function in (one, other)]
    raise NotComparable(
        f"{names[0]} leaves {open_in[0]} open and {names[1]} {open_in[1]}: give the distribution "
        "parameters the same names, or values with with_parameters"
    )


def _without_definedness(evidence: Evidence) -> Evidence:
    """The evidence without an assumption that equality does not make: both are defined alike."""
    kept = tuple(text for text in evidence.assumptions if text != ASSUMED_DEFINED)
    return replace(evidence, assumptions=kept)


def _of_both(found: Mapping[str, Equality]) -> Equality:
    """The equality of mechanisms whose parts do not differ as far as is known."""
    if len(found) == 1:
        return found["rule"]
    open_parts = {part: one for part, one in found.items() if isinstance(one, Undecided)}
    if open_parts:
        reasons = (f"{_PARTS[part]}: {one.reason}" for part, one in open_parts.items())
        return Undecided("; ".join(reasons), method=next(iter(open_parts.values())).method)
    evidence = [one.evidence for one in found.values() if isinstance(one, Equivalent)]
    return Equivalent(
        Evidence(
            ", ".join(dict.fromkeys(one.method for one in evidence)),
            tuple(step for one in evidence for step in one.steps),
            tuple(dict.fromkeys(text for one in evidence for text in one.assumptions)),
            evidence[0].tools,
        )
    )


_PARTS = {"rule": "the rules", "payment": "the payment rules"}


def _within(gap: tuple[str, str] | None, found: Equality) -> Equality:
    """The equality of functions whose domains differ: never more than unknown."""
    if gap is None or isinstance(found, Different):
        return found
    common, beyond = gap
    if isinstance(found, Undecided):
        return replace(found, reason=f"{found.reason}; {beyond}")
    return Undecided(f"the same on {common} (proved); {beyond}", method=found.evidence.method)


def _row(row: Row, exact: bool) -> str:
    about = "" if exact and not any("." in number for number in row) else "about "
    return f"{about}({', '.join(row)})"


def _defined(row: Row) -> Row | None:
    return None if "undefined" in row else row


def _run(function: ProfileFunction, values: Assignment) -> Row | str:
    """What a function returns on NumPy, or that it raises, and what."""
    bids, dists = (np.array(x, dtype=float) for x in (values.bids, values.dists))
    named = {name: np.array(row, dtype=float) for name, row in values.named.items()}
    try:
        return tuple(f"{x:.12g}" for x in run_rule(function, bids, dists, named))
    except Unusable as problem:
        cause = problem.__cause__
        return f"raises {type(cause).__name__}: {cause}" if cause else f"is unusable: {problem}"


def explanation_of(found: Equality, sides: Sequence[tuple[str, Verifier]]) -> list[str]:
    """What both compute, where that is known for every size, and what a proof consists of."""
    parts = [(title, part) for title, side in sides for part in side.parts]
    lines = [f"{title}: {line}" for title, part in parts for line in formulas(part)]
    return [*lines, *found.evidence.steps] if isinstance(found, Equivalent) else lines
