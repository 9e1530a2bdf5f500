"""The one door to matplotlib (extra `plots`): figures that no window knows of, style, saving.

Matplotlib is imported when a figure is drawn. A figure that is saved is the old file or the new
one, never half of it.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenauction.mechanisms.experiments.text_layout import Run
from tokenauction.theory.errors import TokenauctionError

WIDTH, DPI = 7.2, 200
TEXT_SIZE, TEXT_LINE = 6.6, 0.118
COLOURS, DARK, GREY, SHADE = ("#0072B2", "#B34700"), "#222222", "#6B6B6B", "#E9E2C8"
LINES: tuple[dict[str, Any], ...] = (
    {"linestyle": "-", "marker": "o", "color": COLOURS[0]},
    {"linestyle": "--", "marker": "s", "color": COLOURS[1]},
    {"linestyle": "-.", "marker": "^", "color": DARK},
    {"linestyle": ":", "marker": "D", "color": "#009E73"},
)
_STYLE = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "legend.handlelength": 3.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "tokenauction",
}


class NoPlots(TokenauctionError, ImportError):
    """Matplotlib is not installed."""


@contextmanager
def style() -> Iterator[None]:
    """The style of all figures, for drawing and saving them; raises NoPlots."""
    try:
        import matplotlib
    except ImportError as problem:
        raise NoPlots(
            'figures need matplotlib: pip install "tokenauction[plots]"; the tables are complete '
            "without it"
        ) from problem
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A token of a script that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph")
        yield


def canvas(width: float, height: float, **options: Any) -> Any:
    """An empty figure of so many inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, **options)
    FigureCanvasAgg(figure)
    return figure


def saved(figure: Any, path: Path, kind: str) -> Path:
    """Save a figure as `"png"` or `"svg"`, in place of an older file; its path."""
    unfinished = path.with_name(path.name + ".part")
    metadata = {"Date": None} if kind == "svg" else {}
    figure.savefig(unfinished, format=kind, dpi=DPI, metadata=metadata)
    os.replace(unfinished, path)
    return path


def look(owner: int | None) -> dict[str, Any]:
    """How the words of an agent look: upright or slanted, each in a colour; grey for nobody's."""
    if owner is None:
        return {"color": GREY, "style": "normal"}
    return {"color": COLOURS[owner % 2], "style": "italic" if owner % 2 else "normal"}


def measure() -> Callable[[Run], float]:
    """How wide a run of words is on a page, in inches, its last space included."""
    from matplotlib.font_manager import FontProperties

    renderer = canvas(1, 1).canvas.get_renderer()
    fonts = {style: FontProperties(size=TEXT_SIZE, style=style) for style in ("normal", "italic")}

    def width(run: Run) -> float:
        font = fonts[look(run.owner)["style"]]
        with_bar, bar = (
            renderer.get_text_width_height_descent(text, font, ismath=False)[0]
            for text in (run.text + "|", "|")
        )
        return float(with_bar - bar) / DPI

    return width


class Page:
    """A figure of full width to write on, in inches from its lower left corner."""

    def __init__(self, height: float, measure: Callable[[Run], float]) -> None:
        self.figure = canvas(WIDTH, height)
        self._measure = measure

    def write(self, x: float, y: float, line: Sequence[Run], **other: Any) -> None:
        """Runs side by side, with their base line at `y`."""
        for run in line:
            self.figure.text(
                x,
                y,
                run.text,
                transform=self.figure.dpi_scale_trans,
                fontsize=TEXT_SIZE,
                va="baseline",
                parse_math=False,
                **{**look(run.owner), **other},
            )
            x += self._measure(run)

    def heading(self, x: float, y: float, words: str) -> None:
        """Words in bold."""
        self.write(x, y, [Run(words, None)], weight="bold", color=DARK)

    def rule(self, y: float) -> None:
        """A thin line across the page."""
        from matplotlib.lines import Line2D

        ends, place = [0.04, WIDTH - 0.04], self.figure.dpi_scale_trans
        self.figure.add_artist(
            Line2D(ends, [y, y], transform=place, color="#BBBBBB", linewidth=0.5)
        )
