"""Vectors and replies on disk, so that no language model is ever asked the same twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from rl_tsad.language.backend import Embedder
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Float32

_TABLES = """
CREATE TABLE IF NOT EXISTS embedding (
    model TEXT NOT NULL, digest BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reply (
    model TEXT NOT NULL, digest BLOB NOT NULL, text TEXT NOT NULL, PRIMARY KEY (model, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (
    purpose TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    unusable INTEGER NOT NULL
) WITHOUT ROWID;
"""
_FIND = "SELECT vector FROM embedding WHERE model = ? AND digest = ?"
_KEEP = "INSERT OR IGNORE INTO embedding VALUES (?, ?, ?)"
_FIND_REPLY = "SELECT text FROM reply WHERE model = ? AND digest = ?"
_KEEP_REPLY = "INSERT OR REPLACE INTO reply VALUES (?, ?, ?)"
_FIND_SPENT = "SELECT calls, tokens_in, tokens_out, unusable FROM spent WHERE purpose = ?"
_KEEP_SPENT = """
INSERT INTO spent VALUES (?, ?, ?, ?, ?) ON CONFLICT (purpose) DO UPDATE SET calls = calls + excluded.calls,
    tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out,
    unusable = unusable + excluded.unusable
"""
_CHUNK = 64


class CachedEmbedder:
    """An embedder that remembers.

    Vectors are keyed by model name and sha256 of the text; the text itself is not stored. What is computed is written
    in small transactions, so an interrupted run goes on where it stopped, and several processes may share one file.

    Args:
        inner: who computes what is not remembered.
        path: SQLite file; memory of this object only when None.
        progress: told of ``"language/embed"``.

    Example:
        >>> class Lengths:
        ...     name = "lengths"
        ...     def embed(self, texts):
        ...         print("embedding", list(texts))
        ...         return np.array([[len(text)] for text in texts], np.float32)
        >>> cached = CachedEmbedder(Lengths(), None)
        >>> cached.embed(["a", "bb", "a"]).ravel().tolist()
        embedding ['a', 'bb']
        [1.0, 2.0, 1.0]
        >>> cached.embed(["bb"]).ravel().tolist()
        [2.0]
    """

    def __init__(self, inner: Embedder, path: Path | None, progress: Progress = no_progress) -> None:
        self._inner, self._path, self._progress = inner, path, progress
        self._held: dict[str, Float32] = {}

    @property
    def name(self) -> str:
        """The inner model's name."""
        return self._inner.name

    def embed(self, texts: Sequence[str]) -> Float32:
        """Embed M texts as (M, D) float32 rows of length 1, computing only what was never seen."""
        distinct = [text for text in dict.fromkeys(texts) if text not in self._held]
        if self._path is None:
            self._compute(distinct, None)
        elif distinct:
            with _opened(self._path) as store:
                self._recall(distinct, store)
                self._compute([text for text in distinct if text not in self._held], store)
        if not texts:
            return self._inner.embed([])
        return np.stack([self._held[text] for text in texts])

    def _recall(self, texts: Sequence[str], store: sqlite3.Connection) -> None:
        for text in texts:
            found = store.execute(_FIND, (self.name, _digest(text))).fetchone()
            if found is not None:
                self._held[text] = np.frombuffer(found[0], dtype="<f4").astype(np.float32)

    def _compute(self, texts: Sequence[str], store: sqlite3.Connection | None) -> None:
        for low in range(0, len(texts), _CHUNK):
            some = texts[low : low + _CHUNK]
            fresh = dict(zip(some, self._inner.embed(some), strict=True))
            self._held.update(fresh)
            if store is not None:
                rows = [(self.name, _digest(text), vector.astype("<f4").tobytes()) for text, vector in fresh.items()]
                with store:
                    store.executemany(_KEEP, rows)
            self._progress("language/embed", low + len(some), len(texts))


@dataclass(frozen=True)
class Spent:
    """What asking cost.

    Attributes:
        calls: calls that cost something: with a reply, or timed out or torn, when a server may have worked for it.
        tokens_in: tokens that the model read.
        tokens_out: tokens that it wrote.
        unusable: replies that were not in the form asked for.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    unusable: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Spent) -> Spent:
        return Spent(*(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class Replies:
    """Replies of a language model by the digest of what was asked, and what was spent for each purpose.

    What a call may cost is held before it starts; its reply and its real price are written in one transaction as soon
    as they are there. So whoever is killed pays for no reply twice, a call that was under way counts at its estimate,
    and processes that ask at the same time share one budget.

    Example:
        >>> with Replies.opened(None) as replies:
        ...     replies.hold("demo", Spent(1, 20, 9), lambda after: after.calls <= 1)
        ...     replies.hold("demo", Spent(1, 20, 9), lambda after: after.calls <= 1)
        ...     replies.settle("model", "what?", "yes", purpose="demo", held=Spent(1, 20, 9), price=Spent(1, 12, 1))
        ...     replies.find("model", "what?"), replies.spent("demo").tokens_in
        True
        False
        ('yes', 12)
    """

    def __init__(self, store: sqlite3.Connection) -> None:
        self._store = store

    @classmethod
    @contextmanager
    def opened(cls, path: Path | None) -> Iterator[Replies]:
        """Open the file for the time of a block."""
        with _opened(path) as store:
            yield cls(store)

    def find(self, model: str, question: str) -> str | None:
        """Give the reply of a model to a question, if it ever gave a usable one."""
        found = self._store.execute(_FIND_REPLY, (model, _digest(question))).fetchone()
        return None if found is None else str(found[0])

    def hold(self, purpose: str, expected: Spent, fits: Callable[[Spent], bool]) -> bool:
        """Charge what a call may cost, if it fits with all that is spent and held; tell whether it did."""
        self._store.execute("BEGIN IMMEDIATE")
        with self._store:
            if not fits(self.spent(purpose) + expected):
                return False
            self._store.execute(_KEEP_SPENT, (purpose, *astuple(expected)))
        return True

    def settle(self, model: str, question: str, text: str | None, *, purpose: str, held: Spent, price: Spent) -> None:
        """Write what a call did cost in the place of what was held, and its reply where it is usable."""
        with self._store:
            self._store.execute(_KEEP_SPENT, (purpose, *astuple(price - held)))
            if text is not None:
                self._store.execute(_KEEP_REPLY, (model, _digest(question), text))

    def spent(self, purpose: str) -> Spent:
        """Give what was spent and is held for a purpose."""
        found = self._store.execute(_FIND_SPENT, (purpose,)).fetchone()
        return Spent(*found) if found else Spent()

    def spent_in_all(self) -> Spent:
        """Give what was spent and is held for all purposes."""
        rows = self._store.execute("SELECT calls, tokens_in, tokens_out, unusable FROM spent").fetchall()
        return sum((Spent(*row) for row in rows), Spent())


@contextmanager
def _opened(path: Path | None) -> Iterator[sqlite3.Connection]:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    store = sqlite3.connect(path or ":memory:", timeout=30.0)
    try:
        store.execute("PRAGMA journal_mode = WAL")
        store.executescript(_TABLES)
        yield store
    finally:
        store.close()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
