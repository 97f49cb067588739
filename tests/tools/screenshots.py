"""Renews the pictures of the pages in ``docs``: every page in light and dark, on the demo's plant with a small team.

    python tests/tools/screenshots.py [--workspace demo-workspace] [--out docs]

The workspace is copied: it needs what `make demo` leaves. Three people are let in there and answer, two of them the
same questions; nothing of it is kept.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from desk_process import Server, running_browser, tab_of

from labeling_ui import launch

PAGES = ("look-alikes", "explore", "progress", "models", "files", "agreement", "people", "tokens", "audit")
TEAM = {"amara.okafor": "reviewer", "li.wei": "analyst", "sofia.rossi": "analyst"}


def call(workspace: Path, *words: str) -> None:
    command = str(Path(sys.executable).with_name("rl-tsad"))
    subprocess.run([command, "-w", str(workspace), *words], check=True, stdout=sys.stderr)


def prepare(workspace: Path) -> None:
    settings = workspace / "rl-tsad.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[active]\n", "[active]\noverlap = 2\noverlap_share = 0.5\n"), encoding="utf-8")
    for name, role in TEAM.items():
        call(workspace, "team", "add", name, "--role", role)
    call(workspace, "token", "make", "amara.okafor", "--name", "historian import", "--role", "viewer")
    call(workspace, "train")


def answer(server: Server, person: str, count: int, unlike: int) -> None:
    """Answer some questions through the API: each by what the agent thinks, every so many otherwise."""
    as_who, client = {"X_Analyst": person}, f"tab-{person.replace('.', '-')}"
    asked = server.post("/next", {"client": client, "count": count}, **as_who)[1]["questions"]
    entries = []
    for number, one in enumerate(asked, start=1):
        thinks = (one["probability"] or 0) > 0.5
        says = "anomaly" if thinks != (number % unlike == 0) else "normal"
        seconds = 2.0 + (number * 7) % 11
        entries.append({"sequence": number, "kind": "answer", "item": one["item"], "answer": says, "seconds": seconds})
    server.post("/log", {"client": client, "entries": entries}, **as_who)


def shoot(server: Server, browser: Any, out: Path, scheme: str) -> None:
    with tab_of(browser, color_scheme=scheme) as (page, complaints):
        page.goto(launch.address(server.port))
        page.locator("section.card[data-item]").wait_for()
        page.wait_for_timeout(2500)
        page.screenshot(path=out / f"queue-{scheme}.png")
        page.keyboard.press("?")
        page.wait_for_timeout(500)
        page.screenshot(path=out / f"keys-{scheme}.png")
        page.keyboard.press("Escape")
        for name in PAGES:
            page.goto(f"{launch.address(server.port)}/{name}")
            page.locator("[data-testid=stMainBlockContainer]").wait_for()
            page.wait_for_timeout(2500)
            page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
            page.wait_for_timeout(1500)
            page.screenshot(path=out / f"{name}-{scheme}.png")
        print(scheme, complaints[:3], file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("demo-workspace"))
    parser.add_argument("--out", type=Path, default=Path("docs"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "pump-hall"
        shutil.copytree(given.workspace, workspace)
        prepare(workspace)
        server = Server(workspace)
        server.start()
        try:
            for number, person in enumerate(TEAM):
                answer(server, person, 3, 3 + number)
            with running_browser() as browser:
                for scheme in ("light", "dark"):
                    shoot(server, browser, given.out, scheme)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
