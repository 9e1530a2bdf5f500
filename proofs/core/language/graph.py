"""TRUSTED CORE. The expression graph: what a rule computes, as scalars over labelled indices.

A node is one scalar or one truth value. Arrays do not occur: a traced array is a node in which an
index variable stands for each axis, so one graph speaks of every number of agents and tokens.
Nodes are interned, so equal structure is the same object and comparison costs nothing.

Meaning. Real arithmetic extended by minus infinity, which only `log(0)` produces. A division by
zero, a negative power of zero, a root or logarithm of a negative number and an indeterminate form
(`0 * -inf`, `-inf - -inf`) are *undefined*; an operation on something undefined is undefined, but
`where` looks at the chosen branch only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import Any, Final, Literal, assert_never, get_args
from weakref import WeakValueDictionary


class Axis(Enum):
    """What an index ranges over."""

    AGENTS = "agents"
    TOKENS = "tokens"


@dataclass(frozen=True)
class Index:
    """One agent or one token: a variable, or a fixed position, seen through permutations.

    `through` lists the permutations applied to it, outermost first.
    """

    axis: Axis
    name: str
    position: int | None = None
    through: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = self.name if self.position is None else str(self.position)
        for permutation in reversed(self.through):
            text = f"{permutation}({text})"
        return text

    def permuted(self, permutation: str) -> "Index":
        return replace(self, through=(permutation, *self.through))


def agent(name: str | int) -> Index:
    """An agent variable, or the agent at a fixed position."""
    return _index(Axis.AGENTS, name)


def token(name: str | int) -> Index:
    """A token variable, or the token at a fixed position."""
    return _index(Axis.TOKENS, name)


def _index(axis: Axis, name: str | int) -> Index:
    if isinstance(name, int):
        return Index(axis, str(name), name)
    return Index(axis, name)


Op = Literal[
    "const", "truth", "bid", "other_bid", "prob", "dist", "scalar", "given", "size", "same",
    "add", "mul", "div", "pow", "exp", "log", "floor", "max", "min",
    "lt", "le", "eq", "and", "or", "not", "where",
    "reduce", "argmax", "pick", "before",
]  # fmt: skip
OPS: Final = frozenset(get_args(Op))
Reduction = Literal["sum", "prod", "max", "min", "all", "any"]
Sign = Literal["any", "non-negative", "positive"]


class Node:
    """One operation applied to nodes; build it with the functions of this module only."""

    __slots__ = ("__weakref__", "args", "data", "op")

    op: Op
    args: tuple["Node", ...]
    data: Any

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a node cannot be changed")

    def __reduce__(self) -> Any:
        return (interned, (self.op, self.args, self.data))

    def __str__(self) -> str:
        return render(self)

    def __repr__(self) -> str:
        return f"Node({render(self)})"


_INTERNED: Final[WeakValueDictionary[Any, Node]] = WeakValueDictionary()


def interned(op: Op, args: tuple[Node, ...] = (), data: Any = None) -> Node:
    key = (op, args, data)
    found = _INTERNED.get(key)
    if found is None:
        if op not in OPS:
            raise ValueError(f"{op!r} is no operation of the language")
        found = object.__new__(Node)
        object.__setattr__(found, "op", op)
        object.__setattr__(found, "args", args)
        object.__setattr__(found, "data", data)
        _INTERNED[key] = found
    return found


# Leaves ------------------------------------------------------------------------------------------


def constant(value: int | Fraction) -> Node:
    return interned("const", (), Fraction(value))


ZERO: Final = constant(0)
ONE: Final = constant(1)
TRUE: Final = interned("truth", (), True)
FALSE: Final = interned("truth", (), False)


def truth(value: bool) -> Node:
    return TRUE if value else FALSE


def bid(of: Index) -> Node:
    """The bid `b_j`, non-negative."""
    return interned("bid", (), (of,))


def other_bid(of: Index) -> Node:
    """The bid of an agent in a second context, non-negative."""
    return interned("other_bid", (), (of,))


def prob(of: Index, at: Index) -> Node:
    """The probability `p_j(t)` in agent `of`'s preferred distribution."""
    return interned("prob", (), (of, at))


