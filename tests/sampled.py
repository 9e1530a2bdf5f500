"""Concrete profiles in floats, for checking terms of the prover at them."""

import numpy as np

from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.claims.quantities import RAISED, SCALE
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis, Index, Node

Rng = np.random.Generator


def random_sizes(rng: Rng, least_agents: int = 1) -> dict[Axis, int]:
    """A few agents and tokens."""
    return {
        Axis.AGENTS: int(rng.integers(least_agents, 5)),
        Axis.TOKENS: int(rng.integers(1, 5)),
    }


def random_leaves(
    claim: Claim, rng: Rng, sizes: dict[Axis, int], focal: int, *, positive: bool = False
) -> dict[Node, float]:
    """A value for every leaf: short numbers, with ties and zeros unless `positive`."""
    agents, tokens = sizes[Axis.AGENTS], sizes[Axis.TOKENS]
    bids = rng.choice(np.array([0.0, 0.5, 1, 1, 2, 3, 12, 120]), size=agents)
    if positive or bids.sum() == 0:
        bids = np.maximum(bids, 0.25)
    leaves: dict[Node, float] = {}
    for j in range(agents):
        leaves[graph.bid(graph.agent(j))] = float(bids[j])
        for t, p in enumerate(random_row(rng, tokens, positive or claim.positive)):
            leaves[graph.prob(graph.agent(j), graph.token(t))] = p
    for name in claim.row_names:
        for t, p in enumerate(random_row(rng, tokens, positive or claim.positive)):
            leaves[graph.named_dist(name, graph.token(t))] = p
    more = float(rng.choice(np.array([0.5, 1, 2, 10, 100])))
    leaves[RAISED] = leaves[graph.bid(graph.agent(focal))] + more
    leaves[SCALE] = float(rng.choice(np.array([0.5, 2, 3])))
    return leaves


def random_row(rng: Rng, tokens: int, positive: bool) -> list[float]:
    """A distribution of small integer weights."""
    weights = rng.integers(1 if positive else 0, 5, size=tokens).astype(float)
    if weights.sum() == 0:
        weights[rng.integers(tokens)] = 1.0
    return [float(w / weights.sum()) for w in weights]


def place_indices(
    rng: Rng,
    indices: list[Index],
    apart: dict[Index, frozenset[Index]],
    sizes: dict[Axis, int],
    fixed: dict[str, int],
) -> dict[str, int] | None:
    """A position for every named index, different from those it is said to be apart from."""
    positions = dict(fixed)
    for index in indices:
        if index.name in positions or index.position is not None:
            continue
        taken = {positions[other.name] for other in apart.get(index, ()) if other.name in positions}
        free = [p for p in range(sizes[index.axis]) if p not in taken]
        if not free:
            return None
        positions[index.name] = int(rng.choice(np.array(free)))
    return positions
