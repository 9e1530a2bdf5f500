"""TRUSTED CORE. The claim that two functions of a kind are the same, and the verdict on it.

Guarantee: `Proved` for every size says that at every profile of the support both are undefined, or
both are defined and equal. Besides the proofs of any claim it rests on two comparisons of traces
that can be trusted: the same graph; or the same canonical form, of the values and of conditions
that are necessary and sufficient for them to be defined, before or after parts that are proved to
be the same everywhere are written in one way.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from array_api_compat import array_namespace

from tokenauction.mechanisms import AggregationRule, PaymentRule, ProfileFunction
from tokenauction.proofs import graph
from tokenauction.proofs.account import Account
from tokenauction.proofs.canonical import Canon, TooLarge, have_same_form
from tokenauction.proofs.claims import Claim
from tokenauction.proofs.comparison.part_by_part import PartByPart
from tokenauction.proofs.decision import Decision, Options
from tokenauction.proofs.examination import Examined, fingerprint
from tokenauction.proofs.graph import Node
from tokenauction.proofs.numpy_run import Unusable, interference
from tokenauction.proofs.reasons import as_reason
from tokenauction.proofs.reduction import EXACT, closed_obligations
from tokenauction.proofs.terms import TRUE
from tokenauction.proofs.untraceable import attacked
from tokenauction.proofs.verdict import Verdict
from tokenauction.theory import RuleProperty
from tokenauction.theory.properties import Support

Paths = list[tuple[Node, Node]]
SAME_TRACE: Final = "the same trace"
SAME_FORM: Final = "the same canonical form"
SAME_PARTS: Final = "the same part by part"


def verdict_of_equality(
    one: Examined, other: Examined, support: Support, options: Options
) -> Verdict:
    """The verdict on two functions being the same; raises Unusable for one that does not run.

    Where both are defined under the same conditions, the claim is that they are equal wherever they
    are defined, else that both are defined everywhere as well.
    """
    functions = (one.function, other.function)
    options.progress("running both")
    differs = one.untraceable or other.untraceable or interference(*functions)
    untraceable = as_reason(differs, "not-the-run")
    for examined in (one, other):
        if examined.runs.nowhere:
            raise Unusable(examined.runs.nowhere)
    if untraceable:
        raising = Decision(claim_of_equality(*functions, support, True), (one, other), options)
        weak = claim_of_equality(*functions, support, False)
        return raising.raising() or attacked(weak, options, untraceable)
    conditions = _conditions(one.open_paths, support)
    alike = conditions is not None and conditions == _conditions(other.open_paths, support)
    claim = claim_of_equality(*functions, support, everywhere=not alike)
    decision = Decision(claim, (one, other), options)
    if isinstance(one.open_paths, list) and one.open_paths == other.open_paths:
        return decision.cross_checked(SAME_TRACE, ())
    if alike and fingerprint([one]) == fingerprint([other]):
        return decision.cross_checked(SAME_FORM, ())
    found = decision.refuted_quickly()
    if found is not None:
        return found
    steps = _same_part_by_part(one, other, support, options)
    if steps is not None:
        return decision.cross_checked(SAME_PARTS, steps)
    return decision.verdict()


def _same_part_by_part(
    one: Examined, other: Examined, support: Support, options: Options
) -> tuple[str, ...] | None:
    """The parts that are written otherwise and are the same; None where that is not enough.

    Both are then defined under the same conditions, or everywhere, and equal.
    """
    if isinstance(one.open_paths, str) or isinstance(other.open_paths, str):
        return None
    if [assumed for assumed, _ in one.open_paths] != [assumed for assumed, _ in other.open_paths]:
        return None
    options.progress("comparing them part by part")
    account = Account(options.rlimit, options.seed)
    steps: list[str] = []
    for (assumed, first), (_, second) in zip(one.open_paths, other.open_paths, strict=True):
        parts = PartByPart(support == "full", one.function, assumed, first, second, account)
        rewritten = parts.rewritten()
        positive = support == "full"
        if rewritten != first and not have_same_form([first], [rewritten], positive, 200_000):
            return None
        pair = [_conditions([(assumed, result)], support) for result in (first, rewritten)]
        alike = pair[0] is not None and pair[0] == pair[1]
        if not alike and not (parts.is_total(first) and parts.is_total(second)):
            return None
        steps += parts.steps
    return tuple(steps)


def _conditions(paths: Paths | str, support: Support) -> frozenset[str] | None:
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


# The property -------------------------------------------------------------------------------------


def _same_rule(rule: Any, other: Any, bids: Any, dists: Any) -> Any:
    return _all_equal(rule(bids, dists), other(bids, dists))


def _same_payment(payment: Any, other: Any, bids: Any, dists: Any) -> Any:
    return _all_equal(payment(bids, dists), other(bids, dists))


def _all_equal(left: Any, right: Any) -> Any:
    return array_namespace(left, right).all(left == right)


def claim_of_equality(
    one: ProfileFunction, other: ProfileFunction, support: Support, everywhere: bool
) -> Claim:
    """The claim that two functions of a kind are equal, wherever both are defined.

    With `everywhere`, that both are defined everywhere as well; of a profile at which neither is,
    a search for differences says nothing.
    """
    pays = isinstance(one, PaymentRule)
    function: Callable[..., Any] = _same_payment if pays else _same_rule
    prop = RuleProperty(function, "same", "Both functions are the same.", support, everywhere)
    if pays:
        return Claim(None, prop, payment=cast(PaymentRule, one), other=other)
    return Claim(cast(AggregationRule, one), prop, other=other)
