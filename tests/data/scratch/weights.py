"""How much say a bid buys."""

from typing import Any

from array_api_compat import array_namespace


def exposure(bids: Any, highest: Any) -> Any:
    """Bids count up to `highest`, however much a campaign would spend."""
    xp = array_namespace(bids)
    return xp.minimum(bids, xp.asarray(highest, dtype=bids.dtype))


def above_reserve(bids: Any, reserve_price: Any) -> Any:
    """What bids offer above the reserve price; ones if nobody offers more."""
    xp = array_namespace(bids)
    above = xp.maximum(bids - reserve_price, xp.zeros_like(bids))
    return xp.where(xp.sum(above) > 0, above, xp.ones_like(above))
