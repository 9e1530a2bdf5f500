"""Nearby false statements: aggregation rules and sampling."""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import by_certificate, by_identity, by_z3, exp, instance_of, ln
from tokenauction.proofs.library.basics import sum_exchange as table
from tokenauction.proofs.library.basics import sums_exist
from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.log_linear import log_linear_is_not_monotone as log_linear
from tokenauction.proofs.library.log_linear import log_linear_rule
from tokenauction.proofs.library.orders import odds_is_a_partial_order as odds_order
from tokenauction.proofs.library.stability import no_universal_stability as none
from tokenauction.proofs.library.stability import universal_stability_two_agents as two_agents
from tokenauction.proofs.library.stability import universal_stability_two_tokens as two_tokens

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
    wrong = two_agents.stable(ends[0], ends[1], end, start)
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
    return by_z3(
        z3.Implies(ordered, two_agents.stable(ends[0], ends[1], start, end)), budget=BUDGET
    )


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
    return by_z3(two_agents.stable(ends[0], ends[1], laws[0], laws[1]), budget=BUDGET)


def exchange_without_zero() -> object:
    """One row and one column, of sums that do not begin at zero."""
    rows, columns = table.along_rows, table.along_columns
    by_rows, by_columns, a = table.by_rows, table.by_columns, table.a
    steps = z3.And(
        rows(0, 1) == rows(0, 0) + a(0, 0),
        columns(1, 0) == columns(0, 0) + a(0, 0),
        by_rows(1) == by_rows(0) + rows(0, 1),
        by_columns(1) == by_columns(0) + columns(1, 0),
    )
    return by_z3(z3.Implies(steps, by_rows(1) == by_columns(1)), budget=BUDGET)


def sums_that_vanish() -> object:
    """Partial sums with a last one that is zero."""
    numbers = z3.Const("numbers", z3.ArraySort(z3.IntSort(), z3.RealSort()))
    one = z3.IntVal(1)
    vanish = z3.And(sums_exist.adds_up(numbers, one), numbers[1] == 0)
    return by_z3(z3.Exists([numbers], vanish), budget=BUDGET)


u, v, w, x, y, z = z3.Reals("u v w x y z")
low, high, R, S, T = z3.Reals("low high R S T")


def one_agent_gap(sign: int) -> object:
    """The step of the identity at one agent and token, with the ratio of the wrong side."""
    logarithms = v == w + sign * z
    return by_z3(z3.Implies(z3.And(x > 0, y > 0, logarithms), x * (y * v - y * w) == x * y * z))


def rule_at_token() -> object:
    """The sum over agents at a token, with the norm on the wrong side."""
    given = z3.And(x > 0, y > 0, y * u == R - S)
    return by_z3(z3.Implies(given, x * (y * v - R) == y * (x * (v - u)) + S * x))


def norm_not_in_the_logarithm() -> object:
    """The logarithm of the rule, with Z in the place of ln Z."""
    positive = instance_of(log_linear_rule.exp_is_positive(), {log_linear_rule.u: x})
    return by_identity(ln(exp(x) / y) == x - y, positive, given=[y > 0])


def odds_of_bid(rest: Any, premise: Any) -> object:
    """The Möbius function of the bid, with another rest after the raise, or other premises."""
    signs = z3.And(u > 0, v > 0, R >= 0, S >= 0, rest >= 0, low * u + R > 0, low * v + S > 0)
    after = (high * u + rest) / (high * v + S)
    moves = between(u / v, after, (low * u + R) / (low * v + S))
    return by_z3(z3.Implies(z3.And(signs, high * v + S > 0, premise), moves), budget=BUDGET)


def log_odds_of_bid(premise: Any) -> object:
    """The weighted mean of the log-odds, with other premises."""
    after = (high * u + R) / (high + S)
    before = (low * u + R) / (low + S)
    given = z3.And(low + S > 0, high + S > 0, premise)
    return by_z3(z3.Implies(given, between(u, after, before)), budget=BUDGET)


def three_tokens(conclusion: Callable[[Any, Any], Any]) -> object:
    """About the two orders of positive distributions over three tokens."""
    names = ("p0 p1 p2", "q0 q1 q2", "r0 r1 r2")
    distributions = [z3.Reals(name) for name in names]
    positive = [z3.And(d[0] + d[1] + d[2] == 1, *(one > 0 for one in d)) for d in distributions]
    orders = odds_order.of_numbers(*distributions)
    return by_z3(z3.Implies(z3.And(positive), conclusion(*orders)), tactic="qfnra-nlsat")


def losses_of_two_tokens(p: Any, q: Any, r: Any) -> object:
    """Total variation over two tokens, where q lies between p and r in odds, put wrongly."""
    inside = z3.And([z3.And(0 < one, one < 1) for one in (u, v, w)])
    odds = between(p / (1 - p), q / (1 - q), r / (1 - r))
    return by_z3(z3.Implies(z3.And(inside, odds), z3.Abs(v - u) <= z3.Abs(w - u)))


def chebyshev_of_two(premise: Any) -> object:
    """Two terms with weights w and 1 - w, and other premises."""
    mean = w * x * y + (1 - w) * u * v
    product = (w * x + (1 - w) * u) * (w * y + (1 - w) * v)
    return by_z3(z3.Implies(premise, mean >= product), tactic="qfnra-nlsat")


