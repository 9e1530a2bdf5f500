"""TRUSTED CORE. What is known of one rule before it is decided: does it run, and trace faithfully?

A verdict rests on a trace only where the trace is what the rule's function computes on NumPy, at
every size that was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from linecache import getline

import numpy as np

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.canonical import Canon
from tokenauction.proofs.core.algebra.obligations import EXACT, closed_obligations
from tokenauction.proofs.core.algebra.terms import TRUE
from tokenauction.proofs.core.claims import claims, formulas
from tokenauction.proofs.core.claims.claims import RuleFault
from tokenauction.proofs.core.faithfulness.agreement import Comparison, compared
from tokenauction.proofs.core.faithfulness.fingerprints import digest, digest_of
from tokenauction.proofs.core.faithfulness.open_agreement import open_disagreement
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Node
from tokenauction.proofs.core.runs.numpy_run import (
    CHECKED_SIZES,
    Misbehaves,
    Runs,
    Unusable,
    check_usable,
    no_function,
    run_rule,
)
from tokenauction.proofs.core.tracing.halves import twin_of
from tokenauction.proofs.core.tracing.trace import Trace, TracingError
from tokenauction.proofs.core.tracing.twins import Profile
from tokenauction.proofs.results.reasons import RAISES, Reason, reason_of

_LONG_CONSTANT = 15


@dataclass
class Examined:
    """One aggregation or payment rule, looked at once."""

    function: ProfileFunction

    @cached_property
    def runs(self) -> Runs:
        """Where the function runs; raises Unusable."""
        return check_usable(self.function)

    @property
    def usable_sizes(self) -> list[tuple[int, int]]:
        """The sizes to trace it at: those at which it runs, or all where it does at none."""
        only = claims.tokens_of(self.function)
        return self.runs.sizes or [(n, only or t) for n, t in CHECKED_SIZES]

    @cached_property
    def untraceable(self) -> str:
        """Why the rule has no trace that can be trusted; empty where it has one."""
        size = (2, claims.tokens_of(self.function) or 3)
        earlier = [self._traced_at(*size), self._traced_at(*size)]
        for agents, tokens in self.usable_sizes[:4]:
            found = self._traced_at(agents, tokens)
            if isinstance(found, str):
                return found
        rule = self.function
        if size in self.usable_sizes and any(trace != self._traced_at(*size) for trace in earlier):
            return no_function(rule)
        return self.comparison.problem

    @cached_property
    def comparison(self) -> Comparison:
        """What the comparison of the traces at fixed sizes with runs has found."""
        return compared(claims.claim_about(self.function), self.runs.sizes)

    def _traced_at(self, agents: int, tokens: int) -> tuple[Node, ...] | str:
        """What the rule returns at a size, or why it cannot be traced."""
        about = claims.claim_about(self.function)
        try:
            return next(formulas.instances(about, agents, tokens)).formula.outputs
        except TracingError as problem:
            return reason_of(problem)
        except RuleFault as problem:
            return self._raised_in_the_run(agents, tokens) or _raised_in_the_trace(problem)

    def _raised_in_the_run(self, agents: int, tokens: int) -> Reason | None:
        """What the function raises on NumPy at the profile of its twins; None for nothing."""
        profile = Profile({Axis.AGENTS: agents, Axis.TOKENS: tokens})
        given = formulas.inputs_in(Trace(dict(profile.sizes), profile))
        bids, dists = (np.array(twin_of(array), dtype=float) for array in given)
        named = {}
        for name in self.function.open_names:
            leaves = (graph.named_dist(name, token) for token in map(graph.token, range(tokens)))
            named[name] = np.array([float(profile.value(leaf)) for leaf in leaves])
        try:
            run_rule(self.function, bids, dists, named)
        except Misbehaves:
            raise
        except Unusable as problem:
            text = f"{problem} (bids {', '.join(map(str, bids.tolist()))})"
            return Reason(text, RAISES, self.function.file, self.function.line)
        return None

    @cached_property
    def traced_paths(self) -> list[tuple[Node, Node]] | str:
        """The rule's trace over every size, or why there is none."""
        try:
            return formulas.traced_function(self.function)
        except (TracingError, RuleFault) as problem:
            return str(problem)

    @cached_property
    def open_paths(self) -> list[tuple[Node, Node]] | str:
        """The same where it can be trusted: the rule runs at every size tried, and agrees."""
        paths = self.runs.problem or self.traced_paths
        if isinstance(paths, str):
            return paths
        return open_disagreement(self.function, paths, self.usable_sizes) or paths

    def canonical_texts(self) -> list[str]:
        """What the rule computes and where it is defined; the same if it is only reworded.

        A rule that has no trace over every size is described at every small size, to
        `LARGEST_FINGERPRINTED` agents and tokens, and at those that every rule is run at.
        """
        only = claims.tokens_of(self.function)
        kind = f"{self.function.support} {self.function.returns} {only}"
        if isinstance(self.open_paths, str):
            return [kind, *self._texts_at_fixed_sizes()]
        canon = Canon(self.function.support == "full", budget=200_000)
        texts = [kind]
        try:
            for assumed, result in self.open_paths:
                texts += [canon.condition(assumed).key, canon.poly(result).key]
                texts += _definedness(canon, result)
        except TooLarge:
            texts += [digest_of(node) for path in self.open_paths for node in path]
        return texts

    def _texts_at_fixed_sizes(self) -> list[str]:
        only = claims.tokens_of(self.function)
        counts = range(1, formulas.LARGEST_FINGERPRINTED + 1)
        small = [(n, only or t) for n, t in product(counts, repeat=2)]
        texts = []
        for size in sorted({*small, *self.usable_sizes}):
            found = self._traced_at(*size)
            told = "no trace" if isinstance(found, str) else digest_of(*found)
            texts.append(f"{size}: {told}")
        return texts

    @cached_property
    def decimals(self) -> tuple[float, ...]:
        """The float constants of the rule that were read as decimals."""
        trace = Trace(sizes={Axis.AGENTS: 2, Axis.TOKENS: claims.tokens_of(self.function) or 3})
        try:
            formulas.formula_in(claims.claim_about(self.function), trace)
        except (TracingError, RuleFault):
            return ()
        return tuple(sorted(trace.float_constants))

    @property
    def rounded_constants(self) -> bool:
        """Whether some constant has so many digits that it must come from rounded arithmetic.

        Then a violation that is no larger than rounding says nothing about the rule that is meant.
        """
        digits = (repr(value).replace(".", "").lstrip("-0") for value in self.decimals)
        return any(len(text) >= _LONG_CONSTANT for text in digits)


