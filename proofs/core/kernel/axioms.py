"""TRUSTED CORE. The axioms: what theorems may rest on without a proof, and nothing else.

Each makes the formula of one instance. They are textbook facts; where integrals appear, all four
hold of the upper Darboux integral of any bounded function, and where probabilities appear, of any
finitely additive probability on all events, so no question of measurability arises in them.
Sources: W. Rudin, *Principles of Mathematical Analysis*; P. Billingsley, *Probability and Measure*.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import z3

from tokenauction.proofs.core.kernel.calculus import derivative
from tokenauction.proofs.core.kernel.formulas import (
    body,
    expectation,
    integral,
    outcomes,
    plain,
    probability,
)


@dataclass(frozen=True)
class Axiom:
    """A named scheme of formulas; `text` says in words what every instance says."""

    name: str
    text: str
    instance: Callable[..., Any]


def _induction(statement: Callable[[Any], Any]) -> Any:
    k = z3.Int("k?")
    said = body(statement, k)

    def at(value: Any) -> Any:
        return z3.substitute(said, (k, value))

    step = z3.ForAll([k], z3.Implies(z3.And(k >= 0, said), at(k + 1)))
    return z3.Implies(z3.And(at(z3.IntVal(0)), step), z3.ForAll([k], z3.Implies(k >= 0, said)))


def _rising(function: Callable[[Any], Any], lower: Any, upper: Any) -> Any:
    x, y = z3.Reals("x? y?")
    value, lower, upper = body(function, x), plain(lower), plain(upper)
    slope, conditions = derivative(value, x)
    inside = z3.And(lower <= x, x <= upper)
    rises = z3.ForAll([x], z3.Implies(inside, z3.And([*conditions, slope >= 0])))
    ordered = z3.And(lower <= x, x <= y, y <= upper)
    return z3.Implies(
        rises, z3.ForAll([x, y], z3.Implies(ordered, value <= z3.substitute(value, (x, y))))
    )


def _antiderivative(function: Callable[[Any], Any], lower: Any, upper: Any) -> Any:
    x = z3.Real("x?")
    value, lower, upper = body(function, x), plain(lower), plain(upper)
    slope, conditions = derivative(value, x)
    inside = z3.And(lower <= x, x <= upper)
    smooth = z3.ForAll([x], z3.Implies(inside, z3.And([*conditions, z3.BoolVal(True)])))
    difference = z3.substitute(value, (x, upper)) - z3.substitute(value, (x, lower))
    area = integral(lambda at: z3.substitute(slope, (x, at)), lower, upper)
    return z3.Implies(z3.And(lower <= upper, smooth), area == difference)


def _bounded(function: Callable[[Any], Any], lower: Any, upper: Any, bound: Any) -> Any:
    x = z3.Real("x?")
    value, bound = body(function, x), plain(bound)
    inside = z3.And(plain(lower) < x, x < plain(upper))
    return z3.ForAll([x], z3.Implies(inside, z3.And(-bound <= value, value <= bound)))


def _integral_order(
    small: Callable[[Any], Any], large: Callable[[Any], Any], lower: Any, upper: Any, bound: Any
) -> Any:
    x = z3.Real("x?")
    inside = z3.And(plain(lower) < x, x < plain(upper))
    below = z3.ForAll([x], z3.Implies(inside, body(small, x) <= body(large, x)))
    bounded = [_bounded(function, lower, upper, bound) for function in (small, large)]
    return z3.Implies(
        z3.And(lower <= upper, below, *bounded),
        integral(small, lower, upper) <= integral(large, lower, upper),
    )


def _integral_splits(
    function: Callable[[Any], Any], lower: Any, middle: Any, upper: Any, bound: Any
) -> Any:
    whole = integral(function, lower, upper)
    parts = integral(function, lower, middle) + integral(function, middle, upper)
    premise = z3.And(lower <= middle, middle <= upper, _bounded(function, lower, upper, bound))
    return z3.Implies(premise, whole == parts)


def _integral_of_constant(value: Any, lower: Any, upper: Any) -> Any:
    area = integral(lambda _: value, lower, upper)
    return z3.Implies(lower <= upper, area == value * (upper - lower))


def _probability_order(small: Callable[[Any], Any], large: Callable[[Any], Any]) -> Any:
    w = z3.Const("w?", outcomes())
    contained = z3.ForAll([w], z3.Implies(body(small, w), body(large, w)))
    return z3.Implies(contained, probability(small) <= probability(large))


def _probability_adds(one: Callable[[Any], Any], other: Callable[[Any], Any]) -> Any:
    w = z3.Const("w?", outcomes())
    disjoint = z3.ForAll([w], z3.Not(z3.And(body(one, w), body(other, w))))
    either = probability(lambda v: z3.Or(one(v), other(v)))
    return z3.Implies(disjoint, either == probability(one) + probability(other))


def _probability_of_all() -> Any:
    return probability(lambda _: z3.BoolVal(True)) == 1


def _layer_cake(number: Callable[[Any], Any], most: Any) -> Any:
    w = z3.Const("w?", outcomes())
    in_range = z3.ForAll([w], z3.And(0 <= body(number, w), body(number, w) <= plain(most)))
    mean = expectation(number)
    above = integral(lambda x: probability(lambda v: number(v) > x), z3.RealVal(0), most)
    least = integral(lambda x: probability(lambda v: number(v) >= x), z3.RealVal(0), most)
    return z3.Implies(z3.And(most >= 0, in_range), z3.And(mean == above, mean == least))


def _completeness(members: Callable[[Any], Any], bound: Any) -> Any:
    x, y, lowest = z3.Reals("x? y? lowest?")
    member = body(members, x)
    below = z3.ForAll([x], z3.Implies(member, x >= plain(bound)))
    lower_bound = z3.ForAll([x], z3.Implies(member, x >= lowest))
    close = z3.Exists([x], z3.And(member, x < y))
    greatest = z3.ForAll([y], z3.Implies(y > lowest, close))
    return z3.Implies(
        z3.And(z3.Exists([x], member), below),
        z3.Exists([lowest], z3.And(lower_bound, greatest)),
    )


AXIOMS: Final[Mapping[str, Axiom]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Axiom(
                "induction",
                "What holds of 0, and of k + 1 whenever of k, holds of every natural number.",
                _induction,
            ),
            Axiom(
                "derivative",
                "A function whose derivative is nowhere negative on an interval does not fall "
                "there (mean value theorem); the kernel takes derivatives of + - * / ln exp.",
                _rising,
            ),
            Axiom(
                "antiderivative",
                "The integral of a continuous derivative is the difference at the ends "
                "(fundamental theorem of calculus).",
                _antiderivative,
            ),
            Axiom(
                "integral-order",
                "Of two bounded functions on an interval, the larger has the larger integral.",
                _integral_order,
            ),
            Axiom(
                "integral-splits",
                "The integral of a bounded function over adjacent intervals is the sum.",
                _integral_splits,
            ),
            Axiom(
                "integral-of-constant",
                "The integral of a constant is the constant times the length.",
                _integral_of_constant,
            ),
            Axiom(
                "probability-order",
                "An event that implies another is at most as probable.",
                _probability_order,
            ),
            Axiom(
                "probability-adds",
                "The probability that one of two disjoint events happens is the sum.",
                _probability_adds,
            ),
            Axiom(
                "probability-of-all",
                "The certain event has probability one.",
                _probability_of_all,
            ),
            Axiom(
                "layer-cake",
                "The mean of a number between 0 and b is the integral, from 0 to b, of the "
                "probability that it exceeds x, or is at least x (Tonelli's theorem).",
                _layer_cake,
            ),
            Axiom(
                "completeness",
                "A nonempty set of reals with a lower bound has a greatest one.",
                _completeness,
            ),
        )
    }
)
