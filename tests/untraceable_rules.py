"""Rules that cannot be traced, as people write samplers: sound ones, and ones with a fault.

In NumPy with branches, masks as indices and sorts, in torch, and through Python floats, for which
no exact run exists. `SOUND` pairs rules with properties that they have; `FAULTY` with ones that
they break in an open set of profiles.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tokenauction.mechanisms import AggregationRule, aggregation_rule

torch = pytest.importorskip("torch", reason="needs the extra llm")
Rules = list[tuple[AggregationRule, tuple[str, ...]]]
SOUND: Rules = []
FAULTY: Rules = []


def sound(*properties: str) -> Callable[[Any], AggregationRule]:
    """A rule that has these properties."""

    def listed(function: Any) -> AggregationRule:
        SOUND.append((aggregation_rule(function), properties))
        return SOUND[-1][0]

    return listed


def faulty(*properties: str) -> Callable[[Any], AggregationRule]:
    """A rule that breaks these properties in an open set."""

    def listed(function: Any) -> AggregationRule:
        FAULTY.append((aggregation_rule(function), properties))
        return FAULTY[-1][0]

    return listed


FAIR = ("distribution", "anonymous", "neutral", "scale-free", "no-bid-no-influence")
POOL = (*FAIR, "unanimous", "monotone", "convex-range")


def _pool(bids: Any, dists: Any) -> Any:
    return bids @ dists / bids.sum()


def _torch(bids: Any, dists: Any) -> Any:
    b, d = torch.as_tensor(bids), torch.as_tensor(dists)
    return b @ d / b.sum()


# Sound, in torch ---------------------------------------------------------------------------------


@sound(*POOL)
def torch_linear(bids: Any, dists: Any) -> Any:
    return _torch(bids, dists)


@sound(*FAIR)
def torch_min_p(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    q = torch.where(p >= 0.5 * p.max(), p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def torch_top_k(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    least = torch.topk(p, min(2, len(p))).values[-1]
    q = torch.where(p >= least, p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def torch_nucleus(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    above = torch.stack([p[p > x].sum() for x in p])
    q = torch.where(above < 0.7, p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def torch_epsilon(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    q = torch.where((p >= 0.2) | (p == p.max()), p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def torch_eta(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    entropy = -torch.special.xlogy(p, p).sum()
    cut = torch.minimum(torch.tensor(0.3), torch.sqrt(torch.tensor(0.3)) * torch.exp(-entropy))
    q = torch.where((p >= cut) | (p == p.max()), p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def torch_typical(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    entropy = -torch.special.xlogy(p, p).sum()
    odd = (torch.log(p) + entropy).abs()
    q = torch.where(odd <= odd.min() + 0.3, p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def torch_argmax(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    q = (p == p.max()).to(torch.float64)
    return q / q.sum()


@sound("distribution", "anonymous", "neutral", "no-bid-no-influence")
def torch_reserve(bids: Any, dists: Any) -> Any:
    b, d = torch.as_tensor(bids), torch.as_tensor(dists)
    above = torch.clamp(b - 1, min=0)
    w = above if above.sum() > 0 else (b > 0).to(torch.float64)
    return w @ d / w.sum()


# Sound, in NumPy with branches, masks and sorts --------------------------------------------------


@sound(*FAIR)
def masked_min_p(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    p[p < 0.5 * p.max()] = 0
    return p / p.sum()


@sound(*FAIR)
def branching_epsilon(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    kept = p >= 0.25
    if not kept.any():
        kept = p == p.max()
    q = np.where(kept, p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def sorted_top_k(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    least = np.sort(p)[-min(2, len(p))]
    p[p < least] = 0
    return p / p.sum()


@sound("distribution", "anonymous", "scale-free", "no-bid-no-influence")
def nucleus_by_argsort(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    order = np.argsort(-p, kind="stable")
    count = int(np.searchsorted(np.cumsum(p[order]), 0.7)) + 1
    q = np.zeros_like(p)
    q[order[:count]] = p[order[:count]]
    return q / q.sum()


@sound(*FAIR)
def top_a(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    if len(p) > 1:
        p[p < 0.4 * p.max() ** 2] = 0
    return p / p.sum()


@sound("distribution", "anonymous", "neutral", "no-bid-no-influence", "scale-free", "unanimous")
def mean_of_highest(bids: Any, dists: Any) -> Any:
    return dists[bids == bids.max()].mean(axis=0)


@sound("distribution", "neutral", "unanimous", "scale-free", "convex-range")
def first_of_highest(bids: Any, dists: Any) -> Any:
    return dists[np.argmax(bids)]


@sound(*POOL)
def in_a_loop(bids: Any, dists: Any) -> Any:
    result = np.zeros_like(dists[0])
    total = 0.0
    for bid, row in zip(bids, dists, strict=True):
        if bid > 0:
            result += bid * row
            total += bid
    return result / total


# Sound, through Python floats --------------------------------------------------------------------


@sound(*POOL)
def plain_python(bids: Any, dists: Any) -> Any:
    total = float(bids.sum())
    b = [float(bid) / total for bid in bids]
    return np.array([sum(x * float(p) for x, p in zip(b, row, strict=True)) for row in dists.T])


@sound(*FAIR)
def plain_min_p(bids: Any, dists: Any) -> Any:
    p = [float(x) for x in _pool(bids, dists)]
    q = [x if x >= 0.5 * max(p) else 0.0 for x in p]
    return np.array(q) / sum(q)


@sound(*FAIR)
def plain_top_k(bids: Any, dists: Any) -> Any:
    p = np.array(_pool(bids, dists), dtype=float)
    least = sorted(p.tolist())[-min(2, len(p))]
    q = np.where(p >= least, p, 0.0)
    return q / q.sum()


@sound(*FAIR)
def plain_nucleus(bids: Any, dists: Any) -> Any:
    p = np.array(_pool(bids, dists), dtype=float)
    above = np.array([p[p > x].sum() for x in p])
    q = np.where(above < 0.7, p, 0.0)
    return q / q.sum()


@sound("distribution", "anonymous", "neutral", "scale-free")
def plain_rounds_of_a_share(bids: Any, dists: Any) -> Any:
    shares = [float(b) for b in bids / bids.sum()]
    w = np.array([1.0 if share >= 0.3 else 0.5 for share in shares])
    return w @ np.array(dists, dtype=float) / w.sum()


# Faulty in an open set ---------------------------------------------------------------------------


@faulty("monotone", "unanimous")
def torch_min_p_pulls(bids: Any, dists: Any) -> Any:
    return torch_min_p.function(bids, dists)


@faulty("scale-free")
def torch_adds_one(bids: Any, dists: Any) -> Any:
    b, d = torch.as_tensor(bids), torch.as_tensor(dists)
    return (b @ d + 1 / d.shape[1]) / (b.sum() + 1)


@faulty("anonymous")
def torch_first_counts_double(bids: Any, dists: Any) -> Any:
    b, d = torch.as_tensor(bids).clone(), torch.as_tensor(dists)
    b[0] = 2 * b[0] + 1e-3
    return b @ d / b.sum()


@faulty("neutral")
def torch_first_token_bonus(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    p[0] = p[0] + 0.05
    return p / p.sum()


@faulty("distribution")
def torch_not_normalised(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    return torch.where(p >= 0.3, p, 0.0)


@faulty("monotone")
def torch_dip(bids: Any, dists: Any) -> Any:
    b, d = torch.as_tensor(bids), torch.as_tensor(dists)
    w = torch.where(b > 5, 0.8 * b, b)
    return w @ d / w.sum()


@faulty("monotone", "unanimous")
def torch_log_linear_mix(bids: Any, dists: Any) -> Any:
    b, d = torch.as_tensor(bids), torch.as_tensor(dists) + 0.1
    q = torch.exp((b[:, None] * torch.log(d)).sum(0) / b.sum())
    return q / q.sum()


@faulty("no-bid-no-influence")
def torch_everyone_counts(bids: Any, dists: Any) -> Any:
    b, d = torch.as_tensor(bids), torch.as_tensor(dists)
    return (b @ d + 0.1 * d.mean(0)) / (b.sum() + 0.1)


@faulty("distribution")
def torch_every_token_masked(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists)
    q = torch.where(p >= 0.1, 0.0, p)
    return q / q.sum()


@faulty("convex-range")
def torch_sharpens(bids: Any, dists: Any) -> Any:
    p = _torch(bids, dists) ** 1.2
    return p / p.sum()


@faulty("monotone", "unanimous")
def masked_min_p_pulls(bids: Any, dists: Any) -> Any:
    return masked_min_p.function(bids, dists)


@faulty("monotone")
def branching_dip(bids: Any, dists: Any) -> Any:
    w = np.zeros_like(bids)
    for j in range(len(bids)):
        w[j] = bids[j] if bids[j] < 3 else 0.9 * bids[j]
    return w @ dists / w.sum()


@faulty("distribution")
def masked_everything(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    p[p >= 0.1] = 0
    return p / p.sum()


@faulty("distribution")
def epsilon_masks_long_vocabularies(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    p[p < 0.1] = 0
    return p / p.sum()


@faulty("distribution")
def raises_for_one_agent(bids: Any, dists: Any) -> Any:
    others = bids.sum() - bids
    if (others == 0).any():
        raise ZeroDivisionError("nobody else bids")
    return _pool(bids, dists)


@faulty("distribution")
def divides_by_python_zero(bids: Any, dists: Any) -> Any:
    p = [float(x) for x in _pool(bids, dists)]
    q = np.array([x if x < 0.9 else 0.0 for x in p])
    return q / float(1 / sum(1 / x if x else 0.0 for x in q.tolist())) / q.size


@faulty("anonymous")
def sixth_agent_counts_less(bids: Any, dists: Any) -> Any:
    w = bids.copy()
    if len(w) >= 6:
        w[5] *= 0.5
    return w @ dists / w.sum()


@faulty("distribution")
def thirteen_tokens_lose_mass(bids: Any, dists: Any) -> Any:
    p = _pool(bids, dists)
    return p if len(p) < 13 else 0.99 * p


@faulty("monotone")
def forty_one_agents_are_too_many(bids: Any, dists: Any) -> Any:
    w = bids if len(bids) < 41 else 1 / (1 + bids)
    return w @ dists / w.sum()


@faulty("scale-free", "monotone")
def plain_softmin(bids: Any, dists: Any) -> Any:
    w = np.array([1 / (1 + float(b)) for b in bids])
    return w @ np.array(dists, dtype=float) / w.sum()


@faulty("unanimous")
def plain_square(bids: Any, dists: Any) -> Any:
    p = np.array([float(x) ** 2 for x in _pool(bids, dists)])
    return p / p.sum()


@faulty("monotone", "unanimous")
def plain_top_k_pulls(bids: Any, dists: Any) -> Any:
    return plain_top_k.function(bids, dists)


@faulty("convex-range")
def plain_floor(bids: Any, dists: Any) -> Any:
    p = np.array([max(float(x), 0.1) for x in _pool(bids, dists)])
    return p / p.sum()


@faulty("monotone")
def halves_vanish_in_integers(bids: Any, dists: Any) -> Any:
    counts = np.ones(len(bids), dtype=np.int64)
    for j in range(len(bids)):
        counts[j] = 0.5 if bids[j] > 1e6 else 1
    w = np.where(counts > 0, bids, 0.0)
    w = w if w.sum() > 0 else bids
    return w @ dists / w.sum()
