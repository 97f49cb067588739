"""Which windows look alike: nearest neighbours in the detector's embedding, exact when small, in cells when large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_tsad.active.search_files import Cells, Found, held, keep_cells, kept_cells, open_found
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
        rows: (N, k) int32, positions of the neighbours, nearest first; never the row itself, -1 where none was found.
        distances: (N, k) float32, squared Euclidean distances; infinite where none was found.
        cells: how they were searched.
    """

    rows: NDArray[np.int32]
    distances: Float32
    cells: Cells

    @property
    def recall(self) -> float:
        """Measured recall of the search."""
        return self.cells.recall

    @property
    def probes(self) -> int:
        """Cells looked into per query; 0 for an exact search."""
        return self.cells.probes


@dataclass(frozen=True)
class Scaling:
    """What brings each dimension of an embedding to mean 0 and standard deviation 1.

    Attributes:
        center: (Z,) float64.
        spread: (Z,) float64 above 0; infinite for a dimension that never changes, which becomes 0.
    """

    center: Float64
    spread: Float64

    @classmethod
    def of(cls, embedding: Float32) -> Scaling:
        """Measure an embedding (N, Z).

        Raises:
            DataError: when the embedding is no finite matrix with at least one row.
        """
        _check(embedding)
        wide = embedding.astype(np.float64)
        spread = wide.std(axis=0)
        moves = spread > 1e-9 * np.maximum(np.abs(wide).max(axis=0), 1e-12)
        return cls(wide.mean(axis=0), np.where(moves, spread, np.inf))

    def __call__(self, embedding: Float32) -> Float32:
        """Scale points (N, Z), of the measured embedding or later ones.

        Raises:
            DataError: as :meth:`of`, or when the points have another width.

        Example:
            >>> points = np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)
            >>> Scaling.of(points)(points).tolist()
            [[-1.0, 0.0], [1.0, 0.0]]
        """
        _check(embedding)
        if embedding.shape[1] != len(self.center):
            raise DataError(f"expected {len(self.center)} dimensions as the graph has, got {embedding.shape[1]}")
        return np.ascontiguousarray((embedding - self.center) / self.spread, dtype=np.float32)


