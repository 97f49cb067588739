"""What lies behind the line: the same hours of yesterday and last week; and what does not: a line over a gap."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from desk_process import CHROMIUM, Server, tab_of
from desk_tab import LEFT, RIGHT, asked, count_colour, moved_on, open_card, said
from laid_out import lay_out

from rl_tsad.types import Series

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
DAY, LENGTH, STRIDE = 144, 48, 6
GHOST, LAST_WEEK, LINE = "#8a7bb5", "#b0578f", "#7a8797"
GAP = 9 * DAY - 40
"""The point after three hours without a recording; each point before stands for ten minutes."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("ghosts") / "plant"
    steps = np.arange(10 * DAY)
    rng = np.random.default_rng(0)
    values = (np.sin(steps[:, None] / 9 + steps[:, None] // DAY) + rng.normal(0, 0.2, (10 * DAY, 2))).astype(np.float32)
    clock = np.datetime64("2026-03-02T00:00", "ns") + steps * np.timedelta64(10, "m")
    clock[GAP:] += np.timedelta64(3, "h")
    recorded = Series("kiln", values, clock, ("heat [C]", "draught"), None, "Europe/Berlin")
    by_start = [start // STRIDE for start in (9 * DAY - 60, 4 * DAY, DAY // 2)]
    with lay_out(root, recorded, by_start, length=LENGTH, stride=STRIDE):
        server = Server(root)
        server.start()
        yield server
        server.kill()


def minutes(point: float) -> float:
    return 10 * point + (180 if point >= GAP else 0)


def columns(page: Any, first: float, last: float, view: tuple[int, int]) -> tuple[float, float, float, float]:
    """Give the part of the picture between two times, as shares of it: the rows, without names and the time axis."""
    width = page.locator(".layer").bounding_box()["width"]
    begin, end = minutes(view[0] - 0.5), minutes(view[1] - 0.5)
    left, right = ((LEFT + (one - begin) / (end - begin) * (width - LEFT - RIGHT)) / width for one in (first, last))
    return left, 0.06, right, 0.8


def test_earlier_hours_are_drawn_where_there_are_some(server: Server, browser: Any) -> None:
    with tab_of(browser) as (page, complaints):
        open_card(page, server)
        drawn = []
        for _ in range(3):
            item = asked(page)
            names = [one["name"] for one in server.get(f"/questions/{item}")[1]["compare"]]
            drawn.append((names, count_colour(page, GHOST) > 200))
            page.keyboard.press("o")
            said(page, "Overlays are hidden")
            assert count_colour(page, GHOST) + count_colour(page, LAST_WEEK) == 0
            page.keyboard.press("o")
            if len(drawn) < 3:
                page.keyboard.press("s")
                moved_on(page, item)
        assert drawn == [(["yesterday", "last week"], True), (["yesterday"], True), ([], False)]
        assert complaints == []


def test_no_line_runs_over_a_pause_and_ghosts_keep_their_hours(server: Server, browser: Any) -> None:
    (_, shown, _), view = server.get("/questions/1"), (9 * DAY - 60 - 3 * LENGTH, 9 * DAY - 60 + 2 * LENGTH + 24)
    assert shown["view"] == list(view)
    earlier = shown["compare"][1]
    inside = [place for place in earlier["index"][0] if GAP - 1 < place < GAP]
    assert len(inside) == 18  # last week nothing paused: those three hours lie within today's pause
    assert np.diff(earlier["index"][0]).min() > 0
    with tab_of(browser) as (page, _):
        open_card(page, server)
        while asked(page) != 1:
            item = asked(page)
            page.keyboard.press("s")
            moved_on(page, item)
        pause = columns(page, minutes(GAP - 1) + 20, minutes(GAP) - 20, view)
        assert count_colour(page, LINE, pause) == 0
        assert count_colour(page, LAST_WEEK, pause) > 10
        before = columns(page, minutes(GAP - 20), minutes(GAP - 2), view)
        assert count_colour(page, LINE, before) > 20
