"""TRUSTED CORE. Fingerprints: short digests of what functions compute, and of what a property says.

A lock rests on them: two functions, or two properties, with one fingerprint are taken for the same,
as far as their traces show them.
"""

from functools import cache
from hashlib import sha256
from itertools import product

from tokenauction.mechanisms import CATALOGUE, PAYMENTS
from tokenauction.proofs.core.claims import formulas
from tokenauction.proofs.core.claims.claims import Claim, Formula, RuleFault
from tokenauction.proofs.core.claims.formulas import LARGEST_FINGERPRINTED
from tokenauction.proofs.core.language.graph import Node, subnodes
from tokenauction.proofs.core.tracing.trace import TracingError
from tokenauction.theory import PROPERTIES, RuleProperty


def digest_of(*roots: Node) -> str:
    """A digest of graphs as they are written, in which shared parts count once."""
    numbers: dict[Node, int] = {}
    lines = []
    for node in subnodes(*roots):
        numbers[node] = len(numbers)
        lines.append(f"{node.op} {node.data} {[numbers[arg] for arg in node.args]}")
    return digest("\n".join([*lines, f"{[numbers[root] for root in roots]}"]))


def digest(text: str) -> str:
    """A short digest of a text."""
    return sha256(text.encode()).hexdigest()[:16]


@cache
def fingerprint_of_property(prop: RuleProperty) -> str | None:
    """A digest of what a property says; None where it cannot be traced at any size.

    Of the formula at every small size and instance, for rules of which nothing is known; and of the
    formula over every size, for rules that are known. What the property gives to each call of a
    rule is part of it.
    """
    if prop in PROPERTIES.values():
        return digest(f"built-in {prop.name}")
    rule, payment = CATALOGUE["linear"], PAYMENTS["pay-your-bid"]
    told = [str(prop.arguments), prop.support, str(prop.everywhere)]
    unknown = Claim(rule, prop, opaque=True, payment=payment)
    traced = False
    for agents, tokens in product(range(1, LARGEST_FINGERPRINTED + 1), repeat=2):
        try:
            made = list(formulas.instances(unknown, agents, tokens))
        except (TracingError, RuleFault):
            told.append("no trace")
        else:
            traced = True
            told += [_told(instance.formula) for instance in made]
    told += _over_every_size(Claim(rule, prop, payment=payment))
    return digest("\n".join(told)) if traced else None


def _over_every_size(claim: Claim) -> list[str]:
    try:
        paths = formulas.open_formula(claim)
    except (TracingError, RuleFault):
        return ["only at fixed sizes"]
    return [f"{digest_of(assumed)} {_told(formula)}" for assumed, formula in paths]


def _told(formula: Formula) -> str:
    """A digest of what holds, and of what every call is given."""
    given = (
        f"{call.function.returns} "
        f"{digest_of(*call.bids.elements.reshape(-1), *call.dists.elements.reshape(-1))}"
        for call in formula.calls
    )
    return " ".join([digest_of(formula.holds), *given])
