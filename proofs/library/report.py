"""What `tokenauction theorems` shows: the library re-proved, as lines, as JSON, or step by step.

The JSON has the schema `tokenauction.theorems/1`, shipped as `theorems.schema.json`.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from tokenauction.proofs.core.kernel.printing import symbols, text
from tokenauction.proofs.library.contents import LIBRARY
from tokenauction.proofs.library.library import Checked, LibraryTheorem
from tokenauction.proofs.results.near import near_to
from tokenauction.proofs.results.report import versions

SCHEMA: Final = "tokenauction.theorems/1"


class UnknownTheorem(Exception):
    """No theorem has that name; the message says which there are."""


def chosen(names: Sequence[str]) -> list[LibraryTheorem]:
    """The theorems of these names, or all; raises UnknownTheorem."""
    known = {theorem.name: theorem for theorem in LIBRARY}
    names = [name.replace("_", "-") for name in names]
    for name in names:
        if name not in known:
            near = near_to(name, known)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UnknownTheorem(f"unknown theorem {name!r}{hint} (there is: {', '.join(known)})")
    return [known[name] for name in dict.fromkeys(names)] or list(LIBRARY)


def as_json(results: Iterable[Checked]) -> dict[str, Any]:
    """The report of the schema `tokenauction.theorems/1`."""
    return {"schema": SCHEMA, "versions": versions(), "theorems": [_entry(one) for one in results]}


def _entry(one: Checked) -> dict[str, Any]:
    return {
        "name": one.theorem.name,
        "statement": one.theorem.statement,
        "origin": one.theorem.origin.value,
        "reference": one.theorem.reference,
        "file": f"proofs/library/{one.theorem.file}",
        "status": one.status,
        "method": one.method,
        "seconds": round(one.seconds, 3),
        "assumptions": one.assumptions,
        "steps": len(one.steps),
        "reason": one.reason,
    }


def line(one: Checked, width: int) -> str:
    """One line a theorem."""
    theorem = one.theorem
    rests = f"; assumes {', '.join(one.assumptions)}" if one.assumptions else ""
    said = one.reason or theorem.statement
    return (
        f"{one.status:7} {theorem.name:{width}} {one.seconds:6.2f} s  {said} "
        f"[{theorem.source}; {one.method or 'not proved'}{rests}]"
    )


def summary(results: Sequence[Checked]) -> str:
    """How many were proved, and how long it took."""
    failed = sum(one.status == "failed" for one in results)
    seconds = sum(one.seconds for one in results)
    return f"{len(results) - failed} proved, {failed} failed, in {seconds:.1f} s"


def statement(one: Checked) -> str:
    """The conclusions of a theorem, as formulas."""
    theorem = one.theorem
    place = f"proofs/library/{theorem.file}:{theorem.line}"
    lines = ["", f"{theorem.name} ({place}; {theorem.source}) says"]
    for part, conclusion in one.conclusions.items():
        formula = conclusion.statement
        lines += [f"  {part}:", f"    {text(formula, indent=4)}", f"    for {symbols(formula)}"]
    return "\n".join(lines)


def steps(one: Checked) -> str:
    """The conclusions of a theorem, and every step that they rest on, as formulas."""
    numbered = {id(step): number for number, step in enumerate(one.steps, 1)}
    lines = [statement(one), "  since"]
    for number, step in enumerate(one.steps, 1):
        premises = ", ".join(str(numbered[id(premise)]) for premise in step.premises)
        by = f"{step.method}{f' from {premises}' if premises else ''}"
        lines += [f"  {number}. {by}", f"       {text(step.statement, indent=7)}"]
    for part, conclusion in one.conclusions.items():
        lines.append(f"  therefore, by {numbered[id(conclusion)]}: {part}")
    return "\n".join(lines)


def export(results: Iterable[Checked], folder: Path) -> int:
    """Write every step that Z3 proved as SMT-LIB, for another solver to answer `unsat`."""
    written: set[str] = set()
    for one in results:
        for number, step in enumerate(one.steps, 1):
            if step.method.startswith("Z3") and step.evidence not in written:
                written.add(step.evidence)
                name = re.sub(r"\W+", "-", f"{one.theorem.name}-{number}")
                (folder / f"{name}.smt2").write_text(step.evidence, "utf-8")
    return len(written)
