"""The figures of a sweep, drawn from its CSV files (extra `plots`).

Three kinds for every scenario in the files: texts by the share, probabilities of tokens by the
share, expected payments by the share and by the bid. They can be drawn again without running
anything, and of an interrupted sweep those are drawn that have rows. All are legible without
colour: agents and rules differ in their line, marker or slant too.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tokenauction.mechanisms.experiments.canvas import NoPlots, saved, style
from tokenauction.mechanisms.experiments.curve_figures import payment_figure, probability_figure
from tokenauction.mechanisms.experiments.sweep_rows import (
    FILES,
    PaymentRow,
    ProbabilityRow,
    TextRow,
    grouped,
)
from tokenauction.mechanisms.experiments.tables import read_table
from tokenauction.mechanisms.experiments.text_figure import text_figure

__all__ = ["NoPlots", "plot_sweep"]

FORMATS = ("png", "svg")


def plot_sweep(
    folder: str | Path, to: str | Path | None = None, formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Draw every figure that the CSV files of a folder have rows for; the paths of the figures.

    They go to the folder itself unless `to` is another. Raises NoPlots without the extra, NotATable
    for a file that is not a sweep's, FileNotFoundError without the files, ValueError for another
    format and where no file has a row.
    """
    for kind in formats:
        if kind not in FORMATS:
            raise ValueError(f"a figure is saved as {' or '.join(FORMATS)}, not {kind!r}")
    with style():
        figures = _figures(Path(folder))
        if not figures:
            raise ValueError(f"the tables in {folder} have no rows yet; let the sweep run longer")
        target = Path(folder if to is None else to)
        target.mkdir(parents=True, exist_ok=True)
        paths: list[Path] = []
        for name, draw in figures:
            figure = draw()
            paths += [saved(figure, target / f"{name}.{kind}", kind) for kind in formats]
    return paths


def _figures(folder: Path) -> list[tuple[str, Callable[[], Any]]]:
    """The names of the figures, and how each is drawn."""
    texts = read_table(folder / FILES[TextRow], TextRow)
    probabilities = read_table(folder / FILES[ProbabilityRow], ProbabilityRow)
    payments = read_table(folder / FILES[PaymentRow], PaymentRow)
    found: list[tuple[str, Callable[[], Any]]] = []
    for (scenario, sampling), rows in grouped(
        texts, lambda row: (row.scenario, row.sampling)
    ).items():
        found.append((_plain(f"{scenario}-texts-{sampling}"), partial(text_figure, rows)))
    for scenario, curves in grouped(probabilities, lambda row: row.scenario).items():
        found.append((_plain(f"{scenario}-probabilities"), partial(probability_figure, curves)))
    for scenario, charged in grouped(payments, lambda row: row.scenario).items():
        found.append((_plain(f"{scenario}-payments"), partial(payment_figure, charged)))
    return found


def _plain(name: str) -> str:
    """A name as that of a file."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")
