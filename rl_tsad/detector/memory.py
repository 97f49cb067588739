"""How far is each patch from the usual patches of its series? A memory bank of k-means centres.

In the spirit of PaAno (Park & Kang, arXiv 2602.01359, section 3.3: memory of centres, mean distance to the three
nearest, a point's score is the mean over the patches that cover it) and KMeansAD (Yairi et al., 2001), on values in
series-level units instead of learnt embeddings: what a patch's own normalisation takes away, its level, stays visible.
"""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np

from rl_tsad.detector.patches import fold_of, patch_length, sample_patches, score_points
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Float32

_SAMPLE = 6000  # patches from which the centres are learnt
_ROUNDS = 8  # of k-means
_SHARE = 10  # a centre stands for at least so many patches
_NEAREST = 3


@dataclass(frozen=True)
class Memory:
    """Usual patches.

    Attributes:
        centres: (M, K * L / fold) float32.
        length: L, points per patch.
        fold: neighbouring points that are averaged.
    """

    centres: Float32
    length: int
    fold: int


def fit_memory(view: Float32, *, length: int, size: int, seed: int) -> Memory:
    """Learn the usual patches of a recording.

    Args:
        view: (T, K) values in units of their usual deviation.
        length: L, points per patch, a power of two; less where the recording is short.
        size: centres at most.
        seed: same seed, same centres.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> fit_memory(wave, length=16, size=8, seed=0).centres.shape
        (8, 16)
    """
    length = patch_length(length, len(view))
    fold = fold_of(length, view.shape[1])
    drawn = sample_patches(view, length, fold, _SAMPLE, derive_rng(seed, "memory", length))
    count = max(min(size, len(drawn) // _SHARE), 1)
    number = derive_seed(seed, "memory", "centres") % 2**31
    means = faiss.Kmeans(drawn.shape[1], count, niter=_ROUNDS, seed=number, min_points_per_centroid=1)
    means.train(drawn)
    return Memory(np.array(means.centroids, np.float32), length, fold)


def memory_distance(memory: Memory, view: Float32) -> Float32:
    """Give each point's distance from what is usual.

    Args:
        memory: of the same series.
        view: (T, K).

    Returns:
        (T,) float32 >= 0: root mean square distance per number, mean of the three nearest centres, mean over the
        patches that cover the point.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> memory = fit_memory(wave, length=16, size=8, seed=0)
        >>> wave[300:310] += 3
        >>> 295 <= int(memory_distance(memory, wave).argmax()) < 315
        True
    """
    index = faiss.IndexFlatL2(memory.centres.shape[1])
    index.add(memory.centres)
    nearest = min(_NEAREST, len(memory.centres))

    def distance(patches: Float32) -> Float32:
        squared = index.search(patches, nearest)[0]
        return np.asarray(np.sqrt(np.maximum(squared, 0) / patches.shape[1]).mean(axis=1), np.float32)

    return score_points(view, memory.length, memory.fold, distance)
