"""The interpretation in SymPy: a node as a formula to read, and to check against the others."""

from typing import Any

import sympy

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node

_SIZES = {Axis.AGENTS: "n", Axis.TOKENS: "m"}


def to_sympy(root: Node) -> Any:
    """The node as a SymPy expression; reductions over open sizes become sums and products."""
    values: dict[Node, Any] = {}
    for node in graph.subnodes(root):
        values[node] = _one(node, [values[arg] for arg in node.args])
    return values[root]


def symbol(node: Node) -> Any:
    """The SymPy symbol of a leaf."""
    match node.op:
        case "bid":
            return sympy.Indexed("b", _index(node.data[0]))
        case "other_bid":
            return sympy.Indexed("b'", _index(node.data[0]))
        case "prob":
            return sympy.Indexed("p", _index(node.data[0]), _index(node.data[1]))
        case "dist":
            return sympy.Indexed(node.data[0], _index(node.data[1]))
        case "given" if len(node.data) > 2:
            return sympy.Indexed(node.data[0], *map(_index, node.data[2:]))
        case "given":
            return sympy.Symbol(node.data[0], real=True)
        case "size":
            return sympy.Symbol(_SIZES[node.data], integer=True, positive=True)
        case _:
            return sympy.Symbol(str(node.data), real=True)


def _index(index: Index) -> Any:
    place: Any
    if index.position is not None:
        place = sympy.Integer(index.position)
    else:
        place = sympy.Symbol(index.name, integer=True)
    for permutation in reversed(index.through):
        place = sympy.Function(permutation)(place)
    return place


def _one(node: Node, args: list[Any]) -> Any:
    match node.op:
        case "const":
            return sympy.Rational(node.data.numerator, node.data.denominator)
        case "truth":
            return sympy.true if node.data else sympy.false
        case "add":
            return sympy.Add(*args)
        case "mul":
            return sympy.Mul(*args)
        case "div":
            return args[0] / args[1]
        case "pow":
            return args[0] ** args[1]
        case "exp":
            return sympy.exp(args[0])
        case "log":
            return sympy.log(args[0])
        case "floor":
            return sympy.floor(args[0])
        case "max":
            return sympy.Max(*args)
        case "min":
            return sympy.Min(*args)
        case "lt":
            return sympy.Lt(*args)
        case "le":
            return sympy.Le(*args)
        case "eq":
            return sympy.Eq(*args)
        case "and":
            return sympy.And(*args)
        case "or":
            return sympy.Or(*args)
        case "not":
            return sympy.Not(args[0])
        case "where":
            return sympy.Piecewise((args[1], args[0]), (args[2], True))
        case "same":
            return sympy.Eq(_index(node.data[0]), _index(node.data[1]))
        case "reduce":
            return _reduction(node, args[0])
        case "pick":
            return sympy.Function("pick")(*args, _index(node.data[0]))
        case _:
            return symbol(node)


def _reduction(node: Node, body: Any) -> Any:
    kind, over, excluded = node.data
    if excluded:
        body = sympy.Function("others")(body)
    limits = (_index(over), 0, symbol(graph.size(over.axis)) - 1)
    if kind == "sum":
        return sympy.Sum(body, limits)
    if kind == "prod":
        return sympy.Product(body, limits)
    return sympy.Function(kind)(body, _index(over))
