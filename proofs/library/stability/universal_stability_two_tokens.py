"""With two tokens, one sampling is stable for every agent at once, whatever the rule.

Draw one uniform number v and pick token 1 where `v < q_1(b)`, else token 2. If the token differs at
two bid vectors, it moved away from the token whose probability fell. So any change of bids is
stable, whichever agents make it. If the rule is monotone in the robust order, q_1 moves towards
`p_i(1)` as agent i's bid rises and never passes it, so it passes v at most once.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import OUTCOME, REAL, Theorem, axiom, by_z3, probability
from tokenauction.proofs.library.basics.notation import between
from tokenauction.proofs.library.library import PAPER, Conclusions, library_theorem
from tokenauction.proofs.library.stability.universal_stability_two_agents import discharged, stable

w = z3.Const("w", OUTCOME)
uniform = z3.Function("uniform", OUTCOME, REAL)

# Any bids of any number of agents, and the probability of token 1 at them.
BIDS = z3.DeclareSort("Bids")
q_1 = z3.Function("q_1", BIDS, REAL)
bids, other_bids, third_bids = z3.Consts("bids other_bids third_bids", BIDS)
own = z3.Real("own")
ONE, TWO = z3.IntVal(1), z3.IntVal(2)


def of_two(w: Any, bids: Any) -> Any:
    """Token 1 where the uniform number is less than its probability, else token 2."""
    return z3.If(uniform(w) < q_1(bids), ONE, TWO)


def two_tokens_at(bids: Any) -> Callable[[Any], Any]:
    """The probabilities of the tokens 1 and 2."""
    return lambda t: z3.If(t == ONE, q_1(bids), 1 - q_1(bids))


def law_of_two() -> Theorem:
    """`Pr[v < q_1] = q_1`, and the rest for token 2."""

    def one(v: Any) -> Any:
        return of_two(v, bids) == ONE

    def two(v: Any) -> Any:
        return of_two(v, bids) == TWO

    def below(v: Any) -> Any:
        return uniform(v) < q_1(bids)

    def either(v: Any) -> Any:
        return z3.Or(one(v), two(v))

    def always(_: Any) -> Any:
        return z3.BoolVal(True)

    law = z3.And(probability(one) == q_1(bids), probability(two) == 1 - q_1(bids))
    # Of the uniform number it is enough to know that it is below q_1 with probability q_1.
    uniform_at = probability(below) == q_1(bids)
    return by_z3(
        z3.Implies(uniform_at, law),
        discharged(axiom("probability-order", one, below)),
        discharged(axiom("probability-order", below, one)),
        discharged(axiom("probability-order", always, either)),
        discharged(axiom("probability-order", either, always)),
        discharged(axiom("probability-adds", one, two)),
        axiom("probability-of-all"),
    )


@library_theorem(origin=PAPER)
def universal_stability_two_tokens() -> Conclusions:
    """For two tokens, any rule and any number of agents, assume a random number u with Pr[u <
    q_1(b)] = q_1(b), as a uniform one has: token 1 where u < q_1(b), and token 2 elsewhere, has the
    rule's law and is stable for every agent at once; if the rule is monotone in the robust order,
    the token changes at most once along one agent's bid."""
    three = bids, other_bids, third_bids
    before, after, end = (of_two(w, each) for each in three)
    start, middle, final = (q_1(each) for each in three)
    any_change = stable(before, after, two_tokens_at(bids), two_tokens_at(other_bids))
    monotone = z3.And(between(own, middle, start), between(own, final, middle))
    return {
        "its law is the rule": law_of_two(),
        "any change of bids is stable": by_z3(any_change),
        "along one agent's bid it changes at most once": by_z3(
            z3.Implies(monotone, z3.Or(before == after, after == end))
        ),
    }
