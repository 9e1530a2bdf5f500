"""Guards the sweep: curves, stretches, rows, the CSV files and the figures drawn from them."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import profiles

from tokenauction.mechanisms import (
    cap,
    linear,
    log_linear,
    platform,
    rank_weights,
    second_price,
    square_weights,
    temperature,
)
from tokenauction.mechanisms.auction import FixedAgent, TokenAuction, Vocabulary
from tokenauction.mechanisms.experiments.canvas import style
from tokenauction.mechanisms.experiments.curve_figures import probability_figure
from tokenauction.mechanisms.experiments.curves import (
    aggregates,
    bids_at,
    curves,
    most,
    reach,
    shares,
    stretch,
)
from tokenauction.mechanisms.experiments.monitor import excess
from tokenauction.mechanisms.experiments.plots import NoPlots, plot_sweep
from tokenauction.mechanisms.experiments.pullers import puller
from tokenauction.mechanisms.experiments.sweep import Part, Plan, samplings_of, save, sweep
from tokenauction.mechanisms.experiments.sweep_parts import Prefix, striking
from tokenauction.mechanisms.experiments.sweep_rows import (
    BY_OWN_BID,
    BY_SHARE,
    FILES,
    HUMP,
    MOVES,
    PaymentRow,
    ProbabilityRow,
    TextRow,
)
from tokenauction.mechanisms.experiments.tables import (
    NotATable,
    Tables,
    columns,
    read_table,
    write_table,
)
from tokenauction.mechanisms.experiments.text_figure import text_figure
from tokenauction.mechanisms.experiments.text_layout import Run, lines_of, owners

Numbers = np.ndarray[Any, Any]

# A dollar is no formula, a line break no new row, and the font of the figures lacks the last piece.
WORDS = Vocabulary(("<end>", "sea ", 'the "$x$" ', "sky,\n", "海 "), frozenset({0}))
FIRST = (0.05, 0.5, 0.25, 0.15, 0.05)
SECOND = (0.1, 0.5, 0.05, 0.05, 0.3)
AGENTS = (FixedAgent("A", WORDS, FIRST), FixedAgent("B, Ltd", WORDS, SECOND))
DISTS = np.array([FIRST, SECOND])
PLAN = Plan(points=5, fine_points=21, seeds=(0, 3), max_tokens=6, own_bids=(0, 0.5, 4), priced=2)


def rows_of(kind: type, parts: Sequence[Part]) -> list[Any]:
    """The rows of one kind."""
    return [row for part in parts for row in part.rows if isinstance(row, kind)]


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return list(sweep("fixed", AGENTS, "", PLAN))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CSV files of the small sweep."""
    place = tmp_path_factory.mktemp("sweep") / "made"
    assert list(save(sweep("fixed", AGENTS, "", PLAN), place))
    return place


# Curves.


@given(profiles(agents=2, positive=True))
def test_the_ends_are_what_the_agents_want(profile: Any) -> None:
    dists = np.array(profile.dists, dtype=float)
    for rule in (linear, log_linear):
        first, *_, last = aggregates(rule, dists, shares(3))
        assert np.allclose(first, dists[1], atol=1e-14)
        assert np.allclose(last, dists[0], atol=1e-14)


@given(profiles(agents=2))
def test_curves_of_linear_pools_stay_between_their_ends(profile: Any) -> None:
    dists = np.array(profile.dists, dtype=float)
    for rule in (linear, square_weights, cap):
        assert reach(rule, dists, shares(21)).hump.max() <= 1e-12


@given(profiles(agents=2, positive=True))
def test_beyond_its_ends_a_log_linear_curve_breaks_the_order_for_an_agent(profile: Any) -> None:
    dists, along = np.array(profile.dists, dtype=float), shares(41)
    points = list(aggregates(log_linear, dists, along))
    for token in range(dists.shape[1]):
        curve = np.array([point[token] for point in points])
        found = stretch(curve, along, 1e-9)
        if found.start is None or found.end is None:
            continue
        start, end, peak = along.index(found.start), along.index(found.end), int(curve.argmax())
        assert start <= peak <= end
        for k in range(start, peak):
            assert excess(dists[0], points[k], points[k + 1])[token] > 0
        for k in range(peak, end):
            assert excess(dists[1], points[k + 1], points[k])[token] > 0


