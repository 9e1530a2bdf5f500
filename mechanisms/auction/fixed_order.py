"""The same numbers give the same bits, wherever in memory they lie.

The value of a floating-point sum depends on the order in which it is taken. BLAS chooses the order
by where an array begins, which differs from run to run, and by the number of threads. NumPy's own
loops take it from the array's length and layout alone. So what an auction reports or records is
summed here, or by `sum`, and not by BLAS. What a rule does inside is its own: it is given arrays
that begin alike in every run.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace

Array = np.ndarray[Any, np.dtype[Any]]

# No register, and no line of a cache, is longer; no kernel asks for more.
_BOUNDARY = 64
# So many numbers stay in the cache while they are added to.
_BLOCK = 32768


def sum_of_products(one: Array, other: Array) -> float:
    """`Σ_j one_j other_j` on the host, of two arrays of one shape `(n,)`; infinite or NaN if so.

    >>> sum_of_products(np.array([1.0, 2.0]), np.array([0.5, 0.25]))
    1.0
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sum(one * other))


def mixture(weights: Any, rows: Any) -> Any:
    """`Σ_j weights_j rows_j`: the product of `weights` (..., agents) with `rows` (agents, tokens).

    On the host the agents are added one after the other, in their order, token by token. On a
    device it is the library's product.

    >>> mixture(np.array([0.5, 0.5]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([0.5, 0.5])
    """
    if not isinstance(rows, np.ndarray):
        return array_namespace(rows).matmul(weights, rows)
    found = np.empty((*weights.shape[:-1], rows.shape[1]), dtype=rows.dtype)
    for start in range(0, rows.shape[1], _BLOCK):
        block = rows[:, start : start + _BLOCK]
        part = np.empty_like(block[0])
        for place in np.ndindex(weights.shape[:-1]):
            total = found[place][start : start + _BLOCK]
            np.multiply(weights[place][0], block[0], out=total)
            for weight, row in zip(weights[place][1:], block[1:], strict=True):
                total += np.multiply(weight, row, out=part)
    return found


def divided(rows: Any, sums: Any) -> Any:
    """Each row divided by its sum; on the host it lies as `aligned` arrays do."""
    if not isinstance(rows, np.ndarray):
        return rows / sums[:, None]
    return np.divide(rows, sums[:, None], out=_room(rows))


def aligned(values: Any) -> Any:
    """The same numbers, row by row, from an address on that is a multiple of 64.

    A copy where an array of the host lies otherwise; arrays of other libraries as they are, since
    those allocate so themselves.

    >>> aligned(np.arange(9.0)[1:]).__array_interface__["data"][0] % 64
    0
    """
    if not isinstance(values, np.ndarray):
        return values
    if values.flags.c_contiguous and _address(values) % _BOUNDARY == 0:
        return values
    found = _room(values)
    found[...] = values
    return found


def _room(like: Array) -> Array:
    """An aligned array of the same shape and type, with nothing in it yet."""
    block = np.empty(like.nbytes + _BOUNDARY, dtype=np.uint8)
    start = -_address(block) % _BOUNDARY
    return np.ndarray(like.shape, like.dtype, buffer=block, offset=start)


def _address(values: Array) -> int:
    return int(values.__array_interface__["data"][0])
