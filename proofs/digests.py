"""Short digests of what a function computes, as it is written."""

from hashlib import sha256

from tokenauction.proofs.graph import Node, subnodes


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
