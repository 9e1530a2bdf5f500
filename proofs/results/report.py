"""The report: results as JSON of the schema `tokenauction.report/1`, with stable fields.

Every input of a counterexample is an exact fraction; what the rule returned is a fraction where it
is rational and a rounded decimal where it is not. The schema is shipped as `report.schema.json`.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard, assert_never, cast

from tokenauction.proofs.results.assignment import SHOWN_BY_NAME, as_texts
from tokenauction.proofs.results.exit_status import PROVED, REFUTED, UNKNOWN, UNUSABLE
from tokenauction.proofs.results.forms import fits
from tokenauction.proofs.results.reasons import Reason
from tokenauction.proofs.results.rows import Result
from tokenauction.proofs.results.verdict import Scope

SCHEMA: Final = "tokenauction.report/1"
_TOOLS: Final = (
    "tokenauction",
    "z3-solver",
    "sympy",
    "numpy",
    "python-flint",
    "array-api-compat",
)


def versions() -> dict[str, str]:
    """What a report was made with."""
    from importlib import metadata  # slow to load, as the next one is

    found = {name: metadata.version(name) for name in _TOOLS}
    return {"python": platform.python_version(), **found}


def schema(kind: str = "report") -> dict[str, Any]:
    """The JSON Schema of a report, or of another command's, as `compare`, `gate` or `rules`."""
    from importlib.resources import files

    text = (
        files("tokenauction.proofs").joinpath("schemas", f"{kind}.schema.json").read_text("utf-8")
    )
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def report(
    results: Sequence[Mapping[str, Any]], options: Mapping[str, Any], required: Scope | None = None
) -> dict[str, Any]:
    """A whole report; `required` are the sizes that a proof was asked to cover."""
    return {
        "schema": SCHEMA,
        "versions": versions(),
        "options": dict(options),
        "required_scope": None if required is None else required.shown(),
        "results": [*results],
    }


def result(claim: Mapping[str, Any], verdict: Any, seconds: float) -> Result:
    """One result: the claim (rule, file, line, fingerprint, property) and its verdict.

    A verdict that a line of the rule stands in the way of has that line.
    """
    evidence = getattr(verdict, "evidence", None)
    witness = getattr(verdict, "witness", None)
    row = {
        **claim,
        "status": verdict.status,
        "scope": verdict.scope.shown(),
        "method": verdict.method if evidence is None else evidence.method,
        "seconds": round(seconds, 3),
        "reason": witness.sentence if witness is not None else getattr(verdict, "reason", ""),
        "assumptions": [] if evidence is None else list(evidence.assumptions),
        "evidence": [] if evidence is None else list(evidence.steps),
        "counterexample": None if witness is None else counterexample(witness),
    }
    row["float_range"] = getattr(verdict, "float_range", "") or None
    reason = getattr(verdict, "reason", "")
    if isinstance(reason, Reason):
        row |= {"reason_code": reason.code, "way_out": reason.way_out or None}
        if reason.line is not None and reason.file == claim.get("file"):
            row["line"] = reason.line
    spent = getattr(verdict, "resources", None)
    if spent is not None:
        row["resources"] = {
            "solver_steps": spent.steps,
            "queries": spent.queries,
            "limit_share": spent.limit_share,
            "out_of_time": spent.out_of_time,
        }
    return cast(Result, row)


def is_result(row: object) -> TypeGuard[Result]:
    """Whether a row is a whole result: of its form, and of one that makes sense.

    A proof has a scope, and what is refuted, nothing else, a counterexample.
    """
    if not fits(row, Result):
        return False
    found = cast(Result, row)
    refuted = found["counterexample"] is not None
    match found["status"]:
        case "proved":
            return not refuted and all(found["scope"][axis] for axis in ("agents", "tokens"))
        case "refuted":
            return refuted
        case "unknown":
            return not refuted
        case _:
            assert_never(found["status"])


def counterexample(witness: Any) -> dict[str, Any]:
    """A witness as JSON."""
    values = witness.assignment
    found: dict[str, Any] = {
        "exact": witness.exact,
        "bids": [str(bid) for bid in values.bids],
        "dists": [[str(p) for p in row] for row in values.dists],
        "token": witness.token,
        "before": witness.before,
        "after": witness.after,
        "preferred": witness.preferred,
        "aggregates": [list(row) for row in witness.aggregates],
        "aggregates_at": list(witness.aggregates_at),
        "aggregates_given": list(witness.aggregates_given),
        "rounded": witness.rounded,
        "undefined": witness.undefined,
    }
    if witness.payments:
        found["payments"] = [list(row) for row in witness.payments]
        found["payments_at"] = list(witness.payments_at)
        found["payments_given"] = list(witness.payments_given)
    given = {name: as_texts(numbers) for name, numbers in values.given.items()}
    if "other_bids" in given:
        found["other_bids"] = given["other_bids"]
    if values.agent is not None:
        found["agent"] = values.agent
    if values.choices.rival is not None:
        found["rival"] = values.choices.rival
    found |= {name: given[name] for name in ("raised_bid", "scale") if name in given}
    if more := sorted(given.keys() - SHOWN_BY_NAME):
        found["given"] = {k: {"axes": list(witness.axes[k]), "values": given[k]} for k in more}
    if values.choices.agent_order is not None:
        found["agent_order"] = list(values.choices.agent_order)
    if values.choices.token_order is not None:
        found["token_order"] = list(values.choices.token_order)
    if values.named:
        found["distributions"] = {k: [str(p) for p in row] for k, row in values.named.items()}
    if not witness.exact:
        found["margin"] = witness.margin
    return found


def exit_status(
    results: Sequence[Mapping[str, Any]], unusable: bool, required: Scope | None = None
) -> int:
    """2 unusable input, 1 something refuted, 3 something unknown or proved for less than required.

    0 where all is proved.
    """
    statuses = {one["status"] for one in results}
    if unusable:
        return UNUSABLE
    if "refuted" in statuses:
        return REFUTED
    less = any(proved_for_less(one, required) for one in results)
    return UNKNOWN if "unknown" in statuses or less or not results else PROVED


def proved_for_less(row: Mapping[str, Any], required: Scope | None) -> bool:
    """Whether a result is a proof that covers fewer sizes than are required."""
    if required is None or row["status"] != "proved":
        return False
    return not Scope.of(row["scope"]).covers(required)


def to_json(value: Mapping[str, Any]) -> str:
    """JSON text, in a stable order."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def undecided(claim: Mapping[str, Any], reason: str, seconds: float = 0.0) -> dict[str, Any]:
    """The result of a claim that the worker did not decide."""
    return {
        **claim,
        "status": "unknown",
        "scope": Scope((), ()).shown(),
        "method": "none",
        "seconds": round(seconds, 3),
        "reason": reason,
        "assumptions": [],
        "evidence": [],
        "counterexample": None,
    }
