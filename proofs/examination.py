"""What is known of one rule before anything is decided: does it run, and does it trace faithfully?

A verdict rests on a trace only where the trace is what the rule's function computes on NumPy, at
every size that was tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs import claims
from tokenauction.proofs.canonical import Canon, TooLarge
from tokenauction.proofs.claims import RuleFault
from tokenauction.proofs.graph import Axis, Node
from tokenauction.proofs.numpy_run import check_usable, disagreement, open_disagreement
from tokenauction.proofs.trace import Trace, TracingError

_LONG_CONSTANT = 15


@dataclass
class Examined:
    """One aggregation or payment rule, looked at once."""

    function: ProfileFunction

    @property
    def usable_sizes(self) -> list[tuple[int, int]]:
        """Sizes at which the function runs; raises Unusable."""
        return self._runs[0]

    @cached_property
    def _runs(self) -> tuple[list[tuple[int, int]], str]:
        return check_usable(self.function)

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
            return f"{rule.file}:{rule.line}: {rule.name} keeps state between calls"
        return disagreement(claims.claim_about(rule), self.usable_sizes)

    def _traced_at(self, agents: int, tokens: int) -> tuple[Node, ...] | str:
        """What the rule returns at a size, or why it cannot be traced."""
        about = claims.claim_about(self.function)
        try:
            return next(claims.instances(about, agents, tokens)).formula.outputs
        except (TracingError, RuleFault) as problem:
            return str(problem)

    @cached_property
    def traced_paths(self) -> list[tuple[Node, Node]] | str:
        """The rule's trace over every size, or why there is none."""
        try:
            return claims.traced_function(self.function)
        except (TracingError, RuleFault) as problem:
            return str(problem)

    @cached_property
    def open_paths(self) -> list[tuple[Node, Node]] | str:
        """The same where it can be trusted: the rule runs at every size tried, and agrees."""
        paths = self._runs[1] or self.traced_paths
        if isinstance(paths, str):
            return paths
        return open_disagreement(self.function, paths, self.usable_sizes) or paths

    def canonical_texts(self) -> list[str]:
        """What the rule computes, in canonical form; the same for rules that are only reworded."""
        canon = Canon(self.function.support == "full", budget=200_000)
        texts: list[str] = [self.function.support]
        try:
            if isinstance(self.traced_paths, str):
                for agents, tokens in self.usable_sizes[:4]:
                    found = self._traced_at(agents, tokens)
                    texts += (
                        [found] if isinstance(found, str) else [canon.poly(n).key for n in found]
                    )
            else:
                for assumed, result in self.traced_paths:
                    texts += [canon.condition(assumed).key, canon.poly(result).key]
        except TooLarge:
            texts.append(str(self.traced_paths))
        return texts

    @cached_property
    def decimals(self) -> tuple[float, ...]:
        """The float constants of the rule that were read as decimals."""
        trace = Trace(sizes={Axis.AGENTS: 2, Axis.TOKENS: claims.tokens_of(self.function) or 3})
        try:
            claims.formula_in(claims.claim_about(self.function), trace)
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


def fingerprint(parts: Sequence[Examined]) -> str | None:
    """A digest of what rules compute together; None where one cannot be traced."""
    if any(part.untraceable for part in parts):
        return None
    texts = [text for part in parts for text in part.canonical_texts()]
    return sha256("\n".join(texts).encode()).hexdigest()[:16]
