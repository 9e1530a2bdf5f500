"""The verdict on two functions of a kind being the same.

`Proved` for every size says that at every profile of the support both are undefined, or both are
defined and equal. Besides the proofs of any claim it rests on two comparisons of traces that can be
trusted: the same graph; or the same canonical form, of the values and of conditions that are
necessary and sufficient for them to be defined, before or after parts that are proved to be the
same everywhere are written in one way.
"""

from collections.abc import Sequence
from typing import Final

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.claims.equality_claim import claim_of_equality
from tokenauction.proofs.core.faithfulness.examination import Examined, fingerprint
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.same_form import conditions_of, same_part_by_part
from tokenauction.proofs.core.runs.numpy_run import Unusable, interference
from tokenauction.proofs.deciding.decision import Decision
from tokenauction.proofs.deciding.options import Options
from tokenauction.proofs.deciding.raising import Raising
from tokenauction.proofs.deciding.untraceable import attacked
from tokenauction.proofs.results.reasons import as_reason
from tokenauction.proofs.results.verdict import Verdict
from tokenauction.theory.properties import Support

SAME_TRACE: Final = "the same trace"
SAME_FORM: Final = "the same canonical form"
SAME_PARTS: Final = "the same part by part"


def verdict_of_equality(
    one: Examined,
    other: Examined,
    options: Options,
    support: Support,
    tokens: int | None,
    around: Sequence[ProfileFunction] = (),
) -> Verdict:
    """The verdict on two functions being the same; raises Unusable for one that does not run.

    `support` and `tokens` bound the profiles at which they are compared. `around` is what runs
    beside them, as the rule of a payment does: what it changes is seen.

    Where both are defined under the same conditions, the claim is that they are equal wherever they
    are defined, else that both are defined everywhere as well.
    """
    functions = (one.function, other.function)
    options.progress("running both")
    differs = one.untraceable or other.untraceable or interference(*functions, *around)
    untraceable = as_reason(differs, "not-the-run")
    for examined in (one, other):
        if examined.runs.nowhere:
            raise Unusable(examined.runs.nowhere)
    if untraceable:
        strong = claim_of_equality(*functions, support, tokens, everywhere=True)
        weak = claim_of_equality(*functions, support, tokens, everywhere=False)
        return Raising(strong, options).refutation() or attacked(weak, options, untraceable)
    conditions = conditions_of(one.open_paths, support)
    alike = conditions is not None and conditions == conditions_of(other.open_paths, support)
    claim = claim_of_equality(*functions, support, tokens, everywhere=not alike)
    decision = Decision(claim, (one, other), options)
    if isinstance(one.open_paths, list) and one.open_paths == other.open_paths:
        return decision.cross_checked(SAME_TRACE, ())
    if alike and fingerprint([one]) == fingerprint([other]):
        return decision.cross_checked(SAME_FORM, ())
    found = decision.refuted_quickly()
    if found is not None:
        return found
    options.progress("comparing them part by part")
    steps = same_part_by_part(one, other, support, Account(options.rlimit, options.seed))
    if steps is not None:
        return decision.cross_checked(SAME_PARTS, steps)
    return decision.verdict()
