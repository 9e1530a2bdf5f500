"""TRUSTED CORE in what it refuses. Properties that give no truth value on any run are no claims.

One raises wherever it is run, forgets its `return`, or returns a number: that is a mistake of its
author's, as in a rule, and no verdict on a rule.
"""

import numpy as np

from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.builder import why_no_truth
from tokenauction.proofs.core.claims.claims import Claim, Formula, Instance
from tokenauction.proofs.core.faithfulness.agreement import answer_of_a_run
from tokenauction.proofs.core.faithfulness.compared_profiles import profiles
from tokenauction.proofs.core.language import graph
from tokenauction.proofs.core.runs.numpy_run import CHECKED_SIZES, Unusable
from tokenauction.proofs.results.tracebacks import line_in, on_one_line


def broken(claim: Claim) -> str:
    """Why the property of a claim can be asked of nothing; empty where it answers at some size."""
    only = claim.only_tokens
    found = ""
    for agents, tokens in dict.fromkeys((n, only or t) for n, t in CHECKED_SIZES):
        reason = _broken_at(claim, agents, tokens)
        if reason == "":
            return ""
        found = found or reason or ""
    return found


def _broken_at(claim: Claim, agents: int, tokens: int) -> str | None:
    """Why the property gives no truth value; None where nobody knows.

    That is where a rule does not run, or the claim says nothing of so few agents.
    """
    prop = claim.prop
    agent = 0 if claim.has_focal else None
    choices = formulas.first_choices(claim, agents, tokens, agent)
    if choices is None:
        return None
    instance = Instance(agents, tokens, agent, choices, Formula(graph.TRUE))
    values = next(profiles(claim, instance, thresholds=False))
    try:
        answer = answer_of_a_run(claim, instance, values)
    except Unusable:
        return None
    except Exception as problem:
        line = line_in(prop.file, problem) or prop.line
        return f"{prop.file}:{line}: {prop.title} raises {on_one_line(problem)}"
    if np.ndim(answer) == 0 and np.asarray(answer).dtype == bool:
        return ""
    return f"{prop.file}:{prop.line}: {prop.title} {why_no_truth(prop, answer)}"
