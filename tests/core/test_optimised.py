"""`python -O`, which removes every assert, changes no verdict."""

import subprocess
import sys

import pytest

PROGRAM = """
from tokenauction.mechanisms import linear, log_linear, reserve, top_k
from tokenauction.proofs import verify
from tokenauction.proofs.core.runs.numpy_run import Unusable
from tokenauction.mechanisms import aggregation_rule

@aggregation_rule
def branching(bids, dists):
    return dists[0, :] if bids[0] > 1 else bids @ dists / bids.sum()

for rule in (linear, log_linear, reserve, top_k, branching):
    for prop in ("monotone", "unanimous"):
        verdict = verify(rule, prop, budget=6)
        witness = getattr(verdict, "witness", None)
        print(rule.label, prop, verdict.status, verdict.scope, witness and witness.assignment)
"""


def printed(*flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_optimised_python_gives_the_same_verdicts() -> None:
    ordinary = printed()
    assert "linear monotone proved all agents, all tokens" in ordinary
    assert "log_linear monotone refuted" in ordinary
    assert printed("-O") == ordinary
    assert printed("-OO") == ordinary
