"""TRUSTED CORE. The bases of conditions and polynomials: which there are, and which stand alone."""

from typing import Any

from tokenauction.proofs.core.algebra import terms
from tokenauction.proofs.core.algebra.terms import Base, Condition, subbases


def closed_bases(conditions: list[Condition], kinds: tuple[str, ...]) -> list[Base]:
    """The bases of some kinds, wherever they occur, that do not mention a bound index."""
    found: dict[Base, None] = {}
    for condition in conditions:
        for base in subbases(condition):
            if base.kind in kinds and is_closed(base):
                found[base] = None
    return list(found)


def is_closed(term: Any) -> bool:
    """Whether a term mentions no index that a reduction around it binds."""
    return not any(terms.bound_level(index) for index in term.free)


def leaves_of(term: Any) -> list[Base]:
    """The leaves of a term, inside reductions too."""
    return list(dict.fromkeys(base for base in subbases(term) if base.kind == "leaf"))
