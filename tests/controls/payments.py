"""Nearby false statements about payments: critical bids, second prices, stable samplings, races."""

from collections.abc import Callable

import z3

from tokenauction.proofs.kernel import by_z3
from tokenauction.proofs.paper import critical_bid as bid

Attempts = list[tuple[str, Callable[[], object]]]


def refutable(hypotheses: object, conclusion: object) -> Callable[[], object]:
    """An attempt to prove that the conclusion follows."""
    return lambda: by_z3(z3.Implies(hypotheses, conclusion), budget=300_000)


# A token that comes back: the infimum at bid 3 is 0, at bid 1 it is 1.
_RETURNS = z3.And(
    bid.token(0) == 0,
    z3.ForAll([bid.y], z3.Implies(0 < bid.y, bid.token(bid.y) == z3.If(bid.y < 2, 1, 0))),
)

CRITICAL_BID: Attempts = [
    (
        "a token that comes back is that of b everywhere above the infimum",
        refutable(
            z3.And(_RETURNS, bid.b == 3, bid.c == 0, bid.x == 1, bid.INFIMUM),
            bid.token(bid.x) == bid.token(bid.b),
        ),
    ),
    (
        "the critical bid is below the bid",
        refutable(z3.And(bid.b > 0, bid.SEPARATES), bid.c < bid.b),
    ),
    (
        "an interval for every token: the token changes at most once",
        refutable(
            z3.Implies(bid.token(bid.x) == bid.token(bid.z), bid.token(bid.y) == bid.token(bid.z)),
            z3.Or(bid.token(bid.x) == bid.token(bid.y), bid.token(bid.y) == bid.token(bid.z)),
        ),
    ),
    (
        "at the critical bid itself the token is that of b",
        refutable(z3.And(bid.b > 0, bid.SEPARATES), bid.token(bid.c) == bid.token(bid.b)),
    ),
    (
        "non-decreasing in b although a token comes back",
        refutable(
            z3.And(_RETURNS, bid.b == 1, bid.b_more == 3, bid.c_more == 0, bid.SEPARATES),
            bid.c <= bid.c_more,
        ),
    ),
]

CONTROLS: dict[str, Attempts] = {
    "critical-bid": CRITICAL_BID,
}
