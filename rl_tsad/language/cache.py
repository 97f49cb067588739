"""Vectors on disk, so that no sentence is ever embedded twice by the same model."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rl_tsad.language.backend import Embedder
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Float32

_TABLE = """
CREATE TABLE IF NOT EXISTS embedding (
    model TEXT NOT NULL, digest BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, digest)
) WITHOUT ROWID
"""
_FIND = "SELECT vector FROM embedding WHERE model = ? AND digest = ?"
_KEEP = "INSERT OR IGNORE INTO embedding VALUES (?, ?, ?)"
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
            with _open(self._path) as store:
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


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    store = sqlite3.connect(path, timeout=30.0)
    try:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute(_TABLE)
        yield store
    finally:
        store.close()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