def standardise(embedding: Float32) -> Float32:
    """Bring each dimension to mean 0 and standard deviation 1, so that none outweighs the others.

    Args:
        embedding: (N, Z) finite numbers.

    Returns:
        (N, Z) float32; a dimension that never changes becomes 0.

    Raises:
        DataError: as :meth:`Scaling.of`.

    Example:
        >>> standardise(np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    return Scaling.of(embedding)(embedding)


def find_neighbours(
    embedding: Float32,
    count: int,
    *,
    exact_up_to: int = EXACT_UP_TO,
    keep: Path | None = None,
    progress: Progress = no_progress,
) -> Neighbours:
    """Find each row's nearest other rows.

    Up to ``exact_up_to`` rows the search is exact (faiss ``IndexFlatL2``). Above, rows are sorted into ``4 sqrt(N)``
    cells (``IndexIVFFlat``) and the number of cells looked into is doubled until the recall measured on 512 rows
    against an exact search is at least .95.

    Args:
        embedding: (N, Z) float32, as given by :class:`Scaling`.
        count: k, neighbours per row; fewer are found when N <= k.
        exact_up_to: rows up to which the search is exact.
        keep: folder in which a long search keeps what it found; the same search goes on from there after a crash.
        progress: told of ``"graph/neighbours"``.

    Example:
        >>> find_neighbours(np.array([[0.0], [1.0], [5.0]], np.float32), 1).rows.tolist()
        [[1], [0], [1]]
    """
    total, width = embedding.shape
    count = min(count, total - 1)
    exact = Cells(np.empty((0, width), np.float32), np.empty(0, np.int32))
    if count < 1:
        return Neighbours(np.empty((total, 0), np.int32), np.empty((total, 0), np.float32), exact)
    if total <= exact_up_to:
        kept = Found.fresh(total, count)
        _search_all(open_index(embedding, exact), embedding, kept, progress)
        return Neighbours(kept.rows, kept.distances, exact)
    return _find_in_cells(embedding, count, keep, progress)


def find_among(known: Float32, cells: Cells, points: Float32, count: int) -> tuple[Int64, Float32]:
    """Find the nearest of known rows for other points, in the cells into which those were sorted.

    Returns:
        (M, k) int64 rows of ``known``, nearest first, and their squared distances; -1 and infinity where none is found.
    """
    near, found = open_index(known, cells).search(points, min(count, len(known)))
    return found, np.where(found < 0, np.inf, np.maximum(near, 0.0)).astype(np.float32)


def nearest_cell(cells: Cells, points: Float32) -> NDArray[np.int32]:
    """Give the cell of each of some points: (M,) int32; empty for an exact search."""
    if not len(cells.centres):
        return np.empty(0, np.int32)
    import faiss

    quantizer = faiss.IndexFlatL2(points.shape[1])
    quantizer.add(cells.centres)
    return np.asarray(quantizer.search(points, 1)[1][:, 0], dtype=np.int32)


def open_index(points: Float32, cells: Cells) -> Any:
    """Give a faiss index over points that were sorted into cells already."""
    import faiss

    width = points.shape[1]
    if not len(cells.centres):
        flat = faiss.IndexFlatL2(width)
        flat.add(points)
        return flat
    quantizer = faiss.IndexFlatL2(width)
    quantizer.add(np.ascontiguousarray(cells.centres))
    index: Any = faiss.IndexIVFFlat(quantizer, width, len(cells.centres), faiss.METRIC_L2)
    index.is_trained = True  # faiss keeps the quantizer alive with it
    for low in range(0, len(points), _CHUNK):
        part = np.ascontiguousarray(points[low : low + _CHUNK], dtype=np.float32)
        its = np.ascontiguousarray(cells.assigned[low : low + _CHUNK], dtype=np.int64)
        index.add_core(len(part), faiss.swig_ptr(part), None, faiss.swig_ptr(its))
    index.nprobe = max(cells.probes, 1)
    return index


def _check(embedding: Float32) -> None:
    if embedding.ndim != 2 or not len(embedding) or not np.isfinite(embedding).all():
        raise DataError(
            f"expected a finite embedding (N, Z) with N >= 1, got shape {embedding.shape}, "
            f"{int((~np.isfinite(embedding)).sum())} non-finite numbers; train the detector again"
        )


def _find_in_cells(embedding: Float32, count: int, keep: Path | None, progress: Progress) -> Neighbours:
    with held(keep) as folder:
        cells = kept_cells(folder, embedding, count)
        if cells is None:
            cells = _sort_into_cells(embedding, count, progress)
            keep_cells(folder, cells, embedding, count)
        found = open_found(folder, len(embedding), count)
        if found.done < len(embedding):
            _search_all(open_index(embedding, cells), embedding, found, progress)
        return Neighbours(found.rows, found.distances, cells)


def _sort_into_cells(embedding: Float32, count: int, progress: Progress) -> Cells:
    import faiss

    total, width = embedding.shape
    progress("graph/cells", 0, 1)
    cells_wanted, few = int(4 * np.sqrt(total)), {"min_points_per_centroid": 1, "max_points_per_centroid": 64}
    kmeans = faiss.Kmeans(width, cells_wanted, niter=10, seed=0, **few)
    kmeans.train(embedding)
    centres = np.ascontiguousarray(kmeans.centroids, dtype=np.float32)
    rough = Cells(centres, np.empty(0, np.int32))
    assigned = [nearest_cell(rough, embedding[low : low + _CHUNK]) for low in range(0, total, _CHUNK)]
    cells = Cells(centres, np.concatenate(assigned))
    recall, probes = _tune(open_index(embedding, cells), embedding, count)
    progress("graph/cells", 1, 1)
    return Cells(cells.centres, cells.assigned, probes, recall)


def _tune(index: Any, embedding: Float32, count: int) -> tuple[float, int]:
    """Double nprobe until recall suffices; neighbours at equal distance count as the same, so duplicates do no harm."""
    import faiss

    sample = np.linspace(0, len(embedding) - 1, min(_PROBED, len(embedding))).astype(np.int64)
    queries = embedding[sample]
    farthest = faiss.knn(queries, embedding, count + 1)[0][:, -1:]
    index.nprobe = 8
    while True:
        found = index.search(queries, count + 1)[0]
        recall = float(np.mean(found <= farthest * (1 + 1e-5) + 1e-6))
        if recall >= WANTED_RECALL or index.nprobe >= index.nlist:
            return recall, int(index.nprobe)
        index.nprobe = min(index.nprobe * 2, index.nlist)


def _search_all(index: Any, embedding: Float32, kept: Found, progress: Progress) -> None:
    total, count = kept.rows.shape
    for low in range(kept.done, total, _CHUNK):
        high = min(low + _CHUNK, total)
        near, found = index.search(embedding[low:high], count + 1)
        kept.rows[low:high], kept.distances[low:high] = without_self(found, near, low)
        kept.note(high)
        progress("graph/neighbours", high, total)


def without_self(found: Int64, near: Float32, low: int) -> tuple[Int64, Float32]:
    """Drop each row itself from its results, or the farthest where duplicates pushed it out.

    Args:
        found: (m, k + 1) rows found by those from ``low`` on, nearest first.
        near: (m, k + 1) squared distances.
        low: the first of the rows that searched.

    Returns:
        (m, k) rows and squared distances; infinite where none was found.
    """
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
