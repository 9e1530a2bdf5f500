"""Chebyshev's sum inequality: the covariance of two numbers that rise and fall together.

Let `w ≥ 0` sum to one, and `(x_s - x_t) (y_s - y_t) ≥ 0` for all s and t. Then

    Σ_t w_t x_t y_t ≥ (Σ_t w_t x_t) (Σ_t w_t y_t).

For a fixed s the sum of `w_t (x_s - x_t) (y_s - y_t)` over t is `x_s y_s - x_s Y - y_s X + XY`, with X,
Y and XY the three sums, so that this is not negative. Times w_s and summed over s, it is
`XY - X Y - Y X + XY ≥ 0`.
"""

from typing import Any

import z3

from tokenauction.proofs.kernel import Theorem, by_z3, generalised, instance_of
from tokenauction.proofs.paper import finite_sums
from tokenauction.proofs.paper.library import Conclusions, paper_theorem
from tokenauction.proofs.paper.named_products import Fact, with_products
from tokenauction.proofs.paper.notation import each, partial_sums, vector

w, x, y, W, X, Y, XY = (vector(name) for name in ("w", "x", "y", "W", "X", "Y", "XY"))
n, s, t = z3.Ints("n s t")

# Names for the products, and what they stand for; s is fixed in `row` and `row_sum`.
wx, wy, wxy, row, row_sum, column, column_sum = (
    vector(name) for name in ("wx", "wy", "wxy", "row", "row_sum", "column", "column_sum")
)


def row_of(s: Any, weight: Any, of_x: Any, of_y: Any, of_xy: Any) -> Any:
    """`x_s y_s w - x_s Y - y_s X + XY`, for any four sums."""
    return x(s) * y(s) * weight - x(s) * of_y - y(s) * of_x + of_xy


PRODUCTS: dict[Any, Any] = {
    wx: lambda t: w(t) * x(t),
    wy: lambda t: w(t) * y(t),
    wxy: lambda t: w(t) * x(t) * y(t),
    row: lambda t: w(t) * ((x(s) - x(t)) * (y(s) - y(t))),
    row_sum: lambda k: row_of(s, W(k), X(k), Y(k), XY(k)),
    column: lambda s: w(s) * row_of(s, W(n), X(n), Y(n), XY(n)),
    column_sum: lambda k: XY(k) * W(n) - X(k) * Y(n) - Y(k) * X(n) + W(k) * XY(n),
}

TOGETHER = each(n, lambda s: z3.ForAll([t], z3.Implies(z3.And(0 <= t, t < n), z3.BoolVal(True))))
