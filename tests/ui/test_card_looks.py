"""The card follows what is around it: the theme, the window's size."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_process import CHROMIUM, Server, tab_of
from desk_tab import asked, count_colour, open_card

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
INK = {"light": "#1c2430", "dark": "#e8edf3"}


@pytest.fixture(scope="module")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("looks") / "plant"
    shutil.copytree(template, root)
    server = Server(root)
    server.start()
    yield server
    server.kill()


def wait_for_ink(page: Any, theme: str) -> None:
    other = INK["light" if theme == "dark" else "dark"]
    for _ in range(300):
        if count_colour(page, INK[theme]) > 100 and count_colour(page, other) == 0:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"the picture was not drawn in the {theme} theme within half a minute")


def wait_for_fit(page: Any) -> None:
    """Wait until the picture fills its place, and the page fits the window."""
    page.wait_for_function(_FITS, arg=page.locator("section.card").element_handle())


_FITS = """card => {
  const [canvas, place] = [card.querySelector("canvas.back"), card.querySelector(".scroller")];
  const main = document.querySelector("[data-testid='stMain']");
  return canvas.clientWidth === place.clientWidth && main.scrollHeight <= main.clientHeight
    && document.documentElement.scrollWidth <= window.innerWidth;
}"""


def test_the_picture_is_drawn_anew_when_the_theme_changes(server: Server, browser: Any) -> None:
    with tab_of(browser, color_scheme="light") as (page, complaints):
        open_card(page, server)
        item = asked(page)
        wait_for_ink(page, "light")
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            wait_for_ink(page, theme)
        page.get_by_test_id("stMainMenu").click()
        page.get_by_test_id("stMainMenuItem-theme-Dark").click()
        wait_for_ink(page, "dark")
        assert asked(page) == item
        assert complaints == []


def test_the_picture_follows_the_windows_size(server: Server, browser: Any) -> None:
    with tab_of(browser) as (page, complaints):
        open_card(page, server)
        handle = page.get_by_role("slider").first
        at = handle.get_attribute("aria-valuenow")
        for wide, high in ((1280, 660), (1600, 900), (1440, 800), (1280, 720)):
            page.set_viewport_size({"width": wide, "height": high})
            wait_for_fit(page)
            assert handle.get_attribute("aria-valuenow") == at
            layer, place = page.locator(".layer").bounding_box(), handle.bounding_box()
            assert layer["x"] < place["x"] < layer["x"] + layer["width"]
        assert complaints == []
