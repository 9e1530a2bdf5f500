"""TRUSTED CORE. Signs of terms, by syntax alone, from what every profile satisfies.

Bids and probabilities are non-negative, the bids have a positive sum.
"""

from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Final, assert_never

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.terms import Base, Condition, Monomial, Poly
from tokenauction.proofs.core.language.graph import Index, Node, Sign

POSITIVE: Final = "+"
NON_NEGATIVE: Final = "0+"
NEGATIVE: Final = "-"
NON_POSITIVE: Final = "0-"
ZERO_SIGN: Final = "0"
UNKNOWN: Final = "?"

_FLIPPED: Final = {"+": "-", "-": "+", "0+": "0-", "0-": "0+", "0": "0", "?": "?"}
_SIGNS: Final[dict[Sign, str]] = {
    "any": UNKNOWN,
    "non-negative": NON_NEGATIVE,
    "positive": POSITIVE,
}
_BELOW_AND_ABOVE: Final = {"<": (NEGATIVE, POSITIVE), "<=": (NON_POSITIVE, NON_NEGATIVE)}


class Signs:
    """The state of a canonical form, and the signs of its terms.

    `positive` says that every probability is positive.
    """

    def __init__(self, positive: bool, budget: int = 10**9) -> None:
        self.positive = positive
        self.budget = budget
        self.apart: dict[Index, frozenset[Index]] = {}
        self._fresh = count()
        self._polys: dict[Node, Poly] = {}
        self._conditions: dict[Node, Condition] = {}
        self._signs: dict[str, str] = {}

    if TYPE_CHECKING:  # of the rooms above

        def negate(self, condition: Condition) -> Condition: ...

    def sign(self, poly: Poly) -> str:
        """What is known of the sign of a polynomial, wherever it is defined."""
        if poly.key not in self._signs:
            self._signs[poly.key] = _sum_of_signs([self._term_sign(m, c) for m, c in poly.terms])
        return self._signs[poly.key]

    def _term_sign(self, monomial: Monomial, coefficient: Fraction) -> str:
        sign = POSITIVE
        for base, exponent in monomial:
            sign = _product_of_signs(sign, self._power_sign(base, exponent))
        return sign if coefficient > 0 else _FLIPPED[sign]

    def _power_sign(self, base: Base, exponent: Fraction) -> str:
        sign = self.base_sign(base)
        if exponent.denominator != 1:
            return POSITIVE if sign == POSITIVE or exponent < 0 else NON_NEGATIVE
        if exponent % 2 == 0:
            return POSITIVE if sign in (POSITIVE, NEGATIVE) or exponent < 0 else NON_NEGATIVE
        if exponent < 0 and sign in (NON_NEGATIVE, NON_POSITIVE):
            return POSITIVE if sign == NON_NEGATIVE else NEGATIVE
        return sign

    def base_sign(self, base: Base) -> str:
        """What is known of the sign of a base."""
        if base.key not in self._signs:
            self._signs[base.key] = self._base_sign(base)
        return self._signs[base.key]

    def _base_sign(self, base: Base) -> str:
        args = base.args
        match base.kind:
            case "leaf":
                return self._leaf_sign(args[0])
            case "sum":
                return self.sign(args[0])
            case "exp":
                return POSITIVE
            case "log":
                return self.sign(terms.sub(args[0], terms.ONE))
            case "floor":
                known = self.sign(args[0])
                return NON_NEGATIVE if known in (POSITIVE, NON_NEGATIVE) else UNKNOWN
            case "max":
                signs = [self.sign(arg) for arg in args[0]]
                if POSITIVE in signs:
                    return POSITIVE
                if NON_NEGATIVE in signs or ZERO_SIGN in signs:
                    return NON_NEGATIVE
                if any(terms.scale(arg, -1) in args[0] for arg in args[0]):
                    return NON_NEGATIVE
                if set(signs) <= {NEGATIVE, NON_POSITIVE}:
                    return NEGATIVE if set(signs) == {NEGATIVE} else NON_POSITIVE
                return UNKNOWN
            case "pow":
                known = self.sign(args[0])
                return known if known in (POSITIVE, NON_NEGATIVE) else UNKNOWN
            case "where":
                condition, then, otherwise = args
                there = self._sign_where(condition, then)
                return _either_sign(there, self._sign_where(self.negate(condition), otherwise))
            case "chosen":
                return NON_NEGATIVE
            case "order":
                return UNKNOWN
            case "reduce":
                return self._reduction_sign(base)
            case _:
                assert_never(base.kind)

    def _sign_where(self, condition: Condition, poly: Poly) -> str:
        """The sign of a number wherever a condition holds, which may be about that number."""
        if condition.kind == "lit" and condition.args[1] in ("<", "<="):
            slope = ratio(poly, condition.args[0])
            if slope:
                below, above = _BELOW_AND_ABOVE[condition.args[1]]
                return below if slope > 0 else above
        return self.sign(poly)

    def _leaf_sign(self, node: Node) -> str:
        if node.op == "size":
            return POSITIVE
        if node.op == "given":
            return _SIGNS[node.data[1]]
        if node.op == "scalar":
            return POSITIVE if node.data == "scale" else NON_NEGATIVE
        if node.op in ("prob", "dist") and self.positive:
            return POSITIVE
        return NON_NEGATIVE

    def _reduction_sign(self, base: Base) -> str:
        kind, over, body, excluded = base.args
        if kind == "sum" and not excluded and _is_total_of_bids(over, body):
            return POSITIVE
        known = self.sign(body)
        if kind == "prod":
            return known if known in (POSITIVE, NON_NEGATIVE) else UNKNOWN
        if kind == "sum" and excluded:
            weaker = {POSITIVE: NON_NEGATIVE, NEGATIVE: NON_POSITIVE}
            return weaker.get(known, known)
        return known


