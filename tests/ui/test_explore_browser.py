"""The explore page in a real Chromium: brushed, answered, taken back, searched, answered in bulk."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from labeling_ui import launch

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
PATIENCE = 60_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture
def address(scene: Any) -> Iterator[str]:
    with socket.socket() as free:
        free.bind((launch.ADDRESS, 0))
        port = int(free.getsockname()[1])
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(launch.command(scene.root, port), stdout=quiet, stderr=quiet)
    address = launch.address(port)
    for _ in range(600):
        if _answers(address):
            break
        time.sleep(0.1)
    yield address
    process.kill()
    process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture
def page(address: str) -> Iterator[tuple[Any, list[str]]]:
    complaints: list[str] = []
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.get_by_role("link", name="Explore").click()
        page.get_by_text("640 of 640 points").wait_for()
        yield page, complaints
        browser.close()


def brush(page: Any, first: int, last: int) -> None:
    """Drag across the picture's lowest row between two pixels of it."""
    row = page.locator(".js-plotly-plot").nth(1).locator(".nsewdrag").last
    row.wait_for(state="attached")
    time.sleep(1.0)  # a picture listens a moment after it is there
    box = row.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + first, y)
    page.mouse.down()
    page.mouse.move(box["x"] + last, y, steps=8)
    page.mouse.up()


def press(page: Any, key: str, said: str) -> None:
    button = page.locator(f".st-key-{key} button")
    sync_api.expect(button).to_have_count(1, timeout=PATIENCE)  # while the page runs, the one before may be there too
    button.click()
    page.get_by_text(said).wait_for()


def test_a_brushed_stretch_is_answered_taken_back_searched_and_answered_in_bulk(
    scene: Any, page: tuple[Any, list[str]]
) -> None:
    tab, complaints = page
    brush(tab, 100, 150)
    tab.get_by_text("Marked:").wait_for()
    undo = tab.locator(".st-key-explore-undo button")
    assert undo.bounding_box()["y"] + undo.bounding_box()["height"] <= 800
    press(tab, "anomaly-explore", "Anomaly kept")
    assert {row.answer.value for row in scene.standing()} == {"anomaly"}
    press(tab, "explore-undo", "Taken back: 1 answer")
    assert scene.standing() == []
    press(tab, "explore-search", "of this shape, the most alike first")
    count = int(tab.locator(".st-key-normal-found button").inner_text().split()[2])
    tab.locator("[class*='st-key-leave-'] label").first.click()
    tab.get_by_role("button", name=f"Normal: all {count - 1} not left out").click()
    tab.get_by_text(f"Normal kept for {count - 1} places").wait_for()
    assert {row.answer.value for row in scene.standing()} == {"normal"}
    press(tab, "explore-undo", f"Taken back: {count - 1} answers")
    assert scene.standing() == []
    assert complaints == []


def test_a_stretch_without_points_is_refused_in_words(page: tuple[Any, list[str]]) -> None:
    tab, complaints = page
    brush(tab, 310, 400)
    tab.get_by_text("No point lies there").wait_for()
    assert complaints == []
