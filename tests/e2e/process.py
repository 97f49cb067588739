"""A process to be killed: ``python process.py ROLE ARGUMENT…``. It prints what it is about to do, and what it did."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from db import jobs, queries
from db.records import Answer
from db.session import utc_now
from db.store import Store


def say(*words: object) -> None:
    """Print a line that has left this process when the call returns."""
    print(*words, flush=True)


def analyst(root: str, name: str, sequence: str, unsure_of: str) -> None:
    """Answer until the queue is empty; first send again the message of which no acknowledgement came."""
    from rl_tsad.services.labeling import ask, tell  # here: the other roles start faster without it
    from rl_tsad.services.workspace import open_workspace

    with open_workspace(Path(root)) as ws:
        number, item = int(sequence), int(unsure_of)
        while True:
            if not item:
                card = ask(ws, name)
                if card is None:
                    break
                item = card.item.id
            say("try", number, item)
            tell(ws, item, Answer.NORMAL, name, client=name, sequence=number)
            say("ack", number, item)
            number, item = number + 1, 0
    say("end")


def claimer(url: str, name: str) -> None:
    """Claim and answer questions until none is open."""
    with Store.open(url) as store:
        say("ready")
        sys.stdin.readline()
        while True:
            with store.begin() as session:
                item = queries.claim(session, name, utc_now(), 600.0)
            if item is None:
                break
            say("got", item.id)
    say("end")


def worker(url: str, name: str, lease: str) -> None:
    """Claim a job and work on it forever, as its heartbeat tells."""
    with Store.open(url) as store:
        with store.begin() as session:
            job = jobs.claim(session, name, utc_now(), float(lease))
        say("claimed", 0 if job is None else job.id)
        while job is not None:
            time.sleep(float(lease) / 5)
            with store.begin() as session:
                jobs.heartbeat(session, job.id, name, now=utc_now(), lease_seconds=float(lease))
            say("beat")


def opener(url: str) -> None:
    """Make the tables of an empty database."""
    say("ready")
    sys.stdin.readline()
    Store.open(url).close()
    say("end")


if __name__ == "__main__":
    {"analyst": analyst, "claimer": claimer, "worker": worker, "opener": opener}[sys.argv[1]](*sys.argv[2:])
