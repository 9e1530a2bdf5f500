"""TRUSTED CORE in what it tries. Where a rule switches: pairs of quantities whose order decides.

Assignments just below, on and just above each switch, found by bisection along one bid. The search
tries them, and the comparison of trace and runs looks at them first.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tokenauction.proofs.core.claims.claims import Claim, Instance
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.runs.batch import Batch
from tokenauction.proofs.core.runs.sampling import Columns, Floats, Rng, draw, round_short


def constants_of(*roots: Node) -> list[float]:
    """The positive constants of a formula, which are where a rule is likely to switch."""
    found = {
        float(abs(node.data))
        for node in graph.subnodes(*roots)
        if node.op == "const" and node.data not in (0, 1, -1)
    }
    return sorted(value for value in found if 1e-13 < value < 1e16)[:24]


def switches(*roots: Node) -> list[tuple[Node, Node]]:
    """The pairs of quantities whose order decides which way a formula goes."""
    conditions: set[Node] = set()
    pairs: dict[tuple[Node, Node], None] = {}
    for node in graph.subnodes(*roots):
        if node.op == "where":
            conditions.update(graph.subnodes(node.args[0]))
        if node.op in ("max", "min"):
            pairs[node.args[0], node.args[1]] = None
        if node.op == "floor":
            pairs[node.args[0], node] = None
    for node in graph.subnodes(*roots):
        if node in conditions and node.op in ("lt", "le", "eq"):
            pairs[node.args[0], node.args[1]] = None
    return list(pairs)[:60]


def edges(
    claim: Claim, instance: Instance, rng: Rng, length: int, most_pairs: int = 60
) -> Iterator[Columns]:
    """Assignments just below, on and just above every switch along one bid."""
    outputs = instance.formula.outputs
    pairs = switches(*outputs)
    pairs = pairs[:: -(-len(pairs) // most_pairs)] if pairs else []
    if not pairs:
        return
    moving = [instance.agent] if instance.agent is not None else range(min(instance.agents, 2))
    if claim.withdraws_only:
        moving = [j for j in range(min(instance.agents, 3)) if j != instance.agent]
    constants = constants_of(*outputs)
    base = draw(claim, instance, length, rng, constants)
    reach = 1000 + 4 * max(constants, default=0)
    for mover in moving:
        low = _with_bid(base, mover, np.zeros(base.length))
        high = _with_bid(base, mover, base.bids[:, mover] * 4 + reach)
        keep = low.bids.sum(axis=1) > 0
        low, high = low.take(keep), high.take(keep)
        for pair in pairs:
            crossing, changes = _bisect(pair, low, high, mover)
            chosen = low.take(changes)
            if chosen.length:
                yield from _around(claim, instance, chosen, mover, crossing[changes])


def _with_bid(columns: Columns, agent: int, values: Floats) -> Columns:
    bids = columns.bids.copy()
    bids[:, agent] = values
    given = dict(columns.given)
    if "raised_bid" in given:
        given["raised_bid"] = values
    return replace(columns, bids=bids, given=given)


def _difference(pair: tuple[Node, Node], columns: Columns) -> Floats:
    batch = Batch(columns.leaves(), columns.length)
    batch.run(*pair)
    left, right = (batch.value(node) for node in pair)
    with np.errstate(all="ignore"):
        difference: Floats = np.sign(np.nan_to_num(left - right))
    return difference


def _bisect(
    pair: tuple[Node, Node], low: Columns, high: Columns, mover: int
) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    below = _difference(pair, low)
    changes = (below != _difference(pair, high)) & (low.bids[:, mover] < high.bids[:, mover])
    left, right = low.bids[:, mover].copy(), high.bids[:, mover].copy()
    if changes.any():
        for _ in range(80):
            middle = (left + right) / 2
            same = _difference(pair, _with_bid(low, mover, middle)) == below
            left, right = np.where(same, middle, left), np.where(same, right, middle)
    return right, changes


def _around(
    claim: Claim, instance: Instance, base: Columns, mover: int, crossing: Floats
) -> Iterator[Columns]:
    nearest = np.round(crossing * 1000) / 1000
    exact = np.where(np.abs(nearest - crossing) < 1e-9 * (1 + crossing), nearest, crossing)
    exact = round_short(exact)
    steps = (0.0, 1e-6, 1e-4, 1e-3, 1e-2)
    if "raised_bid" not in base.given:
        for step in steps:
            for side in (1 - step, 1 + step):
                yield _with_bid(base, mover, round_short(exact * side))
        return
    for below in steps:
        for above in steps:
            if below or above:
                moved = _with_bid(base, mover, round_short(exact * (1 - below)))
                raised = round_short(exact * (1 + above))
                yield replace(moved, given={**moved.given, "raised_bid": raised})