def test_the_counterexample_of_the_readme_is_a_stretch() -> None:
    dists = np.array([[1 / 4, 1 / 4, 1 / 2], [1 / 2, 1 / 16, 7 / 16]])
    along = shares(7)
    curve = curves(log_linear, dists, along, [2])[:, 0]
    assert along[3] == 1 / 2
    assert curve[3] == pytest.approx(0.49426890559542613, abs=1e-15)
    assert curve[4] == pytest.approx(0.50303059990055060, abs=1e-15)
    found = stretch(curve, along, 1e-9)
    assert found.start == along[4]
    assert found.end == along[5]


def test_a_stretch_worked_out_by_hand() -> None:
    # In the middle the weights are 1/2, 1/5, 1/5, so token 0 has 5/9; both agents want it at 1/2.
    dists = np.array([[0.5, 0.4, 0.1], [0.5, 0.1, 0.4]])
    curve = curves(log_linear, dists, shares(11), [0])[:, 0]
    found = stretch(curve, shares(11), 1e-9)
    assert found.hump == pytest.approx(1 / 18, abs=1e-14)
    assert (found.start, found.end) == (0.1, 0.9)
    assert reach(log_linear, dists, shares(11)).hump[0] == pytest.approx(1 / 18, abs=1e-14)
    assert stretch(curves(linear, dists, shares(11), [0])[:, 0], shares(11), 1e-9).start is None


def test_a_stretch_below_both_ends_is_found_and_only_the_farthest() -> None:
    along = shares(6)
    found = stretch(np.array([0.4, 0.45, 0.4, 0.1, 0.3, 0.35]), along, 1e-9)
    assert found.hump == pytest.approx(0.25)
    assert (found.start, found.end) == (along[3], along[4])


def test_the_largest_come_first_and_only_above_the_bound() -> None:
    assert most(np.array([0.1, 0.5, 0.0, 0.3]), 3, 0.2) == (1, 3)


@pytest.mark.extra("llm")
def test_curves_are_the_same_on_torch() -> None:
    import torch

    on_torch = torch.tensor(DISTS)
    found, there = reach(log_linear, DISTS, shares(9)), reach(log_linear, on_torch, shares(9))
    assert np.allclose(found.hump, there.hump.numpy(), atol=1e-15)
    assert np.allclose(found.moves, there.moves.numpy(), atol=1e-15)
    here = curves(log_linear, DISTS, shares(9), [3, 1])
    assert np.allclose(here, curves(log_linear, on_torch, shares(9), [3, 1]), atol=1e-15)


# Rows.


def test_parts_are_counted(parts: list[Part]) -> None:
    assert [part.done for part in parts] == list(range(1, len(parts) + 1))
    assert {part.parts for part in parts} == {len(parts)}
    assert all(part.rows and part.what for part in parts)


def test_linear_is_drawn_both_ways_and_log_linear_by_the_race(parts: list[Part]) -> None:
    variants = {("linear", "stable"), ("linear", "race"), ("log_linear", "race")}
    assert {(row.rule, row.sampling) for row in rows_of(TextRow, parts)} == variants
    assert {(row.rule, row.sampling) for row in rows_of(PaymentRow, parts)} == variants
    assert samplings_of(temperature) == ("race",)
    assert samplings_of(rank_weights) == ("stable", "race")


def test_texts_are_those_of_the_auction(parts: list[Part]) -> None:
    rows = rows_of(TextRow, parts)
    assert len(rows) == 2 * 3 * PLAN.points * len(PLAN.seeds)
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        rule = {"linear": linear, "log_linear": log_linear}[one.rule]
        bids = bids_at(one.share, PLAN.total)
        auction = TokenAuction(AGENTS, rule, sampling=one.sampling)
        run = auction.run("", bids, PLAN.max_tokens, one.seed)
        assert (one.agent, other.agent) == ("A", "B, Ltd")
        assert (one.bid, other.bid) == bids
        assert one.text == other.text == run.text
        assert (one.tokens, one.stopped) == (len(run.steps), run.stopped)
        assert [one.realised, other.realised] == pytest.approx(list(run.realised), abs=1e-12)
        assert one.revenue == pytest.approx(run.revenue, abs=1e-12)


