"""A mechanism as one agent sees it, and what can be asked of it.

The agent's bids, what the others do, and outcomes are any sets. `outcome(b, o)` is the distribution
that the bid `b` brings when the others do `o`, `payment(b, o)` its price, and `prefers(x, y)` says
that the agent likes `x` at least as much as `y`. Bids may be ordered: `at_least(b, b')`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import z3

from tokenauction.proofs.core.kernel import BOOL, REAL

BID, OTHERS, DIST = (z3.DeclareSort(name) for name in ("Bid", "Others", "Dist"))


@dataclass(frozen=True)
class OneAgent:
    """The sorts of bids, of what the others do, and of outcomes; and the functions on them."""

    bids: Any
    others: Any
    outcomes: Any
    outcome: Callable[[Any, Any], Any]
    payment: Callable[[Any, Any], Any]
    prefers: Callable[[Any, Any], Any]
    at_least: Callable[[Any, Any], Any]

    def of_bids(self, says: Callable[[Any, Any, Any], Any]) -> Any:
        """What `says` says of every two bids and everything that the others may do."""
        b, c = z3.Consts("b c", self.bids)
        o = z3.Const("o", self.others)
        return z3.ForAll([b, c, o], says(b, c, o))

    def of_outcomes(self, says: Callable[[Any, Any, Any], Any]) -> Any:
        """What `says` says of every three outcomes."""
        outcomes = z3.Consts("x y w", self.outcomes)
        return z3.ForAll([*outcomes], says(*outcomes))

    def likes(self, b: Any, c: Any, o: Any) -> Any:
        """`q(b, o) ⪰ q(c, o)`."""
        return self.prefers(self.outcome(b, o), self.outcome(c, o))

    def strictly_likes(self, b: Any, c: Any, o: Any) -> Any:
        """`q(b, o) ≻ q(c, o)`."""
        return z3.And(self.likes(b, c, o), z3.Not(self.likes(c, b, o)))

    def pays_at_least(self, b: Any, c: Any, o: Any) -> Any:
        """`z(b, o) ≥ z(c, o)`."""
        return self.payment(b, o) >= self.payment(c, o)

    def at_least_everywhere(self, b: Any, c: Any) -> Any:
        """`b ⊒ c`: whatever the others do, `q(b, o) ⪰ q(c, o)`."""
        o = z3.Const("o", self.others)
        return z3.ForAll([o], self.likes(b, c, o))

    @property
    def payment_monotone(self) -> Any:
        """`z(b, o) ≥ z(c, o) ⇔ q(b, o) ⪰ q(c, o)`."""
        return self.of_bids(lambda b, c, o: self.pays_at_least(b, c, o) == self.likes(b, c, o))

    @property
    def consistent(self) -> Any:
        """`q(b, o) ≻ q(c, o)` for some `o` only if `q(b, o') ⪰ q(c, o')` for every `o'`."""
        other = z3.Const("other", self.others)
        return z3.ForAll(
            [other],
            self.of_bids(
                lambda b, c, o: z3.Implies(self.strictly_likes(b, c, o), self.likes(b, c, other))
            ),
        )

    @property
    def monotone(self) -> Any:
        """A bid at least as high brings an outcome at least as good."""
        return self.of_bids(lambda b, c, o: z3.Implies(self.at_least(b, c), self.likes(b, c, o)))

    @property
    def antisymmetric(self) -> Any:
        """Outcomes that are liked equally are equal."""
        return self.of_outcomes(
            lambda x, y, _: z3.Implies(z3.And(self.prefers(x, y), self.prefers(y, x)), x == y)
        )

    @property
    def total(self) -> Any:
        """Of two outcomes, one is liked at least as much as the other."""
        return self.of_outcomes(lambda x, y, _: z3.Or(self.prefers(x, y), self.prefers(y, x)))

    @property
    def preorder(self) -> Any:
        """`⪰` is reflexive and transitive."""
        prefers = self.prefers
        return self.of_outcomes(
            lambda x, y, w: z3.And(
                prefers(x, x), z3.Implies(z3.And(prefers(x, y), prefers(y, w)), prefers(x, w))
            )
        )

    @property
    def bids_are_ordered(self) -> Any:
        """Bids are totally ordered."""
        a, b, c = z3.Consts("a b c", self.bids)
        chain = z3.And(self.at_least(a, b), self.at_least(b, c))
        transitive = z3.ForAll([a, b, c], z3.Implies(chain, self.at_least(a, c)))
        antisymmetric = self.of_bids(
            lambda b, c, _: z3.Implies(z3.And(self.at_least(b, c), self.at_least(c, b)), b == c)
        )
        return z3.And(self.bids_are_comparable, antisymmetric, transitive)

    @property
    def bids_are_comparable(self) -> Any:
        """Of two bids, one is at least as high as the other."""
        return self.of_bids(lambda b, c, _: z3.Or(self.at_least(b, c), self.at_least(c, b)))


ANY = OneAgent(
    BID,
    OTHERS,
    DIST,
    z3.Function("q", BID, OTHERS, DIST),
    z3.Function("z", BID, OTHERS, REAL),
    z3.Function("prefers", DIST, DIST, BOOL),
    z3.Function("at_least", BID, BID, BOOL),
)
