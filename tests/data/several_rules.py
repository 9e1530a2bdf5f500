"""Rules with every kind of verdict on `monotone`, in an order that is not alphabetical."""

from typing import Any

import numpy as np

from tokenauction.mechanisms import aggregation_rule, cap, linear, top_k

print("a file may print while it is loaded")

shipped = linear


@aggregation_rule
def zebra(bids: Any, dists: Any) -> Any:
    """The linear pool."""
    return bids @ dists / bids.sum()


@aggregation_rule
def apple(bids: Any, dists: Any) -> Any:
    """Weights that fall, with a branch on a value."""
    weights = np.ones_like(bids) if bids[0] > 1e6 else 1 / (1 + bids)
    return weights @ dists / weights.sum()


@aggregation_rule
def mango(bids: Any, dists: Any) -> Any:
    """The linear pool, with a branch on a value."""
    print("a rule may print while it runs")
    total = bids.sum()
    return bids @ dists / (total if total > 0 else 1)


capped = cap.with_parameters(highest=2)
first_only = top_k.with_parameters(k=1)
