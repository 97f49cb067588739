"""Who is whose look-alike: a symmetric graph over windows, which grows without being built anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rl_tsad.active.neighbours import (
    Neighbours,
    Scaling,
    find_among,
    find_neighbours,
    nearest_cell,
    without_self,
)
from rl_tsad.active.search_files import Cells
from rl_tsad.active.window_table import WindowTable
from rl_tsad.errors import DataError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Float32, Float64, Int64, Keys

Int32 = NDArray[np.int32]
TIME_FLOOR = 0.5
_SHARPNESS = 2.0
_WIDER = 4


@dataclass(frozen=True)
class Placed:
    """Where the windows of a graph lie; what a later window needs to find its look-alikes.

    Attributes:
        points: (N, Z) float32, scaled.
        scale: (N,) float32, distance of each window to its k-th neighbour.
        scaling: what the points were scaled by.
        cells: how they are searched.
        count: k.
        mutual: whether two windows are look-alikes only where each is among the other's k nearest.
    """

    points: Float32
    scale: Float32
    scaling: Scaling
    cells: Cells
    count: int
    mutual: bool = False


@dataclass(frozen=True)
class Graph:
    """A symmetric weighted graph over windows in CSR form.

    Attributes:
        windows: which N windows, by row.
        indptr: (N + 1,) int32, where each window's neighbours begin in ``indices``.
        indices: (E,) int32, neighbours, increasing within a window; every edge stands there in both directions.
        weights: (E,) float32 in (0, 1], how alike the two are: 1 for the same, .14 for two at their usual distance.
        placed: where the windows lie; None for a graph that never grows.
    """

    windows: WindowTable
    indptr: Int32
    indices: Int32
    weights: Float32
    placed: Placed | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def keys(self) -> Keys:
        """(N,) window keys, made anew at each call: for small graphs and for whoever needs them all."""
        return self.windows.keys()

    @property
    def recall(self) -> float:
        """Measured recall of the neighbour search."""
        return 1.0 if self.placed is None else self.placed.cells.recall

    @property
    def probes(self) -> int:
        """Cells that the search looked into; 0 for an exact search."""
        return 0 if self.placed is None else self.placed.cells.probes

    @cached_property
    def matrix(self) -> Any:
        """The graph as a ``scipy.sparse.csr_array`` (N, N) float32 over the same memory."""
        shape = (len(self), len(self))
        return sparse.csr_array((self.weights, self.indices, self.indptr), shape=shape)

    @cached_property
    def pull(self) -> Float64:
        """(N,) float64, what each window divides its neighbours' sum by: its degree, at least the median degree.

        The floor lets a lonely window, whose edges are all weak, keep most of its doubt.
        """
        degree = np.asarray(self.matrix.sum(axis=1), dtype=np.float64).ravel()
        linked = degree[degree > 0]
        floor = float(np.median(linked)) if len(linked) else 1.0
        return np.asarray(np.maximum(degree, floor), dtype=np.float64)

    @cached_property
    def usual_share(self) -> float:
        """What one usual neighbour contributes to one usual window, in (0, 1]."""
        if not len(self.weights):
            return 1.0
        return float(np.median(self.weights) / np.median(self.pull))


def build_graph(
    embedding: Float32,
    keys: Keys,
    *,
    neighbours: int = 10,
    mutual: bool = False,
    keep: Path | None = None,
    progress: Progress = no_progress,
) -> Graph:
    """Link each window to its look-alikes and to the windows just before and after it.

    Distances are taken in the standardised embedding and weighted by local scaling, ``exp(-2 d_ij^2 / (s_i s_j))`` with
    s_i the distance to the k-th neighbour (Zelnik-Manor & Perona, "Self-tuning spectral clustering", NIPS 2004,
    section 2), so that dense and sparse regions are treated alike. Windows that follow each other in a series are
    linked with at least the weight .5, because events last.

    Args:
        embedding: (N, Z) float32, finite.
        keys: (N,) distinct window keys, in the order of the rows.
        neighbours: k, nearest neighbours per window.
        mutual: link look-alikes only where each is among the other's k nearest, which cuts the edges of windows that
            are nobody's neighbour (Brito et al., "Connectivity of the mutual k-nearest-neighbor graph", 1997).
        keep: folder in which a long search keeps what it found; the same search goes on from there after a crash.
        progress: told of ``"graph/neighbours"``.

    Raises:
        DataError: when rows and keys do not fit together or the embedding is not finite.

    Example:
        >>> g = build_graph(np.eye(3, dtype=np.float32), np.array(["a:0:8", "a:4:8", "b:0:8"]), neighbours=1)
        >>> len(g), (g.matrix != g.matrix.T).nnz
        (3, 0)
    """
    windows = WindowTable.of(keys)
    if len(windows) != len(embedding):
        raise DataError(
            f"expected one key a row, got {len(embedding)} rows and {len(windows)} keys; join embedding and keys by "
            "key first"
        )
    scaling = Scaling.of(embedding)
    points = scaling(embedding)
    found = find_neighbours(points, neighbours, keep=keep, progress=progress)
    scale = _scales(found)
    edges = [_alike(found, scale, mutual=mutual), _in_time(points, scale, time_edges(windows))]
    joined = edges[0].maximum(edges[1]).tocsr()
    placed = Placed(points, scale.astype(np.float32), scaling, found.cells, neighbours, mutual)
    return _graph(windows, joined, placed)


def insert_windows(graph: Graph, embedding: Float32, keys: Keys) -> Graph:
    """Add windows to a graph without searching it anew.

    The new windows find their k nearest among all, and are linked to those old ones, too, among whose k nearest they
    now are, as far as those are among their own 4 k nearest. The old windows keep their rows, their scales and the
    weights between them. Cells and scaling stay those of the build: rebuild when the new windows are as many as the old
    ones.

    Args:
        graph: as built or grown before.
        embedding: (M, Z) float32 by the same detector as the graph's.
        keys: (M,) keys of windows that the graph does not hold.

    Returns:
        The graph over N + M windows, the old rows first.

    Raises:
        DataError: when the graph never grows, holds a window already, or the embedding has another width.

    Example:
        >>> g = build_graph(np.eye(3, dtype=np.float32), np.array(["a:0:8", "a:4:8", "b:0:8"]), neighbours=1)
        >>> grown = insert_windows(g, np.eye(3, dtype=np.float32)[:1], np.array(["a:8:8"]))
        >>> len(grown), float(grown.matrix[0, 3])
        (4, 1.0)
    """
    placed, windows = graph.placed, graph.windows.joined(WindowTable.of(keys))
    if placed is None:
        raise DataError("expected a graph that knows where its windows lie, got one without; build it again")
    if len(windows) != len(graph) + len(embedding):
        raise DataError(f"expected one key a row, got {len(embedding)} rows and {len(windows) - len(graph)} keys")
    old, fresh = len(graph), placed.scaling(embedding)
    points = np.concatenate([placed.points, fresh])
    assigned = np.concatenate([placed.cells.assigned, nearest_cell(placed.cells, fresh)])
    cells = Cells(placed.cells.centres, assigned, placed.cells.probes, placed.cells.recall)
    count = min(placed.count, len(windows) - 1)
    rows, distances = without_self(*find_among(points, cells, fresh, _WIDER * count + 1), old)
    wide = Neighbours(rows.astype(np.int32), distances, cells)
    near = Neighbours(wide.rows[:, :count], wide.distances[:, :count], cells)
    scale = np.concatenate([placed.scale.astype(np.float64), _scales(near)])
    alike = _alike(near, scale, mutual=placed.mutual, first=old)
    if not placed.mutual:
        alike = alike.maximum(_alike(wide, scale, mutual=True, first=old))  # those whose neighbours they now are
    pairs = time_edges(windows)
    late = _in_time(points, scale, pairs[(pairs >= old).any(axis=1)])
    before = graph.matrix.copy()
    before.resize((len(windows), len(windows)))
    joined = before.maximum(alike.maximum(late)).tocsr()
    kept = Placed(points, scale.astype(np.float32), placed.scaling, cells, placed.count, placed.mutual)
    return _graph(windows, joined, kept)


def time_edges(windows: WindowTable) -> Int64:
    """Pair the windows that follow each other in a series without one left out in between.

    Args:
        windows: N windows in any order.

    Returns:
        (M, 2) int64 rows, the earlier window first.

    Example:
        >>> time_edges(WindowTable.of(["a:8:16", "a:0:16", "a:40:16", "b:16:16"])).tolist()
        [[1, 0]]
    """
    order = np.lexsort((windows.starts, windows.series))
    step = np.diff(windows.starts[order])
    same = np.diff(windows.series[order]) == 0
    stride = np.full(max(len(windows.names), 1), np.iinfo(np.int64).max)
    np.minimum.at(stride, windows.series[order][1:][same], step[same])
    follows = same & (step <= stride[windows.series[order][1:]])
    return np.stack([order[:-1][follows], order[1:][follows]], axis=1).astype(np.int64)


def _graph(windows: WindowTable, matrix: Any, placed: Placed) -> Graph:
    matrix.sort_indices()
    parts = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data.astype(np.float32)
    return Graph(windows, *parts, placed=placed)


def _alike(found: Neighbours, scale: Float64, *, mutual: bool = False, first: int = 0) -> Any:
    """Give the symmetric CSR array of locally scaled weights between rows ``first`` on and what they found."""
    total, count = len(scale), found.rows.shape[1]
    heads = np.repeat(np.arange(first, total, dtype=np.int32), count)
    tails, squared = found.rows.ravel(), found.distances.ravel()
    known = tails >= 0
    if mutual:  # within the other's k nearest too: no farther than its scale
        known &= squared <= np.square(scale)[tails] * (1 + 1e-6)
    heads, tails, squared = heads[known], tails[known], squared[known]
    alike = _affinity(squared, scale, heads, tails)
    look = sparse.csr_array((alike, (heads, tails)), shape=(total, total), dtype=np.float32)
    return look.maximum(look.T.tocsr())


def _in_time(points: Float32, scale: Float64, pairs: Int64) -> Any:
    """Give the symmetric CSR array of the weights between windows that follow each other."""
    total, step = len(scale), np.empty(len(pairs), np.float32)
    for low in range(0, len(pairs), 65_536):
        some = pairs[low : low + 65_536]
        step[low : low + len(some)] = np.square(points[some[:, 0]] - points[some[:, 1]]).sum(axis=1)
    weight = np.maximum(_affinity(step, scale, pairs[:, 0], pairs[:, 1]), np.float32(TIME_FLOOR))
    time = sparse.csr_array((weight, (pairs[:, 0], pairs[:, 1])), shape=(total, total), dtype=np.float32)
    return time.maximum(time.T.tocsr())


def _scales(found: Neighbours) -> Float64:
    """Give each row the distance to its farthest found neighbour, kept off zero where windows are copies."""
    if not found.distances.shape[1]:
        return np.ones(len(found.rows))
    finite = np.where(np.isfinite(found.distances), found.distances, 0.0)
    scale = np.sqrt(finite.max(axis=1).astype(np.float64))
    positive = scale[scale > 0]
    floor = 1e-3 * float(np.median(positive)) if len(positive) else 1.0
    return np.asarray(np.maximum(scale, floor), dtype=np.float64)


def _affinity(squared: Float32, scale: Float64, heads: NDArray[Any], tails: NDArray[Any]) -> Float32:
    exponent = squared / (scale[heads] * scale[tails])
    exponent *= _SHARPNESS
    np.minimum(exponent, 30.0, out=exponent)
    return np.asarray(np.exp(-exponent), dtype=np.float32)