def test_a_text_of_one_bidder_is_its_own_and_free(parts: list[Part]) -> None:
    for row in rows_of(TextRow, parts):
        if row.share in (0.0, 1.0):
            alone = (row.share == 1.0) == (row.agent == "A")
            assert row.realised == 0
            assert row.pulled == (f"0:{len(row.text)}" if alone and row.text else "")


def test_under_the_race_the_texts_of_the_ends_do_not_depend_on_the_rule(parts: list[Part]) -> None:
    texts = {
        (row.rule, row.share, row.seed): row.text
        for row in rows_of(TextRow, parts)
        if row.sampling == "race"
    }
    for share in (0.0, 1.0):
        for seed in PLAN.seeds:
            assert texts["linear", share, seed] == texts["log_linear", share, seed]


def test_no_character_is_pulled_most_by_two(parts: list[Part]) -> None:
    rows = rows_of(TextRow, parts)
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        own = owners(len(one.text), [one.pulled])
        others = owners(len(one.text), [other.pulled])
        assert all(a is None or b is None for a, b in zip(own, others, strict=True))
        if 0 < one.share < 1 and "sea" not in one.text:
            # On every other token the two differ, so somebody pulls it up.
            assert all(a == 0 or b == 0 for a, b in zip(own, others, strict=True))


def test_expected_payments_of_linear_are_the_second_price(parts: list[Part]) -> None:
    rows = [row for row in rows_of(PaymentRow, parts) if row.sampling == "stable"]
    for varied, count in ((BY_SHARE, PLAN.points), (BY_OWN_BID, len(PLAN.own_bids))):
        pairs = [row for row in rows if row.varied == varied]
        assert len(pairs) == 2 * count
        for one, other in zip(pairs[::2], pairs[1::2], strict=True):
            bids = bids_at(one.at, 2.0) if varied == BY_SHARE else (one.at, 1.0)
            assert (one.bid, other.bid) == bids
            due = second_price(np.array(bids), DISTS)
            assert [one.expected, other.expected] == pytest.approx(list(due), abs=1e-12)
            assert one.revenue == pytest.approx(sum(due), abs=1e-12)
            assert one.lowest == pytest.approx(one.highest)


def test_expected_payments_are_averages_over_prefixes() -> None:
    plan = Plan(rules=(linear,), points=3, seeds=(5,), max_tokens=9, priced=3, every=2)
    agents = (Counting("A", WORDS), AGENTS[1])
    found = rows_of(PaymentRow, list(sweep("counting", agents, "", plan)))
    steps = TokenAuction(agents, linear).run("", [1, 1], 9, 5).steps
    due = np.array([second_price(np.array([1.0, 1.0]), step.dists) for step in steps[0:5:2]])
    one = next(row for row in found if row.sampling == "stable" and row.at == 0.5)
    assert one.prefixes == 3
    assert one.expected == pytest.approx(due[:, 0].mean(), abs=1e-12)
    assert (one.lowest, one.highest) == pytest.approx((due[:, 0].min(), due[:, 0].max()))
    assert one.lowest < one.highest


class Counting(FixedAgent):
    """An agent whose wish for the first word grows with the length of the text; it never ends."""

    def __init__(self, name: str, vocabulary: Vocabulary) -> None:
        super().__init__(name, vocabulary, (0, 1, 0, 0, 0))

    def next_distribution(self, prompt: str, tokens: Sequence[int]) -> Numbers:
        grown = len(tokens) + 1
        return np.array([0, grown, 1, 1, 1]) / (grown + 3)


def test_payments_by_the_race_are_between_zero_and_the_bid(parts: list[Part]) -> None:
    for row in rows_of(PaymentRow, parts):
        assert 0 <= row.expected <= row.bid
        assert math.isfinite(row.revenue)
        if row.bid == 0 or (row.at in (0, 1) and row.varied == BY_SHARE):
            assert row.expected == pytest.approx(0, abs=1e-12)


def test_probabilities_begin_and_end_at_what_the_agents_want(parts: list[Part]) -> None:
    rows = rows_of(ProbabilityRow, parts)
    assert {row.share for row in rows} == set(shares(PLAN.fine_points))
    for row in rows:
        assert row.first == "A"
        assert (row.wanted_by_first, row.wanted_by_second) == tuple(DISTS[:, row.token])
        if row.share in (0.0, 1.0):
            wanted = row.wanted_by_first if row.share else row.wanted_by_second
            assert row.probability == pytest.approx(wanted, abs=1e-14)


