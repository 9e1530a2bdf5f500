"""A counterexample of a report as lines of plain text, enough to check it by hand.

Input: the object `counterexample` of a result of the schema `tokenauction.report/1`. Every number
that is in it is on some line, as it is in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

PLACES: Final = {
    "bids": "",
    "raised_bids": "after the raise",
    "other_bids": "in the second context",
    "raised_other_bids": "in the second context, after the raise",
    "withdrawn_bids": "without the agent's bid",
}


def lines(found: Mapping[str, Any]) -> list[str]:
    """The profile, what is done to it, and what the rules return there.

    >>> lines({"bids": ["1"], "dists": [["1/3", "2/3"]], "agent": 0, "raised_bid": "2",
    ...        "aggregates": [["1", "0"]], "aggregates_at": ["raised_bids"], "rounded": False})
    ['agent 0: bid 1 -> 2, prefers (1/3, 2/3)', 'aggregate after the raise: (1, 0)']
    """
    shown = []
    raised = found.get("raised_bid")
    for j, (bid, row) in enumerate(zip(found["bids"], found["dists"], strict=True)):
        raise_ = f" -> {raised}" if j == found.get("agent") and raised else ""
        shown.append(f"agent {j}: bid {bid}{raise_}, prefers {_vector(row)}")
    if "agent" in found and not raised:
        shown.append(f"agent {found['agent']} is singled out")
    shown += [f"{name}: {_vector(row)}" for name, row in found.get("distributions", {}).items()]
    if "other_bids" in found:
        shown.append(f"the second context: bids {_vector(found['other_bids'])}")
    shown += changes(found)
    about = "approximately " if found["rounded"] else ""
    for what, field in (("aggregate", "aggregates"), ("payments", "payments")):
        for at, row in zip(found.get(f"{field}_at", []), found.get(field, []), strict=True):
            where = place(at) if at else " at other bids"
            shown.append(f"{what}{where}: {about}{_vector(row)}")
    return shown


def changes(found: Mapping[str, Any]) -> list[str]:
    """What is done to the profile besides a raise.

    >>> changes({"scale": "2", "agent_order": [1, 0]})
    ['the bids are multiplied by 2', 'the agents are reordered as [1, 0]']
    """
    said = [f"the bids are multiplied by {found['scale']}"] if "scale" in found else []
    for what in ("agent", "token"):
        if f"{what}_order" in found:
            said.append(f"the {what}s are reordered as {found[f'{what}_order']}")
    return said


def place(bids: str) -> str:
    """Which bids a property means by a name, to go behind a noun.

    >>> place("raised_bids"), place("bids")
    (' after the raise', '')
    """
    return f" {PLACES[bids]}" if PLACES.get(bids) else ""


def _vector(values: Sequence[str]) -> str:
    return f"({', '.join(values)})"


def how_seen(found: Mapping[str, Any]) -> str:
    """What stands behind a counterexample.

    >>> how_seen({"exact": False, "undefined": False, "margin": 0.01})
    'Seen in floats only, with a margin of 0.01.'
    """
    if found["exact"]:
        return "Replayed in exact arithmetic, and by running the rule on NumPy."
    if found["undefined"]:
        return "Seen by running the rule on NumPy."
    return f"Seen in floats only, with a margin of {found['margin']}."
