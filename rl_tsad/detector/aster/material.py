"""Which real windows train ASTER and which only validate it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from rl_tsad.detector.track import Track
from rl_tsad.types import Bool, Int64

_HELD = ((0.3, 0.4), (0.7, 0.8))  # shares of the windows, in time order, that are held out
_FEWEST = 20  # windows below which nothing is held out


@dataclass(frozen=True)
class Material:
    """Windows to draw from.

    Attributes:
        track: the tape.
        starts: (M,) int64 where windows start on it.
        owners: (M,) int64, the original window whose roles each has.
        roles: (W,) or (N, W) of the original windows, 1 for a target.
    """

    track: Track
    starts: Int64
    owners: Int64
    roles: Tensor

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Draw (B, L, W) windows with replacement, and (B, W) their roles."""
        rows = rng.integers(len(self.starts), size=count)
        windows = Track(self.track.values, self.starts, self.track.length).take(rows)
        roles = self.roles if self.roles.ndim == 1 else self.roles[self.owners[rows]]
        return windows, roles.expand(count, -1)


def split_material(track: Track, roles: Tensor) -> tuple[Material, Material]:
    """Split windows into those that train and those that validate, in blocks of time.

    Windows may start anywhere between two that overlap and follow one another: they cover no other points and cross no
    gap. With few windows all of them do both.

    Args:
        track: N windows, none of which crosses a gap.
        roles: (W,) or (N, W), 1 for a target.

    Example:
        >>> import torch
        >>> tape = np.zeros((99, 1), np.float32)
        >>> train, held = split_material(Track(tape, np.arange(0, 84, 4), 16), torch.ones(1))
        >>> len(train.starts), len(held.starts)
        (59, 10)
    """
    share = np.arange(len(track)) / max(1, len(track))
    held = np.any([(share >= low) & (share < high) for low, high in _HELD], axis=0)
    if len(track) < _FEWEST:
        return (_between(track, held | True, roles),) * 2
    return _between(track, ~held, roles), _between(track, held, roles)


def _between(track: Track, used: Bool, roles: Tensor) -> Material:
    rows = np.flatnonzero(used)
    step = np.diff(track.starts[rows], append=0)
    follows = np.diff(rows, append=-1) == 1
    room = np.where(follows & (step > 0) & (step < track.length), step, 1)
    offset = np.arange(room.sum()) - np.repeat(np.cumsum(room) - room, room)
    return Material(track, np.repeat(track.starts[rows], room) + offset, np.repeat(rows, room), roles)
