"""Runs the `run` steps of a GitHub workflow or a composite action as a runner would.

Only the expressions that the files to copy use in their steps are understood: `inputs.NAME` and
`steps.ID.outputs.NAME`. One inside of a script is refused: a runner pastes it in as text, and an
input would be code. Steps that use an action are not run.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Job:
    """A job on a runner: its folders, and what its steps have written."""

    workspace: Path
    scratch: Path
    environment: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)
    log: str = ""

    @property
    def summary(self) -> str:
        """What the steps have written to the job's summary."""
        place = self.scratch / "summary.md"
        return place.read_text("utf-8") if place.exists() else ""

    def run(self, steps: list[dict[str, Any]]) -> int:
        """Run steps until one fails; its exit status, else 0."""
        for step in steps:
            status = self._run(step) if "run" in step else 0
            if status:
                return status
        return 0

    def _run(self, step: Mapping[str, Any]) -> int:
        if _EXPRESSION.search(step["run"]):
            raise ValueError(f"there is an expression in the script of {step['name']!r}")
        script, written = self.scratch / "script.sh", self.scratch / "output.txt"
        script.write_text(step["run"], "utf-8")
        written.write_text("", "utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env={
                **os.environ,
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_STEP_SUMMARY": str(self.scratch / "summary.md"),
                "GITHUB_OUTPUT": str(written),
                **self.environment,
                **{name: self.value(text) for name, text in step.get("env", {}).items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        self.log += done.stdout
        pairs = (line.partition("=") for line in written.read_text("utf-8").splitlines())
        self.outputs[step.get("id", "")] = {name: value for name, _, value in pairs}
        return done.returncode

    def value(self, text: str) -> str:
        """A text with its expressions replaced by what they stand for."""
        return _EXPRESSION.sub(lambda found: self._value_of(found.group(1)), text)

    def _value_of(self, expression: str) -> str:
        match expression.split("."):
            case ["inputs", name]:
                return self.inputs[name]
            case ["steps", step, "outputs", name]:
                return self.outputs[step].get(name, "")
        raise ValueError(f"an expression that is not understood: {expression}")


def read(place: Path) -> dict[str, Any]:
    """A workflow or an action; every value in it is a text."""
    found: dict[str, Any] = yaml.load(place.read_text("utf-8"), yaml.BaseLoader)
    return found
