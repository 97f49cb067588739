"""Another rhythm: faster, slower, smoothed, or with an oscillation on top."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from rl_tsad.detector.aster.generators.edit import changed, draw_place, draw_strength

_SMOOTH = 7  # points that a smoothed value averages


def frequency(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Stretch, smooth or shake what lies in the interval, one of the three a window, drawn at random.

    See :class:`rl_tsad.detector.aster.generators.edit.Generator`.

    Example:
        >>> made, positions = frequency(torch.zeros(4, 16, 1), torch.ones(4, 1), 0.0, torch.Generator())
        >>> made.shape, positions.dtype
        (torch.Size([4, 16, 1]), torch.bool)
    """
    place = draw_place(windows, targets, hardness, noise, least=4)
    made = torch.stack(
        [
            _stretch(windows, place.first, hardness, noise),
            _smooth(windows),
            _shake(windows, draw_strength(place.noise, hardness, noise), noise),
        ]
    )
    kind = torch.randint(len(made), (len(windows),), generator=noise)
    made = torch.lerp(windows, made[kind, torch.arange(len(windows))], place.mask)
    return made, changed(windows, made, targets, place.noise)


def _stretch(windows: Tensor, first: Tensor, hardness: float, noise: torch.Generator) -> Tensor:
    """Play the window at 1.3 to 3 times its speed, or as much slower, from the interval's first point on."""
    length = windows.shape[1]
    rate = math.log(1.3) + torch.rand(len(windows), 1, generator=noise) * (1 - 0.5 * hardness) * math.log(2.3)
    rate = torch.exp(torch.where(torch.rand(rate.shape, generator=noise) < 0.5, -rate, rate))
    when = first + (torch.arange(length) - first) * rate  # (B, L)
    when = when.remainder(2 * (length - 1))
    when = torch.minimum(when, 2 * (length - 1) - when)  # reflected at the ends
    low = when.floor().long().clamp(0, length - 2)[:, :, None].expand_as(windows)
    return torch.lerp(windows.gather(1, low), windows.gather(1, low + 1), (when - when.floor())[:, :, None])


def _smooth(windows: Tensor) -> Tensor:
    columns = functional.pad(windows.transpose(1, 2), (_SMOOTH // 2, _SMOOTH // 2), mode="replicate")
    return functional.avg_pool1d(columns, _SMOOTH, stride=1).transpose(1, 2)


def _shake(windows: Tensor, strength: Tensor, noise: torch.Generator) -> Tensor:
    """Add a sine of 3 points up to a window's period."""
    rows, length, width = windows.shape
    period = 3 * (length / 3) ** torch.rand(rows, 1, 1, generator=noise)
    phase = 2 * math.pi * torch.rand(rows, 1, width, generator=noise)
    wave = torch.sin(2 * math.pi * torch.arange(length)[:, None] / period + phase)  # (B, L, W)
    return windows + strength * wave
