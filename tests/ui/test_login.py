"""People who log in at a real identity provider, in a real browser: what each role sees, and who stays out."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from db.desk_records import Role
from labeling_ui import launch
from rl_tsad.services import people, team
from tests.ui.test_browser import CHROMIUM, browser_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(find_spec("oidc_provider_mock") is None, reason="oidc-provider-mock is not installed"),
]
ROOT = people.local_visitor("root")
PAGES = {
    "vic": {"Look-alikes", "Progress", "Models", "Tokens"},
    "ali": {"Queue", "Look-alikes", "Progress", "Models", "Tokens"},
    "rob": {"Queue", "Look-alikes", "Progress", "Models", "Tokens", "Audit"},
    "ann": {"Queue", "Look-alikes", "Progress", "Models", "Tokens", "Audit", "People"},
}
TEAM = {"vic": Role.VIEWER, "ali": Role.ANALYST, "rob": Role.REVIEWER}


def free_port() -> int:
    with socket.socket() as free:
        free.bind((launch.ADDRESS, 0))
        return int(free.getsockname()[1])


@contextmanager
def running(words: list[str], url: str, environment: dict[str, str]) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, stdout=quiet, stderr=quiet, env=environment)
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(url, timeout=1):
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        else:
            pytest.fail(f"{url} did not answer within a minute")
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def provider() -> Iterator[str]:
    port = free_port()
    words = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    for name in (*PAGES, "eve", "una"):
        claims = {"sub": name, "email": f"{name}@example.org", "email_verified": name != "una"}
        words += ["--user-claims", json.dumps(claims)]
    url = f"http://{launch.ADDRESS}:{port}"
    with running(words, f"{url}/.well-known/openid-configuration", dict(os.environ)):
        yield url


@pytest.fixture
def desk(scene: Any, provider: str) -> Iterator[str]:
    for name, role in TEAM.items():
        team.add_person(scene.ws, ROOT, f"{name}@example.org", role)
    port = free_port()
    address = launch.address(port)
    given = {
        "RL_TSAD_ACCESS__MODE": "oidc",
        "RL_TSAD_ACCESS__ADMINS": '["ann@example.org"]',
        "RL_TSAD_OIDC_CLIENT_ID": "desk",
        "RL_TSAD_OIDC_CLIENT_SECRET": "s3cret",
        "RL_TSAD_OIDC_METADATA_URL": f"{provider}/.well-known/openid-configuration",
        "RL_TSAD_OIDC_REDIRECT_URI": f"{address}/oauth2callback",
        "RL_TSAD_OIDC_COOKIE_SECRET": "c" * 40,
    }
    with running(launch.command(scene.root, port), f"{address}/_stcore/health", {**os.environ, **given}):
        yield address


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
def test_who_logs_in_sees_the_pages_of_their_role_and_logs_out(desk: str, name: str) -> None:
    with browser_page() as (page, complaints):
        log_in(page, desk, name)
        page.get_by_text(f"{name}@example.org").first.wait_for()
        assert shown_pages(page) == PAGES[name]
        for hidden in sorted({"People", "Audit"} - PAGES[name]):
            page.goto(f"{desk}/{hidden.lower()}")
            page.get_by_text(f"{name}@example.org").first.wait_for()
            assert page.get_by_role("heading", name=hidden, exact=True).count() == 0
        page.goto(desk)  # away from the dialog that says that there is no such page
        page.get_by_role("button", name="Log out").click()
        wait_for_no_session(page)
        page.goto(desk)
        page.get_by_role("button", name="Log in").wait_for()
        assert page.get_by_test_id("stSidebarNavLink").count() == 0
        left = [one for one in complaints if "left the machine" in one]
        assert [one for one in left if "picocss" not in one] == []  # the provider's own form asks for that sheet


@pytest.mark.parametrize(("name", "why"), [("eve", "an admin added"), ("una", "verified e-mail")])
def test_who_is_unknown_or_unverified_is_refused_and_records_nothing(
    desk: str, scene: Any, name: str, why: str
) -> None:
    with browser_page() as (page, _):
        log_in(page, desk, name)
        page.get_by_role("heading", name="You cannot come in").wait_for()
        page.get_by_text(why).wait_for()
        assert page.get_by_test_id("stSidebarNavLink").count() == 0
    assert len(team.list_people(scene.ws, ROOT)) == len(TEAM)


def test_somebody_kept_out_while_at_the_page_does_nothing_more(desk: str, scene: Any) -> None:
    with browser_page() as (page, _):
        log_in(page, desk, "ali")
        page.get_by_text("ali@example.org").first.wait_for()
        team.add_person(scene.ws, ROOT, "boss", Role.ADMIN)
        team.deactivate(scene.ws, ROOT, "ali@example.org")
        page.get_by_test_id("stSidebarNavLink").filter(has_text="Progress").click()
        page.get_by_role("heading", name="You cannot come in").wait_for()
        page.get_by_text("who no longer may").wait_for()
