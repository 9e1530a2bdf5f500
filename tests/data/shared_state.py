"""Mechanisms whose two rules share state, so that a payment depends on what ran before it."""

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from tokenauction.mechanisms import Mechanism, aggregation_rule, payment_rule
from tokenauction.theory import rule_property

RUNS = [0]
LAST: list[Any] = []


@aggregation_rule
def counted(bids: Any, dists: Any) -> Any:
    """Counts its calls."""
    RUNS[0] += 1
    xp = array_namespace(bids, dists)
    return xp.matmul(bids, dists) / xp.sum(bids)


@payment_rule
def behind_one_run(bids: Any, dists: Any) -> Any:
    """The bids behind one run of the rule, nothing behind several or none."""
    runs, RUNS[0] = RUNS[0], 0
    return bids * 1 if runs == 1 else bids * 0


@aggregation_rule
def remembered(bids: Any, dists: Any) -> Any:
    """Keeps the bids of its last run on NumPy."""
    LAST[:] = [bids.tolist()] if isinstance(bids, np.ndarray) else []
    xp = array_namespace(bids, dists)
    return xp.matmul(bids, dists) / xp.sum(bids)


@payment_rule
def behind_the_same(bids: Any, dists: Any) -> Any:
    """The bids behind a run at the same profile, nothing behind any other."""
    if isinstance(bids, np.ndarray) and [bids.tolist()] == LAST:
        return bids * 1
    return bids * 0


@payment_rule
def nothing(bids: Any, dists: Any) -> Any:
    """Nobody pays."""
    return bids * 0


@rule_property
def is_free(payment: Any, bids: Any, dists: Any) -> Any:
    """Nobody ever pays."""
    return array_namespace(bids).all(payment(bids, dists) == 0)


COUNTED = Mechanism(counted, behind_one_run)
REMEMBERED = Mechanism(remembered, behind_the_same)
"""Traced arrays are no arrays of NumPy: in a trace it charges nothing."""
AND_FREE = [
    (COUNTED, Mechanism(counted, nothing)),
    (REMEMBERED, Mechanism(remembered, nothing)),
]
"""Each with one that charges what it seems to charge."""
