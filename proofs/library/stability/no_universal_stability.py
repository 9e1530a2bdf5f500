"""No sampling is stable for every agent at once, in general: the linear rule, three agents.

Three tokens 0, 1, 2. Agent 3 bids 1 and does not move; agents 1 and 2 bid 0 or 1. The agents prefer

    p_1 = (0, 1/2, 1/2)      p_2 = (0, 1, 0)      p_3 = (1/2, 0, 1/2)

so that the linear rule returns, at the four pairs of bids of agents 1 and 2,

    A: q(0, 0) = (1/2, 0, 1/2)        B: q(1, 0) = (1/4, 1/4, 1/2)
    C: q(0, 1) = (1/4, 1/2, 1/4)      D: q(1, 1) = (1/6, 1/2, 1/3)

A *sampling* is one random choice of a token for each of the four pairs, with these laws; it is
*stable* where raising one agent's bid leaves the token or moves it from a token whose probability
falls to one whose probability rises.

Suppose the token at D is 2. Token 2 does not rise from A to B or from B to D, so nothing moves to
it there: the token at A was 2. Then the token at C is not 0, which does not rise from A to C. It is
not 1, which does not fall from C to D. So it is 2. Hence `1/3 = Pr[D is 2] ≤ Pr[C is 2] = 1/4`.

The second conclusion is the linear programme: over the stable functions from the four pairs to
tokens, no non-negative weights have the marginals that the rule demands. The Farkas multipliers are
1 for token 2 at D, -1 for token 2 at C, and 0 for the other ten marginals.

It is small in every direction. With two tokens or two agents there is a universally stable sampling
(universal_stability.py, universal_stability_two_tokens.py). With fewer than four pairs of bids
there is no cycle in which two agents move. Where every agent prefers one token for certain, none of
the 4,000 grids of two bids up to 4 for each agent is infeasible (linear programmes in floating
point, all of them). What breaks it is neither a bid of zero, nor a probability of zero, nor a tie:
the last conclusion has positive bids and distributions, and no probability stays the same.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    OUTCOME,
    REAL,
    Theorem,
    axiom,
    by_certificate,
    by_z3,
    probability,
)
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem

Bids = tuple[int, int]
Numbers = Sequence[Any]

TOKENS = (0, 1, 2)
# The token that is sampled in an outcome, at the bids of agents 1 and 2.
sampled = z3.Function("sampled", OUTCOME, REAL, REAL, INT)
w = z3.Const("w", OUTCOME)


class Auction:
    """Two bids for each of agents 1 and 2, agent 3's bid, and the preferred distributions."""

    def __init__(self, low: int, high: int, third: int, *preferred: Numbers) -> None:
        self.third, self.preferred = third, preferred
        a, b, c, d = (low, low), (high, low), (low, high), (high, high)
        self.corners: tuple[Bids, ...] = (a, b, c, d)
        self.raises: tuple[tuple[Bids, Bids], ...] = ((a, b), (a, c), (b, d), (c, d))

    def linear(self, bids: Bids) -> list[Any]:
        """What the linear rule returns: `Σ_i b_i p_i(t) / Σ_i b_i` for every token t."""
        weights = [z3.RealVal(bid) for bid in (*bids, self.third)]
        return [
            z3.Sum([b * p[t] for b, p in zip(weights, self.preferred, strict=True)])
            / z3.Sum(weights)
            for t in TOKENS
        ]

    def stable(self, before: Any, after: Any, raised: tuple[Bids, Bids]) -> Any:
        """The token stays, or moves from one that falls to one that rises."""
        old, new = (self.linear(bids) for bids in raised)
        falls = z3.Or([z3.And(before == t, new[t] < old[t]) for t in TOKENS])
        rises = z3.Or([z3.And(after == t, new[t] > old[t]) for t in TOKENS])
        return z3.Or(before == after, z3.And(falls, rises))


def over(parts: int, *numerators: int) -> Numbers:
    """The distribution with these numerators over one denominator."""
    return [z3.Q(k, parts) for k in numerators]


SMALLEST = Auction(0, 1, 1, over(2, 0, 1, 1), over(2, 0, 2, 0), over(2, 1, 0, 1))
INTERIOR = Auction(1, 3, 2, over(6, 1, 3, 2), over(6, 1, 4, 1), over(6, 2, 1, 3))


def token(outcome: Any, bids: Bids) -> Any:
    """The token that is sampled."""
    return sampled(outcome, *map(z3.RealVal, bids))


