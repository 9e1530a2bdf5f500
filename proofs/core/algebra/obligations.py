"""TRUSTED CORE. What has to hold for a formula to be defined."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Index, Node
from tokenauction.proofs.core.language.grounding import free_indices

Kind = Literal["nonzero", "non-negative", "positive", "sufficient"]


# What a function needs to be defined, no less and no more.
EXACT: Final = ("nonzero", "non-negative")


@dataclass(frozen=True)
class Obligation:
    """What must hold for a formula to be defined.

    `kind` is `"nonzero"` or `"non-negative"` where the operation is undefined otherwise: these may
    be assumed of profiles at which the rule is defined. `"positive"` is a logarithm that would be
    infinite otherwise: it has to be proved. `"sufficient"` is enough for a power to be defined, but
    not necessary: it has to be proved where definedness is the claim, and is never assumed.

    `absorbed` says that something above may make a number, or a choice, of what is not one: a
    comparison of NaN is false, the smaller of infinity and one is one, and one over infinity is
    zero. A run is then defined where the formula is not, so the condition has to be proved.
    """

    kind: Kind
    condition: Node
    absorbed: bool = False

    @property
    def has_to_be_proved(self) -> bool:
        """Whether it may not be assumed of profiles at which the rule is defined."""
        return self.kind == "positive" or self.absorbed


def obligations(root: Node) -> list[Obligation]:
    """Everything that has to hold, what is computed first coming first."""
    return list(dict.fromkeys(_walk(root, (), (), set(), False)))


def closed_obligations(root: Node, *kept: Index) -> list[Obligation]:
    """The same for every value of the formula's free indices, save those that are kept."""
    free = sorted((index for index in free_indices(root) if index not in kept), key=str)
    found = []
    for obligation in obligations(root):
        condition = obligation.condition
        for index in free:
            condition = graph.reduce("all", index, condition)
        found.append(replace(obligation, condition=condition))
    return found


def needed_conditions(
    results: Sequence[Node], holds: Node, everywhere: bool, *kept: Index
) -> list[tuple[Node, bool]]:
    """What has to hold for an instance to be defined, each with whether it has to be proved.

    The rest may be assumed: a claim is of profiles at which the rules are defined, and at the
    others a run gives what is no number, too. Of what the property itself divides by, nothing is
    assumed, since it answers by comparing.
    """
    of_rules = [one for root in results for one in closed_obligations(root, *kept)]
    strict = {one.condition for one in of_rules if everywhere or one.has_to_be_proved}
    loose = [one.condition for one in of_rules if one.kind != "sufficient" or everywhere]
    needed = {condition: condition in strict for condition in [*loose, *strict]}
    for one in closed_obligations(holds, *kept):
        needed.setdefault(one.condition, True)
    return list(needed.items())


Binders = tuple[tuple[Index, tuple[Index, ...]], ...]


Path = tuple[Node, ...]


def _walk(
    node: Node,
    path: Path,
    binders: Binders,
    seen: set[tuple[Node, Path, Binders, bool]],
    absorbed: bool,
) -> Iterator[Obligation]:
    if (node, path, binders, absorbed) in seen:
        return
    seen.add((node, path, binders, absorbed))
    if node.op == "where":
        condition, then, otherwise = node.args
        yield from _walk(condition, path, binders, seen, True)
        yield from _walk(then, (*path, condition), binders, seen, absorbed)
        yield from _walk(otherwise, (*path, graph.negation(condition)), binders, seen, absorbed)
        return
    if node.op == "pick":
        over, _, excluded = node.data
        inner = (*binders, (over, excluded))
        yield from _walk(node.args[0], path, inner, seen, True)
        for obligation in _walk(node.args[1], path, inner, seen, absorbed):
            # Only the chosen value has to be defined: so this is no consequence of definedness.
            yield Obligation("positive", obligation.condition)
        return
    if node.op == "reduce":
        kind, over, excluded = node.data
        inside = absorbed or kind not in ("sum", "prod")
        yield from _walk(node.args[0], path, (*binders, (over, excluded)), seen, inside)
        return
    if node.op == "exp":
        for part in (part for term in _addends(node.args[0]) for part in _inside_exp(term)):
            inner = (*binders, *part.binders)
            below = absorbed or (not part.needs and not _keeps(node, 0))
            yield from _walk(part.node, path, inner, seen, below)
            for kind, needed in part.needs:
                yield Obligation(kind, _closed_under(needed, path, inner), below)
    else:
        for place, arg in enumerate(node.args):
            yield from _walk(arg, path, binders, seen, absorbed or not _keeps(node, place))
    for own, goal in _own(node):
        yield Obligation(own, _closed_under(goal, path, binders), absorbed)


def _keeps(node: Node, place: int) -> bool:
    """Whether what is no number, as this argument of an operation, gives what is no number.

    A sum or a product of NaN or infinity is not finite, whatever the rest is; nor is a quotient of
    one by a number, or its positive power.
    """
    if node.op == "pow":
        return place == 0 and node.args[1].op == "const" and node.args[1].data > 0
    return node.op in ("add", "mul", "floor", "log") or (node.op == "div" and place == 0)


def _closed_under(goal: Node, path: Path, binders: Binders) -> Node:
    """The goal wherever the path leads to it, for every index around it."""
    condition = graph.implies(graph.conj(*path), goal) if path else goal
    for over, excluded in reversed(binders):
        condition = graph.reduce("all", over, condition, excluded)
    return condition


