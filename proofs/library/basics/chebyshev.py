"""Chebyshev's sum inequality: the covariance of two numbers that rise and fall together.

Let `w ≥ 0` sum to one, and `(x_s - x_t) (y_s - y_t) ≥ 0` for all s and t. Then

    Σ_t w_t x_t y_t ≥ (Σ_t w_t x_t) (Σ_t w_t y_t).

For a fixed s the sum of `w_t (x_s - x_t) (y_s - y_t)` over t is `x_s y_s - x_s Y - y_s X + XY`,
with X, Y and XY the three sums, so that this is not negative. Times w_s and summed over s, it is
`XY - X Y - Y X + XY ≥ 0`.
"""

from typing import Any

import z3

from tokenauction.proofs.core.kernel import Theorem, by_z3, generalised
from tokenauction.proofs.library.basics import finite_sums
from tokenauction.proofs.library.basics.named_products import Fact, with_products
from tokenauction.proofs.library.basics.notation import each, each_token, matrix, vector
from tokenauction.proofs.library.basics.sum_exchange import sums_up_to
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem

w, x, y, W, X, Y, XY = (vector(name) for name in ("w", "x", "y", "W", "X", "Y", "XY"))
n, s, t = z3.Ints("n s t")

# Names for the products, and what they stand for.
together, row, row_sum = (matrix(name) for name in ("together", "row", "row_sum"))
wx, wy, wxy, column, column_sum = (
    vector(name) for name in ("wx", "wy", "wxy", "column", "column_sum")
)
product = z3.Real("product")


def row_of(s: Any, weight: Any, of_x: Any, of_y: Any, of_xy: Any) -> Any:
    """`x_s y_s w - x_s Y - y_s X + XY`, for any four sums."""
    return x(s) * y(s) * weight - x(s) * of_y - y(s) * of_x + of_xy


PRODUCTS: dict[Any, Any] = {
    together: lambda s, t: (x(s) - x(t)) * (y(s) - y(t)),
    wx: lambda t: w(t) * x(t),
    wy: lambda t: w(t) * y(t),
    wxy: lambda t: w(t) * x(t) * y(t),
    row: lambda s, t: w(t) * ((x(s) - x(t)) * (y(s) - y(t))),
    row_sum: lambda s, k: row_of(s, W(k), X(k), Y(k), XY(k)),
    column: lambda s: w(s) * row_of(s, W(n), X(n), Y(n), XY(n)),
    column_sum: lambda k: XY(k) * W(n) - X(k) * Y(n) - Y(k) * X(n) + W(k) * XY(n),
    product: X(n) * Y(n),
}

WEIGHTS = z3.And(sums_up_to(n, W, w), W(n) == 1, each(n, lambda t: w(t) >= 0))
TOGETHER = each(n, lambda s: each_token(n, lambda t: together(s, t) >= 0))
SUMS = z3.And(sums_up_to(n, X, wx), sums_up_to(n, Y, wy), sums_up_to(n, XY, wxy))
HYPOTHESES = z3.And(n >= 0, WEIGHTS, TOGETHER, SUMS)

NEXT = z3.And(
    z3.And(W(t + 1) == W(t) + w(t), X(t + 1) == X(t) + wx(t)),
    z3.And(Y(t + 1) == Y(t) + wy(t), XY(t + 1) == XY(t) + wxy(t)),
)
START = z3.And(W(0) == 0, X(0) == 0, Y(0) == 0, XY(0) == 0)
FACTS = (
    Fact(z3.Implies(START, row_sum(s, 0) == 0), (s,)),
    Fact(z3.Implies(NEXT, row_sum(s, t + 1) == row_sum(s, t) + row(s, t)), (s, t)),
    Fact(z3.Implies(z3.And(w(t) >= 0, together(s, t) >= 0), row(s, t) >= 0), (s, t)),
    Fact(z3.Implies(START, column_sum(0) == 0), ()),
    Fact(z3.Implies(NEXT, column_sum(t + 1) == column_sum(t) + column(t)), (t,)),
    Fact(z3.Implies(z3.And(w(s) >= 0, row_sum(s, n) >= 0), column(s) >= 0), (s,)),
    Fact(z3.Implies(z3.And(W(n) == 1, column_sum(n) >= 0), XY(n) >= product), ()),
)


def not_negative(sums: Any, terms: Any) -> Theorem:
    """A sum of terms that are not negative is not negative."""
    terms_of = each(n, lambda t: terms(t) >= 0)
    premise = z3.And(sums_up_to(n, sums, terms), terms_of)
    return finite_sums.by_induction(premise, lambda k: z3.Implies(k <= n, sums(k) >= 0))


def chain() -> Theorem:
    """The statement, with the products named."""
    used = z3.And([fact.for_all for fact in FACTS])
    sums = z3.And(sums_up_to(n, W, w), SUMS)
    goes_on = by_z3(
        z3.Implies(sums, z3.And(START, z3.ForAll([t], z3.Implies(z3.And(0 <= t, t < n), NEXT))))
    )
    of_row = by_z3(
        z3.Implies(z3.And(used, sums), sums_up_to(n, lambda k: row_sum(s, k), lambda t: row(s, t))),
        goes_on,
    )
    of_column = by_z3(z3.Implies(z3.And(used, sums), sums_up_to(n, column_sum, column)), goes_on)
    in_range = z3.And(0 <= s, s < n)
    row_terms = by_z3(
        z3.Implies(z3.And(used, WEIGHTS, TOGETHER, in_range), each(n, lambda t: row(s, t) >= 0))
    )
    row_sign = by_z3(
        z3.Implies(z3.And(used, HYPOTHESES, in_range), row_sum(s, n) >= 0),
        not_negative(lambda k: row_sum(s, k), lambda t: row(s, t)),
        of_row,
        row_terms,
    )
    column_term = by_z3(
        z3.Implies(z3.And(used, HYPOTHESES, in_range), column(s) >= 0),
        row_sign,
        by_z3(z3.Implies(z3.And(WEIGHTS, in_range), w(s) >= 0)),
    )
    column_sign = by_z3(
        z3.Implies(z3.And(used, HYPOTHESES), column_sum(n) >= 0),
        not_negative(column_sum, column),
        of_column,
        generalised(column_term, s),
    )
    return by_z3(z3.Implies(used, z3.Implies(HYPOTHESES, XY(n) >= product)), column_sign)


@library_theorem(origin=TEXTBOOK, reference="Chebyshev's sum inequality")
def chebyshev() -> Conclusions:
    """For weights w ≥ 0 that sum to one, and x and y that rise and fall together,
    Σ w x y ≥ (Σ w x) (Σ w y), whatever the number of terms."""
    statement = z3.Implies(HYPOTHESES, XY(n) >= product)
    return {"Σ w x y ≥ (Σ w x) (Σ w y)": with_products(PRODUCTS, FACTS, statement, chain())}
