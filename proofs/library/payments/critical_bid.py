"""The critical bid: what an agent would have had to bid at least to keep the token that was drawn.

One random number is fixed. `σ(x)` is then the token that is drawn where the agent bids `x ≥ 0`;
tokens are natural numbers. Two properties of `σ` matter:

    changes at most once    for x ≤ y ≤ z: σ(x) = σ(y) or σ(y) = σ(z)
    no token comes back     for x ≤ y ≤ z: σ(x) = σ(z) only if σ(y) = σ(z)

The first implies the second, which says that the bids at which a token is drawn form an interval.
The critical bid at `b` is `c = inf {x in [0, b] : σ(x) = σ(b)}`, the greatest lower bound, which
exists by the completeness of the reals since `b` is in the set and 0 is below it. Where no token
comes back, it is the number in `[0, b]` that separates the other tokens from the token of `b`:

    for x in [0, b]: σ(x) = σ(b) if x > c, and σ(x) ≠ σ(b) if x < c.

Proof. A bid below `c` is not in the set, since `c` is a lower bound. Above a bid `x > c` there is a
member `y < x` of the set, and `σ(y) = σ(b)` with `y < x ≤ b` gives `σ(x) = σ(b)`. If two numbers
separate, so does their mean, on both sides. Let `b ≤ b'` and suppose `c' < c`. The mean `x` of the
two is below `b` and has `σ(x) ≠ σ(b)`, but `σ(x) = σ(b')`: the token of `b'` went and came back.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import INT, REAL, Theorem, axiom, by_z3
from tokenauction.proofs.library.library import ARXIV, PAPER, Conclusions, library_theorem

token = z3.Function("token", REAL, INT)
b, c, b_more, c_more, x, y, z = z3.Reals("b c b_more c_more x y z")


def changes_at_most_once(sampled: Any) -> Any:
    """A bid that rises changes the token at most once."""
    ordered = z3.And(0 <= x, x <= y, y <= z)
    once = z3.Or(sampled(x) == sampled(y), sampled(y) == sampled(z))
    return z3.ForAll([x, y, z], z3.Implies(ordered, once))


def no_token_comes_back(sampled: Any) -> Any:
    """The bids at which a token is drawn form an interval."""
    returns = z3.And(0 <= x, x <= y, y <= z, sampled(x) == sampled(z))
    return z3.ForAll([x, y, z], z3.Implies(returns, sampled(y) == sampled(z)))


def wins_from(sampled: Any, bid: Any, at: Any) -> Any:
    """`at` is a bid in `[0, bid]` that draws the token of `bid`."""
    return z3.And(0 <= at, at <= bid, sampled(at) == sampled(bid))


def is_infimum(critical: Any, sampled: Any, bid: Any) -> Any:
    """`critical` is the greatest lower bound of the bids that draw the token of `bid`."""
    lower = z3.Implies(wins_from(sampled, bid, x), x >= critical)
    member_below = z3.Exists([x], z3.And(wins_from(sampled, bid, x), x < y))
    greatest = z3.Implies(y > critical, member_below)
    # The pattern tells Z3 to try the bids whose token is spoken of; it does not change the formula.
    return z3.And(z3.ForAll([x], lower), z3.ForAll([y], greatest, patterns=[sampled(y)]))


def separates(critical: Any, sampled: Any, bid: Any) -> Any:
    """`critical` is in `[0, bid]`; between it and `bid` the token is that of `bid`, not below."""
    sides = z3.And(
        z3.Implies(x > critical, sampled(x) == sampled(bid)),
        z3.Implies(x < critical, sampled(x) != sampled(bid)),
    )
    inside = z3.And(0 <= critical, critical <= bid)
    return z3.And(inside, z3.ForAll([x], z3.Implies(z3.And(0 <= x, x <= bid), sides)))


INTERVALS = no_token_comes_back(token)
INFIMUM = is_infimum(c, token, b)
SEPARATES = separates(c, token, b)


def by_cases(hypotheses: Any, conclusion: Any, at: Any) -> Theorem:
    """Whether the bid `at` draws the token of `b`, or another."""
    same, other = (
        by_z3(z3.Implies(z3.And(hypotheses, case), conclusion))
        for case in (token(at) == token(b), token(at) != token(b))
    )
    return by_z3(z3.Implies(hypotheses, conclusion), same, other)


def existence_lemma() -> Theorem:
    """The set of bids has a greatest lower bound: it is not empty, and 0 is below it."""
    complete = axiom("completeness", lambda at: wins_from(token, b, at), 0)
    premise, a_greatest_lower_bound = complete.statement.children()
    applies = by_z3(z3.Implies(b >= 0, premise))
    return by_z3(z3.Implies(b >= 0, a_greatest_lower_bound), applies, complete)


def separation_lemma() -> Theorem:
    """The greatest lower bound separates."""
    inside, sides = SEPARATES.children()
    bounds = by_cases(z3.And(b >= 0, INFIMUM), inside, z3.RealVal(0))
    separated = by_z3(z3.Implies(z3.And(b >= 0, INTERVALS, INFIMUM), sides))
    return by_z3(z3.Implies(z3.And(b >= 0, INTERVALS, INFIMUM), SEPARATES), bounds, separated)


@library_theorem(origin=PAPER, reference=f"{ARXIV} (second price); critical bids: Myerson (1981)")
def critical_bid() -> Conclusions:
    """For one outcome of the randomness: if no token comes back as the own bid rises, in particular
    if the token changes at most once, every bid b ≥ 0 has exactly one critical bid c; 0 ≤ c ≤ b,
    bids in [0, b] above c draw the token of b and those below do not, and c is 0 at bid 0 and
    non-decreasing in b."""
    halfway = (c + c_more) / 2
    two_numbers = z3.And(SEPARATES, separates(c_more, token, b))
    two_bids = z3.And(b <= b_more, INTERVALS, SEPARATES, separates(c_more, token, b_more))
    return {
        "a token that changes at most once does not come back": by_z3(
            z3.Implies(changes_at_most_once(token), INTERVALS)
        ),
        "there is a greatest lower bound": existence_lemma(),
        "it separates the token of b from others": separation_lemma(),
        "only it does": by_cases(two_numbers, c == c_more, halfway),
        "it is 0 at bid 0": by_z3(z3.Implies(z3.And(b == 0, SEPARATES), c == 0)),
        "it is non-decreasing in b": by_cases(two_bids, c <= c_more, halfway),
    }
