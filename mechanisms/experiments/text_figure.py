"""The figure of texts by the share: a row a share, a column a rule, words by who pulled them."""

from collections.abc import Callable, Sequence
from typing import Any

from tokenauction.mechanisms.auction.token_auction import END_OF_TEXT
from tokenauction.mechanisms.experiments.canvas import TEXT_LINE, WIDTH, Page, measure
from tokenauction.mechanisms.experiments.sweep_rows import TextRow, grouped, shown
from tokenauction.mechanisms.experiments.text_layout import Run, lines_of, owners

_MOST_ROWS = 11
_MARGIN, _SHARES, _GAP, _HEAD = 0.04, 0.42, 0.22, 0.72

Cells = dict[tuple[float, str], list[TextRow]]
Lines = list[list[Run]]


def text_figure(rows: Sequence[TextRow]) -> Any:
    """Texts of one scenario and sampling, of the first seed; at most eleven shares, evenly spread.

    The agents' words differ in slant and colour; a text that was cut ends in an ellipsis. Below
    each text is what is paid for it.
    """
    rows = [row for row in rows if row.seed == rows[0].seed]
    cells: Cells = grouped(rows, lambda row: (row.share, row.rule))
    rules = list(dict.fromkeys(row.rule for row in rows))
    along = _spread(sorted({row.share for row in rows}))
    width = (WIDTH - _SHARES) / len(rules) - _GAP
    places = [_SHARES + k * (width + _GAP) for k in range(len(rules))]
    wide = measure()
    laid = {key: _lines(cell, width, wide) for key, cell in cells.items() if key[0] in along}
    heights = [
        TEXT_LINE * (1.9 + max(len(laid.get((share, rule), ())) for rule in rules))
        for share in along
    ]
    top = sum(heights) + _HEAD
    page = Page(top, wide)
    _head(page, top, next(iter(cells.values())), rules, places)
    top -= _HEAD
    for share, height in zip(along, heights, strict=True):
        page.rule(top)
        page.heading(_MARGIN, top - TEXT_LINE, f"{share:.2f}")
        for rule, x in zip(rules, places, strict=True):
            if (share, rule) in laid:
                _cell(page, x, top, laid[share, rule], cells[share, rule])
        top -= height
    return page.figure


def _spread(values: Sequence[float]) -> list[float]:
    """The values, or so many of them, evenly spread with both ends."""
    if len(values) <= _MOST_ROWS:
        return list(values)
    return [values[round(k * (len(values) - 1) / (_MOST_ROWS - 1))] for k in range(_MOST_ROWS)]


def _lines(cell: Sequence[TextRow], width: float, wide: Callable[[Run], float]) -> Lines:
    text, whose = cell[0].text, owners(len(cell[0].text), [row.pulled for row in cell])
    if cell[0].stopped != END_OF_TEXT:
        text, whose = text + "…", [*whose, None]
    return lines_of(text, whose, width, wide)


def _head(
    page: Page, top: float, cell: Sequence[TextRow], rules: Sequence[str], places: Sequence[float]
) -> None:
    """Whose words look how, what the texts have in common, and the names of the columns."""
    first, second = (row.agent for row in cell)
    words = [Run("Pulled most by ", None), Run(first, 0), Run(" (upright), by ", None)]
    words += [Run(second, 1), Run(" (slanted), or by nobody (grey).", None)]
    page.write(_MARGIN, top - 0.15, words)
    total = sum(row.bid for row in cell)
    common = f"λ is the share of {first} of bids that add up to {total:.3g}; seed {cell[0].seed}."
    page.write(_MARGIN, top - 0.15 - TEXT_LINE, [Run(common, None)])
    paid = f"Paid for a text: by {first} + by {second} = revenue. A text that ends in … was cut."
    page.write(_MARGIN, top - 0.15 - 2 * TEXT_LINE, [Run(paid, None)])
    page.heading(_MARGIN, top - _HEAD + 0.07, "λ")
    for rule, x in zip(rules, places, strict=True):
        page.heading(x, top - _HEAD + 0.07, shown(rule))


def _cell(page: Page, x: float, top: float, lines: Lines, of: Sequence[TextRow]) -> None:
    """One text, and what is paid for it."""
    for number, line in enumerate(lines, 1):
        page.write(x, top - number * TEXT_LINE, line)
    paid = " + ".join(f"{row.realised:.2f}" for row in of)
    bill = f"paid: {paid} = {of[0].revenue:.2f}, {of[0].tokens} tokens"
    page.write(x, top - (len(lines) + 1.1) * TEXT_LINE, [Run(bill, None)])
