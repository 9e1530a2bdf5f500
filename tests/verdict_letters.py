"""A verdict as a letter, for tables of what is expected."""

from tokenauction.proofs.results.verdict import Proved, Refuted, Scope, Unknown, Verdict


def letter(verdict: Verdict) -> str:
    """P proved for every size, p for some; R refuted exactly, r in floats; U unknown."""
    if isinstance(verdict, Proved):
        return "P" if verdict.scope == Scope() else "p"
    if isinstance(verdict, Refuted):
        return "R" if verdict.witness.exact else "r"
    assert isinstance(verdict, Unknown)
    return "U"
