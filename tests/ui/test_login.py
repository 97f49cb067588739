"""People who log in at a real identity provider, in a real browser: what each role sees, and who stays out."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from desk_process import CHROMIUM, Server, free_port, tab_of, wait_for

from db.desk_records import Role
from labeling_ui import launch
from rl_tsad.services import people, team
from rl_tsad.services.workspace import Workspace, open_workspace

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(find_spec("oidc_provider_mock") is None, reason="oidc-provider-mock is not installed"),
]
ROOT = people.local_visitor("root")
EVERYBODY = {"Look-alikes", "Explore", "Progress", "Models", "Files", "Tokens"}
PAGES = {
    "vic": EVERYBODY,
    "ali": EVERYBODY | {"Queue", "Agreement"},
    "rob": EVERYBODY | {"Queue", "Agreement", "Audit"},
    "ann": EVERYBODY | {"Queue", "Agreement", "Audit", "People"},
}
TEAM = {"vic": Role.VIEWER, "ali": Role.ANALYST, "rob": Role.REVIEWER, "kim": Role.ANALYST}


@dataclass(frozen=True)
class Desk:
    """A running desk at whose door people log in."""

    ws: Workspace
    address: str


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    port = free_port()
    words = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for name in (*PAGES, "kim", "eve", "una"):
        claims = {"sub": name, "email": f"{name}@example.org", "email_verified": name != "una"}
        words += ["--user-claims", json.dumps(claims)]
    quiet, url = subprocess.DEVNULL, f"http://{launch.ADDRESS}:{port}"
    process = subprocess.Popen(words, stdout=quiet, stderr=quiet)
    try:
        wait_for(f"{url}/.well-known/openid-configuration")
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def desk(template: Path, provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("login") / "plant"
    shutil.copytree(template, root)
    server = Server(root)
    address = launch.address(server.port)
    server.environment |= {
        "RL_TSAD_ACCESS__MODE": "oidc",
        "RL_TSAD_ACCESS__ADMINS": '["ann@example.org"]',
        "RL_TSAD_OIDC_CLIENT_ID": "desk",
        "RL_TSAD_OIDC_CLIENT_SECRET": "s3cret",
        "RL_TSAD_OIDC_METADATA_URL": f"{provider}/.well-known/openid-configuration",
        "RL_TSAD_OIDC_REDIRECT_URI": f"{address}/oauth2callback",
        "RL_TSAD_OIDC_COOKIE_SECRET": "c" * 40,
    }
    with open_workspace(root) as ws:
        for name, role in TEAM.items():
            team.add_person(ws, ROOT, f"{name}@example.org", role)
        server.start()
        yield Desk(ws, address)
        server.kill()


def log_in(page: Any, address: str, name: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Log in").click()
    page.locator("button[name=sub]", has_text=re.compile(f"^{name}$")).click()


def wait_for_no_session(page: Any) -> None:
    """Wait until the browser has lost the cookie that says who logged in."""
    for _ in range(300):
        if not any(one["name"].startswith("_streamlit_user") for one in page.context.cookies()):
            return
        page.wait_for_timeout(100)
    pytest.fail("the session's cookie stayed for 30 seconds")


def shown_pages(page: Any) -> set[str]:
    page.get_by_test_id("stSidebarNav").get_by_role("link").first.wait_for()
    return {text.split("\n")[-1].strip() for text in page.get_by_test_id("stSidebarNavLink").all_inner_texts()}


@pytest.mark.parametrize("name", PAGES)
def test_who_logs_in_sees_the_pages_of_their_role_and_logs_out(desk: Desk, browser: Any, name: str) -> None:
    with tab_of(browser) as (page, complaints):
        log_in(page, desk.address, name)
        page.get_by_text(re.compile(f"{name}@.example.org")).first.wait_for()
        assert shown_pages(page) == PAGES[name]
        for hidden in sorted({"People", "Audit"} - PAGES[name]):
            page.goto(f"{desk.address}/{hidden.lower()}")
            page.get_by_text(re.compile(f"{name}@.example.org")).first.wait_for()
            assert page.get_by_role("heading", name=hidden, exact=True).count() == 0
        page.goto(desk.address)  # away from the dialog that says that there is no such page
        page.get_by_role("button", name="Log out").click()
        wait_for_no_session(page)
        page.wait_for_url("**/end_session?**")  # the provider asks whether to end its own session too
        page.goto(desk.address)
        page.get_by_role("button", name="Log in").wait_for()
        assert page.get_by_test_id("stSidebarNavLink").count() == 0
        left = [one for one in complaints if "left the machine" in one]
        assert [one for one in left if "picocss" not in one] == []  # the provider's own form asks for that sheet


@pytest.mark.parametrize(("name", "why"), [("eve", "an admin added"), ("una", "verified e-mail")])
def test_who_is_unknown_or_unverified_is_refused_and_records_nothing(
    desk: Desk, browser: Any, name: str, why: str
) -> None:
    with tab_of(browser) as (page, _):
        log_in(page, desk.address, name)
        page.get_by_role("heading", name="You cannot come in").wait_for()
        page.get_by_text(why).wait_for()
        assert page.get_by_test_id("stSidebarNavLink").count() == 0
    assert f"{name}@example.org" not in {one.name for one in team.list_people(desk.ws, ROOT)}


def test_somebody_kept_out_while_at_the_page_does_nothing_more(desk: Desk, browser: Any) -> None:
    with tab_of(browser) as (page, _):
        log_in(page, desk.address, "kim")
        page.get_by_text(re.compile("kim@.example.org")).first.wait_for()
        team.add_person(desk.ws, ROOT, "boss", Role.ADMIN)
        team.deactivate(desk.ws, ROOT, "kim@example.org")
        page.get_by_test_id("stSidebarNavLink").filter(has_text="Progress").click()
        page.get_by_role("heading", name="You cannot come in").wait_for()
        page.get_by_text("who no longer may").wait_for()
