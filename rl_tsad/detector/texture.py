"""How far is each patch's texture from the usual ones? A convolutional embedding beside a memory bank.

In the spirit of PaAno (Park & Kang, arXiv 2602.01359, section 3: four convolutions, global average pooling, triplet and
adjacency loss, memory of k-means centres, mean cosine distance to the three nearest). What differs, and was measured on
simulated plants and generated anomalies before it was chosen: (1) patches are not normalised one by one, since an
anomaly may lie in level and scale; they come in the series' own units, softened by arcsinh. (2) So a convolution serves
all patches that cover its point, and embedding every patch costs 1 / L of what it does there. (3) The weights stay as
they were drawn: 100 or 300 updates cost far more and made the ensemble no better, hence ``steps`` is 0. (4) There are
two lengths of patches, and besides the values what their neighbours do not explain is looked at.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial

import faiss
import numpy as np
import torch
from torch import Tensor, nn

from rl_tsad.config import TextureConfig
from rl_tsad.detector.checkpoint import fill_module
from rl_tsad.detector.memory import NEVER
from rl_tsad.detector.patches import over_points, patch_length, step_of
from rl_tsad.detector.triplet import train_triplets
from rl_tsad.errors import CheckpointError
from rl_tsad.progress import Progress, no_progress
from rl_tsad.seeding import derive_rng, derive_seed
from rl_tsad.types import Float32, Int64

_KERNELS = (7, 5, 3, 3)
EDGE = sum(kernel // 2 for kernel in _KERNELS)  # points on either side of a patch that its embedding looks at
_CROPS, _CROP = 128, 128  # stretches from which a recording is learnt at most, and patches in each
_SAMPLE = 8192  # patches from which the centres are learnt
_ROUNDS = 10  # of k-means
_SHARE = 10  # a centre stands for at least so many patches
_NEAREST = 3

Log = Callable[[str, float], None]


class Texture(nn.Module):
    """A network that embeds patches, and the usual embeddings of one series.

    Args:
        width: K, channels.
        length: L, points per patch.
        config: sizes of the layers.
        centres: M, usual embeddings.
    """

    length: Tensor
    late: Tensor
    memory: Tensor
    first: Tensor
    last: Tensor

    def __init__(self, width: int, length: int, config: TextureConfig, centres: int = 1) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for channels, kernel in zip(config.layers, _KERNELS, strict=True):
            # momentum 1: the statistics are those of the last batch
            normal = nn.BatchNorm1d(channels, momentum=1.0)
            parts += [nn.Conv1d(width, channels, kernel, bias=False), normal, nn.ReLU()]
            width = channels
        self.stack = nn.Sequential(*parts)
        self.register_buffer("length", torch.tensor(length))
        self.register_buffer("late", torch.tensor(0))
        self.register_buffer("memory", torch.zeros(centres, width))
        # sample numbers of the first and the last patch that each centre stands for
        self.register_buffer("first", torch.zeros(centres, dtype=torch.int64))
        self.register_buffer("last", torch.zeros(centres, dtype=torch.int64))

    def forward(self, points: Tensor, step: int = 1) -> Tensor:
        """Embed patches of stretches, one each ``step`` points: (B, K, P + L - 1 + 2 * 7) to (B, ceil(P / step), D)."""
        features = self.stack(points)  # (B, D, P + L - 1)
        return nn.functional.avg_pool1d(features, int(self.length), stride=step).transpose(1, 2)  # (B, P / step, D)

    def healthy(self) -> Texture:
        """Forget when the patches were seen: each counts as usual at its own moment too."""
        forgetful = copy.deepcopy(self)
        forgetful.first.fill_(NEVER)
        forgetful.last.fill_(NEVER)
        return forgetful

    def tensors(self) -> dict[str, Tensor]:
        """Give everything that must be kept, by name."""
        return dict(self.state_dict())

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], config: TextureConfig) -> Texture:
        """Rebuild from :meth:`tensors`.

        Raises:
            CheckpointError: when the tensors belong to another architecture.
        """
        if missing := {"stack.0.weight", "length", "memory", "first", "last"} - tensors.keys():
            raise CheckpointError(f"texture: expected the tensor {min(missing)!r}, got none; train again")
        width, centres = tensors["stack.0.weight"].shape[1], len(tensors["memory"])
        texture = cls(width, int(tensors["length"]), config, centres)
        fill_module(texture, tensors, "texture")
        return texture.eval().requires_grad_(False)


def fit_texture(
    view: Float32,
    ticks: Int64,
    config: TextureConfig,
    *,
    length: int,
    seed: int,
    log: Log,
    ahead: int | None = None,
    progress: Progress = no_progress,
) -> Texture:
    """Learn the usual textures of a recording.

    Args:
        view: (T, K) values in units of their usual deviation, T >= 1.
        ticks: (T,) their sample numbers.
        config: sizes and steps.
        length: L, points per patch; less where the recording is short.
        seed: of weights, batches and centres.
        log: called with "texture/loss" and "texture/centres".
        ahead: points that a score may look at from its own on: patches that reach further do not count for it. L + 7,
            which leaves none out, when omitted.
        progress: called as ("detector/texture", step, steps + 1); the centres are the last step.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> quiet = lambda path, value: None
        >>> texture = fit_texture(wave, np.arange(500), TextureConfig(), length=32, seed=0, log=quiet)
        >>> tuple(texture.memory.shape), int(texture.length)
        ((51, 64), 32)
    """
    length = max(patch_length(length, len(view)), 2)  # a single value has no spread to be divided by
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "texture", length, "weights"))
        texture = Texture(view.shape[1], length, config).train()
        rng, cut = derive_rng(seed, "texture", "batches"), partial(_cut, view, length)
        texture.late.fill_(0 if ahead is None else max(length + EDGE - ahead, 0))
        losses = train_triplets(texture, cut, config, points=len(view), length=length, rng=rng)
        for step, loss in enumerate(losses, start=1):
            log("texture/loss", loss)
            progress("detector/texture", step, config.steps + 1)
    patches = max(len(view) - length + 1, 1)
    size = min(_CROP, patches)
    starts = np.unique(np.linspace(0, patches - size, min(_CROPS, -(-patches // size))).astype(np.int64))
    crops = cut(starts, size)
    with torch.no_grad():
        texture(crops)  # settles the statistics of the normalisation
        texture.eval().requires_grad_(False)
        usual = _unit(texture(crops).flatten(0, 1)).numpy()  # (N, D)
    centres = _centres(usual, config.size, seed)
    at = (starts[:, None] + np.arange(size)).ravel()
    first, last = _moments(centres, usual, ticks[at].astype(np.int64))
    texture.memory, texture.first, texture.last = (torch.from_numpy(each) for each in (centres, first, last))
    log("texture/centres", len(texture.memory))
    progress("detector/texture", config.steps + 1, config.steps + 1)
    return texture


@torch.no_grad()
def texture_distance(texture: Texture, view: Float32, ticks: Int64, *, batch: int = 4096) -> Float32:
    """Give each point's distance from the usual textures.

    Args:
        texture: of the same series.
        view: (T, K), in the same units; T >= 1.
        ticks: (T,) sample numbers: a centre whose patches all overlap a patch in time is no neighbour of it.
        batch: patches embedded at once, about; bounds the memory, does not change the result.

    Returns:
        (T,) float32 in [0, 4]: squared distance of unit vectors, 2 (1 - cosine), mean of the three nearest centres
        (of the nearest where all overlap), mean over the patches that cover the point.

    Example:
        >>> wave = np.sin(np.arange(500, dtype=np.float32) / 5)[:, None]
        >>> quiet = lambda path, value: None
        >>> texture = fit_texture(wave, np.arange(500), TextureConfig(), length=32, seed=0, log=quiet)
        >>> wave[300:310] += 3
        >>> 290 <= int(texture_distance(texture, wave, np.arange(500)).argmax()) < 320
        True
    """
    length = int(texture.length)
    step, patches = step_of(length), max(len(view) - length + 1, 1)
    lead = patches + length - 1 - len(view)  # points that a short recording is continued by, to the left
    distances, size = [], max(batch // step, 1) * step
    for low in range(0, patches, size):
        points = _cut(view, length, np.array([low - lead]), min(size, patches - low))
        embedded = _unit(texture(points, step)[0]).numpy()
        moments = ticks[np.minimum(low + step * np.arange(len(embedded)), len(ticks) - 1)]
        distances.append(_nearest(texture, embedded, moments.astype(np.int64)))
    return over_points(np.concatenate(distances), length, len(view), step=step, late=int(texture.late))


def _nearest(texture: Texture, embedded: Float32, ticks: Int64) -> Float32:
    """Mean squared distance (B,) to the three nearest centres that stand for a patch elsewhere in time."""
    memory = texture.memory.numpy()
    sizes = np.square(embedded).sum(axis=1)[:, None] + np.square(memory).sum(axis=1)  # 2, or less where all is 0
    squared = np.maximum(sizes - 2 * embedded @ memory.T, 0)  # (B, M)
    far = int(texture.length) + 2 * EDGE
    first, last = texture.first.numpy(), texture.last.numpy()
    alone = (first > ticks[:, None] - far) & (last < ticks[:, None] + far)
    kept = np.where(alone, np.inf, squared)
    count = min(_NEAREST, kept.shape[1])
    kept = np.partition(kept, count - 1, axis=1)[:, :count]
    known = np.isfinite(kept)
    total = np.where(known, kept, 0).sum(axis=1)
    return np.asarray(np.where(known[:, 0], total / np.maximum(known.sum(axis=1), 1), squared.min(axis=1)), np.float32)


def _cut(view: Float32, length: int, starts: Int64, patches: int) -> Tensor:
    """Cut stretches of P patches: (B, K, P + L - 1 + 2 * 7); the recording's first and last values go on beyond it."""
    offsets = np.arange(-EDGE, patches + length - 1 + EDGE)
    rows = np.clip(starts[:, None] + offsets, 0, len(view) - 1)
    return torch.from_numpy(np.arcsinh(view[rows])).transpose(1, 2).contiguous()


def _unit(embedded: Tensor) -> Tensor:
    return nn.functional.normalize(embedded, dim=-1).contiguous()


def _moments(centres: Float32, usual: Float32, ticks: Int64) -> tuple[Int64, Int64]:
    """Give the first and the last moment (M,) of the patches that each centre stands for; 0 where it is none."""
    nearest = np.argmax(usual @ centres.T, axis=1)
    first, last = np.full(len(centres), np.iinfo(np.int64).max), np.full(len(centres), np.iinfo(np.int64).min)
    np.minimum.at(first, nearest, ticks)
    np.maximum.at(last, nearest, ticks)
    empty = first > last
    return np.where(empty, 0, first), np.where(empty, 0, last)


def _centres(usual: Float32, size: int, seed: int) -> Float32:
    drawn = usual[derive_rng(seed, "texture", "sample").permutation(len(usual))[:_SAMPLE]]
    count = max(min(size, len(drawn) // _SHARE), 1)
    number = derive_seed(seed, "texture", "centres")
    means = faiss.Kmeans(drawn.shape[1], count, niter=_ROUNDS, seed=number, spherical=True, min_points_per_centroid=1)
    means.train(drawn)
    return np.array(means.centroids, np.float32)
