"""TRUSTED CORE. Comparisons, connectives and quantifiers in canonical form."""

from typing import Literal, assert_never

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.reducing import Reductions
from tokenauction.proofs.core.algebra.signs import NEGATIVE, NON_NEGATIVE, NON_POSITIVE, POSITIVE
from tokenauction.proofs.core.algebra.terms import Condition, ConditionKind, Poly
from tokenauction.proofs.core.language.graph import Index, Reduction


class Conditions(Reductions):
    """Conditions: literals compared with zero, joined, negated and quantified."""

    def literal(self, op: str, poly: Poly) -> Condition:
        """`poly op 0`, with positive factors taken out."""
        if poly.terms:
            poly = self._reduced_literal(poly)
        decided = _decide(op, self.sign(poly))
        if decided is not None:
            return terms.TRUE if decided else terms.FALSE
        if op in ("==", "!=") and poly.terms[0][1] < 0:
            poly = terms.scale(poly, -1)
        return terms.make_condition("lit", poly, op)

    def _reduced_literal(self, poly: Poly) -> Poly:
        factor = tuple(p for p in terms.common_factor(poly) if self._power_sign(*p) == POSITIVE)
        poly = self._expanded(terms.mul(poly, terms.single(terms.invert(factor))))
        if not poly.terms:
            return poly
        poly = terms.scale(poly, 1 / abs(poly.terms[0][1]))
        logarithmic = self._compared_in_logs(poly)
        if logarithmic is not None:
            return self._reduced_literal(logarithmic) if logarithmic.terms else logarithmic
        multiplied = self._compared_without_logs(poly)
        return multiplied if multiplied is not None else poly

    def _compared_in_logs(self, poly: Poly) -> Poly | None:
        """`c·m < d·n` for positive monomials with exponentials is `log(c·m) < log(d·n)`."""
        if len(poly.terms) != 2:
            return None
        (m1, c1), (m2, c2) = poly.terms
        if c1 * c2 > 0 or not any(b.kind == "exp" for b, _ in (*m1, *m2)):
            return None
        if not all(self.base_sign(b) == POSITIVE for b, _ in (*m1, *m2)):
            return None
        first, second = (self.log(terms.single(m, abs(c))) for m, c in poly.terms)
        return terms.sub(first, second) if c1 > 0 else terms.sub(second, first)

    def _compared_without_logs(self, poly: Poly) -> Poly | None:
        """Logarithms with whole coefficients sum to less than zero where a product is below one."""
        upper: list[Poly] = []
        lower: list[Poly] = []
        for monomial, coefficient in poly.terms:
            if len(monomial) != 1 or monomial[0][0].kind != "log" or monomial[0][1] != 1:
                return None
            argument = monomial[0][0].args[0]
            if coefficient.denominator != 1 or abs(coefficient) > 4:
                return None
            side = upper if coefficient > 0 else lower
            side.extend([argument] * abs(int(coefficient)))
        if not poly.terms:
            return None
        return terms.sub(self.product(upper), self.product(lower))

    def conj(self, parts: list[Condition]) -> Condition:
        return self._junction("and", parts, terms.TRUE, terms.FALSE)

    def disj(self, parts: list[Condition]) -> Condition:
        return self._junction("or", parts, terms.FALSE, terms.TRUE)

    def _junction(
        self,
        kind: Literal["and", "or"],
        parts: list[Condition],
        unit: Condition,
        absorbing: Condition,
    ) -> Condition:
        flat: dict[Condition, None] = {}
        for part in parts:
            flat.update(dict.fromkeys(part.args[0] if part.kind == kind else (part,)))
        flat.pop(unit, None)
        if absorbing in flat or any(self.negate(part) in flat for part in flat):
            return absorbing
        if not flat:
            return unit
        if len(flat) == 1:
            return next(iter(flat))
        return terms.make_condition(kind, tuple(sorted(flat, key=lambda part: part.key)))

    def negate(self, condition: Condition) -> Condition:
        """The negation, pushed down to the literals."""
        args = condition.args
        match condition.kind:
            case "true":
                return terms.FALSE
            case "false":
                return terms.TRUE
            case "lit":
                poly, op = args
                if op in ("==", "!="):
                    return terms.make_condition("lit", poly, "!=" if op == "==" else "==")
                flipped = terms.scale(poly, -1)
                return terms.make_condition("lit", flipped, "<=" if op == "<" else "<")
            case "and":
                return self.disj([self.negate(part) for part in args[0]])
            case "or":
                return self.conj([self.negate(part) for part in args[0]])
            case "same" | "different":
                other: ConditionKind = "different" if condition.kind == "same" else "same"
                return terms.make_condition(other, *args)
            case "all":
                over, body, excluded = args
                return terms.make_condition("any", over, self.negate(body), excluded)
            case "any":
                over, body, excluded = args
                return terms.make_condition("all", over, self.negate(body), excluded)
            case _:
                assert_never(condition.kind)

    def quantify(
        self, kind: Reduction, over: Index, body: Condition, excluded: tuple[Index, ...] = ()
    ) -> Condition:
        """`all` or `any`; over agents or tokens there is at least one value."""
        if terms.plain(over) not in body.free:
            return body
        if (kind, body.kind) in (("all", "and"), ("any", "or")):
            parts = [self.quantify(kind, over, part, excluded) for part in body.args[0]]
            return self.conj(parts) if kind == "all" else self.disj(parts)
        bound: Condition = self._bound(kind, over, body, excluded)
        return bound


def _decide(op: str, sign: str) -> bool | None:
    table = {
        "<": {NEGATIVE: True, "0": False, POSITIVE: False, NON_NEGATIVE: False},
        "<=": {NEGATIVE: True, NON_POSITIVE: True, "0": True, POSITIVE: False},
        "==": {"0": True, POSITIVE: False, NEGATIVE: False},
        "!=": {"0": False, POSITIVE: True, NEGATIVE: True},
    }
    return table[op].get(sign)
