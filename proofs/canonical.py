"""TRUSTED CORE. The canonical form: from graph nodes to terms, simplified as they are built.

Guarantee: wherever a node is defined, it and its canonical form have the same value. What is used:
the laws of real arithmetic; `exp` of a sum is a product; a factor that does not depend on the index
leaves a sum, a positive one an extremum; sums change places; a preferred distribution sums to one;
a permutation under a full reduction does nothing. A cancellation `x / x = 1` is used freely, since
the claim is about profiles at which the rule is defined; definedness itself is proved from the
graph.

Signs are decided here by syntax alone, from what every profile satisfies: bids and probabilities
are non-negative, the bids have a positive sum.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import count
from typing import Any, Final

from tokenauction.proofs import graph, terms
from tokenauction.proofs.graph import Axis, Index, Node
from tokenauction.proofs.interpret.exact import rational_power
from tokenauction.proofs.terms import Base, Condition, Monomial, Poly

POSITIVE: Final = "+"
NON_NEGATIVE: Final = "0+"
NEGATIVE: Final = "-"
NON_POSITIVE: Final = "0-"
ZERO_SIGN: Final = "0"
UNKNOWN: Final = "?"

_FLIPPED: Final = {"+": "-", "-": "+", "0+": "0-", "0-": "0+", "0": "0", "?": "?"}
_BELOW_AND_ABOVE: Final = {"<": (NEGATIVE, POSITIVE), "<=": (NON_POSITIVE, NON_NEGATIVE)}
_LARGEST_EXPANSION: Final = 400


class TooLarge(Exception):
    """The canonical form is too large to be of use, or the budget for simplifying is spent."""


class Canon:
    """Builds canonical terms; `positive` says that every probability is positive."""

    def __init__(self, positive: bool, budget: int = 10**9) -> None:
        self.positive = positive
        self.budget = budget
        self.apart: dict[Index, frozenset[Index]] = {}
        self._fresh = count()
        self._polys: dict[Node, Poly] = {}
        self._conditions: dict[Node, Condition] = {}
        self._signs: dict[str, str] = {}

    # From the graph ----------------------------------------------------------------------------

    def poly(self, root: Node) -> Poly:
        """The canonical form of a number."""
        self._run(root)
        return self._polys[root]

    def condition(self, root: Node) -> Condition:
        """The canonical form of a truth value."""
        self._run(root)
        return self._conditions[root]

    def _run(self, root: Node) -> None:
        for node in graph.subnodes(root):
            if node in self._polys or node in self._conditions:
                continue
            if graph.is_boolean(node):
                self._conditions[node] = self._truth(node)
            else:
                self._polys[node] = self._number(node)

    def _number(self, node: Node) -> Poly:
        if node.op == "where":
            condition = self._conditions[node.args[0]]
            return self.where(condition, self._polys[node.args[1]], self._polys[node.args[2]])
        args = [self._polys[arg] for arg in node.args]
        match node.op:
            case "const":
                return terms.const(node.data)
            case "add":
                return terms.add(*args)
            case "mul":
                return self.product(args)
            case "div":
                return self.mul(args[0], self.power(args[1], Fraction(-1)))
            case "pow":
                exponent = args[1].constant
                if exponent is not None:
                    return self.power(args[0], exponent)
                return self.symbolic_power(args[0], args[1])
            case "exp":
                return self.exp(args[0])
            case "log":
                return self.log(args[0])
            case "floor":
                return self.floor(args[0])
            case "max":
                return self.maximum(args)
            case "min":
                return terms.scale(self.maximum([terms.scale(arg, -1) for arg in args]), -1)
            case "reduce":
                kind, over, excluded = node.data
                return self.reduce(kind, over, args[0], excluded)
            case "pick":
                over, largest, excluded = node.data
                key = args[0] if largest else terms.scale(args[0], -1)
                chosen = self.chosen(over, over, key, excluded)
                return self.reduce("sum", over, self.mul(chosen, args[1]), excluded)
            case _:
                return terms.from_base(terms.make_base("leaf", node))

    def _truth(self, node: Node) -> Condition:
        if node.op in ("lt", "le", "eq"):
            left, right = (self._polys[arg] for arg in node.args)
            return self.literal(
                {"lt": "<", "le": "<=", "eq": "=="}[node.op], terms.sub(left, right)
            )
        if node.op == "truth":
            return terms.TRUE if node.data else terms.FALSE
        if node.op == "same":
            return terms.make_condition("same", *node.data)
        if node.op == "before":
            index, over, largest, excluded = node.data
            key = self._polys[node.args[0]]
            key = key if largest else terms.scale(key, -1)
            return self.literal("<=", self.order(index, over, key, excluded))
        args = [self._conditions[arg] for arg in node.args]
        match node.op:
            case "and":
                return self.conj(args)
            case "or":
                return self.disj(args)
            case "not":
                return self.negate(args[0])
            case "where":
                then = self.conj([args[0], args[1]])
                return self.disj([then, self.conj([self.negate(args[0]), args[2]])])
            case _:
                kind, over, excluded = node.data
                return self.quantify(kind, over, args[0], excluded)

    # Arithmetic --------------------------------------------------------------------------------

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
            inner = _sole_base(arg)
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

    # Reductions --------------------------------------------------------------------------------

    def reduce(self, kind: str, over: Index, body: Poly, excluded: tuple[Index, ...] = ()) -> Poly:
        """A sum, product or extremum over every value of `over` that is not excluded."""
        if kind == "sum":
            return terms.add(*(self._sum_term(over, m, c, excluded) for m, c in body.terms))
        if kind == "min":
            negated = self.reduce("max", over, terms.scale(body, -1), excluded)
            return terms.scale(negated, -1)
        if plain(over) not in body.free and kind == "max":
            return body
        if kind == "max":
            factor = tuple(
                p
                for p in terms.common_factor(body)
                if plain(over) not in p[0].free and self._power_sign(*p) == POSITIVE
            )
            rest = terms.mul(body, terms.single(terms.invert(factor)))
            largest = self._bound("max", over, rest, excluded)
            return self.mul(terms.single(factor), largest)
        return self._product(over, body, excluded)

    def _product(self, over: Index, body: Poly, excluded: tuple[Index, ...]) -> Poly:
        if len(body.terms) != 1:
            return self._bound_poly("prod", over, body, excluded)
        monomial, coefficient = body.terms[0]
        result = terms.ONE
        if coefficient != 1:
            result = self._bound("prod", over, terms.const(coefficient), excluded)
        for base, exponent in monomial:
            if base.kind == "exp":
                total = self.reduce("sum", over, terms.scale(base.args[0], exponent), excluded)
                factor = self.exp(total)
            elif exponent.denominator == 1:
                factor = self.power(
                    self._bound("prod", over, terms.from_base(base), excluded), exponent
                )
            else:
                factor = self._bound("prod", over, terms.from_base(base, exponent), excluded)
            result = self.mul(result, factor)
        return result

    def _sum_term(
        self, over: Index, monomial: Monomial, coefficient: Fraction, excluded: tuple[Index, ...]
    ) -> Poly:
        variable = plain(over)
        outside = tuple(p for p in monomial if variable not in p[0].free)
        inside = tuple(p for p in monomial if variable in p[0].free)
        front = terms.single(outside, coefficient)
        return self.mul(front, self._sum_monomial(over, inside, excluded))

    def _sum_monomial(self, over: Index, inside: Monomial, excluded: tuple[Index, ...]) -> Poly:
        """The sum of a monomial all of whose bases depend on the index."""
        if not inside:
            everybody = terms.from_base(terms.make_base("leaf", graph.size(over.axis)))
            return terms.sub(everybody, terms.const(len(excluded)))
        if len(inside) == 1 and inside[0][1] == 1:
            base = inside[0][0]
            if base.kind == "chosen" and base.args[0] == over and base.args[3] == excluded:
                return terms.ONE
            if over.axis is Axis.TOKENS and self._is_distribution(base, over):
                left_out = [self._at(base, over, index) for index in excluded]
                return terms.sub(terms.ONE, terms.add(*left_out))
            if base.kind == "reduce" and base.args[0] == "sum" and self._swaps(base, over):
                _, inner, body, inner_excluded = base.args
                fresh, opened = self._open(inner, body, inner_excluded)
                swapped = self.reduce("sum", over, opened, excluded)
                return self.reduce("sum", fresh, swapped, inner_excluded)
        for place, (base, exponent) in enumerate(inside):
            if base.kind == "where" and exponent == 1 and plain(over) not in base.args[0].free:
                rest = terms.single((*inside[:place], *inside[place + 1 :]))
                branches = [
                    self.reduce("sum", over, self.mul(branch, rest), excluded)
                    for branch in base.args[1:]
                ]
                return self.where(base.args[0], *branches)
        return self._bound_poly("sum", over, terms.single(inside), excluded)

    def chosen(self, index: Index, over: Index, key: Poly, excluded: tuple[Index, ...]) -> Poly:
        """One for the first index with the largest key among those not excluded, else zero."""
        return self._about_largest("chosen", index, over, key, excluded)

    def order(self, index: Index, over: Index, key: Poly, excluded: tuple[Index, ...]) -> Poly:
        """Some number that is not positive where an index comes before the chosen one."""
        return self._about_largest("order", index, over, key, excluded)

    def _about_largest(
        self, kind: str, index: Index, over: Index, key: Poly, excluded: tuple[Index, ...]
    ) -> Poly:
        factor = tuple(
            p
            for p in terms.common_factor(key)
            if plain(over) not in p[0].free and self._power_sign(*p) == POSITIVE
        )
        key = terms.mul(key, terms.single(terms.invert(factor)))
        if key.terms:
            key = terms.scale(key, 1 / abs(key.terms[0][1]))
        name = Index(over.axis, f"{terms.BOUND_MARK}{key.level + 1}")
        key = self.substitute(key, over, name)
        excluded = tuple(sorted(excluded, key=str))
        return terms.from_base(terms.make_base(kind, index, name, key, excluded))

    def _is_distribution(self, base: Base, over: Index) -> bool:
        if base.kind != "leaf" or base.args[0].op not in ("prob", "dist"):
            return False
        own = base.args[0].data[1]
        agent = base.args[0].data[0] if base.args[0].op == "prob" else None
        return plain(own) == plain(over) and agent != over

    def _swaps(self, base: Base, over: Index) -> bool:
        """Sums over tokens go inside sums over agents, where they often disappear."""
        return over.axis is Axis.TOKENS and base.args[1].axis is Axis.AGENTS

    def _at(self, base: Base, over: Index, index: Index) -> Poly:
        return self.substitute(terms.from_base(base), over, index)

    def _bound_poly(self, kind: str, over: Index, body: Poly, excluded: tuple[Index, ...]) -> Poly:
        reduction: Poly = self._bound(kind, over, body, excluded)
        return reduction

    def _bound(self, kind: str, over: Index, body: Any, excluded: tuple[Index, ...]) -> Any:
        """A reduction base, its index renamed to its level and its permutations undone."""
        body, over = self._without_permutation(body, over, excluded)
        name = Index(over.axis, f"{terms.BOUND_MARK}{body.level + 1}")
        body = self.substitute_any(body, over, name)
        excluded = tuple(sorted(excluded, key=str))
        if kind in ("all", "any"):
            return terms.make_condition(kind, name, body, excluded)
        return terms.from_base(terms.make_base("reduce", kind, name, body, excluded))

    def _without_permutation(
        self, body: Any, over: Index, excluded: tuple[Index, ...]
    ) -> tuple[Any, Index]:
        """If the index occurs under one permutation only, the permutation can be left out."""
        if excluded:
            return body, over
        seen = {o.through for o in occurrences(body) if plain(o) == plain(over)}
        innermost = {through[-1] if through else None for through in seen}
        if len(innermost) != 1 or None in innermost:
            return body, over
        fresh = self.fresh(over.axis)

        def strip(index: Index) -> Index:
            if plain(index) != plain(over):
                return index
            return Index(fresh.axis, fresh.name, None, index.through[:-1])

        return self._without_permutation(self.map_indices(body, strip), fresh, excluded)

    def fresh(self, axis: Axis, apart: tuple[Index, ...] = ()) -> Index:
        """An index variable that occurs nowhere else, different from those in `apart`."""
        index = Index(axis, f"~{next(self._fresh)}")
        self.apart[index] = frozenset(plain(one) for one in apart)
        return index

    def ranges_over(self, index: Index, excluded: tuple[Index, ...]) -> bool:
        """Whether a named index is known to be none of those that a reduction leaves out."""
        return {plain(one) for one in excluded} <= self.apart.get(plain(index), frozenset())

    def _open(self, over: Index, body: Any, excluded: tuple[Index, ...] = ()) -> tuple[Index, Any]:
        """A bound body with its index made a fresh free variable."""
        fresh = self.fresh(over.axis, excluded)
        return fresh, self.substitute_any(body, over, fresh)

    def open_body(self, reduction: Base | Condition) -> tuple[Index, Any]:
        """The body of a reduction base or a quantifier, its index a fresh free variable."""
        args = reduction.args[1:] if isinstance(reduction, Base) else reduction.args
        return self._open(*args)

    # Conditions --------------------------------------------------------------------------------

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
        self, kind: str, parts: list[Condition], unit: Condition, absorbing: Condition
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
                other = "different" if condition.kind == "same" else "same"
                return terms.make_condition(other, *args)
            case _:
                over, body, excluded = args
                other = "any" if condition.kind == "all" else "all"
                return terms.make_condition(other, over, self.negate(body), excluded)

    def quantify(
        self, kind: str, over: Index, body: Condition, excluded: tuple[Index, ...] = ()
    ) -> Condition:
        """`all` or `any`; over agents or tokens there is at least one value."""
        if plain(over) not in body.free:
            return body
        if (kind, body.kind) in (("all", "and"), ("any", "or")):
            parts = [self.quantify(kind, over, part, excluded) for part in body.args[0]]
            return self.conj(parts) if kind == "all" else self.disj(parts)
        bound: Condition = self._bound(kind, over, body, excluded)
        return bound

    # Rewriting ---------------------------------------------------------------------------------

    def substitute(self, poly: Poly, old: Index, new: Index) -> Poly:
        """The polynomial with one index variable replaced."""
        result: Poly = self.substitute_any(poly, old, new)
        return result

    def substitute_any(self, term: Any, old: Index, new: Index) -> Any:
        """A polynomial or a condition with one index variable replaced."""
        if plain(old) not in term.free:
            return term

        def move(index: Index) -> Index:
            if plain(index) != plain(old):
                return index
            return Index(new.axis, new.name, new.position, index.through + new.through)

        return self.map_indices(term, move)

    def map_indices(self, term: Any, move: Callable[[Index], Index]) -> Any:
        """A polynomial or a condition with its free indices moved, simplified again."""

        def leaf(base: Base) -> Poly:
            node = base.args[0]
            if node.op in ("bid", "other_bid", "prob"):
                moved = graph.rebuild(node, (), tuple(move(index) for index in node.data))
            elif node.op == "dist":
                moved = graph.rebuild(node, (), (node.data[0], move(node.data[1])))
            else:
                return terms.from_base(base)
            return terms.from_base(terms.make_base("leaf", moved))

        return Rewriter(self, leaf, move).rewrite(term)

    # Signs -------------------------------------------------------------------------------------

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
            case _:
                return self._reduction_sign(base)

    def _sign_where(self, condition: Condition, poly: Poly) -> str:
        """The sign of a number wherever a condition holds, which may be about that number."""
        if condition.kind == "lit" and condition.args[1] in ("<", "<="):
            slope = _ratio(poly, condition.args[0])
            if slope:
                below, above = _BELOW_AND_ABOVE[condition.args[1]]
                return below if slope > 0 else above
        return self.sign(poly)

    def _leaf_sign(self, node: Node) -> str:
        if node.op == "size":
            return POSITIVE
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


def have_same_form(one: Sequence[Node], other: Sequence[Node], positive: bool, budget: int) -> bool:
    """Whether numbers have the same canonical forms, one by one; not where these are too large."""
    canon = Canon(positive, budget)
    try:
        pairs = zip(one, other, strict=True)
        return all(canon.poly(left).key == canon.poly(right).key for left, right in pairs)
    except TooLarge:
        return False


class Rewriter:
    """Rebuilds a term with its leaves replaced and its free indices moved."""

    def __init__(
        self,
        canon: Canon,
        leaf: Callable[[Base], Poly],
        move: Callable[[Index], Index] = lambda index: index,
        replace: Callable[[Base], Poly | None] = lambda base: None,
        decide: Callable[[Condition], Condition | None] = lambda condition: None,
    ) -> None:
        self.canon = canon
        self.leaf = leaf
        self.move = move
        self.replace = replace
        self.decide = decide
        self._memo: dict[Any, Any] = {}

    def rewrite(self, term: Any) -> Any:
        """A polynomial or a condition, rebuilt."""
        if term not in self._memo:
            work = self._poly if isinstance(term, Poly) else self._condition
            self._memo[term] = work(term)
        return self._memo[term]

    def _rewritten(self, poly: Poly) -> Poly:
        result: Poly = self.rewrite(poly)
        return result

    def _poly(self, poly: Poly) -> Poly:
        done = []
        for monomial, coefficient in poly.terms:
            piece = terms.const(coefficient)
            for base, exponent in monomial:
                piece = self.canon.mul(piece, self.canon.power(self._base(base), exponent))
            done.append(piece)
        return terms.add(*done)

    def _base(self, base: Base) -> Poly:
        if base not in self._memo:
            given = self.replace(base)
            self._memo[base] = self._rebuilt(base) if given is None else given
        found: Poly = self._memo[base]
        return found

    def _rebuilt(self, base: Base) -> Poly:
        canon, args = self.canon, base.args
        match base.kind:
            case "leaf":
                return self.leaf(base)
            case "sum":
                return self._rewritten(args[0])
            case "exp":
                return canon.exp(self.rewrite(args[0]))
            case "log":
                return canon.log(self.rewrite(args[0]))
            case "floor":
                return canon.floor(self.rewrite(args[0]))
            case "max":
                return canon.maximum([self.rewrite(arg) for arg in args[0]])
            case "pow":
                exponent = self._rewritten(args[1])
                value = exponent.constant
                if value is not None:
                    return canon.power(self.rewrite(args[0]), value)
                return canon.symbolic_power(self.rewrite(args[0]), exponent)
            case "where":
                return canon.where(*(self.rewrite(arg) for arg in args))
            case "chosen" | "order":
                index, bound, key, excluded = args
                over = canon.fresh(bound.axis, excluded)
                opened = self._rewritten(canon.substitute(key, bound, over))
                make = canon.chosen if base.kind == "chosen" else canon.order
                return make(
                    self.move(index), over, opened, tuple(self.move(one) for one in excluded)
                )
            case _:
                kind, _, _, excluded = args
                over, body = canon.open_body(base)
                moved = tuple(self.move(index) for index in excluded)
                return canon.reduce(kind, over, self.rewrite(body), moved)

    def _condition(self, condition: Condition) -> Condition:
        given = self.decide(condition)
        if given is not None:
            return given
        canon, args = self.canon, condition.args
        match condition.kind:
            case "lit":
                return canon.literal(args[1], self.rewrite(args[0]))
            case "and":
                return canon.conj([self.rewrite(part) for part in args[0]])
            case "or":
                return canon.disj([self.rewrite(part) for part in args[0]])
            case "same" | "different":
                left, right = (self.move(index) for index in args)
                equal = graph.same(left, right)
                if equal.op == "truth":
                    return terms.TRUE if equal.data == (condition.kind == "same") else terms.FALSE
                return terms.make_condition(condition.kind, *equal.data)
            case "all" | "any":
                over, body = canon.open_body(condition)
                moved = tuple(self.move(index) for index in args[2])
                return canon.quantify(condition.kind, over, self.rewrite(body), moved)
            case _:
                return condition


def plain(index: Index) -> Index:
    """An index without its permutations."""
    return terms.plain(index)


def occurrences(term: Any) -> list[Index]:
    """Every occurrence of every index in a term, with its permutations."""
    found: list[Index] = []

    def walk(part: Any) -> None:
        if isinstance(part, Poly):
            for base in part.bases():
                walk(base)
        elif isinstance(part, Base | Condition):
            for arg in part.args:
                walk(arg)
        elif isinstance(part, tuple):
            for arg in part:
                walk(arg)
        elif isinstance(part, Node):
            found.extend(graph.indices_of(part))
        elif isinstance(part, Index):
            found.append(part)

    walk(term)
    return found


def _sole_base(poly: Poly) -> Base | None:
    """The base that a polynomial consists of, if it is nothing else."""
    if len(poly.terms) == 1 and poly.terms[0][1] == 1 and len(poly.terms[0][0]) == 1:
        base, exponent = poly.terms[0][0][0]
        return base if exponent == 1 else None
    return None


def _slope_of_choice(condition: Condition, then: Poly, otherwise: Poly) -> Fraction:
    """`k` where the condition is `d < 0` or `d <= 0` and the branches differ by `k d`; else zero.

    Then the choice is the smaller of the two for a positive `k`, and the larger for a negative one.
    """
    if condition.kind != "lit" or condition.args[1] not in ("<", "<="):
        return Fraction(0)
    return _ratio(terms.sub(then, otherwise), condition.args[0])


def _ratio(poly: Poly, other: Poly) -> Fraction:
    """`k` where one polynomial is `k` times the other; else zero."""
    if not poly.terms:
        return Fraction(0)
    monomial, coefficient = poly.terms[0]
    ratio = coefficient / dict(other.terms).get(monomial, Fraction(1))
    return ratio if poly == terms.scale(other, ratio) else Fraction(0)


def _is_natural(exponent: Fraction) -> bool:
    return exponent.denominator == 1 and exponent > 0


def _is_total_of_bids(over: Index, body: Poly) -> bool:
    base = _sole_base(body)
    if base is None or base.kind != "leaf" or base.args[0].op != "bid":
        return False
    return bool(base.args[0].data[0] == over)


def _decide(op: str, sign: str) -> bool | None:
    table = {
        "<": {NEGATIVE: True, "0": False, POSITIVE: False, NON_NEGATIVE: False},
        "<=": {NEGATIVE: True, NON_POSITIVE: True, "0": True, POSITIVE: False},
        "==": {"0": True, POSITIVE: False, NEGATIVE: False},
        "!=": {"0": False, POSITIVE: True, NEGATIVE: True},
    }
    return table[op].get(sign)


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
