"""TRUSTED CORE. Sums, products, powers, logarithms, extrema and choices in canonical form."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.signs import NON_NEGATIVE, POSITIVE, Signs, ratio, sole_base
from tokenauction.proofs.core.algebra.terms import Condition, Monomial, Poly
from tokenauction.proofs.core.evaluation.exact import rational_power
from tokenauction.proofs.core.language.graph import Index, Reduction

_LARGEST_EXPANSION: Final = 400


class TooLarge(Exception):
    """The canonical form is too large to be of use, or the budget for simplifying is spent."""


class Arithmetic(Signs):
    """The operations on canonical terms that bind no index."""

    if TYPE_CHECKING:  # of the rooms above

        def reduce(
            self, kind: Reduction, over: Index, body: Poly, excluded: tuple[Index, ...] = ()
        ) -> Poly: ...

        def open_body(self, base: Any) -> tuple[Index, Any]: ...

    def product(self, factors: list[Poly]) -> Poly:
        result = terms.ONE
        for factor in factors:
            result = self.mul(result, factor)
        return result

    def mul(self, left: Poly, right: Poly) -> Poly:
        """The product, with every sum under a natural power multiplied out."""
        self.budget -= 1
        if self.budget < 0:
            raise TooLarge
        if len(left.terms) * len(right.terms) > _LARGEST_EXPANSION:
            raise TooLarge
        return self._expanded(terms.mul(left, right))

    def _expanded(self, poly: Poly) -> Poly:
        done: list[Poly] = []
        for monomial, coefficient in poly.terms:
            sums = [(b, e) for b, e in monomial if b.kind == "sum" and _is_natural(e)]
            if not sums:
                done.append(terms.single(monomial, coefficient))
                continue
            rest = tuple((b, e) for b, e in monomial if (b, e) not in sums)
            piece = terms.single(rest, coefficient)
            for base, exponent in sums:
                for _ in range(int(exponent)):
                    piece = self.mul(piece, base.args[0])
            done.append(piece)
        return terms.add(*done)

    def power(self, poly: Poly, exponent: Fraction) -> Poly:
        """`poly ** exponent`, where that is defined."""
        if exponent == 0:
            return terms.ONE
        if exponent == 1:
            return poly
        value = poly.constant
        if value is not None:
            return self._constant_power(value, exponent)
        if len(poly.terms) == 1:
            return self._monomial_power(*poly.terms[0], exponent)
        if _is_natural(exponent) and len(poly.terms) ** int(exponent) <= _LARGEST_EXPANSION:
            result = poly
            for _ in range(int(exponent) - 1):
                result = self.mul(result, poly)
            return result
        factor, coefficient, rest = self.content(poly, signed=exponent.denominator == 1)
        outside = self._monomial_power(factor, coefficient, exponent)
        if exponent.denominator != 1 and not self._is_non_negative_monomial(factor):
            return terms.from_base(terms.make_base("sum", poly), exponent)
        return self.mul(outside, terms.from_base(terms.make_base("sum", rest), exponent))

    def content(self, poly: Poly, signed: bool) -> tuple[Monomial, Fraction, Poly]:
        """The common monomial, a coefficient, and what is left of a sum of several terms."""
        factor = terms.common_factor(poly)
        coefficient = poly.terms[0][1]
        if not signed:
            coefficient = abs(coefficient)
        inverse = terms.single(terms.invert(factor), 1 / coefficient)
        rest = terms.mul(poly, inverse)
        return factor, coefficient, rest

    def _constant_power(self, value: Fraction, exponent: Fraction) -> Poly:
        if value == 0:
            if exponent > 0:
                return terms.ZERO
            return terms.from_base(terms.make_base("sum", terms.ZERO), exponent)
        exact = rational_power(value, exponent)
        if exact is not None:
            return terms.const(exact)
        return terms.from_base(terms.make_base("sum", terms.const(value)), exponent)

    def _monomial_power(
        self, monomial: Monomial, coefficient: Fraction, exponent: Fraction
    ) -> Poly:
        whole = exponent.denominator == 1
        if not whole and (coefficient < 0 or not self._is_non_negative_monomial(monomial)):
            return terms.from_base(
                terms.make_base("sum", terms.single(monomial, coefficient)), exponent
            )
        outside = self._constant_power(coefficient, exponent)
        powered = tuple((base, e * exponent) for base, e in monomial)
        return self.mul(outside, terms.single(powered))

    def _is_non_negative_monomial(self, monomial: Monomial) -> bool:
        """Whether every single factor is known to be non-negative."""
        return all(self.base_sign(base) in (POSITIVE, NON_NEGATIVE) for base, _ in monomial)

    def symbolic_power(self, base: Poly, exponent: Poly) -> Poly:
        """A power whose exponent is not a constant; an exponential if the base is positive."""
        if base.constant == 1:
            return terms.ONE
        if self.sign(base) == POSITIVE:
            return self.exp(self.mul(exponent, self.log(base)))
        return terms.from_base(terms.make_base("pow", base, exponent))

    def exp(self, poly: Poly) -> Poly:
        """`exp` of a sum of terms is a product of powers of exponentials of monomials.

        Of `w log(x)`, and of a sum of such over an index, it is a power of `x`, and a product of
        powers, which are zero at `x = 0` for a positive weight.
        """
        result = terms.ONE
        for monomial, coefficient in poly.terms:
            if len(monomial) == 1 and monomial[0][0].kind == "log" and monomial[0][1] == 1:
                factor = self.power(monomial[0][0].args[0], coefficient)
            else:
                powers = self._powers(monomial, coefficient)
                if powers is None:
                    base = terms.make_base("exp", terms.single(monomial))
                    powers = terms.from_base(base, coefficient)
                factor = powers
            result = self.mul(result, factor)
        return result

    def _powers(self, monomial: Monomial, coefficient: Fraction) -> Poly | None:
        """`exp` of a weighted logarithm of what may be zero, or of a sum of them, as powers."""
        inside = self._weighted_log(monomial)
        if inside is not None:
            argument, weight = inside
            return self.symbolic_power(argument, terms.scale(weight, coefficient))
        sums = [(b, e) for b, e in monomial if b.kind == "reduce" and b.args[0] == "sum"]
        if len(sums) != 1 or sums[0][1] != 1:
            return None
        base = sums[0][0]
        outside = terms.single(tuple(p for p in monomial if p[0] != base), coefficient)
        over, body = self.open_body(base)
        found = self._weighted_log(body.terms[0][0]) if len(body.terms) == 1 else None
        if found is None:
            return None
        argument, weight = found
        exponent = self.mul(outside, terms.scale(weight, body.terms[0][1]))
        return self.reduce("prod", over, self.symbolic_power(argument, exponent), base.args[3])

    def _weighted_log(self, monomial: Monomial) -> tuple[Poly, Poly] | None:
        """The argument and the weight, where one factor is the logarithm of what may be zero."""
        logs = [(base, exponent) for base, exponent in monomial if base.kind == "log"]
        if len(logs) != 1 or logs[0][1] != 1:
            return None
        argument = logs[0][0].args[0]
        if self.sign(argument) == POSITIVE:
            return None
        return argument, terms.single(tuple(p for p in monomial if p[0] != logs[0][0]))

    def log(self, poly: Poly) -> Poly:
        """`log` of a product of positive factors is a sum."""
        if poly.constant == 1:
            return terms.ZERO
        if len(poly.terms) == 1:
            monomial, coefficient = poly.terms[0]
            rest: Poly | None = None
        elif poly.terms:
            monomial, coefficient, rest = self.content(poly, signed=False)
        else:
            return terms.from_base(terms.make_base("log", poly))
        if coefficient < 0 or not all(self.base_sign(b) == POSITIVE for b, _ in monomial):
            return terms.from_base(terms.make_base("log", poly))
        parts = [self._log_constant(coefficient)]
        for base, exponent in monomial:
            if base.kind == "exp":
                inner = base.args[0]
            elif base.kind == "sum":
                inner = terms.from_base(terms.make_base("log", base.args[0]))
            else:
                inner = terms.from_base(terms.make_base("log", terms.from_base(base)))
            parts.append(terms.scale(inner, exponent))
        if rest is not None:
            parts.append(terms.from_base(terms.make_base("log", rest)))
        return terms.add(*parts)

    def _log_constant(self, value: Fraction) -> Poly:
        if value == 1:
            return terms.ZERO
        return terms.from_base(terms.make_base("log", terms.const(value)))

    def floor(self, poly: Poly) -> Poly:
        value = poly.constant
        if value is not None:
            return terms.const(value.__floor__())
        return terms.from_base(terms.make_base("floor", poly))

    def maximum(self, args: list[Poly]) -> Poly:
        """The largest of several; dominated ones are dropped, a positive factor leaves."""
        flat: dict[Poly, None] = {}
        for arg in args:
            inner = sole_base(arg)
            if inner is not None and inner.kind == "max":
                flat.update(dict.fromkeys(inner.args[0]))
            else:
                flat[arg] = None
        kept = list(flat)
        for arg in list(kept):
            others = [other for other in kept if other != arg]
            if any(self.sign(terms.sub(o, arg)) in (POSITIVE, NON_NEGATIVE, "0") for o in others):
                kept.remove(arg)
        if len(kept) == 1:
            return kept[0]
        factor = self._shared_positive_factor(kept)
        if factor:
            inverse = terms.single(terms.invert(factor))
            kept = [terms.mul(arg, inverse) for arg in kept]
        kept.sort(key=lambda arg: arg.key)
        found = terms.from_base(terms.make_base("max", tuple(kept)))
        return self.mul(terms.single(factor), found)

    def _shared_positive_factor(self, polys: list[Poly]) -> Monomial:
        """What divides every term of every polynomial and is known to be positive."""
        rows = [poly for poly in polys if poly.terms]
        if not rows:
            return ()
        shared = terms.common_factor(*rows)
        return tuple(p for p in shared if self._power_sign(*p) == POSITIVE)

    def where(self, condition: Condition, then: Poly, otherwise: Poly) -> Poly:
        """A choice; what both branches have as a factor stands outside."""
        if condition == terms.TRUE or then == otherwise:
            return then
        if condition == terms.FALSE:
            return otherwise
        slope = _slope_of_choice(condition, then, otherwise)
        if slope > 0:
            return terms.scale(self.maximum([terms.scale(p, -1) for p in (then, otherwise)]), -1)
        if slope < 0:
            return self.maximum([then, otherwise])
        if condition.kind == "lit" and condition.args[1] in ("<=", "!="):
            condition, then, otherwise = self.negate(condition), otherwise, then
        rows = [poly for poly in (then, otherwise) if poly.terms]
        shared = terms.common_factor(*rows)
        inverse = terms.single(terms.invert(shared))
        chosen = terms.make_base(
            "where", condition, terms.mul(then, inverse), terms.mul(otherwise, inverse)
        )
        return self.mul(terms.single(shared), terms.from_base(chosen))


def _slope_of_choice(condition: Condition, then: Poly, otherwise: Poly) -> Fraction:
    """`k` where the condition is `d < 0` or `d <= 0` and the branches differ by `k d`; else zero.

    Then the choice is the smaller of the two for a positive `k`, and the larger for a negative one.
    """
    if condition.kind != "lit" or condition.args[1] not in ("<", "<="):
        return Fraction(0)
    return ratio(terms.sub(then, otherwise), condition.args[0])


def _is_natural(exponent: Fraction) -> bool:
    return exponent.denominator == 1 and exponent > 0
