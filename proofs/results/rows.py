"""A claim and its result as rows of a report: typed dicts, in the schema's words."""

from typing import Any, Literal, NotRequired, TypedDict

Status = Literal["proved", "refuted", "unknown"]
Sizes = list[int] | Literal["all"]


class ClaimRow(TypedDict):
    """Which property of which rule; `line` is where the rule is, or what stands in the way."""

    rule: str
    file: str
    line: int
    fingerprint: str | None
    property: str


class ScopeRow(TypedDict):
    """The sizes that a verdict covers; none where there is no verdict."""

    agents: Sizes
    tokens: Sizes


class ResourcesRow(TypedDict):
    """What a verdict has cost."""

    solver_steps: int
    queries: int
    limit_share: float
    out_of_time: int


class Result(ClaimRow):
    """A claim and its verdict."""

    status: Status
    scope: ScopeRow
    method: str
    seconds: float
    reason: str
    assumptions: list[str]
    evidence: NotRequired[list[str]]
    counterexample: dict[str, Any] | None
    float_range: NotRequired[str | None]
    reason_code: NotRequired[str]
    way_out: NotRequired[str | None]
    resources: NotRequired[ResourcesRow]
    explanation: NotRequired[list[str]]
