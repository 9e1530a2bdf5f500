"""TRUSTED CORE. Whether the traces of two functions over every size have the same form.

Guarantee: `conditions_of` gives what holds exactly where a function is defined; `same_part_by_part`
gives steps only where both functions are defined at the same profiles, and equal there.
"""

from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.canonical import Canon, have_same_form
from tokenauction.proofs.core.algebra.obligations import EXACT, closed_obligations
from tokenauction.proofs.core.algebra.terms import TRUE
from tokenauction.proofs.core.faithfulness.examination import Examined
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.language.graph import Node
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.part_by_part import PartByPart
from tokenauction.theory.properties import Support

Paths = list[tuple[Node, Node]]


def same_part_by_part(
    one: Examined, other: Examined, support: Support, account: Account
) -> tuple[str, ...] | None:
    """The parts that are written otherwise and are the same; None where that is not enough.

    Both are then defined under the same conditions, or everywhere, and equal.
    """
    if isinstance(one.open_paths, str) or isinstance(other.open_paths, str):
        return None
    if [assumed for assumed, _ in one.open_paths] != [assumed for assumed, _ in other.open_paths]:
        return None
    steps: list[str] = []
    for (assumed, first), (_, second) in zip(one.open_paths, other.open_paths, strict=True):
        parts = PartByPart(support == "full", one.function, assumed, first, second, account)
        rewritten = parts.rewritten()
        positive = support == "full"
        if rewritten != first and not have_same_form([first], [rewritten], positive, 200_000):
            return None
        pair = [conditions_of([(assumed, result)], support) for result in (first, rewritten)]
        alike = pair[0] is not None and pair[0] == pair[1]
        if not alike and not (parts.is_total(first) and parts.is_total(second)):
            return None
        steps += parts.steps
    return tuple(steps)


def conditions_of(paths: Paths | str, support: Support) -> frozenset[str] | None:
    """What holds exactly where a function is defined, in canonical form; None if not known."""
    if isinstance(paths, str):
        return None
    canon = Canon(support == "full", budget=200_000)
    found = set()
    try:
        for assumed, result in paths:
            for obligation in closed_obligations(result):
                condition = canon.condition(graph.implies(assumed, obligation.condition))
                if condition == TRUE:
                    continue
                if obligation.kind not in EXACT or obligation.absorbed:
                    return None
                found.add(condition.key)
    except TooLarge:
        return None
    return frozenset(found)
