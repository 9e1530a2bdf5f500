"""The request "compare" of the worker: are two sides the same function, and what does each have?

The answers have numbers: 0 is the comparison, then come the properties, each of one side. What
equivalent sides have is decided once.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from tokenauction.proofs.comparison.comparison_report import compared_row
from tokenauction.proofs.comparison.isolation import Isolation
from tokenauction.proofs.comparison.revisions import Source
from tokenauction.proofs.loading.files import CannotLoad
from tokenauction.proofs.loading.listing import claim_row
from tokenauction.proofs.loading.named import Target, claims_of
from tokenauction.proofs.processes.messages import (
    CompareRequest,
    Decided,
    Emit,
    Event,
    Loaded,
    Progress,
    Refused,
    Row,
    Started,
    read,
    written,
)
from tokenauction.proofs.results import report
from tokenauction.theory import RuleProperty

SIDES = ("a", "b")


def answer(request: CompareRequest, emit: Emit) -> None:
    """Load both sides, compare them, and decide the properties of both."""
    sources = [Source(**one) for one in request["sides"]]
    emit = _naming_revisions(emit, sources)
    try:
        _Comparison(request, sources, emit).run()
    except CannotLoad as problem:
        emit(Refused(str(problem)))


def _naming_revisions(emit: Emit, sources: list[Source]) -> Emit:
    """Events that speak of `HEAD~1:rules.py`, not of a temporary folder."""

    def renamed(event: Event) -> None:
        text = written(event)
        for source in sources:
            if source.tree:
                folder = json.dumps(f"{source.tree}/")[1:-1]
                text = text.replace(folder, json.dumps(f"{source.revision}:")[1:-1])
        found = read(text)
        assert found is not None
        emit(found)

    return renamed


class _Comparison:
    """One request: its sides, as they were loaded."""

    def __init__(self, request: CompareRequest, sources: list[Source], emit: Emit) -> None:
        from tokenauction.proofs.deciding.options import Options
        from tokenauction.proofs.deciding.verifier import verifier_of

        self.request, self.sources, self.emit = request, sources, emit
        self.isolation = Isolation.of(sources)
        self.targets: list[Target] = [self.isolation.load(source) for source in sources]
        self.options = Options(
            budget=request["budget"],
            seed=request["seed"],
            progress=lambda text: emit(Progress(text)),
        )
        self.verifiers = [verifier_of(target, self.options) for target in self.targets]
        self.properties = self._properties()

    def _properties(self) -> list[RuleProperty]:
        """The properties to decide; none where none is wanted."""
        if not self.request["guarantees"]:
            return []
        first, asked = self.targets[:1], self.request["properties"]
        claims = self.isolation.loaded(lambda: claims_of(first, asked), None, "a property")
        return [prop for _, prop in claims]

    def run(self) -> None:
        """Answer everything that is not to be skipped."""
        rows = [self._about_both(), *self._claims()]
        self.emit(Loaded(rows))
        skip = set(self.request["skip"])
        same = 0 not in skip and self._compared(rows[0])
        known: dict[str, tuple[Any, float]] = {}
        for number, row in enumerate(rows[1:], start=1):
            if number not in skip:
                self.emit(Started(number))
                prop = self.properties[(number - 1) % len(self.properties)]
                before = known.get(prop.name) if same and row["side"] == "b" else None
                if before is not None and before[0].status != "unknown":
                    verdict, seconds = before[0], 0.0
                else:
                    verdict, seconds = self._decided(row["side"], prop)
                known[prop.name] = verdict, seconds
                self.emit(Decided(number, report.result(row, verdict, seconds)))

    def _about_both(self) -> Row:
        one, other = (source.title for source in self.sources)
        about = {side: self._about(number) for number, side in enumerate(SIDES)}
        return {"rule": one, "property": f"against {other}", **about}

    def _about(self, number: int) -> Row:
        target, source = self.targets[number], self.sources[number]
        return {
            "title": source.title,
            "label": target.label,
            "file": target.file,
            "line": target.line,
            "revision": source.revision or None,
            "commit": source.commit or None,
            "fingerprint": None,
        }

    def _claims(self) -> list[Row]:
        return [
            {**claim_row(target, prop), "rule": source.title, "side": side}
            for side, source, target in zip(SIDES, self.sources, self.targets, strict=True)
            for prop in self.properties
        ]

    def _compared(self, row: Row) -> bool:
        """Compare, and say so; whether the two are equivalent."""
        from tokenauction.proofs.comparison.equality import (
            Equivalent,
            NotComparable,
            compare,
            explanation_of,
        )

        self.emit(Started(0))
        start = time.perf_counter()
        one, other = self.targets
        titles = [source.title for source in self.sources]
        try:
            examined = [part for verifier in self.verifiers for part in verifier.parts]
            found = self._ran(lambda: compare(one, other, self.options, titles, examined))
        except NotComparable as problem:
            raise CannotLoad(str(problem)) from None
        for side, verifier in zip(SIDES, self.verifiers, strict=True):
            row[side]["fingerprint"] = verifier.fingerprint
        result = compared_row(row, found, time.perf_counter() - start)
        if self.request["explain"]:
            told = explanation_of(found, list(zip(titles, self.verifiers, strict=True)))
            result = {**result, "explanation": told}
        self.emit(Decided(0, result))
        return isinstance(found, Equivalent)

    def _decided(self, side: str, prop: RuleProperty) -> tuple[Any, float]:
        start = time.perf_counter()
        verifier = self.verifiers[SIDES.index(side)]
        verdict = self._ran(lambda: verifier.verify(prop))
        return verdict, time.perf_counter() - start

    def _ran(self, decide: Callable[[], Any]) -> Any:
        """What a decision gives, if it was about the code that was loaded."""
        from tokenauction.proofs.core.runs.numpy_run import Unusable

        try:
            return decide()
        except Unusable as problem:
            raise CannotLoad(str(problem)) from None
        finally:
            self.isolation.check()
