"""The rooms of the house, from the ground up: a room imports itself and what stands before it."""

PARTS = ("theory", "mechanisms", "proofs")
DOORS = (
    "results",
    "core",
    "library",
    "loading",
    "searching",
    "deciding",
    "comparison",
    "processes",
    "reports",
    "gate",
    "testing",
    "worker",
    "command_line",
    "cross_checks",
)
# Behind the door `core`: all that a verdict rests on.
CORE = (
    "kernel",
    "language",
    "evaluation",
    "tracing",
    "claims",
    "algebra",
    "runs",
    "judging",
    "faithfulness",
    "proving",
)
# Rooms without a folder of tests: they are tested with what they serve.
TESTED_WITH = {
    "theory": "deciding",
    "proofs": "house",
    "proofs/results": "reports",
    "proofs/core/language": "core/evaluation",
    "proofs/worker": "processes",
    "proofs/cross_checks": "core/evaluation",
}
# What stands beside the doors of `proofs/`: its names, the checker from Python, the process of the
# command, and the kernel by its public name. They import what they show.
FACES = ("__init__", "api", "cli", "kernel")


def rank(module: str) -> tuple[int, int] | None:
    """The place of a module of `proofs/` in the order of imports; None for a face.

    >>> rank("core.tracing.trace") < rank("deciding.decision"), rank("api")
    (True, None)
    """
    door, _, rest = module.partition(".")
    if door not in DOORS:
        return None
    room = rest.partition(".")[0]
    inside = CORE.index(room) if door == "core" and room in CORE else -1
    return DOORS.index(door), inside
