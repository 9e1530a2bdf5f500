"""At which profile a rule was called, in words: the one that is shown, or what was made of it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tokenauction.proofs.core.claims.claims import Call
from tokenauction.proofs.core.claims.domain import leaf_values, quantity_at
from tokenauction.proofs.core.evaluation.balls import evaluate_rigorously
from tokenauction.proofs.results import counterexamples
from tokenauction.proofs.results.assignment import Assignment

Numbers = tuple[Any, ...]


def given(call: Call, values: Assignment) -> str:
    """What is special about the arguments of a call; empty where they are the profile itself.

    Every way in which they differ from it is named, so that a person can make the same call.
    """
    bids = _evaluated(call.bids.elements.reshape(-1), values)
    flat = _evaluated(call.dists.elements.reshape(-1), values)
    width = values.tokens
    dists = tuple(flat[k : k + width] for k in range(0, len(flat), width))
    order = values.choices.agent_order
    if order is not None and (bids, dists) == _reordered(values, order):
        moved = (bids, dists) != (values.bids, values.dists)
        return "with the agents reordered" if moved else ""
    return " and ".join(filter(None, [_of_bids(bids, values), _of_dists(dists, values)]))


def _evaluated(nodes: Sequence[Any], values: Assignment) -> Numbers:
    return tuple(evaluate_rigorously(list(nodes), leaf_values(values)))


def _reordered(values: Assignment, order: tuple[int, ...]) -> tuple[Numbers, tuple[Numbers, ...]]:
    return tuple(values.bids[k] for k in order), tuple(values.dists[k] for k in order)


def _of_bids(bids: Numbers, values: Assignment) -> str:
    known: dict[Any, str] = {}
    if values.scale is not None:
        known[tuple(bid * values.scale for bid in values.bids)] = (
            f"with the bids multiplied by {values.scale}"
        )
    for name, words in reversed(counterexamples.PLACES.items()):
        with suppress(KeyError):  # of what the assignment does not have
            known[quantity_at(name, values)] = words
    return known.get(bids, f"at bids {row_in_words(bids)}")


def _of_dists(dists: tuple[Numbers, ...], values: Assignment) -> str:
    if dists == values.dists:
        return ""
    order = values.choices.token_order
    if order is not None and dists == tuple(tuple(r[t] for t in order) for r in values.dists):
        return "with the tokens reordered"
    changed = [j for j, row in enumerate(dists) if row != values.dists[j]]
    for name, row in values.named.items():
        if changed == [values.agent] and dists[changed[0]] == row:
            return f"with {name} as agent {values.agent}'s distribution"
        if all(one == row for one in dists):
            return f"with {name} as everybody's distribution"
    return f"at distributions {'; '.join(map(row_in_words, dists))}"


def row_in_words(numbers: Any) -> str:
    """A number, or numbers in parentheses."""
    if not isinstance(numbers, Sequence):
        return str(numbers)
    return f"({', '.join(map(row_in_words, numbers))})"
