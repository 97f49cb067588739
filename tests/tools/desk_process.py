"""The desk's real process and a real browser, for tests."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from labeling_ui import launch

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
PATIENCE = 60_000
Reply = tuple[int, Any, dict[str, str]]


def free_port() -> int:
    with socket.socket() as free:
        free.bind((launch.ADDRESS, 0))
        return int(free.getsockname()[1])


class Server:
    """The page's process, started as the command line starts it, and calls of its API."""

    def __init__(self, workspace: Path, environment: Mapping[str, str] | None = None) -> None:
        self.workspace = workspace
        self.environment = {**os.environ, **(environment or {})}
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words, quiet = launch.command(self.workspace, self.port), subprocess.DEVNULL
        self.process = subprocess.Popen(words, stdout=quiet, stderr=quiet, env=self.environment)
        wait_for(f"{launch.address(self.port)}/_stcore/health")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def get(self, path: str, token: str | None = None, **headers: str) -> Reply:
        return self.call("GET", path, None, token, **headers)

    def post(self, path: str, body: object, token: str | None = None, **headers: str) -> Reply:
        return self.call("POST", path, json.dumps(body).encode(), token, **headers)

    def call(self, method: str, path: str, body: bytes | None, token: str | None, **headers: str) -> Reply:
        """Call the API; the body of the reply comes as it is where it is no JSON."""
        connection = HTTPConnection(launch.ADDRESS, self.port, timeout=60)
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): one for name, one in headers.items()}}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, f"/api/v1{path}", body, sent)
        reply = connection.getresponse()
        said, told = reply.read(), {key.lower(): one for key, one in reply.getheaders()}
        connection.close()
        is_json = told.get("content-type", "").startswith("application/json") and "content-disposition" not in told
        return reply.status, json.loads(said) if is_json else said, told


def wait_for(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer within a minute")


@contextmanager
def running_browser() -> Iterator[Any]:
    """Start Chromium; each tab of it remembers nothing of another."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def tab_of(browser: Any, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """Open a tab; gathers console errors and requests that leave this machine."""
    complaints: list[str] = []
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if _local(asked.url) else complaints.append(f"left the machine: {asked.url}"))
    yield page, complaints
    context.close()


@contextmanager
def browser_page(**options: Any) -> Iterator[tuple[Any, list[str]]]:
    """Open a tab in a browser of its own."""
    with running_browser() as browser, tab_of(browser, **options) as found:
        yield found


def _local(url: str) -> bool:
    return url.startswith((f"http://{launch.ADDRESS}:", f"ws://{launch.ADDRESS}:", "data:", "blob:"))
