"""Spreading beside the acknowledgement: one thread brings in what is new, once for all that came meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from threading import Event, Lock
from time import monotonic

from rl_tsad.services.answering import Told
from rl_tsad.services.spreading import respread_each
from rl_tsad.services.workspace import Workspace

PATIENCE = 0.02
"""Seconds that an acknowledgement waits to tell how far an answer reaches."""
APART = 1.0
"""Seconds from one spreading to the next while answers keep coming: many at once cost little more than one."""


class SoonSpreader:
    """Spreads answers in a thread of its own; whoever asks waits a moment for what became of theirs.

    A kill at any time loses nothing: what is not spread is found in the store by the next one.
    """

    def __init__(self, patience: float = PATIENCE, apart: float = APART) -> None:
        self._patience, self._apart = patience, apart
        self._closing = Event()
        self._spread_at = -apart
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="spread")
        self._lock = Lock()
        self._waiting: dict[int, Sequence[str]] = {}
        self._next: Future[Mapping[int, int]] | None = None

    def __call__(self, ws: Workspace, told: Told) -> Mapping[int, int]:
        """Have answers spread; returns how many windows each settles, nothing where that takes longer."""
        with self._lock:
            self._waiting.update(told)
            if self._next is None:
                self._next = self._pool.submit(self._spread, ws)
            mine = self._next
        try:
            return mine.result(timeout=self._patience)
        except LateError:
            return {}

    def close(self) -> None:
        """Wait for what is under way."""
        self._closing.set()
        self._pool.shutdown()

    def _spread(self, ws: Workspace) -> Mapping[int, int]:
        self._closing.wait(max(0.0, self._spread_at + self._apart - monotonic()))
        self._spread_at = monotonic()
        with self._lock:
            told, self._waiting, self._next = self._waiting, {}, None
        return respread_each(ws, told)[0]
