"""Claim: 200 answers typed at 100 ms intervals are all kept, in order, and the next question is painted within 50 ms.

    python benchmarks/desk.py [--points 1000000] [--answers 200] [--interval 0.1] [--pages card,plain]

A real server process and a headless Chromium (``--chromium``), on one series of 10^6 points and three channels in a
workspace that is made by hand: no training. Each case has a copy of its own.

* ``card``: the labeling card; ``idle`` and ``busy``: with a busy process for each core and one more;
* ``plain``: the same questions on a page with a chart and three ``st.button(shortcut=)``.

Kept: answers in the store, and whether they are the typed ones about the questions that were painted, in that order.
Painted: from the browser's key event to the frame that shows the next question (``requestAnimationFrame`` after it was
drawn, then a task after that frame), the n-th key to the n-th next question. On the plain page a key that comes too
early has no effect or is kept about a question that was answered before, so there the time is taken in a second round
(``--rounds`` keys) in which each key waits for its question; ``seen``: the keys that had an effect. ``questions``: how
many were answered. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from desk_scene import make_scene

from db import labels
from labeling_ui import launch
from rl_tsad.services.workspace import open_workspace

KEYS = {"a": "anomaly", "n": "normal", "u": "unsure"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
MEDIAN, P95 = 50.0, 120.0
BUSY = "import os; mine = os.getppid()\nwhile os.getppid() == mine: sum(range(100_000))"
PATIENCE = 5_000  # milliseconds after which a key on the plain page had no effect
WATCH = """
window.pressed = []; window.painted = [];
window.addEventListener("keydown", (event) => {
  if ("anu".includes(event.key)) window.pressed.push(event.timeStamp);
}, true);
const frame = (item) => { const port = new MessageChannel();
  port.port1.onmessage = () => window.painted.push([item, performance.now()]); port.port2.postMessage(0); };
window.addEventListener("rl-tsad-painted", (event) => frame(event.detail.item));
let seen = null;
const look = () => { const found = document.body?.innerText.match(/Question (\\d+) asked/);
  if (found && found[1] !== seen) { seen = found[1]; requestAnimationFrame(() => frame(Number(found[1]))); } };
