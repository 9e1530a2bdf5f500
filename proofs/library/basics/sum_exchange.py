"""A double sum may be taken in either order: `Σ_j Σ_t a(j, t) = Σ_t Σ_j a(j, t)`.

The induction is on the number of rows k, and needs the sums of the columns' k-th partial sums for
every k on the way, of which the statement has those at the end only. So what is proved of k is that
there are numbers `V(0), ..., V(columns)` with

    V(0) = 0,  V(t + 1) = V(t) + Σ_{j < k} a(j, t),  V(columns) = Σ_{j < k} Σ_t a(j, t).

Zeros for `k = 0`; `V(t) + Σ_{s < t} a(k, s)` for the next k. At the end V is the sum of the
columns, term by term.
"""

from collections.abc import Callable
from typing import Any

import z3

from tokenauction.proofs.core.kernel import (
    INT,
    REAL,
    Theorem,
    axiom,
    by_z3,
    generalised,
    instance_of,
    modus_ponens,
    specialised,
)
from tokenauction.proofs.library.basics.finite_sums import by_induction, n
from tokenauction.proofs.library.basics.notation import each, each_token, matrix, vector
from tokenauction.proofs.library.library import TEXTBOOK, Conclusions, library_theorem

a, along_rows, along_columns = (matrix(name) for name in ("a", "along_rows", "along_columns"))
by_rows, by_columns = vector("by_rows"), vector("by_columns")
rows, columns, k, t = z3.Ints("rows columns k t")
V, W = (z3.Const(name, z3.ArraySort(INT, REAL)) for name in "VW")


def sums_up_to(end: Any, sums: Any, of: Callable[[Any], Any]) -> Any:
    """`sums` are the partial sums of `of` as far as the end."""
    return z3.And(sums(0) == 0, each(end, lambda k: sums(k + 1) == sums(k) + of(k)))


ROW_SUMS = each(
    rows,
    lambda j: z3.And(
        along_rows(j, 0) == 0,
        each_token(columns, lambda t: along_rows(j, t + 1) == along_rows(j, t) + a(j, t)),
    ),
)
COLUMN_SUMS = each_token(
    columns,
    lambda t: z3.And(
        along_columns(0, t) == 0,
        each(rows, lambda j: along_columns(j + 1, t) == along_columns(j, t) + a(j, t)),
    ),
)
SUM_OF_ROWS = sums_up_to(rows, by_rows, lambda j: along_rows(j, columns))
SUM_OF_COLUMNS = sums_up_to(columns, by_columns, lambda t: along_columns(rows, t))
TABLE = z3.And(ROW_SUMS, COLUMN_SUMS, SUM_OF_ROWS, rows >= 0, columns >= 0)


def sums_of_first_rows(V: Any, k: Any) -> Any:
    """What is claimed of V for the first k rows."""
    recursion = each_token(columns, lambda t: V[t + 1] == V[t] + along_columns(k, t))
    return z3.And(V[0] == 0, recursion, V[columns] == by_rows(k))


def witness(premise: Any, numbers: Any, k: Any) -> Theorem:
    """`premise → ∃V ...` for the first k rows, from the numbers that V is."""
    given = z3.And(premise, numbers == W)
    some = z3.Exists([V], sums_of_first_rows(V, k))
    fits = by_z3(z3.Implies(given, sums_of_first_rows(W, k)))
    named = by_z3(z3.Implies(sums_of_first_rows(W, k), some))
    exists = generalised(by_z3(z3.Implies(given, some), fits, named), W)
    return by_z3(z3.Implies(premise, some), specialised(exists, numbers))


def rows_lemma() -> Theorem:
    """There is such a V for all rows, by induction."""

    def statement(k: Any) -> Any:
        return z3.Implies(z3.And(TABLE, k <= rows), z3.Exists([V], sums_of_first_rows(V, k)))

    base = by_z3(statement(z3.IntVal(0)), witness(TABLE, z3.K(INT, z3.RealVal(0)), z3.IntVal(0)))
    # The symbol V for k is an arbitrary array here, so it stands for the one that exists.
    given = z3.And(TABLE, 0 <= k, k < rows, sums_of_first_rows(V, k))
    longer = generalised(witness(given, z3.Lambda([t], V[t] + along_rows(k, t)), k + 1), V)
    step = by_z3(z3.Implies(z3.And(k >= 0, statement(k)), statement(k + 1)), longer)
    every = modus_ponens(axiom("induction", statement), base, generalised(step, k))
    return specialised(every, rows)


@library_theorem(origin=TEXTBOOK, reference="finite sums")
def sum_exchange() -> Conclusions:
    """Σ_j Σ_t a(j, t) = Σ_t Σ_j a(j, t), for every number of rows and of columns."""
    same = by_induction(
        z3.And(SUM_OF_COLUMNS, sums_of_first_rows(V, rows)),
        lambda n: z3.Implies(n <= columns, by_columns(n) == V[n]),
    )
    given = z3.And(TABLE, SUM_OF_COLUMNS)
    equal = by_rows(rows) == by_columns(columns)
    whichever = by_z3(
        z3.Implies(z3.And(given, sums_of_first_rows(V, rows)), equal),
        instance_of(same, {n: columns}),
    )
    return {
        "Σ_j Σ_t = Σ_t Σ_j": by_z3(
            z3.Implies(given, equal), generalised(whichever, V), rows_lemma()
        )
    }
