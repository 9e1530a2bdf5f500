"""The exponential race: the own bids at which a token wins form an interval.

Every token has a clock with an exponential time `E(t)`; at bid `x` it comes in at `E(t) / q(x, t)`,
and the first token to come in is drawn. With `w = 1 / E`, token `t` wins at `x` where
`w(t) q(x, t) ≥ w(s) q(x, s)` for every `s`; of two that tie, the one of smaller number wins. One
random number is fixed, so the weights `w(t) > 0` are any numbers.

The rule is monotone in the odds order: as the bid rises from `x` to `y`, the odds `q(s) / q(t)` of
every two tokens move towards those of `p`; `q` and `p` are positive, and odds are multiplied out.

Proof. Odds that move towards a point are highest at an end of an interval: for `x ≤ y ≤ z` those at
`y` are at most those at `x` or at most those at `z`. Token `t` beats `s` where the odds of `s`
against `t` are below `w(t) / w(s)`; so if it does at `x` and at `z`, it does at `y`. If `t` wins at
`x` and another token `s` at `y ≥ x`, the odds of `s` against `t` are below that number at `x` and
above it at `y`; so they rise, and as they move towards those of `p` they stay at most these.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    REAL,
    Theorem,
    by_z3,
    generalised,
    instance_of,
    specialised,
)
from tokenauction.proofs.library.basics.notation import each, vector
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem
from tokenauction.proofs.library.payments import critical_bid as fixed

p, weight = vector("p"), vector("weight")
q = z3.Function("q", REAL, INT, REAL)
winner = z3.Function("winner", REAL, INT)
x, y, z = z3.Reals("x y z")
n, s, t = z3.Ints("n s t")


def odds_at_most(one: Any, other: Any, one_more: Any, other_more: Any) -> Any:
    """`one / other ≤ one_more / other_more`, multiplied out."""
    return one * other_more <= one_more * other


def odds_order(p_s: Any, p_t: Any, y_s: Any, y_t: Any, x_s: Any, x_t: Any) -> Any:
    """The odds at `y` lie between those of `p` and those at `x`, for one pair of tokens."""
    up = z3.And(odds_at_most(x_s, x_t, y_s, y_t), odds_at_most(y_s, y_t, p_s, p_t))
    down = z3.And(odds_at_most(p_s, p_t, y_s, y_t), odds_at_most(y_s, y_t, x_s, x_t))
    return z3.Or(up, down)


def pair_moves(after: Any, before: Any, s: Any, t: Any) -> Any:
    """The odds of `s` against `t` move towards those of `p` between two bids."""
    here, there = (q(after, s), q(after, t)), (q(before, s), q(before, t))
    return odds_order(p(s), p(t), *here, *there)


def beats(one: Any, other: Any, bid: Any) -> Any:
    """A token comes in before another at a bid; of two that tie, the one of smaller number."""
    time, other_time = weight(one) * q(bid, one), weight(other) * q(bid, other)
    return z3.If(other < one, other_time < time, other_time <= time)


def is_token(token: Any) -> Any:
    """The number is one of a token."""
    return z3.And(0 <= token, token < n)


_tokens = z3.And(is_token(s), is_token(t))
MONOTONE = z3.ForAll(
    [x, y, s, t], z3.Implies(z3.And(0 <= x, x <= y, _tokens), pair_moves(y, x, s, t))
)
POSITIVE = z3.And(
    z3.ForAll([x, t], z3.Implies(z3.And(x >= 0, is_token(t)), q(x, t) > 0)),
    each(n, lambda t: z3.And(p(t) > 0, weight(t) > 0)),
)
WINS = z3.And(
    z3.ForAll([x], z3.Implies(x >= 0, is_token(winner(x)))),
    z3.ForAll(
        [x, s],
        z3.Implies(z3.And(x >= 0, is_token(s), s != winner(x)), beats(winner(x), s, x)),
    ),
)
RACE = z3.And(MONOTONE, POSITIVE, WINS)
THREE_BIDS = z3.And(0 <= x, x <= y, y <= z)


def chain_lemma() -> Theorem:
    """Odds in order are in order over a step between them, strictly if one step is strict."""
    numbers = z3.Reals("a b c d e f")
    a, b, c, d, e, f = numbers
    positive = z3.And([number > 0 for number in numbers])
    steps = z3.And(odds_at_most(a, b, c, d), odds_at_most(c, d, e, f))
    strict = z3.Or(a * d < c * b, c * f < e * d)
    weak = by_z3(z3.Implies(z3.And(positive, steps), a * f <= e * b), tactic="qfnra-nlsat")
    strictly = by_z3(
        z3.Implies(z3.And(positive, steps, strict), a * f < e * b), tactic="qfnra-nlsat"
    )
    both = z3.And(a * f <= e * b, z3.Implies(strict, a * f < e * b))
    return generalised(by_z3(z3.Implies(z3.And(positive, steps), both), weak, strictly), *numbers)


# Two tokens: their weights, their probabilities under p, and those at three bids.
PAIR = z3.Reals("w_s w_t p_s p_t x_s x_t y_s y_t z_s z_t")
w_s, w_t, p_s, p_t, x_s, x_t, y_s, y_t, z_s, z_t = PAIR
_positive = z3.And([number > 0 for number in PAIR])


def stays_lemma() -> Theorem:
    """A token that beats another at two bids does so between them."""
    chain = chain_lemma()
    toward = z3.And(
        odds_order(p_s, p_t, y_s, y_t, x_s, x_t), odds_order(p_s, p_t, z_s, z_t, y_s, y_t)
    )
    highest = z3.Or(odds_at_most(y_s, y_t, x_s, x_t), odds_at_most(y_s, y_t, z_s, z_t))
    at_an_end = by_z3(
        z3.Implies(z3.And(_positive, toward), highest),
        specialised(chain, y_s, y_t, p_s, p_t, z_s, z_t),
    )
    weak = z3.And(w_s * x_s <= w_t * x_t, w_s * z_s <= w_t * z_t)
    strict = z3.And(w_s * x_s < w_t * x_t, w_s * z_s < w_t * z_t)
    kept = z3.And(
        z3.Implies(weak, w_s * y_s <= w_t * y_t), z3.Implies(strict, w_s * y_s < w_t * y_t)
    )
    return by_z3(
        z3.Implies(z3.And(_positive, toward), kept),
        at_an_end,
        specialised(chain, y_s, y_t, x_s, x_t, w_t, w_s),
        specialised(chain, y_s, y_t, z_s, z_t, w_t, w_s),
    )


def moves_lemma() -> Theorem:
    """Where another token takes over, its odds have risen, and are at most those of `p`."""
    overtakes = z3.And(
        w_s * x_s <= w_t * x_t,
        w_t * y_t <= w_s * y_s,
        z3.Or(w_s * x_s < w_t * x_t, w_t * y_t < w_s * y_s),
    )
    return by_z3(
        z3.Implies(
            z3.And(_positive, odds_order(p_s, p_t, y_s, y_t, x_s, x_t), overtakes),
            z3.And(x_s * y_t < y_s * x_t, odds_at_most(y_s, y_t, p_s, p_t)),
        ),
        specialised(chain_lemma(), x_s, x_t, w_t, w_s, y_s, y_t),
    )


def at_tokens(scalar: Theorem, s: Any, t: Any, third: Any) -> Theorem:
    """A lemma on two tokens, said of tokens `s` and `t` at the bids `x`, `y` and `third`."""
    values = [weight(s), weight(t), p(s), p(t)]
    values += [q(bid, token) for bid in (x, y, third) for token in (s, t)]
    return specialised(generalised(scalar, *PAIR), *values)


def positive_lemma(s: Any, t: Any) -> Theorem:
    """Everything said of two tokens at three bids is positive."""
    values = [weight(s), weight(t), p(s), p(t)]
    values += [q(bid, token) for bid in (x, y, z) for token in (s, t)]
    given = z3.And(POSITIVE, THREE_BIDS, is_token(s), is_token(t))
    return by_z3(z3.Implies(given, z3.And([value > 0 for value in values])))


def winners_lemma(first: Any, other: Any) -> list[Theorem]:
    """What the race says of the winners at `x` and at `y`, each fact from what it needs."""
    tokens = z3.And(is_token(first), is_token(other))
    toward = z3.And(pair_moves(y, x, other, first), pair_moves(z, y, other, first))
    first_wins = z3.And(
        beats(first, other, x), z3.Implies(winner(z) == first, beats(first, other, z))
    )
    distinct = z3.Implies(first != other, z3.And(first_wins, beats(other, first, y)))
    return [
        by_z3(z3.Implies(z3.And(WINS, THREE_BIDS), z3.And(tokens, distinct))),
        by_z3(z3.Implies(z3.And(MONOTONE, THREE_BIDS, tokens), toward)),
        positive_lemma(other, first),
    ]


def interval_lemma() -> Theorem:
    """A token that wins at `x` and at `z` wins between, since no other comes in before it there."""
    facts = winners_lemma(winner(x), winner(y))
    back = z3.And(RACE, THREE_BIDS, winner(x) == winner(z))
    kept = at_tokens(stays_lemma(), winner(y), winner(x), z)
    at_bids = by_z3(z3.Implies(back, winner(y) == winner(z)), *facts, kept)
    intervals = fixed.no_token_comes_back(winner)
    return by_z3(z3.Implies(RACE, intervals), generalised(at_bids, x, y, z))


def overtaking_lemma() -> Theorem:
    """The winner at `y` has risen against that at `x`, and stays below its odds under `p`."""
    first, other = winner(x), winner(y)
    facts = [instance_of(fact, {z: y}) for fact in winners_lemma(first, other)]
    overtakes = z3.And(
        q(x, other) * q(y, first) < q(y, other) * q(x, first),
        odds_at_most(q(y, other), q(y, first), p(other), p(first)),
    )
    return by_z3(
        z3.Implies(z3.And(RACE, 0 <= x, x <= y, first != other), overtakes),
        *facts,
        at_tokens(moves_lemma(), other, first, y),
    )


@library_theorem(
    origin=OWN,
    reference="scores perturbed once, for a second price: arXiv 2406.09459; "
    "Gumbel couplings: arXiv 2408.07978",
)
def race_winners_form_intervals() -> Conclusions:
    """In the exponential race of a rule with positive distributions that is monotone in the odds
    order (the winner has the largest w(t) q(t), the first of those that do, with one positive
    number w(t) for every token), any number of tokens, the own bids at which a token wins form
    an interval, and a raise moves the winner only to a token whose odds against it rise and stay
    at most those of p; so the critical bid is at most the bid, and is non-decreasing."""
    winners = {fixed.token: lambda at: winner(at)}
    separates, rises = (
        instance_of(fixed.critical_bid()[name], winners)
        for name in ("it separates the token of b from others", "it is non-decreasing in b")
    )
    return {
        "no winner comes back": interval_lemma(),
        "the winner moves to a token whose odds rise, up to those of p": overtaking_lemma(),
        "so the critical bid separates the winner from others": separates,
        "and it is non-decreasing": rises,
    }
