"""Sums over the larger entries of an array, for rules that cut or rank what they pool.

Comparing every entry with every other takes `n²` memory, which no vocabulary of a real model
allows; sorting takes `n log n`. A sort does not trace over an open number of tokens, so an array
namespace that has a `sum_of_greater` of its own is asked for it: the checker's writes the
comparisons out. Its tests compare the two.
"""

from typing import Any

from array_api_compat import array_namespace


def sum_of_greater(values: Any, weights: Any) -> Any:
    """For every entry of `values` (n,), the sum of `weights` (n,) over strictly greater entries.

    Equal entries are not greater than each other, so ties get one and the same sum, and the largest
    gets exactly zero. Sums are taken from the largest entry downwards: whole weights give exact
    counts. Raises ValueError where the two are not of one shape `(n,)`, TypeError where `values`
    are truth values or unsigned integers.

    >>> import numpy as np
    >>> sum_of_greater(np.array([3.0, 1.0, 3.0, 2.0]), np.array([1, 1, 1, 1]))
    array([0, 3, 0, 2])
    """
    xp = array_namespace(values, weights)
    if not xp.isdtype(values.dtype, ("signed integer", "real floating")):
        raise TypeError(
            f"sum_of_greater orders numbers with a sign, not {values.dtype}: convert the values "
            "with xp.astype(values, weights.dtype)"
        )
    if hasattr(xp, "sum_of_greater"):
        return xp.sum_of_greater(values, weights)
    if values.ndim != 1 or values.shape != weights.shape:
        raise ValueError(
            "sum_of_greater takes two arrays of one shape (n,), "
            f"not {tuple(values.shape)} and {tuple(weights.shape)}"
        )
    order = xp.argsort(values, descending=True)
    running = xp.cumulative_sum(xp.take(weights, order), include_initial=True)
    rising = -xp.take(values, order)
    greater = xp.searchsorted(rising, -values)
    return xp.take(running, greater)