def ratio(poly: Poly, other: Poly) -> Fraction:
    """`k` where one polynomial is `k` times the other; else zero."""
    if not poly.terms:
        return Fraction(0)
    monomial, coefficient = poly.terms[0]
    ratio = coefficient / dict(other.terms).get(monomial, Fraction(1))
    return ratio if poly == terms.scale(other, ratio) else Fraction(0)


def sole_base(poly: Poly) -> Base | None:
    """The base that a polynomial consists of, if it is nothing else."""
    if len(poly.terms) == 1 and poly.terms[0][1] == 1 and len(poly.terms[0][0]) == 1:
        base, exponent = poly.terms[0][0][0]
        return base if exponent == 1 else None
    return None


def _is_total_of_bids(over: Index, body: Poly) -> bool:
    base = sole_base(body)
    if base is None or base.kind != "leaf" or base.args[0].op != "bid":
        return False
    return bool(base.args[0].data[0] == over)


def _product_of_signs(left: str, right: str) -> str:
    if ZERO_SIGN in (left, right):
        return ZERO_SIGN
    if UNKNOWN in (left, right):
        return UNKNOWN
    strict = left in "+-" and right in "+-"
    negative = ("-" in left) != ("-" in right)
    if strict:
        return NEGATIVE if negative else POSITIVE
    return NON_POSITIVE if negative else NON_NEGATIVE


def _sum_of_signs(signs: list[str]) -> str:
    kinds = set(signs) - {ZERO_SIGN}
    if not kinds:
        return ZERO_SIGN
    if kinds <= {POSITIVE, NON_NEGATIVE}:
        return POSITIVE if POSITIVE in kinds else NON_NEGATIVE
    if kinds <= {NEGATIVE, NON_POSITIVE}:
        return NEGATIVE if NEGATIVE in kinds else NON_POSITIVE
    return UNKNOWN


def _either_sign(left: str, right: str) -> str:
    if left == right:
        return left
    kinds = {left, right}
    if kinds <= {POSITIVE, NON_NEGATIVE, ZERO_SIGN}:
        return NON_NEGATIVE
    if kinds <= {NEGATIVE, NON_POSITIVE, ZERO_SIGN}:
        return NON_POSITIVE
    return UNKNOWN
