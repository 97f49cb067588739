"""Processes are really killed (SIGKILL) at work: what was acknowledged is there, once; the next start goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from db import jobs, labels, queries, series, versions
from db.records import ItemState, NewItem, NewSeries, NewVersion
from db.session import utc_now
from db.store import Store
from rl_tsad.active.graph import build_graph
from rl_tsad.active.graph_files import save_graph
from rl_tsad.config import ActiveConfig, Settings, WindowConfig
from rl_tsad.services.workspace import create_workspace

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("process.py")
LENGTH = 16
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start roles of process.py; whatever still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def run(role: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(SCRIPT), role, *map(str, arguments)]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield run
    for process in running:
        kill(process)


def kill(process: subprocess.Popen[str]) -> str:
    """SIGKILL, then what it still had said."""
    process.kill()
    return rest_of(process)


def rest_of(process: subprocess.Popen[str]) -> str:
    """All that a process still says until its end; communicate() would lose what readline() has read ahead."""
    assert process.stdin is not None
    assert process.stdout is not None
    rest = "" if process.stdout.closed else process.stdout.read()
    process.stdout.close()
    process.stdin.close()
    process.wait()
    return rest


def line(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def new_items(count: int) -> list[NewItem]:
    return [
        NewItem(f"a:{n}:{LENGTH}", "a", n, LENGTH, n + 12, n + 16, "top", "odd", -float(n), 0.6, 0.2)
        for n in range(count)
    ]


def make_workspace(root: Path, url: str, questions: int) -> None:
    with create_workspace(root, Settings(database=url)) as ws:
        with ws.store.begin() as session:
            record = series.add(session, NewSeries("a", "abc", 2 * questions + LENGTH, ("x",)))
            queries.replace(session, new_items(questions), None)
        folder = ws.root / record.path
        folder.mkdir(parents=True)
        np.save(folder / "values.npy", np.zeros((record.rows, 1), np.float32))
        np.save(folder / "times.npy", np.arange(record.rows))


class Client:
    """One analyst's messages over several lives of its process."""

    def __init__(self, start: Start, root: Path, name: str) -> None:
        self.start, self.root, self.name = start, root, name
        self.tried: list[tuple[int, int]] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.finished = False
        self.process: subprocess.Popen[str] | None = None

    def live(self) -> None:
        """Start, and send again what was not acknowledged."""
        open_message = [message for message in self.tried if message not in self.acknowledged]
        sequence, item = open_message[-1] if open_message else (len(self.acknowledged) + 1, 0)
        self.process = self.start("analyst", self.root, self.name, sequence, item)

    def listen(self, count: int) -> None:
        """Hear so many acknowledgements, or the end."""
        assert self.process is not None
        wanted = len(self.acknowledged) + count
        while len(self.acknowledged) < wanted and not self.finished:
            self.hear(line(self.process))

    def die(self) -> None:
        """Be killed, and hear what was said before."""
        assert self.process is not None
        for said in kill(self.process).splitlines():
            self.hear(said.split())

    def hear(self, words: list[str]) -> None:
        match words:
            case ["try", sequence, item]:
                self.tried.append((int(sequence), int(item)))
            case ["ack", sequence, item]:
                self.acknowledged.append((int(sequence), int(item)))
            case ["end"]:
                self.finished = True
            case _:
                pytest.fail(f"{self.name} broke off with {words}")


def test_no_acknowledged_answer_is_lost_or_doubled(start: Start, database_url: str, tmp_path: Path) -> None:
    root, questions = tmp_path / "workspace", 80
    make_workspace(root, database_url, questions)
    clients = [Client(start, root, name) for name in ("ann", "bob")]
    random = np.random.default_rng(0)
    for _ in range(3):
        for client in clients:
            client.live()
        for client in clients:
            client.listen(int(random.integers(3, 12)))
            time.sleep(float(random.uniform(0, 0.03)))  # the kill may fall anywhere between question and answer
            client.die()
    for client in clients:
        client.live()
    for client in clients:
        client.listen(questions)

    with Store.open(database_url) as store, store.read() as session:
        history = labels.history(session)
        counts = queries.counts(session)
    kept = Counter((label.client, label.sequence, label.item_id) for label in history)
    said = {(client.name, *message) for client in clients for message in client.acknowledged}
    assert said - set(kept) == set()
    assert set(kept.values()) == {1}
    assert max(Counter(label.key for label in history).values()) == 1
    assert len(history) == counts[ItemState.ANSWERED] == questions - counts[ItemState.LEASED] - counts[ItemState.OPEN]
    assert counts[ItemState.OPEN] == 0
    assert all(client.finished for client in clients)


