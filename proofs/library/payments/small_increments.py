"""A function with increments of second order is constant.

`d` is a function on `[0, b]` and `A` another, and for `0 ≤ s ≤ s' ≤ b`

    |d(s') - d(s)| ≤ (s' - s) (A(s') - A(s)).

Proof. Cut `[0, b]` into `N ≥ 1` equal pieces of length `h = b / N`. Adding the increments of the
first `k` pieces, `|d(kh) - d(0)| ≤ h (A(kh) - A(0))`, by induction on `k`. With `k = N`,

    N |d(b) - d(0)| ≤ b (A(b) - A(0))    for every N ≥ 1,

so `|d(b) - d(0)|` is zero, since a positive number has a multiple above any given one.

It says that an integral of a monotone function is determined by its bounds on small intervals, and
that payments are determined by what a small raise may cost.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    REAL,
    Theorem,
    axiom,
    by_z3,
    generalised,
    instance_of,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.library import OWN, Conclusions, library_theorem

Function = Callable[[Any], Any]
d, A = (z3.Function(name, REAL, REAL) for name in ("d", "A"))
b, h, s, u, N, most, drift = z3.Reals("b h s u N most drift")
k, pieces = z3.Ints("k pieces")
ZERO = z3.RealVal(0)
CUT = z3.And(h >= 0, N * h == b)


def absolute(value: Any) -> Any:
    """`|value|`."""
    return z3.If(value >= 0, value, -value)


def second_order(d: Function, A: Function) -> Any:
    """`|d(u) - d(s)| ≤ (u - s) (A(u) - A(s))` for `0 ≤ s ≤ u ≤ b`."""
    bound = absolute(d(u) - d(s)) <= (u - s) * (A(u) - A(s))
    return z3.ForAll([s, u], z3.Implies(z3.And(0 <= s, s <= u, u <= b), bound))


def drifted(d: Function, A: Function, at: Any) -> Any:
    """`|d(at) - d(0)| ≤ h (A(at) - A(0))`."""
    return absolute(d(at) - d(ZERO)) <= h * (A(at) - A(ZERO))


def piece_lemma() -> Theorem:
    """Piece number `k` of length `h` lies in `[0, b]`."""
    here, after = z3.ToReal(k) * h, z3.ToReal(k + 1) * h
    inside = z3.And(0 <= here, here <= after, after <= b, after - here == h)
    return by_z3(z3.Implies(z3.And(CUT, k >= 0, z3.ToReal(k + 1) <= N), inside))


def step_lemma(d: Function, A: Function) -> Theorem:
    """One more piece: the increments of `d` and of `A` both add."""
    # The values of d and A at 0, s and u, and the length of a piece.
    values = z3.Reals("d_0 d_s d_u a_0 a_s a_u length")
    d0, ds, du, a0, as_, au, length = values
    start = absolute(ds - d0) <= h * (as_ - a0)
    piece = z3.And(absolute(du - ds) <= length * (au - as_), length == h)
    add = by_z3(z3.Implies(z3.And(start, piece), absolute(du - d0) <= h * (au - a0)))
    ordered = z3.And(0 <= s, s <= u, u <= b)
    bound = absolute(d(u) - d(s)) <= (u - s) * (A(u) - A(s))
    return by_z3(
        z3.Implies(
            z3.And(second_order(d, A), ordered, u - s == h, drifted(d, A, s)), drifted(d, A, u)
        ),
        by_z3(z3.Implies(z3.And(second_order(d, A), ordered), bound)),
        specialised(generalised(add, *values), d(ZERO), d(s), d(u), A(ZERO), A(s), A(u), u - s),
    )


def pieces_lemma(d: Function, A: Function) -> Theorem:
    """`|d(kh) - d(0)| ≤ h (A(kh) - A(0))` for every `k ≤ N`, by induction."""
    hypotheses = z3.And(second_order(d, A), CUT)

    def says(count: Any) -> Any:
        here = drifted(d, A, z3.ToReal(count) * h)
        return z3.Implies(z3.And(hypotheses, z3.ToReal(count) <= N), here)

    principle = axiom("induction", says)
    base = by_z3(says(z3.IntVal(0)))
    at_piece = instance_of(step_lemma(d, A), {s: z3.ToReal(k) * h, u: z3.ToReal(k + 1) * h})
    step = by_z3(z3.Implies(z3.And(k >= 0, says(k)), says(k + 1)), at_piece, piece_lemma())
    return specialised(modus_ponens(principle, base, generalised(step, k)), pieces)


def multiple_lemma(d: Function, A: Function) -> Theorem:
    """`N |d(b) - d(0)| ≤ b (A(b) - A(0))` for every `N ≥ 1`."""
    count = z3.ToReal(pieces)
    cut = by_z3(
        z3.Implies(z3.And(b >= 0, pieces >= 1), z3.And(b / count >= 0, count * (b / count) == b))
    )
    # The length of a piece and the rise of A.
    length, rise = z3.Reals("length rise")
    multiplied = by_z3(
        z3.Implies(z3.And(N >= 1, N * length == b, drift <= length * rise), N * drift <= b * rise)
    )
    total, risen = absolute(d(b) - d(ZERO)), A(b) - A(ZERO)
    return by_z3(
        z3.Implies(z3.And(second_order(d, A), b >= 0, pieces >= 1), count * total <= b * risen),
        cut,
        instance_of(pieces_lemma(d, A), {h: b / count, N: count}),
        specialised(
            generalised(multiplied, length, rise, drift, N), b / count, risen, total, count
        ),
    )


def archimedes() -> Theorem:
    """A number of which every multiple is below a bound is not positive."""
    large = z3.ToInt(most / drift) + 1
    above = z3.And(large >= 1, z3.ToReal(large) * drift > most)
    return by_z3(z3.Implies(z3.And(drift > 0, most >= 0), above))


def constant(d: Function, A: Function) -> Theorem:
    """`d(b) = d(0)` where the increments of `d` are of second order, for terms `d` and `A`."""
    total, bound = absolute(d(b) - d(ZERO)), b * (A(b) - A(ZERO))
    multiple = generalised(multiple_lemma(d, A), pieces)
    large = z3.ToInt(bound / total) + 1
    return by_z3(
        z3.Implies(z3.And(second_order(d, A), b >= 0), d(b) == d(ZERO)),
        specialised(multiple, z3.IntVal(1)),
        specialised(multiple, large),
        specialised(generalised(archimedes(), drift, most), total, bound),
    )


@library_theorem(origin=OWN)
def small_increments() -> Conclusions:
    """If |d(s') - d(s)| ≤ (s' - s) (A(s') - A(s)) for 0 ≤ s ≤ s' ≤ b, then d(b) = d(0)."""
    return {"d(b) = d(0)": constant(d, A)}
