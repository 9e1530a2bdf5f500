"""Two rules to start from: one that shares, and one that keeps its platform in the room."""

from array_api_compat import array_namespace

from tokenauction.mechanisms import aggregation_rule


@aggregation_rule
def square_root_shares(bids, dists):
    """The linear pool with weight `sqrt(b)`: doubling a bid buys less than double the say."""
    xp = array_namespace(bids, dists)
    weights = xp.sqrt(bids)
    return xp.matmul(weights, dists) / xp.sum(weights)


@aggregation_rule
def house_share(bids, dists, *, house_bid=1):
    """The linear pool, with `house_bid` added to the bids in the name of everybody alike."""
    xp = array_namespace(bids, dists)
    everybody = xp.mean(dists, axis=0)
    return (xp.matmul(bids, dists) + house_bid * everybody) / (xp.sum(bids) + house_bid)