def make_event_workspace(root: Path, url: str, questions: int) -> None:
    """Questions that propose three windows each, over a pool without look-alikes."""
    plain = ActiveConfig(confidence=1.0)
    stride, rows = 4, 3 * questions
    starts = stride * np.arange(rows)
    keys = np.array([f"a:{start}:{LENGTH}" for start in starts])
    with create_workspace(root, Settings(database=url, active=plain, window=WindowConfig(LENGTH, stride))) as ws:
        with ws.store.begin() as session:
            points = int(starts[-1]) + LENGTH
            record = series.add(session, NewSeries("a", "abc", points, ("x",)))
            version = versions.add(session, NewVersion("abc"))
            versions.set_current(session, version.id)
            queries.replace(session, [event_item(3 * n + 1, stride) for n in range(questions)], version.id)
        (ws.root / record.path).mkdir(parents=True)
        np.save(ws.root / record.path / "values.npy", np.zeros((points, 1), np.float32))
        np.save(ws.root / record.path / "times.npy", np.arange(points))
        noise = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
        save_graph(build_graph(noise, keys, neighbours=3), ws.model_folder(version) / "graph")


def event_item(row: int, stride: int) -> NewItem:
    start, end = row * stride, row * stride + LENGTH
    low = 0 if row == 1 else end - 2 * stride
    place = (f"a:{start}:{LENGTH}", "a", start, LENGTH, end - stride, end)
    return NewItem(*place, "top", "odd", -float(row), 0.6, 0.2, event_low=low, event_high=end + stride)


def test_an_event_is_kept_whole_or_not_at_all(start: Start, database_url: str, tmp_path: Path) -> None:
    root, questions = tmp_path / "workspace", 40
    make_event_workspace(root, database_url, questions)
    client, random = Client(start, root, "ann"), np.random.default_rng(1)
    for _ in range(3):
        client.live()
        client.listen(int(random.integers(2, 6)))
        time.sleep(float(random.uniform(0, 0.02)))
        client.die()
    client.live()
    client.listen(questions)
    with Store.open(database_url) as store, store.read() as session:
        history = labels.history(session)
        assert labels.spent(session).questions == questions
    parts = {said: sorted(one.part for one in history if (one.sequence, one.item_id) == said) for said in client.tried}
    assert set(client.acknowledged) == set(parts)
    assert [found for found in parts.values() if found != [0, 1, 2]] == []
    assert len({label.key for label in history}) == len(history) == 3 * questions


def test_claimers_of_whom_one_is_killed_never_get_a_question_twice(start: Start, database_url: str) -> None:
    questions = 300
    with Store.open(database_url) as store, store.begin() as session:
        queries.replace(session, new_items(questions), None)
    claimers = [start("claimer", database_url, f"claimer {number}") for number in range(4)]
    for process in claimers:
        assert line(process) == ["ready"]
    for process in claimers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    victim, *others = claimers
    got = line(victim)[1:]  # nothing where the others were faster
    got += [said.split()[1] for said in kill(victim).splitlines() if said.startswith("got")]
    for process in others:
        said = rest_of(process).split()
        assert said[-1] == "end"
        got += [word for word in said if word.isdigit()]

    assert max(Counter(got).values()) == 1
    with Store.open(database_url) as store, store.begin() as session:
        held = queries.held(session, "claimer 0", utc_now())
        assert set(map(int, got)) | {item.id for item in held} == set(range(1, questions + 1))
        assert queries.return_expired(session, utc_now() + timedelta(hours=1)) == questions


def test_a_killed_workers_job_is_claimed_again_after_its_lease(start: Start, database_url: str) -> None:
    lease = 2.0
    with Store.open(database_url) as store:
        with store.begin() as session:
            job = jobs.enqueue(session, "retrain", {})
        process = start("worker", database_url, "first", lease)
        assert line(process) == ["claimed", str(job.id)]
        for _ in range(7):  # longer than a lease: the heartbeat holds the job
            assert line(process) == ["beat"]
        kill(process)
        second = claim_when_free(store, lease)
        with store.begin() as session:
            assert jobs.finish(session, job.id, "second", now=utc_now(), result={"version": 1})
            assert not jobs.heartbeat(session, job.id, "first", now=utc_now(), lease_seconds=lease)
    assert second == (job.id, 2)


def claim_when_free(store: Store, lease: float) -> tuple[int, int]:
    """Poll as a worker does; the job must not be free before the dead worker's lease is over."""
    while True:
        with store.begin() as session:
            (running,) = jobs.all(session)
            now = utc_now()
            job = jobs.claim(session, "second", now, lease)
        if job is not None:
            assert running.lease_until is not None
            assert running.lease_until < now
            return job.id, job.attempts
        time.sleep(0.1)


def test_a_kill_while_the_tables_are_made_leaves_a_database_that_opens(start: Start, database_url: str) -> None:
    for delay in (0.0, 0.02, 0.06):
        process = start("opener", database_url)
        assert line(process) == ["ready"]
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(delay)
        kill(process)
    with Store.open(database_url) as store, store.begin() as session:
        assert len(queries.replace(session, new_items(2), None)) == 2
