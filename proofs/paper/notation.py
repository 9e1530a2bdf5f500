"""The notation of the theorems: agents and tokens as natural numbers, vectors as functions.

A vector of length `n` is a function on the integers of which only the values at `0 .. n - 1`
matter. A sum over a vector is a function too: `S` is *the partial sums of* `f` where `S(0) = 0`
and `S(k + 1) = S(k) + f(k)`, so that `S(n)` is `f(0) + ... + f(n - 1)`, whatever `n` is. A theorem
about sums over all agents or tokens is a theorem about such functions, for every `n`.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.kernel import INT, REAL

_k, _t = z3.Ints("k t")

TOKEN = z3.DeclareSort("Token")


def vector(name: str) -> Any:
    """A real number for every agent, or for every token."""
    return z3.Function(name, INT, REAL)


def matrix(name: str) -> Any:
    """A real number for every agent and token, or every token and bid."""
    return z3.Function(name, INT, INT, REAL)


def each(n: Any, says: Callable[[Any], Any]) -> Any:
    """What `says` says of every `k` in `0 .. n - 1`."""
    return z3.ForAll([_k], z3.Implies(z3.And(0 <= _k, _k < n), says(_k)))


def each_token(n: Any, says: Callable[[Any], Any]) -> Any:
    """The same, for use around or inside `each`."""
    return z3.ForAll([_t], z3.Implies(z3.And(0 <= _t, _t < n), says(_t)))


def partial_sums(sums: Any, of: Callable[[Any], Any]) -> Any:
    """`sums` are the partial sums of `of`."""
    step = z3.ForAll([_k], z3.Implies(_k >= 0, sums(_k + 1) == sums(_k) + of(_k)))
    return z3.And(sums(0) == 0, step)


def between(preferred: Any, better: Any, worse: Any) -> Any:
    """`better` lies between `preferred` and `worse`: the robust order at one token."""
    return z3.Or(
        z3.And(worse <= better, better <= preferred), z3.And(preferred <= better, better <= worse)
    )