def _addends(node: Node) -> list[Node]:
    return list(node.args) if node.op == "add" else [node]


@dataclass(frozen=True)
class _InExponent:
    """A part of an exponent that has to be defined, and what is needed of it besides."""

    node: Node
    binders: Binders = ()
    needs: tuple[tuple[Kind, Node], ...] = ()


def _inside_exp(term: Node) -> list[_InExponent]:
    """What an addend of an exponent needs: `w log(x)` may be minus infinity, and a sum of such.

    `exp(w log(x) + y)` is `x^w exp(y)`, also at `x = 0` for a positive weight `w`, as long as `y`
    is finite or minus infinity, which the other addends are. At `x = 0` and `w = 0` it is not
    defined: zero times infinity is no number. What is a weight is decided by its form alone, and
    has no logarithm in it, so that the canonical form is a power too (`Canon.exp`).
    """
    weight, log, binders = _weighted_log(term)
    if log is None:
        return [_InExponent(term)]
    inner = log.args[0]
    needs: list[tuple[Kind, Node]] = [("non-negative", graph.at_most(graph.ZERO, inner))]
    if not all(factor.op == "const" and factor.data > 0 for factor in weight):
        either = (graph.less(graph.ZERO, inner), graph.less(graph.ZERO, graph.mul(*weight)))
        needs.append(("nonzero", graph.disj(*either)))
    parts = [_InExponent(factor, binders) for factor in weight if factor.op != "const"]
    return [*parts, _InExponent(inner, binders, tuple(needs))]


def _weighted_log(term: Node) -> tuple[list[Node], Node | None, Binders]:
    """The weights, the logarithm and the binders of `w log(x)` or a sum of those; no log if none.

    A sum over an index may have one weight inside and another outside.
    """
    weight, rest = _weights_of(term)
    if len(rest) != 1:
        return [], None, ()
    (only,) = rest
    if only.op == "log":
        return weight, only, ()
    if only.op == "reduce" and only.data[0] == "sum":
        inner, below = _weights_of(only.args[0])
        if len(below) == 1 and below[0].op == "log":
            _, over, excluded = only.data
            return [*weight, *inner], below[0], ((over, excluded),)
    return [], None, ()


def _weights_of(term: Node) -> tuple[list[Node], list[Node]]:
    """The factors of a term that are weights, and the others."""
    if term.op == "mul":
        found = [_weights_of(factor) for factor in term.args]
        return [w for ws, _ in found for w in ws], [r for _, rs in found for r in rs]
    if term.op == "div" and _is_never_negative(term.args[1]) and not _is_weight(term):
        weight, rest = _weights_of(term.args[0])
        return [*weight, graph.div(graph.ONE, term.args[1])], rest
    return ([term], []) if _is_weight(term) else ([], [term])


def _is_weight(node: Node) -> bool:
    """Whether a node is one product of bids, sizes, exponentials and powers, and of no logarithm.

    Its canonical form has a single term, and it is never negative: with a negative weight infinity
    would become `exp(-inf)`, a number, and hide that `x` is not defined.
    """
    if not _has_no_log(node):
        return False
    match node.op:
        case "const":
            return bool(node.data >= 0)
        case "bid" | "other_bid" | "scalar" | "size" | "exp":
            return True
        case "given":
            return bool(node.data[1] != "any")
        case "mul":
            return all(map(_is_weight, node.args))
        case "div":
            return _is_weight(node.args[0]) and _is_never_negative(node.args[1])
        case "pow":
            exponent = node.args[1]
            return exponent.op == "const" and exponent.data > 0 and _is_weight(node.args[0])
        case "where":
            return all(map(_is_weight, node.args[1:]))
    return False


def _is_never_negative(node: Node) -> bool:
    """Whether a node shows by its form that it is not negative, and has no logarithm."""
    match node.op:
        case "add" | "mul" | "min":
            return all(map(_is_never_negative, node.args))
        case "max":
            return any(map(_is_never_negative, node.args)) and _has_no_log(node)
        case "reduce":
            return node.data[0] in ("sum", "prod", "max", "min") and _is_never_negative(
                node.args[0]
            )
        case "prob" | "dist":
            return True
    return _is_weight(node)


def _has_no_log(node: Node) -> bool:
    return all(part.op != "log" for part in graph.subnodes(node))


def _own(node: Node) -> Iterator[tuple[Kind, Node]]:
    if node.op == "div" and node.args[1].op != "const":
        yield "nonzero", _not_zero(node.args[1])
    elif node.op == "div" and node.args[1].data == 0:
        yield "nonzero", graph.FALSE
    elif node.op == "log":
        yield "positive", graph.less(graph.ZERO, node.args[0])
    elif node.op == "pow":
        base, exponent = node.args
        if exponent.op != "const":
            at_zero = graph.conj(graph.equal(base, graph.ZERO), graph.at_most(graph.ZERO, exponent))
            yield "sufficient", graph.disj(graph.less(graph.ZERO, base), at_zero)
            return
        if exponent.data < 0:
            yield "nonzero", _not_zero(base)
        if exponent.data.denominator != 1:
            yield "non-negative", graph.at_most(graph.ZERO, base)


def _not_zero(node: Node) -> Node:
    return graph.negation(graph.equal(node, graph.ZERO))
