"""What a long search keeps on disk, so that the same search goes on after a crash instead of beginning anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rl_tsad.types import Float32

_ARRAYS = ("rows", "distances")


@dataclass(frozen=True)
class Cells:
    """How points are sorted into cells, so that a later search need not sort them again.

    Attributes:
        centres: (C, Z) float32; none for an exact search.
        assigned: (N,) int32, the cell of each point; empty for an exact search.
        probes: cells that a search looks into; 0 for an exact search.
        recall: measured share of true neighbours among those found; 1 for an exact search.
    """

    centres: Float32
    assigned: NDArray[np.int32]
    probes: int = 0
    recall: float = 1.0


@dataclass
class Found:
    """What a search found so far.

    Attributes:
        rows: (N, k) int32, in a file where it is to survive a crash.
        distances: (N, k) float32.
        done: rows before this one are found.
        folder: where it is kept; None in memory only.
    """

    rows: NDArray[np.int32]
    distances: Float32
    done: int = 0
    folder: Path | None = None

    @classmethod
    def fresh(cls, total: int, count: int) -> Found:
        """Begin in memory."""
        return cls(np.empty((total, count), np.int32), np.empty((total, count), np.float32))

    def note(self, done: int) -> None:
        """Remember that the rows before ``done`` are found: the arrays first, the number last."""
        self.done = done
        if self.folder is not None and isinstance(self.rows, np.memmap) and isinstance(self.distances, np.memmap):
            self.rows.flush()
            self.distances.flush()
            _write(self.folder / "done.json", {"done": done})


@contextmanager
def held(folder: Path | None) -> Iterator[Path | None]:
    """Hold a folder for one search; None where another process holds it, or where folders cannot be held."""
    if folder is None:
        yield None
        return
    try:
        import fcntl
    except ImportError:  # no POSIX locks here: the search is done in memory
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        yield folder


def kept_cells(folder: Path | None, embedding: Float32, count: int) -> Cells | None:
    """Read the cells of an earlier, unfinished search over the same points; None where there is none."""
    if folder is None:
        return None
    try:
        note = json.loads((folder / "search.json").read_text(encoding="utf-8"))
        if note["search"] != _name(embedding, count):
            return None
        arrays = [np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("centres", "assigned")]
        return Cells(arrays[0], arrays[1], int(note["probes"]), float(note["recall"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_cells(folder: Path | None, cells: Cells, embedding: Float32, count: int) -> None:
    """Keep the cells of a search that begins; what an earlier one left is dropped."""
    if folder is None:
        return
    for stale in ("search.json", "done.json"):
        (folder / stale).unlink(missing_ok=True)
    np.save(folder / "centres.npy", cells.centres, allow_pickle=False)
    np.save(folder / "assigned.npy", cells.assigned, allow_pickle=False)
    for name, dtype in zip(_ARRAYS, (np.int32, np.float32), strict=True):
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype=dtype, shape=(len(embedding), count)).flush()
    note = {"search": _name(embedding, count), "probes": cells.probes, "recall": cells.recall}
    _write(folder / "search.json", note)


def open_found(folder: Path | None, total: int, count: int) -> Found:
    """Open what a search found so far; nothing yet where it is not kept."""
    if folder is None:
        return Found.fresh(total, count)
    rows, distances = (np.load(folder / f"{name}.npy", mmap_mode="r+", allow_pickle=False) for name in _ARRAYS)
    file = folder / "done.json"
    done = int(json.loads(file.read_text(encoding="utf-8"))["done"]) if file.exists() else 0
    return Found(rows, distances, done, folder)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a path to write to, and move it over the real one on success."""
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write(file: Path, facts: dict[str, object]) -> None:
    with replacing(file) as part:
        part.write_text(json.dumps(facts), encoding="utf-8")


def _name(embedding: Float32, count: int) -> str:
    seen = hashlib.sha256(np.ascontiguousarray(embedding).data)
    return f"{seen.hexdigest()}-{count}"
