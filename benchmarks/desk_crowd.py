"""People who answer by a script over HTTP and a failing network, and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from labeling_ui import launch

LEASE = 20.0
"""Seconds that a question is theirs."""
DROPPED, REPEATED, EDITED, SKIPPED = 0.05, 0.02, 0.03, 0.02


def call(port: int, method: str, path: str, body: object = None, *, token: str = "", drop: bool = False) -> Any:
    """Call the API; gives status and JSON. With ``drop`` the reply is never read."""
    connection = http.client.HTTPConnection(launch.ADDRESS, port, timeout=30)
    try:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
        if drop:
            return 0, {}
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read() or b"{}")
    except (http.client.HTTPException, ValueError) as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


@dataclass
class Analyst:
    """Somebody who answers by a script, and remembers what was acknowledged."""

    name: str
    token: str
    port: int
    stop_after: int | None = None
    log: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: int = 0
    sequence: int = 0
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    sent: dict[int, dict[str, Any]] = field(default_factory=dict)
    until: dict[int, float] = field(default_factory=dict)
    think: float = 0.0
    latency: list[float] = field(default_factory=list)

    def work(self, over: threading.Event) -> None:
        """Hold questions and answer them until none is left."""
        luck = random.Random(self.name)
        while not over.is_set() and (self.stop_after is None or self.sequence < self.stop_after):
            items = self.hold()
            if not items and not self.log:
                time.sleep(0.3)
            for item in items:
                if self.stop_after is not None and self.sequence >= self.stop_after:
                    break
                time.sleep(self.think * luck.random() * 2)
                self.answer(item, luck)
            while self.log and not over.is_set():
                self.send(luck)

    def hold(self) -> list[int]:
        """Ask for questions."""
        began = time.time()
        try:
            status, reply = call(self.port, "POST", "/next", {"client": self.name, "count": 5}, token=self.token)
        except OSError:
            time.sleep(0.2)
            return []
        if status != 200:
            return []
        items = [one["item"] for one in reply["questions"]]
        self.until |= dict.fromkeys(items, began + LEASE)
        return items

    def answer(self, item: int, luck: random.Random) -> None:
        """Answer a question, or skip it."""
        if luck.random() < SKIPPED:
            self.add({"kind": "skip", "item": item})
        else:
            first = self.add(
                {"kind": "answer", "item": item, "answer": luck.choice(["normal", "unsure"]), "seconds": 1}
            )
            if luck.random() < EDITED:
                self.add({"kind": "undo", "undoes": first})
                self.add({"kind": "answer", "item": item, "answer": "normal", "comment": "on second thoughts"})
        self.send(luck)

    def add(self, entry: dict[str, Any]) -> int:
        """Write an entry down; gives its number."""
        self.sequence += 1
        self.log.append({"sequence": self.sequence, **entry})
        self.sent[self.sequence] = self.log[-1]
        return self.sequence

    def send(self, luck: random.Random) -> None:
        """Send what is not acknowledged; sometimes without hearing the reply, sometimes twice."""
        body = {"client": self.name, "entries": self.log[:100]}
        try:
            if luck.random() < DROPPED:
                call(self.port, "POST", "/log", body, token=self.token, drop=True)
                return
            began = time.monotonic()
            status, reply = call(self.port, "POST", "/log", body, token=self.token)
            if status == 200:
                self.latency.append(time.monotonic() - began)
            if luck.random() < REPEATED:
                status, reply = call(self.port, "POST", "/log", body, token=self.token)
        except OSError:
            time.sleep(0.2)
            return
        if status == 200:
            self.results |= {one["sequence"]: one for one in reply["results"]}
            self.log = [entry for entry in self.log if entry["sequence"] > reply["acknowledged"]]
        else:
            time.sleep(0.2)
