"""TRUSTED CORE. Two functions in which different parts are the same, for every agent and token.

A part that depends on one agent, or on one token, is compared for an agent like any other:
`minimum(b, 10)` and `b - where(b >= 10, b - 10, 0)` are one number for every bid, so what is made
of the one is what is made of the other. Guarantee: `rewritten` gives, for the second of two
results, one that is defined at the same profiles of the domain, and equal there: a part is replaced
only where it and what replaces it are proved to be defined for every profile and index, and equal.
What looks alike is guessed from numbers, and proved by the prover of claims over every size.
"""

from dataclasses import dataclass, field
from itertools import chain, count
from typing import Final

from tokenauction.mechanisms import ProfileFunction
from tokenauction.proofs.core.algebra.arithmetic import TooLarge
from tokenauction.proofs.core.algebra.canonical import Canon, have_same_form
from tokenauction.proofs.core.algebra.obligations import closed_obligations
from tokenauction.proofs.core.algebra.terms import Condition
from tokenauction.proofs.core.claims.domain import every_profile
from tokenauction.proofs.core.language import graph, traversal
from tokenauction.proofs.core.language.graph import Axis, Index, Node
from tokenauction.proofs.core.language.grounding import free_indices
from tokenauction.proofs.core.proving.account import Account
from tokenauction.proofs.core.proving.guesses import Numbers, Profiles, factor_between
from tokenauction.proofs.core.proving.sequent import GaveUp, Prover

_MOST_NODES: Final = 400
_MOST_PROOFS: Final = 60
_CANON: Final = 60_000


@dataclass
class PartByPart:
    """Two results that are traced over every size under the same assumption about the sizes.

    `steps` says which parts were replaced by which. `positive` says that every probability is.
    """

    positive: bool
    function: ProfileFunction
    assumed: Node
    first: Node
    second: Node
    account: Account
    steps: list[str] = field(default_factory=list)
    _tried: int = 0

    def __post_init__(self) -> None:
        self._names = count()
        self._total: dict[Node, bool] = {}

    def rewritten(self) -> Node:
        """The second result, written with the parts of the first where they are the same."""
        nodes = [list(graph.subnodes(root)) for root in (self.first, self.second)]
        if max(map(len, nodes)) > _MOST_NODES or any(_binds_otherwise(n) for n in chain(*nodes)):
            return self.second
        profiles = Profiles(self.function, (self.first, self.second))
        known = [(part, profiles.numbers(part)) for part in nodes[0] if _can_be_replaced(part)]
        second = _with_own_names(self.second)
        made: dict[Node, Node] = {}
        for node in graph.subnodes(second):
            part = traversal.rebuild(node, tuple(made[arg] for arg in node.args), node.data)
            made[node] = part
            numbers = profiles.numbers(part) if _can_be_replaced(part) else None
            if numbers is not None:
                made[node] = self._replaced(part, numbers, known)
        return made[second]

    def _replaced(
        self, part: Node, numbers: Numbers, known: list[tuple[Node, Numbers | None]]
    ) -> Node:
        """The part, or the first known one that is proved to be the same up to a factor."""
        for other, theirs in known:
            factor = None if theirs is None else factor_between(theirs, numbers)
            if theirs is None or factor is None:
                continue
            candidate = _moved(other, theirs.indices, numbers.indices)
            if candidate == part:
                return part
            if factor != 1:
                candidate = graph.mul(graph.constant(factor), candidate)
            if have_same_form([part], [candidate], self.positive, _CANON):
                return part  # nothing is gained
            if self._is_the_same(part, candidate):
                self._tell(part, candidate)
                return candidate
        return part

    def _tell(self, part: Node, other: Node) -> None:
        """Say once which parts are the same, with short names for their free indices."""
        canon = Canon(self.positive, budget=_CANON)
        letters = {Axis.AGENTS: "j", Axis.TOKENS: "t"}
        free = sorted(free_indices(part), key=str)
        for index in free:
            short = Index(index.axis, letters[index.axis])
            part, other = (traversal.substitute_index(one, index, short) for one in (part, other))
        try:
            told = f"{canon.poly(part)} = {canon.poly(other)}, everywhere"
        except TooLarge:
            told = f"{graph.render(part)} = {graph.render(other)}, everywhere"
        if told not in self.steps:
            self.steps.append(told)

    def _is_the_same(self, part: Node, other: Node) -> bool:
        """Whether both are defined everywhere, and proved to be equal."""
        if self._tried >= _MOST_PROOFS or self.account.overdrawn:
            return False
        self._tried += 1
        equal = self._everywhere(graph.equal(part, other))
        return self.is_total(part) and self.is_total(other) and self._proved(equal)

    def is_total(self, part: Node) -> bool:
        """Whether a part is proved to be defined at every profile, for every index."""
        if part not in self._total:
            needed = [one.condition for one in closed_obligations(part)]
            self._total[part] = all(self._proved(self._everywhere(one)) for one in needed)
        return self._total[part]

    def _everywhere(self, statement: Node) -> Node:
        """A statement for every value of its free indices, under names of their own."""
        for index in sorted(free_indices(statement), key=str):
            fresh = Index(index.axis, f"{index.name}_part{next(self._names)}")
            statement = traversal.substitute_index(statement, index, fresh)
            statement = graph.reduce("all", fresh, statement)
        return statement

    def _proved(self, statement: Node) -> bool:
        """Whether a closed statement holds at every profile of the domain."""
        canon = Canon(self.positive, budget=_CANON)
        prover = Prover(canon, self.account, self.account.rlimit // 8)
        try:
            domain: list[Condition] = [
                canon.condition(node) for node in every_profile(self.assumed, 1)
            ]
            return prover.proves(domain, canon.condition(statement))
        except (GaveUp, TooLarge):
            return False


def _can_be_replaced(part: Node) -> bool:
    """Whether a part is a number that something was done to."""
    return bool(part.args) and not graph.is_boolean(part)


def _binds_otherwise(node: Node) -> bool:
    """Whether a node has an index of its own in a way that is not renamed here."""
    return node.op in ("argmax", "before")


def _with_own_names(root: Node) -> Node:
    """The node with other names for what its reductions bind, so that none can be taken twice."""
    memo: dict[Node, Node] = {}
    for node in graph.subnodes(root):
        args = tuple(memo[arg] for arg in node.args)
        data = node.data
        if node.op in ("reduce", "pick"):
            place = 1 if node.op == "reduce" else 0
            bound = data[place]
            renamed = Index(bound.axis, f"{bound.name}_second")
            args = tuple(traversal.substitute_index(arg, bound, renamed) for arg in args)
            data = (*data[:place], renamed, *data[place + 1 :])
        memo[node] = traversal.rebuild(node, args, data)
    return memo[root]


def _moved(part: Node, own: tuple[Index, ...], wanted: tuple[Index, ...]) -> Node:
    """A part at other indices, each of the same axis as the one whose place it takes."""
    between = [Index(index.axis, f"{index.name}_moved{k}") for k, index in enumerate(own)]
    for old, new in (*zip(own, between, strict=True), *zip(between, wanted, strict=True)):
        part = traversal.substitute_index(part, old, new)
    return part