def named_dist(name: str, at: Index) -> Node:
    """The probability of a token in a distribution that belongs to no agent."""
    return interned("dist", (), (name, at))


def scalar(name: str) -> Node:
    """A number quantified by the property, such as a raised bid."""
    return interned("scalar", (), name)


def given(name: str, sign: Sign, *at: Index) -> Node:
    """A number of an array that the property quantifies over, whose numbers have this sign."""
    if sign not in get_args(Sign):
        raise ValueError(f"{sign!r} is no sign of a quantity")
    return interned("given", (), (name, sign, *at))


def size(axis: Axis) -> Node:
    """The number of agents or of tokens."""
    return interned("size", (), axis)


def same(left: Index, right: Index) -> Node:
    """Whether two indices are the same agent, or the same token."""
    if left == right:
        return TRUE
    if left.position is not None and right.position is not None:
        if left.through == right.through:
            return truth(left.position == right.position)
    return interned("same", (), tuple(sorted((left, right), key=str)))


# Operations --------------------------------------------------------------------------------------


def add(*terms: Node) -> Node:
    flat = [a for term in terms for a in (term.args if term.op == "add" else (term,))]
    if all(term.op == "const" for term in flat):
        return constant(sum((term.data for term in flat), Fraction(0)))
    return flat[0] if len(flat) == 1 else interned("add", tuple(flat))


def mul(*factors: Node) -> Node:
    flat = [a for factor in factors for a in (factor.args if factor.op == "mul" else (factor,))]
    if all(factor.op == "const" for factor in flat):
        product = Fraction(1)
        for factor in flat:
            product *= factor.data
        return constant(product)
    kept = [factor for factor in flat if factor is not ONE]
    return kept[0] if len(kept) == 1 else interned("mul", tuple(kept))


def neg(term: Node) -> Node:
    return mul(constant(-1), term)


def sub(left: Node, right: Node) -> Node:
    return add(left, neg(right))


def div(left: Node, right: Node) -> Node:
    if left.op == "const" and right.op == "const" and right.data != 0:
        return constant(left.data / right.data)
    return interned("div", (left, right))


def power(base: Node, exponent: Node) -> Node:
    if exponent is ONE:
        return base
    if base.op == "const" and exponent.op == "const" and exponent.data.denominator == 1:
        if base.data != 0 or exponent.data >= 0:
            return constant(base.data**exponent.data.numerator)
    return interned("pow", (base, exponent))


def exp(term: Node) -> Node:
    return ONE if term is ZERO else interned("exp", (term,))


def log(term: Node) -> Node:
    return ZERO if term is ONE else interned("log", (term,))


def floor(term: Node) -> Node:
    """The largest integer that is at most `term`."""
    return constant(term.data.__floor__()) if term.op == "const" else interned("floor", (term,))


def maximum(left: Node, right: Node) -> Node:
    return left if left is right else interned("max", (left, right))


def minimum(left: Node, right: Node) -> Node:
    return left if left is right else interned("min", (left, right))


def less(left: Node, right: Node) -> Node:
    if left.op == "const" and right.op == "const":
        return truth(left.data < right.data)
    return interned("lt", (left, right))


def at_most(left: Node, right: Node) -> Node:
    if left.op == "const" and right.op == "const":
        return truth(left.data <= right.data)
    return interned("le", (left, right))


def equal(left: Node, right: Node) -> Node:
    if left.op == "const" and right.op == "const":
        return truth(left.data == right.data)
    return interned("eq", (left, right))


def conj(*parts: Node) -> Node:
    return _junction("and", parts, TRUE)


def disj(*parts: Node) -> Node:
    return _junction("or", parts, FALSE)


def _junction(op: Literal["and", "or"], parts: Iterable[Node], unit: Node) -> Node:
    flat = [a for part in parts for a in (part.args if part.op == op else (part,))]
    kept = list(dict.fromkeys(part for part in flat if part is not unit))
    if not kept:
        return unit
    return kept[0] if len(kept) == 1 else interned(op, tuple(kept))


def negation(part: Node) -> Node:
    if part.op == "truth":
        return truth(not part.data)
    return part.args[0] if part.op == "not" else interned("not", (part,))