def test_tokens_are_chosen_for_their_humps_and_their_moves(parts: list[Part]) -> None:
    found = {(row.token, row.chosen_for) for row in rows_of(ProbabilityRow, parts)}
    assert (1, HUMP) in found
    assert {token for token, reason in found if reason == MOVES} <= {2, 4}
    for row in rows_of(ProbabilityRow, parts):
        if row.rule == "linear":
            assert (row.hump, row.stretch_start, row.stretch_end) == (0, None, None)
        elif row.token == 1:
            assert row.hump > 0.05
            assert (row.stretch_start, row.stretch_end) == (0.05, 0.95)


def test_prefixes_with_the_largest_humps_are_shown_after_the_beginning() -> None:
    flat = np.array([[0.5, 0.3, 0.2], [0.5, 0.2, 0.3]])
    high = np.array([[0.5, 0.49, 0.01], [0.5, 0.01, 0.49]])
    other = np.array([[0.4, 0.5, 0.1], [0.1, 0.5, 0.4]])
    given = [Prefix(k, str(k), dists) for k, dists in enumerate((flat, flat, high, other))]
    found = striking(given, [linear, log_linear], shares(11), 3)
    assert [prefix.number for prefix in found] == [0, 2, 3]


def test_a_token_is_pulled_by_whom_it_was_raised_most_and_not_by_rounding() -> None:
    assert puller([0.2, 0.3, -0.5]) == 1
    assert puller(np.array([0.3, 0.3])) == 0
    assert puller([1.01e-4, 0.0]) == 0
    assert puller([1e-4, 0.0]) is None
    assert puller([-1.0]) is None


def test_stretches_are_those_that_the_steps_say() -> None:
    """Both want the sea alike, and all else differently by less or more than is noticed."""
    near = (0.05, 0.5, 0.2, 0.2, 0.05)
    also = (0.05, 0.5, 0.2, 0.2001, 0.0499)
    agents = (FixedAgent("A", WORDS, near), FixedAgent("B", WORDS, also))
    found = rows_of(TextRow, list(sweep("near", agents, "", PLAN)))
    assert all(row.pulled == "" for row in found if 0.2 < row.share < 0.8)
    assert any(row.pulled for row in found if row.share in (0.0, 1.0))


def test_agents_that_agree_move_nothing() -> None:
    twins = (AGENTS[0], FixedAgent("twin", WORDS, FIRST))
    found = list(sweep("twins", twins, "", PLAN))
    assert not rows_of(ProbabilityRow, found)
    assert all(abs(row.expected) < 1e-12 for row in rows_of(PaymentRow, found))
    assert all(row.pulled == "" for row in rows_of(TextRow, found) if 0 < row.share < 1)


# Bad input.


def test_a_share_is_between_two() -> None:
    with pytest.raises(ValueError, match="between two agents, and alone has 1: A"):
        sweep("alone", AGENTS[:1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"points": 1}, "at least the two shares"),
        ({"rules": ()}, "at least one rule"),
        ({"rules": (linear, log_linear, linear)}, "two rules of a sweep are called linear"),
        ({"rules": (cap, cap.with_parameters(highest=10))}, r"called cap\(highest=10\)"),
        ({"seeds": ()}, "one seed"),
        ({"max_tokens": 0}, "max_tokens is at least 1"),
        ({"priced": 0}, "priced is at least 1"),
        ({"total": 0.0}, "total is a positive number"),
        ({"rival_bid": math.inf}, "rival_bid is a positive number"),
        ({"own_bids": (1.0, -1.0)}, "own bids are finite"),
        ({"own_bids": (math.nan,)}, "own bids are finite"),
    ],
)
def test_plans_that_cannot_be_swept(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**wrong)


def test_a_rule_that_cannot_run_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="platform needs a distribution for model"):
        sweep("fixed", AGENTS, "", Plan(rules=(platform,)))


# Files.


def test_the_files_read_back_as_the_rows(folder: Path, parts: list[Part]) -> None:
    for kind, name in FILES.items():
        assert read_table(folder / name, kind) == rows_of(kind, parts)
        assert (folder / name).read_text("utf-8").startswith(",".join(columns(kind)) + "\n")


