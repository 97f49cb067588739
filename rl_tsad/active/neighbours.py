"""Which windows look alike: nearest neighbours in the detector's embedding, exact when small, in cells when large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rl_tsad.errors import DataError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Float32, Float64, Int64

EXACT_UP_TO = 20_000
WANTED_RECALL = 0.95
_PROBED = 512
_CHUNK = 16_384
_CENTRES = 256


@dataclass(frozen=True)
class Neighbours:
    """The k nearest other rows of each row.

    Attributes:
        rows: (N, k) int64, positions of the neighbours, nearest first; never the row itself, -1 where none was found.
        distances: (N, k) float32, squared Euclidean distances; infinite where none was found.
        recall: measured share of true neighbours among those found (1 for an exact search).
        probes: cells looked into per query; 0 for an exact search.
    """

    rows: Int64
    distances: Float32
    recall: float
    probes: int


def standardise(embedding: Float32) -> Float32:
    """Bring each dimension to mean 0 and standard deviation 1, so that none outweighs the others.

    Args:
        embedding: (N, Z) finite numbers.

    Returns:
        (N, Z) float32; a dimension that never changes becomes 0.

    Raises:
        DataError: when the embedding is no finite matrix with at least one row.

    Example:
        >>> standardise(np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    if embedding.ndim != 2 or not len(embedding) or not np.isfinite(embedding).all():
        raise DataError(
            f"expected a finite embedding (N, Z) with N >= 1, got shape {embedding.shape}, "
            f"{int((~np.isfinite(embedding)).sum())} non-finite numbers; train the detector again"
        )
    wide = embedding.astype(np.float64)
    spread = wide.std(axis=0)
    moves = spread > 1e-9 * np.maximum(np.abs(wide).max(axis=0), 1e-12)
    scaled = (wide - wide.mean(axis=0)) / np.where(moves, spread, 1.0)
    return np.ascontiguousarray(np.where(moves, scaled, 0.0), dtype=np.float32)


def find_neighbours(
    embedding: Float32, count: int, *, exact_up_to: int = EXACT_UP_TO, progress: Progress = no_progress
) -> Neighbours:
    """Find each row's nearest other rows.

    Up to ``exact_up_to`` rows the search is exact (faiss ``IndexFlatL2``). Above, rows are sorted into ``4 sqrt(N)``
    cells (``IndexIVFFlat``) and the number of cells looked into is doubled until the recall measured on 512 rows
    against an exact search is at least .95.

    Args:
        embedding: (N, Z) float32, as given by :func:`standardise`.
        count: k, neighbours per row; fewer are found when N <= k.
        exact_up_to: rows up to which the search is exact.
        progress: told of ``"graph/neighbours"``.

    Example:
        >>> find_neighbours(np.array([[0.0], [1.0], [5.0]], np.float32), 1).rows.tolist()
        [[1], [0], [1]]
    """
    import faiss

    total, width = embedding.shape
    count = min(count, total - 1)
    if count < 1:
        return Neighbours(np.empty((total, 0), np.int64), np.empty((total, 0), np.float32), 1.0, 0)
    if total <= exact_up_to:
        index, recall, probes = faiss.IndexFlatL2(width), 1.0, 0
        index.add(embedding)
    else:
        index = _celled_index(embedding)
        recall, probes = _tune(index, embedding, count)
    rows, distances = _search_all(index, embedding, count, progress)
    return Neighbours(rows, distances, recall, probes)


def _celled_index(embedding: Float32) -> Any:
    import faiss

    total, width = embedding.shape
    cells = int(4 * np.sqrt(total))
    quantizer = faiss.IndexFlatL2(width)
    index = faiss.IndexIVFFlat(quantizer, width, cells, faiss.METRIC_L2)
    index.cp.max_points_per_centroid = 64
    index.train(embedding)
    index.add(embedding)
    return index


def _tune(index: Any, embedding: Float32, count: int) -> tuple[float, int]:
    """Double nprobe until recall suffices; neighbours at equal distance count as the same, so duplicates do no harm."""
    import faiss

    sample = np.linspace(0, len(embedding) - 1, min(_PROBED, len(embedding))).astype(np.int64)
    queries = embedding[sample]
    exact = faiss.IndexFlatL2(embedding.shape[1])
    exact.add(embedding)
    farthest = exact.search(queries, count + 1)[0][:, -1:]
    index.nprobe = 8
    while True:
        found = index.search(queries, count + 1)[0]
        recall = float(np.mean(found <= farthest * (1 + 1e-5) + 1e-6))
        if recall >= WANTED_RECALL or index.nprobe >= index.nlist:
            return recall, int(index.nprobe)
        index.nprobe = min(index.nprobe * 2, index.nlist)


def _search_all(index: Any, embedding: Float32, count: int, progress: Progress) -> tuple[Int64, Float32]:
    total = len(embedding)
    rows = np.empty((total, count), np.int64)
    distances = np.empty((total, count), np.float32)
    for low in range(0, total, _CHUNK):
        high = min(low + _CHUNK, total)
        near, found = index.search(embedding[low:high], count + 1)
        rows[low:high], distances[low:high] = _without_self(found, near, low)
        progress("graph/neighbours", high, total)
    return rows, distances


def _without_self(found: Int64, near: Float32, low: int) -> tuple[Int64, Float32]:
    """Drop each row itself from its (m, k + 1) results, or the farthest where duplicates pushed it out."""
    itself = found == np.arange(low, low + len(found))[:, None]
    itself[~itself.any(axis=1), -1] = True
    keep = ~itself
    shape = (len(found), found.shape[1] - 1)
    distances = np.where(found < 0, np.inf, np.maximum(near, 0.0)).astype(np.float32)
    return found[keep].reshape(shape), distances[keep].reshape(shape)


def nearest_distance(points: Float32, centres: Float32) -> Float64:
    """Give the distance from each point to the nearest of some centres.

    Args:
        points: (N, Z).
        centres: (M, Z); infinitely far where M is 0.

    Example:
        >>> nearest_distance(np.array([[0.0], [3.0]], np.float32), np.array([[1.0]], np.float32)).tolist()
        [1.0, 2.0]
    """
    nearest = np.full(len(points), np.inf)
    square = np.square(points, dtype=np.float64).sum(axis=1)
    for low in range(0, len(centres), _CENTRES):
        some = centres[low : low + _CENTRES]
        apart = np.square(some, dtype=np.float64).sum(axis=1)[:, None] - 2.0 * (some @ points.T)
        np.minimum(nearest, apart.min(axis=0) + square, out=nearest)
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)), dtype=np.float64)
