"""Two people asked the same differ; a reviewer sees it on the page and decides it in the queue: a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from desk_process import CHROMIUM, Server, running_browser, tab_of

from db.desk_records import Role
from labeling_ui import launch
from rl_tsad.services import people, team

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
TEAM = {"annika": Role.ANALYST, "bobby": Role.ANALYST, "rita": Role.REVIEWER}


@pytest.fixture
def server(scene: Any) -> Iterator[Server]:
    scene.share()
    root = people.local_visitor("root")
    for name, role in TEAM.items():
        team.add_person(scene.ws, root, name, role)
    server = Server(scene.root, {"RL_TSAD_ACCESS__MODE": "proxy", "RL_TSAD_ACCESS__PROXIES": '["127.0.0.1"]'})
    server.start()
    yield server
    server.kill()


def arriving(name: str) -> dict[str, Any]:
    return {"extra_http_headers": {"X-Forwarded-User": name}}


def answer(page: Any, server: Server, keys: str) -> None:
    """Answer what the card asks, one key a question, and wait until all of it is kept."""
    page.goto(launch.address(server.port))
    for key in keys:
        page.locator("section.card[data-item]").wait_for()
        page.wait_for_timeout(300)
        page.keyboard.press(key)
    page.get_by_text("All kept").wait_for()


def open_agreement(page: Any) -> None:
    page.get_by_role("link", name="Agreement").click()
    page.get_by_role("heading", name="Agreement").wait_for()


def metric(page: Any, name: str) -> str:
    found = page.get_by_test_id("stMetric").filter(has_text=name).get_by_test_id("stMetricValue")
    return str(found.inner_text())


def test_a_disagreement_appears_and_a_reviewer_settles_it(scene: Any, server: Server) -> None:
    with running_browser() as browser:
        for name, keys in (("annika", "an"), ("bobby", "nn")):
            with tab_of(browser, **arriving(name)) as (page, complaints):
                answer(page, server, keys)
                assert complaints == []
        with tab_of(browser, **arriving("annika")) as (page, _):
            page.goto(launch.address(server.port))
            open_agreement(page)
            page.get_by_test_id("stTable").first.wait_for()
            assert page.get_by_role("tab", name="Disagreements").count() == 0
            assert page.get_by_text("bobby").count() == 0
        with tab_of(browser, **arriving("rita")) as (page, complaints):
            page.goto(launch.address(server.port))
            open_agreement(page)
            page.get_by_text("Waiting for a reviewer").wait_for()
            assert (metric(page, "Asked of several"), metric(page, "Waiting for a reviewer")) == ("2", "1")
            page.get_by_role("tab", name="Disagreements").click()
            page.get_by_role("cell", name="annika: Anomaly · bobby: Normal").wait_for()
            page.get_by_text("Waits for a reviewer").wait_for()
            page.get_by_role("link", name="Queue").click()
            card = page.locator("section.card[data-item]")
            card.wait_for()
            assert not any(name in card.inner_text() for name in ("annika", "bobby"))
            before = len(scene.standing())
            page.wait_for_timeout(300)
            page.keyboard.press("a")
            page.get_by_text("All kept").wait_for()
            open_agreement(page)
            page.get_by_text("Waiting for a reviewer").wait_for()
            assert metric(page, "Waiting for a reviewer") == "0"
            page.get_by_role("tab", name="Disagreements").click()
            page.get_by_text("Anomaly, by rita").wait_for()
            assert complaints == []
    decided = [row for row in scene.standing() if row.analyst == "rita"]
    assert [row.answer.value for row in decided if not row.part] == ["anomaly"]
    assert len(scene.standing()) > before
