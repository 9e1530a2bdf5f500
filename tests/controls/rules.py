"""Nearby false statements: aggregation rules and sampling."""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.kernel import by_certificate, by_z3
from tokenauction.proofs.paper import no_universal_stability as none
from tokenauction.proofs.paper import universal_stability as two_agents
from tokenauction.proofs.paper import universal_stability_two_tokens as two_tokens

Controls = list[tuple[str, Callable[[], object]]]
BUDGET = 300_000


def attempt(statement: Any, *premises: Any) -> Callable[[], object]:
    """Try to prove a statement."""
    return lambda: by_z3(statement, *premises, budget=BUDGET)


def sampling_of_two_opinions() -> object:
    """With agent 3's distribution equal to agent 1's there are two opinions, and a sampling."""
    first, second, _ = none.SMALLEST.preferred
    return none.no_sampling(none.Auction(0, 1, 1, first, second, first))


def sampling_where_one_agent_moves() -> object:
    """Without what is said of agent 2's raise of its bid when agent 1's is high."""
    auction = none.Auction(0, 1, 1, *none.SMALLEST.preferred)
    auction.raises = auction.raises[:2] + auction.raises[3:]
    return none.no_sampling(auction)


def no_weights_with_other_marginals() -> object:
    """The same multipliers, if token 2 were as probable at D as at C."""
    weight = z3.Real("weight_2222")
    share = z3.Q(1, 4)
    hypotheses = [weight >= 0, share == weight, share == weight]
    return by_certificate(hypotheses, z3.BoolVal(False), [(1, [1]), (-1, [2])])


def a_stable_function_is_missing() -> object:
    """The enumeration without its last entry."""
    values = z3.Ints("at_A at_B at_C at_D")
    listed = none.stable_functions(none.SMALLEST)[:-1]
    found = [z3.And([v == t for v, t in zip(values, one, strict=True)]) for one in listed]
    stable = z3.And(*map(none.is_token, values), *none.stable_values(none.SMALLEST, values))
    return by_z3(stable == z3.Or(found))


def second_raises_the_share() -> object:
    """Agent 2's raise of its bid as if it moved along the segment forwards."""
    ends = [two_agents.along(two_agents.w, s) for s in (two_agents.share, two_agents.later)]
    forwards = two_agents.stable_between(two_agents.share, two_agents.later)
    start, end = map(two_agents.on_segment, (two_agents.share, two_agents.later))
    ordered = two_agents.in_order(0, two_agents.share, two_agents.later, 1)
    wrong = two_agents.stable(*ends, end, start)
    return by_z3(z3.Implies(z3.And(ordered, forwards), wrong), budget=BUDGET)


def changes_twice() -> object:
    """At most one change in three steps, of a sampling that need not be stable."""
    steps = (two_agents.share, two_agents.later, two_agents.last)
    ends = [two_agents.along(two_agents.w, number) for number in steps]
    ordered = two_agents.in_order(0, *steps, 1)
    conclusion = z3.Or(ends[0] == ends[1], ends[1] == ends[2])
    return by_z3(z3.Implies(ordered, conclusion), budget=BUDGET)


def coupling_not_maximal() -> object:
    """The sampling by coupling, of any coupling."""
    ends = [two_agents.chosen(two_agents.w, s) for s in (two_agents.share, two_agents.later)]
    start, end = map(two_agents.on_segment, (two_agents.share, two_agents.later))
    ordered = two_agents.in_order(0, two_agents.share, two_agents.later, 1)
    return by_z3(z3.Implies(ordered, two_agents.stable(*ends, start, end)), budget=BUDGET)


def two_tokens_without_monotone() -> object:
    """At most one change along a bid, of a rule that is not monotone."""
    three = (two_tokens.bids, two_tokens.other_bids, two_tokens.third_bids)
    ends = [two_tokens.of_two(two_tokens.w, one) for one in three]
    return by_z3(z3.Or(ends[0] == ends[1], ends[1] == ends[2]), budget=BUDGET)


def two_tokens_backwards() -> object:
    """The token moves to the one whose probability falls."""
    three = (two_tokens.bids, two_tokens.other_bids)
    ends = [two_tokens.of_two(two_tokens.w, one) for one in three]
    laws = [two_tokens.two_tokens_at(one) for one in reversed(three)]
    return by_z3(two_agents.stable(*ends, *laws), budget=BUDGET)


CONTROLS: dict[str, Controls] = {
    "no-universal-stability": [
        ("agents 1 and 3 agree", sampling_of_two_opinions),
        (
            "agent 1 may move the token anyhow when agent 2 bids high",
            sampling_where_one_agent_moves,
        ),
        ("D has token 2 with the same probability as C", no_weights_with_other_marginals),
        ("a stable function is missing", a_stable_function_is_missing),
    ],
    "universal-stability-two-agents": [
        ("agent 2 moves forwards too", second_raises_the_share),
        ("any sampling changes at most once", changes_twice),
        ("the coupling need not be maximal", coupling_not_maximal),
    ],
    "universal-stability-two-tokens": [
        ("at most one change without monotonicity", two_tokens_without_monotone),
        ("from rising to falling", two_tokens_backwards),
    ],
}
