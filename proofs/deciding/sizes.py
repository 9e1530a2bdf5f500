"""The fixed sizes at which a claim is decided, run and searched."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product

from tokenauction.proofs.core.claims.claims import Claim
from tokenauction.proofs.core.faithfulness.examination import Examined
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Axis
from tokenauction.proofs.core.runs.numpy_run import (
    CHECKED_SIZES,
)
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.results.verdict import (
    Scope,
)


def small_sizes(claim: Claim, options: Options) -> list[tuple[int, int]]:
    """The fixed sizes that are decided one by one, the smallest first."""
    only = claim.only_tokens
    tokens = range(1, (options.tokens or 3) + 1) if only is None else (only,)
    sizes = product(range(1, (options.agents or 3) + 1), tokens)
    return sorted(sizes, key=lambda size: (size[0] * size[1], size))


def checked_sizes(claim: Claim, options: Options) -> list[tuple[int, int]]:
    """The sizes at which every rule is run, up to where the options end them."""
    only = claim.only_tokens
    most_agents, most_tokens = options.agents or 8, options.tokens or 8
    sizes = [(n, only or t) for n, t in CHECKED_SIZES]
    return [(n, t) for n, t in sizes if n <= most_agents and (t == only or t <= most_tokens)]


def thresholds(examined: Sequence[Examined]) -> list[tuple[int, int]]:
    """Sizes around the constants that the rule compares a number of agents or tokens with."""
    traced = [one.traced_paths for one in examined]
    paths = [path for found in traced if not isinstance(found, str) for path in found]
    found: dict[Axis, set[int]] = {axis: set() for axis in Axis}
    for node in graph.subnodes(*(node for path in paths for node in path)):
        if node.op in ("lt", "le", "eq", "max", "min"):
            leaves = [part for part in graph.subnodes(node) if not part.args]
            for axis in Axis:
                if graph.size(axis) in leaves:
                    found[axis] |= {int(leaf.data) for leaf in leaves if leaf.op == "const"}
    return list(_near(found[Axis.AGENTS], 2, lambda n: (n, 2), 24)) + list(
        _near(found[Axis.TOKENS], 3, lambda t: (2, t), 40)
    )


def _near(
    constants: Iterable[int], above: int, size: Callable[[int], tuple[int, int]], most: int
) -> Iterator[tuple[int, int]]:
    around = {c + step for c in constants for step in (-1, 0, 1, 2)}
    return (size(n) for n in sorted(around) if above < n <= most)


def largest_rectangle(sizes: Iterable[tuple[int, int]]) -> Scope | None:
    """The largest scope of numbers of agents and of tokens that is covered, from one agent on.

    >>> print(largest_rectangle([(1, 1), (1, 2), (2, 1), (1, 3)]))
    1 agent, 1 to 3 tokens
    """
    covered = set(sizes)
    counts = sorted({n for n, _ in covered})
    best: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    for length in range(1, len(counts) + 1):
        agents = tuple(counts[:length])
        tokens = tuple(sorted({t for _, t in covered if {(n, t) for n in agents} <= covered}))
        if len(agents) * len(tokens) > len(best[0]) * len(best[1]):
            best = agents, tokens
    return Scope(*best) if best[0] else None