def test_an_interrupted_sweep_keeps_what_was_finished(tmp_path: Path, parts: list[Part]) -> None:
    running = save(sweep("fixed", AGENTS, "", PLAN), tmp_path)
    for _ in range(3):
        next(running)
    assert read_table(tmp_path / FILES[TextRow], TextRow) == rows_of(TextRow, parts[:3])
    running.close()  # type: ignore[attr-defined]
    assert read_table(tmp_path / FILES[TextRow], TextRow) == rows_of(TextRow, parts[:3])
    assert read_table(tmp_path / FILES[PaymentRow], PaymentRow) == []


def test_finished_files_are_not_written_over(folder: Path) -> None:
    before = (folder / FILES[TextRow]).read_bytes()
    with pytest.raises(FileExistsError, match="name another folder"):
        next(save(sweep("fixed", AGENTS, "", PLAN), folder))
    assert (folder / FILES[TextRow]).read_bytes() == before


def test_one_finished_file_stops_a_sweep_before_it_makes_others(tmp_path: Path) -> None:
    (tmp_path / FILES[PaymentRow]).write_text("something", "utf-8")
    with pytest.raises(FileExistsError, match="payments"):
        Tables(tmp_path, FILES)
    assert [path.name for path in tmp_path.iterdir()] == [FILES[PaymentRow]]


ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@given(st.lists(st.tuples(ANY_TEXT, st.floats(allow_nan=False), st.none() | st.floats(0, 1))))
def test_any_row_reads_back(folder: Path, values: list[tuple[str, float, float | None]]) -> None:
    rows = [
        ProbabilityRow("s", "r", 1, text, 2, text, HUMP, "A", "B", 0, 1, 0.5, number, 0.1, end, end)
        for text, number, end in values
    ]
    path = folder.parent / "rows.csv"
    write_table(path, ProbabilityRow, rows)
    assert read_table(path, ProbabilityRow) == rows
    assert {each.name for each in path.parent.iterdir()} == {"rows.csv", folder.name}


def _header_of_another(text: str) -> str:
    return text.replace("share", "part")


def _words_for_a_number(text: str) -> str:
    return text.replace('"stable",0.0,', '"stable","none",', 1)


