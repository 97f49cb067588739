"""A plant with 64 channels and a million points: the card opens, scrolls inside its picture, and marks to the point."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from desk_process import CHROMIUM, Server, tab_of
from desk_tab import count_colour, drag, open_card, pixel, press
from laid_out import lay_out, standing

from rl_tsad.services.workspace import Workspace
from rl_tsad.types import Series

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
POINTS, CHANNELS, LENGTH, STRIDE = 1_000_000, 64, 400, 200
ASKED = 3_000
MEGABYTE = 1_000_000


def wide_plant() -> Series:
    """Each channel a wave of its own, a second a point, for eleven days and a half."""
    noise = np.random.default_rng(0).normal(size=(1_000, CHANNELS)).astype(np.float32)
    clock = np.datetime64("2026-03-02T00:00", "ns") + np.arange(POINTS) * np.timedelta64(1, "s")
    names = tuple(f"sensor {number:02d} [bar]" for number in range(CHANNELS))
    return Series("plant", np.tile(noise, (POINTS // 1_000, 1)), clock, names, None, "UTC")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Server]]:
    root = tmp_path_factory.mktemp("wide") / "plant"
    with lay_out(root, wide_plant(), [ASKED, ASKED + 100], length=LENGTH, stride=STRIDE) as ws:
        server = Server(root)
        server.start()
        yield ws, server
        server.kill()
    shutil.rmtree(root)  # a quarter of a gigabyte


def test_a_picture_of_64_channels_scrolls_in_its_place_and_is_small(
    desk: tuple[Workspace, Server], browser: Any
) -> None:
    _, server = desk
    with tab_of(browser) as (page, complaints):
        open_card(page, server)
        assert page.locator("[data-testid='stMain']").evaluate("e => e.scrollHeight <= e.clientHeight")
        assert page.locator(".scroller").evaluate(
            "e => e.scrollHeight > 5 * e.clientHeight && e.scrollWidth <= e.clientWidth"
        )
        height = page.locator(".scroller").evaluate("e => e.scrollHeight")
        for row in range(CHANNELS):
            top = (20 + 38 * row) / height
            assert count_colour(page, "#7a8797", (0.15, top, 0.93, top + 38 / height)) > 100
        page.locator(".scroller").focus()
        page.keyboard.press("End")
        page.wait_for_function("scroller => scroller.scrollTop > 2000", arg=page.locator(".scroller").element_handle())
        axis, place = page.locator("canvas.axis").bounding_box(), page.locator(".scroller").bounding_box()
        assert place["y"] < axis["y"] < axis["y"] + axis["height"] <= place["y"] + place["height"] + 1
        for item in (1, 2):
            (status, picture, _) = server.get(f"/questions/{item}")
            assert status == 200
            assert len(json.dumps(picture, separators=(",", ":"))) < MEGABYTE
        assert [one["name"] for one in picture["compare"]] == ["yesterday", "last week"]
        assert complaints == []


def test_zoomed_out_all_of_a_million_points_are_one_small_picture(desk: tuple[Workspace, Server], browser: Any) -> None:
    with tab_of(browser) as (page, complaints):
        open_card(page, desk[1])
        with page.expect_response(lambda reply: f"low=0&high={POINTS}" in reply.url) as got:
            for _ in range(9):
                page.keyboard.press("-")
        assert len(got.value.body()) < MEGABYTE
        page.locator("canvas.axis").wait_for()
        handle = page.get_by_role("slider").first.bounding_box()
        assert handle["x"] + handle["width"] / 2 == pytest.approx(pixel(page, 600_200, (0, POINTS)), abs=3)
        assert complaints == []


def test_a_mark_on_a_reduced_picture_is_about_recorded_points(desk: tuple[Workspace, Server], browser: Any) -> None:
    ws, server = desk
    with tab_of(browser) as (page, _):
        open_card(page, server)
        view = page.evaluate("async () => (await (await fetch('/api/v1/questions/1')).json()).view")
        drag(page, view[0] + 1_000, view[0] + 1_100, view)
        begin, end = page.get_by_role("slider").all()
        before = int(begin.get_attribute("aria-valuenow")), int(end.get_attribute("aria-valuenow"))
        assert before == pytest.approx((view[0] + 1_000, view[0] + 1_100), abs=10)  # nine points to a pixel
        begin.focus()
        page.keyboard.press("ArrowRight")
        end.focus()
        page.keyboard.press("Shift+ArrowLeft")
        press(page, "a")
        (row,) = standing(ws)
        assert (row.mark_low, row.mark_high) == (before[0] + 1, before[1] + 1 - 10)