def _raised_in_the_trace(problem: RuleFault) -> Reason:
    """Why a rule that runs has no trace: a line raises where it is given traced arrays."""
    if problem.line is None:
        return reason_of(problem)
    source = getline(problem.file, problem.line).strip()
    way_out = "use functions of xp = array_namespace(bids, dists), see the list in docs/rules.md"
    text = (
        f"{problem.file}:{problem.line}: {way_out}, because `{source}` runs on NumPy and cannot be "
        f"followed by the trace, which raises {problem.raised}"
    )
    return Reason(text, "untraced-call", problem.file, problem.line, way_out)


def fingerprint(parts: Sequence[Examined]) -> str | None:
    """A digest of what rules compute together; None where one cannot be traced."""
    if any(part.untraceable for part in parts):
        return None
    return digest("\n".join(text for part in parts for text in part.canonical_texts()))


def _definedness(canon: Canon, result: Node) -> list[str]:
    """What has to hold for a result to be defined, as far as its form does not show it.

    Where the conditions are more than what has to hold, as for logarithms, or where a run goes on
    with what is no number, the graph itself.
    """
    needed = [
        (obligation.kind, canon.condition(obligation.condition).key, obligation.absorbed)
        for obligation in closed_obligations(result)
        if canon.condition(obligation.condition) != TRUE
    ]
    if any(kind not in EXACT or absorbed for kind, _, absorbed in needed):
        return [digest_of(result)]
    return sorted({f"{kind}: {condition}" for kind, condition, _ in needed})
