"""The interpretation in Z3: a ground node as a term of real arithmetic, divisions and all.

This is the direct encoding. The prover does not use it on divisions (in Z3 `1/0` is any number);
it hands over polynomials with the denominators cleared. Functions without a polynomial meaning
(`exp`, `log`, powers that are not natural) are uninterpreted here.
"""

from typing import Any

import z3

from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.proving.solver import number


def to_z3(root: Node) -> Any:
    """The node as a Z3 term over one real variable a leaf, named as the leaf prints."""
    values: dict[Node, Any] = {}
    for node in graph.subnodes(root):
        values[node] = _one(node, [values[arg] for arg in node.args])
    return values[root]


def _uninterpreted(name: str, *args: Any) -> Any:
    return z3.Function(name, *[z3.RealSort()] * (len(args) + 1))(*args)


def _one(node: Node, args: list[Any]) -> Any:
    match node.op:
        case "const":
            return number(node.data)
        case "truth":
            return z3.BoolVal(node.data)
        case "add":
            return z3.Sum(args)
        case "mul":
            return z3.Product(args)
        case "div":
            return args[0] / args[1]
        case "pow":
            exponent = node.args[1]
            if exponent.op == "const" and exponent.data.denominator == 1 and exponent.data > 0:
                return z3.Product([args[0]] * int(exponent.data))
            return _uninterpreted("pow", *args)
        case "exp" | "log" | "floor":
            return _uninterpreted(node.op, *args)
        case "max":
            return z3.If(args[0] >= args[1], args[0], args[1])
        case "min":
            return z3.If(args[0] <= args[1], args[0], args[1])
        case "lt":
            return args[0] < args[1]
        case "le":
            return args[0] <= args[1]
        case "eq":
            return args[0] == args[1]
        case "and":
            return z3.And(args)
        case "or":
            return z3.Or(args)
        case "not":
            return z3.Not(args[0])
        case "where":
            return z3.If(*args)
        case "bid" | "other_bid" | "prob" | "dist" | "scalar" | "given":
            return z3.Real(f"{node.op} {node}")
        case _:
            raise ValueError(f"{node.op} has no meaning at fixed sizes")
