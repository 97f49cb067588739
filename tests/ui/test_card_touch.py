"""The card under a finger: tapped, marked by a drag, and the page still scrolls."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from desk_process import CHROMIUM, Server, running_browser, tab_of
from desk_tab import all_kept, asked, moved_on, open_card, pixel, ready_for_clicks, said
from laid_out import answers, lay_out, standing

from db.records import Answer
from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Series

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    root = tmp_path_factory.mktemp("touch") / "plant"
    values = np.random.default_rng(0).normal(size=(640, 3)).astype(np.float32)
    recorded = Series("pump", values, np.arange(640), ("flow", "pressure", "valve"))
    with lay_out(root, recorded, [20, 30, 40, 50]) as ws:
        server = Server(root)
        server.start()
        yield ws, server
        server.kill()


class Finger:
    """One finger on a tab's glass."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.glass = page.context.new_cdp_session(page)

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, steps: int = 8) -> None:
        self._touch("touchStart", start)
        for step in range(1, steps + 1):
            share = step / steps
            self._touch("touchMove", (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])))
        self._touch("touchEnd")

    def _touch(self, kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        self.glass.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def phone() -> Iterator[tuple[Any, list[str]]]:
    with running_browser() as browser, tab_of(browser, **PHONE) as found:
        yield found


def scrolled(page: Any) -> Any:
    return page.locator("[data-testid='stMain']").element_handle()


def test_taps_answer_and_take_back(desk: tuple[Workspace, Server], phone: tuple[Any, list[str]]) -> None:
    (ws, server), (page, complaints) = desk, phone
    open_card(page, server)
    first = asked(page)
    ready_for_clicks(page)
    page.get_by_role("button", name="Normal (N)").tap()
    second = moved_on(page, first)
    all_kept(page)
    assert answers(ws) == [Answer.NORMAL]
    page.get_by_role("button", name="Undo (Z)").tap()
    assert moved_on(page, second) == first
    all_kept(page)
    assert answers(ws) == []
    assert page.locator("html").evaluate("page => page.scrollWidth <= page.clientWidth")
    assert complaints == []


def test_a_finger_marks_sideways_and_scrolls_up_and_down(
    desk: tuple[Workspace, Server], phone: tuple[Any, list[str]]
) -> None:
    (ws, server), (page, _) = desk, phone
    open_card(page, server)
    first, view = asked(page), (0, 320)
    finger, y = Finger(page), page.locator(".layer").bounding_box()["y"] + 60
    finger.drag((pixel(page, 140, view), y), (pixel(page, 180, view), y))
    said(page, "41 points marked: samples 140 to 180")
    edge = page.get_by_role("slider").last.bounding_box()
    finger.drag((edge["x"] + 14, y + 40), (pixel(page, 200, view), y + 40))
    said(page, re.compile("marked: samples 140 to (199|200)$"))
    end = int(page.get_by_role("slider").last.get_attribute("aria-valuenow"))
    ready_for_clicks(page)  # the page has its full height then
    assert scrolled(page).evaluate("main => main.scrollTop") == 0
    finger.drag((30, 660), (30, 400))  # beside the picture and its buttons
    page.wait_for_function("main => main.scrollTop > 50", arg=scrolled(page))
    finger.drag((pixel(page, 40, view), 200), (pixel(page, 40, view), 420))  # on the picture, where nothing is marked
    page.wait_for_function("main => main.scrollTop === 0", arg=scrolled(page))
    assert len(page.get_by_role("slider").all()) == 2
    page.get_by_role("button", name="Anomaly (A)").tap()
    moved_on(page, first)
    all_kept(page)
    assert [(row.mark_low, row.mark_high) for row in standing(ws)] == [(140, end + 1)]
