"""One sampling that is stable for both of two agents at once, under the linear rule.

A sampling picks a token from the bids and one random outcome, with the rule's distribution as its
law. A change of bids is *stable* in an outcome if the token stays, or moves from a token whose
probability falls to one whose probability rises.

The distribution depends on the bids through agent 1's share `λ = b_1 / (b_1 + b_2)` only: it is
`λ p_1 + (1 - λ) p_2`, a point of a segment. Agent 1's raises move along the segment forwards and
agent 2's backwards, and a token that rises forwards falls backwards. So a sampling that is stable
along the segment is stable for both agents.

There is one: draw a maximal coupling (s, t) of p_2 and p_1, in which s falls and t rises along the
segment wherever they differ, and independently a uniform number u; pick t where `u < λ`, else s.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    OUTCOME,
    REAL,
    Theorem,
    axiom,
    by_z3,
    instance_of,
    modus_ponens,
    probability,
)
from tokenauction.proofs.library.basics.notation import TOKEN
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem

w = z3.Const("w", OUTCOME)

# Two agents: their preferred distributions, and a sampling along the segment between them.
p_1, p_2 = (z3.Function(name, TOKEN, REAL) for name in ("p_1", "p_2"))
along = z3.Function("along", OUTCOME, REAL, TOKEN)
x, x_up, x_top, y, y_up, y_top = z3.Reals("x x_up x_top y y_up y_top")
share, later, last = z3.Reals("share later last")
token = z3.Const("token", TOKEN)


def stable(old: Any, new: Any, before: Callable[[Any], Any], after: Callable[[Any], Any]) -> Any:
    """The token stays, or moves from one whose probability falls to one whose probability rises."""
    return z3.Or(old == new, z3.And(after(old) < before(old), after(new) > before(new)))


def linear(bid_1: Any, bid_2: Any) -> Callable[[Any], Any]:
    """The linear rule for two agents."""
    return lambda t: (bid_1 * p_1(t) + bid_2 * p_2(t)) / (bid_1 + bid_2)


def on_segment(share: Any) -> Callable[[Any], Any]:
    """The distribution in which agent 1 has this share."""
    return lambda t: share * p_1(t) + (1 - share) * p_2(t)


def at(bid_1: Any, bid_2: Any) -> Any:
    """Agent 1's share of the bids."""
    return bid_1 / (bid_1 + bid_2)


def stable_between(share: Any, later: Any) -> Any:
    """The sampling along the segment is stable from one share to a larger one."""
    ends = along(w, share), along(w, later)
    return stable(*ends, on_segment(share), on_segment(later))


def has_share_law(share: Any, token: Any) -> Any:
    """The sampling along the segment has the distribution at this share as its law."""
    return probability(lambda v: along(v, share) == token) == on_segment(share)(token)


def in_order(*numbers: Any) -> Any:
    """Each is at most the next one."""
    return z3.And([a <= b for a, b in pairwise(numbers)])


SEGMENT_STABLE = z3.ForAll(
    [w, share, later],
    z3.Implies(in_order(0, share, later, 1), stable_between(share, later)),
)


def share_lemma() -> Theorem:
    """The share is in [0, 1], rises with agent 1's bid and falls with agent 2's."""
    bids = z3.And(in_order(0, x, x_up), in_order(0, y, y_up), x + y > 0)
    rises = in_order(0, at(x, y), at(x_up, y), 1)
    return by_z3(z3.Implies(bids, z3.And(rises, in_order(0, at(x, y_up), at(x, y), 1))))


def segment_lemma() -> Theorem:
    """The linear rule's distribution is that at agent 1's share, for every token."""
    a, c = z3.Reals("a c")
    mean = (x * a + y * c) / (x + y) == at(x, y) * a + (1 - at(x, y)) * c
    scalar = by_z3(z3.Implies(x + y > 0, mean))
    return instance_of(scalar, {a: p_1(token), c: p_2(token)})


def stable_for_both() -> tuple[Theorem, Theorem]:
    """A raise of agent 1 moves the share up, one of agent 2 moves it down."""
    apart = by_z3(
        z3.Implies(
            z3.And(SEGMENT_STABLE, in_order(0, share, later, 1)), stable_between(share, later)
        )
    )

    def raised(low: tuple[Any, Any], high: tuple[Any, Any], shares: tuple[Any, Any]) -> Theorem:
        ends = along(w, at(*low)), along(w, at(*high))
        steps = [share_lemma(), instance_of(apart, dict(zip((share, later), shares, strict=True)))]
        steps += [
            instance_of(segment_lemma(), {x: bids[0], y: bids[1], token: end})
            for bids in (low, high)
            for end in ends
        ]
        bids = z3.And(
            in_order(0, low[0], high[0]), in_order(0, low[1], high[1]), low[0] + low[1] > 0
        )
        conclusion = stable(*ends, linear(*low), linear(*high))
        premise = z3.And(SEGMENT_STABLE, bids)
        return by_z3(z3.Implies(premise, conclusion), *steps)

    one, other = at(x, y), at(x_up, y)
    first = raised((x, y), (x_up, y), (one, other))
    second = raised((x, y), (x, y_up), (at(x, y_up), one))
    return first, second