def implies(premise: Node, conclusion: Node) -> Node:
    return disj(negation(premise), conclusion)


def where(condition: Node, then: Node, otherwise: Node) -> Node:
    """`then` where the condition holds, else `otherwise`; both numbers, or both truth values."""
    if condition.op == "truth":
        return then if condition.data else otherwise
    return interned("where", (condition, then, otherwise))


REDUCTIONS: Final = get_args(Reduction)


def reduce(kind: Reduction, over: Index, body: Node, excluded: tuple[Index, ...] = ()) -> Node:
    """A sum, product, extremum or quantifier of `body` over every value of the variable `over`.

    The indices in `excluded` are left out; they must be distinct from one another.
    """
    if kind not in REDUCTIONS:
        raise ValueError(f"unknown reduction {kind!r}")
    return interned("reduce", (body,), (kind, over, excluded))


BOOLEAN_OPS: Final = frozenset({"truth", "same", "before", "lt", "le", "eq", "and", "or", "not"})


def is_boolean(node: Node) -> bool:
    """Whether a node is a truth value."""
    if node.op == "where":
        return is_boolean(node.args[1])
    if node.op == "reduce":
        return node.data[0] in ("all", "any")
    return node.op in BOOLEAN_OPS


def position_of_largest(over: Index, key: Node, largest: bool) -> Node:
    """The first position at which `key` is largest (or smallest); only good for indexing."""
    return interned("argmax", (key,), (over, largest))


def pick(
    over: Index, key: Node, value: Node, largest: bool, excluded: tuple[Index, ...] = ()
) -> Node:
    """`value` at the first index, of those not excluded, whose `key` is largest (or smallest)."""
    return interned("pick", (key, value), (over, largest, excluded))


def before(
    index: Index, over: Index, key: Node, largest: bool, excluded: tuple[Index, ...]
) -> Node:
    """Whether an index comes before the one that `pick` chooses among those not excluded."""
    return interned("before", (key,), (index, over, largest, excluded))


def subnodes(*roots: Node) -> Iterator[Node]:
    """Every node below the roots, once each, arguments before what uses them."""
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))


_SYMBOLS: Final = {"lt": "<", "le": "<=", "eq": "==", "and": "and", "or": "or"}


def render(node: Node) -> str:
    """The node as text; the same text for the same node."""
    text: dict[Node, str] = {}
    for part in subnodes(node):
        text[part] = _render_one(part, [text[arg] for arg in part.args])
    return text[node]


def _render_one(node: Node, args: list[str]) -> str:
    match node.op:
        case "const":
            return str(node.data)
        case "truth":
            return "true" if node.data else "false"
        case "bid":
            return f"b[{node.data[0]}]"
        case "other_bid":
            return f"b'[{node.data[0]}]"
        case "prob":
            return f"p[{node.data[0]},{node.data[1]}]"
        case "dist":
            return f"{node.data[0]}[{node.data[1]}]"
        case "scalar":
            return str(node.data)
        case "given":
            name, _, *at = node.data
            return f"{name}[{','.join(map(str, at))}]"
        case "size":
            return f"|{node.data.value}|"
        case "same":
            return f"({node.data[0]} is {node.data[1]})"
        case "add":
            return f"({' + '.join(args)})"
        case "mul":
            return f"({' * '.join(args)})"
        case "div":
            return f"({args[0]} / {args[1]})"
        case "pow":
            return f"({args[0]} ^ {args[1]})"
        case "lt" | "le" | "eq" | "and" | "or":
            return f"({f' {_SYMBOLS[node.op]} '.join(args)})"
        case "reduce":
            kind, over, excluded = node.data
            without = "".join(f", {over} is not {index}" for index in excluded)
            return f"{kind}[{over} in {over.axis.value}{without}]{args[0]}"
        case "argmax" | "pick" | "before":
            return f"{node.op}[{', '.join(map(str, node.data))}]({', '.join(args)})"
        case "exp" | "log" | "floor" | "max" | "min" | "not" | "where":
            return f"{node.op}({', '.join(args)})"
        case _:
            assert_never(node.op)
