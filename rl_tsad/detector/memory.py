"""How far is each patch from the usual patches of its series? Distances to the nearest that are remembered.

In the spirit of PaAno (Park & Kang, arXiv 2602.01359, section 3.3: mean distance to the three nearest, a point's score
is the mean over the patches that cover it), on values in series-level units instead of learnt embeddings: what a
patch's own normalisation takes away, its level, stays visible. Patches are remembered as they were, not as k-means
centres: centres lose the rare but usual. A patch never counts as its own neighbour, nor does one that overlaps it
(Yeh et al., "Matrix Profile I", ICDM 2016, section 3: trivial matches).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import faiss
import numpy as np

from rl_tsad.detector.patches import fold_of, patch_length, pick_patches, score_points, step_of
from rl_tsad.types import Float32, Float64, Int64

_NEAREST = 3
NEVER = -(2**62)  # the moment of what overlaps nothing


@dataclass(frozen=True)
class Memory:
    """Usual patches.

    Attributes:
        patches: (M, K * L / fold) float32.
        ticks: (M,) int64 sample numbers at which they start, rising; all :data:`NEVER` where it does not matter.
        length: L, points per patch.
        fold: neighbouring points that are averaged.
    """

    patches: Float32
    ticks: Int64
    length: int
    fold: int

    def healthy(self) -> Memory:
        """Forget when the patches were seen: each counts as usual at its own moment too."""
        return replace(self, ticks=np.full_like(self.ticks, NEVER))


def fit_memory(view: Float32, ticks: Int64, *, length: int, size: int) -> Memory:
    """Remember patches of a recording, equally spaced.

    Args:
        view: (T, K) values in units of their usual deviation.
        ticks: (T,) their sample numbers.
        length: L, points per patch, a power of two; less where the recording is short.
        size: patches at most.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> fit_memory(wave, np.arange(500), length=16, size=128).patches.shape
        (128, 16)
    """
    length = patch_length(length, len(view))
    fold = fold_of(length, view.shape[1])
    patches, starts = pick_patches(view, length, fold, size)
    return Memory(patches, ticks[starts].astype(np.int64), length, fold)


def memory_distance(memory: Memory, view: Float32, ticks: Int64) -> Float32:
    """Give each point's distance from what is usual.

    Args:
        memory: of the same series.
        view: (T, K).
        ticks: (T,) sample numbers: what is remembered of the same moments is no neighbour.

    Returns:
        (T,) float32 >= 0: root mean square distance per number, mean of the three nearest patches, mean over the
        patches that cover the point.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> memory = fit_memory(wave, np.arange(500), length=16, size=512)
        >>> wave[300:310] += 3
        >>> 295 <= int(memory_distance(memory, wave, np.arange(500)).argmax()) < 315
        True
    """
    starts = iter(_cuts(ticks[:: step_of(memory.length)].astype(np.int64)))

    def distance(patches: Float32) -> Float32:
        return _nearest(memory, patches, next(starts)[: len(patches)])

    return score_points(view, memory.length, memory.fold, distance)


def _cuts(ticks: Int64, size: int = 4096) -> Iterator[Int64]:
    return (ticks[low : low + size] for low in range(0, len(ticks), size))


def _nearest(memory: Memory, patches: Float32, ticks: Int64) -> Float32:
    """Mean distance (B,) to the three nearest patches that do not overlap in time; to the nearest where all do."""
    far = memory.length
    last = np.searchsorted(memory.ticks, ticks + far) - np.searchsorted(memory.ticks, ticks - far, side="right")
    count = min(_NEAREST + int(last.max(initial=0)), len(memory.patches))
    _, rows = faiss.knn(patches, memory.patches, count)
    distance = _distances(memory.patches, patches, rows)
    alone = distance.min(axis=1)
    distance[np.abs(memory.ticks[rows] - ticks[:, None]) < far] = np.inf
    kept = np.sort(distance, axis=1)[:, :_NEAREST]
    known = np.isfinite(kept)
    total = np.where(known, kept, 0).sum(axis=1)
    return np.asarray(np.where(known[:, 0], total / np.maximum(known.sum(axis=1), 1), alone), np.float32)


def _distances(memory: Float32, patches: Float32, rows: Int64) -> Float64:
    """Root mean square difference (B, k) of each patch from those found for it.

    The search has it as |a|^2 + |b|^2 - 2ab: near 0 only rounding is left of that, another one on each kind of CPU.
    """
    distance = np.empty(rows.shape)
    for place in range(rows.shape[1]):
        apart = patches - memory[rows[:, place]]  # (B, D)
        distance[:, place] = np.sqrt(np.einsum("bd,bd->b", apart, apart) / apart.shape[1])
    return distance
