"""The strip of look-alikes: looked over, some excepted, and never waited for; in a real Chromium."""

import json
from typing import Any

import pytest
from desk_process import CHROMIUM, Server, browser_page
from desk_tab import open_card

from db import vetoes

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
STRANGE = "pump <img src=x onerror=alert(1)>"
FOCUSED = "document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot.activeElement"


def keys(many: int) -> list[str]:
    return [f"{STRANGE}:{8 * place}:64" for place in range(many)]


def small(key: str) -> dict[str, Any]:
    start = int(key.split(":")[-2])
    index = list(range(start, start + 64))
    values = [[float(place % 9) for place in index], [None] * 64, [1.0] * 64]
    at = "2026-03-03T08:05:00.000Z"
    return {"key": key, "series": STRANGE, "span": [start, start + 8], "at": at, "index": [index] * 3, "values": values}


class Stub:
    """What the server would say of 14 look-alikes if an anomaly, 3 if normal; the answers that it is sent."""

    def __init__(self, page: Any) -> None:
        self.entries: list[dict[str, Any]] = []
        self.previews = 0
        page.route("**/api/v1/preview", self._preview)
        page.route("**/api/v1/windows", lambda route: route.fulfill(json={"windows": self._windows(route)}))
        page.route("**/api/v1/log", self._log)

    def _preview(self, route: Any) -> None:
        self.previews += 1
        answer = json.loads(route.request.post_data)["answer"]
        alike = [{"key": key, "answer": answer} for key in keys(14 if answer == "anomaly" else 3)]
        if answer == "anomaly":
            alike[2]["answer"] = "normal"
        route.fulfill(json={"normals": 0, "anomalies": 0, "alike": alike})

    def _windows(self, route: Any) -> list[dict[str, Any]]:
        asked = json.loads(route.request.post_data)
        assert len(asked["keys"]) <= 24
        assert asked["width"] <= 120
        return [small(key) for key in asked["keys"]]

    def _log(self, route: Any) -> None:
        self.entries += json.loads(route.request.post_data)["entries"]
        told = [{"sequence": one["sequence"], "status": "kept", "message": "", "spread": 1} for one in self.entries]
        route.fulfill(json={"acknowledged": self.entries[-1]["sequence"], "results": told, "left": 4})


def strip(page: Any) -> Any:
    found = page.get_by_role("region", name="Look-alikes")
    found.locator(".tile").first.wait_for()
    return found


def all_kept(page: Any) -> None:
    page.wait_for_function("document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot"
                           ".querySelector('section.card').dataset.waiting === '0'")  # fmt: skip


def test_windows_are_excepted_by_keys_and_go_with_the_answer(server: Server) -> None:
    with browser_page() as (page, complaints):
        stub = Stub(page)
        open_card(page, server)
        found = strip(page)
        assert found.locator(".tile").count() == 12
        assert found.get_by_text(STRANGE).count() == 12
        assert found.locator("img").count() == 0
        page.get_by_text("Anomaly would settle 14 look-alikes (1 as Normal); the surest 12 are shown").wait_for()
        assert page.locator("[data-testid='stMain']").evaluate("e => e.scrollHeight <= e.clientHeight")
        for key in ("l", "ArrowRight", "Space", "ArrowRight", "Space", "Space"):
            page.keyboard.press(key)
        page.get_by_text("14 look-alikes (1 as Normal), 1 excepted").wait_for()
        pressed = found.get_by_role("button", pressed=True)
        assert pressed.locator("canvas").count() == 1
        assert f"{STRANGE}, Tue 3 Mar 2026, 09:05:00, as Anomaly" in pressed.last.get_attribute("aria-label")
        page.keyboard.press("Escape")
        assert page.evaluate(f"{FOCUSED}.className") == "question"
        page.keyboard.press("a")
        all_kept(page)
        assert [(one["answer"], one.get("exceptions")) for one in stub.entries] == [("anomaly", keys(2)[1:])]
        assert complaints == []


def test_what_the_other_answer_would_settle_is_shown_and_its_exceptions_only_go_with_it(server: Server) -> None:
    with browser_page() as (page, _):
        stub = Stub(page)
        open_card(page, server)
        found = strip(page)
        found.locator(".tile").nth(8).click()  # not among what Normal would settle
        found.get_by_role("button", name="If Normal: 3").click()
        page.get_by_text("Normal would settle 3 look-alikes").wait_for()
        assert found.locator(".tile").count() == 3
        found.locator(".tile").nth(2).click()
        page.get_by_text("Normal would settle 3 look-alikes, 1 excepted").wait_for()
        page.keyboard.press("ArrowUp")
        page.get_by_text("14 look-alikes (1 as Normal), 2 excepted").wait_for()
        page.keyboard.press("n")
        all_kept(page)
        assert [one.get("exceptions") for one in stub.entries] == [keys(3)[2:]]
        strip(page)
        page.keyboard.press("ArrowLeft")
        page.get_by_text("You answered Normal").wait_for()
        page.get_by_text("3 further look-alikes, 1 excepted").wait_for()


def excepted(scene: Any) -> list[str | None]:
    with scene.ws.store.read() as session:
        return [one.key for one in vetoes.standing(session)]


def test_an_excepted_window_is_not_settled_until_the_answer_is_undone(scene: Any, server: Server) -> None:
    with browser_page() as (page, complaints):
        open_card(page, server)
        page.get_by_role("button", name="If Normal: ").click()
        strip(page)
        for key in ("l", "End", "Space"):
            page.keyboard.press(key)
        key = page.locator(".tile[aria-pressed=true]").get_attribute("data-key")
        page.keyboard.press("n")
        all_kept(page)
        assert scene.answers() == ["normal"]
        assert excepted(scene) == [key]
        page.keyboard.press("z")
        all_kept(page)
        assert excepted(scene) == []
        assert complaints == []


def test_an_answer_waits_for_no_strip(server: Server) -> None:
    with browser_page() as (page, _):
        stub = Stub(page)
        open_card(page, server)
        page.keyboard.press("l")
        page.get_by_text("No look-alikes are shown here now").wait_for()
        for _ in range(3):
            page.keyboard.press("n")
            page.wait_for_timeout(100)
        all_kept(page)
        assert [one.get("exceptions") for one in stub.entries] == [None] * 3


def test_a_server_without_small_pictures_still_says_how_many(server: Server) -> None:
    with browser_page() as (page, _):
        Stub(page)
        page.route("**/api/v1/windows", lambda route: route.fulfill(status=500, json={}))
        open_card(page, server)
        page.get_by_text("Anomaly would settle 14 look-alikes (1 as Normal)").wait_for()
        assert page.locator(".tile").count() == 0


def test_where_controls_are_asked_nothing_tells_them_from_questions(scene: Any) -> None:
    server = Server(scene.root, {"RL_TSAD_ACTIVE__CONTROLS": "0.2"})
    server.start()
    with browser_page() as (page, complaints):
        stub = Stub(page)
        open_card(page, server)
        page.wait_for_timeout(1200)
        page.keyboard.press("l")
        page.get_by_text("Look-alikes are not shown in this workspace").wait_for()
        assert not page.get_by_role("region", name="Look-alikes").is_visible()
        assert stub.previews == 0
        assert complaints == []
    item = server.post("/next", {"client": "client-of-test", "count": 1})[1]["questions"][0]["item"]
    told = server.post("/preview", {"item": item, "answer": "normal"})[1]
    server.kill()
    assert told == {"normals": 0, "anomalies": 0, "alike": []}