def is_token(value: Any) -> Any:
    """The value is one of the tokens."""
    return z3.Or([value == t for t in TOKENS])


def universally_stable(auction: Auction) -> Any:
    """In every outcome there is a token at each corner, and every raise of a bid is stable."""
    tokens = [is_token(token(w, bids)) for bids in auction.corners]
    stable = [auction.stable(token(w, r[0]), token(w, r[1]), r) for r in auction.raises]
    return z3.ForAll([w], z3.And(*tokens, *stable))


def law(auction: Auction) -> Any:
    """The token has the distribution of the rule at each corner."""

    def chance(bids: Bids, t: int) -> Any:
        return probability(lambda w: token(w, bids) == t)

    shares = [(bids, enumerate(auction.linear(bids))) for bids in auction.corners]
    return z3.And([chance(bids, t) == share for bids, tokens in shares for t, share in tokens])


def no_sampling(auction: Auction) -> Theorem:
    """If the token at D is 2, so it is at C, where 2 is less probable: a contradiction."""
    c, d = auction.corners[2:]
    premise = universally_stable(auction)
    inside = z3.ForAll([w], z3.Implies(token(w, d) == 2, token(w, c) == 2))
    contained = by_z3(z3.Implies(premise, inside))
    order = axiom("probability-order", lambda v: token(v, d) == 2, lambda v: token(v, c) == 2)
    return by_z3(z3.Not(z3.And(premise, law(auction))), contained, order)


def stable_functions(auction: Auction) -> list[tuple[int, ...]]:
    """Every stable way to put a token at each corner."""

    def allowed(raised: tuple[Bids, Bids]) -> set[tuple[int, int]]:
        return {
            (old, new)
            for old, new in product(TOKENS, repeat=2)
            if z3.is_true(z3.simplify(auction.stable(z3.IntVal(old), z3.IntVal(new), raised)))
        }

    places = [tuple(map(auction.corners.index, raised)) for raised in auction.raises]
    moves = [allowed(raised) for raised in auction.raises]
    return [
        values
        for values in product(TOKENS, repeat=4)
        if all((values[a], values[b]) in m for (a, b), m in zip(places, moves, strict=True))
    ]


def stable_values(auction: Auction, values: Sequence[Any]) -> list[Any]:
    """What stability says of tokens at the corners."""
    at = dict(zip(auction.corners, values, strict=True))
    return [auction.stable(at[r[0]], at[r[1]], r) for r in auction.raises]


def enumeration_is_complete(auction: Auction) -> Theorem:
    """Tokens at the corners are stable if and only if they are on the list."""
    values = z3.Ints("at_A at_B at_C at_D")
    listed = [
        z3.And([v == t for v, t in zip(values, function, strict=True)])
        for function in stable_functions(auction)
    ]
    stable = z3.And(*map(is_token, values), *stable_values(auction, values))
    return by_z3(stable == z3.Or(listed))


def no_weights(auction: Auction) -> Theorem:
    """Weights of the stable functions with the marginals of token 2 at C and D give `0 = 1/12`.

    One stable function has token 2 at C, and it alone has token 2 at D.
    """
    functions = stable_functions(auction)
    weights = [z3.Real("weight_" + "".join(map(str, function))) for function in functions]
    marginals = []
    for corner in (2, 3):
        having = [x for f, x in zip(functions, weights, strict=True) if f[corner] == 2]
        share = z3.simplify(auction.linear(auction.corners[corner])[2])
        marginals.append(share == z3.Sum(having))
    hypotheses = [*(x >= 0 for x in weights), *marginals]
    at_c, at_d = len(weights), len(weights) + 1
    only_at_c = [k for k, f in enumerate(functions) if f[2] == 2 and f[3] != 2]
    combination = [(-1, [at_d]), (1, [at_c]), *((1, [k]) for k in only_at_c)]
    return by_certificate(hypotheses, z3.BoolVal(False), combination)


@library_theorem(origin=PAPER)
def no_universal_stability() -> Conclusions:
    """For the linear rule with three agents and three tokens there are distributions for which no
    sampling with the rule's law is stable for every agent at once: not even for two agents with two
    bids each."""
    return {
        "no sampling": no_sampling(SMALLEST),
        "no weights of the stable functions": no_weights(SMALLEST),
        "these are the stable functions": enumeration_is_complete(SMALLEST),
        "no sampling for positive distributions and bids without ties": no_sampling(INTERIOR),
    }
