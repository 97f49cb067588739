"""Windows of many series on one tape: scaled once, cut on demand, so that a network can draw batches without copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from rl_tsad.errors import DataError
from rl_tsad.types import Bool, Float32, Int64


@dataclass(frozen=True)
class Track:
    """Scaled series, one after the other, and where windows start on them.

    Attributes:
        values: (T, W) float32, arcsinh of robustly scaled values (so that far outliers weigh little more than near
            ones); narrower series are padded with zeros on the right.
        starts: (N,) int64 window starts on the tape.
        length: L, points per window.
    """

    values: Float32
    starts: Int64
    length: int

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: Int64) -> torch.Tensor:
        """Cut windows: (B, L, W) float32.

        Example:
            >>> track = Track(np.zeros((6, 1), np.float32), np.array([0, 2]), 4)
            >>> tuple(track.take(np.array([1])).shape)
            (1, 4, 1)
        """
        view = sliding_window_view(self.values, self.length, axis=0)  # (T - L + 1, W, L)
        return torch.from_numpy(view[self.starts[rows]]).transpose(1, 2).contiguous()  # (B, L, W)

    def keep(self, rows: Bool) -> Track:
        """Keep some of the windows.

        Example:
            >>> len(Track(np.zeros((6, 1), np.float32), np.array([0, 2]), 4).keep(np.array([True, False])))
            1
        """
        return Track(self.values, self.starts[rows], self.length)


def lay_track(values: Sequence[Float32], starts: Sequence[Int64], *, length: int, width: int) -> Track:
    """Lay scaled series one after the other.

    Args:
        values: per series (T_i, C_i) float32 scaled values.
        starts: per series window starts.
        length: L, points per window.
        width: W, channels on the tape.

    Raises:
        DataError: when a series has more channels than the tape.

    Example:
        >>> parts = [np.ones((5, 1), np.float32), np.ones((4, 2), np.float32)]
        >>> track = lay_track(parts, [np.array([0]), np.array([0])], length=4, width=2)
        >>> track.starts.tolist(), track.values.shape
        ([0, 5], (9, 2))
    """
    widest = max(part.shape[1] for part in values)
    if widest > width:
        raise DataError(
            f"expected series of at most {width} channels, as in training, got {widest}; train again with this series "
            "in the pool"
        )
    offsets = np.cumsum([0, *(len(part) for part in values)])
    tape = np.zeros((int(offsets[-1]), width), np.float32)
    for part, offset in zip(values, offsets[:-1], strict=True):
        np.arcsinh(part, out=tape[offset : offset + len(part), : part.shape[1]])
    moved = [own + offset for own, offset in zip(starts, offsets[:-1], strict=True)]
    return Track(tape, np.concatenate(moved).astype(np.int64), length)
