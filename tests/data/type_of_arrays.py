"""A rule that looks at the type of its arrays."""

from typing import Any

import numpy as np


def by_type(bids: Any, dists: Any) -> Any:
    """Turned around where the arrays are plain ones of NumPy."""
    p = bids @ dists / bids.sum()
    return p[::-1].copy() if isinstance(bids, np.ndarray) else p
