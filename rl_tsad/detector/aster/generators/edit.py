"""What all generators share: where to edit a window, how strongly, and which positions really changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

FLOOR = 0.02  # robust units; less noise than this counts as this much
LARGEST = 2.5  # edits of hardness 0 reach this far, in units of the tape (arcsinh of usual deviations)
_NEAR = 2  # positions between two changed ones that count as changed too
_TAPER = 4  # points over which a soft edge rises


class Generator(Protocol):
    """Whatever turns real windows into pseudo-anomalous ones.

    A generator edits *some* positions of *target* channels and leaves the rest as it is, so that the classifier has to
    find the place; exogenous channels are never edited.
    """

    def __call__(
        self, windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Edit windows.

        Args:
            windows: (B, L, W) real windows.
            targets: (B, W) 1 for a target channel, 0 for an exogenous or padding one.
            hardness: in [0, 1]; higher means smaller and shorter edits.
            noise: source of randomness.

        Returns:
            (B, L, W) windows and (B, L) bool, the positions that really changed (:func:`changed`).
        """


@dataclass(frozen=True)
class Place:
    """Where windows are edited.

    Attributes:
        mask: (B, L, W) in [0, 1]; 0 stays as it is.
        first, last: (B, 1) int64, first position and the one after the last, within the window.
        noise: (B, 1, W) how noisy each channel is (:func:`noise_scale`).
    """

    mask: Tensor
    first: Tensor
    last: Tensor
    noise: Tensor


def draw_place(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator, *, least: int = 1) -> Place:
    """Draw one interval a window and the target channels that it touches.

    Lengths are log-uniform, from ``least`` to the whole window (half of it at hardness 1); the interval may begin
    before the window or end after it. Half of the windows have one touched channel, the others about half of all. One
    edit in two has soft edges, so that an edge alone gives nothing away.

    Example:
        >>> place = draw_place(torch.zeros(9, 16, 2), torch.tensor([[1.0, 0.0]]).expand(9, 2), 0.5, torch.Generator())
        >>> tuple(place.mask.shape), float(place.mask[:, :, 1].max())
        ((9, 16, 2), 0.0)
    """
    rows, length, _ = windows.shape
    most = max(least, round(length * (1 - 0.5 * hardness)))
    share = torch.rand(rows, 1, generator=noise)
    size = (least * (most / least) ** share).round().long()  # (B, 1)
    start = (torch.rand(rows, 1, generator=noise) * (length + size - 1)).long() - size + 1
    first, last = start.clamp_min(0), (start + size).clamp_max(length)
    position = torch.arange(length)
    inside = (position >= first) & (position < last)
    rise = torch.minimum(position - start + 1, start + size - position) / _TAPER  # (B, L)
    soft = (torch.rand(rows, 1, generator=noise) < 0.5) & (size > 2 * _TAPER)
    mask = torch.where(soft, rise.clamp(0, 1), torch.ones(())) * inside
    mask = mask[:, :, None] * draw_channels(targets, noise)[:, None]  # (B, L, W)
    return Place(mask, first, last, noise_scale(windows))


def draw_channels(targets: Tensor, noise: torch.Generator) -> Tensor:
    """Draw which target channels (B, W) an edit touches: one in half of the rows, else each with probability 1/2.

    Example:
        >>> draw_channels(torch.tensor([[1.0, 0.0]]), torch.Generator()).tolist()
        [[1.0, 0.0]]
    """
    luck = torch.rand(targets.shape, generator=noise) * targets + targets  # (B, W)
    best = functional.one_hot(luck.argmax(dim=1), targets.shape[1])
    several = torch.rand(len(targets), 1, generator=noise) < 0.5
    return torch.maximum(best, (several & (luck > 1.5)).long()) * targets


def noise_scale(windows: Tensor) -> Tensor:
    """Estimate how noisy each channel of each window is: (B, 1, W), at least ``FLOOR``.

    1.4826 MAD of second differences over sqrt(6), exact for white noise and deaf to what moves smoothly.

    Example:
        >>> noise_scale(torch.arange(8.0).reshape(1, 8, 1)).tolist()
        [[[0.019999999552965164]]]
    """
    if windows.shape[1] < 3:
        return torch.full_like(windows[:, :1], FLOOR)
    bend = windows[:, 2:] - 2 * windows[:, 1:-1] + windows[:, :-2]
    return (1.4826 / math.sqrt(6) * bend.abs().median(dim=1, keepdim=True).values).clamp_min(FLOOR)


def draw_strength(scale: Tensor, hardness: float, noise: torch.Generator) -> Tensor:
    """Draw how far an edit moves points: log-uniform from a few times the noise to what is drastic.

    Args:
        scale: (B, 1, W) how noisy each channel is.
        hardness: in [0, 1].
        noise: source of randomness.

    Returns:
        (B, 1, W) > 0.

    Example:
        >>> strength = draw_strength(torch.ones(5, 1, 1), 1.0, torch.Generator())
        >>> bool((strength < draw_strength(torch.ones(5, 1, 1), 0.0, torch.Generator())).all())
        True
    """
    low = (4 - 3 * hardness) * scale
    high = torch.maximum(LARGEST * (1 - 0.6 * hardness) * torch.ones_like(low), 2 * low)
    share = torch.rand(len(scale), 1, 1, generator=noise)
    return low * (high / low) ** share


def changed(before: Tensor, after: Tensor, targets: Tensor, scale: Tensor) -> Tensor:
    """Find the positions at which a target channel moved by more than its noise; short breaks are filled.

    Args:
        before: (B, L, W) real windows.
        after: (B, L, W) the same, edited.
        targets: (B, W) 1 for a target channel, else 0.
        scale: (B, 1, W) how noisy each channel is.

    Returns:
        (B, L) bool.

    Example:
        >>> after = torch.zeros(1, 6, 1)
        >>> after[0, 2] = 1
        >>> changed(torch.zeros(1, 6, 1), after, torch.ones(1, 1), torch.full((1, 1, 1), 0.5)).long().tolist()
        [[0, 0, 1, 0, 0, 0]]
    """
    moved = ((after - before).abs() > scale) & (targets[:, None] > 0)
    return fill_breaks(moved.any(dim=2))


def fill_breaks(marked: Tensor) -> Tensor:
    """Mark what lies between two marked positions at most ``2 * _NEAR`` apart (morphological closing of (B, L)).

    Example:
        >>> fill_breaks(torch.tensor([[True, False, False, True, False, False]])).long().tolist()
        [[1, 1, 1, 1, 0, 0]]
    """
    wide = functional.pad(marked.float()[:, None], (2 * _NEAR, 2 * _NEAR))
    grown = functional.max_pool1d(wide, 2 * _NEAR + 1, stride=1)
    shrunk = -functional.max_pool1d(-grown, 2 * _NEAR + 1, stride=1)
    return shrunk[:, 0] > 0.5


def normal(windows: Tensor, noise: torch.Generator) -> Tensor:
    """Draw standard normal numbers in the shape of windows.

    Example:
        >>> tuple(normal(torch.zeros(2, 3, 1), torch.Generator()).shape)
        (2, 3, 1)
    """
    return torch.randn(windows.shape, generator=noise)
