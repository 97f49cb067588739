"""What axe finds on every page, in light and dark: contrast, names, roles; and the whole card by keyboard alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_process import CHROMIUM, Server, tab_of
from desk_tab import all_kept, asked, moved_on, open_card, press, ready_for_clicks, said
from laid_out import answers

from db.records import Answer
from rl_tsad.services.workspace import open_workspace

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
PAGES = ("Look-alikes", "Explore", "Progress", "Models", "Files", "People", "Agreement", "Tokens", "Audit")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
STREAMLITS = {"list": "stSidebarNav", "listitem": "stSidebarNav", "target-size": "data-rac"}
"""Rules that Streamlit's own parts break, and what those parts have in their markup."""
REST = [
    "Answer before (←)", "Forward again (→)", "Zoom in", "Zoom out", "Anomaly (A)", "Normal (N)", "Unsure (U)",
    "Skip (S)", "Undo (Z)", "Fault kind (1 to 9)", "Comment", "Begin of mark 1", "End of mark 1",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("access") / "plant"
    shutil.copytree(template, root)
    server = Server(root)
    server.start()
    yield server
    server.kill()


def faults(page: Any, axe: Any, name: str) -> list[str]:
    """Say what axe finds that is ours to mend."""
    page.locator("[data-testid='stApp'][data-test-script-state='notRunning']").wait_for()
    found = axe.run(page, options=RULES).response["violations"]
    return [
        f"{name}: {rule['id']} {node['target']}: {node['html'][:120]}"
        for rule in found
        for node in rule["nodes"]
        if STREAMLITS.get(rule["id"], "\0") not in f"{node['html']} {_parents(page, node['target'])}"
    ]


def _parents(page: Any, target: list[Any]) -> str:
    """Name the parts of Streamlit's around an element; none for what lies in the card."""
    if len(target) != 1 or isinstance(target[0], list):
        return ""
    return str(page.locator(target[0]).first.evaluate(_NAMES))


_NAMES = """element => {
  const names = [];
  for (let at = element; at; at = at.parentElement) names.push(at.dataset.testid ?? "");
  return names.join(" ");
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(server: Server, browser: Any, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    with tab_of(browser, color_scheme=theme) as (page, _):
        open_card(page, server)
        ready_for_clicks(page)
        press(page, "a")
        page.keyboard.press("?")
        found = faults(page, axe, "Queue")
        page.keyboard.press("?")
        for name in PAGES:
            page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
            page.get_by_role("heading", name=name).first.wait_for()
            found += faults(page, axe, name)
        assert found == []


def focused(page: Any) -> tuple[str, bool]:
    """Name what has the focus, and tell whether one sees that it has."""
    name, seen = page.evaluate(_FOCUSED)
    return str(name), bool(seen)


_FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const style = getComputedStyle(at);
  const isSeen = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  return [at.getAttribute("aria-label") ?? at.textContent.trim(), isSeen];
}"""


def tab_to(page: Any, name: str) -> None:
    for _ in range(80):
        if focused(page)[0].startswith(name):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{name} was not reached by the Tab key")


def test_everything_is_reached_and_used_by_keys_alone(server: Server, browser: Any) -> None:
    with tab_of(browser) as (page, complaints), open_workspace(server.workspace) as ws:
        open_card(page, server)
        ready_for_clicks(page)
        reached: dict[str, bool] = {}
        for _ in range(60):
            page.keyboard.press("Tab")
            name, is_seen = focused(page)
            reached[name] = is_seen
        assert [name for name in REST if not any(one.startswith(name) for one in reached)] == []
        assert [name for name in REST if not next(seen for one, seen in reached.items() if one.startswith(name))] == []
        before, first = answers(ws), asked(page)
        tab_to(page, "Fault kind")
        page.keyboard.type("3")
        tab_to(page, "Comment")
        page.keyboard.type("by hand")
        tab_to(page, "End of mark 1")
        page.keyboard.press("ArrowLeft")
        said(page, "points marked")
        tab_to(page, "Anomaly")
        page.keyboard.press("Enter")
        second = moved_on(page, first)
        ready_for_clicks(page)
        tab_to(page, "Normal")
        page.keyboard.press("Space")
        moved_on(page, second)
        all_kept(page)
        assert answers(ws) == [*before, Answer.ANOMALY, Answer.NORMAL]
        tab_to(page, "Undo")
        page.keyboard.press("Enter")
        all_kept(page)
        assert asked(page) == second
        assert answers(ws) == [*before, Answer.ANOMALY]
        assert complaints == []