def at_most_once() -> Theorem:
    """What has risen along a segment does not fall later on it, so there is no second change."""
    ends = [along(w, number) for number in (share, later, last)]
    apart = [stable_between(share, later), stable_between(later, last)]
    two = by_z3(
        z3.Implies(
            z3.And(in_order(0, share, later, last, 1), *apart),
            z3.Or(ends[0] == ends[1], ends[1] == ends[2]),
        )
    )
    return by_z3(
        z3.Implies(
            z3.And(SEGMENT_STABLE, in_order(0, share, later, last, 1)),
            z3.Or(ends[0] == ends[1], ends[1] == ends[2]),
        ),
        two,
    )


# The sampling along the segment: a coupling of p_2 and p_1, and a uniform number.
ends_at, starts_at = (z3.Function(name, OUTCOME, TOKEN) for name in ("ends_at", "starts_at"))
uniform = z3.Function("uniform", OUTCOME, REAL)


def chosen(w: Any, share: Any) -> Any:
    """The token of agent 1's side once the share exceeds the uniform number."""
    return z3.If(uniform(w) < share, ends_at(w), starts_at(w))


COUPLING_IS_MAXIMAL = z3.ForAll([w], stable(starts_at(w), ends_at(w), p_2, p_1))


def end(v: Any) -> Any:
    """The uniform number is below the share and the coupling's second token is the given one."""
    return z3.And(ends_at(v) == token, uniform(v) < share)


def start(v: Any) -> Any:
    """The uniform number is not below the share and the first token is the given one."""
    return z3.And(starts_at(v) == token, uniform(v) >= share)


# Of the laws it is enough to know these two, at the share and the token that are asked for.
INDEPENDENT_UNIFORM = z3.And(
    probability(end) == share * p_1(token), probability(start) == (1 - share) * p_2(token)
)


def chosen_has_the_law() -> Theorem:
    """`Pr[u < λ, t] + Pr[u ≥ λ, s] = λ p_1 + (1 - λ) p_2`."""

    def either(v: Any) -> Any:
        return z3.Or(end(v), start(v))

    def picked(v: Any) -> Any:
        return chosen(v, share) == token

    law = probability(picked) == on_segment(share)(token)
    return by_z3(
        z3.Implies(INDEPENDENT_UNIFORM, law),
        discharged(axiom("probability-adds", end, start)),
        discharged(axiom("probability-order", either, picked)),
        discharged(axiom("probability-order", picked, either)),
    )


def discharged(conditional: Theorem) -> Theorem:
    """The conclusion of an axiom's instance, whose condition Z3 proves."""
    return modus_ponens(conditional, by_z3(conditional.statement.children()[0]))


def chosen_is_stable() -> Theorem:
    """The token changes where the share passes u, from s to t, and t rises all along."""
    ends = chosen(w, share), chosen(w, later)
    a, c = z3.Reals("a c")

    def mean(number: Any) -> Any:
        return number * a + (1 - number) * c

    slope = by_z3(
        z3.Implies(
            share < later,
            z3.And(
                z3.Implies(a > c, mean(later) > mean(share)),
                z3.Implies(a < c, mean(later) < mean(share)),
            ),
        ),
    )
    at_ends = [instance_of(slope, {a: p_1(end(w)), c: p_2(end(w))}) for end in (ends_at, starts_at)]
    conclusion = stable(*ends, on_segment(share), on_segment(later))
    premise = z3.And(COUPLING_IS_MAXIMAL, in_order(0, share, later, 1))
    return by_z3(z3.Implies(premise, conclusion), *at_ends)


@library_theorem(origin=PAPER)
def universal_stability_two_agents() -> Conclusions:
    """For two agents, the linear rule and bids of positive sum: a sampling is stable for both
    agents at once, and has the rule's law, if it is assumed to have the law of the segment between
    their distributions and to be stable along it. Assume moreover tokens s and t that differ only
    where s falls and t rises along the segment, and a number u with Pr[t = r, u < λ] = λ p_1(r) and
    Pr[s = r, u ≥ λ] = (1 - λ) p_2(r), as a maximal coupling and an independent uniform number have;
    then t where u < λ, and s elsewhere, is such a sampling."""
    bids = z3.And(0 <= x, 0 <= y, x + y > 0)
    of_segment = has_share_law(at(x, y), token)
    of_rule = probability(lambda v: along(v, at(x, y)) == token) == linear(x, y)(token)
    first, second = stable_for_both()
    return {
        "its law is the linear rule": by_z3(
            z3.Implies(z3.And(of_segment, bids), of_rule), segment_lemma()
        ),
        "it is stable for agent 1": first,
        "it is stable for agent 2": second,
        "along the segment the token changes at most once": at_most_once(),
        "the sampling by coupling has the law of the segment": chosen_has_the_law(),
        "the sampling by coupling is stable along the segment": chosen_is_stable(),
    }
