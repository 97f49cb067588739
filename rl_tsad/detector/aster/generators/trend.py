"""Another level, slope or amplitude: shifts, ramps, stuck values, swings that grow or fade."""

from __future__ import annotations

import torch
from torch import Tensor

from rl_tsad.detector.aster.generators.edit import changed, draw_place, draw_strength


def trend(windows: Tensor, targets: Tensor, hardness: float, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Shift, ramp, hold or scale what lies in the interval, one of the four a window, drawn at random.

    See :class:`rl_tsad.detector.aster.generators.edit.Generator`.

    Example:
        >>> made, positions = trend(torch.zeros(4, 16, 1), torch.ones(4, 1), 0.0, torch.Generator())
        >>> made.shape, positions.dtype
        (torch.Size([4, 16, 1]), torch.bool)
    """
    place = draw_place(windows, targets, hardness, noise, least=2)
    sign = torch.where(torch.rand(len(windows), 1, windows.shape[2], generator=noise) < 0.5, -1.0, 1.0)
    strength = sign * draw_strength(place.noise, hardness, noise)  # (B, 1, W)
    position = torch.arange(windows.shape[1])
    size = (place.last - place.first).clamp_min(1)
    rise = ((position - place.first + 1) / size).clamp(0, 1)[:, :, None]  # (B, L, 1)
    at_first = place.first[:, :, None].expand(-1, 1, windows.shape[2])
    held = windows.gather(1, at_first) + torch.zeros_like(windows)
    middle = windows.median(dim=1, keepdim=True).values
    factor = torch.exp(sign * (0.5 + (1 - hardness) * torch.rand(sign.shape, generator=noise)))
    made = torch.stack([windows + strength, windows + strength * rise, held, middle + factor * (windows - middle)])
    kind = torch.randint(len(made), (len(windows),), generator=noise)
    made = torch.lerp(windows, made[kind, torch.arange(len(windows))], place.mask)
    return made, changed(windows, made, targets, place.noise)
