"""Who is whose look-alike: a symmetric graph over windows, kept in files that can be memory-mapped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rl_tsad.active.neighbours import Neighbours, find_neighbours, standardise
from rl_tsad.errors import CheckpointError, DataError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.types import Float32, Float64, Int64, Keys, parse_key

Int32 = NDArray[np.int32]
FORMAT = 1
TIME_FLOOR = 0.5
_SHARPNESS = 2.0
_ARRAYS = ("keys", "indptr", "indices", "weights")


@dataclass(frozen=True)
class Graph:
    """A symmetric weighted graph over windows in CSR form.

    Attributes:
        keys: (N,) window keys, distinct.
        indptr: (N + 1,) int32, where each window's neighbours begin in ``indices``.
        indices: (E,) int32, neighbours, increasing within a window; every edge stands there in both directions.
        weights: (E,) float32 in (0, 1], how alike the two are: 1 for the same, .14 for two at their usual distance.
        recall: measured recall of the neighbour search.
        probes: cells that the search looked into; 0 for an exact search.
    """

    keys: Keys
    indptr: Int32
    indices: Int32
    weights: Float32
    recall: float = 1.0
    probes: int = 0

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def matrix(self) -> Any:
        """The graph as a ``scipy.sparse.csr_array`` (N, N) float32 over the same memory."""
        shape = (len(self), len(self))
        return sparse.csr_array((self.weights, self.indices, self.indptr), shape=shape)

    @cached_property
    def row(self) -> dict[str, int]:
        """Row of each key."""
        return {key: row for row, key in enumerate(self.keys.tolist())}

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


def build_graph(embedding: Float32, keys: Keys, *, neighbours: int = 10, progress: Progress = no_progress) -> Graph:
    """Link each window to its look-alikes and to the windows just before and after it.

    Distances are taken in the standardised embedding and weighted by local scaling, ``exp(-2 d_ij^2 / (s_i s_j))`` with
    s_i the distance to the k-th neighbour (Zelnik-Manor & Perona, "Self-tuning spectral clustering", NIPS 2004,
    section 2), so that dense and sparse regions are treated alike. Windows that follow each other in a series are
    linked with at least the weight .5, because events last.

    Args:
        embedding: (N, Z) float32, finite.
        keys: (N,) distinct window keys, in the order of the rows.
        neighbours: k, nearest neighbours per window.
        progress: told of ``"graph/neighbours"``.

    Raises:
        DataError: when rows and keys do not fit together or the embedding is not finite.

    Example:
        >>> g = build_graph(np.eye(3, dtype=np.float32), np.array(["a:0:8", "a:4:8", "b:0:8"]), neighbours=1)
        >>> len(g), (g.matrix != g.matrix.T).nnz
        (3, 0)
    """
    keys = np.asarray(keys, dtype=np.str_)
    if len(keys) != len(embedding) or len(np.unique(keys)) != len(keys):
        raise DataError(
            f"expected one distinct key a row, got {len(embedding)} rows and {len(keys)} keys, "
            f"{len(np.unique(keys))} of them distinct; join embedding and keys by key first"
        )
    points = standardise(embedding)
    found = find_neighbours(points, neighbours, progress=progress)
    weights = _symmetric(points, found, time_edges(keys))
    return Graph(
        keys,
        weights.indptr.astype(np.int32),
        weights.indices.astype(np.int32),
        weights.data.astype(np.float32),
        recall=found.recall,
        probes=found.probes,
    )


def time_edges(keys: Keys) -> Int64:
    """Pair the windows that follow each other in a series without one left out in between.

    Args:
        keys: (N,) window keys in any order.

    Returns:
        (M, 2) int64 rows, the earlier window first.

    Example:
        >>> time_edges(np.array(["a:8:16", "a:0:16", "a:40:16", "b:16:16"])).tolist()
        [[1, 0]]
    """
    parts = [parse_key(key) for key in keys.tolist()]
    names = np.unique(np.array([name for name, _, _ in parts]), return_inverse=True)[1]
    starts = np.array([start for _, start, _ in parts], dtype=np.int64)
    order = np.lexsort((starts, names))
    step = np.diff(starts[order])
    same = np.diff(names[order]) == 0
    stride = np.full(int(names.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(stride, names[order][1:][same], step[same])
    follows = same & (step <= stride[names[order][1:]])
    return np.stack([order[:-1][follows], order[1:][follows]], axis=1).astype(np.int64)


def _symmetric(points: Float32, found: Neighbours, pairs: Int64) -> Any:
    """Give the CSR array of locally scaled weights over neighbour edges and time edges, in both directions."""
    total, count = found.rows.shape
    scale = _scales(found)
    heads = np.repeat(np.arange(total), count)
    tails = found.rows.ravel()
    known = tails >= 0
    alike = _affinity(found.distances.ravel()[known], scale, heads[known], tails[known])
    step = np.square(points[pairs[:, 0]] - points[pairs[:, 1]]).sum(axis=1)
    next_to = np.maximum(_affinity(step, scale, pairs[:, 0], pairs[:, 1]), TIME_FLOOR)
    look = sparse.csr_array((alike, (heads[known], tails[known])), shape=(total, total), dtype=np.float32)
    time = sparse.csr_array((next_to, (pairs[:, 0], pairs[:, 1])), shape=(total, total), dtype=np.float32)
    joined = look.maximum(look.T).maximum(time.maximum(time.T)).tocsr()
    joined.sort_indices()
    return joined


def _scales(found: Neighbours) -> Float64:
    """Give each row the distance to its farthest found neighbour, kept off zero where windows are copies."""
    if not found.distances.shape[1]:
        return np.ones(len(found.rows))
    finite = np.where(np.isfinite(found.distances), found.distances, 0.0)
    scale = np.sqrt(finite.max(axis=1).astype(np.float64))
    positive = scale[scale > 0]
    floor = 1e-3 * float(np.median(positive)) if len(positive) else 1.0
    return np.asarray(np.maximum(scale, floor), dtype=np.float64)


def _affinity(squared: Float32, scale: Float64, heads: Int64, tails: Int64) -> Float32:
    exponent = _SHARPNESS * squared.astype(np.float64) / (scale[heads] * scale[tails])
    return np.exp(-np.minimum(exponent, 30.0)).astype(np.float32)


def save_graph(graph: Graph, folder: Path) -> str:
    """Write the graph as ``.npy`` files and a JSON note that names their digest.

    Each file replaces its predecessor in one step and the note comes last: what is torn does not load.

    Returns:
        The sha256 digest over arrays and facts.

    Example:
        >>> import tempfile
        >>> g = build_graph(np.eye(2, dtype=np.float32), np.array(["a:0:8", "a:4:8"]), neighbours=1)
        >>> with tempfile.TemporaryDirectory() as d:
        ...     digest = save_graph(g, Path(d))
        ...     load_graph(Path(d), digest).keys.tolist()
        ['a:0:8', 'a:4:8']
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _ARRAYS:
        with _replacing(folder / f"{name}.npy") as part, part.open("wb") as file:
            np.save(file, getattr(graph, name), allow_pickle=False)
    facts: dict[str, Any] = {"format": FORMAT, "windows": len(graph), "edges": len(graph.indices) // 2}
    facts |= {"recall": graph.recall, "probes": graph.probes}
    digest = _digest(folder, facts)
    with _replacing(folder / "graph.json") as part:
        part.write_text(json.dumps({**facts, "digest": digest}, indent=2) + "\n", encoding="utf-8")
    return digest


def load_graph(folder: Path, digest: str | None = None) -> Graph:
    """Open a saved graph as read-only memory maps.

    Args:
        folder: where :func:`save_graph` wrote.
        digest: digest that the caller expects; only the note's own when omitted.

    Raises:
        CheckpointError: when files are missing, damaged or not the expected ones.
    """
    try:
        note = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
        written = note.pop("digest")
        real = _digest(folder, note)
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
        recall, probes = float(note["recall"]), int(note["probes"])
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(f"expected a graph in {folder}, got {error!r}; retrain to build it again") from error
    if real != written or (digest is not None and digest != written):
        raise CheckpointError(
            f"expected graph {digest or written} in {folder}, got {real}; the files were changed or torn: retrain"
        )
    return Graph(**arrays, recall=recall, probes=probes)


def _digest(folder: Path, facts: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in _ARRAYS:
        with (folder / f"{name}.npy").open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Lend a path to write to, and move it over the real one on success."""
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