def _a_cell_less(text: str) -> str:
    return text.rpartition(",")[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_header_of_another, "has the columns .*part.* not .*share"),
        (_words_for_a_number, r"texts\.csv, line 3: could not convert"),
        (_a_cell_less, r"texts\.csv, line \d+"),
        (lambda _: "", "columns of an empty file"),
    ],
)
def test_files_that_are_not_a_sweep(
    folder: Path, tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    text = (folder / FILES[TextRow]).read_text("utf-8")
    (tmp_path / "texts.csv").write_text(change(text), "utf-8", newline="")
    with pytest.raises(NotATable, match=message):
        read_table(tmp_path / "texts.csv", TextRow)


# Figures.


@pytest.fixture(scope="module")
def figures(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return plot_sweep(folder, tmp_path_factory.mktemp("figures"))


@pytest.mark.extra("plots")
def test_every_figure_is_drawn_and_can_be_read(figures: list[Path]) -> None:
    from matplotlib.image import imread

    kinds = ["texts-stable", "texts-race", "probabilities", "payments"]
    names = [f"fixed-{kind}.{form}" for kind in kinds for form in ("png", "svg")]
    assert [path.name for path in figures] == names
    assert sorted(path.name for path in figures[0].parent.iterdir()) == sorted(names)
    for path in figures:
        if path.suffix == ".png":
            pixels = imread(path)
            assert pixels.shape[1] > 1000
            assert 0.005 < (pixels[:, :, :3].min(axis=2) < 0.7).mean() < 0.5
        else:
            root = ElementTree.parse(path).getroot()
            assert root.tag.endswith("svg")
            assert len(list(root.iter())) > 100


@pytest.mark.extra("plots")
def test_no_ink_touches_the_edges(figures: list[Path]) -> None:
    from matplotlib.image import imread

    for path in figures:
        if path.suffix == ".png":
            pixels = imread(path)[:, :, :3]
            edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
            assert all((edge > 0.99).all() for edge in edges), path.name


@pytest.mark.extra("plots")
def test_the_stretch_of_log_linear_is_shaded(parts: list[Part]) -> None:
    rows = [row for row in rows_of(ProbabilityRow, parts) if row.token == 1]
    figure = probability_figure(rows)
    axes = figure.axes[0]
    [span] = axes.patches
    assert (span.get_x(), span.get_x() + span.get_width()) == pytest.approx((0.05, 0.95))
    assert "log-linear is beyond" in span.get_label()
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert set(drawn) == {"linear", "log-linear"}
    assert max(drawn["log-linear"]) - 0.5 == pytest.approx(rows[-1].hump)
    styles = {(line.get_linestyle(), line.get_marker()) for line in axes.lines}
    assert len(styles) == 2


def drawn_text(rows: Sequence[TextRow]) -> str:
    """What is written in a figure of texts."""
    with style():
        return "".join(one.get_text() for one in text_figure(rows).texts)


@pytest.mark.extra("plots")
def test_a_text_that_was_cut_ends_in_an_ellipsis(parts: list[Part]) -> None:
    for stopped, mark in (("most tokens", "…"), ("context limit", "…"), ("end of text", "")):
        rows = [
            replace(row, stopped=stopped, text="sea sea", pulled="")
            for row in rows_of(TextRow, parts)
            if (row.rule, row.share, row.seed) == ("log_linear", 0.5, 0)
        ]
        assert f"sea sea{mark}paid: " in drawn_text(rows)


@pytest.mark.extra("plots")
def test_the_figure_of_texts_says_whose_payment_is_first(parts: list[Part]) -> None:
    one, other = (
        row
        for row in rows_of(TextRow, parts)
        if (row.rule, row.share, row.seed) == ("log_linear", 0.5, 0)
    )
    written = drawn_text([replace(one, realised=0.25), replace(other, realised=1.5)])
    assert "Paid for a text: by A + by B, Ltd = revenue." in written
    assert "paid: 0.25 + 1.50 = " in written


@pytest.mark.extra("plots")
def test_an_interrupted_sweep_is_drawn_as_far_as_it_went(tmp_path: Path) -> None:
    running = save(sweep("fixed", AGENTS, "", PLAN), tmp_path)
    next(running)
    running.close()  # type: ignore[attr-defined]
    drawn = plot_sweep(tmp_path, formats=["svg"])
    assert [path.name for path in drawn] == ["fixed-texts-stable.svg"]
    again = drawn[0].read_bytes()
    assert plot_sweep(tmp_path, formats=["svg"]) == drawn
    assert drawn[0].read_bytes() == again


@pytest.mark.extra("plots")
def test_nothing_to_draw(tmp_path: Path, folder: Path) -> None:
    with Tables(tmp_path, FILES), pytest.raises(ValueError, match="no rows yet"):
        plot_sweep(tmp_path)
    with pytest.raises(ValueError, match="png or svg, not 'pdf'"):
        plot_sweep(folder, tmp_path, ["pdf"])
    with pytest.raises(FileNotFoundError):
        plot_sweep(tmp_path / "nowhere")


def test_nothing_to_draw_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(NoPlots, match=r'pip install "tokenauction\[plots\]"'):
        plot_sweep(folder)


# Layout.


def letters(run: Run) -> float:
    """A font in which all letters have width one."""
    return len(run.text)


@given(
    st.lists(
        st.tuples(st.sampled_from(" ab\n"), st.sampled_from([None, 0, 1])), min_size=1, max_size=60
    ),
    st.integers(1, 12),
)
def test_lines_have_all_letters_with_their_owners(
    marked: list[tuple[str, int | None]], width: int
) -> None:
    text, whose = "".join(letter for letter, _ in marked), [owner for _, owner in marked]
    lines = lines_of(text, whose, width, letters)
    found = [(letter, run.owner) for line in lines for run in line for letter in run.text]
    assert [one for one in found if one[0] != " "] == [one for one in marked if one[0] not in " \n"]
    assert all(0 < sum(map(letters, line)) <= width for line in lines)
    if max(map(len, text.split()), default=0) <= width:
        assert " ".join("".join(run.text for run in line) for line in lines) == " ".join(
            text.split()
        )


@pytest.mark.parametrize("span", ["0:9", "3:1", "a:b", "2"])
def test_stretches_that_are_not_in_the_text(span: str) -> None:
    with pytest.raises(ValueError, match="not a stretch of a text of 4 characters"):
        owners(4, [span])
