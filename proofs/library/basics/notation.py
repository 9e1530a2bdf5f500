"""The notation of the theorems: agents and tokens as natural numbers, vectors as functions.

A vector of length `n` is a function on the integers of which only the values at `0 .. n - 1`
matter. A sum over a vector is a function too: `S` is *the partial sums of* `f` where `S(0) = 0`
and `S(k + 1) = S(k) + f(k)`, so that `S(n)` is `f(0) + ... + f(n - 1)`, whatever `n` is. A theorem
about sums over all agents or tokens is a theorem about such functions, for every `n`.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import INT, REAL
from tokenauction.proofs.core.kernel.formulas import subterms

TOKEN = z3.DeclareSort("Token")


def vector(name: str) -> Any:
    """A real number for every agent, or for every token."""
    return z3.Function(name, INT, REAL)


def matrix(name: str) -> Any:
    """A real number for every agent and token, or every token and bid."""
    return z3.Function(name, INT, INT, REAL)


def each(n: Any, says: Callable[[Any], Any]) -> Any:
    """What `says` says of every `k` in `0 .. n - 1`."""
    return _for_all("k", lambda k: z3.Implies(z3.And(0 <= k, k < n), says(k)))


def each_token(n: Any, says: Callable[[Any], Any]) -> Any:
    """The same of every `t`."""
    return _for_all("t", lambda t: z3.Implies(z3.And(0 <= t, t < n), says(t)))


def partial_sums(sums: Any, of: Callable[[Any], Any]) -> Any:
    """`sums` are the partial sums of `of`."""
    step = _for_all("k", lambda k: z3.Implies(k >= 0, sums(k + 1) == sums(k) + of(k)))
    return z3.And(sums(0) == 0, step)


def _for_all(name: str, says: Callable[[Any], Any]) -> Any:
    """A quantifier over a variable that nothing else in the formula is called."""
    probe = z3.FreshInt()
    said = says(probe)
    taken = {str(part) for part in subterms(said) if z3.is_const(part)}
    while name in taken:
        name += "_"
    return z3.ForAll([z3.Int(name)], z3.substitute(said, (probe, z3.Int(name))))


def between(preferred: Any, better: Any, worse: Any) -> Any:
    """`better` lies between `preferred` and `worse`: the robust order at one token."""
    return z3.Or(
        z3.And(worse <= better, better <= preferred), z3.And(preferred <= better, better <= worse)
    )