def in_unit(premise: Any) -> Any:
    """The weight is one."""
    return z3.And(0 <= w, w <= 1, premise)


def antisymmetric_without_sums() -> object:
    """The same odds over two tokens, of what need not sum to one."""
    positive = z3.And(x > 0, y > 0, u > 0, v > 0)
    return by_z3(z3.Implies(z3.And(positive, x / y == u / v), x == u), budget=BUDGET)


def two_tokens_without_sum() -> object:
    """From odds to probabilities, of what need not sum to one."""
    positive = z3.And([one > 0 for one in (u, v, w, x, y, z)])
    odds = between(u / x, v / y, w / z)
    return by_z3(z3.Implies(z3.And(positive, odds), between(u, v, w)), budget=BUDGET)


def wrong_power() -> object:
    """`√(1/6 · 2/3)` is 1/3, not 1/4."""
    return by_identity(z3.Q(1, 4) == log_linear.power((1, 1), 1, *log_linear.SIMPLE))


def moves_towards() -> object:
    """From 1/6 to 1/5 is towards 1/6."""
    return by_z3(between(z3.Q(1, 6), z3.Q(1, 5), z3.Q(1, 6)))


def revealed(premise: Any, conclusion: Any) -> object:
    """The sum of the two inequalities, with other premises."""
    better = z3.And(low * x + u >= low * y + v, high * y + v >= high * x + u)
    return by_z3(z3.Implies(z3.And(better, premise), conclusion), budget=BUDGET)


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
    "sum-exchange": [("sums that do not begin at zero", exchange_without_zero)],
    "sums-exist": [("the last sum is zero", sums_that_vanish)],
    "linear-is-a-distribution": [
        ("no bids at all", attempt(z3.Implies(z3.And(x >= 0, x * y == x), y == 1))),
        ("a bid may be negative", attempt(z3.Implies(y >= 0, x * y >= 0))),
    ],
    "kl-welfare-linear": [
        ("KL(q* ‖ q) with its ratio upside down", lambda: one_agent_gap(-1)),
        ("unique without bids", attempt(z3.Implies(z3.And(x >= 0, x * y == 0), y == 0))),
    ],
    "log-linear-rule": [
        ("Z not in the logarithm", norm_not_in_the_logarithm),
        ("no normalisation", attempt(z3.Implies(y * u == R - S, y * u == R))),
    ],
    "kl-welfare-log-linear": [
        ("the norm with the wrong sign", rule_at_token),
        ("unique without bids", attempt(z3.Implies(z3.And(x >= 0, x * y == 0), y == 0))),
    ],
    "revealed-preference": [
        ("a lower bid", lambda: revealed(low > high, x <= y)),
        ("strictly more", lambda: revealed(low < high, x < y)),
        (
            "the rest may change",
            attempt(z3.Implies(z3.And(x + u >= y + v, 2 * y >= 2 * x), x == y)),
        ),
    ],
    "log-linear-is-not-monotone": [
        ("another root", wrong_power),
        ("1/5 lies between 1/6 and 1/6", moves_towards),
    ],
    "log-linear-two-tokens": [("they need not sum to one", two_tokens_without_sum)],
    "odds-is-a-partial-order": [("they need not sum to one", antisymmetric_without_sums)],
    "robust-and-odds": [
        (
            "robust implies odds",
            lambda: three_tokens(lambda robust, odds: z3.Implies(robust, odds)),
        ),
        ("odds imply robust", lambda: three_tokens(lambda robust, odds: z3.Implies(odds, robust))),
    ],
    "odds-implies-the-losses": [
        ("p between q and q'", lambda: losses_of_two_tokens(v, u, w)),
        ("q' between p and q", lambda: losses_of_two_tokens(u, w, v)),
    ],
    "chebyshev": [
        (
            "one rises where the other falls",
            lambda: chebyshev_of_two(in_unit((x - u) * (y - v) <= 0)),
        ),
        ("a weight may be negative", lambda: chebyshev_of_two((x - u) * (y - v) >= 0)),
    ],
    "linear-is-monotone-in-odds": [
        ("the others change too", lambda: odds_of_bid(T, z3.And(0 <= low, low <= high))),
        ("the bid falls", lambda: odds_of_bid(R, z3.And(0 <= high, high <= low))),
    ],
    "log-linear-is-monotone-in-odds": [
        ("the bid falls", lambda: log_odds_of_bid(z3.And(high <= low, 0 <= high, S >= 0))),
        (
            "away from p_i",
            attempt(z3.Implies(z3.And(low <= high, low + S > 0), high + S < low + S)),
        ),
    ],
    "log-linear-is-monotone-in-reverse-kl": [
        ("a lower bid", lambda: revealed(low > high, x <= y)),
        ("strictly closer", lambda: revealed(low < high, x < y)),
    ],
    "linear-is-monotone-in-forward-kl": [
        ("a lower bid", lambda: revealed(low > high, x <= y)),
        ("strictly closer", lambda: revealed(low < high, x < y)),
    ],
}