new MutationObserver(look).observe(document, {childList: true, subtree: true, characterData: true});
"""


@contextmanager
def serving(command: list[str], port: int) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{launch.address(port)}/_stcore/health", timeout=1):
                    break
            except OSError:
                time.sleep(0.1)
        yield launch.address(port)
    finally:
        process.kill()
        process.wait()


@contextmanager
def load(processes: int) -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind((launch.ADDRESS, 0))
        return int(free.getsockname()[1])


def commands(kind: str, workspace: Path, port: int) -> list[str]:
    if kind == "card":
        return launch.command(workspace, port)
    plain = {"server.headless": True, "server.fileWatcherType": "none", "browser.gatherUsageStats": False}
    plain |= {"server.address": launch.ADDRESS, "server.port": port}
    flags = [f"--{name}={str(value).lower()}" for name, value in plain.items()]
    script = str(Path(__file__).with_name("desk_plain.py"))
    return [sys.executable, "-m", "streamlit", "run", script, *flags, "--", str(workspace)]


def type_keys(page: Any, keys: str, interval: float) -> None:
    begin = time.monotonic()
    for number, key in enumerate(keys):
        page.keyboard.press(key)
        time.sleep(max(0.0, begin + (number + 1) * interval - time.monotonic()))


def settle(page: Any, enough: int, patience: float) -> None:
    """Wait until so many answers are painted and the card says that all is kept, or patience ends."""
    until = time.monotonic() + patience
    waiting = "Number(document.querySelector('[data-testid=stBidiComponentIsolated]')?.shadowRoot"
    waiting += ".querySelector('section.card')?.dataset.waiting ?? 0)"
    while time.monotonic() < until:
        time.sleep(0.25)
        if page.evaluate("window.painted.length") > enough and page.evaluate(waiting) == 0:
            return


def calm_down(page: Any, workspace: Path, *, most: float = 180, still: float = 10) -> None:
    """Wait until the plain page has worked off what was typed: nothing new is kept or painted for some seconds."""
    until, before, since = time.monotonic() + most, (0, 0), time.monotonic()
    while time.monotonic() < min(until, since + still):
        time.sleep(1)
        now = (len(kept(workspace)), page.evaluate("window.painted.length"))
        if now != before:
            before, since = now, time.monotonic()


def one_by_one(page: Any, keys: str) -> list[float]:
    """Press each key when its question is there; gives the times of those that had an effect, in milliseconds."""
    from playwright.sync_api import TimeoutError as LateError

    times = []
    for key in keys:
        before = page.evaluate("window.painted.length")
        time.sleep(0.3)
        page.keyboard.press(key)
        with suppress(LateError):
            page.wait_for_function(f"window.painted.length > {before}", timeout=PATIENCE)
            times.append(page.evaluate("window.painted.at(-1)[1] - window.pressed.at(-1)"))
    return times


def kept(workspace: Path) -> list[tuple[int | None, str]]:
    """Items and answers of the store, in the order in which they came."""
    with open_workspace(workspace) as ws, ws.store.read() as session:
        rows = [row for row in labels.history(session) if not row.part and row.answer is not None]
    return [(row.item_id, str(row.answer)) for row in rows]


def in_order(found: list[tuple[int | None, str]], painted: list[list[float]], keys: str) -> bool:
    wanted = [(int(item), KEYS[key]) for (item, _), key in zip(painted, keys, strict=False)]
    return found == wanted and len(wanted) == len(keys)


def run(kind: str, template: Path, chromium: str, given: argparse.Namespace, processes: int) -> dict[str, Any]:
    """Type on one page; gives what was kept and how long the next question took."""
    from playwright.sync_api import sync_playwright

    keys = "".join("nau"[number % 3] for number in range(given.answers))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        workspace, port = Path(folder) / "plant", free_port()
        shutil.copytree(template, workspace)
        with serving(commands(kind, workspace, port), port) as address:
            browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.add_init_script(WATCH)
            page.goto(address)
            page.wait_for_function("window.painted.length > 0", timeout=120_000)
            time.sleep(given.before)
            with load(processes):
                time.sleep(1 if processes else 0)
                type_keys(page, keys, given.interval)
                if kind == "card":
                    settle(page, given.answers, 180)
                else:
                    calm_down(page, workspace)
                found = kept(workspace)
                painted, pressed = page.evaluate("[window.painted, window.pressed]")
                if kind == "plain":
                    times = one_by_one(page, keys[: given.rounds])
                else:
                    times = [at - key for key, (_, at) in zip(pressed, painted[1:], strict=False)]
            browser.close()
    return {
        "page": kind,
        "load": "busy" if processes else "idle",
        "typed": len(keys),
        "kept": len(found),
        "questions": len({item for item, _ in found}),
        "in_order": in_order(found, painted, keys),
        "median_ms": round(float(np.median(times)), 1) if times else None,
        "p95_ms": round(float(np.percentile(times, 95)), 1) if times else None,
        "seen": len(times),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--interval", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--before", type=float, default=10.0, help="seconds before the first key")
    parser.add_argument("--pages", default="card,plain")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "plant"
        make_scene(template, given.points, 2 * given.answers + given.rounds)
        rows = []
        for kind in given.pages.split(","):
            for processes in (0, (os.cpu_count() or 1) + 1):
                rows.append(run(kind, template, given.chromium, given, processes))
                print(" ".join(f"{name}={value}" for name, value in rows[-1].items()), flush=True)
    cards = [row for row in rows if row["page"] == "card"]
    holds = all(
        row["in_order"] and row["kept"] == given.answers and row["median_ms"] <= MEDIAN and row["p95_ms"] <= P95
        for row in cards
    )
    claim = f"{given.answers} of {given.answers} typed answers kept in order; next question within {MEDIAN:.0f} ms"
    print(json.dumps({"claim": claim, "holds": holds, "cores": os.cpu_count(), "rows": rows}))


if __name__ == "__main__":
    main()
