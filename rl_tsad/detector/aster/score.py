"""What a trained ASTER says of windows, streamed so that memory does not grow with the recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rl_tsad.detector.aster.model import Aster
from rl_tsad.detector.track import Track
from rl_tsad.types import Float32, Int64


@dataclass(frozen=True)
class AsterScores:
    """What ASTER says of N windows, each of which decides its span, its last S = stride points.

    Attributes:
        window: (N,) float32 in [0, 1], calibrated probability that the span holds an anomaly.
        points: (N, S) float32 in [0, 1], calibrated probability of each of the span's points.
        error: (N, S) float32 >= 0, the VAE's error at each of the span's points: root mean square over the two
            worst targets, in units of the tape.
        embedding: (N, D) float32, the classifier's summary token.
    """

    window: Float32
    points: Float32
    error: Float32
    embedding: Float32

    def __len__(self) -> int:
        return len(self.window)


@torch.no_grad()
def judge_aster(
    aster: Aster,
    track: Track,
    *,
    stride: int,
    targets: Float32 | None = None,
    hindsight: bool = False,
    batch: int = 1024,
) -> AsterScores:
    """Judge windows in batches; nothing of the size N x L x W is ever held.

    Args:
        aster: trained.
        track: N windows.
        stride: S, points in a window's span.
        targets: (W,) or (N, W), 1 for a channel that is scored, 0 for an exogenous or padding one; all ones when
            omitted.
        hindsight: points and errors are means over all windows that hold a position, later ones too (more exact, for
            recordings that are complete), instead of what the deciding window says.
        batch: windows that go through the network at once.

    Example:
        >>> from rl_tsad.config import AsterConfig
        >>> track = Track(np.zeros((20, 1), np.float32), np.arange(12), 8)
        >>> scores = judge_aster(Aster(8, 1, AsterConfig()).eval(), track, stride=4)
        >>> scores.window.shape, scores.points.shape, scores.error.shape, scores.embedding.shape
        ((12,), (12, 4), (12, 4), (12, 32))
    """
    roles, count = roles_of(track, targets), len(track)
    window, embedding = np.empty(count, np.float32), np.empty((count, aster.config.width), np.float32)
    views = [_Views(track, stride, hindsight) for _ in range(2)]
    for low in range(0, count, batch):
        rows = np.arange(low, min(low + batch, count))
        used = (roles if roles.ndim == 1 else roles[rows]).expand(len(rows), -1)
        verdict, error = aster(track.take(rows), used)
        window[rows], embedding[rows] = torch.sigmoid(verdict.windows).numpy(), verdict.embedding.numpy()
        for view, seen in zip(views, (torch.sigmoid(verdict.points), worst_error(error, used)), strict=True):
            view.add(rows, seen.numpy())
    points, errors = (view.spans() for view in views)
    return AsterScores(window, points, errors, embedding)


class _Views:
    """Collects what windows say of their positions (N, L): the spans' (N, S), or means over the tape."""

    def __init__(self, track: Track, stride: int, hindsight: bool) -> None:
        self._ends = track.starts[:, None] + np.arange(track.length - stride, track.length)  # (N, S) on the tape
        self._starts, self._stride = track.starts, stride
        self._spans = np.empty(self._ends.shape, np.float32)
        size = len(track.values) if hindsight else 0
        self._sum, self._count = np.zeros(size), np.zeros(size)

    def add(self, rows: Int64, seen: Float32) -> None:
        if not len(self._sum):
            self._spans[rows] = seen[:, -self._stride :]
            return
        places = (self._starts[rows, None] + np.arange(seen.shape[1])).ravel()
        low, high = int(places.min()), int(places.max()) + 1
        self._sum[low:high] += np.bincount(places - low, seen.ravel(), high - low)
        self._count[low:high] += np.bincount(places - low, minlength=high - low)

    def spans(self) -> Float32:
        return (self._sum[self._ends] / self._count[self._ends]).astype(np.float32) if len(self._sum) else self._spans


def worst_error(errors: Tensor, targets: Tensor) -> Tensor:
    """Give the root mean square (B, S) of the two largest errors among the targets of (B, S, W).

    One faulty sensor among many is not averaged away.

    Example:
        >>> worst_error(torch.tensor([[[3.0, 4.0, 9.0]]]), torch.tensor([[1.0, 1.0, 0.0]])).round(decimals=2).tolist()
        [[3.5399999618530273]]
    """
    most = min(2, errors.shape[2])
    top = (errors.square() * targets[:, None]).topk(most, dim=2).values.sum(dim=2)
    return (top / targets.sum(dim=1).clamp(1, most)[:, None]).sqrt()


def roles_of(track: Track, targets: Float32 | None) -> Tensor:
    """Give targets as a tensor (W,) or (N, W), all ones where none are given.

    Example:
        >>> roles_of(Track(np.zeros((4, 2), np.float32), np.array([0]), 4), None).tolist()
        [1.0, 1.0]
    """
    width = track.values.shape[1]
    return torch.ones(width) if targets is None else torch.from_numpy(np.asarray(targets, np.float32))
