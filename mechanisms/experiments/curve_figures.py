"""The figures of probabilities by the share, and of expected payments by the share and the bid."""

from collections.abc import Sequence
from typing import Any

from tokenauction.mechanisms.experiments.canvas import LINES, SHADE, WIDTH, canvas
from tokenauction.mechanisms.experiments.sweep_rows import (
    BY_SHARE,
    HUMP,
    PaymentRow,
    ProbabilityRow,
    grouped,
    shown,
)

_SAMPLINGS = {"stable": "stable sampling", "race": "exponential race"}
_MOST_HUMPS, _MOST_PANELS = 4, 6

Panel = list[ProbabilityRow]


def probability_figure(rows: Sequence[ProbabilityRow]) -> Any:
    """A panel a token, a line a rule; shaded where a rule is beyond both ends of its curve.

    The ends are what either agent alone gets.
    """
    panels = _chosen(rows)
    across = min(3, len(panels))
    down = -(-len(panels) // across)
    figure = canvas(WIDTH, 0.55 + 2.05 * down, layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).ravel()
    handles: dict[str, Any] = {}
    for axes, panel in zip(grid, panels, strict=False):
        _probability_panel(axes, panel)
        drawn, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, drawn, strict=True))
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes in grid[::across]:
        axes.set_ylabel("probability")
    first, second = rows[0].first, rows[0].second
    figure.supxlabel(f"share λ of {first} in the bids of {first} and {second}", fontsize=8)
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4)
    return figure


def _chosen(rows: Sequence[ProbabilityRow]) -> list[Panel]:
    """Tokens with the largest humps, then some that move the most; other prefixes come first."""
    of_token = list(grouped(rows, lambda row: (row.prefix, row.token)).values())
    humps = [panel for panel in of_token if panel[0].chosen_for == HUMP]
    moves = [panel for panel in of_token if panel[0].chosen_for != HUMP]
    humps.sort(key=lambda panel: -max(row.hump for row in panel))
    moves.sort(key=_less_movement)
    found = _one_a_prefix(humps)[:_MOST_HUMPS]
    return found + _one_a_prefix(moves)[: _MOST_PANELS - len(found)]


def _less_movement(panel: Panel) -> float:
    values = [row.probability for row in panel]
    return min(values) - max(values)


def _one_a_prefix(panels: Sequence[Panel]) -> list[Panel]:
    """The first panel of every prefix, then the others."""
    first = {panel[0].prefix: panel for panel in reversed(panels)}
    return sorted(panels, key=lambda panel: first[panel[0].prefix] is not panel)


def _probability_panel(axes: Any, panel: Panel) -> None:
    for number, (rule, curve) in enumerate(grouped(panel, lambda row: row.rule).items()):
        axes.plot(
            [row.share for row in curve],
            [row.probability for row in curve],
            label=shown(rule),
            markevery=(0.02, 0.14),
            **LINES[number % len(LINES)],
        )
    _share_axis(axes)
    axes.set_ylim(0, 1.1 * max(row.probability for row in panel))
    title = [_quoted(panel[0].piece), _place(panel[0].after), _shaded(axes, panel)]
    axes.set_title("\n".join(title), loc="left", parse_math=False, fontsize=7)


def _shaded(axes: Any, panel: Panel) -> str:
    """Shade where the rule with the largest hump is beyond both ends of its curve; in words."""
    most = max(panel, key=lambda row: row.hump)
    if most.stretch_start is None or most.stretch_end is None:
        return "nowhere beyond"
    label = f"{shown(most.rule)} is beyond what either agent alone gets"
    axes.axvspan(
        most.stretch_start, most.stretch_end, color=SHADE, linewidth=0, zorder=0, label=label
    )
    hump = f"{most.hump:.2f}" if most.hump >= 0.01 else f"{most.hump:.0e}"
    return f"beyond by up to {hump}, λ {most.stretch_start:.2f} to {most.stretch_end:.2f}"


def _place(after: str) -> str:
    return f"after {_quoted(after)}" if after else "at the beginning"


def _quoted(text: str, most: int = 26) -> str:
    """The end of a text in quotation marks, in whole words where there are any."""
    words = " ".join(text.split()) or repr(text)[1:-1]
    if len(words) > most:
        tail = words[-most:]
        words = "… " + (tail.partition(" ")[2] or tail)
    return f"“{words}”"


def _share_axis(axes: Any) -> None:
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])


def payment_figure(rows: Sequence[PaymentRow]) -> Any:
    """A column a rule and sampling, a row for what is varied; lines of the agents and revenue."""
    of_variant = grouped(rows, lambda row: (row.rule, row.sampling))
    of_varied = grouped(rows, lambda row: row.varied)
    size = max(WIDTH, 2.2 * len(of_variant)), 0.35 + 2.1 * len(of_varied)
    figure = canvas(*size, layout="constrained")
    grid = figure.subplots(len(of_varied), len(of_variant), squeeze=False, sharey="row")
    for column, (rule, sampling) in enumerate(of_variant):
        grid[0, column].set_title(f"{shown(rule)}, {_SAMPLINGS.get(sampling, sampling)}")
        of_kind = grouped(of_variant[rule, sampling], lambda row: row.varied)
        for line, kind in enumerate(of_varied):
            if kind in of_kind:
                _payment_panel(grid[line, column], of_kind[kind])
    for line, found in enumerate(of_varied.values()):
        grid[line, 0].set_ylim(0, 1.1 * max(row.revenue for row in found) or 1)
        grid[line, 0].set_ylabel("expected payment for the next\ntoken (units of the bids)")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def _payment_panel(axes: Any, rows: Sequence[PaymentRow]) -> None:
    first, second = grouped(rows, lambda row: row.agent).values()
    for number, line in enumerate((first, second)):
        _payment_line(axes, line, [row.expected for row in line], line[0].agent, number)
    _payment_line(axes, first, [row.revenue for row in first], "revenue (both)", 2)
    if first[0].varied == BY_SHARE:
        _share_axis(axes)
        total = first[0].bid + second[0].bid
        axes.set_xlabel(f"share λ of {first[0].agent}\n(bids add up to {total:.3g})")
    else:
        rival = f"{second[0].agent} bids {second[0].bid:.3g}"
        axes.set_xlabel(f"bid of {first[0].agent}\n({rival})")


def _payment_line(
    axes: Any, rows: Sequence[PaymentRow], values: Sequence[float], label: str, number: int
) -> None:
    every = max(1, len(rows) // 7)
    axes.plot([row.at for row in rows], values, label=label, markevery=every, **LINES[number])
